//! The network between page and server: how long things take, and what goes wrong on the way.

use crate::{
    proxy::Flow,
    rng::Rng,
    server::{ConnId, Request},
};

/// What goes wrong with one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// It never reaches the server.
    Refused,
    /// It reaches the server; the answer is lost.
    AnswerLost,
    /// A proxy, or the server's door, answers with a status before the server sees it.
    Status(u16),
    /// The server has done it, but the proxy says 502.
    BadGatewayAfter,
    /// A page for people answers: a sign-in page with 200, or what a proxy shows with another status.
    Html(u16),
    /// 429 without a word on when to come again.
    TooMany,
    /// It never reaches the server, and nothing says so.
    Hang,
    /// The server has done it; no byte of the answer comes.
    HangAfter,
    /// Everything takes this many milliseconds longer.
    Slow(u64),
    /// The body breaks off after so many bytes, or ends there as if it were whole.
    Cut(usize, bool),
    /// After so many bytes nothing more comes.
    Stall(usize),
    /// After so many frames one comes that nobody can read.
    Garbage(usize),
}

impl Fault {
    /// Its name in the report.
    pub fn name(self) -> String {
        match self {
            Self::None => "none".into(),
            Self::Refused => "refused".into(),
            Self::AnswerLost => "answer lost".into(),
            Self::Status(status) => format!("status {status}"),
            Self::BadGatewayAfter => "502 after the deed".into(),
            Self::Html(200) => "html page".into(),
            Self::Html(status) => format!("html page with {status}"),
            Self::TooMany => "status 429 without retry-after".into(),
            Self::Hang => "hang".into(),
            Self::HangAfter => "hang after the deed".into(),
            Self::Slow(_) => "slow".into(),
            Self::Cut(_, false) => "reset".into(),
            Self::Cut(_, true) => "clean cut".into(),
            Self::Stall(_) => "stall".into(),
            Self::Garbage(_) => "garbage frame".into(),
        }
    }

    /// Every name, to check that each has occurred.
    pub const NAMES: [&'static str; 26] = [
        "none",
        "refused",
        "answer lost",
        "status 401",
        "status 429",
        "status 500",
        "status 502",
        "status 503",
        "502 after the deed",
        "html page",
        "hang",
        "hang after the deed",
        "slow",
        "reset",
        "clean cut",
        "stall",
        "garbage frame",
        // What only the odd server's requests meet.
        "status 425",
        "status 429 without retry-after",
        "status 499",
        "status 408",
        "status 504",
        "status 520",
        "status 524",
        "html page with 502",
        "html page with 503",
    ];

    /// Draws one. `percent`: how many requests have a fault.
    pub(crate) fn draw(rng: &mut Rng, percent: u64, is_stream: bool) -> Self {
        if !rng.chance(percent) {
            return Self::None;
        }
        if is_stream && rng.chance(55) {
            let after = usize::try_from(rng.between(0, 6_000)).expect("small");
            return match rng.between(0, 9) {
                0..=3 => Self::Cut(after, false),
                4 | 5 => Self::Cut(after, true),
                6..=8 => Self::Stall(after),
                _ => Self::Garbage(after / 300),
            };
        }
        match rng.between(0, 14) {
            0 | 1 => Self::Refused,
            2 | 3 => Self::AnswerLost,
            4 => Self::Status(502),
            5 => Self::Status(503),
            6 => Self::Status(429),
            7 => Self::Status(401),
            8 => Self::Status(500),
            9 => Self::BadGatewayAfter,
            10 => Self::Html(200),
            11 => Self::Hang,
            12 => Self::HangAfter,
            _ => Self::Slow(rng.between(200, 20_000)),
        }
    }

    /// Draws one for the odd server: at times one that the others' requests do not meet.
    pub(crate) fn draw_odd(rng: &mut Rng, percent: u64, is_stream: bool) -> Self {
        let usual = Self::draw(rng, percent, is_stream);
        if usual == Self::None || rng.chance(60) {
            return usual;
        }
        rng.pick(&[
            Self::Status(425),
            Self::TooMany,
            Self::Status(499),
            Self::Status(408),
            Self::Status(504),
            Self::Status(520),
            Self::Status(524),
            Self::Html(502),
            Self::Html(503),
        ])
    }
}

/// How a server's part ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Properly.
    Clean,
    /// Not.
    Broken,
}

/// What ends a body early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strike {
    /// It ends as if it were whole.
    End,
    /// It breaks off.
    Cut,
    /// Nothing more comes.
    Stall,
    /// The proxy ends it, as it does with all.
    CapEnd,
    /// The proxy cuts it, as it does with all.
    CapCut,
}

/// One request and its answer.
#[derive(Debug)]
pub(crate) struct Exchange {
    /// What was asked.
    pub request: Request,
    /// Whether the body is fed as it comes.
    pub is_stream: bool,
    /// What goes wrong.
    pub fault: Fault,
    /// How its body comes through.
    pub flow: Flow,
    /// Its headers, where they are held back.
    pub held_headers: Option<Vec<(String, String)>>,
    /// Whether something that it brought has been shown.
    pub has_progressed: bool,
    /// One way, in milliseconds.
    pub latency_ms: u64,
    /// The server's connection.
    pub conn: Option<ConnId>,
    /// Sent by the server, not yet delivered.
    pub inbox: Vec<u8>,
    /// Whether a delivery is planned.
    pub is_flush_planned: bool,
    /// Bytes delivered.
    pub delivered: usize,
    /// Frames that the server has sent.
    pub frames: usize,
    /// How the server ended it.
    pub ending: Option<Ending>,
    /// The run whose end this is.
    pub ends_run: Option<String>,
    /// Whether nothing is delivered any more.
    pub is_silent: bool,
}

impl Exchange {
    /// Takes in what the server sends.
    pub(crate) fn sent(&mut self, bytes: &[u8]) {
        if self.fault == Fault::Garbage(self.frames) {
            self.inbox
                .extend_from_slice(b"event: values\ndata: {\"messages\": [broken\n\n");
        }
        self.frames += 1;
        self.inbox.extend_from_slice(bytes);
    }

    /// What of the inbox may be delivered, and what strikes behind it.
    pub(crate) fn take(&mut self) -> (Vec<u8>, Option<Strike>) {
        let mut bytes = std::mem::take(&mut self.inbox);
        let of_fault = match self.fault {
            Fault::Cut(after, true) => Some((after, Strike::End)),
            Fault::Cut(after, false) => Some((after, Strike::Cut)),
            Fault::Stall(after) => Some((after, Strike::Stall)),
            Fault::None
            | Fault::Refused
            | Fault::AnswerLost
            | Fault::Status(_)
            | Fault::TooMany
            | Fault::BadGatewayAfter
            | Fault::Html(_)
            | Fault::Hang
            | Fault::HangAfter
            | Fault::Slow(_)
            | Fault::Garbage(_) => None,
        };
        let of_flow = match self.flow {
            Flow::CappedInBytes(after, true) => Some((after, Strike::CapEnd)),
            Flow::CappedInBytes(after, false) => Some((after, Strike::CapCut)),
            Flow::CappedInTime(..) | Flow::Free | Flow::HeldBack(_) => None,
        };
        let first = of_fault
            .into_iter()
            .chain(of_flow)
            .min_by_key(|(after, _)| *after);
        let strike = first.and_then(|(after, strike)| {
            let room = after.saturating_sub(self.delivered);
            (bytes.len() > room).then(|| {
                bytes.truncate(room);
                strike
            })
        });
        self.delivered += bytes.len();
        (bytes, strike)
    }

    /// Whether nothing of it may come yet.
    pub(crate) fn is_held(&self) -> bool {
        matches!(self.flow, Flow::HeldBack(_)) && self.ending.is_none()
    }
}

/// Cuts bytes at random places: usually nowhere, at times everywhere.
pub(crate) fn split(rng: &mut Rng, bytes: Vec<u8>) -> Vec<Vec<u8>> {
    if bytes.is_empty() {
        return Vec::new();
    }
    if bytes.len() < 400 && rng.chance(2) {
        return bytes.iter().map(|byte| vec![*byte]).collect();
    }
    if !rng.chance(25) {
        return vec![bytes];
    }
    let mut pieces = Vec::new();
    let mut rest = bytes.as_slice();
    for _ in 0..rng.between(1, 4) {
        if rest.len() < 2 {
            break;
        }
        let (piece, more) = rest.split_at(1 + rng.index(rest.len() - 1));
        pieces.push(piece.to_vec());
        rest = more;
    }
    pieces.push(rest.to_vec());
    pieces
}
