//! Reading a [`Message`] in one pass: `serde(flatten)` would buffer every token's fields twice.

use super::{Content, Message, MessageKind};
use crate::MessageId;
use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, Visitor},
};
use serde_json::Value;
use std::fmt;

impl<'de> Deserialize<'de> for Message {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MessageVisitor)
    }
}

struct MessageVisitor;

impl<'de> Visitor<'de> for MessageVisitor {
    type Value = Message;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a message object with a `type` or a `role`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Message, A::Error> {
        let mut message = Message::default();
        let mut kind = None;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "type" => kind = Some(map.next_value::<String>()?),
                // The short form of requests: `{"role":"user","content":".."}`.
                "role" if kind.is_none() => kind = Some(map.next_value::<String>()?),
                "id" => message.id = map.next_value::<Option<MessageId>>()?,
                "content" => {
                    message.content = map.next_value::<Option<Content>>()?.unwrap_or_default()
                }
                "name" => message.name = map.next_value()?,
                "tool_calls" => message.tool_calls = or_default(&mut map)?,
                "invalid_tool_calls" => message.invalid_tool_calls = or_default(&mut map)?,
                "tool_call_chunks" => message.tool_call_chunks = or_default(&mut map)?,
                "tool_call_id" => message.tool_call_id = map.next_value()?,
                "status" => message.status = map.next_value()?,
                "usage_metadata" => message.usage_metadata = or_default(&mut map)?,
                "additional_kwargs" => message.additional_kwargs = or_default(&mut map)?,
                "response_metadata" => message.response_metadata = or_default(&mut map)?,
                // Says only that this chunk is the last one; it would outlive its meaning in the message.
                "chunk_position" => {
                    map.next_value::<IgnoredAny>()?;
                }
                _ => {
                    message.extra.insert(key, map.next_value::<Value>()?);
                }
            }
        }
        let kind = kind.ok_or_else(|| A::Error::missing_field("type"))?;
        message.kind = MessageKind::from_wire(&kind);
        Ok(message)
    }
}

fn or_default<'de, A: MapAccess<'de>, T: Deserialize<'de> + Default>(
    map: &mut A,
) -> Result<T, A::Error> {
    Ok(map.next_value::<Option<T>>()?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_servers_forms() {
        let python: Message = serde_json::from_str(
            r#"{"content":"a","type":"AIMessageChunk","id":"m1","usage_metadata":null,"chunk_position":"last","x":1}"#,
        )
        .expect("reads");
        assert_eq!(python.kind, MessageKind::Ai);
        assert_eq!(python.extra.get("x"), Some(&Value::from(1)));
        let short: Message =
            serde_json::from_str(r#"{"role":"user","content":null}"#).expect("reads");
        assert_eq!(
            (short.kind, short.content),
            (MessageKind::Human, Content::Text(String::new()))
        );
        assert!(serde_json::from_str::<Message>(r#"{"content":"a"}"#).is_err());
    }
}
