//! Reading, the same inside a job and outside.

use redb::{ReadTransaction, ReadableTable};

use super::{StoreError, Table};

/// Reading, the same inside a job and outside.
pub trait Reads {
    /// The value under `key`.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Entries with `from <= key < to`, in key order or the reverse, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    fn range(&self, table: Table, span: Span<'_>) -> Result<Vec<Entry>, StoreError>;
}

/// A key and its value.
pub type Entry = (Vec<u8>, Vec<u8>);

/// The keys to read, and their order.
#[derive(Clone, Copy)]
pub struct Span<'a> {
    /// The first key.
    pub from: &'a [u8],
    /// The key after the last one.
    pub to: &'a [u8],
    /// In the reverse of the keys' order.
    pub newest_first: bool,
    /// At most so many.
    pub limit: usize,
}

/// A read transaction.
pub struct ReadTx(pub(super) ReadTransaction);

impl Reads for ReadTx {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let open = self.0.open_table(table).map_err(StoreError::failed)?;
        get_in(&open, key)
    }

    fn range(&self, table: Table, span: Span<'_>) -> Result<Vec<Entry>, StoreError> {
        let open = self.0.open_table(table).map_err(StoreError::failed)?;
        range_in(&open, span)
    }
}

/// The first key after all keys that begin with `prefix`.
pub fn after_prefix(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return end;
        }
    }
    // Every byte was the highest: one longer than any key of ours.
    vec![u8::MAX; prefix.len() + 64]
}

pub(super) type Bytes = &'static [u8];

pub(super) fn get_in(
    table: &impl ReadableTable<Bytes, Bytes>,
    key: &[u8],
) -> Result<Option<Vec<u8>>, StoreError> {
    let found = table.get(key).map_err(StoreError::failed)?;
    Ok(found.map(|value| value.value().to_vec()))
}

pub(super) fn range_in(
    table: &impl ReadableTable<Bytes, Bytes>,
    span: Span<'_>,
) -> Result<Vec<Entry>, StoreError> {
    let range = table
        .range(span.from..span.to)
        .map_err(StoreError::failed)?;
    let own = |entry: Result<
        (redb::AccessGuard<'_, Bytes>, redb::AccessGuard<'_, Bytes>),
        redb::StorageError,
    >| {
        let (key, value) = entry.map_err(StoreError::failed)?;
        Ok((key.value().to_vec(), value.value().to_vec()))
    };
    if span.newest_first {
        range.rev().take(span.limit).map(own).collect()
    } else {
        range.take(span.limit).map(own).collect()
    }
}
