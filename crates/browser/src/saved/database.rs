//! The database: states under their names, and beside them an index, so that what was used longest ago can go.
//!
//! When a page is left, the browser rolls back its uncommitted changes. So a state is stored without reading anything
//! before, and committed at once. The index follows, if the page still lives. States that the index lacks are removed with
//! its next change.
//!
//! Everything about it may be missing, throw, fail, or never answer. It is opened when it is first needed, and not again when that
//! has failed.

use crate::{scope, storage::LastLogout, thrown_words, when_settled};
use js_sys::{Array, Promise};
use rejoin_core::{Cache, SavedIndex};
use std::{
    cell::RefCell,
    rc::{Rc, Weak},
};
use wasm_bindgen::{JsCast, JsValue, closure::Closure, prelude::wasm_bindgen};
use web_sys::{
    IdbDatabase, IdbFactory, IdbObjectStore, IdbOpenDbRequest, IdbRequest, IdbTransaction,
    IdbTransactionMode,
};

#[wasm_bindgen]
extern "C" {
    // That of `web_sys` is marked as deprecated, which no browser says.
    type Committed;
    #[wasm_bindgen(method, catch)]
    fn commit(this: &Committed) -> Result<(), JsValue>;
}

/// The database's name. Every name of what is stored in this origin begins with `rejoin`.
pub(super) const NAME: &str = "rejoin";
const VERSION: u32 = 1;
const STATES: &str = "states";
/// The key of the index. States have digests for names.
const INDEX: &str = "index";

/// Takes what has come of something.
pub(super) type Told<T> = Box<dyn FnOnce(Result<T, Wrong>)>;

/// Why something was not done.
pub(super) enum Wrong {
    /// It has failed, in words.
    Failed(String),
    /// The database is closed for good: as it has failed before, or as its data was cleared.
    Closed,
}

impl Wrong {
    fn thrown(thrown: &JsValue) -> Self {
        Self::Failed(thrown_words(thrown))
    }
}

/// A database that is opened when it is first needed. After a logout it is closed for good.
#[derive(Default)]
pub(super) struct Database {
    open: Rc<RefCell<Open>>,
    logout: Rc<LastLogout>,
}

#[derive(Default)]
enum Open {
    #[default]
    Not,
    Yes(IdbDatabase),
    /// For good.
    Closed,
}

impl Database {
    /// Reads a text.
    pub(super) fn load(&self, name: String, told: Told<Option<String>>) {
        let open = Rc::clone(&self.open);
        self.with(
            told,
            Box::new(move |database, told| {
                let store = states(&database, IdbTransactionMode::Readonly);
                let asked = store.and_then(|store| store.get(&name.as_str().into()));
                when_done(
                    asked,
                    Box::new(move |found| {
                        let text = found.map(|found| found.as_string());
                        if let Ok(Some(found)) = &text {
                            // Whoever waits for the text need not wait for this.
                            let bytes = found.len();
                            let used = move |index: &mut SavedIndex| index.used(&name, bytes);
                            change(&open, Box::new(used), ignore());
                        }
                        told(text);
                    }),
                );
            }),
        );
    }

    /// Stores a text, and removes what was used longest ago until all of it is within the bounds.
    pub(super) fn save(&self, name: String, text: String, cache: Cache, told: Told<()>) {
        let open = Rc::clone(&self.open);
        self.with(
            told,
            Box::new(move |database, told: Told<()>| {
                let store = match states(&database, IdbTransactionMode::Readwrite) {
                    Ok(store) => store,
                    Err(thrown) => return told(Err(Wrong::thrown(&thrown))),
                };
                let transaction = store.transaction();
                let bytes = text.len();
                // What fails takes the transaction back, which is told.
                drop(store.put_with_key(&text.as_str().into(), &name.as_str().into()));
                when_complete(
                    &transaction,
                    Box::new(move |stored| {
                        if stored.is_err() {
                            return told(stored);
                        }
                        let note = move |index: &mut SavedIndex| {
                            index.saved(&name, bytes, &cache);
                            true
                        };
                        change(&open, Box::new(note), told);
                    }),
                );
                commit(&transaction);
            }),
        );
    }

    /// Removes a text.
    pub(super) fn remove(&self, name: String, told: Told<()>) {
        let open = Rc::clone(&self.open);
        let remove = Box::new(move |index: &mut SavedIndex| {
            index.removed(&name);
            true
        });
        self.with(told, Box::new(move |_, told| change(&open, remove, told)));
    }

    /// Does something with the database, once it is open.
    fn with<T: 'static>(&self, told: Told<T>, then: Box<dyn FnOnce(IdbDatabase, Told<T>)>) {
        if !self.logout.is_still_last() {
            return told(Err(Wrong::Closed));
        }
        match &*self.open.borrow() {
            Open::Yes(database) => return then(database.clone(), told),
            Open::Closed => return told(Err(Wrong::Closed)),
            Open::Not => {}
        }
        let request = match open_request() {
            Ok(request) => request,
            Err(thrown) => {
                self.open.replace(Open::Closed);
                return told(Err(Wrong::thrown(&thrown)));
            }
        };
        make_store(&request);
        let open = Rc::clone(&self.open);
        let logout = Rc::clone(&self.logout);
        when_done(
            Ok(request.unchecked_into()),
            Box::new(move |opened| match opened {
                Ok(database) => {
                    let database: IdbDatabase = database.unchecked_into();
                    if !logout.is_still_last() {
                        database.close();
                        return told(Err(Wrong::Closed));
                    }
                    give_way(&database, &open);
                    open.replace(Open::Yes(database.clone()));
                    then(database, told);
                }
                Err(why) => {
                    open.replace(Open::Closed);
                    told(Err(why));
                }
            }),
        );
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Open::Yes(database) = self.open.replace(Open::Closed) {
            database.set_onversionchange(None);
            database.close();
        }
    }
}

fn ignore() -> Told<()> {
    Box::new(|_| ())
}

/// Changes the index. Whether anything was changed.
type Change = Box<dyn FnOnce(&mut SavedIndex) -> bool>;

/// Makes a change in one transaction: all of it, or nothing.
fn change(open: &RefCell<Open>, make: Change, told: Told<()>) {
    let Open::Yes(database) = &*open.borrow() else {
        return told(Err(Wrong::Closed));
    };
    let store = match states(database, IdbTransactionMode::Readwrite) {
        Ok(store) => store,
        Err(thrown) => return told(Err(Wrong::thrown(&thrown))),
    };
    when_complete(&store.transaction(), told);
    let index = store.get(&INDEX.into());
    when_done(
        index,
        Box::new(move |found| {
            let Ok(found) = found else { return };
            let read = found.as_string().and_then(|text| SavedIndex::read(&text));
            let mut index = read.unwrap_or_default();
            // What fails takes the transaction back, which is told.
            if make(&mut index) {
                drop(store.put_with_key(&index.written().into(), &INDEX.into()));
                remove_others(store, index);
            }
        }),
    );
}

/// Removes the states that the index lacks. Nothing else would ever remove them.
fn remove_others(store: IdbObjectStore, index: SavedIndex) {
    let names = store.get_all_keys();
    when_done(
        names,
        Box::new(move |names| {
            let Ok(names) = names else { return };
            for name in Array::from(&names) {
                let is_known = |name: &str| name == INDEX || index.has(name);
                if !name.as_string().is_some_and(|name| is_known(&name)) {
                    drop(store.delete(&name));
                }
            }
            commit(&store.transaction());
        }),
    );
}

/// Nothing more is asked of the transaction. Browsers that cannot be told find out by themselves.
fn commit(transaction: &IdbTransaction) {
    drop(transaction.unchecked_ref::<Committed>().commit());
}

/// The page's factory. Its getter throws where storage is refused.
pub(super) fn factory() -> Result<IdbFactory, JsValue> {
    let factory = scope().indexed_db()?;
    factory.ok_or_else(|| JsValue::from_str("there is no IndexedDB"))
}

fn open_request() -> Result<IdbOpenDbRequest, JsValue> {
    factory()?.open_with_u32(NAME, VERSION)
}

fn states(database: &IdbDatabase, mode: IdbTransactionMode) -> Result<IdbObjectStore, JsValue> {
    database
        .transaction_with_str_and_mode(STATES, mode)?
        .object_store(STATES)
}

/// A new database has a place for states.
fn make_store(request: &IdbOpenDbRequest) {
    let asked = request.clone();
    let make = Closure::once_into_js(move || {
        if let Ok(database) = asked.result() {
            let database: IdbDatabase = database.unchecked_into();
            drop(database.create_object_store(STATES));
        }
    });
    request.set_onupgradeneeded(Some(make.unchecked_ref()));
}

/// A page that deletes the database, or needs another version of it, does not have to wait for this page. Anything that this
/// page would still save belongs to the earlier user.
fn give_way(database: &IdbDatabase, open: &Rc<RefCell<Open>>) {
    let open: Weak<RefCell<Open>> = Rc::downgrade(open);
    let closed = database.clone();
    let close = Closure::once_into_js(move || {
        closed.close();
        if let Some(open) = open.upgrade() {
            open.replace(Open::Closed);
        }
    });
    database.set_onversionchange(Some(close.unchecked_ref()));
}

/// Tells what a request has given.
pub(super) fn when_done(request: Result<IdbRequest, JsValue>, told: Told<JsValue>) {
    let request = match request {
        Ok(request) => request,
        Err(thrown) => return told(Err(Wrong::thrown(&thrown))),
    };
    // What is done when a promise settles is still part of the transaction.
    let settled = Promise::new(&mut |fulfil, reject| {
        request.set_onsuccess(Some(&fulfil));
        request.set_onerror(Some(&reject));
    });
    let done = move |settled: Result<JsValue, JsValue>| {
        told(match settled {
            Ok(_) => request.result().map_err(|thrown| Wrong::thrown(&thrown)),
            Err(_) => Err(why(request.error())),
        });
    };
    when_settled(Ok(settled.into()), Box::new(done));
}

/// Tells whether a transaction was carried out.
fn when_complete(transaction: &IdbTransaction, told: Told<()>) {
    let transaction = transaction.clone();
    let settled = Promise::new(&mut |fulfil, reject| {
        transaction.set_oncomplete(Some(&fulfil));
        transaction.set_onabort(Some(&reject));
    });
    let done = move |settled: Result<JsValue, JsValue>| {
        told(match settled {
            Ok(_) => Ok(()),
            Err(_) => Err(why(Ok(transaction.error()))),
        });
    };
    when_settled(Ok(settled.into()), Box::new(done));
}

fn why(error: Result<Option<web_sys::DomException>, JsValue>) -> Wrong {
    Wrong::Failed(match error {
        Ok(Some(error)) => thrown_words(&error),
        Ok(None) => "it was not carried out".to_owned(),
        Err(thrown) => thrown_words(&thrown),
    })
}
