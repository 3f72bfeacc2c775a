//! Sessions over HTTP: how a reader goes on, from wherever it comes, and what is answered to what does not fit.

#![allow(clippy::unwrap_used)]

mod session_support;
mod support;

use std::time::Duration;

use hyper::Method;
use rejoin_wire::session::{Attached, Transcript};
use serde_json::{Value, json};
use session_support::*;
use support::*;

#[tokio::test]
async fn a_new_reader_gets_a_snapshot_and_then_each_record() {
    let (_server, api) = start().await;
    let cursor = publish(&api, "s", [started("a"), appended("a", 0, "Hel")]).await;
    let mut reader = observe(&api, "s", "").await;
    assert_eq!(
        reader.next().await,
        (
            "attached".to_owned(),
            json!({"mode": "snapshot", "reason": "new", "cursor": cursor, "head": 2}),
            None
        )
    );
    let (name, page, id) = reader.next().await;
    assert_eq!(
        (name.as_str(), id.as_deref()),
        ("snapshot", cursor.as_str())
    );
    assert_eq!(page["has_older"], false);
    let node = &page["nodes"][0];
    assert_eq!(node["message"]["content"], "Hel");
    assert_eq!(node["status"], "streaming");
    assert_eq!(
        (&node["position"], &node["changed"]),
        (&json!(1), &json!(2))
    );
    assert_eq!(
        reader.next().await,
        ("caught_up".to_owned(), json!({"cursor": cursor}), None)
    );
    let cursor = publish(&api, "s", [appended("a", 1, "lo"), ended("a")]).await;
    let (name, record, _) = reader.next().await;
    assert_eq!((name.as_str(), &record["seq"]), ("record", &json!(3)));
    assert_eq!(record["type"], "appended");
    let (_, record, id) = reader.next().await;
    assert_eq!(
        (&record["type"], id),
        (&json!("ended"), cursor.as_str().map(str::to_owned))
    );
}

#[tokio::test]
async fn a_reader_is_replayed_what_it_lacks_from_each_cursor() {
    let (_server, api) = start().await;
    let mut changes = vec![started("a")];
    changes.extend((0..20).map(|at| appended("a", at, "x")));
    changes.push(ended("a"));
    let head = publish(&api, "s", changes).await;
    let epoch = epoch_of(&head);
    for seq in 0..=22_u64 {
        let cursor = format!("{epoch}-{seq}");
        for query in [format!("?cursor={cursor}"), String::new()] {
            let headers = [("last-event-id", cursor.as_str())];
            let headers = if query.is_empty() { &headers[..] } else { &[] };
            let mut reader = observe_with(&api, "s", &query, headers).await;
            let (_, attached, _) = reader.next().await;
            assert_eq!(
                attached,
                json!({"mode": "replay", "cursor": cursor, "head": 22})
            );
            for expected in seq + 1..=22 {
                let (name, record, id) = reader.next().await;
                assert_eq!(
                    (name.as_str(), &record["seq"]),
                    ("record", &json!(expected))
                );
                assert_eq!(id, Some(format!("{epoch}-{expected}")));
            }
            let (name, caught_up, _) = reader.next().await;
            assert_eq!((name.as_str(), &caught_up["cursor"]), ("caught_up", &head));
        }
    }
}

#[tokio::test]
async fn a_reader_that_cannot_be_replayed_is_told_why_and_given_a_snapshot() {
    let (_server, api) = start_with(|config| config.session_limits.replay_records_max = 10).await;
    let mut changes = vec![started("a")];
    changes.extend((0..29).map(|at| appended("a", at, "x")));
    let head = publish(&api, "s", changes).await;
    let epoch = epoch_of(&head);
    let check = async |cursor: String, reason: &str| {
        let mut reader = observe(&api, "s", &format!("?cursor={cursor}")).await;
        let (_, attached, _) = reader.next().await;
        let expected = json!({"mode": "snapshot", "reason": reason, "cursor": head, "head": 30});
        assert_eq!(attached, expected, "{cursor}");
        let (name, page, _) = reader.next().await;
        assert_eq!(name, "snapshot");
        assert_eq!(page["nodes"][0]["message"]["content"], "x".repeat(29));
    };
    check(format!("{epoch}-19"), "behind").await;
    check(format!("{epoch}-31"), "ahead").await;
    check(format!("{}-30", epoch.wrapping_add(1)), "foreign_epoch").await;
    // What a reader of a session that was not there is given.
    check("0-0".to_owned(), "new").await;
    let mut level = observe(&api, "s", &format!("?cursor={epoch}-20")).await;
    assert_eq!(level.next().await.1["mode"], "replay");
}

#[tokio::test]
async fn many_bytes_are_not_replayed_either() {
    let (_server, api) = start_with(|config| config.session_limits.replay_bytes_max = 4000).await;
    let mut changes = vec![started("a")];
    changes.extend((0..19).map(|at| appended("a", at, &"x".repeat(900))));
    let epoch = epoch_of(&publish(&api, "s", changes).await);
    let mode = async |seq: u64| {
        let mut reader = observe(&api, "s", &format!("?cursor={epoch}-{seq}")).await;
        let attached = reader.next().await.1;
        (attached["mode"].clone(), attached["reason"].clone())
    };
    assert_eq!(mode(18).await, (json!("replay"), Value::Null));
    assert_eq!(mode(2).await, (json!("snapshot"), json!("behind")));
}

#[tokio::test]
async fn a_trimmed_log_is_told_and_what_it_held_is_in_the_snapshot() {
    let (_server, api) = start_with(|config| {
        config.session_limits.retention.every = Duration::from_millis(5);
        config.session_limits.retention.records_max = 4;
    })
    .await;
    let mut changes = vec![
        started("a"),
        appended("a", 0, "one"),
        ended("a"),
        started("b"),
    ];
    changes.extend((0..10).map(|at| appended("b", at, "x")));
    let head = publish(&api, "s", changes).await;
    let epoch = epoch_of(&head);
    let attached = loop {
        let mut reader = observe(&api, "s", &format!("?cursor={epoch}-2")).await;
        let attached = reader.next().await.1;
        if attached["mode"] == "snapshot" {
            break attached;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    assert_eq!(attached["reason"], "trimmed");
    // The message that is streaming goes on where it was.
    let mut reader = Following::open(&api, "s", "").await;
    let head = publish(&api, "s", [appended("b", 10, "y"), ended("b")]).await;
    reader.until(&head).await;
    let texts: Vec<_> = reader.texts();
    assert_eq!(texts, ["one".to_owned(), "x".repeat(10) + "y"]);
    let replayed = Following::open(&api, "s", &format!("?cursor={}", head.as_str().unwrap())).await;
    assert_eq!(replayed.attached.unwrap().mode.as_str(), "replay");
}

#[tokio::test]
async fn records_go_by_length_and_by_age_too() {
    type Change = fn(&mut rejoin_server::sessions::Retention);
    let by_length: Change = |retention| retention.bytes_max = 2000;
    let by_age: Change = |retention| retention.age_max = Duration::from_millis(20);
    for change in [by_length, by_age] {
        let (_server, api) = start_with(|config| {
            config.session_limits.retention.every = Duration::from_millis(5);
            change(&mut config.session_limits.retention);
        })
        .await;
        let mut changes = vec![started("a")];
        changes.extend((0..40).map(|at| appended("a", at, &"x".repeat(100))));
        let epoch = epoch_of(&publish(&api, "s", changes).await);
        let reason = async || {
            let mut reader = observe(&api, "s", &format!("?cursor={epoch}-1")).await;
            reader.next().await.1["reason"].clone()
        };
        while reason().await != "trimmed" {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let page = api.get("/sessions/s/messages").await;
        assert_eq!(page["nodes"][0]["message"]["content"], "x".repeat(4000));
    }
}

#[tokio::test]
async fn a_session_that_is_not_there_is_waited_for() {
    let (_server, api) = start().await;
    let mut reader = Following::open(&api, "later", "").await;
    let attached = reader.attached.clone().unwrap();
    assert_eq!(attached.cursor.to_string(), "0-0");
    assert_eq!(
        (attached.reason.unwrap().as_str(), attached.head),
        ("new", 0)
    );
    assert_eq!(reader.caught_up, Some(json!("0-0")));
    assert_eq!(
        api.call(Method::GET, "/sessions/later/messages", None)
            .await
            .code(),
        not_found()
    );
    let head = publish(&api, "later", [started("a"), appended("a", 0, "hi")]).await;
    reader.until(&head).await;
    assert_eq!(reader.texts(), ["hi"]);
    assert_ne!(reader.attached.as_ref().unwrap().cursor.epoch.0, 0);
    // A cursor of a session that is gone shows nothing, and says that it is another.
    let mut gone = observe(&api, "never", "?cursor=77-5").await;
    assert_eq!(gone.next().await.1["reason"], "foreign_epoch");
    assert_eq!(gone.next().await.1["nodes"], json!([]));
}

#[tokio::test]
async fn a_session_that_is_deleted_tells_its_readers_and_begins_anew() {
    let (_server, api) = start().await;
    let old = publish(&api, "s", [started("a"), ended("a")]).await;
    let mut readers = vec![
        Following::open(&api, "s", "").await,
        Following::open(&api, "s", &format!("?cursor={}", old.as_str().unwrap())).await,
    ];
    let deleted = api.call(Method::DELETE, "/sessions/s", None).await;
    assert_eq!(deleted.status, 204);
    for reader in &mut readers {
        assert_eq!(reader.stream.until("deleted").await.data, "{}");
        assert_eq!(reader.stream.next().await, None);
        assert!(!reader.stream.broken);
    }
    assert_eq!(
        api.call(Method::DELETE, "/sessions/s", None).await.code(),
        not_found()
    );
    let new = publish(&api, "s", [started("b")]).await;
    assert_ne!(epoch_of(&old), epoch_of(&new));
    let mut reader = observe(&api, "s", &format!("?cursor={}", old.as_str().unwrap())).await;
    assert_eq!(reader.next().await.1["reason"], "foreign_epoch");
    assert_eq!(reader.next().await.1["nodes"][0]["message"]["id"], "b");
}

#[tokio::test]
async fn a_limit_of_nothing_shows_only_what_is_streaming() {
    let (_server, api) = start().await;
    let changes = [
        started("a"),
        started("b"),
        appended("a", 0, "part"),
        ended("b"),
        started("c"),
    ];
    publish(&api, "s", changes).await;
    let mut reader = Following::open(&api, "s", "?limit=0").await;
    assert_eq!(reader.ids(), ["a", "c"]);
    // With any other, there is no hole.
    assert_eq!(
        Following::open(&api, "s", "?limit=1").await.ids(),
        ["a", "b", "c"]
    );
    let head = publish(&api, "s", [appended("a", 1, "s"), ended("a"), ended("c")]).await;
    reader.until(&head).await;
    assert_eq!(reader.texts(), ["parts", ""]);
}

#[tokio::test]
async fn what_does_not_fit_is_refused_with_its_code() {
    let (_server, api) = start_with(|config| config.session_limits.message_bytes_max = 1000).await;
    publish(
        &api,
        "s",
        [
            started("a"),
            appended("a", 0, "x"),
            started("b"),
            ended("b"),
        ],
    )
    .await;
    let get = async |path: &str| api.call(Method::GET, path, None).await.code();
    for path in [
        "/sessions/s/stream?cursor=5",
        "/sessions/s/stream?cursor=a-1",
        "/sessions/s/stream?cursor=-1",
        "/sessions/s/stream?limit=1001",
        "/sessions/s/stream?limit=x",
        "/sessions/s/messages?limit=0",
        "/sessions/s/messages?before=-1",
        "/sessions/s%20s/messages",
        &format!("/sessions/{}/stream", "x".repeat(201)),
    ] {
        assert_eq!(
            get(path).await,
            (422, "invalid_request".to_owned()),
            "{path}"
        );
    }
    let headers = [("last-event-id", "12")];
    let bad = api
        .open(Method::GET, "/sessions/s/stream", &headers, None)
        .await;
    assert_eq!(bad.status(), 422);

    let post = async |producer: &str, changes: Vec<Value>| {
        let body = json!({"producer": producer, "changes": changes});
        api.call(Method::POST, "/sessions/s/records", Some(body))
            .await
    };
    let gap = post("p", vec![appended("a", 5, "x")]).await;
    assert_eq!(gap.code(), (409, "piece_gap".to_owned()));
    assert_eq!(gap.json()["expected"], 1);
    for (producer, change, status, code) in [
        ("q", appended("a", 1, "x"), 409, "fenced"),
        ("p", appended("b", 0, "x"), 409, "message_ended"),
        ("q", started("a"), 409, "message_exists"),
        ("p", appended("z", 0, "x"), 404, "message_not_found"),
        (
            "p",
            appended("a", 1, &"x".repeat(1000)),
            413,
            "message_too_large",
        ),
        ("p", json!({"type": "started"}), 422, "invalid_request"),
        ("", ended("a"), 422, "invalid_request"),
    ] {
        let answer = post(producer, vec![change]).await;
        assert_eq!(answer.code(), (status, code.to_owned()));
    }
    let renew = json!({"producer": "p", "lease_ms": 1000});
    let path = "/sessions/none/records";
    let unknown = api.call(Method::POST, path, Some(renew.clone())).await;
    assert_eq!(unknown.code(), not_found());
    assert_eq!(api.post("/sessions/s/records", renew).await["repeated"], 0);
    let too_long = json!({"producer": "p", "lease_ms": 3_600_000});
    let refused = api
        .call(Method::POST, "/sessions/s/records", Some(too_long))
        .await;
    assert_eq!(refused.code(), (422, "invalid_request".to_owned()));
    // Nothing of all that was stored; what is sent again is told.
    let again = post(
        "p",
        vec![started("a"), appended("a", 0, "x"), appended("a", 1, "y")],
    )
    .await;
    assert_eq!(again.json()["repeated"], 2);
    let page = api.get("/sessions/s/messages").await;
    assert_eq!(page["nodes"][0]["message"]["content"], "xy");
}

#[tokio::test]
async fn a_message_grows_up_to_its_limit_and_an_append_that_is_sent_again_does_not_count_twice() {
    let (_server, api) = start_with(|config| config.session_limits.message_bytes_max = 1000).await;
    let post = async |change: Value| {
        let body = json!({"producer": "p", "changes": [change]});
        let answer = api
            .call(Method::POST, "/sessions/s/records", Some(body))
            .await;
        answer.status.as_u16()
    };
    let text = "x".repeat(600);
    assert_eq!(post(started("a")).await, 200);
    for _ in 0..3 {
        assert_eq!(post(appended("a", 0, &text)).await, 200);
    }
    assert_eq!(post(appended("a", 1, &text)).await, 413);
    assert_eq!(post(appended("a", 1, &"y".repeat(400))).await, 200);
    assert_eq!(post(appended("a", 2, "z")).await, 413);
    let whole = |content: &str| json!({"type": "updated", "at": 5, "message": {"id": "a", "type": "ai", "content": content}});
    assert_eq!(post(whole(&"x".repeat(1001))).await, 413);
    assert_eq!(post(whole("x")).await, 200);
    assert_eq!(post(appended("a", 5, &text)).await, 200);
    assert_eq!(post(started("b")).await, 200);
    assert_eq!(post(appended("b", 0, &text)).await, 200);
    let page = api.get("/sessions/s/messages").await;
    assert_eq!(page["nodes"][0]["message"]["content"], format!("x{text}"));
}

#[tokio::test]
async fn a_message_is_cancelled_in_its_producers_name_who_is_told() {
    let (_server, api) = start().await;
    publish(
        &api,
        "s",
        [started("a"), appended("a", 0, "x"), started("b")],
    )
    .await;
    let cancel = async |body: Value| {
        let answer = api
            .call(Method::POST, "/sessions/s/cancel", Some(body))
            .await;
        answer.status.as_u16()
    };
    assert_eq!(cancel(json!({"id": "z"})).await, 404);
    assert_eq!(cancel(json!({"id": "a"})).await, 202);
    let body = json!({"producer": "p", "changes": [appended("a", 1, "y")]});
    let told = api
        .call(Method::POST, "/sessions/s/records", Some(body))
        .await;
    assert_eq!(told.code(), (409, "message_ended".to_owned()));
    publish(&api, "s", [appended("b", 0, "z")]).await;
    assert_eq!(cancel(json!({})).await, 202);
    let page = api.get("/sessions/s/messages").await;
    let statuses: Vec<_> = page["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| &node["status"])
        .collect();
    assert_eq!(statuses, ["cancelled", "cancelled"]);
    assert_eq!(cancel(json!({})).await, 202);
}

#[tokio::test]
async fn a_run_of_this_server_is_stopped_through_its_session() {
    let (_server, api) = start().await;
    for names_message in [true, false] {
        let thread = api.thread().await;
        let mut run = api.run(&thread, request("chat", 1000, 5.0)).await;
        let run_id = run.run_id();
        let mut reader = Following::open(&api, &thread, "").await;
        // The question, and the answer that has begun.
        while reader.transcript.nodes().len() < 2 || reader.texts()[1].is_empty() {
            reader.step().await;
        }
        let answer = reader.transcript.nodes()[1].clone();
        assert_eq!(answer.run_id.as_ref().unwrap().as_str(), run_id);
        let body = if names_message {
            json!({"id": answer.id().as_str()})
        } else {
            json!({})
        };
        let path = format!("/sessions/{thread}/cancel");
        let answer = api.call(Method::POST, &path, Some(body)).await;
        assert_eq!(answer.status, 202);
        run.rest().await;
        while reader.transcript.nodes()[1].status.as_str() == "streaming" {
            reader.step().await;
        }
        assert_eq!(reader.transcript.nodes()[1].status.as_str(), "cancelled");
        assert_eq!(api.run_status(&thread, &run_id).await, "interrupted");
        let state = api.state(&thread).await;
        assert_eq!(last_text(&state), reader.texts()[1]);
    }
}

#[tokio::test]
async fn a_quiet_stream_beats_and_ends_cleanly_when_the_server_stops() {
    let (server, api) = start_with(|config| config.heartbeat = Duration::from_millis(5)).await;
    publish(&api, "s", [started("a")]).await;
    let mut reader = observe(&api, "s", "").await;
    let mut absent = observe(&api, "none", "").await;
    let stopped = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(50)).await;
        server.stop().await;
    });
    reader.stream.rest().await;
    absent.stream.rest().await;
    assert!(reader.stream.comments > 0 && absent.stream.comments > 0);
    assert!(!reader.stream.broken && !absent.stream.broken);
    stopped.await.unwrap();
}

#[tokio::test]
async fn whatever_is_replayed_or_shown_adds_up_to_the_same() {
    let (_server, api) = start().await;
    let mut live = Following::open(&api, "s", "").await;
    publish(
        &api,
        "s",
        [started("a"), appended("a", 0, "one "), started("b")],
    )
    .await;
    publish(
        &api,
        "s",
        [
            appended("b", 0, "two"),
            appended("a", 1, "more"),
            ended("a"),
        ],
    )
    .await;
    let update =
        json!({"type": "updated", "at": 4, "message": {"id": "b", "type": "ai", "content": "TWO"}});
    publish(&api, "s", [update, appended("b", 4, "!")]).await;
    let removed = json!({"type": "removed", "id": "a"});
    let head = publish(&api, "s", [removed, started("c"), ended("b")]).await;
    live.until(&head).await;
    let epoch = epoch_of(&head);
    let mut replayed = Following::open(&api, "s", &format!("?cursor={epoch}-0")).await;
    // A replay from the beginning needs nothing before it.
    assert_eq!(
        replayed
            .attached
            .as_ref()
            .map(|attached: &Attached| attached.cursor.seq),
        Some(0)
    );
    replayed.until(&head).await;
    let snapshot = Following::open(&api, "s", "").await;
    let expect: &Transcript = &live.transcript;
    assert_eq!(live.texts(), ["TWO!", ""]);
    assert_eq!(expect.nodes(), replayed.transcript.nodes());
    assert_eq!(expect.nodes(), snapshot.transcript.nodes());
}
