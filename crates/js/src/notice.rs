//! Notices: facts that are told once, as they happen.

use crate::{
    host::{Host, rethrow_later, strings},
    json,
};
use rejoin_core::Notice;

/// Tells the host.
pub(crate) fn tell(host: &Host, notice: &Notice) {
    let (kind, json) = match notice {
        Notice::EventApplied(event) => {
            let name = event.name.as_str();
            let id = event.id.as_ref().map(|id| id.as_str());
            let namespace = strings(&mut event.namespace.iter().map(String::as_str));
            return rethrow_later(host.event(id, name, &namespace, event.data.text()));
        }
        Notice::Concluded { command, outcome } => {
            let error = outcome.error().map(json::error);
            let command = command.0 as u32;
            return rethrow_later(host.concluded(command, outcome.as_str(), error.as_deref()));
        }
        // The first is part of the next frame's status, the others are for timelines, which the package has none of.
        Notice::ConnectionChanged(_)
        | Notice::AttemptOpened { .. }
        | Notice::AttemptEnded { .. }
        | Notice::StartedOver { .. } => return,
        Notice::Created { run_id, thread_id } => {
            let (run_id, thread_id) = (run_id.as_str(), thread_id.as_str());
            let fields = [("run_id", run_id), ("thread_id", thread_id)];
            ("created", json::object(&fields))
        }
        Notice::ThreadCreated { thread_id } => (
            "thread_created",
            json::object(&[("thread_id", thread_id.as_str())]),
        ),
        Notice::Warning(error) => ("warning", json::error(error)),
        Notice::StorageFailed { code } => {
            ("storage_failed", json::object(&[("code", code.as_str())]))
        }
        Notice::ExtrasWanted => ("extras_wanted", "{}".to_owned()),
        Notice::Ended { run_id, outcome } => ("ended", json::ended(run_id.as_ref(), outcome)),
    };
    rethrow_later(host.notice(kind, &json));
}
