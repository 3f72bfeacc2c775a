//! A command with options.

use crate::{OutcomeFuture, UseStream, ids::with_message_ids, input, json};
use rejoin_core::{
    Edit, EditAt, ErrorCode, Extras, JoinOptions, Outcome, StreamError, Submission, ToolResult,
    wire::{
        CheckpointId, InterruptId, Json, MessageId, RunId, ThreadId,
        json::write_string,
        request::{MultitaskStrategy, OnDisconnect, StreamMode},
    },
};
use serde::Serialize;

/// A command of a [`UseStream`] with options for the run that it begins; made by [`UseStream::run`]. Its last method, such as
/// [`Run::submit`], gives the command at once, and tells how it ended to whoever waits for it:
///
/// ```no_run
/// use leptos::prelude::*;
/// use rejoin_leptos::prelude::*;
/// use serde_json::json;
///
/// fn ask(stream: UseStream) -> Action<String, Outcome> {
///     Action::new_local(move |question: &String| {
///         let run = stream.run().config(json!({ "configurable": { "model": "small" } }));
///         run.submit_text(question)
///     })
/// }
/// ```
///
/// A value without a JSON form, such as a map with keys that are not texts, ends the command as [`Outcome::Failed`] with the
/// code `invalid_input`, and nothing is sent.
#[derive(Debug, Clone)]
#[must_use = "nothing is asked for before its last method, such as `submit`"]
pub struct Run {
    stream: UseStream,
    submission: Submission,
    problem: Option<String>,
}

/// Options.
impl Run {
    pub(crate) fn new(stream: UseStream) -> Self {
        Self {
            stream,
            submission: Submission::default(),
            problem: None,
        }
    }

    /// The run's `config`, an object: `configurable`, `tags`, `recursion_limit`.
    pub fn config(mut self, config: impl Serialize) -> Self {
        self.submission.config = self.written("config", &config);
        self
    }

    /// The run's `context`: what the graph's nodes read beside its state.
    pub fn context(self, context: impl Serialize) -> Self {
        self.field("context", context)
    }

    /// Kept with the run. An object.
    pub fn metadata(mut self, metadata: impl Serialize) -> Self {
        self.submission.metadata = self.written("metadata", &metadata);
        self
    }

    /// Values, an object, that are shown at once, until the server's come. Input messages are shown at once without it.
    pub fn optimistic_values(mut self, values: impl Serialize) -> Self {
        self.submission.optimistic_values = self.written("optimistic values", &values);
        self
    }

    /// Goes on from this checkpoint of the thread, instead of the head of the branch that is shown.
    pub fn checkpoint_id(mut self, checkpoint_id: impl Into<CheckpointId>) -> Self {
        self.submission.checkpoint_id = Some(checkpoint_id.into());
        self
    }

    /// Goes on from the thread's newest state, whichever branch is shown.
    pub fn from_newest(mut self) -> Self {
        self.submission.checkpoint = Some(Json::null());
        self
    }

    /// The run's stream modes, instead of the stream's own.
    pub fn stream_modes(mut self, modes: impl IntoIterator<Item = StreamMode>) -> Self {
        self.submission.stream_modes = Some(modes.into_iter().collect());
        self
    }

    /// Whether subgraphs' events are streamed.
    pub fn stream_subgraphs(mut self, stream: bool) -> Self {
        self.submission.stream_subgraphs = Some(stream);
        self
    }

    /// The server's reaction while another run is active on the thread.
    pub fn multitask_strategy(mut self, strategy: MultitaskStrategy) -> Self {
        self.submission.multitask_strategy = Some(strategy);
        self
    }

    /// The server's reaction when the client is gone.
    pub fn on_disconnect(mut self, on_disconnect: OnDisconnect) -> Self {
        self.submission.on_disconnect = Some(on_disconnect);
        self
    }

    /// The id that a new thread gets. Not looked at where there is a thread.
    pub fn thread_id(mut self, thread_id: impl Into<ThreadId>) -> Self {
        self.submission.thread_id = Some(thread_id.into());
        self
    }

    /// State to write before the run goes on.
    pub fn update(mut self, update: impl Serialize) -> Self {
        let update = self.written("update", &update);
        self.submission.command.get_or_insert_default().update = update;
        self
    }

    /// The node or nodes to go to.
    pub fn goto(mut self, goto: impl Serialize) -> Self {
        let goto = self.written("goto", &goto);
        self.submission.command.get_or_insert_default().goto = goto;
        self
    }

    /// Any other field of the run's request, such as `interrupt_before`, `durability`, or one that only your server knows.
    pub fn field(mut self, name: &str, value: impl Serialize) -> Self {
        if let Some(value) = self.written(name, &value) {
            self.submission.more.push((name.to_owned(), value));
        }
        self
    }

    /// Notes why something cannot be sent; the first reason is told.
    fn written(&mut self, field: &str, value: &impl Serialize) -> Option<Json> {
        let written = json::written(value);
        written
            .map_err(|problem| self.note(&format!("{field}: {problem}")))
            .ok()
    }

    fn note(&mut self, problem: &str) {
        self.problem.get_or_insert_with(|| problem.to_owned());
    }
}

/// Commands. They work on the state of this moment, and may be called from anywhere.
impl Run {
    /// [`UseStream::submit`] with these options.
    pub fn submit(mut self, input: impl Serialize) -> OutcomeFuture {
        self.take_input(&input);
        self.send(|stream, submission| OutcomeFuture::of(stream.submit(submission)))
    }

    /// [`UseStream::submit_text`] with these options.
    pub fn submit_text(self, text: impl Into<String>) -> OutcomeFuture {
        self.submit(text.into())
    }

    /// [`UseStream::resume`] with these options.
    pub fn resume(mut self, answer: impl Serialize) -> OutcomeFuture {
        let answer = self.written("the answer", &answer);
        self.submission.command.get_or_insert_default().resume = answer;
        self.send(|stream, submission| OutcomeFuture::of(stream.submit(submission)))
    }

    /// [`UseStream::respond`] with these options.
    pub fn respond(
        self,
        interrupt_id: impl Into<InterruptId>,
        answer: impl Serialize,
    ) -> OutcomeFuture {
        self.respond_all([(interrupt_id, answer)])
    }

    /// [`UseStream::respond_all`] with these options.
    pub fn respond_all<I: Into<InterruptId>, A: Serialize>(
        mut self,
        answers: impl IntoIterator<Item = (I, A)>,
    ) -> OutcomeFuture {
        let mut map = String::from("{");
        for (id, answer) in answers {
            let Some(answer) = self.written("the answer", &answer) else {
                continue;
            };
            if map.len() > 1 {
                map.push(',');
            }
            write_string(&mut map, id.into().as_str());
            map.push(':');
            map.push_str(answer.text());
        }
        map.push('}');
        match Json::parse(map) {
            Ok(map) => self.resume(map),
            Err(error) => {
                self.note(&error.words());
                self.resume(())
            }
        }
    }

    /// [`UseStream::edit`] with these options.
    pub fn edit(
        mut self,
        message_id: impl Into<MessageId>,
        input: impl Serialize,
    ) -> OutcomeFuture {
        self.take_input(&input);
        self.edit_at(EditAt::Message(message_id.into()))
    }

    /// [`UseStream::edit_text`] with these options.
    pub fn edit_text(
        self,
        message_id: impl Into<MessageId>,
        text: impl Into<String>,
    ) -> OutcomeFuture {
        self.edit(message_id, text.into())
    }

    /// [`UseStream::regenerate`] with these options.
    pub fn regenerate(self, message_id: impl Into<MessageId>) -> OutcomeFuture {
        self.edit_at(EditAt::Answer(message_id.into()))
    }

    /// [`UseStream::retry`]. The options are those that the run had.
    pub fn retry(self) -> OutcomeFuture {
        self.edit_at(EditAt::Failed)
    }

    /// [`UseStream::replace_waiting`] with these options.
    pub fn replace_waiting(
        mut self,
        waiting_id: impl Into<String>,
        input: impl Serialize,
    ) -> OutcomeFuture {
        self.take_input(&input);
        let waiting_id = waiting_id.into();
        self.send(|stream, submission| {
            OutcomeFuture::of(stream.replace_waiting(waiting_id, submission))
        })
    }

    /// [`UseStream::add_tool_result`]. The options are not looked at.
    pub fn add_tool_result(self, result: ToolResult) -> OutcomeFuture {
        self.stream.bring(&Extras::TOOLS);
        self.send(|stream, _| OutcomeFuture::of(stream.add_tool_result(result)))
    }

    /// [`UseStream::join_stream`]. The options are not looked at.
    pub fn join_stream(self, run_id: impl Into<RunId>) -> OutcomeFuture {
        self.join_with(Some(run_id.into()), JoinOptions::default())
    }

    /// [`UseStream::rejoin`]. The options are not looked at.
    pub fn rejoin(self) -> OutcomeFuture {
        self.join_with(None, JoinOptions::default())
    }

    /// Joins a run from an event, or only some kinds of its events; without an id the stored run, else the thread's active
    /// one. The other options are not looked at.
    pub fn join_with(self, run_id: Option<RunId>, options: JoinOptions) -> OutcomeFuture {
        self.send(|stream, _| OutcomeFuture::of(stream.join_with(run_id, options)))
    }

    fn take_input(&mut self, value: &impl Serialize) {
        let Some(messages_key) = self.stream.messages_key() else {
            return;
        };
        match json::input(value, &messages_key) {
            Ok(Some(input)) => {
                let input = with_message_ids(input, &messages_key);
                self.submission.input = Some(input);
            }
            Ok(None) => self.submission.input = None,
            Err(problem) => self.note(&format!("the input: {problem}")),
        }
    }

    fn edit_at(self, at: EditAt) -> OutcomeFuture {
        self.stream.bring(&Extras::EDITS);
        self.send(|stream, submission| OutcomeFuture::of(stream.edit(Edit { at, submission })))
    }

    fn send(
        self,
        command: impl FnOnce(&rejoin_browser::Stream, Submission) -> OutcomeFuture,
    ) -> OutcomeFuture {
        let Self {
            stream,
            submission,
            problem,
        } = self;
        if let Some(problem) = problem {
            let error = StreamError::new(ErrorCode::InvalidInput).with_detail(problem);
            return OutcomeFuture::ready(Outcome::Failed(error));
        }
        stream
            .with_stream(|stream| command(stream, submission))
            .unwrap_or_else(nothing)
    }
}

/// The end of a command without a stream.
pub(crate) fn nothing() -> OutcomeFuture {
    OutcomeFuture::ready(Outcome::NothingToJoin)
}

impl UseStream {
    /// A command with options, and whose outcome is told. [`Run`] has the same commands as this.
    pub fn run(&self) -> Run {
        Run::new(*self)
    }

    /// Lays an object over the values' top level until the server sends values or its state is read. Messages in it take the
    /// place of those shown. The server is told nothing.
    ///
    /// # Errors
    /// If the values have no JSON form; nothing has changed then.
    pub fn mutate(&self, values: impl Serialize) -> Result<(), StreamError> {
        let values = json::written(&values)
            .map_err(|problem| StreamError::new(ErrorCode::InvalidInput).with_detail(problem))?;
        self.with_stream(|stream| stream.send(input::values_mutated(values)));
        Ok(())
    }
}
