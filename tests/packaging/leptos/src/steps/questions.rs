//! Step 3: the agent asks, a person answers.

use crate::{options, steps::chat::Chat};
use leptos::prelude::*;
use rejoin_leptos::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
struct Question {
    question: String,
}

#[component]
pub fn QuestionsPage() -> impl IntoView {
    let stream = use_stream(options("approval").thread_in_url("thread"));
    let questions = move || {
        let asked = stream.interrupts.get().into_iter();
        let asked =
            asked.filter_map(|asked| Some((asked.id?, asked.value.read::<Question>().ok()?)));
        asked
            .map(|(id, asked)| {
                let no = id.clone();
                view! {
                    <fieldset>
                        <legend>{asked.question}</legend>
                        <button on:click=move |_| stream.respond(id.clone(), true)>"Yes"</button>
                        <button on:click=move |_| stream.respond(no.clone(), false)>"No"</button>
                    </fieldset>
                }
            })
            .collect_view()
    };
    view! {
        <Chat stream />
        {questions}
    }
}
