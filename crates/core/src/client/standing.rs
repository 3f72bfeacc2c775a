//! How a thread stands when it is entered, and what it says of its last run.

use super::{
    answer::{Answer, run_failed},
    known_run::active_run,
    recovery::{Purpose, Verdict},
};
use crate::StreamError;
use rejoin_wire::{
    Json,
    event::ErrorBody,
    json::{JsonError, Lenient, Oddities, parts},
    thread::ThreadStatus,
};

/// The standing of a thread that is entered, as far as the client asks for it.
#[derive(Debug)]
pub(super) enum Standing {
    Idle,
    /// It has an active run.
    Busy,
    /// Its last run failed.
    Failed(StreamError),
}

/// The last run of a thread, as the thread tells of it.
pub(super) struct LastRun {
    pub(super) status: ThreadStatus,
    pub(super) failure: Option<StreamError>,
    pub(super) values: Option<Json>,
}

/// Whether these are values to compare with the state's: only an object is.
fn is_values(values: &Json) -> bool {
    values.text().starts_with('{')
}

impl Lenient for LastRun {
    fn read(text: &str, odd: &mut Oddities) -> Result<Self, JsonError> {
        let [status, error, values] = parts(text, &["status", "error", "values"])?;
        let said: Option<Json> = odd.field("error", error);
        Ok(Self {
            status: ThreadStatus::read_field(status, odd),
            failure: said.map(|said| run_failed(&ErrorBody::read(&said))),
            values: odd.field("values", values).filter(is_values),
        })
    }
}

impl Standing {
    pub(super) fn of(status: ThreadStatus, failure: Option<StreamError>) -> Self {
        match (status, failure) {
            (ThreadStatus::Busy, _) => Self::Busy,
            (ThreadStatus::Error, Some(error)) => Self::Failed(error),
            (
                ThreadStatus::Idle
                | ThreadStatus::Interrupted
                | ThreadStatus::Error
                | ThreadStatus::Unknown,
                _,
            ) => Self::Idle,
        }
    }

    /// A thread that the server does not have may have a session all the same.
    pub(super) fn of_runs(answer: &Answer<'_>) -> Result<Self, StreamError> {
        match answer.read_runs() {
            Ok(runs) if active_run(&runs).is_some() => Ok(Self::Busy),
            Ok(_) => Ok(Self::Idle),
            Err(_) if Purpose::Load.verdict(answer.failure()) == Verdict::Gone => Ok(Self::Idle),
            Err(error) => Err(error),
        }
    }
}
