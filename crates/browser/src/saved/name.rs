//! The name under which a state is saved: a digest of the server, the thread and the user. So a list of the names tells
//! nothing, and another user's state is never found.

use crate::{
    driver::Driver,
    identity::{digest, hex, of_headers, of_text},
    when_settled,
};
use rejoin_core::SavedKey;
use wasm_bindgen::JsValue;

/// Changes where what is digested does.
const FORMAT: &str = "rejoin saved 1";

/// Takes the name, or why there is none.
pub(super) type Told = Box<dyn FnOnce(Result<String, String>)>;

/// Finds the name. If the key names no user, the application's headers do.
pub(super) fn find(driver: Option<&Driver>, key: SavedKey, told: Told) {
    if let Some(identity) = &key.identity {
        return digested(&key, &of_text(identity), told);
    }
    let Some(driver) = driver else {
        return told(Err("the stream is gone".to_owned()));
    };
    driver.http.make_headers(
        false,
        Box::new(move |headers| match headers {
            Ok(headers) if !headers.is_empty() => {
                digested(&key, &of_headers(&headers), told);
            }
            Ok(_) => told(Err("nothing says whose threads they are: give the \
                               option `cache` an `identity`, or give `headers`"
                .to_owned())),
            Err(why) => told(Err(why)),
        }),
    );
}

fn digested(key: &SavedKey, identity: &str, told: Told) {
    // None of these can have a line's end in it but the identity, which is last.
    let parts = [FORMAT, &key.api_url, key.thread_id.as_str(), identity];
    let told = move |digest: Result<JsValue, JsValue>| {
        let name = digest.ok().and_then(|digest| hex(&digest));
        told(name.ok_or_else(|| {
            "the page has no `crypto.subtle`, as its origin is not secure".to_owned()
        }));
    };
    when_settled(digest(&parts.join("\n")), Box::new(told));
}
