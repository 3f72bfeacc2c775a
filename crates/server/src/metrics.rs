//! Metrics for an operator: counts and times, never a name or a text of a conversation.

use std::sync::Arc;

use prometheus_client::{
    encoding::text,
    metrics::{counter::Counter, family::Family},
    registry::{Registry, Unit},
};

use crate::sessions;

/// The content type of [`Metrics::text`].
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The counters of one server, those of its sessions among them. Cheap to call from anywhere.
pub struct Metrics {
    sessions: Arc<sessions::metrics::Metrics>,
    /// By a code out of a fixed list, so that no peer can make a series.
    denied: Family<[(&'static str, &'static str); 1], Counter>,
    bytes_sent: Counter,
}

impl Metrics {
    /// All at zero, beside what is counted of sessions.
    pub fn new(sessions: Arc<sessions::metrics::Metrics>) -> Arc<Self> {
        Arc::new(Self {
            sessions,
            denied: Family::default(),
            bytes_sent: Counter::default(),
        })
    }

    /// A request was denied, with this code.
    pub fn denied(&self, code: &'static str) {
        self.denied.get_or_create(&[("code", code)]).inc();
    }

    /// So many bytes of an event stream were handed to the network.
    pub fn sent(&self, bytes: usize) {
        self.bytes_sent.inc_by(bytes as u64);
    }

    /// Everything, as Prometheus reads it.
    pub fn text(&self) -> String {
        let mut registry = Registry::with_prefix("rejoin");
        self.sessions.register(&mut registry);
        registry.register(
            "requests_denied",
            "Requests without the right to what they asked for, by code",
            self.denied.clone(),
        );
        registry.register_with_unit(
            "stream_sent",
            "Event streams' bytes handed to the network",
            Unit::Bytes,
            self.bytes_sent.clone(),
        );
        let mut out = String::new();
        // Writing to a string cannot fail.
        let _ = text::encode(&mut out, &registry);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happened_is_what_is_shown() {
        let of_sessions = sessions::metrics::Metrics::new();
        let metrics = Metrics::new(Arc::clone(&of_sessions));
        let _reader = of_sessions.reader();
        metrics.denied("token_expired");
        metrics.sent(1000);
        let text = metrics.text();
        let check = |line: &str| assert!(text.lines().any(|shown| shown == line), "{line}\n{text}");
        check("rejoin_session_readers 1");
        check("rejoin_requests_denied_total{code=\"token_expired\"} 1");
        check("rejoin_stream_sent_bytes_total 1000");
        check("# EOF");
    }
}
