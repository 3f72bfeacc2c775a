//! A seeded simulation of `rejoin-core` against models of the three measured servers, and of an odd one.
//!
//! One seed is one schedule: a server, an agent, a network, a page, a user, and everything that goes wrong between
//! them, on a virtual clock. Nothing in it reads a clock or a socket, so a seed that fails fails again:
//!
//! ```sh
//! REJOIN_SIM_SEED=42 cargo test -p rejoin-sim --test schedules -- --nocapture
//! ```
//!
//! What must hold is in `check.rs`, `posts.rs` and `pace.rs` (after every step), `settle.rs` and `compare.rs` (at rest).
//! What is modelled of the measured servers is in `server/`, as recorded in `tests/fixtures/wire`; what is odd about the
//! odd one in `server/odd.rs` and `proxy.rs`; what can go wrong in `plan.rs` and `network.rs`.

mod check;
mod compare;
mod happenings;
mod network;
mod pace;
mod page;
mod plan;
mod posts;
mod proxy;
mod queue;
mod report;
mod rng;
mod saved;
mod senders;
mod server;
mod settle;
mod storage;
mod tabs;
mod trace;
mod transit;
mod truth;
mod user;
mod world;

pub use network::Fault;
pub use report::Report;
pub use server::odd::{ODDITIES, pings};
pub use trace::Trace;

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Mutex,
};
use world::World;

/// Seeds from here on are schedules of the odd server; those before are of the servers that were measured.
pub const ODD_SEEDS: u64 = 1_000_000_000;

/// Runs one schedule.
///
/// # Errors
/// The invariant that did not hold, or the panic's words.
pub fn run_seed(seed: u64, trace: &Trace) -> Result<Report, String> {
    caught(|| {
        let mut world = World::new(seed, trace.clone());
        world.run().map(|()| world.report())
    })
}

/// Runs one schedule of tabs that share a connection.
///
/// # Errors
/// As [`run_seed`].
pub fn run_tabs(seed: u64, trace: &Trace) -> Result<Report, String> {
    caught(|| tabs::Tabs::new(seed, trace.clone()).run())
}

/// Runs one schedule of tabs that submit to one thread.
///
/// # Errors
/// As [`run_seed`].
pub fn run_senders(seed: u64, trace: &Trace) -> Result<Report, String> {
    caught(|| senders::Senders::new(seed, trace.clone()).run())
}

/// Runs many seeds on all cores, until `max` have failed. Returns what has happened, and the failures by their seeds. Schedules share
/// nothing, so which core runs one changes nothing in it.
pub fn run_all(
    seeds: impl Iterator<Item = u64> + Send,
    max: usize,
    run: impl Fn(u64) -> Result<Report, String> + Sync,
) -> (Report, BTreeMap<u64, String>) {
    let seeds = Mutex::new(seeds);
    let failures = Mutex::new(BTreeMap::new());
    let report = Mutex::new(Report::default());
    let work = || {
        let mut own = Report::default();
        // The lock is free again before the seed runs.
        let next = || seeds.lock().expect("no panic here").next();
        while let Some(seed) = next() {
            match run(seed) {
                Ok(counts) => own.add(&counts),
                Err(error) => {
                    failures.lock().expect("no panic here").insert(seed, error);
                }
            }
            if failures.lock().expect("no panic here").len() >= max {
                break;
            }
        }
        report.lock().expect("no panic here").add(&own);
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let failures = failures.into_inner().expect("no panic here");
    (report.into_inner().expect("no panic here"), failures)
}

fn caught<T>(run: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(result) => result,
        Err(panic) => {
            let words = panic.downcast_ref::<String>().cloned();
            let words =
                words.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            Err(format!("panicked: {}", words.unwrap_or_default()))
        }
    }
}

/// Runs a seed again, with its log.
pub fn explain(seed: u64) -> String {
    let trace = Trace::on();
    let result = run_seed(seed, &trace);
    let mut text = trace.lines().join("\n");
    text.push_str(&format!("\nseed {seed}: {result:?}\n"));
    text
}
