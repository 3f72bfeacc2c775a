//! Many schedules, spread over servers, agents and weathers. `REJOIN_SIM_SCHEDULES` says how many (default 20,000),
//! `REJOIN_SIM_FIRST` the first seed (default 0); `REJOIN_SIM_SEED` runs one seed and prints its log. Every fourth
//! schedule is the odd server's, from the first of its own seeds on.

#![allow(clippy::print_stdout)] // The counts are what the run is for.

use rejoin_sim::{Fault, ODD_SEEDS, ODDITIES, Report, Trace, explain, pings, run_all, run_seed};
use std::time::Instant;

const SCHEDULES: u64 = 20_000;
/// Failing seeds told, unless `REJOIN_SIM_FAILURES` asks for more.
const FAILURES: u64 = 20;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(default)
}

#[test]
fn every_invariant_holds() {
    if let Ok(seed) = std::env::var("REJOIN_SIM_SEED") {
        let seed = seed.parse().expect("REJOIN_SIM_SEED is a number");
        println!("{}", explain(seed));
        run_seed(seed, &Trace::default()).expect("the seed's invariants hold");
        return;
    }
    let (first, count) = (
        number("REJOIN_SIM_FIRST", 0),
        number("REJOIN_SIM_SCHEDULES", SCHEDULES),
    );
    let failures_max = usize::try_from(number("REJOIN_SIM_FAILURES", FAILURES)).expect("few");
    let started = Instant::now();
    let seeds = (0..count).map(|number| seed_of(first, number));
    let (report, failures) = run_all(seeds, failures_max, |seed| {
        run_seed(seed, &Trace::default())
    });
    let seconds = started.elapsed().as_secs_f64();
    println!("{report}");
    println!(
        "{count} schedules from seed {first} in {seconds:.1} s, {} failed",
        failures.len()
    );
    for (seed, violation) in &failures {
        println!("seed {seed}: {violation}");
    }
    if let Some((seed, violation)) = failures.first_key_value() {
        panic!("seed {seed}: {violation}\nREJOIN_SIM_SEED={seed} shows its log");
    }
    if count >= SCHEDULES {
        check_coverage(&report);
    }
}

/// The seed of the `number`-th schedule: three of the servers that were measured, then one of the odd server.
fn seed_of(first: u64, number: u64) -> u64 {
    let (round, place) = (number / 4, number % 4);
    match place {
        0..3 => first + 3 * round + place,
        _ => ODD_SEEDS + first + round,
    }
}

fn check_coverage(report: &Report) {
    let outcomes = [
        "finished",
        "replayed",
        "snapshot_then_tail",
        "expired",
        "denied",
        "failed",
        "cancelled",
        "disconnected",
    ];
    let happenings = [
        "offline",
        "network gone silently",
        "asked on another device",
        "long outage, hanging",
        "long outage, refusing",
        "restart (SIGTERM)",
        "restart (SIGKILL)",
        "hidden",
        "frozen",
        "frozen, connections lost",
        "back/forward cache",
        "reload",
        "crash",
        "closed and opened",
        "other device",
        "storage full",
        "storage denied",
        "record corrupt",
    ];
    let actions = [
        "submit",
        "submit interrupting",
        "resume",
        "stop",
        "rejoin",
        "join known",
        "join unknown",
        "cancel",
        "switch",
        "switch and back",
        "edit",
        "edit twice",
        "regenerate",
        "retry",
        "select branch",
    ];
    let connections = [
        "idle",
        "connecting",
        "live",
        "stalled",
        "reconnecting",
        "offline",
        "paused",
        "catching_up",
        "disconnected",
        "finished",
        "expired",
        "failed",
    ];
    let names = (outcomes.iter().map(|name| format!("ended: {name}")))
        .chain(happenings.iter().map(|name| format!("happening: {name}")))
        .chain(actions.iter().map(|name| format!("action: {name}")))
        .chain(connections.iter().map(|name| format!("connection: {name}")))
        .chain(Fault::NAMES.iter().map(|name| format!("fault: {name}")))
        .chain(
            ["Python", "Js", "Ours", "Odd"]
                .iter()
                .map(|name| format!("server {name}")),
        )
        .chain(ODDITIES.iter().map(|name| (*name).to_owned()))
        .chain(pings().map(str::to_owned))
        .chain(
            [
                "compared",
                "compared in place",
                "compared on entering",
                "compared after an outage",
                "compared after another device",
                "concluded: nothing_to_join",
                "concluded: timed_out",
                "concluded: superseded",
                "concluded: dropped",
                "edit: known",
                "edit: sent",
                "retry: known",
                "select branch: known",
                "failed: checkpoint_lookup_failed",
                "failed: edit_unavailable",
                "notice: started over",
                "warning: record_corrupt",
            ]
            .map(str::to_owned),
        );
    let names: Vec<String> = names.collect();
    report.assert_met(names.iter().map(String::as_str));
}
