//! Whether a run's stream goes on where it was left: its first event, missing events, and a `metadata` event that begins the run anew.

use super::{
    Client,
    link::{Asks, Start},
    run::{Completeness, Doubt, Run},
};
use crate::{
    ErrorCode, Notice,
    cursor::event_hash,
    hash::{HASH_OF_NOTHING, hashed},
    thread_store::Attempt,
};
use rejoin_wire::{
    EventId, Json,
    event::{Event, EventName, RunMetadata},
    json::{field, whole_number},
    message::{Message, MessageKind},
};

impl Client {
    /// Whether the stream begins where it was asked to, which its first event tells. False: the event is not applied now.
    ///
    /// | asked for | first event | what follows |
    /// | --- | --- | --- |
    /// | all | the run's `metadata`, or the event that it began with | it is applied |
    /// | all | a `metadata` that may only be repeated | it is applied; the event after it tells |
    /// | all | another, with an id | the cursor was ignored: see [`Client::cursor_ignored`] |
    /// | all | another | it may be the middle of a message: see [`Client::doubt`] |
    /// | events after the cursor | one that was had after the cursor | the cursor was honoured |
    /// | events after the cursor | the run's `metadata` | the event after it tells: one that was had, and the `metadata` is only repeated; else, where the `metadata` is a new one, the run has started over |
    /// | events after the cursor | another | the cursor was ignored: see [`Client::cursor_ignored`] |
    pub(super) fn check_start(&mut self, run: &mut Run, event: &Event, hash: u64) -> bool {
        let is_metadata = is_metadata(event);
        let Some(link) = self.phase.link_mut() else {
            return false;
        };
        let says_unknown = event.name == EventName::Error && link.is_join();
        if matches!(link.start, Start::Verified) || says_unknown {
            return true;
        }
        let before = std::mem::replace(&mut link.start, Start::Verified);
        match link.asks {
            Asks::Post | Asks::All if is_metadata && may_be_repeated(run, event) => {
                link.start = Start::Metadata(event.clone());
                true
            }
            Asks::Post => {
                run.cursor.begin_with(hash);
                true
            }
            Asks::Feed => true,
            Asks::All if is_metadata || run.cursor.begins_with(hash) => true,
            // It is all that can be known where nothing of the run was had.
            Asks::All
                if matches!(before, Start::Metadata(_))
                    && event.id.is_none()
                    && !run.cursor.knows_beginning() =>
            {
                true
            }
            Asks::All => {
                let in_doubt = run.doubt().is_some();
                if event.id.is_some() && !in_doubt && !self.cursor_in_query {
                    return self.cursor_ignored(run);
                }
                if !in_doubt && !run.recent.contains(hash) {
                    // The server replays no missed event, so the screen stays as it is until the next `values`.
                    run.replay = Some(Box::new(self.store.joined_midway()));
                }
                self.doubt(run);
                true
            }
            // Filtered events, and a place given by hand, tell nothing.
            Asks::AfterCursor if !run.join_modes.is_empty() || run.cursor.tail().is_empty() => true,
            Asks::AfterCursor if run.cursor.tail().contains(&hash) => true,
            Asks::AfterCursor => match before {
                Start::Unknown if is_metadata => {
                    link.start = Start::Metadata(event.clone());
                    false
                }
                Start::Metadata(metadata) if begins_anew(run, &metadata) => {
                    let hash = event_hash(&metadata);
                    self.metadata_arrived(run, metadata, hash);
                    true
                }
                Start::Unknown | Start::Metadata(_) | Start::Verified => self.cursor_ignored(run),
            },
        }
    }

    /// The server has sent something else than the events after the cursor, so there may be a hole. All events are asked for once,
    /// with the cursor in the query as well, as proxies drop headers. If that does not help, later joins only doubt. Whether the
    /// event is to be applied.
    pub(super) fn cursor_ignored(&mut self, run: &mut Run) -> bool {
        if run.doubt().is_none() && !std::mem::replace(&mut self.cursor_in_query, true) {
            self.warn_code(ErrorCode::CursorIgnored);
            self.ask_for_all(run, "the cursor was ignored; all events are asked for");
            return false;
        }
        self.doubt(run);
        true
    }

    pub(super) fn ask_for_all(&mut self, run: &mut Run, reason: &'static str) {
        run.cursor.rewind();
        run.replay = None;
        self.close_link(reason);
        self.reopen(run);
    }

    /// Dense ids tell when events are missing. The first time everything is asked for again.
    pub(super) fn finds_gap(&mut self, run: &mut Run, event: &Event) -> bool {
        if self.is_stream_only() || run.doubt().is_some() {
            return false;
        }
        let id = event.id.as_ref();
        if !id.is_some_and(|id| run.cursor.misses_events_before(id)) {
            return false;
        }
        if std::mem::replace(&mut run.gap_replayed, true) {
            self.doubt(run);
            return false;
        }
        self.ask_for_all(run, "events are missing; all are asked for");
        true
    }

    /// Messages that have begun may have a hole from here on.
    pub(super) fn doubt(&mut self, run: &mut Run) {
        let doubt = Doubt {
            messages: self.store.unconfirmed(),
            ..Doubt::default()
        };
        let doubt = Completeness::Partial { doubt: Some(doubt) };
        let before = std::mem::replace(&mut run.completeness, doubt);
        if !matches!(before, Completeness::Partial { doubt: Some(_) }) {
            self.warn_code(ErrorCode::EventsMissing);
        }
    }

    pub(super) fn metadata_arrived(&mut self, run: &mut Run, event: Event, hash: u64) {
        let read = self.reading("metadata", |_, odd| event.metadata(odd));
        let Some(RunMetadata { run_id, .. }) = read else {
            return self.applied(run, event, hash);
        };
        let is_known = run.cursor.attempt.is_some();
        if !is_known && run.submission.is_none() {
            self.drop_earlier_questions();
        }
        let begins_anew = begins_anew(run, &event);
        let began = match (begins_anew, run.cursor.metadata) {
            (false, Some(began)) => began,
            (true, _) | (false, None) => beginning_of(&event),
        };
        run.cursor.attempt = Some(attempt_of(&event));
        run.cursor.metadata = Some(began);
        self.run_named(run, run_id.clone());
        // The server has begun the run anew, as Python does after a restart: its first attempt is void.
        let starts_over = is_known && begins_anew;
        if starts_over {
            run.cursor.rewind();
            run.replay = None;
            if let Completeness::Partial { doubt } = &mut run.completeness {
                *doubt = None;
            }
        }
        let attempt = Attempt::new(&run_id, began);
        self.store.begin_attempt(attempt, starts_over);
        if let Some(replay) = &mut run.replay {
            replay.begin_attempt(attempt, starts_over);
        }
        if starts_over {
            self.notify(Notice::StartedOver { run_id });
        }
        self.applied(run, event, hash);
    }

    /// Somebody else's run has begun, so the questions from before it are answered, or void. The run tells its own, and the state
    /// those that are open in the end, also if the run is left before.
    fn drop_earlier_questions(&mut self) {
        self.store.answer_interrupts(None);
        self.state_not_read();
    }
}

impl Doubt {
    /// Whether a message may have begun before the missing events. A message of a later step of the graph has not, and neither has a
    /// whole message.
    pub(super) fn may_be_torn(&mut self, message: &Message, metadata: &Json) -> bool {
        let Some(id) = &message.id else { return false };
        let step = step_of(metadata);
        let first = self.step.or(step);
        self.step = first;
        if self.messages.contains(id) {
            return true;
        }
        let is_later = step > first && first.is_some();
        if self.step_seen || is_later || message.kind != MessageKind::Ai {
            return false;
        }
        self.messages.push(id.clone());
        true
    }
}

/// Whether it says which run this is.
pub(super) fn is_metadata(event: &Event) -> bool {
    event.name == EventName::Metadata && event.is_root()
}

/// The attempt, and its run, that an event says that it begins. The event's other fields, such as the time, may change when it
/// is repeated.
pub(super) fn attempt_of(event: &Event) -> u64 {
    let text = event.data.text();
    let part = |name: &str| field(text, name).unwrap_or_default();
    hashed(hashed(HASH_OF_NOTHING, part("run_id")), part("attempt"))
}

/// The same, and where in the run's events it stands: a server that was restarted counts its attempts anew.
fn beginning_of(event: &Event) -> u64 {
    let id = event.id.as_ref().map_or("", EventId::as_str);
    hashed(attempt_of(event), id)
}

/// Whether a `metadata` that comes first on a connection may be the server's way to begin each connection. Such a one has no place
/// among the run's events, and names the attempt that is known.
fn may_be_repeated(run: &Run, metadata: &Event) -> bool {
    let known = run.cursor.attempt;
    metadata.id.is_none() && known.is_none_or(|known| known == attempt_of(metadata))
}

/// Whether a `metadata` begins another attempt than the one that is known.
fn begins_anew(run: &Run, metadata: &Event) -> bool {
    match metadata.id {
        None => run.cursor.attempt != Some(attempt_of(metadata)),
        Some(_) => run.cursor.metadata != Some(beginning_of(metadata)),
    }
}

/// The graph's step that a message belongs to; `None` where the server does not say, and within subgraphs, which count their own.
fn step_of(metadata: &Json) -> Option<u64> {
    let text = metadata.text();
    let is_nested = field(text, "langgraph_checkpoint_ns").is_some_and(|ns| ns.contains('|'));
    let step = field(text, "langgraph_step").filter(|_| !is_nested)?;
    whole_number(step)
}
