//! A server that the test plays itself, behind a stand-in for `fetch`.

use js_sys::{Array, Function, Object, Promise, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

pub(crate) struct FakeServer {
    fake: JsValue,
}

impl FakeServer {
    pub(crate) fn install() -> Self {
        Self {
            fake: eval(include_str!("fake_server.js")),
        }
    }

    /// Answers every request whose line (`GET /threads/..`) contains `matching`, from now on.
    pub(crate) fn answer(&self, matching: &str, status: u16, body: &str) {
        let answer = object(&[
            ("match", matching.into()),
            ("status", status.into()),
            ("body", body.into()),
        ]);
        get(&self.fake, "answers")
            .unchecked_into::<Array>()
            .push(&answer);
    }

    /// The next calls throw these instead of giving a promise.
    pub(crate) fn throw(&self, values: &[JsValue]) {
        let thrown: Array = values
            .iter()
            .map(|value| object(&[("value", value.clone())]))
            .collect();
        set(&self.fake, "throwing", &thrown);
    }

    /// Waits for the next request that nobody has taken whose line contains `matching`.
    pub(crate) async fn request(&self, matching: &str) -> Call {
        for _ in 0..WAITS_MAX {
            if let Some(call) = self.request_now(matching) {
                return call;
            }
            sleep(5).await;
        }
        panic!("no request {matching}; there were: {:?}", self.lines());
    }

    pub(crate) fn request_now(&self, matching: &str) -> Option<Call> {
        let call = call(&self.fake, "take", &[matching.into()]);
        (!call.is_undefined()).then_some(Call { call })
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        let calls: Array = get(&self.fake, "calls").unchecked_into();
        calls
            .iter()
            .map(|call| string(&get(&call, "line")))
            .collect()
    }
}

impl Drop for FakeServer {
    fn drop(&mut self) {
        call(&self.fake, "restore", &[]);
    }
}

/// One request.
pub(crate) struct Call {
    call: JsValue,
}

impl Call {
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        get(&get(&self.call, "headers"), name).as_string()
    }

    pub(crate) fn property(&self, name: &str) -> JsValue {
        get(&self.call, name)
    }

    pub(crate) fn is_aborted(&self) -> bool {
        get(&self.call, "aborted").is_truthy()
    }

    pub(crate) async fn body(&self) -> serde_json::Value {
        for _ in 0..WAITS_MAX {
            if let Some(text) = get(&self.call, "text").as_string() {
                return serde_json::from_str(&text).expect("a JSON body");
            }
            sleep(5).await;
        }
        panic!("no body");
    }

    /// Answers 200 with an event stream that is open.
    pub(crate) fn open(&self) {
        self.open_as(200, &[("content-type", "text/event-stream")]);
    }

    pub(crate) fn open_as(&self, status: u16, headers: &[(&str, &str)]) {
        let headers: Vec<(&str, JsValue)> = headers
            .iter()
            .map(|(name, value)| (*name, (*value).into()))
            .collect();
        call(&self.call, "stream", &[status.into(), object(&headers)]);
    }

    pub(crate) fn send(&self, text: &str) {
        self.send_bytes(text.as_bytes());
    }

    pub(crate) fn send_bytes(&self, bytes: &[u8]) {
        self.send_value(&Uint8Array::from(bytes));
    }

    pub(crate) fn send_value(&self, value: &JsValue) {
        call(
            &get(&self.call, "body"),
            "enqueue",
            std::slice::from_ref(value),
        );
    }

    pub(crate) fn close(&self) {
        call(&get(&self.call, "body"), "close", &[]);
    }

    /// Breaks the connection; `why` is what reading it throws.
    pub(crate) fn cut(&self, why: &JsValue) {
        call(&get(&self.call, "body"), "error", std::slice::from_ref(why));
    }

    pub(crate) fn respond(&self, status: u16, body: &str) {
        self.open_as(status, &[("content-type", "application/json")]);
        self.send(body);
        self.close();
    }

    pub(crate) fn reject(&self, why: &JsValue) {
        call(&self.call, "reject", std::slice::from_ref(why));
    }

    /// Answers with anything at all.
    pub(crate) fn resolve(&self, with: &JsValue) {
        call(&self.call, "resolve", std::slice::from_ref(with));
    }
}

/// Times 5 ms: long enough for a busy machine, and only ever waited for by a test that fails.
const WAITS_MAX: u32 = 2_000;

pub(crate) async fn until(what: &str, condition: impl Fn() -> bool) {
    for _ in 0..WAITS_MAX {
        if condition() {
            return;
        }
        sleep(5).await;
    }
    panic!("did not come: {what}");
}

pub(crate) async fn sleep(ms: i32) {
    let promise = Promise::new(&mut |resolve, _| {
        let timer = web_sys::window()
            .expect("a window")
            .set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, ms);
        timer.expect("a timer");
    });
    JsFuture::from(promise).await.expect("timers do not fail");
}

/// After the next animation frame's callbacks.
pub(crate) async fn next_frame() {
    let promise = Promise::new(&mut |resolve, _| {
        web_sys::window()
            .expect("a window")
            .request_animation_frame(&resolve)
            .expect("a frame");
    });
    JsFuture::from(promise).await.expect("frames do not fail");
    sleep(0).await;
}

pub(crate) fn eval(source: &str) -> JsValue {
    js_sys::eval(source).expect("the test's own script")
}

pub(crate) fn string(value: &JsValue) -> String {
    value.as_string().expect("a string")
}

fn object(fields: &[(&str, JsValue)]) -> JsValue {
    let object = Object::new();
    for (name, value) in fields {
        set(&object, name, value);
    }
    object.into()
}

fn get(object: &JsValue, name: &str) -> JsValue {
    Reflect::get(object, &name.into()).expect("an object")
}

fn set(object: &JsValue, name: &str, value: &JsValue) {
    Reflect::set(object, &name.into(), value).expect("an object");
}

fn call(object: &JsValue, name: &str, arguments: &[JsValue]) -> JsValue {
    let function: Function = get(object, name).dyn_into().expect("a function");
    function
        .apply(object, &arguments.iter().collect::<Array>())
        .expect("the test's own function")
}
