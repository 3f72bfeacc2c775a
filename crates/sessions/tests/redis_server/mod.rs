//! A Redis of a test's own.

#![allow(dead_code)] // Each test binary uses its own part.
#![allow(unreachable_pub)] // A module of several binaries: nothing here is anybody's API.
#![allow(clippy::unwrap_used)]

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;
use uuid::Uuid;

/// Starting takes no longer.
const PATIENCE: Duration = Duration::from_secs(20);
/// What the password of [`RedisServer::start_with_password`] is.
pub const PASSWORD: &str = "hunter2-of-redis";

/// A process of `redis-server` with a directory and a port of its own; both go with it.
pub struct RedisServer {
    directory: TempDir,
    port: u16,
    options: &'static [&'static str],
    child: Option<Child>,
}

/// What it acknowledges is on the disk.
const SAFE: &[&str] = &["--appendonly", "yes", "--appendfsync", "always"];
/// Nothing is on the disk that was not saved by hand.
const UNSAFE: &[&str] = &["--appendonly", "no"];
const WITH_PASSWORD: &[&str] = &["--appendonly", "no", "--requirepass", PASSWORD];

/// A port that nobody listens on, below those that the system takes for outgoing connections: one of these could be given
/// away before a server has started, or while it is down, even to somebody who tries to reach it.
pub fn lasting_port() -> u16 {
    loop {
        let [high, low, ..] = Uuid::new_v4().into_bytes();
        let port = 10_000 + u16::from_be_bytes([high, low]) % 22_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

impl RedisServer {
    /// One that keeps what it acknowledges.
    pub fn start() -> Self {
        Self::with(SAFE)
    }

    /// One that keeps only what was saved.
    pub fn start_unsafe() -> Self {
        Self::with(UNSAFE)
    }

    /// One that keeps nothing, and that [`PASSWORD`] opens.
    pub fn start_with_password() -> Self {
        Self::with(WITH_PASSWORD)
    }

    fn with(options: &'static [&'static str]) -> Self {
        let mut server = Self {
            directory: TempDir::new().unwrap(),
            port: lasting_port(),
            options,
            child: None,
        };
        server.resume();
        server
    }

    /// Its address, as `--sessions` takes it.
    pub fn url(&self) -> String {
        let user = if self.options == WITH_PASSWORD {
            format!(":{PASSWORD}@")
        } else {
            String::new()
        };
        format!("redis://{user}127.0.0.1:{}", self.port)
    }

    /// Kills it as a power cut would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Takes away what it has on the disk. It is down.
    pub fn lose_everything(&mut self) {
        assert!(self.child.is_none(), "it is up");
        self.directory = TempDir::new().unwrap();
    }

    /// Stops it where it is: connections stay, nothing is answered.
    pub fn pause(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on after [`RedisServer::pause`].
    pub fn go_on(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let process = self.child.as_ref().unwrap().id().to_string();
        let status = Command::new("kill").args([signal, &process]).status();
        assert!(status.unwrap().success());
    }

    /// Starts it again, with what it has on the disk.
    pub fn resume(&mut self) {
        let child = Command::new("redis-server")
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--dir"])
            .arg(self.directory.path())
            .args(self.options)
            .args(["--loglevel", "warning"])
            .stdout(Stdio::null())
            .spawn();
        self.child = Some(child.expect("redis-server is missing: `cargo xtask setup` installs it"));
        let begun = Instant::now();
        let answers = |answer: String| answer == "+PONG\r\n" || answer.starts_with("-NOAUTH");
        while !self.command("PING").is_some_and(answers) {
            assert!(begun.elapsed() < PATIENCE, "redis-server does not answer");
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Sends a command of plain words; the beginning of its answer, `None` where nobody answers.
    pub fn command(&self, words: &str) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        stream.write_all(format!("{words}\r\n").as_bytes()).ok()?;
        let mut answer = [0; 4096];
        let count = stream.read(&mut answer).ok()?;
        String::from_utf8(answer[..count].to_vec()).ok()
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}
