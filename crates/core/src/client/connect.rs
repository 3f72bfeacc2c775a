//! Connecting, and connecting again. Submitting, joining by hand and rejoining by itself all come through
//! [`Client::open_stream`].

use super::{
    Client, Passing,
    link::{Asks, Link, Opening, Refusal},
    parts::Woke,
    recovery::{Failure, Purpose, Reach, Recovery, Turn, Verdict, Wait},
    requests::{Answer, header, no_answer, status_error},
    run::{Cancel, Fate, Left, Posting, Run, Waiter},
    urls,
};
use crate::{
    Effect, ErrorCode, HttpRequest, Method, Millis, Notice, Outcome, StreamError,
    cursor::Recent,
    phase::{After, Next, Phase},
};
use rejoin_wire::{
    RunId,
    json::{Writer, write_string},
};

/// Why an attempt at the run has failed, where that may pass.
pub(super) struct Loss {
    pub(super) error: StreamError,
    pub(super) failure: Failure,
    pub(super) retry_after: Option<Millis>,
    /// When the server was heard last, or when it was asked.
    pub(super) since: Millis,
}

impl Client {
    /// Joins the run where its id is known; posts the submission where it has not left; otherwise finds the run.
    pub(super) fn open_stream(&mut self, run: &mut Run) {
        if let Some(run_id) = run.id.clone() {
            return self.open_join(run, &run_id);
        }
        let unsent = |posting: &&Posting| posting.fate == Fate::Unsent;
        match run.submission.as_ref().filter(unsent) {
            Some(posting) if posting.posts >= self.config.retry.posts_max => {
                let error = run.recovery.last_error.clone();
                let unconfirmed = || StreamError::new(ErrorCode::SubmissionUnconfirmed);
                self.fail(run, error.unwrap_or_else(unconfirmed));
            }
            Some(posting) if posting.body.is_some() => self.open_post(run),
            Some(_) | None => self.find_run(run),
        }
    }

    fn open_post(&mut self, run: &mut Run) {
        let (Some(url), Some(posting)) = (self.thread_url(urls::RUNS_STREAM), &mut run.submission)
        else {
            return self.without_thread(run);
        };
        let mut request = self.request(Method::Post, url, self.config.timeouts.headers);
        request.body.clone_from(&posting.body);
        posting.fate = Fate::Unknown;
        posting.posts += 1;
        self.open(run, request, Asks::Post, None);
        self.mark_record();
    }

    fn open_join(&mut self, run: &mut Run, run_id: &RunId) {
        if !run.cursor.can_resume() {
            run.cursor.rewind();
            // The screen keeps its text until the replay has caught up. A replay that broke off begins anew.
            let shows = !self.store.slots().is_empty();
            run.replay = shows.then(|| Box::new(self.store.replayed()));
        } else if run.replay.is_none() {
            run.replay = self.store.resumed().map(Box::new);
        }
        let cursor = run.cursor.resume_from().to_owned();
        let in_query = self.cursor_in_query.then_some(cursor.as_str());
        let Some(url) = self.join_url(run_id, &run.join_modes, in_query) else {
            return self.without_thread(run);
        };
        let mut request = self.request(Method::Get, url, self.config.timeouts.join);
        request.headers.push(("last-event-id", cursor.clone()));
        if let Some(posting) = &mut run.submission {
            posting.body = None;
        }
        let asks = match run.cursor.is_at_start() {
            true => Asks::All,
            false => Asks::AfterCursor,
        };
        if asks == Asks::All {
            run.applied = Recent::default();
        }
        self.open(run, request, asks, Some(cursor));
    }

    /// A run is one of a thread, so without one there is nothing to follow.
    fn without_thread(&mut self, run: &mut Run) {
        let error = StreamError::new(ErrorCode::ThreadNotFound);
        self.fail(run, error);
    }

    fn open(
        &mut self,
        run: &mut Run,
        request: HttpRequest,
        asks: Asks,
        last_event_id: Option<String>,
    ) {
        run.entered = None;
        let link = self.open_link(request, asks);
        self.set_phase(Phase::Opening(link));
        if cfg!(feature = "timeline") {
            self.notify(Notice::AttemptOpened {
                tries: run.recovery.tries,
                last_event_id,
            });
        }
    }

    /// Sends a request whose answer is a stream.
    pub(super) fn open_link(&mut self, mut request: HttpRequest, asks: Asks) -> Box<Link> {
        let accept = ("accept", "text/event-stream".to_owned());
        request.headers.push(accept);
        let attempt = self.new_attempt();
        self.effects.push(Effect::OpenStream { attempt, request });
        Box::new(Link::new(attempt, self.now, asks, self.config.limits))
    }

    pub(super) fn headers_arrived(
        &mut self,
        run: &mut Run,
        status: u16,
        headers: &[(String, String)],
    ) {
        let now = self.now;
        let link = self.phase.opening_mut();
        match link.map(|link| link.begin(now, status, headers)) {
            Some(Opening::Refused) | None => {}
            Some(Opening::Stream) => self.stream_opened(run, headers),
            Some(Opening::Foreign(error)) => self.not_a_stream(run, error),
        }
    }

    fn stream_opened(&mut self, run: &mut Run, headers: &[(String, String)]) {
        run.recovery.accepted();
        self.run_contact(run);
        if let Some(posting) = run.submission.as_mut().filter(|_| run.id.is_none()) {
            posting.fate = Fate::Received;
        }
        if let Phase::Opening(link) = std::mem::replace(&mut self.phase, Phase::Idle) {
            self.set_phase(Phase::Live(link));
        }
        let run_id = header(headers, "content-location").and_then(urls::run_id_in);
        if let Some(run_id) = run_id {
            self.run_named(run, run_id);
        }
    }

    /// Something else than events was answered as if all were well.
    pub(super) fn not_a_stream(&mut self, run: &mut Run, error: StreamError) {
        let purpose = self.link_purpose();
        self.attempt_failed(run, purpose, Failure::Unreadable, error, None);
    }

    fn link_purpose(&self) -> Purpose {
        match self.phase.link().map(|link| link.asks) {
            Some(Asks::Post) => Purpose::Post,
            Some(Asks::All | Asks::AfterCursor | Asks::Feed) | None => Purpose::Join,
        }
    }

    /// The run has its id, from whichever came first: `Content-Location` or the `metadata` event.
    pub(super) fn run_named(&mut self, run: &mut Run, run_id: RunId) {
        if run.id.is_some() || !urls::is_usable(run_id.as_str()) {
            return;
        }
        run.id = Some(run_id.clone());
        if let Some(posting) = &mut run.submission {
            posting.body = None;
            self.supersede_record();
        }
        self.store.touch();
        if let Some(thread_id) = self.thread_id.clone() {
            self.notify(Notice::Created { run_id, thread_id });
        }
        self.mark_record();
        if run.cancel == Cancel::Wanted {
            self.send_cancel(run);
        }
    }

    /// The whole body of an answer that is not a stream, or as much of it as a person needs.
    pub(super) fn conclude_refusal(&mut self, run: &mut Run, refusal: &Refusal) {
        let error = status_error(refusal.status, &refusal.body);
        let purpose = self.link_purpose();
        let failure = Failure::Status(refusal.status);
        self.attempt_failed(run, purpose, failure, error, refusal.retry_after);
    }

    /// A stream was not to be had. What that means stands in the table in `recovery.rs`.
    fn attempt_failed(
        &mut self,
        run: &mut Run,
        purpose: Purpose,
        failure: Failure,
        error: StreamError,
        retry_after: Option<Millis>,
    ) {
        let is_post = purpose == Purpose::Post;
        match purpose.verdict(failure) {
            Verdict::Renew => {
                run.unpost();
                self.close_link("the headers were refused");
                self.renew(run, error, &Next::Stream);
            }
            Verdict::Gone if is_post => {
                run.unpost();
                self.close_link("the thread is not known");
                self.make_thread(run, error);
            }
            Verdict::Gone => {
                self.close_link("the run is not known");
                self.run_is_gone(run);
            }
            Verdict::Again => {
                if matches!(failure, Failure::Status(425 | 429)) {
                    run.unpost();
                }
                let since = self.now;
                let loss = Loss {
                    error,
                    failure,
                    retry_after,
                    since,
                };
                self.lost(run, loss);
            }
            Verdict::Refused => {
                if matches!(failure, Failure::Status(_) | Failure::Final) {
                    run.unpost();
                }
                self.close_link("refused");
                if run.id.is_none() {
                    run.left = Left::Nothing;
                }
                self.fail(run, error);
            }
        }
    }

    /// 401 and 403: once with headers made anew, then it is over.
    pub(super) fn renew(&mut self, run: &mut Run, error: StreamError, next: &Next) {
        self.run_contact(run);
        if run.recovery.may_renew() {
            self.refresh_headers = true;
            return self.take_step(run, next.clone());
        }
        self.deny(run, error);
    }

    /// The server has no such thread, and does not make one by itself. Where it was made already, that was not it.
    fn make_thread(&mut self, run: &mut Run, error: StreamError) {
        let posting = run.submission.as_ref();
        let may_help =
            posting.is_some_and(|posting| !posting.thread_made && posting.body.is_some());
        let Some(thread_id) = self.thread_id.as_ref().filter(|_| may_help) else {
            return self.fail(run, error);
        };
        run.recovery.last_error = Some(error);
        let mut body = String::new();
        let mut object = Writer::object(&mut body);
        write_string(object.field("thread_id"), thread_id.as_str());
        write_string(object.field("if_exists"), "do_nothing");
        object.end();
        let url = self.config.api_url.clone() + "/threads";
        let asked = self.ask_with(Method::Post, url, Some(body));
        self.set_phase(Phase::MakingThread(asked));
    }

    pub(super) fn thread_made(&mut self, run: &mut Run, answer: &Answer<'_>) {
        let result = match answer.check() {
            // It was there already.
            Err(_) if answer.status == 409 => Ok(()),
            result => result,
        };
        match result {
            Ok(()) => {
                if let Some(posting) = &mut run.submission {
                    posting.thread_made = true;
                }
                self.open_stream(run);
            }
            Err(error) => match Purpose::MakeThread.verdict(answer.failure()) {
                Verdict::Renew => self.renew(run, error, &Next::Stream),
                Verdict::Again => self.request_lost(run, error, answer),
                // What the post itself was refused with says more.
                Verdict::Gone | Verdict::Refused => {
                    let first = run.recovery.last_error.take();
                    self.fail(run, first.unwrap_or(error));
                }
            },
        }
    }

    /// The connection failed or broke below HTTP.
    pub(super) fn link_broke(&mut self, run: &mut Run, error: StreamError) {
        let failure = failure_of(&error);
        if failure == Failure::Final {
            let purpose = self.link_purpose();
            return self.attempt_failed(run, purpose, failure, error, None);
        }
        self.link_lost(run, error);
    }

    /// The connection is gone, for a reason that may pass.
    pub(super) fn link_lost(&mut self, run: &mut Run, error: StreamError) {
        let link = self.phase.link();
        let since = link.map_or(self.now, |link| link.last_byte_at);
        let alive = self.config.timeouts.alive;
        if link.is_some_and(|link| link.got_byte && self.now - link.opened_at >= alive) {
            // It was answered, and held for a while: that is what proxies do to healthy streams.
            run.recovery.held();
        }
        let loss = Loss {
            error,
            failure: Failure::NoAnswer,
            retry_after: None,
            since,
        };
        self.lost(run, loss);
    }

    /// A plain request of the run's was not answered as hoped, and may be the next time.
    pub(super) fn request_lost(&mut self, run: &mut Run, error: StreamError, answer: &Answer<'_>) {
        let loss = Loss {
            error,
            failure: answer.failure(),
            retry_after: answer.retry_after,
            since: answer.asked_at.unwrap_or(self.now),
        };
        self.lost(run, loss);
    }

    /// An attempt has failed, for a reason that may pass.
    pub(super) fn lost(&mut self, run: &mut Run, loss: Loss) {
        let Loss { error, .. } = &loss;
        self.close_link(error.code.as_str());
        if self.is_stream_only() {
            return self.fail(run, loss.error);
        }
        run.was_interrupted();
        let before = run.recovery.last_error.as_ref().map(|before| before.code);
        if before != Some(error.code) && error.code != ErrorCode::Unreachable {
            // A lost connection is told by its state; a server's own words are told once.
            self.warn(error.clone());
        }
        run.recovery.failed(loss.since, loss.error, loss.failure);
        if loss.failure != Failure::NoAnswer {
            self.contact_made();
        }
        self.rest(run, loss.retry_after);
    }

    /// Waits before the next attempt. The client goes on as long as the page is open, unless the application wants an end.
    pub(super) fn rest(&mut self, run: &mut Run, retry_after: Option<Millis>) {
        if !self.reach().is_whole() {
            // Waiting for the reader or for the network is not a failure of the server's.
            run.recovery.uncount();
        } else if run.recovery.is_over(self.now, &self.config.retry) {
            return self.give_up(run);
        }
        let next = self.next_step(run);
        let wait = self.wait_after(&run.recovery, retry_after);
        self.set_phase(Phase::Waiting { wait, next });
    }

    /// Where streams do not come through, every other attempt asks for the run instead, so that its end is noticed.
    fn next_step(&mut self, run: &mut Run) -> Next {
        let policy = &self.config.retry;
        let takes_long = run.recovery.failures() > policy.attempts_max
            || run.silent_joins >= policy.silent_joins_max;
        if !takes_long {
            return Next::Stream;
        }
        if !std::mem::replace(&mut run.timeout_told, true) {
            return self.tell_timeout(run);
        }
        match run.id.is_some() && run.recovery.tries % 2 == 1 {
            true => Next::Check,
            false => Next::Stream,
        }
    }

    /// The run cannot be followed in time: that is told, joins by hand end, and the thread's state is shown. Attempts go on.
    fn tell_timeout(&mut self, run: &mut Run) -> Next {
        let cause = run.recovery.last_error.clone();
        if run.id.is_none() {
            if let Some(cause) = cause {
                self.set_passing_error(cause, Passing::Contact);
            }
            return Next::Stream;
        }
        self.set_passing_error(timed_out(cause), Passing::Progress);
        self.save_record(run);
        let waiters = std::mem::take(&mut run.waiters).into_iter();
        let (joins, others): (Vec<Waiter>, _) = waiters.partition(|waiter| waiter.is_join);
        run.waiters = others;
        for join in joins {
            self.conclude(join.command, Outcome::TimedOut);
        }
        match self.reads_state() {
            true => Next::Look,
            false => Next::Check,
        }
    }

    pub(super) fn wait_after(&mut self, recovery: &Recovery, retry_after: Option<Millis>) -> Wait {
        let mut turn = Turn {
            now: self.now,
            reach: self.reach(),
            policy: &self.config.retry,
            rng: &mut self.rng,
        };
        recovery.wait(&mut turn, retry_after)
    }

    /// Starts the next step of the run.
    pub(super) fn take_step(&mut self, run: &mut Run, next: Next) {
        match next {
            Next::Stream => self.open_stream(run),
            Next::Check => self.check_run(run, After::Wait),
            Next::Look => self.look(run),
            Next::Settle(settle) => self.read_for_settle(run, settle),
        }
    }

    /// The wait is over.
    pub(super) fn go_on(&mut self, run: &mut Run) {
        if let Phase::Waiting { next, .. } = &self.phase {
            let next = next.clone();
            self.take_step(run, next);
        }
    }

    pub(super) fn reach(&self) -> Reach {
        Reach {
            online: self.online,
            visible: self.visible,
        }
    }

    pub(super) fn set_reachable(&mut self, online: bool, visible: bool) {
        let woke = (online && !self.online) || (visible && !self.visible);
        self.online = online;
        self.visible = visible;
        self.store.touch();
        let (now, reach) = (self.now, self.reach());
        match &mut self.phase {
            Phase::Waiting { wait, .. } => {
                if wait.reached(now, reach, woke) {
                    self.with_run(|client, run| client.go_on(run));
                }
            }
            Phase::Live(_) if woke => self.reopen_unless_alive(self.config.timeouts.alive),
            Phase::Idle
            | Phase::Finding { .. }
            | Phase::MakingThread(_)
            | Phase::Opening(_)
            | Phase::Live(_)
            | Phase::Checking { .. }
            | Phase::Looking(_)
            | Phase::Settling { .. }
            | Phase::Ended(_) => {}
        }
        self.load_reached(woke);
        if woke && reach.is_whole() {
            self.compare();
        }
        self.parts_woke(if woke { Woke::Back } else { Woke::No });
    }

    /// The page was frozen or kept aside: no connection can be relied on.
    pub(super) fn thawed(&mut self) {
        self.visible = true;
        match &self.phase {
            Phase::Live(_) | Phase::Opening(_) => self.reopen_unless_alive(Millis(0)),
            Phase::Waiting { .. } => self.set_reachable(self.online, true),
            Phase::Finding { .. }
            | Phase::MakingThread(_)
            | Phase::Checking { .. }
            | Phase::Looking(_)
            | Phase::Settling { .. } => self.with_run(|client, run| {
                let next = client.asked_again();
                client.abort_phase_request();
                client.take_step(run, next);
            }),
            Phase::Idle | Phase::Ended(_) => {}
        }
        self.load_reached(true);
        self.compare();
        self.parts_woke(Woke::Thawed);
    }

    /// What the phase's own request was for.
    pub(super) fn asked_again(&self) -> Next {
        match &self.phase {
            Phase::Settling { settle, .. } => Next::Settle(settle.clone()),
            Phase::Looking(_) => Next::Look,
            Phase::Checking { .. } => Next::Check,
            Phase::Idle
            | Phase::Finding { .. }
            | Phase::MakingThread(_)
            | Phase::Opening(_)
            | Phase::Live(_)
            | Phase::Waiting { .. }
            | Phase::Ended(_) => Next::Stream,
        }
    }

    fn reopen_unless_alive(&mut self, alive: Millis) {
        let link = self.phase.link();
        if self.is_stream_only() || link.is_none_or(|link| link.is_alive(self.now, alive)) {
            return;
        }
        let since = link.map(|link| link.last_byte_at);
        self.with_run(|client, run| {
            client.close_link("not provably alive");
            run.recovery.silent(since.unwrap_or(client.now));
            client.reopen(run);
        });
    }

    /// Connects anew at once, which is nobody's failure.
    pub(super) fn reopen(&mut self, run: &mut Run) {
        run.was_interrupted();
        self.open_stream(run);
    }

    /// The runs of the thread are listed, to find the one to join.
    pub(super) fn find_run(&mut self, run: &mut Run) {
        let Some(url) = self.runs_url() else {
            return self.without_thread(run);
        };
        debug_assert!(run.id.is_none(), "a run with an id is not looked for");
        let asked = self.ask(Method::Get, url);
        self.set_phase(Phase::Finding {
            asked,
            asks_for_thread: false,
        });
    }

    /// The connection is silent for too long.
    pub(super) fn link_late(&mut self, run: &mut Run) {
        let opening = matches!(self.phase, Phase::Opening(_));
        let Some(link) = self.phase.link_mut() else {
            return;
        };
        let since = link.last_byte_at;
        if link.is_silent_join() {
            // It asked for an event that it has already: a server that holds the stream would have answered.
            run.silent_joins += 1;
            run.was_interrupted();
            run.recovery.silent(since);
            self.close_link("silent");
            self.check_run(run, After::Silence);
        } else if opening {
            self.link_lost(run, no_answer());
        } else if !link.stalled {
            link.stalled = true;
            // A server that says nothing has nothing more to replay either.
            self.show_replay(run);
            self.store.touch();
        } else {
            run.recovery.silent(since);
            self.close_link("stalled");
            self.reopen(run);
        }
    }
}

/// What kind of failure a transport error is.
pub(super) fn failure_of(error: &StreamError) -> Failure {
    let code = error.code;
    if matches!(
        code,
        ErrorCode::HeadersFailed | ErrorCode::InvalidRequest | ErrorCode::Redirected
    ) {
        Failure::Final
    } else if code == ErrorCode::AnswerTooLarge {
        Failure::TooLarge
    } else {
        Failure::NoAnswer
    }
}

/// The run could not be followed in time, and why.
pub(super) fn timed_out(cause: Option<StreamError>) -> StreamError {
    let error = StreamError::new(ErrorCode::RejoinTimedOut);
    match cause {
        Some(cause) if cause.code != ErrorCode::RejoinTimedOut => {
            error.with_detail(cause.message.as_str())
        }
        Some(cause) => cause,
        None => error,
    }
}
