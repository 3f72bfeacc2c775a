//! Finding a word or a mark in a text: std's search is quicker on long texts and many times as large.

/// Whether `word`, which is not empty, stands anywhere in `text`.
pub(crate) fn contains(text: &str, word: &str) -> bool {
    let (mut text, word) = (text.as_bytes(), word.as_bytes());
    while let Some(at) = text.iter().position(|byte| *byte == word[0]) {
        text = &text[at..];
        if text.starts_with(word) {
            return true;
        }
        text = &text[1..];
    }
    false
}

/// The text before the first `mark`, which is ASCII, and the text behind it.
pub fn split_once(text: &str, mark: u8) -> Option<(&str, &str)> {
    let at = text.bytes().position(|byte| byte == mark)?;
    Some((&text[..at], &text[at + 1..]))
}

/// The texts before, between and behind all `mark`s, which are ASCII.
pub fn split(text: &str, mark: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest.take()?;
        let Some((part, more)) = split_once(text, mark) else {
            return Some(text);
        };
        rest = Some(more);
        Some(part)
    })
}

#[cfg(test)]
mod tests {
    use super::{contains, split};

    #[test]
    fn texts_are_split_at_every_mark() {
        for text in ["", "|", "a", "a|b", "|é|", "a||b"] {
            assert!(split(text, b'|').eq(text.split('|')), "{text}");
        }
    }

    #[test]
    fn words_are_found_wherever_they_stand() {
        let cases = [
            ("run not found", "run not found", true),
            ("rrun", "run", true),
            ("a run", "run", true),
            ("ru", "run", false),
            ("", "run", false),
            ("rurururun.", "run", true),
        ];
        for (text, word, expected) in cases {
            assert_eq!(contains(text, word), expected, "{text}");
        }
    }
}
