//! Up to five tabs that share the connection of one run or of one feed, on a virtual clock: closed, crashed, frozen, thawed and opened again,
//! with messages between them lost and in another order, and connections that break or go dead without a word.
//!
//! What must hold: no tab is ever shown a gap, or bytes of a stream that is not open; once nothing goes wrong any more, each tab that is left
//! has within its own client's patience all that the server has written, and then over one connection; and when the run is over all of them
//! have all of it.

mod check;
mod mishap;
mod reader;
mod run;

use crate::{queue::Queue, report::Report, rng::Rng, trace::Trace};
use reader::Reader;
use rejoin_core::{
    Millis,
    tabs::{Body, Effect, Input, Kind, Message, Own, SharedStream},
};
use run::Run;

/// Things go wrong until then.
const CALM_AT: u64 = 10_000;
/// So long after a client's patience has ended its tab is where the server is, however patient the others are.
const CAUGHT_UP: u64 = 6_000;
/// From then on there is one connection.
const SETTLED_AT: u64 = 40_000;
const ENDS_AT: u64 = 50_000;
const OVER_AT: u64 = 60_000;
const TABS_MAX: u64 = 5;
/// How long a client waits on a stream that is silent: longer than the run itself is.
const PATIENCE: [u64; 3] = [8_000, 12_000, 25_000];
/// How far a tab may be behind the server, in milliseconds.
const LAG: u64 = 1_000;

enum Due {
    /// A tab's client connects.
    Connect {
        tab: usize,
        life: u32,
    },
    /// The lock is given to whoever is next.
    Grant,
    Told {
        tab: usize,
        stream: u64,
        input: Input,
    },
    /// A connection brings something.
    Arrives {
        connection: usize,
        what: Arrival,
    },
    Write,
    Alarm {
        tab: usize,
        stream: u64,
        at: u64,
    },
    /// A tab's client looks whether its stream is alive.
    Watch {
        tab: usize,
        stream: u64,
    },
    Mishap,
}

enum Arrival {
    Headers(bool),
    Bytes(Vec<u8>),
    Ended,
    Failed,
}

struct Connection {
    tab: usize,
    stream: u64,
    open: bool,
    /// The next event to send; `None` while it has no headers.
    next: Option<usize>,
    /// What comes on it comes in order.
    arrives_at: u64,
}

#[derive(Default)]
struct Tab {
    alive: bool,
    frozen: bool,
    /// Counts its lives, so that what was for an earlier one is dropped.
    life: u32,
    reader: Option<Reader>,
    shared: Option<(u64, SharedStream)>,
    /// Its own connection.
    connection: Option<usize>,
    /// Its one timer. It is set anew when it has fired, and before only for an earlier time.
    alarm_at: Option<u64>,
    /// When the last news of a lock reaches it.
    lock_told_at: u64,
    /// When something of its stream came last, or it was opened, and how long its client waits for more.
    fed_at: u64,
    patience: u64,
    /// The leader that its client gave up last.
    doubted: Option<u64>,
    /// What has come while it was frozen.
    waiting: Vec<Due>,
    over: bool,
}

/// One schedule.
pub(crate) struct Tabs {
    now: u64,
    rng: Rng,
    due: Queue<Due>,
    kind: Kind,
    run: Run,
    tabs: Vec<Tab>,
    connections: Vec<Connection>,
    /// Who has the lock, and who waits for it: the streams that asked.
    holder: Option<(usize, u64)>,
    queue: Vec<(usize, u64)>,
    streams: u64,
    /// In percent.
    loss: u64,
    reorders: bool,
    /// Joins that are answered with a refusal, in percent.
    refuses: u64,
    report: Report,
    trace: Trace,
}

impl Tabs {
    pub(crate) fn new(seed: u64, trace: Trace) -> Self {
        let mut rng = Rng::new(seed);
        let kind = rng.pick(&[Kind::Run, Kind::Run, Kind::Feed]);
        let run = Run::new(&mut rng.fork(), kind, ENDS_AT);
        let mut world = Self {
            now: 0,
            loss: rng.pick(&[0, 0, 2, 20]),
            reorders: rng.chance(30),
            refuses: rng.pick(&[0, 0, 10]),
            due: Queue::default(),
            kind,
            run,
            tabs: Vec::new(),
            connections: Vec::new(),
            holder: None,
            queue: Vec::new(),
            streams: 0,
            report: Report::default(),
            trace,
            rng,
        };
        world.report.count(match kind {
            Kind::Run => "a run",
            Kind::Feed => "a feed",
        });
        for tab in 0..world.rng.between(1, TABS_MAX) {
            world.tabs.push(Tab::default());
            let at = match tab {
                0 => 0,
                _ => world.rng.between(0, CALM_AT / 2),
            };
            let tab = usize::try_from(tab).expect("few");
            world.open_tab(tab, at);
        }
        for _ in 0..world.rng.between(0, 8) {
            let at = world.rng.between(0, CALM_AT);
            world.due.push(at, Due::Mishap);
        }
        world.due.push(0, Due::Write);
        world
    }

    fn calm(&self) -> bool {
        self.now >= CALM_AT
    }

    fn open_tab(&mut self, tab: usize, at: u64) {
        let patience = self.rng.pick(&PATIENCE);
        let own = &mut self.tabs[tab];
        *own = Tab {
            alive: true,
            life: own.life + 1,
            reader: Some(Reader::new(self.kind)),
            patience,
            ..Tab::default()
        };
        let life = own.life;
        self.due.push(at, Due::Connect { tab, life });
    }

    pub(crate) fn run(mut self) -> Result<Report, String> {
        let mut wakes = false;
        while let Some(at) = self.due.next_at().filter(|at| *at <= OVER_AT) {
            if at >= CALM_AT && !std::mem::replace(&mut wakes, true) {
                self.now = CALM_AT;
                self.wake_all()?;
                // It has made something due earlier.
                continue;
            }
            self.now = at;
            if let Some(due) = self.due.pop_due(at) {
                self.happens(due)
                    .map_err(|error| format!("at {at}: {error}"))?;
            }
            if (CALM_AT..ENDS_AT).contains(&self.now) {
                self.check_calm()
                    .map_err(|error| format!("at {at}: {error}"))?;
            }
        }
        self.check_over()?;
        Ok(self.report)
    }

    fn note(&self, words: impl FnOnce() -> String) {
        self.trace.line(self.now, words);
    }

    /// Nothing goes wrong from here on.
    fn wake_all(&mut self) -> Result<(), String> {
        (self.loss, self.reorders, self.refuses) = (0, false, 0);
        for tab in 0..self.tabs.len() {
            if self.tabs[tab].frozen {
                self.thaw(tab)?;
            }
        }
        Ok(())
    }

    fn is_current(&self, tab: usize, stream: u64) -> bool {
        let own = &self.tabs[tab];
        own.alive && own.shared.as_ref().is_some_and(|(id, _)| *id == stream)
    }

    fn happens(&mut self, due: Due) -> Result<(), String> {
        let tab = match &due {
            Due::Connect { tab, .. }
            | Due::Told { tab, .. }
            | Due::Alarm { tab, .. }
            | Due::Watch { tab, .. } => Some(*tab),
            Due::Arrives { connection, .. } => Some(self.connections[*connection].tab),
            Due::Grant | Due::Write | Due::Mishap => None,
        };
        if let Some(tab) = tab.filter(|tab| self.tabs[*tab].frozen) {
            self.tabs[tab].waiting.push(due);
            return Ok(());
        }
        match due {
            Due::Connect { tab, life } => {
                if self.tabs[tab].life == life && self.tabs[tab].alive {
                    self.connect(tab)?;
                }
                Ok(())
            }
            Due::Grant => {
                self.grant();
                Ok(())
            }
            Due::Told { tab, stream, input } => {
                if !self.is_current(tab, stream) {
                    return Ok(());
                }
                self.note(|| format!("tab {tab} is told {}", brief(&input)));
                self.tell(tab, input)
            }
            Due::Alarm { tab, stream, at } => {
                if self.is_current(tab, stream) && self.tabs[tab].alarm_at == Some(at) {
                    self.tabs[tab].alarm_at = None;
                    self.tell(tab, Input::DeadlineReached)?;
                }
                Ok(())
            }
            Due::Arrives { connection, what } => self.arrives(connection, what),
            Due::Write => {
                self.write();
                Ok(())
            }
            Due::Watch { tab, stream } => {
                if self.is_current(tab, stream) {
                    self.watch(tab, stream);
                }
                Ok(())
            }
            Due::Mishap => self.mishap(),
        }
    }

    fn tell(&mut self, tab: usize, input: Input) -> Result<(), String> {
        if let Some((_, shared)) = &mut self.tabs[tab].shared {
            shared.handle(Millis(self.now), input);
        }
        self.carry_out(tab)
    }

    /// A tab's client opens a stream.
    fn connect(&mut self, tab: usize) -> Result<(), String> {
        self.streams += 1;
        let stream = self.streams;
        let me = self.rng.number();
        let Some(reader) = &mut self.tabs[tab].reader else {
            return Ok(());
        };
        let cursor = reader.cursor();
        reader.connect();
        let (now, kind) = (self.now, self.kind);
        let own = &mut self.tabs[tab];
        // The first tab begins the run.
        let shared = match (stream, kind) {
            (1, Kind::Run) => SharedStream::begun(me),
            _ => SharedStream::joined(Millis(now), kind, me, cursor.clone(), own.doubted),
        };
        own.shared = Some((stream, shared));
        (own.alarm_at, own.fed_at) = (None, now);
        let due = now + own.patience;
        self.due.push(due, Due::Watch { tab, stream });
        self.note(|| format!("tab {tab} opens stream {stream} from {cursor}"));
        self.carry_out(tab)
    }

    fn carry_out(&mut self, tab: usize) -> Result<(), String> {
        while let Some((stream, shared)) = &mut self.tabs[tab].shared {
            let stream = *stream;
            let Some(effect) = shared.poll_effect() else {
                let at = shared.deadline().map(|at| at.0.max(self.now));
                let own = &mut self.tabs[tab];
                if let Some(at) = at.filter(|at| own.alarm_at.is_none_or(|set| *at < set)) {
                    own.alarm_at = Some(at);
                    self.due.push(at, Due::Alarm { tab, stream, at });
                }
                break;
            };
            match effect {
                Effect::Lock { steal } => self.lock(tab, stream, steal),
                Effect::Fetch { cursor } => self.fetch(tab, stream, cursor),
                Effect::DropFetch => self.drop_connection(tab),
                Effect::Post(message) => self.post(tab, &message),
                Effect::Open => self.reader(tab)?.opened()?,
                Effect::Feed(bytes) => self.feed(tab, &bytes)?,
                Effect::End => {
                    self.unlock(tab, stream);
                    self.tabs[tab].shared = None;
                    self.client_ends(tab);
                }
                Effect::Close => self.unlock(tab, stream),
            }
        }
        Ok(())
    }

    fn feed(&mut self, tab: usize, bytes: &[u8]) -> Result<(), String> {
        self.tabs[tab].fed_at = self.now;
        self.reader(tab)?.bytes(bytes)
    }

    fn reader(&mut self, tab: usize) -> Result<&mut Reader, String> {
        self.tabs[tab]
            .reader
            .as_mut()
            .ok_or_else(|| "no reader".to_owned())
    }

    /// The client's stream has ended: it goes on, unless the run is over.
    fn client_ends(&mut self, tab: usize) {
        let all = self.run.written(ENDS_AT);
        let own = &mut self.tabs[tab];
        let Some(reader) = &mut own.reader else {
            return;
        };
        if !reader.ended() {
            return;
        }
        let (had, life) = (reader.had, own.life);
        own.over = had == all && self.now >= self.run.ends_at;
        let over = own.over;
        self.note(|| format!("tab {tab}'s stream has ended at {had}"));
        if !over {
            let at = self.now + self.rng.between(0, 500);
            self.due.push(at, Due::Connect { tab, life });
        }
    }

    fn lock(&mut self, tab: usize, stream: u64, steal: bool) {
        self.queue.retain(|who| *who != (tab, stream));
        if steal {
            if let Some((other, theirs)) = self.holder.take().filter(|who| *who != (tab, stream)) {
                self.report.count("the lock is stolen");
                self.tell_of_lock(other, theirs, Input::LockLost);
            }
            self.queue.insert(0, (tab, stream));
        } else {
            self.queue.push((tab, stream));
        }
        self.grant_soon();
    }

    fn unlock(&mut self, tab: usize, stream: u64) {
        self.queue.retain(|who| *who != (tab, stream));
        if self.holder == Some((tab, stream)) {
            self.holder = None;
            self.grant_soon();
        }
    }

    fn grant_soon(&mut self) {
        let at = self.now + self.rng.between(0, 5);
        self.due.push(at, Due::Grant);
    }

    fn grant(&mut self) {
        if self.holder.is_none() && !self.queue.is_empty() {
            let (tab, stream) = self.queue.remove(0);
            self.holder = Some((tab, stream));
            if stream > 1 {
                self.report.count("a tab leads that did not");
            }
            self.tell_of_lock(tab, stream, Input::Locked);
        }
    }

    /// A browser tells of a lock in order.
    fn tell_of_lock(&mut self, tab: usize, stream: u64, input: Input) {
        let soon = self.now + self.rng.between(0, 5);
        let own = &mut self.tabs[tab];
        own.lock_told_at = own.lock_told_at.max(soon);
        let at = own.lock_told_at;
        self.due.push(at, Due::Told { tab, stream, input });
    }

    fn post(&mut self, from: usize, message: &Message) {
        match message.body {
            Body::Give { .. } => self.report.count("a tab follows"),
            Body::Beyond { .. } => self.report.count("a ring does not reach back"),
            _ => {}
        }
        self.note(|| format!("tab {from} says {}", brief(&Input::Heard(message.clone()))));
        let read = Message::from_bytes(&message.to_bytes());
        for tab in (0..self.tabs.len()).filter(|tab| *tab != from) {
            let Some((stream, _)) = &self.tabs[tab].shared else {
                continue;
            };
            let stream = *stream;
            if self.rng.chance(self.loss) {
                self.report.count("a message is lost");
                continue;
            }
            let at = match self.reorders {
                true => self.now + self.rng.between(0, 300),
                false => self.now + 2,
            };
            if let Some(message) = read.clone() {
                let input = Input::Heard(message);
                self.due.push(at, Due::Told { tab, stream, input });
            }
        }
    }

    fn fetch(&mut self, tab: usize, stream: u64, cursor: Option<String>) {
        self.drop_connection(tab);
        let cursor = match (cursor, &self.tabs[tab].reader) {
            (Some(cursor), _) => cursor,
            (None, Some(reader)) => reader.cursor(),
            (None, None) => return,
        };
        let begins = stream == 1 && self.kind == Kind::Run;
        let refused = !begins && self.rng.chance(self.refuses);
        if refused {
            self.report.count("a join is refused");
        }
        let connection = self.connections.len();
        let arrives_at = self.now + self.rng.between(5, 200);
        let first = self.run.after(&cursor);
        self.connections.push(Connection {
            tab,
            stream,
            open: true,
            next: (!refused).then_some(first),
            arrives_at,
        });
        self.tabs[tab].connection = Some(connection);
        self.note(|| format!("tab {tab} connects from {cursor}"));
        let what = Arrival::Headers(!refused);
        self.due.push(arrives_at, Due::Arrives { connection, what });
        if refused {
            self.arrive(connection, Arrival::Ended);
        }
        if begins {
            let at = arrives_at + self.rng.between(1, 50);
            let input = Input::Named;
            self.due.push(at, Due::Told { tab, stream, input });
        }
        self.send(connection);
    }

    fn drop_connection(&mut self, tab: usize) {
        if let Some(connection) = self.tabs[tab].connection.take() {
            self.connections[connection].open = false;
        }
    }

    /// The server writes what there is.
    fn write(&mut self) {
        for connection in 0..self.connections.len() {
            self.send(connection);
        }
        let next = self.run.next_after(self.now);
        let ends = (self.now < self.run.ends_at).then_some(self.run.ends_at);
        if let Some(at) = next.or(ends) {
            self.due.push(at, Due::Write);
        }
    }

    fn send(&mut self, number: usize) {
        let written = self.run.written(self.now);
        let connection = &mut self.connections[number];
        let Some(next) = connection.next.filter(|_| connection.open) else {
            return;
        };
        connection.next = Some(written.max(next));
        if next < written {
            let text = self.run.text(next, written).into_bytes();
            // Cut anywhere.
            let at = self.rng.index(text.len() + 1);
            let (first, second) = text.split_at(at);
            for piece in [first, second]
                .into_iter()
                .filter(|piece| !piece.is_empty())
            {
                self.arrive(number, Arrival::Bytes(piece.to_vec()));
            }
        }
        if self.now >= self.run.ends_at {
            self.connections[number].next = None;
            self.arrive(number, Arrival::Ended);
        }
    }

    fn arrive(&mut self, connection: usize, what: Arrival) {
        let own = &mut self.connections[connection];
        let soon = self.now + self.rng.between(0, 20);
        own.arrives_at = own.arrives_at.max(soon);
        let at = own.arrives_at;
        self.due.push(at, Due::Arrives { connection, what });
    }

    fn arrives(&mut self, connection: usize, what: Arrival) -> Result<(), String> {
        let Connection {
            tab, stream, open, ..
        } = self.connections[connection];
        if !open {
            return Ok(());
        }
        let is_over = matches!(what, Arrival::Ended | Arrival::Failed);
        if is_over {
            self.drop_connection(tab);
        }
        let own = match &what {
            Arrival::Headers(is_stream) => Own::Headers {
                is_stream: *is_stream,
            },
            Arrival::Bytes(bytes) => Own::Bytes(bytes),
            Arrival::Ended => Own::Ended,
            Arrival::Failed => Own::Failed,
        };
        let passes = match &mut self.tabs[tab].shared {
            Some((current, shared)) if *current == stream => shared.own(own),
            _ => true,
        };
        self.carry_out(tab)?;
        if passes {
            match what {
                Arrival::Headers(true) => self.reader(tab)?.opened()?,
                Arrival::Bytes(bytes) => self.feed(tab, &bytes)?,
                Arrival::Headers(false) => {}
                Arrival::Ended | Arrival::Failed => self.client_ends(tab),
            }
        }
        Ok(())
    }
}

/// The bytes of frames would fill the log.
fn brief(input: &Input) -> String {
    let Input::Heard(Message { from, body }) = input else {
        return format!("{input:?}");
    };
    let from = from % 1000;
    match body {
        Body::Give {
            to, next, bytes, ..
        } => {
            format!(
                "{from}: Give to {}, next {next}, {} bytes",
                to % 1000,
                bytes.len()
            )
        }
        Body::Piece { number, bytes } => format!("{from}: Piece {number}, {} bytes", bytes.len()),
        body => format!("{from}: {body:?}"),
    }
}
