//! The thread's history beside its runs: which branch is shown, and what is laid over it.

use super::Client;
use crate::{ErrorCode, StreamError};
use rejoin_wire::Json;

impl Client {
    pub(crate) fn is_history_loading(&self) -> bool {
        self.history_asked.is_some() || self.is_thread_loading()
    }

    pub(super) fn select_branch(&mut self, branch: String) {
        self.history.select(branch);
        self.store.touch_history();
    }

    pub(super) fn mutate_values(&mut self, values: &Json) {
        if let Err(error) = self.store.merge_values(values) {
            self.warn(StreamError::new(ErrorCode::InvalidInput).with_detail(error.to_string()));
        }
    }

    pub(super) fn provide_history(&mut self, states: &Json) {
        let _ = states;
    }

    pub(super) fn ask_history(&mut self) {}
}
