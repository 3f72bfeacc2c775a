//! One lock of the origin, by the Web Locks API.

use crate::{page::field, promise::when_settled, scope};
use js_sys::{Function, Object, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue, closure::Closure, prelude::wasm_bindgen};
use web_sys::AbortController;

#[wasm_bindgen]
extern "C" {
    pub(super) type Locks;
    #[wasm_bindgen(method, catch)]
    fn request(
        this: &Locks,
        name: &str,
        options: &Object,
        granted: &Function,
    ) -> Result<JsValue, JsValue>;
}

/// The page's locks; `None` where it has none, as outside secure contexts.
pub(super) fn locks() -> Option<Locks> {
    let locks = field(&field(&scope(), "navigator")?, "locks")?;
    locks.is_object().then(|| locks.unchecked_into())
}

/// A lock that is asked for or had. Dropped, it is given back.
pub(super) struct Lock {
    asking: AbortController,
    release: Option<Function>,
}

impl Lock {
    /// Asks for a lock; with `steal`, takes it from whoever has it. `told` hears that it is had, and that it is not to be had or was taken.
    pub(super) fn ask(
        locks: &Locks,
        name: &str,
        steal: bool,
        told: impl Fn(bool) + Clone + 'static,
    ) -> Result<Self, JsValue> {
        let asking = AbortController::new()?;
        let options = Object::new();
        match steal {
            true => Reflect::set(&options, &"steal".into(), &true.into())?,
            false => Reflect::set(&options, &"signal".into(), &asking.signal())?,
        };
        // No `Function::default()`: it compiles a text, which a page's security policy may forbid.
        let mut release = None;
        let held = Promise::new(&mut |resolve, _| release = Some(resolve));
        let granted = Closure::once_into_js({
            let told = told.clone();
            move |_lock: JsValue| {
                told(true);
                held
            }
        });
        let ended = locks.request(name, &options, granted.unchecked_ref());
        when_settled(
            ended,
            Box::new(move |result| {
                if result.is_err() {
                    told(false);
                }
            }),
        );
        Ok(Self { asking, release })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.asking.abort();
        if let Some(release) = &self.release {
            drop(release.call0(&JsValue::UNDEFINED));
        }
    }
}
