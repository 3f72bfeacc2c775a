//! A page whose only code is a chat: the rest is HTML that the server has rendered.
#![allow(missing_docs)] // The island macro makes a type of the properties.

use leptos::prelude::*;
use rejoin_leptos::prelude::*;

/// The document, which only the server renders.
#[cfg(feature = "ssr")]
pub fn shell(options: LeptosOptions) -> impl IntoView {
    let agent = std::env::var("AGENT_URL").unwrap_or_else(|_| "http://127.0.0.1:8123".to_owned());
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <title>"Help"</title>
                <HydrationScripts options islands=true />
            </head>
            <body>
                <h1>"Help"</h1>
                <p>"This text is not in the page's code."</p>
                <Chat agent />
            </body>
        </html>
    }
}

/// The chat, an island: what it is given is text in the page.
#[island]
pub fn Chat(
    /// The agent's server.
    agent: String,
) -> impl IntoView {
    let stream = use_stream(UseStreamOptions::new(agent, "chat").thread_in_url("thread"));
    let draft = RwSignal::new(String::new());
    let send = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        stream.submit(draft.get());
        draft.set(String::new());
    };
    view! {
        <For each=move || stream.messages.get() key=|message| message.id() let:message>
            <p class=message.kind().as_str().to_owned()>{move || message.text()}</p>
        </For>
        <ConnectionStatus stream />
        <form on:submit=send>
            <input bind:value=draft aria-label="Message" />
            <button disabled=move || draft.with(String::is_empty)>"Send"</button>
            <button type="button" on:click=move |_| stream.cancel()>"Stop"</button>
        </form>
    }
}

/// The page's entry point.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    leptos::mount::hydrate_islands();
}
