//! A [`Message`] as JSON text, read and written in one pass.

use super::{Content, Message, MessageKind};
use crate::{
    MessageId,
    json::{
        FromJson, JsonError, Node, Object, Optional, ToJson, Writer, fields, required, write_string,
    },
};

impl FromJson for Message {
    fn from_json(text: &str) -> Result<Self, JsonError> {
        let [mut kind, mut role, mut id, mut content] = ["null"; 4];
        let mut others = Object::default();
        fields(text, &mut |name, value| {
            match name {
                "type" => kind = value,
                // The short form of requests: `{"role":"user","content":".."}`.
                "role" => role = value,
                "id" => id = value,
                "content" => content = value,
                // Says only that this chunk is the last one; it would outlive its meaning in the message.
                "chunk_position" => {}
                _ => {
                    let value = Node::from_json(value)?;
                    if says_something(name, &value)? {
                        others.set(name, value);
                    }
                }
            }
            Ok(())
        })?;
        let kind = if kind == "null" { role } else { kind };
        let kind = String::from_json(required(kind, "a message with a `type` or a `role`")?)?;
        let mut optional = Optional::default();
        let mut message = Self::new(MessageKind::from_wire(&kind), others);
        message.id = optional.some(id);
        message.content = optional.or_default(content);
        optional.done(message)
    }
}

/// Whether a field is to be kept: not a known one that is `null` or an empty list. An error where it is known and of another
/// shape.
fn says_something(name: &str, value: &Node) -> Result<bool, JsonError> {
    let expected = match name {
        "name" | "tool_call_id" | "status" => "a string",
        "tool_calls" | "invalid_tool_calls" | "tool_call_chunks" => "a list",
        "usage_metadata" | "additional_kwargs" | "response_metadata" => "an object",
        _ => return Ok(true),
    };
    match (value, expected) {
        (Node::Null, _) => Ok(false),
        (Node::Array(items), "a list") => Ok(!items.is_empty()),
        (Node::String(_), "a string") | (Node::Object(_), "an object") => Ok(true),
        _ => Err(JsonError::expected(expected)),
    }
}

impl FromJson for Content {
    fn from_json(text: &str) -> Result<Self, JsonError> {
        match Node::from_json(text)? {
            Node::String(text) => Ok(Self::Text(text)),
            Node::Array(blocks) => Ok(Self::Blocks(blocks)),
            Node::Null | Node::Bool(_) | Node::Number(_) | Node::Object(_) => {
                Err(JsonError::expected("a text or a list of blocks"))
            }
        }
    }
}

impl ToJson for Message {
    fn write_json(&self, out: &mut String) {
        let mut object = Writer::object(out);
        object.some_string("id", self.id.as_ref().map(MessageId::as_str));
        object.string("type", self.kind.as_str());
        self.content.write_json(object.field("content"));
        for (name, value) in self.fields.iter() {
            value.write_json(object.field(name));
        }
        object.end();
    }
}

impl ToJson for Content {
    fn write_json(&self, out: &mut String) {
        match self {
            Self::Text(text) => write_string(out, text),
            Self::Blocks(blocks) => {
                let mut list = Writer::list(out);
                for block in blocks {
                    block.write_json(list.item());
                }
                list.end();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_servers_forms() {
        let python = Message::from_json(
            r#"{"content":"a","type":"AIMessageChunk","id":"m1","usage_metadata":null,"chunk_position":"last","x":1}"#,
        )
        .expect("reads");
        assert_eq!(python.kind, MessageKind::Ai);
        assert_eq!(python.fields.get("x"), Some(&Node::Number("1".to_owned())));
        let short = Message::from_json(r#"{"role":"user","content":null}"#).expect("reads");
        assert_eq!(
            (short.kind, short.content),
            (MessageKind::Human, Content::Text(String::new()))
        );
        assert!(Message::from_json(r#"{"content":"a"}"#).is_err());
    }

    #[test]
    fn what_is_read_is_written_again() {
        let text = r#"{"id":"m","type":"ai","content":[{"type":"text","text":"\"é\n"}],"name":"n","tool_calls":[{"name":"f","args":{"a":1.50},"id":null}],"invalid_tool_calls":[{"name":null,"args":"[","id":"i","error":"e"}],"tool_call_chunks":[{"name":"f","args":"","id":"c","index":0,"type":"tool_call_chunk"}],"tool_call_id":"c","status":"success","usage_metadata":{"input_tokens":12345678901234567890},"additional_kwargs":{"z":null,"a":[true,false]},"response_metadata":{},"other":1e400}"#;
        let message = Message::from_json(text).expect("reads");
        assert_eq!(message.to_json(), text);
        let object = Object::from_json(text).expect("reads");
        assert_eq!(object.to_json(), text);
    }

    #[test]
    fn messages_are_equal_whatever_the_space_and_the_order() {
        let one = Message::from_json(
            r#"{"type":"ai","content":"","tool_calls":[{"name":"f","args":{"a":"\u00e9","b":[1]},"id":"c"}]}"#,
        );
        let other = Message::from_json(
            r#"{ "content":"", "tool_calls": [ {"id":"c","args":{"b":[ 1 ], "a":"é"},"name":"f"} ],"type":"ai" }"#,
        );
        assert_eq!(one.expect("reads"), other.expect("reads"));
    }
}
