//! The history of events, line by line, for readers who want to know.

use crate::{activity::Entry, chat::Chat, icons};
use leptos::{ev, prelude::*};

/// The panel beside the conversation; newest first.
#[component]
pub(crate) fn Timeline(close: impl Fn() + 'static + Send + Sync) -> impl IntoView {
    let chat: Chat = expect_context();
    let entries = chat.activity.entries;
    // Escape means this panel while the focus is in it, and the stream otherwise.
    let close = StoredValue::new(close);
    let close = move || close.with_value(|close| close());
    let on_key = move |event: ev::KeyboardEvent| {
        if event.key() == "Escape" {
            event.prevent_default();
            close();
        }
    };
    view! {
        <aside class="timeline" id="timeline" data-testid="timeline" aria-label="Event timeline" on:keydown=on_key>
            <div class="panel-head">
                <h2>"Timeline"</h2>
                <button type="button" class="quiet-button" on:click=move |_| entries.set(Vec::new())>"Clear"</button>
                <button type="button" class="icon-button" aria-label="Close the timeline" title="Close" on:click=move |_| close()>{icons::close()}</button>
            </div>
            <Show when=move || entries.with(Vec::is_empty)>
                <p class="panel-empty">"Nothing yet. Connections, events and errors appear here as they happen."</p>
            </Show>
            <ol class="timeline-entries" tabindex="0" aria-label="Newest first">
                <For each=move || entries.get().into_iter().rev() key=|entry| entry.number let:entry>
                    <TimelineEntry entry />
                </For>
            </ol>
        </aside>
    }
}

#[component]
fn TimelineEntry(entry: Entry) -> impl IntoView {
    let Entry {
        number: _,
        time,
        kind,
        words,
        detail,
    } = entry;
    let line = view! { <time>{time}</time><span class="timeline-words">{words}</span> };
    view! {
        <li class="timeline-entry" data-testid="timeline-entry" data-kind=kind>
            {match detail {
                Some(detail) => view! { <details><summary>{line}</summary><pre>{detail}</pre></details> }.into_any(),
                None => view! { <div class="timeline-line">{line}</div> }.into_any(),
            }}
        </li>
    }
}
