//! The interface of a part: a feature that many pages never use, and that can come later than the client. `parts.rs` lists them.

use super::{Client, answer::Answer};
use crate::{AttemptId, DeadlineReason, Millis};

/// When something wants to be woken, and why.
pub(super) type Due = (Millis, DeadlineReason);

/// Something of a request or a connection.
#[derive(Debug)]
pub(super) enum Arrived<'a> {
    /// The status and headers of a stream's response.
    Headers {
        status: u16,
        headers: &'a [(String, String)],
    },
    /// Bytes of a stream's body.
    Chunk(&'a [u8]),
    /// A stream's body has ended by itself.
    Ended,
    /// The answer to a plain request, or that one or a stream has failed below HTTP.
    Answer(&'a Answer<'a>),
}

/// How the page's reach has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Woke {
    /// It is hidden or offline.
    No,
    /// It is shown or online again.
    Back,
    /// It was frozen or kept aside: no connection can be relied on.
    Thawed,
}

impl Woke {
    pub(super) fn is_back(self) -> bool {
        self != Self::No
    }
}

/// The client's reports to each part. A part leaves out those that it has no use for, such as answers if it asks the
/// server for nothing.
pub(super) trait Part {
    /// Something has come of a request or a connection. Whether it is the part's own; else nobody has looked at it.
    fn answered(
        &mut self,
        _client: &mut Client,
        _attempt: AttemptId,
        _arrived: &Arrived<'_>,
    ) -> bool {
        false
    }

    /// When it wants to be woken.
    fn due(&self, _client: &Client) -> Option<Due> {
        None
    }

    /// That time has come.
    fn late(&mut self, _client: &mut Client) {}

    /// The page is shown or hidden, the network is back or gone.
    fn woke(&mut self, _client: &mut Client, _woke: Woke) {}

    /// After each input.
    fn tend(&mut self, _client: &mut Client) {}
}
