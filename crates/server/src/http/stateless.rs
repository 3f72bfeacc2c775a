//! `/runs`: runs without a thread of their own. Each is given one, which goes some time after the run is over, so that a
//! reader that lost its stream can come back to it.

use axum::{
    Extension, Json,
    extract::State,
    response::{IntoResponse, Response},
};
use rejoin_wire::request::IfNotExists;

use super::{
    App,
    run_body::RunBody,
    runs::{follow, needs_state, wait_for},
    stream::locate,
};
use crate::{
    auth::{Ask, Permit},
    error::ServerError,
    ids::ThreadId,
    scheduler::NewRun,
};

pub(crate) async fn create(
    State(app): State<App>,
    Extension(permit): Extension<Permit>,
    body: RunBody,
) -> Result<Response, ServerError> {
    let (run, _) = app.scheduler.create_run(new_run(body), &permit).await?;
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
    follow(&app, new_run(body), &permit).await
}

pub(crate) async fn wait(
    State(app): State<App>,
    Extension(permit): Extension<Permit>,
    body: RunBody,
) -> Result<Response, ServerError> {
    let (run, live) = app.scheduler.create_run(new_run(body), &permit).await?;
    Ok(wait_for(
        &app.scheduler,
        run.thread_id,
        run.run_id,
        Some(live),
    ))
}

fn new_run(body: RunBody) -> NewRun {
    let mut request = body.request;
    request.if_not_exists = Some(IfNotExists::Create);
    NewRun {
        thread_id: ThreadId::fresh(),
        request,
        after: body.after,
        is_temporary: body.keep != Some(true),
    }
}
