//! Calls of the official clients that this server does not have. They get an answer that says so, so that nobody looks for a
//! mistake of their own.

use axum::{
    Router,
    extract::Request,
    http::Method,
    routing::{MethodFilter, on},
};

use super::App;
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
    let matched = request.extensions().get::<axum::extract::MatchedPath>();
    let path = matched.map_or("", axum::extract::MatchedPath::as_str);
    ServerError::NotImplemented(format!("{} {path}", request.method()))
}
