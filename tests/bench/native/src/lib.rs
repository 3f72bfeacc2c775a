//! The work that is measured without a browser, on the stream of a run as an Agent Server sends it.
//!
//! `benches/` measures its time, and the program `rejoin-bench-native` does one of it for valgrind, which counts instructions.

use std::fmt::Write as _;

use rejoin_core::{AttemptId, Client, CommandId, Config, Effect, Input, Millis, Submission};
use rejoin_wire::{
    event::{Event, EventName},
    json::Oddities,
    message::Message,
    sse::{Decoder, Frame, Item, Limits},
};

/// So many bytes come at once.
const CHUNK: usize = 64 * 1024;

const RUN: &str = "1ec07553-f8ce-464c-88ee-b1d223492bed";

/// A chunk's fields behind its text, and the metadata of its event.
const BEHIND: &str = r#"","additional_kwargs":{},"response_metadata":{},"type":"AIMessageChunk","name":null,"id":"lc_run--01a1fbbc-54f1-73d3-88ab-77535331916f","tool_calls":[],"invalid_tool_calls":[],"usage_metadata":null,"tool_call_chunks":[],"chunk_position":null},{"created_by":"system","graph_id":"chat","assistant_id":"eb6db400-e3c8-5d06-a834-015cb89efe69","run_attempt":1,"langgraph_version":"1.2.22","langgraph_api_version":"0.16.7","langgraph_plan":"enterprise","langgraph_host":"self-hosted","langgraph_api_url":"http://127.0.0.1:8123","run_id":"1ec07553-f8ce-464c-88ee-b1d223492bed","thread_id":"0e313baf-6b26-4e9b-bc4c-f8d7f2843400","ls_integration":"langchain_chat_model","langgraph_step":1,"langgraph_node":"model","langgraph_triggers":["branch:to:model"],"langgraph_path":["__pregel_pull","model"],"langgraph_checkpoint_ns":"model:91d5c1e0-4db0-b981-ba05-9950f170814f","checkpoint_ns":"model:91d5c1e0-4db0-b981-ba05-9950f170814f","ls_provider":"fake","ls_model_type":"chat","lc_versions":{"langchain-core":"1.7.2"}}]"#;

/// Token number `at`.
fn token(at: usize) -> String {
    format!("word{at} ")
}

/// A run's stream up to that many tokens, as the recorded transcripts of the Python server have it.
#[must_use]
pub fn stream(tokens: usize) -> Vec<u8> {
    let mut text = format!(
        "event: metadata\r\ndata: {{\"run_id\":\"{RUN}\",\"attempt\":1}}\r\nid: 1795224786154-0\r\n\r\n"
    );
    for at in 0..tokens {
        let id = 1_795_224_786_159 + 5 * at as u64;
        let token = token(at);
        write!(
            text,
            "event: messages\r\ndata: [{{\"content\":\"{token}{BEHIND}\r\nid: {id}-0\r\n\r\n"
        )
        .expect("a text takes all");
    }
    text.into_bytes()
}

/// The text that the stream's message has in the end.
#[must_use]
pub fn answer(tokens: usize) -> String {
    (0..tokens).map(token).collect()
}

/// Bytes to frames. Answers how many there are.
#[must_use]
pub fn decode(bytes: &[u8]) -> usize {
    let mut count = 0;
    each_frame(bytes, |_| count += 1);
    count
}

/// The frames of the stream.
#[must_use]
pub fn frames(bytes: &[u8]) -> Vec<Frame> {
    let mut frames = Vec::new();
    each_frame(bytes, |frame| frames.push(frame));
    frames
}

fn each_frame(bytes: &[u8], mut take: impl FnMut(Frame)) {
    let mut decoder = Decoder::new(Limits::default());
    for chunk in bytes.chunks(CHUNK) {
        decoder.push(chunk);
        while let Some(item) = decoder.next_item() {
            if let Item::Frame(frame) = item.expect("the stream decodes") {
                take(frame);
            }
        }
    }
}

/// Frames to the messages in them.
#[must_use]
pub fn read(frames: Vec<Frame>) -> Vec<Message> {
    let mut odd = Oddities::default();
    let mut messages = Vec::with_capacity(frames.len());
    for frame in frames {
        let event = Event::from_frame(frame).expect("the frame is an event");
        if event.name == EventName::Messages {
            messages.extend(event.message(&mut odd).map(|(message, _)| message));
        }
    }
    messages
}

/// Chunks of a message to the message.
///
/// # Panics
/// Where there are none.
#[must_use]
pub fn merge(chunks: Vec<Message>) -> Message {
    let mut chunks = chunks.into_iter();
    let mut message = chunks.next().expect("a stream has chunks");
    for chunk in chunks {
        let _ = message.merge_chunk(chunk);
    }
    message
}

/// Bytes to the view: what a page does with each chunk, without the page. Answers the text that is shown in the end.
///
/// # Panics
/// Where the client does not open a stream.
#[must_use]
pub fn view(bytes: &[u8]) -> String {
    let mut client = Client::new(Config::new("http://server", "chat"), 1);
    let mut now = Millis(1);
    client.handle(
        now,
        Input::SubmitRequested {
            command: CommandId(1),
            submission: Box::new(Submission::default()),
        },
    );
    let attempt = opened(&mut client, now);
    let thread = client.view().thread_id().expect("a run has a thread");
    let headers = vec![
        ("content-type".to_owned(), "text/event-stream".to_owned()),
        (
            "content-location".to_owned(),
            format!("/threads/{thread}/runs/{RUN}"),
        ),
    ];
    client.handle(
        now,
        Input::HeadersArrived {
            attempt,
            status: 200,
            headers,
        },
    );
    let mut revision = 0;
    let mut shown = String::new();
    for chunk in bytes.chunks(CHUNK) {
        now.0 += 1;
        let bytes = chunk.to_vec();
        client.handle(now, Input::ChunkArrived { attempt, bytes });
        while client.poll_effect().is_some() {}
        client.refresh_view();
        let changes = client.view().changes_since(revision);
        revision = changes.revision;
        for slot in client.view().messages() {
            if changes.messages.contains(slot.id()) {
                shown = slot.message.content.text().into_owned();
            }
        }
    }
    shown
}

/// Answers what the client asks for, until it opens the stream.
fn opened(client: &mut Client, now: Millis) -> AttemptId {
    while let Some(effect) = client.poll_effect() {
        match effect {
            Effect::OpenStream { attempt, .. } => return attempt,
            Effect::LoadRecord { key } => client.handle(
                now,
                Input::RecordLoaded {
                    key,
                    text: Ok(None),
                    wall_clock: now,
                },
            ),
            _ => {}
        }
    }
    panic!("no stream is asked for")
}

/// Does the work that valgrind counts: it looks for a function of this name.
#[inline(never)]
pub fn measured<T>(work: impl FnOnce() -> T) -> T {
    std::hint::black_box(work())
}
