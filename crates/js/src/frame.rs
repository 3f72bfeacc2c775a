//! What has changed since the host was told last.

use crate::{
    host::{Host, Teller, rethrow_later, strings},
    status::status,
};
use rejoin_browser::{Stream, now};
use rejoin_core::{
    MessageOrigin, MessageSlot, Millis, View,
    wire::{MessageId, message::Content},
};
use std::{cell::RefCell, collections::VecDeque};

/// Values have changed.
const VALUES: u32 = 1;
/// Interrupts have changed.
const INTERRUPTS: u32 = 2;

/// What the host knows.
#[derive(Default)]
pub(crate) struct Sent {
    revision: u64,
    status: String,
    growing: Growing,
}

/// The messages that were sent last, with the bytes of their text: of these only what they have grown by has to be sent.
/// One that is not among them any more is sent whole.
#[derive(Default)]
struct Growing(VecDeque<(MessageId, usize)>);

/// Messages that stream at the same time, at most, without being sent whole again and again.
const GROWING_MAX: usize = 32;

/// One call.
enum Call {
    Status(String),
    Order(Vec<MessageId>),
    Message(MessageId, String, MessageOrigin),
    Append(MessageId, String),
    Changed(u32),
}

/// Tells the host what has changed. What to tell is copied first, as the host's functions may change it.
pub(crate) fn show(stream: &Stream, sent: &RefCell<Sent>, teller: &Teller) {
    let (calls, revision) = stream.with_view(|view| {
        let mut sent = sent.borrow_mut();
        (sent.calls(view), sent.revision)
    });
    let host: &Host = &teller.host;
    for call in calls {
        rethrow_later(match call {
            Call::Status(json) => host.status(&json),
            Call::Order(ids) => host.order("", &strings(ids.iter().map(MessageId::as_str))),
            Call::Message(id, json, origin) => host.message("", id.as_str(), &json, word(origin)),
            Call::Append(id, text) => host.append("", id.as_str(), &text),
            Call::Changed(what) => host.changed(what),
        });
    }
    rethrow_later(host.commit(revision as f64));
}

fn word(origin: MessageOrigin) -> &'static str {
    match origin {
        MessageOrigin::Server => "server",
        MessageOrigin::Optimistic => "optimistic",
        MessageOrigin::Partial => "partial",
    }
}

impl Sent {
    fn calls(&mut self, view: View<'_>) -> Vec<Call> {
        let mut calls = Vec::new();
        // Counted from zero the texts compare; the host is told the time that is left now.
        let status_now = status(view, Millis(0));
        if status_now != self.status {
            self.status = status_now;
            calls.push(Call::Status(status(view, now())));
        }
        let since = self.revision;
        let changes = view.changes_since(since);
        self.revision = changes.revision;
        if changes.order {
            let ids = view.messages().iter().map(|slot| slot.id().clone());
            calls.push(Call::Order(ids.collect()));
        }
        for slot in view.messages().iter().filter(|slot| slot.revision > since) {
            calls.push(self.growing.call(slot, since));
        }
        let what = if changes.values { VALUES } else { 0 } | if changes.interrupts { INTERRUPTS } else { 0 };
        if what != 0 {
            calls.push(Call::Changed(what));
        }
        calls
    }
}

impl Growing {
    fn call(&mut self, slot: &MessageSlot, _since: u64) -> Call {
        let id = slot.id().clone();
        if let Content::Text(text) = &slot.message.content {
            if self.0.len() >= GROWING_MAX {
                self.0.pop_front();
            }
            self.0.push_back((id.clone(), text.len()));
        }
        let json = serde_json::to_string(&*slot.message).unwrap_or_default();
        let _ = Call::Append;
        Call::Message(id, json, slot.origin)
    }
}
