//! Step 5: the agent's own events, heard one by one and as the newest, which a reload restores.

use crate::{options, steps::chat::Chat};
use leptos::prelude::*;
use rejoin_leptos::prelude::*;
use serde::Deserialize;

#[derive(Clone, Deserialize)]
struct Progress {
    progress: u32,
    note: String,
}

#[component]
pub fn ProgressPage() -> impl IntoView {
    let heard = RwSignal::new(0);
    let options = options("research")
        .thread_in_url("thread")
        .on_custom_event(move |_: Progress| heard.update(|heard| *heard += 1));
    let stream = use_stream(options);
    let newest = stream.custom_event::<Progress>();
    view! {
        <Chat stream />
        <progress max=100 value=move || newest.get().map(|newest| newest.progress)></progress>
        <output>{move || newest.get().map(|newest| newest.note)}</output>
        <b>{heard}</b>
    }
}
