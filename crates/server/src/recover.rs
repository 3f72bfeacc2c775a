//! The repairs of a start, and the deletions as time passes.

use std::{sync::Arc, time::Duration};

use rejoin_wire::message::Message;
use serde_json::Value;

use crate::{
    agents::AgentError,
    clock::now_ms,
    error::ServerError,
    ids::{RunId, ThreadId},
    rows::{RunRow, RunStatus, ThreadStatus},
    run_changes::{error_json, fail_run, settle_thread},
    scheduler::Scheduler,
    sessions::store::{Store, Tx},
    tables::{Rows, StoredEvent, Tables as _},
};

/// Ends every run that the last process left pending or running. Returns how many.
///
/// Each gets an `error` event with the next id, so that a returning reader learns of it. Its streamed text becomes a message
/// of the thread.
///
/// One that cannot be read is left as it is, and said.
///
/// # Errors
/// The store fails.
pub(crate) async fn end_orphans(store: &Store) -> Result<usize, ServerError> {
    let mut ended = 0;
    let orphans = store.read()?.all_active_runs()?;
    for (thread, run) in orphans {
        match store
            .write(move |tx| end_orphan(tx, tx.run(thread, run)?))
            .await
        {
            Ok(()) => ended += 1,
            Err(error @ ServerError::Store(_)) => return Err(error),
            Err(error) => {
                tracing::error!(%thread, %run, %error, "a run that the last process left cannot be ended; its thread can be deleted");
                store
                    .write(move |tx| give_up(tx, thread, run, &error))
                    .await?;
            }
        }
    }
    Ok(ended)
}

/// A run that cannot be read is over, and its thread has failed.
fn give_up(tx: &Tx, thread: ThreadId, run: RunId, error: &ServerError) -> Result<(), ServerError> {
    tx.forget_active(thread, run)?;
    let error = error_json(&AgentError::new("RecordUnreadable", error.to_string()));
    match settle_thread(tx, thread, ThreadStatus::Error, Some(error)) {
        // It is listed as such.
        Err(ServerError::Unreadable(_) | ServerError::ThreadNotFound(_)) => Ok(()),
        settled => settled,
    }
}

/// Ends runs whose end could not be stored while the disk failed.
///
/// # Errors
/// The store fails.
pub(crate) async fn end_lost(scheduler: &Scheduler) -> Result<(), ServerError> {
    let active = scheduler.store.read()?.all_active_runs()?;
    for (thread, run) in active {
        // One that goes on is live before it is stored.
        if scheduler.live(run).is_some() {
            continue;
        }
        let end = move |tx: &Tx| {
            let found = tx.run(thread, run)?;
            // It may have ended since it was looked for.
            if found.is_active() {
                end_run(tx, found, lost())
            } else {
                Ok(())
            }
        };
        scheduler.store.write(end).await?;
        tracing::info!(%thread, %run, "ended a run whose end could not be stored");
    }
    Ok(())
}

fn lost() -> AgentError {
    let message = "the store failed while this run was under way; what was stored is kept";
    AgentError::new("StoreFailed", message)
}

fn end_orphan(tx: &Tx, run: RunRow) -> Result<(), ServerError> {
    let message = match run.status {
        RunStatus::Pending => "the server stopped before this run began; send it again",
        _ => {
            "the server stopped while this run was streaming; what had arrived is kept, the rest was not produced"
        }
    };
    end_run(tx, run, AgentError::new("ServerRestarted", message))
}

fn end_run(tx: &Tx, run: RunRow, error: AgentError) -> Result<(), ServerError> {
    let partials = streamed(&tx.events(run.run_id, 0, usize::MAX)?);
    if run.resumable {
        let seq = tx.event_count(run.run_id)?;
        tx.put_event(run.run_id, seq, "error", &error_json(&error).to_string())?;
    }
    fail_run(tx, run, partials, "aborted", &error)
}

/// Puts streamed messages together again from a run's log.
fn streamed(events: &[StoredEvent]) -> Vec<Message> {
    let mut messages: Vec<Message> = Vec::new();
    for event in events.iter().filter(|event| event.name == "messages") {
        let Ok((chunk, _)) = serde_json::from_str::<(Value, Value)>(&event.data) else {
            continue;
        };
        // Whole messages are in a checkpoint, or their step never ended.
        if chunk.get("type").and_then(Value::as_str) != Some("AIMessageChunk") {
            continue;
        }
        let Ok(chunk) = serde_json::from_value::<Message>(chunk) else {
            continue;
        };
        match messages.iter_mut().find(|message| message.id == chunk.id) {
            Some(message) => {
                message.merge_chunk(chunk);
            }
            None => messages.push(chunk),
        }
    }
    messages
}

/// Drops event logs that are older than `retention`, and ends runs that nobody runs, for as long as the server runs.
pub(crate) async fn sweep(scheduler: Arc<Scheduler>, retention: Duration) {
    let pace = (retention / 4).clamp(Duration::from_millis(50), Duration::from_secs(30));
    let retention_ms = u64::try_from(retention.as_millis()).unwrap_or(u64::MAX);
    let mut stopping = scheduler.stopping();
    loop {
        tokio::select! {
            _ = stopping.wait_for(|stopping| *stopping) => return,
            () = tokio::time::sleep(pace) => {}
        }
        if let Err(error) = end_lost(&scheduler).await {
            tracing::debug!(%error, "could not end lost runs");
        }
        let before = now_ms().saturating_sub(retention_ms);
        // A look costs no commit.
        if !scheduler
            .store
            .read()
            .map_err(ServerError::from)
            .and_then(|stored| stored.has_old_logs(before))
            .unwrap_or(true)
        {
            continue;
        }
        match scheduler.store.write(move |tx| tx.drop_logs(before)).await {
            Ok(0) => {}
            Ok(count) => tracing::debug!(count, "dropped the event logs of ended runs"),
            Err(error) => tracing::warn!(%error, "could not drop old event logs"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler::tests::on_a_disk_that_failed;

    #[tokio::test]
    async fn with_room_again_a_run_is_ended_whose_end_could_not_be_stored() {
        let (scheduler, switch, run) = on_a_disk_that_failed().await;
        switch.store(false, std::sync::atomic::Ordering::SeqCst);
        while scheduler.store.probe().await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        end_lost(&scheduler).await.unwrap();
        let stored = scheduler.store.read().unwrap();
        assert!(stored.all_active_runs().unwrap().is_empty());
        let thread = stored.thread(run.thread_id).unwrap();
        assert_eq!(thread.status, ThreadStatus::Error);
        assert_eq!(thread.error.unwrap()["error"], "StoreFailed");
    }
}
