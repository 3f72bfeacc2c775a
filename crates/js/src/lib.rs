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
mod storage;
mod submission;
mod text;

use frame::Sent;
use host::{Host, Teller};
use js_sys::Array;
use rejoin_browser::{Stream, Subscription};
use rejoin_core::{
    CommandId, Input, Notice,
    wire::{CheckpointId, Json, MessageId, ThreadId},
};
use std::{cell::RefCell, rc::Rc};
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

/// Smaller to download than std's, and as quick for what little is allocated here.
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();

/// One client of one thread at a time.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Engine {
    stream: Stream,
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
        stream.send(Input::EventsListened { names: Vec::new() });
        let teller = Rc::new(Teller { host });
        let sent = Rc::new(RefCell::new(Sent::default()));
        let show = {
            let (stream, teller) = (stream.downgrade(), Rc::clone(&teller));
            move || {
                if let Some(stream) = stream.upgrade() {
                    frame::show(&stream, &sent, &teller.host);
                }
            }
        };
        let show: Rc<dyn Fn()> = Rc::new(show);
        let frames = stream.subscribe({
            let show = Rc::clone(&show);
            move || show()
        });
        let notices = stream.on_notice(move |notice| {
            // Who hears that something is over must find what it left.
            if matches!(notice, Notice::Ended { .. } | Notice::Concluded { .. }) {
                show();
            }
            teller.notice(notice);
        });
        Ok(Self {
            stream,
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
        let submission = Box::new(submission::read_submission(&submission)?);
        let command = CommandId(command.into());
        self.stream.send(Input::SubmitRequested {
            command,
            submission,
        });
        Ok(())
    }

    /// Goes on from an earlier point of the thread. `edit`: a submission with `kind` and `message_id`.
    ///
    /// # Errors
    /// As for `submit`.
    pub fn edit(&self, command: u32, edit: String) -> Result<(), JsValue> {
        let edit = Box::new(submission::read_edit(&edit)?);
        let command = CommandId(command.into());
        self.stream.send(Input::EditRequested { command, edit });
        Ok(())
    }

    /// Answers `resolveCheckpoint` of the host. Neither: there is none.
    #[wasm_bindgen(js_name = resolveCheckpoint)]
    pub fn resolve_checkpoint(
        &self,
        command: u32,
        #[wasm_bindgen(js_name = checkpointId)] checkpoint_id: Option<String>,
        error: Option<String>,
    ) {
        let found = Ok(checkpoint_id.map(CheckpointId::from));
        self.stream.send(Input::CheckpointResolved {
            command: CommandId(command.into()),
            checkpoint: error.map_or(found, Err),
        });
    }

    /// Gives the result of a tool call that the page ran: JSON.
    ///
    /// # Errors
    /// As for `submit`.
    #[wasm_bindgen(js_name = addToolResult)]
    pub fn add_tool_result(&self, command: u32, result: String) -> Result<(), JsValue> {
        let result = Box::new(submission::read_tool_result(&result)?);
        let command = CommandId(command.into());
        self.stream.send(Input::ToolResultAdded { command, result });
        Ok(())
    }

    /// What can be edited, answered again and begun again: JSON.
    pub fn editable(&self) -> String {
        self.stream.with_view(text::editable)
    }

    /// Joins a run by hand. `options`: JSON `{run_id?, last_event_id?, stream_mode?}`.
    ///
    /// # Errors
    /// As for `submit`.
    pub fn join(&self, command: u32, options: String) -> Result<(), JsValue> {
        let (run_id, options) = submission::read_join(&options)?;
        let command = CommandId(command.into());
        self.stream.send(Input::JoinRequested {
            command,
            run_id,
            options,
        });
        Ok(())
    }

    /// Opens the session's feed. Again: another size of the pages.
    #[wasm_bindgen(js_name = openView)]
    pub fn open_view(&self, limit: u32) {
        let limit = limit as usize;
        self.stream.send(Input::ViewOpened { limit });
    }

    /// Closes the session's feed.
    #[wasm_bindgen(js_name = closeView)]
    pub fn close_view(&self) {
        self.stream.send(Input::ViewClosed);
    }

    /// Reads the session's page before the oldest message that is held.
    #[wasm_bindgen(js_name = loadOlder)]
    pub fn load_older(&self, command: u32) {
        let command = CommandId(command.into());
        self.stream.send(Input::OlderRequested { command });
    }

    /// Disconnects. The agent goes on; everything received stays.
    pub fn stop(&self) {
        self.stream.stop();
    }

    /// Stops the agent on the server.
    pub fn cancel(&self) {
        self.stream.cancel();
    }

    /// Shows another branch of the history; `""` is the newest.
    #[wasm_bindgen(js_name = setBranch)]
    pub fn set_branch(&self, branch: String) {
        self.stream.send(Input::BranchSelected { branch });
    }

    /// Lays a JSON object over the values' top level until the server's next values.
    ///
    /// # Errors
    /// As for `submit`, where it is not JSON.
    pub fn mutate(&self, values: String) -> Result<(), JsValue> {
        let values = json("values", values)?;
        self.stream.send(Input::ValuesMutated { values });
        Ok(())
    }

    /// Gives a history that somebody else has read: a JSON array of thread states, newest first.
    ///
    /// # Errors
    /// As for `submit`, where it is not JSON.
    #[wasm_bindgen(js_name = provideHistory)]
    pub fn provide_history(&self, states: String) -> Result<(), JsValue> {
        let states = json("states", states)?;
        self.stream.send(Input::HistoryProvided { states });
        Ok(())
    }

    /// Reads the thread's history again.
    #[wasm_bindgen(js_name = reloadHistory)]
    pub fn reload_history(&self) {
        self.stream.send(Input::HistoryRequested);
    }

    /// Sets what runs stream from now on.
    ///
    /// # Errors
    /// As for `submit`, where a mode is not known.
    #[wasm_bindgen(js_name = setStreamModes)]
    pub fn set_stream_modes(
        &self,
        #[wasm_bindgen(unchecked_param_type = "string[]")] modes: Array,
    ) -> Result<(), JsValue> {
        let names = options::texts(&modes);
        let names = names.ok_or_else(|| options::invalid("modes", options::MODES))?;
        let modes = options::stream_modes("modes", &names)?;
        self.stream.send(Input::StreamModesSet { modes });
        Ok(())
    }

    /// Names the events that `event` of the host is called with. Before the first time: none.
    pub fn listen(&self, #[wasm_bindgen(unchecked_param_type = "string[]")] events: Array) {
        let names = options::texts(&events).unwrap_or_default();
        self.stream.send(Input::EventsListened { names });
    }

    /// The graph's values: JSON.
    pub fn values(&self) -> String {
        self.stream
            .with_view(|view| view.values().text().to_owned())
    }

    /// What the agent asks: a JSON array.
    pub fn interrupts(&self) -> String {
        self.stream
            .with_view(|view| text::interrupts(view.interrupts()))
    }

    /// The thread state last read for the shown branch: JSON.
    pub fn head(&self) -> Option<String> {
        self.stream
            .with_view(|view| view.head().map(|head| head.text().to_owned()))
    }

    /// The thread's states as last read, newest first: a JSON array.
    pub fn history(&self) -> String {
        self.stream.with_view(|view| text::history(view.history()))
    }

    /// The history as a tree: JSON.
    #[wasm_bindgen(js_name = branchTree)]
    pub fn branch_tree(&self) -> String {
        self.stream.with_view(|view| view.branch_tree())
    }

    /// Where a message stands in the history, and what came beside its chunks: JSON. Nothing for an unknown message.
    #[wasm_bindgen(js_name = messageMetadata)]
    pub fn message_metadata(&self, id: String) -> Option<String> {
        let id = MessageId::from(id);
        self.stream
            .with_view(|view| text::message_metadata(view, &id))
    }

    /// Drops every request, timer and listener; the run goes on. Nothing is told afterwards.
    pub fn dispose(&self) {
        self.stream.dispose();
    }
}

fn json(name: &str, text: String) -> Result<Json, JsValue> {
    Json::parse(text).map_err(|_| options::invalid(name, "JSON"))
}
