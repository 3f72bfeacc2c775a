//! Submissions and joins, from JSON text.

use crate::options::{self, invalid};
use rejoin_core::{
    Submission,
    wire::{CheckpointId, Json, RunId, request::Command},
};
use std::collections::BTreeMap;
use wasm_bindgen::JsValue;

type Object = BTreeMap<String, Json>;

/// Reads a submission of the contract.
pub(crate) fn read_submission(text: String) -> Result<Submission, JsValue> {
    let mut submission = Submission::default();
    for (name, value) in object(text)? {
        if value.is_null() {
            continue;
        }
        match name.as_str() {
            "input" => submission.input = Some(value),
            "command" => submission.command = Some(command(&value)?),
            "config" => submission.config = Some(value),
            "context" => submission.context = Some(value),
            "metadata" => submission.metadata = Some(value),
            "checkpoint_id" => submission.checkpoint_id = Some(CheckpointId::from(string(&name, &value)?)),
            "optimistic_values" => submission.optimistic_values = Some(value),
            "stream_mode" => {
                let names: Vec<String> = value.read().map_err(|_| invalid("stream_mode", "a list of stream modes"))?;
                submission.stream_modes = Some(options::stream_modes("stream_mode", &names)?);
            }
            "multitask_strategy" => {
                let strategy = options::multitask_strategy(&string(&name, &value)?);
                submission.multitask_strategy =
                    Some(strategy.ok_or_else(|| invalid(&name, "one of reject, enqueue, interrupt, rollback"))?);
            }
            unknown => return Err(invalid(unknown, "left out: it is not known")),
        }
    }
    Ok(submission)
}

/// Reads the options of a join: the run, if one is named.
pub(crate) fn read_join(text: String) -> Result<Option<RunId>, JsValue> {
    let mut run_id = None;
    for (name, value) in object(text)? {
        if value.is_null() {
            continue;
        }
        match name.as_str() {
            "run_id" => run_id = Some(RunId::from(string(&name, &value)?)),
            unknown => return Err(invalid(unknown, "left out: it is not known")),
        }
    }
    Ok(run_id)
}

fn command(value: &Json) -> Result<Command, JsValue> {
    let mut command = Command::default();
    let fields: Object = value.read().map_err(|_| invalid("command", "an object"))?;
    for (name, value) in fields {
        match name.as_str() {
            "resume" => command.resume = Some(value),
            "update" => command.update = Some(value),
            "goto" => command.goto = Some(value),
            unknown => return Err(invalid(&["command.", unknown].concat(), "left out: it is not known")),
        }
    }
    Ok(command)
}

fn object(text: String) -> Result<Object, JsValue> {
    let json = Json::parse(text).map_err(|_| invalid("submission", "a JSON object"))?;
    json.read().map_err(|_| invalid("submission", "a JSON object"))
}

fn string(name: &str, value: &Json) -> Result<String, JsValue> {
    value.read().map_err(|_| invalid(name, "a text"))
}
