//! The tree that a thread's history forms, and the branch of it that is shown.
//!
//! A state's parent is the checkpoint it came from. If one parent has several children, the history forks; a branch
//! is named by the first checkpoints of the forks on its way, joined by `>`. At a fork that the name says nothing of, the
//! child that leads to the newest state is taken.

use super::HistoryState;
use crate::list::collected;
use rejoin_wire::{
    CheckpointId,
    json::{write_number, write_string},
    search::split,
};

const NONE: usize = usize::MAX;
const SEPARATOR: char = '>';

/// One state's place in the tree. States are named by their index in the history, newest first.
#[derive(Clone, Copy)]
struct Node {
    parent: usize,
    /// The newest child, and the next older sibling.
    child: usize,
    sibling: usize,
    /// The first state of the innermost branch that this one lies on.
    fork: usize,
    /// The newest state from here on.
    newest: usize,
}

/// The tree, and what is shown of it.
#[derive(Default)]
pub(crate) struct Branches {
    /// One per state, and behind them the one from which the history grows.
    nodes: Vec<Node>,
    /// The states on the shown branch, oldest first.
    shown: Vec<usize>,
}

impl Branches {
    pub(crate) fn new(states: &[HistoryState], branch: &str) -> Self {
        let mut branches = Self {
            nodes: linked(states),
            shown: Vec::new(),
        };
        branches.link_children();
        branches.grow();
        branches.walk(states, branch);
        branches
    }

    /// The newest state of the shown branch.
    pub(crate) fn head(&self) -> Option<usize> {
        self.shown.last().copied()
    }

    pub(crate) fn is_shown(&self, state: usize) -> bool {
        self.shown.contains(&state)
    }

    /// The name of the branch that a state lies on; empty before the first fork.
    pub(crate) fn name(&self, states: &[HistoryState], state: usize) -> String {
        let mut name = String::new();
        for id in self.path(states, state) {
            if !name.is_empty() {
                name.push(SEPARATOR);
            }
            name.push_str(id.as_str());
        }
        name
    }

    /// The state that the innermost fork before this one comes from; `None` before the first fork.
    pub(crate) fn fork(&self, state: usize) -> Option<usize> {
        let first = self.nodes[state].fork;
        (first != NONE).then(|| self.nodes[first].parent)
    }

    /// The names of the branches at the innermost fork before a state, oldest first.
    pub(crate) fn options(&self, states: &[HistoryState], state: usize) -> Vec<String> {
        let fork = self.nodes[state].fork;
        let branches = self.siblings_of(fork).into_iter();
        collected(branches.map(|branch| self.name(states, branch)))
    }

    /// The tree as JSON: `{"type":"sequence","items":[..]}`, its items `{"type":"node","state":<index>,"path":[..]}` and
    /// `{"type":"fork","items":[<sequence>, ..]}`, the oldest branch first.
    pub(crate) fn to_json(&self, states: &[HistoryState]) -> String {
        let mut json = String::new();
        self.write_sequence(states, states.len(), &mut json);
        json
    }

    fn write_sequence(&self, states: &[HistoryState], first: usize, json: &mut String) {
        json.push_str(r#"{"type":"sequence","items":["#);
        let mut at = first;
        while at < self.nodes.len() {
            if at < states.len() {
                self.write_node(states, at, json);
            }
            at = self.nodes[at].child;
            if at == NONE {
                break;
            }
            if !json.ends_with('[') {
                json.push(',');
            }
            if self.nodes[at].fork == at {
                json.push_str(r#"{"type":"fork","items":["#);
                for branch in self.siblings_of(at) {
                    if !json.ends_with('[') {
                        json.push(',');
                    }
                    self.write_sequence(states, branch, json);
                }
                json.push_str("]}");
                break;
            }
        }
        json.push_str("]}");
    }

    fn write_node(&self, states: &[HistoryState], state: usize, json: &mut String) {
        json.push_str(r#"{"type":"node","state":"#);
        write_number(json, state as u64);
        json.push_str(r#","path":["#);
        for id in self.path(states, state) {
            if !json.ends_with('[') {
                json.push(',');
            }
            write_string(json, id.as_str());
        }
        json.push_str("]}");
    }

    /// The first checkpoints of the branches that lead to a state, outermost first.
    fn path<'a>(&self, states: &'a [HistoryState], state: usize) -> Vec<&'a CheckpointId> {
        let mut path = Vec::new();
        let mut fork = self.nodes[state].fork;
        while fork != NONE {
            path.extend(&states[fork].checkpoint_id);
            fork = self.nodes[self.nodes[fork].parent].fork;
        }
        path.reverse();
        path
    }

    /// The children of a state's parent, oldest first; none for [`NONE`].
    fn siblings_of(&self, state: usize) -> Vec<usize> {
        let mut siblings = Vec::new();
        if state != NONE {
            let mut at = self.nodes[self.nodes[state].parent].child;
            while at != NONE {
                siblings.push(at);
                at = self.nodes[at].sibling;
            }
        }
        siblings.reverse();
        siblings
    }

    fn link_children(&mut self) {
        for at in (0..self.nodes.len()).rev() {
            let parent = self.nodes[at].parent;
            if parent != NONE {
                self.nodes[at].sibling = self.nodes[parent].child;
                self.nodes[parent].child = at;
            }
        }
    }

    /// Finds for each state the branch that it lies on, parents first, and what it leads to, children first.
    fn grow(&mut self) {
        let mut order = vec![self.nodes.len() - 1];
        let mut next = 0;
        while let Some(&parent) = order.get(next) {
            next += 1;
            let mut at = self.nodes[parent].child;
            let forks = at != NONE && self.nodes[at].sibling != NONE;
            while at != NONE {
                self.nodes[at].fork = if forks { at } else { self.nodes[parent].fork };
                order.push(at);
                at = self.nodes[at].sibling;
            }
        }
        for at in order.into_iter().rev() {
            let newest = self.nodes[at].newest.min(at);
            self.nodes[at].newest = newest;
            let parent = self.nodes[at].parent;
            if let Some(parent) = self.nodes.get_mut(parent) {
                parent.newest = parent.newest.min(newest);
            }
        }
    }

    fn walk(&mut self, states: &[HistoryState], branch: &str) {
        let mut names = split(branch, SEPARATOR as u8);
        let mut at = self.nodes[states.len()].child;
        while at != NONE {
            if self.nodes[at].fork == at {
                let named = names.next().unwrap_or_default();
                let siblings = self.siblings_of(at);
                let is_named = |state: &usize| {
                    let id = states[*state].checkpoint_id.as_ref();
                    id.is_some_and(|id| id.as_str() == named)
                };
                at = match siblings.iter().copied().find(is_named) {
                    Some(named) => named,
                    None => siblings
                        .into_iter()
                        .min_by_key(|sibling| self.nodes[*sibling].newest)
                        .unwrap_or(at),
                };
            }
            self.shown.push(at);
            at = self.nodes[at].child;
        }
    }
}

/// Each state with its parent. A state without one grows from the node behind the last state. In a history that was cut
/// off, so do states that come from the same unknown state as the newest one.
fn linked(states: &[HistoryState]) -> Vec<Node> {
    let root = states.len();
    let node = |parent| Node {
        parent,
        child: NONE,
        sibling: NONE,
        fork: NONE,
        newest: NONE,
    };
    let parent_of = |(at, state): (usize, &HistoryState)| match &state.parent_id {
        _ if states.len() == 1 => root,
        _ if state.checkpoint_id.is_none() => NONE,
        None => root,
        Some(parent) => {
            // It is older, so it stands behind its child, most often right there.
            let behind = (at + 1..root).chain(0..at);
            let is_parent = |other: &usize| states[*other].checkpoint_id.as_ref() == Some(parent);
            behind.into_iter().find(is_parent).unwrap_or(NONE)
        }
    };
    let mut nodes = collected(states.iter().enumerate().map(parent_of).map(node));
    if nodes.iter().all(|node| node.parent != root) {
        let last = newest_id(states);
        let oldest = last.map(|last| {
            let mut at = last;
            for _ in 0..root {
                at = if nodes[at].parent == NONE {
                    at
                } else {
                    nodes[at].parent
                };
            }
            at
        });
        for (node, state) in nodes.iter_mut().zip(states) {
            let cut = oldest.is_some_and(|oldest| state.parent_id == states[oldest].parent_id);
            if node.parent == NONE && cut && state.checkpoint_id.is_some() {
                node.parent = root;
            }
        }
    }
    nodes.push(node(NONE));
    nodes
}

/// The state with the greatest checkpoint id: they grow with time.
fn newest_id(states: &[HistoryState]) -> Option<usize> {
    let mut newest: Option<usize> = None;
    for (at, state) in states.iter().enumerate() {
        let Some(id) = &state.checkpoint_id else {
            continue;
        };
        let is_newer = |than: usize| {
            let than = states[than].checkpoint_id.as_ref();
            than.is_none_or(|than| id.as_str() > than.as_str())
        };
        if newest.is_none_or(is_newer) {
            newest = Some(at);
        }
    }
    newest
}
