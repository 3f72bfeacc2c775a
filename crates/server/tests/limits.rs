//! What clients may take: time, connections, threads, runs, bytes.

#![allow(clippy::unwrap_used)]

mod proof;
mod support;

use std::time::Duration;

use hyper::Method;
use proof::Site;
use rejoin_server::{Limits, auth::Capability};
use serde_json::{Value, json};
use support::*;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// Nothing here takes longer.
const PATIENCE: Duration = Duration::from_secs(20);

async fn limited(limits: Limits) -> (rejoin_server::Server, Api) {
    start_with(|config| config.limits = limits).await
}

/// What a server says to some bytes before it closes the connection.
async fn told(mut connection: TcpStream, bytes: &str) -> String {
    connection.write_all(bytes.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = connection.read_to_end(&mut answer);
    // A reset ends it as well.
    let _ = tokio::time::timeout(PATIENCE, read)
        .await
        .expect("it is closed");
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn a_connection_that_does_not_ask_or_does_not_come_to_the_end_is_closed() {
    let brief = Limits {
        head_timeout: Duration::from_millis(300),
        body_timeout: Duration::from_millis(300),
        ..Limits::default()
    };
    let (server, _) = limited(brief).await;
    let connect = async || TcpStream::connect(server.address()).await.unwrap();
    // Nothing, half a head, and nothing after an answer.
    assert_eq!(told(connect().await, "").await, "");
    let half = "GET /ok HTTP/1.1\r\nhost: localhost\r\nx-slow: ";
    assert!(!told(connect().await, half).await.contains("200 OK"));
    let whole = "GET /ok HTTP/1.1\r\nhost: localhost\r\n\r\n";
    assert!(told(connect().await, whole).await.contains("200 OK"));
    // Half a body, whoever reads it.
    for path in ["/threads", "/sessions/s/records"] {
        let body =
            format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n{{");
        let answer = told(connect().await, &body).await;
        assert!(answer.contains("408 Request Timeout"), "{path}: {answer}");
        assert!(
            answer.contains(r#""code":"body_timeout""#),
            "{path}: {answer}"
        );
    }
    server.stop().await;
}

#[tokio::test]
async fn a_stream_is_no_silent_connection() {
    let brief = Limits {
        head_timeout: Duration::from_secs(1),
        body_timeout: Duration::from_secs(1),
        ..Limits::default()
    };
    let (_server, api) = limited(brief).await;
    let thread = api.thread().await;
    // It says nothing for longer than that, then goes on.
    let frames = api.run_all(&thread, request("chat", 2, 1500.0)).await;
    assert_eq!(last_text(&api.state(&thread).await), words(2));
    assert!(frames.len() > 2);
}

#[tokio::test]
async fn idle_connections_of_one_address_leave_room_for_another() {
    let few = Limits {
        connections_max: 8,
        connections_per_address_max: Some(4),
        ..Limits::default()
    };
    let (server, _) = limited(few).await;
    let port = server.address().port();
    let mut idle = Vec::new();
    for _ in 0..4 {
        idle.push(TcpStream::connect(server.address()).await.unwrap());
    }
    let ask = "GET /ok HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    let again = async || {
        let connection = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let mut answer = Vec::new();
        let mut connection = connection;
        // It may be closed before it is asked.
        let _ = connection.write_all(ask.as_bytes()).await;
        let _ = connection.read_to_end(&mut answer).await;
        String::from_utf8(answer).unwrap()
    };
    assert!(!again().await.contains("200 OK"));
    // From elsewhere on this machine.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let other = socket.connect(server.address()).await.unwrap();
    assert!(told(other, ask).await.contains("200 OK"));
    drop(idle);
    while !again().await.contains("200 OK") {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    server.stop().await;
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused_with_its_code() {
    let small = Limits {
        body_bytes_max: 1000,
        ..Limits::default()
    };
    let (_server, api) = limited(small).await;
    let thread = api.thread().await;
    let long = "x".repeat(2000);
    for (path, body) in [
        ("/threads".to_owned(), json!({"metadata": {"a": long}})),
        (
            format!("/threads/{thread}/runs"),
            json!({"assistant_id": "chat", "input": {"x": long}}),
        ),
        (
            format!("/threads/{thread}/state"),
            json!({"values": {"x": long}}),
        ),
        (
            "/sessions/s/records".to_owned(),
            json!({"producer": long, "changes": []}),
        ),
    ] {
        let answer = api.call(Method::POST, &path, Some(body)).await;
        assert_eq!(answer.code(), (413, "body_too_large".to_owned()), "{path}");
    }
}

fn too_many(what: &str) -> (u16, String) {
    (429, format!("too_many_{what}"))
}

#[tokio::test]
async fn a_client_has_so_many_threads_and_gets_room_by_deleting_one() {
    let directory = tempfile::tempdir().unwrap();
    let mut site = Site::start(directory.path(), &["--threads-max", "2"]).await;
    let api = site.api();
    let (first, _) = (api.thread().await, api.thread().await);
    let refused = async |api: &Api| {
        let made = api.call(Method::POST, "/threads", Some(json!({}))).await;
        assert_eq!(made.code(), too_many("threads"));
        let run = with(request("chat", 1, 0.0), json!({"if_not_exists": "create"}));
        let made = api
            .call(Method::POST, &format!("/threads/{UNKNOWN}/runs"), Some(run))
            .await;
        assert_eq!(made.code(), too_many("threads"));
        let unknown = api
            .call(Method::GET, &format!("/threads/{UNKNOWN}"), None)
            .await;
        assert_eq!(unknown.status.as_u16(), 404);
    };
    refused(&api).await;
    // One that is there already is not another.
    let known = json!({"thread_id": first, "if_exists": "do_nothing"});
    api.post("/threads", known).await;
    site.kill().await;
    site.up().await;
    let api = site.api();
    refused(&api).await;
    api.call(Method::DELETE, &format!("/threads/{first}"), None)
        .await;
    api.thread().await;
    refused(&api).await;
}

#[tokio::test]
async fn a_client_has_so_many_runs_under_way_and_another_has_its_own() {
    let (_server, api) = start_with(|config| {
        config.auth = Some(secret());
        config.limits.runs_max = 2;
    })
    .await;
    let run = async |session: &str| {
        let who = bearer(&token(session, &Capability::ALL));
        let long = with(
            request("chat", 200_000, 50.0),
            json!({"if_not_exists": "create"}),
        );
        let path = format!("/threads/{session}/runs");
        read(
            api.open(Method::POST, &path, &[("authorization", &who)], Some(long))
                .await,
        )
        .await
    };
    let first = run(OURS).await.json()["run_id"]
        .as_str()
        .unwrap()
        .to_owned();
    // The second waits for the first.
    assert_eq!(run(OURS).await.status.as_u16(), 200);
    let refused = run(OURS).await;
    assert_eq!(refused.code(), too_many("runs"));
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(run(THEIRS).await.status.as_u16(), 200);
    let who = bearer(&token(OURS, &Capability::ALL));
    let cancel = format!("/threads/{OURS}/runs/{first}/cancel?wait=true");
    api.open(Method::POST, &cancel, &[("authorization", &who)], None)
        .await;
    let again = async {
        while run(OURS).await.status.as_u16() != 200 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, again).await.unwrap();
}

/// A message of so many bytes, begun and ended.
fn said(id: &str, bytes: usize) -> Value {
    let message = json!({"type": "ai", "id": id, "content": "x".repeat(bytes)});
    json!({"producer": "p", "changes": [
        {"type": "started", "message": message},
        {"type": "ended", "id": id, "status": "complete"},
    ]})
}

#[tokio::test]
async fn a_client_publishes_in_so_many_sessions_and_so_much_and_has_it_back_with_a_deletion() {
    let directory = tempfile::tempdir().unwrap();
    let flags = ["--sessions-max", "3", "--published-bytes-max", "1000000"];
    let mut site = Site::start(directory.path(), &flags).await;
    let api = site.api();
    let say = async |api: &Api, session: &str, id: &str, bytes: usize| {
        let path = format!("/sessions/{session}/records");
        let answer = api.call(Method::POST, &path, Some(said(id, bytes))).await;
        (answer.status.as_u16(), answer.json()["code"].clone())
    };
    let fine = (200, Value::Null);
    for session in ["a", "b", "c"] {
        assert_eq!(say(&api, session, "m", 100_000).await, fine);
    }
    // The same again is stored once and counts once.
    for _ in 0..20 {
        assert_eq!(say(&api, "a", "m", 100_000).await, fine);
    }
    assert_eq!(
        say(&api, "d", "m", 1).await,
        (429, json!("too_many_sessions"))
    );
    assert_eq!(say(&api, "a", "n", 600_000).await, fine);
    let full = (413, json!("published_too_much"));
    assert_eq!(say(&api, "a", "o", 200_000).await, full);
    // A lease can be renewed all the same.
    let beat = json!({"producer": "p", "changes": []});
    let answer = api
        .call(Method::POST, "/sessions/a/records", Some(beat))
        .await;
    assert_eq!(answer.status.as_u16(), 200);
    // It is known after a restart.
    site.kill().await;
    site.up().await;
    let api = site.api();
    assert_eq!(say(&api, "a", "o", 200_000).await, full);
    assert_eq!(
        say(&api, "d", "m", 1).await,
        (429, json!("too_many_sessions"))
    );
    api.call(Method::DELETE, "/sessions/a", None).await;
    assert_eq!(say(&api, "d", "m", 600_000).await, fine);
    // A thread's session goes with the thread.
    api.call(Method::DELETE, "/sessions/d", None).await;
    let thread = api.thread().await;
    assert_eq!(say(&api, &thread, "m", 600_000).await, fine);
    assert_eq!(
        say(&api, "e", "m", 1).await,
        (429, json!("too_many_sessions"))
    );
    api.call(Method::DELETE, &format!("/threads/{thread}"), None)
        .await;
    assert_eq!(say(&api, "e", "m", 600_000).await, fine);
}

#[tokio::test]
async fn the_disk_that_deleted_threads_took_is_used_again() {
    let directory = tempfile::tempdir().unwrap();
    let (server, api) = start_with(|config| {
        config.memory = false;
        config.data = directory.path().to_owned();
    })
    .await;
    let size = || {
        let file = directory.path().join("rejoin.redb");
        std::fs::metadata(file).unwrap().len()
    };
    let fill_and_empty = async || {
        let mut threads = Vec::new();
        for _ in 0..2 {
            let thread = api.thread().await;
            let long = "x".repeat(500_000);
            for _ in 0..2 {
                let run = with(
                    request("chat", 20, 0.0),
                    json!({"input": {"messages": [long]}}),
                );
                api.run_all(&thread, run).await;
            }
            threads.push(thread);
        }
        for thread in threads {
            let path = format!("/threads/{thread}");
            let answer = api.call(Method::DELETE, &path, None).await;
            assert_eq!(answer.status.as_u16(), 204);
            // Its session goes behind it.
            let gone = async || {
                let path = format!("/sessions/{thread}/messages");
                api.call(Method::GET, &path, None).await.status.as_u16() == 404
            };
            while !gone().await {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    };
    fill_and_empty().await;
    let first = size();
    for _ in 0..2 {
        fill_and_empty().await;
    }
    assert!(size() <= first * 3 / 2, "{first} became {}", size());
    server.stop().await;
}

#[tokio::test]
async fn a_run_that_says_too_much_fails_and_what_it_said_is_kept() {
    let (_server, api) = start_with(|config| config.limits.run_bytes_max = 20_000).await;
    let thread = api.thread().await;
    let knobs: Value =
        serde_json::from_str(r#"{"configurable": {"n_tokens": 1e308, "delay_ms": 0}}"#).unwrap();
    let frames = api
        .run_all(
            &thread,
            with(request("chat", 1, 0.0), json!({"config": knobs})),
        )
        .await;
    let error = data(frames.last().unwrap());
    assert_eq!(error["error"], "RunTooLong");
    let bytes: usize = frames.iter().map(|frame| frame.data.len()).sum();
    // What waits for the store when the limit is reached comes through; all of it would be a hundred times as much.
    assert!(bytes < 8_000_000, "{bytes}");
    assert!(last_text(&api.state(&thread).await).starts_with(&words(5)));
}
