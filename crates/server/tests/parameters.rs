//! No parameter is accepted and ignored: a wrong value is a 422, a parameter or a value that is not built a 501.

#![allow(clippy::unwrap_used)]

mod session_support;
mod support;

use std::time::Duration;

use hyper::Method;
use serde_json::{Value, json};
use session_support::{appended, ended, publish, removed, started};
use support::*;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

const WRONG: (u16, &str) = (422, "invalid_request");
const UNBUILT: (u16, &str) = (501, "not_implemented");

async fn refused(api: &Api, method: Method, path: &str, body: Option<Value>, code: (u16, &str)) {
    let what = format!("{method} {path} {body:?}");
    let answer = api.open(method, path, &[], body).await;
    let status = answer.status().as_u16();
    assert!(status >= 400, "{what}: {status}");
    let told = read(answer).await;
    assert_eq!(told.code(), (code.0, code.1.to_owned()), "{what}");
}

async fn head(api: &Api, thread: &str) -> Value {
    api.state(thread).await["checkpoint_id"].clone()
}

#[tokio::test]
async fn a_run_is_not_made_with_a_parameter_that_has_no_effect() {
    let (_server, api) = start().await;
    let thread = api.thread().await;
    api.run_all(&thread, request("chat", 1, 0.0)).await;
    let states = api.get(&format!("/threads/{thread}/history")).await;
    let id = |index: usize| states[index]["checkpoint_id"].clone();
    let with_config = |settings: Value| json!({"config": {"configurable": settings}});
    let cases = [
        (json!({"stream_mode": "events"}), UNBUILT),
        (json!({"stream_mode": ["values", "tools"]}), UNBUILT),
        (json!({"command": {"resume": "yes"}}), WRONG),
        (json!({"command": {"update": {"a": 1}}}), WRONG),
        (json!({"command": {"goto": "model"}}), WRONG),
        (
            json!({"input": null, "command": {"resume": 1, "goto": "model"}}),
            UNBUILT,
        ),
        (json!({"input": null, "command": {"graph": "x"}}), UNBUILT),
        (json!({"checkpoint": {"checkpoint_ns": "child:1"}}), UNBUILT),
        (
            json!({"checkpoint": {"checkpoint_id": id(0), "checkpoint_map": {"": id(0)}}}),
            UNBUILT,
        ),
        (
            json!({"checkpoint": {"checkpoint_id": id(0), "thread_id": UNKNOWN}}),
            WRONG,
        ),
        (
            json!({"checkpoint": {"checkpoint_id": id(0), "odd": 1}}),
            UNBUILT,
        ),
        (json!({"checkpoint": {"checkpoint_id": 5}}), WRONG),
        (
            json!({"checkpoint": {"checkpoint_id": id(0)}, "checkpoint_id": id(1)}),
            WRONG,
        ),
        (with_config(json!({"checkpoint_ns": "child:1"})), UNBUILT),
        (with_config(json!({"thread_id": UNKNOWN})), WRONG),
        (with_config(json!("x")), WRONG),
        (json!({"config": {"recursion_limit": 0}}), WRONG),
        (json!({"config": {"recursion_limit": 10_001}}), WRONG),
        (json!({"config": {"run_name": "x"}}), UNBUILT),
        (json!({"config": "x"}), WRONG),
        (json!({"context": "x"}), WRONG),
        (json!({"interrupt_before": ["nowhere"]}), WRONG),
        (json!({"interrupt_after": ["model", "nowhere"]}), WRONG),
    ];
    let runs = format!("/threads/{thread}/runs");
    for (more, code) in cases {
        for path in ["", "/stream", "/wait"] {
            let asked = with(request("chat", 1, 0.0), more.clone());
            refused(
                &api,
                Method::POST,
                &format!("{runs}{path}"),
                Some(asked),
                code,
            )
            .await;
        }
    }
    // Nobody is connected to these.
    let asked = with(request("chat", 1, 0.0), json!({"on_disconnect": "cancel"}));
    for path in [&runs, "/runs"] {
        refused(&api, Method::POST, path, Some(asked.clone()), WRONG).await;
    }
    assert_eq!(api.get(&runs).await.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_run_is_made_with_parameters_that_ask_for_nothing() {
    let (_server, api) = start().await;
    let thread = api.thread().await;
    api.run_all(&thread, request("chat", 1, 0.0)).await;
    for more in [
        json!({"command": null, "checkpoint": null, "stream_mode": null, "webhook": null}),
        json!({"command": {}, "interrupt_before": [], "interrupt_after": null}),
        json!({"command": {"resume": null, "update": null, "goto": []}}),
        json!({"checkpoint": {"thread_id": thread, "checkpoint_ns": "", "checkpoint_map": null}}),
        json!({"checkpoint": {"checkpoint_id": head(&api, &thread).await, "checkpoint_map": {}}}),
        json!({"checkpoint": {"checkpoint_id": head(&api, &thread).await}, "checkpoint_id": head(&api, &thread).await}),
        json!({"config": {"configurable": {"thread_id": thread, "checkpoint_ns": "", "n_tokens": 1}, "tags": ["a"], "recursion_limit": 10_000, "metadata": {}}}),
        json!({"on_disconnect": "continue", "interrupt_before": ["model"]}),
    ] {
        let asked = with(request("chat", 1, 0.0), more.clone());
        let frames = api.run_all(&thread, asked).await;
        let last = frames.last().unwrap();
        assert_ne!(last.event_name(), "error", "{more}: {}", last.data);
    }
    // LangChain's class writes an empty list where it goes nowhere.
    let asked = api.thread().await;
    api.run_all(&asked, request("approval", 1, 0.0)).await;
    let answer = json!({"assistant_id": "approval", "input": null, "command": {"resume": "yes", "goto": []}});
    api.run_all(&asked, answer).await;
    assert_eq!(api.state(&asked).await["next"], json!([]));
}

#[tokio::test]
async fn a_waiting_client_that_leaves_ends_its_run_if_it_asked_for_that() {
    let (_server, api) = start().await;
    for (on_disconnect, status) in [("cancel", "interrupted"), ("continue", "success")] {
        let thread = api.thread().await;
        let asked = with(
            request("chat", 30, 10.0),
            json!({"on_disconnect": on_disconnect}),
        );
        let path = format!("/threads/{thread}/runs/wait");
        let answer = api
            .open(Method::POST, &path, &[], Some(asked.clone()))
            .await;
        let location = answer.headers()["content-location"].to_str().unwrap();
        let run = location.rsplit('/').next().unwrap().to_owned();
        drop(answer);
        api.until_status(&thread, &run, status).await;
        // One that stays has the result.
        let asked = with(asked, request("chat", 1, 0.0));
        let values = api.post(&path, asked).await;
        assert!(values["messages"].is_array(), "{values}");
        let runs = api.get(&format!("/threads/{thread}/runs")).await;
        let ends: Vec<_> = runs
            .as_array()
            .unwrap()
            .iter()
            .map(|run| &run["status"])
            .collect();
        assert_eq!(ends, [&json!("success"), &json!(status)]);
    }
}

#[tokio::test]
async fn a_state_is_not_written_elsewhere_than_asked() {
    let (_server, api) = start().await;
    let thread = api.thread().await;
    api.run_all(&thread, request("chat", 1, 0.0)).await;
    let before = head(&api, &thread).await;
    let state = format!("/threads/{thread}/state");
    let history = format!("/threads/{thread}/history");
    for (checkpoint, code) in [
        (json!({"checkpoint_id": 5}), (422, "invalid_id")),
        (json!({"checkpoint_id": [before]}), (422, "invalid_id")),
        (json!("x"), WRONG),
        (json!([before]), WRONG),
        (json!({"checkpoint_ns": "child:1"}), UNBUILT),
        (json!({"checkpoint_map": {"": before}}), UNBUILT),
        (json!({"checkpoint_map": "x"}), WRONG),
        (
            json!({"thread_id": UNKNOWN, "checkpoint_id": before}),
            WRONG,
        ),
        (json!({"checkpointId": before}), UNBUILT),
    ] {
        let named = json!({"checkpoint": checkpoint});
        let write = with(json!({"values": {"a": 1}}), named.clone());
        refused(&api, Method::POST, &state, Some(write), code).await;
        refused(&api, Method::POST, &history, Some(named.clone()), code).await;
        let path = format!("{state}/checkpoint");
        refused(&api, Method::POST, &path, Some(named), code).await;
        if checkpoint.is_object() {
            for before in [checkpoint.clone(), json!({"configurable": checkpoint})] {
                let body = json!({"before": before});
                refused(&api, Method::POST, &history, Some(body), code).await;
            }
        }
    }
    let states = api.get(&history).await;
    let both = json!({
        "values": {"a": 1}, "checkpoint": {"checkpoint_id": before},
        "checkpoint_id": states[1]["checkpoint_id"],
    });
    refused(&api, Method::POST, &state, Some(both), WRONG).await;
    let odd = json!({"before": {"configurable": {"checkpoint_id": before}, "odd": 1}});
    refused(&api, Method::POST, &history, Some(odd), UNBUILT).await;
    assert_eq!(head(&api, &thread).await, before);
    // As the clients send back what they were given.
    let given = api.state(&thread).await["checkpoint"].clone();
    let given = with(given, json!({"checkpoint_map": null}));
    api.post(&state, json!({"values": {"a": 1}, "checkpoint": given}))
        .await;
    assert_eq!(api.state(&thread).await["values"]["a"], 1);
}

#[tokio::test]
async fn a_join_is_refused_a_mode_that_brings_nothing() {
    let (_server, api) = start().await;
    let thread = api.thread().await;
    let mut stream = api.run(&thread, request("chat", 1, 0.0)).await;
    stream.rest().await;
    let path = format!("/threads/{thread}/runs/{}/stream", stream.run_id());
    for (query, code) in [
        ("stream_mode=nonsense", WRONG),
        ("stream_mode=values,nonsense", WRONG),
        ("stream_mode=events", UNBUILT),
        ("stream_mode=%5B%22values%22,%22tools%22%5D", UNBUILT),
        ("cancel_on_disconnect=maybe", WRONG),
    ] {
        refused(&api, Method::GET, &format!("{path}?{query}"), None, code).await;
    }
    let path = format!("{path}?stream_mode=%5B%5D&cancel_on_disconnect=false");
    let headers = [("last-event-id", "-1")];
    let mut all = Stream::new(api.open(Method::GET, &path, &headers, None).await);
    assert!(names(&all.rest().await).contains(&"values"));
}

#[tokio::test]
async fn a_cancel_ends_what_it_names_and_nothing_where_it_is_misspelt() {
    let (_server, api) = start().await;
    let thread = api.thread().await;
    let mut stream = api.run(&thread, request("chat", 200_000, 5.0)).await;
    stream.until("messages").await;
    let run = format!("/threads/{thread}/runs/{}", stream.run_id());
    let cancel = format!("{run}/cancel");
    for (query, body, code) in [
        ("?wait=maybe", None, WRONG),
        ("?wait=2", None, WRONG),
        ("?action=explode", None, WRONG),
        ("", Some(json!({"wait": true})), UNBUILT),
        ("", Some(json!({"action": "rollback"})), UNBUILT),
        ("", Some(json!(["rollback"])), WRONG),
    ] {
        refused(&api, Method::POST, &format!("{cancel}{query}"), body, code).await;
    }
    let session = format!("/sessions/{thread}/cancel");
    for (body, code) in [
        (json!({"ID": "m"}), UNBUILT),
        (json!({"message_id": "m"}), UNBUILT),
        (json!({"id": 5}), WRONG),
        (json!(["m"]), WRONG),
    ] {
        refused(&api, Method::POST, &session, Some(body), code).await;
    }
    assert_eq!(api.get(&run).await["status"], "running");
    api.call(
        Method::POST,
        &format!("{cancel}?wait=1"),
        Some(json!({"reason": null})),
    )
    .await;
    assert_eq!(api.get(&run).await["status"], "interrupted");
}

#[tokio::test]
async fn a_copy_and_a_search_are_refused_what_they_would_not_do() {
    let (_server, api) = start().await;
    let thread = api.thread().await;
    let copy = format!("/threads/{thread}/copy");
    let state = format!("/threads/{thread}/state");
    let history = format!("/threads/{thread}/history");
    let runs = format!("/threads/{thread}/runs");
    let search = "/threads/search";
    for (path, body, code) in [
        (copy.as_str(), json!({"thread_id": UNKNOWN}), UNBUILT),
        (&copy, json!({"metadata": {"a": 1}}), UNBUILT),
        (&copy, json!([UNKNOWN]), WRONG),
        (search, json!({"limit": 1001}), WRONG),
        (search, json!({"status": "nonsense"}), WRONG),
        (search, json!({"select": ["thread_id", "odd"]}), UNBUILT),
        (search, json!({"ids": [UNKNOWN, "x"]}), (422, "invalid_id")),
        ("/threads/count", json!({"status": "nonsense"}), WRONG),
        ("/assistants/search", json!({"select": ["odd"]}), UNBUILT),
        (&history, json!({"limit": 1001}), WRONG),
    ] {
        refused(&api, Method::POST, path, Some(body), code).await;
    }
    for path in [
        format!("{history}?limit=1001"),
        format!("{runs}?status=nonsense"),
        format!("{state}?subgraphs=maybe"),
    ] {
        refused(&api, Method::GET, &path, None, WRONG).await;
    }
    assert_eq!(api.post("/threads/count", json!({})).await, 1);
    api.post(&copy, json!({"metadata": {}})).await;
    assert_eq!(api.get(&format!("{runs}?status=timeout")).await, json!([]));
    api.get(&format!("{state}?subgraphs=false")).await;
    let all =
        json!({"limit": 1000, "status": "idle", "ids": null, "select": ["thread_id", "values"]});
    assert_eq!(api.post(search, all).await.as_array().unwrap().len(), 2);
    assert_eq!(api.post(&history, json!({"limit": 1000})).await, json!([]));
}

#[tokio::test]
async fn a_connection_goes_on_after_a_call_that_is_not_built() {
    let (_server, api) = start().await;
    let address = api.base.strip_prefix("http://").unwrap();
    let mut connection = TcpStream::connect(address).await.unwrap();
    let head = "PUT /store/items HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n\r\n";
    connection.write_all(head.as_bytes()).await.unwrap();
    // Longer than an answer takes that does not wait for the body.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let rest = "{}GET /ok HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    connection.write_all(rest.as_bytes()).await.unwrap();
    let mut told = String::new();
    connection.read_to_string(&mut told).await.unwrap();
    assert!(told.starts_with("HTTP/1.1 501 "), "{told}");
    assert!(told.contains("HTTP/1.1 200 OK"), "{told}");
}

#[tokio::test]
async fn a_batch_of_records_is_refused_for_a_field_that_is_not_of_its_change() {
    let (_server, api) = start().await;
    publish(&api, "s", [started("m"), appended("m", 0, "a")]).await;
    let before = api.get("/sessions/s/messages").await;
    let aborted = json!({"status": "aborted", "reason": "tired"});
    let cases = [
        (with(appended("m", 1, "b"), json!({"AT": 1})), UNBUILT),
        (with(appended("m", 1, "b"), json!({"seq": 3})), UNBUILT),
        (with(appended("m", 1, "b"), json!({"run_id": "r"})), UNBUILT),
        (with(started("n"), json!({"at": 5})), UNBUILT),
        (with(started("n"), json!({"id": "n"})), UNBUILT),
        (with(ended("m"), json!({"reason": "tired"})), WRONG),
        (with(ended("m"), json!({"at": 1})), UNBUILT),
        (with(removed("m"), json!({"status": "complete"})), UNBUILT),
    ];
    for (change, code) in cases {
        let changes = json!([appended("m", 1, "b"), change]);
        let body = json!({"producer": "p", "changes": changes});
        refused(&api, Method::POST, "/sessions/s/records", Some(body), code).await;
    }
    for more in [json!({"lease": 5}), json!({"Changes": [ended("m")]})] {
        let body = with(json!({"producer": "p", "changes": []}), more);
        refused(
            &api,
            Method::POST,
            "/sessions/s/records",
            Some(body),
            UNBUILT,
        )
        .await;
    }
    assert_eq!(api.get("/sessions/s/messages").await, before);
    // A message may hold anything, and nothing asks for nothing.
    let message = json!({"type": "ai", "id": "n", "content": "", "made_up": {"a": 1}});
    let changes = [
        json!({"type": "started", "message": message, "run_id": null, "at": null}),
        with(ended("n"), json!({"reason": null})),
        with(ended("m"), aborted),
    ];
    publish(&api, "s", changes).await;
    let nodes = api.get("/sessions/s/messages").await["nodes"].clone();
    assert_eq!(nodes[0]["reason"], "tired");
    assert_eq!(nodes[1]["message"]["made_up"]["a"], 1);
}
