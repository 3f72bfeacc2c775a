//! A database's file, which remembers the write that was refused.
//!
//! A disk may be full, a quota used up, or the file as long as the process or the file system allows. Only a write of the same
//! place tells whether that is over. It goes to a file beside the database, because redb may not find its own file changed.

use std::{
    fs::File,
    io::{self, Seek as _, SeekFrom, Write as _},
    ops::Bound,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use redb::{BackendError, DatabaseError, StorageBackend, backends::FileBackend};

/// The bytes that a disk must have free before the refusal counts as over.
const ROOM_BYTES: u64 = 1 << 20;

/// The end of the last write that the system refused, in bytes from the file's start; 0 where it refused none.
#[derive(Debug, Default)]
pub(super) struct Refusal(AtomicU64);

impl Refusal {
    /// Whether a file in the same directory as `database` can be as long now, with bytes at its end.
    pub(super) fn is_over(&self, database: &Path) -> bool {
        let probe = database.with_extension("probe");
        let length = std::fs::metadata(database).map_or(0, |file| file.len());
        let written = write_until(&probe, self.0.load(Ordering::SeqCst).max(length));
        // One that stays is written over by the next.
        let _ = std::fs::remove_file(&probe);
        written.is_ok()
    }

    fn note<T>(&self, end: u64, written: io::Result<T>) -> io::Result<T> {
        if written.is_err() {
            self.0.store(end, Ordering::SeqCst);
        }
        written
    }
}

/// Writes a file that holds bytes only at its end.
fn write_until(probe: &Path, end: u64) -> io::Result<()> {
    let mut file = File::create(probe)?;
    let end = end.max(ROOM_BYTES);
    file.seek(SeekFrom::Start(end - ROOM_BYTES))?;
    for _ in 0..ROOM_BYTES / BLOCK.len() as u64 {
        file.write_all(&BLOCK)?;
    }
    // Some file systems find that there is no room only now.
    file.sync_data()
}

const BLOCK: [u8; 4096] = [0; 4096];

/// The file, as redb uses it.
#[derive(Debug)]
pub(super) struct WatchedFile {
    file: FileBackend,
    refusal: Arc<Refusal>,
}

impl WatchedFile {
    /// Nothing of it was refused yet.
    pub(super) fn new(file: File, refusal: Arc<Refusal>) -> Result<Self, DatabaseError> {
        refusal.0.store(0, Ordering::SeqCst);
        let file = FileBackend::new(file)?;
        Ok(Self { file, refusal })
    }
}

impl StorageBackend for WatchedFile {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.refusal.note(len, self.file.set_len(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let end = offset.saturating_add(data.len() as u64);
        self.refusal.note(end, self.file.write(offset, data))
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn try_lock_shared_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_shared_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.query_lock_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }
}
