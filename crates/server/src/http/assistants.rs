//! `/assistants`: one assistant for each agent.

use axum::{Json, extract::State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{App, Body, Path};
use crate::{agents::Agent, error::ServerError, ids::assistant_id};

#[derive(Deserialize)]
pub(crate) struct Search {
    graph_id: Option<String>,
    limit: Option<usize>,
    #[serde(default)]
    offset: usize,
}

pub(crate) async fn search(State(app): State<App>, Body(search): Body<Search>) -> Json<Vec<Value>> {
    let wanted = |agent: &dyn Agent| {
        search
            .graph_id
            .as_deref()
            .is_none_or(|graph| graph == agent.name())
    };
    let found = app
        .engine
        .agents
        .iter()
        .filter(|agent| wanted(agent.as_ref()));
    let page = found.skip(search.offset).take(search.limit.unwrap_or(10));
    Json(page.map(|agent| to_json(agent.as_ref())).collect())
}

pub(crate) async fn get(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ServerError> {
    let agent = app.engine.agents.find(&id).ok_or(ServerError::NotFound)?;
    Ok(Json(to_json(agent.as_ref())))
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
    })
}
