//! The known facts of the run being followed.

use super::{answer::Asked, recovery::Recovery, standing::Standing};
use crate::{
    CommandId, JoinOptions, Outcome, StreamError,
    cursor::{Cursor, Recent},
    run_record::Record,
    thread_store::ThreadStore,
};
use rejoin_wire::{Json, MessageId, RunId};

/// The run being followed, from the first request to its end and, after a disconnect, until something else is done.
#[derive(Debug, Default)]
pub(super) struct Run {
    pub(super) id: Option<RunId>,
    /// The submission, if this client made it.
    pub(super) submission: Option<Posting>,
    pub(super) cursor: Cursor,
    /// The kinds of event that joins ask for; empty for all.
    pub(super) join_modes: Vec<String>,
    /// The events that were had, in order to tell each once.
    pub(super) recent: Recent,
    /// Those of them that have been applied since the run was asked for from its start again. `None` where it was not: all of them.
    pub(super) applied: Option<Recent>,
    /// A replay from the run's start, shown when it has caught up, so that no reader sees text shrink.
    pub(super) replay: Option<Box<ThreadStore>>,
    pub(super) recovery: Recovery,
    /// Joins in a row that stayed silent.
    pub(super) silent_joins: u32,
    /// Whether readers were told that the run cannot be followed for now.
    pub(super) timeout_told: bool,
    /// Whether it was joined although the server does not say how far it is, and nothing new has come since.
    pub(super) joined_untold: bool,
    /// How often in a row the server has answered something else when it was asked for the run, or for the thread's runs.
    pub(super) untold: u32,
    /// Whether the event after the cursor was broken once already.
    pub(super) corrupt_before: bool,
    /// Whether a gap has already made the client ask for everything.
    pub(super) gap_replayed: bool,
    pub(super) completeness: Completeness,
    pub(super) last_word: LastWord,
    pub(super) cancel: Cancel,
    pub(super) left: Left,
    /// The standing of the thread's last run when the client began to follow this one, a stored run.
    pub(super) entered: Option<Standing>,
    /// The stored run that the thread's active one is looked for instead of, while that is not known.
    pub(super) turned_from: Option<Box<Run>>,
    pub(super) waiters: Vec<Waiter>,
}

/// A submission on its way to becoming a run.
#[derive(Debug)]
pub(super) struct Posting {
    /// Names it on the server, to find its run when the answer was lost.
    pub(super) mark: String,
    /// The body to post. Gone once the server has named the run.
    pub(super) body: Option<Json>,
    /// How often it was posted.
    pub(super) posts: u32,
    pub(super) fate: Fate,
    /// Whether its thread was made after the server had said that there is none.
    pub(super) thread_made: bool,
    /// Whether it was taken back: its run is only looked for, to be cancelled.
    pub(super) withdrawn: bool,
}

/// The fate of the last post.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It has not left, or the server has refused it.
    Unsent,
    /// It has left, and nothing has come back.
    Unknown,
    /// Something of its answer was received, so the server has it.
    Received,
}

/// How much of the run's events this client has had.
#[derive(Debug, Default)]
pub(super) enum Completeness {
    /// All, on one connection.
    #[default]
    Whole,
    /// All, some of them replayed.
    Replayed,
    /// Not all, so the thread's state was needed.
    Partial {
        /// While a message may still have a hole.
        doubt: Option<Doubt>,
    },
}

/// Events are missing, so chunks may be the middle of a message. Such messages are left as they are until the
/// thread's values show them whole.
#[derive(Debug, Default)]
pub(super) struct Doubt {
    pub(super) messages: Vec<MessageId>,
    /// The graph's step that the first of them belongs to, where the server says it. A message of a later step is whole.
    pub(super) step: Option<u64>,
    /// Whether a root `values` has come since, after which new messages start at their start.
    pub(super) step_seen: bool,
}

/// The stream's own word on the run's end. No later answer of the server, which may have forgotten the run, takes it back.
#[derive(Debug, Default)]
pub(super) enum LastWord {
    /// Nothing.
    #[default]
    None,
    /// An `end` event, or its body ended by itself after events.
    Ended,
    /// An `error` event.
    Failed(StreamError),
}

/// A cancellation.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cancel {
    #[default]
    No,
    /// It is sent when the run has its id.
    Wanted,
    Asked(Asked),
}

/// The expected state of the run when a person goes back to it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// It may still be active.
    #[default]
    Active,
    /// The server has said that it is over.
    Over,
    /// It is not known to the server, or never became a run.
    Nothing,
}

/// A command that ends with the run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waiter {
    pub(super) command: CommandId,
    /// Whether it is a join by hand, which ends when the run cannot be followed in time, although following goes on.
    pub(super) is_join: bool,
}

impl Posting {
    /// A posting that is known by its name only.
    fn of(mark: String) -> Self {
        Self {
            mark,
            body: None,
            posts: 0,
            fate: Fate::Unknown,
            thread_made: false,
            withdrawn: false,
        }
    }
}

impl Run {
    pub(super) fn submitted(
        mark: String,
        body: Json,
        posts: u32,
        commands: Vec<CommandId>,
    ) -> Box<Self> {
        let waiters = commands.into_iter().map(|command| Waiter {
            command,
            is_join: false,
        });
        Box::new(Self {
            submission: Some(Posting {
                body: Some(body),
                posts,
                fate: match posts {
                    0 => Fate::Unsent,
                    _ => Fate::Unknown,
                },
                ..Posting::of(mark)
            }),
            waiters: waiters.collect(),
            ..Self::default()
        })
    }

    /// One that was submitted and taken back.
    pub(super) fn withdrawn(mark: String) -> Box<Self> {
        Box::new(Self {
            submission: Some(Posting {
                withdrawn: true,
                ..Posting::of(mark)
            }),
            cancel: Cancel::Wanted,
            ..Self::default()
        })
    }

    pub(super) fn joined(id: Option<RunId>) -> Box<Self> {
        Box::new(Self {
            id,
            ..Self::default()
        })
    }

    pub(super) fn from_record(record: Record) -> Box<Self> {
        let cursor = record.cursor.unwrap_or_default();
        Box::new(Self {
            id: record.run_id,
            submission: record.submission_id.map(Posting::of),
            recent: Recent::from_tail(cursor.tail()),
            cursor,
            recovery: Recovery::of_known(),
            completeness: Completeness::Replayed,
            ..Self::default()
        })
    }

    /// Whether an event has been applied since the run was asked for from its start.
    pub(super) fn has_applied(&self, hash: u64) -> bool {
        self.applied.as_ref().unwrap_or(&self.recent).contains(hash)
    }

    /// An event was applied. Whether it is new.
    pub(super) fn note_applied(&mut self, hash: u64) -> bool {
        if let Some(applied) = &mut self.applied {
            applied.insert(hash);
        }
        self.recent.insert(hash)
    }

    /// Whether it was submitted or named, so that the server may know it.
    pub(super) fn may_exist(&self) -> bool {
        let posted = |posting: &Posting| posting.fate != Fate::Unsent;
        self.id.is_some() || self.submission.as_ref().is_none_or(posted)
    }

    /// The server has said no to the last post, so it has not become a run.
    pub(super) fn unpost(&mut self) {
        if let Some(posting) = self.submission.as_mut().filter(|_| self.id.is_none()) {
            posting.fate = Fate::Unsent;
        }
    }

    /// Something of the answer to the last post has come, so the server has the submission: its name. `None` where there is no post.
    pub(super) fn received(&mut self) -> Option<String> {
        let posting = self.submission.as_mut().filter(|_| self.id.is_none())?;
        posting.fate = Fate::Received;
        Some(posting.mark.clone())
    }

    pub(super) fn is_rejoinable(&self) -> bool {
        self.left == Left::Active
    }

    /// Joins as a person has said.
    pub(super) fn join_with(&mut self, command: CommandId, options: JoinOptions) {
        self.waiters.push(Waiter {
            command,
            is_join: true,
        });
        self.join_modes = options.stream_modes;
        if let Some(last) = options.last_event_id {
            self.cursor.start_after(last);
            self.recent = Recent::default();
            self.applied = None;
        }
    }

    /// A person, or a page that came back, begins again: earlier failures do not count.
    pub(super) fn begin_again(&mut self) {
        self.recovery.begin_again();
        self.silent_joins = 0;
        self.timeout_told = false;
        self.joined_untold = false;
        self.untold = 0;
        self.was_interrupted();
    }

    /// The connection was lost, so the rest is a replay.
    pub(super) fn was_interrupted(&mut self) {
        if matches!(self.completeness, Completeness::Whole) {
            self.completeness = Completeness::Replayed;
        }
    }

    /// Whether everything so far has come on one connection.
    pub(super) fn is_whole(&self) -> bool {
        matches!(self.completeness, Completeness::Whole)
    }

    /// Messages may have a hole.
    pub(super) fn doubt(&self) -> Option<&Doubt> {
        match &self.completeness {
            Completeness::Partial { doubt } => doubt.as_ref(),
            Completeness::Whole | Completeness::Replayed => None,
        }
    }

    pub(super) fn doubt_mut(&mut self) -> Option<&mut Doubt> {
        match &mut self.completeness {
            Completeness::Partial { doubt } => doubt.as_mut(),
            Completeness::Whole | Completeness::Replayed => None,
        }
    }

    /// Whether the run is told again from its start, and has not come as far as what is shown.
    pub(super) fn catches_up(&self) -> bool {
        self.replay
            .as_ref()
            .is_some_and(|replay| replay.begins_anew())
    }

    /// Gives up a replay that has not caught up: what is shown no longer matches the cursor.
    pub(super) fn drop_replay(&mut self) {
        if self.replay.take().is_some() {
            self.cursor.rewind();
        }
    }

    /// The word for an end that the server calls a success.
    pub(super) fn success(&self) -> Outcome {
        match self.completeness {
            Completeness::Whole => Outcome::Finished,
            Completeness::Replayed => Outcome::Replayed,
            Completeness::Partial { .. } => Outcome::SnapshotThenTail,
        }
    }

    /// The outcome that the run's stream told, if it told one.
    pub(super) fn last_outcome(&self) -> Option<Outcome> {
        match &self.last_word {
            LastWord::None => None,
            LastWord::Ended => Some(self.success()),
            LastWord::Failed(error) => Some(Outcome::Failed(error.clone())),
        }
    }
}
