//! The names for applications. `use rejoin_leptos::prelude::*;` goes beside `use leptos::prelude::*;`.

pub use crate::{
    Cache, CheckpointId, Checkpoints, Config, Connection, ConnectionStatus, Credentials, ErrorCode,
    Event, HistoryState, Interrupt, InterruptId, JoinOptions, Json, Message, MessageBranch,
    MessageId, MessageKind, Millis, MultitaskStrategy, Notice, OnDisconnect, OutboxPolicy, Outcome,
    OutcomeFuture, ReadError, Run, RunId, StatusWords, StorageKind, StreamError, StreamMessage,
    StreamMode, StreamStatus, StreamStore, Subgraph, ThreadId, ThreadSource, ToolCall, ToolResult,
    UseStream, UseStreamOptions, UseView, ViewNode, Waiting, WaitingState, clear_data,
    provide_stream_store, use_shared_stream, use_stream, use_view,
};
