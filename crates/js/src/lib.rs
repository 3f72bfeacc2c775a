//! The edge between Rejoin and JavaScript: one class, [`Engine`], with plain data on both sides.
//!
//! The view leaves as changes, once per frame, to the functions of one host object. JSON that no code here reads crosses as
//! its text, once. The contract is `www/package/src/engine.ts`; `cargo xtask package` checks that the types generated from
//! here are the same.
//!
//! Nothing is borrowed while a function of the host runs, so any of them may call any method.

mod changes;
mod extras;
mod fields;
mod host;
mod json;
mod notice;
mod options;
mod request;
mod storage;

use changes::Sent;
use extras::{EXTRAS, Extras};
use host::Host;
use rejoin_browser::{Stream, Subscription, WeakStream};
use rejoin_core::{CommandId, Input, Notice, wire::MessageId};
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

/// Smaller to download than std's, and as quick for what little is allocated here.
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();

/// One client of one thread at a time.
#[wasm_bindgen]
pub struct Engine {
    stream: Stream,
    teller: Rc<Teller>,
    // Dropped with the engine; each holds a callback.
    _subscriptions: [Subscription; 2],
}

#[wasm_bindgen]
impl Engine {
    /// Makes a client on a new thread. It asks the server for nothing yet. `options`: JSON.
    ///
    /// # Errors
    /// An `Error` whose `code` is `invalid_option`, naming the option.
    #[wasm_bindgen(constructor)]
    pub fn new(options: String, host: Host) -> Result<Engine, JsValue> {
        let host = Rc::new(host);
        let options = options::read(&options, &host)?;
        let stream = Stream::without_extras(options);
        stream.send(Input::EventsListened { names: Vec::new() });
        let teller = Rc::new(Teller {
            stream: stream.downgrade(),
            sent: RefCell::default(),
            extras: Cell::new(None),
            host,
        });
        let frames = stream.subscribe({
            let teller = Rc::clone(&teller);
            move || teller.frame()
        });
        let notices = stream.on_notice({
            let teller = Rc::clone(&teller);
            move |notice| teller.notice(notice)
        });
        Ok(Self {
            stream,
            teller,
            _subscriptions: [frames, notices],
        })
    }

    /// Lets the engine do what [`EXTRAS`] brings, from now on. All that only this reaches is in the second module.
    ///
    /// `share`: which tabs share the connections that are opened from now on: `same-headers`, or `as ` and who the user is. Else none.
    /// `cache`: the contract's `EngineCaching` as JSON, where threads' last states are to be saved; absent: as it was.
    ///
    /// # Errors
    /// An `Error` whose `code` is `invalid_option`, naming what is wrong in `cache`.
    pub fn extend(&self, share: Option<String>, cache: Option<String>) -> Result<(), JsValue> {
        self.teller.extras.set(Some(&EXTRAS));
        self.stream.send(Input::ExtrasCame {
            extras: &rejoin_core::EXTRAS,
        });
        let share = share.and_then(extras::share_connections);
        self.stream.share_connections(share);
        if let Some(json) = cache {
            self.stream.keep_states(request::cache(&json)?);
        }
        Ok(())
    }

    /// Asks for one of the contract's `EngineRequests`, with its JSON. `command` comes back with the outcome; 0: nobody waits.
    ///
    /// # Errors
    /// An `Error` whose `code` is `invalid_option`, naming what is wrong.
    pub fn send(
        &self,
        #[wasm_bindgen(unchecked_param_type = "keyof EngineRequests")] request: String,
        json: String,
        command: u32,
    ) -> Result<(), JsValue> {
        let command = CommandId(command.into());
        let extras = self.teller.extras.get();
        self.stream
            .send(request::read(&request, &json, command, extras)?);
        Ok(())
    }

    /// A part of what is shown, by its bit: JSON. Empty where there is none.
    pub fn read(&self, part: u32) -> String {
        let extras = self.teller.extras.get();
        self.stream.with_view(|view| json::read(view, part, extras))
    }

    /// A message's place in the history, and the metadata of its chunks: JSON. Empty for an unknown message.
    #[wasm_bindgen(js_name = messageMetadata)]
    pub fn message_metadata(&self, id: String) -> String {
        let id = MessageId::from(id);
        let extras = self.teller.extras.get();
        self.stream
            .with_view(|view| json::message_metadata(view, &id, extras))
    }

    /// Drops every request, timer and listener; the run goes on. Nothing is told afterwards.
    pub fn dispose(&self) {
        self.stream.dispose();
    }
}

/// Tells the host what happens.
struct Teller {
    stream: WeakStream,
    sent: RefCell<Sent>,
    extras: Cell<Option<&'static Extras>>,
    host: Rc<Host>,
}

impl Teller {
    #[inline(never)]
    fn frame(&self) {
        if let Some(stream) = self.stream.upgrade() {
            changes::show(&stream, &self.sent, self.extras.get(), &self.host);
        }
    }

    fn notice(&self, notice: &Notice) {
        // Who hears that something is over must find what it left.
        if matches!(notice, Notice::Ended { .. } | Notice::Concluded { .. }) {
            self.frame();
        }
        notice::tell(&self.host, notice);
    }
}
