//! Many cases by their seeds: `REJOIN_FUZZ_SEED` says the first (then one case is checked), `REJOIN_FUZZ_CASES` how many.

#![allow(dead_code, unreachable_pub, missing_docs)] // Each test binary uses its own part.

fn number(name: &str, default: u64) -> u64 {
    let text = std::env::var(name).ok();
    text.and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Checks this many cases, each by its seed, and says which did not hold.
pub fn each_case(cases: u64, check: impl Fn(u64) + Sync) {
    let first = number("REJOIN_FUZZ_SEED", 0);
    let cases = match std::env::var("REJOIN_FUZZ_SEED") {
        Ok(_) => number("REJOIN_FUZZ_CASES", 1),
        Err(_) => number("REJOIN_FUZZ_CASES", cases),
    };
    let mut failed = Vec::new();
    for seed in first..first + cases {
        let case = std::panic::AssertUnwindSafe(|| check(seed));
        if std::panic::catch_unwind(case).is_err() {
            failed.push(seed);
            if failed.len() >= 10 {
                break;
            }
        }
    }
    assert!(failed.is_empty(), "REJOIN_FUZZ_SEED is one of {failed:?}");
}
