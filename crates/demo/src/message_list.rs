//! The conversation's messages, and what stands in their place while there are none.

use crate::{
    chat::Chat, copy::copy_code, empty_state::EmptyState, icons, interrupt_list::InterruptList,
    message_view::MessageView, waiting_list::WaitingList,
};
use leptos::{html, prelude::*};
use rejoin_leptos::prelude::*;
use std::{collections::BTreeMap, sync::Arc};

/// Tools' answers by the call they answer. Made anew when messages come or go, not when they grow.
#[derive(Clone, Copy)]
pub(crate) struct ToolResults(Memo<Arc<BTreeMap<String, StreamMessage>>>);

impl ToolResults {
    fn new(messages: Signal<Vec<StreamMessage>>) -> Self {
        Self(Memo::new(move |_| {
            let by_call = |entry: StreamMessage| {
                // Which call a message answers never changes.
                let message = untrack(|| entry.get());
                let is_result = message.kind == MessageKind::Tool;
                message
                    .tool_call_id()
                    .map(str::to_owned)
                    .filter(|_| is_result)
                    .map(|call| (call, entry))
            };
            Arc::new(messages.get().into_iter().filter_map(by_call).collect())
        }))
    }

    /// The answer to a call, as soon as there is one.
    pub(crate) fn find(self, call: &str) -> Option<StreamMessage> {
        self.0.with(|results| results.get(call).copied())
    }
}

/// The scrolling part of the page.
#[component]
pub(crate) fn MessageList() -> impl IntoView {
    let chat: Chat = expect_context();
    let stream = chat.stream;
    let follow = chat.follow;
    provide_context(ToolResults::new(stream.messages));
    let content = NodeRef::<html::Div>::new();
    Effect::new(move |_| {
        if let (Some(content), Some(_)) = (content.get(), follow.area().get()) {
            follow.watch(&content);
        }
    });
    let is_empty = Memo::new(move |_| {
        stream.messages.with(Vec::is_empty) && stream.interrupts.with(Vec::is_empty)
    });
    let is_loading = Memo::new(move |_| stream.is_thread_loading.get() && is_empty.get());
    // A person has asked and no answer has begun.
    let is_waiting = Memo::new(move |_| {
        let last = stream.messages.with(|messages| messages.last().copied());
        stream.is_loading.get()
            && last.is_some_and(|last| untrack(|| last.kind()) != MessageKind::Ai)
    });
    view! {
        <div class="scroll-frame">
            <div
                id="messages" class="messages" data-testid="messages" node_ref=follow.area() role="log" aria-live="off" aria-label="Messages" tabindex="0"
                on:scroll=move |_| follow.scrolled() on:wheel=move |event| follow.wheeled(event.delta_y()) on:click=move |event| copy_code(&event)
            >
                <div class="column" node_ref=content>
                    <Show when=move || is_loading.get()><Skeleton /></Show>
                    <Show when=move || is_empty.get() && !is_loading.get() && !stream.is_loading.get()><EmptyState /></Show>
                    <For each=move || stream.messages.get() key=|entry| entry.id() let:entry>
                        <MessageView entry />
                    </For>
                    <Show when=move || is_waiting.get()>
                        <div class="waiting" aria-hidden="true"><span></span><span></span><span></span></div>
                    </Show>
                    <WaitingList />
                    <InterruptList />
                </div>
            </div>
            <Show when=move || !follow.is_following()>
                <button type="button" class="jump" data-testid="jump" on:click=move |_| follow.jump(true)>{icons::down()}"Jump to latest"</button>
            </Show>
        </div>
    }
}

#[component]
pub(crate) fn Skeleton() -> impl IntoView {
    view! {
        <div class="skeleton" role="status">
            <span class="visually-hidden">"Loading the conversation"</span>
            <i class="right"></i><i></i><i></i><i class="short"></i>
        </div>
    }
}
