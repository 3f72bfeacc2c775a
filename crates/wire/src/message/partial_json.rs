//! JSON that has not all come yet.

use serde_json::Value;

/// Reads the start of a JSON text as far as it has come: open strings, lists and objects are closed,
/// a key without its value and a half-written word are left out. `None` where the text is not the start
/// of any JSON value, or where nothing can be said yet.
///
/// Costs one pass and one parse, so callers read it when somebody looks and not with each token.
pub fn parse_partial_json(text: &str) -> Option<Value> {
    if let Ok(value) = serde_json::from_str(text) {
        return Some(value);
    }
    let mut scan = Scan::default();
    for (at, byte) in text.bytes().enumerate() {
        scan.step(at, byte)?;
    }
    scan.closed(text)
}

/// Where the text stands: what is open, and the last place at which it could be cut and closed.
#[derive(Default)]
struct Scan {
    open: Vec<u8>,
    in_string: bool,
    escaped: bool,
    /// Start of the string being read or last read.
    string_start: usize,
    /// The end of the last complete value, with what was open there.
    cut: Option<(usize, usize)>,
    /// Whether the innermost object expects a key (so that a string there is not a value).
    expects_key: bool,
    word_start: Option<usize>,
}

impl Scan {
    fn step(&mut self, at: usize, byte: u8) -> Option<()> {
        if self.in_string {
            match (self.escaped, byte) {
                (true, _) => self.escaped = false,
                (false, b'\\') => self.escaped = true,
                (false, b'"') => {
                    self.in_string = false;
                    if !self.expects_key {
                        self.mark(at + 1);
                    }
                }
                (false, _) => {}
            }
            return Some(());
        }
        match byte {
            b'"' => {
                self.in_string = true;
                self.string_start = at;
            }
            b'{' | b'[' => {
                self.open.push(byte);
                self.expects_key = byte == b'{';
                self.mark(at + 1);
            }
            b'}' | b']' => {
                self.end_word(at);
                let opener = if byte == b'}' { b'{' } else { b'[' };
                if self.open.pop() != Some(opener) {
                    return None;
                }
                self.expects_key = false;
                self.mark(at + 1);
            }
            b':' => self.expects_key = false,
            b',' => {
                self.end_word(at);
                self.expects_key = self.open.last() == Some(&b'{');
            }
            b' ' | b'\n' | b'\r' | b'\t' => self.end_word(at),
            _ => {
                self.word_start.get_or_insert(at);
            }
        }
        Some(())
    }

    fn end_word(&mut self, at: usize) {
        if self.word_start.take().is_some() {
            self.mark(at);
        }
    }

    fn mark(&mut self, at: usize) {
        self.cut = Some((at, self.open.len()));
    }

    fn closed(&self, text: &str) -> Option<Value> {
        if self.in_string && !self.expects_key {
            // An unfinished value string is shown as far as it has come; a split escape is cut off.
            let mut shown = text.to_owned();
            let body = &text[self.string_start + 1..];
            if self.escaped {
                shown.pop();
            } else if let Some(escape) = body.rfind("\\u").filter(|e| body.len() - e < 6) {
                shown.truncate(self.string_start + 1 + escape);
            }
            shown.push('"');
            return self.close(shown, self.open.len());
        }
        if self.word_start.is_some() && !self.in_string {
            // A number may be whole already; a half-written word may not.
            if let Some(value) = self.close(text.to_owned(), self.open.len()) {
                return Some(value);
            }
        }
        let (at, depth) = self.cut?;
        self.close(text[..at].to_owned(), depth)
    }

    fn close(&self, mut text: String, depth: usize) -> Option<Value> {
        // `open` may have lost brackets since the cut, but never the ones below it.
        for opener in self.open.get(..depth)?.iter().rev() {
            text.push(if *opener == b'{' { '}' } else { ']' });
        }
        serde_json::from_str(&text).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::parse_partial_json;
    use serde_json::json;

    #[test]
    fn reads_as_far_as_it_has_come() {
        let cases = [
            (r#"{"city": "Paris"}"#, Some(json!({"city": "Paris"}))),
            (r#"{"ci"#, Some(json!({}))),
            (r#"{"city"#, Some(json!({}))),
            (r#"{"city": "#, Some(json!({}))),
            (r#"{"city": "Par"#, Some(json!({"city": "Par"}))),
            (r#"{"a": 1, "b"#, Some(json!({"a": 1}))),
            (r#"{"a": 12"#, Some(json!({"a": 12}))),
            (r#"{"a": tru"#, Some(json!({}))),
            (r#"{"a": [1, {"b": "x"#, Some(json!({"a": [1, {"b": "x"}]}))),
            (r#"{"a": [1], "c": "\"#, Some(json!({"a": [1], "c": ""}))),
            (r#"{"a": "\u00"#, Some(json!({"a": ""}))),
            ("", None),
            ("}", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_partial_json(text), expected, "{text}");
        }
    }

    #[test]
    fn every_prefix_of_a_value_can_be_read() {
        let whole = r#"{"a":{"b":[1,2.5,"x\"y",null,true]},"c":"z"}"#;
        for end in 1..whole.len() {
            assert!(
                parse_partial_json(&whole[..end]).is_some(),
                "{}",
                &whole[..end]
            );
        }
    }
}
