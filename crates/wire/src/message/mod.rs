//! LangChain's message, and how its streaming chunks merge.

mod merge;
mod text;

pub use merge::MergeNote;

use crate::{
    MessageId,
    json::{Node, Object, serde_by_text},
};

/// The id that, on a `remove` message, stands for every message.
pub const REMOVE_ALL: &str = "__remove_all__";

/// A message of a thread's state, or a streamed chunk of one.
///
/// Fields of providers that are not typed here survive in [`Message::extra`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Message {
    /// Names it within its thread. A chunk without one cannot be placed.
    pub id: Option<MessageId>,
    /// Who speaks.
    pub kind: MessageKind,
    /// What is said.
    pub content: Content,
    /// The author's or the tool's name.
    pub name: Option<String>,
    /// Tools the model asks for; on a streamed message, as far as their arguments have come.
    pub tool_calls: Vec<ToolCall>,
    /// Calls whose arguments are not a JSON object.
    pub invalid_tool_calls: Vec<InvalidToolCall>,
    /// The pieces of calls as streamed.
    pub tool_call_chunks: Vec<ToolCallChunk>,
    /// On a tool's message, the call it answers.
    pub tool_call_id: Option<String>,
    /// On a tool's message, `success` or `error`.
    pub status: Option<String>,
    /// Token counts.
    pub usage_metadata: Object,
    /// What the provider sent beside the content.
    pub additional_kwargs: Object,
    /// `finish_reason`, the model's name and the like.
    pub response_metadata: Object,
    /// Every other field, as it came.
    pub extra: Object,
}

/// Who speaks. The streaming names (`AIMessageChunk`) and the short ones (`user`) mean the same.
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

    /// Reads any of the words in use.
    pub fn from_wire(word: &str) -> Self {
        let stem = word.strip_suffix("MessageChunk").unwrap_or(word);
        match stem.to_ascii_lowercase().as_str() {
            "human" | "user" => Self::Human,
            "ai" | "assistant" => Self::Ai,
            "system" | "developer" => Self::System,
            "tool" => Self::Tool,
            "remove" => Self::Remove,
            other => Self::Other(other.to_owned()),
        }
    }
}

/// What a message says: text, or blocks of text, images, tool use and so on.
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

/// A tool that the model asks for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ToolCall {
    /// The tool.
    pub name: String,
    /// Its arguments: an object, perhaps unfinished while streaming.
    pub args: Node,
    /// What its answer will name.
    pub id: Option<String>,
    /// Always `tool_call` where sent.
    pub kind: Option<String>,
}

/// A call whose arguments are not a JSON object.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct InvalidToolCall {
    /// The tool.
    pub name: Option<String>,
    /// The arguments as they came.
    pub args: Option<String>,
    /// What its answer would name.
    pub id: Option<String>,
    /// What is wrong.
    pub error: Option<String>,
    /// Always `invalid_tool_call` where sent.
    pub kind: Option<String>,
}

/// A piece of a call as streamed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ToolCallChunk {
    /// The tool; in the first piece only.
    pub name: Option<String>,
    /// The next piece of the arguments' JSON text.
    pub args: Option<String>,
    /// What its answer will name; in the first piece only.
    pub id: Option<String>,
    /// Which call of the message this belongs to: a number, or a provider's word.
    pub index: Option<Node>,
    /// Always `tool_call_chunk` where sent.
    pub kind: Option<String>,
}

serde_by_text!(Message, Content, ToolCall, InvalidToolCall, ToolCallChunk);
