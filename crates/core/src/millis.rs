//! Time, as the driver tells it.

use std::ops::{Add, Sub};

/// A point in time or a length of time, in milliseconds. The zero point does not matter, only that it never
/// goes backwards while a client lives. (`Date.now()` may; `performance.now()` does not.)
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millis(pub u64);

impl Add for Millis {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Millis {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}
