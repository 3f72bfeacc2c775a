//! The status: one value that is the same while nothing that it tells has changed, and says since when there is no contact.

#![allow(clippy::unwrap_used)] // A panic is how a test fails.

#[path = "support/session.rs"]
mod session;
mod support;

use rejoin_core::{FeedStatus, Input, Millis, Status};
use session::{nodes, page};
use support::Bench;

fn status(bench: &Bench) -> Status {
    bench.client.view().status()
}

fn feed_status(bench: &Bench) -> FeedStatus {
    bench.client.view().session().unwrap().status()
}

#[test]
fn it_is_another_one_only_when_something_that_it_tells_changes() {
    let mut bench = Bench::new();
    let new = status(&bench);
    assert_eq!(new, status(&bench));
    bench.submit("Hi");
    let asked = status(&bench);
    assert!(asked != new && asked.is_loading && asked.thread_id.is_some());
    let attempt = bench.accept("/runs/stream", "r");
    let live = status(&bench);
    assert_eq!(live.connection.as_str(), "live");
    bench.token(attempt, "1", "a", "Hel");
    assert_eq!(status(&bench), live, "text is none of it");
    bench.feed(Input::StopRequested);
    let left = status(&bench);
    assert!(left != live && !left.is_loading && left.can_rejoin);
}

#[test]
fn no_contact_counts_from_the_last_byte_through_each_attempt_until_an_answer() {
    let mut bench = Bench::new();
    bench.submit("Hi");
    let attempt = bench.accept("/runs/stream", "r");
    bench.metadata(attempt, "1", "r");
    let heard_at = Millis(bench.now);
    assert_eq!(status(&bench).lost_since, None);
    bench.pass(3000);
    bench.cut(attempt);
    assert_eq!(status(&bench).lost_since, Some(heard_at));
    bench.feed(Input::WentOffline);
    // The connection is made again at once, and then fails.
    let again = bench.asked("/runs/r/stream").0;
    bench.cut(again);
    assert_eq!(status(&bench).connection.as_str(), "offline");
    bench.pass(5000);
    bench.feed(Input::WentOnline);
    assert_eq!(status(&bench).lost_since, Some(heard_at), "no answer yet");
    bench.accept("/runs/r/stream", "r");
    assert_eq!(status(&bench).lost_since, None);
}

#[test]
fn a_feed_that_is_answered_with_an_error_has_contact_and_one_that_is_not_has_none() {
    let mut bench = Bench::viewing(2);
    let feed = bench.snapshot("limit=2", "7-2", &page(&nodes(1, 2), false));
    let (before, heard_at) = (feed_status(&bench), Millis(bench.now));
    assert_eq!(before, feed_status(&bench));
    assert_eq!(before.lost_since, None);
    bench.pass(2000);
    bench.cut(feed);
    assert_eq!(feed_status(&bench).lost_since, Some(heard_at));
    assert!(feed_status(&bench) != before);
    let again = "/sessions/t/stream?limit=2&cursor=7-2";
    bench.wait_for(again);
    bench.refuse(again, 503, &[], "later");
    assert_eq!(feed_status(&bench).lost_since, None, "it was answered");
    assert_eq!(feed_status(&bench).connection.as_str(), "reconnecting");
}
