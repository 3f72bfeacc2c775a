//! Breakpoints: the nodes that a run stops before or after.

use rejoin_wire::Json;
use serde_json::Value;

/// Nodes to stop at.
pub(crate) enum Stops {
    All,
    Named(Vec<String>),
}

impl Stops {
    pub(crate) fn read(asked: Option<&Json>) -> Self {
        match asked.and_then(|asked| asked.read::<Value>().ok()) {
            Some(Value::String(name)) if name == "*" => Self::All,
            Some(Value::Array(names)) => Self::Named(
                names
                    .iter()
                    .filter_map(|name| name.as_str().map(str::to_owned))
                    .collect(),
            ),
            _ => Self::Named(Vec::new()),
        }
    }

    /// The first name that is not among these nodes.
    pub(crate) fn unknown(self, nodes: &[&str]) -> Option<String> {
        match self {
            Self::All => None,
            Self::Named(names) => names
                .into_iter()
                .find(|name| !nodes.contains(&name.as_str())),
        }
    }

    pub(super) fn hit(&self, nodes: &[String]) -> bool {
        match self {
            Self::All => true,
            Self::Named(names) => nodes.iter().any(|node| names.contains(node)),
        }
    }
}
