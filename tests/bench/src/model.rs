//! A model behind an OpenAI-compatible endpoint: each token says its number and when it was said.

use std::{sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    time::{Instant, MissedTickBehavior},
};

use crate::Failure;

/// The endpoint. Nothing is said before [`Model::begin`].
pub(crate) struct Model {
    pub(crate) base_url: String,
    asked: Arc<Semaphore>,
    begin: watch::Sender<Option<Instant>>,
}

impl Model {
    /// Waits for so many requests, then answers them all.
    pub(crate) async fn begin(&self, requests: usize) {
        let count = u32::try_from(requests).unwrap_or(u32::MAX);
        // The semaphore lives as long as this: it is never closed.
        if let Ok(asked) = self.asked.acquire_many(count).await {
            asked.forget();
        }
        self.begin.send_replace(Some(Instant::now()));
    }

    /// When it began to answer; now, where it has not.
    pub(crate) fn begun(&self) -> Instant {
        self.begin.borrow().unwrap_or_else(Instant::now)
    }
}

/// Listens on a free port.
pub(crate) async fn serve(start: Instant, tokens: u32, pace: Duration) -> Result<Model, Failure> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let base_url = format!("http://{}/v1", listener.local_addr()?);
    let (begin, began) = watch::channel(None);
    let asked = Arc::new(Semaphore::new(0));
    let model = Model {
        base_url,
        asked: Arc::clone(&asked),
        begin,
    };
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (asked, began) = (Arc::clone(&asked), began.clone());
            tokio::spawn(async move {
                let answered = answer(stream, &asked, began, start, tokens, pace).await;
                if let Err(error) = answered {
                    println!("the model's answer broke: {error}");
                }
            });
        }
    });
    Ok(model)
}

async fn answer(
    mut stream: TcpStream,
    asked: &Semaphore,
    mut began: watch::Receiver<Option<Instant>>,
    start: Instant,
    tokens: u32,
    pace: Duration,
) -> Result<(), Failure> {
    stream.set_nodelay(true)?;
    // The request fits into one read of this size: a header and one short message.
    let mut request = vec![0; 16 << 10];
    let mut read = 0;
    while !is_whole(&request[..read]) {
        let count = stream.read(&mut request[read..]).await?;
        if count == 0 {
            return Ok(());
        }
        read += count;
    }
    asked.add_permits(1);
    began.wait_for(Option::is_some).await?;
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).await?;
    let mut ticks = tokio::time::interval(pace);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for index in 0..tokens {
        ticks.tick().await;
        let micros = start.elapsed().as_micros();
        let event = format!(
            "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"k{index}@{micros} \"}}}}]}}\n\n"
        );
        stream.write_all(event.as_bytes()).await?;
    }
    let end = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    stream.write_all(end.as_bytes()).await?;
    Ok(stream.shutdown().await?)
}

/// Whether the head and as much as its `content-length` says are there.
fn is_whole(request: &[u8]) -> bool {
    let Some(end) = memchr::memmem::find(request, b"\r\n\r\n") else {
        return false;
    };
    let head = String::from_utf8_lossy(&request[..end]).to_ascii_lowercase();
    let mut lines = head.lines();
    let length = lines.find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    request.len() >= end + 4 + length.unwrap_or(0_usize)
}
