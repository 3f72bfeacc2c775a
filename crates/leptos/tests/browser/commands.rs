//! What commands and requests carry, and what waits to be sent.

use crate::{
    METADATA, chat,
    fake_server::{Call, FakeServer, until},
    live, mount, options, texts, token,
};
use leptos::prelude::*;
use rejoin_leptos::prelude::*;
use serde_json::{Value, json};
use wasm_bindgen_test::wasm_bindgen_test;

/// The next submission's body.
async fn sent(server: &FakeServer) -> (Call, Value) {
    let call = server.request("/runs/stream").await;
    let body = call.body().await;
    (call, body)
}

/// The texts of the submissions that wait.
fn waiting(stream: UseStream) -> Vec<String> {
    let waiting = stream.waiting.get_untracked().into_iter();
    let messages = waiting.flat_map(|submission| submission.messages);
    messages
        .map(|message| message.content.text().into_owned())
        .collect()
}

#[wasm_bindgen_test]
async fn what_is_sent_while_a_run_is_active_waits_in_sight_and_can_be_changed() {
    let server = FakeServer::install();
    let page = mount(options(), move |stream| {
        view! {
            {chat(stream)}
            <b>{move || stream.waiting.with(Vec::len)}</b>
        }
    });
    let stream = page.stream;
    let call = live(stream, &server).await;
    call.send(&token(1, "ai-1", "Hello"));
    stream.submit("second");
    stream.submit("third");
    until("both wait", || waiting(stream) == ["second", "third"]).await;
    until("they are counted", || page.text().ends_with('2')).await;
    let ids: Vec<String> = stream
        .waiting
        .get_untracked()
        .into_iter()
        .map(|submission| submission.id)
        .collect();
    stream.take_back(&ids[0]);
    until("one is taken back", || waiting(stream) == ["third"]).await;
    stream.replace_waiting(&ids[1], "another");
    until("the other is replaced", || waiting(stream) == ["another"]).await;
    assert!(server.request_now("/runs/stream").is_none());

    let run = r#"{"run_id":"run-1","thread_id":"t","status":"success"}"#;
    server.answer("/runs/run-1", 200, run);
    let state =
        r#"{"values":{"messages":[]},"next":[],"tasks":[],"checkpoint":{"checkpoint_id":"c"}}"#;
    server.answer("/state", 200, state);
    let thread = r#"{"thread_id":"t","status":"idle","metadata":{}}"#;
    server.answer("GET /api/threads/", 200, thread);
    call.close();
    let (_call, body) = sent(&server).await;
    assert_eq!(body["input"]["messages"][0]["content"], "another");
    until("none waits", || waiting(stream).is_empty()).await;
}

#[wasm_bindgen_test]
async fn what_waited_for_a_run_that_failed_is_sent_when_a_person_says_so() {
    let server = FakeServer::install();
    let page = mount(options(), chat);
    let stream = page.stream;
    let call = live(stream, &server).await;
    stream.submit("second");
    until("it waits", || waiting(stream) == ["second"]).await;
    let run = r#"{"run_id":"run-1","thread_id":"t","status":"error"}"#;
    server.answer("/runs/run-1", 200, run);
    let state =
        r#"{"values":{"messages":[]},"next":[],"tasks":[],"checkpoint":{"checkpoint_id":"c"}}"#;
    server.answer("/state", 200, state);
    let thread = r#"{"thread_id":"t","status":"error","metadata":{}}"#;
    server.answer("GET /api/threads/", 200, thread);
    call.send("event: error\ndata: {\"error\":\"Error\",\"message\":\"down\"}\nid: 1\n\n");
    call.close();
    let held = || {
        let waiting = stream.waiting.get_untracked();
        let held = waiting.iter().find(|one| one.state == WaitingState::Held);
        held.map(|one| one.id.clone())
    };
    until("a person is asked", || held().is_some()).await;
    assert!(server.request_now("/runs/stream").is_none());
    stream.send_now(held().unwrap());
    let (_call, body) = sent(&server).await;
    assert_eq!(body["input"]["messages"][0]["content"], "second");
}

#[wasm_bindgen_test]
async fn headers_are_sent_and_made_again_when_they_were_refused() {
    let server = FakeServer::install();
    let options = options()
        .header("x-fixed", "1")
        .headers(async |were_refused| {
            Ok(vec![("authorization", format!("Bearer {were_refused}"))])
        });
    let page = mount(options, chat);
    page.stream.submit("hi");
    let first = server.request("/runs/stream").await;
    assert_eq!(first.header("x-fixed").as_deref(), Some("1"));
    let authorization = |call: &Call| call.header("authorization");
    assert_eq!(authorization(&first).as_deref(), Some("Bearer false"));
    first.respond(401, r#"{"detail":"expired"}"#);
    let second = server.request("/runs/stream").await;
    assert_eq!(authorization(&second).as_deref(), Some("Bearer true"));
    assert_eq!(second.header("x-fixed").as_deref(), Some("1"));
}

#[wasm_bindgen_test]
async fn a_commands_options_are_sent_with_it() {
    let server = FakeServer::install();
    let page = mount(options(), chat);
    let run = page.stream.run();
    let run = run
        .context(json!({ "user": "u" }))
        .metadata(json!({ "from": "test" }))
        .update(json!({ "topic": "tea" }))
        .goto("writer")
        .multitask_strategy(MultitaskStrategy::Enqueue)
        .field("durability", "sync");
    drop(run.submit(()));
    let (_call, body) = sent(&server).await;
    assert_eq!(body["context"], json!({ "user": "u" }));
    assert_eq!(body["metadata"]["from"], "test");
    assert_eq!(body["command"]["update"], json!({ "topic": "tea" }));
    assert_eq!(body["command"]["goto"], "writer");
    assert_eq!(body["multitask_strategy"], "enqueue");
    assert_eq!(body["durability"], "sync");
}

#[wasm_bindgen_test]
async fn a_command_is_an_action_whose_value_is_its_outcome() {
    let server = FakeServer::install();
    let page = mount(options(), chat);
    let stream = page.stream;
    let ask = Action::new_local(move |question: &String| stream.run().submit_text(question));
    ask.dispatch_local("hi".to_owned());
    until("it is pending", || ask.pending().get_untracked()).await;
    let (call, body) = sent(&server).await;
    assert_eq!(body["input"]["messages"][0]["content"], "hi");
    call.respond(422, r#"{"detail":"no"}"#);
    until("it has ended", || !ask.pending().get_untracked()).await;
    let outcome = ask.value().get_untracked();
    assert!(matches!(outcome, Some(Outcome::Failed(_))), "{outcome:?}");
}

#[wasm_bindgen_test]
async fn a_join_asks_for_what_it_is_told_to() {
    let server = FakeServer::install();
    let page = mount(options(), chat);
    let stream = page.stream;
    live(stream, &server).await;
    let join = JoinOptions {
        last_event_id: Some("-1".into()),
        stream_modes: vec!["values".to_owned()],
    };
    drop(stream.run().join_with(Some("run-7".into()), join));
    let call = server.request("/runs/run-7/stream").await;
    let line = server
        .lines()
        .into_iter()
        .find(|line| line.contains("/runs/run-7/stream"));
    let line = line.unwrap();
    assert!(line.contains("stream_mode=values"), "{line}");
    assert_eq!(call.header("last-event-id").as_deref(), Some("-1"));
    call.open();
    call.send(&METADATA.replace("run-1", "run-7"));
    call.send(&token(1, "ai-1", "Hello"));
    until("it is followed", || texts(stream) == ["hi", "Hello"]).await;
}
