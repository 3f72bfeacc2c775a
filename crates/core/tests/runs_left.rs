//! Runs that are left and gone back to, begun anew, told again, or of a branch that the thread has gone on from: no message is
//! shown twice, under the wrong question, or as a part of what it is no part of.

#![allow(clippy::unwrap_used)] // A panic is how a test fails.

mod support;

use rejoin_core::{
    AttemptId, CommandId, Input, JoinOptions, MessageOrigin, Millis, Outcome, Submission,
    wire::Json,
};
use serde_json::{Value, json};
use support::Bench;

fn shown(bench: &Bench) -> Vec<String> {
    let slots = bench.client.view().messages().iter();
    slots
        .map(|slot| slot.message.content.text().into_owned())
        .collect()
}

fn message(kind: &str, id: &str, text: &str) -> Value {
    json!({ "type": kind, "id": id, "content": text })
}

fn human(id: &str, text: &str) -> Value {
    message("human", id, text)
}

fn ai(id: &str, text: &str) -> Value {
    message("ai", id, text)
}

fn values(bench: &mut Bench, stream: AttemptId, id: &str, messages: &[Value]) {
    let data = json!({ "messages": messages }).to_string();
    bench.event(stream, id, "values", &data);
}

fn state(bench: &mut Bench, messages: &[Value]) {
    let state = json!({ "values": { "messages": messages }, "next": [], "tasks": [] });
    bench.answer("/state", 200, &state.to_string());
}

fn join(bench: &mut Bench, run: &str) {
    bench.feed(Input::JoinRequested {
        command: CommandId(7),
        run_id: Some(run.into()),
        options: JoinOptions::default(),
    });
}

/// The page after a reload: its thread is still busy, and its state holds the question only.
fn reloaded_while_busy(mut bench: Bench) -> Bench {
    bench.feed(Input::PageHiding {
        wall_clock: Millis(1_001_000),
    });
    let thread = bench.client.view().thread_id().unwrap().clone();
    let mut page = Bench::new();
    page.stored = bench.stored.clone();
    page.feed(Input::ThreadSwitched {
        thread_id: Some(thread.clone()),
    });
    state(&mut page, &[human("q", "hi")]);
    let url = format!("/threads/{thread}");
    page.answer(&url, 200, r#"{"thread_id":"t","status":"busy"}"#);
    page
}

/// A thread `t` that is entered with this state; nothing runs on it.
fn entered(messages: &[Value]) -> Bench {
    let mut bench = Bench::new();
    bench.feed(Input::ThreadSwitched {
        thread_id: Some("t".into()),
    });
    state(&mut bench, messages);
    bench.answer("/threads/t", 200, r#"{"thread_id":"t","status":"idle"}"#);
    bench
}

/// Run `r` has told of the question `q` and streams "Hel" under `a`.
fn streaming() -> (Bench, AttemptId) {
    let mut bench = Bench::new();
    bench.submit("hi");
    let stream = bench.accept("/runs/stream", "r");
    bench.metadata(stream, "1", "r");
    values(&mut bench, stream, "2", &[human("q", "hi")]);
    bench.token(stream, "3", "a", "Hel");
    (bench, stream)
}

#[test]
fn an_attempt_is_void_when_the_run_begins_anew_though_another_was_joined_in_between() {
    for leaves in ["a join", "a stop", "a submission"] {
        let (mut bench, _) = streaming();
        match leaves {
            "a join" => {
                join(&mut bench, "unknown");
                bench.refuse("/runs/unknown/stream", 404, &[], "");
                state(&mut bench, &[human("q", "hi")]);
            }
            "a stop" => bench.feed(Input::StopRequested),
            _ => {
                bench.feed(Input::StopRequested);
                bench.submit("more");
                bench.accept("/runs/stream", "other");
            }
        }
        assert_eq!(bench.text("a"), "Hel");
        join(&mut bench, "r");
        let stream = bench.accept("/runs/r/stream", "r");
        // Another id: the server has begun it anew.
        bench.metadata(stream, "11", "r");
        values(&mut bench, stream, "12", &[human("q", "hi")]);
        bench.token(stream, "13", "b", "Hello");
        let texts = shown(&bench);
        assert!(texts.contains(&"Hello".to_owned()), "{leaves}: {texts:?}");
        assert!(!texts.contains(&"Hel".to_owned()), "{leaves}: {texts:?}");
    }
}

#[test]
fn an_attempt_goes_on_when_the_run_is_joined_again() {
    let (mut bench, _) = streaming();
    join(&mut bench, "unknown");
    bench.refuse("/runs/unknown/stream", 404, &[], "");
    state(&mut bench, &[human("q", "hi")]);
    join(&mut bench, "r");
    let stream = bench.accept("/runs/r/stream", "r");
    bench.metadata(stream, "1", "r");
    values(&mut bench, stream, "2", &[human("q", "hi")]);
    bench.token(stream, "3", "a", "Hello");
    assert_eq!(shown(&bench), ["hi", "Hello"]);
}

#[test]
fn what_values_have_held_on_a_branch_that_was_left_is_no_part() {
    for ending in ["expired", "cancelled", "left unconfirmed"] {
        let mut bench = entered(&[human("q2", "edited"), ai("a2", "new")]);
        join(&mut bench, "r");
        let stream = bench.accept("/runs/r/stream", "r");
        bench.metadata(stream, "1", "r");
        let old = [human("q1", "first"), ai("a1", "old")];
        let told = if ending == "left unconfirmed" { 1 } else { 2 };
        values(&mut bench, stream, "2", &old[..told]);
        bench.token(stream, "3", "a1", "old");
        assert!(shown(&bench).contains(&"old".to_owned()));
        bench.end(stream);
        match ending {
            "cancelled" => bench.run_is("r", "interrupted"),
            _ => {
                // What the stream said of its end does not count here: it broke off.
                bench.run_is("r", "interrupted");
            }
        }
        state(&mut bench, &[human("q2", "edited"), ai("a2", "new")]);
        assert_eq!(shown(&bench), ["edited", "new"], "{ending}");
    }
}

#[test]
fn what_the_server_has_lost_of_a_failed_run_stays() {
    let (mut bench, stream) = streaming();
    values(
        &mut bench,
        stream,
        "4",
        &[human("q", "hi"), ai("a", "Hello")],
    );
    bench.token(stream, "5", "b", "More");
    bench.end(stream);
    bench.run_is("r", "interrupted");
    state(&mut bench, &[]);
    assert_eq!(shown(&bench), ["hi", "Hello", "More"]);
}

#[test]
fn a_part_stays_when_another_question_was_answered_since() {
    let (mut bench, _) = streaming();
    bench.feed(Input::StopRequested);
    bench.pass(10_000);
    bench.feed(Input::Focused);
    let found = r#"[{"thread_id":"T","status":"idle","updated_at":"9"}]"#;
    let thread = bench.client.view().thread_id().unwrap().to_string();
    bench.answer("/threads/search", 200, &found.replace('T', &thread));
    state(
        &mut bench,
        &[human("q", "hi"), human("q2", "and"), ai("z", "Other")],
    );
    assert_eq!(shown(&bench), ["hi", "Hel", "and", "Other"]);
}

#[test]
fn an_answer_stands_under_its_question_though_another_was_asked_meanwhile() {
    let (mut bench, _) = streaming();
    bench.feed(Input::StopRequested);
    bench.submit("later");
    bench.accept("/runs/stream", "other");
    join(&mut bench, "r");
    let stream = bench.accept("/runs/r/stream", "r");
    bench.metadata(stream, "1", "r");
    values(&mut bench, stream, "2", &[human("q", "hi")]);
    bench.token(stream, "3", "a", "Hello");
    bench.token(stream, "4", "b", "More");
    assert_eq!(shown(&bench), ["hi", "Hello", "More", "later"]);
    let all = [human("q", "hi"), ai("a", "Hello"), ai("b", "More")];
    values(&mut bench, stream, "5", &all);
    assert_eq!(shown(&bench), ["hi", "Hello", "More", "later"]);
}

#[test]
fn an_older_run_that_is_joined_is_not_shown_beside_what_is_stored_of_it() {
    let all = [
        human("q1", "one"),
        ai("s1", "First"),
        human("q2", "two"),
        ai("s2", "Second"),
    ];
    let mut bench = entered(&all);
    join(&mut bench, "r");
    let stream = bench.accept("/runs/r/stream", "r");
    bench.metadata(stream, "1", "r");
    values(&mut bench, stream, "2", &all[..1]);
    for (id, piece) in [("3", ""), ("4", "Fi"), ("5", "rst")] {
        bench.token(stream, id, "x1", piece);
        assert_eq!(shown(&bench), ["one", "First", "two", "Second"]);
    }
    values(&mut bench, stream, "6", &all[..2]);
    bench.token(stream, "7", "x2", "New");
    assert_eq!(shown(&bench).iter().filter(|t| *t == "First").count(), 1);
}

#[test]
fn half_a_character_does_not_make_an_answer_another_one() {
    let mut bench = entered(&[human("q", "hi"), ai("s", "Hi 😀!")]);
    join(&mut bench, "r");
    let stream = bench.accept("/runs/r/stream", "r");
    bench.metadata(stream, "1", "r");
    values(&mut bench, stream, "2", &[human("q", "hi")]);
    for (id, piece) in [("3", "Hi \\ud83d"), ("4", "\\ude00"), ("5", "!")] {
        bench.token(stream, id, "x", piece);
        assert_eq!(shown(&bench), ["hi", "Hi 😀!"]);
    }
}

#[test]
fn a_tool_that_answers_again_under_another_id_is_shown_once() {
    let tool = |id: &str| json!({ "type": "tool", "id": id, "tool_call_id": "c", "content": "22" });
    let mut bench = entered(&[human("q", "hi"), tool("s")]);
    join(&mut bench, "r");
    let stream = bench.accept("/runs/r/stream", "r");
    bench.metadata(stream, "1", "r");
    values(&mut bench, stream, "2", &[human("q", "hi")]);
    bench.event(stream, "3", "messages", &json!([tool("x"), {}]).to_string());
    assert_eq!(shown(&bench), ["hi", "22"]);
    values(&mut bench, stream, "4", &[human("q", "hi"), tool("s")]);
    assert_eq!(shown(&bench), ["hi", "22"]);
}

#[test]
fn a_stream_that_goes_on_behind_the_threads_state_does_not_show_that_again() {
    let (mut bench, stream) = streaming();
    bench.cut(stream);
    bench.feed(Input::StopRequested);
    bench.pass(10_000);
    bench.feed(Input::Focused);
    let thread = bench.client.view().thread_id().unwrap().to_string();
    let found = r#"[{"thread_id":"T","status":"idle","updated_at":"9"}]"#;
    bench.answer("/threads/search", 200, &found.replace('T', &thread));
    let all = [human("q", "hi"), ai("a", "Hello"), ai("s2", "Second")];
    state(&mut bench, &all);
    join(&mut bench, "r");
    let stream = bench.accept("/runs/r/stream", "r");
    bench.token(stream, "3", "a", "Hel");
    for (id, piece) in [("4", "Sec"), ("5", "ond")] {
        bench.token(stream, id, "x2", piece);
        assert_eq!(shown(&bench), ["hi", "Hello", "Second"]);
    }
}

#[test]
fn what_was_had_before_a_replay_began_is_not_left_out_of_it() {
    let (mut bench, stream) = streaming();
    bench.token(stream, "4", "a", "lo ");
    bench.token(stream, "5", "a", "you");
    let mut page = reloaded_while_busy(bench);
    page.run_is("r", "running");
    let stream = page.accept("/runs/r/stream", "r");
    // The cursor does not arrive, so everything is asked for.
    page.token(stream, "6", "a", "!");
    let stream = page.accept("/runs/r/stream", "r");
    page.metadata(stream, "1", "r");
    values(&mut page, stream, "2", &[human("q", "hi")]);
    page.token(stream, "3", "a", "Hel");
    page.token(stream, "4", "a", "lo ");
    page.cut(stream);
    page.pass(1_000);
    let stream = page.accept("/runs/r/stream", "r");
    for (id, piece) in [("4", "lo "), ("5", "you"), ("6", "!"), ("7", "?")] {
        page.token(stream, id, "a", piece);
    }
    assert_eq!(shown(&page), ["hi", "Hello you!?"]);
}

#[test]
fn each_join_in_the_middle_of_a_message_leaves_that_out() {
    let (mut bench, stream) = streaming();
    let mut attempt = stream;
    for (begun, torn) in [("b", "tail"), ("c", "end")] {
        bench.cut(attempt);
        bench.pass(1_000);
        attempt = bench.accept("/runs/r/stream", "r");
        if begun == "b" {
            // The first time everything is asked for once more.
            bench.token(attempt, "90", "b", "x");
            attempt = bench.accept("/runs/r/stream", "r");
        }
        bench.token(attempt, &format!("{begun}1"), begun, torn);
        assert!(!shown(&bench).contains(&torn.to_owned()), "{begun}");
        let all = [human("q", "hi"), ai("a", "Hello")];
        values(&mut bench, attempt, &format!("{begun}2"), &all);
    }
}

#[test]
fn a_message_sent_again_under_the_servers_id_does_not_say_that_the_server_keeps_ids() {
    let mut bench = entered(&[human("srv-1", "one")]);
    let input = json!({ "messages": [human("srv-1", "one"), human("own-2", "two")] });
    bench.feed(Input::SubmitRequested {
        command: CommandId(1),
        submission: Box::new(Submission {
            input: Some(Json::from_value(&input).unwrap()),
            ..Submission::default()
        }),
    });
    let stream = bench.accept("/runs/stream", "r");
    bench.metadata(stream, "1", "r");
    let all = [human("srv-1", "one"), human("srv-2", "two")];
    values(&mut bench, stream, "2", &all);
    assert_eq!(shown(&bench), ["one", "two"]);
}

#[test]
fn a_failure_that_the_stream_did_not_tell_is_read_from_the_threads_state() {
    for status in [404, 405] {
        let (mut bench, stream) = streaming();
        // The proxy ends the stream before the event that says why, and the server says nothing of the run.
        bench.end(stream);
        bench.answer("/runs/r", status, "");
        let state = json!({
            "values": { "messages": [human("q", "hi")] }, "next": ["model"],
            "tasks": [{ "id": "1", "name": "model", "error": "ValueError('boom')", "interrupts": [] }],
        });
        bench.answer("/state", 200, &state.to_string());
        assert!(matches!(bench.outcome(), Some(Outcome::Failed(_))));
        let slots = bench.client.view().messages().iter();
        let part = slots.last().map(|slot| slot.origin);
        assert_eq!(part, Some(MessageOrigin::Partial));
    }
}

#[test]
fn a_failed_thread_that_a_sign_in_page_hides_is_told_as_failed_from_its_state() {
    let mut bench = Bench::new();
    bench.feed(Input::ThreadSwitched {
        thread_id: Some("t".into()),
    });
    let state = json!({
        "values": { "messages": [human("q", "hi")] }, "next": ["model"],
        "tasks": [{ "id": "1", "name": "model", "error": "ValueError('boom')", "interrupts": [] }],
    });
    bench.answer("/state", 200, &state.to_string());
    bench.answer("/threads/t", 200, "<html>Sign in</html>");
    bench.answer(
        "/runs?limit=100",
        200,
        r#"[{"run_id":"r","status":"error"}]"#,
    );
    assert_eq!(bench.error_code(), Some("run_failed"));
}

#[test]
fn what_waits_for_a_thread_that_is_denied_fails_with_it() {
    let mut bench = Bench::new();
    bench.feed(Input::ThreadSwitched {
        thread_id: Some("t".into()),
    });
    bench.submit("hi");
    for _ in 0..2 {
        bench.answer("/threads/t", 401, "");
    }
    match bench.outcome() {
        Some(Outcome::Failed(error)) => assert_eq!(error.code.as_str(), "unauthorized"),
        outcome => panic!("{outcome:?}"),
    }
}

#[test]
fn a_stored_run_that_cannot_be_asked_for_is_followed_while_its_thread_is_busy() {
    for status in [404, 405, 410, 501] {
        let (bench, _) = streaming();
        let mut page = reloaded_while_busy(bench);
        page.answer("/runs/r", status, "");
        let runs = r#"[{"run_id":"r","status":"running"}]"#;
        page.answer("/runs?limit=100", 200, runs);
        let (_, request) = page.asked("/runs/r/stream");
        let cursor = Bench::header(&request, "last-event-id");
        assert_eq!(cursor.as_deref(), Some("2"), "{status}");
        let stream = page.accept("/runs/r/stream", "r");
        page.token(stream, "3", "a", "Hel");
        page.token(stream, "4", "a", "lo");
        assert_eq!(shown(&page), ["hi", "Hello"], "{status}");
        assert!(page.warnings().is_empty(), "{:?}", page.warnings());
    }
}

/// What a record holds of a run may lie on a branch that was left. Without it, what follows in the stream would lack its beginning.
#[test]
fn a_run_whose_message_is_not_shown_any_more_is_told_from_its_start() {
    let (mut bench, _) = streaming();
    bench.feed(Input::PageHiding {
        wall_clock: Millis(1_001_000),
    });
    let thread = bench.client.view().thread_id().unwrap().clone();
    let mut page = Bench::new();
    page.stored = bench.stored.clone();
    page.feed(Input::ThreadSwitched {
        thread_id: Some(thread.clone()),
    });
    state(&mut page, &[human("q2", "edited"), ai("a2", "other")]);
    let url = format!("/threads/{thread}");
    page.answer(&url, 200, r#"{"thread_id":"t","status":"busy"}"#);
    page.run_is("r", "running");
    let (_, request) = page.asked("/runs/r/stream");
    let cursor = Bench::header(&request, "last-event-id");
    assert_eq!(cursor.as_deref(), Some("-1"));
}

/// What the page shows of an earlier run that was left, and that the thread does not have.
fn reloaded_beside_another_run(ends_first: bool) -> Bench {
    let (mut bench, stream) = streaming();
    if ends_first {
        bench.event(stream, "4", "error", r#"{"error":"E","message":"boom"}"#);
        bench.end(stream);
        bench.run_is("r", "error");
        state(&mut bench, &[human("q", "hi")]);
    } else {
        bench.feed(Input::StopRequested);
    }
    bench.submit("more");
    let stream = bench.accept("/runs/stream", "r2");
    bench.metadata(stream, "11", "r2");
    values(
        &mut bench,
        stream,
        "12",
        &[human("q", "hi"), human("q2", "more")],
    );
    bench.token(stream, "13", "b", "Two");
    bench.feed(Input::PageHiding {
        wall_clock: Millis(1_001_000),
    });
    let thread = bench.client.view().thread_id().unwrap().clone();
    let mut page = Bench::new();
    page.stored = bench.stored.clone();
    page.feed(Input::ThreadSwitched {
        thread_id: Some(thread.clone()),
    });
    state(&mut page, &[human("q", "hi"), human("q2", "more")]);
    let url = format!("/threads/{thread}");
    page.answer(&url, 200, r#"{"thread_id":"t","status":"idle"}"#);
    page
}

#[test]
fn a_part_of_an_earlier_run_is_one_after_a_reload_too() {
    for ends_first in [true, false] {
        let mut page = reloaded_beside_another_run(ends_first);
        page.run_is("r2", "interrupted");
        state(&mut page, &[human("q", "hi"), human("q2", "more")]);
        assert_eq!(shown(&page), ["hi", "Hel", "more", "Two"]);
        for slot in page.client.view().messages() {
            let is_part = ["a", "b"].contains(&slot.id().as_str());
            let origin = if is_part {
                MessageOrigin::Partial
            } else {
                MessageOrigin::Server
            };
            assert_eq!(slot.origin, origin, "{}", slot.id());
        }
    }
}

/// A message that a record has held as the thread's, and the thread has no more, comes again as its run's own.
#[test]
fn a_message_that_has_left_the_screen_comes_anew() {
    let mut bench = entered(&[human("q", "hi"), ai("a", "Hel")]);
    bench.submit("more");
    let stream = bench.accept("/runs/stream", "r2");
    bench.metadata(stream, "11", "r2");
    let told = [human("q", "hi"), ai("a", "Hel"), human("q2", "more")];
    values(&mut bench, stream, "12", &told);
    bench.feed(Input::PageHiding {
        wall_clock: Millis(1_001_000),
    });
    let mut page = Bench::new();
    page.stored = bench.stored.clone();
    page.feed(Input::ThreadSwitched {
        thread_id: Some("t".into()),
    });
    let kept = [human("q", "hi"), human("q2", "more")];
    state(&mut page, &kept);
    page.answer("/threads/t", 200, r#"{"thread_id":"t","status":"idle"}"#);
    page.run_is("r2", "interrupted");
    state(&mut page, &kept);
    assert_eq!(shown(&page), ["hi", "more"], "the thread has it no more");
    join(&mut page, "r");
    let stream = page.accept("/runs/r/stream", "r");
    page.metadata(stream, "1", "r");
    values(&mut page, stream, "2", &[human("q", "hi")]);
    page.token(stream, "3", "a", "Hel");
    page.end(stream);
    page.run_is("r", "interrupted");
    state(&mut page, &kept);
    assert!(
        shown(&page).contains(&"Hel".to_owned()),
        "{:?}",
        shown(&page)
    );
}

/// Some servers send heartbeats between any two events, also of what they tell again.
#[test]
fn a_heartbeat_in_the_middle_of_a_replay_shows_nothing_twice() {
    let beats = [
        ": heartbeat\n\n",
        ":\n\n",
        "event: ping\ndata: 2026-11-29 04:00:00\n\n",
    ];
    for beat in beats {
        let mut page = Bench::new();
        page.feed(Input::ThreadSwitched {
            thread_id: Some("t".into()),
        });
        let question = json!({ "type": "human", "content": "hi" });
        let answer = json!({ "type": "ai", "content": "I look" });
        state(&mut page, &[question.clone(), answer.clone()]);
        page.answer("/threads/t", 200, r#"{"thread_id":"t","status":"busy"}"#);
        let runs = r#"[{"run_id":"r","status":"running"}]"#;
        page.answer("/runs?limit=100", 200, runs);
        let stream = page.accept("/runs/r/stream", "r");
        page.metadata(stream, "", "r");
        values(&mut page, stream, "", std::slice::from_ref(&question));
        let bytes = beat.as_bytes().to_vec();
        page.feed(Input::ChunkArrived {
            attempt: stream,
            bytes,
        });
        page.token(stream, "", "streamed", "I look");
        assert_eq!(shown(&page), ["hi", "I look"], "{beat:?}");
        values(&mut page, stream, "", &[question, answer]);
        page.token(stream, "", "next", "And");
        assert_eq!(shown(&page), ["hi", "I look", "And"], "{beat:?}");
    }
}
