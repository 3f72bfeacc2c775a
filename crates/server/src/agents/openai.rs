//! placeholder until written
use serde_json::{Map, Value};

use super::{Agent, AgentError, NodeContext, NodeFuture};

/// An OpenAI-compatible endpoint.
#[derive(Clone)]
pub struct OpenAiConfig {}

impl OpenAiConfig {
    /// From the environment.
    pub fn from_env() -> Result<Option<Self>, AgentError> {
        Ok(None)
    }
}

/// The agent `openai`.
pub struct OpenAi;

impl OpenAi {
    /// The agent.
    pub fn new(_config: Option<OpenAiConfig>) -> Self {
        Self
    }
}

impl Agent for OpenAi {
    fn name(&self) -> &'static str {
        "openai"
    }
    fn description(&self) -> &'static str {
        "Streams from an OpenAI-compatible endpoint."
    }
    fn nodes(&self) -> &'static [&'static str] {
        &["model"]
    }
    fn entry(&self) -> Vec<String> {
        vec!["model".to_owned()]
    }
    fn after(&self, _: &str, _: &Map<String, Value>) -> Vec<String> {
        Vec::new()
    }
    fn run<'a>(&'a self, _: &'a str, _: &'a mut NodeContext) -> NodeFuture<'a> {
        Box::pin(async { Err(AgentError::new("NotConfigured", "not configured")) })
    }
}
