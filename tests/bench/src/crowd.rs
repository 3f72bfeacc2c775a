//! Connections that take a place and ask for nothing: idle ones, and ones that send a request's head a byte at a time.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{io::AsyncWriteExt, net::TcpStream, task::JoinHandle};

use crate::Failure;

/// Between two bytes of a slow request.
const BYTE_EVERY: Duration = Duration::from_millis(500);

/// They are there until this is dropped.
pub(crate) struct Crowd {
    _idle: Vec<TcpStream>,
    slow: Vec<JoinHandle<()>>,
    closed: Arc<AtomicUsize>,
}

/// Opens so many of each. A slow one that the server has closed comes back.
pub(crate) async fn gather(server: SocketAddr, idle: usize, slow: usize) -> Result<Crowd, Failure> {
    let mut held = Vec::new();
    for _ in 0..idle {
        held.push(TcpStream::connect(server).await?);
    }
    let closed = Arc::<AtomicUsize>::default();
    let slow = (0..slow).map(|_| {
        let closed = Arc::clone(&closed);
        tokio::spawn(async move {
            loop {
                // Whatever broke it, it was the server.
                let _ = drip(server).await;
                closed.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(BYTE_EVERY).await;
            }
        })
    });
    Ok(Crowd {
        _idle: held,
        slow: slow.collect(),
        closed,
    })
}

/// A request that never comes to its end.
async fn drip(server: SocketAddr) -> Result<(), Failure> {
    let mut stream = TcpStream::connect(server).await?;
    for byte in b"GET /ok HTTP/1.1\r\nx: "
        .iter()
        .chain([b'a'].iter().cycle())
    {
        stream.write_all(&[*byte]).await?;
        tokio::time::sleep(BYTE_EVERY).await;
    }
    Ok(())
}

impl Crowd {
    pub(crate) fn told(&self) -> String {
        let closed = self.closed.load(Ordering::Relaxed);
        format!("slow connections were closed {closed} times")
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.slow.iter().for_each(JoinHandle::abort);
    }
}
