//! Tabs that share a connection, on many schedules. `REJOIN_TABS_SCHEDULES` says how many (default 300), `REJOIN_TABS_SEED` runs one
//! and prints its log.

#![allow(clippy::print_stdout)] // The log of one seed, and the counts of many, are what they are run for.

use rejoin_sim::{Trace, run_all, run_tabs};

const SCHEDULES: u64 = 300;
/// Schedules that have found something: a tab that caught up over a dead connection took each unanswered question for a sign of life.
const FOUND: [u64; 2] = [13_176, 17_311];
const FAILURES_MAX: usize = 5;
/// A run of as many as usual meets each of them.
const HAPPENINGS: [&str; 17] = [
    "a run",
    "a feed",
    "a tab is closed",
    "a tab is opened again",
    "a tab is frozen, and told",
    "a tab is frozen, and not told",
    "a tab is thawed",
    "a connection breaks",
    "a connection goes dead",
    "a person stops and joins again",
    "a client gives its stream up",
    "a message is lost",
    "a join is refused",
    "the lock is stolen",
    "a tab leads that did not",
    "a tab follows",
    "a ring does not reach back",
];

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn tabs_share_one_connection_and_none_has_a_gap() {
    if let Some(seed) = number("REJOIN_TABS_SEED") {
        let trace = Trace::on();
        let result = run_tabs(seed, &trace);
        println!("{}", trace.lines().join("\n"));
        result.expect("the seed's invariants hold");
        return;
    }
    let count = number("REJOIN_TABS_SCHEDULES").unwrap_or(SCHEDULES);
    let (report, failures) = run_all((0..count).chain(FOUND), FAILURES_MAX, |seed| {
        run_tabs(seed, &Trace::default())
    });
    println!("{report}{count} schedules, {} failed", failures.len());
    assert!(failures.is_empty(), "{failures:#?}");
    if count >= SCHEDULES {
        report.assert_met(HAPPENINGS);
    }
}
