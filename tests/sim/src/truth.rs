//! What every message really says: the measure of what is shown.

use rejoin_core::MessageSlot;
use std::collections::{BTreeMap, BTreeSet};

/// A message that a server has made, or will have made when it is done.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    /// Its whole text.
    pub text: String,
    /// Its run.
    pub run: String,
    /// Its place in the run: two messages of one place are two attempts at the same thing.
    pub node: usize,
    /// Whether the server has started over or lost it, so that it may vanish.
    pub dead: bool,
}

/// All messages of a simulation, by id.
#[derive(Debug, Default)]
pub(crate) struct Truth {
    /// What servers say.
    pub told: BTreeMap<String, Told>,
    /// What people say: the texts submitted.
    pub asked: BTreeSet<String>,
    /// Messages of threads that have gone on from before them.
    pub aside: BTreeSet<String>,
    /// Where ids say little: the messages by how they begin, or by all of their text.
    pub by_text: Option<BTreeMap<String, String>>,
}

impl Truth {
    /// A message begins.
    pub(crate) fn tell(&mut self, id: &str, text: &str, run: &str, node: usize) {
        let told = Told {
            text: text.to_owned(),
            run: run.to_owned(),
            node,
            dead: false,
        };
        self.told.insert(id.to_owned(), told);
        if let Some(by_text) = &mut self.by_text {
            by_text.insert(beginning(text).to_owned(), id.to_owned());
        }
    }

    /// The id under which a shown message, of this text, is known here. `None`: it is nobody's.
    pub(crate) fn name_of<'a>(&'a self, slot: &'a MessageSlot, text: &str) -> Option<&'a str> {
        // A row keeps its name; its message has the id that the server calls it by.
        let id = slot.message.id.as_ref().unwrap_or(slot.id()).as_str();
        let Some(by_text) = &self.by_text else {
            return Some(id);
        };
        let known = by_text.get(beginning(text)).map(String::as_str);
        known.or_else(|| self.asked.contains(text).then_some(id))
    }

    /// The id of a message that has this text, where ids say little.
    pub(crate) fn known_by_text(&self, text: &str) -> Option<String> {
        self.by_text.as_ref()?.get(beginning(text)).cloned()
    }

    /// A message is void.
    pub(crate) fn kill(&mut self, id: &str) {
        if let Some(told) = self.told.get_mut(id) {
            told.dead = true;
        }
    }
}

/// What tells a text from all others: its mark, or all of what a person has said.
fn beginning(text: &str) -> &str {
    match text.split_once(' ') {
        Some((mark, _)) if mark.starts_with('m') => mark,
        _ => text,
    }
}
