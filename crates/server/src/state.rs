//! How writes change a state: LangGraph's reducers, as far as agents here need them.

use std::collections::HashMap;

use rejoin_wire::{
    json::Node,
    message::{Content, Message},
};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::sessions::ids::is_plain;

/// The state key that holds the conversation.
pub(crate) const MESSAGES: &str = "messages";
/// The id of a removal that empties the list.
const REMOVE_ALL: &str = "__remove_all__";

/// Writes `update` into `values`: messages are merged by id, keys in `appended` are lists that grow, others replaced.
pub(crate) fn apply(
    values: &mut Map<String, Value>,
    update: Map<String, Value>,
    appended: &[&str],
) {
    for (key, new) in update {
        if key == MESSAGES {
            let mut list = values.remove(MESSAGES).map(into_list).unwrap_or_default();
            merge_messages(&mut list, into_list(new));
            values.insert(key, Value::Array(list));
        } else if appended.contains(&key.as_str()) {
            let mut list = values.remove(&key).map(into_list).unwrap_or_default();
            list.extend(into_list(new));
            values.insert(key, Value::Array(list));
        } else {
            values.insert(key, new);
        }
    }
}

/// An accumulated message in the form a state keeps.
pub(crate) fn final_message(message: &Message) -> Value {
    let mut message = message.clone();
    message.refresh_tool_calls();
    let content = match &message.content {
        Content::Text(text) => json!(text),
        Content::Blocks(blocks) => json!(blocks),
    };
    let field = |name: &str| message.fields.get(name);
    json!({
        "content": content,
        "additional_kwargs": field("additional_kwargs"),
        "response_metadata": field("response_metadata"),
        "type": "ai",
        "name": field("name"),
        "id": message.id,
        "tool_calls": message.tool_calls(),
        "invalid_tool_calls": field("invalid_tool_calls").and_then(Node::as_array).unwrap_or_default(),
        "usage_metadata": field("usage_metadata"),
    })
}

/// Checks a graph's input (or an update by hand) and gives its messages their full form.
///
/// # Errors
/// A sentence for the caller, where it is not an object or a message is not one.
pub(crate) fn normalise(input: Value) -> Result<Map<String, Value>, String> {
    let Value::Object(mut map) = input else {
        return Err("The input must be an object".to_owned());
    };
    if let Some(messages) = map.get_mut(MESSAGES) {
        let list = match messages.take() {
            Value::Array(list) => list,
            one => vec![one],
        };
        *messages = Value::Array(
            list.into_iter()
                .map(full_message)
                .collect::<Result<_, _>>()?,
        );
    }
    Ok(map)
}

/// Messages of an update that carry no id get one.
pub(crate) fn full_message(message: Value) -> Result<Value, String> {
    let mut given = fields(message)?;
    let word = given.remove("type").or_else(|| given.remove("role"));
    given.remove("role");
    let kind = kind(&word.unwrap_or_default())?;
    let id = match given.remove("id") {
        None | Some(Value::Null) => Uuid::new_v4().to_string().into(),
        Some(Value::String(id)) if is_plain(&id) => id.into(),
        Some(_) => return Err("A message's id must be 1 to 200 visible characters".to_owned()),
    };
    let mut full = Map::new();
    full.insert(
        "content".to_owned(),
        given.remove("content").unwrap_or_else(|| "".into()),
    );
    for (key, default) in [
        ("additional_kwargs", json!({})),
        ("response_metadata", json!({})),
    ] {
        full.insert(key.to_owned(), given.remove(key).unwrap_or(default));
    }
    full.insert("type".to_owned(), kind.into());
    full.insert("name".to_owned(), given.remove("name").unwrap_or_default());
    full.insert("id".to_owned(), id);
    let defaults: &[(&str, Value)] = match kind {
        "ai" => &[
            ("tool_calls", json!([])),
            ("invalid_tool_calls", json!([])),
            ("usage_metadata", Value::Null),
        ],
        "tool" => &[
            ("tool_call_id", Value::Null),
            ("artifact", Value::Null),
            ("status", json!("success")),
        ],
        _ => &[],
    };
    for (key, default) in defaults {
        full.insert(
            (*key).to_owned(),
            given.remove(*key).unwrap_or_else(|| default.clone()),
        );
    }
    full.extend(given);
    Ok(Value::Object(full))
}

/// A message's fields, from any of the forms that LangChain takes.
fn fields(message: Value) -> Result<Map<String, Value>, String> {
    let of = |kind: Value, content: Value| {
        Map::from_iter([("type".to_owned(), kind), ("content".to_owned(), content)])
    };
    match message {
        Value::Object(given) if is_class(&given) => return of_class(given),
        Value::Object(given) => return Ok(given),
        Value::String(text) => return Ok(of("human".into(), text.into())),
        Value::Array(pair) => {
            if let Ok([role, content]) = <[Value; 2]>::try_from(pair) {
                return Ok(of(role, content));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
    Err("A message must be a string, an object or a [role, content] pair".to_owned())
}

/// Whether a message is written as LangChain writes an object of its message classes:
/// `{"lc": 1, "type": "constructor", "id": [.., "HumanMessage"], "kwargs": {..}}`.
fn is_class(given: &Map<String, Value>) -> bool {
    given.get("lc") == Some(&json!(1)) && given.get("type") == Some(&json!("constructor"))
}

/// The fields of a message that is written as a class: its arguments, and the type that the class's name says.
fn of_class(mut given: Map<String, Value>) -> Result<Map<String, Value>, String> {
    let path = given.get("id").and_then(Value::as_array);
    let name = path.and_then(|path| path.last()?.as_str());
    let name = name.unwrap_or_default();
    let kind = match name.strip_suffix("Chunk").unwrap_or(name) {
        "HumanMessage" => "human",
        "AIMessage" => "ai",
        "SystemMessage" => "system",
        "ToolMessage" => "tool",
        "FunctionMessage" => "function",
        "RemoveMessage" => "remove",
        _ => return Err(format!("Unknown message class: {name:.100}")),
    };
    let Some(Value::Object(mut fields)) = given.remove("kwargs") else {
        return Err("A message in class form needs an object as its kwargs".to_owned());
    };
    fields.remove("role");
    fields.insert("type".to_owned(), kind.into());
    Ok(fields)
}

/// Whether an input or an update takes messages away.
pub(crate) fn removes(update: &Value) -> bool {
    let is_removal = |message: &Value| {
        let fields = fields(message.clone()).unwrap_or_default();
        let word = fields.get("type").or_else(|| fields.get("role"));
        word.and_then(Value::as_str) == Some("remove")
    };
    match update.get(MESSAGES) {
        Some(Value::Array(list)) => list.iter().any(is_removal) || is_removal(&update[MESSAGES]),
        Some(one) => is_removal(one),
        None => false,
    }
}

/// Whether each message of a conversation is still there, as it was said, after a change.
pub(crate) fn keeps(before: &[Value], after: &[Value]) -> bool {
    if after.starts_with(before) {
        return true;
    }
    let id_of = |message: &'_ Value| message.get("id").and_then(Value::as_str).map(str::to_owned);
    let known: HashMap<String, &Value> = after
        .iter()
        .filter_map(|message| Some((id_of(message)?, message)))
        .collect();
    before.iter().all(|message| match id_of(message) {
        Some(id) => known.get(&id) == Some(&message),
        None => after.contains(message),
    })
}

fn kind(word: &Value) -> Result<&'static str, String> {
    Ok(match word.as_str() {
        Some("user" | "human") => "human",
        Some("assistant" | "ai" | "AIMessageChunk") => "ai",
        Some("system" | "developer") => "system",
        Some("tool") => "tool",
        Some("function") => "function",
        Some("remove") => "remove",
        _ => return Err(format!("Unknown message type: {word}")),
    })
}

/// The messages of a state; empty where there are none.
pub(crate) fn messages(values: &Map<String, Value>) -> &[Value] {
    values
        .get(MESSAGES)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn merge_messages(list: &mut Vec<Value>, new: Vec<Value>) {
    for message in new {
        let id = message.get("id").cloned().unwrap_or_default();
        if message.get("type").and_then(Value::as_str) == Some("remove") {
            if id == REMOVE_ALL {
                list.clear();
            } else {
                list.retain(|old| old.get("id") != Some(&id));
            }
        } else if let Some(old) = list
            .iter_mut()
            .find(|old| !id.is_null() && old.get("id") == Some(&id))
        {
            *old = message;
        } else {
            list.push(message);
        }
    }
}

fn into_list(value: Value) -> Vec<Value> {
    match value {
        Value::Array(list) => list,
        Value::Null => Vec::new(),
        one => vec![one],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_a_class_is_read_as_what_the_class_says() {
        let class = |name: &str, kwargs: Value| json!({"lc": 1, "type": "constructor", "id": ["langchain_core", "messages", name], "kwargs": kwargs});
        let check = |name: &str, kind: &str| {
            let given = class(name, json!({"content": "hi", "id": "m1", "role": "odd"}));
            let plain = json!({"type": kind, "content": "hi", "id": "m1"});
            assert_eq!(full_message(given), full_message(plain), "{name}");
        };
        check("HumanMessage", "human");
        check("AIMessage", "ai");
        check("AIMessageChunk", "ai");
        check("SystemMessage", "system");
        check("ToolMessage", "tool");
        for odd in [
            class("Runnable", json!({"content": "hi"})),
            class("HumanMessage", json!("hi")),
            json!({"lc": 1, "type": "constructor", "kwargs": {"content": "hi"}}),
        ] {
            assert!(full_message(odd.clone()).is_err(), "{odd}");
        }
        // One that takes a message away is known as such.
        let gone = class("RemoveMessage", json!({"id": "m1"}));
        assert!(removes(&json!({"messages": [gone]})) && removes(&json!({"messages": gone})));
        assert!(removes(&json!({"messages": [["remove", "x"]]})));
        let kept = class("HumanMessage", json!({"content": "hi", "type": "remove"}));
        assert!(!removes(&json!({"messages": [kept]})));
    }

    fn check(before: Value, update: Value, after: Value) {
        let Value::Object(mut values) = before else {
            panic!("an object")
        };
        apply(
            &mut values,
            update.as_object().unwrap().clone(),
            &["answers"],
        );
        assert_eq!(Value::Object(values), after);
    }

    #[test]
    fn messages_are_added_replaced_and_removed_by_id() {
        let list = |items: Value| json!({"messages": items});
        check(
            json!({}),
            list(json!([{"id": "a"}])),
            list(json!([{"id": "a"}])),
        );
        check(
            list(json!([{"id": "a", "n": 1}])),
            list(json!([{"id": "a", "n": 2}])),
            list(json!([{"id": "a", "n": 2}])),
        );
        check(
            list(json!([{"id": "a"}, {"id": "b"}])),
            list(json!([{"id": "a", "type": "remove"}])),
            list(json!([{"id": "b"}])),
        );
        check(
            list(json!([{"id": "a"}])),
            list(json!([{"id": "__remove_all__", "type": "remove"}, {"id": "c"}])),
            list(json!([{"id": "c"}])),
        );
    }

    #[test]
    fn a_conversation_is_kept_where_each_message_is_there_as_it_was() {
        let check = |before: Value, after: Value, kept: bool| {
            let list = |value: &Value| value.as_array().unwrap().clone();
            assert_eq!(
                keeps(&list(&before), &list(&after)),
                kept,
                "{before} {after}"
            );
        };
        let (a, b) = (json!({"id": "a", "content": "x"}), json!({"id": "b"}));
        check(json!([]), json!([a]), true);
        check(json!([a]), json!([a, b]), true);
        check(json!([a]), json!([b, a]), true);
        check(json!([a, b]), json!([b]), false);
        check(json!([a]), json!([{"id": "a", "content": "y"}]), false);
        check(
            json!([{"content": "x"}]),
            json!([b, {"content": "x"}]),
            true,
        );
        check(json!([{"content": "x"}]), json!([b]), false);
    }

    #[test]
    fn other_keys_are_replaced_unless_they_append() {
        check(
            json!({"x": 1, "answers": [1]}),
            json!({"x": 2, "answers": [2]}),
            json!({"answers": [1, 2], "x": 2}),
        );
    }

    #[test]
    fn a_message_gets_its_full_form() {
        let message = full_message(json!({"role": "user", "content": "hi", "id": "m1"})).unwrap();
        let expect = r#"{"content":"hi","additional_kwargs":{},"response_metadata":{},"type":"human","name":null,"id":"m1"}"#;
        assert_eq!(message.to_string(), expect);
        assert!(full_message(json!({"type": "martian"})).is_err());
        assert!(full_message(json!(5)).is_err());
        for id in [
            json!(""),
            json!("a\nb"),
            json!("x".repeat(201)),
            json!(7),
            json!({"a": 1}),
        ] {
            let message = json!({"role": "user", "content": "hi", "id": id});
            assert!(full_message(message).is_err(), "{id}");
        }
    }
}
