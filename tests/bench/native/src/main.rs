//! Does one work once: `rejoin-bench-native WORK`, for `valgrind --tool=callgrind`. `cargo xtask bench --instructions` calls it.
//! It fails where the work has not done all of it.

use std::{env, process::ExitCode};

use rejoin_bench_native::{answer, decode, frames, measured, merge, read, stream, view};

/// As many as the counts are of.
const TOKENS: usize = 1_000;

fn main() -> ExitCode {
    let work = env::args().nth(1).unwrap_or_default();
    let bytes = stream(TOKENS);
    match work.as_str() {
        // The run's metadata come first.
        "decode" => assert_eq!(measured(|| decode(&bytes)), TOKENS + 1),
        "events" => {
            let frames = frames(&bytes);
            assert_eq!(measured(|| read(frames)).len(), TOKENS);
        }
        "merge" => {
            let chunks = read(frames(&bytes));
            assert_eq!(measured(|| merge(chunks)).content.text(), answer(TOKENS));
        }
        "view" => assert_eq!(measured(|| view(&bytes)), answer(TOKENS)),
        _ => {
            eprintln!("no such work: {work:?}; there are decode, events, merge, view");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
