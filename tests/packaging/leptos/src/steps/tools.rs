//! Step 6: a card for each tool call, filled in while its arguments and its result come.

use crate::{options, steps::chat::Chat};
use leptos::prelude::*;
use rejoin_leptos::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
struct Weather {
    city: String,
}

#[component]
pub fn ToolsPage() -> impl IntoView {
    let stream = use_stream(options("tools"));
    let result = move |call: &ToolCall| {
        let mut messages = stream.messages.get().into_iter();
        let answer =
            messages.find(|message| call.id.is_some() && message.tool_call_id() == call.id);
        answer.map(|message| message.text())
    };
    let card = move |call: ToolCall| {
        let (result, city) = (
            result(&call),
            call.args_as::<Weather>().ok().map(|args| args.city),
        );
        view! { <article><h2>{call.name}</h2><i>{city}</i><b>{result}</b></article> }
    };
    view! {
        <Chat stream />
        <For each=move || stream.messages.get() key=|message| message.id() let:message>
            {move || message.tool_calls().into_iter().map(card).collect_view()}
        </For>
    }
}
