//! On a server nothing happens, and nothing breaks.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used)]

use leptos::prelude::{GetUntracked, Owner, RenderHtml, view};
use rejoin_core::{
    Connection, Outcome, Submission,
    wire::{InterruptId, Json, MessageId, ThreadId},
};
use rejoin_leptos::{
    ConnectionStatus, RecordStore, StorageError, StorageKind, UseStreamOptions, use_stream,
};
use std::{
    rc::Rc,
    task::{Context, Poll, Waker},
};

/// Fails the test if it is touched.
struct Untouchable;

impl RecordStore for Untouchable {
    fn load(&self, _: &str) -> Result<Option<String>, StorageError> {
        panic!("loaded on a server")
    }

    fn save(&self, _: &str, _: &str) -> Result<(), StorageError> {
        panic!("saved on a server")
    }

    fn remove(&self, _: &str) -> Result<(), StorageError> {
        panic!("removed on a server")
    }
}

fn options() -> UseStreamOptions {
    UseStreamOptions::new("/api", "chat")
        .storage(StorageKind::Custom(Rc::new(Untouchable)))
        .headers(|_| panic!("headers made on a server"))
        .on_notice(|notice| panic!("told {notice:?} on a server"))
}

#[test]
fn signals_hold_the_state_before_anything_was_loaded() {
    Owner::new().with(|| {
        let stream = use_stream(options().thread_id(Some("t".to_owned())));
        assert!(stream.is_thread_loading.get_untracked());
        assert_eq!(stream.thread_id.get_untracked(), Some(ThreadId::from("t")));
        assert_eq!(stream.connection.get_untracked(), Connection::Idle);
        assert!(stream.messages.get_untracked().is_empty());
        assert!(stream.values.get_untracked().is_null());
        assert!(!stream.is_loading.get_untracked());

        let new = use_stream(options());
        assert!(!new.is_thread_loading.get_untracked());
        assert_eq!(new.thread_id.get_untracked(), None);
    });
}

#[test]
fn commands_do_nothing() {
    Owner::new().with(|| {
        let stream = use_stream(options());
        stream.submit_text("hi", None);
        stream.resume(Json::null(), Submission::default());
        stream.respond(&InterruptId::from("i"), Json::null(), Submission::default());
        stream.respond_all([], Submission::default());
        stream.edit_text(&MessageId::from("m"), "hi", None);
        stream.regenerate(&MessageId::from("m"), Submission::default());
        stream.set_branch("b");
        stream.refresh_history();
        stream.retry();
        stream.stop();
        stream.cancel();
        stream.rejoin();
        stream.switch_thread(Some(ThreadId::from("t")));
        let mut joining = std::pin::pin!(stream.join_stream(None));
        let polled = joining
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        assert_eq!(polled, Poll::Ready(Outcome::NothingToJoin));
        assert!(stream.messages.get_untracked().is_empty());
        assert!(!stream.is_loading.get_untracked());
        assert!(!stream.can_retry.get_untracked());
        assert_eq!(stream.editing.get_untracked(), None);
    });
}

#[test]
fn the_status_is_rendered() {
    let html = Owner::new().with(|| {
        let stream = use_stream(options());
        view! { <ConnectionStatus stream /> }.to_html()
    });
    for part in [
        r#"role="status""#,
        r#"data-testid="connection""#,
        r#"data-state="idle""#,
        "Ready.",
    ] {
        assert!(html.contains(part), "{part} in {html}");
    }
}
