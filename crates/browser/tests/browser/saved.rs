//! Threads' last states in IndexedDB, which works, or does not.

use crate::{
    fake_server::{FakeServer, eval, sleep, until},
    notices, options, say,
};
use rejoin_browser::{LocalStore, Stream, StreamOptions, clear_data, header_futures};
use rejoin_core::{Cache, Connection, Input, Notice};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::wasm_bindgen_test;

/// Undoes a script's mischief.
struct Undo(&'static str);

impl Drop for Undo {
    fn drop(&mut self) {
        eval(self.0);
    }
}

async fn run(script: &str) -> JsValue {
    let script = format!("(async () => {{ {script} }})()");
    JsFuture::from(js_sys::Promise::from(eval(&script)))
        .await
        .expect("the test's own script")
}

/// Nothing is saved, and what is not ours is gone too.
async fn emptied() {
    run("await new Promise((done, failed) => {
           const asked = indexedDB.deleteDatabase('rejoin');
           asked.onsuccess = done;
           asked.onerror = failed;
         });
         localStorage.clear();")
    .await;
}

/// What is saved: the index, or nothing, and how many states.
async fn held() -> (Option<String>, usize) {
    let found = run("const all = await indexedDB.databases();
         if (!all.some(({ name }) => name === 'rejoin')) return [null, 0];
         const db = await new Promise((done) => { indexedDB.open('rejoin').onsuccess = ({ target }) => done(target.result); });
         const get = (make) => new Promise((done) => { make(db.transaction('states').objectStore('states')).onsuccess = ({ target }) => done(target.result); });
         const index = await get((store) => store.get('index'));
         const count = await get((store) => store.count());
         db.close();
         return [index ?? null, index === undefined ? count : count - 1];")
    .await;
    let found = js_sys::Array::from(&found);
    (
        found.get(0).as_string(),
        found.get(1).as_f64().unwrap() as usize,
    )
}

async fn held_states() -> usize {
    held().await.1
}

async fn until_held(states: usize) {
    for _ in 0..400 {
        if held_states().await == states {
            return;
        }
        sleep(25).await;
    }
    panic!("{:?} are saved, not {states}", held().await);
}

fn of(identity: &str) -> Cache {
    Cache {
        identity: Some(identity.to_owned()),
        ..Cache::default()
    }
}

fn caching(cache: Cache) -> StreamOptions {
    let mut options = options();
    options.cache = Some(cache);
    options
}

fn state(text: &str) -> String {
    serde_json::json!({
        "values": { "messages": [{ "id": "h1", "type": "human", "content": text }] },
        "next": [], "tasks": [],
        "checkpoint": { "thread_id": "t", "checkpoint_ns": "", "checkpoint_id": "c1" },
    })
    .to_string()
}

const IDLE: &str = r#"{"thread_id":"t","status":"idle"}"#;

fn first_text(stream: &Stream) -> Option<String> {
    stream.with_view(|view| {
        let first = view.messages().first()?;
        Some(first.message.content.text().into_owned())
    })
}

fn warnings(heard: &std::cell::RefCell<Vec<Notice>>) -> Vec<&'static str> {
    let code = |notice: &Notice| match notice {
        Notice::Warning(error) => Some(error.code.as_str()),
        Notice::StorageFailed { code } => Some(code.as_str()),
        _ => None,
    };
    heard.borrow().iter().filter_map(code).collect()
}

/// Enters a thread and lets its state be saved.
async fn entered_and_saved(options: StreamOptions, thread: &str, text: &str) -> Stream {
    let server = FakeServer::install();
    server.answer(&format!("/threads/{thread}/state"), 200, &state(text));
    server.answer(&format!("/threads/{thread}"), 200, IDLE);
    let stream = Stream::new(options);
    stream.switch_thread(Some(thread.into()));
    until("the answer", || {
        first_text(&stream).as_deref() == Some(text)
    })
    .await;
    // As when the tab is left.
    stream.send(Input::BecameHidden);
    stream
}

/// Enters a thread of which the server says nothing yet.
async fn entered(options: StreamOptions, thread: &str) -> (Stream, FakeServer) {
    let server = FakeServer::install();
    let stream = Stream::new(options);
    stream.switch_thread(Some(thread.into()));
    (stream, server)
}

async fn shows_nothing(options: StreamOptions) {
    let (stream, _server) = entered(options, "t").await;
    sleep(200).await;
    assert_eq!(first_text(&stream), None);
}

#[wasm_bindgen_test]
async fn a_saved_thread_is_shown_before_the_server_has_answered() {
    emptied().await;
    drop(entered_and_saved(caching(of("ann")), "t", "hi").await);
    until_held(1).await;
    let (stream, server) = entered(caching(of("ann")), "t").await;
    until("the saved text", || {
        first_text(&stream).as_deref() == Some("hi")
    })
    .await;
    let (connection, is_loading) =
        stream.with_view(|view| (view.connection(), view.is_thread_loading()));
    assert_eq!((connection, is_loading), (Connection::Saved, true));
    server
        .request("/threads/t/state")
        .await
        .respond(200, &state("hi"));
    server.request("/threads/t").await.respond(200, IDLE);
    until("the answer", || {
        stream.with_view(|view| !view.is_thread_loading())
    })
    .await;
}

#[wasm_bindgen_test]
async fn another_user_never_sees_it() {
    emptied().await;
    drop(entered_and_saved(caching(of("ann")), "t", "Ann's").await);
    until_held(1).await;
    shows_nothing(caching(of("bob"))).await;
    shows_nothing(caching(of(""))).await;
    let mut elsewhere = caching(of("ann"));
    elsewhere.config.api_url = "/another".to_owned();
    shows_nothing(elsewhere).await;
    let (index, _) = held().await;
    assert!(!index.unwrap().contains("ann"), "names tell nothing");
}

#[wasm_bindgen_test]
async fn headers_name_the_user_where_nothing_else_does() {
    emptied().await;
    let with_token = |token: &'static str| {
        let mut options = caching(Cache::default());
        options.headers = Some(header_futures(move |_| {
            let headers = vec![("authorization".to_owned(), token.to_owned())];
            Box::pin(async move { Ok(headers) })
        }));
        options
    };
    let stream = entered_and_saved(with_token("Ann's token"), "t", "Ann's").await;
    until_held(1).await;
    drop(stream);
    shows_nothing(with_token("Bob's token")).await;
    let (stream, _server) = entered(with_token("Ann's token"), "t").await;
    until("her text", || first_text(&stream).is_some()).await;
    let (index, _) = held().await;
    assert!(!index.unwrap().contains("token"));
}

#[wasm_bindgen_test]
async fn headers_that_name_another_user_by_now_save_nothing() {
    emptied().await;
    let calls = std::rc::Rc::new(std::cell::Cell::new(0));
    let mut options = caching(Cache::default());
    options.headers = Some(header_futures({
        let calls = std::rc::Rc::clone(&calls);
        move |_| {
            // Two requests and the name are Ann's.
            calls.set(calls.get() + 1);
            let user = if calls.get() > 3 { "bob" } else { "ann" };
            let headers = vec![("authorization".to_owned(), user.to_owned())];
            Box::pin(async move { Ok(headers) })
        }
    }));
    let _stream = entered_and_saved(options, "t", "Ann's").await;
    sleep(300).await;
    assert!(calls.get() > 3, "the headers are made for the name too");
    assert_eq!(held_states().await, 0);
}

#[wasm_bindgen_test]
async fn without_a_user_nothing_is_saved_and_that_is_told_once() {
    emptied().await;
    let server = FakeServer::install();
    server.answer("/state", 200, &state("hi"));
    server.answer("/threads/t", 200, IDLE);
    let stream = Stream::new(caching(Cache::default()));
    let (heard, _subscription) = notices(&stream);
    stream.switch_thread(Some("t".into()));
    until("the answer", || first_text(&stream).is_some()).await;
    stream.send(Input::BecameHidden);
    sleep(200).await;
    assert_eq!(warnings(&heard), ["cache_unavailable"]);
    assert_eq!(held_states().await, 0);
}

#[wasm_bindgen_test]
async fn what_was_used_longest_ago_goes() {
    emptied().await;
    let cache = || Cache {
        threads_max: 2,
        ..of("ann")
    };
    for thread in ["a", "b", "c"] {
        drop(entered_and_saved(caching(cache()), thread, thread).await);
        sleep(100).await;
    }
    until_held(2).await;
    let (stream, _server) = entered(caching(cache()), "c").await;
    until("the newest", || first_text(&stream).is_some()).await;
    let (stream, _server) = entered(caching(cache()), "a").await;
    sleep(200).await;
    assert_eq!(first_text(&stream), None);
}

#[wasm_bindgen_test]
async fn a_thread_that_is_gone_is_removed() {
    emptied().await;
    drop(entered_and_saved(caching(of("ann")), "t", "hi").await);
    until_held(1).await;
    let (stream, server) = entered(caching(of("ann")), "t").await;
    until("the saved text", || first_text(&stream).is_some()).await;
    server.request("/threads/t/state").await.respond(404, "{}");
    server.request("/threads/t").await.respond(404, "{}");
    until("that it is gone", || first_text(&stream).is_none()).await;
    until_held(0).await;
}

#[wasm_bindgen_test]
async fn a_logout_removes_everything_and_nothing_is_written_after_it() {
    emptied().await;
    let stream = entered_and_saved(caching(of("ann")), "t", "hi").await;
    until_held(1).await;
    eval("localStorage.setItem('rejoin:1:x', '1'); sessionStorage.setItem('rejoin:1:y', '1');
          localStorage.setItem('rejoin.events|t', '1'); localStorage.setItem('rejoin-demo.theme', 'dark'); localStorage.setItem('another', '1')");
    assert_eq!(clear_data().await, Ok(()));
    let left = eval("[...Object.keys(localStorage), ...Object.keys(sessionStorage)].sort().join()");
    assert_eq!(
        left.as_string().as_deref(),
        Some("another,rejoin-demo.theme,rejoin-logout,rejoin-logout")
    );
    // The thread changes, and the page is left.
    let server = FakeServer::install();
    server.answer("/threads/u/state", 200, &state("later"));
    server.answer("/threads/u", 200, IDLE);
    let (heard, _subscription) = notices(&stream);
    stream.send(Input::BecameVisible);
    stream.switch_thread(Some("u".into()));
    until("the answer", || {
        first_text(&stream).as_deref() == Some("later")
    })
    .await;
    stream.send(Input::BecameHidden);
    drop(stream);
    sleep(200).await;
    assert_eq!(held().await, (None, 0));
    assert!(warnings(&heard).is_empty());
    // The next user begins anew.
    drop(entered_and_saved(caching(of("bob")), "t", "Bob's").await);
    until_held(1).await;
    eval("localStorage.clear()");
}

/// As another tab of this browser does, on a logout there.
const LOGOUT_ELSEWHERE: &str =
    "const frame = document.body.appendChild(document.createElement('iframe'));
    const { localStorage: shared } = frame.contentWindow;
    for (const key of Object.keys(shared)) if (key.startsWith('rejoin:')) shared.removeItem(key);
    const heard = new Promise((done) => addEventListener('storage', ({ key }) => { if (key === 'rejoin-logout') done(); }));
    shared.setItem('rejoin-logout', String(Math.random()));
    await heard;
    frame.remove();";

#[wasm_bindgen_test]
async fn a_logout_in_another_tab_is_one_here_too() {
    emptied().await;
    let server = FakeServer::install();
    server.answer("/threads/t/state", 200, &state("Ann's"));
    server.answer("/threads/t", 200, IDLE);
    let mut options = caching(of("ann"));
    options.storage = std::rc::Rc::new(LocalStore);
    let stream = Stream::new(options);
    stream.switch_thread(Some("t".into()));
    until("the answer", || first_text(&stream).is_some()).await;
    eval(
        "localStorage.setItem('rejoin:1:x', '1'); sessionStorage.setItem('rejoin:1:y', '1'); sessionStorage.setItem('another', '1')",
    );
    run(LOGOUT_ELSEWHERE).await;
    let ours = "[...Object.keys(localStorage), ...Object.keys(sessionStorage)].filter((key) => key.startsWith('rejoin:')).join()";
    assert_eq!(eval(ours).as_string().as_deref(), Some(""));
    // What she says now, and what of her thread is not saved yet, is stored nowhere.
    drop(stream.submit(say("more")));
    sleep(50).await;
    stream.send(Input::BecameHidden);
    drop(stream);
    sleep(200).await;
    assert_eq!(eval(ours).as_string().as_deref(), Some(""));
    assert_eq!(held_states().await, 0);
    // Whoever comes next begins anew.
    drop(entered_and_saved(caching(of("bob")), "t", "Bob's").await);
    until_held(1).await;
    eval("localStorage.clear(); sessionStorage.clear()");
}

/// With storage that is out of order all is as without it, and that is told once at most.
async fn check_failing(mischief: &str, undo: &'static str, warned: &[&str]) {
    eval(mischief);
    let _undo = Undo(undo);
    let server = FakeServer::install();
    server.answer("/state", 200, &state("hi"));
    server.answer("/threads/t", 200, IDLE);
    let stream = Stream::new(caching(of("ann")));
    let (heard, _subscription) = notices(&stream);
    stream.switch_thread(Some("t".into()));
    until("the answer", || {
        first_text(&stream).as_deref() == Some("hi")
    })
    .await;
    for _ in 0..3 {
        stream.send(Input::BecameHidden);
        stream.send(Input::BecameVisible);
        stream.switch_thread(None);
        stream.switch_thread(Some("t".into()));
        until("the answer again", || first_text(&stream).is_some()).await;
        sleep(30).await;
    }
    assert_eq!(warnings(&heard), warned, "{mischief}");
}

/// Something in the place of the page's own factory.
fn instead(of: &str) -> String {
    format!(
        "window.__factory = Object.getOwnPropertyDescriptor(window, 'indexedDB'); Object.defineProperty(window, 'indexedDB', {{ configurable: true, {of} }})"
    )
}

const BACK: &str = "Object.defineProperty(window, 'indexedDB', window.__factory)";

#[wasm_bindgen_test]
async fn a_database_that_is_missing_or_refused_is_told_once() {
    emptied().await;
    for factory in [
        "value: undefined",
        "value: null",
        "value: {}",
        "get() { throw new DOMException('refused', 'SecurityError') }",
        "value: { open() { throw new DOMException('refused', 'SecurityError') } }",
        "value: { open() { const asked = {}; setTimeout(() => asked.onerror?.({}), 5);
           return Object.assign(asked, { error: new DOMException('private', 'InvalidStateError') }); } }",
    ] {
        check_failing(&instead(factory), BACK, &["cache_unavailable"]).await;
    }
}

#[wasm_bindgen_test]
async fn a_database_that_never_answers_is_not_waited_for() {
    emptied().await;
    check_failing(&instead("value: { open: () => ({}) }"), BACK, &[]).await;
}

#[wasm_bindgen_test]
async fn somebody_elses_database_is_left_alone() {
    emptied().await;
    let other = |version: u32, store: &str| {
        format!(
            "const asked = indexedDB.open('rejoin', {version});
             asked.onupgradeneeded = () => asked.result.createObjectStore('{store}').put('precious', 'key');
             await new Promise((done) => {{ asked.onsuccess = done; }});
             asked.result.close();"
        )
    };
    for (version, store) in [(1, "theirs"), (7, "states"), (7, "theirs")] {
        emptied().await;
        run(&other(version, store)).await;
        check_failing("0", "0", &["cache_unavailable"]).await;
        let kept = run(&format!(
            "const db = await new Promise((done) => {{ indexedDB.open('rejoin').onsuccess = ({{ target }}) => done(target.result); }});
             const asked = db.transaction('{store}').objectStore('{store}').get('key');
             const found = await new Promise((done) => {{ asked.onsuccess = () => done(asked.result); }});
             db.close();
             return found;"
        ))
        .await;
        assert_eq!(
            kept.as_string().as_deref(),
            Some("precious"),
            "{version} {store}"
        );
    }
    emptied().await;
}

#[wasm_bindgen_test]
async fn a_full_disk_is_told_once() {
    emptied().await;
    check_failing(
        "window.__put = IDBObjectStore.prototype.put;
         IDBObjectStore.prototype.put = function (...given) {
           const asked = window.__put.apply(this, given);
           this.transaction.abort();
           return asked;
         }",
        "IDBObjectStore.prototype.put = window.__put",
        &["cache_unavailable"],
    )
    .await;
    assert_eq!(held_states().await, 0);
}

#[wasm_bindgen_test]
async fn damaged_contents_are_as_good_as_none() {
    for damage in [
        "store.put('not JSON', 'index')",
        "store.put(7, 'index')",
        "store.delete('index')",
        "store.put('[{\"name\":1}]', 'index')",
        "store.put({ odd: true }, name)",
        "store.put('not JSON', name)",
        "store.put('{\"v\":9}', name)",
    ] {
        emptied().await;
        drop(entered_and_saved(caching(of("ann")), "t", "old").await);
        until_held(1).await;
        run(&format!(
            "const db = await new Promise((done) => {{ indexedDB.open('rejoin').onsuccess = ({{ target }}) => done(target.result); }});
             const store = db.transaction('states', 'readwrite').objectStore('states');
             const keys = await new Promise((done) => {{ store.getAllKeys().onsuccess = ({{ target }}) => done(target.result); }});
             const name = keys.find((key) => key !== 'index');
             {damage};
             await new Promise((done) => {{ store.transaction.oncomplete = done; }});
             db.close();"
        ))
        .await;
        let server = FakeServer::install();
        server.answer("/state", 200, &state("new"));
        server.answer("/threads/t", 200, IDLE);
        let stream = Stream::new(caching(of("ann")));
        let (heard, _subscription) = notices(&stream);
        stream.switch_thread(Some("t".into()));
        until("the answer", || {
            first_text(&stream).as_deref() == Some("new")
        })
        .await;
        sleep(50).await;
        stream.send(Input::BecameHidden);
        until_held(1).await;
        assert!(warnings(&heard).is_empty(), "{damage}");
        drop(stream);
        let (stream, _server) = entered(caching(of("ann")), "t").await;
        until("what is saved now", || {
            first_text(&stream).as_deref() == Some("new")
        })
        .await;
    }
}
