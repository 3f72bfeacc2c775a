//! Whatever is done to it, every engine answers and holds what the model of a log does: a list, and `admit`.

#![allow(clippy::unwrap_used)]

mod engines;
mod redis_server;

use std::time::Duration;

use engines::{
    LONG, appended, ended, engines, lease_expired,
    model::{Answer, Life, Model},
    node, producer, removed, started, updated,
};
use proptest::{
    collection::vec,
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};
use rejoin_sessions::log::{Appended, Batch, LogError, Orphan, SessionId, SessionLog};
use rejoin_wire::session::{Change, Cursor, EndStatus, Epoch, Node};

/// What is done to a session.
#[derive(Debug, Clone)]
enum Step {
    Append(Batch),
    Abort(&'static str, &'static str, EndStatus),
    Compact(Box<Node>),
    Trim(u64),
    Delete,
}

const IDS: [&str; 3] = ["m1", "m/2", "\u{1f600} \"3\"\n"];
const PRODUCERS: [&str; 3] = ["a", "b two", "c\n{\"x\":1}"];

fn id() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(&IDS)
}

fn by() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(&PRODUCERS)
}

fn status() -> impl Strategy<Value = EndStatus> {
    prop_oneof![
        Just(EndStatus::Complete),
        Just(EndStatus::Cancelled),
        Just(lease_expired()),
        Just(EndStatus::Aborted {
            reason: "agent \\ failed".to_owned()
        }),
    ]
}

/// Mostly what follows: refusals end a batch early.
fn at() -> impl Strategy<Value = u64> {
    prop_oneof![
        12 => 0..4_u64,
        1 => prop_oneof![Just(1 << 32), Just((1 << 48) - 1), Just(1 << 48), Just(u64::MAX)],
    ]
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => id().prop_map(started),
        8 => (id(), at(), ".{0,4}").prop_map(|(id, at, text)| appended(id, at, &text)),
        3 => (id(), at(), ".{0,4}").prop_map(|(id, at, text)| updated(id, at, &text)),
        3 => (id(), status()).prop_map(|(id, status)| ended(id, status)),
        1 => id().prop_map(removed),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let lease = prop_oneof![4 => Just(LONG), 1 => Just(Duration::ZERO)];
    let append = (by(), vec(change(), 0..4), lease).prop_map(|(by, changes, lease)| {
        Step::Append(Batch {
            producer: producer(by),
            changes,
            lease,
        })
    });
    prop_oneof![
        16 => append,
        3 => (id(), by(), status()).prop_map(|(id, by, status)| Step::Abort(id, by, status)),
        3 => (id(), 1..9_u64, 1..20_u64, ".{0,4}")
            .prop_map(|(id, position, changed, text)| Step::Compact(Box::new(node(id, position, changed, &text)))),
        2 => prop_oneof![0..12_u64, Just(u64::MAX)].prop_map(Step::Trim),
        1 => Just(Step::Delete),
    ]
}

/// A batch whose `at`s follow, so that long messages come to be: what a producer does that nothing happens to.
fn follow(model: &Model, step: Step) -> Step {
    let Step::Append(mut batch) = step else {
        return step;
    };
    let (mut after, by) = (model.clone(), batch.producer.clone());
    let alone = |change: &Change| Batch {
        producer: by.clone(),
        changes: vec![change.clone()],
        lease: LONG,
    };
    for change in &mut batch.changes {
        if let Err(LogError::PieceGap { expected, .. }) = after.append(&alone(change))
            && let Change::Appended { at, .. } = change
        {
            *at = expected;
        }
        let _ = after.append(&alone(change));
    }
    Step::Append(batch)
}

async fn act(log: &dyn SessionLog, session: &SessionId, epoch: Epoch, step: &Step) -> Answer {
    let answer = |appended: Appended| (appended.head.seq, appended.repeated);
    match step {
        Step::Append(batch) => log.append(session, batch.clone()).await.map(answer),
        Step::Abort(id, by, status) => {
            let orphan = Orphan {
                session: session.clone(),
                id: (*id).into(),
                producer: producer(by),
            };
            log.abort(&orphan, status.clone()).await.map(answer)
        }
        Step::Compact(node) => {
            let compacted = log.compact(session, epoch, vec![Node::clone(node)]).await;
            compacted.map(|()| (0, 0))
        }
        Step::Trim(seq) => {
            let through = Cursor { epoch, seq: *seq };
            log.trim(session, through).await.map(|()| (0, 0))
        }
        Step::Delete => log.delete(session).await.map(|()| (0, 0)),
    }
}

fn expect(model: &mut Model, step: &Step) -> Answer {
    match step {
        Step::Append(batch) => model.append(batch),
        Step::Abort(id, by, status) => model.abort(&(*id).into(), &producer(by), status),
        Step::Compact(node) => model.compact(node).map(|()| (0, 0)),
        Step::Trim(seq) => model.trim(*seq).map(|()| (0, 0)),
        Step::Delete => model.delete().map(|()| (0, 0)),
    }
}

/// Everything that can be read is what the model holds. Answers the epoch.
async fn compare(log: &dyn SessionLog, session: &SessionId, life: Option<&Life>) -> Epoch {
    let bounds = log.bounds(session).await;
    let Some(life) = life else {
        assert_eq!(bounds, Err(LogError::NotFound));
        return Epoch(0);
    };
    let bounds = bounds.unwrap();
    assert_eq!((bounds.first, bounds.head), (life.trimmed + 1, life.head()));
    let kept = &life.changes[usize::try_from(life.trimmed).unwrap()..];
    let bytes = kept
        .iter()
        .map(|change| rejoin_wire::json::ToJson::to_json(change).len());
    assert_eq!(bounds.bytes, bytes.sum::<usize>() as u64);
    let after = Cursor {
        epoch: bounds.epoch,
        seq: life.trimmed,
    };
    let records = log
        .records(session, after, usize::MAX, usize::MAX)
        .await
        .unwrap();
    let seqs: Vec<u64> = records.iter().map(|record| record.seq).collect();
    assert_eq!(seqs, (bounds.first..=bounds.head).collect::<Vec<_>>());
    let changes: Vec<Change> = records.into_iter().map(|record| record.change).collect();
    assert_eq!(changes, kept);

    let order = life.order();
    let newest_first: Vec<_> = order.iter().rev().cloned().collect();
    let messages = log.messages(session, u64::MAX, usize::MAX).await.unwrap();
    assert_eq!(messages, newest_first);
    let open: Vec<_> = order
        .into_iter()
        .filter(|head| head.ended.is_none())
        .collect();
    assert_eq!(log.streaming(session).await.unwrap(), open);
    let mut orphans: Vec<_> = open
        .iter()
        .filter(|head| life.leases[&head.producer.0])
        .map(|head| head.id.to_string())
        .collect();
    orphans.sort();
    let found = log.orphans(usize::MAX).await.unwrap();
    let of_session = found
        .into_iter()
        .filter(|orphan| orphan.session == *session);
    let mut found: Vec<_> = of_session.map(|orphan| orphan.id.to_string()).collect();
    found.sort();
    assert_eq!(found, orphans);
    bounds.epoch
}

#[tokio::test]
async fn every_engine_does_what_the_model_does() {
    const CASES: usize = 40;
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        proptest::test_runner::TestRng::deterministic_rng(
            proptest::test_runner::RngAlgorithm::ChaCha,
        ),
    );
    let engines = engines().await;
    for case in 0..CASES {
        let session = SessionId::parse(&format!("case:{case}")).unwrap();
        let steps = vec(step(), 1..40).new_tree(&mut runner).unwrap().current();
        let mut model = Model::default();
        let mut epochs = vec![Epoch(0); engines.len()];
        for step in steps {
            let step = follow(&model, step);
            let was_there = model.life.is_some();
            let expected = expect(&mut model, &step);
            for (engine, epoch) in engines.iter().zip(&mut epochs) {
                eprintln!("case {case}, {}: {step:?}", engine.name);
                let answer = act(&*engine.log, &session, *epoch, &step).await;
                assert_eq!(answer, expected);
                let now = compare(&*engine.log, &session, model.life.as_ref()).await;
                assert!(!was_there || model.life.is_none() || now == *epoch);
                *epoch = now;
            }
        }
    }
}
