//! What every engine does: one suite, run against each.

#![allow(clippy::unwrap_used)]

mod engines;
mod redis_server;

use std::{collections::HashMap, sync::Arc, time::Duration};

use engines::{
    LONG, append, appended, batch, complete, ended, engines, lease_expired, node, origin, producer,
    records, removed, seqs, session, started, updated, write_message,
};
use rejoin_sessions::log::{Batch, LogError, Orphan, PIECES_MAX, SessionId, SessionLog};
use rejoin_wire::session::{Change, Cursor, EndStatus, Epoch};

/// Runs a test against every engine, each without a session.
async fn each(test: impl AsyncFn(Arc<dyn SessionLog>)) {
    for engine in engines().await {
        eprintln!("on {}", engine.name);
        test(Arc::clone(&engine.log)).await;
    }
}

#[tokio::test]
async fn records_are_numbered_without_a_hole_and_read_from_any_cursor() {
    each(async |log| {
        let head = write_message(&*log, "m", 300).await;
        assert_eq!(head.seq, 301);
        let origin = origin(&*log).await;
        let all = records(&*log, origin).await;
        assert_eq!(seqs(&all), (1..=301).collect::<Vec<_>>());
        assert_eq!(all[0].change, started("m"));
        assert_eq!(all[300].change, appended("m", 299, "299 "));
        for seq in [0, 1, 127, 128, 129, 255, 256, 300, 301] {
            let after = Cursor { seq, ..origin };
            assert_eq!(
                records(&*log, after).await,
                all[usize::try_from(seq).unwrap()..]
            );
        }
    })
    .await;
}

#[tokio::test]
async fn reading_stops_at_the_limit_and_once_the_records_are_long_enough() {
    each(async |log| {
        write_message(&*log, "m", 20).await;
        let origin = origin(&*log).await;
        let read = async |limit, bytes| {
            let read = log.records(&session(), origin, limit, bytes).await;
            read.unwrap().len()
        };
        assert_eq!(read(0, usize::MAX).await, 0);
        assert_eq!(read(7, usize::MAX).await, 7);
        // At least one, or a reader would never come past a long record.
        assert_eq!(read(usize::MAX, 0).await, 1);
        let bytes = log.bounds(&session()).await.unwrap().bytes;
        let half = read(usize::MAX, usize::try_from(bytes / 2).unwrap()).await;
        assert!((9..=12).contains(&half), "{half}");
    })
    .await;
}

#[tokio::test]
async fn a_cursor_that_the_log_cannot_go_on_from_is_answered_with_nothing() {
    each(async |log| {
        let head = write_message(&*log, "m", 3).await;
        let foreign = Cursor {
            epoch: Epoch(head.epoch.0 ^ 1),
            seq: 1,
        };
        let beyond = [head.seq, head.seq + 1, u64::MAX].map(|seq| Cursor { seq, ..head });
        for cursor in [foreign, beyond[0], beyond[1], beyond[2]] {
            assert_eq!(records(&*log, cursor).await, [], "{cursor}");
        }
        let unknown = SessionId::parse("another").unwrap();
        let refused = log.records(&unknown, head, 1, 1).await;
        assert_eq!(refused, Err(LogError::NotFound));
        assert_eq!(log.bounds(&unknown).await, Err(LogError::NotFound));
        assert_eq!(log.messages(&unknown, 9, 9).await, Err(LogError::NotFound));
        assert_eq!(log.streaming(&unknown).await, Err(LogError::NotFound));
        assert_eq!(log.trim(&unknown, head).await, Err(LogError::NotFound));
        assert_eq!(log.delete(&unknown).await, Err(LogError::NotFound));
    })
    .await;
}

#[tokio::test]
async fn what_is_sent_again_is_stored_once() {
    each(async |log| {
        let changes = vec![
            started("m"),
            appended("m", 0, "a"),
            appended("m", 1, "b"),
            complete("m"),
        ];
        let first = append(&*log, changes.clone()).await.unwrap();
        assert_eq!((first.head.seq, first.repeated), (4, 0));
        let again = append(&*log, changes).await.unwrap();
        assert_eq!((again.head, again.repeated), (first.head, 4));

        // Its beginning was stored, the rest was not.
        append(&*log, vec![started("n"), appended("n", 0, "a")])
            .await
            .unwrap();
        let rest = vec![appended("n", 0, "a"), appended("n", 1, "b"), complete("n")];
        let rest = append(&*log, rest).await.unwrap();
        assert_eq!((rest.head.seq, rest.repeated), (8, 1));
        assert_eq!(records(&*log, origin(&*log).await).await.len(), 8);
    })
    .await;
}

#[tokio::test]
async fn a_batch_is_refused_whole() {
    each(async |log| {
        append(&*log, vec![started("m"), appended("m", 0, "a")])
            .await
            .unwrap();
        append(&*log, vec![started("over"), complete("over")])
            .await
            .unwrap();
        let before = log.bounds(&session()).await.unwrap();
        let refuse = async |by: &str, change: Change, expect: LogError| {
            let fine = vec![started("new"), appended("m", 1, "b"), removed("over")];
            let whole = [if by == "a" { fine } else { vec![] }, vec![change]].concat();
            let refused = log.append(&session(), batch(by, whole)).await;
            assert_eq!(refused, Err(expect));
            assert_eq!(log.bounds(&session()).await.unwrap(), before);
        };
        let m = || "m".to_owned();
        let gap = |expected| LogError::PieceGap { id: m(), expected };
        refuse("a", appended("m", 3, "d"), gap(2)).await;
        refuse("a", updated("m", PIECES_MAX + 1, ""), gap(2)).await;
        refuse("a", updated("m", u64::MAX, ""), gap(2)).await;
        refuse("b", appended("m", 1, "b"), LogError::Fenced(m())).await;
        refuse("b", complete("m"), LogError::Fenced(m())).await;
        refuse("b", updated("m", 5, ""), LogError::Fenced(m())).await;
        refuse("b", started("m"), LogError::MessageExists(m())).await;
        let x = || "x".to_owned();
        refuse("a", appended("x", 0, ""), LogError::MessageNotFound(x())).await;
        refuse("a", complete("x"), LogError::MessageNotFound(x())).await;
        let over = || LogError::MessageEnded("over".to_owned());
        refuse(
            "b",
            appended("over", 0, ""),
            LogError::Fenced("over".to_owned()),
        )
        .await;
        // Above, the batch itself had taken it away.
        let late = append(&*log, vec![appended("over", 0, "")]).await;
        assert_eq!(late, Err(over()));
        let other_end = append(&*log, vec![ended("over", EndStatus::Cancelled)]).await;
        assert_eq!(other_end, Err(over()));
    })
    .await;
}

#[tokio::test]
async fn a_batch_without_anything_new_makes_no_session() {
    each(async |log| {
        for changes in [vec![], vec![removed("m")]] {
            assert_eq!(append(&*log, changes).await, Err(LogError::NotFound));
        }
        let unknown = LogError::MessageNotFound("m".to_owned());
        assert_eq!(append(&*log, vec![complete("m")]).await, Err(unknown));
        assert_eq!(log.sessions().await, Ok(vec![]));
        assert_eq!(log.bounds(&session()).await, Err(LogError::NotFound));
    })
    .await;
}

#[tokio::test]
async fn a_message_is_repaired_by_an_update_and_goes_on_from_there() {
    each(async |log| {
        append(&*log, vec![started("m"), appended("m", 0, "a")])
            .await
            .unwrap();
        // The append at 1 is of unknown fate: the update stands for it, too.
        append(&*log, vec![updated("m", 3, "a b c")]).await.unwrap();
        let late = append(&*log, vec![appended("m", 1, " b")]).await.unwrap();
        assert_eq!((late.head.seq, late.repeated), (3, 1));
        append(&*log, vec![appended("m", 3, " d"), complete("m")])
            .await
            .unwrap();
        // Anybody may say it anew once it is over.
        let edit = batch("b", vec![updated("m", 5, "a b c d e")]);
        let edited = log.append(&session(), edit.clone()).await.unwrap();
        let again = log.append(&session(), edit).await.unwrap();
        assert_eq!((edited.head.seq, edited.repeated), (6, 0));
        assert_eq!((again.head.seq, again.repeated), (6, 1));
        let head = log.messages(&session(), 99, 9).await.unwrap().remove(0);
        assert_eq!((head.pieces, head.changed), (5, 6));
        assert_eq!(
            (head.producer, head.ended),
            (producer("a"), Some(EndStatus::Complete))
        );
    })
    .await;
}

#[tokio::test]
async fn messages_come_newest_first_without_those_that_were_removed() {
    each(async |log| {
        for id in ["m1", "m2", "m3", "m4", "m5"] {
            append(&*log, vec![started(id)]).await.unwrap();
        }
        append(&*log, vec![removed("m2"), complete("m3"), removed("m4")])
            .await
            .unwrap();
        append(&*log, vec![started("m4")]).await.unwrap();
        let ids = async |before, limit| {
            let heads = log.messages(&session(), before, limit).await.unwrap();
            heads
                .iter()
                .map(|head| head.id.to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(ids(u64::MAX, 9).await, ["m4", "m5", "m3", "m1"]);
        assert_eq!(ids(5, 2).await, ["m3", "m1"]);
        assert_eq!(ids(5, 1).await, ["m3"]);
        assert_eq!(ids(1, 9).await, [""; 0]);
        assert_eq!(ids(u64::MAX, 0).await, [""; 0]);
        let open = log.streaming(&session()).await.unwrap();
        let open: Vec<_> = open
            .iter()
            .map(|head| (head.id.as_str(), head.position))
            .collect();
        assert_eq!(open, [("m1", 1), ("m5", 5), ("m4", 9)]);
    })
    .await;
}

#[tokio::test]
async fn a_message_is_aborted_once_its_lease_is_over_and_only_then() {
    each(async |log| {
        let orphan = |id: &str, by: &str| Orphan {
            session: session(),
            id: id.into(),
            producer: producer(by),
        };
        append(
            &*log,
            vec![started("mine"), started("done"), complete("done")],
        )
        .await
        .unwrap();
        let brief = Batch {
            lease: Duration::ZERO,
            ..batch("gone", vec![started("lost"), appended("lost", 0, "a")])
        };
        log.append(&session(), brief.clone()).await.unwrap();

        assert_eq!(log.orphans(9).await, Ok(vec![orphan("lost", "gone")]));
        let fenced = |id: &str| Err(LogError::Fenced(id.to_owned()));
        let abort = async |orphan: &Orphan| log.abort(orphan, lease_expired()).await;
        assert_eq!(abort(&orphan("mine", "a")).await, fenced("mine"));
        assert_eq!(abort(&orphan("lost", "a")).await, fenced("lost"));
        assert_eq!(abort(&orphan("mine", "gone")).await, fenced("mine"));

        // It was heard of meanwhile.
        let renewed = log.append(&session(), batch("gone", vec![])).await.unwrap();
        assert_eq!((renewed.head.seq, renewed.repeated), (5, 0));
        assert_eq!(log.orphans(9).await, Ok(vec![]));
        assert_eq!(abort(&orphan("lost", "gone")).await, fenced("lost"));

        log.append(
            &session(),
            Batch {
                changes: vec![],
                ..brief
            },
        )
        .await
        .unwrap();
        let first = abort(&orphan("lost", "gone")).await.unwrap();
        let second = abort(&orphan("lost", "gone")).await.unwrap();
        assert_eq!((first.head.seq, first.repeated), (6, 0));
        assert_eq!((second.head.seq, second.repeated), (6, 1));
        assert_eq!(log.orphans(9).await, Ok(vec![]));
        let head = log.messages(&session(), 99, 1).await.unwrap().remove(0);
        assert_eq!(head.ended, Some(lease_expired()));

        // The producer was only slow: it is told.
        let late = batch("gone", vec![appended("lost", 1, "b")]);
        let late = log.append(&session(), late).await;
        assert_eq!(late, Err(LogError::MessageEnded("lost".to_owned())));
        let nobody = abort(&orphan("nobody", "a")).await;
        assert_eq!(nobody, Err(LogError::MessageNotFound("nobody".to_owned())));
    })
    .await;
}

#[tokio::test]
async fn orphans_of_every_session_are_found_up_to_the_limit() {
    each(async |log| {
        for number in 0..5 {
            let session = SessionId::parse(&format!("s{number}")).unwrap();
            let begun = Batch {
                lease: Duration::ZERO,
                ..batch("gone", vec![started("m1"), started("m2")])
            };
            log.append(&session, begun).await.unwrap();
        }
        assert_eq!(log.orphans(3).await.unwrap().len(), 3);
        let all = log.orphans(99).await.unwrap();
        assert_eq!(all.len(), 10);
        for orphan in &all {
            log.abort(orphan, lease_expired()).await.unwrap();
        }
        assert_eq!(log.orphans(99).await, Ok(vec![]));
    })
    .await;
}

#[tokio::test]
async fn a_trimmed_log_says_so_and_keeps_its_messages() {
    each(async |log| {
        let head = write_message(&*log, "m", 9).await;
        let before = log.bounds(&session()).await.unwrap();
        let sum = node("m", 1, 10, "0 1 2 3 4 5 6 7 8 ");
        log.compact(&session(), head.epoch, vec![sum.clone()])
            .await
            .unwrap();
        let through = Cursor { seq: 4, ..head };
        log.trim(&session(), through).await.unwrap();
        // Once more, and less.
        log.trim(&session(), through).await.unwrap();
        log.trim(&session(), Cursor { seq: 2, ..head })
            .await
            .unwrap();

        let bounds = log.bounds(&session()).await.unwrap();
        assert_eq!((bounds.first, bounds.head), (5, 10));
        assert!(bounds.bytes < before.bytes);
        for seq in 0..4 {
            assert_eq!(records(&*log, Cursor { seq, ..head }).await, [], "{seq}");
        }
        assert_eq!(seqs(&records(&*log, through).await), [5, 6, 7, 8, 9, 10]);
        let kept = log.messages(&session(), 99, 9).await.unwrap();
        assert_eq!((kept[0].position, kept[0].node.as_ref()), (1, Some(&sum)));

        let all = Cursor {
            seq: u64::MAX,
            ..head
        };
        assert_eq!(log.sessions().await, Ok(vec![session()]));
        log.trim(&session(), all).await.unwrap();
        let bounds = log.bounds(&session()).await.unwrap();
        assert_eq!((bounds.first, bounds.head, bounds.bytes), (11, 10, 0));
        assert_eq!(log.sessions().await, Ok(vec![]));
        let next = append(&*log, vec![appended("m", 9, "9")]).await.unwrap();
        assert_eq!(next.head, Cursor { seq: 11, ..head });
        assert_eq!(seqs(&records(&*log, head).await), [11]);
    })
    .await;
}

#[tokio::test]
async fn a_long_log_is_trimmed_to_the_record() {
    each(async |log| {
        let pieces = |from: u64| {
            (from..from + 500)
                .map(|at| appended("m", at, "x"))
                .collect()
        };
        append(&*log, vec![started("m")]).await.unwrap();
        for from in (0..3000).step_by(500) {
            append(&*log, pieces(from)).await.unwrap();
        }
        let origin = origin(&*log).await;
        log.trim(
            &session(),
            Cursor {
                seq: 2345,
                ..origin
            },
        )
        .await
        .unwrap();
        let bounds = log.bounds(&session()).await.unwrap();
        assert_eq!((bounds.first, bounds.head), (2346, 3001));
        let rest = records(
            &*log,
            Cursor {
                seq: 2345,
                ..origin
            },
        )
        .await;
        assert_eq!(seqs(&rest), (2346..=3001).collect::<Vec<_>>());
        let bytes: usize = rest
            .iter()
            .map(|record| rejoin_wire::json::ToJson::to_json(&record.change).len())
            .sum();
        assert_eq!(bounds.bytes, bytes as u64);
    })
    .await;
}

#[tokio::test]
async fn of_two_sums_of_a_message_the_later_one_is_kept() {
    each(async |log| {
        let head = write_message(&*log, "m", 5).await;
        append(&*log, vec![started("gone"), removed("gone")])
            .await
            .unwrap();
        let compact = async |epoch, node| {
            log.compact(&session(), epoch, vec![node]).await.unwrap();
            let heads = log.messages(&session(), 99, 9).await.unwrap();
            assert_eq!(heads.len(), 1);
            heads[0].node.as_ref().map(|node| node.changed)
        };
        let other = Epoch(head.epoch.0 ^ 1);
        assert_eq!(compact(other, node("m", 1, 2, "other life")).await, None);
        assert_eq!(
            compact(head.epoch, node("m", 2, 4, "other message")).await,
            None
        );
        assert_eq!(compact(head.epoch, node("gone", 7, 7, "")).await, None);
        assert_eq!(compact(head.epoch, node("m", 1, 4, "later")).await, Some(4));
        assert_eq!(
            compact(head.epoch, node("m", 1, 3, "earlier")).await,
            Some(4)
        );
        assert_eq!(
            compact(head.epoch, node("m", 1, 12, "latest")).await,
            Some(12)
        );
        // One that is begun anew has nothing of the one before.
        append(&*log, vec![removed("m"), started("m")])
            .await
            .unwrap();
        let heads = log.messages(&session(), 99, 9).await.unwrap();
        assert_eq!((heads[0].position, &heads[0].node), (10, &None));
    })
    .await;
}

#[tokio::test]
async fn a_session_that_was_deleted_lives_on_as_another() {
    each(async |log| {
        let brief = Batch {
            lease: Duration::ZERO,
            ..batch("gone", vec![started("lost")])
        };
        log.append(&session(), brief).await.unwrap();
        let old = write_message(&*log, "m", 5).await;
        log.compact(&session(), old.epoch, vec![node("m", 2, 7, "")])
            .await
            .unwrap();
        let mut watch = log.watch(&session());
        log.delete(&session()).await.unwrap();
        watch.changed().await.unwrap();
        assert_eq!(log.bounds(&session()).await, Err(LogError::NotFound));
        assert_eq!(log.orphans(9).await, Ok(vec![]));
        assert_eq!(log.sessions().await, Ok(vec![]));

        let new = write_message(&*log, "m", 1).await;
        assert_ne!(new.epoch, old.epoch);
        assert_eq!(new.seq, 2);
        assert_eq!(records(&*log, Cursor { seq: 0, ..old }).await, []);
        // What was meant for the old life does nothing to the new one.
        log.trim(&session(), Cursor { seq: 2, ..old })
            .await
            .unwrap();
        let sum = node("m", 1, 2, "old");
        log.compact(&session(), old.epoch, vec![sum]).await.unwrap();
        assert_eq!(records(&*log, Cursor { seq: 0, ..new }).await.len(), 2);
        let heads = log.messages(&session(), 99, 9).await.unwrap();
        assert_eq!((heads.len(), &heads[0].node), (1, &None));
    })
    .await;
}

#[tokio::test]
async fn who_watches_is_told_of_every_change_after_subscribing() {
    each(async |log| {
        let mut early = log.watch(&session());
        for at in 0..20 {
            let changes = match at {
                0 => vec![started("m")],
                at => vec![appended("m", at - 1, "x")],
            };
            let head = append(&*log, changes).await.unwrap().head;
            tokio::time::timeout(LONG, early.wait_for(|seq| *seq == head.seq))
                .await
                .unwrap()
                .unwrap();
        }
        drop(early);
        let mut late = log.watch(&session());
        assert!(!late.has_changed().unwrap());
        append(&*log, vec![complete("m")]).await.unwrap();
        late.changed().await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_writers_at_once_make_one_log_without_a_hole() {
    const WRITERS: u64 = 24;
    const PIECES: u64 = 40;
    each(async |log| {
        let write = |writer: u64| {
            let log = Arc::clone(&log);
            async move {
                let (id, by) = (format!("m{writer}"), format!("p{writer}"));
                let mut ends = Vec::new();
                let mut changes = vec![started(&id)];
                for at in 0..PIECES {
                    changes.push(appended(&id, at, &format!("{at} ")));
                    let appended = log.append(&session(), batch(&by, changes)).await.unwrap();
                    ends.push(appended.head.seq);
                    changes = Vec::new();
                }
                ends
            }
        };
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| tokio::spawn(write(writer)))
            .collect();
        let mut ends = Vec::new();
        for writer in writers {
            ends.extend(writer.await.unwrap());
        }
        let origin = origin(&*log).await;
        let all = records(&*log, origin).await;
        assert_eq!(seqs(&all), (1..=WRITERS * (PIECES + 1)).collect::<Vec<_>>());
        // The end that each was told is its own record.
        ends.sort_unstable();
        ends.dedup();
        assert_eq!(ends.len() as u64, WRITERS * PIECES);
        let mut next = HashMap::new();
        for record in all {
            if let Change::Appended { id, at, .. } = record.change {
                let next = next.entry(id).or_insert(0);
                assert_eq!(at, *next);
                *next += 1;
            }
        }
        assert!(next.values().all(|count| *count == PIECES));
    })
    .await;
}
