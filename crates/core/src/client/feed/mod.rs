//! The feed of the thread's session: connecting, and connecting again, as a run's stream does; what it says is applied to
//! what is shown.
//!
//! ```text
//!            a view is open, and there is a thread
//!   Idle ─────────────────────────────────────────► Opening ── 200, event stream ──► Live
//!                          404: the server has       │  ▲                             │
//!   Absent ◄────────────── no sessions ──────────────┤  │ backoff over, online,       │ lost, stalled, ended,
//!   Failed ◄────────────── refused ──────────────────┤  │ visible, thawed             │ or what came does not follow
//!                                                    ▼  │                             │
//!                                                   Waiting, Parked ◄─────────────────┘
//! ```
//! It goes on as long as the view is open: unlike a run it never ends, and there is nothing else to show.

mod events;

use super::{
    Client,
    link::{Link, Refusal},
    requests::{no_answer, status_error},
};
use crate::{
    AttemptId, Connection, DeadlineReason, ErrorCode, Method, Millis, StreamError, session::Session,
};

/// Where the feed stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Phase {
    /// There is no thread.
    #[default]
    Idle,
    Opening,
    Live,
    Waiting {
        until: Millis,
    },
    Parked,
    /// The server has refused it.
    Failed,
    /// The server has no sessions.
    Absent,
}

/// What comes next on a connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Awaits {
    #[default]
    Attached,
    Snapshot,
    Records,
}

/// The feed of one thread's session.
#[derive(Debug, Default)]
pub(crate) struct Feed {
    phase: Phase,
    since: Millis,
    link: Option<Box<Link>>,
    awaits: Awaits,
    /// The log's last record when the server last said how it goes on.
    head: u64,
    /// Whether messages of this thread's session were had, if only that there are none.
    had: bool,
    /// Whether what is shown does not lead to what comes, so that a snapshot has to.
    diverged: bool,
    tries: u32,
    reconnected: bool,
    headers_refreshed: bool,
    /// Whether the thread's state was asked for in place of the session.
    state_asked: bool,
    pub(crate) error: Option<StreamError>,
}

impl Feed {
    pub(crate) fn is_absent(&self) -> bool {
        self.phase == Phase::Absent
    }

    /// Whether the first page is on its way.
    pub(crate) fn awaits_first(&self) -> bool {
        !self.had && !matches!(self.phase, Phase::Idle | Phase::Failed | Phase::Absent)
    }

    /// Whether it is there.
    pub(crate) fn has_first(&self) -> bool {
        self.had
    }

    fn set(&mut self, phase: Phase, now: Millis) {
        self.phase = phase;
        self.since = now;
    }
}

impl Client {
    pub(in crate::client) fn open_view(&mut self, limit: usize) {
        let fresh = Session::new(limit);
        match &mut self.session {
            Some(session) => {
                session.limit = fresh.limit;
                if session.feed.phase == Phase::Failed {
                    // A person tries again.
                    session.feed.tries = 0;
                    session.feed.headers_refreshed = false;
                    self.open_feed();
                }
            }
            None => self.session = Some(Box::new(fresh)),
        }
        self.store.touch();
    }

    pub(in crate::client) fn close_view(&mut self) {
        self.close_feed();
        self.drop_older();
        self.session = None;
        self.store.touch();
    }

    /// After each input: the view is of the client's thread, and a window stays where it is.
    pub(in crate::client) fn tend_session(&mut self) {
        let Some(session) = &self.session else { return };
        let known = session.thread_id.as_ref();
        if known != Some(&self.thread_id) {
            let (limit, was_new) = (session.limit, known == Some(&None));
            self.close_feed();
            self.drop_older();
            let mut fresh = Session::new(limit);
            fresh.thread_id = Some(self.thread_id.clone());
            if let Some(before) = self.session.take().filter(|_| was_new) {
                // The thread that it was submitted to has its id now.
                fresh.pending = before.pending;
            }
            let revision = self.store.touched();
            fresh.shown.clear(revision);
            fresh.pending_order = revision;
            fresh.window.order = revision;
            fresh.generation = revision;
            self.session = Some(Box::new(fresh));
            self.open_feed();
        }
        let Some(session) = &mut self.session else {
            return;
        };
        if session.feed.is_absent() {
            let asks = !self.config.reads_state && !self.load.is_loading();
            if asks && !std::mem::replace(&mut session.feed.state_asked, true) {
                self.ask_history();
            }
            self.tend_window();
            self.window_older();
        }
        let Some(session) = &self.session else { return };
        let connection = self.session_connection(session);
        if connection != session.told {
            if let Some(session) = &mut self.session {
                session.told = connection;
            }
            self.store.touch();
        }
    }

    pub(in crate::client) fn refresh_session(&mut self) {
        if let Some(session) = &mut self.session {
            session.shown.refresh_tool_calls();
        }
    }

    /// Whether the thread's whole state is read when it is entered and when a run is over.
    pub(in crate::client) fn reads_state(&self) -> bool {
        let absent = |session: &Session| session.feed.is_absent();
        self.config.reads_state || self.session.as_deref().is_some_and(absent)
    }

    pub(crate) fn session_connection(&self, session: &Session) -> Connection {
        let feed = &session.feed;
        match feed.phase {
            Phase::Idle => Connection::Idle,
            Phase::Opening if feed.tries > 0 => Connection::Reconnecting {
                attempt: feed.tries,
                retry_at: None,
            },
            Phase::Opening if feed.reconnected => Connection::CatchingUp,
            Phase::Opening => Connection::Connecting,
            Phase::Live if feed.link.as_ref().is_some_and(|link| link.stalled) => {
                Connection::Stalled
            }
            Phase::Live if feed.awaits != Awaits::Records || session.shown.seq() < feed.head => {
                Connection::CatchingUp
            }
            Phase::Live => Connection::Live,
            Phase::Waiting { until } => Connection::Reconnecting {
                attempt: feed.tries.max(1),
                retry_at: Some(until),
            },
            Phase::Parked if !self.online => Connection::Offline,
            Phase::Parked => Connection::Paused,
            Phase::Failed => Connection::Failed,
            Phase::Absent => self.connection(),
        }
    }

    pub(in crate::client) fn is_feed(&self, attempt: AttemptId) -> bool {
        let link = self.session.as_ref().and_then(|s| s.feed.link.as_ref());
        link.is_some_and(|link| link.attempt == attempt)
    }

    fn feed(&mut self) -> Option<&mut Feed> {
        Some(&mut self.session.as_mut()?.feed)
    }

    fn open_feed(&mut self) {
        let Some(session) = &self.session else { return };
        let cursor = session.shown.cursor().filter(|_| !session.feed.diverged);
        let Some(url) = self.feed_url(cursor, session.limit) else {
            return;
        };
        if self.is_stream_only() {
            let now = self.now;
            if let Some(feed) = self.feed() {
                feed.set(Phase::Absent, now);
            }
            return;
        }
        let request = self.request(Method::Get, url, self.config.timeouts.join);
        let link = self.open_link(request, true);
        let now = self.now;
        if let Some(feed) = self.feed() {
            feed.link = Some(link);
            feed.awaits = Awaits::Attached;
            feed.set(Phase::Opening, now);
        }
        self.store.touch();
    }

    fn close_feed(&mut self) {
        if let Some(link) = self.feed().and_then(|feed| feed.link.take()) {
            self.abort(link.attempt);
        }
    }

    pub(in crate::client) fn feed_headers(&mut self, status: u16, headers: &[(String, String)]) {
        let now = self.now;
        let Some(feed) = self.feed() else { return };
        let Some(link) = &mut feed.link else { return };
        match link.begin(now, status, headers) {
            None => {}
            Some(Ok(())) => feed.set(Phase::Live, now),
            Some(Err(error)) => self.feed_refused(error),
        }
    }

    pub(in crate::client) fn feed_ended(&mut self) {
        let link = self.feed().and_then(|feed| feed.link.as_mut());
        match link.and_then(|link| link.refusal.take()) {
            Some(refusal) => self.feed_refusal(&refusal),
            None => self.feed_lost(StreamError::new(ErrorCode::Unreachable), None),
        }
    }

    /// What an answer that is not a stream means.
    fn feed_refusal(&mut self, refusal: &Refusal) {
        let now = self.now;
        let error = status_error(refusal.status, &refusal.body);
        let Some(feed) = self.feed() else { return };
        match refusal.status {
            401 if !std::mem::replace(&mut feed.headers_refreshed, true) => {
                self.close_feed();
                self.refresh_headers = true;
                self.open_feed();
            }
            404 | 405 if !feed.had => {
                feed.set(Phase::Absent, now);
                self.close_feed();
                let revision = self.store.touched();
                if let Some(session) = &mut self.session {
                    session.window.order = revision;
                    session.generation = revision;
                }
            }
            404 | 405 | 408 | 429 | 500.. => self.feed_lost(error, refusal.retry_after),
            _ => self.feed_refused(error),
        }
    }

    fn feed_refused(&mut self, error: StreamError) {
        let now = self.now;
        self.close_feed();
        self.refuse_older(&error);
        if let Some(feed) = self.feed() {
            feed.error = Some(error);
            feed.set(Phase::Failed, now);
        }
        self.store.touch();
    }

    /// The connection failed below HTTP.
    pub(in crate::client) fn feed_broke(&mut self, error: StreamError) {
        match error.code {
            ErrorCode::HeadersFailed | ErrorCode::InvalidRequest => self.feed_refused(error),
            _ => self.feed_lost(error, None),
        }
    }

    /// The connection is gone, for a reason that may pass.
    fn feed_lost(&mut self, error: StreamError, retry_after: Option<Millis>) {
        self.close_feed();
        let (now, parked) = (self.now, !self.visible || !self.online);
        let attempts_max = self.config.retry.attempts_max;
        self.store.touch();
        let Some(feed) = self.feed() else { return };
        feed.reconnected = true;
        if parked {
            // Waiting for the reader or for the network is not a failure of the server's.
            return feed.set(Phase::Parked, now);
        }
        feed.tries += 1;
        let tries = feed.tries;
        if tries > attempts_max {
            feed.error = Some(error);
        }
        let until = now + self.wait_before(tries, retry_after);
        if let Some(feed) = self.feed() {
            feed.set(Phase::Waiting { until }, now);
        }
    }

    pub(in crate::client) fn feed_due(&self) -> Option<(Millis, DeadlineReason)> {
        let feed = &self.session.as_ref()?.feed;
        match feed.phase {
            Phase::Opening | Phase::Live => {
                let opening = feed.phase == Phase::Opening;
                Some(feed.link.as_ref()?.due(opening, &self.config.timeouts))
            }
            Phase::Waiting { until } => Some((until, DeadlineReason::Backoff)),
            Phase::Parked if self.visible => Some((
                feed.since + self.config.timeouts.offline_probe,
                DeadlineReason::OfflineProbe,
            )),
            Phase::Idle | Phase::Parked | Phase::Failed | Phase::Absent => None,
        }
    }

    pub(in crate::client) fn feed_deadline(&mut self) {
        if self.feed_due().is_none_or(|(at, _)| at > self.now) {
            return;
        }
        let Some(feed) = self.feed() else { return };
        match (feed.phase, &mut feed.link) {
            (Phase::Live, Some(link)) if link.got_byte => {
                if std::mem::replace(&mut link.stalled, true) {
                    self.reopen_feed();
                }
                self.store.touch();
            }
            (Phase::Opening | Phase::Live, _) => {
                self.feed_lost(no_answer(), None);
            }
            (Phase::Waiting { .. } | Phase::Parked, _) => self.open_feed(),
            (Phase::Idle | Phase::Failed | Phase::Absent, _) => {}
        }
    }

    /// The page is shown or hidden, the network is back or gone. `woke`: one of them has come back.
    pub(in crate::client) fn feed_reachable(&mut self, woke: bool) {
        let (now, reachable) = (self.now, self.online && self.visible);
        let alive = self.config.timeouts.alive;
        let Some(feed) = self.feed() else { return };
        match feed.phase {
            Phase::Waiting { .. } if !reachable => feed.set(Phase::Parked, now),
            Phase::Waiting { .. } if woke => self.open_feed(),
            Phase::Parked if reachable => self.open_feed(),
            Phase::Live if woke => self.reopen_feed_unless_alive(alive),
            Phase::Idle
            | Phase::Opening
            | Phase::Live
            | Phase::Waiting { .. }
            | Phase::Parked
            | Phase::Failed
            | Phase::Absent => {}
        }
    }

    /// The page was frozen or kept aside: no connection can be relied on.
    pub(in crate::client) fn feed_thawed(&mut self) {
        match self.feed().map(|feed| feed.phase) {
            Some(Phase::Live | Phase::Opening) => self.reopen_feed_unless_alive(Millis(0)),
            Some(Phase::Waiting { .. } | Phase::Parked) => self.feed_reachable(true),
            Some(Phase::Idle | Phase::Failed | Phase::Absent) | None => {}
        }
    }

    fn reopen_feed_unless_alive(&mut self, alive: Millis) {
        let now = self.now;
        let link = self.feed().and_then(|feed| feed.link.as_ref());
        if link.is_some_and(|link| !link.is_alive(now, alive)) {
            self.reopen_feed();
        }
    }

    /// Connects anew at once, which is nobody's failure.
    fn reopen_feed(&mut self) {
        self.close_feed();
        if let Some(feed) = self.feed() {
            feed.reconnected = true;
        }
        self.open_feed();
    }
}
