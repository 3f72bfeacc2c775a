//! How often a page asks. It waits longer and longer where nothing comes of it, so its requests in any minute are few.

use std::collections::VecDeque;

/// The time over which requests are counted, in milliseconds.
const WINDOW_MS: u64 = 60_000;
/// Requests in a minute in which nothing happens to the page. The waits double from half a second to 30 seconds at most,
/// each is anything between nothing and its bound, and an attempt is a few requests: the stream, the run, the state.
const BASE: u64 = 40;
/// What a wake-up, or something that the user does, adds: attempts begin anew, with short waits.
pub(crate) const AFTER_AN_INPUT: u64 = 12;
/// What a connection adds that has brought something: the next one comes soon, and asks for the run before it.
pub(crate) const AFTER_PROGRESS: u64 = 4;

/// What one page has asked lately.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    sent: VecDeque<u64>,
    allowed: VecDeque<(u64, u64)>,
    /// The sum of what is allowed.
    sum: u64,
}

impl Pace {
    /// A request leaves. An error where there were too many in the last minute.
    pub(crate) fn asked(&mut self, now: u64) -> Result<(), String> {
        self.sent.push_back(now);
        while self.sent.front().is_some_and(|at| at + WINDOW_MS <= now) {
            self.sent.pop_front();
        }
        // What is allowed for an input that came just before the window is used within it.
        while let Some((_, count)) = self
            .allowed
            .pop_front_if(|(at, _)| *at + 2 * WINDOW_MS <= now)
        {
            self.sum -= count;
        }
        let (sent, bound) = (self.sent.len() as u64, BASE + self.sum);
        if sent > bound {
            return Err(format!(
                "{sent} requests within a minute, where {bound} are many"
            ));
        }
        Ok(())
    }

    /// Something allows more.
    pub(crate) fn allow(&mut self, now: u64, count: u64) {
        self.allowed.push_back((now, count));
        self.sum += count;
    }
}
