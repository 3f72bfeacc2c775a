//! The tree that a history forms, which branch of it is shown, and where a submission starts from.

#![allow(clippy::unwrap_used)] // A panic is how a test fails.

mod support;

use rejoin_core::{BranchesInput, CommandId, Input, JoinOptions, Submission, wire::Json};
use serde_json::{Value, json};
use support::Bench;

/// A state of a thread whose messages are named here, those of people with an `h`.
fn state(id: &str, parent: Option<&str>, messages: &[&str]) -> Value {
    let kind = |id: &str| if id.starts_with('h') { "human" } else { "ai" };
    let messages = messages
        .iter()
        .map(|id| json!({ "id": id, "type": kind(id), "content": id }));
    support::state(id, parent, messages.collect())
}

/// One question, answered (3), answered again (4), and the second answer followed up (5, 6) and that once more (7).
fn forked() -> Vec<Value> {
    vec![
        state("7", Some("5"), &["h", "m4", "h5", "m7"]),
        state("6", Some("5"), &["h", "m4", "h5", "m6"]),
        state("5", Some("4"), &["h", "m4", "h5"]),
        state("4", Some("2"), &["h", "m4"]),
        state("3", Some("2"), &["h", "m3"]),
        state("2", Some("1"), &["h"]),
        state("1", None, &[]),
    ]
}

fn entered(states: &[Value]) -> Bench {
    let mut bench = Bench::with(|config| config.history_limit = Some(100));
    bench.feed(Input::ThreadSwitched {
        thread_id: Some("t".into()),
    });
    bench.answer("/history", 200, &json!(states).to_string());
    bench.answer("/threads/t", 200, r#"{"thread_id":"t","status":"idle"}"#);
    bench
}

fn select(bench: &mut Bench, branch: &str) {
    bench.feed(Input::Branches(BranchesInput::Selected {
        branch: branch.to_owned(),
    }));
}

fn shown(bench: &Bench) -> Vec<&str> {
    let slots = bench.client.view().messages().iter();
    slots.map(|slot| slot.id().as_str()).collect()
}

/// Each shown message's first state's checkpoint, branch and options, where it has any.
fn places(bench: &Bench) -> Vec<(String, Option<String>, Vec<String>)> {
    let view = bench.client.view();
    let place = |slot: &rejoin_core::MessageSlot| {
        let place = view.message_branch(slot.id());
        let first = &view.history()[place.first_seen?];
        let first = first.checkpoint_id.as_ref()?.to_string();
        Some((first, place.branch, place.options))
    };
    view.messages().iter().filter_map(place).collect()
}

fn submit(bench: &mut Bench, submission: Submission) -> Value {
    bench.feed(Input::SubmitRequested {
        command: CommandId(1),
        submission: Box::new(submission),
    });
    let (_, request) = bench.asked("/runs/stream");
    request.body.unwrap().read().unwrap()
}

fn node(state: usize, path: &[&str]) -> Value {
    json!({ "type": "node", "state": state, "path": path })
}

fn sequence(items: &[Value]) -> Value {
    json!({ "type": "sequence", "items": items })
}

fn fork(items: &[Value]) -> Value {
    json!({ "type": "fork", "items": items })
}

#[test]
fn histories_become_trees() {
    let check = |states: &[Value], expected: Value| {
        let tree = entered(states).client.view().branch_tree();
        assert_eq!(serde_json::from_str::<Value>(&tree).unwrap(), expected);
    };
    check(&[], sequence(&[]));
    check(&[state("9", Some("8"), &[])], sequence(&[node(0, &[])]));
    let line = [state("2", Some("1"), &[]), state("1", None, &[])];
    check(&line, sequence(&[node(1, &[]), node(0, &[])]));
    let last = fork(&[
        sequence(&[node(1, &["4", "6"])]),
        sequence(&[node(0, &["4", "7"])]),
    ]);
    let first = fork(&[
        sequence(&[node(4, &["3"])]),
        sequence(&[node(3, &["4"]), node(2, &["4"]), last]),
    ]);
    check(&forked(), sequence(&[node(6, &[]), node(5, &[]), first]));
    // A history that was cut off: what comes from the same unknown state as the newest one is the tree.
    let roots = fork(&[
        sequence(&[node(4, &["3"])]),
        sequence(&[
            node(3, &["4"]),
            node(2, &["4"]),
            fork(&[
                sequence(&[node(1, &["4", "6"])]),
                sequence(&[node(0, &["4", "7"])]),
            ]),
        ]),
    ]);
    check(&forked()[..5], sequence(&[roots]));
    let strangers = [
        state("4", Some("x"), &[]),
        state("3", Some("y"), &[]),
        state("2", Some("x"), &[]),
    ];
    let two = fork(&[sequence(&[node(2, &["2"])]), sequence(&[node(0, &["4"])])]);
    check(&strangers, sequence(&[two]));
    // What no server should send: a ring, a state that is its own parent, one id twice, an id that needs escaping.
    check(
        &[state("2", Some("1"), &[]), state("1", Some("2"), &[])],
        sequence(&[]),
    );
    check(
        &[state("2", Some("2"), &[]), state("1", None, &[])],
        sequence(&[node(1, &[])]),
    );
    let twice = [
        state("a\"", Some("1"), &[]),
        state("a\"", Some("1"), &[]),
        state("1", None, &[]),
    ];
    let two = fork(&[
        sequence(&[node(1, &["a\""])]),
        sequence(&[node(0, &["a\""])]),
    ]);
    check(&twice, sequence(&[node(2, &[]), two]));
}

#[test]
fn messages_tell_their_branches_once() {
    let bench = entered(&forked());
    assert_eq!(shown(&bench), ["h", "m4", "h5", "m7"]);
    let own = |text: &str| text.to_owned();
    let first_fork = vec![own("3"), own("4")];
    let last_fork = vec![own("4>6"), own("4>7")];
    assert_eq!(
        places(&bench),
        [
            (own("2"), None, vec![]),
            (own("4"), Some(own("4")), first_fork),
            (own("5"), None, vec![]),
            (own("7"), Some(own("4>7")), last_fork),
        ]
    );
}

#[test]
fn a_selected_branch_is_shown_as_it_ended() {
    let mut bench = entered(&forked());
    let before = bench.client.view().revision();
    select(&mut bench, "3");
    assert_eq!(shown(&bench), ["h", "m3"]);
    assert_eq!(bench.client.view().branch(), "3");
    let changes = bench.client.view().changes_since(before);
    assert!(changes.history && changes.head && changes.order);
    let head: Value = bench.client.view().head().unwrap().read().unwrap();
    assert_eq!(head, forked()[4]);
    select(&mut bench, "4>6");
    assert_eq!(shown(&bench), ["h", "m4", "h5", "m6"]);
    select(&mut bench, "4");
    assert_eq!(shown(&bench), ["h", "m4", "h5", "m7"]);
    select(&mut bench, "nonsense>6");
    assert_eq!(
        shown(&bench),
        ["h", "m4", "h5", "m6"],
        "the rest of the name still counts"
    );
    select(&mut bench, "");
    assert_eq!(shown(&bench), ["h", "m4", "h5", "m7"]);
    assert!(bench.open.is_empty(), "nothing is asked for a branch");
}

#[test]
fn the_newest_branch_is_the_one_with_the_newest_state() {
    // The older answer (3) was followed up last.
    let mut states = forked();
    states.insert(0, state("8", Some("3"), &["h", "m3", "h8"]));
    let bench = entered(&states);
    assert_eq!(shown(&bench), ["h", "m3", "h8"]);
    assert_eq!(places(&bench)[1].1.as_deref(), Some("3"));
}

#[test]
fn a_submission_goes_on_from_the_branch_that_is_shown() {
    let mut bench = entered(&forked());
    select(&mut bench, "3");
    let body = submit(&mut bench, Submission::default());
    assert_eq!(
        body["checkpoint"],
        json!({ "checkpoint_ns": "", "checkpoint_id": "3" })
    );
    assert_eq!(shown(&bench), ["h", "m3"]);
    assert_eq!(bench.client.view().branch(), "");
    let stream = bench.accept("/runs/stream", "r");
    bench.metadata(stream, "0", "r");
    bench.event(stream, "1", "values", &forked()[4]["values"].to_string());
    bench.token(stream, "2", "m8", "new");
    assert_eq!(shown(&bench), ["h", "m3", "m8"]);
    bench.end(stream);
    bench.run_is("r", "success");
    let mut states = forked();
    states.insert(0, state("8", Some("3"), &["h", "m3", "m8"]));
    bench.answer("/history", 200, &json!(states).to_string());
    assert_eq!(
        (shown(&bench), bench.client.view().branch()),
        (vec!["h", "m3", "m8"], "")
    );
}

#[test]
fn on_the_newest_branch_no_checkpoint_is_sent() {
    let mut bench = entered(&forked());
    let body = submit(&mut bench, Submission::default());
    assert!(
        body.get("checkpoint").is_none(),
        "another client may have gone on: {body}"
    );
}

/// `langgraphjs dev` keeps a run's `checkpoint_id` with the thread and starts later runs there that name none.
#[test]
fn the_newest_state_is_asked_for_in_a_way_that_undoes_an_earlier_fork() {
    let check = |config: Option<Value>, expected: Value| {
        let mut bench = entered(&forked());
        let submission = Submission {
            config: config.map(|config| Json::from_value(&config).unwrap()),
            ..Submission::default()
        };
        assert_eq!(submit(&mut bench, submission)["config"], expected);
    };
    let newest = json!({ "configurable": { "checkpoint_id": null } });
    check(None, newest.clone());
    check(Some(Value::Null), newest.clone());
    check(Some(json!({ "configurable": null })), newest);
    check(
        Some(json!({ "tags": ["a"], "configurable": { "k": 1 } })),
        json!({ "tags": ["a"], "configurable": { "k": 1, "checkpoint_id": null } }),
    );
    let named = json!({ "configurable": { "checkpoint_id": "c" } });
    check(Some(named.clone()), named);

    let mut bench = entered(&forked());
    select(&mut bench, "3");
    let body = submit(&mut bench, Submission::default());
    assert!(
        body.get("config").is_none(),
        "the checkpoint is named: {body}"
    );
}

#[test]
fn null_starts_from_the_newest_state_whatever_is_shown() {
    let mut bench = entered(&forked());
    select(&mut bench, "3");
    let body = submit(
        &mut bench,
        Submission {
            checkpoint: Some(Json::null()),
            ..Submission::default()
        },
    );
    assert!(body.get("checkpoint").is_none());
    assert_eq!(shown(&bench), ["h", "m4", "h5", "m7"]);
}

#[test]
fn a_fork_shows_at_once_what_it_starts_from() {
    let mut bench = entered(&forked());
    let checkpoint = json!({ "thread_id": "t", "checkpoint_ns": "", "checkpoint_id": "1", "checkpoint_map": null });
    let input = json!({ "messages": [{ "id": "h9", "type": "human", "content": "edited" }] });
    let body = submit(
        &mut bench,
        Submission {
            input: Some(Json::from_value(&input).unwrap()),
            checkpoint: Some(Json::from_value(&checkpoint).unwrap()),
            ..Submission::default()
        },
    );
    assert_eq!(
        body["checkpoint"],
        json!({ "checkpoint_ns": "", "checkpoint_id": "1" })
    );
    assert_eq!(
        shown(&bench),
        ["h9"],
        "messages of the other branch do not come along"
    );
    let stream = bench.accept("/runs/stream", "r");
    bench.metadata(stream, "0", "r");
    bench.event(
        stream,
        "1",
        "values",
        &json!({ "messages": input["messages"] }).to_string(),
    );
    bench.token(stream, "2", "m9", "new");
    assert_eq!(shown(&bench), ["h9", "m9"]);
}

#[test]
fn a_branch_chosen_while_a_run_is_followed_is_shown_when_it_is_over() {
    let mut bench = entered(&forked());
    bench.submit("more");
    let stream = bench.accept("/runs/stream", "r");
    bench.metadata(stream, "0", "r");
    bench.token(stream, "1", "m8", "new");
    select(&mut bench, "3");
    assert_eq!(
        (shown(&bench).last(), bench.client.view().branch()),
        (Some(&"m8"), "3")
    );
    bench.end(stream);
    bench.run_is("r", "success");
    let mut states = forked();
    states.insert(0, state("8", Some("7"), &["h", "m4", "h5", "m7", "m8"]));
    bench.answer("/history", 200, &json!(states).to_string());
    assert_eq!(
        (shown(&bench), bench.client.view().branch()),
        (vec!["h", "m3"], "3")
    );
}

#[test]
fn a_rejoin_from_another_branch_fetches_the_run_from_its_start() {
    let mut bench = entered(&forked());
    bench.submit("more");
    let stream = bench.accept("/runs/stream", "r");
    bench.metadata(stream, "0", "r");
    bench.token(stream, "1", "m8", "a ");
    bench.token(stream, "2", "m8", "b ");
    bench.feed(Input::StopRequested);
    select(&mut bench, "3");
    assert_eq!(shown(&bench), ["h", "m3"]);
    bench.feed(Input::JoinRequested {
        command: CommandId(2),
        run_id: None,
        options: JoinOptions::default(),
    });
    let (_, request) = bench.asked("/runs/r/stream");
    assert_eq!(
        Bench::header(&request, "last-event-id").as_deref(),
        Some("-1")
    );
    let join = bench.accept("/runs/r/stream", "r");
    bench.metadata(join, "0", "r");
    bench.token(join, "1", "m8", "a ");
    bench.token(join, "2", "m8", "b ");
    bench.token(join, "3", "m8", "c ");
    assert_eq!(
        (bench.text("m8").as_str(), bench.client.view().branch()),
        ("a b c ", "")
    );
    assert_eq!(shown(&bench), ["h", "m4", "h5", "m7", "m8"]);
}

#[test]
fn a_subgraphs_checkpoint_goes_with_those_around_it() {
    let mut bench = entered(&forked());
    let checkpoint = json!({
        "thread_id": "t", "checkpoint_ns": "child:1", "checkpoint_id": "c", "checkpoint_map": { "": "4" },
    });
    let submission = Submission {
        checkpoint: Some(Json::from_value(&checkpoint).unwrap()),
        ..Submission::default()
    };
    let body = submit(&mut bench, submission);
    let sent =
        json!({ "checkpoint_ns": "child:1", "checkpoint_id": "c", "checkpoint_map": { "": "4" } });
    assert_eq!(body["checkpoint"], sent);
}

#[test]
fn a_checkpoint_that_is_none_is_invalid_input() {
    let mut bench = entered(&forked());
    let submission = Submission {
        checkpoint: Some(Json::parse("7".to_owned()).unwrap()),
        ..Submission::default()
    };
    bench.feed(Input::SubmitRequested {
        command: CommandId(1),
        submission: Box::new(submission),
    });
    assert_eq!(bench.error_code(), Some("invalid_input"));
    assert!(bench.open.is_empty());
}
