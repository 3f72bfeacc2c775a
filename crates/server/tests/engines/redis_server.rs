//! A Redis of a test's own.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// Starting takes no longer.
const PATIENCE: Duration = Duration::from_secs(20);

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

impl RedisServer {
    /// One that keeps what it acknowledges.
    pub fn start() -> Self {
        Self::with(SAFE)
    }

    /// One that keeps only what was saved.
    pub fn start_unsafe() -> Self {
        Self::with(UNSAFE)
    }

    fn with(options: &'static [&'static str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut server = Self {
            directory: TempDir::new().unwrap(),
            port: listener.local_addr().unwrap().port(),
            options,
            child: None,
        };
        drop(listener);
        server.resume();
        server
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Kills it as a power cut would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
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
            .stdout(Stdio::null())
            .spawn();
        self.child = Some(child.expect("redis-server is missing: `cargo xtask setup` installs it"));
        let begun = Instant::now();
        while self.command("PING").as_deref() != Some("+PONG\r\n") {
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
