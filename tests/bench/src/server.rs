//! The server that is measured: a process of its own.

use std::{net::SocketAddr, process::Stdio, time::Duration};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    process::{Child, Command},
};

use crate::{Args, Failure};

/// Of `/proc/{pid}/stat`: ticks of the clock in a second.
const TICKS_PER_SECOND: u64 = 100;

pub(crate) struct Server {
    address: SocketAddr,
    pid: u32,
    _child: Child,
    _data: TempDir,
}

impl Server {
    pub(crate) async fn start(args: &Args, model: &str) -> Result<Self, Failure> {
        let data = tempfile::tempdir_in(&args.data)?;
        let mut command = Command::new(&args.server);
        command
            .args(["--port", "0", "--log", "warn", "--data"])
            .arg(data.path());
        if let Some(url) = &args.sessions {
            command.args(["--sessions", url]);
        }
        let mut child = command
            .env("OPENAI_BASE_URL", model)
            .env("OPENAI_MODEL", "bench")
            .env_remove("OPENAI_API_KEY")
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let mut line = String::new();
        let out = child.stdout.take().ok_or("no standard output")?;
        BufReader::new(out).read_line(&mut line).await?;
        let url = line.trim().rsplit("http://").next().unwrap_or_default();
        Ok(Self {
            address: url.parse().map_err(|_| format!("no address: {line}"))?,
            pid: child.id().ok_or("it has ended")?,
            _child: child,
            _data: data,
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    pub(crate) async fn thread(&self) -> Result<String, Failure> {
        let thread = self.post("/threads", json!({})).await?;
        Ok(thread["thread_id"].as_str().ok_or("no thread")?.to_owned())
    }

    /// Starts a run of the agent whose model is here.
    pub(crate) async fn run(&self, thread: &str) -> Result<(), Failure> {
        let body = json!({
            "assistant_id": "openai",
            "input": {"messages": [{"type": "human", "content": "go"}]},
        });
        self.post(&format!("/threads/{thread}/runs"), body).await?;
        Ok(())
    }

    async fn post(&self, path: &str, body: Value) -> Result<Value, Failure> {
        let mut stream = TcpStream::connect(self.address).await?;
        let body = body.to_string();
        let length = body.len();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: bench\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
        );
        stream.write_all((head + &body).as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let (head, body) = answer.split_once("\r\n\r\n").ok_or("no answer")?;
        if !head.starts_with("HTTP/1.1 2") {
            return Err(format!("{path}: {answer}").into());
        }
        Ok(serde_json::from_str(body)?)
    }

    pub(crate) fn resident_mb(&self) -> u64 {
        status_mb(self.pid, "VmRSS:")
    }

    pub(crate) fn most_resident_mb(&self) -> u64 {
        status_mb(self.pid, "VmHWM:")
    }

    /// The time that it has computed.
    pub(crate) fn cpu(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
        let fields = stat.rsplit(") ").next().unwrap_or_default().split(' ');
        // The 14th and the 15th of all; the first two are the id and the name.
        let ticks: u64 = fields
            .skip(11)
            .take(2)
            .filter_map(|field| field.parse::<u64>().ok())
            .sum();
        Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND)
    }
}

/// What it takes, every five seconds.
pub(crate) async fn watch_memory(pid: u32, seconds: u32) -> Vec<u64> {
    let mut seen = Vec::new();
    for _ in 0..seconds.div_ceil(5) {
        tokio::time::sleep(Duration::from_secs(5)).await;
        seen.push(status_mb(pid, "VmRSS:"));
    }
    seen
}

fn status_mb(pid: u32, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or_default() / 1024
}
