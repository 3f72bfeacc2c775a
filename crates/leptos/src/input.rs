//! What the core is told without a method of its own on the driver. In one place, so that a change of the core's input is a
//! change of this file.

use rejoin_core::{
    CommandId, Input,
    wire::{CheckpointId, Json},
};

pub(crate) fn branch_selected(branch: String) -> Input {
    Input::BranchSelected { branch }
}

pub(crate) fn history_requested() -> Input {
    Input::HistoryRequested
}

pub(crate) fn values_mutated(values: Json) -> Input {
    Input::ValuesMutated { values }
}

pub(crate) fn events_listened(names: Vec<String>) -> Input {
    Input::EventsListened { names }
}

pub(crate) fn checkpoint_resolved(
    command: CommandId,
    checkpoint: Result<Option<CheckpointId>, String>,
) -> Input {
    Input::CheckpointResolved {
        command,
        checkpoint,
    }
}

pub(crate) fn thread_switched(thread_id: Option<rejoin_core::wire::ThreadId>) -> Input {
    Input::ThreadSwitched { thread_id }
}
