//! Writes a run's events, in one commit with the checkpoints that they report, and its thread's session.

use rejoin_wire::request::StreamMode;
use serde_json::{Map, Value, json};

use super::Runner;
use crate::{
    agents::{AgentError, NewEvent},
    clock::now_iso,
    ids::CheckpointId,
    rows::{CheckpointRow, InterruptRecord},
    sessions::store::Tx,
    state,
    tables::Tables as _,
};

impl Runner {
    /// Tells of what a node wrote: messages nobody has seen, the update, the task's end.
    pub(super) async fn written(
        &self,
        at: &CheckpointRow,
        index: usize,
        update: Map<String, Value>,
    ) -> Result<Map<String, Value>, AgentError> {
        let task = &at.tasks[index];
        let update = state::normalise(Value::Object(update))
            .map_err(|message| AgentError::new("ValueError", message))?;
        let metadata = json!({
            "run_id": self.run.run_id, "thread_id": self.run.thread_id,
            "langgraph_node": task.name, "langgraph_step": at.step + 1,
        });
        for message in state::messages(&update) {
            if !self
                .emitter
                .streamed(message.get("id").unwrap_or(&Value::Null))
            {
                self.emitter
                    .emit(
                        StreamMode::MessagesTuple,
                        "messages",
                        &json!([message, metadata]),
                    )
                    .await?;
                self.emitter
                    .emit(StreamMode::Messages, "messages/complete", &json!([message]))
                    .await?;
            }
        }
        let told = json!({(task.name.as_str()): update});
        self.emitter
            .emit(StreamMode::Updates, "updates", &told)
            .await?;
        let ended = json!({"id": task.id, "name": task.name, "error": null, "result": update, "interrupts": []});
        self.task_event(at.step + 1, "task_result", &ended).await?;
        Ok(update)
    }

    pub(super) fn push_question(
        &self,
        at: &CheckpointRow,
        questions: &[InterruptRecord],
        events: &mut Vec<NewEvent>,
    ) {
        let newest = questions.last();
        if self.emitter.wants(StreamMode::Updates) {
            events.push(NewEvent::new(
                "updates",
                &json!({"__interrupt__": [newest]}),
            ));
        }
        if self.emitter.wants(StreamMode::Values) {
            let mut values = at.values.clone();
            values.insert("__interrupt__".to_owned(), json!(questions));
            events.push(NewEvent::new("values", &Value::Object(values)));
        }
    }

    /// Tells the thread's session what the state is now.
    pub(super) fn mirror(&self, at: &CheckpointRow) {
        if let Some(mirror) = &self.emitter.mirror {
            mirror.state(at);
        }
    }

    pub(super) async fn save(&self, checkpoints: Vec<CheckpointRow>) -> Result<(), AgentError> {
        let events = self.checkpoint_events(&checkpoints);
        self.commit(checkpoints, events).await
    }

    pub(super) async fn commit(
        &self,
        checkpoints: Vec<CheckpointRow>,
        events: Vec<NewEvent>,
    ) -> Result<(), AgentError> {
        let thread_id = self.run.thread_id;
        let change = move |tx: &Tx| {
            checkpoints
                .iter()
                .try_for_each(|checkpoint| tx.advance(thread_id, checkpoint))
        };
        self.emitter
            .commit(change, events)
            .await
            .map_err(AgentError::from)
    }

    pub(super) async fn values(&self, at: &CheckpointRow) -> Result<(), AgentError> {
        self.emitter
            .emit(StreamMode::Values, "values", &json!(at.values))
            .await
            .map_err(AgentError::from)
    }

    pub(super) fn checkpoint_events(&self, checkpoints: &[CheckpointRow]) -> Vec<NewEvent> {
        let mut events = Vec::new();
        for checkpoint in checkpoints {
            if self.emitter.wants(StreamMode::Checkpoints) {
                events.push(NewEvent::new(
                    "checkpoints",
                    &self.checkpoint_payload(checkpoint),
                ));
            }
            if self.emitter.wants(StreamMode::Debug) {
                let payload = self.checkpoint_payload(checkpoint);
                events.push(NewEvent::new(
                    "debug",
                    &debug(checkpoint.step, "checkpoint", &payload),
                ));
            }
        }
        events
    }

    fn checkpoint_payload(&self, checkpoint: &CheckpointRow) -> Value {
        let thread_id = self.run.thread_id;
        let config = |id: CheckpointId| json!({"configurable": {"thread_id": thread_id, "checkpoint_ns": "", "checkpoint_id": id}});
        let mut payload = checkpoint.to_json(thread_id);
        payload["config"] = config(checkpoint.id);
        payload["parent_config"] = checkpoint.parent.map_or(Value::Null, config);
        payload
    }

    pub(super) async fn task_event(
        &self,
        step: i64,
        kind: &str,
        payload: &Value,
    ) -> Result<(), AgentError> {
        self.emitter
            .emit(StreamMode::Tasks, "tasks", payload)
            .await?;
        self.emitter
            .emit(StreamMode::Debug, "debug", &debug(step, kind, payload))
            .await?;
        Ok(())
    }
}

fn debug(step: i64, kind: &str, payload: &Value) -> Value {
    json!({"step": step, "timestamp": now_iso(), "type": kind, "payload": payload})
}
