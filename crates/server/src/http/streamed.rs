//! Event streams on their way out: their bytes are counted, and they end when the token that opened them does.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{
    Error,
    body::{Body, Bytes, HttpBody},
    http::header,
    response::Response,
};
use hyper::body::{Frame, SizeHint};
use tokio::time::{Sleep, sleep};

use crate::metrics::Metrics;

/// Counts an event stream's bytes and ends it, cleanly, after `time_left`. Another answer that is still being made then
/// breaks off.
pub(crate) fn watch(
    response: Response,
    time_left: Option<Duration>,
    metrics: &Arc<Metrics>,
) -> Response {
    let is_stream = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
    let is_whole = response.body().size_hint().exact().is_some();
    if !is_stream && (is_whole || time_left.is_none()) {
        return response;
    }
    response.map(|body| {
        Body::new(Streamed {
            body,
            is_stream,
            over: time_left.map(|time_left| Box::pin(sleep(time_left))),
            metrics: Arc::clone(metrics),
        })
    })
}

struct Streamed {
    body: Body,
    is_stream: bool,
    /// When the token's time is over.
    over: Option<Pin<Box<Sleep>>>,
    metrics: Arc<Metrics>,
}

impl HttpBody for Streamed {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if let Some(over) = &mut self.over
            && over.as_mut().poll(cx).is_ready()
        {
            let late = std::io::Error::other("the token has expired");
            return Poll::Ready((!self.is_stream).then(|| Err(Error::new(late))));
        }
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if self.is_stream
            && let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            self.metrics.sent(data.len());
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        // It may end before the body does.
        SizeHint::default()
    }
}
