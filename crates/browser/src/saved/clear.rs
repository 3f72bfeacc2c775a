//! Removing everything that was stored in this origin, for a logout.

use super::database::{NAME, Wrong, factory, when_done};
use crate::storage::{clear_local, log_out};
use futures_channel::oneshot;
use std::fmt;
use wasm_bindgen::JsCast;

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

/// Removes all data of Rejoin from this origin: the run records and unsent submissions, in `localStorage` and in
/// the `sessionStorage` of each tab, and the saved states of threads. For a logout. Streams that are there, in this tab or in another,
/// store and read nothing more; those that are made later do. Streams go on all the same: dropping them is the application's to do.
///
/// A random text stays in `localStorage`, by which other tabs know that there was a logout.
///
/// # Errors
/// If the browser does not remove the database.
pub async fn clear_data() -> Result<(), ClearError> {
    log_out();
    let deleted = delete_states().await;
    // Another tab may have stored something before it could see the mark.
    clear_local();
    deleted
}

async fn delete_states() -> Result<(), ClearError> {
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
