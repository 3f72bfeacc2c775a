//! What has changed since the host was told last.

use crate::{
    host::{Host, rethrow_later, strings},
    text::{editable, status},
};
use rejoin_browser::{Stream, now};
use rejoin_core::{
    MessageOrigin, MessageSlot, Millis, View,
    wire::{MessageId, json::ToJson, message::Content},
};
use std::{cell::RefCell, rc::Rc};

/// What the host knows.
#[derive(Default)]
pub(crate) struct Sent {
    revision: u64,
    status: String,
    editable: String,
    growing: Growing,
    /// The subgraphs that have a list of their own.
    namespaces: Vec<Rc<str>>,
}

/// The messages that were sent last, with the bytes of their text: of these only what they have grown by has to be sent.
/// One that is not among them any more is sent whole.
#[derive(Default)]
struct Growing(Vec<Grown>);

struct Grown {
    ns: Rc<str>,
    id: MessageId,
    text_bytes: usize,
}

/// Messages that can stream at the same time without being sent whole again and again.
const GROWING_MAX: usize = 32;

/// One call. Lists are named by their namespace, joined by `|`; the thread's own is "".
enum Call {
    Status(String),
    Order(Rc<str>, Vec<MessageId>),
    Message(Rc<str>, MessageId, String, MessageOrigin),
    Append(Rc<str>, MessageId, String),
    Changed(u32),
}

/// Tells the host what has changed. What to tell is copied first, as the host's functions may change it.
pub(crate) fn show(stream: &Stream, sent: &RefCell<Sent>, host: &Host) {
    let (calls, revision) = stream.with_view(|view| {
        let mut sent = sent.borrow_mut();
        (sent.calls(view), sent.revision)
    });
    for call in calls {
        rethrow_later(match call {
            Call::Status(json) => host.status(&json),
            Call::Order(ns, ids) => host.order(&ns, &strings(ids.iter().map(MessageId::as_str))),
            Call::Message(ns, id, json, origin) => {
                host.message(&ns, id.as_str(), &json, origin_word(origin))
            }
            Call::Append(ns, id, text) => host.append(&ns, id.as_str(), &text),
            Call::Changed(what) => host.changed(what),
        });
    }
    rethrow_later(host.commit(revision as f64));
}

fn origin_word(origin: MessageOrigin) -> &'static str {
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
        self.list(
            &Rc::from(""),
            view.messages(),
            changes.order,
            since,
            &mut calls,
        );
        let mut gone = std::mem::take(&mut self.namespaces);
        for subgraph in view.subgraphs() {
            let known = gone.iter().position(|ns| **ns == *subgraph.namespace);
            let ns = known.map_or_else(|| Rc::from(subgraph.namespace), |at| gone.swap_remove(at));
            let order = known.is_none() || subgraph.order_revision > since;
            self.list(&ns, subgraph.messages, order, since, &mut calls);
            self.namespaces.push(ns);
        }
        calls.extend(gone.into_iter().map(|ns| Call::Order(ns, Vec::new())));
        let parts = [
            changes.values,
            changes.interrupts,
            changes.history,
            changes.head,
            self.editable_differs(view, &calls),
        ];
        // The contract's bits are these places.
        let what = parts
            .iter()
            .rev()
            .fold(0, |bits, part| bits << 1 | u32::from(*part));
        if what != 0 {
            calls.push(Call::Changed(what));
        }
        calls
    }

    /// While only text grows, what can be edited stays the same.
    fn editable_differs(&mut self, view: View<'_>, calls: &[Call]) -> bool {
        if calls.iter().all(|call| matches!(call, Call::Append(..))) {
            return false;
        }
        let editable = editable(view);
        let differs = editable != self.editable;
        self.editable = editable;
        differs
    }

    fn list(
        &mut self,
        ns: &Rc<str>,
        slots: &[MessageSlot],
        order: bool,
        since: u64,
        calls: &mut Vec<Call>,
    ) {
        if order {
            let ids = slots.iter().map(|slot| slot.id().clone());
            calls.push(Call::Order(Rc::clone(ns), ids.collect()));
        }
        for slot in slots.iter().filter(|slot| slot.revision > since) {
            calls.push(self.growing.call(ns, slot, since));
        }
    }
}

impl Growing {
    fn call(&mut self, ns: &Rc<str>, slot: &MessageSlot, since: u64) -> Call {
        let sent = self
            .0
            .iter()
            .position(|grown| grown.id == *slot.id() && grown.ns == *ns);
        let sent = sent.map(|at| self.0.remove(at));
        let id = slot.id().clone();
        if let Content::Text(text) = &slot.message.content {
            if self.0.len() >= GROWING_MAX {
                self.0.remove(0);
            }
            self.0.push(Grown {
                ns: Rc::clone(ns),
                id: id.clone(),
                text_bytes: text.len(),
            });
            let more = sent.filter(|_| slot.reshaped <= since);
            if let Some(more) = more.and_then(|sent| text.get(sent.text_bytes..)) {
                return Call::Append(Rc::clone(ns), id, more.to_owned());
            }
        }
        let json = slot.message.to_json();
        Call::Message(Rc::clone(ns), id, json, slot.origin)
    }
}
