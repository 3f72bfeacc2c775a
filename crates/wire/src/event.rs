//! The meaning of SSE frames.

use crate::{
    EventId, Json, RunId, WireError,
    json::{
        FromJson, JsonError, Lenient, Oddities, Part, field, fields, items, parts, whole_number,
    },
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
    /// The payload. Of an `error`, or of an event whose name means nothing here, whose data is not JSON: the text as a JSON string.
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
    /// The writes of each node; may carry `__interrupt__`.
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

impl Lenient for RunMetadata {
    fn read(text: &str, odd: &mut Oddities) -> Result<Self, JsonError> {
        let [run_id, attempt] = parts(text, &["run_id", "attempt"])?;
        let attempt = match attempt {
            "null" => 0,
            attempt => whole_number(attempt).unwrap_or_else(|| {
                odd.note("attempt", "a whole number", attempt);
                0
            }),
        };
        let run_id = odd.id("run_id", run_id);
        Ok(Self {
            run_id: run_id.ok_or_else(|| JsonError::expected("an object with a `run_id`"))?,
            attempt,
        })
    }
}

/// A `values` payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Values {
    /// The whole payload, `__interrupt__` included.
    pub data: Json,
    /// The questions, if the payload has some.
    pub interrupts: Option<Vec<Interrupt>>,
    /// Whether the payload holds nothing but `__interrupt__` and so must not replace state.
    pub only_interrupts: bool,
}

/// An `updates` payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Updates {
    /// The whole payload.
    pub data: Json,
    /// The questions, if the payload has some.
    pub interrupts: Option<Vec<Interrupt>>,
}

/// An `error` payload. Python and the JS server send an object; a JS join of an unknown run sends a bare string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorBody {
    /// The kind: an exception's name. Absent where only a string came.
    pub name: Option<String>,
    /// The failure, in the server's words. Never empty.
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
    /// Gives a frame its meaning. The data of an event with a meaning is checked to be JSON, and not read further.
    ///
    /// # Errors
    /// [`WireError::EventData`] where such data is not JSON.
    pub fn from_frame(frame: Frame) -> Result<Self, WireError> {
        let full_name = frame.event_name().to_owned();
        let id = frame.event_id();
        let mut parts = split(&full_name, b'|');
        let name = EventName::from_wire(parts.next().unwrap_or_default());
        let namespace = parts.map(str::to_owned).collect();
        let data = match name.promise() {
            // A frame without data is a control part or an `end`; null keeps it readable.
            _ if frame.data.is_empty() => Json::null(),
            // That a run has failed counts, in whatever words.
            Promise::Nothing | Promise::Something => Json::parse_or_quote(&frame.data),
            Promise::Json | Promise::Object | Promise::List => {
                Json::parse(frame.data).map_err(|error| WireError::EventData {
                    event: full_name.clone(),
                    reason: error.words(),
                })?
            }
        };
        Ok(Self {
            id,
            name,
            namespace,
            data,
        })
    }

    /// Whether it says anything of a run: a `ping` or another word that means nothing here does not, unless its id is a
    /// place in the run's events.
    pub fn is_of_run(&self) -> bool {
        self.id.is_some() || self.name.promise() != Promise::Nothing
    }

    /// Whether the data is of the type that the name promises, so that whoever listens to the event may read it as that.
    pub fn keeps_promise(&self) -> bool {
        let text = self.data.text();
        match self.name.promise() {
            Promise::Nothing | Promise::Json => true,
            Promise::Something => text != "null",
            Promise::Object => text.starts_with('{'),
            Promise::List => text.starts_with('['),
        }
    }

    /// Notes data that is not of the type that the name promises.
    pub fn check(&self, odd: &mut Oddities) {
        if !self.keeps_promise() {
            let expected = match self.name.promise() {
                Promise::List => "a list",
                Promise::Object => "an object",
                Promise::Nothing | Promise::Json | Promise::Something => "an object or a text",
            };
            odd.note("", expected, self.data.text());
        }
    }

    /// Its name with its namespace, as a frame says it.
    pub(crate) fn full_name(&self) -> String {
        let mut name = self.name.as_str().to_owned();
        for part in &self.namespace {
            name.push('|');
            name.push_str(part);
        }
        name
    }

    /// Whether it comes from the graph itself rather than from a subgraph.
    pub fn is_root(&self) -> bool {
        self.namespace.is_empty()
    }

    /// Reads the data as far as the name says.
    ///
    /// # Errors
    /// [`WireError::EventData`] where the data is not what the name promises, or a piece of it is odd.
    pub fn body(&self) -> Result<EventBody, WireError> {
        let mut odd = Oddities::default();
        let body = self.read_body(&mut odd);
        match odd.into_list().first() {
            None => Ok(body),
            Some(oddity) => Err(WireError::EventData {
                event: self.name.as_str().to_owned(),
                reason: oddity.words(),
            }),
        }
    }

    fn read_body(&self, odd: &mut Oddities) -> EventBody {
        let body = match &self.name {
            EventName::Metadata => self.metadata(odd).map(EventBody::Metadata),
            EventName::Values => self.values(odd).map(EventBody::Values),
            EventName::Messages => {
                let read = self.message(odd);
                read.map(|(message, metadata)| EventBody::Messages(Box::new(message), metadata))
            }
            EventName::MessagesPartial | EventName::MessagesComplete => {
                Some(EventBody::WholeMessages(self.messages(odd)))
            }
            EventName::Error => Some(EventBody::Error(ErrorBody::read(&self.data))),
            EventName::Updates => Some(EventBody::Updates(Updates {
                data: self.data.clone(),
                interrupts: self.interrupts(odd),
            })),
            EventName::MessagesMetadata
            | EventName::Custom
            | EventName::Checkpoints
            | EventName::Tasks
            | EventName::Debug
            | EventName::Events
            | EventName::Tools
            | EventName::End
            | EventName::Other(_) => None,
        };
        body.unwrap_or_else(|| EventBody::Raw(self.data.clone()))
    }

    /// Reads `metadata`; `None`, with a note, where it names no run.
    pub fn metadata(&self, odd: &mut Oddities) -> Option<RunMetadata> {
        let text = self.data.text();
        match RunMetadata::read(text, odd) {
            Ok(metadata) => Some(metadata),
            Err(error) => {
                odd.note("", error.expected, text);
                None
            }
        }
    }

    /// Reads `messages`: a chunk of a message or a whole one, and which node produced it. `None`, with a note, where there
    /// is no message.
    pub fn message(&self, odd: &mut Oddities) -> Option<(Message, Json)> {
        let text = self.data.text();
        let mut parts = Vec::new();
        let read = items(text, &mut |part| {
            parts.push(part);
            Ok(())
        });
        let is_metadata = |part: &&&str| part.starts_with(['{', 'n']);
        let (message, metadata) = match (read, parts.as_slice()) {
            (Ok(()), [message, rest @ ..]) => (*message, rest.first().filter(is_metadata)),
            (Err(_), _) | (Ok(()), []) => (text, None),
        };
        let is_message = message.starts_with('{');
        if metadata.is_none() || !is_message {
            odd.note("", "a message and its metadata", text);
        }
        if !is_message {
            return None;
        }
        let message = odd.within(Part::Item(0), |odd| {
            let message = Message::read(message, odd).ok()?;
            message.kind.note(odd);
            Some(message)
        });
        let metadata = metadata.map_or_else(Json::null, |part| Json::from_checked(part));
        Some((message?, metadata))
    }

    /// Reads `messages/partial` and `messages/complete`.
    pub fn messages(&self, odd: &mut Oddities) -> Vec<Message> {
        if self.data.is_null() {
            self.check(odd);
        }
        let mut messages: Vec<Message> = odd.list("", self.data.text());
        if self.name == EventName::MessagesComplete {
            for (at, message) in messages.iter_mut().enumerate() {
                odd.within(Part::Item(at), |odd| message.close(odd));
            }
        }
        messages
    }

    /// The agent's questions in `updates`.
    pub fn interrupts(&self, odd: &mut Oddities) -> Option<Vec<Interrupt>> {
        let asked = field(self.data.text(), INTERRUPT_KEY)?;
        Some(odd.list(INTERRUPT_KEY, asked))
    }

    /// Reads `values`; `None`, with a note, where they are no object.
    pub fn values(&self, odd: &mut Oddities) -> Option<Values> {
        let text = self.data.text();
        if !text.starts_with('{') {
            odd.note("", "an object", text);
            return None;
        }
        let mut values = Values {
            data: self.data.clone(),
            interrupts: None,
            only_interrupts: false,
        };
        // Most payloads have no interrupt; a substring search is far cheaper than a second parse.
        if !contains(text, INTERRUPT_KEY) {
            return Some(values);
        }
        let mut others = false;
        let read = fields(text, &mut |key, value| {
            if key == INTERRUPT_KEY {
                values.interrupts = Some(odd.list(INTERRUPT_KEY, value));
            } else {
                others = true;
            }
            Ok(())
        });
        values.only_interrupts = read.is_ok() && values.interrupts.is_some() && !others;
        Some(values)
    }
}
/// The form of an event's data, by the event's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Promise {
    /// Nothing: it may not even be JSON.
    Nothing,
    /// Any JSON.
    Json,
    /// Anything but `null`. Data that is no JSON is a text.
    Something,
    Object,
    List,
}

/// The key of an agent's questions in values and updates.
const INTERRUPT_KEY: &str = "__interrupt__";

impl EventName {
    /// The form of its data.
    fn promise(&self) -> Promise {
        match self {
            Self::Metadata
            | Self::Values
            | Self::MessagesMetadata
            | Self::Updates
            | Self::Checkpoints
            | Self::Tasks
            | Self::Debug
            | Self::Events
            | Self::Tools => Promise::Object,
            Self::Messages | Self::MessagesPartial | Self::MessagesComplete => Promise::List,
            Self::Error => Promise::Something,
            Self::Custom => Promise::Json,
            Self::End | Self::Other(_) => Promise::Nothing,
        }
    }

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Oddity;

    fn event(name: &str, data: &str) -> Event {
        let frame = Frame {
            event: Some(name.to_owned()),
            data: data.to_owned(),
            id: None,
            retry_ms: None,
        };
        Event::from_frame(frame).expect(data)
    }

    #[test]
    fn data_of_an_event_without_a_meaning_is_whatever_it_is() {
        let cases = [
            ("2026-11-29 04:00:00", r#""2026-11-29 04:00:00""#),
            ("{broken", r#""{broken""#),
            (r#"a "quote""#, r#""a \"quote\"""#),
            ("", "null"),
            ("null", "null"),
            (r#"{"a":1}"#, r#"{"a":1}"#),
        ];
        for (data, expected) in cases {
            for name in [
                "ping",
                "keepalive",
                "end",
                "metadata/x",
                "message",
                "ping|a",
            ] {
                let event = event(name, data);
                assert_eq!(
                    (event.data.text(), event.is_of_run()),
                    (expected, false),
                    "{name}"
                );
                let mut odd = Oddities::default();
                event.check(&mut odd);
                assert!(
                    odd.into_list().is_empty() && event.body().is_ok(),
                    "{name} {data}"
                );
            }
        }
    }

    #[test]
    fn data_that_is_not_what_the_name_promises_is_noted() {
        let check = |name: &str, kept: &[&str]| {
            for data in ["null", "4", "true", r#""a""#, "[]", "{}"] {
                let mut odd = Oddities::default();
                let event = event(name, data);
                let is_kept = event.keeps_promise();
                event.check(&mut odd);
                assert_eq!(is_kept, kept.contains(&data), "{name} {data}");
                assert_eq!(is_kept, odd.into_list().is_empty(), "{name} {data}");
            }
        };
        for name in [
            "metadata",
            "values",
            "updates",
            "checkpoints",
            "tasks",
            "debug",
            "events",
            "tools",
            "messages/metadata",
        ] {
            check(name, &["{}"]);
        }
        for name in ["messages", "messages/partial", "messages/complete"] {
            check(name, &["[]"]);
        }
        check("error", &["4", "true", r#""a""#, "[]", "{}"]);
        check("custom", &["null", "4", "true", r#""a""#, "[]", "{}"]);
    }

    fn message(data: &str) -> (Option<(String, String)>, Vec<String>) {
        let mut odd = Oddities::default();
        let read = event("messages", data).message(&mut odd);
        let read = read.map(|(message, metadata)| {
            (
                message.content.text().into_owned(),
                metadata.text().to_owned(),
            )
        });
        (read, odd.into_list().iter().map(Oddity::words).collect())
    }

    #[test]
    fn a_chunk_is_read_without_its_metadata() {
        let chunk = r#"{"type":"ai","id":"m","content":"a"}"#;
        let some = |metadata: &str| Some(("a".to_owned(), metadata.to_owned()));
        assert_eq!(
            message(&format!("[{chunk},{{\"n\":1}}]")),
            (some(r#"{"n":1}"#), vec![])
        );
        assert_eq!(message(&format!("[{chunk},null]")), (some("null"), vec![]));
        for data in [
            format!("[{chunk}]"),
            chunk.to_owned(),
            format!("[{chunk},5]"),
        ] {
            let (read, words) = message(&data);
            assert_eq!((read, words.len()), (some("null"), 1), "{data}");
        }
        for data in ["null", "42", r#""a""#, "[]", "[null]", "[42,{}]"] {
            let (read, words) = message(data);
            assert_eq!(read, None, "{data}");
            assert_eq!(words.len(), 1, "{words:?}");
        }
        let (read, words) = message(r#"[{"type":"ai","id":7,"content":42},{}]"#);
        assert_eq!(read.map(|(text, _)| text).as_deref(), Some("42"));
        assert_eq!(
            words,
            [
                "[0].id is a number (7) where a text belongs",
                "[0].content is a number (42) where a text or a list of blocks belongs",
            ]
        );
    }
}
