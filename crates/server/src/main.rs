//! `rejoin-server`: serves agents, durably, and the demo's files if asked to.

use std::{
    io::Write,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use clap::Parser;
use rejoin_server::{Config, Server, agents::OpenAiConfig};

/// What `/faults/restart` ends the process with, so that a supervisor starts it again.
const RESTART_CODE: u8 = 75;

/// A server of the Agent Server protocol whose streams survive reloads, disconnects and its own crash.
///
/// The agent `openai` reads OPENAI_BASE_URL (default https://api.openai.com/v1), OPENAI_API_KEY and OPENAI_MODEL.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// The address to listen on
    #[arg(long, default_value = "127.0.0.1")]
    host: IpAddr,
    /// The port to listen on; 0 takes a free one
    #[arg(long, default_value_t = 8787)]
    port: u16,
    /// Address and port in one, in place of --host and --port
    #[arg(long, conflicts_with_all = ["host", "port"])]
    listen: Option<SocketAddr>,
    /// The directory of the database
    #[arg(long, default_value = ".rejoin", conflicts_with = "memory")]
    data: PathBuf,
    /// Keep everything in memory
    #[arg(long)]
    memory: bool,
    /// A directory of static files to serve
    #[arg(long)]
    assets: Option<PathBuf>,
    /// The path that the API is under
    #[arg(long, default_value = "")]
    api_prefix: String,
    /// Let requests to /faults break things, for tests and demonstrations
    #[arg(long)]
    faults: bool,
    /// Milliseconds of silence before a stream gets a heartbeat
    #[arg(long, default_value_t = 5000, value_parser = clap::value_parser!(u64).range(1..))]
    heartbeat_ms: u64,
    /// Seconds that the event log of an ended run is kept
    #[arg(long, default_value_t = 600)]
    retention_s: u64,
    /// What to log to standard error: off, error, warn, info, debug or trace
    #[arg(long, default_value = "info")]
    log: tracing_subscriber::filter::LevelFilter,
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_max_level(args.log)
        .init();
    match serve(args).await {
        Ok(code) => code,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(args: Args) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let listen = args.listen.unwrap_or(SocketAddr::new(args.host, args.port));
    if !listen.ip().is_loopback() {
        tracing::warn!(%listen, "anybody who reaches this address can read and run everything: there is no sign-in");
    }
    let ended = end_of_process()?;
    let server = Server::start(Config {
        listen,
        data: args.data,
        memory: args.memory,
        assets: args.assets,
        api_prefix: normal_prefix(&args.api_prefix),
        faults: args.faults,
        heartbeat: Duration::from_millis(args.heartbeat_ms),
        retention: Duration::from_secs(args.retention_s),
        openai: OpenAiConfig::from_env(),
        agents: None,
    })
    .await?;
    writeln!(
        std::io::stdout(),
        "rejoin-server listening on {}",
        server.url()
    )?;
    tokio::select! {
        () = ended => {}
        () = server.restart_asked() => {
            // Time for the answer to that request; then as abrupt as a crash, on purpose.
            tokio::time::sleep(Duration::from_millis(50)).await;
            std::process::exit(RESTART_CODE.into());
        }
    }
    server.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// Resolves when the system or the person at the keyboard asks the process to end.
#[cfg(unix)]
fn end_of_process() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Resolves when the person at the keyboard asks the process to end.
#[cfg(not(unix))]
fn end_of_process() -> std::io::Result<impl Future<Output = ()>> {
    Ok(async {
        // Without a handler the process just ends, which is what was asked.
        let _ = tokio::signal::ctrl_c().await;
    })
}

/// `/api`, however it was written; empty for the root.
fn normal_prefix(text: &str) -> String {
    match text.trim_matches('/') {
        "" => String::new(),
        inner => format!("/{inner}"),
    }
}
