//! The odd server: ways that nobody has measured, but that somebody's server has. Each seed draws some of them.

use super::behaviour::{EventIds, Ping, Replay, UnknownRun, Ways};
use crate::rng::Rng;
use serde_json::{Value, json};

/// The ids of messages in `values` and in states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ids {
    /// As they were submitted and streamed.
    Kept,
    /// The server's own.
    Own,
    /// None.
    None,
    /// Numbers.
    Numeric,
}

/// When a run's `metadata` comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Metadata {
    /// First.
    First,
    /// After what the run has said first.
    Late,
    /// First, and again and again.
    Repeated,
    /// Never.
    Never,
}

/// What is odd about a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Oddities {
    pub ids: Ids,
    /// Whether messages are streamed under another id than the one they are stored under.
    pub streams_own_ids: bool,
    /// What it says when it is asked for a run.
    pub run_status: Option<u16>,
    /// How long it knows a run that has ended, in milliseconds.
    pub forgets_runs_after_ms: Option<u64>,
    /// Whether a submission for a thread that does not exist is a 404, whatever it says.
    pub threads_are_made: bool,
    /// Whether threads can be searched for.
    pub finds_threads: bool,
    pub metadata: Metadata,
    /// The first of the odd entries among a thread's messages.
    pub entries_from: Option<usize>,
    /// Whether tool calls have odd ones among them.
    pub tool_calls: bool,
    /// Whether questions have odd ones among them.
    pub interrupts: bool,
    /// The first of the odd events.
    pub events_from: Option<usize>,
    /// Whether a character of two halves is streamed half by half.
    pub splits_characters: bool,
}

impl Oddities {
    /// Nothing is.
    pub(crate) const NONE: Self = Self {
        ids: Ids::Kept,
        streams_own_ids: false,
        run_status: None,
        forgets_runs_after_ms: None,
        threads_are_made: false,
        finds_threads: true,
        metadata: Metadata::First,
        entries_from: None,
        tool_calls: false,
        interrupts: false,
        events_from: None,
        splits_characters: false,
    };
}

/// A character of two halves in UTF-16, and the halves as JSON writes them.
pub(crate) const TWO_HALVES: char = '😀';
const HALVES: [&str; 2] = ["\\ud83d", "\\ude00"];

/// An entry of a list of messages that is none as they usually are.
pub(crate) struct OddEntry {
    json: &'static str,
    /// Its text, where it is clear what it means.
    pub text: Option<&'static str>,
    /// What it may be shown as, where that is not clear.
    may_say: Option<&'static str>,
}

const fn odd(json: &'static str) -> OddEntry {
    OddEntry {
        json,
        text: None,
        may_say: None,
    }
}

const fn odd_that_may_say(json: &'static str, text: &'static str) -> OddEntry {
    OddEntry {
        json,
        text: None,
        may_say: Some(text),
    }
}

const fn odd_but_clear(json: &'static str, text: &'static str) -> OddEntry {
    OddEntry {
        json,
        text: Some(text),
        may_say: None,
    }
}

/// The odd entries.
const ODD_ENTRIES: [OddEntry; 14] = [
    odd("null"),
    odd_but_clear(
        r#"{"type":"tool","id":"odd-tool","tool_call_id":"t","content":42}"#,
        "42",
    ),
    odd_that_may_say("17", "17"),
    odd_but_clear(r#"["ai","odd pair"]"#, "odd pair"),
    odd("{}"),
    odd_but_clear(r#"{"type":"ai","id":17,"content":"odd id"}"#, "odd id"),
    odd(r#"{"type":"ai","id":"odd-object","content":{"answer":42}}"#),
    odd_but_clear(r#""odd text""#, "odd text"),
    odd_that_may_say(
        r#"{"type":"unheard-of","id":"odd-type","content":"odd type"}"#,
        "odd type",
    ),
    odd_but_clear(
        r#"{"lc":1,"type":"constructor","id":["langchain_core","messages","AIMessage"],"kwargs":{"content":"odd class","id":"odd-class"}}"#,
        "odd class",
    ),
    odd(r#"[[]]"#),
    odd_but_clear(r#"{"role":"assistant","content":"odd role"}"#, "odd role"),
    odd(r#"{"type":"human","id":"odd-null","content":null}"#),
    odd(r#"{"type":"ai","id":"odd-blocks","content":[null,7,{"type":"text"}]}"#),
];

/// Whether an odd entry says it.
pub(crate) fn is_odd_text(text: &str) -> bool {
    let mut entries = ODD_ENTRIES.iter();
    entries.any(|entry| entry.text.or(entry.may_say) == Some(text))
}

/// Events that mean nothing, or not what they usually do.
const ODD_EVENTS: [(&str, &str); 10] = [
    ("messages", "[null,{}]"),
    ("ping", "2026-11-29 04:00:00"),
    ("messages", "42"),
    ("tools", "null"),
    ("values", "null"),
    ("custom", "null"),
    ("updates", "[1]"),
    ("telemetry", "{not json"),
    ("messages/partial", "[null]"),
    ("debug", ""),
];

/// What servers and proxies send so that a connection is not taken for dead.
const PINGS: [(&str, &str); 7] = [
    ("ping: comment", ": ping\n\n"),
    ("ping: heartbeat", ": heartbeat\n\n"),
    ("ping: empty comment", ":\n\n"),
    ("ping: event", "event: ping\ndata: 2026-11-29 04:00:00\n\n"),
    (
        "ping: event with an object",
        "event: heartbeat\ndata: {}\n\n",
    ),
    ("ping: empty data", "data:\n\n"),
    ("ping: retry", "retry: 3000\n\n"),
];

/// Everything that can be odd, to check that each has occurred.
pub const ODDITIES: [&str; 34] = [
    "odd: ids own",
    "odd: ids none",
    "odd: ids numeric",
    "odd: streamed under another id",
    "odd: events without ids",
    "odd: events with opaque ids",
    "odd: run cannot be asked for",
    "odd: ended run forgotten",
    "odd: thread must be made",
    "odd: thread made",
    "odd: threads are not searched",
    "odd: odd entry",
    "odd: odd tool call",
    "odd: odd interrupt",
    "odd: odd event",
    "odd: half a character",
    "odd: late metadata",
    "odd: repeated metadata",
    "odd: no metadata",
    "odd: cursor dropped",
    "odd: cursor rewritten",
    "odd: cursor in the query",
    "odd: joined live without a cursor",
    "odd: replayed whole without a cursor",
    "odd: no content type",
    "odd: list of content types",
    "odd: no content-location",
    "odd: capped in time, ended",
    "odd: capped in time, cut",
    "odd: capped in bytes, ended",
    "odd: capped in bytes, cut",
    "odd: held back",
    "odd: held back with the headers",
    "odd: ping between events",
];

/// The names of the pings.
pub fn pings() -> impl Iterator<Item = &'static str> {
    PINGS.iter().map(|(name, _)| *name)
}

impl Ping {
    /// Its name in the report.
    pub(crate) fn name(&self) -> &'static str {
        let known = PINGS.iter().find(|(_, frame)| *frame == self.frame);
        known.map_or("ping: heartbeat", |(name, _)| *name)
    }
}

impl Ways {
    /// The odd server of a seed: like one of the others at heart.
    pub(crate) fn draw_odd(rng: &mut Rng) -> Self {
        let like = rng.pick(&[Self::OURS, Self::PYTHON, Self::JS]);
        let all = rng.chance(50);
        let (event_ids, replay) = rng.pick(&[
            (EventIds::Dense, Replay::Place { all }),
            (EventIds::Dense, Replay::Place { all }),
            (EventIds::Opaque, Replay::Place { all }),
            (EventIds::None, Replay::Place { all }),
        ]);
        let (_, frame) = rng.pick(&PINGS);
        let ping = Ping {
            frame,
            every_ms: rng.pick(&[1_000, 5_000, 15_000, 45_000]),
            between_events: rng.chance(40),
        };
        Self {
            ping: rng.chance(75).then_some(ping),
            event_ids,
            replay,
            reads_log_late: rng.chance(20),
            cursor_in_query: rng.chance(50),
            unknown_run: rng.pick(&[
                UnknownRun::NotFound,
                UnknownRun::ErrorEvent("\"Run not found\""),
            ]),
            expired_log: None,
            thread_keeps_error: true,
            restarts: Self::OURS.restarts,
            says_goodbye: false,
            odd: Oddities::draw(rng),
            ..like
        }
    }
}

impl Oddities {
    fn draw(rng: &mut Rng) -> Self {
        Self {
            ids: rng.pick(&[Ids::Kept, Ids::Kept, Ids::Own, Ids::None, Ids::Numeric]),
            streams_own_ids: rng.chance(25),
            run_status: rng.chance(30).then(|| rng.pick(&[404, 405])),
            forgets_runs_after_ms: rng.chance(25).then(|| rng.pick(&[0, 500, 5_000, 60_000])),
            threads_are_made: rng.chance(30),
            finds_threads: rng.chance(60),
            metadata: rng.pick(&[
                Metadata::First,
                Metadata::First,
                Metadata::Late,
                Metadata::Repeated,
                Metadata::Never,
            ]),
            entries_from: rng.chance(40).then(|| rng.index(ODD_ENTRIES.len())),
            tool_calls: rng.chance(40),
            interrupts: rng.chance(40),
            events_from: rng.chance(40).then(|| rng.index(ODD_EVENTS.len())),
            splits_characters: rng.chance(30),
        }
    }

    /// The id of a message of the thread's, as it is told in `values` and states.
    fn stored_id(&self, message: &Value) -> Option<Value> {
        let id = message["id"].as_str().unwrap_or_default();
        match self.ids {
            Ids::Kept => Some(id.into()),
            Ids::Own => Some(format!("srv-{id}").into()),
            Ids::None => None,
            Ids::Numeric => Some(number_of(id).into()),
        }
    }

    /// The id that a message is streamed under. Without one its pieces would be nobody's.
    pub(crate) fn streamed_id(&self, id: &str) -> Value {
        match self.ids {
            _ if self.streams_own_ids => format!("stream-{id}").into(),
            Ids::Kept | Ids::None => id.into(),
            Ids::Own => format!("srv-{id}").into(),
            Ids::Numeric => number_of(id).into(),
        }
    }

    /// A thread's messages as they are told: with the ids that the server gives them, and odd entries behind what
    /// people have said.
    pub(crate) fn tell(&self, messages: &[Value]) -> Vec<Value> {
        if self.ids == Ids::Kept && self.entries_from.is_none() {
            return messages.to_vec();
        }
        let mut told = Vec::with_capacity(messages.len());
        let mut asked = 0;
        for message in messages {
            let mut shown = message.clone();
            match (self.stored_id(message), shown.as_object_mut()) {
                (Some(id), _) => shown["id"] = id,
                (None, Some(fields)) => drop(fields.remove("id")),
                (None, None) => {}
            }
            told.push(shown);
            if message["type"] == "human" {
                told.extend(self.entry(asked).map(OddEntry::read));
                asked += 1;
            }
        }
        told
    }

    /// The odd entry behind the thread's `asked`-th message of a person's.
    pub(crate) fn entry(&self, asked: usize) -> Option<&'static OddEntry> {
        let from = self.entries_from?;
        Some(&ODD_ENTRIES[(from + asked) % ODD_ENTRIES.len()])
    }

    /// A thread's questions as they are told.
    pub(crate) fn tell_interrupts(&self, interrupts: &[Value]) -> Vec<Value> {
        let mut told = Vec::new();
        if self.interrupts && !interrupts.is_empty() {
            told.extend([
                Value::Null,
                json!("a question"),
                json!({ "id": 7, "value": null }),
            ]);
        }
        told.extend_from_slice(interrupts);
        told
    }

    /// Puts odd tool calls before a message's own.
    pub(crate) fn add_tool_calls(&self, message: &mut Value) {
        let Some(calls) = message["tool_calls"].as_array_mut() else {
            return;
        };
        if self.tool_calls && !calls.is_empty() {
            let odd = [
                Value::Null,
                json!(42),
                json!({ "name": 5, "args": "text", "id": null }),
            ];
            calls.splice(0..0, odd);
        }
    }

    /// An event's data as it is sent: at once, or where a character of two halves is in it, half by half.
    pub(crate) fn split(&self, data: &str) -> Option<[String; 2]> {
        let (before, after) = data
            .split_once(TWO_HALVES)
            .filter(|_| self.splits_characters)?;
        let content = before.rfind('"')? + 1;
        let end = after.find('"')?;
        let first = before.to_owned() + HALVES[0] + &after[end..];
        let second = before[..content].to_owned() + HALVES[1] + after;
        Some([first, second])
    }

    /// The `serial`-th odd event.
    pub(crate) fn event(&self, serial: u64) -> Option<(&'static str, &'static str)> {
        let from = self.events_from?;
        let serial = usize::try_from(serial).unwrap_or_default();
        Some(ODD_EVENTS[(from + serial) % ODD_EVENTS.len()])
    }
}

impl OddEntry {
    fn read(&self) -> Value {
        serde_json::from_str(self.json).expect("JSON")
    }
}

/// A number that stands for an id.
fn number_of(id: &str) -> u64 {
    let add = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    id.bytes().fold(0xcbf2_9ce4_8422_2325, add) % 1_000_000_007
}
