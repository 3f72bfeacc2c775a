//! Processes on free ports of the loopback, ended by their own id.

use std::{
    fs::File,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    process::{Child, Command},
    sync::watch,
};

use super::eventually;
use crate::support::Api;

/// Where a server is to be found now; it is elsewhere after each restart.
pub type Place = watch::Receiver<Arc<Api>>;

/// One server, its directory and its flags: what stays the same when it is killed and started again.
pub struct Site {
    directory: PathBuf,
    flags: Vec<String>,
    file_blocks_max: Option<u64>,
    child: Option<Child>,
    place: watch::Sender<Arc<Api>>,
}

impl Site {
    /// Starts a server in `directory`.
    pub async fn start(directory: &Path, flags: &[&str]) -> Self {
        let mut site = Self {
            directory: directory.to_owned(),
            flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
            file_blocks_max: None,
            child: None,
            place: watch::Sender::new(Arc::new(Api::new("http://127.0.0.1:1".to_owned()))),
        };
        site.up().await;
        site
    }

    /// From the next start on no file of the process may grow beyond so many blocks of 1 KiB: its disk is full.
    pub fn limit_files(&mut self, blocks: Option<u64>) {
        self.file_blocks_max = blocks;
    }

    /// Starts the server that was ended.
    pub async fn up(&mut self) {
        assert!(self.child.is_none(), "it is up");
        let log = File::options()
            .append(true)
            .create(true)
            .open(self.log())
            .unwrap();
        let mut child = self
            .command()
            .args(["--log", "warn", "--data"])
            .arg(&self.directory)
            .args(&self.flags)
            // A free one, unless a flag names another.
            .env("REJOIN_PORT", "0")
            .env_remove("OPENAI_API_KEY")
            .env_remove("OPENAI_BASE_URL")
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let read = tokio::time::timeout(super::PATIENCE, lines.read_line(&mut line));
        read.await.expect("the server says where it is").unwrap();
        let url = line.trim().strip_prefix("rejoin-server listening on ");
        let url = url.unwrap_or_else(|| panic!("no address: {line:?} {}", self.logged()));
        self.child = Some(child);
        self.place.send_replace(Arc::new(Api::new(url.to_owned())));
    }

    fn command(&self) -> Command {
        // Another one can be named, so that a build meanwhile does not change what is tested.
        let server = std::env::var("REJOIN_SERVER_BIN");
        let server = server.unwrap_or_else(|_| env!("CARGO_BIN_EXE_rejoin-server").to_owned());
        let Some(blocks) = self.file_blocks_max else {
            return Command::new(server);
        };
        // The limit is inherited, so that writing fails as on a full disk.
        let mut command = Command::new("bash");
        let script = format!("ulimit -S -f {blocks}; exec \"$0\" \"$@\"");
        command.args(["-c", &script, &server]);
        command
    }

    /// There is room on its disk again, while it runs.
    pub async fn free_files(&mut self) {
        self.file_blocks_max = None;
        let pid = self.child.as_ref().expect("it is up").id().unwrap();
        let pid = format!("--pid={pid}");
        let set = Command::new("prlimit")
            .args([&pid, "--fsize=unlimited:"])
            .status();
        assert!(set.await.unwrap().success());
    }

    /// Kills it as the system would: at once, in the middle of whatever it does.
    pub async fn kill(&mut self) {
        let mut child = self.child.take().expect("it is up");
        child.kill().await.unwrap();
    }

    /// Stops it where it is: connections stay, nothing is answered, time goes on.
    pub async fn freeze(&self) {
        signal(self.child.as_ref().expect("it is up"), "-STOP").await;
    }

    /// Lets it go on.
    pub async fn thaw(&self) {
        signal(self.child.as_ref().expect("it is up"), "-CONT").await;
    }

    /// Asks it to end, and waits until it has.
    pub async fn terminate(&mut self) {
        let mut child = self.child.take().expect("it is up");
        signal(&child, "-TERM").await;
        let ended = tokio::time::timeout(super::PATIENCE, child.wait()).await;
        let status = ended.expect("it ends when it is asked to").unwrap();
        assert!(status.success(), "{status}: {}", self.logged());
    }

    /// Where it is, now and after each restart.
    pub fn place(&self) -> Place {
        self.place.subscribe()
    }

    /// A client of it as it is now.
    pub fn api(&self) -> Arc<Api> {
        Arc::clone(&self.place.borrow())
    }

    /// What it wrote to standard error.
    pub fn logged(&self) -> String {
        std::fs::read_to_string(self.log()).unwrap_or_default()
    }

    fn log(&self) -> PathBuf {
        self.directory.with_extension("log")
    }
}

async fn signal(child: &Child, name: &str) {
    let pid = child.id().expect("it is running").to_string();
    let sent = Command::new("kill").args([name, &pid]).status().await;
    assert!(sent.unwrap().success());
}
