//! Of a server without sessions: a window over the thread's own messages.

use super::{super::Client, Session};
use rejoin_wire::{MessageId, message::MessageKind};

/// The thread's own messages that are shown.
#[derive(Debug)]
pub(crate) struct Window {
    /// How many of the oldest are not.
    pub(crate) hidden: usize,
    pub(crate) order: u64,
    /// The message that grows, and since which revision.
    pub(crate) streaming: Option<(MessageId, u64)>,
    /// The one that did before, and until which.
    pub(crate) streamed: Option<(MessageId, u64)>,
}

impl Default for Window {
    fn default() -> Self {
        Self {
            hidden: usize::MAX,
            order: 0,
            streaming: None,
            streamed: None,
        }
    }
}

impl Session {
    /// Keeps the window where it is, whatever comes or goes.
    pub(super) fn tend_window(&mut self, client: &mut Client) {
        let slots = client.store.slots();
        let last = slots.last().filter(|slot| {
            client.is_active()
                && slot.message.kind == MessageKind::Ai
                && client.store.is_streamed(slot.id())
        });
        let streaming = last.map(|slot| slot.id().clone());
        let window = &mut self.window;
        if !client.is_history_loading() {
            window.hidden = window.hidden.min(slots.len().saturating_sub(self.limit));
        }
        if window.streaming.as_ref().map(|(id, _)| id) != streaming.as_ref() {
            let revision = client.store.touched();
            let before = window.streaming.take();
            window.streamed = before.map(|(id, _)| (id, revision));
            window.streaming = streaming.map(|id| (id, revision));
        }
    }
}
