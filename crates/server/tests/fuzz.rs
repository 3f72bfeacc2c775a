//! Odd requests to every endpoint, by tokens of every kind: none is answered 500, none stops the server, none touches what
//! its token does not reach.
//!
//! `REJOIN_FUZZ_SEED` and `REJOIN_FUZZ_REQUESTS` choose which and how many.

#![allow(clippy::unwrap_used)]

mod proof;
mod support;

use std::time::Duration;

use http_body_util::BodyExt;
use hyper::{Method, Response, body::Incoming};
use proof::Site;
use rejoin_server::auth::{Capability, ENDPOINTS, Endpoint, UNBUILT};
use serde_json::{Value, json};
use support::*;

const REQUESTS: u64 = 1500;
/// A tenant whom no token of the odd requests reaches.
const VICTIM: &str = "3d333333-3333-4333-8333-33333333333e";
/// For how long, and how far, an answer that may have no end is read.
const READ_FOR: Duration = Duration::from_millis(30);
const READ_BYTES_MAX: usize = 64 << 10;

/// A generator of chance; the same seed says the same.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
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

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }
}

/// Ids that were seen in answers, so that some requests are about what is there.
#[derive(Default)]
struct Known(Vec<String>);

impl Known {
    fn learn(&mut self, answer: &str) {
        for word in ["run_id", "checkpoint_id", "thread_id"] {
            for (at, _) in answer.match_indices(&format!("\"{word}\":\"")) {
                let id: String = answer[at + word.len() + 4..].chars().take(36).collect();
                if id.len() == 36 && self.0.len() < 200 && id != VICTIM {
                    self.0.push(id);
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
                .0
                .get(chance.below(known.0.len().max(1)))
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
            "assistant_id": agent, "input": {"messages": [message]}, "config": knobs, "if_not_exists": "create",
        }),
        "records" => json!({"producer": "p", "changes": [change]}),
        "state" => json!({"values": {"messages": [message]}}),
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
        } else if !known.0.is_empty() && chance.one_in(2) {
            path.push_str(chance.pick::<String>(&known.0));
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

/// Tokens of every kind: nothing, forged, of each capability and of all, for one session and for every one.
fn tokens() -> Vec<Option<String>> {
    let mut tokens = vec![None, Some("Bearer x".to_owned())];
    for session in [OURS, THEIRS, "s", "*"] {
        for capability in Capability::ALL {
            tokens.push(Some(bearer(&token(session, &[capability]))));
            let others = Capability::ALL
                .into_iter()
                .filter(|other| *other != capability);
            tokens.push(Some(bearer(&token(session, &others.collect::<Vec<_>>()))));
        }
        tokens.push(Some(bearer(&token(session, &Capability::ALL))));
    }
    tokens
}

/// The beginning of an answer's body.
async fn beginning(response: Response<Incoming>) -> String {
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

async fn victim_said(api: &Api) -> (Value, Value) {
    let who = bearer(&token(VICTIM, &Capability::ALL));
    let get = async |path: String| {
        let headers = [("authorization", who.as_str())];
        read(api.open(Method::GET, &path, &headers, None).await)
            .await
            .json()
    };
    let state = get(format!("/threads/{VICTIM}/state")).await;
    let page = get(format!("/sessions/{VICTIM}/messages")).await;
    (state["values"].clone(), page["nodes"].clone())
}

fn number(name: &str, default: u64) -> u64 {
    let set = std::env::var(name).ok();
    set.map_or(default, |text| text.parse().unwrap())
}

#[tokio::test]
async fn odd_requests_to_every_endpoint_break_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let secret = directory.path().join("secret");
    std::fs::write(&secret, SECRET).unwrap();
    let flags = [
        "--auth-secret-file",
        secret.to_str().unwrap(),
        "--runs-max",
        "20",
    ];
    let mut site = Site::start(&directory.path().join("data"), &flags).await;
    let api = site.api();
    let who = bearer(&token(VICTIM, &Capability::ALL));
    let run = with(request("chat", 5, 0.0), json!({"if_not_exists": "create"}));
    let wait = format!("/threads/{VICTIM}/runs/wait");
    read(
        api.open(Method::POST, &wait, &[("authorization", &who)], Some(run))
            .await,
    )
    .await;
    let mut before = victim_said(&api).await;
    let is_whole = |nodes: &Value| {
        let nodes = nodes.as_array().unwrap();
        nodes.len() == 2 && nodes.iter().all(|node| node["status"] == "complete")
    };
    while before.1.as_array().is_none() || !is_whole(&before.1) {
        tokio::time::sleep(Duration::from_millis(5)).await;
        before = victim_said(&api).await;
    }

    let seed = number("REJOIN_FUZZ_SEED", 1);
    let mut chance = Chance(seed);
    let (tokens, mut known) = (tokens(), Known::default());
    // What is not there is asked for now and then.
    let rows: Vec<&Endpoint> = ENDPOINTS.iter().chain(&UNBUILT[..3]).collect();
    let mut counts = std::collections::BTreeMap::<u16, u64>::new();
    for number in 0..number("REJOIN_FUZZ_REQUESTS", REQUESTS) {
        let endpoint = *chance.pick(&rows);
        let method = if chance.one_in(30) {
            "PUT"
        } else {
            endpoint.method
        };
        let path = path(&mut chance, endpoint, &known);
        let sent = (method != "GET").then(|| body(&mut chance, endpoint, &known));
        let mut headers = Vec::new();
        if let Some(token) = chance.pick(&tokens) {
            headers.push(("authorization", token.as_str()));
        }
        if chance.one_in(5) {
            headers.push((
                "last-event-id",
                *chance.pick(&["-1", "0", "99", "x", "1-1", ""]),
            ));
        }
        let what = format!("seed {seed}, request {number}: {method} {path} {headers:?} {sent:?}");
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let answer = api.try_open(method, &path, &headers, sent).await;
        let answer = answer.unwrap_or_else(|error| panic!("{error}: {what}"));
        let status = answer.status().as_u16();
        let text = beginning(answer).await;
        *counts.entry(status).or_default() += 1;
        assert!(status < 500 || status == 501, "{status} {text}: {what}");
        known.learn(&text);
    }
    // They do reach the endpoints.
    assert!(counts[&200] > 20 && counts[&422] > 20, "{counts:?}");
    assert_eq!(victim_said(&api).await, before);
    assert!(!site.logged().contains("panic"), "{}", site.logged());
    site.kill().await;
    site.up().await;
    assert_eq!(victim_said(&site.api()).await, before);
    let ready = site.api().call(Method::GET, "/ready", None).await;
    assert_eq!(ready.status.as_u16(), 200);
}
