//! The status of a client, as one comparable value: a reader compares it with the last one.
//!
//! A new field is added in three places: here, in what an adapter writes it to (`js/src/json.rs`), and in that adapter's
//! types (`www/package/src/engine.ts`).

use crate::{Connection, Millis, SessionView, StreamError, View};
use rejoin_wire::{MessageId, RunId, ThreadId};

/// The status of the run and the thread; [`View::status`]. Each field is the result of the view's function of that name.
#[derive(Debug, Clone, PartialEq)]
pub struct Status {
    /// [`View::connection`].
    pub connection: Connection,
    /// [`View::lost_since`].
    pub lost_since: Option<Millis>,
    /// [`View::is_loading`].
    pub is_loading: bool,
    /// [`View::is_thread_loading`].
    pub is_thread_loading: bool,
    /// [`View::can_stop`].
    pub can_stop: bool,
    /// [`View::can_rejoin`].
    pub can_rejoin: bool,
    /// [`View::is_unsent`].
    pub is_unsent: bool,
    /// [`View::thread_id`].
    pub thread_id: Option<ThreadId>,
    /// [`View::run_id`].
    pub run_id: Option<RunId>,
    /// [`View::error`].
    pub error: Option<StreamError>,
    /// [`View::branch`].
    pub branch: String,
    /// [`View::editing`].
    pub editing: Option<MessageId>,
}

impl View<'_> {
    /// The whole status, as one value.
    pub fn status(&self) -> Status {
        Status {
            connection: self.connection(),
            lost_since: self.lost_since(),
            is_loading: self.is_loading(),
            is_thread_loading: self.is_thread_loading(),
            can_stop: self.can_stop(),
            can_rejoin: self.can_rejoin(),
            is_unsent: self.is_unsent(),
            thread_id: self.thread_id().cloned(),
            run_id: self.run_id().cloned(),
            error: self.error().cloned(),
            branch: self.branch().to_owned(),
            editing: self.editing().cloned(),
        }
    }
}

/// The status of a session's feed; [`SessionView::status`]. Each field is the result of the view's function of that name.
#[derive(Debug, Clone, PartialEq)]
pub struct FeedStatus {
    /// [`SessionView::connection`].
    pub connection: Connection,
    /// [`SessionView::lost_since`].
    pub lost_since: Option<Millis>,
    /// [`SessionView::has_older`].
    pub has_older: bool,
    /// [`SessionView::is_ready`].
    pub is_ready: bool,
    /// [`SessionView::generation`].
    pub generation: u64,
    /// [`SessionView::error`].
    pub error: Option<StreamError>,
}

impl SessionView<'_> {
    /// The feed's status, as one value.
    pub fn status(&self) -> FeedStatus {
        FeedStatus {
            connection: self.connection(),
            lost_since: self.lost_since(),
            has_older: self.has_older(),
            is_ready: self.is_ready(),
            generation: self.generation(),
            error: self.error().cloned(),
        }
    }
}
