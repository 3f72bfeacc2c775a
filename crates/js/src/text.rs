//! Small JSON texts, written by hand.

use rejoin_core::{HistoryState, StreamError, wire::thread::Interrupt};

/// Appends `text` as a JSON string.
pub(crate) fn push_string(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            control if control < ' ' => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                out.push_str("\\u00");
                out.push(char::from(HEX[control as usize >> 4]));
                out.push(char::from(HEX[control as usize & 15]));
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

/// Appends `text` as a JSON string, or `null`.
pub(crate) fn push_optional(out: &mut String, text: Option<&str>) {
    match text {
        Some(text) => push_string(out, text),
        None => out.push_str("null"),
    }
}

/// An object of strings. Names need no escapes.
pub(crate) fn object(fields: &[(&str, &str)]) -> String {
    let mut out = String::from("{");
    for (name, value) in fields {
        push_name(&mut out, name);
        push_string(&mut out, value);
    }
    out.push('}');
    out
}

/// Appends a member's name, with a comma where it is not the first.
pub(crate) fn push_name(out: &mut String, name: &str) {
    if !out.ends_with('{') {
        out.push(',');
    }
    out.push('"');
    out.push_str(name);
    out.push_str("\":");
}

/// `{"code","message","status"?,"detail"?}`.
pub(crate) fn error(error: &StreamError) -> String {
    let mut out = object(&[("code", error.code.as_str()), ("message", &error.message)]);
    out.pop();
    if let Some(status) = error.status {
        push_name(&mut out, "status");
        push_number(&mut out, status.into());
    }
    if let Some(detail) = &error.detail {
        push_name(&mut out, "detail");
        push_string(&mut out, detail);
    }
    out.push('}');
    out
}

/// Appends a whole number.
pub(crate) fn push_number(out: &mut String, number: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut rest = number;
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend(digits[at..].iter().map(|digit| char::from(*digit)));
}

/// A JSON array of `{"id"?,"value"}`.
pub(crate) fn interrupts(interrupts: &[Interrupt]) -> String {
    let mut out = String::from("[");
    for interrupt in interrupts {
        if out.len() > 1 {
            out.push(',');
        }
        out.push('{');
        if let Some(id) = &interrupt.id {
            push_name(&mut out, "id");
            push_string(&mut out, id.as_str());
        }
        push_name(&mut out, "value");
        out.push_str(interrupt.value.text());
        out.push('}');
    }
    out.push(']');
    out
}

/// The states as one JSON array.
pub(crate) fn history(states: &[HistoryState]) -> String {
    let mut out = String::from("[");
    for state in states {
        if out.len() > 1 {
            out.push(',');
        }
        out.push_str(state.json.text());
    }
    out.push(']');
    out
}
