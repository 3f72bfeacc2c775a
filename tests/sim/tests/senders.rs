//! Tabs that submit to one thread, on many schedules. `REJOIN_SENDERS_SCHEDULES` says how many (default 2,000) and `REJOIN_SENDERS_FIRST` from
//! which seed on (default 0); `REJOIN_SENDERS_SEED` runs one and prints its log.

#![allow(clippy::print_stdout)] // The log of one seed, and the counts of many, are what they are run for.

use rejoin_sim::{Trace, run_all, run_senders};

const SCHEDULES: u64 = 2_000;
const FAILURES_MAX: usize = 5;
/// A run of as many as usual meets each of them.
const HAPPENINGS: [&str; 19] = [
    "submit",
    "answer a question",
    "stop",
    "cancel",
    "take back",
    "replace",
    "send now",
    "close",
    "open again",
    "freeze",
    "freeze, and locks are lost",
    "thaw",
    "storage is full",
    "storage is denied",
    "offline",
    "the server is killed",
    "a lock is inherited",
    "a submission is held",
    "a submission is another tab's",
];

/// Seeds that failed once, each with the fault of the client in it.
const SEEDS: &[(u64, &str)] = &[
    (
        41040,
        "a tab that was frozen took storage that could not be read for empty, and gave the lock of its submissions away",
    ),
    (
        43365,
        "a submission overtook those of which it was not known yet whether another tab had taken them over",
    ),
    (48258, "as 41040, of two tabs that were frozen"),
    (50188, "as 41040, of a tab that had taken submissions over"),
    (
        56295,
        "a tab that was back soon and the tab that had got its lock both sent what it had to send",
    ),
    (
        9805,
        "a tab read storage as it was before, took its own former part for another tab's, and left its submission to that",
    ),
    (
        19333,
        "what was submitted in doubt, after the thread's load had failed, was never sent",
    ),
];

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn each_submission_of_any_tab_is_sent_once() {
    if let Some(seed) = number("REJOIN_SENDERS_SEED") {
        let trace = Trace::on();
        let result = run_senders(seed, &trace);
        println!("{}", trace.lines().join("\n"));
        result.expect("the seed's invariants hold");
        return;
    }
    let count = number("REJOIN_SENDERS_SCHEDULES").unwrap_or(SCHEDULES);
    let first = number("REJOIN_SENDERS_FIRST").unwrap_or_default();
    let (report, failures) = run_all(first..first + count, FAILURES_MAX, |seed| {
        run_senders(seed, &Trace::default())
    });
    println!("{report}{count} schedules, {} failed", failures.len());
    assert!(failures.is_empty(), "{failures:#?}");
    if count >= SCHEDULES {
        report.assert_met(HAPPENINGS);
    }
}

#[test]
fn seeds_that_failed_once_hold() {
    for (seed, fault) in SEEDS {
        if let Err(violation) = run_senders(*seed, &Trace::default()) {
            panic!("seed {seed}: {violation}; before: {fault}");
        }
    }
}
