//! A reader that comes back: what a client does, without its page.

use std::sync::{Arc, Mutex};

use hyper::Method;
use rejoin_wire::{
    json::FromJson,
    session::{AttachMode, Attached, Cursor, Node, Page, Record, SnapshotReason, Transcript},
    sse::Frame,
};
use tokio::{sync::watch, task::JoinHandle};

use super::{PATIENCE, Place, pieces, wait_a_little};
use crate::support::{Api, Stream};

/// Says what is wrong with a message as it is shown; nothing where it is as it should be.
pub type Check = fn(&Node) -> Option<String>;

/// What a reader has seen.
#[derive(Default)]
pub struct Seen {
    /// What it shows.
    pub transcript: Transcript,
    /// The last record it had.
    pub cursor: Option<Cursor>,
    /// Every answer to where it goes on.
    pub attached: Vec<Attached>,
    /// Streams that ended, orderly or not.
    pub ends: usize,
    /// How often it was told that it had caught up.
    pub caught_up: usize,
    /// Refusals: status and body.
    pub refused: Vec<(u16, String)>,
    /// Whatever should never have happened.
    pub wrong: Vec<String>,
    pub is_deleted: bool,
}

impl Seen {
    /// Snapshots that were given for a reason, in the order they came.
    pub fn reasons(&self) -> Vec<SnapshotReason> {
        self.attached
            .iter()
            .filter_map(|attached| attached.reason)
            .collect()
    }

    fn frame(&mut self, frame: &Frame, check: Check) {
        let id = frame.id.as_deref().and_then(Cursor::parse);
        match frame.event_name() {
            "attached" => match Attached::from_json(&frame.data) {
                Ok(attached) => self.attach(attached),
                Err(error) => self.wrong.push(format!("{error}: {}", frame.data)),
            },
            "snapshot" => match (Page::from_json(&frame.data), id) {
                (Ok(page), Some(cursor)) => self.snapshot(cursor, page, check),
                other => self.wrong.push(format!("{other:?}: {frame:?}")),
            },
            "record" => match (Record::from_json(&frame.data), id) {
                (Ok(record), Some(cursor)) => self.record(cursor, record, check),
                other => self.wrong.push(format!("{other:?}: {frame:?}")),
            },
            "caught_up" => self.caught_up += 1,
            "deleted" => self.is_deleted = true,
            other => self.wrong.push(format!("an event {other}: {}", frame.data)),
        }
    }

    fn attach(&mut self, attached: Attached) {
        if attached.mode == AttachMode::Replay && Some(attached.cursor) != self.cursor {
            self.wrong
                .push(format!("at {:?}, but {attached:?}", self.cursor));
        }
        self.attached.push(attached);
    }

    fn snapshot(&mut self, cursor: Cursor, page: Page, check: Check) {
        let Some(attached) = self.attached.last() else {
            return self.wrong.push("a snapshot before anything".to_owned());
        };
        if attached.mode != AttachMode::Snapshot || attached.cursor != cursor {
            self.wrong
                .push(format!("a snapshot as of {cursor}, after {attached:?}"));
        }
        // What is shown never shrinks while the log lives on.
        if self.cursor.is_some_and(|own| own.epoch == cursor.epoch) {
            for node in &page.nodes {
                let shown = self
                    .transcript
                    .nodes()
                    .iter()
                    .find(|held| held.id() == node.id());
                let is_shorter = |held: &Node| {
                    held.message.content.text().len() > node.message.content.text().len()
                };
                if shown.is_some_and(is_shorter) {
                    self.wrong
                        .push(format!("{} became shorter", node.id().as_str()));
                }
            }
        }
        self.wrong.extend(page.nodes.iter().filter_map(check));
        self.transcript = Transcript::from_page(cursor.seq, page);
        self.cursor = Some(cursor);
    }

    fn record(&mut self, cursor: Cursor, record: Record, check: Check) {
        let own = self.cursor.get_or_insert(Cursor { seq: 0, ..cursor });
        if own.epoch != cursor.epoch || cursor.seq != record.seq || record.seq != own.seq + 1 {
            self.wrong
                .push(format!("at {own}, then {cursor}: {record:?}"));
        }
        let id = record.change.message_id().cloned();
        if let Err(diverged) = self.transcript.apply(record.clone()) {
            self.wrong.push(format!("{diverged:?}: {record:?}"));
        }
        self.cursor = Some(cursor);
        let changed = |node: &&Node| Some(node.id()) == id.as_ref();
        let changed = self.transcript.nodes().iter().rev().find(changed);
        self.wrong.extend(changed.and_then(check));
    }
}

/// What [`super::Writer`] writes: exactly its first pieces, as many as are counted.
pub fn own_words(node: &Node) -> Option<String> {
    let id = node.id().as_str();
    let text = node.message.content.text();
    let is_whole = node.message.kind == rejoin_wire::message::MessageKind::Human;
    let count = if is_whole { 1 } else { node.pieces };
    (text != pieces(id, count)).then(|| format!("{id} with {count} pieces: {text}"))
}

/// A reader in a task of its own.
pub struct Follower {
    /// What it reads.
    pub session: String,
    seen: Arc<Mutex<Seen>>,
    grown: watch::Receiver<u64>,
    moved: watch::Sender<Place>,
    task: JoinHandle<()>,
}

impl Follower {
    /// Begins to read, from `cursor` or anew.
    pub fn start(
        place: Place,
        session: &str,
        cursor: Option<Cursor>,
        limit: usize,
        check: Check,
    ) -> Self {
        let seen = Arc::new(Mutex::new(Seen {
            cursor,
            ..Seen::default()
        }));
        let (tell, grown) = watch::channel(0);
        let (moved, place) = watch::channel(place);
        let reading = Reading {
            place,
            session: session.to_owned(),
            limit,
            check,
            seen: Arc::clone(&seen),
            tell,
        };
        Self {
            session: session.to_owned(),
            seen,
            grown,
            moved,
            task: tokio::spawn(reading.run()),
        }
    }

    /// Looks at what it has seen.
    pub fn look<T>(&self, look: impl FnOnce(&Seen) -> T) -> T {
        look(&self.seen.lock().unwrap())
    }

    /// Goes to another server, in the middle of whatever it reads.
    pub fn move_to(&self, place: Place) {
        self.moved.send_replace(place);
    }

    /// Waits until it has seen something.
    pub async fn until(&self, what: &str, is_there: impl Fn(&Seen) -> bool) {
        let mut grown = self.grown.clone();
        let waited = tokio::time::timeout(PATIENCE, grown.wait_for(|_| self.look(&is_there))).await;
        let is_fine = matches!(waited, Ok(Ok(_)));
        assert!(
            is_fine,
            "a reader of {} never saw {what}: at {:?}, wrong {:?}, refused {:?}, last attached {:?}",
            self.session,
            self.look(|seen| seen.cursor),
            self.look(|seen| seen.wrong.clone()),
            self.look(|seen| seen.refused.clone()),
            self.look(|seen| seen.attached.last().cloned()),
        );
    }

    /// Waits until it has the record with this number.
    pub async fn until_at(&self, cursor: Cursor) {
        let is_there = |seen: &Seen| {
            seen.cursor
                .is_some_and(|own| own.seq >= cursor.seq && own.epoch == cursor.epoch)
        };
        self.until(&format!("record {cursor}"), is_there).await;
    }

    /// Ends it. Nothing may have been wrong.
    pub fn stop(self) -> Seen {
        self.task.abort();
        let seen = std::mem::take(&mut *self.seen.lock().unwrap());
        assert!(
            seen.wrong.is_empty(),
            "a reader of {} saw:\n{}",
            self.session,
            seen.wrong.join("\n")
        );
        seen
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What the task of a reader has.
struct Reading {
    place: watch::Receiver<Place>,
    session: String,
    limit: usize,
    check: Check,
    seen: Arc<Mutex<Seen>>,
    tell: watch::Sender<u64>,
}

impl Reading {
    async fn run(mut self) {
        loop {
            let place = self.place.borrow_and_update().clone();
            let api = Arc::clone(&place.borrow());
            let mut moved = self.place.clone();
            tokio::select! {
                () = self.read(&api) => {}
                _ = moved.changed() => {}
            }
            self.change(|seen| seen.ends += 1);
            if self.seen.lock().unwrap().is_deleted {
                return;
            }
            let mut place = self.place.borrow().clone();
            wait_a_little(&mut place).await;
        }
    }

    async fn read(&self, api: &Api) {
        let cursor = self.seen.lock().unwrap().cursor;
        let cursor = cursor.map_or_else(String::new, |cursor| format!("&cursor={cursor}"));
        let path = format!(
            "/sessions/{}/stream?limit={}{cursor}",
            self.session, self.limit
        );
        let Ok(response) = api.try_open(Method::GET, &path, &[], None).await else {
            return;
        };
        let mut stream = Stream::new(response);
        if !stream.status.is_success() {
            stream.rest().await;
            let body = String::from_utf8_lossy(&stream.bytes).into_owned();
            let refused = (stream.status.as_u16(), body);
            return self.change(|seen| seen.refused.push(refused));
        }
        while let Some(frame) = stream.next().await {
            self.change(|seen| seen.frame(&frame, self.check));
        }
    }

    fn change(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.seen.lock().unwrap());
        self.tell.send_modify(|version| *version += 1);
    }
}
