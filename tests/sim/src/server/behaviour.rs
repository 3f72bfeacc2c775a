//! What differs between the servers, as measured: `tests/fixtures/wire` has transcripts of the real ones.

use super::agent::{Piece, Said};
use crate::rng::Rng;
use serde_json::{Value, json};

/// Which server is modelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// `langgraph dev`.
    Python,
    /// `langgraphjs dev`.
    Js,
    /// `rejoin-server`.
    Ours,
}

impl Kind {
    /// Every server.
    pub(crate) const ALL: [Self; 3] = [Self::Python, Self::Js, Self::Ours];

    /// The server's own ways.
    pub(crate) fn behaviour(self) -> Box<dyn Behaviour> {
        match self {
            Self::Python => Box::new(super::python::Python),
            Self::Js => Box::new(super::js::Js),
            Self::Ours => Box::new(super::ours::Ours),
        }
    }
}

/// An event as the server keeps it.
#[derive(Debug, Clone)]
pub(crate) struct Logged {
    /// Its name.
    pub name: &'static str,
    /// Its data.
    pub data: String,
    /// Its id.
    pub id: Option<String>,
}

/// What a join of an unknown run is answered with.
pub(crate) enum UnknownRun {
    /// A status and a body.
    Status(u16, &'static str),
    /// A stream with one `error` event, after half a second.
    ErrorEvent(&'static str),
}

/// How a server goes down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Restart {
    /// With time to say goodbye.
    Term,
    /// Without.
    Kill,
}

/// One server's ways.
pub(crate) trait Behaviour {
    /// Its line end.
    fn line_end(&self) -> &'static str;

    /// Its comment while nothing happens, every five seconds.
    fn heartbeat(&self) -> Option<&'static str>;

    /// The id of the `index`-th event of a run, or none for events that are only told live.
    fn event_id(&self, index: usize, wall_ms: u64, name: &str) -> Option<String>;

    /// Which events a join gets from the log, in order. `queue_from`: how many there were when the connection came.
    fn replay(&self, log: &[Logged], last_event_id: Option<&str>, queue_from: usize) -> Vec<usize>;

    /// What it says of a run that it does not know.
    fn unknown_run(&self) -> UnknownRun;

    /// What it says of a finished run whose events are gone. `None`: an empty stream.
    fn expired_log(&self) -> Option<(u16, &'static str)>;

    /// How long after the last event the stream ends.
    fn eof_delay_ms(&self) -> u64;

    /// How long a run waits for a worker.
    fn start_delay_ms(&self, rng: &mut Rng) -> u64;

    /// Whether runs are listed newest first.
    fn newest_first(&self) -> bool;

    /// The `values` payload at an interrupt.
    fn interrupt_values(&self, state: Value, interrupts: Value) -> Value;

    /// A message's id.
    fn message_id(&self, serial: u64) -> String;

    /// A streamed piece of a message.
    fn piece(&self, id: &str, piece: &Piece) -> Value;

    /// A message of the thread's state.
    fn said(&self, id: &str, said: &Said) -> Value;

    /// The status of a cancellation of a run that is over.
    fn cancel_over(&self) -> u16;

    /// The thread's status and error after a cancellation.
    fn cancelled_thread(&self) -> (&'static str, Value);

    /// The exception's name in errors.
    fn error_name(&self) -> &'static str;

    /// Whether the thread and its tasks say why a run failed.
    fn thread_keeps_error(&self) -> bool;

    /// The body of a 404.
    fn not_found(&self, what: &str) -> Vec<u8>;

    /// How it can go down.
    fn restarts(&self) -> &'static [Restart];

    /// Whether streams end properly when it goes down like this.
    fn says_goodbye(&self, restart: Restart) -> bool;
}

/// Replay by a dense id, as the JS server and ours do: from the id's place on.
pub(super) fn replay_dense(log: &[Logged], last_event_id: Option<&str>) -> Vec<usize> {
    let from = match last_event_id.map(str::parse::<i64>) {
        Some(Ok(last)) => usize::try_from(last + 1).unwrap_or(0),
        Some(Err(_)) | None => log.len(),
    };
    (from..log.len()).collect()
}

pub(super) fn usage(said: &Said) -> Value {
    json!({ "input_tokens": 5, "output_tokens": said.tokens, "total_tokens": said.tokens + 5 })
}
