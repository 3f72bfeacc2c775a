//! Rewriting a question in its place.

use crate::{chat::Chat, composer, page};
use leptos::{ev, html, prelude::*, task::spawn_local};
use rejoin_leptos::{prelude::*, wire::message::Content};
use serde_json::{Value, json};
use std::sync::Arc;

/// The editing of one message: the typed text, and the reason why the last attempt failed.
#[derive(Clone, Copy)]
pub(crate) struct Rewrite {
    /// The typed text; `None` while the message is shown as it is.
    pub(crate) text: RwSignal<Option<String>>,
    pub(crate) problem: RwSignal<Option<StreamError>>,
}

impl Rewrite {
    pub(crate) fn new() -> Self {
        Self {
            text: RwSignal::new(None),
            problem: RwSignal::new(None),
        }
    }

    /// Waits for an edit or a new answer. If it succeeds, the message disappears, and the editor with it.
    pub(crate) fn follow(self, outcome: impl Future<Output = Outcome> + 'static) {
        self.problem.set(None);
        spawn_local(async move {
            match outcome.await {
                Outcome::Failed(error) if is_about_edits(error.code) => {
                    self.problem.try_set(Some(error));
                }
                _ => {}
            }
        });
    }

    /// Shows the message as it is.
    fn close(self) {
        self.text.set(None);
        self.problem.set(None);
    }
}

/// Whether an error says that nothing was changed or sent.
pub(crate) fn is_about_edits(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::CheckpointNotFound
            | ErrorCode::CheckpointLookupFailed
            | ErrorCode::EditUnavailable
    )
}

/// The field that stands in a question's place. Enter sends, Shift+Enter makes a line, Escape leaves it as it was.
#[component]
pub(crate) fn Editor(
    id: MessageId,
    message: Signal<Arc<Message>>,
    rewrite: Rewrite,
    edit_button: NodeRef<html::Button>,
) -> impl IntoView {
    let chat: Chat = expect_context();
    let field = NodeRef::<html::Textarea>::new();
    let key = StoredValue::new(id);
    let is_sending = chat.is_editing(key);
    let typed = move || rewrite.text.get().unwrap_or_default();
    let can_save = move || !typed().trim().is_empty() && !is_sending.get();
    let save = move || {
        if untrack(can_save) {
            let message = message.get_untracked();
            let text = untrack(typed);
            rewrite.follow(chat.edit(&key.get_value(), &message, text.trim()));
        }
    };
    let cancel = move || {
        rewrite.close();
        // The button is there again with the next frame.
        request_animation_frame(move || {
            if let Some(button) = edit_button.try_get_untracked().flatten() {
                page::focus_first(&[&button]);
            }
        });
    };
    let on_key = move |event: ev::KeyboardEvent| {
        if event.key() == "Escape" && !event.is_composing() {
            // Not for who would disconnect.
            event.prevent_default();
            cancel();
        } else if composer::is_send_key(&event) {
            event.prevent_default();
            save();
        }
    };
    Effect::new(move |_| {
        typed();
        if let Some(field) = field.get() {
            request_animation_frame(move || composer::fit(&field));
        }
    });
    Effect::new(move |_| {
        if let Some(field) = field.get() {
            request_animation_frame(move || {
                if page::has_focus(&field) {
                    // Somebody was faster, and is where they want to be.
                    return;
                }
                let end = field.value().encode_utf16().count();
                let _ = field.focus();
                // Fails only on inputs of other types.
                let _ = field.set_selection_range(end as u32, end as u32);
            });
        }
    });
    on_cleanup(page::rescue_focus);
    view! {
        <form class="editor" on:submit=move |event| { event.prevent_default(); save(); }>
            <textarea
                data-testid="edit-text" aria-label="Edit your message" rows="1" autocomplete="off" node_ref=field
                readonly=move || is_sending.get() prop:value=typed on:input=move |event| rewrite.text.set(Some(event_target_value(&event))) on:keydown=on_key
            ></textarea>
            <div class="editor-foot">
                <p role="status">{move || if is_sending.get() { "Finding the place to continue from…" } else { "The agent answers again from here." }}</p>
                <button type="button" class="button" data-testid="edit-cancel" title="Cancel (Esc)" on:click=move |_| cancel()>"Cancel"</button>
                <button type="submit" class="button primary" data-testid="edit-save" title="Save and send (Enter)" disabled=move || !can_save()>"Save"</button>
            </div>
        </form>
    }
}

/// Why the message could not be edited or answered again.
#[component]
pub(crate) fn EditError(rewrite: Rewrite) -> impl IntoView {
    move || {
        rewrite.problem.get().map(|error| {
            view! {
                <p class="edit-error" data-testid="edit-error" data-code=error.code.as_str()>{error.message.clone()}</p>
            }
        })
    }
}

/// A message's content with another text. Other parts, such as images, stay after it.
pub(crate) fn with_text(content: &Content, text: &str) -> Value {
    let Content::Blocks(blocks) = content else {
        return Value::from(text);
    };
    let values = blocks
        .iter()
        .map(|block| serde_json::to_value(block).unwrap_or_default());
    let mut others = values
        .filter(|block| block.get("type").and_then(Value::as_str) != Some("text"))
        .peekable();
    if others.peek().is_none() {
        return Value::from(text);
    }
    let mut content = vec![json!({ "type": "text", "text": text })];
    content.extend(others);
    Value::from(content)
}

#[cfg(test)]
mod tests {
    use super::with_text;
    use rejoin_leptos::wire::message::Content;
    use serde_json::{Value, json};

    #[track_caller]
    fn check(content: Value, expected: Value) {
        let content: Content = serde_json::from_value(content).expect("content");
        assert_eq!(with_text(&content, "new"), expected);
    }

    #[test]
    fn what_is_not_text_stays() {
        check(json!("old"), json!("new"));
        check(json!([{"type": "text", "text": "old"}]), json!("new"));
        let image = json!({"type": "image_url", "image_url": {"url": "data:,"}});
        check(
            json!([{"type": "text", "text": "old"}, image, {"type": "text", "text": "more"}]),
            json!([{"type": "text", "text": "new"}, image]),
        );
    }
}
