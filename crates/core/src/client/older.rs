//! Older pages of the session: one request at a time, whoever asks.

use super::{
    Client,
    page::{PageFailed, PageRequest},
    recovery::Purpose,
    requests::{Answer, no_answer},
};
use crate::{
    AttemptId, CommandId, DeadlineReason, ErrorCode, Method, Millis, Outcome, StreamError,
    session::PAGE_MAX,
};
use rejoin_wire::{
    json::{FromJson, JsonError},
    session::{Change, Cursor, Page, Record, Transcript},
};

/// What is asked of the pages before the first message.
#[derive(Debug, Default)]
pub(crate) struct Older {
    asked: Option<AskedPage>,
    request: PageRequest,
    /// Who waits for the next page.
    commands: Vec<CommandId>,
    /// Changes to messages that a page on its way may hold as they were before.
    missed: Vec<Record>,
    pub(crate) error: Option<StreamError>,
}

#[derive(Debug, Clone, Copy)]
struct AskedPage {
    /// The position of the first message that is newer than the page.
    before: u64,
    limit: usize,
    /// The last record that was had then.
    seq: u64,
    /// Whether it says how messages are by now that were held when a snapshot came.
    renews: bool,
}

/// `GET /sessions/{id}/messages`.
struct OlderPage {
    cursor: Cursor,
    page: Page,
}

impl FromJson for OlderPage {
    fn from_json(text: &str) -> Result<Self, JsonError> {
        let cursor = rejoin_wire::json::find(text, "cursor")?;
        Ok(Self {
            cursor: Cursor::from_json(cursor.unwrap_or_default())?,
            page: Page::from_json(text)?,
        })
    }
}

impl Older {
    /// Whether somebody waits for a page.
    pub(crate) fn is_wanted(&self) -> bool {
        !self.commands.is_empty()
    }

    /// A page that is on its way may be from before this.
    pub(super) fn note(&mut self, record: &Record) {
        let matters = matches!(
            record.change,
            Change::Updated { .. } | Change::Removed { .. }
        );
        if matters && self.asked.is_some() {
            self.missed.push(record.clone());
        }
    }
}

impl Client {
    pub(super) fn request_older(&mut self, command: CommandId) {
        let Some(session) = &mut self.session else {
            return self.conclude(command, Outcome::NothingToJoin);
        };
        session.older.commands.push(command);
        session.older.error = None;
        self.store.touch();
        self.ask_older();
    }

    /// Asks for the page before the first message, where somebody waits for it and it can be named.
    fn ask_older(&mut self) {
        if self.thread_id.is_none() {
            return self.conclude_older(&Outcome::Finished);
        }
        let Some(session) = &self.session else { return };
        let older = &session.older;
        if !older.is_wanted() || older.asked.is_some() || !session.feed.has_first() {
            return self.conclude_older_of_refused();
        }
        if session.shown.has_older() {
            self.ask_older_page(session.shown.first(), session.limit, false);
        } else {
            self.conclude_older(&Outcome::Finished);
        }
    }

    /// Without a feed there is no first page that an older one could come before.
    fn conclude_older_of_refused(&mut self) {
        let Some(session) = &self.session else { return };
        if !session.feed.has_first()
            && let Some(error) = session.feed.error.clone()
        {
            self.refuse_older(&error);
        }
    }

    fn ask_older_page(&mut self, before: u64, limit: usize, renews: bool) {
        let (Some(url), Some(session)) = (self.older_url(before, limit), &self.session) else {
            return;
        };
        let seq = session.shown.seq();
        let asked = self.ask(Method::Get, url);
        if let Some(session) = &mut self.session {
            session.older.missed.clear();
            session.older.request.asked(asked);
            session.older.asked = Some(AskedPage {
                before,
                limit,
                seq,
                renews,
            });
        }
        self.store.touch();
    }

    pub(super) fn is_older(&self, attempt: AttemptId) -> bool {
        let session = self.session.as_ref();
        session.is_some_and(|session| session.older.request.is(attempt))
    }

    pub(super) fn older_answered(&mut self, answer: &Answer<'_>) {
        let revision = self.store.touched();
        let Some(session) = &mut self.session else {
            return;
        };
        let Some(asked) = session.older.asked else {
            return;
        };
        let read = answer.read::<OlderPage>("page of messages");
        let cursor = session.shown.cursor();
        let read = read.and_then(|read| {
            let same = cursor.is_some_and(|cursor| cursor.epoch == read.cursor.epoch);
            if same && read.cursor.seq >= asked.seq {
                return Ok(read);
            }
            let words = "a page of another log than what is shown";
            Err(StreamError::new(ErrorCode::BodyInvalid).with_detail(words))
        });
        match read {
            Ok(OlderPage { cursor, mut page }) => {
                session.older.asked = None;
                session.older.request.came();
                for record in std::mem::take(&mut session.older.missed) {
                    page = brought_on(page, cursor.seq, record);
                }
                session.shown.put_older(asked.before, page, revision);
                if !asked.renews {
                    return self.conclude_older(&Outcome::Finished);
                }
                if asked.limit == PAGE_MAX {
                    // What was held beyond so many has to be asked for again.
                    session.generation = revision;
                }
            }
            Err(error) => return self.older_failed(asked, error, answer),
        }
        self.ask_older();
    }

    fn older_failed(&mut self, asked: AskedPage, error: StreamError, answer: &Answer<'_>) {
        let Some(session) = &mut self.session else {
            return;
        };
        let mut request = std::mem::take(&mut session.older.request);
        let failed = self.page_failed(&mut request, Purpose::Older, error, answer);
        let Some(session) = &mut self.session else {
            return;
        };
        session.older.request = request;
        let error = match failed {
            PageFailed::AskAgain => {
                return self.ask_older_page(asked.before, asked.limit, asked.renews);
            }
            PageFailed::Waits => return,
            PageFailed::ForGood(error) => error,
        };
        session.older.asked = None;
        session.older.request.came();
        if asked.renews {
            // How they are by now is not known: they are read again when they are asked for.
            let unknown = Page {
                nodes: Vec::new(),
                has_older: true,
            };
            let revision = self.store.touched();
            session.shown.put_older(asked.before, unknown, revision);
            session.generation = revision;
        }
        self.refuse_older(&error);
    }

    /// A snapshot has come: what was asked for was older than what was shown before.
    pub(super) fn older_after_snapshot(&mut self, first: u64, kept: usize) {
        self.drop_page();
        if kept > 0 {
            self.ask_older_page(first, kept.min(PAGE_MAX), true);
        } else {
            self.ask_older();
        }
    }

    /// Of a server without sessions: what is asked for is here already.
    pub(super) fn window_older(&mut self) {
        if self.is_thread_loading() || self.is_history_loading() {
            return;
        }
        let Some(session) = &mut self.session else {
            return;
        };
        if session.older.is_wanted() {
            let hidden = session.window.hidden;
            session.window.hidden = hidden.saturating_sub(session.limit);
            session.window.order = self.store.touched();
            self.conclude_older(&Outcome::Finished);
        }
    }

    fn older_due(&self) -> Option<(Millis, DeadlineReason)> {
        let session = self.session.as_ref()?;
        session.older.request.due(&self.config.timeouts)
    }

    /// When the feed or a page is late, and which.
    pub(super) fn session_due(&self) -> Option<(Millis, DeadlineReason)> {
        [self.feed_due(), self.older_due()]
            .into_iter()
            .flatten()
            .min()
    }

    pub(super) fn session_deadline(&mut self) {
        self.feed_deadline();
        self.older_deadline();
    }

    fn older_deadline(&mut self) {
        if self.older_due().is_none_or(|(at, _)| at > self.now) {
            return;
        }
        let Some(session) = &self.session else { return };
        if session.older.request.waits() {
            return self.ask_older_again();
        }
        self.abort_older();
        self.older_answered(&Answer::failed(no_answer()));
    }

    fn ask_older_again(&mut self) {
        let asked = self.session.as_ref().and_then(|s| s.older.asked);
        if let Some(asked) = asked {
            self.ask_older_page(asked.before, asked.limit, asked.renews);
        }
    }

    /// The page is shown or hidden, the network is back or gone.
    pub(super) fn older_reached(&mut self, woke: bool) {
        let (now, reach) = (self.now, self.reach());
        let session = self.session.as_mut();
        if session.is_some_and(|session| session.older.request.reached(now, reach, woke)) {
            self.ask_older_again();
        }
    }

    /// An older page is not to be had; asking again may help.
    pub(super) fn refuse_older(&mut self, error: &StreamError) {
        let denied = matches!(error.code, ErrorCode::Unauthorized | ErrorCode::Forbidden);
        let Some(session) = &mut self.session else {
            return;
        };
        if session.older.is_wanted() {
            session.older.error = Some(error.clone());
        }
        self.conclude_older(&match denied {
            true => Outcome::Denied(error.clone()),
            false => Outcome::Failed(error.clone()),
        });
    }

    /// The view is closed, or of another thread.
    pub(super) fn drop_older(&mut self) {
        self.drop_page();
        self.conclude_older(&Outcome::Disconnected);
    }

    fn drop_page(&mut self) {
        self.abort_older();
        if let Some(session) = &mut self.session {
            session.older.asked = None;
            session.older.request.came();
        }
    }

    fn abort_older(&mut self) {
        let session = self.session.as_mut();
        if let Some(attempt) = session.and_then(|session| session.older.request.close()) {
            self.abort(attempt);
        }
    }

    fn conclude_older(&mut self, outcome: &Outcome) {
        let Some(session) = &mut self.session else {
            return;
        };
        for command in std::mem::take(&mut session.older.commands) {
            self.conclude(command, outcome.clone());
        }
        self.store.touch();
    }
}

/// A page as of `seq`, with what happened to its messages since.
fn brought_on(page: Page, seq: u64, record: Record) -> Page {
    if record.seq <= seq {
        return page;
    }
    let mut page = Transcript::from_page(record.seq - 1, page);
    // A change to what is there already always follows.
    let _ = page.apply(record);
    page.into_page()
}
