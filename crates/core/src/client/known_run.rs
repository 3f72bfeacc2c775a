//! The runs that a server lists, and the one among them that is meant.

use super::{submission::SUBMISSION_KEY, urls::is_usable};
use rejoin_wire::{
    MessageId, RunId,
    json::{FromJson, JsonError, Lenient, Oddities, field, parts},
    message::{Message, MessageKind},
    thread::RunStatus,
};

/// The parts that are read of a run that the server knows.
#[derive(Debug)]
pub(super) struct KnownRun {
    pub(super) run_id: Option<RunId>,
    pub(super) status: RunStatus,
    pub(super) created_at: Option<String>,
    /// The mark of the submission that it was made for.
    pub(super) submission_id: Option<String>,
    /// The input that it was begun with, while it is active.
    input: String,
}

impl KnownRun {
    /// The question that it was begun with, where that has an id.
    pub(super) fn question(&self, messages_key: &str) -> Option<MessageId> {
        let messages: Vec<Message> = Vec::read_quietly(field(&self.input, messages_key)?).ok()?;
        let asks = |message: &Message| message.kind == MessageKind::Human;
        messages.into_iter().rfind(asks)?.id
    }
}

impl Lenient for KnownRun {
    fn read(text: &str, odd: &mut Oddities) -> Result<Self, JsonError> {
        let names = ["run_id", "status", "created_at", "metadata", "kwargs"];
        let [run_id, status, created_at, metadata, kwargs] = parts(text, &names)?;
        let mark = field(metadata, SUBMISSION_KEY);
        // A server that does not say how far a run is cannot be asked for it.
        let status =
            String::from_json(status).map_or(RunStatus::Unknown, |word| RunStatus::of_word(&word));
        let input = field(kwargs, "input").filter(|_| status.is_active());
        Ok(Self {
            run_id: odd
                .id("run_id", run_id)
                .filter(|id: &RunId| is_usable(id.as_str())),
            status,
            created_at: odd.field("created_at", created_at),
            submission_id: mark.and_then(|mark| String::from_json(mark).ok()),
            input: input.unwrap_or_default().to_owned(),
        })
    }
}

/// The run that is running; else the one that has waited longest. Servers list in opposite orders.
pub(super) fn active_run(runs: &[KnownRun]) -> Option<&KnownRun> {
    let running = runs.iter().find(|run| run.status == RunStatus::Running);
    running.or_else(|| {
        let pending = runs.iter().filter(|run| run.status == RunStatus::Pending);
        pending.min_by(|a, b| a.created_at.cmp(&b.created_at))
    })
}

/// The oldest run that was not submitted to a thread that existed. Servers list the newest first.
pub(super) fn first_run(runs: &[KnownRun]) -> Option<&KnownRun> {
    let unmarked = runs.iter().rev().filter(|run| run.submission_id.is_none());
    unmarked.min_by(|a, b| a.created_at.cmp(&b.created_at))
}

/// The active run, if no run of the list carries the mark of a submission. Some servers do not keep marks.
pub(super) fn unmarked_run(runs: &[KnownRun]) -> Option<&KnownRun> {
    let is_marked = |run: &KnownRun| run.submission_id.is_some();
    active_run(runs).filter(|_| !runs.iter().any(is_marked))
}
