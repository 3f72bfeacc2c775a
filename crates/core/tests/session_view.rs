//! The session's feed: first page, live records, lost connections, refusals, snapshots.

#![allow(clippy::unwrap_used)] // A panic is how a test fails.

#[path = "support/session.rs"]
mod session;
mod support;

use rejoin_core::{ErrorCode, Input, SessionInput, TransportError};
use session::{attached, node, nodes, page};
use support::Bench;

#[test]
fn a_thread_is_entered_by_one_page_without_reading_its_state() {
    let mut bench = Bench::viewing(3);
    assert_eq!(bench.feed_state(), "connecting");
    assert!(bench.client.view().session().unwrap().is_loading());
    let urls: Vec<&str> = bench.open.iter().map(|(_, r)| r.url.as_str()).collect();
    assert_eq!(urls, ["http://server/sessions/t/stream?limit=3"]);
    bench.snapshot("limit=3", "7-9", &page(&nodes(7, 9), true));
    assert_eq!(bench.texts(), ["text 7", "text 8", "text 9"]);
    assert!(bench.has_older());
    assert_eq!((bench.feed_state(), bench.state()), ("live", "idle"));
    assert!(!bench.client.view().session().unwrap().is_loading());
}

#[test]
fn records_are_added_to_the_page_and_unchanged_nodes_keep_their_revision() {
    let mut bench = Bench::viewing(2);
    let feed = bench.snapshot("limit=2", "7-2", &page(&nodes(1, 2), false));
    let before = bench.client.view().revision();
    bench.started(feed, 3, "a");
    bench.appended(feed, 4, "a", 0, "Hel");
    let since = bench.client.view().revision();
    bench.appended(feed, 5, "a", 1, "lo");
    assert_eq!(bench.texts(), ["text 1", "text 2", "Hello"]);
    let session = bench.client.view().session().unwrap();
    let found = session.nodes();
    assert!(found[0].revision <= before && found[1].revision <= before);
    assert!(session.order_revision() > before && session.order_revision() <= since);
    assert!(
        found[2].revision > since && found[2].reshaped <= since,
        "only text has come since"
    );
    assert_eq!(found[2].status.as_str(), "streaming");
    bench.record(
        feed,
        6,
        r#""type":"ended","id":"a","status":"aborted","reason":"lease_expired""#,
    );
    let session = bench.client.view().session().unwrap();
    let found = session.nodes();
    assert_eq!(found[2].status.as_str(), "aborted");
    assert!(found[2].reshaped > since, "its status is another");
}

#[test]
fn a_lost_connection_goes_on_from_the_last_record() {
    let mut bench = Bench::viewing(2);
    let feed = bench.snapshot("limit=2", "7-2", &page(&nodes(1, 2), false));
    bench.started(feed, 3, "a");
    bench.appended(feed, 4, "a", 0, "one ");
    bench.cut(feed);
    assert_eq!(bench.feed_state(), "reconnecting");
    assert_eq!(
        bench.texts().last().unwrap(),
        "one ",
        "what was had stays on screen"
    );
    bench.pass(500);
    let feed = bench.opened("limit=2&cursor=7-4");
    bench.event(feed, "", "attached", &attached("replay", "7-4", 6));
    assert_eq!(bench.feed_state(), "catching_up");
    bench.appended(feed, 5, "a", 1, "two ");
    assert_eq!(bench.feed_state(), "catching_up");
    bench.appended(feed, 6, "a", 2, "three");
    assert_eq!(bench.feed_state(), "live");
    assert_eq!(bench.texts().last().unwrap(), "one two three");
}

#[test]
fn the_end_of_the_body_is_a_lost_connection() {
    let mut bench = Bench::viewing(2);
    let feed = bench.snapshot("limit=2", "7-2", &page(&nodes(1, 2), false));
    bench.end(feed);
    assert_eq!(bench.feed_state(), "reconnecting");
    bench.pass(500);
    bench.opened("limit=2&cursor=7-2");
}

/// Lets ten minutes pass with a feed whose connections end, some time after the newest messages have come again: how often it connects.
fn connections(held: u64, holds_messages: bool) -> u32 {
    let mut bench = Bench::viewing(2);
    let mut count = 0;
    let end = bench.now + 600_000;
    while bench.now < end {
        count += 1;
        let feed = bench.asked("/sessions/t/stream?limit=2").0;
        bench.open.retain(|(open, _)| *open != feed);
        let headers = vec![("content-type".to_owned(), "text/event-stream".to_owned())];
        bench.feed(Input::HeadersArrived {
            attempt: feed,
            status: 200,
            headers,
        });
        match holds_messages {
            true => bench.snapshot_again(feed, "7-2", &page(&nodes(1, 2), false)),
            false => bench.event(feed, "", "attached", &attached("snapshot", "7-0", 0)),
        }
        bench.pass(held);
        bench.feed(Input::BodyEnded { attempt: feed });
        let session = bench.client.view().session().unwrap();
        assert_eq!(session.error(), None, "it is answered each time");
        while bench.now < end && bench.open.is_empty() {
            bench.pass(100);
        }
        // Each asks anew, so that the same snapshot comes.
        if let Some((_, request)) = bench.open.last_mut() {
            request.url = "http://server/sessions/t/stream?limit=2".to_owned();
        }
    }
    count
}

#[test]
fn connections_that_end_early_are_no_failures_and_come_at_a_pace() {
    for holds_messages in [true, false] {
        let at_once = connections(0, holds_messages);
        assert!(
            (20..80).contains(&at_once),
            "the same messages again are no progress: {at_once}"
        );
    }
    let held = connections(8_000, true);
    assert!(
        held >= 65,
        "one that was held for a while is replaced at once: {held}"
    );
}

#[test]
fn records_that_were_had_are_dropped() {
    let mut bench = Bench::viewing(2);
    let feed = bench.snapshot("limit=2", "7-0", &page(&[], false));
    bench.started(feed, 1, "a");
    bench.appended(feed, 2, "a", 0, "x");
    bench.appended(feed, 2, "a", 0, "x");
    assert_eq!(bench.texts(), ["x"]);
}

#[test]
fn a_gap_brings_a_snapshot_and_text_stays_until_it_comes() {
    let mut bench = Bench::viewing(2);
    let feed = bench.snapshot("limit=2", "7-0", &page(&[], false));
    bench.started(feed, 1, "a");
    bench.appended(feed, 2, "a", 0, "one ");
    bench.appended(feed, 4, "a", 2, "three ");
    assert_eq!(bench.warnings(), ["event_data_invalid"]);
    assert_eq!(bench.texts(), ["one "]);
    bench.pass(500);
    let text = node(1, 4, "a", "one two three ", "streaming").replace(":1,\"status", ":3,\"status");
    let feed = bench.snapshot("limit=2", "7-4", &page(&[text], false));
    bench.appended(feed, 5, "a", 3, "four");
    assert_eq!(bench.texts(), ["one two three four"]);
}

#[test]
fn another_number_of_pieces_brings_a_snapshot() {
    let mut bench = Bench::viewing(2);
    let feed = bench.snapshot("limit=2", "7-0", &page(&[], false));
    bench.started(feed, 1, "a");
    bench.appended(feed, 2, "a", 4, "five");
    assert_eq!(bench.texts(), [""]);
    bench.pass(500);
    assert!(!bench.asked("limit=2").1.url.contains("cursor"));
}

#[test]
fn a_record_that_cannot_be_read_is_asked_for_again_and_then_passed_over_by_a_snapshot() {
    let mut bench = Bench::viewing(2);
    let feed = bench.snapshot("limit=2", "7-2", &page(&nodes(1, 2), false));
    bench.event(feed, "7-3", "record", r#"{"seq":3,"type":"#);
    bench.pass(500);
    let feed = bench.opened("limit=2&cursor=7-2");
    bench.event(feed, "", "attached", &attached("replay", "7-2", 3));
    bench.event(feed, "7-3", "record", r#"{"seq":3,"type":"#);
    bench.pass(1000);
    bench.snapshot("limit=2", "7-3", &page(&nodes(1, 2), false));
    assert_eq!(bench.feed_state(), "live");
}

#[test]
fn a_reader_that_fell_behind_is_given_a_snapshot_in_the_same_stream() {
    let mut bench = Bench::viewing(2);
    let feed = bench.snapshot("limit=2", "7-2", &page(&nodes(1, 2), false));
    bench.event(feed, "", "attached", &attached("snapshot", "7-90", 91));
    assert_eq!(bench.feed_state(), "catching_up");
    assert_eq!(bench.texts(), ["text 1", "text 2"]);
    bench.event(feed, "7-90", "snapshot", &page(&nodes(89, 90), true));
    assert_eq!(bench.feed_state(), "catching_up");
    bench.started(feed, 91, "a");
    assert_eq!(
        (bench.feed_state(), bench.texts()),
        (
            "live",
            vec!["text 89".into(), "text 90".into(), String::new()]
        )
    );
    assert!(bench.has_older(), "what lies between is read as a page");
}

#[test]
fn a_session_that_begins_later_is_waited_for() {
    let mut bench = Bench::viewing(2);
    let feed = bench.opened("limit=2");
    bench.event(feed, "", "attached", &attached("snapshot", "0-0", 0));
    assert_eq!(bench.feed_state(), "live");
    let session = bench.client.view().session().unwrap();
    assert!(session.is_ready() && session.nodes().is_empty() && !session.has_older());
    bench.started(feed, 1, "a");
    bench.appended(feed, 2, "a", 0, "x");
    assert_eq!(bench.texts(), ["x"]);
    bench.cut(feed);
    bench.pass(500);
    bench.opened("limit=2&cursor=7-2");
}

#[test]
fn a_log_that_was_begun_anew_replaces_what_is_shown() {
    let mut bench = Bench::viewing(2);
    let feed = bench.snapshot("limit=2", "7-2", &page(&nodes(1, 2), false));
    let since = bench.client.view().revision();
    bench.cut(feed);
    bench.pass(500);
    let other = [node(1, 1, "n", "new", "complete")];
    bench.snapshot("limit=2&cursor=7-2", "8-1", &page(&other, true));
    assert_eq!(bench.texts(), ["new"]);
    let session = bench.client.view().session().unwrap();
    assert!(session.has_older() && session.generation() > since);
}

#[test]
fn a_record_of_another_log_brings_a_snapshot() {
    let mut bench = Bench::viewing(2);
    let feed = bench.snapshot("limit=2", "8-1", &page(&nodes(1, 1), false));
    bench.started(feed, 2, "a");
    assert_eq!(bench.texts(), ["text 1"]);
    bench.pass(500);
    assert!(!bench.asked("limit=2").1.url.contains("cursor"));
}

#[test]
fn a_deleted_session_is_empty_and_waited_for() {
    let mut bench = Bench::viewing(2);
    let feed = bench.snapshot("limit=2", "7-2", &page(&nodes(1, 2), true));
    bench.event(feed, "", "deleted", "{}");
    assert!(bench.texts().is_empty() && !bench.has_older());
    bench.end(feed);
    bench.pass(500);
    bench.opened("limit=2");
}

#[test]
fn headers_are_made_anew_once() {
    let mut bench = Bench::viewing(2);
    bench.refuse(
        "limit=2",
        401,
        &[],
        r#"{"detail":"expired","code":"token_expired"}"#,
    );
    let (_, request) = bench.asked("limit=2");
    assert!(request.refresh_headers);
    bench.refuse(
        "limit=2",
        401,
        &[],
        r#"{"detail":"expired","code":"token_expired"}"#,
    );
    assert_eq!(
        (bench.feed_state(), bench.feed_error()),
        ("failed", Some("unauthorized"))
    );
    bench.pass(600_000);
    assert!(bench.open.is_empty() && bench.client.deadline().is_none());
}

#[test]
fn a_missing_capability_is_said_and_not_tried_again() {
    let mut bench = Bench::viewing(2);
    let body = r#"{"detail":"the token lacks `stream`","code":"capability_missing","capability":"stream"}"#;
    bench.refuse("limit=2", 403, &[], body);
    assert_eq!(
        (bench.feed_state(), bench.feed_error()),
        ("failed", Some("forbidden"))
    );
    let session = bench.client.view().session().unwrap();
    assert!(
        session
            .error()
            .unwrap()
            .message
            .contains("the token lacks `stream`")
    );
    assert!(!session.is_loading() && bench.client.deadline().is_none());
    bench.feed(Input::Session(SessionInput::Opened { limit: 2 }));
    bench.snapshot("limit=2", "7-2", &page(&nodes(1, 2), true));
    assert_eq!((bench.feed_state(), bench.feed_error()), ("live", None));
}

#[test]
fn a_busy_server_is_tried_again_when_it_says() {
    let mut bench = Bench::viewing(2);
    bench.refuse("limit=2", 503, &[("retry-after", "30")], "");
    bench.pass(29_000);
    assert!(bench.open.is_empty());
    bench.pass(1000);
    bench.snapshot("limit=2", "7-2", &page(&nodes(1, 2), true));
    assert_eq!(bench.feed_state(), "live");
}

#[test]
fn a_server_that_is_gone_for_long_is_said_and_tried_on() {
    let mut bench = Bench::viewing(2);
    for _ in 0..7 {
        bench.wait_for("limit=2");
        let attempt = bench.asked("limit=2").0;
        bench.cut(attempt);
    }
    assert_eq!(
        (bench.feed_state(), bench.feed_error()),
        ("reconnecting", Some("unreachable"))
    );
    bench.wait_for("limit=2");
    bench.snapshot("limit=2", "7-2", &page(&nodes(1, 2), true));
    assert_eq!((bench.feed_state(), bench.feed_error()), ("live", None));
}

#[test]
fn little_is_tried_while_offline_or_hidden() {
    let mut bench = Bench::viewing(2);
    let feed = bench.snapshot("limit=2", "7-2", &page(&nodes(1, 2), false));
    bench.feed(Input::WentOffline);
    bench.cut(feed);
    assert_eq!(bench.feed_state(), "offline");
    bench.pass(20_000);
    assert!(bench.open.is_empty());
    bench.feed(Input::WentOnline);
    let feed = bench.opened("limit=2&cursor=7-2");
    bench.event(feed, "", "attached", &attached("replay", "7-2", 2));
    bench.feed(Input::BecameHidden);
    bench.cut(feed);
    assert_eq!(bench.feed_state(), "paused");
    bench.pass(20_000);
    assert!(bench.open.is_empty());
    bench.feed(Input::BecameVisible);
    bench.opened("limit=2&cursor=7-2");
}

#[test]
fn a_page_that_was_frozen_connects_anew() {
    let mut bench = Bench::viewing(2);
    let feed = bench.snapshot("limit=2", "7-2", &page(&nodes(1, 2), false));
    bench.feed(Input::Thawed);
    assert!(bench.aborted.contains(&feed));
    bench.opened("limit=2&cursor=7-2");
    assert_eq!(bench.feed_state(), "catching_up");
}

#[test]
fn a_silent_connection_is_made_anew() {
    let mut bench = Bench::viewing(2);
    bench.snapshot("limit=2", "7-2", &page(&nodes(1, 2), false));
    bench.pass(15_000);
    assert_eq!(bench.feed_state(), "stalled");
    bench.pass(15_000);
    bench.opened("limit=2&cursor=7-2");
    bench.pass(10_000);
    assert_eq!(bench.feed_state(), "reconnecting", "not one byte came");
}

#[test]
fn a_view_that_is_closed_asks_nothing_more() {
    let mut bench = Bench::viewing(2);
    let feed = bench.snapshot("limit=2", "7-2", &page(&nodes(1, 2), false));
    bench.feed(Input::Session(SessionInput::Closed));
    assert!(bench.aborted.contains(&feed) && bench.client.view().session().is_none());
    assert!(bench.open.is_empty() && bench.client.deadline().is_none());
    bench.started(feed, 3, "late");
    assert!(bench.client.view().session().is_none());
}

#[test]
fn the_view_follows_the_client_to_another_thread() {
    let mut bench = Bench::viewing(2);
    let feed = bench.snapshot("limit=2", "7-2", &page(&nodes(1, 2), true));
    let since = bench.client.view().revision();
    bench.enter("a b");
    assert!(bench.aborted.contains(&feed));
    assert!(bench.texts().is_empty() && !bench.has_older());
    assert!(bench.client.view().session().unwrap().order_revision() > since);
    bench.asked("/sessions/a%20b/stream?limit=2");
    bench.started(feed, 3, "late");
    assert!(bench.texts().is_empty());
}

#[test]
fn a_submitted_message_is_shown_at_once_and_once() {
    let mut bench = Bench::viewing(2);
    let feed = bench.snapshot("limit=2", "7-2", &page(&nodes(1, 2), false));
    let input =
        serde_json::json!({ "messages": [{ "type": "human", "id": "h", "content": "hi" }] });
    let submission = rejoin_core::Submission {
        input: Some(rejoin_core::wire::Json::from_value(&input).unwrap()),
        ..rejoin_core::Submission::default()
    };
    bench.feed(Input::SubmitRequested {
        command: rejoin_core::CommandId(1),
        submission: Box::new(submission),
    });
    assert_eq!(bench.ids(), ["m1", "m2", "h"]);
    let found = bench.client.view().session().unwrap().nodes();
    assert!(found[2].is_pending && found[2].position > found[1].position);
    let human = r#""type":"started","message":{"type":"human","id":"h","content":"hi"}"#;
    bench.record(feed, 3, human);
    assert_eq!(bench.ids(), ["m1", "m2", "h"]);
    assert!(!bench.client.view().session().unwrap().nodes()[2].is_pending);
}

#[test]
fn the_first_message_of_a_new_thread_is_shown_while_its_session_begins() {
    let mut bench = Bench::with(|config| config.reads_state = false);
    bench.feed(Input::Session(SessionInput::Opened { limit: 2 }));
    bench.feed(Input::ThreadSwitched { thread_id: None });
    assert!(bench.open.is_empty());
    bench.submit("hi");
    assert_eq!(bench.texts(), ["hi"]);
    let thread = bench.client.view().thread_id().unwrap().to_string();
    bench.asked(&format!("/sessions/{thread}/stream?limit=2"));
}

#[test]
fn a_run_that_is_over_is_not_followed_by_reading_the_state() {
    let mut bench = Bench::viewing(2);
    bench.snapshot("limit=2", "7-2", &page(&nodes(1, 2), false));
    bench.submit("hi");
    let stream = bench.accept("/runs/stream", "r");
    bench.token(stream, "1", "m", "x");
    bench.end(stream);
    bench.run_is("r", "success");
    assert_eq!(bench.state(), "finished");
    assert_eq!(bench.open.len(), 1, "only the feed: {:?}", bench.open);
}

#[test]
fn a_thread_with_an_active_run_joins_it_without_reading_the_thread() {
    let mut bench = Bench::with(|config| config.reads_state = false);
    bench.feed(Input::Session(SessionInput::Opened { limit: 2 }));
    bench.feed(Input::ThreadSwitched {
        thread_id: Some("t".into()),
    });
    let runs = r#"[{"run_id":"r","thread_id":"t","status":"running"}]"#;
    bench.answer("/runs?limit=100", 200, runs);
    bench.answer("/runs?limit=100", 200, runs);
    bench.accept("/runs/r/stream", "r");
    let state_read = |request: &rejoin_core::HttpRequest| {
        request.url.ends_with("/state") || request.url.ends_with("/threads/t")
    };
    assert!(!bench.open.iter().any(|(_, request)| state_read(request)));
}

#[test]
fn a_header_provider_that_fails_is_said() {
    let mut bench = Bench::viewing(2);
    let attempt = bench.asked("limit=2").0;
    let error = TransportError::Headers {
        message: "no token".to_owned(),
    };
    bench.feed(Input::RequestFailed { attempt, error });
    assert_eq!(bench.feed_state(), "failed");
    assert_eq!(bench.feed_error(), Some(ErrorCode::HeadersFailed.as_str()));
}
