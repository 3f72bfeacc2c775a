//! Which thread a stream is on: from the address, from the storage, from a signal.

use crate::{
    Page, chat,
    fake_server::{FakeServer, eval, next_frame, until},
    live, mount, options, texts, token,
};
use leptos::prelude::*;
use rejoin_leptos::prelude::*;
use std::sync::{Arc, Mutex};
use wasm_bindgen::JsValue;
use wasm_bindgen_test::wasm_bindgen_test;

/// The page's query parameters.
fn parameters() -> web_sys::UrlSearchParams {
    let href = window().location().href().unwrap();
    web_sys::Url::new(&href).unwrap().search_params()
}

fn set_address(query: &str) {
    let path = window().location().pathname().unwrap();
    let history = window().history().unwrap();
    let url = format!("{path}{query}");
    history
        .replace_state_with_url(&JsValue::NULL, "", Some(&url))
        .unwrap();
}

fn stored(key: &str) -> Option<String> {
    eval(&format!("sessionStorage.getItem({key:?})")).as_string()
}

fn store(key: &str, id: &str) {
    eval(&format!("sessionStorage.setItem({key:?}, {id:?})"));
}

/// The id of the thread that is shown.
fn thread_id(page: &Page) -> Option<String> {
    page.stream
        .thread_id
        .get_untracked()
        .map(|id| id.to_string())
}

#[wasm_bindgen_test]
async fn a_reload_shows_the_thread_that_is_in_the_address() {
    let server = FakeServer::install();
    set_address("?other=1#place");
    let in_url = || options().thread_in_url("thread");
    let page = mount(in_url(), chat);
    assert!(!page.stream.is_thread_loading.get_untracked());
    let call = live(page.stream, &server).await;
    call.send(&token(1, "ai-1", "Hel"));
    until("the token", || texts(page.stream) == ["hi", "Hel"]).await;
    let made = thread_id(&page).unwrap();
    assert_eq!(parameters().get("thread"), Some(made.clone()));
    assert_eq!(parameters().get("other").as_deref(), Some("1"));
    assert_eq!(window().location().hash().as_deref(), Ok("#place"));
    drop(page);
    until("it is left", || call.is_aborted()).await;

    let again = mount(in_url(), chat);
    assert_eq!(thread_id(&again), Some(made.clone()), "at once");
    assert!(again.stream.is_thread_loading.get_untracked());
    let asked = server.request(&format!("GET /api/threads/{made}")).await;
    drop((asked, again));
    set_address("");
}

#[wasm_bindgen_test]
async fn back_leads_to_the_thread_before() {
    let _server = FakeServer::install();
    set_address("?back=first");
    let page = mount(options().thread_in_url("back"), chat);
    assert_eq!(thread_id(&page).as_deref(), Some("first"));
    page.stream.switch_thread("second");
    assert_eq!(parameters().get("back").as_deref(), Some("second"));
    until("it is entered", || {
        thread_id(&page).as_deref() == Some("second")
    })
    .await;
    page.stream.new_thread();
    assert_eq!(parameters().get("back"), None);
    until("a new one", || thread_id(&page).is_none()).await;
    for expected in ["second", "first"] {
        window().history().unwrap().back().unwrap();
        until(expected, || thread_id(&page).as_deref() == Some(expected)).await;
        assert_eq!(parameters().get("back").as_deref(), Some(expected));
    }
    drop(page);
    set_address("");
}

#[wasm_bindgen_test]
async fn the_thread_that_was_shown_last_is_remembered() {
    const KEY: &str = "test.remembered";
    let server = FakeServer::install();
    let remembering = || {
        let options = options().storage(StorageKind::Session);
        options.remember_thread(KEY)
    };
    let page = mount(remembering(), chat);
    drop(live(page.stream, &server).await);
    let made = thread_id(&page);
    assert_eq!(stored(KEY), made);
    drop(page);
    let again = mount(remembering(), chat);
    assert_eq!(thread_id(&again), made);
    again.stream.new_thread();
    assert_eq!(stored(KEY), None, "a new thread is not the last one");
    again.stream.switch_thread("other");
    assert_eq!(stored(KEY).as_deref(), Some("other"));
    drop(again);

    set_address("?here=linked");
    let linked = mount(remembering().thread_in_url("here"), chat);
    assert_eq!(
        thread_id(&linked).as_deref(),
        Some("linked"),
        "a link comes first"
    );
    drop(linked);
    set_address("");
}

#[wasm_bindgen_test]
async fn a_thread_that_the_server_does_not_know_is_forgotten() {
    const KEY: &str = "test.deleted";
    let server = FakeServer::install();
    store(KEY, "deleted");
    let missing = r#"{"detail":"Thread not found"}"#;
    server.answer("/threads/deleted", 404, missing);
    let options = options().storage(StorageKind::Session).remember_thread(KEY);
    let page = mount(options, chat);
    until("it is told", || {
        let error = page.stream.error.get_untracked();
        error.is_some_and(|error| error.code == ErrorCode::ThreadNotFound)
    })
    .await;
    assert_eq!(stored(KEY), None);
}

#[wasm_bindgen_test]
async fn a_signal_names_the_thread_and_the_thread_that_is_made_keeps_its_run() {
    let server = FakeServer::install();
    let route = RwSignal::new(None::<String>);
    let outcomes = Arc::new(Mutex::new(Vec::new()));
    let options = options()
        .thread_id(route)
        .on_thread_id(move |id| route.set(Some(id.to_string())))
        .on_finish({
            let outcomes = Arc::clone(&outcomes);
            move |outcome| outcomes.lock().unwrap().push(outcome.clone())
        });
    let page = mount(options, chat);
    next_frame().await;
    let call = live(page.stream, &server).await;
    let made = route.get_untracked();
    assert!(made.is_some() && made == thread_id(&page));
    next_frame().await;
    // The route follows the thread, so the thread is entered that is there already.
    page.stream.switch_thread(made.clone().unwrap());
    call.send(&token(1, "ai-1", "Hel"));
    until("the run goes on", || texts(page.stream) == ["hi", "Hel"]).await;
    assert!(!call.is_aborted());
    assert!(outcomes.lock().unwrap().is_empty());

    route.set(Some("other".to_owned()));
    until("the other is entered", || {
        thread_id(&page).as_deref() == Some("other")
    })
    .await;
    assert!(call.is_aborted());
    assert_eq!(*outcomes.lock().unwrap(), [Outcome::Disconnected]);
    route.set(None);
    until("a new one", || thread_id(&page).is_none()).await;
}
