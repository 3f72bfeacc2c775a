//! A small dialog that says what the keys and the buttons do.

use crate::icons;
use leptos::{html, prelude::*};

const KEYS: &[(&str, &str)] = &[
    ("Enter", "send"),
    ("Shift + Enter", "a new line"),
    (
        "Esc",
        "disconnect while an answer comes; leave a message as it was; close what is open",
    ),
    ("/", "to the message field"),
    ("?", "this help"),
];

/// The dialog; the browser keeps the focus in it and gives it back.
#[component]
pub(crate) fn Help(open: RwSignal<bool>) -> impl IntoView {
    let dialog = NodeRef::<html::Dialog>::new();
    Effect::new(move |_| {
        let Some(dialog) = dialog.get() else { return };
        if open.get() && !dialog.open() {
            // Fails only on a dialog that is not on the page.
            let _ = dialog.show_modal();
        } else if !open.get() && dialog.open() {
            dialog.close();
        }
    });
    view! {
        <dialog class="help" node_ref=dialog aria-labelledby="help-title" data-testid="help" on:close=move |_| open.set(false)>
            <div class="panel-head">
                <h2 id="help-title">"An answer that survives"</h2>
                <button type="button" class="icon-button" aria-label="Close" title="Close (Esc)" on:click=move |_| open.set(false)>{icons::close()}</button>
            </div>
            <p>
                "Reload this page in the middle of an answer. Close the tab and open it again. Pull the cable, close the lid, open the page on another device. "
                "The text goes on where it was: nothing is lost, nothing is repeated."
            </p>
            <dl class="help-words">
                <dt>"Disconnect"</dt><dd>"stops following. The agent goes on; everything received stays."</dd>
                <dt>"Rejoin"</dt><dd>"follows it again and fetches what was missed."</dd>
                <dt>"Stop agent"</dt><dd>"ends the agent's work on the server."</dd>
                <dt>"Edit, Regenerate"</dt><dd>"go on from an earlier message. What was there stays: ‹ 1/2 › switches between the versions."</dd>
                <dt>"Timeline"</dt><dd>"shows each connection, event and hiccup as it happens."</dd>
            </dl>
            <table class="keys">
                <caption class="visually-hidden">"Keys"</caption>
                <tbody>
                    {KEYS.iter().map(|(key, does)| view! { <tr><th scope="row"><kbd>{*key}</kbd></th><td>{*does}</td></tr> }).collect_view()}
                </tbody>
            </table>
        </dialog>
    }
}
