//! The suggestions of a new conversation.

use crate::chat::Chat;
use leptos::prelude::*;

/// A greeting and a few questions to begin with.
#[component]
pub(crate) fn EmptyState() -> impl IntoView {
    let chat: Chat = expect_context();
    let assistant = chat.assistant.get_value();
    view! {
        <div class="empty" data-testid="empty">
            <span class="logo large" aria-hidden="true"></span>
            <h2>{greeting(&assistant)}</h2>
            <p>"Reload, close the tab, lose the network: the answer goes on where it was."</p>
            <ul class="suggestions">
                {suggestions(&assistant).iter().map(|text| view! {
                    <li><button type="button" class="suggestion" data-testid="suggestion" on:click=move |_| chat.ask(text)>{*text}</button></li>
                }).collect_view()}
            </ul>
        </div>
    }
}

fn greeting(assistant: &str) -> &'static str {
    match assistant {
        "tools" => "An agent that uses a tool",
        "approval" => "An agent that asks before it acts",
        "research" => "An agent that works for two minutes",
        "boom" => "An agent that fails, on purpose",
        _ => "What would you like to know?",
    }
}

fn suggestions(assistant: &str) -> &'static [&'static str] {
    match assistant {
        "tools" => &["What is the weather in Paris?"],
        "approval" => &["Draft a note to the team."],
        "research" => &["Find out how tides work."],
        "boom" => &["Show me how an error looks."],
        _ => &[
            "How does an answer survive a reload?",
            "What happens when the network is gone?",
            "Tell me something long, so that I can interrupt it.",
        ],
    }
}
