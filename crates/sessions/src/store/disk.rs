//! The open database, and how it is opened again after the disk failed.
//!
//! redb takes no write after one has failed. So the database is closed then and opened again, as after a crash, once a file
//! beside it can be written; until then it says that it fails, and why.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError, RwLock},
    time::{Duration, Instant},
};

use redb::{Database, ReadTransaction, ReadableDatabase as _};

use super::StoreError;

/// Between two tries to open it again.
const RETRY_EVERY: Duration = Duration::from_millis(500);
/// The free bytes that the disk must have before the database is opened again.
const ROOM_BYTES: usize = 1 << 20;

/// The place of a database.
pub(super) trait Place: Send + Sync {
    /// Opens it, or makes it.
    fn open(&self) -> Result<Database, StoreError>;

    /// Whether it can be written, as far as that can be said without opening it.
    fn has_room(&self) -> bool;
}

/// A database in a file.
pub(super) struct InFile(pub(super) PathBuf);

impl Place for InFile {
    fn open(&self) -> Result<Database, StoreError> {
        make_private(&self.0).map_err(StoreError::failed)?;
        Database::create(&self.0).map_err(StoreError::failed)
    }

    fn has_room(&self) -> bool {
        let probe = self.0.with_extension("probe");
        let written = std::fs::write(&probe, vec![0; ROOM_BYTES]);
        // One that stays is written over by the next.
        let _ = std::fs::remove_file(&probe);
        written.is_ok()
    }
}

/// A database that is gone when the process ends.
pub(super) struct InMemory;

impl Place for InMemory {
    fn open(&self) -> Result<Database, StoreError> {
        let backend = redb::backends::InMemoryBackend::new();
        Database::builder()
            .create_with_backend(backend)
            .map_err(StoreError::failed)
    }

    fn has_room(&self) -> bool {
        // Another would be empty.
        false
    }
}

/// Conversations are nobody else's: the file is its owner's only, also one that was made before.
#[cfg(unix)]
fn make_private(file: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
    const OWNER_ONLY: u32 = 0o600;
    let file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(OWNER_ONLY)
        .open(file)?;
    file.set_permissions(std::fs::Permissions::from_mode(OWNER_ONLY))
}

#[cfg(not(unix))]
fn make_private(_: &Path) -> std::io::Result<()> {
    Ok(())
}

pub(super) struct Disk {
    place: Box<dyn Place>,
    /// `None` where it could not be opened again yet.
    db: RwLock<Option<Database>>,
    failure: Mutex<Option<Failure>>,
}

struct Failure {
    why: StoreError,
    /// When it was last tried to open it again.
    tried: Instant,
}

impl Disk {
    pub(super) fn new(place: impl Place + 'static) -> Result<Self, StoreError> {
        let db = place.open()?;
        Ok(Self {
            place: Box::new(place),
            db: RwLock::new(Some(db)),
            failure: Mutex::default(),
        })
    }

    /// Why it cannot be written, as far as is known.
    pub(super) fn failure(&self) -> Option<StoreError> {
        self.lock().as_ref().map(|failure| failure.why.clone())
    }

    /// Works with the open database.
    pub(super) fn with<T>(
        &self,
        work: impl FnOnce(&Database) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let db = self.db.read().unwrap_or_else(PoisonError::into_inner);
        match &*db {
            Some(db) => work(db),
            None => {
                let closed = || StoreError::Failed("the database is closed".to_owned());
                Err(self.failure().unwrap_or_else(closed))
            }
        }
    }

    pub(super) fn view(&self) -> Result<ReadTransaction, StoreError> {
        self.with(|db| db.begin_read().map_err(StoreError::failed))
    }

    /// A write failed: nothing is written before it was opened again. Called by the writer only.
    pub(super) fn fail(&self, why: &StoreError) {
        let mut failure = self.lock();
        if failure.is_none() {
            tracing::error!(%why, "the store cannot be written; it is tried again");
        }
        *failure = Some(Failure {
            why: why.clone(),
            tried: Instant::now(),
        });
    }

    /// Opens it again where it failed and there is room. Called by the writer only.
    ///
    /// # Errors
    /// Why it cannot be written yet.
    pub(super) fn mend(&self) -> Result<(), StoreError> {
        let Some(why) = self.due()? else {
            return Ok(());
        };
        if !self.place.has_room() {
            return Err(why);
        }
        // Whoever reads waits for it.
        let mut db = self.db.write().unwrap_or_else(PoisonError::into_inner);
        // Its file is locked until then.
        *db = None;
        match self.place.open() {
            Ok(opened) => {
                *db = Some(opened);
                *self.lock() = None;
                tracing::info!("the store is tried again");
                Ok(())
            }
            Err(why) => {
                drop(db);
                self.fail(&why);
                Err(why)
            }
        }
    }

    /// Why it failed, where it is time for another try.
    fn due(&self) -> Result<Option<StoreError>, StoreError> {
        match &mut *self.lock() {
            None => Ok(None),
            Some(failure) if failure.tried.elapsed() < RETRY_EVERY => Err(failure.why.clone()),
            Some(failure) => {
                failure.tried = Instant::now();
                Ok(Some(failure.why.clone()))
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Failure>> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
