//! The decoder's output.

use crate::EventId;

/// One dispatched event of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The `event` field. `None` when absent or empty, which means `"message"`: see
    /// [`event_name`](Self::event_name).
    pub event: Option<String>,
    /// The `data` lines, joined by `\n`. Empty for a single empty `data:` line.
    pub data: String,
    /// The `id` field of this very frame, not one carried over from before. `Some("")` resets the
    /// cursor: the server says there is nothing to resume from.
    pub id: Option<String>,
    /// The `retry` field, in milliseconds.
    pub retry_ms: Option<u64>,
}

impl Frame {
    /// The event's name, `"message"` when the frame gives none.
    #[must_use]
    pub fn event_name(&self) -> &str {
        self.event.as_deref().unwrap_or("message")
    }

    /// The event's id; `None` also where it resets the cursor.
    #[must_use]
    pub fn event_id(&self) -> Option<EventId> {
        let id = self.id.as_deref().filter(|id| !id.is_empty());
        id.map(EventId::from)
    }

    /// The size that [`Limits::frame_bytes_max`](super::Limits::frame_bytes_max) counts.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let length = |field: &Option<String>| field.as_ref().map_or(0, String::len);
        length(&self.event) + self.data.len() + length(&self.id)
    }
}

/// One thing the stream said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// A frame with data.
    Frame(Frame),
    /// A block without data: nothing is dispatched, but the cursor or the retry delay changes. At
    /// least one of the two is `Some`; they mean what they mean in [`Frame`].
    Control {
        /// The cursor from here on.
        id: Option<String>,
        /// The delay before reconnecting, in milliseconds.
        retry_ms: Option<u64>,
    },
    /// A line that begins with `:`. Servers send these as heartbeats; the text has no meaning.
    Comment,
}
