//! Writing to sessions without waiting for their store.
//!
//! One task per session with unsent changes sends batches in order, one at a time. Appends in the meantime wait in the
//! [`Outbox`]. A batch whose result is unknown is sent again unchanged, and the log applies it once. After
//! [`ProducerOptions::repair_after`] failures, its messages are sent whole, and appends go on from there.

mod encoder;
mod line;
mod outbox;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rejoin_wire::{
    RunId,
    message::Message,
    session::{Change, EndStatus},
};
use tokio::{
    runtime::Handle,
    sync::{Notify, watch},
};

pub use encoder::{Ending, MessageWriter};
pub use line::Stopped;

use crate::{
    SessionError, Sessions,
    log::{Batch, LogError, ProducerId, SessionId},
};
use outbox::{Outbox, OutboxLimits};

/// A batch is closed once it has so many changes.
const BATCH_CHANGES: usize = 256;
/// A batch is closed once it is so long.
const BATCH_BYTES: usize = 256 << 10;
/// How long a session without anything to say keeps its task.
const IDLE: Duration = Duration::from_secs(5);

/// How a producer writes.
#[derive(Debug, Clone)]
pub struct ProducerOptions {
    /// For how long its messages are its own without a word from it; it renews three times as often. Default: 15 s.
    pub lease: Duration,
    /// How long it waits for the store's answer before it sends a batch again. Default: 5 s.
    pub attempt: Duration,
    /// The pause after the first failure; it doubles with each. Default: 50 ms.
    pub backoff_first: Duration,
    /// The longest pause. Default: 2 s.
    pub backoff_max: Duration,
    /// After so many failures of a batch its messages are said whole. Default: 4.
    pub repair_after: u32,
}

impl Default for ProducerOptions {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(15),
            attempt: Duration::from_secs(5),
            backoff_first: Duration::from_millis(50),
            backoff_max: Duration::from_secs(2),
            repair_after: 4,
        }
    }
}

/// A process's way into its sessions. Cheap to clone.
#[derive(Clone)]
pub struct Producer {
    shared: Arc<Shared>,
}

struct Shared {
    id: ProducerId,
    sessions: Arc<Sessions>,
    options: ProducerOptions,
    limits: OutboxLimits,
    lanes: Mutex<HashMap<SessionId, Arc<Lane>>>,
    stopping: AtomicBool,
    runtime: Handle,
}

/// One session and what is to be said to it.
struct Lane {
    session: SessionId,
    state: Mutex<State>,
    /// There is something to say.
    wake: Notify,
    /// Something was stored, or given up.
    progress: watch::Sender<()>,
}

struct State {
    outbox: Outbox,
    /// Its task has gone: whoever has something to say makes another lane.
    is_closed: bool,
}

/// The next action of a lane's task.
enum Step {
    Send(Vec<Change>),
    Wait { renew: bool },
}

impl Producer {
    /// A producer with an id drawn by chance.
    ///
    /// # Panics
    /// Outside of a tokio runtime: its tasks run in the one it is made in.
    pub fn new(sessions: Arc<Sessions>, options: ProducerOptions) -> Self {
        let limits = sessions.limits();
        let options = ProducerOptions {
            lease: options.lease.min(limits.lease_max),
            ..options
        };
        let limits = OutboxLimits {
            // Said whole in one batch, with what else is in it.
            message_bytes_max: limits.message_bytes_max.min(limits.batch_bytes_max / 2),
            batch_changes: BATCH_CHANGES.min(limits.batch_changes_max / 2),
            batch_bytes: BATCH_BYTES.min(limits.batch_bytes_max / 4),
        };
        let shared = Shared {
            id: ProducerId(uuid::Uuid::new_v4().simple().to_string()),
            sessions,
            options,
            limits,
            lanes: Mutex::default(),
            stopping: AtomicBool::new(false),
            runtime: Handle::current(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Its id.
    pub fn id(&self) -> &ProducerId {
        &self.shared.id
    }

    /// The sessions that it writes to.
    pub fn sessions(&self) -> &Arc<Sessions> {
        &self.shared.sessions
    }

    /// Begins a message, with what is known of it. Returns at once, as everything of the writer does that is not
    /// `async`.
    ///
    /// `None` where the message has no id, or this producer is streaming it already.
    pub fn begin(
        &self,
        session: &SessionId,
        message: Message,
        run_id: Option<RunId>,
    ) -> Option<MessageWriter> {
        let mut message = Some((message, run_id));
        let begin = |outbox: &mut Outbox| {
            let (message, run_id) = message.take()?;
            outbox.begin(message, run_id)
        };
        let (lane, (id, fate)) = self.with(session, begin)?;
        let writer = MessageWriter::new(lane, id, fate);
        if self.shared.stopping.load(Ordering::SeqCst) {
            writer.lane().with(Outbox::stop);
        }
        Some(writer)
    }

    /// Goes on with a message of this producer that was given up, from what it is now.
    pub fn resume(
        &self,
        session: &SessionId,
        message: Message,
        pieces: u64,
    ) -> Option<MessageWriter> {
        let mut message = Some(message);
        let resume = |outbox: &mut Outbox| outbox.resume(message.take()?, pieces);
        let (lane, (id, fate)) = self.with(session, resume)?;
        Some(MessageWriter::new(lane, id, fate))
    }

    /// Says something about a message that is not being streamed.
    pub fn say(&self, session: &SessionId, change: Change) {
        let mut change = Some(change);
        self.with(session, |outbox| {
            if let Some(change) = change.take() {
                outbox.say(change);
            }
            Some(())
        });
    }

    /// A message that is whole.
    pub fn say_whole(
        &self,
        session: &SessionId,
        message: Message,
        run_id: Option<RunId>,
        status: EndStatus,
    ) {
        let mut message = Some((message, run_id, status));
        self.with(session, |outbox| {
            if let Some((message, run_id, status)) = message.take()
                && let Some((id, _)) = outbox.begin(message, run_id)
            {
                outbox.end(&id, status);
            }
            Some(())
        });
    }

    /// Waits until all that was said to a session is stored, or given up.
    pub async fn flush(&self, session: &SessionId) {
        let lane = self.lanes().get(session).cloned();
        if let Some(lane) = lane {
            lane.until(Outbox::is_idle).await;
        }
    }

    /// The memory held by messages that are not stored yet, in bytes of JSON.
    pub fn held_bytes(&self) -> usize {
        let lanes: Vec<Arc<Lane>> = self.lanes().values().cloned().collect();
        lanes
            .iter()
            .map(|lane| lane.lock().outbox.held_bytes())
            .sum()
    }

    /// The same of one session.
    pub fn held_bytes_of(&self, session: &SessionId) -> usize {
        let lane = self.lanes().get(session).cloned();
        lane.map_or(0, |lane| lane.lock().outbox.held_bytes())
    }

    /// Drops all that is not stored of a session; its messages that are being streamed are stopped.
    pub fn give_up(&self, session: &SessionId) {
        let lane = self.lanes().get(session).cloned();
        if let Some(lane) = lane {
            lane.with(Outbox::give_up);
        }
    }

    /// Ends every message that is being streamed as `aborted`, reason `server_stopping`, and waits until that is stored
    /// or `patience` is over. Returns whether it is.
    pub async fn shutdown(&self, patience: Duration) -> bool {
        self.shared.stopping.store(true, Ordering::SeqCst);
        let lanes: Vec<Arc<Lane>> = self.lanes().values().cloned().collect();
        for lane in &lanes {
            lane.with(Outbox::stop);
        }
        let stored = async {
            for lane in &lanes {
                lane.until(Outbox::is_idle).await;
            }
        };
        tokio::time::timeout(patience, stored).await.is_ok()
    }

    /// Works on a session's outbox; `None` and nothing else where the work is refused.
    fn with<T>(
        &self,
        session: &SessionId,
        mut work: impl FnMut(&mut Outbox) -> Option<T>,
    ) -> Option<(Arc<Lane>, T)> {
        loop {
            let lane = self.lane(session);
            let mut state = lane.lock();
            if state.is_closed {
                continue;
            }
            let done = work(&mut state.outbox);
            drop(state);
            lane.wake.notify_one();
            return done.map(|done| (lane, done));
        }
    }

    fn lane(&self, session: &SessionId) -> Arc<Lane> {
        let mut lanes = self.lanes();
        if let Some(lane) = lanes.get(session)
            && !lane.lock().is_closed
        {
            return Arc::clone(lane);
        }
        let lane = Arc::new(Lane {
            session: session.clone(),
            state: Mutex::new(State {
                outbox: Outbox::new(self.shared.limits),
                is_closed: false,
            }),
            wake: Notify::new(),
            progress: watch::Sender::new(()),
        });
        lanes.insert(session.clone(), Arc::clone(&lane));
        self.shared
            .runtime
            .spawn(run(Arc::clone(&self.shared), Arc::clone(&lane)));
        lane
    }

    fn lanes(&self) -> MutexGuard<'_, HashMap<SessionId, Arc<Lane>>> {
        self.shared.lanes()
    }
}

impl Shared {
    fn lanes(&self) -> MutexGuard<'_, HashMap<SessionId, Arc<Lane>>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn batch(&self, changes: Vec<Change>) -> Batch {
        Batch {
            producer: self.id.clone(),
            changes,
            lease: self.options.lease,
        }
    }

    /// The pause after `failures` failures in a row: half of it fixed, half of it by chance, so that many producers do not
    /// come back at once.
    fn pause(&self, failures: u32) -> Duration {
        let doubled = 2u32.saturating_pow(failures.saturating_sub(1).min(16));
        let whole = (self.options.backoff_first * doubled).min(self.options.backoff_max);
        whole / 2 + whole.mul_f64(chance() / 2.0)
    }
}

/// A number from 0 to 1, by chance: what spreads the pauses of many.
pub fn chance() -> f64 {
    let drawn = uuid::Uuid::new_v4().as_u128() as u32;
    f64::from(drawn) / f64::from(u32::MAX)
}

impl Lane {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Works on the outbox and lets its task look.
    fn with<T>(&self, work: impl FnOnce(&mut Outbox) -> T) -> T {
        let done = work(&mut self.lock().outbox);
        self.wake.notify_one();
        self.progress.send_replace(());
        done
    }

    /// Looks at the outbox.
    fn peek<T>(&self, read: impl FnOnce(&Outbox) -> T) -> T {
        read(&self.lock().outbox)
    }

    /// Waits until the outbox is as asked.
    async fn until(&self, is_so: impl Fn(&Outbox) -> bool) {
        let mut progress = self.progress.subscribe();
        while !self.peek(&is_so) && progress.changed().await.is_ok() {}
    }

    fn step(&self) -> Step {
        let mut state = self.lock();
        let changes = state.outbox.take();
        if !changes.is_empty() {
            return Step::Send(changes.to_vec());
        }
        Step::Wait {
            renew: state.outbox.has_open(),
        }
    }

    /// Whether there is nothing more to do; from then on it takes nothing.
    fn close(&self) -> bool {
        let mut state = self.lock();
        state.is_closed = state.outbox.is_idle() && !state.outbox.has_open();
        state.is_closed
    }

    /// Waits for something to say. Whether there is, before the time is over.
    async fn wait_for_work(&self, within: Duration) -> bool {
        tokio::time::timeout(within, self.wake.notified())
            .await
            .is_ok()
    }
}

/// Says what there is to say, for as long as there is.
async fn run(shared: Arc<Shared>, lane: Arc<Lane>) {
    loop {
        match lane.step() {
            Step::Send(changes) => send(&shared, &lane, changes).await,
            Step::Wait { renew: true } => {
                if !lane.wait_for_work(shared.options.lease / 3).await {
                    renew(&shared, &lane).await;
                }
            }
            Step::Wait { renew: false } => {
                if !lane.wait_for_work(IDLE).await && lane.close() {
                    let mut lanes = shared.lanes();
                    // Another lane may have taken its place already.
                    if lanes
                        .get(&lane.session)
                        .is_some_and(|at| Arc::ptr_eq(at, &lane))
                    {
                        lanes.remove(&lane.session);
                    }
                    return;
                }
            }
        }
    }
}

/// Keeps messages that are silent. A failure is not followed up: the next batch, or the next time, does as well.
async fn renew(shared: &Shared, lane: &Lane) {
    let renewed = shared
        .sessions
        .publish(&lane.session, shared.batch(Vec::new()));
    if !matches!(
        tokio::time::timeout(shared.options.attempt, renewed).await,
        Ok(Ok(_))
    ) {
        tracing::debug!(
            session = lane.session.as_str(),
            "a lease could not be renewed"
        );
    }
}

/// Sends one batch until its fate is known.
async fn send(shared: &Shared, lane: &Lane, mut changes: Vec<Change>) {
    let mut failures = 0;
    while !changes.is_empty() {
        let answer = shared
            .sessions
            .publish(&lane.session, shared.batch(changes));
        match tokio::time::timeout(shared.options.attempt, answer).await {
            Ok(Ok(_)) => {
                lane.update(Outbox::confirm);
                lane.progress.send_replace(());
                return;
            }
            // Only removals, of a session that is not there.
            Ok(Err(SessionError::Log(LogError::NotFound))) => {
                lane.update(Outbox::confirm);
                lane.progress.send_replace(());
                return;
            }
            Ok(Err(error)) if refused(lane, &error) => {
                lane.progress.send_replace(());
            }
            failed => {
                failures += 1;
                shared.sessions.metrics().append_retried();
                let why = failed.map_or_else(
                    |_| "no answer in time".to_owned(),
                    |answer| {
                        answer
                            .err()
                            .map(|error| error.to_string())
                            .unwrap_or_default()
                    },
                );
                tracing::debug!(
                    session = lane.session.as_str(),
                    failures,
                    why,
                    "a batch could not be stored"
                );
                tokio::time::sleep(shared.pause(failures)).await;
                if failures % shared.options.repair_after.max(1) == 0 {
                    let repaired = lane.update(Outbox::rewind);
                    for _ in 0..repaired {
                        shared.sessions.metrics().message_repaired();
                    }
                    tracing::info!(
                        session = lane.session.as_str(),
                        failures,
                        repaired,
                        "messages are sent whole"
                    );
                }
            }
        }
        changes = lane.update(|outbox| outbox.take().to_vec());
    }
    // Everything was refused or given up.
    lane.progress.send_replace(());
}

/// Whether the log refused a message, which is then out: the rest of the batch can go on.
fn refused(lane: &Lane, error: &SessionError) -> bool {
    let why = match error {
        SessionError::MessageTooLarge { id, .. } => {
            return lane.update(|outbox| outbox.refuse_too_large(id));
        }
        SessionError::Log(LogError::Fenced(id) | LogError::MessageExists(id)) => {
            (id, Stopped::Fenced)
        }
        SessionError::Log(LogError::MessageEnded(id)) => (id, Stopped::Ended),
        SessionError::Log(LogError::MessageNotFound(id)) => (id, Stopped::Removed),
        SessionError::Log(LogError::PieceGap { id, .. }) if lane.peek(|outbox| outbox.has(id)) => {
            // The log has lost pieces that it had acknowledged.
            lane.update(Outbox::rewind);
            return true;
        }
        SessionError::Log(LogError::PieceGap { id, .. }) => (id, Stopped::Removed),
        SessionError::Log(LogError::InvalidSession) | SessionError::Invalid(_) => {
            tracing::error!(session = lane.session.as_str(), %error, "a batch can never be stored");
            lane.update(Outbox::give_up);
            return true;
        }
        SessionError::Log(LogError::NotFound | LogError::Store(_))
        | SessionError::Log(LogError::Damaged)
        | SessionError::Damaged { .. } => return false,
    };
    lane.update(|outbox| outbox.refuse(why.0, why.1))
}

impl Lane {
    /// Works on the outbox from its own task.
    fn update<T>(&self, work: impl FnOnce(&mut Outbox) -> T) -> T {
        work(&mut self.lock().outbox)
    }
}

impl std::fmt::Debug for Producer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Producer")
            .field("id", &self.shared.id)
            .finish_non_exhaustive()
    }
}
