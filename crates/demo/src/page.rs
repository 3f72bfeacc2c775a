//! The few things asked of the browser that are not about streams.

use crate::query::{Query, with_param};
use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, HtmlButtonElement, HtmlElement};

/// Replaces what index.html shows while the program loads.
pub(crate) fn mount<V: IntoView + 'static>(app: impl FnOnce() -> V + 'static) {
    let root = document()
        .get_element_by_id("app")
        .and_then(|root| root.dyn_into::<HtmlElement>().ok());
    let Some(root) = root else { return };
    root.set_text_content(None);
    // Lives as long as the page.
    mount_handle(root, app);
}

fn mount_handle<V: IntoView + 'static>(root: HtmlElement, app: impl FnOnce() -> V + 'static) {
    leptos::mount::mount_to(root, app).forget();
}

/// The address's parameters.
pub(crate) fn query() -> Query {
    Query::parse(&search())
}

/// This page's origin, such as `http://127.0.0.1:8710`.
pub(crate) fn origin() -> String {
    location().origin().unwrap_or_default()
}

/// Writes a parameter into the address, as a new entry of the history or in place of the present one.
pub(crate) fn set_param(name: &str, value: Option<&str>, is_new_entry: bool) {
    let search = with_param(&search(), name, value);
    let path = location().pathname().unwrap_or_else(|_| "/".to_owned());
    let url = format!("{path}{search}");
    let Ok(history) = window().history() else {
        return;
    };
    // Fails only where the document has no address of its own; then there is none to keep.
    let _ = if is_new_entry {
        history.push_state_with_url(&JsValue::NULL, "", Some(&url))
    } else {
        history.replace_state_with_url(&JsValue::NULL, "", Some(&url))
    };
}

/// This page's address with a parameter in it.
pub(crate) fn address_with(name: &str, value: &str) -> String {
    let path = location().pathname().unwrap_or_else(|_| "/".to_owned());
    path + &with_param(&search(), name, Some(value))
}

/// Loads the page anew.
pub(crate) fn reload() {
    // Fails only where the document has no address of its own.
    let _ = location().reload();
}

/// Reads a setting of the demo. `None` where storage is empty or not allowed.
pub(crate) fn setting(name: &str) -> Option<String> {
    window()
        .local_storage()
        .ok()??
        .get_item(&setting_key(name))
        .ok()?
}

/// Keeps a setting of the demo, or forgets it where storage is not allowed.
pub(crate) fn keep_setting(name: &str, value: &str) {
    if let Ok(Some(storage)) = window().local_storage() {
        let _ = storage.set_item(&setting_key(name), value);
    }
}

/// Whether the device most likely has a keyboard: it has a mouse or the like.
pub(crate) fn has_keyboard() -> bool {
    let query = window().match_media("(hover: hover)");
    query.ok().flatten().is_some_and(|query| query.matches())
}

/// Whether the element has the keyboard focus.
pub(crate) fn has_focus(element: &Element) -> bool {
    document().active_element().as_ref() == Some(element)
}

/// Gives an element the keyboard focus.
pub(crate) fn focus(id: &str) {
    if let Some(element) = document()
        .get_element_by_id(id)
        .and_then(|e| e.dyn_into::<HtmlElement>().ok())
    {
        let _ = element.focus();
    }
}

/// Gives the first of some buttons the keyboard focus that can have it.
pub(crate) fn focus_first(buttons: &[&HtmlButtonElement]) {
    if let Some(button) = buttons.iter().find(|button| !button.disabled()) {
        let _ = button.focus();
    }
}

/// The focused element may disappear with its message. The next key then goes to the message field, or, without a keyboard,
/// to the messages, because that covers nothing.
pub(crate) fn rescue_focus() {
    request_animation_frame(|| {
        let document = document();
        let is_lost = document
            .active_element()
            .is_none_or(|element| element.tag_name() == "BODY");
        if is_lost {
            focus(if has_keyboard() {
                "composer"
            } else {
                "messages"
            });
        }
    });
}

fn search() -> String {
    location().search().unwrap_or_default()
}

fn setting_key(name: &str) -> String {
    format!("rejoin-demo.{name}")
}
