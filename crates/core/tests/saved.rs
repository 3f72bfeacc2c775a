//! A thread's last state, saved here, is on screen before the server has answered, and decides nothing.

#![allow(clippy::unwrap_used, clippy::expect_used)] // A panic is how a test fails.

mod support;

use rejoin_core::{
    Cache, CommandId, Config, Edit, EditAt, EditInput, ErrorCode, Input, MessageOrigin, Millis,
    Notice, Outcome, SavedEffect, SavedInput, Submission, ToolResult, ToolsInput, wire::Json,
};
use serde_json::{Value, json};
use std::sync::Arc;
use support::{Bench, state};

const IDLE: &str = r#"{"thread_id":"t","status":"idle"}"#;
const BUSY: &str = r#"{"thread_id":"t","status":"busy"}"#;
/// Wall-clock time in these tests.
const NOW: Millis = Millis(1_000_000_000_000);

fn said(id: &str, kind: &str) -> Value {
    json!({ "id": id, "type": kind, "content": format!("{kind} {id}") })
}

fn dialogue() -> Vec<Value> {
    vec![said("h1", "human"), said("a1", "ai")]
}

fn thread_of(messages: Vec<Value>) -> String {
    state("c1", None, messages).to_string()
}

/// What was saved of a thread.
fn saved(state: &str) -> String {
    let at = NOW.0 - 1000;
    format!(r#"{{"v":1,"thread_id":"t","saved_at":{at},"state":{state}}}"#)
}

fn keeping(tune: impl FnOnce(&mut Config)) -> Bench {
    keeping_in(tune, Cache::default())
}

fn keeping_in(tune: impl FnOnce(&mut Config), cache: Cache) -> Bench {
    let mut bench = Bench::with(tune);
    bench.feed(Input::PageOpened { wall_clock: NOW });
    bench.feed(Input::Saved(SavedInput::Kept { cache }));
    bench
}

fn enter(bench: &mut Bench, thread: &str) {
    bench.feed(Input::ThreadSwitched {
        thread_id: Some(thread.into()),
    });
}

fn read(bench: &mut Bench, text: Option<String>) {
    bench.feed(Input::Saved(SavedInput::Read {
        thread_id: "t".into(),
        text,
        wall_clock: NOW,
    }));
}

/// A thread is entered of which a state with these messages was saved.
fn entered(messages: Vec<Value>) -> Bench {
    let mut bench = keeping(|_| {});
    enter(&mut bench, "t");
    read(&mut bench, Some(saved(&thread_of(messages))));
    bench
}

fn answer(bench: &mut Bench, messages: Vec<Value>) {
    bench.answer("/state", 200, &thread_of(messages));
    bench.answer("/threads/t", 200, IDLE);
}

fn shown(bench: &Bench) -> Vec<String> {
    let messages = bench.client.view().messages().iter();
    messages.map(|slot| slot.id().to_string()).collect()
}

fn loads(bench: &Bench) -> usize {
    let is_load = |effect: &&SavedEffect| matches!(effect, SavedEffect::Load { .. });
    bench.saving.iter().filter(is_load).count()
}

fn saves(bench: &Bench) -> Vec<&str> {
    fn text(effect: &SavedEffect) -> Option<&str> {
        match effect {
            SavedEffect::Save { text, .. } => Some(text),
            SavedEffect::Load { .. } | SavedEffect::Remove { .. } => None,
        }
    }
    bench.saving.iter().filter_map(text).collect()
}

fn removals(bench: &Bench) -> Vec<String> {
    let thread = |effect: &SavedEffect| match effect {
        SavedEffect::Remove { key } => Some(key.thread_id.to_string()),
        SavedEffect::Load { .. } | SavedEffect::Save { .. } => None,
    };
    bench.saving.iter().filter_map(thread).collect()
}

#[test]
fn it_is_shown_before_the_server_has_answered_and_says_so() {
    let bench = entered(dialogue());
    assert_eq!(shown(&bench), ["h1", "a1"]);
    assert_eq!(bench.state(), "saved");
    let view = bench.client.view();
    assert!(view.is_thread_loading(), "it is not the server's word");
    assert!(view.values().text().contains("ai a1"));
    assert!(view.head().is_none(), "no state of the server's is known");
    assert!(!bench.open.is_empty(), "the server is asked all the same");
}

#[test]
fn what_is_equal_keeps_its_identity_when_the_answer_comes() {
    let mut bench = entered(dialogue());
    let before: Vec<_> = bench.client.view().messages().to_vec();
    let revision = bench.client.view().revision();
    answer(&mut bench, dialogue());
    let view = bench.client.view();
    let changes = view.changes_since(revision);
    assert!(!changes.order && changes.messages.is_empty() && !changes.values);
    for (before, after) in before.iter().zip(view.messages()) {
        assert!(Arc::ptr_eq(&before.message, &after.message));
    }
    assert!(!view.is_thread_loading());
    assert_eq!(bench.state(), "idle");
}

#[test]
fn what_has_changed_meanwhile_is_put_right() {
    let mut bench = entered(vec![
        said("h1", "human"),
        said("a1", "ai"),
        said("h2", "human"),
        said("a2", "ai"),
    ]);
    let revision = bench.client.view().revision();
    let corrected = json!({ "id": "h2", "type": "human", "content": "corrected" });
    answer(
        &mut bench,
        vec![
            said("h1", "human"),
            said("a1", "ai"),
            corrected,
            said("a3", "ai"),
        ],
    );
    assert_eq!(
        shown(&bench),
        ["h1", "a1", "h2", "a3"],
        "what the server lacks is gone"
    );
    assert_eq!(bench.text("h2"), "corrected");
    let changes = bench.client.view().changes_since(revision);
    let changed: Vec<_> = changes.messages.iter().map(ToString::to_string).collect();
    assert_eq!(changed, ["h2", "a3"]);
}

#[test]
fn messages_without_ids_keep_their_rows_too() {
    let nameless = |text: &str, kind: &str| json!({ "type": kind, "content": text });
    let list = || vec![nameless("hi", "human"), nameless("hello", "ai")];
    let mut bench = entered(list());
    let before = shown(&bench);
    let mut more = list();
    more.push(nameless("again", "human"));
    answer(&mut bench, more);
    assert_eq!(shown(&bench)[..2], before[..]);
}

/// What the server says leads to the same as without a cache, whatever was saved.
#[test]
fn after_the_answer_all_is_as_without_it() {
    let lists: [Vec<Value>; 5] = [
        vec![],
        dialogue(),
        vec![said("h1", "human")],
        vec![said("h9", "human"), said("a9", "ai")],
        vec![said("a1", "ai"), said("h1", "human"), said("a2", "ai")],
    ];
    for old in &lists {
        for new in &lists {
            let outcome = |saved_before: bool| {
                let mut bench = keeping(|_| {});
                enter(&mut bench, "t");
                if saved_before {
                    read(&mut bench, Some(saved(&thread_of(old.clone()))));
                }
                answer(&mut bench, new.clone());
                bench.submit("more");
                let stream = bench.accept("/runs/stream", "r1");
                bench.metadata(stream, "1", "r1");
                bench.token(stream, "2", "a7", "so");
                let view = bench.client.view();
                let texts = view.messages().iter();
                texts
                    .map(|slot| (slot.message.content.text().into_owned(), slot.origin))
                    .collect::<Vec<_>>()
            };
            assert_eq!(outcome(true), outcome(false), "{old:?} then {new:?}");
        }
    }
}

#[test]
fn a_server_that_answers_first_is_shown_alone() {
    for status in [200, 404] {
        let mut bench = keeping(|_| {});
        enter(&mut bench, "t");
        let newer = vec![said("h5", "human")];
        bench.answer("/state", status, &thread_of(newer.clone()));
        read(&mut bench, Some(saved(&thread_of(dialogue()))));
        assert!(!shown(&bench).contains(&"h1".to_owned()), "{status}");
    }
}

#[test]
fn what_cannot_be_used_is_as_good_as_nothing() {
    let good = thread_of(dialogue());
    let old = NOW.0 - Cache::default().ttl.0 - 1;
    let cases = [
        String::new(),
        "null".to_owned(),
        "[]".to_owned(),
        "not JSON".to_owned(),
        "{\"v\":1".to_owned(),
        saved(&good)[..100].to_owned(),
        saved(&good).replace("\"v\":1", "\"v\":2"),
        saved(&good).replace("\"v\":1", "\"v\":\"1\""),
        saved(&good).replacen("\"t\"", "\"another\"", 1),
        saved("null"),
        saved("7"),
        saved(r#""text""#),
        saved(&format!(r#"{{"values":{}}}"#, "[".repeat(100_000))),
        format!(r#"{{"v":1,"thread_id":"t","saved_at":{old},"state":{good}}}"#),
        format!(r#"{{"v":1,"thread_id":"t","saved_at":-1,"state":{good}}}"#),
        format!(r#"{{"v":1,"thread_id":"t","state":{good}}}"#),
        "x".repeat(Cache::default().bytes_max + 1),
    ];
    for text in cases {
        let start = text.chars().take(60).collect::<String>();
        let mut bench = keeping(|_| {});
        enter(&mut bench, "t");
        read(&mut bench, Some(text));
        assert!(shown(&bench).is_empty(), "{start}");
        assert_eq!(bench.state(), "idle", "{start}");
        assert_eq!(removals(&bench), ["t"], "{start}");
        answer(&mut bench, dialogue());
        assert_eq!(shown(&bench), ["h1", "a1"], "{start}");
        assert!(bench.warnings().is_empty(), "{start}");
    }
}

#[test]
fn odd_values_cost_nothing_but_themselves() {
    for values in [
        "null",
        "[]",
        r#"{"messages":7}"#,
        r#"{"messages":{"id":"h1"}}"#,
        r#"{"messages":[null,7,[],{"type":"nonsense"}]}"#,
        r#"{"messages":[{"type":"human","id":"h1","content":{"odd":1}}]}"#,
        r#"{"messages":[{"type":"remove","id":"__remove_all__"}]}"#,
    ] {
        let mut bench = keeping(|_| {});
        enter(&mut bench, "t");
        read(
            &mut bench,
            Some(saved(&format!(r#"{{"values":{values}}}"#))),
        );
        answer(&mut bench, dialogue());
        assert_eq!(shown(&bench), ["h1", "a1"], "{values}");
        assert!(bench.warnings().is_empty(), "{values}");
    }
}

#[test]
fn a_reading_that_never_comes_or_comes_late_changes_nothing() {
    let mut bench = keeping(|_| {});
    enter(&mut bench, "t");
    answer(&mut bench, dialogue());
    let revision = bench.client.view().revision();
    read(
        &mut bench,
        Some(saved(&thread_of(vec![said("h0", "human")]))),
    );
    assert_eq!(bench.client.view().revision(), revision);

    let mut bench = keeping(|_| {});
    enter(&mut bench, "t");
    enter(&mut bench, "another");
    read(&mut bench, Some(saved(&thread_of(dialogue()))));
    assert!(
        shown(&bench).is_empty(),
        "it is of the thread that was left"
    );
}

#[test]
fn what_is_read_late_takes_nothing_away_from_what_is_saved_anew() {
    for (text, writes) in [
        (Some("damaged".to_owned()), 1),
        (Some(saved(&thread_of(vec![said("h0", "human")]))), 1),
        (Some(saved(&thread_of(dialogue()))), 0),
        (None, 1),
    ] {
        let mut bench = keeping(|_| {});
        enter(&mut bench, "t");
        answer(&mut bench, dialogue());
        read(&mut bench, text.clone());
        bench.pass(10_000);
        assert_eq!(saves(&bench).len(), writes, "{text:?}");
    }
    // Saved before what was there before was read.
    let mut bench = keeping(|_| {});
    enter(&mut bench, "t");
    answer(&mut bench, dialogue());
    bench.feed(Input::BecameHidden);
    read(&mut bench, Some("damaged".to_owned()));
    assert_eq!(saves(&bench).len(), 1);
    assert!(removals(&bench).is_empty());
}

#[test]
fn that_nothing_can_be_saved_is_told_once() {
    let mut bench = keeping(|_| {});
    enter(&mut bench, "t");
    for _ in 0..3 {
        bench.feed(Input::Saved(SavedInput::Failed {
            why: "no IndexedDB".to_owned(),
        }));
    }
    assert_eq!(bench.warnings(), ["cache_unavailable"]);
    enter(&mut bench, "another");
    bench.feed(Input::Saved(SavedInput::Failed {
        why: "still".to_owned(),
    }));
    assert_eq!(bench.warnings(), ["cache_unavailable"]);
}

#[test]
fn where_no_storage_works_one_of_them_says_so() {
    let failures = [
        Input::StorageFailed {
            error: ErrorCode::StorageDenied,
        },
        Input::Saved(SavedInput::Failed {
            why: "no IndexedDB".to_owned(),
        }),
    ];
    for first in [0, 1] {
        let mut bench = keeping(|_| {});
        enter(&mut bench, "t");
        bench.feed(failures[first].clone());
        bench.feed(failures[1 - first].clone());
        let told = bench
            .notices
            .iter()
            .filter(|notice| matches!(notice, Notice::StorageFailed { .. } | Notice::Warning(_)));
        assert_eq!(told.count(), 1);
    }
}

#[test]
fn whoever_is_refused_does_not_see_it() {
    for (status, code) in [
        (401, "unauthorized"),
        (403, "forbidden"),
        (404, "thread_not_found"),
    ] {
        let mut bench = entered(dialogue());
        for _ in 0..2 {
            // The first 401 or 403 makes the headers anew.
            if bench.open.iter().any(|(_, r)| r.url.ends_with("/state")) {
                bench.answer("/state", status, "{}");
            }
            if bench
                .open
                .iter()
                .any(|(_, r)| r.url.ends_with("/threads/t"))
            {
                bench.answer("/threads/t", status, "{}");
            }
        }
        assert_eq!(bench.error_code(), Some(code));
        assert!(shown(&bench).is_empty(), "{status}");
        assert!(bench.client.view().values().is_null(), "{status}");
        assert!(removals(&bench).contains(&"t".to_owned()), "{status}");
    }
}

#[test]
fn headers_that_are_made_anew_leave_it_on_screen() {
    let mut bench = entered(dialogue());
    bench.answer("/state", 401, "{}");
    assert_eq!(shown(&bench), ["h1", "a1"]);
    assert_eq!(
        removals(&bench),
        ["t"],
        "whoever comes next is not shown it"
    );
    let revision = bench.client.view().revision();
    answer(&mut bench, dialogue());
    let changes = bench.client.view().changes_since(revision);
    assert!(!changes.order && changes.messages.is_empty());
    bench.pass(10_000);
    assert_eq!(saves(&bench).len(), 1, "it is saved again");
}

#[test]
fn a_refusal_later_removes_it_too() {
    let mut bench = entered(dialogue());
    answer(&mut bench, dialogue());
    bench.submit("more");
    // The first one makes the headers anew.
    for _ in 0..2 {
        bench.refuse("/runs/stream", 403, &[], "{}");
    }
    assert_eq!(removals(&bench).last().map(String::as_str), Some("t"));

    let mut bench = entered(dialogue());
    answer(&mut bench, dialogue());
    bench.pass(60_000);
    bench.feed(Input::Focused);
    bench.answer("/threads/search", 401, "{}");
    assert_eq!(removals(&bench), ["t"]);
}

#[test]
fn a_server_that_is_away_leaves_it_on_screen() {
    let mut bench = entered(dialogue());
    for _ in 0..20 {
        while let Some((attempt, _)) = bench.open.first().cloned() {
            bench.cut(attempt);
        }
        bench.pass(31_000);
    }
    assert_eq!(shown(&bench), ["h1", "a1"]);
    assert!(bench.client.view().is_thread_loading());
    assert_ne!(
        bench.state(),
        "saved",
        "that it is tried again is said instead"
    );
    assert!(removals(&bench).is_empty());
    bench.wait_for("/state");
    answer(&mut bench, dialogue());
    assert_eq!(bench.state(), "idle");
}

#[test]
fn nothing_is_decided_by_it() {
    let call = json!({
        "id": "a1", "type": "ai", "content": "",
        "tool_calls": [{ "id": "call", "name": "search", "args": {} }],
    });
    let mut old = state("c1", None, vec![said("h1", "human"), call]);
    old["tasks"] =
        json!([{ "id": "1", "name": "ask", "interrupts": [{ "id": "i", "value": "sure?" }] }]);
    let mut bench = keeping(|config| config.cancel_dangling_tool_calls = true);
    enter(&mut bench, "t");
    read(&mut bench, Some(saved(&old.to_string())));
    let view = bench.client.view();
    assert_eq!(view.messages().len(), 2);
    assert!(view.interrupts().is_empty(), "no question is asked");
    assert!(view.pending_tool_calls().is_empty(), "no tool is run");
    assert!(!view.can_edit(&"h1".into()) && !view.can_regenerate(&"a1".into()));
    assert_eq!(view.editable(), (vec![], vec![]));

    bench.feed(Input::Edit(EditInput::Requested {
        command: CommandId(5),
        edit: Box::new(Edit {
            at: EditAt::Message("h1".into()),
            submission: Submission::default(),
        }),
    }));
    assert!(matches!(bench.outcome(), Some(Outcome::Failed(_))));
    bench.feed(Input::Tools(ToolsInput::ResultAdded {
        command: CommandId(6),
        result: Box::new(ToolResult {
            tool_call_id: "call".to_owned(),
            content: Json::null(),
            is_error: false,
            name: None,
            artifact: None,
        }),
    }));
    assert_eq!(bench.outcome(), Some(Outcome::Dropped));

    bench.submit("more");
    let posted = |bench: &Bench| {
        bench
            .open
            .iter()
            .any(|(_, r)| r.url.ends_with("/runs/stream"))
    };
    assert!(!posted(&bench), "it waits for the thread");
    // The server has an answer to the call by now.
    let result = json!({ "id": "t1", "type": "tool", "content": "found", "tool_call_id": "call" });
    let call = json!({
        "id": "a1", "type": "ai", "content": "",
        "tool_calls": [{ "id": "call", "name": "search", "args": {} }],
    });
    answer(&mut bench, vec![said("h1", "human"), call, result]);
    let body = bench
        .asked("/runs/stream")
        .1
        .body
        .unwrap()
        .text()
        .to_owned();
    assert!(
        !body.contains("call"),
        "no call is answered as cancelled: {body}"
    );
}

#[test]
fn a_person_who_stops_the_loading_can_edit_nothing_of_it() {
    let mut bench = entered(dialogue());
    bench.feed(Input::StopRequested);
    let view = bench.client.view();
    assert!(!view.can_edit(&"h1".into()) && view.pending_tool_calls().is_empty());
    // What the run's values lack has been removed meanwhile.
    bench.submit("more");
    let stream = bench.accept("/runs/stream", "r1");
    bench.metadata(stream, "1", "r1");
    let values = json!({ "messages": [said("h1", "human")] }).to_string();
    bench.event(stream, "2", "values", &values);
    assert!(!shown(&bench).contains(&"a1".to_owned()));
}

/// A run is followed, and the page is closed in the middle of its answer.
fn left_in_the_middle() -> Bench {
    let mut bench = entered(dialogue());
    answer(&mut bench, dialogue());
    bench.submit("more");
    let stream = bench.accept("/runs/stream", "r1");
    bench.metadata(stream, "1", "r1");
    bench.token(stream, "2", "a2", "so ");
    bench.token(stream, "3", "a2", "far");
    bench.feed(Input::PageHiding { wall_clock: NOW });
    bench
}

#[test]
fn an_unfinished_answer_is_shown_behind_it_and_goes_on_from_its_cursor() {
    let stored = left_in_the_middle().stored;
    let mut bench = keeping(|_| {});
    bench.stored = stored;
    enter(&mut bench, "t");
    read(&mut bench, Some(saved(&thread_of(dialogue()))));
    assert_eq!(bench.state(), "saved");
    let texts: Vec<_> = shown(&bench).iter().map(|id| bench.text(id)).collect();
    assert_eq!(texts, ["human h1", "ai a1", "more", "so far"]);
    let before = shown(&bench);
    let question = json!({ "id": before[2], "type": "human", "content": "more" });
    let mut messages = dialogue();
    messages.push(question);
    bench.answer("/state", 200, &thread_of(messages));
    bench.answer("/threads/t", 200, BUSY);
    bench.run_is("r1", "running");
    let (_, request) = bench.asked("/runs/r1/stream");
    let cursor = Bench::header(&request, "last-event-id");
    assert_eq!(
        cursor.as_deref(),
        Some("2"),
        "what was had is not fetched again"
    );
    let stream = bench.accept("/runs/r1/stream", "r1");
    bench.token(stream, "3", "a2", "far");
    bench.token(stream, "4", "a2", " on");
    assert_eq!(shown(&bench), before);
    assert_eq!(bench.text("a2"), "so far on");
}

#[test]
fn what_a_record_has_of_a_message_is_newer() {
    let stored = left_in_the_middle().stored;
    let mut bench = keeping(|_| {});
    bench.stored = stored;
    enter(&mut bench, "t");
    let mut messages = dialogue();
    messages.push(json!({ "id": "a2", "type": "ai", "content": "something else" }));
    read(&mut bench, Some(saved(&thread_of(messages))));
    assert_eq!(bench.text("a2"), "so far");
}

#[test]
fn a_state_is_saved_once_it_has_settled() {
    let mut bench = keeping(|_| {});
    enter(&mut bench, "t");
    read(&mut bench, None);
    answer(&mut bench, dialogue());
    assert!(
        saves(&bench).is_empty(),
        "not while the page is busy with it"
    );
    bench.pass(2_000);
    let texts = saves(&bench);
    assert_eq!(texts.len(), 1);
    // What is saved can be read again.
    let mut again = keeping(|_| {});
    enter(&mut again, "t");
    read(&mut again, Some(texts[0].to_owned()));
    assert_eq!(shown(&again), ["h1", "a1"]);
    answer(&mut again, dialogue());
    again.pass(60_000);
    assert!(saves(&again).is_empty(), "it is saved already");
    assert_eq!(again.client.deadline(), None);
}

#[test]
fn tokens_save_nothing_and_the_end_of_a_run_does() {
    let mut bench = entered(dialogue());
    answer(&mut bench, dialogue());
    bench.submit("more");
    let stream = bench.accept("/runs/stream", "r1");
    bench.metadata(stream, "1", "r1");
    for n in 2..200 {
        bench.token(stream, &n.to_string(), "a2", "word ");
        bench.pass(100);
    }
    assert!(saves(&bench).is_empty());
    bench.end(stream);
    bench.settle(
        "r1",
        "success",
        &json!({ "messages": dialogue() }).to_string(),
    );
    bench.pass(2_000);
    assert_eq!(saves(&bench).len(), 1);
}

#[test]
fn states_that_change_often_are_saved_seldom() {
    let mut bench = keeping(|_| {});
    enter(&mut bench, "t");
    answer(&mut bench, dialogue());
    for n in 0..20 {
        bench.feed(Input::Branches(
            rejoin_core::BranchesInput::HistoryRequested,
        ));
        bench.answer(
            "/state",
            200,
            &thread_of(vec![said(&format!("h{n}"), "human")]),
        );
        bench.pass(1_500);
    }
    // 20 of them in 30 s.
    assert!(
        saves(&bench).len() <= 7,
        "{} were saved",
        saves(&bench).len()
    );
    bench.pass(10_000);
    assert!(
        saves(&bench).last().unwrap().contains("h19"),
        "the last one is"
    );
}

#[test]
fn a_page_that_is_hidden_or_turns_to_another_thread_saves_at_once() {
    let mut bench = keeping(|_| {});
    enter(&mut bench, "t");
    answer(&mut bench, dialogue());
    bench.feed(Input::BecameHidden);
    assert_eq!(saves(&bench).len(), 1);

    let mut bench = keeping(|_| {});
    enter(&mut bench, "t");
    answer(&mut bench, dialogue());
    enter(&mut bench, "another");
    let key = bench.saving.iter().find_map(|effect| match effect {
        SavedEffect::Save { key, .. } => Some(key.thread_id.to_string()),
        SavedEffect::Load { .. } | SavedEffect::Remove { .. } => None,
    });
    assert_eq!(key.as_deref(), Some("t"));
}

#[test]
fn a_state_that_is_too_large_is_not_saved_without_a_word() {
    let cache = Cache {
        bytes_max: 1_000,
        ..Cache::default()
    };
    let mut bench = keeping_in(|_| {}, cache);
    enter(&mut bench, "t");
    read(
        &mut bench,
        Some(saved(&thread_of(vec![said("h1", "human")]))),
    );
    assert_eq!(shown(&bench), ["h1"]);
    let long = json!({ "id": "a1", "type": "ai", "content": "x".repeat(2_000) });
    answer(&mut bench, vec![said("h1", "human"), long]);
    bench.pass(10_000);
    assert!(saves(&bench).is_empty() && bench.warnings().is_empty());
    assert_eq!(removals(&bench), ["t"], "what is saved of it is older");
}

#[test]
fn what_was_deleted_is_removed() {
    let mut bench = entered(dialogue());
    for thread in ["t", "another"] {
        bench.feed(Input::Saved(SavedInput::ThreadDeleted {
            thread_id: thread.into(),
        }));
    }
    assert_eq!(removals(&bench), ["t", "another"]);
    answer(&mut bench, dialogue());
}

#[test]
fn keys_name_the_server_the_thread_and_the_user() {
    let cache = Cache {
        identity: Some("ann".to_owned()),
        ..Cache::default()
    };
    let mut bench = keeping_in(|_| {}, cache);
    enter(&mut bench, "t");
    let SavedEffect::Load { key } = &bench.saving[0] else {
        panic!("{:?}", bench.saving)
    };
    assert_eq!(key.api_url, "http://server");
    assert_eq!(key.thread_id.as_str(), "t");
    assert_eq!(key.identity.as_deref(), Some("ann"));
}

#[test]
fn without_the_option_nothing_is_read_or_saved() {
    let mut bench = Bench::new();
    enter(&mut bench, "t");
    answer(&mut bench, dialogue());
    bench.pass(60_000);
    bench.feed(Input::BecameHidden);
    assert!(bench.saving.is_empty());
}

#[test]
fn it_is_read_only_where_the_thread_is() {
    let tunes: [fn(&mut Config); 3] = [
        |config| config.load_thread = false,
        |config| config.reads_state = false,
        |config| config.endpoint = rejoin_core::Endpoint::StreamOnly,
    ];
    for tune in tunes {
        let mut bench = keeping(tune);
        enter(&mut bench, "t");
        assert_eq!(loads(&bench), 0);
    }
    let mut bench = keeping(|_| {});
    enter(&mut bench, "t");
    answer(&mut bench, dialogue());
    enter(&mut bench, "t");
    assert_eq!(
        loads(&bench),
        1,
        "a thread that is shown already is not read again"
    );
}

#[test]
fn initial_values_give_way_to_it() {
    let initial = json!({ "messages": [said("welcome", "ai")] });
    let mut bench = keeping(|config| config.initial_values = Json::from_value(&initial).ok());
    enter(&mut bench, "t");
    assert_eq!(shown(&bench), ["welcome"]);
    read(&mut bench, Some(saved(&thread_of(dialogue()))));
    assert_eq!(shown(&bench), ["h1", "a1"]);
    bench.answer("/state", 404, "{}");
    bench.answer("/threads/t", 404, "{}");
    assert_eq!(
        shown(&bench),
        ["welcome"],
        "they are back where the thread is not"
    );
}

#[test]
fn a_message_that_only_was_saved_is_the_servers() {
    let bench = entered(dialogue());
    let messages = bench.client.view();
    let messages = messages.messages();
    assert!(
        messages
            .iter()
            .all(|slot| slot.origin == MessageOrigin::Server)
    );
}

#[test]
fn another_message_that_says_the_same_is_not_the_saved_one() {
    // The turn was answered anew since, and the answer says the same.
    let mut anew = said("a2", "ai");
    anew["content"] = said("a1", "ai")["content"].clone();
    let mut bench = entered(dialogue());
    let state = thread_of(vec![said("h1", "human"), anew]);
    bench.answer("/state", 200, &state);
    bench.answer("/threads/t", 200, IDLE);
    assert_eq!(shown(&bench), ["h1", "a2"]);
}
