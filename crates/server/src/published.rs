//! How much each client has published in sessions: counted in memory, kept in the server's store.
//!
//! A session may have several publishers, and each is charged for what it said itself: nobody can fill up another's limit.

use std::collections::HashMap;

use crate::{
    client::Client,
    error::ServerError,
    limits::Limits,
    sessions::{
        log::SessionId,
        store::{Reads, Span, Tx, Writes},
    },
    tables::PUBLISHED,
};

/// The most bytes of a count that are not stored yet; a crash forgets them.
const UNKEPT_BYTES_MAX: u64 = 64 << 10;
/// Ends a session's name in a key: no name holds it.
const END: u8 = 0;
/// Behind every key, as names are ASCII.
const AFTER_ALL: [u8; 1] = [0x80];

/// The counts.
#[derive(Default)]
pub(crate) struct Published {
    sessions: HashMap<SessionId, HashMap<Client, Count>>,
    clients: HashMap<Client, Total>,
}

/// The bytes that a client has published in one session.
#[derive(Default, Clone, Copy)]
struct Count {
    bytes: u64,
    kept: u64,
}

/// The bytes that a client has published in all sessions.
#[derive(Default, Clone, Copy)]
struct Total {
    sessions: usize,
    bytes: u64,
}

/// A count that is to be kept.
#[derive(Debug)]
pub(crate) struct Row {
    session: SessionId,
    client: Client,
    bytes: u64,
}

impl Published {
    /// Reads the stored counts.
    ///
    /// # Errors
    /// The store fails.
    pub(crate) fn read(store: &impl Reads) -> Result<Self, ServerError> {
        let span = Span {
            from: &[],
            to: &AFTER_ALL,
            newest_first: false,
            limit: usize::MAX,
        };
        let mut all = Self::default();
        for (key, value) in store.range(PUBLISHED, span)? {
            // A row that cannot be read is no reason not to start: it counts as nothing.
            if let Some(row) = Row::decode(&key, &value) {
                all.add(&row.session, &row.client, row.bytes);
                all.keep(&row.session, &row.client);
            }
        }
        Ok(all)
    }

    /// Counts what a client is about to publish.
    ///
    /// # Errors
    /// [`ServerError::TooManySessions`], [`ServerError::PublishedTooMuch`]; nothing is counted then.
    pub(crate) fn take(
        &mut self,
        limits: &Limits,
        session: &SessionId,
        client: &Client,
        bytes: u64,
    ) -> Result<(), ServerError> {
        let total = self.clients.get(client).copied().unwrap_or_default();
        let is_new = !self.has(session, client);
        if is_new && total.sessions >= limits.sessions_max {
            return Err(ServerError::TooManySessions(limits.sessions_max));
        }
        if total.bytes.saturating_add(bytes) > limits.published_bytes_max {
            return Err(ServerError::PublishedTooMuch(limits.published_bytes_max));
        }
        self.add(session, client, bytes);
        Ok(())
    }

    /// Takes back what was counted and not stored.
    pub(crate) fn give_back(&mut self, session: &SessionId, client: &Client, bytes: u64) {
        let Some(clients) = self.sessions.get_mut(session) else {
            return;
        };
        let Some(count) = clients.get_mut(client) else {
            return;
        };
        count.bytes = count.bytes.saturating_sub(bytes);
        let is_gone = count.bytes == 0 && count.kept == 0;
        if is_gone {
            clients.remove(client);
        }
        if clients.is_empty() {
            self.sessions.remove(session);
        }
        self.release(client, usize::from(is_gone), bytes);
    }

    /// The count, where it is to be kept now: it is new, or has grown by much.
    pub(crate) fn due(&mut self, session: &SessionId, client: &Client) -> Option<Row> {
        let count = self.sessions.get_mut(session)?.get_mut(client)?;
        let is_new = count.kept == 0 && count.bytes > 0;
        let is_due = is_new || count.bytes - count.kept >= UNKEPT_BYTES_MAX;
        is_due.then(|| {
            count.kept = count.bytes;
            Row {
                session: session.clone(),
                client: client.clone(),
                bytes: count.bytes,
            }
        })
    }

    /// The session was deleted.
    pub(crate) fn forget(&mut self, session: &SessionId) {
        for (client, count) in self.sessions.remove(session).unwrap_or_default() {
            self.release(&client, 1, count.bytes);
        }
    }

    fn has(&self, session: &SessionId, client: &Client) -> bool {
        let clients = self.sessions.get(session);
        clients.is_some_and(|clients| clients.contains_key(client))
    }

    fn add(&mut self, session: &SessionId, client: &Client, bytes: u64) {
        let is_new = !self.has(session, client);
        let total = self.clients.entry(client.clone()).or_default();
        total.sessions += usize::from(is_new);
        total.bytes += bytes;
        let clients = self.sessions.entry(session.clone()).or_default();
        clients.entry(client.clone()).or_default().bytes += bytes;
    }

    fn keep(&mut self, session: &SessionId, client: &Client) {
        let clients = self.sessions.get_mut(session);
        if let Some(count) = clients.and_then(|clients| clients.get_mut(client)) {
            count.kept = count.bytes;
        }
    }

    fn release(&mut self, client: &Client, sessions: usize, bytes: u64) {
        let Some(total) = self.clients.get_mut(client) else {
            return;
        };
        total.sessions = total.sessions.saturating_sub(sessions);
        total.bytes = total.bytes.saturating_sub(bytes);
        if total.sessions == 0 {
            self.clients.remove(client);
        }
    }
}

impl Row {
    fn decode(key: &[u8], value: &[u8]) -> Option<Self> {
        let end = key.iter().position(|byte| *byte == END)?;
        let (session, client) = (key.get(..end)?, key.get(end + 1..)?);
        Some(Self {
            session: SessionId::parse(std::str::from_utf8(session).ok()?).ok()?,
            client: Client::stored(std::str::from_utf8(client).ok()?),
            bytes: u64::from_be_bytes(value.try_into().ok()?),
        })
    }
}

/// Writing counts, inside a job.
pub(crate) trait Counts: Writes {
    /// Keeps a count.
    fn put_published(&self, row: &Row) -> Result<(), ServerError> {
        let mut key = prefix(&row.session);
        key.extend_from_slice(row.client.as_str().as_bytes());
        Ok(self.put(PUBLISHED, &key, &row.bytes.to_be_bytes())?)
    }

    /// The session was deleted.
    fn remove_published(&self, session: &SessionId) {
        self.remove_prefix(PUBLISHED, &prefix(session));
    }

    /// Every session is gone.
    fn remove_all_published(&self) -> Result<(), ServerError> {
        self.remove_range(PUBLISHED, &[], &AFTER_ALL)?;
        Ok(())
    }
}

impl Counts for Tx {}

fn prefix(session: &SessionId) -> Vec<u8> {
    let mut key = session.as_str().as_bytes().to_vec();
    key.push(END);
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_client_is_charged_for_what_it_says_and_is_given_it_back() {
        let limits = Limits {
            sessions_max: 2,
            published_bytes_max: 100,
            ..Limits::default()
        };
        let session = |name: &str| SessionId::parse(name).unwrap();
        let (one, other) = (Client::of("one"), Client::of("other"));
        let mut all = Published::default();
        let code = |taken: Result<(), ServerError>| taken.err().map(|error| error.code());
        assert_eq!(code(all.take(&limits, &session("a"), &one, 60)), None);
        assert_eq!(code(all.take(&limits, &session("b"), &one, 10)), None);
        // A third session, too many bytes; neither counts.
        let third = all.take(&limits, &session("c"), &one, 1);
        assert_eq!(code(third), Some("too_many_sessions"));
        let more = all.take(&limits, &session("a"), &one, 31);
        assert_eq!(code(more), Some("published_too_much"));
        assert_eq!(code(all.take(&limits, &session("a"), &one, 30)), None);
        // Another in the same session has its own.
        assert_eq!(code(all.take(&limits, &session("a"), &other, 100)), None);
        all.give_back(&session("a"), &other, 100);
        assert!(!all.clients.contains_key(&other));
        all.forget(&session("a"));
        assert_eq!(code(all.take(&limits, &session("c"), &one, 90)), None);
        all.forget(&session("b"));
        all.forget(&session("c"));
        assert!(all.clients.is_empty() && all.sessions.is_empty());
    }
}
