//! The thread's states: reading them, and showing the one that the selected branch ends in.

use super::{
    Client,
    answer::{Answer, Asked, NO_ANSWER},
    recovery::{Purpose, Verdict},
};
use crate::{
    AttemptId, ErrorCode, MessageOrigin, MessageSlot, Method, StreamError, list::collected,
    thread_store::Past,
};
use rejoin_wire::{
    CheckpointId, Json,
    json::{JsonError, Lenient, Oddities, Oddity},
    thread::{Interrupt, ThreadState},
};

impl Client {
    pub(crate) fn is_history_loading(&self) -> bool {
        self.history_asked.is_some() || self.is_thread_loading()
    }

    /// Asks for the thread's history, or where none is wanted for its state. See [`Client::take_states`].
    pub(super) fn ask_states(&mut self) -> Option<Asked> {
        self.drop_history_request();
        let history = self.with_part(|parts| &mut parts.branches, |part, client| part.ask(client));
        history.flatten().or_else(|| self.ask_state())
    }

    /// Asks for the thread's state alone.
    pub(super) fn ask_state(&mut self) -> Option<Asked> {
        let url = self.thread_url("/state")?;
        Some(self.ask(Method::Get, url))
    }

    /// Keeps what [`Client::ask_states`] has brought. Returns the thread's newest state; of a thread without any, an
    /// empty one.
    pub(super) fn take_states(&mut self, answer: &Answer<'_>) -> Result<ThreadState, StreamError> {
        let history = self.with_part(
            |parts| &mut parts.branches,
            |part, client| part.read(client, answer),
        );
        let mut odd = Oddities::default();
        let head = match history.flatten() {
            Some(kept) => {
                kept?;
                match self.history.states().first() {
                    Some(newest) => ThreadState::read(newest.json.text(), &mut odd),
                    None => Ok(ThreadState::default()),
                }
            }
            None => {
                let state: Json = answer.read("thread state")?;
                let read = ThreadState::read(state.text(), &mut odd);
                let checkpoint = read.as_ref().ok().and_then(|read| read.checkpoint.as_ref());
                let id = checkpoint.and_then(|checkpoint| checkpoint.checkpoint_id.as_ref());
                self.history.set_head(state, id);
                read
            }
        };
        self.store.touch_history();
        self.tell_odd("state", odd.into_list());
        head.map_err(|error| StreamError::new(ErrorCode::BodyInvalid).with_detail(error.words()))
    }

    /// Whether the initial values stand in for a state, as the thread has none yet.
    pub(super) fn hides(&self, state: &ThreadState) -> bool {
        let has_checkpoint = state
            .checkpoint
            .as_ref()
            .is_some_and(|checkpoint| checkpoint.checkpoint_id.is_some());
        self.config.initial_values.is_some() && !has_checkpoint
    }

    /// Shows a state. `keep` says as what a message stays that it lacks.
    pub(super) fn show_state(
        &mut self,
        state: &ThreadState,
        keep: &dyn Fn(&MessageSlot, Past) -> Option<MessageOrigin>,
    ) {
        if self.hides(state) {
            return;
        }
        let interrupts = collected(state.interrupts().map(Interrupt::clone));
        self.reading("values", |client, odd| {
            let store = &mut client.store;
            store.load_state(&state.values, interrupts, keep, odd);
        });
    }

    /// Shows the thread's state, beside what is shown of a run that is not in it yet. `is_whole`: there is no such run, so the
    /// server does not have what was streamed and its state lacks.
    pub(super) fn refresh_state(&mut self, state: &ThreadState, is_whole: bool) {
        self.show_state(state, &|slot, past| {
            let is_lost = is_whole && slot.origin == MessageOrigin::Server;
            let origin = if is_lost {
                MessageOrigin::Partial
            } else {
                slot.origin
            };
            (!past.stored && !past.left).then_some(origin)
        });
    }

    /// Shows what the selected branch ends in, and nothing else.
    pub(super) fn show_branch(&mut self) {
        if let Some(state) = self.history.head_state() {
            self.show_state(&state, &|_, _| None);
            if let Some(run) = &mut self.run {
                // What was streamed of the run is not shown any more, so nothing may be appended to it.
                run.cursor.rewind();
            }
        }
    }

    /// A run begins: from `checkpoint`, or from the thread's newest state. Its branch will be the newest.
    pub(super) fn leave_branches(&mut self, checkpoint: Option<&CheckpointId>) {
        if !self.history.is_empty() {
            self.with_part(
                |parts| &mut parts.branches,
                |part, client| part.leave(client, checkpoint),
            );
        }
    }

    pub(super) fn mutate_values(&mut self, values: &Json) {
        let mut odd = Oddities::default();
        let laid = self.store.lay_values(values, &mut odd);
        self.tell_own_values(laid, odd);
    }

    pub(super) fn show_initial(&mut self) {
        if let Some(values) = self.config.initial_values.clone() {
            let mut odd = Oddities::default();
            let shown = self.store.show_initial(&values, &mut odd);
            self.tell_own_values(shown, odd);
        }
    }

    /// Tells a fault in values of the application's.
    fn tell_own_values(&mut self, read: Result<(), JsonError>, odd: Oddities) {
        let odd = odd.into_list();
        let first = odd.first().map(Oddity::words);
        if let Some(words) = read.err().map(|error| error.words()).or(first) {
            self.warn(StreamError::new(ErrorCode::InvalidInput).with_detail(words));
        }
    }

    pub(super) fn ask_history(&mut self) {
        self.ask_history_by(&mut Self::ask_states);
    }

    /// The same; `ask` sends the request.
    pub(super) fn ask_history_by(&mut self, ask: &mut dyn FnMut(&mut Self) -> Option<Asked>) {
        if self.is_stream_only() || self.load.is_loading() || self.history_asked.is_some() {
            return;
        }
        self.history_asked = ask(self);
        self.store.touch();
    }

    pub(super) fn is_history(&self, attempt: AttemptId) -> bool {
        self.history_asked
            .is_some_and(|asked| asked.attempt == attempt)
    }

    pub(super) fn history_answered(&mut self, answer: &Answer<'_>) {
        self.history_asked = None;
        self.store.touch();
        match self.take_states(answer) {
            Ok(_) => self.history_came(),
            // A thread that the server does not have yet has no history either.
            Err(_) if Purpose::State.verdict(answer.failure()) == Verdict::Gone => {}
            Err(error) => {
                self.state_not_read();
                self.history_unavailable(error.message.clone());
            }
        }
    }

    /// While a run is followed its stream is newer.
    pub(super) fn history_came(&mut self) {
        if self.is_active() || self.load.is_loading() {
            return;
        }
        if !self.history.branch().is_empty() {
            return self.show_branch();
        }
        if self.was_refused_back() {
            // What was said for it has no place in the thread as it is.
            self.store.drop_optimistic();
        }
        let is_whole = self.comparison.take_whole();
        if let Some(state) = self.history.head_state() {
            self.refresh_state(&state, is_whole);
        }
    }

    pub(super) fn history_late(&mut self) {
        self.drop_history_request();
        self.history_unavailable(NO_ANSWER.to_owned());
    }

    /// The history belongs to the thread that is left.
    pub(super) fn forget_history(&mut self) {
        self.drop_history_request();
        self.history.clear();
        self.store.touch_history();
    }

    /// Drops the request for the history: its answer would be older than the one that is read next.
    pub(super) fn drop_history_request(&mut self) {
        if let Some(asked) = self.history_asked.take() {
            self.abort(asked.attempt);
            self.state_not_read();
            self.store.touch();
        }
    }

    pub(super) fn history_unavailable(&mut self, why: String) {
        self.warn(StreamError::new(ErrorCode::HistoryUnavailable).with_detail(why));
    }
}
