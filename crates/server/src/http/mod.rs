//! The endpoints: what each request means in terms of the scheduler.

mod access_log;
mod address;
mod admission;
mod assets;
mod assistants;
mod event_stream;
#[cfg(feature = "faults")]
mod faults;
mod guard;
mod listener;
mod operations;
mod page;
mod parameters;
mod run_body;
mod runs;
pub(crate) mod serve;
mod sessions;
mod stateless;
mod stream;
mod streamed;
mod thread_search;
mod threads;
mod unbuilt;

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, FromRequest, Request},
    http::StatusCode,
    middleware,
    routing::{delete, get, post},
};
use serde::de::DeserializeOwned;

use crate::{
    Config, error::ServerError, metrics::Metrics, readable, scheduler::Scheduler,
    sessions::Sessions,
};

#[cfg(feature = "faults")]
pub(crate) use faults::Faults;
pub(crate) use listener::Tcp;

use guard::Guard;

/// The state that every handler gets.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) scheduler: Arc<Scheduler>,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) config: Arc<Config>,
}

/// The whole server: API, fault injection, static files, CORS.
pub(crate) fn router(app: App, #[cfg(feature = "faults")] faults: Option<Faults>) -> Router {
    let config = Arc::clone(&app.config);
    let prefix = config.api_prefix.trim_end_matches('/');
    let guard = Guard {
        secret: config.auth.clone(),
        prefix: prefix.into(),
        metrics: Arc::clone(&app.metrics),
    };
    let guarded =
        |router: Router| router.layer(middleware::from_fn_with_state(guard.clone(), guard::check));
    let known = middleware::from_fn_with_state(guard.prefix.clone(), parameters::check_query);
    let api = guarded(api(app).layer(known));
    #[cfg(feature = "faults")]
    let api = match &faults {
        Some(faults) => faults::around(api, faults).merge(guarded(faults::routes(faults.clone()))),
        None => api,
    };
    let mut router = if prefix.is_empty() {
        api
    } else {
        Router::new().nest(prefix, api)
    };
    #[cfg(feature = "faults")]
    if let (Some(faults), false) = (&faults, prefix.is_empty()) {
        router = router.merge(guarded(faults::routes(faults.clone())));
    }
    router = match &config.assets {
        Some(directory) => {
            let assets = assets::Assets::new(directory.clone(), prefix);
            router.fallback(move |request: Request| assets.clone().serve(request))
        }
        None => router.fallback(|| async { ServerError::NotFound }),
    };
    router
        .layer(DefaultBodyLimit::max(config.limits.body_bytes_max))
        .layer(middleware::from_fn_with_state(
            admission::Admission::new(&config),
            admission::guard,
        ))
        .layer(middleware::from_fn(access_log::log))
}

fn api(app: App) -> Router {
    unbuilt::routes(Router::new())
        .route("/ok", get(operations::ok))
        .route("/ready", get(operations::ready))
        .route("/info", get(operations::info))
        .route("/metrics", get(operations::metrics))
        .route("/assistants/search", post(assistants::search))
        .route("/assistants/count", post(assistants::count))
        .route("/assistants/{assistant_id}", get(assistants::get))
        .route(
            "/assistants/{assistant_id}/schemas",
            get(assistants::schemas),
        )
        .route("/threads", post(threads::create))
        .route("/threads/search", post(thread_search::search))
        .route("/threads/count", post(thread_search::count))
        .route("/threads/{thread_id}/copy", post(threads::copy))
        .route(
            "/threads/{thread_id}",
            get(threads::get)
                .patch(threads::patch)
                .delete(threads::delete),
        )
        .route(
            "/threads/{thread_id}/state",
            get(threads::state).post(threads::update_state),
        )
        .route(
            "/threads/{thread_id}/state/checkpoint",
            post(threads::state_of),
        )
        .route(
            "/threads/{thread_id}/state/{checkpoint_id}",
            get(threads::state_at),
        )
        .route(
            "/threads/{thread_id}/history",
            get(threads::history_get).post(threads::history_post),
        )
        .route(
            "/threads/{thread_id}/runs",
            get(runs::list).post(runs::create),
        )
        .route(
            "/threads/{thread_id}/runs/stream",
            post(runs::create_stream),
        )
        .route("/threads/{thread_id}/runs/wait", post(runs::create_wait))
        .route(
            "/threads/{thread_id}/runs/{run_id}",
            get(runs::get).delete(runs::delete),
        )
        .route(
            "/threads/{thread_id}/runs/{run_id}/stream",
            get(runs::join_stream),
        )
        .route("/threads/{thread_id}/runs/{run_id}/join", get(runs::join))
        .route(
            "/threads/{thread_id}/runs/{run_id}/cancel",
            post(runs::cancel),
        )
        .route("/runs", post(stateless::create))
        .route("/runs/stream", post(stateless::stream))
        .route("/runs/wait", post(stateless::wait))
        .route("/sessions/{session_id}/stream", get(sessions::stream))
        .route("/sessions/{session_id}/messages", get(sessions::messages))
        .route("/sessions/{session_id}/records", post(sessions::publish))
        .route("/sessions/{session_id}/cancel", post(sessions::cancel))
        .route("/sessions/{session_id}", delete(sessions::delete))
        .method_not_allowed_fallback(|| async { ServerError::MethodNotAllowed })
        .with_state(app)
}

/// A JSON body, answered with 422 and a sentence where it is not one, with 501 where it asks for what is not there; an empty
/// body reads as `{}`.
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ServerError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ServerError> {
        let bytes = read_body(request, state).await?;
        let text = if bytes.is_empty() {
            b"{}"
        } else {
            bytes.as_ref()
        };
        let body = read_json(text)?;
        parameters::check_body(text, parameters::names_of::<T>())?;
        Ok(Self(body))
    }
}

/// All of a body.
async fn read_body<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, ServerError> {
    let read = Bytes::from_request(request, state).await;
    read.map_err(|error| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ServerError::BodyTooLarge,
        _ if serve::is_late(&error) => ServerError::BodyLate,
        _ => ServerError::InvalidRequest(error.body_text()),
    })
}

/// A body as it came.
pub(crate) struct RawBody(pub(crate) Bytes);

impl<S: Send + Sync> FromRequest<S> for RawBody {
    type Rejection = ServerError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ServerError> {
        read_body(request, state).await.map(Self)
    }
}

/// Reads a body that may be stored: what could not be read again is refused.
fn read_json<T: DeserializeOwned>(text: &[u8]) -> Result<T, ServerError> {
    // A struct can be read from a list too, and then no parameter has a name.
    if !text.trim_ascii_start().starts_with(b"{") {
        let text = "the body is not a JSON object".to_owned();
        return Err(ServerError::InvalidRequest(text));
    }
    readable::check(text, readable::BODY_DEPTH_MAX)
        .and_then(|()| serde_json::from_slice(text))
        .map_err(|error| ServerError::InvalidRequest(error.to_string()))
}

/// Parameters of the path, answered with 422 and a sentence where they are none.
pub(crate) struct Path<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> axum::extract::FromRequestParts<S> for Path<T> {
    type Rejection = ServerError;

    async fn from_request_parts(
        parts: &mut axum::http::request::Parts,
        state: &S,
    ) -> Result<Self, ServerError> {
        axum::extract::Path::<T>::from_request_parts(parts, state)
            .await
            .map(|path| Self(path.0))
            .map_err(|error| ServerError::InvalidRequest(error.body_text()))
    }
}

/// Query parameters, answered with 422 and a sentence where they do not fit.
pub(crate) struct Query<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> axum::extract::FromRequestParts<S> for Query<T> {
    type Rejection = ServerError;

    async fn from_request_parts(
        parts: &mut axum::http::request::Parts,
        _: &S,
    ) -> Result<Self, ServerError> {
        axum::extract::Query::<T>::try_from_uri(&parts.uri)
            .map(|query| Self(query.0))
            .map_err(|error| ServerError::InvalidRequest(error.body_text()))
    }
}
