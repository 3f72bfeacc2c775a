//! What can happen to a session's messages.

use crate::{
    MessageId, RunId,
    json::{FromJson, JsonError, ToJson, Writer, fields},
    message::Message,
};

/// One entry of a log.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Its number: one more than that of the record before.
    pub seq: u64,
    /// What happened.
    pub change: Change,
}

/// What happened to a message.
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
        /// Which.
        id: MessageId,
        /// How many pieces there were before.
        at: u64,
        /// The piece.
        chunk: Message,
    },
    /// All of it anew: appends had failed, or it was edited in place.
    Updated {
        /// Whole; its id names it.
        message: Message,
        /// How many pieces it stands for; the next append is at this.
        at: u64,
    },
    /// Nothing will be added.
    Ended {
        /// Which.
        id: MessageId,
        /// How.
        status: EndStatus,
    },
    /// It is not part of the conversation any more: the thread went on from before it.
    Removed {
        /// Which.
        id: MessageId,
    },
}

/// How a message ended.
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

    /// Reads the word; `reason` is looked at where it is `aborted`.
    pub(super) fn from_wire(word: &str, reason: Option<String>) -> Option<Self> {
        Some(match word {
            "complete" => Self::Complete,
            "cancelled" => Self::Cancelled,
            "aborted" => Self::Aborted {
                reason: reason.unwrap_or_default(),
            },
            _ => return None,
        })
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

/// The fields of every kind of change, as they come.
#[derive(Default)]
struct Given<'a> {
    kind: String,
    seq: Option<u64>,
    id: Option<MessageId>,
    at: Option<u64>,
    message: Option<&'a str>,
    chunk: Option<&'a str>,
    run_id: Option<RunId>,
    status: Option<String>,
    reason: Option<String>,
}

impl<'a> Given<'a> {
    fn read(text: &'a str) -> Result<Self, JsonError> {
        let mut given = Self::default();
        fields(text, &mut |name, value| {
            match name {
                "type" => given.kind = FromJson::from_json(value)?,
                "seq" => given.seq = FromJson::from_json(value)?,
                "id" => given.id = FromJson::from_json(value)?,
                "at" => given.at = FromJson::from_json(value)?,
                "message" => given.message = Some(value),
                "chunk" => given.chunk = Some(value),
                "run_id" => given.run_id = FromJson::from_json(value)?,
                "status" => given.status = FromJson::from_json(value)?,
                "reason" => given.reason = FromJson::from_json(value)?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(given)
    }

    fn into_change(self) -> Result<Change, JsonError> {
        let missing = |what| move || JsonError::expected(what);
        let message = |text: Option<&str>| {
            let text = text.ok_or_else(missing("a message"))?;
            let message = Message::from_json(text)?;
            if message.id.is_none() {
                return Err(JsonError::expected("a message with an id"));
            }
            Ok(message)
        };
        let id = |id: Option<MessageId>| id.ok_or_else(missing("a message's id"));
        Ok(match self.kind.as_str() {
            "started" => Change::Started {
                message: message(self.message)?,
                run_id: self.run_id,
            },
            "appended" => Change::Appended {
                id: id(self.id)?,
                at: self.at.ok_or_else(missing("at, a number of pieces"))?,
                chunk: Message::from_json(self.chunk.ok_or_else(missing("a chunk"))?)?,
            },
            "updated" => Change::Updated {
                message: message(self.message)?,
                at: self.at.ok_or_else(missing("at, a number of pieces"))?,
            },
            "ended" => Change::Ended {
                id: id(self.id)?,
                status: EndStatus::from_wire(&self.status.unwrap_or_default(), self.reason)
                    .ok_or_else(missing("the status complete, cancelled or aborted"))?,
            },
            "removed" => Change::Removed { id: id(self.id)? },
            _ => {
                return Err(JsonError::expected(
                    "the type started, appended, updated, ended or removed",
                ));
            }
        })
    }
}

impl FromJson for Change {
    fn from_json(text: &str) -> Result<Self, JsonError> {
        Given::read(text)?.into_change()
    }
}

impl FromJson for Record {
    fn from_json(text: &str) -> Result<Self, JsonError> {
        let given = Given::read(text)?;
        Ok(Self {
            seq: given
                .seq
                .ok_or_else(|| JsonError::expected("seq, a number"))?,
            change: given.into_change()?,
        })
    }
}
