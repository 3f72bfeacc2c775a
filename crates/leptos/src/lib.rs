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
//! A message can be edited and an answer made anew, each on a branch of its own; what the agent asks is answered by its id:
//!
//! ```no_run
//! use leptos::prelude::*;
//! use rejoin_leptos::{StreamMessage, UseStream, core::{Submission, wire::{Json, MessageId, thread::Interrupt}}};
//!
//! #[component]
//! fn Message(stream: UseStream, message: StreamMessage) -> impl IntoView {
//!     let id = MessageId::from(message.key.as_str());
//!     let (can_regenerate, branch) = (message.can_regenerate, message.branch);
//!     let versions = move || branch.get().options.into_iter().enumerate().map(|(at, name)| view! {
//!         <button on:click=move |_| stream.set_branch(&name)>{at + 1}</button>
//!     }).collect_view();
//!     view! {
//!         <p>{move || message.message.read().content.text().to_string()}</p>
//!         <button hidden=move || !can_regenerate.get() on:click=move |_| { stream.regenerate(&id, Submission::default()); }>
//!             "Regenerate"
//!         </button>
//!         {versions}
//!     }
//! }
//!
//! #[component]
//! fn Question(stream: UseStream, interrupt: Interrupt) -> impl IntoView {
//!     let yes = move |_| if let Some(id) = &interrupt.id {
//!         stream.respond(id, Json::parse("true".to_owned()).expect("JSON"), Submission::default());
//!     };
//!     view! { <p>{interrupt.value.text().to_owned()}</p><button on:click=yes>"Yes"</button> }
//! }
//! ```
//!
//! Branches are as many as the history that is read shows ([`UseStreamOptions::history_limit`]); editing needs none of it.
//!
//! A long thread is read page by page, from the newest message backwards, where the server keeps sessions:
//!
//! ```no_run
//! use leptos::prelude::*;
//! use rejoin_leptos::{UseStream, use_view};
//!
//! #[component]
//! fn Session(stream: UseStream) -> impl IntoView {
//!     let session = use_view(stream, 50);
//!     view! {
//!         <button hidden=move || !session.has_older.get() on:click=move |_| { session.load_older(); }>"Older messages"</button>
//!         <For each=move || session.nodes.get() key=|node| node.key.clone() let:node>
//!             <p>{move || node.message.read().content.text().to_string()}</p>
//!         </For>
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
mod use_view;
mod waiting;

pub use options::{CheckpointFuture, HeaderFuture, StorageKind, UseStreamOptions};
pub use outcome::OutcomeFuture;
pub use signals::StreamMessage;
pub use status::{ConnectionStatus, ConnectionStatusProps, UNSENT_WORDS, connection_words};
pub use use_stream::{UseStream, use_stream};
pub use use_view::{UseView, ViewNode, use_view};
pub use waiting::{Waiting, waiting_words};

pub use rejoin_browser::{RecordStore, StorageError, now};
pub use rejoin_core as core;

/// Whether there is no browser to work in.
const INERT: bool = cfg!(any(feature = "ssr", not(target_arch = "wasm32")));
