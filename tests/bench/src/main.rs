//! Readers and agents, as many as are asked for, on a real `rejoin-server`: how much memory it takes, how far readers lag
//! behind the agents, and whether anything is lost.
//!
//! The agents are the server's own (`openai`), whose model is in this process and says when it said each token. So a lag
//! is the whole way: model, agent, session, reader. See the README beside this for the command and what was measured.

#![allow(clippy::print_stdout, reason = "a report is what it is for")]

mod crowd;
mod lag;
mod model;
mod outage;
mod readers;
mod server;
mod threads;

use std::{path::PathBuf, time::Duration};

use clap::{Parser, Subcommand};
use tokio::time::Instant;

use lag::Lag;
use readers::{Outcome, Reader};
use server::Server;

/// What went wrong, in words.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Loads a rejoin-server with readers and agents, and reports what it takes.
#[derive(Parser)]
struct Args {
    #[command(subcommand)]
    other: Option<Other>,
    /// The server's binary; build it with --release
    #[arg(long, global = true, default_value = "target/release/rejoin-server")]
    server: PathBuf,
    /// How many read
    #[arg(long, default_value_t = 1000)]
    readers: usize,
    /// How many agents stream; readers are spread over them
    #[arg(long, default_value_t = 50)]
    agents: usize,
    /// Tokens a second, of each agent
    #[arg(long, default_value_t = 100)]
    rate: u32,
    /// For how long the agents stream
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Readers besides that stop reading once they are connected
    #[arg(long, default_value_t = 0)]
    stalled: usize,
    /// Connections besides that say nothing
    #[arg(long, default_value_t = 0)]
    idle: usize,
    /// Connections besides that send a request's head a byte at a time
    #[arg(long, default_value_t = 0)]
    slow: usize,
    /// Where sessions are stored, such as redis://127.0.0.1:6379; the server's own directory otherwise
    #[arg(long, global = true)]
    sessions: Option<String>,
    /// Where the server's directory is made: a place on the disk that is to be measured
    #[arg(long, global = true, default_value = "target")]
    data: PathBuf,
}

/// What else is measured.
#[derive(Subcommand)]
enum Other {
    /// A disk that is full and has room again, or a Redis that is gone and comes back
    Outage(outage::Args),
    /// One client that makes many threads
    Threads(threads::Args),
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let args = Args::parse();
    match &args.other {
        Some(Other::Outage(outage)) => return outage::measure(&args, outage).await,
        Some(Other::Threads(threads)) => return threads::measure(&args, threads).await,
        None => {}
    }
    let start = Instant::now();
    let tokens = args.rate * args.seconds;
    let pace = Duration::from_secs(1) / args.rate;
    let model = model::serve(start, tokens, pace).await?;
    let server = Server::start(&args, &model.base_url, &[]).await?;
    println!("{} MB of memory with nobody there", server.resident_mb());

    let mut threads = Vec::new();
    for _ in 0..args.agents {
        threads.push(server.thread().await?);
    }
    let readers: Vec<_> = (0..args.readers)
        .map(|index| {
            let thread = &threads[index % threads.len()];
            Reader::start(server.address(), thread, start, tokens)
        })
        .collect();
    let crowd = crowd::gather(server.address(), args.idle, args.slow).await?;
    let stalled = readers::stall(server.address(), &threads, args.stalled).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    println!(
        "{} MB with {} readers that wait",
        server.resident_mb(),
        args.readers
    );

    for thread in &threads {
        server.run(thread).await?;
    }
    model.begin(args.agents).await;
    let watched = tokio::spawn(server::watch_memory(server.pid(), args.seconds));
    let deadline = Duration::from_secs(u64::from(args.seconds) + 60);
    let mut outcomes = Vec::new();
    for reader in readers {
        outcomes.push(reader.outcome(deadline).await);
    }
    let took = model.begun().elapsed();
    report(&args, &outcomes, took);
    let memory = watched.await?;
    println!(
        "memory, MB: {memory:?}\nmost: {} MB; cpu of the server: {:.0} s in {:.0} s",
        server.most_resident_mb(),
        server.cpu().as_secs_f64(),
        took.as_secs_f64(),
    );
    if args.idle + args.slow > 0 {
        println!("{}", crowd.told());
    }
    drop(stalled);
    let lost = outcomes
        .iter()
        .filter(|outcome| !outcome.is_whole())
        .count();
    if lost > 0 {
        return Err(format!("{lost} readers lost something").into());
    }
    Ok(())
}

fn report(args: &Args, outcomes: &[Outcome], took: Duration) {
    let mut lag = Lag::default();
    for outcome in outcomes {
        lag.add(&outcome.lag);
    }
    let whole = outcomes.iter().filter(|outcome| outcome.is_whole()).count();
    let had: u64 = outcomes.iter().map(|outcome| outcome.tokens).sum();
    let snapshots: u64 = outcomes.iter().map(|outcome| outcome.snapshots).sum();
    let bytes: u64 = outcomes.iter().map(|outcome| outcome.bytes).sum();
    let rate = |count: u64| {
        f64::from(u32::try_from(count / 1000).unwrap_or(u32::MAX)) / took.as_secs_f64()
    };
    println!(
        "{} agents at {} tokens/s for {} s, {} readers and {} that stopped reading: done after {:.1} s",
        args.agents,
        args.rate,
        args.seconds,
        args.readers,
        args.stalled,
        took.as_secs_f64()
    );
    println!(
        "{whole} of {} readers had every token once and in order",
        outcomes.len()
    );
    for outcome in outcomes
        .iter()
        .filter(|outcome| !outcome.is_whole())
        .take(5)
    {
        println!("  not whole: {}", outcome.told());
    }
    println!(
        "{had} tokens delivered ({:.0} thousand a second), {} MB, {snapshots} snapshots",
        rate(had),
        bytes / 1_000_000
    );
    println!("lag: {}", lag.told());
}
