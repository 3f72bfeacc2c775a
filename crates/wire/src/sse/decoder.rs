//! The incremental decoder.
//!
//! ```text
//!             push            next_item: a whole line?           blank line?
//!  bytes ───────────▶ buffer ─────────────────────────▶ block ───────────────▶ Item
//!                       │ no: remember how far we looked   │ over a limit
//!                       └───────────◀──────────────────────┴──────────────────▶ Err, terminated
//! ```
//!
//! Work is linear in the bytes pushed. The search for a line end resumes where it stopped, and a line is parsed once, when
//! it is complete. The buffer is moved to its front only when at least as many bytes have been consumed as remain.

use super::{DecodeError, Frame, Item, Limits};
use crate::json::with_digit;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";
/// An emptied buffer keeps at most this much memory, so that one large frame does not hold its own
/// size for the rest of a connection.
const IDLE_BUFFER_BYTES_MAX: usize = 256 * 1024;

/// Turns the bytes of an event stream, cut anywhere, into [`Item`]s.
///
/// Push each chunk, then take items until there is none:
///
/// ```
/// use rejoin_wire::sse::{Decoder, Item, Limits};
///
/// let mut decoder = Decoder::new(Limits::default());
/// let mut texts = Vec::new();
/// for chunk in [&b"data: caf\xC3"[..], b"\xA9\r", b"\n\r\n: heartbeat\n"] {
///     decoder.push(chunk);
///     while let Some(item) = decoder.next_item() {
///         if let Item::Frame(frame) = item? {
///             texts.push(frame.data);
///         }
///     }
/// }
/// assert_eq!(texts, ["café"]);
/// assert!(!decoder.is_mid_frame());
/// # Ok::<(), rejoin_wire::sse::DecodeError>(())
/// ```
///
/// One decoder serves one connection: make a new one to reconnect.
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    phase: Phase,
    buffer: Vec<u8>,
    /// Start of the line being read. Everything before it is consumed.
    line_start: usize,
    /// Bytes before this hold no end of the line being read.
    scanned: usize,
    /// The last line ended in CR: an LF that comes next belongs to it.
    skip_line_feed: bool,
    first_line: bool,
    block: Block,
    /// Bytes looked at or moved so far, so that a test can prove linearity without a clock.
    #[cfg(test)]
    pub(super) work_bytes: usize,
}

#[derive(Debug, PartialEq, Eq)]
enum Phase {
    Reading,
    /// A chunk did not fit: deliver what is whole in the buffer, then report it.
    Overflowed,
    /// A limit error was reported. Nothing goes in or comes out.
    Terminated,
}

impl Decoder {
    /// A decoder at the start of a stream.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            phase: Phase::Reading,
            buffer: Vec::new(),
            line_start: 0,
            scanned: 0,
            skip_line_feed: false,
            first_line: true,
            block: Block::default(),
            #[cfg(test)]
            work_bytes: 0,
        }
    }

    /// Adds bytes as they came from the network. Ignored once a limit error has happened.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.phase != Phase::Reading {
            return;
        }
        self.reclaim();
        if self.buffer.len() - self.line_start + bytes.len() > self.limits.buffer_bytes_max {
            self.phase = Phase::Overflowed;
            return;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next item, or `None` when more bytes are needed (or the decoder is terminated).
    ///
    /// # Errors
    ///
    /// See [`DecodeError`]: after [`InvalidUtf8`](DecodeError::InvalidUtf8) the next call goes on with
    /// the following frame; a limit error is given once, then `None` for ever.
    pub fn next_item(&mut self) -> Option<Result<Item, DecodeError>> {
        while self.phase != Phase::Terminated {
            let (start, end) = match self.next_line() {
                Ok(Some(range)) => range,
                Ok(None) if self.phase == Phase::Overflowed => {
                    return self.terminate(DecodeError::BufferFull {
                        limit_bytes: self.limits.buffer_bytes_max,
                    });
                }
                Ok(None) => return None,
                Err(error) => return self.terminate(error),
            };
            match self
                .block
                .read_line(&self.buffer[start..end], self.limits.frame_bytes_max)
            {
                Ok(None) => {}
                Ok(Some(item)) => return Some(Ok(item)),
                Err(error) if error.is_terminal() => return self.terminate(error),
                Err(error) => return Some(Err(error)),
            }
        }
        None
    }

    /// Whether the stream would lose something if it ended here: a block has begun and its blank line
    /// has not come. The standard drops such a block, and so does this decoder; the answer tells a
    /// connection that was cut from one that was closed between two frames.
    ///
    /// Meaningful after [`next_item`](Self::next_item) has returned `None`.
    #[must_use]
    pub fn is_mid_frame(&self) -> bool {
        if self.phase == Phase::Terminated {
            return false;
        }
        let line = match &self.buffer[self.line_start..] {
            [b'\n', rest @ ..] if self.skip_line_feed => rest,
            line if self.first_line => line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line),
            line => line,
        };
        let line_counts = !line.is_empty() && line[0] != b':';
        line_counts || self.block.has_begun()
    }

    /// The range of the next whole line in the buffer, its end left out.
    fn next_line(&mut self) -> Result<Option<(usize, usize)>, DecodeError> {
        if self.skip_line_feed && self.line_start < self.buffer.len() {
            self.skip_line_feed = false;
            if self.buffer[self.line_start] == b'\n' {
                self.line_start += 1;
            }
        }
        self.scanned = self.scanned.max(self.line_start);
        let unscanned = &self.buffer[self.scanned..];
        let found = memchr::memchr2(b'\n', b'\r', unscanned);
        let looked_at = found.map_or(unscanned.len(), |at| at + 1);
        #[cfg(test)]
        {
            self.work_bytes += looked_at;
        }
        let end = self.scanned + found.unwrap_or(looked_at);
        if end - self.line_start > self.limits.line_bytes_max {
            return Err(DecodeError::LineTooLong {
                limit_bytes: self.limits.line_bytes_max,
            });
        }
        self.scanned += looked_at;
        if found.is_none() {
            return Ok(None);
        }
        let mut start = self.line_start;
        self.line_start = self.scanned;
        self.skip_line_feed = self.buffer[end] == b'\r';
        if std::mem::take(&mut self.first_line)
            && self.buffer[start..end].starts_with(BYTE_ORDER_MARK)
        {
            start += BYTE_ORDER_MARK.len();
        }
        Ok(Some((start, end)))
    }

    /// Gives consumed bytes back, at a cost that the consumed bytes have already paid for.
    fn reclaim(&mut self) {
        let remaining = self.buffer.len() - self.line_start;
        if self.line_start == 0 || remaining > self.line_start {
            return;
        }
        #[cfg(test)]
        {
            self.work_bytes += remaining;
        }
        self.buffer.copy_within(self.line_start.., 0);
        self.buffer.truncate(remaining);
        self.scanned = self.scanned.saturating_sub(self.line_start);
        self.line_start = 0;
        if remaining == 0 {
            self.buffer.shrink_to(IDLE_BUFFER_BYTES_MAX);
        }
    }

    fn terminate(&mut self, error: DecodeError) -> Option<Result<Item, DecodeError>> {
        self.phase = Phase::Terminated;
        self.buffer = Vec::new();
        self.block = Block::default();
        (self.line_start, self.scanned) = (0, 0);
        Some(Err(error))
    }
}

/// The fields read since the last blank line.
#[derive(Debug, Default)]
struct Block {
    event: String,
    data: String,
    /// Tells no `data` line from one that is empty.
    data_lines: usize,
    id: Option<String>,
    retry_ms: Option<u64>,
    /// The first field that was not UTF-8.
    invalid: Option<DecodeError>,
}

impl Block {
    fn read_line(
        &mut self,
        line: &[u8],
        frame_bytes_max: usize,
    ) -> Result<Option<Item>, DecodeError> {
        if line.is_empty() {
            return self.dispatch();
        }
        if line[0] == b':' {
            return Ok(Some(Item::Comment));
        }
        let (name, value) = split_field(line);
        match name {
            b"data" => self.add_data(value),
            b"event" => {
                if let Some(value) = self.text("event", value) {
                    self.event = value;
                }
            }
            b"id" if !value.contains(&0) => {
                if let Some(value) = self.text("id", value) {
                    self.id = Some(value);
                }
            }
            b"retry" => self.retry_ms = parse_retry(value).or(self.retry_ms),
            // The standard says to ignore other fields, and an id with a NUL in it.
            _ => {}
        }
        if self.bytes() > frame_bytes_max {
            return Err(DecodeError::FrameTooLarge {
                limit_bytes: frame_bytes_max,
            });
        }
        Ok(None)
    }

    fn add_data(&mut self, value: &[u8]) {
        if self.data_lines > 0 {
            self.data.push('\n');
        }
        self.data_lines += 1;
        match std::str::from_utf8(value) {
            Ok(value) => self.data.push_str(value),
            Err(error) => self.mark_invalid("data", error),
        }
    }

    fn text(&mut self, field: &'static str, value: &[u8]) -> Option<String> {
        match std::str::from_utf8(value) {
            Ok(value) => Some(value.to_owned()),
            Err(error) => {
                self.mark_invalid(field, error);
                None
            }
        }
    }

    fn mark_invalid(&mut self, field: &'static str, error: std::str::Utf8Error) {
        self.invalid.get_or_insert(DecodeError::InvalidUtf8 {
            field,
            valid_up_to: error.valid_up_to(),
        });
    }

    fn dispatch(&mut self) -> Result<Option<Item>, DecodeError> {
        let Self {
            event,
            data,
            data_lines,
            id,
            retry_ms,
            invalid,
        } = std::mem::take(self);
        if let Some(error) = invalid {
            return Err(error);
        }
        if data_lines > 0 {
            let event = Some(event).filter(|name| !name.is_empty());
            return Ok(Some(Item::Frame(Frame {
                event,
                data,
                id,
                retry_ms,
            })));
        }
        if id.is_some() || retry_ms.is_some() {
            return Ok(Some(Item::Control { id, retry_ms }));
        }
        Ok(None)
    }

    fn bytes(&self) -> usize {
        self.event.len() + self.data.len() + self.id.as_ref().map_or(0, String::len)
    }

    fn has_begun(&self) -> bool {
        self.bytes() > 0
            || self.data_lines > 0
            || self.id.is_some()
            || self.retry_ms.is_some()
            || self.invalid.is_some()
    }
}

/// Splits `name: value` at the first colon, less one space after it. A line without a colon is a name
/// with an empty value.
fn split_field(line: &[u8]) -> (&[u8], &[u8]) {
    match line.iter().position(|byte| *byte == b':') {
        None => (line, b""),
        Some(colon) => {
            let value = &line[colon + 1..];
            (&line[..colon], value.strip_prefix(b" ").unwrap_or(value))
        }
    }
}

/// Digits only, as the standard wants; more than fits in 64 bits means "very long".
fn parse_retry(value: &[u8]) -> Option<u64> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let add = |sum, digit: &u8| with_digit(sum, *digit).unwrap_or(u64::MAX);
    Some(value.iter().fold(0, add))
}
