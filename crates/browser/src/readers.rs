//! Who is called when something changes.

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

type Callbacks<F> = RefCell<Vec<(u64, Rc<F>)>>;

/// Callbacks in the order in which they came.
pub(crate) struct Readers<F: ?Sized> {
    callbacks: Rc<Callbacks<F>>,
    next: Cell<u64>,
}

impl<F: ?Sized + 'static> Readers<F> {
    pub(crate) fn new() -> Self {
        Self {
            callbacks: Rc::default(),
            next: Cell::new(0),
        }
    }

    pub(crate) fn add(&self, callback: Rc<F>) -> Subscription {
        let id = self.next.replace(self.next.get() + 1);
        self.callbacks.borrow_mut().push((id, callback));
        let callbacks: Weak<Callbacks<F>> = Rc::downgrade(&self.callbacks);
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
    pub(crate) fn each(&self, call: impl Fn(&F)) {
        let (mut from, end) = (0, self.next.get());
        while let Some((id, callback)) = self.first_from(from).filter(|(id, _)| *id < end) {
            call(&callback);
            from = id + 1;
        }
    }

    /// The first whose id is this or a later one: they are in the order of their ids.
    fn first_from(&self, from: u64) -> Option<(u64, Rc<F>)> {
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
    use super::{Readers, Subscription};
    use std::{cell::RefCell, rc::Rc};

    #[cfg_attr(not(target_arch = "wasm32"), test)]
    #[cfg_attr(target_arch = "wasm32", wasm_bindgen_test::wasm_bindgen_test)]
    fn a_reader_that_ends_another_during_a_call_is_obeyed() {
        let readers: Rc<Readers<dyn Fn()>> = Rc::new(Readers::new());
        let called = Rc::new(RefCell::new(Vec::new()));
        let second: Rc<RefCell<Option<Subscription>>> = Rc::default();
        let first = readers.add(Rc::new({
            let (called, second) = (Rc::clone(&called), Rc::clone(&second));
            move || {
                called.borrow_mut().push(1);
                second.borrow_mut().take();
            }
        }));
        *second.borrow_mut() = Some(readers.add(Rc::new({
            let called = Rc::clone(&called);
            move || called.borrow_mut().push(2)
        })));
        readers.each(|reader| reader());
        drop(first);
        readers.each(|reader| reader());
        assert_eq!(*called.borrow(), [1]);
    }
}
