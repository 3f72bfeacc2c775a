//! A session of 10,000 messages: the first page is one request, and paging to the top shows each message exactly once,
//! while messages arrive and while records are thrown away.

#![allow(clippy::unwrap_used)]

mod proof;
mod support;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use hyper::Method;
use proof::*;
use rejoin_server::sessions::SessionLimits;
use rejoin_wire::session::{Cursor, Node, Transcript};
use serde_json::Value;
use support::{Api, Stream, start_with};
use tokio::sync::watch;

const MESSAGES: usize = 10_000;
const PAGE: usize = 50;
const SESSION: &str = "long";

async fn seed(writer: &Writer) {
    let ids: Vec<String> = (0..MESSAGES).map(|number| format!("s{number}")).collect();
    for batch in ids.chunks(250) {
        let changes: Vec<Value> = batch.iter().flat_map(|id| Writer::whole(id)).collect();
        writer.post(&changes).await;
    }
}

/// A server in memory, and where it is.
async fn start(limits: SessionLimits) -> (rejoin_server::Server, Arc<Api>, Place) {
    let (server, api) = start_with(|config| config.session_limits = limits).await;
    let api = Arc::new(api);
    let place = watch::Sender::new(Arc::clone(&api)).subscribe();
    (server, api, place)
}

fn keeps_few_records() -> SessionLimits {
    let mut limits = SessionLimits::default();
    limits.retention.records_max = 200;
    limits.retention.every = Duration::from_millis(20);
    limits
}

fn ids(nodes: &[Node]) -> Vec<&str> {
    nodes.iter().map(|node| node.id().as_str()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_page_of_ten_thousand_messages_is_one_request_and_the_newest() {
    let (_server, api, place) = start(SessionLimits::default()).await;
    seed(&Writer::new(place, SESSION, "p", Duration::from_secs(60))).await;

    let path = format!("/sessions/{SESSION}/stream?limit={PAGE}");
    let mut stream = Stream::new(api.open(Method::GET, &path, &[], None).await);
    stream.until("caught_up").await;
    let text = String::from_utf8(stream.bytes.clone()).unwrap();
    // What is sent is a page, whatever the session's length.
    assert_eq!(text.matches("\"position\"").count(), PAGE, "{text}");
    assert!(!text.contains("event: record"), "{text}");
    assert!(text.len() < PAGE * 400, "{} bytes", text.len());

    let (_, newest) = page(&api, SESSION, None, PAGE).await;
    let expected: Vec<String> = (MESSAGES - PAGE..MESSAGES)
        .map(|number| format!("s{number}"))
        .collect();
    assert_eq!(ids(&newest.nodes), expected);
    assert!(newest.has_older);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paging_to_the_top_shows_each_message_once_while_messages_arrive_and_records_are_trimmed() {
    let (_server, api, place) = start(keeps_few_records()).await;
    let writer = Writer::new(place.clone(), SESSION, "p", Duration::from_secs(60));
    seed(&writer).await;
    let reader = Follower::start(place, SESSION, None, PAGE, own_words);
    reader
        .until("its first page", |seen| {
            seen.transcript.nodes().len() >= PAGE
        })
        .await;

    // Somebody talks all the time, in messages that are under way while pages are read.
    let enough = Arc::new(AtomicBool::new(false));
    let (made, mut heard) = watch::channel(0);
    let talking = tokio::spawn(talk(writer, Arc::clone(&enough), made));
    let mut own = reader.look(|seen| seen.transcript.clone());
    let mut requests = 0;
    while own.has_older() {
        let before = own.nodes()[0].position;
        let (_, older) = page(&api, SESSION, Some(before), PAGE).await;
        requests += 1;
        let left = before_is_left(&own);
        assert_eq!(older.nodes.len(), PAGE.min(left), "page {requests}");
        assert_eq!(own.prepend(older), PAGE.min(left));
        if requests % 10 == 0 {
            // However busy the machine is, somebody talks between pages.
            heard.changed().await.unwrap();
        }
    }
    enough.store(true, Ordering::Relaxed);
    let (head, live) = talking.await.unwrap();
    reader.until_at(head).await;
    let seen = reader.stop();

    // The pages before the attach point, and what the reader has had since, are the session.
    assert_eq!(requests, MESSAGES / PAGE - 1, "a page each");
    assert!(live > 10, "messages arrived meanwhile: {live}");
    let first = seen.transcript.nodes()[0].position;
    let older = own.nodes().iter().filter(|node| node.position < first);
    let whole: Vec<Node> = older.chain(seen.transcript.nodes()).cloned().collect();
    let expected = (0..MESSAGES).map(|number| format!("s{number}"));
    let expected: Vec<String> = expected
        .chain((0..live).map(|number| format!("l{number}")))
        .collect();
    assert_eq!(ids(&whole), expected);
    assert_eq!(whole.iter().filter_map(own_words).next(), None);
    same(
        "the session anew",
        &whole,
        &all_messages(&api, SESSION, 1000).await,
    );
    was_trimmed(&api, head).await;
}

/// Of a transcript that begins with the session's message `s{n}`: how many are before it.
fn before_is_left(own: &Transcript) -> usize {
    own.nodes()[0].id().as_str()[1..].parse().unwrap()
}

/// Messages of a few pieces, one after the other, until it is enough. The log's end, and how many there were.
async fn talk(
    writer: Writer,
    enough: Arc<AtomicBool>,
    told: watch::Sender<usize>,
) -> (Cursor, usize) {
    let mut made = 0;
    loop {
        let id = format!("l{made}");
        writer.post(&[Writer::started(&id)]).await;
        for at in 0..4 {
            writer.post(&[Writer::appended(&id, at)]).await;
        }
        let posted = writer.post(&[Writer::ended(&id)]).await;
        made += 1;
        told.send_replace(made);
        if enough.load(Ordering::Relaxed) {
            return (Cursor::parse(&posted.cursor).unwrap(), made);
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// The test was about a log that is trimmed: its beginning is gone.
async fn was_trimmed(api: &Arc<Api>, head: Cursor) {
    let place = watch::Sender::new(Arc::clone(api)).subscribe();
    let start = Cursor { seq: 1, ..head };
    let reader = Follower::start(place, SESSION, Some(start), 1, own_words);
    reader
        .until("an answer", |seen| !seen.attached.is_empty())
        .await;
    let reasons = reader.look(Seen::reasons);
    assert_eq!(reasons, [rejoin_wire::session::SnapshotReason::Trimmed]);
}
