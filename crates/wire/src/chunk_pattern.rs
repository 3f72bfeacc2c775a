//! Chunks that differ from each other in nothing but their text.
//!
//! An answer comes as one event per token. Each repeats about 1 KB of ids and metadata around a few new letters:
//!
//! ```text
//! [{"content":"Hel","type":"AIMessageChunk","id":"m",..},{"langgraph_step":1,..}]
//! [{"content":"lo","type":"AIMessageChunk","id":"m",..},{"langgraph_step":1,..}]
//!  ╰── before ──╯  ╰──────────────────────── behind ───────────────────────────╯
//! ```
//! A [`ChunkPattern`] is one such event that was read as a whole. Whether another one is like it is seen by comparing bytes, and of a
//! like one only the text is read.

use crate::{
    Json,
    event::{Event, EventName},
    json::{items, parts, text_inside},
    sse::Frame,
};
use std::{borrow::Cow, ops::Range};

/// A `messages` event around the text of its chunk.
#[derive(Debug)]
pub struct ChunkPattern {
    /// The event's name with its namespace.
    name: String,
    data: Json,
    /// The place of the text in the event's data, without its quotes.
    place: Range<usize>,
}

/// The text of a chunk that is like a pattern.
#[derive(Debug, PartialEq, Eq)]
pub struct ChunkText<'a> {
    /// As it is written in JSON, without its quotes.
    pub written: &'a str,
    /// The text itself.
    pub text: Cow<'a, str>,
}

impl ChunkPattern {
    /// The pattern of an event; `None` where that is no chunk, or one whose content is no text.
    pub fn of(event: &Event) -> Option<Self> {
        if event.name != EventName::Messages {
            return None;
        }
        let data = event.data.text();
        let mut first = None;
        items(data, &mut |item| {
            first.get_or_insert(item);
            Ok(())
        })
        .ok()?;
        let [content, kwargs, stored] = parts(first?, &["content", "kwargs", "data"]).ok()?;
        // A serialised message has its content elsewhere.
        if !content.starts_with('"') || kwargs != "null" || stored != "null" {
            return None;
        }
        // It is a part of the data.
        let start = content.as_ptr().addr() - data.as_ptr().addr();
        Some(Self {
            name: event.full_name(),
            data: event.data.clone(),
            place: start + 1..start + content.len() - 1,
        })
    }

    /// The data before the text, with its opening quote.
    pub fn before(&self) -> &str {
        &self.data.text()[..self.place.start]
    }

    /// The data behind the text, with its closing quote.
    pub fn behind(&self) -> &str {
        &self.data.text()[self.place.end..]
    }

    /// The text of a frame that differs from the pattern's event in nothing but this and its id. Read as a whole, that frame is the
    /// same event with this text. `None` also for what is not well-formed, and for half of a surrogate pair: these are read as a whole.
    pub fn text_in<'a>(&self, frame: &'a Frame) -> Option<ChunkText<'a>> {
        let (before, behind) = (self.before(), self.behind());
        let data = frame.data.as_str();
        let end = data.len().checked_sub(behind.len())?;
        let place = before.len()..end;
        if end < before.len()
            || !are_equal(&data.as_bytes()[end..], behind.as_bytes())
            || !are_equal(&data.as_bytes()[..place.start], before.as_bytes())
            || frame.event_name() != self.name
        {
            return None;
        }
        let text = text_inside(&data[place.start - 1..=end])?;
        let written = &data[place];
        Some(ChunkText { written, text })
    }
}

/// Whether texts of one length are equal. In wasm the comparison of slices goes byte by byte.
fn are_equal(one: &[u8], other: &[u8]) -> bool {
    let (ones, others) = (one.chunks_exact(8), other.chunks_exact(8));
    ones.remainder() == others.remainder()
        && ones
            .zip(others)
            .all(|(one, other)| word(one) == word(other))
}

fn word(bytes: &[u8]) -> u64 {
    bytes.try_into().map_or(0, u64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(name: &str, data: &str) -> Frame {
        Frame {
            event: Some(name.to_owned()),
            data: data.to_owned(),
            id: None,
            retry_ms: None,
        }
    }

    fn event(name: &str, data: &str) -> Event {
        Event::from_frame(frame(name, data)).expect(data)
    }

    /// The ways in which servers write a chunk, with a gap for the text.
    const CHUNKS: [(&str, &str); 5] = [
        (
            r#"[{"content":""#,
            r#"","type":"AIMessageChunk","id":"m","tool_calls":[]},{"langgraph_step":1}]"#,
        ),
        (
            r#"[{"id":"m","type":"ai","additional_kwargs":{"content":"x"},"content":""#,
            r#""},{"content":"y"}]"#,
        ),
        (r#" [ {"type":"ai" , "content" : ""#, r#"" } , {} ] "#),
        // Of two the last counts.
        (
            r#"[{"type":"ai","content":"first","content":""#,
            r#""},{}]"#,
        ),
        (r#"[{"type":"ai","cont\u0065nt":""#, r#""},null]"#),
    ];

    #[test]
    fn what_is_like_a_pattern_reads_as_the_pattern_with_its_text() {
        let texts = [
            "",
            " ",
            "a",
            "lo",
            "Grüße",
            "😀",
            r"\n",
            r#"\""#,
            r"\\",
            r"\u00e9",
            r"\ud83d\ude00",
            "\u{7f}",
            r#""#,
            r"\/",
            r"a\tb",
            r"}]",
            r"\u0000",
        ];
        for (before, behind) in CHUNKS {
            let whole = |text: &str| [before, text, behind].concat();
            let first = event("messages", &whole("Hel"));
            let pattern = ChunkPattern::of(&first).expect(before);
            let mut seen = 0;
            for text in texts {
                let frame = frame("messages", &whole(text));
                let Some(found) = pattern.text_in(&frame) else {
                    continue;
                };
                seen += 1;
                let mut odd = crate::json::Oddities::default();
                let (mut expected, metadata) = event("messages", &whole(text))
                    .message(&mut odd)
                    .expect("a chunk");
                assert_eq!(found.text, expected.content.text(), "{text}");
                assert_eq!(found.written, text);
                // Whatever else the two say is the same.
                let (read, same_metadata) = first.message(&mut odd).expect("a chunk");
                expected.content = read.content.clone();
                assert_eq!((expected, metadata), (read, same_metadata));
            }
            // Space around the data is no part of the event, so what is written so is not like it.
            assert_eq!(
                seen,
                if before.starts_with(' ') {
                    0
                } else {
                    texts.len()
                }
            );
        }
    }

    #[test]
    fn whatever_else_differs_is_not_like_it() {
        let (before, behind) = CHUNKS[0];
        let whole = |text: &str| [before, text, behind].concat();
        let pattern = ChunkPattern::of(&event("messages|a:1", &whole("Hel"))).expect("a pattern");
        let is_like = |name: &str, data: &str| pattern.text_in(&frame(name, data)).is_some();
        assert!(is_like("messages|a:1", &whole("x")));
        for name in [
            "messages",
            "messages|a:2",
            "messages|a:1|b:1",
            "messages|a:",
            "messages|a:11",
            "values",
        ] {
            assert!(!is_like(name, &whole("x")), "{name}");
        }
        let wrong = [
            // No text, more than one, or cut within an escape.
            r#"a","content":"b"#,
            r#"""#,
            r"\",
            r"\x",
            r"\u12",
            "a\nb",
            "\t",
            // Halves of surrogate pairs.
            r"\ud83d",
            r"\ude00",
            r"a\ude00b",
        ];
        for text in wrong {
            assert!(!is_like("messages|a:1", &whole(text)), "{text}");
        }
        // Before and behind must not overlap.
        assert!(!is_like("messages|a:1", &before[..before.len() - 1]));
        assert!(!is_like("messages|a:1", &[before, &behind[1..]].concat()));
    }

    #[test]
    fn only_a_chunk_with_a_text_is_a_pattern() {
        let others = [
            ("values", r#"{"content":"a"}"#),
            ("custom", r#"[{"type":"ai","content":"a"}]"#),
            ("messages/partial", r#"[{"type":"ai","content":"a"}]"#),
            (
                "messages",
                r#"[{"type":"ai","content":[{"type":"text","text":"a"}]},{}]"#,
            ),
            ("messages", r#"[{"type":"ai"},{"content":"a"}]"#),
            ("messages", r#"["a",{}]"#),
            ("messages", "[]"),
            (
                "messages",
                r#"[{"type":"constructor","lc":1,"content":"a","id":["AIMessageChunk"],"kwargs":{"content":"b"}},{}]"#,
            ),
        ];
        for (name, data) in others {
            assert!(
                ChunkPattern::of(&event(name, data)).is_none(),
                "{name} {data}"
            );
        }
    }
}
