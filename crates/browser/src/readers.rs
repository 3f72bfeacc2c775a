//! The readers, which are called when something changes.

use rejoin_core::Notice;
use std::{
    cell::{Cell, RefCell},
    rc::{Rc, Weak},
};

/// A callback that is called as long as this is kept.
#[must_use = "dropping a subscription ends it"]
pub struct Subscription {
    end: Option<Box<dyn FnOnce()>>,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let Some(end) = self.end.take() {
            end();
        }
    }
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Subscription")
    }
}

/// The changes that readers are told.
#[derive(Clone, Copy)]
pub(crate) enum Told<'a> {
    /// The view has changed.
    Changed,
    Notice(&'a Notice),
}

type Reader = Rc<dyn Fn(Told<'_>)>;
type Callbacks = RefCell<Vec<(u64, Reader)>>;

/// Callbacks in the order in which they came.
#[derive(Default)]
pub(crate) struct Readers {
    callbacks: Rc<Callbacks>,
    next: Cell<u64>,
}

impl Readers {
    pub(crate) fn add(&self, callback: Reader) -> Subscription {
        let id = self.next.replace(self.next.get() + 1);
        self.callbacks.borrow_mut().push((id, callback));
        let callbacks: Weak<Callbacks> = Rc::downgrade(&self.callbacks);
        let end = move || {
            // The callback is dropped after the borrow: what it owns may subscribe or unsubscribe on its way out.
            let ended = callbacks.upgrade().and_then(|callbacks| {
                let mut callbacks = callbacks.borrow_mut();
                let at = callbacks.iter().position(|(at, _)| *at == id)?;
                Some(callbacks.remove(at))
            });
            drop(ended);
        };
        Subscription {
            end: Some(Box::new(end)),
        }
    }

    /// Calls each that is there now and is still there when its turn comes.
    pub(crate) fn tell(&self, told: Told<'_>) {
        let (mut from, end) = (0, self.next.get());
        while let Some((id, callback)) = self.first_from(from).filter(|(id, _)| *id < end) {
            callback(told);
            from = id + 1;
        }
    }

    /// The first whose id is this or a later one: they are in the order of their ids.
    fn first_from(&self, from: u64) -> Option<(u64, Reader)> {
        let callbacks = self.callbacks.borrow();
        callbacks.iter().find(|(id, _)| *id >= from).cloned()
    }

    pub(crate) fn clear(&self) {
        let ended = std::mem::take(&mut *self.callbacks.borrow_mut());
        drop(ended);
    }
}

#[cfg(test)]
mod tests {
    use super::{Readers, Subscription, Told};
    use std::{cell::RefCell, rc::Rc};

    #[cfg_attr(not(target_arch = "wasm32"), test)]
    #[cfg_attr(target_arch = "wasm32", wasm_bindgen_test::wasm_bindgen_test)]
    fn a_reader_that_ends_another_during_a_call_is_obeyed() {
        let readers = Readers::default();
        let called = Rc::new(RefCell::new(Vec::new()));
        let second: Rc<RefCell<Option<Subscription>>> = Rc::default();
        let first = readers.add(Rc::new({
            let (called, second) = (Rc::clone(&called), Rc::clone(&second));
            move |_: Told<'_>| {
                called.borrow_mut().push(1);
                second.borrow_mut().take();
            }
        }));
        *second.borrow_mut() = Some(readers.add(Rc::new({
            let called = Rc::clone(&called);
            move |_: Told<'_>| called.borrow_mut().push(2)
        })));
        readers.tell(Told::Changed);
        drop(first);
        readers.tell(Told::Changed);
        assert_eq!(*called.borrow(), [1]);
    }
}
