//! Many readers and slow ones, and pages while the session goes on: each record and each message exactly once.

#![allow(clippy::unwrap_used)]

mod session_support;
mod support;

use std::{sync::Arc, time::Duration};

use hyper::Method;
use rejoin_server::{
    metrics::Metrics,
    sessions::{
        ReaderEvent, SessionLimits, Sessions,
        log::{Batch, ProducerId, SessionId},
        memory::MemoryLog,
    },
};
use rejoin_wire::{
    json::FromJson,
    session::{Change, Node, Page},
};
use serde_json::Value;
use session_support::*;
use support::{start, start_with};

async fn write(sessions: &Sessions, session: &SessionId, changes: impl IntoIterator<Item = Value>) {
    let changes = changes.into_iter();
    let batch = Batch {
        producer: ProducerId("p".to_owned()),
        changes: changes
            .map(|change| Change::from_json(&change.to_string()).unwrap())
            .collect(),
        lease: Duration::from_secs(60),
    };
    sessions.publish(session, batch).await.unwrap();
}

fn shown(sessions: &Sessions) -> String {
    Metrics::new(Arc::clone(sessions.metrics())).text()
}

#[tokio::test]
async fn readers_of_one_session_share_each_encoded_record() {
    let sessions = Sessions::new(Arc::new(MemoryLog::new()), SessionLimits::default());
    let session = SessionId::parse("s").unwrap();
    write(&sessions, &session, [started("a")]).await;
    let mut readers = Vec::new();
    for _ in 0..20 {
        let mut reader = sessions.attach(&session, None, 10).await.unwrap();
        while !matches!(reader.next().await, Some(Ok(ReaderEvent::CaughtUp { .. }))) {}
        readers.push(reader);
    }
    write(
        &sessions,
        &session,
        (0..10).map(|at| appended("a", at, "x")),
    )
    .await;
    let mut places: Vec<Vec<*const u8>> = Vec::new();
    for reader in &mut readers {
        let mut frames = Vec::new();
        for seq in 2..=11 {
            let Some(Ok(ReaderEvent::Record { cursor, frame })) = reader.next().await else {
                panic!("no record {seq}");
            };
            assert_eq!((cursor.seq, frame.record().unwrap().seq), (seq, seq));
            frames.push(frame.bytes().as_ptr());
        }
        places.push(frames);
    }
    assert!(places.windows(2).all(|pair| pair[0] == pair[1]));
    let metrics = shown(&sessions);
    assert!(metrics.contains("rejoin_session_readers 20\n"), "{metrics}");
    drop(readers);
    let metrics = shown(&sessions);
    assert!(metrics.contains("rejoin_session_readers 0\n"), "{metrics}");
    assert!(
        metrics.contains("rejoin_session_tail_bytes 0\n"),
        "{metrics}"
    );
}

#[tokio::test]
async fn a_reader_that_is_asked_and_left_again_misses_nothing() {
    let sessions = Sessions::new(Arc::new(MemoryLog::new()), SessionLimits::default());
    let session = SessionId::parse("s").unwrap();
    let mut reader = sessions.attach(&session, None, 10).await.unwrap();
    let writer = tokio::spawn({
        let (sessions, session) = (Arc::clone(&sessions), session.clone());
        async move {
            write(&sessions, &session, [started("a")]).await;
            for at in 0..300 {
                write(&sessions, &session, [appended("a", at, "x")]).await;
                tokio::task::yield_now().await;
            }
        }
    });
    let mut had = 0;
    while had < 301 {
        // Dropped at its first wait, again and again.
        let Ok(event) = tokio::time::timeout(Duration::ZERO, reader.next()).await else {
            tokio::task::yield_now().await;
            continue;
        };
        match event.unwrap().unwrap() {
            ReaderEvent::Snapshot { cursor, .. } => had = cursor.seq,
            ReaderEvent::Record { cursor, .. } => {
                assert_eq!(cursor.seq, had + 1);
                had = cursor.seq;
            }
            ReaderEvent::Attached(_) | ReaderEvent::CaughtUp { .. } => {}
            ReaderEvent::Deleted => panic!("deleted"),
        }
    }
    writer.await.unwrap();
}

#[tokio::test]
async fn a_reader_that_stops_reading_costs_bounded_memory_and_is_given_a_snapshot_later() {
    let (_server, api) = start_with(|config| config.session_limits.tail_bytes_max = 100_000).await;
    let first = publish(&api, "s", [started("first"), ended("first")]).await;
    let mut slow = Following::open(&api, "s", "?limit=3").await;
    let text = "x".repeat(20_000);
    let mut head = first;
    let mut count = 2;
    // More than the buffers between here and there hold.
    for number in 0..25 {
        let id = format!("m{number}");
        let mut changes = vec![started(&id)];
        changes.extend((0..20).map(|at| appended(&id, at, &text)));
        changes.push(ended(&id));
        count += changes.len();
        head = publish(&api, "s", changes).await;
        let metrics = api.call(Method::GET, "/metrics", None).await.body;
        let metrics = String::from_utf8(metrics.to_vec()).unwrap();
        let tail = metrics
            .lines()
            .find_map(|line| line.strip_prefix("rejoin_session_tail_bytes "));
        assert!(tail.unwrap().parse::<usize>().unwrap() <= 100_000);
    }
    slow.until(&head).await;
    assert_eq!(slow.snapshots, 2);
    let attached = slow.attached.as_ref().unwrap();
    assert_eq!(attached.reason.unwrap().as_str(), "behind");
    assert!(slow.records < count * 3 / 4, "{} of {count}", slow.records);
    assert_eq!(slow.ids(), ["m22", "m23", "m24"]);
    assert_eq!(slow.texts()[2], text.repeat(20));
    // And it goes on like any other.
    let head = publish(&api, "s", [started("z")]).await;
    slow.until(&head).await;
    assert_eq!((slow.snapshots, slow.ids().pop()), (2, Some("z")));
}

#[tokio::test]
async fn pages_have_exactly_as_many_messages_as_asked_for_and_removed_ones_do_not_count() {
    let (_server, api) = start().await;
    let id = |number: usize| format!("m{number}");
    for number in 0..100 {
        publish(&api, "s", [started(&id(number)), ended(&id(number))]).await;
    }
    let gone = |number: &usize| number.is_multiple_of(3) || (40..70).contains(number);
    publish(
        &api,
        "s",
        (0..100).filter(gone).map(|number| removed(&id(number))),
    )
    .await;
    let left: Vec<String> = (0..100).filter(|number| !gone(number)).map(id).collect();
    for limit in [1, 7, 20, 1000] {
        let (mut shown, mut before) = (Vec::new(), String::new());
        loop {
            let page = api
                .get(&format!("/sessions/s/messages?limit={limit}{before}"))
                .await;
            let page = Page::from_json(&page.to_string()).unwrap();
            let more = left.len() - shown.len();
            assert_eq!(page.nodes.len(), limit.min(more));
            assert_eq!(page.has_older, more > limit);
            before = format!("&before={}", page.nodes[0].position);
            let ids = page.nodes.iter().map(|node| node.id().to_string());
            shown.splice(0..0, ids.collect::<Vec<_>>());
            if !page.has_older {
                break;
            }
        }
        assert_eq!(shown, left, "limit {limit}");
    }
    let beyond = api.get("/sessions/s/messages?before=1").await;
    assert_eq!(
        (&beyond["nodes"], &beyond["has_older"]),
        (&Value::Array(vec![]), &Value::Bool(false))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_message_is_shown_once_while_others_arrive_and_old_records_are_trimmed() {
    let (_server, api) = start_with(|config| {
        config.session_limits.retention.every = Duration::from_millis(1);
        config.session_limits.retention.records_max = 30;
        // The reader is to keep up by records.
        config.session_limits.tail_records_max = 100_000;
    })
    .await;
    let api = Arc::new(api);
    let say = async |api: &support::Api, number: usize| {
        let id = format!("m{number}");
        publish(api, "s", [started(&id), appended(&id, 0, &id)]).await;
        let mut last = vec![appended(&id, 1, "!"), ended(&id)];
        if number % 10 == 9 {
            // Some are taken away again, near the newest and far from it.
            last.push(removed(&format!("m{}", number - 2)));
            last.push(removed(&format!("m{}", number / 3 / 10 * 10 + 3)));
        }
        publish(api, "s", last).await
    };
    for number in 0..150 {
        say(&api, number).await;
    }
    let mut shown = Following::open(&api, "s", "?limit=5").await;
    assert!(shown.transcript.has_older() && shown.transcript.nodes().len() >= 5);
    let writer = tokio::spawn({
        let api = Arc::clone(&api);
        async move {
            let mut head = Value::Null;
            for number in 150..300 {
                head = say(&api, number).await;
            }
            head
        }
    });
    while shown.transcript.has_older() {
        let before = shown
            .transcript
            .nodes()
            .first()
            .map_or(u64::MAX, |node| node.position);
        let page = api
            .get(&format!("/sessions/s/messages?limit=7&before={before}"))
            .await;
        let page = Page::from_json(&page.to_string()).unwrap();
        assert!(page.nodes.len() == 7 || !page.has_older, "a short page");
        let count = page.nodes.len();
        assert_eq!(shown.transcript.prepend(page), count);
        for _ in 0..3 {
            if !writer.is_finished() {
                shown.step().await;
            }
        }
    }
    let head = writer.await.unwrap();
    shown.until(&head).await;
    assert_eq!(shown.snapshots, 1);
    let whole = api.get("/sessions/s/messages?limit=1000").await;
    let whole = Page::from_json(&whole.to_string()).unwrap();
    assert_eq!(shown.transcript.nodes(), whole.nodes);
    assert!(whole.nodes.is_sorted_by_key(|node: &Node| node.position));
    assert!(
        whole
            .nodes
            .iter()
            .all(|node| node.message.content.text() == format!("{}!", node.id()))
    );
}
