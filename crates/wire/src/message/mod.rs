//! LangChain's message, and how its streaming chunks merge.

mod calls;
mod halves;
mod list;
mod merge;
mod read;
mod text;

pub use halves::Halves;
pub use list::{read_ids, read_messages};

use crate::{
    MessageId,
    json::{Node, Object, Oddities, serde_by_text},
};

/// The id that, on a `remove` message, stands for every message.
pub const REMOVE_ALL: &str = "__remove_all__";

/// A message of a thread's state, or a streamed chunk of one.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Names it within its thread. A chunk without one cannot be placed.
    pub id: Option<MessageId>,
    /// The speaker.
    pub kind: MessageKind,
    /// The content.
    pub content: Content,
    /// Every other field, as it came: those of the protocol ([`Message::tool_calls`] and so on) as those of providers.
    /// `additional_kwargs` and `response_metadata` are always there; what has a known shape and says nothing (`null`, an
    /// empty list) never is.
    pub fields: Object,
    /// Halves of surrogate pairs that the next chunk may complete. Until then each is shown as U+FFFD.
    pub halves: Halves,
}

/// Objects that every message has, if only empty ones.
const MAPS: [&str; 2] = ["additional_kwargs", "response_metadata"];

impl Default for Message {
    fn default() -> Self {
        Self::new(MessageKind::default(), Object::default())
    }
}

impl Message {
    fn new(kind: MessageKind, mut fields: Object) -> Self {
        for name in MAPS {
            if fields.get(name).is_none() {
                fields.set(name, Node::Object(Object::default()));
            }
        }
        Self {
            id: None,
            kind,
            content: Content::default(),
            fields,
            halves: Halves::default(),
        }
    }

    /// Tools the model asks for; on a streamed message, as far as their arguments have come. [`ToolCall::read`] reads one.
    pub fn tool_calls(&self) -> &[Node] {
        self.list("tool_calls")
    }

    /// The pieces of calls as streamed.
    pub fn tool_call_chunks(&self) -> &[Node] {
        self.list("tool_call_chunks")
    }

    /// On a tool's message, the call it answers.
    pub fn tool_call_id(&self) -> Option<&str> {
        self.fields.text_of("tool_call_id")
    }

    fn list(&self, name: &str) -> &[Node] {
        let list = self.fields.get(name).and_then(Node::as_array);
        list.unwrap_or_default()
    }

    /// Whether it brings nothing but text.
    pub fn is_only_text(&self) -> bool {
        let says_nothing = |value: &Node| value.as_object().is_some_and(Object::is_empty);
        matches!(self.content, Content::Text(_))
            && self.halves.is_empty()
            && self.fields.iter().all(|(_, value)| says_nothing(value))
    }
}

/// The speaker. The streaming names (`AIMessageChunk`) and the short ones (`user`) mean the same.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub enum MessageKind {
    /// The user.
    #[default]
    Human,
    /// The model.
    Ai,
    /// Instructions.
    System,
    /// A tool's answer.
    Tool,
    /// Not a message: an order to remove one, or with [`REMOVE_ALL`] all.
    Remove,
    /// A word this version does not know.
    Other(String),
}

impl MessageKind {
    /// The protocol's word.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Human => "human",
            Self::Ai => "ai",
            Self::System => "system",
            Self::Tool => "tool",
            Self::Remove => "remove",
            Self::Other(word) => word,
        }
    }

    /// Reads any of the words in use, also the names of LangChain's classes.
    pub fn from_wire(word: &str) -> Self {
        let stem = word.strip_suffix("Chunk").unwrap_or(word);
        match stem
            .strip_suffix("Message")
            .unwrap_or(word)
            .to_ascii_lowercase()
            .as_str()
        {
            "human" | "user" => Self::Human,
            "ai" | "assistant" => Self::Ai,
            "system" | "developer" => Self::System,
            "tool" => Self::Tool,
            "remove" => Self::Remove,
            other => Self::Other(other.to_owned()),
        }
    }

    /// Notes a word that LangChain does not know either.
    pub(crate) fn note(&self, odd: &mut Oddities) {
        match self {
            // The last stands for no word at all, which is noted where it is read.
            Self::Other(word)
                if !matches!(word.as_str(), "function" | "chat" | "generic" | "unknown") =>
            {
                odd.note(
                    "type",
                    "a known kind of message",
                    &["\"", word, "\""].concat(),
                );
            }
            Self::Human | Self::Ai | Self::System | Self::Tool | Self::Remove | Self::Other(_) => {}
        }
    }
}

/// The content of a message: text, or blocks of text, images, tool use and so on.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// Plain text.
    Text(String),
    /// Blocks, each an object with a `type`.
    Blocks(Vec<Node>),
}

impl Default for Content {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

impl Content {
    /// The text: of blocks, that of the text blocks, joined.
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        match self {
            Self::Text(text) => text.into(),
            Self::Blocks(blocks) => blocks
                .iter()
                .filter_map(block_text)
                .collect::<String>()
                .into(),
        }
    }

    /// The length of [`Content::text`] in bytes, without building it.
    pub fn text_bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Blocks(blocks) => blocks.iter().filter_map(block_text).map(str::len).sum(),
        }
    }
}

fn block_text(block: &Node) -> Option<&str> {
    match block {
        Node::String(text) => Some(text),
        Node::Object(fields) if fields.get("type").and_then(Node::as_str) == Some("text") => {
            fields.get("text").and_then(Node::as_str)
        }
        Node::Null | Node::Bool(_) | Node::Number(_) | Node::Array(_) | Node::Object(_) => None,
    }
}

/// The same, to be changed.
fn block_text_mut(block: &mut Node) -> Option<&mut String> {
    block_text(block)?;
    match block {
        Node::String(text) => Some(text),
        Node::Object(fields) => match fields.get_mut("text")? {
            Node::String(text) => Some(text),
            Node::Null | Node::Bool(_) | Node::Number(_) | Node::Array(_) | Node::Object(_) => None,
        },
        Node::Null | Node::Bool(_) | Node::Number(_) | Node::Array(_) => None,
    }
}

/// A tool that the model asks for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ToolCall {
    /// The tool.
    pub name: String,
    /// Its arguments: an object, perhaps unfinished while streaming.
    pub args: Node,
    /// The id that its answer will name.
    pub id: Option<String>,
}

impl ToolCall {
    /// One of [`Message::tool_calls`].
    pub fn read(call: &Node) -> Self {
        Self {
            name: call.text_of("name").unwrap_or_default().to_owned(),
            args: call.get("args").cloned().unwrap_or_default(),
            id: call.text_of("id").map(str::to_owned),
        }
    }

    /// Its arguments as `T`.
    ///
    /// # Errors
    /// The parser's error, if they are not a `T`: while the call streams, they may be unfinished.
    pub fn args_as<T: serde::de::DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        crate::Json::written(&self.args).read()
    }
}

serde_by_text!(Message, Content);
