//! Where records are kept: the host says.

use crate::{host::Host, options::invalid};
use js_sys::Reflect;
use rejoin_browser::{LocalStore, MemoryStore, RecordStore, StorageError};
use std::rc::Rc;
use wasm_bindgen::{
    JsCast,
    prelude::{JsValue, wasm_bindgen},
};

#[wasm_bindgen]
extern "C" {
    type JsStorage;

    #[wasm_bindgen(method, catch, js_name = getItem)]
    fn get_item(this: &JsStorage, key: &str) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch, js_name = setItem)]
    fn set_item(this: &JsStorage, key: &str, value: &str) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = removeItem)]
    fn remove_item(this: &JsStorage, key: &str) -> Result<(), JsValue>;
}

impl RecordStore for JsStorage {
    fn load(&self, key: &str) -> Result<Option<String>, StorageError> {
        let item = self
            .get_item(key)
            .map_err(|thrown| StorageError::from_thrown(&thrown))?;
        Ok(item.as_string())
    }

    fn save(&self, key: &str, text: &str) -> Result<(), StorageError> {
        self.set_item(key, text)
            .map_err(|thrown| StorageError::from_thrown(&thrown))
    }

    fn remove(&self, key: &str) -> Result<(), StorageError> {
        self.remove_item(key)
            .map_err(|thrown| StorageError::from_thrown(&thrown))
    }
}

/// `undefined`: the page's `localStorage`, or memory where there is no page. `null`: memory.
pub(crate) fn storage(host: &Host) -> Result<Rc<dyn RecordStore>, JsValue> {
    let given = Reflect::get(host, &"storage".into())?;
    if given.is_undefined() && has_page() {
        Ok(Rc::new(LocalStore))
    } else if given.is_undefined() || given.is_null() {
        Ok(Rc::new(MemoryStore::default()))
    } else if given.is_object() {
        Ok(Rc::new(given.unchecked_into::<JsStorage>()))
    } else {
        Err(invalid(
            "storage",
            "an object with getItem, setItem and removeItem",
        ))
    }
}

/// Without a document there is no `localStorage`, and Node.js warns whoever asks.
fn has_page() -> bool {
    Reflect::has(&js_sys::global(), &"document".into()).unwrap_or(false)
}
