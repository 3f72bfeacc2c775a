//! The messages between tabs, as bytes. Every script of the origin can speak on a channel, so a message that is not read as a whole is
//! passed over.

use super::{frames::FRAME_BYTES_MAX, ring::RING_BYTES_MAX};

/// Changes with what is said. It is in the names of channels as well, so that tabs of other builds are not on them.
pub const VERSION: u8 = 2;
/// A message larger than this is passed over, in bytes: a ring and one frame more.
pub const MESSAGE_BYTES_MAX: usize = RING_BYTES_MAX + FRAME_BYTES_MAX + 64;
/// The longest cursor, in bytes.
const CURSOR_BYTES_MAX: usize = 1024;

/// A message. `from` is the stream in a tab that says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The stream that says it.
    pub from: u64,
    /// The content.
    pub body: Body,
}

/// The content of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// To the leader: give me the frames after this cursor.
    Ask {
        /// Comes back with the answer.
        number: u64,
        /// An event's id, or what the request itself began with.
        cursor: String,
        /// Whether the stream's own beginning is wanted.
        from_start: bool,
    },
    /// Whoever leads, say so.
    Ping,
    /// I lead. The next piece has this number.
    Lead {
        /// The number.
        next: u64,
    },
    /// The frames that were asked for.
    Give {
        /// The stream that asked.
        to: u64,
        /// The question's number.
        number: u64,
        /// The number of the piece that comes next.
        next: u64,
        /// Whole frames.
        bytes: Vec<u8>,
    },
    /// The cursor that was asked for is too long ago.
    Beyond {
        /// The stream that asked.
        to: u64,
        /// The question's number.
        number: u64,
    },
    /// The next piece of the stream.
    Piece {
        /// Its number.
        number: u64,
        /// Whole frames.
        bytes: Vec<u8>,
    },
    /// The stream that I led has ended, or there is none.
    End,
    /// I have begun a run on the thread. Said on the thread's channel, where nothing else is.
    Begun,
}

impl Message {
    /// As it crosses the channel.
    pub fn to_bytes(&self) -> Vec<u8> {
        let (tag, numbers, bytes): (u8, &[u64], &[u8]) = match &self.body {
            Body::Ask {
                number,
                cursor,
                from_start,
            } => (u8::from(*from_start), &[*number], cursor.as_bytes()),
            Body::Ping => (2, &[], &[]),
            Body::Lead { next } => (3, &[*next], &[]),
            Body::Give {
                to,
                number,
                next,
                bytes,
            } => (4, &[*to, *number, *next], bytes),
            Body::Beyond { to, number } => (5, &[*to, *number], &[]),
            Body::Piece { number, bytes } => (6, &[*number], bytes),
            Body::End => (7, &[], &[]),
            Body::Begun => (8, &[], &[]),
        };
        let mut out = Vec::with_capacity(10 + 8 * numbers.len() + bytes.len());
        out.extend([VERSION, tag]);
        for number in [&[self.from], numbers].concat() {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(bytes);
        out
    }

    /// Reads one; `None` where it is none.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (head, mut rest) = bytes.split_first_chunk()?;
        let [VERSION, tag] = head else {
            return None;
        };
        let rest = &mut rest;
        let from = number(rest)?;
        let body = match tag {
            0 | 1 => Body::Ask {
                number: number(rest)?,
                cursor: cursor(std::mem::take(rest))?,
                from_start: *tag == 1,
            },
            2 => Body::Ping,
            3 => Body::Lead {
                next: number(rest)?,
            },
            4 => Body::Give {
                to: number(rest)?,
                number: number(rest)?,
                next: number(rest)?,
                bytes: std::mem::take(rest).to_vec(),
            },
            5 => Body::Beyond {
                to: number(rest)?,
                number: number(rest)?,
            },
            6 => Body::Piece {
                number: number(rest)?,
                bytes: std::mem::take(rest).to_vec(),
            },
            7 => Body::End,
            8 => Body::Begun,
            _ => return None,
        };
        rest.is_empty().then_some(Self { from, body })
    }
}

fn cursor(bytes: &[u8]) -> Option<String> {
    let is_cursor = bytes.len() <= CURSOR_BYTES_MAX;
    let text = std::str::from_utf8(bytes).ok().filter(|_| is_cursor)?;
    Some(text.to_owned())
}

fn number(rest: &mut &[u8]) -> Option<u64> {
    let (number, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(u64::from_le_bytes(*number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crosses_as_bytes() {
        let bodies = [
            Body::Ask {
                number: 3,
                cursor: "5-0 é".to_owned(),
                from_start: false,
            },
            Body::Ask {
                number: 3,
                cursor: "-1".to_owned(),
                from_start: true,
            },
            Body::Ping,
            Body::Lead { next: u64::MAX },
            Body::Give {
                to: 7,
                number: 2,
                next: 0,
                bytes: b"data: 1\n\n".to_vec(),
            },
            Body::Beyond { to: 1, number: 9 },
            Body::Piece {
                number: 3,
                bytes: vec![0, 255],
            },
            Body::End,
            Body::Begun,
        ];
        for body in bodies {
            let message = Message { from: 42, body };
            assert_eq!(Message::from_bytes(&message.to_bytes()), Some(message));
        }
    }

    #[test]
    fn what_is_no_message_is_none() {
        let whole = |tag: u8, rest: &[u8]| [&[VERSION, tag][..], &[0; 8], rest].concat();
        assert!(Message::from_bytes(&whole(2, &[])).is_some());
        let not_utf8 = whole(0, &[&[0; 8][..], &[0xff]].concat());
        let long_cursor = whole(0, &[b'x'; 8 + CURSOR_BYTES_MAX + 1]);
        let cut = [whole(3, &[0; 7]), whole(4, &[0; 23]), whole(6, &[])];
        let too_long = [whole(2, &[0]), whole(3, &[0; 9]), whole(7, b"x")];
        let others = [
            vec![],
            vec![VERSION],
            vec![VERSION, 2, 0],
            whole(9, &[0; 40]),
        ];
        let all = [not_utf8, long_cursor].into_iter();
        for bytes in all.chain(cut).chain(too_long).chain(others) {
            assert_eq!(Message::from_bytes(&bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn a_message_of_another_version_is_none() {
        for version in [0, VERSION - 1, VERSION + 1, 0xff] {
            let mut bytes = Message {
                from: 1,
                body: Body::Ping,
            }
            .to_bytes();
            bytes[0] = version;
            assert_eq!(Message::from_bytes(&bytes), None, "{version}");
        }
    }
}
