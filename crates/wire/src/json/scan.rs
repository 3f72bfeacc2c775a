//! One pass over JSON text.

use super::{Node, Object, digits};
use std::{borrow::Cow, fmt};

/// The deepest nesting of lists and objects. Deeper values are refused, as reading them would cost a stack.
pub const DEPTH_MAX: usize = 256;

/// Why a text is not the JSON that was wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonError {
    /// The expected value.
    pub expected: &'static str,
    /// The place, in bytes from the start of the value being read.
    pub at: usize,
}

impl JsonError {
    /// The value is valid JSON, and not `expected`.
    pub fn expected(expected: &'static str) -> Self {
        Self { expected, at: 0 }
    }

    /// The text of `Display`. A page that takes it from here does not load the formatting code.
    pub fn words(&self) -> String {
        [
            "expected ",
            self.expected,
            " at byte ",
            &digits(self.at as u64),
        ]
        .concat()
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words())
    }
}

impl std::error::Error for JsonError {}

/// Checks that `text` is one JSON value; returns it without the space around it.
pub(super) fn whole(text: &str) -> Result<&str, JsonError> {
    let mut scanner = Scanner::new(text);
    let value = scanner.raw(0)?;
    scanner.end()?;
    Ok(value)
}

pub(super) struct Scanner<'a> {
    text: &'a str,
    at: usize,
    /// Whether the text may break off anywhere; what is whole until then is taken.
    partial: bool,
    /// Whether a text that was read held half of a surrogate pair.
    pub(super) has_half: bool,
}

/// Takes the value that comes next. The text is its key, still with its escapes; empty in a list.
type Each<'e, 'a> = &'e mut dyn FnMut(&mut Scanner<'a>, &'a str) -> Result<(), JsonError>;

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            partial: false,
            has_half: false,
        }
    }

    /// For text that has not all come: what is open at its end counts as closed, a key without its value and a
    /// half-written word are left out.
    pub(super) fn partial(text: &'a str) -> Self {
        Self {
            partial: true,
            ..Self::new(text)
        }
    }

    fn byte(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or(0)
    }

    /// The next byte that is not space; 0 at the end.
    pub(super) fn peek(&mut self) -> u8 {
        while matches!(self.byte(), b' ' | b'\n' | b'\r' | b'\t') {
            self.at += 1;
        }
        self.byte()
    }

    fn fail<T>(&self, expected: &'static str) -> Result<T, JsonError> {
        let at = self.at;
        Err(JsonError { expected, at })
    }

    /// Nothing but space is left.
    pub(super) fn end(&mut self) -> Result<(), JsonError> {
        self.peek();
        if self.at < self.text.len() {
            return self.fail("the end");
        }
        Ok(())
    }

    /// Whether a failure is only that the text has not all come.
    fn broke_off(&self) -> bool {
        self.partial && self.at >= self.text.len()
    }

    /// Any value, as written.
    pub(super) fn raw(&mut self, depth: usize) -> Result<&'a str, JsonError> {
        let first = self.peek();
        let start = self.at;
        match first {
            b'{' | b'[' => {
                self.container(depth, &mut |scanner, _| scanner.raw(depth + 1).map(drop))?
            }
            b'"' => drop(self.string()?),
            _ => self.scalar()?,
        }
        Ok(&self.text[start..self.at])
    }

    /// Any value, read.
    pub(super) fn node(&mut self, depth: usize) -> Result<Node, JsonError> {
        let first = self.peek();
        let start = self.at;
        Ok(match first {
            b'{' => {
                let mut fields = Vec::new();
                self.container(depth, &mut |scanner, key| {
                    let name = scanner.unescaped(key);
                    fields.push((name, scanner.node(depth + 1)?));
                    Ok(())
                })?;
                Node::Object(Object(fields))
            }
            b'[' => {
                let mut items = Vec::new();
                self.container(depth, &mut |scanner, _| {
                    items.push(scanner.node(depth + 1)?);
                    Ok(())
                })?;
                Node::Array(items)
            }
            b'"' => {
                let inner = self.string_so_far()?;
                Node::String(self.unescaped(inner))
            }
            _ => {
                self.scalar()?;
                match first {
                    b't' => Node::Bool(true),
                    b'f' => Node::Bool(false),
                    b'n' => Node::Null,
                    _ => Node::Number(self.text[start..self.at].to_owned()),
                }
            }
        })
    }

    fn unescaped(&mut self, inner: &str) -> String {
        unescape_noting(inner, &mut self.has_half).into_owned()
    }

    /// A list or an object, whose opening is next.
    pub(super) fn container(&mut self, depth: usize, each: Each<'_, 'a>) -> Result<(), JsonError> {
        if depth >= DEPTH_MAX {
            return self.fail("fewer lists and objects within each other");
        }
        match self.entries(each) {
            Err(_) if self.broke_off() => Ok(()),
            done => done,
        }
    }

    fn entries(&mut self, each: Each<'_, 'a>) -> Result<(), JsonError> {
        let open = self.byte();
        let close = open + 2; // `{` and `}`, `[` and `]` are two apart.
        self.at += 1;
        if self.peek() == close {
            self.at += 1;
            return Ok(());
        }
        loop {
            let mut key = "";
            if open == b'{' {
                if self.peek() != b'"' {
                    return self.fail("a key");
                }
                key = self.string()?;
                if self.peek() != b':' {
                    return self.fail("`:`");
                }
                self.at += 1;
            }
            each(self, key)?;
            let next = self.peek();
            if next != close && next != b',' {
                return self.fail("`,` or the end of the list or object");
            }
            self.at += 1;
            if next == close {
                return Ok(());
            }
        }
    }

    /// A string, whose quote is next, without its quotes and still with its escapes.
    fn string(&mut self) -> Result<&'a str, JsonError> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.byte() {
                b'"' => {
                    self.at += 1;
                    return Ok(&self.text[start + 1..self.at - 1]);
                }
                b'\\' => self.escape()?,
                0..0x20 => return self.fail("the end of the string"),
                _ => self.at += 1,
            }
        }
    }

    fn escape(&mut self) -> Result<(), JsonError> {
        self.at += 1;
        let mut digits = match self.byte() {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => 0,
            b'u' => 4,
            _ => return self.fail("an escape"),
        };
        self.at += 1;
        while digits > 0 {
            if !self.byte().is_ascii_hexdigit() {
                return self.fail("a hex digit");
            }
            self.at += 1;
            digits -= 1;
        }
        Ok(())
    }

    /// A string; where the text breaks off in it, as far as it has come, without a split escape.
    fn string_so_far(&mut self) -> Result<&'a str, JsonError> {
        let start = self.at;
        match self.string() {
            Err(_) if self.broke_off() => {
                let come = &self.text[start + 1..];
                let (mut at, mut whole) = (0, 0);
                while at < come.len() {
                    whole = at;
                    at += match come.as_bytes()[at..] {
                        [b'\\', b'u', ..] => 6,
                        [b'\\', ..] => 2,
                        _ => 1,
                    };
                }
                if at <= come.len() {
                    whole = at;
                }
                Ok(&come[..whole])
            }
            read => read,
        }
    }

    fn scalar(&mut self) -> Result<(), JsonError> {
        let word = match self.byte() {
            b't' => "true",
            b'f' => "false",
            b'n' => "null",
            _ => return self.number(),
        };
        for byte in word.bytes() {
            if self.byte() != byte {
                return self.fail(word);
            }
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<(), JsonError> {
        if self.byte() == b'-' {
            self.at += 1;
        }
        if self.byte() == b'0' {
            self.at += 1;
        } else {
            self.digits("a value")?;
        }
        if self.byte() == b'.' {
            self.at += 1;
            self.digits("a digit")?;
        }
        if matches!(self.byte(), b'e' | b'E') {
            self.at += 1;
            if matches!(self.byte(), b'+' | b'-') {
                self.at += 1;
            }
            self.digits("a digit")?;
        }
        Ok(())
    }

    fn digits(&mut self, expected: &'static str) -> Result<(), JsonError> {
        let start = self.at;
        while self.byte().is_ascii_digit() {
            self.at += 1;
        }
        if self.at == start {
            return self.fail(expected);
        }
        Ok(())
    }
}

/// The text of a string that has been checked, given without its quotes. Half of a surrogate pair, which Rust's text cannot
/// hold, becomes U+FFFD.
pub(super) fn unescape(inner: &str) -> Cow<'_, str> {
    unescape_noting(inner, &mut false)
}

/// The text of a JSON string that is given with its quotes. `None` for anything else, and for half of a surrogate pair.
pub(crate) fn text_inside(quoted: &str) -> Option<Cow<'_, str>> {
    if whole(quoted).ok()?.len() < quoted.len() {
        return None;
    }
    let inner = quoted.strip_prefix('"')?.strip_suffix('"')?;
    let mut has_half = false;
    let text = unescape_noting(inner, &mut has_half);
    (!has_half).then_some(text)
}

fn unescape_noting<'a>(inner: &'a str, has_half: &mut bool) -> Cow<'a, str> {
    let mut rest = inner;
    let mut out = String::new();
    while let Some(at) = rest.bytes().position(|byte| byte == b'\\') {
        out.push_str(&rest[..at]);
        let escape = &rest.as_bytes()[at + 1..];
        let mut length = 2;
        out.push(match escape.first() {
            Some(b'n') => '\n',
            Some(b't') => '\t',
            Some(b'r') => '\r',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'u') => {
                length = 6;
                let mut code = hex(&escape[1..]);
                let low = match escape.get(5..7) {
                    Some(b"\\u") if code >> 10 == 0xd800 >> 10 => hex(&escape[7..]),
                    Some(_) | None => 0,
                };
                if low >> 10 == 0xdc00 >> 10 {
                    code = 0x1_0000 + ((code & 0x3ff) << 10) + (low & 0x3ff);
                    length = 12;
                }
                char::from_u32(code).unwrap_or_else(|| {
                    *has_half = true;
                    char::REPLACEMENT_CHARACTER
                })
            }
            Some(byte) => char::from(*byte),
            None => break,
        });
        rest = &rest[at + length..];
    }
    if rest.len() == inner.len() {
        return Cow::Borrowed(inner);
    }
    out.push_str(rest);
    Cow::Owned(out)
}

fn hex(digits: &[u8]) -> u32 {
    digits.iter().take(4).fold(0, |code, digit| {
        code << 4 | char::from(*digit).to_digit(16).unwrap_or(0)
    })
}
