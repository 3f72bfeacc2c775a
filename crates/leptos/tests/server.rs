//! On a server nothing happens, and nothing breaks.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used)]

// Both as an application has them: a name of the one must not hide one of the other.
#[allow(clippy::wildcard_imports)]
use leptos::prelude::*;
#[allow(clippy::wildcard_imports)]
use rejoin_leptos::prelude::*;
use rejoin_leptos::{RecordStore, StorageError};
use serde_json::json;
use std::{
    collections::BTreeMap,
    sync::Arc,
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
        .storage(StorageKind::Custom(Arc::new(Untouchable)))
        .thread_in_url("thread")
        .remember_thread("thread")
        .headers::<String, String>(async |_| panic!("headers made on a server"))
        .on_notice(|notice| panic!("told {notice:?} on a server"))
}

#[test]
fn signals_hold_the_state_before_anything_was_loaded() {
    Owner::new().with(|| {
        let stream = use_stream(options().thread_id("t"));
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
        stream.submit("hi");
        stream.submit(json!({ "topic": "tea" }));
        stream.submit_text("hi");
        stream.resume(());
        stream.respond("i", true);
        stream.respond_all(BTreeMap::<String, bool>::new());
        stream.edit("m", "hi");
        stream.edit_text(MessageId::from("m"), "hi");
        stream.regenerate(&MessageId::from("m"));
        stream.set_branch("b");
        stream.refresh_history();
        stream.retry();
        stream.stop();
        stream.cancel();
        stream.rejoin();
        stream.switch_thread("t");
        stream.new_thread();
        stream.mutate(json!({})).unwrap();
        let mut joining = std::pin::pin!(stream.run().join_stream("r"));
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
fn what_has_no_json_form_ends_its_command() {
    Owner::new().with(|| {
        let stream = use_stream(options());
        let no_texts = BTreeMap::from([(vec![1], 1)]);
        assert!(stream.mutate(&no_texts).is_err());
        let mut submitted = std::pin::pin!(stream.run().config(&no_texts).submit("hi"));
        let polled = submitted
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        let Poll::Ready(Outcome::Failed(error)) = polled else {
            panic!("{polled:?}");
        };
        assert_eq!(error.code, ErrorCode::InvalidInput);
        assert!(error.message.contains("config"), "{}", error.message);

        let seeded = use_stream(options().initial_values(&no_texts));
        let error = seeded.error.get_untracked().unwrap();
        assert!(
            error.message.contains("initial values"),
            "{}",
            error.message
        );
    });
}

#[test]
fn the_status_is_rendered() {
    let html = Owner::new().with(|| {
        let stream = use_stream(options());
        view! { <ConnectionStatus stream class="mine" /> }.to_html()
    });
    for part in [
        r#"class="rejoin-status mine""#,
        r#"role="status""#,
        r#"data-testid="connection""#,
        r#"data-state="idle""#,
        "Ready.",
    ] {
        assert!(html.contains(part), "{part} in {html}");
    }
}

#[test]
fn initial_values_are_rendered() {
    let html = Owner::new().with(|| {
        let greeting = json!({ "type": "ai", "id": "a", "content": "Hello!" });
        let values = json!({ "messages": [greeting], "topic": "tea" });
        let stream = use_stream(options().initial_values(values));
        view! {
            <For each=move || stream.messages.get() key=|message| message.id() let:message>
                <p data-kind=message.kind().as_str().to_owned()>{move || message.text()}</p>
            </For>
            <b>{move || stream.values.get().text().contains("tea")}</b>
        }
        .to_html()
    });
    assert!(html.contains("data-kind=\"ai\""), "{html}");
    assert!(html.contains("Hello!"), "{html}");
    assert!(html.contains("true"), "{html}");
}

/// A server's tasks move between threads, and what one began another may end.
#[test]
fn a_stream_may_be_dropped_on_another_thread() {
    let owner = Owner::new();
    owner.with(|| {
        provide_stream_store();
        let stream = use_shared_stream("chat", || {
            options().initial_values(json!({ "messages": [] }))
        });
        use_view(stream, 10);
        provide_context(options());
    });
    std::thread::spawn(move || drop(owner)).join().unwrap();
}

#[test]
fn options_can_go_into_a_context() {
    Owner::new().with(|| {
        provide_context(UseStreamOptions::new("/api", "chat").history_limit(20));
        let options: UseStreamOptions = expect_context();
        use_stream(options);
    });
}

/// The crate's names hide none of the language's.
mod under_a_glob {
    #[allow(unused_imports, clippy::wildcard_imports)]
    use rejoin_leptos::*;

    pub(super) fn size() -> usize {
        core::mem::size_of::<u32>()
    }
}

#[test]
fn the_crates_own_names_hide_nothing_of_the_language() {
    assert_eq!(under_a_glob::size(), 4);
}

#[test]
fn a_message_can_be_copied_and_what_it_says_is_its_own() {
    fn is_copy<T: Copy + Send + Sync>(_: T) {}
    Owner::new().with(|| {
        let greeting = json!({ "type": "ai", "id": "a", "content": "Hello!" });
        let stream = use_stream(options().initial_values(json!({ "messages": [greeting] })));
        let message = stream.messages.get_untracked()[0];
        is_copy(message);
        is_copy(stream);
        assert_eq!(untrack(|| message.text()), "Hello!");
        assert_eq!(untrack(|| message.kind()), MessageKind::Ai);
        // Its id is what commands want.
        stream.edit(message.id(), "Hello?");
    });
}
