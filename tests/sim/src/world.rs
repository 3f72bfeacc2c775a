//! The world of one schedule: the virtual clock, and everything that happens on it, in order.

use crate::{
    ODD_SEEDS,
    check::Checker,
    happenings::Gone,
    network::Exchange,
    page::{Key, Page},
    plan::{Action, Happening, Plan},
    queue::Queue,
    report::Report,
    rng::Rng,
    saved::SavedStates,
    server::{Kind, Server, WALL_BASE_MS},
    storage::{Mode, Storage},
    trace::Trace,
};
use rejoin_core::{ErrorCode, Input, Millis, SavedInput, wire::ThreadId};
use std::collections::BTreeMap;

/// Steps of one schedule; more means that it goes round in circles.
const STEPS_MAX: u64 = 400_000;
/// Wake-ups at one time; more means that a deadline stays in the past.
const WAKES_AT_ONCE_MAX: u32 = 20;

/// What is to come.
#[derive(Debug)]
pub(crate) enum Event {
    /// A request reaches the server's door.
    Arrive(Key),
    /// A whole answer reaches the page.
    Answer(Key, u16, Vec<(String, String)>, Vec<u8>),
    /// A stream's headers reach the page.
    Headers(Key, u16, Vec<(String, String)>, Vec<u8>),
    /// What a stream has sent reaches the page.
    Flush(Key),
    /// A request fails.
    Fail(Key),
    /// A proxy has had enough of a stream; it ends it, or cuts it.
    Cap(Key, bool),
    /// Storage has answered.
    Record(u64, String, Result<Option<String>, ErrorCode>),
    /// What was saved of a thread was read.
    Saved(u64, ThreadId, Option<String>),
    /// Storage has refused.
    RecordFailed(u64, ErrorCode),
    /// A lock is held.
    LockHeld(u64, String),
    /// The user does something.
    User(Action),
    /// Something happens.
    Happen(Happening),
    /// The network is back, unless it has gone again since.
    NetworkBack(u64),
    /// The server is back.
    ServerBack,
    /// The page is shown again.
    Show(u64),
    /// The page thaws; its connections have been lost, or not.
    Thaw(u64, bool),
    /// The page is opened.
    Open,
    /// Storage works again.
    StorageBack,
    /// Faults stop.
    Calm,
}

/// One schedule, running.
pub(crate) struct World {
    pub(crate) now: u64,
    pub(crate) plan: Plan,
    pub(crate) rng: Rng,
    pub(crate) server: Server,
    pub(crate) storage: Storage,
    pub(crate) saved: SavedStates,
    pub(crate) page: Option<Page>,
    pub(crate) checker: Checker,
    pub(crate) report: Report,
    pub(crate) trace: Trace,
    pub(crate) queue: Queue<Event>,
    pub(crate) exchanges: BTreeMap<Key, Exchange>,
    pub(crate) is_calm: bool,
    /// The thread in the page's address.
    pub(crate) address: Option<String>,
    /// Threads that the user has had.
    pub(crate) threads: Vec<String>,
    pub(crate) pages: u64,
    pub(crate) commands: u64,
    /// How the network is gone, if it is.
    pub(crate) network_gone: Option<Gone>,
    pub(crate) network_epoch: u64,
    /// Whether the page was waiting for something when the long outage began.
    pub(crate) was_under_way: bool,
    steps: u64,
    wakes: (u64, u32),
}

impl World {
    /// The world of a seed, with its page open and the first submission on its way.
    pub(crate) fn new(seed: u64, trace: Trace) -> Self {
        let mut rng = Rng::new(seed);
        let plan = match seed < ODD_SEEDS {
            true => Plan::draw(&mut rng.fork()),
            false => Plan::draw_odd(&mut rng.fork()),
        };
        let mut server = Server::new(plan.kind, plan.ways, plan.log_ttl_ms, rng.fork());
        if plan.kind == Kind::Odd {
            server.truth.by_text = Some(BTreeMap::new());
        }
        let mut world = Self {
            now: 0,
            rng,
            server,
            storage: Storage::default(),
            saved: SavedStates::new(seed),
            page: None,
            checker: Checker::default(),
            report: Report::default(),
            trace,
            queue: Queue::default(),
            exchanges: BTreeMap::new(),
            is_calm: false,
            address: None,
            threads: Vec::new(),
            pages: 0,
            commands: 0,
            network_gone: None,
            network_epoch: 0,
            was_under_way: false,
            steps: 0,
            wakes: (0, 0),
            plan,
        };
        world.checker.short_records = world.plan.record_bytes_max < 10_000;
        world.trace.line(0, || format!("{:?}", world.plan));
        world.report.count(format!("server {:?}", world.plan.kind));
        world.report.count(format!("agent {:?}", world.plan.agent));
        for (at, happening) in world.plan.events.clone() {
            world.queue.push(at, Event::Happen(happening));
        }
        for (at, action) in world.plan.actions.clone() {
            world.queue.push(at, Event::User(action));
        }
        world.queue.push(0, Event::Open);
        world.queue.push(1, Event::User(Action::Submit));
        world.queue.push(world.plan.calm_at, Event::Calm);
        world
    }

    /// How often each thing happened.
    pub(crate) fn report(&self) -> Report {
        let mut report = self.report.clone();
        report.add(&self.server.met);
        report
    }

    /// Lets time pass until `stop` says so, at the latest until `end`. False: `end` came first, or something is wrong.
    pub(crate) fn run_until(&mut self, end: u64, stop: impl Fn(&Self) -> bool) -> bool {
        loop {
            if let Some(violation) = &self.checker.violation {
                self.trace
                    .line(self.now, || format!("VIOLATION {violation}"));
                return false;
            }
            if stop(self) {
                return true;
            }
            let deadline = self
                .page
                .as_ref()
                .and_then(|page| page.deadline_at(self.now));
            let times = [self.queue.next_at(), self.server.next_at(), deadline];
            let Some(next) = times
                .into_iter()
                .flatten()
                .min()
                .filter(|next| *next <= end)
            else {
                self.now = self.now.max(end);
                return stop(self);
            };
            self.now = self.now.max(next);
            self.step(deadline);
        }
    }

    fn step(&mut self, deadline: Option<u64>) {
        self.steps += 1;
        if self.steps > STEPS_MAX {
            self.checker.fail("the schedule does not come to an end");
        }
        if self.server.next_at().is_some_and(|at| at <= self.now) {
            self.server.advance(self.now);
            return self.carry();
        }
        if let Some(event) = self.queue.pop_due(self.now) {
            return self.happen(event);
        }
        if deadline.is_some_and(|at| at <= self.now) {
            self.wakes = if self.wakes.0 == self.now {
                (self.now, self.wakes.1 + 1)
            } else {
                (self.now, 1)
            };
            if self.wakes.1 > WAKES_AT_ONCE_MAX {
                self.checker.fail("a deadline stays in the past");
            }
            self.feed(Input::DeadlineReached);
        }
    }

    fn happen(&mut self, event: Event) {
        let event = match self.page.as_mut().filter(|page| page.is_frozen) {
            Some(page) if event.is_for_page() => return page.held.push(event),
            Some(_) | None => event,
        };
        match event {
            Event::Arrive(key) => self.arrive(key),
            Event::Answer(key, status, headers, body) => {
                if self.exchanges.remove(&key).is_some() {
                    self.feed_to(key, |attempt| Input::ResponseArrived {
                        attempt,
                        status,
                        headers,
                        body,
                    });
                }
            }
            Event::Headers(key, status, headers, body) => self.headers(key, status, headers, body),
            Event::Flush(key) => self.flush(key),
            Event::Fail(key) => self.fail_exchange(key),
            Event::Cap(key, clean) => self.cap(key, clean),
            Event::Record(page, key, text) => {
                if self.is_page(page) {
                    let wall_clock = self.wall_clock();
                    self.feed(Input::RecordLoaded {
                        key,
                        text,
                        wall_clock,
                    });
                }
            }
            Event::Saved(page, thread_id, text) => {
                if self.is_page(page) {
                    let wall_clock = self.wall_clock();
                    self.feed(Input::Saved(SavedInput::Read {
                        thread_id,
                        text,
                        wall_clock,
                    }));
                }
            }
            Event::RecordFailed(page, error) => {
                if self.is_page(page) {
                    self.feed(Input::StorageFailed { error });
                }
            }
            Event::LockHeld(page, name) => {
                if self.is_page(page) {
                    self.feed(Input::LockHeld { name });
                }
            }
            Event::User(action) => self.act(action),
            Event::Happen(happening) => {
                if !self.is_calm {
                    self.strike(happening);
                }
            }
            Event::NetworkBack(epoch) => {
                if epoch == self.network_epoch {
                    self.network_back();
                }
            }
            Event::ServerBack => self.server_back(),
            Event::Show(page) => self.show(page),
            Event::Thaw(page, lost) => self.thaw(page, lost),
            Event::Open => self.open_page(),
            Event::StorageBack => self.storage.mode = Mode::Works,
            Event::Calm => self.calm(),
        }
    }

    pub(crate) fn wall_clock(&self) -> Millis {
        Millis(WALL_BASE_MS + self.now)
    }

    pub(crate) fn is_page(&self, number: u64) -> bool {
        self.page.as_ref().is_some_and(|page| page.number == number)
    }
}

impl Event {
    fn is_for_page(&self) -> bool {
        match self {
            Self::Answer(..)
            | Self::Headers(..)
            | Self::Flush(_)
            | Self::Fail(_)
            | Self::Cap(..)
            | Self::Record(..)
            | Self::Saved(..)
            | Self::RecordFailed(..)
            | Self::LockHeld(..)
            | Self::User(_) => true,
            Self::Arrive(_)
            | Self::Happen(_)
            | Self::NetworkBack(_)
            | Self::ServerBack
            | Self::Show(_)
            | Self::Thaw(..)
            | Self::Open
            | Self::StorageBack
            | Self::Calm => false,
        }
    }
}
