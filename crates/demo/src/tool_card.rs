//! A model's call of a tool, and the tool's result.

use crate::icons;
use leptos::prelude::*;
use rejoin_leptos::{prelude::*, wire::json::Node};
use serde_json::Value;

/// A call with its arguments and, as soon as it is there, its answer.
#[component]
pub(crate) fn ToolCard(
    call: Memo<ToolCall>,
    result: Memo<Option<StreamMessage>>,
    streaming: Memo<bool>,
    is_followed: Signal<bool>,
) -> impl IntoView {
    let name = move || {
        call.with(|call| {
            if call.name.is_empty() {
                "tool".to_owned()
            } else {
                call.name.clone()
            }
        })
    };
    let state = move || match result.get() {
        Some(entry) if entry.with(|message| message.fields.text_of("status") == Some("error")) => {
            ("error", "failed")
        }
        Some(_) => ("done", "done"),
        None if streaming.get() => ("asking", "being asked"),
        None if is_followed.get() => ("running", "running"),
        None => ("unknown", "no result"),
    };
    view! {
        <section class="tool-card" data-testid="tool-card" data-state=move || state().0 aria-label=move || format!("Tool {}", name())>
            <header>
                {icons::tool()}
                <code class="tool-name">{name}</code>
                <span class="tool-state">{move || state().1}</span>
            </header>
            <dl class="tool-arguments">
                {move || call.with(|call| arguments(&value_of(&call.args))).into_iter().map(|(name, value)| view! { <div><dt>{name}</dt><dd>{value}</dd></div> }).collect_view()}
            </dl>
            {move || result.get().map(|entry| {
                let text = move || entry.text();
                view! { <div class="tool-result"><span class="visually-hidden">"Result: "</span><pre tabindex="0">{text}</pre></div> }
            })}
        </section>
    }
}

/// A tool's answer whose call is not in the conversation.
#[component]
pub(crate) fn OrphanResult(entry: StreamMessage) -> impl IntoView {
    let name = untrack(|| {
        entry.with(|message| message.fields.text_of("name").unwrap_or("tool").to_owned())
    });
    let text = move || entry.text();
    view! {
        <section class="tool-card">
            <header>{icons::tool()}<code class="tool-name">{name}</code></header>
            <div class="tool-result"><pre class="message-text" data-testid="message-text">{text}</pre></div>
        </section>
    }
}

fn value_of(args: &Node) -> Value {
    serde_json::to_value(args).unwrap_or_default()
}

/// Arguments line by line; anything but an object is one line.
fn arguments(args: &Value) -> Vec<(String, String)> {
    match args {
        Value::Null => Vec::new(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), plain(value)))
            .collect(),
        other => vec![("input".to_owned(), plain(other))],
    }
}

/// Text as it is, everything else as JSON.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(_) | Value::Array(_) => {
            serde_json::to_string_pretty(value).unwrap_or_default()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::arguments;
    use serde_json::json;

    fn check(args: &serde_json::Value, expected: &[(&str, &str)]) {
        let found = arguments(args);
        let found: Vec<_> = found
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(found, expected, "for {args}");
    }

    #[test]
    fn arguments_are_lines() {
        check(
            &json!({"city": "Paris", "days": 3}),
            &[("city", "Paris"), ("days", "3")],
        );
        check(
            &json!({"filter": {"a": [1]}}),
            &[("filter", "{\n  \"a\": [\n    1\n  ]\n}")],
        );
        check(&json!("raw"), &[("input", "raw")]);
        check(&json!(null), &[]);
        check(&json!({}), &[]);
    }
}
