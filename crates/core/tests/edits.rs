//! Editing, answering again and trying again: the checkpoint is looked up first, then everything happens in one step.

#![allow(clippy::unwrap_used)] // A panic is how a test fails.

mod support;

use rejoin_core::{
    BranchesInput, Checkpoints, CommandId, Config, Edit, EditAt, EditInput, Input, MessageOrigin,
    Notice, Outcome, Submission, wire::Json,
};
use serde_json::{Value, json};
use support::Bench;

const IDLE: &str = r#"{"thread_id":"t","status":"idle"}"#;

/// A state whose messages are named here, those of people with an `h`; `input` states repeat their parents' messages.
fn state(id: &str, parent: Option<&str>, source: &str, messages: &[&str]) -> Value {
    let kind = |id: &str| if id.starts_with('h') { "human" } else { "ai" };
    let messages = messages
        .iter()
        .map(|id| json!({ "id": id, "type": kind(id), "content": id }));
    let mut state = support::state(id, parent, messages.collect());
    state["metadata"] = json!({ "source": source });
    state
}

/// Three questions and their answers, as both servers store them.
fn three_turns() -> Vec<Value> {
    let messages = ["h1", "a1", "h2", "a2", "h3", "a3"];
    let mut states = vec![state("1", None, "input", &[])];
    for turn in 0..3 {
        let at = turn * 3 + 1;
        let mut add = |id: usize, source: &str, held: usize| {
            let parent = (id - 1).to_string();
            let parent = (id > 1).then_some(parent.as_str());
            states.insert(0, state(&id.to_string(), parent, source, &messages[..held]));
        };
        if turn > 0 {
            add(at, "input", turn * 2);
        }
        add(at + 1, "loop", turn * 2 + 1);
        add(at + 2, "loop", turn * 2 + 2);
    }
    states
}

fn bench(tune: impl FnOnce(&mut Config)) -> Bench {
    let mut bench = Bench::with(tune);
    bench.feed(Input::ThreadSwitched {
        thread_id: Some("t".into()),
    });
    bench
}

/// In a thread whose history is read.
fn with_history(tune: impl FnOnce(&mut Config)) -> Bench {
    let mut bench = bench(|config| {
        config.history_limit = Some(100);
        tune(config);
    });
    bench.answer("/history", 200, &json!(three_turns()).to_string());
    bench.answer("/threads/t", 200, IDLE);
    bench
}

/// In a thread of which only the state is read.
fn with_state(tune: impl FnOnce(&mut Config)) -> Bench {
    let mut bench = bench(tune);
    bench.answer("/state", 200, &three_turns()[0].to_string());
    bench.answer("/threads/t", 200, IDLE);
    bench
}

fn says(text: &str) -> Submission {
    let input = json!({ "messages": [{ "type": "human", "id": text, "content": text }] });
    Submission {
        input: Some(Json::from_value(&input).unwrap()),
        ..Submission::default()
    }
}

fn edit(bench: &mut Bench, command: u64, at: EditAt, submission: Submission) {
    bench.feed(Input::Edit(EditInput::Requested {
        command: CommandId(command),
        edit: Box::new(Edit { at, submission }),
    }));
}

fn edit_message(bench: &mut Bench, message: &str) {
    edit(bench, 5, EditAt::Message(message.into()), says("h9"));
}

fn shown(bench: &Bench) -> Vec<String> {
    let slots = bench.client.view().messages().iter();
    slots.map(|slot| slot.id().to_string()).collect()
}

/// The body of the run that was posted.
#[track_caller]
fn posted(bench: &Bench) -> Value {
    let (_, request) = bench.asked("/runs/stream");
    request.body.unwrap().read().unwrap()
}

fn has_posted(bench: &Bench) -> bool {
    let mut open = bench.open.iter();
    open.any(|(_, request)| request.url.ends_with("/runs/stream"))
}

fn concluded(bench: &Bench, command: u64) -> Vec<String> {
    let told = bench.notices.iter().filter_map(|notice| match notice {
        Notice::Concluded {
            command: of,
            outcome,
        } if of.0 == command => Some(match outcome {
            Outcome::Failed(error) => error.code.as_str().to_owned(),
            other => other.as_str().to_owned(),
        }),
        _ => None,
    });
    told.collect()
}

fn page(before: &str) -> String {
    let before = if before.is_empty() {
        String::new()
    } else {
        format!("&before={before}")
    };
    format!("/threads/t/history?limit=100{before}")
}

#[test]
fn a_message_is_edited_from_where_the_turn_before_it_ended() {
    let check = |message: &str, checkpoint: &str, kept: &[&str]| {
        let mut bench = with_history(|_| {});
        edit_message(&mut bench, message);
        let body = posted(&bench);
        assert_eq!(body["checkpoint"]["checkpoint_id"], checkpoint, "{message}");
        assert_eq!(body["multitask_strategy"], "interrupt");
        assert_eq!(body["input"]["messages"][0]["id"], "h9");
        let mut expected = kept.to_vec();
        expected.push("h9");
        assert_eq!(shown(&bench), expected, "{message}");
        assert_eq!(bench.client.view().editing(), None);
    };
    check("h1", "1", &[]);
    check("h2", "3", &["h1", "a1"]);
    check("h3", "6", &["h1", "a1", "h2", "a2"]);
}

#[test]
fn a_turn_is_answered_again_from_its_question() {
    let check = |message: &str, checkpoint: &str, kept: &[&str]| {
        let mut bench = with_history(|_| {});
        edit(
            &mut bench,
            5,
            EditAt::Answer(message.into()),
            says("ignored"),
        );
        let body = posted(&bench);
        assert_eq!(body["checkpoint"]["checkpoint_id"], checkpoint, "{message}");
        assert_eq!(body.get("input"), None);
        assert_eq!(shown(&bench), kept, "{message}");
    };
    check("a1", "2", &["h1"]);
    check("a2", "5", &["h1", "a1", "h2"]);
    check("a3", "8", &["h1", "a1", "h2", "a2", "h3"]);
}

#[test]
fn what_came_with_an_edited_message_is_sent_again() {
    let mut states = three_turns();
    // The second question came with the answer to a call of the first turn's.
    for state in &mut states[..5] {
        let messages = state["values"]["messages"].as_array_mut().unwrap();
        let answer = json!({ "id": "t1", "type": "tool", "tool_call_id": "c1", "content": "22" });
        messages.insert(2, answer);
    }
    let mut bench = bench(|config| config.history_limit = Some(100));
    bench.answer("/history", 200, &json!(states).to_string());
    bench.answer("/threads/t", 200, IDLE);
    edit_message(&mut bench, "h2");
    let body = posted(&bench);
    assert_eq!(body["checkpoint"]["checkpoint_id"], "3");
    let sent = body["input"]["messages"].as_array().unwrap();
    assert_eq!(
        (sent.len(), &sent[0]["id"], &sent[1]["id"]),
        (2, &json!("t1"), &json!("h9"))
    );
    assert_eq!(sent[0]["tool_call_id"], "c1");
    assert_eq!(shown(&bench), ["h1", "a1", "t1", "h9"]);
}

#[test]
fn values_and_interrupts_go_back_with_the_messages() {
    let mut states = three_turns();
    states[0]["values"]["topic"] = "late".into();
    states[0]["tasks"] =
        json!([{ "id": "x", "name": "ask", "interrupts": [{ "id": "i", "value": 1 }] }]);
    states[0]["next"] = json!(["ask"]);
    states[6]["values"]["topic"] = "early".into();
    let mut bench = bench(|config| config.history_limit = Some(100));
    bench.answer("/history", 200, &json!(states).to_string());
    bench.answer("/threads/t", 200, IDLE);
    assert_eq!(bench.client.view().interrupts().len(), 1);
    edit_message(&mut bench, "h2");
    let view = bench.client.view();
    let values: Value = view.values().read().unwrap();
    assert_eq!(values["topic"], "early");
    assert_eq!(view.interrupts().len(), 0);
}

#[test]
fn without_a_history_it_is_read_page_by_page_until_the_checkpoint_is_found() {
    let mut bench = with_state(|_| {});
    edit_message(&mut bench, "h1");
    let states = three_turns();
    for (from, to, before) in [(0, 4, ""), (4, 8, "6"), (8, 9, "2")] {
        assert!(!has_posted(&bench));
        assert_eq!(bench.client.view().editing().unwrap().as_str(), "h1");
        assert_eq!(shown(&bench).len(), 6, "nothing changes meanwhile");
        bench.answer(&page(before), 200, &json!(states[from..to]).to_string());
    }
    assert_eq!(posted(&bench)["checkpoint"]["checkpoint_id"], "1");
    assert_eq!(shown(&bench), ["h9"]);
}

#[test]
fn pages_are_read_once_while_the_thread_stays_as_it_is() {
    let mut bench = with_state(|_| {});
    edit_message(&mut bench, "h2");
    bench.answer(&page(""), 200, &json!(three_turns()[..4]).to_string());
    bench.feed(Input::StopRequested);
    assert_eq!(concluded(&bench, 5), ["superseded"]);
    edit(
        &mut bench,
        6,
        EditAt::Answer("a3".into()),
        Submission::default(),
    );
    assert_eq!(posted(&bench)["checkpoint"]["checkpoint_id"], "8");
}

#[test]
fn what_is_on_no_page_changes_nothing() {
    let mut bench = with_state(|_| {});
    edit_message(&mut bench, "h2");
    bench.answer(&page(""), 200, &json!(three_turns()[..3]).to_string());
    bench.answer(&page("7"), 200, "[]");
    assert_eq!(concluded(&bench, 5), ["checkpoint_not_found"]);
    let error = bench.client.view().error().unwrap().clone();
    assert_eq!(error.detail.as_deref(), Some("3 states were read"));
    assert_eq!(shown(&bench), ["h1", "a1", "h2", "a2", "h3", "a3"]);
    assert!(!has_posted(&bench));
    assert_eq!(
        (bench.client.view().editing(), bench.state()),
        (None, "idle")
    );
}

#[test]
fn a_history_that_has_gone_on_elsewhere_is_read_anew_before_it_is_given_up() {
    let mut bench = with_history(|_| {});
    // Another page has answered h3 differently, and this one shows that.
    let mut other = state(
        "12",
        Some("8"),
        "loop",
        &["h1", "a1", "h2", "a2", "h3", "b3", "h4"],
    );
    bench.feed(Input::ValuesMutated {
        values: Json::from_value(&other["values"]).unwrap(),
    });
    other["values"]["messages"]
        .as_array_mut()
        .unwrap()
        .truncate(6);
    edit_message(&mut bench, "h3");
    assert_eq!(posted(&bench)["checkpoint"]["checkpoint_id"], "6");
}

#[test]
fn a_lookup_that_fails_changes_nothing() {
    let check = |status: u16, body: &str, code: &str| {
        let mut bench = with_state(|_| {});
        edit_message(&mut bench, "h2");
        bench.answer(&page(""), status, body);
        assert_eq!(concluded(&bench, 5), [code], "{status} {body}");
        assert_eq!(shown(&bench).len(), 6);
        assert!(!has_posted(&bench));
        assert_eq!(bench.client.view().editing(), None);
    };
    check(500, "no", "checkpoint_lookup_failed");
    check(200, "{}", "checkpoint_lookup_failed");
    // A state that cannot be read is no failure of the page: its checkpoint is just not there.
    check(200, "[null]", "checkpoint_not_found");
    let mut bench = with_state(|_| {});
    edit_message(&mut bench, "h2");
    bench.pass(15_000);
    assert!(concluded(&bench, 5).is_empty(), "it is asked for again");
    bench.pass(45_000);
    assert_eq!(concluded(&bench, 5), ["checkpoint_lookup_failed"]);
    assert_eq!(bench.client.deadline(), None);
}

#[test]
fn a_page_that_wakes_up_leaves_an_edit_alone() {
    let mut bench = with_state(|_| {});
    bench.pass(60_000);
    edit_message(&mut bench, "h2");
    bench.asked(&page(""));
    for input in [
        Input::BecameHidden,
        Input::BecameVisible,
        Input::Focused,
        Input::Thawed,
    ] {
        bench.feed(input);
        assert_eq!(bench.open.len(), 1, "nothing is compared: {:?}", bench.open);
    }
    assert_eq!(bench.client.view().editing().unwrap().as_str(), "h2");
    assert_eq!(shown(&bench).len(), 6);
    bench.answer(&page(""), 200, &json!(three_turns()).to_string());
    assert!(has_posted(&bench));
}

#[test]
fn a_refused_page_is_asked_for_once_more_with_new_headers() {
    let mut bench = with_state(|_| {});
    edit_message(&mut bench, "h2");
    bench.answer(&page(""), 401, "");
    assert!(bench.asked(&page("")).1.refresh_headers);
    bench.answer(&page(""), 401, "");
    assert_eq!(concluded(&bench, 5), ["checkpoint_lookup_failed"]);
}

#[test]
fn an_application_may_look_the_checkpoint_up() {
    let asked = |answer: Result<Option<&str>, &str>| {
        let mut bench = with_state(|config| config.checkpoints = Checkpoints::Asked);
        edit_message(&mut bench, "h2");
        assert_eq!(
            bench.lookups,
            [(CommandId(5), vec!["h1".to_owned(), "a1".to_owned()])]
        );
        assert_eq!(shown(&bench).len(), 6);
        bench.feed(Input::Edit(EditInput::CheckpointResolved {
            command: CommandId(4),
            checkpoint: Ok(Some("wrong".into())),
        }));
        bench.feed(Input::Edit(EditInput::CheckpointResolved {
            command: CommandId(5),
            checkpoint: answer.map(|id| id.map(Into::into)).map_err(str::to_owned),
        }));
        bench
    };
    let bench = asked(Ok(Some("c")));
    assert_eq!(posted(&bench)["checkpoint"]["checkpoint_id"], "c");
    assert_eq!(shown(&bench), ["h1", "a1", "h9"]);
    let bench = asked(Ok(None));
    assert_eq!(concluded(&bench, 5), ["checkpoint_not_found"]);
    assert_eq!((shown(&bench).len(), has_posted(&bench)), (6, false));
    let bench = asked(Err("offline"));
    assert_eq!(concluded(&bench, 5), ["checkpoint_lookup_failed"]);
    assert_eq!(
        bench.client.view().error().unwrap().detail.as_deref(),
        Some("offline")
    );
    assert_eq!((shown(&bench).len(), has_posted(&bench)), (6, false));
}

#[test]
fn of_two_edits_the_later_wins() {
    let mut bench = with_state(|_| {});
    edit(&mut bench, 5, EditAt::Message("h2".into()), says("h8"));
    edit(&mut bench, 6, EditAt::Message("h3".into()), says("h9"));
    assert_eq!(concluded(&bench, 5), ["superseded"]);
    assert_eq!(bench.client.view().editing().unwrap().as_str(), "h3");
    bench.answer(&page(""), 200, &json!(three_turns()).to_string());
    assert_eq!(posted(&bench)["checkpoint"]["checkpoint_id"], "6");
    assert_eq!(shown(&bench), ["h1", "a1", "h2", "a2", "h9"]);
    assert_eq!(concluded(&bench, 6), [""; 0]);
}

#[test]
fn a_submission_a_stop_or_another_thread_overtakes_an_edit() {
    let check = |overtake: &dyn Fn(&mut Bench)| {
        let mut bench = with_state(|_| {});
        edit_message(&mut bench, "h2");
        let asked = bench.asked(&page("")).0;
        overtake(&mut bench);
        assert_eq!(concluded(&bench, 5), ["superseded"]);
        assert!(bench.aborted.contains(&asked));
        assert_eq!(bench.client.view().editing(), None);
    };
    check(&|bench| bench.submit("more"));
    check(&|bench| bench.feed(Input::StopRequested));
    check(&|bench| bench.feed(Input::ThreadSwitched { thread_id: None }));
}

#[test]
fn a_run_goes_on_while_the_checkpoint_is_looked_up_and_is_replaced_in_one_step() {
    let mut bench = with_history(|_| {});
    bench.submit("again");
    let stream = bench.accept("/runs/stream", "r1");
    bench.metadata(stream, "1", "r1");
    bench.token(stream, "2", "a4", "Hel");
    bench.feed(Input::SubmitRequested {
        command: CommandId(2),
        submission: Box::new(says("h7")),
    });
    edit(
        &mut bench,
        5,
        EditAt::Answer("a4".into()),
        Submission::default(),
    );
    // Its question is not in the history that was read, and not the server's yet.
    assert_eq!(concluded(&bench, 5), ["edit_unavailable"]);
    edit(&mut bench, 6, EditAt::Message("h3".into()), says("h9"));
    assert_eq!(posted(&bench)["checkpoint"]["checkpoint_id"], "6");
    assert_eq!(shown(&bench), ["h1", "a1", "h2", "a2", "h9"]);
    assert!(bench.aborted.contains(&stream));
    assert_eq!(concluded(&bench, 1), ["disconnected"]);
    assert_eq!(concluded(&bench, 2), ["dropped"]);
    // What the old run still sends is nobody's.
    bench.token(stream, "3", "a4", "lo");
    assert_eq!(shown(&bench).len(), 5);
}

#[test]
fn during_a_run_the_thread_is_read_anew() {
    let mut bench = with_state(|_| {});
    bench.feed(Input::SubmitRequested {
        command: CommandId(1),
        submission: Box::new(says("h4")),
    });
    let stream = bench.accept("/runs/stream", "r1");
    bench.metadata(stream, "1", "r1");
    edit_message(&mut bench, "h4");
    bench.token(stream, "2", "a4", "Hel");
    assert_eq!(shown(&bench).len(), 8, "the run goes on");
    bench.answer(&page(""), 200, &json!(three_turns()).to_string());
    let open: Vec<_> = bench
        .open
        .iter()
        .filter(|(_, r)| r.url.ends_with("/runs/stream"))
        .collect();
    let body: Value = open.last().unwrap().1.body.clone().unwrap().read().unwrap();
    assert_eq!(body["checkpoint"]["checkpoint_id"], "9");
    assert_eq!(shown(&bench), ["h1", "a1", "h2", "a2", "h3", "a3", "h9"]);
}

#[test]
fn an_edit_on_an_older_branch_goes_on_from_there_and_shows_the_newest_after() {
    let mut states = three_turns();
    states.insert(
        0,
        state(
            "11",
            Some("6"),
            "loop",
            &["h1", "a1", "h2", "a2", "h4", "a4"],
        ),
    );
    let mut bench = bench(|config| config.history_limit = Some(100));
    bench.answer("/history", 200, &json!(states).to_string());
    bench.answer("/threads/t", 200, IDLE);
    bench.feed(Input::Branches(BranchesInput::Selected {
        branch: "7".to_owned(),
    }));
    assert_eq!(shown(&bench).last().unwrap(), "a3");
    edit_message(&mut bench, "h3");
    assert_eq!(posted(&bench)["checkpoint"]["checkpoint_id"], "6");
    assert_eq!(bench.client.view().branch(), "");
    assert_eq!(shown(&bench), ["h1", "a1", "h2", "a2", "h9"]);
}

#[test]
fn what_cannot_be_sent_changes_nothing() {
    let mut bench = with_history(|_| {});
    let wrong = Submission {
        input: Some(Json::from_value(&json!([1])).unwrap()),
        ..Submission::default()
    };
    edit(&mut bench, 5, EditAt::Message("h2".into()), wrong);
    assert_eq!(concluded(&bench, 5), ["invalid_input"]);
    assert_eq!((shown(&bench).len(), has_posted(&bench)), (6, false));
}

#[test]
fn only_what_the_server_has_stored_can_be_edited() {
    let can = |bench: &Bench| {
        let view = bench.client.view();
        let of = |can: &dyn Fn(&rejoin_core::wire::MessageId) -> bool| -> Vec<String> {
            let ids = view.messages().iter().map(rejoin_core::MessageSlot::id);
            ids.filter(|id| can(id)).map(ToString::to_string).collect()
        };
        let each = (
            of(&|id| view.can_edit(id)),
            of(&|id| view.can_regenerate(id)),
        );
        let (edit, regenerate) = view.editable();
        let words = |ids: Vec<&rejoin_core::wire::MessageId>| -> Vec<String> {
            ids.into_iter().map(ToString::to_string).collect()
        };
        assert_eq!(
            each,
            (words(edit), words(regenerate)),
            "one pass says the same"
        );
        each
    };
    let mut bench = with_state(|_| {});
    let all = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    assert_eq!(
        can(&bench),
        (all(&["h1", "h2", "h3"]), all(&["a1", "a2", "a3"]))
    );
    bench.feed(Input::SubmitRequested {
        command: CommandId(1),
        submission: Box::new(says("h4")),
    });
    let stream = bench.accept("/runs/stream", "r1");
    bench.token(stream, "2", "a4", "Hel");
    assert_eq!(
        can(&bench),
        (all(&["h1", "h2", "h3", "h4"]), all(&["a1", "a2", "a3"]))
    );
    let off = with_state(|config| config.checkpoints = Checkpoints::Off);
    assert_eq!(can(&off), (vec![], vec![]));
    let mut loading = Bench::new();
    assert_eq!(can(&loading), (vec![], vec![]));
    edit_message(&mut loading, "h1");
    assert_eq!(concluded(&loading, 5), ["edit_unavailable"]);
}

#[test]
fn an_answer_that_failed_can_be_asked_for_again() {
    let mut bench = with_state(|_| {});
    assert!(!bench.client.view().can_retry());
    bench.feed(Input::SubmitRequested {
        command: CommandId(1),
        submission: Box::new(says("h4")),
    });
    let stream = bench.accept("/runs/stream", "r1");
    bench.metadata(stream, "1", "r1");
    bench.token(stream, "2", "a4", "Hel");
    bench.event(
        stream,
        "3",
        "error",
        r#"{"error":"ValueError","message":"boom"}"#,
    );
    bench.end(stream);
    bench.run_is("r1", "error");
    let mut stored = three_turns()[0].clone();
    let human = json!({ "id": "h4", "type": "human", "content": "h4" });
    stored["values"]["messages"]
        .as_array_mut()
        .unwrap()
        .push(human);
    bench.answer("/state", 200, &stored.to_string());
    assert!(bench.client.view().can_retry());
    assert_eq!(
        bench.client.view().messages().last().unwrap().origin,
        MessageOrigin::Partial
    );
    edit(&mut bench, 5, EditAt::Failed, Submission::default());
    let body = posted(&bench);
    assert_eq!((body.get("input"), body.get("checkpoint")), (None, None));
    assert_eq!(shown(&bench).last().unwrap(), "h4", "the part goes");
    assert_eq!(bench.error_code(), None);
    assert!(!bench.client.view().can_retry());
}

#[test]
fn a_submission_that_never_became_a_run_is_sent_again_as_it_was() {
    let mut bench = with_state(|_| {});
    let submission = Submission {
        config: Some(Json::from_value(&json!({ "tags": ["x"] })).unwrap()),
        ..says("h4")
    };
    bench.feed(Input::SubmitRequested {
        command: CommandId(1),
        submission: Box::new(submission),
    });
    let first = posted(&bench);
    bench.refuse("/runs/stream", 422, &[], r#"{"detail":"no"}"#);
    assert_eq!(concluded(&bench, 1), ["unprocessable"]);
    edit(&mut bench, 5, EditAt::Failed, Submission::default());
    let again = posted(&bench);
    assert_eq!(
        (&again["input"], &again["config"]),
        (&first["input"], &first["config"])
    );
    assert_ne!(
        again["metadata"], first["metadata"],
        "it is a submission of its own"
    );
    assert_eq!(shown(&bench).last().unwrap(), "h4");
}

#[test]
fn a_failed_edit_is_tried_again_from_its_checkpoint() {
    let mut bench = with_history(|_| {});
    edit_message(&mut bench, "h2");
    bench.refuse("/runs/stream", 422, &[], "");
    edit(&mut bench, 6, EditAt::Failed, Submission::default());
    let body = posted(&bench);
    assert_eq!(body["checkpoint"]["checkpoint_id"], "3");
    assert_eq!(shown(&bench), ["h1", "a1", "h9"]);
}

#[test]
fn an_edit_that_the_server_refuses_shows_the_thread_as_it_is_and_can_be_tried_again() {
    let mut bench = with_state(|_| {});
    edit_message(&mut bench, "h2");
    bench.answer(&page(""), 200, &json!(three_turns()).to_string());
    bench.refuse("/runs/stream", 422, &[], "");
    assert_eq!(concluded(&bench, 5), ["unprocessable"]);
    bench.answer("/state", 200, &three_turns()[0].to_string());
    let all = ["h1", "a1", "h2", "a2", "h3", "a3"];
    assert_eq!(shown(&bench), all);
    assert_eq!(bench.error_code(), Some("unprocessable"));
    edit(&mut bench, 6, EditAt::Failed, Submission::default());
    assert_eq!(posted(&bench)["checkpoint"]["checkpoint_id"], "3");
    assert_eq!(shown(&bench), ["h1", "a1", "h9"]);
    // Given up, it is no part of what is said next.
    let mut bench = with_state(|_| {});
    edit_message(&mut bench, "h2");
    bench.answer(&page(""), 200, &json!(three_turns()).to_string());
    bench.refuse("/runs/stream", 422, &[], "");
    bench.answer("/state", 200, &three_turns()[0].to_string());
    bench.feed(Input::SubmitRequested {
        command: CommandId(7),
        submission: Box::new(says("h4")),
    });
    assert_eq!(posted(&bench).get("checkpoint"), None);
    assert_eq!(shown(&bench)[..6], all);
    assert_eq!(shown(&bench)[6..], ["h4"]);
}

#[test]
fn nothing_is_tried_again_where_nothing_failed() {
    let mut bench = with_state(|_| {});
    edit(&mut bench, 5, EditAt::Failed, Submission::default());
    assert_eq!(concluded(&bench, 5), ["edit_unavailable"]);
}

#[test]
fn a_run_that_fails_drops_what_waits_behind_it() {
    let mut bench = with_state(|_| {});
    bench.submit("one");
    let stream = bench.accept("/runs/stream", "r1");
    bench.feed(Input::SubmitRequested {
        command: CommandId(2),
        submission: Box::new(says("two")),
    });
    bench.metadata(stream, "1", "r1");
    bench.event(
        stream,
        "3",
        "error",
        r#"{"error":"ValueError","message":"boom"}"#,
    );
    bench.end(stream);
    bench.run_is("r1", "error");
    bench.answer("/state", 200, &three_turns()[0].to_string());
    assert_eq!(concluded(&bench, 2), ["dropped"]);
    assert!(!has_posted(&bench));
}

#[test]
fn a_checkpoint_that_a_submission_names_keeps_its_map() {
    let mut bench = with_state(|_| {});
    let checkpoint = json!({
        "thread_id": "t", "checkpoint_ns": "child:1", "checkpoint_id": "c", "checkpoint_map": { "": "9", "child:1": "c" },
    });
    let submission = Submission {
        checkpoint: Some(Json::from_value(&checkpoint).unwrap()),
        ..says("h4")
    };
    bench.feed(Input::SubmitRequested {
        command: CommandId(1),
        submission: Box::new(submission),
    });
    let sent = &posted(&bench)["checkpoint"];
    assert_eq!(sent["checkpoint_map"], checkpoint["checkpoint_map"]);
    assert_eq!(sent["checkpoint_ns"], "child:1");
    // A null one is left out: the JS server refuses its own.
    let mut bench = with_state(|_| {});
    let checkpoint = json!({ "checkpoint_ns": "", "checkpoint_id": "c", "checkpoint_map": null });
    let submission = Submission {
        checkpoint: Some(Json::from_value(&checkpoint).unwrap()),
        ..says("h4")
    };
    bench.feed(Input::SubmitRequested {
        command: CommandId(1),
        submission: Box::new(submission),
    });
    assert_eq!(posted(&bench)["checkpoint"].get("checkpoint_map"), None);
}
