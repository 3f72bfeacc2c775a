//! An endpoint that only streams: one POST per submission, and nothing else.

mod support;

use rejoin_core::{
    BranchesInput, CommandId, Edit, EditAt, EditInput, Endpoint, Input, JoinOptions, Notice,
    Outcome, Submission, ToolResult, ToolsInput,
    wire::{Json, json::FromJson, sse::Frame},
};
use support::Bench;

fn streaming() -> (Bench, rejoin_core::AttemptId) {
    let mut bench = Bench::with(|config| config.endpoint = Endpoint::StreamOnly);
    bench.submit("hi");
    let attempt = bench.asked("/runs/stream").0;
    bench.feed(Input::HeadersArrived {
        attempt,
        status: 200,
        headers: vec![("content-type".to_owned(), "text/event-stream".to_owned())],
    });
    bench.event(
        attempt,
        "",
        "messages",
        r#"[{"type":"ai","id":"m","content":"a "},{}]"#,
    );
    (bench, attempt)
}

/// Nothing is asked, waited for or kept.
fn at_rest(bench: &Bench) -> bool {
    let view = bench.client.view();
    bench.open.is_empty()
        && bench.stored.is_empty()
        && bench.client.deadline().is_none()
        && !view.is_loading()
        && !view.can_rejoin()
}

#[test]
fn the_end_of_the_body_is_the_end_of_the_run() {
    let (mut bench, stream) = streaming();
    assert_eq!((bench.state(), bench.text("m").as_str()), ("live", "a "));
    bench.pass(600_000);
    assert_eq!(
        bench.state(),
        "live",
        "nothing says how long it may be silent"
    );
    bench.event(
        stream,
        "",
        "values",
        r#"{"messages":[{"type":"human","id":"h","content":"hi"},{"type":"ai","id":"m","content":"a b"}]}"#,
    );
    bench.end(stream);
    assert_eq!(bench.outcome(), Some(Outcome::Finished));
    assert_eq!(
        (bench.state(), bench.text("m").as_str()),
        ("finished", "a b")
    );
    assert!(at_rest(&bench));
}

#[test]
fn an_error_event_fails_the_run() {
    let (mut bench, stream) = streaming();
    bench.event(
        stream,
        "",
        "error",
        r#"{"error":"ValueError","message":"boom"}"#,
    );
    bench.end(stream);
    assert_eq!(
        (bench.error_code(), bench.text("m").as_str()),
        (Some("run_failed"), "a ")
    );
    assert!(at_rest(&bench));
}

#[test]
fn a_lost_connection_is_not_made_again() {
    let (mut bench, stream) = streaming();
    bench.metadata(stream, "", "r");
    bench.cut(stream);
    assert_eq!(
        (bench.error_code(), bench.text("m").as_str()),
        (Some("unreachable"), "a ")
    );
    assert!(at_rest(&bench));
    bench.submit("again");
    bench.refuse("/runs/stream", 503, &[], "");
    assert_eq!(bench.error_code(), Some("bad_gateway"));
    assert!(at_rest(&bench));
}

#[test]
fn sleeping_waking_and_going_offline_leave_the_stream_alone() {
    let (mut bench, stream) = streaming();
    bench.metadata(stream, "", "r");
    for input in [
        Input::BecameHidden,
        Input::WentOffline,
        Input::WentOnline,
        Input::BecameVisible,
        Input::Thawed,
    ] {
        bench.pass(60_000);
        bench.feed(input);
    }
    assert_eq!((bench.state(), bench.open.len()), ("live", 1));
    assert!(bench.aborted.is_empty());
}

#[test]
fn stop_and_cancel_abort() {
    for input in [Input::StopRequested, Input::CancelRequested] {
        let (mut bench, stream) = streaming();
        bench.feed(input);
        assert_eq!(
            (bench.outcome(), bench.text("m").as_str()),
            (Some(Outcome::Disconnected), "a ")
        );
        assert_eq!(bench.aborted, [stream]);
        assert!(at_rest(&bench));
    }
}

#[test]
fn stop_before_any_answer_is_immediate() {
    let mut bench = Bench::with(|config| config.endpoint = Endpoint::StreamOnly);
    bench.submit("hi");
    bench.pass(100_000);
    assert_eq!(bench.state(), "connecting");
    bench.feed(Input::StopRequested);
    assert_eq!(bench.outcome(), Some(Outcome::Disconnected));
    assert!(at_rest(&bench));
}

#[test]
fn there_is_nothing_to_enter_or_to_join() {
    let mut bench = Bench::with(|config| config.endpoint = Endpoint::StreamOnly);
    bench.feed(Input::ThreadSwitched {
        thread_id: Some("t".into()),
    });
    bench.feed(Input::Branches(BranchesInput::HistoryRequested));
    assert!(at_rest(&bench) && !bench.client.view().is_thread_loading());
    bench.feed(Input::JoinRequested {
        command: CommandId(2),
        run_id: Some("r".into()),
        options: JoinOptions::default(),
    });
    assert_eq!(bench.outcome(), Some(Outcome::NothingToJoin));
    assert!(at_rest(&bench));
}

#[test]
fn refused_headers_are_made_anew_once() {
    let mut bench = Bench::with(|config| config.endpoint = Endpoint::StreamOnly);
    bench.submit("hi");
    bench.refuse("/runs/stream", 401, &[], "");
    assert!(bench.asked("/runs/stream").1.refresh_headers);
    bench.refuse("/runs/stream", 401, &[], "");
    assert_eq!(bench.error_code(), Some("unauthorized"));
    assert!(at_rest(&bench));
}

#[test]
fn broken_events_are_left_out() {
    let (mut bench, stream) = streaming();
    bench.metadata(stream, "0", "r");
    bench.event(stream, "1", "custom", "{broken");
    bench.event(stream, "7", "custom", "{}");
    assert_eq!(
        (bench.state(), bench.warnings()),
        ("live", vec!["event_data_invalid", "events_missing"])
    );
    bench.end(stream);
    assert!(at_rest(&bench));
}

#[test]
fn a_submission_that_failed_can_be_sent_again() {
    let (mut bench, stream) = streaming();
    let before = bench.client.view().messages()[0].id().clone();
    bench.event(stream, "", "error", r#"{"error":"E","message":"boom"}"#);
    bench.end(stream);
    assert_eq!(bench.error_code(), Some("run_failed"));
    assert!(bench.client.view().can_retry());
    let edit = |at| {
        Input::Edit(EditInput::Requested {
            command: CommandId(2),
            edit: Box::new(Edit {
                at,
                submission: Submission::default(),
            }),
        })
    };
    bench.feed(edit(EditAt::Failed));
    let (_, request) = bench.asked("/runs/stream");
    let body = request.body.map(|body| body.text().to_owned());
    assert!(body.is_some_and(|body| body.contains(before.as_str())));
    let shown: Vec<_> = bench.client.view().messages().iter().collect();
    assert_eq!((shown.len(), shown[0].id()), (1, &before));
    // There is nothing to go back to.
    bench.feed(edit(EditAt::Message(before)));
    assert_eq!(bench.error_code(), Some("edit_unavailable"));
}

/// An event that the application's transport has read itself.
fn given(bench: &mut Bench, stream: rejoin_core::AttemptId, name: &str, data: &str) {
    bench.feed(Input::EventArrived {
        attempt: stream,
        event: Some(Frame {
            event: Some(name.to_owned()),
            data: data.to_owned(),
            id: None,
            retry_ms: None,
        }),
    });
}

#[test]
fn events_that_somebody_else_has_read_count_as_those_read_here() {
    let (mut bench, stream) = streaming();
    let more = r#"[{"type":"ai","id":"m","content":"b"},{}]"#;
    given(&mut bench, stream, "messages", more);
    assert_eq!(bench.text("m"), "a b");
    // Two equal events may both be meant.
    given(&mut bench, stream, "messages", more);
    assert_eq!(bench.text("m"), "a bb");
    given(&mut bench, stream, "custom", "1");
    given(&mut bench, stream, "values", "{ half of it");
    assert_eq!(bench.warnings(), ["event_data_invalid", "events_missing"]);
    given(
        &mut bench,
        stream,
        "values",
        r#"{"messages":[{"type":"ai","id":"m","content":"whole"}]}"#,
    );
    assert_eq!(bench.text("m"), "whole");
    bench.end(stream);
    assert!(at_rest(&bench));
    given(&mut bench, stream, "messages", more);
    assert_eq!(bench.text("m"), "whole", "the stream is over");
    let told = |notice: &Notice| matches!(notice, Notice::EventApplied(_));
    assert_eq!(bench.notices.iter().filter(|n| told(n)).count(), 1);
}

#[test]
fn an_event_that_is_too_large_is_refused_whoever_reads_it() {
    let said = |n: usize| {
        let text = "x".repeat(n);
        format!(r#"[{{"type":"ai","id":"m","content":"{text}"}},{{}}]"#)
    };
    let limit = said(100).len() + "messages".len();
    for by_bytes in [true, false] {
        let mut bench = Bench::with(|config| {
            config.endpoint = Endpoint::StreamOnly;
            config.limits.frame_bytes_max = limit;
        });
        bench.submit("hi");
        let stream = bench.accept("/runs/stream", "r");
        for (length, code) in [(100, None), (101, Some("sse_frame_too_large"))] {
            if by_bytes {
                bench.event(stream, "", "messages", &said(length));
            } else {
                given(&mut bench, stream, "messages", &said(length));
            }
            assert_eq!((bench.error_code(), bench.text("m").len()), (code, 100));
        }
        assert!(at_rest(&bench));
    }
}

#[test]
fn what_a_filter_leaves_out_is_a_sign_of_life() {
    let mut bench = Bench::new();
    bench.submit("hi");
    let stream = bench.accept("/runs/stream", "r");
    bench.metadata(stream, "1", "r");
    let stall = bench.client.config().timeouts.stall.0;
    for _ in 0..4 {
        bench.pass(stall - 1);
        bench.feed(Input::EventArrived {
            attempt: stream,
            event: None,
        });
    }
    assert_eq!((bench.state(), bench.aborted.len()), ("live", 0));
    bench.pass(10 * stall);
    assert_eq!(bench.aborted.first(), Some(&stream), "silence ends it");
}

/// The texts of what is shown.
fn texts(bench: &Bench) -> Vec<String> {
    let view = bench.client.view();
    let text = |slot: &rejoin_core::MessageSlot| slot.message.content.text().into_owned();
    view.messages().iter().map(text).collect()
}

#[test]
fn a_question_that_the_values_tell_otherwise_is_not_shown_beside_theirs() {
    let (mut bench, stream) = streaming();
    assert_eq!(texts(&bench), ["hi", "a "]);
    // Not a word of the messages.
    bench.event(stream, "", "values", r#"{"step":1}"#);
    assert_eq!(texts(&bench), ["hi", "a "]);
    bench.event(
        stream,
        "",
        "values",
        r#"{"messages":[{"type":"human","id":"h","content":"hi, tidied"},{"type":"ai","id":"m","content":"a b"}]}"#,
    );
    assert_eq!(texts(&bench), ["hi, tidied", "a b"]);
    // The next one is on the screen until its own run's values come.
    bench.end(stream);
    bench.submit("next");
    assert_eq!(texts(&bench), ["hi, tidied", "a b", "next"]);
}

#[test]
fn a_question_stays_where_the_values_tell_answers_only() {
    let (mut bench, stream) = streaming();
    bench.event(
        stream,
        "",
        "values",
        r#"{"messages":[{"type":"ai","id":"m","content":"a b"}]}"#,
    );
    assert_eq!(texts(&bench), ["hi", "a b"]);
    bench.end(stream);
    // Nothing of the next answer streams before its values come.
    bench.submit("next");
    let stream = bench.accept("/runs/stream", "r2");
    bench.event(
        stream,
        "",
        "values",
        r#"{"messages":[{"type":"ai","id":"m","content":"a b"},{"type":"ai","id":"n","content":"c"}]}"#,
    );
    assert_eq!(texts(&bench), ["hi", "a b", "next", "c"]);
}

/// A submission, and the stream that answers it.
fn ask(bench: &mut Bench, text: &str) -> rejoin_core::AttemptId {
    bench.submit(text);
    bench.accept("/runs/stream", "r")
}

/// Values that tell answers only, each by its id and its text.
fn answers(bench: &mut Bench, stream: rejoin_core::AttemptId, answers: &[(&str, &str)]) {
    let answer =
        |(id, text): &(&str, &str)| format!(r#"{{"type":"ai","id":"{id}","content":"{text}"}}"#);
    let answers: Vec<_> = answers.iter().map(answer).collect();
    let data = format!(r#"{{"messages":[{}]}}"#, answers.join(","));
    bench.event(stream, "", "values", &data);
}

/// A first turn whose values tell the answer only.
fn answered() -> Bench {
    let mut bench = Bench::with(|config| config.endpoint = Endpoint::StreamOnly);
    let stream = ask(&mut bench, "hi");
    answers(&mut bench, stream, &[("a", "A")]);
    bench.end(stream);
    assert_eq!(texts(&bench), ["hi", "A"]);
    bench
}

#[test]
fn a_question_of_an_earlier_turn_stays_where_a_later_one_is_refused() {
    for says_again in [false, true] {
        let mut bench = answered();
        bench.submit("two");
        bench.refuse("/runs/stream", 503, &[], "");
        assert_eq!(texts(&bench), ["hi", "A", "two"]);
        let stream = if says_again {
            bench.feed(Input::Edit(EditInput::Requested {
                command: CommandId(2),
                edit: Box::new(Edit {
                    at: EditAt::Failed,
                    submission: Submission::default(),
                }),
            }));
            bench.accept("/runs/stream", "r")
        } else {
            ask(&mut bench, "two")
        };
        assert_eq!(texts(&bench), ["hi", "A", "two"]);
        answers(&mut bench, stream, &[("a", "A"), ("b", "B")]);
        assert_eq!(texts(&bench), ["hi", "A", "two", "B"]);
    }
}

#[test]
fn a_question_stays_where_the_values_tell_what_the_agent_has_called_and_been_told() {
    const CALL: &str =
        r#"{"type":"ai","id":"m","content":"","tool_calls":[{"name":"f","args":{},"id":"c"}]}"#;
    const RESULT: &str = r#"{"type":"tool","id":"t","tool_call_id":"c","content":"sun"}"#;
    const ANSWER: &str = r#"{"type":"ai","id":"n","content":"It is sunny"}"#;
    let mut bench = Bench::with(|config| config.endpoint = Endpoint::StreamOnly);
    let stream = ask(&mut bench, "weather?");
    let lists: [&[&str]; 3] = [&[CALL], &[CALL, RESULT], &[CALL, RESULT, ANSWER]];
    let shown = ["weather?", "", "sun", "It is sunny"];
    for (list, count) in lists.into_iter().zip(2..) {
        let data = format!(r#"{{"messages":[{}]}}"#, list.join(","));
        bench.event(stream, "", "values", &data);
        assert_eq!(texts(&bench), shown[..count]);
    }
    bench.end(stream);
    // The agent's instructions are no question either.
    let stream = ask(&mut bench, "and?");
    let told = r#"{"messages":[{"type":"system","id":"s","content":"Be brief"},{"type":"ai","id":"o","content":"Rain"}]}"#;
    bench.event(stream, "", "values", told);
    assert!(texts(&bench).contains(&"and?".to_owned()));
}

#[test]
fn a_streamed_answer_is_the_one_of_another_id_where_the_values_tell_answers_only() {
    let mut bench = answered();
    let mut told = vec![("a", "A")];
    let mut shown = vec!["hi", "A"];
    for (question, streamed, stored) in [("two", "x", "b"), ("three", "y", "c")] {
        let stream = ask(&mut bench, question);
        bench.token(stream, "", streamed, "Hel");
        bench.token(stream, "", streamed, "lo");
        shown.extend([question, "Hello"]);
        assert_eq!(texts(&bench), shown);
        // Of before the answer.
        answers(&mut bench, stream, &told);
        assert_eq!(texts(&bench), shown);
        told.push((stored, "Hello"));
        answers(&mut bench, stream, &told);
        assert_eq!(texts(&bench), shown);
        bench.end(stream);
    }
}

#[test]
fn a_part_of_an_answer_stays_where_the_values_tell_answers_to_later_questions_only() {
    for fails in [false, true] {
        let mut bench = answered();
        let stream = ask(&mut bench, "two");
        bench.token(stream, "", "p", "part");
        if fails {
            let error = r#"{"error":"ValueError","message":"boom"}"#;
            bench.event(stream, "", "error", error);
            bench.end(stream);
        } else {
            bench.feed(Input::StopRequested);
        }
        let stream = ask(&mut bench, "three");
        answers(&mut bench, stream, &[("a", "A"), ("c", "C")]);
        assert_eq!(
            texts(&bench),
            ["hi", "A", "two", "part", "three", "C"],
            "{fails}"
        );
    }
}

#[test]
fn a_question_stays_where_the_values_are_older() {
    let (mut bench, stream) = streaming();
    let first =
        r#"{"type":"human","id":"h","content":"hi"},{"type":"ai","id":"m","content":"a b"}"#;
    let values = |more: &str| format!(r#"{{"messages":[{first}{more}]}}"#);
    bench.event(stream, "", "values", &values(""));
    bench.end(stream);
    bench.submit("next");
    let stream = bench.accept("/runs/stream", "r2");
    bench.event(stream, "", "values", &values(""));
    assert_eq!(texts(&bench), ["hi", "a b", "next"]);
    let more = r#",{"type":"human","id":"k","content":"next, tidied"},{"type":"ai","id":"n","content":"c"}"#;
    bench.event(stream, "", "values", &values(more));
    assert_eq!(texts(&bench), ["hi", "a b", "next, tidied", "c"]);
}

#[test]
fn a_tools_result_stays_until_the_values_hold_one_of_its_call() {
    const CALLED: &str = r#"{"type":"human","id":"h","content":"hi"},{"type":"ai","id":"m","content":"","tool_calls":[{"name":"f","args":{},"id":"c"}]}"#;
    let (mut bench, stream) = streaming();
    let called = format!(r#"{{"messages":[{CALLED}]}}"#);
    bench.event(stream, "", "values", &called);
    bench.end(stream);
    let result = ToolResult {
        tool_call_id: "c".to_owned(),
        content: Json::from_json(r#""done""#).expect("JSON"),
        is_error: false,
        name: None,
        artifact: None,
    };
    let add = |bench: &mut Bench, command| {
        bench.feed(Input::Tools(ToolsInput::ResultAdded {
            command: CommandId(command),
            result: Box::new(result.clone()),
        }));
    };
    add(&mut bench, 2);
    let stream = bench.accept("/runs/stream", "r");
    // Of before the result.
    bench.event(stream, "", "values", &called);
    assert_eq!(texts(&bench), ["hi", "", "done"]);
    add(&mut bench, 3);
    assert_eq!(
        bench.outcome(),
        Some(Outcome::Dropped),
        "it is known already"
    );
    let told = r#"{"type":"tool","id":"t","tool_call_id":"c","content":"done, tidied"}"#;
    let told = format!(r#"{{"messages":[{CALLED},{told}]}}"#);
    bench.event(stream, "", "values", &told);
    assert_eq!(texts(&bench), ["hi", "", "done, tidied"]);
}
