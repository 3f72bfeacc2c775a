//! A newtype per id. All are opaque: never parsed, never ordered, compared for equality only.

use crate::json::{FromJson, JsonError};
use serde::{Deserialize, Serialize};
use std::{fmt, sync::Arc};

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl Clone for $name {
            // Small enough to be put wherever it is called, which is everywhere.
            #[inline(never)]
            fn clone(&self) -> Self {
                Self(Arc::clone(&self.0))
            }
        }

        impl $name {
            /// The id as the server wrote it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl<T: Into<Arc<str>>> From<T> for $name {
            fn from(text: T) -> Self {
                Self(text.into())
            }
        }

        impl From<&$name> for $name {
            fn from(id: &$name) -> Self {
                id.clone()
            }
        }

        impl FromJson for $name {
            fn from_json(text: &str) -> Result<Self, JsonError> {
                String::from_json(text).map(Self::from)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

id! {
    /// A thread: a conversation and its checkpoints. A UUID on every measured server.
    ThreadId;
    /// One execution of an assistant on a thread.
    RunId;
    /// A message in a thread's state. Unique within its thread.
    MessageId;
    /// The `id:` of an SSE frame. Python's repeat and can go backwards; JS's are dense per run.
    EventId;
    /// A checkpoint of a thread's state.
    CheckpointId;
    /// One question that an agent stopped to ask.
    InterruptId;
    /// A graph's name, or the UUID of an assistant made from one.
    AssistantId;
}
