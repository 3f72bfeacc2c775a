//! A reader of one session.
//!
//! ```text
//!            ┌── absent ◄── not there ──┐
//!            ▼                          │
//!   attach ──┴─► replay: records of the log ──► the tail that all readers share ──► waits
//!            └─► snapshot, then so ────────────────┘      │
//!            ▲      too far behind, trimmed, another life  │
//!            └─────────────────────────────────────────────┘
//! ```

use std::{collections::VecDeque, sync::Arc, time::Duration};

use rejoin_wire::session::{AttachMode, Attached, Cursor, Epoch, Page, SnapshotReason};
use tokio::sync::watch;

use crate::{
    SessionError, Sessions,
    hub::Live,
    log::{Bounds, LogError, SessionId},
    metrics::ReaderGuard,
    tail::{Found, Frame},
};

/// Records that a reader takes at once, and their bytes: what one that stops reading keeps.
const RECORDS_AT_ONCE: usize = 128;
const RECORD_BYTES_AT_ONCE: usize = 128 << 10;
/// How often a session that is not there is looked for where the log says nothing.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How often a reader tries to attach to a session that is deleted and begun again meanwhile.
const TRIES: usize = 32;
/// The cursor of a session that is not there.
const NOWHERE: Cursor = Cursor {
    epoch: Epoch(0),
    seq: 0,
};

/// The events of a reader, in order.
#[derive(Debug, Clone)]
pub enum ReaderEvent {
    /// How it goes on: at the beginning, and whenever it has to start over.
    Attached(Attached),
    /// The newest messages, after an [`Attached`] that announced them.
    Snapshot {
        /// The last record that they hold.
        cursor: Cursor,
        /// The messages.
        page: Page,
    },
    /// A record: the one after the last.
    Record {
        /// Its number.
        cursor: Cursor,
        /// It, encoded once for all readers.
        frame: Frame,
    },
    /// The reader has what [`Attached::head`] said.
    CaughtUp {
        /// The last record that it has.
        cursor: Cursor,
    },
    /// The session was deleted; nothing follows.
    Deleted,
}

/// Reads a session from a cursor on, for as long as it is asked. Made by [`Sessions::attach`].
pub struct Reader {
    sessions: Arc<Sessions>,
    session: SessionId,
    limit: usize,
    /// The last record that was told of; `None` before the first answer.
    cursor: Option<Cursor>,
    /// The record at which the reader has caught up, until it was events.
    catch_up_at: Option<u64>,
    events: VecDeque<ReaderEvent>,
    state: State,
    seen: Seen,
    _counted: ReaderGuard,
}

/// A reader's place in its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Nothing,
    /// That it is not there.
    Absence,
    Session,
}

enum State {
    /// It has to be found out how to go on.
    Lost,
    /// The session is not there.
    Absent(watch::Receiver<u64>),
    Reading(Arc<Live>, watch::Receiver<bool>),
    Over,
}

impl Reader {
    pub(super) fn new(
        sessions: Arc<Sessions>,
        session: SessionId,
        cursor: Option<Cursor>,
        limit: usize,
    ) -> Self {
        let counted = sessions.metrics().reader();
        Self {
            sessions,
            session,
            limit,
            cursor: cursor.filter(|cursor| cursor.epoch != NOWHERE.epoch),
            catch_up_at: None,
            events: VecDeque::new(),
            state: State::Lost,
            seen: Seen::Nothing,
            _counted: counted,
        }
    }

    /// The next event; waits for one. `None` after [`ReaderEvent::Deleted`] or an error.
    ///
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Result<ReaderEvent, SessionError>> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(Ok(event));
            }
            if let Err(error) = self.go_on().await {
                self.state = State::Over;
                return Some(Err(error));
            }
            if self.events.is_empty() && matches!(self.state, State::Over) {
                return None;
            }
        }
    }

    /// The next event, if there is one without waiting.
    pub fn ready(&mut self) -> Option<ReaderEvent> {
        self.events.pop_front()
    }

    async fn go_on(&mut self) -> Result<(), SessionError> {
        match &mut self.state {
            State::Over => Ok(()),
            State::Lost => self.attach().await,
            State::Absent(wake) => {
                tokio::select! {
                    _ = wake.changed() => {}
                    () = tokio::time::sleep(LOOK_EVERY) => {}
                }
                self.state = State::Lost;
                Ok(())
            }
            State::Reading(live, changed) => {
                let live = Arc::clone(live);
                changed.mark_unchanged();
                let after = self.cursor.map_or(0, |cursor| cursor.seq);
                match live.after(after, RECORDS_AT_ONCE, RECORD_BYTES_AT_ONCE) {
                    Found::Frames(frames) => self.push_records(frames),
                    Found::Level if live.is_over() => self.state = State::Lost,
                    Found::Level => {
                        // The pump holds no receiver: the sender is in `live`, which this holds.
                        let _ = changed.changed().await;
                    }
                    Found::Older => self.read_log(&live, after).await?,
                }
                Ok(())
            }
        }
    }

    /// Reads what the tail does not have any more, unless it is too much.
    async fn read_log(&mut self, live: &Live, after: u64) -> Result<(), SessionError> {
        let at = Cursor {
            epoch: live.epoch,
            seq: after,
        };
        let log = self.sessions.log();
        let bounds = match log.bounds(&self.session).await {
            Err(LogError::NotFound) => None,
            bounds => Some(bounds?),
        };
        if bounds.is_none_or(|bounds| self.sessions.why_not_replay(at, bounds).is_some()) {
            self.state = State::Lost;
            return Ok(());
        }
        let read = log.records(&self.session, at, RECORDS_AT_ONCE, RECORD_BYTES_AT_ONCE);
        let records = match read.await {
            Err(LogError::NotFound) => Vec::new(),
            records => records?,
        };
        if records.is_empty() {
            // Trimmed, deleted, or its end was lost.
            self.state = State::Lost;
            return Ok(());
        }
        let frames = records.iter().map(|record| Frame::new(live.epoch, record));
        self.push_records(frames.collect());
        Ok(())
    }

    fn push_records(&mut self, frames: Vec<Frame>) {
        let Some(cursor) = &mut self.cursor else {
            return;
        };
        for frame in frames {
            cursor.seq = frame.seq();
            let cursor = *cursor;
            self.events.push_back(ReaderEvent::Record { cursor, frame });
            if self.catch_up_at.is_some_and(|head| cursor.seq >= head) {
                self.catch_up_at = None;
                self.events.push_back(ReaderEvent::CaughtUp { cursor });
            }
        }
    }

    /// Finds out how to go on, and says so.
    pub(super) async fn attach(&mut self) -> Result<(), SessionError> {
        for _ in 0..TRIES {
            // Before the log is looked at, so that nothing falls between.
            let wake = self.sessions.log().watch(&self.session);
            let tried = self.try_to_attach().await;
            match tried {
                Err(SessionError::Log(LogError::NotFound)) => {
                    return self.enter_absence(wake).await;
                }
                Ok(false) => {}
                Ok(true) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        let text = "the session is begun anew faster than it can be read";
        Err(LogError::Store(text.to_owned()).into())
    }

    /// False where the session became another meanwhile.
    async fn try_to_attach(&mut self) -> Result<bool, SessionError> {
        let sessions = Arc::clone(&self.sessions);
        let live = sessions.join(&self.session).await?;
        let changed = live.subscribe();
        let bounds = sessions.log().bounds(&self.session).await?;
        if bounds.epoch != live.epoch {
            return Ok(false);
        }
        let reason = match self.cursor {
            None => SnapshotReason::New,
            Some(cursor) => match sessions.why_not_replay(cursor, bounds) {
                None => {
                    self.catch_up_at = Some(bounds.head);
                    self.push_attached(AttachMode::Replay, None, cursor, bounds.head);
                    if cursor.seq == bounds.head {
                        self.catch_up_at = None;
                        self.events.push_back(ReaderEvent::CaughtUp { cursor });
                    }
                    self.seen = Seen::Session;
                    self.state = State::Reading(live, changed);
                    return Ok(true);
                }
                Some(reason) => reason,
            },
        };
        let (cursor, page) = sessions.snapshot(&self.session, self.limit).await?;
        if cursor.epoch != live.epoch {
            return Ok(false);
        }
        self.push_snapshot(reason, cursor, page);
        self.seen = Seen::Session;
        self.state = State::Reading(live, changed);
        Ok(true)
    }

    /// The session is not there: it was deleted while it was read, its store has lost it, or it has not begun.
    async fn enter_absence(&mut self, wake: watch::Receiver<u64>) -> Result<(), SessionError> {
        let was_there = self.seen == Seen::Session;
        if was_there && self.sessions.log().was_deleted(&self.session).await? {
            self.events.push_back(ReaderEvent::Deleted);
            self.state = State::Over;
            return Ok(());
        }
        match self.seen {
            Seen::Session | Seen::Nothing => {
                let reason = match self.cursor {
                    Some(_) => SnapshotReason::ForeignEpoch,
                    None => SnapshotReason::New,
                };
                self.push_snapshot(reason, NOWHERE, Page::default());
                // What begins is new to it.
                self.cursor = None;
                self.seen = Seen::Absence;
            }
            Seen::Absence => {}
        }
        self.state = State::Absent(wake);
        Ok(())
    }

    fn push_snapshot(&mut self, reason: SnapshotReason, cursor: Cursor, page: Page) {
        self.sessions.metrics().snapshot(reason);
        self.cursor = Some(cursor);
        self.catch_up_at = None;
        self.push_attached(AttachMode::Snapshot, Some(reason), cursor, cursor.seq);
        self.events
            .push_back(ReaderEvent::Snapshot { cursor, page });
        self.events.push_back(ReaderEvent::CaughtUp { cursor });
    }

    fn push_attached(
        &mut self,
        mode: AttachMode,
        reason: Option<SnapshotReason>,
        cursor: Cursor,
        head: u64,
    ) {
        self.events.push_back(ReaderEvent::Attached(Attached {
            mode,
            reason,
            cursor,
            head,
        }));
    }
}

impl Sessions {
    /// Why the records after a cursor cannot be replayed, or are not worth it.
    fn why_not_replay(&self, cursor: Cursor, bounds: Bounds) -> Option<SnapshotReason> {
        if cursor.epoch != bounds.epoch {
            return Some(SnapshotReason::ForeignEpoch);
        }
        let Some(lacking) = bounds.head.checked_sub(cursor.seq) else {
            return Some(SnapshotReason::Ahead);
        };
        if cursor.seq + 1 < bounds.first {
            return Some(SnapshotReason::Trimmed);
        }
        let kept = (bounds.head + 1).saturating_sub(bounds.first).max(1);
        // Records are of about one length; exactly it is known once they are read.
        let bytes = u128::from(bounds.bytes) * u128::from(lacking) / u128::from(kept);
        let is_far = lacking > self.limits.replay_records_max
            || bytes > u128::from(self.limits.replay_bytes_max);
        is_far.then_some(SnapshotReason::Behind)
    }
}
