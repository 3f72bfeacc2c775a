//! Submissions and joins, from JSON text.

use crate::options::{ON_DISCONNECT, STRATEGIES, invalid, stream_modes};
use rejoin_core::{
    Edit, EditAt, JoinOptions, Submission, ToolResult,
    wire::{
        CheckpointId, EventId, Json, MessageId, RunId, ThreadId,
        json::{FromJson, fields},
        request::{Command, MultitaskStrategy, OnDisconnect},
    },
};
use wasm_bindgen::JsValue;

/// What is said of a field that is not known.
const UNKNOWN: &str = "left out: it is not known";

/// Reads a submission of the contract.
pub(crate) fn read_submission(text: &str) -> Result<Submission, JsValue> {
    submission(object("submission", text)?)
}

/// Reads an edit of the contract: a submission, and where it goes on from.
pub(crate) fn read_edit(text: &str) -> Result<Edit, JsValue> {
    let mut fields = object("edit", text)?;
    let mut take = |name: &str| {
        let at = fields.iter().position(|(field, _)| field == name)?;
        String::from_json(fields.remove(at).1.text()).ok()
    };
    let id = take("message_id").map(MessageId::from);
    let at = match (take("kind").as_deref(), id) {
        (Some("message"), Some(id)) => EditAt::Message(id),
        (Some("answer"), Some(id)) => EditAt::Answer(id),
        (Some("failed"), None) => EditAt::Failed,
        _ => return Err(invalid("messageId", "a text")),
    };
    let submission = submission(fields)?;
    Ok(Edit { at, submission })
}

/// Reads a tool's result of the contract.
pub(crate) fn read_tool_result(text: &str) -> Result<ToolResult, JsValue> {
    let mut result = ToolResult {
        tool_call_id: String::new(),
        content: Json::null(),
        is_error: false,
        name: None,
        artifact: None,
    };
    for (name, value) in object("result", text)? {
        let field = Field {
            name: &name,
            value: &value,
        };
        match field.name {
            "tool_call_id" => result.tool_call_id = field.text()?,
            "is_error" => result.is_error = field.flag()?,
            "name" => result.name = Some(field.text()?),
            "content" => result.content = value,
            "artifact" => result.artifact = Some(value),
            unknown => return Err(invalid(unknown, UNKNOWN)),
        }
    }
    Ok(result)
}

fn submission(fields: Vec<(String, Json)>) -> Result<Submission, JsValue> {
    let mut submission = Submission::default();
    for (name, value) in fields {
        let field = Field {
            name: &name,
            value: &value,
        };
        // `null` is as good as absent, except for a checkpoint: there it means the thread's newest state.
        if value.is_null() && name != "checkpoint" {
            continue;
        }
        let json = match name.as_str() {
            "input" => &mut submission.input,
            "config" => &mut submission.config,
            "context" => &mut submission.context,
            "metadata" => &mut submission.metadata,
            "checkpoint" => &mut submission.checkpoint,
            "optimistic_values" => &mut submission.optimistic_values,
            "interrupt_before" => &mut submission.interrupt_before,
            "interrupt_after" => &mut submission.interrupt_after,
            "durability" => &mut submission.durability,
            "strict_resume" | "on_completion" | "feedback_keys" => {
                submission.more.push((name, value));
                continue;
            }
            _ => {
                read_typed(&mut submission, &field)?;
                continue;
            }
        };
        *json = Some(value);
    }
    Ok(submission)
}

fn read_typed(submission: &mut Submission, field: &Field<'_>) -> Result<(), JsValue> {
    match field.name {
        "command" => submission.command = Some(command(field.value)?),
        "thread_id" => submission.thread_id = Some(ThreadId::from(field.text()?)),
        "checkpoint_id" => submission.checkpoint_id = Some(CheckpointId::from(field.text()?)),
        "stream_mode" => {
            submission.stream_modes = Some(stream_modes(field.name, &field.texts()?)?);
        }
        "multitask_strategy" => {
            let word = MultitaskStrategy::from_wire(&field.text()?);
            submission.multitask_strategy = Some(field.known(word, STRATEGIES)?);
        }
        "on_disconnect" => {
            let word = OnDisconnect::from_wire(&field.text()?);
            submission.on_disconnect = Some(field.known(word, ON_DISCONNECT)?);
        }
        "stream_resumable" => submission.stream_resumable = Some(field.flag()?),
        "stream_subgraphs" => submission.stream_subgraphs = Some(field.flag()?),
        unknown => return Err(invalid(unknown, UNKNOWN)),
    }
    Ok(())
}

fn command(value: &Json) -> Result<Command, JsValue> {
    let mut command = Command::default();
    for (name, value) in object("command", value.text())? {
        let part = match name.as_str() {
            "resume" => &mut command.resume,
            "update" => &mut command.update,
            "goto" => &mut command.goto,
            unknown => return Err(invalid(&["command.", unknown].concat(), UNKNOWN)),
        };
        *part = Some(value);
    }
    Ok(command)
}

/// Reads the options of a join: the run, if one is named, and how.
pub(crate) fn read_join(text: &str) -> Result<(Option<RunId>, JoinOptions), JsValue> {
    let mut run_id = None;
    let mut options = JoinOptions::default();
    for (name, value) in object("options", text)? {
        let field = Field {
            name: &name,
            value: &value,
        };
        if value.is_null() {
            continue;
        }
        match field.name {
            "run_id" => run_id = Some(RunId::from(field.text()?)),
            "last_event_id" => options.last_event_id = Some(EventId::from(field.text()?)),
            "stream_mode" => options.stream_modes = field.texts()?,
            unknown => return Err(invalid(unknown, UNKNOWN)),
        }
    }
    Ok((run_id, options))
}

/// The fields of an object, in their order.
fn object(what: &str, text: &str) -> Result<Vec<(String, Json)>, JsValue> {
    let mut found = Vec::new();
    let read = fields(text, &mut |name, value| {
        found.push((name.to_owned(), Json::from_json(value)?));
        Ok(())
    });
    match read {
        Ok(()) => Ok(found),
        Err(_) => Err(invalid(what, "a JSON object")),
    }
}

/// One field, and how it can be read.
struct Field<'a> {
    name: &'a str,
    value: &'a Json,
}

impl Field<'_> {
    fn text(&self) -> Result<String, JsValue> {
        String::from_json(self.value.text()).map_err(|_| invalid(self.name, "a text"))
    }

    fn texts(&self) -> Result<Vec<String>, JsValue> {
        Vec::from_json(self.value.text()).map_err(|_| invalid(self.name, "a list of texts"))
    }

    fn flag(&self) -> Result<bool, JsValue> {
        bool::from_json(self.value.text()).map_err(|_| invalid(self.name, "true or false"))
    }

    fn known<T>(&self, word: Option<T>, words: &str) -> Result<T, JsValue> {
        word.ok_or_else(|| invalid(self.name, words))
    }
}
