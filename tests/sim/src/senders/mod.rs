//! Up to five tabs of one browser that submit to one thread: whole clients, with one storage and its locks between them, on a virtual clock.
//! Tabs are closed, crashed, opened again, frozen and thawed; storage is full or denied; the network loses requests, answers and itself; the
//! server restarts; a person submits, stops, cancels, takes back and sends now.
//!
//! What must hold (`check.rs`): no submission ever becomes two runs, or is posted again once its answer has begun; and once nothing goes wrong
//! any more each one that nobody has taken back becomes a run, those of one tab in their order, and no tab shows one as waiting.

mod acts;
mod check;
mod locks;
mod requests;

use crate::{
    page::{self, API_URL},
    posts::Posts,
    queue::Queue,
    report::Report,
    rng::Rng,
    server::{
        Kind, Request, Server, WALL_BASE_MS, Ways,
        agent::{Agent, Knobs},
    },
    storage::{Mode, Storage},
    trace::Trace,
};
use check::Submissions;
use locks::Locks;
use rejoin_core::{
    AttemptId, Client, Config, Effect, Input, Millis, Notice, WaitingState, wire::ThreadId,
};
use requests::Exchange;
use serde_json::json;
use std::collections::BTreeMap;

/// Things go wrong until then.
const CALM_AT: u64 = 30_000;
/// So long after that, or after a person has sent what waited, every tab is at rest.
const REST_MS: u64 = 600_000;
/// So long what one tab does takes to reach the others.
const SETTLES_MS: u64 = 5_000;
/// A person sends what waits for a person at most so often.
const ROUNDS_MAX: usize = 8;
const TABS_MAX: u64 = 5;
const STEPS_MAX: u64 = 200_000;
const EFFECTS_MAX: usize = 1_000;
const THREAD: &str = "7f0c1d1e-0000-4000-8000-000000000001";

/// How long a browser may take to hear that a tab asks for a lock, at most.
const LOCK_MS_MAX: u64 = 100;

/// Names a request: the tab's life and its attempt.
type Key = (u64, AttemptId);

#[derive(Debug)]
enum Due {
    Open(usize),
    Act,
    Mishap,
    Thaw(usize, u64),
    StorageBack,
    NetworkBack,
    ServerBack,
    /// The browser hears that a tab asks for a lock, perhaps after others have heard what the tab has stored meanwhile.
    Ask(u64, String),
    /// A lock is given to the first that waits for it.
    Grant(String),
    /// A request reaches the server.
    Arrive(Key),
    /// What a stream has sent reaches its tab.
    Flush(Key),
    /// Something reaches a tab in one of its lives.
    Tell(u64, Input),
    /// The same, and the request is over with it.
    Answer(Key, Input),
}

/// One tab.
struct Tab {
    client: Client,
    /// No two tabs, and no two times that a tab was open, have the same.
    life: u64,
    started_at: u64,
    is_frozen: bool,
    /// What came while it was frozen.
    missed: Vec<Due>,
}

/// One schedule.
pub(crate) struct Senders {
    now: u64,
    rng: Rng,
    queue: Queue<Due>,
    server: Server,
    agent: Agent,
    knobs: Knobs,
    latency_ms: (u64, u64),
    /// Requests with a fault, of 100.
    fault_percent: u64,
    storage: Storage,
    /// Whether storage fails now and then, or else the browser takes locks away: where both happen nothing tells two tabs apart.
    storage_fails: bool,
    locks: Locks,
    /// `None`: closed.
    tabs: Vec<Option<Tab>>,
    exchanges: BTreeMap<Key, Exchange>,
    is_online: bool,
    lives: u64,
    commands: u64,
    posts: Posts,
    submissions: Submissions,
    violation: Option<String>,
    steps: u64,
    report: Report,
    trace: Trace,
}

impl Senders {
    pub(crate) fn new(seed: u64, trace: Trace) -> Self {
        let mut rng = Rng::new(seed);
        let kind = rng.pick(&Kind::MEASURED);
        let knobs = Knobs {
            n_tokens: rng.between(0, 20),
            delay_ms: rng.pick(&[0, 20, 300]),
        };
        let mut world = Self {
            now: 0,
            agent: rng.pick(&[Agent::Chat, Agent::Chat, Agent::Approval]),
            server: Server::new(kind, Ways::of(kind), None, rng.fork()),
            knobs,
            latency_ms: rng.pick(&[(0, 2), (1, 20), (20, 300)]),
            fault_percent: rng.pick(&[0, 0, 10, 40]),
            queue: Queue::default(),
            storage: Storage::default(),
            storage_fails: rng.chance(50),
            locks: Locks::default(),
            tabs: Vec::new(),
            exchanges: BTreeMap::new(),
            is_online: true,
            lives: 0,
            commands: 0,
            posts: Posts::default(),
            submissions: Submissions::default(),
            violation: None,
            steps: 0,
            report: Report::default(),
            trace,
            rng,
        };
        world.note(|| format!("{kind:?}, {knobs:?}"));
        world.begin_thread();
        let tabs = world.rng.between(1, TABS_MAX);
        for tab in 0..usize::try_from(tabs).expect("few") {
            world.tabs.push(None);
            let at = match tab {
                0 => 0,
                _ => world.rng.between(0, CALM_AT / 2),
            };
            world.queue.push(at, Due::Open(tab));
        }
        for _ in 0..world.rng.between(1, 14) {
            let at = world.rng.between(1, CALM_AT);
            world.queue.push(at, Due::Act);
        }
        for _ in 0..world.rng.between(0, 10) {
            let at = world.rng.between(1, CALM_AT);
            world.queue.push(at, Due::Mishap);
        }
        world
    }

    /// The thread has had a first run already.
    fn begin_thread(&mut self) {
        let body = json!({ "assistant_id": self.agent.id(), "input": { "messages": [] }, "if_not_exists": "create" });
        let request = Request {
            is_post: true,
            path: format!("/threads/{THREAD}/runs/stream"),
            last_event_id: None,
            body,
        };
        self.server.answer(0, &request);
    }

    /// Runs the schedule to its end and checks what remains.
    ///
    /// # Errors
    /// The first invariant that did not hold.
    pub(crate) fn run(mut self) -> Result<Report, String> {
        self.run_until(CALM_AT, |_| false)?;
        self.calm();
        self.rest()?;
        for _ in 0..ROUNDS_MAX {
            if !self.send_all_that_is_held() {
                break;
            }
            self.rest()?;
        }
        self.check_end()?;
        Ok(self.report)
    }

    /// Lets time pass until `stop` says so, at the latest until `end`. Whether `stop` did.
    fn run_until(&mut self, end: u64, stop: impl Fn(&Self) -> bool) -> Result<bool, String> {
        loop {
            if let Some(violation) = &self.violation {
                return Err(format!("at {}: {violation}", self.now));
            }
            if stop(self) {
                return Ok(true);
            }
            let alarms = self.tabs.iter().flatten().filter_map(Tab::deadline_at);
            let times = [self.queue.next_at(), self.server.next_at(), alarms.min()];
            let next = times.into_iter().flatten().min();
            let Some(next) = next.filter(|next| *next <= end) else {
                self.now = self.now.max(end);
                return Ok(stop(self));
            };
            self.now = self.now.max(next);
            self.step();
        }
    }

    fn step(&mut self) {
        self.steps += 1;
        if self.steps > STEPS_MAX {
            self.fail("the schedule does not come to an end");
        }
        if self.server.next_at().is_some_and(|at| at <= self.now) {
            self.server.advance(self.now);
            return self.carry();
        }
        if let Some(due) = self.queue.pop_due(self.now) {
            return self.happens(due);
        }
        let is_late = |tab: &Option<Tab>| {
            let at = tab.as_ref().and_then(Tab::deadline_at);
            at.is_some_and(|at| at <= self.now)
        };
        if let Some(tab) = self.tabs.iter().position(is_late) {
            self.feed(tab, Input::DeadlineReached);
        }
    }

    fn happens(&mut self, due: Due) {
        let life = match &due {
            Due::Flush(key) | Due::Answer(key, _) => Some(key.0),
            Due::Tell(life, _) => Some(*life),
            Due::Open(_)
            | Due::Act
            | Due::Mishap
            | Due::Thaw(..)
            | Due::StorageBack
            | Due::NetworkBack => None,
            Due::ServerBack | Due::Ask(..) | Due::Grant(_) | Due::Arrive(_) => None,
        };
        if let Some(life) = life {
            let Some(tab) = self.tab_of(life) else { return };
            if let Some(tab) = self.tabs[tab].as_mut().filter(|tab| tab.is_frozen) {
                return tab.missed.push(due);
            }
        }
        match due {
            Due::Open(tab) => self.open(tab),
            Due::Act => self.act(),
            Due::Mishap => self.mishap(),
            Due::Thaw(tab, life) => self.thaw(tab, life),
            Due::StorageBack => self.storage.mode = Mode::Works,
            Due::NetworkBack => self.network_back(),
            Due::ServerBack => self.server_back(),
            Due::Ask(life, name) => {
                self.locks.heard(&name, life);
                self.grant_soon(name);
            }
            Due::Grant(name) => self.grant(&name),
            Due::Arrive(key) => self.arrive(key),
            Due::Flush(key) => self.flush(key),
            Due::Tell(life, input) => self.tell(life, input),
            Due::Answer(key, input) => {
                if self.exchanges.remove(&key).is_some() {
                    self.tell(key.0, input);
                }
            }
        }
    }

    fn tab_of(&self, life: u64) -> Option<usize> {
        let has_it = |tab: &Option<Tab>| tab.as_ref().is_some_and(|tab| tab.life == life);
        self.tabs.iter().position(has_it)
    }

    /// The life of a tab that is open.
    fn life_of(&self, tab: usize) -> Option<u64> {
        self.tabs[tab].as_ref().map(|tab| tab.life)
    }

    fn tell(&mut self, life: u64, input: Input) {
        if let Some(tab) = self.tab_of(life) {
            self.feed(tab, input);
        }
    }

    fn open(&mut self, tab: usize) {
        if self.tabs[tab].is_some() {
            return;
        }
        self.lives += 1;
        let config = Config::new(API_URL, self.agent.id());
        let client = Client::new(config, self.rng.number());
        self.tabs[tab] = Some(Tab {
            client,
            life: self.lives,
            started_at: self.now,
            is_frozen: false,
            missed: Vec::new(),
        });
        self.note(|| format!("tab {tab} opens"));
        if self.lives > u64::try_from(self.tabs.len()).expect("few") {
            self.report.count("open again");
        }
        let wall_clock = self.wall_clock();
        self.feed(tab, Input::PageOpened { wall_clock });
        if !self.is_online {
            self.feed(tab, Input::WentOffline);
        }
        let thread_id = Some(ThreadId::from(THREAD));
        self.feed(tab, Input::ThreadSwitched { thread_id });
    }

    /// The one way into a client: an input, its effects, the invariants.
    fn feed(&mut self, tab: usize, input: Input) {
        let number = tab;
        let Some(tab) = &mut self.tabs[number] else {
            return;
        };
        self.trace
            .line(self.now, || format!("{number} {}", describe(&input)));
        tab.client.handle(Millis(self.now - tab.started_at), input);
        let effects: Vec<Effect> = std::iter::from_fn(|| tab.client.poll_effect())
            .take(EFFECTS_MAX)
            .collect();
        if effects.len() == EFFECTS_MAX {
            return self.fail("effects do not come to an end");
        }
        let life = tab.life;
        for effect in effects {
            self.carry_out(number, life, effect);
        }
        self.check(number);
    }

    fn carry_out(&mut self, tab: usize, life: u64, effect: Effect) {
        match effect {
            Effect::OpenStream { attempt, request } => self.send((life, attempt), &request, true),
            Effect::SendRequest { attempt, request } => self.send((life, attempt), &request, false),
            Effect::Abort { attempt } => self.abort((life, attempt)),
            Effect::LoadRecord { key } => {
                let text = self.storage.load(&key);
                if let Err(error) = text {
                    self.submissions.storage_refused = true;
                    self.queue
                        .push(self.now, Due::Tell(life, Input::StorageFailed { error }));
                }
                let wall_clock = self.wall_clock();
                let later = self.now + self.rng.pick(&[0, 0, 1, 30]);
                let input = Input::RecordLoaded {
                    key,
                    text,
                    wall_clock,
                };
                self.queue.push(later, Due::Tell(life, input));
            }
            Effect::SaveRecord { key, text } => {
                let result = self.storage.save(key, text);
                self.stored(life, result);
            }
            Effect::RemoveRecord { key } => {
                let result = self.storage.remove(&key);
                self.stored(life, result);
            }
            Effect::SavePart { key, part, text } => {
                let result = self.storage.save_part(key.clone(), &part, text.as_deref());
                if result.is_ok() {
                    self.tell_others(life, &key);
                } else {
                    self.posts.storage_refuses();
                    self.submissions.storage_refused = true;
                }
                self.stored(life, result);
            }
            Effect::HoldLock { name } => {
                self.locks.ask(&name, life);
                let at = self.now + self.rng.pick(&[0, 5, LOCK_MS_MAX]);
                self.queue.push(at, Due::Ask(life, name));
            }
            Effect::ReleaseLock { name } => {
                self.locks.release(&name, life);
                self.grant_soon(name);
            }
            Effect::ResolveCheckpoint { .. } => {
                self.fail("a checkpoint is asked for, which is not configured")
            }
            Effect::Saved(_) => self.fail("a state is saved, which is not configured"),
            Effect::Notify(notice) => self.noticed(tab, notice),
        }
    }

    /// A browser tells its other tabs what one of them has stored.
    fn tell_others(&mut self, life: u64, key: &str) {
        let others = self.tabs.iter().flatten().map(|tab| tab.life);
        for other in others.filter(|other| *other != life).collect::<Vec<_>>() {
            let later = self.now + self.rng.between(0, 20);
            let key = key.to_owned();
            self.queue
                .push(later, Due::Tell(other, Input::RecordChanged { key }));
        }
    }

    fn stored(&mut self, life: u64, result: Result<(), rejoin_core::ErrorCode>) {
        if let Err(error) = result {
            self.queue
                .push(self.now, Due::Tell(life, Input::StorageFailed { error }));
        }
    }

    fn grant_soon(&mut self, name: String) {
        let at = self.now + self.rng.between(0, 5);
        self.queue.push(at, Due::Grant(name));
    }

    fn grant(&mut self, name: &str) {
        if let Some(life) = self.locks.grant(name) {
            if self.locks.was_anothers(name) {
                self.report.count("a lock is inherited");
            }
            let name = name.to_owned();
            self.queue
                .push(self.now, Due::Tell(life, Input::LockHeld { name }));
        }
    }

    fn noticed(&mut self, tab: usize, notice: Notice) {
        self.note(|| format!("{tab}   * {notice:?}"));
        if let Notice::Created { .. } = notice {
            for other in (0..self.tabs.len()).filter(|other| *other != tab) {
                // A page tells the others, where it can.
                let life = self.life_of(other);
                if let Some(life) = life.filter(|_| self.rng.chance(70)) {
                    let later = self.now + self.rng.between(0, 20);
                    self.queue
                        .push(later, Due::Tell(life, Input::RunBegunElsewhere));
                }
            }
        }
    }

    fn is_at_rest(&self) -> bool {
        self.tabs.iter().flatten().all(Tab::is_at_rest) && !self.server.is_busy(THREAD)
    }

    fn rest(&mut self) -> Result<(), String> {
        let end = self.now + REST_MS;
        while self.run_until(end, Self::is_at_rest)? {
            // Locks are given on, and what is stored is read, which may begin something.
            self.run_until(self.now + SETTLES_MS, |_| false)?;
            if self.is_at_rest() {
                return Ok(());
            }
        }
        let restless = self.tabs.iter().flatten().filter(|tab| !tab.is_at_rest());
        let states = restless.map(|tab| {
            let view = tab.client.view();
            let waiting: Vec<WaitingState> =
                view.waiting().iter().map(|entry| entry.state).collect();
            format!("{:?} {waiting:?}", view.connection())
        });
        Err(format!(
            "at {} there is no rest: {}",
            self.now,
            states.collect::<Vec<_>>().join("; ")
        ))
    }

    fn wall_clock(&self) -> Millis {
        Millis(WALL_BASE_MS + self.now)
    }

    fn fail(&mut self, words: impl Into<String>) {
        self.violation.get_or_insert(words.into());
    }

    fn note(&self, words: impl FnOnce() -> String) {
        self.trace.line(self.now, words);
    }
}

impl Tab {
    fn deadline_at(&self) -> Option<u64> {
        let at = self.client.deadline().filter(|_| !self.is_frozen)?;
        Some(self.started_at + at.0.0)
    }

    /// Whether nothing is under way but what a person has to decide.
    fn is_at_rest(&self) -> bool {
        let view = self.client.view();
        let is_sent = |state| matches!(state, WaitingState::Held | WaitingState::OtherTab);
        let is_sent = view.waiting().iter().all(|entry| is_sent(entry.state));
        !view.is_loading() && !view.is_thread_loading() && is_sent
    }
}

/// As of any page, but of what is stored the names say more here.
fn describe(input: &Input) -> String {
    match input {
        Input::RecordLoaded { text: Ok(text), .. } => {
            format!("record {}", held_in(text.as_deref()))
        }
        other => page::describe(other),
    }
}

/// The parts of what is stored, with the names of what each holds.
fn held_in(text: Option<&str>) -> String {
    let stored = serde_json::from_str::<serde_json::Value>(text.unwrap_or_default());
    let parts = stored.unwrap_or_default();
    let parts = parts.as_object().into_iter().flatten();
    let lists = parts.filter_map(|(name, list)| {
        let ids = list.as_array()?.iter().map(|entry| {
            let (id, posts, held) = (&entry["id"], &entry["posts"], &entry["held"]);
            format!("{id} posts {posts} held {held}")
        });
        Some(format!("{name}: {}", ids.collect::<Vec<_>>().join(", ")))
    });
    lists.collect::<Vec<_>>().join("; ")
}
