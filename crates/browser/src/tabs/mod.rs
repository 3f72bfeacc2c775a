//! Tabs share connections: the browser's side of [`rejoin_core::tabs`], which decides.
//!
//! All of it is reached by [`crate::Stream::share_connections`] only, so the npm package's first module is without it.

mod channel;
mod lock;
mod name;
mod opening;
mod thread;

use crate::{driver::Driver, intermediary::Intermediary, now, page::document, schedule::Alarm};
use channel::Channel;
use lock::Lock;
use opening::Named;
use rejoin_core::{
    AttemptId, HttpRequest, Input,
    tabs::{self, Effect, Own, Place, SharedStream},
};
use std::{
    cell::{Cell, RefCell, RefMut},
    rc::{Rc, Weak},
};
use thread::OpenThread;

/// The tabs that share the connection of a stream. Only tabs of one origin, one browser profile and one version of this library can.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShareConnections {
    /// Those whose requests have the same headers. Cookies are not seen, nor the additions of a
    /// [`crate::StreamOptions::fetch`].
    SameHeaders,
    /// Those that give the same text here, which names the user: for headers that differ from tab to tab, and for cookies.
    As(String),
}

/// After so many connections in a row that other tabs took, a client keeps its own: something keeps tabs from hearing each other.
const TAKEN_MAX: u32 = 3;

/// The state that one client shares with other tabs.
pub(crate) struct Tabs {
    this: Weak<Tabs>,
    driver: Weak<Driver>,
    share: ShareConnections,
    streams: RefCell<Vec<Shared>>,
    alarm: Alarm,
    locks_asked: Cell<u64>,
    taken: Cell<u32>,
    /// The leader that the client gave up last, as nothing came of it.
    doubted: Cell<Option<u64>>,
    frozen: Cell<bool>,
    thread: RefCell<OpenThread>,
    /// Streams that have ended since the page was frozen. A page must ask for nothing then, so the client is told when it is thawed.
    ended: RefCell<Vec<AttemptId>>,
}

/// One stream of the client.
struct Shared {
    attempt: AttemptId,
    request: HttpRequest,
    /// As they were when it was opened. A connection of this name is never made with others.
    headers: Vec<(String, String)>,
    /// `None` until it has its name.
    stream: Option<SharedStream>,
    name: String,
    channel: Option<Channel>,
    lock: Option<Lock>,
    /// The number of this stream's request for the lock.
    lock_number: u64,
    has_lock: bool,
    /// Whether another tab has taken the lock.
    was_taken: bool,
}

impl Shared {
    fn new(attempt: AttemptId, request: HttpRequest) -> Self {
        Self {
            attempt,
            request,
            headers: Vec::new(),
            stream: None,
            name: String::new(),
            channel: None,
            lock: None,
            lock_number: 0,
            has_lock: false,
            was_taken: false,
        }
    }
}

impl Intermediary for Tabs {
    fn open(&self, attempt: AttemptId, request: HttpRequest) -> Option<HttpRequest> {
        match self.place(&request) {
            Some(place) => {
                self.begin(attempt, request, place);
                None
            }
            None => Some(request),
        }
    }

    fn passes(&self, input: &Input) -> bool {
        let (attempt, own) = match input {
            Input::HeadersArrived {
                attempt,
                status,
                headers,
            } => {
                let is_stream = *status == 200 && value(headers, "content-type").contains(STREAM);
                (*attempt, Own::Headers { is_stream })
            }
            Input::ChunkArrived { attempt, bytes } => (*attempt, Own::Bytes(bytes)),
            Input::EventArrived { attempt, .. } => (*attempt, Own::Other),
            Input::BodyEnded { attempt } => (*attempt, Own::Ended),
            Input::RequestFailed { attempt, .. } => (*attempt, Own::Failed),
            _ => return true,
        };
        let Some(mut shared) = self.find(attempt) else {
            return true;
        };
        let Some(stream) = &mut shared.stream else {
            return true;
        };
        let passes = stream.own(own);
        let is_stream = own == Own::Headers { is_stream: true };
        let begun_on = tabs::thread_of(&shared.request).filter(|_| is_stream);
        let begun_on = begun_on.map(str::to_owned);
        let url = match input {
            Input::HeadersArrived { headers, .. } => {
                tabs::joined_at(&shared.request.url, value(headers, "content-location"))
            }
            _ => None,
        };
        drop(shared);
        self.run(attempt);
        match url {
            Some(url) => self.find_name(attempt, &url, Named::Begun { on: begun_on }),
            None => self.run_has_begun(begun_on.as_deref()),
        }
        passes
    }

    fn closed(&self, attempt: AttemptId) {
        if let Some(shared) = self.find(attempt) {
            let followed = shared.stream.as_ref();
            let doubted = followed.and_then(|stream| stream.doubts(now()));
            self.doubted.set(doubted.or(self.doubted.get()));
        }
        self.close(attempt);
    }

    fn page_froze(&self, is_frozen: bool) {
        self.frozen.set(is_frozen);
        if is_frozen {
            return self.tell_all(&tabs::Input::Frozen);
        }
        for attempt in self.ended.take() {
            self.feed(Input::BodyEnded { attempt });
        }
    }

    fn client_changed(&self) {
        self.note_thread();
    }

    fn end_all(&self) {
        // What has no name yet goes on by itself.
        self.tell_all(&tabs::Input::Frozen);
        self.close_all();
    }

    fn close_all(&self) {
        self.alarm.clear();
        drop(std::mem::take(&mut *self.streams.borrow_mut()));
        drop(self.thread.take());
    }
}

impl Tabs {
    pub(crate) fn shared(share: ShareConnections, driver: &Rc<Driver>) -> Rc<Self> {
        Rc::new_cyclic(|this: &Weak<Self>| Self {
            this: this.clone(),
            driver: Rc::downgrade(driver),
            share,
            streams: RefCell::default(),
            alarm: Alarm::new({
                let this = this.clone();
                move || {
                    if let Some(this) = this.upgrade() {
                        this.alarm_fired();
                    }
                }
            }),
            locks_asked: Cell::new(0),
            taken: Cell::new(0),
            doubted: Cell::new(None),
            frozen: Cell::new(false),
            thread: RefCell::default(),
            ended: RefCell::default(),
        })
    }

    /// Whether this is a page that can know of others: other realms have no tabs.
    fn has_tabs() -> bool {
        document().is_some() && lock::locks().is_some()
    }

    /// The place at which this client may share a request, if it may.
    fn place(&self, request: &HttpRequest) -> Option<Place> {
        let may = self.taken.get() < TAKEN_MAX && Self::has_tabs();
        may.then(|| Place::of(request)).flatten()
    }

    fn feed(&self, input: Input) {
        if let Some(driver) = self.driver.upgrade() {
            driver.feed(input);
        }
    }

    /// Tells a stream what happens.
    fn telling<T>(
        &self,
        attempt: AttemptId,
        input: impl Fn(T) -> tabs::Input + 'static,
    ) -> impl Fn(T) + 'static {
        let this = self.this.clone();
        move |said| {
            if let Some(this) = this.upgrade() {
                this.tell(attempt, input(said));
            }
        }
    }

    fn tell(&self, attempt: AttemptId, input: tabs::Input) {
        if let Some(mut shared) = self.find(attempt)
            && let Some(stream) = &mut shared.stream
        {
            stream.handle(now(), input);
            drop(shared);
            self.run(attempt);
        }
    }

    fn tell_all(&self, input: &tabs::Input) {
        let streams = self.streams.borrow();
        let attempts: Vec<AttemptId> = streams.iter().map(|shared| shared.attempt).collect();
        drop(streams);
        for attempt in attempts {
            self.tell(attempt, input.clone());
        }
    }

    /// Carries out what a stream orders. Foreign code runs, so the stream may be gone before all is done.
    fn run(&self, attempt: AttemptId) {
        let effects: Vec<Effect> = match self.find(attempt) {
            Some(mut shared) => {
                let stream = shared.stream.as_mut();
                stream.map_or_else(Vec::new, |stream| {
                    std::iter::from_fn(|| stream.poll_effect()).collect()
                })
            }
            None => return,
        };
        for effect in effects {
            self.carry_out(attempt, effect);
        }
        self.set_alarm();
    }

    fn carry_out(&self, attempt: AttemptId, effect: Effect) {
        match effect {
            Effect::Lock { steal } => self.ask_lock(attempt, steal),
            Effect::Fetch { cursor } => self.fetch(attempt, cursor.as_deref()),
            Effect::DropFetch => {
                if let Some(driver) = self.driver.upgrade() {
                    driver.http.abort(attempt);
                }
            }
            Effect::Post(message) => {
                if let Some(shared) = self.find(attempt)
                    && let Some(channel) = &shared.channel
                {
                    channel.post(&message);
                }
            }
            Effect::Open => self.feed(Input::HeadersArrived {
                attempt,
                status: 200,
                headers: vec![("content-type".to_owned(), STREAM.to_owned())],
            }),
            Effect::Feed(bytes) => self.feed(Input::ChunkArrived { attempt, bytes }),
            Effect::End if self.frozen.get() => self.ended.borrow_mut().push(attempt),
            Effect::End => self.feed(Input::BodyEnded { attempt }),
            Effect::Close => self.close(attempt),
        }
    }

    fn ask_lock(&self, attempt: AttemptId, steal: bool) {
        let number = self.locks_asked.get() + 1;
        self.locks_asked.set(number);
        let told = {
            let this = self.this.clone();
            move |had| {
                if let Some(this) = this.upgrade() {
                    this.lock_told(attempt, number, had);
                }
            }
        };
        let Some(mut shared) = self.find(attempt) else {
            return;
        };
        shared.lock_number = number;
        shared.has_lock = false;
        let (before, name) = (shared.lock.take(), shared.name.clone());
        drop(shared);
        drop(before);
        let asked = lock::locks().map(|locks| Lock::ask(&locks, &name, steal, told));
        match asked {
            Some(Ok(lock)) => {
                if let Some(mut shared) = self.find(attempt) {
                    shared.lock = Some(lock);
                }
            }
            Some(Err(_)) | None => self.tell(attempt, tabs::Input::LockLost),
        }
    }

    fn lock_told(&self, attempt: AttemptId, number: u64, had: bool) {
        let is_asked = |shared: &RefMut<'_, Shared>| shared.lock_number == number;
        let Some(mut shared) = self.find(attempt).filter(is_asked) else {
            return;
        };
        shared.was_taken = std::mem::replace(&mut shared.has_lock, had);
        drop(shared);
        let input = match had {
            true => tabs::Input::Locked,
            false => tabs::Input::LockLost,
        };
        self.tell(attempt, input);
    }

    /// Shares a stream no more.
    fn close(&self, attempt: AttemptId) {
        let mut streams = self.streams.borrow_mut();
        let at = streams.iter().position(|shared| shared.attempt == attempt);
        let closed = at.map(|at| streams.swap_remove(at));
        drop(streams);
        if let Some(closed) = closed {
            self.taken.set(match closed.was_taken {
                true => self.taken.get() + 1,
                false => 0,
            });
        }
    }

    /// Foreign code must not run before it is given back.
    fn find(&self, attempt: AttemptId) -> Option<RefMut<'_, Shared>> {
        let is = |shared: &&mut Shared| shared.attempt == attempt;
        RefMut::filter_map(self.streams.borrow_mut(), |streams| {
            streams.iter_mut().find(is)
        })
        .ok()
    }

    fn set_alarm(&self) {
        let deadline = |shared: &Shared| shared.stream.as_ref()?.deadline();
        let next = self.streams.borrow().iter().filter_map(deadline).min();
        self.alarm.set(next);
    }

    fn alarm_fired(&self) {
        self.alarm.fired();
        self.tell_all(&tabs::Input::DeadlineReached);
        self.set_alarm();
    }
}

const STREAM: &str = "text/event-stream";

fn value<'a>(headers: &'a [(String, String)], wanted: &str) -> &'a str {
    let found = headers.iter().find(|(name, _)| name == wanted);
    found.map_or("", |(_, value)| value)
}
