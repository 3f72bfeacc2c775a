//! Drives one run through its agent's graph, step by step.
//!
//! ```text
//! begin ──► step ──► step ──► … ──► Done
//!             │  every task wrote: merge, checkpoint, next
//!             └─ a task asks: save the questions ──► Asked
//! ```
//! A checkpoint and the events that tell of it are one commit.

mod start;
mod stops;
mod telling;

use std::sync::Arc;

use rejoin_wire::request::StreamMode;
use serde_json::{Value, json};

use crate::{
    agents::{Agent, AgentError, Emitter, Knobs, NewEvent, NodeContext, NodeEnd},
    ids::derived,
    rows::{CheckpointRow, InterruptRecord, RunRow, Source},
    state,
    tables::Tables as _,
};
use start::{Answers, Start};

pub(crate) use start::{keeps_conversation, requested_checkpoint};
pub(crate) use stops::Stops;

/// Steps of a run that does not say how many it may take; more is taken for a loop without end.
const STEPS_DEFAULT: usize = 1000;
/// The most steps that a run may ask for (`config.recursion_limit`).
pub(crate) const STEPS_MAX: usize = 10_000;

/// How a run came to rest by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Nothing is left to run.
    Done,
    /// It waits for an answer, or at a breakpoint.
    Asked,
}

/// A run and what it needs.
pub(crate) struct Runner {
    pub(crate) agent: Arc<dyn Agent>,
    pub(crate) run: RunRow,
    pub(crate) emitter: Emitter,
}

impl Runner {
    /// Runs to the end.
    ///
    /// # Errors
    /// The error of the agent or of the store; the caller records it.
    pub(crate) async fn drive(self) -> Result<Ending, AgentError> {
        let metadata = json!({"run_id": self.run.run_id, "attempt": 1});
        self.emitter.send_event("metadata", &metadata).await?;
        let Start {
            mut at,
            mut answers,
            mut continues,
        } = self.begin().await?;
        self.mirror(&at);
        let before = Stops::read(self.run.request.interrupt_before.as_ref());
        let after = Stops::read(self.run.request.interrupt_after.as_ref());
        let steps_max = self.steps_max();
        for _ in 0..steps_max {
            if at.next.is_empty() {
                return Ok(Ending::Done);
            }
            if !std::mem::take(&mut continues) && before.hit(&at.next) {
                return self.stop_at_breakpoint().await;
            }
            let ran = at.next.clone();
            match self.step(at, &mut answers).await? {
                Some(next) => at = next,
                None => return Ok(Ending::Asked),
            }
            if !at.next.is_empty() && after.hit(&ran) {
                return self.stop_at_breakpoint().await;
            }
        }
        Err(AgentError::new(
            "GraphRecursionError",
            format!("no end after {steps_max} steps"),
        ))
    }

    /// `config.recursion_limit`, where there is one.
    fn steps_max(&self) -> usize {
        let config = self.run.request.config.as_ref();
        let config = config.and_then(|config| config.read::<Value>().ok());
        let asked = config.and_then(|config| config.get("recursion_limit")?.as_u64());
        let asked = asked.and_then(|asked| usize::try_from(asked).ok());
        // A run of an earlier version may have asked for more.
        asked.map_or(STEPS_DEFAULT, |asked| asked.clamp(1, STEPS_MAX))
    }

    /// Runs every task of a checkpoint. Returns the checkpoint after it, or nothing where a question is open.
    async fn step(
        &self,
        mut at: CheckpointRow,
        answers: &mut Answers,
    ) -> Result<Option<CheckpointRow>, AgentError> {
        let mut questions: Vec<InterruptRecord> = Vec::new();
        let mut asked = Vec::new();
        for index in 0..at.tasks.len() {
            let task = at.tasks[index].clone();
            if let Some(result) = &task.result {
                let cached =
                    json!({(task.name.as_str()): result, "__metadata__": {"cached": true}});
                self.emitter
                    .emit(StreamMode::Updates, "updates", &cached)
                    .await?;
                continue;
            }
            let open = task.interrupts.first();
            let answer = open.and_then(|open| answers.remove(&open.id));
            let end = match (open, answer) {
                (Some(open), None) => NodeEnd::Asks(open.value.clone()),
                (_, answer) => self.run_node(&at, index, answer).await?,
            };
            match end {
                NodeEnd::Wrote(update) => {
                    let update = self.written(&at, index, update).await?;
                    at.tasks[index].interrupts.clear();
                    at.tasks[index].result = Some(Value::Object(update));
                }
                NodeEnd::Asks(value) => {
                    let id = derived(at.id, &format!("interrupt:{}", task.name))
                        .simple()
                        .to_string();
                    let question = InterruptRecord { id, value };
                    at.tasks[index].interrupts = vec![question.clone()];
                    questions.push(question);
                    self.push_question(&at, &questions, &mut asked);
                }
            }
        }
        if questions.is_empty() {
            return self.merge(at).await.map(Some);
        }
        let thread_id = self.run.thread_id;
        self.emitter
            .commit(move |tx| tx.put_checkpoint(thread_id, &at), asked)
            .await?;
        Ok(None)
    }

    async fn run_node(
        &self,
        at: &CheckpointRow,
        index: usize,
        resume: Option<Value>,
    ) -> Result<NodeEnd, AgentError> {
        let task = &at.tasks[index];
        let begun = json!({"id": task.id, "name": task.name, "input": at.values, "triggers": [], "metadata": {}});
        self.task_event(at.step + 1, "task", &begun).await?;
        let config = match &self.run.request.config {
            Some(config) => config
                .read::<Value>()
                .map_err(|error| AgentError::new("ValueError", error.to_string()))?,
            None => Value::Null,
        };
        let context = match &self.run.request.context {
            Some(context) => context
                .read::<Value>()
                .map_err(|error| AgentError::new("ValueError", error.to_string()))?,
            None => Value::Null,
        };
        let mut context = NodeContext {
            emitter: self.emitter.clone(),
            node: task.name.clone(),
            step: at.step + 1,
            values: at.values.clone(),
            knobs: Knobs::of(&config).with(context),
            resume,
        };
        self.agent.run(&task.name, &mut context).await
    }

    /// Puts the results of a finished step into the next checkpoint.
    async fn merge(&self, at: CheckpointRow) -> Result<CheckpointRow, AgentError> {
        let mut next = CheckpointRow::after(Some(&at), Source::Loop, Some(self.run.run_id));
        for task in &at.tasks {
            if let Some(Value::Object(update)) = &task.result {
                state::apply(&mut next.values, update.clone(), self.agent.appended());
            }
        }
        let mut names: Vec<String> = Vec::new();
        for name in at
            .tasks
            .iter()
            .flat_map(|task| self.agent.after(&task.name, &next.values))
        {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        next.node = at.tasks.last().map(|task| task.name.clone());
        next.go_to(names);
        let mut events = self.checkpoint_events(std::slice::from_ref(&next));
        if self.emitter.wants(StreamMode::Values) {
            events.push(NewEvent::new("values", &json!(next.values)));
        }
        self.commit(vec![next.clone()], events).await?;
        // They are in the state now.
        self.emitter.take_partials();
        self.mirror(&next);
        Ok(next)
    }

    async fn stop_at_breakpoint(&self) -> Result<Ending, AgentError> {
        self.emitter
            .emit(
                StreamMode::Updates,
                "updates",
                &json!({"__interrupt__": []}),
            )
            .await?;
        Ok(Ending::Asked)
    }
}
