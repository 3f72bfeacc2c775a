//! The scripts that run in Redis.

use redis::{Script, ScriptInvocation};
use rejoin_wire::{MessageId, json::ToJson as _, session::Change};

/// Each is sent once per run of Redis, and named by its hash from then on.
pub(super) struct Scripts {
    pub(super) append: Script,
    pub(super) messages: Script,
    pub(super) compact: Script,
    pub(super) trim: Script,
    pub(super) delete: Script,
    pub(super) orphans: Script,
}

impl Scripts {
    pub(super) fn new() -> Self {
        Self {
            append: Script::new(include_str!("append.lua")),
            messages: Script::new(include_str!("messages.lua")),
            compact: Script::new(include_str!("compact.lua")),
            trim: Script::new(include_str!("trim.lua")),
            delete: Script::new(include_str!("delete.lua")),
            orphans: Script::new(include_str!("orphans.lua")),
        }
    }
}

/// A change as `append.lua` takes it: what it decides by, and the change as it is stored.
pub(super) fn add_change(script: &mut ScriptInvocation<'_>, change: &Change) {
    let at = match change {
        Change::Appended { at, .. } | Change::Updated { at, .. } => *at,
        Change::Started { .. } | Change::Ended { .. } | Change::Removed { .. } => 0,
    };
    let status = match change {
        Change::Ended { status, .. } => Some(status),
        Change::Started { .. }
        | Change::Appended { .. }
        | Change::Updated { .. }
        | Change::Removed { .. } => None,
    };
    script
        .arg(change.kind())
        .arg(change.message_id().map_or("", MessageId::as_str))
        .arg(at)
        .arg(status.map_or("", |status| status.as_str()))
        .arg(status.and_then(|status| status.reason()).unwrap_or(""))
        .arg(change.to_json());
}
