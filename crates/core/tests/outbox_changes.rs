//! What a person does with a submission that waits.

#![allow(clippy::unwrap_used)] // A panic is how a test fails.

mod support;

use rejoin_core::{
    Checkpoints, CommandId, Edit, EditAt, EditInput, Input, Notice, Outcome, Submission,
    WaitingInput,
    wire::{Json, request::Command},
};
use support::{Bench, says, state};

const RUNS: &str = "/runs?limit=100";

fn submit(bench: &mut Bench, command: u64, text: &str) {
    bench.feed(Input::SubmitRequested {
        command: CommandId(command),
        submission: says(text),
    });
}

fn id(bench: &Bench, at: usize) -> String {
    bench.client.view().waiting()[at].id.to_owned()
}

fn texts(bench: &Bench) -> Vec<String> {
    let waiting = bench.client.view().waiting().into_iter();
    waiting
        .map(|w| w.messages[0].content.text().into_owned())
        .collect()
}

fn take_back(bench: &mut Bench, id: &str) {
    let id = id.to_owned();
    bench.feed(Input::Waiting(WaitingInput::TakeBack { id }));
}

fn send_now(bench: &mut Bench, id: &str) {
    let id = id.to_owned();
    bench.feed(Input::Waiting(WaitingInput::SendNow { id }));
}

fn replace(bench: &mut Bench, id: &str, command: u64, text: &str) {
    bench.feed(Input::Waiting(WaitingInput::Replace {
        id: id.to_owned(),
        command: CommandId(command),
        submission: says(text),
    }));
}

fn outcome_of(bench: &Bench, wanted: u64) -> Option<Outcome> {
    bench.notices.iter().find_map(|notice| match notice {
        Notice::Concluded { command, outcome } if command.0 == wanted => Some(outcome.clone()),
        _ => None,
    })
}

fn posted(bench: &Bench) -> Vec<String> {
    let posts = bench
        .open
        .iter()
        .filter(|(_, r)| r.url.ends_with("/runs/stream"));
    let texts = posts.map(|(_, r)| {
        let body: serde_json::Value =
            serde_json::from_str(r.body.as_ref().unwrap().text()).unwrap();
        body["input"]["messages"][0]["content"]
            .as_str()
            .unwrap()
            .to_owned()
    });
    texts.collect()
}

fn finish(bench: &mut Bench, run: &str) {
    let stream = bench.accept("/runs/stream", run);
    bench.metadata(stream, "1", run);
    bench.end(stream);
    bench.settle(run, "success", r#"{"messages":[]}"#);
}

/// Three, of which the first runs.
fn three() -> Bench {
    let mut bench = Bench::new();
    for (command, text) in [(1, "one"), (2, "two"), (3, "three")] {
        submit(&mut bench, command, text);
    }
    bench
}

/// One that could not be sent, though it may have arrived.
fn lost() -> Bench {
    let mut bench = Bench::new();
    submit(&mut bench, 1, "one");
    let post = bench.asked("/runs/stream").0;
    bench.cut(post);
    bench
}

#[test]
fn one_that_waits_for_its_turn_is_taken_back() {
    let mut bench = three();
    let two = id(&bench, 0);
    take_back(&mut bench, &two);
    assert_eq!(outcome_of(&bench, 2), Some(Outcome::Dropped));
    assert_eq!(texts(&bench), ["three"]);
    take_back(&mut bench, &two);
    take_back(&mut bench, "no such");
    finish(&mut bench, "r1");
    assert_eq!(posted(&bench), ["three"]);
}

#[test]
fn one_that_waits_for_its_turn_is_replaced_in_its_place() {
    let mut bench = three();
    let two = id(&bench, 0);
    replace(&mut bench, &two, 4, "better");
    assert_eq!(texts(&bench), ["better", "three"]);
    assert_eq!(outcome_of(&bench, 2), Some(Outcome::Dropped));
    replace(&mut bench, &two, 5, "too late");
    assert_eq!(outcome_of(&bench, 5), Some(Outcome::Dropped));
    finish(&mut bench, "r1");
    assert_eq!(posted(&bench), ["better"]);
    finish(&mut bench, "r2");
    assert!(matches!(outcome_of(&bench, 4), Some(Outcome::Finished)));
    assert_eq!(posted(&bench), ["three"]);
}

#[test]
fn one_that_had_not_arrived_is_never_sent_once_it_is_taken_back() {
    let mut bench = lost();
    let one = id(&bench, 0);
    take_back(&mut bench, &one);
    assert_eq!(outcome_of(&bench, 1), Some(Outcome::Dropped));
    assert!(texts(&bench).is_empty() && bench.client.view().messages().is_empty());
    submit(&mut bench, 2, "two");
    bench.wait_for(RUNS);
    bench.answer(RUNS, 200, "[]");
    assert_eq!(posted(&bench), ["two"]);
    assert_eq!(bench.error_code(), None);
    finish(&mut bench, "r1");
    bench.pass(60_000);
    assert!(posted(&bench).is_empty() && !bench.stored.keys().any(|k| k.contains("outbox")));
}

#[test]
fn one_that_had_arrived_is_cancelled_when_it_is_taken_back() {
    for reload in [false, true] {
        let mut bench = lost();
        let one = id(&bench, 0);
        let thread = bench.client.view().thread_id().cloned();
        take_back(&mut bench, &one);
        if reload {
            bench.reload();
            bench.feed(Input::ThreadSwitched { thread_id: thread });
            for name in bench.locks.clone() {
                bench.feed(Input::LockHeld { name });
            }
            assert!(texts(&bench).is_empty());
            bench.answer("/state", 200, r#"{"values":{}}"#);
            let thread = bench.client.view().thread_id().unwrap().to_string();
            bench.answer(&format!("/threads/{thread}"), 200, r#"{"status":"busy"}"#);
        }
        bench.wait_for(RUNS);
        let runs = format!(
            r#"[{{"run_id":"r1","status":"running","metadata":{{"rejoin_submission":"{one}"}}}}]"#
        );
        bench.answer(RUNS, 200, &runs);
        bench.asked("/runs/r1/cancel?action=interrupt");
        assert!(posted(&bench).is_empty() && !bench.stored.keys().any(|k| k.contains("outbox")));
    }
}

#[test]
fn one_that_is_on_its_way_is_taken_back_too() {
    let mut bench = Bench::new();
    submit(&mut bench, 1, "one");
    let one = bench.client.view().thread_id().unwrap().to_string();
    take_back(&mut bench, &one);
    assert!(posted(&bench).is_empty() && bench.client.view().messages().is_empty());
    bench.answer(RUNS, 200, "[]");
    assert!(bench.client.view().is_loading(), "it may still arrive");
    bench.pass(30_000);
    bench.answer(RUNS, 200, "[]");
    assert!(!bench.client.view().is_loading());
}

#[test]
fn one_that_may_have_arrived_is_replaced_once_that_is_known() {
    let mut bench = lost();
    submit(&mut bench, 2, "two");
    let one = id(&bench, 0);
    replace(&mut bench, &one, 3, "better");
    assert_eq!(texts(&bench), ["better", "two"]);
    bench.wait_for(RUNS);
    bench.answer(RUNS, 200, "[]");
    assert_eq!(posted(&bench), ["better"]);
    finish(&mut bench, "r1");
    assert_eq!(posted(&bench), ["two"]);
}

#[test]
fn what_is_held_is_sent_when_a_person_says_so() {
    let mut bench = three();
    bench.feed(Input::StopRequested);
    assert_eq!(texts(&bench), ["one", "two", "three"]);
    let (one, two) = (id(&bench, 0), id(&bench, 1));
    send_now(&mut bench, &two);
    assert_eq!(posted(&bench), ["two"]);
    send_now(&mut bench, &one);
    finish(&mut bench, "r1");
    assert!(
        posted(&bench).is_empty(),
        "it may have arrived before it was stopped"
    );
    bench.answer(RUNS, 200, "[]");
    bench.pass(30_000);
    bench.answer(RUNS, 200, "[]");
    assert_eq!(posted(&bench), ["one"]);
    finish(&mut bench, "r2");
    assert!(posted(&bench).is_empty());
    assert_eq!(texts(&bench), ["three"]);
}

#[test]
fn what_is_old_is_sent_when_a_person_says_so() {
    let mut bench = lost();
    let thread = bench.client.view().thread_id().cloned();
    bench.now += 3_700_000;
    bench.reload();
    bench.feed(Input::ThreadSwitched {
        thread_id: thread.clone(),
    });
    bench.feed(Input::LocksMissing);
    bench.answer("/state", 404, "");
    bench.answer(&format!("/threads/{}", thread.unwrap()), 404, "");
    let one = id(&bench, 0);
    send_now(&mut bench, &one);
    bench.answer(RUNS, 200, "[]");
    assert_eq!(posted(&bench), ["one"]);
    bench.accept("/runs/stream", "r1");
    assert!(
        !bench.stored.keys().any(|k| k.contains("outbox")),
        "{:?}",
        bench.stored
    );
}

#[test]
fn what_another_tab_sends_is_left_to_it() {
    let bench = lost();
    let one = id(&bench, 0);
    let mut other = bench.another_tab(1);
    let thread = bench.client.view().thread_id().cloned();
    other.feed(Input::ThreadSwitched {
        thread_id: thread.clone(),
    });
    other.answer("/state", 200, r#"{"values":{}}"#);
    other.answer(
        &format!("/threads/{}", thread.unwrap()),
        200,
        r#"{"status":"idle"}"#,
    );
    let stored = other.stored.clone();
    take_back(&mut other, &one);
    send_now(&mut other, &one);
    replace(&mut other, &one, 7, "mine");
    assert_eq!(
        (texts(&other), &other.stored),
        (vec!["one".to_owned()], &stored)
    );
    assert_eq!(outcome_of(&other, 7), Some(Outcome::Dropped));
    assert!(other.open.is_empty());
}

fn said(id: &str, kind: &str) -> serde_json::Value {
    serde_json::json!({ "id": id, "type": kind, "content": id })
}

/// On a thread with two turns whose history is known.
fn entered(bench: &mut Bench) {
    bench.feed(Input::ThreadSwitched {
        thread_id: Some("t".into()),
    });
    tell_history(bench);
    bench.answer("/threads/t", 200, r#"{"thread_id":"t","status":"idle"}"#);
}

fn tell_history(bench: &mut Bench) {
    let turn = [said("h1", "human"), said("a1", "ai")];
    let both = [turn.to_vec(), vec![said("h2", "human"), said("a2", "ai")]].concat();
    let states = serde_json::json!([
        state("c2", Some("c1"), both),
        state("c1", Some("c0"), turn.to_vec()),
        state("c0", None, vec![]),
    ]);
    bench.answer("/threads/t/history", 200, &states.to_string());
}

fn with_history() -> Bench {
    let mut bench = Bench::with(|config| {
        config.history_limit = Some(10);
        config.checkpoints = Checkpoints::Automatic;
    });
    entered(&mut bench);
    bench
}

fn shown(bench: &Bench) -> Vec<String> {
    let messages = bench.client.view().messages().iter();
    messages
        .map(|slot| slot.message.content.text().into_owned())
        .collect()
}

fn body(bench: &Bench) -> serde_json::Value {
    serde_json::from_str(bench.asked("/runs/stream").1.body.unwrap().text()).unwrap()
}

/// The page is left and comes back to its thread, with the locks of the page before.
fn comes_back(bench: &mut Bench) {
    bench.reload();
    entered(bench);
    for name in bench.locks.clone() {
        bench.feed(Input::LockHeld { name });
    }
}

#[test]
fn an_edit_that_could_not_be_sent_is_sent_from_its_checkpoint_after_a_reload() {
    let mut bench = with_history();
    bench.feed(Input::Edit(EditInput::Requested {
        command: CommandId(5),
        edit: Box::new(Edit {
            at: EditAt::Message("h2".into()),
            submission: *says("better"),
        }),
    }));
    let before = body(&bench);
    assert_eq!(before["checkpoint"]["checkpoint_id"], "c1");
    let post = bench.asked("/runs/stream").0;
    bench.cut(post);
    assert_eq!(texts(&bench), ["better"]);
    assert!(bench.client.view().waiting()[0].is_stored);

    comes_back(&mut bench);
    assert_eq!(
        shown(&bench),
        ["h1", "a1", "h2", "a2"],
        "while it is looked for the thread is as it was"
    );
    bench.answer(RUNS, 200, "[]");
    assert_eq!(body(&bench), before, "what is posted is the same");
    assert_eq!(shown(&bench), ["h1", "a1", "better"]);
}

#[test]
fn an_edit_that_is_taken_back_gives_the_thread_back() {
    let mut bench = with_history();
    bench.feed(Input::Edit(EditInput::Requested {
        command: CommandId(5),
        edit: Box::new(Edit {
            at: EditAt::Message("h2".into()),
            submission: *says("better"),
        }),
    }));
    let post = bench.asked("/runs/stream").0;
    bench.cut(post);
    let id = id(&bench, 0);
    take_back(&mut bench, &id);
    bench.wait_for(RUNS);
    bench.answer(RUNS, 200, "[]");
    let both = ["h1", "a1", "h2", "a2"]
        .map(|id| said(id, if id.starts_with('h') { "human" } else { "ai" }));
    let states = serde_json::json!([state("c2", Some("c1"), both.to_vec())]);
    bench.answer("/threads/t/history", 200, &states.to_string());
    assert_eq!(shown(&bench), ["h1", "a1", "h2", "a2"]);
    assert!(posted(&bench).is_empty());
}

#[test]
fn what_goes_on_from_a_named_checkpoint_or_answers_with_null_is_posted_as_before_after_a_reload() {
    let json = |text: &str| Some(Json::parse(text.to_owned()).unwrap());
    let more = vec![("context".to_owned(), json(r#"{"a":1}"#).unwrap())];
    let older = Submission {
        checkpoint_id: Some("c1".into()),
        config: json(r#"{"configurable":{"k":"v"},"tags":["x"]}"#),
        more,
        ..*says("from before")
    };
    let answer = Submission {
        command: Some(Command {
            resume: json("null"),
            ..Command::default()
        }),
        ..Submission::default()
    };
    for submission in [older, answer] {
        let is_answer = submission.command.is_some();
        let mut bench = with_history();
        bench.feed(Input::SubmitRequested {
            command: CommandId(5),
            submission: Box::new(submission),
        });
        let before = body(&bench);
        let post = bench.asked("/runs/stream").0;
        bench.cut(post);
        comes_back(&mut bench);
        if is_answer {
            // The server has no run of it, and no question is open.
            while bench.open.iter().any(|(_, r)| r.url.ends_with(RUNS)) {
                bench.answer(RUNS, 200, "[]");
            }
            tell_history(&mut bench);
            let id = id(&bench, 0);
            assert_eq!(bench.client.view().waiting()[0].state.as_str(), "held");
            assert_eq!(bench.error_code(), None);
            send_now(&mut bench, &id);
            bench.wait_for(RUNS);
        }
        bench.answer(RUNS, 200, "[]");
        assert_eq!(body(&bench), before);
    }
}
