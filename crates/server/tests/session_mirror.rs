//! Runs of a server write their threads' conversations to sessions: what a session holds is what its thread keeps.

#![allow(clippy::unwrap_used)]

#[path = "../../sessions/tests/faulty/mod.rs"]
mod faulty;
mod support;

use std::{
    path::Path,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use faulty::{Fault, Faulty};
use hyper::Method;
use rejoin_server::{Config, Server, sessions::SessionStore};
use serde_json::{Value, json};
use support::{Api, last_text, request, start, start_with, with};

const PATIENCE: Duration = Duration::from_secs(20);

/// A message of a session, or of a thread's state, in short: who, what, which calls.
fn short(message: &Value) -> String {
    let calls = message["tool_calls"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let calls: Vec<String> = calls.iter().map(|call| call["args"].to_string()).collect();
    let text = message["content"].as_str().unwrap_or_default();
    format!(
        "{} {} {text:?} {}",
        message["id"],
        message["type"],
        calls.join(",")
    )
}

async fn nodes(api: &Api, thread: &str) -> Vec<Value> {
    let path = format!("/sessions/{thread}/messages?limit=100");
    let answer = api.call(Method::GET, &path, None).await;
    if answer.status == 404 {
        return Vec::new();
    }
    answer.json()["nodes"].as_array().unwrap().clone()
}

fn statuses(nodes: &[Value]) -> Vec<String> {
    let status = |node: &Value| match node["reason"].as_str() {
        Some(reason) => format!("{}:{reason}", node["status"].as_str().unwrap()),
        None => node["status"].as_str().unwrap().to_owned(),
    };
    nodes.iter().map(status).collect()
}

/// Waits until the session is as asked.
async fn until(api: &Api, thread: &str, is_so: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let seen = async {
        loop {
            let nodes = nodes(api, thread).await;
            if is_so(&nodes) {
                return nodes;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    match tokio::time::timeout(PATIENCE, seen).await {
        Ok(nodes) => nodes,
        Err(_) => panic!("the session never was so: {:#?}", nodes(api, thread).await),
    }
}

/// Waits until the session holds what the thread does, and nothing is being streamed.
async fn level(api: &Api, thread: &str) -> Vec<Value> {
    let state = api.state(thread).await;
    let messages = state["values"]["messages"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let expected: Vec<String> = messages.iter().map(short).collect();
    let is_level = |nodes: &[Value]| {
        let is_over = !statuses(nodes).contains(&"streaming".to_owned());
        is_over
            && nodes
                .iter()
                .map(|node| short(&node["message"]))
                .eq(expected.iter().cloned())
    };
    until(api, thread, is_level).await
}

#[tokio::test]
async fn a_run_writes_its_input_and_its_answer() {
    let (_server, api) = start().await;
    let thread = api.thread().await;
    api.run_all(&thread, request("chat", 20, 0.0)).await;
    let nodes = level(&api, &thread).await;
    assert_eq!(statuses(&nodes), ["complete", "complete"]);
    assert_eq!(nodes[0]["message"]["type"], "human");
    assert!(nodes[1]["run_id"].is_string());
    // The next run adds to it and says nothing twice.
    api.run_all(&thread, request("chat", 3, 0.0)).await;
    let after = level(&api, &thread).await;
    assert_eq!(after.len(), 4);
    assert_eq!(after[..2], nodes[..]);
}

#[tokio::test]
async fn a_client_that_asks_for_no_messages_does_not_change_what_is_written() {
    let (_server, api) = start().await;
    let thread = api.thread().await;
    let request = with(request("chat", 20, 0.0), json!({"stream_mode": ["values"]}));
    api.run_all(&thread, request).await;
    assert_eq!(level(&api, &thread).await.len(), 2);
}

#[tokio::test]
async fn an_answer_can_be_read_while_it_is_written() {
    let (_server, api) = start().await;
    let thread = api.thread().await;
    let mut run = api.run(&thread, request("chat", 100_000, 1.0)).await;
    run.until("messages").await;
    let nodes = until(&api, &thread, |nodes| {
        nodes.len() == 2 && nodes[1]["pieces"].as_u64() > Some(2)
    })
    .await;
    assert_eq!(statuses(&nodes), ["complete", "streaming"]);
    assert_eq!(nodes[1]["run_id"], run.run_id());
    let path = format!("/threads/{thread}/runs/{}/cancel?wait=1", run.run_id());
    api.post(&path, json!({})).await;
    let nodes = level(&api, &thread).await;
    assert_eq!(statuses(&nodes), ["complete", "cancelled"]);
}

#[tokio::test]
async fn tools_are_called_and_answer() {
    let (_server, api) = start().await;
    let thread = api.thread().await;
    api.run_all(&thread, request("tools", 5, 0.0)).await;
    let nodes = level(&api, &thread).await;
    let kinds: Vec<&Value> = nodes.iter().map(|node| &node["message"]["type"]).collect();
    assert_eq!(kinds, ["human", "ai", "tool", "ai"]);
    assert_eq!(
        nodes[1]["message"]["tool_calls"][0]["args"],
        json!({"city": "Paris"})
    );
}

#[tokio::test]
async fn an_agent_that_fails_leaves_what_it_said() {
    let (_server, api) = start().await;
    let thread = api.thread().await;
    api.run_all(&thread, request("boom", 5, 0.0)).await;
    let nodes = level(&api, &thread).await;
    assert_eq!(statuses(&nodes), ["complete", "aborted:agent_failed"]);
}

#[tokio::test]
async fn a_run_that_is_rolled_back_takes_its_messages_along() {
    let (_server, api) = start().await;
    let thread = api.thread().await;
    api.run_all(&thread, request("chat", 2, 0.0)).await;
    let before = level(&api, &thread).await;
    let mut run = api.run(&thread, request("chat", 100_000, 1.0)).await;
    run.until("messages").await;
    until(&api, &thread, |nodes| nodes.len() == 4).await;
    let path = format!(
        "/threads/{thread}/runs/{}/cancel?wait=1&action=rollback",
        run.run_id()
    );
    api.post(&path, json!({})).await;
    assert_eq!(level(&api, &thread).await, before);
}

#[tokio::test]
async fn an_edit_removes_what_it_replaces() {
    let (_server, api) = start().await;
    let thread = api.thread().await;
    api.run_all(&thread, request("chat", 2, 0.0)).await;
    let first = level(&api, &thread).await;
    let fork = api.state(&thread).await["checkpoint"].clone();
    api.run_all(&thread, request("chat", 3, 0.0)).await;
    let second = level(&api, &thread).await;
    let edit = with(request("chat", 4, 0.0), json!({"checkpoint": fork}));
    api.run_all(&thread, edit).await;
    let edited = level(&api, &thread).await;
    assert_eq!(edited[..2], first[..]);
    assert_eq!(edited.len(), 4);
    assert_ne!(
        edited[3]["message"]["content"],
        second[3]["message"]["content"]
    );
}

#[tokio::test]
async fn a_state_that_is_changed_by_hand_is_followed() {
    let (_server, api) = start().await;
    let thread = api.thread().await;
    api.run_all(&thread, request("chat", 2, 0.0)).await;
    let nodes = level(&api, &thread).await;
    let id = &nodes[1]["message"]["id"];
    for text in ["once", "twice"] {
        let message = json!({"type": "ai", "id": id, "content": text});
        let update = json!({"values": {"messages": [message]}});
        api.post(&format!("/threads/{thread}/state"), update).await;
        let nodes = level(&api, &thread).await;
        assert_eq!(nodes[1]["message"]["content"], text);
    }
    let gone =
        json!({"values": {"messages": [{"type": "remove", "id": nodes[0]["message"]["id"]}]}});
    api.post(&format!("/threads/{thread}/state"), gone).await;
    assert_eq!(level(&api, &thread).await.len(), 1);
}

#[tokio::test]
async fn a_question_waits_and_its_answer_goes_on() {
    let (_server, api) = start().await;
    let thread = api.thread().await;
    api.run_all(&thread, request("approval", 5, 0.0)).await;
    assert_eq!(level(&api, &thread).await.len(), 2);
    let answer = with(
        request("approval", 5, 0.0),
        json!({"input": null, "command": {"resume": true}}),
    );
    api.run_all(&thread, answer).await;
    let nodes = level(&api, &thread).await;
    assert_eq!(statuses(&nodes), ["complete"; 3]);
}

#[tokio::test]
async fn a_thread_that_is_deleted_takes_its_session_along() {
    let (_server, api) = start().await;
    let thread = api.thread().await;
    let mut run = api.run(&thread, request("chat", 100_000, 1.0)).await;
    run.until("messages").await;
    until(&api, &thread, |nodes| nodes.len() == 2).await;
    let deleted = api
        .call(Method::DELETE, &format!("/threads/{thread}"), None)
        .await;
    assert!(deleted.status.is_success());
    until(&api, &thread, <[Value]>::is_empty).await;
}

#[tokio::test]
async fn messages_of_others_in_a_threads_session_stay() {
    let (_server, api) = start().await;
    let thread = api.thread().await;
    let note = json!({"id": "note", "type": "ai", "content": "from elsewhere"});
    let changes = json!([
        {"type": "started", "message": note}, {"type": "ended", "id": "note", "status": "complete"}]);
    let records = json!({"producer": "elsewhere", "lease_ms": 15_000, "changes": changes});
    api.post(&format!("/sessions/{thread}/records"), records)
        .await;
    api.run_all(&thread, request("chat", 2, 0.0)).await;
    let nodes = until(&api, &thread, |nodes| {
        nodes.len() == 3 && statuses(nodes) == ["complete"; 3]
    })
    .await;
    assert_eq!(nodes[0]["message"]["id"], "note");
}

#[tokio::test]
async fn a_message_that_is_cancelled_elsewhere_stops_its_run() {
    let (_server, api) = start().await;
    let thread = api.thread().await;
    let mut run = api.run(&thread, request("chat", 100_000, 1.0)).await;
    run.until("messages").await;
    let nodes = until(&api, &thread, |nodes| nodes.len() == 2).await;
    let id = nodes[1]["message"]["id"].as_str().unwrap();
    let cancel = json!({"id": id});
    api.post(&format!("/sessions/{thread}/cancel"), cancel)
        .await;
    api.until_status(&thread, &run.run_id(), "interrupted")
        .await;
    let nodes = level(&api, &thread).await;
    assert_eq!(statuses(&nodes), ["complete", "cancelled"]);
}

async fn start_in(directory: &Path) -> (Server, Api) {
    let config = Config {
        data: directory.to_path_buf(),
        sessions: SessionStore::Own,
        ..Config::default()
    };
    let server = Server::start(config).await.unwrap();
    let api = Api::new(server.url());
    (server, api)
}

/// The data of a server as a crash would leave it: copied while the server runs.
fn crashed(directory: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    copy
}

#[tokio::test]
async fn what_a_stopped_server_was_saying_is_ended_as_its_thread_keeps_it() {
    let data = tempfile::tempdir().unwrap();
    let (server, api) = start_in(data.path()).await;
    let thread = api.thread().await;
    let mut run = api.run(&thread, request("chat", 100_000, 1.0)).await;
    run.until("messages").await;
    until(&api, &thread, |nodes| nodes.len() == 2).await;
    server.stop().await;
    drop(run);
    let data = crashed(data.path());
    let (_server, api) = start_in(data.path()).await;
    let state = api.state(&thread).await;
    assert!(!last_text(&state).is_empty());
    let nodes = level(&api, &thread).await;
    assert_eq!(statuses(&nodes), ["complete", "aborted:server_stopping"]);
    // The thread goes on.
    api.run_all(&thread, request("chat", 2, 0.0)).await;
    assert_eq!(level(&api, &thread).await.len(), 4);
}

/// A server whose store of sessions comes and goes.
async fn start_over(log: &Arc<Faulty>, waiting_bytes_max: usize) -> (Server, Api) {
    let log = Arc::clone(log);
    start_with(|config| {
        config.session_log = Some(log);
        config.session_limits.waiting_bytes_max = waiting_bytes_max;
    })
    .await
}

#[tokio::test]
async fn a_run_does_not_wait_for_a_store_that_is_gone() {
    let log = Faulty::new(|_| Fault::None);
    let (_server, api) = start_over(&log, 1 << 20).await;
    let thread = api.thread().await;
    log.is_gone.store(true, Ordering::SeqCst);
    api.run_all(&thread, request("tools", 20, 0.0)).await;
    api.run_all(&thread, request("boom", 20, 0.0)).await;
    let mut run = api.run(&thread, request("chat", 100_000, 1.0)).await;
    run.until("messages").await;
    log.is_gone.store(false, Ordering::SeqCst);
    // What had been missed, and what is being said.
    let nodes = until(&api, &thread, |nodes| {
        nodes.len() == 8 && nodes[7]["pieces"].as_u64() > Some(2)
    })
    .await;
    assert_eq!(
        statuses(&nodes)[5..],
        ["aborted:agent_failed", "complete", "streaming"]
    );
    let path = format!("/threads/{thread}/runs/{}/cancel?wait=1", run.run_id());
    api.post(&path, json!({})).await;
    level(&api, &thread).await;
}

#[tokio::test]
async fn a_store_that_goes_in_the_middle_of_an_answer_has_all_of_it_later() {
    let log = Faulty::new(|_| Fault::None);
    let (_server, api) = start_over(&log, 1 << 20).await;
    let thread = api.thread().await;
    let mut run = api.run(&thread, request("chat", 400, 1.0)).await;
    until(&api, &thread, |nodes| nodes.len() == 2).await;
    log.is_gone.store(true, Ordering::SeqCst);
    run.rest().await;
    log.is_gone.store(false, Ordering::SeqCst);
    let nodes = level(&api, &thread).await;
    assert_eq!(statuses(&nodes), ["complete", "complete"]);
}

#[tokio::test]
async fn what_waits_for_too_long_is_forgotten_and_said_anew_from_the_thread() {
    let log = Faulty::new(|_| Fault::None);
    let (_server, api) = start_over(&log, 6000).await;
    let thread = api.thread().await;
    let mut run = api.run(&thread, request("chat", 3000, 0.0)).await;
    until(&api, &thread, |nodes| nodes.len() == 2).await;
    for _ in 0..3 {
        log.is_gone.store(true, Ordering::SeqCst);
        for _ in 0..300 {
            run.next().await.unwrap();
        }
        log.is_gone.store(false, Ordering::SeqCst);
        let before = nodes(&api, &thread).await[1]["pieces"].as_u64();
        until(&api, &thread, |nodes| nodes[1]["pieces"].as_u64() > before).await;
    }
    log.is_gone.store(true, Ordering::SeqCst);
    run.rest().await;
    // Behind, and over: the thread alone knows.
    api.run_all(&thread, request("chat", 2000, 0.0)).await;
    log.is_gone.store(false, Ordering::SeqCst);
    let nodes = level(&api, &thread).await;
    assert_eq!(statuses(&nodes), ["complete"; 4]);
}

#[tokio::test]
async fn a_store_that_fails_now_and_then_is_not_noticed() {
    let log = Faulty::new(|append| match append % 7 {
        2 => Fault::Before,
        4 => Fault::After,
        5 => Fault::Late,
        _ => Fault::None,
    });
    let (_server, api) = start_over(&log, 1 << 20).await;
    let thread = api.thread().await;
    for agent in ["chat", "tools", "boom", "chat"] {
        api.run_all(&thread, request(agent, 30, 1.0)).await;
    }
    level(&api, &thread).await;
}
