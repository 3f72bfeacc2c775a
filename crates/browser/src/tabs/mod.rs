//! Tabs share connections: the browser's side of [`rejoin_core::tabs`], which decides.

mod channel;
mod lock;
mod name;

use crate::{clock::random_seed, driver::Driver, http::Body, now, page::document, schedule::Alarm};
use channel::Channel;
use lock::Lock;
use rejoin_core::{
    AttemptId, HttpRequest, Input, TransportError,
    tabs::{self, Effect, Kind, Own, Place, SharedStream},
};
use std::{
    cell::{Cell, RefCell, RefMut},
    rc::Rc,
};

/// Which tabs share the connection of a stream. Only tabs of one origin, one browser profile and one version of this library can.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ShareConnections {
    /// None: each has its own. The default.
    #[default]
    Off,
    /// Those whose requests have the same headers. What cookies say is not seen, nor what a
    /// [`crate::StreamOptions::fetch`] adds.
    SameHeaders,
    /// Those that give the same text here, which names the user: for headers that differ from tab to tab, and for cookies.
    As(String),
}

/// After so many connections that other tabs took, a client keeps its own: something keeps tabs from hearing each other.
const TAKEN_MAX: u32 = 3;

/// The streams of one client that other tabs may share.
pub(crate) struct Sharing {
    share: ShareConnections,
    streams: RefCell<Vec<Shared>>,
    alarm: Alarm,
    locks_asked: Cell<u64>,
    taken: Cell<u32>,
    frozen: Cell<bool>,
    /// Streams that have ended since the page was frozen. A page must ask for nothing then, so the client is told when it is thawed.
    ended: RefCell<Vec<AttemptId>>,
}

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
    /// Which of the locks asked for is this one's.
    lock_number: u64,
    has_lock: bool,
}

impl Sharing {
    pub(crate) fn new(share: ShareConnections, fired: impl Fn() + 'static) -> Self {
        Self {
            share,
            streams: RefCell::default(),
            alarm: Alarm::new(fired),
            locks_asked: Cell::new(0),
            taken: Cell::new(0),
            frozen: Cell::new(false),
            ended: RefCell::default(),
        }
    }

    /// What this client may share of a request. Pages only: other realms have no tabs.
    fn place(&self, request: &HttpRequest) -> Option<Place> {
        let may = self.share != ShareConnections::Off && self.taken.get() < TAKEN_MAX;
        (may && document().is_some() && lock::locks().is_some())
            .then(|| Place::of(request))
            .flatten()
    }

    /// Opens a stream, with a connection of its own or without.
    pub(crate) fn open(&self, driver: &Rc<Driver>, attempt: AttemptId, request: HttpRequest) {
        let Some(place) = self.place(&request) else {
            return driver
                .http
                .start(&Rc::downgrade(driver), attempt, request, Body::Streamed);
        };
        let refresh = request.refresh_headers;
        self.streams.borrow_mut().push(Shared {
            attempt,
            request,
            headers: Vec::new(),
            stream: None,
            name: String::new(),
            channel: None,
            lock: None,
            lock_number: 0,
            has_lock: false,
        });
        let driver_then = Rc::downgrade(driver);
        driver.http.make_headers(
            refresh,
            Box::new(move |headers| {
                if let Some(driver) = driver_then.upgrade() {
                    driver
                        .sharing
                        .headers_made(&driver, attempt, place, headers);
                }
            }),
        );
    }

    fn headers_made(
        &self,
        driver: &Rc<Driver>,
        attempt: AttemptId,
        place: Place,
        headers: Result<Vec<(String, String)>, String>,
    ) {
        let Some(mut shared) = self.find(attempt) else {
            return;
        };
        match headers {
            Ok(headers) => shared.headers = headers,
            Err(message) => {
                drop(shared);
                self.close(attempt);
                let error = TransportError::Headers { message };
                return driver.feed(Input::RequestFailed { attempt, error });
            }
        }
        match place {
            Place::Begun => {
                shared.stream = Some(SharedStream::begun(random_seed()));
                drop(shared);
                self.run(driver, attempt);
            }
            Place::Joined { kind, url, cursor } => {
                drop(shared);
                self.find_name(driver, attempt, &url, Some((kind, cursor)));
            }
        }
    }

    /// Makes the name. What is joined begins then; a stream that this tab has begun can be followed then.
    fn find_name(
        &self,
        driver: &Rc<Driver>,
        attempt: AttemptId,
        url: &str,
        joined: Option<(Kind, String)>,
    ) {
        let Some(shared) = self.find(attempt) else {
            return;
        };
        let text = name::identified(&self.identity(&shared.headers), url);
        drop(shared);
        let driver = Rc::downgrade(driver);
        crate::when_settled(
            name::digest(&text),
            Box::new(move |digest| {
                if let Some(driver) = driver.upgrade() {
                    let name = digest.ok().and_then(|digest| name::name_of(&digest));
                    driver.sharing.named(&driver, attempt, name, joined);
                }
            }),
        );
    }

    fn identity(&self, headers: &[(String, String)]) -> String {
        if let ShareConnections::As(text) = &self.share {
            return ["as ", text].concat();
        }
        let mut identity = "headers".to_owned();
        for (name, value) in headers {
            for part in ["\n", name, ":", value] {
                identity.push_str(part);
            }
        }
        identity
    }

    fn named(
        &self,
        driver: &Rc<Driver>,
        attempt: AttemptId,
        name: Option<String>,
        joined: Option<(Kind, String)>,
    ) {
        let heard = self.telling(driver, attempt, tabs::Input::Heard);
        let channel = name.as_ref().map(|name| Channel::open(name, heard));
        let Some(mut shared) = self.find(attempt) else {
            return;
        };
        let (Some(name), Some(Ok(channel))) = (name, channel) else {
            // One that has a connection goes on with it.
            let alone = joined.is_some();
            let (request, headers) = (shared.request.clone(), shared.headers.clone());
            drop(shared);
            self.close(attempt);
            if alone {
                driver.http.start_with(driver, attempt, request, headers);
            }
            return;
        };
        shared.name = name;
        shared.channel = Some(channel);
        match (joined, &mut shared.stream) {
            (Some((kind, cursor)), stream) => {
                *stream = Some(SharedStream::joined(now(), kind, random_seed(), cursor));
            }
            (None, Some(begun)) => begun.handle(now(), tabs::Input::Named),
            (None, None) => {}
        }
        drop(shared);
        self.run(driver, attempt);
    }

    /// Tells a stream what happens.
    fn telling<T>(
        &self,
        driver: &Rc<Driver>,
        attempt: AttemptId,
        input: impl Fn(T) -> tabs::Input + 'static,
    ) -> impl Fn(T) + 'static {
        let driver = Rc::downgrade(driver);
        move |said| {
            if let Some(driver) = driver.upgrade() {
                driver.sharing.tell(&driver, attempt, input(said));
            }
        }
    }

    fn tell(&self, driver: &Rc<Driver>, attempt: AttemptId, input: tabs::Input) {
        if let Some(mut shared) = self.find(attempt)
            && let Some(stream) = &mut shared.stream
        {
            stream.handle(now(), input);
            drop(shared);
            self.run(driver, attempt);
        }
    }

    /// Whether the client is to be told what has come of a connection.
    pub(crate) fn passes(&self, driver: &Rc<Driver>, input: &Input) -> bool {
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
        let url = match input {
            Input::HeadersArrived { headers, .. } => {
                tabs::joined_at(&shared.request.url, value(headers, "content-location"))
            }
            _ => None,
        };
        drop(shared);
        self.run(driver, attempt);
        if let Some(url) = url {
            self.find_name(driver, attempt, &url, None);
        }
        passes
    }

    /// Carries out what a stream orders. Foreign code runs, so the stream may be gone before all is done.
    fn run(&self, driver: &Rc<Driver>, attempt: AttemptId) {
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
            self.carry_out(driver, attempt, effect);
        }
        self.set_alarm();
    }

    fn carry_out(&self, driver: &Rc<Driver>, attempt: AttemptId, effect: Effect) {
        match effect {
            Effect::Lock { steal } => self.ask_lock(driver, attempt, steal),
            Effect::Fetch { cursor } => {
                let Some(shared) = self.find(attempt) else {
                    return;
                };
                let request = match cursor {
                    Some(cursor) => tabs::from_cursor(&shared.request, &cursor),
                    None => shared.request.clone(),
                };
                let headers = shared.headers.clone();
                drop(shared);
                driver.http.start_with(driver, attempt, request, headers);
            }
            Effect::DropFetch => driver.http.abort(attempt),
            Effect::Post(message) => {
                if let Some(shared) = self.find(attempt)
                    && let Some(channel) = &shared.channel
                {
                    channel.post(&message);
                }
            }
            Effect::Open => driver.feed(Input::HeadersArrived {
                attempt,
                status: 200,
                headers: vec![("content-type".to_owned(), STREAM.to_owned())],
            }),
            Effect::Feed(bytes) => driver.feed(Input::ChunkArrived { attempt, bytes }),
            Effect::End if self.frozen.get() => self.ended.borrow_mut().push(attempt),
            Effect::End => driver.feed(Input::BodyEnded { attempt }),
            Effect::Close => self.close(attempt),
        }
    }

    fn ask_lock(&self, driver: &Rc<Driver>, attempt: AttemptId, steal: bool) {
        let number = self.locks_asked.get() + 1;
        self.locks_asked.set(number);
        let told = {
            let driver = Rc::downgrade(driver);
            move |had| {
                if let Some(driver) = driver.upgrade() {
                    driver.sharing.lock_told(&driver, attempt, number, had);
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
            Some(Err(_)) | None => self.tell(driver, attempt, tabs::Input::LockLost),
        }
    }

    fn lock_told(&self, driver: &Rc<Driver>, attempt: AttemptId, number: u64, had: bool) {
        let Some(mut shared) = self
            .find(attempt)
            .filter(|shared| shared.lock_number == number)
        else {
            return;
        };
        let was_had = std::mem::replace(&mut shared.has_lock, had);
        drop(shared);
        if was_had {
            self.taken.set(self.taken.get() + 1);
        }
        let input = match had {
            true => tabs::Input::Locked,
            false => tabs::Input::LockLost,
        };
        self.tell(driver, attempt, input);
    }

    /// Shares a stream no more.
    pub(crate) fn close(&self, attempt: AttemptId) {
        let mut streams = self.streams.borrow_mut();
        let at = streams.iter().position(|shared| shared.attempt == attempt);
        let closed = at.map(|at| streams.swap_remove(at));
        drop(streams);
        drop(closed);
    }

    pub(crate) fn close_all(&self) {
        self.alarm.clear();
        drop(std::mem::take(&mut *self.streams.borrow_mut()));
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

    pub(crate) fn alarm_fired(&self, driver: &Rc<Driver>) {
        self.alarm.fired();
        self.tell_all(driver, &tabs::Input::DeadlineReached);
        self.set_alarm();
    }

    pub(crate) fn page_freezes(&self, driver: &Rc<Driver>) {
        self.frozen.set(true);
        self.tell_all(driver, &tabs::Input::Frozen);
    }

    pub(crate) fn page_thaws(&self, driver: &Rc<Driver>) {
        self.frozen.set(false);
        for attempt in self.ended.take() {
            driver.feed(Input::BodyEnded { attempt });
        }
    }

    fn tell_all(&self, driver: &Rc<Driver>, input: &tabs::Input) {
        let streams = self.streams.borrow();
        let attempts: Vec<AttemptId> = streams.iter().map(|shared| shared.attempt).collect();
        drop(streams);
        for attempt in attempts {
            self.tell(driver, attempt, input.clone());
        }
    }
}

const STREAM: &str = "text/event-stream";

fn value<'a>(headers: &'a [(String, String)], wanted: &str) -> &'a str {
    let found = headers.iter().find(|(name, _)| name == wanted);
    found.map_or("", |(_, value)| value)
}
