//! Step 8: two streams at once, each shared by several components, and kept while a component is away.

use crate::{options, steps::chat::Chat};
use leptos::prelude::*;
use rejoin_leptos::prelude::*;

fn named(key: &str) -> UseStream {
    use_shared_stream(key, || options("chat"))
}

#[component]
pub fn TogetherPage() -> impl IntoView {
    let is_shown = RwSignal::new(true);
    view! {
        <button on:click=move |_| is_shown.update(|shown| *shown = !*shown)>"Hide or show"</button>
        <Show when=move || is_shown.get()>
            <section id="left"><Chat stream=named("left") /></section>
        </Show>
        <section id="right"><Chat stream=named("right") /></section>
        <Count key="left" />
        <Count key="right" />
    }
}

#[component]
fn Count(key: &'static str) -> impl IntoView {
    let stream = named(key);
    let answers = move || {
        stream
            .messages
            .get()
            .iter()
            .map(|message| message.text().len())
            .sum::<usize>()
    };
    view! { <output data-of=key>{answers}</output> }
}
