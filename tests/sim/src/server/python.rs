//! `langgraph dev`: ids are milliseconds and repeat; the live queue is opened before the replay, so events come twice
//! and ids go backwards; errors are told live only.

use super::{
    agent::{Piece, Said},
    behaviour::{Behaviour, Logged, Restart, UnknownRun, usage},
};
use crate::rng::Rng;
use serde_json::{Value, json};

pub(super) struct Python;

impl Behaviour for Python {
    fn line_end(&self) -> &'static str {
        "\r\n"
    }

    fn heartbeat(&self) -> Option<&'static str> {
        Some(": heartbeat\r\n\r\n")
    }

    fn event_id(&self, _index: usize, wall_ms: u64, name: &str) -> Option<String> {
        (name != "error").then(|| format!("{wall_ms}-0"))
    }

    fn replay(&self, log: &[Logged], last_event_id: Option<&str>, queue_from: usize) -> Vec<usize> {
        let mut events = Vec::new();
        if let Some(last) = last_event_id {
            let kept =
                (0..log.len()).filter(|at| log[*at].id.as_deref().is_some_and(|id| id > last));
            events.extend(kept);
        }
        events.extend(queue_from..log.len());
        events
    }

    fn unknown_run(&self) -> UnknownRun {
        UnknownRun::ErrorEvent(r#"{"error":"HTTPException","message":"404: Run not found"}"#)
    }

    fn expired_log(&self) -> Option<(u16, &'static str)> {
        None
    }

    fn eof_delay_ms(&self) -> u64 {
        0
    }

    fn start_delay_ms(&self, rng: &mut Rng) -> u64 {
        rng.between(0, 850)
    }

    fn newest_first(&self) -> bool {
        true
    }

    fn interrupt_values(&self, mut state: Value, interrupts: Value) -> Value {
        state["__interrupt__"] = interrupts;
        state
    }

    fn message_id(&self, serial: u64) -> String {
        format!("lc_run--{serial:08x}")
    }

    fn piece(&self, id: &str, piece: &Piece) -> Value {
        json!({
            "content": piece.text, "additional_kwargs": {}, "response_metadata": piece.response_metadata(),
            "type": "AIMessageChunk", "name": null, "id": id, "tool_calls": [], "invalid_tool_calls": [],
            "usage_metadata": piece.tokens.map(|n| json!({"input_tokens": 5, "output_tokens": n, "total_tokens": n + 5})),
            "tool_call_chunks": piece.call_chunks(), "chunk_position": piece.is_last.then_some("last"),
        })
    }

    fn said(&self, id: &str, said: &Said) -> Value {
        let mut message = json!({
            "content": said.text, "additional_kwargs": {}, "response_metadata": said.response_metadata(),
            "type": said.kind, "name": said.name, "id": id,
        });
        said.add_own_fields(&mut message, usage(said));
        message
    }

    fn cancel_over(&self) -> u16 {
        404
    }

    fn cancelled_thread(&self) -> (&'static str, Value) {
        let message = "interrupt requested via POST /threads/{thread_id}/runs/{run_id}/cancel";
        (
            "interrupted",
            json!({ "error": "UserInterrupt", "message": message }),
        )
    }

    fn error_name(&self) -> &'static str {
        "ValueError"
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
        &[Restart::Term, Restart::Kill]
    }

    fn says_goodbye(&self, restart: Restart) -> bool {
        restart == Restart::Term
    }
}
