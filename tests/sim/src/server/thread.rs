//! What a server stores of threads and runs, and how it tells it.

use super::{
    agent::{Agent, Knobs, Op, Seen},
    behaviour::{Logged, Ways},
    checkpoints::Stored,
};
use serde_json::{Map, Value, json};
use std::collections::VecDeque;

/// A thread.
#[derive(Debug, Default)]
pub(crate) struct Thread {
    /// Its id.
    pub id: String,
    /// The head's messages; `None` where nothing has run, or where the server lost it.
    pub messages: Option<Vec<Value>>,
    /// The answer to the agent's question.
    pub approved: Option<Value>,
    /// Pending questions: `{id, value}`.
    pub interrupts: Vec<Value>,
    /// `idle`, `busy`, `interrupted`, `error`.
    pub status: &'static str,
    /// Why the last run failed.
    pub error: Value,
    /// Its runs, oldest first.
    pub runs: Vec<String>,
    /// When it was made.
    pub made_at: u64,
    /// When it last changed.
    pub changed_at: u64,
    /// When somebody last asked how it stands.
    pub read_at: u64,
    /// Its stored states, oldest first.
    pub states: Vec<Stored>,
    /// The state that it stands at.
    pub head: Option<String>,
    /// The node that runs next.
    pub node: usize,
    /// How many states it has ever stored.
    pub states_made: u64,
}

/// A run.
#[derive(Debug)]
pub(crate) struct Run {
    /// Its id.
    pub id: String,
    /// Its thread.
    pub thread: String,
    /// The client's name for the submission.
    pub submission: String,
    /// Who runs.
    pub agent: Agent,
    /// How.
    pub knobs: Knobs,
    /// Messages to add first.
    pub input: Vec<Value>,
    /// The answer that it brings.
    pub resume: Option<Value>,
    /// Where it begins.
    pub checkpoint: Option<String>,
    /// `pending`, `running`, `success`, `error`, `interrupted`.
    pub status: &'static str,
    /// Its events.
    pub log: Vec<Logged>,
    /// Whether the events are gone.
    pub log_expired: bool,
    /// Where in the graph it is.
    pub node: usize,
    /// The message being made: its id and its text so far.
    pub message: Option<(String, String)>,
    /// What it does next.
    pub ops: VecDeque<(u64, Op)>,
    /// Work planned under an earlier number is void.
    pub epoch: u32,
    /// Whether its start is planned.
    pub is_starting: bool,
    /// Whether it has applied its input.
    pub has_begun: bool,
    /// Whether it says "running" for ever.
    pub is_stuck: bool,
    /// Its place among all runs.
    pub serial: u64,
    /// Whether its `metadata` is still to come.
    pub owes_metadata: bool,
    /// Whether the API knows it no more.
    pub is_forgotten: bool,
}

impl Run {
    /// Whether more may come of it.
    pub(crate) fn is_active(&self) -> bool {
        matches!(self.status, "pending" | "running")
    }

    /// As the API tells it.
    pub(crate) fn json(&self) -> Value {
        let mark = Some(&self.submission).filter(|submission| **submission != self.thread);
        json!({
            "run_id": self.id, "thread_id": self.thread, "assistant_id": self.agent.id(), "status": self.status,
            "metadata": { "rejoin_submission": mark, "graph_id": self.agent.id() },
            "created_at": format!("2026-11-21T{:09}Z", self.serial), "multitask_strategy": "enqueue",
            "kwargs": { "input": { "messages": self.input } },
        })
    }
}

impl Thread {
    /// The values as they are told; an empty object before the first run.
    pub(crate) fn values(&self, ways: &Ways) -> Value {
        let mut values = Map::new();
        if let Some(messages) = &self.messages {
            values.insert("messages".to_owned(), Value::Array(ways.odd.tell(messages)));
            if let Some(approved) = &self.approved {
                values.insert("approved".to_owned(), approved.clone());
            }
        }
        Value::Object(values)
    }

    /// `GET /threads/{id}/state`.
    pub(crate) fn state(&self, ways: &Ways) -> Value {
        let (next, tasks) = match self.status {
            "busy" => (json!(["model"]), json!([])),
            "interrupted" if !self.interrupts.is_empty() => {
                let interrupts = ways.odd.tell_interrupts(&self.interrupts);
                let task = json!({ "id": "task-ask", "name": "ask", "error": null, "interrupts": interrupts });
                (json!(["ask"]), json!([task]))
            }
            "error" if ways.thread_keeps_error => {
                let words = format!(
                    "{}('{}')",
                    self.error["error"].as_str().unwrap_or_default(),
                    self.error["message"].as_str().unwrap_or_default()
                );
                (
                    json!(["model"]),
                    json!([{ "id": "task-model", "name": "model", "error": words, "interrupts": [] }]),
                )
            }
            _ => (json!([]), json!([])),
        };
        let head = self.head.as_ref().and_then(|id| self.stored(id));
        let parent = head.and_then(|head| head.parent.clone());
        let source = head.map_or("loop", |head| head.source);
        json!({
            "values": self.values(ways), "next": next, "tasks": tasks, "metadata": { "source": source }, "created_at": null,
            "checkpoint": { "checkpoint_id": self.head, "thread_id": self.id, "checkpoint_ns": "" },
            "parent_checkpoint": parent.map(|id| json!({ "checkpoint_id": id, "checkpoint_ns": "" })),
        })
    }

    /// `GET /threads/{id}`.
    pub(crate) fn json(&self, ways: &Ways) -> Value {
        let mut interrupts = Map::new();
        if !self.interrupts.is_empty() {
            let told = ways.odd.tell_interrupts(&self.interrupts);
            interrupts.insert("task-ask".to_owned(), Value::Array(told));
        }
        let mut thread = json!({
            "thread_id": self.id, "created_at": "2026-11-21T01:41:19.163975+00:00", "metadata": {},
            "updated_at": format!("2026-11-21T{:09}Z", self.changed_at),
            "status": self.status, "values": self.messages.as_ref().map(|_| self.values(ways)), "interrupts": interrupts,
        });
        if ways.thread_keeps_error {
            thread["error"] = self.error.clone();
        }
        thread
    }

    /// What agents look at.
    pub(crate) fn seen(&self) -> Seen {
        let messages = self.messages.as_deref().unwrap_or_default();
        let last_text = messages
            .last()
            .and_then(|message| message["content"].as_str())
            .unwrap_or_default();
        let calls = messages.iter().rev().filter_map(|message| {
            let mut calls = message["tool_calls"].as_array()?.iter();
            // Odd calls beside it are nobody's.
            calls.find_map(|call| call["id"].as_str().map(str::to_owned))
        });
        Seen {
            call_id: calls.into_iter().next(),
            has_tool_answer: messages.iter().any(|message| message["type"] == "tool"),
            approved: self.approved.clone(),
            last_text: last_text.to_owned(),
        }
    }

    /// Adds a message, or replaces the one of its id.
    pub(crate) fn put(&mut self, message: Value) {
        let messages = self.messages.get_or_insert_default();
        match messages.iter_mut().find(|have| have["id"] == message["id"]) {
            Some(have) => *have = message,
            None => messages.push(message),
        }
    }

    /// Whether the state holds a message.
    pub(crate) fn holds(&self, id: &str) -> bool {
        self.messages
            .iter()
            .flatten()
            .any(|message| message["id"] == id)
    }
}
