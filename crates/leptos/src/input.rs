//! The core's inputs that the driver has no method for, in one place, so that a change of the core's input is a change of
//! this file.

use rejoin_core::{
    BranchesInput, CommandId, EditInput, Extras, Input, WaitingInput,
    wire::{CheckpointId, Json},
};

pub(crate) fn part_came(part: &'static Extras) -> Input {
    Input::ExtrasCame { extras: part }
}

pub(crate) fn branch_selected(branch: String) -> Input {
    Input::Branches(BranchesInput::Selected { branch })
}

pub(crate) fn history_requested() -> Input {
    Input::Branches(BranchesInput::HistoryRequested)
}

pub(crate) fn taken_back(id: String) -> Input {
    Input::Waiting(WaitingInput::TakeBack { id })
}

pub(crate) fn sent_now(id: String) -> Input {
    Input::Waiting(WaitingInput::SendNow { id })
}

pub(crate) fn values_mutated(values: Json) -> Input {
    Input::ValuesMutated { values }
}

/// The events that the core tells without being asked.
const TOLD_ANYWAY: [&str; 3] = ["custom", "updates", "error"];

/// The input that asks for events, if there are any beyond those that come anyway.
pub(crate) fn events_listened(names: &[String]) -> Option<Input> {
    let more = names
        .iter()
        .filter(|name| !TOLD_ANYWAY.contains(&name.as_str()));
    let more: Vec<String> = more.cloned().collect();
    (!more.is_empty()).then(|| Input::EventsListened {
        names: TOLD_ANYWAY
            .map(str::to_owned)
            .into_iter()
            .chain(more)
            .collect(),
    })
}

pub(crate) fn checkpoint_resolved(
    command: CommandId,
    checkpoint: Result<Option<CheckpointId>, String>,
) -> Input {
    Input::Edit(EditInput::CheckpointResolved {
        command,
        checkpoint,
    })
}

pub(crate) fn thread_switched(thread_id: Option<rejoin_core::wire::ThreadId>) -> Input {
    Input::ThreadSwitched { thread_id }
}
