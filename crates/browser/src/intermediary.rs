//! An intermediary between the client and the connections of its streams. There is none by default, so a page without one
//! need not download it.

use rejoin_core::{AttemptId, HttpRequest, Input};

/// Opens streams in the driver's place.
pub(crate) trait Intermediary {
    /// Opens a stream. Gives the request back where the driver is to send it itself.
    fn open(&self, attempt: AttemptId, request: HttpRequest) -> Option<HttpRequest>;

    /// Something has come of a connection. Whether the client is to be told.
    fn passes(&self, input: &Input) -> bool;

    /// The client wants nothing more of this stream.
    fn closed(&self, attempt: AttemptId);

    /// The page is about to be frozen, or was thawed.
    fn page_froze(&self, is_frozen: bool);

    /// The client has taken in all that there was.
    fn client_changed(&self);

    /// Another takes this one's place.
    fn end_all(&self);

    /// The client is no more.
    fn close_all(&self);
}
