//! Each fault does to a connection what it says, and the stream can be resumed after it.

#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use hyper::Method;
use serde_json::{Value, json};
use support::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A server with an ended run on it.
async fn with_run() -> (
    rejoin_server::Server,
    Api,
    String,
    String,
    Vec<rejoin_wire::sse::Frame>,
) {
    let (server, api) = start().await;
    let thread = api.thread().await;
    let mut stream = api.run(&thread, request("chat", 5, 0.0)).await;
    let frames = stream.rest().await;
    let run = stream.run_id();
    (server, api, thread, run, frames)
}

#[tokio::test]
async fn a_stream_cut_anywhere_is_resumed_whole() {
    let (_server, api) = start().await;
    for after_bytes in [0, 1, 7, 70, 100, 333, 1000, 1234, 2000] {
        let thread = api.thread().await;
        api.faults(
            json!([{"match": "stream", "fault": {"kind": "cut", "after_bytes": after_bytes}}]),
        )
        .await;
        let mut stream = api.run(&thread, request("chat", 20, 2.0)).await;
        let mut frames = stream.rest().await;
        assert!(stream.broken, "after {after_bytes}");
        assert_eq!(stream.bytes.len(), after_bytes);
        let last = frames
            .last()
            .map_or("-1".to_owned(), |frame| frame.id.clone().unwrap());
        frames.extend(
            api.join(&thread, &stream.run_id(), Some(&last))
                .await
                .rest()
                .await,
        );
        let ids: Vec<usize> = frames
            .iter()
            .map(|frame| frame.id.as_ref().unwrap().parse().unwrap())
            .collect();
        assert_eq!(ids, (0..25).collect::<Vec<_>>(), "after {after_bytes}");
    }
}

#[tokio::test]
async fn a_reset_is_a_reset() {
    let (server, api, thread, run, _) = with_run().await;
    api.faults(json!([{"match": "join", "fault": {"kind": "reset", "after_bytes": 20}}]))
        .await;
    let mut socket = tokio::net::TcpStream::connect(server.address())
        .await
        .unwrap();
    let request = format!(
        "GET /threads/{thread}/runs/{run}/stream HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: -1\r\n\r\n"
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut read = Vec::new();
    let error = socket.read_to_end(&mut read).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    assert!(String::from_utf8_lossy(&read).contains("event: metadata"));
}

#[tokio::test]
async fn a_stall_sends_nothing_more_and_stays_open() {
    let (_server, api, thread, run, _) = with_run().await;
    api.faults(json!([{"match": "join", "fault": {"kind": "stall", "after_bytes": 200}}]))
        .await;
    let mut stream = api.join(&thread, &run, Some("-1")).await;
    let quiet = tokio::time::timeout(Duration::from_millis(300), stream.rest()).await;
    assert!(quiet.is_err(), "the stream ended");
    assert_eq!(stream.bytes.len(), 200);
}

#[tokio::test]
async fn answers_of_proxies_take_the_place_of_ours() {
    let (_server, api, thread, run, frames) = with_run().await;
    api.faults(json!([
        {"match": "join", "times": 2, "fault": {"kind": "status", "status": 502, "headers": {"retry-after": "1"}, "body": "bad gateway"}},
        {"match": "join", "fault": {"kind": "html"}},
        {"match": "join", "fault": {"kind": "raw", "body": "event: values\ndata: {not json\n\n"}},
        {"match": "/state", "fault": {"kind": "status", "status": 401, "body": "{}"}},
    ]))
    .await;
    for _ in 0..2 {
        let stream = api.join(&thread, &run, Some("-1")).await;
        assert_eq!(
            (stream.status.as_u16(), &stream.headers["retry-after"]),
            (502, &"1".parse().unwrap())
        );
    }
    let page = api.join(&thread, &run, Some("-1")).await;
    assert_eq!(
        (page.status.as_u16(), &page.headers["content-type"]),
        (200, &"text/html; charset=utf-8".parse().unwrap())
    );
    let raw = api.join(&thread, &run, Some("-1")).await.rest().await;
    assert_eq!(raw[0].data, "{not json");
    assert_eq!(
        api.call(Method::GET, &format!("/threads/{thread}/state"), None)
            .await
            .status,
        401
    );
    assert_eq!(
        api.join(&thread, &run, Some("-1")).await.rest().await,
        frames
    );
}

#[tokio::test]
async fn bytes_are_injected_and_the_rest_follows() {
    let (_server, api, thread, run, frames) = with_run().await;
    let mut plain = api.join(&thread, &run, Some("-1")).await;
    plain.rest().await;
    let first_frame = plain
        .bytes
        .windows(2)
        .position(|pair| pair == b"\n\n")
        .unwrap()
        + 2;
    let body = "event: custom\ndata: \"injected\"\n\n";
    api.faults(json!([{"match": "join", "fault": {"kind": "inject", "after_bytes": first_frame, "body": body}}])).await;
    let mut stream = api.join(&thread, &run, Some("-1")).await;
    let found = stream.rest().await;
    assert_eq!(
        (found.len(), found[1].data.as_str()),
        (frames.len() + 1, "\"injected\"")
    );
    assert_eq!(stream.bytes.len(), plain.bytes.len() + body.len());
    assert_eq!(found[2..], frames[1..]);
}

#[tokio::test]
async fn a_delay_answers_late_and_a_hang_never() {
    let (_server, api, thread, ..) = with_run().await;
    let path = format!("/threads/{thread}");
    api.faults(json!([{"match": "any", "fault": {"kind": "delay", "delay_ms": 150}}, {"match": "any", "fault": {"kind": "hang"}}])).await;
    let begun = std::time::Instant::now();
    api.get(&path).await;
    assert!(begun.elapsed() >= Duration::from_millis(150));
    let hung = tokio::time::timeout(
        Duration::from_millis(300),
        api.call(Method::GET, &path, None),
    )
    .await;
    assert!(hung.is_err());
    api.get(&path).await;
}

#[tokio::test]
async fn rules_are_listed_cleared_and_absent_without_the_flag() {
    let (_server, api) = start().await;
    api.faults(json!([{"match": "any", "times": null, "fault": {"kind": "hang"}}]))
        .await;
    let listed = api.get("/faults").await;
    assert_eq!(listed["rules"][0]["times"], Value::Null);
    assert_eq!(api.call(Method::DELETE, "/faults", None).await.status, 204);
    assert_eq!(api.get("/ok").await, json!({"ok": true}));
    let bad = api
        .call(
            Method::POST,
            "/faults",
            Some(json!({"rules": [{"match": "any", "fault": {"kind": "magic"}}]})),
        )
        .await;
    assert_eq!(bad.status, 422);
    let (_server, plain) = start_with(|config| config.faults = false).await;
    assert_eq!(
        plain
            .call(Method::POST, "/faults", Some(json!({"rules": []})))
            .await
            .status,
        404
    );
    assert_eq!(
        plain
            .call(Method::POST, "/faults/restart", None)
            .await
            .status,
        404
    );
}
