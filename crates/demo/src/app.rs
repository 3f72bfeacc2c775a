//! The page: the sidebar, and the conversation it chooses.

use crate::{
    chat::Conversation,
    help::Help,
    target::{Nav, Target},
    thread_list::{Sidebar, Threads},
};
use leptos::{ev, prelude::*};

/// The panel that is open above the conversation.
#[derive(Clone, Copy)]
pub(crate) struct Overlays {
    /// The sidebar, where the window is too narrow to show it always.
    pub(crate) drawer: RwSignal<bool>,
    pub(crate) help: RwSignal<bool>,
}

/// The whole demo.
#[component]
pub(crate) fn App() -> impl IntoView {
    let nav = Nav::new();
    let threads = Threads::new(nav);
    let overlays = Overlays {
        drawer: RwSignal::new(false),
        help: RwSignal::new(false),
    };
    provide_context(overlays);
    // A stream belongs to one server and one assistant; threads are switched within it.
    let place = Memo::new(move |_| {
        let target = nav.get();
        (target.server, target.assistant)
    });
    let keys = window_event_listener(ev::keydown, move |event| {
        if event.key() == "Escape" && overlays.drawer.get_untracked() {
            event.prevent_default();
            overlays.drawer.set(false);
            crate::page::focus("open-drawer");
        }
    });
    on_cleanup(move || keys.remove());
    view! {
        <a class="skip" href="#composer">"Skip to the message field"</a>
        <Sidebar nav threads overlays />
        <div class="backdrop" class:open=move || overlays.drawer.get() aria-hidden="true" on:click=move |_| overlays.drawer.set(false)></div>
        <div class="page" inert=move || overlays.drawer.get()>
            {move || {
                let (server, assistant) = place.get();
                let target = Target { server, assistant, thread: nav.get_untracked().thread };
                view! { <Conversation target nav threads /> }
            }}
        </div>
        <Help open=overlays.help />
    }
}
