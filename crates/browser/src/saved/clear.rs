//! Removing everything that was stored in this origin, for a logout.

use super::database::{NAME, Wrong, factory, when_done};
use crate::{scope, storage::stop_writing};
use futures_channel::oneshot;
use std::fmt;
use wasm_bindgen::JsCast;
use web_sys::Storage;

/// With what keys in the page's stores begin.
const PREFIXES: [&str; 2] = ["rejoin:", "rejoin.events|"];

/// The saved threads could not be removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClearError {
    /// The browser's words.
    pub message: String,
}

impl fmt::Display for ClearError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the saved threads could not be removed: ")?;
        f.write_str(&self.message)
    }
}

impl std::error::Error for ClearError {}

/// Removes everything that Rejoin has stored in this origin: the records of runs, in `localStorage` and in this tab's `sessionStorage`,
/// and the saved states of threads. For a logout. Streams that are there store nothing more, until another one is made.
///
/// # Errors
/// If the browser does not remove the database.
pub async fn clear_data() -> Result<(), ClearError> {
    stop_writing();
    let scope = scope();
    for store in [scope.local_storage(), scope.session_storage()] {
        if let Ok(Some(store)) = store {
            clear_store(&store);
        }
    }
    // Without a factory nothing was saved.
    let Ok(factory) = factory() else {
        return Ok(());
    };
    let (sender, receiver) = oneshot::channel();
    let request = factory.delete_database(NAME).map(JsCast::unchecked_into);
    when_done(request, Box::new(move |done| drop(sender.send(done))));
    match receiver.await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(Wrong::Failed(message))) => Err(ClearError { message }),
        Ok(Err(Wrong::Closed)) | Err(_) => Ok(()),
    }
}

fn clear_store(store: &Storage) {
    let length = store.length().unwrap_or_default();
    let keys = (0..length).filter_map(|at| store.key(at).ok().flatten());
    let is_ours = |key: &String| PREFIXES.iter().any(|prefix| key.starts_with(prefix));
    let ours: Vec<String> = keys.filter(is_ours).collect();
    for key in ours {
        drop(store.remove_item(&key));
    }
}
