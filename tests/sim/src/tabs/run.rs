//! The run, or the feed, that the tabs read, as a server streams it.

use crate::rng::Rng;
use rejoin_core::tabs::Kind;

/// The text of a large run: twice what a ring holds.
const RUN_BYTES: usize = 2 * 1024 * 1024;

/// A run's events.
#[derive(Debug)]
pub(super) struct Run {
    /// Id, and when it is written.
    events: Vec<(String, u64)>,
    pub(super) ends_at: u64,
    /// How much text each carries.
    padding: usize,
}

impl Run {
    pub(super) fn new(rng: &mut Rng, kind: Kind, ends_at: u64) -> Self {
        let step = rng.pick(&[50, 200, 700, 3_000]);
        let mut events: Vec<(String, u64)> = Vec::new();
        let mut at = 0;
        while at < ends_at {
            let repeats = rng.chance(10) && kind == Kind::Run;
            let id = match events.last() {
                Some((id, _)) if repeats => id.clone(),
                _ => format!("{at}-{}", events.len()),
            };
            events.push((id, at));
            at += rng.between(1, 2 * step);
        }
        // Now and then so large that a ring holds half of them.
        let padding = rng.pick(&[0, 0, 100, RUN_BYTES / events.len()]);
        Self {
            events,
            ends_at,
            padding,
        }
    }

    /// How many events are written by then.
    pub(super) fn written(&self, now: u64) -> usize {
        self.events.partition_point(|(_, at)| *at <= now)
    }

    pub(super) fn next_after(&self, now: u64) -> Option<u64> {
        let next = self.events.get(self.written(now));
        next.map(|(_, at)| *at)
    }

    /// The index of the first event after a cursor.
    pub(super) fn after(&self, cursor: &str) -> usize {
        let found = self.events.iter().rposition(|(id, _)| id == cursor);
        found.map_or(0, |at| at + 1)
    }

    pub(super) fn text(&self, from: usize, to: usize) -> String {
        let event = |index: usize| {
            let (id, padding) = (&self.events[index].0, "x".repeat(self.padding));
            format!("event: messages\nid: {id}\ndata: {index} {padding}\n\n")
        };
        (from..to).map(event).collect()
    }
}

/// The index in an event's data.
pub(super) fn index_of(data: &str) -> Result<usize, String> {
    let number = data.split(' ').next().unwrap_or_default();
    number
        .parse()
        .map_err(|_| format!("no event of the run: {data}"))
}
