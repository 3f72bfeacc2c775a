//! Opening a run's stream, and what its headers say. Submitting, joining by hand and rejoining by itself all come through
//! [`Client::open_stream`].

use super::{
    Client,
    answer::{Answer, failure_of_status, header, status_error},
    link::{Asks, Link, Opening, Refusal},
    lost::Loss,
    phase::{Next, Phase},
    recovery::{Failure, Purpose, Verdict},
    run::{Cancel, Fate, Left, Posting, Run},
    submission::metadata_given,
    urls,
};
use crate::{Effect, ErrorCode, HttpRequest, Method, Millis, Notice, StreamError, cursor::Recent};
use rejoin_wire::{
    RunId,
    json::{ToJson, Writer, write_string},
};

impl Client {
    /// Joins the run where its id is known; posts the submission where it has not left; otherwise finds the run.
    pub(super) fn open_stream(&mut self, run: &mut Run) {
        if let Some(run_id) = run.id.clone() {
            return self.open_join(run, &run_id);
        }
        self.sends_again(run);
        let unsent = |posting: &&Posting| posting.fate == Fate::Unsent;
        match run.submission.as_ref().filter(unsent) {
            Some(posting) if posting.posts >= self.config.retry.posts_max => {
                let error = run.recovery.last_error.clone();
                let unconfirmed = || StreamError::new(ErrorCode::SubmissionUnconfirmed);
                self.fail(run, error.unwrap_or_else(unconfirmed));
            }
            Some(posting) if posting.body.is_some() && self.asks_before_sending(run) => {
                self.abandon(run);
            }
            Some(posting) if posting.body.is_some() && self.wants_thread(posting) => {
                self.save_outbox();
                self.make_thread(run);
            }
            Some(posting) if posting.body.is_some() => self.open_post(run),
            Some(_) | None => self.find_run(run),
        }
    }

    /// Whether the thread is made before the post. One that the post makes gets the run's metadata on every server, so also the mark.
    fn wants_thread(&self, posting: &Posting) -> bool {
        self.thread_is_new && !posting.thread_made && !self.is_named_after(&posting.mark)
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
        let (mark, posts) = (posting.mark.clone(), posting.posts);
        self.post_leaves(&mark, posts);
        self.open(run, request, Asks::Post, None);
        self.mark_record();
    }

    fn open_join(&mut self, run: &mut Run, run_id: &RunId) {
        if !run.cursor.can_resume() || self.store.lacks_streamed() {
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
            run.applied = Some(Recent::default());
        }
        self.open(run, request, asks, Some(cursor));
    }

    /// A run is one of a thread, so without one there is nothing to follow.
    pub(super) fn without_thread(&mut self, run: &mut Run) {
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

    fn submission_received(&mut self, run: &mut Run) {
        if let Some(mark) = run.received() {
            self.sent(&mark);
        }
    }

    fn stream_opened(&mut self, run: &mut Run, headers: &[(String, String)]) {
        run.recovery.accepted();
        self.run_contact(run);
        self.submission_received(run);
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

    pub(super) fn link_purpose(&self) -> Purpose {
        match self.phase.link().map(|link| link.asks) {
            Some(Asks::Post) => Purpose::Post,
            Some(Asks::All | Asks::AfterCursor | Asks::Feed) | None => Purpose::Join,
        }
    }

    /// The run has its id, from whichever came first: `Content-Location` or the `metadata` event.
    pub(super) fn run_named(&mut self, run: &mut Run, run_id: RunId) {
        if run.id.is_some() {
            return;
        }
        if !urls::is_usable(run_id.as_str()) {
            let why = "run_id: it cannot stand in an address: ".to_owned() + run_id.as_str();
            return self.warn(StreamError::new(ErrorCode::EventDataInvalid).with_detail(why));
        }
        run.id = Some(run_id.clone());
        if let Some(posting) = &mut run.submission {
            posting.body = None;
            let mark = posting.mark.clone();
            self.supersede_record();
            self.sent(&mark);
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
        let failure = failure_of_status(refusal.status, &refusal.body);
        self.attempt_failed(run, purpose, failure, error, refusal.retry_after);
    }

    /// A stream was not to be had. The table in `recovery.rs` says what that means.
    pub(super) fn attempt_failed(
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
                self.thread_is_lacking(run, error);
            }
            Verdict::Gone => {
                self.close_link("the run is not known");
                self.run_is_gone(run);
            }
            Verdict::Again => {
                if failure.is_unread() {
                    run.unpost();
                } else if failure.is_received() {
                    self.submission_received(run);
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
                if matches!(
                    failure,
                    Failure::Status(_) | Failure::Quota | Failure::Final
                ) {
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

    /// The server has no such thread, and does not make one by itself. If the thread was made already, its lack was not the cause.
    fn thread_is_lacking(&mut self, run: &mut Run, error: StreamError) {
        let posting = run.submission.as_ref();
        if posting.is_some_and(|posting| !posting.thread_made && posting.body.is_some()) {
            run.recovery.last_error = Some(error);
            return self.make_thread(run);
        }
        self.fail(run, error);
    }

    fn make_thread(&mut self, run: &mut Run) {
        let (Some(thread_id), Some(posting)) = (&self.thread_id, &run.submission) else {
            return self.without_thread(run);
        };
        let mut body = String::new();
        let mut object = Writer::object(&mut body);
        write_string(object.field("thread_id"), thread_id.as_str());
        if let Some(metadata) = posting.body.as_ref().and_then(metadata_given) {
            metadata.write_json(object.field("metadata"));
        }
        write_string(object.field("if_exists"), "do_nothing");
        object.end();
        let url = self.config.api_url.clone() + "/threads";
        let asked = self.ask_with(Method::Post, url, Some(body));
        self.set_phase(Phase::MakingThread(asked));
    }

    pub(super) fn thread_made(&mut self, run: &mut Run, answer: &Answer<'_>) {
        let posting = run.submission.as_ref();
        let purpose = match posting.is_some_and(|posting| self.wants_thread(posting)) {
            true => Purpose::MakeFirst,
            false => Purpose::MakeThread,
        };
        let verdict = purpose.verdict(answer.failure());
        let result = match answer.check() {
            // It was there already.
            Err(_) if verdict == Verdict::Gone => Ok(()),
            result => result,
        };
        match result {
            Ok(()) => {
                if let Some(posting) = &mut run.submission {
                    posting.thread_made = true;
                }
                self.thread_is_new = false;
                self.open_stream(run);
            }
            Err(error) => match verdict {
                Verdict::Renew => self.renew(run, error, &Next::Stream),
                Verdict::Again => self.request_lost(run, error, answer),
                Verdict::Gone | Verdict::Refused if purpose == Purpose::MakeFirst => {
                    // Its post may make it all the same.
                    self.thread_is_new = false;
                    self.open_stream(run);
                }
                // What the post itself was refused with says more.
                Verdict::Gone | Verdict::Refused => {
                    let first = run.recovery.last_error.take();
                    self.fail(run, first.unwrap_or(error));
                }
            },
        }
    }
}
