//! Events, values and tool calls by their types, and what a person is told.

use crate::{
    METADATA, chat,
    fake_server::{Call, FakeServer, eval, next_frame, until},
    live, mount, options, token,
};
use leptos::prelude::*;
use rejoin_leptos::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use wasm_bindgen_test::wasm_bindgen_test;

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Progress {
    percent: u32,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Found {
    pages: Vec<String>,
}

fn event(name: &str, id: u32, data: &Value) -> String {
    format!("event: {name}\ndata: {data}\nid: {id}\n\n")
}

/// Answers what is asked when a run is over, with this state.
fn at_rest(server: &FakeServer, state: &Value) {
    let run = r#"{"run_id":"run-1","thread_id":"t","status":"success"}"#;
    server.answer("/runs/run-1", 200, run);
    server.answer("/state", 200, &state.to_string());
    let thread = r#"{"thread_id":"t","status":"idle","metadata":{}}"#;
    server.answer("GET /api/threads/", 200, thread);
}

fn state(values: &Value) -> Value {
    json!({ "values": values, "next": [], "tasks": [], "checkpoint": { "checkpoint_id": "c" } })
}

/// Ends the run, and waits for that.
async fn end(stream: UseStream, call: &Call) {
    call.close();
    until("the end", || !stream.is_loading.get_untracked()).await;
}

#[wasm_bindgen_test]
async fn custom_events_are_heard_and_shown_by_their_type() {
    let server = FakeServer::install();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let options = options().on_custom_event({
        let heard = Arc::clone(&heard);
        move |progress: Progress| heard.lock().unwrap().push(progress.percent)
    });
    let page = mount(options, chat);
    let stream = page.stream;
    let progress = stream.custom_event::<Progress>();
    let found = stream.custom_event::<Found>();
    let call = live(stream, &server).await;
    assert_eq!(progress.get_untracked(), None);
    call.send(&event("custom", 1, &json!({ "percent": 10 })));
    call.send(&event("custom", 2, &json!({ "pages": ["a", "b"] })));
    call.send(&event("custom", 3, &json!("of another agent")));
    call.send(&event("custom", 4, &json!({ "percent": 20 })));
    until("the newest", || {
        progress.get_untracked() == Some(Progress { percent: 20 })
    })
    .await;
    let pages = ["a", "b"].map(str::to_owned).to_vec();
    assert_eq!(found.get_untracked(), Some(Found { pages }));
    assert_eq!(*heard.lock().unwrap(), [10, 20]);

    at_rest(&server, &state(&json!({ "messages": [] })));
    end(stream, &call).await;
    assert!(
        progress.get_untracked().is_some(),
        "until another run begins"
    );
    stream.submit("more");
    let next = server.request("POST /api/threads/").await;
    next.open();
    next.send(&METADATA.replace("run-1", "run-2"));
    until("they go with their run", || {
        progress.get_untracked().is_none()
    })
    .await;
    next.send(&event("custom", 1, &json!({ "percent": 30 })));
    until("the next", || progress.get_untracked().is_some()).await;
    stream.new_thread();
    assert_eq!(progress.get_untracked(), None);
}

#[wasm_bindgen_test]
async fn a_reload_shows_the_newest_custom_events_of_a_run_that_goes_on() {
    let server = FakeServer::install();
    let options = || options().storage(StorageKind::Session);
    let page = mount(options(), chat);
    let call = live(page.stream, &server).await;
    let thread = page.stream.thread_id.get_untracked().unwrap();
    call.send(&event("custom", 1, &json!({ "percent": 40 })));
    call.send(&event("custom", 2, &json!({ "pages": ["a"] })));
    let found = page.stream.custom_event::<Found>();
    until("both", || found.get_untracked().is_some()).await;
    drop(page);
    until("it is left", || call.is_aborted()).await;

    let again = mount(options().thread_id(thread), chat);
    let progress = again.stream.custom_event::<Progress>();
    assert_eq!(progress.get_untracked(), Some(Progress { percent: 40 }));
    assert!(
        again
            .stream
            .custom_event::<Found>()
            .get_untracked()
            .is_some()
    );
    at_rest(&server, &state(&json!({ "messages": [] })));
    // What was asked before there were answers.
    for asked in [
        "/runs/run-1/stream",
        "/state",
        "/runs/run-1",
        "GET /api/threads/",
    ] {
        if let Some(call) = server.request_now(asked) {
            call.respond(503, "{}");
        }
    }
    until("the run is over", || {
        again.stream.outcome.get_untracked().is_some()
    })
    .await;
    drop(again);
    let is_stored =
        eval("Object.keys(sessionStorage).some((key) => key.startsWith('rejoin.events'))");
    assert!(!is_stored.is_truthy(), "the run is over");
}

#[wasm_bindgen_test]
async fn events_of_any_mode_are_heard_by_their_name() {
    let server = FakeServer::install();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let mut options = options().config(|config| config.stream_modes.push(StreamMode::Tasks));
    for name in ["tasks", "updates"] {
        let heard = Arc::clone(&heard);
        options = options.on_event(name, move |event: &Event| {
            heard
                .lock()
                .unwrap()
                .push((name, event.data.text().to_owned()));
        });
    }
    let page = mount(options, chat);
    let call = live(page.stream, &server).await;
    call.send(&event("tasks", 1, &json!({ "name": "search" })));
    call.send(&event("updates", 2, &json!({ "search": {} })));
    call.send(&event("debug", 3, &json!({})));
    until("both", || heard.lock().unwrap().len() == 2).await;
    let tasks = ("tasks", r#"{"name":"search"}"#.to_owned());
    let updates = ("updates", r#"{"search":{}}"#.to_owned());
    assert_eq!(*heard.lock().unwrap(), [tasks, updates]);
}

#[wasm_bindgen_test]
async fn values_and_tool_calls_are_read_as_types() {
    #[derive(Debug, Clone, PartialEq, Deserialize)]
    struct State {
        topic: String,
    }

    let server = FakeServer::install();
    let page = mount(options(), chat);
    let stream = page.stream;
    let topic = stream.values_as::<State>();
    let maybe = stream.values_as::<Option<State>>();
    assert!(topic.with_untracked(Result::is_err));
    assert_eq!(maybe.get_untracked(), Ok(None));
    let call = live(stream, &server).await;
    let asks = json!({
        "type": "ai", "id": "a", "content": "",
        "tool_calls": [{ "id": "c1", "name": "search", "args": { "pages": ["x"] } }],
    });
    let values = json!({ "topic": "tea", "messages": [asks] });
    call.send(&event("values", 1, &values));
    let tea = || State {
        topic: "tea".to_owned(),
    };
    until("the state", || topic.get_untracked() == Ok(tea())).await;
    assert_eq!(maybe.get_untracked(), Ok(Some(tea())));
    // Behind the question, which these values do not tell.
    let message = stream.messages.get_untracked()[1];
    let calls = untrack(|| message.tool_calls());
    assert_eq!(calls[0].name, "search");
    let pages = vec!["x".to_owned()];
    assert_eq!(calls[0].args_as::<Found>().unwrap(), Found { pages });
    assert!(calls[0].args_as::<Progress>().is_err());
    stream.mutate(json!({ "topic": "milk" })).unwrap();
    until("it is laid over", || {
        topic.with_untracked(|state| state.as_ref().is_ok_and(|state| state.topic == "milk"))
    })
    .await;
}

#[wasm_bindgen_test]
async fn messages_of_subgraphs_have_lists_of_their_own() {
    let server = FakeServer::install();
    let page = mount(options().split_subgraphs(true), chat);
    let stream = page.stream;
    let call = live(stream, &server).await;
    let of_tool = token(1, "inner", "thinks").replace("event: messages", "event: messages|tools:1");
    call.send(&of_tool);
    call.send(&token(2, "outer", "says"));
    until("both", || {
        stream.subgraphs.with_untracked(Vec::len) == 1 && crate::texts(stream).len() == 2
    })
    .await;
    assert_eq!(crate::texts(stream), ["hi", "says"]);
    let inner = stream.subgraphs.get_untracked().remove(0);
    assert_eq!(&*inner.namespace, "tools:1");
    let messages = inner.messages.get_untracked();
    let texts = || {
        untrack(|| {
            messages
                .iter()
                .map(|message| message.text())
                .collect::<Vec<_>>()
        })
    };
    assert_eq!(texts(), ["thinks"]);
    call.send(&of_tool.replace("thinks", " more").replace("id: 1", "id: 3"));
    until("it grows in place", || texts() == ["thinks more"]).await;
}

#[wasm_bindgen_test]
async fn a_message_that_has_left_reads_as_an_empty_one() {
    let server = FakeServer::install();
    let page = mount(options(), chat);
    let stream = page.stream;
    drop(live(stream, &server).await);
    let message = stream.messages.get_untracked()[0];
    assert_eq!(untrack(|| message.text()), "hi");
    stream.new_thread();
    until("the list is empty", || crate::texts(stream).is_empty()).await;
    // Until the next change it stays, as whoever shows it hears of the list only afterwards.
    assert_eq!(untrack(|| message.text()), "hi");
    drop(live(stream, &server).await);
    stream.new_thread();
    until("it is gone", || message.id().as_str().is_empty()).await;
    assert_eq!(untrack(|| message.text()), "");
    assert!(!untrack(|| message.can_edit()));
}

#[wasm_bindgen_test]
async fn an_open_question_is_said_to_wait() {
    let server = FakeServer::install();
    let page = mount(options(), chat);
    let stream = page.stream;
    let call = live(stream, &server).await;
    let mut asking = state(&json!({ "messages": [] }));
    asking["next"] = json!(["a"]);
    asking["tasks"] =
        json!([{ "id": "a", "name": "a", "interrupts": [{ "id": "q", "value": "May I?" }] }]);
    server.answer(
        "/runs/run-1",
        200,
        r#"{"run_id":"run-1","thread_id":"t","status":"interrupted"}"#,
    );
    server.answer("/state", 200, &asking.to_string());
    server.answer(
        "GET /api/threads/",
        200,
        r#"{"thread_id":"t","status":"interrupted","metadata":{}}"#,
    );
    end(stream, &call).await;
    until("it waits", || {
        page.text().starts_with("The agent waits for your answer.")
    })
    .await;
}

#[wasm_bindgen_test]
async fn a_cancelled_run_is_said_to_have_stopped() {
    let server = FakeServer::install();
    let page = mount(options(), chat);
    let stream = page.stream;
    let call = live(stream, &server).await;
    server.answer("/cancel", 204, "");
    let run = r#"{"run_id":"run-1","thread_id":"t","status":"interrupted"}"#;
    server.answer("/runs/run-1", 200, run);
    at_rest(&server, &state(&json!({ "messages": [] })));
    stream.cancel();
    next_frame().await;
    end(stream, &call).await;
    until("it has stopped", || page.text().starts_with("Stopped.")).await;
    assert_eq!(stream.outcome.get_untracked(), Some(Outcome::Cancelled));
    assert_eq!(stream.connection.get_untracked(), Connection::Finished);
}

#[wasm_bindgen_test]
async fn the_time_without_contact_is_shown_in_the_pages_own_words() {
    let server = FakeServer::install();
    let slow = |config: &mut Config| {
        config.retry.backoff_base = Millis(10_000_000_000);
        config.retry.backoff_max = Millis(10_000_000_000);
    };
    let page = mount(options().config(slow), |stream| {
        provide_context(StatusWords {
            lost: |seconds| format!("Kein Kontakt seit {seconds} s"),
            ..StatusWords::ENGLISH
        });
        view! {
            <ConnectionStatus stream class="mine">
                <button>"Rejoin"</button>
            </ConnectionStatus>
        }
    });
    let call = live(page.stream, &server).await;
    assert_eq!(page.stream.lost_since.get_untracked(), None);
    call.cut(&eval("new TypeError('network error')"));
    let text = |selector: &str| {
        let element = page.element.query_selector(selector).unwrap();
        element
            .and_then(|element| element.text_content())
            .unwrap_or_default()
    };
    until("it is lost", || {
        text(".rejoin-status-words").starts_with("Connection lost")
    })
    .await;
    until("it counts", || {
        let lost = text(".rejoin-status-lost[role=timer]");
        lost.contains("Kein Kontakt seit 1 s") || lost.contains("Kein Kontakt seit 2 s")
    })
    .await;
    assert_eq!(text(".rejoin-status.mine button"), "Rejoin");
    next_frame().await;
}
