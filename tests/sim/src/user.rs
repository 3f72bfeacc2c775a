//! What the user does.

use crate::{
    plan::Action,
    server::{Reply, Request},
    world::{Event, World},
};
use rejoin_core::{
    BranchesInput, CommandId, Edit, EditAt, EditInput, Input, JoinOptions, Submission,
    wire::{
        Json, RunId,
        request::{Command, MultitaskStrategy},
    },
};
use serde_json::json;

impl World {
    pub(crate) fn act(&mut self, action: Action) {
        if self.page.is_none() {
            // The page will be there again.
            return self.queue.push(self.now + 500, Event::User(action));
        }
        self.report.count(format!("action: {}", action.name()));
        self.trace.line(self.now, || format!("> {action:?}"));
        match action {
            Action::Submit => self.submit(None),
            Action::SubmitInterrupting => self.submit(Some(MultitaskStrategy::Interrupt)),
            Action::Stop => self.feed(Input::StopRequested),
            Action::Rejoin => self.join(None),
            Action::JoinKnown => {
                let runs = self
                    .address
                    .as_ref()
                    .and_then(|thread| self.server.threads.get(thread));
                let runs: Vec<String> = runs.map(|thread| thread.runs.clone()).unwrap_or_default();
                if !runs.is_empty() {
                    let run = runs[self.rng.index(runs.len())].clone();
                    self.join(Some(run));
                }
            }
            Action::JoinUnknown => {
                self.join(Some("00000000-0000-4000-8000-00000000abcd".to_owned()))
            }
            Action::Cancel => self.feed(Input::CancelRequested),
            Action::Edit => self.edit(false),
            Action::EditTwice => {
                self.edit(false);
                let again = self.rng.chance(50);
                self.edit(again);
            }
            Action::Regenerate => self.edit(true),
            Action::Retry => self.retry(),
            Action::SelectBranch => self.select_branch(),
            Action::Switch => {
                let thread = self.other_thread();
                self.enter(thread);
            }
            Action::SwitchAndBack => {
                let here = self.address.clone();
                let thread = self.other_thread();
                self.enter(thread);
                if self.rng.chance(50) {
                    let later = self.now + self.rng.between(1, 3_000);
                    self.run_until(later, |_| false);
                }
                if self.page.is_some() {
                    self.enter(here);
                }
            }
        }
        if self.plan.reads_history && self.page.is_some() && self.rng.chance(30) {
            self.report.count("history asked for");
            self.feed(Input::Branches(BranchesInput::HistoryRequested));
        }
    }

    fn other_thread(&mut self) -> Option<String> {
        if self.threads.is_empty() || self.rng.chance(50) {
            return None;
        }
        Some(self.threads[self.rng.index(self.threads.len())].clone())
    }

    pub(crate) fn next_command(&mut self) -> CommandId {
        self.commands += 1;
        if let Some(page) = &mut self.page {
            page.open_commands.insert(self.commands);
        }
        CommandId(self.commands)
    }

    pub(crate) fn join(&mut self, run: Option<String>) {
        let command = self.next_command();
        self.feed(Input::JoinRequested {
            command,
            run_id: run.map(RunId::from),
            options: JoinOptions::default(),
        });
    }

    fn submit(&mut self, multitask_strategy: Option<MultitaskStrategy>) {
        let command = self.next_command();
        let interrupts = self
            .page
            .as_ref()
            .map_or(0, |page| page.client.view().interrupts().len());
        let mut submission = Submission {
            config: Some(self.config()),
            multitask_strategy,
            ..Submission::default()
        };
        if interrupts > 0 && self.rng.chance(70) {
            self.report.count("action: resume");
            let answer = Json::from_value(&json!("yes")).expect("a JSON string");
            submission.command = Some(Command {
                resume: Some(answer),
                ..Command::default()
            });
        } else {
            submission.input = Some(self.says(format!("question {}", command.0)));
        }
        self.feed(Input::SubmitRequested {
            command,
            submission: Box::new(submission),
        });
    }

    fn config(&self) -> Json {
        let knobs = self.plan.knobs;
        let knobs = json!({ "n_tokens": knobs.n_tokens, "delay_ms": knobs.delay_ms });
        Json::from_value(&json!({ "configurable": knobs })).expect("a JSON object")
    }

    /// Somebody submits to a thread without this page.
    pub(crate) fn post_from_elsewhere(&mut self, thread: &str) {
        self.commands += 1;
        let text = format!("question {}", self.commands);
        self.server.truth.asked.insert(text.clone());
        let knobs = self.plan.knobs;
        let body = json!({
            "assistant_id": self.plan.agent.id(),
            "input": { "messages": [{ "type": "human", "content": text }] },
            "metadata": { "rejoin_submission": format!("elsewhere-{}", self.commands) },
            "config": { "configurable": { "n_tokens": knobs.n_tokens, "delay_ms": knobs.delay_ms } },
        });
        let request = Request {
            is_post: true,
            path: format!("/threads/{thread}/runs/stream"),
            last_event_id: None,
            body,
        };
        if let Reply::Stream { conn, .. } = self.server.answer(self.now, &request) {
            self.server.drop_conn(conn);
        }
    }

    fn says(&mut self, text: String) -> Json {
        let input = json!({ "messages": [{ "type": "human", "content": text }] });
        self.server.truth.asked.insert(text);
        Json::from_value(&input).expect("a JSON object")
    }

    /// Edits a message, or with `again` asks for an answer anew; now and then one that cannot be.
    fn edit(&mut self, again: bool) {
        let Some(page) = &self.page else { return };
        let view = page.client.view();
        let (edit, regenerate) = view.editable();
        let messages = if again { regenerate } else { edit };
        let at = match messages.len() {
            0 => None,
            count => Some(messages[self.rng.index(count)].clone()),
        };
        let known = at.is_some();
        let at = at.unwrap_or_else(|| "no-such-message".into());
        self.report.count(if known {
            "edit: known"
        } else {
            "edit: unknown"
        });
        let command = self.next_command();
        let input = self.says(format!("edit {}", command.0));
        let mark = json!({ "sim_edit": command.0 });
        let submission = Submission {
            input: Some(input),
            config: Some(self.config()),
            metadata: Some(Json::from_value(&mark).expect("a JSON object")),
            ..Submission::default()
        };
        let at = if again {
            EditAt::Answer(at)
        } else {
            EditAt::Message(at)
        };
        let edit = Box::new(Edit { at, submission });
        self.feed(Input::Edit(EditInput::Requested { command, edit }));
    }

    fn retry(&mut self) {
        let can = self
            .page
            .as_ref()
            .is_some_and(|page| page.client.view().can_retry());
        self.report.count(if can {
            "retry: known"
        } else {
            "retry: unknown"
        });
        let command = self.next_command();
        // What a failed run has left on the screen goes.
        self.checker.went_back = can;
        let edit = Box::new(Edit {
            at: EditAt::Failed,
            submission: Submission::default(),
        });
        self.checker.retries = true;
        self.feed(Input::Edit(EditInput::Requested { command, edit }));
        self.checker.retries = false;
    }

    fn select_branch(&mut self) {
        let Some(page) = &self.page else { return };
        let view = page.client.view();
        let slots = view.messages().iter();
        let options: Vec<String> = slots
            .flat_map(|slot| view.message_branch(slot.id()).options)
            .collect();
        if !page.is_at_rest() || options.is_empty() {
            return self.report.count("select branch: none");
        }
        let branch = options[self.rng.index(options.len())].clone();
        self.report.count("select branch: known");
        self.checker.went_back = true;
        self.feed(Input::Branches(BranchesInput::Selected { branch }));
    }
}
