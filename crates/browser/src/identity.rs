//! The user, as the application or its headers name one, and digests of that. Every script of the origin can list the names of locks,
//! channels and what is stored; a digest tells it nothing.

use crate::{http::bytes_of, page::field, scope};
use js_sys::{Function, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};

/// The user that the application names.
pub(crate) fn of_text(user: &str) -> String {
    ["as ", user].concat()
}

/// The user that the headers stand for.
pub(crate) fn of_headers(headers: &[(String, String)]) -> String {
    let mut identity = "headers".to_owned();
    for (name, value) in headers {
        for part in ["\n", name, ":", value] {
            identity.push_str(part);
        }
    }
    identity
}

/// A promise of a text's SHA-256.
///
/// # Errors
/// The page has no `crypto.subtle`, as its origin is not secure.
pub(crate) fn digest(text: &str) -> Result<JsValue, JsValue> {
    let missing = || JsValue::from_str("no crypto.subtle");
    let crypto = field(&scope(), "crypto").ok_or_else(missing)?;
    let subtle = field(&crypto, "subtle").ok_or_else(missing)?;
    let digest: Function = Reflect::get(&subtle, &"digest".into())?.dyn_into()?;
    let bytes = Uint8Array::from(text.as_bytes());
    digest.call2(&subtle, &"SHA-256".into(), &bytes)
}

/// The result of such a promise, as hexadecimal digits; `None` if it gave no bytes.
pub(crate) fn hex(digest: &JsValue) -> Option<String> {
    let mut text = String::new();
    for byte in bytes_of(digest)? {
        for digit in [byte >> 4, byte & 0xf] {
            text.push(char::from(b"0123456789abcdef"[usize::from(digit)]));
        }
    }
    Some(text)
}
