//! The virtual clock's queue: what happens when. What is due at the same time happens in the order it was put in.

use std::{cmp::Reverse, collections::BinaryHeap};

/// Things to come, by time in milliseconds.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    heap: BinaryHeap<Reverse<(u64, u64, Slot)>>,
    slots: Vec<Option<T>>,
    free: Vec<usize>,
    serial: u64,
}

type Slot = usize;

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self {
            heap: BinaryHeap::new(),
            slots: Vec::new(),
            free: Vec::new(),
            serial: 0,
        }
    }
}

impl<T> Queue<T> {
    /// Puts something in.
    pub(crate) fn push(&mut self, at: u64, thing: T) {
        self.serial += 1;
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot] = Some(thing);
                slot
            }
            None => {
                self.slots.push(Some(thing));
                self.slots.len() - 1
            }
        };
        self.heap.push(Reverse((at, self.serial, slot)));
    }

    /// When the next thing is due.
    pub(crate) fn next_at(&self) -> Option<u64> {
        self.heap.peek().map(|Reverse((at, _, _))| *at)
    }

    /// Takes out the next thing that is due.
    pub(crate) fn pop_due(&mut self, now: u64) -> Option<T> {
        if self.next_at()? > now {
            return None;
        }
        let Reverse((_, _, slot)) = self.heap.pop()?;
        self.free.push(slot);
        self.slots[slot].take()
    }
}
