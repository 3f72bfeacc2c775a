//! What is stored can be read again; and a record that cannot be read concerns its own thread only.

#![allow(clippy::unwrap_used)]

mod proof;
mod session_support;
mod support;

use std::path::Path;

use hyper::Method;
use proof::Site;
use redb::{Database, ReadableDatabase as _, ReadableTable as _, TableDefinition};
use serde_json::json;
use session_support::{publish, started};
use support::*;

/// JSON that serde's reader, or any reader of texts, refuses.
fn unreadable() -> Vec<(&'static str, String)> {
    let nested = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
    vec![
        ("126 levels", nested(126)),
        ("200 levels", nested(200)),
        ("10,000 levels", nested(10_000)),
        ("a number that is too large", r#"{"a":1e400}"#.to_owned()),
        ("half a surrogate pair", r#"{"a":"\ud83d"}"#.to_owned()),
        ("a key that is half a pair", r#"{"\udc00":1}"#.to_owned()),
    ]
}

/// Each field that is stored, with a hole for what it is.
fn fields(thread: &str) -> Vec<(Method, String, String)> {
    let run = |field: &str| {
        let body = format!(r#"{{"assistant_id":"chat","if_not_exists":"create",{field}}}"#);
        (Method::POST, format!("/threads/{thread}/runs"), body)
    };
    let of_thread = |method, path: String, body: &str| (method, path, body.to_owned());
    let message = r#"{"type":"ai","id":"m","content":"","additional_kwargs":HOLE}"#;
    let record = |change: String| {
        let body = format!(r#"{{"producer":"p","changes":[{change}]}}"#);
        (Method::POST, format!("/sessions/{thread}/records"), body)
    };
    vec![
        run(r#""metadata":HOLE,"input":{"messages":[]}"#),
        run(r#""input":{"messages":[],"x":HOLE}"#),
        run(r#""input":{"messages":[{"type":"human","content":[HOLE]}]}"#),
        run(r#""config":{"configurable":HOLE}"#),
        run(r#""config":HOLE,"context":{}"#),
        run(r#""context":HOLE"#),
        run(r#""command":{"resume":HOLE}"#),
        run(r#""command":{"update":HOLE}"#),
        run(r#""command":{"goto":HOLE}"#),
        run(r#""interrupt_before":HOLE"#),
        run(r#""checkpoint":{"checkpoint_map":HOLE}"#),
        of_thread(Method::POST, "/threads".to_owned(), r#"{"metadata":HOLE}"#),
        of_thread(
            Method::PATCH,
            format!("/threads/{thread}"),
            r#"{"metadata":HOLE}"#,
        ),
        of_thread(
            Method::POST,
            format!("/threads/{thread}/state"),
            r#"{"values":{"x":HOLE}}"#,
        ),
        record(format!(r#"{{"type":"started","message":{message}}}"#)),
        record(format!(
            r#"{{"type":"appended","id":"m","at":0,"chunk":{message}}}"#
        )),
        record(format!(
            r#"{{"type":"updated","at":1,"message":{message}}}"#
        )),
    ]
}

#[tokio::test]
async fn what_could_not_be_read_back_is_refused_in_every_field() {
    let (server, api) = start().await;
    let thread = api.thread().await;
    publish(&api, &thread, [started("kept")]).await;
    for (method, path, body) in fields(&thread) {
        for (what, value) in unreadable() {
            let answer = api
                .send(method.clone(), &path, body.replace("HOLE", &value))
                .await;
            let expect = (422, "invalid_request".to_owned());
            assert_eq!(answer.code(), expect, "{path} {body}: {what}");
        }
    }
    // Nothing of it is there, and everything can be read.
    assert_eq!(api.get(&format!("/threads/{thread}/runs")).await, json!([]));
    api.state(&thread).await;
    let listed = api.post("/threads/search", json!({})).await;
    assert_eq!(listed.as_array().unwrap().len(), 1);
    let page = api.get(&format!("/sessions/{thread}/messages")).await;
    assert_eq!(page["nodes"].as_array().unwrap().len(), 1);
    server.stop().await;
}

#[tokio::test]
async fn what_is_taken_is_read_back_also_by_the_next_start() {
    let directory = tempfile::tempdir().unwrap();
    let mut site = Site::start(directory.path(), &[]).await;
    let api = site.api();
    let thread = api.thread().await;
    // The deepest that each field may hold, and text that is whole.
    let deep = format!(
        "{{\"a\":\"\\ud83d\\ude00\",\"b\":{}{}}}",
        "[".repeat(90),
        "]".repeat(90)
    );
    let mut taken = 0;
    for (method, path, body) in fields(&thread) {
        let answer = api.send(method, &path, body.replace("HOLE", &deep)).await;
        // Some fields take only names that are known.
        let status = answer.status.as_u16();
        assert!(status < 500 || status == 501, "{path} {body}");
        taken += usize::from(answer.status.is_success());
    }
    assert!(taken > 10, "{taken}");
    let read = async |api: &Api| {
        let runs = api.get(&format!("/threads/{thread}/runs?limit=100")).await;
        assert!(runs.as_array().unwrap().len() > 5);
        for run in runs.as_array().unwrap() {
            let run = run["run_id"].as_str().unwrap();
            api.get(&format!("/threads/{thread}/runs/{run}")).await;
        }
        api.get(&format!("/threads/{thread}/history?limit=1000"))
            .await;
        let page = api.get(&format!("/sessions/{thread}/messages")).await;
        assert!(!page["nodes"].as_array().unwrap().is_empty());
    };
    read(&api).await;
    site.kill().await;
    site.up().await;
    read(&site.api()).await;
}

#[tokio::test]
async fn arguments_that_come_in_pieces_and_are_nested_too_deep_are_kept_as_text() {
    let (server, api) = start().await;
    let piece = |at: u64, args: String| {
        json!({"type": "appended", "id": "m", "at": at, "chunk": {
            "type": "AIMessageChunk", "content": "",
            "tool_call_chunks": [{"name": "f", "id": "c", "index": 0, "args": args}],
        }})
    };
    let pieces = (0..200).map(|at| piece(at, "{\"a\":".to_owned()));
    let changes = [started("m")].into_iter().chain(pieces);
    publish(&api, "deep", changes).await;
    publish(&api, "deep", [session_support::ended("m")]).await;
    // Twice: it was much work to add up, and is kept so.
    for _ in 0..2 {
        let page = api.get("/sessions/deep/messages").await;
        let message = &page["nodes"][0]["message"];
        assert_eq!(message["invalid_tool_calls"][0]["error"], "Malformed args.");
    }
    server.stop().await;
}

type Bytes = &'static [u8];

/// Overwrites rows of a stopped server's database.
fn damage(directory: &Path, table: &str, fits: impl Fn(&[u8]) -> bool) -> usize {
    let db = Database::create(directory.join("rejoin.redb")).unwrap();
    let table = TableDefinition::<Bytes, Bytes>::new(table);
    let keys: Vec<Vec<u8>> = {
        let read = db.begin_read().unwrap();
        let open = read.open_table(table).unwrap();
        let keys = open
            .iter()
            .unwrap()
            .map(|row| row.unwrap().0.value().to_vec());
        keys.filter(|key| fits(key)).collect()
    };
    let write = db.begin_write().unwrap();
    {
        let mut open = write.open_table(table).unwrap();
        for key in &keys {
            open.insert(key.as_slice(), b"{\"a\":".as_slice()).unwrap();
        }
    }
    write.commit().unwrap();
    keys.len()
}

fn bytes_of(uuid: &str) -> Vec<u8> {
    uuid::Uuid::parse_str(uuid).unwrap().as_bytes().to_vec()
}

/// Two threads with a conversation and a run each, one of which was damaged while the server was down.
async fn with_damage(table: &str) {
    let directory = tempfile::tempdir().unwrap();
    let mut site = Site::start(directory.path(), &[]).await;
    let api = site.api();
    let (ours, theirs) = (api.thread().await, api.thread().await);
    for thread in [&ours, &theirs] {
        api.run_all(thread, request("chat", 3, 0.0)).await;
        // It is running when the server stops.
        let mut run = api.run(thread, request("chat", 100_000, 5.0)).await;
        run.until("messages").await;
    }
    site.kill().await;
    let damaged = bytes_of(&ours);
    let rows = damage(directory.path(), table, |key| key.starts_with(&damaged));
    assert!(rows > 0, "{table}");

    site.up().await;
    assert!(site.logged().contains(&ours), "{table}: {}", site.logged());
    let api = site.api();
    let listed = api
        .post("/threads/search", json!({"sort_by": "thread_id"}))
        .await;
    let find = |id: &str| {
        let found = listed.as_array().unwrap().iter();
        found
            .clone()
            .find(|thread| thread["thread_id"] == id)
            .cloned()
            .unwrap()
    };
    assert_eq!(find(&ours)["status"], "error", "{table}");
    assert_eq!(
        find(&theirs)["status"],
        "error",
        "{table}: its run was ended by the start"
    );
    assert_eq!(find(&theirs)["error"]["error"], "ServerRestarted");
    let kept = api.state(&theirs).await;
    assert!(kept["values"]["messages"].as_array().unwrap().len() >= 4);
    let frames = api.run_all(&theirs, request("chat", 3, 0.0)).await;
    assert!(names(&frames).contains(&"values"));
    // It can be asked for without harm, and deleted.
    for path in ["", "/state", "/history", "/runs"] {
        let answer = api
            .call(Method::GET, &format!("/threads/{ours}{path}"), None)
            .await;
        if answer.status.as_u16() == 500 {
            assert_eq!(answer.code().1, "record_unreadable", "{table} {path}");
        }
    }
    let deleted = api
        .call(Method::DELETE, &format!("/threads/{ours}"), None)
        .await;
    assert_eq!(deleted.status.as_u16(), 204, "{table}");
    let listed = api.post("/threads/search", json!({})).await;
    assert_eq!(listed.as_array().unwrap().len(), 1, "{table}");
    // The name can be used again.
    api.post("/threads", json!({"thread_id": ours})).await;
    api.run_all(&ours, request("chat", 3, 0.0)).await;
    site.kill().await;
    site.up().await;
}

#[tokio::test]
async fn a_thread_that_cannot_be_read_concerns_itself_only() {
    with_damage("threads").await;
}

#[tokio::test]
async fn a_run_that_cannot_be_read_concerns_its_thread_only() {
    with_damage("runs").await;
}

#[tokio::test]
async fn a_checkpoint_that_cannot_be_read_concerns_its_thread_only() {
    with_damage("checkpoints").await;
}

#[tokio::test]
async fn a_session_that_cannot_be_read_concerns_itself_only() {
    for table in ["session_records", "session_messages"] {
        let directory = tempfile::tempdir().unwrap();
        let mut site = Site::start(directory.path(), &[]).await;
        let api = site.api();
        publish(&api, "ours", [started("m")]).await;
        site.kill().await;
        assert!(damage(directory.path(), table, |_| true) > 0);

        site.up().await;
        let api = site.api();
        let read = api.call(Method::GET, "/sessions/ours/messages", None).await;
        assert_eq!(read.code(), (500, "session_damaged".to_owned()), "{table}");
        publish(&api, "theirs", [started("m"), session_support::ended("m")]).await;
        let page = api.get("/sessions/theirs/messages").await;
        assert_eq!(page["nodes"].as_array().unwrap().len(), 1);
        let deleted = api.call(Method::DELETE, "/sessions/ours", None).await;
        assert_eq!(deleted.status.as_u16(), 204, "{table}");
        publish(&api, "ours", [started("m")]).await;
        assert_eq!(
            api.get("/sessions/ours/messages").await["nodes"]
                .as_array()
                .unwrap()
                .len(),
            1
        );
    }
}
