//! What the feed says, and how it is applied to what is shown.

use super::{Awaits, Client, Failure, Feed};
use crate::{ErrorCode, StreamError};
use rejoin_wire::{
    WireError,
    json::{FromJson, JsonError},
    session::{AttachMode, Attached, Cursor, Page, Record},
    sse::{Frame, Item},
};

impl Client {
    pub(in crate::client) fn feed_chunk(&mut self, bytes: &[u8]) {
        let now = self.now;
        let Some(link) = self.feed().and_then(|feed| feed.phase.link_mut()) else {
            return;
        };
        let attempt = link.attempt;
        link.byte_arrived(now);
        if let Some(whole) = link.refusal_chunk(bytes) {
            if whole {
                self.feed_ended();
            }
            return;
        }
        if let Err(error) = link.sniff(bytes) {
            return self.feed_failed(Failure::Unreadable, error, None);
        }
        link.decoder.push(bytes);
        // Any item may end the connection; what the old one still holds must not be applied then.
        while self.is_feed(attempt) {
            let link = self.feed().and_then(|feed| feed.phase.link_mut());
            let Some(link) = link else { break };
            match link.decoder.next_item() {
                None => break,
                Some(Ok(Item::Comment)) => link.heartbeat(now),
                Some(Ok(Item::Control { .. })) => {}
                Some(Ok(Item::Frame(frame))) => {
                    if let Err(wrong) = self.feed_frame(&frame) {
                        self.feed_wrong(wrong);
                    }
                }
                Some(Err(error)) => self.feed_wrong(Wrong::Damaged(WireError::Sse(error).words())),
            }
        }
    }

    /// What came cannot be read, or does not follow from what is held.
    fn feed_wrong(&mut self, wrong: Wrong) {
        let Some(feed) = self.feed() else { return };
        let words = match wrong {
            Wrong::Damaged(words) => {
                // It may have been damaged on its way; what comes as broken again is passed over by a snapshot.
                feed.diverged |= feed.recovery.tries > 0;
                words
            }
            Wrong::Diverged => {
                feed.diverged = true;
                "a record does not follow from the one before; a snapshot is asked for".to_owned()
            }
        };
        let error = StreamError::new(ErrorCode::EventDataInvalid).with_detail(words);
        self.warn(error.clone());
        self.feed_lost(error, None);
    }

    fn feed_frame(&mut self, frame: &Frame) -> Result<(), Wrong> {
        let cursor = || {
            let cursor = frame.id.as_deref().and_then(Cursor::parse);
            cursor.ok_or_else(|| Wrong::from(JsonError::expected("an id: epoch-seq")))
        };
        match frame.event_name() {
            "attached" => self.feed_attached(Attached::from_json(&frame.data)?),
            "snapshot" => {
                self.feed_snapshot(cursor()?, Page::from_json(&frame.data)?);
                Ok(())
            }
            "record" => self.feed_record(cursor()?, Record::from_json(&frame.data)?),
            "deleted" => {
                let revision = self.store.touched();
                if let Some(session) = &mut self.session {
                    session.shown.clear(revision);
                    session.feed.head = 0;
                    session.generation = revision;
                }
                self.older_after_snapshot(0, 0);
                Ok(())
            }
            // Where it has caught up is known by the numbers.
            _ => Ok(()),
        }
    }

    fn feed_attached(&mut self, attached: Attached) -> Result<(), Wrong> {
        let Some(session) = &mut self.session else {
            return Ok(());
        };
        let feed = &mut session.feed;
        feed.head = attached.head;
        feed.recovery.accepted();
        feed.error = None;
        match attached.mode {
            AttachMode::Replay if session.shown.cursor() == Some(attached.cursor) => {
                feed.awaits = Awaits::Records;
            }
            AttachMode::Replay => return Err(Wrong::Diverged),
            AttachMode::Snapshot if attached.cursor.seq == 0 => {
                self.feed_snapshot(attached.cursor, Page::default());
            }
            AttachMode::Snapshot => feed.awaits = Awaits::Snapshot,
            AttachMode::Unknown => {
                let words = "attached in a way that this version does not know";
                return Err(Wrong::Damaged(words.to_owned()));
            }
        }
        self.store.touch();
        Ok(())
    }

    fn feed_snapshot(&mut self, cursor: Cursor, page: Page) {
        let revision = self.store.touched();
        let Some(session) = &mut self.session else {
            return;
        };
        let first = page.nodes.first().map_or(0, |node| node.position);
        let kept = session.shown.replace(cursor, page, revision);
        if kept.is_none() {
            session.generation = revision;
        }
        session.settle_pending(revision);
        session.feed.progressed();
        session.feed.had = true;
        session.feed.diverged = false;
        self.older_after_snapshot(first, kept.unwrap_or(0));
    }

    fn feed_record(&mut self, cursor: Cursor, record: Record) -> Result<(), Wrong> {
        let Some(session) = &mut self.session else {
            return Ok(());
        };
        let follows = session.feed.awaits == Awaits::Records
            && cursor.seq == record.seq
            && session.shown.goes_on_in(cursor.epoch);
        if !follows {
            return Err(Wrong::Diverged);
        }
        let revision = self.store.touched();
        session.older.note(&record);
        let applied = session.shown.apply(record, revision);
        applied.map_err(|_| Wrong::Diverged)?;
        if !session.pending.is_empty() {
            session.settle_pending(revision);
        }
        session.feed.progressed();
        Ok(())
    }
}

impl Feed {
    /// Something new was applied: what failed before does not count.
    fn progressed(&mut self) {
        self.awaits = Awaits::Records;
        self.recovery.progressed();
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
