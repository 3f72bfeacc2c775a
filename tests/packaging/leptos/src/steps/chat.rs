//! Step 1: a chat.

use crate::options;
use leptos::prelude::*;
use rejoin_leptos::prelude::*;

#[component]
pub fn ChatPage() -> impl IntoView {
    view! { <Chat stream=use_stream(options("chat")) /> }
}

#[component]
pub fn Chat(stream: UseStream) -> impl IntoView {
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
