//! The shown thread, and the place of its id.

use leptos::prelude::{Get, GetUntracked, Memo, ReadSignal, RwSignal, Set, Signal};
use rejoin_browser::{RecordStore, StorageError};
use rejoin_core::{ErrorCode, wire::ThreadId};
use std::{fmt, rc::Rc};
use wasm_bindgen::JsValue;

/// The thread of a stream, for [`crate::UseStreamOptions::thread_id`]: an id (`&str`, `String`, [`ThreadId`]), an option
/// of one, or a signal of such an option, which is followed.
#[derive(Clone)]
pub struct ThreadSource(Source);

#[derive(Clone)]
enum Source {
    Id(Option<ThreadId>),
    Signal(Signal<Option<ThreadId>>),
}

impl ThreadSource {
    /// The thread of this moment.
    pub(crate) fn now(&self) -> Option<ThreadId> {
        match &self.0 {
            Source::Id(id) => id.clone(),
            Source::Signal(signal) => signal.get_untracked(),
        }
    }

    /// The signal to follow.
    pub(crate) fn signal(&self) -> Option<Signal<Option<ThreadId>>> {
        match &self.0 {
            Source::Id(_) => None,
            Source::Signal(signal) => Some(*signal),
        }
    }
}

impl Default for ThreadSource {
    /// A new thread.
    fn default() -> Self {
        Self(Source::Id(None))
    }
}

impl fmt::Debug for ThreadSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::Id(id) => f.debug_tuple("ThreadSource").field(id).finish(),
            Source::Signal(_) => f.write_str("ThreadSource(signal)"),
        }
    }
}

macro_rules! from_ids {
    ($($id:ty),*) => {$(
        impl From<$id> for ThreadSource {
            fn from(id: $id) -> Self {
                Self(Source::Id(Some(id.into())))
            }
        }
    )*};
}

from_ids!(&str, String, ThreadId, &ThreadId);

impl<T: Into<ThreadId>> From<Option<T>> for ThreadSource {
    fn from(id: Option<T>) -> Self {
        Self(Source::Id(id.map(Into::into)))
    }
}

macro_rules! from_signals {
    ($($signal:ident),*) => {$(
        impl<T: Into<ThreadId> + Clone + Send + Sync + 'static> From<$signal<Option<T>>> for ThreadSource {
            fn from(signal: $signal<Option<T>>) -> Self {
                Self(Source::Signal(Signal::derive(move || signal.get().map(Into::into))))
            }
        }
    )*};
}

from_signals!(Signal, ReadSignal, RwSignal, Memo);

/// The place of the thread's id outside of the stream, so that a reload finds it.
#[derive(Debug, Clone, Default)]
pub(crate) struct ThreadPlaces {
    /// A parameter of the page's address.
    pub(crate) parameter: Option<String>,
    /// A key in the storage.
    pub(crate) key: Option<String>,
}

/// The place of the thread's id, and the callback for its failures.
#[derive(Clone)]
pub(crate) struct Kept {
    places: ThreadPlaces,
    store: Rc<dyn RecordStore>,
    storage_error: RwSignal<Option<ErrorCode>>,
}

impl Kept {
    pub(crate) fn new(
        places: ThreadPlaces,
        store: Rc<dyn RecordStore>,
        storage_error: RwSignal<Option<ErrorCode>>,
    ) -> Self {
        Self {
            places,
            store,
            storage_error,
        }
    }

    /// The thread that is kept: the address's, else the one that is remembered.
    pub(crate) fn read(&self) -> Option<ThreadId> {
        let read = self.places.read(&*self.store);
        self.tell(read.as_ref().err());
        read.ok().flatten()
    }

    /// The thread in the page's address.
    pub(crate) fn in_address(&self) -> Option<ThreadId> {
        self.places.in_address()
    }

    /// Keeps the thread that is shown now; `None` is one without an id.
    pub(crate) fn write(&self, thread: Option<&ThreadId>, entry: HistoryEntry) {
        self.places.write_address(thread, entry);
        self.remember(thread);
    }

    /// Keeps the thread in the storage only.
    pub(crate) fn remember(&self, thread: Option<&ThreadId>) {
        let remembered = self.places.remember(thread, &*self.store);
        self.tell(remembered.as_ref().err());
    }

    fn tell(&self, error: Option<&StorageError>) {
        if let Some(error) = error {
            self.storage_error.try_set(Some(error.code()));
        }
    }
}

/// The way a change of the thread is written into the page's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HistoryEntry {
    /// In place of the present entry: the thread has got its name.
    Same,
    /// As a new entry, so that Back leads to the thread before.
    New,
}

impl ThreadPlaces {
    /// Whether there is any.
    pub(crate) fn is_empty(&self) -> bool {
        self.parameter.is_none() && self.key.is_none()
    }

    fn read(&self, store: &dyn RecordStore) -> Result<Option<ThreadId>, StorageError> {
        if let Some(thread) = self.in_address() {
            return Ok(Some(thread));
        }
        let Some(key) = &self.key else {
            return Ok(None);
        };
        let thread = store.load(key)?.filter(|id| !id.is_empty());
        Ok(thread.map(ThreadId::from))
    }

    fn in_address(&self) -> Option<ThreadId> {
        let parameter = self.parameter.as_ref()?;
        let id = address()?.search_params().get(parameter);
        id.filter(|id| !id.is_empty()).map(ThreadId::from)
    }

    fn remember(
        &self,
        thread: Option<&ThreadId>,
        store: &dyn RecordStore,
    ) -> Result<(), StorageError> {
        match (&self.key, thread) {
            (Some(key), Some(thread)) => store.save(key, thread.as_str()),
            (Some(key), None) => store.remove(key),
            (None, _) => Ok(()),
        }
    }

    fn write_address(&self, thread: Option<&ThreadId>, entry: HistoryEntry) {
        if self.parameter.is_none() || self.in_address().as_ref() == thread {
            return;
        }
        let (Some(parameter), Some(address)) = (&self.parameter, address()) else {
            return;
        };
        match thread {
            Some(thread) => address.search_params().set(parameter, thread.as_str()),
            None => address.search_params().delete(parameter),
        }
        let Some(history) = web_sys::window().and_then(|window| window.history().ok()) else {
            return;
        };
        let url = address.href();
        // Fails only where the document has no address of its own; then there is none to keep.
        drop(match entry {
            // The state belongs to whoever wrote it, such as a router.
            HistoryEntry::Same => {
                let state = history.state().unwrap_or(JsValue::NULL);
                history.replace_state_with_url(&state, "", Some(&url))
            }
            HistoryEntry::New => history.push_state_with_url(&JsValue::NULL, "", Some(&url)),
        });
    }
}

fn address() -> Option<web_sys::Url> {
    let href = web_sys::window()?.location().href().ok()?;
    web_sys::Url::new(&href).ok()
}

#[cfg(test)]
mod tests {
    use super::ThreadSource;
    use leptos::prelude::{Memo, Owner, RwSignal, Set};
    use rejoin_core::wire::ThreadId;

    #[test]
    fn a_thread_is_named_as_people_have_it() {
        let id = Some(ThreadId::from("t"));
        let of = |source: ThreadSource| source.now();
        assert_eq!(of("t".into()), id);
        assert_eq!(of("t".to_owned().into()), id);
        assert_eq!(of(ThreadId::from("t").into()), id);
        assert_eq!(of(Some("t").into()), id);
        assert_eq!(of(None::<String>.into()), None);
        assert_eq!(of(ThreadSource::default()), None);
    }

    #[test]
    fn a_signal_of_any_kind_of_id_is_followed() {
        Owner::new().with(|| {
            let text = RwSignal::new(None::<String>);
            let sources: [ThreadSource; 2] = [
                text.into(),
                Memo::new(move |_| leptos::prelude::Get::get(&text)).into(),
            ];
            text.set(Some("t".to_owned()));
            for source in sources {
                assert_eq!(source.now(), Some(ThreadId::from("t")));
                assert!(source.signal().is_some());
            }
        });
    }
}
