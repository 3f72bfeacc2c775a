//! Servers that are odd in one way each.

mod support;

use rejoin_core::{
    AttemptId, Endpoint, ErrorCode, Input, JoinOptions, Notice, Outcome, TransportError,
    wire::{RunId, ThreadId, sse::Frame},
};
use support::Bench;

fn entered(thread: &str, state: &str) -> Bench {
    let mut bench = Bench::new();
    bench.feed(Input::ThreadSwitched {
        thread_id: Some(ThreadId::from("t")),
    });
    bench.answer("/state", 200, state);
    bench.answer("/threads/t", 200, thread);
    bench
}

/// Kind and text of what is shown.
fn shown(bench: &Bench) -> Vec<String> {
    let slots = bench.client.view().messages().iter();
    slots
        .map(|slot| {
            format!(
                "{} {}",
                slot.message.kind.as_str(),
                slot.message.content.text()
            )
        })
        .collect()
}

fn open_stream(bench: &mut Bench, path: &str) -> AttemptId {
    let attempt = bench.asked(path).0;
    let headers = vec![("content-type".to_owned(), "text/event-stream".to_owned())];
    bench.feed(Input::HeadersArrived {
        attempt,
        status: 200,
        headers,
    });
    attempt
}

fn chunk(bench: &mut Bench, attempt: AttemptId, text: &str) {
    bench.feed(Input::ChunkArrived {
        attempt,
        bytes: text.as_bytes().to_vec(),
    });
}

// The list of runs.

#[test]
fn an_entry_of_the_runs_that_names_no_run_hides_no_other() {
    for odd in [
        r#"{"status":"running"}"#,
        r#"{"run_id":null,"status":"running"}"#,
        r#"{"run_id":"..","status":"running"}"#,
        r#"{"run_id":{},"status":"running"}"#,
        r#"{"run_id":"","status":"pending","created_at":"1"}"#,
        "null",
        "7",
    ] {
        for (first, second) in [
            (odd, r#"{"run_id":"r","status":"running"}"#),
            (r#"{"run_id":"r","status":"running"}"#, odd),
        ] {
            let mut bench = entered(r#"{"thread_id":"t","status":"busy"}"#, "{}");
            bench.answer("/runs?limit=100", 200, &format!("[{first},{second}]"));
            bench.asked("/runs/r/stream");
        }
    }
}

#[test]
fn runs_that_come_in_an_envelope_are_no_list() {
    let mut bench = entered(r#"{"thread_id":"t","status":"busy"}"#, "{}");
    for _ in 0..20 {
        if !bench.client.view().is_loading() {
            break;
        }
        for path in ["/runs?limit=100", "/state"] {
            if bench.open.iter().any(|(_, r)| r.url.ends_with(path)) {
                bench.answer(path, 200, r#"{"items":[],"total":0}"#);
            }
        }
        bench.pass(30_000);
    }
    assert!(!bench.client.view().is_loading());
}

// The first event of a run, again.

#[test]
fn metadata_that_is_repeated_with_something_more_is_no_new_attempt() {
    let again = [
        r#"{"run_id":"r","attempt":1}"#,
        r#"{ "attempt": 1, "run_id": "r" }"#,
        r#"{"run_id":"r","attempt":1,"sent_at":"2026-11-29T04:00:01Z"}"#,
        r#"{"run_id":"r","attempt":1,"sent_at":"2026-11-29T04:00:02Z"}"#,
    ];
    for has_ids in [false, true] {
        let mut bench = Bench::new();
        bench.submit("hi");
        let stream = bench.accept("/runs/stream", "r");
        let id = |n: usize| {
            if has_ids {
                format!("{n}-0")
            } else {
                String::new()
            }
        };
        bench.event(stream, &id(1), "metadata", again[0]);
        let mut text = String::new();
        for (n, data) in again.iter().enumerate() {
            bench.event(stream, &id(2 + 2 * n), "metadata", data);
            bench.token(stream, &id(3 + 2 * n), "m", &format!("{n} "));
            text += &format!("{n} ");
            assert_eq!(bench.text("m"), text, "{has_ids}");
        }
        let restarted = |notice: &Notice| matches!(notice, Notice::StartedOver { .. });
        assert!(!bench.notices.iter().any(restarted));
        // Another attempt is one.
        bench.event(stream, &id(20), "metadata", r#"{"run_id":"r","attempt":2}"#);
        assert!(bench.notices.iter().any(restarted));
    }
}

#[test]
fn metadata_may_come_late_or_never_or_name_nothing() {
    for late in [
        None,
        Some(r#"{"run_id":"r","attempt":1}"#),
        Some(r#"{"run_id":7}"#),
        Some("{}"),
        Some("[]"),
        Some("null"),
        Some(r#"{"run_id":"..","attempt":-1}"#),
    ] {
        let mut bench = Bench::new();
        bench.submit("hi");
        let stream = open_stream(&mut bench, "/runs/stream");
        bench.token(stream, "1", "m", "a ");
        if let Some(late) = late {
            bench.event(stream, "2", "metadata", late);
        }
        bench.token(stream, "3", "m", "b ");
        assert_eq!(shown(&bench), ["human hi", "ai a b "], "{late:?}");
    }
}

#[test]
fn metadata_that_begins_each_connection_does_not_say_where_that_begins() {
    for has_ids in [false, true] {
        for then in ["b ", "d "] {
            let mut bench = Bench::new();
            bench.submit("hi");
            let stream = bench.accept("/runs/stream", "r");
            let id = |n: usize| {
                if has_ids {
                    format!("{n}-0")
                } else {
                    String::new()
                }
            };
            let metadata = r#"{"run_id":"r","attempt":1}"#;
            bench.event(stream, "", "metadata", metadata);
            bench.token(stream, &id(1), "m", "a ");
            bench.token(stream, &id(2), "m", "b ");
            bench.cut(stream);
            // Asked for what follows, for all, and for all with the cursor in the query.
            for _ in 0..3 {
                while !bench
                    .open
                    .iter()
                    .any(|(_, r)| r.url.contains("/runs/r/stream"))
                {
                    bench.pass(100);
                }
                let stream = bench.accept("/runs/r/stream", "r");
                bench.event(stream, "", "metadata", metadata);
                if bench.open.iter().any(|(open, _)| *open == stream) {
                    if then == "b " {
                        bench.token(
                            stream,
                            &id(if has_ids { 2 } else { 1 }),
                            "m",
                            if has_ids { "b " } else { "a " },
                        );
                    } else {
                        bench.token(stream, &id(4), "m", "d ");
                        bench.token(stream, &id(5), "m", "e ");
                        bench.token(stream, &id(6), "m", "f ");
                    }
                    assert_eq!(bench.text("m"), "a b ", "{has_ids} {then}");
                }
                bench.cut(stream);
            }
        }
    }
}

// Where a stream ends.

#[test]
fn the_last_event_of_a_stream_that_is_all_there_is_needs_no_blank_line() {
    for end in ["", "\n", "\r", "\r\n", "\n\n"] {
        let mut bench = Bench::with(|config| config.endpoint = Endpoint::StreamOnly);
        bench.submit("hi");
        let stream = open_stream(&mut bench, "");
        bench.token(stream, "", "m", "a ");
        chunk(
            &mut bench,
            stream,
            &format!(
                "event: messages\ndata: [{{\"type\":\"ai\",\"id\":\"m\",\"content\":\"b\"}},{{}}]{end}"
            ),
        );
        bench.end(stream);
        assert_eq!(bench.text("m"), "a b", "{end:?}");
        assert_eq!(bench.outcome(), Some(Outcome::Finished));
        assert_eq!(bench.warnings(), [""; 0]);
    }
    // One that was cut off in the middle is none.
    for cut in [
        "event: messages\ndata: [{\"type\":\"ai\",\"id\":\"m\",\"cont",
        "event: mess",
        "event: values",
        "id: 7",
        "data",
    ] {
        let mut bench = Bench::with(|config| config.endpoint = Endpoint::StreamOnly);
        bench.submit("hi");
        let stream = open_stream(&mut bench, "");
        bench.token(stream, "", "m", "a ");
        chunk(&mut bench, stream, cut);
        bench.end(stream);
        assert_eq!(bench.text("m"), "a ", "{cut:?}");
        let is_told = !bench.warnings().is_empty();
        assert_eq!(
            is_told,
            cut.contains("messages"),
            "what was begun and is lost is told"
        );
        assert!(matches!(
            bench.outcome(),
            Some(Outcome::Finished | Outcome::SnapshotThenTail)
        ));
    }
}

// Without a content type.

#[test]
fn a_page_without_a_type_is_no_stream_however_it_is_cut() {
    for page in [
        "\u{feff}<!doctype html><p>Sign in\n\n",
        "\u{feff}  {\"error\":1}",
        "\n\n  <html>",
        "\u{feff}\u{feff}<html>",
    ] {
        for at in 0..page.len() {
            let mut bench = Bench::new();
            bench.submit("hi");
            let attempt = bench.asked("/runs/stream").0;
            bench.feed(Input::HeadersArrived {
                attempt,
                status: 200,
                headers: Vec::new(),
            });
            for part in [&page.as_bytes()[..at], &page.as_bytes()[at..]] {
                if !part.is_empty() {
                    bench.feed(Input::ChunkArrived {
                        attempt,
                        bytes: part.to_vec(),
                    });
                }
            }
            if !page.starts_with("\u{feff}\u{feff}") {
                assert_eq!(
                    bench.error_code(),
                    Some("not_an_event_stream"),
                    "{page:?} cut at {at}"
                );
            }
        }
    }
    for stream in [
        "\u{feff}data: 1\n\nevent: messages\ndata: [{\"type\":\"ai\",\"id\":\"m\",\"content\":\"a\"},{}]\n\n",
        "\r\r: x\revent:messages\rdata:[{\"type\":\"ai\",\"id\":\"m\",\"content\":\"a\"},{}]\r\r",
    ] {
        for at in 0..stream.len() {
            let mut bench = Bench::new();
            bench.submit("hi");
            let attempt = bench.asked("/runs/stream").0;
            bench.feed(Input::HeadersArrived {
                attempt,
                status: 200,
                headers: Vec::new(),
            });
            for part in [&stream.as_bytes()[..at], &stream.as_bytes()[at..]] {
                if !part.is_empty() {
                    bench.feed(Input::ChunkArrived {
                        attempt,
                        bytes: part.to_vec(),
                    });
                }
            }
            assert_eq!(bench.text("m"), "a", "{stream:?} cut at {at}");
        }
    }
}

// Ids.

#[test]
fn ids_of_events_may_be_as_large_as_numbers_are() {
    let ids = [
        "18446744073709551614",
        "18446744073709551615",
        "18446744073709551616",
        "99999999999999999999999999",
    ];
    for last in ids {
        let mut bench = Bench::new();
        bench.feed(Input::ThreadSwitched {
            thread_id: Some(ThreadId::from("t")),
        });
        bench.answer("/state", 200, "{}");
        bench.answer("/threads/t", 200, r#"{"thread_id":"t","status":"busy"}"#);
        bench.answer(
            "/runs?limit=100",
            200,
            r#"[{"run_id":"r","status":"running"}]"#,
        );
        bench.feed(Input::StopRequested);
        let options = JoinOptions {
            last_event_id: Some(last.into()),
            ..JoinOptions::default()
        };
        bench.feed(Input::JoinRequested {
            command: rejoin_core::CommandId(3),
            run_id: Some(RunId::from("r")),
            options,
        });
        if bench.open.iter().any(|(_, r)| r.url.ends_with("/runs/r")) {
            bench.run_is("r", "running");
        }
        let stream = bench.accept("/runs/r/stream", "r");
        let mut text = String::new();
        for id in ids {
            bench.token(stream, id, "m", "x");
            text += "x";
            assert_eq!(bench.text("m"), text, "{last} {id}");
        }
    }
}

// Statuses.

#[test]
fn what_a_post_is_answered_with_is_posted_again_only_where_nothing_was_received() {
    let mut table = Vec::new();
    for status in [
        200, 201, 202, 204, 205, 206, 302, 304, 400, 401, 402, 403, 404, 405, 406, 408, 409, 410,
        413, 415, 418, 422, 423, 425, 429, 431, 451, 499, 500, 501, 502, 503, 504, 505, 507, 511,
        520, 529, 530, 599, 600, 999,
    ] {
        let mut bench = Bench::new();
        bench.submit("hi");
        let mut posts = 0;
        for _ in 0..400 {
            if let Some((_, request)) = bench.open.first().cloned() {
                let path = request.url.trim_start_matches("http://server").to_owned();
                if path.ends_with("/runs/stream") {
                    posts += 1;
                    bench.refuse(
                        &path,
                        status,
                        &[("retry-after", "-3")],
                        "{\"detail\":\"odd\"}",
                    );
                } else if path.ends_with("/runs?limit=100") {
                    bench.answer(&path, 200, "[]");
                } else {
                    bench.answer(&path, 404, "");
                }
            } else {
                bench.pass(5_000);
            }
        }
        assert!(posts <= 6, "{status}: {posts}");
        assert!(!bench.client.view().is_loading(), "{status}");
        let error = bench.client.view().error().map(|error| error.code);
        assert!(error.is_some(), "{status}");
        assert!(
            !shown(&bench).is_empty(),
            "{status}: what was typed is still shown"
        );
        table.push((status, posts, error));
    }
    let of = |status: u16| {
        table
            .iter()
            .find(|row| row.0 == status)
            .map(|row| (row.1, row.2))
    };
    assert_eq!(of(204), Some((1, Some(ErrorCode::SubmissionUnconfirmed))));
    assert_eq!(of(401), Some((2, Some(ErrorCode::Unauthorized))));
    assert_eq!(of(413), Some((1, Some(ErrorCode::BodyTooLarge))));
}

#[test]
fn a_wait_that_a_server_asks_for_is_bounded_and_understood_or_ignored() {
    for (asked, at_most) in [
        ("0", 1_000),
        ("-5", 1_000),
        ("3", 4_000),
        (" 3 ", 4_000),
        ("3.5", 1_000),
        ("1e9", 1_000),
        ("18446744073709551615", 121_000),
        ("999999999999999999999999", 121_000),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 1_000),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 121_000),
        ("", 1_000),
        ("soon", 1_000),
    ] {
        let mut bench = Bench::new();
        bench.submit("hi");
        bench.refuse("/runs/stream", 503, &[("retry-after", asked)], "");
        bench.pass(at_most);
        assert_eq!(bench.open.len(), 1, "{asked}");
    }
}

#[test]
fn a_run_that_is_answered_for_with_500_ends_as_its_stream_has_said() {
    for says_end in [true, false] {
        let mut bench = Bench::new();
        bench.submit("hi");
        let stream = bench.accept("/runs/stream", "r");
        bench.metadata(stream, "1", "r");
        bench.token(stream, "2", "m", "all");
        match says_end {
            true => bench.end(stream),
            false => bench.cut(stream),
        }
        let (mut asked, end) = (0, bench.now + 1_800_000);
        while bench.now < end && bench.client.view().is_loading() {
            let path = |bench: &Bench| {
                bench
                    .open
                    .first()
                    .map(|(_, r)| r.url.trim_start_matches("http://server").to_owned())
            };
            match path(&bench) {
                None => bench.pass(100),
                Some(path) if path.ends_with("/runs/r") => {
                    asked += 1;
                    bench.answer(&path, 500, "not implemented");
                }
                Some(path) if path.ends_with("/state") => bench.answer(
                    &path,
                    200,
                    r#"{"values":{"messages":[{"type":"ai","id":"m","content":"all"}]},"next":[]}"#,
                ),
                Some(path) => {
                    // Held for a while, and over or cut.
                    let stream = bench.accept(&path, "r");
                    bench.token(stream, "2", "m", "all");
                    bench.pass(4_000);
                    match says_end {
                        true => bench.end(stream),
                        false => bench.cut(stream),
                    }
                }
            }
        }
        assert!(!says_end || asked > 6, "{asked}");
        assert_eq!(
            bench.client.view().is_loading(),
            !says_end,
            "only what the stream has said ends it"
        );
        assert_eq!(bench.text("m"), "all");
    }
}

// Damaged events.

#[test]
fn a_damaged_event_that_comes_each_time_is_asked_for_once_more_and_no_oftener() {
    for before in [
        "",
        "event: custom\ndata: 1\n\n",
        "event: custom\ndata: 1\n\nevent: values\ndata: {}\n\n",
        "event: metadata\ndata: {\"run_id\":\"r\",\"attempt\":1}\n\n",
    ] {
        let mut bench = Bench::new();
        bench.submit("hi");
        let stream = bench.accept("/runs/stream", "r");
        bench.metadata(stream, "1-0", "r");
        bench.token(stream, "2-0", "m", "a ");
        let mut joins = 0;
        let mut attempt = stream;
        loop {
            chunk(&mut bench, attempt, before);
            chunk(
                &mut bench,
                attempt,
                "id: 3-0\nevent: messages\ndata: [{\n\n",
            );
            let path = "/runs/r/stream";
            if !bench.open.iter().any(|(_, r)| r.url.contains(path))
                || bench.open.iter().any(|(open, _)| *open == attempt)
            {
                break;
            }
            joins += 1;
            assert!(joins < 5, "{before:?}");
            attempt = bench.accept(path, "r");
            bench.token(attempt, "2-0", "m", "a ");
        }
        assert_eq!(joins, 1, "{before:?}");
        assert_eq!(bench.text("m"), "a ");
    }
}

// Errors in a stream.

#[test]
fn a_run_that_says_that_it_failed_has_failed_whatever_it_says() {
    for (data, words) in [
        (
            r#"{"error":"ValueError","message":"boom"}"#,
            "ValueError: boom",
        ),
        (r#""boom""#, "boom"),
        ("boom", "boom"),
        ("[1,2]", "[1,2]"),
        ("7", "7"),
        ("{}", "{}"),
        (r#"{"error":{"message":"deep"}}"#, ""),
        (r#"{"error":null,"message":null}"#, ""),
        (r#"{"detail":"boom"}"#, "boom"),
        ("<html>502</html>", "<html>502</html>"),
        (r#"{"message":"\ud83d"}"#, ""),
    ] {
        let mut bench = Bench::new();
        bench.submit("hi");
        let stream = bench.accept("/runs/stream", "r");
        bench.metadata(stream, "1", "r");
        bench.token(stream, "2", "m", "part");
        bench.event(stream, "3", "error", data);
        bench.end(stream);
        bench.answer("/runs/r", 404, "");
        bench.answer("/state", 200, r#"{"values":{"messages":[]}}"#);
        let Some(Outcome::Failed(error)) = bench.outcome() else {
            panic!("{data}: {:?}", bench.outcome());
        };
        assert_eq!(error.code, ErrorCode::RunFailed, "{data}");
        assert!(
            error.detail.as_deref().unwrap_or_default().contains(words),
            "{data}: {error:?}"
        );
        assert_eq!(bench.text("m"), "part", "{data}");
    }
}

// Custom transports.

#[test]
fn events_given_by_a_transport_are_as_good_as_bytes() {
    let frame = |name: Option<&str>, data: &str, id: Option<&str>| Frame {
        event: name.map(str::to_owned),
        data: data.to_owned(),
        id: id.map(str::to_owned),
        retry_ms: Some(u64::MAX),
    };
    let mut bench = Bench::with(|config| config.endpoint = Endpoint::StreamOnly);
    bench.submit("hi");
    let attempt = open_stream(&mut bench, "");
    let mut give = |event| {
        bench.feed(Input::EventArrived { attempt, event });
        shown(&bench)
    };
    give(Some(frame(None, "", None)));
    give(Some(frame(Some(""), "not json", Some(""))));
    give(Some(frame(Some("messages\0"), "{", Some("\0"))));
    give(None);
    let one = r#"[{"type":"ai","id":"m","content":"a"},{}]"#;
    give(Some(frame(Some("messages"), one, Some("1"))));
    assert_eq!(
        give(Some(frame(Some("messages"), one, None))),
        ["human hi", "ai aa"]
    );
    // Damaged, and nothing can be asked for again: what follows may have a hole, so it waits for the values.
    give(Some(frame(Some("messages"), "[{", None)));
    let values =
        r#"{"messages":[{"type":"human","content":"hi"},{"type":"ai","id":"m","content":"aabc"}]}"#;
    assert_eq!(
        give(Some(frame(Some("values"), values, None))),
        ["human hi", "ai aabc"]
    );
    bench.end(attempt);
    assert_eq!(bench.outcome(), Some(Outcome::SnapshotThenTail));
    assert!(bench.warnings().contains(&"event_data_invalid"));
}

#[test]
fn a_transport_that_fails_after_the_end_changes_nothing() {
    let mut bench = Bench::with(|config| config.endpoint = Endpoint::StreamOnly);
    bench.submit("hi");
    let attempt = open_stream(&mut bench, "");
    bench.token(attempt, "", "m", "a");
    bench.end(attempt);
    let before = format!("{:?}", bench.client.view().status());
    let error = TransportError::Network {
        message: "late".to_owned(),
    };
    bench.feed(Input::RequestFailed { attempt, error });
    bench.feed(Input::BodyEnded { attempt });
    bench.feed(Input::ChunkArrived {
        attempt,
        bytes: b"data: 1\n\n".to_vec(),
    });
    bench.feed(Input::EventArrived {
        attempt,
        event: None,
    });
    bench.feed(Input::HeadersArrived {
        attempt,
        status: 500,
        headers: Vec::new(),
    });
    assert_eq!(format!("{:?}", bench.client.view().status()), before);
}
