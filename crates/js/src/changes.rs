//! The changes since the last report to the host.

use crate::{
    extras::Extras,
    host::{Host, rethrow_later, strings},
    json::{self, node_facts, part},
};
use js_sys::Array;
use rejoin_browser::{Stream, now};
use rejoin_core::{
    FeedStatus, MessageOrigin, MessageSlot, Status, View, WaitingState,
    wire::{
        MessageId,
        message::{Content, Message},
    },
};
use std::{cell::RefCell, rc::Rc};

/// The facts that the host knows.
#[derive(Default)]
pub(crate) struct Sent {
    revision: u64,
    status: Option<Status>,
    /// How a session's feed stands, while a view is open.
    feed: Option<FeedStatus>,
    /// The position of the first of a session's messages that the host knows.
    first: u64,
    editable: String,
    /// For each waiting submission, the reason for waiting, and whether it is among the messages.
    waiting: Vec<(WaitingState, bool)>,
    growing: Growing,
    /// The name of the thread's own list.
    root: Root,
    /// The subgraphs that have a list of their own.
    namespaces: Vec<Rc<str>>,
}

/// The messages that were sent last, with the bytes of their text: of these only what they have grown by has to be sent.
/// One that is not among them any more is sent whole.
#[derive(Default)]
struct Growing(Vec<Grown>);

/// The empty name, made once.
struct Root(Rc<str>);

impl Default for Root {
    fn default() -> Self {
        Self(Rc::from(""))
    }
}

struct Grown {
    ns: Rc<str>,
    id: MessageId,
    text_bytes: usize,
}

/// A message that is to be told.
struct Part<'a> {
    id: &'a MessageId,
    message: &'a Message,
    reshaped: u64,
    /// The facts that go with it, made only if it is sent whole.
    said: &'a dyn Fn() -> String,
}

/// Messages that can stream at the same time without being sent whole again and again.
const GROWING_MAX: usize = 32;

/// The name of the list of a session's messages.
const NODES: &str = "session";

/// One call. Lists are named by their namespace, joined by `|`; the thread's own is "".
pub(crate) enum Call {
    Status(String),
    Feed(String),
    Order(Rc<str>, Array),
    /// Its origin, or the facts about a session's message.
    Message(Rc<str>, MessageId, String, String),
    Append(Rc<str>, MessageId, String),
    Changed(u32),
}

/// Tells the host the changes. They are copied first, because the host's functions may change the view.
pub(crate) fn show(stream: &Stream, sent: &RefCell<Sent>, extras: Option<&Extras>, host: &Host) {
    let (calls, revision) = stream.with_view(|view| {
        let mut sent = sent.borrow_mut();
        (sent.calls(view, extras), sent.revision)
    });
    for call in &calls {
        rethrow_later(match call {
            Call::Status(json) => host.status(json),
            Call::Feed(json) => host.feed(json),
            Call::Order(ns, ids) => host.order(ns, ids),
            Call::Message(ns, id, json, origin) => host.message(ns, id.as_str(), json, origin),
            Call::Append(ns, id, text) => host.append(ns, id.as_str(), text),
            Call::Changed(what) => host.changed(*what),
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
    fn calls(&mut self, view: View<'_>, extras: Option<&Extras>) -> Vec<Call> {
        let mut calls = Vec::new();
        let status = view.status();
        let before = self.status.as_ref();
        if before != Some(&status) {
            calls.push(Call::Status(json::status(&status, before, now())));
            self.status = Some(status);
        }
        let since = self.revision;
        let changes = view.changes_since(since);
        self.revision = changes.revision;
        let root = Rc::clone(&self.root.0);
        self.list(&root, view.messages(), changes.order, since, &mut calls);
        let mut gone = std::mem::take(&mut self.namespaces);
        for subgraph in view.subgraphs() {
            let known = gone.iter().position(|ns| **ns == *subgraph.namespace);
            let ns = known.map_or_else(|| Rc::from(subgraph.namespace), |at| gone.swap_remove(at));
            let order = known.is_none() || subgraph.order_revision > since;
            self.list(&ns, subgraph.messages, order, since, &mut calls);
            self.namespaces.push(ns);
        }
        calls.extend(gone.into_iter().map(|ns| Call::Order(ns, Array::new())));
        if let Some(extras) = extras {
            (extras.session)(self, view, since, &mut calls);
        }
        let parts = [
            (part::VALUES, changes.values),
            (part::INTERRUPTS, changes.interrupts),
            (part::HISTORY, changes.history),
            (part::HEAD, changes.head),
            (part::WAITING, self.waiting_differs(view, since)),
            (part::EDITABLE, self.editable_differs(view, extras, &calls)),
        ];
        let what = parts.iter().map(|(bit, is)| bit * u32::from(*is)).sum();
        if what != 0 {
            calls.push(Call::Changed(what));
        }
        calls
    }

    /// The changes in the session of a view.
    pub(crate) fn session(&mut self, view: View<'_>, since: u64, calls: &mut Vec<Call>) {
        let ns: Rc<str> = Rc::from(NODES);
        let Some(session) = view.session() else {
            if self.feed.take().is_some() {
                calls.push(Call::Order(ns, Array::new()));
            }
            return;
        };
        let begun_anew = self.feed.is_none() || session.generation() > since;
        let nodes = session.nodes();
        if begun_anew || session.order_revision() > since {
            let ids = strings(&mut nodes.iter().map(|node| node.id.as_str()));
            calls.push(Call::Order(Rc::clone(&ns), ids));
        }
        // What has only come into the window is new to the host, however old it is.
        let first = nodes.first().map_or(u64::MAX, |node| node.position);
        let before = std::mem::replace(&mut self.first, first);
        for node in &nodes {
            let is_new = begun_anew || node.position < before;
            let since = if is_new { 0 } else { since };
            if node.revision > since || is_new {
                let part = Part {
                    id: node.id,
                    message: node.message,
                    reshaped: node.reshaped,
                    said: &|| node_facts(node),
                };
                calls.push(self.growing.call(&ns, &part, since));
            }
        }
        let feed = session.status();
        let before = self.feed.as_ref();
        if before != Some(&feed) {
            calls.push(Call::Feed(json::feed(&feed, before, now())));
            self.feed = Some(feed);
        }
    }

    /// An entry has changed, or what it waits for.
    fn waiting_differs(&mut self, view: View<'_>, since: u64) -> bool {
        let waiting = view.waiting().into_iter();
        let waiting = waiting.map(|entry| (entry.state, entry.is_shown)).collect();
        let differs = self.waiting != waiting;
        self.waiting = waiting;
        differs || !self.waiting.is_empty() && view.waiting_revision() > since
    }

    /// While only text grows, what can be edited stays the same.
    fn editable_differs(
        &mut self,
        view: View<'_>,
        extras: Option<&Extras>,
        calls: &[Call],
    ) -> bool {
        let Some(extras) = extras else { return false };
        let only_text = calls.iter().all(|call| matches!(call, Call::Append(..)));
        if only_text && !self.editable.is_empty() {
            return false;
        }
        let editable = (extras.editable)(view);
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
            let ids = strings(&mut slots.iter().map(|slot| slot.id().as_str()));
            calls.push(Call::Order(Rc::clone(ns), ids));
        }
        for slot in slots.iter().filter(|slot| slot.revision > since) {
            let part = Part {
                id: slot.id(),
                message: &slot.message,
                reshaped: slot.reshaped,
                said: &|| origin_word(slot.origin).to_owned(),
            };
            calls.push(self.growing.call(ns, &part, since));
        }
    }
}

impl Growing {
    fn call(&mut self, ns: &Rc<str>, part: &Part<'_>, since: u64) -> Call {
        let sent = self
            .0
            .iter()
            .position(|grown| grown.id == *part.id && grown.ns == *ns);
        let sent = sent.map(|at| self.0.remove(at));
        let id = part.id.clone();
        if let Content::Text(text) = &part.message.content {
            if self.0.len() >= GROWING_MAX {
                self.0.remove(0);
            }
            self.0.push(Grown {
                ns: Rc::clone(ns),
                id: id.clone(),
                text_bytes: text.len(),
            });
            let more = sent.filter(|_| part.reshaped <= since);
            if let Some(more) = more.and_then(|sent| text.get(sent.text_bytes..)) {
                return Call::Append(Rc::clone(ns), id, more.to_owned());
            }
        }
        let json = part.message.shown_json();
        Call::Message(Rc::clone(ns), id, json, (part.said)())
    }
}
