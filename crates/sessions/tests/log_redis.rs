//! What only Redis has to prove: that it may go and come back, be shared, and lose things, and nobody is told wrong.

#![allow(clippy::unwrap_used)]

mod engines;
mod redis_server;

use std::{sync::Arc, time::Duration};

use engines::{
    append, appended, batch, complete, lease_expired, on, origin, producer, quick, records, seqs,
    session, started, updated, write_message,
};
use redis_server::RedisServer;
use rejoin_sessions::{
    Reader, ReaderEvent, SessionLimits, Sessions,
    log::{Batch, LogError, Orphan, SessionLog as _},
    redis::{RedisConfig, RedisLog},
};
use rejoin_wire::session::{Change, Cursor, Node, Transcript};

/// Asks again until Redis answers.
async fn in_the_end<T>(ask: impl AsyncFn() -> Result<T, LogError>) -> T {
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(LogError::Store(_)) => tokio::time::sleep(Duration::from_millis(20)).await,
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn redis_gone_is_a_store_failure_and_redis_back_goes_on_where_it_was() {
    let mut redis = RedisServer::start();
    let log = on(&redis).await;
    let head = write_message(&log, "m", 5).await;
    let mut watch = log.watch(&session());
    redis.kill();
    let piece = || vec![appended("m", 5, "5 ")];
    let refused = append(&log, piece()).await;
    assert!(matches!(refused, Err(LogError::Store(_))), "{refused:?}");
    let refused = log.bounds(&session()).await;
    assert!(matches!(refused, Err(LogError::Store(_))), "{refused:?}");

    redis.resume();
    let next = in_the_end(async || append(&log, piece()).await).await;
    // The same life: with every append on its disk Redis has lost nothing.
    assert_eq!(next.head, Cursor { seq: 7, ..head });
    assert_eq!(
        seqs(&records(&log, origin(&log).await).await),
        [1, 2, 3, 4, 5, 6, 7]
    );
    watch.changed().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_redis_is_killed_again_and_again() {
    const KILLS: usize = 5;
    let mut redis = RedisServer::start();
    let log = Arc::new(on(&redis).await);
    append(&*log, vec![started("m")]).await.unwrap();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let writer = tokio::spawn({
        let log = Arc::clone(&log);
        async move {
            let (mut at, mut unknown) = (0, 0);
            while !*stopped.borrow() || unknown > 0 {
                let piece = appended("m", at, &format!("{at} "));
                match append(&*log, vec![piece]).await {
                    Ok(_) => (at, unknown) = (at + 1, 0),
                    Err(LogError::Store(_)) => unknown += 1,
                    Err(error) => panic!("{error}"),
                }
            }
            at
        }
    });
    let mut watch = log.watch(&session());
    for _ in 0..KILLS {
        // In the middle of writing.
        let seen = *watch.borrow_and_update();
        watch.wait_for(|seq| *seq > seen + 20).await.unwrap();
        redis.kill();
        redis.resume();
    }
    stop.send(true).unwrap();
    let pieces = writer.await.unwrap();
    let all = in_the_end(async || {
        let origin = Cursor {
            epoch: log.bounds(&session()).await?.epoch,
            seq: 0,
        };
        log.records(&session(), origin, usize::MAX, usize::MAX)
            .await
    })
    .await;
    let found: Vec<u64> = all
        .iter()
        .filter_map(|record| match record.change {
            Change::Appended { at, .. } => Some(at),
            _ => None,
        })
        .collect();
    assert_eq!(found, (0..pieces).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_redis_that_lost_its_tail_has_another_epoch_with_the_next_append() {
    let mut redis = RedisServer::start_unsafe();
    let log = on(&redis).await;
    let saved = write_message(&log, "m", 5).await;
    assert_eq!(redis.command("SAVE").as_deref(), Some("+OK\r\n"));
    for at in 5..9 {
        append(&log, vec![appended("m", at, "lost ")])
            .await
            .unwrap();
    }
    let lost = Cursor { seq: 10, ..saved };
    let mut watch = log.watch(&session());
    redis.kill();
    redis.resume();

    // Nobody has written yet: the reader that had the lost records is ahead, and is told to look.
    watch.changed().await.unwrap();
    let bounds = in_the_end(async || log.bounds(&session()).await).await;
    assert_eq!((bounds.epoch, bounds.head), (saved.epoch, 6));
    assert_eq!(records(&log, lost).await, []);

    // The producer is told what is missing, and repairs it; also when another server is asked.
    let other = on(&redis).await;
    let gap = append(&other, vec![appended("m", 9, "9 ")]).await;
    let id = "m".to_owned();
    assert_eq!(gap, Err(LogError::PieceGap { id, expected: 5 }));
    let repaired = append(&other, vec![updated("m", 11, "all of it")])
        .await
        .unwrap();
    assert_ne!(repaired.head.epoch, saved.epoch);
    assert_eq!(repaired.head.seq, 7);
    for at in 11..20 {
        append(&log, vec![appended("m", at, "new ")]).await.unwrap();
    }
    // Numbers that the reader knew are other records now: its cursor is of another life.
    assert_eq!(records(&log, lost).await, []);
    assert_eq!(records(&log, Cursor { seq: 3, ..saved }).await, []);
    let all = records(&log, origin(&log).await).await;
    assert_eq!(seqs(&all), (1..=16).collect::<Vec<_>>());
    assert_eq!(all[5].change, appended("m", 4, "4 "));
    assert_eq!(all[6].change, updated("m", 11, "all of it"));
    // Once per restart.
    assert_eq!(
        log.bounds(&session()).await.unwrap().epoch,
        repaired.head.epoch
    );
}

#[tokio::test]
async fn a_reader_of_a_redis_that_lost_its_tail_ends_with_what_the_log_holds() {
    let mut redis = RedisServer::start_unsafe();
    let log = Arc::new(on(&redis).await);
    write_message(&*log, "m", 5).await;
    assert_eq!(redis.command("SAVE").as_deref(), Some("+OK\r\n"));
    let sessions = Sessions::new(log.clone(), SessionLimits::default());
    let mut reader = sessions.attach(&session(), None, 50).await.unwrap();
    let mut seen = Seen::default();
    for at in 5..9 {
        append(&*log, vec![appended("m", at, "lost ")])
            .await
            .unwrap();
    }
    seen.read_until(&mut reader, |text| text.ends_with("lost lost lost lost "))
        .await;
    redis.kill();
    redis.resume();

    // More than there was, so that numbers alone would tell nothing.
    let repair = async || append(&*log, vec![updated("m", 11, "repaired ")]).await;
    in_the_end(repair).await;
    for at in 11..20 {
        append(&*log, vec![appended("m", at, "new ")])
            .await
            .unwrap();
    }
    append(&*log, vec![appended("m", 20, "end")]).await.unwrap();
    seen.read_until(&mut reader, |text| text.ends_with("end"))
        .await;
    let expected = format!("repaired {}end", "new ".repeat(9));
    assert_eq!(seen.text(), expected);
    // At least one snapshot beside the first: records alone do not lead from one life to the other.
    assert!(seen.snapshots >= 2, "{}", seen.snapshots);
}

/// What a reader holds.
#[derive(Default)]
struct Seen {
    transcript: Transcript,
    snapshots: usize,
}

impl Seen {
    fn text(&self) -> String {
        let text = |node: &Node| node.message.content.text().into_owned();
        self.transcript.nodes().iter().map(text).collect()
    }

    async fn read_until(&mut self, reader: &mut Reader, is_it: impl Fn(&str) -> bool) {
        while !is_it(&self.text()) {
            match reader.next().await.unwrap().unwrap() {
                ReaderEvent::Snapshot { cursor, page } => {
                    self.snapshots += 1;
                    self.transcript = Transcript::from_page(cursor.seq, page);
                }
                ReaderEvent::Record { frame, .. } => {
                    self.transcript.apply(frame.record().unwrap()).unwrap();
                }
                ReaderEvent::Attached(_) | ReaderEvent::CaughtUp { .. } => {}
                ReaderEvent::Deleted => panic!("nobody deleted it"),
            }
        }
    }
}

#[tokio::test]
async fn a_redis_that_forgot_everything_begins_another_life() {
    let mut redis = RedisServer::start_unsafe();
    let log = on(&redis).await;
    let old = write_message(&log, "m", 5).await;
    redis.kill();
    redis.resume();
    let gone = loop {
        match log.bounds(&session()).await {
            Err(LogError::Store(_)) => tokio::time::sleep(Duration::from_millis(20)).await,
            answer => break answer,
        }
    };
    assert_eq!(gone, Err(LogError::NotFound));
    let new = write_message(&log, "m", 9).await;
    assert_ne!(new.epoch, old.epoch);
    assert_eq!(records(&log, old).await, []);
}

#[tokio::test]
async fn a_log_with_a_hole_is_an_error_and_never_a_shorter_log() {
    let redis = RedisServer::start();
    let log = on(&redis).await;
    let head = write_message(&log, "m", 9).await;
    let delete = format!("XDEL rejoin:s:a:session:log {}-5", head.epoch.0);
    assert_eq!(redis.command(&delete).as_deref(), Some(":1\r\n"));
    let read = async |seq| {
        let after = Cursor { seq, ..head };
        log.records(&session(), after, usize::MAX, usize::MAX).await
    };
    for seq in [0, 3, 4] {
        assert!(matches!(read(seq).await, Err(LogError::Store(_))), "{seq}");
    }
    assert_eq!(seqs(&read(5).await.unwrap()), [6, 7, 8, 9, 10]);
    // All of it, as an eviction does.
    redis.command("DEL rejoin:s:a:session:log");
    assert!(matches!(read(5).await, Err(LogError::Store(_))));
}

#[tokio::test]
async fn two_servers_share_sessions_and_tell_each_other() {
    let redis = RedisServer::start();
    let (one, two) = (on(&redis).await, on(&redis).await);
    let mut watch = two.watch(&session());
    let brief = Batch {
        lease: Duration::ZERO,
        ..batch("on one", vec![started("m"), appended("m", 0, "a")])
    };
    let head = one.append(&session(), brief).await.unwrap().head;
    watch.wait_for(|seq| *seq == head.seq).await.unwrap();
    assert_eq!(records(&two, Cursor { seq: 0, ..head }).await.len(), 2);

    // Nobody but its producer goes on with a message; whoever finds it orphaned ends it, once.
    let other = batch("on two", vec![appended("m", 1, "b")]);
    let fenced = two.append(&session(), other).await;
    assert_eq!(fenced, Err(LogError::Fenced("m".to_owned())));
    let orphan = Orphan {
        session: session(),
        id: "m".into(),
        producer: producer("on one"),
    };
    assert_eq!(two.orphans(9).await, Ok(vec![orphan.clone()]));
    let (first, second) = tokio::join!(
        one.abort(&orphan, lease_expired()),
        two.abort(&orphan, lease_expired())
    );
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!(first.head, second.head);
    assert_eq!(first.repeated + second.repeated, 1);

    watch.wait_for(|seq| *seq == 3).await.unwrap();
    one.delete(&session()).await.unwrap();
    watch.wait_for(|seq| *seq == 0).await.unwrap();
}

#[tokio::test]
async fn who_watches_is_told_without_the_subscription_too() {
    let redis = RedisServer::start();
    let (one, two) = (on(&redis).await, on(&redis).await);
    let mut watch = two.watch(&session());
    append(&one, vec![started("m")]).await.unwrap();
    watch.wait_for(|seq| *seq == 1).await.unwrap();
    // Subscriptions are cut off, and nobody may subscribe any more: what is left is looking now and then.
    redis.command("ACL SETUSER default -subscribe");
    redis.command("CLIENT KILL TYPE pubsub");
    append(&one, vec![complete("m")]).await.unwrap();
    watch.wait_for(|seq| *seq == 2).await.unwrap();
    // And heard again once that is over.
    redis.command("ACL SETUSER default +subscribe");
    append(&one, vec![started("n")]).await.unwrap();
    watch.wait_for(|seq| *seq == 3).await.unwrap();
}

#[tokio::test]
async fn a_redis_that_hangs_is_given_up_in_time_and_what_it_did_afterwards_counts_once() {
    let redis = RedisServer::start();
    let patient = on(&redis).await;
    let head = write_message(&patient, "m", 1).await;
    let brief = RedisConfig {
        timeout: Duration::from_millis(300),
        ..quick(&redis)
    };
    let log = in_the_end(async || RedisLog::connect(brief.clone()).await).await;
    redis.pause();
    let piece = || vec![appended("m", 1, "once")];
    for _ in 0..3 {
        let refused = append(&log, piece()).await;
        assert!(matches!(refused, Err(LogError::Store(_))), "{refused:?}");
    }
    redis.go_on();
    let stored = in_the_end(async || append(&log, piece()).await).await;
    assert_eq!(stored.head, Cursor { seq: 3, ..head });
    assert_eq!(seqs(&records(&patient, head).await), [3]);
}

#[tokio::test]
async fn a_full_redis_refuses_a_batch_whole() {
    let redis = RedisServer::start();
    let log = on(&redis).await;
    let head = write_message(&log, "m", 3).await;
    let before = log.messages(&session(), 99, 9).await.unwrap();
    redis.command("CONFIG SET maxmemory 1");
    let batch = || vec![appended("m", 3, "x"), complete("m"), started("n")];
    let refused = append(&log, batch()).await;
    assert!(matches!(refused, Err(LogError::Store(_))), "{refused:?}");
    assert_eq!(log.messages(&session(), 99, 9).await.unwrap(), before);
    redis.command("CONFIG SET maxmemory 0");
    let stored = append(&log, batch()).await.unwrap();
    assert_eq!(
        stored.head,
        Cursor {
            seq: head.seq + 3,
            ..head
        }
    );
}

#[tokio::test]
async fn servers_with_another_prefix_share_nothing() {
    let redis = RedisServer::start();
    let log = on(&redis).await;
    let other = RedisConfig {
        prefix: "staging".to_owned(),
        ..quick(&redis)
    };
    let other = RedisLog::connect(other).await.unwrap();
    write_message(&log, "m", 1).await;
    assert_eq!(other.bounds(&session()).await, Err(LogError::NotFound));
    assert_eq!(other.sessions().await, Ok(vec![]));
    write_message(&other, "m", 2).await;
    log.delete(&session()).await.unwrap();
    assert_eq!(other.bounds(&session()).await.unwrap().head, 3);
}

#[tokio::test]
async fn an_error_never_holds_the_address_or_what_was_sent() {
    let check = |result: Result<RedisLog, LogError>| {
        let error = result.err().unwrap().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    };
    let quickly = |url: &str| RedisConfig {
        timeout: Duration::from_millis(500),
        ..RedisConfig::new(url)
    };
    check(RedisLog::connect(quickly("redis://user:hunter2@127.0.0.1:1/0")).await);
    check(RedisLog::connect(quickly("hunter2")).await);
    let redis = RedisServer::start();
    let with_password = redis.url().replace("redis://", "redis://user:hunter2@");
    check(RedisLog::connect(quickly(&with_password)).await);

    let log = on(&redis).await;
    redis.command("ACL SETUSER default -eval -evalsha -script");
    let refused = append(&log, vec![appended("m", 0, "hunter2")]).await;
    let Err(LogError::Store(why)) = refused else {
        panic!("{refused:?}")
    };
    assert!(why.contains("NOPERM") && !why.contains("hunter2"), "{why}");
}
