//! A thread's name: the beginning of its first question.

use rejoin_leptos::wire::{
    json::{Lenient, field},
    message::{Message, MessageKind},
};

/// The longest title, in characters.
const TITLE_CHARS_MAX: usize = 80;

/// The title of a thread with these values, which are JSON; `None` before anything was asked.
pub(crate) fn title_of(values: &str) -> Option<String> {
    // An odd entry costs no other.
    let messages: Vec<Message> = Vec::read_quietly(field(values, "messages")?).ok()?;
    let first = messages
        .iter()
        .find(|message| message.kind == MessageKind::Human)?;
    shorten(&first.content.text())
}

/// One line of at most 80 characters; `None` where there is no text.
pub(crate) fn shorten(text: &str) -> Option<String> {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.is_empty() {
        return None;
    }
    Some(match line.char_indices().nth(TITLE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
        None => line,
    })
}

#[cfg(test)]
mod tests {
    use super::{shorten, title_of};

    fn check(values: &str, expected: Option<&str>) {
        assert_eq!(title_of(values).as_deref(), expected, "for {values}");
    }

    #[test]
    fn the_first_question_is_the_title() {
        check(
            r#"{"messages":[{"type":"system","content":"be kind"},{"type":"human","content":" two\n lines "},{"type":"human","content":"b"}]}"#,
            Some("two lines"),
        );
        check(
            r#"{"messages":[{"type":"human","content":[{"type":"text","text":"a block"}]}]}"#,
            Some("a block"),
        );
    }

    #[test]
    fn an_odd_message_costs_no_other_its_title() {
        for odd in ["7", r#"{"type":"ai","content":7}"#, r#"{"type":5}"#] {
            let values =
                format!(r#"{{"messages":[{odd},{{"type":"human","content":"a"}},{odd}]}}"#);
            check(&values, Some("a"));
        }
    }

    #[test]
    fn values_without_a_question_have_none() {
        for values in [
            "null",
            "{}",
            r#"{"messages":[]}"#,
            r#"{"messages":[{"type":"human","content":"  "}]}"#,
            r#"{"messages":7}"#,
            "[]",
        ] {
            check(values, None);
        }
    }

    #[test]
    fn long_questions_are_cut_at_a_character() {
        let title = shorten(&"ä ".repeat(200)).expect("not empty");
        assert!(
            title.ends_with('…') && title.chars().count() <= 81,
            "{title}"
        );
    }
}
