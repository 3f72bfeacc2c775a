//! Answers that none of the measured servers gives: what can be understood of them counts, and nothing is asked without end.

mod support;

use rejoin_core::{AttemptId, CommandId, Input, JoinOptions, MessageOrigin, Outcome};
use support::Bench;

/// A run `r` that has streamed "a b " of message `m`.
fn streaming() -> (Bench, AttemptId) {
    let mut bench = Bench::new();
    bench.submit("hi");
    let stream = bench.accept("/runs/stream", "r");
    bench.metadata(stream, "10-0", "r");
    bench.token(stream, "11-0", "m", "a ");
    bench.token(stream, "12-0", "m", "b ");
    (bench, stream)
}

fn entering() -> Bench {
    let mut bench = Bench::new();
    bench.feed(Input::ThreadSwitched {
        thread_id: Some("t".into()),
    });
    bench
}

const STATE: &str =
    r#"{"values":{"messages":[{"type":"human","id":"h","content":"hi"}]},"next":[],"tasks":[]}"#;

fn is_open(bench: &Bench, path: &str) -> bool {
    bench.open.iter().any(|(_, r)| r.url.ends_with(path))
}

/// Answers whatever is asked with a status for ten minutes. Returns how much was asked.
fn asked_in_ten_minutes(bench: &mut Bench, status: u16, headers: &[(&str, &str)]) -> usize {
    let mut count = 0;
    for _ in 0..6_000 {
        bench.pass(100);
        while let Some((_, request)) = bench.open.first().cloned() {
            count += 1;
            assert!(count < 1_000, "it is asked without end");
            let path = request.url.trim_start_matches("http://server");
            if path.contains("/stream") {
                bench.refuse(path, status, headers, "busy");
            } else {
                let attempt = bench.asked(path).0;
                bench.open.retain(|(open, _)| *open != attempt);
                let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
                bench.feed(Input::ResponseArrived {
                    attempt,
                    status,
                    headers: headers.iter().map(owned).collect(),
                    body: b"busy".to_vec(),
                });
            }
        }
    }
    count
}

#[test]
fn a_server_that_asks_for_no_wait_is_not_asked_without_end() {
    for retry_after in ["0", "00", "1", "-1", "soon", "0.5"] {
        for status in [429, 503] {
            let headers = [("retry-after", retry_after)];
            let (mut bench, stream) = streaming();
            bench.cut(stream);
            let of_run = asked_in_ten_minutes(&mut bench, status, &headers);
            let of_load = asked_in_ten_minutes(&mut entering(), status, &headers);
            for (what, count) in [("run", of_run), ("load", of_load)] {
                let about = format!("{count} for the {what}, {status}, Retry-After: {retry_after}");
                assert!((10..100).contains(&count), "{about}");
            }
        }
    }
}

#[test]
fn an_event_stream_is_one_whatever_success_it_is_called() {
    for status in [200, 201, 202, 203, 206, 226] {
        let mut bench = Bench::new();
        bench.submit("hi");
        let attempt = bench.asked("/runs/stream").0;
        bench.feed(Input::HeadersArrived {
            attempt,
            status,
            headers: vec![("content-type".to_owned(), "text/event-stream".to_owned())],
        });
        bench.metadata(attempt, "1", "r");
        bench.token(attempt, "2", "m", "a ");
        assert_eq!((bench.state(), bench.text("m").as_str()), ("live", "a "));
    }
}

#[test]
fn a_join_that_is_answered_with_nothing_is_made_again() {
    for status in [204, 205] {
        let (mut bench, stream) = streaming();
        bench.cut(stream);
        bench.wait_for("/runs/r/stream");
        bench.refuse("/runs/r/stream", status, &[], "");
        bench.wait_for("/runs/r/stream");
        let stream = bench.accept("/runs/r/stream", "r");
        bench.token(stream, "12-0", "m", "b ");
        bench.token(stream, "13-0", "m", "c ");
        assert_eq!(bench.text("m"), "a b c ", "{status}");
        assert_eq!(bench.error_code(), None, "{status}");
    }
}

#[test]
fn an_event_without_an_id_is_no_progress() {
    let (mut bench, stream) = streaming();
    bench.cut(stream);
    let mut joins = 0;
    for at in 0..6_000 {
        bench.pass(100);
        if is_open(&bench, "/runs/r/stream") {
            joins += 1;
            let join = bench.accept("/runs/r/stream", "r");
            bench.token(join, "12-0", "m", "b ");
            // Another one each time, so that it is new.
            bench.event(join, "", "custom", &at.to_string());
            bench.cut(join);
        } else if is_open(&bench, "/runs/r") {
            bench.run_is("r", "running");
        } else if is_open(&bench, "/state") {
            bench.answer("/state", 200, r#"{"values":{},"next":["x"]}"#);
        }
    }
    assert!((10..100).contains(&joins), "{joins} joins in ten minutes");
    assert_eq!(bench.text("m"), "a b ");
}

#[test]
fn a_submission_that_is_answered_with_nothing_has_arrived() {
    for status in [204, 205] {
        let mut bench = Bench::new();
        bench.submit("hi");
        bench.refuse("/runs/stream", status, &[], "");
        bench.wait_for("/runs?limit=100");
        bench.answer("/runs?limit=100", 200, "[]");
        bench.answer("/state", 200, STATE);
        bench.pass(60_000);
        assert!(
            !is_open(&bench, "/runs/stream"),
            "{status}: it is posted again"
        );
        assert_eq!(bench.error_code(), Some("submission_unconfirmed"));
    }
}

#[test]
fn an_error_in_plain_words_is_the_failure() {
    for words in ["boom", "Internal Server Error", r#"{"error":"Val"#] {
        let (mut bench, stream) = streaming();
        bench.event(stream, "13-0", "error", words);
        bench.end(stream);
        // It is forgotten by the server.
        bench.answer("/runs/r", 404, "");
        bench.answer("/state", 200, STATE);
        assert_eq!(bench.error_code(), Some("run_failed"), "{words}");
        let detail = bench.client.view().error().and_then(|e| e.detail.clone());
        assert!(detail.is_some_and(|detail| detail.contains(words)));
        assert!(bench.warnings().is_empty(), "{:?}", bench.warnings());
    }
}

#[test]
fn a_run_is_as_far_as_its_server_says_in_whatever_word() {
    let active = ["RUNNING", "Pending", "queued", "in_progress", "streaming"];
    for word in active {
        let (mut bench, stream) = streaming();
        bench.end(stream);
        bench.run_is("r", word);
        bench.wait_for("/runs/r/stream");
        assert_eq!(bench.state(), "reconnecting", "{word}");
    }
    let over = [
        ("Success", "finished"),
        ("completed", "finished"),
        ("CANCELLED", "finished"),
        ("failed", "failed"),
    ];
    for (word, state) in over {
        let (mut bench, stream) = streaming();
        bench.end(stream);
        bench.run_is("r", word);
        if state == "failed" {
            let thread = bench.client.view().thread_id().map(ToString::to_string);
            bench.answer(
                &format!("/threads/{}", thread.unwrap_or_default()),
                200,
                "{}",
            );
        }
        bench.answer("/state", 200, STATE);
        assert_eq!(bench.state(), state, "{word}");
    }
}

#[test]
fn a_thread_is_busy_in_whatever_word() {
    for word in ["BUSY", "Running", "in_progress"] {
        let mut bench = entering();
        bench.answer("/state", 200, STATE);
        let thread = format!(r#"{{"thread_id":"t","status":"{word}"}}"#);
        bench.answer("/threads/t", 200, &thread);
        assert!(is_open(&bench, "/runs?limit=100"), "{word}");
    }
}

/// An answer that says nothing of how far the run is, is not its end.
#[test]
fn a_run_whose_status_says_nothing_has_not_finished() {
    for body in ["{}", r#"{"status":null}"#, r#"{"status":"purple"}"#] {
        let (mut bench, stream) = streaming();
        bench.cut(stream);
        // Its stream may be there all the same, so it is joined once more.
        for _ in 0..2 {
            bench.wait_for("/runs/r/stream");
            bench.pass(10_000);
            bench.answer("/runs/r", 200, body);
        }
        bench.answer("/state", 200, STATE);
        assert_eq!(bench.outcome(), Some(Outcome::Expired), "{body}");
        assert_eq!(bench.text("m"), "a b ", "{body}: what was streamed stays");
    }
}

#[test]
fn a_run_that_began_is_found_where_the_server_keeps_no_marks() {
    for metadata in ["", r#","metadata":{}"#, r#","metadata":null"#] {
        let mut bench = Bench::new();
        bench.submit("hi");
        let attempt = bench.asked("/runs/stream").0;
        bench.feed(Input::HeadersArrived {
            attempt,
            status: 200,
            headers: vec![("content-type".to_owned(), "text/event-stream".to_owned())],
        });
        bench.cut(attempt);
        bench.wait_for("/runs?limit=100");
        let runs = format!(
            r#"[{{"run_id":"old","status":"success"}},{{"run_id":"r","status":"running"{metadata}}}]"#
        );
        bench.answer("/runs?limit=100", 200, &runs);
        assert!(is_open(&bench, "/runs/r/stream"), "{:?}", bench.open);
    }
}

/// Where marks are kept, one without this submission's is somebody else's run.
#[test]
fn somebody_elses_run_is_not_taken_for_the_one_that_began() {
    let mut bench = Bench::new();
    bench.submit("hi");
    let attempt = bench.asked("/runs/stream").0;
    bench.feed(Input::HeadersArrived {
        attempt,
        status: 200,
        headers: vec![("content-type".to_owned(), "text/event-stream".to_owned())],
    });
    bench.cut(attempt);
    bench.wait_for("/runs?limit=100");
    let runs = r#"[{"run_id":"r","status":"running","metadata":{"rejoin_submission":"other"}}]"#;
    bench.answer("/runs?limit=100", 200, runs);
    assert!(!is_open(&bench, "/runs/r/stream"));
}

#[test]
fn a_thread_without_a_state_is_an_empty_one() {
    for body in ["null", " null\n"] {
        let mut bench = entering();
        bench.answer("/state", 200, body);
        bench.answer("/threads/t", 200, r#"{"thread_id":"t","status":"idle"}"#);
        assert!(!bench.client.view().is_thread_loading());
        assert_eq!(bench.error_code(), None);
        assert!(bench.warnings().is_empty());
        bench.submit("hi");
        assert!(is_open(&bench, "/runs/stream"));
    }
}

#[test]
fn a_piece_without_a_kind_is_appended() {
    for kind in ["", r#""type":null,"#, r#""type":7,"#, r#""type":"purple","#] {
        let (mut bench, stream) = streaming();
        let data = format!(r#"[{{{kind}"id":"m","content":"c "}},{{}}]"#);
        bench.event(stream, "13-0", "messages", &data);
        assert_eq!(bench.text("m"), "a b c ", "{kind}");
        bench.token(stream, "14-0", "m", "d ");
        assert_eq!(bench.text("m"), "a b c d ", "{kind}");
    }
}

/// A run that has streamed, whose connection is lost until it is asked for its status.
fn asked_after_an_outage() -> Bench {
    let (mut bench, stream) = streaming();
    bench.cut(stream);
    for _ in 0..6_000 {
        bench.pass(100);
        match bench.open.first().cloned() {
            Some((_, request)) if request.url.ends_with("/runs/r") => return bench,
            Some((attempt, _)) => bench.cut(attempt),
            None => {}
        }
    }
    panic!("the run is never asked for: {:?}", bench.open);
}

/// Some servers answer so for every run.
const NOT_TOLD: [(u16, &str); 4] = [(404, ""), (405, ""), (501, ""), (200, "{}")];

#[test]
fn a_run_that_cannot_be_asked_for_is_joined_after_an_outage() {
    for (status, body) in NOT_TOLD {
        let mut bench = asked_after_an_outage();
        bench.answer("/runs/r", status, body);
        let stream = bench.accept("/runs/r/stream", "r");
        bench.token(stream, "12-0", "m", "b ");
        bench.token(stream, "13-0", "m", "c ");
        assert_eq!(bench.text("m"), "a b c ", "{status}");
        assert_eq!((bench.state(), bench.error_code()), ("live", None));
    }
}

#[test]
fn one_that_cannot_be_joined_either_is_over() {
    for (status, body) in NOT_TOLD {
        let mut bench = asked_after_an_outage();
        bench.answer("/runs/r", status, body);
        bench.refuse("/runs/r/stream", 404, &[], "");
        bench.answer("/state", 200, STATE);
        assert_eq!(bench.outcome(), Some(Outcome::Expired), "{status}");
        // The same where its stream brings nothing.
        let mut bench = asked_after_an_outage();
        bench.answer("/runs/r", status, body);
        for _ in 0..6_000 {
            bench.pass(100);
            match bench.open.first().cloned() {
                Some((_, r)) if r.url.ends_with("/runs/r") => bench.answer("/runs/r", status, body),
                Some((_, r)) if r.url.ends_with("/state") => bench.answer("/state", 200, STATE),
                Some((attempt, _)) => bench.cut(attempt),
                None => {}
            }
        }
        assert_eq!(bench.outcome(), Some(Outcome::Expired), "{status}");
        assert!(bench.open.is_empty());
    }
}

#[test]
fn a_run_that_cannot_be_asked_for_is_joined_once_more_after_silence() {
    for (status, body) in NOT_TOLD {
        let (mut bench, stream) = streaming();
        bench.cut(stream);
        // The join leaves while the network hangs, so nothing of it comes.
        bench.wait_for("/runs/r/stream");
        bench.wait_for("/runs/r");
        bench.answer("/runs/r", status, body);
        let stream = bench.accept("/runs/r/stream", "r");
        bench.token(stream, "12-0", "m", "b ");
        bench.token(stream, "13-0", "m", "c ");
        assert_eq!(bench.text("m"), "a b c ", "{status}");
        // The same silence again, and nothing new in between, is the end of it.
        let (mut bench, stream) = streaming();
        bench.cut(stream);
        for _ in 0..2 {
            bench.wait_for("/runs/r/stream");
            bench.wait_for("/runs/r");
            bench.answer("/runs/r", status, body);
        }
        bench.answer("/state", 200, STATE);
        assert_eq!(bench.outcome(), Some(Outcome::Expired), "{status}");
    }
}

#[test]
fn what_a_run_has_streamed_and_an_idle_thread_lacks_is_a_part() {
    let (mut bench, _) = streaming();
    bench.feed(Input::JoinRequested {
        command: CommandId(2),
        run_id: Some("x".into()),
        options: JoinOptions::default(),
    });
    bench.refuse("/runs/x/stream", 404, &[], "");
    while bench.outcome() != Some(Outcome::Expired) {
        bench.wait_for("/state");
        bench.answer("/state", 500, "");
    }
    let origin = |bench: &Bench| {
        let view = bench.client.view();
        let mut slots = view.messages().iter();
        slots
            .find(|slot| slot.id().as_str() == "m")
            .map(|slot| slot.origin)
    };
    assert_eq!(origin(&bench), Some(MessageOrigin::Server));

    bench.pass(120_000);
    bench.feed(Input::BecameHidden);
    bench.feed(Input::BecameVisible);
    let thread = bench
        .client
        .view()
        .thread_id()
        .expect("it has one")
        .to_string();
    let found = format!(r#"[{{"thread_id":"{thread}","status":"idle","updated_at":"2"}}]"#);
    bench.answer("/threads/search", 200, &found);
    let hi = bench.client.view().messages()[0].id().to_string();
    let state = format!(
        r#"{{"values":{{"messages":[{{"type":"human","id":"{hi}","content":"hi"}},{{"type":"human","id":"later","content":"later"}}]}},"next":[],"tasks":[]}}"#
    );
    bench.answer("/state", 200, &state);
    assert_eq!(bench.text("later"), "later");
    assert_eq!(origin(&bench), Some(MessageOrigin::Partial));
    assert_eq!(bench.text("m"), "a b ");
}
