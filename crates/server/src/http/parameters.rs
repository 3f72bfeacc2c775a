//! Nothing that a request asks for is ignored: a parameter that this server does not know is refused, by its name.
//!
//! The known names of a body are those of its type; the known names of a query are in the table of endpoints. A parameter
//! that asks for nothing (`null`, `false`, an empty list or object) passes, because clients send some with every request.

use std::borrow::Cow;

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::Response,
};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error as _, IgnoredAny, MapAccess, Visitor, value::Error},
    forward_to_deserialize_any,
};
use serde_json::{Map, Value};

use crate::{auth::Endpoint, error::ServerError};

/// The names of the fields that a type is read from; none where it is no struct.
pub(super) fn names_of<T: DeserializeOwned>() -> &'static [&'static str] {
    let mut names = Names(&[]);
    // It fails once it has said which fields it wants.
    let _ = T::deserialize(&mut names);
    names.0
}

/// Gives a type nothing to read, and remembers which fields it asked for.
struct Names(&'static [&'static str]);

impl<'de> Deserializer<'de> for &mut Names {
    type Error = Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Error> {
        self.0 = fields;
        Err(Error::custom("only the names are wanted"))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("only the names are wanted"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// Refuses a body that asks for something beside `known`.
///
/// # Errors
/// [`ServerError::NotImplemented`], with the first such name.
pub(super) fn check_body(text: &[u8], known: &[&'static str]) -> Result<(), ServerError> {
    check_object(text, "", known)
}

/// The same for an object within a body; `place` leads the names of its fields in errors.
///
/// # Errors
/// As for [`check_body`].
pub(super) fn check_object(
    text: &[u8],
    place: &str,
    known: &[&'static str],
) -> Result<(), ServerError> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    // What is no object is told so by what reads it.
    match reader.deserialize_any(Others(known)).ok().flatten() {
        Some(name) => Err(unknown(&format!("{place}{name}"))),
        None => Ok(()),
    }
}

/// Refuses fields that nothing has read, if they ask for something.
///
/// # Errors
/// As for [`check_body`].
pub(super) fn check_more(more: &Map<String, Value>, place: &str) -> Result<(), ServerError> {
    match more.iter().find(|(_, value)| asks(value)) {
        Some((name, _)) => Err(unknown(&format!("{place}{name}"))),
        None => Ok(()),
    }
}

/// A body of an endpoint that has no parameters in its body.
#[derive(Deserialize)]
pub(crate) struct Nothing {}

/// A truth value in a query.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Flag(pub(super) bool);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let word = Cow::<str>::deserialize(reader)?;
        match &*word {
            "1" | "true" | "True" | "yes" => Ok(Self(true)),
            "no" => Ok(Self(false)),
            word if is_off(word) => Ok(Self(false)),
            _ => Err(D::Error::custom("expected true or false")),
        }
    }
}

/// Whether a value in a query asks for nothing.
fn is_off(value: &str) -> bool {
    matches!(value, "" | "0" | "false" | "False" | "null" | "None")
}

/// Finds the first field that is not among these, and asks for something.
struct Others<'a>(&'a [&'static str]);

impl<'de> Visitor<'de> for Others<'_> {
    type Value = Option<String>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(Name(name)) = fields.next_key()? {
            if self.0.contains(&&*name) {
                fields.next_value::<IgnoredAny>()?;
            } else if asks(&fields.next_value()?) {
                found.get_or_insert(name.into_owned());
            }
        }
        Ok(found)
    }
}

#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

fn asks(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(is_on) => *is_on,
        Value::Array(list) => !list.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        Value::Number(_) | Value::String(_) => true,
    }
}

fn unknown(name: &str) -> ServerError {
    // It is shown, and may be anything.
    let name: String = name.chars().take(100).collect();
    ServerError::NotImplemented(format!("the parameter {name:?}"))
}

/// Refuses a query that asks for something that its endpoint's row does not name.
pub(crate) async fn check_query(
    State(prefix): State<std::sync::Arc<str>>,
    request: Request,
    next: Next,
) -> Result<Response, ServerError> {
    let matched = request.extensions().get::<MatchedPath>();
    let path = matched.map_or("", MatchedPath::as_str);
    let path = path.strip_prefix(&*prefix).unwrap_or(path);
    if let Some(endpoint) = Endpoint::find(request.method(), path)
        && let Some(known) = endpoint.query
    {
        let query = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(request.uri())
            .map_err(|error| ServerError::InvalidRequest(error.body_text()))?;
        let other = |(name, value): &&(String, String)| !known.contains(&&**name) && !is_off(value);
        if let Some((name, _)) = query.iter().find(other) {
            return Err(unknown(name));
        }
    }
    Ok(next.run(request).await)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    #[allow(dead_code)] // Only its names are looked at.
    struct Body {
        one: u32,
        #[serde(rename = "other")]
        two: Option<Vec<String>>,
    }

    #[test]
    fn a_flag_is_true_or_false_and_nothing_else() {
        let check = |text: &str, expected: Option<bool>| {
            assert_eq!(flag_of(text).map(|flag| flag.0), expected, "{text}");
        };
        for text in ["1", "true", "True", "yes"] {
            check(text, Some(true));
        }
        for text in ["", "0", "false", "False", "no"] {
            check(text, Some(false));
        }
        for text in ["maybe", "2", "TRUE", "on", "-1"] {
            check(text, None);
        }
    }

    /// A flag as a query has it.
    fn flag_of(text: &str) -> Option<Flag> {
        #[derive(Deserialize)]
        struct Asked {
            wait: Flag,
        }
        let uri = format!("/?wait={text}").parse().unwrap();
        let query = axum::extract::Query::<Asked>::try_from_uri(&uri);
        query.ok().map(|query| query.0.wait)
    }

    #[test]
    fn what_asks_for_something_else_is_refused_by_its_name() {
        let known = names_of::<Body>();
        assert_eq!(known, ["one", "other"]);
        assert!(names_of::<Value>().is_empty());
        let check = |text: &str, other: Option<&str>| {
            let told = check_body(text.as_bytes(), known).err();
            let expect = other.map(unknown);
            assert_eq!(told, expect, "{text}");
        };
        check(r#"{"one": 1, "other": ["x"]}"#, None);
        check(r#"{"ttl": null, "a": false, "b": [], "c": {}}"#, None);
        check(r#"{"one": 1, "ttl": 5}"#, Some("ttl"));
        check(
            r#"{"webh\u006fok": "http://x", "after": 1}"#,
            Some("webhook"),
        );
        check(r#"{"two": "the name within"}"#, Some("two"));
        check("[1]", None);
        check("{not json", None);
    }
}
