//! LangChain's message, and how its streaming chunks merge.

mod merge;
mod partial_json;
mod read;

pub use merge::MergeNote;
pub use partial_json::parse_partial_json;

use crate::MessageId;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The id that, on a `remove` message, stands for every message.
pub const REMOVE_ALL: &str = "__remove_all__";

/// A message of a thread's state, or a streamed chunk of one.
///
/// Fields of providers that are not typed here survive in [`Message::extra`].
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Message {
    /// Names it within its thread. A chunk without one cannot be placed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<MessageId>,
    /// Who speaks.
    #[serde(rename = "type")]
    pub kind: MessageKind,
    /// What is said.
    pub content: Content,
    /// The author's or the tool's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Tools the model asks for; on a streamed message, as far as their arguments have come.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
    /// Calls whose arguments are not a JSON object.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub invalid_tool_calls: Vec<InvalidToolCall>,
    /// The pieces of calls as streamed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tool_call_chunks: Vec<ToolCallChunk>,
    /// On a tool's message, the call it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_call_id: Option<String>,
    /// On a tool's message, `success` or `error`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Token counts.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub usage_metadata: Map<String, Value>,
    /// What the provider sent beside the content.
    pub additional_kwargs: Map<String, Value>,
    /// `finish_reason`, the model's name and the like.
    pub response_metadata: Map<String, Value>,
    /// Every other field, as it came.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
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

impl Serialize for MessageKind {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// What a message says: text, or blocks of text, images, tool use and so on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Content {
    /// Plain text.
    Text(String),
    /// Blocks, each an object with a `type`.
    Blocks(Vec<Value>),
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

fn block_text(block: &Value) -> Option<&str> {
    match block {
        Value::String(text) => Some(text),
        Value::Object(fields) if fields.get("type").and_then(Value::as_str) == Some("text") => {
            fields.get("text").and_then(Value::as_str)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            None
        }
    }
}

/// A tool that the model asks for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The tool.
    #[serde(default)]
    pub name: String,
    /// Its arguments: an object, perhaps unfinished while streaming.
    #[serde(default)]
    pub args: Value,
    /// What its answer will name.
    #[serde(default)]
    pub id: Option<String>,
    /// Always `tool_call` where sent.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}

/// A call whose arguments are not a JSON object.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct InvalidToolCall {
    /// The tool.
    #[serde(default)]
    pub name: Option<String>,
    /// The arguments as they came.
    #[serde(default)]
    pub args: Option<String>,
    /// What its answer would name.
    #[serde(default)]
    pub id: Option<String>,
    /// What is wrong.
    #[serde(default)]
    pub error: Option<String>,
    /// Always `invalid_tool_call` where sent.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}

/// A piece of a call as streamed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ToolCallChunk {
    /// The tool; in the first piece only.
    #[serde(default)]
    pub name: Option<String>,
    /// The next piece of the arguments' JSON text.
    #[serde(default)]
    pub args: Option<String>,
    /// What its answer will name; in the first piece only.
    #[serde(default)]
    pub id: Option<String>,
    /// Which call of the message this belongs to: a number, or a provider's word.
    #[serde(default)]
    pub index: Option<Value>,
    /// Always `tool_call_chunk` where sent.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}
