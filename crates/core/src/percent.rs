//! Escapes for what comes from outside and becomes a part of an address.

/// Percent-encodes everything but the characters that a path segment may hold as they are.
pub(crate) fn encode_path_segment(text: &str) -> String {
    // A segment of dots alone would walk up the path.
    match text {
        "." => return "%2E".to_owned(),
        ".." => return "%2E%2E".to_owned(),
        _ => {}
    }
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            for digit in [byte >> 4, byte & 0xf] {
                encoded.push(char::from(b"0123456789ABCDEF"[usize::from(digit)]));
            }
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_cannot_leave_their_segment() {
        assert_eq!(
            encode_path_segment("a/../b?c#d é"),
            "a%2F..%2Fb%3Fc%23d%20%C3%A9"
        );
        assert_eq!(encode_path_segment(".."), "%2E%2E");
    }
}
