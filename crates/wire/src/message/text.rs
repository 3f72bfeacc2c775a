//! A [`Message`] as JSON text, read and written in one pass.

use super::{Content, InvalidToolCall, Message, MessageKind, ToolCall, ToolCallChunk};
use crate::{
    MessageId,
    json::{
        FromJson, JsonError, Node, Object, Optional, ToJson, Writer, parts, parts_and_more,
        required, write_string,
    },
};

impl FromJson for Message {
    fn from_json(text: &str) -> Result<Self, JsonError> {
        let mut extra = Object::default();
        let names = [
            "type",
            // The short form of requests: `{"role":"user","content":".."}`.
            "role",
            "id",
            "content",
            "name",
            "tool_calls",
            "invalid_tool_calls",
            "tool_call_chunks",
            "tool_call_id",
            "status",
            "usage_metadata",
            "additional_kwargs",
            "response_metadata",
            // Says only that this chunk is the last one; it would outlive its meaning in the message.
            "chunk_position",
        ];
        let [
            kind,
            role,
            id,
            content,
            name,
            tool_calls,
            invalid_tool_calls,
            tool_call_chunks,
            tool_call_id,
            status,
            usage_metadata,
            additional_kwargs,
            response_metadata,
            _,
        ] = parts_and_more(text, &names, &mut |key, value| {
            extra.set(key, Node::from_json(value)?);
            Ok(())
        })?;
        let kind = if kind == "null" { role } else { kind };
        let kind = String::from_json(required(kind, "a message with a `type` or a `role`")?)?;
        let mut optional = Optional::default();
        let message = Self {
            id: optional.some(id),
            kind: MessageKind::from_wire(&kind),
            content: optional.or_default(content),
            name: optional.some(name),
            tool_calls: optional.or_default(tool_calls),
            invalid_tool_calls: optional.or_default(invalid_tool_calls),
            tool_call_chunks: optional.or_default(tool_call_chunks),
            tool_call_id: optional.some(tool_call_id),
            status: optional.some(status),
            usage_metadata: optional.or_default(usage_metadata),
            additional_kwargs: optional.or_default(additional_kwargs),
            response_metadata: optional.or_default(response_metadata),
            extra,
        };
        optional.done(message)
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

impl FromJson for ToolCall {
    fn from_json(text: &str) -> Result<Self, JsonError> {
        let [name, args, id, kind] = parts(text, &["name", "args", "id", "type"])?;
        let mut optional = Optional::default();
        let call = Self {
            name: optional.or_default(name),
            args: optional.or_default(args),
            id: optional.some(id),
            kind: optional.some(kind),
        };
        optional.done(call)
    }
}

impl FromJson for InvalidToolCall {
    fn from_json(text: &str) -> Result<Self, JsonError> {
        let names = ["name", "args", "id", "error", "type"];
        let [name, args, id, error, kind] = parts(text, &names)?;
        let mut optional = Optional::default();
        let call = Self {
            name: optional.some(name),
            args: optional.some(args),
            id: optional.some(id),
            error: optional.some(error),
            kind: optional.some(kind),
        };
        optional.done(call)
    }
}

impl FromJson for ToolCallChunk {
    fn from_json(text: &str) -> Result<Self, JsonError> {
        let names = ["name", "args", "id", "index", "type"];
        let [name, args, id, index, kind] = parts(text, &names)?;
        let mut optional = Optional::default();
        let chunk = Self {
            name: optional.some(name),
            args: optional.some(args),
            id: optional.some(id),
            index: optional.some(index),
            kind: optional.some(kind),
        };
        optional.done(chunk)
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
