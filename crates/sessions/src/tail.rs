//! The newest records of a session that is being read, encoded, in memory.

use std::{collections::VecDeque, ops::Range};

use bytes::Bytes;
use rejoin_wire::{
    json::{FromJson, JsonError, ToJson},
    session::{Cursor, Epoch, Record},
    sse::encode_frame,
};

/// The event that a record is sent as.
const EVENT: &str = "record";

/// A record as readers get it: an SSE frame. Cloning it shares it.
#[derive(Debug, Clone)]
pub struct Frame {
    bytes: Bytes,
    /// The range of the record's JSON in it.
    data: Range<usize>,
    seq: u64,
}

impl Frame {
    /// Encodes a record.
    pub(super) fn new(epoch: Epoch, record: &Record) -> Self {
        let cursor = Cursor {
            epoch,
            seq: record.seq,
        };
        let (json, id) = (record.to_json(), cursor.to_string());
        let mut bytes = Vec::new();
        // Neither holds a line break: JSON escapes them, and a cursor is digits.
        let _ = encode_frame(&mut bytes, Some(EVENT), &json, Some(&id));
        let start = "event: \ndata: ".len() + EVENT.len();
        Self {
            data: start..start + json.len(),
            bytes: bytes.into(),
            seq: record.seq,
        }
    }

    /// The SSE frame.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The record's number.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// The record.
    ///
    /// # Errors
    /// Never: it was encoded from one.
    pub fn record(&self) -> Result<Record, JsonError> {
        let data = self.bytes.get(self.data.clone()).unwrap_or_default();
        let text = std::str::from_utf8(data).map_err(|_| JsonError::expected("a record"))?;
        Record::from_json(text)
    }
}

/// Records without a hole, the newest of a log, within limits.
pub(super) struct Tail {
    frames: VecDeque<Frame>,
    /// The newest record that was here.
    head: u64,
    bytes: usize,
    records_max: usize,
    bytes_max: usize,
}

/// The records that a reader gets.
pub(super) enum Found {
    /// The records after its own.
    Frames(Vec<Frame>),
    /// It has the newest.
    Level,
    /// The record after its own is not here any more.
    Older,
}

impl Tail {
    /// Nothing yet; what comes is after `head`.
    pub(super) fn new(head: u64, records_max: usize, bytes_max: usize) -> Self {
        Self {
            frames: VecDeque::new(),
            head,
            bytes: 0,
            records_max,
            bytes_max,
        }
    }

    pub(super) fn head(&self) -> u64 {
        self.head
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes the next record; one that is here already or is not the next changes nothing.
    pub(super) fn push(&mut self, frame: Frame) {
        if frame.seq != self.head + 1 {
            return;
        }
        self.head = frame.seq;
        self.bytes += frame.bytes.len();
        self.frames.push_back(frame);
        while self.frames.len() > self.records_max || self.bytes > self.bytes_max {
            let Some(oldest) = self.frames.pop_front() else {
                return;
            };
            self.bytes -= oldest.bytes.len();
        }
    }

    /// Goes on after `head`: what lies between is not kept here.
    pub(super) fn skip_to(&mut self, head: u64) {
        if head > self.head {
            *self = Self::new(head, self.records_max, self.bytes_max);
        }
    }

    /// The records after `after`, at most so many and so long, but at least one.
    pub(super) fn after(&self, after: u64, records_max: usize, bytes_max: usize) -> Found {
        if after >= self.head {
            return Found::Level;
        }
        let first = self.frames.front().map_or(u64::MAX, |frame| frame.seq);
        if after + 1 < first {
            return Found::Older;
        }
        let start = usize::try_from(after + 1 - first).unwrap_or(usize::MAX);
        let (mut frames, mut bytes) = (Vec::new(), 0);
        for frame in self.frames.range(start..).take(records_max) {
            bytes += frame.bytes.len();
            if bytes > bytes_max && !frames.is_empty() {
                break;
            }
            frames.push(frame.clone());
        }
        Found::Frames(frames)
    }
}

#[cfg(test)]
mod tests {
    use rejoin_wire::session::Change;

    use super::*;

    fn frame(seq: u64) -> Frame {
        let record = Record {
            seq,
            change: Change::Removed { id: "m\n1".into() },
        };
        let frame = Frame::new(Epoch(7), &record);
        assert_eq!(frame.record().unwrap(), record);
        frame
    }

    #[test]
    fn a_frame_is_an_event_with_its_cursor_and_gives_its_record_back() {
        let text = String::from_utf8(frame(3).bytes().to_vec()).unwrap();
        let data = r#"{"seq":3,"type":"removed","id":"m\n1"}"#;
        assert_eq!(text, format!("event: record\ndata: {data}\nid: 7-3\n\n"));
    }

    #[test]
    fn a_tail_keeps_the_newest_within_its_limits_and_says_what_it_does_not_have() {
        let mut tail = Tail::new(4, 3, 1 << 20);
        let none: [u64; 0] = [];
        let found = |tail: &Tail, after| match tail.after(after, 2, 1 << 20) {
            Found::Frames(frames) => frames.iter().map(Frame::seq).collect(),
            Found::Level => vec![],
            Found::Older => vec![0],
        };
        assert_eq!(found(&tail, 4), none);
        assert_eq!(found(&tail, 3), [0]);
        for seq in [5, 5, 7, 6, 7, 8] {
            tail.push(frame(seq));
        }
        assert_eq!(tail.head(), 8);
        assert_eq!(found(&tail, 4), [0]);
        assert_eq!(found(&tail, 5), [6, 7]);
        assert_eq!(found(&tail, 7), [8]);
        assert_eq!(found(&tail, 8), none);
        assert_eq!(tail.bytes(), 3 * frame(5).bytes().len());
        tail.skip_to(20);
        assert_eq!((found(&tail, 8), found(&tail, 20)), (vec![0], vec![]));
        assert_eq!(tail.bytes(), 0);
        // One that is longer than all may be is kept by nobody; a reader reads it from the log.
        let mut narrow = Tail::new(0, 3, 10);
        narrow.push(frame(1));
        assert_eq!((found(&narrow, 0), found(&narrow, 1)), (vec![0], vec![]));
    }
}
