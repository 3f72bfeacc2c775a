//! The run record, which lets a reload find its run: the run's id, the cursor, and the messages so far.
//!
//! No token, header or key is ever part of it. A record that is read back is not trusted.

use crate::{
    Config, Millis,
    cursor::Cursor,
    percent::encode_path_segment,
    thread_store::{Attempt, MessageOrigin, MessageSlot, StoredMessage, ThreadStore},
};
use rejoin_wire::{
    MessageId, RunId, ThreadId,
    json::{FromJson, JsonError, Lenient, Optional, ToJson, Writer, parts, required},
    message::Message,
};

/// Every key starts with this.
pub const RECORD_PREFIX: &str = "rejoin:1:";
const VERSION: u64 = 2;
/// Of this version the cursor's hashes mean nothing any more.
const OLD_HASHES: u64 = 1;

/// The key under which a thread's record is stored: server, assistant, thread and, where one is named, the person, each percent-encoded.
pub fn record_key(config: &Config, thread_id: &ThreadId) -> String {
    let assistant_id = config.assistant_id.as_str();
    key(config, &[&config.api_url, assistant_id, thread_id.as_str()])
}

/// The key under which the thread of a run is stored: its id as a JSON string.
pub fn run_key(config: &Config, run_id: &RunId) -> String {
    key(config, &["run", &config.api_url, run_id.as_str()])
}

/// The key of something else that is stored for a thread.
pub(crate) fn thread_key(kind: &str, config: &Config, thread_id: &ThreadId) -> String {
    let assistant_id = config.assistant_id.as_str();
    key(
        config,
        &[kind, &config.api_url, assistant_id, thread_id.as_str()],
    )
}

fn key(config: &Config, parts: &[&str]) -> String {
    let mut key = RECORD_PREFIX.to_owned();
    let person = config.identity.as_deref();
    for (at, part) in parts.iter().copied().chain(person).enumerate() {
        if at > 0 {
            key.push('|');
        }
        key.push_str(&encode_path_segment(part));
    }
    key
}

/// A record as it is written.
#[derive(Debug)]
pub(crate) struct NewRecord<'a> {
    pub(crate) thread_id: &'a ThreadId,
    /// Absent while the server has not named the run yet.
    pub(crate) run_id: Option<&'a RunId>,
    /// Finds the run when it has no id here.
    pub(crate) submission_id: Option<&'a str>,
    /// Wall-clock time.
    pub(crate) saved_at: Millis,
    /// Absent where the messages were too large to store; the run is then fetched from its start.
    pub(crate) cursor: Option<&'a Cursor>,
    pub(crate) messages: &'a [MessageSlot],
    /// Says which of them the run was streaming, and which question it answers.
    pub(crate) store: &'a ThreadStore,
}

/// A record as it is read.
#[derive(Debug)]
pub(crate) struct Record {
    v: u64,
    pub(crate) thread_id: ThreadId,
    pub(crate) run_id: Option<RunId>,
    pub(crate) submission_id: Option<String>,
    saved_at: Millis,
    pub(crate) cursor: Option<Cursor>,
    pub(crate) messages: Vec<StoredMessage>,
    /// The question that the run's `values` have told of last, which are not told again.
    pub(crate) asked: Option<MessageId>,
}

/// Why a stored record is not used.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// It is not one of ours, or was damaged.
    Corrupt,
    /// It is too old. The run it was of.
    Stale(Option<RunId>),
}

impl Record {
    pub(crate) fn read(
        text: &str,
        thread_id: &ThreadId,
        wall_clock: Millis,
        ttl: Millis,
    ) -> Result<Self, Unusable> {
        let mut record = Self::from_json(text).map_err(|_| Unusable::Corrupt)?;
        if record.v == OLD_HASHES {
            // The run is fetched from its start, behind what was shown.
            record.v = VERSION;
            record.cursor = None;
        }
        if record.v != VERSION || record.thread_id != *thread_id {
            return Err(Unusable::Corrupt);
        }
        if record.run_id.is_none() && record.submission_id.is_none() {
            return Err(Unusable::Corrupt);
        }
        // A clock that was set back makes a record look as if it came from the future: that is no reason to drop it.
        if wall_clock - record.saved_at > ttl {
            return Err(Unusable::Stale(record.run_id));
        }
        Ok(record)
    }

    /// The attempt that its streamed messages are of, where that is known.
    pub(crate) fn attempt(&self) -> Attempt {
        let began = self.cursor.as_ref().and_then(|cursor| cursor.metadata);
        let attempt = self.run_id.as_ref().zip(began);
        attempt.map_or(Attempt::default(), |(run, began)| Attempt::new(run, began))
    }
}

impl ToJson for NewRecord<'_> {
    fn write_json(&self, out: &mut String) {
        let mut object = Writer::object(out);
        object.number("v", VERSION);
        object.string("thread_id", self.thread_id.as_str());
        object.string_or_null("run_id", self.run_id.map(RunId::as_str));
        object.string_or_null("submission_id", self.submission_id);
        object.number("saved_at", self.saved_at.0);
        if let Some(cursor) = self.cursor {
            cursor.write_json(object.field("cursor"));
        }
        let mut list = Writer::list(object.field("messages"));
        for slot in self.messages {
            let mut object = Writer::object(list.item());
            slot.message.write_json(object.field("message"));
            object.bool("streamed", self.store.is_streamed(slot.id()));
            object.bool("optimistic", slot.origin == MessageOrigin::Optimistic);
            if slot.origin == MessageOrigin::Partial {
                object.bool("partial", true);
            }
            if !self.store.is_confirmed(slot.id()) {
                object.bool("unconfirmed", true);
            }
            object.end();
        }
        list.end();
        let asked = self.store.asked();
        object.string_or_null("asked", asked.as_ref().map(MessageId::as_str));
        object.end();
    }
}

impl FromJson for Record {
    fn from_json(text: &str) -> Result<Self, JsonError> {
        let names = [
            "v",
            "thread_id",
            "run_id",
            "submission_id",
            "saved_at",
            "cursor",
            "messages",
            "asked",
        ];
        let [
            v,
            thread_id,
            run_id,
            submission_id,
            saved_at,
            cursor,
            messages,
            asked,
        ] = parts(text, &names)?;
        let mut optional = Optional::default();
        let record = Self {
            thread_id: ThreadId::from_json(required(thread_id, "a `thread_id`")?)?,
            v: optional.or_default(v),
            run_id: optional.some(run_id),
            submission_id: optional.some(submission_id),
            saved_at: Millis(optional.or_default(saved_at)),
            cursor: optional.some(cursor),
            messages: optional.or_default(messages),
            asked: optional.some(asked),
        };
        optional.done(record)
    }
}

impl FromJson for StoredMessage {
    fn from_json(text: &str) -> Result<Self, JsonError> {
        let names = [
            "message",
            "streamed",
            "optimistic",
            "partial",
            "unconfirmed",
        ];
        let [message, streamed, optimistic, partial, unconfirmed] = parts(text, &names)?;
        let mut optional = Optional::default();
        let stored = Self {
            // What was odd in it was told when it came.
            message: Message::read_quietly(message)?.into(),
            streamed: optional.or_default(streamed),
            optimistic: optional.or_default(optimistic),
            partial: optional.or_default(partial),
            unconfirmed: optional.or_default(unconfirmed),
        };
        optional.done(stored)
    }
}
