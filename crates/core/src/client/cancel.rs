//! Cancelling a run on the server: sent once the run has its id.

use super::{
    Client,
    answer::{Answer, Asked},
    phase::After,
    recovery::{Purpose, Verdict},
    run::{Cancel, Run},
};
use crate::{AttemptId, ErrorCode, Method, StreamError};

impl Client {
    pub(super) fn request_cancel(&mut self) {
        if self.is_stream_only() {
            // Leaving is all that can be done.
            return self.leave();
        }
        if !self.run.as_ref().is_some_and(|run| run.is_rejoinable()) {
            return self.warn_code(ErrorCode::NoRunToCancel);
        }
        self.with_run(|client, run| client.send_cancel(run));
    }

    /// Sends the cancellation as soon as the run has its id.
    pub(super) fn send_cancel(&mut self, run: &mut Run) {
        if matches!(run.cancel, Cancel::Asked(_)) {
            return;
        }
        run.cancel = Cancel::Wanted;
        // Without `wait`: the JS server reads `wait=0` as true.
        let url = run
            .id
            .as_ref()
            .and_then(|id| self.run_url(id, "/cancel?action=interrupt"));
        if let Some(url) = url {
            run.cancel = Cancel::Asked(self.ask(Method::Post, url));
        }
    }

    /// A cancellation was answered.
    pub(super) fn cancel_answered(&mut self, run: &mut Run, answer: &Answer<'_>) {
        run.cancel = Cancel::No;
        let over = Purpose::Cancel.verdict(answer.failure()) == Verdict::Gone;
        if let Err(error) = answer.check()
            && !over
        {
            return self.cancel_failed(&error);
        }
        // A stream that is open ends by itself; without one, nobody else would look.
        if !self.is_active() {
            run.begin_again();
            self.check_run(run, After::Entering);
        }
    }

    pub(super) fn cancel_failed(&mut self, error: &StreamError) {
        let words = error.detail.as_deref().unwrap_or(error.code.message());
        let told = StreamError::new(ErrorCode::CancelFailed).with_detail(words);
        self.warn(match error.status {
            Some(status) => told.with_status(status),
            None => told,
        });
    }

    pub(super) fn asked_cancel(&self) -> Option<Asked> {
        match self.run.as_ref()?.cancel {
            Cancel::Asked(asked) => Some(asked),
            Cancel::No | Cancel::Wanted => None,
        }
    }

    pub(super) fn is_cancel(&self, attempt: AttemptId) -> bool {
        let cancel = self.run.as_ref().map(|run| run.cancel);
        matches!(cancel, Some(Cancel::Asked(asked)) if asked.attempt == attempt)
    }
}
