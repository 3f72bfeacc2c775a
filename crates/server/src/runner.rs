//! Drives one run through its agent's graph, step by step.
//!
//! ```text
//! begin ──► step ──► step ──► … ──► Done
//!             │  every task wrote: merge, checkpoint, next
//!             └─ a task asks: save the questions ──► Asked
//! ```
//! A checkpoint and the events that tell of it are one commit.

use std::{collections::BTreeMap, sync::Arc};

use rejoin_wire::{Json, request::StreamMode};
use serde_json::{Map, Value, json};

use crate::{
    agents::{Agent, AgentError, Emitter, Knobs, NewEvent, NodeContext, NodeEnd},
    clock::now_iso,
    error::ServerError,
    ids::{CheckpointId, derived},
    records::{CheckpointRecord, InterruptRecord, RunRecord, START, Source},
    run_changes::keeps_conversation,
    state,
    tables::{Records, Tables as _},
};

/// Steps of one run, at most and where it does not say; more is taken for a loop without end.
const STEPS_MAX: usize = 1000;

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
    pub(crate) run: RunRecord,
    pub(crate) emitter: Emitter,
}

/// Where a run begins.
struct Start {
    at: CheckpointRecord,
    answers: Answers,
    /// Whether it continues from a breakpoint, which must not stop it again.
    continues: bool,
}

/// Answers to open questions, by interrupt id.
type Answers = BTreeMap<String, Value>;

impl Start {
    fn going_on(at: CheckpointRecord) -> Self {
        Self {
            at,
            answers: Answers::new(),
            continues: true,
        }
    }
}

impl Runner {
    /// Runs to the end.
    ///
    /// # Errors
    /// What the agent or the store said; the caller records it.
    pub(crate) async fn drive(self) -> Result<Ending, AgentError> {
        let metadata = json!({"run_id": self.run.run_id, "attempt": 1});
        self.emitter.say("metadata", &metadata).await?;
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
        asked.map_or(STEPS_MAX, |asked| asked.clamp(1, STEPS_MAX))
    }

    async fn begin(&self) -> Result<Start, AgentError> {
        let request = &self.run.request;
        let asked_for = requested_checkpoint(request)?;
        let base = self.base(asked_for)?;
        // The run may have waited, and others may have said more since it was let in.
        if !self.run.may_remove && !keeps_conversation(&self.emitter.store.view()?, &self.run)? {
            return Err(AgentError::new(
                "CapabilityMissing",
                "the run would take away or change messages of the thread, and its token does not have the capability cancel",
            ));
        }
        if let Some(input) = request.input.as_ref().filter(|input| !input.is_null()) {
            let input = input
                .read()
                .map_err(|error| AgentError::new("ValueError", error.to_string()))?;
            return self.begin_with_input(base.as_ref(), input).await;
        }
        let Some(base) = base else {
            return Err(AgentError::new(
                "EmptyInputError",
                "the run has no input and the thread has no state",
            ));
        };
        if let Some(command) = &request.command {
            return self.begin_with_command(base, command).await;
        }
        self.go_on(base, asked_for.is_some()).await
    }

    /// The checkpoint that the run starts from; none where the thread has none.
    fn base(
        &self,
        asked_for: Option<CheckpointId>,
    ) -> Result<Option<CheckpointRecord>, AgentError> {
        let view = self.emitter.store.view()?;
        let base = match asked_for {
            Some(id) => Some(view.checkpoint(self.run.thread_id, id)?),
            None => view.head(&view.thread(self.run.thread_id)?)?,
        };
        Ok(base)
    }

    /// Runs what is next at a checkpoint: from a copy of it where it was asked for by name.
    async fn go_on(&self, base: CheckpointRecord, is_named: bool) -> Result<Start, AgentError> {
        if !is_named && !base.failed {
            self.values(&base).await?;
            return Ok(Start::going_on(base));
        }
        let mut fork = CheckpointRecord::after(Some(&base), Source::Fork, Some(self.run.run_id));
        fork.go_to(base.next.clone());
        if base.failed {
            // Without what the failed attempt had said.
            let parent = base.parent.map(|parent| {
                let view = self.emitter.store.view()?;
                view.checkpoint(self.run.thread_id, parent)
            });
            fork.values = parent
                .transpose()?
                .map(|parent| parent.values)
                .unwrap_or_default();
        }
        let input = base.tasks.first().filter(|task| task.name == START);
        if let Some(Value::Object(input)) = input.and_then(|task| task.result.clone()) {
            return self.enter(fork, input).await;
        }
        self.save(vec![fork.clone()]).await?;
        self.values(&fork).await?;
        Ok(Start::going_on(fork))
    }

    async fn begin_with_input(
        &self,
        base: Option<&CheckpointRecord>,
        input: Value,
    ) -> Result<Start, AgentError> {
        let input =
            state::normalise(input).map_err(|message| AgentError::new("ValueError", message))?;
        let run_id = Some(self.run.run_id);
        let mut given = CheckpointRecord::after(base, Source::Input, run_id);
        given.go_to(vec![START.to_owned()]);
        self.enter(given, input).await
    }

    /// Takes the step from a graph's `__start__` to its first nodes.
    async fn enter(
        &self,
        mut given: CheckpointRecord,
        input: Map<String, Value>,
    ) -> Result<Start, AgentError> {
        let mut at = CheckpointRecord::after(Some(&given), Source::Loop, given.run_id);
        for task in &mut given.tasks {
            task.result = Some(Value::Object(input.clone()));
        }
        state::apply(&mut at.values, input, self.agent.appended());
        at.go_to(self.agent.entry());
        at.node = Some(START.to_owned());
        self.save(vec![given, at.clone()]).await?;
        self.values(&at).await?;
        Ok(Start {
            at,
            answers: Answers::new(),
            continues: false,
        })
    }

    async fn begin_with_command(
        &self,
        mut at: CheckpointRecord,
        command: &rejoin_wire::request::Command,
    ) -> Result<Start, AgentError> {
        let read = |json: &Json| {
            json.read::<Value>()
                .map_err(|error| AgentError::new("ValueError", error.to_string()))
        };
        if let Some(update) = &command.update {
            let update = state::normalise(read(update)?)
                .map_err(|message| AgentError::new("ValueError", message))?;
            state::apply(&mut at.values, update, self.agent.appended());
        }
        // `{"resume": null}` reads as no resume at all, and is an answer when nothing else is commanded.
        let only_null = command.update.is_none() && command.goto.is_none();
        let answers = match &command.resume {
            Some(resume) => answers(&at, read(resume)?)?,
            None if only_null => answers(&at, Value::Null)?,
            None => Answers::new(),
        };
        if let Some(goto) = command.goto.as_ref().filter(|_| answers.is_empty()) {
            let mut jumped =
                CheckpointRecord::after(Some(&at), Source::Update, Some(self.run.run_id));
            jumped.go_to(self.known_nodes(read(goto)?)?);
            self.save(vec![jumped.clone()]).await?;
            at = jumped;
        } else if answers.is_empty() && !at.interrupts().is_empty() {
            return Err(AgentError::new(
                "RuntimeError",
                "the thread waits for an answer, and the command gives none",
            ));
        }
        self.values(&at).await?;
        Ok(Start {
            at,
            answers,
            continues: true,
        })
    }

    fn known_nodes(&self, goto: Value) -> Result<Vec<String>, AgentError> {
        let names = match goto {
            Value::Array(list) => list,
            one => vec![one],
        };
        let known = |name: &Value| match name.as_str() {
            Some(name) if self.agent.nodes().contains(&name) => Ok(name.to_owned()),
            _ => Err(AgentError::new(
                "ValueError",
                format!("goto: no node {name}"),
            )),
        };
        names.iter().map(known).collect()
    }

    /// Runs every task of a checkpoint. Returns the checkpoint after it, or nothing where a question is open.
    async fn step(
        &self,
        mut at: CheckpointRecord,
        answers: &mut Answers,
    ) -> Result<Option<CheckpointRecord>, AgentError> {
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
        at: &CheckpointRecord,
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

    /// Tells of what a node wrote: messages nobody has seen, the update, the task's end.
    async fn written(
        &self,
        at: &CheckpointRecord,
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

    fn push_question(
        &self,
        at: &CheckpointRecord,
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

    /// Puts the results of a finished step into the next checkpoint.
    async fn merge(&self, at: CheckpointRecord) -> Result<CheckpointRecord, AgentError> {
        let mut next = CheckpointRecord::after(Some(&at), Source::Loop, Some(self.run.run_id));
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

    /// Tells the thread's session what the state is now.
    fn mirror(&self, at: &CheckpointRecord) {
        if let Some(mirror) = &self.emitter.mirror {
            mirror.state(at);
        }
    }

    async fn save(&self, checkpoints: Vec<CheckpointRecord>) -> Result<(), AgentError> {
        let events = self.checkpoint_events(&checkpoints);
        self.commit(checkpoints, events).await
    }

    async fn commit(
        &self,
        checkpoints: Vec<CheckpointRecord>,
        events: Vec<NewEvent>,
    ) -> Result<(), AgentError> {
        let thread_id = self.run.thread_id;
        let change = move |tx: &crate::sessions::store::Tx| {
            checkpoints
                .iter()
                .try_for_each(|checkpoint| tx.advance(thread_id, checkpoint))
        };
        self.emitter
            .commit(change, events)
            .await
            .map_err(AgentError::from)
    }

    async fn values(&self, at: &CheckpointRecord) -> Result<(), AgentError> {
        self.emitter
            .emit(StreamMode::Values, "values", &json!(at.values))
            .await
            .map_err(AgentError::from)
    }

    fn checkpoint_events(&self, checkpoints: &[CheckpointRecord]) -> Vec<NewEvent> {
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

    fn checkpoint_payload(&self, checkpoint: &CheckpointRecord) -> Value {
        let thread_id = self.run.thread_id;
        let config = |id: CheckpointId| json!({"configurable": {"thread_id": thread_id, "checkpoint_ns": "", "checkpoint_id": id}});
        let mut payload = checkpoint.to_json(thread_id);
        payload["config"] = config(checkpoint.id);
        payload["parent_config"] = checkpoint.parent.map_or(Value::Null, config);
        payload
    }

    async fn task_event(&self, step: i64, kind: &str, payload: &Value) -> Result<(), AgentError> {
        self.emitter
            .emit(StreamMode::Tasks, "tasks", payload)
            .await?;
        self.emitter
            .emit(StreamMode::Debug, "debug", &debug(step, kind, payload))
            .await?;
        Ok(())
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

/// The checkpoint that a request starts from, if it names one.
///
/// # Errors
/// [`ServerError::InvalidId`] where it is not a UUID.
pub(crate) fn requested_checkpoint(
    request: &rejoin_wire::request::RunRequest,
) -> Result<Option<CheckpointId>, ServerError> {
    let named = request
        .checkpoint
        .as_ref()
        .and_then(|checkpoint| checkpoint.checkpoint_id.as_ref());
    named
        .or(request.checkpoint_id.as_ref())
        .map(|id| CheckpointId::parse(id.as_str()))
        .transpose()
}

/// Which open question gets which answer.
fn answers(at: &CheckpointRecord, resume: Value) -> Result<Answers, AgentError> {
    let open = at.interrupts();
    // As on both real servers: what looks like a map from ids is one, also where no question has these ids (any more).
    let is_id = |key: &String| key.len() == 32 && key.bytes().all(|byte| byte.is_ascii_hexdigit());
    if let Value::Object(map) = &resume
        && !map.is_empty()
        && map.keys().all(is_id)
    {
        return Ok(map
            .iter()
            .map(|(id, answer)| (id.clone(), answer.clone()))
            .collect());
    }
    match open.as_slice() {
        [] => Ok(Answers::new()),
        [only] => Ok(Answers::from([(only.id.clone(), resume)])),
        _ => Err(AgentError::new(
            "RuntimeError",
            "Several interrupts are pending: resume with a map from interrupt id to answer",
        )),
    }
}

fn debug(step: i64, kind: &str, payload: &Value) -> Value {
    json!({"step": step, "timestamp": now_iso(), "type": kind, "payload": payload})
}

/// Nodes to stop at.
enum Stops {
    All,
    Named(Vec<String>),
}

impl Stops {
    fn read(asked: Option<&Json>) -> Self {
        match asked.and_then(|asked| asked.read::<Value>().ok()) {
            Some(Value::String(name)) if name == "*" => Self::All,
            Some(Value::Array(names)) => Self::Named(
                names
                    .iter()
                    .filter_map(|name| name.as_str().map(str::to_owned))
                    .collect(),
            ),
            _ => Self::Named(Vec::new()),
        }
    }

    fn hit(&self, nodes: &[String]) -> bool {
        match self {
            Self::All => true,
            Self::Named(names) => nodes.iter().any(|node| names.contains(node)),
        }
    }
}
