//! The place of stored records: the host chooses it.

use crate::{fields::invalid, host::Host};
use js_sys::Reflect;
use rejoin_browser::{JsStore, MemoryStore, RecordStore};
use std::rc::Rc;
use wasm_bindgen::{JsCast, JsValue};

/// The host's, or memory.
pub(crate) fn storage(host: &Host) -> Result<Rc<dyn RecordStore>, JsValue> {
    let given = Reflect::get(host, &"storage".into())?;
    if given.is_undefined() || given.is_null() {
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
