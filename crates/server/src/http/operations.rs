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
    if app.scheduler.is_draining() {
        return Err(ServerError::Stopping);
    }
    let store = app.scheduler.store.clone();
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
    (StatusCode::OK, kind, app.metrics.text()).into_response()
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    };

    use super::*;
    use crate::{
        Config, Limits,
        agents::Agents,
        metrics::Metrics,
        published::Published,
        quotas::Quotas,
        scheduler::Scheduler,
        sessions::{
            SessionLimits, Sessions,
            redb::RedbLog,
            store::{Store, Writes as _},
        },
        tables::{self, THREADS},
    };

    #[tokio::test]
    async fn a_store_that_cannot_be_written_is_not_ready_and_says_why_until_it_can() {
        let switch = Arc::new(AtomicBool::new(false));
        let store = Store::failing(Arc::clone(&switch), &tables::all());
        let quotas = Quotas::new(Limits::default(), &[], Published::default());
        let log = RedbLog::on(store.clone()).unwrap();
        let sessions = Sessions::new(Arc::new(log), SessionLimits::default());
        let app = App {
            scheduler: Scheduler::new(store.clone(), Agents::standard(None), None, quotas),
            metrics: Metrics::new(Arc::clone(sessions.metrics())),
            sessions,
            config: Arc::new(Config::default()),
        };
        let ask = || ready(State(app.clone()));
        assert!(ask().await.is_ok());
        switch.store(true, Ordering::SeqCst);
        let refused = store.write(|tx| tx.put(THREADS, b"a", b"1")).await;
        assert!(refused.is_err());
        for _ in 0..2 {
            let why = ask().await.unwrap_err();
            assert_eq!(why.code(), "not_ready");
            assert!(why.to_string().contains("no space left"), "{why}");
        }
        switch.store(false, Ordering::SeqCst);
        while ask().await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        store.write(|tx| tx.put(THREADS, b"a", b"1")).await.unwrap();
    }
}
