//! The storage of run records, which let a reload find its run.

use rejoin_browser::{LocalStore, MemoryStore, RecordStore, SessionStore, StorageError};
use std::{fmt, rc::Rc, sync::Arc};

/// The storage of run records, which let a reload find its run.
#[derive(Clone, Default)]
pub enum StorageKind {
    /// `localStorage`: every tab of the origin.
    #[default]
    Local,
    /// `sessionStorage`: this tab.
    Session,
    /// Nowhere: a reload finds its run only where the server lists it.
    None,
    /// The application's own.
    Custom(Arc<dyn RecordStore + Send + Sync>),
}

impl StorageKind {
    pub(crate) fn store(&self) -> Rc<dyn RecordStore> {
        match self {
            Self::Local => Rc::new(LocalStore),
            Self::Session => Rc::new(SessionStore),
            Self::None => Rc::new(MemoryStore::default()),
            Self::Custom(store) => Rc::new(Shared(Arc::clone(store))),
        }
    }
}

impl fmt::Debug for StorageKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Local => "Local",
            Self::Session => "Session",
            Self::None => "None",
            Self::Custom(_) => "Custom",
        })
    }
}

/// The application's store, as the driver holds stores.
struct Shared(Arc<dyn RecordStore + Send + Sync>);

impl RecordStore for Shared {
    fn load(&self, key: &str) -> Result<Option<String>, StorageError> {
        self.0.load(key)
    }

    fn save(&self, key: &str, text: &str) -> Result<(), StorageError> {
        self.0.save(key, text)
    }

    fn remove(&self, key: &str) -> Result<(), StorageError> {
        self.0.remove(key)
    }
}
