//! Readers that look for the tokens in what they are sent, and for nothing else: their own work must not be what is measured.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinHandle,
    time::Instant,
};

use crate::{Failure, lag::Lag};

/// What became of a reader.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) lag: Lag,
    /// Tokens that were new.
    pub(crate) tokens: u64,
    pub(crate) snapshots: u64,
    pub(crate) bytes: u64,
    expected: u64,
    /// The first token that was not the next one, and what was expected.
    missed: Option<(u64, u64)>,
    failure: Option<String>,
}

impl Outcome {
    /// Whether it had every token, once and in order.
    pub(crate) fn is_whole(&self) -> bool {
        self.missed.is_none() && self.failure.is_none() && self.tokens == self.expected
    }

    pub(crate) fn told(&self) -> String {
        format!(
            "{} of {} tokens, missed {:?}, {}",
            self.tokens,
            self.expected,
            self.missed,
            self.failure.as_deref().unwrap_or("no failure")
        )
    }
}

/// A reader in a task of its own.
pub(crate) struct Reader(JoinHandle<Outcome>);

impl Reader {
    pub(crate) fn start(server: SocketAddr, thread: &str, start: Instant, tokens: u32) -> Self {
        let thread = thread.to_owned();
        Self(tokio::spawn(async move {
            let mut outcome = Outcome {
                expected: tokens.into(),
                ..Outcome::default()
            };
            if let Err(error) = read(server, &thread, start, &mut outcome).await {
                outcome.failure = Some(error.to_string());
            }
            outcome
        }))
    }

    /// What it has had once it is through, or after `deadline`.
    pub(crate) async fn outcome(self, deadline: Duration) -> Outcome {
        match tokio::time::timeout(deadline, self.0).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) => failed(error.to_string()),
            Err(_) => failed("it never ended".to_owned()),
        }
    }
}

fn failed(failure: String) -> Outcome {
    Outcome {
        failure: Some(failure),
        ..Outcome::default()
    }
}

async fn open(server: SocketAddr, thread: &str) -> Result<TcpStream, Failure> {
    let mut stream = TcpStream::connect(server).await?;
    let request =
        format!("GET /sessions/{thread}/stream?limit=50 HTTP/1.1\r\nhost: {server}\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    Ok(stream)
}

/// Connections that ask for a stream and never read it.
pub(crate) async fn stall(
    server: SocketAddr,
    threads: &[String],
    count: usize,
) -> Result<Vec<TcpStream>, Failure> {
    let mut streams = Vec::new();
    for index in 0..count {
        streams.push(open(server, &threads[index % threads.len()]).await?);
    }
    Ok(streams)
}

async fn read(
    server: SocketAddr,
    thread: &str,
    start: Instant,
    outcome: &mut Outcome,
) -> Result<(), Failure> {
    let mut stream = open(server, thread).await?;
    let mut buffer = vec![0; 32 << 10];
    let mut held = 0;
    while outcome.tokens < outcome.expected {
        let count = stream.read(&mut buffer[held..]).await?;
        if count == 0 {
            return Err("the stream ended".into());
        }
        let now = start.elapsed();
        outcome.bytes += count as u64;
        let end = held + count;
        let used = scan(&buffer[..end], now, outcome);
        buffer.copy_within(used..end, 0);
        held = end - used;
    }
    Ok(())
}

/// Reads every whole `k{number}@{micros} `; returns how many bytes are done with.
fn scan(bytes: &[u8], now: Duration, outcome: &mut Outcome) -> usize {
    let mut at = 0;
    while let Some(found) = memchr::memchr(b'@', &bytes[at..]) {
        let sign = at + found;
        let Some(length) = memchr::memchr(b' ', &bytes[sign..]) else {
            break;
        };
        let digits = bytes[at..sign]
            .iter()
            .rev()
            .take_while(|byte| byte.is_ascii_digit());
        let first = sign - digits.count();
        let number = |text: &[u8]| std::str::from_utf8(text).ok()?.parse::<u64>().ok();
        let token = number(&bytes[first..sign]);
        let said = number(&bytes[sign + 1..sign + length]);
        if let (Some(token), Some(said)) = (token, said) {
            note(
                token,
                now.saturating_sub(Duration::from_micros(said)),
                outcome,
            );
        }
        at = sign + length;
    }
    // A token that is not whole yet begins at most this far from the end.
    at.max(bytes.len().saturating_sub(64))
}

fn note(token: u64, lag: Duration, outcome: &mut Outcome) {
    if token == outcome.tokens {
        outcome.tokens += 1;
        outcome.lag.note(lag);
    } else if token > outcome.tokens {
        outcome.missed.get_or_insert((token, outcome.tokens));
    } else if token == 0 {
        // Everything from the beginning, as of now.
        outcome.snapshots += 1;
    }
}
