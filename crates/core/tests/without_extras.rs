//! What gets a run back needs nothing of `EXTRAS`: the npm package's first module has to do it alone, in a tunnel too. So all of
//! these tests are run again on a client without it (`support::Bench` goes by this file's name). What waits to be sent is the exception: it is read
//! back once the client has asked for `EXTRAS`, which the bench gives it.

// A panic is how a test fails. Each of the files brings the bench along.
#![allow(clippy::unwrap_used, clippy::duplicate_mod)]

#[path = "errors.rs"]
mod errors;
#[path = "joins.rs"]
mod joins;
#[path = "outbox.rs"]
mod outbox;
#[path = "recovery.rs"]
mod recovery;
#[path = "subgraphs.rs"]
mod subgraphs;
mod support;

use rejoin_core::{
    BranchesInput, Checkpoints, CommandId, EXTRAS, Edit, EditAt, EditInput, Input, Outcome,
    SessionInput, Submission, ToolResult, ToolsInput, wire::Json,
};
use support::{Bench, state};

const IDLE: &str = r#"{"thread_id":"t","status":"idle"}"#;

/// On a thread that holds a question and its answer.
fn entered() -> Bench {
    let mut bench = Bench::with(|config| {
        config.history_limit = Some(10);
        config.cancel_dangling_tool_calls = true;
        config.checkpoints = Checkpoints::Automatic;
    });
    bench.feed(Input::ThreadSwitched {
        thread_id: Some("t".into()),
    });
    let said = |id: &str, kind: &str| serde_json::json!({ "id": id, "type": kind, "content": id });
    let messages = vec![said("h1", "human"), said("a1", "ai")];
    bench.answer("/state", 200, &state("c1", None, messages).to_string());
    bench.answer("/threads/t", 200, IDLE);
    bench
}

fn edit(bench: &mut Bench, command: u64) {
    let edit = Edit {
        at: EditAt::Answer("a1".into()),
        submission: Submission::default(),
    };
    bench.feed(Input::Edit(EditInput::Requested {
        command: CommandId(command),
        edit: Box::new(edit),
    }));
}

#[test]
fn what_needs_it_is_left_undone_and_says_so() {
    let mut bench = entered();
    edit(&mut bench, 5);
    assert_eq!(bench.outcome(), Some(Outcome::Dropped));
    bench.feed(Input::Tools(ToolsInput::ResultAdded {
        command: CommandId(6),
        result: Box::new(ToolResult {
            tool_call_id: "c".to_owned(),
            content: Json::null(),
            is_error: false,
            name: None,
            artifact: None,
        }),
    }));
    bench.feed(Input::Session(SessionInput::Opened { limit: 10 }));
    bench.feed(Input::Session(SessionInput::OlderRequested {
        command: CommandId(7),
    }));
    bench.feed(Input::Branches(BranchesInput::HistoryRequested));
    bench.feed(Input::Branches(BranchesInput::Selected {
        branch: "c0".to_owned(),
    }));
    let view = bench.client.view();
    assert!(view.session().is_none() && view.history().is_empty() && view.branch().is_empty());
    assert!(bench.open.is_empty(), "nothing was asked for");
    assert_eq!(bench.client.deadline(), None);
}

#[test]
fn once_it_has_come_it_is_as_if_it_had_been_there() {
    let mut bench = entered();
    let before = bench.client.view().revision();
    bench.feed(Input::ExtrasCame { extras: &EXTRAS });
    assert!(
        bench.client.view().revision() > before,
        "readers look again"
    );
    edit(&mut bench, 5);
    bench.answer(
        "/threads/t/history?limit=100",
        200,
        &serde_json::json!([
            state(
                "c1",
                Some("c0"),
                vec![
                    serde_json::json!({ "id": "h1", "type": "human" }),
                    serde_json::json!({ "id": "a1", "type": "ai" })
                ]
            ),
            state(
                "c0",
                None,
                vec![serde_json::json!({ "id": "h1", "type": "human" })]
            ),
        ])
        .to_string(),
    );
    let (_, request) = bench.asked("/runs/stream");
    let body: serde_json::Value = request.body.unwrap().read().unwrap();
    assert_eq!(body["checkpoint"]["checkpoint_id"], "c0");
}
