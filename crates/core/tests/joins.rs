//! Joining by hand: without a thread, from a given event, of given modes, and of runs that are gone.

#![allow(clippy::unwrap_used)] // A panic is how a test fails.

mod support;

use rejoin_core::{CommandId, Input, JoinOptions, Notice, Outcome, wire::Json};
use support::Bench;

fn join(bench: &mut Bench, run: Option<&str>, options: JoinOptions) {
    bench.feed(Input::JoinRequested {
        command: CommandId(9),
        run_id: run.map(Into::into),
        options,
    });
}

/// A page that left a run `r` which had streamed "a b " of message `m`.
fn left() -> Bench {
    let mut bench = Bench::new();
    bench.submit("hi");
    let stream = bench.accept("/runs/stream", "r");
    bench.metadata(stream, "0", "r");
    bench.token(stream, "1", "m", "a ");
    bench.token(stream, "2", "m", "b ");
    bench.feed(Input::StopRequested);
    bench
}

/// Another page with what the first one stored.
fn reloaded(left: &Bench) -> Bench {
    let mut page = Bench::new();
    page.stored = left.stored.clone();
    page
}

fn thread(bench: &Bench) -> String {
    bench.client.view().thread_id().unwrap().to_string()
}

fn answer_idle(bench: &mut Bench) {
    let thread = thread(bench);
    bench.answer(
        "/state",
        200,
        r#"{"values":{"messages":[{"type":"human","id":"h","content":"hi"}]}}"#,
    );
    bench.answer(
        &format!("/threads/{thread}"),
        200,
        r#"{"thread_id":"t","status":"busy"}"#,
    );
}

#[test]
fn a_run_is_found_without_its_thread() {
    let before = left();
    let mut page = reloaded(&before);
    join(&mut page, Some("r"), JoinOptions::default());
    assert_eq!(thread(&page), thread(&before));
    answer_idle(&mut page);
    page.run_is("r", "running");
    let stream = page.accept("/runs/r/stream", "r");
    page.token(stream, "2", "m", "b ");
    page.token(stream, "3", "m", "c ");
    assert_eq!(page.text("m"), "a b c ");
    page.end(stream);
    page.settle(
        "r",
        "success",
        r#"{"messages":[{"type":"ai","id":"m","content":"a b c "}]}"#,
    );
    assert_eq!(page.outcome(), Some(Outcome::Replayed));
    assert!(page.stored.is_empty(), "{:?}", page.stored);
}

#[test]
fn a_run_that_was_never_stored_is_nothing_to_join() {
    let mut page = Bench::new();
    join(&mut page, Some("r"), JoinOptions::default());
    assert_eq!(page.outcome(), Some(Outcome::NothingToJoin));
    join(&mut page, None, JoinOptions::default());
    let concluded = page
        .notices
        .iter()
        .filter(|notice| matches!(notice, Notice::Concluded { .. }));
    assert_eq!(concluded.count(), 2);
    assert!(page.open.is_empty() && page.client.view().thread_id().is_none());
}

#[test]
fn a_damaged_pointer_is_nothing_to_join() {
    let mut page = reloaded(&left());
    for text in page.stored.values_mut() {
        "[1".clone_into(text);
    }
    join(&mut page, Some("r"), JoinOptions::default());
    assert_eq!(page.outcome(), Some(Outcome::NothingToJoin));
}

#[test]
fn a_stale_run_is_cleaned_up_and_the_threads_state_shown() {
    let before = left();
    for status in [404, 410] {
        let mut page = reloaded(&before);
        assert_eq!(page.stored.len(), 2, "the record, and where the run is");
        page.feed(Input::ThreadSwitched {
            thread_id: before.client.view().thread_id().cloned(),
        });
        let hi = r#"{"values":{"messages":[{"type":"human","id":"h","content":"hi"}]}}"#;
        page.answer("/state", 200, hi);
        let url = format!("/threads/{}", thread(&page));
        page.answer(&url, 200, r#"{"thread_id":"t","status":"idle"}"#);
        page.answer("/runs/r", status, "");
        page.answer(
            "/state",
            200,
            r#"{"values":{"messages":[{"type":"human","id":"h","content":"hi"},{"type":"ai","id":"m","content":"whole"}]}}"#,
        );
        assert_eq!(
            (page.state(), page.error_code()),
            ("expired", Some("run_expired"))
        );
        assert_eq!(page.text("m"), "whole");
        assert!(
            page.stored.is_empty() && page.open.is_empty(),
            "{:?}",
            page.stored
        );
    }
}

#[test]
fn a_join_that_the_server_does_not_know_is_cleaned_up_too() {
    let mut bench = left();
    join(&mut bench, None, JoinOptions::default());
    bench.refuse("/runs/r/stream", 404, &[], "");
    bench.answer(
        "/state",
        200,
        r#"{"values":{"messages":[{"type":"ai","id":"m","content":"whole"}]}}"#,
    );
    assert_eq!(
        (bench.outcome(), bench.text("m").as_str()),
        (Some(Outcome::Expired), "whole")
    );
    assert!(bench.stored.is_empty(), "{:?}", bench.stored);
}

#[test]
fn an_older_runs_pointer_goes_with_its_record() {
    let mut bench = left();
    bench.submit("more");
    let stream = bench.accept("/runs/stream", "r2");
    bench.metadata(stream, "0", "r2");
    bench.pass(1000);
    let keys: Vec<_> = bench
        .stored
        .keys()
        .filter(|key| key.contains(":run|"))
        .collect();
    assert_eq!(keys, ["rejoin:1:run|http%3A%2F%2Fserver|r2"]);
}

#[test]
fn a_join_starts_after_the_event_that_is_named() {
    let check = |last: &str, expected: &str| {
        let mut bench = left();
        let options = JoinOptions {
            last_event_id: Some(last.into()),
            ..JoinOptions::default()
        };
        join(&mut bench, None, options);
        let (_, request) = bench.asked("/runs/r/stream");
        assert_eq!(
            Bench::header(&request, "last-event-id").as_deref(),
            Some(last)
        );
        let stream = bench.accept("/runs/r/stream", "r");
        if last == "-1" {
            bench.metadata(stream, "0", "r");
            bench.token(stream, "1", "m", "a ");
            bench.token(stream, "2", "m", "b ");
        }
        bench.token(stream, "3", "m", "c ");
        assert_eq!(bench.text("m"), expected);
    };
    check("2", "a b c ");
    check("-1", "a b c ");
}

#[test]
fn a_join_asks_for_the_modes_that_are_named() {
    let check = |modes: &[&str], expected: &str| {
        let mut bench = left();
        let options = JoinOptions {
            stream_modes: modes.iter().map(|mode| (*mode).to_owned()).collect(),
            ..JoinOptions::default()
        };
        join(&mut bench, None, options);
        let url = &bench.open[0].1.url;
        assert!(url.ends_with(expected), "{url}");
    };
    check(&[], "/runs/r/stream");
    check(&["values"], "/runs/r/stream?stream_mode=values");
    check(
        &["values", "messages-tuple"],
        "/runs/r/stream?stream_mode=%5B%22values%22%2C%22messages-tuple%22%5D",
    );
}

#[test]
fn stop_while_connecting_is_immediate() {
    let mut bench = Bench::new();
    bench.submit("hi");
    let (post, _) = bench.asked("/runs/stream");
    bench.feed(Input::StopRequested);
    assert_eq!(
        (bench.outcome(), bench.state()),
        (Some(Outcome::Disconnected), "disconnected")
    );
    assert_eq!(bench.aborted, [post]);
    assert!(!bench.client.view().is_loading() && bench.client.deadline().is_none());
    let headers = vec![("content-type".to_owned(), "text/event-stream".to_owned())];
    bench.feed(Input::HeadersArrived {
        attempt: post,
        status: 200,
        headers,
    });
    assert_eq!(bench.state(), "disconnected", "a late answer is nobody's");
}

#[test]
fn turning_to_another_thread_ends_a_lookup_and_what_waits_for_it() {
    let mut page = reloaded(&left());
    join(&mut page, Some("r"), JoinOptions::default());
    page.feed(Input::ThreadSwitched {
        thread_id: Some("t2".into()),
    });
    assert_eq!(
        (page.outcome(), thread(&page).as_str()),
        (Some(Outcome::Disconnected), "t2")
    );
}

#[test]
fn a_later_runs_end_removes_an_earlier_runs_record() {
    let mut bench = left();
    assert_eq!(bench.records(), 1);
    bench.submit("more");
    let stream = bench.accept("/runs/stream", "r2");
    bench.metadata(stream, "0", "r2");
    bench.end(stream);
    bench.settle("r2", "success", r#"{"messages":[]}"#);
    assert!(
        bench.stored.is_empty(),
        "a reload would go back to the run before: {:?}",
        bench.stored
    );
}

#[test]
fn a_refused_submission_leaves_an_earlier_runs_record() {
    let mut bench = left();
    bench.submit("more");
    bench.refuse("/runs/stream", 422, &[], "");
    assert_eq!(
        (bench.error_code(), bench.records()),
        (Some("unprocessable"), 1)
    );
}

#[test]
fn a_record_without_the_streamed_message_has_no_cursor() {
    let mut bench = Bench::with(|config| config.record_bytes_max = 500);
    bench.submit("hi");
    let stream = bench.accept("/runs/stream", "r");
    bench.metadata(stream, "0", "r");
    bench.token(stream, "1", "m", "a ");
    let long = "x".repeat(200);
    let laid = format!(
        r#"{{"messages":[{{"type":"ai","id":"m","content":"a "}},{{"type":"human","id":"x","content":"{long}"}}]}}"#
    );
    bench.feed(Input::ValuesMutated {
        values: Json::parse(laid).unwrap(),
    });
    bench.token(stream, "2", "m", "b ");
    bench.feed(Input::StopRequested);
    let record = bench
        .stored
        .iter()
        .find(|(key, _)| !key.contains(":run|"))
        .unwrap();
    let record: serde_json::Value = serde_json::from_str(record.1).unwrap();
    assert!(
        record["cursor"].is_null(),
        "a reload would go on in the middle: {record}"
    );
}

#[test]
fn a_replay_that_a_proxy_drops_is_asked_for_in_the_query_too() {
    let mut page = Bench::new();
    page.feed(Input::ThreadSwitched {
        thread_id: Some("t".into()),
    });
    answer_idle(&mut page);
    join(&mut page, Some("r"), JoinOptions::default());
    let live = page.accept("/runs/r/stream", "r");
    page.token(live, "7", "m", "x ");
    assert_eq!(page.text("m"), "");
    let (_, request) = page.asked("/runs/r/stream");
    assert!(request.url.ends_with("last_event_id=-1"), "{}", request.url);
    let replay = page.accept("/runs/r/stream", "r");
    page.metadata(replay, "0", "r");
    page.token(replay, "1", "m", "a ");
    assert_eq!(page.text("m"), "a ");
    assert_eq!(page.warnings(), ["cursor_ignored"]);
}
