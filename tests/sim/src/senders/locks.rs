//! The locks of a browser's origin: each is held by one tab at most, and given to the others in the order in which they asked.

use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub(super) struct Locks {
    locks: BTreeMap<String, Lock>,
    /// Questions that the browser has not heard yet.
    on_their_way: Vec<(String, u64)>,
}

/// By the lives of tabs.
#[derive(Debug, Default)]
struct Lock {
    holder: Option<u64>,
    waiting: Vec<u64>,
    /// How often it was given.
    grants: u64,
}

impl Locks {
    /// A tab asks for a lock. The browser hears of it when it is told so.
    pub(super) fn ask(&mut self, name: &str, life: u64) {
        self.on_their_way.push((name.to_owned(), life));
    }

    /// The browser hears of a question, unless the tab has taken it back.
    pub(super) fn heard(&mut self, name: &str, life: u64) {
        let is = |(asked, by): &(String, u64)| asked == name && *by == life;
        if let Some(at) = self.on_their_way.iter().position(is) {
            self.on_their_way.remove(at);
            self.locks
                .entry(name.to_owned())
                .or_default()
                .waiting
                .push(life);
        }
    }

    /// A tab gives a lock back, or waits for it no more.
    pub(super) fn release(&mut self, name: &str, life: u64) {
        self.on_their_way
            .retain(|(asked, by)| asked != name || *by != life);
        if let Some(lock) = self.locks.get_mut(name) {
            lock.waiting.retain(|other| *other != life);
            lock.holder = lock.holder.filter(|holder| *holder != life);
        }
    }

    /// Gives a lock to the next, if it is free.
    pub(super) fn grant(&mut self, name: &str) -> Option<u64> {
        let lock = self.locks.get_mut(name)?;
        if lock.holder.is_some() || lock.waiting.is_empty() {
            return None;
        }
        lock.holder = Some(lock.waiting.remove(0));
        lock.grants += 1;
        lock.holder
    }

    /// Whether another tab has had it before.
    pub(super) fn was_anothers(&self, name: &str) -> bool {
        self.locks.get(name).is_some_and(|lock| lock.grants > 1)
    }

    /// The browser takes away what a tab holds. Which locks are free now.
    pub(super) fn take_away(&mut self, life: u64) -> Vec<String> {
        let mut freed = Vec::new();
        for (name, lock) in &mut self.locks {
            if lock.holder.take_if(|holder| *holder == life).is_some() {
                freed.push(name.clone());
            }
        }
        freed
    }

    /// A tab is gone. Which locks are free now.
    pub(super) fn forget(&mut self, life: u64) -> Vec<String> {
        self.on_their_way.retain(|(_, by)| *by != life);
        for lock in self.locks.values_mut() {
            lock.waiting.retain(|other| *other != life);
        }
        self.take_away(life)
    }
}
