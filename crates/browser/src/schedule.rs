//! One timer and one frame request, each with a closure that lives as long as its owner.

use crate::{now, scope};
use rejoin_core::Millis;
use std::cell::Cell;
use wasm_bindgen::{JsCast, closure::Closure};

/// Wakes its owner at a time. Set again and again, it makes as few timers as it can: while a time only moves
/// away, as a watchdog's does with every chunk, the timer that is set stays, and asks for the time when it fires.
pub(crate) struct Alarm {
    callback: Closure<dyn Fn()>,
    set: Cell<Option<(i32, Millis)>>,
}

/// `setTimeout` takes a signed 32-bit number of milliseconds and fires at once for more.
const TIMEOUT_MS_MAX: u64 = i32::MAX as u64;

impl Alarm {
    pub(crate) fn new(callback: impl Fn() + 'static) -> Self {
        Self {
            callback: Closure::new(callback),
            set: Cell::new(None),
        }
    }

    /// Sees to it that the callback runs at `time` or before.
    pub(crate) fn set(&self, time: Option<Millis>) {
        let Some(time) = time else {
            return self.clear();
        };
        if self.set.get().is_some_and(|(_, earlier)| earlier <= time) {
            return;
        }
        self.clear();
        let delay_ms = (time - now()).0.min(TIMEOUT_MS_MAX) as i32;
        self.set
            .set(set_timeout(&self.callback, delay_ms).map(|id| (id, time)));
    }

    /// To be called first by the callback.
    pub(crate) fn fired(&self) {
        self.set.set(None);
    }

    pub(crate) fn clear(&self) {
        if let Some((id, _)) = self.set.take() {
            scope().clear_timeout_with_handle(id);
        }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Asks for one callback before the next paint, however often it is asked.
pub(crate) struct Frame {
    callback: Closure<dyn Fn()>,
    requested: Cell<Option<Requested>>,
}

#[derive(Clone, Copy)]
enum Requested {
    Frame(i32),
    Timeout(i32),
}

/// A hidden page has no animation frames.
const HIDDEN_FRAME_MS: i32 = 100;

impl Frame {
    pub(crate) fn new(callback: impl Fn() + 'static) -> Self {
        Self {
            callback: Closure::new(callback),
            requested: Cell::new(None),
        }
    }

    pub(crate) fn request(&self) {
        if self.requested.get().is_some() {
            return;
        }
        let function = self.callback.as_ref().unchecked_ref();
        let frame = if is_hidden() {
            None
        } else {
            scope().request_animation_frame(function).ok()
        };
        self.requested.set(match frame {
            Some(id) => Some(Requested::Frame(id)),
            None => set_timeout(&self.callback, HIDDEN_FRAME_MS).map(Requested::Timeout),
        });
    }

    /// To be called when the page is hidden or shown: a frame asked for before it was hidden does not come.
    pub(crate) fn visibility_changed(&self) {
        if self.clear() {
            self.request();
        }
    }

    /// To be called first by the callback.
    pub(crate) fn fired(&self) {
        self.requested.set(None);
    }

    /// Whether there was a request.
    pub(crate) fn clear(&self) -> bool {
        match self.requested.take() {
            Some(Requested::Frame(id)) => drop(scope().cancel_animation_frame(id)),
            Some(Requested::Timeout(id)) => scope().clear_timeout_with_handle(id),
            None => return false,
        }
        true
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Whether the page is hidden; a worker is not.
pub(crate) fn is_hidden() -> bool {
    scope()
        .document()
        .is_some_and(|document| document.visibility_state() == web_sys::VisibilityState::Hidden)
}

fn set_timeout(callback: &Closure<dyn Fn()>, delay_ms: i32) -> Option<i32> {
    let function = callback.as_ref().unchecked_ref();
    scope()
        .set_timeout_with_callback_and_timeout_and_arguments_0(function, delay_ms)
        .ok()
}
