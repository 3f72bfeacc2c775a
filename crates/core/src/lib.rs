//! The client of an agent's stream, sans-IO.
//!
//! [`Client`] decides everything: each request, each retry, each change of the screen. It never reads a
//! clock, draws a random number, opens a connection or touches a browser; its driver does.
//! The driver's loop:
//!
//! ```
//! use rejoin_core::{Client, Config, Effect, Input, Millis};
//!
//! let mut client = Client::new(Config::new("http://127.0.0.1:8787", "chat"), 7);
//! let now = Millis(0);
//! client.handle(now, Input::ThreadSwitched { thread_id: None });
//! while let Some(effect) = client.poll_effect() {
//!     match effect {
//!         Effect::OpenStream { .. } => { /* fetch; feed HeadersArrived, ChunkArrived or EventArrived, BodyEnded or RequestFailed */ }
//!         Effect::SendRequest { .. } => { /* fetch; feed ResponseArrived or RequestFailed */ }
//!         Effect::Abort { .. } => { /* drop that fetch; feed nothing more for it */ }
//!         Effect::SaveRecord { .. } | Effect::LoadRecord { .. } | Effect::RemoveRecord { .. } | Effect::SavePart { .. } => { /* storage */ }
//!         Effect::HoldLock { .. } | Effect::ReleaseLock { .. } => { /* locks that pages share; feed LockHeld or LocksMissing */ }
//!         Effect::ResolveCheckpoint { .. } => { /* the application's callback; feed CheckpointResolved */ }
//!         Effect::Saved(_) => { /* a place for threads' last states, if there is one */ }
//!         Effect::Notify(_notice) => { /* callbacks, timeline */ }
//!     }
//! }
//! // Call `handle(now, Input::DeadlineReached)` when this time comes, unless another input comes first.
//! assert_eq!(client.deadline(), None);
//! assert!(!client.view().is_loading());
//! ```
//!
//! Effects may be taken out at any time; leaving them for later is harmless. The client drops inputs of an attempt that
//! it has given up, so nothing has to be cancelled in time.

// A new phase, input or answer is met by the compiler in each place that tells them apart.
#![cfg_attr(not(test), warn(clippy::wildcard_enum_match_arm))]

mod client;
mod config;
mod connection;
mod cursor;
mod effect;
mod error;
mod hash;
mod history;
mod list;
mod millis;
mod notice;
mod percent;
mod run_record;
mod saved_state;
mod session_view;
mod status;
pub mod tabs;
mod thread_store;
mod view;

pub use client::{
    BranchesInput, Client, EXTRAS, Edit, EditAt, EditInput, Extras, Input, JoinOptions, SavedInput,
    SessionInput, Submission, ToolResult, ToolsInput, TransportError, WaitingInput, WaitingState,
    WaitingSubmission, outbox_key, with_part,
};
pub use config::{Checkpoints, Config, Endpoint, OutboxPolicy, RetryPolicy, Timeouts};
pub use connection::Connection;
pub use effect::{AttemptId, DeadlineReason, Effect, HttpRequest, Method, SavedEffect};
pub use error::{ErrorCode, StreamError};
pub use history::{HistoryState, MessageBranch};
pub use millis::Millis;
pub use notice::{CommandId, Notice, Outcome};
pub use rejoin_wire as wire;
pub use run_record::{RECORD_PREFIX, record_key, run_key};
pub use saved_state::{Cache, SavedIndex, SavedKey};
pub use session_view::{SessionNode, SessionView};
pub use status::{FeedStatus, Status};
pub use thread_store::{MessageOrigin, MessageSlot};
pub use view::{Changes, SubgraphMessages, View};
