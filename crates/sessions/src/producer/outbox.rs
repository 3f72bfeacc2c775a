//! The changes that a producer has for one session and that are not surely stored: batches out, answers in. No clock, no
//! task.
//!
//! ```text
//!  begin ──► Start ─┐
//! append ──► Pieces ├─► queue ──► take ──► batch ──► confirm: it is stored
//!    end ──► End   ─┘     ▲                 │
//!                         └──── rewind ◄────┤ failed too often: its messages are sent whole
//!                                           ├ failed: the same batch again
//!                                           └ refuse: one message is out, the rest is sent again
//! ```
//!
//! Appends to a message wait while a batch is in flight, and are merged if that changes nothing. A message with too much
//! waiting is sent whole, so memory holds little more than the message itself.

use std::collections::{HashMap, HashSet, VecDeque};

use rejoin_wire::{
    MessageId, RunId,
    json::ToJson,
    message::Message,
    session::{Change, EndStatus},
};
use tokio::sync::watch;

use super::line::{Fate, Line, Stopped, added_bytes};

/// The limits of an outbox.
#[derive(Debug, Clone, Copy)]
pub(super) struct OutboxLimits {
    /// A message, as JSON.
    pub(super) message_bytes_max: usize,
    /// A batch is closed once it has so many changes.
    pub(super) batch_changes: usize,
    /// A batch is closed once it is so long.
    pub(super) batch_bytes: usize,
}

/// The unconfirmed changes of a producer to one session.
pub(super) struct Outbox {
    limits: OutboxLimits,
    queue: VecDeque<Entry>,
    /// The waiting bytes of [`Entry::Other`].
    other_bytes: usize,
    lines: HashMap<MessageId, Line>,
    /// The batch whose fate is open; empty where none is.
    under_way: Vec<Change>,
    under_way_bytes: usize,
    /// Whether a batch was sent and not answered yet.
    is_sent: bool,
}

/// A change to write, in the order of the requests. Its content is decided when it is sent.
enum Entry {
    Start(MessageId),
    Pieces(MessageId),
    End(MessageId, EndStatus),
    /// A change to a message that is not being streamed, and its length as JSON.
    Other(Box<Change>, usize),
}

impl Outbox {
    pub(super) fn new(limits: OutboxLimits) -> Self {
        Self {
            limits,
            queue: VecDeque::new(),
            other_bytes: 0,
            lines: HashMap::new(),
            under_way: Vec::new(),
            under_way_bytes: 0,
            is_sent: false,
        }
    }

    /// A message begins; `None` where it has no id, or is being streamed already.
    pub(super) fn begin(
        &mut self,
        message: Message,
        run_id: Option<RunId>,
    ) -> Option<(MessageId, watch::Receiver<Fate>)> {
        let (id, told) = self.open_line(message.clone())?;
        let line = self.lines.get_mut(&id)?;
        let is_too_large = line.bytes > self.limits.message_bytes_max;
        line.start = Some((message, run_id));
        self.queue.push_back(Entry::Start(id.clone()));
        if is_too_large {
            self.begin_too_large(&id);
        }
        Some((id, told))
    }

    /// A message that this producer has begun goes on, and is said whole first. `pieces`: above every piece that was ever
    /// tried.
    pub(super) fn resume(
        &mut self,
        message: Message,
        pieces: u64,
    ) -> Option<(MessageId, watch::Receiver<Fate>)> {
        let (id, told) = self.open_line(message)?;
        let line = self.lines.get_mut(&id)?;
        line.next = pieces;
        line.send_whole();
        line.is_queued = true;
        self.queue.push_back(Entry::Pieces(id.clone()));
        Some((id, told))
    }

    fn open_line(&mut self, message: Message) -> Option<(MessageId, watch::Receiver<Fate>)> {
        let id = message.id.clone()?;
        if self.lines.contains_key(&id) {
            return None;
        }
        let (line, told) = Line::new(message);
        self.lines.insert(id.clone(), line);
        Some((id, told))
    }

    /// Only its name and who speaks are kept.
    fn begin_too_large(&mut self, id: &MessageId) {
        if let Some(line) = self.lines.get_mut(id) {
            let stub = stub(&line.whole);
            line.whole = stub.clone();
            line.bytes = 0;
            line.start = line.start.take().map(|(_, run_id)| (stub, run_id));
        }
        self.end_too_large(id);
    }

    fn end_too_large(&mut self, id: &MessageId) {
        let reason = "message_too_large".to_owned();
        self.end(id, EndStatus::Aborted { reason });
        if let Some(line) = self.lines.get(id) {
            line.fate.send_replace(Fate::Stopped(Stopped::TooLarge));
        }
    }

    /// A piece follows.
    pub(super) fn append(&mut self, id: &MessageId, chunk: Message) -> Result<(), Stopped> {
        let Some(line) = self.lines.get_mut(id) else {
            return Err(Stopped::Removed);
        };
        if let Fate::Stopped(why) = &*line.fate.borrow() {
            return Err(why.clone());
        }
        if line.is_ending {
            return Err(Stopped::Ended);
        }
        let bytes = added_bytes(&chunk);
        if line.bytes + bytes > self.limits.message_bytes_max {
            self.end_too_large(id);
            return Err(Stopped::TooLarge);
        }
        line.bytes += bytes;
        line.whole.merge_chunk(chunk.clone());
        line.wait(chunk, bytes);
        if !std::mem::replace(&mut line.is_queued, true) {
            self.queue.push_back(Entry::Pieces(id.clone()));
        }
        Ok(())
    }

    /// The message is something else than its pieces said.
    pub(super) fn replace(&mut self, message: Message) {
        let Some(id) = message.id.clone() else { return };
        let bytes = message.to_json().len();
        let Some(line) = self.lines.get_mut(&id) else {
            return;
        };
        if line.is_ending || bytes > self.limits.message_bytes_max {
            return;
        }
        line.whole = message;
        line.bytes = bytes;
        line.send_whole();
        if !std::mem::replace(&mut line.is_queued, true) {
            self.queue.push_back(Entry::Pieces(id));
        }
    }

    /// The message is over; what waits is said before that.
    pub(super) fn end(&mut self, id: &MessageId, status: EndStatus) {
        if let Some(line) = self.lines.get_mut(id)
            && !std::mem::replace(&mut line.is_ending, true)
        {
            self.queue.push_back(Entry::End(id.clone(), status));
        }
    }

    /// Ends every message that has not ended, as the server stops.
    pub(super) fn stop(&mut self) {
        let reason = "server_stopping".to_owned();
        let open: Vec<MessageId> = self.open().cloned().collect();
        for id in open {
            let reason = reason.clone();
            self.end(&id, EndStatus::Aborted { reason });
            if let Some(line) = self.lines.get(&id) {
                line.fate.send_replace(Fate::Stopped(Stopped::Stopping));
            }
        }
    }

    /// Anything about a message that is not being streamed. A removal ends one that is.
    pub(super) fn say(&mut self, change: Change) {
        if let Change::Removed { id } = &change {
            if let Some(line) = self.lines.get(id) {
                line.fate.send_replace(Fate::Stopped(Stopped::Removed));
                self.forget(id);
            }
            // Where it is stored it goes; where it is not, there is nothing to take away.
            self.under_way.retain(|sent| sent.message_id() != Some(id));
        }
        let entry = self.other(change);
        self.queue.push_back(entry);
    }

    fn other(&mut self, change: Change) -> Entry {
        let bytes = change.to_json().len();
        self.other_bytes += bytes;
        Entry::Other(Box::new(change), bytes)
    }

    /// The messages that have not ended.
    fn open(&self) -> impl Iterator<Item = &MessageId> {
        let open = self.lines.iter().filter(|(_, line)| !line.is_ending);
        open.map(|(id, _)| id)
    }

    /// Whether there are messages whose lease has to be renewed.
    pub(super) fn has_open(&self) -> bool {
        self.open().next().is_some()
    }

    /// Whether everything is stored, and nothing on its way.
    pub(super) fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.under_way.is_empty() && !self.is_sent
    }

    /// Whether everything of a message is stored so far.
    pub(super) fn is_level(&self, id: &MessageId) -> bool {
        let is_of = |change: &Change| change.message_id() == Some(id);
        let waits = self.lines.get(id).is_some_and(|line| {
            line.start.is_some() || line.repair || !line.waiting.is_empty() || line.is_ending
        });
        !waits && !self.under_way.iter().any(is_of)
    }

    /// The waiting bytes of a message.
    pub(super) fn waiting_bytes(&self, id: &MessageId) -> usize {
        self.lines.get(id).map_or(0, |line| {
            if line.repair {
                line.bytes
            } else {
                line.waiting_bytes
            }
        })
    }

    /// About what is held in memory, in bytes of JSON.
    pub(super) fn held_bytes(&self) -> usize {
        let lines = self.lines.values();
        let lines = lines.map(|line| line.bytes + line.waiting_bytes);
        let under_way = if self.under_way.is_empty() {
            0
        } else {
            self.under_way_bytes
        };
        self.other_bytes + lines.sum::<usize>() + under_way
    }

    /// The batch to be sent: the one under way, or what is next. Empty where there is nothing to say.
    pub(super) fn take(&mut self) -> &[Change] {
        if self.under_way.is_empty() {
            let mut bytes = 0;
            while bytes < self.limits.batch_bytes
                && self.under_way.len() < self.limits.batch_changes
                && let Some(entry) = self.queue.pop_front()
            {
                bytes += self.put(entry);
            }
            self.under_way_bytes = bytes;
        }
        self.is_sent = !self.under_way.is_empty();
        &self.under_way
    }

    /// Puts an entry into the batch; returns how long it is.
    fn put(&mut self, entry: Entry) -> usize {
        let batch = &mut self.under_way;
        match entry {
            Entry::Start(id) => {
                let line = self.lines.get_mut(&id);
                let start = line.and_then(|line| Some((line.start.take()?, line.bytes)));
                start.map_or(0, |((message, run_id), bytes)| {
                    batch.push(Change::Started { message, run_id });
                    bytes
                })
            }
            Entry::Pieces(id) => match self.lines.get_mut(&id) {
                Some(line) => line.put(&id, batch),
                None => 0,
            },
            Entry::End(id, status) => {
                if self.lines.contains_key(&id) {
                    batch.push(Change::Ended { id, status });
                }
                0
            }
            Entry::Other(change, bytes) => {
                self.other_bytes -= bytes;
                batch.push(*change);
                bytes
            }
        }
    }

    /// The batch is stored.
    pub(super) fn confirm(&mut self) {
        self.is_sent = false;
        for change in std::mem::take(&mut self.under_way) {
            if let Change::Ended { id, .. } = change
                && let Some(line) = self.lines.remove(&id)
            {
                line.stop(Fate::Stored);
            }
        }
    }

    /// Takes the batch apart again: the messages in it that had pieces are said whole, under a number that is above
    /// every one that was tried, whatever became of those. Returns how many.
    pub(super) fn rewind(&mut self) -> usize {
        let mut whole: HashSet<MessageId> = HashSet::new();
        for change in std::mem::take(&mut self.under_way).into_iter().rev() {
            let entry = match change {
                Change::Started { message, run_id } => {
                    let id = message.id.clone();
                    let line = id.as_ref().and_then(|id| self.lines.get_mut(id));
                    let (Some(id), Some(line)) = (id, line) else {
                        continue;
                    };
                    line.start = Some((message, run_id));
                    Entry::Start(id)
                }
                Change::Ended { id, status } => Entry::End(id, status),
                change @ (Change::Appended { .. } | Change::Updated { .. }) => {
                    let id = change.message_id().cloned();
                    let line = id.as_ref().and_then(|id| self.lines.get_mut(id));
                    match (id, line) {
                        (Some(id), Some(line)) => {
                            line.send_whole();
                            line.is_queued = true;
                            if !whole.insert(id.clone()) {
                                continue;
                            }
                            Entry::Pieces(id)
                        }
                        _ => self.other(change),
                    }
                }
                change @ Change::Removed { .. } => self.other(change),
            };
            self.queue.push_front(entry);
        }
        whole.len()
    }

    /// The log will not have a message: its changes are dropped, the others are sent again. Whether there were any.
    pub(super) fn refuse(&mut self, id: &str, why: Stopped) -> bool {
        let Some((id, _)) = self.drop_from_batch(id) else {
            return false;
        };
        if let Some(line) = self.lines.get(&id) {
            line.stop(Fate::Stopped(why));
        }
        self.forget(&id);
        true
    }

    /// The log found a message too long: what it has of it stands, and it ends. Whether the batch had it.
    pub(super) fn refuse_too_large(&mut self, id: &str) -> bool {
        let Some((id, dropped)) = self.drop_from_batch(id) else {
            return false;
        };
        self.drop_from_queue(&id);
        let Some(line) = self.lines.get_mut(&id) else {
            return true;
        };
        line.drop_waiting();
        line.is_ending = false;
        for change in dropped {
            if let Change::Started { message, run_id } = change {
                line.start = Some((stub(&message), run_id));
                self.queue.push_back(Entry::Start(id.clone()));
            }
        }
        self.end_too_large(&id);
        true
    }

    /// Takes the changes to a message out of the batch.
    fn drop_from_batch(&mut self, id: &str) -> Option<(MessageId, Vec<Change>)> {
        let is_it = |change: &Change| change.message_id().is_some_and(|of| of.as_str() == id);
        let batch = std::mem::take(&mut self.under_way);
        let (dropped, rest): (Vec<Change>, Vec<Change>) = batch.into_iter().partition(is_it);
        self.under_way = rest;
        let id = dropped.first()?.message_id()?.clone();
        Some((id, dropped))
    }

    /// Drops everything: what it was about is stored elsewhere and will be said anew.
    pub(super) fn give_up(&mut self) {
        for (_, line) in self.lines.drain() {
            line.fate.send_replace(Fate::Stopped(Stopped::Removed));
        }
        self.queue.clear();
        self.other_bytes = 0;
        self.under_way.clear();
    }

    /// Whether a message is being streamed.
    pub(super) fn has(&self, id: &str) -> bool {
        self.lines.keys().any(|of| of.as_str() == id)
    }

    /// Nothing more is said of a message.
    fn forget(&mut self, id: &MessageId) {
        self.lines.remove(id);
        self.drop_from_queue(id);
    }

    fn drop_from_queue(&mut self, id: &MessageId) {
        self.queue.retain(|entry| match entry {
            Entry::Start(of) | Entry::Pieces(of) | Entry::End(of, _) => of != id,
            Entry::Other(..) => true,
        });
    }
}

/// Only its name and who speaks.
fn stub(message: &Message) -> Message {
    Message {
        id: message.id.clone(),
        kind: message.kind.clone(),
        ..Message::default()
    }
}
