//! TCP connections that can be reset on purpose.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
};

use crate::error::ServerError;

/// How long to wait after a failed accept: most failures (no file descriptors left) pass.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// A listener without Nagle's delay, so that a token leaves at once.
pub(crate) struct Tcp(pub(crate) TcpListener);

impl Tcp {
    /// The next connection.
    pub(crate) async fn accept(&self) -> (Stream, SocketAddr) {
        loop {
            match self.0.accept().await {
                Ok((tcp, address)) => {
                    // Only latency is lost where this fails.
                    let _ = tcp.set_nodelay(true);
                    return (
                        Stream {
                            tcp,
                            connection: Connection::default(),
                        },
                        address,
                    );
                }
                Err(error) => {
                    tracing::warn!(%error, "could not accept a connection");
                    tokio::time::sleep(ACCEPT_RETRY).await;
                }
            }
        }
    }
}

/// A handle on the connection that a request came by.
#[derive(Clone, Default)]
pub(crate) struct Connection(Arc<AtomicBool>);

impl Connection {
    /// Makes the close of this connection a reset (RST) instead of an orderly end.
    #[cfg(feature = "faults")]
    pub(crate) fn reset_on_close(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// An accepted connection.
pub(crate) struct Stream {
    tcp: TcpStream,
    connection: Connection,
}

impl Stream {
    /// A handle on it, for its requests.
    pub(crate) fn connection(&self) -> Connection {
        self.connection.clone()
    }

    /// Says that it is one too many, as far as that can be said at once, and closes it.
    pub(crate) fn refuse(self, error: &ServerError) {
        let body = error.to_json().to_string();
        let answer = format!(
            "HTTP/1.1 {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nretry-after: 1\r\nconnection: close\r\n\r\n{body}",
            error.status(),
            body.len()
        );
        // Where it does not fit, closing says enough.
        let _ = self.tcp.try_write(answer.as_bytes());
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if self.connection.0.load(Ordering::Relaxed) {
            // A zero linger time makes close() send RST. Where it fails the connection just closes.
            let _ = self.tcp.set_zero_linger();
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_read(cx, buf)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.connection.0.load(Ordering::Relaxed) {
            // An orderly FIN now would spoil the reset.
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}
