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
    child: Child,
    data: TempDir,
}

impl Server {
    /// Starts one with an empty directory.
    pub(crate) async fn start(args: &Args, model: &str, flags: &[&str]) -> Result<Self, Failure> {
        let data = tempfile::tempdir_in(&args.data)?;
        let program = args.server.to_str().ok_or("a path of UTF-8")?;
        Self::start_in(args, data, Command::new(program), model, flags).await
    }

    /// Kills it and starts it again, on a disk where no file may grow by more than so much.
    pub(crate) async fn restart(
        mut self,
        args: &Args,
        room_kib: Option<u64>,
        flags: &[&str],
    ) -> Result<Self, Failure> {
        self.child.kill().await?;
        let program = args.server.to_str().ok_or("a path of UTF-8")?;
        let command = match room_kib {
            None => Command::new(program),
            Some(room) => {
                let blocks = self.disk_bytes()? / 1024 + room;
                // The limit is inherited, so that writing fails as on a full disk.
                let script = format!("ulimit -S -f {blocks}; exec \"$0\" \"$@\"");
                let mut command = Command::new("bash");
                command.args(["-c", &script, program]);
                command
            }
        };
        Self::start_in(args, self.data, command, "http://127.0.0.1:1", flags).await
    }

    async fn start_in(
        args: &Args,
        data: TempDir,
        mut command: Command,
        model: &str,
        flags: &[&str],
    ) -> Result<Self, Failure> {
        command
            .args(["--port", "0", "--log", "off", "--data"])
            .arg(data.path())
            .args(flags);
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
            child,
            data,
        })
    }

    /// There is room on its disk again.
    pub(crate) async fn free_disk(&self) -> Result<(), Failure> {
        let pid = format!("--pid={}", self.pid);
        let set = Command::new("prlimit")
            .args([&pid, "--fsize=unlimited:"])
            .status()
            .await?;
        if set.success() {
            Ok(())
        } else {
            Err("prlimit failed".into())
        }
    }

    /// Its files.
    pub(crate) fn disk_bytes(&self) -> Result<u64, Failure> {
        let files = std::fs::read_dir(self.data.path())?;
        let sizes = files.map(|file| Ok(file?.metadata()?.len()));
        sizes
            .sum::<Result<u64, std::io::Error>>()
            .map_err(Into::into)
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
        let (status, answer) = self.ask("POST", path, &body).await?;
        if !(200..300).contains(&status) {
            return Err(format!("{path}: {status} {answer}").into());
        }
        Ok(answer)
    }

    /// An answer's status and its JSON.
    pub(crate) async fn ask(
        &self,
        method: &str,
        path: &str,
        body: &Value,
    ) -> Result<(u16, Value), Failure> {
        let mut stream = TcpStream::connect(self.address).await?;
        let (body, host) = (body.to_string(), self.address);
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
        );
        stream.write_all((head + &body).as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let (head, body) = answer.split_once("\r\n\r\n").ok_or("no answer")?;
        let status = head.split(' ').nth(1).ok_or("no status")?.parse()?;
        Ok((status, serde_json::from_str(body)?))
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
