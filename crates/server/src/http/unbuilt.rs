//! Calls of the official clients that this server does not have. They get an answer that says so, so that nobody looks for a
//! mistake of their own.

use axum::{
    Router,
    extract::{MatchedPath, Request},
    http::Method,
    routing::{MethodFilter, on},
};

use super::{App, read_body};
use crate::{auth::UNBUILT, error::ServerError};

/// The endpoints that are not there.
pub(super) fn routes(mut router: Router<App>) -> Router<App> {
    for endpoint in UNBUILT {
        let method = Method::from_bytes(endpoint.method.as_bytes());
        let Some(filter) = method
            .ok()
            .and_then(|method| MethodFilter::try_from(method).ok())
        else {
            continue;
        };
        router = router.route(endpoint.path, on(filter, refuse));
    }
    router
}

async fn refuse(request: Request) -> ServerError {
    let matched = request.extensions().get::<MatchedPath>();
    let path = matched.map_or("", MatchedPath::as_str);
    let refusal = ServerError::NotImplemented(format!("{} {path}", request.method()));
    // An answer before the body has come ends the connection, on which the client may have sent its next request.
    match read_body(request, &()).await {
        Ok(_) => refusal,
        Err(error) => error,
    }
}
