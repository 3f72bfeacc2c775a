//! `rejoin-server`: serves agents, durably, and the demo's files if asked to.

mod args;

use std::{error::Error, io::Write, process::ExitCode, time::Duration};

use args::{Cli, Command, LogFormat, Serve, Token};
use rejoin_server::{Server, auth::Claims};
use tracing_subscriber::{
    Layer,
    filter::{LevelFilter, Targets},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

/// The exit code after `/faults/restart`, so that a supervisor starts the process again.
const RESTART_CODE: u8 = 75;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::read();
    start_logging(cli.serve.log, cli.serve.log_format);
    log_panics();
    let done = match cli.command {
        Some(Command::Token(token)) => print_token(&token),
        None => serve(cli.serve).await,
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Logs to standard error. Libraries are let say warnings at most: what they find worth a line at `trace` may be a request.
fn start_logging(level: LevelFilter, format: LogFormat) {
    let ours = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target("rejoin_server", level)
        .with_target("rejoin_sessions", level);
    let layer = tracing_subscriber::fmt::layer().with_writer(|| Lines);
    let layer = match format {
        LogFormat::Text => layer.boxed(),
        LogFormat::Json => layer.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry()
        .with(layer.with_filter(ours))
        .init();
}

/// Standard error, a line for each event: what is logged cannot begin another, or move the cursor of a terminal.
struct Lines;

impl Write for Lines {
    /// The subscriber writes an event at once.
    fn write(&mut self, event: &[u8]) -> std::io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let mut line = String::with_capacity(text.len());
        for letter in text.trim_end_matches('\n').chars() {
            if letter.is_control() {
                line.extend(letter.escape_default());
            } else {
                line.push(letter);
            }
        }
        line.push('\n');
        std::io::stderr().write_all(line.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stderr().flush()
    }
}

/// Says where a panic was, and not its text: that may quote the text that was being worked on.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, "a panic: a bug of this server or of an agent");
    }));
}

fn print_token(token: &Token) -> Result<ExitCode, Box<dyn Error>> {
    let secret = token
        .secret
        .read()?
        .ok_or("there is no secret: give --auth-secret-file or REJOIN_AUTH_SECRET")?;
    let claims = Claims::new(&token.session, &token.caps.0, token.ttl);
    writeln!(std::io::stdout(), "{}", claims.sign(&secret)?)?;
    Ok(ExitCode::SUCCESS)
}

async fn serve(args: Serve) -> Result<ExitCode, Box<dyn Error>> {
    let config = args.config()?;
    let listen = config.listen;
    if config.auth.is_none() && !listen.ip().is_loopback() {
        tracing::warn!(
            %listen,
            "anybody who reaches this address can read and run everything: no token is asked for without --auth-secret-file"
        );
    }
    if config.auth.is_none()
        && config
            .openai
            .as_ref()
            .is_some_and(|openai| openai.api_key.is_some())
    {
        tracing::warn!(
            "whoever reaches this server spends the OpenAI key: no token is asked for without --auth-secret-file"
        );
    }
    survive_file_limits()?;
    let ended = end_of_process()?;
    let (sessions, tokens) = (config.sessions.clone(), config.auth.is_some());
    let server = Server::start(config).await?;
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        address = %server.address(),
        ?sessions,
        tokens,
        "started"
    );
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
    tracing::info!("stopping");
    server.stop().await;
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// Lets a write beyond the process's limit of file sizes fail as one on a full disk. The system would end the process.
#[cfg(unix)]
fn survive_file_limits() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    // Once somebody listens, the signal does nothing else; it stays so when nobody does any more.
    signal(SignalKind::from_raw(libc::SIGXFSZ)).map(drop)
}

#[cfg(not(unix))]
fn survive_file_limits() -> std::io::Result<()> {
    Ok(())
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
