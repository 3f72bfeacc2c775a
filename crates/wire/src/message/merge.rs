//! How a streamed chunk joins the message so far: LangChain's `AIMessageChunk.concat`, in place.
//!
//! Each rule appends, so a token costs its own length, whatever has come before.

use super::{Content, InvalidToolCall, Message, MessageKind, ToolCall, ToolCallChunk};
use crate::json::{Node, Object, digits, whole_number};

/// Something in a chunk that did not fit the message so far. The message stays usable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeNote {
    /// Which field, dotted.
    pub field: String,
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
    pub fn merge_chunk(&mut self, chunk: Message) -> Vec<MergeNote> {
        let mut notes = Vec::new();
        if self.id.is_none() {
            self.id = chunk.id;
        }
        merge_content(&mut self.content, chunk.content);
        merge_word(&mut self.name, chunk.name);
        merge_word(&mut self.tool_call_id, chunk.tool_call_id);
        merge_word(&mut self.status, chunk.status);
        for piece in chunk.tool_call_chunks {
            merge_tool_call_chunk(&mut self.tool_call_chunks, piece);
        }
        merge_usage(&mut self.usage_metadata, chunk.usage_metadata);
        merge_maps(
            "additional_kwargs",
            &mut self.additional_kwargs,
            chunk.additional_kwargs,
            &mut notes,
        );
        merge_maps(
            "response_metadata",
            &mut self.response_metadata,
            chunk.response_metadata,
            &mut notes,
        );
        self.extra.extend(chunk.extra);
        notes
    }

    /// Reads [`Message::tool_calls`] and [`Message::invalid_tool_calls`] from the pieces so far.
    ///
    /// Costs the length of the arguments, so it belongs to the reader's pace (once a frame), not the token's.
    pub fn refresh_tool_calls(&mut self) {
        if self.tool_call_chunks.is_empty() {
            return;
        }
        self.tool_calls.clear();
        self.invalid_tool_calls.clear();
        for chunk in &self.tool_call_chunks {
            let text = chunk.args.as_deref().unwrap_or_default();
            let args = if text.is_empty() {
                Some(Node::Object(Object::default()))
            } else {
                Node::read_partial(text)
            };
            match (args, &chunk.id) {
                (Some(args @ Node::Object(_)), Some(id)) => self.tool_calls.push(ToolCall {
                    name: chunk.name.clone().unwrap_or_default(),
                    args,
                    id: Some(id.clone()),
                    kind: Some("tool_call".to_owned()),
                }),
                (_, id) => self.invalid_tool_calls.push(InvalidToolCall {
                    name: chunk.name.clone(),
                    args: Some(text.to_owned()),
                    id: id.clone(),
                    error: Some("Malformed args.".to_owned()),
                    kind: Some("invalid_tool_call".to_owned()),
                }),
            }
        }
    }
}

fn merge_content(content: &mut Content, chunk: Content) {
    match (&mut *content, chunk) {
        (Content::Text(text), Content::Text(more)) => text.push_str(&more),
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
                merge_list_item("content", blocks, block, &mut Vec::new());
            }
        }
        (Content::Blocks(_), Content::Text(more)) if more.is_empty() => {}
        (Content::Blocks(blocks), Content::Text(more)) => blocks.push(text_block(more)),
    }
}

fn text_block(text: String) -> Node {
    let mut block = Object::default();
    block.set("type", Node::text("text"));
    block.set("text", Node::String(text));
    Node::Object(block)
}

/// A piece joins the last call with the same index, or, where it has no index, the one with the same id;
/// a different id under the same index is a new call.
fn merge_tool_call_chunk(calls: &mut Vec<ToolCallChunk>, piece: ToolCallChunk) {
    let found = calls.iter_mut().rev().find(|call| {
        let ids_agree = call.id.is_none() || piece.id.is_none() || call.id == piece.id;
        match (&call.index, &piece.index) {
            (Some(a), Some(b)) => a == b && ids_agree,
            (None, None) => piece.id.is_some() && call.id == piece.id,
            (Some(_), None) | (None, Some(_)) => false,
        }
    });
    let Some(call) = found else {
        calls.push(piece);
        return;
    };
    if let Some(more) = piece.args {
        call.args.get_or_insert_default().push_str(&more);
    }
    merge_word(&mut call.name, piece.name.filter(|name| !name.is_empty()));
    if call.id.is_none() {
        call.id = piece.id;
    }
}

/// The newer one stands.
fn merge_word(word: &mut Option<String>, newer: Option<String>) {
    if newer.is_some() {
        *word = newer;
    }
}

/// Token counts are sums, also inside the detail objects.
fn merge_usage(usage: &mut Object, chunk: Object) {
    for (key, more) in chunk.into_fields() {
        match (usage.get_mut(&key), more) {
            (Some(Node::Object(have)), Node::Object(more)) => merge_usage(have, more),
            (Some(Node::Number(have)), Node::Number(more)) => add(have, more),
            (Some(_), Node::Null) => {}
            (_, more) => {
                usage.insert(key, more);
            }
        }
    }
}

fn merge_maps(path: &str, have: &mut Object, chunk: Object, notes: &mut Vec<MergeNote>) {
    for (key, more) in chunk.into_fields() {
        match have.get_mut(&key) {
            None | Some(Node::Null) => {
                have.insert(key, more);
            }
            Some(_) if more.is_null() => {}
            Some(value) => merge_value(&[path, ".", &key].concat(), &key, value, more, notes),
        }
    }
}

fn merge_value(path: &str, key: &str, have: &mut Node, more: Node, notes: &mut Vec<MergeNote>) {
    match (&mut *have, more) {
        (Node::String(_), Node::String(_)) if key == "type" => {}
        (Node::String(text), Node::String(more)) if REPLACED_KEYS.contains(&key) => {
            if !more.is_empty() {
                *text = more;
            }
        }
        (Node::String(text), Node::String(more)) => text.push_str(&more),
        (Node::Number(_), Node::Number(_)) if KEPT_KEYS.contains(&key) => {}
        (Node::Number(have), Node::Number(more)) => add(have, more),
        (Node::Object(map), Node::Object(more)) => merge_maps(path, map, more, notes),
        (Node::Array(list), Node::Array(more)) => {
            for item in more {
                merge_list_item(path, list, item, notes);
            }
        }
        (value, more) if *value == more => {}
        (value, more) => {
            *value = more;
            notes.push(MergeNote {
                field: path.to_owned(),
            });
        }
    }
}

/// An item joins the one with the same `index`, or without one the one with the same id; empty text adds nothing.
fn merge_list_item(path: &str, list: &mut Vec<Node>, item: Node, notes: &mut Vec<MergeNote>) {
    let Node::Object(fields) = item else {
        list.push(item);
        return;
    };
    let found = list.iter_mut().find_map(|have| match have {
        Node::Object(have) if belongs(have, &fields) => Some(have),
        Node::Null
        | Node::Bool(_)
        | Node::Number(_)
        | Node::String(_)
        | Node::Array(_)
        | Node::Object(_) => None,
    });
    match found {
        Some(have) => merge_maps(path, have, fields, notes),
        None if fields.len() == 1 && fields.get("text").and_then(Node::as_str) == Some("") => {}
        None => list.push(Node::Object(fields)),
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
        assert_eq!(
            notes,
            [MergeNote {
                field: "additional_kwargs.a".to_owned()
            }]
        );
        assert_eq!(whole.additional_kwargs.get("a"), Some(&Node::text("x")));
    }
}
