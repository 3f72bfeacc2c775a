//! A [`Message`] as JSON text, read and written in one pass.

use super::{Content, InvalidToolCall, Message, MessageKind, ToolCall, ToolCallChunk};
use crate::{
    MessageId,
    json::{FromJson, JsonError, Node, Object, ToJson, Writer, fields, write_string},
};

impl FromJson for Message {
    fn from_json(text: &str) -> Result<Self, JsonError> {
        let mut message = Self::default();
        let mut kind = None;
        fields(text, &mut |key, value| {
            match key {
                "type" => kind = Some(String::from_json(value)?),
                // The short form of requests: `{"role":"user","content":".."}`.
                "role" if kind.is_none() => kind = Some(String::from_json(value)?),
                "id" => message.id = Option::from_json(value)?,
                "content" => message.content = or_default(value)?,
                "name" => set_text(&mut message.name, value)?,
                "tool_calls" => message.tool_calls = or_default(value)?,
                "invalid_tool_calls" => message.invalid_tool_calls = or_default(value)?,
                "tool_call_chunks" => message.tool_call_chunks = or_default(value)?,
                "tool_call_id" => set_text(&mut message.tool_call_id, value)?,
                "status" => set_text(&mut message.status, value)?,
                "usage_metadata" => set_object(&mut message.usage_metadata, value)?,
                "additional_kwargs" => set_object(&mut message.additional_kwargs, value)?,
                "response_metadata" => set_object(&mut message.response_metadata, value)?,
                // Says only that this chunk is the last one; it would outlive its meaning in the message.
                "chunk_position" => {}
                _ => message
                    .extra
                    .insert(key.to_owned(), Node::from_json(value)?),
            }
            Ok(())
        })?;
        let kind =
            kind.ok_or_else(|| JsonError::expected("a message with a `type` or a `role`"))?;
        message.kind = MessageKind::from_wire(&kind);
        Ok(message)
    }
}

/// `null` is the same as nothing.
fn or_default<T: FromJson + Default>(text: &str) -> Result<T, JsonError> {
    Ok(Option::from_json(text)?.unwrap_or_default())
}

// Called from many places, and each copy would be downloaded.
#[inline(never)]
fn set_text(place: &mut Option<String>, text: &str) -> Result<(), JsonError> {
    *place = Option::from_json(text)?;
    Ok(())
}

#[inline(never)]
fn set_object(place: &mut Object, text: &str) -> Result<(), JsonError> {
    *place = or_default(text)?;
    Ok(())
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

impl FromJson for ToolCall {
    fn from_json(text: &str) -> Result<Self, JsonError> {
        let mut call = Self::default();
        fields(text, &mut |key, value| {
            match key {
                "name" => call.name = String::from_json(value)?,
                "args" => call.args = Node::from_json(value)?,
                "id" => set_text(&mut call.id, value)?,
                "type" => set_text(&mut call.kind, value)?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(call)
    }
}

impl FromJson for InvalidToolCall {
    fn from_json(text: &str) -> Result<Self, JsonError> {
        let mut call = Self::default();
        fields(text, &mut |key, value| {
            let part = match key {
                "name" => &mut call.name,
                "args" => &mut call.args,
                "id" => &mut call.id,
                "error" => &mut call.error,
                "type" => &mut call.kind,
                _ => return Ok(()),
            };
            set_text(part, value)
        })?;
        Ok(call)
    }
}

impl FromJson for ToolCallChunk {
    fn from_json(text: &str) -> Result<Self, JsonError> {
        let mut chunk = Self::default();
        fields(text, &mut |key, value| {
            let part = match key {
                "name" => &mut chunk.name,
                "args" => &mut chunk.args,
                "id" => &mut chunk.id,
                "type" => &mut chunk.kind,
                "index" => {
                    chunk.index = Option::from_json(value)?;
                    return Ok(());
                }
                _ => return Ok(()),
            };
            set_text(part, value)
        })?;
        Ok(chunk)
    }
}

impl ToJson for Message {
    fn write_json(&self, out: &mut String) {
        let mut object = Writer::object(out);
        object.some_string("id", self.id.as_ref().map(MessageId::as_str));
        object.string("type", self.kind.as_str());
        self.content.write_json(object.field("content"));
        object.some_string("name", self.name.as_deref());
        if !self.tool_calls.is_empty() {
            let mut list = Writer::list(object.field("tool_calls"));
            for call in &self.tool_calls {
                call.write_json(list.item());
            }
            list.end();
        }
        if !self.invalid_tool_calls.is_empty() {
            let mut list = Writer::list(object.field("invalid_tool_calls"));
            for call in &self.invalid_tool_calls {
                call.write_json(list.item());
            }
            list.end();
        }
        if !self.tool_call_chunks.is_empty() {
            let mut list = Writer::list(object.field("tool_call_chunks"));
            for chunk in &self.tool_call_chunks {
                chunk.write_json(list.item());
            }
            list.end();
        }
        object.some_string("tool_call_id", self.tool_call_id.as_deref());
        object.some_string("status", self.status.as_deref());
        if !self.usage_metadata.is_empty() {
            self.usage_metadata
                .write_json(object.field("usage_metadata"));
        }
        self.additional_kwargs
            .write_json(object.field("additional_kwargs"));
        self.response_metadata
            .write_json(object.field("response_metadata"));
        for (key, value) in self.extra.iter() {
            value.write_json(object.field(key));
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

impl ToJson for ToolCall {
    fn write_json(&self, out: &mut String) {
        let mut object = Writer::object(out);
        object.string("name", &self.name);
        self.args.write_json(object.field("args"));
        object.string_or_null("id", self.id.as_deref());
        object.some_string("type", self.kind.as_deref());
        object.end();
    }
}

impl ToJson for InvalidToolCall {
    fn write_json(&self, out: &mut String) {
        let mut object = Writer::object(out);
        object.string_or_null("name", self.name.as_deref());
        object.string_or_null("args", self.args.as_deref());
        object.string_or_null("id", self.id.as_deref());
        object.string_or_null("error", self.error.as_deref());
        object.some_string("type", self.kind.as_deref());
        object.end();
    }
}

impl ToJson for ToolCallChunk {
    fn write_json(&self, out: &mut String) {
        let mut object = Writer::object(out);
        object.string_or_null("name", self.name.as_deref());
        object.string_or_null("args", self.args.as_deref());
        object.string_or_null("id", self.id.as_deref());
        match &self.index {
            Some(index) => index.write_json(object.field("index")),
            None => object.raw("index", "null"),
        }
        object.some_string("type", self.kind.as_deref());
        object.end();
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
        assert_eq!(python.extra.get("x"), Some(&Node::Number("1".to_owned())));
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
