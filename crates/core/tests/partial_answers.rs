//! One of several questions is answered: what the servers' history says of it is not what their state says.

#![allow(clippy::unwrap_used)] // A panic is how a test fails.

mod support;

use rejoin_core::Input;
use serde_json::{Value, json};
use support::Bench;

/// The newest state as the history and as the state endpoint give it, after `a` was answered and `b` was not (measured on the
/// Python server; the JS server's task has no result).
fn newest(next: &[&str], a_asks: bool, answers: Value) -> Value {
    let asks = |node: &str, asks: bool| {
        let question = json!({ "id": node, "value": { "which": node } });
        let asked = if asks { vec![question] } else { Vec::new() };
        json!({ "id": node, "name": node, "interrupts": asked })
    };
    json!({
        "values": { "messages": [], "answers": answers },
        "next": next,
        "checkpoint": { "thread_id": "t", "checkpoint_id": "2", "checkpoint_ns": "" },
        "parent_checkpoint": null,
        "metadata": {},
        "tasks": [asks("a", a_asks), asks("b", true)],
    })
}

fn in_history() -> String {
    json!([newest(&["a", "b"], true, json!([]))]).to_string()
}

fn in_state() -> String {
    newest(&["b"], false, json!([{ "a": true }])).to_string()
}

fn asked(bench: &Bench) -> Vec<String> {
    let asked = bench.client.view().interrupts().iter();
    asked
        .filter_map(|interrupt| Some(interrupt.id.as_ref()?.as_str().to_owned()))
        .collect()
}

fn entering() -> Bench {
    let mut bench = Bench::with(|config| config.history_limit = Some(10));
    bench.feed(Input::ThreadSwitched {
        thread_id: Some("t".into()),
    });
    bench.answer(
        "/threads/t",
        200,
        r#"{"thread_id":"t","status":"interrupted"}"#,
    );
    bench.answer("/history", 200, &in_history());
    bench
}

#[test]
fn on_entering_the_state_says_which_question_waits() {
    let mut bench = entering();
    assert!(bench.client.view().is_thread_loading());
    assert!(asked(&bench).is_empty());
    bench.answer("/state", 200, &in_state());
    let view = bench.client.view();
    assert!(!view.is_thread_loading());
    assert_eq!(asked(&bench), ["b"]);
    let values: Value = view.values().read().unwrap();
    assert_eq!(values["answers"], json!([{ "a": true }]));
    assert_eq!(view.history().len(), 1, "the history is kept");
}

#[test]
fn a_state_that_does_not_come_is_a_load_that_is_tried_again() {
    let mut bench = entering();
    bench.answer("/state", 500, "");
    bench.pass(60_000);
    bench.answer("/history", 200, &in_history());
    bench.answer(
        "/threads/t",
        200,
        r#"{"thread_id":"t","status":"interrupted"}"#,
    );
    bench.answer("/state", 200, &in_state());
    assert_eq!(asked(&bench), ["b"]);
}

#[test]
fn a_single_question_costs_no_request_more() {
    let mut bench = Bench::with(|config| config.history_limit = Some(10));
    bench.feed(Input::ThreadSwitched {
        thread_id: Some("t".into()),
    });
    let one = json!([newest(&["b"], false, json!([]))]).to_string();
    bench.answer("/history", 200, &one);
    bench.answer(
        "/threads/t",
        200,
        r#"{"thread_id":"t","status":"interrupted"}"#,
    );
    assert_eq!((asked(&bench), bench.open.len()), (vec!["b".to_owned()], 0));
}

#[test]
fn after_a_run_the_state_says_which_question_waits() {
    let mut bench = entering();
    bench.answer("/state", 200, &in_state());
    bench.submit("go on");
    let stream = bench.accept("/runs/stream", "r1");
    bench.metadata(stream, "1", "r1");
    bench.end(stream);
    bench.run_is("r1", "success");
    bench.answer("/history", 200, &in_history());
    bench.answer("/state", 200, &in_state());
    assert_eq!(bench.state(), "finished");
    assert_eq!(asked(&bench), ["b"]);
}
