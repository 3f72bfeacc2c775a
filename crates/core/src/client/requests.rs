//! Plain requests: sending them, and telling whose answer has come.

use super::{
    Client,
    answer::{Answer, Asked},
    part::Arrived,
    phase::Phase,
    run::Run,
};
use crate::{AttemptId, Effect, Method};
use rejoin_wire::Json;

impl Client {
    /// Sends a request whose whole answer is wanted.
    pub(super) fn ask(&mut self, method: Method, url: String) -> Asked {
        let body = (method == Method::Post).then(|| "{}".to_owned());
        self.ask_with(method, url, body)
    }

    pub(super) fn ask_with(&mut self, method: Method, url: String, body: Option<String>) -> Asked {
        let attempt = self.new_attempt();
        self.ask_as(attempt, method, url, body);
        let at = self.now;
        Asked { attempt, at }
    }

    /// Under the name of a request that is answered.
    pub(super) fn ask_as(
        &mut self,
        attempt: AttemptId,
        method: Method,
        url: String,
        body: Option<String>,
    ) {
        let mut request = self.request(method, url, self.config.timeouts.request);
        request.body = body.and_then(|body| Json::parse(body).ok());
        self.effects.push(Effect::SendRequest { attempt, request });
    }

    /// The one place where an answer finds what asked for it; one that nobody waits for is dropped.
    pub(super) fn answered(&mut self, attempt: AttemptId, answer: &Answer<'_>) {
        if self.parts_answered(attempt, &Arrived::Answer(answer)) {
        } else if self
            .phase
            .asked()
            .is_some_and(|asked| asked.attempt == attempt)
        {
            self.with_run(|client, run| client.phase_answered(run, answer));
        } else if self.is_cancel(attempt) {
            self.with_run(|client, run| client.cancel_answered(run, answer));
        } else if self.is_comparing(attempt) {
            self.compare_answered(answer);
        } else if self.is_history(attempt) {
            self.history_answered(answer);
        } else {
            self.load_answered(attempt, answer);
        }
    }

    /// The answer that the run's phase waits for.
    fn phase_answered(&mut self, run: &mut Run, answer: &Answer<'_>) {
        let answer = answer.with_asked_at(self.phase.asked().map(|asked| asked.at));
        match &self.phase {
            Phase::Finding {
                asks_for_thread, ..
            } => {
                let asks_for_thread = *asks_for_thread;
                self.runs_listed(run, asks_for_thread, &answer);
            }
            Phase::MakingThread(_) => self.thread_made(run, &answer),
            Phase::Checking { after, .. } => {
                let after = *after;
                self.run_checked(run, after, &answer);
            }
            Phase::Looking(_) => self.looked(run, &answer),
            Phase::Settling { settle, .. } => {
                let settle = settle.clone();
                self.settle_answered(run, settle, &answer);
            }
            Phase::Idle
            | Phase::Opening(_)
            | Phase::Live(_)
            | Phase::Waiting { .. }
            | Phase::Ended(_) => {}
        }
    }
}
