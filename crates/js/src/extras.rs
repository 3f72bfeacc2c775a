//! The parts of the second module: see [`rejoin_core::EXTRAS`]. Only this file may name [`EXTRAS`]; otherwise they would be
//! in the first module.

use crate::{
    changes::{Call, Sent},
    fields::Fields,
    json, request,
};
use rejoin_browser::ShareConnections;
use rejoin_core::{
    CommandId, Input, View,
    wire::{MessageId, json::Writer},
};

/// The functions at this edge.
pub(crate) struct Extras {
    /// Reads a request that only it knows.
    pub(crate) request: fn(&str, &mut Fields<'_>, CommandId) -> Option<Input>,
    /// Tells what has changed in a session that is shown.
    pub(crate) session: fn(&mut Sent, View<'_>, u64, &mut Vec<Call>),
    /// The parts that only it reads.
    pub(crate) editable: fn(View<'_>) -> String,
    pub(crate) history: fn(View<'_>) -> String,
    pub(crate) branch_tree: fn(View<'_>) -> String,
    /// Says where a message stands in the history.
    pub(crate) message_branch: fn(View<'_>, &MessageId, &mut Writer<'_>),
}

/// All of them.
pub(crate) static EXTRAS: Extras = Extras {
    request: request::extra,
    session: Sent::session,
    editable: json::editable,
    history: json::history,
    branch_tree: |view| view.branch_tree(),
    message_branch: json::message_branch,
};

/// Reads which tabs share connections.
pub(crate) fn share_connections(words: String) -> Option<ShareConnections> {
    if words == "same-headers" {
        return Some(ShareConnections::SameHeaders);
    }
    let user = words.strip_prefix("as ")?;
    Some(ShareConnections::As(user.to_owned()))
}
