//! Plain requests beside the stream: the thread list and the assistants.

use gloo_net::http::{Method, Request, RequestBuilder};
use rejoin_leptos::wire::{
    ThreadId,
    json::{FromJson, JsonError, field, fields, items},
    thread::ThreadStatus,
};
use std::sync::Arc;
use web_sys::AbortSignal;

use crate::thread_title::title_of;

/// How many threads the list shows.
const THREADS_MAX: usize = 40;

/// How long an answer is waited for. A request that is never answered holds one of the few connections to its server.
const ANSWER_WITHIN_MS: u32 = 10_000;

/// One line of the thread list.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ThreadLine {
    pub(crate) id: ThreadId,
    /// From the first question; `None` before there is one.
    pub(crate) title: Option<Arc<str>>,
    /// The assistant or graph that ran last, where the server says.
    pub(crate) graph: Option<String>,
    /// ISO 8601.
    pub(crate) updated_at: Option<String>,
    pub(crate) status: ThreadStatus,
}

/// The server's newest threads. `Err` is a sentence for a person.
pub(crate) async fn threads(server: &str) -> Result<Vec<ThreadLine>, String> {
    let body = format!(
        "{{\"limit\":{THREADS_MAX},\"offset\":0,\"sort_by\":\"updated_at\",\"sort_order\":\"desc\"}}"
    );
    let text = call(
        Method::POST,
        &format!("{server}/threads/search"),
        Some(body),
    )
    .await?;
    Vec::from_json(&text).map_err(|_| NOT_AN_AGENT_SERVER.to_owned())
}

/// The names of the server's graphs, each once. `Err` is a sentence for a person.
pub(crate) async fn assistants(server: &str) -> Result<Vec<String>, String> {
    let text = call(
        Method::POST,
        &format!("{server}/assistants/search"),
        Some("{\"limit\":100}".to_owned()),
    )
    .await?;
    let mut names = Vec::new();
    let read = items(&text, &mut |assistant| {
        let name = field(assistant, "graph_id").and_then(text_of);
        if let Some(name) = name.filter(|name| !names.contains(name)) {
            names.push(name);
        }
        Ok(())
    });
    read.map_err(|_| NOT_AN_AGENT_SERVER.to_owned())?;
    Ok(names)
}

/// Removes a thread and everything in it.
pub(crate) async fn delete_thread(server: &str, thread: &ThreadId) -> Result<(), String> {
    // Ids come from the server; one that would change the path is not sent.
    if !thread
        .as_str()
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
    {
        return Err("This thread's id cannot be put into an address.".to_owned());
    }
    call(Method::DELETE, &format!("{server}/threads/{thread}"), None)
        .await
        .map(|_| ())
}

const NOT_AN_AGENT_SERVER: &str =
    "The server's answer is not an Agent Server's. Check the server URL.";

async fn call(method: Method, url: &str, body: Option<String>) -> Result<String, String> {
    let signal = AbortSignal::timeout_with_u32(ANSWER_WITHIN_MS);
    let request = RequestBuilder::new(url)
        .method(method)
        .abort_signal(Some(&signal));
    let request = match body {
        Some(body) => request
            .header("content-type", "application/json")
            .body(body),
        None => request.build(),
    };
    let request: Request = request.map_err(|_| "The server URL is not an address.".to_owned())?;
    let response = request
        .send()
        .await
        .map_err(|_| "The server cannot be reached.".to_owned())?;
    if !response.ok() {
        return Err(format!("The server answered {}.", response.status()));
    }
    response
        .text()
        .await
        .map_err(|_| "The answer broke off.".to_owned())
}

/// Reads a thread as servers list it. Fields that only one server sends may be missing.
impl FromJson for ThreadLine {
    fn from_json(text: &str) -> Result<Self, JsonError> {
        let (mut id, mut status, mut title, mut graph) = (None, ThreadStatus::Unknown, None, None);
        let (mut created_at, mut updated_at) = (None, None);
        fields(text, &mut |key, value| {
            match key {
                "thread_id" => id = Some(ThreadId::from_json(value)?),
                "status" => status = ThreadStatus::from_json(value)?,
                "values" => title = title_of(value),
                // Metadata is anything at all.
                "metadata" => graph = field(value, "graph_id").and_then(text_of),
                "created_at" => created_at = text_of(value),
                "updated_at" => updated_at = text_of(value),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            id: id.ok_or(JsonError::expected("a `thread_id`"))?,
            title: title.map(Arc::from),
            graph,
            updated_at: updated_at.or(created_at),
            status,
        })
    }
}

fn text_of(value: &str) -> Option<String> {
    String::from_json(value).ok()
}

#[cfg(test)]
mod tests {
    use super::ThreadLine;
    use rejoin_leptos::wire::{json::FromJson, thread::ThreadStatus};

    #[test]
    fn threads_are_read_as_both_servers_list_them() {
        let line = ThreadLine::from_json(
            r#"{"thread_id":"t","status":"busy","metadata":{"graph_id":"chat"},"updated_at":"2026","created_at":"2025",
                "values":{"messages":[{"type":"human","content":"hi"}]},"interrupts":{}}"#,
        );
        let line = line.expect("a thread");
        assert_eq!((line.id.as_str(), line.status), ("t", ThreadStatus::Busy));
        assert_eq!(line.graph.as_deref(), Some("chat"));
        assert_eq!(line.title.as_deref(), Some("hi"));
        assert_eq!(line.updated_at.as_deref(), Some("2026"));
        let bare = ThreadLine::from_json(
            r#"{"thread_id":"t","status":"odd","metadata":null,"values":null,"updated_at":null,"created_at":"2025"}"#,
        );
        let bare = bare.expect("a thread");
        assert_eq!(
            (bare.status, bare.title, bare.graph),
            (ThreadStatus::Unknown, None, None)
        );
        assert_eq!(bare.updated_at.as_deref(), Some("2025"));
        assert!(ThreadLine::from_json("{}").is_err());
    }
}
