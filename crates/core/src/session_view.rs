//! The session of a client's thread, as a reader sees it: the log's newest messages, older ones page by page, and what
//! has changed. `client/session/` decides its requests.

use crate::{
    Client, Connection, MessageOrigin, MessageSlot, Millis, StreamError, client::Session,
    list::collected,
};
use rejoin_wire::{
    MessageId, RunId,
    message::Message,
    session::{EndStatus, NodeStatus},
};

/// A message of a session, as shown.
#[derive(Debug, Clone)]
pub struct SessionNode<'a> {
    /// Names it.
    pub id: &'a MessageId,
    /// The message, as far as it has come.
    pub message: &'a Message,
    /// Whether more will come, and if not, how it ended.
    pub status: NodeStatus,
    /// The run that says it, where the log knows.
    pub run_id: Option<&'a RunId>,
    /// The number of the log's record that began it: its place for good. While it is pending, a number after the last
    /// message's; where the server has no sessions, its place in the thread, counted from 1.
    pub position: u64,
    /// Whether it was submitted here and the log does not have it yet.
    pub is_pending: bool,
    /// The view's revision at which it last changed.
    pub revision: u64,
    /// The view's revision at which it last changed otherwise than by text appended to its content.
    pub reshaped: u64,
}

/// A session for readers. Cheap to make; borrow it, read it, drop it.
#[derive(Clone, Copy)]
pub struct SessionView<'a> {
    client: &'a Client,
    session: &'a Session,
}

impl<'a> SessionView<'a> {
    pub(crate) fn new(client: &'a Client, session: &'a Session) -> Self {
        Self { client, session }
    }

    /// The messages, oldest first: the newest page, the pages before it that were asked for, and what has come since.
    pub fn nodes(&self) -> Vec<SessionNode<'a>> {
        let slots = self.client.store.slots();
        if !self.is_durable() {
            let hidden = self.hidden();
            let shown = slots.iter().enumerate().skip(hidden);
            return collected(shown.map(|(at, slot)| self.thread_node(at, slot)));
        }
        let held = self.session.shown.nodes().map(|(node, mark)| SessionNode {
            id: node.id(),
            message: &node.message,
            status: node.status.clone(),
            run_id: node.run_id.as_ref(),
            position: node.position,
            is_pending: false,
            revision: mark.revision,
            reshaped: mark.reshaped,
        });
        let mut nodes = collected(held);
        for id in &self.session.pending {
            if let Some(slot) = slots.iter().rev().find(|slot| slot.id() == id) {
                let last = nodes.last().map_or(0, |node| node.position);
                nodes.push(SessionNode {
                    is_pending: true,
                    position: last + 1,
                    // Its place moves with what comes.
                    revision: slot.revision.max(self.order_revision()),
                    ..self.thread_node(0, slot)
                });
            }
        }
        nodes
    }

    /// The view's revision at which some came, went or moved.
    pub fn order_revision(&self) -> u64 {
        let store = self.client.store.revisions().order;
        let session = self.session;
        if !self.is_durable() {
            return store.max(session.window.order);
        }
        let pending = if session.pending.is_empty() { 0 } else { store };
        session
            .shown
            .order()
            .max(session.pending_order)
            .max(pending)
    }

    /// Whether there are messages before the first.
    pub fn has_older(&self) -> bool {
        if self.is_durable() {
            self.session.shown.has_older()
        } else {
            self.hidden() > 0
        }
    }

    /// Whether the first page or an older one is awaited.
    pub fn is_loading(&self) -> bool {
        let first = if self.is_durable() {
            self.session.feed.awaits_first()
        } else {
            self.client.is_history_loading()
        };
        first || self.is_loading_older()
    }

    /// Whether an older page is awaited.
    pub fn is_loading_older(&self) -> bool {
        self.session.older.is_wanted()
    }

    /// Whether the first page is there, if only to say that there are no messages.
    pub fn is_ready(&self) -> bool {
        if self.is_durable() {
            self.session.feed.has_first()
        } else {
            !self.client.is_history_loading()
        }
    }

    /// The view's revision at which the shown messages last started over: with another thread, a new log, or a snapshot that
    /// does not adjoin the messages shown before. Older pages are gone then, and positions from before cannot be compared
    /// with later ones.
    pub fn generation(&self) -> u64 {
        self.session.generation
    }

    /// Whether the server keeps sessions. If not, this is a window over the thread's own messages. Yes until
    /// the server has said otherwise.
    pub fn is_durable(&self) -> bool {
        !self.session.feed.is_absent()
    }

    /// Since when nothing was heard of the feed, while it is asked for, on the client's clock.
    pub fn lost_since(&self) -> Option<Millis> {
        self.session.lost_since(self.client)
    }

    /// The feed's connection, as a person is told. `Failed` where the server denies it: [`SessionView::error`] says so.
    pub fn connection(&self) -> Connection {
        self.session.connection(self.client)
    }

    /// Why the feed is not to be had, or an older page was not; until that is tried again.
    pub fn error(&self) -> Option<&'a StreamError> {
        let session = self.session;
        session.feed.error.as_ref().or(session.older.error.as_ref())
    }

    fn hidden(&self) -> usize {
        let most = self.client.store.slots().len();
        let most = most.saturating_sub(self.session.limit);
        self.session.window.hidden.min(most)
    }

    fn thread_node(&self, at: usize, slot: &'a MessageSlot) -> SessionNode<'a> {
        let window = &self.session.window;
        let is = |it: &Option<(MessageId, u64)>| match it {
            Some((id, revision)) if id == slot.id() => Some(*revision),
            Some(_) | None => None,
        };
        let (streaming, streamed) = (is(&window.streaming), is(&window.streamed));
        let turned = streaming.or(streamed).unwrap_or(0);
        let status = if slot.origin == MessageOrigin::Partial {
            NodeStatus::Ended(EndStatus::Aborted {
                reason: "not_stored".to_owned(),
            })
        } else if streaming.is_some() {
            NodeStatus::Streaming
        } else {
            NodeStatus::Ended(EndStatus::Complete)
        };
        SessionNode {
            id: slot.id(),
            message: &slot.message,
            status,
            run_id: None,
            position: at as u64 + 1,
            is_pending: slot.origin == MessageOrigin::Optimistic,
            revision: slot.revision.max(turned),
            reshaped: slot.reshaped.max(turned),
        }
    }
}
