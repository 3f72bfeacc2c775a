//! What the hook adds to the browser driver: signals, and a life that ends with its owner.
#![cfg(target_arch = "wasm32")]
#![allow(clippy::unwrap_used)]

mod address;
mod cached;
mod commands;
mod events;
#[path = "../../../browser/tests/browser/fake_server.rs"]
#[allow(dead_code)] // Shared with the driver's own tests.
mod fake_server;
mod session;
mod store;
mod threads;

use fake_server::{Call, FakeServer, eval, next_frame, until};
use leptos::{mount::mount_to, prelude::*};
use rejoin_leptos::{RecordStore, StorageError, prelude::*};
use std::{
    cell::Cell,
    collections::BTreeMap,
    rc::Rc,
    sync::{Arc, Mutex},
};
use wasm_bindgen::JsCast;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

const METADATA: &str = "event: metadata\ndata: {\"run_id\":\"run-1\",\"attempt\":1}\nid: 0\n\n";

fn token(id: u32, message: &str, text: &str) -> String {
    let data = serde_json::json!([{ "type": "AIMessageChunk", "id": message, "content": text }, { "run_id": "run-1" }]);
    format!("event: messages\ndata: {data}\nid: {id}\n\n")
}

fn options() -> UseStreamOptions {
    UseStreamOptions::new("/api", "chat")
        .storage(StorageKind::None)
        .config(|config| {
            config.retry.backoff_base = Millis(1);
            config.retry.backoff_max = Millis(2);
        })
}

/// A mounted component that uses a stream. Unmounted when dropped.
struct Page {
    stream: UseStream,
    element: web_sys::HtmlElement,
    _mounted: Box<dyn std::any::Any>,
}

fn mount<V: IntoView + 'static>(
    options: UseStreamOptions,
    show: impl FnOnce(UseStream) -> V + 'static,
) -> Page {
    let document = web_sys::window().unwrap().document().unwrap();
    let element: web_sys::HtmlElement = document.create_element("div").unwrap().unchecked_into();
    document.body().unwrap().append_child(&element).unwrap();
    let used: Rc<Cell<Option<UseStream>>> = Rc::default();
    let handle = mount_to(element.clone(), {
        let used = Rc::clone(&used);
        move || {
            let stream = use_stream(options);
            used.set(Some(stream));
            show(stream)
        }
    });
    Page {
        stream: used.get().unwrap(),
        element,
        _mounted: Box::new(handle),
    }
}

impl Page {
    fn text(&self) -> String {
        self.element.text_content().unwrap()
    }
}

async fn live(stream: UseStream, server: &FakeServer) -> Call {
    stream.submit("hi");
    let call = server.request("POST /api/threads/").await;
    call.open();
    call.send(METADATA);
    until("it is live", || {
        stream.connection.get_untracked() == Connection::Live
            && stream.run_id.get_untracked().is_some()
    })
    .await;
    call
}

fn texts(stream: UseStream) -> Vec<String> {
    let text = |message: StreamMessage| untrack(|| message.text());
    stream
        .messages
        .get_untracked()
        .into_iter()
        .map(text)
        .collect()
}

fn chat(stream: UseStream) -> impl IntoView {
    view! {
        <ConnectionStatus stream />
        <For each=move || stream.messages.get() key=|message| message.id() let:message>
            <p>{move || message.text()}</p>
        </For>
    }
}

#[wasm_bindgen_test]
async fn a_chat_is_drawn_from_the_first_word_to_the_end() {
    let server = FakeServer::install();
    let page = mount(options(), chat);
    let stream = page.stream;
    assert_eq!(page.text(), "Ready.");
    let call = live(stream, &server).await;
    let sent = call.body().await;
    assert_eq!(sent["input"]["messages"][0]["content"], "hi");
    call.send(&token(1, "ai-1", "Hel"));
    until("the first token", || page.text().ends_with("hiHel")).await;
    assert!(stream.is_loading.get_untracked());
    let status = page
        .element
        .query_selector("[data-testid=connection]")
        .unwrap()
        .unwrap();
    assert_eq!(status.get_attribute("data-state").as_deref(), Some("live"));
    let paragraphs = page.element.query_selector_all("p").unwrap();
    call.send(&token(2, "ai-1", "lo"));
    until("the second token", || page.text().ends_with("hiHello")).await;
    let still = page.element.query_selector_all("p").unwrap();
    assert!(
        paragraphs
            .item(1)
            .unwrap()
            .is_same_node(still.item(1).as_ref()),
        "drawn in place"
    );

    server.answer(
        "/runs/run-1",
        200,
        r#"{"run_id":"run-1","thread_id":"t","status":"success"}"#,
    );
    let id = sent["input"]["messages"][0]["id"].as_str().unwrap();
    let messages = serde_json::json!([
        { "type": "human", "id": id, "content": "hi" },
        { "type": "ai", "id": "ai-1", "content": "Hello!" },
    ]);
    let state = serde_json::json!({
        "values": { "messages": messages, "kept": 1 }, "next": [], "tasks": [], "checkpoint": { "checkpoint_id": "c" },
    });
    server.answer("/state", 200, &state.to_string());
    server.answer(
        "GET /api/threads/",
        200,
        r#"{"thread_id":"t","status":"idle","metadata":{}}"#,
    );
    call.close();
    until("the end", || page.text() == "Finished.hiHello!").await;
    assert!(!stream.is_loading.get_untracked());
    assert!(stream.values.get_untracked().text().contains("\"kept\":1"));
}

#[wasm_bindgen_test]
async fn a_token_reruns_the_readers_of_its_own_message_only() {
    let server = FakeServer::install();
    let runs: Arc<Mutex<BTreeMap<String, u32>>> = Arc::default();
    let count = {
        let runs = Arc::clone(&runs);
        move |what: &str| *runs.lock().unwrap().entry(what.to_owned()).or_default() += 1
    };
    let page = mount(options(), move |stream| {
        let in_list = count.clone();
        Effect::new(move |_| {
            stream.messages.track();
            in_list("list");
        });
        let in_values = count.clone();
        Effect::new(move |_| {
            stream.values.track();
            in_values("values");
        });
        view! {
            <For each=move || stream.messages.get() key=|message| message.id() let:message>
                {
                    let count = count.clone();
                    move || {
                        // Neither do what is known of where it stands.
                        drop((message.branch(), message.can_edit(), message.can_regenerate()));
                        let text = message.text();
                        count(if text == "hi" { "human" } else if message.id().as_str() == "ai-1" { "first" } else { "second" });
                        text
                    }
                }
            </For>
        }
    });
    let call = live(page.stream, &server).await;
    call.send(&token(1, "ai-1", "x"));
    call.send(&token(2, "ai-2", "x"));
    until("both messages", || texts(page.stream) == ["hi", "x", "x"]).await;
    next_frame().await;
    let before = runs.lock().unwrap().clone();
    for id in 3..=12 {
        call.send(&token(id, "ai-2", "x"));
        next_frame().await;
    }
    until("all tokens", || {
        page.text() == format!("hix{}", "x".repeat(11))
    })
    .await;
    let after = runs.lock().unwrap().clone();
    assert!(after["second"] > before["second"]);
    assert!(
        after["second"] - before["second"] <= 12,
        "at most once a frame: {before:?} {after:?}"
    );
    for other in ["list", "values", "human", "first"] {
        assert_eq!(after[other], before[other], "{other}: {before:?} {after:?}");
    }
}

#[wasm_bindgen_test]
async fn what_was_submitted_is_shown_at_once_and_keeps_its_place_on_retry() {
    let server = FakeServer::install();
    let page = mount(options(), chat);
    let stream = page.stream;
    let config = serde_json::json!({ "configurable": { "n": 1 } });
    drop(stream.run().config(config).submit_text("hi"));
    until("it is shown", || texts(stream) == ["hi"]).await;
    assert!(untrack(|| stream.messages.get()[0].is_optimistic()));
    let first = server.request("POST /api/threads/").await;
    let sent = first.body().await;
    first.respond(422, r#"{"detail":"no"}"#);
    until("it fails", || {
        stream.connection.get_untracked() == Connection::Failed
    })
    .await;
    assert_eq!(
        stream.error.get_untracked().map(|error| error.code),
        Some(ErrorCode::Unprocessable)
    );
    until("the status says why", || page.text().contains("(no)")).await;

    stream.retry();
    let second = server.request("POST /api/threads/").await;
    let sent_again = second.body().await;
    assert_eq!(sent["input"], sent_again["input"]);
    assert!(sent["input"]["messages"][0]["id"].is_string());
    // Beside it stands that the newest state is meant, now that there may be a thread.
    assert_eq!(
        sent["config"]["configurable"],
        serde_json::json!({ "n": 1 })
    );
    assert_eq!(sent_again["config"]["configurable"]["n"], 1);
    until("the error goes", || stream.error.get_untracked().is_none()).await;
    assert_eq!(texts(stream), ["hi"]);
}

#[wasm_bindgen_test]
async fn leaving_disconnects_and_cancels_nothing() {
    let server = FakeServer::install();
    // As a route is left: what was under it is cleaned up, the rest of the page stays.
    let shown = ArcRwSignal::new(true);
    let inner: Arc<Mutex<Option<UseStream>>> = Arc::default();
    let _page = mount(options(), {
        let (shown, inner) = (shown.clone(), Arc::clone(&inner));
        move |_| {
            move || {
                shown.get().then(|| {
                    let stream = use_stream(options());
                    *inner.lock().unwrap() = Some(stream);
                    chat(stream)
                })
            }
        }
    });
    let stream = inner.lock().unwrap().unwrap();
    let call = live(stream, &server).await;
    shown.set(false);
    until("it disconnects", || call.is_aborted()).await;
    // Whoever kept the handle can do no harm.
    stream.submit("late");
    stream.cancel();
    assert_eq!(stream.run().rejoin().await, Outcome::NothingToJoin);
    assert_eq!(server.lines().len(), 1, "{:?}", server.lines());
}

#[wasm_bindgen_test]
async fn stop_leaves_a_run_that_can_be_rejoined() {
    let server = FakeServer::install();
    let page = mount(options(), chat);
    let stream = page.stream;
    let call = live(stream, &server).await;
    call.send(&token(1, "ai-1", "one"));
    call.send(&token(2, "ai-1", " two"));
    until("the tokens", || texts(stream) == ["hi", "one two"]).await;
    stream.stop();
    until("it can be rejoined", || stream.can_rejoin.get_untracked()).await;
    assert_eq!(texts(stream), ["hi", "one two"]);
    assert!(page.text().starts_with("Disconnected"), "{}", page.text());
    stream.rejoin();
    server.answer(
        "GET /api/threads/",
        200,
        r#"{"thread_id":"t","run_id":"run-1","status":"running","metadata":{}}"#,
    );
    until("it is asked", || server.lines().len() > 1).await;
    until("it is loading", || stream.is_loading.get_untracked()).await;
    assert!(!stream.can_rejoin.get_untracked());
    stream.new_thread();
    until("the thread is left", || texts(stream).is_empty()).await;
    assert_eq!(stream.thread_id.get_untracked(), None);
    assert_eq!(stream.connection.get_untracked(), Connection::Idle);
}

#[wasm_bindgen_test]
async fn a_join_tells_how_it_ended() {
    let server = FakeServer::install();
    server.answer(
        "/state",
        200,
        r#"{"values":{"messages":[]},"next":[],"tasks":[],"checkpoint":{"checkpoint_id":"c"}}"#,
    );
    server.answer("/runs/run-9", 404, r#"{"detail":"Run not found"}"#);
    server.answer("/runs?", 200, "[]");
    server.answer(
        "GET /api/threads/t",
        200,
        r#"{"thread_id":"t","status":"idle","metadata":{}}"#,
    );
    let page = mount(options().thread_id("t"), chat);
    let stream = page.stream;
    assert!(stream.is_thread_loading.get_untracked());
    until("the thread is loaded", || {
        !stream.is_thread_loading.get_untracked()
    })
    .await;
    assert_eq!(stream.run().rejoin().await, Outcome::NothingToJoin);
    assert_eq!(stream.run().join_stream("run-9").await, Outcome::Expired);
}

struct Full;

impl RecordStore for Full {
    fn load(&self, _: &str) -> Result<Option<String>, StorageError> {
        Ok(None)
    }

    fn save(&self, _: &str, _: &str) -> Result<(), StorageError> {
        Err(StorageError::Full)
    }

    fn remove(&self, _: &str) -> Result<(), StorageError> {
        Ok(())
    }
}

#[wasm_bindgen_test]
async fn notices_and_storage_errors_reach_the_application() {
    let server = FakeServer::install();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let options = options()
        .storage(StorageKind::Custom(Arc::new(Full)))
        .config(|config| config.timeouts.record = Millis(1))
        .on_notice({
            let heard = Arc::clone(&heard);
            move |notice| {
                if let Notice::Created { run_id, .. } = notice {
                    heard.lock().unwrap().push(run_id.to_string());
                }
            }
        });
    let page = mount(options, chat);
    let call = live(page.stream, &server).await;
    call.send(&token(1, "ai-1", "x"));
    until("the error", || {
        page.stream.storage_error.get_untracked() == Some(ErrorCode::StorageFull)
    })
    .await;
    assert_eq!(*heard.lock().unwrap(), ["run-1"]);
}

#[wasm_bindgen_test]
async fn the_status_counts_down_to_the_next_attempt() {
    let server = FakeServer::install();
    let seconds = |from: u64| {
        move |config: &mut Config| {
            config.retry.backoff_base = Millis(from * 1000);
            config.retry.backoff_max = Millis(from * 1000);
        }
    };
    // The wait is drawn between nothing and its bound: ten million seconds make a second of it as good as impossible.
    let page = mount(options().config(seconds(10_000_000)), chat);
    let call = live(page.stream, &server).await;
    let lost = eval("new TypeError('network error')");
    call.cut(&lost);
    // The first attempt is made at once.
    server.request("GET /api/threads/").await.reject(&lost);
    until("it waits", || {
        page.text().contains("Connection lost") && page.text().contains(" in ")
    })
    .await;
    let left = || -> Option<u64> {
        let text = page
            .element
            .query_selector(".rejoin-status-countdown")
            .unwrap()
            .unwrap()
            .text_content()
            .unwrap();
        text.trim_start_matches(" in ")
            .trim_end_matches(" s")
            .parse()
            .ok()
    };
    let before = left().unwrap();
    until("a second is gone", || left().is_none_or(|now| now < before)).await;
}
