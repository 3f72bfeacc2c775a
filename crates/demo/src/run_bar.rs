//! Above the composer: what the connection does, in words, and what can be done about it.

use crate::chat::Chat;
use leptos::prelude::*;
use rejoin_leptos::ConnectionStatus;

/// The connection's state and the buttons Disconnect, Rejoin and Stop.
#[component]
pub(crate) fn RunBar() -> impl IntoView {
    let chat: Chat = expect_context();
    let stream = chat.stream;
    view! {
        <div class="run-bar">
            <ConnectionStatus stream />
            <div class="run-actions">
                <Show when=move || stream.can_rejoin.get()>
                    <button type="button" class="button primary" data-testid="rejoin" title="Follow the agent again" on:click=move |_| stream.rejoin()>
                        "Rejoin"
                    </button>
                </Show>
                <Show when=move || stream.is_loading.get()>
                    <button
                        type="button" class="button" data-testid="stop"
                        title="Stop following. The agent goes on, nothing is lost. (Esc)"
                        on:click=move |_| stream.stop()
                    >
                        "Disconnect"
                    </button>
                </Show>
                <Show when=move || stream.is_loading.get() || stream.can_rejoin.get()>
                    <button
                        type="button" class="button danger" data-testid="cancel"
                        title="Stop the agent on the server"
                        on:click=move |_| stream.cancel()
                    >
                        "Stop agent"
                    </button>
                </Show>
            </div>
        </div>
    }
}
