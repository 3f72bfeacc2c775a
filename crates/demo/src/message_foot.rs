//! What can be done with a message, in a row below it.

use crate::{
    branch_switcher::BranchSwitcher, chat::Chat, copy::CopyButton, editor::Rewrite, icons, page,
};
use leptos::{html, prelude::*};
use rejoin_leptos::StreamMessage;
use rejoin_wire::{
    MessageId,
    message::{Message, MessageKind},
};
use std::sync::Arc;

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
    let message: Signal<Arc<Message>> = entry.message.into();
    let id = StoredValue::new(MessageId::from(entry.key.as_str()));
    let is_human = kind == MessageKind::Human;
    let is_ai = kind == MessageKind::Ai;
    let is_open = move || rewrite.text.with(Option::is_some);
    let can_copy = Memo::new(move |_| {
        !streaming.get() && !is_open() && message.with(|message| message.content.text_bytes() > 0)
    });
    let can_edit: Signal<bool> = entry.can_edit.into();
    let can_edit = Memo::new(move |_| is_human && can_edit.get() && !is_open());
    let can_regenerate: Signal<bool> = entry.can_regenerate.into();
    // An answer of several messages is made anew as a whole: one button is enough.
    let is_end = is_end_of_turn(chat, entry.key);
    let can_regenerate = Memo::new(move |_| is_ai && can_regenerate.get() && is_end.get());
    let is_looked_up = chat.is_editing(id);
    let edit = move |_| {
        let text = message.with_untracked(|message| message.content.text().into_owned());
        rewrite.text.set(Some(text));
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
            <BranchSwitcher branch=entry.branch.into() />
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
                    <CopyButton what="message" text=move || message.with_untracked(|message| message.content.text().into_owned()) />
                </Show>
            </div>
        </div>
    }
}

/// Whether nothing follows the message, or a person's next one.
fn is_end_of_turn(chat: Chat, key: String) -> Memo<bool> {
    Memo::new(move |_| {
        chat.stream.messages.with(|messages| {
            let at = messages.iter().position(|other| other.key == key);
            let next = at.and_then(|at| messages.get(at + 1));
            // What kind of message it is never changes.
            next.is_none_or(|next| next.message.get_untracked().kind == MessageKind::Human)
        })
    })
}
