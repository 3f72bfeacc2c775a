//! Editing, answering again, trying again.

use super::Client;
use crate::{CommandId, Edit, ErrorCode, Outcome, StreamError};
use rejoin_wire::CheckpointId;

impl Client {
    pub(super) fn edit(&mut self, command: CommandId, edit: Edit) {
        drop(edit);
        let error = StreamError::new(ErrorCode::EditUnavailable);
        self.set_error(Some(error.clone()));
        self.conclude(command, Outcome::Failed(error));
    }

    pub(super) fn checkpoint_resolved(
        &mut self,
        _command: CommandId,
        _checkpoint: Result<Option<CheckpointId>, String>,
    ) {
    }
}
