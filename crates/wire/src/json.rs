//! JSON that nobody has read yet.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};
use serde_json::value::RawValue;
use std::{fmt, sync::Arc};

/// Valid JSON text, kept as it came. Cloning is cheap; reading it is the reader's cost.
#[derive(Clone)]
pub struct Json(Arc<RawValue>);

impl Json {
    /// Checks `text` and keeps it.
    ///
    /// # Errors
    /// What the parser said, with line and column, where `text` is not JSON.
    pub fn parse(text: String) -> Result<Self, serde_json::Error> {
        Ok(Self(RawValue::from_string(text)?.into()))
    }

    /// Any serialisable value as JSON.
    ///
    /// # Errors
    /// Where the value has no JSON form, such as a map with keys that are not strings.
    pub fn from_value<T: Serialize + ?Sized>(value: &T) -> Result<Self, serde_json::Error> {
        Ok(Self(serde_json::value::to_raw_value(value)?.into()))
    }

    /// `null`.
    pub fn null() -> Self {
        Self(RawValue::NULL.to_owned().into())
    }

    /// The text.
    pub fn text(&self) -> &str {
        self.0.get()
    }

    /// Whether it is `null`.
    pub fn is_null(&self) -> bool {
        self.text() == "null"
    }

    /// Reads it as `T`.
    ///
    /// # Errors
    /// What the parser said, where it is not a `T`.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.text())
    }
}

impl Default for Json {
    fn default() -> Self {
        Self::null()
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
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Box::<RawValue>::deserialize(deserializer)?.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::Json;

    #[test]
    fn keeps_the_text_as_it_came() {
        let text = r#"{ "b":1.0,  "a":[1e3] }"#;
        let json = Json::parse(text.to_owned()).expect("valid");
        assert_eq!(json.text(), text);
        assert_eq!(serde_json::to_string(&json).expect("serialises"), text);
        assert!(Json::parse("{".to_owned()).is_err());
    }
}
