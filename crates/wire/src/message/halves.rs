//! Halves of surrogate pairs. A server that counts UTF-16 units may cut a pair, so that one chunk ends with the first
//! half and the next begins with the second.
//!
//! Rust's texts cannot hold a half, so a message has U+FFFD there. While a half may still be completed, the message is also
//! kept in full with the halves *marked*:
//!
//! ```text
//! marked text = any text, in which   MARK + U+100000..=U+1007FF   stands for a half
//!                             and    MARK + U+10FFFE              for U+10FFFF itself
//! ```
//! MARK is U+10FFFF, which is no character. Marked texts never leave this module but to be merged: what is public is always
//! what a reader should see.

use super::{Content, Message, block_text_mut, read::read_any};
use crate::json::{Node, Object, Oddities, digits};

const MARK: char = '\u{10ffff}';
/// Behind a mark: the mark itself.
const ITSELF: char = '\u{10fffe}';
/// Behind a mark: the first of the halves.
const FIRST: u32 = 0x10_0000;
/// Bytes of a mark with what stands behind it.
const MARKED_BYTES: usize = 8;
/// Chunks after which a half that none of them has completed counts as alone.
const CHUNKS_MAX: u8 = 16;
const CALLS: [&str; 2] = ["tool_calls", "invalid_tool_calls"];

/// A message once more, with its halves marked; nothing where none may be completed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Halves(Option<Box<Marked>>);

#[derive(Debug, Clone, PartialEq)]
struct Marked {
    content: Content,
    fields: Object,
    /// Chunks without a half since the last one with.
    chunks: u8,
}

/// The halves that may be completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    /// Those at a text's beginning and end: what the text is appended to is not here.
    BothEnds,
    /// Those at a text's end.
    End,
    /// None: nothing follows.
    None,
}

impl Halves {
    /// Whether no half may be completed.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }
}

impl Message {
    /// Reads its JSON once more, as halves were seen in it. Those within a text cannot be completed and are noted.
    pub(super) fn read_halves(&mut self, text: &str, odd: &mut Oddities) {
        // What else is odd has been noted.
        if let Ok(marked) = read_any(&marked_json(text), &mut Oddities::default()) {
            self.show(marked, Open::BothEnds, 0, odd);
        }
    }

    /// Appends a chunk, where one of the two has halves.
    pub(super) fn merge_halves(&mut self, chunk: &Message, odd: &mut Oddities) {
        let chunks = match (&self.halves.0, chunk.halves.is_empty()) {
            (Some(marked), true) => marked.chunks + 1,
            (_, false) | (None, true) => 0,
        };
        let mut whole = self.marked();
        whole.merge(chunk.marked(), join, odd);
        let open = match chunks {
            CHUNKS_MAX.. => Open::None,
            _ => Open::End,
        };
        self.show(whole, open, chunks, odd);
    }

    /// Holds the calls with the halves too, as they were read from the chunks anew.
    pub(super) fn keep_calls(&mut self) {
        let Some(marked) = &mut self.halves.0 else {
            return;
        };
        for name in CALLS {
            match self.fields.get(name).cloned() {
                Some(mut calls) => {
                    each_in("", &mut calls, &mut |_, text| *text = with_marks(text));
                    marked.fields.set(name, calls);
                }
                None => marked.fields.remove(name),
            }
        }
    }

    /// Nothing follows: halves that are left are alone, and noted.
    pub fn close(&mut self, odd: &mut Oddities) {
        if !self.halves.is_empty() {
            let marked = self.marked();
            self.show(marked, Open::None, 0, odd);
        }
    }

    /// Its JSON with halves as escapes; `None` where it has none.
    pub(super) fn escaped_json(&self) -> Option<String> {
        (!self.halves.is_empty()).then(|| escaped_json(&self.marked().shown_json()))
    }

    /// It with its halves marked.
    fn marked(&self) -> Self {
        if let Some(marked) = &self.halves.0 {
            let mut shown = self.clone();
            shown.content = marked.content.clone();
            shown.fields = marked.fields.clone();
            shown.halves = Halves::default();
            let marked = shown.clone();
            each_text(&mut shown, &mut |_, text| *text = without_marks(text));
            // What was changed by hand since has no halves any more.
            if shown.content == self.content && shown.fields == self.fields {
                return marked;
            }
        }
        let mut marked = self.clone();
        marked.halves = Halves::default();
        each_text(&mut marked, &mut |_, text| *text = with_marks(text));
        marked
    }

    /// Becomes what `marked` shows, and keeps its halves that may be completed.
    fn show(&mut self, mut marked: Self, open: Open, chunks: u8, odd: &mut Oddities) {
        if let Content::Blocks(blocks) = &mut marked.content {
            join_neighbours(blocks);
        }
        let is_open = settle(&mut marked, open, odd);
        let kept = is_open.then(|| Marked {
            content: marked.content.clone(),
            fields: marked.fields.clone(),
            chunks,
        });
        each_text(&mut marked, &mut |_, text| *text = without_marks(text));
        marked.halves = Halves(kept.map(Box::new));
        *self = marked;
    }
}

/// Replaces, and notes, the halves that cannot be completed. Whether there are others.
fn settle(marked: &mut Message, open: Open, odd: &mut Oddities) -> bool {
    let mut is_open = false;
    let is_streamed = !marked.tool_call_chunks().is_empty();
    each_text(marked, &mut |place, text| {
        let Some(settled) = settled(text, open) else {
            is_open |= text.contains(MARK) && has_half(text);
            return;
        };
        is_open |= has_half(&settled);
        *text = settled;
        // Of a streamed message the calls only repeat what stands in the chunks.
        let repeats = CALLS.iter().any(|name| place.starts_with(name));
        if !(is_streamed && repeats) {
            let found = "text with half of a surrogate pair";
            odd.add(place, "well-formed text", found, String::new());
        }
    });
    is_open
}

/// The text without the halves that cannot be completed; `None` where there are none.
fn settled(text: &str, open: Open) -> Option<String> {
    let mut out = String::new();
    let mut has_changed = false;
    let mut rest = text;
    while let Some(at) = rest.find(MARK) {
        out.push_str(&rest[..at]);
        let Some((mark, more)) = rest[at..].split_at_checked(MARKED_BYTES) else {
            rest = &rest[at..];
            break;
        };
        let is_kept = match half_at(mark, 0) {
            None => true,
            Some(0xdc00..) => open == Open::BothEnds && out.is_empty(),
            Some(_) => open != Open::None && more.is_empty(),
        };
        if is_kept {
            out.push_str(mark);
        } else {
            out.push(char::REPLACEMENT_CHARACTER);
            has_changed = true;
        }
        rest = more;
    }
    out.push_str(rest);
    has_changed.then_some(out)
}

/// The half that is marked at this byte.
fn half_at(text: &str, at: usize) -> Option<u32> {
    let mut chars = text.get(at..)?.chars();
    let (mark, half) = (chars.next()?, u32::from(chars.next()?));
    let is_half = mark == MARK && (FIRST..FIRST + 0x800).contains(&half);
    is_half.then(|| half - FIRST + 0xd800)
}

fn has_half(text: &str) -> bool {
    text.match_indices(MARK)
        .any(|(at, _)| half_at(text, at).is_some())
}

/// Appends a text; a pair whose halves meet is one character again.
fn join(text: &mut String, more: &str) {
    let from = if completes(text, more) {
        MARKED_BYTES
    } else {
        0
    };
    text.push_str(&more[from..]);
}

/// Makes one character of the half that `text` ends with and the one that `more` begins with. Whether there are such.
fn completes(text: &mut String, more: &str) -> bool {
    let end = text.len().wrapping_sub(MARKED_BYTES);
    match (half_at(text, end), half_at(more, 0)) {
        (Some(high @ ..0xdc00), Some(low @ 0xdc00..)) => {
            text.truncate(end);
            push_pair(text, high, low);
            true
        }
        _ => false,
    }
}

/// Text blocks stand beside each other where nothing says that they are one; a reader sees one text.
fn join_neighbours(blocks: &mut [Node]) {
    for at in 1..blocks.len() {
        let (before, behind) = blocks.split_at_mut(at);
        let text = before.last_mut().and_then(block_text_mut);
        let Some((text, more)) = text.zip(block_text_mut(&mut behind[0])) else {
            continue;
        };
        if completes(text, more) {
            more.drain(..MARKED_BYTES);
        }
    }
}

fn push_pair(out: &mut String, high: u32, low: u32) {
    let whole = char::from_u32(0x1_0000 + ((high & 0x3ff) << 10) + (low & 0x3ff));
    out.extend(whole);
    if whole == Some(MARK) {
        out.push(ITSELF);
    }
}

/// Calls `each` with the place of every text of a message's content and fields, names of fields too, and the text.
fn each_text(message: &mut Message, each: &mut dyn FnMut(&str, &mut String)) {
    match &mut message.content {
        Content::Text(text) => each("content", text),
        Content::Blocks(blocks) => each_item("content", blocks, each),
    }
    each_field("", &mut message.fields, each);
}

fn each_item(place: &str, items: &mut [Node], each: &mut dyn FnMut(&str, &mut String)) {
    for (at, item) in items.iter_mut().enumerate() {
        each_in(&[place, "[", &digits(at as u64), "]"].concat(), item, each);
    }
}

fn each_field(place: &str, object: &mut Object, each: &mut dyn FnMut(&str, &mut String)) {
    let dot = if place.is_empty() { "" } else { "." };
    for (name, value) in object.iter_mut() {
        let place = [place, dot, name].concat();
        each(&place, name);
        each_in(&place, value, each);
    }
}

fn each_in(place: &str, value: &mut Node, each: &mut dyn FnMut(&str, &mut String)) {
    match value {
        Node::String(text) => each(place, text),
        Node::Array(items) => each_item(place, items, each),
        Node::Object(object) => each_field(place, object, each),
        Node::Null | Node::Bool(_) | Node::Number(_) => {}
    }
}

/// JSON text in whose strings halves, which stand there as escapes, are marked.
fn marked_json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['\\', MARK]) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(more) = rest.strip_prefix(MARK) {
            out.extend([MARK, ITSELF]);
            rest = more;
            continue;
        }
        let length = match (
            escaped_half(rest),
            escaped_half(rest.get(6..).unwrap_or("")),
        ) {
            (Some(high @ ..0xdc00), Some(low @ 0xdc00..)) => {
                push_pair(&mut out, high, low);
                12
            }
            (Some(half), _) => {
                out.push(MARK);
                out.extend(char::from_u32(half - 0xd800 + FIRST));
                6
            }
            (None, _) => {
                out.push_str(rest.get(..2).unwrap_or(rest));
                2
            }
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// The half that an escape at the text's beginning says.
fn escaped_half(text: &str) -> Option<u32> {
    let code = text.strip_prefix("\\u")?.get(..4)?;
    let half = u32::from_str_radix(code, 16).ok()?;
    (0xd800..0xe000).contains(&half).then_some(half)
}

/// The same JSON with escapes for marks.
fn escaped_json(text: &str) -> String {
    replace_marks(text, |out, half| {
        out.push_str("\\u");
        for digit in [half >> 12, half >> 8 & 15, half >> 4 & 15, half & 15] {
            out.extend(char::from_digit(digit, 16));
        }
    })
}

/// A text without halves, marked.
fn with_marks(text: &str) -> String {
    text.replace(MARK, &String::from_iter([MARK, ITSELF]))
}

/// The text that a reader sees.
fn without_marks(text: &str) -> String {
    replace_marks(text, |out, _| out.push(char::REPLACEMENT_CHARACTER))
}

fn replace_marks(text: &str, half: impl Fn(&mut String, u32)) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(MARK) {
        out.push_str(&rest[..at]);
        match half_at(rest, at) {
            Some(code) => half(&mut out, code),
            None => out.push(MARK),
        }
        rest = rest.get(at + MARKED_BYTES..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{FromJson, Lenient, Oddity, ToJson};

    fn chunk(fields: &str) -> Message {
        let text = ["{\"type\":\"ai\",\"id\":\"m\",", fields, "}"].concat();
        Message::read_quietly(&text).expect(&text)
    }

    /// Merges the chunks; a message that is stored and read between them goes on as one that was not.
    fn check(chunks: &[&str], expected: &str, words: &[&str]) {
        for stored in [false, true] {
            let mut whole = chunk(chunks[0]);
            let mut said = Vec::new();
            for more in &chunks[1..] {
                if stored {
                    whole = Message::from_json(&whole.to_json()).expect("what was written");
                }
                let odd = whole.merge_chunk(chunk(more));
                said.extend(odd.iter().map(Oddity::words));
                whole.refresh_tool_calls();
            }
            let mut odd = Oddities::default();
            whole.close(&mut odd);
            said.extend(odd.into_list().iter().map(Oddity::words));
            let shown = chunk(expected);
            assert_eq!(whole.content, shown.content, "{chunks:?}");
            for (name, value) in shown.fields.iter() {
                assert_eq!(whole.fields.get(name), Some(value), "{chunks:?}");
            }
            assert_eq!(said, words, "{chunks:?}");
            assert_eq!(
                (whole.halves.is_empty(), whole.shown_json()),
                (true, whole.to_json())
            );
        }
    }

    const ALONE: &str =
        "content is text with half of a surrogate pair where well-formed text belongs";

    #[test]
    fn halves_join_wherever_texts_do() {
        let content = |text: &str| format!(r#""content":"{text}""#);
        check(
            &[&content(r"Hi \ud83d"), &content(r"\ude00!")],
            &content("Hi 😀!"),
            &[],
        );
        check(
            &[
                &content(r"\ud83d"),
                &content(""),
                &content(r"\ude00\ud83d"),
                &content(r"\ude01"),
            ],
            &content("😀😁"),
            &[],
        );
        check(
            &[
                r#""content":[{"type":"text","text":"a\ud83d","index":0}]"#,
                r#""content":[{"type":"text","text":"\ude00","index":0}]"#,
            ],
            r#""content":[{"type":"text","text":"a😀","index":0}]"#,
            &[],
        );
        check(
            &[
                r#""content":"","additional_kwargs":{"reasoning":{"text":"\ud83d"}}"#,
                r#""content":"","additional_kwargs":{"reasoning":{"text":"\ude00"}}"#,
            ],
            r#""content":"","additional_kwargs":{"reasoning":{"text":"😀"}}"#,
            &[],
        );
        check(
            &[
                r#""content":"","tool_call_chunks":[{"name":"f","args":"{\"a\":\"\ud83d","id":"c","index":0}]"#,
                r#""content":"","tool_call_chunks":[{"name":null,"args":"\ude00\"}","id":null,"index":0}]"#,
            ],
            r#""content":"","tool_calls":[{"name":"f","args":{"a":"😀"},"id":"c","type":"tool_call"}]"#,
            &[],
        );
    }

    #[test]
    fn halves_join_across_blocks() {
        let block = |text: &str| format!(r#"{{"type":"text","text":"{text}"}}"#);
        let content = |blocks: &[String]| format!(r#""content":[{}]"#, blocks.join(","));
        let shown = content(&[block("a😀"), block("b")]);
        check(
            &[
                &content(&[block(r"a\ud83d")]),
                &content(&[block(r"\ude00b")]),
            ],
            &shown,
            &[],
        );
        check(
            &[&content(&[block(r"a\ud83d"), block(r"\ude00b")])],
            &shown,
            &[],
        );
        check(
            &[r#""content":"a\ud83d""#, &content(&[block(r"\ude00b")])],
            &shown,
            &[],
        );
        check(
            &[&content(&[block(r"a\ud83d")]), r#""content":"\ude00b""#],
            &shown,
            &[],
        );
    }

    #[test]
    fn arguments_that_hold_the_mark_do_no_harm() {
        let piece = r#""content":"\ud83d","tool_call_chunks":[{"name":"f","args":"{\"a\":\"\\udbff\\udfff\"}","id":"c","index":0}]"#;
        check(
            &[
                piece,
                r#""content":"\ude00""#,
                r#""content":"\ud83d""#,
                r#""content":"\ude00""#,
            ],
            "\"content\":\"😀😀\",\"tool_calls\":[{\"name\":\"f\",\"args\":{\"a\":\"\u{10ffff}\"},\"id\":\"c\",\"type\":\"tool_call\"}]",
            &[],
        );
    }

    #[test]
    fn a_half_that_stays_alone_is_replaced_and_noted_once() {
        let content = |text: &str| format!(r#""content":"{text}""#);
        let shown = content("a\u{fffd}b");
        check(&[&content(r"a\ud83d"), &content("b")], &shown, &[ALONE]);
        check(&[&content("a"), &content(r"\ude00b")], &shown, &[ALONE]);
        check(
            &[&content("a"), &content(r"\ud83d"), &content("b")],
            &shown,
            &[ALONE],
        );
        check(
            &[&content("a"), &content(r"\ud83d")],
            &content("a\u{fffd}"),
            &[ALONE],
        );
        check(
            &[
                &content(r"\ud83d"),
                &content(r"\ud83d"),
                &content(r"\ude00"),
            ],
            &content("\u{fffd}😀"),
            &[ALONE],
        );
    }

    #[test]
    fn until_it_is_completed_a_half_is_shown_as_a_replacement_character() {
        let mut whole = chunk(r#""content":"Hi \ud83d""#);
        assert_eq!(whole.content.text(), "Hi \u{fffd}");
        assert!(whole.to_json().contains(r"Hi \ud83d"));
        assert!(whole.shown_json().contains("Hi \u{fffd}"));
        // One that was changed by hand is what it was changed to.
        whole.content = Content::Text("other".to_owned());
        whole.merge_chunk(chunk(r#""content":"\ude00!""#));
        assert_eq!(whole.content.text(), "other\u{fffd}!");
    }

    #[test]
    fn what_looks_like_a_mark_survives_beside_a_half() {
        let odd = "\u{10ffff}\u{10083d}\u{10d83d}\u{e000}\u{10fffe}\u{10ffff}";
        let content = |text: &str| format!(r#""content":"{text}","{odd}":"{odd}""#);
        check(
            &[
                &content(&format!(r"{odd}\ud83d")),
                &format!(r#""content":"\ude00{odd}\udbff""#),
                r#""content":"\udfff""#,
            ],
            &content(&format!("{odd}😀{odd}\u{10ffff}")),
            &[],
        );
    }

    #[test]
    fn halves_wait_for_a_bounded_number_of_chunks() {
        let mut whole = chunk(r#""content":"\ud83d""#);
        let mut said = 0;
        for _ in 0..=CHUNKS_MAX {
            said += whole.merge_chunk(chunk(r#""content":"""#)).len();
        }
        assert_eq!((said, whole.halves.is_empty()), (1, true));
    }
}
