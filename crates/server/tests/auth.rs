//! Tokens: who is let in where, and how everybody else is told no.

#![allow(clippy::unwrap_used)]

mod support;

use std::{
    collections::BTreeSet,
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use hyper::Method;
use rejoin_server::auth::{Capability, Claims, ENDPOINTS, Endpoint, Needs};
use ring::hmac;
use serde_json::{Value, json};
use support::*;

fn now_s() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    now.as_secs()
}

/// A token made by hand, with whatever is wrong with it.
fn forge(header: &Value, claims: &Value, algorithm: hmac::Algorithm, secret: &[u8]) -> String {
    let signed = format!(
        "{}.{}",
        base64url(header.to_string().as_bytes()),
        base64url(claims.to_string().as_bytes())
    );
    let key = hmac::Key::new(algorithm, secret);
    let signature = hmac::sign(&key, signed.as_bytes());
    format!("{signed}.{}", base64url(signature.as_ref()))
}

fn base64url(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let digits_of = |chunk: &[u8]| {
        let bits = chunk
            .iter()
            .fold(0u32, |bits, byte| bits << 8 | u32::from(*byte));
        let bits = bits << (8 * (3 - chunk.len()));
        let digit = move |at: usize| DIGITS[(bits >> (18 - 6 * at)) as usize & 63] as char;
        (0..=chunk.len()).map(digit).collect::<String>()
    };
    bytes.chunks(3).map(digits_of).collect()
}

/// What comes in `Authorization`, and the code it is answered with.
fn bad_tokens() -> Vec<(&'static str, Option<String>, &'static str)> {
    let caps = json!(["stream", "history", "publish", "cancel"]);
    let good = json!({"exp": now_s() + 600, "session": "*", "caps": caps});
    let with = |more: Value| {
        let mut claims = good.clone();
        for (name, value) in more.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims
    };
    let without = |name: &str| {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().remove(name);
        claims
    };
    let hs256 = json!({"alg": "HS256", "typ": "JWT"});
    let signed = |claims: &Value| forge(&hs256, claims, hmac::HMAC_SHA256, SECRET);
    let under = |name: &str, algorithm| forge(&json!({"alg": name}), &good, algorithm, SECRET);
    let whole = signed(&good);
    let (head, signature) = whole.rsplit_once('.').unwrap();
    let (header, _) = head.split_once('.').unwrap();
    let swapped = base64url(with(json!({"session": THEIRS})).to_string().as_bytes());
    let none = base64url(br#"{"alg":"none"}"#);
    let payload = base64url(good.to_string().as_bytes());
    let of = |name, token: String, code| (name, Some(bearer(&token)), code);
    vec![
        ("no header", None, "token_missing"),
        (
            "another scheme",
            Some("Basic dXNlcjpwYXNz".to_owned()),
            "token_missing",
        ),
        ("no scheme", Some(whole.clone()), "token_invalid"),
        of("nothing", String::new(), "token_invalid"),
        of("no token", "hello".to_owned(), "token_invalid"),
        of(
            "another secret",
            forge(
                &hs256,
                &good,
                hmac::HMAC_SHA256,
                b"another secret of 32 bytes......",
            ),
            "token_invalid",
        ),
        of(
            "other claims",
            format!("{header}.{swapped}.{signature}"),
            "token_invalid",
        ),
        of("no signature", format!("{head}."), "token_invalid"),
        of(
            "algorithm none",
            format!("{none}.{payload}."),
            "token_invalid",
        ),
        of(
            "algorithm none, signed",
            forge(&json!({"alg": "none"}), &good, hmac::HMAC_SHA256, SECRET),
            "token_invalid",
        ),
        of(
            "something critical that nobody knows",
            forge(
                &json!({"alg": "HS256", "crit": ["exp2"], "exp2": 1}),
                &good,
                hmac::HMAC_SHA256,
                SECRET,
            ),
            "token_invalid",
        ),
        of(
            "another spelling of a session",
            signed(&with(json!({"session": OURS.to_uppercase()}))),
            "token_invalid",
        ),
        of("HS384", under("HS384", hmac::HMAC_SHA384), "token_invalid"),
        of("HS512", under("HS512", hmac::HMAC_SHA512), "token_invalid"),
        of(
            "RS256 that is HS256",
            under("RS256", hmac::HMAC_SHA256),
            "token_invalid",
        ),
        of(
            "ES256 that is HS256",
            under("ES256", hmac::HMAC_SHA256),
            "token_invalid",
        ),
        of("no exp", signed(&without("exp")), "token_invalid"),
        of(
            "exp as a text",
            signed(&with(json!({"exp": "9999999999"}))),
            "token_invalid",
        ),
        of(
            "exp null",
            signed(&with(json!({"exp": null}))),
            "token_invalid",
        ),
        of(
            "exp negative",
            signed(&with(json!({"exp": -5}))),
            "token_invalid",
        ),
        of("no session", signed(&without("session")), "token_invalid"),
        of(
            "session null",
            signed(&with(json!({"session": null}))),
            "token_invalid",
        ),
        of(
            "sessions as a list",
            signed(&with(json!({"session": ["*"]}))),
            "token_invalid",
        ),
        of("no caps", signed(&without("caps")), "token_invalid"),
        of(
            "caps as a text",
            signed(&with(json!({"caps": "stream history"}))),
            "token_invalid",
        ),
        of(
            "for another audience",
            signed(&with(json!({"aud": "somebody else"}))),
            "token_invalid",
        ),
        of(
            "not yet",
            signed(&with(json!({"nbf": now_s() + 300}))),
            "token_invalid",
        ),
        of(
            "expired",
            signed(&with(json!({"exp": now_s() - 1}))),
            "token_expired",
        ),
        of(
            "expired in this second",
            signed(&with(json!({"exp": now_s()}))),
            "token_expired",
        ),
        of(
            "expired and forged",
            forge(
                &hs256,
                &with(json!({"exp": 1})),
                hmac::HMAC_SHA256,
                &[7; 32],
            ),
            "token_invalid",
        ),
    ]
}

/// The row's path with our session, and what it takes.
async fn send(api: &Api, endpoint: &Endpoint, authorization: &[&str]) -> Answer {
    let path = endpoint
        .path
        .replace("{thread_id}", OURS)
        .replace("{session_id}", OURS)
        .replace("{run_id}", UNKNOWN)
        .replace("{checkpoint_id}", UNKNOWN)
        .replace("{assistant_id}", "chat");
    // What is streaming now, and nothing before it.
    let path = match endpoint.path {
        "/sessions/{session_id}/stream" => path + "?limit=0",
        _ => path,
    };
    // Nothing that this would start goes on: the agent is not there.
    let body = match endpoint.path {
        "/threads" => json!({"thread_id": OURS, "if_exists": "do_nothing"}),
        path if path.contains("/runs") => {
            json!({"assistant_id": "nobody", "stream_mode": "updates"})
        }
        _ => json!({}),
    };
    let headers: Vec<_> = authorization
        .iter()
        .map(|value| ("authorization", *value))
        .collect();
    let method = Method::from_bytes(endpoint.method.as_bytes()).unwrap();
    let body = (method != Method::GET).then_some(body);
    let response = api.open(method, &path, &headers, body).await;
    // A stream that is let in has no end: its head is enough.
    if response.status().is_success() {
        let (parts, _) = response.into_parts();
        return Answer {
            status: parts.status,
            headers: parts.headers,
            body: axum::body::Bytes::new(),
        };
    }
    read(response).await
}

fn is_denied(answer: &Answer) -> bool {
    matches!(answer.status.as_u16(), 401 | 403)
}

#[tokio::test]
async fn a_bad_token_is_refused_by_every_endpoint_with_its_code() {
    let (_server, api) = guarded().await;
    for endpoint in ENDPOINTS {
        for (name, authorization, code) in bad_tokens() {
            let headers: Vec<&str> = authorization.as_deref().into_iter().collect();
            let answer = send(&api, endpoint, &headers).await;
            let what = format!("{} {}: {name}", endpoint.method, endpoint.path);
            if endpoint.needs == Needs::Nothing {
                assert!(answer.status.is_success(), "{what}");
                continue;
            }
            assert_eq!(answer.code(), (401, code.to_owned()), "{what}");
            assert!(
                answer.header("www-authenticate").starts_with("Bearer"),
                "{what}"
            );
            assert_eq!(answer.header("access-control-allow-origin"), "*", "{what}");
            // What was sent is not sent back.
            let sent = authorization.as_deref().unwrap_or_default();
            let sent = sent.rsplit(' ').next().unwrap_or_default();
            let told = String::from_utf8_lossy(&answer.body).into_owned();
            assert!(sent.is_empty() || !told.contains(sent), "{what}: {told}");
        }
    }
}

#[tokio::test]
async fn a_token_for_another_session_is_refused_by_every_endpoint_of_a_session() {
    let (_server, api) = guarded().await;
    let theirs = bearer(&token(THEIRS, &Capability::ALL));
    for endpoint in ENDPOINTS {
        let answer = send(&api, endpoint, &[&theirs]).await;
        let what = format!("{} {}", endpoint.method, endpoint.path);
        match endpoint.needs {
            Needs::Every(_) | Needs::Session(_) => {
                assert_eq!(
                    answer.code(),
                    (403, "session_not_allowed".to_owned()),
                    "{what}"
                );
            }
            // It creates a thread of another name.
            Needs::Some(_) if endpoint.path == "/threads" => {
                assert_eq!(
                    answer.code(),
                    (403, "session_not_allowed".to_owned()),
                    "{what}"
                );
            }
            Needs::Nothing | Needs::Token | Needs::Some(_) => {
                assert!(!is_denied(&answer), "{what}");
            }
        }
    }
}

#[tokio::test]
async fn each_capability_that_an_endpoint_needs_is_missed_when_it_is_not_there() {
    let (_server, api) = guarded().await;
    for endpoint in ENDPOINTS {
        let session = if matches!(endpoint.needs, Needs::Every(_)) {
            "*"
        } else {
            OURS
        };
        let needed = endpoint.needs.capabilities();
        let what = format!("{} {}", endpoint.method, endpoint.path);
        for missing in needed {
            let others: Vec<Capability> = Capability::ALL
                .into_iter()
                .filter(|cap| cap != missing)
                .collect();
            let answer = send(&api, endpoint, &[&bearer(&token(session, &others))]).await;
            assert_eq!(
                answer.code(),
                (403, "capability_missing".to_owned()),
                "{what} {missing}"
            );
            assert_eq!(answer.json()["capability"], missing.as_str(), "{what}");
        }
        // And no more than those are asked for.
        let answer = send(&api, endpoint, &[&bearer(&token(session, needed))]).await;
        assert!(!is_denied(&answer), "{what}: {:?}", answer.body);
        assert_ne!(answer.status.as_u16(), 405, "{what}");
    }
}

#[tokio::test]
async fn what_streams_now_needs_no_history_and_everything_before_does() {
    let (_server, api) = guarded().await;
    let live = bearer(&token(OURS, &[Capability::Stream]));
    let ask = async |query: &str, cursor: Option<&str>| {
        let mut headers = vec![("authorization", live.as_str())];
        headers.extend(cursor.map(|cursor| ("last-event-id", cursor)));
        let path = format!("/sessions/{OURS}/stream{query}");
        api.open(Method::GET, &path, &headers, None)
            .await
            .status()
            .as_u16()
    };
    assert_eq!(ask("?limit=0", None).await, 200);
    assert_eq!(ask("", None).await, 403);
    assert_eq!(ask("?limit=1", None).await, 403);
    assert_eq!(ask("?limit=0&cursor=1-1", None).await, 403);
    assert_eq!(ask("?limit=0", Some("1-1")).await, 403);
}

#[tokio::test]
async fn a_token_for_a_session_makes_and_finds_only_its_own_thread() {
    let (_server, api) = guarded().await;
    let every = bearer(&token("*", &Capability::ALL));
    let ours = bearer(&token(OURS, &Capability::ALL));
    let post = async |path: &str, who: &str, body: Value| {
        let headers = [("authorization", who)];
        read(api.open(Method::POST, path, &headers, Some(body)).await).await
    };
    for id in [OURS, THEIRS] {
        let made = post("/threads", &every, json!({"thread_id": id})).await;
        assert_eq!(made.status.as_u16(), 200);
    }
    // A fresh name is nobody's.
    let unnamed = post("/threads", &ours, json!({})).await;
    assert_eq!(unnamed.code(), (403, "session_not_allowed".to_owned()));
    let found = async |who: &str| {
        let threads = post(
            "/threads/search",
            who,
            json!({"sort_by": "thread_id", "sort_order": "asc"}),
        )
        .await;
        let threads = threads.json();
        let ids = threads.as_array().unwrap().iter();
        ids.map(|thread| thread["thread_id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(found(&ours).await, [OURS]);
    assert_eq!(found(&every).await, [OURS, THEIRS]);
}

#[tokio::test]
async fn a_reader_without_cancel_cannot_cancel_by_leaving() {
    let (_server, api) = guarded().await;
    let reader = bearer(&token(OURS, &[Capability::Stream]));
    let path = format!("/threads/{OURS}/runs/{UNKNOWN}/stream?cancel_on_disconnect=true");
    let answer = read(
        api.open(Method::GET, &path, &[("authorization", &reader)], None)
            .await,
    )
    .await;
    assert_eq!(answer.code(), (403, "capability_missing".to_owned()));
    assert_eq!(answer.json()["capability"], "cancel");
}

#[tokio::test]
async fn denials_are_counted_by_code() {
    let (_server, api) = guarded().await;
    for _ in 0..2 {
        api.call(Method::GET, "/info", None).await;
    }
    let every = bearer(&token("*", &[]));
    let answer = read(
        api.open(Method::GET, "/metrics", &[("authorization", &every)], None)
            .await,
    )
    .await;
    let shown = String::from_utf8(answer.body.to_vec()).unwrap();
    assert!(
        shown.contains("rejoin_requests_denied_total{code=\"token_missing\"} 2\n"),
        "{shown}"
    );
}

#[tokio::test]
async fn two_tokens_are_one_too_many() {
    let (_server, api) = guarded().await;
    let good = bearer(&token("*", &Capability::ALL));
    let headers = [
        ("authorization", good.as_str()),
        ("authorization", good.as_str()),
    ];
    let answer = read(api.open(Method::GET, "/info", &headers, None).await).await;
    assert_eq!(answer.code(), (401, "token_invalid".to_owned()));
    let answer = read(api.open(Method::GET, "/info", &headers[1..], None).await).await;
    assert_eq!(answer.status.as_u16(), 200);
}

#[tokio::test]
async fn head_is_guarded_like_get_and_another_method_is_not_let_in() {
    let (_server, api) = guarded().await;
    let good = bearer(&token("*", &Capability::ALL));
    let ask = async |method: Method, authorization: Option<&str>| {
        let headers: Vec<_> = authorization
            .into_iter()
            .map(|value| ("authorization", value))
            .collect();
        api.open(method, "/info", &headers, None)
            .await
            .status()
            .as_u16()
    };
    assert_eq!(ask(Method::HEAD, None).await, 401);
    assert_eq!(ask(Method::HEAD, Some(&good)).await, 200);
    assert_eq!(ask(Method::DELETE, None).await, 401);
    assert_eq!(ask(Method::DELETE, Some(&good)).await, 405);
}

#[tokio::test]
async fn under_a_prefix_the_same_is_asked_for() {
    let (_server, api) = start_with(|config| {
        config.auth = Some(secret());
        config.api_prefix = "/api".to_owned();
    })
    .await;
    let ask = async |endpoint: &str, authorization: Option<&str>| {
        let (method, path) = endpoint.split_once(' ').unwrap();
        let headers: Vec<_> = authorization
            .into_iter()
            .map(|value| ("authorization", value))
            .collect();
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        api.open(method, path, &headers, None)
            .await
            .status()
            .as_u16()
    };
    let stream = format!("GET /sessions/{OURS}/messages");
    let reader = bearer(&token(OURS, &[Capability::History]));
    assert_eq!(ask("GET /ok", None).await, 200);
    assert_eq!(ask(&stream, None).await, 401);
    // Let in; there is nothing yet.
    assert_eq!(ask(&stream, Some(&reader)).await, 404);
    assert_eq!(ask(&stream.replace(OURS, THEIRS), Some(&reader)).await, 403);
    assert_eq!(ask("DELETE /faults", Some(&reader)).await, 403);
    assert_eq!(ask("DELETE /faults", None).await, 401);
}

#[tokio::test]
async fn a_preflight_needs_no_token_as_browsers_send_none() {
    let (_server, api) = guarded().await;
    let headers = [
        ("origin", "http://localhost:3000"),
        ("access-control-request-method", "POST"),
        (
            "access-control-request-headers",
            "authorization,content-type",
        ),
    ];
    let path = format!("/threads/{OURS}/runs/stream");
    let response = api.open(Method::OPTIONS, &path, &headers, None).await;
    assert_eq!(response.status().as_u16(), 204);
    assert_eq!(
        response.headers()["access-control-allow-headers"],
        "authorization,content-type"
    );
}

#[tokio::test]
async fn a_stream_ends_cleanly_when_its_token_does_and_goes_on_with_the_next() {
    let (_server, api) = guarded().await;
    let publisher = bearer(&token(OURS, &Capability::ALL));
    let path = format!("/threads/{OURS}/runs/stream");
    let body = with(
        request("chat", 50_000, 2.0),
        json!({"if_not_exists": "create"}),
    );
    let first = api
        .open(
            Method::POST,
            &path,
            &[("authorization", &publisher)],
            Some(body),
        )
        .await;
    let run = Stream::new(first).run_id();

    let caps = [Capability::Stream, Capability::History];
    let brief = Claims::new(OURS, &caps, Duration::from_secs(4));
    let brief = bearer(&brief.sign(&secret()).unwrap());
    let path = format!("/threads/{OURS}/runs/{run}/stream");
    let join = async |token: &str, from: &str| {
        let headers = [("authorization", token), ("last-event-id", from)];
        Stream::new(api.open(Method::GET, &path, &headers, None).await)
    };
    let mut frames = join(&brief, "-1").await;
    let mut seen = frames.rest().await;
    assert!(!frames.broken);
    let last = seen.last().unwrap().id.clone().unwrap();
    // Not because the run was over.
    let answer = read(
        api.open(Method::GET, &path, &[("authorization", &brief)], None)
            .await,
    )
    .await;
    assert_eq!(answer.code(), (401, "token_expired".to_owned()));
    let next = bearer(&token(OURS, &caps));
    let mut rest = join(&next, &last).await;
    for _ in 0..50 {
        seen.push(rest.next().await.unwrap());
    }
    for (index, frame) in seen.iter().enumerate() {
        assert_eq!(frame.id, Some(index.to_string()));
    }
}

#[test]
fn every_endpoint_is_in_the_table() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http");
    let mut routed = BTreeSet::new();
    for entry in std::fs::read_dir(source).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        for route in text.split(".route(").skip(1) {
            let (_, route) = route.split_once('"').unwrap();
            let (path, methods) = route.split_once('"').unwrap();
            let methods = balanced(methods);
            for method in ["get", "post", "put", "patch", "delete", "any", "on", "head"] {
                let is_called = methods.match_indices(&format!("{method}(")).any(|(at, _)| {
                    // `get(`, not `forget(` or `runs::get(`.
                    at == 0 || " .,\n".contains(&methods[at - 1..at])
                });
                if is_called {
                    routed.insert((method.to_uppercase(), path.to_owned()));
                }
            }
        }
    }
    assert!(routed.len() > 20, "{routed:?}");
    let listed = ENDPOINTS
        .iter()
        .map(|row| (row.method.to_owned(), row.path.to_owned()));
    assert_eq!(routed, listed.collect());
}

/// The text up to the parenthesis that closes what is open before it.
fn balanced(text: &str) -> &str {
    let mut depth = 1;
    let end = text.find(|letter| {
        depth += match letter {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        depth == 0
    });
    &text[..end.unwrap()]
}
