//! The texts for a screen reader: complete answers, and questions of the agent. The connection's state has its own live
//! region, and errors are alerts.

use crate::chat::Chat;
use leptos::prelude::*;
use rejoin_leptos::wire::message::MessageKind;

/// The longest answer that is read out, in characters; the rest is in the conversation.
const SPOKEN_CHARS_MAX: usize = 1000;

/// A polite live region that nobody sees.
#[component]
pub(crate) fn Announcer() -> impl IntoView {
    let chat: Chat = expect_context();
    let words = chat.spoken;
    let stream = chat.stream;
    Effect::new(move |was_loading: Option<bool>| {
        let is_loading = stream.is_loading.get();
        if is_loading {
            words.set(String::new());
        } else if was_loading == Some(true) {
            words.set(last_answer(chat));
        }
        is_loading
    });
    view! { <div class="visually-hidden" aria-live="polite" data-testid="announcer">{move || words.get()}</div> }
}

fn last_answer(chat: Chat) -> String {
    let question = match chat.stream.interrupts.with_untracked(Vec::len) {
        0 => String::new(),
        1 => "The agent asks for your decision. ".to_owned(),
        count => format!("The agent asks {count} questions. "),
    };
    let messages = chat.stream.messages.get_untracked();
    let last = messages.last().map(|entry| untrack(|| entry.get()));
    match last {
        Some(message) if message.kind == MessageKind::Ai => {
            let text: String = message
                .content
                .text()
                .chars()
                .take(SPOKEN_CHARS_MAX)
                .collect();
            format!("{question}Answer: {text}")
        }
        Some(_) | None => question,
    }
}
