//! The calls of a message: `tool_calls`, `invalid_tool_calls` and, while it streams, `tool_call_chunks`.

use super::read::text_of;
use crate::json::{FromJson, JsonError, Lenient, Node, Object, Oddities, Part, ToJson};

const CALLS: &str = "tool_calls";
const INVALID: &str = "invalid_tool_calls";

/// Reads the list of this name into `others`. Calls whose arguments are no object join `invalid_tool_calls`.
pub(super) fn read_calls(
    name: &str,
    text: &str,
    others: &mut Object,
    odd: &mut Oddities,
) -> Result<(), JsonError> {
    let items = match Node::read(text, odd)? {
        Node::Array(items) => items,
        Node::Null => return Ok(()),
        one => {
            odd.note(name, "a list", text);
            one.as_object()
                .is_some()
                .then_some(one)
                .into_iter()
                .collect()
        }
    };
    if items.is_empty() {
        return Ok(());
    }
    let (mut calls, mut invalid) = (Vec::with_capacity(items.len()), Vec::new());
    for (at, item) in items.into_iter().enumerate() {
        odd.within(Part::Field(name), |odd| {
            odd.within(Part::Item(at), |odd| match item {
                Node::Object(call) => match mended(name, call, odd) {
                    Ok(call) => calls.push(Node::Object(call)),
                    Err(call) => invalid.push(Node::Object(call)),
                },
                other => odd.note("", "a call", &other.to_json()),
            });
        });
    }
    extend(others, name, calls);
    extend(others, INVALID, invalid);
    Ok(())
}

fn extend(others: &mut Object, name: &str, mut more: Vec<Node>) {
    match others.get_mut(name) {
        Some(Node::Array(calls)) => calls.append(&mut more),
        _ if more.is_empty() => {}
        _ => others.set(name, Node::Array(more)),
    }
}

/// A call with a name, an id and arguments of the types that its list promises; `Err` where it is no valid call.
fn mended(list: &str, call: Object, odd: &mut Oddities) -> Result<Object, Object> {
    let mut call = match openai(list, &call) {
        Some(call) => call,
        None => call,
    };
    for name in ["name", "id"] {
        mend_text(&mut call, name, odd);
    }
    if list != CALLS {
        mend_text(&mut call, "args", odd);
        return Ok(call);
    }
    let Some(args) = call.get_mut("args") else {
        return Ok(call);
    };
    if args.as_object().is_some() {
        return Ok(call);
    }
    odd.note("args", "an object", &args.to_json());
    match parsed(args) {
        Some(object) => {
            *args = Node::Object(object);
            Ok(call)
        }
        None => {
            *args = Node::String(text_of(args));
            call.set("error", Node::text("Malformed args."));
            call.set("type", Node::text("invalid_tool_call"));
            Err(call)
        }
    }
}

fn mend_text(call: &mut Object, name: &str, odd: &mut Oddities) {
    match call.get_mut(name) {
        None | Some(Node::Null | Node::String(_)) => {}
        Some(other) => {
            odd.note(name, "a text", &other.to_json());
            *other = Node::String(text_of(other));
        }
    }
}

/// The object that arguments say: none of `null`, or written as a text.
fn parsed(args: &Node) -> Option<Object> {
    match args {
        Node::Null => Some(Object::default()),
        Node::String(text) => Object::from_json(text).ok(),
        Node::Bool(_) | Node::Number(_) | Node::Array(_) | Node::Object(_) => None,
    }
}

/// A call in OpenAI's form: `{"id","type":"function","function":{"name","arguments"}}`.
fn openai(list: &str, call: &Object) -> Option<Object> {
    let function = call.get("function")?.as_object()?;
    if list != CALLS || call.get("args").is_some() {
        return None;
    }
    let arguments = function.get("arguments").cloned().unwrap_or_default();
    let args = match parsed(&arguments) {
        Some(object) => Node::Object(object),
        None => arguments,
    };
    let mut read = Object::default();
    read.set("name", function.get("name").cloned().unwrap_or_default());
    read.set("args", args);
    read.set("id", call.get("id").cloned().unwrap_or_default());
    read.set("type", Node::text("tool_call"));
    Some(read)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        json::{Oddity, Read},
        message::Message,
    };

    fn check(fields: &str, expected: &str, words: &[&str]) {
        let text = format!(r#"{{"type":"ai","content":"",{fields}}}"#);
        let read = Read::<Message>::from_json(&text).expect(&text);
        let mut shown = read.value.fields;
        shown.remove("additional_kwargs");
        shown.remove("response_metadata");
        let said: Vec<String> = read.oddities.iter().map(Oddity::words).collect();
        assert_eq!(shown.to_json(), expected, "{text}");
        assert_eq!(said, words, "{text}");
    }

    #[test]
    fn an_odd_call_costs_no_other_one() {
        check(
            r#""tool_calls":[null,{"name":"f","args":{"a":1},"id":"c"},7]"#,
            r#"{"tool_calls":[{"name":"f","args":{"a":1},"id":"c"}]}"#,
            &[
                "tool_calls[0] is null where a call belongs",
                "tool_calls[2] is a number (7) where a call belongs",
            ],
        );
        check(
            r#""tool_calls":{"name":"f","args":{},"id":"c"}"#,
            r#"{"tool_calls":[{"name":"f","args":{},"id":"c"}]}"#,
            &[r#"tool_calls is an object ({"name":"f","args":{},"id":"c"}) where a list belongs"#],
        );
        check(
            r#""tool_calls":"f""#,
            "{}",
            &[r#"tool_calls is a text ("f") where a list belongs"#],
        );
        check(
            r#""tool_calls":[{"name":5,"args":null,"id":7}]"#,
            r#"{"tool_calls":[{"name":"5","args":{},"id":"7"}]}"#,
            &[
                "tool_calls[0].name is a number (5) where a text belongs",
                "tool_calls[0].id is a number (7) where a text belongs",
                "tool_calls[0].args is null where an object belongs",
            ],
        );
    }

    #[test]
    fn arguments_that_are_no_object_are_read_or_invalid() {
        check(
            r#""tool_calls":[{"name":"f","args":"{\"a\":1}","id":"c"},{"name":"g","args":[1],"id":"d"}],"invalid_tool_calls":[{"name":"h","args":"[","id":"e"}]"#,
            r#"{"tool_calls":[{"name":"f","args":{"a":1},"id":"c"}],"invalid_tool_calls":[{"name":"g","args":"[1]","id":"d","error":"Malformed args.","type":"invalid_tool_call"},{"name":"h","args":"[","id":"e"}]}"#,
            &[
                r#"tool_calls[0].args is a text ("{\"a\":1}") where an object belongs"#,
                "tool_calls[1].args is a list ([1]) where an object belongs",
            ],
        );
        check(
            r#""tool_call_chunks":[{"name":"f","args":{"a":1},"id":"c","index":0}]"#,
            r#"{"tool_call_chunks":[{"name":"f","args":"{\"a\":1}","id":"c","index":0}]}"#,
            &[r#"tool_call_chunks[0].args is an object ({"a":1}) where a text belongs"#],
        );
    }

    #[test]
    fn a_call_in_openais_form_is_one() {
        check(
            r#""tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]"#,
            r#"{"tool_calls":[{"name":"f","args":{"a":1},"id":"c","type":"tool_call"}]}"#,
            &[],
        );
    }
}
