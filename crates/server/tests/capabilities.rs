//! What a request reads or ends decides what its token must say.

#![allow(clippy::unwrap_used)]

mod session_support;
mod support;

use hyper::Method;
use proptest::prelude::*;
use rejoin_server::{
    ThreadId,
    auth::{Access, Ask, Capability, Claims, ENDPOINTS, Endpoint, Needs},
    sessions::log::SessionId,
};
use serde_json::{Value, json};
use session_support::{removed, started};
use support::*;

/// A request: its path, its headers, its body.
type Asked = (String, Vec<(&'static str, &'static str)>, Value);

/// Said in the thread before anybody asks.
const PAST: &str = "said-before";

struct Place {
    api: Api,
    _server: rejoin_server::Server,
    /// A run of the thread that is over, and one that goes on.
    over: String,
    running: String,
    /// A message of the agent.
    answer: String,
    checkpoint: String,
    /// From before the agent answered.
    earlier: String,
}

fn everything() -> String {
    bearer(&token("*", &Capability::ALL))
}

fn without(missing: Capability) -> String {
    let others = Capability::ALL.into_iter().filter(|cap| *cap != missing);
    bearer(&token(OURS, &others.collect::<Vec<_>>()))
}

async fn send(api: &Api, who: &str, method: Method, path: &str, body: Option<Value>) -> Answer {
    let headers = [("authorization", who)];
    read(api.open(method, path, &headers, body).await).await
}

/// A thread with a conversation, a run that is over and one that goes on.
async fn place() -> Place {
    let (server, api) = guarded().await;
    let all = everything();
    let asked = json!({
        "input": {"messages": [{"type": "human", "content": PAST}]},
        "metadata": {"about": PAST}, "if_not_exists": "create",
    });
    let path = format!("/threads/{OURS}/runs/stream");
    let open = async |request: Value| {
        let headers = [("authorization", all.as_str())];
        Stream::new(api.open(Method::POST, &path, &headers, Some(request)).await)
    };
    let mut first = open(with(request("chat", 3, 0.0), asked.clone())).await;
    first.rest().await;
    let over = first.run_id();
    let mut second = open(with(request("chat", 200_000, 20.0), asked)).await;
    second.until("messages").await;
    let running = second.run_id();
    let metadata = json!({"metadata": {"about": PAST}});
    let thread = format!("/threads/{OURS}");
    send(&api, &all, Method::PATCH, &thread, Some(metadata)).await;
    let state = send(&api, &all, Method::GET, &format!("{thread}/state"), None)
        .await
        .json();
    let messages = state["values"]["messages"].as_array().unwrap();
    let ai = messages
        .iter()
        .find(|message| message["type"] == "ai")
        .unwrap();
    let history = send(&api, &all, Method::GET, &format!("{thread}/history"), None)
        .await
        .json();
    let lacks_it = |state: &&Value| {
        let messages = state["values"]["messages"].as_array();
        messages.is_none_or(|messages| !messages.contains(ai))
    };
    let earlier = history.as_array().unwrap().iter().find(lacks_it).unwrap();
    let place = Place {
        earlier: earlier["checkpoint_id"].as_str().unwrap().to_owned(),
        answer: ai["id"].as_str().unwrap().to_owned(),
        checkpoint: state["checkpoint_id"].as_str().unwrap().to_owned(),
        over,
        running,
        api,
        _server: server,
    };
    // A thread's session follows it.
    while !place.holds_the_answer().await {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    place
}

impl Place {
    /// Requests that a row's endpoint may be sent, and that are answered to their end.
    fn requests(&self, endpoint: &Endpoint) -> Vec<Asked> {
        let path = endpoint
            .path
            .replace("{thread_id}", OURS)
            .replace("{session_id}", OURS)
            .replace("{run_id}", &self.over)
            .replace("{checkpoint_id}", &self.checkpoint)
            .replace("{assistant_id}", "chat");
        let plain = |body: Value| (path.clone(), Vec::new(), body);
        // Ends by itself, at once: it is refused while the other one runs.
        let refused = json!({"assistant_id": "chat", "multitask_strategy": "reject"});
        match endpoint.path {
            "/threads" => vec![plain(json!({"thread_id": OURS, "if_exists": "do_nothing"}))],
            "/threads/{thread_id}/runs" if endpoint.method == "POST" => vec![plain(refused)],
            "/threads/{thread_id}/runs/{run_id}/stream" => vec![
                plain(Value::Null),
                (path.clone(), vec![("last-event-id", "-1")], Value::Null),
                (path.clone(), vec![("last-event-id", "0")], Value::Null),
                (
                    format!("{path}?stream_mode=values"),
                    vec![("last-event-id", "-1")],
                    Value::Null,
                ),
            ],
            _ => vec![plain(json!({}))],
        }
    }

    async fn is_running(&self) -> bool {
        let path = format!("/threads/{OURS}/runs/{}", self.running);
        let run = send(&self.api, &everything(), Method::GET, &path, None).await;
        run.json()["status"] == "running"
    }

    async fn holds_the_answer(&self) -> bool {
        let path = format!("/sessions/{OURS}/messages");
        let page = send(&self.api, &everything(), Method::GET, &path, None)
            .await
            .json();
        let nodes = page["nodes"].as_array().unwrap();
        nodes
            .iter()
            .any(|node| node["message"]["id"] == self.answer.as_str())
    }
}

/// Whether the endpoint's answer has an end, and changes nothing that the others look at.
fn is_answered(endpoint: &Endpoint) -> bool {
    let path = endpoint.path;
    endpoint.method != "DELETE"
        && !path.starts_with("/faults")
        && !path.ends_with("/cancel")
        && !path.ends_with("/runs/stream")
        && !path.ends_with("/runs/wait")
        && path != "/sessions/{session_id}/stream"
        && path != "/sessions/{session_id}/records"
}

fn has(endpoint: &Endpoint, capability: Capability) -> bool {
    let also = endpoint.also.iter().any(|also| also.needs == capability);
    also || endpoint.needs.capabilities().contains(&capability)
}

#[tokio::test]
async fn nothing_that_was_said_before_is_given_away_without_history() {
    let place = place().await;
    let mut gave_away = 0;
    for endpoint in ENDPOINTS.iter().filter(|endpoint| is_answered(endpoint)) {
        let method = Method::from_bytes(endpoint.method.as_bytes()).unwrap();
        for (path, mut headers, body) in place.requests(endpoint) {
            let what = format!("{} {path} {headers:?}", endpoint.method);
            let body = (method != Method::GET).then_some(body);
            let (all, blind) = (everything(), without(Capability::History));
            let mut told = Vec::new();
            for who in [&all, &blind] {
                headers.retain(|(name, _)| *name != "authorization");
                let mut headers: Vec<(&str, &str)> = headers.clone();
                headers.push(("authorization", who));
                let answer = read(
                    place
                        .api
                        .open(method.clone(), &path, &headers, body.clone())
                        .await,
                )
                .await;
                told.push(String::from_utf8_lossy(&answer.body).contains(PAST));
            }
            assert!(!told[1], "{what} gives it away");
            if told[0] {
                gave_away += 1;
                assert!(
                    has(endpoint, Capability::History),
                    "{what} is not in the table"
                );
            }
        }
    }
    // The requests do reach it.
    assert!(gave_away >= 10, "{gave_away}");
}

#[tokio::test]
async fn a_run_is_streamed_without_the_state_where_history_is_missing() {
    let place = place().await;
    let blind = without(Capability::History);
    let stream = format!("/threads/{OURS}/runs/stream");
    for modes in [
        json!([]),
        json!("values"),
        json!(["updates", "debug"]),
        json!("tasks"),
        json!("checkpoints"),
    ] {
        let request = json!({"assistant_id": "chat", "stream_mode": modes});
        let answer = send(&place.api, &blind, Method::POST, &stream, Some(request)).await;
        assert_eq!(
            answer.code(),
            (403, "capability_missing".to_owned()),
            "{modes}"
        );
    }
    let wait = format!("/threads/{OURS}/runs/wait");
    let request = json!({"assistant_id": "chat", "multitask_strategy": "reject"});
    let answer = send(&place.api, &blind, Method::POST, &wait, Some(request)).await;
    assert_eq!(answer.code(), (403, "capability_missing".to_owned()));
    // What is new passes.
    let cancel = format!("/threads/{OURS}/runs/{}/cancel?wait=1", place.running);
    send(&place.api, &everything(), Method::POST, &cancel, None).await;
    let asked = with(
        request_of_new(),
        json!({"stream_mode": ["messages-tuple", "updates"]}),
    );
    let answer = send(&place.api, &blind, Method::POST, &stream, Some(asked)).await;
    let told = String::from_utf8_lossy(&answer.body).into_owned();
    assert!(
        told.contains("event: messages") && !told.contains(PAST),
        "{told}"
    );
}

fn request_of_new() -> Value {
    request("chat", 3, 0.0)
}

/// Requests that end or remove what another has begun.
fn acts(place: &Place) -> Vec<(&'static str, String, Value)> {
    let run = |strategy: &str| json!({"assistant_id": "chat", "input": {"messages": []}, "multitask_strategy": strategy, "stream_mode": "updates"});
    let removal = json!({"messages": [{"type": "remove", "id": place.answer}]});
    let input = |input: &Value| json!({"assistant_id": "chat", "input": input});
    let records = |change: Value| json!({"producer": "p", "changes": [change]});
    let message = json!({"type": "ai", "id": place.answer, "content": "forged"});
    let mut acts = Vec::new();
    for strategy in ["interrupt", "rollback"] {
        for path in ["runs", "runs/stream", "runs/wait"] {
            acts.push(("POST", format!("/threads/{OURS}/{path}"), run(strategy)));
        }
    }
    for update in [
        removal.clone(),
        json!({"messages": {"role": "remove", "id": place.answer}}),
        json!({"messages": [{"type": "remove", "id": "__remove_all__"}]}),
        json!({"messages": [["remove", ""]]}),
    ] {
        acts.push(("POST", format!("/threads/{OURS}/runs"), input(&update)));
        acts.push((
            "POST",
            format!("/threads/{OURS}/state"),
            json!({"values": update}),
        ));
        let command = json!({"assistant_id": "chat", "command": {"update": update}});
        acts.push(("POST", format!("/threads/{OURS}/runs"), command));
    }
    // Says another in the place of one that is there, by its id; goes on from before it.
    let replacement =
        json!({"messages": [{"type": "human", "id": place.answer, "content": "forged"}]});
    let new = json!({"messages": [{"type": "human", "content": "new"}]});
    let earlier = json!({"checkpoint_id": place.earlier});
    for (values, more) in [
        (&replacement, json!({})),
        (&new, json!({"checkpoint": earlier})),
        (&new, json!({"checkpoint_id": place.earlier})),
    ] {
        let state = with(json!({"values": values}), more.clone());
        acts.push(("POST", format!("/threads/{OURS}/state"), state));
        for path in ["runs", "runs/stream", "runs/wait"] {
            let run = with(input(values), json!({"stream_mode": "updates"}));
            let path = format!("/threads/{OURS}/{path}");
            acts.push(("POST", path, with(run, more.clone())));
        }
    }
    let copy = json!({"as_node": "__copy__", "checkpoint": earlier});
    acts.push(("POST", format!("/threads/{OURS}/state"), copy));
    for run in [
        json!({"command": {"update": replacement}}),
        json!({"command": {"goto": "model"}, "checkpoint": earlier}),
        json!({"checkpoint": earlier}),
        json!({"input": new, "config": {"configurable": earlier}}),
    ] {
        let run = with(json!({"assistant_id": "chat"}), run);
        acts.push(("POST", format!("/threads/{OURS}/runs"), run));
    }
    let session = format!("/sessions/{OURS}");
    acts.extend([
        (
            "POST",
            format!("{session}/records"),
            records(removed(&place.answer)),
        ),
        (
            "POST",
            format!("{session}/records"),
            records(json!({"type": "updated", "at": 9_000_000, "message": message})),
        ),
        ("POST", format!("{session}/cancel"), json!({})),
        (
            "POST",
            format!("{session}/cancel"),
            json!({"id": place.answer}),
        ),
        ("DELETE", session, Value::Null),
        (
            "POST",
            format!("/threads/{OURS}/runs/{}/cancel", place.running),
            json!({}),
        ),
        (
            "DELETE",
            format!("/threads/{OURS}/runs/{}", place.over),
            Value::Null,
        ),
        ("DELETE", format!("/threads/{OURS}"), Value::Null),
    ]);
    for query in ["cancel_on_disconnect=true", "cancel_on_disconnect=1"] {
        acts.push((
            "GET",
            format!("/threads/{OURS}/runs/{}/stream?{query}", place.running),
            Value::Null,
        ));
    }
    acts
}

#[tokio::test]
async fn nothing_of_another_is_ended_or_removed_without_cancel() {
    let place = place().await;
    let meek = without(Capability::Cancel);
    for (method, path, body) in acts(&place) {
        let what = format!("{method} {path} {body}");
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let body = (!body.is_null()).then_some(body);
        let answer = send(&place.api, &meek, method, &path, body).await;
        assert_eq!(
            answer.code(),
            (403, "capability_missing".to_owned()),
            "{what}"
        );
        assert_eq!(answer.json()["capability"], "cancel", "{what}");
    }
    assert!(place.is_running().await);
    assert!(place.holds_the_answer().await);
}

#[tokio::test]
async fn a_run_that_waited_does_not_replace_what_was_said_meanwhile() {
    let (_server, api) = guarded().await;
    let all = everything();
    let runs = format!("/threads/{OURS}/runs");
    let said =
        |id: &str, text: &str| json!({"messages": [{"type": "human", "id": id, "content": text}]});
    let first = with(
        request("chat", 3, 300.0),
        json!({"input": said("first", "x"), "if_not_exists": "create"}),
    );
    send(&api, &all, Method::POST, &runs, Some(first)).await;
    let second = with(
        request("chat", 1, 0.0),
        json!({"input": said("late", PAST)}),
    );
    send(&api, &all, Method::POST, &runs, Some(second)).await;
    // In the thread there is no such message yet.
    let meek = without(Capability::Cancel);
    let forged = with(
        request("chat", 1, 0.0),
        json!({"input": said("late", "forged")}),
    );
    let wait = format!("{runs}/wait");
    let answer = send(&api, &meek, Method::POST, &wait, Some(forged)).await;
    assert_eq!(answer.json()["__error__"]["error"], "CapabilityMissing");
    let state = send(
        &api,
        &all,
        Method::GET,
        &format!("/threads/{OURS}/state"),
        None,
    )
    .await;
    let told = String::from_utf8_lossy(&state.body).into_owned();
    assert!(told.contains(PAST) && !told.contains("forged"), "{told}");
    // Said again, as after a lost answer, it takes nothing away.
    let again = with(
        request("chat", 1, 0.0),
        json!({"input": said("late", PAST)}),
    );
    let answer = send(&api, &meek, Method::POST, &wait, Some(again)).await;
    assert!(answer.json()["messages"].is_array(), "{:?}", answer.body);
}

#[tokio::test]
async fn what_only_publishes_goes_on_publishing() {
    let place = place().await;
    let publisher = bearer(&token(OURS, &[Capability::Publish]));
    let records = format!("/sessions/{OURS}/records");
    let say = async |changes: Value| {
        let batch = json!({"producer": "mine", "changes": changes});
        send(&place.api, &publisher, Method::POST, &records, Some(batch)).await
    };
    let message = json!({"type": "ai", "id": "own", "content": "whole"});
    let all = json!([
        started("own"),
        {"type": "updated", "at": 1, "message": message},
        {"type": "ended", "id": "own", "status": "complete"},
    ]);
    // Sent again, as after a lost answer.
    for _ in 0..2 {
        assert_eq!(say(all.clone()).await.status.as_u16(), 200);
    }
    // On a thread that nobody uses a strategy ends nothing.
    let cancel = format!("/threads/{OURS}/runs/{}/cancel?wait=1", place.running);
    send(&place.api, &everything(), Method::POST, &cancel, None).await;
    let run = json!({"assistant_id": "chat", "input": {"messages": []}, "multitask_strategy": "interrupt"});
    let answer = send(
        &place.api,
        &publisher,
        Method::POST,
        &format!("/threads/{OURS}/runs"),
        Some(run),
    )
    .await;
    assert_eq!(answer.status.as_u16(), 200, "{:?}", answer.body);
}

#[tokio::test]
async fn a_record_that_names_a_run_of_another_session_ends_nothing_there() {
    let place = place().await;
    let mine = bearer(&token(THEIRS, &[Capability::Publish, Capability::Cancel]));
    let session = format!("/sessions/{THEIRS}");
    let begun = |run: &str| {
        let mut change = started("m");
        change["run_id"] = run.into();
        json!({"producer": "p", "changes": [change]})
    };
    let named = send(
        &place.api,
        &mine,
        Method::POST,
        &format!("{session}/records"),
        Some(begun(&place.running)),
    )
    .await;
    assert_eq!(named.code(), (403, "session_not_allowed".to_owned()));
    // In another spelling it is no run's id.
    let spelt = begun(&place.running.to_uppercase());
    let named = send(
        &place.api,
        &mine,
        Method::POST,
        &format!("{session}/records"),
        Some(spelt),
    )
    .await;
    assert_eq!(named.status.as_u16(), 200);
    for body in [json!({}), json!({"id": "m"})] {
        send(
            &place.api,
            &mine,
            Method::POST,
            &format!("{session}/cancel"),
            Some(body),
        )
        .await;
    }
    assert!(place.is_running().await);
}

#[tokio::test]
async fn a_token_for_another_spelling_reaches_nothing_and_a_path_in_another_is_no_id() {
    let place = place().await;
    let spellings = [
        OURS.to_uppercase(),
        OURS.replace('-', ""),
        format!("urn:uuid:{OURS}"),
        format!("{{{OURS}}}"),
        OURS.replacen('a', "A", 1),
    ];
    for spelling in spellings {
        let theirs = bearer(&token(&spelling, &Capability::ALL));
        for path in [
            format!("/threads/{spelling}/state"),
            format!("/threads/{OURS}/state"),
            format!("/sessions/{spelling}/messages"),
        ] {
            let path = path.replace('{', "%7B").replace('}', "%7D");
            let answer = send(&place.api, &theirs, Method::GET, &path, None).await;
            assert_eq!(answer.code(), (401, "token_invalid".to_owned()), "{path}");
            if !path.contains(OURS)
                || spelling.contains(OURS) && !path.ends_with(&format!("threads/{OURS}/state"))
            {
                let answer = send(&place.api, &everything(), Method::GET, &path, None).await;
                assert_eq!(answer.status.as_u16(), 422, "{path}");
            }
        }
    }
    assert!(place.is_running().await);
}

/// A UUID as somebody may write it.
fn spelling() -> impl Strategy<Value = (uuid::Uuid, String)> {
    let form = 0..4usize;
    (
        any::<u128>(),
        form,
        proptest::collection::vec(any::<bool>(), 64),
    )
        .prop_map(|(bits, form, upper)| {
            let id = uuid::Uuid::from_u128(bits);
            let text = match form {
                0 => id.hyphenated().to_string(),
                1 => id.simple().to_string(),
                2 => id.urn().to_string(),
                _ => id.braced().to_string(),
            };
            let letters = text.chars().zip(upper.into_iter().cycle());
            let flip = |(letter, upper): (char, bool)| match upper {
                true => letter.to_ascii_uppercase(),
                false => letter,
            };
            (id, letters.map(flip).collect())
        })
}

proptest! {
    #[test]
    fn an_id_has_one_spelling_everywhere((id, text) in spelling()) {
        let canonical = id.to_string();
        let is_it = text == canonical;
        prop_assert_eq!(ThreadId::parse(&text).is_ok(), is_it);
        prop_assert_eq!(SessionId::parse(&text).is_ok(), is_it);
        let claims = Claims::new(&text, &Capability::ALL, std::time::Duration::from_secs(60));
        let signed = claims.sign(&secret()).unwrap();
        let verified = Claims::verify(&signed, &secret());
        prop_assert_eq!(verified.is_ok(), is_it);
        if let Ok(claims) = verified {
            let access = Access::Token(claims);
            prop_assert!(access.reaches(&SessionId::parse(&canonical).unwrap()));
            let other = uuid::Uuid::from_u128(id.as_u128() ^ 1).to_string();
            prop_assert!(!access.reaches(&SessionId::parse(&other).unwrap()));
        }
    }
}

#[test]
fn each_thing_that_a_request_may_ask_for_is_in_the_table() {
    for ask in [
        Ask::Replay,
        Ask::State,
        Ask::EndRuns,
        Ask::EndOnLeave,
        Ask::RemoveMessages,
        Ask::ReplaceMessages,
    ] {
        let rows = ENDPOINTS
            .iter()
            .filter(|row| row.also.iter().any(|also| also.ask == ask));
        for row in rows.clone() {
            assert!(
                !matches!(row.needs, Needs::Nothing | Needs::Token),
                "{row:?}"
            );
        }
        assert!(rows.count() > 0, "{ask:?}");
    }
}
