//! `/assistants`: one assistant for each agent.

use axum::{Json, extract::State, http::HeaderMap};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    App, Body, Path,
    page::{self, SortOrder},
    thread_search::has_all,
};
use crate::{
    agents::{Agent, Agents},
    error::ServerError,
    ids::assistant_id,
};

/// Assistants a search gets when it does not say how many.
const LIMIT_DEFAULT: usize = 10;
/// All of them are there from the beginning.
const MADE_AT: &str = "1970-01-01T00:00:00+00:00";

/// The filter of a search.
#[derive(Deserialize)]
pub(crate) struct Count {
    graph_id: Option<String>,
    name: Option<String>,
    metadata: Option<Map<String, Value>>,
}

/// The filter of a search, and the fields to show.
#[derive(Deserialize)]
pub(crate) struct Search {
    graph_id: Option<String>,
    name: Option<String>,
    metadata: Option<Map<String, Value>>,
    limit: Option<usize>,
    #[serde(default)]
    offset: usize,
    sort_by: Option<SortBy>,
    sort_order: Option<SortOrder>,
    select: Option<Vec<String>>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum SortBy {
    AssistantId,
    GraphId,
    Name,
    CreatedAt,
    UpdatedAt,
}

pub(crate) async fn search(
    State(app): State<App>,
    Body(search): Body<Search>,
) -> Result<(HeaderMap, Json<Vec<Value>>), ServerError> {
    if let Some(agent) = app.scheduler.agents.iter().next() {
        page::check_select(search.select.as_deref(), &to_json(agent.as_ref()))?;
    }
    let filter = Count {
        graph_id: search.graph_id,
        name: search.name,
        metadata: search.metadata,
    };
    let mut found = filter.find(&app.scheduler.agents);
    let key = match search.sort_by {
        Some(SortBy::AssistantId) => "assistant_id",
        Some(SortBy::GraphId | SortBy::Name) | None => "name",
        Some(SortBy::CreatedAt) => "created_at",
        Some(SortBy::UpdatedAt) => "updated_at",
    };
    found.sort_by_cached_key(|assistant| assistant[key].to_string());
    if search.sort_order == Some(SortOrder::Desc) {
        found.reverse();
    }
    let limit = search.limit.unwrap_or(LIMIT_DEFAULT);
    let headers = page::headers(found.len(), search.offset, limit);
    let page = found.into_iter().skip(search.offset).take(limit);
    let shown = page.map(|assistant| page::selected(assistant, search.select.as_deref()));
    Ok((headers, Json(shown.collect())))
}

pub(crate) async fn count(State(app): State<App>, Body(count): Body<Count>) -> Json<usize> {
    Json(count.find(&app.scheduler.agents).len())
}

pub(crate) async fn get(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ServerError> {
    let agent = app
        .scheduler
        .agents
        .find(&id)
        .ok_or(ServerError::NotFound)?;
    Ok(Json(to_json(agent.as_ref())))
}

/// The common schema of the agents here: a conversation as input and output, and any other keys.
pub(crate) async fn schemas(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ServerError> {
    let agent = app
        .scheduler
        .agents
        .find(&id)
        .ok_or(ServerError::NotFound)?;
    let state = json!({
        "title": agent.name(), "type": "object",
        "properties": {"messages": {"type": "array", "items": {"type": "object"}}},
    });
    let knobs = json!({"title": "knobs", "type": "object"});
    Ok(Json(json!({
        "graph_id": agent.name(),
        "input_schema": state,
        "output_schema": state,
        "state_schema": state,
        "config_schema": knobs,
        "context_schema": knobs,
    })))
}

impl Count {
    fn find(&self, agents: &Agents) -> Vec<Value> {
        let has = |text: &str, part: &str| text.to_lowercase().contains(&part.to_lowercase());
        let fits = |assistant: &Value| {
            let name = assistant["name"].as_str().unwrap_or_default();
            let metadata = assistant["metadata"].as_object();
            self.graph_id.as_deref().is_none_or(|graph| graph == name)
                && self.name.as_deref().is_none_or(|part| has(name, part))
                && metadata.is_some_and(|metadata| has_all(metadata, self.metadata.as_ref()))
        };
        let all = agents.iter().map(|agent| to_json(agent.as_ref()));
        all.filter(fits).collect()
    }
}

fn to_json(agent: &dyn Agent) -> Value {
    json!({
        "assistant_id": assistant_id(agent.name()),
        "graph_id": agent.name(),
        "name": agent.name(),
        "description": agent.description(),
        "config": {},
        "context": {},
        "metadata": {"created_by": "system"},
        "version": 1,
        "created_at": MADE_AT,
        "updated_at": MADE_AT,
    })
}
