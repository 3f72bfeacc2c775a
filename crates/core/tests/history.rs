//! The thread's states: read on entering, after a run and on demand; provided by somebody else; laid over.

#![allow(clippy::unwrap_used)] // A panic is how a test fails.

mod support;

use rejoin_core::{
    BranchesInput, CommandId, Input, MessageOrigin, Notice, Outcome, Submission, wire::Json,
};
use serde_json::{Value, json};
use support::Bench;

/// A state of a thread and its messages as (id, kind, text).
fn state(id: &str, parent: Option<&str>, messages: &[(&str, &str, &str)]) -> Value {
    let messages = messages
        .iter()
        .map(|(id, kind, text)| json!({ "id": id, "type": kind, "content": text }));
    support::state(id, parent, messages.collect())
}

const ASKED: (&str, &str, &str) = ("h", "human", "hi");
const ANSWERED: (&str, &str, &str) = ("m", "ai", "hello");

/// A question and its answer, newest first.
fn talk() -> Vec<Value> {
    vec![
        state("3", Some("2"), &[ASKED, ANSWERED]),
        state("2", Some("1"), &[ASKED]),
        state("1", None, &[]),
    ]
}

fn with_history() -> Bench {
    Bench::with(|config| config.history_limit = Some(10))
}

fn enter(bench: &mut Bench, states: &[Value]) {
    bench.feed(Input::ThreadSwitched {
        thread_id: Some("t".into()),
    });
    bench.answer("/history", 200, &json!(states).to_string());
    bench.answer("/threads/t", 200, r#"{"thread_id":"t","status":"idle"}"#);
}

fn shown(bench: &Bench) -> Vec<String> {
    let slots = bench.client.view().messages().iter();
    slots
        .map(|slot| slot.message.content.text().into_owned())
        .collect()
}

#[test]
fn entering_a_thread_reads_its_history_in_place_of_its_state() {
    let mut bench = with_history();
    bench.feed(Input::ThreadSwitched {
        thread_id: Some("t".into()),
    });
    let (_, request) = bench.asked("/threads/t/history");
    assert_eq!(request.body.unwrap().text(), r#"{"limit":10}"#);
    assert!(
        bench
            .open
            .iter()
            .all(|(_, request)| !request.url.ends_with("/state"))
    );
    assert!(bench.client.view().is_thread_loading() && bench.client.view().is_history_loading());
    bench.answer("/history", 200, &json!(talk()).to_string());
    bench.answer("/threads/t", 200, r#"{"thread_id":"t","status":"idle"}"#);
    let view = bench.client.view();
    assert!(!view.is_history_loading());
    assert_eq!(shown(&bench), ["hi", "hello"]);
    let ids: Vec<_> = view
        .history()
        .iter()
        .map(|state| state.checkpoint_id.clone())
        .collect();
    assert_eq!(ids, [Some("3".into()), Some("2".into()), Some("1".into())]);
    let head: Value = view.head().unwrap().read().unwrap();
    assert_eq!(head, talk()[0]);
}

#[test]
fn without_a_history_the_head_is_the_state() {
    let mut bench = Bench::new();
    bench.feed(Input::ThreadSwitched {
        thread_id: Some("t".into()),
    });
    bench.answer("/state", 200, &talk()[0].to_string());
    bench.answer("/threads/t", 200, r#"{"thread_id":"t","status":"idle"}"#);
    let view = bench.client.view();
    assert!(view.history().is_empty() && view.branch().is_empty());
    let head: Value = view.head().unwrap().read().unwrap();
    assert_eq!(head, talk()[0]);
    let place = view.message_branch(&"m".into());
    assert_eq!((place.first_seen, place.branch), (None, None));
    bench.feed(Input::ThreadSwitched { thread_id: None });
    assert!(bench.client.view().head().is_none());
}

#[test]
fn the_history_is_read_again_when_a_run_is_over() {
    let mut bench = with_history();
    enter(&mut bench, &talk()[1..]);
    let before = bench.client.view().revision();
    bench.submit("more");
    let stream = bench.accept("/runs/stream", "r");
    bench.metadata(stream, "0", "r");
    bench.token(stream, "1", "m", "hel");
    bench.end(stream);
    bench.run_is("r", "success");
    assert!(bench.client.view().is_loading());
    bench.answer("/history", 200, &json!(talk()).to_string());
    let view = bench.client.view();
    assert_eq!(bench.outcome(), Some(Outcome::Finished));
    assert_eq!(
        (shown(&bench), view.history().len()),
        (vec!["hi".to_owned(), "hello".to_owned()], 3)
    );
    let changes = view.changes_since(before);
    assert!(changes.history && changes.head);
}

#[test]
fn a_history_that_cannot_be_read_costs_nothing_that_is_shown() {
    let mut bench = with_history();
    enter(&mut bench, &talk());
    bench.feed(Input::Branches(BranchesInput::HistoryRequested));
    assert!(bench.client.view().is_history_loading());
    bench.answer("/history", 500, "oops");
    assert_eq!(bench.warnings(), ["history_unavailable"]);
    assert_eq!(
        (shown(&bench).len(), bench.client.view().history().len()),
        (2, 3)
    );
    bench.feed(Input::Branches(BranchesInput::HistoryRequested));
    bench.answer("/history", 200, "{}");
    assert_eq!(bench.warnings().len(), 2);
    bench.feed(Input::Branches(BranchesInput::HistoryRequested));
    bench.pass(20_000);
    assert_eq!(bench.warnings().len(), 3);
    assert!(!bench.client.view().is_history_loading() && bench.open.is_empty());
    bench.feed(Input::Branches(BranchesInput::HistoryRequested));
    bench.feed(Input::ThreadSwitched { thread_id: None });
    assert!(bench.open.is_empty() && bench.client.view().history().is_empty());
}

#[test]
fn a_history_read_beside_a_run_does_not_disturb_it() {
    let mut bench = with_history();
    enter(&mut bench, &talk()[1..]);
    bench.submit("more");
    let stream = bench.accept("/runs/stream", "r");
    bench.metadata(stream, "0", "r");
    bench.token(stream, "1", "m2", "text ");
    bench.feed(Input::Branches(BranchesInput::HistoryRequested));
    bench.answer("/history", 200, &json!(talk()).to_string());
    assert_eq!(bench.client.view().history().len(), 3);
    assert_eq!(shown(&bench), ["hi", "more", "text "]);
    bench.token(stream, "2", "m2", "goes on");
    assert_eq!(bench.text("m2"), "text goes on");
}

#[test]
fn a_thread_that_has_no_state_yet_shows_the_initial_values() {
    let initial =
        json!({ "messages": [{ "id": "w", "type": "ai", "content": "welcome" }], "topic": "none" });
    let mut bench = Bench::with(|config| {
        config.history_limit = Some(10);
        config.initial_values = Some(Json::from_value(&initial).unwrap());
    });
    assert_eq!(shown(&bench), ["welcome"]);
    enter(&mut bench, &[]);
    assert_eq!(shown(&bench), ["welcome"]);
    let values: Value = bench.client.view().values().read().unwrap();
    assert_eq!(values, initial);
    bench.submit("hi");
    let stream = bench.accept("/runs/stream", "r");
    bench.metadata(stream, "0", "r");
    assert_eq!(shown(&bench), ["welcome", "hi"]);
    bench.event(
        stream,
        "1",
        "values",
        r#"{"messages":[{"id":"h","type":"human","content":"hi"}]}"#,
    );
    let texts = shown(&bench);
    assert!(!texts.contains(&"welcome".to_owned()), "{texts:?}");
    bench.feed(Input::ThreadSwitched { thread_id: None });
    bench.stored.clear();
    enter(&mut bench, &talk());
    assert_eq!(shown(&bench), ["hi", "hello"]);
    bench.feed(Input::ThreadSwitched { thread_id: None });
    assert_eq!(shown(&bench), ["welcome"]);
}

#[test]
fn somebody_elses_history_is_shown_without_a_request() {
    let mut bench = Bench::with(|config| config.load_thread = false);
    bench.feed(Input::ThreadSwitched {
        thread_id: Some("t".into()),
    });
    assert_eq!(
        bench.open.len(),
        1,
        "only whether a run is active: {:?}",
        bench.open
    );
    bench.answer("/threads/t", 200, r#"{"thread_id":"t","status":"idle"}"#);
    assert!(shown(&bench).is_empty() && !bench.client.view().is_thread_loading());
    bench.feed(Input::Branches(BranchesInput::HistoryProvided {
        states: Json::from_value(&talk()).unwrap(),
    }));
    assert_eq!(
        (shown(&bench).len(), bench.client.view().history().len()),
        (2, 3)
    );
    bench.feed(Input::Branches(BranchesInput::HistoryProvided {
        states: Json::parse("7".to_owned()).unwrap(),
    }));
    assert_eq!(bench.warnings(), ["history_unavailable"]);
    assert_eq!(shown(&bench).len(), 2);
}

#[test]
fn values_laid_over_stay_until_the_server_says_otherwise() {
    let mut bench = with_history();
    enter(&mut bench, &talk());
    let before: Vec<_> = bench.client.view().messages().to_vec();
    let lay = json!({ "topic": "new", "messages": [
        { "id": "h", "type": "human", "content": "hi" },
        { "id": "m", "type": "ai", "content": "edited" },
        { "id": "x", "type": "ai", "content": "mine" },
    ]});
    bench.feed(Input::ValuesMutated {
        values: Json::from_value(&lay).unwrap(),
    });
    assert_eq!(shown(&bench), ["hi", "edited", "mine"]);
    let slots = bench.client.view().messages();
    assert!(std::sync::Arc::ptr_eq(
        &slots[0].message,
        &before[0].message
    ));
    assert_eq!(slots[0].revision, before[0].revision);
    assert_eq!(slots[2].origin, MessageOrigin::Optimistic);
    let values: Value = bench.client.view().values().read().unwrap();
    assert_eq!(values["topic"], "new");
    bench.feed(Input::Branches(BranchesInput::HistoryRequested));
    bench.answer("/history", 200, &json!(talk()).to_string());
    assert_eq!(shown(&bench), ["hi", "hello"]);
    let values: Value = bench.client.view().values().read().unwrap();
    assert!(values.get("topic").is_none());
}

#[test]
fn optimistic_messages_give_way_to_the_servers_values() {
    let mut bench = with_history();
    enter(&mut bench, &talk());
    let optimistic = json!({ "messages": [
        { "id": "h", "type": "human", "content": "hi" },
        { "id": "m", "type": "ai", "content": "hello" },
        { "type": "human", "content": "more" },
        { "type": "ai", "content": "thinking" },
    ]});
    let submission = Submission {
        input: Some(
            Json::from_value(&json!({ "messages": [{ "type": "human", "content": "more" }] }))
                .unwrap(),
        ),
        optimistic_values: Some(Json::from_value(&optimistic).unwrap()),
        ..Submission::default()
    };
    bench.feed(Input::SubmitRequested {
        command: CommandId(1),
        submission: Box::new(submission),
    });
    assert_eq!(shown(&bench), ["hi", "hello", "more", "thinking"]);
    let (_, request) = bench.asked("/runs/stream");
    let body: Value = request.body.unwrap().read().unwrap();
    let sent = body["input"]["messages"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let slots = bench.client.view().messages();
    assert_eq!(
        slots[2].id().as_str(),
        sent,
        "the one that is sent is the one that is shown"
    );
    let stream = bench.accept("/runs/stream", "r");
    bench.metadata(stream, "0", "r");
    let values = json!({ "messages": [
        { "id": "h", "type": "human", "content": "hi" },
        { "id": "m", "type": "ai", "content": "hello" },
        { "id": sent, "type": "human", "content": "more" },
    ]});
    bench.event(stream, "1", "values", &values.to_string());
    assert_eq!(shown(&bench), ["hi", "hello", "more"]);
}

#[test]
fn a_stop_keeps_what_was_streamed_and_a_rejoin_after_the_history_was_read_goes_on() {
    let mut bench = with_history();
    enter(&mut bench, &talk()[1..]);
    bench.submit("more");
    let stream = bench.accept("/runs/stream", "r");
    bench.metadata(stream, "0", "r");
    bench.token(stream, "1", "m2", "a ");
    bench.token(stream, "2", "m2", "b ");
    bench.feed(Input::StopRequested);
    bench.feed(Input::Branches(BranchesInput::HistoryRequested));
    bench.answer("/history", 200, &json!(&talk()[1..]).to_string());
    assert_eq!(shown(&bench), ["hi", "more", "a b "]);
    bench.feed(Input::JoinRequested {
        command: CommandId(2),
        run_id: None,
        options: rejoin_core::JoinOptions::default(),
    });
    let join = bench.accept("/runs/r/stream", "r");
    bench.token(join, "2", "m2", "b ");
    bench.token(join, "3", "m2", "c ");
    assert_eq!(bench.text("m2"), "a b c ");
}

#[test]
fn a_listened_event_is_told_once_and_no_other() {
    let mut bench = Bench::new();
    let told = |bench: &Bench| -> Vec<String> {
        let name = |notice: &Notice| match notice {
            Notice::EventApplied(event) => Some(event.name.as_str().to_owned()),
            _ => None,
        };
        bench.notices.iter().filter_map(name).collect()
    };
    bench.feed(Input::EventsListened {
        names: vec![
            "metadata".to_owned(),
            "values".to_owned(),
            "tasks".to_owned(),
        ],
    });
    bench.submit("hi");
    let stream = bench.accept("/runs/stream", "r");
    bench.metadata(stream, "0", "r");
    bench.event(stream, "1", "values|child:1", r#"{"messages":[]}"#);
    bench.event(stream, "2", "custom", r#"{"percent":1}"#);
    bench.token(stream, "3", "m", "a");
    bench.event(stream, "4", "tasks|child:1", "{}");
    bench.cut(stream);
    bench.pass(500);
    let join = bench.accept("/runs/r/stream", "r");
    bench.event(join, "4", "tasks|child:1", "{}");
    bench.event(join, "5", "tasks", "{}");
    assert_eq!(told(&bench), ["metadata", "values", "tasks", "tasks"]);
    assert!(
        bench.client.view().values().is_null(),
        "a subgraph's values are not the thread's"
    );
}

#[test]
fn a_history_asked_for_before_a_run_was_over_is_not_shown_after_it() {
    let mut bench = with_history();
    enter(&mut bench, &talk()[1..]);
    bench.feed(Input::Branches(BranchesInput::HistoryRequested));
    let (early, _) = bench.asked("/history");
    bench.submit("more");
    let stream = bench.accept("/runs/stream", "r");
    bench.metadata(stream, "0", "r");
    bench.end(stream);
    bench.run_is("r", "success");
    assert!(bench.aborted.contains(&early));
    bench.answer("/history", 200, &json!(talk()).to_string());
    assert_eq!(shown(&bench), ["hi", "hello"]);
    assert!(bench.open.is_empty() && !bench.client.view().is_history_loading());
}
