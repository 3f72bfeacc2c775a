//! What tabs say to each other, as bytes. Only tabs of one build are on a channel, so there is no version in them; what cannot be read is
//! passed over.

/// A message. `from` is the stream in a tab that says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Who says it.
    pub from: u64,
    /// What is said.
    pub body: Body,
}

/// What is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// Who leads, give me what follows this cursor.
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
    /// What was asked for.
    Give {
        /// Who asked.
        to: u64,
        /// The question's number.
        number: u64,
        /// The number of the piece that comes next.
        next: u64,
        /// Whole frames.
        bytes: Vec<u8>,
    },
    /// What was asked for is too long ago.
    Beyond {
        /// Who asked.
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
        };
        let mut out = Vec::with_capacity(9 + 8 * numbers.len() + bytes.len());
        out.push(tag);
        for number in [&[self.from], numbers].concat() {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(bytes);
        out
    }

    /// Reads one; `None` where it is none.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (tag, mut rest) = bytes.split_first()?;
        let rest = &mut rest;
        let from = number(rest)?;
        let body = match tag {
            0 | 1 => Body::Ask {
                number: number(rest)?,
                cursor: String::from_utf8(rest.to_vec()).ok()?,
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
                bytes: rest.to_vec(),
            },
            5 => Body::Beyond {
                to: number(rest)?,
                number: number(rest)?,
            },
            6 => Body::Piece {
                number: number(rest)?,
                bytes: rest.to_vec(),
            },
            7 => Body::End,
            _ => return None,
        };
        Some(Self { from, body })
    }
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
        ];
        for body in bodies {
            let message = Message { from: 42, body };
            assert_eq!(Message::from_bytes(&message.to_bytes()), Some(message));
        }
    }

    #[test]
    fn what_is_no_message_is_none() {
        for bytes in [&[][..], &[3], &[9; 40], &[4; 9], &[6; 12]] {
            assert_eq!(Message::from_bytes(bytes), None, "{bytes:?}");
        }
        let not_utf8 = [&[0][..], &[0; 16], &[0xff]].concat();
        assert_eq!(Message::from_bytes(&not_utf8), None);
    }
}
