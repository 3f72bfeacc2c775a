//! The handle that applications and adapters hold.

use crate::{
    driver::Driver,
    http::{Credentials, HeaderProvider},
    intermediary::Intermediary,
    readers::{Subscription, Told},
    saved::IndexedStates,
    storage::{LocalStore, RecordStore},
    tabs::{ShareConnections, Tabs},
};
use futures_channel::oneshot;
use rejoin_core::{
    Cache, CommandId, Config, EXTRAS, Edit, EditInput, Input, JoinOptions, Millis, Notice, Outcome,
    SavedInput, SessionInput, Submission, ToolResult, ToolsInput, View, WaitingInput,
    wire::{MessageId, RunId, ThreadId},
};
use std::{
    cell::Cell,
    fmt,
    future::Future,
    pin::Pin,
    rc::{Rc, Weak},
    task::{Context, Poll},
};

/// Is asked for the checkpoint whose messages are exactly these, oldest first, and answers with
/// [`EditInput::CheckpointResolved`] through [`Stream::send`].
pub type CheckpointResolver = Rc<dyn Fn(CommandId, Vec<MessageId>)>;

/// The options of a [`Stream`].
#[derive(Clone)]
pub struct StreamOptions {
    /// The client's settings.
    pub config: Config,
    /// The storage of run records, which let a reload find its run. Default [`LocalStore`].
    pub storage: Rc<dyn RecordStore>,
    /// The application's headers. Default none.
    pub headers: Option<HeaderProvider>,
    /// Whether cookies are sent. Default to the page's own origin.
    pub credentials: Credentials,
    /// Takes the place of the page's `fetch`: it is called with a URL and an init, whose headers are a plain object, and gives a
    /// promise of a `Response`. Its error may have a `code`: `invalid_request`, or `redirected` with the address as its `detail`.
    /// Default none.
    pub fetch: Option<js_sys::Function>,
    /// The least time between two notifications of a change. Default 0: only the page's frames limit them.
    pub notify_interval: Millis,
    /// Looks checkpoints up where [`rejoin_core::Checkpoints::Asked`] is set. Default nobody: every lookup fails.
    pub resolve_checkpoint: Option<CheckpointResolver>,
    /// Whether, and which, threads' last states are saved in IndexedDB, to be on screen before the server has answered. Default
    /// not. [`Stream::without_extras`] does not look at it: see [`Stream::keep_states`].
    pub cache: Option<Cache>,
    /// The largest answer to a plain request, such as a thread's state, in bytes. Default 67,108,864.
    pub response_bytes_max: usize,
}

impl StreamOptions {
    /// The defaults.
    pub fn new(config: Config) -> Self {
        Self::with_storage(config, Rc::new(LocalStore))
    }

    /// The defaults, with another storage.
    pub fn with_storage(config: Config, storage: Rc<dyn RecordStore>) -> Self {
        Self {
            config,
            storage,
            headers: None,
            credentials: Credentials::default(),
            fetch: None,
            notify_interval: Millis(0),
            resolve_checkpoint: None,
            cache: None,
            response_bytes_max: 64 * 1024 * 1024,
        }
    }
}

impl fmt::Debug for StreamOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamOptions")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// One client in this page. Clones are the same client; when the last is dropped it is disposed of.
///
/// A new one is on a new thread and has asked the server for nothing: [`Stream::switch_thread`] enters a thread.
#[derive(Clone)]
pub struct Stream {
    driver: Rc<Driver>,
}

impl Stream {
    /// Makes a client and listens to the page, where there is one: it also works in Node.js and in workers.
    ///
    /// # Panics
    /// Outside JavaScript.
    pub fn new(options: StreamOptions) -> Self {
        let cache = options.cache.clone();
        let stream = Self::without_extras(options);
        stream.send(Input::ExtrasCame { extras: &EXTRAS });
        if let Some(cache) = cache {
            stream.keep_states(cache);
        }
        stream
    }

    /// Makes a client that does without what [`EXTRAS`] holds until [`Input::ExtrasCame`] is sent to it.
    ///
    /// # Panics
    /// Outside JavaScript.
    pub fn without_extras(options: StreamOptions) -> Self {
        Self {
            driver: Driver::new(options),
        }
    }

    /// Shares the connections of streams, of runs and of the session's feed, with these tabs of the browser from now on, where it has
    /// Web Locks; `None`: with none. A stream that was shared before is connected anew.
    pub fn share_connections(&self, share: Option<ShareConnections>) {
        let tabs = share.map(|share| Tabs::shared(share, &self.driver));
        self.driver
            .set_intermediary(tabs.map(|tabs| tabs as Rc<dyn Intermediary>));
    }

    /// Saves the last states of the threads that are entered from now on in IndexedDB, and shows what is saved of one until the
    /// server has answered. Needs [`rejoin_core::Extras::SAVED`].
    pub fn keep_states(&self, cache: Cache) {
        self.driver
            .saved_place
            .replace(Some(Rc::new(IndexedStates::default())));
        self.send(Input::Saved(SavedInput::Kept { cache }));
    }

    /// Tells that a thread was deleted, so that what is saved of it is removed.
    pub fn forget_thread(&self, thread_id: ThreadId) {
        self.send(Input::Saved(SavedInput::ThreadDeleted { thread_id }));
    }

    /// Enters a thread, or with `None` a new one. Loads its state, and joins the run that is active on it.
    pub fn switch_thread(&self, thread_id: Option<ThreadId>) {
        self.driver.feed(Input::ThreadSwitched { thread_id });
    }

    /// Runs the assistant.
    pub fn submit(&self, submission: Submission) -> Conclusion {
        let (command, conclusion) = self.command();
        self.driver.feed(Input::SubmitRequested {
            command,
            submission: Box::new(submission),
        });
        conclusion
    }

    /// Joins a run by hand. Without a run id: the stored run, else the thread's active one.
    pub fn join_stream(&self, run_id: Option<RunId>) -> Conclusion {
        self.join_with(run_id, JoinOptions::default())
    }

    /// As [`Stream::join_stream`], from an event that is named, or with only some kinds of events.
    pub fn join_with(&self, run_id: Option<RunId>, options: JoinOptions) -> Conclusion {
        let (command, conclusion) = self.command();
        self.driver.feed(Input::JoinRequested {
            command,
            run_id,
            options,
        });
        conclusion
    }

    /// Goes on from an earlier point of the thread: edits a message, answers again, or tries again.
    pub fn edit(&self, edit: Edit) -> Conclusion {
        let (command, conclusion) = self.command();
        self.driver.feed(Input::Edit(EditInput::Requested {
            command,
            edit: Box::new(edit),
        }));
        conclusion
    }

    /// Takes a submission back that waits, and puts another in its place.
    pub fn replace_waiting(&self, id: String, submission: Submission) -> Conclusion {
        let (command, conclusion) = self.command();
        self.driver.feed(Input::Waiting(WaitingInput::Replace {
            id,
            command,
            submission: Box::new(submission),
        }));
        conclusion
    }

    /// Takes the result of a tool that runs here.
    pub fn add_tool_result(&self, result: ToolResult) -> Conclusion {
        let (command, conclusion) = self.command();
        self.driver.feed(Input::Tools(ToolsInput::ResultAdded {
            command,
            result: Box::new(result),
        }));
        conclusion
    }

    /// Shows the session of the client's thread, whichever that is, with pages of this many messages: [`View::session`].
    pub fn open_view(&self, limit: usize) {
        self.driver
            .feed(Input::Session(SessionInput::Opened { limit }));
    }

    /// Shows the page of the session before the first message that is shown.
    pub fn load_older(&self) -> Conclusion {
        let (command, conclusion) = self.command();
        self.driver
            .feed(Input::Session(SessionInput::OlderRequested { command }));
        conclusion
    }

    /// Forgets the session. The run that is followed goes on.
    pub fn close_view(&self) {
        self.driver.feed(Input::Session(SessionInput::Closed));
    }

    fn command(&self) -> (CommandId, Conclusion) {
        let (sender, receiver) = oneshot::channel();
        let id = self.driver.command();
        let sender = Cell::new(Some(sender));
        let told = move |notice: &Notice| {
            if let Notice::Concluded { command, outcome } = notice
                && *command == id
                && let Some(sender) = sender.take()
            {
                // Nobody may wait any more.
                drop(sender.send(outcome.clone()));
            }
        };
        // Where nothing is told any more the sender is dropped, which the receiver takes for `Disconnected`.
        let subscription = (!self.driver.is_disposed()).then(|| self.on_notice(told));
        let conclusion = Conclusion {
            receiver,
            _subscription: subscription,
        };
        (id, conclusion)
    }

    /// Disconnects. The agent goes on; everything received stays.
    pub fn stop(&self) {
        self.driver.feed(Input::StopRequested);
    }

    /// Stops the agent on the server.
    pub fn cancel(&self) {
        self.driver.feed(Input::CancelRequested);
    }

    /// Hands a fact to the client, for adapters that name their commands themselves. Their outcomes come as
    /// [`Notice::Concluded`]; do not mix this with [`Stream::submit`] and [`Stream::join_stream`], which count from 1.
    pub fn send(&self, input: Input) {
        self.driver.feed(input);
    }

    /// Lends the view. Commands given meanwhile are queued until it is given back.
    pub fn with_view<R>(&self, read: impl FnOnce(View<'_>) -> R) -> R {
        self.driver.with_view(read)
    }

    /// Calls `reader` when the view has changed, at most once per animation frame. A hidden page calls it every 100 ms at
    /// most, a place without frames every 16 ms. Two calls are never closer than [`StreamOptions::notify_interval`]. A
    /// reader that owns a `Stream` keeps it alive: let it own a [`WeakStream`].
    pub fn subscribe(&self, reader: impl Fn() + 'static) -> Subscription {
        self.driver.readers.add(Rc::new(move |told| {
            if let Told::Changed = told {
                reader();
            }
        }))
    }

    /// Calls `reader` with every notice, at once and in order.
    pub fn on_notice(&self, reader: impl Fn(&Notice) + 'static) -> Subscription {
        self.driver.readers.add(Rc::new(move |told| {
            if let Told::Notice(notice) = told {
                reader(notice);
            }
        }))
    }

    /// Drops every request, timer, listener and subscription, without cancelling the run. The record of
    /// an unfinished run is kept, so a new client on the same thread rejoins it. Commands do nothing afterwards, and what
    /// waits for a [`Conclusion`] gets [`Outcome::Disconnected`].
    pub fn dispose(&self) {
        self.driver.dispose();
    }

    /// A handle that does not keep the client alive.
    pub fn downgrade(&self) -> WeakStream {
        WeakStream {
            driver: Rc::downgrade(&self.driver),
        }
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stream")
    }
}

/// A [`Stream`] that others keep alive.
#[derive(Clone)]
pub struct WeakStream {
    driver: Weak<Driver>,
}

impl WeakStream {
    /// The stream, if it is still there.
    pub fn upgrade(&self) -> Option<Stream> {
        self.driver.upgrade().map(|driver| Stream { driver })
    }
}

impl fmt::Debug for WeakStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WeakStream")
    }
}

/// The outcome of a command, once it has ended. Dropping it changes nothing.
#[derive(Debug)]
pub struct Conclusion {
    receiver: oneshot::Receiver<Outcome>,
    _subscription: Option<Subscription>,
}

impl Future for Conclusion {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        Pin::new(&mut self.receiver)
            .poll(context)
            .map(|outcome| outcome.unwrap_or(Outcome::Disconnected))
    }
}
