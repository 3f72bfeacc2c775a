//! The real binary on a real file: killed, stopped, restarted.

#![allow(clippy::unwrap_used)]

mod support;

use std::{path::Path, process::Stdio, time::Duration};

use hyper::Method;
use serde_json::{Value, json};
use support::*;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

struct Process {
    child: Child,
    api: Api,
}

impl Process {
    /// Starts the binary and reads its address from what it prints.
    async fn start(data: &Path, more: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_rejoin-server"))
            .args(["--port", "0", "--log", "warn", "--data"])
            .arg(data)
            .args(more)
            .env_remove("OPENAI_API_KEY")
            .env_remove("OPENAI_BASE_URL")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .await
            .unwrap();
        let url = line
            .trim()
            .strip_prefix("rejoin-server listening on ")
            .unwrap()
            .to_owned();
        Self {
            child,
            api: Api::new(url),
        }
    }

    async fn signal(&self, name: &str) {
        let pid = self.child.id().unwrap().to_string();
        assert!(
            Command::new("kill")
                .args([name, &pid])
                .status()
                .await
                .unwrap()
                .success()
        );
    }
}

#[tokio::test]
async fn kill_9_ends_the_run_as_an_error_and_loses_nothing_shown() {
    let directory = tempfile::tempdir().unwrap();
    let mut first = Process::start(directory.path(), &[]).await;
    let thread = first.api.thread().await;
    first.api.run_all(&thread, request("chat", 3, 0.0)).await;
    let mut stream = first.api.run(&thread, request("chat", 5000, 2.0)).await;
    let run = stream.run_id();
    let mut seen = Vec::new();
    while seen.len() < 60 {
        seen.push(stream.next().await.unwrap());
    }
    let queued = first
        .api
        .post(&format!("/threads/{thread}/runs"), request("chat", 1, 0.0))
        .await;
    first.child.kill().await.unwrap();
    seen.extend(stream.rest().await);
    assert!(stream.broken);

    let second = Process::start(directory.path(), &[]).await;
    let api = &second.api;
    let error = json!({
        "error": "ServerRestarted",
        "message": "the server stopped while this run was streaming; what had arrived is kept, the rest was not produced",
    });
    assert_eq!(api.run_status(&thread, &run).await, "error");
    assert_eq!(
        api.run_status(&thread, queued["run_id"].as_str().unwrap())
            .await,
        "error"
    );
    let found = api.get(&format!("/threads/{thread}")).await;
    assert_eq!(found["status"], "error");
    // The thread's error is its last run's, and that one never began.
    assert_eq!(found["error"]["error"], "ServerRestarted");
    let message = found["error"]["message"].as_str().unwrap();
    assert!(message.contains("before this run began"), "{message}");

    // The reader goes on from its cursor: what was committed after it, then the error, with dense ids.
    let last: usize = seen.last().unwrap().id.as_ref().unwrap().parse().unwrap();
    assert_eq!(last + 1, seen.len());
    let rest = api
        .join(&thread, &run, Some(&last.to_string()))
        .await
        .rest()
        .await;
    assert_eq!(data(rest.last().unwrap()), error);
    for (index, frame) in rest.iter().enumerate() {
        assert_eq!(frame.id, Some((last + 1 + index).to_string()));
    }
    let all = api.join(&thread, &run, Some("-1")).await.rest().await;
    assert_eq!(all[..seen.len()], seen);

    the_streamed_text_is_kept(api, &thread, &all).await;
    // And the thread works.
    let frames = api.run_all(&thread, request("chat", 2, 0.0)).await;
    assert_eq!(
        data(frames.last().unwrap())["messages"]
            .as_array()
            .unwrap()
            .len(),
        6
    );
    assert_eq!(
        api.get(&format!("/threads/{thread}")).await["error"],
        Value::Null
    );
}

async fn the_streamed_text_is_kept(api: &Api, thread: &str, all: &[rejoin_wire::sse::Frame]) {
    // The text that was streamed, and exactly that, is in the state.
    let text: String = all
        .iter()
        .filter(|frame| frame.event_name() == "messages")
        .map(|frame| data(frame)[0]["content"].as_str().unwrap().to_owned())
        .collect();
    let state = api.state(thread).await;
    let messages = state["values"]["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 4);
    assert_eq!(last_text(&state), text);
    assert_eq!(
        messages[3]["response_metadata"],
        json!({"finish_reason": "aborted"})
    );
}

#[tokio::test]
async fn everything_that_was_answered_survives_many_kills() {
    let directory = tempfile::tempdir().unwrap();
    let thread = {
        let mut process = Process::start(directory.path(), &[]).await;
        let thread = process.api.thread().await;
        process.child.kill().await.unwrap();
        thread
    };
    for round in 1..=3_usize {
        let mut process = Process::start(directory.path(), &[]).await;
        process.api.run_all(&thread, request("chat", 3, 0.0)).await;
        let state = process.api.state(&thread).await;
        assert_eq!(
            state["values"]["messages"].as_array().unwrap().len(),
            2 * round
        );
        process.child.kill().await.unwrap();
    }
}

#[tokio::test]
async fn sigterm_ends_streams_in_order_and_the_process_soon() {
    let directory = tempfile::tempdir().unwrap();
    let mut process = Process::start(directory.path(), &[]).await;
    let thread = process.api.thread().await;
    let mut stream = process.api.run(&thread, request("chat", 5000, 5.0)).await;
    stream.until("messages").await;
    process.signal("-TERM").await;
    stream.rest().await;
    assert!(!stream.broken);
    let status = tokio::time::timeout(Duration::from_secs(10), process.child.wait())
        .await
        .unwrap()
        .unwrap();
    assert!(status.success());
    let again = Process::start(directory.path(), &[]).await;
    assert_eq!(
        again.api.run_status(&thread, &stream.run_id()).await,
        "error"
    );
}

#[tokio::test]
async fn a_restart_on_demand_exits_with_its_code() {
    let directory = tempfile::tempdir().unwrap();
    let mut process = Process::start(directory.path(), &["--faults"]).await;
    let answer = process
        .api
        .call(Method::POST, "/faults/restart", None)
        .await;
    assert_eq!(answer.status, 202);
    let status = tokio::time::timeout(Duration::from_secs(10), process.child.wait())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(status.code(), Some(75));
}

#[tokio::test]
async fn a_second_server_on_the_same_data_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let _first = Process::start(directory.path(), &[]).await;
    let second = Command::new(env!("CARGO_BIN_EXE_rejoin-server"))
        .args(["--port", "0", "--data"])
        .arg(directory.path())
        .output()
        .await
        .unwrap();
    assert!(!second.status.success());
    assert!(String::from_utf8_lossy(&second.stderr).contains("cannot open the data directory"));
}
