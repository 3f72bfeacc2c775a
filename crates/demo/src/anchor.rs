//! Keeps the text under the reader's eye where it is while messages come in above it.

use leptos::{html, prelude::*};
use web_sys::Element;

/// How far below the area's upper edge the eye is taken to be, in CSS pixels.
const EYE_PX: f64 = 48.0;

/// The message under the eye and where it stood. A browser's own anchoring does nothing at the very top, which is where
/// older messages are asked for.
#[derive(Clone, Copy)]
pub(crate) struct Anchor {
    area: NodeRef<html::Div>,
    held: StoredValue<Option<(Element, f64)>, LocalStorage>,
}

impl Anchor {
    /// In a scrolling area whose messages are articles.
    pub(crate) fn new(area: NodeRef<html::Div>) -> Self {
        Self {
            area,
            held: StoredValue::new_local(None),
        }
    }

    /// The reader has scrolled: another message may be under the eye.
    pub(crate) fn hold(self) {
        let Some(area) = self.area.get_untracked() else {
            return;
        };
        let frame = area.get_bounding_client_rect();
        let list = area.get_elements_by_tag_name("article");
        let found = {
            // The first that reaches below the eye, by halves: they stand one below the other.
            let (mut low, mut high) = (0, list.length());
            let bottom = |at: u32| Some(list.item(at)?.get_bounding_client_rect().bottom());
            while low < high {
                let middle = low.midpoint(high);
                if bottom(middle).is_some_and(|bottom| bottom <= frame.top() + EYE_PX) {
                    low = middle + 1;
                } else {
                    high = middle;
                }
            }
            list.item(low)
        };
        let held = found.map(|element| {
            let top = element.get_bounding_client_rect().top();
            (element, top - frame.top())
        });
        self.held.set_value(held);
    }

    /// The size of what is in the area has changed; called before it is painted.
    pub(crate) fn restore(self) {
        let Some(Some(area)) = self.area.try_get_untracked() else {
            return;
        };
        let Some(Some((element, top))) = self.held.try_get_value() else {
            return;
        };
        if !element.is_connected() {
            return self.hold();
        }
        let now = element.get_bounding_client_rect().top() - area.get_bounding_client_rect().top();
        let moved = (now - top).round();
        if moved != 0.0 {
            area.set_scroll_top(area.scroll_top() + moved as i32);
        }
    }
}
