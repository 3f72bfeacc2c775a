//! Step 4: messages are edited and answered again, and every version can be looked at.

use crate::{options, steps::chat::Chat};
use leptos::prelude::*;
use rejoin_leptos::prelude::*;

#[component]
pub fn VersionsPage() -> impl IntoView {
    let stream = use_stream(options("chat").history_limit(20));
    view! {
        <Chat stream />
        <For each=move || stream.messages.get() key=|message| message.id() let:message>
            <Changes stream message />
        </For>
    }
}

#[component]
fn Changes(stream: UseStream, message: StreamMessage) -> impl IntoView {
    let versions = move || {
        let names = message.branch().options.into_iter().enumerate();
        let button = |(at, name): (usize, String)| {
            view! { <button on:click=move |_| stream.set_branch(name.clone())>"Version " {at + 1}</button> }
        };
        names.map(button).collect_view()
    };
    view! {
        <div>
            <button hidden=move || !message.can_edit() on:click=move |_| stream.edit(message.id(), "Edited")>
                "Edit"
            </button>
            <button hidden=move || !message.can_regenerate() on:click=move |_| stream.regenerate(message.id())>
                "Again"
            </button>
            {versions}
        </div>
    }
}
