//! What an SSE frame means.

use crate::{
    EventId, Json, RunId, WireError,
    json::{FromJson, JsonError, field, fields, items, parts, required},
    message::Message,
    search::{contains, split},
    sse::Frame,
    thread::Interrupt,
};

/// One protocol event: its name, where in the graph it came from, and its data, unread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The cursor, where the server sends one: JS always, Python for resumable runs only.
    pub id: Option<EventId>,
    /// The kind.
    pub name: EventName,
    /// The path of subgraphs, outermost first; empty for the root.
    pub namespace: Vec<String>,
    /// The payload.
    pub data: Json,
}

/// The kinds of event.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // Each is the protocol's own word; `EventBody` says what it carries.
pub enum EventName {
    Metadata,
    Values,
    Messages,
    MessagesMetadata,
    MessagesPartial,
    MessagesComplete,
    Updates,
    Custom,
    Error,
    Checkpoints,
    Tasks,
    Debug,
    Events,
    Tools,
    End,
    /// A name this version does not know; its data stays readable.
    Other(String),
}

/// An event's data, read as far as its name says.
#[derive(Debug, Clone, PartialEq)]
pub enum EventBody {
    /// The run has started, or, when it comes again with another id, started over.
    Metadata(RunMetadata),
    /// The state after a step, or, from the JS server at an interrupt, only the interrupts.
    Values(Values),
    /// A chunk of a message, or a whole one. The second part says which node produced it.
    Messages(Box<Message>, Json),
    /// `messages/partial` and `messages/complete`: each message whole, as far as it has come.
    WholeMessages(Vec<Message>),
    /// The run failed.
    Error(ErrorBody),
    /// What each node wrote; may carry `__interrupt__`.
    Updates(Updates),
    /// Everything else stays as it came.
    Raw(Json),
}

/// `{"run_id","attempt"}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunMetadata {
    /// The run.
    pub run_id: RunId,
    /// Counts from 1. Python sends 1 again after a restart, so it does not tell attempts apart.
    pub attempt: u64,
}

impl FromJson for RunMetadata {
    fn from_json(text: &str) -> Result<Self, JsonError> {
        let [run_id, attempt] = parts(text, &["run_id", "attempt"])?;
        Ok(Self {
            run_id: RunId::from_json(required(run_id, "a `run_id`")?)?,
            attempt: Option::from_json(attempt)?.unwrap_or_default(),
        })
    }
}

/// A `values` payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Values {
    /// The whole payload, `__interrupt__` included.
    pub data: Json,
    /// What is asked, where the payload says so.
    pub interrupts: Option<Vec<Interrupt>>,
    /// Whether the payload holds nothing but `__interrupt__` and so must not replace state.
    pub only_interrupts: bool,
}

/// An `updates` payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Updates {
    /// The whole payload.
    pub data: Json,
    /// What is asked, where the payload says so.
    pub interrupts: Option<Vec<Interrupt>>,
}

/// An `error` payload. Python and the JS server send an object; a JS join of an unknown run sends a bare string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorBody {
    /// The kind: an exception's name. Absent where only a string came.
    pub name: Option<String>,
    /// What went wrong, in the server's words. Never empty.
    pub message: String,
}

impl ErrorBody {
    /// Reads any of the forms that the servers use, also those of `Thread::error` and `Task::error`.
    pub fn read(data: &Json) -> Self {
        let (text, in_string) = match String::from_json(data.text()) {
            // Some servers put an object into a string.
            Ok(text) => (text, true),
            Err(_) => (data.text().to_owned(), false),
        };
        let part = |name: &str| field(&text, name).and_then(|part| String::from_json(part).ok());
        let (error, name, message) = (part("error"), part("name"), part("message"));
        if !in_string {
            return Self::from_parts(name.or(error), message, data);
        }
        if error.is_some() || message.is_some() {
            return Self::from_parts(error.or(name), message, data);
        }
        Self::from_parts(None, Some(text), data)
    }

    /// Whether the server says that it does not know the run.
    pub fn is_run_not_found(&self) -> bool {
        let message = self.message.to_ascii_lowercase();
        contains(&message, "run not found")
            || (contains(&message, "404") && contains(&message, "not found"))
    }

    fn from_parts(name: Option<String>, message: Option<String>, data: &Json) -> Self {
        let message = message
            .filter(|m| !m.is_empty())
            .or_else(|| name.clone())
            .unwrap_or_else(|| data.text().to_owned());
        Self { name, message }
    }
}

impl Event {
    /// Gives a frame its meaning. The data is checked to be JSON, and not read further.
    ///
    /// # Errors
    /// [`WireError::EventData`] where the data is not JSON.
    pub fn from_frame(frame: Frame) -> Result<Self, WireError> {
        let full_name = frame.event_name().to_owned();
        let mut parts = split(&full_name, b'|');
        let name = EventName::from_wire(parts.next().unwrap_or_default());
        let namespace = parts.map(str::to_owned).collect();
        // A frame without data is a control part or an `end`; null keeps it readable.
        let text = if frame.data.is_empty() {
            "null".to_owned()
        } else {
            frame.data
        };
        let data = Json::parse(text).map_err(|error| WireError::EventData {
            event: full_name.clone(),
            reason: error.words(),
        })?;
        let id = frame.id.filter(|id| !id.is_empty()).map(EventId::from);
        Ok(Self {
            id,
            name,
            namespace,
            data,
        })
    }

    /// Whether it comes from the graph itself rather than from a subgraph.
    pub fn is_root(&self) -> bool {
        self.namespace.is_empty()
    }

    /// Reads the data as far as the name says.
    ///
    /// # Errors
    /// [`WireError::EventData`] where the data is not what the name promises.
    pub fn body(&self) -> Result<EventBody, WireError> {
        Ok(match &self.name {
            EventName::Metadata => EventBody::Metadata(self.read()?),
            EventName::Values => EventBody::Values(self.values()?),
            EventName::Messages => {
                let (message, metadata) = self.message()?;
                EventBody::Messages(Box::new(message), metadata)
            }
            EventName::MessagesPartial | EventName::MessagesComplete => {
                EventBody::WholeMessages(self.read()?)
            }
            EventName::Error => EventBody::Error(ErrorBody::read(&self.data)),
            EventName::Updates => EventBody::Updates(Updates {
                data: self.data.clone(),
                interrupts: self.interrupts(),
            }),
            EventName::MessagesMetadata
            | EventName::Custom
            | EventName::Checkpoints
            | EventName::Tasks
            | EventName::Debug
            | EventName::Events
            | EventName::Tools
            | EventName::End
            | EventName::Other(_) => EventBody::Raw(self.data.clone()),
        })
    }

    /// Reads `messages`: a chunk of a message or a whole one, and which node produced it.
    ///
    /// # Errors
    /// As for [`Event::body`].
    pub fn message(&self) -> Result<(Message, Json), WireError> {
        let Pair(message, metadata) = self.read()?;
        Ok((message, metadata))
    }

    /// What `updates` say that an agent asks.
    pub fn interrupts(&self) -> Option<Vec<Interrupt>> {
        let asked = field(self.data.text(), INTERRUPT_KEY)?;
        Vec::from_json(asked).ok()
    }

    /// Reads `values`.
    ///
    /// # Errors
    /// As for [`Event::body`].
    pub fn values(&self) -> Result<Values, WireError> {
        let text = self.data.text();
        let mut values = Values {
            data: self.data.clone(),
            interrupts: None,
            only_interrupts: false,
        };
        // Most payloads have no interrupt; a substring search is far cheaper than a second parse.
        if !contains(text, INTERRUPT_KEY) {
            return Ok(values);
        }
        let mut others = false;
        let read = fields(text, &mut |key, value| {
            if key == INTERRUPT_KEY {
                values.interrupts = Some(Vec::from_json(value)?);
            } else {
                others = true;
            }
            Ok(())
        });
        read.map_err(|error| self.error(&error))?;
        values.only_interrupts = values.interrupts.is_some() && !others;
        Ok(values)
    }

    /// Reads the data as a known shape.
    ///
    /// # Errors
    /// As for [`Event::body`].
    pub fn read<T: FromJson>(&self) -> Result<T, WireError> {
        T::from_json(self.data.text()).map_err(|error| self.error(&error))
    }

    fn error(&self, error: &JsonError) -> WireError {
        WireError::EventData {
            event: self.name.as_str().to_owned(),
            reason: error.words(),
        }
    }
}

/// `[message, metadata]`.
struct Pair(Message, Json);

impl FromJson for Pair {
    fn from_json(text: &str) -> Result<Self, JsonError> {
        let mut parts = Vec::new();
        items(text, &mut |part| {
            parts.push(part);
            Ok(())
        })?;
        let [message, metadata] = parts[..] else {
            return Err(JsonError::expected("a message and its metadata"));
        };
        Ok(Self(
            Message::from_json(message)?,
            Json::from_checked(metadata),
        ))
    }
}

/// Where values and updates say what an agent asks.
const INTERRUPT_KEY: &str = "__interrupt__";

impl EventName {
    /// The name without its namespace.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Metadata => "metadata",
            Self::Values => "values",
            Self::Messages => "messages",
            Self::MessagesMetadata => "messages/metadata",
            Self::MessagesPartial => "messages/partial",
            Self::MessagesComplete => "messages/complete",
            Self::Updates => "updates",
            Self::Custom => "custom",
            Self::Error => "error",
            Self::Checkpoints => "checkpoints",
            Self::Tasks => "tasks",
            Self::Debug => "debug",
            Self::Events => "events",
            Self::Tools => "tools",
            Self::End => "end",
            Self::Other(name) => name,
        }
    }

    fn from_wire(name: &str) -> Self {
        const KNOWN: [EventName; 15] = [
            EventName::Metadata,
            EventName::Values,
            EventName::Messages,
            EventName::MessagesMetadata,
            EventName::MessagesPartial,
            EventName::MessagesComplete,
            EventName::Updates,
            EventName::Custom,
            EventName::Error,
            EventName::Checkpoints,
            EventName::Tasks,
            EventName::Debug,
            EventName::Events,
            EventName::Tools,
            EventName::End,
        ];
        KNOWN
            .into_iter()
            .find(|known| known.as_str() == name)
            .unwrap_or_else(|| Self::Other(name.to_owned()))
    }
}
