//! What a person asks for: submit, join, stop, cancel, another thread.

use super::{
    Client,
    follow::Follow,
    requests::{Answer, Asked},
    urls,
};
use crate::{
    CommandId, Effect, ErrorCode, JoinOptions, Method, Notice, Outcome, StreamError, Submission,
    phase::{End, Phase},
    record::run_key,
};
use rejoin_wire::{
    CheckpointId, Json, MessageId, RunId, ThreadId,
    json::{FromJson, JsonError, Node, Object, ToJson, field},
    message::Message,
    request::{CheckpointRef, IfNotExists, MultitaskStrategy, RunRequest},
    thread::Checkpoint,
};

/// Submissions that may wait for their turn.
const QUEUE_MAX: usize = 32;
/// The key in a run's metadata by which a lost answer's run is found again.
pub(super) const SUBMISSION_KEY: &str = "rejoin_submission";

/// A join that was asked for and has to wait.
#[derive(Debug)]
pub(super) struct Join {
    pub(super) command: CommandId,
    pub(super) run_id: Option<RunId>,
    pub(super) options: JoinOptions,
}

/// A join of a run whose thread is being looked up under a key.
#[derive(Debug)]
pub(super) struct Lookup {
    pub(super) key: String,
    pub(super) join: Join,
}

impl Client {
    pub(super) fn switch_thread(&mut self, thread_id: Option<ThreadId>) {
        self.leave();
        self.follow = None;
        self.shadow = None;
        self.cancel = None;
        self.records.forget();
        self.store.clear();
        self.forget_history();
        self.show_initial();
        self.set_error(None);
        self.set_phase(Phase::Idle);
        self.thread_id = thread_id;
        self.start_load();
    }

    pub(super) fn submit(&mut self, command: CommandId, submission: Submission) {
        let strategy = submission
            .multitask_strategy
            .unwrap_or(self.config.multitask_strategy);
        let replaces = matches!(
            strategy,
            MultitaskStrategy::Interrupt | MultitaskStrategy::Rollback
        );
        if self.is_active() && replaces && !self.load.is_loading() {
            self.leave_run();
        } else if self.is_active() || self.load.is_loading() {
            if self.queue.len() < QUEUE_MAX {
                self.queue.push((command, submission));
            } else {
                let error = StreamError::new(ErrorCode::TooManyRequests)
                    .with_detail("too many submissions wait");
                self.notify(Notice::Concluded {
                    command,
                    outcome: Outcome::Failed(error),
                });
            }
            return;
        }
        self.begin_run(command, submission);
    }

    /// Begins the submission that has waited longest.
    pub(super) fn begin_queued(&mut self) {
        if self.is_active() || self.load.is_loading() {
            return;
        }
        if !self.queue.is_empty() {
            let (command, submission) = self.queue.remove(0);
            self.begin_run(command, submission);
        }
    }

    fn begin_run(&mut self, command: CommandId, submission: Submission) {
        self.set_error(None);
        self.shadow = None;
        self.cancel = None;
        let failed = matches!(self.phase, Phase::Ended(End::Failed(_)));
        let brought_nothing = |follow: &Follow| follow.run_id.is_none() && follow.recent.is_empty();
        if failed && self.follow.as_ref().is_none_or(brought_nothing) {
            // It never became a run, and is said again or given up.
            self.store.drop_optimistic();
        }
        self.store.begin_run();
        let submission_id = self.rng.uuid();
        let thread_id = submission.thread_id.clone();
        let body = match self.run_body(submission, &submission_id) {
            Ok(body) => body,
            Err(error) => {
                let error =
                    StreamError::new(ErrorCode::InvalidInput).with_detail(error.to_string());
                self.set_error(Some(error.clone()));
                self.set_phase(Phase::Ended(End::Failed(error.clone())));
                self.notify(Notice::Concluded {
                    command,
                    outcome: Outcome::Failed(error),
                });
                return;
            }
        };
        self.store.clear_interrupts();
        if self.thread_id.is_none() {
            // Made here, so that the thread has its id before the first answer and a lost one costs nothing.
            let thread_id = thread_id.unwrap_or_else(|| ThreadId::from(self.rng.uuid()));
            self.thread_id = Some(thread_id.clone());
            self.notify(Notice::ThreadCreated { thread_id });
        }
        self.load.set_loaded();
        self.follow = Some(Follow::submitted(submission_id, body, command));
        self.open_stream();
    }

    fn run_body(&mut self, submission: Submission, submission_id: &str) -> Result<Json, JsonError> {
        let checkpoint = self.checkpoint_of(&submission)?;
        self.leave_branch(checkpoint.as_ref().and_then(|c| c.checkpoint_id.as_ref()));
        self.store.expect_newer_values();
        let input = match submission.input {
            Some(input) if !input.is_null() => Some(self.input_with_ids(&input)?),
            Some(_) | None => None,
        };
        if let Some(values) = &submission.optimistic_values {
            self.store.lay_values(values)?;
        }
        let mut metadata = match &submission.metadata {
            Some(metadata) if !metadata.is_null() => Object::from_json(metadata.text())?,
            Some(_) | None => Object::default(),
        };
        metadata.insert(SUBMISSION_KEY.to_owned(), Node::text(submission_id));
        let config = &self.config;
        let durability = submission
            .durability
            .map(|word| String::from_json(word.text()));
        Ok(Json::written(&RunRequest {
            input,
            command: submission.command,
            config: submission.config,
            context: submission.context,
            metadata: Some(Json::written(&metadata)),
            checkpoint,
            stream_mode: submission
                .stream_modes
                .unwrap_or_else(|| config.stream_modes.clone()),
            stream_subgraphs: submission
                .stream_subgraphs
                .unwrap_or(config.stream_subgraphs),
            stream_resumable: submission
                .stream_resumable
                .or(Some(config.stream_resumable)),
            on_disconnect: submission.on_disconnect.or(Some(config.on_disconnect)),
            interrupt_before: submission.interrupt_before,
            interrupt_after: submission.interrupt_after,
            durability: durability.transpose()?,
            multitask_strategy: Some(
                submission
                    .multitask_strategy
                    .unwrap_or(config.multitask_strategy),
            ),
            if_not_exists: Some(IfNotExists::Create),
            more: submission.more,
            ..RunRequest::new(config.assistant_id.clone())
        }))
    }

    /// Where a submission starts from; `None` for the thread's newest state.
    fn checkpoint_of(&self, submission: &Submission) -> Result<Option<CheckpointRef>, JsonError> {
        let of_root = |id: &CheckpointId| CheckpointRef {
            thread_id: None,
            checkpoint_ns: String::new(),
            checkpoint_id: Some(id.clone()),
            checkpoint_map: None,
        };
        Ok(match (&submission.checkpoint, &submission.checkpoint_id) {
            (Some(newest), _) if newest.is_null() => None,
            (Some(checkpoint), _) => {
                let map = field(checkpoint.text(), "checkpoint_map");
                let checkpoint_map = map.map_or(Ok(None), FromJson::from_json)?;
                let checkpoint = Checkpoint::from_json(checkpoint.text())?;
                Some(CheckpointRef {
                    thread_id: None,
                    checkpoint_ns: checkpoint.checkpoint_ns.unwrap_or_default(),
                    checkpoint_id: checkpoint.checkpoint_id,
                    checkpoint_map,
                })
            }
            (None, Some(id)) => Some(of_root(id)),
            (None, None) => self.history.older_head().map(of_root),
        })
    }

    /// Gives each input message an id, so that the one shown now and the one the server shows are the same.
    fn input_with_ids(&mut self, input: &Json) -> Result<Json, JsonError> {
        let mut fields = Object::from_json(input.text())?;
        let Some(messages) = fields.get_mut(&self.config.messages_key) else {
            return Ok(input.clone());
        };
        let mut list = match std::mem::take(messages) {
            Node::Array(list) => list,
            one => vec![one],
        };
        let mut shown = Vec::new();
        for message in &mut list {
            if let Node::String(text) = message {
                let content = Node::String(std::mem::take(text));
                let mut human = Object::default();
                human.insert("type".to_owned(), Node::text("human"));
                human.insert("content".to_owned(), content);
                *message = Node::Object(human);
            }
            let Node::Object(object) = message else {
                continue;
            };
            if object.get("id").and_then(Node::as_str).is_none() {
                object.insert("id".to_owned(), Node::String(self.rng.uuid()));
            }
            shown.push(Message::from_json(&object.to_json())?);
        }
        *messages = Node::Array(list);
        // An order to remove, or an edit of a message that is shown, is the server's to carry out.
        let known: Vec<MessageId> = self
            .store
            .slots()
            .iter()
            .map(|slot| slot.id().clone())
            .collect();
        shown.retain(|m| {
            m.kind.as_str() != "remove" && m.id.as_ref().is_none_or(|id| !known.contains(id))
        });
        self.store.show_optimistic(shown);
        Ok(Json::written(&fields))
    }

    pub(super) fn join(&mut self, command: CommandId, run_id: Option<RunId>, options: JoinOptions) {
        if self.thread_id.is_none() || self.is_stream_only() {
            return self.look_up(command, run_id, options);
        }
        let same = run_id.is_none() || run_id.as_ref() == self.run_id();
        if self.is_active() && same {
            if let Some(follow) = &mut self.follow {
                follow.commands.push(command);
            }
            if matches!(self.phase, Phase::Waiting { .. } | Phase::Parked) {
                self.go_on();
            }
            return;
        }
        if self.load.is_loading() || self.load.has_failed() {
            self.load_then_join(Join {
                command,
                run_id,
                options,
            });
            return;
        }
        self.leave_run();
        self.leave_branch(None);
        self.set_error(None);
        let follow = match self.follow.take() {
            Some(mut follow) if same => {
                follow.begin_again();
                follow
            }
            other => {
                self.store.begin_run();
                if other.is_some() {
                    self.store.expect_older_values();
                }
                Follow::joined(run_id)
            }
        };
        let follow = self.follow.insert(follow);
        follow.commands.push(command);
        follow.join_with(options);
        follow.rejoinable = true;
        if follow.over && follow.run_id.is_some() {
            self.check_run();
        } else {
            self.open_stream();
        }
    }

    /// Without a thread: the one that the run was stored for.
    fn look_up(&mut self, command: CommandId, run_id: Option<RunId>, options: JoinOptions) {
        let Some(run_id) = run_id.filter(|_| !self.is_stream_only()) else {
            return self.conclude(command, Outcome::NothingToJoin);
        };
        self.conclude_lookup();
        let key = run_key(&self.config, &run_id);
        self.lookup = Some(Lookup {
            key: key.clone(),
            join: Join {
                command,
                run_id: Some(run_id),
                options,
            },
        });
        self.effects.push(Effect::LoadRecord { key });
    }

    pub(super) fn looked_up(&mut self, join: Join, thread_id: Option<ThreadId>) {
        if self.thread_id.is_none() {
            let Some(thread_id) = thread_id else {
                return self.conclude(join.command, Outcome::NothingToJoin);
            };
            self.thread_id = Some(thread_id);
            return self.load_then_join(join);
        }
        self.join(join.command, join.run_id, join.options);
    }

    fn conclude_lookup(&mut self) {
        if let Some(lookup) = self.lookup.take() {
            self.conclude(lookup.join.command, Outcome::Disconnected);
        }
    }

    pub(super) fn conclude(&mut self, command: CommandId, outcome: Outcome) {
        self.notify(Notice::Concluded { command, outcome });
    }

    pub(super) fn stop(&mut self) {
        self.leave();
    }

    /// Disconnects from whatever is under way. The agent goes on; everything received stays.
    fn leave(&mut self) {
        for (command, _) in std::mem::take(&mut self.queue) {
            self.notify(Notice::Concluded {
                command,
                outcome: Outcome::Disconnected,
            });
        }
        self.conclude_lookup();
        self.abort_load();
        self.leave_run();
    }

    fn leave_run(&mut self) {
        if !self.is_active() {
            return;
        }
        self.close_link("disconnected");
        self.abort_phase_request();
        self.drop_shadow();
        self.save_record();
        self.end(End::Disconnected, Outcome::Disconnected);
    }

    /// Gives up a replay that has not caught up: what is shown no longer matches the cursor.
    pub(super) fn drop_shadow(&mut self) {
        if self.shadow.take().is_some()
            && let Some(follow) = &mut self.follow
        {
            follow.cursor.rewind();
        }
    }

    pub(super) fn request_cancel(&mut self) {
        if self.is_stream_only() {
            // Leaving is all that can be done.
            return self.leave();
        }
        let Some(follow) = self.follow.as_mut().filter(|follow| follow.rejoinable) else {
            return self.warn_code(ErrorCode::NoRunToCancel);
        };
        follow.cancel_wanted = true;
        self.send_cancel();
    }

    /// Sends the cancellation as soon as the run has its id.
    pub(super) fn send_cancel(&mut self) {
        let (Some(thread_id), Some(run_id)) = (&self.thread_id, self.run_id()) else {
            return;
        };
        if self.cancel.is_some() {
            return;
        }
        let url = urls::cancel(&self.config, thread_id, run_id);
        let attempt = self.ask(Method::Post, url);
        self.cancel = Some(Asked {
            attempt,
            at: self.now,
        });
    }

    pub(super) fn cancel_answered(&mut self, answer: &Answer<'_>) {
        self.cancel = None;
        let over = matches!(answer.status, 404 | 409 | 410);
        if let Err(error) = answer.check()
            && !over
        {
            if let Some(follow) = &mut self.follow {
                follow.cancel_wanted = false;
            }
            let words = error.detail.as_deref().unwrap_or(error.code.message());
            let told = StreamError::new(ErrorCode::CancelFailed).with_detail(words);
            let told = match error.status {
                Some(status) => told.with_status(status),
                None => told,
            };
            return self.warn(told);
        }
        // A stream that is open ends by itself; without one, nobody else would look.
        if !self.is_active() {
            if let Some(follow) = &mut self.follow {
                follow.begin_again();
            }
            self.check_run();
        }
    }

    /// The client's part is over.
    pub(super) fn end(&mut self, end: End, outcome: Outcome) {
        self.records.pause();
        self.set_phase(Phase::Ended(end));
        let (run_id, commands) = match &mut self.follow {
            Some(follow) => (follow.run_id.clone(), std::mem::take(&mut follow.commands)),
            None => (None, Vec::new()),
        };
        self.notify(Notice::Ended {
            run_id,
            outcome: outcome.clone(),
        });
        for command in commands {
            self.notify(Notice::Concluded {
                command,
                outcome: outcome.clone(),
            });
        }
        if outcome != Outcome::Disconnected {
            self.begin_queued();
        }
    }

    pub(super) fn close_link(&mut self, reason: &str) {
        let Some(link) = self.follow.as_mut().and_then(|follow| follow.link.take()) else {
            return;
        };
        self.abort(link.attempt);
        self.notify(Notice::AttemptEnded {
            reason: reason.to_owned(),
        });
    }

    pub(super) fn abort_phase_request(&mut self) {
        match self.phase {
            Phase::Finding { attempt }
            | Phase::Checking { attempt }
            | Phase::Settling { attempt } => {
                self.effects.push(Effect::Abort { attempt });
            }
            Phase::Idle
            | Phase::Opening { .. }
            | Phase::Live { .. }
            | Phase::Waiting { .. }
            | Phase::Parked
            | Phase::Ended(_) => {}
        }
    }
}
