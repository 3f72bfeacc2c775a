//! The API, as far as the client uses it.

use super::{
    Conn, ConnId, HEARTBEAT_MS, Job, Kind, Server,
    agent::{Agent, Knobs},
    behaviour::UnknownRun,
    thread::{Run, Thread},
};
use serde_json::{Value, json};

/// A request, as it reaches the server.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// Whether it is a POST.
    pub is_post: bool,
    /// Path and query.
    pub path: String,
    /// `Last-Event-ID`.
    pub last_event_id: Option<String>,
    /// The JSON body.
    pub body: Value,
}

/// An answer.
#[derive(Debug)]
pub(crate) enum Reply {
    /// A whole one.
    Plain {
        /// The status.
        status: u16,
        /// The body.
        body: Vec<u8>,
    },
    /// An event stream.
    Stream {
        /// Its connection.
        conn: ConnId,
        /// Its headers.
        headers: Vec<(String, String)>,
    },
}

impl Server {
    /// Answers a request.
    pub(crate) fn answer(&mut self, now: u64, request: &Request) -> Reply {
        let is_page = !request.is_post && request.path.contains("/history");
        if request.path.ends_with("/state") || request.path.ends_with("/history") && !is_page {
            self.state_read_at = now;
        }
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        match (request.is_post, parts.as_slice()) {
            (true, ["threads", thread, "runs", "stream"]) => {
                self.create_run(now, thread, &request.body)
            }
            (true, ["threads", thread, "runs", run, "cancel"]) => self.cancel(now, thread, run),
            (false, ["threads", thread, "runs", run, "stream"]) => {
                self.join(now, thread, run, request.last_event_id.clone())
            }
            (false, ["threads", thread, "runs", run]) => match self.run_of(thread, run) {
                Some(run) => ok(&run.json()),
                None => self.not_found("Run"),
            },
            (false, ["threads", thread, "runs"]) => self.list_runs(thread, query),
            (false, ["threads", thread]) => match self.threads.get_mut(*thread) {
                Some(thread) => {
                    thread.read_at = now;
                    ok(&thread.json(self.ways.thread_keeps_error()))
                }
                None => self.not_found(&format!("Thread with ID {thread}")),
            },
            (false, ["threads", thread, "state"]) => match self.threads.get(*thread) {
                Some(thread) => ok(&thread.state(self.ways.thread_keeps_error())),
                None => self.not_found(&format!("Thread with ID {thread}")),
            },
            (true, ["threads", thread, "history"]) => match self.threads.get(*thread) {
                Some(thread) => {
                    let limit = request.body["limit"].as_u64().unwrap_or(1);
                    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
                    ok(&thread.history(None, limit, self.ways.thread_keeps_error()))
                }
                None => self.not_found(&format!("Thread with ID {thread}")),
            },
            (false, ["threads", thread, "history"]) => match self.threads.get(*thread) {
                Some(thread) => ok(&self.history_page(thread, query)),
                None => self.not_found(&format!("Thread with ID {thread}")),
            },
            _ => plain(404, b"no such route".to_vec()),
        }
    }

    fn create_run(&mut self, now: u64, thread_id: &str, body: &Value) -> Reply {
        let Some(agent) = body["assistant_id"].as_str().and_then(Agent::from_id) else {
            return plain(
                if self.kind == Kind::Js { 404 } else { 422 },
                b"unknown assistant".to_vec(),
            );
        };
        if !self.threads.contains_key(thread_id) {
            if body["if_not_exists"] != "create" {
                return self.not_found("Thread or assistant");
            }
            let thread = Thread {
                id: thread_id.to_owned(),
                status: "idle",
                changed_at: now,
                ..Thread::default()
            };
            self.threads.insert(thread_id.to_owned(), thread);
        }
        let active: Vec<String> = self.threads[thread_id]
            .runs
            .iter()
            .filter(|run| self.runs[*run].is_active())
            .cloned()
            .collect();
        match body["multitask_strategy"].as_str() {
            Some("reject") if !active.is_empty() => {
                return plain(
                    if self.kind == Kind::Js { 422 } else { 409 },
                    b"Thread is already running a task.".to_vec(),
                );
            }
            Some("interrupt") => {
                for run in active {
                    self.cancelled(now, &run);
                }
            }
            _ => {}
        }
        let serial = self.next_serial();
        let id = format!("01a1fbbc-0000-7000-8000-{serial:012x}");
        let submission = body["metadata"]["rejoin_submission"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        self.posts
            .entry(submission.clone())
            .or_default()
            .push(id.clone());
        let knob = |name: &str| body["config"]["configurable"][name].as_u64();
        let knobs = Knobs {
            n_tokens: knob("n_tokens").unwrap_or(200),
            delay_ms: knob("delay_ms").unwrap_or(25),
        };
        let input = self.read_input(&id, &body["input"]["messages"]);
        let resume = body["command"].get("resume").cloned();
        let run = Run {
            id: id.clone(),
            thread: thread_id.to_owned(),
            submission,
            agent,
            knobs,
            input,
            resume,
            checkpoint: body["checkpoint"]["checkpoint_id"]
                .as_str()
                .map(str::to_owned),
            status: "pending",
            log: Vec::new(),
            log_expired: false,
            node: 0,
            message: None,
            ops: Default::default(),
            epoch: 0,
            is_starting: false,
            has_begun: false,
            is_stuck: false,
            serial,
        };
        self.runs.insert(id.clone(), run);
        let thread = self.threads.get_mut(thread_id).expect("made above");
        thread.runs.push(id.clone());
        thread.changed_at = now;
        let conn = self.connect(now, &id, None, true);
        self.start_next(now, thread_id);
        Reply::Stream {
            conn,
            headers: self.stream_headers(thread_id, &id, true),
        }
    }

    fn read_input(&mut self, run: &str, messages: &Value) -> Vec<Value> {
        let messages = messages.as_array().map(Vec::as_slice).unwrap_or_default();
        let mut input = Vec::new();
        for (place, message) in messages.iter().enumerate() {
            let id = message["id"]
                .as_str()
                .map_or_else(|| format!("human-{}", self.next_serial()), str::to_owned);
            let text = message["content"].as_str().unwrap_or_default();
            // Places of input are counted apart from the graph's nodes.
            self.truth.tell(&id, text, run, 1000 + place);
            let mut stored = json!({
                "content": text, "additional_kwargs": {}, "response_metadata": {}, "type": "human", "id": id,
            });
            if self.kind == Kind::Python {
                stored["name"] = Value::Null;
            }
            input.push(stored);
        }
        input
    }

    fn join(&mut self, now: u64, thread: &str, run: &str, last_event_id: Option<String>) -> Reply {
        let Some(found) = self.run_of(thread, run) else {
            return match self.ways.unknown_run() {
                UnknownRun::Status(status, body) => plain(status, body.into()),
                UnknownRun::ErrorEvent(data) => {
                    let conn = self.connect(now, run, last_event_id, true);
                    self.jobs.push(now + 500, Job::NotFound(conn, data));
                    Reply::Stream {
                        conn,
                        headers: self.stream_headers(thread, run, false),
                    }
                }
            };
        };
        if found.log_expired
            && let Some((status, body)) = self.ways.expired_log()
        {
            return plain(status, body.into());
        }
        let conn = self.connect(now, run, last_event_id, false);
        // Python opens the live queue first and reads the log a moment later.
        let delay = match self.kind {
            Kind::Python if self.rng.chance(50) => self.rng.between(1, 60),
            Kind::Python => 0,
            Kind::Js | Kind::Ours => self.rng.between(0, 3),
        };
        self.jobs.push(now + delay, Job::Replay(conn));
        Reply::Stream {
            conn,
            headers: self.stream_headers(thread, run, false),
        }
    }

    fn connect(
        &mut self,
        now: u64,
        run: &str,
        last_event_id: Option<String>,
        is_live: bool,
    ) -> ConnId {
        let conn = self.next_serial();
        let queue_from = self.runs.get(run).map_or(0, |run| run.log.len());
        self.conns.insert(
            conn,
            Conn {
                run: run.to_owned(),
                last_event_id,
                queue_from,
                is_live,
            },
        );
        if self.ways.heartbeat().is_some() {
            self.jobs.push(now + HEARTBEAT_MS, Job::Heartbeat(conn));
        }
        conn
    }

    fn cancel(&mut self, now: u64, thread: &str, run: &str) -> Reply {
        let Some(found) = self.run_of(thread, run) else {
            return self.not_found("Run");
        };
        if !found.is_active() {
            return plain(self.ways.cancel_over(), b"{}".to_vec());
        }
        if !found.is_stuck {
            let job = Job::Cancel(run.to_owned(), found.epoch);
            let delay = self.rng.between(0, 30);
            self.jobs.push(now + delay, job);
        }
        plain(202, Vec::new())
    }

    fn list_runs(&self, thread: &str, query: &str) -> Reply {
        let Some(thread) = self.threads.get(thread) else {
            return if self.kind == Kind::Js {
                ok(&json!([]))
            } else {
                self.not_found("Thread")
            };
        };
        let parameter = |name: &str| {
            query
                .split('&')
                .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
        };
        let limit = parameter("limit")
            .and_then(|limit| limit.parse().ok())
            .unwrap_or(10);
        let runs = thread.runs.iter().map(|run| &self.runs[run]);
        let runs = runs
            .filter(|run| parameter("status").is_none_or(|status| status == run.status))
            .map(Run::json);
        let mut runs: Vec<Value> = runs.collect();
        if self.ways.newest_first() {
            runs.reverse();
        }
        runs.truncate(limit);
        ok(&Value::Array(runs))
    }

    fn run_of(&self, thread: &str, run: &str) -> Option<&Run> {
        self.runs.get(run).filter(|run| run.thread == thread)
    }

    fn not_found(&self, what: &str) -> Reply {
        plain(404, self.ways.not_found(what))
    }

    fn stream_headers(&self, thread: &str, run: &str, is_post: bool) -> Vec<(String, String)> {
        let kind = if self.kind == Kind::Python {
            "text/event-stream; charset=utf-8"
        } else {
            "text/event-stream"
        };
        let mut headers = vec![("content-type".to_owned(), kind.to_owned())];
        // The JS server names the run on a submission only.
        if is_post || self.kind != Kind::Js {
            headers.push((
                "content-location".to_owned(),
                format!("/threads/{thread}/runs/{run}"),
            ));
        }
        headers
    }
}

fn ok(body: &Value) -> Reply {
    plain(200, body.to_string().into_bytes())
}

fn plain(status: u16, body: Vec<u8>) -> Reply {
    Reply::Plain { status, body }
}
