//! Copying to the clipboard, with an answer that can be seen.

use crate::icons;
use leptos::{ev, prelude::*};
use std::time::Duration;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, HtmlDocument, HtmlTextAreaElement};

/// How long a button says that it has copied.
const SAID_FOR: Duration = Duration::from_millis(1600);

/// A button that copies what `text` gives when it is pressed.
#[component]
pub(crate) fn CopyButton(text: impl Fn() -> String + 'static, what: &'static str) -> impl IntoView {
    let is_done = RwSignal::new(false);
    let copy_it = move |_| {
        copy(&text());
        is_done.set(true);
        set_timeout(
            move || {
                is_done.try_set(false);
            },
            SAID_FOR,
        );
    };
    view! {
        <button type="button" class="quiet-button" data-testid="copy" aria-label=format!("Copy {what}") on:click=copy_it>
            {icons::copy()}
            <span aria-hidden="true">{move || if is_done.get() { "Copied" } else { "Copy" }}</span>
            <span class="visually-hidden" role="status">{move || is_done.get().then_some("Copied")}</span>
        </button>
    }
}

/// Buttons inside rendered markdown have no handler of their own: this one, on an ancestor, is theirs.
pub(crate) fn copy_code(event: &ev::MouseEvent) {
    let target = event
        .target()
        .and_then(|target| target.dyn_into::<Element>().ok());
    let Some(button) = target.and_then(|target| target.closest("[data-copy=code]").ok().flatten())
    else {
        return;
    };
    let code = button
        .closest("figure")
        .ok()
        .flatten()
        .and_then(|figure| figure.query_selector("code").ok().flatten());
    let Some(text) = code.and_then(|code| code.text_content()) else {
        return;
    };
    copy(&text);
    button.set_text_content(Some("Copied"));
    set_timeout(move || button.set_text_content(Some("Copy code")), SAID_FOR);
}

fn copy(text: &str) {
    let navigator = window().navigator();
    // Absent on pages that came over plain HTTP from another machine.
    let has_clipboard = js_sys::Reflect::get(&navigator, &JsValue::from_str("clipboard"))
        .is_ok_and(|it| it.is_object());
    if has_clipboard {
        let written = navigator.clipboard().write_text(text);
        let text = text.to_owned();
        leptos::task::spawn_local(async move {
            if wasm_bindgen_futures::JsFuture::from(written).await.is_err() {
                copy_by_selection(&text);
            }
        });
    } else {
        copy_by_selection(text);
    }
}

/// The old way, which needs an element that holds the text.
fn copy_by_selection(text: &str) -> Option<()> {
    let document: HtmlDocument = document().dyn_into().ok()?;
    let area: HtmlTextAreaElement = document.create_element("textarea").ok()?.dyn_into().ok()?;
    area.set_value(text);
    area.set_class_name("visually-hidden");
    document.body()?.append_child(&area).ok()?;
    area.select();
    // Where this is refused too, nothing more can be done; the text can still be selected by hand.
    let _ = document.exec_command("copy");
    area.remove();
    Some(())
}
