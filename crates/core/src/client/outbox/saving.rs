//! Stores the submissions that this client has to send, and asks for those that are stored for a thread.

use super::{
    Doubt,
    record::{LOCKED, outbox_key},
};
use crate::{Client, Effect, ErrorCode, Notice};
use rejoin_wire::json::{ToJson, Writer};

/// The cost of an entry beside its body, roughly, in bytes.
const ENTRY_OVERHEAD_BYTES: usize = 200;

impl Client {
    /// Stores what this client has to send.
    pub(in crate::client) fn save_outbox(&mut self) {
        self.outbox.revision = self.store.touched();
        let Some(key) = self.outbox_key() else {
            return;
        };
        // The lock is one part's.
        self.outbox.has_lock &= self.outbox.part.is_some();
        let text = self.own_part();
        let name = match (self.outbox.part.clone(), &text) {
            (Some(name), _) => name,
            (None, None) => return,
            (None, Some(_)) => {
                // Another name each time: whoever waited for the last lock must not get this one.
                let name = self.outbox.names.uuid();
                self.outbox.part = Some(name.clone());
                self.hold_lock(name.clone());
                name
            }
        };
        let is_empty = text.is_none();
        let part = name.clone();
        self.effects.push(Effect::SavePart { key, part, text });
        if is_empty {
            self.outbox.part = None;
            // Nothing is left that another client may have taken over.
            self.outbox.doubt = Doubt::None;
            self.effects.push(Effect::ReleaseLock { name });
        }
    }

    /// This client's entries as they are stored, as far as there is room for them; `None` where there is nothing to store. Their sizes are
    /// known before anything is written.
    fn own_part(&mut self) -> Option<String> {
        let mut room = self.config.outbox.bytes_max;
        let mut text = String::new();
        let (mut is_empty, mut left_out) = (true, false);
        let mut list = Writer::list(&mut text);
        if self.outbox.has_lock {
            list.item().push_str(LOCKED);
        }
        for entry in self
            .outbox
            .entries
            .iter_mut()
            .filter(|entry| entry.is_own())
        {
            let body = entry.stored.body.as_ref().map(|body| body.text().len());
            let bytes = body.map(|body| body + ENTRY_OVERHEAD_BYTES);
            let left = bytes.and_then(|bytes| room.checked_sub(bytes));
            entry.is_stored = left.is_some();
            left_out |= left.is_none();
            if let Some(left) = left {
                room = left;
                is_empty = false;
                entry.stored.write_json(list.item());
            }
        }
        list.end();
        if left_out {
            self.tell_not_stored();
        }
        (!is_empty).then_some(text)
    }

    /// A submission is not stored. A person is told once.
    pub(super) fn tell_not_stored(&mut self) {
        if !std::mem::replace(&mut self.outbox.not_stored_told, true) {
            self.warn_code(ErrorCode::SubmissionNotStored);
        }
    }

    pub(super) fn hold_lock(&mut self, name: String) {
        if !self.outbox.lacks_locks {
            self.effects.push(Effect::HoldLock { name });
        }
    }

    /// The key under which the thread's submissions are stored; `None` if they are not.
    pub(super) fn outbox_key(&self) -> Option<String> {
        let thread_id = self.thread_id.as_ref().filter(|_| self.keeps_outbox())?;
        Some(outbox_key(&self.config, thread_id))
    }

    /// A thread is entered: what was not sent on it is read.
    pub(in crate::client) fn load_outbox(&mut self) {
        self.outbox.is_awaited = self.read_outbox();
    }

    /// Whether it is asked for.
    pub(super) fn read_outbox(&mut self) -> bool {
        let key = self.outbox_key();
        let is_asked = key.is_some();
        self.effects
            .extend(key.map(|key| Effect::LoadRecord { key }));
        is_asked
    }

    pub(in crate::client) fn is_outbox(&self, key: &str) -> bool {
        self.outbox_key().is_some_and(|own| own == key)
    }

    /// The text that is stored for the thread. It is the part's to read. If the part is still to come it is asked for, and nothing
    /// waits for it.
    pub(in crate::client) fn outbox_loaded(&mut self, text: Option<&str>) {
        let was_in_doubt = self.outbox.is_in_doubt();
        let is_read = self.with_part(
            |parts| &mut parts.outbox,
            |outbox, client| outbox.read(client, text),
        );
        let is_needed = text.is_some() || self.outbox.is_in_doubt();
        let is_settled = was_in_doubt && !self.outbox.is_in_doubt();
        self.outbox_answered(is_read.is_none() && is_needed, is_settled);
    }

    /// Storage cannot be read, so it may hold anything. The client keeps its locks, and doubtful submissions stay doubtful.
    pub(in crate::client) fn outbox_unreadable(&mut self) {
        let is_heard = self.with_part(
            |parts| &mut parts.outbox,
            |outbox, client| outbox.unreadable(client),
        );
        let is_needed = self.outbox.is_unread || self.outbox.is_in_doubt();
        self.outbox_answered(is_heard.is_none() && is_needed, false);
    }

    /// The thread's load and the waiting submissions go on. If the load has failed, only submissions made in doubt wait. `is_settled`: their
    /// doubt is over.
    fn outbox_answered(&mut self, is_unread: bool, is_settled: bool) {
        self.outbox.is_unread = is_unread;
        if is_unread {
            self.notify(Notice::ExtrasWanted);
        }
        if std::mem::take(&mut self.outbox.is_awaited) {
            self.finish_load_if_complete();
        } else if !self.load.has_failed() || is_settled {
            self.begin_queued();
        }
        let is_known = !self.outbox.is_unread && std::mem::take(&mut self.outbox.lacks_thread);
        if is_known && !self.has_waiting() {
            self.enter_missing(None);
        }
    }

    /// Another page has stored something. The submissions that it has to send are shown here, and are this client's when
    /// that page is gone.
    pub(in crate::client) fn record_changed(&mut self, key: &str) {
        if self.is_outbox(key) {
            self.read_outbox();
        }
    }

    /// This client's lock may be gone: the page is back from where it was put aside.
    pub(in crate::client) fn outbox_thawed(&mut self) {
        if self.outbox.part.is_some() && self.read_outbox() {
            self.outbox.doubt = Doubt::Asked;
        }
    }

    /// The part has come, and may read what could not be read.
    pub(in crate::client) fn outbox_part_came(&mut self) {
        if self.outbox.is_unread {
            self.read_outbox();
        }
    }

    /// A lock was taken away. Another client may have taken over the submissions behind it.
    pub(in crate::client) fn lock_lost(&mut self, name: &str) {
        if self.outbox.part.as_deref() == Some(name) {
            self.outbox_thawed();
        } else {
            self.with_part(
                |parts| &mut parts.outbox,
                |outbox, _| outbox.lock_lost(name),
            );
        }
    }

    /// This page has no locks, so nothing tells whether another client is still there.
    pub(in crate::client) fn locks_missing(&mut self) {
        self.outbox.lacks_locks = true;
        self.outbox.revision = self.store.touched();
    }

    /// A lock that was asked for is held now.
    pub(in crate::client) fn lock_held(&mut self, name: String) {
        if self.outbox.part.as_ref() == Some(&name) {
            let had_lock = std::mem::replace(&mut self.outbox.has_lock, true);
            // In doubt it goes on under another name.
            if !had_lock && !self.outbox.is_in_doubt() {
                self.save_outbox();
            }
        } else {
            let given = self.with_part(
                |parts| &mut parts.outbox,
                |outbox, client| outbox.lock_held(client, &name),
            );
            if given != Some(true) {
                self.effects.push(Effect::ReleaseLock { name });
            }
        }
    }
}
