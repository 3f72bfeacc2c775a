//! The events of the feed, and their application to the part of the log that is shown.

use super::{
    super::{Client, link::Chunk, recovery::Failure},
    Session,
    feed::Awaits,
};
use crate::{AttemptId, ErrorCode, StreamError};
use rejoin_wire::{
    WireError,
    json::{FromJson, JsonError},
    session::{AttachMode, Attached, Cursor, Page, Record},
    sse::{Frame, Item},
};

impl Session {
    pub(super) fn feed_chunk(&mut self, client: &mut Client, attempt: AttemptId, bytes: &[u8]) {
        let now = client.now;
        let taken = self.feed.link_of(attempt).map(|link| {
            link.byte_arrived(now);
            link.take_in(bytes)
        });
        match taken {
            Some(Chunk::Events) | None => {}
            Some(Chunk::Refusal) => return,
            Some(Chunk::WholeRefusal(refusal)) => return self.feed_answered(client, &refusal),
            Some(Chunk::Foreign(error)) => {
                return self.feed_failed(client, Failure::Unreadable, error, None);
            }
        }
        // Any item may end the connection; what the old one still holds must not be applied then.
        while let Some(link) = self.feed.link_of(attempt) {
            match link.decoder.next_item() {
                None => break,
                Some(Ok(Item::Comment)) => {
                    link.heartbeat(now);
                }
                Some(Ok(Item::Control { .. })) => {}
                Some(Ok(Item::Frame(frame))) => {
                    if let Err(wrong) = self.feed_frame(client, &frame) {
                        self.feed_wrong(client, wrong);
                    }
                }
                Some(Err(error)) => {
                    let words = WireError::Sse(error).words();
                    self.feed_wrong(client, Wrong::Damaged(words));
                }
            }
        }
    }

    /// An event cannot be read, or does not follow from the events before it.
    fn feed_wrong(&mut self, client: &mut Client, wrong: Wrong) {
        let words = match wrong {
            Wrong::Damaged(words) => {
                // It may have been damaged on its way; what comes as broken again is passed over by a snapshot.
                self.feed.diverged |= self.feed.recovery.tries > 0;
                words
            }
            Wrong::Diverged => {
                self.feed.diverged = true;
                "a record does not follow from the one before; a snapshot is asked for".to_owned()
            }
        };
        let error = StreamError::new(ErrorCode::EventDataInvalid).with_detail(words);
        client.warn(error.clone());
        self.feed_lost(client, Failure::Unreadable, error, None);
    }

    fn feed_frame(&mut self, client: &mut Client, frame: &Frame) -> Result<(), Wrong> {
        let cursor = || {
            let cursor = frame.id.as_deref().and_then(Cursor::parse);
            cursor.ok_or_else(|| Wrong::from(JsonError::expected("an id: epoch-seq")))
        };
        match frame.event_name() {
            "attached" => self.feed_attached(client, Attached::from_json(&frame.data)?)?,
            "snapshot" => self.feed_snapshot(client, cursor()?, Page::from_json(&frame.data)?),
            "record" => self.feed_record(client, cursor()?, Record::from_json(&frame.data)?)?,
            "deleted" => {
                let revision = client.store.touched();
                self.shown.clear(revision);
                self.feed.head = 0;
                self.generation = revision;
                self.older_after_snapshot(client, 0, 0);
            }
            // Where it has caught up is known by the numbers.
            _ => {}
        }
        Ok(())
    }

    fn feed_attached(&mut self, client: &mut Client, attached: Attached) -> Result<(), Wrong> {
        let feed = &mut self.feed;
        feed.head = attached.head;
        feed.recovery.accepted();
        feed.error = None;
        match attached.mode {
            AttachMode::Replay if self.shown.cursor() == Some(attached.cursor) => {
                feed.awaits = Awaits::Records;
            }
            AttachMode::Replay => return Err(Wrong::Diverged),
            AttachMode::Snapshot if attached.cursor.seq == 0 => {
                self.feed_snapshot(client, attached.cursor, Page::default());
            }
            AttachMode::Snapshot => feed.awaits = Awaits::Snapshot,
            AttachMode::Unknown => {
                let words = "attached in a way that this version does not know";
                return Err(Wrong::Damaged(words.to_owned()));
            }
        }
        client.store.touch();
        Ok(())
    }

    fn feed_snapshot(&mut self, client: &mut Client, cursor: Cursor, page: Page) {
        let is_new = !self.shown.is_at(cursor);
        let revision = client.store.touched();
        let first = page.nodes.first().map_or(0, |node| node.position);
        let kept = self.shown.replace(cursor, page, revision);
        if kept.is_none() {
            self.generation = revision;
        }
        self.settle_pending(revision);
        self.feed.awaits = Awaits::Records;
        if is_new {
            self.feed.recovery.progressed();
        }
        self.feed.had = true;
        self.feed.diverged = false;
        self.older_after_snapshot(client, first, kept.unwrap_or(0));
    }

    fn feed_record(
        &mut self,
        client: &mut Client,
        cursor: Cursor,
        record: Record,
    ) -> Result<(), Wrong> {
        let follows = self.feed.awaits == Awaits::Records
            && cursor.seq == record.seq
            && self.shown.goes_on_in(cursor.epoch);
        if !follows {
            return Err(Wrong::Diverged);
        }
        let revision = client.store.touched();
        self.older.note(&record);
        let applied = self.shown.apply(record, revision);
        applied.map_err(|_| Wrong::Diverged)?;
        if !self.pending.is_empty() {
            self.settle_pending(revision);
        }
        self.feed.recovery.progressed();
        Ok(())
    }
}

/// Why what came was not applied.
enum Wrong {
    /// It cannot be read, in words.
    Damaged(String),
    /// A snapshot is needed.
    Diverged,
}

impl From<JsonError> for Wrong {
    fn from(error: JsonError) -> Self {
        Self::Damaged(error.words())
    }
}
