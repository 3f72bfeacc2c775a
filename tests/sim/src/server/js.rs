//! `langgraphjs dev`: dense ids, no heartbeat, the end half a second late; after a restart a run says "running" for
//! ever and joins hang.

use super::{
    agent::{Piece, Said},
    behaviour::{Behaviour, Logged, Restart, UnknownRun, replay_dense, usage},
};
use crate::rng::Rng;
use serde_json::{Value, json};

pub(super) struct Js;

impl Behaviour for Js {
    fn line_end(&self) -> &'static str {
        "\n"
    }

    fn heartbeat(&self) -> Option<&'static str> {
        None
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
        UnknownRun::ErrorEvent("\"Run not found\"")
    }

    fn expired_log(&self) -> Option<(u16, &'static str)> {
        None
    }

    fn eof_delay_ms(&self) -> u64 {
        500
    }

    fn start_delay_ms(&self, rng: &mut Rng) -> u64 {
        rng.between(0, 210)
    }

    fn newest_first(&self) -> bool {
        false
    }

    fn interrupt_values(&self, _state: Value, interrupts: Value) -> Value {
        json!({ "__interrupt__": interrupts })
    }

    fn message_id(&self, serial: u64) -> String {
        format!("run-{serial:08x}")
    }

    fn piece(&self, id: &str, piece: &Piece) -> Value {
        let mut message = json!({
            "content": piece.text, "tool_calls": [], "invalid_tool_calls": [],
            "tool_call_chunks": piece.call_chunks(), "additional_kwargs": {},
            "response_metadata": piece.response_metadata(), "id": id, "type": "ai",
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
            "id": id, "type": said.kind,
        });
        if let Some(name) = said.name {
            message["name"] = name.into();
        }
        said.add_own_fields(&mut message, usage(said));
        message
    }

    fn cancel_over(&self) -> u16 {
        202
    }

    fn cancelled_thread(&self) -> (&'static str, Value) {
        ("idle", Value::Null)
    }

    fn error_name(&self) -> &'static str {
        "Error"
    }

    fn thread_keeps_error(&self) -> bool {
        false
    }

    fn not_found(&self, what: &str) -> Vec<u8> {
        format!("{what} not found").into_bytes()
    }

    fn restarts(&self) -> &'static [Restart] {
        &[Restart::Term, Restart::Kill]
    }

    fn says_goodbye(&self, _restart: Restart) -> bool {
        false
    }
}
