//! Plain requests beside the stream: the thread list and the assistants.

use gloo_net::http::{Method, Request, RequestBuilder};
use rejoin_wire::{Json, ThreadId, thread::ThreadStatus};
use serde::Deserialize;
use std::sync::Arc;

use crate::thread_title::title_of;

/// How many threads the list shows.
const THREADS_MAX: usize = 40;

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

/// A thread as the list needs it. Fields that only one of the servers sends are optional.
#[derive(Deserialize)]
struct Thread {
    thread_id: ThreadId,
    created_at: Option<String>,
    updated_at: Option<String>,
    metadata: Option<Json>,
    status: ThreadStatus,
    values: Option<Json>,
}

#[derive(Deserialize)]
struct Metadata {
    graph_id: Option<String>,
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
    let threads: Vec<Thread> =
        serde_json::from_str(&text).map_err(|_| NOT_AN_AGENT_SERVER.to_owned())?;
    Ok(threads.into_iter().map(line).collect())
}

/// The names of the server's graphs, each once. `Err` is a sentence for a person.
pub(crate) async fn assistants(server: &str) -> Result<Vec<String>, String> {
    #[derive(Deserialize)]
    struct Assistant {
        graph_id: String,
    }
    let text = call(
        Method::POST,
        &format!("{server}/assistants/search"),
        Some("{\"limit\":100}".to_owned()),
    )
    .await?;
    let all: Vec<Assistant> =
        serde_json::from_str(&text).map_err(|_| NOT_AN_AGENT_SERVER.to_owned())?;
    let mut names = Vec::new();
    for assistant in all {
        if !names.contains(&assistant.graph_id) {
            names.push(assistant.graph_id);
        }
    }
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
    let request = match body {
        Some(body) => RequestBuilder::new(url)
            .method(method)
            .header("content-type", "application/json")
            .body(body),
        None => RequestBuilder::new(url).method(method).build(),
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

fn line(thread: Thread) -> ThreadLine {
    let metadata = thread
        .metadata
        .as_ref()
        .and_then(|json: &Json| json.read::<Metadata>().ok());
    ThreadLine {
        title: thread.values.as_ref().and_then(title_of).map(Arc::from),
        graph: metadata.and_then(|metadata| metadata.graph_id),
        id: thread.thread_id,
        updated_at: thread.updated_at.or(thread.created_at),
        status: thread.status,
    }
}
