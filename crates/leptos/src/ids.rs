//! Ids of submitted messages.

use rejoin_core::wire::{
    Json,
    json::{FromJson, Node},
};

/// Gives an id to each input message without one, so that the same submission can be sent again and mean the same messages.
/// An input that is not a list of objects is left as it is: the client judges it.
pub(crate) fn with_message_ids(input: Json, messages_key: &str) -> Json {
    with_ids_from(input, messages_key, rejoin_browser::random_uuid)
}

fn with_ids_from(given: Json, messages_key: &str, make_id: impl Fn() -> String) -> Json {
    let Ok(Node::Object(mut input)) = Node::from_json(given.text()) else {
        return given;
    };
    let Some(Node::Array(messages)) = input.get_mut(messages_key) else {
        return given;
    };
    let mut is_changed = false;
    for message in messages {
        if let Node::Object(message) = message
            && message.get("id").is_none_or(Node::is_null)
        {
            message.set("id", Node::String(make_id()));
            is_changed = true;
        }
    }
    if is_changed {
        Json::written(&Node::Object(input))
    } else {
        given
    }
}

#[cfg(test)]
mod tests {
    use super::with_ids_from;
    use rejoin_core::wire::Json;

    #[track_caller]
    fn check(input: &str, expect: &str) {
        let input = Json::parse(input.to_owned()).expect("valid");
        let done = with_ids_from(input, "messages", || "new".to_owned());
        assert_eq!(done.text(), expect);
    }

    #[test]
    fn messages_without_an_id_get_one_and_nothing_else_changes() {
        check(
            r#"{"b":1,"messages":[{"content":"x"},{"id":"old"},{"id":null},"text"]}"#,
            r#"{"b":1,"messages":[{"content":"x","id":"new"},{"id":"old"},{"id":"new"},"text"]}"#,
        );
        check(
            r#"{ "messages": [{"id":"old"}] }"#,
            r#"{ "messages": [{"id":"old"}] }"#,
        );
        check(r#"{ "messages": "text" }"#, r#"{ "messages": "text" }"#);
        check("[ 1 ]", "[ 1 ]");
    }
}
