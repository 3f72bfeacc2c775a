//! The `openai` agent against a small endpoint of our own.

#![allow(clippy::unwrap_used)]

mod support;

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use rejoin_server::{Server, agents::OpenAiConfig};
use serde_json::{Value, json};
use support::*;

const KEY: &str = "sk-test-1234567890";

type Seen = Arc<Mutex<Vec<(HeaderMap, Value)>>>;

/// An endpoint that gives the same answer to every question and remembers what it was asked.
async fn endpoint(status: u16, answer: &'static str) -> (String, Seen) {
    let seen = Seen::default();
    let answer = move |State(seen): State<Seen>, headers: HeaderMap, body: String| async move {
        seen.lock()
            .unwrap()
            .push((headers, serde_json::from_str(&body).unwrap()));
        let status = StatusCode::from_u16(status).unwrap();
        let kind = if status.is_success() {
            "text/event-stream"
        } else {
            "application/json"
        };
        let response: Response = (status, [("content-type", kind)], answer).into_response();
        response
    };
    let router = Router::new()
        .route("/v1/chat/completions", post(answer))
        .with_state(Arc::clone(&seen));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/v1", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (base, seen)
}

async fn server(base_url: String) -> (Server, Api) {
    let config = OpenAiConfig {
        base_url,
        api_key: Some(KEY.to_owned()),
        model: "test-model".to_owned(),
    };
    assert!(!format!("{config:?}").contains(KEY));
    start_with(|server| server.openai = Some(config)).await
}

const ANSWER: &str = concat!(
    ": comment\n\n",
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n",
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hello\"},\"finish_reason\":null}]}\n\n",
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\", wörld\"},\"finish_reason\":null}]}\n\n",
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2,\"total_tokens\":5}}\n\n",
    "data: [DONE]\n\n",
);

#[tokio::test]
async fn an_answer_is_streamed_and_the_conversation_is_sent() {
    let (base, seen) = endpoint(200, ANSWER).await;
    let (_server, api) = server(base).await;
    let thread = api.thread().await;
    let frames = api.run_all(&thread, request("openai", 0, 0.0)).await;
    let pieces: Vec<Value> = frames
        .iter()
        .filter(|frame| frame.event_name() == "messages")
        .map(|frame| data(frame)[0]["content"].clone())
        .collect();
    assert_eq!(pieces, ["Hello", ", wörld", "", ""]);
    let state = api.state(&thread).await;
    assert_eq!(last_text(&state), "Hello, wörld");
    let usage = json!({"input_tokens": 3, "output_tokens": 2, "total_tokens": 5});
    assert_eq!(state["values"]["messages"][1]["usage_metadata"], usage);
    let again = with(
        request("openai", 0, 0.0),
        json!({"config": {"configurable": {"system": "Be brief", "temperature": 0.5}}}),
    );
    api.run_all(&thread, again).await;
    let seen = seen.lock().unwrap();
    assert_eq!(seen[0].0["authorization"], format!("Bearer {KEY}"));
    assert_eq!(
        (&seen[0].1["model"], &seen[0].1["stream"]),
        (&json!("test-model"), &json!(true))
    );
    assert_eq!(
        seen[0].1["messages"],
        json!([{"role": "user", "content": "hi"}])
    );
    assert_eq!(
        seen[1].1["messages"],
        json!([
            {"role": "system", "content": "Be brief"},
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": "Hello, wörld"},
            {"role": "user", "content": "hi"},
        ])
    );
    assert_eq!(seen[1].1["temperature"], 0.5);
}

async fn error_of(base: String) -> (Value, Value) {
    let (_server, api) = server(base).await;
    let thread = api.thread().await;
    let frames = api.run_all(&thread, request("openai", 0, 0.0)).await;
    let last = frames.last().unwrap();
    assert_eq!(last.event_name(), "error");
    assert!(frames.iter().all(|frame| !frame.data.contains(KEY)));
    (data(last), api.state(&thread).await)
}

/// A piece whose delta is this, as raw JSON.
fn delta(delta: &str) -> String {
    format!("data: {{\"choices\":[{{\"delta\":{delta},\"finish_reason\":null}}]}}\n\n")
}

#[tokio::test]
async fn an_answer_in_parts_or_with_a_pair_cut_in_two_is_whole() {
    for (pieces, expect) in [
        (
            vec![r#"{"content":[{"type":"text","text":"Hi "},{"type":"text","text":"you"}]}"#],
            "Hi you",
        ),
        (
            vec![r#"{"content":"a\ud83d"}"#, r#"{"content":"\ude00b"}"#],
            "a😀b",
        ),
        (
            vec![r#"{"content":"a"}"#, r#"{"content":"\ud83d"}"#],
            "a\u{fffd}",
        ),
        (vec![r#"{"content":"\ude00b"}"#], "\u{fffd}b"),
    ] {
        let body: String = pieces.iter().map(|piece| delta(piece)).collect();
        let body = format!("{body}data: [DONE]\n\n");
        let (base, _) = endpoint(200, body.leak()).await;
        let (_server, api) = server(base).await;
        let thread = api.thread().await;
        api.run_all(&thread, request("openai", 0, 0.0)).await;
        assert_eq!(last_text(&api.state(&thread).await), expect);
    }
}

#[tokio::test]
async fn failures_are_told_without_the_key() {
    let (base, _) = endpoint(
        401,
        r#"{"error":{"message":"Incorrect API key provided: sk-test-1234567890"}}"#,
    )
    .await;
    let (error, _) = error_of(base).await;
    assert_eq!(error["error"], "EndpointError");
    let message = error["message"].as_str().unwrap();
    assert_eq!(
        message,
        "the endpoint answered 401 Unauthorized: Incorrect API key provided: (key)"
    );

    let (base, _) = endpoint(200, "data: {\"error\":{\"message\":\"overloaded\"}}\n\n").await;
    assert_eq!(
        error_of(base).await.0,
        json!({"error": "EndpointError", "message": "overloaded"})
    );

    let (base, _) = endpoint(200, "data: {not json\n\n").await;
    assert_eq!(error_of(base).await.0["error"], "EndpointProtocol");

    let half =
        "data: {\"choices\":[{\"delta\":{\"content\":\"Half an\"},\"finish_reason\":null}]}\n\n";
    let (base, _) = endpoint(200, half).await;
    let (error, state) = error_of(base).await;
    assert_eq!(error["error"], "EndpointClosed");
    assert_eq!(last_text(&state), "Half an");

    // Nobody listens on port 1.
    assert_eq!(
        error_of("http://127.0.0.1:1/v1".to_owned()).await.0["error"],
        "EndpointUnreachable"
    );
}

#[tokio::test]
async fn no_piece_of_the_key_is_kept_wherever_the_text_is_cut() {
    // So that the limit of a shown error falls into the key; an endpoint that cut it itself.
    for text in [
        format!("{}{KEY}", "x".repeat(485)),
        format!("{KEY} {}{KEY}", "x".repeat(470)),
        format!("you sent {}", &KEY[..KEY.len() - 2]),
        format!("you sent ..{}", &KEY[3..]),
    ] {
        let body = json!({"error": {"message": text}}).to_string();
        let (base, _) = endpoint(401, body.leak()).await;
        let (error, state) = error_of(base).await;
        let kept = format!("{error}{state}");
        for piece in KEY.as_bytes().windows(8) {
            let piece = std::str::from_utf8(piece).unwrap();
            assert!(!kept.contains(piece), "{piece} of {text}");
        }
    }
}

#[tokio::test]
async fn without_an_endpoint_the_run_says_what_to_set() {
    let (_server, api) = start().await;
    let thread = api.thread().await;
    let frames = api.run_all(&thread, request("openai", 0, 0.0)).await;
    let error = data(frames.last().unwrap());
    assert_eq!(error["error"], "NotConfigured");
    assert!(error["message"].as_str().unwrap().contains("OPENAI_MODEL"));
}
