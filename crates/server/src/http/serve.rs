//! Connections: how many, of whom, and for how long they may be silent.

use std::{
    collections::HashMap,
    convert::Infallible,
    error::Error,
    fmt,
    net::IpAddr,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes, HttpBody},
    extract::{ConnectInfo, Request},
};
use hyper::{
    body::{Frame, Incoming, SizeHint},
    server::conn::http1,
    service::{Service as _, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    sync::watch,
    time::{Sleep, sleep},
};

use super::listener::{Stream, Tcp};
use crate::{error::ServerError, limits::Limits};

/// The address that a request came from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// Serves until `stopping`; then every connection ends with the answer that is under way.
pub(crate) async fn serve(
    listener: Tcp,
    router: Router,
    limits: Limits,
    mut stopping: watch::Receiver<bool>,
) {
    let (all, of_one) = limits.connections();
    let counts = Arc::new(Counts {
        all,
        of_one,
        open: Mutex::default(),
    });
    let mut connections = tokio::task::JoinSet::new();
    let service = TowerToHyperService::new(router);
    loop {
        let (stream, address) = tokio::select! {
            biased;
            // An error means that the scheduler is gone, and so is the server.
            _ = stopping.wait_for(|stopping| *stopping) => break,
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        let address = address.ip();
        match Counts::take(&counts, address) {
            Ok(place) => {
                let connection = connect(stream, address, service.clone(), limits.clone());
                connections.spawn(until_stopped(connection, place, stopping.clone()));
            }
            Err(error) => {
                tracing::debug!(code = error.code(), "a connection too many");
                stream.refuse(&error);
            }
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

type Connection = Pin<Box<dyn GracefulConnection>>;

/// The functions of a connection that are needed here.
trait GracefulConnection: Future<Output = hyper::Result<()>> + Send {
    fn end_soon(self: Pin<&mut Self>);
}

impl<S> GracefulConnection for http1::Connection<TokioIo<Stream>, S>
where
    S: hyper::service::HttpService<Incoming, ResBody = Body> + Send,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    S::Future: Send,
{
    fn end_soon(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

fn connect(
    stream: Stream,
    address: IpAddr,
    service: TowerToHyperService<Router>,
    limits: Limits,
) -> Connection {
    let connection = stream.connection();
    let body_timeout = limits.body_timeout;
    let answer = service_fn(move |request: hyper::Request<Incoming>| {
        let mut request: Request = request.map(|body| Body::new(Timed::new(body, body_timeout)));
        let extensions = request.extensions_mut();
        extensions.insert(ConnectInfo(connection.clone()));
        extensions.insert(Peer(address));
        let answer = service.call(request);
        async move { Ok::<_, Infallible>(answer.await.unwrap_or_else(|never| match never {})) }
    });
    Box::pin(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head_timeout)
            .serve_connection(TokioIo::new(stream), answer),
    )
}

async fn until_stopped(
    mut connection: Connection,
    place: Place,
    mut stopping: watch::Receiver<bool>,
) {
    let stopped = async move {
        // An error means that the scheduler is gone, and so is the server.
        let _ = stopping.wait_for(|stopping| *stopping).await;
    };
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        () = stopped => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            connection.as_mut().end_soon();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::trace!(%error, "a connection ended");
    }
    drop(place);
}

/// Open connections, by address.
struct Counts {
    all: usize,
    of_one: usize,
    open: Mutex<HashMap<IpAddr, usize>>,
}

/// One connection among them.
struct Place {
    counts: Arc<Counts>,
    address: IpAddr,
}

impl Counts {
    fn take(counts: &Arc<Self>, address: IpAddr) -> Result<Place, ServerError> {
        let mut open = counts.open.lock().unwrap_or_else(PoisonError::into_inner);
        let total: usize = open.values().sum();
        let own = open.get(&address).copied().unwrap_or_default();
        if own >= counts.of_one || total >= counts.all {
            return Err(ServerError::TooManyConnections);
        }
        open.insert(address, own + 1);
        Ok(Place {
            counts: Arc::clone(counts),
            address,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let open = &self.counts.open;
        let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.address);
            }
        }
    }
}

/// A request's body that has to come in time.
struct Timed {
    body: Incoming,
    over: Pin<Box<Sleep>>,
}

/// The body did not come in time.
#[derive(Debug)]
pub(crate) struct BodyLate;

impl fmt::Display for BodyLate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the body did not come in time")
    }
}

impl Error for BodyLate {}

impl Timed {
    fn new(body: Incoming, timeout: Duration) -> Self {
        Self {
            body,
            over: Box::pin(sleep(timeout)),
        }
    }
}

impl HttpBody for Timed {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        self.over
            .as_mut()
            .poll(cx)
            .map(|()| Some(Err(BodyLate.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Whether a body could not be read because it was late.
pub(crate) fn is_late(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<BodyLate>() {
            return true;
        }
        cause = error.source();
    }
    false
}
