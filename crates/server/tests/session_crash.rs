//! The server is killed again and again while sessions are written and read: nothing that was acknowledged is lost,
//! nothing is there twice, and what readers show is what the log holds.
//!
//! `REJOIN_KILLS` says how often, `REJOIN_SEED` repeats a run. Where nothing is said it is 200 times, and on a machine that
//! does much else as often as [`ENOUGH`] allows; how often it was is printed.

#![allow(clippy::unwrap_used)]

mod odd;
mod proof;
#[path = "../../sessions/tests/redis_server/mod.rs"]
mod redis_server;
mod support;

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use hyper::Method;
use odd::{Odd, beginning};
use proof::*;
use redis_server::RedisServer;
use rejoin_wire::{
    message::{Message, MessageKind},
    session::{Cursor, Node, NodeStatus},
};
use serde_json::{Value, json};
use support::{Stream, request};
use tokio::{sync::watch, task::JoinHandle};

/// Messages that the producer has under way at once.
const IN_FLIGHT: usize = 3;
/// Runs of the server's own agents at once, and the threads that each goes through: many, as each checkpoint holds its
/// whole thread, and a restart after a kill looks through the whole database.
const LANES: usize = 2;
const THREADS_PER_LANE: usize = 8;
/// Threads whose sessions have a reader.
const READ_THREADS: usize = 4;
const WORDS_PER_RUN: u32 = 40;
/// Longer than any restart, so that nothing is aborted that is only waiting.
const LEASE: Duration = Duration::from_secs(120);
const SESSION: &str = "outside";
/// How long servers are killed where no number is asked for, and how often at least.
const ENOUGH: Duration = Duration::from_secs(90);
const KILLS_MIN: usize = 25;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_loses_and_doubles_nothing_on_redb() {
    let directory = tempfile::tempdir().unwrap();
    survives("redb", directory.path(), None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_loses_and_doubles_nothing_on_redis() {
    let directory = tempfile::tempdir().unwrap();
    let redis = RedisServer::start();
    survives("redis", directory.path(), Some(redis)).await;
}

async fn survives(engine: &str, directory: &Path, redis: Option<RedisServer>) {
    let mut rng = Rng::seeded(engine);
    let asked = std::env::var("REJOIN_KILLS").ok();
    let enough = asked.as_ref().map_or(ENOUGH, |_| Duration::MAX);
    let asked: usize = asked.map_or(200, |text| text.parse().unwrap());
    let url = redis.as_ref().map(RedisServer::url);
    let flags: Vec<&str> = url.iter().flat_map(|url| ["--sessions", url]).collect();
    let mut site = Site::start(&directory.join("server"), &flags).await;
    let (stop, stopped) = watch::channel(false);

    let writer = Writer::new(site.place(), SESSION, "outside-1", LEASE);
    let mut answers = writer.answers();
    let writing = tokio::spawn(write(writer, rng.fork(), stopped.clone()));
    let mut threads = Vec::new();
    for _ in 0..LANES * THREADS_PER_LANE {
        threads.push(site.api().thread().await);
    }
    let lanes = threads.chunks(THREADS_PER_LANE);
    let runs: Vec<Runs> = lanes
        .map(|threads| Runs::start(site.place(), threads, rng.fork(), stopped.clone()))
        .collect();
    let asking = tokio::spawn(ask_oddly(
        site.place(),
        &threads,
        rng.fork(),
        stopped.clone(),
    ));
    let read = threads.iter().step_by(threads.len() / READ_THREADS);
    let mut readers: Vec<Follower> = read
        .map(|thread| Follower::start(site.place(), thread, None, 50, agents_words))
        .collect();
    readers.extend((0..2).map(|_| Follower::start(site.place(), SESSION, None, 50, own_words)));

    let (mut kills, begun) = (0, Instant::now());
    while kills < asked && (kills < KILLS_MIN || begun.elapsed() < enough) {
        // At a random moment of a stream that has got on since the last one.
        let before = *answers.borrow_and_update();
        let more = 1 + rng.below(4);
        let moving = answers.wait_for(|answers| *answers >= before + more);
        let moved = tokio::time::timeout(PATIENCE, moving).await;
        moved.expect("the producer gets on").unwrap();
        tokio::time::sleep(Duration::from_micros(rng.below(30_000))).await;
        if rng.below(4) == 0 {
            // The reader's own connection breaks, between two kills.
            let at = usize::try_from(rng.below(readers.len() as u64)).unwrap();
            readers[at].move_to(site.place());
        }
        if kills % 50 == 25 {
            readers.push(Follower::start(site.place(), SESSION, None, 50, own_words));
        }
        site.kill().await;
        site.up().await;
        kills += 1;
    }
    stop.send_replace(true);
    let writer = writing.await.unwrap();
    let asked = asking.await.unwrap();
    eprintln!("{engine}: odd requests by what was answered: {asked:?}");
    assert!(asked[&200] > 0 && asked[&422] > 0, "{asked:?}");
    let mut shown = BTreeMap::new();
    for run in runs {
        shown.extend(run.ended().await);
    }
    let ends = readers[READ_THREADS].look(|seen| seen.ends);
    eprintln!("{engine}: {kills} kills; a reader's stream ended {ends} times");
    what_was_acknowledged_is_there(&site, &writer, kills).await;
    for thread in &threads {
        let shown = shown.get(thread).cloned().unwrap_or_default();
        what_was_shown_is_there(&site, thread, &shown).await;
    }
    for reader in readers {
        shows_what_the_log_holds(&site, reader).await;
    }
    a_late_reader_shows_it_too(&site).await;
    assert!(2 * ends >= kills, "a reader was there: {ends} of {kills}");
    drop(redis);
}

/// Posts pieces of several messages at once until it is told to stop, then ends them.
async fn write(writer: Writer, mut rng: Rng, stopped: watch::Receiver<bool>) -> Writer {
    let mut open: [Option<(String, u64)>; IN_FLIGHT] = Default::default();
    let mut made = 0;
    let mut retried = 0;
    while !*stopped.borrow() {
        let count = 1 + rng.below(4);
        let changes: Vec<Value> = (0..count)
            .map(|_| {
                let slot = usize::try_from(rng.below(IN_FLIGHT as u64)).unwrap();
                next_change(&mut open[slot], &mut made, &mut rng)
            })
            .collect();
        let posted = writer.post(&changes).await;
        retried += posted.tries - 1;
        let all = changes.len() as u64;
        // Nothing was there before the first try; of a batch all is there or nothing.
        let is_possible = posted.repeated == 0 || posted.tries > 1 && posted.repeated == all;
        assert!(is_possible, "{posted:?} to {changes:?}");
        if rng.below(20) == 0 {
            let again = writer.post(&changes).await;
            assert_eq!(again.repeated, all, "sent again: {changes:?}");
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    for (id, _) in open.iter().flatten() {
        writer.post(&[Writer::ended(id)]).await;
    }
    eprintln!("the producer made {made} messages and sent {retried} batches again");
    writer
}

fn next_change(slot: &mut Option<(String, u64)>, made: &mut u64, rng: &mut Rng) -> Value {
    let Some((id, at)) = slot else {
        *made += 1;
        let id = format!("m{made}");
        let change = Writer::started(&id);
        *slot = Some((id, 0));
        return change;
    };
    if rng.below(40) == 0 {
        let change = Writer::ended(id);
        *slot = None;
        return change;
    }
    *at += 1;
    Writer::appended(id, *at - 1)
}

/// Odd requests beside the rest, about other threads than `threads`. How often each status was answered.
fn ask_oddly(
    mut place: Place,
    threads: &[String],
    mut rng: Rng,
    stopped: watch::Receiver<bool>,
) -> impl Future<Output = BTreeMap<u16, u64>> + use<> {
    let spared: Vec<&str> = threads.iter().map(String::as_str).collect();
    let mut odd = Odd::new(rng.next(), &spared);
    async move {
        let mut answered = BTreeMap::new();
        while !*stopped.borrow() {
            let api = Arc::clone(&place.borrow());
            let request = odd.next();
            let what = format!("{} {} {:?}", request.method, request.path, request.body);
            let asked = api.try_open(request.method, &request.path, &[], request.body);
            let Ok(response) = asked.await else {
                wait_a_little(&mut place).await;
                continue;
            };
            let status = response.status().as_u16();
            let text = beginning(response).await;
            assert!(status < 500 || status == 501, "{status} {text}: {what}");
            *answered.entry(status).or_default() += 1;
            odd.learn(&text);
            tokio::time::sleep(Duration::from_millis(rng.below(10))).await;
        }
        answered
    }
}

/// What streams showed: by thread and by message, its text.
type Shown = BTreeMap<String, BTreeMap<String, String>>;

/// Runs of an agent of the server's own, one after the other, and what their streams showed.
struct Runs {
    task: JoinHandle<()>,
    shown: Arc<Mutex<Shown>>,
}

impl Runs {
    fn start(
        mut place: Place,
        threads: &[String],
        mut rng: Rng,
        stopped: watch::Receiver<bool>,
    ) -> Self {
        let shown = Arc::<Mutex<Shown>>::default();
        let (threads, keep) = (threads.to_vec(), Arc::clone(&shown));
        let task = tokio::spawn(async move {
            for thread in threads.iter().cycle() {
                if *stopped.borrow() {
                    return;
                }
                let api = Arc::clone(&place.borrow());
                let path = format!("/threads/{thread}/runs/stream");
                let body = request("chat", WORDS_PER_RUN, 1.0);
                if let Ok(response) = api.try_open(Method::POST, &path, &[], Some(body)).await {
                    note_texts(Stream::new(response), thread, &keep).await;
                }
                wait_a_little(&mut place).await;
                tokio::time::sleep(Duration::from_millis(rng.below(20))).await;
            }
        });
        Self { task, shown }
    }

    async fn ended(self) -> Shown {
        self.task.await.unwrap();
        self.shown.lock().unwrap().clone()
    }
}

async fn note_texts(mut stream: Stream, thread: &str, shown: &Mutex<Shown>) {
    while let Some(frame) = stream.next().await {
        if frame.event_name() != "messages" {
            continue;
        }
        let (chunk, _): (Message, Value) = serde_json::from_str(&frame.data).unwrap();
        let mut shown = shown.lock().unwrap();
        let shown = shown.entry(thread.to_owned()).or_default();
        let text = shown
            .entry(chunk.id.unwrap().as_str().to_owned())
            .or_default();
        text.push_str(&chunk.content.text());
    }
}

/// The scripted words, from the first on.
fn agents_words(node: &Node) -> Option<String> {
    if node.message.kind != MessageKind::Ai {
        return None;
    }
    let text = node.message.content.text();
    let is_next = |(index, word): (usize, &str)| {
        word.trim_start_matches(|letter: char| letter.is_ascii_lowercase()) == index.to_string()
    };
    let is_right = text.split_whitespace().enumerate().all(is_next);
    (!is_right).then(|| format!("{}: {text}", node.id().as_str()))
}

async fn what_was_acknowledged_is_there(site: &Site, writer: &Writer, kills: usize) {
    let nodes = all_messages(&site.api(), SESSION, 1000).await;
    let by_id: BTreeMap<&str, &Node> = nodes
        .iter()
        .map(|node| (node.id().as_str(), node))
        .collect();
    assert_eq!(by_id.len(), nodes.len(), "a message is there twice");
    let acked = writer.acked();
    assert_eq!(by_id.len(), acked.len());
    for (id, acked) in &acked {
        let node = by_id
            .get(id.as_str())
            .unwrap_or_else(|| panic!("{id} is lost"));
        assert_eq!(node.pieces, acked.pieces, "{id}");
        assert_eq!(node.message.content.text(), pieces(id, acked.pieces));
        let is_streaming = node.status == NodeStatus::Streaming;
        assert_eq!(!is_streaming, acked.ended, "{id}");
    }
    let tokens: u64 = acked.values().map(|acked| acked.pieces).sum();
    eprintln!("{} messages of {tokens} acknowledged pieces", acked.len());
    assert!(tokens >= kills as u64, "it was busy");
}

async fn what_was_shown_is_there(site: &Site, thread: &str, shown: &BTreeMap<String, String>) {
    // A run that a kill left behind is in its thread before the next start answers anybody.
    let kept = told_by_thread(site, thread).await;
    for (id, text) in shown {
        let held = kept.iter().find(|(kept, _)| kept == id);
        let held = held.map_or("", |(_, text)| text.as_str());
        assert!(
            held.starts_with(text),
            "{id} showed {text:?}, and is {held:?}"
        );
    }
    // Its session is put right beside whatever else the server does.
    let what = format!("the session of {thread} says what the thread says: {kept:?}");
    eventually(&what, || async {
        let nodes = all_messages(&site.api(), thread, 1000).await;
        let is_over = |node: &Node| node.status != NodeStatus::Streaming;
        let told = nodes.iter().map(|node| {
            let text = node.message.content.text();
            (node.id().as_str().to_owned(), text.into_owned())
        });
        (nodes.iter().all(is_over) && told.eq(kept.iter().cloned())).then_some(())
    })
    .await;
}

/// The id and the text of each message of the thread's state.
async fn told_by_thread(site: &Site, thread: &str) -> Vec<(String, String)> {
    let state = site.api().state(thread).await;
    state["values"]["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| (as_text(&message["id"]), as_text(&message["content"])))
        .collect()
}

fn as_text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

async fn shows_what_the_log_holds(site: &Site, reader: Follower) {
    let session = reader.session.clone();
    let (cursor, _) = page(&site.api(), &session, None, 1).await;
    reader.until_at(cursor).await;
    let seen = reader.stop();
    assert!(seen.refused.is_empty(), "{:?}", seen.refused);
    let logged = all_messages(&site.api(), &session, 1000).await;
    // A reader that was given a snapshot has the newest ones.
    let held = seen.transcript.nodes();
    let first = held.first().map_or(0, |node| node.position);
    let newest = logged.iter().position(|node| node.position == first);
    same(&session, held, &logged[newest.unwrap_or(0)..]);
    let lost = |cursor: &Cursor| format!("the log lost its end: {cursor}");
    let is_lost = |attached: &rejoin_wire::session::Attached| {
        use rejoin_wire::session::SnapshotReason::{Ahead, ForeignEpoch};
        matches!(attached.reason, Some(Ahead | ForeignEpoch)) && attached.cursor.seq > 0
    };
    // The first answer may come before the session is there, and its first record then begins an epoch.
    let after = seen
        .attached
        .iter()
        .skip_while(|attached| attached.cursor.seq == 0);
    let found = after.skip(1).find(|attached| is_lost(attached));
    assert!(found.is_none(), "{}", lost(&found.unwrap().cursor));
}

async fn a_late_reader_shows_it_too(site: &Site) {
    let (head, _) = page(&site.api(), SESSION, None, 1).await;
    let logged = all_messages(&site.api(), SESSION, 7).await;
    let from_start = Cursor { seq: 0, ..head };
    for (cursor, limit) in [(Some(from_start), 1000), (None, 1000), (None, 3)] {
        let reader = Follower::start(site.place(), SESSION, cursor, limit, own_words);
        reader.until_at(head).await;
        let seen = reader.stop();
        let held = seen.transcript.nodes();
        assert!(held.len() >= limit.min(logged.len()), "{}", held.len());
        same("late", held, &logged[logged.len() - held.len()..]);
        assert_eq!(json!(seen.transcript.seq()), json!(head.seq));
    }
}
