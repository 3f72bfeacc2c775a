//! The session of the client's thread, while a view of it is open: the part that owns it.
//!
//! ```text
//! Opened ──► GET /sessions/{thread}/stream ──► attached, snapshot | records ──► Shown ──► SessionView
//! OlderRequested ──► GET /sessions/{thread}/messages?before= ─────────────────►─┘
//!                  (a server without sessions: a window over the thread's own messages)
//! ```

mod events;
mod feed;
mod older;
mod shown;
mod window;

pub(crate) use feed::Feed;
pub(crate) use older::Older;
pub(crate) use shown::Shown;
pub(crate) use window::Window;

use super::{
    Client,
    part::{Arrived, Due, Part, Woke},
};
use crate::{AttemptId, Connection, Outcome, SessionInput, list::retain};
use rejoin_wire::{MessageId, ThreadId};

/// The most messages of one page.
pub(crate) const PAGE_MAX: usize = 1000;

/// The thread's session, as a client holds it while a view of it is open.
#[derive(Debug)]
pub(crate) struct Session {
    /// The thread whose session it is; outer `None` before the first.
    thread_id: Option<Option<ThreadId>>,
    pub(crate) limit: usize,
    pub(crate) shown: Shown,
    pub(crate) feed: Feed,
    pub(crate) older: Older,
    /// Messages submitted here that the log does not have yet.
    pub(crate) pending: Vec<MessageId>,
    /// When that list last changed.
    pub(crate) pending_order: u64,
    /// When what is shown was last begun anew.
    pub(crate) generation: u64,
    /// Of a server without sessions.
    pub(crate) window: Window,
    /// Whether the thread's state was asked for in place of the session.
    state_asked: bool,
    told: Connection,
}

impl Session {
    fn new(limit: usize) -> Self {
        Self {
            thread_id: None,
            limit: limit.clamp(1, PAGE_MAX),
            shown: Shown::default(),
            feed: Feed::default(),
            older: Older::default(),
            pending: Vec::new(),
            pending_order: 0,
            generation: 0,
            window: Window::default(),
            state_asked: false,
            told: Connection::Idle,
        }
    }

    /// A message that the log has by now is not pending any more.
    fn settle_pending(&mut self, revision: u64) {
        let shown = &self.shown;
        let before = self.pending.len();
        retain(&mut self.pending, |id| !shown.has(id));
        if self.pending.len() < before {
            self.pending_order = revision;
        }
    }

    /// Opened once more.
    fn open_again(&mut self, client: &mut Client, limit: usize) {
        self.limit = Self::new(limit).limit;
        if self.feed.has_failed() {
            self.open_feed_anew(client);
        }
    }

    fn close(&mut self, client: &mut Client) {
        self.close_feed(client);
        self.drop_older(client);
    }

    /// The client is on another thread.
    fn turn_to_thread(&mut self, client: &mut Client) {
        self.close(client);
        let mut fresh = Self::new(self.limit);
        if self.thread_id == Some(None) {
            // The thread that it was submitted to has its id now.
            fresh.pending = std::mem::take(&mut self.pending);
        }
        fresh.thread_id = Some(client.thread_id.clone());
        let revision = client.store.touched();
        fresh.shown.clear(revision);
        fresh.pending_order = revision;
        fresh.window.order = revision;
        fresh.generation = revision;
        *self = fresh;
        self.open_feed(client);
    }

    /// The view is of the client's thread, and a window stays where it is.
    fn tend(&mut self, client: &mut Client) {
        if self.thread_id.as_ref() != Some(&client.thread_id) {
            self.turn_to_thread(client);
        }
        if self.feed.is_absent() {
            let asks = !client.config.reads_state && !client.load.is_loading();
            if asks && !std::mem::replace(&mut self.state_asked, true) {
                client.ask_history();
            }
            self.tend_window(client);
            self.window_older(client);
        }
        let connection = self.connection(client);
        if connection != self.told {
            self.told = connection;
            client.store.touch();
        }
    }

    fn arrived(&mut self, client: &mut Client, attempt: AttemptId, arrived: &Arrived<'_>) -> bool {
        match arrived {
            Arrived::Answer(answer) if self.older.is(attempt) => {
                self.older_answered(client, answer);
            }
            Arrived::Headers { .. } | Arrived::Chunk(_) | Arrived::Ended | Arrived::Answer(_)
                if !self.feed.is(attempt) =>
            {
                return false;
            }
            Arrived::Headers { status, headers } => self.feed_headers(client, *status, headers),
            Arrived::Chunk(bytes) => self.feed_chunk(client, attempt, bytes),
            Arrived::Ended => self.feed_ended(client),
            Arrived::Answer(answer) => match answer.check() {
                Ok(()) => {}
                Err(error) => self.feed_broke(client, error),
            },
        }
        true
    }
}

/// Views of the session.
pub(super) trait SessionPart: Part {
    fn handle(&mut self, client: &mut Client, input: SessionInput);

    /// The session, while a view of it is open.
    fn open(&self) -> Option<&Session>;

    /// Somebody is about to look at it.
    fn refresh(&mut self);

    /// These messages were submitted.
    fn submitted(&mut self, client: &mut Client, ids: Vec<MessageId>);
}

/// The part: a session while a view of it is open.
#[derive(Debug, Default)]
pub(super) struct Sessions(Option<Box<Session>>);

impl Part for Sessions {
    fn answered(&mut self, client: &mut Client, attempt: AttemptId, arrived: &Arrived<'_>) -> bool {
        let open = self.0.as_mut();
        open.is_some_and(|session| session.arrived(client, attempt, arrived))
    }

    fn due(&self, client: &Client) -> Option<Due> {
        let session = self.0.as_ref()?;
        let dues = [session.feed_due(client), session.older_due(client)];
        dues.into_iter().flatten().min()
    }

    fn late(&mut self, client: &mut Client) {
        let is_late = |due: Option<Due>, now| due.is_some_and(|(at, _)| at <= now);
        if let Some(session) = &mut self.0 {
            if is_late(session.feed_due(client), client.now) {
                session.feed_late(client);
            }
            if is_late(session.older_due(client), client.now) {
                session.older_late(client);
            }
        }
    }

    fn woke(&mut self, client: &mut Client, woke: Woke) {
        if let Some(session) = &mut self.0 {
            session.feed_woke(client, woke);
            session.older_woke(client, woke.is_back());
        }
    }

    fn tend(&mut self, client: &mut Client) {
        if let Some(session) = &mut self.0 {
            session.tend(client);
        }
    }
}

impl SessionPart for Sessions {
    fn handle(&mut self, client: &mut Client, input: SessionInput) {
        match (input, &mut self.0) {
            (SessionInput::Opened { limit }, Some(session)) => session.open_again(client, limit),
            (SessionInput::Opened { limit }, closed @ None) => {
                *closed = Some(Box::new(Session::new(limit)));
            }
            (SessionInput::OlderRequested { command }, Some(session)) => {
                session.request_older(client, command);
            }
            (SessionInput::OlderRequested { command }, None) => {
                client.conclude(command, Outcome::NothingToJoin);
            }
            (SessionInput::Closed, Some(session)) => {
                session.close(client);
                self.0 = None;
            }
            (SessionInput::Closed, None) => {}
        }
        client.store.touch();
    }

    fn open(&self) -> Option<&Session> {
        self.0.as_deref()
    }

    fn refresh(&mut self) {
        if let Some(session) = &mut self.0 {
            session.shown.refresh_tool_calls();
        }
    }

    fn submitted(&mut self, client: &mut Client, ids: Vec<MessageId>) {
        if let Some(session) = &mut self.0 {
            session.pending.extend(ids);
            session.pending_order = client.store.touched();
        }
    }
}
