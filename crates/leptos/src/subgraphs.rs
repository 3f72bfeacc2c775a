//! Messages from within tools.

use crate::{StreamMessage, arena::Place, message::MessageRows};
use leptos::prelude::{ArcRwSignal, ArcSignal, Set};
use rejoin_core::{MessageSlot, SubgraphMessages};
use std::sync::Arc;

/// The messages from within a tool, where [`crate::UseStreamOptions::split_subgraphs`] is set.
#[derive(Debug, Clone)]
pub struct Subgraph {
    /// The path of subgraphs, outermost first, joined by `|`. The key of a keyed list.
    pub namespace: Arc<str>,
    /// The messages, oldest first. Changes only when some come, go or move.
    pub messages: ArcSignal<Vec<StreamMessage>>,
}

impl PartialEq for Subgraph {
    fn eq(&self, other: &Self) -> bool {
        self.namespace == other.namespace
    }
}

impl Eq for Subgraph {}

/// The changes of one list.
pub(crate) struct SubgraphSnapshot {
    namespace: String,
    order: bool,
    slots: Option<Vec<MessageSlot>>,
}

impl SubgraphSnapshot {
    pub(crate) fn take(subgraph: SubgraphMessages<'_>, since: u64) -> Self {
        let order = subgraph.order_revision > since;
        let is_changed = order || subgraph.messages.iter().any(|slot| slot.revision > since);
        Self {
            namespace: subgraph.namespace.to_owned(),
            order,
            slots: is_changed.then(|| subgraph.messages.to_vec()),
        }
    }
}

/// The lists, in the order of their first messages.
pub(crate) struct SubgraphRows {
    place: Place,
    lists: Vec<List>,
}

struct List {
    namespace: Arc<str>,
    rows: MessageRows,
    messages: ArcRwSignal<Vec<StreamMessage>>,
}

impl SubgraphRows {
    pub(crate) fn new(place: Place) -> Self {
        Self {
            place,
            lists: Vec::new(),
        }
    }

    /// Writes what has changed. The lists, where some came or went.
    pub(crate) fn write(&mut self, snapshots: Vec<SubgraphSnapshot>) -> Option<Vec<Subgraph>> {
        let same = |list: &List, snapshot: &SubgraphSnapshot| *list.namespace == snapshot.namespace;
        let is_same = self.lists.len() == snapshots.len()
            && self.lists.iter().zip(&snapshots).all(|(l, s)| same(l, s));
        if !is_same {
            let mut before = std::mem::take(&mut self.lists);
            for snapshot in &snapshots {
                let at = before.iter().position(|list| same(list, snapshot));
                let list = at.map(|at| before.swap_remove(at));
                let list = list.unwrap_or_else(|| List::new(&snapshot.namespace, &self.place));
                self.lists.push(list);
            }
        }
        for (list, snapshot) in self.lists.iter_mut().zip(snapshots) {
            let slots = snapshot.slots;
            let messages = slots.and_then(|slots| list.rows.write(&slots, snapshot.order));
            if let Some(messages) = messages {
                list.messages.set(messages);
            }
        }
        (!is_same).then(|| self.lists.iter().map(List::handle).collect())
    }
}

impl List {
    fn new(namespace: &str, place: &Place) -> Self {
        Self {
            namespace: namespace.into(),
            rows: MessageRows::new(place.clone()),
            messages: ArcRwSignal::default(),
        }
    }

    fn handle(&self) -> Subgraph {
        Subgraph {
            namespace: Arc::clone(&self.namespace),
            messages: self.messages.clone().into(),
        }
    }
}
