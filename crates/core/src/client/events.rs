//! Bytes become events, events become what is shown.

use super::{Client, follow::Doubt, requests::transport_error};
use crate::{
    ErrorCode, Notice, Outcome, StreamError, TransportError,
    cursor::event_hash,
    thread_store::{MessageWithoutId, Progress, ThreadStore},
};
use rejoin_wire::{
    Json, MessageId, WireError,
    event::{ErrorBody, Event, EventName, RunMetadata, Values},
    json::Oddities,
    message::Message,
    sse::{DecodeError, Item},
};

impl Client {
    pub(super) fn chunk_arrived(&mut self, bytes: &[u8]) {
        let Some(link) = self.follow.as_mut().and_then(|follow| follow.link.as_mut()) else {
            return;
        };
        let attempt = link.attempt;
        if link.byte_arrived(self.now) {
            self.store.touch();
        }
        if self.refusal_chunk(bytes).is_some() {
            return;
        }
        if let Some(link) = self.follow.as_mut().and_then(|follow| follow.link.as_mut()) {
            link.decoder.push(bytes);
        }
        // Any item may end the connection; what the old one still holds must not be applied then.
        while self.is_link(attempt) {
            let item = self
                .follow
                .as_mut()
                .and_then(|follow| follow.link.as_mut()?.decoder.next_item());
            match item {
                None => break,
                Some(Ok(Item::Comment)) => self.heartbeat(),
                Some(Ok(Item::Control { .. })) => {}
                Some(Ok(Item::Frame(frame))) => match Event::from_frame(frame) {
                    Ok(event) => self.event_arrived(event),
                    Err(error) => self.corrupt(&error),
                },
                Some(Err(error)) => self.undecodable(error),
            }
        }
    }

    pub(super) fn body_ended(&mut self) {
        if self.conclude_refusal().is_some() {
            return;
        }
        if self.is_stream_only() {
            self.reading("messages", |client, odd| client.store.close_messages(odd));
        }
        let Some(follow) = &self.follow else { return };
        if self.is_stream_only() {
            let outcome = match &follow.failure {
                Some(error) => Outcome::Failed(error.clone()),
                None => follow.success(),
            };
            return self.begin_settle(outcome);
        }
        if follow.failure.is_some() {
            self.close_link("the run failed");
            return self.check_run();
        }
        if follow.run_id.is_none() {
            let error = TransportError::Network {
                message: "the stream ended before the run was named".to_owned(),
            };
            return self.lost(transport_error(&error));
        }
        // The end of a body says nothing about the run.
        self.check_run();
    }

    fn heartbeat(&mut self) {
        let now = self.now;
        if let Some(link) = self.follow.as_mut().and_then(|follow| follow.link.as_mut()) {
            link.heartbeat(now);
            // The server has nothing else to say, or is between two events of a replay.
            if link.got_frame {
                self.show_shadow();
            }
        }
    }

    fn event_arrived(&mut self, event: Event) {
        if !event.is_of_run() {
            self.heartbeat();
            return self.tell_event(event);
        }
        let hash = event_hash(&event);
        if !self.is_new(&event, hash) {
            return;
        }
        if self.finds_gap(&event) {
            return;
        }
        if event.name == EventName::Metadata && event.is_root() {
            return self.metadata_arrived(event, hash);
        }
        self.doubt_middle();
        let applied = self.reading(event.name.as_str(), |client, odd| client.apply(&event, odd));
        match applied {
            Ok(()) => self.applied(event, hash),
            Err(RunUnknown) => {
                self.close_link("the run is not known");
                self.begin_settle(Outcome::Expired);
            }
        }
    }

    /// Drops what has come before, by (id, name, data).
    fn is_new(&mut self, event: &Event, hash: u64) -> bool {
        let Some(follow) = &mut self.follow else {
            return false;
        };
        let Some(link) = &mut follow.link else {
            return false;
        };
        let first = !std::mem::replace(&mut link.got_frame, true);
        if first {
            // The server has the stream: silence before this was not its last word.
            follow.silent_joins = 0;
        }
        if !link.is_join {
            return true;
        }
        let known = if link.from_start {
            link.seen.contains(hash)
        } else {
            follow.recent.contains(hash)
        };
        // Without an id two equal events may both be meant.
        !(known && event.id.is_some())
    }

    /// Dense ids tell when events are missing. The first time everything is asked for again.
    fn finds_gap(&mut self, event: &Event) -> bool {
        if self.is_stream_only() {
            return false;
        }
        let Some(follow) = &mut self.follow else {
            return false;
        };
        let gap = event
            .id
            .as_ref()
            .is_some_and(|id| follow.cursor.misses_events_before(id));
        if !gap || follow.doubt.is_some() {
            return false;
        }
        if follow.gap_replayed {
            self.doubt();
            return false;
        }
        follow.gap_replayed = true;
        follow.cursor.rewind();
        self.shadow = None;
        self.close_link("events are missing; all are asked for");
        self.reopen();
        true
    }

    /// A join that asked for everything and does not begin at the beginning may begin inside a message.
    fn doubt_middle(&mut self) {
        let Some(follow) = &self.follow else { return };
        let from_start = follow
            .link
            .as_ref()
            .is_some_and(|link| link.is_join && link.from_start);
        if from_start
            && follow.cursor.is_at_start()
            && follow.doubt.is_none()
            && follow.link_is_empty()
        {
            self.doubt();
        }
    }

    fn doubt(&mut self) {
        let Some(follow) = &mut self.follow else {
            return;
        };
        if follow.doubt.replace(Doubt::default()).is_none() {
            follow.snapshot_used = true;
            self.warn_code(ErrorCode::EventsMissing);
        }
    }

    fn metadata_arrived(&mut self, event: Event, hash: u64) {
        let read = self.reading("metadata", |_, odd| event.metadata(odd));
        let Some(RunMetadata { run_id, .. }) = read else {
            return self.applied(event, hash);
        };
        let Some(follow) = &mut self.follow else {
            return;
        };
        let before = follow.cursor.metadata.replace(hash);
        self.run_named(run_id.clone());
        if before.is_some_and(|before| before != hash) {
            // The server has begun the run anew, as Python does after a restart: its first attempt is void.
            if let Some(follow) = &mut self.follow {
                follow.cursor.rewind();
                follow.doubt = None;
            }
            self.shadow = None;
            self.store.void_unconfirmed();
            self.notify(Notice::StartedOver { run_id });
        }
        self.applied(event, hash);
    }

    fn apply(&mut self, event: &Event, odd: &mut Oddities) -> Result<(), RunUnknown> {
        match &event.name {
            EventName::Values if event.is_root() => {
                if let Some(values) = event.values(odd) {
                    self.apply_values(&values, odd);
                }
            }
            EventName::Messages => {
                if let Some((message, metadata)) = event.message(odd) {
                    self.apply_message(&self.list_of(event), message, metadata);
                }
            }
            EventName::MessagesPartial | EventName::MessagesComplete => {
                let list = self.list_of(event);
                for message in event.messages(odd) {
                    let whole = |store: &mut ThreadStore| store.apply_whole(message);
                    if self.target().in_list(&list, whole).is_err() {
                        self.warn_code(ErrorCode::MessageWithoutId);
                    }
                }
            }
            EventName::Updates if event.is_root() => {
                event.check(odd);
                if let Some(interrupts) = event.interrupts(odd) {
                    self.target().add_interrupts(&interrupts);
                }
            }
            EventName::Error if event.keeps_promise() => {
                return self.apply_error(ErrorBody::read(&event.data));
            }
            // The others are for whoever listens.
            _ => event.check(odd),
        }
        Ok(())
    }

    fn apply_values(&mut self, values: &Values, odd: &mut Oddities) {
        self.target().apply_values(values, odd);
        if let Some(doubt) = self
            .follow
            .as_mut()
            .and_then(|follow| follow.doubt.as_mut())
        {
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

    fn apply_message(&mut self, list: &str, message: Message, metadata: Json) {
        if let Some(doubt) = self
            .follow
            .as_mut()
            .and_then(|follow| follow.doubt.as_mut())
            && let Some(id) = &message.id
        {
            if !doubt.step_seen && !doubt.messages.contains(id) {
                doubt.messages.push(id.clone());
            }
            if doubt.messages.contains(id) {
                return;
            }
        }
        let id = message.id.clone();
        let chunk = |store: &mut ThreadStore| store.apply_chunk(message, metadata);
        match self.target().in_list(list, chunk) {
            Ok(oddities) if oddities.is_empty() => {}
            Ok(oddities) => {
                let id = id.as_ref().map_or("", MessageId::as_str);
                self.tell_odd(&["message ", id].concat(), oddities);
            }
            Err(MessageWithoutId) => self.warn_code(ErrorCode::MessageWithoutId),
        }
    }

    fn apply_error(&mut self, error: ErrorBody) -> Result<(), RunUnknown> {
        let Some(follow) = &mut self.follow else {
            return Ok(());
        };
        let is_join = follow.link.as_ref().is_some_and(|link| link.is_join);
        if is_join && error.is_run_not_found() {
            return Err(RunUnknown);
        }
        follow.failure = Some(run_failed(&error));
        Ok(())
    }

    fn target(&mut self) -> &mut ThreadStore {
        self.shadow.as_deref_mut().unwrap_or(&mut self.store)
    }

    fn applied(&mut self, event: Event, hash: u64) {
        let Some(follow) = &mut self.follow else {
            return;
        };
        follow.cursor.advance(&event, hash);
        follow.corrupt_before = false;
        let first_time = follow.recent.insert(hash) || event.id.is_none();
        if let Some(link) = &mut follow.link {
            link.seen.insert(hash);
            link.progressed |= first_time;
            if first_time {
                follow.tries = 0;
            }
        }
        if self
            .shadow
            .as_ref()
            .is_some_and(|shadow| shadow.progress_against(&self.store) == Progress::Ahead)
        {
            self.show_shadow();
        }
        self.mark_record();
        if first_time {
            self.tell_event(event);
        }
    }

    /// Tells an event to whoever listens to its name, unless they could not read it as what the name promises.
    fn tell_event(&mut self, event: Event) {
        let name = event.name.as_str();
        if event.keeps_promise() && self.listened.iter().any(|listened| listened == name) {
            self.notify(Notice::EventApplied(event));
        }
    }

    /// Shows the replay, unless that would take away something shown.
    pub(super) fn show_shadow(&mut self) {
        if let Some(shadow) = self.shadow.take() {
            match shadow.progress_against(&self.store) {
                Progress::Behind => self.shadow = Some(shadow),
                Progress::Level | Progress::Ahead => self.store.adopt(*shadow),
            }
        }
    }

    /// An event that cannot be read. It may have been damaged on its way, so it is fetched once more; when it comes
    /// as broken again it is left out, and the messages it may have belonged to wait for the thread's values.
    fn corrupt(&mut self, error: &WireError) {
        self.warn(wire_error(error));
        let stream_only = self.is_stream_only();
        let Some(follow) = &mut self.follow else {
            return;
        };
        let resumable = !stream_only && follow.run_id.is_some() && !follow.cursor.is_at_start();
        if resumable && !std::mem::replace(&mut follow.corrupt_before, true) {
            self.close_link(error.code());
            self.reopen();
        } else {
            self.doubt();
        }
    }

    fn undecodable(&mut self, error: DecodeError) {
        let fatal = !matches!(error, DecodeError::InvalidUtf8 { .. });
        let error = WireError::Sse(error);
        if !fatal {
            return self.corrupt(&error);
        }
        let error = wire_error(&error);
        let Some(follow) = &mut self.follow else {
            return;
        };
        let again = std::mem::replace(&mut follow.corrupt_before, true);
        self.close_link(error.code.as_str());
        if again || self.run_id().is_none() || self.is_stream_only() {
            // It comes with each attempt: what the thread holds is shown, and why no more comes.
            self.begin_settle(Outcome::Failed(error));
        } else {
            self.warn(error);
            self.reopen();
        }
    }
}

/// The server does not know the run.
struct RunUnknown;

pub(super) fn run_failed(error: &ErrorBody) -> StreamError {
    let words = match &error.name {
        Some(name) if *name != error.message => [name, ": ", &error.message].concat(),
        Some(_) | None => error.message.clone(),
    };
    StreamError::new(ErrorCode::RunFailed).with_detail(words)
}

fn wire_error(error: &WireError) -> StreamError {
    let code = ErrorCode::ALL
        .iter()
        .find(|code| code.as_str() == error.code());
    StreamError::new(code.copied().unwrap_or(ErrorCode::EventDataInvalid))
        .with_detail(error.words())
}

impl super::follow::Follow {
    fn link_is_empty(&self) -> bool {
        self.link.as_ref().is_some_and(|link| !link.progressed)
    }
}
