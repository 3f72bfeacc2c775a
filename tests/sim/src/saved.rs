//! Where threads' last states are saved: it may be slow, never answer, have nothing, something older, or something damaged.

use crate::{
    ODD_SEEDS,
    rng::Rng,
    world::{Event, World},
};
use rejoin_core::{Cache, Input, SavedEffect, SavedInput};
use std::collections::BTreeMap;

/// Draws of its own, so that schedules without it are what they were.
const STREAM: u64 = 0x5a7e_d5ed;

/// What is saved, and how the place behaves.
#[derive(Debug)]
pub(crate) struct SavedStates {
    /// Every text that was ever saved of a thread, oldest first.
    texts: BTreeMap<String, Vec<String>>,
    is_on: bool,
    rng: Rng,
}

impl SavedStates {
    /// Of a seed. Every other schedule is without, and those of the odd servers are: they are about reading.
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed ^ STREAM);
        Self {
            texts: BTreeMap::new(),
            is_on: rng.chance(50) && seed < ODD_SEEDS,
            rng,
        }
    }

    /// Another device has saved nothing.
    pub(crate) fn clear(&mut self) {
        self.texts.clear();
    }

    fn read(&mut self, thread: &str) -> Option<String> {
        let texts = self.texts.get(thread)?;
        let newest = texts.last()?;
        match self.rng.between(0, 9) {
            0 => None,
            1 => Some(newest.chars().take(newest.chars().count() / 2).collect()),
            2 => Some("{\"v\":2}".to_owned()),
            3 | 4 => Some(texts[self.rng.index(texts.len())].clone()),
            _ => Some(newest.clone()),
        }
    }
}

impl World {
    /// A page that was opened saves threads' states.
    pub(crate) fn keep_states(&mut self) {
        if self.saved.is_on {
            self.feed(Input::Saved(SavedInput::Kept {
                cache: Cache::default(),
            }));
        }
    }

    pub(crate) fn run_saved(&mut self, page: u64, effect: SavedEffect) {
        match effect {
            SavedEffect::Load { key } => {
                let thread = key.thread_id;
                let text = self.saved.read(thread.as_str());
                // 0: never.
                let after = self.saved.rng.pick(&[1, 1, 5, 5, 50, 400, 3_000, 0]);
                self.report.count(match (&text, after) {
                    (_, 0) => "saved: never read",
                    (Some(_), _) => "saved: read",
                    (None, _) => "saved: nothing read",
                });
                if after > 0 {
                    self.queue
                        .push(self.now + after, Event::Saved(page, thread, text));
                }
            }
            SavedEffect::Save { key, text, .. } => {
                self.report.count("saved: written");
                let texts = self.saved.texts.entry(key.thread_id.to_string());
                texts.or_default().push(text);
            }
            SavedEffect::Remove { key } => {
                self.saved.texts.remove(key.thread_id.as_str());
            }
        }
    }
}
