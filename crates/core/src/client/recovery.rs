//! One policy for all requests to a server. It covers the run, the thread's load, the session's feed, its older pages,
//! the pages that an edit looks a checkpoint up in, and the history.
//!
//! A [`Recovery`] counts what failed in a row and says how long to wait, a [`Wait`] is that wait, and [`Purpose::verdict`] says what an
//! answer means. The table; `again` is after a wait, `renew` at once with headers made anew and the second time `denied`:
//!
//! | answer                | Post    | MakeThread | MakeFirst | Join    | FindRun, CheckRun | State   | Load    | Feed    | Older   | ForkPoint | Cancel  |
//! |-----------------------|---------|------------|-----------|---------|-------------------|---------|---------|---------|---------|-----------|---------|
//! | 204, 205              | again   | again      | again     | again   | again             | again   | again   | again   | again   | again     | refused |
//! | 401                   | renew   | renew      | renew     | renew   | renew             | renew   | renew   | renew   | renew   | renew     | refused |
//! | 403                   | renew   | renew      | refused   | renew   | renew             | renew   | renew   | refused | refused | renew     | refused |
//! | 404                   | gone    | refused    | refused   | gone    | gone              | gone    | gone    | gone    | refused | refused   | gone    |
//! | 405, 501              | refused | refused    | refused   | gone    | gone              | refused | refused | gone    | refused | refused   | refused |
//! | 409                   | refused | gone       | gone      | gone    | gone              | refused | refused | refused | refused | refused   | gone    |
//! | 410                   | refused | refused    | refused   | gone    | gone              | gone    | gone    | refused | refused | refused   | gone    |
//! | 408, 425, 429, 499    | again   | again      | again     | again   | again             | again   | again   | again   | again   | again     | refused |
//! | 500                   | refused | again      | refused   | again   | again             | again   | again   | again   | refused | refused   | refused |
//! | every other 5xx       | again   | again      | again     | again   | again             | again   | again   | again   | refused | refused   | refused |
//! | every other status    | refused | refused    | refused   | refused | gone              | refused | refused | refused | refused | refused   | refused |
//! | no answer             | again   | again      | again     | again   | again             | again   | again   | again   | again   | again     | refused |
//! | 200, unreadable       | refused | again      | again     | again   | again             | again   | again   | refused | refused | refused   | refused |
//! | too large to be read  | refused | refused    | refused   | refused | gone              | refused | refused | refused | refused | refused   | refused |
//! | a quota is used up    | refused | refused    | refused   | refused | refused           | refused | refused | refused | refused | refused   | refused |
//! | cannot be sent        | refused | refused    | refused   | refused | refused           | refused | refused | refused | refused | refused   | refused |
//!
//! The consequences:
//!
//! * `gone` has a meaning for each request. A submission's thread is made (once), or is there already. A run that is cancelled is
//!   over. A run has expired, unless its stream has said how it ended. A thread is not known. A server has no sessions. A run that
//!   cannot be asked for counts as gone. So does one that is answered for with 500 more than [`crate::RetryPolicy::attempts_max`]
//!   times in a row, once its stream has said how it ended.
//! * A thread that is made first and is refused is left to the post, which may make it.
//! * `again`, and when it is given up: the run, the load and the feed never are, while the page is open
//!   ([`crate::RetryPolicy::give_up_after`] limits it for those who want an end). A page is, after [`PAGE_TRIES_MAX`].
//!   A run's state that the server answers and that cannot be used is, after [`STATE_TRIES_MAX`]: the run is over.
//! * A stream that is answered without a body (204, 205) may be there the next time. A submission that is answered so has arrived: its
//!   run is looked for.
//! * A connection of a run that has brought something new and breaks is made again at once, without a wait. Most breaks are those of
//!   one connection, and a person waits for text. This happens once in [`AT_ONCE_EVERY`] at most. Every other wait is drawn.
//! * `refused` ends what was asked with the error. A run whose state is refused ends with what was received.
//!
//! The attempts that a server meets if it restarts while a thousand clients follow runs:
//!
//! ```text
//! attempt   when it is made                                   attempts per millisecond
//! 1st       as each client sees the break                     1,000 in all, and no client again within 10 s
//! 2nd       drawn from 0 to 1,000 ms after the 1st failed     1
//! 3rd       drawn from 0 to 2,000 ms after the 2nd failed     0.5
//! 4th       drawn from 0 to 4,000 ms after the 3rd failed     0.25
//! 7th on    drawn from 0 to 30,000 ms after the one before    0.03
//! ```
//! While the process is gone, the first attempt costs a refused connection for each client. If another process takes over at once,
//! it gets a thousand joins together. Each join asks for the events after its cursor only. If the first attempt had a drawn wait too,
//! 2 joins would come per millisecond, and each person would wait 250 ms more on average.

use super::rng::Rng;
use crate::{DeadlineReason, Millis, RetryPolicy, StreamError};

/// The least time between two attempts without a wait, so that a server which breaks each connection is not asked without end.
const AT_ONCE_EVERY: Millis = Millis(10_000);

/// How often an unusable answer is asked for again where the run is known to be over.
pub(super) const STATE_TRIES_MAX: u32 = 3;

/// How often a page is asked for before a person is told that it is not to be had.
pub(super) const PAGE_TRIES_MAX: u32 = 3;

/// The purpose of a request to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A submission is posted.
    Post,
    /// A thread is made for it, as the server lacks it.
    MakeThread,
    /// A thread is made before its first submission is posted. It need not be: the post may make it.
    MakeFirst,
    /// A run's stream is joined.
    Join,
    /// The thread's runs are listed.
    FindRun,
    /// A run is asked for its status.
    CheckRun,
    /// The thread's state is read, for a run or by itself.
    State,
    /// A thread is entered.
    Load,
    /// A session's feed is opened.
    Feed,
    /// A page of a session's older messages is read, which a person waits for.
    Older,
    /// A page of the history is read, to look up the checkpoint that an edit goes on from.
    ForkPoint,
    /// A run is cancelled.
    Cancel,
}

/// The failure that came instead of a good answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// An HTTP status.
    Status(u16),
    /// Nothing: the connection failed or broke, or the time was over.
    NoAnswer,
    /// A 2xx whose body is not what was asked for.
    Unreadable,
    /// An answer that is over the limit, as it will be the next time.
    TooLarge,
    /// The request could not be sent as it is: its headers or its URL.
    Final,
    /// A quota is used up, which does not pass by waiting.
    Quota,
}

impl Failure {
    /// Whether the server has said that it has not looked at a submission: it was too early, or one too many.
    pub(super) fn is_unread(self) -> bool {
        matches!(self, Self::Status(425 | 429))
    }

    /// Whether the server has said that it has a submission, and has nothing to say of it.
    pub(super) fn is_received(self) -> bool {
        matches!(self, Self::Status(204 | 205))
    }
}

/// The meaning of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It passes: ask again.
    Again,
    /// The headers are refused: ask again with new ones, once.
    Renew,
    /// The thing that was asked for is not there.
    Gone,
    /// The server, or the browser, will not have it.
    Refused,
}

impl Purpose {
    /// The table above.
    pub(super) fn verdict(self, failure: Failure) -> Verdict {
        use Purpose::*;
        use Verdict::{Again, Gone, Refused, Renew};
        let status = match failure {
            // What it is asked for can be done again by hand.
            Failure::Status(404 | 409 | 410) if self == Cancel => return Gone,
            _ if self == Cancel => return Refused,
            Failure::Status(status) => status,
            Failure::NoAnswer => return Again,
            Failure::TooLarge if matches!(self, FindRun | CheckRun) => return Gone,
            Failure::TooLarge | Failure::Quota | Failure::Final => return Refused,
            Failure::Unreadable => {
                return match self {
                    Post | Feed | Older | ForkPoint => Refused,
                    MakeThread | MakeFirst | Join | FindRun | CheckRun | State | Load => Again,
                    Cancel => Refused,
                };
            }
        };
        match (status, self) {
            (204 | 205, _) => Again,
            (401, _) => Renew,
            (403, MakeFirst | Feed | Older) => Refused,
            (403, _) => Renew,
            (404, MakeThread | MakeFirst | Older | ForkPoint) => Refused,
            (404, _) => Gone,
            (405 | 501, Join | FindRun | CheckRun | Feed) => Gone,
            (405 | 501, _) => Refused,
            (409 | 410, Join | FindRun | CheckRun) | (410, State | Load) => Gone,
            (409, MakeThread | MakeFirst) => Gone,
            (408 | 425 | 429 | 499, _) => Again,
            (500, Post | MakeFirst) | (500.., Older | ForkPoint) => Refused,
            (500.., _) => Again,
            (_, FindRun | CheckRun) => Gone,
            _ => Refused,
        }
    }
}

/// The failures in a row of one thing that is asked for until it is there.
#[derive(Debug, Default)]
pub(super) struct Recovery {
    /// Attempts in a row that brought nothing new; they set the pace.
    pub(super) tries: u32,
    /// How many of them failed. One that was answered and ended well brought nothing and has not failed.
    failures: u32,
    /// Since when nothing was heard from the server.
    lost_since: Option<Millis>,
    /// How many requests in a row were not answered at all.
    unanswered: u32,
    /// Whether the server has ever answered.
    met: bool,
    /// Whether the headers were made anew since they were last accepted.
    renewed: bool,
    /// The error that the last attempt failed with.
    pub(super) last_error: Option<StreamError>,
    /// When the last attempt began, or was heard last, where it was not answered: so long it has waited already.
    silent_from: Option<Millis>,
    /// When an attempt was last made without a wait.
    at_once: Option<Millis>,
}

impl Recovery {
    /// For something that was followed before, such as a stored run.
    pub(super) fn of_known() -> Self {
        Self {
            met: true,
            ..Self::default()
        }
    }

    /// The server has answered. Whether it could not be reached before.
    pub(super) fn contact(&mut self) -> bool {
        self.met = true;
        self.lost_since = None;
        std::mem::take(&mut self.unanswered) > 0
    }

    /// The server has accepted the headers.
    pub(super) fn accepted(&mut self) {
        self.renewed = false;
    }

    /// Something new has come.
    pub(super) fn progressed(&mut self) {
        self.tries = 0;
        self.failures = 0;
        self.last_error = None;
    }

    /// Nothing was heard since `since`; it is not known yet whether anything can be.
    pub(super) fn silent(&mut self, since: Millis) {
        self.lost_since.get_or_insert(since);
    }

    /// An attempt failed: one more in a row. `since` is when the server was heard last, or when it was asked.
    pub(super) fn failed(&mut self, since: Millis, error: StreamError, failure: Failure) {
        self.tries += 1;
        self.failures += 1;
        self.last_error = Some(error);
        self.silent_from = (failure == Failure::NoAnswer).then_some(since);
        if failure == Failure::NoAnswer {
            self.unanswered += 1;
            self.silent(since);
        } else {
            self.contact();
        }
    }

    /// A connection broke that had brought something new. Whether the next attempt is made at once; from then on they wait.
    pub(super) fn may_go_at_once(&mut self, now: Millis) -> bool {
        let may = self.tries == 1 && self.at_once.is_none_or(|at| now - at >= AT_ONCE_EVERY);
        if may {
            self.at_once = Some(now);
        }
        may
    }

    /// An attempt was answered and ended, and there is more to come: the next one waits longer, but nothing has failed.
    pub(super) fn ended_early(&mut self) {
        self.silent_from = None;
        self.tries += 1;
        self.failures = 0;
    }

    /// A connection was answered and held for a while, so the pace begins anew.
    pub(super) fn held(&mut self) {
        self.tries = 0;
        self.failures = 0;
    }

    /// The last failure was the page's own.
    pub(super) fn uncount(&mut self) {
        self.tries = self.tries.saturating_sub(1);
        self.failures = self.failures.saturating_sub(1);
    }

    /// How many attempts in a row failed.
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// The same, of a page that may be hidden or offline: then the failure is the page's own, and does not count.
    pub(super) fn failed_within(
        &mut self,
        reach: Reach,
        since: Millis,
        error: StreamError,
        failure: Failure,
    ) {
        self.failed(since, error, failure);
        if !reach.is_whole() {
            self.uncount();
        }
    }

    /// Whether headers may be made anew: the first time since they were accepted.
    pub(super) fn may_renew(&mut self) -> bool {
        !std::mem::replace(&mut self.renewed, true)
    }

    /// Since when nothing was heard.
    pub(super) fn lost_since(&self) -> Option<Millis> {
        self.lost_since
    }

    /// Whether the server has ever answered.
    pub(super) fn has_met(&self) -> bool {
        self.met
    }

    /// When a person is told that a server that never answered cannot be reached.
    pub(super) fn told_at(&self, patience: Millis) -> Option<Millis> {
        let never = !self.met && self.unanswered > 0;
        Some(self.lost_since.filter(|_| never)? + patience)
    }

    /// Whether the time is over after which the application wants an end.
    pub(super) fn is_over(&self, now: Millis, policy: &RetryPolicy) -> bool {
        let limit = policy.give_up_after.zip(self.lost_since);
        limit.is_some_and(|(limit, since)| now - since >= limit)
    }

    /// A person, or a page that came back, begins again: earlier failures do not count.
    pub(super) fn begin_again(&mut self) {
        *self = Self {
            met: self.met,
            at_once: self.at_once,
            ..Self::default()
        };
    }

    /// The wait before the next attempt is the longer of two. The client's own pace counts from when the last attempt began to be
    /// silent. The wait that the server asks for counts from its answer. A hidden page, or one without a network, waits for that
    /// to end.
    pub(super) fn wait(&self, turn: &mut Turn<'_>, retry_after: Option<Millis>) -> Wait {
        if !turn.reach.is_whole() {
            return Wait::parked(turn.now);
        }
        let backoff = backoff(turn.policy, turn.rng, self.tries);
        let own = self.silent_from.unwrap_or(turn.now) + backoff;
        // A server that asks for no wait, each time, is not asked without end.
        let after = retry_after.unwrap_or_default();
        let asked_for = turn.now + after.min(turn.policy.retry_after_max);
        Wait::Backoff {
            until: own.max(asked_for),
        }
    }
}

/// The facts that a wait depends on, beside the failure.
pub(super) struct Turn<'a> {
    pub(super) now: Millis,
    pub(super) reach: Reach,
    pub(super) policy: &'a RetryPolicy,
    pub(super) rng: &'a mut Rng,
}

/// Full jitter: uniform between zero and a bound that doubles.
fn backoff(policy: &RetryPolicy, rng: &mut Rng, tries: u32) -> Millis {
    let doublings = tries.saturating_sub(1).min(32);
    let bound = policy.backoff_base.0.saturating_mul(1 << doublings);
    Millis(rng.up_to(bound.min(policy.backoff_max.0)))
}

/// Whether the page can reach anything, and whether somebody looks at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reach {
    pub(super) online: bool,
    pub(super) visible: bool,
}

impl Reach {
    pub(super) fn is_whole(self) -> bool {
        self.online && self.visible
    }
}

/// The wait before the next attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Until a time.
    Backoff { until: Millis },
    /// Until the page is visible and online. As a browser can be wrong about both, the server is tried now and then.
    Parked { since: Millis },
}

impl Wait {
    pub(super) fn parked(now: Millis) -> Self {
        Self::Parked { since: now }
    }

    /// When it is over, if nothing else happens.
    pub(super) fn due(self, probe: Millis) -> (Millis, DeadlineReason) {
        match self {
            Self::Backoff { until } => (until, DeadlineReason::Backoff),
            Self::Parked { since } => (since + probe, DeadlineReason::OfflineProbe),
        }
    }

    /// The page's reach has changed; `woke`: for the better. Whether the wait is over.
    pub(super) fn reached(&mut self, now: Millis, reach: Reach, woke: bool) -> bool {
        match self {
            Self::Backoff { .. } if !reach.is_whole() => {
                *self = Self::parked(now);
                false
            }
            Self::Backoff { .. } => woke,
            Self::Parked { .. } => reach.is_whole(),
        }
    }

    /// When the next attempt starts; unknown while parked.
    pub(super) fn until(self) -> Option<Millis> {
        match self {
            Self::Backoff { until } => Some(until),
            Self::Parked { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Failure, Purpose, Verdict};

    /// The documented table, row by row, as it stands at the top of this file.
    #[test]
    fn the_table_is_what_the_code_does() {
        let columns: [&[Purpose]; 11] = [
            &[Purpose::Post],
            &[Purpose::MakeThread],
            &[Purpose::MakeFirst],
            &[Purpose::Join],
            &[Purpose::FindRun, Purpose::CheckRun],
            &[Purpose::State],
            &[Purpose::Load],
            &[Purpose::Feed],
            &[Purpose::Older],
            &[Purpose::ForkPoint],
            &[Purpose::Cancel],
        ];
        let mut rows = 0;
        for line in include_str!("recovery.rs").lines() {
            let Some(row) = line.strip_prefix("//! | ") else {
                continue;
            };
            let mut cells = row.trim_end_matches('|').split('|').map(str::trim);
            let answer = cells.next().expect("a first cell");
            if answer == "answer" {
                continue;
            }
            for failure in failures(answer) {
                for (cell, purposes) in cells.clone().zip(columns) {
                    for purpose in purposes {
                        let expected = match cell {
                            "again" => Verdict::Again,
                            "renew" => Verdict::Renew,
                            "gone" => Verdict::Gone,
                            "refused" => Verdict::Refused,
                            other => panic!("{other} is no verdict"),
                        };
                        let verdict = purpose.verdict(failure);
                        assert_eq!(verdict, expected, "{purpose:?} {failure:?}");
                    }
                }
            }
            rows += 1;
        }
        assert_eq!(rows, 16);
    }

    fn failures(answer: &str) -> Vec<Failure> {
        let status = |status: &[u16]| status.iter().map(|s| Failure::Status(*s)).collect();
        match answer {
            "every other 5xx" => status(&[502, 503, 504, 507, 599]),
            "every other status" => status(&[302, 304, 400, 402, 413, 418, 422, 451]),
            "no answer" => vec![Failure::NoAnswer],
            "200, unreadable" => vec![Failure::Unreadable],
            "too large to be read" => vec![Failure::TooLarge],
            "cannot be sent" => vec![Failure::Final],
            "a quota is used up" => vec![Failure::Quota],
            codes => {
                let read = |code: &str| Failure::Status(code.trim().parse().expect("a status"));
                codes.split(',').map(read).collect()
            }
        }
    }
}
