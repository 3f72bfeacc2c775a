//! The events of a run: a reader's position in its log.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Bytes,
    http::{HeaderValue, header},
    response::Response,
};
use rejoin_wire::request::StreamMode;
use tokio::sync::watch;

use super::event_stream::event_stream;

use crate::{
    error::ServerError,
    ids::{RunId, ThreadId},
    live::{CancelAction, LiveEvent, LiveRun, Tail},
    scheduler::Scheduler,
    tables::Rows,
};

/// Events put into one write.
const EVENTS_PER_CHUNK_MAX: usize = 256;

/// The source of a reader's events.
pub(crate) enum Source {
    /// A run that is pending or running, from this position.
    Live {
        /// The run.
        run: Arc<LiveRun>,
        /// The position of the next event.
        at: usize,
    },
    /// The stored log of a run that is over, from this number.
    Stored {
        /// The run.
        run: RunId,
        /// The number of the next event.
        at: u64,
    },
}

/// Whether a stream mode's events hold only what the run says, and nothing that was said before.
pub(crate) fn is_only_new(mode: &StreamMode) -> bool {
    match mode {
        StreamMode::Messages
        | StreamMode::MessagesTuple
        | StreamMode::Updates
        | StreamMode::Custom => true,
        // The others hold the state, or what this version does not know.
        _ => false,
    }
}

/// Refuses a stream mode whose events this server does not have.
///
/// # Errors
/// [`ServerError::NotImplemented`], with its name.
pub(super) fn check_mode(mode: StreamMode) -> Result<(), ServerError> {
    match mode {
        StreamMode::Values
        | StreamMode::Messages
        | StreamMode::MessagesTuple
        | StreamMode::Updates
        | StreamMode::Debug
        | StreamMode::Tasks
        | StreamMode::Checkpoints
        | StreamMode::Custom => Ok(()),
        StreamMode::Events | StreamMode::Tools => {
            let text = format!("the stream mode {:?}", mode.as_str());
            Err(ServerError::NotImplemented(text))
        }
    }
}

/// The events that a reader wants; `metadata` and `error` always pass.
pub(crate) struct Filter {
    modes: Option<Vec<StreamMode>>,
    /// Whether events that hold the whole state pass.
    with_state: bool,
}

impl Filter {
    /// Everything the run produces.
    pub(crate) fn all() -> Self {
        Self {
            modes: None,
            with_state: true,
        }
    }

    /// Reads `?stream_mode=`: one mode, several separated by commas, or a JSON array. An empty list is no filter.
    ///
    /// # Errors
    /// [`ServerError::InvalidRequest`] for an unknown mode; the errors of [`check_mode`].
    pub(crate) fn parse(text: Option<&str>, with_state: bool) -> Result<Self, ServerError> {
        let text = text.unwrap_or_default();
        let list = serde_json::from_str::<Vec<String>>(text).unwrap_or_else(|_| {
            let words = text.split(',').map(|mode| mode.trim().to_owned());
            words.filter(|_| !text.is_empty()).collect()
        });
        let read = |word: &String| {
            let unknown =
                || ServerError::InvalidRequest(format!("no stream mode is called {word:?}"));
            let mode = StreamMode::from_wire(word).ok_or_else(unknown)?;
            check_mode(mode).map(|()| mode)
        };
        let modes: Vec<StreamMode> = list.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Self {
            modes: (!modes.is_empty()).then_some(modes),
            with_state,
        })
    }

    fn passes(&self, event: &str) -> bool {
        let base = event.split(['|', '/']).next().unwrap_or(event);
        if matches!(base, "metadata" | "error") {
            return true;
        }
        let is_only_new = matches!(base, "messages" | "updates" | "custom");
        // Both kinds of messages have events of the same name.
        let name = |mode: &StreamMode| match mode {
            StreamMode::MessagesTuple => StreamMode::Messages.as_str(),
            mode => mode.as_str(),
        };
        let is_asked_for = |modes: &Vec<StreamMode>| modes.iter().any(|mode| name(mode) == base);
        (is_only_new || self.with_state) && self.modes.as_ref().is_none_or(is_asked_for)
    }
}

/// The request of a reader.
pub(crate) struct Reading {
    pub(crate) source: Source,
    pub(crate) filter: Filter,
    /// Stop the run when this reader goes away.
    pub(crate) cancel_on_disconnect: bool,
    pub(crate) heartbeat: Duration,
}

/// The answer that streams a run.
pub(crate) fn respond(
    scheduler: &Arc<Scheduler>,
    thread: ThreadId,
    run: RunId,
    reading: Reading,
) -> Response {
    let guard = match &reading.source {
        Source::Live { run, .. } if reading.cancel_on_disconnect => {
            Some(CancelOnDrop::new(run, scheduler))
        }
        Source::Live { .. } | Source::Stored { .. } => None,
    };
    let changed = match &reading.source {
        Source::Live { run, .. } => run.watch(),
        Source::Stored { .. } => watch::Sender::new(()).subscribe(),
    };
    let reader = Reader {
        scheduler: Arc::clone(scheduler),
        source: reading.source,
        filter: reading.filter,
        changed,
        guard,
    };
    let chunks = futures_util::stream::unfold(reader, |mut reader| async move {
        let chunk = reader.next().await?;
        Some((chunk, reader))
    });
    let mut response = event_stream(chunks, reading.heartbeat, scheduler.stopping());
    locate(&mut response, thread, run);
    response
}

/// Says where the run is. `Content-Location` is the header both real servers expose to pages.
pub(crate) fn locate(response: &mut Response, thread: ThreadId, run: RunId) {
    let path = format!("/threads/{thread}/runs/{run}");
    let stream = HeaderValue::from_str(&format!("{path}/stream")).expect("a UUID path is ASCII");
    response.headers_mut().insert(header::LOCATION, stream);
    let path = HeaderValue::from_str(&path).expect("a UUID path is ASCII");
    response
        .headers_mut()
        .insert(header::CONTENT_LOCATION, path);
}

struct Reader {
    scheduler: Arc<Scheduler>,
    source: Source,
    filter: Filter,
    changed: watch::Receiver<()>,
    guard: Option<CancelOnDrop>,
}

impl Reader {
    async fn next(&mut self) -> Option<Result<Bytes, ServerError>> {
        loop {
            let events = match &mut self.source {
                Source::Stored { run, at } => match stored(&self.scheduler, *run, *at) {
                    Ok(events) if events.is_empty() => return None,
                    Ok(events) => {
                        *at += events.len() as u64;
                        events
                    }
                    Err(error) => return Some(Err(error)),
                },
                Source::Live { run, at } => {
                    self.changed.mark_unchanged();
                    match run.read(*at, EVENTS_PER_CHUNK_MAX) {
                        Tail::Events(events) => {
                            *at += events.len();
                            events
                        }
                        Tail::End => {
                            if let Some(guard) = &mut self.guard {
                                guard.disarm();
                            }
                            return None;
                        }
                        Tail::Wait => {
                            // The sender is in the run, which this holds.
                            let _ = self.changed.changed().await;
                            continue;
                        }
                    }
                }
            };
            let chunk: Vec<u8> = events
                .iter()
                .filter(|event| self.filter.passes(&event.name))
                .flat_map(|event| event.frame.iter().copied())
                .collect();
            if !chunk.is_empty() {
                return Some(Ok(chunk.into()));
            }
        }
    }
}

fn stored(scheduler: &Scheduler, run: RunId, from: u64) -> Result<Vec<LiveEvent>, ServerError> {
    let events = scheduler
        .store
        .read()?
        .events(run, from, EVENTS_PER_CHUNK_MAX)?;
    Ok(events
        .iter()
        .map(|event| LiveEvent::new(&event.name, &event.data, Some(event.seq)))
        .collect())
}

/// Stops a run when its client goes away. If the server stops, that is no disconnect.
pub(super) struct CancelOnDrop {
    run: Arc<LiveRun>,
    stopping: watch::Receiver<bool>,
    armed: bool,
}

impl CancelOnDrop {
    pub(super) fn new(run: &Arc<LiveRun>, scheduler: &Scheduler) -> Self {
        Self {
            run: Arc::clone(run),
            stopping: scheduler.stopping(),
            armed: true,
        }
    }

    /// The run has ended the answer; that is no disconnect.
    pub(super) fn disarm(&mut self) {
        self.armed = false;
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        if self.armed && !*self.stopping.borrow() {
            self.run.cancel(CancelAction::Interrupt);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_reads_every_form_and_lets_metadata_and_errors_pass() {
        let check = |text: Option<&str>, event: &str, passes: bool| {
            assert_eq!(
                Filter::parse(text, true).unwrap().passes(event),
                passes,
                "{text:?} {event}"
            );
        };
        check(None, "custom", true);
        check(Some("values"), "values", true);
        check(Some("values"), "custom", false);
        check(Some("values"), "error", true);
        check(Some("values"), "metadata", true);
        check(Some(r#"["values","custom"]"#), "custom", true);
        check(Some("values, messages-tuple"), "messages", true);
        check(Some("messages"), "messages/partial", true);
        check(Some("values"), "values|child:1", true);
        check(Some(""), "values", true);
        check(Some("[]"), "values", true);
    }

    #[test]
    fn a_mode_that_is_unknown_or_not_here_is_refused() {
        for (text, code) in [
            ("nonsense", "invalid_request"),
            ("values,nonsense", "invalid_request"),
            (r#"["values",""]"#, "invalid_request"),
            (r#"["values""#, "invalid_request"),
            ("[1]", "invalid_request"),
            ("values,", "invalid_request"),
            ("events", "not_implemented"),
            (r#"["values","tools"]"#, "not_implemented"),
        ] {
            let refused = Filter::parse(Some(text), true).err();
            assert_eq!(refused.map(|error| error.code()), Some(code), "{text}");
        }
    }

    #[test]
    fn without_the_state_only_what_is_new_passes() {
        let check = |event: &str, passes: bool| {
            for modes in [
                None,
                Some("values,debug,tasks,checkpoints,messages,updates,custom"),
            ] {
                let filter = Filter::parse(modes, false).unwrap();
                assert_eq!(filter.passes(event), passes, "{modes:?} {event}");
            }
        };
        for event in [
            "messages",
            "messages/partial",
            "updates|a:1",
            "custom",
            "error",
        ] {
            check(event, true);
        }
        for event in [
            "values",
            "values|a:1",
            "debug",
            "tasks",
            "checkpoints",
            "events",
        ] {
            check(event, false);
        }
    }
}
