//! A scripted server and the loop that drives a client against it.
//!
//! The server has recorded one run. It sends the body as the script cuts it, loses the connection where
//! the script says so, goes on with the run meanwhile, and answers a join by the rules of the server
//! that was recorded.

use std::collections::{BTreeMap, VecDeque};

use rejoin_core::{
    AttemptId, Client, CommandId, Config, Effect, HttpRequest, Input, Method, Millis, Notice,
    Outcome, Submission, TransportError,
};
use serde_json::{Value, json};

use crate::Recording;

/// More rounds than any script needs: a client that goes round in circles fails instead of hanging.
const ROUNDS_MAX: usize = 10_000;

/// What happens to the connection that the recording is of: the submission's, or, where a join was recorded,
/// the first join's after a submission whose connection is lost at once.
#[derive(Debug, Clone, Default)]
pub struct Script<'a> {
    /// The chunks that arrive on it. `None`: it is lost before the response's head.
    pub chunks: Option<Vec<&'a [u8]>>,
    /// How it is lost after the chunks. `None`: it is not, the run has ended.
    pub lost: Option<How>,
    /// Whether a join is sent some events twice, with ids that go back: Python's race between replay and
    /// live queue.
    pub repeats: bool,
    /// Whether somebody is told each event, so that the client reads them all. Else it passes over what only makes a message grow.
    pub reads_all: bool,
}

/// How a connection ends while its run goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// A network error.
    Reset,
    /// A clean end of the body, as from a server that shuts down.
    End,
}

/// What a reader sees.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// Id, origin and JSON of each message.
    pub messages: Vec<(String, String, Value)>,
    /// The graph's values.
    pub values: String,
    /// What the agent asks.
    pub interrupts: Value,
    /// Code and detail.
    pub error: Option<(&'static str, Option<String>)>,
}

/// How a play went.
#[derive(Debug, Clone)]
pub struct Ending {
    /// What was shown when the stream was over, before the thread's state was read.
    pub streamed: Shown,
    /// What was shown at rest.
    pub settled: Shown,
    /// The client's word for the end.
    pub connection: &'static str,
    /// What the submission came to.
    pub outcome: Outcome,
    /// Events that listeners were told of: name and data.
    pub events: Vec<(String, String)>,
    /// Codes of the warnings.
    pub warnings: Vec<&'static str>,
    /// The `Last-Event-ID` of each join.
    pub joins: Vec<String>,
    /// Times a shown message lost text, though the server had not begun the run anew.
    pub shrunk: Vec<String>,
}

/// Submits, plays the script, and goes on until the client rests.
///
/// # Panics
/// Where the client asks for something that no Agent Server has, or does not come to rest.
#[must_use]
pub fn play(recording: &Recording, script: &Script<'_>) -> Ending {
    let mut player = Player::new(recording, script);
    if script.reads_all {
        let names = ["custom", "updates", "error", "messages"].map(str::to_owned);
        player.feed(Input::EventsListened {
            names: names.to_vec(),
        });
        // As if nothing had been fed.
        player.now -= 1;
    }
    let command = CommandId(1);
    player.feed(Input::SubmitRequested {
        command,
        submission: Box::new(Submission::default()),
    });
    for _ in 0..ROUNDS_MAX {
        if let Some((attempt, request)) = player.open.pop_front() {
            player.answer(attempt, &request);
        } else if !player.client.view().is_loading() {
            return player.ending();
        } else {
            let (at, _) = player
                .client
                .deadline()
                .expect("a client that loads waits for something");
            player.now = player.now.max(at.0);
            player.feed(Input::DeadlineReached);
        }
    }
    panic!(
        "{}: no rest, {:?}",
        recording.name,
        player.client.view().connection()
    );
}

struct Player<'a> {
    recording: &'a Recording,
    script: &'a Script<'a>,
    client: Client,
    now: u64,
    open: VecDeque<(AttemptId, HttpRequest)>,
    /// The run's tag, from the submission.
    metadata: Value,
    /// Whether the run has ended on the server.
    is_over: bool,
    streamed: Option<Shown>,
    notices: Vec<Notice>,
    joins: Vec<String>,
    texts: BTreeMap<String, String>,
    shrunk: Vec<String>,
}

impl<'a> Player<'a> {
    fn new(recording: &'a Recording, script: &'a Script<'a>) -> Self {
        Self {
            recording,
            script,
            client: Client::new(Config::new("http://server", "chat"), 1),
            now: 1000,
            open: VecDeque::new(),
            metadata: Value::Null,
            is_over: false,
            streamed: None,
            notices: Vec::new(),
            joins: Vec::new(),
            texts: BTreeMap::new(),
            shrunk: Vec::new(),
        }
    }

    fn feed(&mut self, input: Input) {
        self.now += 1;
        let now = Millis(self.now);
        self.client.handle(now, input);
        while let Some(effect) = self.client.poll_effect() {
            match effect {
                Effect::OpenStream { attempt, request }
                | Effect::SendRequest { attempt, request } => {
                    self.open.push_back((attempt, request));
                }
                Effect::Abort { attempt } => self.open.retain(|(open, _)| *open != attempt),
                Effect::LoadRecord { key } => {
                    self.client.handle(
                        now,
                        Input::RecordLoaded {
                            key,
                            text: Ok(None),
                            wall_clock: now,
                        },
                    );
                }
                Effect::SaveRecord { .. }
                | Effect::RemoveRecord { .. }
                | Effect::SavePart { .. }
                | Effect::HoldLock { .. }
                | Effect::ReleaseLock { .. }
                | Effect::Saved(_)
                | Effect::ResolveCheckpoint { .. } => {}
                Effect::Notify(notice) => {
                    if matches!(notice, Notice::StartedOver { .. }) {
                        self.texts.clear();
                    }
                    self.notices.push(notice);
                }
            }
        }
    }

    fn answer(&mut self, attempt: AttemptId, request: &HttpRequest) {
        let path = request
            .url
            .strip_prefix("http://server")
            .expect("our server");
        let path = path.split('?').next().expect("a path");
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let run_id = self.recording.run_id.clone();
        match (request.method, &parts[..]) {
            (Method::Post, ["threads", _, "runs", "stream"]) => self.submitted(attempt, request),
            (Method::Get, ["threads", _, "runs", run, "stream"]) => {
                assert_eq!(*run, run_id);
                self.joined(attempt, request);
            }
            (Method::Get, ["threads", thread, "runs"]) => {
                let run = self.run(thread);
                self.respond(attempt, &json!([run]));
            }
            (Method::Get, ["threads", thread, "runs", run]) => {
                assert_eq!(*run, run_id);
                if self.is_over {
                    self.note_streamed();
                }
                let run = self.run(thread);
                self.respond(attempt, &run);
            }
            (Method::Get, ["threads", thread, "state"]) => {
                self.note_streamed();
                let state = self.state(thread);
                self.respond(attempt, &state);
            }
            (Method::Get, ["threads", thread]) => {
                let error: Value =
                    serde_json::from_str(self.recording.error.as_deref().unwrap_or("null"))
                        .expect("JSON");
                let status = if error.is_null() { "idle" } else { "error" };
                self.respond(
                    attempt,
                    &json!({ "thread_id": thread, "status": status, "error": error }),
                );
            }
            (method, _) => panic!("{}: {} {path}", self.recording.name, method.as_str()),
        }
    }

    fn submitted(&mut self, attempt: AttemptId, request: &HttpRequest) {
        let body = request
            .body
            .as_ref()
            .expect("a submission has a body")
            .text();
        let body: Value = serde_json::from_str(body).expect("JSON");
        assert_eq!(body["stream_resumable"], true);
        self.metadata = body["metadata"].clone();
        if self.recording.is_join {
            self.accept(attempt);
            return self.lose(attempt, How::Reset);
        }
        self.play_script(attempt);
    }

    fn play_script(&mut self, attempt: AttemptId) {
        let script = self.script;
        let Some(chunks) = &script.chunks else {
            return self.lose(attempt, How::Reset);
        };
        self.accept(attempt);
        self.is_over = script.lost.is_none();
        for chunk in chunks {
            self.feed(Input::ChunkArrived {
                attempt,
                bytes: chunk.to_vec(),
            });
            self.look();
        }
        match script.lost {
            Some(how) => self.lose(attempt, how),
            None => self.end(attempt),
        }
    }

    /// A join is sent what was stored after its id, and then the end.
    fn joined(&mut self, attempt: AttemptId, request: &HttpRequest) {
        let id = request
            .headers
            .iter()
            .find(|(name, _)| *name == "last-event-id")
            .map(|(_, id)| id.as_str());
        let id = id.expect("a join says where it stands");
        self.joins.push(id.to_owned());
        if self.recording.is_join && self.joins.len() == 1 {
            return self.play_script(attempt);
        }
        let stored = self.recording.after(id);
        let sent = match stored.len() / 2 {
            half if self.script.repeats && half >= 2 => {
                [&stored[..half], &stored[half - 2..]].concat()
            }
            _ => stored,
        };
        self.accept(attempt);
        self.is_over = true;
        for at in sent {
            let bytes = self.recording.body[self.recording.blocks[at].clone()].to_vec();
            self.feed(Input::ChunkArrived { attempt, bytes });
            self.look();
        }
        self.end(attempt);
    }

    fn accept(&mut self, attempt: AttemptId) {
        let thread = self
            .client
            .view()
            .thread_id()
            .expect("a submission has a thread")
            .to_string();
        let location = format!("/threads/{thread}/runs/{}", self.recording.run_id);
        let headers = vec![
            (
                "content-type".to_owned(),
                "text/event-stream; charset=utf-8".to_owned(),
            ),
            ("content-location".to_owned(), location),
        ];
        self.feed(Input::HeadersArrived {
            attempt,
            status: 200,
            headers,
        });
    }

    fn lose(&mut self, attempt: AttemptId, how: How) {
        self.feed(match how {
            How::Reset => Input::RequestFailed {
                attempt,
                error: TransportError::Network {
                    message: "reset".to_owned(),
                },
            },
            How::End => Input::BodyEnded { attempt },
        });
        self.look();
    }

    fn end(&mut self, attempt: AttemptId) {
        self.feed(Input::BodyEnded { attempt });
    }

    fn respond(&mut self, attempt: AttemptId, body: &Value) {
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        let body = body.to_string().into_bytes();
        self.feed(Input::ResponseArrived {
            attempt,
            status: 200,
            headers,
            body,
        });
    }

    fn run(&self, thread: &str) -> Value {
        let status = match (self.is_over, &self.recording.error) {
            (false, _) => "running",
            (true, None) => "success",
            (true, Some(_)) => "error",
        };
        json!({
            "run_id": self.recording.run_id, "thread_id": thread, "status": status, "metadata": self.metadata,
        })
    }

    /// Keeps what was shown when the client first asked how things stand after the run's end, or, where the stream
    /// itself said that there is no more to come, for the thread's state.
    fn note_streamed(&mut self) {
        if self.streamed.is_none() {
            self.streamed = Some(shown(&mut self.client));
        }
    }

    /// The thread's state as the stream told it: what the stream did not tell stays as the client has it.
    fn state(&self, thread: &str) -> Value {
        let streamed = self
            .streamed
            .as_ref()
            .expect("the run is checked before the state is read");
        let values = match &self.recording.last_values {
            Some(values) => {
                let mut values: Value = serde_json::from_str(values).expect("JSON");
                if let Some(values) = values.as_object_mut() {
                    values.shift_remove("__interrupt__");
                }
                values
            }
            None => {
                json!({ "messages": streamed.messages.iter().map(|m| m.2.clone()).collect::<Vec<_>>() })
            }
        };
        json!({
            "values": values,
            // What asks is what runs next.
            "next": if streamed.interrupts == json!([]) { json!([]) } else { json!(["node"]) },
            "tasks": [{ "id": "1", "name": "node", "interrupts": streamed.interrupts }],
            "checkpoint": { "thread_id": thread, "checkpoint_ns": "", "checkpoint_id": "1" },
        })
    }

    /// Compares what is shown now with what was shown before.
    fn look(&mut self) {
        for slot in self.client.view().messages() {
            let text = slot.message.content.text().into_owned();
            let before = self.texts.insert(slot.id().to_string(), text);
            let now = &self.texts[slot.id().as_str()];
            if let Some(before) = before.filter(|before| !now.starts_with(before.as_str())) {
                self.shrunk
                    .push(format!("{}: {before:?} -> {now:?}", slot.id()));
            }
        }
    }

    fn ending(mut self) -> Ending {
        let settled = shown(&mut self.client);
        let mut ending = Ending {
            streamed: self
                .streamed
                .expect("the run is checked when its stream is over"),
            settled,
            connection: self.client.view().connection().as_str(),
            outcome: Outcome::Disconnected,
            events: Vec::new(),
            warnings: Vec::new(),
            joins: self.joins,
            shrunk: self.shrunk,
        };
        let mut conclusions = 0;
        for notice in self.notices {
            match notice {
                Notice::Concluded { outcome, .. } => {
                    conclusions += 1;
                    ending.outcome = outcome;
                }
                Notice::EventApplied(event) => {
                    ending
                        .events
                        .push((event.name.as_str().to_owned(), event.data.text().to_owned()));
                }
                Notice::Warning(error) => ending.warnings.push(error.code.as_str()),
                _ => {}
            }
        }
        assert_eq!(
            conclusions, 1,
            "{}: a command concludes once",
            self.recording.name
        );
        ending
    }
}

fn shown(client: &mut Client) -> Shown {
    client.refresh_view();
    let view = client.view();
    let message = |slot: &rejoin_core::MessageSlot| {
        let json = serde_json::to_value(&*slot.message).expect("a message writes");
        (slot.id().to_string(), format!("{:?}", slot.origin), json)
    };
    Shown {
        messages: view.messages().iter().map(message).collect(),
        values: view.values().text().to_owned(),
        interrupts: serde_json::to_value(view.interrupts()).expect("interrupts write"),
        error: view
            .error()
            .map(|error| (error.code.as_str(), error.detail.clone())),
    }
}
