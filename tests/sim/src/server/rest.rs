//! The API, as far as the client uses it.

use super::{
    Conn, ConnId, Job, Kind, Server,
    agent::{Agent, Knobs},
    behaviour::{Replay, UnknownRun},
    odd::is_odd_text,
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

impl Request {
    /// The client's name for the submission that it is, if it is one.
    pub(crate) fn submission(&self) -> Option<&str> {
        let is_submission = self.is_post && self.path.ends_with("/runs/stream");
        let thread_id = self.path.strip_prefix("/threads/")?.split('/').next()?;
        is_submission.then(|| submission_of(thread_id, &self.body))
    }
}

/// The client's name for a submission. A thread that is made for one is named after it.
fn submission_of<'a>(thread_id: &'a str, body: &'a Value) -> &'a str {
    let mark = &body["metadata"]["rejoin_submission"];
    mark.as_str().unwrap_or(thread_id)
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
            (true, ["threads"]) => self.create_thread(now, &request.body),
            (true, ["threads", "search"]) => self.search_threads(&request.body),
            (true, ["threads", thread, "runs", "stream"]) => {
                self.create_run(now, thread, &request.body)
            }
            (true, ["threads", thread, "runs", run, "cancel"]) => self.cancel(now, thread, run),
            (false, ["threads", thread, "runs", run, "stream"]) => {
                let last = self.cursor(request, query);
                self.join(now, thread, run, last)
            }
            (false, ["threads", thread, "runs", run]) => self.tell_run(thread, run),
            (false, ["threads", thread, "runs"]) => self.list_runs(thread, query),
            (false, ["threads", thread]) => match self.threads.get_mut(*thread) {
                Some(thread) => {
                    thread.read_at = now;
                    ok(&thread.json(&self.ways))
                }
                None => self.not_found(&format!("Thread with ID {thread}")),
            },
            (false, ["threads", thread, "state"]) => match self.threads.get(*thread) {
                Some(thread) => ok(&thread.state(&self.ways)),
                None => self.not_found(&format!("Thread with ID {thread}")),
            },
            (true, ["threads", thread, "history"]) => match self.threads.get(*thread) {
                Some(thread) => {
                    let limit = request.body["limit"].as_u64().unwrap_or(1);
                    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
                    ok(&thread.history(None, limit, &self.ways))
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

    /// The last event that a join names.
    fn cursor(&mut self, request: &Request, query: &str) -> Option<String> {
        let asked = parameter(query, "last_event_id").filter(|_| self.ways.cursor_in_query);
        if self.kind == Kind::Odd && request.last_event_id.is_none() {
            match (asked, self.ways.replay) {
                (Some(_), _) => self.oddly("odd: cursor in the query"),
                (None, Replay::Place { all: true }) => {
                    self.oddly("odd: replayed whole without a cursor")
                }
                (None, _) => self.oddly("odd: joined live without a cursor"),
            }
        }
        asked
            .map(str::to_owned)
            .or_else(|| request.last_event_id.clone())
    }

    fn tell_run(&mut self, thread: &str, run: &str) -> Reply {
        if let Some(status) = self.ways.odd.run_status {
            self.oddly("odd: run cannot be asked for");
            return plain(status, b"no such route".to_vec());
        }
        if self.runs.get(run).is_some_and(|run| run.is_forgotten) {
            self.oddly("odd: ended run forgotten");
        }
        match self.run_of(thread, run) {
            Some(run) => ok(&run.json()),
            None => self.not_found("Run"),
        }
    }

    fn create_thread(&mut self, now: u64, body: &Value) -> Reply {
        let Some(id) = body["thread_id"].as_str() else {
            return plain(422, b"no thread id".to_vec());
        };
        if !self.threads.contains_key(id) {
            self.oddly("odd: thread made");
            self.make_thread(now, id);
        } else if body["if_exists"] != "do_nothing" {
            return plain(409, b"the thread exists".to_vec());
        }
        ok(&self.threads[id].json(&self.ways))
    }

    fn search_threads(&mut self, body: &Value) -> Reply {
        if !self.ways.odd.finds_threads {
            self.oddly("odd: threads are not searched");
            return plain(404, b"no such route".to_vec());
        }
        let ids = body["ids"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let ids = ids.iter().filter_map(Value::as_str);
        let found = ids.filter_map(|id| self.threads.get(id));
        ok(&found.map(|thread| thread.json(&self.ways)).collect())
    }

    fn make_thread(&mut self, now: u64, id: &str) {
        let thread = Thread {
            id: id.to_owned(),
            status: "idle",
            made_at: now,
            changed_at: now,
            ..Thread::default()
        };
        self.threads.insert(id.to_owned(), thread);
    }

    fn create_run(&mut self, now: u64, thread_id: &str, body: &Value) -> Reply {
        let Some(agent) = body["assistant_id"].as_str().and_then(Agent::from_id) else {
            return plain(self.ways.unknown_agent, b"unknown assistant".to_vec());
        };
        if !self.threads.contains_key(thread_id) {
            if self.ways.odd.threads_are_made {
                self.oddly("odd: thread must be made");
                return self.not_found("Thread");
            }
            if body["if_not_exists"] != "create" {
                return self.not_found("Thread or assistant");
            }
            self.make_thread(now, thread_id);
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
                    self.ways.busy,
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
        let submission = submission_of(thread_id, body).to_owned();
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
            owes_metadata: false,
            is_forgotten: false,
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
            // Odd entries come back by themselves.
            if self.kind == Kind::Odd && (text.is_empty() || is_odd_text(text)) {
                continue;
            }
            // What is submitted again, under the id that it was told under, is the same message.
            let id = self.truth.known_by_text(text).unwrap_or(id);
            // Places of input are counted apart from the graph's nodes.
            self.truth.tell(&id, text, run, 1000 + place);
            if message["type"] == "human" {
                input.push(self.ways.asked(&id, text));
            } else {
                // Answers and tools' results come back where an edit sends what stands before it.
                let mut again = message.clone();
                again["id"] = id.into();
                input.push(again);
            }
        }
        input
    }

    fn join(&mut self, now: u64, thread: &str, run: &str, last_event_id: Option<String>) -> Reply {
        let Some(found) = self.run_of(thread, run) else {
            return match self.ways.unknown_run {
                UnknownRun::NotFound => self.not_found("Run"),
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
            && let Some((status, body)) = self.ways.expired_log
        {
            return plain(status, body.into());
        }
        let conn = self.connect(now, run, last_event_id, false);
        let delay = match self.ways.reads_log_late {
            true if self.rng.chance(50) => self.rng.between(1, 60),
            true => 0,
            false => self.rng.between(0, 3),
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
                has_spoken: false,
            },
        );
        if let Some(ping) = self.ways.ping {
            self.jobs.push(now + ping.every_ms, Job::Ping(conn));
        }
        conn
    }

    fn cancel(&mut self, now: u64, thread: &str, run: &str) -> Reply {
        let Some(found) = self.run_of(thread, run) else {
            return self.not_found("Run");
        };
        if !found.is_active() {
            return plain(self.ways.cancel_over, b"{}".to_vec());
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
            return if self.ways.unknown_thread_has_no_runs {
                ok(&json!([]))
            } else {
                self.not_found("Thread")
            };
        };
        let limit = parameter(query, "limit")
            .and_then(|limit| limit.parse().ok())
            .unwrap_or(10);
        let runs = thread.runs.iter().map(|run| &self.runs[run]);
        let runs = runs
            .filter(|run| !run.is_forgotten)
            .filter(|run| parameter(query, "status").is_none_or(|status| status == run.status))
            .map(Run::json);
        let mut runs: Vec<Value> = runs.collect();
        if self.ways.newest_first {
            runs.reverse();
        }
        runs.truncate(limit);
        ok(&Value::Array(runs))
    }

    fn run_of(&self, thread: &str, run: &str) -> Option<&Run> {
        let run = self.runs.get(run)?;
        (run.thread == thread && !run.is_forgotten).then_some(run)
    }

    fn not_found(&self, what: &str) -> Reply {
        plain(404, self.ways.not_found(what))
    }

    fn stream_headers(&self, thread: &str, run: &str, is_post: bool) -> Vec<(String, String)> {
        let kind = self.ways.content_type.to_owned();
        let mut headers = vec![("content-type".to_owned(), kind)];
        if is_post || self.ways.joins_name_run {
            headers.push((
                "content-location".to_owned(),
                format!("/threads/{thread}/runs/{run}"),
            ));
        }
        headers
    }
}

/// A parameter of a query.
pub(super) fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = query.split('&');
    pairs.find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

fn ok(body: &Value) -> Reply {
    plain(200, body.to_string().into_bytes())
}

fn plain(status: u16, body: Vec<u8>) -> Reply {
    Reply::Plain { status, body }
}
