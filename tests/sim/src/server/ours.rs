//! `rejoin-server`: dense ids, heartbeats, errors replayed, and a run that was streaming when the server died is ended
//! as an error with what it had said kept.

use super::{
    agent::{Piece, Said},
    behaviour::{Behaviour, Logged, Restart, UnknownRun, replay_dense, usage},
};
use crate::rng::Rng;
use serde_json::{Value, json};

pub(super) struct Ours;

impl Behaviour for Ours {
    fn line_end(&self) -> &'static str {
        "\n"
    }

    fn heartbeat(&self) -> Option<&'static str> {
        Some(": heartbeat\n\n")
    }

    fn event_id(&self, index: usize, _wall_ms: u64, _name: &str) -> Option<String> {
        Some(index.to_string())
    }

    fn replay(
        &self,
        log: &[Logged],
        last_event_id: Option<&str>,
        _queue_from: usize,
    ) -> Vec<usize> {
        replay_dense(log, last_event_id)
    }

    fn unknown_run(&self) -> UnknownRun {
        UnknownRun::Status(404, r#"{"detail":"Run not found"}"#)
    }

    fn expired_log(&self) -> Option<(u16, &'static str)> {
        Some((410, r#"{"detail":"The run's events have expired"}"#))
    }

    fn eof_delay_ms(&self) -> u64 {
        0
    }

    fn start_delay_ms(&self, rng: &mut Rng) -> u64 {
        rng.between(0, 5)
    }

    fn newest_first(&self) -> bool {
        true
    }

    fn interrupt_values(&self, mut state: Value, interrupts: Value) -> Value {
        state["__interrupt__"] = interrupts;
        state
    }

    fn message_id(&self, serial: u64) -> String {
        format!("run-{serial:08x}")
    }

    fn piece(&self, id: &str, piece: &Piece) -> Value {
        let mut message = json!({
            "content": piece.text, "additional_kwargs": {}, "response_metadata": piece.response_metadata(),
            "type": "AIMessageChunk", "id": id, "tool_call_chunks": piece.call_chunks(),
        });
        if let Some(n) = piece.tokens {
            message["usage_metadata"] =
                json!({ "input_tokens": 5, "output_tokens": n, "total_tokens": n + 5 });
        }
        message
    }

    fn said(&self, id: &str, said: &Said) -> Value {
        let mut message = json!({
            "content": said.text, "additional_kwargs": {}, "response_metadata": said.response_metadata(),
            "type": said.kind, "id": id,
        });
        if let Some(name) = said.name {
            message["name"] = name.into();
        }
        said.add_own_fields(&mut message, usage(said));
        message
    }

    fn cancel_over(&self) -> u16 {
        409
    }

    fn cancelled_thread(&self) -> (&'static str, Value) {
        ("idle", Value::Null)
    }

    fn error_name(&self) -> &'static str {
        "AgentError"
    }

    fn thread_keeps_error(&self) -> bool {
        true
    }

    fn not_found(&self, what: &str) -> Vec<u8> {
        json!({ "detail": format!("{what} not found") })
            .to_string()
            .into_bytes()
    }

    fn restarts(&self) -> &'static [Restart] {
        &[Restart::Kill]
    }

    fn says_goodbye(&self, _restart: Restart) -> bool {
        false
    }
}
