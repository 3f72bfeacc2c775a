//! The readable log of a schedule. Off while thousands run, on when a seed is run again to see what it did.

use std::sync::{Arc, Mutex};

/// Lines, if anybody wants them. Shared, so that they survive a panic.
#[derive(Debug, Clone, Default)]
pub struct Trace(Option<Arc<Mutex<Vec<String>>>>);

impl Trace {
    /// Keeps lines.
    pub fn on() -> Self {
        Self(Some(Arc::default()))
    }

    /// Keeps one line, made only if it is wanted.
    pub fn line(&self, now: u64, make: impl FnOnce() -> String) {
        if let Some(lines) = &self.0 {
            let line = format!("{:>9.3} {}", now as f64 / 1000.0, make());
            lines
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .push(line);
        }
    }

    /// The lines so far.
    pub fn lines(&self) -> Vec<String> {
        let Some(lines) = &self.0 else {
            return Vec::new();
        };
        lines
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }
}

/// The beginning of a long text.
pub(crate) fn short(text: &str) -> String {
    const CHARS: usize = 150;
    let flat = text.replace(['\r', '\n'], "~");
    match flat.char_indices().nth(CHARS) {
        Some((end, _)) => format!("{}.. ({} bytes)", &flat[..end], text.len()),
        None => flat,
    }
}
