//! The command line and the environment.
//!
//! A flag comes before its variable, and a variable before the default.

use std::{net::IpAddr, net::SocketAddr, path::PathBuf, time::Duration};

use clap::{
    ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum,
    builder::BoolishValueParser, error::ErrorKind, parser::ValueSource, value_parser,
};
use rejoin_server::{
    Config, Limits,
    agents::OpenAiConfig,
    auth::{AuthSecret, Capability, SecretError},
    sessions::{Retention, SessionLimits, SessionStore},
};
use tracing_subscriber::filter::LevelFilter;

/// The headings of the groups of options in `--help`.
const REACHED: &str = "Address and access";
const STORED: &str = "Storage and retention";
const LIMITS: &str = "Limits per client";
const RUNNING: &str = "Running it";

/// Commands for a first try.
const EXAMPLES: &str = "\
Examples:
  rejoin-server --memory
      Tries it: nothing is stored. Open http://127.0.0.1:8787/ok, or point a client at http://127.0.0.1:8787.
  rejoin-server --data /var/lib/rejoin --host 0.0.0.0 --allow-host agents.example --auth-secret-file secret
      Serves a network: everybody needs a token, signed with the secret.
  rejoin-server token --auth-secret-file secret --session '*' --caps stream,history,publish,cancel
      Prints such a token.";

/// The secret itself: not a flag, as everybody on the machine can read those.
const SECRET_VARIABLE: &str = "REJOIN_AUTH_SECRET";

/// Runs AI agents and streams what they say, so that no reload, disconnect or crash loses a word of it.
///
/// It speaks the protocol of the LangGraph Agent Server (REST, and server-sent events): what talks to that talks to this.
///
/// Each option can be given by the variable beside it; a flag comes before its variable. REJOIN_AUTH_SECRET holds the secret
/// of tokens where --auth-secret-file is not given. The agent `openai` reads OPENAI_BASE_URL (default
/// https://api.openai.com/v1), OPENAI_API_KEY and OPENAI_MODEL.
#[derive(Parser)]
#[command(
    name = "rejoin-server",
    version,
    args_conflicts_with_subcommands = true,
    after_long_help = EXAMPLES
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) serve: Serve,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Print a token, to try the capabilities; applications make their own
    Token(Token),
}

#[derive(Args)]
pub(crate) struct Token {
    /// The session that it is for; * is every one
    #[arg(long)]
    pub(crate) session: String,
    /// Its capabilities: stream, history, publish, cancel, separated by commas, or nothing
    #[arg(long, value_parser = capabilities, default_value = "stream,history")]
    pub(crate) caps: Capabilities,
    /// Its lifetime, such as 90s, 15m, 1h or 7d
    #[arg(long, value_parser = duration, default_value = "1h")]
    pub(crate) ttl: Duration,
    #[command(flatten)]
    pub(crate) secret: Secret,
}

#[derive(Args)]
pub(crate) struct Secret {
    /// A file with the secret that signs tokens, at least 32 bytes; without a secret the server asks nobody for a token
    #[arg(long, env = "REJOIN_AUTH_SECRET_FILE")]
    auth_secret_file: Option<PathBuf>,
}

impl Secret {
    /// The file's, else the variable's, else none.
    pub(crate) fn read(&self) -> Result<Option<AuthSecret>, SecretError> {
        match &self.auth_secret_file {
            Some(path) => AuthSecret::read(path).map(Some),
            None => std::env::var_os(SECRET_VARIABLE)
                .map(|secret| AuthSecret::new(secret.as_encoded_bytes()))
                .transpose(),
        }
    }
}

#[derive(Args)]
pub(crate) struct Serve {
    /// The address to listen on
    #[arg(long,
        help_heading = REACHED, env = "REJOIN_HOST", default_value = "127.0.0.1")]
    host: IpAddr,
    /// The port to listen on; 0 takes a free one
    #[arg(long,
        help_heading = REACHED, env = "REJOIN_PORT", default_value_t = 8787)]
    port: u16,
    /// Address and port in one, in place of --host and --port
    #[arg(long,
        help_heading = REACHED, env = "REJOIN_LISTEN")]
    listen: Option<SocketAddr>,
    /// The directory of the database
    #[arg(long,
        help_heading = STORED, env = "REJOIN_DATA", default_value = ".rejoin")]
    data: PathBuf,
    /// Keep everything in memory
    #[arg(long,
        help_heading = STORED, env = "REJOIN_MEMORY", value_parser = BoolishValueParser::new())]
    memory: bool,
    /// A directory of static files to serve
    #[arg(long,
        help_heading = REACHED, env = "REJOIN_ASSETS")]
    assets: Option<PathBuf>,
    /// The path before every endpoint
    #[arg(
        long,
        help_heading = REACHED,
        env = "REJOIN_API_PREFIX",
        default_value = "",
        hide_default_value = true
    )]
    api_prefix: String,
    /// Origins whose pages may use the server, beside this machine's, separated by commas; * is every one
    #[arg(long,
        help_heading = REACHED, env = "REJOIN_ALLOW_ORIGIN", value_delimiter = ',')]
    allow_origin: Vec<String>,
    /// Host names of the server, beside loopback and the address it listens on, separated by commas
    #[arg(long,
        help_heading = REACHED, env = "REJOIN_ALLOW_HOST", value_delimiter = ',')]
    allow_host: Vec<String>,
    /// Let requests to /faults break things, for tests and demonstrations
    #[arg(long, hide = !cfg!(feature = "faults"),
        help_heading = RUNNING, env = "REJOIN_FAULTS", value_parser = BoolishValueParser::new())]
    faults: bool,
    /// Milliseconds of silence before a stream gets a heartbeat
    #[arg(long,
        help_heading = RUNNING, env = "REJOIN_HEARTBEAT_MS", default_value_t = 5000, value_parser = value_parser!(u64).range(1..))]
    heartbeat_ms: u64,
    /// Seconds that the event log of an ended run is kept
    #[arg(long,
        help_heading = STORED, env = "REJOIN_RETENTION_S", default_value_t = 600)]
    retention_s: u64,
    /// The store of sessions: own (the database of everything else), memory, redb:DIRECTORY or redis://HOST:PORT
    #[arg(
        long,
        help_heading = STORED,
        env = "REJOIN_SESSIONS",
        hide_env_values = true,
        default_value = "own"
    )]
    sessions: SessionStore,
    /// Milliseconds after which any server may end a message that this server has not renewed
    #[arg(long,
        help_heading = RUNNING, env = "REJOIN_LEASE_MS", default_value_t = 15_000, value_parser = value_parser!(u64).range(100..))]
    lease_ms: u64,
    /// Seconds that a session's records are kept; its messages stay
    #[arg(long,
        help_heading = STORED, env = "REJOIN_SESSION_RETENTION_S", default_value_t = seconds(Retention::default().age_max))]
    session_retention_s: u64,
    /// The most records of a session that are kept
    #[arg(long,
        help_heading = STORED, env = "REJOIN_SESSION_RECORDS_MAX", default_value_t = Retention::default().records_max)]
    session_records_max: u64,
    /// The same in bytes
    #[arg(long,
        help_heading = STORED, env = "REJOIN_SESSION_BYTES_MAX", default_value_t = Retention::default().bytes_max)]
    session_bytes_max: u64,
    /// The longest message of a session, in bytes of JSON
    #[arg(long,
        help_heading = LIMITS, env = "REJOIN_MESSAGE_BYTES_MAX", default_value_t = SessionLimits::default().message_bytes_max)]
    message_bytes_max: usize,
    /// The most records that a reader is sent; a reader further behind gets a snapshot
    #[arg(long,
        help_heading = LIMITS, env = "REJOIN_REPLAY_RECORDS_MAX", default_value_t = SessionLimits::default().replay_records_max)]
    replay_records_max: u64,
    /// The same in bytes
    #[arg(long,
        help_heading = LIMITS, env = "REJOIN_REPLAY_BYTES_MAX", default_value_t = SessionLimits::default().replay_bytes_max)]
    replay_bytes_max: u64,
    /// Seconds that a connection may be silent before the head of a request is there
    #[arg(long,
        help_heading = LIMITS, env = "REJOIN_HEAD_TIMEOUT_S", default_value_t = seconds(Limits::default().head_timeout), value_parser = value_parser!(u64).range(1..))]
    head_timeout_s: u64,
    /// Seconds that a request's body may take
    #[arg(long,
        help_heading = LIMITS, env = "REJOIN_BODY_TIMEOUT_S", default_value_t = seconds(Limits::default().body_timeout), value_parser = value_parser!(u64).range(1..))]
    body_timeout_s: u64,
    /// The longest body of a request, in bytes
    #[arg(long,
        help_heading = LIMITS, env = "REJOIN_BODY_BYTES_MAX", default_value_t = Limits::default().body_bytes_max)]
    body_bytes_max: usize,
    /// The most connections; fewer if the process may not open as many files
    #[arg(long,
        help_heading = LIMITS, env = "REJOIN_CONNECTIONS_MAX", default_value_t = Limits::default().connections_max)]
    connections_max: usize,
    /// The most connections of one address; half of all by default
    #[arg(long,
        help_heading = LIMITS, env = "REJOIN_CONNECTIONS_PER_ADDRESS_MAX")]
    connections_per_address_max: Option<usize>,
    /// The most threads of one client: a token's session, or an address
    #[arg(long,
        help_heading = LIMITS, env = "REJOIN_THREADS_MAX", default_value_t = Limits::default().threads_max)]
    threads_max: usize,
    /// The most runs of one client that wait or go on
    #[arg(long,
        help_heading = LIMITS, env = "REJOIN_RUNS_MAX", default_value_t = Limits::default().runs_max)]
    runs_max: usize,
    /// The most sessions that one client has published in and that are not deleted
    #[arg(long,
        help_heading = LIMITS, env = "REJOIN_SESSIONS_MAX", default_value_t = Limits::default().sessions_max)]
    sessions_max: usize,
    /// The most bytes of messages that one client has published in them
    #[arg(long,
        help_heading = LIMITS, env = "REJOIN_PUBLISHED_BYTES_MAX", default_value_t = Limits::default().published_bytes_max)]
    published_bytes_max: u64,
    /// The most bytes of one run's events
    #[arg(long,
        help_heading = LIMITS, env = "REJOIN_RUN_BYTES_MAX", default_value_t = Limits::default().run_bytes_max)]
    run_bytes_max: usize,
    #[command(flatten)]
    secret: Secret,
    /// Milliseconds that a stopping server still serves while /ready says 503
    #[arg(long,
        help_heading = RUNNING, env = "REJOIN_DRAIN_MS", default_value_t = 0)]
    drain_ms: u64,
    /// The level of the log on standard error: off, error, warn, info, debug or trace
    #[arg(long,
        help_heading = RUNNING, env = "REJOIN_LOG", default_value = "info")]
    pub(crate) log: LevelFilter,
    /// The form of the log
    #[arg(long,
        help_heading = RUNNING, env = "REJOIN_LOG_FORMAT", value_enum, default_value = "text")]
    pub(crate) log_format: LogFormat,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// A line for people
    Text,
    /// An object on each line
    Json,
}

/// The priority of options that set the same value: the first one wins, unless only the others are on the command line.
const RIVALS: [(&str, &[&str]); 2] = [("listen", &["host", "port"]), ("memory", &["data"])];

impl Cli {
    /// Reads the command line and the environment; ends the process, with an explanation, where they do not fit.
    pub(crate) fn read() -> Self {
        let matches = Self::command().get_matches();
        match Self::checked(&matches) {
            Ok(cli) => cli,
            Err(error) => error.exit(),
        }
    }

    fn checked(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut cli = Self::from_arg_matches(matches)?;
        if cli.serve.faults && !cfg!(feature = "faults") {
            let text = "--faults is for a test server: build one with `cargo build -p rejoin-server --features faults`";
            return Err(Self::command().error(ErrorKind::InvalidValue, text));
        }
        for (first, others) in RIVALS {
            let said = |id: &str| matches.value_source(id) == Some(ValueSource::CommandLine);
            match others.iter().find(|other| said(other)) {
                Some(other) if said(first) => {
                    let text = format!("--{first} cannot be used with --{other}");
                    return Err(Self::command().error(ErrorKind::ArgumentConflict, text));
                }
                Some(_) if first == "listen" => cli.serve.listen = None,
                Some(_) => cli.serve.memory = false,
                None => {}
            }
        }
        Ok(cli)
    }
}

impl Serve {
    /// The server's configuration.
    ///
    /// # Errors
    /// The secret of tokens is not available.
    pub(crate) fn config(self) -> Result<Config, SecretError> {
        Ok(Config {
            listen: self.listen.unwrap_or(SocketAddr::new(self.host, self.port)),
            auth: self.secret.read()?,
            data: self.data,
            memory: self.memory,
            assets: self.assets,
            api_prefix: normal_prefix(&self.api_prefix),
            allow_origins: self.allow_origin,
            allow_hosts: self.allow_host,
            #[cfg(feature = "faults")]
            faults: self.faults,
            heartbeat: Duration::from_millis(self.heartbeat_ms),
            retention: Duration::from_secs(self.retention_s),
            sessions: self.sessions,
            session_log: None,
            session_limits: SessionLimits {
                message_bytes_max: self.message_bytes_max,
                replay_records_max: self.replay_records_max,
                replay_bytes_max: self.replay_bytes_max,
                retention: Retention {
                    records_max: self.session_records_max,
                    bytes_max: self.session_bytes_max,
                    age_max: Duration::from_secs(self.session_retention_s),
                    ..Retention::default()
                },
                ..SessionLimits::default()
            },
            limits: Limits {
                head_timeout: Duration::from_secs(self.head_timeout_s),
                body_timeout: Duration::from_secs(self.body_timeout_s),
                body_bytes_max: self.body_bytes_max,
                connections_max: self.connections_max,
                connections_per_address_max: self.connections_per_address_max,
                threads_max: self.threads_max,
                runs_max: self.runs_max,
                sessions_max: self.sessions_max,
                published_bytes_max: self.published_bytes_max,
                run_bytes_max: self.run_bytes_max,
            },
            lease: Duration::from_millis(self.lease_ms),
            drain: Duration::from_millis(self.drain_ms),
            openai: OpenAiConfig::from_env(),
            ..Config::default()
        })
    }
}

/// `/api`, however it was written; empty for the root.
fn normal_prefix(text: &str) -> String {
    match text.trim_matches('/') {
        "" => String::new(),
        inner => format!("/{inner}"),
    }
}

fn seconds(duration: Duration) -> u64 {
    duration.as_secs()
}

/// The value of `--caps`.
#[derive(Clone)]
pub(crate) struct Capabilities(pub(crate) Vec<Capability>);

fn capabilities(text: &str) -> Result<Capabilities, String> {
    text.split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .map(|word| {
            Capability::parse(word)
                .ok_or_else(|| format!("{word} is none of stream, history, publish, cancel"))
        })
        .collect::<Result<_, _>>()
        .map(Capabilities)
}

fn duration(text: &str) -> Result<Duration, String> {
    let invalid = || "a time is a number with s, m, h or d".to_owned();
    let number = text.trim_end_matches(|last: char| last.is_ascii_alphabetic());
    let unit = match &text[number.len()..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => return Err(invalid()),
    };
    let number: u64 = number.parse().map_err(|_| invalid())?;
    let seconds = number.checked_mul(unit).filter(|seconds| *seconds > 0);
    seconds.map(Duration::from_secs).ok_or_else(invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(args: &[&str]) -> Result<Cli, ErrorKind> {
        let args = ["rejoin-server"].iter().chain(args);
        let matches = Cli::command().try_get_matches_from(args);
        matches
            .and_then(|matches| Cli::checked(&matches))
            .map_err(|error| error.kind())
    }

    #[test]
    fn options_that_say_the_same_are_not_given_together() {
        let conflict = |args: &[&str]| read(args).err() == Some(ErrorKind::ArgumentConflict);
        assert!(conflict(&["--listen", "127.0.0.1:1", "--port", "2"]));
        assert!(conflict(&["--listen", "127.0.0.1:1", "--host", "::1"]));
        assert!(conflict(&["--memory", "--data", "x"]));
        assert!(conflict(&["--port", "2", "token", "--session", "a"]));
        assert!(read(&["--host", "::1", "--port", "2", "--data", "x"]).is_ok());
    }

    #[test]
    fn a_time_has_a_unit_and_is_not_nothing() {
        let check = |text: &str, seconds: Option<u64>| {
            assert_eq!(
                duration(text).ok(),
                seconds.map(Duration::from_secs),
                "{text}"
            );
        };
        check("90s", Some(90));
        check("90", Some(90));
        check("15m", Some(900));
        check("1h", Some(3600));
        check("7d", Some(604_800));
        for bad in [
            "",
            "h",
            "0s",
            "-1s",
            "1.5h",
            "1w",
            "99999999999999999999s",
            "213503982334602d",
        ] {
            check(bad, None);
        }
    }
}
