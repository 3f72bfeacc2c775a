//! A server: its threads and runs on the virtual clock, behind its API.

pub(crate) mod agent;
pub(crate) mod behaviour;
pub(crate) mod checkpoints;
pub(crate) mod odd;
mod rest;
mod restart;
pub(crate) mod thread;

pub(crate) use behaviour::{Kind, Restart, Ways};
pub(crate) use rest::{Reply, Request};

use crate::{queue::Queue, report::Report, rng::Rng, truth::Truth};
use agent::{Op, Piece};
use behaviour::{EventIds, Logged};
use odd::{Ids, Metadata, TWO_HALVES};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use thread::{Run, Thread};

/// The server's wall clock when the virtual clock shows zero.
pub(crate) const WALL_BASE_MS: u64 = 1_795_226_380_000;
/// Pings between events come after each so many of them.
const EVENTS_PER_PING: usize = 4;
/// `metadata` that is repeated comes with each so many events.
const EVENTS_PER_METADATA: usize = 5;

/// Names a connection.
pub(crate) type ConnId = u64;

/// What a server does to a connection.
#[derive(Debug)]
pub(crate) enum Out {
    /// Sends.
    Bytes(ConnId, Vec<u8>),
    /// Ends the body properly; behind all that this run, which is over, has said.
    End(ConnId, Option<String>),
    /// Breaks off.
    Broken(ConnId),
}

#[derive(Debug)]
enum Job {
    Start(String, u32),
    Step(String, u32),
    Replay(ConnId),
    Ping(ConnId),
    Close(ConnId),
    NotFound(ConnId, &'static str),
    Cancel(String, u32),
    ExpireLog(String),
    Forget(String),
}

#[derive(Debug)]
struct Conn {
    run: String,
    last_event_id: Option<String>,
    queue_from: usize,
    is_live: bool,
    /// Whether an event was sent on it.
    has_spoken: bool,
}

/// A server.
pub(crate) struct Server {
    /// Which.
    pub kind: Kind,
    /// Its threads.
    pub threads: BTreeMap<String, Thread>,
    /// Its runs.
    pub runs: BTreeMap<String, Run>,
    /// What it does to connections, to be taken by the network.
    pub out: Vec<Out>,
    /// What each message really says.
    pub truth: Truth,
    /// The runs that each submission became, unless the server lost them.
    pub posts: BTreeMap<String, Vec<String>>,
    /// Whether nothing answers.
    pub is_down: bool,
    /// How long after its end a run's events are kept, in milliseconds.
    pub log_ttl_ms: Option<u64>,
    /// When a run was last over.
    pub run_over_at: u64,
    /// When the server last lost something.
    pub lost_at: Option<u64>,
    /// When a thread's state was last read.
    pub state_read_at: u64,
    /// What of its oddities has shown.
    pub met: Report,
    ways: Ways,
    conns: BTreeMap<ConnId, Conn>,
    jobs: Queue<Job>,
    serial: u64,
    rng: Rng,
}

impl Server {
    /// A server without threads.
    pub(crate) fn new(kind: Kind, ways: Ways, log_ttl_ms: Option<u64>, rng: Rng) -> Self {
        Self {
            kind,
            threads: BTreeMap::new(),
            runs: BTreeMap::new(),
            out: Vec::new(),
            truth: Truth::default(),
            posts: BTreeMap::new(),
            is_down: false,
            log_ttl_ms,
            run_over_at: 0,
            lost_at: None,
            state_read_at: 0,
            met: Report::default(),
            ways,
            conns: BTreeMap::new(),
            jobs: Queue::default(),
            serial: 0,
            rng,
        }
    }

    /// When it next does something.
    pub(crate) fn next_at(&self) -> Option<u64> {
        self.jobs.next_at()
    }

    /// Does what is due.
    pub(crate) fn advance(&mut self, now: u64) {
        while let Some(job) = self.jobs.pop_due(now) {
            self.work(now, job);
        }
    }

    /// A reader has gone.
    pub(crate) fn drop_conn(&mut self, conn: ConnId) {
        self.conns.remove(&conn);
    }

    /// The ways in which it differs.
    pub(crate) fn ways(&self) -> &Ways {
        &self.ways
    }

    /// Whether a thread has a run of which more may come by itself.
    pub(crate) fn is_busy(&self, thread: &str) -> bool {
        let runs = self
            .threads
            .get(thread)
            .map_or(&[][..], |thread| &thread.runs);
        runs.iter()
            .any(|run| self.runs[run].is_active() && !self.waits_for_ever(run))
    }

    /// Whether a run says that it is active and never will do anything again.
    pub(crate) fn waits_for_ever(&self, run: &str) -> bool {
        let Some(run) = self.runs.get(run) else {
            return false;
        };
        let Some(thread) = self.threads.get(&run.thread) else {
            return false;
        };
        run.is_stuck
            || (run.status == "pending"
                && thread.runs.iter().any(|other| self.runs[other].is_stuck))
    }

    fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    fn work(&mut self, now: u64, job: Job) {
        match job {
            Job::Start(run, epoch) => {
                if self
                    .runs
                    .get(&run)
                    .is_some_and(|run| run.epoch == epoch && run.status == "pending")
                {
                    self.start(now, &run);
                }
            }
            Job::Step(run, epoch) => {
                if self
                    .runs
                    .get(&run)
                    .is_some_and(|run| run.epoch == epoch && run.status == "running")
                {
                    self.step(now, &run);
                }
            }
            Job::Replay(conn) => self.replay(now, conn),
            Job::Ping(conn) => {
                if let (Some(ping), true) = (self.ways.ping, self.conns.contains_key(&conn)) {
                    self.ping(conn);
                    self.jobs.push(now + ping.every_ms, Job::Ping(conn));
                }
            }
            Job::Close(conn) => {
                if let Some(gone) = self.conns.remove(&conn) {
                    let is_over = |run: &Run| !run.is_active();
                    let is_over = gone.has_spoken && self.runs.get(&gone.run).is_some_and(is_over);
                    self.out.push(Out::End(conn, is_over.then_some(gone.run)));
                }
            }
            Job::NotFound(conn, data) => {
                let logged = Logged {
                    name: "error",
                    data: data.to_owned(),
                    id: None,
                };
                self.send(conn, &logged);
                self.jobs.push(now, Job::Close(conn));
            }
            Job::Cancel(run, epoch) => {
                if self
                    .runs
                    .get(&run)
                    .is_some_and(|run| run.epoch == epoch && run.is_active())
                {
                    self.cancelled(now, &run);
                }
            }
            Job::ExpireLog(run) => {
                if let Some(run) = self.runs.get_mut(&run).filter(|run| !run.is_active()) {
                    run.log_expired = true;
                    run.log.clear();
                }
            }
            Job::Forget(run) => {
                if let Some(run) = self.runs.get_mut(&run).filter(|run| !run.is_active()) {
                    run.is_forgotten = true;
                }
            }
        }
    }

    /// Something of its oddities has shown.
    fn oddly(&mut self, name: &'static str) {
        self.met.count(name);
    }

    fn ping(&mut self, conn: ConnId) {
        if let Some(ping) = &self.ways.ping {
            if self.kind == Kind::Odd {
                self.met.count(ping.name());
            }
            self.out.push(Out::Bytes(conn, ping.frame.into()));
        }
    }

    /// Plans the start of the run that has waited longest, if none runs.
    fn start_next(&mut self, now: u64, thread: &str) {
        let Some(thread) = self.threads.get(thread) else {
            return;
        };
        if thread
            .runs
            .iter()
            .any(|run| self.runs[run].status == "running" || self.runs[run].is_starting)
        {
            return;
        }
        let Some(id) = thread
            .runs
            .iter()
            .find(|run| self.runs[*run].status == "pending")
            .cloned()
        else {
            return;
        };
        let delay = self.rng.between(0, self.ways.start_delay_ms);
        let run = self.runs.get_mut(&id).expect("listed on its thread");
        run.is_starting = true;
        self.jobs.push(now + delay, Job::Start(id, run.epoch));
    }

    fn start(&mut self, now: u64, id: &str) {
        let run = self.runs.get_mut(id).expect("checked by the caller");
        run.status = "running";
        run.is_starting = false;
        let first = !std::mem::replace(&mut run.has_begun, true);
        let thread = self
            .threads
            .get_mut(&run.thread)
            .expect("a run has a thread");
        thread.status = "busy";
        thread.error = Value::Null;
        thread.changed_at = now;
        let thread_id = run.thread.clone();
        if first {
            if !self.go_back(id) {
                return self.fail(now, id, "the checkpoint is not known");
            }
            self.apply_input(id);
        }
        match self.ways.odd.metadata {
            Metadata::First | Metadata::Repeated => self.publish_metadata(now, id),
            Metadata::Late => {
                self.runs.get_mut(id).expect("it starts").owes_metadata = true;
            }
            Metadata::Never => self.oddly("odd: no metadata"),
        }
        let values = self.values(&thread_id);
        self.publish(now, id, "values", values);
        self.enter_node(now, id);
    }

    /// A thread's values as they are told.
    fn values(&mut self, thread: &str) -> Value {
        let thread = &self.threads[thread];
        let values = thread.values(&self.ways);
        let has_odd_entry = self.ways.odd.entries_from.is_some();
        match self.ways.odd.ids {
            Ids::Kept => {}
            Ids::Own => self.oddly("odd: ids own"),
            Ids::None => self.oddly("odd: ids none"),
            Ids::Numeric => self.oddly("odd: ids numeric"),
        }
        if has_odd_entry {
            self.oddly("odd: odd entry");
        }
        values
    }

    fn publish_metadata(&mut self, now: u64, id: &str) {
        let metadata = json!({ "run_id": id, "attempt": 1 });
        self.publish(now, id, "metadata", metadata);
    }

    /// What comes between a run's own events.
    fn publish_oddities(&mut self, now: u64, id: &str) {
        let run = self.runs.get_mut(id).expect("checked by the caller");
        let repeats = self.ways.odd.metadata == Metadata::Repeated
            && run.log.len().is_multiple_of(EVENTS_PER_METADATA);
        if std::mem::take(&mut run.owes_metadata) {
            self.oddly("odd: late metadata");
            self.publish_metadata(now, id);
        } else if repeats {
            self.oddly("odd: repeated metadata");
            self.publish_metadata(now, id);
        }
    }

    fn enter_node(&mut self, now: u64, id: &str) {
        let serial = self.next_serial();
        if let Some((name, data)) = self.ways.odd.event(serial) {
            self.oddly("odd: odd event");
            self.publish_text(now, id, name, data.to_owned());
        }
        let message_id = self.ways.message_id(serial);
        let run = self.runs.get_mut(id).expect("checked by the caller");
        let seen = self.threads[&run.thread].seen();
        // The odd server's messages are known by how they begin, as their ids say little.
        let mark = (self.kind == Kind::Odd).then(|| format!("m{serial} {TWO_HALVES} "));
        let (ops, text) = agent::node(
            (run.agent, run.node),
            run.knobs,
            &seen,
            format!("call-{serial}"),
            mark.as_deref(),
            &mut self.rng,
        );
        let speaks = ops
            .iter()
            .any(|(_, op)| matches!(op, Op::Piece(_) | Op::Say(..)));
        run.ops = ops.into();
        run.message = speaks.then(|| (message_id.clone(), String::new()));
        if speaks {
            self.truth.tell(&message_id, &text, id, run.node);
        }
        self.plan_step(now, id);
    }

    fn plan_step(&mut self, now: u64, id: &str) {
        let run = &self.runs[id];
        if let Some((wait_ms, _)) = run.ops.front() {
            self.jobs
                .push(now + wait_ms, Job::Step(id.to_owned(), run.epoch));
        }
    }

    fn step(&mut self, now: u64, id: &str) {
        let run = self.runs.get_mut(id).expect("checked by the caller");
        let Some((_, op)) = run.ops.pop_front() else {
            return;
        };
        match op {
            Op::Piece(piece) => self.say_piece(now, id, &piece),
            Op::Say(said, told) => {
                let (message_id, _) = run
                    .message
                    .take()
                    .expect("a node that speaks has a message");
                let mut message = self.ways.said(&message_id, &said);
                if self.ways.odd.tool_calls && said.kind == "ai" && said.call_id.is_some() {
                    self.ways.odd.add_tool_calls(&mut message);
                    self.met.count("odd: odd tool call");
                }
                let thread = self
                    .threads
                    .get_mut(&run.thread)
                    .expect("a run has a thread");
                thread.put(message.clone());
                thread.store("loop", run.node + 1);
                if told {
                    message["id"] = self.ways.odd.streamed_id(&message_id);
                    let node = json!({ "run_id": id, "langgraph_node": "node" });
                    self.publish(now, id, "messages", json!([message, node]));
                }
            }
            Op::NextNode => {
                run.node += 1;
                let thread = self
                    .threads
                    .get_mut(&run.thread)
                    .expect("a run has a thread");
                if thread.node != run.node {
                    thread.store("loop", run.node);
                }
                let thread = run.thread.clone();
                let values = self.values(&thread);
                self.publish(now, id, "values", values);
                self.publish_oddities(now, id);
                return self.enter_node(now, id);
            }
            Op::Ask => return self.ask(now, id),
            Op::Fail(message) => return self.fail(now, id, &message),
            Op::Finish => {
                let thread = run.thread.clone();
                self.threads
                    .get_mut(&thread)
                    .expect("a run has a thread")
                    .status = "idle";
                return self.over(now, id, "success");
            }
        }
        self.plan_step(now, id);
    }

    fn say_piece(&mut self, now: u64, id: &str, piece: &Piece) {
        if piece.is_last && !self.ways.closing_piece {
            return;
        }
        let run = self.runs.get_mut(id).expect("checked by the caller");
        let (message_id, so_far) = run
            .message
            .as_mut()
            .expect("a node that speaks has a message");
        so_far.push_str(&piece.text);
        let mut message = self.ways.piece(message_id, piece);
        if self.kind == Kind::Odd {
            message["id"] = self.ways.odd.streamed_id(message_id);
            if self.ways.odd.streams_own_ids {
                self.met.count("odd: streamed under another id");
            }
        }
        let data = json!([message, { "run_id": id, "langgraph_node": "model" }]).to_string();
        if let Some(halves) = self.ways.odd.split(&data) {
            self.oddly("odd: half a character");
            for half in halves {
                self.publish_text(now, id, "messages", half);
            }
        } else {
            self.publish_text(now, id, "messages", data);
        }
        self.publish_oddities(now, id);
    }

    fn ask(&mut self, now: u64, id: &str) {
        let serial = self.next_serial();
        let run = &self.runs[id];
        let thread = self
            .threads
            .get_mut(&run.thread)
            .expect("a run has a thread");
        let draft: String = thread.seen().last_text.chars().take(40).collect();
        let value = json!({ "question": "Send this draft?", "draft": draft });
        thread.interrupts = vec![json!({ "id": format!("interrupt-{serial}"), "value": value })];
        thread.status = "interrupted";
        let asked = self.ways.odd.tell_interrupts(&thread.interrupts);
        if asked.len() > 1 {
            self.met.count("odd: odd interrupt");
        }
        let values = thread.values(&self.ways);
        let values = self.ways.interrupt_values(values, Value::Array(asked));
        self.publish(now, id, "values", values);
        self.over(now, id, "success");
    }

    fn fail(&mut self, now: u64, id: &str, message: &str) {
        let error = json!({ "error": self.ways.error_name, "message": message });
        self.publish(now, id, "error", error.clone());
        let thread = self
            .threads
            .get_mut(&self.runs[id].thread)
            .expect("a run has a thread");
        thread.status = "error";
        thread.error = error;
        self.over(now, id, "error");
    }

    fn cancelled(&mut self, now: u64, id: &str) {
        let run = &self.runs[id];
        if run.status == "running" {
            let (status, error) = self.ways.cancelled_thread();
            let thread = self
                .threads
                .get_mut(&run.thread)
                .expect("a run has a thread");
            thread.status = status;
            thread.error = error;
        }
        self.over(now, id, "interrupted");
    }

    fn over(&mut self, now: u64, id: &str, status: &'static str) {
        let run = self.runs.get_mut(id).expect("checked by the caller");
        run.status = status;
        run.epoch += 1;
        run.is_starting = false;
        run.is_stuck = false;
        run.ops.clear();
        let thread = run.thread.clone();
        self.run_over_at = now;
        self.threads
            .get_mut(&thread)
            .expect("a run has a thread")
            .changed_at = now;
        let delay = self.ways.eof_delay_ms;
        for (conn, _) in self
            .conns
            .iter()
            .filter(|(_, conn)| conn.run == id && conn.is_live)
        {
            self.jobs.push(now + delay, Job::Close(*conn));
        }
        if let Some(ttl) = self.log_ttl_ms {
            self.jobs.push(now + ttl, Job::ExpireLog(id.to_owned()));
        }
        if let Some(after) = self.ways.odd.forgets_runs_after_ms {
            self.jobs.push(now + after, Job::Forget(id.to_owned()));
        }
        self.start_next(now, &thread);
    }

    fn publish(&mut self, now: u64, id: &str, name: &'static str, data: Value) {
        self.publish_text(now, id, name, data.to_string());
    }

    fn publish_text(&mut self, now: u64, id: &str, name: &'static str, data: String) {
        let run = self.runs.get_mut(id).expect("checked by the caller");
        let event_id = self.ways.event_id(run.log.len(), WALL_BASE_MS + now, name);
        let logged = Logged {
            name,
            data,
            id: event_id,
        };
        run.log.push(logged.clone());
        let pings = self.ways.ping.is_some_and(|ping| ping.between_events)
            && run.log.len().is_multiple_of(EVENTS_PER_PING);
        match self.ways.event_ids {
            EventIds::Dense | EventIds::Millis => {}
            EventIds::Opaque => self.oddly("odd: events with opaque ids"),
            EventIds::None => self.oddly("odd: events without ids"),
        }
        let live: Vec<ConnId> = self
            .conns
            .iter()
            .filter(|(_, conn)| conn.run == id && conn.is_live)
            .map(|(id, _)| *id)
            .collect();
        for conn in live {
            self.send(conn, &logged);
            if pings {
                self.oddly("odd: ping between events");
                self.ping(conn);
            }
        }
    }

    fn send(&mut self, conn: ConnId, logged: &Logged) {
        let end = self.ways.line_end;
        let mut frame = format!("event: {}{end}data: {}{end}", logged.name, logged.data);
        if let Some(id) = &logged.id {
            frame.push_str("id: ");
            frame.push_str(id);
            frame.push_str(end);
        }
        frame.push_str(end);
        if let Some(conn) = self.conns.get_mut(&conn) {
            conn.has_spoken = true;
        }
        self.out.push(Out::Bytes(conn, frame.into_bytes()));
    }

    fn replay(&mut self, now: u64, conn_id: ConnId) {
        let Some(conn) = self.conns.get_mut(&conn_id) else {
            return;
        };
        let Some(run) = self.runs.get(&conn.run) else {
            return;
        };
        if run.is_stuck {
            return;
        }
        conn.is_live = true;
        let events = self
            .ways
            .replayed(&run.log, conn.last_event_id.as_deref(), conn.queue_from);
        let events: Vec<Logged> = events.into_iter().map(|at| run.log[at].clone()).collect();
        let over = !run.is_active();
        for event in events {
            self.send(conn_id, &event);
        }
        if over {
            self.jobs
                .push(now + self.ways.eof_delay_ms, Job::Close(conn_id));
        }
    }
}
