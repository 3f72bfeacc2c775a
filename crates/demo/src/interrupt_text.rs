//! An agent's question, made readable, and the answers that it understands.

use crate::tool_card::plain;
use serde_json::{Value, json};

/// A question as shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) title: String,
    /// The subject of the question, by name.
    pub(crate) details: Vec<(String, String)>,
    /// How many tool calls are to be decided; 0 where the agent asks in its own way.
    actions: usize,
}

/// Keys that hold the question itself.
const TITLE_KEYS: [&str; 4] = ["question", "prompt", "message", "description"];

impl Question {
    /// Reads any JSON.
    pub(crate) fn read(value: &Value) -> Self {
        if let Some(actions) = value
            .get("action_requests")
            .and_then(Value::as_array)
            .filter(|list| !list.is_empty())
        {
            return Self::of_actions(actions);
        }
        match value {
            Value::String(text) => Self {
                title: text.clone(),
                ..Self::default()
            },
            Value::Object(fields) => {
                let key = TITLE_KEYS
                    .into_iter()
                    .find(|key| fields.get(*key).is_some_and(Value::is_string));
                let title = key.and_then(|key| fields[key].as_str());
                let details = fields.iter().filter(|(name, _)| Some(name.as_str()) != key);
                Self {
                    title: title.unwrap_or(ASKS).to_owned(),
                    details: details
                        .map(|(name, value)| (name.clone(), plain(value)))
                        .collect(),
                    actions: 0,
                }
            }
            Value::Null => Self {
                title: "The agent waits before its next step.".to_owned(),
                ..Self::default()
            },
            other => Self {
                title: ASKS.to_owned(),
                details: vec![("value".to_owned(), plain(other))],
                actions: 0,
            },
        }
    }

    /// LangChain's human-in-the-loop middleware asks whether tools may be called.
    fn of_actions(actions: &[Value]) -> Self {
        let mut details = Vec::new();
        for action in actions {
            let name = action.get("name").and_then(Value::as_str).unwrap_or("tool");
            details.push((
                name.to_owned(),
                action.get("args").map(plain).unwrap_or_default(),
            ));
        }
        Self {
            title: "May the agent use this?".to_owned(),
            details,
            actions: actions.len(),
        }
    }

    /// The answer yes.
    pub(crate) fn approval(&self) -> Value {
        self.decisions(&json!({"type": "approve"}))
            .unwrap_or(Value::Bool(true))
    }

    /// The answer no.
    pub(crate) fn rejection(&self) -> Value {
        self.decisions(&json!({"type": "reject"}))
            .unwrap_or(Value::Bool(false))
    }

    /// An answer in words.
    pub(crate) fn words(&self, text: &str) -> Value {
        self.decisions(&json!({"type": "reject", "message": text}))
            .unwrap_or_else(|| Value::from(text))
    }

    fn decisions(&self, one: &Value) -> Option<Value> {
        (self.actions > 0).then(|| json!({ "decisions": vec![one; self.actions] }))
    }
}

/// The labels of the two buttons: several tool calls are decided together.
pub(crate) fn approval_words(question: &Question) -> (&'static str, &'static str) {
    if question.actions > 1 {
        ("Approve all", "Reject all")
    } else {
        ("Approve", "Reject")
    }
}

const ASKS: &str = "The agent asks for your decision.";

#[cfg(test)]
mod tests {
    use super::Question;
    use serde_json::{Value, json};

    fn check(value: &Value, title: &str, details: &[(&str, &str)]) -> Question {
        let question = Question::read(value);
        assert_eq!(question.title, title, "for {value}");
        let found: Vec<_> = question
            .details
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_str()))
            .collect();
        assert_eq!(found, details, "for {value}");
        question
    }

    #[test]
    fn questions_are_found_in_what_agents_send() {
        let question = check(
            &json!({"question": "Send this draft?", "draft": "alpha"}),
            "Send this draft?",
            &[("draft", "alpha")],
        );
        assert_eq!(
            (
                question.approval(),
                question.rejection(),
                question.words("later")
            ),
            (json!(true), json!(false), json!("later"))
        );
        check(&json!("Sure?"), "Sure?", &[]);
        check(
            &json!({"which": "a"}),
            "The agent asks for your decision.",
            &[("which", "a")],
        );
        check(
            &json!([1]),
            "The agent asks for your decision.",
            &[("value", "[\n  1\n]")],
        );
        check(&json!(null), "The agent waits before its next step.", &[]);
    }

    #[test]
    fn each_tool_call_gets_a_decision() {
        let value = json!({"action_requests": [{"name": "mail", "args": {"to": "a"}}, {"name": "buy", "args": {}}], "review_configs": []});
        let question = check(
            &value,
            "May the agent use this?",
            &[("mail", "{\n  \"to\": \"a\"\n}"), ("buy", "{}")],
        );
        assert_eq!(
            question.approval(),
            json!({"decisions": [{"type": "approve"}, {"type": "approve"}]})
        );
        assert_eq!(
            question.words("no")["decisions"][1],
            json!({"type": "reject", "message": "no"})
        );
    }
}
