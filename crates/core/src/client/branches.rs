//! The thread's history as a list of states: reading it, and showing the branch that a person chose.

use super::{
    Client,
    answer::{Answer, Asked},
    part::{Arrived, Part},
};
use crate::{AttemptId, BranchesInput, HistoryState, Method, StreamError};
use rejoin_wire::{
    CheckpointId,
    json::{FromJson, Lenient, Read, digits},
    thread::ThreadState,
};

/// The history as a list of states, and its branches.
pub(super) trait BranchesPart: Part {
    fn handle(&mut self, client: &mut Client, input: BranchesInput);

    /// Asks for the history, where one is wanted. `None`: the thread's state is to be read alone.
    fn ask(&mut self, client: &mut Client) -> Option<Asked>;

    /// Keeps the history that was asked for. `None`: the answer is a state.
    fn read(&mut self, client: &mut Client, answer: &Answer<'_>)
    -> Option<Result<(), StreamError>>;

    /// A run begins: from `checkpoint`, or from the thread's newest state. Its branch will be the newest.
    fn leave(&mut self, client: &mut Client, checkpoint: Option<&CheckpointId>);
}

/// The part: the request that is to bring the history.
#[derive(Debug, Default)]
pub(super) struct Branches {
    asks: Asks,
}

/// The answer that the last request for the thread's states brings.
#[derive(Debug, Default)]
enum Asks {
    /// The state alone.
    #[default]
    State,
    /// The history; its answer has not come.
    History(AttemptId),
    /// The history, which has come.
    Answered,
}

impl Part for Branches {
    /// While one of several questions waits, the history of both real servers goes on asking the answered ones, without what
    /// they led to; only the thread's state is right. So it is read as well, as the same request.
    fn answered(&mut self, client: &mut Client, attempt: AttemptId, arrived: &Arrived<'_>) -> bool {
        let is_own = matches!(self.asks, Asks::History(asked) if asked == attempt);
        if let Arrived::Answer(answer) = arrived
            && is_own
        {
            self.asks = Asks::Answered;
            return self.reads_state_too(client, attempt, answer);
        }
        false
    }
}

impl BranchesPart for Branches {
    fn handle(&mut self, client: &mut Client, input: BranchesInput) {
        match input {
            BranchesInput::Selected { branch } => select(client, branch),
            BranchesInput::HistoryProvided { states } => match Read::from_json(states.text()) {
                Ok(read) => {
                    keep(client, read);
                    client.history_came();
                }
                Err(error) => client.history_unavailable(error.words()),
            },
            BranchesInput::HistoryRequested => {
                client
                    .ask_history_by(&mut |client| self.ask(client).or_else(|| client.ask_state()));
            }
        }
    }

    fn ask(&mut self, client: &mut Client) -> Option<Asked> {
        self.asks = Asks::State;
        let limit = client.config.history_limit?;
        let url = client.thread_url("/history")?;
        let body = ["{\"limit\":", &digits(limit.into()), "}"].concat();
        let asked = client.ask_with(Method::Post, url, Some(body));
        self.asks = Asks::History(asked.attempt);
        Some(asked)
    }

    fn read(
        &mut self,
        client: &mut Client,
        answer: &Answer<'_>,
    ) -> Option<Result<(), StreamError>> {
        match self.asks {
            Asks::State => None,
            Asks::History(_) | Asks::Answered => Some(read(client, answer)),
        }
    }

    fn leave(&mut self, client: &mut Client, checkpoint: Option<&CheckpointId>) {
        let newest = client.history.states().first();
        let newest = newest.and_then(|state| state.checkpoint_id.clone());
        let from = checkpoint.or(newest.as_ref());
        let shown = client.history.head_id();
        let base = match from {
            Some(from) if shown != Some(from) => client.history.find(from),
            Some(_) | None => None,
        };
        let state = base.and_then(|base| ThreadState::read_quietly(base.json.text()).ok());
        if let Some(state) = state {
            client.show_state(&state, &|_, _| None);
        }
        if !client.history.branch().is_empty() {
            client.history.select(String::new());
            client.store.touch_history();
        }
    }
}

impl Branches {
    /// True while the state is read.
    fn reads_state_too(
        &mut self,
        client: &mut Client,
        attempt: AttemptId,
        answer: &Answer<'_>,
    ) -> bool {
        let several = answer.first_item().is_some_and(|newest| {
            ThreadState::read_quietly(newest).is_ok_and(|state| state.interrupts().count() > 1)
        });
        match client.thread_url("/state") {
            Some(url) if several && read(client, answer).is_ok() => {
                self.asks = Asks::State;
                client.ask_as(attempt, Method::Get, url, None);
                true
            }
            Some(_) | None => false,
        }
    }
}

fn read(client: &mut Client, answer: &Answer<'_>) -> Result<(), StreamError> {
    keep(client, answer.read("thread history")?);
    Ok(())
}

fn keep(client: &mut Client, read: Read<Vec<HistoryState>>) {
    client.tell_odd("history", read.oddities);
    client.history.set_states(read.value);
    client.store.touch_history();
}

fn select(client: &mut Client, branch: String) {
    if branch != client.history.branch() {
        client.history.select(branch);
        client.store.touch_history();
        if !client.is_active() && !client.load.is_loading() {
            client.show_branch();
        }
    }
}
