//! A submission becomes the body that is posted. Nothing that is shown changes here, so whatever is wrong with it is found
//! while there is nothing to undo.

use super::{
    Client,
    resume::{Answers, answers},
    urls::check_id,
};
use crate::{
    CommandId, ErrorCode, StreamError, Submission,
    hash::{HASH_OF_NOTHING, hashed},
};
use rejoin_wire::{
    CheckpointId, InterruptId, Json, MessageId,
    json::{FromJson, JsonError, Node, Object, ToJson, Writer, field, write_string},
    message::{Message, MessageKind},
    request::IfNotExists,
    thread::Checkpoint,
};

/// The key in a run's metadata by which a lost answer's run is found again. The first run of a thread that is made for it has none, as
/// servers copy its metadata to the thread. Such a thread is named after its submission, and its run is the first without a mark.
pub(super) const SUBMISSION_KEY: &str = "rejoin_submission";

/// A run that can be sent as it is.
pub(super) struct Prepared {
    /// The submission that it is made of, with the ids of its messages.
    pub(super) submission: Box<Submission>,
    pub(super) submission_id: String,
    /// Of an edit, the messages that stay shown.
    pub(super) kept: Option<Vec<MessageId>>,
    pub(super) body: Json,
    pub(super) checkpoint: Option<CheckpointId>,
    /// The messages that it brings.
    pub(super) shown: Vec<Message>,
    /// The commands whose tools' results it brings.
    pub(super) answered: Vec<CommandId>,
    /// The interrupts that it answers; `None` for all.
    pub(super) interrupts: Option<Vec<String>>,
    /// The open questions that it answers, as [`Client::questions_of`] says.
    pub(super) questions: Option<u64>,
}

impl Client {
    /// Everything that can be wrong with a submission is found here, before anything has changed. `kept` is how many
    /// messages stay shown; `again` are those of them that are sent again.
    pub(super) fn prepare(
        &mut self,
        submission: Box<Submission>,
        kept: usize,
        again: &[MessageId],
    ) -> Result<Prepared, StreamError> {
        let submission_id = self.rng.uuid();
        self.prepare_as(submission_id, submission, kept, again)
    }

    /// The same, under a name that it has already.
    pub(super) fn prepare_as(
        &mut self,
        submission_id: String,
        submission: Box<Submission>,
        kept: usize,
        again: &[MessageId],
    ) -> Result<Prepared, StreamError> {
        if let Some(thread_id) = &submission.thread_id {
            check_id(thread_id.as_str())?;
        }
        let resume = submission.command.as_ref().and_then(|c| c.resume.as_ref());
        let interrupts = match resume.map(|resume| answers(resume, self.store.interrupts())) {
            Some(Answers::Unclear) => return Err(StreamError::new(ErrorCode::AmbiguousResume)),
            Some(Answers::These(ids)) => Some(ids),
            Some(Answers::All) | None => None,
        };
        let questions = self.questions_of(&submission);
        let mut run = self
            .read_submission(submission_id, submission, kept, again)
            .map_err(invalid_input)?;
        run.interrupts = interrupts;
        run.questions = questions;
        if !run.answered.is_empty() {
            self.with_part(
                |parts| &mut parts.tools,
                |tools, _| tools.forget(&run.answered),
            );
        }
        Ok(run)
    }

    /// A hash of the open questions that a submission answers; `None` if it answers none of them. A question may have the id of
    /// another one before it, so its value counts as well. If a server writes a value in two ways, a person is asked once too often.
    pub(super) fn questions_of(&self, submission: &Submission) -> Option<u64> {
        let resume = submission.command.as_ref()?.resume.as_ref()?;
        let open = self.store.interrupts();
        let ids = match answers(resume, open) {
            Answers::These(ids) => Some(ids),
            Answers::All | Answers::Unclear => None,
        };
        let mut hash = None;
        for interrupt in open {
            let id = interrupt.id.as_ref().map_or("", InterruptId::as_str);
            if ids
                .as_ref()
                .is_none_or(|ids| ids.iter().any(|named| named == id))
            {
                let before = hash.unwrap_or(HASH_OF_NOTHING);
                hash = Some(hashed(hashed(before, id), interrupt.value.text()));
            }
        }
        hash
    }

    fn read_submission(
        &mut self,
        submission_id: String,
        mut submission: Box<Submission>,
        kept: usize,
        again: &[MessageId],
    ) -> Result<Prepared, JsonError> {
        let checkpoint = self.checkpoint_of(&submission)?;
        if submission.checkpoint.is_none() {
            submission.checkpoint_id = checkpoint.as_ref().and_then(|c| c.checkpoint_id.clone());
        }
        let mut answered = Vec::new();
        let mut shown = Vec::new();
        if let Some(input) = submission.input.take_if(|input| !input.is_null()) {
            let input = self.input_with_ids(&input, (kept, again), &mut shown, &mut answered)?;
            submission.input = Some(input);
        }
        if let Some(values) = &submission.optimistic_values {
            self.store.check_values(values)?;
        }
        Ok(Prepared {
            body: self.run_body(&submission, checkpoint.as_ref(), &submission_id)?,
            checkpoint: checkpoint.and_then(|c| c.checkpoint_id),
            submission,
            submission_id,
            kept: None,
            shown,
            answered,
            interrupts: None,
            questions: None,
        })
    }

    /// The same before its turn, without what is only known then.
    pub(super) fn body_of(
        &self,
        submission: &Submission,
        submission_id: &str,
    ) -> Result<Json, JsonError> {
        let checkpoint = self.checkpoint_of(submission)?;
        self.run_body(submission, checkpoint.as_ref(), submission_id)
    }

    /// The body of `POST /threads/{thread_id}/runs/stream`, as [`rejoin_wire::request::RunRequest`] reads it.
    fn run_body(
        &self,
        submission: &Submission,
        checkpoint: Option<&Checkpoint>,
        submission_id: &str,
    ) -> Result<Json, JsonError> {
        let mut metadata = object(submission.metadata.as_ref().map(Json::text))?;
        let makes_thread = self.thread_id.is_none() && submission.thread_id.is_none();
        if !makes_thread && !self.is_named_after(submission_id) {
            metadata.set(SUBMISSION_KEY, Node::text(submission_id));
        }
        let mut body = String::new();
        let mut object = Writer::object(&mut body);
        object.string("assistant_id", self.config.assistant_id.as_str());
        some_raw(&mut object, &[("input", &submission.input)]);
        metadata.write_json(object.field("metadata"));
        if checkpoint.is_none() && self.thread_id.is_some() && !self.is_stream_only() {
            let config = config_at_newest(submission.config.as_ref())?;
            config.write_json(object.field("config"));
        } else {
            some_raw(&mut object, &[("config", &submission.config)]);
        }
        if let Some(command) = &submission.command {
            let mut inner = Writer::object(object.field("command"));
            let parts = [
                ("resume", &command.resume),
                ("update", &command.update),
                ("goto", &command.goto),
            ];
            some_raw(&mut inner, &parts);
            inner.end();
        }
        if let Some(checkpoint) = checkpoint {
            let mut inner = Writer::object(object.field("checkpoint"));
            let namespace = checkpoint.checkpoint_ns.as_deref();
            inner.string("checkpoint_ns", namespace.unwrap_or_default());
            let id = checkpoint.checkpoint_id.as_ref();
            inner.some_string("checkpoint_id", id.map(CheckpointId::as_str));
            let given = submission.checkpoint.as_ref().map_or("null", Json::text);
            if let Some(map) = field(given, "checkpoint_map").filter(|map| *map != "null") {
                inner.raw("checkpoint_map", map);
            }
            inner.end();
        }
        self.write_settings(&mut object, submission);
        for (name, json) in &submission.more {
            object.raw(name, json.text());
        }
        object.end();
        Json::parse(body)
    }

    /// The fields whose values the client's settings give where the submission does not.
    fn write_settings(&self, object: &mut Writer<'_>, submission: &Submission) {
        let config = &self.config;
        let modes = submission.stream_modes.as_ref();
        let mut list = Writer::list(object.field("stream_mode"));
        for mode in modes.unwrap_or(&config.stream_modes) {
            write_string(list.item(), mode.as_str());
        }
        list.end();
        let subgraphs = submission.stream_subgraphs;
        object.bool(
            "stream_subgraphs",
            subgraphs.unwrap_or(config.stream_subgraphs),
        );
        let resumable = submission.stream_resumable;
        object.bool(
            "stream_resumable",
            resumable.unwrap_or(config.stream_resumable),
        );
        let on_disconnect = submission.on_disconnect.unwrap_or(config.on_disconnect);
        object.string("on_disconnect", on_disconnect.as_str());
        let strategy = submission.multitask_strategy;
        let strategy = strategy.unwrap_or(config.multitask_strategy);
        object.string("multitask_strategy", strategy.as_str());
        object.string("if_not_exists", IfNotExists::Create.as_str());
    }

    /// The last submission's settings, without what it brought and where it went on from.
    pub(super) fn settings_of_last(&self) -> Box<Submission> {
        let Some(last) = &self.last else {
            return Box::default();
        };
        let mut submission = last.submission.clone();
        submission.input = None;
        submission.command = None;
        submission.checkpoint = None;
        submission.checkpoint_id = None;
        submission.optimistic_values = None;
        submission
    }

    /// The checkpoint that a submission starts from; `None` for the thread's newest state.
    fn checkpoint_of(&self, submission: &Submission) -> Result<Option<Checkpoint>, JsonError> {
        let of_root = |id: &CheckpointId| Checkpoint {
            checkpoint_ns: None,
            checkpoint_id: Some(id.clone()),
        };
        Ok(match (&submission.checkpoint, &submission.checkpoint_id) {
            (Some(newest), _) if newest.is_null() => None,
            (Some(checkpoint), _) => Some(Checkpoint::from_json(checkpoint.text())?),
            (None, Some(id)) => Some(of_root(id)),
            (None, None) => self.history.older_head().map(of_root),
        })
    }

    /// Gives each input message an id, so that the one shown now and the one the server shows are the same. A person's
    /// message goes behind answers to the calls that nobody has answered.
    fn input_with_ids(
        &mut self,
        input: &Json,
        (kept, again): (usize, &[MessageId]),
        shown: &mut Vec<Message>,
        answered: &mut Vec<CommandId>,
    ) -> Result<Json, JsonError> {
        let mut fields = Object::from_json(input.text())?;
        let Some(messages) = fields.get_mut(&self.config.messages_key) else {
            return Ok(input.clone());
        };
        let mut list = listed(std::mem::take(messages));
        self.give_ids(&mut list, shown)?;
        if shown
            .iter()
            .any(|message| message.kind == MessageKind::Human)
        {
            let mut first = self.sent_again(again)?;
            if self.config.cancel_dangling_tool_calls {
                let answers = self.with_part(
                    |parts| &mut parts.tools,
                    |tools, client| tools.answer_dangling(client, kept, answered),
                );
                first.append(&mut answers.unwrap_or_default());
            }
            let mut before = Vec::new();
            self.give_ids(&mut first, &mut before)?;
            first.append(&mut list);
            list = first;
            before.append(shown);
            *shown = before;
        }
        *messages = Node::Array(list);
        Ok(Json::written(&fields))
    }

    /// The same, without the answers: for one that is sent later.
    pub(super) fn named_input(&mut self, input: &Json) -> Result<(Json, Vec<Message>), JsonError> {
        let mut shown = Vec::new();
        let mut fields = Object::from_json(input.text())?;
        if let Some(messages) = fields.get_mut(&self.config.messages_key) {
            let mut list = listed(std::mem::take(messages));
            self.give_ids(&mut list, &mut shown)?;
            *messages = Node::Array(list);
            return Ok((Json::written(&fields), shown));
        }
        Ok((input.clone(), shown))
    }

    fn sent_again(&self, ids: &[MessageId]) -> Result<Vec<Node>, JsonError> {
        let mut again = Vec::new();
        for slot in self.store.slots() {
            if ids.iter().any(|id| self.store.key_of(id) == slot.id()) {
                again.push(Node::from_json(&slot.message.to_json())?);
            }
        }
        Ok(again)
    }

    /// Gives each of the messages an id, and adds it to `shown`.
    fn give_ids(
        &mut self,
        messages: &mut [Node],
        shown: &mut Vec<Message>,
    ) -> Result<(), JsonError> {
        for message in messages {
            if let Node::String(text) = message {
                let content = Node::String(std::mem::take(text));
                let mut human = Object::default();
                human.set("type", Node::text("human"));
                human.set("content", content);
                *message = Node::Object(human);
            }
            let Node::Object(object) = message else {
                continue;
            };
            if object.get("id").and_then(Node::as_str).is_none() {
                object.set("id", Node::String(self.rng.uuid()));
            }
            shown.push(Message::from_json(&object.to_json())?);
        }
        Ok(())
    }
}

/// The config of a run that starts at its thread's newest state. The JS server starts a run that names no checkpoint at
/// the one that a run of the thread named before; `null` says the newest there, and nothing elsewhere.
fn config_at_newest(given: Option<&Json>) -> Result<Object, JsonError> {
    let given = given.map(Json::text);
    let mut config = object(given)?;
    let mut configurable = object(given.and_then(|given| field(given, "configurable")))?;
    if configurable.get("checkpoint_id").is_none() {
        configurable.set("checkpoint_id", Node::Null);
        config.set("configurable", Node::Object(configurable));
    }
    Ok(config)
}

/// The metadata that the application gave, of a run's body.
pub(super) fn metadata_given(body: &Json) -> Option<Object> {
    let mut metadata = Object::from_json(field(body.text(), "metadata")?).ok()?;
    metadata.remove(SUBMISSION_KEY);
    Some(metadata)
}

/// The submission cannot be sent as it is.
pub(super) fn invalid_input(error: JsonError) -> StreamError {
    StreamError::new(ErrorCode::InvalidInput).with_detail(error.words())
}

/// Messages as a list: one may be given alone.
fn listed(messages: Node) -> Vec<Node> {
    let Node::Array(list) = messages else {
        return vec![messages];
    };
    list
}

/// An object's fields; none where nothing or `null` is given.
fn object(text: Option<&str>) -> Result<Object, JsonError> {
    match text {
        Some(text) if text != "null" => Object::from_json(text),
        Some(_) | None => Ok(Object::default()),
    }
}

/// The fields that there are.
fn some_raw(object: &mut Writer<'_>, fields: &[(&str, &Option<Json>)]) {
    for (name, json) in fields {
        if let Some(json) = json {
            object.raw(name, json.text());
        }
    }
}
