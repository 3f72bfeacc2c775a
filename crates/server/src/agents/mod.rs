//! Agents, and the means that they get to stream messages.
//!
//! An agent is a small graph. The runner calls [`Agent::run`] for one node at a time, merges what the node wrote
//! into the state, saves a checkpoint and asks [`Agent::after`] where to go. A node never touches the store.

mod emitter;
mod openai;
#[cfg(feature = "faults")]
mod scripted;
mod surrogates;

use std::{collections::BTreeMap, future::Future, pin::Pin, sync::Arc, time::Duration};

use serde_json::{Map, Value};

pub use emitter::{Chunk, MessageStream, NodeContext};
pub(crate) use emitter::{Emitter, NewEvent};
pub use openai::{OpenAi, OpenAiConfig};

/// The longest pause a knob may ask for between two tokens or steps, in milliseconds.
const DELAY_MS_MAX: f64 = 600_000.0;

/// An agent: a graph of named nodes.
pub trait Agent: Send + Sync {
    /// The graph's name; clients may use it as the assistant id. Lower case, stable.
    fn name(&self) -> &'static str;

    /// One sentence for people, shown by the assistants endpoints.
    fn description(&self) -> &'static str;

    /// Every node's name. Default: a single one, `model`.
    fn nodes(&self) -> &'static [&'static str] {
        &["model"]
    }

    /// The nodes that run first on new input. Default: the first one.
    fn entry(&self) -> Vec<String> {
        let first = self.nodes().first();
        first.map(|name| (*name).to_owned()).into_iter().collect()
    }

    /// The nodes that run after `node`, given the state with its writes in it; empty at the end. Default: none.
    fn after(&self, node: &str, values: &Map<String, Value>) -> Vec<String> {
        let _ = (node, values);
        Vec::new()
    }

    /// State keys whose lists grow instead of being replaced. `messages` always merges by id.
    fn appended(&self) -> &'static [&'static str] {
        &[]
    }

    /// Runs one node. It may be dropped at any await (cancel), and starts from its beginning when an interrupt is answered.
    fn run<'a>(&'a self, node: &'a str, context: &'a mut NodeContext) -> NodeFuture<'a>;
}

/// The result of [`Agent::run`].
pub type NodeFuture<'a> = Pin<Box<dyn Future<Output = Result<NodeEnd, AgentError>> + Send + 'a>>;

/// How a node ended.
#[derive(Debug, Clone, PartialEq)]
pub enum NodeEnd {
    /// It wrote this to the state.
    Wrote(Map<String, Value>),
    /// It asks this question and runs again with [`NodeContext::resume`] once it is answered.
    Asks(Value),
}

impl NodeEnd {
    /// A node that wrote messages.
    pub fn messages(messages: Vec<Value>) -> Self {
        Self::Wrote(Map::from_iter([(
            "messages".to_owned(),
            Value::Array(messages),
        )]))
    }
}

/// Why a node failed; both parts are shown to the client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}: {message}")]
pub struct AgentError {
    /// The kind: a stable name like `ValueError`.
    pub kind: String,
    /// The fault, for people. It never holds a key.
    pub message: String,
}

impl AgentError {
    /// An error of a kind.
    pub fn new(kind: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            kind: kind.into(),
            message: message.into(),
        }
    }
}

/// The agents a server has, by name.
#[derive(Clone, Default)]
pub struct Agents {
    by_name: BTreeMap<&'static str, Arc<dyn Agent>>,
}

impl Agents {
    /// The agents of the binary: `openai`, and with the feature `faults` the scripted `chat`, `tools`, `approval`, `multi`,
    /// `research` and `boom`.
    pub fn standard(openai: Option<OpenAiConfig>) -> Self {
        let mut agents = Self::default();
        agents.add(OpenAi::new(openai));
        #[cfg(feature = "faults")]
        scripted::add_to(&mut agents);
        agents
    }

    /// Adds an agent, in place of one with the same name.
    pub fn add(&mut self, agent: impl Agent + 'static) {
        self.by_name.insert(agent.name(), Arc::new(agent));
    }

    /// The agent with this graph name or assistant id.
    pub fn find(&self, name_or_id: &str) -> Option<&Arc<dyn Agent>> {
        self.by_name.get(name_or_id).or_else(|| {
            let id = uuid::Uuid::parse_str(name_or_id).ok()?;
            self.by_name
                .values()
                .find(|agent| crate::ids::assistant_id(agent.name()) == id)
        })
    }

    /// All agents, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn Agent>> {
        self.by_name.values()
    }
}

/// The knobs of a run: `config.configurable`, and `context`, which comes first.
#[derive(Debug, Clone, Default)]
pub struct Knobs(Map<String, Value>);

impl Knobs {
    /// Reads the knobs of a run's `config`; none where there is no `configurable` object.
    pub fn of(config: &Value) -> Self {
        Self(
            config
                .get("configurable")
                .and_then(Value::as_object)
                .cloned()
                .unwrap_or_default(),
        )
    }

    /// The same with those of a run's `context`.
    #[must_use]
    pub fn with(mut self, context: Value) -> Self {
        if let Value::Object(context) = context {
            self.0.extend(context);
        }
        self
    }

    /// A number, given as a number or as text; `default` where it is neither.
    pub fn number(&self, name: &str, default: f64) -> f64 {
        match self.0.get(name) {
            Some(Value::Number(number)) => number.as_f64().unwrap_or(default),
            Some(Value::String(text)) => text.parse().unwrap_or(default),
            _ => default,
        }
    }

    /// A count, at most `max`.
    pub fn count(&self, name: &str, default: u32, max: u32) -> u32 {
        // Clamped first, so the cast keeps the value.
        self.number(name, default.into()).clamp(0.0, max.into()) as u32
    }

    /// A pause given in milliseconds, at most ten minutes.
    pub fn pause(&self, name: &str, default_ms: f64) -> Duration {
        let ms = self.number(name, default_ms);
        Duration::from_secs_f64(if ms.is_finite() {
            ms.clamp(0.0, DELAY_MS_MAX) / 1000.0
        } else {
            0.0
        })
    }

    /// A text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }
}
