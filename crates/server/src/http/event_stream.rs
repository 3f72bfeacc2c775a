//! The body of every event stream: what a reader is sent, and heartbeats while there is nothing, until the server stops.

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    http::{HeaderValue, header},
    response::Response,
};
use futures_util::{Stream, StreamExt, stream};
use rejoin_wire::sse::heartbeat;
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval_at},
};

/// An answer that streams events. It ends with `chunks`, cleanly, and when the server stops.
pub(crate) fn event_stream<E>(
    chunks: impl Stream<Item = Result<Bytes, E>> + Send + 'static,
    every: Duration,
    stopping: watch::Receiver<bool>,
) -> Response
where
    E: Into<axum::BoxError> + Send + 'static,
{
    let mut beat = interval_at(Instant::now() + every, every);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let chunks = Box::pin(chunks);
    let body = stream::unfold((chunks, beat, stopping), |mut state| async move {
        let (chunks, beat, stopping) = &mut state;
        // What is there is sent before anything else; a chunk that is being made is not dropped by a heartbeat.
        let chunk = tokio::select! {
            biased;
            chunk = chunks.next() => chunk?,
            _ = stopping.wait_for(|stopping| *stopping) => return None,
            _ = beat.tick() => Ok(Bytes::from_static(heartbeat())),
        };
        Some((chunk, state))
    });
    let mut response = Response::new(Body::from_stream(body));
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/event-stream; charset=utf-8"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}
