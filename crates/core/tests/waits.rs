//! Waits: counted from when an attempt began to be silent; a wake-up that comes too soon is put off; headers made anew at once.

#![allow(clippy::unwrap_used)] // A panic is how a test fails.

mod support;

use rejoin_core::{DeadlineReason, Input};
use support::Bench;

const STATE: &str = r#"{"values":{"messages":[{"type":"human","id":"q","content":"hi"}]}}"#;

/// A thread that is open, and at rest for a minute.
fn at_rest() -> Bench {
    let mut bench = Bench::new();
    bench.feed(Input::ThreadSwitched {
        thread_id: Some("t".into()),
    });
    bench.answer("/state", 200, STATE);
    let thread = r#"{"thread_id":"t","status":"idle","updated_at":"1"}"#;
    bench.answer("/threads/t", 200, thread);
    bench.pass(60_000);
    bench
}

fn found(updated_at: &str) -> String {
    format!(r#"[{{"thread_id":"t","status":"idle","updated_at":"{updated_at}"}}]"#)
}

#[test]
fn a_wake_up_soon_after_a_comparison_is_put_off() {
    for wait in [1_500, 3_000, 4_900] {
        let mut bench = at_rest();
        bench.feed(Input::Focused);
        bench.answer("/threads/search", 200, &found("1"));
        bench.pass(wait);
        bench.feed(Input::BecameHidden);
        bench.feed(Input::BecameVisible);
        assert!(bench.open.is_empty(), "not more than once in some seconds");
        bench.pass(5_000 - wait);
        bench.answer("/threads/search", 200, &found("2"));
        bench.answer("/state", 200, STATE);
        bench.pass(60_000);
        assert!(bench.open.is_empty(), "once");
    }
}

#[test]
fn a_wake_up_while_a_comparison_is_not_answered_compares_again_after_it() {
    let mut bench = at_rest();
    bench.feed(Input::Focused);
    bench.pass(2_000);
    bench.feed(Input::Focused);
    assert_eq!(bench.open.len(), 1);
    bench.pass(6_000);
    bench.answer("/threads/search", 200, &found("1"));
    bench.pass(1);
    bench.answer("/threads/search", 200, &found("1"));
    bench.pass(60_000);
    assert!(bench.open.is_empty() && bench.client.deadline().is_none());
}

#[test]
fn a_page_that_is_hidden_again_compares_when_it_is_shown() {
    let mut bench = at_rest();
    bench.feed(Input::Focused);
    bench.answer("/threads/search", 200, &found("1"));
    bench.pass(2_000);
    bench.feed(Input::Focused);
    bench.feed(Input::BecameHidden);
    bench.pass(60_000);
    assert!(bench.open.is_empty());
    bench.feed(Input::BecameVisible);
    assert_eq!(bench.open.len(), 1);
}

#[test]
fn the_events_of_one_wake_up_compare_once() {
    let mut bench = at_rest();
    bench.feed(Input::BecameHidden);
    for input in [Input::Thawed, Input::BecameVisible, Input::Focused] {
        bench.feed(input);
        bench.pass(100);
    }
    bench.answer("/threads/search", 200, &found("1"));
    bench.pass(60_000);
    assert!(bench.open.is_empty());
}

/// A run whose server answers nothing any more.
fn unreachable(failures: u32) -> Bench {
    let mut bench = Bench::new();
    bench.submit("hi");
    let stream = bench.accept("/runs/stream", "r");
    bench.metadata(stream, "0", "r");
    bench.token(stream, "1", "m", "a ");
    bench.cut(stream);
    for _ in 0..failures {
        // Each attempt hangs until it is given up, and each wait is as long as it may be.
        while bench.open.is_empty() {
            let (at, _) = bench.client.deadline().unwrap();
            bench.pass(at.0.saturating_sub(bench.now).max(1));
        }
        while !bench.open.is_empty() {
            let (at, _) = bench.client.deadline().unwrap();
            bench.pass(at.0.saturating_sub(bench.now).max(1));
        }
    }
    bench
}

#[test]
fn an_attempt_that_hung_does_not_wait_as_long_again() {
    for failures in 6..14 {
        let mut bench = unreachable(failures);
        let began = bench.now;
        let mut waited = 0;
        while bench.open.is_empty() && waited < 60_000 {
            bench.pass(100);
            waited = bench.now - began;
        }
        // The bound of a wait is 30 s; the attempt before it hung for 10 s at least.
        assert!(waited <= 20_100, "{failures}: it waited {waited} ms");
    }
}

#[test]
fn a_state_that_is_only_looked_at_makes_its_headers_anew_at_once() {
    for status in [401, 403] {
        let mut bench = unreachable(0);
        let mut looked = false;
        for _ in 0..20_000 {
            if let Some((attempt, request)) = bench.open.first().cloned() {
                if request.url.ends_with("/state") {
                    looked = true;
                    break;
                }
                bench.cut(attempt);
            }
            bench.pass(100);
        }
        assert!(
            looked,
            "the thread's state is shown while it cannot be followed"
        );
        bench.answer("/state", status, "");
        let (_, request) = bench.asked("/state");
        assert!(request.refresh_headers);
        bench.answer("/state", 200, STATE);
        bench.asked("/runs/r");
    }
}

#[test]
fn a_server_that_says_when_is_waited_for_from_its_answer() {
    let mut bench = Bench::new();
    bench.submit("hi");
    bench.pass(5_000);
    bench.refuse("/runs/stream", 429, &[("retry-after", "7")], "");
    let (at, why) = bench.client.deadline().unwrap();
    assert_eq!((at.0, why), (bench.now + 7_000, DeadlineReason::Backoff));
}

#[test]
fn a_comparison_that_is_refused_makes_its_headers_anew_once() {
    for status in [401, 403] {
        let mut bench = at_rest();
        bench.feed(Input::Focused);
        assert!(!bench.asked("/threads/search").1.refresh_headers);
        bench.answer("/threads/search", status, "");
        assert!(
            bench.asked("/threads/search").1.refresh_headers,
            "{status}: a token may have expired while the page was hidden"
        );
        bench.answer("/threads/search", 200, &found("2"));
        bench.answer("/state", 200, STATE);
        bench.pass(60_000);
        assert!(bench.open.is_empty(), "{status}: {:?}", bench.open);
    }
}

#[test]
fn each_comparison_may_make_its_headers_anew() {
    let mut bench = at_rest();
    for answer in [401, 503] {
        bench.feed(Input::Focused);
        bench.answer("/threads/search", 401, "");
        assert!(bench.asked("/threads/search").1.refresh_headers);
        bench.answer("/threads/search", answer, "");
        if answer == 401 {
            bench.answer("/threads/t", 401, "");
        }
        assert!(bench.open.is_empty(), "{answer}: {:?}", bench.open);
        bench.pass(60_000);
        bench.feed(Input::Focused);
        let path = if answer == 401 {
            "/threads/t"
        } else {
            "/threads/search"
        };
        bench.answer(path, 401, "");
        assert!(bench.asked(path).1.refresh_headers, "{answer}");
        bench = at_rest();
    }
}

#[test]
fn a_state_that_could_not_be_read_is_read_at_the_next_wake_up() {
    for status in [None, Some(401), Some(503)] {
        let mut bench = at_rest();
        bench.feed(Input::Focused);
        bench.answer("/threads/search", 200, &found("2"));
        match status {
            // It never answers.
            None => bench.pass(60_000),
            Some(status) => bench.answer("/state", status, ""),
        }
        assert!(bench.open.is_empty(), "{status:?}: {:?}", bench.open);
        bench.pass(60_000);
        bench.feed(Input::Focused);
        bench.answer("/threads/search", 200, &found("2"));
        bench.answer("/state", 200, STATE);
        bench.pass(60_000);
        bench.feed(Input::Focused);
        bench.answer("/threads/search", 200, &found("2"));
        assert!(bench.open.is_empty(), "{status:?}: {:?}", bench.open);
    }
}

#[test]
fn a_busy_thread_whose_run_is_not_to_be_had_is_read_at_the_next_wake_up() {
    let mut bench = at_rest();
    bench.feed(Input::Focused);
    let busy = found("2").replace("idle", "busy");
    bench.answer("/threads/search", 200, &busy);
    for _ in 0..2 {
        bench.answer("/runs?limit=100", 403, "");
    }
    assert!(bench.open.is_empty(), "{:?}", bench.open);
    bench.pass(60_000);
    bench.feed(Input::Focused);
    bench.answer("/threads/search", 200, &found("2"));
    bench.asked("/state");
}

#[test]
fn a_search_that_fails_each_time_gives_way_to_the_thread_itself() {
    for status in [429, 500, 503] {
        let mut bench = at_rest();
        bench.feed(Input::Focused);
        bench.answer("/threads/search", status, "");
        assert!(bench.open.is_empty(), "{status}: it may pass");
        bench.pass(60_000);
        bench.feed(Input::Focused);
        bench.answer("/threads/search", status, "");
        let thread = r#"{"thread_id":"t","status":"idle","updated_at":"2"}"#;
        bench.answer("/threads/t", 200, thread);
        bench.answer("/state", 200, STATE);
        bench.pass(60_000);
        bench.feed(Input::Focused);
        bench.asked("/threads/t");
    }
}
