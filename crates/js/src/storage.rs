//! Where records are kept: the host says.

use crate::{fields::invalid, host::Host};
use js_sys::Reflect;
use rejoin_browser::{JsStore, LocalStore, MemoryStore, RecordStore, is_page};
use std::rc::Rc;
use wasm_bindgen::{JsCast, JsValue};

/// `undefined`: the page's `localStorage`, or memory where there is no page. `null`: memory.
pub(crate) fn storage(host: &Host) -> Result<Rc<dyn RecordStore>, JsValue> {
    let given = Reflect::get(host, &"storage".into())?;
    if given.is_undefined() && is_page() {
        Ok(Rc::new(LocalStore))
    } else if given.is_undefined() || given.is_null() {
        Ok(Rc::new(MemoryStore::default()))
    } else if given.is_object() {
        Ok(Rc::new(given.unchecked_into::<JsStore>()))
    } else {
        Err(invalid(
            "storage",
            "an object with getItem, setItem and removeItem",
        ))
    }
}
