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

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg_attr(not(target_arch = "wasm32"), test)]
    #[cfg_attr(target_arch = "wasm32", wasm_bindgen_test::wasm_bindgen_test)]
    fn other_builds_other_places_and_other_people_have_other_names() {
        let text = identified("ada", "http://server/runs/1");
        let lines: Vec<&str> = text.lines().collect();
        let [build, url, identity] = lines[..] else {
            panic!("{text:?}");
        };
        assert_eq!(
            build,
            format!("rejoin tabs {VERSION} {}", env!("CARGO_PKG_VERSION"))
        );
        assert_eq!((url, identity), ("http://server/runs/1", "ada"));
        // An identity is any text, and passes for no other part.
        let odd = identified("ada\nhttp://server/runs/1", "http://server/runs/2");
        assert_ne!(odd, text);
        assert!(odd.starts_with(&format!("{build}\nhttp://server/runs/2\n")));
    }
}
