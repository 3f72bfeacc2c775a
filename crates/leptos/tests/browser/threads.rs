//! A thread's branches, edits, questions and tool calls as signals.

use crate::{
    Page, chat,
    fake_server::{Call, FakeServer, next_frame, until},
    mount, options, texts,
};
use leptos::prelude::*;
use rejoin_leptos::prelude::*;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use wasm_bindgen_test::wasm_bindgen_test;

fn human(id: &str, text: &str) -> Value {
    json!({ "type": "human", "id": id, "content": text })
}

fn ai(id: &str, text: &str) -> Value {
    json!({ "type": "ai", "id": id, "content": text })
}

fn state(id: &str, parent: Option<&str>, messages: &[Value]) -> Value {
    json!({
        "values": { "messages": messages }, "next": [], "tasks": [],
        "checkpoint": { "thread_id": "t", "checkpoint_ns": "", "checkpoint_id": id },
        "parent_checkpoint": parent.map(|parent| json!({ "checkpoint_ns": "", "checkpoint_id": parent })),
    })
}

/// A question that was answered twice, newest state first.
fn forked() -> Vec<Value> {
    let asked = [human("h", "hi")];
    let first = [human("h", "hi"), ai("a1", "first")];
    let second = [human("h", "hi"), ai("a2", "second")];
    vec![
        state("4", Some("2"), &second),
        state("3", Some("2"), &first),
        state("2", Some("1"), &asked),
        state("1", None, &[]),
    ]
}

/// A page on a thread with these states, loaded.
async fn on_thread(server: &FakeServer, states: &[Value], options: UseStreamOptions) -> Page {
    server.answer("/history", 200, &json!(states).to_string());
    server.answer("/state", 200, &states[0].to_string());
    server.answer("/runs?", 200, "[]");
    let thread = r#"{"thread_id":"t","status":"idle","metadata":{}}"#;
    server.answer("GET /api/threads/t", 200, thread);
    let page = mount(options.thread_id("t"), chat);
    until("the thread is loaded", || {
        !page.stream.is_thread_loading.get_untracked()
    })
    .await;
    page
}

fn message(page: &Page, id: &str) -> StreamMessage {
    let messages = page.stream.messages.get_untracked();
    let found = messages
        .into_iter()
        .find(|message| message.id().as_str() == id);
    found.unwrap_or_else(|| panic!("no message {id}"))
}

/// Which messages can be edited, and which answered again.
fn offered(page: &Page) -> (Vec<String>, Vec<String>) {
    let messages = page.stream.messages.get_untracked();
    let of = |can: fn(StreamMessage) -> bool| {
        let those = messages.iter().filter(|message| untrack(|| can(**message)));
        those.map(|message| message.id().to_string()).collect()
    };
    (
        of(StreamMessage::can_edit),
        of(StreamMessage::can_regenerate),
    )
}

/// The next submission.
async fn sent(server: &FakeServer) -> (Call, Value) {
    let call = server.request("/runs/stream").await;
    let body = call.body().await;
    (call, body)
}

fn code(outcome: &Outcome) -> Option<ErrorCode> {
    match outcome {
        Outcome::Failed(error) => Some(error.code),
        _ => None,
    }
}

#[wasm_bindgen_test]
async fn another_branch_is_shown_when_it_is_chosen() {
    let server = FakeServer::install();
    let page = on_thread(&server, &forked(), options().history_limit(10)).await;
    let stream = page.stream;
    assert_eq!(texts(stream), ["hi", "second"]);
    assert_eq!(stream.history.get_untracked().len(), 4);
    assert_eq!(stream.branch.get_untracked(), "");
    let branch = untrack(|| message(&page, "a2").branch());
    assert_eq!(branch.options, ["3", "4"]);
    assert_eq!(branch.branch.as_deref(), Some("4"));
    assert!(untrack(|| message(&page, "h").branch()).options.is_empty());

    stream.set_branch("3");
    until("the other answer", || texts(stream) == ["hi", "first"]).await;
    assert_eq!(stream.branch.get_untracked(), "3");
    let branch = untrack(|| message(&page, "a1").branch());
    assert_eq!(branch.branch.as_deref(), Some("3"));
    // What is submitted goes on from the branch that is shown.
    stream.submit("more");
    let (_call, body) = sent(&server).await;
    assert!(
        body.to_string().contains(r#""checkpoint_id":"3""#),
        "{body}"
    );
}

#[wasm_bindgen_test]
async fn the_history_is_read_again_when_asked() {
    let server = FakeServer::install();
    let page = on_thread(&server, &forked(), options().history_limit(10)).await;
    let reads = || {
        let lines = server.lines();
        lines
            .iter()
            .filter(|line| line.contains("/history"))
            .count()
    };
    let before = reads();
    page.stream.refresh_history();
    until("it is read", || reads() == before + 1).await;
    until("it is there", || {
        !page.stream.is_history_loading.get_untracked()
    })
    .await;
    assert_eq!(texts(page.stream), ["hi", "second"]);
}

#[wasm_bindgen_test]
async fn an_edit_goes_on_from_what_comes_before() {
    let server = FakeServer::install();
    let page = on_thread(&server, &forked(), options().history_limit(10)).await;
    let stream = page.stream;
    let all = (vec!["h".to_owned()], vec!["a2".to_owned()]);
    assert_eq!(offered(&page), all);
    drop(
        stream
            .run()
            .config(json!({ "tags": ["x"] }))
            .edit("h", "hello"),
    );
    let (call, body) = sent(&server).await;
    assert_eq!(body["input"]["messages"][0]["content"], "hello");
    assert_eq!(body["config"]["tags"][0], "x");
    assert!(
        body.to_string().contains(r#""checkpoint_id":"1""#),
        "{body}"
    );
    until("the screen is cut", || texts(stream) == ["hello"]).await;
    assert_ne!(
        stream.messages.get_untracked()[0].id(),
        MessageId::from("h"),
        "a message of its own"
    );
    call.open();
    until("it is followed", || stream.is_loading.get_untracked()).await;
    assert_eq!(stream.editing.get_untracked(), None);
}

#[wasm_bindgen_test]
async fn an_answer_is_made_anew_from_its_question() {
    let server = FakeServer::install();
    let page = on_thread(&server, &forked(), options().history_limit(10)).await;
    page.stream.regenerate("a2");
    let (_call, body) = sent(&server).await;
    assert!(body["input"].is_null(), "{body}");
    assert!(
        body.to_string().contains(r#""checkpoint_id":"2""#),
        "{body}"
    );
    until("the answer is gone", || texts(page.stream) == ["hi"]).await;
}

#[wasm_bindgen_test]
async fn without_a_checkpoint_nothing_changes_and_an_error_says_so() {
    let server = FakeServer::install();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (answer, waits) = futures_channel::oneshot::channel();
    let waits = Mutex::new(Some(waits));
    let options = options().resolve_checkpoint({
        let asked = Arc::clone(&asked);
        async move |thread: ThreadId, parents: Vec<MessageId>| {
            let parents: Vec<_> = parents.iter().map(ToString::to_string).collect();
            asked.lock().unwrap().push((thread.to_string(), parents));
            let waits = waits.lock().unwrap().take().expect("asked once");
            waits.await.expect("answered")
        }
    });
    let page = on_thread(&server, &forked(), options).await;
    let stream = page.stream;
    let before = server.lines().len();
    let outcome = stream.run().regenerate("a2");
    until("it is looked up", || {
        stream.editing.get_untracked() == Some(MessageId::from("a2"))
    })
    .await;
    assert_eq!(
        *asked.lock().unwrap(),
        [("t".to_owned(), vec!["h".to_owned()])]
    );
    assert_eq!(texts(stream), ["hi", "second"]);
    answer.send(Ok(None)).unwrap();
    assert_eq!(code(&outcome.await), Some(ErrorCode::CheckpointNotFound));
    until("it is told", || stream.error.get_untracked().is_some()).await;
    assert_eq!(stream.editing.get_untracked(), None);
    assert_eq!(texts(stream), ["hi", "second"]);
    assert!(!stream.is_loading.get_untracked());
    assert_eq!(server.lines().len(), before, "{:?}", server.lines());
}

#[wasm_bindgen_test]
async fn the_applications_checkpoint_is_gone_on_from() {
    let server = FakeServer::install();
    let options = options().resolve_checkpoint(async |_, _| Ok(Some("own".into())));
    let page = on_thread(&server, &forked(), options).await;
    page.stream.edit_text("h", "hello");
    let (_call, body) = sent(&server).await;
    assert!(
        body.to_string().contains(r#""checkpoint_id":"own""#),
        "{body}"
    );
}

#[wasm_bindgen_test]
async fn with_checkpoints_off_nothing_is_offered_or_sent() {
    let server = FakeServer::install();
    let options = options().history_limit(10).checkpoints(Checkpoints::Off);
    let page = on_thread(&server, &forked(), options).await;
    assert_eq!(offered(&page), (Vec::new(), Vec::new()));
    let before = server.lines().len();
    let outcome = page.stream.run().edit_text("h", "hello");
    assert_eq!(code(&outcome.await), Some(ErrorCode::EditUnavailable));
    next_frame().await;
    assert_eq!(texts(page.stream), ["hi", "second"]);
    assert_eq!(server.lines().len(), before, "{:?}", server.lines());
}

/// A thread that waits for two answers.
fn asking() -> Vec<Value> {
    let mut state = state("1", None, &[human("h", "hi")]);
    let task = |name: &str, question: &str| json!({ "id": name, "name": name, "interrupts": [{ "id": question, "value": { "which": question } }] });
    state["tasks"] = json!([task("a", "q1"), task("b", "q2")]);
    state["next"] = json!(["a", "b"]);
    vec![state]
}

fn questions(page: &Page) -> Vec<String> {
    let interrupts = page.stream.interrupts.get_untracked();
    let ids = interrupts
        .iter()
        .filter_map(|interrupt| interrupt.id.as_ref());
    ids.map(ToString::to_string).collect()
}

#[wasm_bindgen_test]
async fn each_question_is_answered_by_its_id_and_is_gone_at_once() {
    let server = FakeServer::install();
    let page = on_thread(&server, &asking(), options()).await;
    until("both questions", || questions(&page) == ["q1", "q2"]).await;
    let run = page.stream.run().config(json!({ "tags": ["x"] }));
    drop(run.respond("q1", false));
    let (_call, body) = sent(&server).await;
    assert_eq!(body["command"]["resume"], json!({ "q1": false }));
    assert_eq!(body["config"]["tags"][0], "x");
    until("the other goes on waiting", || questions(&page) == ["q2"]).await;
}

#[wasm_bindgen_test]
async fn all_questions_are_answered_together() {
    let server = FakeServer::install();
    let page = on_thread(&server, &asking(), options()).await;
    until("both questions", || questions(&page) == ["q1", "q2"]).await;
    page.stream
        .respond_all([("q1", json!(true)), ("q2", json!("say \"no\""))]);
    let (_call, body) = sent(&server).await;
    assert_eq!(
        body["command"]["resume"],
        json!({ "q1": true, "q2": "say \"no\"" })
    );
    until("none waits", || questions(&page).is_empty()).await;
}

#[wasm_bindgen_test]
async fn one_answer_for_several_questions_is_refused() {
    let server = FakeServer::install();
    let page = on_thread(&server, &asking(), options()).await;
    until("both questions", || questions(&page) == ["q1", "q2"]).await;
    let before = server.lines().len();
    let outcome = page.stream.run().resume(true);
    assert_eq!(code(&outcome.await), Some(ErrorCode::AmbiguousResume));
    assert_eq!(questions(&page), ["q1", "q2"]);
    assert_eq!(server.lines().len(), before, "{:?}", server.lines());
}

#[wasm_bindgen_test]
async fn a_tools_results_are_sent_when_all_are_there() {
    let server = FakeServer::install();
    let mut call = ai("a", "");
    call["tool_calls"] = json!([{ "id": "c1", "name": "one", "args": {} }, { "id": "c2", "name": "two", "args": {} }]);
    let states = [state("1", None, &[human("h", "hi"), call])];
    let page = on_thread(&server, &states, options()).await;
    let pending = || {
        let calls = page.stream.pending_tool_calls.get_untracked();
        let ids = calls.into_iter().map(|(_, call)| call.id.unwrap());
        ids.collect::<Vec<_>>()
    };
    until("both calls", || pending() == ["c1", "c2"]).await;
    let result = |id: &str| ToolResult {
        tool_call_id: id.to_owned(),
        content: Json::from_value("done").unwrap(),
        is_error: false,
        name: None,
        artifact: None,
    };
    page.stream.add_tool_result(result("c1"));
    next_frame().await;
    assert!(server.request_now("/runs/stream").is_none());
    page.stream.add_tool_result(result("c2"));
    let (_call, body) = sent(&server).await;
    let messages = body["input"]["messages"].as_array().unwrap();
    let answered: Vec<_> = messages
        .iter()
        .map(|message| message["tool_call_id"].as_str().unwrap())
        .collect();
    assert_eq!(answered, ["c1", "c2"]);
    until("none waits", || pending().is_empty()).await;
}
