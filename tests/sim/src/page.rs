//! The page: a client and the browser around it, which runs its effects and feeds its inputs.

use crate::{
    check::Checker,
    happenings::Gone,
    pace::{AFTER_AN_INPUT, AFTER_PROGRESS, Pace},
    server::{Request, odd::is_odd_text},
    world::{Event, World},
};
use rejoin_core::{
    AttemptId, BranchesInput, Client, Config, DeadlineReason, EditInput, Effect, HttpRequest,
    Input, Method, Millis, Notice, WaitingState,
    wire::{RunId, ThreadId},
};
use std::collections::BTreeSet;

/// Names a request: the page and its attempt.
pub(crate) type Key = (u64, AttemptId);

pub(crate) const API_URL: &str = "http://server/api";
/// Timers of hidden pages fire at most this often, in milliseconds.
const HIDDEN_TIMER_MS: u64 = 1_000;
/// Effects of one input; more means that they do not come to an end.
const EFFECTS_MAX: usize = 1_000;

/// An open page.
pub(crate) struct Page {
    pub(crate) number: u64,
    pub(crate) client: Client,
    /// When it was opened; its own clock begins there.
    started_at: u64,
    pub(crate) is_visible: bool,
    pub(crate) is_frozen: bool,
    /// Online events that came while it was frozen.
    missed_online: Option<bool>,
    /// What came while it was frozen.
    pub(crate) held: Vec<Event>,
    /// Commands that are not concluded.
    pub(crate) open_commands: BTreeSet<u64>,
    /// How often it asks.
    pub(crate) pace: Pace,
}

impl Page {
    /// When the client wants to be woken, as far as the browser grants it.
    pub(crate) fn deadline_at(&self, now: u64) -> Option<u64> {
        if self.is_frozen {
            return None;
        }
        let at = self.started_at + self.client.deadline()?.0.0;
        let at = if self.is_visible {
            at
        } else {
            at.next_multiple_of(HIDDEN_TIMER_MS)
        };
        Some(at.max(now))
    }

    /// Whether nothing is under way.
    pub(crate) fn is_at_rest(&self) -> bool {
        let view = self.client.view();
        let waiting = view.waiting();
        let has_to_send = waiting
            .iter()
            .any(|entry| entry.state != WaitingState::Held);
        // Storage that could not be read is read again, and tells whose a held submission is.
        let reads_again = matches!(self.client.deadline(), Some((_, DeadlineReason::Record)));
        let is_in_doubt = reads_again && !waiting.is_empty();
        let is_loading = view.is_loading() || view.is_thread_loading();
        !is_loading && !has_to_send && !is_in_doubt && view.editing().is_none()
    }
}

impl World {
    pub(crate) fn open_page(&mut self) {
        if self.page.is_some() {
            return;
        }
        self.pages += 1;
        let mut config = Config::new(API_URL, self.plan.agent.id());
        config.record_bytes_max = self.plan.record_bytes_max;
        config.history_limit = self.plan.reads_history.then_some(10);
        let seed = self.rng.number();
        self.page = Some(Page {
            number: self.pages,
            client: Client::new(config, seed),
            started_at: self.now,
            is_visible: true,
            is_frozen: false,
            missed_online: None,
            held: Vec::new(),
            open_commands: BTreeSet::new(),
            pace: Pace::default(),
        });
        self.checker.forget_shown();
        self.trace
            .line(self.now, || format!("page {} opens", self.pages));
        let wall_clock = self.wall_clock();
        self.feed(Input::PageOpened { wall_clock });
        self.keep_states();
        match self.network_gone {
            Some(Gone::Told) => self.feed(Input::WentOffline),
            Some(Gone::Refused | Gone::Hung) => self.was_under_way = true,
            Some(Gone::Silently) | None => {}
        }
        self.enter(self.address.clone());
    }

    pub(crate) fn close_page(&mut self) {
        let Some(page) = self.page.take() else { return };
        self.trace
            .line(self.now, || format!("page {} closes", page.number));
        let keys: Vec<Key> = self.exchanges.keys().copied().collect();
        for key in keys {
            // What has left the page still arrives now and then; its answer has nobody to go to.
            let posted = self.exchanges[&key].request.is_post && self.rng.chance(50);
            if posted && self.exchanges[&key].conn.is_none() {
                continue;
            }
            self.abort(key);
        }
    }

    /// Turns the page to a thread, as its address says.
    pub(crate) fn enter(&mut self, thread: Option<String>) {
        self.trace.line(self.now, || format!("> thread {thread:?}"));
        if thread.is_none() || thread != self.followed() {
            self.checker.forget_shown();
        }
        self.address.clone_from(&thread);
        self.feed(Input::ThreadSwitched {
            thread_id: thread.map(ThreadId::from),
        });
    }

    pub(crate) fn page_hiding(&mut self) {
        let wall_clock = self.wall_clock();
        self.feed_if_awake(Input::PageHiding { wall_clock });
    }

    pub(crate) fn hide(&mut self, length: u64) {
        let Some(page) = self
            .page
            .as_mut()
            .filter(|page| page.is_visible && !page.is_frozen)
        else {
            return;
        };
        page.is_visible = false;
        let number = page.number;
        self.feed(Input::BecameHidden);
        if self.rng.chance(50) {
            self.page_hiding();
        }
        self.queue.push(self.now + length, Event::Show(number));
    }

    pub(crate) fn show(&mut self, number: u64) {
        let Some(page) = self.page.as_mut().filter(|page| page.number == number) else {
            return;
        };
        if page.is_visible || page.is_frozen {
            return;
        }
        page.is_visible = true;
        self.trace.line(self.now, || "! visible".to_owned());
        self.feed(Input::BecameVisible);
    }

    pub(crate) fn freeze(&mut self, length: u64, lost: bool) {
        let Some(page) = self.page.as_mut().filter(|page| !page.is_frozen) else {
            return;
        };
        let number = page.number;
        if std::mem::replace(&mut page.is_visible, false) {
            self.feed(Input::BecameHidden);
        }
        if let Some(page) = &mut self.page {
            page.is_frozen = true;
        }
        if lost {
            let keys: Vec<Key> = self.exchanges.keys().copied().collect();
            for key in keys {
                let told = self.rng.chance(50);
                let exchange = self.exchanges.get_mut(&key).expect("listed above");
                exchange.is_silent = true;
                if let Some(conn) = exchange.conn.take() {
                    self.server.drop_conn(conn);
                }
                if told {
                    self.queue.push(self.now, Event::Fail(key));
                }
            }
        }
        self.queue
            .push(self.now + length, Event::Thaw(number, lost));
    }

    pub(crate) fn thaw(&mut self, number: u64, lost: bool) {
        let Some(page) = self
            .page
            .as_mut()
            .filter(|page| page.number == number && page.is_frozen)
        else {
            return;
        };
        page.is_frozen = false;
        page.is_visible = true;
        let held = std::mem::take(&mut page.held);
        let online = page.missed_online.take();
        self.trace
            .line(self.now, || format!("! thawed, {} events held", held.len()));
        let held_first = self.rng.chance(50);
        if held_first {
            held.into_iter()
                .for_each(|event| self.queue.push(self.now, event));
            // They are due now, so they come before anything later; the page's own events come after them.
            self.run_until(self.now, |world| {
                world.queue.next_at().is_none_or(|at| at > world.now)
            });
            self.wake_up(online, lost);
        } else {
            self.wake_up(online, lost);
            held.into_iter()
                .for_each(|event| self.queue.push(self.now, event));
        }
    }

    fn wake_up(&mut self, online: Option<bool>, lost: bool) {
        match online {
            Some(true) => self.feed_if_awake(Input::WentOnline),
            Some(false) => self.feed_if_awake(Input::WentOffline),
            None => {}
        }
        if lost || self.rng.chance(70) {
            self.feed_if_awake(Input::Thawed);
        }
        self.feed_if_awake(Input::BecameVisible);
    }

    /// Feeds the page, unless it is frozen or closed: then only the last word on the network is kept.
    pub(crate) fn feed_if_awake(&mut self, input: Input) {
        let Some(page) = &mut self.page else { return };
        if !page.is_frozen {
            return self.feed(input);
        }
        match input {
            Input::WentOnline => page.missed_online = Some(true),
            Input::WentOffline => page.missed_online = Some(false),
            _ => {}
        }
    }

    pub(crate) fn feed_to(&mut self, key: Key, make: impl FnOnce(AttemptId) -> Input) {
        if self.is_page(key.0) {
            self.feed(make(key.1));
        }
    }

    /// The one way into the client: an input, then its effects, then the invariants.
    pub(crate) fn feed(&mut self, input: Input) {
        let Some(page) = &mut self.page else { return };
        let now = Millis(self.now - page.started_at);
        if begins_anew(&input) {
            page.pace.allow(self.now, AFTER_AN_INPUT);
        }
        self.trace.line(self.now, || describe(&input));
        page.client.handle(now, input);
        let mut effects = Vec::new();
        while let Some(effect) = page.client.poll_effect() {
            effects.push(effect);
            if effects.len() > EFFECTS_MAX {
                return self.checker.fail("effects do not come to an end");
            }
        }
        let number = page.number;
        for effect in effects {
            self.run_effect(number, effect);
        }
        self.check();
    }

    /// Something allows the page more requests.
    pub(crate) fn allow(&mut self, count: u64) {
        if let Some(page) = &mut self.page {
            page.pace.allow(self.now, count);
        }
    }

    fn run_effect(&mut self, page: u64, effect: Effect) {
        match effect {
            Effect::OpenStream { attempt, request } => {
                let request = to_server(&request);
                self.check_edit(&request);
                self.send((page, attempt), request, true)
            }
            Effect::SendRequest { attempt, request } => {
                self.send((page, attempt), to_server(&request), false)
            }
            Effect::Abort { attempt } => {
                self.trace
                    .line(self.now, || format!("  {} dropped", attempt.0));
                self.abort((page, attempt));
            }
            Effect::LoadRecord { key } => self.load_record(page, key),
            Effect::SaveRecord { key, text } => {
                if let Err(error) = self.storage.save(key, text) {
                    self.queue.push(self.now, Event::RecordFailed(page, error));
                }
            }
            Effect::RemoveRecord { key } => {
                self.trace.line(self.now, || "  record removed".to_owned());
                if let Err(error) = self.storage.remove(&key) {
                    self.queue.push(self.now, Event::RecordFailed(page, error));
                }
            }
            Effect::SavePart { key, part, text } => {
                if let Err(error) = self.storage.save_part(key, &part, text.as_deref()) {
                    self.checker.posts.storage_refuses();
                    self.queue.push(self.now, Event::RecordFailed(page, error));
                }
            }
            // There is one page at a time, so whatever lock it waits for is free.
            Effect::HoldLock { name } => {
                self.queue.push(self.now + 1, Event::LockHeld(page, name));
            }
            Effect::ReleaseLock { .. } => {}
            Effect::ResolveCheckpoint { .. } => {
                self.checker
                    .fail("a checkpoint is asked for, which is not configured");
            }
            Effect::Saved(effect) => self.run_saved(page, effect),
            Effect::Notify(notice) => self.noticed(notice),
        }
    }

    /// An edit names its checkpoint, and what is shown when it leaves is what the server will have.
    fn check_edit(&mut self, request: &Request) {
        let is_edit = request.body["metadata"].get("sim_edit").is_some();
        let submission = request.body["metadata"]["rejoin_submission"].as_str();
        let submission = submission.unwrap_or_default().to_owned();
        // A post that was lost is sent again later, when the server may have said what it holds without it.
        let is_first = self.checker.edits_sent.insert(submission);
        if !request.is_post || !is_edit {
            return;
        }
        // One that an earlier page has left goes back when it is sent again.
        self.checker.went_back = true;
        if !is_first || self.checker.retries {
            return;
        }
        self.report.count("edit: sent");
        let Some(checkpoint) = request.body["checkpoint"]["checkpoint_id"].as_str() else {
            return self.checker.fail("an edit is sent without a checkpoint");
        };
        let thread = request.path.split('/').nth(2).unwrap_or_default();
        let thread = self.server.threads.get(thread);
        let (Some(state), Some(page)) = (thread.and_then(|t| t.stored(checkpoint)), &self.page)
        else {
            return self.report.count("edit: sent to a checkpoint that is lost");
        };
        let input = request.body["input"]["messages"].as_array();
        let input = input.map(Vec::as_slice).unwrap_or_default();
        let truth = &self.server.truth;
        // Where ids say little, the texts are compared.
        let key = match truth.by_text {
            Some(_) => "content",
            None => "id",
        };
        let expected: Vec<&str> = (state.messages.iter().chain(input))
            .filter_map(|message| message[key].as_str())
            .filter(|text| !text.is_empty() && !is_odd_text(text))
            .collect();
        let view = page.client.view();
        let shown = view.messages().iter().filter_map(|slot| {
            let text = slot.message.content.text();
            let name = truth.name_of(slot, &text)?.to_owned();
            Some(truth.by_text.as_ref().map_or(name, |_| text.into_owned()))
        });
        let shown: Vec<String> = shown.collect();
        if shown != expected {
            let words = format!("an edit shows {shown:?}, but the server will have {expected:?}");
            self.checker.fail(words);
        }
    }

    fn load_record(&mut self, page: u64, key: String) {
        let later = self.now + self.rng.pick(&[0, 0, 0, 1, 30]);
        let text = match self.storage.load(&key) {
            Ok(text) => Ok(text),
            Err(error) => {
                self.queue.push(later, Event::RecordFailed(page, error));
                Err(error)
            }
        };
        self.queue.push(later, Event::Record(page, key, text));
    }

    fn noticed(&mut self, notice: Notice) {
        self.trace.line(self.now, || format!("  * {notice:?}"));
        match notice {
            Notice::ThreadCreated { thread_id } => {
                self.address = Some(thread_id.to_string());
                self.threads.push(thread_id.to_string());
            }
            Notice::Ended { run_id, outcome } => {
                self.report.count(format!("ended: {}", outcome.as_str()));
                let run = run_id.as_ref().map(RunId::as_str);
                self.checker.ended(self.now, run, &outcome, &self.server);
                self.allow(AFTER_PROGRESS);
            }
            Notice::Concluded { command, outcome } => {
                self.report
                    .count(format!("concluded: {}", outcome.as_str()));
                if let Some(error) = outcome.error() {
                    self.report.count(format!("failed: {}", error.code));
                }
                let open = self
                    .page
                    .as_mut()
                    .is_some_and(|page| page.open_commands.remove(&command.0));
                if !open {
                    self.checker.fail(format!(
                        "command {} is concluded twice, or was never given",
                        command.0
                    ));
                }
            }
            Notice::StartedOver { .. } => self.report.count("notice: started over"),
            Notice::Warning(error) if error.code == rejoin_core::ErrorCode::HistoryUnavailable => {
                self.checker.history_unavailable = true;
                self.report.count("warning: history_unavailable");
            }
            Notice::Warning(error) => self.report.count(format!("warning: {}", error.code)),
            Notice::StorageFailed { code } => self.report.count(format!("storage failed: {code}")),
            Notice::ConnectionChanged(connection) => {
                self.report
                    .count(format!("connection: {}", connection.as_str()));
            }
            Notice::Created { .. } => self.allow(AFTER_AN_INPUT),
            Notice::EventApplied(_)
            | Notice::ExtrasWanted
            | Notice::AttemptOpened { .. }
            | Notice::AttemptEnded { .. } => {}
        }
    }

    fn check(&mut self) {
        let Some(page) = &mut self.page else { return };
        let streams = self
            .exchanges
            .iter()
            .filter(|(key, exchange)| key.0 == page.number && exchange.is_stream)
            .count();
        if streams > 1 {
            self.checker
                .fail(format!("{streams} streams are open at a time"));
        }
        if self.rng.chance(20) {
            page.client.refresh_view();
        }
        let before = self.checker.revision();
        Checker::check(&mut self.checker, &page.client, &self.server);
        if self.checker.revision() != before {
            let client = &page.client;
            self.trace.line(self.now, || shown(client));
        }
    }
}

/// What is on the screen, for the log.
fn shown(client: &Client) -> String {
    let view = client.view();
    let slots = view.messages().iter();
    let slots = slots.map(|slot| {
        let bytes = slot.message.content.text_bytes();
        format!("{} {:?} {bytes}", slot.id(), slot.origin)
    });
    format!("  = {}", slots.collect::<Vec<_>>().join(", "))
}

/// Whether attempts begin anew with it: the page or the network is back, or a person has done something.
fn begins_anew(input: &Input) -> bool {
    matches!(
        input,
        Input::PageOpened { .. }
            | Input::ThreadSwitched { .. }
            | Input::SubmitRequested { .. }
            | Input::JoinRequested { .. }
            | Input::Edit(EditInput::Requested { .. })
            | Input::CancelRequested
            | Input::Branches(BranchesInput::HistoryRequested)
            | Input::Branches(BranchesInput::Selected { .. })
            | Input::WentOnline
            | Input::BecameVisible
            | Input::Focused
            | Input::Thawed
    )
}

pub(crate) fn to_server(request: &HttpRequest) -> Request {
    let path = request
        .url
        .strip_prefix(API_URL)
        .unwrap_or("/not-the-api")
        .to_owned();
    let header = |name: &str| {
        request
            .headers
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value.clone())
    };
    let body = request
        .body
        .as_ref()
        .and_then(|body| serde_json::from_str(body.text()).ok())
        .unwrap_or_default();
    Request {
        is_post: request.method == Method::Post,
        path,
        last_event_id: header("last-event-id"),
        body,
    }
}

/// An input, for the log.
pub(crate) fn describe(input: &Input) -> String {
    match input {
        Input::ChunkArrived { attempt, bytes } => {
            format!("chunk of {} for {}", bytes.len(), attempt.0)
        }
        Input::ResponseArrived {
            attempt,
            status,
            body,
            ..
        } => {
            format!(
                "answer {status} for {}: {}",
                attempt.0,
                crate::trace::short(&String::from_utf8_lossy(body))
            )
        }
        Input::RecordLoaded { text, .. } => {
            let text = match text {
                Ok(text) => text.as_deref().unwrap_or("absent"),
                Err(error) => error.as_str(),
            };
            format!("record {}", crate::trace::short(text))
        }
        other => format!("{other:?}"),
    }
}
