//! What a seed decides before anything happens: the server, the agent, how bad the world is, and for how long.

use crate::{
    proxy::{Cursor, Flow, Proxy},
    rng::Rng,
    server::{
        Kind, Ways,
        agent::{Agent, Knobs},
        behaviour::EventIds,
    },
};

/// A schedule's outline.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// Which server.
    pub kind: Kind,
    /// Its ways.
    pub ways: Ways,
    /// What stands before it.
    pub proxy: Proxy,
    /// Which agent.
    pub agent: Agent,
    /// How the agent behaves.
    pub knobs: Knobs,
    /// When faults stop, in milliseconds.
    pub calm_at: u64,
    /// Requests with a fault, of 100.
    pub fault_percent: u64,
    /// The network's usual latency, in milliseconds.
    pub latency_ms: (u64, u64),
    /// What happens to page, network, server and storage: when, and what.
    pub events: Vec<(u64, Happening)>,
    /// What the user does after the first submission: when, and what.
    pub actions: Vec<(u64, Action)>,
    /// How long finished runs' events are kept, in milliseconds.
    pub log_ttl_ms: Option<u64>,
    /// The largest stored record, in bytes.
    pub record_bytes_max: usize,
    /// Whether pages read threads' histories rather than their states.
    pub reads_history: bool,
    /// How long the outage is with which the faults end, in milliseconds.
    pub outage_ms: Option<u64>,
}

/// What happens to the page and around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Happening {
    /// The network goes for so long; the browser says so, or does not.
    Offline(u64, bool),
    /// Nothing is reached for so long, and nobody says so; requests hang, or are refused.
    Outage(u64, bool),
    /// The server goes for so long; gracefully, or not.
    Restart(u64, bool),
    /// The page is hidden for so long.
    Hidden(u64),
    /// The page is frozen for so long; its connections live on, or not.
    Frozen(u64, bool),
    /// The page is left, kept in the back/forward cache, and shown again.
    BackForward(u64),
    /// The page is reloaded; by a crash, or not.
    Reload(bool),
    /// The page is closed and opened again after so long.
    Closed(u64),
    /// Another device opens the thread: nothing is stored there.
    OtherDevice,
    /// Storage is full for so long.
    StorageFull(u64),
    /// Storage is denied for so long.
    StorageDenied(u64),
    /// What is stored is damaged.
    StorageCorrupt,
}

/// What a user does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Asks something, or answers the agent's question.
    Submit,
    /// Asks something, ending the run before it.
    SubmitInterrupting,
    /// Disconnects.
    Stop,
    /// Goes back to the run.
    Rejoin,
    /// Joins one of the thread's runs by its id.
    JoinKnown,
    /// Joins a run that does not exist.
    JoinUnknown,
    /// Cancels on the server.
    Cancel,
    /// Turns to another thread, or to a new one.
    Switch,
    /// Turns to another thread and straight back.
    SwitchAndBack,
    /// Edits one of the messages.
    Edit,
    /// Edits two at once.
    EditTwice,
    /// Asks for one of the answers again.
    Regenerate,
    /// Begins the run that failed again.
    Retry,
    /// Looks at another branch.
    SelectBranch,
}

impl Action {
    /// Its name in the report.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Submit => "submit",
            Self::SubmitInterrupting => "submit interrupting",
            Self::Stop => "stop",
            Self::Rejoin => "rejoin",
            Self::JoinKnown => "join known",
            Self::JoinUnknown => "join unknown",
            Self::Cancel => "cancel",
            Self::Switch => "switch",
            Self::SwitchAndBack => "switch and back",
            Self::Edit => "edit",
            Self::EditTwice => "edit twice",
            Self::Regenerate => "regenerate",
            Self::Retry => "retry",
            Self::SelectBranch => "select branch",
        }
    }
}

impl Happening {
    /// How long it lasts, in milliseconds.
    fn length(self) -> u64 {
        match self {
            Self::Offline(length, _)
            | Self::Outage(length, _)
            | Self::Restart(length, _)
            | Self::Hidden(length)
            | Self::Frozen(length, _)
            | Self::BackForward(length)
            | Self::Closed(length)
            | Self::StorageFull(length)
            | Self::StorageDenied(length) => length,
            Self::Reload(_) | Self::OtherDevice => 1_000,
            Self::StorageCorrupt => 0,
        }
    }

    /// Its name in the report.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Offline(_, true) => "offline",
            Self::Offline(_, false) => "network gone silently",
            Self::Outage(_, true) => "long outage, hanging",
            Self::Outage(_, false) => "long outage, refusing",
            Self::Restart(_, true) => "restart (SIGTERM)",
            Self::Restart(_, false) => "restart (SIGKILL)",
            Self::Hidden(_) => "hidden",
            Self::Frozen(_, false) => "frozen",
            Self::Frozen(_, true) => "frozen, connections lost",
            Self::BackForward(_) => "back/forward cache",
            Self::Reload(false) => "reload",
            Self::Reload(true) => "crash",
            Self::Closed(_) => "closed and opened",
            Self::OtherDevice => "other device",
            Self::StorageFull(_) => "storage full",
            Self::StorageDenied(_) => "storage denied",
            Self::StorageCorrupt => "record corrupt",
        }
    }
}

/// How bad the world is.
#[derive(Clone, Copy)]
enum Weather {
    Calm,
    FlakyNetwork,
    SleepyPage,
    ShakyServer,
    BadStorage,
    Everything,
}

impl Plan {
    /// The outline of a seed of one of the servers that were measured.
    pub(crate) fn draw(rng: &mut Rng) -> Self {
        let kind = rng.pick(&Kind::MEASURED);
        Self::draw_around(rng, kind, Ways::of(kind))
    }

    /// The outline of a seed of the odd server.
    pub(crate) fn draw_odd(rng: &mut Rng) -> Self {
        let ways = Ways::draw_odd(rng);
        let proxy = Proxy::draw(rng, ways.odd.run_status.is_none());
        let mut plan = Self::draw_around(rng, Kind::Odd, ways);
        plan.proxy = proxy;
        if rng.chance(35) {
            plan.end_with_outage(rng);
        }
        plan
    }

    /// Whether what a run says can be streamed to the page, however often the connection is made anew.
    pub(crate) fn streams_through(&self) -> bool {
        self.proxy.flow == Flow::Free
            && self.proxy.cursor == Cursor::Kept
            && self.ways.event_ids != EventIds::None
    }

    /// The last that happens is a long outage, and nobody does anything during it.
    fn end_with_outage(&mut self, rng: &mut Rng) {
        let longest = rng.pick(&[20_000, 120_000, 600_000, 3_600_000]);
        let run_ms = self.knobs.n_tokens * self.knobs.delay_ms + 500;
        let begins = rng.between(1, run_ms.min(self.calm_at));
        let length = rng.between(5_000, longest);
        self.calm_at = begins + length;
        self.outage_ms = Some(length);
        self.actions.retain(|(at, _)| *at < begins);
        self.events
            .retain(|(at, happening)| *at + happening.length() < begins);
        let outage = Happening::Outage(length, rng.chance(50));
        self.events.push((begins, outage));
        if rng.chance(30) {
            let reloads = begins + rng.between(1, length / 2);
            self.events
                .push((reloads, Happening::Reload(rng.chance(30))));
        }
    }

    fn draw_around(rng: &mut Rng, kind: Kind, ways: Ways) -> Self {
        let agent = rng.pick(&[
            Agent::Chat,
            Agent::Chat,
            Agent::Tools,
            Agent::Approval,
            Agent::Boom,
        ]);
        let weather = rng.pick(&[
            Weather::Calm,
            Weather::FlakyNetwork,
            Weather::FlakyNetwork,
            Weather::SleepyPage,
            Weather::ShakyServer,
            Weather::BadStorage,
            Weather::Everything,
        ]);
        let knobs = draw_knobs(rng);
        let run_ms = (knobs.n_tokens * knobs.delay_ms).max(1_000);
        let calm_at = run_ms + rng.between(1_000, 20_000);
        let fault_percent = match weather {
            Weather::Calm => 0,
            Weather::FlakyNetwork => rng.pick(&[15, 35, 60]),
            Weather::SleepyPage | Weather::ShakyServer | Weather::BadStorage => {
                rng.pick(&[0, 5, 20])
            }
            Weather::Everything => rng.pick(&[10, 25]),
        };
        let count = match weather {
            Weather::Calm => 0,
            Weather::FlakyNetwork => rng.between(0, 3),
            Weather::SleepyPage | Weather::ShakyServer | Weather::BadStorage => rng.between(1, 4),
            Weather::Everything => rng.between(2, 8),
        };
        let mut events: Vec<_> = (0..count)
            .map(|_| (rng.between(0, calm_at), draw_happening(rng, weather)))
            .collect();
        events.sort_by_key(|(at, _)| *at);
        let mut actions: Vec<_> = (0..rng.pick(&[0, 0, 1, 1, 2, 3, 5]))
            .map(|_| (rng.between(10, calm_at), draw_action(rng)))
            .collect();
        actions.extend(draw_edits(calm_at));
        actions.sort_by_key(|(at, _)| *at);
        let latency_ms = rng.pick(&[(0, 2), (1, 20), (20, 120), (100, 900)]);
        let log_ttl_ms = rng.chance(15).then(|| rng.pick(&[50, 3_000, 60_000]));
        let record_bytes_max = rng.pick(&[262_144, 262_144, 262_144, 700, 0]);
        Self {
            kind,
            ways,
            proxy: Proxy::NONE,
            outage_ms: None,
            agent,
            knobs,
            reads_history: calm_at.is_multiple_of(3),
            calm_at,
            fault_percent,
            latency_ms,
            events,
            actions,
            log_ttl_ms,
            record_bytes_max,
        }
    }
}

fn draw_knobs(rng: &mut Rng) -> Knobs {
    let (n_tokens, delay_ms) = match rng.between(0, 9) {
        0 => (0, 5),
        1 => (1, 100),
        2 | 3 => (rng.between(5, 60), 0),
        4 | 5 => (rng.between(5, 60), rng.between(1, 30)),
        6 | 7 => (rng.between(5, 40), rng.between(100, 500)),
        8 => (rng.between(3, 15), rng.between(1_000, 8_000)),
        _ => (rng.between(1, 4), rng.between(10_000, 70_000)),
    };
    Knobs { n_tokens, delay_ms }
}

fn draw_action(rng: &mut Rng) -> Action {
    rng.pick(&[
        Action::Submit,
        Action::Submit,
        Action::Submit,
        Action::SubmitInterrupting,
        Action::Stop,
        Action::Stop,
        Action::Rejoin,
        Action::Rejoin,
        Action::JoinKnown,
        Action::JoinUnknown,
        Action::Cancel,
        Action::Cancel,
        Action::Switch,
        Action::SwitchAndBack,
    ])
}

/// Every second schedule goes back in its thread. Drawn apart, so that the others stay as they were.
fn draw_edits(calm_at: u64) -> Vec<(u64, Action)> {
    if calm_at.is_multiple_of(2) {
        return Vec::new();
    }
    let mut rng = Rng::new(calm_at);
    let count = rng.between(1, 5);
    let draw = |_| {
        let action = rng.pick(&[
            Action::Submit,
            Action::Edit,
            Action::Edit,
            Action::Edit,
            Action::EditTwice,
            Action::Regenerate,
            Action::Regenerate,
            Action::Retry,
            Action::SelectBranch,
        ]);
        (rng.between(10, calm_at), action)
    };
    (0..count).map(draw).collect()
}

fn draw_happening(rng: &mut Rng, weather: Weather) -> Happening {
    let weather = match weather {
        Weather::Everything => rng.pick(&[
            Weather::FlakyNetwork,
            Weather::SleepyPage,
            Weather::ShakyServer,
            Weather::BadStorage,
        ]),
        Weather::Calm
        | Weather::FlakyNetwork
        | Weather::SleepyPage
        | Weather::ShakyServer
        | Weather::BadStorage => weather,
    };
    let length = rng.pick(&[100, 2_000, 7_000, 40_000]);
    match weather {
        Weather::Calm | Weather::FlakyNetwork | Weather::Everything => {
            Happening::Offline(length, rng.chance(60))
        }
        Weather::ShakyServer => Happening::Restart(length.min(20_000), rng.chance(50)),
        Weather::SleepyPage => match rng.between(0, 8) {
            0 | 1 => Happening::Hidden(length),
            2 => Happening::Frozen(length, false),
            3 => Happening::Frozen(length, true),
            4 => Happening::BackForward(length),
            5 => Happening::Reload(false),
            6 => Happening::Reload(true),
            7 => Happening::Closed(rng.pick(&[length, 180_000, 90_000_000])),
            _ => Happening::OtherDevice,
        },
        Weather::BadStorage => match rng.between(0, 4) {
            0 => Happening::StorageFull(length),
            1 => Happening::StorageDenied(length),
            2 => Happening::StorageCorrupt,
            _ => Happening::Reload(rng.chance(30)),
        },
    }
}
