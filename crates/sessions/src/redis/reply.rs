//! The replies of the scripts.

use redis::{FromRedisValue, Value};
use rejoin_wire::{
    json::FromJson as _,
    session::{Change, Cursor, EndStatus, Epoch, Node, Record},
};

use crate::log::{Appended, Bounds, LogError, MessageHead, ProducerId};

/// The stored data is not in the written form.
pub(super) fn damaged() -> LogError {
    LogError::Damaged
}

fn read<T: FromRedisValue>(value: Option<&Value>) -> Result<T, LogError> {
    let value = value.ok_or_else(damaged)?;
    T::from_redis_value_ref(value).map_err(|_| damaged())
}

/// The result of an append; `None` if Redis is not the process that it was believed to be.
pub(super) fn appended(reply: &[Value]) -> Result<Option<Appended>, LogError> {
    let text = |index: usize| read::<String>(reply.get(index));
    let number = |index: usize| read::<u64>(reply.get(index));
    match text(0)?.as_str() {
        "run" => Ok(None),
        "ok" => Ok(Some(Appended {
            head: Cursor {
                epoch: Epoch(number(1)?),
                seq: number(2)?,
            },
            repeated: read(reply.get(3))?,
        })),
        "no" => {
            let id = text(2)?;
            Err(match text(1)?.as_str() {
                "session_not_found" => LogError::NotFound,
                "piece_gap" => LogError::PieceGap {
                    id,
                    expected: number(3)?,
                },
                "fenced" => LogError::Fenced(id),
                "message_ended" => LogError::MessageEnded(id),
                "message_not_found" => LogError::MessageNotFound(id),
                "message_exists" => LogError::MessageExists(id),
                _ => damaged(),
            })
        }
        _ => Err(damaged()),
    }
}

/// The session is not there where a script says 0.
pub(super) fn there(answer: u8) -> Result<(), LogError> {
    if answer == 0 {
        return Err(LogError::NotFound);
    }
    Ok(())
}

/// Epoch, first, head and bytes; `None` where the session is not there.
pub(super) fn bounds(fields: [Option<u64>; 4]) -> Option<Bounds> {
    let [epoch, first, head, bytes] = fields;
    Some(Bounds {
        epoch: Epoch(epoch?),
        first: first?,
        head: head?,
        bytes: bytes?,
    })
}

pub(super) fn record(seq: u64, json: &str) -> Result<Record, LogError> {
    let change = Change::from_json(json).map_err(|_| damaged())?;
    Ok(Record { seq, change })
}

/// A message: its id, what is known of it, and its node behind the number of the last record in it, or nothing.
pub(super) fn message((id, row, node): (String, String, String)) -> Result<MessageHead, LogError> {
    let fields = Vec::<String>::from_json(&row).map_err(|_| damaged())?;
    let [position, pieces, changed, producer, status, reason] =
        <[String; 6]>::try_from(fields).map_err(|_| damaged())?;
    let number = |text: &str| text.parse::<u64>().map_err(|_| damaged());
    let ended = match status.as_str() {
        "" => None,
        "complete" => Some(EndStatus::Complete),
        "cancelled" => Some(EndStatus::Cancelled),
        "aborted" => Some(EndStatus::Aborted { reason }),
        _ => return Err(damaged()),
    };
    let node = match node.split_once(' ') {
        None if node.is_empty() => None,
        None => return Err(damaged()),
        Some((_, json)) => Some(Node::from_json(json).map_err(|_| damaged())?),
    };
    Ok(MessageHead {
        id: id.into(),
        position: number(&position)?,
        producer: ProducerId(producer),
        pieces: number(&pieces)?,
        changed: number(&changed)?,
        ended,
        node,
    })
}
