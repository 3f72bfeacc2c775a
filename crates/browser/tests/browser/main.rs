//! What the browser adds to the client: fetch, page events, storage, frames. What the client decides is tested natively.
#![cfg(target_arch = "wasm32")]
#![allow(clippy::unwrap_used)]

mod fake_server;
mod frames;
mod page;
mod records;
mod requests;
mod tabs;

use fake_server::{Call, FakeServer};
use rejoin_browser::{MemoryStore, Stream, StreamOptions, Subscription};
use rejoin_core::{Config, Connection, Millis, Notice, Submission, wire::Json};
use std::{cell::RefCell, rc::Rc};

wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_browser);

/// Quick to try again, and nothing stored.
fn options() -> StreamOptions {
    let mut config = Config::new("/api", "chat");
    config.retry.backoff_base = Millis(1);
    config.retry.backoff_max = Millis(2);
    config.timeouts.alive = Millis(0);
    let mut options = StreamOptions::new(config);
    options.storage = Rc::new(MemoryStore::default());
    options
}

fn say(text: &str) -> Submission {
    let input = serde_json::json!({ "messages": [{ "type": "human", "content": text }] });
    Submission {
        input: Some(Json::from_value(&input).unwrap()),
        ..Submission::default()
    }
}

const METADATA: &str = "event: metadata\ndata: {\"run_id\":\"run-1\",\"attempt\":1}\nid: 0\n\n";

fn token(id: u32, text: &str) -> String {
    let data = serde_json::json!([{ "type": "AIMessageChunk", "id": "ai-1", "content": text }, { "run_id": "run-1" }]);
    format!("event: messages\ndata: {data}\nid: {id}\n\n")
}

/// The last message's text.
fn answer_text(stream: &Stream) -> String {
    stream.with_view(|view| {
        view.messages()
            .last()
            .map(|slot| slot.message.content.text().to_string())
            .unwrap_or_default()
    })
}

fn connection(stream: &Stream) -> Connection {
    stream.with_view(|view| view.connection())
}

/// Submits, and opens the stream that it asks for.
async fn live(stream: &Stream, server: &FakeServer) -> Call {
    drop(stream.submit(say("hi")));
    let call = server.request("POST /api/threads/").await;
    call.open();
    call.send(METADATA);
    fake_server::until("the connection is live", || {
        connection(stream) == Connection::Live
    })
    .await;
    fake_server::until("the run has its id", || {
        stream.with_view(|view| view.run_id().is_some())
    })
    .await;
    call
}

/// What the server says once the run is over.
fn answer_finished(server: &FakeServer, text: &str) {
    let run = r#"{"run_id":"run-1","thread_id":"t","status":"success"}"#;
    let state = serde_json::json!({
        "values": { "messages": [
            { "type": "human", "id": "h", "content": "hi" },
            { "type": "ai", "id": "ai-1", "content": text },
        ] },
        "next": [], "tasks": [], "checkpoint": { "checkpoint_id": "c" },
    });
    server.answer("/runs/run-1", 200, run);
    server.answer("/state", 200, &state.to_string());
    server.answer(
        "GET /api/threads/",
        200,
        r#"{"thread_id":"t","status":"idle","metadata":{}}"#,
    );
}

/// Keeps every notice.
fn notices(stream: &Stream) -> (Rc<RefCell<Vec<Notice>>>, Subscription) {
    let heard = Rc::new(RefCell::new(Vec::new()));
    let subscription = stream.on_notice({
        let heard = Rc::clone(&heard);
        move |notice| heard.borrow_mut().push(notice.clone())
    });
    (heard, subscription)
}
