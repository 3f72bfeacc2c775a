//! Everything that the agent asks, one card each, to be answered one by one or all at once.

use crate::{chat::Chat, interrupt_card::InterruptCard, interrupt_text::Question};
use leptos::prelude::*;
use rejoin_leptos::prelude::*;
use serde_json::Value;

/// One question, and what is typed for it and not sent.
#[derive(Clone)]
pub(crate) struct Card {
    pub(crate) key: String,
    pub(crate) interrupt: Interrupt,
    pub(crate) question: Question,
    /// Belongs to the list, so it stays while the cards around it go.
    pub(crate) words: ArcRwSignal<String>,
}

impl Card {
    /// The answer in the words that are typed; `None` before any are.
    pub(crate) fn typed(&self) -> Option<Value> {
        let words = self.words.get();
        let words = words.trim();
        (!words.is_empty()).then(|| self.question.words(words))
    }
}

/// The cards, and where there are several a button that sends what is typed in them together.
#[component]
pub(crate) fn InterruptList() -> impl IntoView {
    let chat: Chat = expect_context();
    let stream = chat.stream;
    let cards = Memo::new(move |before: Option<&Vec<Card>>| {
        let before = before.map(Vec::as_slice).unwrap_or_default();
        let interrupts = stream.interrupts.get().into_iter().enumerate();
        interrupts
            .map(|(at, interrupt)| card(at, interrupt, before))
            .collect::<Vec<_>>()
    });
    let is_several = Memo::new(move |_| cards.with(|cards| cards.len() > 1));
    view! {
        <div class="interrupts">
            <For each=move || cards.get() key=|card| card.key.clone() let:card>
                <InterruptCard card />
            </For>
            <Show when=move || is_several.get()><SendAll cards /></Show>
        </div>
    }
}

#[component]
fn SendAll(cards: Memo<Vec<Card>>) -> impl IntoView {
    let chat: Chat = expect_context();
    let typed = move || -> Vec<(InterruptId, Value)> {
        let answer = |card: &Card| {
            let id = card.interrupt.id.clone()?;
            Some((id, card.typed()?))
        };
        cards.with(|cards| cards.iter().filter_map(answer).collect())
    };
    let count = Memo::new(move |_| cards.with(Vec::len));
    let ready = Memo::new(move |_| typed().len());
    let send = move |_| {
        if untrack(|| ready.get() == count.get()) {
            chat.answer_all(untrack(typed));
        }
    };
    view! {
        <div class="interrupts-all">
            <p>{move || format!("{} questions wait. Answer each by itself, or type all answers and send them together: {} of {} typed.", count.get(), ready.get(), count.get())}</p>
            <button
                type="button" class="button primary" data-testid="interrupts-send-all"
                disabled=move || ready.get() != count.get() || chat.stream.is_loading.get() on:click=send
            >
                "Send all answers"
            </button>
        </div>
    }
}

fn card(at: usize, interrupt: Interrupt, before: &[Card]) -> Card {
    let id = match &interrupt.id {
        Some(id) => id.to_string(),
        None => at.to_string(),
    };
    let key = format!("{id} {}", interrupt.value.text());
    if let Some(card) = before.iter().find(|card| card.key == key) {
        return card.clone();
    }
    let question = Question::read(&interrupt.value.read().unwrap_or_default());
    Card {
        key,
        interrupt,
        question,
        words: ArcRwSignal::default(),
    }
}

impl PartialEq for Card {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}
