//! Threads' last states, saved in the browser.

use crate::{
    chat,
    fake_server::{FakeServer, eval, sleep, until},
    mount, options,
};
use leptos::prelude::*;
use rejoin_leptos::prelude::*;
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::wasm_bindgen_test;

/// How many states are saved.
async fn saved() -> f64 {
    let count = "(async () => {
        const all = await indexedDB.databases();
        if (!all.some(({ name }) => name === 'rejoin')) return 0;
        const done = (asked) => new Promise((done, failed) => { asked.onsuccess = () => done(asked.result); asked.onerror = failed; });
        const db = await done(indexedDB.open('rejoin'));
        const keys = await done(db.transaction('states').objectStore('states').getAllKeys());
        db.close();
        return keys.filter((key) => key !== 'index').length;
    })()";
    let count = JsFuture::from(js_sys::Promise::from(eval(count))).await;
    count.unwrap().as_f64().unwrap()
}

async fn until_saved(states: f64) {
    for _ in 0..400 {
        if saved().await == states {
            return;
        }
        sleep(25).await;
    }
    panic!("{} states are saved, not {states}", saved().await);
}

fn cached(thread: &str) -> UseStreamOptions {
    options().thread_id(thread).cache(Cache {
        identity: Some("ann".to_owned()),
        ..Cache::default()
    })
}

#[wasm_bindgen_test]
async fn a_saved_thread_is_shown_at_once_and_forgotten_when_it_is_deleted() {
    let said = r#"{"values":{"messages":[{"id":"h","type":"human","content":"hi"}]},"next":[],"tasks":[],"checkpoint":{"checkpoint_id":"c"}}"#;
    let thread = r#"{"thread_id":"forgotten","status":"idle"}"#;
    {
        let server = FakeServer::install();
        server.answer("/threads/forgotten/state", 200, said);
        server.answer("/threads/forgotten", 200, thread);
        let page = mount(cached("forgotten"), chat);
        until("the server's word", || page.text().ends_with("hi")).await;
        until_saved(1.0).await;
    }
    let server = FakeServer::install();
    let page = mount(cached("forgotten"), chat);
    let stream = page.stream;
    until("what was saved", || page.text().ends_with("hi")).await;
    assert_eq!(stream.connection.get_untracked(), Connection::Saved);
    assert!(stream.is_thread_loading.get_untracked());
    stream.forget_thread("forgotten");
    until_saved(0.0).await;
    drop(server);
}
