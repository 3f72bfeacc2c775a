//! Two clients in one page stand for two tabs: locks and channels do not know the difference.

use crate::{
    METADATA, answer_text,
    fake_server::{Call, FakeServer, eval, sleep, until},
    options, say, token,
};
use js_sys::{Array, Promise};
use rejoin_browser::{ShareConnections, Stream, StreamOptions, header_futures};
use std::{cell::Cell, rc::Rc};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::wasm_bindgen_test;

/// A thread that no other test has, so that no other test's tabs share its streams.
struct Thread {
    server: FakeServer,
    id: String,
}

impl Thread {
    fn new() -> Self {
        let id = rejoin_browser::random_uuid();
        let server = FakeServer::install();
        Self { server, id }
    }

    fn tab(&self, mut options: StreamOptions) -> Stream {
        options.config.load_thread = false;
        options.config.rejoin_on_mount = false;
        let stream = Stream::new(options);
        stream.switch_thread(Some(self.id.as_str().into()));
        stream
    }

    /// A tab that has begun a run.
    async fn first(&self, options: StreamOptions) -> (Stream, Call) {
        let first = self.tab(options);
        drop(first.submit(say("hi")));
        let call = self.server.request("/runs/stream").await;
        let location = format!("/threads/{}/runs/run-1", self.id);
        let headers = [
            ("content-type", "text/event-stream"),
            ("content-location", location.as_str()),
        ];
        call.open_as(200, &headers);
        call.send(&[METADATA, &token(1, "one ")].concat());
        until("the first tab's text", || answer_text(&first) == "one ").await;
        (first, call)
    }

    fn joined(&self, options: StreamOptions) -> Stream {
        let stream = self.tab(options);
        drop(stream.join_stream(Some("run-1".into())));
        stream
    }

    fn joins(&self) -> usize {
        let lines = self.server.lines();
        lines
            .iter()
            .filter(|line| line.contains("/run-1/stream"))
            .count()
    }
}

#[wasm_bindgen_test]
async fn a_second_tab_is_given_what_the_first_receives() {
    let thread = Thread::new();
    let (first, call) = thread.first(options()).await;
    let second = thread.joined(options());
    until("the text so far", || answer_text(&second) == "one ").await;
    call.send(&token(2, "two "));
    until("the next text", || answer_text(&second) == "one two ").await;
    assert_eq!(answer_text(&first), "one two ");
    assert_eq!(thread.joins(), 0);
}

#[wasm_bindgen_test]
async fn a_tab_goes_on_where_the_one_that_led_is_gone() {
    let thread = Thread::new();
    let (first, call) = thread.first(options()).await;
    let tabs = [thread.joined(options()), thread.joined(options())];
    for tab in &tabs {
        until("the text so far", || answer_text(tab) == "one ").await;
    }
    call.send(&token(2, "two "));
    for tab in &tabs {
        until("the next text", || answer_text(tab) == "one two ").await;
    }
    first.dispose();
    assert!(call.is_aborted());
    let join = thread.server.request("/run-1/stream").await;
    assert_eq!(join.header("last-event-id").as_deref(), Some("1"));
    join.open();
    join.send(&[token(2, "two "), token(3, "three")].concat());
    for tab in &tabs {
        until("the text goes on", || answer_text(tab) == "one two three").await;
    }
    assert_eq!(thread.joins(), 1);
}

#[wasm_bindgen_test]
async fn the_lock_is_taken_from_a_tab_that_is_frozen() {
    let thread = Thread::new();
    let (first, _call) = thread.first(options()).await;
    let second = thread.joined(options());
    until("the text so far", || answer_text(&second) == "one ").await;
    first.dispose();
    let join = thread.server.request("/run-1/stream").await;
    // A page that is frozen has the lock and says nothing.
    let steal = "navigator.locks.query().then(({ held }) => Promise.all(held.map(({ name }) => new Promise((taken) => { navigator.locks.request(name, { steal: true }, () => { taken(name); return new Promise(() => {}); }).catch(() => {}); }))))";
    let names: Promise = eval(steal).unchecked_into();
    let names: Array = JsFuture::from(names).await.unwrap().unchecked_into();
    assert!(names.length() >= 1);
    assert!(join.is_aborted(), "a connection that was taken goes on");
    thread.server.answer(
        "/runs/run-1",
        200,
        r#"{"run_id":"run-1","thread_id":"t","status":"running"}"#,
    );
    let own = thread.server.request("/run-1/stream").await;
    own.open();
    own.send(&[token(1, "one "), token(2, "two")].concat());
    until("the text goes on", || answer_text(&second) == "one two").await;
}

fn with_token(token: &'static str) -> StreamOptions {
    let mut options = options();
    options.headers = Some(header_futures(move |_| {
        Box::pin(async move { Ok(vec![("authorization".to_owned(), token.to_owned())]) })
    }));
    options
}

#[wasm_bindgen_test]
async fn tabs_of_two_users_share_nothing() {
    let thread = Thread::new();
    let (_first, _call) = thread.first(with_token("Bearer a")).await;
    let other = thread.joined(with_token("Bearer b"));
    let join = thread.server.request("/run-1/stream").await;
    assert_eq!(join.header("authorization").as_deref(), Some("Bearer b"));
    assert_eq!(answer_text(&other), "");
    // The same user again, in a third tab.
    let own = thread.joined(with_token("Bearer a"));
    until("the text so far", || answer_text(&own) == "one ").await;
    assert_eq!(thread.joins(), 1);
    assert_eq!(answer_text(&other), "");
}

#[wasm_bindgen_test]
async fn an_application_can_name_the_user() {
    let named = |user: &str, token| StreamOptions {
        share_connections: ShareConnections::As(user.to_owned()),
        ..with_token(token)
    };
    let thread = Thread::new();
    let (_first, _call) = thread.first(named("ann", "Bearer 1")).await;
    let same = thread.joined(named("ann", "Bearer 2"));
    until("the text so far", || answer_text(&same) == "one ").await;
    assert_eq!(thread.joins(), 0);
    let _other = thread.joined(named("bob", "Bearer 1"));
    drop(thread.server.request("/run-1/stream").await);
}

#[wasm_bindgen_test]
async fn names_of_locks_say_nothing() {
    let thread = Thread::new();
    let (_first, _call) = thread.first(with_token("Bearer secret")).await;
    let names = "navigator.locks.query().then(({ held }) => held.map(({ name }) => name))";
    let held = Rc::new(Cell::new(Array::new()));
    for _ in 0..100 {
        let names: Promise = eval(names).unchecked_into();
        held.set(JsFuture::from(names).await.unwrap().unchecked_into());
        let found = held.take();
        let any = found.length() > 0;
        held.set(found);
        if any {
            break;
        }
        sleep(5).await;
    }
    let held = held.take();
    assert!(held.length() > 0);
    for name in held.iter() {
        let name = name.as_string().unwrap();
        let digest = name.strip_prefix("rejoin:").unwrap();
        assert!(
            digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()),
            "{name}"
        );
    }
}

#[wasm_bindgen_test]
async fn without_locks_or_channels_each_tab_has_its_own_connection() {
    let missing = [
        (
            "Object.defineProperty(navigator, 'locks', { value: undefined, configurable: true })",
            "delete navigator.locks",
        ),
        (
            "{ const request = LockManager.prototype.request; self.restoreLocks = () => { LockManager.prototype.request = request; }; LockManager.prototype.request = () => { throw new DOMException('no', 'SecurityError'); }; }",
            "restoreLocks()",
        ),
        (
            "{ const request = LockManager.prototype.request; self.restoreLocks = () => { LockManager.prototype.request = request; }; LockManager.prototype.request = () => Promise.reject(new DOMException('no', 'SecurityError')); }",
            "restoreLocks()",
        ),
        (
            "{ const own = BroadcastChannel; self.restoreChannel = () => { self.BroadcastChannel = own; }; self.BroadcastChannel = undefined; }",
            "restoreChannel()",
        ),
        (
            "{ const own = BroadcastChannel; self.restoreChannel = () => { self.BroadcastChannel = own; }; self.BroadcastChannel = class { constructor() { throw new DOMException('no', 'SecurityError'); } }; }",
            "restoreChannel()",
        ),
        (
            "{ const digest = SubtleCrypto.prototype.digest; self.restoreDigest = () => { SubtleCrypto.prototype.digest = digest; }; SubtleCrypto.prototype.digest = () => Promise.reject(new Error('no')); }",
            "restoreDigest()",
        ),
    ];
    for (breaks, restores) in missing {
        let thread = Thread::new();
        eval(breaks);
        let (first, call) = thread.first(options()).await;
        let second = thread.joined(options());
        let join = thread.server.request("/run-1/stream").await;
        join.open();
        join.send(&[METADATA, &token(1, "one ")].concat());
        until("the second tab's text", || answer_text(&second) == "one ").await;
        call.send(&token(2, "two"));
        until("the first tab goes on", || answer_text(&first) == "one two").await;
        eval(restores);
        for tab in [first, second] {
            assert!(tab.with_view(|view| view.error().is_none()), "{breaks}");
        }
    }
}
