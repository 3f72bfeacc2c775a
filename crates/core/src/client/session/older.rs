//! Older pages of the session: one request at a time, whoever asks.

use super::{
    super::{
        Client,
        answer::{Answer, no_answer},
        page::{PageFailed, PageRequest},
        recovery::Purpose,
    },
    PAGE_MAX, Session,
};
use crate::{
    AttemptId, CommandId, DeadlineReason, ErrorCode, Method, Millis, Outcome, StreamError,
};
use rejoin_wire::{
    json::{FromJson, JsonError},
    session::{Change, Cursor, Page, Record, Transcript},
};

/// The requests for the pages before the first message.
#[derive(Debug, Default)]
pub(crate) struct Older {
    asked: Option<AskedPage>,
    request: PageRequest,
    /// The commands that wait for the next page.
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

    pub(super) fn is(&self, attempt: AttemptId) -> bool {
        self.request.is(attempt)
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

    /// The page that was asked for, which is not waited for any more.
    fn take(&mut self) -> Option<AskedPage> {
        self.request.came();
        self.asked.take()
    }
}

impl Session {
    pub(super) fn request_older(&mut self, client: &mut Client, command: CommandId) {
        self.older.commands.push(command);
        self.older.error = None;
        client.store.touch();
        self.ask_older(client);
    }

    /// Asks for the page before the first message, where somebody waits for it and it can be named.
    fn ask_older(&mut self, client: &mut Client) {
        if client.thread_id.is_none() {
            self.conclude_older(client, &Outcome::Finished);
        } else if !self.feed.has_first() {
            // Without a feed there is no first page that an older one could come before.
            if let Some(error) = self.feed.error.clone() {
                self.refuse_older(client, &error);
            }
        } else if self.older.is_wanted() && self.older.asked.is_none() {
            if self.shown.has_older() {
                let asked = self.page_before(self.shown.first(), self.limit, false);
                self.ask_older_page(client, asked);
            } else {
                self.conclude_older(client, &Outcome::Finished);
            }
        }
    }

    fn page_before(&self, before: u64, limit: usize, renews: bool) -> AskedPage {
        AskedPage {
            before,
            limit,
            seq: self.shown.seq(),
            renews,
        }
    }

    fn ask_older_page(&mut self, client: &mut Client, page: AskedPage) {
        if let Some(url) = client.older_url(page.before, page.limit) {
            self.older.missed.clear();
            self.older.request.asked(client.ask(Method::Get, url));
            self.older.asked = Some(page);
            client.store.touch();
        }
    }

    pub(super) fn older_answered(&mut self, client: &mut Client, answer: &Answer<'_>) {
        let revision = client.store.touched();
        if let Some(asked) = self.older.asked {
            match self.read_older(asked, answer) {
                Ok(page) => self.older_came(client, asked, page, revision),
                Err(error) => self.older_failed(client, asked, error, answer),
            }
        }
    }

    fn read_older(&self, asked: AskedPage, answer: &Answer<'_>) -> Result<OlderPage, StreamError> {
        let read = answer.read::<OlderPage>("page of messages")?;
        let cursor = self.shown.cursor();
        let same = cursor.is_some_and(|cursor| cursor.epoch == read.cursor.epoch);
        if same && read.cursor.seq >= asked.seq {
            return Ok(read);
        }
        let words = "a page of another log than what is shown";
        Err(StreamError::new(ErrorCode::BodyInvalid).with_detail(words))
    }

    fn older_came(
        &mut self,
        client: &mut Client,
        asked: AskedPage,
        read: OlderPage,
        revision: u64,
    ) {
        let OlderPage { cursor, mut page } = read;
        self.older.take();
        for record in std::mem::take(&mut self.older.missed) {
            page = brought_on(page, cursor.seq, record);
        }
        self.shown.put_older(asked.before, page, revision);
        if !asked.renews {
            return self.conclude_older(client, &Outcome::Finished);
        }
        if asked.limit == PAGE_MAX {
            // What was held beyond so many has to be asked for again.
            self.generation = revision;
        }
        self.ask_older(client);
    }

    fn older_failed(
        &mut self,
        client: &mut Client,
        asked: AskedPage,
        error: StreamError,
        answer: &Answer<'_>,
    ) {
        let request = &mut self.older.request;
        let error = match client.page_failed(request, Purpose::Older, error, answer) {
            PageFailed::AskAgain => return self.ask_older_again(client, asked),
            PageFailed::Waits => return,
            PageFailed::ForGood(error) => error,
        };
        self.older.take();
        if asked.renews {
            // How they are by now is not known: they are read again when they are asked for.
            let unknown = Page {
                nodes: Vec::new(),
                has_older: true,
            };
            let revision = client.store.touched();
            self.shown.put_older(asked.before, unknown, revision);
            self.generation = revision;
        }
        self.refuse_older(client, &error);
    }

    fn ask_older_again(&mut self, client: &mut Client, asked: AskedPage) {
        let page = self.page_before(asked.before, asked.limit, asked.renews);
        self.ask_older_page(client, page);
    }

    /// A snapshot has come: what was asked for was older than what was shown before.
    pub(super) fn older_after_snapshot(&mut self, client: &mut Client, first: u64, kept: usize) {
        self.drop_page(client);
        if kept > 0 {
            let page = self.page_before(first, kept.min(PAGE_MAX), true);
            self.ask_older_page(client, page);
        } else {
            self.ask_older(client);
        }
    }

    /// Of a server without sessions: what is asked for is here already.
    pub(super) fn window_older(&mut self, client: &mut Client) {
        let is_read = !client.is_thread_loading() && !client.is_history_loading();
        if is_read && self.older.is_wanted() {
            self.window.hidden = self.window.hidden.saturating_sub(self.limit);
            self.window.order = client.store.touched();
            self.conclude_older(client, &Outcome::Finished);
        }
    }

    pub(super) fn older_due(&self, client: &Client) -> Option<(Millis, DeadlineReason)> {
        self.older.request.due(&client.config.timeouts)
    }

    /// A page is late, or the wait before the next request for it is over.
    pub(super) fn older_late(&mut self, client: &mut Client) {
        match self.older.asked.filter(|_| self.older.request.waits()) {
            Some(asked) => self.ask_older_again(client, asked),
            None => {
                self.abort_older(client);
                self.older_answered(client, &Answer::failed(no_answer()));
            }
        }
    }

    pub(super) fn older_woke(&mut self, client: &mut Client, is_back: bool) {
        let is_due = self
            .older
            .request
            .reached(client.now, client.reach(), is_back);
        if let Some(asked) = self.older.asked.filter(|_| is_due) {
            self.ask_older_again(client, asked);
        }
    }

    /// An older page is not to be had; asking again may help.
    pub(super) fn refuse_older(&mut self, client: &mut Client, error: &StreamError) {
        let denied = matches!(error.code, ErrorCode::Unauthorized | ErrorCode::Forbidden);
        if self.older.is_wanted() {
            self.older.error = Some(error.clone());
        }
        let outcome = match denied {
            true => Outcome::Denied(error.clone()),
            false => Outcome::Failed(error.clone()),
        };
        self.conclude_older(client, &outcome);
    }

    /// The view is closed, or of another thread.
    pub(super) fn drop_older(&mut self, client: &mut Client) {
        self.drop_page(client);
        self.conclude_older(client, &Outcome::Disconnected);
    }

    fn drop_page(&mut self, client: &mut Client) {
        self.abort_older(client);
        self.older.take();
    }

    fn abort_older(&mut self, client: &mut Client) {
        if let Some(attempt) = self.older.request.close() {
            client.abort(attempt);
        }
    }

    fn conclude_older(&mut self, client: &mut Client, outcome: &Outcome) {
        for command in std::mem::take(&mut self.older.commands) {
            client.conclude(command, outcome.clone());
        }
        client.store.touch();
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
