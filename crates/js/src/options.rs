//! What an engine is made with, read field by field, so that what is wrong can be named.

use crate::{
    host::{self, Host},
    storage::storage,
};
use js_sys::{Array, Error, Reflect};
use rejoin_browser::{Credentials, StreamOptions};
use rejoin_core::{
    Checkpoints, Config, Endpoint, Millis,
    wire::{
        Json,
        request::{MultitaskStrategy, OnDisconnect, StreamMode},
    },
};
use std::{cell::Cell, rc::Rc};
use wasm_bindgen::{
    JsCast,
    prelude::{JsValue, wasm_bindgen},
};

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = "import type { EngineHost, EngineOptions } from \"../engine.js\";";

#[wasm_bindgen]
extern "C" {
    /// See `EngineOptions` of the contract.
    #[wasm_bindgen(typescript_type = "EngineOptions")]
    pub type EngineOptions;
}

/// An `Error` with the code `invalid_option`: `option` must be what `wanted` says.
pub(crate) fn invalid(option: &str, wanted: &str) -> JsValue {
    let error = Error::new(&["The option \"", option, "\" must be ", wanted, "."].concat());
    // A new error can be written to.
    drop(Reflect::set(
        &error,
        &"code".into(),
        &"invalid_option".into(),
    ));
    drop(Reflect::set(&error, &"option".into(), &option.into()));
    error.into()
}

/// An object's fields. The first that is wrong is remembered, and what is read goes on: asking after each would be
/// most of this code.
struct Fields<'a> {
    object: &'a JsValue,
    /// What leads to it.
    path: &'a str,
    wrong: &'a Cell<Option<JsValue>>,
}

impl Fields<'_> {
    /// `null` is as good as absent.
    fn get(&self, name: &str) -> Option<JsValue> {
        Reflect::get(self.object, &name.into())
            .ok()
            .filter(|value| !value.is_undefined() && !value.is_null())
    }

    fn wrong(&self, name: &str, wanted: &str) {
        let first = self.wrong.take();
        let first = first.unwrap_or_else(|| invalid(&[self.path, name].concat(), wanted));
        self.wrong.set(Some(first));
    }

    #[inline(never)]
    fn text(&self, name: &str) -> Option<String> {
        let text = self.get(name)?.as_string().filter(|text| !text.is_empty());
        if text.is_none() {
            self.wrong(name, "a text that is not empty");
        }
        text
    }

    fn required(&self, name: &str) -> String {
        let text = self.text(name);
        if text.is_none() {
            self.wrong(name, "given");
        }
        text.unwrap_or_default()
    }

    #[inline(never)]
    fn flag(&self, name: &str, into: &mut bool) {
        if let Some(value) = self.get(name) {
            match value.as_bool() {
                Some(flag) => *into = flag,
                None => self.wrong(name, "true or false"),
            }
        }
    }

    #[inline(never)]
    fn number(&self, name: &str) -> Option<u64> {
        let number = self.get(name)?.as_f64().filter(|number| *number >= 0.0);
        if number.is_none() {
            self.wrong(name, "a number of zero or more");
        }
        // Infinity is as long or as much as can be.
        number.map(|number| number as u64)
    }

    #[inline(never)]
    fn millis(&self, name: &str, into: &mut Millis) {
        if let Some(number) = self.number(name) {
            *into = Millis(number);
        }
    }

    #[inline(never)]
    fn bytes(&self, name: &str, into: &mut usize) {
        if let Some(number) = self.number(name) {
            *into = usize::try_from(number).unwrap_or(usize::MAX);
        }
    }

    #[inline(never)]
    fn count(&self, name: &str, into: &mut u32) {
        if let Some(number) = self.number(name) {
            *into = u32::try_from(number).unwrap_or(u32::MAX);
        }
    }

    fn word<T>(&self, name: &str, words: &str, read: fn(&str) -> Option<T>, into: &mut T) {
        if let Some(text) = self.text(name) {
            match read(&text) {
                Some(word) => *into = word,
                None => self.wrong(name, words),
            }
        }
    }

    fn modes(&self, name: &str, into: &mut Vec<StreamMode>) {
        let Some(value) = self.get(name) else {
            return;
        };
        match value
            .dyn_ref()
            .and_then(texts)
            .map(|texts| stream_modes(name, &texts))
        {
            Some(Ok(modes)) => *into = modes,
            Some(Err(_)) | None => self.wrong(name, MODES),
        }
    }

    /// The fields of an object among the fields.
    fn inner(&self, name: &str, path: &str, read: impl FnOnce(&Fields<'_>)) {
        match self.get(name) {
            Some(object) if object.is_object() => read(&Fields {
                object: &object,
                path,
                wrong: self.wrong,
            }),
            Some(_) => self.wrong(name, "an object"),
            None => {}
        }
    }
}

/// The words of [`OnDisconnect`], for who got them wrong.
pub(crate) const ON_DISCONNECT: &str = "continue or cancel";
/// The words of [`MultitaskStrategy`], for who got them wrong.
pub(crate) const STRATEGIES: &str = "reject, enqueue, interrupt or rollback";
/// The words of [`StreamMode`], for who got them wrong.
pub(crate) const MODES: &str = "a list of values, messages, messages-tuple, updates, events, debug, tasks, checkpoints, custom or tools";

/// The items of a list of texts.
pub(crate) fn texts(list: &Array) -> Option<Vec<String>> {
    list.iter().map(|item| item.as_string()).collect()
}

/// The stream modes of these names.
pub(crate) fn stream_modes(option: &str, names: &[String]) -> Result<Vec<StreamMode>, JsValue> {
    let modes = names.iter().map(|name| StreamMode::from_wire(name));
    let modes: Option<Vec<StreamMode>> = modes.collect();
    modes.ok_or_else(|| invalid(option, MODES))
}

fn endpoint(word: &str) -> Option<Endpoint> {
    match word {
        "agent-server" => Some(Endpoint::AgentServer),
        "stream-only" => Some(Endpoint::StreamOnly),
        _ => None,
    }
}

fn checkpoints(word: &str) -> Option<Checkpoints> {
    match word {
        "automatic" => Some(Checkpoints::Automatic),
        "asked" => Some(Checkpoints::Asked),
        "off" => Some(Checkpoints::Off),
        _ => None,
    }
}

fn credentials(word: &str) -> Option<Credentials> {
    match word {
        "omit" => Some(Credentials::Omit),
        "same-origin" => Some(Credentials::SameOrigin),
        "include" => Some(Credentials::Include),
        _ => None,
    }
}

/// Reads the options, and what of the host the client is made with.
pub(crate) fn read(options: &EngineOptions, host: &Rc<Host>) -> Result<StreamOptions, JsValue> {
    let wrong = Cell::new(None);
    let fields = Fields {
        object: options,
        path: "",
        wrong: &wrong,
    };
    let mut config = Config::new(fields.required("apiUrl"), fields.required("assistantId"));
    read_run(&fields, &mut config);
    read_thread(&fields, &mut config);
    read_waits(&fields, &mut config);
    let mut options = StreamOptions::new(config);
    fields.word(
        "credentials",
        "omit, same-origin or include",
        credentials,
        &mut options.credentials,
    );
    fields.millis("throttleMs", &mut options.notify_interval);
    if let Some(wrong) = wrong.take() {
        return Err(wrong);
    }
    options.headers = host::header_provider(host);
    options.storage = storage(host)?;
    options.resolve_checkpoint = Some(host::checkpoint_resolver(host));
    options.fetch = host::function(host, "fetch");
    Ok(options)
}

fn read_run(fields: &Fields<'_>, config: &mut Config) {
    fields.modes("streamModes", &mut config.stream_modes);
    fields.flag("streamSubgraphs", &mut config.stream_subgraphs);
    fields.flag("streamResumable", &mut config.stream_resumable);
    fields.word(
        "onDisconnect",
        ON_DISCONNECT,
        OnDisconnect::from_wire,
        &mut config.on_disconnect,
    );
    fields.word(
        "multitaskStrategy",
        STRATEGIES,
        MultitaskStrategy::from_wire,
        &mut config.multitask_strategy,
    );
    fields.word(
        "endpoint",
        "agent-server or stream-only",
        endpoint,
        &mut config.endpoint,
    );
}

fn read_thread(fields: &Fields<'_>, config: &mut Config) {
    if let Some(key) = fields.text("messagesKey") {
        config.messages_key = key;
    }
    fields.flag("rejoinOnMount", &mut config.rejoin_on_mount);
    fields.flag("loadThread", &mut config.load_thread);
    fields.flag("readsState", &mut config.reads_state);
    fields.word(
        "checkpoints",
        "automatic, asked or off",
        checkpoints,
        &mut config.checkpoints,
    );
    fields.flag(
        "cancelDanglingToolCalls",
        &mut config.cancel_dangling_tool_calls,
    );
    fields.flag("splitSubgraphs", &mut config.split_subgraphs);
    let mut history_limit = 0;
    fields.count("historyLimit", &mut history_limit);
    config.history_limit = Some(history_limit).filter(|limit| *limit > 0);
    if let Some(values) = fields.text("initialValues") {
        match Json::parse(values) {
            Ok(values) => config.initial_values = Some(values),
            Err(_) => fields.wrong("initialValues", "JSON"),
        }
    }
    fields.bytes("recordBytesMax", &mut config.record_bytes_max);
    fields.millis("recordTtlMs", &mut config.record_ttl);
}

fn read_waits(fields: &Fields<'_>, config: &mut Config) {
    let Config {
        retry,
        timeouts,
        limits,
        ..
    } = config;
    fields.inner("retry", "retry.", |fields| {
        fields.millis("backoffBase", &mut retry.backoff_base);
        fields.millis("backoffMax", &mut retry.backoff_max);
        fields.count("attemptsMax", &mut retry.attempts_max);
        fields.count("silentJoinsMax", &mut retry.silent_joins_max);
        fields.millis("retryAfterMax", &mut retry.retry_after_max);
    });
    fields.inner("timeouts", "timeouts.", |fields| {
        fields.millis("headers", &mut timeouts.headers);
        fields.millis("join", &mut timeouts.join);
        fields.millis("stall", &mut timeouts.stall);
        fields.millis(
            "stallWithHeartbeatMin",
            &mut timeouts.stall_with_heartbeat.0,
        );
        fields.millis(
            "stallWithHeartbeatMax",
            &mut timeouts.stall_with_heartbeat.1,
        );
        fields.millis("alive", &mut timeouts.alive);
        fields.millis("request", &mut timeouts.request);
        fields.millis("offlineProbe", &mut timeouts.offline_probe);
        fields.millis("record", &mut timeouts.record);
    });
    fields.inner("limits", "limits.", |fields| {
        fields.bytes("lineBytesMax", &mut limits.line_bytes_max);
        fields.bytes("frameBytesMax", &mut limits.frame_bytes_max);
        fields.bytes("bufferBytesMax", &mut limits.buffer_bytes_max);
    });
}
