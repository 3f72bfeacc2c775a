//! Agents that need no model: the same graphs, words and knobs as `tests/agent-server`, so that one test fits all servers.
//!
//! Knobs (`config.configurable`): `n_tokens` (default 200), `delay_ms` between tokens (default 25).

mod markdown;
mod research;

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{Agent, AgentError, Agents, Chunk, NodeContext, NodeEnd, NodeFuture};

/// The most tokens a knob may ask for.
const TOKENS_MAX: u32 = 200_000;
/// How long the scripted tool takes.
const TOOL_TIME: Duration = Duration::from_millis(100);

const WORDS: [&str; 26] = [
    "alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliett",
    "kilo", "lima", "mike", "november", "oscar", "papa", "quebec", "romeo", "sierra", "tango",
    "uniform", "victor", "whiskey", "xray", "yankee", "zulu",
];

/// Adds the scripted agents.
pub(super) fn add_to(agents: &mut Agents) {
    agents.add(Chat);
    agents.add(Tools);
    agents.add(Approval);
    agents.add(Multi);
    agents.add(Boom);
    agents.add(research::Research);
}

/// Streams words; with the knob `style: "markdown"` a formatted answer.
struct Chat;

impl Agent for Chat {
    fn name(&self) -> &'static str {
        "chat"
    }

    fn description(&self) -> &'static str {
        "Streams a scripted answer, word by word."
    }

    fn run<'a>(&'a self, _: &'a str, context: &'a mut NodeContext) -> NodeFuture<'a> {
        Box::pin(async move {
            let message = if context.knobs.text("style") == Some("markdown") {
                markdown::answer(context).await?
            } else {
                words(context, count(context, 200), None).await?
            };
            Ok(NodeEnd::messages(vec![message]))
        })
    }
}

/// Calls a tool, then answers.
struct Tools;

impl Agent for Tools {
    fn name(&self) -> &'static str {
        "tools"
    }

    fn description(&self) -> &'static str {
        "Calls a weather tool, then streams an answer."
    }

    fn nodes(&self) -> &'static [&'static str] {
        &["agent", "tools"]
    }

    fn after(&self, node: &str, values: &Map<String, Value>) -> Vec<String> {
        match node {
            "tools" => vec!["agent".to_owned()],
            _ if tool_calls(crate::state::messages(values)).is_empty() => Vec::new(),
            _ => vec!["tools".to_owned()],
        }
    }

    fn run<'a>(&'a self, node: &'a str, context: &'a mut NodeContext) -> NodeFuture<'a> {
        Box::pin(async move {
            let message = if node == "tools" {
                return weather(context).await;
            } else if context
                .messages()
                .iter()
                .any(|message| message.get("type") == Some(&json!("tool")))
            {
                words(context, count(context, 200).min(20), None).await?
            } else {
                ask_for_weather(context).await?
            };
            Ok(NodeEnd::messages(vec![message]))
        })
    }
}

async fn ask_for_weather(context: &NodeContext) -> Result<Value, AgentError> {
    let delay = delay(context);
    let mut out = context.message();
    pause(delay).await;
    out.text("Let me look that up. ").await?;
    let mut pieces = vec![json!({"name": "get_weather", "args": "", "id": "call_1", "index": 0})];
    pieces.extend(
        ["{\"ci", "ty\": \"", "Par", "is\"", "}"]
            .map(|args| json!({"name": null, "args": args, "id": null, "index": 0})),
    );
    for piece in pieces {
        pause(delay).await;
        out.chunk(Chunk {
            tool_call_chunks: vec![piece],
            ..Chunk::default()
        })
        .await?;
    }
    pause(delay).await;
    out.chunk(last("tool_calls", 9)).await?;
    Ok(out.finish())
}

async fn weather(context: &NodeContext) -> Result<NodeEnd, AgentError> {
    let mut answers = Vec::new();
    for call in tool_calls(context.messages()) {
        tokio::time::sleep(TOOL_TIME).await;
        let city = call
            .pointer("/args/city")
            .and_then(Value::as_str)
            .unwrap_or("nowhere");
        answers.push(json!({
            "type": "tool", "content": format!("22C in {city}"), "tool_call_id": call.get("id"), "name": call.get("name"),
        }));
    }
    Ok(NodeEnd::messages(answers))
}

fn tool_calls(messages: &[Value]) -> Vec<Value> {
    let calls = messages
        .last()
        .and_then(|message| message.get("tool_calls"))
        .and_then(Value::as_array);
    calls.cloned().unwrap_or_default()
}

/// Drafts, asks, and says what it was told.
struct Approval;

impl Agent for Approval {
    fn name(&self) -> &'static str {
        "approval"
    }

    fn description(&self) -> &'static str {
        "Streams a draft and asks whether to send it."
    }

    fn nodes(&self) -> &'static [&'static str] {
        &["draft", "ask", "finish"]
    }

    fn after(&self, node: &str, _: &Map<String, Value>) -> Vec<String> {
        match node {
            "draft" => vec!["ask".to_owned()],
            "ask" => vec!["finish".to_owned()],
            _ => Vec::new(),
        }
    }

    fn run<'a>(&'a self, node: &'a str, context: &'a mut NodeContext) -> NodeFuture<'a> {
        Box::pin(async move {
            match node {
                "draft" => Ok(NodeEnd::messages(vec![
                    words(context, count(context, 10), None).await?,
                ])),
                "ask" => match context.resume.take() {
                    Some(answer) => Ok(NodeEnd::Wrote(Map::from_iter([(
                        "approved".to_owned(),
                        answer,
                    )]))),
                    None => Ok(NodeEnd::Asks(
                        json!({"question": "Send this draft?", "draft": draft_start(context)}),
                    )),
                },
                _ => {
                    let approved =
                        python_repr(context.values.get("approved").unwrap_or(&Value::Null));
                    Ok(NodeEnd::messages(vec![
                        json!({"type": "ai", "content": format!("done approved={approved}")}),
                    ]))
                }
            }
        })
    }
}

fn draft_start(context: &NodeContext) -> String {
    let content = context
        .messages()
        .last()
        .and_then(|message| message.get("content"))
        .and_then(Value::as_str);
    content.unwrap_or_default().chars().take(40).collect()
}

/// Two questions at once.
struct Multi;

impl Agent for Multi {
    fn name(&self) -> &'static str {
        "multi"
    }

    fn description(&self) -> &'static str {
        "Asks two questions at once."
    }

    fn nodes(&self) -> &'static [&'static str] {
        &["ask_a", "ask_b"]
    }

    fn entry(&self) -> Vec<String> {
        vec!["ask_a".to_owned(), "ask_b".to_owned()]
    }

    fn appended(&self) -> &'static [&'static str] {
        &["answers"]
    }

    fn run<'a>(&'a self, node: &'a str, context: &'a mut NodeContext) -> NodeFuture<'a> {
        Box::pin(async move {
            let which = if node == "ask_a" { "a" } else { "b" };
            Ok(match context.resume.take() {
                Some(answer) => NodeEnd::Wrote(Map::from_iter([(
                    "answers".to_owned(),
                    json!([{(which): answer}]),
                )])),
                None => NodeEnd::Asks(json!({"which": which})),
            })
        })
    }
}

/// Fails after five tokens.
struct Boom;

impl Agent for Boom {
    fn name(&self) -> &'static str {
        "boom"
    }

    fn description(&self) -> &'static str {
        "Fails after five tokens."
    }

    fn run<'a>(&'a self, _: &'a str, context: &'a mut NodeContext) -> NodeFuture<'a> {
        Box::pin(async move { Ok(NodeEnd::messages(vec![words(context, 20, Some(5)).await?])) })
    }
}

async fn words(
    context: &NodeContext,
    tokens: u32,
    fail_after: Option<u32>,
) -> Result<Value, AgentError> {
    let delay = delay(context);
    let mut out = context.message();
    for (index, word) in (0..tokens).zip(WORDS.iter().cycle()) {
        if fail_after == Some(index) {
            return Err(AgentError::new(
                "ValueError",
                format!("model blew up after {index} tokens"),
            ));
        }
        pause(delay).await;
        out.text(&format!("{word}{index} ")).await?;
    }
    pause(delay).await;
    out.chunk(last("stop", tokens)).await?;
    Ok(out.finish())
}

/// A message's last piece: why it ended and what it cost.
fn last(reason: &str, output_tokens: u32) -> Chunk {
    let usage = json!({"input_tokens": 5, "output_tokens": output_tokens, "total_tokens": 5 + output_tokens});
    Chunk {
        usage: Some(usage),
        finish_reason: Some(reason.to_owned()),
        ..Chunk::default()
    }
}

fn count(context: &NodeContext, default: u32) -> u32 {
    context.knobs.count("n_tokens", default, TOKENS_MAX)
}

fn delay(context: &NodeContext) -> Duration {
    context.knobs.pause("delay_ms", 25.0)
}

/// Waits; a pause of nothing still lets other tasks run.
async fn pause(time: Duration) {
    if time.is_zero() {
        tokio::task::yield_now().await;
    } else {
        tokio::time::sleep(time).await;
    }
}

/// JSON as Python prints it, because the graph this agent follows prints with `repr`.
fn python_repr(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) if text.contains('\'') && !text.contains('"') => format!("\"{text}\""),
        Value::String(text) => format!(
            "'{}'",
            text.replace('\\', "\\\\")
                .replace('\'', "\\'")
                .replace('\n', "\\n")
        ),
        Value::Array(list) => format!(
            "[{}]",
            list.iter().map(python_repr).collect::<Vec<_>>().join(", ")
        ),
        Value::Object(map) => {
            let pairs = map
                .iter()
                .map(|(key, value)| format!("'{key}': {}", python_repr(value)));
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
        }
    }
}
