//! Limits per client.

use std::time::Duration;

/// Limits per client. A client is a token's session (`*` is one client) or, without tokens, an address.
#[derive(Debug, Clone)]
pub struct Limits {
    /// From the beginning of a connection, or its last answer, until the head of the next request is there. Default: 30 s.
    pub head_timeout: Duration,
    /// How long a request's body may take. Default: 30 s.
    pub body_timeout: Duration,
    /// The longest body, in bytes. Default: 32 MiB.
    pub body_bytes_max: usize,
    /// Connections at once; fewer where the process may not have so many files. Default: 10,000.
    pub connections_max: usize,
    /// Connections of one address. Default: half of all.
    pub connections_per_address_max: Option<usize>,
    /// Threads that one client has made and not deleted. Default: 100,000.
    pub threads_max: usize,
    /// Runs of one client that wait or go on. Default: 1,000.
    pub runs_max: usize,
    /// Sessions that one client has published in and that are not deleted. Default: 100,000.
    pub sessions_max: usize,
    /// The bytes of messages that one client may have published in them. Default: 8 GiB.
    pub published_bytes_max: u64,
    /// The events of one run, in bytes; one that says more fails. Default: 64 MiB.
    pub run_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(30),
            body_bytes_max: 32 << 20,
            connections_max: 10_000,
            connections_per_address_max: None,
            threads_max: 100_000,
            runs_max: 1000,
            sessions_max: 100_000,
            published_bytes_max: 8 << 30,
            run_bytes_max: 64 << 20,
        }
    }
}

/// Files that are not connections: databases, pages, what is connected to.
const OTHER_FILES: usize = 64;

impl Limits {
    /// Connections that there may be, and of one address.
    pub(crate) fn connections(&self) -> (usize, usize) {
        let files = files_max().map_or(usize::MAX, |files| files.saturating_sub(OTHER_FILES));
        let all = self.connections_max.min(files).max(2);
        let of_one = self.connections_per_address_max.unwrap_or(all / 2);
        (all, of_one.clamp(1, all))
    }
}

/// How many files the process may have open, where the system tells.
fn files_max() -> Option<usize> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}
