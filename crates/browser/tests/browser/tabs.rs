//! Two clients in one page stand for two tabs: locks and channels do not know the difference.

use crate::{
    METADATA, answer_text,
    fake_server::{Call, FakeServer, eval, sleep, until},
    say, token,
};
use js_sys::{Array, Promise};
use rejoin_browser::{ShareConnections, Stream, StreamOptions, header_futures};
use rejoin_core::{Millis, wire::ThreadId};
use std::{cell::Cell, rc::Rc};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::wasm_bindgen_test;

/// How a tab is opened.
struct Opened {
    options: StreamOptions,
    share: ShareConnections,
}

impl Opened {
    fn stream(self) -> Stream {
        let stream = Stream::new(self.options);
        stream.share_connections(Some(self.share));
        stream
    }
}

fn opened() -> Opened {
    Opened {
        options: crate::options(),
        share: ShareConnections::SameHeaders,
    }
}

/// What the server says of the run.
const RUNNING: &str = r#"{"run_id":"run-1","thread_id":"t","status":"running"}"#;

/// A run on a thread of its own, so that no other test's tabs share its stream.
struct Run {
    server: FakeServer,
    thread: ThreadId,
    /// The connection that it was begun with.
    call: Call,
    first: Stream,
}

impl Run {
    /// A tab begins a run.
    async fn begun(opened: Opened) -> Self {
        let server = FakeServer::install();
        let first = opened.stream();
        first.switch_thread(None);
        drop(first.submit(say("hi")));
        let call = server.request("/runs/stream").await;
        let thread = first.with_view(|view| view.thread_id().unwrap().clone());
        let location = format!("/threads/{}/runs/run-1", thread.as_str());
        let headers = [
            ("content-type", "text/event-stream"),
            ("content-location", location.as_str()),
        ];
        call.open_as(200, &headers);
        call.send(&[METADATA, &token(1, "one ")].concat());
        until("the first tab's text", || answer_text(&first) == "one ").await;
        Self {
            server,
            thread,
            call,
            first,
        }
    }

    /// Another tab joins it.
    async fn joined(&self, mut opened: Opened) -> Stream {
        opened.options.config.load_thread = false;
        let stream = opened.stream();
        stream.switch_thread(Some(self.thread.clone()));
        let line = format!("GET /api/threads/{}", self.thread.as_str());
        let asked = self.server.request(&line).await;
        let thread = self.thread.as_str();
        asked.respond(
            200,
            &format!(r#"{{"thread_id":"{thread}","status":"idle","metadata":{{}}}}"#),
        );
        drop(stream.join_stream(Some("run-1".into())));
        let asked = self.server.request("/runs/run-1").await;
        asked.respond(200, RUNNING);
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
    let run = Run::begun(opened()).await;
    let second = run.joined(opened()).await;
    until("the text so far", || answer_text(&second) == "one ").await;
    run.call.send(&token(2, "two "));
    until("the next text", || answer_text(&second) == "one two ").await;
    assert_eq!(answer_text(&run.first), "one two ");
    assert_eq!(run.joins(), 0);
}

#[wasm_bindgen_test]
async fn a_tab_goes_on_where_the_one_that_led_is_gone() {
    let run = Run::begun(opened()).await;
    let tabs = [run.joined(opened()).await, run.joined(opened()).await];
    for tab in &tabs {
        until("the text so far", || answer_text(tab) == "one ").await;
    }
    run.call.send(&token(2, "two "));
    for tab in &tabs {
        until("the next text", || answer_text(tab) == "one two ").await;
    }
    run.first.dispose();
    assert!(run.call.is_aborted());
    let join = run.server.request("/run-1/stream").await;
    assert_eq!(join.header("last-event-id").as_deref(), Some("1"));
    join.open();
    join.send(&[token(2, "two "), token(3, "three")].concat());
    for tab in &tabs {
        until("the text goes on", || answer_text(tab) == "one two three").await;
    }
    assert_eq!(run.joins(), 1);
}

#[wasm_bindgen_test]
async fn the_lock_is_taken_from_a_tab_that_is_frozen() {
    let run = Run::begun(opened()).await;
    let second = run.joined(opened()).await;
    until("the text so far", || answer_text(&second) == "one ").await;
    run.first.dispose();
    let join = run.server.request("/run-1/stream").await;
    // A page that is frozen has the lock and says nothing.
    let steal = "navigator.locks.query().then(({ held }) => Promise.all(held.map(({ name }) => new Promise((taken) => { navigator.locks.request(name, { steal: true }, () => { taken(name); return new Promise(() => {}); }).catch(() => {}); }))))";
    let names: Promise = eval(steal).unchecked_into();
    let names: Array = JsFuture::from(names).await.unwrap().unchecked_into();
    assert!(names.length() >= 1);
    assert!(join.is_aborted(), "a connection that was taken goes on");
    let asked = run.server.request("/runs/run-1").await;
    asked.respond(200, RUNNING);
    let own = run.server.request("/run-1/stream").await;
    own.open();
    own.send(&[token(1, "one "), token(2, "two")].concat());
    until("the text goes on", || answer_text(&second) == "one two").await;
}

fn with_token(token: &'static str) -> Opened {
    let mut opened = opened();
    opened.options.headers = Some(header_futures(move |_| {
        Box::pin(async move { Ok(vec![("authorization".to_owned(), token.to_owned())]) })
    }));
    opened
}

#[wasm_bindgen_test]
async fn tabs_of_two_users_share_nothing() {
    let run = Run::begun(with_token("Bearer a")).await;
    let other = run.joined(with_token("Bearer b")).await;
    let join = run.server.request("/run-1/stream").await;
    assert_eq!(join.header("authorization").as_deref(), Some("Bearer b"));
    assert_eq!(answer_text(&other), "");
    // The same user again, in a third tab.
    let own = run.joined(with_token("Bearer a")).await;
    until("the text so far", || answer_text(&own) == "one ").await;
    assert_eq!(run.joins(), 1);
    assert_eq!(answer_text(&other), "");
}

#[wasm_bindgen_test]
async fn an_application_can_name_the_user() {
    let named = |user: &str, token| Opened {
        share: ShareConnections::As(user.to_owned()),
        ..with_token(token)
    };
    let run = Run::begun(named("ann", "Bearer 1")).await;
    let same = run.joined(named("ann", "Bearer 2")).await;
    until("the text so far", || answer_text(&same) == "one ").await;
    assert_eq!(run.joins(), 0);
    let _other = run.joined(named("bob", "Bearer 1")).await;
    drop(run.server.request("/run-1/stream").await);
}

#[wasm_bindgen_test]
async fn names_of_locks_say_nothing() {
    let _run = Run::begun(with_token("Bearer secret")).await;
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
        eval(breaks);
        let run = Run::begun(opened()).await;
        let second = run.joined(opened()).await;
        let join = run.server.request("/run-1/stream").await;
        join.open();
        join.send(&[METADATA, &token(1, "one ")].concat());
        until("the second tab's text", || answer_text(&second) == "one ").await;
        run.call.send(&token(2, "two"));
        until("the first tab goes on", || {
            answer_text(&run.first) == "one two"
        })
        .await;
        eval(restores);
        for tab in [&run.first, &second] {
            assert!(tab.with_view(|view| view.error().is_none()), "{breaks}");
        }
    }
}

/// A tab that shows the run's thread, at rest.
async fn resting(run: &Run, thread: &ThreadId) -> Stream {
    let mut opened = opened();
    opened.options.config.load_thread = false;
    let stream = opened.stream();
    stream.switch_thread(Some(thread.clone()));
    let asked = run.server.request("GET /api/threads/").await;
    let thread = thread.as_str();
    let idle = format!(r#"{{"thread_id":"{thread}","status":"idle","metadata":{{}}}}"#);
    asked.respond(200, &idle);
    until("the thread", || {
        stream.with_view(|view| !view.is_thread_loading())
    })
    .await;
    stream
}

#[wasm_bindgen_test]
async fn what_one_tab_submits_the_others_show() {
    let run = Run::begun(opened()).await;
    let other = resting(&run, &run.thread).await;
    // The first tab has a run already, so a third submits.
    let third = resting(&run, &run.thread).await;
    // Both have the thread's channel by then.
    sleep(50).await;
    run.call.send(&token(2, "two"));
    drop(third.submit(say("more")));
    let posted = run.server.request("/runs/stream").await;
    let location = format!("/threads/{}/runs/run-2", run.thread.as_str());
    let headers = [
        ("content-type", "text/event-stream"),
        ("content-location", location.as_str()),
    ];
    posted.open_as(200, &headers);
    let listed = run.server.request("/runs?limit=100").await;
    listed.respond(200, r#"[{"run_id":"run-2","status":"running"}]"#);
    posted.send("event: metadata\ndata: {\"run_id\":\"run-2\",\"attempt\":1}\nid: 0\n\n");
    let chunk =
        serde_json::json!([{ "type": "AIMessageChunk", "id": "ai-2", "content": "hello" }, {}]);
    posted.send(&format!("event: messages\ndata: {chunk}\nid: 1\n\n"));
    until("the other tab's text", || answer_text(&other) == "hello").await;
    let lines = run.server.lines();
    let joins = lines.iter().filter(|line| line.contains("/run-2/stream"));
    assert_eq!(joins.count(), 0, "{lines:?}");
    // The tab that has begun the first run follows it still.
    assert_eq!(answer_text(&run.first), "one two");
}

/// How soon a silent connection is given up here.
const STALL: Millis = Millis(1_500);

#[wasm_bindgen_test]
async fn a_leader_that_answers_and_brings_nothing_is_given_up() {
    let patient = {
        let mut opened = opened();
        opened.options.config.timeouts.stall = Millis(60_000);
        opened
    };
    let run = Run::begun(patient).await;
    let mut hasty = opened();
    hasty.options.config.timeouts.stall = STALL;
    let second = run.joined(hasty).await;
    until("the text so far", || answer_text(&second) == "one ").await;
    // Nothing more comes on the leader's connection; it says each time that it leads.
    let join = run.server.request("/run-1/stream").await;
    join.open();
    join.send(&[token(1, "one "), token(2, "two")].concat());
    until("the second tab's text", || {
        answer_text(&second) == "one two"
    })
    .await;
    // The lock was taken from the first tab, which then sees that the run goes on.
    let asked = run.server.request("/runs/run-1").await;
    asked.respond(200, RUNNING);
    until("the first tab follows", || {
        answer_text(&run.first) == "one two"
    })
    .await;
    assert_eq!(run.joins(), 1);
}

#[wasm_bindgen_test]
async fn what_others_say_on_the_channel_costs_nothing() {
    let run = Run::begun(opened()).await;
    let second = run.joined(opened()).await;
    until("the text so far", || answer_text(&second) == "one ").await;
    let shout = "navigator.locks.query().then(async ({ held }) => {
        for (const { name } of held.filter(({ name }) => name.startsWith('rejoin:'))) {
            const channel = new BroadcastChannel(name);
            const of = (version, tag, ...rest) => new Uint8Array([version, tag, ...Array(8).fill(7), ...rest]);
            const bytes = [of(1, 7), of(3, 7), of(2, 99), of(2, 3), of(2, 4, 1), of(2, 0, ...Array(8).fill(0), 255), of(2, 7)];
            const odd = [null, 7, 'End', {}, [1, 2], { byteLength: 5, length: 1e9 }, { byteLength: 1e15 }, new ArrayBuffer(9), new Float64Array(3), new Map(), new Uint8Array(18e6)];
            for (const value of [...bytes, ...odd]) channel.postMessage(value);
            await new Promise((later) => setTimeout(later, 50));
            channel.close();
        }
        return held.length;
    })";
    let shouted: Promise = eval(shout).unchecked_into();
    let held = JsFuture::from(shouted).await.unwrap();
    assert!(held.as_f64().unwrap() >= 1.0);
    run.call.send(&token(2, "two"));
    for tab in [&run.first, &second] {
        until("the next text", || answer_text(tab) == "one two").await;
    }
    assert_eq!(run.joins(), 0);
}

#[wasm_bindgen_test]
async fn another_user_in_the_same_page_shares_with_nobody_of_before() {
    let mut ann = opened();
    ann.share = ShareConnections::As("ann".to_owned());
    let run = Run::begun(ann).await;
    let mut same = opened();
    same.share = ShareConnections::As("ann".to_owned());
    let second = run.joined(same).await;
    until("the text so far", || answer_text(&second) == "one ").await;
    second.share_connections(Some(ShareConnections::As("bob".to_owned())));
    let asked = run.server.request("/runs/run-1").await;
    asked.respond(200, RUNNING);
    let own = run.server.request("/run-1/stream").await;
    own.open();
    own.send(&[token(1, "one "), token(2, "two")].concat());
    until("the own connection's text", || {
        answer_text(&second) == "one two"
    })
    .await;
    assert_eq!(answer_text(&run.first), "one ");
    run.call.send(&token(2, "three"));
    until("the first tab's text", || {
        answer_text(&run.first) == "one three"
    })
    .await;
    assert_eq!(answer_text(&second), "one two");
}

/// The locks that are held and asked for in this origin.
async fn locks() -> Vec<String> {
    let names = "navigator.locks.query().then(({ held, pending }) => [...held, ...pending].map(({ name }) => name))";
    let names: Promise = eval(names).unchecked_into();
    let names: Array = JsFuture::from(names).await.unwrap().unchecked_into();
    names.iter().map(|name| name.as_string().unwrap()).collect()
}

#[wasm_bindgen_test]
async fn a_submission_whose_lock_is_stolen_waits_under_another_one() {
    let before = locks().await;
    let server = FakeServer::install();
    let stream = Stream::new(crate::options());
    stream.switch_thread(None);
    drop(stream.submit(say("hi")));
    let call = server.request("/runs/stream").await;
    let mut own = Vec::new();
    while own.is_empty() {
        sleep(5).await;
        own = locks().await;
        own.retain(|name| !before.contains(name));
    }
    let [own] = own.try_into().unwrap();
    let steal = format!(
        "navigator.locks.request('{own}', {{ steal: true }}, () => new Promise((settle) => {{ self.giveBack = settle; }})).catch(() => {{}})"
    );
    eval(&steal);
    let mut others = Vec::new();
    while others.is_empty() {
        sleep(5).await;
        others = locks().await;
        others.retain(|name| !before.contains(name) && *name != own);
    }
    eval("giveBack()");
    drop((call, stream));
}
