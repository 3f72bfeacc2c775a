//! Submissions and joins, from JSON text.

use crate::options::{self, invalid};
use rejoin_core::{
    JoinOptions, Submission,
    wire::{CheckpointId, EventId, Json, RunId, ThreadId, request::Command},
};
use std::collections::BTreeMap;
use wasm_bindgen::JsValue;

const UNKNOWN: &str = "left out: it is not known";

type Object = BTreeMap<String, Json>;

/// Reads a submission of the contract.
pub(crate) fn read_submission(text: String) -> Result<Submission, JsValue> {
    let mut submission = Submission::default();
    for (name, value) in object(text)? {
        // `null` is as good as absent, except for a checkpoint: there it means the thread's newest state.
        if value.is_null() && name != "checkpoint" {
            continue;
        }
        match name.as_str() {
            "input" => submission.input = Some(value),
            "command" => submission.command = Some(command(&value)?),
            "config" => submission.config = Some(value),
            "context" => submission.context = Some(value),
            "metadata" => submission.metadata = Some(value),
            "checkpoint" => submission.checkpoint = Some(value),
            "interrupt_before" => submission.interrupt_before = Some(value),
            "interrupt_after" => submission.interrupt_after = Some(value),
            "durability" => submission.durability = Some(value),
            "thread_id" => submission.thread_id = Some(ThreadId::from(string(&name, &value)?)),
            "stream_resumable" => submission.stream_resumable = Some(flag(&name, &value)?),
            "stream_subgraphs" => submission.stream_subgraphs = Some(flag(&name, &value)?),
            "on_disconnect" => {
                let word = options::on_disconnect(&string(&name, &value)?);
                submission.on_disconnect =
                    Some(word.ok_or_else(|| invalid(&name, "one of continue, cancel"))?);
            }
            "checkpoint_id" => {
                submission.checkpoint_id = Some(CheckpointId::from(string(&name, &value)?))
            }
            "optimistic_values" => submission.optimistic_values = Some(value),
            "stream_mode" => {
                let names = strings(&name, &value)?;
                submission.stream_modes = Some(options::stream_modes(&name, &names)?);
            }
            "multitask_strategy" => {
                let strategy = options::multitask_strategy(&string(&name, &value)?);
                submission.multitask_strategy = Some(strategy.ok_or_else(|| {
                    invalid(&name, "one of reject, enqueue, interrupt, rollback")
                })?);
            }
            unknown => return Err(invalid(unknown, UNKNOWN)),
        }
    }
    Ok(submission)
}

/// Reads the options of a join: the run, if one is named, and how.
pub(crate) fn read_join(text: String) -> Result<(Option<RunId>, JoinOptions), JsValue> {
    let mut run_id = None;
    let mut options = JoinOptions::default();
    for (name, value) in object(text)? {
        if value.is_null() {
            continue;
        }
        match name.as_str() {
            "run_id" => run_id = Some(RunId::from(string(&name, &value)?)),
            "last_event_id" => {
                options.last_event_id = Some(EventId::from(string(&name, &value)?));
            }
            "stream_mode" => options.stream_modes = strings(&name, &value)?,
            unknown => return Err(invalid(unknown, UNKNOWN)),
        }
    }
    Ok((run_id, options))
}

fn command(value: &Json) -> Result<Command, JsValue> {
    let mut command = Command::default();
    let fields: Object = value.read().map_err(|_| invalid("command", "an object"))?;
    for (name, value) in fields {
        match name.as_str() {
            "resume" => command.resume = Some(value),
            "update" => command.update = Some(value),
            "goto" => command.goto = Some(value),
            unknown => return Err(invalid(&["command.", unknown].concat(), UNKNOWN)),
        }
    }
    Ok(command)
}

fn object(text: String) -> Result<Object, JsValue> {
    let json = Json::parse(text).map_err(|_| invalid("submission", "a JSON object"))?;
    json.read()
        .map_err(|_| invalid("submission", "a JSON object"))
}

fn string(name: &str, value: &Json) -> Result<String, JsValue> {
    value.read().map_err(|_| invalid(name, "a text"))
}

fn strings(name: &str, value: &Json) -> Result<Vec<String>, JsValue> {
    value.read().map_err(|_| invalid(name, "a list of texts"))
}

fn flag(name: &str, value: &Json) -> Result<bool, JsValue> {
    match value.text() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(invalid(name, "true or false")),
    }
}
