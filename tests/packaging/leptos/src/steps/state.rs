//! Step 2: the graph's state as a type.

use crate::{options, steps::chat::Chat};
use leptos::prelude::*;
use rejoin_leptos::prelude::*;
use serde::Deserialize;

#[derive(Clone, PartialEq, Deserialize)]
struct State {
    steps_done: Option<u32>,
}

#[component]
pub fn StatePage() -> impl IntoView {
    let stream = use_stream(options("research"));
    let state = stream.values_as::<State>();
    let steps_done = move || state.get().ok().and_then(|state| state.steps_done);
    view! {
        <Chat stream />
        <output>{steps_done}</output>
    }
}
