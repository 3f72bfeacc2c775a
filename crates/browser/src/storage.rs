//! The storage of run records.

use crate::{clock::random_uuid, page::document, scope, thrown_words};
use rejoin_core::{ErrorCode, with_part};
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use web_sys::Storage;

/// A place for records: texts under keys. No header, token or key is ever part of one.
///
/// Called synchronously, also while the page goes away, so nothing here can wait.
pub trait RecordStore {
    /// The text under `key`.
    ///
    /// # Errors
    /// If the place cannot be read.
    fn load(&self, key: &str) -> Result<Option<String>, StorageError>;

    /// Stores `text` under `key`, instead of what was there.
    ///
    /// # Errors
    /// If it is full or cannot be written; what was there before then stays.
    fn save(&self, key: &str, text: &str) -> Result<(), StorageError>;

    /// Removes what is stored under `key`, if anything.
    ///
    /// # Errors
    /// If the place cannot be written.
    fn remove(&self, key: &str) -> Result<(), StorageError>;
}

/// Why a place for records does not work.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StorageError {
    /// There is no room. The person can clear the site's data; the client goes on without.
    Full,
    /// It is switched off, absent or refused, as in a private window or a sandboxed frame.
    Denied {
        /// The browser's words.
        message: String,
    },
}

impl StorageError {
    /// The stable code.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Full => ErrorCode::StorageFull,
            Self::Denied { .. } => ErrorCode::StorageDenied,
        }
    }

    fn from_thrown(thrown: &JsValue) -> Self {
        let name = js_sys::Reflect::get(thrown, &"name".into())
            .ok()
            .and_then(|name| name.as_string());
        match name.as_deref() {
            Some("QuotaExceededError" | "NS_ERROR_DOM_QUOTA_REACHED") => Self::Full,
            Some(_) | None => Self::Denied {
                message: thrown_words(thrown),
            },
        }
    }
}

impl std::fmt::Display for StorageError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code().message())
    }
}

impl std::error::Error for StorageError {}

#[wasm_bindgen]
extern "C" {
    /// Anything with `getItem`, `setItem` and `removeItem`. They must not wait for anything.
    #[derive(Debug, Clone)]
    pub type JsStore;

    #[wasm_bindgen(method, catch, js_name = getItem)]
    fn get_item(this: &JsStore, key: &str) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch, js_name = setItem)]
    fn set_item(this: &JsStore, key: &str, value: &str) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = removeItem)]
    fn remove_item(this: &JsStore, key: &str) -> Result<(), JsValue>;
}

impl RecordStore for JsStore {
    fn load(&self, key: &str) -> Result<Option<String>, StorageError> {
        let item = self
            .get_item(key)
            .map_err(|thrown| StorageError::from_thrown(&thrown))?;
        Ok(item.as_string())
    }

    fn save(&self, key: &str, text: &str) -> Result<(), StorageError> {
        self.set_item(key, text)
            .map_err(|thrown| StorageError::from_thrown(&thrown))
    }

    fn remove(&self, key: &str) -> Result<(), StorageError> {
        self.remove_item(key)
            .map_err(|thrown| StorageError::from_thrown(&thrown))
    }
}

/// The key of the mark that a logout leaves; each logout leaves a different one. It tells nothing about anybody, and stays
/// when the rest is removed.
pub(crate) const LOGOUT_KEY: &str = "rejoin-logout";

/// With what keys in the page's stores begin.
const PREFIXES: [&str; 2] = ["rejoin:", "rejoin.events|"];

/// The last logout in this browser, as it was when somebody began to store something. Tabs share `localStorage`, so a logout in one of
/// them is seen in all. Streams that began before it store and read nothing more.
pub(crate) struct LastLogout(Option<String>);

impl LastLogout {
    /// The last mark so far. Entries of this tab's `sessionStorage` from before that logout are removed, because no other tab
    /// can do so.
    pub(crate) fn so_far() -> Self {
        let mark = mark_of(&LocalStore);
        heed(mark.as_deref());
        Self(mark)
    }

    /// Whether nobody has logged out since.
    pub(crate) fn is_still_last(&self) -> bool {
        mark_of(&LocalStore) == self.0
    }
}

impl Default for LastLogout {
    fn default() -> Self {
        Self::so_far()
    }
}

/// Somebody has logged out in another tab, just now.
pub(crate) fn logout_heard() {
    heed(mark_of(&LocalStore).as_deref());
}

/// Somebody logs out in this tab.
pub(crate) fn log_out() {
    let mark = random_uuid();
    // The mark comes first: who hears of the removal must see it. A full store has room for it only then.
    drop(LocalStore.save(LOGOUT_KEY, &mark));
    clear_local();
    drop(LocalStore.save(LOGOUT_KEY, &mark));
    heed(Some(&mark));
}

/// Removes our entries from `localStorage`, which all tabs share.
pub(crate) fn clear_local() {
    if let Ok(Some(store)) = scope().local_storage() {
        clear_store(&store);
    }
}

/// Removes our entries from this tab's `sessionStorage`, once for each logout.
fn heed(mark: Option<&str>) {
    if mark.is_none() || mark_of(&SessionStore).as_deref() == mark {
        return;
    }
    if let Ok(Some(store)) = scope().session_storage() {
        clear_store(&store);
    }
    if let Some(mark) = mark {
        drop(SessionStore.save(LOGOUT_KEY, mark));
    }
}

/// Only a page has such stores; Node.js warns whoever asks it for them.
fn mark_of(store: &dyn RecordStore) -> Option<String> {
    document()?;
    store.load(LOGOUT_KEY).ok().flatten()
}

fn clear_store(store: &Storage) {
    let length = store.length().unwrap_or_default();
    let keys = (0..length).filter_map(|at| store.key(at).ok().flatten());
    let is_ours = |key: &String| PREFIXES.iter().any(|prefix| key.starts_with(prefix));
    let ours: Vec<String> = keys.filter(is_ours).collect();
    for key in ours {
        drop(store.remove_item(&key));
    }
}

/// A store of the page. Asked for each time: the getter itself throws where storage is refused, and that can change.
fn page_store(name: &str) -> Result<JsStore, StorageError> {
    let store = js_sys::Reflect::get(&scope(), &name.into())
        .map_err(|thrown| StorageError::from_thrown(&thrown))?;
    if store.is_object() {
        Ok(store.unchecked_into())
    } else {
        Err(StorageError::Denied {
            message: [name, " is absent"].concat(),
        })
    }
}

macro_rules! page_stores {
    ($($(#[$doc:meta])* $name:ident, $getter:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default)]
        pub struct $name;

        impl RecordStore for $name {
            fn load(&self, key: &str) -> Result<Option<String>, StorageError> {
                page_store($getter)?.load(key)
            }

            fn save(&self, key: &str, text: &str) -> Result<(), StorageError> {
                page_store($getter)?.save(key, text)
            }

            fn remove(&self, key: &str) -> Result<(), StorageError> {
                page_store($getter)?.remove(key)
            }
        }
    )*};
}

page_stores! {
    /// `localStorage`: every tab of the origin, until it is removed.
    LocalStore, "localStorage";
    /// `sessionStorage`: this tab, until it is closed.
    SessionStore, "sessionStorage";
}

/// Memory: this page, until it is left. Never fails.
#[derive(Debug, Default)]
pub struct MemoryStore {
    texts: RefCell<Vec<(String, String)>>,
}

impl MemoryStore {
    fn place(&self, key: &str) -> Option<usize> {
        self.texts.borrow().iter().position(|(at, _)| at == key)
    }
}

impl RecordStore for MemoryStore {
    fn load(&self, key: &str) -> Result<Option<String>, StorageError> {
        let place = self.place(key);
        Ok(place.map(|place| self.texts.borrow()[place].1.clone()))
    }

    fn save(&self, key: &str, text: &str) -> Result<(), StorageError> {
        self.remove(key)?;
        let entry = (key.to_owned(), text.to_owned());
        self.texts.borrow_mut().push(entry);
        Ok(())
    }

    fn remove(&self, key: &str) -> Result<(), StorageError> {
        if let Some(place) = self.place(key) {
            self.texts.borrow_mut().swap_remove(place);
        }
        Ok(())
    }
}

/// A text, `None` where there is none, or why that is not known.
type Loaded = Result<Option<String>, ErrorCode>;

/// A store, and memory for what it would not take. After a logout it is empty and stays so.
pub(crate) struct Records {
    store: Rc<dyn RecordStore>,
    refused: MemoryStore,
    /// Parts of texts that the store would not take: the text's key, the part's name, the part.
    refused_parts: RefCell<Vec<(String, String, String)>>,
    told: Cell<Option<ErrorCode>>,
    logout: LastLogout,
}

impl Records {
    pub(crate) fn new(store: Rc<dyn RecordStore>) -> Self {
        Self {
            store,
            refused: MemoryStore::default(),
            refused_parts: RefCell::default(),
            told: Cell::new(None),
            logout: LastLogout::so_far(),
        }
    }

    /// The text, and a new error to tell. The text is an error if the store cannot be read and memory holds no part of it.
    pub(crate) fn load(&self, key: &str) -> (Loaded, Option<ErrorCode>) {
        if !self.logout.is_still_last() {
            return (Ok(None), None);
        }
        let result = self.store.load(key);
        let wrong = self.newly_wrong(result.as_ref().err());
        // Memory does not fail.
        let mut text = match self.refused.load(key).ok().flatten() {
            Some(refused) => Ok(Some(refused)),
            None => result.map_err(|error| error.code()),
        };
        for (at, name, part) in &*self.refused_parts.borrow() {
            if at == key {
                text = Ok(with_part(text.ok().flatten().as_deref(), name, Some(part)));
            }
        }
        (text, wrong)
    }

    /// Stores a text. Returns the error, if it is a new one.
    pub(crate) fn save(&self, key: &str, text: &str) -> Option<ErrorCode> {
        if !self.logout.is_still_last() {
            return None;
        }
        let result = self.store.save(key, text);
        // Memory does not fail.
        let _ = match &result {
            Ok(()) => self.refused.remove(key),
            Err(_) => self.refused.save(key, text),
        };
        self.newly_wrong(result.as_ref().err())
    }

    /// Stores a part of a text, or takes it away. Returns the error, if it is a new one. A text that cannot be read is left as it is,
    /// as the parts of others are in it.
    pub(crate) fn save_part(&self, key: &str, name: &str, part: Option<&str>) -> Option<ErrorCode> {
        if !self.logout.is_still_last() {
            return None;
        }
        let stored = self.store.load(key);
        let result = stored.and_then(|stored| match with_part(stored.as_deref(), name, part) {
            Some(text) => self.store.save(key, &text),
            None => self.store.remove(key),
        });
        let mut refused = self.refused_parts.borrow_mut();
        refused.retain(|(at, other, _)| at != key || other != name);
        if let (Err(_), Some(part)) = (&result, part) {
            refused.push((key.to_owned(), name.to_owned(), part.to_owned()));
        }
        self.newly_wrong(result.as_ref().err())
    }

    /// Removes a text. Returns the error, if it is a new one.
    pub(crate) fn remove(&self, key: &str) -> Option<ErrorCode> {
        if !self.logout.is_still_last() {
            return None;
        }
        let _ = self.refused.remove(key);
        self.newly_wrong(self.store.remove(key).as_ref().err())
    }

    /// A store that fails once a second is reported once, and again after it has worked.
    fn newly_wrong(&self, error: Option<&StorageError>) -> Option<ErrorCode> {
        let code = error.map(StorageError::code);
        if self.told.replace(code) == code {
            None
        } else {
            code
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{MemoryStore, RecordStore, Records, StorageError};
    use rejoin_core::ErrorCode;
    use std::{cell::Cell, rc::Rc};

    #[derive(Default)]
    struct Flaky {
        inner: MemoryStore,
        full: Cell<bool>,
        denied: Cell<bool>,
    }

    impl RecordStore for Flaky {
        fn load(&self, key: &str) -> Result<Option<String>, StorageError> {
            if self.denied.get() {
                let message = "it is denied".to_owned();
                return Err(StorageError::Denied { message });
            }
            self.inner.load(key)
        }

        fn save(&self, key: &str, text: &str) -> Result<(), StorageError> {
            if self.full.get() {
                Err(StorageError::Full)
            } else {
                self.inner.save(key, text)
            }
        }

        fn remove(&self, key: &str) -> Result<(), StorageError> {
            self.inner.remove(key)
        }
    }

    #[cfg_attr(not(target_arch = "wasm32"), test)]
    #[cfg_attr(target_arch = "wasm32", wasm_bindgen_test::wasm_bindgen_test)]
    fn what_a_full_store_refuses_is_kept_in_memory_and_told_once() {
        let flaky = Rc::new(Flaky::default());
        let records = Records::new(flaky.clone());
        assert_eq!(records.save("k", "1"), None);
        flaky.full.set(true);
        assert_eq!(records.save("k", "2"), Some(ErrorCode::StorageFull));
        assert_eq!(records.save("k", "3"), None);
        assert_eq!(records.load("k").0, Ok(Some("3".to_owned())));
        flaky.full.set(false);
        assert_eq!(records.save("k", "4"), None);
        assert_eq!(records.load("k"), (Ok(Some("4".to_owned())), None));
        flaky.full.set(true);
        assert_eq!(records.save("k", "5"), Some(ErrorCode::StorageFull));
        records.remove("k");
        assert_eq!(records.load("k").0, Ok(None));
    }

    fn text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[cfg_attr(not(target_arch = "wasm32"), test)]
    #[cfg_attr(target_arch = "wasm32", wasm_bindgen_test::wasm_bindgen_test)]
    fn a_store_that_cannot_be_read_is_not_taken_for_an_empty_one() {
        let flaky = Rc::new(Flaky::default());
        let records = Records::new(flaky.clone());
        flaky.denied.set(true);
        let denied = ErrorCode::StorageDenied;
        assert_eq!(records.load("k"), (Err(denied), Some(denied)));
        assert_eq!(records.load("k"), (Err(denied), None));
        flaky.denied.set(false);
        assert_eq!(records.load("k"), (Ok(None), None));
    }

    #[cfg_attr(not(target_arch = "wasm32"), test)]
    #[cfg_attr(target_arch = "wasm32", wasm_bindgen_test::wasm_bindgen_test)]
    fn a_part_that_the_store_refuses_leaves_the_parts_of_others_in_it() {
        let flaky = Rc::new(Flaky::default());
        let (one, two) = (Records::new(flaky.clone()), Records::new(flaky.clone()));
        assert_eq!(one.save_part("k", "one", Some("[1]")), None);
        flaky.denied.set(true);
        let denied = Some(ErrorCode::StorageDenied);
        assert_eq!(two.save_part("k", "two", Some("[2]")), denied);
        assert_eq!(two.load("k").0, Ok(text(r#"{"two":[2]}"#)));
        flaky.denied.set(false);
        assert_eq!(two.load("k").0, Ok(text(r#"{"one":[1],"two":[2]}"#)));
        assert_eq!(one.load("k").0, Ok(text(r#"{"one":[1]}"#)));
        // What others do meanwhile is seen.
        one.save_part("k", "one", None);
        assert_eq!(two.load("k").0, Ok(text(r#"{"two":[2]}"#)));
        one.save_part("k", "one", Some("[3]"));
        assert_eq!(two.save_part("k", "two", Some("[4]")), None);
        assert_eq!(one.load("k").0, Ok(text(r#"{"one":[3],"two":[4]}"#)));
    }

    #[cfg_attr(not(target_arch = "wasm32"), test)]
    #[cfg_attr(target_arch = "wasm32", wasm_bindgen_test::wasm_bindgen_test)]
    fn a_part_that_cannot_be_taken_away_is_still_there() {
        let flaky = Rc::new(Flaky::default());
        let records = Records::new(flaky.clone());
        records.save_part("k", "one", Some("[1]"));
        flaky.denied.set(true);
        let denied = ErrorCode::StorageDenied;
        assert_eq!(records.save_part("k", "one", None), Some(denied));
        assert_eq!(records.load("k").0, Err(denied));
        flaky.denied.set(false);
        assert_eq!(records.load("k").0, Ok(text(r#"{"one":[1]}"#)));
    }
}
