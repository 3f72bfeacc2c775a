//! An open thread at rest is compared with the server when the page wakes up: another device may have gone on with it.
//!
//! One small request asks how the thread stands. If a run is active, it is joined. If the thread has changed, its state is read and
//! shown.

use super::{
    Client,
    answer::{Answer, Asked, run_failed},
    recovery::{Failure, Purpose, Recovery, Verdict},
    run::Run,
};
use crate::{ErrorCode, Method, Millis, StreamError};
use rejoin_wire::{
    Json,
    event::ErrorBody,
    json::{FromJson, JsonError, Writer, items, parts, write_string},
    thread::ThreadStatus,
};

/// A browser tells of one wake-up by several events: the page is shown, it has the focus, the network is there.
const ONE_WAKE_UP: Millis = Millis(1_000);

/// The last comparison of the thread with the server.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    asked: Option<Asked>,
    /// Whether the whole thread is asked for, as the server does not search for one by its id.
    reads_thread: bool,
    /// Whether the last search was answered with something that passes.
    search_failed: bool,
    /// For renewed headers alone: a comparison that fails waits for the next wake-up.
    recovery: Recovery,
    compared_at: Option<Millis>,
    /// When the next one is due, as the page has woken up again too soon to compare at once.
    put_off_to: Option<Millis>,
    /// The thread's own word for when it was changed last, if its state of then is shown.
    updated_at: Option<String>,
    /// Whether nothing ran when the thread's state was asked for, so that it holds all that the server has.
    reads_whole: bool,
}

impl Comparison {
    pub(super) fn asked(&self) -> Option<Asked> {
        self.asked
    }

    /// Whether the state that has come holds all that the server has. It is told once.
    pub(super) fn take_whole(&mut self) -> bool {
        std::mem::take(&mut self.reads_whole)
    }
}

/// How a thread stands, as a search or the thread itself tells.
pub(super) struct ThreadSummary {
    pub(super) thread_id: Option<String>,
    pub(super) is_busy: bool,
    pub(super) updated_at: Option<String>,
    /// Why its last run failed.
    failure: Option<StreamError>,
}

impl FromJson for ThreadSummary {
    fn from_json(text: &str) -> Result<Self, JsonError> {
        let names = ["thread_id", "status", "updated_at", "error"];
        let [thread_id, status, updated_at, error] = parts(text, &names)?;
        let status = String::from_json(status)
            .map_or(ThreadStatus::Unknown, |word| ThreadStatus::of_word(&word));
        let has_failed = status == ThreadStatus::Error && error != "null";
        let error = Json::from_json(error).ok().filter(|_| has_failed);
        Ok(Self {
            thread_id: String::from_json(thread_id).ok(),
            is_busy: status == ThreadStatus::Busy,
            updated_at: String::from_json(updated_at).ok(),
            failure: error.map(|error| run_failed(&ErrorBody::read(&error))),
        })
    }
}

impl Client {
    /// Whether a thread is open and nothing is under way that something from elsewhere would disturb.
    fn is_at_rest(&self) -> bool {
        let is_open = self.load.is_loaded() && !self.is_stream_only();
        is_open && !self.is_active() && self.editing().is_none()
    }

    /// Another tab has begun a run on this thread. The server is asked which; there it may wait still.
    pub(super) fn begun_elsewhere(&mut self) {
        if self.config.rejoin_on_mount && self.is_at_rest() {
            self.join_active_run();
        }
    }

    /// The page is shown, has the focus or the network again.
    pub(super) fn compare(&mut self) {
        if !self.config.compare_on_wake || !self.is_at_rest() {
            return;
        }
        let before = self.comparison.compared_at;
        if before.is_some_and(|at| self.now - at < ONE_WAKE_UP) {
            return;
        }
        let due = before.map_or(self.now, |at| at + self.config.timeouts.compare);
        let is_asking = self.comparison.asked.is_some() || self.history_asked.is_some();
        if is_asking || due > self.now {
            self.comparison.put_off_to = Some(due);
            return;
        }
        self.comparison.put_off_to = None;
        let asked = match self.comparison.reads_thread {
            true => self.thread_url("").map(|url| self.ask(Method::Get, url)),
            false => self.search_thread(),
        };
        self.comparison.asked = asked;
        self.comparison.compared_at = Some(self.now);
    }

    /// The time of the comparison that was put off. None while an answer is awaited.
    pub(super) fn compare_due(&self) -> Option<Millis> {
        let is_asking = self.comparison.asked.is_some() || self.history_asked.is_some();
        self.comparison.put_off_to.filter(|_| !is_asking)
    }

    pub(super) fn compare_deadline(&mut self) {
        if self.compare_due().is_some_and(|at| at <= self.now) {
            self.comparison.put_off_to = None;
            // A page that is away by now compares when it wakes up.
            if self.reach().is_whole() {
                self.compare();
            }
        }
    }

    /// Asks for the thread without its values, as far as the server leaves them out.
    fn search_thread(&mut self) -> Option<Asked> {
        let thread_id = self.thread_id.as_ref()?;
        let mut body = String::new();
        let mut object = Writer::object(&mut body);
        let mut ids = Writer::list(object.field("ids"));
        write_string(ids.item(), thread_id.as_str());
        ids.end();
        object.number("limit", 1);
        object.raw("select", r#"["thread_id","status","updated_at","error"]"#);
        object.end();
        let url = self.config.api_url.clone() + "/threads/search";
        Some(self.ask_with(Method::Post, url, Some(body)))
    }

    pub(super) fn is_comparing(&self, attempt: crate::AttemptId) -> bool {
        let asked = self.comparison.asked;
        asked.is_some_and(|asked| asked.attempt == attempt)
    }

    pub(super) fn compare_answered(&mut self, answer: &Answer<'_>) {
        self.comparison.asked = None;
        if self.is_active() || !self.load.is_loaded() {
            return;
        }
        let summary = match self.comparison.reads_thread {
            true => answer.read("thread").ok(),
            false => self.found_thread(answer),
        };
        match summary {
            Some(summary) => {
                self.comparison.recovery.accepted();
                self.comparison.search_failed = false;
                self.compare_with(summary);
            }
            None => self.compare_failed(answer.failure()),
        }
    }

    /// After a failure that passes, the next wake-up compares. A server that does not search, fails twice in a row, or does not name the
    /// thread is asked for the thread itself from now on.
    fn compare_failed(&mut self, failure: Failure) {
        let comparison = &mut self.comparison;
        let goes_on = match Purpose::State.verdict(failure) {
            Verdict::Renew if comparison.recovery.may_renew() => {
                self.refresh_headers = true;
                true
            }
            Verdict::Again if failure == Failure::NoAnswer => false,
            Verdict::Again
                if failure != Failure::Unreadable
                    && !std::mem::replace(&mut comparison.search_failed, true) =>
            {
                false
            }
            Verdict::Again | Verdict::Renew | Verdict::Gone | Verdict::Refused => {
                !std::mem::replace(&mut comparison.reads_thread, true)
            }
        };
        if goes_on {
            self.comparison.compared_at = None;
            self.compare();
        } else {
            // The next one may make its headers anew again.
            self.comparison.recovery = Recovery::default();
        }
    }

    /// The thread among those found; a server may ignore the ids.
    fn found_thread(&self, answer: &Answer<'_>) -> Option<ThreadSummary> {
        let found = answer.read::<Json>("threads found").ok()?;
        let mut threads = Vec::new();
        let listed = items(found.text(), &mut |thread| {
            threads.push(ThreadSummary::from_json(thread)?);
            Ok(())
        });
        let wanted = self.thread_id.as_ref()?.as_str();
        let is_it = |thread: &ThreadSummary| thread.thread_id.as_deref() == Some(wanted);
        listed.ok().and(threads.into_iter().find(is_it))
    }

    fn compare_with(&mut self, summary: ThreadSummary) {
        if summary.is_busy && self.config.rejoin_on_mount {
            return self.join_active_run();
        }
        let before = std::mem::replace(&mut self.comparison.updated_at, summary.updated_at);
        if before.is_some() && before == self.comparison.updated_at {
            return;
        }
        let told = self
            .error
            .as_ref()
            .is_some_and(|error| error.code == ErrorCode::RunFailed);
        if told || summary.failure.is_some() {
            self.set_error(summary.failure);
        }
        if self.reads_state() && self.config.load_thread {
            self.ask_history();
            self.comparison.reads_whole = !summary.is_busy;
        }
    }

    /// Finds the thread's active run and follows it.
    pub(super) fn join_active_run(&mut self) {
        let mut run = Run::joined(None);
        run.was_interrupted();
        self.store.begin_run();
        self.run = Some(run);
        self.with_run(|client, run| client.find_run(run));
    }

    /// The thread's state was not read, so the next comparison reads it.
    pub(super) fn state_not_read(&mut self) {
        self.comparison.updated_at = None;
        self.comparison.reads_whole = false;
    }

    /// Notes the thread's time of change, as the thread tells it when it is entered.
    pub(super) fn note_update(&mut self, summary: ThreadSummary) {
        self.comparison.updated_at = summary.updated_at;
    }

    pub(super) fn forget_comparison(&mut self) {
        if let Some(asked) = self.comparison.asked.take() {
            self.abort(asked.attempt);
        }
        self.comparison.updated_at = None;
        self.comparison.put_off_to = None;
        self.comparison.reads_whole = false;
        self.comparison.recovery = Recovery::default();
    }
}
