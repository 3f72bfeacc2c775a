//! A message whose id the server changes stays one message: it is never shown twice, never missing, and its row keeps its
//! name. What is shown is compared after each input.

#![allow(clippy::unwrap_used)] // A panic is how a test fails.

mod support;

use rejoin_core::{
    AttemptId, CommandId, Edit, EditAt, EditInput, Endpoint, Input, JoinOptions, MessageOrigin,
    Submission, wire::Json,
};
use serde_json::{Value, json};
use support::{Bench, state};

/// What is shown: each message's text, oldest first.
fn shown(bench: &Bench) -> Vec<String> {
    let slots = bench.client.view().messages().iter();
    slots
        .map(|slot| slot.message.content.text().into_owned())
        .collect()
}

/// By which names readers know what is shown.
fn rows(bench: &Bench) -> Vec<String> {
    let slots = bench.client.view().messages().iter();
    slots.map(|slot| slot.id().to_string()).collect()
}

/// What the server calls what is shown.
fn ids(bench: &Bench) -> Vec<Option<String>> {
    let slots = bench.client.view().messages().iter();
    slots
        .map(|slot| slot.message.id.as_ref().map(ToString::to_string))
        .collect()
}

#[track_caller]
fn assert_shown(bench: &Bench, texts: &[&str]) {
    assert_eq!(shown(bench), texts);
    let mut rows = rows(bench);
    rows.sort_unstable();
    rows.dedup();
    assert_eq!(rows.len(), texts.len(), "two rows have one name");
}

/// A message as a server writes it: its kind, its id, which may be `null` or absent, and its text.
fn message(kind: &str, id: impl Into<Option<&'static str>>, text: &str) -> Value {
    match id.into() {
        Some(id) => json!({ "type": kind, "id": id, "content": text }),
        None => json!({ "type": kind, "content": text }),
    }
}

fn human(id: impl Into<Option<&'static str>>, text: &str) -> Value {
    message("human", id, text)
}

fn ai(id: impl Into<Option<&'static str>>, text: &str) -> Value {
    message("ai", id, text)
}

fn values(bench: &mut Bench, stream: AttemptId, id: &str, messages: &[Value]) {
    let data = json!({ "messages": messages }).to_string();
    bench.event(stream, id, "values", &data);
}

fn asked(text: &str) -> (Bench, AttemptId) {
    let mut bench = Bench::new();
    bench.submit(text);
    let stream = bench.accept("/runs/stream", "r1");
    bench.metadata(stream, "1", "r1");
    assert_shown(&bench, &[text]);
    (bench, stream)
}

/// The run is over, and this is the thread's state.
fn settled(bench: &mut Bench, stream: AttemptId, run: &str, before: &[&str], messages: &[Value]) {
    bench.end(stream);
    assert_shown(bench, before);
    bench.run_is(run, "success");
    assert_shown(bench, before);
    let state = json!({ "values": { "messages": messages }, "next": [], "tasks": [] });
    bench.answer("/state", 200, &state.to_string());
}

/// Another message of a thread that goes on.
fn ask_again(bench: &mut Bench, text: &str, run: &str) -> AttemptId {
    bench.submit(text);
    let stream = bench.accept("/runs/stream", run);
    bench.metadata(stream, "1", run);
    stream
}

#[test]
fn a_question_that_gets_the_servers_id_is_shown_once() {
    let (mut bench, stream) = asked("hi");
    let row = rows(&bench);
    values(&mut bench, stream, "2", &[human("srv-1", "hi")]);
    assert_shown(&bench, &["hi"]);
    assert_eq!(rows(&bench), row, "its row stays");
    assert_eq!(ids(&bench), [Some("srv-1".to_owned())]);
    assert_eq!(
        bench.client.view().messages()[0].origin,
        MessageOrigin::Server
    );
    bench.token(stream, "3", "a1", "Hel");
    assert_shown(&bench, &["hi", "Hel"]);
    bench.token(stream, "4", "a1", "lo");
    assert_shown(&bench, &["hi", "Hello"]);
    let all = [human("srv-1", "hi"), ai("a1", "Hello")];
    values(&mut bench, stream, "5", &all);
    assert_shown(&bench, &["hi", "Hello"]);
    settled(&mut bench, stream, "r1", &["hi", "Hello"], &all);
    assert_shown(&bench, &["hi", "Hello"]);
    assert_eq!(rows(&bench), [row[0].as_str(), "a1"]);
}

#[test]
fn an_answer_may_begin_before_the_question_has_its_id() {
    let (mut bench, stream) = asked("hi");
    bench.token(stream, "2", "a1", "Hel");
    assert_shown(&bench, &["hi", "Hel"]);
    let rows_before = rows(&bench);
    values(&mut bench, stream, "3", &[human("srv-1", "hi")]);
    assert_shown(&bench, &["hi", "Hel"]);
    assert_eq!(rows(&bench), rows_before);
}

#[test]
fn messages_without_ids_are_the_ones_that_are_shown() {
    let (mut bench, stream) = asked("hi");
    values(&mut bench, stream, "2", &[human(None, "hi")]);
    assert_shown(&bench, &["hi"]);
    bench.token(stream, "3", "a1", "Hello");
    let before = rows(&bench);
    let all = [human(None, "hi"), ai(None, "Hello")];
    values(&mut bench, stream, "4", &all);
    assert_shown(&bench, &["hi", "Hello"]);
    settled(&mut bench, stream, "r1", &["hi", "Hello"], &all);
    assert_shown(&bench, &["hi", "Hello"]);
    assert_eq!(rows(&bench), before);

    let stream = ask_again(&mut bench, "and?", "r2");
    assert_shown(&bench, &["hi", "Hello", "and?"]);
    let before = rows(&bench);
    let all = [human(None, "hi"), ai(None, "Hello"), human(None, "and?")];
    values(&mut bench, stream, "2", &all);
    assert_shown(&bench, &["hi", "Hello", "and?"]);
    assert_eq!(rows(&bench), before);
}

#[test]
fn messages_under_numbers_are_the_ones_that_are_shown() {
    let number =
        |kind: &str, id: u64, text: &str| json!({ "type": kind, "id": id, "content": text });
    let (mut bench, stream) = asked("hi");
    let row = rows(&bench);
    values(&mut bench, stream, "2", &[number("human", 1, "hi")]);
    assert_shown(&bench, &["hi"]);
    assert_eq!(rows(&bench), row);
    bench.token(stream, "3", "a1", "Hel");
    assert_shown(&bench, &["hi", "Hel"]);
    bench.token(stream, "4", "a1", "lo");
    let all = [number("human", 1, "hi"), number("ai", 2, "Hello")];
    values(&mut bench, stream, "5", &all);
    assert_shown(&bench, &["hi", "Hello"]);
    settled(&mut bench, stream, "r1", &["hi", "Hello"], &all);
    assert_shown(&bench, &["hi", "Hello"]);
    assert_eq!(rows(&bench), [row[0].as_str(), "a1"]);
}

#[test]
fn a_list_without_ids_that_loses_its_beginning_doubles_nothing() {
    let (mut bench, stream) = asked("one");
    let all = [human(None, "one"), ai(None, "first")];
    values(&mut bench, stream, "2", &all);
    settled(&mut bench, stream, "r1", &["one", "first"], &all);
    let stream = ask_again(&mut bench, "two", "r2");
    assert_shown(&bench, &["one", "first", "two"]);
    let row = rows(&bench)[2].clone();
    // The server tells of this turn only.
    values(&mut bench, stream, "2", &[human(None, "two")]);
    assert_shown(&bench, &["two"]);
    assert_eq!(rows(&bench), [row]);
    bench.token(stream, "3", "a2", "second");
    values(
        &mut bench,
        stream,
        "4",
        &[human(None, "two"), ai(None, "second")],
    );
    assert_shown(&bench, &["two", "second"]);
    // And of everything again.
    let all = [
        human(None, "one"),
        ai(None, "first"),
        human(None, "two"),
        ai(None, "second"),
    ];
    values(&mut bench, stream, "5", &all);
    assert_shown(&bench, &["one", "first", "two", "second"]);
}

#[test]
fn an_answer_that_is_stored_under_another_id_keeps_its_row() {
    for (streamed, stored) in [
        ("run-abc", "lc_run--abc-0"),
        ("lc_run--abc", "lc_run--abc-0"),
        ("a1", "something-else"),
    ] {
        let (mut bench, stream) = asked("hi");
        values(&mut bench, stream, "2", &[human("srv-1", "hi")]);
        bench.token(stream, "3", streamed, "Hel");
        bench.token(stream, "4", streamed, "lo");
        assert_shown(&bench, &["hi", "Hello"]);
        let before = rows(&bench);
        let all = [human("srv-1", "hi"), ai(stored, "Hello")];
        values(&mut bench, stream, "5", &all);
        assert_shown(&bench, &["hi", "Hello"]);
        assert_eq!(rows(&bench), before);
        // It is whole, so this is how it came to be, told again.
        bench.token(stream, "6", streamed, "lo");
        assert_shown(&bench, &["hi", "Hello"]);
        settled(&mut bench, stream, "r1", &["hi", "Hello"], &all);
        assert_shown(&bench, &["hi", "Hello"]);
        assert_eq!(rows(&bench), before);
        assert_eq!(ids(&bench)[1].as_deref(), Some(stored));
    }
}

#[test]
fn an_answer_that_only_the_state_has_under_another_id_keeps_its_row() {
    let (mut bench, stream) = asked("hi");
    bench.token(stream, "2", "a1", "Hel");
    let before = rows(&bench);
    // The rest of the text did not come.
    let state = [human(None, "hi"), ai("lc-1", "Hello")];
    settled(&mut bench, stream, "r1", &["hi", "Hel"], &state);
    assert_shown(&bench, &["hi", "Hello"]);
    assert_eq!(rows(&bench), before);
}

#[test]
fn an_answer_that_comes_whole_behind_its_pieces_is_shown_once() {
    let (mut bench, stream) = asked("hi");
    bench.token(stream, "2", "run--abc", "Hel");
    bench.token(stream, "3", "run--abc", "lo");
    let before = rows(&bench);
    let whole = r#"[{"type":"ai","id":"run--abc-0","content":"Hello"},{}]"#;
    bench.event(stream, "4", "messages", whole);
    assert_shown(&bench, &["hi", "Hello"]);
    assert_eq!(rows(&bench), before);
}

#[test]
fn a_tool_call_that_is_stored_under_another_id_is_shown_once() {
    let (mut bench, stream) = asked("weather?");
    let piece = |text: &str, args: &str, id: Value| {
        json!([{ "type": "AIMessageChunk", "id": "a1", "content": text,
                 "tool_call_chunks": [{ "name": "weather", "args": args, "id": id, "index": 0 }] }, {}])
        .to_string()
    };
    bench.event(stream, "2", "messages", &piece("", "{\"ci", json!("c1")));
    bench.event(stream, "3", "messages", &piece("", "ty\":1}", Value::Null));
    let before = rows(&bench);
    let call = json!({ "type": "ai", "id": "m-7", "content": "",
                       "tool_calls": [{ "name": "weather", "args": { "city": 1 }, "id": "c1" }] });
    let result = json!({ "type": "tool", "id": "m-8", "content": "sun", "tool_call_id": "c1" });
    values(
        &mut bench,
        stream,
        "4",
        &[human("m-6", "weather?"), call.clone()],
    );
    assert_shown(&bench, &["weather?", ""]);
    assert_eq!(rows(&bench), before);
    values(
        &mut bench,
        stream,
        "5",
        &[human("m-6", "weather?"), call, result],
    );
    assert_shown(&bench, &["weather?", "", "sun"]);
}

#[test]
fn a_person_who_says_the_same_again_is_heard_twice() {
    let (mut bench, stream) = asked("hi");
    let first = [human("srv-1", "hi"), ai("srv-2", "yes?")];
    values(&mut bench, stream, "2", &first);
    settled(&mut bench, stream, "r1", &["hi", "yes?"], &first);
    let stream = ask_again(&mut bench, "hi", "r2");
    assert_shown(&bench, &["hi", "yes?", "hi"]);
    let before = rows(&bench);
    // Values from before it was heard.
    values(&mut bench, stream, "2", &first);
    assert_shown(&bench, &["hi", "yes?", "hi"]);
    let second = [first[0].clone(), first[1].clone(), human("srv-3", "hi")];
    values(&mut bench, stream, "3", &second);
    assert_shown(&bench, &["hi", "yes?", "hi"]);
    assert_eq!(rows(&bench), before);
}

/// The run's first values are of before its question, so they do not tell which one its answer is for.
#[test]
fn an_answer_that_is_stored_under_another_id_is_shown_once_behind_older_values() {
    for (question, stored) in [("srv-3", Some("srv-4")), ("srv-3", None)] {
        let (mut bench, stream) = asked("hi");
        let first = [human("srv-1", "hi"), ai("srv-2", "yes?")];
        values(&mut bench, stream, "2", &first);
        settled(&mut bench, stream, "r1", &["hi", "yes?"], &first);
        let stream = ask_again(&mut bench, "more", "r2");
        values(&mut bench, stream, "2", &first);
        bench.token(stream, "3", "a2", "Hel");
        bench.token(stream, "4", "a2", "lo");
        let before = rows(&bench);
        let mut all = first.to_vec();
        all.extend([human(question, "more"), ai(stored, "Hello")]);
        values(&mut bench, stream, "5", &all);
        assert_shown(&bench, &["hi", "yes?", "more", "Hello"]);
        assert_eq!(rows(&bench), before);
    }
}

#[test]
fn of_two_equal_messages_the_one_that_is_stored_is_not_both() {
    let mut bench = Bench::new();
    let input = json!({ "messages": [human(None, "hi"), human(None, "hi")] });
    bench.feed(Input::SubmitRequested {
        command: CommandId(1),
        submission: Box::new(Submission {
            input: Some(Json::from_value(&input).unwrap()),
            ..Submission::default()
        }),
    });
    let stream = bench.accept("/runs/stream", "r1");
    bench.metadata(stream, "1", "r1");
    assert_shown(&bench, &["hi", "hi"]);
    let before = rows(&bench);
    values(&mut bench, stream, "2", &[human("srv-1", "hi")]);
    assert_shown(&bench, &["hi", "hi"]);
    bench.token(stream, "3", "a1", "Hel");
    assert_shown(&bench, &["hi", "hi", "Hel"]);
    values(
        &mut bench,
        stream,
        "4",
        &[human("srv-1", "hi"), human("srv-2", "hi")],
    );
    assert_shown(&bench, &["hi", "hi", "Hel"]);
    assert_eq!(rows(&bench)[..2], before);
    // The server stored one of them after all.
    let state = [human("srv-1", "hi"), ai("a1", "Hello")];
    settled(&mut bench, stream, "r1", &["hi", "hi", "Hel"], &state);
    assert_shown(&bench, &["hi", "Hello"]);
}

#[test]
fn a_thread_that_was_never_read_and_holds_the_same_question_doubles_nothing() {
    let mut bench = Bench::with(|config| config.endpoint = Endpoint::StreamOnly);
    bench.submit("hi");
    let stream = bench.accept("/runs/stream", "r1");
    let row = rows(&bench)[0].clone();
    values(
        &mut bench,
        stream,
        "",
        &[human("1", "hi"), ai("2", "yes?"), human("3", "hi")],
    );
    assert_shown(&bench, &["hi", "yes?", "hi"]);
    assert_eq!(rows(&bench)[2], row, "what was said here was said last");
}

#[test]
fn what_somebody_else_says_in_the_same_words_is_another_message() {
    let (mut bench, stream) = asked("one");
    let ours = rows(&bench)[0].clone();
    // This server keeps ids.
    let kept = json!({ "type": "human", "id": ours, "content": "one" });
    values(&mut bench, stream, "2", std::slice::from_ref(&kept));
    settled(
        &mut bench,
        stream,
        "r1",
        &["one"],
        std::slice::from_ref(&kept),
    );
    let stream = ask_again(&mut bench, "go on", "r2");
    values(&mut bench, stream, "2", &[kept, human("theirs", "go on")]);
    assert_shown(&bench, &["one", "go on", "go on"]);
}

#[test]
fn two_answers_that_begin_alike_stay_two() {
    let (mut bench, stream) = asked("hi");
    bench.token(stream, "2", "a1", "Hel");
    // Another node has answered beside it, and its answer did not stream.
    values(
        &mut bench,
        stream,
        "3",
        &[human("srv-1", "hi"), ai("b1", "Hello there")],
    );
    assert_shown(&bench, &["hi", "Hel", "Hello there"]);
    bench.token(stream, "4", "a1", "p!");
    assert_shown(&bench, &["hi", "Help!", "Hello there"]);
}

#[test]
fn two_equal_answers_are_each_stored_once() {
    let (mut bench, stream) = asked("hi");
    bench.token(stream, "2", "a1", "Yes");
    bench.token(stream, "3", "a2", "Yes");
    assert_shown(&bench, &["hi", "Yes", "Yes"]);
    let before = rows(&bench);
    values(
        &mut bench,
        stream,
        "4",
        &[human("h", "hi"), ai("m1", "Yes")],
    );
    assert_shown(&bench, &["hi", "Yes", "Yes"]);
    let all = [human("h", "hi"), ai("m1", "Yes"), ai("m2", "Yes")];
    values(&mut bench, stream, "5", &all);
    assert_shown(&bench, &["hi", "Yes", "Yes"]);
    assert_eq!(rows(&bench), before);
}

#[test]
fn two_messages_that_were_taken_for_one_are_told_apart() {
    let (mut bench, stream) = asked("hi");
    bench.token(stream, "2", "a1", "Yes");
    values(
        &mut bench,
        stream,
        "3",
        &[human("h", "hi"), ai("m1", "Yes")],
    );
    assert_shown(&bench, &["hi", "Yes"]);
    // The server has both, so `m1` was another's answer.
    let all = [human("h", "hi"), ai("m1", "Yes"), ai("a1", "Yes")];
    values(&mut bench, stream, "4", &all);
    assert_shown(&bench, &["hi", "Yes", "Yes"]);
    settled(&mut bench, stream, "r1", &["hi", "Yes", "Yes"], &all);
    assert_shown(&bench, &["hi", "Yes", "Yes"]);
}

#[test]
fn a_message_that_is_removed_or_edited_is_not_held() {
    let (mut bench, stream) = asked("hi");
    bench.token(stream, "2", "a1", "Hello");
    values(
        &mut bench,
        stream,
        "3",
        &[human("h", "hi"), ai("m1", "Hello")],
    );
    values(&mut bench, stream, "4", &[human("h", "hi")]);
    assert_shown(&bench, &["hi"]);
    values(
        &mut bench,
        stream,
        "5",
        &[human("h", "hi, all"), ai("m2", "Good day")],
    );
    assert_shown(&bench, &["hi, all", "Good day"]);
    let removed = r#"[{"type":"remove","id":"m2","content":""},{}]"#;
    bench.event(stream, "6", "messages", removed);
    assert_shown(&bench, &["hi, all"]);
}

#[test]
fn an_order_to_remove_takes_the_servers_id() {
    let (mut bench, stream) = asked("hi");
    values(&mut bench, stream, "2", &[human("srv-1", "hi")]);
    bench.token(stream, "3", "a1", "Hel");
    let removed = r#"[{"type":"remove","id":"srv-1","content":""},{}]"#;
    bench.event(stream, "4", "messages", removed);
    assert_shown(&bench, &["Hel"]);
}

#[test]
fn after_a_reload_the_record_and_the_state_are_one() {
    let (mut bench, stream) = asked("hi");
    bench.token(stream, "2", "run-abc", "Hel");
    bench.feed(Input::PageHiding {
        wall_clock: rejoin_core::Millis(1_001_000),
    });
    let thread = bench.client.view().thread_id().unwrap().clone();
    let url = format!("/threads/{thread}");

    let mut page = Bench::new();
    page.stored = bench.stored.clone();
    page.feed(Input::ThreadSwitched {
        thread_id: Some(thread.clone()),
    });
    assert_shown(&page, &["hi", "Hel"]);
    let before = rows(&page);
    let state = state("c1", None, vec![human("srv-1", "hi"), ai("lc-1", "Hello")]);
    page.answer("/state", 200, &state.to_string());
    assert_shown(&page, &["hi", "Hel"]);
    page.answer(&url, 200, r#"{"thread_id":"t","status":"busy"}"#);
    assert_shown(&page, &["hi", "Hello"]);
    assert_eq!(rows(&page), before);
    page.run_is("r1", "running");
    assert_shown(&page, &["hi", "Hello"]);
}

#[test]
fn after_a_reload_the_question_may_not_be_stored_yet() {
    let (mut bench, _) = asked("hi");
    bench.feed(Input::PageHiding {
        wall_clock: rejoin_core::Millis(1_001_000),
    });
    let thread = bench.client.view().thread_id().unwrap().clone();
    let mut page = Bench::new();
    page.stored = bench.stored.clone();
    page.feed(Input::ThreadSwitched {
        thread_id: Some(thread.clone()),
    });
    assert_shown(&page, &["hi"]);
    let before = rows(&page);
    page.answer("/state", 200, r#"{"values":{},"next":[],"tasks":[]}"#);
    let url = format!("/threads/{thread}");
    page.answer(&url, 200, r#"{"thread_id":"t","status":"busy"}"#);
    assert_shown(&page, &["hi"]);
    page.run_is("r1", "running");
    let stream = page.accept("/stream", "r1");
    page.metadata(stream, "1", "r1");
    assert_shown(&page, &["hi"]);
    values(&mut page, stream, "2", &[human("srv-1", "hi")]);
    assert_shown(&page, &["hi"]);
    page.token(stream, "3", "a1", "Hel");
    assert_shown(&page, &["hi", "Hel"]);
    assert_eq!(rows(&page)[..1], before);
}

#[test]
fn an_edit_goes_on_from_what_the_server_calls_its_messages() {
    let mut bench = Bench::with(|config| config.history_limit = Some(10));
    bench.submit("one");
    let stream = bench.accept("/runs/stream", "r1");
    bench.metadata(stream, "1", "r1");
    let first = vec![human("s1", "one"), ai("s2", "first")];
    values(&mut bench, stream, "2", &first);
    bench.end(stream);
    bench.run_is("r1", "success");
    bench.answer(
        "/history",
        200,
        &json!([state("c1", None, first.clone())]).to_string(),
    );
    let stream = ask_again(&mut bench, "two", "r2");
    let mut second = first.clone();
    second.extend([human("s3", "two"), ai("s4", "second")]);
    values(&mut bench, stream, "2", &second);
    bench.end(stream);
    bench.run_is("r2", "success");
    let states = json!([state("c2", Some("c1"), second), state("c1", None, first)]);
    bench.answer("/history", 200, &states.to_string());
    assert_shown(&bench, &["one", "first", "two", "second"]);

    // Both names of the message mean it.
    let row = bench.client.view().messages()[2].id().clone();
    let view = bench.client.view();
    assert!(view.can_edit(&row) && view.can_edit(&"s3".into()) && row.as_str() != "s3");
    assert_eq!(view.message_branch(&row).first_seen, Some(0));
    let edit = Edit {
        at: EditAt::Message("s3".into()),
        submission: Submission {
            input: Some(Json::from_value(&json!({ "messages": "three" })).unwrap()),
            ..Submission::default()
        },
    };
    bench.feed(Input::Edit(EditInput::Requested {
        command: CommandId(9),
        edit: Box::new(edit),
    }));
    assert_shown(&bench, &["one", "first", "three"]);
    let body: Value = bench.asked("/runs/stream").1.body.unwrap().read().unwrap();
    assert_eq!(body["checkpoint"]["checkpoint_id"], "c1");
}

#[test]
fn an_endpoint_with_ids_of_its_own_shows_each_message_once() {
    let mut bench = Bench::with(|config| config.endpoint = Endpoint::StreamOnly);
    let (mut told, mut expected) = (Vec::new(), Vec::new());
    for (n, text) in ["one", "two", "one"].into_iter().enumerate() {
        bench.submit(text);
        expected.push(text);
        assert_shown(&bench, &expected);
        let stream = bench.accept("/runs/stream", "r");
        told.push(json!({ "type": "human", "id": format!("q{n}"), "content": text }));
        values(&mut bench, stream, "", &told);
        assert_shown(&bench, &expected);
        bench.token(stream, "", &format!("run-{n}"), "yes");
        expected.push("yes");
        assert_shown(&bench, &expected);
        told.push(json!({ "type": "ai", "id": format!("stored{n}"), "content": "yes" }));
        values(&mut bench, stream, "", &told);
        assert_shown(&bench, &expected);
        bench.end(stream);
        assert_shown(&bench, &expected);
    }
}

#[test]
fn a_question_that_streams_back_under_another_id_is_shown_once() {
    let mut bench = Bench::with(|config| config.endpoint = Endpoint::StreamOnly);
    bench.submit("hi");
    let stream = bench.accept("/runs/stream", "r1");
    let before = rows(&bench);
    let echo = r#"[{"type":"human","id":"q1","content":"hi"},{}]"#;
    bench.event(stream, "", "messages", echo);
    assert_shown(&bench, &["hi"]);
    assert_eq!(rows(&bench), before);
    let whole = r#"[{"type":"ai","id":"a1","content":"Hello"}]"#;
    bench.event(stream, "", "messages/partial", whole);
    assert_shown(&bench, &["hi", "Hello"]);
}

#[test]
fn a_replay_finds_what_it_replays_under_any_name() {
    let (mut bench, stream) = asked("hi");
    values(&mut bench, stream, "2", &[human("srv-1", "hi")]);
    bench.token(stream, "3", "a1", "Hello");
    values(
        &mut bench,
        stream,
        "4",
        &[human("srv-1", "hi"), ai("m1", "Hello")],
    );
    let before = rows(&bench);
    bench.feed(Input::StopRequested);
    bench.feed(Input::JoinRequested {
        command: CommandId(2),
        run_id: Some("r1".into()),
        options: rejoin_core::JoinOptions {
            last_event_id: Some("-1".into()),
            stream_modes: Vec::new(),
        },
    });
    let stream = bench.accept("/stream", "r1");
    assert_shown(&bench, &["hi", "Hello"]);
    bench.metadata(stream, "1", "r1");
    values(&mut bench, stream, "2", &[human("srv-1", "hi")]);
    assert_shown(&bench, &["hi", "Hello"]);
    bench.token(stream, "3", "a1", "Hello");
    assert_shown(&bench, &["hi", "Hello"]);
    values(
        &mut bench,
        stream,
        "4",
        &[human("srv-1", "hi"), ai("m1", "Hello")],
    );
    assert_shown(&bench, &["hi", "Hello"]);
    bench.token(stream, "5", "a2", "More");
    assert_shown(&bench, &["hi", "Hello", "More"]);
    assert_eq!(rows(&bench)[..2], before);
}

/// On a thread with a run that has come this far.
fn entered(messages: Vec<Value>) -> (Bench, AttemptId) {
    let mut page = Bench::new();
    page.feed(Input::ThreadSwitched {
        thread_id: Some("t".into()),
    });
    let texts: Vec<&str> = messages
        .iter()
        .filter_map(|m| m["content"].as_str())
        .collect();
    page.answer(
        "/state",
        200,
        &state("c1", None, messages.clone()).to_string(),
    );
    page.answer("/threads/t", 200, r#"{"thread_id":"t","status":"busy"}"#);
    assert_shown(&page, &texts);
    page.answer(
        "/runs?limit=100",
        200,
        r#"[{"run_id":"r1","thread_id":"t","status":"running"}]"#,
    );
    let stream = page.accept("/stream", "r1");
    page.metadata(stream, "1", "r1");
    assert_shown(&page, &texts);
    (page, stream)
}

#[test]
fn what_the_state_has_is_not_shown_again_while_the_run_is_replayed() {
    for (kept, stored) in [(Some("srv-1"), Some("lc-1")), (None, None)] {
        let all = vec![human(kept, "hi"), ai(stored, "Hello")];
        let (mut page, stream) = entered(all.clone());
        let before = rows(&page);
        values(&mut page, stream, "2", &all[..1]);
        assert_shown(&page, &["hi", "Hello"]);
        for (n, text) in ["", "Hel", "lo"].iter().enumerate() {
            page.token(stream, &format!("{}", n + 3), "a1", text);
            assert_shown(&page, &["hi", "Hello"]);
        }
        page.feed(Input::ChunkArrived {
            attempt: stream,
            bytes: b": heartbeat\n\n".to_vec(),
        });
        assert_shown(&page, &["hi", "Hello"]);
        values(&mut page, stream, "6", &all);
        assert_shown(&page, &["hi", "Hello"]);
        page.token(stream, "7", "a2", "More");
        assert_shown(&page, &["hi", "Hello", "More"]);
        assert_eq!(rows(&page)[..2], before);
        page.token(stream, "8", "a1", "lo");
        assert_shown(&page, &["hi", "Hello", "More"]);
    }
}

#[test]
fn an_answer_that_only_begins_like_a_stored_one_is_shown_once_it_differs() {
    let all = [human("srv-1", "hi"), ai("lc-1", "Hello")];
    let (mut page, stream) = entered(all.to_vec());
    page.token(stream, "2", "a1", "Hel");
    assert_shown(&page, &["hi", "Hello"]);
    page.token(stream, "3", "a1", "p!");
    assert_shown(&page, &["hi", "Hello", "Help!"]);
}

#[test]
fn an_earlier_turn_does_not_hold_an_answer_back() {
    let all = [human("1", "hi"), ai("2", "Hello"), human("3", "hi")];
    let (mut page, stream) = entered(all.to_vec());
    page.token(stream, "2", "a1", "Hel");
    assert_shown(&page, &["hi", "Hello", "hi", "Hel"]);
}

#[test]
fn an_answer_that_streams_is_not_taken_for_an_equal_one_that_was_stored_before() {
    let (mut bench, stream) = asked("hi");
    values(
        &mut bench,
        stream,
        "2",
        &[human("h", "hi"), ai("m1", "Yes")],
    );
    bench.token(stream, "3", "a2", "Yes");
    assert_shown(&bench, &["hi", "Yes", "Yes"]);
    let all = [human("h", "hi"), ai("m1", "Yes")];
    values(&mut bench, stream, "4", &all);
    assert_shown(&bench, &["hi", "Yes", "Yes"]);
    bench.token(stream, "5", "a2", ", indeed");
    assert_shown(&bench, &["hi", "Yes", "Yes, indeed"]);
}

#[test]
fn an_answer_is_not_taken_for_an_equal_one_of_an_earlier_turn() {
    for (text, config_bytes) in [("yes", 450), ("ye", 450), ("yes", 100_000)] {
        let mut bench = Bench::with(|config| config.record_bytes_max = config_bytes);
        bench.submit("a");
        let stream = bench.accept("/runs/stream", "r1");
        bench.metadata(stream, "1", "r1");
        let first = [human("h1", "a"), ai("m1", "yes")];
        values(&mut bench, stream, "2", &first);
        settled(&mut bench, stream, "r1", &["a", "yes"], &first);
        let stream = ask_again(&mut bench, "b", "r2");
        bench.token(stream, "2", "run-2", text);
        bench.feed(Input::PageHiding {
            wall_clock: rejoin_core::Millis(1_001_000),
        });
        let thread = bench.client.view().thread_id().unwrap().clone();

        let mut page = Bench::new();
        page.stored = bench.stored.clone();
        page.feed(Input::ThreadSwitched {
            thread_id: Some(thread.clone()),
        });
        // Where its question does not fit, an answer is not stored either: nothing would tell where it belongs.
        let painted = shown(&page);
        let expected = (config_bytes > 450).then_some(text);
        assert_eq!(painted.last().map(String::as_str), expected);
        let all = vec![first[0].clone(), first[1].clone(), human("h2", "b")];
        page.answer("/state", 200, &state("c1", None, all).to_string());
        let url = format!("/threads/{thread}");
        page.answer(&url, 200, r#"{"thread_id":"t","status":"busy"}"#);
        page.run_is("r2", "running");
        let stream = page.accept("/runs/r2/stream", "r2");
        if painted.is_empty() {
            assert_shown(&page, &["a", "yes", "b"]);
            page.metadata(stream, "1", "r2");
            values(
                &mut page,
                stream,
                "2",
                &[first.as_slice(), &[human("h2", "b")]].concat(),
            );
            page.token(stream, "3", "run-2", text);
        }
        assert_shown(&page, &["a", "yes", "b", text]);
    }
}

#[test]
fn a_message_that_comes_back_without_an_id_beside_one_that_kept_its_own_is_shown_once() {
    let mut bench = Bench::with(|config| config.endpoint = Endpoint::StreamOnly);
    let input = json!({ "messages": [human("own", "one"), human(None, "two")] });
    bench.feed(Input::SubmitRequested {
        command: CommandId(1),
        submission: Box::new(Submission {
            input: Some(Json::from_value(&input).unwrap()),
            ..Submission::default()
        }),
    });
    let stream = bench.accept("/runs/stream", "r1");
    assert_shown(&bench, &["one", "two"]);
    let before = rows(&bench);
    let echo = [human("own", "one"), human(None, "two"), ai("a1", "yes")];
    values(&mut bench, stream, "", &echo);
    assert_shown(&bench, &["one", "two", "yes"]);
    assert_eq!(rows(&bench)[..2], before);
}

/// What an earlier run streamed stands at the end of the list where that run is joined again. It has lost no place there to what the
/// later turn goes on with.
#[test]
fn a_part_of_an_earlier_turn_stays_where_a_later_turn_goes_on() {
    let (mut bench, first) = asked("one");
    let id_of = |bench: &Bench, at: usize| bench.client.view().messages()[at].id().to_string();
    let one = json!({ "type": "human", "id": id_of(&bench, 0), "content": "one" });
    values(&mut bench, first, "2", std::slice::from_ref(&one));
    bench.feed(Input::StopRequested);

    let second = ask_again(&mut bench, "two", "r2");
    let two = json!({ "type": "human", "id": id_of(&bench, 1), "content": "two" });
    values(&mut bench, second, "3", &[one.clone(), two.clone()]);
    bench.token(second, "4", "m2", "second");

    bench.feed(Input::JoinRequested {
        command: CommandId(3),
        run_id: Some("r1".into()),
        options: JoinOptions::default(),
    });
    let joined = bench.accept("/runs/r1/stream", "r1");
    bench.metadata(joined, "1", "r1");
    values(&mut bench, joined, "2", std::slice::from_ref(&one));
    bench.token(joined, "5", "m1", "first");
    bench.end(joined);
    bench.run_is("r1", "interrupted");
    let state = json!({ "values": { "messages": [one, two, ai("m2", "second"), ai("m3", "third")] }, "next": [], "tasks": [] });
    bench.answer("/state", 200, &state.to_string());
    assert_eq!(bench.text("m1"), "first");
    assert_eq!(bench.text("m3"), "third");
}

/// An older run is joined by hand while the answer of an edit is on its way. The older question stands before the edited one in the
/// rows, and the state without ids has only the edited one, at the older one's place.
#[test]
fn a_question_without_an_id_is_the_one_that_says_the_same_wherever_it_stands() {
    let (mut bench, first) = asked("one");
    values(
        &mut bench,
        first,
        "2",
        &[human(None, "one"), ai(None, "odd")],
    );
    bench.feed(Input::StopRequested);

    let second = ask_again(&mut bench, "edited", "r2");
    let edited = [human(None, "edited"), ai(None, "odd")];
    values(&mut bench, second, "3", &edited);
    bench.token(second, "4", "m2", "second");
    let row = |bench: &Bench| {
        let at = shown(bench).iter().position(|text| text == "edited");
        rows(bench)[at.unwrap()].clone()
    };
    let before = row(&bench);

    bench.feed(Input::JoinRequested {
        command: CommandId(3),
        run_id: Some("r1".into()),
        options: JoinOptions::default(),
    });
    let joined = bench.accept("/runs/r1/stream", "r1");
    bench.metadata(joined, "1", "r1");
    values(
        &mut bench,
        joined,
        "2",
        &[human(None, "one"), ai(None, "odd")],
    );
    bench.end(joined);
    bench.answer("/runs/r1", 404, "{}");
    let state = json!({ "values": { "messages": edited }, "next": [], "tasks": [] });
    bench.answer("/state", 200, &state.to_string());
    assert_eq!(row(&bench), before);
    assert_eq!(bench.text("m2"), "second");
}

/// A list of runs: the id of each, its status, and the id of the question with which it was begun.
fn listed(runs: &[(&str, &str, &str)]) -> String {
    let run = |(id, status, question): &(&str, &str, &str)| {
        let input = json!({ "messages": [{ "type": "human", "id": question, "content": "?" }] });
        json!({ "run_id": id, "status": status, "kwargs": { "input": input } })
    };
    runs.iter().map(run).collect::<Value>().to_string()
}

/// A page that has entered a thread with this state while `r1` runs on it, whose stream brings an answer and no values.
fn following_without_values(state: &str) -> (Bench, AttemptId) {
    let mut bench = Bench::new();
    bench.feed(Input::ThreadSwitched {
        thread_id: Some("t".into()),
    });
    bench.answer("/state", 200, state);
    bench.answer("/threads/t", 200, r#"{"thread_id":"t","status":"busy"}"#);
    bench.answer("/runs?limit=100", 200, &listed(&[("r1", "running", "q1")]));
    let stream = bench.accept("/runs/r1/stream", "r1");
    bench.metadata(stream, "1", "r1");
    bench.token(stream, "2", "a1", "old answer");
    (bench, stream)
}

/// Another tab has begun `r2`, whose values these are.
fn begun_elsewhere(bench: &mut Bench, messages: &[Value]) -> AttemptId {
    bench.feed(Input::RunBegunElsewhere);
    let runs = [("r2", "running", "q2"), ("r1", "interrupted", "q1")];
    bench.answer("/runs?limit=100", 200, &listed(&runs));
    let stream = bench.accept("/runs/r2/stream", "r2");
    bench.metadata(stream, "1", "r2");
    values(bench, stream, "2", messages);
    stream
}

#[test]
fn a_question_edited_in_another_tab_takes_its_answer_along() {
    let old = state("1", None, vec![human("q1", "question")]).to_string();
    let (mut bench, stream) = following_without_values(&old);
    assert_shown(&bench, &["question", "old answer"]);
    bench.end(stream);
    bench.run_is("r1", "interrupted");
    bench.answer("/state", 200, &old);
    assert_shown(&bench, &["question", "old answer"]);
    let stream = begun_elsewhere(&mut bench, &[human("q2", "another")]);
    bench.token(stream, "3", "a2", "new");
    assert_shown(&bench, &["another", "new"]);
    let edited = [human("q2", "another"), ai("a2", "new")];
    bench.end(stream);
    bench.run_is("r2", "success");
    bench.answer("/state", 200, &state("3", None, edited.into()).to_string());
    assert_shown(&bench, &["another", "new"]);
}
