//! Reading and writing records: which table, which key, which order.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    clock::{now_iso, now_ms},
    error::ServerError,
    ids::{CheckpointId, RunId, ThreadId},
    readable,
    rows::{CheckpointRow, RunRow, RunStatus, ThreadRow},
    sessions::{
        self,
        store::{Reads, Span, Table, Tx, Writes, after_prefix},
    },
};

pub(crate) const THREADS: Table = Table::new("threads");
pub(crate) const RUNS: Table = Table::new("runs");
pub(crate) const CHECKPOINTS: Table = Table::new("checkpoints");
pub(crate) const EVENTS: Table = Table::new("events");
/// Runs that are pending or running, by thread.
pub(crate) const ACTIVE: Table = Table::new("active");
/// Runs whose event log is to be dropped, by the time they ended.
pub(crate) const ENDED: Table = Table::new("ended");
/// The published bytes of clients, by session and client.
pub(crate) const PUBLISHED: Table = Table::new("published");
/// Threads whose session may not hold what they do, by run; who was writing it.
pub(crate) const UNMIRRORED: Table = Table::new("unmirrored");

/// Every table of the database, those of sessions among them.
pub(crate) fn all() -> Vec<Table> {
    let own = [
        THREADS,
        RUNS,
        CHECKPOINTS,
        EVENTS,
        ACTIVE,
        ENDED,
        PUBLISHED,
        UNMIRRORED,
    ];
    own.into_iter().chain(sessions::redb::TABLES).collect()
}

/// Runs of one thread that a listing reads; older ones are still found by id.
const RUNS_LISTED_MAX: usize = 10_000;
/// Threads that a search looks through.
const THREADS_SEARCHED_MAX: usize = 100_000;

/// A run of a listing: its record, or why there is none.
pub(crate) type ListedRun = (RunId, Result<RunRow, ServerError>);

/// Typed reading, inside a job and outside.
pub(crate) trait Rows: Reads {
    fn thread(&self, id: ThreadId) -> Result<ThreadRow, ServerError> {
        let found = self.get(THREADS, id.bytes())?;
        decode(
            id,
            &found.ok_or_else(|| ServerError::ThreadNotFound(id.to_string()))?,
        )
    }

    /// Whether there is such a thread, also one that cannot be read.
    fn has_thread(&self, id: ThreadId) -> Result<bool, ServerError> {
        Ok(self.get(THREADS, id.bytes())?.is_some())
    }

    fn run(&self, thread: ThreadId, run: RunId) -> Result<RunRow, ServerError> {
        let found = self.get(RUNS, &pair(thread.bytes(), run.bytes()))?;
        decode(
            thread,
            &found.ok_or_else(|| ServerError::RunNotFound(run.to_string()))?,
        )
    }

    fn checkpoint(&self, thread: ThreadId, id: CheckpointId) -> Result<CheckpointRow, ServerError> {
        let found = self.get(CHECKPOINTS, &pair(thread.bytes(), id.bytes()))?;
        decode(
            thread,
            &found.ok_or_else(|| ServerError::CheckpointNotFound(id.to_string()))?,
        )
    }

    fn head(&self, thread: &ThreadRow) -> Result<Option<CheckpointRow>, ServerError> {
        thread
            .head
            .map(|head| self.checkpoint(thread.thread_id, head))
            .transpose()
    }

    /// Every thread. One that cannot be read is listed as such.
    fn threads(&self) -> Result<Vec<ThreadRow>, ServerError> {
        let end = after_prefix(&[u8::MAX; 16]);
        let span = Span {
            from: &[],
            to: &end,
            newest_first: false,
            limit: THREADS_SEARCHED_MAX,
        };
        let listed = |(key, value): (Vec<u8>, Vec<u8>)| {
            let id = thread_of(&key)?;
            Ok(decode(id, &value).unwrap_or_else(|_| ThreadRow::unreadable(id)))
        };
        self.range(THREADS, span)?.into_iter().map(listed).collect()
    }

    /// A thread's runs, newest first; of one that cannot be read why.
    fn runs(&self, thread: ThreadId) -> Result<Vec<ListedRun>, ServerError> {
        let end = after_prefix(thread.bytes());
        let span = Span {
            from: thread.bytes(),
            to: &end,
            newest_first: true,
            limit: RUNS_LISTED_MAX,
        };
        let found = self.range(RUNS, span)?.into_iter();
        found
            .map(|(key, value)| Ok((run_of(&key)?, decode(thread, &value))))
            .collect()
    }

    /// A thread's checkpoints, newest first, those written before `before` only.
    fn checkpoints(
        &self,
        thread: ThreadId,
        before: Option<CheckpointId>,
        limit: usize,
    ) -> Result<Vec<CheckpointRow>, ServerError> {
        let to = match before {
            Some(before) => pair(thread.bytes(), before.bytes()),
            None => after_prefix(thread.bytes()),
        };
        let span = Span {
            from: thread.bytes(),
            to: &to,
            newest_first: true,
            limit,
        };
        let found = self.range(CHECKPOINTS, span)?.into_iter();
        found.map(|(_, value)| decode(thread, &value)).collect()
    }

    /// Runs of a thread that are pending or running, oldest first.
    fn active_runs(&self, thread: ThreadId) -> Result<Vec<RunId>, ServerError> {
        let end = after_prefix(thread.bytes());
        let span = Span {
            from: thread.bytes(),
            to: &end,
            newest_first: false,
            limit: usize::MAX,
        };
        self.range(ACTIVE, span)?
            .into_iter()
            .map(|(key, _)| run_of(&key))
            .collect()
    }

    /// Every pending or running run of the store.
    fn all_active_runs(&self) -> Result<Vec<(ThreadId, RunId)>, ServerError> {
        let end = after_prefix(&[u8::MAX; 32]);
        let span = Span {
            from: &[],
            to: &end,
            newest_first: false,
            limit: usize::MAX,
        };
        let entries = self.range(ACTIVE, span)?;
        entries
            .into_iter()
            .map(|(key, _)| Ok((thread_of(&key)?, run_of(&key)?)))
            .collect()
    }

    /// Stored events of a run with `from <= seq`, in order, at most `limit`.
    fn events(&self, run: RunId, from: u64, limit: usize) -> Result<Vec<StoredEvent>, ServerError> {
        let end = after_prefix(run.bytes());
        let span = Span {
            from: &event_key(run, from),
            to: &end,
            newest_first: false,
            limit,
        };
        self.range(EVENTS, span)?
            .into_iter()
            .map(|(key, value)| StoredEvent::decode(&key, &value))
            .collect()
    }

    /// Runs whose thread's session may lack something: which, and the id of who was writing it. Of one thread or of all.
    fn unmirrored(
        &self,
        thread: Option<ThreadId>,
    ) -> Result<Vec<(ThreadId, RunId, String)>, ServerError> {
        let from: &[u8] = thread.as_ref().map_or(&[], |thread| thread.bytes());
        let end = thread.map_or_else(
            || after_prefix(&[u8::MAX; 32]),
            |thread| after_prefix(thread.bytes()),
        );
        let span = Span {
            from,
            to: &end,
            newest_first: false,
            limit: usize::MAX,
        };
        let found = self.range(UNMIRRORED, span)?.into_iter();
        let found = found.map(|(key, producer)| {
            let producer = String::from_utf8_lossy(&producer).into_owned();
            Ok((thread_of(&key)?, run_of(&key)?, producer))
        });
        found.collect()
    }

    /// Whether a run that ended before `before_ms` still has its log.
    fn has_old_logs(&self, before_ms: u64) -> Result<bool, ServerError> {
        let span = Span {
            from: &[],
            to: &before_ms.to_be_bytes(),
            newest_first: false,
            limit: 1,
        };
        Ok(!self.range(ENDED, span)?.is_empty())
    }

    /// How many events of a run are stored: they are dense, so this is the next one's number.
    fn event_count(&self, run: RunId) -> Result<u64, ServerError> {
        let end = after_prefix(run.bytes());
        let span = Span {
            from: run.bytes(),
            to: &end,
            newest_first: true,
            limit: 1,
        };
        match self.range(EVENTS, span)?.first() {
            Some((key, value)) => Ok(StoredEvent::decode(key, value)?.seq + 1),
            None => Ok(0),
        }
    }
}

impl<R: Reads> Rows for R {}

/// An event as it is kept.
#[derive(Debug, Clone)]
pub(crate) struct StoredEvent {
    pub(crate) seq: u64,
    pub(crate) name: String,
    pub(crate) data: String,
}

impl StoredEvent {
    fn decode(key: &[u8], value: &[u8]) -> Result<Self, ServerError> {
        let damaged = || ServerError::Store("a stored event is damaged".to_owned());
        let seq = key
            .get(16..24)
            .and_then(|bytes| bytes.try_into().ok())
            .map(u64::from_be_bytes)
            .ok_or_else(damaged)?;
        let text = std::str::from_utf8(value).map_err(|_| damaged())?;
        let (name, data) = text.split_once('\n').ok_or_else(damaged)?;
        Ok(Self {
            seq,
            name: name.to_owned(),
            data: data.to_owned(),
        })
    }
}

/// Typed writing, inside a job.
pub(crate) trait Tables: Writes + Rows {
    fn put_thread(&self, thread: &ThreadRow) -> Result<(), ServerError> {
        Ok(self.put(THREADS, thread.thread_id.bytes(), &encode(thread)?)?)
    }

    /// Writes a run and keeps the list of active runs in step with its status.
    fn put_run(&self, run: &RunRow) -> Result<(), ServerError> {
        let key = pair(run.thread_id.bytes(), run.run_id.bytes());
        if run.is_active() {
            self.put(ACTIVE, &key, &[])?;
        } else {
            self.remove(ACTIVE, &key)?;
        }
        Ok(self.put(RUNS, &key, &encode(run)?)?)
    }

    /// Marks a thread's session as behind, because of a run or ([`RunId::NONE`]) of a change by hand.
    fn put_unmirrored(
        &self,
        thread: ThreadId,
        run: RunId,
        producer: &str,
    ) -> Result<(), ServerError> {
        let key = pair(thread.bytes(), run.bytes());
        Ok(self.put(UNMIRRORED, &key, producer.as_bytes())?)
    }

    /// Nothing is known of a thread that has gone.
    fn remove_all_unmirrored(&self, thread: ThreadId) {
        self.remove_prefix(UNMIRRORED, thread.bytes());
    }

    /// The session holds what the run did.
    fn remove_unmirrored(&self, thread: ThreadId, run: RunId) -> Result<(), ServerError> {
        Ok(self.remove(UNMIRRORED, &pair(thread.bytes(), run.bytes()))?)
    }

    /// Ends a run: its last status, and from now on its log may expire.
    fn end_run(
        &self,
        run: &mut RunRow,
        status: RunStatus,
        error: Option<Value>,
    ) -> Result<(), ServerError> {
        run.status = status;
        run.error = error;
        run.updated_at = now_iso();
        if run.resumable {
            let mut key = now_ms().to_be_bytes().to_vec();
            key.extend(pair(run.thread_id.bytes(), run.run_id.bytes()));
            self.put(ENDED, &key, &[])?;
        }
        self.put_run(run)
    }

    fn put_checkpoint(
        &self,
        thread: ThreadId,
        checkpoint: &CheckpointRow,
    ) -> Result<(), ServerError> {
        Ok(self.put(
            CHECKPOINTS,
            &pair(thread.bytes(), checkpoint.id.bytes()),
            &encode(checkpoint)?,
        )?)
    }

    /// Writes a checkpoint and makes it the thread's head.
    fn advance(&self, thread: ThreadId, checkpoint: &CheckpointRow) -> Result<(), ServerError> {
        let mut record = self.thread(thread)?;
        self.put_checkpoint(thread, checkpoint)?;
        record.head = Some(checkpoint.id);
        record.state_updated_at = now_iso();
        record.updated_at.clone_from(&record.state_updated_at);
        self.put_thread(&record)
    }

    fn put_event(&self, run: RunId, seq: u64, name: &str, data: &str) -> Result<(), ServerError> {
        Ok(self.put(
            EVENTS,
            &event_key(run, seq),
            format!("{name}\n{data}").as_bytes(),
        )?)
    }

    /// The run is over, whatever its record says: it cannot be read.
    fn forget_active(&self, thread: ThreadId, run: RunId) -> Result<(), ServerError> {
        Ok(self.remove(ACTIVE, &pair(thread.bytes(), run.bytes()))?)
    }

    /// Removes a run and its events; what it wrote to the thread stays.
    fn remove_run(&self, run: &RunRow) -> Result<(), ServerError> {
        let key = pair(run.thread_id.bytes(), run.run_id.bytes());
        self.remove(RUNS, &key)?;
        self.remove(ACTIVE, &key)?;
        self.remove_prefix(EVENTS, run.run_id.bytes());
        Ok(())
    }

    /// Removes a run, its events and every checkpoint it wrote; the head goes back to where the run found it.
    fn undo_run(&self, run: &RunRow) -> Result<(), ServerError> {
        self.remove_run(run)?;
        for checkpoint in self.checkpoints(run.thread_id, None, usize::MAX)? {
            if checkpoint.run_id == Some(run.run_id) {
                self.remove(
                    CHECKPOINTS,
                    &pair(run.thread_id.bytes(), checkpoint.id.bytes()),
                )?;
            }
        }
        let mut thread = self.thread(run.thread_id)?;
        // A run that still waited has written nothing, and its base may be older than what another run wrote since.
        if run.status == RunStatus::Running {
            thread.head = run.base;
        }
        thread.updated_at = now_iso();
        self.put_thread(&thread)
    }

    /// Removes a thread and everything of it.
    fn remove_thread(&self, thread: ThreadId) -> Result<(), ServerError> {
        let end = after_prefix(thread.bytes());
        let span = Span {
            from: thread.bytes(),
            to: &end,
            newest_first: false,
            limit: usize::MAX,
        };
        // By their keys: a run that cannot be read goes as well.
        for (key, _) in self.range(RUNS, span)? {
            self.remove_prefix(EVENTS, run_of(&key)?.bytes());
        }
        for table in [THREADS, RUNS, ACTIVE, CHECKPOINTS] {
            self.remove_prefix(table, thread.bytes());
        }
        Ok(())
    }

    /// Drops event logs of runs that ended before `before_ms`. Returns how many.
    fn drop_logs(&self, before_ms: u64) -> Result<usize, ServerError> {
        let span = Span {
            from: &[],
            to: &before_ms.to_be_bytes(),
            newest_first: false,
            limit: 1000,
        };
        let ended = self.range(ENDED, span)?;
        for (key, _) in &ended {
            self.remove(ENDED, key)?;
            let ids = key.get(8..).unwrap_or_default();
            let run_id = run_of(ids)?;
            self.remove_prefix(EVENTS, run_id.bytes());
            // The thread may have been deleted meanwhile.
            if let Ok(mut run) = self.run(thread_of(ids)?, run_id) {
                run.log_dropped = true;
                self.put_run(&run)?;
            }
        }
        Ok(ended.len())
    }
}

impl Tables for Tx {}

fn pair(first: &[u8; 16], second: &[u8; 16]) -> Vec<u8> {
    [first.as_slice(), second.as_slice()].concat()
}

fn event_key(run: RunId, seq: u64) -> Vec<u8> {
    [run.bytes().as_slice(), &seq.to_be_bytes()].concat()
}

fn thread_of(key: &[u8]) -> Result<ThreadId, ServerError> {
    id_at(key, 0).map(ThreadId::of_bytes)
}

fn run_of(key: &[u8]) -> Result<RunId, ServerError> {
    id_at(key, 16).map(RunId::of_bytes)
}

fn id_at(key: &[u8], at: usize) -> Result<[u8; 16], ServerError> {
    key.get(at..at + 16)
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| ServerError::store("a damaged key"))
}

/// A record's bytes, which can be read again.
fn encode<T: Serialize>(record: &T) -> Result<Vec<u8>, ServerError> {
    let bytes = serde_json::to_vec(record).map_err(unstorable)?;
    readable::check(&bytes, readable::RECORD_DEPTH_MAX).map_err(unstorable)?;
    Ok(bytes)
}

fn unstorable(error: serde_json::Error) -> ServerError {
    ServerError::InvalidRequest(format!("this cannot be stored: {error}"))
}

fn decode<T: for<'de> Deserialize<'de>>(thread: ThreadId, bytes: &[u8]) -> Result<T, ServerError> {
    serde_json::from_slice(bytes).map_err(|_| ServerError::Unreadable(format!("thread {thread}")))
}
