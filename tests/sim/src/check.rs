//! The invariants: what must hold after every step, whatever has happened.

use crate::{
    posts::Posts,
    server::{Server, odd::is_odd_text},
    truth::Truth,
};
use rejoin_core::{Client, MessageOrigin, Outcome};
use std::collections::{BTreeMap, BTreeSet};

/// What was on the screen.
#[derive(Debug, Clone, Copy)]
struct Shown {
    bytes: usize,
    origin: MessageOrigin,
}

/// Watches one reader's screen.
#[derive(Debug, Default)]
pub(crate) struct Checker {
    /// What went wrong first.
    pub(crate) violation: Option<String>,
    /// When a run last ended for the client.
    pub(crate) ended_at: u64,
    /// Whether records are cut so short that a reload cannot tell an attempt that was given up from one that goes on.
    pub(crate) short_records: bool,
    /// Whether the client has said that it could not read the thread's state.
    pub(crate) history_unavailable: bool,
    /// Whether the last submission failed before the client knew its run: what it showed may go, as it may be said again.
    submission_failed: bool,
    /// Whether the user is trying again: an edit that was stored goes on from the thread's newest state.
    pub(crate) retries: bool,
    /// Submissions that have left the page.
    pub(crate) edits_sent: BTreeSet<String>,
    /// Whether the user has just turned to another point of the thread, so that the screen may lose messages.
    pub(crate) went_back: bool,
    /// The posts of all submissions.
    pub(crate) posts: Posts,
    /// Runs whose streams the page has had to their ends, while it follows them.
    pub(crate) ends_heard: BTreeSet<String>,
    /// Whether a message has begun or grown since somebody last looked.
    pub(crate) has_grown: bool,
    shown: BTreeMap<String, Shown>,
    /// Whether a saved state was shown, which decides nothing.
    showed_saved: bool,
    revision: u64,
}

impl Checker {
    pub(crate) fn fail(&mut self, what: impl Into<String>) {
        self.violation.get_or_insert(what.into());
    }

    /// Another page or another thread: the screen begins anew.
    pub(crate) fn forget_shown(&mut self) {
        self.shown.clear();
        self.showed_saved = false;
        self.ends_heard.clear();
        self.revision = 0;
        self.history_unavailable = false;
    }

    /// The revision of the view that was checked last.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    pub(crate) fn ended(
        &mut self,
        now: u64,
        run: Option<&str>,
        outcome: &Outcome,
        server: &Server,
    ) {
        self.ended_at = now;
        // What the server has lost is gone, whatever the stream has said of it.
        let is_kept = |run: &&str| server.runs.contains_key(*run);
        let heard = run.filter(|run| self.ends_heard.contains(*run));
        if let (Some(run), Outcome::Expired | Outcome::TimedOut) = (heard.filter(is_kept), outcome)
        {
            let words = format!("the stream of {run} came to its end, but it ends as {outcome:?}");
            self.fail(words);
        }
        self.ends_heard.clear();
        self.submission_failed =
            run.is_none() && matches!(outcome, Outcome::Failed(_) | Outcome::Denied(_));
    }

    pub(crate) fn check(&mut self, client: &Client, server: &Server) {
        let view = client.view();
        let twice = server.posts.iter().find(|(_, runs)| is_twice(server, runs));
        if let Some((submission, runs)) = twice {
            self.fail(format!("submission {submission} became the runs {runs:?}"));
        }
        let went_back = std::mem::take(&mut self.went_back) || !view.branch().is_empty();
        let revision = view.revision();
        if revision < self.revision {
            self.fail(format!(
                "the view's revision went from {} to {revision}",
                self.revision
            ));
        }
        if revision == self.revision {
            return;
        }
        let before = std::mem::take(&mut self.shown);
        let shows_saved = view.shows_saved();
        // The server's first word replaces it.
        let may_change = std::mem::replace(&mut self.showed_saved, shows_saved);
        let run_id = view.run_id().map(ToString::to_string);
        let mut nodes = BTreeMap::new();
        for slot in view.messages() {
            let text = slot.message.content.text();
            let Some(id) = server.truth.name_of(slot, &text) else {
                self.check_odd(&server.truth, &text);
                continue;
            };
            let (id, bytes) = (id.to_owned(), slot.message.content.text_bytes());
            self.has_grown |= before.get(&id).is_none_or(|shown| shown.bytes < bytes);
            if slot.revision > self.revision
                || before.get(&id).is_none_or(|shown| shown.bytes != bytes)
            {
                if slot.revision <= self.revision {
                    self.fail(format!("message {id} changed, but its revision did not"));
                }
                self.check_text(&server.truth, &id, slot.origin, &text);
            }
            if let Some(shown) = before.get(&id)
                && bytes < shown.bytes
                && !may_change
                && !is_dead(server, &id)
            {
                self.fail(format!(
                    "message {id} shrank from {} to {bytes} bytes",
                    shown.bytes
                ));
            }
            if let Some(told) = server.truth.told.get(&id)
                && !self.short_records
                && !shows_saved
                && let Some(other) = nodes.insert((told.run.clone(), told.node), id.clone())
            {
                self.fail(format!(
                    "{other} and {id} are two attempts at one message, and both are shown"
                ));
            }
            if self
                .shown
                .insert(
                    id.clone(),
                    Shown {
                        bytes,
                        origin: slot.origin,
                    },
                )
                .is_some()
            {
                self.fail(format!("message {id} is shown twice"));
            }
        }
        for (id, shown) in &before {
            let given_up = self.submission_failed && shown.origin == MessageOrigin::Optimistic;
            if !self.shown.contains_key(id)
                && !went_back
                && !may_change
                && !given_up
                && !may_vanish(server, id, *shown, run_id.as_deref())
            {
                self.fail(format!(
                    "message {id} of {} bytes vanished ({:?})",
                    shown.bytes, shown.origin
                ));
            }
        }
        self.revision = revision;
    }

    /// A message that is nobody's is one of the odd entries, as far as anybody can read them.
    fn check_odd(&mut self, truth: &Truth, text: &str) {
        if text.is_empty() || is_odd_text(text) {
            return;
        }
        let is_part = |told: &&str| text.contains(told);
        let words = truth
            .told
            .values()
            .flat_map(|told| told.text.split_whitespace());
        if let Some(told) = words.filter(|word| word.len() > 3).find(is_part) {
            self.fail(format!(
                "{text:?} is shown, which has {told:?} of some message, but not its beginning"
            ));
        }
    }

    fn check_text(&mut self, truth: &Truth, id: &str, origin: MessageOrigin, text: &str) {
        // The other half of a character may be still to come.
        let whole = text.strip_suffix('\u{fffd}').unwrap_or(text);
        match truth.told.get(id) {
            Some(told) if told.text.starts_with(whole) => {}
            Some(told) => self.fail(format!(
                "message {id} shows {text:?}, which does not begin {:?}",
                told.text
            )),
            // Painted from a record, a submission's message may have lost its mark; its text is known.
            None if origin == MessageOrigin::Optimistic && truth.asked.contains(text) => {}
            None => self.fail(format!("message {id} was never said by anybody: {text:?}")),
        }
    }
}

/// Whether a submission became more than one run, and a client could have known.
pub(crate) fn is_twice(server: &Server, runs: &[String]) -> bool {
    let Some((_, before)) = runs.split_last() else {
        return false;
    };
    // A run that ended and was forgotten before the client heard of it looks like one that never was.
    before.iter().any(|run| !server.runs[run].is_forgotten)
}

fn is_dead(server: &Server, id: &str) -> bool {
    let dead = server.truth.told.get(id).is_some_and(|told| told.dead);
    dead || server.truth.aside.contains(id)
}

/// Whether a message may leave the screen: the server has started over or lost it; or it does not hold it, and it was
/// only shown for a submission, or kept of a run that is over while another run's messages come.
fn may_vanish(server: &Server, id: &str, shown: Shown, followed: Option<&str>) -> bool {
    if is_dead(server, id) {
        return true;
    }
    if server.threads.values().any(|thread| thread.holds(id)) {
        return false;
    }
    let Some(told) = server.truth.told.get(id) else {
        return true;
    };
    let run_is_over = server
        .runs
        .get(&told.run)
        .is_none_or(|run| !run.is_active());
    match shown.origin {
        MessageOrigin::Optimistic => true,
        MessageOrigin::Partial => run_is_over,
        MessageOrigin::Server => {
            run_is_over && (followed != Some(&told.run) || has_lost_its_question(server, &told.run))
        }
    }
}

/// Whether the server has lost what the run was asked: an answer without its question has no place in a thread.
fn has_lost_its_question(server: &Server, run: &str) -> bool {
    let asked = server.runs.get(run).into_iter().flat_map(|run| &run.input);
    let mut ids = asked.filter_map(|message| message["id"].as_str());
    let mut threads = server.threads.values();
    ids.all(|id| !threads.any(|thread| thread.holds(id)))
}
