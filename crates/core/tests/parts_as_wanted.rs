//! `rejoin-leptos` adds each part when the page first asks for something of it, so that a page that never asks does not download
//! it. All of these tests are run again on such a client (`support::Bench` goes by this file's name).

// A panic is how a test fails. Each of the files brings the bench along.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::duplicate_mod)]

#[path = "branches.rs"]
mod branches;
#[path = "edits.rs"]
mod edits;
#[path = "outbox.rs"]
mod outbox;
#[path = "outbox_changes.rs"]
mod outbox_changes;
#[path = "saved.rs"]
mod saved;
#[path = "session_pages.rs"]
mod session_pages;
#[path = "session_view.rs"]
mod session_view;
mod support;
#[path = "tools.rs"]
mod tools;

use rejoin_core::{BranchesInput, Extras, Input};
use support::Bench;

#[test]
fn a_part_that_is_there_stays_as_it_is() {
    let mut bench = Bench::with(|config| config.history_limit = Some(10));
    bench.feed(Input::ThreadSwitched {
        thread_id: Some("t".into()),
    });
    let states = [
        support::state("c2", Some("c1"), Vec::new()),
        support::state("c1", None, Vec::new()),
    ];
    let states = serde_json::json!(states).to_string();
    bench.answer("/history", 200, &states);
    bench.answer("/threads/t", 200, r#"{"thread_id":"t","status":"idle"}"#);
    bench.feed(Input::Branches(BranchesInput::Selected {
        branch: "c1".to_owned(),
    }));
    let before = bench.client.view().revision();
    for extras in [&Extras::BRANCHES, &Extras::OUTBOX] {
        bench
            .client
            .handle(rejoin_core::Millis(2_000), Input::ExtrasCame { extras });
    }
    let view = bench.client.view();
    assert_eq!((view.branch(), view.revision()), ("c1", before));
}
