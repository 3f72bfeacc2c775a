//! A store whose disk fails on demand, for tests.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use redb::{Database, StorageBackend, backends::InMemoryBackend};

use super::{Store, StoreError, Table, disk::Place};

impl Store {
    /// A store in memory whose disk has no room while the switch is on.
    pub fn failing(switch: Arc<AtomicBool>, tables: &[Table]) -> Self {
        let memory = Arc::new(InMemoryBackend::new());
        let started = Self::start(Failing { memory, switch }, tables);
        started.unwrap_or_else(|error| panic!("it is switched on: {error}"))
    }
}

struct Failing {
    memory: Arc<InMemoryBackend>,
    switch: Arc<AtomicBool>,
}

impl Place for Failing {
    fn open(&self) -> Result<Database, StoreError> {
        let backend = FailingBackend {
            memory: Arc::clone(&self.memory),
            switch: Arc::clone(&self.switch),
        };
        Database::builder()
            .create_with_backend(backend)
            .map_err(StoreError::failed)
    }

    fn has_room(&self) -> bool {
        !self.switch.load(Ordering::SeqCst)
    }
}

#[derive(Debug)]
struct FailingBackend {
    memory: Arc<InMemoryBackend>,
    switch: Arc<AtomicBool>,
}

impl FailingBackend {
    fn check(&self) -> io::Result<()> {
        if self.switch.load(Ordering::SeqCst) {
            return Err(io::Error::other("no space left on device"));
        }
        Ok(())
    }
}

impl StorageBackend for FailingBackend {
    fn len(&self) -> io::Result<u64> {
        self.memory.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.memory.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.check()?;
        self.memory.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.check()?;
        self.memory.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.check()?;
        self.memory.write(offset, data)
    }
}
