//! A checkpoint as clients name it.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::parameters::check_more;
use crate::{
    error::ServerError,
    ids::{CheckpointId, ThreadId},
};

/// The fields that name a checkpoint, and the other fields of the same object.
#[derive(Deserialize)]
pub(super) struct Address {
    thread_id: Option<Value>,
    checkpoint_ns: Option<String>,
    checkpoint_id: Option<Value>,
    checkpoint_map: Option<Map<String, Value>>,
    #[serde(flatten)]
    more: Map<String, Value>,
}

impl Address {
    /// The id of the checkpoint of this thread, if the address names one. `place` leads the names of its fields in errors.
    ///
    /// # Errors
    /// [`ServerError::NotImplemented`] for a subgraph's checkpoint and for unknown fields; [`ServerError::InvalidRequest`]
    /// for a checkpoint of another thread.
    pub(super) fn id(
        &self,
        place: &str,
        thread: ThreadId,
    ) -> Result<Option<CheckpointId>, ServerError> {
        check_more(&self.more, place)?;
        self.id_beside_settings(place, thread)
    }

    /// The same for an object whose other fields are an agent's settings (`configurable`).
    ///
    /// # Errors
    /// As for [`Address::id`].
    pub(super) fn id_beside_settings(
        &self,
        place: &str,
        thread: ThreadId,
    ) -> Result<Option<CheckpointId>, ServerError> {
        let is_subgraph = self.checkpoint_ns.as_ref().is_some_and(|ns| !ns.is_empty());
        let has_map = self
            .checkpoint_map
            .as_ref()
            .is_some_and(|map| !map.is_empty());
        if is_subgraph || has_map {
            let name = if is_subgraph {
                "checkpoint_ns"
            } else {
                "checkpoint_map"
            };
            let text = format!("checkpoints of subgraphs ({place}{name})");
            return Err(ServerError::NotImplemented(text));
        }
        if let Some(named) = &self.thread_id
            && ThreadId::parse(text(named))? != thread
        {
            let text = format!("{place}thread_id is another thread than the request's");
            return Err(ServerError::InvalidRequest(text));
        }
        let id = self.checkpoint_id.as_ref();
        id.map(|id| CheckpointId::parse(text(id))).transpose()
    }
}

/// A value that should be an id; what is no text is no id.
fn text(id: &Value) -> &str {
    id.as_str().unwrap_or_default()
}

/// The one checkpoint that several fields name.
///
/// # Errors
/// [`ServerError::InvalidRequest`] where they name different ones.
pub(super) fn the_only(
    named: impl IntoIterator<Item = Option<CheckpointId>>,
) -> Result<Option<CheckpointId>, ServerError> {
    let mut named = named.into_iter().flatten();
    let first = named.next();
    if named.any(|other| Some(other) != first) {
        let text = "the request names two different checkpoints";
        return Err(ServerError::InvalidRequest(text.to_owned()));
    }
    Ok(first)
}
