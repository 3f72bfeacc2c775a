//! One timer and one frame request, each with a closure that lives as long as its owner.

use crate::{
    now,
    page::{document, field},
    scope,
};
use js_sys::Function;
use rejoin_core::Millis;
use std::cell::{Cell, RefCell};
use wasm_bindgen::{JsCast, JsValue, closure::Closure, prelude::wasm_bindgen};

#[wasm_bindgen]
extern "C" {
    // What it gives is a number in a page and an object in Node.js.
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(callback: &Function, delay_ms: i32) -> JsValue;
    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(timeout: &JsValue);
}

/// Wakes its owner at a time. It makes as few timers as it can when it is set again and again. While the time only moves
/// away, as a watchdog's does with every chunk, the existing timer stays, and checks the time when it fires.
pub(crate) struct Alarm {
    callback: Closure<dyn Fn()>,
    set: RefCell<Option<(JsValue, Millis)>>,
}

/// `setTimeout` takes a signed 32-bit number of milliseconds and fires at once for more.
const TIMEOUT_MS_MAX: u64 = i32::MAX as u64;

impl Alarm {
    pub(crate) fn new(callback: impl Fn() + 'static) -> Self {
        Self {
            callback: Closure::new(callback),
            set: RefCell::new(None),
        }
    }

    /// Sees to it that the callback runs at `time` or before.
    pub(crate) fn set(&self, time: Option<Millis>) {
        let Some(time) = time else {
            return self.clear();
        };
        let set = |earlier: &(JsValue, Millis)| earlier.1 <= time;
        if self.set.borrow().as_ref().is_some_and(set) {
            return;
        }
        self.clear();
        let timeout = after(&self.callback, time - now());
        self.set.replace(Some((timeout, time)));
    }

    /// To be called first by the callback.
    pub(crate) fn fired(&self) {
        self.set.replace(None);
    }

    pub(crate) fn clear(&self) {
        if let Some((timeout, _)) = self.set.take() {
            clear_timeout(&timeout);
        }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Asks for one callback before the next paint, however often it is asked, and keeps a least time between two.
pub(crate) struct Repaint {
    callback: Closure<dyn Fn()>,
    interval: Millis,
    last: Cell<Option<Millis>>,
    requested: RefCell<Option<Requested>>,
}

enum Requested {
    AnimationFrame(i32),
    Timeout(JsValue),
}

/// A hidden page has no animation frames.
const HIDDEN_INTERVAL: Millis = Millis(100);
/// The interval if there are no frames. Nobody paints then, so this only gathers changes that come together.
const TIMER_INTERVAL: Millis = Millis(16);

impl Repaint {
    pub(crate) fn new(interval: Millis, callback: impl Fn() + 'static) -> Self {
        Self {
            callback: Closure::new(callback),
            interval,
            last: Cell::new(None),
            requested: RefCell::new(None),
        }
    }

    /// Asks for the callback.
    pub(crate) fn request(&self) {
        if self.requested.borrow().is_some() {
            return;
        }
        let wait = match self.last.get() {
            Some(last) => last + self.interval - now(),
            None => Millis(0),
        };
        self.requested.replace(Some(self.requested_in(wait)));
    }

    fn requested_in(&self, wait: Millis) -> Requested {
        let function: &Function = self.callback.as_ref().unchecked_ref();
        let least = if is_hidden() {
            HIDDEN_INTERVAL
        } else if !has_frames() {
            TIMER_INTERVAL
        } else if wait > Millis(0) {
            wait
        } else {
            match scope().request_animation_frame(function) {
                Ok(id) => return Requested::AnimationFrame(id),
                Err(_) => TIMER_INTERVAL,
            }
        };
        Requested::Timeout(after(&self.callback, wait.max(least)))
    }

    /// To be called when the page is hidden or shown: a frame asked for before it was hidden does not come.
    pub(crate) fn visibility_changed(&self) {
        if self.clear() {
            self.request();
        }
    }

    /// To be called first by the callback.
    pub(crate) fn fired(&self) {
        self.requested.replace(None);
        self.last.set(Some(now()));
    }

    /// Whether there was a request.
    pub(crate) fn clear(&self) -> bool {
        match self.requested.take() {
            Some(Requested::AnimationFrame(id)) => drop(scope().cancel_animation_frame(id)),
            Some(Requested::Timeout(timeout)) => clear_timeout(&timeout),
            None => return false,
        }
        true
    }
}

impl Drop for Repaint {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Whether the page is hidden; a worker is not.
pub(crate) fn is_hidden() -> bool {
    document()
        .and_then(|document| field(&document, "visibilityState"))
        .is_some_and(|state| state == "hidden")
}

fn has_frames() -> bool {
    field(&scope(), "requestAnimationFrame").is_some_and(|frame| frame.is_function())
}

fn after(callback: &Closure<dyn Fn()>, delay: Millis) -> JsValue {
    let delay_ms = delay.0.min(TIMEOUT_MS_MAX) as i32;
    set_timeout(callback.as_ref().unchecked_ref(), delay_ms)
}
