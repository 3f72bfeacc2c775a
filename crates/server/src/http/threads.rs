//! `/threads`: making, finding, changing and reading conversations.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    App, Body, Path, Query,
    address::{Address, the_only},
    parameters::{Flag, Nothing, check_more},
    thread_search::has_all,
};
use crate::{
    auth::{Ask, Permit},
    clock::now_iso,
    error::ServerError,
    ids::{CheckpointId, RunId, ThreadId},
    mirror::conversation,
    rows::{CheckpointRow, Source, ThreadRow, ThreadStatus, empty_state},
    sessions::store::Tx,
    state,
    tables::{Rows, Tables as _},
};

/// Checkpoints a history request gets when it does not say how many.
const HISTORY_LIMIT_DEFAULT: usize = 10;
/// Checkpoints one history request may get.
const HISTORY_LIMIT_MAX: usize = 1000;
/// Checkpoints that are read at once where not all of them fit.
const HISTORY_PER_READ: usize = 100;

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
    permit.access.require_session(&id.session())?;
    let keep = body.if_exists == Some(IfExists::DoNothing);
    let (quotas, client) = (Arc::clone(&app.scheduler.quotas), permit.client.clone());
    let made = move |tx: &Tx| match tx.thread(id) {
        Ok(found) if keep => Ok((tx.head(&found)?, found)),
        Ok(_) => Err(ServerError::ThreadExists(id.to_string())),
        Err(ServerError::ThreadNotFound(_)) => {
            let metadata = body.metadata.unwrap_or_default();
            Ok((None, quotas.make_thread(tx, id, metadata, client)?))
        }
        Err(error) => Err(error),
    };
    let (head, thread) = app.scheduler.store.write(made).await?;
    Ok(Json(shown(&permit, &thread, head.as_ref())))
}

/// A thread, without what was said before where that may not be read.
fn shown(permit: &Permit, thread: &ThreadRow, head: Option<&CheckpointRow>) -> Value {
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
    let stored = app.scheduler.store.read()?;
    let thread = stored.thread(ThreadId::parse(&id)?)?;
    Ok(Json(thread.to_json(stored.head(&thread)?.as_ref())))
}

#[derive(Deserialize)]
pub(crate) struct Patch {
    metadata: Option<Map<String, Value>>,
}

pub(crate) async fn patch(
    State(app): State<App>,
    Extension(permit): Extension<Permit>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Body(body): Body<Patch>,
) -> Result<Response, ServerError> {
    let id = ThreadId::parse(&id)?;
    let change = move |tx: &Tx| -> Result<_, ServerError> {
        let mut thread = tx.thread(id)?;
        thread.metadata.extend(body.metadata.unwrap_or_default());
        thread.updated_at = now_iso();
        tx.put_thread(&thread)?;
        Ok((tx.head(&thread)?, thread))
    };
    let (head, thread) = app.scheduler.store.write(change).await?;
    let is_brief = |value: &HeaderValue| value == "return=minimal";
    if headers.get_all("prefer").iter().any(is_brief) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    Ok(Json(shown(&permit, &thread, head.as_ref())).into_response())
}

pub(crate) async fn delete(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<StatusCode, ServerError> {
    app.scheduler.delete_thread(ThreadId::parse(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A copy of a thread with its states; its runs are not copied.
pub(crate) async fn copy(
    State(app): State<App>,
    Extension(permit): Extension<Permit>,
    Path(id): Path<String>,
    Body(Nothing {}): Body<Nothing>,
) -> Result<Json<Value>, ServerError> {
    let id = ThreadId::parse(&id)?;
    let copied = ThreadId::fresh();
    let (quotas, client) = (Arc::clone(&app.scheduler.quotas), permit.client.clone());
    let producer = app.scheduler.mirror.as_ref();
    let producer = producer.map(|mirror| mirror.producer().id().clone());
    let change = move |tx: &Tx| -> Result<_, ServerError> {
        let original = tx.thread(id)?;
        let head = tx.head(&original)?;
        let mut thread = quotas.make_thread(tx, copied, original.metadata, client)?;
        for checkpoint in tx.checkpoints(id, None, usize::MAX)? {
            tx.put_checkpoint(copied, &checkpoint)?;
        }
        let waits = head.as_ref().is_some_and(|head| !head.next.is_empty());
        (thread.head, thread.graph) = (original.head, original.graph);
        thread.status = if waits {
            ThreadStatus::Interrupted
        } else {
            ThreadStatus::Idle
        };
        tx.put_thread(&thread)?;
        if let Some(producer) = producer {
            tx.put_unmirrored(copied, RunId::NONE, &producer.0)?;
        }
        Ok((head, thread))
    };
    let (head, thread) = app.scheduler.store.write(change).await?;
    if let Some(mirror) = &app.scheduler.mirror {
        mirror.follow(copied, &[]);
    }
    Ok(Json(thread.to_json(head.as_ref())))
}

#[derive(Deserialize)]
pub(crate) struct StateQuery {
    /// No agent of this server has any.
    #[serde(rename = "subgraphs")]
    _subgraphs: Option<Flag>,
}

pub(crate) async fn state(
    State(app): State<App>,
    Path(id): Path<String>,
    Query(_): Query<StateQuery>,
) -> Result<Json<Value>, ServerError> {
    let stored = app.scheduler.store.read()?;
    let thread = stored.thread(ThreadId::parse(&id)?)?;
    let head = stored.head(&thread)?;
    Ok(Json(head.map_or_else(empty_state, |head| {
        head.to_json(thread.thread_id)
    })))
}

pub(crate) async fn state_at(
    State(app): State<App>,
    Path((id, checkpoint)): Path<(String, String)>,
    Query(_): Query<StateQuery>,
) -> Result<Json<Value>, ServerError> {
    let stored = app.scheduler.store.read()?;
    let thread = stored.thread(ThreadId::parse(&id)?)?;
    let checkpoint = stored.checkpoint(thread.thread_id, CheckpointId::parse(&checkpoint)?)?;
    Ok(Json(checkpoint.to_json(thread.thread_id)))
}

#[derive(Deserialize)]
pub(crate) struct StateOf {
    checkpoint: Address,
    /// No agent of this server has any.
    #[serde(rename = "subgraphs")]
    _subgraphs: Option<bool>,
}

pub(crate) async fn state_of(
    State(app): State<App>,
    Path(id): Path<String>,
    Body(body): Body<StateOf>,
) -> Result<Json<Value>, ServerError> {
    let stored = app.scheduler.store.read()?;
    let thread = stored.thread(ThreadId::parse(&id)?)?;
    let thread_id = thread.thread_id;
    let state = match body.checkpoint.id("checkpoint.", thread_id)? {
        Some(id) => Some(stored.checkpoint(thread_id, id)?),
        None => stored.head(&thread)?,
    };
    Ok(Json(state.map_or_else(empty_state, |state| {
        state.to_json(thread_id)
    })))
}

#[derive(Deserialize)]
pub(crate) struct Update {
    values: Option<Value>,
    as_node: Option<String>,
    checkpoint: Option<Address>,
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
    let named = update.named(id)?;
    let scheduler = app.scheduler.clone();
    let change = move |tx: &Tx| -> Result<_, ServerError> {
        let head = tx.head(&tx.thread(id)?)?;
        let before = conversation(head.as_ref());
        let said = head.map(|head| head.conversation()).unwrap_or_default();
        let written = update.apply(&scheduler, tx, id, named)?;
        if !state::keeps(&said, &written.conversation()) {
            permit.ask(Ask::RemoveMessages)?;
        }
        if let Some(mirror) = &scheduler.mirror {
            tx.put_unmirrored(id, RunId::NONE, &mirror.producer().id().0)?;
        }
        Ok((before, written.id))
    };
    let (before, written) = app.scheduler.store.write(change).await?;
    if let Some(mirror) = &app.scheduler.mirror {
        mirror.follow(id, &before);
    }
    let address = json!({"thread_id": id, "checkpoint_ns": "", "checkpoint_id": written});
    Ok(Json(
        json!({"checkpoint": address, "configurable": address, "checkpoint_id": written}),
    ))
}

impl Update {
    /// The checkpoint that it starts from; none for the head.
    fn named(&self, thread: ThreadId) -> Result<Option<CheckpointId>, ServerError> {
        let checkpoint = self.checkpoint.as_ref();
        let address = checkpoint.map(|checkpoint| checkpoint.id("checkpoint.", thread));
        let id = self.checkpoint_id.as_deref().map(CheckpointId::parse);
        the_only([address.transpose()?.flatten(), id.transpose()?])
    }

    fn apply(
        self,
        scheduler: &crate::scheduler::Scheduler,
        tx: &Tx,
        id: ThreadId,
        named: Option<CheckpointId>,
    ) -> Result<CheckpointRow, ServerError> {
        let thread = tx.thread(id)?;
        let base = match named {
            Some(named) => Some(tx.checkpoint(id, named)?),
            None => tx.head(&thread)?,
        };
        let agent = thread
            .graph
            .as_deref()
            .and_then(|graph| scheduler.agents.find(graph));
        let appended = agent.map(|agent| agent.appended()).unwrap_or_default();
        let copy = self.as_node.as_deref() == Some("__copy__");
        let mut written = CheckpointRow::after(
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
    let wanted = HistoryBody {
        limit: query.limit,
        before: query.before.map(Value::String),
        metadata: None,
        checkpoint: None,
    };
    history(&app, &id, wanted)
}

#[derive(Deserialize)]
pub(crate) struct HistoryBody {
    limit: Option<usize>,
    before: Option<Value>,
    metadata: Option<Map<String, Value>>,
    /// The graph's address: there are no subgraphs here.
    checkpoint: Option<Address>,
}

pub(crate) async fn history_post(
    State(app): State<App>,
    Path(id): Path<String>,
    Body(body): Body<HistoryBody>,
) -> Result<Json<Vec<Value>>, ServerError> {
    history(&app, &id, body)
}

fn history(app: &App, id: &str, wanted: HistoryBody) -> Result<Json<Vec<Value>>, ServerError> {
    let stored = app.scheduler.store.read()?;
    let thread = stored.thread(ThreadId::parse(id)?)?.thread_id;
    let named = wanted.checkpoint.as_ref();
    let named = named.map(|checkpoint| checkpoint.id("checkpoint.", thread));
    if named.transpose()?.flatten().is_some() {
        let text = "a history that begins at a checkpoint (checkpoint_id); use before";
        return Err(ServerError::NotImplemented(text.to_owned()));
    }
    let before = wanted.before.filter(|before| !before.is_null());
    let mut before = before.map(|before| before_id(before, thread)).transpose()?;
    let limit = wanted.limit.unwrap_or(HISTORY_LIMIT_DEFAULT);
    if limit > HISTORY_LIMIT_MAX {
        let text = format!("limit is at most {HISTORY_LIMIT_MAX}");
        return Err(ServerError::InvalidRequest(text));
    }
    let mut shown = Vec::new();
    while shown.len() < limit {
        let at_once = if wanted.metadata.is_none() {
            limit
        } else {
            HISTORY_PER_READ
        };
        let found = stored.checkpoints(thread, before, at_once)?;
        let Some(last) = found.last() else { break };
        before = Some(last.id);
        let states = found.iter().map(|checkpoint| checkpoint.to_json(thread));
        shown.extend(states.filter(|state| {
            let metadata = state["metadata"].as_object();
            metadata.is_some_and(|metadata| has_all(metadata, wanted.metadata.as_ref()))
        }));
    }
    shown.truncate(limit);
    Ok(Json(shown))
}

/// `before` comes in three forms: Python's `{"configurable": {"checkpoint_id"}}`, JS's string, and a bare checkpoint.
fn before_id(before: Value, thread: ThreadId) -> Result<CheckpointId, ServerError> {
    let invalid = || ServerError::InvalidRequest("before must name a checkpoint".to_owned());
    let (place, named) = match before {
        Value::String(id) => return CheckpointId::parse(&id),
        Value::Object(mut config) => match config.remove("configurable") {
            Some(named) => {
                check_more(&config, "before.")?;
                ("before.configurable.", named)
            }
            None => ("before.", Value::Object(config)),
        },
        _ => return Err(invalid()),
    };
    let named: Address = serde_json::from_value(named)
        .map_err(|error| ServerError::InvalidRequest(format!("before: {error}")))?;
    named.id(place, thread)?.ok_or_else(invalid)
}
