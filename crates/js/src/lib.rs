//! The edge between Rejoin and JavaScript: one class, [`Engine`], with plain data on both sides.
//!
//! What the reader sees leaves as changes, once per frame, to the functions of one host object; JSON that nobody here has
//! to read crosses as its text, once. The contract is `www/package/src/engine.ts`; `cargo xtask package` checks that the types
//! generated from here are the same.
//!
//! Nothing is borrowed while a function of the host runs, so any of them may call any method.

mod frame;
mod host;
mod options;
mod status;
mod submission;
mod text;

use frame::Sent;
use host::{Host, Teller};
use rejoin_browser::{Stream, Subscription};
use rejoin_core::{CommandId, Input, wire::ThreadId};
use std::{cell::RefCell, rc::Rc};
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

/// One client of one thread at a time.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Engine {
    stream: Stream,
    teller: Rc<Teller>,
    // Dropped with the engine; each holds a callback.
    _subscriptions: [Subscription; 2],
}

#[wasm_bindgen]
impl Engine {
    /// Makes a client on a new thread. It asks the server for nothing yet.
    ///
    /// # Errors
    /// An `Error` whose `code` is `invalid_option`, naming the option.
    #[wasm_bindgen(constructor)]
    pub fn new(options: options::EngineOptions, host: Host) -> Result<Engine, JsValue> {
        let host = Rc::new(host);
        let options = options::read(&options, &host)?;
        let stream = Stream::new(options);
        let teller = Rc::new(Teller::new(host));
        let frames = stream.subscribe({
            let (stream, teller) = (stream.downgrade(), Rc::clone(&teller));
            let sent = RefCell::new(Sent::default());
            move || {
                if let Some(stream) = stream.upgrade() {
                    frame::show(&stream, &sent, &teller);
                }
            }
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

    /// Enters a thread, or without an id a new one.
    #[wasm_bindgen(js_name = switchThread)]
    pub fn switch_thread(&self, thread_id: Option<String>) {
        self.stream.switch_thread(thread_id.map(ThreadId::from));
    }

    /// Runs the assistant. `command` comes back with the outcome.
    ///
    /// # Errors
    /// An `Error` whose `code` is `invalid_option`, where the submission is not a JSON object of known fields.
    pub fn submit(&self, command: u32, submission: String) -> Result<(), JsValue> {
        let submission = Box::new(submission::read_submission(submission)?);
        let command = CommandId(command.into());
        self.stream.send(Input::SubmitRequested {
            command,
            submission,
        });
        Ok(())
    }

    /// Joins a run by hand.
    ///
    /// # Errors
    /// As for `submit`.
    pub fn join(&self, command: u32, options: String) -> Result<(), JsValue> {
        let run_id = submission::read_join(options)?;
        let command = CommandId(command.into());
        self.stream.send(Input::JoinRequested { command, run_id });
        Ok(())
    }

    /// Disconnects. The agent goes on; everything received stays.
    pub fn stop(&self) {
        self.stream.stop();
    }

    /// Stops the agent on the server.
    pub fn cancel(&self) {
        self.stream.cancel();
    }

    /// Names the events that `event` of the host is called with.
    pub fn listen(&self, events: Vec<String>) {
        self.teller.listen(events);
    }

    /// The graph's values: JSON.
    pub fn values(&self) -> String {
        self.stream.with_view(|view| view.values().text().to_owned())
    }

    /// What the agent asks: a JSON array.
    pub fn interrupts(&self) -> String {
        self.stream.with_view(|view| text::interrupts(view.interrupts()))
    }

    /// Drops every request, timer and listener; the run goes on. Nothing is told afterwards.
    pub fn dispose(&self) {
        self.stream.dispose();
    }
}
