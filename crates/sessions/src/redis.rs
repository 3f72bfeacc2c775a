//! The engine for several servers: sessions in a Redis (7.0 or newer, not a cluster) that they share.
//!
//! A session is a stream with ids `epoch-seq`, with the heads of its messages beside it. Every change is one script, so it
//! is stored as a whole or not at all, and two servers never conflict. Redis's clock counts the leases.
//!
//! **Redis may lose acknowledged records** unless it runs with `appendonly yes` and `appendfsync always`, so the engine
//! warns otherwise. After a restart or a failover, each log gets another [`Epoch`] with its first append. A reader that had
//! more then gets a snapshot, never the wrong records. Set `maxmemory-policy noeviction`.
//!
//! | key (behind the prefix) | |
//! | --- | --- |
//! | `s:SESSION:meta` | hash: epoch, first, head, bytes; the run of Redis that wrote last, and whether it keeps what it wrote |
//! | `s:SESSION:log` | the stream; field `c` is a change as JSON |
//! | `s:SESSION:messages` | hash: message id to what is known of it |
//! | `s:SESSION:order`, `s:SESSION:open` | sorted sets: message ids by position, of all and of those that are streaming |
//! | `s:SESSION:nodes` | hash: message id to the message added up |
//! | `s:SESSION:gone` | it was deleted, for some time; without it a session that is not there was lost |
//! | `leases` | sorted set: `SESSION PRODUCER` by when its lease is over |
//! | `sessions` | set: every session's name |
//! | `grown` | channel: `EPOCH SEQ SESSION` |

mod durability;
mod follow;
mod reads;
mod reply;
mod scripts;
mod writes;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::FutureExt as _;
use redis::{
    Client, FromRedisValue, IntoConnectionInfo as _, ScriptInvocation,
    aio::{ConnectionManager, ConnectionManagerConfig},
    io::tcp::TcpSettings,
};
use rejoin_wire::session::{Cursor, EndStatus, Epoch, Node, Record};
use tokio::{sync::watch, task::JoinHandle};

use crate::{
    log::{Answer, Appended, Batch, Bounds, LogError, MessageHead, Orphan, SessionId, SessionLog},
    watchers::Watchers,
};
use durability::Run;
use reads::Messages;
use scripts::Scripts;

/// The address of the sessions.
#[derive(Clone)]
pub struct RedisConfig {
    /// `redis://[user:password@]host[:port][/database]`. Never logged.
    pub url: String,
    /// The prefix of every key. Servers with different prefixes share nothing. Default: `rejoin`.
    pub prefix: String,
    /// How long a request may take, reconnecting included. Default: 5 s.
    pub timeout: Duration,
    /// How often watched sessions are looked at, should a message of the subscription be lost. Default: 2 s.
    pub poll: Duration,
}

impl RedisConfig {
    /// The defaults for an address.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            prefix: "rejoin".to_owned(),
            timeout: Duration::from_secs(5),
            poll: Duration::from_secs(2),
        }
    }
}

/// Sessions in a Redis. A connection that is lost comes back by itself; what is asked meanwhile fails with
/// [`LogError::Store`].
pub struct RedisLog {
    shared: Arc<Shared>,
    follower: JoinHandle<()>,
}

struct Shared {
    config: RedisConfig,
    client: Client,
    connection: ConnectionManager,
    scripts: Scripts,
    watchers: Watchers,
    run: Mutex<Arc<Run>>,
}

impl RedisLog {
    /// Connects.
    ///
    /// # Errors
    /// [`LogError::Store`], where the address is none or nobody answers there. The text does not hold the address.
    pub async fn connect(config: RedisConfig) -> Result<Self, LogError> {
        let client = open(&config)
            .map_err(|_| LogError::Store("the address of Redis is none".to_owned()))?;
        let settings = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(config.timeout))
            .set_response_timeout(Some(config.timeout))
            .set_number_of_retries(1)
            .set_max_delay(Duration::from_millis(200))
            .set_pipeline_buffer_size(1024);
        let connection =
            ConnectionManager::new_lazy_with_config(client.clone(), settings).map_err(failed)?;
        let shared = Arc::new(Shared {
            config,
            client,
            connection,
            scripts: Scripts::new(),
            watchers: Watchers::default(),
            run: Mutex::default(),
        });
        shared.look_at_run().await?;
        let follower = tokio::spawn(follow::follow(Arc::clone(&shared)));
        Ok(Self { shared, follower })
    }
}

fn open(config: &RedisConfig) -> redis::RedisResult<Client> {
    // Appends are small, and many are under way at once.
    let tcp = TcpSettings::default().set_nodelay(true);
    // A peer that vanished without a word is given up, or every request would wait for it.
    #[cfg(target_os = "linux")]
    let tcp = tcp.set_user_timeout(config.timeout);
    let address = config.url.as_str().into_connection_info()?;
    Client::open(address.set_tcp_settings(tcp))
}

impl Drop for RedisLog {
    fn drop(&mut self) {
        self.follower.abort();
    }
}

/// The kind of an error. Redis's own sentence may repeat data that was sent to it, and errors are logged.
fn failed(error: redis::RedisError) -> LogError {
    let kind = error.category();
    LogError::Store(match error.code() {
        Some(code) => format!("Redis: {kind} ({code})"),
        None if error.is_io_error() => format!("Redis: {error}"),
        None => format!("Redis: {kind}"),
    })
}

impl Shared {
    fn global_key(&self, name: &str) -> String {
        format!("{}:{name}", self.config.prefix)
    }

    /// The prefix of a session's keys; with an empty name, the prefix of all keys.
    fn key(&self, session: &SessionId, part: &str) -> String {
        format!("{}:s:{}:{part}", self.config.prefix, session.as_str())
    }

    fn keys(&self, session: &SessionId) -> Vec<String> {
        let parts = ["meta", "log", "messages", "order", "open", "nodes", "spare"];
        parts.iter().map(|part| self.key(session, part)).collect()
    }

    async fn ask<T: FromRedisValue>(&self, command: &redis::Cmd) -> Result<T, LogError> {
        let mut connection = self.connection.clone();
        self.in_time(command.query_async(&mut connection)).await
    }

    async fn ask_all<T: FromRedisValue>(&self, commands: &redis::Pipeline) -> Result<T, LogError> {
        let mut connection = self.connection.clone();
        self.in_time(commands.query_async(&mut connection)).await
    }

    async fn call<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Result<T, LogError> {
        let mut connection = self.connection.clone();
        self.in_time(script.invoke_async(&mut connection)).await
    }

    async fn in_time<T>(
        &self,
        answer: impl Future<Output = redis::RedisResult<T>>,
    ) -> Result<T, LogError> {
        match tokio::time::timeout(self.config.timeout, answer).await {
            Ok(answer) => answer.map_err(failed),
            Err(_) => Err(LogError::Store("Redis did not answer in time".to_owned())),
        }
    }

    /// The run of Redis as it was last seen.
    fn run(&self) -> Arc<Run> {
        Arc::clone(&self.run.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Looks which run of Redis this is, and whether it keeps what it acknowledges.
    async fn look_at_run(&self) -> Result<Arc<Run>, LogError> {
        let run = Arc::new(durability::look(self).await?);
        let before = {
            let mut known = self.run.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *known, Arc::clone(&run))
        };
        if !run.is_safe && *before != *run {
            tracing::warn!(
                "Redis may lose what it acknowledged when it restarts: set appendonly yes, appendfsync always, and no replicas"
            );
        }
        Ok(run)
    }
}

impl SessionLog for RedisLog {
    fn append<'a>(&'a self, session: &'a SessionId, batch: Batch) -> Answer<'a, Appended> {
        self.shared.append(session, batch).boxed()
    }

    fn bounds<'a>(&'a self, session: &'a SessionId) -> Answer<'a, Bounds> {
        self.shared.bounds(session).boxed()
    }

    fn records<'a>(
        &'a self,
        session: &'a SessionId,
        after: Cursor,
        limit: usize,
        bytes: usize,
    ) -> Answer<'a, Vec<Record>> {
        self.shared.records(session, after, limit, bytes).boxed()
    }

    fn messages<'a>(
        &'a self,
        session: &'a SessionId,
        before: u64,
        limit: usize,
    ) -> Answer<'a, Vec<MessageHead>> {
        let range = Messages::Before(before, limit);
        self.shared.messages(session, range).boxed()
    }

    fn streaming<'a>(&'a self, session: &'a SessionId) -> Answer<'a, Vec<MessageHead>> {
        self.shared.messages(session, Messages::Streaming).boxed()
    }

    fn compact<'a>(
        &'a self,
        session: &'a SessionId,
        epoch: Epoch,
        nodes: Vec<Node>,
    ) -> Answer<'a, ()> {
        async move { self.shared.compact(session, epoch, &nodes).await }.boxed()
    }

    fn trim<'a>(&'a self, session: &'a SessionId, through: Cursor) -> Answer<'a, ()> {
        self.shared.trim(session, through).boxed()
    }

    fn delete<'a>(&'a self, session: &'a SessionId) -> Answer<'a, ()> {
        self.shared.delete(session).boxed()
    }

    fn was_deleted<'a>(&'a self, session: &'a SessionId) -> Answer<'a, bool> {
        self.shared.was_deleted(session).boxed()
    }

    fn orphans(&self, limit: usize) -> Answer<'_, Vec<Orphan>> {
        self.shared.orphans(limit).boxed()
    }

    fn abort<'a>(&'a self, orphan: &'a Orphan, status: EndStatus) -> Answer<'a, Appended> {
        self.shared.abort(orphan, status).boxed()
    }

    fn sessions(&self) -> Answer<'_, Vec<SessionId>> {
        self.shared.sessions().boxed()
    }

    fn watch(&self, session: &SessionId) -> watch::Receiver<u64> {
        self.shared.watchers.watch(session)
    }
}
