//! When the client wants to be woken, and what it does then.

use super::{
    Client,
    requests::{Asked, NO_ANSWER, no_answer},
};
use crate::{DeadlineReason, ErrorCode, Millis, StreamError, phase::Phase};

impl Client {
    /// When [`crate::Input::DeadlineReached`] is due, and why.
    pub fn deadline(&self) -> Option<(Millis, DeadlineReason)> {
        let timeouts = &self.config.timeouts;
        let asked = |asked: Option<Asked>| Some(asked?.at + timeouts.request);
        let requests = [
            asked(self.cancel),
            asked(self.history_asked),
            self.edit_due(),
            self.load_due(),
        ];
        let request = requests.into_iter().flatten().min();
        let record = self.records.due(timeouts.record);
        let dues = [
            self.phase_due(),
            self.session_extras()
                .and_then(|extras| (extras.session_due)(self)),
            request.map(|at| (at, DeadlineReason::Timeout)),
            record.map(|at| (at, DeadlineReason::Record)),
        ];
        dues.into_iter().flatten().min()
    }

    fn phase_due(&self) -> Option<(Millis, DeadlineReason)> {
        let timeouts = &self.config.timeouts;
        match self.phase {
            Phase::Idle | Phase::Ended(_) => None,
            Phase::Finding { .. } | Phase::Checking { .. } | Phase::Settling { .. } => {
                Some((self.phase_since + timeouts.request, DeadlineReason::Timeout))
            }
            Phase::Opening { .. } | Phase::Live { .. } => self.link_due(),
            Phase::Waiting { until } => Some((until, DeadlineReason::Backoff)),
            Phase::Parked if self.visible => Some((
                self.phase_since + timeouts.offline_probe,
                DeadlineReason::OfflineProbe,
            )),
            Phase::Parked => None,
        }
    }

    fn link_due(&self) -> Option<(Millis, DeadlineReason)> {
        let timeouts = &self.config.timeouts;
        let link = self.follow.as_ref()?.link.as_ref()?;
        if self.is_stream_only() {
            // Nothing says how long it may be silent, and nothing could be asked again.
            return None;
        }
        let opening = matches!(self.phase, Phase::Opening { .. });
        Some(link.due(opening, timeouts))
    }

    pub(super) fn deadline_reached(&mut self) {
        self.phase_deadline();
        if self
            .cancel
            .is_some_and(|asked| asked.at + self.config.timeouts.request <= self.now)
        {
            self.cancel = None;
            self.warn(StreamError::new(ErrorCode::CancelFailed).with_detail(NO_ANSWER));
        }
        let request = self.config.timeouts.request;
        let late = |asked: &Asked| asked.at + request <= self.now;
        if let Some(extras) = self
            .extras
            .filter(|_| self.history_asked.as_ref().is_some_and(late))
        {
            (extras.history_late)(self);
        }
        if self.edit_due().is_some_and(|at| at <= self.now)
            && let Some(extras) = self.extras
        {
            (extras.edit_late)(self);
        }
        self.load_deadline();
        if let Some(extras) = self.session_extras() {
            (extras.session_deadline)(self);
        }
        if self
            .records
            .due(self.config.timeouts.record)
            .is_some_and(|at| at <= self.now)
        {
            self.save_record();
        }
    }

    fn phase_deadline(&mut self) {
        if self.phase_due().is_none_or(|(at, _)| at > self.now) {
            return;
        }
        match self.phase {
            Phase::Idle | Phase::Ended(_) => {}
            Phase::Finding { attempt }
            | Phase::Checking { attempt }
            | Phase::Settling { attempt } => {
                self.abort(attempt);
                self.request_lost(no_answer());
            }
            Phase::Opening { .. } | Phase::Live { .. } => self.link_late(),
            Phase::Waiting { .. } | Phase::Parked => self.go_on(),
        }
    }

    fn link_late(&mut self) {
        let opening = matches!(self.phase, Phase::Opening { .. });
        let Some(follow) = &mut self.follow else {
            return;
        };
        let Some(link) = &mut follow.link else { return };
        if link.is_join && !link.got_byte {
            // It asked for an event that it has already: a server that holds the stream would have answered.
            follow.silent_joins += 1;
            follow.reconnected = true;
            let too_often = follow.silent_joins >= self.config.retry.silent_joins_max;
            if opening && too_often {
                self.close_link("silent");
                return self.give_up(StreamError::new(ErrorCode::RejoinTimedOut));
            }
            if opening {
                return self.lost(no_answer());
            }
            self.close_link("silent");
            self.check_run();
        } else if opening {
            self.lost(no_answer());
        } else if !link.stalled {
            link.stalled = true;
            // A server that says nothing has nothing more to replay either.
            self.show_shadow();
            self.store.touch();
        } else {
            self.close_link("stalled");
            self.reopen();
        }
    }
}
