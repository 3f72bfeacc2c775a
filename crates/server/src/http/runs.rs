//! `/threads/{thread_id}/runs`: starting, finding, joining and stopping.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension, Json,
    body::{Body as HttpBody, Bytes},
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use rejoin_wire::request::{OnDisconnect, RunRequest};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    App, Body, Path, Query,
    parameters::{Flag, Nothing},
    run_body::RunBody,
    stream::{CancelOnDrop, Filter, Reading, Source, is_only_new, locate, respond},
};
use crate::{
    auth::{Ask, Permit},
    error::ServerError,
    ids::{RunId, ThreadId},
    live::{CancelAction, LiveRun},
    rows::{RunRow, RunStatus, ThreadStatus},
    scheduler::{NewRun, Scheduler},
    tables::{Rows, Tables as _},
};

/// Runs a listing gets when it does not say how many.
const LIST_LIMIT_DEFAULT: usize = 10;
/// How often a waiting answer writes a blank, so that the connection is not taken for dead.
const WAIT_BEAT: Duration = Duration::from_secs(5);

pub(crate) async fn create(
    State(app): State<App>,
    Extension(permit): Extension<Permit>,
    Path(thread): Path<String>,
    body: RunBody,
) -> Result<Response, ServerError> {
    let (run, _) = app
        .scheduler
        .create_run(body.in_background()?.on_thread(&thread)?, &permit)
        .await?;
    let mut response = Json(run.to_json()).into_response();
    locate(&mut response, run.thread_id, run.run_id);
    Ok(response)
}

pub(crate) async fn create_stream(
    State(app): State<App>,
    Extension(permit): Extension<Permit>,
    Path(thread): Path<String>,
    body: RunBody,
) -> Result<Response, ServerError> {
    if needs_state(&body.request) {
        permit.ask(Ask::State)?;
    }
    follow(&app, body.on_thread(&thread)?, &permit).await
}

pub(crate) async fn create_wait(
    State(app): State<App>,
    Extension(permit): Extension<Permit>,
    Path(thread): Path<String>,
    body: RunBody,
) -> Result<Response, ServerError> {
    follow_silently(&app, body.on_thread(&thread)?, &permit).await
}

/// Whether a run's stream holds more than what is new.
pub(super) fn needs_state(request: &RunRequest) -> bool {
    request.stream_mode.is_empty() || !request.stream_mode.iter().all(is_only_new)
}

/// Makes a run and streams it.
pub(super) async fn follow(
    app: &App,
    run: NewRun,
    permit: &Permit,
) -> Result<Response, ServerError> {
    let cancel_on_disconnect = run.request.on_disconnect == Some(OnDisconnect::Cancel);
    let (run, live) = app.scheduler.create_run(run, permit).await?;
    let reading = Reading {
        source: Source::Live { run: live, at: 0 },
        filter: Filter::all(),
        cancel_on_disconnect,
        heartbeat: app.config.heartbeat,
    };
    Ok(respond(&app.scheduler, run.thread_id, run.run_id, reading))
}

/// Makes a run and answers with its result.
pub(super) async fn follow_silently(
    app: &App,
    run: NewRun,
    permit: &Permit,
) -> Result<Response, ServerError> {
    let cancel_on_disconnect = run.request.on_disconnect == Some(OnDisconnect::Cancel);
    let (run, live) = app.scheduler.create_run(run, permit).await?;
    let guard = cancel_on_disconnect.then(|| CancelOnDrop::new(&live, &app.scheduler));
    let waiting = Waiting {
        live: Some(live),
        guard,
    };
    Ok(wait_for(&app.scheduler, run.thread_id, run.run_id, waiting))
}

#[derive(Deserialize)]
pub(crate) struct List {
    limit: Option<usize>,
    #[serde(default)]
    offset: usize,
    status: Option<RunStatus>,
}

pub(crate) async fn list(
    State(app): State<App>,
    Extension(permit): Extension<Permit>,
    Path(thread): Path<String>,
    Query(list): Query<List>,
) -> Result<Json<Vec<Value>>, ServerError> {
    if list.status == Some(RunStatus::Unknown) {
        let text = "status is pending, running, success, error, timeout or interrupted";
        return Err(ServerError::InvalidRequest(text.to_owned()));
    }
    let stored = app.scheduler.store.read()?;
    let thread = stored.thread(ThreadId::parse(&thread)?)?;
    let runs = stored.runs(thread.thread_id)?.into_iter();
    let listed = runs.map(|(id, run)| match run {
        Ok(run) => shown(&permit, &run),
        Err(error) => json!({
            "run_id": id, "thread_id": thread.thread_id, "status": RunStatus::Error,
            "error": error.to_string(), "metadata": {}, "kwargs": {},
        }),
    });
    let fits = |run: &Value| {
        list.status
            .is_none_or(|status| run["status"] == status.as_str())
    };
    let page = listed.filter(fits).skip(list.offset);
    Ok(Json(
        page.take(list.limit.unwrap_or(LIST_LIMIT_DEFAULT))
            .collect(),
    ))
}

pub(crate) async fn get(
    State(app): State<App>,
    Extension(permit): Extension<Permit>,
    Path(ids): Path<(String, String)>,
) -> Result<Json<Value>, ServerError> {
    let (thread, run) = parse(&ids)?;
    let run = app.scheduler.store.read()?.run(thread, run)?;
    Ok(Json(shown(&permit, &run)))
}

/// A run, without its input where that may not be read.
fn shown(permit: &Permit, run: &RunRow) -> Value {
    if permit.may(Ask::State) {
        run.to_json()
    } else {
        run.outline()
    }
}

pub(crate) async fn delete(
    State(app): State<App>,
    Path(ids): Path<(String, String)>,
) -> Result<StatusCode, ServerError> {
    let (thread, run) = parse(&ids)?;
    app.scheduler
        .store
        .write(move |tx| {
            let record = tx.run(thread, run)?;
            if record.is_active() {
                Err(ServerError::ThreadBusy)
            } else {
                tx.remove_run(&record)
            }
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
pub(crate) struct JoinQuery {
    stream_mode: Option<String>,
    #[serde(default)]
    cancel_on_disconnect: Flag,
    last_event_id: Option<String>,
}

pub(crate) async fn join_stream(
    State(app): State<App>,
    Extension(permit): Extension<Permit>,
    Path(ids): Path<(String, String)>,
    Query(query): Query<JoinQuery>,
    headers: HeaderMap,
) -> Result<Response, ServerError> {
    let (thread, run) = parse(&ids)?;
    let Flag(cancel_on_disconnect) = query.cancel_on_disconnect;
    if cancel_on_disconnect {
        permit.ask(Ask::EndOnLeave)?;
    }
    let cursor = Cursor::read(&headers, query.last_event_id.as_deref())?;
    let reading = Reading {
        source: position(&app.scheduler, thread, run, cursor)?,
        filter: Filter::parse(query.stream_mode.as_deref(), permit.may(Ask::State))?,
        cancel_on_disconnect,
        heartbeat: app.config.heartbeat,
    };
    Ok(respond(&app.scheduler, thread, run, reading))
}

/// The place of a joining reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cursor {
    /// No cursor: what comes from now on, as on both real servers.
    Now,
    /// `-1` (or `-`): from the beginning.
    Start,
    /// The last event the reader has.
    After(u64),
}

impl Cursor {
    /// Reads `Last-Event-ID`, or `?last_event_id=` where the header is missing or empty: some proxies drop the header.
    fn read(headers: &HeaderMap, query: Option<&str>) -> Result<Self, ServerError> {
        let header = match headers.get("last-event-id") {
            Some(value) => value.to_str().map_err(|_| bad_cursor())?.trim(),
            None => "",
        };
        let text = if header.is_empty() {
            query.unwrap_or_default().trim()
        } else {
            header
        };
        match text {
            "" => Ok(Self::Now),
            "-1" | "-" => Ok(Self::Start),
            id => id.parse().map(Self::After).map_err(|_| bad_cursor()),
        }
    }
}

fn bad_cursor() -> ServerError {
    ServerError::InvalidRequest(
        "Last-Event-ID (or last_event_id) must be -1 or the id of an event of this run".to_owned(),
    )
}

fn position(
    scheduler: &Scheduler,
    thread: ThreadId,
    run: RunId,
    cursor: Cursor,
) -> Result<Source, ServerError> {
    if let Some(live) = scheduler.live(run).filter(|live| live.thread_id == thread) {
        // Without ids there is nothing to resume after.
        let resumable = live.resumable;
        let at = match cursor {
            Cursor::Start if resumable => 0,
            Cursor::After(id) if resumable => next_after(id, live.len() as u64)? as usize,
            Cursor::Now | Cursor::Start | Cursor::After(_) => live.len(),
        };
        return Ok(Source::Live { run: live, at });
    }
    let stored = scheduler.store.read()?;
    let record = stored.run(thread, run)?;
    if record.is_active() {
        // Its end could not be recorded; the next start will.
        return Err(ServerError::Store("the run was lost".to_owned()));
    }
    let count = stored.event_count(run)?;
    let at = match cursor {
        Cursor::Now => count,
        _ if !record.resumable => count,
        _ if record.log_dropped => return Err(ServerError::RunLogExpired(run.to_string())),
        Cursor::Start => 0,
        Cursor::After(id) => next_after(id, count)?,
    };
    Ok(Source::Stored { run, at })
}

fn next_after(id: u64, count: u64) -> Result<u64, ServerError> {
    if id < count {
        Ok(id + 1)
    } else {
        Err(ServerError::CursorAhead { cursor: id })
    }
}

pub(crate) async fn join(
    State(app): State<App>,
    Path(ids): Path<(String, String)>,
) -> Result<Response, ServerError> {
    let (thread, run) = parse(&ids)?;
    let live = app
        .scheduler
        .live(run)
        .filter(|live| live.thread_id == thread);
    if live.is_none() {
        app.scheduler.store.read()?.run(thread, run)?;
    }
    let waiting = Waiting { live, guard: None };
    Ok(wait_for(&app.scheduler, thread, run, waiting))
}

/// The request of a client that waits for a run's result.
struct Waiting {
    /// The run; `None` where it is over.
    live: Option<Arc<LiveRun>>,
    /// Stops the run when the client goes away.
    guard: Option<CancelOnDrop>,
}

/// Answers with the run's result once it is over, and with blanks (which JSON ignores) until then.
fn wait_for(
    scheduler: &Arc<Scheduler>,
    thread: ThreadId,
    run: RunId,
    waiting: Waiting,
) -> Response {
    let scheduler = Arc::clone(scheduler);
    let chunks = futures_util::stream::unfold(Some(waiting), move |waiting| {
        let scheduler = Arc::clone(&scheduler);
        async move {
            let mut waiting = waiting?;
            if let Some(live) = &waiting.live {
                let mut stopping = scheduler.stopping();
                tokio::select! {
                    biased;
                    () = live.ended() => {}
                    _ = stopping.wait_for(|stopping| *stopping) => return None,
                    () = tokio::time::sleep(WAIT_BEAT) => return Some((Ok(Bytes::from_static(b"\n")), Some(waiting))),
                }
            }
            if let Some(guard) = &mut waiting.guard {
                guard.disarm();
            }
            Some((
                result(&scheduler, thread, run).map(|value| Bytes::from(value.to_string())),
                None,
            ))
        }
    });
    let mut response = Response::new(HttpBody::from_stream(chunks));
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    locate(&mut response, thread, run);
    response
}

fn result(scheduler: &Scheduler, thread: ThreadId, run: RunId) -> Result<Value, ServerError> {
    let stored = scheduler.store.read()?;
    let record = match stored.run(thread, run) {
        Err(ServerError::RunNotFound(_)) => {
            return Ok(
                json!({"__error__": {"error": "RunNotFound", "message": "the run was rolled back or deleted"}}),
            );
        }
        record => record?,
    };
    if let (RunStatus::Error, Some(error)) = (record.status, &record.error) {
        return Ok(json!({"__error__": error}));
    }
    let thread = stored.thread(thread)?;
    let Some(head) = stored.head(&thread)? else {
        return Ok(json!({}));
    };
    let mut values = head.values.clone();
    if thread.status == ThreadStatus::Interrupted && !head.interrupts().is_empty() {
        values.insert("__interrupt__".to_owned(), json!(head.interrupts()));
    }
    Ok(Value::Object(values))
}

#[derive(Deserialize)]
pub(crate) struct CancelQuery {
    #[serde(default)]
    wait: Flag,
    action: Option<Action>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Action {
    Interrupt,
    Rollback,
}

pub(crate) async fn cancel(
    State(app): State<App>,
    Path(ids): Path<(String, String)>,
    Query(query): Query<CancelQuery>,
    Body(Nothing {}): Body<Nothing>,
) -> Result<Response, ServerError> {
    let (thread, run) = parse(&ids)?;
    let Some(live) = app
        .scheduler
        .live(run)
        .filter(|live| live.thread_id == thread)
    else {
        // Over already, or never there: Python answers both alike.
        return Err(ServerError::RunNotFound(run.to_string()));
    };
    live.cancel(match query.action {
        Some(Action::Rollback) => CancelAction::Rollback,
        Some(Action::Interrupt) | None => CancelAction::Interrupt,
    });
    if query.wait == Flag(true) {
        live.ended().await;
        return Ok((StatusCode::OK, Json(json!({}))).into_response());
    }
    Ok(StatusCode::ACCEPTED.into_response())
}

fn parse((thread, run): &(String, String)) -> Result<(ThreadId, RunId), ServerError> {
    Ok((ThreadId::parse(thread)?, RunId::parse(run)?))
}
