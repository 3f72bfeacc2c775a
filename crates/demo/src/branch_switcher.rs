//! The switcher between versions of an answer or of a question: `‹ 2/3 ›`.

use crate::{chat::Chat, icons, page};
use leptos::prelude::*;
use rejoin_leptos::MessageBranch;

/// A button of the switcher, by its place in the page. The message under the focus goes away with its branch, so the focus
/// is handed to the same button of the message that takes its place.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Refocus {
    options: Vec<String>,
    is_next: bool,
}

/// The switcher of one message; nothing where there is nothing to choose. Labelled for who cannot see it, and its answer
/// is told to the live region.
#[component]
pub(crate) fn BranchSwitcher(branch: Signal<MessageBranch>) -> impl IntoView {
    let is_shown = Memo::new(move |_| branch.with(|branch| branch.options.len() > 1));
    view! { <Show when=move || is_shown.get()><Switcher branch /></Show> }
}

#[component]
fn Switcher(branch: Signal<MessageBranch>) -> impl IntoView {
    let chat: Chat = expect_context();
    let previous = NodeRef::<leptos::html::Button>::new();
    let next = NodeRef::<leptos::html::Button>::new();
    let place = Memo::new(move |_| branch.with(place));
    let count = Memo::new(move |_| branch.with(|branch| branch.options.len()));
    let is_first = move || place.get() == 0;
    let is_last = move || place.get() + 1 == count.get();
    // Another branch would be shown only after the run.
    let is_busy = chat.stream.is_loading;
    let go = move |is_next: bool| {
        let MessageBranch { options, .. } = branch.get_untracked();
        let at = place.get_untracked();
        let to = if is_next { at + 1 } else { at.wrapping_sub(1) };
        if let Some(name) = options.get(to) {
            chat.spoken
                .set(format!("Version {} of {}", to + 1, options.len()));
            chat.stream.set_branch(name);
            chat.refocus.set_value(Some(Refocus { options, is_next }));
        }
    };
    Effect::new(move |_| {
        let (Some(previous), Some(next)) = (previous.get(), next.get()) else {
            return;
        };
        let options = branch.with(|branch| branch.options.clone());
        let Some(Refocus { is_next, .. }) = chat
            .refocus
            .get_value()
            .filter(|wanted| wanted.options == options)
        else {
            return;
        };
        chat.refocus.set_value(None);
        let (first, second) = if is_next {
            (next, previous)
        } else {
            (previous, next)
        };
        // Its attributes follow in the same frame.
        request_animation_frame(move || {
            page::focus_first(&[&first, &second]);
        });
    });
    view! {
        <div class="branch" role="group" data-testid="branch" aria-label=move || format!("Version {} of {}", place.get() + 1, count.get())>
            <button
                type="button" class="icon-button small" data-testid="branch-previous" aria-label="Previous version" title="Previous version" node_ref=previous
                disabled=move || is_busy.get() || is_first() on:click=move |_| go(false)
            >
                {icons::left()}
            </button>
            <span>{move || format!("{}/{}", place.get() + 1, count.get())}</span>
            <button
                type="button" class="icon-button small" data-testid="branch-next" aria-label="Next version" title="Next version" node_ref=next
                disabled=move || is_busy.get() || is_last() on:click=move |_| go(true)
            >
                {icons::right()}
            </button>
        </div>
    }
}

/// The index of the shown option.
fn place(branch: &MessageBranch) -> usize {
    let MessageBranch {
        branch, options, ..
    } = branch;
    let shown = |name: &String| Some(name) == branch.as_ref();
    options.iter().position(shown).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::place;
    use rejoin_leptos::MessageBranch;

    #[test]
    fn the_shown_one_is_found() {
        let of = |branch: Option<&str>| MessageBranch {
            first_seen: Some(0),
            branch: branch.map(str::to_owned),
            options: vec!["a".to_owned(), "b".to_owned(), "c".to_owned()],
        };
        assert_eq!(place(&of(Some("a"))), 0);
        assert_eq!(place(&of(Some("c"))), 2);
        assert_eq!(place(&of(None)), 0);
    }
}
