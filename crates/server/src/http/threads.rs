//! `/threads`: making, finding, changing and reading conversations.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{App, Body, Path, Query};
use crate::{
    auth::{Ask, Permit},
    clock::now_iso,
    error::ServerError,
    ids::{CheckpointId, RunId, ThreadId},
    records::{CheckpointRecord, Source, ThreadRecord, empty_state},
    sessions::{conversation, log::SessionId},
    state,
    tables::Records,
};

/// Checkpoints a history request gets when it does not say how many.
const HISTORY_LIMIT_DEFAULT: usize = 10;
/// Checkpoints one history request may get.
const HISTORY_LIMIT_MAX: usize = 1000;
/// Threads a search gets when it does not say how many, and at most.
const SEARCH_LIMIT_DEFAULT: usize = 10;
const SEARCH_LIMIT_MAX: usize = 1000;

#[derive(Deserialize)]
pub(crate) struct Create {
    thread_id: Option<String>,
    metadata: Option<Map<String, Value>>,
    if_exists: Option<IfExists>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum IfExists {
    Raise,
    DoNothing,
}

pub(crate) async fn create(
    State(app): State<App>,
    Extension(permit): Extension<Permit>,
    Body(body): Body<Create>,
) -> Result<Json<Value>, ServerError> {
    let id = body
        .thread_id
        .as_deref()
        .map_or(Ok(ThreadId::fresh()), ThreadId::parse)?;
    permit.access.require_session(&SessionId::of(id))?;
    let keep = body.if_exists == Some(IfExists::DoNothing);
    let (quotas, client) = (Arc::clone(&app.engine.quotas), permit.client.clone());
    let made = move |tx: &crate::store::Tx| match tx.thread(id) {
        Ok(found) if keep => Ok((tx.head(&found)?, found)),
        Ok(_) => Err(ServerError::ThreadExists(id.to_string())),
        Err(ServerError::ThreadNotFound(_)) => {
            let metadata = body.metadata.unwrap_or_default();
            Ok((None, tx.make_thread(id, metadata, &quotas, client)?))
        }
        Err(error) => Err(error),
    };
    let (head, thread) = app.engine.store.write(made).await?;
    Ok(Json(shown(&permit, &thread, head.as_ref())))
}

/// A thread, without what was said before where that may not be read.
fn shown(permit: &Permit, thread: &ThreadRecord, head: Option<&CheckpointRecord>) -> Value {
    if permit.may(Ask::State) {
        thread.to_json(head)
    } else {
        thread.outline()
    }
}

pub(crate) async fn get(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ServerError> {
    let view = app.engine.store.view()?;
    let thread = view.thread(ThreadId::parse(&id)?)?;
    Ok(Json(thread.to_json(view.head(&thread)?.as_ref())))
}

#[derive(Deserialize)]
pub(crate) struct Patch {
    metadata: Option<Map<String, Value>>,
}

pub(crate) async fn patch(
    State(app): State<App>,
    Extension(permit): Extension<Permit>,
    Path(id): Path<String>,
    Body(body): Body<Patch>,
) -> Result<Json<Value>, ServerError> {
    let id = ThreadId::parse(&id)?;
    let change = move |tx: &crate::store::Tx| {
        let mut thread = tx.thread(id)?;
        thread.metadata.extend(body.metadata.unwrap_or_default());
        thread.updated_at = now_iso();
        tx.put_thread(&thread)?;
        Ok((tx.head(&thread)?, thread))
    };
    let (head, thread) = app.engine.store.write(change).await?;
    Ok(Json(shown(&permit, &thread, head.as_ref())))
}

pub(crate) async fn delete(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<StatusCode, ServerError> {
    let id = ThreadId::parse(&id)?;
    let mirror = app.engine.mirror.as_ref();
    let producer = mirror.map(|mirror| mirror.producer().id().clone());
    let owner = app
        .engine
        .store
        .write(move |tx| {
            if !tx.has_thread(id)? {
                return Err(ServerError::ThreadNotFound(id.to_string()));
            }
            // One that cannot be read has none that is known.
            let owner = tx.thread(id).ok().and_then(|thread| thread.owner);
            tx.remove_thread(id)?;
            tx.remove_published(&SessionId::of(id));
            if let Some(producer) = producer {
                tx.put_unmirrored(id, RunId::NONE, &producer.0)?;
            }
            Ok(owner)
        })
        .await?;
    if let Some(owner) = owner {
        app.engine.quotas.thread_gone(&owner);
    }
    app.engine.quotas.session_gone(&SessionId::of(id));
    app.engine.cancel_thread(id);
    if let Some(mirror) = mirror {
        mirror.delete(id);
    }
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
pub(crate) struct Search {
    status: Option<String>,
    metadata: Option<Map<String, Value>>,
    ids: Option<Vec<String>>,
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
    ThreadId,
    Status,
    CreatedAt,
    UpdatedAt,
    StateUpdatedAt,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum SortOrder {
    Asc,
    Desc,
}

pub(crate) async fn search(
    State(app): State<App>,
    Extension(permit): Extension<Permit>,
    Body(search): Body<Search>,
) -> Result<(HeaderMap, Json<Vec<Value>>), ServerError> {
    let view = app.engine.store.view()?;
    let mut threads: Vec<ThreadRecord> = view
        .threads()?
        .into_iter()
        .filter(|thread| permit.access.reaches(&SessionId::of(thread.thread_id)))
        .filter(|thread| search.fits(thread))
        .collect();
    threads.sort_by_cached_key(|thread| search.key(thread));
    if search.sort_order != Some(SortOrder::Asc) {
        threads.reverse();
    }
    let limit = search
        .limit
        .unwrap_or(SEARCH_LIMIT_DEFAULT)
        .min(SEARCH_LIMIT_MAX);
    let mut headers = HeaderMap::new();
    headers.insert("x-pagination-total", HeaderValue::from(threads.len()));
    if threads.len() > search.offset.saturating_add(limit) {
        headers.insert(
            "x-pagination-next",
            HeaderValue::from(search.offset + limit),
        );
    }
    let page = threads.iter().skip(search.offset).take(limit);
    let shown = page.map(|thread| {
        // Values are the costly part: read only where they are wanted.
        let head = if search.wants("values") || search.wants("interrupts") {
            view.head(thread)
        } else {
            Ok(None)
        };
        let thread = match head {
            Ok(head) => thread.to_json(head.as_ref()),
            Err(error @ ServerError::Store(_)) => return Err(error),
            Err(_) => ThreadRecord::unreadable(thread.thread_id).to_json(None),
        };
        Ok(search.select(thread))
    });
    Ok((headers, Json(shown.collect::<Result<_, ServerError>>()?)))
}

impl Search {
    fn fits(&self, thread: &ThreadRecord) -> bool {
        let has = |(key, value): (&String, &Value)| thread.metadata.get(key) == Some(value);
        self.status
            .as_ref()
            .is_none_or(|status| json!(thread.status) == *status)
            && self
                .metadata
                .as_ref()
                .is_none_or(|wanted| wanted.iter().all(has))
            && self
                .ids
                .as_ref()
                .is_none_or(|ids| ids.contains(&thread.thread_id.to_string()))
    }

    fn key(&self, thread: &ThreadRecord) -> String {
        match self.sort_by.unwrap_or(SortBy::UpdatedAt) {
            SortBy::ThreadId => thread.thread_id.to_string(),
            SortBy::Status => json!(thread.status).to_string(),
            SortBy::CreatedAt => thread.created_at.clone(),
            SortBy::UpdatedAt => thread.updated_at.clone(),
            SortBy::StateUpdatedAt => thread.state_updated_at.clone(),
        }
    }

    fn wants(&self, field: &str) -> bool {
        self.select
            .as_ref()
            .is_none_or(|fields| fields.iter().any(|name| name == field))
    }

    fn select(&self, thread: Value) -> Value {
        match thread {
            Value::Object(fields) => fields
                .into_iter()
                .filter(|(name, _)| self.wants(name))
                .collect(),
            other => other,
        }
    }
}

pub(crate) async fn state(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ServerError> {
    let view = app.engine.store.view()?;
    let thread = view.thread(ThreadId::parse(&id)?)?;
    let head = view.head(&thread)?;
    Ok(Json(head.map_or_else(empty_state, |head| {
        head.to_json(thread.thread_id)
    })))
}

pub(crate) async fn state_at(
    State(app): State<App>,
    Path((id, checkpoint)): Path<(String, String)>,
) -> Result<Json<Value>, ServerError> {
    let view = app.engine.store.view()?;
    let thread = view.thread(ThreadId::parse(&id)?)?;
    let checkpoint = view.checkpoint(thread.thread_id, CheckpointId::parse(&checkpoint)?)?;
    Ok(Json(checkpoint.to_json(thread.thread_id)))
}

#[derive(Deserialize)]
pub(crate) struct Update {
    values: Option<Value>,
    as_node: Option<String>,
    checkpoint: Option<Value>,
    checkpoint_id: Option<String>,
}

pub(crate) async fn update_state(
    State(app): State<App>,
    Extension(permit): Extension<Permit>,
    Path(id): Path<String>,
    Body(update): Body<Update>,
) -> Result<Json<Value>, ServerError> {
    let id = ThreadId::parse(&id)?;
    if update.values.as_ref().is_some_and(state::removes) {
        permit.ask(Ask::RemoveMessages)?;
    }
    let engine = app.engine.clone();
    let change = move |tx: &crate::store::Tx| {
        let head = tx.head(&tx.thread(id)?)?;
        let before = conversation(head.as_ref());
        let said = head.map(|head| head.conversation()).unwrap_or_default();
        let written = update.apply(&engine, tx, id)?;
        if !state::keeps(&said, &written.conversation()) {
            permit.ask(Ask::RemoveMessages)?;
        }
        if let Some(mirror) = &engine.mirror {
            tx.put_unmirrored(id, RunId::NONE, &mirror.producer().id().0)?;
        }
        Ok((before, written.id))
    };
    let (before, written) = app.engine.store.write(change).await?;
    if let Some(mirror) = &app.engine.mirror {
        mirror.follow(id, &before);
    }
    let address = json!({"thread_id": id, "checkpoint_ns": "", "checkpoint_id": written});
    Ok(Json(
        json!({"checkpoint": address, "configurable": address, "checkpoint_id": written}),
    ))
}

impl Update {
    fn apply(
        self,
        engine: &crate::engine::Engine,
        tx: &crate::store::Tx,
        id: ThreadId,
    ) -> Result<CheckpointRecord, ServerError> {
        let thread = tx.thread(id)?;
        let named = self
            .checkpoint
            .as_ref()
            .and_then(|checkpoint| checkpoint.get("checkpoint_id"));
        let named = named
            .and_then(Value::as_str)
            .or(self.checkpoint_id.as_deref());
        let base = match named {
            Some(named) => Some(tx.checkpoint(id, CheckpointId::parse(named)?)?),
            None => tx.head(&thread)?,
        };
        let agent = thread
            .graph
            .as_deref()
            .and_then(|graph| engine.agents.find(graph));
        let appended = agent.map(|agent| agent.appended()).unwrap_or_default();
        let copy = self.as_node.as_deref() == Some("__copy__");
        let mut written = CheckpointRecord::after(
            base.as_ref(),
            if copy { Source::Fork } else { Source::Update },
            None,
        );
        if let Some(values) = self.values.filter(|values| !values.is_null()) {
            let update = state::normalise(values).map_err(ServerError::InvalidRequest)?;
            state::apply(&mut written.values, update, appended);
        }
        let node = self
            .as_node
            .or_else(|| base.as_ref().and_then(|base| base.node.clone()));
        let next = match (agent, node.as_deref()) {
            (_, Some("__copy__")) => base
                .as_ref()
                .map(|base| base.next.clone())
                .unwrap_or_default(),
            (Some(agent), Some("__start__")) => agent.entry(),
            (Some(agent), Some(node)) if agent.nodes().contains(&node) => {
                agent.after(node, &written.values)
            }
            (Some(_), Some(node)) => {
                return Err(ServerError::InvalidRequest(format!(
                    "Node {node} does not exist"
                )));
            }
            (None, _) | (_, None) => Vec::new(),
        };
        written.go_to(next);
        written.node = node;
        tx.advance(id, &written)?;
        Ok(written)
    }
}

#[derive(Deserialize)]
pub(crate) struct HistoryQuery {
    limit: Option<usize>,
    before: Option<String>,
}

pub(crate) async fn history_get(
    State(app): State<App>,
    Path(id): Path<String>,
    Query(query): Query<HistoryQuery>,
) -> Result<Json<Vec<Value>>, ServerError> {
    history(&app, &id, query.limit, query.before.map(Value::String))
}

#[derive(Deserialize)]
pub(crate) struct HistoryBody {
    limit: Option<usize>,
    before: Option<Value>,
}

pub(crate) async fn history_post(
    State(app): State<App>,
    Path(id): Path<String>,
    Body(body): Body<HistoryBody>,
) -> Result<Json<Vec<Value>>, ServerError> {
    history(&app, &id, body.limit, body.before)
}

fn history(
    app: &App,
    id: &str,
    limit: Option<usize>,
    before: Option<Value>,
) -> Result<Json<Vec<Value>>, ServerError> {
    let view = app.engine.store.view()?;
    let thread = view.thread(ThreadId::parse(id)?)?;
    let before = before
        .filter(|before| !before.is_null())
        .map(|before| before_id(&before))
        .transpose()?;
    let limit = limit
        .unwrap_or(HISTORY_LIMIT_DEFAULT)
        .min(HISTORY_LIMIT_MAX);
    let found = view.checkpoints(thread.thread_id, before, limit)?;
    Ok(Json(
        found
            .iter()
            .map(|checkpoint| checkpoint.to_json(thread.thread_id))
            .collect(),
    ))
}

/// `before` comes in three forms: Python's `{"configurable": {"checkpoint_id"}}`, JS's string, and a bare checkpoint.
fn before_id(before: &Value) -> Result<CheckpointId, ServerError> {
    let id = before
        .as_str()
        .or_else(|| {
            before
                .pointer("/configurable/checkpoint_id")
                .and_then(Value::as_str)
        })
        .or_else(|| before.get("checkpoint_id").and_then(Value::as_str))
        .ok_or_else(|| ServerError::InvalidRequest("before must name a checkpoint".to_owned()))?;
    CheckpointId::parse(id)
}
