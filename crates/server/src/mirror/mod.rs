//! Runs of this server write their threads' conversations to sessions: a session has its thread's id.
//!
//! A run reports its steps and goes on; a [`Replica`] per thread works out the changes that the session needs. While a
//! session may differ from its thread, a mark in the server's own store says so, and names the producer that was writing.
//! The next start ends that producer's messages and repairs the session.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use rejoin_wire::{
    MessageId,
    message::Message,
    session::{Change, EndStatus},
};

use tokio::{runtime::Handle, sync::watch};

mod replica;

use crate::{
    error::ServerError,
    ids::{RunId, ThreadId},
    live::{CancelAction, LiveRun},
    rows::{CheckpointRow, RunRow},
    sessions::{
        Producer, SessionError, Stopped, chance,
        log::{Batch, LogError, MessageHead, ProducerId, SessionId},
        store::{Store, Tx},
    },
    tables::{Rows as _, Tables as _},
};
use replica::{Held, Replica};

/// Message heads per read of a session.
const HEADS_PER_READ: usize = 200;
/// The lease of a producer that has gone, while its messages are ended.
const LEASE_OF_GONE: Duration = Duration::from_secs(1);
/// Between two tries of a store that fails, at most.
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// The conversations of this server's threads, in sessions.
pub(crate) struct Mirror {
    producer: Producer,
    store: Store,
    threads: Mutex<HashMap<ThreadId, Entry>>,
    runtime: Handle,
}

struct Entry {
    shadow: Arc<Shadow>,
    /// Runs and changes that are not stored yet; without any the thread is forgotten here.
    users: usize,
}

/// One thread.
struct Shadow {
    thread: ThreadId,
    session: SessionId,
    replica: Mutex<Replica>,
    /// The session was read.
    ready: watch::Sender<()>,
}

impl Shadow {
    fn lock(&self) -> MutexGuard<'_, Replica> {
        self.replica.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The messages of a state, with what tasks of a step have written that waits for an answer.
pub(crate) fn conversation(head: Option<&CheckpointRow>) -> Vec<Held> {
    head.map_or_else(Vec::new, |head| Held::list(&head.conversation()))
}

/// The messages of a thread now.
fn held(store: &Store, thread: ThreadId) -> Result<Vec<Held>, ServerError> {
    let stored = store.read()?;
    let thread = stored.thread(thread)?;
    Ok(conversation(stored.head(&thread)?.as_ref()))
}

impl Mirror {
    pub(crate) fn new(producer: Producer, store: Store) -> Arc<Self> {
        Arc::new(Self {
            producer,
            store,
            threads: Mutex::default(),
            runtime: Handle::current(),
        })
    }

    /// The producer, for the mark of a thread that differs from its session.
    pub(crate) fn producer(&self) -> &Producer {
        &self.producer
    }

    /// A run's way in. Nothing happens before [`RunMirror::enter`].
    pub(crate) fn run(self: &Arc<Self>, run: &RunRow, live: &Arc<LiveRun>) -> RunMirror {
        RunMirror(Arc::new(OfRun {
            mirror: Arc::clone(self),
            thread: run.thread_id,
            run: run.run_id,
            live: Arc::clone(live),
            shadow: OnceLock::new(),
        }))
    }

    /// A thread's state was changed by hand; `before` is what it held. The change is marked as [`RunId::NONE`].
    pub(crate) fn follow(self: &Arc<Self>, thread: ThreadId, before: &[Held]) {
        let shadow = self.enter(thread, None, before);
        self.finish(&shadow, RunId::NONE);
    }

    /// A thread was deleted, and marked as [`RunId::NONE`]: so is its session.
    pub(crate) fn delete(self: &Arc<Self>, thread: ThreadId) {
        let shadow = self.shadow(thread, &[]);
        shadow.lock().delete();
        shadow.ready.send_replace(());
        let mirror = Arc::clone(self);
        self.runtime.spawn(async move {
            // What was on its way would make the session anew.
            mirror.producer.flush(&shadow.session).await;
            let mut pause = Pause::default();
            while let Err(error) = mirror.producer.sessions().delete(&shadow.session).await {
                if error == SessionError::Log(LogError::NotFound) {
                    break;
                }
                pause.wait(&shadow, &error).await;
            }
            mirror.forget(&shadow).await;
        });
    }

    /// Puts right the sessions of threads that the last process left behind.
    ///
    /// # Errors
    /// The server's own store fails. The store of sessions is waited for elsewhere.
    pub(crate) fn recover(self: &Arc<Self>) -> Result<(), ServerError> {
        let stored = self.store.read()?;
        let mut marks: HashMap<ThreadId, Vec<(RunId, ProducerId)>> = HashMap::new();
        for (thread, run, producer) in stored.unmirrored(None)? {
            let producer = ProducerId(producer);
            marks.entry(thread).or_default().push((run, producer));
        }
        for (thread, marks) in marks {
            match held(&self.store, thread) {
                Ok(_) => {}
                Err(ServerError::ThreadNotFound(_)) => {
                    self.delete(thread);
                    continue;
                }
                Err(error @ ServerError::Store(_)) => return Err(error),
                Err(error) => {
                    tracing::error!(%thread, %error, "a thread cannot be read; it can be deleted");
                    continue;
                }
            }
            // Only what a single run changed is known.
            let run = match marks.as_slice() {
                [(run, _)] => stored.run(thread, *run).ok(),
                _ => None,
            };
            let base = run.as_ref().and_then(|run| run.base);
            // Without it less is known of what the run changed.
            let base = base.and_then(|base| stored.checkpoint(thread, base).ok());
            let producers: Vec<ProducerId> = marks.iter().map(|(_, by)| by.clone()).collect();
            let shadow = self.shadow(thread, &producers);
            {
                let mut replica = shadow.lock();
                let run_id = run.as_ref().map(|run| run.run_id.to_string().into());
                let before = conversation(base.as_ref());
                replica.enter(run_id, &before, run.is_some());
            }
            for (run, _) in marks.iter().skip(1) {
                self.hold(thread);
                self.settle(&shadow, *run);
            }
            if let Some((run, _)) = marks.first() {
                self.finish(&shadow, *run);
            }
        }
        Ok(())
    }

    fn enter(
        self: &Arc<Self>,
        thread: ThreadId,
        run: Option<RunId>,
        before: &[Held],
    ) -> Arc<Shadow> {
        let shadow = self.shadow(thread, &[]);
        let marks = self
            .store
            .read()
            .map_err(ServerError::from)
            .and_then(|stored| stored.unmirrored(Some(thread)));
        // Its own mark is one of them.
        let is_in_sync = marks.is_ok_and(|marks| marks.len() <= 1);
        let run_id = run.map(|run| run.to_string().into());
        shadow.lock().enter(run_id, before, is_in_sync);
        shadow
    }

    /// The thread's shadow, with one user more. `gone` are producers of a process that has ended.
    fn shadow(self: &Arc<Self>, thread: ThreadId, gone: &[ProducerId]) -> Arc<Shadow> {
        let mut threads = self.threads();
        if let Some(entry) = threads.get_mut(&thread) {
            entry.users += 1;
            return Arc::clone(&entry.shadow);
        }
        let session = thread.session();
        let replica = Replica::new(session.clone(), self.producer.clone());
        let shadow = Arc::new(Shadow {
            thread,
            session,
            replica: Mutex::new(replica),
            ready: watch::Sender::new(()),
        });
        let entry = Entry {
            shadow: Arc::clone(&shadow),
            users: 1,
        };
        threads.insert(thread, entry);
        self.read(&shadow, gone.to_vec());
        shadow
    }

    fn hold(&self, thread: ThreadId) {
        if let Some(entry) = self.threads().get_mut(&thread) {
            entry.users += 1;
        }
    }

    /// Reads the session, as soon as its store answers.
    fn read(self: &Arc<Self>, shadow: &Arc<Shadow>, gone: Vec<ProducerId>) {
        let (mirror, shadow) = (Arc::clone(self), Arc::clone(shadow));
        self.runtime.spawn(async move {
            let mut pause = Pause::default();
            let heads = loop {
                if shadow.lock().is_deleted {
                    return;
                }
                match mirror.take_over(&shadow, &gone).await {
                    Ok(heads) => break heads,
                    Err(error) => pause.wait(&shadow, &error).await,
                }
            };
            shadow.lock().read(&heads);
            shadow.ready.send_replace(());
        });
    }

    /// Reads the session's messages, and ends those that the last process was streaming: it can say nothing any more.
    async fn take_over(
        &self,
        shadow: &Shadow,
        gone: &[ProducerId],
    ) -> Result<Vec<MessageHead>, SessionError> {
        let heads = self.heads(&shadow.session).await?;
        if gone.is_empty() {
            return Ok(heads);
        }
        let kept = held(&self.store, shadow.thread).unwrap_or_default();
        let of_gone = |head: &&MessageHead| gone.contains(&head.producer);
        let mut lost: Vec<MessageId> = Vec::new();
        for head in heads
            .iter()
            .filter(of_gone)
            .filter(|head| head.ended.is_none())
        {
            let held = kept.iter().find(|held| held.id == head.id);
            if held.is_none() {
                lost.push(head.id.clone());
            }
            self.end_of(shadow, head, held).await?;
        }
        // What was shown of a run that keeps no events stays, though its thread does not have it.
        let own = heads.iter().filter(of_gone).map(|head| head.id.clone());
        shadow.lock().add_own(own.filter(|id| !lost.contains(id)));
        Ok(heads)
    }

    /// Ends a message in its producer's name, as the thread has it.
    async fn end_of(
        &self,
        shadow: &Shadow,
        head: &MessageHead,
        held: Option<&Held>,
    ) -> Result<(), SessionError> {
        let reason = "server_restarted".to_owned();
        let status = held.map_or(EndStatus::Aborted { reason }, Held::status);
        let mut changes: Vec<_> = held
            .and_then(|held| held.repaired(head.pieces))
            .into_iter()
            .collect();
        let id = head.id.clone();
        changes.push(Change::Ended { id, status });
        let batch = Batch {
            producer: head.producer.clone(),
            changes,
            lease: LEASE_OF_GONE,
        };
        match self
            .producer
            .sessions()
            .publish(&shadow.session, batch)
            .await
        {
            Err(error @ SessionError::Log(LogError::Store(_))) => Err(error),
            // Ended or removed meanwhile.
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// The heads of all messages of a session, oldest first.
    async fn heads(&self, session: &SessionId) -> Result<Vec<MessageHead>, SessionError> {
        let log = self.producer.sessions().log();
        let mut heads: Vec<MessageHead> = Vec::new();
        loop {
            let before = heads.last().map_or(u64::MAX, |head| head.position);
            match log.messages(session, before, HEADS_PER_READ).await {
                Ok(page) if page.is_empty() => break,
                Ok(page) => heads.extend(page),
                Err(LogError::NotFound) => break,
                Err(error) => return Err(error.into()),
            }
        }
        heads.reverse();
        Ok(heads)
    }

    /// The last word of a run (or of a change by hand): its thread is in the store.
    fn finish(self: &Arc<Self>, shadow: &Arc<Shadow>, run: RunId) {
        match held(&self.store, shadow.thread) {
            Ok(held) => self.set_conversation(shadow, held),
            Err(error) => {
                tracing::debug!(thread = %shadow.thread, %error, "a run's last state could not be read");
                shadow.lock().abandon();
            }
        }
        self.settle(shadow, run);
    }

    fn set_conversation(self: &Arc<Self>, shadow: &Arc<Shadow>, held: Vec<Held>) {
        let mut replica = shadow.lock();
        replica.set_conversation(held);
        let is_behind = replica.give_up_if_behind();
        drop(replica);
        if is_behind {
            self.read(shadow, Vec::new());
        }
    }

    /// Takes the mark away once the session holds everything.
    fn settle(self: &Arc<Self>, shadow: &Arc<Shadow>, run: RunId) {
        let (mirror, shadow) = (Arc::clone(self), Arc::clone(shadow));
        self.runtime.spawn(async move {
            let mut ready = shadow.ready.subscribe();
            loop {
                while !shadow.lock().is_ready() {
                    // The sender is in the shadow.
                    let _ = ready.changed().await;
                }
                mirror.producer.flush(&shadow.session).await;
                if shadow.lock().is_ready() {
                    break;
                }
            }
            mirror.leave(&shadow, run).await;
        });
    }

    async fn leave(&self, shadow: &Shadow, run: RunId) {
        let thread = shadow.thread;
        self.clear_mark(move |tx| tx.remove_unmirrored(thread, run))
            .await;
        self.release(thread);
    }

    async fn forget(&self, shadow: &Shadow) {
        let thread = shadow.thread;
        self.clear_mark(move |tx| {
            tx.remove_all_unmirrored(thread);
            Ok(())
        })
        .await;
        self.release(thread);
    }

    async fn clear_mark(
        &self,
        clear_mark: impl FnOnce(&Tx) -> Result<(), ServerError> + Send + 'static,
    ) {
        if let Err(error) = self.store.write(clear_mark).await {
            tracing::debug!(%error, "a mark stays; the next start looks at the session again");
        }
    }

    fn release(&self, thread: ThreadId) {
        let mut threads = self.threads();
        if let Some(entry) = threads.get_mut(&thread) {
            entry.users -= 1;
            if entry.users == 0 {
                threads.remove(&thread);
            }
        }
    }

    fn threads(&self) -> MutexGuard<'_, HashMap<ThreadId, Entry>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Longer and longer pauses.
#[derive(Default)]
struct Pause(u32);

impl Pause {
    async fn wait(&mut self, shadow: &Shadow, error: &SessionError) {
        self.0 = self.0.saturating_add(1);
        let pause = Duration::from_millis(50) * 2u32.saturating_pow(self.0.min(10));
        tracing::debug!(thread = %shadow.thread, %error, "a session cannot be reached");
        tokio::time::sleep(pause.min(PAUSE_MAX).mul_f64(0.5 + chance() / 2.0)).await;
    }
}

/// A run's reports to its session. Cheap to clone; never waits.
#[derive(Clone)]
pub(crate) struct RunMirror(Arc<OfRun>);

struct OfRun {
    mirror: Arc<Mirror>,
    thread: ThreadId,
    run: RunId,
    live: Arc<LiveRun>,
    shadow: OnceLock<Arc<Shadow>>,
}

impl RunMirror {
    /// The run begins, and is marked. `before` is what its thread holds.
    pub(crate) fn enter(&self, before: &[Held]) {
        let run = &self.0;
        run.shadow
            .get_or_init(|| run.mirror.enter(run.thread, Some(run.run), before));
    }

    /// The state is another.
    pub(crate) fn state(&self, at: &CheckpointRow) {
        if let Some(shadow) = self.0.shadow.get() {
            self.0
                .mirror
                .set_conversation(shadow, conversation(Some(at)));
        }
    }

    /// A piece of a message was stored and shown.
    pub(crate) fn piece(&self, chunk: Message) {
        let run = &self.0;
        let Some(shadow) = run.shadow.get() else {
            return;
        };
        let id = chunk.id.clone();
        let mut replica = shadow.lock();
        let said = replica.piece(&run.run.to_string().into(), chunk);
        let is_behind = replica.give_up_if_behind();
        drop(replica);
        if is_behind {
            run.mirror.read(shadow, Vec::new());
        }
        if let (Err(Stopped::Ended), Some(id)) = (said, id) {
            let (run, session) = (Arc::clone(run), shadow.session.clone());
            run.mirror.runtime.clone().spawn(async move {
                // Whether a person did that is not in the refusal. A lease that was over is no reason to stop the run.
                let heads = run.mirror.heads(&session).await.unwrap_or_default();
                let head = heads.iter().find(|head| head.id == id);
                if head.is_some_and(|head| head.ended == Some(EndStatus::Cancelled)) {
                    run.live.cancel(CancelAction::Interrupt);
                }
            });
        }
    }

    /// The run has ended; its thread is in the store.
    pub(crate) fn finish(&self) {
        if let Some(shadow) = self.0.shadow.get() {
            self.0.mirror.finish(shadow, self.0.run);
        }
    }
}
