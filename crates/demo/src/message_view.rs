//! One message. Only what depends on a message that changes is rendered again, once a frame.

use crate::{
    chat::Chat,
    editor::{EditError, Editor, Rewrite},
    markdown::{Block, Renderer},
    message_foot::MessageFoot,
    message_list::ToolResults,
    tool_card::{OrphanResult, ToolCard},
};
use leptos::prelude::*;
use rejoin_leptos::{
    prelude::*,
    wire::{json::Node, message::Content},
};
use std::sync::Arc;

/// One message of the conversation. A tool's answer is shown in the card of its call; only without one by itself.
#[component]
pub(crate) fn MessageView(entry: StreamMessage) -> impl IntoView {
    let chat: Chat = expect_context();
    if untrack(|| entry.kind()) != MessageKind::Tool {
        return view! { <Frame entry /> }.into_any();
    }
    let all = chat.stream.messages;
    let call = untrack(|| entry.tool_call_id());
    let is_in_card = Memo::new(move |_| {
        all.with(|all| all.iter().any(|other| asks_for(*other, call.as_deref())))
    });
    view! { <Show when=move || !is_in_card.get()><Frame entry /></Show> }.into_any()
}

/// The speaker, for screen readers.
pub(crate) fn speaker(kind: &MessageKind) -> &'static str {
    match kind {
        MessageKind::Human => "You",
        MessageKind::Ai => "Assistant",
        MessageKind::Tool => "Tool",
        MessageKind::System => "System",
        MessageKind::Remove | MessageKind::Other(_) => "Message",
    }
}

#[component]
fn Frame(entry: StreamMessage) -> impl IntoView {
    let chat: Chat = expect_context();
    let kind = untrack(|| entry.kind());
    let label = speaker(&kind);
    let id = entry.id().to_string();
    let streaming = is_streaming(chat, entry);
    let body = if kind == MessageKind::Tool {
        view! { <OrphanResult entry /> }.into_any()
    } else {
        view! { <Body entry kind=kind.clone() streaming /> }.into_any()
    };
    view! {
        <article
            class="message" data-testid="message" data-role=kind.as_str().to_owned() data-message-id=id aria-label=label
            data-incomplete=move || entry.is_incomplete().to_string() data-optimistic=move || entry.is_optimistic().to_string()
            data-streaming=move || streaming.get().to_string()
        >
            {body}
        </article>
    }
}

fn asks_for(entry: StreamMessage, call: Option<&str>) -> bool {
    let message = untrack(|| entry.get());
    call.is_some()
        && message
            .tool_calls()
            .iter()
            .any(|asked| asked.text_of("id") == call)
}

/// Whether more of this message may come: it is the last one, and a run is followed.
fn is_streaming(chat: Chat, entry: StreamMessage) -> Memo<bool> {
    Memo::new(move |_| {
        let is_last = chat
            .stream
            .messages
            .with(|messages| messages.last() == Some(&entry));
        is_last && chat.stream.is_loading.get()
    })
}

#[component]
fn Body(entry: StreamMessage, kind: MessageKind, streaming: Memo<bool>) -> impl IntoView {
    let chat: Chat = expect_context();
    let message = entry.signal();
    let cut_off = Memo::new(move |_| entry.with(|message| cut_off(message, entry.is_incomplete())));
    let has_text = Memo::new(move |_| message.with(|message| message.content.text_bytes() > 0));
    let thoughts = Memo::new(move |_| message.with(|message| reasoning(message)));
    let others = Memo::new(move |_| message.with(|message| other_blocks(message)));
    let is_human = kind == MessageKind::Human;
    let rewrite = Rewrite::new();
    let edit_button = NodeRef::new();
    let is_open = Memo::new(move |_| rewrite.text.with(Option::is_some));
    let id = entry.id();
    view! {
        <Show when=move || thoughts.with(|text| !text.is_empty())>
            <details class="thoughts"><summary>"Reasoning"</summary><p>{move || thoughts.get()}</p></details>
        </Show>
        // Hidden, not gone, while it is rewritten.
        <div class="bubble" class:empty=move || !has_text.get() hidden=move || is_open.get()>
            {if chat.is_plain || is_human {
                view! { <div class="message-text plain" data-testid="message-text">{move || message.with(|message| message.content.text().into_owned())}</div> }.into_any()
            } else {
                view! { <Markdown message streaming /> }.into_any()
            }}
        </div>
        <Show when=move || is_open.get()><Editor id=id.clone() message rewrite edit_button /></Show>
        <Show when=move || others.with(|words| !words.is_empty())><p class="others">{move || others.get()}</p></Show>
        <ToolCards message streaming />
        <Show when=move || cut_off.with(Option::is_some)><p class="cut-off">{move || cut_off.get()}</p></Show>
        <EditError rewrite />
        <MessageFoot entry kind streaming rewrite edit_button />
    }
}

/// An answer as formatted text.
#[component]
pub(crate) fn Markdown(message: Signal<Arc<Message>>, streaming: Memo<bool>) -> impl IntoView {
    let renderer = StoredValue::new(Renderer::default());
    let blocks = Memo::new(move |_| {
        let is_whole = !streaming.get();
        let text = message.with(|message| message.content.text().into_owned());
        renderer
            .try_update_value(|renderer| renderer.update(&text, is_whole))
            .unwrap_or_default()
    });
    let place = |block: &Arc<Block>| block.key;
    view! {
        <div class="message-text markdown" data-testid="message-text">
            <For each=move || blocks.get() key=place let:block>
                <div class="block" inner_html=block.html.clone()></div>
            </For>
        </div>
    }
}

/// One card for each call; a card stays while its arguments grow.
#[component]
fn ToolCards(message: Signal<Arc<Message>>, streaming: Memo<bool>) -> impl IntoView {
    let chat: Chat = expect_context();
    let results: ToolResults = expect_context();
    let count = Memo::new(move |_| message.with(|message| message.tool_calls().len()));
    view! {
        <For each=move || 0..count.get() key=|at| *at let:at>
            {
                let call = Memo::new(move |_| message.with(|message| message.tool_calls().get(at).map(ToolCall::read)).unwrap_or_default());
                let result = Memo::new(move |_| call.with(|call| call.id.as_deref().and_then(|id| results.find(id))));
                view! { <ToolCard call result streaming is_followed=chat.stream.is_loading /> }
            }
        </For>
    }
}

/// Why a message ends before its end, in words.
fn cut_off(message: &Message, is_unstored: bool) -> Option<&'static str> {
    if is_unstored {
        return Some("Incomplete: the agent stopped here, and the server has not stored this.");
    }
    match message
        .fields
        .get("response_metadata")
        .and_then(|metadata| metadata.text_of("finish_reason"))
    {
        Some("error") => Some("Incomplete: the agent failed here."),
        Some("cancelled") => Some("Incomplete: the agent was stopped here."),
        Some("length" | "max_tokens") => Some("Incomplete: the model's limit was reached here."),
        Some(_) | None => None,
    }
}

/// A model's reasoning, in the forms that providers use.
fn reasoning(message: &Message) -> String {
    let Content::Blocks(blocks) = &message.content else {
        let text = message
            .fields
            .get("additional_kwargs")
            .and_then(|kwargs| kwargs.text_of("reasoning_content"));
        return text.unwrap_or_default().to_owned();
    };
    let thought = |block: &Node| {
        let kind = block.get("type").and_then(Node::as_str)?;
        let text = match kind {
            "thinking" => block.get("thinking"),
            "reasoning" => block.get("reasoning").or_else(|| block.get("text")),
            _ => None,
        };
        text.and_then(Node::as_str).map(str::to_owned)
    };
    blocks
        .iter()
        .filter_map(thought)
        .collect::<Vec<_>>()
        .join("\n")
}

/// Names the parts that are not shown, such as images.
fn other_blocks(message: &Message) -> String {
    const SHOWN: [&str; 7] = [
        "text",
        "thinking",
        "reasoning",
        "tool_use",
        "tool_call",
        "input_json_delta",
        "redacted_thinking",
    ];
    let Content::Blocks(blocks) = &message.content else {
        return String::new();
    };
    let kinds = blocks
        .iter()
        .filter_map(|block| block.get("type").and_then(Node::as_str));
    let names: Vec<_> = kinds.filter(|kind| !SHOWN.contains(kind)).collect();
    if names.is_empty() {
        String::new()
    } else {
        format!("Not shown here: {}", names.join(", "))
    }
}
