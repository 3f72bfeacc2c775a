//! Requests that nobody means well with: numbers at their end, ids that are texts, pages of elsewhere, files that are hidden.

#![allow(clippy::unwrap_used)]

mod session_support;
mod support;

use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::Method;
use rejoin_server::auth::{Capability, Claims};
use serde_json::{Value, json};
use session_support::{Following, appended, ended, epoch_of, observe, publish, started};
use support::*;

fn refused() -> (u16, String) {
    (422, "invalid_request".to_owned())
}

async fn post_records(api: &Api, changes: Value) -> Answer {
    let body = json!({"producer": "p", "changes": changes});
    api.call(Method::POST, "/sessions/s/records", Some(body))
        .await
}

#[tokio::test]
async fn numbers_at_their_end_are_refused_or_counted_and_nothing_panics() {
    let (_server, api) = start().await;
    let cursor = publish(&api, "s", [started("m"), appended("m", 0, "a")]).await;
    for at in [u64::MAX, u64::MAX - 1, 1 << 63, 1 << 48] {
        let answer = post_records(&api, json!([appended("m", at, "b")])).await;
        assert_eq!(answer.code(), refused(), "{at}");
        // A message that this batch begins.
        let answer = post_records(&api, json!([started("n"), appended("n", at, "b")])).await;
        assert_eq!(answer.code(), refused(), "{at}");
    }
    let message = json!({"type": "ai", "id": "m", "content": "c"});
    let updated =
        json!([{"type": "updated", "at": u64::MAX, "message": message}, appended("m", 1, "d")]);
    assert_eq!(
        post_records(&api, updated).await.code(),
        (409, "piece_gap".to_owned())
    );
    let text = r#"{"producer":"p","lease_ms":18446744073709551615,"changes":[]}"#;
    let answer = api
        .send(Method::POST, "/sessions/s/records", text.to_owned())
        .await;
    assert_eq!(answer.code(), refused());

    let page = api
        .get(&format!("/sessions/s/messages?before={}", u64::MAX))
        .await;
    assert_eq!(page["nodes"].as_array().unwrap().len(), 1);
    let cursor = format!("{}-{}", epoch_of(&cursor), u64::MAX);
    let mut following = Following::from(
        observe(&api, "s", &format!("?cursor={cursor}"))
            .await
            .stream,
    );
    while following.caught_up.is_none() {
        following.step().await;
    }
    assert_eq!(following.snapshots, 1);

    let thread = api.thread().await;
    for (path, body) in [
        (
            "/threads/search".to_owned(),
            json!({"offset": u64::MAX, "limit": 1000}),
        ),
        (
            "/assistants/search".to_owned(),
            json!({"offset": u64::MAX, "limit": u64::MAX}),
        ),
    ] {
        api.post(&path, body).await;
    }
    let limit = json!({"limit": u64::MAX});
    for path in [
        "/threads/search".to_owned(),
        format!("/threads/{thread}/history"),
    ] {
        let answer = api.call(Method::POST, &path, Some(limit.clone())).await;
        assert_eq!(answer.code(), refused(), "{path}");
    }
    api.get(&format!(
        "/threads/{thread}/runs?limit={0}&offset={0}",
        u64::MAX
    ))
    .await;
    let knobs = json!({"config": {"configurable": {"n_tokens": -1e308, "delay_ms": -1e308}}});
    api.run_all(&thread, with(request("chat", 1, 0.0), knobs))
        .await;
    let run = api.run_all(&thread, request("chat", 1, 0.0)).await.len();
    assert!(run > 1);
    assert_eq!(
        api.get("/sessions/s/messages").await["nodes"][0]["pieces"],
        1
    );
}

/// Fields by their places would pass by the check of their names.
#[tokio::test]
async fn a_body_that_is_no_object_is_refused() {
    let (_server, api) = start().await;
    let thread = api.thread().await;
    for path in [
        "/threads".to_owned(),
        "/threads/search".to_owned(),
        format!("/threads/{thread}/history"),
        format!("/threads/{thread}/state"),
        format!("/threads/{thread}/runs"),
    ] {
        for body in [
            json!([UNKNOWN, {}, "do_nothing"]),
            json!([]),
            json!("x"),
            json!(1),
        ] {
            let answer = api.call(Method::POST, &path, Some(body.clone())).await;
            assert_eq!(answer.code(), refused(), "{path} {body}");
        }
    }
}

#[tokio::test]
async fn an_id_that_somebody_chose_is_short_and_visible() {
    let (_server, api) = start().await;
    let thread = api.thread().await;
    for id in [
        "a\nb",
        "a b",
        "\u{1b}[2J",
        "",
        "\u{85}",
        "é",
        &"x".repeat(201),
    ] {
        let changes = [
            json!([started(id)]),
            json!([{"type": "started", "message": {"type": "ai", "id": "m", "content": ""}, "run_id": id}]),
            json!([appended(id, 0, "x")]),
            json!([ended(id)]),
            json!([{"type": "removed", "id": id}]),
            json!([{"type": "updated", "at": 1, "message": {"type": "ai", "id": id, "content": ""}}]),
            json!([started("m"), {"type": "ended", "id": "m", "status": "aborted", "reason": id}]),
        ];
        for changes in changes {
            assert_eq!(
                post_records(&api, changes.clone()).await.code(),
                refused(),
                "{changes}"
            );
        }
        let body = json!({"producer": id, "changes": [started("m")]});
        let answer = api
            .call(Method::POST, "/sessions/s/records", Some(body))
            .await;
        assert_eq!(answer.code(), refused(), "{id:?}");
        let input = json!({"messages": [{"type": "human", "id": id, "content": "hi"}]});
        let run = json!({"assistant_id": "chat", "input": input});
        let answer = api
            .call(Method::POST, &format!("/threads/{thread}/runs"), Some(run))
            .await;
        assert_eq!(answer.code(), refused(), "{id:?}");
        let update = json!({"values": input});
        let answer = api
            .call(
                Method::POST,
                &format!("/threads/{thread}/state"),
                Some(update),
            )
            .await;
        assert_eq!(answer.code(), refused(), "{id:?}");
    }
    let nothing = api.call(Method::GET, "/sessions/s/messages", None).await;
    assert_eq!(nothing.code(), session_support::not_found());
    publish(&api, "s", [started(&"x".repeat(200))]).await;
}

#[tokio::test]
async fn a_page_of_elsewhere_reads_and_does_nothing() {
    let (_server, api) = start().await;
    let thread = api.thread().await;
    let state = format!("/threads/{thread}/state");
    let foreign = [
        vec![("origin", "https://evil.example")],
        vec![("origin", "null")],
        vec![("origin", "http://localhost.evil.example:8787")],
        vec![("host", "evil.example")],
        vec![
            ("host", "evil.example:80"),
            ("origin", "http://evil.example:80"),
        ],
    ];
    for headers in foreign {
        for (method, path) in [
            (Method::GET, state.as_str()),
            (Method::DELETE, &format!("/threads/{thread}")),
            (Method::POST, "/faults/restart"),
            (Method::POST, "/threads/search"),
            (Method::GET, "/nothing"),
        ] {
            let answer = read(api.open(method, path, &headers, None).await).await;
            assert_eq!(answer.status.as_u16(), 403, "{headers:?} {path}");
            assert_eq!(answer.header("access-control-allow-origin"), "", "{path}");
        }
        let mut preflight = headers.clone();
        preflight.push(("access-control-request-method", "POST"));
        preflight.push(("access-control-request-private-network", "true"));
        let answer = read(api.open(Method::OPTIONS, &state, &preflight, None).await).await;
        assert_eq!(answer.status.as_u16(), 403, "{headers:?}");
        assert_eq!(answer.header("access-control-allow-private-network"), "");
    }
    api.state(&thread).await;
    // One of this machine, on another port, may.
    for origin in ["http://localhost:3000", "http://127.0.0.1:5173"] {
        let headers = [("origin", origin)];
        let answer = read(api.open(Method::GET, &state, &headers, None).await).await;
        assert_eq!(answer.status.as_u16(), 200);
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(answer.header("vary"), "origin");
    }
}

#[tokio::test]
async fn an_answer_that_waits_breaks_off_when_its_token_ends() {
    let (_server, api) = guarded().await;
    let all = bearer(&token(OURS, &Capability::ALL));
    let long = with(
        request("chat", 200_000, 20.0),
        json!({"if_not_exists": "create"}),
    );
    let path = format!("/threads/{OURS}/runs");
    let headers = [("authorization", all.as_str())];
    let run = read(api.open(Method::POST, &path, &headers, Some(long)).await)
        .await
        .json();
    let run = run["run_id"].as_str().unwrap();
    let caps = [Capability::Stream, Capability::History];
    let brief = Claims::new(OURS, &caps, Duration::from_secs(2));
    let brief = bearer(&brief.sign(&secret()).unwrap());
    let headers = [("authorization", brief.as_str())];
    let join = api
        .open(Method::GET, &format!("{path}/{run}/join"), &headers, None)
        .await;
    assert_eq!(join.status().as_u16(), 200);
    let body = join.into_body().collect();
    let body = tokio::time::timeout(Duration::from_secs(20), body)
        .await
        .unwrap();
    assert!(body.is_err());
}

#[tokio::test]
async fn a_path_that_is_no_text_is_answered_as_every_other_mistake() {
    let (_server, api) = start().await;
    for path in [
        "/sessions/%ff/messages",
        "/sessions/%ff/stream",
        "/threads/%ff",
        "/threads/%ff/runs/%fe",
        "/threads/%ff/state/x",
        "/assistants/%ff",
    ] {
        let answer = api.call(Method::GET, path, None).await;
        assert_eq!(answer.code(), refused(), "{path}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn the_database_is_its_owners_only_and_hidden_files_and_links_are_not_served() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let directory = tempfile::tempdir().unwrap();
    let (data, pages) = (
        directory.path().join("data"),
        directory.path().join("pages"),
    );
    std::fs::create_dir_all(pages.join(".git")).unwrap();
    std::fs::create_dir_all(&data).unwrap();
    // As an earlier version left it.
    std::fs::write(data.join("rejoin.redb"), "").unwrap();
    std::fs::set_permissions(
        data.join("rejoin.redb"),
        std::fs::Permissions::from_mode(0o644),
    )
    .unwrap();
    for (name, text) in [
        ("index.html", "page"),
        (".env", "secret"),
        (".git/config", "secret"),
        ("own.txt", "own"),
    ] {
        std::fs::write(pages.join(name), text).unwrap();
    }
    std::fs::write(directory.path().join("outside.txt"), "secret").unwrap();
    symlink(directory.path().join("outside.txt"), pages.join("link.txt")).unwrap();
    symlink(directory.path(), pages.join("up")).unwrap();
    symlink(pages.join(".env"), pages.join("env.txt")).unwrap();
    symlink(pages.join("own.txt"), pages.join("alias.txt")).unwrap();
    let (server, api) = start_with(|config| {
        config.memory = false;
        config.data = data.clone();
        config.assets = Some(pages.clone());
    })
    .await;
    let mode = std::fs::metadata(data.join("rejoin.redb"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    for path in [
        "/.env",
        "/.git/config",
        "/link.txt",
        "/up/outside.txt",
        "/env.txt",
        "/%2eenv",
    ] {
        let answer = api.call(Method::GET, path, None).await;
        assert_eq!(answer.status.as_u16(), 404, "{path}");
    }
    for (path, text) in [
        ("/own.txt", "own"),
        ("/alias.txt", "own"),
        ("/", "page"),
        ("/some/page", "page"),
    ] {
        let answer = api.call(Method::GET, path, None).await;
        assert_eq!(answer.body, text, "{path}");
        assert!(
            answer
                .header("content-security-policy")
                .contains("form-action 'none'")
        );
    }
    server.stop().await;
}
