//! Submissions that the server does not have yet, below the conversation.

use crate::chat::Chat;
use leptos::prelude::*;
use rejoin_leptos::{StatusWords, Waiting, WaitingState};

/// The waiting submissions: their text, and the possible commands for each. A submission that is shown in the conversation
/// is not shown again.
#[component]
pub(crate) fn WaitingList() -> impl IntoView {
    let chat: Chat = expect_context();
    let waiting = chat.stream.waiting;
    view! {
        <Show when=move || waiting.with(|waiting| !waiting.is_empty())>
            <section class="unsent" aria-label="Not sent yet" data-testid="waiting">
                <ul>
                    // A list this short is made anew where anything about it changes.
                    {move || waiting.get().into_iter().map(|entry| item(chat, entry)).collect_view()}
                </ul>
            </section>
        </Show>
    }
}

fn item(chat: Chat, entry: Waiting) -> impl IntoView {
    let texts = entry.messages.iter().map(|message| message.content.text());
    let text = texts.collect::<Vec<_>>().join("\n");
    let id = StoredValue::new(entry.id);
    let send_now = (entry.state == WaitingState::Held).then(|| {
        let label = format!("Send now: {text}");
        view! {
            <button type="button" class="primary" data-testid="send-now" aria-label=label on:click=move |_| id.with_value(|id| chat.stream.send_now(id))>
                "Send now"
            </button>
        }
    });
    let take_back = (entry.state != WaitingState::OtherTab).then(|| {
        let label = format!("Take back: {text}");
        let text = text.clone();
        let take_back = move |_| {
            id.with_value(|id| chat.stream.take_back(id));
            // It goes back to where it was typed.
            if chat.draft.with_untracked(String::is_empty) {
                chat.draft.set(text.clone());
            }
        };
        view! { <button type="button" data-testid="take-back" aria-label=label on:click=take_back>"Take back"</button> }
    });
    let words = (StatusWords::ENGLISH.waiting)(entry.state);
    let lasts = (!entry.is_stored).then_some(" It does not outlive a reload.");
    view! {
        <li data-testid="waiting-item" data-state=entry.state.as_str()>
            {(!entry.is_shown).then(|| view! { <p class="unsent-text">{text}</p> })}
            <p class="unsent-words" role="status">{words}{lasts}</p>
            {send_now}
            {take_back}
        </li>
    }
}
