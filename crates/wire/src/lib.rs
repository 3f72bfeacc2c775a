//! Bytes to SSE frames to Agent Server protocol, and back.
//!
//! This crate is the only place that knows how the LangGraph Agent Server's REST + SSE protocol
//! looks on the wire. Client ([`rejoin-core`](../rejoin_core/index.html)) and server share it.
//!
//! It never opens a connection, reads a clock or keeps a run's state. [`sse::Decoder`] turns bytes into frames.
//! [`event::Event`] gives a frame its meaning in the protocol. [`message::Message`] is LangChain's message with the merge
//! rules of its streaming chunks.
//!
//! ```
//! use rejoin_wire::{event::{Event, EventBody}, sse::{Decoder, Item, Limits}};
//!
//! let mut decoder = Decoder::new(Limits::default());
//! decoder.push(b"event: metadata\ndata: {\"run_id\":\"r1\",\"attempt\":1}\nid: 0\n\n");
//! let Some(Ok(Item::Frame(frame))) = decoder.next_item() else { panic!("one frame") };
//! let event = Event::from_frame(frame)?;
//! assert!(matches!(event.body()?, EventBody::Metadata(m) if m.run_id.as_str() == "r1"));
//! # Ok::<(), rejoin_wire::WireError>(())
//! ```

pub mod chunk_pattern;
mod error;
pub mod event;
pub mod id;
pub mod json;
pub mod message;
pub mod request;
pub mod search;
pub mod session;
pub mod sse;
pub mod thread;
mod word;

pub use error::WireError;
pub use id::{AssistantId, CheckpointId, EventId, InterruptId, MessageId, RunId, ThreadId};
pub use json::Json;
