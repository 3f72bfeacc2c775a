//! Ids of submitted messages.

use rejoin_core::{Submission, wire::Json};
use serde_json::Value;

/// Gives each input message without an id one, so that the same submission can be sent again and mean the same messages.
/// What is not a list of objects is left as it is: the client judges it.
pub(crate) fn with_message_ids(submission: Submission, messages_key: &str) -> Submission {
    with_ids_from(submission, messages_key, rejoin_browser::random_uuid)
}

fn with_ids_from(
    mut submission: Submission,
    messages_key: &str,
    make_id: impl Fn() -> String,
) -> Submission {
    let Some(mut input) = submission
        .input
        .as_ref()
        .and_then(|input| input.read::<Value>().ok())
    else {
        return submission;
    };
    let Some(messages) = input.get_mut(messages_key).and_then(Value::as_array_mut) else {
        return submission;
    };
    let without_id =
        |message: &&mut Value| message.is_object() && message.get("id").is_none_or(Value::is_null);
    let mut changed = false;
    for message in messages.iter_mut().filter(without_id) {
        message["id"] = make_id().into();
        changed = true;
    }
    if changed {
        submission.input = Some(Json::from_value(&input).expect("JSON is JSON"));
    }
    submission
}

#[cfg(test)]
mod tests {
    use super::with_ids_from;
    use rejoin_core::{Submission, wire::Json};

    #[track_caller]
    fn check(input: &str, expect: &str) {
        let input = Json::parse(input.to_owned()).expect("valid");
        let submission = Submission {
            input: Some(input),
            ..Submission::default()
        };
        let done = with_ids_from(submission, "messages", || "new".to_owned());
        assert_eq!(done.input.expect("kept").text(), expect);
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
