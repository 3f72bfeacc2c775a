//! Messages from within tools, in lists of their own; and what readers are told of a message's growth.

#![allow(clippy::unwrap_used)] // A panic is how a test fails.

mod support;

use rejoin_core::{AttemptId, Input};
use support::Bench;

const NAMESPACE: &str = "tools:call_1|model:2";

fn inner(bench: &mut Bench, attempt: AttemptId, id: &str, text: &str) {
    let data =
        format!(r#"[{{"type":"AIMessageChunk","id":"s","content":"{text}"}},{{"node":"inner"}}]"#);
    bench.event(attempt, id, &format!("messages|{NAMESPACE}"), &data);
}

/// A run that has streamed "x y " of message `s` within a tool, after the thread's own "a ".
fn streaming(split: bool) -> (Bench, AttemptId) {
    let mut bench = Bench::with(|config| config.split_subgraphs = split);
    bench.submit("hi");
    let stream = bench.accept("/runs/stream", "r");
    bench.metadata(stream, "0", "r");
    bench.token(stream, "1", "m", "a ");
    inner(&mut bench, stream, "2", "x ");
    inner(&mut bench, stream, "3", "y ");
    (bench, stream)
}

/// Namespace, message and text of each message that is in a list of its own.
fn lists(bench: &Bench) -> Vec<(String, String, String)> {
    let mut lists = Vec::new();
    for list in bench.client.view().subgraphs() {
        for slot in list.messages {
            let text = slot.message.content.text().into_owned();
            lists.push((list.namespace.to_owned(), slot.id().to_string(), text));
        }
    }
    lists
}

fn list_of(text: &str) -> Vec<(String, String, String)> {
    vec![(NAMESPACE.to_owned(), "s".to_owned(), text.to_owned())]
}

#[test]
fn a_tools_messages_have_their_own_list_where_that_is_asked_for() {
    let (bench, _) = streaming(true);
    assert_eq!(
        (bench.text("s").as_str(), lists(&bench)),
        ("", list_of("x y "))
    );
    let (bench, _) = streaming(false);
    assert_eq!((bench.text("s").as_str(), lists(&bench)), ("x y ", vec![]));
}

#[test]
fn other_subgraphs_messages_are_the_threads() {
    let (mut bench, stream) = streaming(true);
    let data = r#"[{"type":"AIMessageChunk","id":"c","content":"child"},{}]"#;
    bench.event(stream, "4", "messages|child:1", data);
    assert_eq!(bench.text("c"), "child");
}

#[test]
fn a_change_within_a_tool_is_a_change_of_the_view() {
    let (mut bench, stream) = streaming(true);
    let before = bench.client.view().revision();
    inner(&mut bench, stream, "4", "z ");
    let view = bench.client.view();
    let list = view.subgraphs().next().unwrap();
    assert!(view.revision() > before && list.messages[0].revision > before);
    assert!(list.messages[0].reshaped <= before && list.order_revision <= before);
}

#[test]
fn a_replay_doubles_nothing_within_tools() {
    let (mut bench, stream) = streaming(true);
    bench.cut(stream);
    bench.pass(500);
    // A gap: everything is asked for again.
    let join = bench.accept("/runs/r/stream", "r");
    inner(&mut bench, join, "9", "zzz ");
    let replay = bench.accept("/runs/r/stream", "r");
    bench.metadata(replay, "0", "r");
    bench.token(replay, "1", "m", "a ");
    inner(&mut bench, replay, "2", "x ");
    assert_eq!(
        lists(&bench),
        list_of("x y "),
        "what is shown stays until the replay has it"
    );
    inner(&mut bench, replay, "3", "y ");
    inner(&mut bench, replay, "4", "z ");
    assert_eq!(
        (bench.text("m").as_str(), lists(&bench)),
        ("a ", list_of("x y z "))
    );
    inner(&mut bench, replay, "5", "!");
    assert_eq!(lists(&bench), list_of("x y z !"));
}

#[test]
fn a_reload_fetches_what_was_streamed_within_tools() {
    let (mut bench, _) = streaming(true);
    bench.feed(Input::StopRequested);
    let mut page = Bench::with(|config| config.split_subgraphs = true);
    page.stored = bench.stored.clone();
    let thread = bench.client.view().thread_id().cloned().unwrap();
    page.feed(Input::ThreadSwitched {
        thread_id: Some(thread.clone()),
    });
    page.answer("/state", 200, r#"{"values":{"messages":[]}}"#);
    page.answer(
        &format!("/threads/{thread}"),
        200,
        r#"{"thread_id":"t","status":"busy"}"#,
    );
    page.run_is("r", "running");
    let (_, request) = page.asked("/runs/r/stream");
    assert_eq!(
        Bench::header(&request, "last-event-id").as_deref(),
        Some("-1")
    );
    let join = page.accept("/runs/r/stream", "r");
    page.metadata(join, "0", "r");
    page.token(join, "1", "m", "a ");
    inner(&mut page, join, "2", "x ");
    inner(&mut page, join, "3", "y ");
    assert_eq!(
        (page.text("m").as_str(), lists(&page)),
        ("a ", list_of("x y "))
    );
}

#[test]
fn a_run_that_starts_over_leaves_nothing_of_its_first_attempt_within_tools() {
    let (mut bench, stream) = streaming(true);
    bench.event(stream, "4", "metadata", r#"{"run_id":"r","attempt":2}"#);
    assert_eq!(lists(&bench), []);
    let data = r#"[{"type":"AIMessageChunk","id":"s2","content":"new"},{}]"#;
    bench.event(stream, "5", "messages|tools:call_9", data);
    assert_eq!(lists(&bench).len(), 1);
    bench.feed(Input::ThreadSwitched { thread_id: None });
    assert_eq!(bench.client.view().subgraphs().count(), 0);
}

#[test]
fn a_message_tells_whether_only_text_was_appended() {
    let (mut bench, stream) = streaming(false);
    let slot = |bench: &Bench| {
        let slots = bench.client.view().messages().iter();
        let slot = slots
            .into_iter()
            .find(|slot| slot.id().as_str() == "m")
            .unwrap();
        (slot.revision, slot.reshaped)
    };
    let mut check = |id: &str, chunk: &str, only_text: bool| {
        let before = slot(&bench);
        let data = format!(r#"[{{"type":"AIMessageChunk","id":"m",{chunk}}},{{}}]"#);
        bench.event(stream, id, "messages", &data);
        let after = slot(&bench);
        assert!(after.0 > before.0, "{chunk}");
        assert_eq!(after.1 == before.1, only_text, "{chunk}");
    };
    check("4", r#""content":"b ""#, true);
    check(
        "5",
        r#""content":"c ","response_metadata":{"model_provider":"p"}"#,
        false,
    );
    check(
        "6",
        r#""content":"d ","response_metadata":{"model_provider":"p"}"#,
        true,
    );
    check(
        "7",
        r#""content":"","usage_metadata":{"output_tokens":1}"#,
        false,
    );
    check(
        "8",
        r#""content":"","tool_call_chunks":[{"name":"f","args":"","id":"c","index":0}]"#,
        false,
    );
    check("9", r#""content":"e ""#, true);
    check(
        "10",
        r#""content":[{"type":"text","text":"f","index":0}]"#,
        false,
    );
    assert_eq!(bench.text("m"), "a b c d e f");
}

#[test]
fn a_message_keeps_what_the_stream_said_of_it() {
    let (mut bench, stream) = streaming(true);
    let said = |bench: &Bench| {
        let list = bench.client.view().subgraphs().next().unwrap();
        list.messages[0]
            .metadata
            .as_ref()
            .map(|json| json.text().to_owned())
    };
    assert_eq!(said(&bench).as_deref(), Some(r#"{"node":"inner"}"#));
    bench.event(
        stream,
        "4",
        "messages",
        r#"[{"type":"AIMessageChunk","id":"m","content":"b"},{"step":2}]"#,
    );
    bench.event(
        stream,
        "5",
        "values",
        r#"{"messages":[{"type":"ai","id":"m","content":"a b, and whole"}]}"#,
    );
    let slots = bench.client.view().messages();
    let slot = slots.iter().find(|slot| slot.id().as_str() == "m").unwrap();
    assert_eq!(slot.message.content.text(), "a b, and whole");
    assert_eq!(slot.metadata.as_ref().unwrap().text(), r#"{"step":2}"#);
}
