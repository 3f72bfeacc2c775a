//! A page that a person waits for: asked for again a few times before it is told that it is not to be had.

use super::{
    Client,
    answer::{Answer, Asked},
    recovery::{PAGE_TRIES_MAX, Purpose, Reach, Recovery, Verdict, Wait},
};
use crate::{AttemptId, DeadlineReason, Millis, StreamError, config::Timeouts};

/// One page, from the first request for it to its answer.
#[derive(Debug, Default)]
pub(super) struct PageRequest {
    recovery: Recovery,
    step: Step,
}

#[derive(Debug, Default)]
enum Step {
    #[default]
    NotAsked,
    Asked(Asked),
    Waiting(Wait),
}

/// The step after an answer that is no page.
pub(super) enum PageFailed {
    /// It is to be asked for again at once, with new headers.
    AskAgain,
    /// It is asked for again later.
    Waits,
    /// It is not to be had.
    ForGood(StreamError),
}

impl PageRequest {
    pub(super) fn asked(&mut self, asked: Asked) {
        self.step = Step::Asked(asked);
    }

    pub(super) fn is(&self, attempt: AttemptId) -> bool {
        self.attempt() == Some(attempt)
    }

    fn attempt(&self) -> Option<AttemptId> {
        match self.step {
            Step::Asked(asked) => Some(asked.attempt),
            Step::NotAsked | Step::Waiting(_) => None,
        }
    }

    /// The answer has come, or nobody waits for it any more. The request, where it has to be dropped.
    pub(super) fn close(&mut self) -> Option<AttemptId> {
        let attempt = self.attempt();
        self.step = Step::NotAsked;
        attempt
    }

    /// The page has come.
    pub(super) fn came(&mut self) {
        *self = Self::default();
    }

    pub(super) fn due(&self, timeouts: &Timeouts) -> Option<(Millis, DeadlineReason)> {
        match self.step {
            Step::NotAsked => None,
            Step::Asked(asked) => Some((asked.at + timeouts.request, DeadlineReason::Timeout)),
            Step::Waiting(wait) => Some(wait.due(timeouts.offline_probe)),
        }
    }

    /// Whether it waits before it is asked for again.
    pub(super) fn waits(&self) -> bool {
        matches!(self.step, Step::Waiting(_))
    }

    /// The page is shown or hidden, the network is back or gone. Whether it is to be asked for now.
    pub(super) fn reached(&mut self, now: Millis, reach: Reach, woke: bool) -> bool {
        match &mut self.step {
            Step::Waiting(wait) => wait.reached(now, reach, woke),
            Step::NotAsked | Step::Asked(_) => false,
        }
    }
}

impl Client {
    /// An answer was no page.
    pub(super) fn page_failed(
        &mut self,
        page: &mut PageRequest,
        purpose: Purpose,
        error: StreamError,
        answer: &Answer<'_>,
    ) -> PageFailed {
        let asked_at = match page.step {
            Step::Asked(asked) => asked.at,
            Step::NotAsked | Step::Waiting(_) => self.now,
        };
        page.step = Step::NotAsked;
        let failure = answer.failure();
        match purpose.verdict(failure) {
            Verdict::Renew if page.recovery.may_renew() => {
                self.refresh_headers = true;
                PageFailed::AskAgain
            }
            Verdict::Again => {
                let reach = self.reach();
                page.recovery
                    .failed_within(reach, asked_at, error.clone(), failure);
                if page.recovery.failures() >= PAGE_TRIES_MAX {
                    return PageFailed::ForGood(error);
                }
                let wait = self.wait_after(&page.recovery, answer.retry_after);
                page.step = Step::Waiting(wait);
                PageFailed::Waits
            }
            Verdict::Renew | Verdict::Gone | Verdict::Refused => PageFailed::ForGood(error),
        }
    }
}
