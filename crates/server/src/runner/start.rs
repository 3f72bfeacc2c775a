//! The start of a run: with input, with answers, from a named checkpoint, or from the thread's last one.

use std::collections::BTreeMap;

use rejoin_wire::{
    Json,
    request::{Command, RunRequest},
};
use serde_json::{Map, Value};

use super::Runner;
use crate::{
    agents::AgentError,
    error::ServerError,
    ids::CheckpointId,
    rows::{CheckpointRow, RunRow, START, Source},
    state,
    tables::Rows,
};

/// The start of a run.
pub(super) struct Start {
    pub(super) at: CheckpointRow,
    pub(super) answers: Answers,
    /// Whether it continues from a breakpoint, which must not stop it again.
    pub(super) continues: bool,
}

/// Answers to open questions, by interrupt id.
pub(super) type Answers = BTreeMap<String, Value>;

impl Start {
    fn continuing(at: CheckpointRow) -> Self {
        Self {
            at,
            answers: Answers::new(),
            continues: true,
        }
    }
}

impl Runner {
    /// The start of the run, with its input in the state.
    pub(super) async fn begin(&self) -> Result<Start, AgentError> {
        let request = &self.run.request;
        let asked_for = requested_checkpoint(request)?;
        let base = self.base(asked_for)?;
        // The run may have waited, and others may have said more since it was let in.
        if !self.run.may_remove && !keeps_conversation(&self.emitter.store.read()?, &self.run)? {
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
    fn base(&self, asked_for: Option<CheckpointId>) -> Result<Option<CheckpointRow>, AgentError> {
        let stored = self.emitter.store.read()?;
        let base = match asked_for {
            Some(id) => Some(stored.checkpoint(self.run.thread_id, id)?),
            None => stored.head(&stored.thread(self.run.thread_id)?)?,
        };
        Ok(base)
    }

    /// Runs what is next at a checkpoint: from a copy of it where it was asked for by name.
    async fn go_on(&self, base: CheckpointRow, is_named: bool) -> Result<Start, AgentError> {
        if !is_named && !base.failed {
            self.values(&base).await?;
            return Ok(Start::continuing(base));
        }
        let mut fork = CheckpointRow::after(Some(&base), Source::Fork, Some(self.run.run_id));
        fork.go_to(base.next.clone());
        if base.failed {
            // Without what the failed attempt had said.
            let parent = base.parent.map(|parent| {
                let stored = self.emitter.store.read()?;
                stored.checkpoint(self.run.thread_id, parent)
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
        Ok(Start::continuing(fork))
    }

    async fn begin_with_input(
        &self,
        base: Option<&CheckpointRow>,
        input: Value,
    ) -> Result<Start, AgentError> {
        let input =
            state::normalise(input).map_err(|message| AgentError::new("ValueError", message))?;
        let run_id = Some(self.run.run_id);
        let mut given = CheckpointRow::after(base, Source::Input, run_id);
        given.go_to(vec![START.to_owned()]);
        self.enter(given, input).await
    }

    /// Takes the step from a graph's `__start__` to its first nodes.
    async fn enter(
        &self,
        mut given: CheckpointRow,
        input: Map<String, Value>,
    ) -> Result<Start, AgentError> {
        let mut at = CheckpointRow::after(Some(&given), Source::Loop, given.run_id);
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
        mut at: CheckpointRow,
        command: &Command,
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
            let mut jumped = CheckpointRow::after(Some(&at), Source::Update, Some(self.run.run_id));
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
}

/// The checkpoint that a request starts from, if it names one.
///
/// # Errors
/// [`ServerError::InvalidId`] where it is not a UUID.
pub(crate) fn requested_checkpoint(
    request: &RunRequest,
) -> Result<Option<CheckpointId>, ServerError> {
    let named = request
        .checkpoint
        .as_ref()
        .and_then(|checkpoint| checkpoint.checkpoint_id.as_ref())
        .or(request.checkpoint_id.as_ref());
    if let Some(named) = named {
        return CheckpointId::parse(named.as_str()).map(Some);
    }
    let config = request.config.as_ref().map(|config| config.read::<Value>());
    match config
        .and_then(Result::ok)
        .as_ref()
        .and_then(|config| config.pointer("/configurable/checkpoint_id"))
    {
        None | Some(Value::Null) => Ok(None),
        // What is no text is no id.
        Some(named) => CheckpointId::parse(named.as_str().unwrap_or_default()).map(Some),
    }
}

/// Whether the thread's newest messages are still there, as they were said, in what a run would begin with now.
///
/// # Errors
/// The store fails, a record of the thread cannot be read, a checkpoint does not exist, or the input is malformed.
pub(crate) fn keeps_conversation(store: &impl Rows, run: &RunRow) -> Result<bool, ServerError> {
    let Some(head) = store.head(&store.thread(run.thread_id)?)? else {
        return Ok(true);
    };
    let named = requested_checkpoint(&run.request)?;
    let mut first = match named {
        Some(named) => store.checkpoint(run.thread_id, named)?,
        None => head.clone(),
    };
    let request = &run.request;
    let input = request.input.as_ref().filter(|input| !input.is_null());
    let command = request.command.as_ref();
    let update = input.or(command.and_then(|command| command.update.as_ref()));
    let resumes = input.is_none() && command.is_some_and(|command| command.goto.is_none());
    if input.is_none() && command.is_none() && first.failed {
        let parent = first.parent.map(|id| store.checkpoint(run.thread_id, id));
        first.values = parent
            .transpose()?
            .map(|parent| parent.values)
            .unwrap_or_default();
    }
    if let Some(update) = update {
        let invalid = |error: String| ServerError::InvalidRequest(error);
        let update = update.read().map_err(|error| invalid(error.to_string()))?;
        let update = state::normalise(update).map_err(invalid)?;
        state::apply(&mut first.values, update, &[]);
    }
    // What tasks of a half-done step wrote goes, unless that step is gone on with.
    if !resumes && (named.is_some() || update.is_some() || command.is_some()) {
        first.tasks.clear();
    }
    Ok(state::keeps(&head.conversation(), &first.conversation()))
}

/// Assigns the answers to the open questions.
fn answers(at: &CheckpointRow, resume: Value) -> Result<Answers, AgentError> {
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
