//! The bench's page in Leptos. `pages/leptos.js` loads it, and mounts and unmounts it as often as it likes.

use std::any::Any;
use std::cell::RefCell;

use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use rejoin_leptos::prelude::*;
use wasm_bindgen::prelude::wasm_bindgen;

thread_local! {
    /// The mounted chat. It goes when this is dropped.
    static MOUNTED: RefCell<Option<Box<dyn Any>>> = const { RefCell::new(None) };
}

fn main() {}

/// Shows a thread, or a new one, in the element `#chat`.
#[wasm_bindgen]
pub fn mount(thread: Option<String>) {
    let element = document()
        .get_element_by_id("chat")
        .expect("the page has an element #chat")
        .unchecked_into();
    let handle = leptos::mount::mount_to(element, move || view! { <Chat thread /> });
    MOUNTED.set(Some(Box::new(handle)));
}

/// Takes it away.
#[wasm_bindgen]
pub fn unmount() {
    MOUNTED.take();
}

#[component]
fn Chat(thread: Option<String>) -> impl IntoView {
    let stream =
        use_stream(UseStreamOptions::new("/api", "chat").thread_id(thread.map(ThreadId::from)));
    view! {
        <div id="list" data-busy=move || stream.is_loading.get().to_string()>
            <For each=move || stream.messages.get() key=|message| message.id() let:message>
                <p>{move || message.text()}</p>
            </For>
        </div>
        <button id="send" on:click=move |_| stream.submit("hello")>"Send"</button>
    }
}
