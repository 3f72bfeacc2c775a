//! Requests and answers on their way: what [`crate::network`] says goes wrong, happens here.

use std::collections::BTreeMap;

use crate::{
    happenings::Gone,
    network::{Ending, Exchange, Fault, Strike, split},
    pace::AFTER_PROGRESS,
    page::Key,
    proxy::Flow,
    server::{Kind, Out, Reply},
    trace::short,
    world::{Event, World},
};
use rejoin_core::{Input, TransportError};

impl World {
    /// A request leaves the page.
    pub(crate) fn send(&mut self, key: Key, request: crate::server::Request, is_stream: bool) {
        let percent = if self.is_calm {
            0
        } else {
            self.plan.fault_percent
        };
        let fault = match self.plan.kind {
            Kind::Odd => Fault::draw_odd(&mut self.rng, percent, is_stream),
            Kind::Python | Kind::Js | Kind::Ours => Fault::draw(&mut self.rng, percent, is_stream),
        };
        let fault = self.without_false_end(fault);
        let (low, high) = self.plan.latency_ms;
        let mut latency_ms = self.rng.between(low, high);
        if let Fault::Slow(more) = fault {
            latency_ms += more;
        }
        self.report.count(format!("fault: {}", fault.name()));
        self.trace.line(self.now, || {
            let method = if request.is_post { "POST" } else { "GET" };
            let last = request
                .last_event_id
                .as_ref()
                .map(|id| format!(" after {id}"))
                .unwrap_or_default();
            format!(
                "  {} {method} {}{last} [{}, {latency_ms} ms]",
                key.1.0,
                request.path,
                fault.name()
            )
        });
        let exchange = Exchange {
            request,
            is_stream,
            fault,
            flow: if is_stream {
                self.plan.proxy.flow
            } else {
                Flow::Free
            },
            held_headers: None,
            has_progressed: false,
            latency_ms,
            conn: None,
            inbox: Vec::new(),
            is_flush_planned: false,
            delivered: 0,
            frames: 0,
            ending: None,
            ends_run: None,
            is_silent: false,
        };
        self.check_request(key, &exchange.request);
        self.exchanges.insert(key, exchange);
        self.queue.push(self.now + latency_ms, Event::Arrive(key));
    }

    fn check_request(&mut self, key: Key, request: &crate::server::Request) {
        if let Some(submission) = request.submission() {
            let mut became = self.server.posts.get(submission).into_iter().flatten();
            // Neither the list of runs nor the thread tells of it.
            let is_untold = |run: &String| {
                let run = self.server.runs.get(run);
                run.is_none_or(|run| run.is_forgotten && !run.has_begun)
            };
            let is_lost = became.all(is_untold);
            if let Err(words) = self.checker.posts.sent(submission, key.0, is_lost) {
                self.checker.fail(words);
            }
        }
        let now = self.now;
        if let Some(page) = self.page.as_mut().filter(|page| page.number == key.0)
            && let Err(words) = page.pace.asked(now)
        {
            self.checker.fail(words);
        }
    }

    /// The page has dropped a request.
    pub(crate) fn abort(&mut self, key: Key) {
        if let Some(conn) = self
            .exchanges
            .remove(&key)
            .and_then(|exchange| exchange.conn)
        {
            self.server.drop_conn(conn);
        }
    }

    pub(crate) fn arrive(&mut self, key: Key) {
        let Some(exchange) = audible(&mut self.exchanges, key) else {
            return;
        };
        let latency = exchange.latency_ms;
        let (fault, is_stream, request) =
            (exchange.fault, exchange.is_stream, exchange.request.clone());
        if let Some(gone) = self.network_gone {
            let fails = match gone {
                Gone::Told | Gone::Refused => true,
                Gone::Silently => self.rng.chance(60),
                Gone::Hung => false,
            };
            return if fails {
                self.queue.push(self.now + 1, Event::Fail(key))
            } else {
                self.silence(key)
            };
        }
        match fault {
            Fault::Refused => return self.queue.push(self.now + latency, Event::Fail(key)),
            Fault::Hang => return self.silence(key),
            Fault::Status(status) => {
                let headers = if status == 429 {
                    vec![("retry-after".to_owned(), "2".to_owned())]
                } else {
                    Vec::new()
                };
                return self.plain(key, is_stream, status, headers, b"no".to_vec());
            }
            Fault::TooMany => {
                return self.plain(key, is_stream, 429, Vec::new(), b"no".to_vec());
            }
            Fault::Html(status) => {
                let headers = vec![("content-type".to_owned(), "text/html".to_owned())];
                return self.plain(
                    key,
                    is_stream,
                    status,
                    headers,
                    b"<html>Sign in</html>".to_vec(),
                );
            }
            Fault::None
            | Fault::AnswerLost
            | Fault::BadGatewayAfter
            | Fault::HangAfter
            | Fault::Slow(_)
            | Fault::Cut(..)
            | Fault::Stall(_)
            | Fault::Garbage(_) => {}
        }
        if self.server.is_down {
            return if self.rng.chance(30) {
                self.plain(
                    key,
                    is_stream,
                    502,
                    Vec::new(),
                    b"<html>502</html>".to_vec(),
                )
            } else {
                self.queue.push(self.now + latency, Event::Fail(key))
            };
        }
        let mut request = request;
        let (last, odd) = self.plan.proxy.last_event_id(request.last_event_id.take());
        request.last_event_id = last;
        if let Some(odd) = odd {
            self.report.count(odd);
        }
        let reply = self.server.answer(self.now, &request);
        self.carry();
        self.reply(key, fault, reply);
    }

    fn reply(&mut self, key: Key, fault: Fault, reply: Reply) {
        let Some(exchange) = self.exchanges.get_mut(&key) else {
            return;
        };
        let (latency, is_stream) = (exchange.latency_ms, exchange.is_stream);
        if let Reply::Stream { conn, .. } = &reply {
            exchange.conn = Some(*conn);
        }
        match fault {
            Fault::AnswerLost => {
                self.hang_up(key);
                return self.queue.push(self.now + latency, Event::Fail(key));
            }
            Fault::BadGatewayAfter => {
                self.hang_up(key);
                return self.plain(
                    key,
                    is_stream,
                    502,
                    Vec::new(),
                    b"<html>502</html>".to_vec(),
                );
            }
            Fault::HangAfter => return self.silence(key),
            Fault::None
            | Fault::Refused
            | Fault::Status(_)
            | Fault::TooMany
            | Fault::Html(_)
            | Fault::Hang
            | Fault::Slow(_)
            | Fault::Cut(..)
            | Fault::Stall(_)
            | Fault::Garbage(_) => {}
        }
        match reply {
            Reply::Plain { status, body } => self.plain(key, is_stream, status, Vec::new(), body),
            Reply::Stream { headers, .. } => self.begin_stream(key, headers),
        }
    }

    /// A stream's headers come through the proxy.
    fn begin_stream(&mut self, key: Key, headers: Vec<(String, String)>) {
        let (headers, odd) = self.plan.proxy.headers(headers);
        for odd in odd {
            self.report.count(odd);
        }
        let Some(exchange) = self.exchanges.get_mut(&key) else {
            return;
        };
        let at = self.now + exchange.latency_ms;
        match exchange.flow {
            Flow::HeldBack(false) => {
                exchange.held_headers = Some(headers);
                self.report.count("odd: held back");
                return;
            }
            Flow::HeldBack(true) => self.report.count("odd: held back with the headers"),
            Flow::CappedInTime(after, clean) => {
                self.queue.push(at + after, Event::Cap(key, clean));
            }
            Flow::CappedInBytes(..) | Flow::Free => {}
        }
        self.queue
            .push(at, Event::Headers(key, 200, headers, Vec::new()));
    }

    /// The proxy has had enough of a connection.
    pub(crate) fn cap(&mut self, key: Key, clean: bool) {
        let Some(exchange) = audible(&mut self.exchanges, key) else {
            return;
        };
        let (name, ending) = match clean {
            true => ("odd: capped in time, ended", Ending::Clean),
            false => ("odd: capped in time, cut", Ending::Broken),
        };
        exchange.ending = Some(ending);
        self.report.count(name);
        self.hang_up(key);
        self.flush(key);
    }

    /// Where nobody can ask for the run, a stream that ends is over: what says so falsely is another matter.
    fn without_false_end(&self, fault: Fault) -> Fault {
        match fault {
            Fault::Cut(after, true) if self.server.ways().odd.run_status.is_some() => {
                Fault::Cut(after, false)
            }
            fault => fault,
        }
    }

    pub(crate) fn hang_up(&mut self, key: Key) {
        if let Some(conn) = self
            .exchanges
            .get_mut(&key)
            .and_then(|exchange| exchange.conn.take())
        {
            self.server.drop_conn(conn);
        }
    }

    pub(crate) fn silence(&mut self, key: Key) {
        if let Some(exchange) = self.exchanges.get_mut(&key) {
            exchange.is_silent = true;
        }
    }

    fn plain(
        &mut self,
        key: Key,
        is_stream: bool,
        status: u16,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
    ) {
        let Some(exchange) = self.exchanges.get(&key) else {
            return;
        };
        let at = self.now + exchange.latency_ms;
        let event = if is_stream {
            Event::Headers(key, status, headers, body)
        } else {
            Event::Answer(key, status, headers, body)
        };
        self.queue.push(at, event);
    }

    pub(crate) fn headers(
        &mut self,
        key: Key,
        status: u16,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
    ) {
        let Some(exchange) = audible(&mut self.exchanges, key) else {
            return;
        };
        let is_whole = exchange.conn.is_none();
        if is_whole {
            exchange.inbox.extend(body);
            exchange.ending = Some(Ending::Clean);
            exchange.fault = Fault::None;
            exchange.flow = Flow::Free;
            exchange.is_flush_planned = true;
            self.queue.push(self.now, Event::Flush(key));
        }
        // A page that has gone receives nothing.
        let is_received = self.page.as_ref().is_some_and(|page| page.number == key.0);
        if status == 200
            && !is_whole
            && is_received
            && let Some(submission) = exchange.request.submission()
        {
            self.checker.posts.answered(submission, key.0);
        }
        self.feed_to(key, |attempt| Input::HeadersArrived {
            attempt,
            status,
            headers,
        });
    }

    /// Carries what the server has sent into the network.
    pub(crate) fn carry(&mut self) {
        for out in std::mem::take(&mut self.server.out) {
            let (conn, bytes, ending, run) = match out {
                Out::Bytes(conn, bytes) => (conn, bytes, None, None),
                Out::End(conn, run) => (conn, Vec::new(), Some(Ending::Clean), run),
                Out::Broken(conn) => (conn, Vec::new(), Some(Ending::Broken), None),
            };
            let found = self
                .exchanges
                .iter_mut()
                .find(|(_, exchange)| exchange.conn == Some(conn));
            let Some((key, exchange)) = found else {
                continue;
            };
            if exchange.is_silent {
                continue;
            }
            if ending.is_some() {
                exchange.ending = ending;
                exchange.ends_run = run;
            } else {
                exchange.sent(&bytes);
            }
            if exchange.is_held() {
                continue;
            }
            let at = self.now + exchange.latency_ms;
            if let Some(headers) = exchange.held_headers.take() {
                self.queue
                    .push(at, Event::Headers(*key, 200, headers, Vec::new()));
            }
            if !std::mem::replace(&mut exchange.is_flush_planned, true) {
                self.queue.push(at, Event::Flush(*key));
            }
        }
    }

    pub(crate) fn flush(&mut self, key: Key) {
        let Some(exchange) = audible(&mut self.exchanges, key) else {
            return;
        };
        exchange.is_flush_planned = false;
        let (bytes, strike) = exchange.take();
        for bytes in split(&mut self.rng, bytes) {
            if !self.exchanges.contains_key(&key) {
                return;
            }
            self.trace.line(self.now, || {
                format!(
                    "  {} <- {}",
                    key.1.0,
                    short(&String::from_utf8_lossy(&bytes))
                )
            });
            self.feed_to(key, |attempt| Input::ChunkArrived { attempt, bytes });
            self.note_progress(key);
        }
        let Some(exchange) = self.exchanges.get_mut(&key) else {
            return;
        };
        let ending = match strike {
            Some(Strike::End) => Some(Ending::Clean),
            Some(Strike::Cut) => Some(Ending::Broken),
            Some(Strike::CapEnd) => {
                self.report.count("odd: capped in bytes, ended");
                Some(Ending::Clean)
            }
            Some(Strike::CapCut) => {
                self.report.count("odd: capped in bytes, cut");
                Some(Ending::Broken)
            }
            Some(Strike::Stall) => return self.silence(key),
            None => {
                let (heard, ending) = (exchange.ends_run.take(), exchange.ending);
                // A page that was closed hears nothing.
                let heard = heard.filter(|_| ending == Some(Ending::Clean) && self.is_page(key.0));
                self.checker.ends_heard.extend(heard);
                ending
            }
        };
        match ending {
            Some(Ending::Clean) => {
                self.hang_up(key);
                self.exchanges.remove(&key);
                self.trace.line(self.now, || format!("  {} ends", key.1.0));
                self.feed_to(key, |attempt| Input::BodyEnded { attempt });
            }
            Some(Ending::Broken) => self.fail_exchange(key),
            None => {}
        }
    }

    /// A connection that has brought something makes the next one come sooner.
    fn note_progress(&mut self, key: Key) {
        let Some(exchange) = self.exchanges.get_mut(&key) else {
            return;
        };
        if std::mem::take(&mut self.checker.has_grown)
            && !std::mem::replace(&mut exchange.has_progressed, true)
        {
            self.allow(AFTER_PROGRESS);
        }
    }

    pub(crate) fn fail_exchange(&mut self, key: Key) {
        self.hang_up(key);
        if self.exchanges.remove(&key).is_some() {
            self.trace.line(self.now, || format!("  {} fails", key.1.0));
            let error = TransportError::Network {
                message: "Failed to fetch".to_owned(),
            };
            self.feed_to(key, |attempt| Input::RequestFailed { attempt, error });
        }
    }
}

/// The exchange of a request whose server can still be heard.
fn audible(exchanges: &mut BTreeMap<Key, Exchange>, key: Key) -> Option<&mut Exchange> {
    exchanges
        .get_mut(&key)
        .filter(|exchange| !exchange.is_silent)
}
