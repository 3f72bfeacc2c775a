//! What servers and proxies do that the three measured ones do not, each case with others of its class.

mod support;

use rejoin_core::{CommandId, Input, JoinOptions, Millis, Notice, Outcome, TransportError};
use support::Bench;

/// A run `r` that has streamed "a b " of message `m` under opaque ids, as Python's.
fn streaming() -> (Bench, rejoin_core::AttemptId) {
    let mut bench = Bench::new();
    bench.submit("hi");
    let stream = bench.accept("/runs/stream", "r");
    bench.metadata(stream, "10-0", "r");
    bench.token(stream, "11-0", "m", "a ");
    bench.token(stream, "12-0", "m", "b ");
    (bench, stream)
}

fn step_token(bench: &mut Bench, attempt: rejoin_core::AttemptId, id: &str, m: &str, step: u64) {
    let data = format!(
        r#"[{{"type":"AIMessageChunk","id":"{m}","content":"new"}},{{"langgraph_step":{step}}}]"#
    );
    bench.event(attempt, id, "messages", &data);
}

const DONE: &str = r#"{"messages":[{"type":"human","id":"h","content":"hi"},{"type":"ai","id":"m","content":"a b c "}]}"#;

fn posts(bench: &Bench) -> usize {
    let is_post = |url: &str| url.ends_with("/runs/stream");
    bench.open.iter().filter(|(_, r)| is_post(&r.url)).count()
}

fn posted_after(bench: &mut Bench, seconds: u64) -> usize {
    let mut count = 0;
    for _ in 0..seconds {
        bench.pass(1000);
        if posts(bench) > 0 {
            let attempt = bench.asked("/runs/stream").0;
            bench.cut(attempt);
            count += 1;
        }
        for path in ["/runs?limit=100", "/state", "/runs/r"] {
            if bench.open.iter().any(|(_, r)| r.url.ends_with(path)) {
                let body = if path == "/state" { "{}" } else { "[]" };
                bench.answer(path, 200, body);
            }
        }
    }
    count
}

// C-3: a healthy run is not given up.

#[test]
fn a_run_whose_connections_are_ended_or_cut_every_few_seconds_is_followed() {
    for cuts in [false, true] {
        let (mut bench, mut stream) = streaming();
        for round in 0..20 {
            for _ in 0..8 {
                bench.pass(1000);
                bench.feed(Input::ChunkArrived {
                    attempt: stream,
                    bytes: b": heartbeat\n\n".to_vec(),
                });
            }
            if cuts {
                bench.cut(stream);
            } else {
                bench.end(stream);
                bench.run_is("r", "running");
            }
            assert_eq!(bench.error_code(), None, "round {round}");
            bench.wait_for("/runs/r/stream");
            stream = bench.accept("/runs/r/stream", "r");
            bench.token(stream, "12-0", "m", "b ");
        }
        bench.token(stream, "13-0", "m", "c ");
        assert_eq!(
            (bench.state(), bench.text("m").as_str()),
            ("live", "a b c ")
        );
    }
}

#[test]
fn a_run_whose_streams_are_held_back_is_asked_for_until_it_is_over() {
    let (mut bench, stream) = streaming();
    bench.cut(stream);
    for _ in 0..40 {
        bench.wait_for("/runs/r");
        bench.run_is("r", "running");
        if bench.open.iter().any(|(_, r)| r.url.ends_with("/state")) {
            bench.answer("/state", 200, r#"{"values":{},"next":["x"]}"#);
        }
    }
    bench.wait_for("/runs/r");
    bench.settle("r", "success", DONE);
    assert_eq!(
        (bench.state(), bench.text("m").as_str()),
        ("finished", "a b c ")
    );
    assert_eq!(bench.error_code(), None);
}

// C-4: a submission of which anything was received is never posted again.

#[test]
fn a_submission_that_was_answered_in_part_is_not_posted_again() {
    let answers = [
        ("values", r#"{"messages":[]}"#),
        (
            "messages",
            r#"[{"type":"AIMessageChunk","id":"m","content":"hello"},{}]"#,
        ),
        ("custom", "1"),
    ];
    for (name, data) in answers {
        let mut bench = Bench::new();
        bench.submit("hi");
        let attempt = bench.asked("/runs/stream").0;
        let headers = vec![("content-type".to_owned(), "text/event-stream".to_owned())];
        bench.feed(Input::HeadersArrived {
            attempt,
            status: 200,
            headers,
        });
        bench.event(attempt, "", name, data);
        bench.end(attempt);
        assert_eq!(posted_after(&mut bench, 60), 0, "{name}");
        assert_eq!(bench.outcome(), Some(Outcome::Finished), "{name}");
    }
}

#[test]
fn one_whose_answers_are_lost_is_posted_a_few_times_and_the_outcome_says_so() {
    let mut bench = Bench::new();
    bench.submit("hi");
    let attempt = bench.asked("/runs/stream").0;
    bench.cut(attempt);
    assert_eq!(posted_after(&mut bench, 600), 4, "five with the first");
    let Some(Outcome::Failed(error)) = bench.outcome() else {
        panic!("{:?}", bench.outcome());
    };
    assert_eq!(error.code.as_str(), "unreachable");
}

#[test]
fn a_post_that_may_have_become_a_run_is_not_sent_again_where_runs_are_not_listed() {
    let mut bench = Bench::new();
    bench.submit("hi");
    let attempt = bench.asked("/runs/stream").0;
    bench.cut(attempt);
    bench.wait_for("/runs?limit=100");
    bench.answer("/runs?limit=100", 405, "no such route");
    let thread = bench.client.view().thread_id().expect("a thread").clone();
    bench.answer(&format!("/threads/{thread}"), 200, r#"{"thread_id":"t"}"#);
    bench.answer("/state", 200, r#"{"values":{}}"#);
    assert_eq!(bench.error_code(), Some("submission_unconfirmed"));
    assert_eq!(posts(&bench), 0);
}

// C-5: what the stream said counts.

#[test]
fn a_stream_that_ended_well_has_finished_although_the_run_cannot_be_asked_for() {
    for (status, says_end) in [(404, false), (404, true), (405, false), (410, true)] {
        let (mut bench, stream) = streaming();
        bench.event(stream, "13-0", "values", DONE);
        if says_end {
            bench.event(stream, "", "end", "null");
            bench.cut(stream);
            bench.wait_for("/runs/r/stream");
            bench.refuse("/runs/r/stream", status, &[], "");
        } else {
            bench.end(stream);
            bench.answer("/runs/r", status, "");
        }
        bench.answer("/state", 200, &format!(r#"{{"values":{DONE}}}"#));
        assert_eq!(bench.state(), "finished", "{status} {says_end}");
        assert_eq!(bench.error_code(), None);
    }
}

#[test]
fn an_error_in_the_stream_is_the_failure_although_the_run_is_forgotten() {
    for answer in [404, 405, 409, 410] {
        let (mut bench, stream) = streaming();
        let error = r#"{"error":"ValueError","message":"boom"}"#;
        bench.event(stream, "13-0", "error", error);
        bench.end(stream);
        bench.answer("/runs/r", answer, "");
        bench.answer("/state", 200, r#"{"values":{}}"#);
        let error = bench.client.view().error().expect("an error");
        assert_eq!(
            error.detail.as_deref(),
            Some("ValueError: boom"),
            "{answer}"
        );
        assert_eq!(bench.text("m"), "a b ", "nothing received is lost");
    }
}

// C-8: no content type.

#[test]
fn an_event_stream_is_told_by_its_body_where_no_header_says_it() {
    let accepted = [
        "",
        "application/octet-stream, text/event-stream; charset=utf-8",
    ];
    let refused = ["text/html", "application/json", "text/plain"];
    let answer = |kind: &str, body: &str| {
        let mut bench = Bench::new();
        bench.submit("hi");
        let attempt = bench.asked("/runs/stream").0;
        let headers = match kind {
            "" => Vec::new(),
            kind => vec![("content-type".to_owned(), kind.to_owned())],
        };
        bench.feed(Input::HeadersArrived {
            attempt,
            status: 200,
            headers,
        });
        bench.feed(Input::ChunkArrived {
            attempt,
            bytes: body.as_bytes().to_vec(),
        });
        bench.error_code()
    };
    let event = "\n: hello\nevent: metadata\ndata: {\"run_id\":\"r\"}\n\n";
    for kind in accepted {
        assert_eq!(answer(kind, event), None, "{kind}");
    }
    for kind in refused {
        assert_eq!(answer(kind, event), Some("not_an_event_stream"), "{kind}");
    }
    for body in ["<html>Sign in", " {\"detail\":\"no\"}", "[]"] {
        assert_eq!(answer("", body), Some("not_an_event_stream"), "{body}");
    }
}

// C-9: the server does not make threads.

#[test]
fn a_thread_that_the_server_does_not_make_is_made_and_the_run_posted_once_more() {
    for made in [200, 409] {
        let mut bench = Bench::new();
        bench.submit("hi");
        bench.refuse("/runs/stream", 404, &[], r#"{"detail":"Thread not found"}"#);
        let (_, request) = bench.asked("/threads");
        let thread = bench
            .client
            .view()
            .thread_id()
            .expect("a thread")
            .to_string();
        let body: serde_json::Value = request.body.expect("a body").read().expect("JSON");
        assert_eq!(body["thread_id"], thread.as_str());
        bench.answer("/threads", made, "{}");
        let stream = bench.accept("/runs/stream", "r");
        bench.metadata(stream, "1", "r");
        assert_eq!((bench.state(), bench.error_code()), ("live", None));
    }
    // Where that does not help, the first refusal is told.
    let mut bench = Bench::new();
    bench.submit("hi");
    bench.refuse(
        "/runs/stream",
        404,
        &[],
        r#"{"detail":"No such assistant"}"#,
    );
    bench.answer("/threads", 200, "{}");
    bench.refuse(
        "/runs/stream",
        404,
        &[],
        r#"{"detail":"No such assistant"}"#,
    );
    assert_eq!(bench.error_code(), Some("not_found"));
    assert!(bench.open.is_empty());
}

// C-17: statuses that pass, and answers that are too large.

#[test]
fn statuses_that_pass_do_not_end_the_run() {
    for status in [408, 425, 429, 499, 500, 502, 503, 520, 524] {
        let (mut bench, stream) = streaming();
        bench.cut(stream);
        bench.wait_for("/runs/r/stream");
        bench.refuse("/runs/r/stream", status, &[], "");
        bench.wait_for("/runs/r/stream");
        let join = bench.accept("/runs/r/stream", "r");
        bench.token(join, "12-0", "m", "b ");
        bench.token(join, "13-0", "m", "c ");
        assert_eq!(bench.text("m"), "a b c ", "{status}");
    }
}

#[test]
fn a_state_that_is_too_large_is_asked_for_once() {
    let (mut bench, stream) = streaming();
    bench.end(stream);
    bench.run_is("r", "success");
    let attempt = bench.asked("/state").0;
    bench.open.clear();
    let message = "the answer is larger than 16 bytes".to_owned();
    let error = TransportError::TooLarge { message };
    bench.feed(Input::RequestFailed { attempt, error });
    bench.pass(60_000);
    assert!(bench.open.is_empty(), "{:?}", bench.open);
    assert_eq!(
        (bench.state(), bench.text("m").as_str()),
        ("finished", "a b ")
    );
}

fn is_too_large(bench: &mut Bench, path: &str) {
    let attempt = bench.asked(path).0;
    bench.open.retain(|(open, _)| *open != attempt);
    let message = "the answer is larger than 16 bytes".to_owned();
    let error = TransportError::TooLarge { message };
    bench.feed(Input::RequestFailed { attempt, error });
}

#[test]
fn whatever_of_a_thread_is_too_large_is_asked_for_once() {
    for (path, history_limit) in [
        ("/state", None),
        ("/threads/t", None),
        ("/history", Some(10)),
    ] {
        let mut bench = Bench::with(|config| config.history_limit = history_limit);
        bench.feed(Input::ThreadSwitched {
            thread_id: Some("t".into()),
        });
        is_too_large(&mut bench, path);
        assert_eq!(bench.error_code(), Some("answer_too_large"), "{path}");
        assert!(!bench.client.view().is_thread_loading(), "{path}");
        bench.pass(600_000);
        assert!(bench.open.is_empty(), "{path}: {:?}", bench.open);
    }
}

#[test]
fn what_is_said_of_runs_and_is_too_large_is_as_good_as_not_said() {
    // The run itself: its stream has said how it ended.
    let (mut bench, stream) = streaming();
    bench.end(stream);
    is_too_large(&mut bench, "/runs/r");
    bench.answer("/state", 200, &format!(r#"{{"values":{DONE}}}"#));
    assert_eq!((bench.state(), bench.error_code()), ("finished", None));

    // The thread's runs: nothing tells whether the submission has become one of them.
    let mut bench = Bench::new();
    bench.submit("hi");
    let attempt = bench.asked("/runs/stream").0;
    bench.cut(attempt);
    bench.wait_for("/runs?limit=100");
    is_too_large(&mut bench, "/runs?limit=100");
    let thread = bench.client.view().thread_id().expect("a thread").clone();
    bench.answer(&format!("/threads/{thread}"), 200, r#"{"thread_id":"t"}"#);
    bench.answer("/state", 200, r#"{"values":{}}"#);
    assert_eq!(bench.error_code(), Some("submission_unconfirmed"));
    bench.pass(600_000);
    assert!(bench.open.is_empty(), "{:?}", bench.open);
}

// C-18: a proxy drops `Last-Event-ID`.

#[test]
fn a_live_tail_is_never_appended_to_text_that_is_older() {
    let (mut bench, stream) = streaming();
    bench.cut(stream);
    bench.wait_for("/runs/r/stream");
    let join = bench.accept("/runs/r/stream", "r");
    bench.token(join, "56-0", "m", "w56 ");
    assert_eq!(bench.text("m"), "a b ");
    assert_eq!(bench.warnings(), ["cursor_ignored"]);
    // Everything is asked for once, in the query as well; this proxy's server ignores that too.
    let (_, request) = bench.asked("/runs/r/stream");
    assert!(
        request.url.ends_with("?last_event_id=-1"),
        "{}",
        request.url
    );
    let join = bench.accept("/runs/r/stream", "r");
    bench.token(join, "57-0", "m", "w57 ");
    step_token(&mut bench, join, "58-0", "m", 1);
    assert_eq!((bench.text("m").as_str(), bench.state()), ("a b ", "live"));
    // What begins in a later step of the graph is whole.
    step_token(&mut bench, join, "59-0", "n", 2);
    assert_eq!(bench.text("n"), "new");
    bench.event(
        join,
        "60-0",
        "values",
        r#"{"messages":[{"type":"ai","id":"m","content":"a b w56 w57 new"}]}"#,
    );
    assert_eq!(bench.text("m"), "a b w56 w57 new");
}

/// The page after a reload in the middle of the answer.
fn reloaded(mut bench: Bench) -> Bench {
    let wall_clock = Millis(bench.now + 1_000_000);
    bench.feed(Input::PageHiding { wall_clock });
    let thread_id = bench.client.view().thread_id().cloned();
    bench.reload();
    let url = format!("/threads/{}", thread_id.as_ref().expect("a thread"));
    bench.feed(Input::ThreadSwitched { thread_id });
    bench.answer("/state", 200, r#"{"values":{}}"#);
    bench.answer(&url, 200, r#"{"thread_id":"t","status":"busy"}"#);
    bench.run_is("r", "running");
    bench
}

/// A person has stopped, and goes back.
fn rejoined(mut bench: Bench) -> Bench {
    bench.feed(Input::StopRequested);
    bench.feed(Input::JoinRequested {
        command: CommandId(2),
        run_id: None,
        options: JoinOptions::default(),
    });
    bench
}

/// Another device, where nothing is stored.
fn elsewhere(_: Bench) -> Bench {
    let mut page = Bench::new();
    page.feed(Input::ThreadSwitched {
        thread_id: Some("t".into()),
    });
    let asked =
        r#"{"values":{"messages":[{"type":"human","id":"h","content":"hi"}]},"next":["x"]}"#;
    page.answer("/state", 200, asked);
    page.answer("/threads/t", 200, r#"{"thread_id":"t","status":"busy"}"#);
    let runs = r#"[{"run_id":"r","status":"running"}]"#;
    page.answer("/runs?limit=100", 200, runs);
    page
}

/// Python behind such a proxy: whatever is asked for, each connection begins with what comes next.
#[test]
fn a_live_tail_waits_for_the_values_after_a_reload_a_stop_and_on_another_device() {
    type Comes = fn(Bench) -> Bench;
    let ways: [(&str, Comes, &str); 3] = [
        ("a reload", reloaded, "a b "),
        ("a stop", rejoined, "a b "),
        ("another device", elsewhere, ""),
    ];
    for (how, comes, kept) in ways {
        let mut page = comes(streaming().0);
        let join = page.accept("/runs/r/stream", "r");
        page.token(join, "56-0", "m", "w56 ");
        assert_eq!(page.text("m"), kept, "{how}");
        assert_eq!(page.warnings(), ["cursor_ignored"], "{how}");
        let (_, request) = page.asked("/runs/r/stream");
        assert!(request.url.ends_with("?last_event_id=-1"), "{how}");
        let join = page.accept("/runs/r/stream", "r");
        page.token(join, "57-0", "m", "w57 ");
        step_token(&mut page, join, "58-0", "m", 1);
        assert_eq!(page.text("m"), kept, "{how}");
        step_token(&mut page, join, "59-0", "n", 2);
        assert_eq!(page.text("n"), "new", "{how}: it begins after the join");
        let whole = r#"{"messages":[{"type":"human","id":"h","content":"hi"},{"type":"ai","id":"m","content":"a b w56 w57 new"}]}"#;
        page.event(join, "60-0", "values", whole);
        assert_eq!(page.text("m"), "a b w56 w57 new", "{how}");
    }
}

#[test]
fn a_server_that_takes_the_cursor_in_the_query_streams_on_and_later_joins_know_it() {
    let (mut bench, stream) = streaming();
    bench.cut(stream);
    bench.wait_for("/runs/r/stream");
    let join = bench.accept("/runs/r/stream", "r");
    bench.token(join, "14-0", "m", "d ");
    let replay = bench.accept("/runs/r/stream", "r");
    bench.metadata(replay, "10-0", "r");
    for (id, text) in [
        ("11-0", "a "),
        ("12-0", "b "),
        ("13-0", "c "),
        ("14-0", "d "),
    ] {
        bench.token(replay, id, "m", text);
        assert!(bench.text("m").starts_with("a b "));
    }
    assert_eq!(bench.text("m"), "a b c d ");
    bench.cut(replay);
    bench.pass(1000);
    let (_, request) = bench.asked("/runs/r/stream");
    assert!(
        request.url.ends_with("?last_event_id=13-0"),
        "{}",
        request.url
    );
}

#[test]
fn a_server_that_replays_everything_doubles_nothing() {
    // With and without the run's `metadata` at the beginning.
    for late in [false, true] {
        let mut bench = Bench::new();
        bench.submit("hi");
        let stream = bench.accept("/runs/stream", "r");
        if !late {
            bench.metadata(stream, "10-0", "r");
        }
        bench.token(stream, "11-0", "m", "a ");
        bench.token(stream, "12-0", "m", "b ");
        bench.token(stream, "13-0", "m", "c ");
        bench.cut(stream);
        bench.wait_for("/runs/r/stream");
        for _ in 0..2 {
            let join = bench.accept("/runs/r/stream", "r");
            if !late {
                bench.metadata(join, "10-0", "r");
            }
            bench.token(join, "11-0", "m", "a ");
            if bench.open.iter().any(|(open, _)| *open == join) {
                for (id, text) in [("12-0", "b "), ("13-0", "c "), ("14-0", "d ")] {
                    bench.token(join, id, "m", text);
                }
            }
        }
        assert_eq!(bench.text("m"), "a b c d ", "late: {late}");
    }
}

// C-21 and C-23: the thread that is shown.

fn at_rest() -> Bench {
    let mut bench = Bench::new();
    bench.feed(Input::ThreadSwitched {
        thread_id: Some("t".into()),
    });
    bench.answer("/state", 200, &format!(r#"{{"values":{DONE}}}"#));
    let thread = r#"{"thread_id":"t","status":"idle","updated_at":"1"}"#;
    bench.answer("/threads/t", 200, thread);
    bench.pass(10_000);
    bench
}

fn found(status: &str, updated_at: &str) -> String {
    format!(r#"[{{"thread_id":"t","status":"{status}","updated_at":"{updated_at}"}}]"#)
}

#[test]
fn entering_the_thread_that_is_shown_changes_nothing() {
    type Stands = fn(&mut Bench);
    let stands: [(&str, Stands); 4] = [
        ("live", |_| {}),
        ("live, and a submission waits", |bench| bench.submit("more")),
        ("lost", |bench| {
            let (attempt, _) = bench.open[0].clone();
            bench.cut(attempt);
        }),
        ("left", |bench| bench.feed(Input::StopRequested)),
    ];
    for (when, make) in stands {
        let (mut bench, _) = streaming();
        make(&mut bench);
        let thread_id = bench.client.view().thread_id().cloned();
        let before = (
            bench.state(),
            bench.notices.len(),
            bench.aborted.len(),
            bench.open.len(),
        );
        bench.feed(Input::ThreadSwitched { thread_id });
        let after = (
            bench.state(),
            bench.notices.len(),
            bench.aborted.len(),
            bench.open.len(),
        );
        assert_eq!(before, after, "{when}");
        assert_eq!(bench.text("m"), "a b ", "{when}");
    }
}

#[test]
fn a_page_that_wakes_up_compares_its_thread_by_one_small_request() {
    type Wakes = fn() -> Vec<Input>;
    let wakes: [Wakes; 4] = [
        || vec![Input::BecameHidden, Input::BecameVisible],
        || vec![Input::WentOffline, Input::WentOnline],
        || vec![Input::Thawed],
        || vec![Input::Focused],
    ];
    for wake in wakes {
        let mut bench = at_rest();
        wake().into_iter().for_each(|input| bench.feed(input));
        assert_eq!(bench.open.len(), 1);
        bench.answer("/threads/search", 200, &found("idle", "1"));
        assert!(bench.open.is_empty(), "nothing has changed");
        wake().into_iter().for_each(|input| bench.feed(input));
        assert!(bench.open.is_empty(), "not more than once in some seconds");
        bench.pass(10_000);
        wake().into_iter().for_each(|input| bench.feed(input));
        bench.answer("/threads/search", 200, &found("idle", "2"));
        let more = r#"{"values":{"messages":[{"type":"ai","id":"z","content":"another turn"}]}}"#;
        bench.answer("/state", 200, more);
        assert_eq!(bench.text("z"), "another turn");
    }
}

#[test]
fn a_run_that_another_device_has_started_is_joined_on_waking() {
    let mut bench = at_rest();
    bench.feed(Input::Focused);
    bench.answer("/threads/search", 200, &found("busy", "2"));
    bench.answer(
        "/runs?limit=100",
        200,
        r#"[{"run_id":"x","status":"running"}]"#,
    );
    let join = bench.accept("/runs/x/stream", "x");
    bench.metadata(join, "1", "x");
    bench.token(join, "2", "n", "hello");
    assert_eq!(bench.text("n"), "hello");
}

#[test]
fn a_server_that_cannot_search_is_asked_for_the_thread_and_an_option_asks_nothing() {
    let mut bench = at_rest();
    bench.feed(Input::Focused);
    bench.answer("/threads/search", 404, "");
    let thread = r#"{"thread_id":"t","status":"idle","updated_at":"1"}"#;
    bench.answer("/threads/t", 200, thread);
    assert!(bench.open.is_empty());
    let mut bench = Bench::with(|config| config.compare_on_wake = false);
    bench.feed(Input::ThreadSwitched {
        thread_id: Some("t".into()),
    });
    bench.answer("/state", 200, &format!(r#"{{"values":{DONE}}}"#));
    bench.answer("/threads/t", 200, thread);
    bench.pass(10_000);
    bench.feed(Input::Focused);
    assert!(bench.open.is_empty());
}

// C-19 and C-22: the server is not there.

#[test]
fn a_thread_is_loaded_when_the_server_is_back_after_any_time() {
    for (minutes, hangs) in [(1, false), (3, true), (60, false)] {
        let mut bench = Bench::new();
        bench.feed(Input::ThreadSwitched {
            thread_id: Some("t".into()),
        });
        for second in 0..minutes * 60 {
            if !hangs {
                for (attempt, _) in bench.open.clone() {
                    bench.cut(attempt);
                }
            }
            bench.pass(1000);
            let view = bench.client.view();
            assert!(view.is_thread_loading(), "it is no empty thread");
            // Refused connections are told after two seconds; one that hangs is not known to before its time is over.
            let untold_for = if hangs { 20 } else { 2 };
            let told = view.error().is_some();
            assert!(told || second < untold_for, "told after {second} seconds");
        }
        bench.open.clear();
        bench.wait_for("/state");
        bench.answer("/state", 200, &format!(r#"{{"values":{DONE}}}"#));
        bench.answer("/threads/t", 200, r#"{"thread_id":"t","status":"idle"}"#);
        assert_eq!(
            (bench.text("m").as_str(), bench.error_code()),
            ("a b c ", None)
        );
    }
}

#[test]
fn a_tunnel_of_any_length_ends_with_the_whole_text_within_a_minute() {
    for (seconds, hangs, hidden) in [
        (30, false, false),
        (180, false, true),
        (180, true, false),
        (3600, false, false),
        (3600, true, true),
    ] {
        let (mut bench, stream) = streaming();
        if hidden {
            bench.feed(Input::BecameHidden);
        }
        if !hangs {
            bench.cut(stream);
        }
        for _ in 0..seconds {
            if !hangs {
                for (attempt, _) in bench.open.clone() {
                    bench.cut(attempt);
                }
            }
            bench.pass(1000);
            assert!(bench.client.view().is_loading());
        }
        // Connections of the tunnel are dead; whatever is asked from now on is answered.
        let dead: Vec<_> = bench.open.iter().map(|(attempt, _)| *attempt).collect();
        let back_at = bench.now;
        while bench.text("m") != "a b c " {
            assert!(bench.now - back_at <= 60_000, "{seconds} s, hangs: {hangs}");
            bench.pass(500);
            let open = bench.open.clone();
            for (attempt, request) in open.iter().filter(|(a, _)| !dead.contains(a)) {
                if request.url.ends_with("/stream") {
                    let join = bench.accept("/runs/r/stream", "r");
                    bench.token(join, "12-0", "m", "b ");
                    bench.token(join, "13-0", "m", "c ");
                } else if request.url.ends_with("/runs/r") {
                    bench.run_is("r", "running");
                } else if bench.open.iter().any(|(open, _)| open == attempt) {
                    bench.answer("/state", 200, r#"{"values":{},"next":["x"]}"#);
                }
            }
        }
        assert_eq!(bench.error_code(), None, "contact has cleared it");
    }
}

#[test]
fn a_join_by_hand_ends_at_its_time_while_following_goes_on() {
    let (mut bench, stream) = streaming();
    bench.cut(stream);
    bench.feed(Input::JoinRequested {
        command: CommandId(7),
        run_id: None,
        options: JoinOptions::default(),
    });
    let concluded = |bench: &Bench| {
        bench.notices.iter().any(|notice| {
            matches!(notice, Notice::Concluded { command, outcome: Outcome::TimedOut } if command.0 == 7)
        })
    };
    for _ in 0..200 {
        for (attempt, _) in bench.open.clone() {
            bench.cut(attempt);
        }
        bench.pass(1000);
    }
    assert!(concluded(&bench) && bench.client.view().is_loading());
    assert!(
        bench
            .client
            .view()
            .lost_since()
            .is_some_and(|since| since < Millis(10_000))
    );
}
