//! What the user does.

use crate::{
    plan::Action,
    world::{Event, World},
};
use rejoin_core::{
    CommandId, Input, JoinOptions, Submission,
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
            self.feed(Input::HistoryRequested);
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
        let knobs = self.plan.knobs;
        let config =
            json!({ "configurable": { "n_tokens": knobs.n_tokens, "delay_ms": knobs.delay_ms } });
        let config = Some(Json::from_value(&config).expect("a JSON object"));
        let mut submission = Submission {
            config,
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
            let text = format!("question {}", command.0);
            let input = json!({ "messages": [{ "type": "human", "content": text }] });
            self.server.truth.asked.insert(text);
            submission.input = Some(Json::from_value(&input).expect("a JSON object"));
        }
        self.feed(Input::SubmitRequested {
            command,
            submission: Box::new(submission),
        });
    }
}
