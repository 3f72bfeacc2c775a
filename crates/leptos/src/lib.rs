//! An agent's stream as Leptos signals, that survives reload, disconnect and sleep.
//!
//! ```no_run
//! use leptos::prelude::*;
//! use rejoin_leptos::{ConnectionStatus, UseStreamOptions, use_stream};
//!
//! #[component]
//! fn Chat() -> impl IntoView {
//!     let stream = use_stream(UseStreamOptions::new("/api", "chat"));
//!     view! {
//!         <ConnectionStatus stream />
//!         <For each=move || stream.messages.get() key=|message| message.key.clone() let:message>
//!             <p>{move || message.message.read().content.text().to_string()}</p>
//!         </For>
//!         <button on:click=move |_| { stream.submit_text("hi", None); }>"Send"</button>
//!         <button on:click=move |_| stream.stop()>"Disconnect"</button>
//!     }
//! }
//! ```
//!
//! Signals change at most once per animation frame, and only those whose content changed: a token reruns the
//! readers of its own message and nothing else.
//!
//! On a server (any target but wasm32, or the feature `ssr`) the signals hold the state before anything was loaded, commands
//! do nothing, and no browser API is touched. The page's first render shows the same, so hydration matches.

mod commands;
mod ids;
mod options;
mod outcome;
mod signals;
#[allow(unreachable_pub)] // The component macro makes a second, hidden function of it.
mod status;
mod use_stream;

pub use options::{CheckpointFuture, HeaderFuture, StorageKind, UseStreamOptions};
pub use outcome::OutcomeFuture;
pub use signals::StreamMessage;
pub use status::{ConnectionStatus, ConnectionStatusProps, connection_words};
pub use use_stream::{UseStream, use_stream};

pub use rejoin_browser::{RecordStore, StorageError, now};
pub use rejoin_core as core;

/// Whether there is no browser to work in.
const INERT: bool = cfg!(any(feature = "ssr", not(target_arch = "wasm32")));
