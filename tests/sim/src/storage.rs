//! The browser's storage: it survives a reload, and it may be full, denied, or damaged.

use rejoin_core::{ErrorCode, with_part};
use std::collections::BTreeMap;

/// How storage behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// As it should.
    Works,
    /// Reads and removes, but does not write.
    Full,
    /// Throws at everything.
    Denied,
}

/// What is stored.
#[derive(Debug)]
pub(crate) struct Storage {
    /// How it behaves now.
    pub mode: Mode,
    /// By key.
    pub entries: BTreeMap<String, String>,
}

impl Default for Storage {
    fn default() -> Self {
        Self {
            mode: Mode::Works,
            entries: BTreeMap::new(),
        }
    }
}

impl Storage {
    /// Reads.
    ///
    /// # Errors
    /// Where it is denied.
    pub(crate) fn load(&self, key: &str) -> Result<Option<String>, ErrorCode> {
        match self.mode {
            Mode::Works | Mode::Full => Ok(self.entries.get(key).cloned()),
            Mode::Denied => Err(ErrorCode::StorageDenied),
        }
    }

    /// Writes.
    ///
    /// # Errors
    /// Where it is full or denied.
    pub(crate) fn save(&mut self, key: String, text: String) -> Result<(), ErrorCode> {
        match self.mode {
            Mode::Works => {
                self.entries.insert(key, text);
                Ok(())
            }
            Mode::Full => Err(ErrorCode::StorageFull),
            Mode::Denied => Err(ErrorCode::StorageDenied),
        }
    }

    /// Removes.
    ///
    /// # Errors
    /// Where it is denied.
    pub(crate) fn remove(&mut self, key: &str) -> Result<(), ErrorCode> {
        match self.mode {
            Mode::Works | Mode::Full => {
                self.entries.remove(key);
                Ok(())
            }
            Mode::Denied => Err(ErrorCode::StorageDenied),
        }
    }

    /// Writes a part of what is stored under a key, or takes it away, in one step, as several tabs do.
    ///
    /// # Errors
    /// Where it is full or denied.
    pub(crate) fn save_part(
        &mut self,
        key: String,
        part: &str,
        text: Option<&str>,
    ) -> Result<(), ErrorCode> {
        let stored = self.load(&key)?;
        match with_part(stored.as_deref(), part, text) {
            Some(text) => self.save(key, text),
            None => self.remove(&key),
        }
    }
}
