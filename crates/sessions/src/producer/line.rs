//! One message of an outbox: all of it, and what of it waits.

use rejoin_wire::{
    MessageId, RunId,
    json::{ToJson, write_string},
    message::{Content, Message},
    session::Change,
};
use tokio::sync::watch;

/// Pieces of a message that may wait and cannot be merged; with more it is said whole.
const PIECES_WAITING_MAX: usize = 64;

/// Why nothing is added to a message any more, though its producer did not end it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Stopped {
    /// It would be longer than the limit; it has ended as `aborted`, reason `message_too_large`.
    #[error("the message would be longer than a message may be")]
    TooLarge,
    /// Somebody else ended it: it was cancelled from elsewhere, or its lease was over.
    #[error("the message was ended elsewhere")]
    Ended,
    /// It belongs to another producer.
    #[error("the message belongs to another producer")]
    Fenced,
    /// It was removed, or its session was deleted.
    #[error("the message was removed")]
    Removed,
    /// The server stops; it has ended as `aborted`, reason `server_stopping`.
    #[error("the server is stopping")]
    Stopping,
}

/// How far a message's end has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    /// More may come, or is on its way.
    Open,
    /// Its end is stored.
    Stored,
    /// Nothing of it will be stored any more.
    Stopped(Stopped),
}

/// A message that is being streamed.
pub(super) struct Line {
    /// All of it, with what waits.
    pub(super) whole: Message,
    pub(super) bytes: usize,
    /// The beginning, until it is in a batch.
    pub(super) start: Option<(Message, Option<RunId>)>,
    /// Above every piece that was ever tried.
    pub(super) next: u64,
    pub(super) waiting: Vec<Message>,
    pub(super) waiting_bytes: usize,
    /// Whether it is said whole next, instead of what waits.
    pub(super) repair: bool,
    pub(super) is_queued: bool,
    pub(super) is_ending: bool,
    pub(super) fate: watch::Sender<Fate>,
}

impl Line {
    /// A message of which nothing was said; and what becomes of it.
    pub(super) fn new(message: Message) -> (Self, watch::Receiver<Fate>) {
        let (fate, told) = watch::channel(Fate::Open);
        let line = Self {
            bytes: message.to_json().len(),
            whole: message,
            start: None,
            next: 0,
            waiting: Vec::new(),
            waiting_bytes: 0,
            repair: false,
            is_queued: false,
            is_ending: false,
            fate,
        };
        (line, told)
    }

    /// Its end is not this producer's, unless that was known before.
    pub(super) fn stop(&self, why: Fate) {
        self.fate.send_if_modified(|fate| {
            let is_open = *fate == Fate::Open;
            if is_open {
                *fate = why;
            }
            is_open
        });
    }

    pub(super) fn wait(&mut self, chunk: Message, bytes: usize) {
        if self.repair {
            // What is said next is whole anyway.
            return;
        }
        self.waiting_bytes += bytes;
        let is_text = matches!(self.whole.content, Content::Text(_));
        let chunk = match self.waiting.last_mut() {
            Some(last) if is_text => match join(last, chunk) {
                Some(chunk) => chunk,
                None => return,
            },
            Some(_) | None => chunk,
        };
        self.waiting.push(chunk);
        if self.waiting.len() > PIECES_WAITING_MAX {
            self.send_whole();
        }
    }

    pub(super) fn drop_waiting(&mut self) {
        self.repair = false;
        self.waiting.clear();
        self.waiting_bytes = 0;
    }

    pub(super) fn send_whole(&mut self) {
        self.repair = true;
        self.waiting.clear();
        self.waiting_bytes = 0;
    }

    pub(super) fn put(&mut self, id: &MessageId, batch: &mut Vec<Change>) -> usize {
        self.is_queued = false;
        if std::mem::take(&mut self.repair) {
            // An append of unknown fate may have made one piece more than is known.
            self.next += 1;
            batch.push(Change::Updated {
                message: self.whole.clone(),
                at: self.next,
            });
            return self.bytes;
        }
        for chunk in self.waiting.drain(..) {
            batch.push(Change::Appended {
                id: id.clone(),
                at: self.next,
                chunk,
            });
            self.next += 1;
        }
        std::mem::take(&mut self.waiting_bytes)
    }
}

/// Joins a piece to the one before it, where the message becomes the same as by the two one after the other: plain text
/// of a message of plain text. Gives it back where it may become another: a half of a surrogate pair at the beginning of
/// `last` belongs to the piece before that.
fn join(last: &mut Message, chunk: Message) -> Option<Message> {
    if !chunk.is_only_text() || !last.halves.is_empty() {
        return Some(chunk);
    }
    match (&mut last.content, chunk.content) {
        (Content::Text(text), Content::Text(more)) => {
            text.push_str(&more);
            None
        }
        (_, content) => Some(Message { content, ..chunk }),
    }
}

/// The bytes that a piece adds to a message's JSON.
pub(super) fn added_bytes(chunk: &Message) -> usize {
    let mut text = String::new();
    match &chunk.content {
        Content::Text(content) if chunk.is_only_text() => write_string(&mut text, content),
        Content::Text(_) | Content::Blocks(_) => chunk.write_json(&mut text),
    }
    text.len().saturating_sub(2)
}

#[cfg(test)]
mod tests {
    use rejoin_wire::json::Lenient as _;

    use super::*;

    fn piece(text: &str) -> Message {
        let json = format!(r#"{{"type":"AIMessageChunk","id":"m","content":"{text}"}}"#);
        Message::read_quietly(&json).unwrap()
    }

    /// Checks the text that a reader of the log makes of pieces, if the first was sent before the others came.
    fn check(pieces: &[&str], expect: &str, batches: usize) {
        let (mut line, _) = Line::new(piece(pieces[0]));
        for text in &pieces[1..] {
            line.wait(piece(text), text.len());
        }
        let mut batch = Vec::new();
        line.put(&"m".to_owned().into(), &mut batch);
        assert_eq!(batch.len(), batches, "{pieces:?}");
        let mut whole = piece(pieces[0]);
        for change in batch {
            let Change::Appended { chunk, .. } = change else {
                panic!("{change:?}")
            };
            // As it is stored.
            whole.merge_chunk(Message::read_quietly(&chunk.to_json()).unwrap());
        }
        assert_eq!(whole.content.text(), expect, "{pieces:?}");
    }

    #[test]
    fn pieces_that_wait_are_joined_and_no_half_of_a_pair_is_lost() {
        check(&["a", "b", "c"], "abc", 1);
        check(&[r"a\ud83d", r"\ude00", "b"], "a😀b", 2);
        check(&[r"a\ud83d", r"\ude00b", "c", "d"], "a😀bcd", 2);
        check(&["a", r"b\ud83d", r"\ude00", "c"], "ab😀c", 3);
        check(&[r"\ud83d", r"\ude00\ud83d", r"\ude01x", "y"], "😀😁xy", 3);
    }
}
