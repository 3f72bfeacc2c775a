//! The recovery rules, one by one, with answers given by hand.

mod support;

use rejoin_core::{CommandId, Input, JoinOptions, Millis, Notice, Outcome, Submission, wire::Json};
use support::Bench;

/// A run `r` that has streamed "a b " of message `m`, with JS-like ids.
fn streaming() -> (Bench, rejoin_core::AttemptId) {
    let mut bench = Bench::new();
    bench.submit("hi");
    let stream = bench.accept("/runs/stream", "r");
    bench.metadata(stream, "0", "r");
    bench.token(stream, "1", "m", "a ");
    bench.token(stream, "2", "m", "b ");
    (bench, stream)
}

const DONE: &str = r#"{"messages":[{"type":"human","id":"h","content":"hi"},{"type":"ai","id":"m","content":"a b c "}]}"#;

#[test]
fn an_uninterrupted_run_finishes() {
    let (mut bench, stream) = streaming();
    assert_eq!((bench.state(), bench.text("m").as_str()), ("live", "a b "));
    assert_eq!(
        bench.client.view().messages().len(),
        2,
        "the submitted message is shown at once"
    );
    bench.token(stream, "3", "m", "c ");
    bench.pass(1000);
    assert_eq!(bench.records(), 1);
    bench.end(stream);
    assert!(
        bench.client.view().is_loading(),
        "the end of a body says nothing"
    );
    bench.settle("r", "success", DONE);
    assert_eq!(
        (bench.state(), bench.outcome()),
        ("finished", Some(Outcome::Finished))
    );
    assert!(bench.stored.is_empty() && bench.open.is_empty() && bench.client.deadline().is_none());
}

#[test]
fn a_cut_connection_resumes_one_id_early_and_drops_what_it_has() {
    let (mut bench, stream) = streaming();
    bench.cut(stream);
    assert_eq!(bench.state(), "reconnecting");
    bench.pass(500);
    let (_, request) = bench.asked("/runs/r/stream");
    assert_eq!(
        Bench::header(&request, "last-event-id").as_deref(),
        Some("1")
    );
    let join = bench.accept("/runs/r/stream", "r");
    bench.token(join, "2", "m", "b ");
    bench.token(join, "3", "m", "c ");
    assert_eq!(
        (bench.state(), bench.text("m").as_str()),
        ("live", "a b c ")
    );
    bench.end(join);
    bench.settle("r", "success", DONE);
    assert_eq!(bench.outcome(), Some(Outcome::Replayed));
}

#[test]
fn a_connection_that_has_worked_is_made_again_at_once_but_not_again_and_again() {
    let path = "/runs/r/stream";
    let is_asked = |bench: &Bench| bench.open.iter().any(|(_, r)| r.url.ends_with(path));
    let (mut bench, stream) = streaming();
    bench.cut(stream);
    assert!(is_asked(&bench), "no time has passed");
    assert_eq!(bench.state(), "reconnecting");
    let join = bench.accept(path, "r");
    bench.token(join, "2", "m", "b ");
    bench.token(join, "3", "m", "c ");
    bench.cut(join);
    assert!(!is_asked(&bench), "a server that breaks each connection");
    bench.pass(500);
    let join = bench.accept(path, "r");
    bench.token(join, "3", "m", "c ");
    bench.pass(10_000);
    bench.token(join, "4", "m", "d ");
    bench.cut(join);
    assert!(is_asked(&bench), "this one has held");
    let join = bench.accept(path, "r");
    bench.cut(join);
    assert!(!is_asked(&bench), "it has brought nothing");
    bench.pass(1_000);
    assert!(is_asked(&bench));
}

#[test]
fn a_page_that_is_being_left_asks_for_nothing_more() {
    let is_asked = |bench: &Bench| {
        let mut open = bench.open.iter();
        open.any(|(_, r)| r.url.ends_with("/runs/r/stream"))
    };
    let (mut bench, stream) = streaming();
    let wall_clock = Millis(bench.now + 1_000_000);
    bench.feed(Input::PageHiding { wall_clock });
    // Chromium aborts the stream now, and says that the page is hidden after that.
    bench.cut(stream);
    assert!(!is_asked(&bench));
    bench.feed(Input::BecameHidden);
    // Back from where it was put aside.
    bench.feed(Input::Thawed);
    assert!(is_asked(&bench));
}

#[test]
fn ids_that_repeat_and_go_backwards_lose_and_double_nothing() {
    let mut bench = Bench::new();
    bench.submit("hi");
    let stream = bench.accept("/runs/stream", "r");
    bench.metadata(stream, "10-0", "r");
    bench.token(stream, "17-0", "m", "a ");
    bench.token(stream, "18-0", "m", "b ");
    bench.cut(stream);
    bench.pass(500);
    let join = bench.accept("/runs/r/stream", "r");
    for (id, text) in [
        ("18-0", "b "),
        ("18-0", "c "),
        ("19-0", "d "),
        ("18-0", "c "),
        ("19-0", "d "),
        ("20-0", "e "),
    ] {
        bench.token(join, id, "m", text);
    }
    assert_eq!(bench.text("m"), "a b c d e ");
}

#[test]
fn a_second_metadata_voids_the_first_attempt() {
    let mut bench = Bench::new();
    bench.submit("hi");
    let stream = bench.accept("/runs/stream", "r");
    bench.metadata(stream, "10-0", "r");
    bench.token(stream, "11-0", "old", "a ");
    bench.end(stream);
    bench.run_is("r", "running");
    bench.pass(500);
    let join = bench.accept("/runs/r/stream", "r");
    bench.metadata(join, "50-0", "r");
    // Alone it may be repeated by a proxy; an event that was not had says that the run has started over.
    bench.token(join, "51-0", "new", "a ");
    assert!(
        bench
            .notices
            .iter()
            .any(|notice| matches!(notice, Notice::StartedOver { .. }))
    );
    bench.token(join, "52-0", "new", "b ");
    assert_eq!(
        (bench.text("old").as_str(), bench.text("new").as_str()),
        ("", "a b ")
    );
}

#[test]
fn a_gap_asks_for_everything_and_shows_it_only_when_caught_up() {
    let (mut bench, stream) = streaming();
    bench.cut(stream);
    bench.pass(500);
    let join = bench.accept("/runs/r/stream", "r");
    bench.token(join, "7", "m", "x ");
    let (_, request) = bench.asked("/runs/r/stream");
    assert_eq!(
        Bench::header(&request, "last-event-id").as_deref(),
        Some("-1")
    );
    let replay = bench.accept("/runs/r/stream", "r");
    bench.metadata(replay, "0", "r");
    bench.token(replay, "1", "m", "a ");
    assert_eq!(
        (bench.state(), bench.text("m").as_str()),
        ("catching_up", "a b ")
    );
    bench.token(replay, "2", "m", "b ");
    bench.token(replay, "3", "m", "c ");
    assert_eq!(
        (bench.state(), bench.text("m").as_str()),
        ("live", "a b c ")
    );
}

#[test]
fn events_that_are_gone_leave_the_message_until_its_step_is_done() {
    let (mut bench, stream) = streaming();
    bench.cut(stream);
    bench.pass(500);
    let join = bench.accept("/runs/r/stream", "r");
    bench.token(join, "7", "m", "x ");
    let replay = bench.accept("/runs/r/stream", "r");
    bench.token(replay, "6", "m", "w ");
    bench.token(replay, "7", "m", "x ");
    assert_eq!(bench.text("m"), "a b ");
    assert_eq!(bench.warnings(), ["cursor_ignored", "events_missing"]);
    bench.event(
        replay,
        "8",
        "values",
        r#"{"messages":[{"type":"ai","id":"m","content":"a b c w x "}]}"#,
    );
    bench.token(replay, "9", "n", "new");
    assert_eq!(
        (bench.text("m").as_str(), bench.text("n").as_str()),
        ("a b c w x ", "new")
    );
    bench.end(replay);
    bench.settle("r", "success", DONE);
    assert_eq!(bench.outcome(), Some(Outcome::SnapshotThenTail));
}

#[test]
fn stop_keeps_everything_and_rejoin_goes_on() {
    let (mut bench, _) = streaming();
    bench.feed(Input::StopRequested);
    assert_eq!(
        (bench.state(), bench.text("m").as_str()),
        ("disconnected", "a b ")
    );
    assert!(!bench.client.view().is_loading() && bench.client.view().can_rejoin());
    assert_eq!(bench.records(), 1, "a reload can still rejoin");
    assert!(
        bench.open.is_empty(),
        "nothing is cancelled: {:?}",
        bench.open
    );
    bench.feed(Input::JoinRequested {
        command: CommandId(2),
        run_id: None,
        options: JoinOptions::default(),
    });
    let join = bench.accept("/runs/r/stream", "r");
    bench.token(join, "2", "m", "b ");
    bench.token(join, "3", "m", "c ");
    assert_eq!(bench.text("m"), "a b c ");
}

#[test]
fn stop_works_before_the_run_has_an_id_and_rejoin_finds_it() {
    let mut bench = Bench::new();
    bench.submit("hi");
    bench.feed(Input::StopRequested);
    assert_eq!(bench.state(), "disconnected");
    bench.feed(Input::JoinRequested {
        command: CommandId(2),
        run_id: None,
        options: JoinOptions::default(),
    });
    bench.answer(
        "/runs?limit=100",
        200,
        r#"[{"run_id":"x","thread_id":"t","status":"running","metadata":{"rejoin_submission":"x"}},
            {"run_id":"r","thread_id":"t","status":"running","metadata":{}}]"#,
    );
    let (_, request) = bench.asked("/runs/r/stream");
    assert_eq!(
        Bench::header(&request, "last-event-id").as_deref(),
        Some("-1")
    );
}

fn body_of_post(bench: &Bench) -> serde_json::Value {
    let (_, request) = bench.asked("/runs/stream");
    request.body.expect("a body").read().expect("json")
}

#[test]
fn a_new_thread_gets_no_metadata_but_the_applications() {
    for given in [None, Some(serde_json::json!({ "topic": "birds" }))] {
        let mut bench = Bench::new();
        bench.feed(Input::SubmitRequested {
            command: CommandId(1),
            submission: Box::new(Submission {
                metadata: given
                    .as_ref()
                    .map(|given| Json::from_value(given).expect("JSON")),
                ..Submission::default()
            }),
        });
        let body = body_of_post(&bench);
        assert_eq!(body["metadata"], given.unwrap_or(serde_json::json!({})));

        // The thread is there: what is submitted to it lands on its run alone.
        let post = bench.accept("/runs/stream", "r");
        bench.metadata(post, "1", "r");
        bench.end(post);
        bench.settle("r", "success", r#"{"messages":[]}"#);
        bench.submit("again");
        let mark = &body_of_post(&bench)["metadata"]["rejoin_submission"];
        assert!(mark.is_string(), "{mark}");
    }
}

/// The body of the request that makes the thread.
fn made_thread(bench: &Bench) -> serde_json::Value {
    let (_, request) = bench.asked("/threads");
    request.body.expect("a body").read().expect("JSON")
}

fn submit_to(bench: &mut Bench, thread_id: Option<&str>) {
    let metadata = serde_json::json!({ "topic": "birds" });
    bench.feed(Input::SubmitRequested {
        command: CommandId(1),
        submission: Box::new(Submission {
            metadata: Some(Json::from_value(&metadata).expect("JSON")),
            thread_id: thread_id.map(Into::into),
            ..Submission::default()
        }),
    });
}

// D-5: a thread that a run's post makes gets the run's metadata, and so its mark.

#[test]
fn a_thread_that_the_application_names_is_made_first_and_without_the_mark() {
    let mut bench = Bench::new();
    submit_to(&mut bench, Some("chosen"));
    let body = made_thread(&bench);
    assert_eq!(body["thread_id"], "chosen");
    assert_eq!(body["metadata"], serde_json::json!({ "topic": "birds" }));
    assert_eq!(body["if_exists"], "do_nothing");
    bench.answer("/threads", 200, "{}");
    let body = body_of_post(&bench);
    assert!(body["metadata"]["rejoin_submission"].is_string(), "{body}");

    // It is there now: the next one is posted at once.
    let post = bench.accept("/runs/stream", "r");
    bench.metadata(post, "1", "r");
    bench.end(post);
    bench.settle("r", "success", r#"{"messages":[]}"#);
    bench.submit("again");
    body_of_post(&bench);
}

#[test]
fn a_thread_that_the_application_has_made_is_not_made_again() {
    let mut bench = Bench::new();
    bench.feed(Input::SubmitRequested {
        command: CommandId(1),
        submission: Box::new(Submission {
            thread_id: Some("chosen".into()),
            thread_is_made: true,
            ..Submission::default()
        }),
    });
    body_of_post(&bench);
}

#[test]
fn a_thread_that_the_server_has_said_it_lacks_is_made_first() {
    let mut bench = Bench::new();
    bench.feed(Input::ThreadSwitched {
        thread_id: Some("chosen".into()),
    });
    bench.answer("/state", 404, "");
    bench.answer("/threads/chosen", 404, "");
    submit_to(&mut bench, None);
    let body = made_thread(&bench);
    assert_eq!(body["thread_id"], "chosen");
    bench.answer("/threads", 200, "{}");
    body_of_post(&bench);
}

#[test]
fn a_server_that_makes_no_thread_when_asked_is_posted_to_all_the_same() {
    for status in [403, 404, 405, 422, 500, 501] {
        let mut bench = Bench::new();
        submit_to(&mut bench, Some("chosen"));
        bench.answer("/threads", status, "");
        let post = bench.accept("/runs/stream", "r");
        bench.metadata(post, "1", "r");
        assert_eq!((bench.state(), bench.error_code()), ("live", None));
    }
}

#[test]
fn a_thread_that_cannot_be_made_for_now_is_asked_for_again() {
    for status in [429, 502, 503] {
        let mut bench = Bench::new();
        submit_to(&mut bench, Some("chosen"));
        bench.answer("/threads", status, "");
        assert!(bench.open.is_empty(), "{status}");
        bench.wait_for("/threads");
        bench.answer("/threads", 200, "{}");
        body_of_post(&bench);
    }
}

#[test]
fn a_server_that_makes_threads_only_when_asked_is_given_the_applications_metadata() {
    let mut bench = Bench::new();
    submit_to(&mut bench, None);
    bench.refuse("/runs/stream", 404, &[], r#"{"detail":"Thread not found"}"#);
    assert_eq!(
        made_thread(&bench)["metadata"],
        serde_json::json!({ "topic": "birds" })
    );
}

#[test]
fn a_page_that_is_left_while_the_thread_is_made_keeps_the_submission() {
    let mut bench = Bench::new();
    submit_to(&mut bench, Some("chosen"));
    made_thread(&bench);
    assert!(
        bench.stored.values().any(|text| text.contains("birds")),
        "{:?}",
        bench.stored
    );
}

#[test]
fn the_first_run_of_a_new_thread_is_found_without_a_mark() {
    for (others, expected) in [
        ("", "first"),
        (
            r#"{"run_id":"later","status":"running","created_at":"2026-01-02","metadata":{"rejoin_submission":"x"}},"#,
            "first",
        ),
        (
            r#"{"run_id":"later","status":"running","created_at":"2026-01-02","metadata":{}},"#,
            "first",
        ),
    ] {
        let mut bench = Bench::new();
        bench.submit("hi");
        let post = bench.asked("/runs/stream").0;
        bench.cut(post);
        bench.pass(2_000);
        let runs = format!(
            r#"[{others}{{"run_id":"first","status":"running","created_at":"2026-01-01","metadata":{{}}}}]"#
        );
        bench.answer("/runs?limit=100", 200, &runs);
        bench.asked(&format!("/runs/{expected}/stream"));
    }
}

#[test]
fn another_clients_marked_run_is_not_the_first_one() {
    let mut bench = Bench::new();
    bench.submit("hi");
    let post = bench.asked("/runs/stream").0;
    bench.cut(post);
    bench.pass(2_000);
    let runs = r#"[{"run_id":"theirs","status":"running","metadata":{"rejoin_submission":"x"}}]"#;
    bench.answer("/runs?limit=100", 200, runs);
    bench.asked("/runs/stream");
}

#[test]
fn a_lost_post_is_sent_again_only_when_it_never_arrived() {
    let mut bench = Bench::new();
    bench.submit("hi");
    let post = bench.asked("/runs/stream").0;
    bench.cut(post);
    bench.pass(500);
    assert!(
        bench
            .open
            .iter()
            .all(|(_, request)| request.method.as_str() == "GET"),
        "it is looked for first"
    );
    bench.answer("/runs?limit=100", 404, r#"{"detail":"no thread"}"#);
    let thread = bench.client.view().thread_id().expect("a thread").clone();
    bench.answer(&format!("/threads/{thread}"), 404, "");
    bench.asked("/runs/stream");
}

#[test]
fn a_reload_paints_at_once_and_fetches_only_what_is_new() {
    let (mut bench, _) = streaming();
    bench.pass(1000);
    let thread = bench.client.view().thread_id().cloned();
    let mut page = Bench::new();
    page.stored = bench.stored.clone();
    page.feed(Input::ThreadSwitched {
        thread_id: thread.clone(),
    });
    assert_eq!(page.text("m"), "a b ", "painted from the record");
    page.answer(
        "/state",
        200,
        r#"{"values":{"messages":[]},"next":["model"],"tasks":[]}"#,
    );
    page.answer(
        &format!("/threads/{}", thread.expect("a thread")),
        200,
        r#"{"thread_id":"t","status":"busy","values":{}}"#,
    );
    page.run_is("r", "running");
    let (_, request) = page.asked("/runs/r/stream");
    assert_eq!(
        Bench::header(&request, "last-event-id").as_deref(),
        Some("1")
    );
    let join = page.accept("/runs/r/stream", "r");
    page.token(join, "2", "m", "b ");
    page.token(join, "3", "m", "c ");
    assert_eq!(page.text("m"), "a b c ");
    page.end(join);
    page.settle("r", "success", DONE);
    assert!(page.stored.is_empty());
}

#[test]
fn silent_joins_show_the_threads_history_and_following_goes_on() {
    let (mut bench, stream) = streaming();
    bench.cut(stream);
    bench.pass(500);
    bench.feed(Input::JoinRequested {
        command: CommandId(2),
        run_id: None,
        options: JoinOptions::default(),
    });
    for _ in 0..3 {
        bench.accept("/runs/r/stream", "r");
        bench.pass(10_000);
        bench.run_is("r", "running");
    }
    bench.wait_for("/state");
    assert_eq!(bench.outcome(), Some(Outcome::TimedOut), "the join by hand");
    bench.answer(
        "/state",
        200,
        r#"{"values":{"messages":[]},"next":["model"],"tasks":[]}"#,
    );
    assert_eq!(bench.error_code(), Some("rejoin_timed_out"));
    assert_eq!(bench.text("m"), "a b ", "nothing received is lost");
    assert!(bench.client.view().is_loading() && bench.records() == 1);
    // Streams do not come through, and requests do: the run's end is noticed.
    for _ in 0..8 {
        bench.wait_for("/runs/r");
        bench.run_is("r", "running");
    }
    bench.wait_for("/runs/r");
    bench.settle("r", "success", DONE);
    assert_eq!(
        (bench.state(), bench.error_code(), bench.text("m").as_str()),
        ("finished", None, "a b c ")
    );
    assert!(bench.stored.is_empty() && bench.client.deadline().is_none());
}

#[test]
fn an_unknown_run_is_expired_in_each_servers_words() {
    for refusal in [
        None,
        Some(r#"{"error":"HTTPException","message":"404: Run not found"}"#),
        Some(r#""Run not found""#),
    ] {
        let (mut bench, stream) = streaming();
        bench.cut(stream);
        bench.pass(500);
        match refusal {
            None => bench.refuse("/runs/r/stream", 404, &[], r#"{"detail":"Run not found"}"#),
            Some(data) => {
                let join = bench.accept("/runs/r/stream", "r");
                bench.event(join, "", "error", data);
            }
        }
        bench.answer(
            "/state",
            200,
            r#"{"values":{"messages":[]},"next":[],"tasks":[]}"#,
        );
        assert_eq!(
            (bench.state(), bench.error_code()),
            ("expired", Some("run_expired")),
            "{refusal:?}"
        );
        assert!(bench.stored.is_empty() && bench.text("m") == "a b ");
    }
}

#[test]
fn an_error_that_is_not_replayed_is_taken_from_the_thread() {
    let (mut bench, stream) = streaming();
    bench.end(stream);
    bench.settle("r", "error", r#"{"messages":[]}"#);
    assert_eq!(
        (bench.state(), bench.error_code()),
        ("failed", Some("run_failed"))
    );
    let error = bench.client.view().error().cloned().expect("an error");
    assert_eq!(error.detail.as_deref(), Some("ValueError: boom"));
    assert_eq!(bench.text("m"), "a b ", "nothing received is lost");
}

#[test]
fn hidden_and_offline_wait_without_spending_attempts() {
    let (mut bench, stream) = streaming();
    bench.feed(Input::BecameHidden);
    bench.cut(stream);
    assert_eq!(bench.state(), "paused");
    bench.pass(29_000);
    assert!(bench.open.is_empty());
    // Nobody looks, but the text is to be whole soon after the network is back.
    for _ in 0..60 {
        bench.pass(1_000);
        let (attempt, _) = bench.asked("/runs/r/stream");
        bench.cut(attempt);
        assert_eq!((bench.state(), bench.error_code()), ("paused", None));
        bench.pass(29_000);
        assert!(bench.open.is_empty());
    }
    bench.feed(Input::WentOffline);
    bench.feed(Input::BecameVisible);
    assert_eq!(bench.state(), "offline");
    bench.feed(Input::WentOnline);
    bench.asked("/runs/r/stream");
}

#[test]
fn a_page_that_wakes_up_does_not_trust_a_silent_connection() {
    let (mut bench, _) = streaming();
    bench.feed(Input::BecameHidden);
    bench.pass(2_000);
    bench.feed(Input::BecameVisible);
    assert!(
        bench.aborted.is_empty(),
        "a byte two seconds ago proves it alive"
    );
    bench.feed(Input::BecameHidden);
    bench.pass(5_000);
    bench.feed(Input::BecameVisible);
    bench.asked("/runs/r/stream");
}

#[test]
fn a_stalled_connection_is_told_and_then_made_anew() {
    let (mut bench, _) = streaming();
    bench.pass(15_000);
    assert_eq!(bench.state(), "stalled");
    bench.pass(15_000);
    bench.asked("/runs/r/stream");
    assert!(bench.client.view().is_loading());
}

#[test]
fn refused_headers_are_made_anew_once() {
    let mut bench = Bench::new();
    bench.submit("hi");
    bench.refuse("/runs/stream", 401, &[], r#"{"detail":"bad token"}"#);
    assert!(bench.asked("/runs/stream").1.refresh_headers);
    bench.refuse("/runs/stream", 401, &[], r#"{"detail":"bad token"}"#);
    assert_eq!(
        (bench.state(), bench.error_code()),
        ("failed", Some("unauthorized"))
    );
    assert!(bench.open.is_empty());
}

#[test]
fn retry_after_is_honoured() {
    let mut bench = Bench::new();
    bench.submit("hi");
    bench.refuse("/runs/stream", 429, &[("retry-after", "7")], "");
    bench.pass(6_999);
    assert!(bench.open.is_empty());
    bench.pass(1);
    bench.asked("/runs/stream");
}

#[test]
fn a_quota_that_is_used_up_is_an_error_and_not_waited_for() {
    for body in [
        r#"{"code":"too_many_threads","message":"delete some"}"#,
        r#"{"code":"too_many_sessions","detail":"delete some"}"#,
        r#"{"error":{"code":"insufficient_quota","message":"check your plan"}}"#,
    ] {
        let mut bench = Bench::new();
        bench.submit("hi");
        bench.refuse("/runs/stream", 429, &[("retry-after", "7")], body);
        assert_eq!(bench.error_code(), Some("quota_reached"), "{body}");
        bench.pass(60_000);
        assert!(bench.open.is_empty(), "{body}");
    }
    for body in [
        "",
        "{",
        r#"{"code":"too_many_runs"}"#,
        r#"{"error":"quota"}"#,
    ] {
        let mut bench = Bench::new();
        bench.submit("hi");
        bench.refuse("/runs/stream", 429, &[("retry-after", "7")], body);
        bench.pass(7_000);
        bench.asked("/runs/stream");
    }
}

#[test]
fn a_page_instead_of_a_stream_says_so() {
    let mut bench = Bench::new();
    bench.submit("hi");
    let headers = [("content-type", "text/html")];
    bench.refuse("/runs/stream", 200, &headers, "<html>");
    assert_eq!(bench.error_code(), Some("not_an_event_stream"));
}

#[test]
fn a_damaged_event_is_fetched_once_more_and_then_left_out() {
    let (mut bench, stream) = streaming();
    bench.event(stream, "3", "messages", "[{");
    let join = bench.accept("/runs/r/stream", "r");
    bench.token(join, "2", "m", "b ");
    bench.token(join, "3", "m", "c ");
    assert_eq!(
        (bench.text("m").as_str(), bench.warnings().as_slice()),
        ("a b c ", ["event_data_invalid"].as_slice())
    );
    bench.event(join, "4", "messages", "[{");
    let again = bench.accept("/runs/r/stream", "r");
    bench.event(again, "4", "messages", "[{");
    bench.token(again, "5", "m", "e ");
    assert_eq!(
        bench.text("m"),
        "a b c ",
        "text with a hole in it is not shown"
    );
    bench.end(again);
    bench.settle("r", "success", DONE);
    assert_eq!(bench.state(), "finished");
}

#[test]
fn cancel_before_the_id_is_known_is_sent_when_it_is() {
    let mut bench = Bench::new();
    bench.submit("hi");
    bench.feed(Input::CancelRequested);
    let stream = bench.accept("/runs/stream", "r");
    bench.answer("/cancel?action=interrupt", 202, "");
    bench.token(stream, "0", "m", "a ");
    bench.end(stream);
    bench.settle("r", "interrupted", r#"{"messages":[]}"#);
    assert_eq!(
        (bench.state(), bench.outcome()),
        ("finished", Some(Outcome::Cancelled))
    );
    assert_eq!(
        bench.text("m"),
        "a ",
        "what was shown stays, though the server did not keep it"
    );
}

#[test]
fn interrupts_gather_and_a_payload_with_nothing_else_replaces_nothing() {
    let (mut bench, stream) = streaming();
    bench.event(
        stream,
        "3",
        "values",
        r#"{"messages":[{"type":"ai","id":"m","content":"a b "}],"x":1}"#,
    );
    for id in ["i1", "i2", "i1"] {
        bench.event(
            stream,
            &format!("4{id}"),
            "values",
            &format!(r#"{{"__interrupt__":[{{"id":"{id}","value":1}}]}}"#),
        );
    }
    assert_eq!(bench.client.view().interrupts().len(), 2);
    assert_eq!(bench.text("m"), "a b ");
    bench.event(
        stream,
        "5",
        "values",
        r#"{"messages":[{"type":"ai","id":"m","content":"a b "}]}"#,
    );
    assert_eq!(
        bench.client.view().interrupts().len(),
        2,
        "silence does not clear them"
    );
}

#[test]
fn a_corrupted_record_is_told_and_removed() {
    let (mut bench, _) = streaming();
    bench.pass(1000);
    let thread = bench.client.view().thread_id().cloned();
    let mut page = Bench::new();
    page.stored = bench
        .stored
        .keys()
        .filter(|key| !key.starts_with("rejoin:1:run|"))
        .map(|key| (key.clone(), "{\"v\":1,".to_owned()))
        .collect();
    page.feed(Input::ThreadSwitched { thread_id: thread });
    assert_eq!(page.warnings(), ["record_corrupt"]);
    assert!(page.stored.is_empty());
}

#[test]
fn a_record_with_hashes_of_an_earlier_version_keeps_the_run_and_what_is_shown() {
    let (mut bench, _) = streaming();
    bench.pass(1000);
    for text in bench.stored.values_mut() {
        *text = text.replacen("{\"v\":2,", "{\"v\":1,", 1);
    }
    let thread = bench.client.view().thread_id().cloned().expect("a thread");
    bench.reload();
    bench.feed(Input::ThreadSwitched {
        thread_id: Some(thread.clone()),
    });
    assert!(bench.warnings().is_empty());
    bench.answer("/state", 200, &state_of(ASKED, r#"["x"]"#, "[]"));
    let busy = format!(r#"{{"thread_id":"{thread}","status":"busy"}}"#);
    bench.answer(&format!("/threads/{thread}"), 200, &busy);
    bench.run_is("r", "running");
    let (_, request) = bench.asked("/runs/r/stream");
    let cursor = Bench::header(&request, "last-event-id");
    assert_eq!(cursor.as_deref(), Some("-1"), "from the start");
    let join = bench.accept("/runs/r/stream", "r");
    bench.metadata(join, "0", "r");
    assert_eq!(bench.text("m"), "a b ", "the screen keeps its text");
    for (id, text) in [("1", "a "), ("2", "b "), ("3", "b ")] {
        bench.token(join, id, "m", text);
    }
    assert_eq!(bench.text("m"), "a b b ");
    assert!(bench.warnings().is_empty());
}

#[test]
fn another_tab_finds_the_active_run_without_a_record() {
    let mut bench = Bench::new();
    bench.feed(Input::ThreadSwitched {
        thread_id: Some("t".into()),
    });
    bench.answer("/state", 200, r#"{"values":{"messages":[{"type":"human","id":"h","content":"hi"}]},"next":["x"],"tasks":[]}"#);
    bench.answer("/threads/t", 200, r#"{"thread_id":"t","status":"busy"}"#);
    bench.answer(
        "/runs?limit=100",
        200,
        r#"[{"run_id":"r","thread_id":"t","status":"running"}]"#,
    );
    let join = bench.accept("/runs/r/stream", "r");
    bench.metadata(join, "0", "r");
    bench.token(join, "1", "m", "a ");
    assert_eq!(bench.text("m"), "a ");
}

/// A thread that is entered without a record, as another device does it: its state is answered before the thread itself.
fn enter_with(state: &str, thread: &str) -> Bench {
    let mut bench = Bench::new();
    bench.feed(Input::ThreadSwitched {
        thread_id: Some("t".into()),
    });
    bench.answer("/state", 200, state);
    bench.answer("/threads/t", 200, thread);
    bench
}

const ASKED: &str = r#"{"messages":[{"type":"human","id":"h","content":"hi"}]}"#;

fn state_of(values: &str, next: &str, tasks: &str) -> String {
    format!(r#"{{"values":{values},"next":{next},"tasks":{tasks}}}"#)
}

fn thread_of(status: &str, values: &str) -> String {
    format!(r#"{{"thread_id":"t","status":"{status}","values":{values}}}"#)
}

#[test]
fn a_run_that_ends_between_the_reads_of_its_state_and_of_its_thread_is_shown_to_its_end() {
    let working = state_of(ASKED, r#"["model"]"#, r#"[{"name":"model","error":null}]"#);
    let waiting = state_of(ASKED, "[]", "[]");
    let done = state_of(DONE, "[]", "[]");
    // It was at work when the state was read, or not even there yet.
    for state in [&working, &waiting] {
        let mut bench = enter_with(state, &thread_of("idle", DONE));
        assert!(bench.client.view().is_thread_loading());
        bench.answer("/state", 200, &done);
        assert!(!bench.client.view().is_thread_loading() && bench.open.is_empty());
        assert_eq!(bench.text("m"), "a b c ");
    }
    // A server whose threads tell no values.
    let mut bench = enter_with(&working, &thread_of("idle", "null"));
    bench.answer("/state", 200, &done);
    assert_eq!(bench.text("m"), "a b c ");
    // The answer to the second read may be lost like any other.
    let mut bench = enter_with(&working, &thread_of("idle", DONE));
    bench.answer("/state", 503, "");
    bench.pass(60_000);
    bench.answer("/state", 200, &working);
    bench.answer("/threads/t", 200, &thread_of("idle", DONE));
    bench.answer("/state", 200, &done);
    assert_eq!((bench.text("m").as_str(), bench.open.len()), ("a b c ", 0));
}

#[test]
fn a_state_that_its_thread_agrees_with_is_read_once_and_another_only_twice() {
    let failed = r#"[{"name":"model","error":"boom"}]"#;
    let asks = r#"[{"name":"model","interrupts":[{"id":"i","value":"?"}]}]"#;
    for (status, next, tasks) in [
        ("idle", "[]", "[]"),
        ("error", r#"["model"]"#, failed),
        ("interrupted", r#"["model"]"#, asks),
    ] {
        let bench = enter_with(&state_of(DONE, next, tasks), &thread_of(status, DONE));
        assert!(bench.open.is_empty(), "{status}: {:?}", bench.open);
        assert!(!bench.client.view().is_thread_loading());
    }
    // Stopped before a step, by a breakpoint: it is as it was.
    let stopped = state_of(DONE, r#"["model"]"#, "[]");
    let mut bench = enter_with(&stopped, &thread_of("interrupted", DONE));
    bench.answer("/state", 200, &stopped);
    assert!(bench.open.is_empty() && !bench.client.view().is_thread_loading());
    assert_eq!(bench.text("m"), "a b c ");
}

#[test]
fn an_unreachable_server_is_told_and_tried_until_it_is_back() {
    let mut bench = Bench::new();
    bench.submit("hi");
    let mut cuts = 0;
    for second in 0..600 {
        if let Some((attempt, _)) = bench.open.first().cloned() {
            bench.cut(attempt);
            cuts += 1;
        }
        bench.pass(1000);
        let error = (second >= 1).then_some("unreachable");
        assert_eq!(bench.error_code(), error, "after {second} seconds");
        assert_eq!(bench.state(), "connecting", "there was no connection yet");
    }
    assert!((20..90).contains(&cuts), "{cuts} attempts in ten minutes");
    assert_eq!(
        bench.client.view().messages().len(),
        1,
        "what was typed stays"
    );
    bench.wait_for("/runs?limit=100");
    bench.answer("/runs?limit=100", 200, "[]");
    assert_eq!(bench.error_code(), None);
    let stream = bench.accept("/runs/stream", "r");
    bench.metadata(stream, "0", "r");
    assert_eq!(bench.state(), "live");
}

#[test]
fn an_application_that_wants_an_end_gets_one() {
    let mut bench = Bench::with(|config| config.retry.give_up_after = Some(Millis(60_000)));
    bench.submit("hi");
    for _ in 0..150 {
        if let Some((attempt, _)) = bench.open.first().cloned() {
            bench.cut(attempt);
        }
        bench.pass(1000);
    }
    assert_eq!(
        (bench.state(), bench.error_code()),
        ("failed", Some("unreachable"))
    );
    assert_eq!(bench.client.deadline().map(|(at, _)| at), None::<Millis>);
}

#[test]
fn joining_an_unknown_run_leaves_another_runs_record() {
    let (mut bench, _) = streaming();
    bench.pass(1000);
    assert_eq!(bench.records(), 1);
    let stored: Vec<String> = bench.stored.keys().cloned().collect();
    bench.feed(Input::JoinRequested {
        command: CommandId(2),
        run_id: Some("x".into()),
        options: JoinOptions::default(),
    });
    bench.refuse("/runs/x/stream", 404, &[], "");
    bench.answer(
        "/state",
        200,
        r#"{"values":{"messages":[]},"next":[],"tasks":[]}"#,
    );
    assert_eq!(bench.state(), "expired");
    assert!(bench.stored.keys().eq(&stored));
}

#[test]
fn a_thread_is_loaded_although_the_browser_is_wrong_about_being_offline() {
    let mut bench = Bench::new();
    bench.feed(Input::WentOffline);
    bench.feed(Input::ThreadSwitched {
        thread_id: Some("t".into()),
    });
    for path in ["/state", "/threads/t"] {
        if let Some((attempt, _)) = bench
            .open
            .iter()
            .find(|(_, r)| r.url.ends_with(path))
            .cloned()
        {
            bench.cut(attempt);
        }
    }
    assert!(bench.open.is_empty());
    bench.pass(30_000);
    bench.asked("/state");
}
