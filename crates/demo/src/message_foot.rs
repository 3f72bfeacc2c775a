//! The commands for a message, in a row below it.

use crate::{
    branch_switcher::BranchSwitcher, chat::Chat, copy::CopyButton, editor::Rewrite, icons, page,
};
use leptos::{html, prelude::*};
use rejoin_leptos::prelude::*;

/// The versions to choose from, and the buttons Edit, Regenerate and Copy. A button is there only where it would work.
#[component]
pub(crate) fn MessageFoot(
    entry: StreamMessage,
    kind: MessageKind,
    streaming: Memo<bool>,
    rewrite: Rewrite,
    edit_button: NodeRef<html::Button>,
) -> impl IntoView {
    let chat: Chat = expect_context();
    let id = StoredValue::new(entry.id());
    let is_human = kind == MessageKind::Human;
    let is_ai = kind == MessageKind::Ai;
    let is_open = move || rewrite.text.with(Option::is_some);
    let can_copy = Memo::new(move |_| {
        !streaming.get() && !is_open() && entry.with(|message| message.content.text_bytes() > 0)
    });
    let can_edit = Memo::new(move |_| is_human && entry.can_edit() && !is_open());
    // An answer of several messages is made anew as a whole: one button is enough.
    let is_end = is_end_of_turn(chat, entry);
    let can_regenerate = Memo::new(move |_| is_ai && entry.can_regenerate() && is_end.get());
    let is_looked_up = chat.is_editing(id);
    let edit = move |_| {
        rewrite.text.set(Some(untrack(|| entry.text())));
    };
    let was_pressed = StoredValue::new(false);
    let regenerate = move |_| {
        was_pressed.set_value(true);
        rewrite.follow(chat.regenerate(&id.get_value()));
    };
    on_cleanup(move || {
        if was_pressed.try_get_value() == Some(true) {
            page::rescue_focus();
        }
    });
    view! {
        <div class="message-foot">
            <BranchSwitcher branch=Signal::derive(move || entry.branch()) />
            <div class="message-actions">
                <Show when=move || can_edit.get()>
                    <button type="button" class="quiet-button" data-testid="edit" aria-label="Edit message" node_ref=edit_button on:click=edit>
                        {icons::pencil()}<span aria-hidden="true">"Edit"</span>
                    </button>
                </Show>
                <Show when=move || can_regenerate.get()>
                    <button
                        type="button" class="quiet-button" class:busy=move || is_looked_up.get() data-testid="regenerate" aria-label="Regenerate answer"
                        disabled=move || is_looked_up.get() on:click=regenerate
                    >
                        {icons::refresh()}<span aria-hidden="true">"Regenerate"</span>
                    </button>
                </Show>
                <Show when=move || can_copy.get()>
                    <CopyButton what="message" text=move || untrack(|| entry.text()) />
                </Show>
            </div>
        </div>
    }
}

/// Whether nothing follows the message, or a person's next one.
fn is_end_of_turn(chat: Chat, entry: StreamMessage) -> Memo<bool> {
    Memo::new(move |_| {
        chat.stream.messages.with(|messages| {
            let at = messages.iter().position(|other| *other == entry);
            let next = at.and_then(|at| messages.get(at + 1));
            // What kind of message it is never changes.
            next.is_none_or(|next| untrack(|| next.kind()) == MessageKind::Human)
        })
    })
}
