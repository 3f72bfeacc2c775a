//! A [`Message`] as JSON text.

use super::{Content, Message};
use crate::{
    MessageId,
    json::{ToJson, Writer, write_string},
};

impl ToJson for Message {
    /// With its halves of surrogate pairs as they came, so that whoever reads it can complete them.
    fn write_json(&self, out: &mut String) {
        match self.escaped_json() {
            Some(text) => out.push_str(&text),
            None => self.write_shown(out),
        }
    }
}

impl Message {
    /// It as a reader sees it: with U+FFFD for each half of a surrogate pair.
    pub fn shown_json(&self) -> String {
        let mut out = String::new();
        self.write_shown(&mut out);
        out
    }

    fn write_shown(&self, out: &mut String) {
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
    use crate::{
        json::{FromJson, Node, Object},
        message::MessageKind,
    };

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
