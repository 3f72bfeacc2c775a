//! What happens to the page.

use crate::{
    METADATA, answer_text, connection,
    fake_server::{FakeServer, eval, sleep, until},
    live, options, token,
};
use rejoin_browser::Stream;
use rejoin_core::Connection;
use wasm_bindgen_test::wasm_bindgen_test;

/// Hides or shows the page, as far as scripts can tell.
pub(crate) struct Visibility;

impl Visibility {
    pub(crate) fn set(hidden: bool) -> Self {
        eval(&format!(
            "Object.defineProperty(document, 'visibilityState', {{ configurable: true, get: () => '{}' }});
             document.dispatchEvent(new Event('visibilitychange'))",
            if hidden { "hidden" } else { "visible" }
        ));
        Self
    }
}

impl Drop for Visibility {
    fn drop(&mut self) {
        eval(
            "delete document.visibilityState; document.dispatchEvent(new Event('visibilitychange'))",
        );
    }
}

/// Switches the network off or on, as far as scripts can tell.
struct Network;

impl Network {
    fn set(online: bool) -> Self {
        eval(&format!(
            "Object.defineProperty(navigator, 'onLine', {{ configurable: true, get: () => {online} }});
             window.dispatchEvent(new Event('{}'))",
            if online { "online" } else { "offline" }
        ));
        Self
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        eval("delete navigator.onLine");
    }
}

#[wasm_bindgen_test]
async fn a_connection_cut_while_hidden_is_made_anew_when_shown() {
    let server = FakeServer::install();
    let stream = Stream::new(options());
    let call = live(&stream, &server).await;
    call.send(&token(1, "one"));
    until("the token", || answer_text(&stream) == "one").await;
    let _hidden = Visibility::set(true);
    call.cut(&"gone".into());
    until("it waits", || connection(&stream) == Connection::Paused).await;
    sleep(50).await;
    assert!(server.request_now("/runs/run-1/stream").is_none());
    let _shown = Visibility::set(false);
    let joined = server.request("/runs/run-1/stream").await;
    joined.open();
    joined.send(&token(1, "one"));
    joined.send(&token(2, " two"));
    until("it goes on", || answer_text(&stream) == "one two").await;
}

#[wasm_bindgen_test]
async fn offline_waits_and_online_goes_on() {
    let server = FakeServer::install();
    let stream = Stream::new(options());
    let call = live(&stream, &server).await;
    let _offline = Network::set(false);
    call.cut(&"gone".into());
    until("it waits", || connection(&stream) == Connection::Offline).await;
    let _online = Network::set(true);
    server.request("/runs/run-1/stream").await;
}

#[wasm_bindgen_test]
async fn a_page_that_starts_hidden_or_offline_knows_it() {
    let server = FakeServer::install();
    let _hidden = Visibility::set(true);
    let stream = Stream::new(options());
    live(&stream, &server).await.cut(&"gone".into());
    until("it waits to be shown", || {
        connection(&stream) == Connection::Paused
    })
    .await;
    drop(_hidden);
    let _offline = Network::set(false);
    let stream = Stream::new(options());
    live(&stream, &server).await.cut(&"gone".into());
    until("it waits for the network", || {
        connection(&stream) == Connection::Offline
    })
    .await;
}

#[wasm_bindgen_test]
async fn a_thawed_page_does_not_trust_its_connection() {
    let server = FakeServer::install();
    for thaw in [
        "window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))",
        "document.dispatchEvent(new Event('resume'))",
    ] {
        let stream = Stream::new(options());
        let call = live(&stream, &server).await;
        // Every page is shown once, which means nothing.
        eval("window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: false }))");
        assert!(!call.is_aborted());
        sleep(5).await;
        eval(thaw);
        assert!(call.is_aborted(), "{thaw}");
        let joined = server.request("/runs/run-1/stream").await;
        joined.open();
        joined.send(METADATA);
        joined.send(&token(1, "on"));
        until("it goes on", || answer_text(&stream) == "on").await;
    }
}

#[wasm_bindgen_test]
async fn disposing_drops_everything_and_leaves_the_run_alone() {
    eval(
        "window.__listening = 0;
         for (const target of [window, document]) {
           const { addEventListener, removeEventListener } = EventTarget.prototype;
           target.addEventListener = function (...rest) { window.__listening += 1; return addEventListener.apply(this, rest); };
           target.removeEventListener = function (...rest) { window.__listening -= 1; return removeEventListener.apply(this, rest); };
         }",
    );
    let listening = || eval("window.__listening").as_f64().unwrap();
    let server = FakeServer::install();
    let stream = Stream::new(options());
    assert_eq!(listening(), 9.0);
    let call = live(&stream, &server).await;
    let joining = stream.join_stream(None);
    stream.dispose();
    assert!(call.is_aborted());
    assert_eq!(joining.await, rejoin_core::Outcome::Disconnected);
    assert_eq!(listening(), 0.0);
    stream.cancel();
    assert_eq!(
        stream.join_stream(None).await,
        rejoin_core::Outcome::Disconnected
    );
    assert_eq!(server.lines().len(), 1, "{:?}", server.lines());

    // The last handle disposes as well.
    let other = Stream::new(options());
    assert_eq!(listening(), 9.0);
    let call = live(&other, &server).await;
    drop(other);
    assert!(call.is_aborted());
    assert_eq!(listening(), 0.0);
    eval(
        "for (const target of [window, document]) { delete target.addEventListener; delete target.removeEventListener }",
    );
}
