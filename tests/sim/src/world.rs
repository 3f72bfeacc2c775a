//! The world of one schedule: the virtual clock, and everything that happens on it, in order.

use crate::{
    check::Checker,
    network::{Ending, Exchange, Fault, split},
    page::{Key, Page},
    plan::{Action, Happening, Plan},
    queue::Queue,
    report::Report,
    rng::Rng,
    server::{Out, Reply, Restart, Server, WALL_BASE_MS},
    storage::{Mode, Storage},
    trace::{Trace, short},
};
use rejoin_core::{Input, Millis, TransportError};
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
    /// Storage has answered.
    Record(u64, String, Option<String>),
    /// Storage has refused.
    RecordFailed(u64, rejoin_core::ErrorCode),
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
    /// Requests fail, and whether the browser says so.
    pub(crate) network_gone: Option<bool>,
    network_epoch: u64,
    steps: u64,
    wakes: (u64, u32),
}

impl World {
    /// The world of a seed, with its page open and the first submission on its way.
    pub(crate) fn new(seed: u64, trace: Trace) -> Self {
        let mut rng = Rng::new(seed);
        let plan = Plan::draw(&mut rng.fork());
        let server = Server::new(plan.kind, plan.log_ttl_ms, rng.fork());
        let mut world = Self {
            now: 0,
            rng,
            server,
            storage: Storage::default(),
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

    /// Lets time pass until `stop` says so, at the latest until `end`. False: `end` came first, or something is wrong.
    pub(crate) fn run_until(&mut self, end: u64, stop: impl Fn(&Self) -> bool) -> bool {
        loop {
            if let Some(violation) = &self.checker.violation {
                self.trace.line(self.now, || format!("VIOLATION {violation}"));
                return false;
            }
            if stop(self) {
                return true;
            }
            let deadline = self.page.as_ref().and_then(|page| page.deadline_at(self.now));
            let times = [self.queue.next_at(), self.server.next_at(), deadline];
            let Some(next) = times.into_iter().flatten().min().filter(|next| *next <= end) else {
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
            self.wakes = if self.wakes.0 == self.now { (self.now, self.wakes.1 + 1) } else { (self.now, 1) };
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
                    self.feed_to(key, |attempt| Input::ResponseArrived { attempt, status, headers, body });
                }
            }
            Event::Headers(key, status, headers, body) => self.headers(key, status, headers, body),
            Event::Flush(key) => self.flush(key),
            Event::Fail(key) => self.fail_exchange(key),
            Event::Record(page, key, text) => {
                if self.is_page(page) {
                    let wall_clock = self.wall_clock();
                    self.feed(Input::RecordLoaded { key, text, wall_clock });
                }
            }
            Event::RecordFailed(page, error) => {
                if self.is_page(page) {
                    self.feed(Input::StorageFailed { error });
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

    // ---- network ----

    /// A request leaves the page.
    pub(crate) fn send(&mut self, key: Key, request: crate::server::Request, is_stream: bool) {
        let percent = if self.is_calm { 0 } else { self.plan.fault_percent };
        let fault = Fault::draw(&mut self.rng, percent, is_stream);
        let (low, high) = self.plan.latency_ms;
        let mut latency_ms = self.rng.between(low, high);
        if let Fault::Slow(more) = fault {
            latency_ms += more;
        }
        self.report.count(format!("fault: {}", fault.name()));
        self.trace.line(self.now, || {
            let method = if request.is_post { "POST" } else { "GET" };
            let last = request.last_event_id.as_ref().map(|id| format!(" after {id}")).unwrap_or_default();
            format!("  {} {method} {}{last} [{}, {latency_ms} ms]", key.1.0, request.path, fault.name())
        });
        let exchange = Exchange {
            request,
            is_stream,
            fault,
            latency_ms,
            conn: None,
            inbox: Vec::new(),
            is_flush_planned: false,
            delivered: 0,
            frames: 0,
            ending: None,
            is_silent: false,
        };
        self.exchanges.insert(key, exchange);
        self.queue.push(self.now + latency_ms, Event::Arrive(key));
    }

    /// The page has dropped a request.
    pub(crate) fn abort(&mut self, key: Key) {
        if let Some(conn) = self.exchanges.remove(&key).and_then(|exchange| exchange.conn) {
            self.server.drop_conn(conn);
        }
    }

    fn arrive(&mut self, key: Key) {
        let Some(exchange) = self.exchanges.get_mut(&key).filter(|exchange| !exchange.is_silent) else { return };
        let latency = exchange.latency_ms;
        let (fault, is_stream, request) = (exchange.fault, exchange.is_stream, exchange.request.clone());
        if let Some(told) = self.network_gone {
            return if told || self.rng.chance(60) { self.queue.push(self.now + 1, Event::Fail(key)) } else { self.silence(key) };
        }
        match fault {
            Fault::Refused => return self.queue.push(self.now + latency, Event::Fail(key)),
            Fault::Hang => return self.silence(key),
            Fault::Status(status) => {
                let headers = if status == 429 { vec![("retry-after".to_owned(), "2".to_owned())] } else { Vec::new() };
                return self.plain(key, is_stream, status, headers, b"no".to_vec());
            }
            Fault::Html => {
                let headers = vec![("content-type".to_owned(), "text/html".to_owned())];
                return self.plain(key, is_stream, 200, headers, b"<html>Sign in</html>".to_vec());
            }
            Fault::None | Fault::AnswerLost | Fault::BadGatewayAfter | Fault::HangAfter | Fault::Slow(_)
            | Fault::Cut(..) | Fault::Stall(_) | Fault::Garbage(_) => {}
        }
        if self.server.is_down {
            return if self.rng.chance(30) {
                self.plain(key, is_stream, 502, Vec::new(), b"<html>502</html>".to_vec())
            } else {
                self.queue.push(self.now + latency, Event::Fail(key))
            };
        }
        let reply = self.server.answer(self.now, &request);
        self.carry();
        self.reply(key, fault, reply);
    }

    fn reply(&mut self, key: Key, fault: Fault, reply: Reply) {
        let Some(exchange) = self.exchanges.get_mut(&key) else { return };
        let (latency, is_stream) = (exchange.latency_ms, exchange.is_stream);
        if let Reply::Stream { conn, .. } = &reply {
            exchange.conn = Some(*conn);
        }
        match fault {
            Fault::AnswerLost => {
                self.hang_up(key);
                return self.queue.push(self.now + latency, Event::Fail(key));
            }
            Fault::BadGatewayAfter => {
                self.hang_up(key);
                return self.plain(key, is_stream, 502, Vec::new(), b"<html>502</html>".to_vec());
            }
            Fault::HangAfter => return self.silence(key),
            Fault::None | Fault::Refused | Fault::Status(_) | Fault::Html | Fault::Hang | Fault::Slow(_)
            | Fault::Cut(..) | Fault::Stall(_) | Fault::Garbage(_) => {}
        }
        match reply {
            Reply::Plain { status, body } => self.plain(key, is_stream, status, Vec::new(), body),
            Reply::Stream { headers, .. } => {
                self.queue.push(self.now + latency, Event::Headers(key, 200, headers, Vec::new()));
            }
        }
    }

    fn hang_up(&mut self, key: Key) {
        if let Some(conn) = self.exchanges.get_mut(&key).and_then(|exchange| exchange.conn.take()) {
            self.server.drop_conn(conn);
        }
    }

    fn silence(&mut self, key: Key) {
        if let Some(exchange) = self.exchanges.get_mut(&key) {
            exchange.is_silent = true;
        }
    }

    fn plain(&mut self, key: Key, is_stream: bool, status: u16, headers: Vec<(String, String)>, body: Vec<u8>) {
        let Some(exchange) = self.exchanges.get(&key) else { return };
        let at = self.now + exchange.latency_ms;
        let event = if is_stream { Event::Headers(key, status, headers, body) } else { Event::Answer(key, status, headers, body) };
        self.queue.push(at, event);
    }

    fn headers(&mut self, key: Key, status: u16, headers: Vec<(String, String)>, body: Vec<u8>) {
        let Some(exchange) = self.exchanges.get_mut(&key).filter(|exchange| !exchange.is_silent) else { return };
        let is_whole = exchange.conn.is_none();
        if is_whole {
            exchange.inbox.extend(body);
            exchange.ending = Some(Ending::Clean);
            exchange.fault = Fault::None;
            exchange.is_flush_planned = true;
            self.queue.push(self.now, Event::Flush(key));
        }
        self.feed_to(key, |attempt| Input::HeadersArrived { attempt, status, headers });
    }

    /// Carries what the server has sent into the network.
    pub(crate) fn carry(&mut self) {
        for out in std::mem::take(&mut self.server.out) {
            let (conn, bytes, ending) = match out {
                Out::Bytes(conn, bytes) => (conn, bytes, None),
                Out::End(conn) => (conn, Vec::new(), Some(Ending::Clean)),
                Out::Broken(conn) => (conn, Vec::new(), Some(Ending::Broken)),
            };
            let found = self.exchanges.iter_mut().find(|(_, exchange)| exchange.conn == Some(conn));
            let Some((key, exchange)) = found else { continue };
            if exchange.is_silent {
                continue;
            }
            if ending.is_some() {
                exchange.ending = ending;
            } else {
                exchange.sent(&bytes);
            }
            if !std::mem::replace(&mut exchange.is_flush_planned, true) {
                self.queue.push(self.now + exchange.latency_ms, Event::Flush(*key));
            }
        }
    }

    fn flush(&mut self, key: Key) {
        let Some(exchange) = self.exchanges.get_mut(&key).filter(|exchange| !exchange.is_silent) else { return };
        exchange.is_flush_planned = false;
        let (bytes, strikes) = exchange.take();
        for bytes in split(&mut self.rng, bytes) {
            if !self.exchanges.contains_key(&key) {
                return;
            }
            self.trace.line(self.now, || format!("  {} <- {}", key.1.0, short(&String::from_utf8_lossy(&bytes))));
            self.feed_to(key, |attempt| Input::ChunkArrived { attempt, bytes });
        }
        let Some(exchange) = self.exchanges.get_mut(&key) else { return };
        let ending = match exchange.fault {
            Fault::Cut(_, clean) if strikes => Some(if clean { Ending::Clean } else { Ending::Broken }),
            Fault::Stall(_) if strikes => return self.silence(key),
            _ => exchange.ending,
        };
        match ending {
            Some(Ending::Clean) => {
                self.hang_up(key);
                self.exchanges.remove(&key);
                self.trace.line(self.now, || format!("  {} ends", key.1.0));
                self.feed_to(key, |attempt| Input::BodyEnded { attempt });
            }
            Some(Ending::Broken) => self.fail_exchange(key),
            None => {}
        }
    }

    fn fail_exchange(&mut self, key: Key) {
        self.hang_up(key);
        if self.exchanges.remove(&key).is_some() {
            self.trace.line(self.now, || format!("  {} fails", key.1.0));
            let error = TransportError::Network { message: "Failed to fetch".to_owned() };
            self.feed_to(key, |attempt| Input::RequestFailed { attempt, error });
        }
    }

    // ---- what happens ----

    fn strike(&mut self, happening: Happening) {
        self.report.count(format!("happening: {}", happening.name()));
        self.trace.line(self.now, || format!("! {happening:?}"));
        match happening {
            Happening::Offline(length, told) => self.network_goes(length, told),
            Happening::Restart(length, term) => self.server_goes(length, term),
            Happening::Hidden(length) => self.hide(length),
            Happening::Frozen(length, lost) => self.freeze(length, lost),
            Happening::BackForward(length) => {
                self.page_hiding();
                self.freeze(length, true);
            }
            Happening::Reload(crash) => self.reload(crash, 50),
            Happening::Closed(length) => self.reload(false, length),
            Happening::OtherDevice => {
                self.reload(false, 500);
                self.storage.entries.clear();
            }
            Happening::StorageFull(length) | Happening::StorageDenied(length) => {
                let denied = matches!(happening, Happening::StorageDenied(_));
                self.storage.mode = if denied { Mode::Denied } else { Mode::Full };
                self.queue.push(self.now + length, Event::StorageBack);
            }
            Happening::StorageCorrupt => {
                for text in self.storage.entries.values_mut() {
                    *text = match self.rng.between(0, 2) {
                        0 => text.chars().take(text.chars().count() / 2).collect(),
                        1 => "{\"v\":1}".to_owned(),
                        _ => "\u{0}not json".to_owned(),
                    };
                }
            }
        }
    }

    fn network_goes(&mut self, length: u64, told: bool) {
        // The browser takes nothing back while the network is gone.
        let told_before = self.network_gone == Some(true);
        self.network_gone = Some(told || told_before);
        self.network_epoch += 1;
        let keys: Vec<Key> = self.exchanges.keys().copied().collect();
        for key in keys {
            if self.rng.chance(50) {
                self.hang_up(key);
                let later = self.rng.between(0, 50);
                self.queue.push(self.now + later, Event::Fail(key));
            }
            self.silence(key);
        }
        if told {
            self.feed_if_awake(Input::WentOffline);
        }
        self.queue.push(self.now + length, Event::NetworkBack(self.network_epoch));
    }

    fn network_back(&mut self) {
        if self.network_gone.take() == Some(true) {
            self.trace.line(self.now, || "! online".to_owned());
            self.feed_if_awake(Input::WentOnline);
        }
    }

    fn server_goes(&mut self, length: u64, term: bool) {
        if self.server.is_down {
            return;
        }
        let how = if term { Restart::Term } else { Restart::Kill };
        let how = if self.server.ways().restarts().contains(&how) { how } else { Restart::Kill };
        self.report.count(format!("restart {:?} {how:?}", self.plan.kind));
        self.server.go_down(self.now, how);
        self.carry();
        self.queue.push(self.now + length, Event::ServerBack);
    }

    fn server_back(&mut self) {
        if self.server.is_down {
            self.trace.line(self.now, || "! the server is back".to_owned());
            self.server.come_up(self.now);
        }
    }

    fn reload(&mut self, crash: bool, closed_for: u64) {
        if self.page.is_none() {
            return;
        }
        if !crash {
            self.page_hiding();
        }
        self.close_page();
        self.queue.push(self.now + closed_for, Event::Open);
    }

    /// Faults stop: everything comes back, and stays.
    fn calm(&mut self) {
        self.trace.line(self.now, || "! calm".to_owned());
        self.is_calm = true;
        self.storage.mode = Mode::Works;
        self.server_back();
        self.network_back();
        if self.page.is_none() {
            self.open_page();
        }
        if let Some(number) = self.page.as_ref().map(|page| page.number) {
            self.thaw(number, false);
            self.show(number);
        }
    }
}

impl Event {
    fn is_for_page(&self) -> bool {
        match self {
            Self::Answer(..) | Self::Headers(..) | Self::Flush(_) | Self::Fail(_) | Self::Record(..)
            | Self::RecordFailed(..) | Self::User(_) => true,
            Self::Arrive(_) | Self::Happen(_) | Self::NetworkBack(_) | Self::ServerBack | Self::Show(_)
            | Self::Thaw(..) | Self::Open | Self::StorageBack | Self::Calm => false,
        }
    }
}
