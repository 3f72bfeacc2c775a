//! Scrolling that follows the text while the reader is at its end, and stops as soon as the reader scrolls up. The control
//! that the reader presses or types in stays in place meanwhile.

use leptos::{html, prelude::*};
use wasm_bindgen::{JsCast, prelude::Closure};
use web_sys::{Element, ResizeObserver, ScrollBehavior, ScrollToOptions};

/// How near to the end counts as at the end, in CSS pixels.
const NEAR_PX: i32 = 40;

/// The controls in use: a press counts only if it is released on the same button.
const IN_HAND: &str = ":active, form:focus-within";

/// Whether the view follows, and the means to.
#[derive(Clone, Copy)]
pub(crate) struct Follow {
    following: RwSignal<bool>,
    area: NodeRef<html::Div>,
    last_top: StoredValue<i32>,
}

impl Follow {
    pub(crate) fn new() -> Self {
        Self {
            following: RwSignal::new(true),
            area: NodeRef::new(),
            last_top: StoredValue::new(0),
        }
    }

    /// The scrolling element.
    pub(crate) fn area(self) -> NodeRef<html::Div> {
        self.area
    }

    /// Whether new text is followed.
    pub(crate) fn is_following(self) -> bool {
        self.following.get()
    }

    /// Goes to the end and follows from there.
    pub(crate) fn jump(self, is_smooth: bool) {
        self.following.set(true);
        let Some(area) = self.area.get_untracked() else {
            return;
        };
        let options = ScrollToOptions::new();
        options.set_top(f64::from(area.scroll_height()));
        options.set_behavior(if is_smooth {
            ScrollBehavior::Smooth
        } else {
            ScrollBehavior::Instant
        });
        area.scroll_to_with_scroll_to_options(&options);
    }

    /// The area was scrolled, by the reader or by [`Follow::keep_up`].
    pub(crate) fn scrolled(self) {
        let Some(area) = self.area.get_untracked() else {
            return;
        };
        let top = area.scroll_top();
        let last_top = self.last_top.get_value();
        self.last_top.set_value(top);
        let is_near = area.scroll_height() - top - area.client_height() <= NEAR_PX;
        // Only a move upwards lets go: text that grows moves the end away without a move.
        if is_near {
            self.set(true);
        } else if top < last_top {
            self.set(false);
        }
    }

    /// The wheel turns upwards: the reader wants to go, even if the next frame comes first.
    pub(crate) fn wheeled(self, delta_y: f64) {
        let can_move = self
            .area
            .get_untracked()
            .is_some_and(|area| area.scroll_top() > 0);
        if delta_y < 0.0 && can_move {
            self.set(false);
        }
    }

    /// The same, for who does not want to be told of changes.
    pub(crate) fn is_following_untracked(self) -> bool {
        self.following.try_get_untracked() == Some(true)
    }

    /// Watches the size of the area and of what is in it; must be called when both are on the page.
    pub(crate) fn watch(self, content: &Element) {
        self.watch_with(content, || {});
    }

    /// The same; calls `then` after each change, before it is painted.
    pub(crate) fn watch_with(self, content: &Element, then: impl Fn() + 'static) {
        let callback = Closure::<dyn FnMut()>::new(move || {
            self.keep_up();
            then();
        });
        let Ok(observer) = ResizeObserver::new(callback.as_ref().unchecked_ref()) else {
            return;
        };
        observer.observe(content);
        if let Some(area) = self.area.get_untracked() {
            observer.observe(&area);
        }
        let parts = StoredValue::new_local(Some((observer, callback)));
        on_cleanup(move || {
            if let Some(Some((observer, _callback))) = parts.try_update_value(Option::take) {
                observer.disconnect();
            }
        });
    }

    fn keep_up(self) {
        if let (Some(true), Some(Some(area))) = (
            self.following.try_get_untracked(),
            self.area.try_get_untracked(),
        ) && !matches!(area.query_selector(IN_HAND), Ok(Some(_)))
        {
            area.set_scroll_top(area.scroll_height());
        }
    }

    fn set(self, is_following: bool) {
        if self.following.get_untracked() != is_following {
            self.following.set(is_following);
        }
    }
}
