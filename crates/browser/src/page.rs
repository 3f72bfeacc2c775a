//! The events of the page.

use crate::{
    clock::wall_clock,
    driver::Driver,
    schedule::is_hidden,
    scope,
    storage::{LOGOUT_KEY, logout_heard},
};
use js_sys::{Function, Reflect};
use rejoin_core::{Input, RECORD_PREFIX};
use std::rc::Rc;
use wasm_bindgen::{JsCast, JsValue, closure::Closure, prelude::wasm_bindgen};

#[wasm_bindgen]
extern "C" {
    // Node.js and some workers have no such functions.
    type Target;
    #[wasm_bindgen(method, catch, js_name = addEventListener)]
    fn add(this: &Target, name: &str, callback: &Function) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = removeEventListener)]
    fn remove(this: &Target, name: &str, callback: &Function) -> Result<(), JsValue>;
}

const OF_WINDOW: [&str; 6] = [
    "online", "offline", "pagehide", "pageshow", "focus", "storage",
];
const OF_DOCUMENT: [&str; 3] = ["visibilitychange", "freeze", "resume"];

/// Listens to the page until it is dropped.
pub(crate) struct Listener {
    window: Target,
    document: Option<Target>,
    callback: Closure<dyn Fn(JsValue)>,
}

impl Listener {
    fn each(&self, call: fn(&Target, &str, &Function) -> Result<(), JsValue>) {
        let callback = self.callback.as_ref().unchecked_ref();
        for name in OF_WINDOW {
            drop(call(&self.window, name, callback));
        }
        for name in OF_DOCUMENT {
            if let Some(document) = &self.document {
                drop(call(document, name, callback));
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.each(Target::remove);
    }
}

/// Tells the driver how the page is, and listens for what changes it.
pub(crate) fn listen(driver: &Rc<Driver>) -> Listener {
    if is_hidden() {
        driver.feed(Input::BecameHidden);
    }
    if is_offline() {
        driver.feed(Input::WentOffline);
    }
    let weak = Rc::downgrade(driver);
    let listener = Listener {
        window: JsValue::from(scope()).unchecked_into(),
        document: document().map(JsCast::unchecked_into),
        callback: Closure::new(move |event: JsValue| {
            let name = field(&event, "type").and_then(|name| name.as_string());
            if let (Some(driver), Some(name)) = (weak.upgrade(), name) {
                happened(&driver, &name, &event);
            }
        }),
    };
    listener.each(Target::add);
    listener
}

fn happened(driver: &Driver, name: &str, event: &JsValue) {
    let input = match name {
        "online" => Input::WentOnline,
        "offline" => Input::WentOffline,
        "pagehide" | "freeze" => Input::PageHiding {
            wall_clock: wall_clock(),
        },
        "resume" => Input::Thawed,
        "focus" => Input::Focused,
        "storage" => match changed_record(event) {
            Some(key) if key == LOGOUT_KEY => return logout_heard(),
            Some(key) => Input::RecordChanged { key },
            None => return,
        },
        // Every page is shown once after it is loaded; only a persisted one was frozen.
        "pageshow" if field(event, "persisted").is_some_and(|is| is.is_truthy()) => Input::Thawed,
        "visibilitychange" => {
            driver.visibility_changed();
            if is_hidden() {
                Input::BecameHidden
            } else {
                Input::BecameVisible
            }
        }
        _ => return,
    };
    if let (Some(between), "freeze" | "resume") = (driver.intermediary(), name) {
        between.page_froze(name == "freeze");
    }
    driver.feed(input);
}

/// The key under which another tab has changed something, if it is one of this library's.
fn changed_record(event: &JsValue) -> Option<String> {
    let key = field(event, "key")?.as_string()?;
    (key == LOGOUT_KEY || key.starts_with(RECORD_PREFIX)).then_some(key)
}

/// The page's document; a worker and Node.js have none.
pub(crate) fn document() -> Option<JsValue> {
    field(&scope(), "document").filter(JsValue::is_object)
}

/// Node.js has a `navigator` that says nothing of the network, or none.
fn is_offline() -> bool {
    field(&scope(), "navigator")
        .and_then(|navigator| field(&navigator, "onLine"))
        .is_some_and(|on_line| on_line == JsValue::FALSE)
}

/// A field of whatever this is; `None` where it has none.
pub(crate) fn field(object: &JsValue, name: &str) -> Option<JsValue> {
    Reflect::get(object, &name.into()).ok()
}
