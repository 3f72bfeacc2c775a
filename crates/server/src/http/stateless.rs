//! `/runs`: runs without a thread of their own. Each is given one, which goes some time after the run is over, so that a
//! reader that lost its stream can come back to it.

use axum::{
    Extension, Json,
    extract::State,
    response::{IntoResponse, Response},
};

use super::{
    App,
    run_body::RunBody,
    runs::{follow, follow_silently, needs_state},
    stream::locate,
};
use crate::{
    auth::{Ask, Permit},
    error::ServerError,
};

pub(crate) async fn create(
    State(app): State<App>,
    Extension(permit): Extension<Permit>,
    body: RunBody,
) -> Result<Response, ServerError> {
    let (run, _) = app
        .scheduler
        .create_run(body.in_background()?.without_thread()?, &permit)
        .await?;
    let mut response = Json(run.to_json()).into_response();
    locate(&mut response, run.thread_id, run.run_id);
    Ok(response)
}

pub(crate) async fn stream(
    State(app): State<App>,
    Extension(permit): Extension<Permit>,
    body: RunBody,
) -> Result<Response, ServerError> {
    if needs_state(&body.request) {
        permit.ask(Ask::State)?;
    }
    follow(&app, body.without_thread()?, &permit).await
}

pub(crate) async fn wait(
    State(app): State<App>,
    Extension(permit): Extension<Permit>,
    body: RunBody,
) -> Result<Response, ServerError> {
    follow_silently(&app, body.without_thread()?, &permit).await
}
