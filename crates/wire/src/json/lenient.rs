//! Reading piece by piece: what is not as the protocol says is read as well as it can be, and noted.

use super::{FromJson, Json, JsonError, items, scan::whole};

/// A shape of which each piece is read by itself: a piece that is odd costs no other one.
///
/// [`FromJson`] of such a shape is strict: it fails if a field of its own would be noted. Odd data deeper within is repaired
/// there too.
pub trait Lenient: Sized {
    /// Reads it, and notes in `odd` which pieces are not as they should be.
    ///
    /// # Errors
    /// If `text` is not JSON, or holds nothing that could stand for this shape.
    fn read(text: &str, odd: &mut Oddities) -> Result<Self, JsonError>;

    /// The same, where nobody asks what was odd.
    ///
    /// # Errors
    /// As for [`Lenient::read`].
    fn read_quietly(text: &str) -> Result<Self, JsonError> {
        Self::read(text, &mut Oddities::default())
    }
}

/// A value, and what was odd in it. Its [`FromJson`] is as lenient as [`Lenient::read`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Read<T> {
    /// The value.
    pub value: T,
    /// The oddities.
    pub oddities: Vec<Oddity>,
}

impl<T: Lenient> FromJson for Read<T> {
    fn from_json(text: &str) -> Result<Self, JsonError> {
        let mut odd = Oddities::default();
        let value = T::read(text, &mut odd)?;
        let oddities = odd.into_list();
        Ok(Self { value, oddities })
    }
}

impl<T: Lenient> Lenient for Vec<T> {
    fn read(text: &str, odd: &mut Oddities) -> Result<Self, JsonError> {
        let mut list = Self::new();
        let mut at = 0;
        items(text, &mut |item| {
            list.extend(odd.item(at, item));
            at += 1;
            Ok(())
        })?;
        Ok(list)
    }
}

impl Lenient for Json {
    fn read(text: &str, _: &mut Oddities) -> Result<Self, JsonError> {
        Self::from_json(text)
    }
}

/// A name, or whatever else is a text: a number or a word counts as the text that it is written with.
impl Lenient for String {
    fn read(text: &str, odd: &mut Oddities) -> Result<Self, JsonError> {
        match text.as_bytes().first() {
            Some(b'"') => Self::from_json(text),
            None | Some(b'{' | b'[' | b'n') => Err(JsonError::expected("a text")),
            Some(_) => {
                odd.note("", "a text", text);
                Ok(whole(text)?.to_owned())
            }
        }
    }
}

/// Implements [`FromJson`] by [`Lenient`], as said there.
macro_rules! strict_from_json {
    ($($name:ty),* $(,)?) => {$(
        impl $crate::json::FromJson for $name {
            fn from_json(text: &str) -> Result<Self, $crate::json::JsonError> {
                let mut odd = $crate::json::Oddities::default();
                let value = <$name as $crate::json::Lenient>::read(text, &mut odd)?;
                odd.none_at_top(value)
            }
        }
    )*};
}

pub(crate) use strict_from_json;

/// A piece that is not what the protocol says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Oddity {
    /// The path of the piece, from the value that was read: `messages[1].content`. Empty for the value itself.
    pub place: String,
    /// The expected value.
    pub expected: &'static str,
    /// The kind of value there.
    pub found: &'static str,
    /// Its beginning, as written.
    pub sample: String,
}

impl Oddity {
    /// Says it: ``messages[1].content is a number (42) where a text or a list of blocks belongs``.
    pub fn words(&self) -> String {
        let place = match self.place.as_str() {
            "" => "it",
            place => place,
        };
        let mut words = [place, " is ", self.found].concat();
        if !self.sample.is_empty() {
            words = [&words, " (", &self.sample, ")"].concat();
        }
        [&words, " where ", self.expected, " belongs"].concat()
    }
}

/// One step of a place.
#[derive(Debug, Clone, Copy)]
pub enum Part<'a> {
    /// A field of an object.
    Field(&'a str),
    /// An item of a list, counted from 0.
    Item(usize),
}

/// The oddities of what is being read, bounded in number and size.
#[derive(Debug, Default)]
pub struct Oddities {
    list: Vec<Oddity>,
    /// A text held half of a surrogate pair.
    pub(crate) has_half: bool,
}

/// A peer may send any number of them; a person needs the first.
const ODDITIES_MAX: usize = 64;
/// The most characters of an odd value that are shown.
const SAMPLE_CHARS_MAX: usize = 40;

impl Oddities {
    /// Notes that a field (empty: the value itself) is not as `expected`. `found` is what was written.
    pub fn note(&mut self, field: &str, expected: &'static str, found: &str) {
        let (kind, sample) = described(found);
        self.add(field, expected, kind, sample);
    }

    /// The same of what cannot be told by its first letter.
    pub(crate) fn add(
        &mut self,
        place: &str,
        expected: &'static str,
        found: &'static str,
        sample: String,
    ) {
        if self.list.len() < ODDITIES_MAX {
            self.list.push(Oddity {
                place: place.to_owned(),
                expected,
                found,
                sample,
            });
        }
    }

    /// Reads a part of the value: what is odd in it is named from here.
    pub fn within<T>(&mut self, part: Part<'_>, read: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.list.len();
        let value = read(self);
        for oddity in &mut self.list[before..] {
            oddity.place = joined(part, &oddity.place);
        }
        value
    }

    /// Reads a field; `None` for `null`, and, with a note, where it cannot be read.
    pub fn field<T: Lenient>(&mut self, name: &str, text: &str) -> Option<T> {
        if text == "null" {
            return None;
        }
        self.part(Part::Field(name), text)
    }

    /// Reads a field that is an id: a number counts as the id that it is written with, an empty text as none.
    pub fn id<T: From<String>>(&mut self, name: &str, text: &str) -> Option<T> {
        let is_id = matches!(
            text.as_bytes().first(),
            Some(b'"' | b'-' | b'0'..=b'9' | b'n')
        );
        if !is_id {
            self.note(name, "an id", text);
            return None;
        }
        let id: String = self.field(name, text)?;
        (!id.is_empty()).then(|| id.into())
    }

    /// Reads a field that is a list. A value in place of a list counts as its only item, with a note.
    pub fn list<T: Lenient>(&mut self, name: &str, text: &str) -> Vec<T> {
        if text == "null" {
            return Vec::new();
        }
        if text.starts_with('[') {
            let read = |odd: &mut Self| Vec::read(text, odd).unwrap_or_default();
            return self.within(Part::Field(name), read);
        }
        self.note(name, "a list", text);
        let mut list = Vec::new();
        list.extend(T::read_quietly(text));
        list
    }

    /// Reads an item of a list; `None`, with a note, where it cannot be read.
    fn item<T: Lenient>(&mut self, at: usize, text: &str) -> Option<T> {
        self.part(Part::Item(at), text)
    }

    fn part<T: Lenient>(&mut self, part: Part<'_>, text: &str) -> Option<T> {
        self.within(part, |odd| match T::read(text, odd) {
            Ok(value) => Some(value),
            Err(error) => {
                odd.note("", error.expected, text);
                None
            }
        })
    }

    /// `value`, where neither itself nor a field of it is odd.
    ///
    /// # Errors
    /// The expected value at the first such oddity.
    pub(crate) fn none_at_top<T>(&self, value: T) -> Result<T, JsonError> {
        let mut list = self.list.iter();
        match list.find(|oddity| !oddity.place.contains(['.', '['])) {
            None => Ok(value),
            Some(oddity) => Err(JsonError::expected(oddity.expected)),
        }
    }

    /// Whether nothing was odd.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The oddities, in the order in which they were read.
    pub fn into_list(self) -> Vec<Oddity> {
        self.list
    }
}

fn joined(part: Part<'_>, rest: &str) -> String {
    let step = match part {
        Part::Field(name) => name.to_owned(),
        Part::Item(at) => ["[", &super::digits(at as u64), "]"].concat(),
    };
    let dot = if rest.is_empty() || rest.starts_with('[') {
        ""
    } else {
        "."
    };
    [&step, dot, rest].concat()
}

/// The kind of a value, and its beginning.
fn described(text: &str) -> (&'static str, String) {
    let kind = match text.as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "a list",
        Some(b'"') => "a text",
        Some(b't' | b'f') => "a truth value",
        Some(b'n') => return ("null", String::new()),
        Some(_) => "a number",
        None => return ("missing", String::new()),
    };
    let mut sample: String = text.chars().take(SAMPLE_CHARS_MAX).collect();
    if sample.len() < text.len() {
        sample.push('…');
    }
    (kind, sample)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: Lenient + PartialEq + std::fmt::Debug>(text: &str, value: T, words: &[&str]) {
        let read = Read::<T>::from_json(text).expect(text);
        let said: Vec<String> = read.oddities.iter().map(Oddity::words).collect();
        assert_eq!(read.value, value, "{text}");
        assert_eq!(said, words, "{text}");
    }

    #[test]
    fn each_item_is_read_by_itself() {
        let texts = |list: &[&str]| {
            list.iter()
                .map(|text| (*text).to_owned())
                .collect::<Vec<_>>()
        };
        check(
            r#"["a",1,null,true,{"b":2}]"#,
            texts(&["a", "1", "true"]),
            &[
                "[1] is a number (1) where a text belongs",
                "[2] is null where a text belongs",
                "[3] is a truth value (true) where a text belongs",
                "[4] is an object ({\"b\":2}) where a text belongs",
            ],
        );
        check("[]", texts(&[]), &[]);
    }

    #[test]
    fn what_is_no_json_is_an_error() {
        assert!(Read::<Vec<String>>::from_json("[1,]").is_err());
        assert!(Read::<Vec<String>>::from_json("{}").is_err());
    }

    #[test]
    fn a_flood_of_oddities_is_bounded() {
        let text = ["[", &"1,".repeat(1000), "1]"].concat();
        let read = Read::<Vec<String>>::from_json(&text).expect("a list");
        assert_eq!(
            (read.value.len(), read.oddities.len()),
            (1001, ODDITIES_MAX)
        );
        let long = ["[", &"1".repeat(1000), "]"].concat();
        let read = Read::<Vec<String>>::from_json(&long).expect("a list");
        assert_eq!(
            read.oddities[0].sample.chars().count(),
            SAMPLE_CHARS_MAX + 1
        );
    }

    #[test]
    fn ids_may_be_numbers() {
        let id = |text: &str| {
            let mut odd = Oddities::default();
            let id: Option<String> = odd.id("id", text);
            (id, odd.into_list().len())
        };
        assert_eq!(id(r#""a""#), (Some("a".to_owned()), 0));
        assert_eq!(id("7"), (Some("7".to_owned()), 1));
        assert_eq!((id("null"), id(r#""""#)), ((None, 0), (None, 0)));
        assert_eq!((id("true"), id("{}")), ((None, 1), (None, 1)));
    }
}
