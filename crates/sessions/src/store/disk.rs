//! The open database, and how it is opened again after the disk failed.
//!
//! redb takes no write after one has failed. So the database is closed then and opened again, as after a crash, once the
//! refused write would succeed in a file beside it. Until then it can be read, and says that it fails, and why.

use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::{Duration, Instant},
};

use redb::{Database, ReadTransaction, ReadableDatabase as _};

use super::{
    StoreError,
    file::{Refusal, WatchedFile},
};

/// Between two tries to open it again, at first.
const RETRY_EVERY: Duration = Duration::from_millis(500);
/// The longest time between two tries.
const RETRY_EVERY_MAX: Duration = Duration::from_secs(30);
/// The time for which a database that was opened again must work, so that the next failure counts as another.
const STEADY_FOR: Duration = Duration::from_secs(60);

/// The place of a database.
pub(super) trait Place: Send + Sync {
    /// Opens it, or makes it.
    fn open(&self) -> Result<Database, StoreError>;

    /// Whether it can be written, as far as that can be said without opening it.
    fn has_room(&self) -> bool;
}

/// A database in a file.
pub(super) struct InFile {
    file: PathBuf,
    refusal: Arc<Refusal>,
}

impl InFile {
    pub(super) fn new(file: &Path) -> Self {
        Self {
            file: file.to_owned(),
            refusal: Arc::default(),
        }
    }
}

impl Place for InFile {
    fn open(&self) -> Result<Database, StoreError> {
        let file = open_private(&self.file).map_err(StoreError::failed)?;
        let file = WatchedFile::new(file, Arc::clone(&self.refusal)).map_err(StoreError::failed)?;
        Database::builder()
            .create_with_backend(file)
            .map_err(StoreError::failed)
    }

    fn has_room(&self) -> bool {
        self.refusal.is_over(&self.file)
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

/// Opens or makes a file. Conversations are nobody else's: it is its owner's only, also one that was made before.
fn open_private(file: &Path) -> std::io::Result<File> {
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
        const OWNER_ONLY: u32 = 0o600;
        let file = options.mode(OWNER_ONLY).open(file)?;
        file.set_permissions(std::fs::Permissions::from_mode(OWNER_ONLY))?;
        Ok(file)
    }
    #[cfg(not(unix))]
    options.open(file)
}

pub(super) struct Disk {
    place: Box<dyn Place>,
    /// `None` where it could not be opened again yet.
    db: RwLock<Option<Database>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    failure: Option<Failure>,
    /// The last time that it was opened again, and the wait before that.
    reopened: Option<(Instant, Duration)>,
}

struct Failure {
    why: StoreError,
    /// When it was last tried to open it again.
    tried: Instant,
    wait: Duration,
}

/// The time before the next try, where the database worked for `worked_for` after one that followed `waited`. A failure that
/// comes back at once would otherwise have it opened again and again.
fn wait_after(waited: Duration, worked_for: Duration) -> Duration {
    if worked_for >= STEADY_FOR {
        RETRY_EVERY
    } else {
        (waited * 2).min(RETRY_EVERY_MAX)
    }
}

impl Disk {
    pub(super) fn new(place: impl Place + 'static) -> Result<Self, StoreError> {
        let db = place.open()?;
        Ok(Self {
            place: Box::new(place),
            db: RwLock::new(Some(db)),
            state: Mutex::default(),
        })
    }

    /// Why it cannot be written, as far as is known.
    pub(super) fn failure(&self) -> Option<StoreError> {
        self.lock()
            .failure
            .as_ref()
            .map(|failure| failure.why.clone())
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

    pub(super) fn read(&self) -> Result<ReadTransaction, StoreError> {
        self.with(|db| db.begin_read().map_err(StoreError::failed))
    }

    /// A write failed: nothing is written before it was opened again. Called by the writer only.
    pub(super) fn fail(&self, why: &StoreError) {
        let mut state = self.lock();
        if state.failure.is_none() {
            tracing::error!(%why, "the store cannot be written; it is tried again");
        }
        let wait = state
            .reopened
            .map_or(RETRY_EVERY, |(at, waited)| wait_after(waited, at.elapsed()));
        state.failure = Some(Failure {
            why: why.clone(),
            tried: Instant::now(),
            wait,
        });
    }

    /// Opens it again where it failed and there is room. Called by the writer only.
    ///
    /// # Errors
    /// Why it cannot be written yet.
    pub(super) fn mend(&self) -> Result<(), StoreError> {
        let Some((why, wait)) = self.due()? else {
            return Ok(());
        };
        if !self.place.has_room() {
            return Err(why);
        }
        // Whoever reads waits for it.
        let mut db = self.db.write().unwrap_or_else(PoisonError::into_inner);
        // Its file is locked until then.
        *db = None;
        let opened = self.place.open();
        self.lock().reopened = Some((Instant::now(), wait));
        match opened {
            Ok(opened) => {
                *db = Some(opened);
                self.lock().failure = None;
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

    /// Why it failed and the wait that is over, where it is time for another try.
    fn due(&self) -> Result<Option<(StoreError, Duration)>, StoreError> {
        match &mut self.lock().failure {
            None => Ok(None),
            Some(failure) if failure.tried.elapsed() < failure.wait => Err(failure.why.clone()),
            Some(failure) => {
                failure.tried = Instant::now();
                Ok(Some((failure.why.clone(), failure.wait)))
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_that_comes_back_at_once_is_tried_less_and_less_often() {
        let check = |waited_ms: u64, worked_for_s: u64, expected_ms: u64| {
            let wait = wait_after(
                Duration::from_millis(waited_ms),
                Duration::from_secs(worked_for_s),
            );
            assert_eq!(wait, Duration::from_millis(expected_ms));
        };
        check(500, 0, 1000);
        check(1000, 59, 2000);
        check(16_000, 0, 30_000);
        check(30_000, 0, 30_000);
        check(30_000, 60, 500);
    }
}
