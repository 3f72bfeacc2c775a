//! How often each thing happened, so that a green run also says what it has covered.

use std::{borrow::Cow, collections::BTreeMap, fmt};

/// Counts by name.
#[derive(Debug, Clone, Default)]
pub struct Report(BTreeMap<Cow<'static, str>, u64>);

impl Report {
    /// It happened.
    pub fn count(&mut self, name: impl Into<Cow<'static, str>>) {
        *self.0.entry(name.into()).or_default() += 1;
    }

    /// How often.
    pub fn of(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or_default()
    }

    /// Fails unless each of these happened: a green run proves only what it has met.
    ///
    /// # Panics
    /// With the name of one that did not happen.
    pub fn assert_met<'a>(&self, names: impl IntoIterator<Item = &'a str>) {
        for name in names {
            assert!(self.of(name) > 0, "no schedule has met `{name}`");
        }
    }

    /// Adds another's counts.
    pub fn add(&mut self, other: &Self) {
        for (name, count) in &other.0 {
            *self.0.entry(name.clone()).or_default() += count;
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|(name, count)| writeln!(f, "{count:>9}  {name}"))
    }
}
