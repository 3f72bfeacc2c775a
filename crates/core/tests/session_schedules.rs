//! Random schedules: a session's server, with the real reducer and a log that is trimmed, deleted and begun anew, over a
//! connection that is cut anywhere. Whatever happens, every text shown is one that the log held, none goes back, and in
//! the end the view holds what the log holds.

#![allow(clippy::unwrap_used)] // A panic is how a test fails.

#[path = "support/session.rs"]
mod session;
mod support;

use rejoin_core::{
    AttemptId, CommandId, HttpRequest, Input, SessionInput,
    wire::{
        MessageId,
        json::ToJson,
        message::{Content, Message, MessageKind},
        session::{
            AttachMode, Attached, Change, Cursor, EndStatus, Epoch, NodeStatus, Page, Record,
            SnapshotReason, Transcript,
        },
    },
};
use std::collections::BTreeMap;
use support::Bench;

const LIMIT: usize = 4;

/// Chance, from a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap()
    }
}

#[derive(Default)]
struct Server {
    epoch: u64,
    records: Vec<Record>,
    trimmed: usize,
    sum: Transcript,
    named: u64,
    /// Every text that each message has had, in order.
    texts: BTreeMap<String, Vec<String>>,
    connection: Option<Connection>,
    /// Answers to pages that were asked for: made, not delivered.
    pages: Vec<(AttemptId, String)>,
}

struct Connection {
    attempt: AttemptId,
    /// What was sent and has not arrived.
    bytes: Vec<u8>,
}

impl Server {
    fn cursor(&self) -> Cursor {
        Cursor {
            epoch: Epoch(self.epoch),
            seq: self.sum.seq(),
        }
    }

    fn say(&mut self, event: &str, id: &str, data: &str) {
        if let Some(connection) = &mut self.connection {
            let text = format!("event: {event}\nid: {id}\ndata: {data}\n\n");
            connection.bytes.extend(text.bytes());
        }
    }

    fn push(&mut self, change: Change) {
        let seq = self.sum.seq() + 1;
        let record = Record { seq, change };
        self.sum.apply(record.clone()).expect("the model is right");
        for node in self.sum.nodes() {
            let text = node.message.content.text().into_owned();
            let texts = self.texts.entry(node.id().to_string()).or_default();
            if texts.last() != Some(&text) {
                texts.push(text);
            }
        }
        let cursor = self.cursor().to_string();
        self.say("record", &cursor, &record.to_json());
        self.records.push(record);
    }

    fn change(&mut self, dice: &mut Dice) {
        let open = |node: &&rejoin_core::wire::session::Node| node.status == NodeStatus::Streaming;
        let streaming: Vec<_> = self.sum.nodes().iter().filter(open).cloned().collect();
        let message = |id: &MessageId, text: &str| Message {
            id: Some(id.clone()),
            kind: MessageKind::Ai,
            content: Content::Text(text.to_owned()),
            ..Message::default()
        };
        let word = ["a ", "bc ", "déf ", "g"][dice.below(4)];
        if streaming.len() < 3 && dice.below(4) == 0 || self.sum.nodes().is_empty() {
            self.named += 1;
            let id = MessageId::from(format!("{}-{}", self.epoch, self.named));
            let message = message(&id, word);
            return self.push(Change::Started {
                message,
                run_id: None,
            });
        }
        if !streaming.is_empty() && dice.below(3) > 0 {
            let node = &streaming[dice.below(streaming.len())];
            let id = node.id().clone();
            return self.push(if dice.below(5) == 0 {
                let status = EndStatus::Complete;
                Change::Ended { id, status }
            } else {
                Change::Appended {
                    at: node.pieces,
                    chunk: message(&id, word),
                    id,
                }
            });
        }
        let node = self.sum.nodes()[dice.below(self.sum.nodes().len())].clone();
        let id = node.id().clone();
        self.push(if dice.below(3) == 0 {
            Change::Removed { id }
        } else {
            let text = format!("{}'{word}", node.message.content.text());
            Change::Updated {
                message: message(&id, &text),
                at: node.pieces + 1,
            }
        });
    }

    /// The newest messages before `before`, and all that are streaming.
    fn page(&self, before: u64, limit: usize, newest: bool) -> Page {
        let mut nodes = self.sum.nodes().to_vec();
        nodes.retain(|node| node.position < before);
        let mut page = Transcript::from_page(
            self.sum.seq(),
            Page {
                nodes,
                has_older: false,
            },
        );
        if newest {
            page.keep_newest(limit);
            return page.into_page();
        }
        let mut page = page.into_page();
        let cut = page.nodes.len().saturating_sub(limit);
        page.has_older = cut > 0;
        page.nodes.drain(..cut);
        page
    }

    fn snapshot(&mut self, limit: usize) {
        let cursor = self.cursor();
        let attached = Attached {
            mode: AttachMode::Snapshot,
            reason: Some(SnapshotReason::Behind),
            cursor,
            head: cursor.seq,
        };
        self.say("attached", "", &attached.to_json());
        let page = self.page(u64::MAX, limit, true).to_json();
        self.say("snapshot", &cursor.to_string(), &page);
    }

    fn attach(&mut self, attempt: AttemptId, url: &str) {
        let bytes = Vec::new();
        self.connection = Some(Connection { attempt, bytes });
        let cursor = query(url, "cursor").and_then(Cursor::parse);
        let limit: usize = query(url, "limit").unwrap().parse().unwrap();
        let own = cursor.filter(|cursor| {
            cursor.epoch.0 == self.epoch
                && usize::try_from(cursor.seq).unwrap() >= self.trimmed
                && cursor.seq <= self.sum.seq()
        });
        let Some(cursor) = own else {
            return self.snapshot(limit);
        };
        let attached = Attached {
            mode: AttachMode::Replay,
            reason: None,
            cursor,
            head: self.sum.seq(),
        };
        self.say("attached", "", &attached.to_json());
        let missed = self.records.iter().filter(|record| record.seq > cursor.seq);
        for record in missed.cloned().collect::<Vec<_>>() {
            let id = format!("{}-{}", self.epoch, record.seq);
            self.say("record", &id, &record.to_json());
        }
    }

    fn begin_anew(&mut self) {
        *self = Self {
            epoch: self.epoch + 1,
            texts: std::mem::take(&mut self.texts),
            connection: self.connection.take(),
            pages: std::mem::take(&mut self.pages),
            ..Self::default()
        };
        self.say("deleted", "", "{}");
    }
}

fn query<'a>(url: &'a str, name: &str) -> Option<&'a str> {
    let (_, query) = url.split_once('?')?;
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

struct Run {
    bench: Bench,
    server: Server,
    dice: Dice,
    commands: u64,
    /// Which of its texts each message was last seen with.
    seen: BTreeMap<String, usize>,
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut bench = Bench::viewing(LIMIT);
        bench.now = 1000;
        Self {
            bench,
            server: Server {
                epoch: 1,
                ..Server::default()
            },
            dice: Dice(seed),
            commands: 0,
            seen: BTreeMap::new(),
        }
    }

    /// Takes the requests that the client has sent.
    fn serve(&mut self) {
        let aborted: Vec<AttemptId> = std::mem::take(&mut self.bench.aborted);
        self.server
            .pages
            .retain(|(page, _)| !aborted.contains(page));
        if let Some(connection) = &self.server.connection
            && aborted.contains(&connection.attempt)
        {
            self.server.connection = None;
        }
        let asked: Vec<(AttemptId, HttpRequest)> = self.bench.open.drain(..).collect();
        for (attempt, request) in asked {
            if request.url.contains("/messages?") {
                let before: u64 = query(&request.url, "before").unwrap().parse().unwrap();
                let limit: usize = query(&request.url, "limit").unwrap().parse().unwrap();
                let page = self.server.page(before, limit, false).to_json();
                let cursor = self.server.cursor().to_json();
                let body = page.replacen('{', &format!(r#"{{"cursor":{cursor},"#), 1);
                self.server.pages.push((attempt, body));
                continue;
            }
            self.server.attach(attempt, &request.url);
            let headers = vec![("content-type".to_owned(), "text/event-stream".to_owned())];
            self.bench.feed(Input::HeadersArrived {
                attempt,
                status: 200,
                headers,
            });
        }
    }

    fn arrive(&mut self, most: usize) {
        let Some(connection) = &mut self.server.connection else {
            return;
        };
        let count = connection.bytes.len().min(most);
        if count > 0 {
            let attempt = connection.attempt;
            let bytes = connection.bytes.drain(..count).collect();
            self.bench.feed(Input::ChunkArrived { attempt, bytes });
        }
    }

    fn answer_page(&mut self, fails: bool) {
        if self.server.pages.is_empty() {
            return;
        }
        let (attempt, body) = self.server.pages.remove(0);
        self.bench.feed(Input::ResponseArrived {
            attempt,
            status: if fails { 500 } else { 200 },
            headers: Vec::new(),
            body: body.into_bytes(),
        });
    }

    fn ask_older(&mut self) {
        self.commands += 1;
        self.bench
            .feed(Input::Session(SessionInput::OlderRequested {
                command: CommandId(self.commands),
            }));
    }

    fn step(&mut self) {
        match self.dice.below(24) {
            0 => {
                if let Some(connection) = self.server.connection.take() {
                    self.bench.cut(connection.attempt);
                }
            }
            1 => self.bench.pass(400),
            2 | 3 => self.ask_older(),
            4..=6 => {
                let fails = self.dice.below(6) == 0;
                self.answer_page(fails);
            }
            7 => {
                let head = self.server.records.len();
                self.server.trimmed = head - self.dice.below(head.min(20) + 1);
            }
            8 if self.dice.below(4) == 0 => self.server.snapshot(LIMIT),
            9 if self.dice.below(40) == 0 => self.server.begin_anew(),
            10..=15 => {
                let most = 1 + self.dice.below(400);
                self.arrive(most);
            }
            _ => self.server.change(&mut self.dice),
        }
        self.serve();
        self.check();
    }

    /// No text is shown that the log never held, and none goes back.
    fn check(&mut self) {
        let session = self.bench.client.view().session().unwrap();
        let mut last = 0;
        for node in session.nodes() {
            assert!(node.position > last, "in order, each once");
            last = node.position;
            let id = node.id.to_string();
            let text = node.message.content.text();
            let texts = &self.server.texts[&id];
            let from = self.seen.get(&id).copied().unwrap_or(0);
            let found = texts[from..].iter().position(|had| *had == text);
            let at =
                found.unwrap_or_else(|| panic!("{id} shows {text:?}, of {texts:?} from {from}"));
            self.seen.insert(id, from + at);
        }
    }

    /// Lets everything arrive, and reads to the top.
    fn settle(&mut self) {
        for _ in 0..400 {
            self.bench.pass(1000);
            self.serve();
            if let Some(connection) = &mut self.server.connection {
                connection.bytes.extend(b": heartbeat\n\n");
            }
            self.arrive(usize::MAX);
            self.answer_page(false);
            self.serve();
            self.check();
            let session = self.bench.client.view().session().unwrap();
            let level = session.connection().as_str() == "live" && !session.is_loading();
            if level && self.server.pages.is_empty() && session.has_older() {
                self.ask_older();
                self.serve();
            }
        }
        let session = self.bench.client.view().session().unwrap();
        assert_eq!(session.connection().as_str(), "live");
        assert!(!session.has_older() && !session.is_loading());
        let shown = session.nodes();
        let shown = shown.iter().map(|node| {
            let text = node.message.content.text().into_owned();
            (node.position, node.status.clone(), text)
        });
        let held = self.server.sum.nodes().iter().map(|node| {
            let text = node.message.content.text().into_owned();
            (node.position, node.status.clone(), text)
        });
        assert_eq!(shown.collect::<Vec<_>>(), held.collect::<Vec<_>>());
        let concluded = self.bench.concluded();
        let mut commands: Vec<u64> = concluded.iter().map(|(command, _)| *command).collect();
        commands.sort_unstable();
        assert_eq!(
            commands,
            (1..=self.commands).collect::<Vec<_>>(),
            "each once"
        );
    }
}

#[test]
fn whatever_happens_the_view_ends_with_what_the_log_holds() {
    for seed in 1..=500_u64 {
        let run = std::panic::catch_unwind(|| {
            let mut run = Run::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
            run.serve();
            for _ in 0..400 {
                run.step();
            }
            run.settle();
        });
        assert!(run.is_ok(), "seed {seed}");
    }
}
