//! Requests and their bodies.

use crate::{
    driver::Driver,
    promise::{Settled, when_settled},
    scope, thrown_words,
};
use js_sys::{Function, Object, Reflect, Uint8Array};
use rejoin_core::{
    AttemptId, HttpRequest, Input, TransportError,
    wire::{json::digits, sse::Frame},
};
use std::{
    cell::{RefCell, RefMut},
    future::Future,
    pin::Pin,
    rc::{Rc, Weak},
};
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use web_sys::{AbortController, AbortSignal, Request, RequestInit, Response};

/// Makes the application's headers and hands them to [`HeaderAnswer`]. Called for each request, so that a token can be
/// renewed; `true` says that the headers it made last were refused (401 or 403). Its error is shown, never its headers.
pub type HeaderProvider = Rc<dyn Fn(bool, HeaderAnswer)>;

/// Takes names and values, or why there are none. Dropped without a call, the request never starts.
pub type HeaderAnswer = Box<dyn FnOnce(Result<Vec<(String, String)>, String>)>;

/// Names and values, or why there are none.
pub type HeaderFuture = Pin<Box<dyn Future<Output = Result<Vec<(String, String)>, String>>>>;

/// A provider that makes a future of the headers.
pub fn header_futures(make: impl Fn(bool) -> HeaderFuture + 'static) -> HeaderProvider {
    Rc::new(move |refresh, answer| {
        let headers = make(refresh);
        wasm_bindgen_futures::spawn_local(async move { answer(headers.await) });
    })
}

/// Whether the browser adds cookies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Credentials {
    /// Never.
    Omit,
    /// To the page's own origin. The default.
    #[default]
    SameOrigin,
    /// Always. Needs a server that allows it for this origin by name.
    Include,
}

impl Credentials {
    fn as_str(self) -> &'static str {
        match self {
            Self::Omit => "omit",
            Self::SameOrigin => "same-origin",
            Self::Include => "include",
        }
    }
}

#[wasm_bindgen]
extern "C" {
    type ReadableBody;
    // Throws where someone else reads the body already.
    #[wasm_bindgen(method, catch, js_name = getReader)]
    fn get_reader(this: &ReadableBody) -> Result<Reader, JsValue>;

    #[derive(Clone)]
    type Reader;
    #[wasm_bindgen(method, catch)]
    fn read(this: &Reader) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn cancel(this: &Reader) -> Result<JsValue, JsValue>;
}

/// So many bytes of a streamed body are copied into wasm at once.
const SLICE_BYTES: u32 = 64 * 1024;

/// The requests under way, and what they have in common.
pub(crate) struct Http {
    headers: Option<HeaderProvider>,
    credentials: Credentials,
    fetch: Option<Function>,
    response_bytes_max: usize,
    open: RefCell<Vec<Exchange>>,
}

/// One request under way.
struct Exchange {
    attempt: AttemptId,
    controller: AbortController,
    settled: Settled,
    reader: Option<Reader>,
    /// Fed when it is whole; `None` where the body is fed as it comes.
    answer: Option<Answer>,
}

/// An answer to a plain request, as far as it has come.
#[derive(Default)]
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// The treatment of a body.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    /// Fed as it comes.
    Streamed,
    /// Fed when it is whole.
    Whole,
}

impl Http {
    pub(crate) fn new(
        headers: Option<HeaderProvider>,
        credentials: Credentials,
        fetch: Option<Function>,
        response_bytes_max: usize,
    ) -> Self {
        Self {
            headers,
            credentials,
            fetch,
            response_bytes_max,
            open: RefCell::default(),
        }
    }

    /// Sends a request. Its answer is fed to the driver, until it is aborted.
    pub(crate) fn start(
        &self,
        driver: &Weak<Driver>,
        attempt: AttemptId,
        request: HttpRequest,
        body: Body,
    ) {
        self.begin(driver, attempt, body);
        let refresh = request.refresh_headers;
        let driver = Weak::clone(driver);
        let send: HeaderAnswer = Box::new(move |headers| {
            if let Some(driver) = driver.upgrade() {
                driver.http.send(&driver, attempt, &request, headers);
            }
        });
        self.make_headers(refresh, send);
    }

    /// The same with headers that are made already, for a stream.
    pub(crate) fn start_with(
        &self,
        driver: &Rc<Driver>,
        attempt: AttemptId,
        request: HttpRequest,
        headers: Vec<(String, String)>,
    ) {
        self.begin(&Rc::downgrade(driver), attempt, Body::Streamed);
        self.send(driver, attempt, &request, Ok(headers));
    }

    /// Asks the application for its headers.
    pub(crate) fn make_headers(&self, refresh: bool, answer: HeaderAnswer) {
        match &self.headers {
            Some(provider) => provider(refresh, answer),
            None => answer(Ok(Vec::new())),
        }
    }

    fn begin(&self, driver: &Weak<Driver>, attempt: AttemptId, body: Body) {
        let settled = Settled::new({
            let driver = Weak::clone(driver);
            move |result| {
                if let Some(driver) = driver.upgrade() {
                    driver.http.settled(&driver, attempt, result);
                }
            }
        });
        // Whatever has `fetch` has this.
        let controller =
            AbortController::new().unwrap_or_else(|thrown| wasm_bindgen::throw_val(thrown));
        self.open.borrow_mut().push(Exchange {
            attempt,
            controller,
            settled,
            reader: None,
            answer: (body == Body::Whole).then(Answer::default),
        });
    }

    /// Drops a request; nothing more is fed for it.
    pub(crate) fn abort(&self, attempt: AttemptId) {
        if let Some(exchange) = self.close(attempt) {
            exchange.abort();
        }
    }

    pub(crate) fn abort_all(&self) {
        let open = std::mem::take(&mut *self.open.borrow_mut());
        for exchange in open {
            exchange.abort();
        }
    }

    fn close(&self, attempt: AttemptId) -> Option<Exchange> {
        let mut open = self.open.borrow_mut();
        let at = open
            .iter()
            .position(|exchange| exchange.attempt == attempt)?;
        Some(open.swap_remove(at))
    }

    /// An exchange; `None` where nobody waits for it any more. Foreign code must not run before it is given back.
    fn find(&self, attempt: AttemptId) -> Option<RefMut<'_, Exchange>> {
        let is = |exchange: &&mut Exchange| exchange.attempt == attempt;
        RefMut::filter_map(self.open.borrow_mut(), |open| open.iter_mut().find(is)).ok()
    }

    fn send(
        &self,
        driver: &Driver,
        attempt: AttemptId,
        request: &HttpRequest,
        headers: Result<Vec<(String, String)>, String>,
    ) {
        let Some(open) = self.find(attempt) else {
            return;
        };
        let (signal, settled) = (open.controller.signal(), open.settled.clone());
        drop(open);
        let promise = headers
            .map_err(|message| TransportError::Headers { message })
            .and_then(|headers| self.fetch(request, headers, &signal));
        match promise {
            Ok(promise) => settled.watch(&promise),
            Err(error) => self.fail(driver, attempt, error),
        }
    }

    /// A page's own wrapper of `fetch` may throw, or answer with anything.
    fn fetch(
        &self,
        request: &HttpRequest,
        headers: Vec<(String, String)>,
        signal: &AbortSignal,
    ) -> Result<JsValue, TransportError> {
        let scope = scope();
        let url = JsValue::from(&request.url);
        let init = init_of(request, headers, self.credentials, signal)?;
        let sent = match &self.fetch {
            Some(own) => own.call2(&scope, &url, &init),
            None => {
                let init: &RequestInit = init.unchecked_ref();
                // Its words repeat the URL, which may have a password in it.
                let made = Request::new_with_str_and_init(&request.url, init)
                    .map_err(|_| invalid("the server URL is not one that can be asked"))?;
                let fetch = Reflect::get(&scope, &"fetch".into());
                fetch.and_then(|fetch| fetch.dyn_into::<Function>()?.call1(&scope, &made))
            }
        };
        sent.map_err(|thrown| network(&thrown))
    }

    fn fail(&self, driver: &Driver, attempt: AttemptId, error: TransportError) {
        if let Some(exchange) = self.close(attempt) {
            // What is still to come of it is not wanted.
            exchange.abort();
            driver.feed_from_network(Input::RequestFailed { attempt, error });
        }
    }

    /// Handles the answer of `fetch`, or a piece of the body.
    fn settled(&self, driver: &Driver, attempt: AttemptId, result: Result<JsValue, JsValue>) {
        let Some(open) = self.find(attempt) else {
            return;
        };
        let is_body = open.reader.is_some();
        drop(open);
        let read = match result {
            Err(thrown) => Err(network(&thrown)),
            Ok(piece) if is_body => self.piece(driver, attempt, &piece),
            Ok(response) => self.arrived(driver, attempt, response),
        };
        if let Err(error) = read {
            self.fail(driver, attempt, error);
        }
    }

    fn arrived(
        &self,
        driver: &Driver,
        attempt: AttemptId,
        response: JsValue,
    ) -> Result<(), TransportError> {
        // Not by its class: a test's window and Node.js each have a `Response` of their own.
        let status = Reflect::get(&response, &"status".into()).ok();
        let Some(status) = status.and_then(|status| status.as_f64()) else {
            return Err(broken("fetch gave no Response"));
        };
        let response: Response = response.unchecked_into();
        let kind = field(response.as_ref(), "type")?;
        if is_redirect(status as u16) || kind == "opaqueredirect" {
            let to = response.headers().get("location").ok().flatten();
            return Err(TransportError::Redirected {
                to: to.unwrap_or_default(),
            });
        }
        let (status, headers) = (status as u16, readable_headers(&response));
        let streamed = self
            .find(attempt)
            .and_then(|mut open| match &mut open.answer {
                Some(answer) => {
                    answer.status = status;
                    answer.headers = headers;
                    None
                }
                None => Some(headers),
            });
        if let Some(headers) = streamed {
            driver.feed_from_network(Input::HeadersArrived {
                attempt,
                status,
                headers,
            });
        }
        let Some(body) = response.body() else {
            self.finish(driver, attempt);
            return Ok(());
        };
        let body: ReadableBody = body.unchecked_into();
        let reader = body.get_reader().map_err(|thrown| network(&thrown))?;
        match self.find(attempt) {
            Some(mut open) => open.reader = Some(reader),
            // It was aborted meanwhile, which is what its body then fails with.
            None => when_settled(reader.cancel(), Box::new(|_| ())),
        }
        self.read_on(attempt)
    }

    fn piece(
        &self,
        driver: &Driver,
        attempt: AttemptId,
        piece: &JsValue,
    ) -> Result<(), TransportError> {
        if field(piece, "done")?.is_truthy() {
            self.finish(driver, attempt);
            return Ok(());
        }
        self.take_in(driver, attempt, &field(piece, "value")?)?;
        self.read_on(attempt)
    }

    fn take_in(
        &self,
        driver: &Driver,
        attempt: AttemptId,
        value: &JsValue,
    ) -> Result<(), TransportError> {
        let Some(mut open) = self.find(attempt) else {
            return Ok(());
        };
        match (&mut open.answer, array_of(value)) {
            (Some(answer), Some(bytes)) => {
                let (before, more) = (answer.body.len(), bytes.length() as usize);
                if before + more > self.response_bytes_max {
                    return Err(too_large(self.response_bytes_max));
                }
                answer.body.resize(before + more, 0);
                bytes.copy_to(&mut answer.body[before..]);
            }
            (Some(_), None) => return Err(broken("the body is not bytes")),
            (None, Some(bytes)) => {
                drop(open);
                self.feed_bytes(driver, attempt, &bytes);
            }
            (None, None) => {
                drop(open);
                let event = event_of(value);
                let event = event.ok_or_else(|| broken("the body is not bytes or events"))?;
                driver.feed_from_network(Input::EventArrived { attempt, event });
            }
        }
        Ok(())
    }

    /// Feeds a piece of a streamed body bit by bit. The browser may give megabytes at once, and memory that wasm has taken is never
    /// given back.
    fn feed_bytes(&self, driver: &Driver, attempt: AttemptId, piece: &Uint8Array) {
        let mut from = 0;
        while from < piece.length() && self.find(attempt).is_some() {
            let to = piece.length().min(from + SLICE_BYTES);
            let bytes = piece.subarray(from, to).to_vec();
            driver.feed_from_network(Input::ChunkArrived { attempt, bytes });
            from = to;
        }
    }

    fn read_on(&self, attempt: AttemptId) -> Result<(), TransportError> {
        let Some(open) = self.find(attempt) else {
            return Ok(());
        };
        let (reader, settled) = (open.reader.clone(), open.settled.clone());
        drop(open);
        if let Some(reader) = reader {
            settled.watch(&reader.read().map_err(|thrown| network(&thrown))?);
        }
        Ok(())
    }

    fn finish(&self, driver: &Driver, attempt: AttemptId) {
        let Some(exchange) = self.close(attempt) else {
            return;
        };
        driver.feed_from_network(match exchange.answer {
            Some(answer) => Input::ResponseArrived {
                attempt,
                status: answer.status,
                headers: answer.headers,
                body: answer.body,
            },
            None => Input::BodyEnded { attempt },
        });
    }
}

impl Exchange {
    fn abort(self) {
        self.controller.abort();
        // A body that a service worker or a wrapped `fetch` made does not know the signal.
        if let Some(Ok(cancelled)) = self.reader.map(|reader| reader.cancel()) {
            self.settled.watch(&cancelled);
        }
    }
}

/// The options of `fetch`, besides the URL.
fn init_of(
    request: &HttpRequest,
    headers: Vec<(String, String)>,
    credentials: Credentials,
    signal: &AbortSignal,
) -> Result<Object, TransportError> {
    let (init, sent) = (Object::new(), Object::new());
    // A new object can be written to.
    let set = |object: &Object, name: &str, value: &JsValue| {
        drop(Reflect::set(object, &name.into(), value));
    };
    let option = |name: &str, value: &JsValue| set(&init, name, value);
    option("method", &request.method.as_str().into());
    option("signal", signal);
    option("cache", &"no-store".into());
    option("credentials", &credentials.as_str().into());
    // A followed redirect would send the headers to wherever it leads.
    option("redirect", &"manual".into());
    option("headers", &sent);
    if let Some(body) = &request.body {
        option("body", &body.text().into());
        set(&sent, "content-type", &"application/json".into());
    }
    // The protocol's own last, so that the application cannot break it by accident.
    let own = headers.iter().map(|(name, value)| (name.as_str(), value));
    let protocol = request.headers.iter().map(|(name, value)| (*name, value));
    for (name, value) in own.chain(protocol) {
        let name = name.to_ascii_lowercase();
        if !is_sendable(&name, value) {
            // Without the value, which may be a secret.
            let words = [
                "the header \"",
                &name,
                "\" has characters that no header may have",
            ];
            return Err(invalid(&words.concat()));
        }
        set(&sent, &name, &value.into());
    }
    Ok(init)
}

/// Whether a header can be sent: its name is a token, its value is of bytes and of one line.
fn is_sendable(name: &str, value: &str) -> bool {
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let byte = |c: char| c <= '\u{ff}' && !matches!(c, '\0' | '\r' | '\n');
    !name.is_empty() && name.chars().all(token) && value.chars().all(byte)
}

/// Whether the answer says to ask elsewhere.
fn is_redirect(status: u16) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308)
}

/// Bytes, also those that another realm's `Uint8Array` holds.
pub(crate) fn bytes_of(value: &JsValue) -> Option<Vec<u8>> {
    array_of(value).map(|bytes| bytes.to_vec())
}

/// The same, where they are.
fn array_of(value: &JsValue) -> Option<Uint8Array> {
    if let Some(bytes) = value.dyn_ref::<Uint8Array>() {
        return Some(bytes.clone());
    }
    let length = Reflect::get(value, &"byteLength".into()).ok()?;
    length.as_f64()?;
    Some(Uint8Array::new(value))
}

/// An event that the application's `fetch` has read itself: `{event, data, id?}`, its data JSON text. `null` for one that is
/// not for the client.
fn event_of(value: &JsValue) -> Option<Option<Frame>> {
    if value.is_null() {
        return Some(None);
    }
    let text = |name: &str| Reflect::get(value, &name.into()).ok()?.as_string();
    Some(Some(Frame {
        event: text("event"),
        data: text("data")?,
        id: text("id"),
        retry_ms: None,
    }))
}

/// Headers that the client reads. A header that CORS does not expose looks absent.
const READABLE: [&str; 4] = [
    "content-type",
    "content-location",
    "location",
    "retry-after",
];

fn readable_headers(response: &Response) -> Vec<(String, String)> {
    let headers = response.headers();
    let read = |name: &str| Some((name.to_owned(), headers.get(name).ok().flatten()?));
    READABLE.into_iter().filter_map(read).collect()
}

fn field(object: &JsValue, name: &str) -> Result<JsValue, TransportError> {
    Reflect::get(object, &name.into()).map_err(|thrown| network(&thrown))
}

/// The error that `fetch` has thrown. An application's own `fetch` may name its refusal by a `code`.
fn network(thrown: &JsValue) -> TransportError {
    let text = |name: &str| Reflect::get(thrown, &name.into()).ok()?.as_string();
    match text("code").as_deref() {
        Some("invalid_request") => TransportError::InvalidRequest {
            message: thrown_words(thrown),
        },
        Some("redirected") => TransportError::Redirected {
            to: text("detail").unwrap_or_default(),
        },
        _ => TransportError::Network {
            message: thrown_words(thrown),
        },
    }
}

fn broken(words: &str) -> TransportError {
    TransportError::Network {
        message: words.to_owned(),
    }
}

fn invalid(words: &str) -> TransportError {
    TransportError::InvalidRequest {
        message: words.to_owned(),
    }
}

fn too_large(bytes_max: usize) -> TransportError {
    TransportError::TooLarge {
        message: [
            "the answer is larger than ",
            &digits(bytes_max as u64),
            " bytes",
        ]
        .concat(),
    }
}
