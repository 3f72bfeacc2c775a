//! The database of threads' last states, in this origin. The client decides which are saved, and when.

mod clear;
mod database;
mod name;

pub use clear::{ClearError, clear_data};

use crate::{clock::wall_clock, driver::Driver};
use database::{Database, Wrong};
use rejoin_core::{Cache, Input, SavedEffect, SavedInput, SavedKey, wire::ThreadId};
use std::{
    cell::{Cell, RefCell},
    rc::{Rc, Weak},
};

/// A place for the last states of threads. Each call is carried out as soon as possible.
pub(crate) trait SavedPlace {
    fn take(self: Rc<Self>, driver: &Weak<Driver>, effect: SavedEffect);
}

/// The most calls that wait for a slow database. Further ones are left out: they are worth no more than a moment.
const WAITING_MAX: usize = 4;

/// The database, and what waits for it: one order is carried out after the other.
#[derive(Default)]
pub(crate) struct IndexedStates {
    database: Database,
    waiting: RefCell<Vec<SavedEffect>>,
    busy: Cell<bool>,
    /// The thread that was read last, and the name that it had for the user then.
    read: RefCell<Option<(ThreadId, String)>>,
}

impl SavedPlace for IndexedStates {
    fn take(self: Rc<Self>, driver: &Weak<Driver>, effect: SavedEffect) {
        let mut waiting = self.waiting.borrow_mut();
        if waiting.len() < WAITING_MAX {
            waiting.push(effect);
        }
        drop(waiting);
        self.go_on(driver);
    }
}

impl IndexedStates {
    fn go_on(self: Rc<Self>, driver: &Weak<Driver>) {
        if self.busy.get() || self.waiting.borrow().is_empty() {
            return;
        }
        self.busy.set(true);
        let effect = self.waiting.borrow_mut().remove(0);
        let driver = Weak::clone(driver);
        name::find(
            driver.upgrade().as_deref(),
            key_of(&effect).clone(),
            Box::new(move |name| match name {
                Ok(name) => self.carry_out(&driver, effect, name),
                Err(why) => self.done(&driver, Err(Wrong::Failed(why))),
            }),
        );
    }

    fn carry_out(self: Rc<Self>, driver: &Weak<Driver>, effect: SavedEffect, name: String) {
        match effect {
            SavedEffect::Load { key } => self.load(driver, key.thread_id, name),
            SavedEffect::Save { key, text, cache } => {
                self.save(driver, &key.thread_id, name, text, cache);
            }
            SavedEffect::Remove { .. } => {
                let this = Rc::clone(&self);
                let driver = Weak::clone(driver);
                self.database
                    .remove(name, Box::new(move |done| this.done(&driver, done)));
            }
        }
    }

    fn load(self: Rc<Self>, driver: &Weak<Driver>, thread_id: ThreadId, name: String) {
        self.read.replace(Some((thread_id.clone(), name.clone())));
        let this = Rc::clone(&self);
        let driver = Weak::clone(driver);
        let read = move |read: Result<Option<String>, Wrong>| {
            let (text, done) = match read {
                Ok(text) => (text, Ok(())),
                Err(why) => (None, Err(why)),
            };
            if let Some(driver) = driver.upgrade() {
                driver.feed(Input::Saved(SavedInput::Read {
                    thread_id,
                    text,
                    wall_clock: wall_clock(),
                }));
            }
            this.done(&driver, done);
        };
        self.database.load(name, Box::new(read));
    }

    fn save(
        self: Rc<Self>,
        driver: &Weak<Driver>,
        thread_id: &ThreadId,
        name: String,
        text: String,
        cache: Cache,
    ) {
        let is_anothers = |(read, before): &(ThreadId, String)| {
            // The headers name another user by now: whose the state is is not known.
            read == thread_id && *before != name
        };
        if self.read.borrow().as_ref().is_some_and(is_anothers) {
            return self.done(driver, Ok(()));
        }
        let this = Rc::clone(&self);
        let driver = Weak::clone(driver);
        let done = Box::new(move |done| this.done(&driver, done));
        self.database.save(name, text, cache, done);
    }

    /// An order was carried out, or cannot be.
    fn done(self: Rc<Self>, driver: &Weak<Driver>, done: Result<(), Wrong>) {
        self.busy.set(false);
        if let (Err(Wrong::Failed(why)), Some(driver)) = (done, driver.upgrade()) {
            driver.feed(Input::Saved(SavedInput::Failed { why }));
        }
        self.go_on(driver);
    }
}

fn key_of(effect: &SavedEffect) -> &SavedKey {
    match effect {
        SavedEffect::Load { key } | SavedEffect::Save { key, .. } | SavedEffect::Remove { key } => {
            key
        }
    }
}
