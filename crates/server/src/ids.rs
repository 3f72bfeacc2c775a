//! The server's ids: UUIDs, checked where they come in, one type per kind.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    error::ServerError,
    sessions::{ids::canonical, log::SessionId},
};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id; later ids of one process sort after earlier ones.
            pub fn fresh() -> Self {
                Self(Uuid::now_v7())
            }

            /// Reads an id from a path or a body, in its one spelling: lower case, with hyphens.
            ///
            /// # Errors
            /// [`ServerError::InvalidId`], also for another spelling of a UUID.
            pub fn parse(text: &str) -> Result<Self, ServerError> {
                canonical(text).map(Self).ok_or(ServerError::InvalidId($what))
            }

            pub(crate) fn bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id!(
    /// A thread: one conversation.
    ThreadId,
    "thread"
);
id!(
    /// A run: one execution of an agent on a thread.
    RunId,
    "run"
);
id!(
    /// A checkpoint: one saved state of a thread.
    CheckpointId,
    "checkpoint"
);

impl ThreadId {
    /// The name of its session.
    pub fn session(self) -> SessionId {
        SessionId::of(self.0)
    }

    /// An id as it is stored.
    pub(crate) fn of_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }
}

impl RunId {
    /// An id as it is stored.
    pub(crate) fn of_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }

    /// No run: what a change by hand is marked with.
    pub(crate) const NONE: Self = Self(Uuid::nil());
}

/// The id of the assistant that serves `graph`: the same UUID (version 5) that both LangGraph servers derive.
pub fn assistant_id(graph: &str) -> Uuid {
    const NAMESPACE: Uuid = Uuid::from_u128(0x6ba7b821_9dad_11d1_80b4_00c04fd430c8);
    Uuid::new_v5(&NAMESPACE, graph.as_bytes())
}

/// An id derived from a checkpoint and a name, so that it stays the same when a run is resumed.
pub(crate) fn derived(checkpoint: CheckpointId, name: &str) -> Uuid {
    Uuid::new_v5(&checkpoint.0, name.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assistant_ids_equal_the_ones_measured_on_the_real_servers() {
        assert_eq!(
            assistant_id("chat").to_string(),
            "eb6db400-e3c8-5d06-a834-015cb89efe69"
        );
        assert_eq!(
            assistant_id("approval").to_string(),
            "e234584d-b7bf-527f-9d06-ba77f8f5172d"
        );
    }
}
