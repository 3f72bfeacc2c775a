//! Real servers that are killed, a real Redis, readers and producers that live through it.
//!
//! A reader here is what a client is: the decoder and the [`Transcript`](rejoin_wire::session::Transcript) of
//! `rejoin-wire`, a cursor, and nothing else. A producer is what another process would be: it posts records, and posts the
//! same ones again until it is answered.

#![allow(dead_code, unused_imports)] // Each test binary uses its own part.
#![allow(unreachable_pub)] // A module of several binaries: nothing here is anybody's API.
#![allow(clippy::unwrap_used)]

mod follower;
mod processes;
mod writer;

pub use follower::{Check, Follower, Seen, own_words};
pub use processes::{Place, Site};
pub use writer::{Acked, Posted, Writer, piece, pieces};

use std::{future::Future, time::Duration};

use hyper::Method;
use rejoin_wire::{
    json::FromJson,
    session::{Cursor, Node, Page},
};
use serde_json::Value;

use crate::support::{Answer, Api};

/// Nothing here takes longer, on a machine that does something else as well.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Chance, the same for the same seed (splitmix64).
pub struct Rng(u64);

impl Rng {
    /// From `REJOIN_SEED`, or else from the clock; printed, so that a failure can be had again.
    pub fn seeded(test: &str) -> Self {
        let given = std::env::var("REJOIN_SEED").ok();
        let seed = given.and_then(|text| text.parse().ok()).unwrap_or_else(|| {
            let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
            now.as_secs() ^ u64::from(now.subsec_nanos())
        });
        eprintln!("{test}: REJOIN_SEED={seed}");
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// Another generator, whose numbers do not depend on how often this one is asked.
    pub fn fork(&mut self) -> Self {
        Self(self.next())
    }
}

/// Waits until `probe` gives something; says `what` it waited for where it never does.
pub async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut probe: impl FnMut() -> F,
) -> T {
    let found = async {
        loop {
            if let Some(found) = probe().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, found)
        .await
        .unwrap_or_else(|_| panic!("never: {what}"))
}

/// Before something is tried again: until the server is somewhere else, or for a moment.
pub async fn wait_a_little(place: &mut Place) {
    place.mark_unchanged();
    let _ = tokio::time::timeout(Duration::from_millis(25), place.changed()).await;
}

/// The answer to a request, or what became of the connection.
pub async fn try_call(
    api: &Api,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> Result<Answer, String> {
    use http_body_util::BodyExt;
    let opened = api.try_open(method, path, &[], body).await;
    let (parts, body) = opened.map_err(|error| error.to_string())?.into_parts();
    let collected = tokio::time::timeout(PATIENCE, body.collect()).await;
    let collected = collected.map_err(|_| format!("no end of the answer to {path}"))?;
    Ok(Answer {
        status: parts.status,
        headers: parts.headers,
        body: collected.map_err(|error| error.to_string())?.to_bytes(),
    })
}

/// One page of a session, and the cursor it is as of.
pub async fn page(api: &Api, session: &str, before: Option<u64>, limit: usize) -> (Cursor, Page) {
    let before = before.map_or_else(String::new, |before| format!("&before={before}"));
    let path = format!("/sessions/{session}/messages?limit={limit}{before}");
    let answer = api.call(Method::GET, &path, None).await;
    let text = std::str::from_utf8(&answer.body).unwrap();
    assert_eq!(answer.status, 200, "GET {path}: {text}");
    let cursor = answer.json()["cursor"].as_str().unwrap().to_owned();
    (
        Cursor::parse(&cursor).unwrap(),
        Page::from_json(text).unwrap(),
    )
}

/// Every message of a session, oldest first, by paging to the top.
pub async fn all_messages(api: &Api, session: &str, limit: usize) -> Vec<Node> {
    let (mut nodes, mut before) = (Vec::new(), None);
    loop {
        let (_, page) = page(api, session, before, limit).await;
        before = page.nodes.first().map(|node| node.position);
        let has_older = page.has_older;
        nodes.splice(0..0, page.nodes);
        if !has_older {
            return nodes;
        }
        assert!(before.is_some(), "an empty page that has older ones");
    }
}

/// What there is to compare of a message: its place, its pieces, how it stands and what it says.
pub fn told(nodes: &[Node]) -> Vec<String> {
    let line = |node: &Node| {
        format!(
            "{} {} pieces={} {:?}: {}",
            node.position,
            node.id().as_str(),
            node.pieces,
            node.status,
            node.message.content.text()
        )
    };
    nodes.iter().map(line).collect()
}

/// Compares two lists of messages and names the first that differs.
pub fn same(what: &str, left: &[Node], right: &[Node]) {
    let (left, right) = (told(left), told(right));
    for (index, (left, right)) in left.iter().zip(&right).enumerate() {
        assert_eq!(left, right, "{what}: message {index}");
    }
    assert_eq!(left.len(), right.len(), "{what}: how many");
}
