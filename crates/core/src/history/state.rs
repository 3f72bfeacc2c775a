//! One state of a thread, as far as its history looks at it.

use crate::{list::collected, thread_store::id_or_place};
use rejoin_wire::{
    CheckpointId, Json, MessageId,
    json::{FromJson, JsonError, Lenient, Oddities, field, parts},
    message::read_ids,
    thread::Checkpoint,
};

/// One state of a thread's history.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryState {
    /// The state as the server sent it: `values`, `next`, `tasks`, `checkpoint` and so on.
    pub json: Json,
    /// Its checkpoint.
    pub checkpoint_id: Option<CheckpointId>,
    /// The checkpoint it came from.
    pub parent_id: Option<CheckpointId>,
}

impl Lenient for HistoryState {
    fn read(text: &str, odd: &mut Oddities) -> Result<Self, JsonError> {
        let json = Json::from_json(text)?;
        let [checkpoint, parent] = parts(json.text(), &["checkpoint", "parent_checkpoint"])?;
        let checkpoint: Option<Checkpoint> = odd.field("checkpoint", checkpoint);
        let parent: Option<Checkpoint> = odd.field("parent_checkpoint", parent);
        Ok(Self {
            checkpoint_id: checkpoint.and_then(|checkpoint| checkpoint.checkpoint_id),
            parent_id: parent.and_then(|parent| parent.checkpoint_id),
            json,
        })
    }
}

/// The source of a state: `input`, `loop`, `update`, `fork`.
pub(crate) fn source_of(state: &HistoryState) -> Option<String> {
    let metadata = field(state.json.text(), "metadata")?;
    String::from_json(field(metadata, "source")?).ok()
}

/// The ids of a state's messages; for a message without one, its place.
pub(crate) fn message_ids(state: &HistoryState, messages_key: &str) -> Vec<MessageId> {
    let values = field(state.json.text(), "values").unwrap_or_default();
    let listed = field(values, messages_key).unwrap_or_default();
    let ids = read_ids(listed).into_iter().enumerate();
    collected(ids.map(|(at, id)| id_or_place(at, id)))
}
