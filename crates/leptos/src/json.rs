//! JSON from an application and for it.

use rejoin_core::wire::{
    Json,
    json::{ToJson, Writer},
};
use serde::{Serialize, de::DeserializeOwned};
use std::{fmt, sync::Arc};

/// Any serialisable value as JSON, or in words why it has none.
pub(crate) fn written(value: &(impl Serialize + ?Sized)) -> Result<Json, String> {
    Json::from_value(value).map_err(|error| error.to_string())
}

/// A submission as the graph's input: a text is one human message; `null` is no input.
pub(crate) fn input(
    value: &(impl Serialize + ?Sized),
    messages_key: &str,
) -> Result<Option<Json>, String> {
    let given = written(value)?;
    if given.is_null() {
        return Ok(None);
    }
    if !given.text().starts_with('"') {
        return Ok(Some(given));
    }
    let content = &given;
    Ok(Some(Json::written(&Said {
        content,
        messages_key,
    })))
}

/// The input of one human message.
struct Said<'a> {
    content: &'a Json,
    messages_key: &'a str,
}

impl ToJson for Said<'_> {
    fn write_json(&self, out: &mut String) {
        let mut input = Writer::object(out);
        let mut messages = Writer::list(input.field(self.messages_key));
        let mut message = Writer::object(messages.item());
        message.string("type", "human");
        message.raw("content", self.content.text());
        message.end();
        messages.end();
        input.end();
    }
}

/// Why JSON could not be read as a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadError(Arc<str>);

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ReadError {}

/// Reads JSON as `T`.
pub(crate) fn read<T: DeserializeOwned>(json: &Json) -> Result<T, ReadError> {
    json.read()
        .map_err(|error: serde_json::Error| ReadError(error.to_string().into()))
}

#[cfg(test)]
mod tests {
    use super::input;
    use serde::Serialize;
    use serde_json::json;
    use std::collections::BTreeMap;

    #[track_caller]
    fn check(value: impl Serialize, expect: Option<&str>) {
        let given = input(&value, "messages").expect("JSON");
        assert_eq!(given.as_ref().map(rejoin_core::wire::Json::text), expect);
    }

    #[test]
    fn a_text_is_a_human_message_and_all_else_is_the_input() {
        let said = r#"{"messages":[{"type":"human","content":"say \"hi\""}]}"#;
        check("say \"hi\"", Some(said));
        check(json!("say \"hi\""), Some(said));
        check(json!({ "topic": "tea" }), Some(r#"{"topic":"tea"}"#));
        check(BTreeMap::from([("n", 1)]), Some(r#"{"n":1}"#));
        check((), None);
        check(None::<String>, None);
    }

    #[test]
    fn what_has_no_json_form_is_said() {
        let keys_that_are_no_texts = BTreeMap::from([(vec![1], 1)]);
        assert!(input(&keys_that_are_no_texts, "messages").is_err());
    }
}
