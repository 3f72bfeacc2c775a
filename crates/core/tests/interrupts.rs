//! What an agent asks: from whichever source it is told, several at once, answered one by one or together.

#![allow(clippy::unwrap_used)] // A panic is how a test fails.

mod support;

use rejoin_core::{
    AttemptId, CommandId, Input, Notice, Submission,
    wire::{Json, request::Command},
};
use serde_json::{Value, json};
use support::{Bench, asked, asking};

/// In a thread that waits for these answers.
fn waiting(ids: &[&str]) -> Bench {
    let mut bench = Bench::new();
    bench.feed(Input::ThreadSwitched {
        thread_id: Some("t".into()),
    });
    bench.answer("/state", 200, &asking(ids));
    bench.answer(
        "/threads/t",
        200,
        r#"{"thread_id":"t","status":"interrupted"}"#,
    );
    assert_eq!(asked(&bench), ids);
    bench
}

fn resume(bench: &mut Bench, answer: &Value) {
    let submission = Submission {
        command: Some(Command {
            resume: Some(Json::from_value(answer).unwrap()),
            ..Command::default()
        }),
        ..Submission::default()
    };
    bench.feed(Input::SubmitRequested {
        command: CommandId(1),
        submission: Box::new(submission),
    });
}

fn running(bench: &mut Bench) -> AttemptId {
    bench.submit("hi");
    let stream = bench.accept("/runs/stream", "r1");
    bench.metadata(stream, "1", "r1");
    stream
}

fn finish(bench: &mut Bench, stream: AttemptId, run: &str, state: &str) {
    bench.end(stream);
    bench.run_is(run, "success");
    bench.answer("/state", 200, state);
}

#[test]
fn each_source_tells_of_interrupts_and_each_stands_once() {
    let a = r#"{"__interrupt__":[{"id":"a","value":1}]}"#;
    let check = |events: &[(&str, &str)], expected: &[&str]| {
        let mut bench = Bench::new();
        let stream = running(&mut bench);
        for (at, (name, data)) in events.iter().enumerate() {
            bench.event(stream, &(at + 2).to_string(), name, data);
        }
        assert_eq!(asked(&bench), expected, "{events:?}");
    };
    check(&[("values", a)], &["a"]);
    check(&[("updates", a)], &["a"]);
    check(&[("updates", a), ("values", a)], &["a"]);
    let b = r#"{"messages":[],"__interrupt__":[{"id":"b","value":2}]}"#;
    check(&[("values", a), ("values", b)], &["a", "b"]);
    check(
        &[("values", r#"{"messages":[]}"#), ("updates|child", a)],
        &[],
    );
    check(&[("values", a), ("values", r#"{"messages":[]}"#)], &["a"]);
}

#[test]
fn an_answer_makes_its_question_vanish_at_once() {
    let mut bench = waiting(&["a"]);
    resume(&mut bench, &json!("yes"));
    assert_eq!(asked(&bench), [""; 0]);
    let stream = bench.accept("/runs/stream", "r1");
    bench.event(stream, "2", "values", r#"{"messages":[]}"#);
    assert_eq!(asked(&bench), [""; 0]);
    // The same question may be asked again: that is the server's word.
    bench.event(
        stream,
        "3",
        "values",
        r#"{"__interrupt__":[{"id":"a","value":"sure?"}]}"#,
    );
    assert_eq!(asked(&bench), ["a"]);
}

#[test]
fn of_several_only_those_that_are_answered_vanish() {
    let mut bench = waiting(&["a", "b", "c"]);
    resume(&mut bench, &json!({ "b": true }));
    assert_eq!(asked(&bench), ["a", "c"]);
    let (_, request) = bench.asked("/runs/stream");
    let body: Value = request.body.unwrap().read().unwrap();
    assert_eq!(body["command"], json!({ "resume": { "b": true } }));
    let stream = bench.accept("/runs/stream", "r1");
    bench.metadata(stream, "1", "r1");
    finish(&mut bench, stream, "r1", &asking(&["a", "c"]));
    assert_eq!(asked(&bench), ["a", "c"]);
    resume(&mut bench, &json!({ "a": 1, "c": 2 }));
    assert_eq!(asked(&bench), [""; 0]);
}

#[test]
fn one_answer_for_several_questions_is_refused_before_anything_is_sent() {
    let check = |answer: Value| {
        let mut bench = waiting(&["a", "b"]);
        resume(&mut bench, &answer);
        assert_eq!(bench.error_code(), Some("ambiguous_resume"), "{answer}");
        assert!(matches!(
            bench.notices.last(),
            Some(Notice::Concluded { .. })
        ));
        assert!(bench.open.is_empty(), "{answer}");
        assert_eq!((asked(&bench).len(), bench.state()), (2, "idle"));
        resume(&mut bench, &json!({ "a": 1, "b": 2 }));
        assert_eq!((asked(&bench).len(), bench.error_code()), (0, None));
    };
    check(json!("yes"));
    check(json!(null));
    check(json!({ "approved": true }));
    check(json!({ "a": true, "note": "x" }));
}

#[test]
fn a_queued_answer_is_judged_by_what_waits_when_its_turn_comes() {
    let mut bench = Bench::new();
    let stream = running(&mut bench);
    resume(&mut bench, &json!("yes"));
    finish(&mut bench, stream, "r1", &asking(&["a", "b"]));
    assert_eq!(bench.error_code(), Some("ambiguous_resume"));
    assert_eq!((asked(&bench).len(), bench.open.len()), (2, 0));
}

#[test]
fn a_new_question_of_a_persons_takes_the_place_of_the_agents() {
    let mut bench = waiting(&["a", "b"]);
    bench.submit("never mind");
    assert_eq!(asked(&bench), [""; 0]);
}

#[test]
fn questions_survive_another_thread_and_a_reload() {
    let mut bench = waiting(&["a", "b"]);
    bench.feed(Input::ThreadSwitched { thread_id: None });
    assert_eq!(asked(&bench), [""; 0]);
    bench.feed(Input::ThreadSwitched {
        thread_id: Some("t".into()),
    });
    bench.answer("/state", 200, &asking(&["a", "b"]));
    bench.answer(
        "/threads/t",
        200,
        r#"{"thread_id":"t","status":"interrupted"}"#,
    );
    assert_eq!(asked(&bench), ["a", "b"]);
}

const BUSY: &str = r#"{"thread_id":"t","status":"busy"}"#;
const RUNNING: &str = r#"[{"run_id":"r9","thread_id":"t","status":"running"}]"#;

/// Another tab, or another device, has answered.
#[test]
fn a_question_vanishes_when_a_run_begins_that_somebody_else_has_submitted() {
    let mut bench = waiting(&["a"]);
    bench.feed(Input::RunBegunElsewhere);
    bench.answer("/runs?limit=100", 200, RUNNING);
    let stream = bench.accept("/runs/r9/stream", "r9");
    assert_eq!(asked(&bench), ["a"], "it may not begin for long");
    bench.metadata(stream, "1", "r9");
    assert_eq!(asked(&bench), [""; 0]);
    let b = r#"{"messages":[],"__interrupt__":[{"id":"b","value":2}]}"#;
    bench.event(stream, "2", "values", b);
    assert_eq!(asked(&bench), ["b"], "and not the one before it as well");
    finish(&mut bench, stream, "r9", &asking(&["b"]));
    assert_eq!(asked(&bench), ["b"]);
}

/// A state holds a question until the step that answers it is done.
#[test]
fn a_thread_that_is_entered_while_an_answer_is_worked_on_asks_nothing() {
    let mut bench = Bench::new();
    bench.feed(Input::ThreadSwitched {
        thread_id: Some("t".into()),
    });
    bench.answer("/state", 200, &asking(&["a"]));
    bench.answer("/threads/t", 200, BUSY);
    bench.answer("/runs?limit=100", 200, RUNNING);
    let stream = bench.accept("/runs/r9/stream", "r9");
    bench.metadata(stream, "1", "r9");
    assert_eq!(asked(&bench), [""; 0]);
    finish(
        &mut bench,
        stream,
        "r9",
        r#"{"values":{"messages":[]},"next":[],"tasks":[]}"#,
    );
    assert_eq!(asked(&bench), [""; 0]);
}
