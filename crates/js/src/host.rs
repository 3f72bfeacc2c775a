//! The host's functions.

use js_sys::{Array, Function, Object, Reflect};
use rejoin_browser::{CheckpointResolver, HeaderProvider, thrown_words, when_settled};
use rejoin_core::wire::MessageId;
use std::rc::Rc;
use wasm_bindgen::{
    JsCast,
    closure::Closure,
    prelude::{JsValue, wasm_bindgen},
};

#[wasm_bindgen]
extern "C" {
    /// One object of functions, given by whoever makes an engine.
    #[wasm_bindgen(typescript_type = "EngineHost")]
    pub type Host;

    #[wasm_bindgen(method, catch)]
    pub(crate) fn status(this: &Host, json: &str) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    pub(crate) fn feed(this: &Host, json: &str) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    pub(crate) fn order(this: &Host, ns: &str, ids: &Array) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    pub(crate) fn message(
        this: &Host,
        ns: &str,
        id: &str,
        json: &str,
        origin: &str,
    ) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    pub(crate) fn append(this: &Host, ns: &str, id: &str, text: &str) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    pub(crate) fn changed(this: &Host, what: u32) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    pub(crate) fn commit(this: &Host, revision: f64) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    pub(crate) fn event(
        this: &Host,
        id: Option<&str>,
        name: &str,
        namespace: &Array,
        data: &str,
    ) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    pub(crate) fn notice(this: &Host, kind: &str, json: &str) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = resolveCheckpoint)]
    fn resolve_checkpoint(this: &Host, command: u32, parents: &Array) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    pub(crate) fn concluded(
        this: &Host,
        command: u32,
        outcome: &str,
        error: Option<&str>,
    ) -> Result<(), JsValue>;

    #[wasm_bindgen(js_name = queueMicrotask)]
    fn queue_microtask(function: &Function);
}

/// An exception of a host function is the application's fault. It is thrown again for the page's own error handlers, and the
/// engine goes on.
pub(crate) fn rethrow_later(result: Result<(), JsValue>) {
    if let Err(thrown) = result {
        let throw: Closure<dyn Fn()> =
            Closure::new(move || wasm_bindgen::throw_val(thrown.clone()));
        // Freed by the engine once it has been called.
        queue_microtask(throw.into_js_value().unchecked_ref());
    }
}

/// The names as an array of JS.
pub(crate) fn strings(texts: &mut dyn Iterator<Item = &str>) -> Array {
    let array = Array::new();
    for text in texts {
        array.push(&JsValue::from_str(text));
    }
    array
}

/// The host's function of that name, if it has one.
pub(crate) fn function(host: &Host, name: &str) -> Option<Function> {
    Reflect::get(host, &name.into()).ok()?.dyn_into().ok()
}

/// The host's `headers` as what the client asks for headers.
pub(crate) fn header_provider(host: &Rc<Host>) -> Option<HeaderProvider> {
    let provide = function(host, "headers")?;
    let host = Rc::clone(host);
    Some(Rc::new(move |refresh, answer| {
        let made = provide.call1(&host, &refresh.into());
        let told =
            |made| answer(Result::and_then(made, headers).map_err(|thrown| thrown_words(&thrown)));
        when_settled(made, Box::new(told));
    }))
}

/// The host's `resolveCheckpoint`.
pub(crate) fn checkpoint_resolver(host: &Rc<Host>) -> CheckpointResolver {
    let host = Rc::clone(host);
    Rc::new(move |command, parents| {
        let parents = strings(&mut parents.iter().map(MessageId::as_str));
        rethrow_later(host.resolve_checkpoint(command.0 as u32, &parents));
    })
}

fn headers(made: JsValue) -> Result<Vec<(String, String)>, JsValue> {
    let mut headers = Vec::new();
    if let Some(object) = made.dyn_ref::<Object>() {
        for name in Object::keys(object) {
            let value = Reflect::get(object, &name)?;
            // A header that is left out on purpose is `undefined` or `null`.
            if !value.is_undefined() && !value.is_null() {
                let text = value.as_string().ok_or("a header's value is not a text")?;
                headers.push((name.as_string().unwrap_or_default(), text));
            }
        }
    }
    Ok(headers)
}
