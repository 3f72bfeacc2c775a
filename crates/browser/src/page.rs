//! What happens to the page.

use crate::{clock::wall_clock, driver::Driver, schedule::is_hidden, scope};
use js_sys::Reflect;
use rejoin_core::Input;
use std::rc::Rc;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{Event, EventTarget, PageTransitionEvent};

/// Removes itself when dropped.
pub(crate) struct Listener {
    target: EventTarget,
    name: &'static str,
    callback: Closure<dyn Fn(Event)>,
}

impl Drop for Listener {
    fn drop(&mut self) {
        let callback = self.callback.as_ref().unchecked_ref();
        drop(
            self.target
                .remove_event_listener_with_callback(self.name, callback),
        );
    }
}

/// Tells the driver how the page is, and listens for what changes it.
pub(crate) fn listen(driver: &Rc<Driver>) -> Vec<Listener> {
    if is_hidden() {
        driver.feed(Input::BecameHidden);
    }
    if is_offline() {
        driver.feed(Input::WentOffline);
    }
    let window: EventTarget = scope().into();
    let document: Option<EventTarget> = scope().document().map(Into::into);
    let listen = |target: &EventTarget, name, handle: fn(&Driver, Event)| {
        let driver = Rc::downgrade(driver);
        let callback = Closure::new(move |event| {
            if let Some(driver) = driver.upgrade() {
                handle(&driver, event);
            }
        });
        let function = callback.as_ref().unchecked_ref();
        drop(target.add_event_listener_with_callback(name, function));
        Listener {
            target: target.clone(),
            name,
            callback,
        }
    };
    let mut listeners = vec![
        listen(&window, "online", |driver, _| {
            driver.feed(Input::WentOnline)
        }),
        listen(&window, "offline", |driver, _| {
            driver.feed(Input::WentOffline)
        }),
        listen(&window, "pagehide", |driver, _| {
            driver.feed(Input::PageHiding {
                wall_clock: wall_clock(),
            })
        }),
        listen(&window, "pageshow", |driver, event| {
            // Every page is shown once after it is loaded; only a persisted one was frozen.
            if event
                .dyn_ref::<PageTransitionEvent>()
                .is_some_and(PageTransitionEvent::persisted)
            {
                driver.feed(Input::Thawed);
            }
        }),
    ];
    if let Some(document) = document {
        listeners.extend([
            listen(&document, "visibilitychange", |driver, _| {
                visibility_changed(driver)
            }),
            listen(&document, "freeze", |driver, _| {
                driver.feed(Input::PageHiding {
                    wall_clock: wall_clock(),
                })
            }),
            listen(&document, "resume", |driver, _| driver.feed(Input::Thawed)),
        ]);
    }
    listeners
}

/// Node.js has a `navigator` that says nothing of the network, or none.
fn is_offline() -> bool {
    let field = |object: &JsValue, name: &str| Reflect::get(object, &name.into()).ok();
    field(&scope(), "navigator")
        .filter(JsValue::is_object)
        .and_then(|navigator| field(&navigator, "onLine"))
        .is_some_and(|on_line| on_line == JsValue::FALSE)
}

fn visibility_changed(driver: &Driver) {
    driver.visibility_changed();
    driver.feed(if is_hidden() {
        Input::BecameHidden
    } else {
        Input::BecameVisible
    });
}
