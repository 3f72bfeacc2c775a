//! Two servers that share their sessions through one Redis: one reads what the other writes, and goes on where the other
//! is gone.

#![allow(clippy::unwrap_used)]

mod proof;
#[path = "../../sessions/tests/redis_server/mod.rs"]
mod redis_server;
mod support;

use std::{sync::Arc, time::Duration};

use hyper::Method;
use proof::*;
use redis_server::RedisServer;
use rejoin_wire::{
    message::MessageKind,
    session::{AttachMode, Attached, EndStatus, Node, NodeStatus},
};
use serde_json::{Value, json};
use support::request;
use tokio::sync::watch;

/// Short, so that the tests need not wait; long enough for a busy machine to renew it in time.
const LEASE_MS: u64 = 3000;

struct Cluster {
    directory: tempfile::TempDir,
    redis: RedisServer,
    a: Site,
    b: Site,
}

impl Cluster {
    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let redis = RedisServer::start();
        let server = async |name: &str| {
            let lease = LEASE_MS.to_string();
            let flags = ["--sessions", &redis.url(), "--lease-ms", &lease];
            Site::start(&directory.path().join(name), &flags).await
        };
        let (a, b) = (server("a").await, server("b").await);
        Self {
            directory,
            redis,
            a,
            b,
        }
    }

    /// A run of B's own agent, long enough to be in the middle of whatever happens; its thread.
    async fn run_on_b(&self) -> (String, String) {
        let api = self.b.api();
        let thread = api.thread().await;
        let path = format!("/threads/{thread}/runs");
        let run = api.post(&path, request("chat", 100_000, 5.0)).await;
        (thread, run["run_id"].as_str().unwrap().to_owned())
    }
}

fn answer(nodes: &[Node]) -> Option<&Node> {
    nodes
        .iter()
        .rfind(|node| node.message.kind == MessageKind::Ai)
}

fn words(node: &Node) -> usize {
    node.message.content.text().split_whitespace().count()
}

/// The scripted words, each once and in order.
fn agents_words(node: &Node) -> Option<String> {
    let text = node.message.content.text();
    let is_next = |(index, word): (usize, &str)| word.ends_with(&index.to_string());
    let is_ai = node.message.kind == MessageKind::Ai;
    let is_right = !is_ai || text.split_whitespace().enumerate().all(is_next);
    (!is_right).then(|| text.into_owned())
}

async fn until_words(reader: &Follower, count: usize) {
    let has =
        |seen: &Seen| answer(seen.transcript.nodes()).is_some_and(|node| words(node) >= count);
    reader.until(&format!("{count} words"), has).await;
}

async fn until_ended(reader: &Follower) -> Node {
    let is_over = |node: &Node| node.status != NodeStatus::Streaming;
    let has = |seen: &Seen| answer(seen.transcript.nodes()).is_some_and(is_over);
    reader.until("the answer's end", has).await;
    reader.look(|seen| answer(seen.transcript.nodes()).unwrap().clone())
}

fn aborted(reason: &str) -> NodeStatus {
    let reason = reason.to_owned();
    NodeStatus::Ended(EndStatus::Aborted { reason })
}

/// Renews the lease of a message that does not get on, for as long as the sender lives.
async fn begin_and_hold(place: Place, session: &str) -> watch::Sender<()> {
    let lease = Duration::from_millis(LEASE_MS);
    let writer = Writer::new(place, session, "patient", lease);
    writer.post(&[Writer::started("held")]).await;
    let (hold, held) = watch::channel(());
    tokio::spawn(async move {
        while held.has_changed().is_ok() {
            writer.post(&[]).await;
            tokio::time::sleep(lease / 10).await;
        }
    });
    hold
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_whose_server_was_killed_is_aborted_on_the_other_and_no_other_message_is() {
    let mut cluster = Cluster::start().await;
    let (thread, _) = cluster.run_on_b().await;
    let hold = begin_and_hold(cluster.a.place(), "patient").await;
    let reader = Follower::start(cluster.a.place(), &thread, None, 50, agents_words);
    until_words(&reader, 30).await;
    cluster.b.kill().await;
    let shown = reader.look(|seen| answer(seen.transcript.nodes()).unwrap().clone());
    assert_eq!(shown.status, NodeStatus::Streaming);

    let ended = until_ended(&reader).await;
    assert_eq!(ended.status, aborted("lease_expired"));
    assert!(words(&ended) >= words(&shown));
    // One that was heard of meanwhile goes on, although it had not a word to say.
    let (_, held) = page(&cluster.a.api(), "patient", None, 10).await;
    assert_eq!(held.nodes[0].status, NodeStatus::Streaming);
    drop(hold);

    // B comes back and finds what its thread keeps of the run. The message stays aborted; what B had stored of it and not
    // said yet may be added, never anything else.
    cluster.b.up().await;
    let late = Follower::start(cluster.b.place(), &thread, None, 50, agents_words);
    let again = until_ended(&late).await;
    assert_eq!(again.status, ended.status);
    let state = cluster.b.api().state(&thread).await;
    let kept = support::last_text(&state).to_owned();
    assert!(kept.starts_with(&*ended.message.content.text()));
    for one in [&reader, &late] {
        let is_level = |seen: &Seen| {
            let node = answer(seen.transcript.nodes()).unwrap();
            node.message.content.text() == kept && node.status == aborted("lease_expired")
        };
        one.until("what the thread keeps", is_level).await;
    }
    same(
        "both servers",
        &all_messages(&cluster.a.api(), &thread, 50).await,
        &all_messages(&cluster.b.api(), &thread, 50).await,
    );
    let session = late.stop();
    assert!(session.refused.is_empty(), "{:?}", session.refused);
    reader.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_after_an_abort_is_a_new_message_beside_the_aborted_one() {
    let mut cluster = Cluster::start().await;
    let lease = Duration::from_millis(LEASE_MS);
    let dead = Writer::new(cluster.b.place(), "retried", "dead", lease);
    dead.post(&[Writer::started("m1"), Writer::appended("m1", 0)])
        .await;
    let reader = Follower::start(cluster.a.place(), "retried", None, 50, own_words);
    let is_ended = |seen: &Seen| {
        let nodes = seen.transcript.nodes();
        nodes
            .first()
            .is_some_and(|node| node.status == aborted("lease_expired"))
    };
    reader.until("m1 aborted", is_ended).await;

    // The one that was thought dead is told so, on either server.
    for place in [cluster.a.place(), cluster.b.place()] {
        let zombie = Writer::new(place, "retried", "dead", lease);
        let (status, body) = zombie
            .try_post(&[Writer::appended("m1", 1)])
            .await
            .unwrap_err();
        assert_eq!(status, 409, "{body}");
        let code = serde_json::from_str::<Value>(&body).unwrap()["code"].clone();
        assert!(code == "message_ended" || code == "fenced", "{code}");
    }
    let retry = Writer::new(cluster.a.place(), "retried", "second", lease);
    let [began, piece, end] = [
        Writer::started("m2"),
        Writer::appended("m2", 0),
        Writer::ended("m2"),
    ];
    let posted = retry.post(&[began, piece, end]).await;
    let cursor = rejoin_wire::session::Cursor::parse(&posted.cursor).unwrap();
    reader.until_at(cursor).await;
    let seen = reader.stop();
    let statuses: Vec<_> = seen
        .transcript
        .nodes()
        .iter()
        .map(|node| &node.status)
        .collect();
    assert_eq!(
        statuses,
        [
            &aborted("lease_expired"),
            &NodeStatus::Ended(EndStatus::Complete)
        ]
    );
    cluster.b.kill().await;
    drop(cluster.directory);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_was_stopped_for_longer_than_its_lease_cannot_go_on_with_its_message() {
    let cluster = Cluster::start().await;
    let (thread, run) = cluster.run_on_b().await;
    let reader = Follower::start(cluster.a.place(), &thread, None, 50, agents_words);
    until_words(&reader, 20).await;
    cluster.b.freeze().await;
    let ended = until_ended(&reader).await;
    assert_eq!(ended.status, aborted("lease_expired"));
    cluster.b.thaw().await;

    // Its agent goes on; what it says is in its run, and not in the message that is over.
    let mut live = cluster.b.api().join(&thread, &run, None).await;
    for _ in 0..50 {
        live.until("messages").await;
    }
    let sites = [&cluster.a, &cluster.b];
    for site in sites {
        let nodes = all_messages(&site.api(), &thread, 50).await;
        let same_one = nodes.iter().find(|node| node.id() == ended.id()).unwrap();
        assert_eq!(same_one, &ended);
    }
    reader.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_moves_between_servers_in_mid_stream_resumes_exactly() {
    let cluster = Cluster::start().await;
    let mut rng = Rng::seeded("moves");
    let writer = Writer::new(cluster.b.place(), "moved", "one", Duration::from_secs(60));
    writer
        .post(&[Writer::started("m1"), Writer::started("m2")])
        .await;
    let reader = Follower::start(cluster.a.place(), "moved", None, 50, own_words);
    let stays = Follower::start(cluster.a.place(), "moved", None, 50, own_words);
    reader
        .until("the beginning", |seen| seen.cursor.is_some())
        .await;
    let mut head = None;
    // A quick machine writes faster than a reader moves, so it writes on until the reader has moved often.
    for at in 0..3_000 {
        if at >= 150 && reader.look(|seen| seen.ends > 10) {
            break;
        }
        let posted = writer
            .post(&[Writer::appended("m1", at), Writer::appended("m2", at)])
            .await;
        head = rejoin_wire::session::Cursor::parse(&posted.cursor);
        if at % 5 == 0 {
            let to = if rng.below(2) == 0 {
                &cluster.a
            } else {
                &cluster.b
            };
            reader.move_to(to.place());
        }
    }
    for one in [&reader, &stays] {
        one.until_at(head.unwrap()).await;
    }
    let logged = all_messages(&cluster.b.api(), "moved", 50).await;
    same("stayed", stays.stop().transcript.nodes(), &logged);
    let seen = reader.stop();
    same("moved", seen.transcript.nodes(), &logged);
    assert!(seen.ends > 10, "it moved: {}", seen.ends);
    let later = &seen.attached[1..];
    assert!(
        later
            .iter()
            .all(|attached| attached.mode == AttachMode::Replay),
        "{later:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_asked_to_end_says_how_its_messages_ended_and_its_readers_go_on_elsewhere()
{
    let mut cluster = Cluster::start().await;
    let (thread, _) = cluster.run_on_b().await;
    let reader = Follower::start(cluster.b.place(), &thread, None, 50, agents_words);
    until_words(&reader, 20).await;
    let outside = Writer::new(cluster.b.place(), "outside", "x", Duration::from_secs(60));
    outside
        .post(&[Writer::started("m1"), Writer::appended("m1", 0)])
        .await;

    reader.move_to(cluster.b.place());
    cluster.b.terminate().await;
    reader.move_to(cluster.a.place());
    let ended = until_ended(&reader).await;
    // Not by its lease: the server said so itself before it ended.
    assert_eq!(ended.status, aborted("server_stopping"));
    let seen = reader.stop();
    // From when the session was there.
    let attached = seen.attached.iter();
    let mut later = attached
        .skip_while(|attached| attached.cursor.seq == 0)
        .skip(1);
    let is_replay = |attached: &Attached| attached.mode == AttachMode::Replay;
    assert!(later.all(is_replay), "{:?}", seen.attached);

    // A producer of another process is not ended by it: it goes on with the other server.
    let elsewhere = Writer::new(cluster.a.place(), "outside", "x", Duration::from_secs(60));
    let posted = elsewhere
        .post(&[Writer::appended("m1", 0), Writer::appended("m1", 1)])
        .await;
    assert_eq!(posted.repeated, 1);
    elsewhere.post(&[Writer::ended("m1")]).await;
    let nodes = all_messages(&cluster.a.api(), "outside", 50).await;
    assert_eq!(nodes[0].message.content.text(), pieces("m1", 2));
    drop(cluster.redis);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_of_one_server_is_cancelled_through_the_other() {
    let cluster = Cluster::start().await;
    let (thread, run) = cluster.run_on_b().await;
    let reader = Follower::start(cluster.a.place(), &thread, None, 50, agents_words);
    until_words(&reader, 20).await;
    let path = format!("/sessions/{thread}/cancel");
    let accepted = cluster
        .a
        .api()
        .call(Method::POST, &path, Some(json!({})))
        .await;
    assert_eq!(accepted.status, 202, "{:?}", accepted.body);
    let ended = until_ended(&reader).await;
    assert_eq!(ended.status, NodeStatus::Ended(EndStatus::Cancelled));
    let api = Arc::clone(&cluster.b.api());
    eventually("the agent was told", || async {
        let status = api.run_status(&thread, &run).await;
        (status != "running").then_some(())
    })
    .await;
    // What it had said meanwhile is in the thread, and so in the message, which stays cancelled.
    let kept = support::last_text(&api.state(&thread).await).to_owned();
    assert!(kept.starts_with(&*ended.message.content.text()));
    let is_level = |seen: &Seen| {
        let node = answer(seen.transcript.nodes()).unwrap();
        node.message.content.text() == kept && node.status == ended.status
    };
    reader.until("what the thread keeps", is_level).await;
    reader.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_producers_on_two_servers_write_one_session_and_every_reader_sees_one_order() {
    let cluster = Cluster::start().await;
    let write = |place: Place, name: &'static str| async move {
        let writer = Writer::new(place, "shared", name, Duration::from_secs(60));
        writer.post(&[Writer::started(name)]).await;
        for at in 0..100 {
            writer.post(&[Writer::appended(name, at)]).await;
        }
        writer.post(&[Writer::ended(name)]).await
    };
    let readers = [&cluster.a, &cluster.b]
        .map(|site| Follower::start(site.place(), "shared", None, 50, own_words));
    let (one, two) = tokio::join!(
        write(cluster.a.place(), "one"),
        write(cluster.b.place(), "two")
    );
    let parse = |text: &str| rejoin_wire::session::Cursor::parse(text).unwrap();
    let ends = [parse(&one.cursor), parse(&two.cursor)];
    let head = if ends[0].seq > ends[1].seq {
        ends[0]
    } else {
        ends[1]
    };
    assert_eq!(head.seq, 204);
    let logged = all_messages(&cluster.a.api(), "shared", 50).await;
    for reader in readers {
        reader.until_at(head).await;
        same("shared", reader.stop().transcript.nodes(), &logged);
    }
}
