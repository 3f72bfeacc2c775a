//! A run while it lasts: its events for readers, and the way to stop it.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use axum::body::Bytes;
use rejoin_wire::sse::encode_frame;
use tokio::sync::watch;

use crate::ids::{RunId, ThreadId};

/// How a run is to be stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CancelAction {
    /// Stop; what was written stays.
    Interrupt,
    /// Stop and undo.
    Rollback,
}

/// One event, encoded once for all readers.
#[derive(Debug, Clone)]
pub(crate) struct LiveEvent {
    pub(crate) name: Arc<str>,
    pub(crate) frame: Bytes,
}

impl LiveEvent {
    /// Encodes; only resumable runs have ids, as on Python's server.
    pub(crate) fn new(name: &str, data: &str, id: Option<u64>) -> Self {
        let mut frame = Vec::with_capacity(data.len() + 64);
        let id = id.map(|id| id.to_string());
        encode_frame(&mut frame, Some(name), data, id.as_deref())
            .expect("our event names have no line breaks");
        Self {
            name: name.into(),
            frame: frame.into(),
        }
    }
}

/// A pending or running run.
pub(crate) struct LiveRun {
    pub(crate) thread_id: ThreadId,
    pub(crate) run_id: RunId,
    pub(crate) resumable: bool,
    /// Bytes of events that it may produce; if it goes on it is ended as an error.
    bytes_max: usize,
    /// Only the store's writer counts, so numbers are dense and in commit order.
    next_seq: AtomicU64,
    events: Mutex<Events>,
    changed: watch::Sender<()>,
    cancel: watch::Sender<Option<CancelAction>>,
}

#[derive(Default)]
struct Events {
    list: Vec<LiveEvent>,
    bytes: usize,
    ended: bool,
    /// Whether a commit of an event failed: the run must not go on past the hole.
    broken: bool,
}

/// The answer to a reader at a position.
pub(crate) enum Tail {
    /// Events from there on.
    Events(Vec<LiveEvent>),
    /// Nothing yet.
    Wait,
    /// Nothing any more.
    End,
}

impl LiveRun {
    pub(crate) fn new(
        thread_id: ThreadId,
        run_id: RunId,
        resumable: bool,
        bytes_max: usize,
    ) -> Arc<Self> {
        Arc::new(Self {
            thread_id,
            run_id,
            resumable,
            bytes_max,
            next_seq: AtomicU64::new(0),
            events: Mutex::default(),
            changed: watch::Sender::new(()),
            cancel: watch::Sender::new(None),
        })
    }

    /// The next event's number. Called by the store's writer only.
    pub(crate) fn number(&self) -> u64 {
        self.next_seq.fetch_add(1, Ordering::Relaxed)
    }

    /// The job that took this number failed: the next event has it. Called by the store's writer only.
    pub(crate) fn give_back(&self, seq: u64) {
        self.next_seq.store(seq, Ordering::Relaxed);
    }

    /// Shows a committed event to readers. Called by the store's writer only.
    pub(crate) fn publish(&self, event: LiveEvent) {
        let mut events = self.lock();
        events.bytes += event.frame.len();
        events.list.push(event);
        // One before it in the same commit may have failed alone and counted anew.
        let count = events.list.len() as u64;
        self.next_seq.fetch_max(count, Ordering::Relaxed);
        drop(events);
        self.changed.send_replace(());
    }

    /// A commit failed, and with it everything numbered since the last event shown: count from there again.
    /// Called by the store's writer only.
    pub(crate) fn take_back(&self) {
        let mut events = self.lock();
        events.broken = true;
        self.next_seq
            .store(events.list.len() as u64, Ordering::Relaxed);
    }

    /// Whether an event was lost to a failing store.
    pub(crate) fn is_broken(&self) -> bool {
        self.lock().broken
    }

    /// No more events will come: readers end.
    pub(crate) fn end(&self) {
        self.lock().ended = true;
        self.changed.send_replace(());
    }

    pub(crate) fn is_over_limit(&self) -> bool {
        self.lock().bytes > self.bytes_max
    }

    /// How many events were published.
    pub(crate) fn len(&self) -> usize {
        self.lock().list.len()
    }

    /// The events from position `from`, at most `limit` of them.
    pub(crate) fn read(&self, from: usize, limit: usize) -> Tail {
        let events = self.lock();
        match events.list.get(from..) {
            Some(rest) if !rest.is_empty() => {
                Tail::Events(rest.iter().take(limit).cloned().collect())
            }
            _ if events.ended => Tail::End,
            _ => Tail::Wait,
        }
    }

    /// A receiver that is woken by every event and by the end. Subscribe before reading.
    pub(crate) fn watch(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Asks the run to stop. The first to ask decides how.
    pub(crate) fn cancel(&self, action: CancelAction) {
        self.cancel.send_if_modified(|asked| {
            let first = asked.is_none();
            asked.get_or_insert(action);
            first
        });
    }

    /// Waits until somebody asks the run to stop.
    pub(crate) async fn cancelled(&self) -> CancelAction {
        let mut asked = self.cancel.subscribe();
        match asked.wait_for(Option::is_some).await {
            Ok(action) => action.expect("waited for it"),
            // The sender is in `self`, so this cannot be.
            Err(_) => CancelAction::Interrupt,
        }
    }

    /// Waits until the run has ended.
    pub(crate) async fn ended(&self) {
        let mut changed = self.watch();
        while !self.lock().ended && changed.changed().await.is_ok() {}
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Events> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_dense_when_a_commit_fails() {
        let run = LiveRun::new(ThreadId::fresh(), RunId::fresh(), true, 1 << 20);
        let publish = |id| run.publish(LiveEvent::new("custom", "1", Some(id)));
        publish(run.number());
        // Two events of one failed commit.
        assert_eq!((run.number(), run.number()), (1, 2));
        run.take_back();
        run.take_back();
        assert!(run.is_broken());
        assert_eq!(run.number(), 1);
    }

    #[test]
    fn a_reader_gets_everything_then_waits_then_ends() {
        let run = LiveRun::new(ThreadId::fresh(), RunId::fresh(), true, 1 << 20);
        assert!(matches!(run.read(0, 9), Tail::Wait));
        for id in 0..3 {
            run.publish(LiveEvent::new("custom", "1", Some(id)));
        }
        assert!(matches!(run.read(0, 2), Tail::Events(events) if events.len() == 2));
        assert!(matches!(run.read(2, 9), Tail::Events(events) if events.len() == 1));
        assert!(matches!(run.read(3, 9), Tail::Wait));
        run.end();
        assert!(matches!(run.read(2, 9), Tail::Events(_)));
        assert!(matches!(run.read(3, 9), Tail::End));
    }
}
