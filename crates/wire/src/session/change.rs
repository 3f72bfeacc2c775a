//! The changes of a session's messages.

use crate::{
    MessageId, RunId,
    json::{FromJson, JsonError, ToJson, Writer, parts, required},
    message::Message,
};

/// One entry of a log.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Its number: one more than that of the record before.
    pub seq: u64,
    /// The change.
    pub change: Change,
}

/// A change of a message.
///
/// `at` counts a message's pieces: a message begins at 0, each appended piece adds one. A producer that repeats an append
/// is known by it, and a reader whose count is another has missed a piece.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A message begins, with what is known of it: often no text yet.
    Started {
        /// The message; its id names it.
        message: Message,
        /// The run that says it.
        run_id: Option<RunId>,
    },
    /// A piece is merged into it, by LangChain's rules.
    Appended {
        /// The message.
        id: MessageId,
        /// The number of pieces before.
        at: u64,
        /// The piece.
        chunk: Message,
    },
    /// All of it anew: appends had failed, or it was edited in place.
    Updated {
        /// Whole; its id names it.
        message: Message,
        /// The number of pieces that it stands for; the next append is at this.
        at: u64,
    },
    /// Nothing will be added.
    Ended {
        /// The message.
        id: MessageId,
        /// Its end.
        status: EndStatus,
    },
    /// It is not part of the conversation any more: the thread went on from before it.
    Removed {
        /// The message.
        id: MessageId,
    },
}

/// The end of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndStatus {
    /// It is whole.
    Complete,
    /// A person stopped it.
    Cancelled,
    /// It was not finished: its producer failed, or was not heard of for the time of its lease.
    Aborted {
        /// Such as `lease_expired`, `agent_failed`, `message_too_large`.
        reason: String,
    },
}

impl EndStatus {
    /// The protocol's word.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Cancelled => "cancelled",
            Self::Aborted { .. } => "aborted",
        }
    }

    /// The end in the fields `status` and `reason`; the reason counts only with `aborted`.
    pub(super) fn read(status: &str, reason: &str) -> Result<Self, JsonError> {
        match String::from_json(required(status, "a status")?)?.as_str() {
            "complete" => Ok(Self::Complete),
            "cancelled" => Ok(Self::Cancelled),
            "aborted" => Ok(Self::Aborted {
                reason: match reason {
                    "null" => String::new(),
                    reason => String::from_json(reason)?,
                },
            }),
            _ => Err(JsonError::expected(
                "the status complete, cancelled or aborted",
            )),
        }
    }

    /// Why it was not finished.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Aborted { reason } => Some(reason),
            Self::Complete | Self::Cancelled => None,
        }
    }
}

impl Change {
    /// The message it is about; `None` where a message came without an id, which no log takes.
    pub fn message_id(&self) -> Option<&MessageId> {
        match self {
            Self::Started { message, .. } | Self::Updated { message, .. } => message.id.as_ref(),
            Self::Appended { id, .. } | Self::Ended { id, .. } | Self::Removed { id } => Some(id),
        }
    }

    /// The protocol's word for what happened.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Started { .. } => "started",
            Self::Appended { .. } => "appended",
            Self::Updated { .. } => "updated",
            Self::Ended { .. } => "ended",
            Self::Removed { .. } => "removed",
        }
    }

    fn write_fields(&self, object: &mut Writer<'_>) {
        object.string("type", self.kind());
        match self {
            Self::Started { message, run_id } => {
                message.write_json(object.field("message"));
                object.some_string("run_id", run_id.as_ref().map(RunId::as_str));
            }
            Self::Appended { id, at, chunk } => {
                object.string("id", id.as_str());
                object.number("at", *at);
                chunk.write_json(object.field("chunk"));
            }
            Self::Updated { message, at } => {
                object.number("at", *at);
                message.write_json(object.field("message"));
            }
            Self::Ended { id, status } => {
                object.string("id", id.as_str());
                object.string("status", status.as_str());
                object.some_string("reason", status.reason());
            }
            Self::Removed { id } => object.string("id", id.as_str()),
        }
    }
}

impl ToJson for Change {
    fn write_json(&self, out: &mut String) {
        let mut object = Writer::object(out);
        self.write_fields(&mut object);
        object.end();
    }
}

impl ToJson for Record {
    fn write_json(&self, out: &mut String) {
        let mut object = Writer::object(out);
        object.number("seq", self.seq);
        self.change.write_fields(&mut object);
        object.end();
    }
}

/// A message that can be named.
pub(super) fn message_with_id(text: &str) -> Result<Message, JsonError> {
    let message = Message::from_json(required(text, "a message")?)?;
    if message.id.is_none() {
        return Err(JsonError::expected("a message with an id"));
    }
    Ok(message)
}

/// A change and, where it is one of a log's, its number.
fn read(text: &str) -> Result<(Option<u64>, Change), JsonError> {
    let names = [
        "type", "seq", "id", "at", "message", "chunk", "run_id", "status", "reason",
    ];
    let [kind, seq, id, at, message, chunk, run_id, status, reason] = parts(text, &names)?;
    let id = || MessageId::from_json(required(id, "a message's id")?);
    let at = || u64::from_json(required(at, "at, a number of pieces")?);
    let message = || message_with_id(message);
    let change = match String::from_json(required(kind, "a type")?)?.as_str() {
        "started" => Change::Started {
            message: message()?,
            run_id: Option::from_json(run_id)?,
        },
        "appended" => Change::Appended {
            id: id()?,
            at: at()?,
            chunk: Message::from_json(required(chunk, "a chunk")?)?,
        },
        "updated" => Change::Updated {
            message: message()?,
            at: at()?,
        },
        "ended" => Change::Ended {
            id: id()?,
            status: EndStatus::read(status, reason)?,
        },
        "removed" => Change::Removed { id: id()? },
        _ => {
            return Err(JsonError::expected(
                "the type started, appended, updated, ended or removed",
            ));
        }
    };
    Ok((Option::from_json(seq)?, change))
}

impl FromJson for Change {
    fn from_json(text: &str) -> Result<Self, JsonError> {
        read(text).map(|(_, change)| change)
    }
}

impl FromJson for Record {
    fn from_json(text: &str) -> Result<Self, JsonError> {
        let (seq, change) = read(text)?;
        let seq = seq.ok_or_else(|| JsonError::expected("seq, a number"))?;
        Ok(Self { seq, change })
    }
}
