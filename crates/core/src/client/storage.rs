//! The stored record: written at most once in its interval, removed when the run is over.

use super::{
    Client,
    phase::{Next, Phase},
    run::Run,
};
use crate::{
    Effect, ErrorCode, MessageSlot, Millis, Notice,
    run_record::{NewRecord, Record, Unusable, record_key, run_key},
};
use rejoin_wire::{
    RunId, ThreadId,
    json::{FromJson, ToJson, write_string},
    message::MessageKind,
};

#[derive(Debug, Default)]
pub(super) struct Records {
    /// Since when something is not stored.
    unsaved_since: Option<Millis>,
    saved_at: Option<Millis>,
    /// Whether something is stored for this thread.
    exists: bool,
    /// The run it is of, where that is known.
    owner: Option<RunId>,
    /// Whether a later run of this client's has begun on the thread.
    superseded: bool,
    /// Wall-clock time as last told, and the driver's then.
    told: (Millis, Millis),
    /// Whether a failure of any storage of the page's was told: where one fails, so do others, for the same reason.
    failure_told: bool,
}

impl Records {
    /// When the next write is due.
    pub(super) fn due(&self, every: Millis) -> Option<Millis> {
        let since = self.unsaved_since?;
        Some(
            self.saved_at
                .map_or(since, |saved| (saved + every).max(since)),
        )
    }

    pub(super) fn pause(&mut self) {
        self.unsaved_since = None;
    }

    /// Whether a failure of storage is told: the first one only.
    pub(super) fn tells_failure(&mut self) -> bool {
        !std::mem::replace(&mut self.failure_told, true)
    }

    pub(super) fn forget(&mut self) {
        *self = Self {
            told: self.told,
            failure_told: self.failure_told,
            ..Self::default()
        };
    }

    fn wall_clock(&self, now: Millis) -> Millis {
        let (wall_clock, then) = self.told;
        wall_clock + (now - then)
    }
}

impl Client {
    pub(super) fn mark_record(&mut self) {
        if !self.is_stream_only() {
            self.records.unsaved_since.get_or_insert(self.now);
        }
    }

    pub(super) fn page_hiding(&mut self, wall_clock: Millis) {
        self.is_being_left = true;
        self.set_wall_clock(wall_clock);
        if self.is_active() && self.records.unsaved_since.is_some() {
            self.with_run(|client, run| client.save_record(run));
        }
    }

    /// Stores the run's id, the cursor and the messages that fit.
    pub(super) fn save_record(&mut self, run: &Run) {
        // Counted from now also where nothing can be stored, or the deadline would stand for ever.
        self.records.saved_at = Some(self.now);
        if run.replay.is_some() {
            // While a replay catches up, the cursor and what is shown do not belong together.
            return;
        }
        self.records.unsaved_since = None;
        let Some(thread_id) = self.thread_id.clone() else {
            return;
        };
        if self.is_stream_only() || self.is_settling() || !run.may_exist() {
            return;
        }
        let run_id = run.id.clone();
        let (resumes, torn) = (run.cursor.can_resume(), run.doubt().is_some());
        // What is shown of a torn run is painted again, but nothing may be appended to it.
        let messages = self.storable_messages().filter(|_| resumes || torn);
        let record = NewRecord {
            thread_id: &thread_id,
            run_id: run_id.as_ref(),
            submission_id: run.submission.as_ref().map(|posting| posting.mark.as_str()),
            saved_at: self.wall_clock(),
            cursor: messages.and((resumes && !torn).then_some(&run.cursor)),
            messages: messages.unwrap_or_default(),
            store: &self.store,
        };
        let text = record.to_json();
        let key = record_key(&self.config, &thread_id);
        self.records.exists = true;
        self.records.superseded = false;
        self.effects.push(Effect::SaveRecord { key, text });
        if self.records.owner != run_id {
            self.remove_pointer();
        }
        if self.records.owner.is_none()
            && let Some(run_id) = run_id
        {
            let key = run_key(&self.config, &run_id);
            self.records.owner = Some(run_id);
            let mut text = String::new();
            write_string(&mut text, thread_id.as_str());
            self.effects.push(Effect::SaveRecord { key, text });
        }
    }

    /// Whether the run is known to be over, so that there is nothing to go back to.
    fn is_settling(&self) -> bool {
        matches!(
            self.phase,
            Phase::Settling { .. }
                | Phase::Waiting {
                    next: Next::Settle(_),
                    ..
                }
        )
    }

    /// The newest messages that fit; `None` where this run's own do not, or where a reload could not go on from them.
    fn storable_messages(&self) -> Option<&[MessageSlot]> {
        // What was streamed within tools is not stored, so its middle would be all that a reload gets.
        let mut lists = self.store.subgraphs().iter();
        if lists.any(|(_, list)| list.streams()) {
            return None;
        }
        let mut room = self.config.record_bytes_max;
        let slots = self.store.slots();
        let left_out = slots.iter().rposition(|slot| {
            let bytes = slot.message.content.text_bytes() + MESSAGE_OVERHEAD_BYTES;
            let fits = bytes <= room;
            room = room.saturating_sub(bytes);
            !fits
        });
        let (left_out, stored) = slots.split_at(left_out.map_or(0, |last| last + 1));
        let is_own = |slot: &MessageSlot| self.store.is_streamed(slot.id());
        // Without its question nothing tells which of the thread's answers it is, when more have come.
        let first_own = stored.iter().position(is_own).unwrap_or_default();
        let asks = |slot: &MessageSlot| slot.message.kind == MessageKind::Human;
        let has_question = left_out.is_empty() || stored[..first_own].iter().any(asks);
        (has_question && !left_out.iter().any(is_own)).then_some(stored)
    }

    /// The run being followed has become one of the server's after whatever is stored, which it will outlive: a server
    /// runs one after the other.
    pub(super) fn supersede_record(&mut self) {
        self.records.superseded = true;
    }

    /// Removes the record of the run being followed. Another run's stays: that one was left and may go on.
    pub(super) fn remove_own_record(&mut self, run: &Run) {
        let others = self.records.owner.is_some() && self.records.owner != run.id;
        if !others || self.records.superseded {
            self.remove_record();
        } else {
            self.records.pause();
        }
    }

    pub(super) fn remove_record(&mut self) {
        self.records.pause();
        self.records.superseded = false;
        if std::mem::take(&mut self.records.exists)
            && let Some(thread_id) = &self.thread_id
        {
            let key = record_key(&self.config, thread_id);
            self.effects.push(Effect::RemoveRecord { key });
            self.remove_pointer();
        }
    }

    /// Removes what says on which thread the record's run is.
    fn remove_pointer(&mut self) {
        if let Some(run_id) = self.records.owner.take() {
            let key = run_key(&self.config, &run_id);
            self.effects.push(Effect::RemoveRecord { key });
        }
    }

    pub(super) fn record_loaded(
        &mut self,
        key: &str,
        text: Result<Option<String>, ErrorCode>,
        wall_clock: Millis,
    ) {
        self.set_wall_clock(wall_clock);
        if self.is_outbox(key) {
            return match text {
                Ok(text) => self.outbox_loaded(text.as_deref()),
                Err(_) => self.outbox_unreadable(),
            };
        }
        // A run whose record cannot be read is looked for on the server, as one without a record.
        let text = text.ok().flatten();
        if let Some(lookup) = self.thread_lookup.take_if(|lookup| lookup.key == key) {
            let thread_id = text.and_then(|text| ThreadId::from_json(&text).ok());
            return self.thread_looked_up(lookup.join, thread_id);
        }
        let Some(thread_id) = &self.thread_id else {
            return;
        };
        if record_key(&self.config, thread_id) != key || !self.load.waits_for_record() {
            return;
        }
        let Some(text) = text else {
            return self.load_record(None);
        };
        self.records.exists = true;
        match Record::read(&text, thread_id, wall_clock, self.config.record_ttl) {
            Ok(mut record) => {
                self.records.owner.clone_from(&record.run_id);
                if self.load.shows_state() {
                    // The cursor belongs to the messages that were stored with it.
                    record.cursor = None;
                } else {
                    self.paint(&mut record);
                }
                self.load_record(Some(Box::new(record)));
            }
            Err(why) => {
                match why {
                    Unusable::Corrupt => self.warn_code(ErrorCode::RecordCorrupt),
                    Unusable::Stale(run_id) => self.records.owner = run_id,
                }
                self.remove_record();
                self.load_record(None);
            }
        }
    }

    /// Shows what was stored until the server has answered.
    fn paint(&mut self, record: &mut Record) {
        let (messages, asked) = (std::mem::take(&mut record.messages), record.asked.take());
        if matches!(self.phase, Phase::Idle) && !messages.is_empty() {
            self.store.restore(messages, record.attempt(), asked);
        }
    }

    pub(super) fn storage_failed(&mut self, code: ErrorCode) {
        if self.records.tells_failure() {
            self.notify(Notice::StorageFailed { code });
        }
    }

    /// Milliseconds since 1970, as far as the driver has said.
    pub(super) fn wall_clock(&self) -> Millis {
        self.records.wall_clock(self.now)
    }

    pub(super) fn set_wall_clock(&mut self, wall_clock: Millis) {
        self.records.told = (wall_clock, self.now);
    }
}

/// The cost of a message beside its text, roughly: ids, keys, metadata.
const MESSAGE_OVERHEAD_BYTES: usize = 400;
