//! Tabs that share a connection, on many schedules. `REJOIN_TABS_SCHEDULES` says how many (default 300), `REJOIN_TABS_SEED` runs one
//! and prints its log.

#![allow(clippy::print_stdout)] // The log of one seed is what it is run for.

use rejoin_sim::{Trace, failures, run_tabs};

const SCHEDULES: u64 = 300;
/// Schedules that have found something: a tab that caught up over a dead connection took each unanswered question for a sign of life.
const FOUND: [u64; 2] = [13_176, 17_311];
const FAILURES_MAX: usize = 5;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn tabs_share_one_connection_and_none_has_a_gap() {
    if let Some(seed) = number("REJOIN_TABS_SEED") {
        let trace = Trace::on();
        let result = run_tabs(seed, &trace);
        println!("{}", trace.lines().join("\n"));
        return result.expect("the seed's invariants hold");
    }
    let count = number("REJOIN_TABS_SCHEDULES").unwrap_or(SCHEDULES);
    let failures = failures((0..count).chain(FOUND), FAILURES_MAX, |seed| {
        run_tabs(seed, &Trace::default())
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
