//! A client on a bench: effects are looked at, answers are given by hand.

#![allow(dead_code, unreachable_pub, missing_docs)] // Each test binary uses its own part.
#![allow(clippy::unwrap_used)] // A panic is how a test fails.

use rejoin_core::{
    AttemptId, Client, CommandId, Config, EXTRAS, Effect, ErrorCode, Extras, HttpRequest, Input,
    Millis, Notice, Outcome, SavedEffect, Submission, TransportError, wire::Json, with_part,
};
use serde_json::{Value, json};

pub struct Bench {
    pub client: Client,
    pub now: u64,
    pub notices: Vec<Notice>,
    /// Requests and streams that wait for an answer, oldest first.
    pub open: Vec<(AttemptId, HttpRequest)>,
    pub aborted: Vec<AttemptId>,
    pub stored: std::collections::BTreeMap<String, String>,
    /// A text that is longer is not stored, as in a browser whose storage is full; the one before stays.
    pub stored_bytes_max: usize,
    /// Whether storage throws at everything.
    pub is_storage_denied: bool,
    /// Whether the browser has not heard yet that clients ask for the locks of what they store.
    pub has_late_locks: bool,
    /// Locks that were asked for, and not given back.
    pub locks: Vec<String>,
    /// Checkpoints that the application is asked for: by which command, and what is kept.
    pub lookups: Vec<(CommandId, Vec<String>)>,
    /// Whether what is asked for of `EXTRAS` does not come.
    pub withholds_extras: bool,
    /// How many clients there were.
    clients: u64,
    /// Orders to the place where threads' states are saved.
    pub saving: Vec<SavedEffect>,
}

pub const TAG: &str = "t1";

/// A state of a thread: its checkpoint, the one before it, and its messages.
pub fn state(id: &str, parent: Option<&str>, messages: Vec<Value>) -> Value {
    json!({
        "values": { "messages": messages },
        "next": [],
        "tasks": [],
        "checkpoint": { "thread_id": "t", "checkpoint_ns": "", "checkpoint_id": id },
        "parent_checkpoint": parent.map(|parent| json!({ "checkpoint_ns": "", "checkpoint_id": parent })),
    })
}

/// The texts of the submissions that wait, and the reasons.
pub fn waiting(bench: &Bench) -> Vec<(String, &'static str)> {
    let waiting = bench.client.view().waiting().into_iter();
    let texts = waiting.map(|entry| {
        let texts = entry.messages.iter().map(|m| m.content.text().into_owned());
        (texts.collect::<Vec<_>>().join(","), entry.state.as_str())
    });
    texts.collect()
}

/// Each lock that was asked for is held.
pub fn give_locks(bench: &mut Bench) {
    for name in bench.locks.clone() {
        bench.feed(Input::LockHeld { name });
    }
}

/// A submission of one human message.
pub fn says(text: &str) -> Box<Submission> {
    let input = json!({ "messages": [{ "type": "human", "content": text }] });
    Box::new(Submission {
        input: Some(Json::from_value(&input).unwrap()),
        ..Submission::default()
    })
}

/// The state of a thread that asks these questions.
pub fn asking(ids: &[&str]) -> String {
    let tasks = ids.iter().map(|id| {
        json!({ "id": id, "name": id, "interrupts": [{ "id": id, "value": { "which": id } }] })
    });
    let tasks: Vec<Value> = tasks.collect();
    json!({ "values": { "messages": [] }, "next": ids, "tasks": tasks }).to_string()
}

/// The ids of the questions that are shown.
pub fn asked(bench: &Bench) -> Vec<String> {
    let interrupts = bench.client.view().interrupts().iter();
    interrupts
        .map(|i| i.id.as_ref().unwrap().to_string())
        .collect()
}

fn make(config: Config, seed: u64) -> Client {
    match env!("CARGO_CRATE_NAME") {
        "without_extras" => Client::without_extras(config, seed),
        "parts_as_wanted" => with_parts_of_options(config, seed),
        _ => Client::new(config, seed),
    }
}

/// As `rejoin-leptos` makes one: with the parts that its options name.
fn with_parts_of_options(config: Config, seed: u64) -> Client {
    let named = [
        Some(&Extras::OUTBOX),
        config.history_limit.map(|_| &Extras::BRANCHES),
        config.cancel_dangling_tool_calls.then_some(&Extras::TOOLS),
    ];
    let mut client = Client::without_extras(config, seed);
    for extras in named.into_iter().flatten() {
        client.handle(Millis(0), Input::ExtrasCame { extras });
    }
    client
}

/// The part that a command needs.
fn part_of(input: &Input) -> Option<&'static Extras> {
    match input {
        Input::Session(_) => Some(&Extras::SESSION),
        Input::Edit(_) => Some(&Extras::EDITS),
        Input::Tools(_) => Some(&Extras::TOOLS),
        Input::Branches(_) => Some(&Extras::BRANCHES),
        Input::Saved(_) => Some(&Extras::SAVED),
        _ => None,
    }
}

impl Bench {
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    pub fn with(tune: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::new("http://server", "chat");
        tune(&mut config);
        Self {
            client: make(config, 1),
            clients: 1,
            now: 1000,
            notices: Vec::new(),
            open: Vec::new(),
            aborted: Vec::new(),
            stored: std::collections::BTreeMap::new(),
            stored_bytes_max: usize::MAX,
            is_storage_denied: false,
            has_late_locks: false,
            locks: Vec::new(),
            lookups: Vec::new(),
            saving: Vec::new(),
            withholds_extras: false,
        }
    }

    /// Another client in the place of this one, as after a reload: what is stored is still there.
    pub fn reload(&mut self) {
        self.clients += 1;
        self.client = make(self.client.config().clone(), self.clients);
        self.open.clear();
        self.locks.clear();
        self.notices.clear();
        let wall_clock = Millis(self.now + 1_000_000);
        self.feed(Input::PageOpened { wall_clock });
    }

    /// Another tab: another client on the same storage.
    pub fn another_tab(&self, number: u64) -> Self {
        let mut tab = Self {
            client: make(self.client.config().clone(), 1_000 + number),
            now: self.now,
            notices: Vec::new(),
            open: Vec::new(),
            aborted: Vec::new(),
            stored: self.stored.clone(),
            stored_bytes_max: self.stored_bytes_max,
            is_storage_denied: self.is_storage_denied,
            has_late_locks: self.has_late_locks,
            locks: Vec::new(),
            lookups: Vec::new(),
            saving: Vec::new(),
            withholds_extras: false,
            clients: 1_000 * number,
        };
        let wall_clock = Millis(self.now + 1_000_000);
        tab.feed(Input::PageOpened { wall_clock });
        tab
    }

    pub fn feed(&mut self, input: Input) {
        if env!("CARGO_CRATE_NAME") == "parts_as_wanted"
            && let Some(extras) = part_of(&input)
        {
            let came = Input::ExtrasCame { extras };
            self.client.handle(Millis(self.now), came);
        }
        self.client.handle(Millis(self.now), input);
        while let Some(effect) = self.client.poll_effect() {
            match effect {
                Effect::OpenStream { attempt, request }
                | Effect::SendRequest { attempt, request } => {
                    self.open.push((attempt, request));
                }
                Effect::Abort { attempt } => {
                    self.open.retain(|(open, _)| *open != attempt);
                    self.aborted.push(attempt);
                }
                Effect::LoadRecord { key } => {
                    let text = match self.is_storage_denied {
                        true => Err(ErrorCode::StorageDenied),
                        false => Ok(self.stored.get(&key).cloned()),
                    };
                    let wall_clock = Millis(self.now + 1_000_000);
                    self.client.handle(
                        Millis(self.now),
                        Input::RecordLoaded {
                            key,
                            text,
                            wall_clock,
                        },
                    );
                }
                Effect::SaveRecord { .. }
                | Effect::RemoveRecord { .. }
                | Effect::SavePart { .. }
                    if self.is_storage_denied => {}
                Effect::SaveRecord { key, text } => {
                    self.stored.insert(key, text);
                }
                Effect::RemoveRecord { key } => {
                    self.stored.remove(&key);
                }
                Effect::SavePart { key, part, text } => {
                    let stored = self.stored.remove(&key);
                    let with = with_part(stored.as_deref(), &part, text.as_deref());
                    let gets_lock = text.is_some() && !self.has_late_locks;
                    let fits = |text: &String| text.len() <= self.stored_bytes_max;
                    let with = if with.as_ref().is_none_or(fits) {
                        with
                    } else {
                        stored
                    };
                    self.stored.extend(with.map(|text| (key, text)));
                    // A browser gives a client the lock of its own part at once.
                    if gets_lock && self.locks.contains(&part) {
                        let held = Input::LockHeld { name: part };
                        self.client.handle(Millis(self.now), held);
                    }
                }
                Effect::HoldLock { name } => self.locks.push(name),
                Effect::ReleaseLock { name } => self.locks.retain(|lock| *lock != name),
                Effect::ResolveCheckpoint { command, parents } => {
                    let parents = parents.iter().map(ToString::to_string).collect();
                    self.lookups.push((command, parents));
                }
                Effect::Notify(Notice::ExtrasWanted) if !self.withholds_extras => {
                    // As the npm package does, which loads them then.
                    let extras = Input::ExtrasCame { extras: &EXTRAS };
                    self.client.handle(Millis(self.now), extras);
                }
                Effect::Saved(effect) => self.saving.push(effect),
                Effect::Notify(notice) => self.notices.push(notice),
            }
        }
    }

    /// Lets time pass, waking the client whenever it wants to be woken.
    pub fn pass(&mut self, millis: u64) {
        let end = self.now + millis;
        let mut wakes = 0;
        while let Some((at, why)) = self.client.deadline().filter(|(at, _)| at.0 <= end) {
            wakes += 1;
            assert!(
                wakes < 10_000,
                "the deadline {why:?} at {at:?} is not met by being reached"
            );
            self.now = self.now.max(at.0);
            self.feed(Input::DeadlineReached);
        }
        self.now = end;
    }

    pub fn submit(&mut self, text: &str) {
        let input = serde_json::json!({ "messages": [{ "type": "human", "content": text }] });
        let submission = Submission {
            input: Some(Json::from_value(&input).unwrap()),
            ..Submission::default()
        };
        self.feed(Input::SubmitRequested {
            command: CommandId(1),
            submission: Box::new(submission),
        });
    }

    /// The oldest open request whose URL ends with `path`, whether or not its cursor is in the query as well.
    #[track_caller]
    pub fn asked(&self, path: &str) -> (AttemptId, HttpRequest) {
        let ends = |url: &str| {
            let plain = url.split("?last_event_id=").next();
            url.ends_with(path) || plain.is_some_and(|plain| plain.ends_with(path))
        };
        let found = self
            .open
            .iter()
            .find(|(_, request)| ends(&request.url))
            .cloned();
        found.unwrap_or_else(|| panic!("no request for {path}: {:?}", self.open))
    }

    /// Lets time pass until there is a request for `path`, a minute at most.
    #[track_caller]
    pub fn wait_for(&mut self, path: &str) {
        for _ in 0..600 {
            if self.open.iter().any(|(_, r)| r.url.ends_with(path)) {
                return;
            }
            self.pass(100);
        }
        panic!("no request for {path} in a minute: {:?}", self.open);
    }

    pub fn header(request: &HttpRequest, name: &str) -> Option<String> {
        request
            .headers
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value.clone())
    }

    /// Answers a stream's request with a stream of this run.
    #[track_caller]
    pub fn accept(&mut self, path: &str, run: &str) -> AttemptId {
        let attempt = self.asked(path).0;
        let thread = self
            .client
            .view()
            .thread_id()
            .map(ToString::to_string)
            .unwrap_or_default();
        let headers = vec![
            ("content-type".to_owned(), "text/event-stream".to_owned()),
            (
                "content-location".to_owned(),
                format!("/threads/{thread}/runs/{run}"),
            ),
        ];
        self.feed(Input::HeadersArrived {
            attempt,
            status: 200,
            headers,
        });
        attempt
    }

    pub fn event(&mut self, attempt: AttemptId, id: &str, name: &str, data: &str) {
        let id = if id.is_empty() {
            String::new()
        } else {
            format!("id: {id}\n")
        };
        let bytes = format!("event: {name}\ndata: {data}\n{id}\n").into_bytes();
        self.feed(Input::ChunkArrived { attempt, bytes });
    }

    pub fn metadata(&mut self, attempt: AttemptId, id: &str, run: &str) {
        self.event(
            attempt,
            id,
            "metadata",
            &format!(r#"{{"run_id":"{run}","attempt":1}}"#),
        );
    }

    pub fn token(&mut self, attempt: AttemptId, id: &str, message: &str, text: &str) {
        let data =
            format!(r#"[{{"type":"AIMessageChunk","id":"{message}","content":"{text}"}},{{}}]"#);
        self.event(attempt, id, "messages", &data);
    }

    pub fn end(&mut self, attempt: AttemptId) {
        self.open.retain(|(open, _)| *open != attempt);
        self.feed(Input::BodyEnded { attempt });
    }

    pub fn cut(&mut self, attempt: AttemptId) {
        self.open.retain(|(open, _)| *open != attempt);
        let error = TransportError::Network {
            message: "cut".to_owned(),
        };
        self.feed(Input::RequestFailed { attempt, error });
    }

    /// How many runs are stored, each under its thread and under its own id.
    pub fn records(&self) -> usize {
        let is_other =
            |key: &&String| key.starts_with("rejoin:1:run|") || key.starts_with("rejoin:1:outbox|");
        self.stored.len() - self.stored.keys().filter(is_other).count()
    }

    /// Answers the question how far a run is.
    #[track_caller]
    pub fn run_is(&mut self, run: &str, status: &str) {
        let body = format!(r#"{{"run_id":"{run}","thread_id":"t","status":"{status}"}}"#);
        self.answer(&format!("/runs/{run}"), 200, &body);
    }

    /// Answers a plain request.
    #[track_caller]
    pub fn answer(&mut self, path: &str, status: u16, body: &str) {
        let attempt = self.asked(path).0;
        self.open.retain(|(open, _)| *open != attempt);
        let body = body.as_bytes().to_vec();
        self.feed(Input::ResponseArrived {
            attempt,
            status,
            headers: Vec::new(),
            body,
        });
    }

    /// Answers a stream's request with something that is not a stream.
    #[track_caller]
    pub fn refuse(&mut self, path: &str, status: u16, headers: &[(&str, &str)], body: &str) {
        let attempt = self.asked(path).0;
        self.open.retain(|(open, _)| *open != attempt);
        let headers = headers
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        self.feed(Input::HeadersArrived {
            attempt,
            status,
            headers,
        });
        self.feed(Input::ChunkArrived {
            attempt,
            bytes: body.as_bytes().to_vec(),
        });
        self.feed(Input::BodyEnded { attempt });
    }

    /// Answers the run's check and the thread's state.
    #[track_caller]
    pub fn settle(&mut self, run: &str, status: &str, values: &str) {
        self.run_is(run, status);
        if status == "error" && self.open.iter().any(|(_, r)| !r.url.ends_with("/state")) {
            let thread = self.client.view().thread_id().unwrap().to_string();
            self.answer(
                &format!("/threads/{thread}"),
                200,
                r#"{"thread_id":"t","status":"error","error":{"error":"ValueError","message":"boom"}}"#,
            );
        }
        self.answer(
            "/state",
            200,
            &format!(r#"{{"values":{values},"next":[],"tasks":[]}}"#),
        );
    }

    pub fn text(&self, message: &str) -> String {
        let slot = self.client.view().messages().iter().find(|slot| {
            let named = slot.message.id.as_ref().map(|id| id.as_str());
            slot.id().as_str() == message || named == Some(message)
        });
        slot.map(|slot| slot.message.content.text().into_owned())
            .unwrap_or_default()
    }

    pub fn state(&self) -> &'static str {
        self.client.view().connection().as_str()
    }

    pub fn error_code(&self) -> Option<&'static str> {
        self.client.view().error().map(|error| error.code.as_str())
    }

    pub fn outcome(&self) -> Option<Outcome> {
        self.notices.iter().rev().find_map(|notice| match notice {
            Notice::Concluded { outcome, .. } => Some(outcome.clone()),
            _ => None,
        })
    }

    pub fn warnings(&self) -> Vec<&'static str> {
        let warning = |notice: &Notice| match notice {
            Notice::Warning(error) => Some(error.code.as_str()),
            _ => None,
        };
        self.notices.iter().filter_map(warning).collect()
    }
}
