//! A job's transaction. The jobs of a batch share one transaction, and each can be undone alone.

use std::{
    cell::RefCell,
    panic::{AssertUnwindSafe, catch_unwind},
};

use redb::WriteTransaction;

use super::{
    Entry, Reads, Span, StoreError, Table, after_prefix,
    reads::{Bytes, get_in, range_in},
};

/// Writing, inside a job.
pub trait Writes: Reads {
    /// A further action if the job or its commit fails.
    fn on_undo(&self, undo: impl FnOnce() + 'static);

    /// Writes a value under `key`, in place of what is there.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    fn put(&self, table: Table, key: &[u8], value: &[u8]) -> Result<(), StoreError>;

    /// Removes what is under `key`, if anything is.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    fn remove(&self, table: Table, key: &[u8]) -> Result<(), StoreError>;

    /// Removes every key with `from <= key < to`. Returns the bytes of their values.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    fn remove_range(&self, table: Table, from: &[u8], to: &[u8]) -> Result<u64, StoreError>;

    /// Removes every key that begins with `prefix`, once the job has done all else: it may be much, and is not kept for
    /// an undoing.
    fn remove_prefix(&self, table: Table, prefix: &[u8]);
}

/// A write transaction, inside a job. It remembers what the job changed, so that a job which fails is undone alone.
pub struct Tx {
    txn: WriteTransaction,
    changed: RefCell<Vec<Changed>>,
    undo: RefCell<Vec<Undo>>,
    /// The same of the jobs that are done, for where the commit fails.
    done: RefCell<Vec<Undo>>,
    prefixes_to_remove: RefCell<Vec<(Table, Vec<u8>)>>,
    /// Why this transaction must not be committed: a job could not be undone.
    broken: RefCell<Option<StoreError>>,
}

/// Takes back what a job did outside of the store.
type Undo = Box<dyn FnOnce()>;

/// The value of a key before the job changed it.
struct Changed {
    table: Table,
    key: Vec<u8>,
    before: Option<Vec<u8>>,
}

impl Tx {
    pub(super) fn new(txn: WriteTransaction) -> Self {
        Self {
            txn,
            changed: RefCell::default(),
            undo: RefCell::default(),
            done: RefCell::default(),
            prefixes_to_remove: RefCell::default(),
            broken: RefCell::default(),
        }
    }

    /// Runs one job of the batch. If it fails, all its changes are undone.
    pub(super) fn run<T, E: From<StoreError>>(
        &self,
        job: impl FnOnce(&Self) -> Result<T, E>,
    ) -> Result<T, E> {
        // What a panic leaves half done is undone.
        let result = catch_unwind(AssertUnwindSafe(|| job(self)))
            .unwrap_or_else(|_| Err(StoreError::Panicked.into()));
        let settled = match &result {
            Ok(_) => self.keep(),
            Err(_) => self.undo(),
        };
        if let Err(error) = settled {
            self.broken.borrow_mut().get_or_insert(error);
        }
        result
    }

    fn keep(&self) -> Result<(), StoreError> {
        self.changed.borrow_mut().clear();
        self.done.borrow_mut().append(&mut self.undo.borrow_mut());
        for (table, prefix) in self.prefixes_to_remove.take() {
            let to = after_prefix(&prefix);
            let mut open = self.open(table)?;
            open.retain_in(prefix.as_slice()..to.as_slice(), |_, _| false)
                .map_err(StoreError::failed)?;
        }
        Ok(())
    }

    fn undo(&self) -> Result<(), StoreError> {
        self.prefixes_to_remove.borrow_mut().clear();
        for undo in self.undo.take().into_iter().rev() {
            undo();
        }
        for Changed { table, key, before } in self.changed.take().into_iter().rev() {
            let mut open = self.open(table)?;
            match before {
                Some(before) => open
                    .insert(key.as_slice(), before.as_slice())
                    .map(drop)
                    .map_err(StoreError::failed)?,
                None => open
                    .remove(key.as_slice())
                    .map(drop)
                    .map_err(StoreError::failed)?,
            }
        }
        Ok(())
    }

    pub(super) fn commit(self) -> Result<(), StoreError> {
        let outcome = match self.broken.into_inner() {
            Some(error) => Err(error),
            None => self.txn.commit().map_err(StoreError::failed),
        };
        if outcome.is_err() {
            let done = self.done.into_inner().into_iter();
            done.rev().for_each(|undo| undo());
        }
        outcome
    }

    fn open(&self, table: Table) -> Result<redb::Table<'_, Bytes, Bytes>, StoreError> {
        self.txn.open_table(table).map_err(StoreError::failed)
    }

    fn remember(&self, table: Table, key: &[u8], before: Option<Vec<u8>>) {
        self.changed.borrow_mut().push(Changed {
            table,
            key: key.to_vec(),
            before,
        });
    }
}

impl Writes for Tx {
    fn on_undo(&self, undo: impl FnOnce() + 'static) {
        self.undo.borrow_mut().push(Box::new(undo));
    }

    fn put(&self, table: Table, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        let mut open = self.open(table)?;
        let before = open.insert(key, value).map_err(StoreError::failed)?;
        self.remember(table, key, before.map(|before| before.value().to_vec()));
        Ok(())
    }

    fn remove(&self, table: Table, key: &[u8]) -> Result<(), StoreError> {
        let mut open = self.open(table)?;
        let before = open.remove(key).map_err(StoreError::failed)?;
        if let Some(before) = before {
            self.remember(table, key, Some(before.value().to_vec()));
        }
        Ok(())
    }

    fn remove_range(&self, table: Table, from: &[u8], to: &[u8]) -> Result<u64, StoreError> {
        let mut bytes = 0;
        let mut open = self.open(table)?;
        let remove = |key: &[u8], value: &[u8]| {
            bytes += value.len() as u64;
            self.remember(table, key, Some(value.to_vec()));
            false
        };
        open.retain_in(from..to, remove)
            .map_err(StoreError::failed)?;
        Ok(bytes)
    }

    fn remove_prefix(&self, table: Table, prefix: &[u8]) {
        self.prefixes_to_remove
            .borrow_mut()
            .push((table, prefix.to_vec()));
    }
}

impl Reads for Tx {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        get_in(&self.open(table)?, key)
    }

    fn range(&self, table: Table, span: Span<'_>) -> Result<Vec<Entry>, StoreError> {
        range_in(&self.open(table)?, span)
    }
}
