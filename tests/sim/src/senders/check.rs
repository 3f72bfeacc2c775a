//! What must hold of submissions, after every step and at the end.

use super::{Senders, THREAD};
use crate::check::is_twice;
use rejoin_core::WaitingState;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What persons have submitted.
#[derive(Debug, Default)]
pub(super) struct Submissions {
    /// What each says, by the lives of the tabs, in their order.
    texts: BTreeMap<u64, Vec<String>>,
    taken_back: BTreeSet<String>,
    /// Whether an answer was: a page does not show which.
    has_taken_back_answer: bool,
    /// Those that a person was asked about, which are sent when that person says so, those that took the place of another, and those that
    /// another tab has taken over.
    any_order: BTreeSet<String>,
    newest: String,
    /// Whether storage has refused something: what is kept nowhere goes with its tab, and tabs do not know what the others have.
    pub(super) storage_refused: bool,
}

impl Submissions {
    pub(super) fn submitted(&mut self, life: u64, text: String) {
        self.newest.clone_from(&text);
        self.texts.entry(life).or_default().push(text);
    }

    /// The one that was submitted last took the place of another.
    pub(super) fn has_no_order(&mut self) {
        self.any_order.insert(self.newest.clone());
    }

    pub(super) fn take_back(&mut self, texts: Vec<String>) {
        self.has_taken_back_answer |= texts.is_empty();
        self.taken_back.extend(texts);
    }
}

impl Senders {
    pub(super) fn check(&mut self, tab: usize) {
        let twice = self
            .server
            .posts
            .iter()
            .find(|(_, runs)| is_twice(&self.server, runs));
        if let Some((submission, runs)) = twice {
            self.fail(format!("submission {submission} became the runs {runs:?}"));
        }
        let Some(tab) = &self.tabs[tab] else { return };
        let view = tab.client.view();
        let Submissions {
            texts, any_order, ..
        } = &mut self.submissions;
        let own = texts.get(&tab.life).map_or(&[][..], Vec::as_slice);
        for entry in view.waiting() {
            let said = entry.messages.iter();
            let said = said.map(|message| message.content.text().into_owned());
            match entry.state {
                WaitingState::Held => {
                    self.report.count("a submission is held");
                    any_order.extend(said);
                }
                // Another tab has taken it over.
                WaitingState::OtherTab => {
                    self.report.count("a submission is another tab's");
                    any_order.extend(said.filter(|text| own.contains(text)));
                }
                WaitingState::Queued | WaitingState::Unreachable => {}
            }
        }
    }

    pub(super) fn check_end(&self) -> Result<(), String> {
        for (number, tab) in self.tabs.iter().enumerate() {
            let Some(tab) = tab else { continue };
            let view = tab.client.view();
            if let Some(entry) = view.waiting().first() {
                return Err(format!(
                    "in the end {} waits in tab {number}: {:?}",
                    entry.id, entry.state
                ));
            }
        }
        let asked = self.server.runs.values().flat_map(|run| {
            let said = run.input.iter().map(|message| &message["content"]);
            let texts = said.chain(&run.resume).filter_map(Value::as_str);
            texts.map(|text| (text.to_owned(), run.serial))
        });
        let mut serials: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        asked.for_each(|(text, serial)| serials.entry(text).or_default().push(serial));
        // A server that was killed may have lost threads, with the runs that they had.
        let has_lost = self.server.lost_at.is_some();
        for (life, texts) in &self.submissions.texts {
            let is_gone = self.tab_of(*life).is_none();
            let mut newest = 0;
            for text in texts {
                let runs = serials.get(text).map_or(&[][..], Vec::as_slice);
                if runs.len() > 1 && !has_lost {
                    return Err(format!("{text:?} was run {} times", runs.len()));
                }
                let is_answer = text.starts_with("answer");
                let may_lack = self.submissions.taken_back.contains(text)
                    || is_answer && self.submissions.has_taken_back_answer
                    || has_lost
                    || is_gone && self.submissions.storage_refused;
                let Some(serial) = runs.last() else {
                    match may_lack {
                        true => continue,
                        false => return Err(format!("{text:?} was never run, and waits nowhere")),
                    }
                };
                let is_free = self.submissions.any_order.contains(text)
                    || self.submissions.taken_back.contains(text)
                    || self.submissions.storage_refused;
                if is_free {
                    continue;
                }
                if *serial < newest {
                    return Err(format!("{text:?} overtook what was submitted before it"));
                }
                newest = *serial;
            }
        }
        match self.server.threads.contains_key(THREAD) || has_lost {
            true => Ok(()),
            false => Err("the thread is gone".to_owned()),
        }
    }
}
