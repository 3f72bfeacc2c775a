//! How far a thread is loaded.

use super::{
    answer::Answer,
    commands::Join,
    recovery::{Purpose, Recovery, Verdict, Wait},
    standing::Standing,
};
use crate::{AttemptId, Connection, Millis, StreamError, run_record::Record};
use rejoin_wire::{Json, thread::ThreadState};

/// How far the thread is loaded.
#[derive(Debug)]
pub(super) enum ThreadLoad {
    /// There is nothing to load.
    None,
    Loading(Box<Loading>),
    Loaded,
    /// The server has refused it, or a person has stopped it; a rejoin tries again.
    Failed,
}

#[derive(Debug, Default)]
pub(super) struct Loading {
    pub(super) state: Part<Box<ThreadState>>,
    pub(super) thread: Part<Standing>,
    /// The thread's values, as it tells them itself.
    pub(super) values: Option<Json>,
    /// Outer `None`: not answered yet.
    pub(super) record: Option<Option<Box<Record>>>,
    pub(super) asked_at: Millis,
    pub(super) recovery: Recovery,
    /// Before the next attempt.
    pub(super) wait: Option<Wait>,
    /// Whether a state of the thread was shown before, which is newer than what is stored of it.
    pub(super) shows_state: bool,
    /// Whether the state was read once more, after the thread had said that nothing runs.
    pub(super) state_reread: bool,
    /// Whether the thread's runs are listed instead of reading the thread, with all its values.
    pub(super) lists_runs: bool,
    /// A join asked for while the thread was not there yet.
    pub(super) join: Option<Join>,
}

/// The piece of the thread that a request brings.
#[derive(Debug, Clone, Copy)]
pub(super) enum Piece {
    State,
    Thread,
    /// The thread's runs, in its place.
    Runs,
}

#[derive(Debug, Default)]
pub(super) enum Part<T> {
    #[default]
    NotAsked,
    Asked(AttemptId),
    Got(T),
    /// The server does not know it.
    Missing,
    /// Somebody else reads it.
    Unwanted,
}

impl<T> Part<T> {
    fn is_asked_by(&self, attempt: AttemptId) -> bool {
        matches!(self, Self::Asked(asked) if *asked == attempt)
    }

    fn is_done(&self) -> bool {
        matches!(self, Self::Got(_) | Self::Missing | Self::Unwanted)
    }

    fn asked(&self) -> Option<AttemptId> {
        match self {
            Self::Asked(attempt) => Some(*attempt),
            Self::NotAsked | Self::Got(_) | Self::Missing | Self::Unwanted => None,
        }
    }

    pub(super) fn set(
        &mut self,
        read: Result<T, StreamError>,
        answer: &Answer<'_>,
    ) -> Result<(), StreamError> {
        *self = match read {
            Ok(value) => Self::Got(value),
            Err(_) if Purpose::Load.verdict(answer.failure()) == Verdict::Gone => Self::Missing,
            Err(error) => return Err(error),
        };
        Ok(())
    }
}

impl Loading {
    pub(super) fn is_complete(&self) -> bool {
        self.record.is_some() && self.state.is_done() && self.thread.is_done()
    }

    /// The piece that an attempt asks for.
    pub(super) fn asked_by(&self, attempt: AttemptId) -> Option<Piece> {
        if self.state.is_asked_by(attempt) {
            return Some(Piece::State);
        }
        let is_thread = self.thread.is_asked_by(attempt);
        is_thread.then_some(match self.lists_runs {
            true => Piece::Runs,
            false => Piece::Thread,
        })
    }

    /// The requests on their way, which nobody waits for any more.
    pub(super) fn take_asked(&mut self) -> [Option<AttemptId>; 2] {
        let asked = [self.state.asked(), self.thread.asked()];
        if asked[0].is_some() {
            self.state = Part::NotAsked;
        }
        if asked[1].is_some() {
            self.thread = Part::NotAsked;
        }
        asked
    }

    /// State and thread are read side by side. A run's work in between is in the thread, which says that nothing runs any
    /// more, and not in the state.
    pub(super) fn has_outdated_state(&self) -> bool {
        let Part::Got(state) = &self.state else {
            return false;
        };
        let is_over = matches!(self.thread, Part::Got(Standing::Idle | Standing::Failed(_)));
        let follows = self.join.is_some() || matches!(self.record, Some(Some(_)));
        let goes_on = |values: &Json| values.text() != state.values.text();
        is_over
            && !follows
            && !self.state_reread
            && (state.is_under_way() || self.values.as_ref().is_some_and(goes_on))
    }
}

impl ThreadLoad {
    pub(super) fn is_loading(&self) -> bool {
        matches!(self, Self::Loading(_))
    }

    pub(super) fn loading_mut(&mut self) -> Option<&mut Loading> {
        match self {
            Self::Loading(loading) => Some(loading),
            Self::None | Self::Loaded | Self::Failed => None,
        }
    }

    /// The loaded pieces, once everything has come. From then on the thread is loaded.
    pub(super) fn take_complete(&mut self) -> Option<Box<Loading>> {
        match std::mem::replace(self, Self::Loaded) {
            Self::Loading(loading) if loading.is_complete() => Some(loading),
            other @ (Self::None | Self::Loading(_) | Self::Loaded | Self::Failed) => {
                *self = other;
                None
            }
        }
    }

    pub(super) fn is_loaded(&self) -> bool {
        matches!(self, Self::Loaded)
    }

    /// Whether the server cannot be reached.
    pub(super) fn is_away(&self, online: bool) -> bool {
        let Self::Loading(loading) = self else {
            return false;
        };
        !online || loading.wait.is_some() || loading.recovery.lost_since().is_some()
    }

    pub(super) fn has_failed(&self) -> bool {
        matches!(self, Self::Failed)
    }

    pub(super) fn waits_for_record(&self) -> bool {
        matches!(self, Self::Loading(loading) if loading.record.is_none())
    }

    /// Whether nothing is known of the thread's state yet: the server has not answered, and nothing was shown before.
    pub(super) fn waits_for_state(&self) -> bool {
        match self {
            Self::Loading(loading) => {
                let waits = matches!(loading.state, Part::Asked(_) | Part::NotAsked);
                waits && !loading.shows_state
            }
            Self::None | Self::Loaded | Self::Failed => false,
        }
    }

    pub(super) fn shows_state(&self) -> bool {
        matches!(self, Self::Loading(loading) if loading.shows_state)
    }

    /// How the server has been heard while it is loading.
    pub(super) fn recovery(&self) -> Option<&Recovery> {
        match self {
            Self::Loading(loading) => Some(&loading.recovery),
            Self::None | Self::Loaded | Self::Failed => None,
        }
    }

    /// The connection that a person is told of while there is no run. `shows_saved`: the thread's saved state is shown.
    pub(super) fn connection(&self, online: bool, shows_saved: bool) -> Connection {
        let Self::Loading(loading) = self else {
            return Connection::Idle;
        };
        match loading.wait {
            Some(Wait::Parked { .. }) if !online => return Connection::Offline,
            Some(Wait::Parked { .. }) => return Connection::Paused,
            Some(Wait::Backoff { .. }) | None => {}
        }
        let tries = loading.recovery.tries;
        if tries > 0 && !loading.recovery.has_met() {
            Connection::Connecting
        } else if tries > 0 {
            Connection::Reconnecting {
                attempt: tries,
                retry_at: loading.wait.and_then(Wait::until),
            }
        } else if shows_saved {
            Connection::Saved
        } else if matches!(loading.record, Some(Some(_))) {
            Connection::CatchingUp
        } else {
            Connection::Idle
        }
    }
}
