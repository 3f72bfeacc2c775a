//! The tasks that wait for a session's log to grow.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use rejoin_wire::session::Cursor;
use tokio::sync::watch;

use crate::log::SessionId;

/// Sessions that are watched. One that nobody watches any more is forgotten.
#[derive(Default)]
pub(super) struct Watchers(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    sessions: HashMap<SessionId, Watched>,
    /// How many may be there before those that nobody watches are looked for.
    clean_above: usize,
}

struct Watched {
    tell: watch::Sender<u64>,
    /// The log's end, as it was last told.
    last_head: Option<Cursor>,
}

/// Fewer forgotten sessions than this are not worth looking for.
const CLEAN_FROM: usize = 64;

impl Watchers {
    pub(super) fn watch(&self, session: &SessionId) -> watch::Receiver<u64> {
        let mut inner = self.lock();
        if inner.sessions.len() > inner.clean_above {
            inner.forget_unwatched();
            inner.clean_above = inner.sessions.len() * 2 + CLEAN_FROM;
        }
        let new = || Watched {
            tell: watch::channel(0).0,
            last_head: None,
        };
        let watched = inner.sessions.entry(session.clone()).or_insert_with(new);
        watched.tell.subscribe()
    }

    /// The log has grown up to `head`. A late notice is dropped.
    pub(super) fn grown(&self, session: &SessionId, head: Cursor) {
        self.tell(session, |last| match last {
            Some(last) if last.epoch == head.epoch && last.seq >= head.seq => None,
            _ => Some(Some(head)),
        });
    }

    /// The log ends at `head`; `None` if it does not exist. Watchers hear of it if that differs from the last head.
    #[cfg(feature = "redis")]
    pub(super) fn found(&self, session: &SessionId, head: Option<Cursor>) {
        self.tell(session, |last| (last != head).then_some(head));
    }

    /// The log was deleted.
    pub(super) fn deleted(&self, session: &SessionId) {
        self.tell(session, |_| Some(None));
    }

    /// Every session that somebody watches.
    #[cfg(feature = "redis")]
    pub(super) fn watched(&self) -> Vec<SessionId> {
        let mut inner = self.lock();
        inner.forget_unwatched();
        inner.sessions.keys().cloned().collect()
    }

    fn tell(
        &self,
        session: &SessionId,
        news: impl FnOnce(Option<Cursor>) -> Option<Option<Cursor>>,
    ) {
        let mut inner = self.lock();
        let Some(watched) = inner.sessions.get_mut(session) else {
            return;
        };
        if watched.tell.is_closed() {
            inner.sessions.remove(session);
            return;
        }
        if let Some(head) = news(watched.last_head) {
            watched.last_head = head;
            watched.tell.send_replace(head.map_or(0, |head| head.seq));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn forget_unwatched(&mut self) {
        self.sessions.retain(|_, watched| !watched.tell.is_closed());
    }
}

#[cfg(test)]
mod tests {
    use rejoin_wire::session::Epoch;

    use super::*;

    fn cursor(epoch: u64, seq: u64) -> Cursor {
        Cursor {
            epoch: Epoch(epoch),
            seq,
        }
    }

    #[test]
    fn late_notices_are_dropped_and_another_epoch_or_a_lost_end_is_told() {
        let watchers = Watchers::default();
        let session = SessionId::parse("s").unwrap();
        let mut watch = watchers.watch(&session);
        let mut is_told = |what: &dyn Fn()| {
            what();
            let changed = watch.has_changed().unwrap();
            watch.mark_unchanged();
            changed
        };
        assert!(is_told(&|| watchers.grown(&session, cursor(7, 3))));
        assert!(!is_told(&|| watchers.grown(&session, cursor(7, 2))));
        assert!(!is_told(&|| watchers.found(&session, Some(cursor(7, 3)))));
        assert!(is_told(&|| watchers.found(&session, Some(cursor(7, 1)))));
        assert!(is_told(&|| watchers.grown(&session, cursor(5, 1))));
        assert!(is_told(&|| watchers.deleted(&session)));
        assert!(!is_told(&|| watchers.found(&session, None)));
    }

    #[test]
    fn a_session_that_nobody_watches_is_forgotten() {
        let watchers = Watchers::default();
        let session = SessionId::parse("s").unwrap();
        drop(watchers.watch(&session));
        watchers.grown(&session, cursor(1, 1));
        assert!(watchers.lock().sessions.is_empty());
        for number in 0..1000 {
            drop(watchers.watch(&SessionId::parse(&number.to_string()).unwrap()));
        }
        assert!(watchers.lock().sessions.len() <= CLEAN_FROM + 2);
        assert_eq!(watchers.watched(), []);
    }
}
