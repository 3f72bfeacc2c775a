//! For those who run the server: is it there, is it ready, how is it doing.

use std::time::Duration;

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::App;
use crate::{error::ServerError, metrics};

/// How long a store may take to answer before it counts as gone.
const PROBE: Duration = Duration::from_secs(2);

/// The process is there and answers.
pub(crate) async fn ok() -> Json<Value> {
    Json(json!({"ok": true}))
}

/// New requests are welcome: 503 while the server is stopping, and while a store cannot be reached or written.
pub(crate) async fn ready(State(app): State<App>) -> Result<Json<Value>, ServerError> {
    if app.engine.is_leaving() {
        return Err(ServerError::Stopping);
    }
    let store = app.engine.store.clone();
    let probe = async move {
        store.probe().await.map_err(|error| error.to_string())?;
        let answer = app.sessions.probe().await;
        answer.map_err(|error| format!("sessions: {error}"))
    };
    // In a task: whoever opens a database again makes others wait.
    match tokio::time::timeout(PROBE, tokio::spawn(probe)).await {
        Ok(Ok(Ok(()))) => Ok(Json(json!({"ready": true}))),
        Ok(Ok(Err(why))) => Err(ServerError::NotReady(why)),
        Ok(Err(_)) | Err(_) => Err(ServerError::NotReady("no answer in time".to_owned())),
    }
}

pub(crate) async fn info() -> Json<Value> {
    Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "server": "rejoin-server",
        "flags": {"assistants": true, "crons": false},
    }))
}

/// Every counter, as Prometheus reads them.
pub(crate) async fn metrics(State(app): State<App>) -> Response {
    let kind = [(header::CONTENT_TYPE, metrics::CONTENT_TYPE)];
    (StatusCode::OK, kind, app.sessions.metrics().text()).into_response()
}
