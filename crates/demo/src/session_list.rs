//! The conversation as its session holds it (`view=session`): the newest messages at once, older ones when the reader gets
//! near the top.

use crate::{
    anchor::Anchor,
    chat::Chat,
    copy::copy_code,
    empty_state::EmptyState,
    icons,
    interrupt_list::InterruptList,
    message_list::Skeleton,
    message_view::{Markdown, speaker},
    page,
};
use leptos::{html, prelude::*};
use rejoin_leptos::{
    prelude::*,
    wire::session::{EndStatus, NodeStatus},
};

/// How near to the top older messages are asked for, in CSS pixels.
const NEAR_TOP_PX: i32 = 400;

/// The scrolling part of the page. `limit` is how many messages a page has.
#[component]
pub(crate) fn SessionList(limit: usize) -> impl IntoView {
    let chat: Chat = expect_context();
    let follow = chat.follow;
    let session = use_view(chat.stream, limit);
    let anchor = Anchor::new(follow.area());
    let content = NodeRef::<html::Div>::new();
    let spoken = RwSignal::new(String::new());
    let load = move || {
        let before = session.nodes.with_untracked(Vec::len);
        let asked = session.load_older();
        leptos::task::spawn_local(async move {
            if asked.await == Outcome::Finished {
                request_animation_frame(move || say_loaded(spoken, session.nodes, before));
            }
        });
    };
    let is_near_top = move || {
        let area = follow.area().try_get_untracked().flatten();
        area.is_some_and(|area| area.scroll_top() < NEAR_TOP_PX)
    };
    // What failed is asked for again by hand, not by scrolling.
    let load_if_near = move || {
        let wanted = session.has_older.get_untracked()
            && !session.loading.get_untracked()
            && session.error.with_untracked(Option::is_none);
        if wanted && is_near_top() {
            load();
        }
    };
    Effect::new(move |_| {
        if let (Some(content), Some(_)) = (content.get(), follow.area().get()) {
            follow.watch_with(&content, move || {
                if follow.is_following_untracked() {
                    anchor.hold();
                } else {
                    anchor.restore();
                }
            });
        }
    });
    Effect::new(move |_| {
        // A page that does not fill the window leaves nothing to scroll.
        if !session.loading.get() && !session.nodes.with(Vec::is_empty) {
            request_animation_frame(load_if_near);
        }
    });
    let scrolled = move || {
        follow.scrolled();
        anchor.hold();
        load_if_near();
    };
    let is_empty = Memo::new(move |_| session.nodes.with(Vec::is_empty));
    let words = move || match session.connection.get() {
        Connection::Live => "Up to date.".to_owned(),
        other => {
            let mut status = StreamStatus::new(other);
            status.error = session.error.get();
            (StatusWords::ENGLISH.state)(&status)
        }
    };
    let is_first = move || session.loading.get() && is_empty.get();
    // What has the focus keeps it: the button is told to be disabled, and not disabled.
    let button_focused = StoredValue::new(false);
    let load_by_hand = move |_| {
        if !session.loading.get_untracked() {
            load();
        }
    };
    let blurred = move |_| {
        if session.has_older.get_untracked() {
            button_focused.set_value(false);
        }
    };
    Effect::new(move |_| {
        if !session.has_older.get() && button_focused.get_value() {
            button_focused.set_value(false);
            page::focus("messages");
        }
    });
    view! {
        <div class="scroll-frame">
            <div
                id="messages" class="messages session" data-testid="messages" node_ref=follow.area() role="log" aria-live="off" aria-label="Messages" tabindex="0"
                aria-busy=move || session.loading.get().to_string()
                data-durable=move || session.is_durable.get().to_string()
                on:scroll=move |_| scrolled() on:wheel=move |event| follow.wheeled(event.delta_y()) on:click=move |event| copy_code(&event)
            >
                <div class="column" node_ref=content>
                    <Show when=is_first><Skeleton /></Show>
                    <Show when=move || is_empty.get() && !session.loading.get()><EmptyState /></Show>
                    <Show when=move || session.has_older.get()>
                        <button
                            type="button" class="button older" data-testid="load-older" aria-disabled=move || session.loading.get().to_string()
                            on:click=load_by_hand on:focus=move |_| button_focused.set_value(true) on:blur=blurred
                        >
                            {move || if session.loading.get() { "Loading older messages…" } else { "Load older messages" }}
                        </button>
                    </Show>
                    <Show when=move || !session.has_older.get() && !is_empty.get()>
                        <p class="beginning" data-testid="beginning">"The conversation begins here."</p>
                    </Show>
                    {move || session.error.get().map(|error| {
                        let code = error.code.as_str();
                        view! { <p class="banner error" role="alert" data-testid="session-error" data-code=code>{error.message.clone()}</p> }
                    })}
                    <For each=move || session.nodes.get() key=|node| node.id() let:node>
                        <SessionMessage node />
                    </For>
                    <InterruptList />
                </div>
            </div>
            <div class="feed" role="status" data-testid="feed" data-state=move || session.connection.get().as_str()>{words}</div>
            <div class="visually-hidden" role="status" data-testid="older-status">{move || spoken.get()}</div>
            <Show when=move || !follow.is_following()>
                <button type="button" class="jump" data-testid="jump" on:click=move |_| follow.jump(true)>{icons::down()}"Jump to latest"</button>
            </Show>
        </div>
    }
}

fn say_loaded(spoken: RwSignal<String>, nodes: Signal<Vec<ViewNode>>, before: usize) {
    let now = nodes.try_with_untracked(Vec::len).unwrap_or(before);
    let count = now.saturating_sub(before);
    spoken.try_set(match count {
        0 => String::new(),
        1 => "1 older message.".to_owned(),
        _ => format!("{count} older messages."),
    });
}

#[component]
fn SessionMessage(node: ViewNode) -> impl IntoView {
    let chat: Chat = expect_context();
    let kind = untrack(|| node.kind());
    let label = speaker(&kind);
    let message = node.signal();
    let streaming = Memo::new(move |_| node.status() == NodeStatus::Streaming);
    let is_plain = chat.is_plain || kind != MessageKind::Ai;
    let ended = move || cut_off(&node.status());
    view! {
        <article
            class="message" data-testid="message" data-role=kind.as_str().to_owned() data-message-id=node.id().to_string() aria-label=label
            data-status=move || node.status().as_str() data-streaming=move || streaming.get().to_string()
            data-optimistic=move || node.is_pending().to_string()
        >
            <div class="bubble" class:empty=move || message.with(|message| message.content.text_bytes() == 0)>
                {if is_plain {
                    view! { <div class="message-text plain" data-testid="message-text">{move || message.with(|message| message.content.text().into_owned())}</div> }.into_any()
                } else {
                    view! { <Markdown message streaming /> }.into_any()
                }}
            </div>
            {move || ended().map(|words| view! { <p class="cut-off">{words}</p> })}
        </article>
    }
}

/// Why a message ends before its end, in words.
fn cut_off(status: &NodeStatus) -> Option<String> {
    match status {
        NodeStatus::Streaming | NodeStatus::Ended(EndStatus::Complete) => None,
        NodeStatus::Ended(EndStatus::Cancelled) => {
            Some("Incomplete: the agent was stopped here.".to_owned())
        }
        NodeStatus::Ended(EndStatus::Aborted { reason }) => Some(format!(
            "Incomplete: the agent was cut off here ({reason})."
        )),
    }
}
