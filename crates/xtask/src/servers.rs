//! Installs and starts the two real LangGraph Agent Servers, in copies under `target/` so the sources stay clean.

use std::fs;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use clap::ValueEnum;

use crate::setup::Stamp;
use crate::step::{root, run, target_dir};

/// A real Agent Server.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// `langgraph dev`.
    Python,
    /// `langgraphjs dev`.
    Js,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::Js => "js",
        }
    }

    fn manifest(self) -> &'static str {
        match self {
            Self::Python => "requirements.txt",
            Self::Js => "package.json",
        }
    }

    /// The folder the server is installed in and runs from.
    pub(crate) fn dir(self) -> PathBuf {
        target_dir().join("agent-servers").join(self.name())
    }
}

/// Installs both.
pub(crate) fn install_all() -> Result<()> {
    [Kind::Python, Kind::Js].into_iter().try_for_each(install)
}

/// Copies the sources over and installs the packages unless the same manifest is installed already.
pub(crate) fn install(kind: Kind) -> Result<()> {
    let source = root().join("tests/agent-server").join(kind.name());
    let dir = kind.dir();
    fs::create_dir_all(&dir)?;
    for entry in fs::read_dir(&source).with_context(|| source.display().to_string())? {
        let path = entry?.path();
        if let (true, Some(name)) = (path.is_file(), path.file_name()) {
            fs::copy(&path, dir.join(name))?;
        }
    }
    let stamp = Stamp::new(&dir, &[source.join(kind.manifest())])?;
    if stamp.is_fresh() {
        return Ok(());
    }
    println!(
        "installing the {} Agent Server in {}",
        kind.name(),
        dir.display()
    );
    match kind {
        Kind::Python => {
            run(Command::new("python3")
                .current_dir(&dir)
                .args(["-m", "venv", ".venv"]))
            .context("a Python 3.11 or newer with its venv module is needed")?;
            run(Command::new(dir.join(".venv/bin/pip"))
                .current_dir(&dir)
                .args([
                    "install",
                    "--quiet",
                    "--disable-pip-version-check",
                    "-r",
                    "requirements.txt",
                ]))?;
        }
        // Not `npm ci`: optional platform packages of one dependency are missing from the registry, and ci insists on them.
        Kind::Js => run(Command::new("npm").current_dir(&dir).args([
            "install",
            "--no-audit",
            "--no-fund",
            "--loglevel=error",
        ]))?,
    }
    stamp.done()
}

/// Becomes that server, on a clean state. The end-to-end harness starts the same `start.sh` by itself, because some
/// scenarios kill it.
pub(crate) fn run_in_foreground(kind: Kind, port: u16) -> Result<()> {
    install(kind)?;
    let dir = kind.dir();
    if let Err(error) = fs::remove_dir_all(dir.join(".langgraph_api"))
        && error.kind() != std::io::ErrorKind::NotFound
    {
        return Err(error).context("could not clear the server's state");
    }
    // Always an explicit port: the Python command line takes a random one when its default is busy.
    let port = free_port(port)?;
    println!("http://127.0.0.1:{port}");
    let error = Command::new(dir.join("start.sh"))
        .current_dir(&dir)
        .arg(port.to_string())
        .exec();
    Err(error).context("could not start the server")
}

/// `port`, or a port that nobody listens on when it is 0.
pub(crate) fn free_port(port: u16) -> Result<u16> {
    if port != 0 {
        return Ok(port);
    }
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
