//! What JavaScript asks of an engine.

use crate::{
    fields::{Fields, MODES, UNKNOWN, Wrong, invalid},
    options::{ON_DISCONNECT, STRATEGIES},
};
use rejoin_core::{
    CommandId, Edit, EditAt, Input, JoinOptions, Submission, ToolResult,
    wire::{
        CheckpointId, EventId, Json, MessageId, RunId, ThreadId,
        json::FromJson,
        request::{Command, MultitaskStrategy, OnDisconnect},
    },
};
use wasm_bindgen::JsValue;

/// Reads a request of the contract's `EngineRequests`.
pub(crate) fn read(name: &str, text: &str, command: CommandId) -> Result<Input, JsValue> {
    let object = Object { name, text };
    Ok(match name {
        "submission" => Input::SubmitRequested {
            command,
            submission: Box::new(object.read(submission)?),
        },
        "edit" => Input::EditRequested {
            command,
            edit: Box::new(edit(&object)?),
        },
        "result" => Input::ToolResultAdded {
            command,
            result: Box::new(object.read(tool_result)?),
        },
        "join" => {
            let (run_id, options) = object.read(join)?;
            Input::JoinRequested {
                command,
                run_id,
                options,
            }
        }
        "checkpoint" => Input::CheckpointResolved {
            command,
            checkpoint: object.read(checkpoint)?,
        },
        "thread" => Input::ThreadSwitched {
            thread_id: given::<Option<String>>(name, "a text", text)?.map(ThreadId::from),
        },
        "branch" => Input::BranchSelected {
            branch: given(name, "a text", text)?,
        },
        "modes" => Input::StreamModesSet {
            modes: given(name, MODES, text)?,
        },
        "events" => Input::EventsListened {
            names: given(name, "a list of texts", text)?,
        },
        "values" => Input::ValuesMutated {
            values: given(name, "JSON", text)?,
        },
        "history" => Input::HistoryProvided {
            states: given(name, "JSON", text)?,
        },
        unknown => return Err(invalid(unknown, UNKNOWN)),
    })
}

/// An object all of whose fields are known.
struct Object<'a> {
    name: &'a str,
    text: &'a str,
}

impl Object<'_> {
    fn read<T>(&self, read: impl FnOnce(&mut Fields<'_>) -> T) -> Result<T, JsValue> {
        let wrong = Wrong::default();
        let mut fields = Fields::of(self.name, self.text, &wrong);
        let read = read(&mut fields);
        fields.end();
        wrong.or(read)
    }
}

fn given<T: FromJson>(name: &str, wanted: &str, text: &str) -> Result<T, JsValue> {
    T::from_json(text).map_err(|_| invalid(name, wanted))
}

/// A submission, and where it goes on from.
fn edit(object: &Object<'_>) -> Result<Edit, JsValue> {
    let (at, submission) = object.read(|fields| (edit_at(fields), submission(fields)))?;
    let at = at.ok_or_else(|| invalid("messageId", "a text"))?;
    Ok(Edit { at, submission })
}

fn edit_at(fields: &mut Fields<'_>) -> Option<EditAt> {
    let mut text = |name| String::from_json(fields.any(name)?.text()).ok();
    let id = text("message_id").map(MessageId::from);
    match (text("kind").as_deref(), id) {
        (Some("message"), Some(id)) => Some(EditAt::Message(id)),
        (Some("answer"), Some(id)) => Some(EditAt::Answer(id)),
        (Some("failed"), None) => Some(EditAt::Failed),
        _ => None,
    }
}

fn tool_result(fields: &mut Fields<'_>) -> ToolResult {
    ToolResult {
        tool_call_id: fields.text("tool_call_id").unwrap_or_default(),
        content: fields.any("content").unwrap_or_else(Json::null),
        is_error: fields.flag("is_error").unwrap_or_default(),
        name: fields.text("name"),
        artifact: fields.any("artifact"),
    }
}

/// The run, if one is named, and how.
fn join(fields: &mut Fields<'_>) -> (Option<RunId>, JoinOptions) {
    let run_id = fields.text("run_id").map(RunId::from);
    let options = JoinOptions {
        last_event_id: fields.text("last_event_id").map(EventId::from),
        stream_modes: fields.texts("stream_mode").unwrap_or_default(),
    };
    (run_id, options)
}

/// Neither: there is none.
fn checkpoint(fields: &mut Fields<'_>) -> Result<Option<CheckpointId>, String> {
    let found = Ok(fields.text("checkpoint_id").map(CheckpointId::from));
    fields.text("error").map_or(found, Err)
}

fn submission(fields: &mut Fields<'_>) -> Submission {
    let mut command = None;
    fields.inner("command", &mut |fields| {
        command = Some(Command {
            resume: fields.any("resume"),
            update: fields.any("update"),
            goto: fields.any("goto"),
        });
        fields.end();
    });
    let mut more = Vec::new();
    for name in ["strict_resume", "on_completion", "feedback_keys"] {
        more.extend(fields.json(name).map(|value| (name.to_owned(), value)));
    }
    Submission {
        command,
        input: fields.json("input"),
        config: fields.json("config"),
        context: fields.json("context"),
        metadata: fields.json("metadata"),
        // `null` means the thread's newest state.
        checkpoint: fields.any("checkpoint"),
        checkpoint_id: fields.text("checkpoint_id").map(CheckpointId::from),
        optimistic_values: fields.json("optimistic_values"),
        stream_modes: fields.modes("stream_mode"),
        multitask_strategy: fields.word(
            "multitask_strategy",
            STRATEGIES,
            MultitaskStrategy::from_wire,
        ),
        interrupt_before: fields.json("interrupt_before"),
        interrupt_after: fields.json("interrupt_after"),
        on_disconnect: fields.word("on_disconnect", ON_DISCONNECT, OnDisconnect::from_wire),
        stream_resumable: fields.flag("stream_resumable"),
        stream_subgraphs: fields.flag("stream_subgraphs"),
        durability: fields.json("durability"),
        thread_id: fields.text("thread_id").map(ThreadId::from),
        more,
    }
}
