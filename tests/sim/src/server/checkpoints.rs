//! The states that a thread stores, and runs that begin at one of them.

use super::{Server, behaviour::Ways, rest::parameter, thread::Thread};
use serde_json::{Value, json};

/// States that one page of a history holds, whatever is asked for: the client must not take a short page for the last.
const PAGE_STATES: usize = 4;

/// A stored state.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    /// Its checkpoint.
    pub id: String,
    /// The checkpoint it came from.
    pub parent: Option<String>,
    /// `input`, `loop` or `fork`.
    pub source: &'static str,
    /// Its messages.
    pub messages: Vec<Value>,
    /// The answer to the agent's question.
    pub approved: Option<Value>,
    /// The node that runs next.
    pub node: usize,
}

impl Stored {
    fn json(&self, thread: &str, ways: &Ways) -> Value {
        json!({
            "values": { "messages": ways.odd.tell(&self.messages) }, "next": [], "tasks": [], "metadata": { "source": self.source },
            "created_at": null,
            "checkpoint": { "checkpoint_id": self.id, "thread_id": thread, "checkpoint_ns": "" },
            "parent_checkpoint": self.parent.as_ref().map(|id| json!({ "checkpoint_id": id, "checkpoint_ns": "" })),
        })
    }

    /// Its messages' ids.
    pub(crate) fn message_ids(&self) -> Vec<&str> {
        let ids = self.messages.iter().map(|message| message["id"].as_str());
        ids.map(Option::unwrap_or_default).collect()
    }
}

impl Thread {
    /// Stores what the thread holds now.
    pub(crate) fn store(&mut self, source: &'static str, node: usize) {
        self.states_made += 1;
        // Names of a thread that was lost do not come back with the next one of its id.
        let id = format!("checkpoint-{:09}-{:06}", self.made_at, self.states_made);
        let parent = self.head.replace(id.clone());
        self.node = node;
        self.states.push(Stored {
            id,
            parent,
            source,
            messages: self.messages.clone().unwrap_or_default(),
            approved: self.approved.clone(),
            node,
        });
    }

    pub(crate) fn stored(&self, id: &str) -> Option<&Stored> {
        self.states.iter().find(|state| state.id == id)
    }

    pub(crate) fn forget_states(&mut self) {
        self.states.clear();
        self.head = None;
        self.node = 0;
    }

    /// The newest states before one, newest first, at most `limit`. The newest of all is as the thread is now.
    pub(crate) fn history(&self, before: Option<&str>, limit: usize, ways: &Ways) -> Value {
        if self.states.is_empty() && before.is_none() {
            return json!([self.state(ways)]);
        }
        let end = before.map_or(self.states.len(), |before| {
            let place = self.states.iter().position(|state| state.id == before);
            place.unwrap_or_default()
        });
        let states = self.states[..end].iter().rev().take(limit);
        let json = states.map(|state| {
            if Some(&state.id) == self.head.as_ref() {
                self.state(ways)
            } else {
                state.json(&self.id, ways)
            }
        });
        json.collect()
    }
}

impl Server {
    /// One page of a thread's history: `GET` with `limit` and `before`.
    pub(super) fn history_page(&self, thread: &Thread, query: &str) -> Value {
        let limit: usize = parameter(query, "limit")
            .and_then(|limit| limit.parse().ok())
            .unwrap_or(10);
        thread.history(
            parameter(query, "before"),
            limit.min(PAGE_STATES),
            &self.ways,
        )
    }

    /// A run that names a checkpoint begins there. Returns whether the checkpoint is known.
    pub(super) fn go_back(&mut self, run: &str) -> bool {
        let run = &self.runs[run];
        let Some(id) = run.checkpoint.clone() else {
            return true;
        };
        let thread = self
            .threads
            .get_mut(&run.thread)
            .expect("a run has a thread");
        let Some(state) = thread.stored(&id).cloned() else {
            return false;
        };
        let held = state.message_ids();
        // All else that was ever said on this thread, stored or not.
        for (id, told) in &self.truth.told {
            let is_of_thread = thread.runs.contains(&told.run);
            if is_of_thread && told.run != run.id && !held.contains(&id.as_str()) {
                self.truth.aside.insert(id.clone());
            }
        }
        self.truth.aside.retain(|id| !held.contains(&id.as_str()));
        thread.messages = Some(state.messages);
        thread.approved = state.approved;
        thread.node = state.node;
        thread.head = Some(state.id);
        true
    }

    /// What a run begins with: its answer, its input, or the node that was to run next.
    pub(super) fn apply_input(&mut self, run: &str) {
        let run = self.runs.get_mut(run).expect("checked by the caller");
        let thread = self
            .threads
            .get_mut(&run.thread)
            .expect("a run has a thread");
        thread.interrupts.clear();
        let goes_back = run.checkpoint.is_some();
        match &run.resume {
            Some(answer) => {
                thread.approved = Some(answer.clone());
                run.node = 1;
            }
            None if run.input.is_empty() => {
                if goes_back {
                    thread.store("fork", thread.node);
                }
                run.node = thread.node;
            }
            None => {
                thread.store("input", 0);
                thread.approved = None;
                for message in run.input.clone() {
                    thread.put(message);
                }
                run.node = 0;
                thread.store("loop", 0);
            }
        }
        thread.messages.get_or_insert_default();
    }
}
