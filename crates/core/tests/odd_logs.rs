//! Servers that keep a run's events in their own way, behind networks that lose connections: whatever they do, no text has a hole, none
//! is shown twice, none that was shown goes, and in the end everything is there.
//!
//! `REJOIN_FUZZ_SEED` and `REJOIN_FUZZ_CASES` choose which and how many; `REJOIN_FUZZ_LOG` prints what comes and what is shown.

#![allow(clippy::print_stdout)] // For that log.

#[path = "support/cases.rs"]
mod cases;
#[path = "support/odd.rs"]
mod odd;
mod support;

use cases::each_case;
use odd::Chance;
use rejoin_core::{AttemptId, HttpRequest, Input, Method, Millis, TransportError, wire::ThreadId};
use std::collections::BTreeMap;
use support::Bench;

const CASES: u64 = 3_000;

/// How events are named.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Ids {
    Dense,
    Opaque,
    /// Two events in a row share one.
    Shared,
    Huge,
    Words,
    None,
}

/// What becomes of `Last-Event-ID`.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Cursors {
    Honoured,
    /// Only as a query parameter.
    InQuery,
    /// Each join begins with what comes next.
    OnlyLive,
    /// Each join begins with the run's first event.
    AlwaysAll,
}

/// What the thread's values call a message.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Stored {
    Same,
    Other,
    None,
    Number,
}

#[derive(Debug)]
struct Server {
    ids: Ids,
    cursors: Cursors,
    stored: Stored,
    /// Whether each connection begins with the run's `metadata`.
    repeats_metadata: bool,
    /// Whether that says more each time.
    says_the_time: bool,
    heartbeat: &'static str,
    /// What a question for the run is answered with, instead of how it stands.
    run_status: Option<u16>,
    lists_runs: bool,
    names_run_early: bool,
    /// Whether nothing of a stream comes before it ends.
    holds_back: bool,
    /// How often a connection is lost, once in so many events.
    cut_in: usize,
    end: &'static str,
    /// Id, name and data of each event.
    log: Vec<(String, String, String)>,
    /// How many of them have happened.
    happened: usize,
    texts: Vec<String>,
    /// What the submission was marked with.
    mark: String,
}

impl Server {
    fn new(chance: &mut Chance) -> Self {
        let mut server = Self {
            ids: [
                Ids::Dense,
                Ids::Opaque,
                Ids::Shared,
                Ids::Huge,
                Ids::Words,
                Ids::None,
            ][chance.below(6)],
            cursors: [
                Cursors::Honoured,
                Cursors::Honoured,
                Cursors::InQuery,
                Cursors::OnlyLive,
                Cursors::AlwaysAll,
            ][chance.below(5)],
            stored: [Stored::Same, Stored::Other, Stored::None, Stored::Number][chance.below(4)],
            repeats_metadata: chance.one_in(3),
            says_the_time: chance.one_in(3),
            heartbeat: chance.pick(&[
                "",
                ": \n\n",
                "event: ping\ndata: 2026\n\n",
                "event: heartbeat\n\n",
                "data\n\n",
                ":\r\r",
            ]),
            run_status: [None, None, None, Some(404), Some(405), Some(500)][chance.below(6)],
            lists_runs: !chance.one_in(4),
            names_run_early: !chance.one_in(4),
            holds_back: chance.one_in(8),
            cut_in: [4, 12, 40][chance.below(3)],
            end: chance.pick(&["\n", "\r\n", "\r"]),
            log: Vec::new(),
            happened: 0,
            texts: Vec::new(),
            mark: String::new(),
        };
        // Else nothing could tell which run it is.
        server.lists_runs |= !server.names_run_early || server.holds_back;
        if server.cursors != Cursors::Honoured && server.run_status == Some(500) {
            // Nothing would say that the run is over, or only what takes very long each time.
            server.run_status = None;
        }
        if server.ids == Ids::None && matches!(server.cursors, Cursors::OnlyLive | Cursors::InQuery)
        {
            // Before anything of the run was had, this server's stream looks as one from the start does.
            server.repeats_metadata = false;
        }
        server.write_log(chance);
        server
    }

    fn write_log(&mut self, chance: &mut Chance) {
        let mut events = vec![(
            "metadata".to_owned(),
            r#"{"run_id":"r","attempt":1}"#.to_owned(),
        )];
        let messages = 1 + chance.below(3);
        for number in 0..messages {
            let mut text = String::new();
            for word in 0..1 + chance.below(6) {
                let token = format!("{number}.{word} ");
                events.push(("messages".to_owned(), format!(r#"[{{"type":"AIMessageChunk","id":"m{number}","content":"{token}"}},{{"langgraph_step":{number}}}]"#)));
                text += &token;
                if chance.one_in(6) {
                    events.push(("custom".to_owned(), "1".to_owned()));
                }
            }
            self.texts.push(text);
            events.push(("values".to_owned(), self.values()));
        }
        for (at, (name, data)) in events.into_iter().enumerate() {
            let id = match self.ids {
                Ids::Dense => at.to_string(),
                Ids::Opaque => format!("{}-0", 17 + at * at),
                Ids::Shared => format!("{}-0", 17 + at / 2),
                Ids::Huge => (u64::MAX - 40 + at as u64).to_string(),
                Ids::Words => format!("event {at} é"),
                Ids::None => String::new(),
            };
            self.log.push((id, name, data));
        }
    }

    /// The thread's values after the messages so far.
    fn values(&self) -> String {
        let mut messages = vec![r#"{"type":"human","id":"h","content":"hi"}"#.to_owned()];
        for (number, text) in self.texts.iter().enumerate() {
            let id = match self.stored {
                Stored::Same => format!("\"m{number}\""),
                Stored::Other => format!("\"srv-{number}\""),
                Stored::None => "null".to_owned(),
                Stored::Number => (100 + number).to_string(),
            };
            messages.push(format!(r#"{{"type":"ai","id":{id},"content":"{text}"}}"#));
        }
        format!(r#"{{"messages":[{}]}}"#, messages.join(","))
    }

    fn is_over(&self) -> bool {
        self.happened == self.log.len()
    }

    /// The thread's values as far as they have happened.
    fn values_now(&self) -> String {
        let values = self.log[..self.happened]
            .iter()
            .rev()
            .find(|(_, name, _)| name == "values");
        values.map_or_else(
            || r#"{"messages":[{"type":"human","id":"h","content":"hi"}]}"#.to_owned(),
            |(_, _, data)| data.clone(),
        )
    }

    /// The first event that a request is sent.
    fn begins_at(&self, request: &HttpRequest) -> usize {
        if request.method == Method::Post {
            return 0;
        }
        let header = Bench::header(request, "last-event-id");
        let query = request
            .url
            .split("last_event_id=")
            .nth(1)
            .map(|text| text.replace("%20", " ").replace("%C3%A9", "é"));
        let cursor = match self.cursors {
            Cursors::Honoured => header,
            Cursors::InQuery => query,
            Cursors::OnlyLive => None,
            Cursors::AlwaysAll => Some("-1".to_owned()),
        };
        match cursor.as_deref() {
            None => self.happened,
            Some("-1") => 0,
            Some(id) => {
                let after = self.log.iter().rposition(|event| event.0 == id);
                after.map_or(self.happened, |at| at + 1)
            }
        }
    }

    fn frame(&self, at: usize) -> String {
        let (id, name, data) = &self.log[at];
        let (end, id_line) = (
            self.end,
            if id.is_empty() {
                String::new()
            } else {
                format!("id: {id}{}", self.end)
            },
        );
        format!("{id_line}event: {name}{end}data: {data}{end}{end}")
    }
}

struct World {
    bench: Bench,
    server: Server,
    /// Where each open stream stands; absent until its headers were sent.
    streams: BTreeMap<AttemptId, usize>,
    requests: usize,
    longest: BTreeMap<String, usize>,
}

impl World {
    fn check(&mut self) {
        let mut begun = Vec::new();
        let mut questions = 0;
        for slot in self.bench.client.view().messages() {
            let text = slot.message.content.text().into_owned();
            if slot.message.kind.as_str() == "human" {
                questions += 1;
                continue;
            }
            let whole = self
                .server
                .texts
                .iter()
                .find(|whole| whole.starts_with(text.as_str()));
            assert!(whole.is_some(), "a hole: {text:?}");
            let Some(first) = text.split(' ').next().filter(|first| !first.is_empty()) else {
                continue;
            };
            assert!(
                !begun.contains(&first.to_owned()),
                "{first:?} is shown twice"
            );
            begun.push(first.to_owned());
            let longest = self.longest.entry(first.to_owned()).or_default();
            assert!(text.len() >= *longest, "{text:?} has lost something");
            *longest = text.len();
        }
        assert!(questions <= 1, "the question is shown {questions} times");
        for first in self.longest.keys() {
            assert!(begun.contains(first), "the message {first:?} is gone");
        }
    }

    fn feed(&mut self, input: Input) {
        if std::env::var("REJOIN_FUZZ_LOG").is_ok() {
            match &input {
                Input::ChunkArrived { bytes, attempt } => println!(
                    "{} {attempt:?} {:?}",
                    self.bench.now,
                    String::from_utf8_lossy(bytes)
                ),
                Input::ResponseArrived {
                    body,
                    attempt,
                    status,
                    ..
                } => println!(
                    "{} {attempt:?} {status} {:?}",
                    self.bench.now,
                    String::from_utf8_lossy(body)
                ),
                other => println!("{} {other:?}", self.bench.now),
            }
        }
        self.bench.feed(input);
        if std::env::var("REJOIN_FUZZ_LOG").is_ok() {
            let view = self.bench.client.view();
            let shown: Vec<_> = view
                .messages()
                .iter()
                .map(|slot| (slot.id().as_str(), slot.message.content.text()))
                .collect();
            println!(
                "    {} {shown:?} {:?}",
                view.connection().as_str(),
                self.bench
                    .open
                    .iter()
                    .map(|(attempt, request)| (
                        attempt.0,
                        request.url.trim_start_matches("http://server/threads/t"),
                        Bench::header(request, "last-event-id")
                    ))
                    .collect::<Vec<_>>()
            );
        }
        self.check();
    }

    fn bytes(&mut self, attempt: AttemptId, bytes: &[u8], chance: &mut Chance) {
        let at = chance.below(bytes.len() + 1);
        for part in [&bytes[..at], &bytes[at..]] {
            if !part.is_empty() && self.is_open(attempt) {
                self.feed(Input::ChunkArrived {
                    attempt,
                    bytes: part.to_vec(),
                });
            }
        }
    }

    fn is_open(&self, attempt: AttemptId) -> bool {
        self.bench.open.iter().any(|(open, _)| *open == attempt)
    }

    fn close(&mut self, attempt: AttemptId, cut: bool) {
        self.bench.open.retain(|(open, _)| *open != attempt);
        self.streams.remove(&attempt);
        self.feed(match cut {
            true => Input::RequestFailed {
                attempt,
                error: TransportError::Network {
                    message: "cut".to_owned(),
                },
            },
            false => Input::BodyEnded { attempt },
        });
    }

    /// Lets the server do what it does with one open request.
    fn serve(&mut self, attempt: AttemptId, request: &HttpRequest, chance: &mut Chance) {
        let path = request.url.split('?').next().unwrap_or_default().to_owned();
        if path.ends_with("/stream") {
            return self.stream(attempt, request, chance);
        }
        self.requests += 1;
        self.bench.open.retain(|(open, _)| *open != attempt);
        if chance.one_in(self.server.cut_in * 2) {
            return self.feed(Input::RequestFailed {
                attempt,
                error: TransportError::Network {
                    message: "lost".to_owned(),
                },
            });
        }
        let word = if self.server.is_over() {
            "success"
        } else {
            "running"
        };
        let mark = &self.server.mark;
        let run = format!(
            r#"{{"run_id":"r","thread_id":"t","status":"{word}","metadata":{{"rejoin_submission":"{mark}"}}}}"#
        );
        let (status, body) = if path.ends_with("/state") {
            let next = if self.server.is_over() {
                "[]"
            } else {
                r#"["agent"]"#
            };
            (
                200,
                format!(
                    r#"{{"values":{},"next":{next},"tasks":[],"checkpoint":{{"checkpoint_id":"c{}"}}}}"#,
                    self.server.values_now(),
                    self.server.happened
                ),
            )
        } else if path.ends_with("/runs") {
            match self.server.lists_runs {
                true if self.server.happened == 0 => (200, "[]".to_owned()),
                true => (200, format!("[{run}]")),
                false => (404, String::new()),
            }
        } else if path.ends_with("/runs/r") {
            (self.server.run_status.unwrap_or(200), run)
        } else {
            let runs = self.server.happened > 0 && !self.server.is_over();
            let word = if runs { "busy" } else { "idle" };
            (
                200,
                format!(
                    r#"{{"thread_id":"t","status":"{word}","values":{}}}"#,
                    self.server.values_now()
                ),
            )
        };
        self.feed(Input::ResponseArrived {
            attempt,
            status,
            headers: Vec::new(),
            body: body.into_bytes(),
        });
    }

    fn stream(&mut self, attempt: AttemptId, request: &HttpRequest, chance: &mut Chance) {
        let Some(at) = self.streams.get(&attempt).copied() else {
            if request.method == Method::Post && self.server.happened == 0 {
                self.server.happened = 1;
                let body = request.body.as_ref().map_or("", |body| body.text());
                let mark = body.split(r#""rejoin_submission":""#).nth(1);
                self.server.mark = mark
                    .and_then(|rest| rest.split('"').next())
                    .unwrap_or_default()
                    .to_owned();
            }
            if self.server.holds_back && !self.server.is_over() {
                return;
            }
            self.requests += 1;
            let mut headers = vec![("content-type".to_owned(), "text/event-stream".to_owned())];
            if self.server.names_run_early {
                headers.push((
                    "content-location".to_owned(),
                    "/threads/t/runs/r".to_owned(),
                ));
            }
            let begins_at = self.server.begins_at(request);
            self.streams.insert(attempt, begins_at);
            self.feed(Input::HeadersArrived {
                attempt,
                status: 200,
                headers,
            });
            if self.server.repeats_metadata && begins_at > 0 {
                let now = match self.server.says_the_time {
                    true => format!(r#","sent_at":{}"#, self.bench.now),
                    false => String::new(),
                };
                let text =
                    format!("event: metadata\ndata: {{\"run_id\":\"r\",\"attempt\":1{now}}}\n\n");
                self.bytes(attempt, text.as_bytes(), chance);
            }
            return;
        };
        if !self.server.heartbeat.is_empty() && chance.one_in(5) {
            let heartbeat = self.server.heartbeat.as_bytes();
            self.bytes(attempt, heartbeat, chance);
        }
        if chance.one_in(self.server.cut_in) {
            // Of a server that does not tell how a run is, a clean end is the run's.
            let may_be_clean = matches!(self.server.run_status, None | Some(500));
            let is_clean = may_be_clean && chance.one_in(3);
            return self.close(attempt, !is_clean);
        }
        if at < self.server.happened {
            self.streams.insert(attempt, at + 1);
            let frame = self.server.frame(at);
            self.bytes(attempt, frame.as_bytes(), chance);
        } else if self.server.is_over() {
            self.close(attempt, false);
        }
    }
}

#[test]
fn no_log_and_no_network_makes_a_hole_or_a_double() {
    each_case(CASES, |seed| {
        let chance = &mut Chance(seed);
        let server = Server::new(chance);
        let mut bench = Bench::new();
        bench.feed(Input::PageOpened {
            wall_clock: Millis(1_001_000),
        });
        bench.feed(Input::ThreadSwitched {
            thread_id: Some(ThreadId::from("t")),
        });
        bench.answer("/state", 200, "null");
        bench.answer("/threads/t", 200, r#"{"thread_id":"t","status":"idle"}"#);
        bench.submit("hi");
        let mut world = World {
            bench,
            server,
            streams: BTreeMap::new(),
            requests: 0,
            longest: BTreeMap::new(),
        };
        let mut posts = 0;
        let mut counted = Vec::new();
        for step in 0..4_000 {
            if !world.bench.client.view().is_loading()
                && !world.bench.client.view().is_thread_loading()
            {
                break;
            }
            assert!(
                step < 3_999,
                "it does not end: {:#?} {:?} {:?}",
                world.server,
                world.bench.client.view().status(),
                world.bench.open
            );
            for (attempt, request) in &world.bench.open {
                if request.method == Method::Post
                    && request.url.ends_with("/runs/stream")
                    && !counted.contains(attempt)
                {
                    counted.push(*attempt);
                    posts += 1;
                }
            }
            let begun = world.server.happened > 0;
            if step == 2_000 {
                // From here on all is well.
                world.server.cut_in = usize::MAX / 4;
                world.feed(Input::WentOnline);
                world.feed(Input::BecameVisible);
            }
            match chance.below(12) {
                0..5 if begun && !world.server.is_over() => world.server.happened += 1,
                5 if step < 2_000 && chance.one_in(3) => {
                    let input = [
                        Input::BecameHidden,
                        Input::BecameVisible,
                        Input::WentOffline,
                        Input::WentOnline,
                        Input::Thawed,
                        Input::Focused,
                    ][chance.below(6)]
                    .clone();
                    world.feed(input);
                }
                6 => {
                    // A join that is silent so long is asked for, and where that cannot be it has expired.
                    let may_be_long = matches!(world.server.run_status, None | Some(500));
                    let millis =
                        [10, 300, 2_000, if may_be_long { 12_000 } else { 0 }][chance.below(4)];
                    world.bench.pass(millis);
                    world.check();
                }
                _ if world.bench.open.is_empty() => {
                    world.bench.pass(1_000);
                    world.check();
                }
                _ => {
                    let at = chance.below(world.bench.open.len());
                    let (attempt, request) = world.bench.open[at].clone();
                    world.serve(attempt, &request, chance);
                }
            }
        }
        let shown: Vec<String> = world
            .bench
            .client
            .view()
            .messages()
            .iter()
            .map(|slot| slot.message.content.text().into_owned())
            .collect();
        let mut whole = vec!["hi".to_owned()];
        whole.extend(world.server.texts.iter().cloned());
        assert!(posts <= 5, "posted {posts} times");
        if world.server.happened == 0 {
            let error = world.bench.error_code();
            assert_eq!(
                error,
                Some("submission_unconfirmed"),
                "it never arrived, and nothing tells"
            );
        } else if world.server.is_over() {
            assert_eq!(shown, whole, "{:#?}", world.server);
        } else {
            panic!(
                "given up while it runs: {:?} {:?} {:#?}",
                world.bench.client.view().status(),
                world.bench.outcome(),
                world.server
            );
        }
        assert!(world.requests < 600, "{} requests", world.requests);
    });
}
