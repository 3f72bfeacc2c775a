//! Stored JSON must be readable again: JSON that this server's readers would refuse is refused before it is stored.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// How deep a request's body may be nested. Rows put some levels around it.
pub(crate) const BODY_DEPTH_MAX: usize = 100;
/// How deep a record may be nested: serde's reader takes no more.
pub(crate) const RECORD_DEPTH_MAX: usize = 127;

/// Checks that a JSON text can be read again: its depth, its numbers, the surrogates in its texts.
///
/// # Errors
/// The fault, with its place.
pub(crate) fn check(text: &[u8], depth_max: usize) -> Result<(), serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    Levels(depth_max).deserialize(&mut reader)?;
    reader.end()
}

/// Reads a value and keeps nothing of it. So many levels may come.
struct Levels(usize);

impl Levels {
    fn inner<E: Error>(&self) -> Result<Self, E> {
        let left = self.0.checked_sub(1);
        left.map(Self)
            .ok_or_else(|| E::custom("the JSON is nested too deep"))
    }
}

impl<'de> DeserializeSeed<'de> for Levels {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Levels {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let inner = self.inner()?;
        while items.next_element_seed(Levels(inner.0))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        let inner = self.inner()?;
        while fields.next_key_seed(Key)?.is_some() {
            fields.next_value_seed(Levels(inner.0))?;
        }
        Ok(())
    }
}

/// A field's name.
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        std::borrow::Cow::<str>::deserialize(reader).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn nested(levels: usize) -> String {
        "[".repeat(levels) + &"]".repeat(levels)
    }

    #[test]
    fn what_passes_can_be_read_and_what_cannot_be_read_does_not_pass() {
        for text in [
            r#"{"a":[1,-2,3.5,true,null,"x\ud83d\ude00",{}]}"#,
            r#"{"a":1e400}"#,
            r#"{"a":-1e999}"#,
            r#"{"a":18446744073709551616}"#,
            r#"["\ud800"]"#,
            r#"["\udc00x"]"#,
            r#"{"\ud800":1}"#,
            "[1,]",
            "[1] 2",
            "",
            &nested(127),
            &nested(128),
            &nested(100_000),
        ] {
            let passes = check(text.as_bytes(), RECORD_DEPTH_MAX).is_ok();
            let reads = serde_json::from_str::<Value>(text).is_ok();
            assert_eq!(passes, reads, "{:.40}", text);
        }
    }

    #[test]
    fn levels_are_counted() {
        assert!(check(nested(3).as_bytes(), 3).is_ok());
        assert!(check(nested(4).as_bytes(), 3).is_err());
        assert!(check(br#"{"a":{"b":1}}"#, 2).is_ok());
        assert!(check(br#"{"a":{"b":[]}}"#, 2).is_err());
    }
}
