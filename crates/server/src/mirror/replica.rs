//! A thread's conversation in its session: what is there, what there should be, and the changes between.
//!
//! The session's store may be slow or gone, and a run does not wait for it. A replica may hold only the conversation and the
//! streaming messages, which are in memory anyway. It does so until the session has been read, and after giving the session
//! up because too much was waiting. The difference is then written at once.

use std::collections::{HashMap, HashSet, hash_map::DefaultHasher};
use std::hash::{Hash as _, Hasher as _};

use rejoin_wire::{
    MessageId, RunId,
    message::Message,
    session::{Change, EndStatus},
};
use serde_json::Value;

use crate::{
    sessions::{
        MessageWriter, Producer, Stopped,
        log::{MessageHead, SessionId},
    },
    state,
};

/// Above what a producer may have tried beyond what is stored.
const PIECES_TRIED: u64 = 1 << 20;
/// Above every number of pieces that a message of a run has.
const PIECES_ABOVE: u64 = 1 << 32;

/// A message of the thread's state.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) id: MessageId,
    pub(crate) value: Value,
    /// A digest of its content: equal for equal content.
    mark: u64,
}

/// A message that the session has.
#[derive(Debug, Clone, PartialEq)]
struct Sent {
    id: MessageId,
    /// A digest of its content; `None` if that is not known.
    mark: Option<u64>,
    /// Above every number of pieces that it was tried with: what it is said anew under.
    above: u64,
    /// It is this producer's and has not ended, and nobody is streaming it: its end was forgotten.
    is_left_open: bool,
}

/// A message that a run is streaming.
struct Stream {
    id: MessageId,
    run_id: RunId,
    whole: Message,
    /// `None` while the session is not known.
    writer: Option<MessageWriter>,
    /// Whether the run was told that it was stopped from elsewhere.
    is_reported: bool,
}

/// A thread's conversation and its session.
pub(super) struct Replica {
    session: SessionId,
    producer: Producer,
    /// The session's messages of the thread, in order; `None` until they have been read.
    sent: Option<Vec<Sent>>,
    /// The thread's messages when its session was last known to hold the same.
    before: HashMap<MessageId, u64>,
    /// Messages that are the thread's: they may be removed. Others in the session are somebody else's.
    own: HashSet<MessageId>,
    /// The conversation; `None` until it was first said.
    conversation: Option<Vec<Held>>,
    run_id: Option<RunId>,
    streams: Vec<Stream>,
    /// With more waiting, the session is given up and read again.
    waiting_bytes_max: usize,
    pub(super) is_deleted: bool,
}

/// A change that a session needs to hold a conversation.
#[derive(Debug, Clone, PartialEq)]
enum Step {
    Remove(MessageId),
    /// The message at this index is there, as this.
    Keep(usize, Sent),
    Begin(usize),
}

impl Held {
    /// The messages of a list that have ids.
    pub(crate) fn list(messages: &[Value]) -> Vec<Self> {
        messages.iter().filter_map(Self::new).collect()
    }

    fn new(value: &Value) -> Option<Self> {
        let id = value.get("id")?.as_str()?;
        Some(Self {
            id: id.into(),
            value: value.clone(),
            mark: digest(value),
        })
    }

    fn message(&self) -> Option<Message> {
        serde_json::from_value(self.value.clone()).ok()
    }

    /// How it ended: a run that does not come to its end says so in what it keeps.
    pub(super) fn status(&self) -> EndStatus {
        let aborted = |reason: &str| EndStatus::Aborted {
            reason: reason.to_owned(),
        };
        let reason = self.value.pointer("/response_metadata/finish_reason");
        match reason.and_then(Value::as_str) {
            Some("aborted") => aborted("server_restarted"),
            Some("error") => aborted("agent_failed"),
            Some("cancelled") => EndStatus::Cancelled,
            _ => EndStatus::Complete,
        }
    }

    /// All of it anew; `stored` pieces are known, and perhaps a few more were tried.
    pub(super) fn repaired(&self, stored: u64) -> Option<Change> {
        Some(Change::Updated {
            message: self.message()?,
            at: stored + PIECES_TRIED,
        })
    }
}

fn digest(value: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.to_string().hash(&mut hasher);
    hasher.finish()
}

impl Replica {
    pub(super) fn new(session: SessionId, producer: Producer) -> Self {
        Self {
            waiting_bytes_max: producer.sessions().limits().waiting_bytes_max,
            session,
            producer,
            sent: None,
            before: HashMap::new(),
            own: HashSet::new(),
            conversation: None,
            run_id: None,
            streams: Vec::new(),
            is_deleted: false,
        }
    }

    /// Whether the session is known.
    pub(super) fn is_ready(&self) -> bool {
        self.sent.is_some() || self.is_deleted
    }

    /// Sets the thread's messages before a run. They are known to be in the session only if `is_in_sync`.
    pub(super) fn enter(&mut self, run_id: Option<RunId>, held: &[Held], is_in_sync: bool) {
        self.own.extend(held.iter().map(|held| held.id.clone()));
        if self.sent.is_none() && is_in_sync {
            self.before = held
                .iter()
                .map(|held| (held.id.clone(), held.mark))
                .collect();
        }
        self.run_id = run_id;
    }

    /// Messages that are the thread's, wherever they are.
    pub(super) fn add_own(&mut self, ids: impl Iterator<Item = MessageId>) {
        self.own.extend(ids);
    }

    /// A piece of a message.
    ///
    /// # Errors
    /// Why nothing more of it will be stored; once.
    pub(super) fn piece(&mut self, run_id: &RunId, chunk: Message) -> Result<(), Stopped> {
        let Some(id) = chunk.id.clone().filter(|_| !self.is_deleted) else {
            return Ok(());
        };
        if let Some(stream) = self.streams.iter_mut().find(|stream| stream.id == id) {
            stream.whole.merge_chunk(chunk.clone());
            let said = stream.writer.as_ref().map(|writer| writer.append(chunk));
            return match said {
                Some(Err(why)) if !std::mem::replace(&mut stream.is_reported, true) => Err(why),
                Some(_) | None => Ok(()),
            };
        }
        self.own.insert(id.clone());
        let mut stream = Stream {
            id: id.clone(),
            run_id: run_id.clone(),
            whole: chunk,
            writer: None,
            is_reported: false,
        };
        if let Some(sent) = &mut self.sent {
            stream.open(&self.producer, &self.session);
            sent.push(Sent::new(id));
        }
        self.streams.push(stream);
        Ok(())
    }

    /// The conversation now. No message of it is being streamed.
    pub(super) fn set_conversation(&mut self, conversation: Vec<Held>) {
        if self.is_deleted {
            return;
        }
        self.own
            .extend(conversation.iter().map(|held| held.id.clone()));
        self.conversation = Some(conversation);
        if self.sent.is_some() {
            self.write_difference();
        } else {
            // Nothing of them was said yet; what is kept of them is in the conversation.
            self.streams.clear();
        }
    }

    /// Whether so much is waiting that it is better to forget it and to read the session again.
    pub(super) fn give_up_if_behind(&mut self) -> bool {
        let is_behind = self.sent.is_some()
            && self.producer.held_bytes_of(&self.session) > self.waiting_bytes_max;
        if is_behind {
            self.sent = None;
            self.producer.give_up(&self.session);
            for stream in &mut self.streams {
                stream.writer = None;
            }
        }
        is_behind
    }

    /// Gives up: the thread's messages cannot be read.
    pub(super) fn abandon(&mut self) {
        self.streams.clear();
    }

    /// The thread is gone.
    pub(super) fn delete(&mut self) {
        self.is_deleted = true;
        self.producer.give_up(&self.session);
        self.streams.clear();
        self.conversation = None;
    }

    /// The session was read: its messages, oldest first.
    pub(super) fn read(&mut self, heads: &[MessageHead]) {
        if self.is_deleted {
            return;
        }
        let of_thread = heads.iter().filter(|head| self.own.contains(&head.id));
        let sent = of_thread.map(|head| Sent {
            id: head.id.clone(),
            mark: self.before.get(&head.id).copied(),
            above: PIECES_ABOVE.max(head.pieces + 1),
            is_left_open: head.ended.is_none() && head.producer == *self.producer.id(),
        });
        let is_written = |sent: &Sent| !self.streams.iter().any(|stream| stream.id == sent.id);
        self.sent = Some(sent.filter(is_written).collect());
        let streams = std::mem::take(&mut self.streams);
        if self.conversation.is_some() {
            self.write_difference();
        }
        for mut stream in streams {
            let head = heads.iter().find(|head| head.id == stream.id);
            if let Some(head) = head {
                stream.resume(&self.producer, &self.session, head.pieces);
            } else {
                stream.open(&self.producer, &self.session);
            }
            if let Some(sent) = &mut self.sent {
                let id = stream.id.clone();
                sent.push(Sent::new(id));
            }
            self.streams.push(stream);
        }
    }

    /// Says what the session lacks of the conversation, and takes away what is not in it.
    fn write_difference(&mut self) {
        let (Some(sent), Some(conversation)) = (self.sent.take(), self.conversation.take()) else {
            return;
        };
        let mut now: Vec<Sent> = Vec::with_capacity(conversation.len());
        for step in steps(sent, &conversation) {
            match step {
                Step::Remove(id) => {
                    let change = Change::Removed { id: id.clone() };
                    self.producer.say(&self.session, change);
                    self.streams.retain(|stream| stream.id != id);
                }
                Step::Keep(index, mut sent) => {
                    self.keep(&conversation[index], &mut sent);
                    now.push(sent);
                }
                Step::Begin(index) => {
                    let held = &conversation[index];
                    self.begin(held);
                    now.push(Sent {
                        mark: Some(held.mark),
                        ..Sent::new(held.id.clone())
                    });
                }
            }
        }
        self.sent = Some(now);
        self.conversation = Some(conversation);
    }

    /// A message that is there already, perhaps as a stream that ends now.
    fn keep(&mut self, held: &Held, sent: &mut Sent) {
        let at = self.streams.iter().position(|stream| stream.id == held.id);
        let stream = at.map(|at| self.streams.swap_remove(at));
        let is_same = match &stream {
            Some(stream) => state::final_message(&stream.whole) == held.value,
            None => sent.mark == Some(held.mark),
        };
        sent.mark = Some(held.mark);
        match stream.and_then(|stream| stream.writer) {
            Some(writer) if writer.stopped().is_none() => {
                if let Some(message) = held.message().filter(|_| !is_same) {
                    writer.replace(message);
                }
                writer.end(held.status());
            }
            Some(writer) if writer.stopped() == Some(Stopped::TooLarge) => {}
            Some(_) => self.update(held, sent),
            None if std::mem::take(&mut sent.is_left_open) => {
                let message = held.message();
                let (producer, session) = (&self.producer, &self.session);
                if let Some(writer) =
                    message.and_then(|message| producer.resume(session, message, sent.above))
                {
                    writer.end(held.status());
                    sent.above += PIECES_TRIED;
                }
            }
            None if is_same => {}
            None => self.update(held, sent),
        }
    }

    fn update(&self, held: &Held, sent: &mut Sent) {
        if let Some(message) = held.message() {
            let at = sent.above;
            sent.above += 1;
            self.producer
                .say(&self.session, Change::Updated { message, at });
        }
    }

    fn begin(&self, held: &Held) {
        // Of an older message nobody knows which run said it.
        let run_id = self.run_id.clone();
        let run_id = run_id.filter(|_| !self.before.contains_key(&held.id));
        if let Some(message) = held.message() {
            let (session, status) = (&self.session, held.status());
            self.producer.say_whole(session, message, run_id, status);
        }
    }
}

impl Sent {
    fn new(id: MessageId) -> Self {
        Self {
            id,
            mark: None,
            above: PIECES_ABOVE,
            is_left_open: false,
        }
    }
}

impl Stream {
    fn open(&mut self, producer: &Producer, session: &SessionId) {
        let run_id = Some(self.run_id.clone());
        self.writer = producer.begin(session, self.whole.clone(), run_id);
    }

    fn resume(&mut self, producer: &Producer, session: &SessionId, stored: u64) {
        self.writer = producer.resume(session, self.whole.clone(), stored + PIECES_TRIED);
    }
}

/// The steps from what a session has to a conversation. Messages stand in a session in the order they began, so where the
/// order is another everything from there on is said anew.
fn steps(sent: Vec<Sent>, conversation: &[Held]) -> Vec<Step> {
    let wanted: HashSet<&MessageId> = conversation.iter().map(|held| &held.id).collect();
    let is_wanted = |sent: &Sent| wanted.contains(&sent.id);
    let (kept, gone): (Vec<Sent>, Vec<Sent>) = sent.into_iter().partition(is_wanted);
    let mut steps: Vec<Step> = gone.into_iter().map(|sent| Step::Remove(sent.id)).collect();
    let mut keep: Vec<Step> = Vec::new();
    let mut is_moved = false;
    for sent in kept {
        let there = conversation.get(keep.len());
        is_moved |= there.is_none_or(|held| held.id != sent.id);
        if is_moved {
            steps.push(Step::Remove(sent.id));
        } else {
            keep.push(Step::Keep(keep.len(), sent));
        }
    }
    let same = keep.len();
    steps.extend(keep);
    steps.extend((same..conversation.len()).map(Step::Begin));
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn sent(ids: &[&str]) -> Vec<Sent> {
        ids.iter().map(|id| Sent::new((*id).into())).collect()
    }

    fn check(before: &[&str], after: &[&str], expected: &[&str]) {
        let messages: Vec<Value> = after.iter().map(|id| json!({"id": id})).collect();
        let held = Held::list(&messages);
        let shown = steps(sent(before), &held)
            .into_iter()
            .map(|step| match step {
                Step::Remove(id) => format!("-{id}"),
                Step::Keep(index, _) => format!("={}", held[index].id),
                Step::Begin(index) => format!("+{}", held[index].id),
            });
        assert_eq!(
            shown.collect::<Vec<_>>(),
            expected,
            "{before:?} to {after:?}"
        );
    }

    #[test]
    fn a_session_follows_a_thread_with_as_few_changes_as_its_order_allows() {
        check(&[], &["a", "b"], &["+a", "+b"]);
        check(&["a", "b"], &["a", "b", "c"], &["=a", "=b", "+c"]);
        // An edit.
        check(
            &["a", "b", "c", "d"],
            &["a", "b", "e"],
            &["-c", "-d", "=a", "=b", "+e"],
        );
        // One taken from the middle.
        check(&["a", "b", "c"], &["a", "c"], &["-b", "=a", "=c"]);
        // One that has to stand before what is there.
        check(&["a", "c"], &["a", "b", "c"], &["-c", "=a", "+b", "+c"]);
        check(&["a"], &[], &["-a"]);
    }

    #[test]
    fn a_message_says_how_it_ended() {
        let check = |reason: &str, expected: &str| {
            let message = json!({"id": "m", "response_metadata": {"finish_reason": reason}});
            let held = Held::new(&message).expect("an id");
            assert_eq!(held.status().as_str(), expected, "{reason}");
        };
        check("stop", "complete");
        check("cancelled", "cancelled");
        check("error", "aborted");
        check("aborted", "aborted");
        let plain = Held::new(&json!({"id": "m"})).expect("an id");
        assert_eq!(plain.status(), EndStatus::Complete);
    }
}
