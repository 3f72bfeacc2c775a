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
    connect::failure_of,
    link::{Asks, Link, Opening, Refusal},
    recovery::{Failure, Purpose, Recovery, Verdict, Wait},
    requests::{no_answer, status_error},
};
use crate::{
    AttemptId, Connection, DeadlineReason, ErrorCode, Method, Millis, StreamError, session::Session,
};

/// Where the feed stands.
#[derive(Debug, Default)]
enum Phase {
    /// There is no thread.
    #[default]
    Idle,
    Opening(Box<Link>),
    Live(Box<Link>),
    Waiting(Wait),
    /// The server has refused it.
    Failed,
    /// The server has no sessions.
    Absent,
}

impl Phase {
    fn link(&self) -> Option<&Link> {
        match self {
            Self::Opening(link) | Self::Live(link) => Some(link),
            Self::Idle | Self::Waiting(_) | Self::Failed | Self::Absent => None,
        }
    }

    fn link_mut(&mut self) -> Option<&mut Link> {
        match self {
            Self::Opening(link) | Self::Live(link) => Some(link),
            Self::Idle | Self::Waiting(_) | Self::Failed | Self::Absent => None,
        }
    }
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
    awaits: Awaits,
    /// The log's last record when the server last said how it goes on.
    head: u64,
    /// Whether messages of this thread's session were had, if only that there are none.
    had: bool,
    /// Whether what is shown does not lead to what comes, so that a snapshot has to.
    diverged: bool,
    recovery: Recovery,
    reconnected: bool,
    /// Whether the thread's state was asked for in place of the session.
    state_asked: bool,
    pub(crate) error: Option<StreamError>,
}

impl Feed {
    pub(crate) fn is_absent(&self) -> bool {
        matches!(self.phase, Phase::Absent)
    }

    /// Whether the first page is on its way.
    pub(crate) fn awaits_first(&self) -> bool {
        !self.had && !matches!(self.phase, Phase::Idle | Phase::Failed | Phase::Absent)
    }

    /// Whether it is there.
    pub(crate) fn has_first(&self) -> bool {
        self.had
    }
}

impl Client {
    pub(in crate::client) fn open_view(&mut self, limit: usize) {
        let fresh = Session::new(limit);
        match &mut self.session {
            Some(session) => {
                session.limit = fresh.limit;
                if matches!(session.feed.phase, Phase::Failed) {
                    // A person tries again.
                    session.feed.recovery.begin_again();
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
        let tries = feed.recovery.tries;
        match &feed.phase {
            Phase::Idle => Connection::Idle,
            Phase::Opening(_) if tries > 0 => Connection::Reconnecting {
                attempt: tries,
                retry_at: None,
            },
            Phase::Opening(_) if feed.reconnected => Connection::CatchingUp,
            Phase::Opening(_) => Connection::Connecting,
            Phase::Live(link) if link.stalled => Connection::Stalled,
            Phase::Live(_) if feed.awaits != Awaits::Records || session.shown.seq() < feed.head => {
                Connection::CatchingUp
            }
            Phase::Live(_) => Connection::Live,
            Phase::Waiting(Wait::Parked { .. }) if !self.online => Connection::Offline,
            Phase::Waiting(Wait::Parked { .. }) => Connection::Paused,
            Phase::Waiting(Wait::Backoff { until }) => Connection::Reconnecting {
                attempt: tries.max(1),
                retry_at: Some(*until),
            },
            Phase::Failed => Connection::Failed,
            Phase::Absent => self.connection(),
        }
    }

    pub(in crate::client) fn is_feed(&self, attempt: AttemptId) -> bool {
        let link = self.session.as_ref().and_then(|s| s.feed.phase.link());
        link.is_some_and(|link| link.attempt == attempt)
    }

    fn feed(&mut self) -> Option<&mut Feed> {
        Some(&mut self.session.as_mut()?.feed)
    }

    fn set_feed(&mut self, phase: Phase) {
        if let Some(feed) = self.feed() {
            feed.phase = phase;
        }
        self.store.touch();
    }

    fn open_feed(&mut self) {
        let Some(session) = &self.session else { return };
        let cursor = session.shown.cursor().filter(|_| !session.feed.diverged);
        let Some(url) = self.feed_url(cursor, session.limit) else {
            return;
        };
        if self.is_stream_only() {
            return self.set_feed(Phase::Absent);
        }
        let request = self.request(Method::Get, url, self.config.timeouts.join);
        let link = self.open_link(request, Asks::Feed);
        if let Some(feed) = self.feed() {
            feed.awaits = Awaits::Attached;
        }
        self.set_feed(Phase::Opening(link));
    }

    /// Drops the connection, if there is one. The phase that comes then is the caller's to set.
    fn close_feed(&mut self) {
        let Some(feed) = self.feed() else { return };
        if let Some(link) = feed.phase.link() {
            let attempt = link.attempt;
            feed.phase = Phase::Idle;
            self.abort(attempt);
        }
    }

    pub(in crate::client) fn feed_headers(&mut self, status: u16, headers: &[(String, String)]) {
        let now = self.now;
        let Some(feed) = self.feed() else { return };
        let Phase::Opening(link) = &mut feed.phase else {
            return;
        };
        match link.begin(now, status, headers) {
            Opening::Refused => {}
            Opening::Stream => {
                feed.recovery.contact();
                if let Phase::Opening(link) = std::mem::take(&mut feed.phase) {
                    feed.phase = Phase::Live(link);
                }
            }
            Opening::Foreign(error) => self.feed_failed(Failure::Unreadable, error, None),
        }
    }

    pub(in crate::client) fn feed_ended(&mut self) {
        let link = self.feed().and_then(|feed| feed.phase.link_mut());
        match link.and_then(|link| link.refusal.take()) {
            Some(Refusal {
                status,
                retry_after,
                body,
            }) => {
                let error = status_error(status, &body);
                self.feed_failed(Failure::Status(status), error, retry_after);
            }
            None => self.feed_lost(StreamError::new(ErrorCode::Unreachable), None),
        }
    }

    /// The feed was not to be had. What that means stands in the table in `recovery.rs`.
    fn feed_failed(&mut self, failure: Failure, error: StreamError, retry_after: Option<Millis>) {
        let Some(feed) = self.feed() else { return };
        match Purpose::Feed.verdict(failure) {
            Verdict::Renew if feed.recovery.may_renew() => {
                self.close_feed();
                self.refresh_headers = true;
                self.open_feed();
            }
            Verdict::Gone if !feed.had => self.feed_is_absent(),
            // A session that was there comes back.
            Verdict::Gone | Verdict::Again => self.feed_lost(error, retry_after),
            Verdict::Renew | Verdict::Refused => self.feed_refused(error),
        }
    }

    /// The server has no sessions: a window over the thread's own messages is shown.
    fn feed_is_absent(&mut self) {
        self.close_feed();
        self.set_feed(Phase::Absent);
        let revision = self.store.touched();
        if let Some(session) = &mut self.session {
            session.window.order = revision;
            session.generation = revision;
        }
    }

    fn feed_refused(&mut self, error: StreamError) {
        self.close_feed();
        self.refuse_older(&error);
        if let Some(feed) = self.feed() {
            feed.error = Some(error);
        }
        self.set_feed(Phase::Failed);
    }

    /// The connection failed below HTTP.
    pub(in crate::client) fn feed_broke(&mut self, error: StreamError) {
        self.feed_failed(failure_of(&error), error, None);
    }

    /// The connection is gone, for a reason that may pass.
    fn feed_lost(&mut self, error: StreamError, retry_after: Option<Millis>) {
        let now = self.now;
        let link = self.session.as_ref().and_then(|s| s.feed.phase.link());
        let since = link.map_or(now, |link| link.last_byte_at);
        self.close_feed();
        let (reachable, attempts_max) = (self.reach().is_whole(), self.config.retry.attempts_max);
        let Some(feed) = self.feed() else { return };
        feed.reconnected = true;
        let mut recovery = std::mem::take(&mut feed.recovery);
        if reachable {
            recovery.failed(since, error.clone(), Failure::NoAnswer);
        }
        if recovery.failures() > attempts_max {
            feed.error = Some(error);
        }
        let wait = self.wait_after(&recovery, retry_after);
        if let Some(feed) = self.feed() {
            feed.recovery = recovery;
        }
        self.set_feed(Phase::Waiting(wait));
    }

    pub(in crate::client) fn feed_due(&self) -> Option<(Millis, DeadlineReason)> {
        let timeouts = &self.config.timeouts;
        match &self.session.as_ref()?.feed.phase {
            Phase::Opening(link) => Some(link.due(true, timeouts)),
            Phase::Live(link) => Some(link.due(false, timeouts)),
            Phase::Waiting(wait) => Some(wait.due(timeouts.offline_probe)),
            Phase::Idle | Phase::Failed | Phase::Absent => None,
        }
    }

    pub(in crate::client) fn feed_deadline(&mut self) {
        if self.feed_due().is_none_or(|(at, _)| at > self.now) {
            return;
        }
        let Some(feed) = self.feed() else { return };
        match &mut feed.phase {
            Phase::Live(link) if link.got_byte => {
                if std::mem::replace(&mut link.stalled, true) {
                    self.reopen_feed();
                }
                self.store.touch();
            }
            Phase::Opening(_) | Phase::Live(_) => self.feed_lost(no_answer(), None),
            Phase::Waiting(_) => self.open_feed(),
            Phase::Idle | Phase::Failed | Phase::Absent => {}
        }
    }

    /// The page is shown or hidden, the network is back or gone. `woke`: one of them has come back.
    pub(in crate::client) fn session_reached(&mut self, woke: bool) {
        self.feed_reached(woke);
        self.older_reached(woke);
    }

    fn feed_reached(&mut self, woke: bool) {
        let (now, reach, alive) = (self.now, self.reach(), self.config.timeouts.alive);
        let Some(feed) = self.feed() else { return };
        match &mut feed.phase {
            Phase::Waiting(wait) => {
                if wait.reached(now, reach, woke) {
                    self.open_feed();
                }
            }
            Phase::Live(_) if woke => self.reopen_feed_unless_alive(alive),
            Phase::Idle | Phase::Opening(_) | Phase::Live(_) | Phase::Failed | Phase::Absent => {}
        }
    }

    /// The page was frozen or kept aside: no connection can be relied on.
    pub(in crate::client) fn feed_thawed(&mut self) {
        match self.feed().map(|feed| &feed.phase) {
            Some(Phase::Live(_) | Phase::Opening(_)) => self.reopen_feed_unless_alive(Millis(0)),
            Some(Phase::Waiting(_)) => self.feed_reached(true),
            Some(Phase::Idle | Phase::Failed | Phase::Absent) | None => {}
        }
    }

    fn reopen_feed_unless_alive(&mut self, alive: Millis) {
        let now = self.now;
        let link = self.feed().and_then(|feed| feed.phase.link());
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
