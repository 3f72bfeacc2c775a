//! Connecting, and connecting again. Submitting, joining by hand and rejoining by itself all come through
//! [`Client::open_stream`].

use super::{
    Client,
    link::Link,
    requests::{header, status_error},
    urls,
};
use crate::{
    Effect, ErrorCode, HttpRequest, Method, Millis, Notice, Outcome, StreamError, phase::Phase,
};

impl Client {
    /// Joins the run where its id is known; posts the submission where it has not left; otherwise finds the run.
    pub(super) fn open_stream(&mut self) {
        let Some(follow) = &self.follow else { return };
        if follow.run_id.is_some() {
            self.open_join();
        } else if follow.body.is_some() && !follow.posted {
            self.open_post();
        } else {
            self.find_run();
        }
    }

    fn open_post(&mut self) {
        let Some(url) = self.thread_url("/runs/stream") else {
            return;
        };
        let mut request = self.request(Method::Post, url, self.config.timeouts.headers);
        let Some(follow) = &mut self.follow else {
            return;
        };
        request.body.clone_from(&follow.body);
        follow.posted = true;
        self.open(request, None);
        self.mark_record();
    }

    fn open_join(&mut self) {
        let follow = self.follow.as_ref();
        let Some(url) = follow.and_then(|follow| self.join_url(&follow.join_modes)) else {
            return;
        };
        let mut request = self.request(Method::Get, url, self.config.timeouts.join);
        let Some(follow) = &mut self.follow else {
            return;
        };
        follow.body = None;
        if !follow.cursor.can_resume() && self.shadow.is_none() {
            follow.cursor.rewind();
            // Whatever is shown stays until the replay has caught up with it.
            if !self.store.slots().is_empty() {
                self.shadow = Some(Box::new(self.store.replayed()));
            }
        }
        let last_event_id = follow.cursor.resume_from().to_owned();
        request
            .headers
            .push(("last-event-id", last_event_id.clone()));
        self.open(request, Some(last_event_id));
    }

    fn open(&mut self, request: HttpRequest, last_event_id: Option<String>) {
        let is_join = last_event_id.is_some();
        let mut link = self.open_link(request, is_join);
        let attempt = link.attempt;
        let Some(follow) = &mut self.follow else {
            return;
        };
        link.from_start = follow.cursor.is_at_start();
        follow.link = Some(link);
        let tries = follow.tries;
        self.set_phase(Phase::Opening { attempt });
        if cfg!(feature = "timeline") {
            self.notify(Notice::AttemptOpened {
                tries,
                last_event_id,
            });
        }
    }

    /// Sends a request whose answer is a stream.
    pub(super) fn open_link(&mut self, mut request: HttpRequest, is_join: bool) -> Box<Link> {
        let accept = ("accept", "text/event-stream".to_owned());
        request.headers.push(accept);
        let attempt = self.new_attempt();
        self.effects.push(Effect::OpenStream { attempt, request });
        Box::new(Link::new(attempt, self.now, is_join, self.config.limits))
    }

    pub(super) fn headers_arrived(&mut self, status: u16, headers: &[(String, String)]) {
        let Some(link) = self.follow.as_mut().and_then(|follow| follow.link.as_mut()) else {
            return;
        };
        let (attempt, is_join) = (link.attempt, link.is_join);
        match link.begin(self.now, status, headers) {
            None => return,
            Some(Ok(())) => {}
            Some(Err(error)) if is_join => return self.lost(error),
            Some(Err(error)) => return self.refused(error),
        }
        let run_id = header(headers, "content-location").and_then(urls::run_id_in);
        if let Some(follow) = &mut self.follow {
            follow.headers_refreshed = false;
        }
        self.set_phase(Phase::Live { attempt });
        if let Some(run_id) = run_id {
            self.run_named(run_id);
        }
    }

    /// The run has its id, from whichever came first: `Content-Location` or the `metadata` event.
    pub(super) fn run_named(&mut self, run_id: rejoin_wire::RunId) {
        let (Some(follow), Some(thread_id)) = (&mut self.follow, self.thread_id.clone()) else {
            return;
        };
        if follow.run_id.is_some() {
            return;
        }
        follow.run_id = Some(run_id.clone());
        follow.body = None;
        let (cancel_wanted, submitted) = (follow.cancel_wanted, follow.submission_id.is_some());
        if submitted {
            self.supersede_record();
        }
        self.store.touch();
        self.notify(Notice::Created { run_id, thread_id });
        self.mark_record();
        if cancel_wanted {
            self.send_cancel();
        }
    }

    /// Collects the body of an answer that is not a stream. `None`: it is.
    pub(super) fn refusal_chunk(&mut self, bytes: &[u8]) -> Option<()> {
        let link = self.follow.as_mut()?.link.as_mut()?;
        if link.refusal_chunk(bytes)? {
            self.conclude_refusal();
        }
        Some(())
    }

    /// What an answer that is not a stream means. `None`: it was one.
    pub(super) fn conclude_refusal(&mut self) -> Option<()> {
        let link = self.follow.as_mut()?.link.as_mut()?;
        let refusal = link.refusal.take()?;
        let is_join = link.is_join;
        let error = status_error(refusal.status, &refusal.body);
        match refusal.status {
            401 | 403 => self.denied(error),
            404 | 409 | 410 if is_join => {
                self.close_link("the run is not known");
                self.begin_settle(Outcome::Expired);
            }
            429 => {
                self.unposted();
                self.lost_for(error, refusal.retry_after);
            }
            500 if !is_join => self.refused(error),
            408 | 500.. => self.lost_for(error, refusal.retry_after),
            _ => self.refused(error),
        }
        Some(())
    }

    /// 401 and 403: once with headers made anew, then it is over.
    fn denied(&mut self, error: StreamError) {
        self.unposted();
        let Some(follow) = &mut self.follow else {
            return;
        };
        if std::mem::replace(&mut follow.headers_refreshed, true) {
            self.close_link("denied");
            return self.fail(Outcome::Denied(error));
        }
        self.close_link("denied; the headers are made anew");
        self.refresh_headers = true;
        self.open_stream();
    }

    /// The server has said no to a submission, so it has not become a run.
    fn unposted(&mut self) {
        if let Some(follow) = &mut self.follow {
            follow.posted = follow.run_id.is_some();
        }
    }

    fn refused(&mut self, error: StreamError) {
        self.close_link("refused");
        let known = self.run_id().is_some();
        if let Some(follow) = &mut self.follow {
            follow.rejoinable = known;
        }
        self.fail(Outcome::Failed(error));
    }

    /// The connection is gone, for a reason that may pass.
    pub(super) fn lost(&mut self, error: StreamError) {
        self.lost_for(error, None);
    }

    pub(super) fn lost_for(&mut self, error: StreamError, retry_after: Option<Millis>) {
        if self.is_stream_only() {
            self.close_link(error.code.as_str());
            return self.fail(Outcome::Failed(error));
        }
        let Some(follow) = &mut self.follow else {
            return;
        };
        let progressed = follow.link.as_ref().is_some_and(|link| link.progressed);
        follow.tries = if progressed { 1 } else { follow.tries + 1 };
        follow.reconnected = true;
        let before = follow.last_error.replace(error.clone());
        let tries = follow.tries;
        let new = before.is_none_or(|before| before.code != error.code);
        if new && error.code != ErrorCode::Unreachable {
            // A lost connection is told by its state; a server's own words are told once.
            self.warn(error.clone());
        }
        self.close_link(error.code.as_str());
        if matches!(
            error.code,
            ErrorCode::HeadersFailed | ErrorCode::InvalidRequest
        ) {
            self.unposted();
            return self.fail(Outcome::Failed(error));
        }
        if !self.visible || !self.online {
            // Waiting for the reader or for the network is not a failure of the server's.
            if let Some(follow) = &mut self.follow {
                follow.tries -= 1;
            }
            return self.set_phase(Phase::Parked);
        }
        if tries > self.config.retry.attempts_max {
            return self.give_up(error);
        }
        let until = self.now + self.wait_before(tries, retry_after);
        self.set_phase(Phase::Waiting { until });
    }

    /// How long is waited before the next attempt: what the server says, else longer each time.
    pub(super) fn wait_before(&mut self, tries: u32, retry_after: Option<Millis>) -> Millis {
        let backoff = self.backoff(tries);
        let retry_after_max = self.config.retry.retry_after_max;
        retry_after.map_or(backoff, |after| after.min(retry_after_max))
    }

    pub(super) fn backoff(&mut self, tries: u32) -> Millis {
        let policy = self.config.retry;
        let mut bound = policy.backoff_base;
        for _ in 1..tries.min(33) {
            bound = bound + bound;
        }
        Millis(self.rng.up_to(bound.min(policy.backoff_max).0))
    }

    /// The next attempt, whatever it is for.
    pub(super) fn go_on(&mut self) {
        match self
            .follow
            .as_ref()
            .and_then(|follow| follow.settle.clone())
        {
            Some(outcome) => self.begin_settle(outcome),
            None => self.open_stream(),
        }
    }

    pub(super) fn set_reachable(&mut self, online: bool, visible: bool) {
        let woke = (online && !self.online) || (visible && !self.visible);
        self.online = online;
        self.visible = visible;
        self.store.touch();
        match self.phase {
            Phase::Waiting { .. } if !online || !visible => self.set_phase(Phase::Parked),
            Phase::Waiting { .. } if woke => self.go_on(),
            Phase::Parked if online && visible => self.go_on(),
            Phase::Live { .. } if woke => self.reopen_unless_alive(self.config.timeouts.alive),
            Phase::Idle
            | Phase::Finding { .. }
            | Phase::Opening { .. }
            | Phase::Live { .. }
            | Phase::Waiting { .. }
            | Phase::Parked
            | Phase::Checking { .. }
            | Phase::Settling { .. }
            | Phase::Ended(_) => {}
        }
        if woke && online && visible {
            self.load_woke();
        }
        if let Some(extras) = self.session_extras() {
            (extras.feed_reachable)(self, woke);
        }
    }

    /// The page was frozen or kept aside: no connection can be relied on.
    pub(super) fn thawed(&mut self) {
        self.visible = true;
        match self.phase {
            Phase::Live { .. } | Phase::Opening { .. } => self.reopen_unless_alive(Millis(0)),
            Phase::Waiting { .. } | Phase::Parked => self.set_reachable(self.online, true),
            Phase::Finding { .. } | Phase::Checking { .. } | Phase::Settling { .. } => {
                self.abort_phase_request();
                self.go_on();
            }
            Phase::Idle | Phase::Ended(_) => {}
        }
        self.load_woke();
        if let Some(extras) = self.session_extras() {
            (extras.feed_thawed)(self);
        }
    }

    fn reopen_unless_alive(&mut self, alive: Millis) {
        let link = self.follow.as_ref().and_then(|follow| follow.link.as_ref());
        if self.is_stream_only() || link.is_none_or(|link| link.is_alive(self.now, alive)) {
            return;
        }
        self.close_link("not provably alive");
        self.reopen();
    }

    /// Connects anew at once, which is nobody's failure.
    pub(super) fn reopen(&mut self) {
        if let Some(follow) = &mut self.follow {
            follow.reconnected = true;
        }
        self.open_stream();
    }

    pub(super) fn last_error_or(&self, code: ErrorCode) -> StreamError {
        let last = self
            .follow
            .as_ref()
            .and_then(|follow| follow.last_error.clone());
        last.unwrap_or_else(|| StreamError::new(code))
    }

    /// The runs of the thread are listed, to find the one to join.
    pub(super) fn find_run(&mut self) {
        let Some(url) = self.runs_url() else { return };
        let attempt = self.ask(Method::Get, url);
        self.set_phase(Phase::Finding { attempt });
    }
}
