//! The network between page and server: how long things take, and what goes wrong on the way.

use crate::{
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
    /// A sign-in page answers with 200.
    Html,
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
            Self::Html => "html page".into(),
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
    pub const NAMES: [&'static str; 17] = [
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
            10 => Self::Html,
            11 => Self::Hang,
            12 => Self::HangAfter,
            _ => Self::Slow(rng.between(200, 20_000)),
        }
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

/// One request and its answer.
#[derive(Debug)]
pub(crate) struct Exchange {
    /// What was asked.
    pub request: Request,
    /// Whether the body is fed as it comes.
    pub is_stream: bool,
    /// What goes wrong.
    pub fault: Fault,
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

    /// What of the inbox may be delivered, and whether the fault strikes behind it.
    pub(crate) fn take(&mut self) -> (Vec<u8>, bool) {
        let mut bytes = std::mem::take(&mut self.inbox);
        let limit = match self.fault {
            Fault::Cut(after, _) | Fault::Stall(after) => after.saturating_sub(self.delivered),
            Fault::None
            | Fault::Refused
            | Fault::AnswerLost
            | Fault::Status(_)
            | Fault::BadGatewayAfter
            | Fault::Html
            | Fault::Hang
            | Fault::HangAfter
            | Fault::Slow(_)
            | Fault::Garbage(_) => usize::MAX,
        };
        let strikes = bytes.len() > limit;
        bytes.truncate(limit);
        self.delivered += bytes.len();
        (bytes, strikes)
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
