//! Odd requests to every endpoint: what fits as often as not.

#![allow(dead_code)] // Each test binary uses its own part.
#![allow(unreachable_pub)] // A module of several binaries: nothing here is anybody's API.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use http_body_util::BodyExt;
use hyper::{Method, Response, body::Incoming};
use rejoin_server::auth::{ENDPOINTS, Endpoint, UNBUILT};
use serde_json::{Value, json};

use crate::support::{OURS, THEIRS, UNKNOWN};

/// For how long, and how far, an answer that may have no end is read.
const READ_FOR: Duration = Duration::from_millis(30);
const READ_BYTES_MAX: usize = 64 << 10;

/// One of them.
pub struct Request {
    pub method: Method,
    pub path: String,
    pub body: Option<Value>,
}

/// Odd requests, the same for the same seed and the same answers.
pub struct Odd {
    pub chance: Chance,
    known: Known,
    endpoints: Vec<&'static Endpoint>,
}

impl Odd {
    /// `spared` are threads that none of them is about.
    pub fn new(seed: u64, spared: &[&str]) -> Self {
        Self {
            chance: Chance(seed),
            known: Known {
                ids: Vec::new(),
                spared: spared.iter().map(|id| (*id).to_owned()).collect(),
            },
            // What is not there is asked for now and then.
            endpoints: ENDPOINTS.iter().chain(&UNBUILT[..3]).collect(),
        }
    }

    pub fn next(&mut self) -> Request {
        let chance = &mut self.chance;
        let endpoint = *chance.pick(&self.endpoints);
        let method = if chance.one_in(30) {
            "PUT"
        } else {
            endpoint.method
        };
        let path = path(chance, endpoint, &self.known);
        let body = (method != "GET").then(|| body(chance, endpoint, &self.known));
        Request {
            method: method.parse().unwrap(),
            path,
            body,
        }
    }

    /// Some of the next ones are about what is named in an answer.
    pub fn learn(&mut self, answer: &str) {
        self.known.learn(answer);
    }
}

/// A generator of chance; the same seed says the same.
pub struct Chance(u64);

impl Chance {
    pub fn next(&mut self) -> u64 {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }
}

/// Ids that were seen in answers, so that some requests are about what is there.
struct Known {
    ids: Vec<String>,
    /// Not to be touched.
    spared: Vec<String>,
}

impl Known {
    fn learn(&mut self, answer: &str) {
        for word in ["run_id", "checkpoint_id", "thread_id"] {
            for (at, _) in answer.match_indices(&format!("\"{word}\":\"")) {
                let id: String = answer[at + word.len() + 4..].chars().take(36).collect();
                if id.len() == 36 && self.ids.len() < 200 && !self.spared.contains(&id) {
                    self.ids.push(id);
                }
            }
        }
    }
}

const ODD_TEXTS: [&str; 14] = [
    "",
    "a",
    "null",
    "-1",
    "0",
    "1e308",
    "18446744073709551615",
    "%ff",
    "..",
    "\u{0}",
    "a\nb",
    "ü😀",
    "{}",
    "*",
];

fn value(chance: &mut Chance, known: &Known, depth: usize) -> Value {
    match chance.below(if depth > 3 { 9 } else { 12 }) {
        0 => Value::Null,
        1 => json!(chance.one_in(2)),
        2 => json!(chance.next()),
        3 => json!(-(chance.below(1000) as i64)),
        4 => json!(f64::from_bits(chance.next())),
        5 => json!(chance.pick(&ODD_TEXTS)),
        6 => json!("x".repeat(chance.below(3000))),
        7 => json!(
            known
                .ids
                .get(chance.below(known.ids.len().max(1)))
                .cloned()
                .unwrap_or_default()
        ),
        8 => json!(chance.pick(&[OURS, THEIRS, UNKNOWN])),
        9 => (0..chance.below(4))
            .map(|_| value(chance, known, depth + 1))
            .collect(),
        10 => {
            let mut fields = serde_json::Map::new();
            for _ in 0..chance.below(4) {
                let name = chance.pick(&["id", "type", "content", "role", "messages", "a", ""]);
                fields.insert((*name).to_owned(), value(chance, known, depth + 1));
            }
            Value::Object(fields)
        }
        _ => {
            let levels = chance.below(140);
            let text = "[".repeat(levels) + &"]".repeat(levels);
            serde_json::from_str(&text).unwrap_or_default()
        }
    }
}

/// Fields that endpoints read, with values that fit as often as not.
fn body(chance: &mut Chance, endpoint: &Endpoint, known: &Known) -> Value {
    const NAMES: [&str; 40] = [
        "input",
        "config",
        "context",
        "command",
        "metadata",
        "values",
        "checkpoint",
        "checkpoint_id",
        "stream_mode",
        "stream_resumable",
        "on_disconnect",
        "multitask_strategy",
        "if_not_exists",
        "interrupt_before",
        "interrupt_after",
        "durability",
        "after_seconds",
        "on_completion",
        "webhook",
        "as_node",
        "limit",
        "offset",
        "before",
        "status",
        "ids",
        "select",
        "sort_by",
        "sort_order",
        "thread_id",
        "if_exists",
        "producer",
        "lease_ms",
        "changes",
        "id",
        "graph_id",
        "name",
        "ttl",
        "subgraphs",
        "extract",
        "resume",
    ];
    let message = json!({"type": chance.pick(&["human", "ai", "remove", "tool", "odd"]), "id": format!("m{}", chance.below(4)), "content": "x"});
    let given = match chance.below(6) {
        // As LangChain's classes are written.
        0 => json!({
            "lc": 1, "type": "constructor", "kwargs": message,
            "id": ["langchain_core", "messages", chance.pick(&["HumanMessage", "AIMessageChunk", "RemoveMessage", "Odd"])],
        }),
        _ => message.clone(),
    };
    let change = match chance.below(4) {
        0 => json!({"type": "started", "message": message}),
        1 => {
            json!({"type": "appended", "id": message["id"], "at": chance.below(3), "chunk": message})
        }
        2 => {
            json!({"type": "updated", "at": chance.next() >> chance.below(64), "message": message})
        }
        _ => {
            json!({"type": chance.pick(&["ended", "removed"]), "id": message["id"], "status": "complete"})
        }
    };
    let agent = chance.pick(&["chat", "approval", "multi", "boom", "tools", "made-up"]);
    let knobs = json!({"configurable": {"n_tokens": chance.below(4), "delay_ms": 0}});
    let mut body = match endpoint.path.rsplit('/').next().unwrap() {
        "runs" | "stream" | "wait" => json!({
            "assistant_id": agent, "input": {"messages": [given]}, "config": knobs, "if_not_exists": "create",
        }),
        "records" => json!({"producer": "p", "changes": [change]}),
        "state" => json!({"values": {"messages": [given]}}),
        "checkpoint" => json!({"checkpoint": {"checkpoint_ns": ""}}),
        _ => json!({}),
    };
    let fields = body.as_object_mut().unwrap();
    if chance.one_in(4) && !fields.is_empty() {
        let names: Vec<String> = fields.keys().cloned().collect();
        fields.remove(chance.pick(&names));
    }
    for _ in 0..chance.below(3) {
        // One that is there gets another value, or there is one more.
        let names: Vec<String> = fields.keys().cloned().collect();
        let name = match names.as_slice() {
            [] => (*chance.pick(&NAMES)).to_owned(),
            _ if chance.one_in(2) => (*chance.pick(&NAMES)).to_owned(),
            names => chance.pick(names).clone(),
        };
        fields.insert(name, value(chance, known, 0));
    }
    if chance.one_in(20) {
        value(chance, known, 0)
    } else {
        body
    }
}

fn path(chance: &mut Chance, endpoint: &Endpoint, known: &Known) -> String {
    let mut path = String::new();
    for part in endpoint.path.split('/').skip(1) {
        path.push('/');
        if !part.starts_with('{') {
            path.push_str(part);
        } else if chance.one_in(12) {
            path.push_str(chance.pick::<&str>(&[
                "%ff",
                "x",
                "%00",
                "%0a",
                "1A111111-1111-4111-8111-11111111111B",
                "%F0%9F%98%80",
            ]));
        } else if !known.ids.is_empty() && chance.one_in(2) {
            path.push_str(chance.pick::<String>(&known.ids));
        } else {
            path.push_str(chance.pick::<&str>(&[OURS, THEIRS, UNKNOWN, "chat", "s"]));
        }
    }
    if chance.one_in(3) {
        let name = chance.pick(&[
            "limit",
            "cursor",
            "before",
            "stream_mode",
            "last_event_id",
            "wait",
            "action",
            "status",
            "odd",
        ]);
        path.push_str(&format!(
            "?{name}={}",
            chance.pick(&[
                "",
                "0",
                "1",
                "-1",
                "9e9",
                "1-1",
                "values",
                "%ff",
                "%5B%22values%22%5D",
                "rollback"
            ])
        ));
    }
    path
}

/// The beginning of an answer's body.
pub async fn beginning(response: Response<Incoming>) -> String {
    let mut body = response.into_body();
    let mut bytes = Vec::new();
    let read = async {
        while let Some(Ok(frame)) = body.frame().await {
            bytes.extend_from_slice(&frame.into_data().unwrap_or_default());
            if bytes.len() > READ_BYTES_MAX {
                break;
            }
        }
    };
    // What has no end is left.
    let _ = tokio::time::timeout(READ_FOR, read).await;
    String::from_utf8_lossy(&bytes).into_owned()
}
