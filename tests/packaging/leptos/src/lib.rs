//! The pages, their document, and where the page begins.

#[cfg(feature = "ssr")]
mod policy;
mod steps;

use crate::steps::{
    chat::ChatPage, progress::ProgressPage, questions::QuestionsPage, reload::ReloadPage,
    state::StatePage, together::TogetherPage, tools::ToolsPage, versions::VersionsPage,
};
use leptos::prelude::*;
use leptos_router::{
    components::{A, Route, Router, Routes},
    path,
};
use rejoin_leptos::prelude::*;

#[cfg(feature = "ssr")]
pub fn shell(options: LeptosOptions) -> impl IntoView {
    policy::send_with_page(&agent_url());
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8" />
                <title>"Ten steps"</title>
                <HydrationScripts options />
            </head>
            <body>
                <App />
            </body>
        </html>
    }
}

#[component]
pub fn App() -> impl IntoView {
    // The page is told what the server has read.
    provide_context(Agent(SharedValue::new(agent_url).into_inner()));
    provide_stream_store();
    view! {
        <Router>
            <nav>
                <A href="/chat">"Chat"</A>
                <A href="/together">"Together"</A>
            </nav>
            <main>
                <Routes fallback=|| "There is no such page.">
                    <Route path=path!("/chat") view=ChatPage />
                    <Route path=path!("/state") view=StatePage />
                    <Route path=path!("/questions") view=QuestionsPage />
                    <Route path=path!("/versions") view=VersionsPage />
                    <Route path=path!("/progress") view=ProgressPage />
                    <Route path=path!("/tools") view=ToolsPage />
                    <Route path=path!("/reload") view=ReloadPage />
                    <Route path=path!("/together") view=TogetherPage />
                </Routes>
            </main>
        </Router>
    }
}

#[derive(Clone)]
struct Agent(String);

fn agent_url() -> String {
    std::env::var("AGENT_URL").unwrap_or_else(|_| "http://127.0.0.1:8123".to_owned())
}

fn options(assistant: &str) -> UseStreamOptions {
    UseStreamOptions::new(expect_context::<Agent>().0, assistant)
}

#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    leptos::mount::hydrate_body(App);
}
