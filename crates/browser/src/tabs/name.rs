//! The name that a stream's lock and channel have. Every script of the origin can list the names of locks, so it is a digest.

use crate::identity::hex;
use rejoin_core::{tabs::VERSION, wire::json::digits};
use wasm_bindgen::JsValue;

/// Whom a stream is for, and where it is. Tabs for which both are equal share it, where they are of one build.
pub(super) fn identified(identity: &str, url: &str) -> String {
    let format = digits(VERSION.into());
    let build = ["rejoin tabs ", &format, " ", env!("CARGO_PKG_VERSION")].concat();
    // None of these can have a line's end in it but the identity, which is last.
    [&build, "\n", url, "\n", identity].concat()
}

/// The name of a digest.
pub(super) fn name_of(digest: &JsValue) -> Option<String> {
    hex(digest).map(|hex| ["rejoin:", &hex].concat())
}
