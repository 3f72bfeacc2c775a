//! Tools that run in the page: their results are sent together, and calls that nobody answers do not hold a person up.

#![allow(clippy::unwrap_used)] // A panic is how a test fails.

mod support;

use rejoin_core::{
    CommandId, Config, Edit, EditAt, EditInput, Input, Notice, Submission, ToolResult, ToolsInput,
    wire::Json,
};
use serde_json::{Value, json};
use support::Bench;

fn calling(id: &str, calls: &[&str]) -> Value {
    let calls = calls
        .iter()
        .map(|call| json!({ "id": call, "name": "look", "args": {} }));
    let calls: Vec<Value> = calls.collect();
    json!({ "id": id, "type": "ai", "content": "", "tool_calls": calls })
}

fn human(id: &str) -> Value {
    json!({ "id": id, "type": "human", "content": id })
}

fn tool(id: &str, call: &str) -> Value {
    json!({ "id": id, "type": "tool", "tool_call_id": call, "content": "done" })
}

fn entered(messages: &Value, tune: impl FnOnce(&mut Config)) -> Bench {
    let mut bench = Bench::with(tune);
    bench.feed(Input::ThreadSwitched {
        thread_id: Some("t".into()),
    });
    let state = json!({ "values": { "messages": messages }, "next": [], "tasks": [] });
    bench.answer("/state", 200, &state.to_string());
    bench.answer("/threads/t", 200, r#"{"thread_id":"t","status":"idle"}"#);
    bench
}

fn two_calls(tune: impl FnOnce(&mut Config)) -> Bench {
    entered(&json!([human("h1"), calling("a1", &["c1", "c2"])]), tune)
}

fn result(call: &str, content: &Value) -> ToolResult {
    ToolResult {
        tool_call_id: call.to_owned(),
        content: Json::from_value(content).unwrap(),
        is_error: false,
        name: None,
        artifact: None,
    }
}

fn add(bench: &mut Bench, command: u64, result: ToolResult) {
    bench.feed(Input::Tools(ToolsInput::ResultAdded {
        command: CommandId(command),
        result: Box::new(result),
    }));
}

fn sent(bench: &Bench) -> Option<Vec<Value>> {
    let mut open = bench.open.iter();
    let (_, request) = open.find(|(_, r)| r.url.ends_with("/runs/stream"))?;
    let body: Value = request.body.as_ref()?.read().unwrap();
    body["input"]["messages"].as_array().cloned()
}

fn concluded(bench: &Bench, command: u64) -> Vec<&'static str> {
    let told = bench.notices.iter().filter_map(|notice| match notice {
        Notice::Concluded {
            command: of,
            outcome,
        } if of.0 == command => Some(outcome.as_str()),
        _ => None,
    });
    told.collect()
}

fn pending(bench: &Bench) -> Vec<(String, String)> {
    let calls = bench.client.view().pending_tool_calls().into_iter();
    calls
        .map(|(message, call)| (message.to_string(), call.id.clone().unwrap()))
        .collect()
}

#[test]
fn results_wait_until_every_call_of_their_message_has_one() {
    let mut bench = two_calls(|_| {});
    let of = |call: &str| ("a1".to_owned(), call.to_owned());
    assert_eq!(pending(&bench), [of("c1"), of("c2")]);
    add(&mut bench, 2, result("c2", &json!("two")));
    assert_eq!(sent(&bench), None);
    add(&mut bench, 1, result("c1", &json!({ "n": 1 })));
    let messages = sent(&bench).unwrap();
    let told: Vec<_> = messages
        .iter()
        .map(|m| {
            (
                &m["type"],
                &m["tool_call_id"],
                &m["name"],
                &m["content"],
                &m["status"],
            )
        })
        .collect();
    let (kind, name, good) = (json!("tool"), json!("look"), json!("success"));
    let expected = [
        (&kind, &json!("c1"), &name, &json!(r#"{"n":1}"#), &good),
        (&kind, &json!("c2"), &name, &json!("two"), &good),
    ];
    assert_eq!(told, expected);
    assert_eq!(pending(&bench), []);
    let stream = bench.accept("/runs/stream", "r1");
    bench.metadata(stream, "1", "r1");
    bench.end(stream);
    bench.settle("r1", "success", r#"{"messages":[]}"#);
    assert_eq!(
        (concluded(&bench, 1), concluded(&bench, 2)),
        (vec!["finished"], vec!["finished"])
    );
}

#[test]
fn contents_keep_their_form_where_the_protocol_has_one() {
    let check = |content: Value, expected: Value| {
        let mut bench = entered(&json!([calling("a1", &["c1"])]), |_| {});
        add(&mut bench, 1, result("c1", &content));
        assert_eq!(sent(&bench).unwrap()[0]["content"], expected);
    };
    check(json!("text"), json!("text"));
    check(
        json!([{ "type": "text", "text": "x" }]),
        json!([{ "type": "text", "text": "x" }]),
    );
    check(json!([1, 2]), json!("[1,2]"));
    check(json!([]), json!("[]"));
    check(json!(null), json!("null"));
    let mut bench = entered(&json!([calling("a1", &["c1"])]), |_| {});
    let failed = ToolResult {
        is_error: true,
        name: Some("other".to_owned()),
        artifact: Some(Json::from_value(&json!({ "k": 1 })).unwrap()),
        ..result("c1", &json!("no"))
    };
    add(&mut bench, 1, failed);
    let message = &sent(&bench).unwrap()[0];
    assert_eq!(message["status"], "error");
    assert_eq!(
        (&message["name"], &message["artifact"]),
        (&json!("other"), &json!({ "k": 1 }))
    );
}

#[test]
fn what_answers_no_pending_call_is_dropped() {
    let messages = json!([calling("a1", &["c1", "c2"]), tool("t1", "c1")]);
    let mut bench = entered(&messages, |_| {});
    add(&mut bench, 1, result("c1", &json!("late")));
    add(&mut bench, 2, result("unknown", &json!("x")));
    assert_eq!(
        (concluded(&bench, 1), concluded(&bench, 2)),
        (vec!["dropped"], vec!["dropped"])
    );
    let mut bench = two_calls(|_| {});
    add(&mut bench, 1, result("c1", &json!("one")));
    add(&mut bench, 2, result("c1", &json!("one again")));
    assert_eq!(
        (concluded(&bench, 1), concluded(&bench, 2)),
        (vec![], vec!["dropped"])
    );
    assert_eq!(sent(&bench), None);
}

#[test]
fn results_wait_for_the_run_that_calls() {
    let mut bench = Bench::new();
    bench.submit("hi");
    let stream = bench.accept("/runs/stream", "r1");
    bench.metadata(stream, "1", "r1");
    let call = r#"[{"type":"AIMessageChunk","id":"a1","content":"","tool_call_chunks":[{"name":"look","args":"{}","id":"c1","index":0}]},{}]"#;
    bench.event(stream, "2", "messages", call);
    add(&mut bench, 2, result("c1", &json!("one")));
    assert_eq!(bench.open.len(), 1);
    let values = json!({ "messages": [human("h1"), calling("a1", &["c1"])] });
    bench.end(stream);
    bench.settle("r1", "success", &values.to_string());
    assert_eq!(sent(&bench).unwrap()[0]["tool_call_id"], "c1");
}

#[test]
fn a_run_that_fails_drops_results_and_so_does_leaving() {
    let mut bench = two_calls(|_| {});
    add(&mut bench, 2, result("c1", &json!("one")));
    bench.feed(Input::StopRequested);
    assert_eq!(concluded(&bench, 2), ["disconnected"]);
    add(&mut bench, 3, result("c1", &json!("one")));
    bench.feed(Input::ThreadSwitched { thread_id: None });
    assert_eq!(concluded(&bench, 3), ["disconnected"]);
}

#[test]
fn a_person_who_goes_on_cancels_what_nobody_has_answered() {
    let mut bench = two_calls(|config| config.cancel_dangling_tool_calls = true);
    add(&mut bench, 2, result("c2", &json!("two")));
    bench.submit("never mind");
    let messages = sent(&bench).unwrap();
    let told: Vec<_> = messages
        .iter()
        .map(|m| (m["type"].as_str().unwrap(), m["content"].as_str().unwrap()))
        .collect();
    let expected = [
        ("tool", r#"{"cancelled":true}"#),
        ("tool", "two"),
        ("human", "never mind"),
    ];
    assert_eq!(told, expected);
    assert_eq!(
        (&messages[0]["status"], &messages[1]["status"]),
        (&json!("error"), &json!("success"))
    );
    assert_eq!(
        bench.client.view().messages().len(),
        5,
        "the answers are shown"
    );
    let stream = bench.accept("/runs/stream", "r1");
    bench.metadata(stream, "1", "r1");
    bench.end(stream);
    bench.settle("r1", "success", r#"{"messages":[]}"#);
    assert_eq!(concluded(&bench, 2), ["finished"]);
}

#[test]
fn without_that_a_persons_message_goes_alone_and_results_are_void() {
    let mut bench = two_calls(|_| {});
    add(&mut bench, 2, result("c2", &json!("two")));
    bench.submit("never mind");
    assert_eq!(sent(&bench).unwrap().len(), 1);
    assert_eq!(concluded(&bench, 2), ["dropped"]);
}

#[test]
fn an_answer_to_an_interrupt_cancels_no_calls() {
    let mut bench = two_calls(|config| config.cancel_dangling_tool_calls = true);
    bench.feed(Input::SubmitRequested {
        command: CommandId(1),
        submission: Box::new(Submission {
            command: Some(rejoin_core::wire::request::Command {
                resume: Some(Json::from_value(&json!("yes")).unwrap()),
                ..Default::default()
            }),
            ..Submission::default()
        }),
    });
    let (_, request) = bench.asked("/runs/stream");
    let body: Value = request.body.unwrap().read().unwrap();
    assert_eq!(body.get("input"), None);
}

#[test]
fn an_edit_cancels_calls_of_what_is_kept_only() {
    let states = json!([
        support::state(
            "3",
            Some("2"),
            vec![
                human("h1"),
                calling("a1", &["c1"]),
                human("h2"),
                calling("a2", &["c2"])
            ]
        ),
        support::state("2", Some("1"), vec![human("h1"), calling("a1", &["c1"])]),
        support::state("1", None, vec![human("h1")]),
    ]);
    let mut bench = Bench::with(|config| {
        config.cancel_dangling_tool_calls = true;
        config.history_limit = Some(10);
    });
    bench.feed(Input::ThreadSwitched {
        thread_id: Some("t".into()),
    });
    bench.answer("/history", 200, &states.to_string());
    bench.answer("/threads/t", 200, r#"{"thread_id":"t","status":"idle"}"#);
    let input = json!({ "messages": [human("h9")] });
    bench.feed(Input::Edit(EditInput::Requested {
        command: CommandId(1),
        edit: Box::new(Edit {
            at: EditAt::Message("h2".into()),
            submission: Submission {
                input: Some(Json::from_value(&input).unwrap()),
                ..Submission::default()
            },
        }),
    }));
    let messages = sent(&bench).unwrap();
    assert_eq!(
        (messages.len(), &messages[0]["tool_call_id"]),
        (2, &json!("c1"))
    );
}
