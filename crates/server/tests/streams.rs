//! Streaming, joining and resuming: nothing lost, nothing twice, errors replayed.

#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use hyper::Method;
use serde_json::json;
use support::*;

#[tokio::test]
async fn a_run_streams_and_its_ids_are_dense() {
    let (_server, api) = start().await;
    let thread = api.thread().await;
    let mut stream = api.run(&thread, request("chat", 3, 0.0)).await;
    assert_eq!(
        stream.headers["content-type"],
        "text/event-stream; charset=utf-8"
    );
    assert_eq!(
        stream.headers["content-location"],
        format!("/threads/{thread}/runs/{}", stream.run_id())
    );
    let frames = stream.rest().await;
    assert!(!stream.broken);
    assert_eq!(
        names(&frames),
        [
            "metadata", "values", "messages", "messages", "messages", "messages", "updates",
            "values"
        ]
    );
    for (index, frame) in frames.iter().enumerate() {
        assert_eq!(frame.id, Some(index.to_string()));
    }
    assert_eq!(
        data(&frames[0]),
        json!({"run_id": stream.run_id(), "attempt": 1})
    );
    let chunk = data(&frames[2]);
    assert_eq!(chunk[0]["type"], "AIMessageChunk");
    assert_eq!(chunk[0]["content"], "alpha0 ");
    assert_eq!(chunk[1]["langgraph_node"], "model");
    assert_eq!(data(&frames[7])["messages"][1]["content"], words(3));
    assert_eq!(data(&frames[7])["messages"][1]["id"], chunk[0]["id"]);
    // What a reader was told is over is over.
    assert_eq!(api.run_status(&thread, &stream.run_id()).await, "success");
    assert_eq!(
        api.get(&format!("/threads/{thread}")).await["status"],
        "idle"
    );
}

#[tokio::test]
async fn an_ended_run_is_resumed_at_each_id() {
    let (_server, api) = start().await;
    let thread = api.thread().await;
    let mut stream = api.run(&thread, request("chat", 20, 0.0)).await;
    let all = stream.rest().await;
    let run = stream.run_id();
    for after in -1..all.len() as i64 {
        let again = api
            .join(&thread, &run, Some(&after.to_string()))
            .await
            .rest()
            .await;
        assert_eq!(again, all[(after + 1) as usize..], "after {after}");
    }
    let ahead = api.join(&thread, &run, Some(&all.len().to_string())).await;
    assert_eq!(ahead.status, 409);
}

#[tokio::test]
async fn a_live_run_is_resumed_at_each_id_by_many_readers() {
    let (_server, api) = start().await;
    let thread = api.thread().await;
    let mut stream = api.run(&thread, request("chat", 40, 4.0)).await;
    let run = stream.run_id();
    let mut seen = Vec::new();
    let mut readers = Vec::new();
    while let Some(frame) = stream.next().await {
        let id = frame.id.clone().unwrap();
        seen.push(frame);
        let mut reader = api.join(&thread, &run, Some(&id)).await;
        readers.push(tokio::spawn(async move { reader.rest().await }));
    }
    assert_eq!(seen.len(), 40 + 5);
    for (index, reader) in readers.into_iter().enumerate() {
        assert_eq!(reader.await.unwrap(), seen[index + 1..], "after {index}");
    }
}

#[tokio::test]
async fn without_a_cursor_only_what_comes_is_sent() {
    let (_server, api) = start().await;
    let thread = api.thread().await;
    let mut first = api.run(&thread, request("chat", 30, 10.0)).await;
    first.until("messages").await;
    let mut late = api.join(&thread, &first.run_id(), None).await;
    let late = late.rest().await;
    assert!(!names(&late).contains(&"metadata"));
    assert_eq!(late.last().unwrap().event_name(), "values");
    let over = api.join(&thread, &first.run_id(), None).await.rest().await;
    assert_eq!(over, []);
}

#[tokio::test]
async fn an_error_is_replayed_and_what_was_shown_is_kept() {
    let (_server, api) = start().await;
    let thread = api.thread().await;
    let mut stream = api.run(&thread, request("boom", 20, 0.0)).await;
    let run = stream.run_id();
    let frames = stream.rest().await;
    let error = frames.last().unwrap();
    assert_eq!(error.event_name(), "error");
    assert_eq!(
        data(error),
        json!({"error": "ValueError", "message": "model blew up after 5 tokens"})
    );
    let before = (frames.len() - 2).to_string();
    assert_eq!(
        api.join(&thread, &run, Some(&before)).await.rest().await,
        frames[frames.len() - 1..]
    );
    assert_eq!(api.run_status(&thread, &run).await, "error");
    let found = api.get(&format!("/threads/{thread}")).await;
    assert_eq!(found["status"], "error");
    assert_eq!(found["error"], data(error));
    let state = api.state(&thread).await;
    assert_eq!(last_text(&state), words(5));
    assert_eq!(
        state["values"]["messages"][1]["response_metadata"]["finish_reason"],
        "error"
    );
}

#[tokio::test]
async fn a_run_that_is_not_resumable_has_no_ids_and_no_replay() {
    let (_server, api) = start().await;
    let thread = api.thread().await;
    let plain = with(
        request("chat", 30, 10.0),
        json!({"stream_resumable": false}),
    );
    let mut stream = api.run(&thread, plain).await;
    let run = stream.run_id();
    assert_eq!(stream.until("messages").await.id, None);
    let late = api.join(&thread, &run, Some("-1")).await.rest().await;
    assert!(!names(&late).contains(&"metadata"));
    stream.rest().await;
    assert_eq!(api.join(&thread, &run, Some("-1")).await.rest().await, []);
}

#[tokio::test]
async fn unknown_runs_and_bad_cursors_are_json_errors() {
    let (_server, api) = start().await;
    let thread = api.thread().await;
    let other = api.thread().await;
    let mut stream = api.run(&thread, request("chat", 1, 0.0)).await;
    stream.rest().await;
    let run = stream.run_id();
    let check = async |path: String, id: &str, expect: (u16, &str)| {
        let response = api
            .open(Method::GET, &path, &[("last-event-id", id)], None)
            .await;
        let status = response.status().as_u16();
        let body = http_body_util::BodyExt::collect(response.into_body())
            .await
            .unwrap()
            .to_bytes();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            (status, body["code"].as_str().unwrap()),
            expect,
            "{path} {id}"
        );
        assert!(!body["detail"].as_str().unwrap().is_empty());
    };
    check(
        format!("/threads/{thread}/runs/{UNKNOWN}/stream"),
        "-1",
        (404, "run_not_found"),
    )
    .await;
    check(
        format!("/threads/{UNKNOWN}/runs/{run}/stream"),
        "-1",
        (404, "run_not_found"),
    )
    .await;
    check(
        format!("/threads/{other}/runs/{run}/stream"),
        "-1",
        (404, "run_not_found"),
    )
    .await;
    check(
        format!("/threads/{thread}/runs/nope/stream"),
        "-1",
        (422, "invalid_id"),
    )
    .await;
    check(
        format!("/threads/{thread}/runs/{run}/stream"),
        "x-0",
        (422, "invalid_request"),
    )
    .await;
    check(
        format!("/threads/{thread}/runs/{run}/stream"),
        "4000",
        (409, "cursor_ahead"),
    )
    .await;
}

#[tokio::test]
async fn a_cursor_in_the_query_is_read_as_the_header_is_and_the_header_wins() {
    let (_server, api) = start().await;
    let thread = api.thread().await;
    let mut stream = api.run(&thread, request("chat", 5, 0.0)).await;
    let frames = stream.rest().await;
    let path = format!("/threads/{thread}/runs/{}/stream", stream.run_id());
    let join = async |query: &str, header: Option<&str>| {
        let headers: Vec<_> = header.iter().map(|id| ("last-event-id", *id)).collect();
        api.open(Method::GET, &format!("{path}?{query}"), &headers, None)
            .await
    };
    let position = |id: &str| {
        frames
            .iter()
            .position(|frame| frame.id.as_deref() == Some(id))
            .unwrap()
    };
    for (query, header, first) in [
        ("last_event_id=-1", None, 0),
        ("last_event_id=2", None, position("2") + 1),
        ("stream_mode=&last_event_id=2", Some(""), position("2") + 1),
        ("last_event_id=2", Some("4"), position("4") + 1),
        ("last_event_id=x-0", Some("4"), position("4") + 1),
        ("last_event_id=", None, frames.len()),
    ] {
        let joined = Stream::new(join(query, header).await).rest().await;
        assert_eq!(joined, frames[first..], "{query} {header:?}");
    }
    for (query, header, status) in [
        ("last_event_id=x-0", None, 422),
        ("last_event_id=1&last_event_id=2", None, 422),
        ("last_event_id=2", Some("x-0"), 422),
        ("last_event_id=4000", None, 409),
    ] {
        let answer = join(query, header).await;
        assert_eq!(answer.status(), status, "{query} {header:?}");
    }
}

#[tokio::test]
async fn a_join_is_filtered_by_mode() {
    let (_server, api) = start().await;
    let thread = api.thread().await;
    let mut stream = api.run(&thread, request("boom", 3, 0.0)).await;
    stream.rest().await;
    let path = format!(
        "/threads/{thread}/runs/{}/stream?stream_mode=values",
        stream.run_id()
    );
    let mut filtered = Stream::new(
        api.open(Method::GET, &path, &[("last-event-id", "-1")], None)
            .await,
    );
    assert_eq!(
        names(&filtered.rest().await),
        ["metadata", "values", "error"]
    );
}

#[tokio::test]
async fn an_old_log_is_gone_and_says_so() {
    let (_server, api) = start_with(|config| config.retention = Duration::from_millis(100)).await;
    let thread = api.thread().await;
    let mut stream = api.run(&thread, request("chat", 1, 0.0)).await;
    stream.rest().await;
    let run = stream.run_id();
    assert_eq!(api.join(&thread, &run, Some("-1")).await.status, 200);
    let mut status = 200;
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(30)).await;
        status = api.join(&thread, &run, Some("1")).await.status.as_u16();
        if status != 200 {
            break;
        }
    }
    assert_eq!(status, 410);
    let answer = api
        .call(Method::GET, &format!("/threads/{thread}/runs/{run}"), None)
        .await;
    assert_eq!(answer.json()["status"], "success");
    assert_eq!(last_text(&api.state(&thread).await), words(1));
}

#[tokio::test]
async fn silence_is_filled_with_heartbeats() {
    let (_server, api) = start_with(|config| config.heartbeat = Duration::from_millis(20)).await;
    let thread = api.thread().await;
    let mut stream = api.run(&thread, request("chat", 1, 300.0)).await;
    stream.rest().await;
    assert!(stream.comments >= 5, "{} heartbeats", stream.comments);
}

#[tokio::test]
async fn a_lost_reader_stops_the_run_only_if_asked_to() {
    let (_server, api) = start().await;
    for (on_disconnect, status) in [("cancel", "interrupted"), ("continue", "success")] {
        let thread = api.thread().await;
        let asked = with(
            request("chat", 30, 10.0),
            json!({"on_disconnect": on_disconnect}),
        );
        let mut stream = api.run(&thread, asked).await;
        stream.until("messages").await;
        let run = stream.run_id();
        drop(stream);
        api.until_status(&thread, &run, status).await;
    }
    // The same for a joined reader.
    let thread = api.thread().await;
    let mut first = api.run(&thread, request("chat", 30, 10.0)).await;
    first.until("messages").await;
    let path = format!(
        "/threads/{thread}/runs/{}/stream?cancel_on_disconnect=true",
        first.run_id()
    );
    let mut second = Stream::new(
        api.open(Method::GET, &path, &[("last-event-id", "-1")], None)
            .await,
    );
    second.until("messages").await;
    drop(second);
    api.until_status(&thread, &first.run_id(), "interrupted")
        .await;
}

#[tokio::test]
async fn modes_bring_their_events() {
    let (_server, api) = start().await;
    let check = async |modes: &[&str], expect: &[&str]| {
        let thread = api.thread().await;
        let asked = with(request("chat", 2, 0.0), json!({"stream_mode": modes}));
        let frames = api.run_all(&thread, asked).await;
        assert_eq!(names(&frames), expect, "{modes:?}");
        frames
    };
    check(&["values"], &["metadata", "values", "values"]).await;
    check(&["updates"], &["metadata", "updates"]).await;
    check(
        &["messages-tuple"],
        &["metadata", "messages", "messages", "messages"],
    )
    .await;
    let partial = check(
        &["messages"],
        &[
            "metadata",
            "messages/metadata",
            "messages/partial",
            "messages/partial",
            "messages/partial",
        ],
    )
    .await;
    assert_eq!(data(&partial[4])[0]["content"], words(2));
    let tasks = check(&["tasks"], &["metadata", "tasks", "tasks"]).await;
    assert_eq!(
        data(&tasks[2])["result"]["messages"][0]["content"],
        words(2)
    );
    let checkpoints = check(
        &["checkpoints"],
        &["metadata", "checkpoints", "checkpoints", "checkpoints"],
    )
    .await;
    assert_eq!(data(&checkpoints[3])["next"], json!([]));
    check(
        &["debug"],
        &["metadata", "debug", "debug", "debug", "debug", "debug"],
    )
    .await;
    let thread = api.thread().await;
    let answer = api
        .call(
            Method::POST,
            &format!("/threads/{thread}/runs/stream"),
            Some(with(
                request("chat", 2, 0.0),
                json!({"stream_mode": ["nonsense"]}),
            )),
        )
        .await;
    assert_eq!(answer.code(), (422, "invalid_request".to_owned()));
}

#[tokio::test]
async fn a_stopping_server_ends_its_streams_in_order() {
    let (server, api) = start().await;
    let thread = api.thread().await;
    let mut stream = api.run(&thread, request("chat", 1000, 10.0)).await;
    stream.until("messages").await;
    server.stop().await;
    stream.rest().await;
    assert!(!stream.broken);
}
