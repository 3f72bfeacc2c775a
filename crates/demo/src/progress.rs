//! How far an agent that works long says it is.

use crate::chat::Chat;
use leptos::prelude::*;

/// A bar while a run tells its progress in custom events.
#[component]
pub(crate) fn ProgressBar() -> impl IntoView {
    let chat: Chat = expect_context();
    let progress = chat.activity.progress;
    let percent = move || {
        progress.with(|progress| {
            progress
                .as_ref()
                .map_or(0.0, |it| it.percent.clamp(0.0, 100.0).round())
        })
    };
    let note = move || {
        progress.with(|progress| {
            progress
                .as_ref()
                .and_then(|it| it.note.clone())
                .unwrap_or_else(|| "Working".to_owned())
        })
    };
    let is_shown =
        Memo::new(move |_| progress.with(Option::is_some) && chat.stream.is_loading.get());
    view! {
        <Show when=move || is_shown.get()>
            <div class="progress" data-testid="progress">
                <div class="progress-words"><span>{note}</span><span>{move || format!("{} %", percent())}</span></div>
                <div
                    class="progress-track" role="progressbar" aria-label="Progress of the agent"
                    aria-valuemin="0" aria-valuemax="100" aria-valuenow=percent aria-valuetext=move || format!("{}, {} percent", note(), percent())
                >
                    <div class="progress-fill" style:width=move || format!("{}%", percent())></div>
                </div>
            </div>
        </Show>
    }
}
