//! The writes of a run's creation, start and end.

use std::sync::Arc;

use rejoin_wire::{
    json::Node,
    message::Message,
    request::{IfNotExists, MultitaskStrategy, RunRequest},
};
use serde_json::{Map, Value, json};

use crate::{
    agents::{AgentError, Emitter, NewEvent},
    auth::{Ask, Permit},
    clock::now_iso,
    error::ServerError,
    ids::{RunId, ThreadId, assistant_id},
    live::CancelAction,
    quotas::Quotas,
    rows::{CheckpointRow, RunRow, RunStatus, Source, ThreadStatus},
    runner::{Ending, keeps_conversation, requested_checkpoint},
    sessions::store::Tx,
    state,
    tables::{Rows, Tables as _},
};

/// How a run ended.
pub(crate) enum Outcome {
    Ended(Ending),
    Failed(AgentError),
    Cancelled(CancelAction),
}

/// A run's record, as it is asked for.
///
/// # Errors
/// The request does not fit the thread, or its token does not allow it.
pub(crate) fn new_run(
    thread_id: ThreadId,
    graph: &str,
    mut request: RunRequest,
    permit: &Permit,
) -> Result<RunRow, ServerError> {
    requested_checkpoint(&request)?;
    let update = request
        .command
        .as_ref()
        .and_then(|command| command.update.as_ref());
    for given in [request.input.as_ref(), update].into_iter().flatten() {
        let given: Value = given
            .read()
            .map_err(|error| ServerError::InvalidRequest(error.to_string()))?;
        if state::removes(&given) {
            permit.ask(Ask::RemoveMessages)?;
        }
    }
    if let Some(input) = request.input.as_ref().filter(|input| !input.is_null()) {
        let input = input
            .read()
            .map_err(|error| ServerError::InvalidRequest(error.to_string()))?;
        state::normalise(input).map_err(ServerError::InvalidRequest)?;
    }
    let mut metadata = match &request.metadata {
        Some(metadata) => metadata
            .read::<Option<Map<String, Value>>>()
            .map_err(|_| ServerError::InvalidRequest("metadata must be an object".to_owned()))?
            .unwrap_or_default(),
        None => Map::new(),
    };
    metadata.insert("graph_id".to_owned(), graph.into());
    metadata.insert(
        "assistant_id".to_owned(),
        assistant_id(graph).to_string().into(),
    );
    request
        .multitask_strategy
        .get_or_insert(MultitaskStrategy::Enqueue);
    let now = now_iso();
    Ok(RunRow {
        run_id: RunId::fresh(),
        thread_id,
        graph: graph.to_owned(),
        created_at: now.clone(),
        updated_at: now,
        metadata,
        status: RunStatus::Pending,
        resumable: request.stream_resumable == Some(true),
        request,
        base: None,
        may_remove: permit.may(Ask::RemoveMessages),
        log_dropped: false,
        error: None,
    })
}

/// Stores a run, and says which others of its thread are under way.
pub(crate) fn insert_run(
    tx: &Tx,
    mut run: RunRow,
    is_temporary: bool,
    permit: &Permit,
    quotas: &Arc<Quotas>,
) -> Result<(RunRow, Vec<RunId>), ServerError> {
    let mut thread = match tx.thread(run.thread_id) {
        Err(ServerError::ThreadNotFound(_))
            if run.request.if_not_exists == Some(IfNotExists::Create) =>
        {
            quotas.make_thread(tx, run.thread_id, Map::new(), permit.client.clone())?
        }
        found => found?,
    };
    let busy = tx.active_runs(run.thread_id)?;
    if !busy.is_empty() {
        match run.request.multitask_strategy {
            Some(MultitaskStrategy::Reject) => return Err(ServerError::ThreadBusy),
            Some(MultitaskStrategy::Interrupt | MultitaskStrategy::Rollback) => {
                permit.ask(Ask::EndRuns)?;
            }
            _ => {}
        }
    }
    if let Some(checkpoint) = requested_checkpoint(&run.request)? {
        tx.checkpoint(run.thread_id, checkpoint)?;
    }
    if !run.may_remove && !keeps_conversation(tx, &run)? {
        permit.ask(Ask::RemoveMessages)?;
    }
    run.base = thread.head;
    for key in ["graph_id", "assistant_id"] {
        thread.metadata.insert(
            key.to_owned(),
            run.metadata.get(key).cloned().unwrap_or_default(),
        );
    }
    thread.graph = Some(run.graph.clone());
    thread.is_temporary |= is_temporary;
    thread.status = ThreadStatus::Busy;
    thread.updated_at = now_iso();
    tx.put_thread(&thread)?;
    tx.put_run(&run)?;
    Ok((run, busy))
}

/// Marks a run as running, from what the one before it left.
pub(crate) fn begin_run(tx: &Tx, thread_id: ThreadId, run_id: RunId) -> Result<(), ServerError> {
    let mut thread = tx.thread(thread_id)?;
    let mut run = tx.run(thread_id, run_id)?;
    run.status = RunStatus::Running;
    run.updated_at = now_iso();
    // A queued run starts from what the run before it left.
    run.base = thread.head;
    thread.status = ThreadStatus::Busy;
    thread.error = None;
    tx.put_run(&run)?;
    tx.put_thread(&thread)
}

/// Rows a run's end, with the events that tell of it.
pub(crate) async fn finish(
    run: &RunRow,
    emitter: &Emitter,
    outcome: Outcome,
) -> Result<(), ServerError> {
    let (thread_id, run_id) = (run.thread_id, run.run_id);
    let partials = emitter.take_partials();
    let mut events = Vec::new();
    if let Outcome::Failed(error) = &outcome {
        // Its text may hold what was asked: some endpoints repeat it.
        tracing::info!(run = %run_id, kind = error.kind, "a run failed");
        events.push(NewEvent::new("error", &error_json(error)));
    }
    let change = move |tx: &Tx| {
        let mut run = tx.run(thread_id, run_id)?;
        match outcome {
            Outcome::Ended(ending) => {
                tx.end_run(&mut run, RunStatus::Success, None)?;
                let status = if ending == Ending::Done {
                    ThreadStatus::Idle
                } else {
                    ThreadStatus::Interrupted
                };
                settle_thread(tx, thread_id, status, None)
            }
            Outcome::Failed(error) => fail_run(tx, run, partials, "error", &error),
            Outcome::Cancelled(CancelAction::Rollback) => {
                tx.undo_run(&run)?;
                settle_thread(tx, thread_id, ThreadStatus::Idle, None)
            }
            Outcome::Cancelled(CancelAction::Interrupt) => {
                let waits = match save_partials(tx, &run, partials, "cancelled")? {
                    Some(_) => false,
                    None => tx
                        .head(&tx.thread(thread_id)?)?
                        .is_some_and(|head| !head.next.is_empty()),
                };
                tx.end_run(&mut run, RunStatus::Interrupted, None)?;
                settle_thread(
                    tx,
                    thread_id,
                    if waits {
                        ThreadStatus::Interrupted
                    } else {
                        ThreadStatus::Idle
                    },
                    None,
                )
            }
        }
    };
    emitter.commit(change, events).await
}

/// Ends a run as an error, with what it had streamed kept in the thread's state.
pub(crate) fn fail_run(
    tx: &Tx,
    mut run: RunRow,
    partials: Vec<Message>,
    finish_reason: &str,
    error: &AgentError,
) -> Result<(), ServerError> {
    let thread_id = run.thread_id;
    let begun = tx
        .head(&tx.thread(thread_id)?)?
        .filter(|head| head.run_id == Some(run.run_id));
    let next = begun.as_ref().map(|head| head.next.clone());
    let kept = save_partials(tx, &run, partials, finish_reason)?.map(|mut kept| {
        kept.go_to(next.unwrap_or_default());
        kept.failed = true;
        kept
    });
    if let Some(mut at) = kept.or(begun)
        && let Some(task) = at.tasks.first_mut()
    {
        task.error = Some(format!("{}({:?})", error.kind, error.message));
        tx.put_checkpoint(thread_id, &at)?;
    }
    tx.end_run(&mut run, RunStatus::Error, Some(error_json(error)))?;
    settle_thread(tx, thread_id, ThreadStatus::Error, Some(error_json(error)))
}

/// Writes messages that were streamed, and are in no checkpoint, to the state, so that what was shown is not lost.
fn save_partials(
    tx: &Tx,
    run: &RunRow,
    partials: Vec<Message>,
    finish_reason: &str,
) -> Result<Option<CheckpointRow>, ServerError> {
    let Some(head) = tx.head(&tx.thread(run.thread_id)?)? else {
        return Ok(None);
    };
    let mut lost = Vec::new();
    for mut message in partials {
        let id = json!(message.id);
        let known = state::messages(&head.values)
            .iter()
            .any(|kept| kept.get("id") == Some(&id));
        if known || (message.content.text_bytes() == 0 && message.tool_call_chunks().is_empty()) {
            continue;
        }
        if let Some(Node::Object(metadata)) = message.fields.get_mut("response_metadata") {
            metadata.set("finish_reason", Node::text(finish_reason));
        }
        lost.push(state::final_message(&message));
    }
    if lost.is_empty() {
        return Ok(None);
    }
    let mut kept = CheckpointRow::after(Some(&head), Source::Loop, Some(run.run_id));
    kept.node = head.next.first().cloned();
    state::apply(
        &mut kept.values,
        Map::from_iter([(state::MESSAGES.to_owned(), Value::Array(lost))]),
        &[],
    );
    tx.advance(run.thread_id, &kept)?;
    Ok(Some(kept))
}

/// Says how a thread is once none of its runs is under way.
///
/// # Errors
/// The store fails, or the thread cannot be read.
pub(crate) fn settle_thread(
    tx: &Tx,
    thread_id: ThreadId,
    status: ThreadStatus,
    error: Option<Value>,
) -> Result<(), ServerError> {
    let mut thread = tx.thread(thread_id)?;
    thread.status = if tx.active_runs(thread_id)?.is_empty() {
        status
    } else {
        ThreadStatus::Busy
    };
    thread.error = error;
    thread.updated_at = now_iso();
    tx.put_thread(&thread)
}

/// An error as the protocol shows it, in events and on threads.
pub(crate) fn error_json(error: &AgentError) -> Value {
    json!({"error": error.kind, "message": error.message})
}
