//! The past events: the timeline's entries, the notices above the conversation, and the agent's progress.

use leptos::prelude::*;
use rejoin_leptos::{prelude::*, wire::event::EventName};
use serde::Deserialize;

/// How many entries the timeline keeps; the oldest go first.
const ENTRIES_MAX: usize = 400;
/// How much of an event's data the timeline keeps, in characters.
const DETAIL_CHARS_MAX: usize = 600;

/// One line of the timeline.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) number: u64,
    /// Wall-clock time, `14:03:07.250`.
    pub(crate) time: String,
    /// A stable word, for colour: run, connection, good, event, warning, error.
    pub(crate) kind: &'static str,
    pub(crate) words: String,
    /// More, for who opens the entry.
    pub(crate) detail: Option<String>,
}

/// Something that was wrong and was dealt with.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Banner {
    pub(crate) code: &'static str,
    pub(crate) text: String,
    /// How often it has happened since it was dismissed.
    pub(crate) times: u32,
}

/// How far an agent says it is.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Progress {
    /// Percent.
    #[serde(rename = "progress")]
    pub(crate) percent: f64,
    #[serde(default, alias = "where", alias = "message", alias = "label")]
    pub(crate) note: Option<String>,
}

/// All three, as signals.
#[derive(Clone, Copy)]
pub(crate) struct Activity {
    pub(crate) entries: RwSignal<Vec<Entry>>,
    pub(crate) banners: RwSignal<Vec<Banner>>,
    pub(crate) progress: RwSignal<Option<Progress>>,
    next: StoredValue<u64>,
}

impl Activity {
    pub(crate) fn new() -> Self {
        Self {
            entries: RwSignal::new(Vec::new()),
            banners: RwSignal::new(Vec::new()),
            progress: RwSignal::new(None),
            next: StoredValue::new(0),
        }
    }

    /// Takes note of what the client tells.
    pub(crate) fn take(self, notice: &Notice) {
        match notice {
            Notice::Created { run_id, thread_id } => {
                self.progress.set(None);
                self.add(
                    "run",
                    "Run created".to_owned(),
                    Some(format!("run {run_id}\nthread {thread_id}")),
                );
            }
            Notice::ThreadCreated { thread_id } => {
                self.add("run", "New thread".to_owned(), Some(thread_id.to_string()))
            }
            Notice::EventApplied(event) => self.take_event(event),
            Notice::ConnectionChanged(connection) => self.take_connection(*connection),
            Notice::AttemptOpened {
                tries,
                last_event_id,
            } => {
                let words = if *tries == 0 {
                    "A connection is opened".to_owned()
                } else {
                    format!("A connection is opened, attempt {tries}")
                };
                self.add(
                    "connection",
                    words,
                    last_event_id
                        .as_ref()
                        .map(|id| format!("Last-Event-ID: {id}")),
                );
            }
            Notice::AttemptEnded { reason } => {
                self.add("connection", format!("Connection over: {reason}"), None)
            }
            Notice::Warning(error) => self.warn(error),
            Notice::StartedOver { run_id } => {
                self.add(
                    "warning",
                    "The server started the run over".to_owned(),
                    Some(run_id.to_string()),
                );
            }
            Notice::StorageFailed { code } => self.warn(&StreamError::new(*code)),
            Notice::Ended { run_id, outcome } => {
                self.progress.set(None);
                self.add(
                    outcome_kind(outcome),
                    outcome_words(outcome),
                    run_id.as_ref().map(|id| format!("run {id}")),
                );
            }
            Notice::ExtrasWanted | Notice::Concluded { .. } => {}
        }
    }

    /// Takes a notice away.
    pub(crate) fn dismiss(self, code: &'static str) {
        self.banners
            .update(|banners| banners.retain(|banner| banner.code != code));
    }

    /// Another thread: what was said of the last one is over.
    pub(crate) fn turn(self) {
        self.progress.set(None);
        self.banners.update(Vec::clear);
    }

    fn take_connection(self, connection: Connection) {
        let words = || (StatusWords::ENGLISH.state)(&StreamStatus::new(connection));
        let (kind, words) = match connection {
            Connection::Reconnecting {
                attempt,
                retry_at: Some(_),
            } => ("warning", format!("Waiting before attempt {attempt}")),
            // The connection that is opened is told by itself.
            Connection::Reconnecting { retry_at: None, .. } | Connection::Connecting => return,
            Connection::Live | Connection::CatchingUp | Connection::Finished => ("good", words()),
            Connection::Stalled
            | Connection::Offline
            | Connection::Paused
            | Connection::Expired => ("warning", words()),
            Connection::Failed => ("error", words()),
            Connection::Idle | Connection::Saved | Connection::Disconnected => {
                ("connection", words())
            }
        };
        self.add(kind, words, None);
    }

    fn take_event(self, event: &Event) {
        if event.name == EventName::Custom
            && let Ok(progress) = event.data.read::<Progress>()
            && progress.percent.is_finite()
        {
            self.progress.set(Some(progress));
        }
        let path = if event.is_root() {
            String::new()
        } else {
            format!(" from {}", event.namespace.join(" › "))
        };
        let text = event.data.text();
        let end = text
            .char_indices()
            .nth(DETAIL_CHARS_MAX)
            .map_or(text.len(), |(end, _)| end);
        let more = if end < text.len() { "…" } else { "" };
        let id = event
            .id
            .as_ref()
            .map(|id| format!("id {id}\n"))
            .unwrap_or_default();
        let kind = if event.name == EventName::Error {
            "error"
        } else {
            "event"
        };
        self.add(
            kind,
            format!("Event {}{path}", event.name.as_str()),
            Some(format!("{id}{}{more}", &text[..end])),
        );
    }

    fn warn(self, error: &StreamError) {
        let code = error.code.as_str();
        self.add("warning", error.message.clone(), Some(code.to_owned()));
        self.banners.update(|banners| {
            match banners.iter_mut().find(|banner| banner.code == code) {
                Some(banner) => {
                    banner.times += 1;
                    banner.text.clone_from(&error.message);
                }
                None => banners.push(Banner {
                    code,
                    text: error.message.clone(),
                    times: 1,
                }),
            }
        });
    }

    fn add(self, kind: &'static str, words: String, detail: Option<String>) {
        // A last notice may come while the conversation is taken down.
        let Some(number) = self.next.try_get_value() else {
            return;
        };
        self.next.set_value(number + 1);
        let entry = Entry {
            number,
            time: time_of_day(),
            kind,
            words,
            detail,
        };
        self.entries.update(|entries| {
            if entries.len() >= ENTRIES_MAX {
                entries.remove(0);
            }
            entries.push(entry);
        });
    }
}

fn outcome_words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Finished => "Finished while connected".to_owned(),
        Outcome::Replayed => "Finished; the missed part was replayed".to_owned(),
        Outcome::SnapshotThenTail => {
            "Finished; the missed part came from the thread's state".to_owned()
        }
        Outcome::Expired => {
            "The server has forgotten the run; the thread's history is shown".to_owned()
        }
        Outcome::TimedOut => {
            "The run could not be followed in time; the thread's history is shown".to_owned()
        }
        Outcome::Denied(error) | Outcome::Failed(error) => error.message.clone(),
        Outcome::Cancelled => "The agent was stopped".to_owned(),
        Outcome::Disconnected => "Disconnected; the agent goes on".to_owned(),
        Outcome::NothingToJoin => "There is nothing to join".to_owned(),
        Outcome::Superseded => "Dropped for a later question".to_owned(),
        Outcome::Dropped => "Never sent: the run before it failed".to_owned(),
        other => other.as_str().replace('_', " "),
    }
}

fn outcome_kind(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Denied(_) | Outcome::Failed(_) => "error",
        Outcome::Expired | Outcome::TimedOut => "warning",
        _ => "run",
    }
}

fn time_of_day() -> String {
    let now = js_sys::Date::new_0();
    format!(
        "{:02}:{:02}:{:02}.{:03}",
        now.get_hours(),
        now.get_minutes(),
        now.get_seconds(),
        now.get_milliseconds()
    )
}
