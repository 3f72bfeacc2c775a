//! Waiting for promises with a callback. It brings no executor, which is much to download for a handful of promises.

use js_sys::Function;
use std::{cell::Cell, rc::Rc};
use wasm_bindgen::{JsCast, JsValue, closure::Closure, prelude::wasm_bindgen};

#[wasm_bindgen]
extern "C" {
    type Thenable;
    // Also of what is no promise.
    #[wasm_bindgen(js_namespace = Promise)]
    fn resolve(value: &JsValue) -> Thenable;
    #[wasm_bindgen(method)]
    fn then(this: &Thenable, fulfilled: &Function, rejected: &Function) -> JsValue;
}

/// Is told what became of each promise it watches. The engine frees it once nothing refers to it any more, so a promise
/// that settles later than its maker is gone finds a callback to call.
#[derive(Clone)]
pub(crate) struct Settled {
    fulfilled: Function,
    rejected: Function,
}

impl Settled {
    pub(crate) fn new(told: impl Fn(Result<JsValue, JsValue>) + 'static) -> Self {
        let told: Rc<dyn Fn(Result<JsValue, JsValue>)> = Rc::new(told);
        let also = Rc::clone(&told);
        Self {
            fulfilled: function(move |value| told(Ok(value))),
            rejected: function(move |thrown| also(Err(thrown))),
        }
    }

    pub(crate) fn watch(&self, promise: &JsValue) {
        resolve(promise).then(&self.fulfilled, &self.rejected);
    }
}

fn function(callback: impl Fn(JsValue) + 'static) -> Function {
    let callback: Closure<dyn Fn(JsValue)> = Closure::new(callback);
    callback.into_js_value().unchecked_into()
}

/// Calls `told` once, with what the promise gives or throws. Anything that is no promise is given as it is.
pub fn when_settled(
    promise: Result<JsValue, JsValue>,
    told: Box<dyn FnOnce(Result<JsValue, JsValue>)>,
) {
    let told = Cell::new(Some(told));
    let settled = Settled::new(move |result| {
        if let Some(told) = told.take() {
            told(result);
        }
    });
    match promise {
        Ok(promise) => settled.watch(&promise),
        Err(thrown) => drop(settled.rejected.call1(&JsValue::UNDEFINED, &thrown)),
    }
}
