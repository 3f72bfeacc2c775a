//! JSON: text that nobody has read yet, the reader that takes it apart, and the tree for what has to be changed.
//!
//! The client's own reader and writer, small enough for a page to load. Every shape of the protocol is read through
//! [`parts`], [`fields`] and [`items`], which share one scanner; derived code would bring one per shape. Serde's traits are
//! there for native code and go through the text.

mod lenient;
mod node;
mod read;
mod scan;
#[cfg(test)]
mod tests;
mod write;

pub(crate) use lenient::strict_from_json;
pub use lenient::{Lenient, Oddities, Oddity, Part, Read};
pub use node::{Node, Object, PARTIAL_DEPTH_MAX};
pub(crate) use read::with_digit;
pub use read::{
    FromJson, Optional, field, fields, find, items, parts, parts_and_more, required, whole_number,
};
pub(crate) use scan::text_inside;
pub use scan::{DEPTH_MAX, JsonError};
pub use write::{ToJson, Writer, digits, write_number, write_string};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};
use serde_json::value::RawValue;
use std::{fmt, sync::Arc};

/// Valid JSON text, kept as it came. Cloning is cheap; reading it is the reader's cost.
#[derive(Default)]
pub struct Json(Option<Arc<str>>);

impl Clone for Json {
    // Small enough to be put wherever it is called, which is everywhere.
    #[inline(never)]
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl Json {
    /// Checks `text` and keeps it.
    ///
    /// # Errors
    /// If and why `text` is not JSON, or that it is nested deeper than [`DEPTH_MAX`].
    pub fn parse(text: String) -> Result<Self, JsonError> {
        let value = scan::whole(&text)?;
        let is_all = value.len() == text.len();
        Ok(if is_all {
            Self(Some(text.into()))
        } else {
            Self::from_checked(value)
        })
    }

    /// The text as JSON where it is, else as a JSON string.
    pub fn parse_or_quote(text: &str) -> Self {
        scan::whole(text).map_or_else(|_| Self::written(&text.to_owned()), Self::from_checked)
    }

    /// Any serialisable value as JSON.
    ///
    /// # Errors
    /// If the value has no JSON form, such as a map with keys that are not strings.
    pub fn from_value<T: Serialize + ?Sized>(value: &T) -> Result<Self, serde_json::Error> {
        Ok(Self(Some(serde_json::to_string(value)?.into())))
    }

    /// The text that [`ToJson`] writes.
    pub fn written(value: &dyn ToJson) -> Self {
        Self(Some(value.to_json().into()))
    }

    /// `null`.
    pub fn null() -> Self {
        Self(None)
    }

    /// The text, without space before or after.
    pub fn text(&self) -> &str {
        self.0.as_deref().unwrap_or("null")
    }

    /// Whether it is `null`.
    pub fn is_null(&self) -> bool {
        self.text() == "null"
    }

    /// Reads it as `T`.
    ///
    /// # Errors
    /// The parser's error, if it is not a `T`.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.text())
    }

    /// `text` has been checked.
    pub(crate) fn from_checked(text: &str) -> Self {
        Self(Some(text.into()))
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl Eq for Json {}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue =
            serde_json::from_str(self.text()).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw: Box<str> = Box::<RawValue>::deserialize(deserializer)?.into();
        // Serde's reader takes any depth; ours is the one that has to read it again.
        Self::parse(raw.into()).map_err(serde::de::Error::custom)
    }
}

/// Serde for types that are read and written as text: their shape is written down once.
macro_rules! serde_by_text {
    ($($name:ty),* $(,)?) => {$(
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $crate::Json::written(self).serialize(serializer)
            }
        }

        $crate::json::serde_by_text!(read $name);
    )*};
    (read $($name:ty),* $(,)?) => {$(
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let json = $crate::Json::deserialize(deserializer)?;
                <$name as $crate::json::FromJson>::from_json(json.text()).map_err(serde::de::Error::custom)
            }
        }
    )*};
}

pub(crate) use serde_by_text;
