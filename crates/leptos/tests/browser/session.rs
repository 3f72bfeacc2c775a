//! A thread's session as signals.

use crate::{
    fake_server::{Call, FakeServer, next_frame, until},
    mount, options,
};
use leptos::prelude::*;
use rejoin_leptos::{prelude::*, wire::session::NodeStatus};
use serde_json::{Value, json};
use std::{cell::Cell, rc::Rc};
use wasm_bindgen_test::wasm_bindgen_test;

fn node(n: u64) -> Value {
    json!({
        "position": n, "changed": n, "pieces": 1, "status": "complete",
        "message": { "type": "ai", "id": format!("m{n}"), "content": format!("text {n}") },
    })
}

fn page(from: u64, to: u64, has_older: bool) -> Value {
    json!({ "nodes": (from..=to).map(node).collect::<Vec<_>>(), "has_older": has_older, "cursor": "7-9" })
}

fn event(name: &str, id: &str, data: &Value) -> String {
    format!("event: {name}\nid: {id}\ndata: {data}\n\n")
}

fn record(seq: u64, change: &Value) -> String {
    let mut record = change.clone();
    record["seq"] = seq.into();
    event("record", &format!("7-{seq}"), &record)
}

fn on_thread() -> UseStreamOptions {
    options()
        .thread_id("t")
        .config(|config| config.reads_state = false)
}

fn session_page(view: UseView) -> impl IntoView {
    view! {
        <button hidden=move || !view.has_older.get() on:click=move |_| { view.load_older(); }>"Older"</button>
        <For each=move || view.nodes.get() key=|node| node.id() let:node>
            <p>{move || node.text()}</p>
        </For>
    }
}

/// A mounted page with a view of three messages a page, on messages 7 to 9 of 9.
async fn viewing(server: &FakeServer) -> (crate::Page, UseView, Call) {
    server.answer("/threads/t/runs?", 200, "[]");
    let used: Rc<Cell<Option<UseView>>> = Rc::default();
    let page = mount(on_thread(), {
        let used = Rc::clone(&used);
        move |stream| {
            let view = use_view(stream, 3);
            used.set(Some(view));
            session_page(view)
        }
    });
    let view = used.get().unwrap();
    let call = server.request("GET /api/sessions/t/stream?limit=3").await;
    call.open();
    let attached = json!({ "mode": "snapshot", "reason": "new", "cursor": "7-9", "head": 9 });
    call.send(&event("attached", "", &attached));
    call.send(&event("snapshot", "7-9", &self::page(7, 9, true)));
    until("the first page is shown", || {
        !view.loading.get_untracked() && view.connection.get_untracked() == Connection::Live
    })
    .await;
    (page, view, call)
}

fn texts(view: UseView) -> Vec<String> {
    let text = |node: ViewNode| untrack(|| node.text());
    view.nodes.get_untracked().into_iter().map(text).collect()
}

#[wasm_bindgen_test]
async fn a_session_is_shown_page_by_page_and_goes_on_live() {
    let server = FakeServer::install();
    let (page, view, feed) = viewing(&server).await;
    assert_eq!(page.text(), "Oldertext 7text 8text 9");
    assert!(view.has_older.get_untracked() && view.is_durable.get_untracked());
    server.answer(
        "/messages?before=7&limit=3",
        200,
        &self::page(4, 6, true).to_string(),
    );
    let (one, two) = (view.load_older(), view.load_older());
    assert_eq!(
        (one.await, two.await),
        (Outcome::Finished, Outcome::Finished)
    );
    until("the older page is shown", || texts(view).len() == 6).await;
    assert_eq!(texts(view)[0], "text 4");
    let asked = |line: &&String| line.contains("/messages?");
    assert_eq!(server.lines().iter().filter(asked).count(), 1);
    let message = json!({ "type": "ai", "id": "live", "content": "" });
    feed.send(&record(
        10,
        &json!({ "type": "started", "message": message }),
    ));
    let chunk = json!({ "type": "AIMessageChunk", "id": "live", "content": "Hello" });
    feed.send(&record(
        11,
        &json!({ "type": "appended", "id": "live", "at": 0, "chunk": chunk }),
    ));
    until("the live message is shown", || {
        texts(view).last().is_some_and(|text| text == "Hello")
    })
    .await;
    let live = view.nodes.get_untracked().pop().unwrap();
    assert_eq!(untrack(|| live.status()), NodeStatus::Streaming);
}

#[wasm_bindgen_test]
async fn on_a_server_without_sessions_it_is_a_window_over_the_threads_messages() {
    let server = FakeServer::install();
    let message =
        |n: u64| json!({ "type": "ai", "id": format!("m{n}"), "content": format!("text {n}") });
    let messages: Vec<Value> = (1..=5).map(message).collect();
    let state = json!({ "values": { "messages": messages }, "next": [], "tasks": [] });
    server.answer("/threads/t/runs?", 200, "[]");
    server.answer("/sessions/t/stream", 404, r#"{"detail":"Not Found"}"#);
    server.answer("/threads/t/state", 200, &state.to_string());
    let thread = json!({ "thread_id": "t", "status": "idle", "metadata": {} });
    server.answer("GET /api/threads/t", 200, &thread.to_string());
    let used: Rc<Cell<Option<UseView>>> = Rc::default();
    let page = mount(options().thread_id("t"), {
        let used = Rc::clone(&used);
        move |stream| {
            let view = use_view(stream, 2);
            used.set(Some(view));
            session_page(view)
        }
    });
    let view = used.get().unwrap();
    until("the window is shown", || texts(view).len() == 2).await;
    assert!(!view.is_durable.get_untracked());
    assert_eq!(page.text(), "Oldertext 4text 5");
    for shown in [
        "Oldertext 2text 3text 4text 5",
        "text 1text 2text 3text 4text 5",
    ] {
        assert_eq!(view.load_older().await, Outcome::Finished);
        until(shown, || {
            page.text().ends_with(shown.trim_start_matches("Older"))
        })
        .await;
    }
    assert!(!view.has_older.get_untracked());
}

#[wasm_bindgen_test]
async fn a_token_changes_its_own_message_and_nothing_else() {
    let server = FakeServer::install();
    let (_page, view, feed) = viewing(&server).await;
    let message = json!({ "type": "ai", "id": "live", "content": "" });
    feed.send(&record(
        10,
        &json!({ "type": "started", "message": message }),
    ));
    until("the live message is there", || texts(view).len() == 4).await;
    let (lists, others) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    let first = view.nodes.get_untracked().remove(0);
    let owner = Owner::new();
    owner.with(|| {
        let lists = Rc::clone(&lists);
        Effect::new(move |_| {
            view.nodes.track();
            lists.set(lists.get() + 1);
        });
        let others = Rc::clone(&others);
        Effect::new(move |_| {
            first.get();
            others.set(others.get() + 1);
        });
    });
    next_frame().await;
    let before = (lists.get(), others.get());
    for at in 0..3 {
        let chunk = json!({ "type": "AIMessageChunk", "id": "live", "content": "x" });
        feed.send(&record(
            11 + at,
            &json!({ "type": "appended", "id": "live", "at": at, "chunk": chunk }),
        ));
    }
    until("the text is shown", || {
        texts(view).last().is_some_and(|text| text == "xxx")
    })
    .await;
    next_frame().await;
    assert_eq!((lists.get(), others.get()), before);
}

#[wasm_bindgen_test]
async fn an_older_page_that_is_not_to_be_had_is_said_and_can_be_asked_for_again() {
    let server = FakeServer::install();
    let (_page, view, _feed) = viewing(&server).await;
    let older = view.load_older();
    let call = server.request("/messages?before=7").await;
    call.respond(503, "{}");
    let failed =
        matches!(older.await, Outcome::Failed(error) if error.code == ErrorCode::BadGateway);
    assert!(failed);
    until("the error is shown", || {
        view.error.get_untracked().is_some()
    })
    .await;
    assert!(view.has_older.get_untracked() && !view.loading.get_untracked());
    let older = view.load_older();
    let call = server.request("/messages?before=7").await;
    call.respond(200, &page(1, 6, false).to_string());
    assert_eq!(older.await, Outcome::Finished);
    until("all is shown", || texts(view).len() == 9).await;
    assert!(view.error.get_untracked().is_none() && !view.has_older.get_untracked());
}

#[wasm_bindgen_test]
async fn leaving_closes_the_feed() {
    let server = FakeServer::install();
    let (page, view, feed) = viewing(&server).await;
    drop(page);
    until("the feed is dropped", || feed.is_aborted()).await;
    assert_eq!(view.load_older().await, Outcome::NothingToJoin);
}
