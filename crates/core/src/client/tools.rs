//! Results of tools that run here: they wait until every pending call of their message has one, and until no run is
//! active, and are sent together.

use super::{Client, part::Part};
use crate::{CommandId, Outcome, ToolResult, ToolsInput, thread_store::ThreadStore};
use rejoin_wire::{
    Json,
    json::{FromJson, Node, Object},
    message::MessageKind,
};

/// A result that waits, and who waits for it.
type Waiting = (CommandId, ToolResult);

/// A call that no message answers: its message's place, and itself.
pub(crate) type PendingCall<'a> = (usize, &'a str, &'a Node);

/// Calls that no message answers, oldest first. Of a saved state that is shown none: the server may have an answer.
pub(crate) fn pending_calls(store: &ThreadStore) -> Vec<PendingCall<'_>> {
    let slots = match store.shows_saved() {
        true => &[],
        false => store.slots(),
    };
    let answered = |id: &str| {
        let mut slots = slots.iter();
        slots.any(|slot| slot.message.tool_call_id() == Some(id))
    };
    let mut pending = Vec::new();
    for (at, slot) in slots.iter().enumerate() {
        if slot.message.kind != MessageKind::Ai {
            continue;
        }
        for call in slot.message.tool_calls() {
            if let Some(id) = call.text_of("id").filter(|id| !answered(id)) {
                pending.push((at, id, call));
            }
        }
    }
    pending
}

/// Results of tools that run in the page.
pub(super) trait ToolsPart: Part {
    fn handle(&mut self, client: &mut Client, input: ToolsInput);

    /// No run is active any more.
    fn run_ended(&mut self, client: &mut Client);

    /// A person goes on: the calls among the first `kept` messages that nobody has answered are answered by the results that
    /// wait, else as cancelled. `answered` is told whose results they are.
    fn answer_dangling(
        &mut self,
        client: &mut Client,
        kept: usize,
        answered: &mut Vec<CommandId>,
    ) -> Vec<Node>;

    /// These were sent with a submission.
    fn forget(&mut self, sent: &[CommandId]);

    /// The results that wait are given up.
    fn drop_all(&mut self, client: &mut Client, outcome: &Outcome);
}

/// The part: results that wait.
#[derive(Debug, Default)]
pub(super) struct Results(Vec<Waiting>);

impl Part for Results {}

impl ToolsPart for Results {
    fn handle(&mut self, client: &mut Client, input: ToolsInput) {
        match input {
            ToolsInput::ResultAdded { command, result } => self.add(client, command, *result),
        }
    }

    fn run_ended(&mut self, client: &mut Client) {
        if !self.0.is_empty() {
            self.send(client);
        }
    }

    fn answer_dangling(
        &mut self,
        client: &mut Client,
        kept: usize,
        answered: &mut Vec<CommandId>,
    ) -> Vec<Node> {
        client.store.refresh_tool_calls();
        let mut messages = Vec::new();
        let calls = pending_calls(&client.store).into_iter();
        for (_, id, call) in calls.filter(|(at, ..)| *at < kept) {
            let waits = self.0.iter().find(|(_, r)| r.tool_call_id == id);
            if let Some((command, _)) = waits {
                answered.push(*command);
            }
            messages.push(tool_message(
                id,
                name_of(call),
                waits.map(|(_, result)| result),
            ));
        }
        messages
    }

    fn forget(&mut self, sent: &[CommandId]) {
        drop(self.take(&|(command, _)| sent.contains(command)));
    }

    fn drop_all(&mut self, client: &mut Client, outcome: &Outcome) {
        for (command, _) in std::mem::take(&mut self.0) {
            client.conclude(command, outcome.clone());
        }
    }
}

impl Results {
    fn add(&mut self, client: &mut Client, command: CommandId, result: ToolResult) {
        client.store.refresh_tool_calls();
        let id = result.tool_call_id.as_str();
        let mut pending = pending_calls(&client.store).into_iter();
        let is_known = pending.any(|(_, call, _)| call == id);
        let is_given = self.0.iter().any(|(_, have)| have.tool_call_id == id);
        if !is_known || is_given {
            return client.conclude(command, Outcome::Dropped);
        }
        self.0.push((command, result));
        self.send(client);
    }

    /// Sends the results of the oldest message whose calls all have one.
    fn send(&mut self, client: &mut Client) {
        if client.is_active() || client.load.is_loading() {
            return;
        }
        client.store.refresh_tool_calls();
        let pending = pending_calls(&client.store);
        let has = |id: &str| self.0.iter().any(|(_, have)| have.tool_call_id == id);
        let is_whole = |at: usize| {
            let mut calls = pending.iter().filter(|(message, ..)| *message == at);
            calls.all(|(_, id, _)| has(id))
        };
        let ready = pending.iter().map(|(at, ..)| *at).find(|at| is_whole(*at));
        let (mut calls, mut known) = (Vec::new(), Vec::new());
        for (at, id, call) in &pending {
            if Some(*at) == ready {
                calls.push(((*id).to_owned(), name_of(call).to_owned()));
            }
            known.push((*id).to_owned());
        }
        for (command, _) in self.take(&|(_, r)| !known.contains(&r.tool_call_id)) {
            client.conclude(command, Outcome::Dropped);
        }
        if calls.is_empty() {
            return;
        }
        let mut messages = Vec::new();
        let mut commands = Vec::new();
        for (id, name) in &calls {
            for (command, result) in self.take(&|(_, r)| r.tool_call_id == *id) {
                commands.push(command);
                messages.push(tool_message(id, name, Some(&result)));
            }
        }
        let mut input = Object::default();
        input.set(&client.config.messages_key, Node::Array(messages));
        let mut submission = client.settings_of_last();
        submission.input = Some(Json::written(&input));
        submission.multitask_strategy = None;
        client.begin_run(commands, submission);
    }

    /// Takes out results that wait.
    fn take(&mut self, which: &dyn Fn(&Waiting) -> bool) -> Vec<Waiting> {
        let mut taken = Vec::new();
        for result in std::mem::take(&mut self.0) {
            if which(&result) {
                taken.push(result);
            } else {
                self.0.push(result);
            }
        }
        taken
    }
}

fn name_of(call: &Node) -> &str {
    call.text_of("name").unwrap_or_default()
}

/// The message that answers a call; without a result, that it was cancelled.
fn tool_message(call: &str, name: &str, result: Option<&ToolResult>) -> Node {
    let mut message = Object::default();
    message.set("type", Node::text("tool"));
    let given = result.and_then(|result| result.name.as_deref());
    message.set("name", Node::text(given.unwrap_or(name)));
    message.set("tool_call_id", Node::text(call));
    let failed = result.is_none_or(|result| result.is_error);
    message.set(
        "status",
        Node::text(if failed { "error" } else { "success" }),
    );
    let content = match result {
        Some(result) => content_of(&result.content),
        None => Node::text(r#"{"cancelled":true}"#),
    };
    message.set("content", content);
    let artifact = result.and_then(|result| result.artifact.as_ref());
    if let Some(artifact) = artifact.and_then(|json| Node::from_json(json.text()).ok()) {
        message.set("artifact", artifact);
    }
    Node::Object(message)
}

/// A text or a list of content blocks as it is; all else as its JSON text.
fn content_of(content: &Json) -> Node {
    let is_block = |item: &Node| item.get("type").and_then(Node::as_str).is_some();
    match Node::from_json(content.text()) {
        Ok(Node::String(text)) => Node::String(text),
        Ok(Node::Array(items)) if !items.is_empty() && items.iter().all(is_block) => {
            Node::Array(items)
        }
        Ok(_) | Err(_) => Node::text(content.text()),
    }
}
