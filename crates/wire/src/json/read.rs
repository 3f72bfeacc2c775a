//! Reading a known shape.

use super::{
    Json, JsonError,
    scan::{Scanner, unescape, whole},
};

/// A shape that is read from JSON text.
pub trait FromJson: Sized {
    /// Reads it. The text of a field's value, as [`parts`], [`fields`] and [`items`] give it, has no space around it.
    ///
    /// # Errors
    /// If `text` is not JSON, or not of this shape.
    fn from_json(text: &str) -> Result<Self, JsonError>;
}

/// Calls `each` with every field of an object: its name, and its value as written, without space around it.
///
/// # Errors
/// If `text` is no object; and the errors of `each`, which then is not called again.
pub fn fields<'a>(
    text: &'a str,
    each: &mut dyn FnMut(&str, &'a str) -> Result<(), JsonError>,
) -> Result<(), JsonError> {
    walk(text, b'{', each)
}

/// Calls `each` with every item of a list, as written, without space around it.
///
/// # Errors
/// If `text` is no list; and the errors of `each`, which then is not called again.
pub fn items<'a>(
    text: &'a str,
    each: &mut dyn FnMut(&'a str) -> Result<(), JsonError>,
) -> Result<(), JsonError> {
    walk(text, b'[', &mut |_, item| each(item))
}

/// The values of an object's fields with these names, as written and in the order of the names: `null` for a missing one,
/// the last of a repeated one.
///
/// # Errors
/// If `text` is no object.
pub fn parts<'a, const N: usize>(
    text: &'a str,
    names: &[&str; N],
) -> Result<[&'a str; N], JsonError> {
    parts_and_more(text, names, &mut |_, _| Ok(()))
}

/// The same; `more` is called with every other field.
///
/// # Errors
/// If `text` is no object; and the errors of `more`, which then is not called again.
pub fn parts_and_more<'a, const N: usize>(
    text: &'a str,
    names: &[&str; N],
    more: &mut dyn FnMut(&str, &'a str) -> Result<(), JsonError>,
) -> Result<[&'a str; N], JsonError> {
    let mut parts = ["null"; N];
    sort_out(text, names, &mut parts, more)?;
    Ok(parts)
}

fn sort_out<'a>(
    text: &'a str,
    names: &[&str],
    parts: &mut [&'a str],
    more: &mut dyn FnMut(&str, &'a str) -> Result<(), JsonError>,
) -> Result<(), JsonError> {
    fields(text, &mut |key, value| {
        let named = names
            .iter()
            .zip(&mut *parts)
            .find(|(name, _)| **name == key);
        match named {
            Some((_, part)) => *part = value,
            None => more(key, value)?,
        }
        Ok(())
    })
}

/// A value that has to be there: what was `expected` where it is `null`.
///
/// # Errors
/// If it is `null`.
pub fn required<'a>(text: &'a str, expected: &'static str) -> Result<&'a str, JsonError> {
    match text {
        "null" => Err(JsonError::expected(expected)),
        given => Ok(given),
    }
}

/// Reads values that need not be there, and remembers what was wrong with the first that could not be read. With a way out
/// at each of them what a page downloads would be larger.
#[derive(Debug, Default)]
pub struct Optional {
    wrong: Option<JsonError>,
}

impl Optional {
    /// A value; `None` for `null`.
    #[inline(never)]
    pub fn some<T: FromJson>(&mut self, text: &str) -> Option<T> {
        if text == "null" {
            return None;
        }
        match T::from_json(text) {
            Ok(value) => Some(value),
            Err(error) => {
                self.wrong.get_or_insert(error);
                None
            }
        }
    }

    /// A value; the default for `null`.
    #[inline(never)]
    pub fn or_default<T: FromJson + Default>(&mut self, text: &str) -> T {
        self.some(text).unwrap_or_default()
    }

    /// The values made of them.
    ///
    /// # Errors
    /// If one of them could not be read.
    pub fn done<T>(self, value: T) -> Result<T, JsonError> {
        match self.wrong {
            None => Ok(value),
            Some(error) => Err(error),
        }
    }
}

/// The value of an object's field as written; `None` where there is none.
///
/// # Errors
/// If `text` is no object.
pub fn find<'a>(text: &'a str, name: &str) -> Result<Option<&'a str>, JsonError> {
    let mut found = None;
    fields(text, &mut |key, value| {
        if key == name {
            found = Some(value);
        }
        Ok(())
    })?;
    Ok(found)
}

/// The same; `None` also where `text` is no object.
pub fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    find(text, name).ok().flatten()
}

fn walk<'a>(
    text: &'a str,
    open: u8,
    each: &mut dyn FnMut(&str, &'a str) -> Result<(), JsonError>,
) -> Result<(), JsonError> {
    let mut scanner = Scanner::new(text);
    if scanner.peek() != open {
        return Err(JsonError::expected(if open == b'{' {
            "an object"
        } else {
            "a list"
        }));
    }
    scanner.container(0, &mut |scanner, key| {
        let value = scanner.raw(1)?;
        each(&unescape(key), value)
    })?;
    scanner.end()
}

impl FromJson for String {
    fn from_json(text: &str) -> Result<Self, JsonError> {
        let value = whole(text)?;
        let inner = value
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'));
        let inner = inner.ok_or_else(|| JsonError::expected("a string"))?;
        Ok(unescape(inner).into_owned())
    }
}

impl FromJson for u64 {
    fn from_json(text: &str) -> Result<Self, JsonError> {
        whole_number(text).ok_or_else(|| JsonError::expected("a whole number"))
    }
}

/// The number that the digits mean; the text may hold only digits. The code of std, for numbers of any type and base, is
/// many times as large.
pub fn whole_number(digits: &str) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.bytes().try_fold(0_u64, |sum, digit| {
        digit.is_ascii_digit().then_some(())?;
        with_digit(sum, digit)
    })
}

/// A number with one more digit behind it; `None` where that is too large. std's checked multiplication would bring one of
/// 128 bits along.
pub(crate) fn with_digit(sum: u64, digit: u8) -> Option<u64> {
    let digit = u64::from(digit - b'0');
    (sum <= (u64::MAX - digit) / 10).then(|| sum * 10 + digit)
}

impl FromJson for bool {
    fn from_json(text: &str) -> Result<Self, JsonError> {
        match text {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(JsonError::expected("true or false")),
        }
    }
}

impl FromJson for Json {
    fn from_json(text: &str) -> Result<Self, JsonError> {
        Ok(Self::from_checked(whole(text)?))
    }
}

impl<T: FromJson> FromJson for Option<T> {
    fn from_json(text: &str) -> Result<Self, JsonError> {
        if text == "null" {
            return Ok(None);
        }
        T::from_json(text).map(Some)
    }
}

impl<T: FromJson> FromJson for Vec<T> {
    fn from_json(text: &str) -> Result<Self, JsonError> {
        let mut list = Self::new();
        items(text, &mut |item| {
            list.push(T::from_json(item)?);
            Ok(())
        })?;
        Ok(list)
    }
}
