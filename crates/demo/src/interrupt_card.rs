//! A question of the agent, with the answers a person can give.

use crate::{
    chat::Chat,
    icons,
    interrupt_list::Card,
    interrupt_text::{Question, approval_words},
    page,
};
use leptos::prelude::*;
use serde_json::Value;

/// One pending question. While a run is followed it can be read and not answered.
#[component]
pub(crate) fn InterruptCard(card: Card) -> impl IntoView {
    let chat: Chat = expect_context();
    let is_busy = chat.stream.is_loading;
    let id = card.interrupt.id.as_ref().map(ToString::to_string);
    let title_id = format!("question-{}", id.as_deref().unwrap_or("0"));
    let heading_id = title_id.clone();
    let Question { title, details, .. } = card.question.clone();
    let (approve, reject) = approval_words(&card.question);
    let words = card.words.clone();
    let card = StoredValue::new(card);
    let give = move |value: Value| {
        if !is_busy.get_untracked() {
            chat.answer(card.with_value(|card| card.interrupt.id.clone()), &value);
        }
    };
    let typed = move || card.with_value(Card::typed);
    let say = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if let Some(answer) = untrack(typed) {
            give(answer);
        }
    };
    let shown_words = words.clone();
    on_cleanup(page::rescue_focus);
    view! {
        <div data-testid="interrupt" data-interrupt-id=id>
            <section class="interrupt-card" data-testid="interrupt-card" role="group" aria-labelledby=title_id>
                <header>{icons::question()}<h3 id=heading_id>{title}</h3></header>
                <dl>
                    {details.into_iter().map(|(name, value)| view! { <div><dt>{name}</dt><dd>{value}</dd></div> }).collect_view()}
                </dl>
                <div class="interrupt-buttons">
                    <button
                        type="button" class="button primary" data-testid="interrupt-approve" disabled=move || is_busy.get()
                        on:click=move |_| give(card.with_value(|card| card.question.approval()))
                    >
                        {approve}
                    </button>
                    <button
                        type="button" class="button" data-testid="interrupt-reject" disabled=move || is_busy.get()
                        on:click=move |_| give(card.with_value(|card| card.question.rejection()))
                    >
                        {reject}
                    </button>
                </div>
                <form class="interrupt-words" on:submit=say>
                    <label data-testid="interrupt-edit">
                        <span class="visually-hidden">"An answer in your own words"</span>
                        <input
                            type="text" data-testid="interrupt-answer" placeholder="Or in your own words…" autocomplete="off"
                            prop:value=move || shown_words.get() on:input=move |event| words.set(event_target_value(&event))
                        />
                    </label>
                    <button type="submit" class="button" data-testid="interrupt-send" disabled=move || is_busy.get() || typed().is_none()>"Answer"</button>
                </form>
            </section>
        </div>
    }
}
