//! Results of tools that run here.

use super::Client;
use crate::{CommandId, Outcome, ToolResult};

impl Client {
    pub(super) fn add_tool_result(&mut self, command: CommandId, result: ToolResult) {
        drop(result);
        self.conclude(command, Outcome::Dropped);
    }
}
