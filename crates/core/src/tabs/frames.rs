//! The beginnings and ends of an event stream's frames, and the ids on the way.

/// A frame larger than this is not shared, in bytes.
pub(super) const FRAME_BYTES_MAX: usize = 16 * 1024 * 1024;

/// One whole frame as it came, with its blank line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) bytes: Vec<u8>,
    pub(super) id: Option<String>,
    /// Whether it holds comments only.
    pub(super) is_comment: bool,
}

/// Cuts a stream's bytes into frames. It reads no field but the id: what a frame says is the client's to judge.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// The bytes of the frame that has begun.
    begun: Vec<u8>,
    /// The place in those bytes at which the line that has begun starts.
    line: usize,
    id: Option<String>,
    has_field: bool,
    /// The last id, and the last that was another.
    last: Option<String>,
    before_last: Option<String>,
}

/// A frame is too large to be shared.
#[derive(Debug)]
pub(super) struct TooLarge;

impl Frames {
    /// The frames that these bytes complete.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Vec<Frame>, TooLarge> {
        let mut at = self.begun.len();
        // A CR may be the last byte, kept to see whether an LF belongs to it.
        if self.begun.last() == Some(&b'\r') {
            at -= 1;
        }
        self.begun.extend_from_slice(bytes);
        let mut frames = Vec::new();
        let mut start = 0;
        while let Some(&byte) = self.begun.get(at) {
            let next = self.begun.get(at + 1);
            let end = match (byte, next) {
                (b'\n', _) => at + 1,
                (b'\r', Some(b'\n')) => at + 2,
                (b'\r', Some(_)) => at + 1,
                // Whether an LF follows is not known yet.
                (b'\r', None) => break,
                _ => {
                    at += 1;
                    continue;
                }
            };
            if at == self.line {
                frames.push(self.frame(start, end));
                start = end;
            } else {
                self.read_line(at);
            }
            (at, self.line) = (end, end);
        }
        self.begun.drain(..start);
        self.line -= start;
        match self.begun.len() > FRAME_BYTES_MAX {
            true => Err(TooLarge),
            false => Ok(frames),
        }
    }

    /// Whether the bytes so far end with a frame.
    pub(super) fn is_whole(&self) -> bool {
        self.begun.is_empty()
    }

    pub(super) fn last(&self) -> Option<&String> {
        self.last.as_ref()
    }

    pub(super) fn before_last(&self) -> Option<&String> {
        self.before_last.as_ref()
    }

    fn read_line(&mut self, end: usize) {
        let line = &self.begun[self.line..end];
        if line[0] == b':' {
            return;
        }
        self.has_field = true;
        let Some(value) = line.strip_prefix(b"id:") else {
            return;
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        if let Ok(id) = std::str::from_utf8(value) {
            self.id = Some(id.to_owned());
        }
    }

    fn frame(&mut self, start: usize, end: usize) -> Frame {
        let id = self.id.take();
        if id.is_some() && id != self.last {
            self.before_last = std::mem::replace(&mut self.last, id.clone());
        }
        Frame {
            bytes: self.begun[start..end].to_vec(),
            id,
            is_comment: !std::mem::take(&mut self.has_field),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(chunks: &[&[u8]]) -> (Vec<Frame>, Frames) {
        let mut frames = Frames::default();
        let mut all = Vec::new();
        for chunk in chunks {
            all.extend(frames.push(chunk).expect("small frames"));
        }
        (all, frames)
    }

    fn frame(text: &str, id: Option<&str>) -> Frame {
        Frame {
            bytes: text.into(),
            id: id.map(str::to_owned),
            is_comment: id.is_none(),
        }
    }

    #[test]
    fn frames_are_the_same_wherever_the_bytes_are_cut_and_whatever_ends_a_line() {
        for end in ["\n", "\r\n", "\r"] {
            let lines = |text: &str| text.replace('\n', end);
            let texts = [
                ("id: 1\nevent: a\ndata: {}\n\n", Some("1")),
                (": heartbeat\n\n", None),
                ("data: x\nid:2\n\n", Some("2")),
            ];
            let wanted: Vec<Frame> = texts
                .iter()
                .map(|(text, id)| frame(&lines(text), *id))
                .collect();
            let whole = lines(&texts.map(|(text, _)| text).concat());
            for at in 0..=whole.len() {
                let (first, second) = whole.as_bytes().split_at(at);
                // What comes after shows that no LF belongs to the last CR.
                let (found, frames) = cut(&[first, second, b":"]);
                assert_eq!(found, wanted, "{end:?} cut at {at}");
                assert!(!frames.is_whole());
                assert_eq!(frames.last().map(String::as_str), Some("2"));
                assert_eq!(frames.before_last().map(String::as_str), Some("1"));
            }
        }
    }

    #[test]
    fn an_id_that_repeats_is_one_place() {
        let (_, frames) = cut(&[b"id: 1\n\nid: 2\n\n", b"id: 2\n\n"]);
        assert_eq!(frames.before_last().map(String::as_str), Some("1"));
        assert!(frames.is_whole());
    }

    #[test]
    fn a_frame_that_never_ends_is_not_kept() {
        let mut frames = Frames::default();
        let chunk = vec![b'x'; 1024 * 1024];
        let ended = (0..32).find(|_| frames.push(&chunk).is_err());
        assert_eq!(ended, Some(16));
    }
}
