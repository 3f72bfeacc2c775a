//! A [`Message`] from whatever LangChain takes as one; what is odd in it is read as well as it can be.
//!
//! | written as | read as |
//! |---|---|
//! | `{"type":"ai","content":..}`, `{"role":"assistant","content":..}` | that message |
//! | `"text"` | a human's |
//! | `["ai",content]` | that message |
//! | `{"lc":1,"type":"constructor","id":[..,"AIMessage"],"kwargs":{..}}` | the message that was serialised |
//! | `{"type":"ai","data":{..}}` | the message that was stored |
//! | another list, a number, a truth value | its JSON text, of an unknown kind, and noted |
//! | `null` | nothing |

use super::{Content, Message, MessageKind, calls::read_calls};
use crate::{
    MessageId,
    json::{
        FromJson, JsonError, Lenient, Node, Object, Oddities, Part, ToJson, field, items, parts,
        parts_and_more, strict_from_json,
    },
};

/// The kind of what does not say it.
fn unknown() -> MessageKind {
    MessageKind::Other("unknown".to_owned())
}

impl Lenient for Message {
    fn read(text: &str, odd: &mut Oddities) -> Result<Self, JsonError> {
        let outer_half = std::mem::take(&mut odd.has_half);
        let mut message = read_any(text, odd)?;
        if std::mem::replace(&mut odd.has_half, outer_half) {
            message.read_halves(text, odd);
        }
        Ok(message)
    }
}

/// The message without its halves of surrogate pairs.
pub(super) fn read_any(text: &str, odd: &mut Oddities) -> Result<Message, JsonError> {
    match text.trim_ascii_start().as_bytes().first() {
        Some(b'{') => read_object(text, None, odd),
        Some(b'[') => match pair(text)? {
            Some((role, content)) => read_content(MessageKind::from_wire(&role), content, odd),
            None => read_other(text, odd),
        },
        Some(b'"') => read_content(MessageKind::Human, text, odd),
        None | Some(b'n') => Err(JsonError::expected("a message")),
        Some(_) => read_other(text, odd),
    }
}

/// A role and a content.
fn pair(text: &str) -> Result<Option<(String, &str)>, JsonError> {
    let mut list = Vec::new();
    items(text, &mut |item| {
        list.push(item);
        Ok(())
    })?;
    Ok(match list[..] {
        [role, content] => word(role).map(|role| (role, content)),
        _ => None,
    })
}

fn read_content(
    kind: MessageKind,
    content: &str,
    odd: &mut Oddities,
) -> Result<Message, JsonError> {
    let mut message = Message::new(kind, Object::default());
    message.content = Content::read(content, odd)?;
    Ok(message)
}

fn read_other(text: &str, odd: &mut Oddities) -> Result<Message, JsonError> {
    let mut message = Message::new(unknown(), Object::default());
    message.content = Content::Text(Node::read(text, odd)?.to_json());
    odd.note("", "a message", text);
    Ok(message)
}

/// The fields that decide what an object is.
const DECISIVE: [&str; 7] = ["type", "role", "id", "content", "lc", "kwargs", "data"];

/// `around` is the kind that an object around this one says.
fn read_object(
    text: &str,
    around: Option<MessageKind>,
    odd: &mut Oddities,
) -> Result<Message, JsonError> {
    let mut others = Object::default();
    let [kind, role, id, content, lc, kwargs, data] =
        parts_and_more(text, &DECISIVE, &mut |name, value| {
            read_field(name, value, &mut others, odd)
        })?;
    if around.is_none()
        && let Some((part, inner)) = within(kind, content, kwargs, data)
    {
        let kind = match part {
            "kwargs" => class_name(id).map(|class| MessageKind::from_wire(&class)),
            _ => word(kind).map(|word| MessageKind::from_wire(&word)),
        };
        let kind = kind.unwrap_or_else(unknown);
        return odd.within(Part::Field(part), |odd| read_object(inner, Some(kind), odd));
    }
    for (name, value) in [("lc", lc), ("kwargs", kwargs), ("data", data)] {
        if value != "null" {
            others.set(name, Node::read(value, odd)?);
        }
    }
    let kind = around.unwrap_or_else(|| kind_of(kind, role, odd));
    let mut message = Message::new(kind, others);
    message.id = odd.id("id", id);
    message.content = match content {
        "null" => Content::default(),
        content => odd.field("content", content).unwrap_or_default(),
    };
    Ok(message)
}

/// The field and the object in it that a serialised or a stored message stands in.
fn within<'a>(
    kind: &str,
    content: &str,
    kwargs: &'a str,
    data: &'a str,
) -> Option<(&'static str, &'a str)> {
    let is_object = |text: &str| text.starts_with('{');
    if kind == r#""constructor""# && is_object(kwargs) {
        return Some(("kwargs", kwargs));
    }
    (content == "null" && is_object(data)).then_some(("data", data))
}

/// The id of a message, without reading the message; absent also where it stands for none.
pub(super) fn id_of(text: &str) -> Option<MessageId> {
    let names = ["id", "type", "content", "kwargs", "data"];
    let [id, kind, content, kwargs, data] = parts(text, &names).ok()?;
    let id = match within(kind, content, kwargs, data) {
        Some((_, inner)) => field(inner, "id").unwrap_or("null"),
        None => id,
    };
    Oddities::default().id("id", id)
}

/// The last part of a class's path: `AIMessage`.
fn class_name(path: &str) -> Option<String> {
    let mut last = None;
    items(path, &mut |part| {
        last = word(part);
        Ok(())
    })
    .ok()?;
    last
}

fn word(text: &str) -> Option<String> {
    String::from_json(text).ok()
}

/// The kind of a message. Other servers' own words for a message (`message`) tell less than its role.
fn kind_of(kind: &str, role: &str, odd: &mut Oddities) -> MessageKind {
    let [said, role] = [kind, role].map(|text| Some(MessageKind::from_wire(&word(text)?)));
    match (said, role) {
        (Some(MessageKind::Other(_)), Some(role)) if !matches!(role, MessageKind::Other(_)) => role,
        (Some(kind), _) | (None, Some(kind)) => kind,
        (None, None) => {
            odd.note("type", "a `type` or a `role`", kind);
            unknown()
        }
    }
}

/// Reads one of the other fields into `others`. A known one that says nothing (`null`, an empty list) is left out.
fn read_field(
    name: &str,
    text: &str,
    others: &mut Object,
    odd: &mut Oddities,
) -> Result<(), JsonError> {
    let kept = match name {
        // Says only that this chunk is the last one; it would outlive its meaning in the message.
        "chunk_position" => None,
        "name" | "tool_call_id" | "status" => odd.field(name, text).map(Node::String),
        "tool_calls" | "invalid_tool_calls" | "tool_call_chunks" => {
            read_calls(name, text, others, odd)?;
            None
        }
        "usage_metadata" | "additional_kwargs" | "response_metadata" => {
            odd.field(name, text).map(Node::Object)
        }
        _ => Some(Node::read(text, odd)?),
    };
    if let Some(value) = kept {
        others.set(name, value);
    }
    Ok(())
}

impl Lenient for Content {
    fn read(text: &str, odd: &mut Oddities) -> Result<Self, JsonError> {
        Ok(match Node::read(text, odd)? {
            Node::String(text) => Self::Text(text),
            Node::Array(items) => Self::Blocks(blocks(items, odd)),
            Node::Null => return Err(JsonError::expected(CONTENT)),
            block @ Node::Object(_) if block.text_of("type").is_some() => {
                odd.note("", CONTENT, text);
                Self::Blocks(blocks(vec![block], odd))
            }
            other @ (Node::Bool(_) | Node::Number(_) | Node::Object(_)) => {
                odd.note("", CONTENT, text);
                Self::Text(other.to_json())
            }
        })
    }
}

const CONTENT: &str = "a text or a list of blocks";

/// Blocks are objects or texts. Any other item is shown as its JSON text; `null` is nothing.
fn blocks(items: Vec<Node>, odd: &mut Oddities) -> Vec<Node> {
    let mut blocks = Vec::with_capacity(items.len());
    for (at, item) in items.into_iter().enumerate() {
        let block = odd.within(Part::Item(at), |odd| read_block(item, odd));
        blocks.extend(block);
    }
    blocks
}

fn read_block(item: Node, odd: &mut Oddities) -> Option<Node> {
    match item {
        Node::String(_) => Some(item),
        Node::Object(mut block) => {
            if block.text_of("type") == Some("text")
                && let Some(text) = block.get_mut("text")
                && text.as_str().is_none()
            {
                odd.note("text", "a text", &text.to_json());
                *text = Node::String(text_of(text));
            }
            Some(Node::Object(block))
        }
        Node::Null | Node::Bool(_) | Node::Number(_) | Node::Array(_) => {
            odd.note("", "a content block", &item.to_json());
            (!item.is_null()).then(|| Node::String(text_of(&item)))
        }
    }
}

/// A text as it is, anything else as its JSON text; nothing for `null`.
pub(super) fn text_of(value: &Node) -> String {
    match value {
        Node::String(text) => text.clone(),
        Node::Null => String::new(),
        Node::Bool(_) | Node::Number(_) | Node::Array(_) | Node::Object(_) => value.to_json(),
    }
}

strict_from_json!(Message, Content);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{Oddity, Read};

    fn check(text: &str, expected: &str, words: &[&str]) {
        let read = Read::<Message>::from_json(text).expect(text);
        let said: Vec<String> = read.oddities.iter().map(Oddity::words).collect();
        let maps = r#","additional_kwargs":{},"response_metadata":{}"#;
        let shown = read.value.to_json();
        assert_eq!(shown.replace(maps, ""), expected, "{text}");
        assert_eq!(said, words, "{text}");
        // What was read of it is no longer odd.
        let again = Message::from_json(&shown).expect(&shown);
        assert_eq!(again, read.value, "{text}");
    }

    #[test]
    fn whatever_langchain_takes_as_a_message_is_one() {
        let human = r#"{"type":"human","content":"hi"}"#;
        check(r#""hi""#, human, &[]);
        for role in ["human", "user", "HumanMessage", "HumanMessageChunk"] {
            check(&format!(r#"["{role}","hi"]"#), human, &[]);
            check(
                &format!(r#"{{"role":"{role}","content":"hi"}}"#),
                human,
                &[],
            );
            check(
                &format!(r#"{{"type":"{role}","data":{{"content":"hi"}}}}"#),
                human,
                &[],
            );
            let class = format!(
                r#"{{"lc":1,"type":"constructor","id":["langchain_core","messages","{role}"],"kwargs":{{"content":"hi"}}}}"#
            );
            check(&class, human, &[]);
        }
        let kinds = [
            ("assistant", "ai"),
            ("ai", "ai"),
            ("system", "system"),
            ("developer", "system"),
            ("tool", "tool"),
            ("function", "function"),
        ];
        for (role, kind) in kinds {
            let expected = format!(r#"{{"type":"{kind}","content":""}}"#);
            check(
                &format!(r#"{{"role":"{role}","content":null}}"#),
                &expected,
                &[],
            );
        }
        check(
            r#"{"type":"message","role":"assistant","content":[{"type":"text","text":"a"}]}"#,
            r#"{"type":"ai","content":[{"type":"text","text":"a"}]}"#,
            &[],
        );
        check(
            r#"{"lc":1,"type":"constructor","id":["langchain_core","messages","ToolMessage"],"kwargs":{"id":"t","content":"42","tool_call_id":"c"}}"#,
            r#"{"id":"t","type":"tool","content":"42","tool_call_id":"c"}"#,
            &[],
        );
    }

    #[test]
    fn a_content_of_any_type_is_shown() {
        let content = |content: &str| format!(r#"{{"type":"ai","id":"m","content":{content}}}"#);
        let shown = |content: &str| format!(r#"{{"id":"m","type":"ai","content":{content}}}"#);
        let text = "where a text or a list of blocks belongs";
        check(
            &content("42"),
            &shown(r#""42""#),
            &[&format!("content is a number (42) {text}")],
        );
        check(
            &content("true"),
            &shown(r#""true""#),
            &[&format!("content is a truth value (true) {text}")],
        );
        check(
            &content(r#"{"a":1}"#),
            &shown(r#""{\"a\":1}""#),
            &[&format!("content is an object ({{\"a\":1}}) {text}")],
        );
        check(
            &content(r#"{"type":"text","text":"a"}"#),
            &shown(r#"[{"type":"text","text":"a"}]"#),
            &[&format!(
                r#"content is an object ({{"type":"text","text":"a"}}) {text}"#
            )],
        );
        check(
            &content(r#"["a",null,1,{"type":"text","text":2},{"type":"image"}]"#),
            &shown(r#"["a","1",{"type":"text","text":"2"},{"type":"image"}]"#),
            &[
                "content[1] is null where a content block belongs",
                "content[2] is a number (1) where a content block belongs",
                "content[3].text is a number (2) where a text belongs",
            ],
        );
    }

    #[test]
    fn a_field_of_another_type_costs_no_other_field() {
        check(
            r#"{"type":"tool","id":7,"content":"a","name":5,"tool_call_id":true,"status":{},"additional_kwargs":"x","usage_metadata":[1],"more":1}"#,
            r#"{"id":"7","type":"tool","content":"a","name":"5","tool_call_id":"true","more":1}"#,
            &[
                "name is a number (5) where a text belongs",
                "tool_call_id is a truth value (true) where a text belongs",
                "status is an object ({}) where a text belongs",
                "additional_kwargs is a text (\"x\") where an object belongs",
                "usage_metadata is a list ([1]) where an object belongs",
                "id is a number (7) where a text belongs",
            ],
        );
        check(
            r#"{"type":5,"content":"a"}"#,
            r#"{"type":"unknown","content":"a"}"#,
            &["type is a number (5) where a `type` or a `role` belongs"],
        );
        check(
            r#"{"type":"wizard","content":"a"}"#,
            r#"{"type":"wizard","content":"a"}"#,
            &[],
        );
    }

    #[test]
    fn what_is_no_message_is_shown_as_its_text() {
        for (text, said) in [
            ("42", "a number (42)"),
            ("false", "a truth value (false)"),
            ("[]", "a list ([])"),
            ("[1,2]", "a list ([1,2])"),
            (r#"[["a"]]"#, r#"a list ([["a"]])"#),
        ] {
            let content = Node::text(text).to_json();
            check(
                text,
                &format!(r#"{{"type":"unknown","content":{content}}}"#),
                &[&format!("it is {said} where a message belongs")],
            );
        }
        assert!(Message::read_quietly("null").is_err());
    }
}
