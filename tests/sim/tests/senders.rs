//! Tabs that submit to one thread, on many schedules. `REJOIN_SENDERS_SCHEDULES` says how many (default 2,000), `REJOIN_SENDERS_SEED` runs
//! one and prints its log.

#![allow(clippy::print_stdout)] // The log of one seed is what it is run for.

use rejoin_sim::{Trace, failures, run_senders};

const SCHEDULES: u64 = 2_000;
const FAILURES_MAX: usize = 5;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn each_submission_of_any_tab_is_sent_once() {
    if let Some(seed) = number("REJOIN_SENDERS_SEED") {
        let trace = Trace::on();
        let result = run_senders(seed, &trace);
        println!("{}", trace.lines().join("\n"));
        return result.expect("the seed's invariants hold");
    }
    let count = number("REJOIN_SENDERS_SCHEDULES").unwrap_or(SCHEDULES);
    let failures = failures(0..count, FAILURES_MAX, |seed| {
        run_senders(seed, &Trace::default())
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
