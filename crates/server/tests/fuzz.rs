//! Odd requests to every endpoint, by tokens of every kind: none is answered 500, none stops the server, none touches what
//! its token does not reach.
//!
//! `REJOIN_FUZZ_SEED` and `REJOIN_FUZZ_REQUESTS` choose which and how many.

#![allow(clippy::unwrap_used)]

mod odd;
mod proof;
mod support;

use std::time::Duration;

use hyper::Method;
use odd::{Odd, beginning};
use proof::Site;
use rejoin_server::auth::{Capability, Claims};
use serde_json::{Value, json};
use support::*;

const REQUESTS: u64 = 1500;
/// A tenant whom no token of the odd requests reaches.
const VICTIM: &str = "3d333333-3333-4333-8333-33333333333e";

/// A token that outlives the requests, however many: one that has expired reaches nothing.
fn lasting(session: &str, caps: &[Capability]) -> String {
    let claims = Claims::new(session, caps, Duration::from_secs(86_400));
    bearer(&claims.sign(&secret()).unwrap())
}

/// Tokens of every kind: nothing, forged, of each capability and of all, for one session and for every one.
fn tokens() -> Vec<Option<String>> {
    let mut tokens = vec![None, Some("Bearer x".to_owned())];
    for session in [OURS, THEIRS, "s", "*"] {
        for capability in Capability::ALL {
            tokens.push(Some(lasting(session, &[capability])));
            let others = Capability::ALL
                .into_iter()
                .filter(|other| *other != capability);
            tokens.push(Some(lasting(session, &others.collect::<Vec<_>>())));
        }
        tokens.push(Some(lasting(session, &Capability::ALL)));
    }
    tokens
}

async fn victim_said(api: &Api) -> (Value, Value) {
    let who = lasting(VICTIM, &Capability::ALL);
    let get = async |path: String| {
        let headers = [("authorization", who.as_str())];
        read(api.open(Method::GET, &path, &headers, None).await)
            .await
            .json()
    };
    let state = get(format!("/threads/{VICTIM}/state")).await;
    let page = get(format!("/sessions/{VICTIM}/messages")).await;
    (state["values"].clone(), page["nodes"].clone())
}

fn number(name: &str, default: u64) -> u64 {
    let set = std::env::var(name).ok();
    set.map_or(default, |text| text.parse().unwrap())
}

#[tokio::test]
async fn odd_requests_to_every_endpoint_break_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let secret = directory.path().join("secret");
    std::fs::write(&secret, SECRET).unwrap();
    let flags = [
        "--auth-secret-file",
        secret.to_str().unwrap(),
        "--runs-max",
        "20",
    ];
    let mut site = Site::start(&directory.path().join("data"), &flags).await;
    let api = site.api();
    let who = lasting(VICTIM, &Capability::ALL);
    let run = with(request("chat", 5, 0.0), json!({"if_not_exists": "create"}));
    let wait = format!("/threads/{VICTIM}/runs/wait");
    read(
        api.open(Method::POST, &wait, &[("authorization", &who)], Some(run))
            .await,
    )
    .await;
    let mut before = victim_said(&api).await;
    let is_whole = |nodes: &Value| {
        let nodes = nodes.as_array().unwrap();
        nodes.len() == 2 && nodes.iter().all(|node| node["status"] == "complete")
    };
    while before.1.as_array().is_none() || !is_whole(&before.1) {
        tokio::time::sleep(Duration::from_millis(5)).await;
        before = victim_said(&api).await;
    }

    let seed = number("REJOIN_FUZZ_SEED", 1);
    let mut odd = Odd::new(seed, &[VICTIM]);
    let tokens = tokens();
    let mut counts = std::collections::BTreeMap::<u16, u64>::new();
    for number in 0..number("REJOIN_FUZZ_REQUESTS", REQUESTS) {
        let odd::Request {
            method,
            path,
            body: sent,
        } = odd.next();
        let mut headers = Vec::new();
        if let Some(token) = odd.chance.pick(&tokens) {
            headers.push(("authorization", token.as_str()));
        }
        if odd.chance.one_in(5) {
            headers.push((
                "last-event-id",
                *odd.chance.pick(&["-1", "0", "99", "x", "1-1", ""]),
            ));
        }
        let what = format!("seed {seed}, request {number}: {method} {path} {headers:?} {sent:?}");
        let answer = api.try_open(method, &path, &headers, sent).await;
        let answer = answer.unwrap_or_else(|error| panic!("{error}: {what}"));
        let status = answer.status().as_u16();
        let text = beginning(answer).await;
        *counts.entry(status).or_default() += 1;
        assert!(status < 500 || status == 501, "{status} {text}: {what}");
        assert!(!text.contains("token_expired"), "{text}: {what}");
        odd.learn(&text);
    }
    eprintln!("{counts:?}");
    // They do reach the endpoints.
    assert!(counts[&200] > 20 && counts[&422] > 20, "{counts:?}");
    assert_eq!(victim_said(&api).await, before);
    assert!(!site.logged().contains("panic"), "{}", site.logged());
    site.kill().await;
    site.up().await;
    assert_eq!(victim_said(&site.api()).await, before);
    let ready = site.api().call(Method::GET, "/ready", None).await;
    assert_eq!(ready.status.as_u16(), 200);
}
