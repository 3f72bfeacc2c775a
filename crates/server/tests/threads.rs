//! Threads, states, histories, CORS, static files: everything beside the runs.

#![allow(clippy::unwrap_used)]

mod support;

use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use support::*;

#[tokio::test]
async fn a_thread_is_made_found_changed_and_deleted() {
    let (_server, api) = start().await;
    let made = api
        .post(
            "/threads",
            json!({"thread_id": UNKNOWN, "metadata": {"a": 1}}),
        )
        .await;
    assert_eq!(made["thread_id"], UNKNOWN);
    assert_eq!(made["status"], "idle");
    assert_eq!(made["values"], Value::Null);
    let twice = api
        .call(
            Method::POST,
            "/threads",
            Some(json!({"thread_id": UNKNOWN})),
        )
        .await;
    assert_eq!(twice.code(), (409, "thread_exists".to_owned()));
    let kept = api
        .post(
            "/threads",
            json!({"thread_id": UNKNOWN, "if_exists": "do_nothing"}),
        )
        .await;
    assert_eq!(kept["metadata"], json!({"a": 1}));
    let path = format!("/threads/{UNKNOWN}");
    let patched = api
        .call(
            Method::PATCH,
            &path,
            Some(json!({"metadata": {"title": "x"}})),
        )
        .await;
    assert_eq!(patched.json()["metadata"], json!({"a": 1, "title": "x"}));
    assert_eq!(api.state(UNKNOWN).await["values"], json!({}));
    assert_eq!(
        api.call(Method::DELETE, &path, None).await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        api.call(Method::GET, &path, None).await.code(),
        (404, "thread_not_found".to_owned())
    );
    assert_eq!(
        api.call(Method::DELETE, &path, None).await.code(),
        (404, "thread_not_found".to_owned())
    );
    assert_eq!(
        api.call(Method::GET, "/threads/zzz", None).await.code(),
        (422, "invalid_id".to_owned())
    );
    assert_eq!(
        api.call(Method::PUT, &path, None).await.code(),
        (405, "method_not_allowed".to_owned())
    );
    assert_eq!(
        api.call(Method::GET, "/nothing/here", None).await.code(),
        (404, "not_found".to_owned())
    );
    let open = api
        .open(Method::POST, "/threads", &[], Some(json!("not an object")))
        .await;
    assert_eq!(open.status(), 422);
}

#[tokio::test]
async fn threads_are_searched_newest_first_by_page() {
    let (_server, api) = start().await;
    let mut ids = Vec::new();
    for number in 0..5 {
        let made = api
            .post(
                "/threads",
                json!({"metadata": {"parity": number % 2, "number": number}}),
            )
            .await;
        ids.push(made["thread_id"].clone());
    }
    let numbers = |found: &Value| -> Vec<i64> {
        found
            .as_array()
            .unwrap()
            .iter()
            .map(|thread| thread["metadata"]["number"].as_i64().unwrap())
            .collect()
    };
    let answer = api
        .call(
            Method::POST,
            "/threads/search",
            Some(json!({"limit": 2, "offset": 1})),
        )
        .await;
    assert_eq!(numbers(&answer.json()), [3, 2]);
    assert_eq!(
        (
            answer.header("x-pagination-total"),
            answer.header("x-pagination-next")
        ),
        ("5", "3")
    );
    let search = async |body: Value| numbers(&api.post("/threads/search", body).await);
    assert_eq!(search(json!({"metadata": {"parity": 1}})).await, [3, 1]);
    assert_eq!(search(json!({"ids": [ids[4]]})).await, [4]);
    assert_eq!(
        search(json!({"sort_by": "created_at", "sort_order": "asc"})).await,
        [0, 1, 2, 3, 4]
    );
    assert_eq!(search(json!({"status": "busy"})).await, [] as [i64; 0]);
    let slim = api
        .post(
            "/threads/search",
            json!({"select": ["thread_id"], "limit": 1}),
        )
        .await;
    assert_eq!(slim, json!([{"thread_id": ids[4]}]));
}

#[tokio::test]
async fn a_history_is_read_in_every_form_of_before() {
    let (_server, api) = start().await;
    let thread = api.thread().await;
    api.run_all(&thread, request("chat", 1, 0.0)).await;
    api.run_all(&thread, request("chat", 1, 0.0)).await;
    let path = format!("/threads/{thread}/history");
    let all = api.post(&path, json!({"limit": 100})).await;
    let all = all.as_array().unwrap();
    assert_eq!(all.len(), 6);
    for pair in all.windows(2) {
        assert_eq!(pair[0]["parent_checkpoint_id"], pair[1]["checkpoint_id"]);
    }
    assert_eq!(all[5]["parent_checkpoint"], Value::Null);
    assert_eq!(all[4]["next"], json!(["model"]));
    assert_eq!(all[0]["metadata"]["step"], 4);
    let id = &all[1]["checkpoint_id"];
    for before in [
        json!(id),
        json!({"configurable": {"checkpoint_id": id}}),
        json!({"checkpoint_id": id}),
    ] {
        let older = api.post(&path, json!({"limit": 2, "before": before})).await;
        assert_eq!(older, json!(all[2..4]));
    }
    assert_eq!(
        api.get(&format!("{path}?limit=2&before={}", id.as_str().unwrap()))
            .await,
        json!(all[2..4])
    );
    let at = api
        .get(&format!("/threads/{thread}/state/{}", id.as_str().unwrap()))
        .await;
    assert_eq!(at, all[1]);
    let unknown = api
        .call(
            Method::GET,
            &format!("/threads/{thread}/state/{UNKNOWN}"),
            None,
        )
        .await;
    assert_eq!(unknown.code(), (404, "checkpoint_not_found".to_owned()));
}

#[tokio::test]
async fn a_state_is_updated_by_hand() {
    let (_server, api) = start().await;
    let thread = api.thread().await;
    api.run_all(&thread, request("approval", 2, 0.0)).await;
    let path = format!("/threads/{thread}/state");
    let before = api.state(&thread).await;
    let edit = json!({"values": {"messages": [{"type": "human", "content": "edited", "id": "m9"}]}, "as_node": "__start__"});
    let written = api.post(&path, edit).await;
    let state = api.state(&thread).await;
    assert_eq!(state["checkpoint"], written["checkpoint"]);
    assert_eq!(state["next"], json!(["draft"]));
    assert_eq!(state["metadata"]["source"], "update");
    assert_eq!(state["parent_checkpoint_id"], before["checkpoint_id"]);
    assert_eq!(last_text(&state), "edited");
    let bad = api
        .call(
            Method::POST,
            &path,
            Some(json!({"values": {}, "as_node": "nope"})),
        )
        .await;
    assert_eq!(bad.code(), (422, "invalid_request".to_owned()));
    let copy = json!({"values": null, "as_node": "__copy__", "checkpoint": before["checkpoint"]});
    api.post(&path, copy).await;
    let copied = api.state(&thread).await;
    assert_eq!(copied["values"], before["values"]);
    assert_eq!(copied["next"], before["next"]);
    assert_eq!(copied["metadata"]["source"], "fork");
}

#[tokio::test]
async fn pages_of_other_origins_may_do_everything() {
    let (_server, api) = start().await;
    let asked = [
        ("origin", "http://localhost:5173"),
        ("access-control-request-method", "POST"),
        (
            "access-control-request-headers",
            "content-type,last-event-id,x-api-key",
        ),
    ];
    for path in ["/threads", "/threads/x/runs/stream", "/faults"] {
        let preflight = api.open(Method::OPTIONS, path, &asked, None).await;
        assert_eq!(preflight.status(), 204);
        let headers = preflight.headers();
        assert_eq!(headers["access-control-allow-origin"], "*");
        assert_eq!(
            headers["access-control-allow-headers"],
            "content-type,last-event-id,x-api-key"
        );
        assert!(
            headers["access-control-allow-methods"]
                .to_str()
                .unwrap()
                .contains("PATCH")
        );
        assert_eq!(headers["access-control-max-age"], "600");
    }
    let thread = api.thread().await;
    let stream = api.run(&thread, request("chat", 1, 0.0)).await;
    assert_eq!(stream.headers["access-control-allow-origin"], "*");
    assert!(
        stream.headers["access-control-expose-headers"]
            .to_str()
            .unwrap()
            .contains("content-location")
    );
    let missing = api.call(Method::GET, "/threads/zzz", None).await;
    assert_eq!(missing.header("access-control-allow-origin"), "*");
}

#[tokio::test]
async fn assistants_are_found_by_name_and_id() {
    let (_server, api) = start().await;
    let all = api.post("/assistants/search", json!({})).await;
    let names: Vec<_> = all
        .as_array()
        .unwrap()
        .iter()
        .map(|found| found["graph_id"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "approval", "boom", "chat", "multi", "openai", "research", "tools"
        ]
    );
    let one = api
        .post("/assistants/search", json!({"graph_id": "chat"}))
        .await;
    assert_eq!(
        one[0]["assistant_id"],
        "eb6db400-e3c8-5d06-a834-015cb89efe69"
    );
    let id = one[0]["assistant_id"].as_str().unwrap();
    assert_eq!(api.get(&format!("/assistants/{id}")).await, one[0]);
    assert_eq!(
        api.call(Method::GET, &format!("/assistants/{UNKNOWN}"), None)
            .await
            .status,
        404
    );
    assert_eq!(api.get("/ok").await, json!({"ok": true}));
    assert_eq!(api.get("/info").await["server"], "rejoin-server");
    let thread = api.thread().await;
    let frames = api
        .run_all(
            &thread,
            with(request("chat", 1, 0.0), json!({"assistant_id": id})),
        )
        .await;
    assert_eq!(frames.last().unwrap().event_name(), "values");
}

#[tokio::test]
async fn static_files_and_the_api_share_one_origin() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("index.html"), "<!doctype html>demo").unwrap();
    std::fs::write(directory.path().join("app.wasm"), b"\0asm").unwrap();
    let assets = directory.path().to_owned();
    let (server, _) = start_with(|config| {
        config.assets = Some(assets);
        config.api_prefix = "/api".to_owned();
    })
    .await;
    let site = Api::new(server.url());
    for page in ["/", "/index.html", "/some/page?thread=1"] {
        let answer = site.call(Method::GET, page, None).await;
        assert_eq!(answer.body, "<!doctype html>demo", "{page}");
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
        let policy = answer.header("content-security-policy");
        assert!(
            policy.contains("script-src 'self' 'wasm-unsafe-eval';")
                && !policy.contains("unsafe-inline"),
            "{policy}"
        );
    }
    assert_eq!(
        site.call(Method::GET, "/app.wasm", None)
            .await
            .header("content-type"),
        "application/wasm"
    );
    for missing in [
        "/app2.wasm",
        "/../Cargo.toml",
        "/%2e%2e/%2e%2e/etc/passwd.txt",
        "/api/nothing",
        "/api/threads/a/b",
    ] {
        let answer = site.call(Method::GET, missing, None).await;
        assert_eq!(answer.status, 404, "{missing}");
        assert_ne!(answer.body, "<!doctype html>demo", "{missing}");
    }
    let api = Api::new(format!("{}/api", server.url()));
    assert_eq!(api.get("/ok").await, json!({"ok": true}));
    let thread = api.thread().await;
    assert_eq!(
        last_of(&api.run_all(&thread, request("chat", 1, 0.0)).await),
        "values"
    );
    api.faults(json!([])).await;
    site.faults(json!([])).await;
}

fn last_of(frames: &[rejoin_wire::sse::Frame]) -> &str {
    frames.last().unwrap().event_name()
}
