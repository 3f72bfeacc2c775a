//! What a person does, and what goes wrong around the tabs.

use super::{CALM_AT, Due, Key, Senders};
use crate::{
    server::{Kind, Restart},
    storage::Mode,
};
use rejoin_core::{
    CommandId, Input, Submission, WaitingInput, WaitingState,
    wire::{Json, request::Command},
};
use serde_json::json;

impl Senders {
    pub(super) fn act(&mut self) {
        let Some(tab) = self.awake_tab() else { return };
        match self.rng.between(0, 9) {
            0 => {
                self.report.count("stop");
                self.feed(tab, Input::StopRequested);
            }
            1 => {
                self.report.count("cancel");
                self.feed(tab, Input::CancelRequested);
            }
            2 => {
                if let Some((id, texts)) = self.waiting_one(tab, |_| true) {
                    self.report.count("take back");
                    self.take_back(tab, id, texts);
                }
            }
            3 => {
                if let Some((id, _)) = self.waiting_one(tab, |state| state == WaitingState::Held) {
                    self.report.count("send now");
                    self.send_now(tab, id);
                }
            }
            4 => {
                if let Some((id, texts)) = self.waiting_one(tab, |_| true) {
                    self.report.count("replace");
                    self.submissions.take_back(texts);
                    let (command, submission) = self.question(tab);
                    self.submissions.has_no_order();
                    self.feed(
                        tab,
                        Input::Waiting(WaitingInput::Replace {
                            id,
                            command,
                            submission,
                        }),
                    );
                }
            }
            _ => {
                let asks = self.questions_of(tab) == 1;
                let (command, submission) = match asks && self.rng.chance(70) {
                    true => self.answer(tab),
                    false => self.question(tab),
                };
                self.feed(
                    tab,
                    Input::SubmitRequested {
                        command,
                        submission,
                    },
                );
            }
        }
    }

    fn question(&mut self, tab: usize) -> (CommandId, Box<Submission>) {
        self.report.count("submit");
        let text = self.next_text(tab, "question");
        let messages = json!([{ "type": "human", "content": text }]);
        self.submission(Submission {
            input: Some(json_of(&json!({ "messages": messages }))),
            ..Submission::default()
        })
    }

    /// The answer to the question that the tab shows.
    fn answer(&mut self, tab: usize) -> (CommandId, Box<Submission>) {
        self.report.count("answer a question");
        let text = self.next_text(tab, "answer");
        self.submissions.has_no_order();
        self.submission(Submission {
            command: Some(Command {
                resume: Some(json_of(&text.into())),
                ..Command::default()
            }),
            ..Submission::default()
        })
    }

    fn next_text(&mut self, tab: usize, kind: &str) -> String {
        self.commands += 1;
        let text = format!("{kind} {}", self.commands);
        self.note(|| format!("> tab {tab}: {text}"));
        let life = self.life_of(tab).unwrap_or_default();
        self.submissions.submitted(life, text.clone());
        text
    }

    fn submission(&self, submission: Submission) -> (CommandId, Box<Submission>) {
        let knobs = json!({ "n_tokens": self.knobs.n_tokens, "delay_ms": self.knobs.delay_ms });
        let submission = Submission {
            config: Some(json_of(&json!({ "configurable": knobs }))),
            ..submission
        };
        (CommandId(self.commands), Box::new(submission))
    }

    /// One of those that wait in a tab: its name and what it says, which is nothing where it is an answer.
    fn waiting_one(
        &mut self,
        tab: usize,
        of: impl Fn(WaitingState) -> bool,
    ) -> Option<(String, Vec<String>)> {
        let view = self.tabs[tab].as_ref()?.client.view();
        let waiting = view.waiting();
        let waiting = waiting
            .iter()
            .filter(|entry| of(entry.state) && entry.state != WaitingState::OtherTab);
        let mut found: Vec<_> = waiting
            .map(|entry| {
                let texts = entry
                    .messages
                    .iter()
                    .map(|message| message.content.text().into_owned());
                (entry.id.to_owned(), texts.collect())
            })
            .collect();
        match found.len() {
            0 => None,
            count => Some(found.swap_remove(self.rng.index(count))),
        }
    }

    fn send_now(&mut self, tab: usize, id: String) {
        self.posts.person_sends(&id);
        self.feed(tab, Input::Waiting(WaitingInput::SendNow { id }));
    }

    /// Whether anything waited for a person.
    pub(super) fn send_all_that_is_held(&mut self) -> bool {
        let mut any = false;
        for tab in 0..self.tabs.len() {
            // What is sent now waits for its turn, and no more for a person.
            while let Some((id, texts)) = self.waiting_one(tab, |state| state == WaitingState::Held)
            {
                any = true;
                if texts.is_empty() && self.questions_of(tab) > 1 {
                    // An answer that does not say which question it is for is never sent.
                    self.take_back(tab, id, texts);
                } else {
                    self.send_now(tab, id);
                }
                if self.violation.is_some() {
                    return any;
                }
            }
        }
        any
    }

    fn take_back(&mut self, tab: usize, id: String, texts: Vec<String>) {
        self.submissions.take_back(texts);
        self.feed(tab, Input::Waiting(WaitingInput::TakeBack { id }));
    }

    /// How many questions a tab shows.
    fn questions_of(&self, tab: usize) -> usize {
        let tab = self.tabs[tab].as_ref();
        tab.map_or(0, |tab| tab.client.view().interrupts().len())
    }

    fn awake_tab(&mut self) -> Option<usize> {
        let tabs = self.tabs.iter().enumerate();
        let awake = tabs.filter(|(_, tab)| tab.as_ref().is_some_and(|tab| !tab.is_frozen));
        let awake: Vec<usize> = awake.map(|(tab, _)| tab).collect();
        match awake.len() {
            0 => None,
            count => Some(awake[self.rng.index(count)]),
        }
    }

    pub(super) fn mishap(&mut self) {
        let left = CALM_AT - self.now;
        let length = self.rng.between(1, left.max(1));
        match self.rng.between(0, 9) {
            0..=3 => {
                let tab = self.rng.index(self.tabs.len());
                self.close(tab);
                if self.rng.chance(60) {
                    let at = self.now + self.rng.between(0, 3_000);
                    self.queue.push(at, Due::Open(tab));
                }
            }
            4 | 5 => {
                let tab = self.rng.index(self.tabs.len());
                self.freeze(tab, length);
            }
            6 if self.storage_fails => {
                self.storage.mode = self.rng.pick(&[Mode::Full, Mode::Denied]);
                self.report.count(match self.storage.mode {
                    Mode::Full => "storage is full",
                    _ => "storage is denied",
                });
                self.note(|| format!("! storage {:?}", self.storage.mode));
                self.queue.push(self.now + length, Due::StorageBack);
            }
            7 | 8 if self.is_online => {
                self.note(|| "! offline".to_owned());
                self.report.count("offline");
                self.is_online = false;
                self.cut_all();
                self.feed_all(&Input::WentOffline);
                self.queue.push(self.now + length, Due::NetworkBack);
            }
            // The others have runs that are active for ever afterwards.
            9 if !self.server.is_down && self.server.kind == Kind::Ours => {
                self.note(|| "! the server goes".to_owned());
                self.report.count("the server is killed");
                self.server.go_down(self.now, Restart::Kill);
                self.carry();
                self.queue.push(self.now + length, Due::ServerBack);
            }
            _ => {}
        }
    }

    fn feed_all(&mut self, input: &Input) {
        for tab in 0..self.tabs.len() {
            let life = self.life_of(tab);
            if let Some(life) = life {
                self.queue.push(self.now, Due::Tell(life, input.clone()));
            }
        }
    }

    /// Closed, or its renderer has crashed.
    fn close(&mut self, tab: usize) {
        let Some(life) = self.life_of(tab) else {
            return;
        };
        let is_told = self.rng.chance(50);
        self.note(|| format!("! tab {tab} is closed; told: {is_told}"));
        self.report.count("close");
        let is_frozen = self.tabs[tab].as_ref().is_some_and(|tab| tab.is_frozen);
        if is_told && !is_frozen {
            let wall_clock = self.wall_clock();
            self.feed(tab, Input::PageHiding { wall_clock });
        }
        self.tabs[tab] = None;
        let keys: Vec<Key> = self
            .exchanges
            .keys()
            .copied()
            .filter(|key| key.0 == life)
            .collect();
        for key in keys {
            // What has left the tab still arrives now and then.
            if self.rng.chance(50) {
                self.abort(key);
            }
        }
        for name in self.locks.forget(life) {
            self.grant_soon(name);
        }
    }

    fn freeze(&mut self, tab: usize, length: u64) {
        let Some(own) = self.tabs[tab].as_ref().filter(|tab| !tab.is_frozen) else {
            return;
        };
        let life = own.life;
        let loses_locks = !self.storage_fails && self.rng.chance(40);
        self.note(|| format!("! tab {tab} is frozen; loses its locks: {loses_locks}"));
        self.report.count(match loses_locks {
            true => "freeze, and locks are lost",
            false => "freeze",
        });
        self.feed(tab, Input::BecameHidden);
        if self.rng.chance(70) {
            let wall_clock = self.wall_clock();
            self.feed(tab, Input::PageHiding { wall_clock });
        }
        if let Some(own) = &mut self.tabs[tab] {
            own.is_frozen = true;
        }
        if loses_locks {
            for name in self.locks.take_away(life) {
                self.grant_soon(name);
            }
        }
        self.queue.push(self.now + length, Due::Thaw(tab, life));
    }

    pub(super) fn thaw(&mut self, tab: usize, life: u64) {
        let Some(own) = self.tabs[tab]
            .as_mut()
            .filter(|tab| tab.life == life && tab.is_frozen)
        else {
            return;
        };
        own.is_frozen = false;
        let missed = std::mem::take(&mut own.missed);
        self.note(|| format!("! tab {tab} is thawed"));
        self.report.count("thaw");
        self.feed(tab, Input::Thawed);
        self.feed(tab, Input::BecameVisible);
        for due in missed {
            self.queue.push(self.now, due);
        }
    }

    pub(super) fn network_back(&mut self) {
        if !std::mem::replace(&mut self.is_online, true) {
            self.note(|| "! online".to_owned());
            self.feed_all(&Input::WentOnline);
        }
    }

    pub(super) fn server_back(&mut self) {
        if self.server.is_down {
            self.note(|| "! the server is back".to_owned());
            self.server.come_up(self.now);
        }
    }

    /// Nothing goes wrong from here on, and the person looks at a tab.
    pub(super) fn calm(&mut self) {
        self.note(|| "! calm".to_owned());
        self.fault_percent = 0;
        self.storage.mode = Mode::Works;
        self.server_back();
        self.network_back();
        for tab in 0..self.tabs.len() {
            if let Some(life) = self.life_of(tab) {
                self.thaw(tab, life);
            }
        }
        if self.tabs.iter().all(Option::is_none) {
            self.open(0);
        }
    }
}

fn json_of(value: &serde_json::Value) -> Json {
    Json::from_value(value).expect("JSON")
}
