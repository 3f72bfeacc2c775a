//! Runs [`rejoin_core::Client`] in a browser.
//!
//! [`Stream`] is the client with everything it needs around it: fetch, one timer, the page's visibility and network
//! events, storage, and one notification per animation frame. It decides nothing: the client decides each request, each
//! retry and each change of the screen.
//!
//! No borrow of the client is held while JavaScript or a callback runs, so callbacks may call any method. Their
//! calls are queued, and done before the outermost call returns.
//!
//! ```no_run
//! use rejoin_browser::{Stream, StreamOptions};
//! use rejoin_core::{Config, Submission, wire::Json};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let stream = Stream::new(StreamOptions::new(Config::new("/api", "chat")));
//! let shown = stream.subscribe({
//!     let stream = stream.downgrade();
//!     move || {
//!         let Some(stream) = stream.upgrade() else { return };
//!         stream.with_view(|view| { /* draw view.messages() */ let _ = view.is_loading(); });
//!     }
//! });
//! stream.switch_thread(None);
//! let input = Json::parse(r#"{"messages":[{"type":"human","content":"hi"}]}"#.to_owned())?;
//! let outcome = stream.submit(Submission { input: Some(input), ..Submission::default() });
//! // `outcome.await` gives its outcome; dropping it changes nothing.
//! # drop((shown, outcome)); Ok(()) }
//! ```
//!
//! It compiles for every target, so that a server can share code with the page, but a [`Stream`] can only be made in a browser.

mod clock;
mod driver;
mod http;
mod identity;
mod intermediary;
mod locks;
mod page;
mod promise;
mod readers;
mod saved;
mod schedule;
mod storage;
mod stream;
mod tabs;

pub use clock::{now, random_uuid, wall_clock};
pub use http::{Credentials, HeaderAnswer, HeaderFuture, HeaderProvider, header_futures};
pub use promise::when_settled;
pub use readers::Subscription;
pub use saved::{ClearError, clear_data};
pub use storage::{JsStore, LocalStore, MemoryStore, RecordStore, SessionStore, StorageError};
pub use stream::{CheckpointResolver, Conclusion, Stream, StreamOptions, WeakStream};
pub use tabs::ShareConnections;

/// The global object: a window in a page, and in a worker an object with some of the same functions. A function that may be
/// absent is called so that its absence is an error and not an exception.
pub(crate) fn scope() -> web_sys::Window {
    SCOPE.with(Clone::clone)
}

#[wasm_bindgen::prelude::wasm_bindgen]
extern "C" {
    #[wasm_bindgen(thread_local_v2, js_name = globalThis)]
    static SCOPE: web_sys::Window;
}

/// The text of a thrown value. Anything can be thrown.
pub fn thrown_words(value: &wasm_bindgen::JsValue) -> String {
    if let Some(text) = value.as_string() {
        return text;
    }
    let field = |name: &str| {
        js_sys::Reflect::get(value, &name.into())
            .ok()
            .and_then(|field| field.as_string())
    };
    field("message")
        .filter(|text| !text.is_empty())
        .or_else(|| field("name"))
        .or_else(|| js_sys::JSON::stringify(value).ok()?.as_string())
        .unwrap_or_else(|| "something that says nothing was thrown".to_owned())
}

#[cfg(all(test, target_arch = "wasm32"))]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_browser);
