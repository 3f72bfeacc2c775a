//! Reading and writing a session's rows.

use std::time::Duration;

use rejoin_wire::{
    MessageId,
    json::{FromJson as _, ToJson as _},
    session::{Change, Cursor, Epoch, Node, Record},
};

use super::row::{self, Life, Open};
use crate::{
    log::{Appended, LogError, MessageHead, ProducerId, SessionId},
    plan::{Plan, Touched, draw_epoch},
    store::{Entry, Reads, Span, Table, Tx, Writes as _},
};

const SESSIONS: Table = Table::new("sessions");
const RECORDS: Table = Table::new("session_records");
const MESSAGES: Table = Table::new("session_messages");
const ORDER: Table = Table::new("session_order");
const OPEN: Table = Table::new("session_open");
const NODES: Table = Table::new("session_nodes");

/// Every table of sessions: the store that they are in is opened with them.
pub const TABLES: [Table; 6] = [SESSIONS, RECORDS, MESSAGES, ORDER, OPEN, NODES];

/// Records that are read at once while looking for where to stop.
const RECORDS_AT_ONCE: usize = 128;

/// A session's rows, inside a job and outside.
pub(super) trait Rows: Reads {
    fn life(&self, session: &SessionId) -> Result<Option<Life>, LogError> {
        let row = self.get(SESSIONS, session.as_str().as_bytes())?;
        row.map(|row| Life::read(&row)).transpose()
    }

    /// The head of a message, without its node.
    fn message(&self, epoch: Epoch, id: &MessageId) -> Result<Option<MessageHead>, LogError> {
        let row = self.get(MESSAGES, &row::named(epoch, id))?;
        row.map(|row| row::read_message(id.clone(), &row))
            .transpose()
    }

    fn records(
        &self,
        life: Life,
        after: Cursor,
        limit: usize,
        bytes: usize,
    ) -> Result<Vec<Record>, LogError> {
        let mut records = Vec::new();
        if after.epoch != life.epoch || after.seq >= life.head || after.seq + 1 < life.first {
            return Ok(records);
        }
        let (mut next, mut left) = (after.seq + 1, bytes);
        while records.len() < limit && next <= life.head {
            let count = (limit - records.len()).min(RECORDS_AT_ONCE);
            let rows = self.numbered(RECORDS, life.epoch, next..life.head + 1, false, count)?;
            if rows.is_empty() {
                return Err(row::damaged());
            }
            for (key, value) in rows {
                if left == 0 && !records.is_empty() {
                    return Ok(records);
                }
                if row::number_of(&key)? != next {
                    return Err(row::damaged());
                }
                left = left.saturating_sub(value.len());
                records.push(Record {
                    seq: next,
                    change: Change::from_json(&row::text(&value)?).map_err(|_| row::damaged())?,
                });
                next += 1;
            }
        }
        Ok(records)
    }

    fn messages(
        &self,
        life: Life,
        before: u64,
        limit: usize,
    ) -> Result<Vec<MessageHead>, LogError> {
        let order = self.numbered(ORDER, life.epoch, 0..before, true, limit)?;
        let whole = |(_, id): Entry| self.whole(life.epoch, row::text(&id)?.into());
        order.into_iter().map(whole).collect()
    }

    fn streaming(&self, life: Life) -> Result<Vec<MessageHead>, LogError> {
        let open = self.numbered(OPEN, life.epoch, 0..u64::MAX, false, usize::MAX)?;
        let whole = |(_, row): Entry| self.whole(life.epoch, Open::read(&row)?.id);
        open.into_iter().map(whole).collect()
    }

    /// A message that is there, with its node.
    fn whole(&self, epoch: Epoch, id: MessageId) -> Result<MessageHead, LogError> {
        let mut head = self.message(epoch, &id)?.ok_or_else(row::damaged)?;
        head.node = self.node(epoch, head.position)?;
        Ok(head)
    }

    fn node(&self, epoch: Epoch, position: u64) -> Result<Option<Node>, LogError> {
        let Some(row) = self.get(NODES, &row::numbered(epoch, position))? else {
            return Ok(None);
        };
        let node = Node::from_json(&row::text(&row)?);
        node.map(Some).map_err(|_| row::damaged())
    }

    /// Every producer of a message that is streaming, and how long it is waited for.
    fn leases(&self) -> Result<Vec<(SessionId, ProducerId, Duration)>, LogError> {
        let mut leases = Vec::new();
        for (key, row) in self.range(OPEN, everything())? {
            match self.lease(&key, &row) {
                Err(LogError::Damaged) => {
                    let session = Open::read(&row).map(|open| open.session);
                    let session = session.as_ref().map_or("(unknown)", SessionId::as_str);
                    tracing::error!(
                        session,
                        "a message of a session cannot be read; the session can be deleted"
                    );
                }
                lease => leases.push(lease?),
            }
        }
        Ok(leases)
    }

    fn lease(&self, key: &[u8], row: &[u8]) -> Result<(SessionId, ProducerId, Duration), LogError> {
        let open = Open::read(row)?;
        let epoch = key.first_chunk().ok_or_else(row::damaged)?;
        let head = self.message(Epoch(u64::from_be_bytes(*epoch)), &open.id)?;
        let producer = head.ok_or_else(row::damaged)?.producer;
        Ok((open.session, producer, open.lease))
    }

    /// Every session that has records.
    fn sessions(&self) -> Result<Vec<SessionId>, LogError> {
        let mut sessions = Vec::new();
        for (name, row) in self.range(SESSIONS, everything())? {
            let session = row::text(&name).and_then(|name| SessionId::parse(&name));
            // One that cannot be read concerns nobody else.
            if let (Ok(session), Ok(life)) = (session, Life::read(&row))
                && life.first <= life.head
            {
                sessions.push(session);
            }
        }
        Ok(sessions)
    }

    /// Rows of a table that is in the order of the log.
    fn numbered(
        &self,
        table: Table,
        epoch: Epoch,
        numbers: std::ops::Range<u64>,
        newest_first: bool,
        limit: usize,
    ) -> Result<Vec<Entry>, LogError> {
        Ok(self.range(
            table,
            Span {
                from: &row::numbered(epoch, numbers.start),
                to: &row::numbered(epoch, numbers.end),
                newest_first,
                limit,
            },
        )?)
    }
}

impl<T: Reads> Rows for T {}

fn everything() -> Span<'static> {
    Span {
        from: &[],
        to: &[u8::MAX; 256],
        newest_first: false,
        limit: usize::MAX,
    }
}

impl Tx {
    /// Another life of a log; nothing of it is stored yet.
    pub(super) fn begin_life(&self) -> Result<Life, LogError> {
        loop {
            let epoch = draw_epoch();
            // Its rows are under its epoch: one that is in use would mix two sessions.
            if self
                .numbered(ORDER, epoch, 0..u64::MAX, false, 1)?
                .is_empty()
                && self
                    .numbered(RECORDS, epoch, 0..u64::MAX, false, 1)?
                    .is_empty()
            {
                return Ok(Life {
                    epoch,
                    first: 1,
                    head: 0,
                    bytes: 0,
                });
            }
        }
    }

    pub(super) fn store(
        &self,
        session: &SessionId,
        mut life: Life,
        plan: Plan,
        lease: Duration,
    ) -> Result<Appended, LogError> {
        let is_new = !plan.changes.is_empty();
        for change in plan.changes {
            let json = change.to_json();
            life.head += 1;
            life.bytes += json.len() as u64;
            self.put(
                RECORDS,
                &row::numbered(life.epoch, life.head),
                json.as_bytes(),
            )?;
        }
        if is_new {
            self.put(SESSIONS, session.as_str().as_bytes(), &life.write())?;
            for touched in plan.touched {
                self.store_message(session, life.epoch, touched, lease)?;
            }
        }
        Ok(Appended {
            head: life.cursor(),
            repeated: plan.repeated,
        })
    }

    fn store_message(
        &self,
        session: &SessionId,
        epoch: Epoch,
        touched: Touched,
        lease: Duration,
    ) -> Result<(), LogError> {
        if let Some(position) = touched.left() {
            let key = row::numbered(epoch, position);
            for table in [ORDER, OPEN, NODES] {
                self.remove(table, &key)?;
            }
        }
        let name = row::named(epoch, &touched.id);
        let Some(head) = touched.after else {
            return Ok(self.remove(MESSAGES, &name)?);
        };
        self.put(MESSAGES, &name, &row::write_message(&head))?;
        let stood = touched
            .before
            .filter(|before| before.position == head.position);
        let key = row::numbered(epoch, head.position);
        if stood.is_none() {
            self.put(ORDER, &key, touched.id.as_str().as_bytes())?;
        }
        if head.ended.is_some() {
            self.remove(OPEN, &key)?;
        } else if stood.is_none() {
            let open = Open {
                lease,
                session: session.clone(),
                id: touched.id,
            };
            self.put(OPEN, &key, &open.write())?;
        }
        Ok(())
    }

    pub(super) fn keep_node(&self, epoch: Epoch, node: &Node) -> Result<(), LogError> {
        let Some(head) = self.message(epoch, node.id())? else {
            return Ok(());
        };
        let known = self.node(epoch, head.position)?;
        let is_newer = known.is_none_or(|known| known.changed < node.changed);
        if head.position == node.position && is_newer {
            let key = row::numbered(epoch, node.position);
            self.put(NODES, &key, node.to_json().as_bytes())?;
        }
        Ok(())
    }

    pub(super) fn trim(
        &self,
        session: &SessionId,
        mut life: Life,
        through: u64,
    ) -> Result<(), LogError> {
        let through = through.min(life.head);
        if through < life.first {
            return Ok(());
        }
        let (from, to) = (
            row::numbered(life.epoch, life.first),
            row::numbered(life.epoch, through + 1),
        );
        life.bytes -= self.remove_range(RECORDS, &from, &to)?;
        life.first = through + 1;
        Ok(self.put(SESSIONS, session.as_str().as_bytes(), &life.write())?)
    }

    pub(super) fn remove_life(&self, session: &SessionId, life: Life) -> Result<(), LogError> {
        self.remove(SESSIONS, session.as_str().as_bytes())?;
        let prefix = life.epoch.0.to_be_bytes();
        for table in [RECORDS, MESSAGES, ORDER, OPEN, NODES] {
            self.remove_prefix(table, &prefix);
        }
        Ok(())
    }
}
