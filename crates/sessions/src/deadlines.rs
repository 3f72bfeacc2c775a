//! Leases of an engine that one process has to itself.
//!
//! They are counted by the monotonic clock, so that a clock that is set does not end anybody's message, and renewing one
//! costs no write. After a restart the engine begins them anew.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::log::{ProducerId, SessionId};

/// Until when each producer is waited for, by session. Producers that have nothing under way may be in it for a while.
#[derive(Default)]
pub(super) struct Deadlines(Mutex<BySession>);

type BySession = HashMap<SessionId, HashMap<ProducerId, Instant>>;

/// A lease is not longer.
const LEASE_MAX: Duration = Duration::from_hours(24 * 365);

impl Deadlines {
    /// The producer was heard of.
    pub(super) fn renew(&self, session: &SessionId, producer: &ProducerId, lease: Duration) {
        let until = Instant::now() + lease.min(LEASE_MAX);
        let mut sessions = self.lock();
        if let Some(producers) = sessions.get_mut(session) {
            producers.insert(producer.clone(), until);
        } else {
            sessions.insert(session.clone(), HashMap::from([(producer.clone(), until)]));
        }
    }

    /// Whether nobody waits for the producer any more.
    pub(super) fn is_over(&self, session: &SessionId, producer: &ProducerId) -> bool {
        let sessions = self.lock();
        let until = sessions.get(session).and_then(|all| all.get(producer));
        until.is_none_or(|until| *until <= Instant::now())
    }

    /// Every lease that is over.
    pub(super) fn over(&self) -> Vec<(SessionId, ProducerId)> {
        let now = Instant::now();
        let mut over = Vec::new();
        for (session, producers) in &*self.lock() {
            let of_session = producers.iter().filter(|(_, until)| **until <= now);
            over.extend(of_session.map(|(producer, _)| (session.clone(), producer.clone())));
        }
        over
    }

    /// A lease that was over, of a producer that has nothing under way. One that was renewed meanwhile stays.
    pub(super) fn forget_expired(&self, session: &SessionId, producer: &ProducerId) {
        let now = Instant::now();
        let mut sessions = self.lock();
        if let Some(producers) = sessions.get_mut(session) {
            producers.retain(|id, until| id != producer || *until > now);
            if producers.is_empty() {
                sessions.remove(session);
            }
        }
    }

    /// The session is not there any more.
    pub(super) fn forget_session(&self, session: &SessionId) {
        self.lock().remove(session);
    }

    fn lock(&self) -> MutexGuard<'_, BySession> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
