//! Values that handles of messages share.

use crate::INERT;
use leptos::prelude::{Dispose, Owner, StoredValue, WithValue};
use leptos::reactive::owner::WeakOwner;
use std::ops::Deref;

/// The owner of the arena that values are put into. It does not keep that owner alive, because that owner owns it.
#[derive(Clone)]
pub(crate) struct Place(Option<WeakOwner>);

impl Place {
    /// The current owner's.
    pub(crate) fn current() -> Self {
        Self(Owner::current().as_ref().map(Owner::downgrade))
    }

    /// An owner of its own below it.
    pub(crate) fn child(&self) -> Owner {
        match self.0.as_ref().and_then(WeakOwner::upgrade) {
            Some(owner) => owner.child(),
            None => Owner::new(),
        }
    }

    pub(crate) fn with<T>(&self, make: impl FnOnce() -> T) -> T {
        match self.0.as_ref().and_then(WeakOwner::upgrade) {
            Some(owner) => owner.with(make),
            None => Owner::new().with(make),
        }
    }
}

/// A value that lives in an owner's arena for as long as this is held. So a handle of it can be copied, and what a list no
/// longer shows is let go.
pub(crate) struct Held<T: Send + Sync + 'static>(StoredValue<T>);

impl<T: Send + Sync + 'static> Held<T> {
    pub(crate) fn new(place: &Place, value: T) -> Self {
        Self(place.with(|| StoredValue::new(value)))
    }

    pub(crate) fn handle(&self) -> StoredValue<T> {
        self.0
    }
}

impl<T: Send + Sync + 'static> Drop for Held<T> {
    fn drop(&mut self) {
        // On a server the owner's arena goes as a whole, and may not be this thread's.
        if !INERT {
            self.0.dispose();
        }
    }
}

/// A part of a held value; `None` once that is gone.
pub(crate) fn part<T, R>(handle: StoredValue<T>, read: impl FnOnce(&T) -> R) -> Option<R>
where
    T: Send + Sync + 'static,
{
    handle.try_with_value(read)
}

/// Reads a shared value, or the default once it is gone.
pub(crate) fn or_default<T: Default, R>(
    value: Option<impl Deref<Target = T>>,
    read: impl FnOnce(&T) -> R,
) -> R {
    match value {
        Some(value) => read(&value),
        None => read(&T::default()),
    }
}
