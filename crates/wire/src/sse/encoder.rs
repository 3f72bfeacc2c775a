//! The encoder: what a server writes.

/// Why a frame cannot be written. The caller is at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// An event name or id holds a character that would end its line, or (in an id) make the reader
    /// ignore it. Writing it would let one frame forge another.
    #[error("the `{field}` field of a frame must not hold {character:?}")]
    ForbiddenCharacter {
        /// The field: `"event"` or `"id"`.
        field: &'static str,
        /// The first forbidden character.
        character: char,
    },
}

impl EncodeError {
    /// A stable name for this kind of error, for logs and for callers in other languages.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::ForbiddenCharacter { .. } => "sse_forbidden_character",
        }
    }
}

/// Appends one frame to `out`, with LF line ends. Nothing is appended on error.
///
/// `data` may hold line breaks: each line gets its own `data:` field. The format cannot tell CR and CRLF
/// from LF inside data, so these come out of a decoder as LF; JSON text, which escapes both, is
/// unchanged. `id` of `Some("")` resets the reader's cursor. An `event` of `None`, `Some("")` or
/// `Some("message")` all name the default event.
///
/// # Errors
///
/// [`EncodeError::ForbiddenCharacter`] if `event` holds CR or LF, or `id` holds CR, LF or NUL.
///
/// ```
/// let mut out = Vec::new();
/// rejoin_wire::sse::encode_frame(&mut out, Some("custom"), "[1,\n2]", Some("7"))?;
/// assert_eq!(out, b"event: custom\ndata: [1,\ndata: 2]\nid: 7\n\n");
/// # Ok::<(), rejoin_wire::sse::EncodeError>(())
/// ```
pub fn encode_frame(
    out: &mut Vec<u8>,
    event: Option<&str>,
    data: &str,
    id: Option<&str>,
) -> Result<(), EncodeError> {
    let event = event.filter(|name| !name.is_empty());
    refuse("event", event, &['\r', '\n'])?;
    refuse("id", id, &['\r', '\n', '\0'])?;
    out.reserve(data.len() + 64);
    if let Some(event) = event {
        write_field(out, "event", event);
    }
    for line in lines(data) {
        write_field(out, "data", line);
    }
    if let Some(id) = id {
        write_field(out, "id", id);
    }
    out.push(b'\n');
    Ok(())
}

/// Appends a block that tells the reader to wait `retry_ms` milliseconds before it reconnects.
pub fn encode_retry(out: &mut Vec<u8>, retry_ms: u64) {
    write_field(out, "retry", &retry_ms.to_string());
    out.push(b'\n');
}

/// A comment that keeps a quiet connection open; readers see it as
/// [`Item::Comment`](super::Item::Comment).
#[must_use]
pub fn heartbeat() -> &'static [u8] {
    b": heartbeat\n\n"
}

fn refuse(field: &'static str, value: Option<&str>, forbidden: &[char]) -> Result<(), EncodeError> {
    match value.and_then(|value| value.chars().find(|found| forbidden.contains(found))) {
        Some(character) => Err(EncodeError::ForbiddenCharacter { field, character }),
        None => Ok(()),
    }
}

fn write_field(out: &mut Vec<u8>, name: &str, value: &str) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value.as_bytes());
    out.push(b'\n');
}

/// The lines between CR, LF and CRLF; `""` is one empty line.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let current = rest?;
        let Some(end) = memchr::memchr2(b'\r', b'\n', current.as_bytes()) else {
            rest = None;
            return Some(current);
        };
        let after = &current[end + 1..];
        let is_pair = current[end..].starts_with("\r\n");
        rest = Some(if is_pair { &after[1..] } else { after });
        Some(&current[..end])
    })
}
