//! A thread's session as signals.

use crate::{
    INERT, OutcomeFuture, UseStream,
    arena::{Held, Place, or_default, part},
    input,
    run::nothing,
    signals::{put, put_arc},
    use_stream::Handle,
};
use leptos::prelude::{
    ArcRwSignal, Get, RwSignal, Set, Signal, StoredValue, UpdateValue, on_cleanup,
};
use rejoin_browser::{Stream, Subscription};
use rejoin_core::{
    Connection, Extras, SessionNode, StreamError, View,
    wire::{
        MessageId,
        message::{Message, MessageKind},
        session::{EndStatus, NodeStatus},
    },
};
use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
    fmt,
    sync::Arc,
};

/// A thread's session, as signals: its newest messages, older ones page by page, and what comes. `Copy`; it belongs to the
/// owner that called [`use_view`].
#[derive(Clone, Copy)]
pub struct UseView {
    /// The messages, oldest first. Changes only when some come, go or move; their content is in their own signals.
    pub nodes: Signal<Vec<ViewNode>>,
    /// Whether there are messages before the first: [`UseView::load_older`] shows them.
    pub has_older: Signal<bool>,
    /// Whether the first page or an older one is awaited.
    pub loading: Signal<bool>,
    /// Why the session or an older page is not to be had, until that is tried again. Denied: its code is `unauthorized` or
    /// `forbidden`, and it is not tried again by itself.
    pub error: Signal<Option<StreamError>>,
    /// The session's own connection, as a person is told; apart from that of a run.
    pub connection: Signal<Connection>,
    /// Whether the server keeps sessions. If not, this is a window over the thread's own messages.
    pub is_durable: Signal<bool>,
    stream: UseStream,
}

/// One message of the session. `Copy`; its content is in signals of its own, which the methods read, as those of
/// [`crate::StreamMessage`] do. A message that has left the list reads as an empty one, without an id.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ViewNode(StoredValue<Content>);

/// A message's signals.
struct Content {
    id: MessageId,
    message: ArcRwSignal<Arc<Message>>,
    status: ArcRwSignal<NodeStatus>,
    is_pending: ArcRwSignal<bool>,
}

impl ViewNode {
    /// The message's id: the key of a keyed list. Never changes.
    pub fn id(self) -> MessageId {
        part(self.0, |content| content.id.clone()).unwrap_or_else(|| MessageId::from(""))
    }

    /// The message.
    pub fn get(self) -> Arc<Message> {
        let message = part(self.0, |content| content.message.clone());
        message.map(|message| message.get()).unwrap_or_default()
    }

    /// Lends the message.
    pub fn with<R>(self, read: impl FnOnce(&Message) -> R) -> R {
        let message = part(self.0, |content| content.message.clone());
        or_default(message.map(|message| message.get()), read)
    }

    /// The message as a signal, for components that take one.
    pub fn signal(self) -> Signal<Arc<Message>> {
        Signal::derive(move || self.get())
    }

    /// The speaker.
    pub fn kind(self) -> MessageKind {
        self.with(|message| message.kind.clone())
    }

    /// Its text: of content blocks, the text of the text blocks, joined.
    pub fn text(self) -> String {
        self.with(|message| message.content.text().into_owned())
    }

    /// Whether more of it will come, and if not, how it ended.
    pub fn status(self) -> NodeStatus {
        let status = part(self.0, |content| content.status.clone());
        let gone = NodeStatus::Ended(EndStatus::Complete);
        status.map_or(gone, |status| status.get())
    }

    /// Whether it was submitted here and the session does not have it yet.
    pub fn is_pending(self) -> bool {
        let is_pending = part(self.0, |content| content.is_pending.clone());
        is_pending.is_some_and(|is_pending| is_pending.get())
    }
}

impl fmt::Debug for ViewNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ViewNode").field(&self.id()).finish()
    }
}

/// Shows the session of a stream's thread, whichever thread that is, for as long as the current owner lives. It shows the
/// newest `limit` messages (1 to 1,000) at first, and that many more with each [`UseView::load_older`]. Several views of one
/// stream show the same; the limit of the last one counts.
///
/// Whoever wants nothing else of a long thread sets `reads_state` of [`crate::UseStreamOptions::config`] to false: entering
/// it then costs one page.
///
/// On a server: no messages, not loading.
pub fn use_view(stream: UseStream, limit: usize) -> UseView {
    let signals = Signals::new();
    if let Some(handle) = stream.handle.filter(|_| !INERT) {
        let subscription = stream.with_stream(|stream| open(stream, limit, signals));
        let reader = StoredValue::new_local(subscription);
        let count = |handle: &mut Option<Handle>, by: isize| {
            let views = &mut handle.as_mut()?.views;
            *views = views.saturating_add_signed(by);
            Some(*views)
        };
        handle.try_update_value(|handle| count(handle, 1));
        on_cleanup(move || {
            drop(reader.try_update_value(Option::take));
            let left = handle.try_update_value(|handle| count(handle, -1));
            if left.flatten() == Some(0) {
                stream.with_stream(Stream::close_view);
            }
        });
    }
    UseView {
        nodes: signals.nodes.into(),
        has_older: signals.has_older.into(),
        loading: signals.loading.into(),
        error: signals.error.into(),
        connection: signals.connection.into(),
        is_durable: signals.is_durable.into(),
        stream,
    }
}

impl UseView {
    /// Shows the page before the first message. Calls at the same time are one request. [`rejoin_core::Outcome::Finished`] also
    /// where there is nothing older; `Failed` or `Denied` with the reason in [`UseView::error`], and nothing has changed
    /// then: it can be asked for again.
    pub fn load_older(&self) -> OutcomeFuture {
        self.stream
            .with_stream(|stream| OutcomeFuture::of(stream.load_older()))
            .unwrap_or_else(nothing)
    }
}

impl fmt::Debug for UseView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UseView")
    }
}

fn open(stream: &Stream, limit: usize, signals: Signals) -> Subscription {
    stream.send(input::part_came(&Extras::SESSION));
    stream.open_view(limit);
    let weak = stream.downgrade();
    let rows = RefCell::new(Rows::new(Place::current()));
    let show = move || {
        let Some(stream) = weak.upgrade() else {
            return;
        };
        let mut rows = rows.borrow_mut();
        // Readers of signals may run at once, so what they are told is copied out of the view first.
        if let Some(shown) = stream.with_view(|view| Shown::take(view, &rows)) {
            rows.write(signals, shown);
        }
    };
    show();
    stream.subscribe(show)
}

/// The signals that the session is written to.
#[derive(Clone, Copy)]
struct Signals {
    nodes: RwSignal<Vec<ViewNode>>,
    has_older: RwSignal<bool>,
    loading: RwSignal<bool>,
    error: RwSignal<Option<StreamError>>,
    connection: RwSignal<Connection>,
    is_durable: RwSignal<bool>,
}

impl Signals {
    fn new() -> Self {
        Self {
            nodes: RwSignal::new(Vec::new()),
            has_older: RwSignal::new(false),
            loading: RwSignal::new(false),
            error: RwSignal::new(None),
            connection: RwSignal::new(Connection::Idle),
            is_durable: RwSignal::new(true),
        }
    }
}

/// The changes, copied out of the view.
struct Shown {
    revision: u64,
    /// All ids, where some came, went or moved.
    order: Option<Vec<MessageId>>,
    changed: Vec<Changed>,
    has_older: bool,
    loading: bool,
    error: Option<StreamError>,
    connection: Connection,
    is_durable: bool,
}

struct Changed {
    id: MessageId,
    message: Arc<Message>,
    status: NodeStatus,
    is_pending: bool,
}

impl Changed {
    fn new(node: &SessionNode<'_>) -> Self {
        Self {
            id: node.id.clone(),
            message: Arc::new(node.message.clone()),
            status: node.status.clone(),
            is_pending: node.is_pending,
        }
    }
}

impl Shown {
    fn take(view: View<'_>, rows: &Rows) -> Option<Self> {
        let (session, since) = (view.session()?, rows.revision);
        let nodes = session.nodes();
        let order = session.order_revision() > since;
        let ids = || nodes.iter().map(|node| node.id.clone()).collect();
        let known: HashSet<&MessageId> = match order {
            true => rows.rows.iter().map(|row| &row.id).collect(),
            false => HashSet::new(),
        };
        // A message that was before the window is new here, though it has not changed.
        let is_new = |node: &SessionNode<'_>| order && !known.contains(node.id);
        let changed = nodes
            .iter()
            .filter(|node| node.revision > since || is_new(node));
        Some(Self {
            revision: view.revision(),
            order: order.then(ids),
            changed: changed.map(Changed::new).collect(),
            has_older: session.has_older(),
            loading: session.is_loading(),
            error: session.error().cloned(),
            connection: session.connection(),
            is_durable: session.is_durable(),
        })
    }
}

/// The nodes' signals, in the list's order.
struct Rows {
    place: Place,
    revision: u64,
    rows: Vec<Row>,
    /// Those that left the list with the last change of it. Whoever shows them hears of that only afterwards.
    leaving: Vec<Row>,
}

struct Row {
    id: MessageId,
    signals: Held<Content>,
}

impl Rows {
    fn new(place: Place) -> Self {
        Self {
            place,
            revision: 0,
            rows: Vec::new(),
            leaving: Vec::new(),
        }
    }

    fn write(&mut self, signals: Signals, shown: Shown) {
        self.revision = shown.revision;
        let mut changed: HashMap<MessageId, Changed> = shown
            .changed
            .into_iter()
            .map(|changed| (changed.id.clone(), changed))
            .collect();
        let moved = shown.order.is_some();
        if let Some(ids) = shown.order {
            self.reorder(ids, &mut changed);
        }
        for row in &self.rows {
            if let Some(changed) = changed.remove(&row.id) {
                row.write(changed);
            }
        }
        if moved {
            let nodes = self.rows.iter().map(Row::node).collect();
            signals.nodes.set(nodes);
        }
        put(signals.has_older, shown.has_older);
        put(signals.error, shown.error);
        put(signals.is_durable, shown.is_durable);
        put(signals.connection, shown.connection);
        // Last: who waits for it finds the rest.
        put(signals.loading, shown.loading);
    }

    fn reorder(&mut self, ids: Vec<MessageId>, changed: &mut HashMap<MessageId, Changed>) {
        let old = self.rows.drain(..).map(|row| (row.id.clone(), row));
        let mut old: HashMap<MessageId, Row> = old.collect();
        let place = &self.place;
        let row = |id| {
            old.remove(&id)
                .or_else(|| Some(Row::new(place, changed.remove(&id)?)))
        };
        self.rows = ids.into_iter().filter_map(row).collect();
        self.leaving = old.into_values().collect();
    }
}

impl Row {
    fn new(place: &Place, changed: Changed) -> Self {
        let content = Content {
            id: changed.id.clone(),
            message: ArcRwSignal::new(changed.message),
            status: ArcRwSignal::new(changed.status),
            is_pending: ArcRwSignal::new(changed.is_pending),
        };
        Self {
            id: changed.id,
            signals: Held::new(place, content),
        }
    }

    fn write(&self, changed: Changed) {
        let signals = part(self.signals.handle(), |content| {
            let Content {
                message,
                status,
                is_pending,
                ..
            } = content;
            (message.clone(), status.clone(), is_pending.clone())
        });
        let Some((message, status, is_pending)) = signals else {
            return;
        };
        message.set(changed.message);
        put_arc(&status, changed.status);
        put_arc(&is_pending, changed.is_pending);
    }

    fn node(&self) -> ViewNode {
        ViewNode(self.signals.handle())
    }
}
