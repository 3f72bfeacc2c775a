//! The bar at the top: which assistant, and the page's own buttons.

use crate::{
    app::Overlays, icons, settings::AssistantSelect, target::Nav, theme::ThemeToggle,
    thread_list::Threads,
};
use leptos::prelude::*;

/// The bar at the top.
#[component]
pub(crate) fn Header(nav: Nav, threads: Threads, timeline_open: RwSignal<bool>) -> impl IntoView {
    let overlays: Overlays = expect_context();
    let open_drawer = move |_| {
        overlays.drawer.set(true);
        request_animation_frame(|| crate::page::focus("new-thread"));
    };
    view! {
        <header class="top">
            <button
                type="button" id="open-drawer" class="icon-button only-narrow" data-testid="drawer-toggle" aria-label="Conversations and settings"
                aria-expanded=move || overlays.drawer.get().to_string() aria-controls="sidebar" on:click=open_drawer
            >
                {icons::menu()}
            </button>
            <AssistantSelect nav threads />
            <span class="spacer"></span>
            <button
                type="button" id="open-timeline" class="icon-button" data-testid="timeline-toggle" aria-label="Event timeline" title="Event timeline"
                aria-expanded=move || timeline_open.get().to_string() aria-controls="timeline"
                on:click=move |_| timeline_open.update(|open| *open = !*open)
            >
                {icons::timeline()}
            </button>
            <ThemeToggle />
            <button type="button" class="icon-button" data-testid="help-toggle" aria-label="Help and keys" title="Help and keys (?)" on:click=move |_| overlays.help.set(true)>
                {icons::help()}
            </button>
        </header>
    }
}
