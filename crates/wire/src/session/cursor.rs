//! The place of a reader in a log.

use crate::{
    json::{FromJson, JsonError, ToJson, digits, whole_number, write_string},
    search::split_once,
};
use std::fmt;

/// Names one life of a session's log. A log that was deleted, or whose end was lost, lives on under another epoch: the
/// same number there is another record. Drawn by chance below 2^48; not ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Epoch(pub u64);

/// The last record that was had. Written `epoch-seq`, such as `81985529216486-1204`; the first record of a log is 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// The epoch of the log.
    pub epoch: Epoch,
    /// The record's number; 0 before the first.
    pub seq: u64,
}

impl Cursor {
    /// Reads `epoch-seq`; `None` where it is something else.
    pub fn parse(text: &str) -> Option<Self> {
        let (epoch, seq) = split_once(text, b'-')?;
        Some(Self {
            epoch: Epoch(whole_number(epoch)?),
            seq: whole_number(seq)?,
        })
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch.0, self.seq)
    }
}

impl ToJson for Cursor {
    fn write_json(&self, out: &mut String) {
        write_string(
            out,
            &[&digits(self.epoch.0), "-", &digits(self.seq)].concat(),
        );
    }
}

impl FromJson for Cursor {
    fn from_json(text: &str) -> Result<Self, JsonError> {
        let text = String::from_json(text)?;
        Self::parse(&text).ok_or_else(|| JsonError::expected("a cursor: epoch-seq"))
    }
}
