//! The client's place in a run's events, and the events that it has had.

use crate::hash::{HASH_OF_NOTHING, hashed};
use rejoin_wire::{
    EventId,
    event::Event,
    json::{FromJson, JsonError, Optional, ToJson, Writer, parts, whole_number, write_number},
};

/// Asks a server for everything it has.
pub(crate) const FROM_START: &str = "-1";

/// How many events of one id are remembered in a stored cursor. More, and a reload fetches the run from its start.
const TAIL_EVENTS_MAX: usize = 256;
/// How many events back a duplicate is recognised at least.
const RECENT_EVENTS_MAX: usize = 8192;

/// The place to resume from: one distinct id before the last.
///
/// Ids are opaque. Python's repeat within a millisecond, so resuming after the last id can lose its twin. Resuming one
/// id early fetches at least one event that is known already. That event is dropped, and proves that the server still
/// has the stream.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Cursor {
    last: Option<EventId>,
    before_last: Option<EventId>,
    /// Hashes of the events after `before_last`.
    tail: Vec<u64>,
    /// The place where this attempt at the run began, and its identity. Another value means that the server started
    /// over.
    pub(crate) metadata: Option<u64>,
    /// The identity of the attempt.
    pub(crate) attempt: Option<u64>,
    /// The first event of the run, whatever it is. A stream that begins with it begins at the start.
    first: Option<u64>,
    /// Whether each id so far was its predecessor plus one.
    dense: Option<bool>,
}

impl Cursor {
    /// The `Last-Event-ID` to send.
    pub(crate) fn resume_from(&self) -> &str {
        self.before_last
            .as_ref()
            .map_or(FROM_START, EventId::as_str)
    }

    /// Whether resuming here brings nothing that is not known from the tail.
    pub(crate) fn can_resume(&self) -> bool {
        self.last.is_some() && self.tail.len() <= TAIL_EVENTS_MAX
    }

    /// Goes back to the start, remembering which attempt of the server's it was.
    pub(crate) fn rewind(&mut self) {
        *self = Self {
            metadata: self.metadata,
            attempt: self.attempt,
            first: self.first,
            ..Self::default()
        };
    }

    /// Goes to the place after an event; `-1` is the start.
    pub(crate) fn start_after(&mut self, id: EventId) {
        self.rewind();
        if id.as_str() != FROM_START {
            self.last = Some(id.clone());
            self.before_last = Some(id);
        }
    }

    /// A stream that brings the whole run begins with this event.
    pub(crate) fn begin_with(&mut self, hash: u64) {
        self.first = Some(hash);
    }

    /// Whether the event that the run begins with is known.
    pub(crate) fn knows_beginning(&self) -> bool {
        self.first.is_some()
    }

    /// Whether the run begins with this event.
    pub(crate) fn begins_with(&self, hash: u64) -> bool {
        self.first == Some(hash)
    }

    pub(crate) fn is_at_start(&self) -> bool {
        self.last.is_none()
    }

    /// An event with this id was applied.
    pub(crate) fn advance(&mut self, id: Option<&EventId>, hash: u64) {
        let Some(id) = id else { return };
        self.dense = Some(self.dense.unwrap_or(true) && self.is_next(id));
        if self.last.as_ref() != Some(id) {
            self.before_last = self.last.replace(id.clone());
            self.tail.clear();
        }
        if self.tail.len() <= TAIL_EVENTS_MAX {
            self.tail.push(hash);
        }
    }

    /// Whether events between the last one and `id` are missing. Known for dense ids only.
    pub(crate) fn misses_events_before(&self, id: &EventId) -> bool {
        self.dense == Some(true)
            && match (number(id), self.last.as_ref().and_then(number)) {
                (Some(next), Some(last)) => next > last.saturating_add(1),
                (None, _) | (_, None) => false,
            }
    }

    pub(crate) fn tail(&self) -> &[u64] {
        &self.tail
    }

    fn is_next(&self, id: &EventId) -> bool {
        match &self.last {
            None => number(id) == Some(0),
            Some(last) => {
                matches!((number(last), number(id)), (Some(a), Some(b)) if a.checked_add(1) == Some(b))
            }
        }
    }
}

impl ToJson for Cursor {
    fn write_json(&self, out: &mut String) {
        let mut object = Writer::object(out);
        object.string_or_null("last", self.last.as_ref().map(EventId::as_str));
        object.string_or_null(
            "before_last",
            self.before_last.as_ref().map(EventId::as_str),
        );
        let mut tail = Writer::list(object.field("tail"));
        for hash in &self.tail {
            write_number(tail.item(), *hash);
        }
        tail.end();
        if let Some(hash) = self.metadata {
            object.number("metadata", hash);
        }
        if let Some(hash) = self.attempt {
            object.number("attempt", hash);
        }
        if let Some(hash) = self.first {
            object.number("first", hash);
        }
        if let Some(dense) = self.dense {
            object.bool("dense", dense);
        }
        object.end();
    }
}

impl FromJson for Cursor {
    fn from_json(text: &str) -> Result<Self, JsonError> {
        let names = [
            "last",
            "before_last",
            "tail",
            "metadata",
            "attempt",
            "first",
            "dense",
        ];
        let [last, before_last, tail, metadata, attempt, first, dense] = parts(text, &names)?;
        let mut optional = Optional::default();
        let cursor = Self {
            last: optional.some(last),
            before_last: optional.some(before_last),
            tail: optional.or_default(tail),
            metadata: optional.some(metadata),
            attempt: optional.some(attempt),
            first: optional.some(first),
            dense: optional.some(dense),
        };
        optional.done(cursor)
    }
}

fn number(id: &EventId) -> Option<u64> {
    whole_number(id.as_str())
}

/// The events had lately, by (id, name, data): never by id alone, never by order. At least the last
/// [`RECENT_EVENTS_MAX`], at most twice as many.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recent {
    newer: Hashes,
    older: Hashes,
}

impl Recent {
    pub(crate) fn from_tail(tail: &[u64]) -> Self {
        let mut recent = Self::default();
        for hash in tail {
            recent.insert(*hash);
        }
        recent
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.newer.count == 0
    }

    /// Whether it is new.
    pub(crate) fn insert(&mut self, hash: u64) -> bool {
        if self.contains(hash) {
            return false;
        }
        if self.newer.count == RECENT_EVENTS_MAX {
            self.older = std::mem::take(&mut self.newer);
        }
        self.newer.insert(hash);
        true
    }

    pub(crate) fn contains(&self, hash: u64) -> bool {
        self.newer.contains(hash) || self.older.contains(hash)
    }
}

/// A set of hashes. Its length is a power of two and it is never more than half full; 0 is a free place.
#[derive(Debug, Clone, Default)]
struct Hashes {
    places: Vec<u64>,
    count: usize,
}

impl Hashes {
    fn contains(&self, hash: u64) -> bool {
        !self.places.is_empty() && self.places[self.place(hash)] != 0
    }

    fn insert(&mut self, hash: u64) {
        if self.count * 2 >= self.places.len() {
            let larger = vec![0; (self.places.len() * 2).max(16)];
            for hash in std::mem::replace(&mut self.places, larger) {
                if hash != 0 {
                    let place = self.place(hash);
                    self.places[place] = hash;
                }
            }
        }
        let place = self.place(hash);
        self.places[place] = not_free(hash);
        self.count += 1;
    }

    /// The place of the hash, or the free place where it would go.
    fn place(&self, hash: u64) -> usize {
        let hash = not_free(hash);
        let mask = self.places.len() - 1;
        let mut place = hash as usize & mask;
        while self.places[place] != 0 && self.places[place] != hash {
            place = (place + 1) & mask;
        }
        place
    }
}

fn not_free(hash: u64) -> u64 {
    if hash == 0 { u64::MAX } else { hash }
}

/// Over name, namespace, id and data, in this order.
pub(crate) fn event_hash(event: &Event) -> u64 {
    let named = hash_of_name(event);
    hashed(hash_with_id(named, event.id.as_ref()), event.data.text())
}

/// Of an event's hash what its name and namespace make.
pub(crate) fn hash_of_name(event: &Event) -> u64 {
    let mut hash = hashed(HASH_OF_NOTHING, event.name.as_str());
    for part in &event.namespace {
        hash = hashed(hash, part);
    }
    hash
}

/// The same with the event's id. The data goes behind it.
pub(crate) fn hash_with_id(named: u64, id: Option<&EventId>) -> u64 {
    hashed(named, id.map_or("", EventId::as_str))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rejoin_wire::sse::Frame;

    fn event(id: &str, data: &str) -> Event {
        let frame = Frame {
            event: Some("custom".into()),
            data: data.into(),
            id: Some(id.into()),
            retry_ms: None,
        };
        Event::from_frame(frame).expect("an event")
    }

    fn cursor(events: &[(&str, &str)]) -> Cursor {
        let mut cursor = Cursor::default();
        for (id, data) in events {
            let event = event(id, data);
            cursor.advance(event.id.as_ref(), event_hash(&event));
        }
        cursor
    }

    #[test]
    fn resumes_one_distinct_id_early() {
        assert_eq!(cursor(&[]).resume_from(), "-1");
        assert_eq!(cursor(&[("5-0", "1")]).resume_from(), "-1");
        let shared = cursor(&[("5-0", "1"), ("6-0", "2"), ("6-0", "3")]);
        assert_eq!((shared.resume_from(), shared.tail().len()), ("5-0", 2));
    }

    #[test]
    fn survives_being_stored() {
        for events in [&[][..], &[("5-0", "1"), ("6-0", "2"), ("6-0", "3")]] {
            let mut stored = cursor(events);
            stored.metadata = Some(u64::MAX);
            stored.begin_with(7);
            assert_eq!(Cursor::from_json(&stored.to_json()), Ok(stored));
        }
    }

    #[test]
    fn sees_a_gap_in_dense_ids_only() {
        let id = |text: &str| EventId::from(text);
        let dense = cursor(&[("0", "1"), ("1", "2")]);
        assert!(dense.misses_events_before(&id("3")) && !dense.misses_events_before(&id("2")));
        assert!(!cursor(&[("100-0", "1"), ("105-0", "2")]).misses_events_before(&id("300-0")));
        assert!(!cursor(&[("0", "1"), ("4", "2")]).misses_events_before(&id("9")));
    }

    #[test]
    fn forgets_a_bounded_number_of_events() {
        let mut recent = Recent::default();
        let count = RECENT_EVENTS_MAX as u64;
        for hash in 0..2 * count {
            assert!(recent.insert(hash) && !recent.insert(hash), "{hash}");
        }
        assert!((0..2 * count).all(|hash| recent.contains(hash)));
        assert!(recent.insert(2 * count));
        assert!((0..count).all(|hash| !recent.contains(hash)));
        assert!((count..=2 * count).all(|hash| recent.contains(hash)));
    }
}
