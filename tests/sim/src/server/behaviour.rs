//! What differs between the servers, as a table: one line for each difference, one [`Ways`] for each server.
//!
//! The first three are as measured (`tests/fixtures/wire`); the ways of the odd one are drawn for each seed (`odd.rs`).

use super::{
    agent::{Piece, Said},
    odd::Oddities,
};
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
    /// One that nobody has measured.
    Odd,
}

impl Kind {
    /// The servers that were measured.
    pub(crate) const MEASURED: [Self; 3] = [Self::Python, Self::Js, Self::Ours];
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

/// The ids of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventIds {
    /// 0, 1, 2.
    Dense,
    /// Milliseconds, which repeat. Errors have none.
    Millis,
    /// Words without an order.
    Opaque,
    /// None.
    None,
}

/// Which events a join gets from the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Replay {
    /// Those with a greater id, then those that came since the connection did: some come twice.
    Order,
    /// Those from the id's number on.
    Number,
    /// Those after the one of this id. Without an id, or with one that is not known: all, or none.
    Place { all: bool },
}

/// What a join of an unknown run is answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnknownRun {
    /// A 404.
    NotFound,
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

/// How messages are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Python,
    Js,
    Ours,
}

/// What is sent while nothing happens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ping {
    /// What is sent.
    pub frame: &'static str,
    /// How often, in milliseconds.
    pub every_ms: u64,
    /// Whether it also comes between the events of a busy stream.
    pub between_events: bool,
}

/// One server's ways.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ways {
    /// Its line end.
    pub line_end: &'static str,
    /// What it sends while nothing happens.
    pub ping: Option<Ping>,
    pub event_ids: EventIds,
    pub replay: Replay,
    /// Whether it opens the live queue first and reads the log a moment later.
    pub reads_log_late: bool,
    /// Whether a join may name the last event in the query, too.
    pub cursor_in_query: bool,
    pub unknown_run: UnknownRun,
    /// What it says of a finished run whose events are gone. `None`: an empty stream.
    pub expired_log: Option<(u16, &'static str)>,
    /// How long after the last event the stream ends.
    pub eof_delay_ms: u64,
    /// How long a run waits for a worker, at most.
    pub start_delay_ms: u64,
    /// Whether runs are listed newest first.
    pub newest_first: bool,
    /// Whether the `values` at an interrupt hold more than the interrupt.
    pub interrupts_with_state: bool,
    pub shape: Shape,
    /// How its messages' ids begin.
    pub id_prefix: &'static str,
    /// Whether a streamed message is closed by an empty piece.
    pub closing_piece: bool,
    /// The `content-type` of a stream.
    pub content_type: &'static str,
    /// Whether a join's answer names the run, as a submission's does.
    pub joins_name_run: bool,
    /// The status of a cancellation of a run that is over.
    pub cancel_over: u16,
    /// Whether a cancelled run's thread says so, as an error.
    pub cancel_is_error: bool,
    /// The status of a submission for an agent that it does not have.
    pub unknown_agent: u16,
    /// The status of a submission that may not wait.
    pub busy: u16,
    /// Whether the runs of an unknown thread are none, rather than a 404.
    pub unknown_thread_has_no_runs: bool,
    /// The exception's name in errors.
    pub error_name: &'static str,
    /// Whether the thread and its tasks say why a run failed.
    pub thread_keeps_error: bool,
    /// Whether a refusal is an object, with its words under `detail`.
    pub detailed_refusals: bool,
    /// How it can go down.
    pub restarts: &'static [Restart],
    /// Whether streams end properly when it has time to say goodbye.
    pub says_goodbye: bool,
    /// What nobody has measured.
    pub odd: Oddities,
}

impl Ways {
    /// The ways of a measured server; of the odd one, before they are drawn.
    pub(crate) const fn of(kind: Kind) -> Self {
        match kind {
            Kind::Python => Self::PYTHON,
            Kind::Js => Self::JS,
            Kind::Ours | Kind::Odd => Self::OURS,
        }
    }

    /// `langgraph dev`: ids are milliseconds and repeat; the live queue is opened before the replay, so events come
    /// twice and ids go backwards; errors are told live only.
    pub(crate) const PYTHON: Self = Self {
        line_end: "\r\n",
        ping: Some(Ping {
            frame: ": heartbeat\r\n\r\n",
            every_ms: 5_000,
            between_events: false,
        }),
        event_ids: EventIds::Millis,
        replay: Replay::Order,
        reads_log_late: true,
        cursor_in_query: false,
        unknown_run: UnknownRun::ErrorEvent(
            r#"{"error":"HTTPException","message":"404: Run not found"}"#,
        ),
        expired_log: None,
        eof_delay_ms: 0,
        start_delay_ms: 850,
        newest_first: true,
        interrupts_with_state: true,
        shape: Shape::Python,
        id_prefix: "lc_run--",
        closing_piece: true,
        content_type: "text/event-stream; charset=utf-8",
        joins_name_run: true,
        cancel_over: 404,
        cancel_is_error: true,
        unknown_agent: 422,
        busy: 409,
        unknown_thread_has_no_runs: false,
        error_name: "ValueError",
        thread_keeps_error: true,
        detailed_refusals: true,
        restarts: &[Restart::Term, Restart::Kill],
        says_goodbye: true,
        odd: Oddities::NONE,
    };

    /// `langgraphjs dev`: dense ids, no heartbeat, the end half a second late; after a restart a run says "running"
    /// for ever and joins hang.
    pub(crate) const JS: Self = Self {
        line_end: "\n",
        ping: None,
        event_ids: EventIds::Dense,
        replay: Replay::Number,
        reads_log_late: false,
        cursor_in_query: false,
        unknown_run: UnknownRun::ErrorEvent("\"Run not found\""),
        expired_log: None,
        eof_delay_ms: 500,
        start_delay_ms: 210,
        newest_first: false,
        interrupts_with_state: false,
        shape: Shape::Js,
        id_prefix: "run-",
        closing_piece: false,
        content_type: "text/event-stream",
        joins_name_run: false,
        cancel_over: 202,
        cancel_is_error: false,
        unknown_agent: 404,
        busy: 422,
        unknown_thread_has_no_runs: true,
        error_name: "Error",
        thread_keeps_error: false,
        detailed_refusals: false,
        restarts: &[Restart::Term, Restart::Kill],
        says_goodbye: false,
        odd: Oddities::NONE,
    };

    /// `rejoin-server`: dense ids, heartbeats, errors replayed, and a run that was streaming when the server died is
    /// ended as an error with what it had said kept.
    pub(crate) const OURS: Self = Self {
        line_end: "\n",
        ping: Some(Ping {
            frame: ": heartbeat\n\n",
            every_ms: 5_000,
            between_events: false,
        }),
        event_ids: EventIds::Dense,
        replay: Replay::Number,
        reads_log_late: false,
        cursor_in_query: true,
        unknown_run: UnknownRun::NotFound,
        expired_log: Some((410, r#"{"detail":"The run's events have expired"}"#)),
        eof_delay_ms: 0,
        start_delay_ms: 5,
        newest_first: true,
        interrupts_with_state: true,
        shape: Shape::Ours,
        id_prefix: "run-",
        closing_piece: false,
        content_type: "text/event-stream",
        joins_name_run: true,
        cancel_over: 409,
        cancel_is_error: false,
        unknown_agent: 422,
        busy: 409,
        unknown_thread_has_no_runs: false,
        error_name: "AgentError",
        thread_keeps_error: true,
        detailed_refusals: true,
        restarts: &[Restart::Kill],
        says_goodbye: false,
        odd: Oddities::NONE,
    };

    /// The id of the `index`-th event of a run, or none for events that are only told live.
    pub(crate) fn event_id(&self, index: usize, wall_ms: u64, name: &str) -> Option<String> {
        match self.event_ids {
            EventIds::Dense => Some(index.to_string()),
            EventIds::Millis => (name != "error").then(|| format!("{wall_ms}-0")),
            // Neither its order as text nor as a number is the events'.
            EventIds::Opaque => Some(format!("e{:05}-{index}", index * 40_503 % 65_536)),
            EventIds::None => None,
        }
    }

    /// Which events a join gets from the log, in order. `queue_from`: how many there were when the connection came.
    pub(crate) fn replayed(
        &self,
        log: &[Logged],
        last_event_id: Option<&str>,
        queue_from: usize,
    ) -> Vec<usize> {
        match self.replay {
            Replay::Order => {
                let after = |last: &str| {
                    let kept = |at: &usize| log[*at].id.as_deref().is_some_and(|id| id > last);
                    (0..log.len()).filter(kept).collect()
                };
                let mut events: Vec<usize> = last_event_id.map(after).unwrap_or_default();
                events.extend(queue_from..log.len());
                events
            }
            Replay::Number => {
                let from = match last_event_id.map(str::parse::<i64>) {
                    Some(Ok(last)) => usize::try_from(last + 1).unwrap_or(0),
                    Some(Err(_)) | None => log.len(),
                };
                (from..log.len()).collect()
            }
            Replay::Place { all } => {
                let place = |id: &str| {
                    log.iter()
                        .rposition(|event| event.id.as_deref() == Some(id))
                };
                let from = match last_event_id {
                    Some("-1") => 0,
                    Some(id) => place(id).map_or(if all { 0 } else { log.len() }, |at| at + 1),
                    None if all => 0,
                    None => log.len(),
                };
                (from..log.len()).collect()
            }
        }
    }

    /// The `values` payload at an interrupt.
    pub(crate) fn interrupt_values(&self, mut state: Value, interrupts: Value) -> Value {
        if !self.interrupts_with_state {
            return json!({ "__interrupt__": interrupts });
        }
        state["__interrupt__"] = interrupts;
        state
    }

    /// A message's id.
    pub(crate) fn message_id(&self, serial: u64) -> String {
        format!("{}{serial:08x}", self.id_prefix)
    }

    /// A streamed piece of a message.
    pub(crate) fn piece(&self, id: &str, piece: &Piece) -> Value {
        let usage =
            |n: u64| json!({ "input_tokens": 5, "output_tokens": n, "total_tokens": n + 5 });
        let mut message = match self.shape {
            Shape::Python => {
                return json!({
                    "content": piece.text, "additional_kwargs": {}, "response_metadata": piece.response_metadata(),
                    "type": "AIMessageChunk", "name": null, "id": id, "tool_calls": [], "invalid_tool_calls": [],
                    "usage_metadata": piece.tokens.map(usage),
                    "tool_call_chunks": piece.call_chunks(), "chunk_position": piece.is_last.then_some("last"),
                });
            }
            Shape::Js => json!({
                "content": piece.text, "tool_calls": [], "invalid_tool_calls": [],
                "tool_call_chunks": piece.call_chunks(), "additional_kwargs": {},
                "response_metadata": piece.response_metadata(), "id": id, "type": "ai",
            }),
            Shape::Ours => json!({
                "content": piece.text, "additional_kwargs": {}, "response_metadata": piece.response_metadata(),
                "type": "AIMessageChunk", "id": id, "tool_call_chunks": piece.call_chunks(),
            }),
        };
        if let Some(n) = piece.tokens {
            message["usage_metadata"] = usage(n);
        }
        message
    }

    /// A message of the thread's state.
    pub(crate) fn said(&self, id: &str, said: &Said) -> Value {
        let mut message = match self.shape {
            Shape::Python => json!({
                "content": said.text, "additional_kwargs": {}, "response_metadata": said.response_metadata(),
                "type": said.kind, "name": said.name, "id": id,
            }),
            Shape::Js => json!({
                "content": said.text, "additional_kwargs": {}, "response_metadata": said.response_metadata(),
                "id": id, "type": said.kind,
            }),
            Shape::Ours => json!({
                "content": said.text, "additional_kwargs": {}, "response_metadata": said.response_metadata(),
                "type": said.kind, "id": id,
            }),
        };
        if let (Some(name), Shape::Js | Shape::Ours) = (said.name, self.shape) {
            message["name"] = name.into();
        }
        said.add_own_fields(&mut message);
        message
    }

    /// A message that a person has submitted, as the thread's state holds it.
    pub(crate) fn asked(&self, id: &str, text: &str) -> Value {
        let mut message = json!({
            "content": text, "additional_kwargs": {}, "response_metadata": {}, "type": "human", "id": id,
        });
        if self.shape == Shape::Python {
            message["name"] = Value::Null;
        }
        message
    }

    /// The thread's status and error after a cancellation.
    pub(crate) fn cancelled_thread(&self) -> (&'static str, Value) {
        if !self.cancel_is_error {
            return ("idle", Value::Null);
        }
        let message = "interrupt requested via POST /threads/{thread_id}/runs/{run_id}/cancel";
        let error = json!({ "error": "UserInterrupt", "message": message });
        ("interrupted", error)
    }

    /// The body of a 404.
    pub(crate) fn not_found(&self, what: &str) -> Vec<u8> {
        let words = format!("{what} not found");
        if self.detailed_refusals {
            json!({ "detail": words }).to_string().into_bytes()
        } else {
            words.into_bytes()
        }
    }
}
