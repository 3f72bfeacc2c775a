//! Step 7: a reload in the middle of an answer.

use crate::{options, steps::chat::Chat};
use leptos::prelude::*;
use rejoin_leptos::prelude::*;

#[component]
pub fn ReloadPage() -> impl IntoView {
    view! { <Chat stream=use_stream(options("chat").thread_in_url("thread")) /> }
}
