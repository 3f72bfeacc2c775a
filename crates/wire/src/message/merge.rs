//! How a streamed chunk joins the message so far: LangChain's `AIMessageChunk.concat`, in place.
//!
//! Each rule appends, so a token costs its own length, whatever has come before.

use super::{Content, Message, MessageKind};
use crate::json::{Node, Object, Oddities, Oddity, ToJson, digits, whole_number};

/// How two texts become one.
type Append = fn(&mut String, &str);

/// How values become one, and what did not fit.
struct Merge<'a> {
    append: Append,
    odd: &'a mut Oddities,
}

/// Nodes under these keys name something, so the newer one replaces the older.
const REPLACED_KEYS: [&str; 4] = ["id", "name", "output_version", "model_provider"];
/// Numbers under these keys count nothing, so they are not summed.
const KEPT_KEYS: [&str; 3] = ["index", "created", "timestamp"];

impl Message {
    /// Whether later chunks of the same id are appended to this one rather than replacing it.
    pub fn merges_chunks(&self) -> bool {
        matches!(
            self.kind,
            MessageKind::Ai | MessageKind::Human | MessageKind::System | MessageKind::Tool
        )
    }

    /// Appends a chunk. Returns what did not fit; where types differ the newer value stands.
    ///
    /// [`Message::tool_calls`] is left as it was: call [`Message::refresh_tool_calls`] when somebody looks.
    pub fn merge_chunk(&mut self, chunk: Message) -> Vec<Oddity> {
        let mut odd = Oddities::default();
        if self.halves.is_empty() && chunk.halves.is_empty() {
            self.merge(chunk, String::push_str, &mut odd);
        } else {
            self.merge_halves(&chunk, &mut odd);
        }
        odd.into_list()
    }

    pub(super) fn merge(&mut self, chunk: Message, append: Append, odd: &mut Oddities) {
        let mut merge = Merge { append, odd };
        if self.id.is_none() {
            self.id = chunk.id;
        }
        merge.content(&mut self.content, chunk.content);
        for (name, more) in chunk.fields.into_fields() {
            merge.field(&mut self.fields, name, more);
        }
    }

    /// Reads the calls, and those whose arguments are no object, from the pieces so far.
    ///
    /// Costs the length of the arguments, so it belongs to the reader's pace (once a frame), not the token's.
    pub fn refresh_tool_calls(&mut self) {
        if self.tool_call_chunks().is_empty() {
            return;
        }
        let (mut calls, mut invalid) = (Vec::new(), Vec::new());
        for chunk in self.tool_call_chunks() {
            let text = chunk.text_of("args").unwrap_or_default();
            let args = if text.is_empty() { "{}" } else { text };
            let mut call = Object::default();
            call.set(
                "name",
                Node::text(chunk.text_of("name").unwrap_or_default()),
            );
            match (Node::read_partial(args), chunk.text_of("id")) {
                (Some(args @ Node::Object(_)), Some(id)) => {
                    call.set("args", args);
                    call.set("id", Node::text(id));
                    call.set("type", Node::text("tool_call"));
                    calls.push(Node::Object(call));
                }
                _ => {
                    call.set("args", Node::text(text));
                    call.set("id", chunk.get("id").cloned().unwrap_or_default());
                    call.set("error", Node::text("Malformed args."));
                    call.set("type", Node::text("invalid_tool_call"));
                    invalid.push(Node::Object(call));
                }
            }
        }
        self.set_calls("tool_calls", calls);
        self.set_calls("invalid_tool_calls", invalid);
        self.keep_calls();
    }

    fn set_calls(&mut self, name: &str, calls: Vec<Node>) {
        if calls.is_empty() {
            self.fields.remove(name);
        } else {
            self.fields.set(name, Node::Array(calls));
        }
    }
}

impl Merge<'_> {
    /// Merges a field of a chunk into the same field of the message.
    fn field(&mut self, fields: &mut Object, name: String, more: Node) {
        match (name.as_str(), fields.get_mut(&name), more) {
            // They are read from the pieces.
            ("tool_calls" | "invalid_tool_calls", ..) => {}
            ("tool_call_chunks", Some(Node::Array(calls)), Node::Array(pieces)) => {
                for piece in pieces {
                    self.tool_call_chunk(calls, piece);
                }
            }
            ("usage_metadata", Some(Node::Object(have)), Node::Object(more)) => {
                merge_usage(have, more);
            }
            (
                "additional_kwargs" | "response_metadata",
                Some(Node::Object(have)),
                Node::Object(more),
            ) => {
                self.maps(&name, have, more);
            }
            (_, _, more) => fields.insert(name, more),
        }
    }

    fn content(&mut self, content: &mut Content, chunk: Content) {
        match (&mut *content, chunk) {
            (Content::Text(text), Content::Text(more)) => (self.append)(text, &more),
            (Content::Text(text), Content::Blocks(more)) => {
                if more.is_empty() {
                    return;
                }
                let mut blocks = Vec::with_capacity(more.len() + 1);
                if !text.is_empty() {
                    blocks.push(text_block(std::mem::take(text)));
                }
                blocks.extend(more);
                *content = Content::Blocks(blocks);
            }
            (Content::Blocks(blocks), Content::Blocks(more)) => {
                for block in more {
                    self.list_item("content", blocks, block);
                }
            }
            (Content::Blocks(_), Content::Text(more)) if more.is_empty() => {}
            (Content::Blocks(blocks), Content::Text(more)) => blocks.push(text_block(more)),
        }
    }

    /// A piece joins the last call with the same index. Without an index it joins the one with the same id. A different id
    /// under the same index is a new call.
    fn tool_call_chunk(&mut self, calls: &mut Vec<Node>, piece: Node) {
        let mut found = calls.iter_mut().rev();
        match (found.find_map(|call| joined(call, &piece)), piece) {
            (Some(call), Node::Object(piece)) => self.maps("tool_call_chunks", call, piece),
            (_, piece) => calls.push(piece),
        }
    }

    fn maps(&mut self, path: &str, have: &mut Object, chunk: Object) {
        for (key, more) in chunk.into_fields() {
            match have.get_mut(&key) {
                None | Some(Node::Null) => {
                    have.insert(key, more);
                }
                Some(_) if more.is_null() => {}
                Some(value) => self.value(&[path, ".", &key].concat(), &key, value, more),
            }
        }
    }

    fn value(&mut self, path: &str, key: &str, have: &mut Node, more: Node) {
        match (&mut *have, more) {
            (Node::String(_), Node::String(_)) if matches!(key, "type" | "index") => {}
            (Node::String(text), Node::String(more)) if REPLACED_KEYS.contains(&key) => {
                if !more.is_empty() {
                    *text = more;
                }
            }
            (Node::String(text), Node::String(more)) => (self.append)(text, &more),
            (Node::Number(_), Node::Number(_)) if KEPT_KEYS.contains(&key) => {}
            (Node::Number(have), Node::Number(more)) => add(have, more),
            (Node::Object(map), Node::Object(more)) => self.maps(path, map, more),
            (Node::Array(list), Node::Array(more)) => {
                for item in more {
                    self.list_item(path, list, item);
                }
            }
            (value, more) if *value == more => {}
            (value, more) => {
                self.odd
                    .note(path, "a value of the type before", &more.to_json());
                *value = more;
            }
        }
    }

    /// An item joins the one with the same `index`, or without one the one with the same id; empty text adds nothing.
    fn list_item(&mut self, path: &str, list: &mut Vec<Node>, item: Node) {
        let found = list.iter_mut().find_map(|have| joined(have, &item));
        match (found, item) {
            (Some(have), Node::Object(item)) => self.maps(path, have, item),
            (_, Node::Object(item)) if item.len() == 1 && item.text_of("text") == Some("") => {}
            (_, item) => list.push(item),
        }
    }
}

fn text_block(text: String) -> Node {
    let mut block = Object::default();
    block.set("type", Node::text("text"));
    block.set("text", Node::String(text));
    Node::Object(block)
}

/// The object that an item joins, where it is this one.
fn joined<'a>(have: &'a mut Node, item: &Node) -> Option<&'a mut Object> {
    match (have, item) {
        (Node::Object(have), Node::Object(item)) if belongs(have, item) => Some(have),
        _ => None,
    }
}

/// Token counts are sums, also inside the detail objects.
fn merge_usage(usage: &mut Object, chunk: Object) {
    for (key, more) in chunk.into_fields() {
        match (usage.get_mut(&key), more) {
            (Some(Node::Object(have)), Node::Object(more)) => merge_usage(have, more),
            (Some(Node::Number(have)), Node::Number(more)) => add(have, more),
            (Some(_), Node::Null) => {}
            (_, more) => usage.insert(key, more),
        }
    }
}

fn belongs(have: &Object, item: &Object) -> bool {
    fn present<'a>(map: &'a Object, key: &str) -> Option<&'a Node> {
        map.get(key).filter(|value| !value.is_null())
    }
    let ids = (present(have, "id"), present(item, "id"));
    match (present(have, "index"), present(item, "index")) {
        (Some(a), Some(b)) => {
            let ids_agree = match ids {
                (Some(a), Some(b)) => a == b,
                (None, _) | (_, None) => true,
            };
            a == b && ids_agree && types_agree(have, item)
        }
        (None, None) => matches!(ids, (Some(a), Some(b)) if a == b),
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// `text` and `text_delta` are the same block as it starts and as it grows.
fn types_agree(have: &Object, item: &Object) -> bool {
    fn stem(map: &Object) -> Option<&str> {
        let word = map.get("type")?.as_str()?;
        Some(word.strip_suffix("_delta").unwrap_or(word))
    }
    match (stem(have), stem(item)) {
        (Some(a), Some(b)) => a == b,
        (None, _) | (_, None) => true,
    }
}

/// Whole numbers are summed. Of others the newer stands: what a provider counts is whole, and a sum of anything else
/// would have to be rounded.
fn add(have: &mut String, more: String) {
    *have = match (whole_number(have), whole_number(&more)) {
        (Some(a), Some(b)) => digits(a.saturating_add(b)),
        (None, _) | (_, None) => more,
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn message(mut fields: Value) -> Message {
        fields["type"] = "AIMessageChunk".into();
        fields["id"] = "m".into();
        serde_json::from_value(fields).expect("a message")
    }

    fn check(chunks: &[Value], expected: Value) {
        let mut chunks = chunks.iter().cloned().map(message);
        let mut whole = chunks.next().expect("a first chunk");
        for chunk in chunks {
            whole.merge_chunk(chunk);
        }
        whole.refresh_tool_calls();
        let shown = serde_json::to_value(&whole).expect("serialises");
        for (key, value) in expected.as_object().expect("an object") {
            assert_eq!(shown.get(key), Some(value), "{key}");
        }
    }

    #[test]
    fn text_is_appended() {
        check(
            &[
                json!({"content": "a"}),
                json!({"content": ""}),
                json!({"content": "b"}),
            ],
            json!({"content": "ab"}),
        );
    }

    #[test]
    fn text_then_blocks_becomes_blocks() {
        check(
            &[
                json!({"content": "a"}),
                json!({"content": [{"type": "text", "text": "b", "index": 0}]}),
                json!({"content": "c"}),
            ],
            json!({"content": [
                {"type": "text", "text": "a"}, {"type": "text", "text": "b", "index": 0}, {"type": "text", "text": "c"}]}),
        );
    }

    #[test]
    fn blocks_of_one_index_grow() {
        check(
            &[
                json!({"content": [{"type": "text", "text": "a", "index": 0}]}),
                json!({"content": [{"type": "text_delta", "text": "b", "index": 0}]}),
                json!({"content": [{"type": "image", "url": "u", "index": 1}, {"text": ""}]}),
            ],
            json!({"content": [{"type": "text", "text": "ab", "index": 0}, {"type": "image", "url": "u", "index": 1}]}),
        );
    }

    #[test]
    fn tool_call_pieces_become_a_call() {
        let piece = |name: Value, args: &str, id: Value| json!({"content": "", "tool_call_chunks": [{"name": name, "args": args, "id": id, "index": 0}]});
        check(
            &[
                piece(json!("get_weather"), "", json!("call_1")),
                piece(Value::Null, "{\"ci", Value::Null),
                piece(Value::Null, "ty\": \"Par", Value::Null),
            ],
            json!({"tool_calls": [
                {"name": "get_weather", "args": {"city": "Par"}, "id": "call_1", "type": "tool_call"}]}),
        );
    }

    #[test]
    fn arguments_that_are_no_object_are_invalid() {
        check(
            &[
                json!({"content": "", "tool_call_chunks": [{"name": "f", "args": "[1]", "id": "c", "index": 0}]}),
            ],
            json!({"invalid_tool_calls": [{
                "name": "f", "args": "[1]", "id": "c", "error": "Malformed args.", "type": "invalid_tool_call"}]}),
        );
    }

    #[test]
    fn usage_is_summed_and_metadata_merged() {
        check(
            &[
                json!({"content": "", "usage_metadata": {"input_tokens": 5, "d": {"x": 1}},
                       "response_metadata": {"model_provider": "a", "finish": "st", "created": 7}}),
                json!({"content": "", "usage_metadata": {"input_tokens": 2, "output_tokens": 9, "d": {"x": 2}},
                       "response_metadata": {"model_provider": "b", "finish": "op", "created": 8}}),
            ],
            json!({"usage_metadata": {"input_tokens": 7, "d": {"x": 3}, "output_tokens": 9},
                   "response_metadata": {"model_provider": "b", "finish": "stop", "created": 7}}),
        );
    }

    #[test]
    fn a_type_that_changes_is_noted_and_the_newer_stands() {
        let mut whole = message(json!({"content": "", "additional_kwargs": {"a": 1}}));
        let notes = whole.merge_chunk(message(
            json!({"content": "", "additional_kwargs": {"a": "x"}}),
        ));
        let words: Vec<String> = notes.iter().map(Oddity::words).collect();
        assert_eq!(
            words,
            ["additional_kwargs.a is a text (\"x\") where a value of the type before belongs"]
        );
        assert_eq!(
            whole
                .fields
                .get("additional_kwargs")
                .and_then(|kwargs| kwargs.get("a")),
            Some(&Node::text("x"))
        );
    }
}
