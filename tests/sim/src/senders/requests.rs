//! Requests and answers on their way, and what goes wrong there.

use super::{Due, Key, Senders};
use crate::{
    page::to_server,
    server::{ConnId, Out, Reply, Request},
    trace::short,
};
use rejoin_core::{HttpRequest, Input, TransportError};

/// What goes wrong with one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// It never reaches the server.
    Refused,
    /// The server has done it; the answer is lost.
    AnswerLost,
    /// Nothing comes, and nothing says so; the server has done it, or not.
    Hang {
        is_done: bool,
    },
    /// A stream breaks off with its next piece.
    Cut,
}

/// One request and its answer.
#[derive(Debug)]
pub(super) struct Exchange {
    request: Request,
    is_stream: bool,
    fault: Fault,
    latency_ms: u64,
    conn: Option<ConnId>,
    inbox: Vec<u8>,
    is_flush_planned: bool,
    /// Whether the body has ended, and properly.
    ended: Option<bool>,
    /// Whether nothing is delivered any more.
    is_silent: bool,
}

impl Senders {
    pub(super) fn send(&mut self, key: Key, request: &HttpRequest, is_stream: bool) {
        let request = to_server(request);
        let fault = match self.rng.chance(self.fault_percent) {
            true => self.rng.pick(&[
                Fault::Refused,
                Fault::AnswerLost,
                Fault::Hang { is_done: false },
                Fault::Hang { is_done: true },
                Fault::Cut,
            ]),
            false => Fault::None,
        };
        let latency_ms = self.rng.between(self.latency_ms.0, self.latency_ms.1);
        self.note(|| {
            let method = if request.is_post { "POST" } else { "GET" };
            format!(
                "  life {} {} {method} {} [{fault:?}]",
                key.0, key.1.0, request.path
            )
        });
        if let Some(submission) = request.submission() {
            let mut became = self.server.posts.get(submission).into_iter().flatten();
            let is_lost = became.all(|run| !self.server.runs.contains_key(run));
            if let Err(words) = self.posts.sent(submission, key.0, is_lost) {
                self.fail(words);
            }
        }
        let exchange = Exchange {
            request,
            is_stream,
            fault,
            latency_ms,
            conn: None,
            inbox: Vec::new(),
            is_flush_planned: false,
            ended: None,
            is_silent: false,
        };
        self.exchanges.insert(key, exchange);
        self.queue.push(self.now + latency_ms, Due::Arrive(key));
    }

    pub(super) fn abort(&mut self, key: Key) {
        let conn = self
            .exchanges
            .remove(&key)
            .and_then(|exchange| exchange.conn);
        conn.into_iter()
            .for_each(|conn| self.server.drop_conn(conn));
    }

    pub(super) fn arrive(&mut self, key: Key) {
        let Some(exchange) = self
            .exchanges
            .get_mut(&key)
            .filter(|exchange| !exchange.is_silent)
        else {
            return;
        };
        let (fault, later) = (exchange.fault, self.now + exchange.latency_ms);
        if !self.is_online || self.server.is_down || fault == Fault::Refused {
            return self.fails_at(key, later);
        }
        if fault == (Fault::Hang { is_done: false }) {
            exchange.is_silent = true;
            return;
        }
        let (request, is_stream) = (exchange.request.clone(), exchange.is_stream);
        let reply = self.server.answer(self.now, &request);
        self.carry();
        let Some(exchange) = self.exchanges.get_mut(&key) else {
            return;
        };
        if let Reply::Stream { conn, .. } = &reply {
            exchange.conn = Some(*conn);
        }
        match fault {
            Fault::AnswerLost => return self.fails_at(key, later),
            Fault::Hang { .. } => {
                exchange.is_silent = true;
                return;
            }
            Fault::None | Fault::Refused | Fault::Cut => {}
        }
        let attempt = key.1;
        match reply {
            Reply::Stream { headers, .. } => {
                if let Some(submission) = request.submission() {
                    self.posts.answered(submission, key.0);
                }
                let input = Input::HeadersArrived {
                    attempt,
                    status: 200,
                    headers,
                };
                self.queue.push(later, Due::Tell(key.0, input));
            }
            Reply::Plain { status, body } if is_stream => {
                let headers = Vec::new();
                let input = Input::HeadersArrived {
                    attempt,
                    status,
                    headers,
                };
                self.queue.push(later, Due::Tell(key.0, input));
                exchange.inbox = body;
                exchange.ended = Some(true);
                self.queue.push(later, Due::Flush(key));
            }
            Reply::Plain { status, body } => {
                let headers = Vec::new();
                let input = Input::ResponseArrived {
                    attempt,
                    status,
                    headers,
                    body,
                };
                self.queue.push(later, Due::Answer(key, input));
            }
        }
    }

    /// Its tab learns that it has failed.
    fn fails_at(&mut self, key: Key, at: u64) {
        if let Some(exchange) = self.exchanges.get_mut(&key) {
            exchange.is_silent = true;
            exchange
                .conn
                .take()
                .into_iter()
                .for_each(|conn| self.server.drop_conn(conn));
        }
        let error = TransportError::Network {
            message: "Failed to fetch".to_owned(),
        };
        let attempt = key.1;
        self.queue.push(
            at,
            Due::Answer(key, Input::RequestFailed { attempt, error }),
        );
    }

    /// The network is gone, for all that is under way.
    pub(super) fn cut_all(&mut self) {
        let keys: Vec<Key> = self.exchanges.keys().copied().collect();
        for key in keys {
            let later = self.now + self.rng.between(0, 50);
            self.fails_at(key, later);
        }
    }

    /// Carries what the server has sent into the network.
    pub(super) fn carry(&mut self) {
        for out in std::mem::take(&mut self.server.out) {
            let (conn, bytes, ended) = match out {
                Out::Bytes(conn, bytes) => (conn, bytes, None),
                Out::End(conn, _) => (conn, Vec::new(), Some(true)),
                Out::Broken(conn) => (conn, Vec::new(), Some(false)),
            };
            let mut exchanges = self.exchanges.iter_mut();
            let found = exchanges.find(|(_, exchange)| exchange.conn == Some(conn));
            let Some((key, exchange)) = found.filter(|(_, exchange)| !exchange.is_silent) else {
                continue;
            };
            exchange.inbox.extend(bytes);
            exchange.ended = exchange.ended.or(ended);
            if !std::mem::replace(&mut exchange.is_flush_planned, true) {
                self.queue
                    .push(self.now + exchange.latency_ms, Due::Flush(*key));
            }
        }
    }

    pub(super) fn flush(&mut self, key: Key) {
        let Some(exchange) = self
            .exchanges
            .get_mut(&key)
            .filter(|exchange| !exchange.is_silent)
        else {
            return;
        };
        exchange.is_flush_planned = false;
        let attempt = key.1;
        let bytes = std::mem::take(&mut exchange.inbox);
        if exchange.fault == Fault::Cut {
            return self.fails_at(key, self.now);
        }
        let ended = exchange.ended;
        if !bytes.is_empty() {
            self.note(|| {
                format!(
                    "  life {} {} <- {}",
                    key.0,
                    attempt.0,
                    short(&String::from_utf8_lossy(&bytes))
                )
            });
            self.tell(key.0, Input::ChunkArrived { attempt, bytes });
        }
        match ended {
            Some(true) => {
                self.abort(key);
                self.tell(key.0, Input::BodyEnded { attempt });
            }
            Some(false) => self.fails_at(key, self.now),
            None => {}
        }
    }
}
