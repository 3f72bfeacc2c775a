//! A question of the agent, with the answers a person can give.

use crate::{chat::Chat, icons, interrupt_text::Question, message_list::Card};
use leptos::prelude::*;
use serde_json::{Map, Value};

/// One pending question.
#[component]
pub(crate) fn InterruptCard(card: Card) -> impl IntoView {
    let chat: Chat = expect_context();
    let question = StoredValue::new(Question::read(
        &card.interrupt.value.read().unwrap_or_default(),
    ));
    let own_words = RwSignal::new(String::new());
    // An answer names its question even when there is only one: the JS server takes a bare `false` for no answer at all.
    let id = card.interrupt.id.map(|id| id.to_string());
    let answer = StoredValue::new(move |answer: Value| {
        let answer = match &id {
            Some(id) => Value::Object(Map::from_iter([(id.clone(), answer)])),
            None => answer,
        };
        chat.answer(&answer);
    });
    let give = move |value: Value| answer.with_value(|answer| answer(value));
    let say = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let text = own_words.get_untracked();
        if !text.trim().is_empty() {
            give(question.with_value(|question| question.words(text.trim())));
        }
    };
    let Question { title, details, .. } = question.get_value();
    view! {
        <section class="interrupt-card" data-testid="interrupt-card" role="group" aria-label="The agent asks">
            <header>{icons::question()}<h3>{title}</h3></header>
            <dl>
                {details.into_iter().map(|(name, value)| view! { <div><dt>{name}</dt><dd>{value}</dd></div> }).collect_view()}
            </dl>
            <div class="interrupt-buttons">
                <button type="button" class="button primary" data-testid="interrupt-approve" on:click=move |_| give(question.with_value(Question::approval))>
                    "Approve"
                </button>
                <button type="button" class="button" data-testid="interrupt-reject" on:click=move |_| give(question.with_value(Question::rejection))>
                    "Reject"
                </button>
            </div>
            <form class="interrupt-words" on:submit=say>
                <input
                    type="text" data-testid="interrupt-edit" aria-label="An answer in your own words" placeholder="Or in your own words…"
                    autocomplete="off" prop:value=move || own_words.get() on:input=move |event| own_words.set(event_target_value(&event))
                />
                <button type="submit" class="button" data-testid="interrupt-answer" disabled=move || own_words.with(|text| text.trim().is_empty())>"Answer"</button>
            </form>
        </section>
    }
}
