//! The part of a session's log that is held, and the revision at which each part of it last changed.

use crate::list::collected;
use rejoin_wire::session::{
    Applied, Change, Cursor, Diverged, Epoch, Node, Page, Record, Transcript,
};

/// A stretch of the log's messages up to its newest, with revisions.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    epoch: Option<Epoch>,
    transcript: Transcript,
    /// One per node.
    marks: Vec<Mark>,
    order: u64,
}

/// When a node last changed, by the view's revisions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    pub(crate) revision: u64,
    /// Otherwise than by text appended to its content.
    pub(crate) reshaped: u64,
    /// Whether its tool calls have grown since they were read.
    unread: bool,
}

impl Mark {
    fn new(node: &Node, revision: u64) -> Self {
        Self {
            revision,
            reshaped: revision,
            unread: !node.message.tool_call_chunks().is_empty(),
        }
    }
}

impl Shown {
    /// The last record that is held; `None` before the first.
    pub(crate) fn cursor(&self) -> Option<Cursor> {
        let (epoch, seq) = (self.epoch?, self.transcript.seq());
        (seq > 0).then_some(Cursor { epoch, seq })
    }

    /// Whether what is held ends there, if only before the first record.
    pub(crate) fn is_at(&self, cursor: Cursor) -> bool {
        self.epoch == Some(cursor.epoch) && self.seq() == cursor.seq
    }

    pub(crate) fn seq(&self) -> u64 {
        self.transcript.seq()
    }

    pub(crate) fn nodes(&self) -> impl Iterator<Item = (&Node, Mark)> {
        self.transcript
            .nodes()
            .iter()
            .zip(self.marks.iter().copied())
    }

    pub(crate) fn has(&self, id: &rejoin_wire::MessageId) -> bool {
        self.transcript
            .nodes()
            .iter()
            .rev()
            .any(|node| node.id() == id)
    }

    pub(crate) fn has_older(&self) -> bool {
        self.transcript.has_older()
    }

    pub(crate) fn order(&self) -> u64 {
        self.order
    }

    /// Everything older began before this: the position of the oldest message that is held, or where all that were are
    /// removed, that of the next one.
    pub(crate) fn first(&self) -> u64 {
        let first = self.transcript.nodes().first();
        first.map_or(self.transcript.seq() + 1, |node| node.position)
    }

    /// Whether records of this epoch can follow.
    pub(crate) fn goes_on_in(&mut self, epoch: Epoch) -> bool {
        if self.transcript.seq() == 0 {
            self.epoch = Some(epoch);
        }
        self.epoch == Some(epoch)
    }

    /// Adds a record.
    pub(crate) fn apply(&mut self, record: Record, revision: u64) -> Result<Applied, Diverged> {
        let only_text = match &record.change {
            Change::Appended { chunk, .. } => chunk.is_only_text(),
            Change::Started { .. }
            | Change::Updated { .. }
            | Change::Ended { .. }
            | Change::Removed { .. } => false,
        };
        let applied = self.transcript.apply(record)?;
        match applied {
            Applied::Added(at) => {
                let mark = Mark::new(&self.transcript.nodes()[at], revision);
                self.marks.push(mark);
                self.order = revision;
            }
            Applied::Changed(at) => {
                let mark = &mut self.marks[at];
                mark.revision = revision;
                if !only_text {
                    *mark = Mark::new(&self.transcript.nodes()[at], revision);
                }
            }
            Applied::Removed(at) => {
                self.marks.remove(at);
                self.order = revision;
            }
            Applied::Nothing => {}
        }
        Ok(applied)
    }

    /// Goes on from a snapshot. Older messages of the same epoch that it adjoins stay, until a page says how they are by
    /// now. Returns how many these are; `None` where what was shown is void or does not adjoin.
    pub(crate) fn replace(
        &mut self,
        cursor: Cursor,
        mut page: Page,
        revision: u64,
    ) -> Option<usize> {
        let same = self.epoch.replace(cursor.epoch) == Some(cursor.epoch);
        let marked = if same { self.marked() } else { Vec::new() };
        let mut held = std::mem::take(&mut self.transcript).into_page();
        if same {
            keep_newer(&held.nodes, &mut page.nodes);
        }
        let first = page.nodes.first().map_or(0, |node| node.position);
        let adjoins = held.nodes.last().is_some_and(|last| last.position >= first);
        held.nodes.truncate(count_before(&held.nodes, first));
        let older = held.nodes.len();
        let stays = same && (older == 0 || adjoins && page.has_older);
        if stays && older > 0 {
            held.nodes.append(&mut page.nodes);
            page = held;
        }
        self.show(cursor.seq, page, &marked, revision);
        stays.then_some(older)
    }

    /// Puts a page in the place of everything that began before it ends.
    pub(crate) fn put_older(&mut self, before: u64, mut page: Page, revision: u64) {
        let (marked, seq) = (self.marked(), self.transcript.seq());
        let mut held = std::mem::take(&mut self.transcript).into_page();
        let from = count_before(&held.nodes, before);
        page.nodes.truncate(count_before(&page.nodes, before));
        page.nodes.append(&mut held.nodes.split_off(from));
        self.show(seq, page, &marked, revision);
    }

    /// Forgets everything: the log is gone.
    pub(crate) fn clear(&mut self, revision: u64) {
        self.epoch = None;
        self.show(0, Page::default(), &[], revision);
    }

    /// Reads the arguments of tool calls that have grown since the last time.
    pub(crate) fn refresh_tool_calls(&mut self) {
        for (at, mark) in self.marks.iter_mut().enumerate() {
            if std::mem::take(&mut mark.unread) {
                self.transcript.refresh_tool_calls(at);
            }
        }
    }

    /// Each node's place, last change and marks.
    fn marked(&self) -> Vec<(u64, u64, Mark)> {
        let marked = self.nodes();
        collected(marked.map(|(node, mark)| (node.position, node.changed, mark)))
    }

    /// Nodes that have not changed keep their marks.
    fn show(&mut self, seq: u64, page: Page, marked: &[(u64, u64, Mark)], revision: u64) {
        let mut rest = marked;
        self.marks.clear();
        for node in &page.nodes {
            while let [(position, ..), more @ ..] = rest
                && *position < node.position
            {
                rest = more;
            }
            let mark = match rest {
                [(position, changed, mark), ..]
                    if *position == node.position && *changed == node.changed =>
                {
                    *mark
                }
                _ => Mark::new(node, revision),
            };
            self.marks.push(mark);
        }
        self.transcript = Transcript::from_page(seq, page);
        self.order = revision;
    }
}

/// An older page may have been read from further on than a snapshot that was on its way then.
fn keep_newer(held: &[Node], nodes: &mut [Node]) {
    let mut held = held.iter().peekable();
    for node in nodes {
        while held.next_if(|held| held.position < node.position).is_some() {}
        let same = held.next_if(|held| held.position == node.position);
        if let Some(newer) = same.filter(|held| held.changed > node.changed) {
            *node = newer.clone();
        }
    }
}

fn count_before(nodes: &[Node], position: u64) -> usize {
    nodes
        .iter()
        .take_while(|node| node.position < position)
        .count()
}
