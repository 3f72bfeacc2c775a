//! The demo chat: Rejoin as a person meets it.
//!
//! It decides nothing about streams. Everything it shows comes from [`rejoin_leptos::use_stream`]; what it adds is a
//! chat's furniture: thread list, composer, markdown, cards, a timeline. It never stores messages, ids of runs or
//! anything secret.
#![allow(
    unreachable_pub,
    reason = "`#[component]` writes `pub` whatever the function says"
)]

mod activity;
mod anchor;
mod announcer;
mod api;
mod app;
mod branch_switcher;
mod chat;
mod composer;
mod copy;
mod editor;
mod empty_state;
mod header;
mod help;
mod icons;
mod interrupt_card;
mod interrupt_list;
mod interrupt_text;
mod markdown;
mod message_foot;
mod message_list;
mod message_view;
mod notices;
mod page;
mod progress;
mod query;
mod run_bar;
mod scroll;
mod session_list;
mod settings;
mod target;
mod theme;
mod this_browser;
mod thread_list;
mod thread_title;
mod timeline;
mod tool_card;
mod waiting_list;

fn main() {
    console_error_panic_hook::set_once();
    page::mount(app::App);
}
