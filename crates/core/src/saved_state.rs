//! The saved state of a thread, on screen before the server has answered: its last state, as the server sent it.
//!
//! No token, header or key is ever part of it. A state that is read back is not trusted: it is shown until the server has answered, and
//! decides nothing.

use crate::{Millis, list::retain};
use rejoin_wire::{
    Json, ThreadId,
    json::{FromJson, JsonError, Lenient, Writer, parts, required},
    thread::ThreadState,
};

const VERSION: u64 = 1;

/// The limits of threads' saved states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cache {
    /// Names the user whose threads they are, such as by an id. Nothing that was saved for one user is read for another. Default
    /// `None`: a digest of the application's headers names the user; where it has no headers, nothing is saved.
    pub identity: Option<String>,
    /// The largest number of saved states; the ones used last are kept. Default 50.
    pub threads_max: usize,
    /// The largest size of all of them, in bytes. A state that is larger by itself is not saved. Default 10,485,760.
    pub bytes_max: usize,
    /// The age until which a saved state is shown, in milliseconds of wall-clock time. Default 7 days.
    pub ttl: Millis,
}

impl Default for Cache {
    fn default() -> Self {
        Self {
            identity: None,
            threads_max: 50,
            bytes_max: 10 * 1024 * 1024,
            ttl: Millis(7 * 24 * 60 * 60 * 1000),
        }
    }
}

/// Names one saved state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedKey {
    /// The server's base URL.
    pub api_url: String,
    /// The thread.
    pub thread_id: ThreadId,
    /// [`Cache::identity`].
    pub identity: Option<String>,
}

/// A state as it is read back.
#[derive(Debug)]
pub(crate) struct SavedState {
    /// The state as the server sent it.
    pub(crate) json: Json,
    /// The same, read.
    pub(crate) state: ThreadState,
}

struct Stored {
    v: u64,
    thread_id: ThreadId,
    saved_at: Millis,
    state: Json,
}

impl SavedState {
    /// `None` for what is damaged, another version's, another thread's or too old.
    pub(crate) fn read(
        text: &str,
        thread_id: &ThreadId,
        wall_clock: Millis,
        cache: &Cache,
    ) -> Option<Self> {
        if text.len() > cache.bytes_max {
            return None;
        }
        let stored = Stored::from_json(text).ok()?;
        // A clock that was set back makes a state look as if it came from the future: that is no reason to drop it.
        let is_old = wall_clock - stored.saved_at > cache.ttl;
        if stored.v != VERSION || stored.thread_id != *thread_id || is_old {
            return None;
        }
        Some(Self {
            // What was odd in it was told when it came.
            state: ThreadState::read_quietly(stored.state.text()).ok()?,
            json: stored.state,
        })
    }

    /// The text that is saved of a state.
    pub(crate) fn written(thread_id: &ThreadId, saved_at: Millis, state: &Json) -> String {
        let mut text = String::with_capacity(state.text().len() + 128);
        let mut object = Writer::object(&mut text);
        object.number("v", VERSION);
        object.string("thread_id", thread_id.as_str());
        object.number("saved_at", saved_at.0);
        object.raw("state", state.text());
        object.end();
        text
    }
}

impl FromJson for Stored {
    fn from_json(text: &str) -> Result<Self, JsonError> {
        let [v, thread_id, saved_at, state] =
            parts(text, &["v", "thread_id", "saved_at", "state"])?;
        Ok(Self {
            v: u64::from_json(required(v, "a `v`")?)?,
            thread_id: ThreadId::from_json(required(thread_id, "a `thread_id`")?)?,
            saved_at: Millis(u64::from_json(required(saved_at, "a `saved_at`")?)?),
            state: Json::from_json(required(state, "a `state`")?)?,
        })
    }
}

/// The index of saved states, the one used longest ago first. It is stored beside the states, so that the ones to remove can
/// be found without reading any.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct SavedIndex {
    entries: Vec<Entry>,
}

#[derive(Debug, PartialEq, Eq)]
struct Entry {
    name: String,
    bytes: u64,
}

impl SavedIndex {
    /// `None` where it is damaged: what else is saved there is not known then.
    pub fn read(text: &str) -> Option<Self> {
        let entries = Vec::from_json(text).ok()?;
        Some(Self { entries })
    }

    /// Its text.
    pub fn written(&self) -> String {
        let mut text = String::new();
        let mut list = Writer::list(&mut text);
        for entry in &self.entries {
            let mut object = Writer::object(list.item());
            object.string("name", &entry.name);
            object.number("bytes", entry.bytes);
            object.end();
        }
        list.end();
        text
    }

    /// A state is saved under a name, with so many bytes. Those that have to go for it are no more in the index.
    pub fn saved(&mut self, name: &str, bytes: usize, cache: &Cache) {
        self.removed(name);
        self.entries.push(Entry {
            name: name.to_owned(),
            bytes: bytes as u64,
        });
        while self.is_over(cache) && !self.entries.is_empty() {
            self.entries.remove(0);
        }
    }

    /// Whether this is the name of a state that is saved.
    pub fn has(&self, name: &str) -> bool {
        self.entries.iter().any(|entry| entry.name == name)
    }

    fn is_over(&self, cache: &Cache) -> bool {
        let bytes = self.entries.iter().fold(0_u64, |sum, entry| {
            // A damaged one may say anything.
            sum.saturating_add(entry.bytes)
        });
        self.entries.len() > cache.threads_max || bytes > cache.bytes_max as u64
    }

    /// A state of so many bytes was read. Whether that changes anything.
    pub fn used(&mut self, name: &str, bytes: usize) -> bool {
        let used = Entry {
            name: name.to_owned(),
            bytes: bytes as u64,
        };
        let changes = self.entries.last() != Some(&used);
        if changes {
            self.removed(name);
            self.entries.push(used);
        }
        changes
    }

    /// A state was removed.
    pub fn removed(&mut self, name: &str) {
        retain(&mut self.entries, |entry| entry.name != name);
    }
}

impl FromJson for Entry {
    fn from_json(text: &str) -> Result<Self, JsonError> {
        let [name, bytes] = parts(text, &["name", "bytes"])?;
        Ok(Self {
            name: String::from_json(required(name, "a `name`")?)?,
            bytes: u64::from_json(required(bytes, "`bytes`")?)?,
        })
    }
}
