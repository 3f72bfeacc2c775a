//! The commands of a stream.

use crate::{UseStream, input, signals::put, thread::HistoryEntry, use_stream::Handle};
use leptos::prelude::WithValue;
use rejoin_browser::Stream;
use rejoin_core::{
    Extras, ToolResult,
    wire::{InterruptId, MessageId, RunId, ThreadId},
};
use serde::Serialize;

/// Commands. Each works on the state of this moment, returns at once, and may be called from anywhere, as from
/// `on:click=move |_| stream.submit("hi")`. A failure is in [`UseStream::error`]; for options and for the outcome see
/// [`UseStream::run`]. On a server and after the owner is gone they do nothing.
impl UseStream {
    /// Runs the assistant with the graph's input, which is any value that serialises to an object; its messages are shown at
    /// once, and those without an id are given one. A text is one human message; `()` is no input.
    pub fn submit(&self, input: impl Serialize) {
        drop(self.run().submit(input));
    }

    /// Says something to the assistant: one human message.
    pub fn submit_text(&self, text: impl Into<String>) {
        drop(self.run().submit_text(text));
    }

    /// Answers what the agent asks: any value for the one interrupt that waits, or a map from interrupt id to answer.
    pub fn resume(&self, answer: impl Serialize) {
        drop(self.run().resume(answer));
    }

    /// Answers one interrupt by its id. The others go on waiting.
    pub fn respond(&self, interrupt_id: impl Into<InterruptId>, answer: impl Serialize) {
        drop(self.run().respond(interrupt_id, answer));
    }

    /// Answers several interrupts at once, each by its id. Those not named go on waiting.
    pub fn respond_all<I: Into<InterruptId>, A: Serialize>(
        &self,
        answers: impl IntoIterator<Item = (I, A)>,
    ) {
        drop(self.run().respond_all(answers));
    }

    /// Tells that a thread was deleted, so that what is saved of it here is removed ([`crate::UseStreamOptions::cache`]).
    pub fn forget_thread(&self, thread_id: impl Into<ThreadId>) {
        let thread_id = thread_id.into();
        self.with_stream(|stream| stream.forget_thread(thread_id));
    }

    /// Edits a message: the input, as [`UseStream::submit`] takes it, stands in the place of it and of all after it, on a
    /// branch of its own.
    ///
    /// First it looks up the checkpoint that holds everything before the message ([`UseStream::editing`] names it meanwhile;
    /// nothing else changes). Then, in one step, it replaces an active run, cuts the messages, and shows and sends the new
    /// one. If there is no such checkpoint, the outcome and [`UseStream::error`] say so, and nothing has changed. If two
    /// edits overlap, the later one wins; the earlier one's outcome is [`rejoin_core::Outcome::Superseded`].
    pub fn edit(&self, message_id: impl Into<MessageId>, input: impl Serialize) {
        drop(self.run().edit(message_id, input));
    }

    /// As [`UseStream::edit`], with one human message for input.
    pub fn edit_text(&self, message_id: impl Into<MessageId>, text: impl Into<String>) {
        drop(self.run().edit_text(message_id, text));
    }

    /// Has the turn of an assistant's message answered again, on a branch of its own: what is kept ends with the human
    /// message before it. As [`UseStream::edit`] otherwise.
    pub fn regenerate(&self, message_id: impl Into<MessageId>) {
        drop(self.run().regenerate(message_id));
    }

    /// Begins the run again that failed: with what it was submitted with where the server has stored nothing of it, else
    /// from where the thread is. Works while [`UseStream::can_retry`].
    pub fn retry(&self) {
        drop(self.run().retry());
    }

    /// Takes back a waiting submission: it is not sent. If it may have been sent already, its run is looked for and
    /// cancelled. Nothing for one that another tab sends, or that does not wait any more.
    pub fn take_back(&self, waiting_id: impl Into<String>) {
        self.with_stream(|stream| stream.send(input::taken_back(waiting_id.into())));
    }

    /// Sends a submission that is [`rejoin_core::WaitingState::Held`], in its order. Nothing for others, as
    /// [`UseStream::take_back`].
    pub fn send_now(&self, waiting_id: impl Into<String>) {
        self.with_stream(|stream| stream.send(input::sent_now(waiting_id.into())));
    }

    /// Takes a submission back that waits, and puts another in its place, with its input as [`UseStream::submit`] takes it.
    /// Nothing for those that [`UseStream::take_back`] would leave.
    pub fn replace_waiting(&self, waiting_id: impl Into<String>, input: impl Serialize) {
        drop(self.run().replace_waiting(waiting_id, input));
    }

    /// The result of a tool that runs here. It is sent when every pending call of its message has one.
    pub fn add_tool_result(&self, result: ToolResult) {
        drop(self.run().add_tool_result(result));
    }

    /// Disconnects. The agent goes on; everything received stays.
    pub fn stop(&self) {
        self.with_stream(Stream::stop);
    }

    /// Stops the agent on the server.
    pub fn cancel(&self) {
        self.with_stream(Stream::cancel);
    }

    /// Joins a run by its id.
    pub fn join_stream(&self, run_id: impl Into<RunId>) {
        drop(self.run().join_stream(run_id));
    }

    /// Joins again what was left: the stored run, else the thread's active one.
    pub fn rejoin(&self) {
        drop(self.run().rejoin());
    }

    /// Enters another thread. Its active run is joined; the one that was followed goes on without. The thread that is shown
    /// already stays as it is, with its run and whoever waits for it.
    pub fn switch_thread(&self, thread_id: impl Into<ThreadId>) {
        self.enter(Some(thread_id.into()), HistoryEntry::New);
    }

    /// Begins a new thread. It gets its id with the first submission.
    pub fn new_thread(&self) {
        self.enter(None, HistoryEntry::New);
    }

    /// Shows another branch of the history, as [`crate::StreamMessage::branch`] names them; `""` is the newest. While a run
    /// is followed only [`UseStream::branch`] changes, and the messages follow when the run is over. A later submission goes
    /// on from the shown branch.
    pub fn set_branch(&self, branch: impl Into<String>) {
        self.bring(&Extras::BRANCHES);
        self.with_stream(|stream| stream.send(input::branch_selected(branch.into())));
    }

    /// Reads the thread's history, or where none is wanted its state, again: another client may have gone on.
    pub fn refresh_history(&self) {
        self.bring(&Extras::BRANCHES);
        self.with_stream(|stream| stream.send(input::history_requested()));
    }

    /// Enters a thread, or a new one, and keeps its id where that is kept.
    pub(crate) fn enter(&self, thread_id: Option<ThreadId>, entry: HistoryEntry) {
        let known = self.with_handle(|handle| (handle.kept.clone(), handle.events.clone()));
        let Some((kept, events)) = known else {
            return;
        };
        kept.write(thread_id.as_ref(), entry);
        self.with_stream(|stream| {
            let shown = stream.with_view(|view| view.thread_id().cloned());
            if shown.is_none() || shown != thread_id {
                // What was told of the last run is not of the thread that is entered.
                events.enter(thread_id.as_ref());
                self.with_handle(|handle| put(handle.outcome, None));
            }
            stream.switch_thread(thread_id);
        });
    }

    /// `None` on a server and after the owner is gone.
    pub(crate) fn messages_key(&self) -> Option<String> {
        self.with_handle(|handle| handle.messages_key.clone())
    }

    /// `None` on a server and after the owner is gone. Nothing is borrowed while `call` runs.
    pub(crate) fn with_stream<R>(&self, call: impl FnOnce(&Stream) -> R) -> Option<R> {
        let stream = self.with_handle(|handle| handle.stream.clone())?;
        Some(call(&stream))
    }

    fn with_handle<R>(&self, read: impl FnOnce(&Handle) -> R) -> Option<R> {
        self.handle?
            .try_with_value(|handle| handle.as_ref().map(read))
            .flatten()
    }
}
