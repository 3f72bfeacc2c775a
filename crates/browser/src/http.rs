//! Requests and their bodies.

use crate::{driver::Driver, scope, thrown_words};
use js_sys::{Function, Reflect, Uint8Array};
use rejoin_core::{AttemptId, HttpRequest, Input, TransportError};
use std::{
    cell::RefCell,
    future::Future,
    pin::Pin,
    rc::{Rc, Weak},
};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{
    AbortController, AbortSignal, ReadableStreamDefaultReader, Request, RequestCache,
    RequestCredentials, RequestInit, Response,
};

/// Makes the application's headers. Called for each request, so that a token can be renewed; `true` says that the
/// headers it made last were refused (401 or 403). Its error is shown, never its headers.
pub type HeaderProvider = Rc<dyn Fn(bool) -> HeaderFuture>;

/// Names and values, or why there are none.
pub type HeaderFuture = Pin<Box<dyn Future<Output = Result<Vec<(String, String)>, String>>>>;

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

/// What requests have in common.
pub(crate) struct Http {
    pub(crate) headers: Option<HeaderProvider>,
    pub(crate) credentials: Credentials,
    pub(crate) response_bytes_max: usize,
    fetch: Option<Function>,
    open: RefCell<Vec<Exchange>>,
}

/// One request under way.
struct Exchange {
    attempt: AttemptId,
    controller: AbortController,
    reader: Option<ReadableStreamDefaultReader>,
}

/// What becomes of a body.
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

    /// Sends a request. What comes of it is fed to the driver, until it is aborted.
    pub(crate) fn start(
        &self,
        driver: Weak<Driver>,
        attempt: AttemptId,
        request: HttpRequest,
        body: Body,
    ) {
        let controller = match AbortController::new() {
            Ok(controller) => controller,
            Err(thrown) => {
                let error = invalid(&thrown);
                return if let Some(driver) = driver.upgrade() {
                    driver.feed(Input::RequestFailed { attempt, error });
                };
            }
        };
        let signal = controller.signal();
        self.open.borrow_mut().push(Exchange {
            attempt,
            controller,
            reader: None,
        });
        let task = Task {
            driver,
            attempt,
            body,
        };
        spawn_local(async move {
            let last = match task.run(request, &signal).await {
                Ok(input) => input,
                Err(Stopped::Abandoned) => return,
                Err(Stopped::Failed(error)) => Input::RequestFailed { attempt, error },
            };
            if let Some(driver) = task.driver.upgrade()
                && driver.http.close(attempt).is_some()
            {
                driver.feed(last);
            }
        });
    }

    /// Drops a request; nothing more is fed for it.
    pub(crate) fn abort(&self, attempt: AttemptId) {
        if let Some(exchange) = self.close(attempt) {
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

    pub(crate) fn abort_all(&self) {
        let open = std::mem::take(&mut *self.open.borrow_mut());
        for exchange in open {
            exchange.abort();
        }
    }

    fn is_open(&self, attempt: AttemptId) -> bool {
        let open = self.open.borrow();
        open.iter().any(|exchange| exchange.attempt == attempt)
    }
}

impl Exchange {
    fn abort(self) {
        self.controller.abort();
        // A body that a service worker or a wrapped `fetch` made does not know the signal.
        if let Some(reader) = self.reader {
            let cancelled = reader.cancel();
            spawn_local(async move { drop(JsFuture::from(cancelled).await) });
        }
    }
}

struct Task {
    driver: Weak<Driver>,
    attempt: AttemptId,
    body: Body,
}

enum Stopped {
    /// Nobody waits for it any more.
    Abandoned,
    Failed(TransportError),
}

impl From<TransportError> for Stopped {
    fn from(error: TransportError) -> Self {
        Self::Failed(error)
    }
}

impl Task {
    /// The driver, while it still wants this. Not to be held while waiting: it would keep the driver alive.
    fn driver(&self) -> Result<Rc<Driver>, Stopped> {
        let driver = self
            .driver
            .upgrade()
            .filter(|driver| driver.http.is_open(self.attempt));
        driver.ok_or(Stopped::Abandoned)
    }

    async fn run(&self, request: HttpRequest, signal: &AbortSignal) -> Result<Input, Stopped> {
        let provider = self.driver()?.http.headers.clone();
        let headers = match provider {
            Some(provider) => provider(request.refresh_headers)
                .await
                .map_err(|message| TransportError::Headers { message })?,
            None => Vec::new(),
        };
        let (credentials, own_fetch) = {
            let driver = self.driver()?;
            (driver.http.credentials, driver.http.fetch.clone())
        };
        let request = js_request(&request, &headers, credentials, signal)?;
        let response = fetch(own_fetch, &request).await?;
        let attempt = self.attempt;
        let (status, headers) = (response.status(), readable_headers(&response));
        match self.body {
            Body::Streamed => {
                self.driver()?.feed(Input::HeadersArrived {
                    attempt,
                    status,
                    headers,
                });
                self.read(&response, |driver, bytes| {
                    driver.feed(Input::ChunkArrived { attempt, bytes });
                    Ok(())
                })
                .await?;
                Ok(Input::BodyEnded { attempt })
            }
            Body::Whole => {
                let mut body = Vec::new();
                self.read(&response, |driver, mut bytes| {
                    let bytes_max = driver.http.response_bytes_max;
                    body.append(&mut bytes);
                    if body.len() <= bytes_max {
                        Ok(())
                    } else {
                        Err(too_large(bytes_max))
                    }
                })
                .await?;
                Ok(Input::ResponseArrived {
                    attempt,
                    status,
                    headers,
                    body,
                })
            }
        }
    }

    async fn read(
        &self,
        response: &Response,
        mut take: impl FnMut(&Driver, Vec<u8>) -> Result<(), TransportError>,
    ) -> Result<(), Stopped> {
        let Some(body) = response.body() else {
            return Ok(());
        };
        // Throws where someone else reads the body already.
        let get_reader: Function = Reflect::get(&body, &"getReader".into())
            .and_then(JsCast::dyn_into)
            .map_err(|thrown| network(&thrown))?;
        let reader = get_reader.call0(&body).map_err(|thrown| network(&thrown))?;
        let reader: ReadableStreamDefaultReader = reader.unchecked_into();
        for exchange in &mut *self.driver()?.http.open.borrow_mut() {
            if exchange.attempt == self.attempt {
                exchange.reader = Some(reader.clone());
            }
        }
        loop {
            let step = JsFuture::from(reader.read())
                .await
                .map_err(|thrown| network(&thrown))?;
            if field(&step, "done")?.is_truthy() {
                return Ok(());
            }
            let value = field(&step, "value")?;
            let bytes = bytes_of(value).ok_or_else(not_bytes)?;
            let driver = self.driver()?;
            if !bytes.is_empty()
                && let Err(error) = take(&driver, bytes)
            {
                // What is still to come of it is not wanted.
                driver.http.abort(self.attempt);
                driver.feed(Input::RequestFailed {
                    attempt: self.attempt,
                    error,
                });
                return Err(Stopped::Abandoned);
            }
        }
    }
}

fn js_request(
    request: &HttpRequest,
    headers: &[(String, String)],
    credentials: Credentials,
    signal: &AbortSignal,
) -> Result<Request, TransportError> {
    let init = RequestInit::new();
    init.set_method(request.method.as_str());
    init.set_signal(Some(signal));
    init.set_cache(RequestCache::NoStore);
    init.set_credentials(match credentials {
        Credentials::Omit => RequestCredentials::Omit,
        Credentials::SameOrigin => RequestCredentials::SameOrigin,
        Credentials::Include => RequestCredentials::Include,
    });
    if let Some(body) = &request.body {
        init.set_body(&body.text().into());
    }
    let js =
        Request::new_with_str_and_init(&request.url, &init).map_err(|thrown| invalid(&thrown))?;
    let js_headers = js.headers();
    let set = |name: &str, value: &str| {
        js_headers
            .set(name, value)
            .map_err(|thrown| invalid(&thrown))
    };
    if request.body.is_some() {
        set("content-type", "application/json")?;
    }
    for (name, value) in headers {
        set(name, value)?;
    }
    // Last, so that the application cannot break the protocol by accident.
    for (name, value) in &request.headers {
        set(name, value)?;
    }
    Ok(js)
}

async fn fetch(own: Option<Function>, request: &Request) -> Result<Response, TransportError> {
    // Through `Reflect`: a page's own wrapper of `fetch` may throw, or answer with anything.
    let scope = scope();
    let fetch: Function = match own {
        Some(own) => own,
        None => Reflect::get(&scope, &"fetch".into())
            .and_then(JsCast::dyn_into)
            .map_err(|thrown| network(&thrown))?,
    };
    let promise = fetch
        .call1(&scope, request)
        .map_err(|thrown| network(&thrown))?;
    let response = JsFuture::from(js_sys::Promise::resolve(&promise))
        .await
        .map_err(|thrown| network(&thrown))?;
    // Not by its class: a test's window and Node.js each have a `Response` of their own.
    match Reflect::get(&response, &"status".into()) {
        Ok(status) if status.as_f64().is_some() => Ok(response.unchecked_into()),
        Ok(_) | Err(_) => Err(TransportError::Network {
            message: "fetch gave no Response".to_owned(),
        }),
    }
}

/// Bytes, also those that another realm's `Uint8Array` holds.
fn bytes_of(value: JsValue) -> Option<Vec<u8>> {
    let length = Reflect::get(&value, &"byteLength".into()).ok()?;
    length.as_f64()?;
    let bytes = value
        .dyn_into()
        .unwrap_or_else(|other| Uint8Array::new(&other));
    Some(bytes.to_vec())
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

fn network(thrown: &JsValue) -> TransportError {
    TransportError::Network {
        message: thrown_words(thrown),
    }
}

fn invalid(thrown: &JsValue) -> TransportError {
    TransportError::InvalidRequest {
        message: thrown_words(thrown),
    }
}

fn not_bytes() -> TransportError {
    TransportError::Network {
        message: "the body is not bytes".to_owned(),
    }
}

fn too_large(bytes_max: usize) -> TransportError {
    TransportError::Network {
        message: format!("the answer is larger than {bytes_max} bytes"),
    }
}
