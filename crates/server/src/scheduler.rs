//! Runs from their creation to their end: one at a time per thread, each watched for cancel, failure and panic.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rejoin_wire::request::{MultitaskStrategy, RunRequest};
use tokio::sync::{oneshot, watch};

use crate::{
    agents::{AgentError, Agents, Emitter},
    auth::Permit,
    error::ServerError,
    ids::{RunId, ThreadId},
    live::{CancelAction, LiveRun},
    mirror::{Mirror, conversation},
    published::Counts as _,
    quotas::Quotas,
    rows::RunRow,
    run_changes::{Outcome, begin_run, finish, insert_run, new_run},
    runner::{Runner, Stops},
    sessions::store::{Store, Tx},
    tables::{Rows, Tables as _},
};

/// Everything the endpoints share.
pub(crate) struct Scheduler {
    pub(crate) store: Store,
    pub(crate) agents: Agents,
    /// The threads' sessions; none in some tests.
    pub(crate) mirror: Option<Arc<Mirror>>,
    pub(crate) quotas: Arc<Quotas>,
    slots: Mutex<Slots>,
    stopping: watch::Sender<bool>,
    /// Whether the server is about to stop.
    draining: AtomicBool,
}

#[derive(Default)]
struct Slots {
    live: HashMap<RunId, Arc<LiveRun>>,
    /// Threads with a run, and the runs that wait for it.
    turns: HashMap<ThreadId, VecDeque<oneshot::Sender<()>>>,
}

/// For how long the thread of a run without one stays after the run, so that its reader can come back.
const TEMPORARY_KEPT: Duration = Duration::from_secs(60);

/// A run that is asked for.
pub(crate) struct NewRun {
    pub(crate) thread_id: ThreadId,
    pub(crate) request: RunRequest,
    /// How long it waits before it asks for its thread.
    pub(crate) after: Duration,
    /// Whether its thread goes after it.
    pub(crate) is_temporary: bool,
}

impl Scheduler {
    pub(crate) fn new(
        store: Store,
        agents: Agents,
        mirror: Option<Arc<Mirror>>,
        quotas: Arc<Quotas>,
    ) -> Arc<Self> {
        Arc::new(Self {
            store,
            agents,
            mirror,
            quotas,
            slots: Mutex::default(),
            stopping: watch::Sender::new(false),
            draining: AtomicBool::new(false),
        })
    }

    /// Makes a run and lets it start as soon as its thread is free.
    ///
    /// # Errors
    /// Unknown assistant, thread or checkpoint; a malformed input; a busy thread under `reject`; a failing store.
    pub(crate) async fn create_run(
        self: &Arc<Self>,
        asked: NewRun,
        permit: &Permit,
    ) -> Result<(RunRow, Arc<LiveRun>), ServerError> {
        let NewRun {
            thread_id,
            request,
            after,
            is_temporary,
        } = asked;
        let name = request.assistant_id.as_str();
        let agent = self
            .agents
            .find(name)
            .ok_or_else(|| ServerError::AssistantNotFound(name.to_owned()))?;
        for (field, asked) in [
            ("interrupt_before", &request.interrupt_before),
            ("interrupt_after", &request.interrupt_after),
        ] {
            if let Some(node) = Stops::read(asked.as_ref()).unknown(agent.nodes()) {
                // It is shown, and may be anything.
                let node: String = node.chars().take(100).collect();
                let text = format!("{field}: the agent has no node {node:?}");
                return Err(ServerError::InvalidRequest(text));
            }
        }
        let run = new_run(thread_id, agent.name(), request, permit)?;
        let place = self.quotas.run(&permit.client)?;
        let bytes_max = self.quotas.limits().run_bytes_max;
        let live = LiveRun::new(thread_id, run.run_id, run.resumable, bytes_max);
        let (quotas, permit) = (Arc::clone(&self.quotas), permit.clone());
        // Before the commit, so that nobody can read of a run that is not there.
        self.slots().live.insert(run.run_id, Arc::clone(&live));
        let (scheduler, record, watched) = (Arc::clone(self), run.clone(), Arc::clone(&live));
        let runtime = tokio::runtime::Handle::current();
        let created = self
            .store
            .write_then(
                move |tx| insert_run(tx, run, is_temporary, &permit, &quotas),
                move |created| {
                    if let Ok((run, _)) = created {
                        // The writer calls in commit order, so runs queue in the order they were accepted.
                        let turn = after.is_zero().then(|| scheduler.queue(run.thread_id));
                        let thread_id = run.thread_id;
                        let supervised =
                            Arc::clone(&scheduler).supervise(run.clone(), watched, after, turn);
                        runtime.spawn(async move {
                            supervised.await;
                            drop(place);
                            if is_temporary {
                                scheduler.delete_later(thread_id).await;
                            }
                        });
                    }
                },
            )
            .await;
        match created {
            Ok((run, busy)) => {
                self.cancel_replaced_runs(&run, &busy);
                Ok((run, live))
            }
            Err(error) => {
                self.slots().live.remove(&record.run_id);
                Err(error)
            }
        }
    }

    /// A run that is pending or running.
    pub(crate) fn live(&self, run: RunId) -> Option<Arc<LiveRun>> {
        self.slots().live.get(&run).cloned()
    }

    /// Stops every run of a thread.
    pub(crate) fn cancel_thread(&self, thread: ThreadId) {
        for live in self
            .slots()
            .live
            .values()
            .filter(|live| live.thread_id == thread)
        {
            live.cancel(CancelAction::Interrupt);
        }
    }

    /// Removes a thread and everything of it, ends its runs, and throws its session away.
    ///
    /// # Errors
    /// [`ServerError::ThreadNotFound`]; where the store fails.
    pub(crate) async fn delete_thread(&self, id: ThreadId) -> Result<(), ServerError> {
        let mirror = self.mirror.as_ref();
        let producer = mirror.map(|mirror| mirror.producer().id().clone());
        let remove = move |tx: &Tx| {
            if !tx.has_thread(id)? {
                return Err(ServerError::ThreadNotFound(id.to_string()));
            }
            // One that cannot be read has none that is known.
            let owner = tx.thread(id).ok().and_then(|thread| thread.owner);
            tx.remove_thread(id)?;
            tx.remove_published(&id.session());
            if let Some(producer) = producer {
                tx.put_unmirrored(id, RunId::NONE, &producer.0)?;
            }
            Ok(owner)
        };
        if let Some(owner) = self.store.write(remove).await? {
            self.quotas.thread_gone(&owner);
        }
        self.quotas.session_gone(&id.session());
        self.cancel_thread(id);
        if let Some(mirror) = mirror {
            mirror.delete(id);
        }
        Ok(())
    }

    async fn delete_later(&self, thread: ThreadId) {
        tokio::time::sleep(TEMPORARY_KEPT).await;
        match self.delete_thread(thread).await {
            Ok(()) | Err(ServerError::ThreadNotFound(_)) => {}
            Err(error) => {
                tracing::warn!(%thread, %error, "a run's own thread stays until the next start");
            }
        }
    }

    /// Removes threads of runs without one that the last process left.
    ///
    /// # Errors
    /// The store fails.
    pub(crate) async fn delete_temporary(&self) -> Result<(), ServerError> {
        let threads = self.store.read()?.threads()?;
        for thread in threads.into_iter().filter(|thread| thread.is_temporary) {
            self.delete_thread(thread.thread_id).await?;
        }
        Ok(())
    }

    /// The server will stop soon: nothing changes but what it says of itself.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Whether the server is about to stop.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Ends every stream; runs that go on are ended by the next start.
    pub(crate) fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Resolves when the server stops.
    pub(crate) fn stopping(&self) -> watch::Receiver<bool> {
        self.stopping.subscribe()
    }

    fn cancel_replaced_runs(&self, run: &RunRow, busy: &[RunId]) {
        let action = match run.request.multitask_strategy {
            Some(MultitaskStrategy::Interrupt) => CancelAction::Interrupt,
            Some(MultitaskStrategy::Rollback) => CancelAction::Rollback,
            Some(MultitaskStrategy::Enqueue | MultitaskStrategy::Reject) | None => return,
        };
        for live in busy.iter().filter_map(|busy| self.live(*busy)) {
            live.cancel(action);
        }
    }

    async fn supervise(
        self: Arc<Self>,
        run: RunRow,
        live: Arc<LiveRun>,
        after: Duration,
        turn: Option<oneshot::Receiver<()>>,
    ) {
        let mirror = self.mirror.as_ref().map(|mirror| mirror.run(&run, &live));
        let emitter = Emitter::new(self.store.clone(), Arc::clone(&live), &run.modes(), mirror);
        let turn = match turn {
            Some(turn) => Some(turn),
            None => tokio::select! {
                biased;
                _ = live.cancelled() => None,
                () = tokio::time::sleep(after) => Some(self.queue(run.thread_id)),
            },
        };
        let (outcome, has_turn) = match turn {
            None => (Outcome::Cancelled(live.cancelled().await), false),
            Some(mut turn) => tokio::select! {
                biased;
                action = live.cancelled() => {
                    turn.close();
                    (Outcome::Cancelled(action), turn.try_recv().is_ok())
                }
                _ = &mut turn => (self.run_to_end(&run, &live, &emitter).await, true),
            },
        };
        if let Err(error) = finish(&run, &emitter, outcome).await {
            // A deleted thread takes its runs with it; that is no failure.
            tracing::debug!(run = %run.run_id, %error, "the end of a run was not recorded");
        }
        if let Some(mirror) = &emitter.mirror {
            mirror.finish();
        }
        live.end();
        self.slots().live.remove(&run.run_id);
        if has_turn {
            self.pass_turn(run.thread_id);
        }
    }

    async fn run_to_end(&self, run: &RunRow, live: &LiveRun, emitter: &Emitter) -> Outcome {
        let (thread_id, run_id) = (run.thread_id, run.run_id);
        let begun = self.begin_run(thread_id, run_id, emitter).await;
        let agent = match (begun, self.agents.find(&run.graph)) {
            (Ok(()), Some(agent)) => Arc::clone(agent),
            (Err(error), _) => return Outcome::Failed(error.into()),
            (Ok(()), None) => {
                return Outcome::Failed(ServerError::AssistantNotFound(run.graph.clone()).into());
            }
        };
        let runner = Runner {
            agent,
            run: run.clone(),
            emitter: emitter.clone(),
        };
        // A task of its own: a panic in an agent ends its run and nothing else.
        let mut task = tokio::spawn(runner.drive());
        tokio::select! {
            biased;
            action = live.cancelled() => {
                task.abort();
                let _ = task.await;
                Outcome::Cancelled(action)
            }
            ended = &mut task => match ended {
                Ok(Ok(ending)) => Outcome::Ended(ending),
                Ok(Err(error)) => Outcome::Failed(error),
                Err(_) => Outcome::Failed(AgentError::new("InternalError", "the agent panicked")),
            },
        }
    }

    async fn begin_run(
        &self,
        thread_id: ThreadId,
        run_id: RunId,
        emitter: &Emitter,
    ) -> Result<(), ServerError> {
        let producer = self
            .mirror
            .as_ref()
            .map(|mirror| mirror.producer().id().clone());
        let begin = move |tx: &Tx| {
            begin_run(tx, thread_id, run_id)?;
            match producer {
                Some(producer) => tx.put_unmirrored(thread_id, run_id, &producer.0),
                None => Ok(()),
            }
        };
        self.store.write(begin).await?;
        if let Some(mirror) = &emitter.mirror {
            let stored = self.store.read()?;
            mirror.enter(&conversation(
                stored.head(&stored.thread(thread_id)?)?.as_ref(),
            ));
        }
        Ok(())
    }

    fn queue(&self, thread: ThreadId) -> oneshot::Receiver<()> {
        let (give, turn) = oneshot::channel();
        let mut slots = self.slots();
        match slots.turns.get_mut(&thread) {
            Some(waiting) => waiting.push_back(give),
            None => {
                slots.turns.insert(thread, VecDeque::new());
                // The receiver is right here.
                let _ = give.send(());
            }
        }
        turn
    }

    fn pass_turn(&self, thread: ThreadId) {
        let mut slots = self.slots();
        while let Some(next) = slots.turns.get_mut(&thread).and_then(VecDeque::pop_front) {
            // A run that was cancelled while it waited has gone.
            if next.send(()).is_ok() {
                return;
            }
        }
        slots.turns.remove(&thread);
    }

    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use serde_json::json;

    use super::*;
    use crate::{client::Client, limits::Limits, live::Tail, published::Published, tables};

    fn new_run() -> NewRun {
        let knobs = json!({"configurable": {"n_tokens": 100_000, "delay_ms": 1}});
        let request = json!({
            "assistant_id": "chat", "input": {"messages": "hi"}, "config": knobs,
            "stream_mode": ["messages-tuple"], "stream_resumable": true, "if_not_exists": "create",
        });
        NewRun {
            thread_id: ThreadId::fresh(),
            request: serde_json::from_value(request).unwrap(),
            after: Duration::ZERO,
            is_temporary: false,
        }
    }

    /// A scheduler whose disk failed while a run was streaming, that run, and the switch by which the disk has room again.
    pub(crate) async fn on_a_disk_that_failed() -> (Arc<Scheduler>, Arc<AtomicBool>, RunRow) {
        let switch = Arc::new(AtomicBool::new(false));
        let scheduler = Scheduler::new(
            Store::failing(Arc::clone(&switch), &tables::all()),
            Agents::standard(None),
            None,
            Quotas::new(Limits::default(), &[], Published::default()),
        );
        let permit = Permit::open(Client::own());
        let (run, live) = scheduler.create_run(new_run(), &permit).await.unwrap();
        let mut changed = live.watch();
        while live.len() < 10 {
            changed.changed().await.unwrap();
        }
        switch.store(true, Ordering::SeqCst);
        // A reader must not wait for ever on a run that cannot be recorded any more.
        tokio::time::timeout(Duration::from_secs(10), live.ended())
            .await
            .unwrap();
        let shown = live.len();
        assert!(matches!(live.read(shown, 1), Tail::End));
        assert!(live.is_broken());
        while scheduler.live(run.run_id).is_some() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        (scheduler, switch, run)
    }

    #[tokio::test]
    async fn a_disk_that_fails_ends_the_stream_and_refuses_further_runs() {
        let (scheduler, _switch, _run) = on_a_disk_that_failed().await;
        let permit = Permit::open(Client::own());
        let refused = scheduler
            .create_run(new_run(), &permit)
            .await
            .err()
            .unwrap();
        assert_eq!(refused.code(), "store_failed");
        assert_eq!(scheduler.slots().live.len(), 0);
    }
}
