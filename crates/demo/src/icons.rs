//! Drawings for buttons. All are decoration: the button says in words what it does.

use leptos::prelude::*;

fn icon(path: &'static str) -> impl IntoView {
    view! {
        <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
            <path d=path />
        </svg>
    }
}

pub(crate) fn menu() -> impl IntoView {
    icon("M4 7h16M4 12h16M4 17h10")
}

pub(crate) fn plus() -> impl IntoView {
    icon("M12 5v14M5 12h14")
}

pub(crate) fn close() -> impl IntoView {
    icon("M6 6l12 12M18 6L6 18")
}

pub(crate) fn send() -> impl IntoView {
    icon("M12 19V5M5.5 11.5L12 5l6.5 6.5")
}

pub(crate) fn down() -> impl IntoView {
    icon("M12 5v14M5.5 12.5L12 19l6.5-6.5")
}

pub(crate) fn left() -> impl IntoView {
    icon("M14.5 6l-6 6 6 6")
}

pub(crate) fn right() -> impl IntoView {
    icon("M9.5 6l6 6-6 6")
}

pub(crate) fn pencil() -> impl IntoView {
    icon(
        "M4 20l1-4.500L15.500 5a1.700 1.700 0 0 1 2.400 0l1.100 1.100a1.700 1.700 0 0 1 0 2.400L8.500 19 4 20zM13.500 7l3.500 3.500",
    )
}

pub(crate) fn timeline() -> impl IntoView {
    icon("M3 12h4l3-7 4 14 3-7h4")
}

pub(crate) fn help() -> impl IntoView {
    icon(
        "M9.2 9a2.9 2.9 0 1 1 4.2 2.6c-.9.5-1.4 1-1.4 2M12 17.2v.1M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0",
    )
}

pub(crate) fn refresh() -> impl IntoView {
    icon(
        "M20 11a8 8 0 0 0-14.3-4.3L4 8.5M4 4v4.5h4.5M4 13a8 8 0 0 0 14.3 4.3l1.7-1.8M20 20v-4.5h-4.5",
    )
}

pub(crate) fn sun() -> impl IntoView {
    icon(
        "M12 3v2M12 19v2M3 12h2M19 12h2M5.6 5.6L7 7M17 17l1.4 1.4M18.4 5.6L17 7M7 17l-1.4 1.4M16 12a4 4 0 1 1-8 0 4 4 0 0 1 8 0",
    )
}

pub(crate) fn moon() -> impl IntoView {
    icon("M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z")
}

pub(crate) fn half() -> impl IntoView {
    icon("M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 3v18M12 8h7.5M12 13h8.8M12 18h6")
}

pub(crate) fn tool() -> impl IntoView {
    icon(
        "M14.5 6.5a4 4 0 0 0-5.3 5l-5.4 5.4a1.7 1.7 0 0 0 2.4 2.4l5.4-5.4a4 4 0 0 0 5-5.3l-2.6 2.6-2.1-2.1z",
    )
}

pub(crate) fn question() -> impl IntoView {
    icon(
        "M12 8v5M12 16.4v.1M10.3 4.2L2.9 17a2 2 0 0 0 1.7 3h14.8a2 2 0 0 0 1.7-3L13.7 4.2a2 2 0 0 0-3.4 0z",
    )
}

pub(crate) fn copy() -> impl IntoView {
    icon(
        "M9 9V5.5A1.5 1.5 0 0 1 10.500 4h8A1.500 1.500 0 0 1 20 5.500v8a1.500 1.500 0 0 1-1.500 1.500H15M5.500 9h8A1.500 1.500 0 0 1 15 10.500v8a1.500 1.500 0 0 1-1.500 1.500h-8A1.500 1.500 0 0 1 4 18.500v-8A1.500 1.500 0 0 1 5.500 9z",
    )
}

pub(crate) fn trash() -> impl IntoView {
    icon("M5 7h14M10 7V5h4v2M7 7l.8 12h8.400L17 7M10.500 10.500v5.500M13.500 10.500v5.500")
}
