//! What the server says is what the client's types read.

#![allow(clippy::unwrap_used)]

mod support;

use hyper::Method;
use rejoin_wire::{
    event::{Event, EventBody},
    thread::{Run, RunStatus, Thread, ThreadState, ThreadStatus, read_body},
};
use serde_json::json;
use support::*;

#[tokio::test]
async fn every_event_of_every_agent_has_its_body() {
    let (_server, api) = start().await;
    for agent in ["chat", "tools", "approval", "multi", "boom", "research"] {
        let thread = api.thread().await;
        let asked = with(
            request(agent, 3, 0.0),
            json!({
                "stream_mode": ["values", "messages-tuple", "updates", "custom", "tasks", "checkpoints", "debug"],
                "config": {"configurable": {"n_tokens": 3, "delay_ms": 0, "steps": 2, "step_ms": 0}},
            }),
        );
        let frames = api.run_all(&thread, asked).await;
        assert!(frames.len() > 5, "{agent}");
        let mut text = String::new();
        for frame in frames {
            let event = Event::from_frame(frame).unwrap();
            match event.body().unwrap() {
                EventBody::Messages(message, _) => {
                    assert!(message.id.is_some(), "{agent}");
                    text.push_str(&message.content.text());
                }
                EventBody::Values(values) => assert!(!values.only_interrupts),
                EventBody::Metadata(metadata) => assert_eq!(metadata.attempt, 1),
                _ => {}
            }
        }
        assert_eq!(text.is_empty(), agent == "multi", "{agent}");
    }
}

#[tokio::test]
async fn threads_runs_and_states_are_read_by_the_clients_types() {
    let (_server, api) = start().await;
    let thread = api.thread().await;
    let get = async |path: &str| api.call(Method::GET, path, None).await.body;
    let path = format!("/threads/{thread}");
    let read: Thread = read_body("thread", &get(&path).await).unwrap();
    assert_eq!(read.status, ThreadStatus::Idle);
    let empty: ThreadState = read_body("state", &get(&format!("{path}/state")).await).unwrap();
    assert!(empty.checkpoint.is_none() && empty.next.is_empty());

    let mut stream = api.run(&thread, request("approval", 2, 0.0)).await;
    stream.rest().await;
    let read: Thread = read_body("thread", &get(&path).await).unwrap();
    assert_eq!(read.status, ThreadStatus::Interrupted);
    assert_eq!(read.interrupts.len(), 1);
    let run: Run = read_body(
        "run",
        &get(&format!("{path}/runs/{}", stream.run_id())).await,
    )
    .unwrap();
    assert_eq!(run.status, RunStatus::Success);
    assert_eq!(run.run_id.as_str(), stream.run_id());
    let state: ThreadState = read_body("state", &get(&format!("{path}/state")).await).unwrap();
    assert_eq!(state.interrupts().count(), 1);
    assert!(state.checkpoint.unwrap().checkpoint_id.is_some());
    let history: Vec<ThreadState> =
        read_body("history", &get(&format!("{path}/history")).await).unwrap();
    assert_eq!(history.len(), 3);
    let runs: Vec<Run> = read_body("runs", &get(&format!("{path}/runs?limit=100")).await).unwrap();
    assert_eq!(runs[0], run);
}
