//! The requests of JavaScript to an engine.

use crate::{
    extras::Extras,
    fields::{Fields, UNKNOWN, Wrong, invalid},
    options::{ON_DISCONNECT, STRATEGIES},
};
use rejoin_core::{
    BranchesInput, Cache, CommandId, Edit, EditAt, EditInput, Input, JoinOptions, SavedInput,
    SessionInput, Submission, ToolResult, ToolsInput, WaitingInput,
    wire::{
        CheckpointId, EventId, Json, MessageId, RunId, ThreadId,
        json::FromJson,
        request::{Command, MultitaskStrategy, OnDisconnect},
    },
};
use wasm_bindgen::JsValue;

/// Reads a request of the contract's `EngineRequests`.
pub(crate) fn read(
    name: &str,
    text: &str,
    command: CommandId,
    extras: Option<&Extras>,
) -> Result<Input, JsValue> {
    let wrong = Wrong::default();
    let mut fields = Fields::of(name, text, &wrong);
    let input = match name {
        "submission" => Input::SubmitRequested {
            command,
            submission: Box::new(submission(&mut fields)),
        },
        "join" => Input::JoinRequested {
            command,
            run_id: fields.text("run_id").map(RunId::from),
            options: JoinOptions {
                last_event_id: fields.text("last_event_id").map(EventId::from),
                stream_modes: fields.texts("stream_mode").unwrap_or_default(),
            },
        },
        "stop" => Input::StopRequested,
        "cancel" => Input::CancelRequested,
        "thread" => Input::ThreadSwitched {
            thread_id: fields.text("thread_id").map(ThreadId::from),
        },
        "values" => Input::ValuesMutated {
            values: fields.any("values").unwrap_or_default(),
        },
        "modes" => Input::StreamModesSet {
            modes: fields.modes("modes").unwrap_or_default(),
        },
        "events" => Input::EventsListened {
            names: fields.texts("names").unwrap_or_default(),
        },
        other => {
            let read = extras.and_then(|extras| (extras.request)(other, &mut fields, command));
            read.ok_or_else(|| invalid(other, UNKNOWN))?
        }
    };
    fields.end();
    wrong.or(input)
}

/// Reads a request that needs the second module.
pub(crate) fn extra(name: &str, fields: &mut Fields<'_>, command: CommandId) -> Option<Input> {
    Some(match name {
        "edit" => Input::Edit(EditInput::Requested {
            command,
            edit: Box::new(Edit {
                at: edit_at(fields),
                submission: submission(fields),
            }),
        }),
        "result" => Input::Tools(ToolsInput::ResultAdded {
            command,
            result: Box::new(tool_result(fields)),
        }),
        "take_back" => Input::Waiting(WaitingInput::TakeBack {
            id: fields.text("id").unwrap_or_default(),
        }),
        "send_now" => Input::Waiting(WaitingInput::SendNow {
            id: fields.text("id").unwrap_or_default(),
        }),
        "replace" => Input::Waiting(WaitingInput::Replace {
            id: fields.text("id").unwrap_or_default(),
            command,
            submission: Box::new(submission(fields)),
        }),
        "older" => Input::Session(SessionInput::OlderRequested { command }),
        "view" => {
            let mut limit = 0;
            fields.count("limit", &mut limit);
            match limit {
                0 => Input::Session(SessionInput::Closed),
                limit => Input::Session(SessionInput::Opened {
                    limit: limit as usize,
                }),
            }
        }
        "checkpoint" => {
            // Neither: there is none.
            let found = fields.text("checkpoint_id").map(CheckpointId::from);
            Input::Edit(EditInput::CheckpointResolved {
                command,
                checkpoint: fields.text("error").map_or(Ok(found), Err),
            })
        }
        "branch" => Input::Branches(BranchesInput::Selected {
            branch: fields.text("branch").unwrap_or_default(),
        }),
        "history" => Input::Branches(BranchesInput::HistoryProvided {
            states: fields.any("states").unwrap_or_default(),
        }),
        "deleted" => Input::Saved(SavedInput::ThreadDeleted {
            thread_id: ThreadId::from(fields.text("thread_id").unwrap_or_default()),
        }),
        _ => return None,
    })
}

/// The saving of threads' states: `{"cache": ..}`.
pub(crate) fn cache(text: &str) -> Result<Cache, JsValue> {
    let wrong = Wrong::default();
    let mut cache = Cache::default();
    Fields::of("options", text, &wrong).inner("cache", &mut |fields| {
        cache.identity = fields.text("identity");
        fields.bytes("threadsMax", &mut cache.threads_max);
        fields.bytes("bytesMax", &mut cache.bytes_max);
        fields.millis("ttlMs", &mut cache.ttl);
    });
    wrong.or(cache)
}

fn edit_at(fields: &mut Fields<'_>) -> EditAt {
    let mut text = |name| String::from_json(fields.any(name)?.text()).ok();
    let id = text("message_id").map(MessageId::from);
    match (text("kind").as_deref(), id) {
        (Some("message"), Some(id)) => EditAt::Message(id),
        (Some("answer"), Some(id)) => EditAt::Answer(id),
        (Some("failed"), None) => EditAt::Failed,
        _ => {
            fields.wrong("messageId", "a text");
            EditAt::Failed
        }
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
    for name in [
        "context",
        "interrupt_before",
        "interrupt_after",
        "durability",
        "strict_resume",
        "on_completion",
        "feedback_keys",
    ] {
        more.extend(fields.json(name).map(|value| (name.to_owned(), value)));
    }
    Submission {
        command,
        input: fields.json("input"),
        config: fields.json("config"),
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
        on_disconnect: fields.word("on_disconnect", ON_DISCONNECT, OnDisconnect::from_wire),
        stream_resumable: fields.flag("stream_resumable"),
        stream_subgraphs: fields.flag("stream_subgraphs"),
        thread_id: fields.text("thread_id").map(ThreadId::from),
        thread_is_made: fields.flag("thread_is_made").unwrap_or_default(),
        more,
    }
}
