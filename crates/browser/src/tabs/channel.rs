//! Messages between the tabs of an origin, by a BroadcastChannel.

use crate::page::field;
use js_sys::{Function, Uint8Array};
use rejoin_core::tabs::{MESSAGE_BYTES_MAX, Message};
use wasm_bindgen::{JsCast, JsValue, closure::Closure, prelude::wasm_bindgen};

#[wasm_bindgen]
extern "C" {
    type BroadcastChannel;
    // Throws where there is none, and where the page may not have one.
    #[wasm_bindgen(constructor, catch)]
    fn new(name: &str) -> Result<BroadcastChannel, JsValue>;
    #[wasm_bindgen(method, catch, js_name = postMessage)]
    fn post_message(this: &BroadcastChannel, message: &Uint8Array) -> Result<(), JsValue>;
    #[wasm_bindgen(method, setter)]
    fn set_onmessage(this: &BroadcastChannel, heard: Option<&Function>);
    #[wasm_bindgen(method)]
    fn close(this: &BroadcastChannel);
}

/// A channel that is listened to. Dropped, it is closed.
pub(super) struct Channel {
    channel: BroadcastChannel,
    _heard: Closure<dyn Fn(JsValue)>,
}

impl Channel {
    pub(super) fn open(name: &str, heard: impl Fn(Message) + 'static) -> Result<Self, JsValue> {
        let channel = BroadcastChannel::new(name)?;
        let heard: Closure<dyn Fn(JsValue)> = Closure::new(move |event: JsValue| {
            if let Some(message) = field(&event, "data").and_then(read) {
                heard(message);
            }
        });
        channel.set_onmessage(Some(heard.as_ref().unchecked_ref()));
        Ok(Self {
            channel,
            _heard: heard,
        })
    }

    /// A message that cannot be sent is lost, which tabs are made for.
    pub(super) fn post(&self, message: &Message) {
        let bytes = Uint8Array::from(message.to_bytes().as_slice());
        drop(self.channel.post_message(&bytes));
    }
}

/// Nothing but bytes, and no more of them than a tab sends.
fn read(data: JsValue) -> Option<Message> {
    let bytes: Uint8Array = data.dyn_into().ok()?;
    let is_short = bytes.length() as usize <= MESSAGE_BYTES_MAX;
    let bytes = is_short.then(|| bytes.to_vec())?;
    Message::from_bytes(&bytes)
}

impl Drop for Channel {
    fn drop(&mut self) {
        self.channel.set_onmessage(None);
        self.channel.close();
    }
}
