//! How a running node speaks: events to the log, chunks to a message.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rejoin_wire::{message::Message, request::StreamMode};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{AgentError, Knobs};
use crate::{
    error::ServerError,
    live::{LiveEvent, LiveRun},
    mirror::RunMirror,
    sessions::store::{Store, StoreError, Tx, Writes as _},
    state,
    tables::Tables as _,
};

/// An event to be numbered, stored and shown.
#[derive(Debug, Clone)]
pub(crate) struct NewEvent {
    pub(crate) name: &'static str,
    pub(crate) data: String,
}

impl NewEvent {
    pub(crate) fn new(name: &'static str, data: &Value) -> Self {
        Self {
            name,
            data: data.to_string(),
        }
    }
}

/// A run's way into its log.
#[derive(Clone)]
pub(crate) struct Emitter {
    pub(crate) store: Store,
    pub(crate) live: Arc<LiveRun>,
    pub(crate) modes: Arc<[StreamMode]>,
    /// Messages streamed by the node that runs, for when it does not come to its end.
    partials: Arc<Mutex<Vec<Message>>>,
    /// The run's thread in its session.
    pub(crate) mirror: Option<RunMirror>,
}

impl Emitter {
    pub(crate) fn new(
        store: Store,
        live: Arc<LiveRun>,
        modes: &[StreamMode],
        mirror: Option<RunMirror>,
    ) -> Self {
        Self {
            store,
            live,
            modes: modes.into(),
            partials: Arc::default(),
            mirror,
        }
    }

    pub(crate) fn wants(&self, mode: StreamMode) -> bool {
        self.modes.contains(&mode)
    }

    /// Sends an event if the client asked for its mode. Returns before it is committed; order is kept.
    pub(crate) async fn emit(
        &self,
        mode: StreamMode,
        name: &'static str,
        data: &Value,
    ) -> Result<(), ServerError> {
        if self.wants(mode) {
            self.send_event(name, data).await
        } else {
            Ok(())
        }
    }

    /// Sends an event whatever the client asked for. Returns before it is committed; order is kept.
    pub(crate) async fn send_event(
        &self,
        name: &'static str,
        data: &Value,
    ) -> Result<(), ServerError> {
        self.send_event_then(name, data, || {}).await
    }

    /// The same; `then` is called once the event is committed.
    async fn send_event_then(
        &self,
        name: &'static str,
        data: &Value,
        then: impl FnOnce() + Send + 'static,
    ) -> Result<(), ServerError> {
        if self.live.is_broken() {
            return Err(ServerError::Store(
                "an event of this run could not be stored".to_owned(),
            ));
        }
        let event = NewEvent::new(name, data);
        let (live, shown) = (Arc::clone(&self.live), Arc::clone(&self.live));
        let posted = self.store.post(
            move |tx| record(tx, &live, &event),
            move |outcome| match outcome {
                Ok(event) => {
                    shown.publish(event);
                    then();
                }
                Err(_) => shown.take_back(),
            },
        );
        Ok(posted.await?)
    }

    /// Writes a change and the events that tell of it in one commit, and waits for it.
    pub(crate) async fn commit<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Tx) -> Result<T, ServerError> + Send + 'static,
        events: Vec<NewEvent>,
    ) -> Result<T, ServerError> {
        let (live, shown) = (Arc::clone(&self.live), Arc::clone(&self.live));
        let job = move |tx: &Tx| {
            let value = change(tx)?;
            let events = events
                .iter()
                .map(|event| record(tx, &live, event))
                .collect::<Result<Vec<_>, _>>()?;
            Ok((value, events))
        };
        let publish = move |outcome: &Result<(T, Vec<LiveEvent>), ServerError>| match outcome {
            Ok((_, events)) => events.iter().for_each(|event| shown.publish(event.clone())),
            Err(ServerError::Store(_)) => shown.take_back(),
            // The change was refused, and its numbers were given back.
            Err(_) => {}
        };
        Ok(self.store.write_then(job, publish).await?.0)
    }

    /// Sends a piece of a message; its session has it once it is committed, so that no reader of the session has seen what
    /// a crash takes back.
    async fn piece(
        &self,
        wire: &Value,
        metadata: &Value,
        piece: Message,
    ) -> Result<(), ServerError> {
        let mirror = self.mirror.clone();
        let mirrored = move || {
            if let Some(mirror) = mirror {
                mirror.piece(piece);
            }
        };
        if self.wants(StreamMode::MessagesTuple) {
            let data = json!([wire, metadata]);
            return self.send_event_then("messages", &data, mirrored).await;
        }
        mirrored();
        Ok(())
    }

    /// Whether the node that runs streamed a message with this id.
    pub(crate) fn streamed(&self, id: &Value) -> bool {
        self.partials()
            .iter()
            .any(|message| message.id.as_ref().map(|id| id.as_str()) == id.as_str())
    }

    /// The streamed messages that are in no checkpoint yet.
    pub(crate) fn take_partials(&self) -> Vec<Message> {
        std::mem::take(&mut *self.partials())
    }

    fn partials(&self) -> MutexGuard<'_, Vec<Message>> {
        self.partials.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn record(tx: &Tx, live: &Arc<LiveRun>, event: &NewEvent) -> Result<LiveEvent, ServerError> {
    let seq = live.number();
    let numbered = Arc::clone(live);
    tx.on_undo(move || numbered.give_back(seq));
    if live.resumable {
        tx.put_event(live.run_id, seq, event.name, &event.data)?;
    }
    Ok(LiveEvent::new(
        event.name,
        &event.data,
        live.resumable.then_some(seq),
    ))
}

/// The context that a node gets.
pub struct NodeContext {
    pub(crate) emitter: Emitter,
    pub(crate) node: String,
    pub(crate) step: i64,
    /// The state as the node found it.
    pub values: Map<String, Value>,
    /// The run's knobs.
    pub knobs: Knobs,
    /// The answer to the question this node asked before; `None` the first time.
    pub resume: Option<Value>,
}

impl NodeContext {
    /// The state's messages.
    pub fn messages(&self) -> &[Value] {
        state::messages(&self.values)
    }

    /// Begins an AI message that is streamed piece by piece.
    pub fn message(&self) -> MessageStream<'_> {
        let index = {
            let mut partials = self.emitter.partials();
            partials.push(Message::default());
            partials.len() - 1
        };
        MessageStream {
            context: self,
            id: format!("run--{}", Uuid::now_v7()),
            index,
            said_metadata: false,
        }
    }

    /// Sends a `custom` event: any JSON.
    ///
    /// # Errors
    /// The event cannot be stored.
    pub async fn custom(&self, data: &Value) -> Result<(), AgentError> {
        self.check_length()?;
        self.emitter
            .emit(StreamMode::Custom, "custom", data)
            .await
            .map_err(AgentError::from)
    }

    fn check_length(&self) -> Result<(), AgentError> {
        if self.emitter.live.is_over_limit() {
            return Err(AgentError::new(
                "RunTooLong",
                "the run produced more events than one run may",
            ));
        }
        Ok(())
    }

    pub(crate) fn metadata(&self) -> Value {
        json!({
            "run_id": self.emitter.live.run_id,
            "thread_id": self.emitter.live.thread_id,
            "langgraph_node": self.node,
            "langgraph_step": self.step,
        })
    }
}

impl From<StoreError> for AgentError {
    fn from(error: StoreError) -> Self {
        ServerError::from(error).into()
    }
}

impl From<ServerError> for AgentError {
    fn from(error: ServerError) -> Self {
        Self::new("ServerError", error.to_string())
    }
}

/// A message while it is streamed.
pub struct MessageStream<'a> {
    context: &'a NodeContext,
    id: String,
    index: usize,
    said_metadata: bool,
}

/// One piece of a message; every part is optional.
#[derive(Debug, Clone, Default)]
pub struct Chunk {
    /// Text to append.
    pub content: String,
    /// Pieces of tool calls: `{name,args,id,index}`; name and id in a call's first piece only.
    pub tool_call_chunks: Vec<Value>,
    /// `{input_tokens,output_tokens,total_tokens}`, summed over chunks.
    pub usage: Option<Value>,
    /// `stop`, `tool_calls` and the like, in the last piece.
    pub finish_reason: Option<String>,
    /// Provider fields, merged over chunks.
    pub additional_kwargs: Map<String, Value>,
}

impl MessageStream<'_> {
    /// Streams text.
    ///
    /// # Errors
    /// The event cannot be stored, or the run's log is over its limit.
    pub async fn text(&mut self, text: &str) -> Result<(), AgentError> {
        self.chunk(Chunk {
            content: text.to_owned(),
            ..Chunk::default()
        })
        .await
    }

    /// Streams one piece.
    ///
    /// # Errors
    /// As for [`MessageStream::text`].
    pub async fn chunk(&mut self, chunk: Chunk) -> Result<(), AgentError> {
        self.context.check_length()?;
        let wire = self.wire(chunk);
        let piece: Message = serde_json::from_value(wire.clone())
            .map_err(|error| AgentError::new("InternalError", error.to_string()))?;
        let whole = self.add(piece.clone());
        let emitter = &self.context.emitter;
        let metadata = self.context.metadata();
        if let Some(whole) = whole {
            if !std::mem::replace(&mut self.said_metadata, true) {
                let said = json!({(self.id.as_str()): {"metadata": metadata}});
                emitter
                    .emit(StreamMode::Messages, "messages/metadata", &said)
                    .await?;
            }
            emitter
                .emit(StreamMode::Messages, "messages/partial", &json!([whole]))
                .await?;
        }
        emitter.piece(&wire, &metadata, piece).await?;
        Ok(())
    }

    /// The whole message, as it goes into the state.
    pub fn finish(self) -> Value {
        let partials = self.context.emitter.partials();
        partials
            .get(self.index)
            .map(state::final_message)
            .unwrap_or_default()
    }

    /// Adds a piece to the message so far; returns it whole where somebody asked for whole messages.
    fn add(&self, piece: Message) -> Option<Value> {
        let emitter = &self.context.emitter;
        let mut partials = emitter.partials();
        let slot = partials.get_mut(self.index)?;
        if slot.id.is_none() {
            *slot = piece;
        } else {
            slot.merge_chunk(piece);
        }
        emitter
            .wants(StreamMode::Messages)
            .then(|| state::final_message(slot))
    }

    fn wire(&self, chunk: Chunk) -> Value {
        let mut metadata = Map::new();
        if let Some(reason) = chunk.finish_reason {
            metadata.insert("finish_reason".to_owned(), reason.into());
        }
        let pieces: Vec<Value> = chunk
            .tool_call_chunks
            .into_iter()
            .map(typed_piece)
            .collect();
        json!({
            "content": chunk.content,
            "additional_kwargs": chunk.additional_kwargs,
            "response_metadata": metadata,
            "type": "AIMessageChunk",
            "name": null,
            "id": self.id,
            "tool_calls": [],
            "invalid_tool_calls": [],
            "usage_metadata": chunk.usage,
            "tool_call_chunks": pieces,
        })
    }
}

fn typed_piece(mut piece: Value) -> Value {
    if let Some(object) = piece.as_object_mut() {
        object.insert("type".to_owned(), "tool_call_chunk".into());
    }
    piece
}
