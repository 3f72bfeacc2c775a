//! Writing a known shape.

/// A shape that is written as JSON text.
pub trait ToJson {
    /// Appends it to `out`.
    fn write_json(&self, out: &mut String);

    /// It alone.
    fn to_json(&self) -> String {
        let mut out = String::new();
        self.write_json(&mut out);
        out
    }
}

/// Appends a whole number's digits. The code of std, for numbers of any type and base, is many times as large.
pub fn write_number(out: &mut String, value: u64) {
    if value >= 10 {
        write_number(out, value / 10);
    }
    out.push(char::from(b'0' + (value % 10) as u8));
}

/// A whole number's digits.
pub fn digits(value: u64) -> String {
    let mut out = String::new();
    write_number(&mut out, value);
    out
}

/// Appends `text` as a JSON string.
pub fn write_string(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    let is_escaped = |byte| matches!(byte, b'"' | b'\\' | 0..0x20);
    while let Some(at) = rest.bytes().position(is_escaped) {
        out.push_str(&rest[..at]);
        let byte = rest.as_bytes()[at];
        out.push('\\');
        match byte {
            b'\n' => out.push('n'),
            b'\r' => out.push('r'),
            b'\t' => out.push('t'),
            0..0x20 => {
                out.push_str("u00");
                for digit in [byte >> 4, byte & 15] {
                    out.push(char::from(b"0123456789abcdef"[usize::from(digit)]));
                }
            }
            _ => out.push(char::from(byte)),
        }
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
    out.push('"');
}

/// Writes lists and objects: it sees to the commas.
#[derive(Debug)]
pub struct Writer<'a> {
    out: &'a mut String,
    /// The closing character.
    close: char,
    is_empty: bool,
}

impl<'a> Writer<'a> {
    /// Begins an object.
    pub fn object(out: &'a mut String) -> Self {
        Self::begin(out, '{', '}')
    }

    /// Begins a list.
    pub fn list(out: &'a mut String) -> Self {
        Self::begin(out, '[', ']')
    }

    fn begin(out: &'a mut String, open: char, close: char) -> Self {
        out.push(open);
        Self {
            out,
            close,
            is_empty: true,
        }
    }

    /// The text to append the next item of a list to.
    pub fn item(&mut self) -> &mut String {
        if !std::mem::replace(&mut self.is_empty, false) {
            self.out.push(',');
        }
        self.out
    }

    /// The text to append the value of the next field of an object to.
    pub fn field(&mut self, name: &str) -> &mut String {
        self.item();
        write_string(self.out, name);
        self.out.push(':');
        self.out
    }

    /// A field with a value that is JSON text already.
    pub fn raw(&mut self, name: &str, json: &str) {
        self.field(name).push_str(json);
    }

    /// A field with a text.
    pub fn string(&mut self, name: &str, text: &str) {
        write_string(self.field(name), text);
    }

    /// The same, where there is a text.
    pub fn some_string(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.string(name, text);
        }
    }

    /// The same, `null` where there is no text.
    pub fn string_or_null(&mut self, name: &str, text: Option<&str>) {
        match text {
            Some(text) => self.string(name, text),
            None => self.raw(name, "null"),
        }
    }

    /// A field with a whole number.
    pub fn number(&mut self, name: &str, value: u64) {
        write_number(self.field(name), value);
    }

    /// A field with true or false.
    pub fn bool(&mut self, name: &str, value: bool) {
        self.raw(name, if value { "true" } else { "false" });
    }

    /// Ends it.
    pub fn end(self) {
        self.out.push(self.close);
    }
}

impl ToJson for String {
    fn write_json(&self, out: &mut String) {
        write_string(out, self);
    }
}

impl ToJson for super::Json {
    fn write_json(&self, out: &mut String) {
        out.push_str(self.text());
    }
}
