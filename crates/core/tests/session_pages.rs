//! Older pages of a session, and the window over a thread's own messages where the server has no sessions.

#![allow(clippy::unwrap_used)] // A panic is how a test fails.

#[path = "support/session.rs"]
mod session;
mod support;

use rejoin_core::{Input, Outcome, SessionInput};
use session::{attached, node, nodes, older, page};
use support::Bench;

const BEFORE_7: &str = "/sessions/t/messages?before=7&limit=3";

fn ids(from: u64, to: u64) -> Vec<String> {
    (from..=to).map(|n| format!("m{n}")).collect()
}

/// Messages 7 to 9 of 9 are shown; the feed.
fn viewing() -> (Bench, rejoin_core::AttemptId) {
    let mut bench = Bench::viewing(3);
    let feed = bench.snapshot("limit=3", "7-9", &page(&nodes(7, 9), true));
    (bench, feed)
}

#[test]
fn pages_lead_to_the_top_without_a_gap_or_an_overlap() {
    let (mut bench, _) = viewing();
    let since = bench.client.view().revision();
    bench.request_older(1);
    assert!(bench.client.view().session().unwrap().is_loading_older());
    bench.answer(BEFORE_7, 200, &older("7-9", &nodes(4, 6), true));
    assert_eq!((bench.ids(), bench.has_older()), (ids(4, 9), true));
    bench.request_older(2);
    bench.answer("before=4&limit=3", 200, &older("7-9", &nodes(1, 3), false));
    assert_eq!((bench.ids(), bench.has_older()), (ids(1, 9), false));
    bench.request_older(3);
    assert_eq!(bench.open.len(), 1, "there is nothing older to ask for");
    let all: Vec<u64> = bench
        .concluded()
        .iter()
        .map(|(command, _)| *command)
        .collect();
    assert_eq!(all, [1, 2, 3]);
    assert!(
        bench
            .concluded()
            .iter()
            .all(|(_, outcome)| *outcome == Outcome::Finished)
    );
    let session = bench.client.view().session().unwrap();
    assert!(!session.is_loading_older() && session.generation() <= since);
    let changed = session.nodes();
    assert!(
        changed[6..].iter().all(|node| node.revision <= since),
        "what was shown stays as it is"
    );
}

#[test]
fn concurrent_requests_are_one_request() {
    let (mut bench, _) = viewing();
    bench.request_older(1);
    bench.request_older(2);
    assert_eq!(bench.open.len(), 2);
    bench.answer(BEFORE_7, 200, &older("7-9", &nodes(4, 6), true));
    assert_eq!(
        bench.concluded(),
        [(1, Outcome::Finished), (2, Outcome::Finished)]
    );
    assert_eq!((bench.ids(), bench.open.len()), (ids(4, 9), 1));
}

#[test]
fn live_messages_and_pages_do_not_disturb_each_other() {
    let (mut bench, feed) = viewing();
    bench.request_older(1);
    bench.started(feed, 10, "m10");
    bench.answer(BEFORE_7, 200, &older("7-10", &nodes(4, 6), true));
    bench.appended(feed, 11, "m10", 0, "live");
    assert_eq!(bench.ids(), ids(4, 10));
    assert_eq!(bench.texts().last().unwrap(), "live");
}

#[test]
fn what_changes_while_a_page_is_on_its_way_is_not_lost() {
    let (mut bench, feed) = viewing();
    bench.request_older(1);
    let edited = r#""type":"updated","at":1,"message":{"type":"ai","id":"m5","content":"edited"}"#;
    bench.record(feed, 10, edited);
    bench.record(feed, 11, r#""type":"removed","id":"m4""#);
    bench.answer(BEFORE_7, 200, &older("7-9", &nodes(4, 6), true));
    assert_eq!(bench.ids(), ids(5, 9));
    assert_eq!(bench.texts()[0], "edited");
}

#[test]
fn a_page_that_holds_a_change_already_takes_it_once() {
    let (mut bench, feed) = viewing();
    bench.request_older(1);
    let edited = r#""type":"updated","at":1,"message":{"type":"ai","id":"m5","content":"edited"}"#;
    let later = [
        node(4, 4, "m4", "text 4", "complete"),
        node(5, 10, "m5", "edited", "complete"),
    ];
    bench.answer(BEFORE_7, 200, &older("7-10", &later, true));
    bench.record(feed, 10, edited);
    assert_eq!(bench.texts()[..2], ["text 4", "edited"]);
}

#[test]
fn a_failure_is_said_and_leaves_everything_as_it_was() {
    let (mut bench, _) = viewing();
    bench.request_older(1);
    bench.answer(
        BEFORE_7,
        503,
        r#"{"detail":"the store failed","code":"store_failed"}"#,
    );
    assert!(
        matches!(&bench.concluded()[0].1, Outcome::Failed(error) if error.code.as_str() == "bad_gateway")
    );
    assert_eq!(
        (bench.feed_error(), bench.feed_state()),
        (Some("bad_gateway"), "live")
    );
    assert_eq!((bench.ids(), bench.has_older()), (ids(7, 9), true));
    bench.request_older(2);
    assert_eq!(bench.feed_error(), None);
    bench.answer(BEFORE_7, 200, &older("7-9", &nodes(4, 6), true));
    assert_eq!(bench.ids(), ids(4, 9));
}

#[test]
fn a_missing_capability_is_a_denial() {
    let (mut bench, _) = viewing();
    bench.request_older(1);
    bench.answer(
        BEFORE_7,
        403,
        r#"{"detail":"no `history`","code":"capability_missing"}"#,
    );
    assert!(
        matches!(&bench.concluded()[0].1, Outcome::Denied(error) if error.code.as_str() == "forbidden")
    );
    assert_eq!((bench.open.len(), bench.has_older()), (1, true));
}

#[test]
fn an_expired_token_is_made_anew_once() {
    let (mut bench, _) = viewing();
    bench.request_older(1);
    bench.answer(BEFORE_7, 401, "{}");
    assert!(bench.asked(BEFORE_7).1.refresh_headers);
    bench.answer(BEFORE_7, 401, "{}");
    assert!(matches!(bench.concluded()[0].1, Outcome::Denied(_)));
}

#[test]
fn a_page_that_does_not_come_in_time_is_asked_for_again_and_then_fails() {
    let (mut bench, _) = viewing();
    bench.request_older(1);
    bench.pass(15_000);
    assert!(bench.concluded().is_empty());
    bench.wait_for(BEFORE_7);
    bench.pass(45_000);
    assert!(
        matches!(&bench.concluded()[0].1, Outcome::Failed(error) if error.code.as_str() == "unreachable")
    );
}

#[test]
fn a_request_before_the_first_page_waits_for_it() {
    let mut bench = Bench::viewing(3);
    bench.request_older(1);
    assert_eq!(bench.open.len(), 1);
    bench.snapshot("limit=3", "7-9", &page(&nodes(7, 9), true));
    bench.answer(BEFORE_7, 200, &older("7-9", &nodes(4, 6), true));
    assert_eq!(bench.concluded(), [(1, Outcome::Finished)]);
}

#[test]
fn a_request_that_waits_for_a_feed_that_is_refused_is_refused() {
    let mut bench = Bench::viewing(3);
    bench.request_older(1);
    bench.refuse("limit=3", 403, &[], "{}");
    assert!(matches!(bench.concluded()[0].1, Outcome::Denied(_)));
    bench.request_older(2);
    assert!(matches!(bench.concluded()[1].1, Outcome::Denied(_)));
}

#[test]
fn a_page_of_another_log_is_not_shown() {
    let (mut bench, _) = viewing();
    bench.request_older(1);
    bench.answer(BEFORE_7, 200, &older("8-9", &nodes(4, 6), true));
    assert!(
        matches!(&bench.concluded()[0].1, Outcome::Failed(error) if error.code.as_str() == "body_invalid")
    );
    assert_eq!(bench.ids(), ids(7, 9));
}

#[test]
fn closing_and_switching_conclude_what_waits() {
    let (mut bench, _) = viewing();
    bench.request_older(1);
    bench.enter("other");
    assert_eq!(bench.concluded(), [(1, Outcome::Disconnected)]);
    bench.request_older(2);
    bench.feed(Input::Session(SessionInput::Closed));
    assert_eq!(bench.concluded()[1], (2, Outcome::Disconnected));
    bench.request_older(3);
    assert_eq!(bench.concluded()[2], (3, Outcome::NothingToJoin));
}

#[test]
fn a_new_thread_has_nothing_older() {
    let mut bench = Bench::new();
    bench.feed(Input::Session(SessionInput::Opened { limit: 3 }));
    bench.feed(Input::ThreadSwitched { thread_id: None });
    bench.request_older(1);
    assert_eq!(bench.concluded(), [(1, Outcome::Finished)]);
}

#[test]
fn a_new_epoch_drops_older_pages() {
    let (mut bench, feed) = viewing();
    bench.request_older(1);
    bench.answer(BEFORE_7, 200, &older("7-9", &nodes(1, 6), false));
    bench.cut(feed);
    bench.pass(500);
    bench.snapshot("limit=3&cursor=7-9", "8-9", &page(&nodes(7, 9), true));
    assert_eq!((bench.ids(), bench.has_older()), (ids(7, 9), true));
}

#[test]
fn older_pages_stay_over_a_snapshot_and_are_read_anew() {
    let (mut bench, feed) = viewing();
    bench.request_older(1);
    bench.answer(BEFORE_7, 200, &older("7-9", &nodes(4, 6), true));
    let since = bench.client.view().session().unwrap().generation();
    bench.event(feed, "", "attached", &attached("snapshot", "7-12", 12));
    bench.event(feed, "7-12", "snapshot", &page(&nodes(8, 10), true));
    assert_eq!(bench.ids(), ids(4, 10), "nothing is taken away meanwhile");
    let now = [
        node(4, 4, "m4", "text 4", "complete"),
        node(6, 11, "m6", "edited", "complete"),
        node(7, 7, "m7", "text 7", "complete"),
    ];
    bench.answer("messages?before=8&limit=4", 200, &older("7-12", &now, true));
    let left: Vec<String> = [4, 6, 7, 8, 9, 10].map(|n| format!("m{n}")).into();
    assert_eq!((bench.ids(), bench.has_older()), (left, true));
    assert_eq!(bench.texts()[1], "edited");
    assert_eq!(bench.client.view().session().unwrap().generation(), since);
}

#[test]
fn older_pages_that_cannot_be_read_anew_are_dropped() {
    let (mut bench, feed) = viewing();
    bench.request_older(1);
    bench.answer(BEFORE_7, 200, &older("7-9", &nodes(1, 6), false));
    bench.event(feed, "", "attached", &attached("snapshot", "7-12", 12));
    bench.event(feed, "7-12", "snapshot", &page(&nodes(8, 10), true));
    bench.request_older(2);
    bench.answer("messages?before=8&limit=7", 500, "");
    assert_eq!((bench.ids(), bench.has_older()), (ids(8, 10), true));
    assert!(matches!(bench.concluded()[1].1, Outcome::Failed(_)));
}

#[test]
fn a_page_on_its_way_is_asked_for_again_after_a_snapshot() {
    let (mut bench, feed) = viewing();
    bench.request_older(1);
    let stale = bench.asked(BEFORE_7).0;
    bench.event(feed, "", "attached", &attached("snapshot", "7-20", 20));
    bench.event(feed, "7-20", "snapshot", &page(&nodes(18, 20), true));
    assert!(bench.aborted.contains(&stale));
    bench.answer(
        "before=18&limit=3",
        200,
        &older("7-20", &nodes(15, 17), true),
    );
    assert_eq!(bench.ids(), ids(15, 20));
    assert_eq!(bench.concluded(), [(1, Outcome::Finished)]);
}

/// A thread of 8 messages on a server without sessions.
fn without_sessions(reads_state: bool) -> Bench {
    let mut bench = Bench::with(|config| config.reads_state = reads_state);
    bench.feed(Input::Session(SessionInput::Opened { limit: 3 }));
    bench.enter("t");
    bench.refuse(
        "/sessions/t/stream?limit=3",
        404,
        &[],
        r#"{"detail":"Not Found"}"#,
    );
    let message = |n| format!(r#"{{"type":"ai","id":"m{n}","content":"text {n}"}}"#);
    let messages: Vec<String> = (1..=8).map(message).collect();
    let state = format!(
        r#"{{"values":{{"messages":[{}]}},"next":[],"tasks":[]}}"#,
        messages.join(",")
    );
    bench.answer("/threads/t/state", 200, &state);
    if reads_state {
        bench.answer("/threads/t", 200, r#"{"thread_id":"t","status":"idle"}"#);
    }
    bench
}

#[test]
fn without_sessions_the_threads_own_messages_are_shown_page_by_page() {
    for reads_state in [true, false] {
        let mut bench = without_sessions(reads_state);
        let session = bench.client.view().session().unwrap();
        assert!(!session.is_durable() && session.is_ready() && !session.is_loading());
        assert_eq!((bench.ids(), bench.has_older()), (ids(6, 8), true));
        bench.request_older(1);
        assert_eq!((bench.ids(), bench.has_older()), (ids(3, 8), true));
        bench.request_older(2);
        bench.request_older(3);
        assert_eq!((bench.ids(), bench.has_older()), (ids(1, 8), false));
        assert_eq!(bench.concluded().len(), 3);
        assert!(bench.open.is_empty(), "no request: {:?}", bench.open);
    }
}

#[test]
fn a_window_stays_where_it_is_while_messages_come() {
    let mut bench = without_sessions(true);
    bench.submit("hi");
    let stream = bench.accept("/runs/stream", "r");
    bench.token(stream, "1", "m9", "x");
    assert_eq!(bench.ids()[..3], ids(6, 8));
    assert_eq!(bench.ids().len(), 5);
    let session = bench.client.view().session().unwrap();
    assert_eq!(session.nodes()[4].status.as_str(), "streaming");
    assert_eq!(session.connection().as_str(), "live");
    let since = bench.client.view().revision();
    bench.feed(Input::StopRequested);
    let found = bench.client.view().session().unwrap().nodes();
    assert_eq!(found[4].status.as_str(), "complete");
    assert!(found[4].revision > since, "its status is another");
}
