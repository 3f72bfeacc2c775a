//! A chat that is rendered on a server and goes on in the page.

#[cfg(feature = "ssr")]
mod policy;

use leptos::prelude::*;
use rejoin_leptos::prelude::*;
use serde_json::json;

/// The document, which only the server renders.
#[cfg(feature = "ssr")]
pub fn shell(options: LeptosOptions) -> impl IntoView {
    policy::send_with_page(&agent_url());
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <title>"Chat"</title>
                <HydrationScripts options />
            </head>
            <body>
                <Chat />
            </body>
        </html>
    }
}

/// The agent's server, as the server's environment names it.
fn agent_url() -> String {
    std::env::var("AGENT_URL").unwrap_or_else(|_| "http://127.0.0.1:8123".to_owned())
}

/// The chat.
#[component]
pub fn Chat() -> impl IntoView {
    // The page is told what the server has read.
    let agent = SharedValue::new(agent_url).into_inner();
    let greeting = json!({ "type": "ai", "id": "greeting", "content": "Ask me anything." });
    let options = UseStreamOptions::new(agent, "chat")
        .thread_in_url("thread")
        .initial_values(json!({ "messages": [greeting] }));
    let stream = use_stream(options);
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
    leptos::mount::hydrate_body(Chat);
}
