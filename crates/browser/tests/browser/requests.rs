//! Requests, their headers, bodies and ends.

use crate::{
    METADATA, answer_finished, answer_text, connection,
    fake_server::{FakeServer, eval, sleep, string, until},
    live, notices, options, say, token,
};
use rejoin_browser::{Stream, header_futures};
use rejoin_core::{Connection, ErrorCode, Notice, Outcome};
use std::{cell::RefCell, rc::Rc};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_test::wasm_bindgen_test;

#[wasm_bindgen_test]
async fn a_stream_in_pieces_is_shown_as_it_comes_and_concludes() {
    let server = FakeServer::install();
    let stream = Stream::new(options());
    stream.switch_thread(None);
    let outcome = stream.submit(say("hi"));
    let call = server.request("POST /api/threads/").await;
    assert_eq!(
        call.header("content-type").as_deref(),
        Some("application/json")
    );
    assert_eq!(call.body().await["assistant_id"], "chat");
    assert_eq!(
        (
            string(&call.property("cache")),
            string(&call.property("credentials"))
        ),
        ("no-store".into(), "same-origin".into())
    );
    call.open();
    // Cut inside the two bytes of an umlaut.
    let bytes = [METADATA, &token(1, "Gr"), &token(2, "ü")]
        .concat()
        .into_bytes();
    let inside = bytes
        .windows(2)
        .position(|pair| pair == "ü".as_bytes())
        .unwrap()
        + 1;
    call.send_bytes(&bytes[..inside]);
    until("the first token", || answer_text(&stream) == "Gr").await;
    call.send_bytes(&bytes[inside..]);
    until("the second token", || answer_text(&stream) == "Grü").await;
    answer_finished(&server, "Grün");
    call.close();
    assert_eq!(outcome.await, Outcome::Finished);
    assert_eq!(answer_text(&stream), "Grün");
    assert_eq!(connection(&stream), Connection::Finished);
}

#[wasm_bindgen_test]
async fn stop_aborts_the_request_and_the_body_and_cancels_nothing() {
    let server = FakeServer::install();
    let stream = Stream::new(options());
    let call = live(&stream, &server).await;
    call.send(&token(1, "kept"));
    until("the token", || answer_text(&stream) == "kept").await;
    stream.stop();
    assert!(call.is_aborted());
    until("the body is cancelled", || {
        call.property("cancelled").is_truthy()
    })
    .await;
    assert_eq!(connection(&stream), Connection::Disconnected);
    assert_eq!(answer_text(&stream), "kept");
    assert!(
        !server.lines().iter().any(|line| line.contains("/cancel")),
        "{:?}",
        server.lines()
    );
}

#[wasm_bindgen_test]
async fn stop_works_before_the_headers_have_come() {
    let server = FakeServer::install();
    let stream = Stream::new(options());
    let outcome = stream.submit(say("hi"));
    let call = server.request("POST /api/threads/").await;
    stream.stop();
    assert!(call.is_aborted());
    assert_eq!(outcome.await, Outcome::Disconnected);
}

#[wasm_bindgen_test]
async fn headers_are_made_for_each_request_and_again_when_refused() {
    let server = FakeServer::install();
    let asked = Rc::new(RefCell::new(Vec::new()));
    let mut options = options();
    options.headers = Some(header_futures({
        let asked = Rc::clone(&asked);
        move |refresh| {
            asked.borrow_mut().push(refresh);
            let token = format!("Bearer {}", asked.borrow().len());
            Box::pin(async move {
                sleep(1).await;
                Ok(vec![("authorization".to_owned(), token)])
            })
        }
    }));
    let stream = Stream::new(options);
    drop(stream.submit(say("hi")));
    let first = server.request("POST /api/threads/").await;
    assert_eq!(first.header("authorization").as_deref(), Some("Bearer 1"));
    first.respond(401, "{\"detail\":\"who?\"}");
    let second = server.request("POST /api/threads/").await;
    assert_eq!(second.header("authorization").as_deref(), Some("Bearer 2"));
    assert_eq!(*asked.borrow(), [false, true]);
    second.respond(401, "{\"detail\":\"who?\"}");
    until("it gives up", || connection(&stream) == Connection::Failed).await;
    let error = stream.with_view(|view| view.error().cloned()).unwrap();
    assert_eq!(
        (error.code, error.status),
        (ErrorCode::Unauthorized, Some(401))
    );
    assert_eq!(asked.borrow().len(), 2);
}

#[wasm_bindgen_test]
async fn a_failing_header_provider_is_an_error_that_says_so() {
    let server = FakeServer::install();
    let mut options = options();
    options.headers = Some(header_futures(|_| {
        Box::pin(async { Err("no session".to_owned()) })
    }));
    options.config.retry.attempts_max = 1;
    let stream = Stream::new(options);
    drop(stream.submit(say("hi")));
    until("it fails", || {
        stream.with_view(|view| view.error().is_some())
    })
    .await;
    let error = stream.with_view(|view| view.error().cloned()).unwrap();
    assert_eq!(error.code, ErrorCode::HeadersFailed);
    assert!(error.message.contains("no session"), "{}", error.message);
    assert_eq!(server.lines(), Vec::<String>::new());
}

#[wasm_bindgen_test]
async fn a_header_that_cannot_be_sent_is_an_invalid_request() {
    let server = FakeServer::install();
    let mut options = options();
    options.headers = Some(header_futures(|_| {
        Box::pin(async { Ok(vec![("not a header".to_owned(), "x".to_owned())]) })
    }));
    let stream = Stream::new(options);
    drop(stream.submit(say("hi")));
    until("it fails", || {
        stream.with_view(|view| view.error().is_some())
    })
    .await;
    assert_eq!(
        stream.with_view(|view| view.error().map(|error| error.code)),
        Some(ErrorCode::InvalidRequest)
    );
    assert_eq!(server.lines(), Vec::<String>::new());
}

/// Whatever a page's wrapper of `fetch` throws, rejects with or resolves to, the client gets a failed request and goes on.
#[wasm_bindgen_test]
async fn anything_can_be_thrown() {
    let server = FakeServer::install();
    let mut options = options();
    options.config.retry.attempts_max = 20;
    options.config.retry.silent_joins_max = 20;
    let stream = Stream::new(options);
    let call = live(&stream, &server).await;
    call.send(&token(1, "one"));
    until("the token", || answer_text(&stream) == "one").await;
    call.cut(&"a bare string".into());
    server
        .request("/runs/run-1/stream")
        .await
        .reject(&JsValue::NULL);
    server
        .request("/runs/run-1/stream")
        .await
        .reject(&eval("Object.create(null)"));
    server
        .request("/runs/run-1/stream")
        .await
        .reject(&eval("Symbol('s')"));
    server.throw(&[JsValue::from(7), eval("new TypeError('thrown at once')")]);
    server
        .request("/runs/run-1/stream")
        .await
        .resolve(&JsValue::UNDEFINED);
    let joined = server.request("/runs/run-1/stream").await;
    joined.open();
    joined.send(&token(1, "one"));
    joined.send(&token(2, " two"));
    until("it goes on", || answer_text(&stream) == "one two").await;
}

#[wasm_bindgen_test]
async fn a_body_that_is_not_bytes_is_a_broken_connection() {
    let server = FakeServer::install();
    let stream = Stream::new(options());
    let call = live(&stream, &server).await;
    call.send_value(&"text".into());
    let joined = server.request("/runs/run-1/stream").await;
    joined.open();
    joined.send(METADATA);
    joined.send(&token(1, "on"));
    until("it goes on", || answer_text(&stream) == "on").await;
}

#[wasm_bindgen_test]
async fn an_answer_over_the_limit_is_given_up() {
    let server = FakeServer::install();
    let mut options = options();
    options.response_bytes_max = 1_000;
    let stream = Stream::new(options);
    let (heard, _subscription) = notices(&stream);
    let call = live(&stream, &server).await;
    call.close();
    let asked = server.request("GET /api/threads/").await;
    asked.open_as(200, &[("content-type", "application/json")]);
    asked.send(&" ".repeat(2_000));
    until("the body is cancelled", || {
        asked.property("cancelled").is_truthy()
    })
    .await;
    until("it is tried again", || {
        server.request_now("GET /api/threads/").is_some()
    })
    .await;
    assert!(
        !heard
            .borrow()
            .iter()
            .any(|notice| matches!(notice, Notice::Ended { .. })),
        "{:?}",
        heard.borrow()
    );
}

#[wasm_bindgen_test]
async fn a_fetch_of_the_applications_own_is_called_with_the_request() {
    // Not installed: the page's own would not answer.
    let own = eval(
        "(url, init) => Promise.resolve({
           status: 200,
           headers: new Headers({ 'content-type': 'text/event-stream' }),
           body: { getReader: () => {
             const pieces = [`event: metadata\\ndata: {\"run_id\":\"run-1\"}\\nid: 0\\n\\n`,
               `event: messages\\ndata: [{\"type\":\"AIMessageChunk\",\"id\":\"a\",\"content\":\"${init.method}\"},{}]\\nid: 1\\n\\n`];
             return { read: () => pieces.length ? Promise.resolve({ done: false, value: new TextEncoder().encode(pieces.shift()) }) : new Promise(() => {}),
                      cancel: () => Promise.resolve() } } },
         })",
    );
    let mut options = options();
    options.fetch = Some(own.unchecked_into());
    let stream = Stream::new(options);
    drop(stream.submit(say("hi")));
    until("the answer", || answer_text(&stream) == "POST").await;
    stream.dispose();
}
