//! How a client stands, as one value that compares: whoever shows it looks whether it is another one.
//!
//! A new field is added in three places: here, in what an adapter writes it to (`js/src/json.rs`), and in that adapter's
//! types (`www/package/src/engine.ts`).

use crate::{Connection, Millis, SessionView, StreamError, View};
use rejoin_wire::{MessageId, RunId, ThreadId};

/// How the run and the thread stand; [`View::status`]. The fields are what the view's functions of the same names give.
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

impl From<View<'_>> for Status {
    fn from(view: View<'_>) -> Self {
        Self {
            connection: view.connection(),
            lost_since: view.lost_since(),
            is_loading: view.is_loading(),
            is_thread_loading: view.is_thread_loading(),
            can_stop: view.can_stop(),
            can_rejoin: view.can_rejoin(),
            thread_id: view.thread_id().cloned(),
            run_id: view.run_id().cloned(),
            error: view.error().cloned(),
            branch: view.branch().to_owned(),
            editing: view.editing().cloned(),
        }
    }
}

/// How the feed of a session stands; [`SessionView::status`]. The fields are what the view's functions of the same names give.
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

impl From<SessionView<'_>> for FeedStatus {
    fn from(session: SessionView<'_>) -> Self {
        Self {
            connection: session.connection(),
            lost_since: session.lost_since(),
            has_older: session.has_older(),
            is_ready: session.is_ready(),
            generation: session.generation(),
            error: session.error().cloned(),
        }
    }
}
