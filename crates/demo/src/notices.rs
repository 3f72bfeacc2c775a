//! The error that ended a run, and the warnings that did not.

use crate::{activity::Banner, chat::Chat, editor::is_about_edits, icons};
use leptos::prelude::*;
use rejoin_leptos::ErrorCode;

/// A failure, in words, with its stable code and a way to try again.
#[component]
pub(crate) fn ErrorBanner() -> impl IntoView {
    let chat: Chat = expect_context();
    let stream = chat.stream;
    move || {
        stream.error.get().map(|error| {
            let code = error.code.as_str();
            // Nothing ran, so nothing can be run again; the message it is about has its buttons.
            let can_retry = !is_about_edits(error.code) && error.code != ErrorCode::AmbiguousResume;
            view! {
                <div class="banner error" role="alert" data-testid="error" data-code=code>
                    <div class="banner-text">
                        <p>{error.message.clone()}</p>
                        <code>{code}{error.status.map(|status| format!(" · HTTP {status}"))}</code>
                    </div>
                    {can_retry.then(|| view! { <Retry /> })}
                </div>
            }
        })
    }
}

#[component]
fn Retry() -> impl IntoView {
    let chat: Chat = expect_context();
    view! {
        <button type="button" class="button" data-testid="retry" disabled=move || chat.stream.is_loading.get() on:click=move |_| chat.retry()>
            "Retry"
        </button>
    }
}

/// Things that were wrong and were dealt with; each can be dismissed.
#[component]
pub(crate) fn Notices() -> impl IntoView {
    let chat: Chat = expect_context();
    // What ended the run is said below, with a button; once is enough.
    let banners = move || {
        let ended_by = chat
            .stream
            .error
            .with(|error| error.as_ref().map(|error| error.code.as_str()));
        let mut banners = chat.activity.banners.get();
        banners.retain(|banner| Some(banner.code) != ended_by);
        banners
    };
    view! {
        <div class="notices" role="status">
            <For each=banners key=|banner| (banner.code, banner.times, banner.text.clone()) let:banner>
                <NoticeLine banner />
            </For>
        </div>
    }
}

#[component]
fn NoticeLine(banner: Banner) -> impl IntoView {
    let chat: Chat = expect_context();
    let code = banner.code;
    view! {
        <div class="banner notice" data-testid="notice" data-code=code>
            <div class="banner-text">
                <p>{banner.text}</p>
                <code>{code}{(banner.times > 1).then(|| format!(" · {} times", banner.times))}</code>
            </div>
            <button type="button" class="icon-button" aria-label="Dismiss" title="Dismiss" on:click=move |_| chat.activity.dismiss(code)>
                {icons::close()}
            </button>
        </div>
    }
}
