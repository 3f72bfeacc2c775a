//! When the client wants to be woken, and what it does then.

use super::{
    Client,
    answer::{Answer, Asked, NO_ANSWER, no_answer},
    phase::Phase,
    run::Cancel,
};
use crate::{DeadlineReason, ErrorCode, Millis, StreamError};

impl Client {
    /// When [`crate::Input::DeadlineReached`] is due, and why.
    pub fn deadline(&self) -> Option<(Millis, DeadlineReason)> {
        let timeouts = &self.config.timeouts;
        let requests = [
            self.asked_due(self.asked_cancel()),
            self.asked_due(self.history_asked),
            self.asked_due(self.comparison.asked()),
        ];
        let request = requests.into_iter().flatten().min();
        let dues = [
            self.phase_due(),
            self.load_due(),
            self.error_due().map(|at| (at, DeadlineReason::Timeout)),
            self.parts.due(self),
            self.compare_due().map(|at| (at, DeadlineReason::Timeout)),
            request.map(|at| (at, DeadlineReason::Timeout)),
            self.records
                .due(timeouts.record)
                .map(|at| (at, DeadlineReason::Record)),
        ];
        dues.into_iter().flatten().min()
    }

    /// When the answer to a request is late.
    pub(super) fn asked_due(&self, asked: Option<Asked>) -> Option<Millis> {
        Some(asked?.at + self.config.timeouts.request)
    }

    fn is_late(&self, asked: Option<Asked>) -> bool {
        self.asked_due(asked).is_some_and(|at| at <= self.now)
    }

    fn phase_due(&self) -> Option<(Millis, DeadlineReason)> {
        let timeouts = &self.config.timeouts;
        match &self.phase {
            Phase::Idle | Phase::Ended(_) => None,
            Phase::Finding { asked, .. }
            | Phase::MakingThread(asked)
            | Phase::Checking { asked, .. }
            | Phase::Looking(asked)
            | Phase::Settling { asked, .. } => {
                Some((asked.at + timeouts.request, DeadlineReason::Timeout))
            }
            // Nothing says how long such a stream may be silent, and nothing could be asked again.
            Phase::Opening(_) | Phase::Live(_) if self.is_stream_only() => None,
            Phase::Opening(link) => Some(link.due(true, timeouts)),
            Phase::Live(link) => Some(link.due(false, timeouts)),
            Phase::Waiting { wait, .. } => Some(wait.due(timeouts.offline_probe)),
        }
    }

    pub(super) fn deadline_reached(&mut self) {
        self.phase_deadline();
        if self.is_late(self.asked_cancel()) {
            if let Some(run) = &mut self.run {
                run.cancel = Cancel::No;
            }
            self.warn(StreamError::new(ErrorCode::CancelFailed).with_detail(NO_ANSWER));
        }
        if self.is_late(self.history_asked) {
            self.history_late();
        }
        if self.is_late(self.comparison.asked()) {
            self.forget_comparison();
        }
        self.load_deadline();
        self.error_deadline();
        self.compare_deadline();
        self.parts_late();
        let every = self.config.timeouts.record;
        if self.records.due(every).is_some_and(|at| at <= self.now) {
            self.with_run(|client, run| client.save_record(run));
        }
    }

    fn phase_deadline(&mut self) {
        if self.phase_due().is_none_or(|(at, _)| at > self.now) {
            return;
        }
        match &self.phase {
            Phase::Idle | Phase::Ended(_) => {}
            Phase::Finding { asked, .. }
            | Phase::MakingThread(asked)
            | Phase::Checking { asked, .. }
            | Phase::Looking(asked)
            | Phase::Settling { asked, .. } => {
                let attempt = asked.attempt;
                self.abort(attempt);
                self.answered(attempt, &Answer::failed(no_answer()));
            }
            Phase::Opening(_) | Phase::Live(_) => {
                self.with_run(|client, run| client.link_late(run));
            }
            Phase::Waiting { .. } => self.with_run(|client, run| client.go_on(run)),
        }
    }
}
