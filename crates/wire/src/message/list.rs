//! A list of messages, as a thread's values hold it.

use super::{Message, read::id_of};
use crate::{
    MessageId,
    json::{JsonError, Lenient, Oddities, items},
};

/// Reads a field that holds messages, each by itself. One message in place of a list counts as a list of it, as
/// LangGraph takes it. `None`, with a note, where it is neither.
pub fn read_messages(field: &str, text: &str, odd: &mut Oddities) -> Option<Vec<Message>> {
    if !text.starts_with('[') {
        odd.note(field, "a list of messages", text);
        if !is_single(text) {
            return None;
        }
    }
    let whole: Vec<Whole> = match text.starts_with('[') {
        true => odd.list(field, text),
        false => odd.field(field, text).into_iter().collect(),
    };
    Some(whole.into_iter().map(|whole| whole.0).collect())
}

fn is_single(text: &str) -> bool {
    text.starts_with(['{', '"'])
}

/// The ids of the messages that [`read_messages`] reads, without reading them; absent for one without.
pub fn read_ids(text: &str) -> Vec<Option<MessageId>> {
    let mut ids = Vec::new();
    let read = items(text, &mut |item| {
        if item != "null" {
            ids.push(id_of(item));
        }
        Ok(())
    });
    if read.is_err() && is_single(text) {
        ids.push(id_of(text));
    }
    ids
}

/// A message that no chunk follows.
struct Whole(Message);

impl Lenient for Whole {
    fn read(text: &str, odd: &mut Oddities) -> Result<Self, JsonError> {
        let mut message = Message::read(text, odd)?;
        message.close(odd);
        message.kind.note(odd);
        Ok(Self(message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Oddity;

    #[test]
    fn ids_are_those_of_the_messages_that_are_read() {
        let entries = [
            r#"{"type":"human","id":"a","content":""}"#,
            r#"{"type":"human","id":7,"content":""}"#,
            r#"{"type":"human","id":true,"content":""}"#,
            r#"{"type":"human","id":"","content":""}"#,
            "null",
            "42",
            r#""text""#,
            r#"["human","text"]"#,
            r#"{"lc":1,"type":"constructor","id":["AIMessage"],"kwargs":{"id":"k","content":""}}"#,
            r#"{"type":"ai","data":{"id":"d","content":""}}"#,
            r#"{"type":"ai","id":"e","content":"","data":{"id":"d"}}"#,
        ];
        let check = |text: &str| {
            let read = read_messages("m", text, &mut Oddities::default()).expect(text);
            let ids: Vec<_> = read.into_iter().map(|message| message.id).collect();
            assert_eq!(read_ids(text), ids, "{text}");
            ids.len()
        };
        assert_eq!(
            check(&["[", &entries.join(","), "]"].concat()),
            entries.len() - 1
        );
        assert_eq!((check(entries[0]), check(entries[6])), (1, 1));
    }

    #[test]
    fn each_entry_is_named_by_its_place() {
        let mut odd = Oddities::default();
        let text = r#"[{"type":"human","content":"a"},null,{"type":"wizard","content":"b"},{"type":"ai","content":7}]"#;
        let read = read_messages("messages", text, &mut odd).expect("a list");
        let said: Vec<String> = odd.into_list().iter().map(Oddity::words).collect();
        assert_eq!(read.len(), 3);
        assert_eq!(
            said,
            [
                "messages[1] is null where a message belongs",
                "messages[2].type is a text (\"wizard\") where a known kind of message belongs",
                "messages[3].content is a number (7) where a text or a list of blocks belongs",
            ]
        );
        assert_eq!(
            read_messages("messages", "42", &mut Oddities::default()),
            None
        );
    }
}
