//! What can be asked for.

use crate::{OutcomeFuture, UseStream, ids::with_message_ids, use_stream::Handle};
use leptos::prelude::WithValue;
use rejoin_browser::Stream;
use rejoin_core::{
    Edit, EditAt, Input, Outcome, Submission, ToolResult,
    wire::{InterruptId, Json, MessageId, RunId, ThreadId, json::write_string, request::Command},
};

/// Every command works on the state of this moment, returns at once, and may be called from anywhere. On a server and after
/// the owner is gone they do nothing, and what they return is [`Outcome::NothingToJoin`].
impl UseStream {
    /// Runs the assistant. Input messages are shown at once; those without an id are given one.
    pub fn submit(&self, submission: Submission) -> OutcomeFuture {
        let Some(messages_key) = self.messages_key() else {
            return nothing();
        };
        let submission = with_message_ids(submission, &messages_key);
        self.with_stream(|stream| OutcomeFuture::of(stream.submit(submission)))
            .unwrap_or_else(nothing)
    }

    /// Says something to the assistant: one human message, with `config` (such as `{"configurable":{..}}`) for the run.
    pub fn submit_text(&self, text: &str, config: Option<Json>) -> OutcomeFuture {
        match self.saying(text, config) {
            Some(submission) => self.submit(submission),
            None => nothing(),
        }
    }

    /// Answers what the agent asks, with what else the run shall have (`config` and the like): any JSON for the one interrupt
    /// that waits, or a map from interrupt id to answer.
    pub fn resume(&self, answer: Json, submission: Submission) -> OutcomeFuture {
        self.submit(resuming(answer, submission))
    }

    /// Answers one interrupt by its id, with what else the run shall have. The others go on waiting.
    pub fn respond(
        &self,
        interrupt_id: &InterruptId,
        answer: Json,
        submission: Submission,
    ) -> OutcomeFuture {
        self.respond_all([(interrupt_id.clone(), answer)], submission)
    }

    /// Answers several interrupts at once, each by its id. Those not named go on waiting.
    pub fn respond_all(
        &self,
        answers: impl IntoIterator<Item = (InterruptId, Json)>,
        submission: Submission,
    ) -> OutcomeFuture {
        let mut map = String::from("{");
        for (id, answer) in answers {
            if map.len() > 1 {
                map.push(',');
            }
            write_string(&mut map, id.as_str());
            map.push(':');
            map.push_str(answer.text());
        }
        map.push('}');
        let map = Json::parse(map).expect("made of JSON");
        self.submit(resuming(map, submission))
    }

    /// Edits a message: what the submission brings takes the place of it and of all after it, on a branch of its own.
    ///
    /// First the checkpoint is found that holds what comes before the message ([`UseStream::editing`] meanwhile; nothing
    /// else changes), then all of it happens in one step: a run under way is replaced, the messages are cut, the new one is
    /// shown and sent. Where there is no such checkpoint the outcome and [`UseStream::error`] say so, and nothing has
    /// changed. Of two edits the later one wins; the earlier one's outcome is [`Outcome::Superseded`].
    pub fn edit(&self, message_id: &MessageId, submission: Submission) -> OutcomeFuture {
        self.edit_at(EditAt::Message(message_id.clone()), submission)
    }

    /// As [`UseStream::edit`], with one human message for input.
    pub fn edit_text(
        &self,
        message_id: &MessageId,
        text: &str,
        config: Option<Json>,
    ) -> OutcomeFuture {
        match self.saying(text, config) {
            Some(submission) => self.edit(message_id, submission),
            None => nothing(),
        }
    }

    /// Has the turn of an assistant's message answered again, on a branch of its own: what is kept ends with the human
    /// message before it. Input in the submission is not looked at; `config` and the like are the run's. As
    /// [`UseStream::edit`] otherwise.
    pub fn regenerate(&self, message_id: &MessageId, submission: Submission) -> OutcomeFuture {
        self.edit_at(EditAt::Answer(message_id.clone()), submission)
    }

    /// Begins the run again that failed: with what it was submitted with where the server has stored nothing of it, else
    /// from where the thread is. Works while [`UseStream::can_retry`].
    pub fn retry(&self) -> OutcomeFuture {
        self.edit_at(EditAt::Failed, Submission::default())
    }

    /// The result of a tool that runs here. It is sent when every pending call of its message has one.
    pub fn add_tool_result(&self, result: ToolResult) -> OutcomeFuture {
        self.with_stream(|stream| OutcomeFuture::of(stream.add_tool_result(result)))
            .unwrap_or_else(nothing)
    }

    /// Disconnects. The agent goes on; everything received stays.
    pub fn stop(&self) {
        self.with_stream(Stream::stop);
    }

    /// Stops the agent on the server.
    pub fn cancel(&self) {
        self.with_stream(Stream::cancel);
    }

    /// Joins a run; without an id the stored one, else the thread's active one.
    pub fn join_stream(&self, run_id: Option<RunId>) -> OutcomeFuture {
        self.with_stream(|stream| OutcomeFuture::of(stream.join_stream(run_id)))
            .unwrap_or_else(nothing)
    }

    /// Joins again what was left.
    pub fn rejoin(&self) -> OutcomeFuture {
        self.join_stream(None)
    }

    /// Enters another thread, or with `None` a new one. Its active run is joined; the one that was followed goes on without.
    pub fn switch_thread(&self, thread_id: Option<ThreadId>) {
        self.with_stream(|stream| stream.switch_thread(thread_id));
    }

    /// Shows another branch of the history, as [`crate::StreamMessage::branch`] names them; `""` is the newest. While a run
    /// is followed only [`UseStream::branch`] changes; what is shown follows when the run is over. What is submitted
    /// afterwards goes on from the branch that is shown.
    pub fn set_branch(&self, branch: &str) {
        let branch = branch.to_owned();
        self.with_stream(|stream| stream.send(Input::BranchSelected { branch }));
    }

    /// Reads the thread's history, or where none is wanted its state, again: another client may have gone on.
    pub fn refresh_history(&self) {
        self.with_stream(|stream| stream.send(Input::HistoryRequested));
    }

    fn edit_at(&self, at: EditAt, submission: Submission) -> OutcomeFuture {
        let Some(messages_key) = self.messages_key() else {
            return nothing();
        };
        let submission = with_message_ids(submission, &messages_key);
        let edit = Edit { at, submission };
        self.with_stream(|stream| OutcomeFuture::of(stream.edit(edit)))
            .unwrap_or_else(nothing)
    }

    /// `None` on a server and after the owner is gone.
    pub(crate) fn messages_key(&self) -> Option<String> {
        let key = |handle: &Option<Handle>| Some(handle.as_ref()?.messages_key.clone());
        self.handle.try_with_value(key).flatten()
    }

    /// One human message. `None` on a server and after the owner is gone.
    fn saying(&self, text: &str, config: Option<Json>) -> Option<Submission> {
        let messages_key = self.messages_key()?;
        let message = serde_json::json!({ "type": "human", "content": text });
        let input = serde_json::json!({ messages_key: [message] });
        Some(Submission {
            input: Some(Json::from_value(&input).expect("JSON is JSON")),
            config,
            ..Submission::default()
        })
    }

    /// `None` on a server and after the owner is gone. Nothing is borrowed while `call` runs.
    pub(crate) fn with_stream<R>(&self, call: impl FnOnce(&Stream) -> R) -> Option<R> {
        let stream = self
            .handle
            .try_with_value(|handle| Some(handle.as_ref()?.stream.clone()))
            .flatten()?;
        Some(call(&stream))
    }
}

fn resuming(answer: Json, submission: Submission) -> Submission {
    let command = Command {
        resume: Some(answer),
        ..Command::default()
    };
    Submission {
        command: Some(command),
        ..submission
    }
}

pub(crate) fn nothing() -> OutcomeFuture {
    OutcomeFuture::ready(Outcome::NothingToJoin)
}
