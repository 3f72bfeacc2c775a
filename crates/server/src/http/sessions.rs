//! `/sessions/{session_id}`: reading, paging, writing and ending.

use std::time::Duration;

use axum::{
    Extension, Json,
    body::Bytes,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use rejoin_wire::{
    MessageId,
    json::{FromJson, JsonError, ToJson, Writer, field, fields, items},
    session::{Change, Cursor, EndStatus, NodeStatus},
    sse::encode_frame,
};
use serde::Deserialize;
use serde_json::json;

use super::{
    App, Body, Path, Query, RawBody,
    event_stream::event_stream,
    parameters::{check_body, check_object},
};
use crate::{
    auth::{Ask, Permit},
    error::ServerError,
    ids::{RunId, ThreadId},
    live::CancelAction,
    published::Counts as _,
    quotas::Publishing,
    readable,
    sessions::{
        Reader, ReaderEvent, SessionError, bytes_of,
        ids::is_plain,
        log::{Batch, LogError, MessageHead, ProducerId, SessionId},
        store::Tx,
    },
};

/// Messages that a page has where a request does not say how many, and at most.
const LIMIT_DEFAULT: usize = 50;
const LIMIT_MAX: usize = 1000;
/// For how long a producer holds its messages where it does not say.
const LEASE_DEFAULT: Duration = Duration::from_secs(15);
/// Events are put into one write up to about this many bytes.
const CHUNK_BYTES: usize = 64 << 10;
/// How soon a client should come back while the store fails, in seconds.
const RETRY_AFTER_S: HeaderValue = HeaderValue::from_static("1");

/// An answer that says why not.
pub(crate) struct Refused(Box<Response>);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        *self.0
    }
}

impl From<ServerError> for Refused {
    fn from(error: ServerError) -> Self {
        Self(Box::new(error.into_response()))
    }
}

impl From<LogError> for Refused {
    fn from(error: LogError) -> Self {
        SessionError::from(error).into()
    }
}

impl From<SessionError> for Refused {
    fn from(error: SessionError) -> Self {
        let mut body = json!({"detail": error.to_string(), "code": error.code()});
        if let SessionError::Log(LogError::PieceGap { expected, .. }) = &error {
            body["expected"] = (*expected).into();
        }
        let mut response = (status(&error), Json(body)).into_response();
        if response.status() == StatusCode::SERVICE_UNAVAILABLE {
            let headers = response.headers_mut();
            headers.insert(header::RETRY_AFTER, RETRY_AFTER_S);
        }
        Self(Box::new(response))
    }
}

/// The HTTP status that a session's error is answered with.
fn status(error: &SessionError) -> StatusCode {
    match error {
        SessionError::Log(error) => match error {
            LogError::InvalidSession => StatusCode::UNPROCESSABLE_ENTITY,
            LogError::NotFound | LogError::MessageNotFound(_) => StatusCode::NOT_FOUND,
            LogError::PieceGap { .. }
            | LogError::Fenced(_)
            | LogError::MessageEnded(_)
            | LogError::MessageExists(_) => StatusCode::CONFLICT,
            LogError::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
            LogError::Damaged => StatusCode::INTERNAL_SERVER_ERROR,
        },
        SessionError::MessageTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        SessionError::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
        SessionError::Damaged { .. } => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn invalid(text: impl Into<String>) -> Refused {
    SessionError::Invalid(text.into()).into()
}

#[derive(Deserialize)]
pub(crate) struct StreamQuery {
    cursor: Option<String>,
    limit: Option<usize>,
}

pub(crate) async fn stream(
    State(app): State<App>,
    Path(session): Path<String>,
    Query(query): Query<StreamQuery>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let session = SessionId::parse(&session)?;
    let limit = query.limit.unwrap_or(LIMIT_DEFAULT);
    if limit > LIMIT_MAX {
        return Err(invalid(format!("limit is at most {LIMIT_MAX}")));
    }
    // A browser that comes back by itself asks for the same URL, and says in the header what it has had since.
    let cursor = match headers.get("last-event-id") {
        Some(value) if !value.is_empty() => value.to_str().ok().map(str::to_owned),
        _ => query.cursor.filter(|cursor| !cursor.is_empty()),
    };
    let not_one = || invalid("a cursor is epoch-seq, as in the id of an event of this stream");
    let had_header = headers
        .get("last-event-id")
        .is_some_and(|value| value.to_str().is_err());
    if had_header {
        return Err(not_one());
    }
    let cursor = cursor.map(|text| Cursor::parse(&text).ok_or_else(not_one));
    let reader = app
        .sessions
        .attach(&session, cursor.transpose()?, limit)
        .await?;
    let chunks = futures_util::stream::unfold(reader, |mut reader| async move {
        let chunk = next_chunk(&mut reader).await?;
        Some((chunk, reader))
    });
    Ok(event_stream(
        chunks,
        app.config.heartbeat,
        app.scheduler.stopping(),
    ))
}

/// The next events. If the store fails, the stream ends as broken, and the reader returns with its cursor.
async fn next_chunk(reader: &mut Reader) -> Option<Result<Bytes, SessionError>> {
    let first = match reader.next().await? {
        Ok(event) => event,
        Err(error) => return Some(Err(error)),
    };
    let mut ready = reader.ready();
    if let (ReaderEvent::Record { frame, .. }, None) = (&first, &ready) {
        // The one that all readers share.
        return Some(Ok(frame.bytes().clone()));
    }
    let mut chunk = Vec::new();
    encode(&mut chunk, &first);
    while let Some(event) = ready {
        encode(&mut chunk, &event);
        ready = (chunk.len() < CHUNK_BYTES)
            .then(|| reader.ready())
            .flatten();
    }
    Some(Ok(chunk.into()))
}

fn encode(out: &mut Vec<u8>, event: &ReaderEvent) {
    let (name, data, id) = match event {
        ReaderEvent::Record { frame, .. } => {
            out.extend_from_slice(frame.bytes());
            return;
        }
        ReaderEvent::Attached(attached) => ("attached", attached.to_json(), None),
        ReaderEvent::Snapshot { cursor, page } => {
            ("snapshot", page.to_json(), Some(cursor.to_string()))
        }
        ReaderEvent::CaughtUp { cursor } => {
            let mut data = String::new();
            let mut object = Writer::object(&mut data);
            cursor.write_json(object.field("cursor"));
            object.end();
            ("caught_up", data, None)
        }
        ReaderEvent::Deleted => ("deleted", "{}".to_owned(), None),
    };
    // The names are ours, and a cursor is digits.
    let _ = encode_frame(out, Some(name), &data, id.as_deref());
}

#[derive(Deserialize)]
pub(crate) struct PageQuery {
    before: Option<u64>,
    limit: Option<usize>,
}

pub(crate) async fn messages(
    State(app): State<App>,
    Path(session): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Refused> {
    let session = SessionId::parse(&session)?;
    let limit = query.limit.unwrap_or(LIMIT_DEFAULT);
    if limit == 0 || limit > LIMIT_MAX {
        return Err(invalid(format!("limit is 1 to {LIMIT_MAX}")));
    }
    let (cursor, page) = app.sessions.page(&session, query.before, limit).await?;
    let mut text = String::new();
    let mut object = Writer::object(&mut text);
    cursor.write_json(object.field("cursor"));
    let mut list = Writer::list(object.field("nodes"));
    for node in &page.nodes {
        node.write_json(list.item());
    }
    list.end();
    object.bool("has_older", page.has_older);
    object.end();
    Ok(json_text(text))
}

/// A batch as a producer sends it.
struct Posted {
    producer: ProducerId,
    lease: Duration,
    changes: Vec<Change>,
}

impl FromJson for Posted {
    fn from_json(text: &str) -> Result<Self, JsonError> {
        let (mut producer, mut changes) = (None, Vec::new());
        let mut lease = LEASE_DEFAULT;
        fields(text, &mut |name, value| {
            match name {
                "producer" => producer = Some(ProducerId(FromJson::from_json(value)?)),
                "lease_ms" => lease = Duration::from_millis(FromJson::from_json(value)?),
                "changes" => changes = FromJson::from_json(value)?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            producer: producer.ok_or_else(|| JsonError::expected("a producer"))?,
            lease,
            changes,
        })
    }
}

pub(crate) async fn publish(
    State(app): State<App>,
    Extension(permit): Extension<Permit>,
    Path(session): Path<String>,
    RawBody(body): RawBody,
) -> Result<Response, Refused> {
    let session = SessionId::parse(&session)?;
    let posted: Posted = read(&body)?;
    check_names(&body)?;
    check_posted(&app, &session, &posted, &permit).await?;
    let batch = Batch {
        producer: posted.producer,
        changes: posted.changes,
        lease: posted.lease,
    };
    let bytes = bytes_of(&batch.changes) as u64;
    let count = batch.changes.len();
    let publishing = app
        .scheduler
        .quotas
        .publish(&session, &permit.client, bytes);
    let publishing = if count > 0 { Some(publishing?) } else { None };
    let appended = app.sessions.publish(&session, batch).await?;
    if appended.repeated < count
        && let Some(row) = publishing.and_then(Publishing::stored)
        && let Err(error) = app
            .scheduler
            .store
            .write(move |tx| tx.put_published(&row))
            .await
    {
        tracing::warn!(
            code = error.code(),
            "what a client has published was not counted for good"
        );
    }
    let mut text = String::new();
    let mut object = Writer::object(&mut text);
    appended.head.write_json(object.field("cursor"));
    object.number("repeated", appended.repeated as u64);
    object.end();
    Ok(json_text(text))
}

/// Denies what a batch holds beside the fields that it is read from. A message may hold anything.
fn check_names(body: &[u8]) -> Result<(), Refused> {
    check_body(body, &["producer", "lease_ms", "changes"])?;
    let text = std::str::from_utf8(body).unwrap_or_default();
    let mut changes = Vec::new();
    // It was read before, so it has this shape.
    let _ = items(field(text, "changes").unwrap_or("[]"), &mut |change| {
        changes.push(change);
        Ok(())
    });
    for (index, change) in changes.into_iter().enumerate() {
        let word = |name| field(change, name).and_then(|word| String::from_json(word).ok());
        let known: &[&str] = match word("type").as_deref() {
            Some("started") => &["type", "message", "run_id"],
            Some("appended") => &["type", "id", "at", "chunk"],
            Some("updated") => &["type", "at", "message"],
            Some("ended") => &["type", "id", "status", "reason"],
            _ => &["type", "id"],
        };
        check_object(change.as_bytes(), &format!("changes[{index}]."), known)?;
        let has_reason = field(change, "reason").is_some_and(|reason| reason != "null");
        if has_reason && word("status").as_deref() != Some("aborted") {
            return Err(invalid("a reason goes with the status aborted"));
        }
    }
    Ok(())
}

/// Denies what a batch may not do: end what others said, or name a run of another session.
async fn check_posted(
    app: &App,
    session: &SessionId,
    posted: &Posted,
    permit: &Permit,
) -> Result<(), Refused> {
    let not_plain = |what: &str| invalid(format!("{what} is 1 to 200 visible characters of ASCII"));
    if !is_plain(&posted.producer.0) {
        return Err(not_plain("a producer"));
    }
    let mut updated = Vec::new();
    for change in &posted.changes {
        if change.message_id().is_some_and(|id| !is_plain(id.as_str())) {
            return Err(not_plain("a message's id"));
        }
        if let Change::Started {
            run_id: Some(run), ..
        } = change
            && !is_plain(run.as_str())
        {
            return Err(not_plain("a run's id"));
        }
        if let Change::Ended { status, .. } = change
            && status.reason().is_some_and(|reason| !is_plain(reason))
        {
            return Err(not_plain("a reason"));
        }
        match change {
            Change::Removed { .. } => permit.ask(Ask::RemoveMessages)?,
            Change::Updated { message, .. } => updated.extend(message.id.clone()),
            Change::Started { run_id, .. } => {
                let run = run_id
                    .as_ref()
                    .and_then(|run| RunId::parse(run.as_str()).ok());
                let live = run.and_then(|run| app.scheduler.live(run));
                if live.is_some_and(|live| live.thread_id.session() != *session) {
                    return Err(ServerError::SessionNotAllowed.into());
                }
            }
            Change::Appended { .. } | Change::Ended { .. } => {}
        }
    }
    if permit.may(Ask::ReplaceMessages) {
        return Ok(());
    }
    for id in updated {
        if !is_own(app, session, &id, &posted.producer).await? {
            permit.ask(Ask::ReplaceMessages)?;
        }
    }
    Ok(())
}

/// Whether nobody but this producer has said a message. While it streams the log itself holds others off.
async fn is_own(
    app: &App,
    session: &SessionId,
    id: &MessageId,
    producer: &ProducerId,
) -> Result<bool, Refused> {
    let log = app.sessions.log();
    let mut before = u64::MAX;
    loop {
        let heads = match log.messages(session, before, LIMIT_MAX).await {
            Err(LogError::NotFound) => return Ok(true),
            heads => heads?,
        };
        if let Some(head) = heads.iter().find(|head| head.id == *id) {
            return Ok(head.producer == *producer);
        }
        match heads.last() {
            Some(last) => before = last.position,
            None => return Ok(true),
        }
    }
}

/// The message to end; without a name, all streaming ones.
#[derive(Deserialize)]
pub(crate) struct Cancel {
    id: Option<MessageId>,
}

pub(crate) async fn cancel(
    State(app): State<App>,
    Path(session): Path<String>,
    Body(Cancel { id }): Body<Cancel>,
) -> Result<StatusCode, Refused> {
    let name = session;
    let session = SessionId::parse(&name)?;
    let mut heads = match (app.sessions.log().streaming(&session).await, &id) {
        // The run may not have said anything yet.
        (Err(LogError::NotFound), None) => Vec::new(),
        (heads, _) => heads?,
    };
    if let Some(id) = id {
        heads.retain(|head| head.id == id);
        if heads.is_empty() {
            return Err(LogError::MessageNotFound(id.to_string()).into());
        }
    } else if let Ok(thread) = ThreadId::parse(&name) {
        app.scheduler.cancel_thread(thread);
    }
    for head in &heads {
        end_message(&app, &session, head).await?;
    }
    Ok(StatusCode::ACCEPTED)
}

/// Stops the run that writes a message, if it is one of this server's. Otherwise ends the message in its producer's name;
/// the producer learns of it with its next write.
async fn end_message(app: &App, session: &SessionId, head: &MessageHead) -> Result<(), Refused> {
    let node = match app.sessions.node(session, head).await {
        // It is gone, which is as good.
        Err(SessionError::Log(LogError::MessageNotFound(_))) => return Ok(()),
        node => node?,
    };
    if node.status != NodeStatus::Streaming {
        return Ok(());
    }
    let run = node.run_id.as_ref().map(rejoin_wire::RunId::as_str);
    let run = run.and_then(|run| RunId::parse(run).ok());
    let live = run.and_then(|run| app.scheduler.live(run));
    // A record may name any run: only one of this session's thread is stopped.
    let own = live.filter(|live| live.thread_id.session() == *session);
    if let Some(live) = own {
        live.cancel(CancelAction::Interrupt);
        return Ok(());
    }
    let ended = Change::Ended {
        id: head.id.clone(),
        status: EndStatus::Cancelled,
    };
    let batch = Batch {
        producer: head.producer.clone(),
        changes: vec![ended],
        // It renews what else the producer holds, by no more than it does itself.
        lease: LEASE_DEFAULT,
    };
    match app.sessions.publish(session, batch).await {
        // It ended by itself meanwhile.
        Err(SessionError::Log(LogError::MessageEnded(_) | LogError::MessageNotFound(_))) => Ok(()),
        answer => Ok(answer.map(drop)?),
    }
}

pub(crate) async fn delete(
    State(app): State<App>,
    Path(session): Path<String>,
) -> Result<StatusCode, Refused> {
    let session = SessionId::parse(&session)?;
    let deleted = app.sessions.delete(&session).await;
    let is_absent = Err(SessionError::Log(LogError::NotFound));
    if deleted.is_ok() || deleted == is_absent {
        app.scheduler.quotas.session_gone(&session);
        let forget = move |tx: &Tx| -> Result<(), ServerError> {
            tx.remove_published(&session);
            Ok(())
        };
        app.scheduler.store.write(forget).await?;
    }
    deleted?;
    Ok(StatusCode::NO_CONTENT)
}

fn read<T: FromJson>(body: &[u8]) -> Result<T, Refused> {
    readable::check(body, readable::BODY_DEPTH_MAX).map_err(|error| invalid(error.to_string()))?;
    let text = std::str::from_utf8(body).map_err(|_| invalid("the body is not UTF-8"))?;
    T::from_json(text).map_err(|error| invalid(error.to_string()))
}

fn json_text(text: String) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (kind, text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_in_the_readme_with_its_status() {
        let text = String::new;
        let log = [
            LogError::InvalidSession,
            LogError::NotFound,
            LogError::PieceGap {
                id: text(),
                expected: 1,
            },
            LogError::Fenced(text()),
            LogError::MessageEnded(text()),
            LogError::MessageNotFound(text()),
            LogError::MessageExists(text()),
            LogError::Damaged,
        ];
        let mut all: Vec<SessionError> = log.into_iter().map(SessionError::from).collect();
        all.push(SessionError::Invalid(text()));
        all.push(SessionError::Damaged { seq: 1 });
        all.push(SessionError::MessageTooLarge {
            id: text(),
            bytes_max: 1,
        });
        let readme = include_str!("../../README.md");
        for error in all {
            let row = format!("| `{}` | {} |", error.code(), status(&error).as_u16());
            assert!(readme.contains(&row), "{row}");
        }
        // The same code as a thread's, with another status: it may be another store, and it is worth trying again.
        let failed = SessionError::from(LogError::Store(text()));
        assert_eq!(status(&failed), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(failed.code(), ServerError::Store(text()).code());
        assert!(readme.contains("of a session 503"));
    }
}
