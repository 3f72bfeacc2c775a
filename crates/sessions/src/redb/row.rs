//! The bytes of the rows: numbers are big-endian, so that keys sort.

use std::time::Duration;

use rejoin_wire::{
    MessageId,
    session::{Cursor, EndStatus, Epoch},
};

use crate::log::{Bounds, LogError, MessageHead, ProducerId, SessionId};

/// One life of a log.
#[derive(Debug, Clone, Copy)]
pub(super) struct Life {
    pub(super) epoch: Epoch,
    pub(super) first: u64,
    pub(super) head: u64,
    pub(super) bytes: u64,
}

impl Life {
    pub(super) fn cursor(&self) -> Cursor {
        Cursor {
            epoch: self.epoch,
            seq: self.head,
        }
    }

    pub(super) fn bounds(&self) -> Bounds {
        Bounds {
            epoch: self.epoch,
            first: self.first,
            head: self.head,
            bytes: self.bytes,
        }
    }

    pub(super) fn write(&self) -> Vec<u8> {
        let numbers = [self.epoch.0, self.first, self.head, self.bytes];
        numbers
            .iter()
            .flat_map(|number| number.to_be_bytes())
            .collect()
    }

    pub(super) fn read(row: &[u8]) -> Result<Self, LogError> {
        let mut fields = Fields(row);
        Ok(Self {
            epoch: Epoch(fields.number()?),
            first: fields.number()?,
            head: fields.number()?,
            bytes: fields.number()?,
        })
    }
}

/// A key of a session's rows that are in the order of the log.
pub(super) fn numbered(epoch: Epoch, number: u64) -> [u8; 16] {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&epoch.0.to_be_bytes());
    key[8..].copy_from_slice(&number.to_be_bytes());
    key
}

/// The number of such a key.
pub(super) fn number_of(key: &[u8]) -> Result<u64, LogError> {
    let mut fields = Fields(key);
    fields.number()?;
    fields.number()
}

/// A key of a message.
pub(super) fn named(epoch: Epoch, id: &MessageId) -> Vec<u8> {
    [&epoch.0.to_be_bytes(), id.as_str().as_bytes()].concat()
}

/// The head of a message, without its id and its node.
pub(super) fn write_message(head: &MessageHead) -> Vec<u8> {
    let mut row = Vec::with_capacity(64);
    for number in [head.position, head.pieces, head.changed] {
        row.extend(number.to_be_bytes());
    }
    let (status, reason) = match &head.ended {
        None => (0, ""),
        Some(EndStatus::Complete) => (1, ""),
        Some(EndStatus::Cancelled) => (2, ""),
        Some(EndStatus::Aborted { reason }) => (3, reason.as_str()),
    };
    row.push(status);
    row.extend((head.producer.0.len() as u64).to_be_bytes());
    row.extend(head.producer.0.as_bytes());
    row.extend(reason.as_bytes());
    row
}

/// The reverse of [`write_message`].
pub(super) fn read_message(id: MessageId, row: &[u8]) -> Result<MessageHead, LogError> {
    let mut fields = Fields(row);
    let (position, pieces, changed) = (fields.number()?, fields.number()?, fields.number()?);
    let status = fields.take(1)?[0];
    let producer_bytes = usize::try_from(fields.number()?).map_err(|_| damaged())?;
    let producer = ProducerId(text(fields.take(producer_bytes)?)?);
    let ended = match status {
        0 => None,
        1 => Some(EndStatus::Complete),
        2 => Some(EndStatus::Cancelled),
        3 => Some(EndStatus::Aborted {
            reason: text(fields.0)?,
        }),
        _ => return Err(damaged()),
    };
    Ok(MessageHead {
        id,
        position,
        producer,
        pieces,
        changed,
        ended,
        node: None,
    })
}

/// A message that is streaming.
pub(super) struct Open {
    /// How long its producer was to be waited for when it began.
    pub(super) lease: Duration,
    pub(super) session: SessionId,
    pub(super) id: MessageId,
}

impl Open {
    pub(super) fn write(&self) -> Vec<u8> {
        let lease = u64::try_from(self.lease.as_millis()).unwrap_or(u64::MAX);
        let mut row = lease.to_be_bytes().to_vec();
        row.extend(self.session.as_str().as_bytes());
        // No session's name holds a space.
        row.push(b' ');
        row.extend(self.id.as_str().as_bytes());
        row
    }

    pub(super) fn read(row: &[u8]) -> Result<Self, LogError> {
        let mut fields = Fields(row);
        let lease = Duration::from_millis(fields.number()?);
        let names = text(fields.0)?;
        let (session, id) = names.split_once(' ').ok_or_else(damaged)?;
        Ok(Self {
            lease,
            session: SessionId::parse(session).map_err(|_| damaged())?,
            id: id.into(),
        })
    }
}

/// A text of a row.
pub(super) fn text(bytes: &[u8]) -> Result<String, LogError> {
    String::from_utf8(bytes.to_vec()).map_err(|_| damaged())
}

/// The stored data is not in the written form.
pub(super) fn damaged() -> LogError {
    LogError::Damaged
}

/// A row that is read from its beginning.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], LogError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or_else(damaged)?;
        self.0 = rest;
        Ok(taken)
    }

    fn number(&mut self) -> Result<u64, LogError> {
        let bytes = self.take(8)?.try_into().map_err(|_| damaged())?;
        Ok(u64::from_be_bytes(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_as_they_were_written_and_cut_ones_are_refused() {
        let statuses = [
            None,
            Some(EndStatus::Complete),
            Some(EndStatus::Cancelled),
            Some(EndStatus::Aborted {
                reason: "lease_expired".to_owned(),
            }),
        ];
        for ended in statuses {
            let head = MessageHead {
                id: "m 1".into(),
                position: 7,
                producer: ProducerId("a\nproducer ü".to_owned()),
                pieces: u64::MAX,
                changed: 9,
                ended,
                node: None,
            };
            let row = write_message(&head);
            assert_eq!(read_message("m 1".into(), &row), Ok(head));
            assert_eq!(read_message("m 1".into(), &row[..30]), Err(damaged()));
        }
        let open = Open {
            lease: Duration::from_secs(15),
            session: SessionId::parse("s").unwrap(),
            id: "m 1".into(),
        };
        let read = Open::read(&open.write()).unwrap();
        assert_eq!((read.lease, read.id), (open.lease, open.id));
        assert_eq!(read.session, open.session);
    }
}
