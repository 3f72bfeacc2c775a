//! A store that cannot be written for some time: what clients are told, and how soon it goes on.

use std::{collections::BTreeMap, net::TcpListener, process::Stdio, time::Duration};

use clap::ValueEnum;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep},
};

use crate::{Failure, server::Server};

/// Between two requests while nothing can be stored.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// What a message says, in bytes.
const MESSAGE_BYTES: usize = 20_000;

/// An outage of a store.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// What is away
    of: Of,
    /// For how long
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// How much room there is on the disk before it is full, in KiB
    #[arg(long, default_value_t = 4096)]
    room_kib: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Of {
    /// The disk is full, and has room again
    Disk,
    /// The Redis is killed, and started again
    Redis,
}

pub(crate) async fn measure(args: &crate::Args, outage: &Args) -> Result<(), Failure> {
    let mut redis = match outage.of {
        Of::Redis => Some(Redis::start().await?),
        Of::Disk => None,
    };
    let url = redis.as_ref().map(Redis::url);
    let flags: Vec<&str> = url.iter().flat_map(|url| ["--sessions", url]).collect();
    let mut server = Server::start(args, "http://127.0.0.1:1", &flags).await?;
    if outage.of == Of::Disk {
        server = server.restart(args, Some(outage.room_kib), &flags).await?;
    }
    let mut stored = 0;
    let began = Instant::now();
    // Until the disk is full, or for a second.
    let is_enough = |began: Instant| redis.is_some() && began.elapsed() > Duration::from_secs(1);
    while !is_enough(began) && publish(&server, stored).await?.0 == 200 {
        stored += 1;
    }
    println!("{stored} messages of 20 kB were acknowledged");
    if let Some(redis) = &mut redis {
        redis.child.kill().await?;
    }
    let during = watch(&server, stored, Duration::from_secs(outage.seconds)).await?;
    println!("{during}");
    match &mut redis {
        Some(redis) => redis.begin()?,
        None => server.free_disk().await?,
    }
    let back = Instant::now();
    let (mut accepted, mut ready) = (None, None);
    while accepted.is_none() || ready.is_none() {
        if accepted.is_none() && publish(&server, stored).await?.0 == 200 {
            accepted = Some(back.elapsed());
            stored += 1;
        }
        if ready.is_none() && server.ask("GET", "/ready", &Value::Null).await?.0 == 200 {
            ready = Some(back.elapsed());
        }
        sleep(LOOK_EVERY).await;
    }
    let ms = |time: Option<Duration>| time.unwrap_or_default().as_secs_f64() * 1000.0;
    println!(
        "back: a message was accepted after {:.0} ms, /ready said 200 after {:.0} ms",
        ms(accepted),
        ms(ready)
    );
    let there = count(&server).await?;
    println!("{there} of {stored} acknowledged messages are there");
    if there == stored {
        Ok(())
    } else {
        Err("messages were lost".into())
    }
}

/// Publishes one message; the status and the code of the answer.
async fn publish(server: &Server, number: usize) -> Result<(u16, String), Failure> {
    let id = format!("m{number}");
    let message = json!({"type": "human", "id": id, "content": "x".repeat(MESSAGE_BYTES)});
    let changes = json!([
        {"type": "started", "message": message},
        {"type": "ended", "id": id, "status": "complete"},
    ]);
    let body = json!({"producer": "bench", "lease_ms": 60_000, "changes": changes});
    let (status, answer) = server.ask("POST", "/sessions/s/records", &body).await?;
    Ok((
        status,
        answer["code"].as_str().unwrap_or_default().to_owned(),
    ))
}

/// What is answered while nothing can be stored.
async fn watch(server: &Server, next: usize, time: Duration) -> Result<String, Failure> {
    let mut told = BTreeMap::<String, usize>::new();
    let mut longest = Duration::ZERO;
    let began = Instant::now();
    while began.elapsed() < time {
        let asked = Instant::now();
        let (status, code) = publish(server, next).await?;
        longest = longest.max(asked.elapsed());
        let (read, _) = server
            .ask("GET", "/sessions/s/messages?limit=1", &Value::Null)
            .await?;
        let (ready, _) = server.ask("GET", "/ready", &Value::Null).await?;
        *told
            .entry(format!(
                "publish {status} {code}, read {read}, /ready {ready}"
            ))
            .or_default() += 1;
        sleep(LOOK_EVERY).await;
    }
    Ok(format!(
        "for {} s: {told:?}; the longest refusal took {:.0} ms",
        time.as_secs(),
        longest.as_secs_f64() * 1000.0
    ))
}

/// The messages that the session has.
async fn count(server: &Server) -> Result<usize, Failure> {
    let (mut count, mut before) = (0, String::new());
    loop {
        let path = format!("/sessions/s/messages?limit=200{before}");
        let (_, page) = server.ask("GET", &path, &Value::Null).await?;
        let nodes = page["nodes"].as_array().ok_or("no page")?;
        count += nodes.len();
        if page["has_older"] != json!(true) {
            return Ok(count);
        }
        before = format!("&before={}", nodes[0]["position"]);
    }
}

/// A Redis that keeps what it acknowledges.
struct Redis {
    directory: TempDir,
    port: u16,
    child: Child,
}

impl Redis {
    async fn start() -> Result<Self, Failure> {
        let directory = tempfile::tempdir()?;
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let child = run(&directory, port)?;
        let redis = Self {
            directory,
            port,
            child,
        };
        while tokio::net::TcpStream::connect(("127.0.0.1", port))
            .await
            .is_err()
        {
            sleep(LOOK_EVERY).await;
        }
        Ok(redis)
    }

    fn begin(&mut self) -> Result<(), Failure> {
        self.child = run(&self.directory, self.port)?;
        Ok(())
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

fn run(directory: &TempDir, port: u16) -> Result<Child, Failure> {
    let child = Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
        .args([
            "--save",
            "",
            "--appendonly",
            "yes",
            "--appendfsync",
            "always",
        ])
        .arg("--dir")
        .arg(directory.path())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    Ok(child)
}
