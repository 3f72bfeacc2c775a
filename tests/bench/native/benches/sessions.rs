//! The server's side, one token a batch: `cargo bench -p rejoin-bench-native --bench sessions`.

use std::{sync::Arc, time::Duration};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use rejoin_sessions::{
    SessionLimits, Sessions,
    log::{Batch, ProducerId, SessionId, SessionLog},
    memory::MemoryLog,
    redb::RedbLog,
};
use rejoin_wire::{
    message::{Content, Message, MessageKind},
    session::Change,
};
use tempfile::TempDir;

/// So many pieces are appended to one message.
const PIECES: u64 = 500;
const LEASE: Duration = Duration::from_secs(60);

fn message(text: &str) -> Message {
    Message {
        id: Some("m".into()),
        kind: MessageKind::Ai,
        content: Content::Text(text.to_owned()),
        ..Message::default()
    }
}

fn batch(change: Change) -> Batch {
    Batch {
        producer: ProducerId("bench".to_owned()),
        changes: vec![change],
        lease: LEASE,
    }
}

async fn append(log: Arc<dyn SessionLog>) {
    let sessions = Sessions::new(log, SessionLimits::default());
    let session = SessionId::parse("bench").expect("a name");
    let started = Change::Started {
        message: message(""),
        run_id: None,
    };
    let publish = |change| sessions.publish(&session, batch(change));
    publish(started).await.expect("the log takes it");
    for at in 0..PIECES {
        let chunk = message("token ");
        let id = "m".into();
        publish(Change::Appended { id, at, chunk })
            .await
            .expect("the log takes it");
    }
}

fn sessions(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    let mut group = criterion.benchmark_group("sessions");
    group.throughput(Throughput::Elements(PIECES));
    group.sample_size(10);
    group.bench_function("append: in memory", |bench| {
        bench.iter_batched(
            || Arc::new(MemoryLog::new()),
            |log| runtime.block_on(append(log)),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("append: redb on the disk", |bench| {
        bench.iter_batched(
            || TempDir::new().expect("a folder"),
            |folder| {
                let log = RedbLog::open(folder.path()).expect("an empty folder");
                runtime.block_on(append(Arc::new(log)));
                folder
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, sessions);
criterion_main!(benches);
