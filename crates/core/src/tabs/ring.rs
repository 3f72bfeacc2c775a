//! The last frames of a shared stream, for the tabs that come later.

use super::frames::Frame;
use std::collections::VecDeque;

/// How much is kept, in bytes; the newest frame is kept however large it is.
pub(super) const RING_BYTES_MAX: usize = 1024 * 1024;

/// The last frames, without a gap.
#[derive(Debug)]
pub(super) struct Ring {
    /// The cursor that the first frame follows; `None` where no cursor names that place.
    start: Option<String>,
    frames: VecDeque<Frame>,
    bytes: usize,
}

impl Ring {
    /// An empty one for a stream that follows a cursor.
    pub(super) fn new(start: String) -> Self {
        Self {
            start: Some(start),
            frames: VecDeque::new(),
            bytes: 0,
        }
    }

    pub(super) fn push(&mut self, frame: Frame) {
        if frame.is_comment {
            return;
        }
        self.bytes += frame.bytes.len();
        self.frames.push_back(frame);
        while self.bytes > RING_BYTES_MAX && self.frames.len() > 1 {
            if let Some(oldest) = self.frames.pop_front() {
                self.bytes -= oldest.bytes.len();
                self.start = oldest.id;
            }
        }
    }

    /// The frames after a cursor. `None`: the ring does not reach back so far. `from_start`: only from the beginning of the
    /// stream itself, as the events at its beginning are wanted too.
    pub(super) fn after(&self, cursor: &str, from_start: bool) -> Option<Vec<u8>> {
        let is_cursor = |frame: &Frame| frame.id.as_deref() == Some(cursor);
        let found = match from_start {
            true => None,
            false => self.frames.iter().rposition(is_cursor),
        };
        let first = match found {
            Some(at) => at + 1,
            None if self.start.as_deref() == Some(cursor) => 0,
            None => return None,
        };
        let after = self.frames.range(first..);
        Some(after.flat_map(|frame| &frame.bytes).copied().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(id: &str, bytes: usize) -> Frame {
        Frame {
            bytes: vec![id.as_bytes()[0]; bytes],
            id: Some(id.to_owned()),
            is_comment: false,
        }
    }

    #[test]
    fn gives_what_follows_a_cursor_or_nothing() {
        let mut ring = Ring::new("-1".to_owned());
        assert_eq!(ring.after("-1", true), Some(vec![]));
        for id in ["1", "2", "2", "3"] {
            ring.push(frame(id, 1));
        }
        assert_eq!(ring.after("-1", false), Some(b"1223".to_vec()));
        // An id that repeats is one place: what follows the last of them follows it.
        assert_eq!(ring.after("2", false), Some(b"3".to_vec()));
        assert_eq!(ring.after("3", false), Some(vec![]));
        assert_eq!(ring.after("2", true), None);
        assert_eq!(ring.after("9", false), None);
    }

    #[test]
    fn keeps_a_bounded_number_of_bytes_and_no_gap() {
        let mut ring = Ring::new("-1".to_owned());
        for id in ["1", "2", "3", "4"] {
            ring.push(frame(id, RING_BYTES_MAX / 3));
        }
        assert_eq!(ring.after("-1", false), None);
        let after = ring.after("1", false).expect("where it begins now");
        assert_eq!(after.len(), RING_BYTES_MAX / 3 * 3);
        ring.push(frame("5", 2 * RING_BYTES_MAX));
        assert_eq!(
            ring.after("4", false).map(|kept| kept.len()),
            Some(2 * RING_BYTES_MAX)
        );
        assert_eq!(ring.after("3", false), None);
    }
}
