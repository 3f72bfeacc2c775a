//! What the host is told beside messages: where the connection and the run are.

use crate::text::{error, push_name, push_number, push_optional, push_string};
use rejoin_core::{
    Connection, Millis, Outcome, StreamError, View,
    wire::{MessageId, RunId},
};

/// The `status` of the contract. `retryInMs` is counted from `now`, so two texts compare only if they are made for one `now`.
pub(crate) fn status(view: View<'_>, now: Millis) -> String {
    let mut out = String::from("{\"connection\":{");
    let connection = view.connection();
    push_name(&mut out, "state");
    push_string(&mut out, connection.as_str());
    if let Connection::Reconnecting { attempt, retry_at } = connection {
        push_name(&mut out, "attempt");
        push_number(&mut out, attempt.into());
        if let Some(retry_at) = retry_at {
            push_name(&mut out, "retryInMs");
            push_number(&mut out, (retry_at - now).0);
        }
    }
    out.push('}');
    let flags = [
        ("isLoading", view.is_loading()),
        ("isThreadLoading", view.is_thread_loading()),
        ("canStop", view.can_stop()),
        ("canRejoin", view.can_rejoin()),
    ];
    for (name, flag) in flags {
        push_name(&mut out, name);
        out.push_str(if flag { "true" } else { "false" });
    }
    push_name(&mut out, "threadId");
    push_optional(&mut out, view.thread_id().map(|id| id.as_str()));
    push_name(&mut out, "runId");
    push_optional(&mut out, view.run_id().map(|id| id.as_str()));
    push_name(&mut out, "error");
    match view.error() {
        Some(wrong) => out.push_str(&error(wrong)),
        None => out.push_str("null"),
    }
    push_name(&mut out, "branch");
    push_string(&mut out, view.branch());
    out.push('}');
    out
}

/// `{"tries","last_event_id"}`.
pub(crate) fn attempt(tries: u32, last_event_id: Option<&str>) -> String {
    let mut out = String::from("{");
    push_name(&mut out, "tries");
    push_number(&mut out, tries.into());
    push_name(&mut out, "last_event_id");
    push_optional(&mut out, last_event_id);
    out.push('}');
    out
}

/// `{"run_id"?,"outcome","error"?}`.
pub(crate) fn ended(
    run_id: Option<&RunId>,
    outcome: &Outcome,
    wrong: Option<&StreamError>,
) -> String {
    let mut out = String::from("{");
    if let Some(run_id) = run_id {
        push_name(&mut out, "run_id");
        push_string(&mut out, run_id.as_str());
    }
    push_name(&mut out, "outcome");
    push_string(&mut out, outcome.as_str());
    if let Some(wrong) = wrong {
        push_name(&mut out, "error");
        out.push_str(&error(wrong));
    }
    out.push('}');
    out
}

/// The `messageMetadata` of the contract; nothing where nothing is known of the message.
pub(crate) fn message_metadata(view: View<'_>, id: &MessageId) -> Option<String> {
    let mut out = String::from("{");
    let place = view.message_branch(id);
    if let Some(first_seen) = place.first_seen {
        push_name(&mut out, "first_seen");
        push_number(&mut out, first_seen as u64);
    }
    if let Some(branch) = &place.branch {
        push_name(&mut out, "branch");
        push_string(&mut out, branch);
        push_name(&mut out, "branch_options");
        out.push('[');
        for (at, option) in place.options.iter().enumerate() {
            if at > 0 {
                out.push(',');
            }
            push_string(&mut out, option);
        }
        out.push(']');
    }
    let mut slots = view.messages().iter();
    let slot = slots.find(|slot| slot.id() == id);
    if let Some(stream) = slot.and_then(|slot| slot.metadata.as_ref()) {
        push_name(&mut out, "stream");
        out.push_str(stream.text());
    }
    if out.len() == 1 {
        return None;
    }
    out.push('}');
    Some(out)
}
