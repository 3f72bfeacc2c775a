//! What only the embedded engine has to prove: what it acknowledged is there after a crash.

#![allow(clippy::unwrap_used)]

mod engines;
mod redis_server;

use std::{fs, path::Path, time::Duration};

use engines::{
    append, appended, batch, node, origin, producer, records, seqs, session, started, write_message,
};
use rejoin_sessions::{
    log::{Batch, LogError, SessionLog as _},
    redb::RedbLog,
};
use tempfile::TempDir;

/// Opens the database once whoever had it is done with it.
async fn reopen(directory: &Path) -> RedbLog {
    loop {
        match RedbLog::open(directory) {
            Ok(log) => return log,
            Err(LogError::Store(why)) if why.contains("open") => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn every_acknowledged_record_is_there_after_a_crash_at_any_time() {
    let directory = TempDir::new().unwrap();
    let log = RedbLog::open(directory.path()).unwrap();
    append(&log, vec![started("m")]).await.unwrap();
    for at in 0..40 {
        let head = append(&log, vec![appended("m", at, "x")])
            .await
            .unwrap()
            .head;
        if at % 8 != 0 {
            continue;
        }
        // The file as it is on the disk at this moment, while the database is open: what a killed process leaves.
        let left = TempDir::new().unwrap();
        let file = "sessions.redb";
        fs::copy(directory.path().join(file), left.path().join(file)).unwrap();
        let after = RedbLog::open(left.path()).unwrap();
        let found = records(&after, origin(&after).await).await;
        assert_eq!(seqs(&found), (1..=head.seq).collect::<Vec<_>>());
        assert_eq!(after.bounds(&session()).await, log.bounds(&session()).await);
        // And it goes on, in the same life.
        let next = append(&after, vec![appended("m", at + 1, "y")])
            .await
            .unwrap();
        assert_eq!(next.head.epoch, head.epoch);
        assert_eq!(next.head.seq, head.seq + 1);
    }
}

#[tokio::test]
async fn a_database_that_was_dropped_is_read_as_it_was() {
    let directory = TempDir::new().unwrap();
    let log = RedbLog::open(directory.path()).unwrap();
    let head = write_message(&log, "m", 9).await;
    log.compact(&session(), head.epoch, vec![node("m", 1, 10, "sum")])
        .await
        .unwrap();
    log.trim(&session(), rejoin_wire::session::Cursor { seq: 5, ..head })
        .await
        .unwrap();
    let before = (
        log.bounds(&session()).await,
        log.messages(&session(), 99, 9).await,
        log.streaming(&session()).await,
    );
    drop(log);
    let log = reopen(directory.path()).await;
    let after = (
        log.bounds(&session()).await,
        log.messages(&session(), 99, 9).await,
        log.streaming(&session()).await,
    );
    assert_eq!(after, before);
}

#[tokio::test]
async fn leases_begin_anew_after_a_restart() {
    let directory = TempDir::new().unwrap();
    let log = RedbLog::open(directory.path()).unwrap();
    append(&log, vec![started("held")]).await.unwrap();
    let brief = Batch {
        lease: Duration::ZERO,
        ..batch("gone", vec![started("lost")])
    };
    log.append(&session(), brief).await.unwrap();
    // Renewed for long: what counts after a restart is what was asked for when the message began.
    log.append(&session(), batch("gone", vec![])).await.unwrap();
    assert_eq!(log.orphans(9).await, Ok(vec![]));
    drop(log);
    let log = reopen(directory.path()).await;
    let orphans = log.orphans(9).await.unwrap();
    assert_eq!(orphans.len(), 1);
    assert_eq!(
        (orphans[0].id.as_str(), &orphans[0].producer),
        ("lost", &producer("gone"))
    );
}

#[tokio::test]
async fn a_database_has_one_process_at_a_time() {
    let directory = TempDir::new().unwrap();
    let log = RedbLog::open(directory.path()).unwrap();
    let second = RedbLog::open(directory.path()).map(drop);
    assert!(matches!(second, Err(LogError::Store(_))), "{second:?}");
    append(&log, vec![started("m")]).await.unwrap();
}
