//! Streams that outlive their components, and what waits for a thread.

use crate::{
    chat,
    fake_server::{FakeServer, until},
    live, mount, options, texts, token,
};
use leptos::prelude::*;
use rejoin_leptos::prelude::*;
use std::sync::{Arc, Mutex};
use wasm_bindgen_test::wasm_bindgen_test;

#[wasm_bindgen_test]
async fn components_with_one_key_share_one_stream_that_outlives_them() {
    let server = FakeServer::install();
    let used: Arc<Mutex<Vec<UseStream>>> = Arc::default();
    let (shown, store) = (ArcRwSignal::new(true), Arc::new(Mutex::new(None)));
    let _page = mount(options(), {
        let (shown, used, store) = (shown.clone(), Arc::clone(&used), Arc::clone(&store));
        move |_| {
            *store.lock().unwrap() = Some(provide_stream_store());
            let one = move |used: &Arc<Mutex<Vec<UseStream>>>| {
                let stream = use_shared_stream("chat", options);
                used.lock().unwrap().push(stream);
                chat(stream)
            };
            let others = Arc::clone(&used);
            view! {
                {one(&others)}
                {move || shown.get().then(|| one(&used))}
            }
        }
    });
    until("both are there", || used.lock().unwrap().len() == 2).await;
    let stream = used.lock().unwrap()[0];
    let call = live(stream, &server).await;
    call.send(&token(1, "ai-1", "Hel"));
    let newest = || *used.lock().unwrap().last().unwrap();
    until("both show it", || texts(newest()) == ["hi", "Hel"]).await;

    shown.set(false);
    crate::fake_server::next_frame().await;
    assert!(!call.is_aborted(), "the stream is not the component's");
    shown.set(true);
    until("it is back", || used.lock().unwrap().len() == 3).await;
    assert_eq!(texts(newest()), ["hi", "Hel"]);
    assert!(newest().is_loading.get_untracked());
    assert_eq!(server.lines().len(), 1, "{:?}", server.lines());

    let store = store.lock().unwrap().unwrap();
    store.remove("chat");
    until("it is let go", || call.is_aborted()).await;
}

#[wasm_bindgen_test]
async fn a_resource_waits_until_the_thread_is_loaded() {
    let server = FakeServer::install();
    let is_loaded = Arc::new(Mutex::new(None));
    let page = mount(options().thread_id("t"), {
        let is_loaded = Arc::clone(&is_loaded);
        move |stream| {
            let resource = LocalResource::new(move || stream.loaded());
            *is_loaded.lock().unwrap() = Some(resource);
        }
    });
    let resource = is_loaded.lock().unwrap().take().unwrap();
    crate::fake_server::next_frame().await;
    assert!(resource.read_untracked().is_none());
    let state = server.request("/state").await;
    let thread = server.request("GET /api/threads/t").await;
    state.respond(200, r#"{"values":{"messages":[]},"next":[],"tasks":[]}"#);
    thread.respond(200, r#"{"thread_id":"t","status":"idle","metadata":{}}"#);
    until("it is loaded", || resource.read_untracked().is_some()).await;
    assert!(!page.stream.is_thread_loading.get_untracked());
}
