//! Locks that all pages of an origin share, where the browser has them: on secure origins, and not in sandboxed frames.

use crate::{driver::Driver, page::field, promise::when_settled, scope};
use js_sys::{Function, Promise, Reflect};
use rejoin_core::Input;
use std::{
    cell::{Cell, RefCell},
    rc::{Rc, Weak},
};
use wasm_bindgen::{JsCast, JsValue, closure::Closure, prelude::wasm_bindgen};

#[wasm_bindgen]
extern "C" {
    type LockManager;
    #[wasm_bindgen(method, catch)]
    fn request(this: &LockManager, name: &str, callback: &Function) -> Result<JsValue, JsValue>;
}

/// The locks of one client. The browser gives them back when the page is gone, however it went.
#[derive(Default)]
pub(crate) struct Locks(RefCell<Vec<Lock>>);

struct Lock {
    name: String,
    give_back: Function,
    /// Whether it was given back, perhaps before it was held: then nothing of it is told any more.
    is_given_back: Rc<Cell<bool>>,
}

impl Locks {
    /// Asks for a lock, and tells the driver when it is held, and that it was taken away or that there are none.
    pub(crate) fn hold(&self, driver: &Weak<Driver>, name: String) {
        let Some(manager) = manager() else {
            return tell(driver, Input::LocksMissing);
        };
        // The lock is held until this is settled; where it is by the time that the lock is free, it is not held at all.
        let mut give_back = None;
        let until = Promise::new(&mut |settle, _| give_back = Some(settle));
        let Some(give_back) = give_back else { return };
        let of_origin = ["rejoin:", &name].concat();
        let is_held = Rc::new(Cell::new(false));
        let is_given_back = Rc::new(Cell::new(false));
        let held = Closure::<dyn Fn(JsValue) -> JsValue>::new({
            let (driver, name, is_held) = (driver.clone(), name.clone(), is_held.clone());
            let is_given_back = is_given_back.clone();
            move |_: JsValue| {
                is_held.set(true);
                if !is_given_back.get() {
                    let name = name.clone();
                    tell(&driver, Input::LockHeld { name });
                }
                until.clone().into()
            }
        });
        let asked = manager.request(&of_origin, held.into_js_value().unchecked_ref());
        let lost = Input::LockLost { name: name.clone() };
        self.0.borrow_mut().push(Lock {
            name,
            give_back,
            is_given_back: is_given_back.clone(),
        });
        let driver = driver.clone();
        let told = move |result: Result<JsValue, JsValue>| match (result, is_held.get()) {
            (Ok(_), _) => {}
            // Somebody has stolen it. There are locks all the same.
            (Err(_), _) if is_given_back.get() => {}
            (Err(_), true) => tell(&driver, lost),
            (Err(_), false) => tell(&driver, Input::LocksMissing),
        };
        when_settled(asked, Box::new(told));
    }

    /// Gives a lock back, or does not wait for it any more.
    pub(crate) fn release(&self, name: &str) {
        let mut locks = self.0.borrow_mut();
        let place = locks.iter().position(|lock| lock.name == name);
        let lock = place.map(|at| locks.swap_remove(at));
        drop(locks);
        lock.into_iter().for_each(Lock::release);
    }

    /// Gives all of them back.
    pub(crate) fn release_all(&self) {
        self.0.take().into_iter().for_each(Lock::release);
    }
}

impl Lock {
    fn release(self) {
        self.is_given_back.set(true);
        // Settling a promise throws nothing.
        drop(self.give_back.call0(&JsValue::UNDEFINED));
    }
}

fn manager() -> Option<LockManager> {
    let navigator = field(&scope(), "navigator").filter(JsValue::is_object)?;
    let locks = Reflect::get(&navigator, &"locks".into()).ok()?;
    locks.is_object().then(|| locks.unchecked_into())
}

fn tell(driver: &Weak<Driver>, input: Input) {
    if let Some(driver) = driver.upgrade() {
        driver.feed(input);
    }
}
