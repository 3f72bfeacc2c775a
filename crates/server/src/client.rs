//! The clients that limits are counted for.

use std::{fmt::Write as _, sync::Arc};

use serde::{Deserialize, Serialize};

/// A client, for the limits. Only a hash, because no address may be stored.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Client(Arc<str>);

impl Client {
    pub(crate) fn of(name: &str) -> Self {
        let hash = ring::digest::digest(&ring::digest::SHA256, name.as_bytes());
        let mut text = String::with_capacity(16);
        for byte in &hash.as_ref()[..8] {
            // Writing to a string does not fail.
            let _ = write!(text, "{byte:02x}");
        }
        Self(text.into())
    }

    /// As it was stored.
    pub(crate) fn stored(hash: &str) -> Self {
        Self(hash.into())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The server itself.
    pub(crate) fn own() -> Self {
        Self("".into())
    }
}
