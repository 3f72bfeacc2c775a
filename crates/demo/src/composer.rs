//! The field for a question.

use crate::{app::Overlays, chat::Chat, icons, page};
use leptos::{ev, html, prelude::*};

/// The field's greatest height, in CSS pixels; longer texts scroll.
const HEIGHT_PX_MAX: i32 = 220;

/// The text field and its button. Enter sends, Shift+Enter makes a line, Escape disconnects.
#[component]
pub(crate) fn Composer() -> impl IntoView {
    let chat: Chat = expect_context();
    let overlays: Overlays = expect_context();
    let field = NodeRef::<html::Textarea>::new();
    // While a run streams it waits for its turn.
    let can_send = move || chat.draft.with(|draft| !draft.trim().is_empty());
    let send = move || {
        if untrack(can_send) {
            let text = chat.draft.get_untracked();
            chat.draft.set(String::new());
            chat.ask(&text);
        }
        page::focus("composer");
    };
    // A field that is as high as its text, also when the text is set from elsewhere.
    Effect::new(move |_| {
        chat.draft.track();
        if let Some(field) = field.get() {
            request_animation_frame(move || fit(&field));
        }
    });
    // Where there is a real keyboard; on a phone it would cover half the page.
    if page::has_keyboard() {
        request_animation_frame(|| page::focus("composer"));
    }
    let keys = window_event_listener(ev::keydown, move |event| global_key(&event, chat, overlays));
    on_cleanup(move || keys.remove());
    let on_key = move |event: ev::KeyboardEvent| {
        if is_send_key(&event) {
            event.prevent_default();
            send();
        }
    };
    view! {
        <form class="composer" on:submit=move |event| { event.prevent_default(); send(); }>
            <label class="visually-hidden" for="composer">"Your message"</label>
            <textarea
                id="composer"
                data-testid="composer"
                node_ref=field
                rows="1"
                placeholder="Ask something…"
                autocomplete="off"
                enterkeyhint="send"
                aria-describedby="composer-hint"
                prop:value=move || chat.draft.get()
                on:input=move |event| chat.draft.set(event_target_value(&event))
                on:keydown=on_key
            ></textarea>
            <button type="submit" class="send" data-testid="send" aria-label="Send" title="Send (Enter)" disabled=move || !can_send()>
                {icons::send()}
            </button>
        </form>
        <p class="hint" id="composer-hint">
            <kbd>"Enter"</kbd>" sends, "<kbd>"Shift"</kbd>"+"<kbd>"Enter"</kbd>" makes a line, "<kbd>"Esc"</kbd>" disconnects"
        </p>
    }
}

/// Whether a key sends. While a word is being composed, Enter accepts it.
pub(crate) fn is_send_key(event: &ev::KeyboardEvent) -> bool {
    event.key() == "Enter"
        && !event.shift_key()
        && !event.is_composing()
        && event.key_code() != IME_KEY_CODE
}

/// The key code that browsers give for a key that an input method takes.
const IME_KEY_CODE: u32 = 229;

fn global_key(event: &ev::KeyboardEvent, chat: Chat, overlays: Overlays) {
    if event.default_prevented()
        || event.ctrl_key()
        || event.meta_key()
        || event.alt_key()
        || event.is_composing()
    {
        return;
    }
    let is_typing = document().active_element().is_some_and(|element| {
        matches!(element.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT")
    });
    match event.key().as_str() {
        // A dialog and the drawer take it first.
        "Escape" if !overlays.help.get_untracked() && chat.stream.is_loading.get_untracked() => {
            event.prevent_default();
            chat.stream.stop();
        }
        "/" if !is_typing => {
            event.prevent_default();
            page::focus("composer");
        }
        "?" if !is_typing => {
            event.prevent_default();
            overlays.help.set(true);
        }
        _ => {}
    }
}

/// Makes a field as high as its text.
pub(crate) fn fit(field: &web_sys::HtmlTextAreaElement) {
    let style = web_sys::HtmlElement::style(field);
    // Setting a property of a constant name and a number cannot fail.
    let _ = style.set_property("height", "auto");
    let height_px = field.scroll_height().min(HEIGHT_PX_MAX);
    let _ = style.set_property("height", &format!("{height_px}px"));
}
