//! The JSON texts that leave for JavaScript.

use crate::extras::Extras;
use rejoin_core::{
    Connection, FeedStatus, Millis, Outcome, SessionNode, Status, StreamError, View,
    WaitingSubmission,
    wire::{
        Json, MessageId, RunId, ThreadId,
        json::{ToJson, Writer, write_string},
        session::NodeStatus,
        thread::Interrupt,
    },
};

/// An object of texts.
pub(crate) fn object(fields: &[(&str, &str)]) -> String {
    let mut out = String::new();
    let mut object = Writer::object(&mut out);
    for (name, value) in fields {
        object.string(name, value);
    }
    object.end();
    out
}

/// `{"code","message","status"?,"detail"?}`.
pub(crate) fn error(error: &StreamError) -> String {
    let mut out = String::new();
    write_error(&mut out, error);
    out
}

fn write_error(out: &mut String, error: &StreamError) {
    let mut object = Writer::object(out);
    object.string("code", error.code.as_str());
    object.string("message", &error.message);
    if let Some(status) = error.status {
        object.number("status", status.into());
    }
    object.some_string("detail", error.detail.as_deref());
    object.end();
}

/// The `status` of the contract. Objects that are the same as in `before` are left out.
pub(crate) fn status(status: &Status, before: Option<&Status>, now: Millis) -> String {
    let mut out = String::new();
    let mut object = Writer::object(&mut out);
    let connection = (status.connection, status.lost_since);
    if before.is_none_or(|before| (before.connection, before.lost_since) != connection) {
        write_connection(object.field("connection"), connection, now);
    }
    object.bool("isLoading", status.is_loading);
    object.bool("isThreadLoading", status.is_thread_loading);
    object.bool("canStop", status.can_stop);
    object.bool("canRejoin", status.can_rejoin);
    object.bool("isUnsent", status.is_unsent);
    object.string_or_null("threadId", status.thread_id.as_ref().map(ThreadId::as_str));
    object.string_or_null("runId", status.run_id.as_ref().map(RunId::as_str));
    if before.is_none_or(|before| before.error != status.error) {
        write_some_error(object.field("error"), status.error.as_ref());
    }
    object.string("branch", &status.branch);
    object.string_or_null("editing", status.editing.as_ref().map(MessageId::as_str));
    object.end();
    out
}

/// A connection, and since when there is no contact. Times are counted from `now`, as the page has a clock of its own.
fn write_connection(
    out: &mut String,
    (connection, lost_since): (Connection, Option<Millis>),
    now: Millis,
) {
    let mut object = Writer::object(out);
    object.string("state", connection.as_str());
    if let Connection::Reconnecting { attempt, retry_at } = connection {
        object.number("attempt", attempt.into());
        if let Some(retry_at) = retry_at {
            object.number("retryInMs", (retry_at - now).0);
        }
    }
    if let Some(lost_since) = lost_since {
        object.number("lostForMs", (now - lost_since).0);
    }
    object.end();
}

fn write_some_error(out: &mut String, error: Option<&StreamError>) {
    match error {
        Some(wrong) => write_error(out, wrong),
        None => out.push_str("null"),
    }
}

/// The `feed` of the contract. Objects that are the same as in `before` are left out.
pub(crate) fn feed(feed: &FeedStatus, before: Option<&FeedStatus>, now: Millis) -> String {
    let mut out = String::new();
    let mut object = Writer::object(&mut out);
    let connection = (feed.connection, feed.lost_since);
    if before.is_none_or(|before| (before.connection, before.lost_since) != connection) {
        write_connection(object.field("connection"), connection, now);
    }
    object.bool("hasOlder", feed.has_older);
    object.bool("ready", feed.is_ready);
    object.number("generation", feed.generation);
    if before.is_none_or(|before| before.error != feed.error) {
        write_some_error(object.field("error"), feed.error.as_ref());
    }
    object.end();
    out
}

/// The facts about a session's message, without the message itself.
pub(crate) fn node_facts(node: &SessionNode<'_>) -> String {
    let mut out = String::new();
    let mut object = Writer::object(&mut out);
    if !node.is_pending {
        object.number("position", node.position);
    }
    object.string("status", node.status.as_str());
    if let NodeStatus::Ended(status) = &node.status {
        object.some_string("reason", status.reason());
    }
    object.some_string("run_id", node.run_id.map(RunId::as_str));
    object.end();
    out
}

/// The bits of the contract's `Part`.
pub(crate) mod part {
    pub(crate) const VALUES: u32 = 1;
    pub(crate) const INTERRUPTS: u32 = 2;
    pub(crate) const HISTORY: u32 = 4;
    pub(crate) const HEAD: u32 = 8;
    pub(crate) const EDITABLE: u32 = 16;
    pub(crate) const BRANCH_TREE: u32 = 32;
    pub(crate) const WAITING: u32 = 64;
}

/// A part of what is shown; empty where there is none.
pub(crate) fn read(view: View<'_>, part: u32, extras: Option<&Extras>) -> String {
    match part {
        part::VALUES => view.values().text().to_owned(),
        part::INTERRUPTS => interrupts(view.interrupts()),
        part::HISTORY => extras.map_or_else(String::new, |extras| (extras.history)(view)),
        part::WAITING => waiting(&view.waiting()),
        part::HEAD => view.head().map_or("", Json::text).to_owned(),
        part::EDITABLE => extras.map_or_else(String::new, |extras| (extras.editable)(view)),
        part::BRANCH_TREE => extras.map_or_else(String::new, |extras| (extras.branch_tree)(view)),
        _ => String::new(),
    }
}

/// The `editable` of the contract.
pub(crate) fn editable(view: View<'_>) -> String {
    let mut out = String::new();
    let mut object = Writer::object(&mut out);
    let (edit, regenerate) = view.editable();
    for (name, ids) in [("edit", edit), ("regenerate", regenerate)] {
        let mut list = Writer::list(object.field(name));
        for id in ids {
            write_string(list.item(), id.as_str());
            let slot = view.message(id).and_then(|slot| slot.message.id.as_ref());
            if let Some(other) = slot.filter(|other| *other != id) {
                write_string(list.item(), other.as_str());
            }
        }
        list.end();
    }
    object.bool("retry", view.can_retry());
    object.end();
    out
}

/// `{"run_id"?,"outcome","error"?}`.
pub(crate) fn ended(run_id: Option<&RunId>, outcome: &Outcome) -> String {
    let mut out = String::new();
    let mut object = Writer::object(&mut out);
    object.some_string("run_id", run_id.map(RunId::as_str));
    object.string("outcome", outcome.as_str());
    if let Some(wrong) = outcome.error() {
        write_error(object.field("error"), wrong);
    }
    object.end();
    out
}

/// The `EngineWaiting`s of the contract.
fn waiting(waiting: &[WaitingSubmission<'_>]) -> String {
    let mut out = String::new();
    let mut list = Writer::list(&mut out);
    for submission in waiting {
        let mut object = Writer::object(list.item());
        object.string("id", submission.id);
        object.string("state", submission.state.as_str());
        let mut messages = Writer::list(object.field("messages"));
        for message in submission.messages {
            messages.item().push_str(&message.shown_json());
        }
        messages.end();
        object.raw("values", submission.input.map_or("null", Json::text));
        object.bool("isShown", submission.is_shown);
        object.bool("isStored", submission.is_stored);
        object.number("submittedAt", submission.submitted_at.0);
        object.end();
    }
    list.end();
    out
}

/// The interrupts as the server sent them.
fn interrupts(interrupts: &[Interrupt]) -> String {
    let mut out = String::new();
    let mut list = Writer::list(&mut out);
    for interrupt in interrupts {
        interrupt.write_json(list.item());
    }
    list.end();
    out
}

/// The states as one list.
pub(crate) fn history(view: View<'_>) -> String {
    let mut out = String::new();
    let mut list = Writer::list(&mut out);
    for state in view.history() {
        list.item().push_str(state.json.text());
    }
    list.end();
    out
}

/// The `messageMetadata` of the contract; empty where nothing is known of the message.
pub(crate) fn message_metadata(view: View<'_>, id: &MessageId, extras: Option<&Extras>) -> String {
    let mut out = String::new();
    let mut object = Writer::object(&mut out);
    if let Some(extras) = extras {
        (extras.message_branch)(view, id, &mut object);
    }
    if let Some(stream) = view.message(id).and_then(|slot| slot.metadata.as_ref()) {
        object.raw("stream", stream.text());
    }
    object.end();
    if out == "{}" {
        out.clear();
    }
    out
}

/// The message's facts in the history.
pub(crate) fn message_branch(view: View<'_>, id: &MessageId, object: &mut Writer<'_>) {
    let place = view.message_branch(id);
    if let Some(first_seen) = place.first_seen {
        object.number("first_seen", first_seen as u64);
    }
    if let Some(branch) = &place.branch {
        object.string("branch", branch);
        let mut list = Writer::list(object.field("branch_options"));
        for option in &place.options {
            write_string(list.item(), option);
        }
        list.end();
    }
}
