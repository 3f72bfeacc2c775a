//! A server of the Agent Server protocol, with an embedded durable store.
//!
//! It answers the part of the LangGraph Agent Server's protocol (REST and SSE) that a streaming client needs. There are threads
//! with checkpoints, runs that go on without a reader, and streams that resume. An event is committed before any reader sees it. So a
//! reader's cursor (`Last-Event-ID`) is never ahead of the log, even after `kill -9`.
//!
//! It never runs two runs of a thread at once, and never logs a request's content or a key. It never leaves a dead run as
//! `running`: each start ends the runs of the last process.
//!
//! ```
//! use rejoin_server::{Config, Server};
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let server = Server::start(Config { memory: true, ..Config::default() }).await?;
//! println!("{}", server.url());
//! server.stop().await;
//! # Ok::<(), rejoin_server::StartError>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod agents;
pub mod auth;
mod capability;
mod client;
mod clock;
mod error;
mod http;
mod ids;
mod limits;
mod live;
pub mod metrics;
mod mirror;
mod published;
mod quotas;
mod readable;
mod recover;
mod rows;
mod run_changes;
mod runner;
mod scheduler;
mod state;
mod tables;

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

pub use error::ServerError;
pub use ids::{CheckpointId, RunId, ThreadId, assistant_id};
pub use limits::Limits;
/// The crate of the server's sessions.
pub use rejoin_sessions as sessions;

use agents::{Agents, OpenAiConfig};
use auth::AuthSecret;
#[cfg(feature = "faults")]
use http::Faults;
use http::{App, Tcp, serve::serve};
use metrics::Metrics;
use mirror::Mirror;
use published::{Counts as _, Published};
use quotas::Quotas;
use scheduler::Scheduler;
use sessions::{
    Producer, ProducerOptions, SessionLimits, SessionStore, Sessions, leases, log::SessionLog,
    store::Store,
};
use tables::Rows as _;

/// The database in the data directory.
const DATABASE: &str = "rejoin.redb";
/// How long a stopping server waits for answers under way.
const STOP_GRACE: Duration = Duration::from_secs(3);

/// The server's configuration.
#[derive(Clone)]
pub struct Config {
    /// The address to listen on. Default: a free port of 127.0.0.1.
    pub listen: SocketAddr,
    /// The directory of the database, made where it is missing. Default: `.rejoin`.
    pub data: PathBuf,
    /// Keep everything in memory instead. Default: no.
    pub memory: bool,
    /// A directory of static files to serve beside the API. Default: none.
    pub assets: Option<PathBuf>,
    /// The path that the API is under, such as `/api`. Default: the root.
    pub api_prefix: String,
    /// Origins whose pages may use the server, beside those of this machine and its own: such as `https://app.example`,
    /// or `*`. Default: none.
    pub allow_origins: Vec<String>,
    /// Names that the server is reached under, beside those of loopback and the address it listens on: such as
    /// `agents.example`, or `*`. Default: none.
    pub allow_hosts: Vec<String>,
    /// Whether `/faults` may break things. Default: no.
    #[cfg(feature = "faults")]
    pub faults: bool,
    /// How long a stream may be silent before a comment is sent. Default: 5 s.
    pub heartbeat: Duration,
    /// How long the event log of an ended run is kept. Default: 600 s.
    pub retention: Duration,
    /// The store of sessions. Default: the database of everything else.
    pub sessions: SessionStore,
    /// An engine of one's own for sessions, instead. Default: none.
    pub session_log: Option<Arc<dyn SessionLog>>,
    /// How large sessions may grow, and what their readers may cost. Default: [`SessionLimits::default`].
    pub session_limits: SessionLimits,
    /// For how long a message that this server writes is held without a word, before any server may end it. It is renewed
    /// three times as often. Default: 15 s.
    pub lease: Duration,
    /// Limits per client. Default: [`Limits::default`].
    pub limits: Limits,
    /// The secret that signs tokens. Default: none, and the server asks nobody for a token.
    pub auth: Option<AuthSecret>,
    /// For how long a stopping server still serves while `/ready` says 503, so that a load balancer can look. Default: 0.
    pub drain: Duration,
    /// The endpoint of the `openai` agent. Default: none; its runs fail with an error that says so.
    pub openai: Option<OpenAiConfig>,
    /// The agents. Default: [`Agents::standard`].
    pub agents: Option<Agents>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            data: PathBuf::from(".rejoin"),
            memory: false,
            assets: None,
            api_prefix: String::new(),
            allow_origins: Vec::new(),
            allow_hosts: Vec::new(),
            #[cfg(feature = "faults")]
            faults: false,
            heartbeat: Duration::from_secs(5),
            retention: Duration::from_secs(600),
            sessions: SessionStore::default(),
            session_log: None,
            session_limits: SessionLimits::default(),
            lease: Duration::from_secs(15),
            limits: Limits::default(),
            auth: None,
            drain: Duration::ZERO,
            openai: None,
            agents: None,
        }
    }
}

/// Why a server could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The address is taken, or not this machine's.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// The system's error.
        source: std::io::Error,
    },
    /// The database could not be opened: another server has it, or the file is damaged or not writable.
    #[error("cannot open the data directory {directory}: {source}")]
    Data {
        /// The directory asked for.
        directory: PathBuf,
        /// The store's error.
        source: ServerError,
    },
    /// The store of sessions cannot be opened or reached. The text holds neither its address nor its password.
    #[error("cannot open the store of sessions: {0}")]
    Sessions(String),
}

impl StartError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Listen { .. } => "listen_failed",
            Self::Data { .. } => "data_failed",
            Self::Sessions(_) => "sessions_failed",
        }
    }
}

/// A running server. Dropping it stops nothing; call [`Server::stop`].
pub struct Server {
    address: SocketAddr,
    scheduler: Arc<Scheduler>,
    producer: Producer,
    drain: Duration,
    serving: JoinHandle<()>,
    restart: watch::Receiver<bool>,
}

impl Server {
    /// Opens the store, ends what the last process left running, and listens.
    ///
    /// # Errors
    /// The address or the data directory is not available.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let data_error = |source| StartError::Data {
            directory: config.data.clone(),
            source,
        };
        let tables = tables::all();
        let store = if config.memory {
            Store::memory(&tables)
        } else {
            Store::open(&config.data.join(DATABASE), &tables)
        };
        let store = store.map_err(|error| data_error(error.into()))?;
        let ended = recover::end_orphans(&store).await.map_err(data_error)?;
        if ended > 0 {
            tracing::warn!(
                runs = ended,
                "ended runs that the last process left running"
            );
        }
        let log = match &config.session_log {
            Some(log) => Arc::clone(log),
            None => config
                .sessions
                .open(&store)
                .await
                .map_err(|error| StartError::Sessions(error.to_string()))?,
        };
        let sessions = Sessions::new(log, config.session_limits.clone());
        let listen_error = |source| StartError::Listen {
            address: config.listen,
            source,
        };
        let listener = TcpListener::bind(config.listen)
            .await
            .map_err(listen_error)?;
        let address = listener.local_addr().map_err(listen_error)?;
        let agents = config
            .agents
            .clone()
            .unwrap_or_else(|| Agents::standard(config.openai.clone()));
        let options = ProducerOptions {
            lease: config.lease,
            ..ProducerOptions::default()
        };
        let producer = Producer::new(Arc::clone(&sessions), options);
        let mirror = Mirror::new(producer.clone(), store.clone());
        mirror.recover().map_err(data_error)?;
        let stored = store.read().map_err(|error| data_error(error.into()))?;
        let threads = stored.threads().map_err(data_error)?;
        let mut published = Published::read(&stored).map_err(data_error)?;
        drop(stored);
        let is_kept = config.sessions != SessionStore::Memory || config.session_log.is_some();
        if !is_kept {
            let cleared = store.write(|tx| tx.remove_all_published()).await;
            cleared.map_err(data_error)?;
            published = Published::default();
        }
        let quotas = Quotas::new(config.limits.clone(), &threads, published);
        let scheduler = Scheduler::new(store, agents, Some(mirror), quotas);
        scheduler.delete_temporary().await.map_err(data_error)?;
        tokio::spawn(leases::sweep(
            Arc::clone(&sessions),
            config.lease,
            scheduler.stopping(),
        ));
        let restart = watch::Sender::new(false);
        let restart_asked = restart.subscribe();
        #[cfg(feature = "faults")]
        let faults = config
            .faults
            .then(|| Faults::new(restart, scheduler.stopping()));
        tokio::spawn(recover::sweep(Arc::clone(&scheduler), config.retention));
        tokio::spawn(sessions::sweep(Arc::clone(&sessions), scheduler.stopping()));
        let drain = config.drain;
        let app = App {
            scheduler: Arc::clone(&scheduler),
            metrics: Metrics::new(Arc::clone(sessions.metrics())),
            sessions,
            config: Arc::new(config),
        };
        let limits = app.config.limits.clone();
        let router = http::router(
            app,
            #[cfg(feature = "faults")]
            faults,
        );
        let serving = tokio::spawn(serve(Tcp(listener), router, limits, scheduler.stopping()));
        Ok(Self {
            address,
            scheduler,
            producer,
            drain,
            serving,
            restart: restart_asked,
        })
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address that it listens on, as a URL without a trailing slash or the API prefix.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Resolves when somebody asked for a restart through `/faults/restart`; never without faults.
    pub async fn restart_asked(&self) {
        let mut asked = self.restart.clone();
        if asked.wait_for(|asked| *asked).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Stops the server. `/ready` answers 503 from now on. After [`Config::drain`] every stream ends cleanly, so that its
    /// reader moves to another server. Answers in progress are waited for, for a moment. The next start ends the runs that
    /// are not over.
    pub async fn stop(self) {
        self.scheduler.drain();
        tokio::time::sleep(self.drain).await;
        if !self.producer.shutdown(STOP_GRACE).await {
            tracing::warn!("messages were not stored in time; their lease will end them");
        }
        self.scheduler.stop();
        let _ = tokio::time::timeout(STOP_GRACE, self.serving).await;
    }
}
