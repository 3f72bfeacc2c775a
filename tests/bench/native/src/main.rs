//! Does one work once: `rejoin-bench-native WORK`, for `valgrind --tool=callgrind`. `cargo xtask bench --instructions` calls it.

use std::{env, process::ExitCode};

use rejoin_bench_native::{decode, frames, measured, merge, read, stream, view};

/// As many as xtask divides by.
const TOKENS: usize = 1_000;

fn main() -> ExitCode {
    let work = env::args().nth(1).unwrap_or_default();
    let bytes = stream(TOKENS);
    match work.as_str() {
        "decode" => {
            measured(|| decode(&bytes));
        }
        "events" => {
            let frames = frames(&bytes);
            measured(|| read(frames));
        }
        "merge" => {
            let chunks = read(frames(&bytes));
            measured(|| merge(chunks));
        }
        "view" => {
            measured(|| view(&bytes));
        }
        _ => {
            eprintln!("no such work: {work:?}; there are decode, events, merge, view");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
