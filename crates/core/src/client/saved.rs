//! The part that saves the thread's last state, and shows it when the thread is entered the next time, until the server has
//! answered.
//!
//! A state is saved as the server sent it, when nothing runs and it has not changed for a moment. A state that is read back
//! decides nothing. Submissions wait for the thread as they do without it, nothing can be edited, and no question or tool call
//! of it waits for an answer.

use super::{
    Client,
    part::{Arrived, Due, Part, Woke},
};
use crate::{
    AttemptId, Cache, DeadlineReason, Effect, ErrorCode, Millis, SavedEffect, SavedInput, SavedKey,
    StreamError,
    hash::{HASH_OF_NOTHING, hashed},
    saved_state::SavedState,
};
use rejoin_wire::{Json, ThreadId};

/// How long a state has to stay as it is before it is saved.
const SETTLED: Millis = Millis(1_000);
/// The least time between two that are saved.
const BETWEEN: Millis = Millis(5_000);

/// The saved states of threads.
pub(super) trait SavedPart: Part {
    fn handle(&mut self, client: &mut Client, input: SavedInput);
}

/// The part.
#[derive(Debug, Default)]
pub(super) struct Saved {
    /// The limits of the saved states. `None`: nothing is saved.
    cache: Option<Cache>,
    /// The thread that the rest is of.
    thread_id: Option<ThreadId>,
    /// Whether what is saved of it is being read.
    asked: bool,
    /// The state that was read, until it can be shown.
    read: Option<Box<SavedState>>,
    /// A hash of the state that is saved, where that is known.
    saved: Option<u64>,
    /// The state that is to be saved.
    unsaved: Option<Unsaved>,
    saved_at: Option<Millis>,
    /// The revision of the thread's state that was looked at last.
    seen: u64,
    /// Whether the server has refused the thread, or does not know it.
    refused: bool,
}

#[derive(Debug)]
struct Unsaved {
    state: Json,
    hash: u64,
    since: Millis,
}

impl Part for Saved {
    /// Whoever is refused once is not shown what was saved the next time.
    fn answered(
        &mut self,
        client: &mut Client,
        _attempt: AttemptId,
        arrived: &Arrived<'_>,
    ) -> bool {
        let status = match arrived {
            Arrived::Answer(answer) => answer.status,
            Arrived::Headers { status, .. } => *status,
            Arrived::Chunk(_) | Arrived::Ended => 0,
        };
        if matches!(status, 401 | 403) {
            self.remove(client);
        }
        false
    }

    fn due(&self, _client: &Client) -> Option<Due> {
        let settled = self.unsaved.as_ref()?.since + SETTLED;
        let at = match self.saved_at {
            Some(before) => settled.max(before + BETWEEN),
            None => settled,
        };
        Some((at, DeadlineReason::Record))
    }

    fn late(&mut self, client: &mut Client) {
        self.save(client);
    }

    fn woke(&mut self, client: &mut Client, woke: Woke) {
        if !woke.is_back() {
            // The page may not come back.
            self.save(client);
        }
    }

    fn tend(&mut self, client: &mut Client) {
        if self.cache.is_none() {
            return;
        }
        if self.thread_id != client.thread_id {
            self.save(client);
            self.enter(client);
        }
        self.show(client);
        self.heed_refusal(client);
        self.look(client);
    }
}

impl SavedPart for Saved {
    fn handle(&mut self, client: &mut Client, input: SavedInput) {
        match input {
            SavedInput::Kept { cache } => self.cache = Some(cache),
            SavedInput::Read {
                thread_id,
                text,
                wall_clock,
            } => {
                client.set_wall_clock(wall_clock);
                if self.thread_id.as_ref() == Some(&thread_id) && std::mem::take(&mut self.asked) {
                    self.take(client, &thread_id, text, wall_clock);
                }
            }
            SavedInput::Failed { why } => {
                if client.records.tells_failure() {
                    client.warn(StreamError::new(ErrorCode::CacheUnavailable).with_detail(why));
                }
            }
            SavedInput::ThreadDeleted { thread_id } => {
                if self.thread_id.as_ref() == Some(&thread_id) {
                    self.remove(client);
                } else if let Some(key) = self.key_of(client, thread_id) {
                    order(client, SavedEffect::Remove { key });
                }
            }
        }
    }
}

impl Saved {
    fn key_of(&self, client: &Client, thread_id: ThreadId) -> Option<SavedKey> {
        Some(SavedKey {
            api_url: client.config.api_url.clone(),
            thread_id,
            identity: self.cache.as_ref()?.identity.clone(),
        })
    }

    fn key(&self, client: &Client) -> Option<SavedKey> {
        self.key_of(client, self.thread_id.clone()?)
    }

    /// The client is on another thread.
    fn enter(&mut self, client: &mut Client) {
        *self = Self {
            cache: self.cache.take(),
            thread_id: client.thread_id.clone(),
            saved_at: self.saved_at,
            ..Self::default()
        };
        let reads = client.config.load_thread && client.reads_state();
        if reads
            && client.load.waits_for_state()
            && let Some(key) = self.key(client)
        {
            self.asked = true;
            order(client, SavedEffect::Load { key });
        }
    }

    fn take(
        &mut self,
        client: &mut Client,
        thread_id: &ThreadId,
        text: Option<String>,
        wall_clock: Millis,
    ) {
        let (Some(text), Some(cache)) = (text, &self.cache) else {
            return;
        };
        if self.saved.is_some() {
            // What was read has been replaced meanwhile.
            return;
        }
        if let Some(read) = SavedState::read(&text, thread_id, wall_clock, cache) {
            let hash = hash_of(&read.json);
            self.unsaved.take_if(|unsaved| unsaved.hash == hash);
            self.saved = Some(hash);
            self.read = Some(Box::new(read));
        } else if let Some(key) = self.key(client) {
            order(client, SavedEffect::Remove { key });
        }
    }

    /// Shows the state that was read, unless the server was first. The stored record of a run is painted before it, as
    /// it is newer.
    fn show(&mut self, client: &mut Client) {
        if !client.load.waits_for_state() {
            self.read = None;
        }
        if self.read.is_none() || client.load.waits_for_record() {
            return;
        }
        if let Some(read) = self.read.take()
            && !client.hides(&read.state)
        {
            client.store.show_saved(&read.state.values);
        }
    }

    /// A thread that the server does not let this user read, or does not know, is neither kept nor shown.
    fn heed_refusal(&mut self, client: &mut Client) {
        let refuses = |error: &StreamError| {
            matches!(
                error.code,
                ErrorCode::Unauthorized | ErrorCode::Forbidden | ErrorCode::ThreadNotFound
            )
        };
        let refused = client.error.as_ref().is_some_and(refuses);
        if refused && !self.refused {
            self.remove(client);
            if client.store.shows_saved() {
                client.store.drop_saved();
                client.show_initial();
            }
        }
        self.refused = refused;
    }

    /// Whether there is something new to save.
    fn look(&mut self, client: &Client) {
        let seen = client.store.revisions().head;
        let is_at_rest = !client.is_active() && client.load.is_loaded() && !self.refused;
        // Another branch is not what the thread is entered with.
        if self.seen == seen || !is_at_rest || !client.history.branch().is_empty() {
            return;
        }
        self.seen = seen;
        self.unsaved = client.history.head().and_then(|state| {
            let hash = hash_of(state);
            (self.saved != Some(hash)).then(|| Unsaved {
                state: state.clone(),
                hash,
                since: client.now,
            })
        });
    }

    fn save(&mut self, client: &mut Client) {
        let (Some(unsaved), Some(cache), Some(key)) =
            (self.unsaved.take(), self.cache.clone(), self.key(client))
        else {
            return;
        };
        let text = SavedState::written(&key.thread_id, client.wall_clock(), &unsaved.state);
        if text.len() > cache.bytes_max {
            // What is saved of it is older.
            return self.remove(client);
        }
        self.saved = Some(unsaved.hash);
        self.saved_at = Some(client.now);
        order(client, SavedEffect::Save { key, text, cache });
    }

    fn remove(&mut self, client: &mut Client) {
        self.read = None;
        self.saved = None;
        self.unsaved = None;
        if let Some(key) = self.key(client) {
            order(client, SavedEffect::Remove { key });
        }
    }
}

fn order(client: &mut Client, effect: SavedEffect) {
    client.effects.push(Effect::Saved(effect));
}

fn hash_of(state: &Json) -> u64 {
    hashed(HASH_OF_NOTHING, state.text())
}
