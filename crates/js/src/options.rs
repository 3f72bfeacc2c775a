//! What an engine is made with, read field by field, so that what is wrong can be named.

use crate::{
    host::{self, Host},
    storage::storage,
};
use js_sys::{Array, Error, Reflect};
use rejoin_browser::{Credentials, StreamOptions};
use rejoin_core::{
    Config, Endpoint, Millis,
    wire::{
        Json,
        request::{MultitaskStrategy, OnDisconnect, StreamMode},
    },
};
use std::rc::Rc;
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

/// An object's fields, and what leads to it.
struct Fields<'a> {
    object: &'a JsValue,
    path: &'a str,
}

impl Fields<'_> {
    /// `null` is as good as absent.
    fn get(&self, name: &str) -> Option<JsValue> {
        Reflect::get(self.object, &name.into())
            .ok()
            .filter(|value| !value.is_undefined() && !value.is_null())
    }

    fn invalid(&self, name: &str, wanted: &str) -> JsValue {
        invalid(&[self.path, name].concat(), wanted)
    }

    fn text(&self, name: &str) -> Result<Option<String>, JsValue> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        match value.as_string() {
            Some(text) if !text.is_empty() => Ok(Some(text)),
            Some(_) | None => Err(self.invalid(name, "a text that is not empty")),
        }
    }

    fn flag(&self, name: &str, into: &mut bool) -> Result<(), JsValue> {
        if let Some(value) = self.get(name) {
            *into = value
                .as_bool()
                .ok_or_else(|| self.invalid(name, "true or false"))?;
        }
        Ok(())
    }

    fn number(&self, name: &str) -> Result<Option<u64>, JsValue> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        match value.as_f64() {
            // Infinity is as long or as much as can be.
            Some(number) if number >= 0.0 => Ok(Some(number as u64)),
            Some(_) | None => Err(self.invalid(name, "a number of zero or more")),
        }
    }

    fn millis(&self, name: &str, into: &mut Millis) -> Result<(), JsValue> {
        if let Some(number) = self.number(name)? {
            *into = Millis(number);
        }
        Ok(())
    }

    fn bytes(&self, name: &str, into: &mut usize) -> Result<(), JsValue> {
        if let Some(number) = self.number(name)? {
            *into = usize::try_from(number).unwrap_or(usize::MAX);
        }
        Ok(())
    }

    fn count(&self, name: &str, into: &mut u32) -> Result<(), JsValue> {
        if let Some(number) = self.number(name)? {
            *into = u32::try_from(number).unwrap_or(u32::MAX);
        }
        Ok(())
    }

    fn word<T>(
        &self,
        name: &str,
        words: &str,
        read: fn(&str) -> Option<T>,
        into: &mut T,
    ) -> Result<(), JsValue> {
        if let Some(text) = self.text(name)? {
            *into = read(&text).ok_or_else(|| self.invalid(name, words))?;
        }
        Ok(())
    }

    fn texts(&self, name: &str) -> Result<Option<Vec<String>>, JsValue> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        let texts = value
            .dyn_ref::<Array>()
            .and_then(|array| array.iter().map(|item| item.as_string()).collect());
        texts
            .map(Some)
            .ok_or_else(|| self.invalid(name, "a list of texts"))
    }
}

/// The words of [`OnDisconnect`], for who got them wrong.
pub(crate) const ON_DISCONNECT: &str = "continue or cancel";
/// The words of [`MultitaskStrategy`], for who got them wrong.
pub(crate) const STRATEGIES: &str = "reject, enqueue, interrupt or rollback";

fn endpoint(word: &str) -> Option<Endpoint> {
    match word {
        "agent-server" => Some(Endpoint::AgentServer),
        "stream-only" => Some(Endpoint::StreamOnly),
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

/// The stream modes of these names.
pub(crate) fn stream_modes(option: &str, names: &[String]) -> Result<Vec<StreamMode>, JsValue> {
    let modes = names.iter().map(|name| StreamMode::from_wire(name));
    let modes: Option<Vec<StreamMode>> = modes.collect();
    modes.ok_or_else(|| {
        let wanted = "a list of values, messages, messages-tuple, updates, events, debug, tasks, checkpoints, custom or tools";
        invalid(option, wanted)
    })
}

/// Reads the options, and what of the host the client is made with.
pub(crate) fn read(options: &EngineOptions, host: &Rc<Host>) -> Result<StreamOptions, JsValue> {
    let fields = Fields {
        object: options,
        path: "",
    };
    let required = |name| {
        fields
            .text(name)?
            .ok_or_else(|| fields.invalid(name, "given"))
    };
    let mut config = Config::new(required("apiUrl")?, required("assistantId")?);
    read_run_options(&fields, &mut config)?;
    read_waits(&fields, &mut config)?;
    let mut stream_options = StreamOptions::new(config);
    let into = &mut stream_options.credentials;
    fields.word(
        "credentials",
        "omit, same-origin or include",
        credentials,
        into,
    )?;
    stream_options.headers = host::header_provider(host);
    stream_options.storage = storage(host)?;
    stream_options.fetch = host::function(host, "fetch");
    fields.millis("throttleMs", &mut stream_options.notify_interval)?;
    Ok(stream_options)
}

fn read_run_options(fields: &Fields<'_>, config: &mut Config) -> Result<(), JsValue> {
    if let Some(key) = fields.text("messagesKey")? {
        config.messages_key = key;
    }
    if let Some(names) = fields.texts("streamModes")? {
        config.stream_modes = stream_modes("streamModes", &names)?;
    }
    fields.flag("streamSubgraphs", &mut config.stream_subgraphs)?;
    fields.flag("streamResumable", &mut config.stream_resumable)?;
    fields.flag("rejoinOnMount", &mut config.rejoin_on_mount)?;
    fields.word(
        "onDisconnect",
        ON_DISCONNECT,
        OnDisconnect::from_wire,
        &mut config.on_disconnect,
    )?;
    fields.word(
        "multitaskStrategy",
        STRATEGIES,
        MultitaskStrategy::from_wire,
        &mut config.multitask_strategy,
    )?;
    fields.word(
        "endpoint",
        "agent-server or stream-only",
        endpoint,
        &mut config.endpoint,
    )?;
    fields.flag("loadThread", &mut config.load_thread)?;
    fields.flag("splitSubgraphs", &mut config.split_subgraphs)?;
    let mut history_limit = 0;
    fields.count("historyLimit", &mut history_limit)?;
    config.history_limit = Some(history_limit).filter(|limit| *limit > 0);
    if let Some(values) = fields.text("initialValues")? {
        let values = Json::parse(values).map_err(|_| invalid("initialValues", "JSON"))?;
        config.initial_values = Some(values);
    }
    fields.bytes("recordBytesMax", &mut config.record_bytes_max)?;
    fields.millis("recordTtlMs", &mut config.record_ttl)
}

fn read_waits(fields: &Fields<'_>, config: &mut Config) -> Result<(), JsValue> {
    if let Some(object) = fields.get("retry") {
        let fields = inner(&object, "retry", "retry.")?;
        let retry = &mut config.retry;
        fields.millis("backoffBase", &mut retry.backoff_base)?;
        fields.millis("backoffMax", &mut retry.backoff_max)?;
        fields.count("attemptsMax", &mut retry.attempts_max)?;
        fields.count("silentJoinsMax", &mut retry.silent_joins_max)?;
        fields.millis("retryAfterMax", &mut retry.retry_after_max)?;
    }
    if let Some(object) = fields.get("timeouts") {
        let fields = inner(&object, "timeouts", "timeouts.")?;
        let timeouts = &mut config.timeouts;
        fields.millis("headers", &mut timeouts.headers)?;
        fields.millis("join", &mut timeouts.join)?;
        fields.millis("stall", &mut timeouts.stall)?;
        fields.millis(
            "stallWithHeartbeatMin",
            &mut timeouts.stall_with_heartbeat.0,
        )?;
        fields.millis(
            "stallWithHeartbeatMax",
            &mut timeouts.stall_with_heartbeat.1,
        )?;
        fields.millis("alive", &mut timeouts.alive)?;
        fields.millis("request", &mut timeouts.request)?;
        fields.millis("offlineProbe", &mut timeouts.offline_probe)?;
        fields.millis("record", &mut timeouts.record)?;
    }
    if let Some(object) = fields.get("limits") {
        let fields = inner(&object, "limits", "limits.")?;
        let limits = &mut config.limits;
        fields.bytes("lineBytesMax", &mut limits.line_bytes_max)?;
        fields.bytes("frameBytesMax", &mut limits.frame_bytes_max)?;
        fields.bytes("bufferBytesMax", &mut limits.buffer_bytes_max)?;
    }
    Ok(())
}

fn inner<'a>(object: &'a JsValue, name: &str, path: &'a str) -> Result<Fields<'a>, JsValue> {
    if object.is_object() {
        Ok(Fields { object, path })
    } else {
        Err(invalid(name, "an object"))
    }
}
