//! The smallest application: a chat that survives a reload.

use leptos::prelude::*;
use rejoin_leptos::prelude::*;

fn main() {
    leptos::mount::mount_to_body(Chat);
}

#[component]
fn Chat() -> impl IntoView {
    let stream = use_stream(UseStreamOptions::new("/api", "chat").thread_in_url("thread"));
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
            <button type="button" on:click=move |_| stream.new_thread()>"New chat"</button>
        </form>
    }
}
