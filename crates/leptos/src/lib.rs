#![doc = include_str!("../README.md")]
//!
//! # On a server
//!
//! On a server (any target but wasm32, or the feature `ssr`) the signals hold the state before loading, commands
//! do nothing, and no browser API is touched. The page's first render shows the same, so hydration matches.
//!
//! # Rerunning effects
//!
//! Signals change at most once per animation frame, and only if their content has changed. A token reruns the readers of its
//! own message and nothing else.

mod arena;
mod commands;
mod events;
mod ids;
mod input;
mod json;
mod message;
mod options;
mod outcome;
pub mod prelude;
mod run;
mod signals;
#[allow(unreachable_pub)] // The component macro makes a second, hidden function of it.
mod status;
mod storage;
mod store;
mod subgraphs;
mod thread;
mod use_stream;
mod use_view;
mod waiting;
mod words;
mod writer;

pub use json::ReadError;
pub use message::StreamMessage;
pub use options::UseStreamOptions;
pub use outcome::OutcomeFuture;
pub use run::Run;
pub use status::{ConnectionStatus, ConnectionStatusProps};
pub use storage::StorageKind;
pub use store::{StreamStore, provide_stream_store, use_shared_stream};
pub use subgraphs::Subgraph;
pub use thread::ThreadSource;
pub use use_stream::{UseStream, use_stream};
pub use use_view::{UseView, ViewNode, use_view};
pub use waiting::Waiting;
pub use words::{StatusWords, StreamStatus};

pub use rejoin_browser::{
    ClearError, Credentials, RecordStore, ShareConnections, StorageError, clear_data, now,
};
pub use rejoin_core::wire;
pub use rejoin_core::wire::{
    CheckpointId, InterruptId, Json, MessageId, RunId, ThreadId,
    event::Event,
    message::{Message, MessageKind, ToolCall},
    request::{MultitaskStrategy, OnDisconnect, StreamMode},
    thread::Interrupt,
};
pub use rejoin_core::{
    Cache, Checkpoints, Config, Connection, Endpoint, ErrorCode, HistoryState, JoinOptions,
    MessageBranch, Millis, Notice, OutboxPolicy, Outcome, StreamError, ToolResult, WaitingState,
};

/// Whether there is no browser to work in.
const INERT: bool = cfg!(any(feature = "ssr", not(target_arch = "wasm32")));

/// Says in the console of a page that it was built for a server, where a stream does nothing.
fn warn_of_inert_page() {
    #[cfg(all(feature = "ssr", target_arch = "wasm32"))]
    if web_sys::window().is_some_and(|window| window.document().is_some()) {
        leptos::logging::error!(
            "rejoin-leptos was built with the feature `ssr`, so streams do nothing in this page. \
             Build the page without it: with `hydrate`, or without any."
        );
    }
}
