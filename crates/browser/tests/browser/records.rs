//! Storage that works, is full, or is refused.

use crate::{
    answer_finished, answer_text,
    fake_server::{FakeServer, eval, until},
    live, notices, options, say, token,
};
use rejoin_browser::{
    LocalStore, MemoryStore, RecordStore, SessionStore, StorageError, Stream, header_futures,
};
use rejoin_core::{ErrorCode, Millis, Notice, RECORD_PREFIX, wire::ThreadId};
use std::rc::Rc;
use wasm_bindgen_test::wasm_bindgen_test;

/// Undoes a script's mischief.
struct Undo(&'static str);

impl Drop for Undo {
    fn drop(&mut self) {
        eval(self.0);
    }
}

fn stored_keys() -> u32 {
    let count = format!(
        "Object.keys(localStorage).filter((key) => key.startsWith('{RECORD_PREFIX}')).length"
    );
    eval(&count).as_f64().unwrap() as u32
}

#[wasm_bindgen_test]
fn web_stores_keep_texts() {
    let stores: [&dyn RecordStore; 3] = [&LocalStore, &SessionStore, &MemoryStore::default()];
    for store in stores {
        assert_eq!(store.load("rejoin-test"), Ok(None));
        assert_eq!(store.save("rejoin-test", "ü"), Ok(()));
        assert_eq!(store.load("rejoin-test"), Ok(Some("ü".to_owned())));
        assert_eq!(store.remove("rejoin-test"), Ok(()));
        assert_eq!(store.load("rejoin-test"), Ok(None));
    }
}

#[wasm_bindgen_test]
fn a_really_full_store_says_so() {
    let _undo = Undo("localStorage.removeItem('rejoin-test')");
    assert_eq!(
        LocalStore.save("rejoin-test", &"x".repeat(20_000_000)),
        Err(StorageError::Full)
    );
}

async fn check_failing(mischief: &str, undo: &'static str, expect: ErrorCode) {
    let server = FakeServer::install();
    eval(mischief);
    let _undo = Undo(undo);
    let mut options = options();
    options.storage = Rc::new(LocalStore);
    options.config.timeouts.record = Millis(1);
    let stream = Stream::new(options);
    let (heard, _subscription) = notices(&stream);
    let call = live(&stream, &server).await;
    for id in 1..6 {
        call.send(&token(id, "x"));
        until("the token", || answer_text(&stream).len() == id as usize).await;
        crate::fake_server::sleep(5).await;
    }
    let codes: Vec<ErrorCode> = heard
        .borrow()
        .iter()
        .filter_map(|notice| {
            if let Notice::StorageFailed { code } = notice {
                Some(*code)
            } else {
                None
            }
        })
        .collect();
    assert_eq!(codes, [expect]);
}

#[wasm_bindgen_test]
async fn a_full_store_is_told_once_and_the_stream_goes_on() {
    check_failing(
        "window.__setItem = Storage.prototype.setItem;
         Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError') }",
        "Storage.prototype.setItem = window.__setItem",
        ErrorCode::StorageFull,
    )
    .await;
}

#[wasm_bindgen_test]
async fn a_refused_store_is_told_once_and_the_stream_goes_on() {
    check_failing(
        "window.__storage = Object.getOwnPropertyDescriptor(window, 'localStorage');
         Object.defineProperty(window, 'localStorage',
           { configurable: true, get() { throw new DOMException('denied', 'SecurityError') } })",
        "Object.defineProperty(window, 'localStorage', window.__storage)",
        ErrorCode::StorageDenied,
    )
    .await;
}

#[wasm_bindgen_test]
async fn an_absent_store_is_refused() {
    check_failing(
        "window.__storage = Object.getOwnPropertyDescriptor(window, 'localStorage');
         Object.defineProperty(window, 'localStorage', { configurable: true, get() { return null } })",
        "Object.defineProperty(window, 'localStorage', window.__storage)",
        ErrorCode::StorageDenied,
    )
    .await;
}

#[wasm_bindgen_test]
async fn a_record_lets_the_next_page_rejoin_and_goes_when_the_run_is_over() {
    let _undo = Undo("localStorage.clear()");
    let server = FakeServer::install();
    let mut options = options();
    options.storage = Rc::new(LocalStore);
    options.headers = Some(header_futures(|_| {
        Box::pin(async { Ok(vec![("x-api-key".into(), "secret-value".into())]) })
    }));
    let stream = Stream::new(options.clone());
    let call = live(&stream, &server).await;
    call.send(&token(1, "one"));
    call.send(&token(2, " two"));
    until("the tokens", || answer_text(&stream) == "one two").await;
    let thread_id: ThreadId = stream.with_view(|view| view.thread_id().cloned()).unwrap();
    // As when the component that shows it is left: no page event tells of that.
    drop(stream);
    // The thread's, and the one that finds the thread by its run.
    assert_eq!(stored_keys(), 2);
    assert_eq!(
        eval("JSON.stringify(localStorage).includes('secret-value')"),
        false
    );

    let next = Stream::new(options);
    next.switch_thread(Some(thread_id));
    until("the text is painted from the record", || {
        answer_text(&next) == "one two"
    })
    .await;
    let state = r#"{"values":{"messages":[]},"next":["chat"],"tasks":[],"checkpoint":{"checkpoint_id":"c"}}"#;
    server.request("/state").await.respond(200, state);
    server
        .request("GET /api/threads/")
        .await
        .respond(200, r#"{"thread_id":"t","status":"busy","metadata":{}}"#);
    let run = r#"{"run_id":"run-1","thread_id":"t","status":"running"}"#;
    server.request("/runs/run-1").await.respond(200, run);
    let joined = server.request("/runs/run-1/stream").await;
    assert_eq!(joined.header("last-event-id").as_deref(), Some("1"));
    assert_eq!(joined.header("x-api-key").as_deref(), Some("secret-value"));
    joined.open();
    joined.send(&token(2, " two"));
    joined.send(&token(3, " three"));
    until("it goes on", || answer_text(&next) == "one two three").await;
    answer_finished(&server, "one two three");
    joined.close();
    until("the run is over", || {
        next.with_view(|view| !view.is_loading())
    })
    .await;
    assert_eq!(stored_keys(), 0);
}

#[wasm_bindgen_test]
async fn a_page_that_goes_away_stores_what_it_has() {
    for event in [
        "window.dispatchEvent(new PageTransitionEvent('pagehide'))",
        "document.dispatchEvent(new Event('freeze'))",
    ] {
        let _undo = Undo("localStorage.clear()");
        let server = FakeServer::install();
        let mut options = options();
        options.storage = Rc::new(LocalStore);
        // Not due for a long time.
        options.config.timeouts.record = Millis(600_000);
        let stream = Stream::new(options);
        let call = live(&stream, &server).await;
        call.send(&token(1, "unsaved"));
        until("the token", || answer_text(&stream) == "unsaved").await;
        eval(event);
        assert_eq!(
            eval("JSON.stringify(localStorage).includes('unsaved')"),
            true,
            "{event}"
        );
        let age = eval(
            "Date.now() - JSON.parse(Object.values(localStorage).find((text) => text.includes('saved_at'))).saved_at",
        )
            .as_f64()
            .unwrap();
        assert!(
            (0.0..60_000.0).contains(&age),
            "wall-clock time, not the page's: {age}"
        );
        drop(stream.submit(say("another")));
    }
}
