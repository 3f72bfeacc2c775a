//! What goes wrong with a session: each has a name, and nothing that was acknowledged is lost by it.

#![allow(clippy::unwrap_used)]

mod proof;
#[path = "../../sessions/tests/redis_server/mod.rs"]
mod redis_server;
mod support;

use std::{sync::Arc, time::Duration};

use hyper::Method;
use proof::*;
use redis_server::RedisServer;
use rejoin_server::{Server, sessions::SessionLimits};
use rejoin_wire::{
    json::FromJson,
    session::{AttachMode, Attached, Cursor, Epoch, NodeStatus, Page, Record, SnapshotReason},
};
use serde_json::{Value, json};
use support::{Answer, Api, Stream, start_with};
use tokio::sync::watch;

const LEASE: Duration = Duration::from_secs(120);

async fn start(limits: SessionLimits) -> (Server, Arc<Api>, Place) {
    let (server, api) = start_with(|config| config.session_limits = limits).await;
    let api = Arc::new(api);
    let place = watch::Sender::new(Arc::clone(&api)).subscribe();
    (server, api, place)
}

fn parse(cursor: &str) -> Cursor {
    Cursor::parse(cursor).unwrap()
}

async fn post(api: &Api, session: &str, body: Value) -> Answer {
    api.call(
        Method::POST,
        &format!("/sessions/{session}/records"),
        Some(body),
    )
    .await
}

/// A message of so many pieces, ended.
async fn say(writer: &Writer, id: &str, count: u64) -> Cursor {
    writer.post(&[Writer::started(id)]).await;
    for at in 0..count {
        writer.post(&[Writer::appended(id, at)]).await;
    }
    parse(&writer.post(&[Writer::ended(id)]).await.cursor)
}

/// What a reader with this cursor is answered first; where that is a snapshot, it is the session.
async fn answered(
    api: &Arc<Api>,
    session: &str,
    cursor: Cursor,
) -> (AttachMode, Option<SnapshotReason>) {
    let path = format!("/sessions/{session}/stream?limit=50&cursor={cursor}");
    let mut stream = Stream::new(api.open(Method::GET, &path, &[], None).await);
    let attached = Attached::from_json(&stream.until("attached").await.data).unwrap();
    let mut had = attached.cursor.seq;
    if attached.mode == AttachMode::Snapshot {
        let shown = Page::from_json(&stream.until("snapshot").await.data).unwrap();
        same(session, &shown.nodes, &all_messages(api, session, 50).await);
    } else {
        assert_eq!(attached.cursor, cursor);
        while had < attached.head {
            let record = Record::from_json(&stream.until("record").await.data).unwrap();
            assert_eq!(record.seq, had + 1, "of what follows none is missing");
            had = record.seq;
        }
    }
    stream.until("caught_up").await;
    (attached.mode, attached.reason)
}

#[tokio::test]
async fn a_cursor_that_cannot_be_gone_on_from_is_answered_with_a_snapshot_and_why() {
    let mut limits = SessionLimits::default();
    limits.retention.records_max = 20;
    limits.retention.every = Duration::from_millis(20);
    let (_server, api, place) = start(limits).await;
    let writer = Writer::new(place, "s", "p", LEASE);
    for number in 0..10 {
        say(&writer, &format!("m{number}"), 8).await;
    }
    let head = say(&writer, "last", 2).await;
    let at = |seq| Cursor { seq, ..head };

    eventually("the log is trimmed", || async {
        let answer = answered(&api, "s", at(1)).await;
        (answer == (AttachMode::Snapshot, Some(SnapshotReason::Trimmed))).then_some(())
    })
    .await;
    let foreign = Cursor {
        epoch: Epoch(head.epoch.0 ^ 1),
        ..head
    };
    let cases = [
        (at(head.seq), (AttachMode::Replay, None)),
        (at(head.seq - 1), (AttachMode::Replay, None)),
        (
            at(head.seq + 1),
            (AttachMode::Snapshot, Some(SnapshotReason::Ahead)),
        ),
        (
            foreign,
            (AttachMode::Snapshot, Some(SnapshotReason::ForeignEpoch)),
        ),
        (at(0), (AttachMode::Snapshot, Some(SnapshotReason::Trimmed))),
    ];
    for (cursor, expected) in cases {
        assert_eq!(
            answered(&api, "s", cursor).await,
            expected,
            "{cursor} of {head}"
        );
    }
    let path = "/sessions/s/stream?cursor=yesterday";
    assert_eq!(
        api.call(Method::GET, path, None).await.code(),
        (422, "invalid_request".to_owned())
    );
}

#[tokio::test]
async fn a_session_that_was_deleted_lives_on_under_another_epoch() {
    let (_server, api, place) = start(SessionLimits::default()).await;
    let writer = Writer::new(place.clone(), "s", "p", LEASE);
    let old = say(&writer, "m1", 3).await;
    let reader = Follower::start(place, "s", None, 50, own_words);
    reader.until_at(old).await;
    assert!(
        api.call(Method::DELETE, "/sessions/s", None)
            .await
            .status
            .is_success()
    );
    reader
        .until("that it was deleted", |seen| seen.is_deleted)
        .await;
    reader.stop();

    let new = say(&writer, "m1", 5).await;
    assert_ne!(new.epoch, old.epoch);
    let expected = (AttachMode::Snapshot, Some(SnapshotReason::ForeignEpoch));
    assert_eq!(answered(&api, "s", old).await, expected);
}

#[tokio::test]
async fn each_refusal_of_a_batch_has_its_code_and_stores_nothing() {
    let limits = SessionLimits {
        message_bytes_max: 2000,
        ..SessionLimits::default()
    };
    let (_server, api, place) = start(limits).await;
    let writer = Writer::new(place, "s", "p", LEASE);
    writer
        .post(&[Writer::started("open"), Writer::appended("open", 0)])
        .await;
    let head = say(&writer, "over", 1).await;

    let text = "x".repeat(3000);
    let large =
        json!({"type": "started", "message": {"type": "ai", "id": "large", "content": text}});
    let grows = json!({"type": "appended", "id": "open", "at": 1, "chunk": {"type": "ai", "content": text}});
    let own = |changes: &[Value]| writer.body(changes);
    let theirs = |changes: &[Value]| json!({"producer": "q", "lease_ms": 1000, "changes": changes});
    let fine = Writer::started("new");
    let cases = [
        (own(&[fine.clone(), large]), 413, "message_too_large"),
        (own(&[fine.clone(), grows]), 413, "message_too_large"),
        (
            own(&[fine.clone(), Writer::appended("open", 5)]),
            409,
            "piece_gap",
        ),
        (
            own(&[fine.clone(), Writer::appended("over", 1)]),
            409,
            "message_ended",
        ),
        (
            own(&[fine.clone(), Writer::appended("none", 0)]),
            404,
            "message_not_found",
        ),
        (
            theirs(&[fine.clone(), Writer::appended("open", 1)]),
            409,
            "fenced",
        ),
        (
            theirs(&[fine.clone(), Writer::started("open")]),
            409,
            "message_exists",
        ),
        (
            json!({"producer": "p", "lease_ms": 1000, "changes": [fine, {"type": "sung"}]}),
            422,
            "invalid_request",
        ),
    ];
    for (body, status, code) in cases {
        let answer = post(&api, "s", body.clone()).await;
        assert_eq!(
            answer.code(),
            (status, code.to_owned()),
            "{body}: {:?}",
            answer.body
        );
        if code == "piece_gap" {
            assert_eq!(answer.json()["expected"], 1);
        }
    }
    let (cursor, page) = page(&api, "s", None, 50).await;
    assert_eq!(cursor, head, "nothing of a refused batch was stored");
    assert_eq!(page.nodes[0].status, NodeStatus::Streaming);
    assert_eq!(page.nodes.len(), 2);
    // And its producer goes on.
    writer
        .post(&[Writer::appended("open", 1), Writer::ended("open")])
        .await;
}

/// Posts until the store refuses; the piece that was refused.
async fn until_the_store_fails(api: &Api, writer: &Writer, id: &str, from: u64) -> u64 {
    for at in from.. {
        match writer.try_post(&[Writer::appended(id, at)]).await {
            Ok(_) => {}
            Err((503, body)) => {
                let body: Value = serde_json::from_str(&body).unwrap();
                assert_eq!(body["code"], "store_failed", "{body}");
                let again = post(api, "s", writer.body(&[Writer::appended(id, at)])).await;
                assert_eq!(again.code(), (503, "store_failed".to_owned()));
                assert!(again.header("retry-after").parse::<u64>().is_ok());
                return at;
            }
            Err(other) => panic!("{other:?}"),
        }
        assert!(at < 200_000, "the disk never was full");
    }
    unreachable!("the loop has no end")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_said_what_was_acknowledged_can_be_read_and_with_room_again_it_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let mut site = Site::start(&directory.path().join("server"), &[]).await;
    let writer = Writer::new(site.place(), "s", "p", LEASE);
    let mut made = 0;
    writer.post(&[Writer::started("m1")]).await;
    // From here on its files may grow by little.
    site.kill().await;
    let blocks = largest_file_kib(&directory.path().join("server")) + 256;
    site.limit_files(Some(blocks));
    site.up().await;
    let reader = Follower::start(site.place(), "s", None, 50, own_words);
    let (mut filler, large) = (0, "x".repeat(20_000));
    let api = site.api();
    loop {
        // Large ones fill the disk, a small one now and then grows the message.
        let message = json!({"type": "started", "message": {"type": "human", "id": format!("f{filler}"), "content": large}});
        let end = Writer::ended(&format!("f{filler}"));
        let answer = post(&api, "filler", writer.body(&[message, end])).await;
        if answer.status != 200 {
            assert_eq!(
                answer.code(),
                (503, "store_failed".to_owned()),
                "{:?}",
                answer.body
            );
            assert!(answer.header("retry-after").parse::<u64>().is_ok());
            break;
        }
        filler += 1;
        writer.post(&[Writer::appended("m1", made)]).await;
        made += 1;
        assert!(filler < 2000, "the disk never was full");
    }
    eprintln!("full after {filler} large messages");
    assert!(made > 0);
    let made = until_the_store_fails(&api, &writer, "m1", made).await;

    // Reading goes on.
    let nodes = all_messages(&api, "s", 50).await;
    assert_eq!(nodes[0].pieces, made);
    assert_eq!(own_words(&nodes[0]), None);
    reader
        .until("every piece", |seen| {
            seen.transcript
                .nodes()
                .first()
                .is_some_and(|node| node.pieces == made)
        })
        .await;

    // While nothing can be stored it says so each time, and reading never stops.
    let until = tokio::time::Instant::now() + std::time::Duration::from_secs(3);
    while tokio::time::Instant::now() < until {
        let again = post(&api, "s", writer.body(&[Writer::appended("m1", made)])).await;
        assert_eq!(again.code(), (503, "store_failed".to_owned()));
        let ready = api.call(Method::GET, "/ready", None).await;
        assert_eq!(ready.code(), (503, "not_ready".to_owned()));
        let read = api.call(Method::GET, "/sessions/s/messages", None).await;
        assert_eq!(read.status, 200, "{:?}", read.body);
    }

    // Once there is room again it goes on by itself.
    site.free_files().await;
    let batch = [Writer::appended("m1", made), Writer::ended("m1")];
    let posted = loop {
        match writer.try_post(&batch).await {
            Ok(posted) => break posted,
            Err((503, _)) => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
            Err(other) => panic!("{other:?}"),
        }
    };
    assert_eq!(posted.repeated, 0, "what was refused was not stored");
    let ready = api.call(Method::GET, "/ready", None).await;
    assert_eq!(ready.status, 200, "{:?}", ready.body);
    site.kill().await;
    site.up().await;
    reader.until_at(parse(&posted.cursor)).await;
    let seen = reader.stop();
    same(
        "s",
        seen.transcript.nodes(),
        &all_messages(&site.api(), "s", 50).await,
    );
    assert_eq!(
        all_messages(&site.api(), "filler", 1000).await.len(),
        filler
    );
}

fn largest_file_kib(directory: &std::path::Path) -> u64 {
    let files = std::fs::read_dir(directory).unwrap();
    let sizes = files.map(|file| file.unwrap().metadata().unwrap().len());
    sizes.max().unwrap().div_ceil(1024)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_a_batch_is_refused_and_when_redis_is_back_all_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let mut redis = RedisServer::start();
    let flags = ["--sessions", &redis.url()];
    let site = Site::start(&directory.path().join("server"), &flags).await;
    let api = site.api();
    let writer = Writer::new(site.place(), "s", "p", LEASE);
    writer.post(&[Writer::started("m1")]).await;
    let reader = Follower::start(site.place(), "s", None, 50, own_words);
    let mut at = 0;
    for round in 0..3 {
        for _ in 0..20 {
            writer.post(&[Writer::appended("m1", at)]).await;
            at += 1;
        }
        // Gone: twice killed, once only silent.
        if round == 1 {
            redis.pause()
        } else {
            redis.kill()
        }
        let answer = post(&api, "s", writer.body(&[Writer::appended("m1", at)])).await;
        assert_eq!(
            answer.code(),
            (503, "store_failed".to_owned()),
            "{:?}",
            answer.body
        );
        assert!(answer.header("retry-after").parse::<u64>().is_ok());
        let path = "/sessions/s/messages";
        assert_eq!(
            api.call(Method::GET, path, None).await.code(),
            (503, "store_failed".to_owned())
        );
        if round == 1 {
            redis.go_on()
        } else {
            redis.resume()
        }
        let posted = writer.post(&[Writer::appended("m1", at)]).await;
        at += 1;
        reader.until_at(parse(&posted.cursor)).await;
    }
    let end = writer.post(&[Writer::ended("m1")]).await;
    reader.until_at(parse(&end.cursor)).await;
    let nodes = all_messages(&api, "s", 50).await;
    assert_eq!(nodes[0].message.content.text(), pieces("m1", at));
    let seen = reader.stop();
    same("s", seen.transcript.nodes(), &nodes);
    assert!(
        seen.attached[1..]
            .iter()
            .all(|attached| attached.reason != Some(SnapshotReason::ForeignEpoch))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_came_back_empty_is_noticed_by_readers_and_by_producers() {
    let directory = tempfile::tempdir().unwrap();
    let mut redis = RedisServer::start();
    let flags = ["--sessions", &redis.url()];
    let site = Site::start(&directory.path().join("server"), &flags).await;
    let writer = Writer::new(site.place(), "s", "p", LEASE);
    let old = say(&writer, "old", 5).await;
    writer.post(&[Writer::started("open")]).await;
    let reader = Follower::start(site.place(), "s", None, 50, own_words);
    reader.until_at(old).await;
    redis.kill();
    redis.lose_everything();
    redis.resume();

    let (status, body) = eventually("an answer", || async {
        let refused = writer
            .try_post(&[Writer::appended("open", 0)])
            .await
            .unwrap_err();
        (refused.0 != 503).then_some(refused)
    })
    .await;
    let code = serde_json::from_str::<Value>(&body).unwrap()["code"].clone();
    assert_eq!((status, code), (404, json!("message_not_found")));
    // Nobody deleted it: a reader that looks before there is another life of it waits for that.
    let lost = |seen: &proof::Seen| seen.attached.len() == 2 && seen.caught_up == 2;
    reader.until("that the session was lost", lost).await;
    let new = say(&writer, "new", 7).await;
    assert_ne!(new.epoch, old.epoch);
    reader.until_at(new).await;
    let seen = reader.stop();
    assert!(!seen.is_deleted);
    assert_eq!(seen.reasons()[1], SnapshotReason::ForeignEpoch);
    same(
        "s",
        seen.transcript.nodes(),
        &all_messages(&site.api(), "s", 50).await,
    );
}

#[tokio::test]
async fn what_is_trimmed_between_two_pages_stays_in_the_pages() {
    let mut limits = SessionLimits::default();
    limits.retention.records_max = 10;
    limits.retention.every = Duration::from_millis(20);
    let (_server, api, place) = start(limits).await;
    let writer = Writer::new(place, "s", "p", LEASE);
    writer
        .post(&[Writer::started("first"), Writer::appended("first", 0)])
        .await;
    let start = say(&writer, "m0", 3).await;
    let (_, newest) = page(&api, "s", None, 1).await;
    let mut before = newest.nodes[0].position;
    // The oldest message is under way all the time, and its beginning is thrown away between two pages.
    for number in 1..6 {
        say(&writer, &format!("m{number}"), 9).await;
        writer.post(&[Writer::appended("first", number)]).await;
    }
    eventually("the log is trimmed", || async {
        let answer = answered(&api, "s", Cursor { seq: 1, ..start }).await;
        (answer.1 == Some(SnapshotReason::Trimmed)).then_some(())
    })
    .await;
    let (_, older) = page(&api, "s", Some(before), 1).await;
    assert_eq!(older.nodes.len(), 1);
    assert_eq!(older.nodes[0].id().as_str(), "first");
    assert_eq!(
        (older.nodes[0].pieces, own_words(&older.nodes[0])),
        (6, None)
    );
    assert_eq!(older.nodes[0].status, NodeStatus::Streaming);
    before = older.nodes[0].position;
    let (_, top) = page(&api, "s", Some(before), 1).await;
    assert_eq!((top.nodes.len(), top.has_older), (0, false));
    // And it can be gone on with.
    writer
        .post(&[Writer::appended("first", 6), Writer::ended("first")])
        .await;
    let nodes = all_messages(&api, "s", 2).await;
    assert_eq!(nodes.len(), 7);
    assert_eq!(nodes.iter().filter_map(own_words).next(), None);
}
