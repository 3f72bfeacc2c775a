//! How long tokens were under way: a histogram of 8 steps for each doubling.

use std::time::Duration;

const STEPS: u32 = 8;
const BUCKETS: usize = 40 * STEPS as usize;

/// Durations, counted.
#[derive(Clone)]
pub(crate) struct Lag {
    counts: Vec<u64>,
    most: Duration,
}

impl Default for Lag {
    fn default() -> Self {
        Self {
            counts: vec![0; BUCKETS],
            most: Duration::ZERO,
        }
    }
}

impl Lag {
    pub(crate) fn note(&mut self, lag: Duration) {
        let micros = u64::try_from(lag.as_micros()).unwrap_or(u64::MAX).max(1);
        self.counts[bucket(micros)] += 1;
        self.most = self.most.max(lag);
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (own, other) in self.counts.iter_mut().zip(&other.counts) {
            *own += other;
        }
        self.most = self.most.max(other.most);
    }

    /// The lag that so many per mille stay below, to an eighth.
    fn below(&self, per_mille: u64) -> Duration {
        let all: u64 = self.counts.iter().sum();
        let mut left = (all * per_mille).div_ceil(1000);
        for (index, count) in self.counts.iter().enumerate() {
            if left <= *count {
                return Duration::from_micros(upper(index));
            }
            left -= count;
        }
        self.most
    }

    pub(crate) fn told(&self) -> String {
        let ms = |lag: Duration| format!("{:.1} ms", lag.as_secs_f64() * 1000.0);
        format!(
            "half below {}, 90 % {}, 99 % {}, 99.9 % {}, most {}",
            ms(self.below(500)),
            ms(self.below(900)),
            ms(self.below(990)),
            ms(self.below(999)),
            ms(self.most)
        )
    }
}

fn bucket(micros: u64) -> usize {
    let doublings = micros.ilog2();
    let within = if doublings < 3 {
        0
    } else {
        (micros >> (doublings - 3)) - u64::from(STEPS)
    };
    let index = usize::try_from(u64::from(doublings * STEPS) + within).unwrap_or(BUCKETS);
    index.min(BUCKETS - 1)
}

/// The end of a bucket, in microseconds.
fn upper(index: usize) -> u64 {
    let (doublings, within) = (
        index as u64 / u64::from(STEPS),
        index as u64 % u64::from(STEPS),
    );
    (1 << doublings) + ((within + 1) << doublings) / u64::from(STEPS)
}
