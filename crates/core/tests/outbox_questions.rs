//! Submissions, answers and questions under odd circumstances: discards, replacements, other tabs and other devices at the wrong moment.

#![allow(clippy::unwrap_used, missing_docs)] // A panic is how a test fails.

mod support;

use rejoin_core::{
    CommandId, Input, Millis, Notice, Outcome, Submission, WaitingInput,
    wire::{Json, ThreadId, request::Command},
};
use serde_json::{Value, json};
use support::{Bench, asked, asking, give_locks, says, waiting};

const RUNS: &str = "/runs?limit=100";
const IDLE: &str = r#"{"thread_id":"t","status":"idle"}"#;
const BUSY: &str = r#"{"thread_id":"t","status":"busy"}"#;
const INTERRUPTED: &str = r#"{"thread_id":"t","status":"interrupted"}"#;
const EMPTY: &str = r#"{"values":{"messages":[]},"next":[],"tasks":[]}"#;
const RUNNING: &str = r#"[{"run_id":"r9","thread_id":"t","status":"running"}]"#;

fn texts(bench: &Bench) -> Vec<String> {
    waiting(bench).into_iter().map(|(text, _)| text).collect()
}

fn enter(bench: &mut Bench) {
    bench.feed(Input::ThreadSwitched {
        thread_id: Some(ThreadId::from("t")),
    });
}

fn enter_idle(bench: &mut Bench) {
    enter(bench);
    bench.answer("/threads/t/state", 200, EMPTY);
    bench.answer("/threads/t", 200, IDLE);
}

fn bodies(bench: &Bench) -> Vec<Value> {
    let posts = bench
        .open
        .iter()
        .filter(|(_, r)| r.url.ends_with("/runs/stream"));
    posts
        .map(|(_, r)| serde_json::from_str(r.body.as_ref().unwrap().text()).unwrap())
        .collect()
}

fn posts(bench: &Bench) -> Vec<String> {
    bodies(bench)
        .iter()
        .map(|body| {
            body["input"]["messages"][0]["content"]
                .as_str()
                .map_or_else(|| body["command"].to_string(), str::to_owned)
        })
        .collect()
}

fn submit(bench: &mut Bench, command: u64, text: &str) {
    bench.feed(Input::SubmitRequested {
        command: CommandId(command),
        submission: says(text),
    });
}

fn resume(bench: &mut Bench, command: u64, answer: &Value) {
    bench.feed(Input::SubmitRequested {
        command: CommandId(command),
        submission: Box::new(Submission {
            command: Some(Command {
                resume: Some(Json::from_value(answer).unwrap()),
                ..Command::default()
            }),
            ..Submission::default()
        }),
    });
}

fn id_of(bench: &Bench, text: &str) -> String {
    let view = bench.client.view();
    let found = view
        .waiting()
        .into_iter()
        .find(|w| w.messages.iter().any(|m| m.content.text() == text));
    found.unwrap().id.to_owned()
}

fn take_back(bench: &mut Bench, text: &str) {
    let id = id_of(bench, text);
    bench.feed(Input::Waiting(WaitingInput::TakeBack { id }));
}

fn replace(bench: &mut Bench, text: &str, command: u64, by: Box<Submission>) {
    let id = id_of(bench, text);
    bench.feed(Input::Waiting(WaitingInput::Replace {
        id,
        command: CommandId(command),
        submission: by,
    }));
}

fn outbox(bench: &Bench) -> Option<(String, String)> {
    let found = bench.stored.iter().find(|(key, _)| key.contains("outbox"));
    found.map(|(key, text)| (key.clone(), text.clone()))
}

fn outcome_of(bench: &Bench, wanted: u64) -> Option<Outcome> {
    bench.notices.iter().find_map(|notice| match notice {
        Notice::Concluded { command, outcome } if command.0 == wanted => Some(outcome.clone()),
        _ => None,
    })
}

fn part(name: &str, text: &str, at: u64, more: &str) -> String {
    format!(
        r#""{name}":[true,{{"id":"id-{text}","submitted_at":{at},"posts":0{more},"body":{{"assistant_id":"chat","input":{{"messages":[{{"type":"human","id":"m-{text}","content":"{text}"}}]}}}}}}]"#
    )
}

/// The page is shown again, and the thread has not changed meanwhile.
fn wakes_up(bench: &mut Bench) {
    bench.feed(Input::BecameHidden);
    bench.pass(600_000);
    bench.feed(Input::BecameVisible);
    bench.answer(
        "/threads/search",
        200,
        r#"[{"thread_id":"t","status":"interrupted","updated_at":"1"}]"#,
    );
    if bench.open.iter().any(|(_, r)| r.url.ends_with("/state")) {
        bench.answer("/state", 200, &asking(&["a"]));
    }
}

fn asks(ids: &[&str]) -> Bench {
    let mut bench = Bench::new();
    enter(&mut bench);
    bench.answer("/state", 200, &asking(ids));
    bench.answer("/threads/t", 200, INTERRUPTED);
    assert_eq!(asked(&bench), ids);
    bench
}

// --- replacing ---

/// Held, may have arrived, and 31 others wait: neither the old nor the new one is left.
#[test]
fn what_is_held_and_cannot_be_replaced_for_want_of_room_stays() {
    let mut bench = Bench::new();
    enter_idle(&mut bench);
    submit(&mut bench, 1, "first");
    for n in 0..31 {
        submit(&mut bench, 100 + n, &format!("own {n}"));
    }
    bench.feed(Input::StopRequested);
    assert_eq!(waiting(&bench).len(), 32);
    replace(&mut bench, "first", 9, says("better"));
    let kept = [texts(&bench), posts(&bench)].concat();
    assert!(
        kept.contains(&"first".to_owned()) || kept.contains(&"better".to_owned()),
        "neither is there: {:?}",
        outcome_of(&bench, 9)
    );
}

/// The replacement's config is no object.
#[test]
fn what_is_replaced_by_something_that_cannot_be_sent_stays() {
    let mut bench = Bench::new();
    enter_idle(&mut bench);
    submit(&mut bench, 1, "first");
    submit(&mut bench, 2, "second");
    let mut odd = says("better");
    odd.config = Some(Json::from_value(&json!("odd")).unwrap());
    replace(&mut bench, "second", 9, odd);
    assert!(matches!(outcome_of(&bench, 9), Some(Outcome::Failed(_))));
    assert_eq!(texts(&bench), ["second"], "it was not replaced");
}

// --- discarding ---

/// After a reload each has `posts` of 1 at least, so a discard frees no room before the server has answered.
#[test]
fn what_was_discarded_offline_does_not_count_as_waiting() {
    let mut bench = Bench::new();
    bench.reload();
    let key = rejoin_core::outbox_key(bench.client.config(), &ThreadId::from("t"));
    let parts: Vec<String> = (0..32)
        .map(|n| {
            part(
                &format!("gone{n}"),
                &format!("old {n}"),
                1,
                r#","held":true"#,
            )
        })
        .collect();
    bench.stored.insert(key, format!("{{{}}}", parts.join(",")));
    enter_idle(&mut bench);
    for _ in 0..10 {
        give_locks(&mut bench);
        bench.pass(2_500);
    }
    bench.feed(Input::WentOffline);
    let all = texts(&bench);
    assert!(all.len() >= 16, "{}", all.len());
    for text in texts(&bench) {
        take_back(&mut bench, &text);
    }
    for _ in 0..10 {
        bench.pass(2_500);
        give_locks(&mut bench);
        for text in texts(&bench) {
            take_back(&mut bench, &text);
        }
    }
    assert!(waiting(&bench).is_empty(), "{:?}", waiting(&bench));
    submit(&mut bench, 7, "new");
    assert_eq!(
        outcome_of(&bench, 7),
        None,
        "nothing waits that a person sees"
    );
}

/// A stopped run can be followed again after something that waited behind it was discarded.
#[test]
fn a_run_that_was_stopped_is_rejoined_after_a_discard() {
    let mut bench = Bench::new();
    enter_idle(&mut bench);
    submit(&mut bench, 1, "first");
    let stream = bench.accept("/runs/stream", "r1");
    bench.metadata(stream, "1", "r1");
    bench.token(stream, "2", "m1", "so far");
    submit(&mut bench, 2, "second");
    bench.feed(Input::PageHiding {
        wall_clock: Millis(bench.now + 1_000_000),
    });
    bench.reload();
    enter(&mut bench);
    give_locks(&mut bench);
    bench.answer("/threads/t/state", 200, EMPTY);
    bench.answer("/threads/t", 200, BUSY);
    bench.run_is("r1", "running");
    let stream = bench.accept("/runs/r1/stream", "r1");
    bench.token(stream, "3", "m1", "so far, and more");
    bench.pass(2_500);
    bench.feed(Input::StopRequested);
    assert_eq!(waiting(&bench).len(), 1, "{:?}", waiting(&bench));
    take_back(&mut bench, "second");
    if bench.open.iter().any(|(_, r)| r.url.ends_with(RUNS)) {
        bench.answer(
            RUNS,
            200,
            r#"[{"run_id":"r1","thread_id":"t","status":"running"}]"#,
        );
    }
    bench.pass(100);
    bench.feed(Input::JoinRequested {
        command: CommandId(5),
        run_id: None,
        options: rejoin_core::JoinOptions::default(),
    });
    for _ in 0..3 {
        if bench.open.iter().any(|(_, r)| r.url.ends_with("/runs/r1")) {
            bench.run_is("r1", "running");
        }
        if bench.open.iter().any(|(_, r)| r.url.ends_with(RUNS)) {
            bench.answer(
                RUNS,
                200,
                r#"[{"run_id":"r1","thread_id":"t","status":"running"}]"#,
            );
        }
    }
    assert!(
        bench
            .open
            .iter()
            .any(|(_, r)| r.url.contains("/runs/r1/stream")),
        "{:?} {:?}",
        bench.open,
        bench.outcome()
    );
}

/// The same run's question stays on the screen.
#[test]
fn what_a_stopped_run_was_asked_stays_on_the_screen_after_a_discard() {
    let mut bench = Bench::new();
    enter_idle(&mut bench);
    // May have arrived, and is held.
    submit(&mut bench, 1, "lost");
    bench.feed(Input::StopRequested);
    submit(&mut bench, 2, "asked");
    let stream = bench.accept("/runs/stream", "r1");
    bench.metadata(stream, "1", "r1");
    bench.token(stream, "2", "m1", "an answer");
    bench.feed(Input::StopRequested);
    let shown = |bench: &Bench| -> Vec<String> {
        let view = bench.client.view();
        view.messages()
            .iter()
            .map(|slot| slot.message.content.text().into_owned())
            .collect()
    };
    assert!(
        shown(&bench).contains(&"asked".to_owned()),
        "{:?}",
        shown(&bench)
    );
    take_back(&mut bench, "lost");
    bench.pass(40_000);
    if bench.open.iter().any(|(_, r)| r.url.ends_with(RUNS)) {
        bench.answer(
            RUNS,
            200,
            r#"[{"run_id":"r1","thread_id":"t","status":"running"}]"#,
        );
    }
    bench.pass(100);
    assert!(
        shown(&bench).contains(&"asked".to_owned()),
        "{:?}",
        shown(&bench)
    );
}

/// How long a new message waits behind a discarded one.
#[test]
fn a_new_message_does_not_wait_half_a_minute_for_a_discarded_one() {
    let mut bench = Bench::new();
    enter_idle(&mut bench);
    submit(&mut bench, 1, "one");
    bench.feed(Input::StopRequested);
    take_back(&mut bench, "one");
    submit(&mut bench, 2, "two");
    for at in 0..40 {
        if bench.open.iter().any(|(_, r)| r.url.ends_with(RUNS)) {
            bench.answer(RUNS, 200, "[]");
        }
        if posts(&bench) == ["two"] {
            assert!(at < 5, "sent after {at} s");
            return;
        }
        bench.pass(1_000);
    }
    panic!("never sent");
}

// --- answers that wait ---

/// An answer to `a` that waits is not taken for one to `b`.
#[test]
fn an_answer_that_waits_is_no_answer_to_another_question() {
    let mut bench = asks(&["a"]);
    // Another tab has answered, and the server is asked which run that is.
    bench.feed(Input::RunBegunElsewhere);
    assert_eq!(asked(&bench), ["a"]);
    resume(&mut bench, 1, &json!("yes"));
    bench.answer(RUNS, 200, RUNNING);
    let stream = bench.accept("/runs/r9/stream", "r9");
    bench.metadata(stream, "1", "r9");
    assert_eq!(asked(&bench), [""; 0]);
    bench.end(stream);
    bench.run_is("r9", "success");
    bench.answer("/state", 200, &asking(&["b"]));
    assert_eq!(posts(&bench), [""; 0], "nobody has answered b");
    assert_eq!(asked(&bench), ["b"]);
}

/// The same after a reload.
#[test]
fn an_answer_of_an_earlier_page_is_no_answer_to_another_question() {
    let mut bench = asks(&["a"]);
    bench.feed(Input::WentOffline);
    resume(&mut bench, 1, &json!("yes"));
    let post = bench.asked("/runs/stream").0;
    bench.cut(post);
    bench.feed(Input::PageHiding {
        wall_clock: Millis(bench.now + 1_000_000),
    });
    bench.reload();
    enter(&mut bench);
    give_locks(&mut bench);
    bench.pass(2_500);
    bench.answer("/state", 200, &asking(&["b"]));
    bench.answer("/threads/t", 200, INTERRUPTED);
    for _ in 0..40 {
        if bench.open.iter().any(|(_, r)| r.url.ends_with(RUNS)) {
            bench.answer(RUNS, 200, "[]");
        }
        bench.pass(1_000);
    }
    assert_eq!(posts(&bench), [""; 0], "nobody has answered b");
}

/// After a reload, while somebody else's answer is worked on.
#[test]
fn an_answer_of_an_earlier_page_is_not_posted_beside_an_active_run() {
    let mut bench = asks(&["a"]);
    bench.feed(Input::WentOffline);
    resume(&mut bench, 1, &json!("yes"));
    let post = bench.asked("/runs/stream").0;
    bench.cut(post);
    bench.reload();
    enter(&mut bench);
    give_locks(&mut bench);
    bench.pass(2_500);
    bench.answer("/state", 200, &asking(&["a"]));
    bench.answer("/threads/t", 200, BUSY);
    for _ in 0..40 {
        if bench.open.iter().any(|(_, r)| r.url.ends_with(RUNS)) {
            bench.answer(RUNS, 200, RUNNING);
        }
        bench.pass(1_000);
    }
    assert_eq!(
        posts(&bench),
        [""; 0],
        "the thread is busy with another answer"
    );
}

// --- questions ---

/// The active run has asked `a` itself, while a parallel branch goes on; then the page is reloaded.
#[test]
fn a_question_of_the_active_run_survives_a_reload() {
    let mut bench = Bench::new();
    enter_idle(&mut bench);
    submit(&mut bench, 1, "go");
    let stream = bench.accept("/runs/stream", "r1");
    bench.metadata(stream, "1", "r1");
    bench.event(
        stream,
        "2",
        "updates",
        r#"{"__interrupt__":[{"id":"a","value":{"which":"a"}}]}"#,
    );
    assert_eq!(asked(&bench), ["a"]);
    bench.token(stream, "3", "m1", "the other branch");
    bench.token(stream, "4", "m1", "the other branch goes on");
    bench.feed(Input::PageHiding {
        wall_clock: Millis(bench.now + 1_000_000),
    });
    bench.reload();
    enter(&mut bench);
    bench.answer("/state", 200, &asking(&["a"]));
    bench.answer("/threads/t", 200, BUSY);
    bench.run_is("r1", "running");
    let (_, join) = bench.asked("/runs/r1/stream");
    let cursor = Bench::header(&join, "last-event-id");
    let stream = bench.accept("/runs/r1/stream", "r1");
    bench.token(stream, "5", "m1", "and on");
    assert_eq!(asked(&bench), ["a"], "joined from {cursor:?}");
}

/// A stale list: the run that it calls running is over, and nothing can be said of it.
#[test]
fn a_question_comes_back_where_the_list_was_stale() {
    let mut bench = asks(&["a"]);
    bench.feed(Input::RunBegunElsewhere);
    bench.answer(RUNS, 200, RUNNING);
    bench.refuse("/runs/r9/stream", 404, &[], "{}");
    for _ in 0..5 {
        if bench.open.iter().any(|(_, r)| r.url.ends_with("/runs/r9")) {
            bench.answer("/runs/r9", 404, "{}");
        }
    }
    // The state cannot be read either.
    for _ in 0..20 {
        if bench.open.iter().any(|(_, r)| r.url.ends_with("/state")) {
            bench.answer("/state", 500, "");
        }
        bench.pass(10_000);
    }
    assert_eq!(asked(&bench), ["a"], "{}", bench.state());
}

/// A run that is to begin later (`after_seconds`) is listed as pending, and the question is still open.
#[test]
fn a_pending_run_of_later_does_not_take_the_question() {
    let mut bench = asks(&["a"]);
    bench.feed(Input::RunBegunElsewhere);
    bench.answer(
        RUNS,
        200,
        r#"[{"run_id":"r9","thread_id":"t","status":"pending"}]"#,
    );
    assert_eq!(asked(&bench), ["a"]);
}

/// Without reading the thread's state: the question is the stream's alone.
#[test]
fn a_question_is_not_lost_where_the_state_is_not_read() {
    let mut bench = Bench::with(|config| config.load_thread = false);
    submit(&mut bench, 1, "go");
    let stream = bench.accept("/runs/stream", "r1");
    bench.metadata(stream, "1", "r1");
    bench.event(
        stream,
        "2",
        "updates",
        r#"{"__interrupt__":[{"id":"a","value":{"which":"a"}}]}"#,
    );
    bench.end(stream);
    bench.run_is("r1", "success");
    assert_eq!(asked(&bench), ["a"], "{:?}", bench.open);
    // A late word of the same run.
    bench.feed(Input::RunBegunElsewhere);
    if bench.open.iter().any(|(_, r)| r.url.ends_with(RUNS)) {
        bench.answer(RUNS, 200, r#"[{"run_id":"r1","status":"running"}]"#);
        let stream = bench.accept("/runs/r1/stream", "r1");
        bench.end(stream);
        bench.run_is("r1", "success");
    }
    assert_eq!(asked(&bench), ["a"]);
}

// --- the second batch ---

/// A message behind a discarded one, without a network: it cannot be sent, and the view says so.
#[test]
fn a_message_behind_a_discarded_one_is_unreachable_while_offline() {
    let mut bench = Bench::new();
    enter_idle(&mut bench);
    submit(&mut bench, 1, "one");
    bench.feed(Input::WentOffline);
    let post = bench.asked("/runs/stream").0;
    bench.cut(post);
    bench.feed(Input::StopRequested);
    take_back(&mut bench, "one");
    submit(&mut bench, 2, "two");
    for _ in 0..20 {
        for (attempt, _) in bench.open.clone() {
            bench.cut(attempt);
        }
        bench.pass(5_000);
    }
    assert_eq!(waiting(&bench), [("two".to_owned(), "unreachable")]);
}

/// Without locks: another tab has sent it, and this tab hears of that when it is over.
#[test]
fn what_another_tab_has_sent_and_storage_lacks_is_looked_for_first() {
    let mut one = Bench::new();
    enter_idle(&mut one);
    one.feed(Input::LocksMissing);
    submit(&mut one, 1, "first");
    let stream = one.accept("/runs/stream", "r1");
    one.metadata(stream, "1", "r1");
    submit(&mut one, 2, "second");
    let mut two = one.another_tab(2);
    two.feed(Input::LocksMissing);
    enter_idle(&mut two);
    let id = id_of(&two, "second");
    two.feed(Input::Waiting(WaitingInput::SendNow { id }));
    for _ in 0..40 {
        if two.open.iter().any(|(_, r)| r.url.ends_with(RUNS)) {
            two.answer(RUNS, 200, r#"[{"run_id":"r1","status":"running"}]"#);
        }
        two.pass(1_000);
    }
    assert_eq!(posts(&two), ["second"]);
    let other = two.accept("/runs/stream", "r2");
    two.metadata(other, "1", "r2");
    let (key, _) = outbox(&one).unwrap();
    match two.stored.get(&key) {
        Some(text) => one.stored.insert(key.clone(), text.clone()),
        None => one.stored.remove(&key),
    };
    one.feed(Input::RecordChanged { key });
    one.end(stream);
    one.run_is("r1", "success");
    one.answer("/state", 200, EMPTY);
    assert_eq!(posts(&one), [""; 0], "it is looked for first");
}

/// The list was stale, and the page wakes up: the thread has not changed.
#[test]
fn a_question_that_a_stale_list_took_comes_back_when_the_page_wakes_up() {
    let mut bench = Bench::new();
    enter(&mut bench);
    bench.answer("/state", 200, &asking(&["a"]));
    bench.answer(
        "/threads/t",
        200,
        r#"{"thread_id":"t","status":"interrupted","updated_at":"1"}"#,
    );
    bench.feed(Input::RunBegunElsewhere);
    bench.answer(RUNS, 200, RUNNING);
    bench.refuse("/runs/r9/stream", 404, &[], "{}");
    for _ in 0..20 {
        if bench.open.iter().any(|(_, r)| r.url.ends_with("/runs/r9")) {
            bench.answer("/runs/r9", 404, "{}");
        }
        if bench.open.iter().any(|(_, r)| r.url.ends_with("/state")) {
            bench.answer("/state", 500, "");
        }
        bench.pass(10_000);
    }
    wakes_up(&mut bench);
    assert_eq!(asked(&bench), ["a"]);
}

/// A person stops while somebody else's run is followed that a stale list has named: the same.
#[test]
fn a_question_comes_back_after_a_stop() {
    let mut bench = Bench::new();
    enter(&mut bench);
    bench.answer("/state", 200, &asking(&["a"]));
    bench.answer(
        "/threads/t",
        200,
        r#"{"thread_id":"t","status":"interrupted","updated_at":"1"}"#,
    );
    bench.feed(Input::RunBegunElsewhere);
    bench.answer(
        RUNS,
        200,
        r#"[{"run_id":"r9","thread_id":"t","status":"pending"}]"#,
    );
    bench.feed(Input::StopRequested);
    wakes_up(&mut bench);
    assert_eq!(asked(&bench), ["a"]);
}

/// The same without the discard.
#[test]
fn a_run_that_was_stopped_is_rejoined() {
    let mut bench = Bench::new();
    enter_idle(&mut bench);
    submit(&mut bench, 1, "first");
    let stream = bench.accept("/runs/stream", "r1");
    bench.metadata(stream, "1", "r1");
    bench.token(stream, "2", "m1", "so far");
    submit(&mut bench, 2, "second");
    bench.feed(Input::StopRequested);
    bench.feed(Input::JoinRequested {
        command: CommandId(5),
        run_id: None,
        options: rejoin_core::JoinOptions::default(),
    });
    assert!(
        bench
            .open
            .iter()
            .any(|(_, r)| r.url.contains("/runs/r1/stream"))
    );
}

/// After a discard and another reload, the run of before is found again by its record.
#[test]
fn the_record_of_a_stopped_run_outlives_a_discard() {
    let mut bench = Bench::new();
    enter_idle(&mut bench);
    // May have arrived, and is held.
    submit(&mut bench, 1, "lost");
    bench.feed(Input::StopRequested);
    submit(&mut bench, 2, "asked");
    let stream = bench.accept("/runs/stream", "r1");
    bench.metadata(stream, "1", "r1");
    bench.token(stream, "2", "m1", "an answer");
    bench.feed(Input::PageHiding {
        wall_clock: Millis(bench.now + 1_000_000),
    });
    bench.feed(Input::StopRequested);
    assert!(bench.records() > 0);
    take_back(&mut bench, "lost");
    bench.pass(40_000);
    if bench.open.iter().any(|(_, r)| r.url.ends_with(RUNS)) {
        bench.answer(
            RUNS,
            200,
            r#"[{"run_id":"r1","thread_id":"t","status":"running"}]"#,
        );
    }
    bench.pass(40_000);
    assert!(bench.records() > 0, "{:?}", bench.stored);
    bench.feed(Input::JoinRequested {
        command: CommandId(5),
        run_id: None,
        options: rejoin_core::JoinOptions::default(),
    });
    for _ in 0..3 {
        if bench.open.iter().any(|(_, r)| r.url.ends_with(RUNS)) {
            bench.answer(
                RUNS,
                200,
                r#"[{"run_id":"r1","thread_id":"t","status":"running"}]"#,
            );
        }
        bench.pass(100);
    }
    assert!(
        bench.open.iter().any(|(_, r)| r.url.contains("/runs/r1")),
        "{:?} {:?}",
        outcome_of(&bench, 5),
        bench.state()
    );
}

/// What this client stores cannot be read back, so that its part is always "missing". Two tabs.
#[test]
fn two_tabs_do_not_write_again_and_again_what_cannot_be_read_back() {
    let mut one = Bench::new();
    enter_idle(&mut one);
    let odd = |text: &str| {
        let mut odd = says(text);
        odd.more = vec![(
            "on_disconnect".to_owned(),
            Json::from_value(&json!("explode")).unwrap(),
        )];
        odd
    };
    for (command, text) in [(1, "a"), (2, "b")] {
        one.feed(Input::SubmitRequested {
            command: CommandId(command),
            submission: odd(text),
        });
    }
    let mut two = one.another_tab(2);
    enter_idle(&mut two);
    for (command, text) in [(1, "c"), (2, "d")] {
        two.feed(Input::SubmitRequested {
            command: CommandId(command),
            submission: odd(text),
        });
    }
    let (key, mut text) = outbox(&two).unwrap();
    let mut writes = 0;
    for _ in 0..100 {
        for tab in [&mut one, &mut two] {
            tab.stored.insert(key.clone(), text.clone());
            tab.feed(Input::RecordChanged { key: key.clone() });
            let after = tab.stored[&key].clone();
            // A browser tells other tabs of changes only.
            writes += usize::from(after != text);
            text = after;
        }
    }
    assert!(writes < 10, "{writes}");
}

/// An answer that waits is an entry without messages that is not shown: `assistant-ui` makes an empty item of it.
#[test]
fn an_answer_that_waits_has_no_messages_and_is_not_shown() {
    let mut bench = asks(&["a"]);
    resume(&mut bench, 1, &json!("yes"));
    bench.feed(Input::WentOffline);
    let post = bench.asked("/runs/stream").0;
    bench.cut(post);
    let view = bench.client.view();
    let waiting = view.waiting();
    assert_eq!(waiting.len(), 1);
    assert!(waiting[0].messages.is_empty() && !waiting[0].is_shown);
}

/// A person reads that the 33rd was not taken.
#[test]
fn the_view_says_that_too_many_wait() {
    let mut bench = Bench::new();
    enter_idle(&mut bench);
    for n in 0..33 {
        submit(&mut bench, 100 + n, &format!("own {n}"));
    }
    assert!(matches!(outcome_of(&bench, 132), Some(Outcome::Failed(_))));
    assert_eq!(bench.error_code(), Some("too_many_waiting"));
}

/// The error of a run that failed, and the way to try it again, outlive the discard of something else.
#[test]
fn a_failure_stays_on_the_screen_after_a_discard() {
    let mut bench = Bench::new();
    enter_idle(&mut bench);
    submit(&mut bench, 1, "lost");
    bench.feed(Input::StopRequested);
    submit(&mut bench, 2, "asked");
    let stream = bench.accept("/runs/stream", "r1");
    bench.metadata(stream, "1", "r1");
    bench.end(stream);
    bench.settle("r1", "error", r#"{"messages":[]}"#);
    assert_eq!(bench.error_code(), Some("run_failed"));
    take_back(&mut bench, "lost");
    for _ in 0..40 {
        if bench.open.iter().any(|(_, r)| r.url.ends_with(RUNS)) {
            bench.answer(RUNS, 200, r#"[{"run_id":"r1","status":"error"}]"#);
        }
        bench.pass(1_000);
    }
    assert_eq!(bench.error_code(), Some("run_failed"), "{}", bench.state());
}

/// Without locks: one that may have arrived is discarded, and the page is reloaded before the server has answered.
#[test]
fn without_locks_what_was_discarded_is_cancelled_after_a_reload() {
    let mut bench = Bench::new();
    bench.feed(Input::LocksMissing);
    enter_idle(&mut bench);
    submit(&mut bench, 1, "one");
    let mark = bodies(&bench)[0]["metadata"]["rejoin_submission"].clone();
    let post = bench.asked("/runs/stream").0;
    bench.cut(post);
    take_back(&mut bench, "one");
    bench.reload();
    bench.feed(Input::LocksMissing);
    enter(&mut bench);
    bench.answer("/state", 200, EMPTY);
    bench.answer("/threads/t", 200, BUSY);
    for _ in 0..5 {
        if bench.open.iter().any(|(_, r)| r.url.ends_with(RUNS)) {
            let runs = json!([{ "run_id": "r1", "status": "running", "metadata": { "rejoin_submission": mark } }]);
            bench.answer(RUNS, 200, &runs.to_string());
        }
        bench.pass(2_500);
    }
    let is_cancelled = bench
        .open
        .iter()
        .any(|(_, r)| r.url.contains("/runs/r1/cancel"));
    assert!(
        is_cancelled,
        "stored: {:?}, shown: {:?}",
        outbox(&bench).map(|(_, text)| text),
        waiting(&bench)
    );
}

/// A stored number of posts is any number.
#[test]
fn any_number_of_posts_may_be_stored() {
    for posts in ["4294967295", "18446744073709551615"] {
        let mut bench = Bench::new();
        bench.reload();
        let key = rejoin_core::outbox_key(bench.client.config(), &ThreadId::from("t"));
        let at = bench.now + 1_000_000;
        let part =
            part("gone", "old", at, "").replace(r#""posts":0"#, &format!(r#""posts":{posts}"#));
        bench.stored.insert(key, format!("{{{part}}}"));
        enter_idle(&mut bench);
        give_locks(&mut bench);
        for _ in 0..40 {
            if bench.open.iter().any(|(_, r)| r.url.ends_with(RUNS)) {
                bench.answer(RUNS, 200, "[]");
            }
            bench.pass(1_000);
        }
        assert!(
            posts_or_held(&bench),
            "{:?} {:?}",
            waiting(&bench),
            bench.error_code()
        );
    }
}

fn posts_or_held(bench: &Bench) -> bool {
    !posts(bench).is_empty() || waiting(bench) == [("old".to_owned(), "held")]
}

/// A stored text may name any time.
#[test]
fn a_time_of_any_size_may_be_stored() {
    let mut bench = Bench::new();
    bench.reload();
    let key = rejoin_core::outbox_key(bench.client.config(), &ThreadId::from("t"));
    let part = part(
        "gone",
        "old",
        u64::MAX,
        r#","held":true,"posted_at":18446744073709551615"#,
    );
    bench.stored.insert(key, format!("{{{part}}}"));
    enter_idle(&mut bench);
    give_locks(&mut bench);
    submit(&mut bench, 1, "first");
    submit(&mut bench, 2, "second");
    assert_eq!(texts(&bench), ["old", "second"]);
    // Two hours offline: a person is asked.
    bench.feed(Input::StopRequested);
    let mut after = bench.another_tab(3);
    after.now += 2 * 3_600_000;
    after.reload();
    enter(&mut after);
    give_locks(&mut after);
    after.pass(2_500);
    assert!(
        waiting(&after).iter().all(|(_, state)| *state == "held"),
        "{:?}",
        waiting(&after)
    );
}

/// While 32 submissions wait, another one is sent without being stored. If that fails, it stays on the screen.
#[test]
fn what_is_sent_beside_thirty_two_others_is_kept_where_it_cannot_be_sent() {
    let mut bench = Bench::new();
    enter_idle(&mut bench);
    for n in 0..33 {
        submit(&mut bench, 100 + n, &format!("own {n}"));
    }
    bench.feed(Input::StopRequested);
    assert_eq!(waiting(&bench).len(), 32);
    submit(&mut bench, 1, "new");
    assert_eq!(posts(&bench), ["new"]);
    bench.feed(Input::WentOffline);
    let post = bench.asked("/runs/stream").0;
    bench.cut(post);
    bench.feed(Input::StopRequested);
    let view = bench.client.view();
    let is_shown = view
        .messages()
        .iter()
        .any(|slot| slot.message.content.text() == "new");
    assert!(
        is_shown || texts(&bench).contains(&"new".to_owned()),
        "it is nowhere: {:?}",
        outcome_of(&bench, 1)
    );
}

/// It had arrived, and the agent has gone on to ask something else: nothing says that it was not sent.
#[test]
fn an_answer_that_had_arrived_is_found_though_another_question_is_open() {
    let mut bench = asks(&["a"]);
    resume(&mut bench, 1, &json!("yes"));
    let mark = bodies(&bench)[0]["metadata"]["rejoin_submission"].clone();
    let post = bench.asked("/runs/stream").0;
    bench.cut(post);
    bench.reload();
    enter(&mut bench);
    give_locks(&mut bench);
    bench.pass(2_500);
    give_locks(&mut bench);
    bench.answer("/state", 200, &asking(&["b"]));
    bench.answer("/threads/t", 200, INTERRUPTED);
    let run =
        json!([{ "run_id": "r1", "status": "success", "metadata": { "rejoin_submission": mark } }]);
    bench.answer(RUNS, 200, &run.to_string());
    bench.pass(100);
    assert_eq!(waiting(&bench), []);
    assert_eq!(posts(&bench), [""; 0]);
}
