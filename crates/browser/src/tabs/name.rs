//! The name that a stream's lock and channel have. Every script of the origin can list the names of locks, so it is a digest.

use crate::{http::bytes_of, page::field, scope};
use js_sys::{Function, Reflect, Uint8Array};
use rejoin_core::{tabs::VERSION, wire::json::digits};
use wasm_bindgen::{JsCast, JsValue};

/// Whom a stream is for, and where it is. Tabs for which both are equal share it, where they are of one build.
pub(super) fn identified(identity: &str, url: &str) -> String {
    let format = digits(VERSION.into());
    let build = ["rejoin tabs ", &format, " ", env!("CARGO_PKG_VERSION")].concat();
    // None of these can have a line's end in it but the identity, which is last.
    [&build, "\n", url, "\n", identity].concat()
}

/// A promise of the digest.
pub(super) fn digest(text: &str) -> Result<JsValue, JsValue> {
    let missing = || JsValue::from_str("no crypto.subtle");
    let crypto = field(&scope(), "crypto").ok_or_else(missing)?;
    let subtle = field(&crypto, "subtle").ok_or_else(missing)?;
    let digest: Function = Reflect::get(&subtle, &"digest".into())?.dyn_into()?;
    let bytes = Uint8Array::from(text.as_bytes());
    digest.call2(&subtle, &"SHA-256".into(), &bytes)
}

/// The name of a digest.
pub(super) fn name_of(digest: &JsValue) -> Option<String> {
    let mut name = "rejoin:".to_owned();
    for byte in bytes_of(digest)? {
        for digit in [byte >> 4, byte & 0xf] {
            name.push(char::from(b"0123456789abcdef"[usize::from(digit)]));
        }
    }
    Some(name)
}
