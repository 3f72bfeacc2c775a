//! A page that was built with `ssr` by mistake.
#![cfg(all(feature = "ssr", target_arch = "wasm32"))]
#![allow(clippy::unwrap_used)]

use leptos::prelude::*;
use rejoin_leptos::prelude::*;
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

#[wasm_bindgen(inline_js = "
    const log = console.error;
    const said = [];
    export function listen() { console.error = (...words) => said.push(words.join(' ')); }
    export function heard() { console.error = log; return said.join('\\n'); }
")]
extern "C" {
    fn listen();
    fn heard() -> String;
}

#[wasm_bindgen_test]
fn it_says_so_in_the_console_and_its_streams_do_nothing() {
    listen();
    Owner::new().with(|| {
        let stream = use_stream(UseStreamOptions::new("/api", "chat"));
        stream.submit("hi");
        assert!(!stream.is_loading.get_untracked());
        assert!(stream.messages.get_untracked().is_empty());
    });
    let said = heard();
    assert!(said.contains("the feature `ssr`"), "it said: {said}");
}
