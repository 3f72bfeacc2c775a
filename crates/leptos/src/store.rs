//! Streams that outlive the components that show them.

use crate::{UseStream, UseStreamOptions, arena::Place, use_stream};
use leptos::prelude::{Owner, StoredValue, UpdateValue, WithValue, provide_context, use_context};
use std::{collections::HashMap, fmt};

/// Streams by key, in a context. They live as long as the owner that called [`provide_stream_store`]. A component that is
/// left and comes back finds its stream as it was, still connected. Two components with one key share one client.
#[derive(Clone, Copy)]
pub struct StreamStore {
    streams: StoredValue<HashMap<String, Kept>>,
    place: StoredValue<Place>,
}

struct Kept {
    owner: Owner,
    stream: UseStream,
}

/// Makes a store for everything below the current owner, as in the application's root component.
pub fn provide_stream_store() -> StreamStore {
    let store = StreamStore {
        streams: StoredValue::new(HashMap::new()),
        place: StoredValue::new(Place::current()),
    };
    provide_context(store);
    store
}

/// The stream of this key in the nearest [`StreamStore`], made with these options where there is none yet. Without a store it
/// is the component's own, as with [`use_stream`].
///
/// ```no_run
/// use leptos::prelude::*;
/// use rejoin_leptos::prelude::*;
///
/// #[component]
/// fn App() -> impl IntoView {
///     provide_stream_store();
///     view! { <Messages /> <Badge /> }
/// }
///
/// fn support() -> UseStream {
///     use_shared_stream("support", || UseStreamOptions::new("/api", "chat").thread_in_url("thread"))
/// }
///
/// #[component]
/// fn Messages() -> impl IntoView {
///     let stream = support();
///     view! { <For each=move || stream.messages.get() key=|message| message.id() let:message><p>{move || message.text()}</p></For> }
/// }
///
/// #[component]
/// fn Badge() -> impl IntoView {
///     let stream = support();
///     move || stream.messages.with(Vec::len)
/// }
/// ```
pub fn use_shared_stream(
    key: impl Into<String>,
    options: impl FnOnce() -> UseStreamOptions,
) -> UseStream {
    match use_context::<StreamStore>() {
        Some(store) => store.stream(key, options),
        None => use_stream(options()),
    }
}

impl StreamStore {
    /// The stream of this key, made with these options where there is none yet.
    pub fn stream(
        &self,
        key: impl Into<String>,
        options: impl FnOnce() -> UseStreamOptions,
    ) -> UseStream {
        let key = key.into();
        let known = self
            .streams
            .try_with_value(|streams| streams.get(&key).map(|kept| kept.stream));
        if let Some(stream) = known.flatten() {
            return stream;
        }
        let place = self.place.try_with_value(Place::clone);
        let owner = place.unwrap_or_else(Place::current).child();
        let stream = owner.with(|| use_stream(options()));
        let kept = Kept { owner, stream };
        self.streams
            .try_update_value(|streams| streams.insert(key, kept));
        stream
    }

    /// Lets a stream go, as leaving its component would; the agent goes on. Whoever still shows it must not read it any more.
    pub fn remove(&self, key: &str) {
        let left = self.streams.try_update_value(|streams| streams.remove(key));
        if let Some(left) = left.flatten() {
            left.owner.cleanup();
        }
    }
}

impl fmt::Debug for StreamStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StreamStore")
    }
}
