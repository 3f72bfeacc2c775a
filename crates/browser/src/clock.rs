//! Time and randomness.

use rejoin_core::Millis;
use std::cell::Cell;
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

#[wasm_bindgen]
extern "C" {
    // They throw where there is no such object.
    #[wasm_bindgen(catch, js_namespace = performance, js_name = now)]
    fn performance_now() -> Result<f64, JsValue>;
    #[wasm_bindgen(catch, js_namespace = crypto, js_name = getRandomValues)]
    fn get_random_values(bytes: &mut [u8]) -> Result<(), JsValue>;
}

/// The monotonic clock that inputs are stamped with: `performance.now()`, in whole milliseconds since the page began.
pub fn now() -> Millis {
    match performance_now() {
        Ok(now) => Millis(now.max(0.0) as u64),
        Err(_) => never_back(wall_clock()),
    }
}

/// Milliseconds since 1970, for what outlives the page.
pub fn wall_clock() -> Millis {
    Millis(js_sys::Date::now().max(0.0) as u64)
}

/// A random (version 4) UUID. `crypto.randomUUID` is absent on insecure origins, `getRandomValues` is not.
pub fn random_uuid() -> String {
    let mut bytes = [0_u8; 16];
    fill_random(&mut bytes);
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}

/// A seed for the client.
pub(crate) fn random_seed() -> u64 {
    let mut bytes = [0_u8; 8];
    fill_random(&mut bytes);
    u64::from_le_bytes(bytes)
}

fn fill_random(bytes: &mut [u8]) {
    if get_random_values(bytes).is_err() {
        bytes.fill_with(|| (js_sys::Math::random() * 256.0) as u8);
    }
}

/// The wall clock can be set back; the client's must not go back.
fn never_back(time: Millis) -> Millis {
    thread_local! {
        static LATEST: Cell<Millis> = const { Cell::new(Millis(0)) };
    }
    LATEST.with(|latest| {
        latest.set(latest.get().max(time));
        latest.get()
    })
}
