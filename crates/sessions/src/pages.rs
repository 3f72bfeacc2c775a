//! Pages and snapshots: messages as of one record.
//!
//! Nothing is locked while a page is read. Instead the log's end is read twice, and the heads in between. Changes to the
//! heads in that time are among the records between the two ends, so the page is right as of the second one. If records were
//! deleted meanwhile, or the log was replaced, everything is read again.

use rejoin_wire::session::{Change, Cursor, Epoch, Node, NodeStatus, Page, Record};

use crate::{
    SessionError, Sessions,
    log::{Bounds, LogError, MessageHead, SessionId},
    sums::Sums,
};

/// More messages are looked up than a page has, as some may be removed meanwhile.
const SLACK: usize = 16;
/// Heads that are looked up at once where a snapshot has to go back to the oldest streaming message.
const HEADS_AT_ONCE: usize = 256;
/// Messages that are added up at once.
const NODES_AT_ONCE: usize = 64;
/// Records that are read at once, and their bytes.
const RECORDS_AT_ONCE: usize = 1024;
const RECORD_BYTES_AT_ONCE: usize = 1 << 20;
/// How often a page is read again because the log changed under it.
const TRIES: usize = 32;

/// The content of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Show {
    /// The newest messages that began before a record.
    Before(u64),
    /// The newest messages.
    Newest,
    /// The newest messages and all that are streaming, without a hole.
    Snapshot,
}

impl Sessions {
    /// The newest `limit` messages of those that began before record `before`, as of the cursor.
    ///
    /// There are as many as asked for while the session has them, and fewer only where their texts are longer than
    /// [`SessionLimits::page_bytes_max`](crate::SessionLimits::page_bytes_max) together.
    ///
    /// # Errors
    /// An error of the log; [`LogError::NotFound`] if the session does not exist.
    pub async fn page(
        &self,
        session: &SessionId,
        before: Option<u64>,
        limit: usize,
    ) -> Result<(Cursor, Page), SessionError> {
        let show = before.map_or(Show::Newest, Show::Before);
        self.show(session, show, limit).await
    }

    /// The newest `limit` messages, and all from the oldest one that is streaming on. With a limit of 0 those that are
    /// streaming and no others, as that is for readers who may not read what was said before.
    pub(super) async fn snapshot(
        &self,
        session: &SessionId,
        limit: usize,
    ) -> Result<(Cursor, Page), SessionError> {
        self.show(session, Show::Snapshot, limit).await
    }

    /// A message as of now, added up from its node and the records since.
    ///
    /// # Errors
    /// An error of the log; [`LogError::MessageNotFound`] if the message was removed.
    pub async fn node(
        &self,
        session: &SessionId,
        head: &MessageHead,
    ) -> Result<Node, SessionError> {
        for _ in 0..TRIES {
            // The head as it is now: the records of the one given may be gone.
            let since = self.log.bounds(session).await?;
            let before = head.position.saturating_add(1);
            let newest = self.log.messages(session, before, 1).await?.pop();
            let missing = || LogError::MessageNotFound(head.id.to_string());
            let newest = newest.filter(|newest| newest.position == head.position);
            let mut sums = Sums::new([newest.ok_or_else(missing)?]);
            if self.add_up(session, since, &mut sums).await? {
                return Ok(sums.into_nodes()?.pop().ok_or_else(missing)?);
            }
        }
        Err(changes_too_fast())
    }

    async fn show(
        &self,
        session: &SessionId,
        show: Show,
        limit: usize,
    ) -> Result<(Cursor, Page), SessionError> {
        for _ in 0..TRIES {
            if let Some(found) = self.try_to_show(session, show, limit).await? {
                return Ok(found);
            }
        }
        Err(changes_too_fast())
    }

    /// `None` where the log changed too much meanwhile.
    async fn try_to_show(
        &self,
        session: &SessionId,
        show: Show,
        limit: usize,
    ) -> Result<Option<(Cursor, Page)>, SessionError> {
        let since = self.log.bounds(session).await?;
        let (mut heads, is_all) = self.heads(session, show, limit, since).await?;
        let until = self.log.bounds(session).await?;
        let Some(recent) = self.records_between(session, since, until).await? else {
            return Ok(None);
        };
        heads.retain(|head| !recent.iter().any(|record| removes(record, head)));
        // Enough for the page, and for a snapshot as many as go back to the oldest that may be streaming.
        let open = match show {
            Show::Snapshot => heads.iter().rposition(|head| head.ended.is_none()),
            Show::Before(_) | Show::Newest => None,
        };
        let needed = open.map_or(0, |last| last + 1);
        if heads.len() < limit && !is_all {
            return Ok(None);
        }
        let mut has_older = !is_all || heads.len() > limit.max(needed);
        heads.truncate(limit.max(needed));
        let Some((mut nodes, is_cut)) = self.nodes(session, since, heads, needed).await? else {
            return Ok(None);
        };
        has_older |= is_cut;
        catch_up(&mut nodes, recent, !matches!(show, Show::Before(_)))?;
        let count = nodes.len();
        let streaming = |node: &Node| node.status == NodeStatus::Streaming;
        let open = nodes.iter().position(streaming);
        let cut = match (show, open) {
            (Show::Snapshot, Some(open)) => open.min(count.saturating_sub(limit)),
            _ => count.saturating_sub(limit),
        };
        nodes.drain(..cut);
        has_older |= cut > 0;
        if show == Show::Snapshot && limit == 0 {
            nodes.retain(streaming);
        }
        let cursor = Cursor {
            epoch: until.epoch,
            seq: until.head,
        };
        Ok(Some((cursor, Page { nodes, has_older })))
    }

    /// Heads for a page, newest first, and whether there are none before them.
    async fn heads(
        &self,
        session: &SessionId,
        show: Show,
        limit: usize,
        since: Bounds,
    ) -> Result<(Vec<MessageHead>, bool), SessionError> {
        let end = since.head.saturating_add(1);
        let before = match show {
            Show::Before(before) => before.min(end),
            Show::Newest | Show::Snapshot => end,
        };
        let asked = limit.saturating_add(SLACK);
        let mut heads = self.log.messages(session, before, asked).await?;
        let mut is_all = heads.len() < asked;
        if show != Show::Snapshot {
            return Ok((heads, is_all));
        }
        let streaming = self.log.streaming(session).await?;
        let oldest = streaming.first().map_or(u64::MAX, |head| head.position);
        while let Some(last) = heads
            .last()
            .filter(|last| !is_all && last.position > oldest)
        {
            let before = last.position;
            let more = self.log.messages(session, before, HEADS_AT_ONCE).await?;
            is_all = more.len() < HEADS_AT_ONCE;
            heads.extend(more);
        }
        Ok((heads, is_all))
    }

    /// Messages by their heads, newest first, as many as there is room for, and at least `needed`: oldest first, and
    /// whether some are left out.
    async fn nodes(
        &self,
        session: &SessionId,
        since: Bounds,
        heads: Vec<MessageHead>,
        needed: usize,
    ) -> Result<Option<(Vec<Node>, bool)>, SessionError> {
        let count = heads.len();
        let (mut nodes, mut bytes) = (Vec::new(), 0);
        let mut heads = heads.into_iter().peekable();
        while heads.peek().is_some() {
            let mut sums = Sums::new(heads.by_ref().take(NODES_AT_ONCE));
            if !self.add_up(session, since, &mut sums).await? {
                return Ok(None);
            }
            for node in sums.into_nodes()?.into_iter().rev() {
                bytes += weight(&node);
                if bytes > self.limits.page_bytes_max && nodes.len() >= needed.max(1) {
                    nodes.reverse();
                    return Ok(Some((nodes, true)));
                }
                nodes.push(node);
            }
        }
        nodes.reverse();
        let is_cut = nodes.len() < count;
        Ok(Some((nodes, is_cut)))
    }

    /// Adds to each message the records that its head knows of. `since` must be from before the heads were read. False
    /// where records went away meanwhile.
    pub(super) async fn add_up(
        &self,
        session: &SessionId,
        since: Bounds,
        sums: &mut Sums,
    ) -> Result<bool, SessionError> {
        for (from, through) in sums.missing(since.first)? {
            let mut at = Cursor {
                epoch: since.epoch,
                seq: from - 1,
            };
            while at.seq < through {
                let limit = usize::try_from(through - at.seq).unwrap_or(usize::MAX);
                let limit = limit.min(RECORDS_AT_ONCE);
                let read = self.log.records(session, at, limit, RECORD_BYTES_AT_ONCE);
                let records = read.await?;
                let Some(last) = records.last() else {
                    return Ok(false);
                };
                at.seq = last.seq;
                for record in records {
                    sums.add(record)?;
                }
            }
        }
        self.keep(session, since.epoch, sums.worth_keeping()).await;
        Ok(true)
    }

    /// Keeps what was much work, where that can be done: a page does not fail over it.
    async fn keep(&self, session: &SessionId, epoch: Epoch, nodes: Vec<Node>) {
        if nodes.is_empty() {
            return;
        }
        if let Err(error) = self.log.compact(session, epoch, nodes).await {
            tracing::debug!(session = session.as_str(), %error, "messages were not kept added up");
        }
    }

    /// The records between two looks; `None` where the log is another, or some went away already.
    async fn records_between(
        &self,
        session: &SessionId,
        since: Bounds,
        until: Bounds,
    ) -> Result<Option<Vec<Record>>, SessionError> {
        if since.epoch != until.epoch || until.head < since.head {
            return Ok(None);
        }
        let mut found: Vec<Record> = Vec::new();
        let mut at = Cursor {
            epoch: since.epoch,
            seq: since.head,
        };
        while at.seq < until.head {
            let read = self
                .log
                .records(session, at, RECORDS_AT_ONCE, RECORD_BYTES_AT_ONCE);
            let records = read.await?;
            let Some(last) = records.last() else {
                return Ok(None);
            };
            at.seq = last.seq;
            found.extend(records);
        }
        found.retain(|record| record.seq <= until.head);
        Ok(Some(found))
    }
}

fn changes_too_fast() -> SessionError {
    LogError::Store("the session changes faster than it can be read".to_owned()).into()
}

/// About how long it is.
fn weight(node: &Node) -> usize {
    256 + node.message.content.text_bytes()
}

/// Whether a record took the message away, and not one that had its id before.
fn removes(record: &Record, head: &MessageHead) -> bool {
    let is_it = matches!(&record.change, Change::Removed { id } if *id == head.id);
    is_it && record.seq > head.position
}

/// Adds what happened between the two looks to messages, each of which may hold some of it already.
fn catch_up(
    nodes: &mut Vec<Node>,
    recent: Vec<Record>,
    with_new: bool,
) -> Result<(), SessionError> {
    for Record { seq, change } in recent {
        let Some(id) = change.message_id() else {
            continue;
        };
        let index = nodes.iter().rposition(|node| node.id() == id);
        match (change, index) {
            (Change::Started { message, run_id }, _) if with_new => {
                nodes.push(Node::begun(seq, message, run_id));
            }
            (Change::Removed { .. }, Some(index)) if nodes[index].position < seq => {
                nodes.remove(index);
            }
            (Change::Started { .. } | Change::Removed { .. }, _) => {}
            (change, Some(index)) if nodes[index].changed < seq => {
                let damaged = |_| SessionError::Damaged { seq };
                nodes[index].apply(seq, change).map_err(damaged)?;
            }
            (Change::Appended { .. } | Change::Updated { .. } | Change::Ended { .. }, _) => {}
        }
    }
    Ok(())
}
