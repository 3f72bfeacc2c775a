//! The options of an engine.

use crate::{
    fields::{Fields, Wrong, set},
    host::{self, Host},
    storage::storage,
};
use rejoin_browser::{Credentials, StreamOptions};
use rejoin_core::{
    Checkpoints, Config, Endpoint, Millis,
    wire::request::{MultitaskStrategy, OnDisconnect},
};
use std::rc::Rc;
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = "import type { EngineHost, EngineRequests } from \"../engine.js\";";

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

/// Reads the options of the contract, and what of the host the client is made with. Options that are not known are passed over.
pub(crate) fn read(text: &str, host: &Rc<Host>) -> Result<StreamOptions, JsValue> {
    let wrong = Wrong::default();
    let mut fields = Fields::of("options", text, &wrong);
    let mut config = Config::new(fields.required("apiUrl"), fields.required("assistantId"));
    read_config(&mut fields, &mut config);
    let mut options = StreamOptions::with_storage(config, storage(host)?);
    let given = fields.word("credentials", "omit, same-origin or include", credentials);
    set(&mut options.credentials, given);
    fields.millis("throttleMs", &mut options.notify_interval);
    wrong.or(())?;
    options.headers = host::header_provider(host);
    options.resolve_checkpoint = Some(host::checkpoint_resolver(host));
    options.fetch = host::function(host, "fetch");
    Ok(options)
}

fn read_config(fields: &mut Fields<'_>, config: &mut Config) {
    set(&mut config.stream_modes, fields.modes("streamModes"));
    set(&mut config.stream_subgraphs, fields.flag("streamSubgraphs"));
    set(&mut config.stream_resumable, fields.flag("streamResumable"));
    let on_disconnect = fields.word("onDisconnect", ON_DISCONNECT, OnDisconnect::from_wire);
    set(&mut config.on_disconnect, on_disconnect);
    let strategy = fields.word(
        "multitaskStrategy",
        STRATEGIES,
        MultitaskStrategy::from_wire,
    );
    set(&mut config.multitask_strategy, strategy);
    let endpoint = fields.word("endpoint", "agent-server or stream-only", endpoint);
    set(&mut config.endpoint, endpoint);
    set(&mut config.messages_key, fields.filled_text("messagesKey"));
    set(&mut config.rejoin_on_mount, fields.flag("rejoinOnMount"));
    set(&mut config.compare_on_wake, fields.flag("compareOnWake"));
    set(&mut config.load_thread, fields.flag("loadThread"));
    set(&mut config.reads_state, fields.flag("readsState"));
    let checkpoints = fields.word("checkpoints", "automatic, asked or off", checkpoints);
    set(&mut config.checkpoints, checkpoints);
    let cancels = fields.flag("cancelDanglingToolCalls");
    set(&mut config.cancel_dangling_tool_calls, cancels);
    set(&mut config.split_subgraphs, fields.flag("splitSubgraphs"));
    let mut history_limit = 0;
    fields.count("historyLimit", &mut history_limit);
    config.history_limit = Some(history_limit).filter(|limit| *limit > 0);
    config.initial_values = fields.json_text("initialValues");
    fields.bytes("recordBytesMax", &mut config.record_bytes_max);
    fields.millis("recordTtlMs", &mut config.record_ttl);
    config.identity = fields.text("identity");
    let outbox = &mut config.outbox;
    fields.inner("outbox", &mut |fields| {
        set(&mut outbox.enabled, fields.flag("enabled"));
        fields.millis("askAfter", &mut outbox.ask_after);
        fields.bytes("bytesMax", &mut outbox.bytes_max);
    });
    let Config {
        retry,
        timeouts,
        limits,
        ..
    } = config;
    fields.inner("retry", &mut |fields| {
        fields.millis("backoffBase", &mut retry.backoff_base);
        fields.millis("backoffMax", &mut retry.backoff_max);
        fields.count("attemptsMax", &mut retry.attempts_max);
        fields.count("silentJoinsMax", &mut retry.silent_joins_max);
        fields.count("postsMax", &mut retry.posts_max);
        fields.millis("retryAfterMax", &mut retry.retry_after_max);
        let mut give_up_after = Millis(0);
        fields.millis("giveUpAfter", &mut give_up_after);
        retry.give_up_after = Some(give_up_after).filter(|after| after.0 > 0);
    });
    fields.inner("timeouts", &mut |fields| {
        let (least, most) = &mut timeouts.stall_with_heartbeat;
        fields.millis("headers", &mut timeouts.headers);
        fields.millis("join", &mut timeouts.join);
        fields.millis("stall", &mut timeouts.stall);
        fields.millis("stallWithHeartbeatMin", least);
        fields.millis("stallWithHeartbeatMax", most);
        fields.millis("alive", &mut timeouts.alive);
        fields.millis("request", &mut timeouts.request);
        fields.millis("offlineProbe", &mut timeouts.offline_probe);
        fields.millis("unreachable", &mut timeouts.unreachable);
        fields.millis("compare", &mut timeouts.compare);
        fields.millis("record", &mut timeouts.record);
    });
    fields.inner("limits", &mut |fields| {
        fields.bytes("lineBytesMax", &mut limits.line_bytes_max);
        fields.bytes("frameBytesMax", &mut limits.frame_bytes_max);
        fields.bytes("bufferBytesMax", &mut limits.buffer_bytes_max);
    });
}
