//! A session on a bench: what its server sends, and what the view shows.

#![allow(dead_code, unreachable_pub, missing_docs)] // Each test binary uses its own part.
#![allow(clippy::unwrap_used)] // A panic is how a test fails.

use super::support::Bench;
use rejoin_core::{AttemptId, CommandId, Input, Notice, Outcome, SessionInput, wire::ThreadId};

/// A node as a page holds it.
pub fn node(position: u64, changed: u64, id: &str, text: &str, status: &str) -> String {
    format!(
        r#"{{"position":{position},"changed":{changed},"pieces":1,"status":"{status}","message":{{"type":"ai","id":"{id}","content":"{text}"}}}}"#
    )
}

/// Nodes `from..=to`, each begun by the record of its number.
pub fn nodes(from: u64, to: u64) -> Vec<String> {
    let node = |n: u64| node(n, n, &format!("m{n}"), &format!("text {n}"), "complete");
    (from..=to).map(node).collect()
}

pub fn page(nodes: &[String], has_older: bool) -> String {
    format!(
        r#"{{"nodes":[{}],"has_older":{has_older}}}"#,
        nodes.join(",")
    )
}

pub fn older(cursor: &str, nodes: &[String], has_older: bool) -> String {
    page(nodes, has_older).replacen('{', &format!(r#"{{"cursor":"{cursor}","#), 1)
}

pub fn attached(mode: &str, cursor: &str, head: u64) -> String {
    format!(r#"{{"mode":"{mode}","cursor":"{cursor}","head":{head}}}"#)
}

impl Bench {
    /// Enters thread `t` and opens a view of its session, without reading the thread's state.
    pub fn viewing(limit: usize) -> Self {
        let mut bench = Self::with(|config| config.reads_state = false);
        bench.feed(Input::Session(SessionInput::Opened { limit }));
        bench.enter("t");
        bench
    }

    pub fn enter(&mut self, thread: &str) {
        self.feed(Input::ThreadSwitched {
            thread_id: Some(ThreadId::from(thread)),
        });
        if self.client.config().reads_state {
            return;
        }
        self.answer("/runs?limit=100", 200, "[]");
    }

    /// The feed's request, answered with a stream.
    #[track_caller]
    pub fn opened(&mut self, query: &str) -> AttemptId {
        let attempt = self.asked(&format!("/sessions/t/stream?{query}")).0;
        let headers = vec![("content-type".to_owned(), "text/event-stream".to_owned())];
        self.feed(Input::HeadersArrived {
            attempt,
            status: 200,
            headers,
        });
        attempt
    }

    /// The feed's request, answered with the newest messages as of the cursor.
    #[track_caller]
    pub fn snapshot(&mut self, query: &str, cursor: &str, page: &str) -> AttemptId {
        let feed = self.opened(query);
        self.snapshot_again(feed, cursor, page);
        feed
    }

    pub fn snapshot_again(&mut self, feed: AttemptId, cursor: &str, page: &str) {
        let head = cursor.split_once('-').unwrap().1.parse().unwrap();
        self.event(feed, "", "attached", &attached("snapshot", cursor, head));
        self.event(feed, cursor, "snapshot", page);
    }

    /// A record of epoch 7.
    pub fn record(&mut self, feed: AttemptId, seq: u64, change: &str) {
        let data = format!(r#"{{"seq":{seq},{change}}}"#);
        self.event(feed, &format!("7-{seq}"), "record", &data);
    }

    pub fn started(&mut self, feed: AttemptId, seq: u64, id: &str) {
        let message = format!(r#"{{"type":"ai","id":"{id}","content":""}}"#);
        self.record(
            feed,
            seq,
            &format!(r#""type":"started","message":{message}"#),
        );
    }

    pub fn appended(&mut self, feed: AttemptId, seq: u64, id: &str, at: u64, text: &str) {
        let chunk = format!(r#"{{"type":"AIMessageChunk","id":"{id}","content":"{text}"}}"#);
        self.record(
            feed,
            seq,
            &format!(r#""type":"appended","id":"{id}","at":{at},"chunk":{chunk}"#),
        );
    }

    pub fn request_older(&mut self, command: u64) {
        self.feed(Input::Session(SessionInput::OlderRequested {
            command: CommandId(command),
        }));
    }

    /// What is shown: each message's text, oldest first.
    pub fn texts(&self) -> Vec<String> {
        let nodes = self.client.view().session().unwrap().nodes();
        let text = |node: rejoin_core::SessionNode<'_>| node.message.content.text().into_owned();
        nodes.into_iter().map(text).collect()
    }

    /// What is shown: each message's id, oldest first.
    pub fn ids(&self) -> Vec<String> {
        let nodes = self.client.view().session().unwrap().nodes();
        nodes.iter().map(|node| node.id.to_string()).collect()
    }

    pub fn feed_state(&self) -> &'static str {
        self.client.view().session().unwrap().connection().as_str()
    }

    pub fn feed_error(&self) -> Option<&'static str> {
        let session = self.client.view().session().unwrap();
        session.error().map(|error| error.code.as_str())
    }

    pub fn has_older(&self) -> bool {
        self.client.view().session().unwrap().has_older()
    }

    /// How each command ended, in order.
    pub fn concluded(&self) -> Vec<(u64, Outcome)> {
        let concluded = |notice: &Notice| match notice {
            Notice::Concluded { command, outcome } => Some((command.0, outcome.clone())),
            _ => None,
        };
        self.notices.iter().filter_map(concluded).collect()
    }
}
