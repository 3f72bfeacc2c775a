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

use super::{
    super::{
        Client,
        answer::{failure_of, failure_of_status, no_answer, status_error},
        link::{Asks, Link, Opening, Refusal},
        part::Woke,
        recovery::{Failure, Purpose, Recovery, Verdict, Wait},
    },
    Session,
};
use crate::{AttemptId, Connection, DeadlineReason, ErrorCode, Method, Millis, StreamError};

/// The phase of the feed.
#[derive(Debug, Default)]
pub(super) enum Phase {
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

    /// The headers of an event stream have come.
    fn go_live(&mut self) {
        if let Self::Opening(link) = std::mem::take(self) {
            *self = Self::Live(link);
        }
    }

    fn link_mut(&mut self) -> Option<&mut Link> {
        match self {
            Self::Opening(link) | Self::Live(link) => Some(link),
            Self::Idle | Self::Waiting(_) | Self::Failed | Self::Absent => None,
        }
    }
}

/// The kind of event that comes next on a connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Awaits {
    #[default]
    Attached,
    Snapshot,
    Records,
}

/// The feed of one thread's session.
#[derive(Debug, Default)]
pub(crate) struct Feed {
    pub(super) phase: Phase,
    pub(super) awaits: Awaits,
    /// The log's last record when the server last said how it goes on.
    pub(super) head: u64,
    /// Whether messages of this thread's session were had, if only that there are none.
    pub(super) had: bool,
    /// Whether what is shown does not lead to what comes, so that a snapshot has to.
    pub(super) diverged: bool,
    pub(super) recovery: Recovery,
    reconnected: bool,
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

    pub(super) fn has_failed(&self) -> bool {
        matches!(self.phase, Phase::Failed)
    }

    pub(super) fn is(&self, attempt: AttemptId) -> bool {
        let link = self.phase.link();
        link.is_some_and(|link| link.attempt == attempt)
    }

    /// The connection, while it is this one.
    pub(super) fn link_of(&mut self, attempt: AttemptId) -> Option<&mut Link> {
        self.phase.link_mut().filter(|link| link.attempt == attempt)
    }
}

impl Session {
    /// Since when nothing was heard, while something is asked for.
    pub(crate) fn lost_since(&self, client: &Client) -> Option<Millis> {
        match &self.feed.phase {
            Phase::Opening(_) | Phase::Live(_) | Phase::Waiting(_) => {
                self.feed.recovery.lost_since()
            }
            Phase::Absent => client.lost_since(),
            Phase::Idle | Phase::Failed => None,
        }
    }

    /// The feed's connection, as a person is told.
    pub(crate) fn connection(&self, client: &Client) -> Connection {
        let feed = &self.feed;
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
            Phase::Live(_) if feed.awaits != Awaits::Records || self.shown.seq() < feed.head => {
                Connection::CatchingUp
            }
            Phase::Live(_) => Connection::Live,
            Phase::Waiting(Wait::Parked { .. }) if !client.online => Connection::Offline,
            Phase::Waiting(Wait::Parked { .. }) => Connection::Paused,
            Phase::Waiting(Wait::Backoff { until }) => Connection::Reconnecting {
                attempt: tries.max(1),
                retry_at: Some(*until),
            },
            Phase::Failed => Connection::Failed,
            Phase::Absent => client.connection(),
        }
    }

    fn set_feed(&mut self, client: &mut Client, phase: Phase) {
        self.feed.phase = phase;
        client.store.touch();
    }

    /// Opens the feed, if there is a thread.
    pub(super) fn open_feed(&mut self, client: &mut Client) {
        let cursor = self.shown.cursor().filter(|_| !self.feed.diverged);
        if client.is_stream_only() && client.thread_id.is_some() {
            self.set_feed(client, Phase::Absent);
        } else if let Some(url) = client.feed_url(cursor, self.limit) {
            let request = client.request(Method::Get, url, client.config.timeouts.join);
            let link = client.open_link(request, Asks::Feed);
            self.feed.awaits = Awaits::Attached;
            self.set_feed(client, Phase::Opening(link));
        }
    }

    /// A person tries again.
    pub(super) fn open_feed_anew(&mut self, client: &mut Client) {
        self.feed.recovery.begin_again();
        self.open_feed(client);
    }

    /// Drops the connection, if there is one. The phase that comes then is the caller's to set.
    pub(super) fn close_feed(&mut self, client: &mut Client) {
        if let Some(link) = self.feed.phase.link() {
            let attempt = link.attempt;
            self.feed.phase = Phase::Idle;
            client.abort(attempt);
        }
    }

    pub(super) fn feed_headers(
        &mut self,
        client: &mut Client,
        status: u16,
        headers: &[(String, String)],
    ) {
        if let Phase::Opening(link) = &mut self.feed.phase {
            match link.begin(client.now, status, headers) {
                Opening::Refused => {}
                Opening::Stream => {
                    self.feed.recovery.contact();
                    self.feed.phase.go_live();
                }
                Opening::Foreign(error) => {
                    self.feed_failed(client, Failure::Unreadable, error, None);
                }
            }
        }
    }

    pub(super) fn feed_ended(&mut self, client: &mut Client) {
        let link = self.feed.phase.link_mut();
        match link.and_then(|link| link.refusal.take()) {
            Some(refusal) => self.feed_answered(client, &refusal),
            // It was answered, so nothing has failed.
            None if self.feed.awaits != Awaits::Attached => {
                self.end_feed(client);
                self.feed.recovery.ended_early();
                if !client.reach().is_whole() {
                    self.feed.recovery.uncount();
                }
                self.feed_waits(client, None);
            }
            None => {
                let error = StreamError::new(ErrorCode::Unreachable);
                self.feed_lost(client, Failure::NoAnswer, error, None);
            }
        }
    }

    /// With something else than a stream.
    pub(super) fn feed_answered(&mut self, client: &mut Client, refusal: &Refusal) {
        let error = status_error(refusal.status, &refusal.body);
        let failure = failure_of_status(refusal.status, &refusal.body);
        self.feed_failed(client, failure, error, refusal.retry_after);
    }

    /// The feed was not to be had. The table in `recovery.rs` says what that means.
    pub(super) fn feed_failed(
        &mut self,
        client: &mut Client,
        failure: Failure,
        error: StreamError,
        retry_after: Option<Millis>,
    ) {
        match Purpose::Feed.verdict(failure) {
            Verdict::Renew if self.feed.recovery.may_renew() => {
                self.close_feed(client);
                client.refresh_headers = true;
                self.open_feed(client);
            }
            Verdict::Gone if !self.feed.had => self.feed_is_absent(client),
            // A session that was there comes back.
            Verdict::Gone | Verdict::Again => {
                self.feed_lost(client, failure, error, retry_after);
            }
            Verdict::Renew | Verdict::Refused => self.feed_refused(client, error),
        }
    }

    /// The server has no sessions: a window over the thread's own messages is shown.
    fn feed_is_absent(&mut self, client: &mut Client) {
        self.close_feed(client);
        self.set_feed(client, Phase::Absent);
        let revision = client.store.touched();
        self.window.order = revision;
        self.generation = revision;
    }

    fn feed_refused(&mut self, client: &mut Client, error: StreamError) {
        self.close_feed(client);
        self.refuse_older(client, &error);
        self.feed.error = Some(error);
        self.set_feed(client, Phase::Failed);
    }

    /// The connection failed below HTTP.
    pub(super) fn feed_broke(&mut self, client: &mut Client, error: StreamError) {
        self.feed_failed(client, failure_of(&error), error, None);
    }

    /// The connection is gone, for a reason that may pass.
    pub(super) fn feed_lost(
        &mut self,
        client: &mut Client,
        failure: Failure,
        error: StreamError,
        retry_after: Option<Millis>,
    ) {
        let link = self.feed.phase.link();
        let since = link.map_or(client.now, |link| link.last_byte_at);
        self.end_feed(client);
        let recovery = &mut self.feed.recovery;
        recovery.failed_within(client.reach(), since, error.clone(), failure);
        if recovery.failures() > client.config.retry.attempts_max {
            self.feed.error = Some(error);
        }
        self.feed_waits(client, retry_after);
    }

    /// The connection is gone, and there will be another one.
    fn end_feed(&mut self, client: &mut Client) {
        let alive = client.config.timeouts.alive;
        let link = self.feed.phase.link();
        if link.is_some_and(|link| link.was_held(client.now, alive)) {
            self.feed.recovery.held();
        }
        self.close_feed(client);
        self.feed.reconnected = true;
    }

    fn feed_waits(&mut self, client: &mut Client, retry_after: Option<Millis>) {
        let wait = client.wait_after(&self.feed.recovery, retry_after);
        self.set_feed(client, Phase::Waiting(wait));
    }

    pub(super) fn feed_due(&self, client: &Client) -> Option<(Millis, DeadlineReason)> {
        let timeouts = &client.config.timeouts;
        match &self.feed.phase {
            Phase::Opening(link) => Some(link.due(true, timeouts)),
            Phase::Live(link) => Some(link.due(false, timeouts)),
            Phase::Waiting(wait) => Some(wait.due(timeouts.offline_probe)),
            Phase::Idle | Phase::Failed | Phase::Absent => None,
        }
    }

    /// That time has come.
    pub(super) fn feed_late(&mut self, client: &mut Client) {
        match &mut self.feed.phase {
            Phase::Live(link) if link.got_byte => {
                if std::mem::replace(&mut link.stalled, true) {
                    self.reopen_feed(client);
                }
                client.store.touch();
            }
            Phase::Opening(_) | Phase::Live(_) => {
                self.feed_lost(client, Failure::NoAnswer, no_answer(), None);
            }
            Phase::Waiting(_) => self.open_feed(client),
            Phase::Idle | Phase::Failed | Phase::Absent => {}
        }
    }

    pub(super) fn feed_woke(&mut self, client: &mut Client, woke: Woke) {
        let (now, reach, alive) = (client.now, client.reach(), client.config.timeouts.alive);
        match &mut self.feed.phase {
            Phase::Waiting(wait) => {
                if wait.reached(now, reach, woke.is_back()) {
                    self.open_feed(client);
                }
            }
            Phase::Live(link) if woke == Woke::Back && !link.is_alive(now, alive) => {
                self.reopen_feed(client);
            }
            Phase::Live(_) | Phase::Opening(_) if woke == Woke::Thawed => self.reopen_feed(client),
            Phase::Idle | Phase::Opening(_) | Phase::Live(_) | Phase::Failed | Phase::Absent => {}
        }
    }

    /// Connects anew at once, which is nobody's failure.
    fn reopen_feed(&mut self, client: &mut Client) {
        self.close_feed(client);
        self.feed.reconnected = true;
        self.open_feed(client);
    }
}
