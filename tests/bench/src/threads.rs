//! One client that makes many threads: how fast, and what they cost.

use serde_json::json;
use tokio::time::Instant;

use crate::{Failure, server::Server};

/// The threads of one client.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many it may have; it asks for one more
    #[arg(long, default_value_t = 10_000)]
    count: usize,
    /// How many requests are under way at once
    #[arg(long, default_value_t = 8)]
    at_once: usize,
}

pub(crate) async fn measure(args: &crate::Args, threads: &Args) -> Result<(), Failure> {
    let most = threads.count.to_string();
    let flags = ["--threads-max", most.as_str()];
    let server = Server::start(args, "http://127.0.0.1:1", &flags).await?;
    println!("{} MB of memory with no thread", server.resident_mb());
    let began = Instant::now();
    let mut left = threads.count;
    while left > 0 {
        let now = left.min(threads.at_once);
        let made = (0..now).map(|_| server.thread());
        futures_util::future::try_join_all(made).await?;
        left -= now;
    }
    let took = began.elapsed();
    println!(
        "{} threads by one client in {:.1} s, {} MB of memory, {} MB on the disk",
        threads.count,
        took.as_secs_f64(),
        server.resident_mb(),
        server.disk_bytes()? / 1_000_000
    );
    let (status, answer) = server.ask("POST", "/threads", &json!({})).await?;
    println!("one more: {status} {}", answer["code"]);
    let began = Instant::now();
    let (status, page) = server
        .ask("POST", "/threads/search", &json!({"limit": 10}))
        .await?;
    let listed = page.as_array().map_or(0, Vec::len);
    println!(
        "a search for {listed} of them: {status}, {:.0} ms",
        began.elapsed().as_secs_f64() * 1000.0
    );
    let began = Instant::now();
    let server = server.restart(args, None, &flags).await?;
    println!(
        "killed and started again in {:.0} ms, {} MB of memory",
        began.elapsed().as_secs_f64() * 1000.0,
        server.resident_mb()
    );
    Ok(())
}
