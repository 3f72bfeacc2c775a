//! A line for each request at `debug`: what was asked for, how it was answered, after how long. Never a header, a query or a
//! body.

use std::time::Instant;

use axum::{extract::Request, middleware::Next, response::Response};

/// Logs the request once the head of its answer is there; an event stream goes on after that.
pub(crate) async fn log(request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let began = Instant::now();
    let response = next.run(request).await;
    tracing::debug!(
        %method,
        path,
        status = response.status().as_u16(),
        took_ms = began.elapsed().as_millis(),
        "answered"
    );
    response
}
