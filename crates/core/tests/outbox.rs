//! What is submitted and not known to be with the server: it is stored, shown as waiting, and sent once, in its order.

#![allow(clippy::unwrap_used, clippy::duplicate_mod)] // A panic is how a test fails.

mod support;

use rejoin_core::{
    CommandId, Input, Millis, Outcome, Submission, WaitingInput,
    wire::{Json, ThreadId},
};
use serde_json::Value;
use support::{Bench, give_locks, waiting};

const IDLE: &str = r#"{"thread_id":"t","status":"idle"}"#;
const EMPTY: &str = r#"{"values":{"messages":[]},"next":[],"tasks":[]}"#;
const RUNS: &str = "/runs?limit=100";

fn is(text: &str, state: &'static str) -> (String, &'static str) {
    (text.to_owned(), state)
}

fn thread(bench: &Bench) -> String {
    bench.client.view().thread_id().unwrap().to_string()
}

fn enter(bench: &mut Bench, thread: &str) {
    bench.feed(Input::ThreadSwitched {
        thread_id: Some(ThreadId::from(thread)),
    });
}

/// Enters a thread that the server has, and nothing runs on it.
fn enter_idle(bench: &mut Bench, thread: &str) {
    enter(bench, thread);
    loaded(bench, thread, EMPTY);
}

fn loaded(bench: &mut Bench, thread: &str, state: &str) {
    bench.answer(&format!("/threads/{thread}/state"), 200, state);
    bench.answer(&format!("/threads/{thread}"), 200, IDLE);
}

/// Gives the client every lock that it waits for: whoever had them is gone.
/// What was another tab's is read once more, to see whether storage has let go of it.
fn let_storage_be_read(bench: &mut Bench) {
    bench.pass(2_500);
}

fn cut_post(bench: &mut Bench) {
    let post = bench.asked("/runs/stream").0;
    bench.cut(post);
}

fn posts(bench: &Bench) -> Vec<Value> {
    let posts = bench
        .open
        .iter()
        .filter(|(_, r)| r.url.ends_with("/runs/stream"));
    let bodies = posts.map(|(_, r)| serde_json::from_str(r.body.as_ref().unwrap().text()).unwrap());
    bodies.collect()
}

fn said(body: &Value) -> &str {
    body["input"]["messages"][0]["content"].as_str().unwrap()
}

fn is_stored(bench: &Bench) -> bool {
    bench
        .stored
        .keys()
        .any(|key| key.starts_with("rejoin:1:outbox|"))
}

fn submit_as(bench: &mut Bench, command: u64, text: &str) {
    let input = serde_json::json!({ "messages": [{ "type": "human", "content": text }] });
    bench.feed(Input::SubmitRequested {
        command: CommandId(command),
        submission: Box::new(Submission {
            input: Some(Json::from_value(&input).unwrap()),
            ..Submission::default()
        }),
    });
}

fn listed(mark: &Value, status: &str) -> String {
    format!(r#"[{{"run_id":"r1","status":"{status}","metadata":{{"rejoin_submission":{mark}}}}}]"#)
}

/// One that could not be sent, on a new thread; its body.
fn unsent() -> (Bench, String, Value) {
    let mut bench = Bench::new();
    bench.feed(Input::PageOpened {
        wall_clock: Millis(bench.now + 1_000_000),
    });
    bench.feed(Input::WentOffline);
    bench.submit("hello");
    let body = posts(&bench).remove(0);
    cut_post(&mut bench);
    let thread = thread(&bench);
    (bench, thread, body)
}

#[test]
fn what_is_submitted_offline_is_sent_once_after_a_reload() {
    let (mut bench, thread, body) = unsent();
    assert_eq!(waiting(&bench), [is("hello", "unreachable")]);
    assert!(bench.client.view().is_unsent() && bench.client.view().waiting()[0].is_shown);

    bench.reload();
    bench.feed(Input::WentOffline);
    enter(&mut bench, &thread);
    for (attempt, _) in bench.open.clone() {
        bench.cut(attempt);
    }
    give_locks(&mut bench);
    assert_eq!(waiting(&bench), [is("hello", "unreachable")]);
    assert!(bench.client.view().is_unsent());
    assert_eq!(bench.error_code(), None);

    bench.feed(Input::WentOnline);
    bench.answer(&format!("/threads/{thread}/state"), 404, "");
    bench.answer(&format!("/threads/{thread}"), 404, "");
    assert_eq!(
        bench.error_code(),
        None,
        "a thread of which nothing was sent is new"
    );
    assert!(
        posts(&bench).is_empty(),
        "it may have arrived, so it is looked for"
    );
    bench.answer(RUNS, 404, "");
    bench.answer(&format!("/threads/{thread}"), 404, "");
    let again = posts(&bench).remove(0);
    assert_eq!(again["metadata"], body["metadata"], "under the same name");
    assert_eq!(again["input"], body["input"], "and with the same ids");
    let stream = bench.accept("/runs/stream", "r1");
    assert!(!is_stored(&bench) && waiting(&bench).is_empty());
    let_storage_be_read(&mut bench);
    assert!(bench.locks.is_empty());
    bench.metadata(stream, "1", "r1");
    bench.end(stream);
    bench.settle("r1", "success", r#"{"messages":[]}"#);
    assert!(posts(&bench).is_empty() && !bench.client.view().is_loading());
}

#[test]
fn one_that_had_arrived_is_found_by_its_name() {
    for status in ["success", "running", "pending"] {
        let (mut bench, thread, body) = unsent();
        let mark = &body["metadata"]["rejoin_submission"];
        bench.reload();
        enter_idle(&mut bench, &thread);
        give_locks(&mut bench);
        bench.answer(RUNS, 200, &listed(mark, status));
        assert!(posts(&bench).is_empty() && !is_stored(&bench) && waiting(&bench).is_empty());
        assert_eq!(bench.client.view().run_id().unwrap().as_str(), "r1");
        let follows = bench
            .open
            .iter()
            .any(|(_, r)| r.url.ends_with("/runs/r1/stream"));
        assert_eq!(follows, status != "success");
    }
}

#[test]
fn one_that_had_arrived_and_is_active_is_followed_once() {
    let (mut bench, thread, body) = unsent();
    bench.reload();
    enter(&mut bench, &thread);
    give_locks(&mut bench);
    bench.answer(&format!("/threads/{thread}/state"), 200, EMPTY);
    bench.answer(&format!("/threads/{thread}"), 200, r#"{"status":"busy"}"#);
    bench.answer(
        RUNS,
        200,
        &listed(&body["metadata"]["rejoin_submission"], "running"),
    );
    assert!(bench.asked("/runs/r1/stream").1.body.is_none());
    assert!(!is_stored(&bench) && posts(&bench).is_empty());
}

#[test]
fn submissions_wait_in_their_order_and_outlive_a_reload() {
    let mut bench = Bench::new();
    submit_as(&mut bench, 1, "one");
    let stream = bench.accept("/runs/stream", "r1");
    bench.metadata(stream, "1", "r1");
    bench.token(stream, "2", "a1", "Hel");
    assert!(waiting(&bench).is_empty() && !is_stored(&bench));
    submit_as(&mut bench, 2, "two");
    submit_as(&mut bench, 3, "three");
    let both = [is("two", "queued"), is("three", "queued")];
    assert_eq!(waiting(&bench), both);
    let ids: Vec<String> = bench
        .client
        .view()
        .waiting()
        .iter()
        .map(|w| w.id.to_owned())
        .collect();
    let thread = thread(&bench);
    bench.pass(1_500);

    bench.reload();
    enter(&mut bench, &thread);
    assert_eq!(
        waiting(&bench),
        [is("two", "other_tab"), is("three", "other_tab")]
    );
    give_locks(&mut bench);
    assert_eq!(waiting(&bench), both);
    loaded(&mut bench, &thread, EMPTY);
    for (at, text) in [(1, "one"), (2, "two"), (3, "three")] {
        let run = format!("r{at}");
        if at == 1 {
            bench.run_is("r1", "running");
        } else {
            bench.answer(RUNS, 200, "[]");
            assert_eq!(said(&posts(&bench)[0]), text);
            assert_eq!(
                posts(&bench)[0]["metadata"]["rejoin_submission"],
                ids[at - 2]
            );
        }
        let path = if at == 1 {
            "/runs/r1/stream"
        } else {
            "/runs/stream"
        };
        let stream = bench.accept(path, &run);
        bench.metadata(stream, "9", &run);
        bench.end(stream);
        bench.settle(&run, "success", r#"{"messages":[]}"#);
    }
    let_storage_be_read(&mut bench);
    assert!(posts(&bench).is_empty() && !is_stored(&bench) && bench.locks.is_empty());
}

#[test]
fn another_tab_shows_it_and_leaves_it_to_the_tab_that_has_it() {
    let (mut bench, thread, _) = unsent();
    let mut other = bench.another_tab(1);
    enter_idle(&mut other, &thread);
    assert_eq!(waiting(&other), [is("hello", "other_tab")]);
    other.pass(60_000);
    assert!(posts(&other).is_empty() && other.open.is_empty());

    bench.feed(Input::WentOnline);
    bench.wait_for(RUNS);
    bench.answer(RUNS, 200, "[]");
    bench.accept("/runs/stream", "r1");
    other.stored = bench.stored.clone();
    other.pass(5_000);
    assert!(
        waiting(&other).is_empty(),
        "it is read again what others have"
    );
    give_locks(&mut other);
    assert!(posts(&other).is_empty() && other.locks.is_empty());
}

/// The browser tells a tab that another one has changed what is stored.
fn hear_of_storage(bench: &mut Bench, of: &Bench) {
    bench.stored = of.stored.clone();
    let keys = bench.stored.keys().cloned().collect::<Vec<_>>();
    for key in keys {
        bench.feed(Input::RecordChanged { key });
    }
}

#[test]
fn an_open_tab_shows_what_another_one_submits_and_sends_it_when_that_one_is_gone() {
    let mut other = Bench::new();
    enter_idle(&mut other, "t");
    let mut bench = other.another_tab(1);
    enter_idle(&mut bench, "t");
    bench.feed(Input::WentOffline);
    bench.submit("hello");
    let body = posts(&bench).remove(0);
    cut_post(&mut bench);

    hear_of_storage(&mut other, &bench);
    assert_eq!(waiting(&other), [is("hello", "other_tab")]);
    drop(bench);
    give_locks(&mut other);
    other.answer(RUNS, 200, "[]");
    assert_eq!(posts(&other)[0]["metadata"], body["metadata"]);
    // What is stored for other threads says nothing here.
    let asked = other.open.len();
    other.feed(Input::RecordChanged {
        key: "rejoin:1:outbox|elsewhere".to_owned(),
    });
    assert_eq!(other.open.len(), asked);
}

#[test]
fn what_is_stored_without_its_lock_is_left_to_its_tab_for_a_while() {
    let mut other = Bench::new();
    enter_idle(&mut other, "t");
    let mut bench = other.another_tab(1);
    // The other tab hears of the stored part first, and the browser hears of the lock later.
    bench.has_late_locks = true;
    enter_idle(&mut bench, "t");
    bench.feed(Input::WentOffline);
    bench.submit("hello");
    hear_of_storage(&mut other, &bench);
    assert_eq!(waiting(&other), [is("hello", "other_tab")]);
    assert!(
        other.locks.is_empty(),
        "it would get the lock of a tab that is there"
    );
    let mut entering = bench.another_tab(2);
    enter_idle(&mut entering, "t");
    assert!(entering.locks.is_empty(), "as at the first reading");

    // It has its lock, and says so.
    give_locks(&mut bench);
    hear_of_storage(&mut other, &bench);
    assert_eq!(other.locks, bench.locks);
    // One that never says so is gone.
    let_storage_be_read(&mut entering);
    assert_eq!(entering.locks, bench.locks);
}

#[test]
fn another_person_of_the_browser_neither_sees_nor_sends_what_is_stored() {
    let as_person = |name: &str| Bench::with(|config| config.identity = Some(name.to_owned()));
    let mut ann = as_person("ann");
    ann.feed(Input::PageOpened {
        wall_clock: Millis(1_000_000),
    });
    ann.feed(Input::WentOffline);
    ann.submit("hello");
    cut_post(&mut ann);
    let thread = thread(&ann);

    let mut bob = as_person("bob");
    bob.stored = ann.stored.clone();
    enter_idle(&mut bob, &thread);
    assert!(waiting(&bob).is_empty() && bob.locks.is_empty());
    let mut nobody = Bench::new();
    nobody.stored = ann.stored.clone();
    enter_idle(&mut nobody, &thread);
    assert!(waiting(&nobody).is_empty() && nobody.locks.is_empty());

    let mut again = as_person("ann");
    again.stored = ann.stored.clone();
    enter_idle(&mut again, &thread);
    assert_eq!(waiting(&again), [is("hello", "other_tab")]);
}

#[test]
fn the_lock_of_what_was_taken_over_is_kept_until_storage_has_let_go_of_it() {
    let (bench, thread, _) = unsent();
    let mut one = bench.another_tab(1);
    drop(bench);
    enter_idle(&mut one, &thread);
    let lock = one.locks[0].clone();
    // Full: nothing is written, and what was there stays.
    let full = one.stored.clone();
    give_locks(&mut one);
    one.answer(RUNS, 200, "[]");
    assert_eq!(said(&posts(&one)[0]), "hello");
    one.stored.clone_from(&full);
    for _ in 0..3 {
        let_storage_be_read(&mut one);
        assert!(one.locks.contains(&lock), "another tab would send it too");
        one.stored.clone_from(&full);
    }
    assert_eq!(posts(&one).len(), 1, "what it knows is not taken in again");

    // There is room again.
    let_storage_be_read(&mut one);
    let_storage_be_read(&mut one);
    assert!(!one.locks.contains(&lock));
}

#[test]
fn the_lock_of_what_was_taken_over_is_kept_while_storage_cannot_be_read() {
    let (bench, thread, _) = unsent();
    let mut one = bench.another_tab(1);
    drop(bench);
    enter_idle(&mut one, &thread);
    let lock = one.locks[0].clone();
    one.is_storage_denied = true;
    give_locks(&mut one);
    for _ in 0..3 {
        let_storage_be_read(&mut one);
        assert!(one.locks.contains(&lock), "another tab would send it too");
    }
    assert_eq!(waiting(&one), [is("hello", "other_tab")]);

    one.is_storage_denied = false;
    let_storage_be_read(&mut one);
    one.answer(RUNS, 200, "[]");
    assert_eq!(said(&posts(&one)[0]), "hello");
    let_storage_be_read(&mut one);
    assert!(!one.locks.contains(&lock));
}

#[test]
fn what_is_taken_over_stays_stored_where_there_is_no_room_for_it_twice() {
    let (bench, thread, _) = unsent();
    let mut one = bench.another_tab(1);
    drop(bench);
    enter_idle(&mut one, &thread);
    one.stored_bytes_max = one.stored.values().map(String::len).sum::<usize>() + 50;
    give_locks(&mut one);
    let_storage_be_read(&mut one);
    assert!(posts(&one).is_empty() && is_stored(&one));

    // So another page sends it when this one is gone as well.
    one.reload();
    enter_idle(&mut one, &thread);
    give_locks(&mut one);
    one.answer(RUNS, 200, "[]");
    assert_eq!(said(&posts(&one)[0]), "hello");
}

#[test]
fn of_several_tabs_the_one_with_the_lock_takes_over_what_a_crashed_tab_left() {
    let (bench, thread, body) = unsent();
    let (mut one, mut two) = (bench.another_tab(1), bench.another_tab(2));
    drop(bench);
    enter_idle(&mut one, &thread);
    enter_idle(&mut two, &thread);
    assert_eq!(one.locks, two.locks);
    give_locks(&mut one);
    one.answer(RUNS, 200, "[]");
    assert_eq!(posts(&one)[0]["metadata"], body["metadata"]);

    two.stored = one.stored.clone();
    two.pass(3_000);
    assert_eq!(
        waiting(&two),
        [is("hello", "other_tab")],
        "under the new owner"
    );
    let_storage_be_read(&mut two);
    // The first lock is given back when what it stands for has another owner.
    let first = two.locks[0].clone();
    two.feed(Input::LockHeld { name: first });
    assert!(posts(&two).is_empty() && two.open.is_empty());

    // Crashes before the server has answered.
    give_locks(&mut two);
    two.answer(RUNS, 200, "[]");
    assert!(posts(&two).is_empty(), "its post may still arrive");
    two.pass(30_000);
    two.answer(RUNS, 200, "[]");
    assert_eq!(said(&posts(&two)[0]), "hello");
}

#[test]
fn without_locks_a_person_is_asked() {
    let (mut bench, thread, _) = unsent();
    bench.reload();
    bench.feed(Input::LocksMissing);
    enter_idle(&mut bench, &thread);
    assert_eq!(waiting(&bench), [is("hello", "held")]);
    bench.pass(60_000);
    assert!(posts(&bench).is_empty() && bench.locks.is_empty());
    // What this page submits is sent as ever.
    submit_as(&mut bench, 2, "another");
    assert_eq!(said(&posts(&bench)[0]), "another");
}

#[test]
fn what_is_old_is_not_sent_before_a_person_says_so() {
    let (mut bench, thread, _) = unsent();
    bench.now += 3_700_000;
    bench.reload();
    enter_idle(&mut bench, &thread);
    give_locks(&mut bench);
    assert_eq!(waiting(&bench), [is("hello", "held")]);
    submit_as(&mut bench, 2, "another");
    assert_eq!(
        said(&posts(&bench)[0]),
        "another",
        "nobody has to wait for the answer"
    );
    assert!(is_stored(&bench));

    // The same where the page stays open.
    let (mut bench, ..) = unsent();
    for _ in 0..130 {
        bench.pass(30_000);
        let open = bench.open.clone();
        for (attempt, _) in open {
            bench.cut(attempt);
        }
    }
    bench.feed(Input::WentOnline);
    bench.wait_for(RUNS);
    bench.answer(RUNS, 200, "[]");
    assert!(posts(&bench).is_empty() && !bench.client.view().is_loading());
    assert_eq!(waiting(&bench), [is("hello", "held")]);
    assert_eq!(bench.outcome(), Some(Outcome::Dropped));
    assert!(bench.client.view().messages().is_empty());
}

#[test]
fn what_is_stopped_is_kept_for_a_person_to_decide() {
    let mut bench = Bench::new();
    submit_as(&mut bench, 1, "one");
    submit_as(&mut bench, 2, "two");
    bench.feed(Input::StopRequested);
    assert_eq!(waiting(&bench), [is("one", "held"), is("two", "held")]);
    let thread = thread(&bench);
    bench.reload();
    enter_idle(&mut bench, &thread);
    give_locks(&mut bench);
    assert_eq!(waiting(&bench), [is("one", "held"), is("two", "held")]);
    bench.pass(60_000);
    assert!(bench.open.is_empty(), "{:?}", bench.open);
}

#[test]
fn what_was_to_follow_a_run_that_failed_is_kept_for_a_person_to_decide() {
    let mut bench = Bench::new();
    submit_as(&mut bench, 1, "one");
    let stream = bench.accept("/runs/stream", "r1");
    bench.metadata(stream, "1", "r1");
    submit_as(&mut bench, 2, "two");
    bench.event(stream, "2", "error", r#"{"error":"E","message":"boom"}"#);
    bench.end(stream);
    bench.settle("r1", "error", r#"{"messages":[]}"#);
    assert_eq!(bench.outcome(), Some(Outcome::Dropped));
    assert_eq!(waiting(&bench), [is("two", "held")]);
    assert!(posts(&bench).is_empty());
}

#[test]
fn what_the_server_refuses_is_not_lost_by_a_reload() {
    for status in [401, 403, 422, 500] {
        let mut bench = Bench::new();
        bench.submit("hello");
        bench.refuse("/runs/stream", status, &[], "no");
        if matches!(status, 401 | 403) {
            bench.refuse("/runs/stream", status, &[], "no");
        }
        assert!(matches!(
            bench.outcome(),
            Some(Outcome::Failed(_) | Outcome::Denied(_))
        ));
        let thread = thread(&bench);
        bench.reload();
        enter(&mut bench, &thread);
        bench.answer(&format!("/threads/{thread}/state"), 404, "");
        bench.answer(&format!("/threads/{thread}"), 404, "");
        give_locks(&mut bench);
        assert_eq!(waiting(&bench), [is("hello", "held")], "{status}");
        assert!(bench.open.is_empty());
    }
}

#[test]
fn a_thread_that_is_left_keeps_what_waits_on_it() {
    let mut bench = Bench::new();
    submit_as(&mut bench, 1, "one");
    let first = thread(&bench);
    let stream = bench.accept("/runs/stream", "r1");
    bench.metadata(stream, "1", "r1");
    submit_as(&mut bench, 2, "two");
    bench.feed(Input::ThreadSwitched { thread_id: None });
    assert_eq!(bench.outcome(), Some(Outcome::Disconnected));
    assert!(waiting(&bench).is_empty() && bench.locks.is_empty() && is_stored(&bench));
    enter(&mut bench, &first);
    give_locks(&mut bench);
    loaded(&mut bench, &first, EMPTY);
    bench.run_is("r1", "success");
    bench.answer("/state", 200, EMPTY);
    bench.answer(RUNS, 200, "[]");
    assert_eq!(said(&posts(&bench)[0]), "two");
}

#[test]
fn without_an_outbox_nothing_is_stored_and_what_waits_is_seen() {
    let mut bench = Bench::with(|config| config.outbox.enabled = false);
    submit_as(&mut bench, 1, "one");
    submit_as(&mut bench, 2, "two");
    assert_eq!(waiting(&bench), [is("two", "queued")]);
    assert!(!is_stored(&bench) && bench.locks.is_empty());
    bench.feed(Input::StopRequested);
    assert!(waiting(&bench).is_empty());
}

#[test]
fn what_is_too_large_to_be_stored_is_sent_and_says_so() {
    let mut bench = Bench::with(|config| config.outbox.bytes_max = 2_000);
    let large = "x".repeat(3_000);
    submit_as(&mut bench, 1, &large);
    assert_eq!(posts(&bench).len(), 1);
    assert!(!is_stored(&bench));
    assert_eq!(bench.warnings(), ["submission_not_stored"]);
    submit_as(&mut bench, 2, &large);
    submit_as(&mut bench, 3, "small");
    let stored: Vec<bool> = bench
        .client
        .view()
        .waiting()
        .iter()
        .map(|w| w.is_stored)
        .collect();
    assert_eq!(stored, [false, true]);
    assert_eq!(bench.warnings().len(), 1, "told once");
}

#[test]
fn only_so_many_wait_and_none_makes_room_for_another() {
    let mut bench = Bench::new();
    for command in 1..=40 {
        submit_as(&mut bench, command, "again");
    }
    assert!(
        matches!(bench.outcome(), Some(Outcome::Failed(e)) if e.code.as_str() == "too_many_waiting")
    );
    assert_eq!(waiting(&bench).len(), 31, "and the one that is sent");
    bench.feed(Input::StopRequested);
    assert_eq!(waiting(&bench).len(), 32);
    submit_as(&mut bench, 41, "new");
    assert_eq!(
        said(&posts(&bench)[0]),
        "new",
        "what is sent at once needs no room"
    );
    assert_eq!(bench.warnings(), ["submission_not_stored"]);
    submit_as(&mut bench, 42, "newer");
    assert!(
        matches!(bench.outcome(), Some(Outcome::Failed(e)) if e.code.as_str() == "too_many_waiting")
    );
    assert_eq!(waiting(&bench).len(), 32, "and nothing was dropped");
}

#[test]
fn what_is_stored_is_not_trusted() {
    let (mut bench, thread, _) = unsent();
    let key = bench
        .stored
        .keys()
        .find(|key| key.contains("outbox"))
        .unwrap()
        .clone();
    let good = bench.stored[&key].clone();
    let deep = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
    let bad = [
        String::new(),
        "null".to_owned(),
        "[]".to_owned(),
        good[..good.len() / 2].to_owned(),
        format!(r#"{{"a":[{{"id":"x","body":{{"input":{deep}}}}}]}}"#),
        r#"{"a":[{"id":"x","body":{"input":7}},{"id":"y","body":{"input":{"messages":[7,null,[]]}}}]}"#.to_owned(),
        r#"{"a":[{"id":"../../..","body":{"checkpoint":"..","config":3,"metadata":[]}}]}"#.to_owned(),
    ];
    for text in bad {
        bench.reload();
        bench.stored.insert(key.clone(), text.clone());
        enter_idle(&mut bench, &thread);
        give_locks(&mut bench);
        bench.pass(10_000);
        assert!(!bench.client.view().is_thread_loading(), "{text}");
        submit_as(&mut bench, 9, "hello");
    }
}

#[test]
fn a_page_that_was_put_aside_does_not_send_what_another_tab_has_taken_over() {
    for taken in [false, true] {
        let mut bench = Bench::new();
        submit_as(&mut bench, 1, "one");
        let stream = bench.accept("/runs/stream", "r1");
        bench.metadata(stream, "1", "r1");
        submit_as(&mut bench, 2, "two");
        let before = bench.locks.clone();
        if taken {
            let mut other = bench.another_tab(1);
            enter_idle(&mut other, &thread(&bench));
            give_locks(&mut other);
            other.answer(RUNS, 200, "[]");
            assert_eq!(said(&posts(&other)[0]), "two");
            bench.stored = other.stored;
        }
        bench.feed(Input::Thawed);
        assert_ne!(bench.locks, before, "the lock of before may be gone");
        let stream = bench.accept("/runs/r1/stream", "r1");
        bench.metadata(stream, "1", "r1");
        bench.end(stream);
        bench.settle("r1", "success", r#"{"messages":[]}"#);
        if !taken {
            bench.answer(RUNS, 200, "[]");
        }
        assert_eq!(posts(&bench).len(), usize::from(!taken));
        assert!(!waiting(&bench).contains(&is("two", "queued")));
    }
}

/// A page that was put aside with "two" and "three" behind a run, and is back where storage cannot be read.
fn back_without_storage() -> Bench {
    let mut bench = Bench::new();
    submit_as(&mut bench, 1, "one");
    let stream = bench.accept("/runs/stream", "r1");
    bench.metadata(stream, "1", "r1");
    submit_as(&mut bench, 2, "two");
    submit_as(&mut bench, 3, "three");
    bench.is_storage_denied = true;
    bench.feed(Input::Thawed);
    bench
}

#[test]
fn a_page_that_was_put_aside_sends_nothing_before_storage_says_what_another_tab_has_taken_over() {
    for taken in [false, true] {
        let mut bench = back_without_storage();
        let lock = bench.locks.clone();
        finish_first(&mut bench, "/runs/r1/stream");
        bench.pass(20_000);
        assert!(posts(&bench).is_empty());
        assert_eq!(waiting(&bench), [is("two", "held"), is("three", "held")]);
        assert_eq!(bench.locks, lock, "what is stored is still this tab's");

        bench.is_storage_denied = false;
        if taken {
            let mut other = bench.another_tab(1);
            enter_idle(&mut other, &thread(&bench));
            give_locks(&mut other);
            other.answer(RUNS, 200, "[]");
            assert_eq!(said(&posts(&other)[0]), "two");
            bench.stored = other.stored;
        }
        let_storage_be_read(&mut bench);
        if taken {
            let theirs = [is("two", "other_tab"), is("three", "other_tab")];
            assert_eq!(waiting(&bench), theirs);
        } else {
            bench.answer(RUNS, 200, "[]");
            assert_eq!(said(&posts(&bench)[0]), "two");
        }
    }
}

#[test]
fn where_storage_cannot_be_read_a_person_says_what_a_page_that_was_put_aside_sends() {
    let mut bench = back_without_storage();
    finish_first(&mut bench, "/runs/r1/stream");
    let id = bench.client.view().waiting()[0].id.to_owned();
    bench.feed(Input::Waiting(WaitingInput::SendNow { id }));
    // Another tab may have sent it.
    assert!(posts(&bench).is_empty());
    bench.answer(RUNS, 200, "[]");
    assert_eq!(said(&posts(&bench)[0]), "two");
    let stream = bench.accept("/runs/stream", "r2");
    bench.metadata(stream, "1", "r2");
    bench.end(stream);
    bench.settle("r2", "success", r#"{"messages":[]}"#);
    assert!(posts(&bench).is_empty());
    assert_eq!(waiting(&bench), [is("three", "held")]);
}

#[test]
fn what_a_stolen_lock_stands_for_goes_on_under_another_one() {
    let (mut bench, thread, _) = unsent();
    let lock = bench.locks[0].clone();
    give_locks(&mut bench);
    bench.locks.clear();
    bench.feed(Input::LockLost { name: lock.clone() });
    assert_eq!(bench.locks.len(), 1);
    assert_ne!(
        bench.locks[0], lock,
        "whoever has the lost one may send all of it"
    );
    assert_eq!(waiting(&bench), [is("hello", "unreachable")]);

    // One that was taken over is asked for again.
    let mut other = bench.another_tab(1);
    drop(bench);
    enter_idle(&mut other, &thread);
    let lock = other.locks[0].clone();
    let before = other.stored.clone();
    give_locks(&mut other);
    other.stored = before;
    other.locks.retain(|held| *held != lock);
    other.feed(Input::LockLost { name: lock.clone() });
    for key in other.stored.clone().into_keys() {
        other.feed(Input::RecordChanged { key });
    }
    let_storage_be_read(&mut other);
    assert!(other.locks.contains(&lock));
    // There are locks, so another tab's submissions stay that tab's.
    assert!(waiting(&other).iter().all(|(_, state)| *state != "held"));
}

#[test]
fn what_is_submitted_in_doubt_waits_behind_what_is_in_doubt() {
    let mut bench = back_without_storage();
    finish_first(&mut bench, "/runs/r1/stream");
    submit_as(&mut bench, 4, "four");
    assert!(posts(&bench).is_empty());
    bench.is_storage_denied = false;
    let_storage_be_read(&mut bench);
    bench.answer(RUNS, 200, "[]");
    assert_eq!(said(&posts(&bench)[0]), "two");
    assert_eq!(
        waiting(&bench),
        [is("three", "queued"), is("four", "queued")]
    );
}

#[test]
fn where_storage_cannot_be_read_nothing_is_in_doubt_once_nothing_is_left() {
    // The server has it.
    let mut bench = Bench::new();
    submit_as(&mut bench, 1, "one");
    give_locks(&mut bench);
    bench.is_storage_denied = true;
    let name = bench.locks[0].clone();
    bench.feed(Input::LockLost { name });
    let stream = bench.accept("/runs/stream", "r1");
    bench.metadata(stream, "1", "r1");
    bench.end(stream);
    bench.settle("r1", "success", r#"{"messages":[]}"#);
    submit_as(&mut bench, 2, "two");
    assert_eq!(said(&posts(&bench)[0]), "two");

    // A person has taken all of it back.
    let mut bench = back_without_storage();
    finish_first(&mut bench, "/runs/r1/stream");
    for _ in 0..2 {
        let id = bench.client.view().waiting()[0].id.to_owned();
        bench.feed(Input::Waiting(WaitingInput::TakeBack { id }));
    }
    submit_as(&mut bench, 4, "four");
    assert_eq!(said(&posts(&bench)[0]), "four");
}

#[test]
fn of_two_tabs_that_have_taken_the_same_one_sends_it() {
    for turn in 1..5 {
        let (mut one, thread, _) = unsent();
        let mut two = one.another_tab(turn);
        enter_idle(&mut two, &thread);
        // The second tab gets the lock, and reads storage as it was before the first one is back.
        one.feed(Input::Thawed);
        give_locks(&mut two);
        let texts = one.stored.iter().map(|(key, text)| {
            let ours = text.strip_suffix('}').unwrap();
            (key.clone(), format!("{ours},{}", &two.stored[key][1..]))
        });
        let both: std::collections::BTreeMap<_, _> = texts.collect();
        for tab in [&mut one, &mut two] {
            tab.stored.clone_from(&both);
            for key in both.keys().cloned() {
                tab.feed(Input::RecordChanged { key });
            }
        }
        let others = [&one, &two].map(|tab| waiting(tab) == [is("hello", "other_tab")]);
        assert_ne!(
            others[0], others[1],
            "one tab has it, and the other one shows it"
        );
        let (has_it, shows_it) = if others[0] { (two, one) } else { (one, two) };
        assert!(is_stored(&has_it));
        assert!(
            !shows_it
                .open
                .iter()
                .any(|(_, request)| request.url.ends_with(RUNS))
        );
    }
}

#[test]
fn a_page_that_was_put_aside_gives_up_what_it_was_about_to_send_where_another_tab_has_taken_it_over()
 {
    let mut bench = Bench::new();
    enter_idle(&mut bench, "t");
    bench.feed(Input::WentOffline);
    submit_as(&mut bench, 1, "one");
    cut_post(&mut bench);
    let mut other = bench.another_tab(1);
    enter_idle(&mut other, "t");
    give_locks(&mut other);
    other.answer(RUNS, 200, "[]");
    assert_eq!(said(&posts(&other)[0]), "one");

    bench.stored = other.stored.clone();
    bench.feed(Input::Thawed);
    bench.feed(Input::WentOnline);
    bench.pass(60_000);
    assert!(posts(&bench).is_empty());
    assert_eq!(waiting(&bench), [is("one", "other_tab")]);
    assert_eq!(bench.outcome(), Some(Outcome::Disconnected));
}

#[test]
fn a_thread_that_is_missing_says_so_once_it_is_known_that_nothing_waits_on_it() {
    let (mut bench, thread, _) = unsent();
    let key = bench.stored.keys().find(|key| key.contains("outbox"));
    let key = key.unwrap().clone();
    bench.stored.insert(key, "[]".to_owned());
    bench.reload();
    enter(&mut bench, &thread);
    bench.answer(&format!("/threads/{thread}/state"), 404, "");
    bench.answer(&format!("/threads/{thread}"), 404, "");
    assert_eq!(bench.error_code(), Some("thread_not_found"));
    assert!(!is_stored(&bench) && !bench.client.view().is_thread_loading());
}

#[test]
fn what_is_far_too_large_is_not_written_to_be_stored() {
    let mut bench = Bench::new();
    submit_as(&mut bench, 1, "one");
    submit_as(&mut bench, 2, &"x".repeat(3_000_000));
    let stored: usize = bench.stored.values().map(String::len).sum();
    assert!(stored < 10_000, "{stored} bytes are stored");
    assert!(!bench.client.view().waiting()[0].is_stored);
    finish_first(&mut bench, "/runs/stream");
    assert_eq!(
        said(&posts(&bench)[0]).len(),
        3_000_000,
        "it is sent all the same"
    );
    assert_eq!(bench.warnings(), ["submission_not_stored"]);
}

/// The first run, whose stream was asked for at this path, goes well.
fn finish_first(bench: &mut Bench, path: &str) {
    let stream = bench.accept(path, "r1");
    bench.metadata(stream, "1", "r1");
    bench.end(stream);
    bench.settle("r1", "success", r#"{"messages":[]}"#);
}

#[test]
fn what_is_read_after_a_stop_waits_for_a_person() {
    let (mut bench, thread, _) = unsent();
    bench.reload();
    enter(&mut bench, &thread);
    bench.feed(Input::StopRequested);
    give_locks(&mut bench);
    assert_eq!(waiting(&bench), [is("hello", "held")]);
    bench.pass(60_000);
    assert!(posts(&bench).is_empty());
}

#[test]
fn one_that_waits_for_a_person_and_had_arrived_does_not_hide_what_came_of_it() {
    let (mut bench, thread, body) = unsent();
    bench.feed(Input::StopRequested);
    bench.reload();
    enter(&mut bench, &thread);
    give_locks(&mut bench);
    assert_eq!(waiting(&bench), [is("hello", "held")]);
    // The run was over between the two answers.
    let asked = body["input"]["messages"][0].clone();
    let answer = serde_json::json!({ "type": "ai", "id": "a", "content": "hi" });
    let read = |messages: Vec<&Value>| serde_json::json!({ "values": { "messages": messages }, "next": [], "tasks": [] });
    let whole = read(vec![&asked, &answer]);
    bench.answer("/state", 200, &read(vec![&asked]).to_string());
    let idle =
        serde_json::json!({ "thread_id": thread, "status": "idle", "values": whole["values"] });
    bench.answer(&format!("/threads/{thread}"), 200, &idle.to_string());
    bench.answer("/state", 200, &whole.to_string());
    assert_eq!(bench.text("a"), "hi");
}
