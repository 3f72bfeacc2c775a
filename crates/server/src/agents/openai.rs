//! Any OpenAI-compatible endpoint: `POST {base}/chat/completions` with `stream: true`.
//!
//! The key goes into one header and nowhere else: not into logs, not into errors, not into the store.

use std::time::Duration;

use axum::body::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Incoming};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use rejoin_wire::sse::{Decoder, Item, Limits};
use serde_json::{Value, json};

use super::{
    Agent, AgentError, Chunk, MessageStream, NodeContext, NodeEnd, NodeFuture, surrogates::mend,
};

/// How long the endpoint may take to answer, and then to send the next bytes.
const SILENCE_MAX: Duration = Duration::from_secs(120);
/// How much of an error answer is read, in bytes, and shown, in characters.
const ERROR_BYTES_MAX: usize = 64 << 10;
const ERROR_CHARS_MAX: usize = 500;
/// A piece of the key that is as long says too much of it.
const KEY_PIECE_CHARS_MIN: usize = 8;

/// An OpenAI-compatible endpoint.
#[derive(Clone)]
pub struct OpenAiConfig {
    /// The base URL without a trailing slash, such as `https://api.openai.com/v1`.
    pub base_url: String,
    /// The key, sent as a bearer token; local endpoints need none.
    pub api_key: Option<String>,
    /// The model. The knob `model` overrides it for one run.
    pub model: String,
}

impl OpenAiConfig {
    /// Reads `OPENAI_BASE_URL`, `OPENAI_API_KEY` and `OPENAI_MODEL`. None where the model, or both of the others, are unset.
    pub fn from_env() -> Option<Self> {
        let read = |name: &str| {
            std::env::var(name)
                .ok()
                .filter(|text| !text.trim().is_empty())
        };
        let (base_url, api_key) = (read("OPENAI_BASE_URL"), read("OPENAI_API_KEY"));
        if base_url.is_none() && api_key.is_none() {
            return None;
        }
        let base_url = base_url.unwrap_or_else(|| "https://api.openai.com/v1".to_owned());
        Some(Self {
            base_url: base_url.trim_end_matches('/').to_owned(),
            api_key,
            model: read("OPENAI_MODEL")?,
        })
    }
}

impl std::fmt::Debug for OpenAiConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let key = self.api_key.as_ref().map(|_| "(set)");
        f.debug_struct("OpenAiConfig")
            .field("base_url", &self.base_url)
            .field("api_key", &key)
            .field("model", &self.model)
            .finish()
    }
}

/// The agent `openai`. Knobs: `model`, `temperature`, `system` (a system message).
pub struct OpenAi(Option<Endpoint>);

struct Endpoint {
    config: OpenAiConfig,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl OpenAi {
    /// The agent for an endpoint; without one its runs fail with an error that says what to set.
    pub fn new(config: Option<OpenAiConfig>) -> Self {
        Self(config.map(|config| {
            let connector = HttpsConnectorBuilder::new()
                .with_webpki_roots()
                .https_or_http()
                .enable_http1()
                .build();
            Endpoint {
                config,
                client: Client::builder(TokioExecutor::new()).build(connector),
            }
        }))
    }
}

impl Agent for OpenAi {
    fn name(&self) -> &'static str {
        "openai"
    }

    fn description(&self) -> &'static str {
        "Streams from an OpenAI-compatible endpoint."
    }

    fn run<'a>(&'a self, _: &'a str, context: &'a mut NodeContext) -> NodeFuture<'a> {
        Box::pin(async move {
            let Some(endpoint) = &self.0 else {
                return Err(AgentError::new(
                    "NotConfigured",
                    "the openai agent needs OPENAI_MODEL, and OPENAI_API_KEY or OPENAI_BASE_URL, in the server's environment",
                ));
            };
            let answer = endpoint.ask(context).await?;
            Ok(NodeEnd::messages(vec![
                endpoint.stream(context, answer).await?,
            ]))
        })
    }
}

impl Endpoint {
    async fn ask(&self, context: &NodeContext) -> Result<Response<Incoming>, AgentError> {
        let url = format!("{}/chat/completions", self.config.base_url);
        let mut request = Request::post(url)
            .header("content-type", "application/json")
            .header("accept", "text/event-stream");
        if let Some(key) = &self.config.api_key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        let body = self.body(context).to_string();
        let request = request
            .body(Full::from(body))
            .map_err(|error| self.error("InvalidEndpoint", &error.to_string()))?;
        let answer = within(self.client.request(request))
            .await?
            .map_err(|error| self.error("EndpointUnreachable", &with_causes(&error)))?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let status = answer.status();
        let limited = http_body_util::Limited::new(answer.into_body(), ERROR_BYTES_MAX);
        let body = within(limited.collect())
            .await?
            .map(|body| body.to_bytes())
            .unwrap_or_default();
        let parsed: Value = serde_json::from_slice(&body).unwrap_or_default();
        let text =
            error_text(&parsed).unwrap_or_else(|| String::from_utf8_lossy(&body).into_owned());
        Err(self.error(
            "EndpointError",
            &format!("the endpoint answered {status}: {text}"),
        ))
    }

    fn body(&self, context: &NodeContext) -> Value {
        let system = context
            .knobs
            .text("system")
            .map(|text| json!({"role": "system", "content": text}));
        let messages: Vec<Value> = system
            .into_iter()
            .chain(context.messages().iter().filter_map(to_openai))
            .collect();
        let mut body = json!({
            "model": context.knobs.text("model").unwrap_or(&self.config.model),
            "messages": messages,
            "stream": true,
            "stream_options": {"include_usage": true},
        });
        let temperature = context.knobs.number("temperature", f64::NAN);
        if temperature.is_finite() {
            body["temperature"] = json!(temperature);
        }
        body
    }

    async fn stream(
        &self,
        context: &NodeContext,
        answer: Response<Incoming>,
    ) -> Result<Value, AgentError> {
        let mut body = answer.into_body();
        let mut decoder = Decoder::new(Limits::default());
        let mut out = context.message();
        let mut finished = false;
        let mut half = None;
        while let Some(frame) = within(body.frame()).await? {
            let frame =
                frame.map_err(|error| self.error("EndpointClosed", &with_causes(&error)))?;
            let Some(bytes) = frame.data_ref() else {
                continue;
            };
            decoder.push(bytes);
            while let Some(item) = decoder.next_item() {
                let item =
                    item.map_err(|error| self.error("EndpointProtocol", &error.to_string()))?;
                let Item::Frame(frame) = item else { continue };
                if frame.data.trim() == "[DONE]" {
                    return end(out, half).await;
                }
                let data = mend(&frame.data, &mut half);
                finished |= self.piece(&mut out, &data).await?;
            }
        }
        if finished {
            return end(out, half).await;
        }
        Err(self.error(
            "EndpointClosed",
            "the endpoint's stream ended before the answer did",
        ))
    }

    /// Passes one piece on. True where it says that the answer is complete.
    async fn piece(&self, out: &mut MessageStream<'_>, data: &str) -> Result<bool, AgentError> {
        let piece: Value = serde_json::from_str(data)
            .map_err(|error| self.error("EndpointProtocol", &error.to_string()))?;
        if let Some(text) = error_text(&piece) {
            return Err(self.error("EndpointError", &text));
        }
        let choice = piece.pointer("/choices/0").unwrap_or(&Value::Null);
        let text = |path: &str| {
            choice
                .pointer(path)
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty())
        };
        let mut chunk = Chunk {
            content: said(choice.pointer("/delta/content")),
            finish_reason: text("/finish_reason").map(str::to_owned),
            usage: piece
                .get("usage")
                .filter(|usage| usage.is_object())
                .map(usage),
            ..Chunk::default()
        };
        if let Some(reasoning) =
            text("/delta/reasoning_content").or_else(|| text("/delta/reasoning"))
        {
            chunk
                .additional_kwargs
                .insert("reasoning_content".to_owned(), reasoning.into());
        }
        let finished = chunk.finish_reason.is_some();
        let says_something = finished
            || chunk.usage.is_some()
            || !chunk.content.is_empty()
            || !chunk.additional_kwargs.is_empty();
        if says_something {
            out.chunk(chunk).await?;
        }
        Ok(finished)
    }

    /// An error without the key in it, whatever the endpoint echoed.
    fn error(&self, kind: &str, text: &str) -> AgentError {
        let text = match &self.config.api_key {
            Some(key) => without_key(text, key),
            None => text.to_owned(),
        };
        // Cut last: a piece of a key would not be known any more.
        AgentError::new(kind, text.chars().take(ERROR_CHARS_MAX).collect::<String>())
    }
}

/// The whole message; half of a pair that was never completed is said as such.
async fn end(mut out: MessageStream<'_>, half: Option<u16>) -> Result<Value, AgentError> {
    if half.is_some() {
        out.text("\u{fffd}").await?;
    }
    Ok(out.finish())
}

/// The text of a content, which is one or a list of parts.
fn said(content: Option<&Value>) -> String {
    match content {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => parts.iter().filter_map(text_of).collect(),
        _ => String::new(),
    }
}

/// The text that a part is.
fn text_of(part: &Value) -> Option<&str> {
    match part {
        Value::String(text) => Some(text),
        _ => part.get("text").and_then(Value::as_str),
    }
}

/// A text without the key, and without longer pieces of it: an endpoint may have cut it already.
fn without_key(text: &str, key: &str) -> String {
    let (text, key): (Vec<char>, Vec<char>) = (text.chars().collect(), key.chars().collect());
    let piece = KEY_PIECE_CHARS_MIN.min(key.len()).max(1);
    let mut shown = String::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let starts = key.windows(piece).enumerate();
        let found = starts
            .filter(|(_, start)| text[at..].starts_with(start))
            .map(|(from, _)| {
                let pairs = key[from..].iter().zip(&text[at..]);
                pairs.take_while(|(a, b)| a == b).count()
            })
            .max();
        match found {
            Some(length) => {
                shown.push_str("(key)");
                at += length;
            }
            None => {
                shown.push(text[at]);
                at += 1;
            }
        }
    }
    shown
}

async fn within<T>(work: impl Future<Output = T>) -> Result<T, AgentError> {
    let late = |_| {
        AgentError::new(
            "EndpointTimeout",
            format!("the endpoint was silent for {} s", SILENCE_MAX.as_secs()),
        )
    };
    tokio::time::timeout(SILENCE_MAX, work).await.map_err(late)
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

fn error_text(body: &Value) -> Option<String> {
    let error = body.get("error").filter(|error| !error.is_null())?;
    let message = error.get("message").or(Some(error))?;
    Some(
        message
            .as_str()
            .map_or_else(|| message.to_string(), str::to_owned),
    )
}

fn usage(usage: &Value) -> Value {
    let count = |name: &str| usage.get(name).and_then(Value::as_u64).unwrap_or_default();
    json!({
        "input_tokens": count("prompt_tokens"),
        "output_tokens": count("completion_tokens"),
        "total_tokens": count("total_tokens"),
    })
}

/// A message as the endpoint wants it; none for those it would refuse (tool results without their call, empty answers).
fn to_openai(message: &Value) -> Option<Value> {
    let role = match message.get("type").and_then(Value::as_str)? {
        "human" => "user",
        "ai" => "assistant",
        "system" => "system",
        _ => return None,
    };
    let content = match message.get("content")? {
        // Only people show pictures.
        Value::Array(parts) if role == "user" => parts_of(parts),
        content => said(Some(content)).into(),
    };
    let is_empty = content.as_str().is_some_and(str::is_empty)
        || content.as_array().is_some_and(Vec::is_empty);
    (!is_empty).then(|| json!({"role": role, "content": content}))
}

/// Parts in the endpoint's form. If all of them are text they become one text, because some endpoints take nothing else.
fn parts_of(parts: &[Value]) -> Value {
    if parts.iter().all(|part| text_of(part).is_some()) {
        return parts.iter().filter_map(text_of).collect::<String>().into();
    }
    parts.iter().filter_map(part_of).collect()
}

/// A part in any of the forms that LangChain has; none for what an endpoint would refuse.
fn part_of(part: &Value) -> Option<Value> {
    if let Some(text) = text_of(part) {
        return Some(json!({"type": "text", "text": text}));
    }
    let text = |name: &str| part.get(name).and_then(Value::as_str);
    let url = match text("type")? {
        "image_url" => match part.get("image_url")? {
            Value::String(url) => url.clone(),
            image => return Some(json!({"type": "image_url", "image_url": image})),
        },
        "image" => match (text("url"), text("data").or_else(|| text("base64"))) {
            (Some(url), _) => url.to_owned(),
            (None, Some(data)) => {
                format!(
                    "data:{};base64,{data}",
                    text("mime_type").unwrap_or("image/png")
                )
            }
            (None, None) => return None,
        },
        "input_audio" | "file" => return Some(part.clone()),
        _ => return None,
    };
    Some(json!({"type": "image_url", "image_url": {"url": url}}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_parts_become_the_endpoints() {
        let check = |kind: &str, content: Value, expect: Value| {
            let message = json!({"type": kind, "content": content});
            let sent = to_openai(&message).map_or(Value::Null, |sent| sent["content"].clone());
            assert_eq!(sent, expect, "{message}");
        };
        let text = |text: &str| json!({"type": "text", "text": text});
        let image = |url: &str| json!({"type": "image_url", "image_url": {"url": url}});
        check("human", json!([text("a"), "b"]), json!("ab"));
        check("system", json!([text("a"), text("b")]), json!("ab"));
        check(
            "ai",
            json!([{"type": "reasoning", "reasoning": "r"}, text("a")]),
            json!("a"),
        );
        check(
            "ai",
            json!([{"type": "reasoning", "reasoning": "r"}]),
            Value::Null,
        );
        let shown = json!([text("a"), image("http://x")]);
        for given in [
            image("http://x"),
            json!({"type": "image_url", "image_url": "http://x"}),
            json!({"type": "image", "url": "http://x"}),
            json!({"type": "image", "source_type": "url", "url": "http://x"}),
        ] {
            check("human", json!([text("a"), given]), shown.clone());
        }
        let whole = image("data:image/gif;base64,AA");
        for name in ["data", "base64"] {
            let given = json!({"type": "image", name: "AA", "mime_type": "image/gif"});
            check("human", json!([given]), json!([whole]));
        }
        check("human", json!([{"type": "made_up"}]), Value::Null);
        check("human", json!([]), Value::Null);
    }

    #[test]
    fn no_piece_of_the_key_is_shown() {
        let key = "sk-0123456789abcdefghijklmnop";
        let check = |text: &str, expect: &str| assert_eq!(without_key(text, key), expect, "{text}");
        check("no", "no");
        check(&format!("a {key} b {key}"), "a (key) b (key)");
        // Cut at its end, at its beginning, in its middle.
        check("sk-0123456789ab", "(key)");
        check("789abcdefghijklmnop!", "(key)!");
        check("x456789abcdy", "x(key)y");
        check("sk-0123..mnop", "sk-0123..mnop");
        assert_eq!(without_key("key: abc", "abc"), "key: (key)");
        assert_eq!(without_key("ü", ""), "ü");
    }
}
