//! Bytes become events, events become what is shown.

use super::{
    Client,
    answer::{run_failed, transport_error},
    continuity::{attempt_of, is_metadata},
    growing::Growing,
    link::{Chunk, Link},
    phase::After,
    run::{LastWord, Run},
};
use crate::{
    AttemptId, ErrorCode, Notice, Outcome, StreamError, TransportError,
    cursor::event_hash,
    thread_store::{MessageWithoutId, Progress, ThreadStore},
};
use rejoin_wire::{
    EventId, Json, MessageId, WireError,
    chunk_pattern::ChunkText,
    event::{ErrorBody, Event, EventName, Values},
    json::Oddities,
    message::Message,
    sse::{DecodeError, Frame, Item},
};

impl Client {
    /// The connection is alive. Returns whose it is.
    fn sign_of_life(&mut self, run: &mut Run) -> Option<AttemptId> {
        let now = self.now;
        let link = self.phase.link_mut()?;
        let attempt = link.attempt;
        if link.byte_arrived(now) {
            self.store.touch();
        }
        self.run_contact(run);
        Some(attempt)
    }

    pub(super) fn chunk_arrived(&mut self, run: &mut Run, bytes: &[u8]) {
        let attempt = self.sign_of_life(run);
        match self.phase.link_mut().map(|link| link.take_in(bytes)) {
            Some(Chunk::Events) | None => {}
            Some(Chunk::Refusal) => return,
            Some(Chunk::WholeRefusal(refusal)) => return self.conclude_refusal(run, &refusal),
            Some(Chunk::Foreign(error)) => return self.not_a_stream(run, error),
        }
        self.read_items(run, attempt);
    }

    /// Reads the events of this connection that have come so far.
    fn read_items(&mut self, run: &mut Run, attempt: Option<AttemptId>) {
        // Any item may end the connection; what the old one still holds must not be applied then.
        while let Some(link) = self
            .phase
            .link_mut()
            .filter(|link| Some(link.attempt) == attempt)
        {
            match link.decoder.next_item() {
                None => break,
                Some(Ok(Item::Comment)) => self.heartbeat(run),
                Some(Ok(Item::Control { .. })) => {}
                Some(Ok(Item::Frame(frame))) => self.frame_arrived(run, frame),
                Some(Err(error)) => self.undecodable(run, error),
            }
        }
    }

    /// An event that somebody else has read.
    pub(super) fn event_given(&mut self, run: &mut Run, event: Option<Frame>) {
        self.sign_of_life(run);
        let limit_bytes = self.config.limits.frame_bytes_max;
        match event {
            None => self.heartbeat(run),
            Some(frame) if frame.bytes() > limit_bytes => {
                self.undecodable(run, DecodeError::FrameTooLarge { limit_bytes });
            }
            Some(frame) => self.frame_arrived(run, frame),
        }
    }

    fn frame_arrived(&mut self, run: &mut Run, frame: Frame) {
        if self.grow(run, &frame) {
            return;
        }
        match Event::from_frame(frame) {
            Ok(event) => self.event_arrived(run, event),
            Err(error) => self.corrupt(run, &error),
        }
    }

    pub(super) fn body_ended(&mut self, run: &mut Run) {
        let refusal = self.phase.link_mut().and_then(|link| link.refusal.take());
        if let Some(refusal) = refusal {
            return self.conclude_refusal(run, &refusal);
        }
        if self.is_stream_only() {
            return self.stream_only_ended(run);
        }
        let Some(link) = self.phase.link() else {
            return debug_assert!(false, "a body ends without a link");
        };
        let got_event = link.got_event();
        let was_held = link.was_held(self.now, self.config.timeouts.alive);
        if got_event && matches!(run.last_word, LastWord::None) {
            run.last_word = LastWord::Ended;
        }
        if was_held {
            run.recovery.held();
        }
        if run.id.is_none() && !got_event {
            let error = TransportError::Network {
                message: "the stream ended before the run was named".to_owned(),
            };
            return self.link_lost(run, transport_error(&error));
        }
        // The end of a body says nothing about the run.
        self.close_link("the stream ended");
        self.check_run(run, After::CleanEnd);
    }

    /// The body's end is the run's. Nothing can be asked for again, so its last event counts without the blank line that ends it.
    fn stream_only_ended(&mut self, run: &mut Run) {
        let attempt = self.phase.link_mut().map(|link| {
            link.decoder.push(b"\n\n");
            link.attempt
        });
        self.read_items(run, attempt);
        if self.phase.link().is_none() {
            return;
        }
        self.reading("messages", |client, odd| client.store.close_messages(odd));
        let said = run.last_outcome();
        let outcome = said.unwrap_or_else(|| run.success());
        self.begin_settle(run, outcome);
    }

    fn heartbeat(&mut self, run: &mut Run) {
        let now = self.now;
        if let Some(link) = self.phase.link_mut() {
            let said_nothing_since = link.heartbeat(now);
            // The server has nothing else to say. One heartbeat may come between two events of a replay.
            if link.got_event() && said_nothing_since {
                self.show_silent_replay(run);
            }
        }
    }

    /// An event that somebody else has decoded, or this client.
    pub(super) fn event_arrived(&mut self, run: &mut Run, event: Event) {
        if !event.is_of_run() {
            let is_end = event.name == EventName::End && event.is_root();
            if is_end && matches!(run.last_word, LastWord::None) {
                run.last_word = LastWord::Ended;
            }
            self.heartbeat(run);
            return self.tell_event(event);
        }
        self.run_event_came(run);
        let hash = event_hash(&event);
        let is_first = !self.phase.link().is_some_and(Link::is_verified);
        if !self.check_start(run, &event, hash) {
            return;
        }
        if self.had(run, event.id.as_ref(), hash) {
            if event.name == EventName::Error {
                // It may be all that is said of the run's end, also to a person who joins it again.
                run.last_word = LastWord::Failed(run_failed(&ErrorBody::read(&event.data)));
            }
            return;
        }
        if !is_first && is_metadata(&event) && run.cursor.attempt == Some(attempt_of(&event)) {
            // Repeated on one connection it says nothing new.
            return self.applied(run, event, hash);
        }
        if self.finds_gap(run, &event) {
            return;
        }
        if is_metadata(&event) {
            return self.metadata_arrived(run, event, hash);
        }
        let name = event.name.as_str();
        let applied = self.reading(name, |client, odd| client.apply(run, &event, odd));
        match applied {
            Ok(()) => self.applied(run, event, hash),
            Err(RunUnknown) => {
                self.close_link("the run is not known");
                self.run_is_gone(run);
            }
        }
    }

    /// An event of the run has come.
    pub(super) fn run_event_came(&mut self, run: &mut Run) {
        if let Some(link) = self.phase.link_mut() {
            link.event_came();
        }
        // The server has the stream: silence before this was not its last word.
        run.silent_joins = 0;
    }

    /// Whether an event has come before, by (id, name, data).
    pub(super) fn had(&self, run: &Run, id: Option<&EventId>, hash: u64) -> bool {
        let is_join = self.phase.link().is_some_and(Link::is_join);
        // Without an id two equal events may both be meant.
        is_join && id.is_some() && run.has_applied(hash)
    }

    fn apply(
        &mut self,
        run: &mut Run,
        event: &Event,
        odd: &mut Oddities,
    ) -> Result<(), RunUnknown> {
        match &event.name {
            EventName::Values if event.is_root() => {
                if let Some(values) = event.values(odd) {
                    self.apply_values(run, &values, odd);
                }
            }
            EventName::Messages => {
                if let Some((message, metadata)) = event.message(odd) {
                    let list = self.list_of(event);
                    let applied = self.apply_message(run, &list, message, metadata);
                    if let Some(id) = applied.filter(|_| odd.is_empty()) {
                        self.note_growing(run, event, list, id);
                    }
                }
            }
            EventName::MessagesPartial | EventName::MessagesComplete => {
                let list = self.list_of(event);
                for message in event.messages(odd) {
                    let whole = |store: &mut ThreadStore| store.apply_whole(message);
                    if self.target(run).in_list(&list, whole).is_err() {
                        self.warn_code(ErrorCode::MessageWithoutId);
                    }
                }
            }
            EventName::Updates if event.is_root() => {
                event.check(odd);
                if let Some(interrupts) = event.interrupts(odd) {
                    self.target(run).add_interrupts(&interrupts);
                }
            }
            EventName::Error if event.keeps_promise() => {
                return self.apply_error(run, ErrorBody::read(&event.data));
            }
            // The others are for whoever listens.
            EventName::Metadata
            | EventName::Values
            | EventName::MessagesMetadata
            | EventName::Updates
            | EventName::Custom
            | EventName::Error
            | EventName::Checkpoints
            | EventName::Tasks
            | EventName::Debug
            | EventName::Events
            | EventName::Tools
            | EventName::End
            | EventName::Other(_) => event.check(odd),
        }
        Ok(())
    }

    fn apply_values(&mut self, run: &mut Run, values: &Values, odd: &mut Oddities) {
        let lacks_text = run.doubt().is_some();
        let is_stream_only = self.is_stream_only();
        let store = self.target(run);
        let tells_question = store.apply_values(values, lacks_text, odd);
        if is_stream_only {
            // Nothing that is read later would say what became of it.
            store.drop_untold(tells_question);
        }
        if let Some(doubt) = run.doubt_mut() {
            doubt.step_seen |= !values.only_interrupts;
        }
    }

    /// The namespace whose list an event's messages go to; empty for the thread's own.
    fn list_of(&self, event: &Event) -> String {
        let within_tool = |part: &String| part.starts_with("tools:");
        let mut list = String::new();
        if self.config.split_subgraphs && event.namespace.iter().any(within_tool) {
            for part in &event.namespace {
                if !list.is_empty() {
                    list.push('|');
                }
                list.push_str(part);
            }
        }
        list
    }

    /// Applies a chunk. Its message, if nothing was odd.
    fn apply_message(
        &mut self,
        run: &mut Run,
        list: &str,
        message: Message,
        metadata: Json,
    ) -> Option<MessageId> {
        if let Some(doubt) = run.doubt_mut()
            && doubt.may_be_torn(&message, &metadata)
        {
            return None;
        }
        let id = message.id.clone();
        let chunk = |store: &mut ThreadStore| store.apply_chunk(message, metadata);
        match self.target(run).in_list(list, chunk) {
            Ok(oddities) if oddities.is_empty() => return id,
            Ok(oddities) => {
                let id = id.as_ref().map_or("", MessageId::as_str);
                self.tell_odd(&["message ", id].concat(), oddities);
            }
            Err(MessageWithoutId) => self.warn_code(ErrorCode::MessageWithoutId),
        }
        None
    }

    fn apply_error(&mut self, run: &mut Run, error: ErrorBody) -> Result<(), RunUnknown> {
        let is_join = self.phase.link().is_some_and(|link| link.is_join());
        if is_join && error.is_run_not_found() {
            return Err(RunUnknown);
        }
        run.last_word = LastWord::Failed(run_failed(&error));
        Ok(())
    }

    pub(super) fn target<'a>(&'a mut self, run: &'a mut Run) -> &'a mut ThreadStore {
        run.replay.as_deref_mut().unwrap_or(&mut self.store)
    }

    pub(super) fn applied(&mut self, run: &mut Run, event: Event, hash: u64) {
        let is_error = event.name == EventName::Error;
        let is_new = self.advance(run, event.id.as_ref(), hash, is_error);
        if is_new || event.id.is_none() {
            self.tell_event(event);
        }
    }

    /// An event was applied. Whether it is new.
    pub(super) fn advance(
        &mut self,
        run: &mut Run,
        id: Option<&EventId>,
        hash: u64,
        is_error: bool,
    ) -> bool {
        run.cursor.advance(id, hash);
        let is_new = run.note_applied(hash);
        if is_new && !is_error {
            run.last_word = LastWord::None;
        }
        if is_new && id.is_some() {
            // Without an id it may be the same again, which is no progress.
            run.recovery.progressed();
            run.corrupt_before = false;
            run.timeout_told = false;
            run.joined_untold = false;
            self.clear_passing_error();
        }
        let replay = run.replay.as_ref();
        if replay.is_some_and(|replay| replay.progress_against(&self.store) == Progress::Ahead) {
            self.show_replay(run);
        }
        self.mark_record();
        is_new
    }

    /// Tells an event to whoever listens to its name, unless they could not read it as what the name promises.
    fn tell_event(&mut self, event: Event) {
        if event.keeps_promise() && self.listens_to(&event.name) {
            self.notify(Notice::EventApplied(event));
        }
    }

    pub(super) fn listens_to(&self, name: &EventName) -> bool {
        let name = name.as_str();
        self.listened.iter().any(|listened| listened == name)
    }

    /// Shows the replay, because nothing more seems to come. If more comes, its `values` may be older than the shown state.
    pub(super) fn show_silent_replay(&mut self, run: &mut Run) {
        let may_go_on = run
            .replay
            .as_ref()
            .is_some_and(|replay| replay.has_untold());
        self.show_replay(run);
        if may_go_on && run.replay.is_none() {
            self.store.expect_older_values();
        }
    }

    /// Shows the replay, unless that would take away something shown.
    pub(super) fn show_replay(&mut self, run: &mut Run) {
        if let Some(replay) = run.replay.take() {
            match replay.progress_against(&self.store) {
                Progress::Behind => run.replay = Some(replay),
                Progress::Level | Progress::Ahead => self.store.adopt(*replay),
            }
        }
    }

    /// An event that cannot be read. It may have been damaged on its way, so it is fetched once more. If it comes as
    /// broken again it is left out, and the messages it may have belonged to wait for the thread's values.
    fn corrupt(&mut self, run: &mut Run, error: &WireError) {
        self.warn(wire_error(error));
        let resumable = !self.is_stream_only() && run.id.is_some() && !run.cursor.is_at_start();
        if resumable && !std::mem::replace(&mut run.corrupt_before, true) {
            self.close_link(error.code());
            self.reopen(run);
        } else {
            self.doubt(run);
        }
    }

    fn undecodable(&mut self, run: &mut Run, error: DecodeError) {
        let fatal = !matches!(error, DecodeError::InvalidUtf8 { .. });
        let error = WireError::Sse(error);
        if !fatal {
            return self.corrupt(run, &error);
        }
        let error = wire_error(&error);
        let again = std::mem::replace(&mut run.corrupt_before, true);
        self.close_link(error.code.as_str());
        if again || run.id.is_none() || self.is_stream_only() {
            // It comes with each attempt: what the thread holds is shown, and why no more comes.
            self.begin_settle(run, Outcome::Failed(error));
        } else {
            self.warn(error);
            self.reopen(run);
        }
    }
}

/// Messages that only grow.
impl Client {
    /// Lets a message grow by the text of an event that brings nothing else. False: the event is to be read.
    #[inline(never)]
    pub(super) fn grow(&mut self, run: &mut Run, frame: &Frame) -> bool {
        let Some(link) = self.phase.link_mut() else {
            return false;
        };
        let mut list = std::mem::take(&mut link.growing);
        let mut has_grown = false;
        for growing in &mut list {
            if let Some(chunk) = growing.pattern.text_in(frame) {
                has_grown = self.grow_by(run, growing, frame, &chunk);
                break;
            }
        }
        if let Some(link) = self.phase.link_mut() {
            link.growing = list;
        }
        has_grown
    }

    fn grow_by(
        &mut self,
        run: &mut Run,
        growing: &mut Growing,
        frame: &Frame,
        chunk: &ChunkText<'_>,
    ) -> bool {
        let id = frame.event_id();
        let hash = growing.hash(id.as_ref(), chunk.written);
        let misses = |id: &EventId| run.cursor.misses_events_before(id);
        let is_open = !self.phase.link().is_some_and(Link::is_verified)
            || run.doubt().is_some()
            || growing.in_replay != run.replay.is_some()
            || self.listens_to(&EventName::Messages)
            || id.as_ref().is_some_and(misses)
            || self.had(run, id.as_ref(), hash);
        if is_open {
            return false;
        }
        let (message, revision) = (&growing.id, growing.revision);
        let grow = |store: &mut ThreadStore| store.grow(message, revision, &chunk.text);
        let Some(revision) = self.target(run).in_list(&growing.list, grow) else {
            return false;
        };
        growing.revision = revision;
        self.run_event_came(run);
        self.advance(run, id.as_ref(), hash, false);
        true
    }

    /// An event was read, had nothing odd in it and was applied to this message. If it has only made the message grow, later ones may
    /// too.
    #[inline(never)]
    pub(super) fn note_growing(
        &mut self,
        run: &mut Run,
        event: &Event,
        list: String,
        id: MessageId,
    ) {
        let in_replay = run.replay.is_some();
        let grown = self
            .target(run)
            .in_list(&list, |store| store.has_grown(&id));
        let grown = grown.and_then(|revision| Growing::new(event, list, id, revision, in_replay));
        let Some((grown, link)) = grown.zip(self.phase.link_mut()) else {
            return;
        };
        grown.keep_in(&mut link.growing);
    }
}

/// The server does not know the run.
struct RunUnknown;

fn wire_error(error: &WireError) -> StreamError {
    let code = ErrorCode::ALL
        .iter()
        .find(|code| code.as_str() == error.code());
    StreamError::new(code.copied().unwrap_or(ErrorCode::EventDataInvalid))
        .with_detail(error.words())
}
