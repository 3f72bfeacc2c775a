//! A message while its producer says it.

use std::sync::Arc;

use rejoin_wire::{
    MessageId,
    message::{Content, Message, MessageKind},
    session::EndStatus,
};
use tokio::sync::watch;

use super::{
    Lane,
    line::{Fate, Stopped},
    outbox::Outbox,
};

/// With more than this waiting, [`MessageWriter::ready`] waits.
const WAITING_BYTES_READY: usize = 64 << 10;

/// A message while its producer says it. Dropped without an end, the message is ended as `aborted`, reason
/// `agent_failed`.
///
/// Nothing here waits for the store but what is `async`: pieces wait in memory, at most as many as the message may be long.
pub struct MessageWriter {
    lane: Arc<Lane>,
    id: MessageId,
    fate: watch::Receiver<Fate>,
    is_over: bool,
}

impl MessageWriter {
    pub(super) fn new(lane: Arc<Lane>, id: MessageId, fate: watch::Receiver<Fate>) -> Self {
        Self {
            lane,
            id,
            fate,
            is_over: false,
        }
    }

    pub(super) fn lane(&self) -> &Lane {
        &self.lane
    }

    /// The message's id.
    pub fn id(&self) -> &MessageId {
        &self.id
    }

    /// A piece follows. It is merged by LangChain's rules.
    ///
    /// # Errors
    /// The message takes no more, with the reason. The agent may ignore it and go on without.
    pub fn append(&self, chunk: Message) -> Result<(), Stopped> {
        let said = self.lane.with(|outbox| outbox.append(&self.id, chunk));
        // The outbox forgets a message that was refused; why, this knows.
        said.map_err(|why| self.stopped().unwrap_or(why))
    }

    /// Text follows.
    ///
    /// # Errors
    /// As for [`MessageWriter::append`].
    pub fn text(&self, text: &str) -> Result<(), Stopped> {
        self.append(Message {
            id: Some(self.id.clone()),
            kind: MessageKind::Ai,
            content: Content::Text(text.to_owned()),
            ..Message::default()
        })
    }

    /// The message is something else than its pieces said: readers get it whole.
    pub fn replace(&self, message: Message) {
        self.lane.with(|outbox| outbox.replace(message));
    }

    /// Waits until little of it is on its way to the store, for an agent that can slow down.
    ///
    /// # Errors
    /// As for [`MessageWriter::append`].
    pub async fn ready(&self) -> Result<(), Stopped> {
        let is_little = |outbox: &Outbox| outbox.waiting_bytes(&self.id) <= WAITING_BYTES_READY;
        self.lane.until(is_little).await;
        self.stopped().map_or(Ok(()), Err)
    }

    /// Waits until all of it so far is stored.
    ///
    /// # Errors
    /// As for [`MessageWriter::append`].
    pub async fn flush(&self) -> Result<(), Stopped> {
        self.lane.until(|outbox| outbox.is_level(&self.id)).await;
        self.stopped().map_or(Ok(()), Err)
    }

    /// Why nothing can be added any more; `None` as long as it can.
    pub fn stopped(&self) -> Option<Stopped> {
        match &*self.fate.borrow() {
            Fate::Stopped(why) => Some(why.clone()),
            Fate::Open | Fate::Stored => None,
        }
    }

    /// Waits until nothing can be added any more, for an agent that wants to be told at once. Never returns for a message
    /// that goes well.
    pub async fn until_stopped(&self) -> Stopped {
        let mut fate = self.fate.clone();
        let is_stopped = |fate: &Fate| matches!(fate, Fate::Stopped(_));
        let why = match fate.wait_for(is_stopped).await {
            Ok(fate) => match &*fate {
                Fate::Stopped(why) => Some(why.clone()),
                Fate::Open | Fate::Stored => None,
            },
            Err(_) => None,
        };
        match why {
            Some(why) => why,
            None => std::future::pending().await,
        }
    }

    /// It is whole.
    pub fn complete(self) -> Ending {
        self.end(EndStatus::Complete)
    }

    /// A person stopped it.
    pub fn cancelled(self) -> Ending {
        self.end(EndStatus::Cancelled)
    }

    /// It will not be finished.
    pub fn aborted(self, reason: &str) -> Ending {
        self.end(EndStatus::Aborted {
            reason: reason.to_owned(),
        })
    }

    /// It is over; what waits of it is stored before its end.
    pub fn end(mut self, status: EndStatus) -> Ending {
        self.is_over = true;
        self.lane.with(|outbox| outbox.end(&self.id, status));
        Ending(self.fate.clone())
    }
}

impl Drop for MessageWriter {
    fn drop(&mut self) {
        if !self.is_over {
            let reason = "agent_failed".to_owned();
            let status = EndStatus::Aborted { reason };
            self.lane.with(|outbox| outbox.end(&self.id, status));
        }
    }
}

impl std::fmt::Debug for MessageWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MessageWriter")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// A message's end, on its way to the store.
#[derive(Debug)]
pub struct Ending(watch::Receiver<Fate>);

impl Ending {
    /// Waits until the message is stored with its end.
    ///
    /// # Errors
    /// Why it never will be.
    pub async fn stored(mut self) -> Result<(), Stopped> {
        match self.0.wait_for(|fate| *fate != Fate::Open).await {
            Ok(fate) => match &*fate {
                Fate::Stopped(why) => Err(why.clone()),
                Fate::Open | Fate::Stored => Ok(()),
            },
            // The message was forgotten, which says why first.
            Err(_) => Err(Stopped::Removed),
        }
    }
}
