//! The choice of the assistant and the server.

use crate::{
    target::{Nav, own_server},
    thread_list::Threads,
};
use leptos::prelude::*;

/// The assistants of the embedded server, shown until the server has listed its own.
const USUAL_ASSISTANTS: &[&str] = &["chat", "tools", "approval", "research", "boom", "openai"];

/// Chooses the assistant. A change begins a new conversation.
#[component]
pub(crate) fn AssistantSelect(nav: Nav, threads: Threads) -> impl IntoView {
    let names = move || {
        let mut names = threads.assistants();
        if names.is_empty() {
            names = USUAL_ASSISTANTS
                .iter()
                .map(|name| (*name).to_owned())
                .collect();
        }
        let current = nav.get().assistant;
        if !names.contains(&current) {
            names.insert(0, current);
        }
        names
    };
    view! {
        <label class="assistant">
            <span class="visually-hidden">"Assistant"</span>
            <select
                data-testid="assistant-select"
                prop:value=move || { names(); nav.get().assistant }
                on:change=move |event| nav.choose_assistant(event_target_value(&event))
            >
                <For each=names key=String::clone let:name>
                    <option value=name.clone() selected={let name = name.clone(); move || nav.get().assistant == name}>{name.clone()}</option>
                </For>
            </select>
        </label>
    }
}

/// Points the demo at another Agent Server.
#[component]
pub(crate) fn ServerField(nav: Nav, threads: Threads) -> impl IntoView {
    let text = RwSignal::new(String::new());
    Effect::new(move |_| text.set(nav.get().server));
    let apply = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        nav.choose_server(&text.get_untracked());
        threads.refresh();
    };
    let is_own = move || nav.get().server == own_server();
    view! {
        <form class="server" on:submit=apply>
            <label for="server-url">"Agent Server"</label>
            <input
                id="server-url" data-testid="server-url" type="text" inputmode="url" autocomplete="off" spellcheck="false"
                placeholder="http://127.0.0.1:2024" title=move || text.get()
                prop:value=move || text.get() on:input=move |event| text.set(event_target_value(&event))
            />
            <div class="server-row">
                <p class="server-note" class:bad=move || threads.problem().is_some()>
                    {move || match threads.problem() {
                        Some(problem) => problem,
                        None if is_own() => "The server that comes with this page.".to_owned(),
                        None => "Another server.".to_owned(),
                    }}
                </p>
                <button type="submit" class="button" data-testid="server-apply">"Apply"</button>
            </div>
        </form>
    }
}
