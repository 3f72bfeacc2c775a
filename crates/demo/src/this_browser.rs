//! Controls for this browser: opening a second tab, and deleting the stored data.

use crate::{page, target::Nav};
use leptos::{prelude::*, task::spawn_local};
use rejoin_leptos::clear_data;

/// A way to a second tab, with what to expect of it, and a way to remove what is stored.
#[component]
pub(crate) fn ThisBrowser(nav: Nav) -> impl IntoView {
    let problem = RwSignal::new(None::<String>);
    let clear = move |_| {
        spawn_local(async move {
            match clear_data().await {
                Ok(()) => page::reload(),
                Err(error) => problem.set(Some(error.to_string())),
            }
        });
    };
    let expected = if page::query().share_connections().is_some() {
        "It shows the same answer, over the same connection. A question in one tab appears in the other at once."
    } else {
        "It shows the same answer, over its own connection."
    };
    let second = move || {
        let thread = nav.get().thread?;
        let href = page::address_with("thread", &thread);
        Some(view! {
            <a class="button wide" data-testid="second-tab" href=href target="_blank" aria-describedby="second-tab-about">"Open a second tab"</a>
            <p class="server-note" id="second-tab-about">{expected}</p>
        })
    };
    view! {
        <details class="this-browser" data-testid="this-browser">
            <summary>"Tabs and storage"</summary>
            {second}
            <Show when=move || nav.get().thread.is_none()>
                <p class="server-note">"Ask something first: then this conversation can be opened in a second tab."</p>
            </Show>
            <button type="button" class="button wide" data-testid="clear-stored" aria-describedby="clear-stored-about" on:click=clear>
                "Clear stored data"
            </button>
            <p class="server-note" id="clear-stored-about">
                "Removes saved conversations and unsent questions, in all tabs, and reloads the page. The server keeps its conversations."
            </p>
            {move || problem.get().map(|words| view! { <p class="server-note bad" role="alert">{words}</p> })}
        </details>
    }
}
