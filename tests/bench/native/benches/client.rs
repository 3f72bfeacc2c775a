//! The client's side of a stream, MB/s on one core: `cargo bench -p rejoin-bench-native --bench client`.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use rejoin_bench_native::{decode, frames, merge, read, stream, view};

/// 5 MB.
const TOKENS: usize = 5_000;

fn client(criterion: &mut Criterion) {
    let bytes = stream(TOKENS);
    let framed = frames(&bytes);
    let chunks = read(framed.clone());
    let mut group = criterion.benchmark_group("client");
    group.throughput(Throughput::BytesDecimal(bytes.len() as u64));
    group.sample_size(20);
    group.bench_function("decode: bytes to frames", |bench| {
        bench.iter(|| decode(&bytes));
    });
    group.bench_function("events: frames to messages", |bench| {
        bench.iter_batched(|| framed.clone(), read, BatchSize::LargeInput);
    });
    group.bench_function("merge: chunks to one message", |bench| {
        bench.iter_batched(|| chunks.clone(), merge, BatchSize::LargeInput);
    });
    group.bench_function("view: bytes to what is shown", |bench| {
        bench.iter(|| view(&bytes));
    });
    group.finish();
}

criterion_group!(benches, client);
criterion_main!(benches);
