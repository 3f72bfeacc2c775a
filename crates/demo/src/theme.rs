//! Light, dark, or as the system has it.

use crate::{icons, page};
use leptos::prelude::*;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Theme {
    System,
    Light,
    Dark,
}

impl Theme {
    fn word(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    fn next(self) -> Self {
        match self {
            Self::System => Self::Light,
            Self::Light => Self::Dark,
            Self::Dark => Self::System,
        }
    }

    fn stored() -> Self {
        let word = page::setting("theme").unwrap_or_default();
        [Self::Light, Self::Dark]
            .into_iter()
            .find(|theme| theme.word() == word)
            .unwrap_or(Self::System)
    }
}

/// A button that goes through the three, and remembers.
#[component]
pub(crate) fn ThemeToggle() -> impl IntoView {
    let theme = RwSignal::new(Theme::stored());
    Effect::new(move |_| {
        if let Some(root) = document().document_element() {
            // Fails only on an invalid attribute name.
            let _ = root.set_attribute("data-theme", theme.get().word());
        }
    });
    let choose = move |_| {
        theme.update(|theme| *theme = theme.next());
        page::keep_setting("theme", theme.get_untracked().word());
    };
    let label = move || {
        format!(
            "Theme: {}. Change to {}.",
            theme.get().word(),
            theme.get().next().word()
        )
    };
    view! {
        <button type="button" class="icon-button" data-testid="theme-toggle" aria-label=label title=label on:click=choose>
            {move || match theme.get() {
                Theme::System => icons::half().into_any(),
                Theme::Light => icons::sun().into_any(),
                Theme::Dark => icons::moon().into_any(),
            }}
        </button>
    }
}
