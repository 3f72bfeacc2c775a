//! A server is killed while its runs write to sessions: the next start puts each session right with its thread.

#![allow(clippy::unwrap_used)]

mod proof;
mod support;

use std::time::Duration;

use hyper::Method;
use proof::Site;
use serde_json::{Value, json};
use support::{Api, request, with};

const PATIENCE: Duration = Duration::from_secs(30);

async fn nodes(api: &Api, thread: &str) -> Vec<Value> {
    let path = format!("/sessions/{thread}/messages?limit=100");
    let answer = api.call(Method::GET, &path, None).await;
    let nodes = answer.json()["nodes"].as_array().cloned();
    nodes.unwrap_or_default()
}

/// In short: what was said, and how it ended.
fn short(node: &Value) -> (String, String, String) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let message = &node["message"];
    (
        text(&message["content"]),
        text(&node["status"]),
        text(&node["reason"]),
    )
}

/// Waits until nothing is being streamed and the session says what the thread does.
async fn level(api: &Api, thread: &str) -> Vec<(String, String, String)> {
    let state = api.state(thread).await;
    let messages = state["values"]["messages"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let texts: Vec<&str> = messages
        .iter()
        .map(|one| one["content"].as_str().unwrap())
        .collect();
    let seen = async {
        loop {
            let nodes = nodes(api, thread).await;
            let shorts: Vec<_> = nodes.iter().map(short).collect();
            let is_over = shorts.iter().all(|(_, status, _)| status != "streaming");
            if is_over && shorts.iter().map(|(text, ..)| text).eq(texts.iter()) {
                return shorts;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    match tokio::time::timeout(PATIENCE, seen).await {
        Ok(shorts) => shorts,
        Err(_) => panic!("{texts:?} is not {:#?}", nodes(api, thread).await),
    }
}

/// Kills the server once so many pieces were shown, and starts it again.
async fn killed_after(pieces: usize, request: Value) -> (Site, String, usize) {
    let data = tempfile::tempdir().unwrap().keep();
    let mut site = Site::start(&data, &["--lease-ms", "600000"]).await;
    let api = site.api();
    let thread = api.thread().await;
    api.run_all(
        &thread,
        with(request.clone(), json!({"assistant_id": "boom"})),
    )
    .await;
    level(&api, &thread).await;
    let mut run = api.run(&thread, request).await;
    for _ in 0..pieces {
        run.until("messages").await;
    }
    let shown = nodes(&api, &thread).await;
    let shown = shown.get(3).map_or(0, |node| short(node).0.len());
    site.kill().await;
    site.up().await;
    (site, thread, shown)
}

#[tokio::test]
async fn a_server_that_was_killed_ends_what_it_was_saying_as_its_thread_keeps_it() {
    for pieces in [1, 7, 40] {
        let (site, thread, shown) = killed_after(pieces, request("chat", 100_000, 1.0)).await;
        let after = level(&site.api(), &thread).await;
        assert_eq!(after.len(), 4);
        let (text, status, reason) = &after[3];
        assert_eq!(
            (status.as_str(), reason.as_str()),
            ("aborted", "server_restarted")
        );
        assert!(text.len() >= shown, "what a reader was shown stays");
        // The lease of the process that was killed is not waited for, and the thread goes on.
        site.api().run_all(&thread, request("chat", 2, 0.0)).await;
        assert_eq!(level(&site.api(), &thread).await.len(), 6);
    }
}

#[tokio::test]
async fn what_was_shown_of_a_run_without_events_stays_in_its_session() {
    let request = with(
        request("chat", 100_000, 1.0),
        json!({"stream_resumable": false}),
    );
    let (site, thread, shown) = killed_after(20, request).await;
    let seen = async {
        loop {
            let nodes = nodes(&site.api(), &thread).await;
            if nodes.len() == 4 && nodes[3]["status"] == "aborted" {
                return short(&nodes[3]);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let (text, _, reason) = tokio::time::timeout(PATIENCE, seen).await.unwrap();
    assert_eq!(reason, "server_restarted");
    assert!(text.len() >= shown && shown > 0);
}
