//! What many pages never use: views of the session, edits, tools that run in the page, the history and its branches.
//!
//! The client reaches it through one table of functions, [`EXTRAS`], and works without it. A program that never names the table does
//! not bring that code along; the npm package loads it as a module of its own, when something of it is first wanted.

use super::{Client, requests::Answer};
use crate::{
    AttemptId, CommandId, DeadlineReason, Input, Millis, Outcome, StreamError, WaitingCommand,
};
use rejoin_wire::{CheckpointId, json::Node};
use std::fmt;

/// The functions. Each is called only while there is something for it to do, so that without it nothing is missing.
pub struct Extras {
    pub(super) handle: fn(&mut Client, Input),
    // The session's view.
    pub(super) tend_session: fn(&mut Client),
    pub(super) refresh_session: fn(&mut Client),
    pub(super) session_due: fn(&Client) -> Option<(Millis, DeadlineReason)>,
    pub(super) session_deadline: fn(&mut Client),
    pub(super) older_answered: fn(&mut Client, &Answer<'_>),
    pub(super) feed_headers: fn(&mut Client, u16, &[(String, String)]),
    pub(super) feed_chunk: fn(&mut Client, &[u8]),
    pub(super) feed_ended: fn(&mut Client),
    pub(super) feed_broke: fn(&mut Client, StreamError),
    pub(super) session_reached: fn(&mut Client, bool),
    pub(super) feed_thawed: fn(&mut Client),
    // Edits.
    pub(super) page_answered: fn(&mut Client, &Answer<'_>),
    pub(super) edit_due: fn(&Client) -> Option<(Millis, DeadlineReason)>,
    pub(super) edit_deadline: fn(&mut Client),
    pub(super) edit_reached: fn(&mut Client, bool),
    // Tools that run in the page.
    pub(super) send_tool_results: fn(&mut Client),
    pub(super) answer_dangling: fn(&mut Client, usize, &mut Vec<CommandId>) -> Vec<Node>,
    pub(super) forget_results: fn(&mut Client, &[CommandId]),
    // The history and its branches.
    pub(super) read_history: fn(&mut Client, &Answer<'_>) -> Result<(), StreamError>,
    pub(super) show_branch: fn(&mut Client),
    pub(super) reads_state_too: fn(&mut Client, AttemptId, &Answer<'_>) -> bool,
    pub(super) leave_branch: fn(&mut Client, Option<&CheckpointId>),
}

/// All of it.
pub static EXTRAS: Extras = Extras {
    handle: Client::handle_extra,
    tend_session: Client::tend_session,
    refresh_session: Client::refresh_session,
    session_due: Client::session_due,
    session_deadline: Client::session_deadline,
    older_answered: Client::older_answered,
    feed_headers: Client::feed_headers,
    feed_chunk: Client::feed_chunk,
    feed_ended: Client::feed_ended,
    feed_broke: Client::feed_broke,
    session_reached: Client::session_reached,
    feed_thawed: Client::feed_thawed,
    page_answered: Client::page_answered,
    edit_due: Client::edit_due,
    edit_deadline: Client::edit_deadline,
    edit_reached: Client::edit_reached,
    send_tool_results: Client::send_tool_results,
    answer_dangling: Client::answer_dangling,
    forget_results: Client::forget_results,
    read_history: Client::read_history,
    show_branch: Client::show_branch,
    reads_state_too: Client::reads_state_too,
    leave_branch: Client::leave_branch,
};

impl fmt::Debug for Extras {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Extras")
    }
}

impl Client {
    /// Takes in what only it knows what to do with.
    fn handle_extra(&mut self, input: Input) {
        match input {
            Input::EditRequested { command, edit } => self.edit(command, *edit),
            Input::CheckpointResolved {
                command,
                checkpoint,
            } => self.checkpoint_resolved(command, checkpoint),
            Input::ToolResultAdded { command, result } => self.add_tool_result(command, *result),
            Input::BranchSelected { branch } => self.select_branch(branch),
            Input::HistoryProvided { states } => self.provide_history(&states),
            Input::HistoryRequested => self.ask_history(),
            Input::ViewOpened { limit } => self.open_view(limit),
            Input::OlderRequested { command } => self.request_older(command),
            Input::ViewClosed => self.close_view(),
            Input::Waiting(command) => self.change_waiting(command),
            // The client's own.
            _ => {}
        }
    }

    /// Nobody waits for what will not come.
    pub(super) fn refuse_extra(&mut self, input: &Input) {
        if let Input::EditRequested { command, .. }
        | Input::ToolResultAdded { command, .. }
        | Input::OlderRequested { command }
        | Input::Waiting(WaitingCommand::Replace { command, .. }) = input
        {
            self.conclude(*command, Outcome::Dropped);
        }
    }

    /// For a view of the session, where one is open.
    pub(super) fn session_extras(&self) -> Option<&'static Extras> {
        self.extras.filter(|_| self.session.is_some())
    }

    /// For the feed, where this is its connection.
    pub(super) fn feed_extras(&self, attempt: AttemptId) -> Option<&'static Extras> {
        self.extras.filter(|_| self.is_feed(attempt))
    }
}
