//! Several tabs with one storage, whatever happens to them: each submission reaches the server once, and nothing of it stays stored.
//!
//! `REJOIN_FUZZ_SEED` and `REJOIN_FUZZ_CASES` choose which cases and how many.

#![allow(clippy::unwrap_used)] // A panic is how a test fails.

#[path = "support/cases.rs"]
mod cases;
#[path = "support/odd.rs"]
mod odd;
mod support;

use cases::each_case;
use odd::Chance;
use rejoin_core::{AttemptId, HttpRequest, Input, Millis};
use std::collections::{BTreeMap, BTreeSet};
use support::Bench;

const CASES: u64 = 800;
const TABS: usize = 3;

/// A tab, and what its browser knows of it.
struct Tab {
    bench: Bench,
    is_online: bool,
    is_frozen: bool,
    /// Locks that were taken from it while it was frozen.
    lost: Vec<String>,
}

/// A browser and a server that ends each run at once.
#[derive(Default)]
struct World {
    tabs: [Option<Tab>; TABS],
    stored: BTreeMap<String, String>,
    /// Locks that were asked for, by which tab, oldest first. The first of a name has it.
    locks: Vec<(String, usize)>,
    /// Those of them whose tab knows that it has it.
    held: Vec<(String, usize)>,
    /// `storage` events that were not delivered yet.
    events: Vec<(usize, String)>,
    /// The marks of the submissions that have arrived. A run is called by its place.
    runs: Vec<String>,
    submitted: Vec<String>,
    arrived: BTreeSet<String>,
    opened: u64,
    now: u64,
}

impl World {
    /// Something happens to a tab that is awake. What it has stored is told to the others.
    fn on(&mut self, at: usize, change: impl FnOnce(&mut Bench)) {
        let tab = self.tabs[at].as_mut().filter(|tab| !tab.is_frozen);
        let Some(Tab { bench, lost, .. }) = tab else {
            return;
        };
        bench.stored = self.stored.clone();
        change(bench);
        let keys: BTreeSet<_> = bench.stored.keys().chain(self.stored.keys()).collect();
        let has_changed = |key: &&&String| bench.stored.get(**key) != self.stored.get(**key);
        let changed: Vec<String> = keys.iter().filter(has_changed).copied().cloned().collect();
        self.stored = bench.stored.clone();
        let asked: Vec<_> = bench
            .locks
            .iter()
            .filter(|name| !lost.contains(name))
            .collect();
        self.locks
            .retain(|(name, owner)| *owner != at || asked.contains(&name));
        for name in asked {
            let lock = (name.clone(), at);
            if !self.locks.contains(&lock) {
                self.locks.push(lock);
            }
        }
        for key in changed {
            let others = (0..TABS).filter(|other| *other != at);
            self.events.extend(others.map(|other| (other, key.clone())));
        }
    }

    /// A lock that is free for a tab that waits for it.
    fn free_lock(&mut self) -> Option<(String, usize)> {
        let Self {
            locks, held, tabs, ..
        } = self;
        held.retain(|lock| locks.contains(lock));
        let is_awake = |at: usize| tabs[at].as_ref().is_some_and(|tab| !tab.is_frozen);
        let is_free = |(name, at): &&(String, usize)| {
            is_awake(*at) && held.iter().all(|(other, _)| other != name)
        };
        locks.iter().find(is_free).cloned()
    }

    /// Gives locks and tells of storage until there is nothing more to tell.
    fn settle(&mut self) {
        for _ in 0..10_000 {
            if let Some((name, at)) = self.free_lock() {
                self.held.push((name.clone(), at));
                self.on(at, |bench| bench.feed(Input::LockHeld { name }));
            } else if self.events.is_empty() {
                return;
            } else {
                let (at, key) = self.events.remove(0);
                self.on(at, |bench| bench.feed(Input::RecordChanged { key }));
            }
        }
        panic!("the tabs tell each other without end");
    }

    fn open(&mut self, at: usize) {
        self.opened += 1;
        let mut bench = Bench::new().another_tab(self.opened);
        bench.now = self.now;
        let wall_clock = Millis(self.now + 1_000_000);
        self.tabs[at] = Some(Tab {
            bench,
            is_online: true,
            is_frozen: false,
            lost: Vec::new(),
        });
        self.on(at, |bench| {
            bench.feed(Input::PageOpened { wall_clock });
            bench.feed(Input::ThreadSwitched {
                thread_id: Some("t".into()),
            });
        });
    }

    /// Puts a tab aside. The browser may give its locks to others.
    fn freeze(&mut self, at: usize) {
        let Some(tab) = &mut self.tabs[at] else {
            return;
        };
        tab.is_frozen = true;
        let lost = self.held.iter().filter(|(_, owner)| *owner == at);
        tab.lost.extend(lost.map(|(name, _)| name.clone()));
        let lost = &tab.lost;
        self.locks
            .retain(|(name, owner)| *owner != at || !lost.contains(name));
        self.events.retain(|(tab, _)| *tab != at);
    }

    fn thaw(&mut self, at: usize) {
        let now = self.now;
        let Some(tab) = self.tabs[at].as_mut().filter(|tab| tab.is_frozen) else {
            return;
        };
        tab.is_frozen = false;
        let open: Vec<_> = tab.bench.open.iter().map(|(attempt, _)| *attempt).collect();
        self.on(at, |bench| {
            bench.now = now;
            bench.feed(Input::Thawed);
            for attempt in open {
                if bench.open.iter().any(|(open, _)| *open == attempt) {
                    bench.cut(attempt);
                }
            }
        });
    }

    fn go_online(&mut self, at: usize, is_online: bool) {
        if let Some(tab) = &mut self.tabs[at] {
            tab.is_online = is_online;
        }
        self.on(at, |bench| {
            bench.feed(match is_online {
                true => Input::WentOnline,
                false => Input::WentOffline,
            });
        });
    }

    fn pass(&mut self, millis: u64) {
        self.now += millis;
        let now = self.now;
        for at in 0..TABS {
            self.on(at, |bench| bench.pass(now.saturating_sub(bench.now)));
            self.settle();
        }
    }

    /// Answers a tab's oldest request. Whether there was one.
    fn serve(&mut self, at: usize, loses: Option<&mut Chance>) -> bool {
        let tab = self.tabs[at].as_ref().filter(|tab| !tab.is_frozen);
        let Some((tab, (attempt, request))) =
            tab.and_then(|tab| Some((tab, tab.bench.open.first()?.clone())))
        else {
            return false;
        };
        // Its request does not arrive, or only its answer does not.
        let loss = loses.map_or(2, |chance| chance.below(8));
        let is_lost = !tab.is_online || loss == 0;
        if request.url.ends_with("/runs/stream") && !is_lost {
            self.take_in(at, attempt, &request, loss == 1);
        } else if is_lost || loss == 1 {
            self.on(at, |bench| bench.cut(attempt));
        } else {
            let path = request.url.strip_prefix("http://server").unwrap();
            let (status, body) = self.answer_to(path);
            self.on(at, |bench| bench.answer(path, status, &body));
        }
        true
    }

    fn take_in(&mut self, at: usize, attempt: AttemptId, request: &HttpRequest, is_cut: bool) {
        let body: serde_json::Value = request.body.as_ref().unwrap().read().unwrap();
        let text = body["input"]["messages"][0]["content"].as_str().unwrap();
        assert!(self.arrived.insert(text.to_owned()), "{text} arrives twice");
        let mark = body["metadata"]["rejoin_submission"].as_str().unwrap();
        let run = format!("r{}", self.runs.len());
        self.runs.push(mark.to_owned());
        self.on(at, |bench| {
            if is_cut {
                return bench.cut(attempt);
            }
            bench.accept("/runs/stream", &run);
            bench.metadata(attempt, "0", &run);
            bench.end(attempt);
        });
    }

    fn answer_to(&self, path: &str) -> (u16, String) {
        let run = |(at, mark): (usize, &String)| {
            format!(
                r#"{{"run_id":"r{at}","status":"success","metadata":{{"rejoin_submission":"{mark}"}}}}"#
            )
        };
        let message =
            |text: &String| format!(r#"{{"type":"human","id":"id-{text}","content":"{text}"}}"#);
        let body = if path.contains("/runs?") {
            let runs: Vec<_> = self.runs.iter().enumerate().map(run).collect();
            format!("[{}]", runs.join(","))
        } else if path.ends_with("/stream") {
            return (404, String::new());
        } else if path.contains("/runs/") {
            r#"{"status":"success"}"#.to_owned()
        } else if path.ends_with("/state") {
            let messages: Vec<_> = self.arrived.iter().map(message).collect();
            let messages = messages.join(",");
            format!(r#"{{"values":{{"messages":[{messages}]}},"next":[],"tasks":[]}}"#)
        } else {
            r#"{"thread_id":"t","status":"idle"}"#.to_owned()
        };
        (200, body)
    }

    fn happen(&mut self, at: usize, chance: &mut Chance) {
        let tab = self.tabs[at].as_ref();
        let Some(tab) = tab else {
            return self.open(at);
        };
        let is_online = tab.is_online;
        match chance.below(14) {
            _ if tab.is_frozen => self.thaw(at),
            0 => {
                self.tabs[at] = None;
                self.locks.retain(|(_, owner)| *owner != at);
            }
            1 | 2 => {
                let text = format!("s{}", self.submitted.len());
                self.on(at, |bench| bench.submit(&text));
                self.submitted.push(text);
            }
            3 => self.go_online(at, !is_online),
            4 => self.on(at, |bench| bench.feed(Input::Thawed)),
            5 => self.freeze(at),
            6 => self.on(at, |bench| bench.feed(Input::BecameHidden)),
            7 => self.on(at, |bench| bench.feed(Input::BecameVisible)),
            8 => self.pass(3_000),
            _ => {
                self.serve(at, Some(chance));
            }
        }
    }

    /// Everything works again, for long.
    fn calm_down(&mut self) {
        for at in 0..TABS {
            self.thaw(at);
            if self.tabs[at].is_none() {
                self.open(at);
            }
            self.go_online(at, true);
            self.on(at, |bench| bench.feed(Input::BecameVisible));
            self.settle();
        }
        for _ in 0..60 {
            for at in 0..TABS {
                while self.serve(at, None) {
                    self.settle();
                }
            }
            self.pass(2_000);
        }
    }

    /// The texts that a person is asked about.
    fn held(&self) -> BTreeSet<String> {
        let mut held = BTreeSet::new();
        for tab in self.tabs.iter().flatten() {
            for entry in tab.bench.client.view().waiting() {
                let state = entry.state.as_str();
                assert!(matches!(state, "held" | "other_tab"), "it waits: {state}");
                held.extend(entry.messages.iter().map(|m| m.content.text().into_owned()));
            }
        }
        held
    }
}

fn check(seed: u64) {
    let chance = &mut Chance(seed);
    let mut world = World::default();
    for _ in 0..60 {
        world.now += 1;
        world.happen(chance.below(TABS), chance);
        world.settle();
    }
    world.calm_down();
    let held = world.held();
    for text in &world.submitted {
        let is_known = world.arrived.contains(text) || held.contains(text);
        assert!(is_known, "{text} is lost");
    }
    if held.is_empty() {
        let is_outbox = |key: &&String| key.starts_with("rejoin:1:outbox|");
        assert_eq!(world.stored.keys().find(is_outbox), None);
        assert_eq!(world.locks, [], "a lock is kept for nothing");
    }
}

#[test]
fn each_submission_arrives_once_whatever_happens_to_the_tabs() {
    each_case(CASES, check);
}
