//! The name under which a state is saved: a digest of the server, the thread and the user, so that whoever lists the names learns
//! nothing, and no other user's state is ever found.

use crate::{driver::Driver, http::bytes_of, page::field, scope, when_settled};
use js_sys::{Function, Reflect, Uint8Array};
use rejoin_core::SavedKey;
use wasm_bindgen::{JsCast, JsValue};

/// Changes where what is digested does.
const FORMAT: &str = "rejoin saved 1";

/// Takes the name, or why there is none.
pub(super) type Told = Box<dyn FnOnce(Result<String, String>)>;

/// Finds the name. Where the key names no user, the application's headers do.
pub(super) fn find(driver: Option<&Driver>, key: SavedKey, told: Told) {
    if let Some(identity) = &key.identity {
        return digested(&key, &["as ", identity].concat(), told);
    }
    let Some(driver) = driver else {
        return told(Err("the stream is gone".to_owned()));
    };
    driver.http.make_headers(
        false,
        Box::new(move |headers| match headers {
            Ok(headers) if !headers.is_empty() => {
                digested(&key, &identity_of(&headers), told);
            }
            Ok(_) => told(Err("nothing says whose threads they are: give the \
                               option `cache` an `identity`, or give `headers`"
                .to_owned())),
            Err(why) => told(Err(why)),
        }),
    );
}

/// A user, as headers name one.
fn identity_of(headers: &[(String, String)]) -> String {
    let mut identity = "headers".to_owned();
    for (name, value) in headers {
        for part in ["\n", name, ":", value] {
            identity.push_str(part);
        }
    }
    identity
}

fn digested(key: &SavedKey, identity: &str, told: Told) {
    // None of these can have a line's end in it but the identity, which is last.
    let parts = [FORMAT, &key.api_url, key.thread_id.as_str(), identity];
    let told = move |digest: Result<JsValue, JsValue>| {
        let name = digest.ok().and_then(|digest| name_of(&digest));
        told(name.ok_or_else(|| {
            "the page has no `crypto.subtle`, as its origin is not secure".to_owned()
        }));
    };
    when_settled(digest(&parts.join("\n")), Box::new(told));
}

/// A promise of the digest.
fn digest(text: &str) -> Result<JsValue, JsValue> {
    let crypto = field(&scope(), "crypto").unwrap_or_default();
    let subtle = field(&crypto, "subtle").unwrap_or_default();
    let digest: Function = Reflect::get(&subtle, &"digest".into())?.dyn_into()?;
    let bytes = Uint8Array::from(text.as_bytes());
    digest.call2(&subtle, &"SHA-256".into(), &bytes)
}

/// The name of a digest.
fn name_of(digest: &JsValue) -> Option<String> {
    let mut name = String::new();
    for byte in bytes_of(digest)? {
        for digit in [byte >> 4, byte & 0xf] {
            name.push(char::from(b"0123456789abcdef"[usize::from(digit)]));
        }
    }
    Some(name)
}
