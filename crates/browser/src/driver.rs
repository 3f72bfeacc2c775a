//! The loop: input, effects, timer, repaint.

use crate::{
    clock::{now, random_seed, wall_clock},
    http::{Body, Http},
    intermediary::Intermediary,
    locks::Locks,
    page::Listener,
    readers::{Readers, Told},
    saved::SavedPlace,
    schedule::{Alarm, Repaint},
    storage::Records,
    stream::{CheckpointResolver, StreamOptions},
};
use rejoin_core::{AttemptId, Client, CommandId, EditInput, Effect, HttpRequest, Input, View};
use std::{
    cell::{Cell, RefCell},
    rc::{Rc, Weak},
};

/// Everything around one client.
///
/// The client is borrowed only in [`Driver::step`], [`Driver::refresh`], [`Driver::with_view`], [`Driver::repaint_due`] and
/// [`Driver::dispose`]. Of these only `with_view` runs foreign code meanwhile, and it is `busy` then, which keeps inputs queued.
pub(crate) struct Driver {
    this: Weak<Driver>,
    client: RefCell<Client>,
    inputs: RefCell<Vec<Input>>,
    /// Someone up the call stack takes the inputs.
    busy: Cell<bool>,
    /// Inputs have come since the view was refreshed.
    unread: Cell<bool>,
    disposed: Cell<bool>,
    shown_revision: Cell<u64>,
    commands: Cell<u64>,
    pub(crate) http: Http,
    intermediary: RefCell<Option<Rc<dyn Intermediary>>>,
    records: Records,
    locks: Locks,
    /// The place of threads' last states, if they are saved.
    pub(crate) saved_place: RefCell<Option<Rc<dyn SavedPlace>>>,
    resolve_checkpoint: Option<CheckpointResolver>,
    alarm: Alarm,
    repaint: Repaint,
    listener: RefCell<Option<Listener>>,
    pub(crate) readers: Readers,
}

impl Driver {
    pub(crate) fn new(options: StreamOptions) -> Rc<Self> {
        let StreamOptions {
            config,
            storage,
            headers,
            credentials,
            fetch,
            response_bytes_max,
            notify_interval,
            resolve_checkpoint,
            cache: _,
        } = options;
        let driver = Rc::new_cyclic(|this: &Weak<Self>| Self {
            this: this.clone(),
            client: RefCell::new(Client::without_extras(config, random_seed())),
            inputs: RefCell::default(),
            busy: Cell::new(false),
            unread: Cell::new(false),
            disposed: Cell::new(false),
            shown_revision: Cell::new(0),
            commands: Cell::new(0),
            http: Http::new(headers, credentials, fetch, response_bytes_max),
            intermediary: RefCell::default(),
            records: Records::new(storage),
            locks: Locks::default(),
            saved_place: RefCell::default(),
            resolve_checkpoint,
            alarm: Alarm::new(calling(this, Self::alarm_fired)),
            repaint: Repaint::new(notify_interval, calling(this, Self::repaint_due)),
            listener: RefCell::default(),
            readers: Readers::default(),
        });
        driver.feed(Input::PageOpened {
            wall_clock: wall_clock(),
        });
        let listener = crate::page::listen(&driver);
        driver.listener.replace(Some(listener));
        driver
    }

    /// Hands a fact to the client, now, or when whoever is busy with it is done.
    pub(crate) fn feed(&self, input: Input) {
        if self.disposed.get() {
            return;
        }
        self.inputs.borrow_mut().push(input);
        self.pump();
    }

    /// Hands on what has come of a connection, unless whoever stands between keeps it.
    pub(crate) fn feed_from_network(&self, input: Input) {
        let between = self.intermediary();
        if between.is_none_or(|between| between.passes(&input)) {
            self.feed(input);
        }
    }

    /// From now on this stands between the client and the connections of its streams. The connections of the one before end.
    pub(crate) fn set_intermediary(&self, between: Option<Rc<dyn Intermediary>>) {
        if let Some(before) = self.intermediary.replace(between) {
            before.end_all();
        }
    }

    pub(crate) fn intermediary(&self) -> Option<Rc<dyn Intermediary>> {
        self.intermediary.borrow().clone()
    }

    /// A new command.
    pub(crate) fn command(&self) -> CommandId {
        // 0 is nobody's.
        let id = CommandId(self.commands.get() + 1);
        self.commands.set(id.0);
        id
    }

    pub(crate) fn is_disposed(&self) -> bool {
        self.disposed.get()
    }

    pub(crate) fn with_view<R>(&self, read: impl FnOnce(View<'_>) -> R) -> R {
        self.refresh();
        let outermost = !self.busy.replace(true);
        let result = read(self.client.borrow().view());
        if outermost {
            self.busy.set(false);
            self.pump();
        }
        result
    }

    /// Looks at the client while it takes nothing in.
    pub(crate) fn peek<R>(&self, read: impl FnOnce(&Client) -> R) -> R {
        read(&self.client.borrow())
    }

    pub(crate) fn visibility_changed(&self) {
        self.repaint.visibility_changed();
    }

    /// Drops everything but what the view shows. The run goes on without this client.
    pub(crate) fn dispose(&self) {
        if self.disposed.replace(true) {
            return;
        }
        self.inputs.borrow_mut().clear();
        self.listener.replace(None);
        self.alarm.clear();
        self.repaint.clear();
        if let Some(between) = self.intermediary() {
            between.close_all();
        }
        self.http.abort_all();
        self.keep_record();
        self.locks.release_all();
        self.readers.clear();
    }

    /// Whoever mounts this thread again finds its run, as after a reload. While a reader borrows the client
    /// that is left out: the record is then at most [`rejoin_core::Timeouts::record`] old.
    fn keep_record(&self) {
        if self.client.try_borrow_mut().is_err() {
            return;
        }
        let hiding = Input::PageHiding {
            wall_clock: wall_clock(),
        };
        for effect in self.step(hiding) {
            if let Effect::SaveRecord { .. } | Effect::RemoveRecord { .. } = effect {
                self.run(effect);
            }
        }
    }

    fn pump(&self) {
        if self.busy.replace(true) {
            return;
        }
        loop {
            let input = take_first(&mut self.inputs.borrow_mut());
            let Some(input) = input else { break };
            for effect in self.step(input) {
                if !self.disposed.get() {
                    self.run(effect);
                }
            }
        }
        self.busy.set(false);
        if !self.disposed.get() {
            self.repaint.request();
            self.set_alarm();
            if let Some(between) = self.intermediary() {
                between.client_changed();
            }
        }
    }

    #[inline(never)]
    fn step(&self, input: Input) -> Vec<Effect> {
        let mut client = self.client.borrow_mut();
        self.unread.set(true);
        client.handle(now(), input);
        std::iter::from_fn(|| client.poll_effect()).collect()
    }

    /// Runs foreign code: nothing is borrowed here.
    fn run(&self, effect: Effect) {
        match effect {
            Effect::OpenStream { attempt, request } => self.open_stream(attempt, request),
            Effect::SendRequest { attempt, request } => {
                self.http.start(&self.this, attempt, request, Body::Whole);
            }
            Effect::Abort { attempt } => {
                if let Some(between) = self.intermediary() {
                    between.closed(attempt);
                }
                self.http.abort(attempt);
            }
            Effect::LoadRecord { key } => {
                let (text, wrong) = self.records.load(&key);
                self.tell_storage(wrong);
                self.feed(Input::RecordLoaded {
                    key,
                    text,
                    wall_clock: wall_clock(),
                });
            }
            Effect::SaveRecord { key, text } => self.tell_storage(self.records.save(&key, &text)),
            Effect::RemoveRecord { key } => self.tell_storage(self.records.remove(&key)),
            Effect::SavePart { key, part, text } => {
                self.tell_storage(self.records.save_part(&key, &part, text.as_deref()));
            }
            Effect::HoldLock { name } => self.locks.hold(&self.this, name),
            Effect::ReleaseLock { name } => self.locks.release(&name),
            Effect::ResolveCheckpoint { command, parents } => match &self.resolve_checkpoint {
                Some(resolve) => resolve(command, parents),
                None => self.feed(Input::Edit(EditInput::CheckpointResolved {
                    command,
                    checkpoint: Err("nobody looks checkpoints up".to_owned()),
                })),
            },
            Effect::Saved(effect) => {
                let place = self.saved_place.borrow().clone();
                if let Some(place) = place {
                    place.take(&self.this, effect);
                }
            }
            Effect::Notify(notice) => self.readers.tell(Told::Notice(&notice)),
        }
    }

    fn open_stream(&self, attempt: AttemptId, request: HttpRequest) {
        let left = match self.intermediary() {
            Some(between) => between.open(attempt, request),
            None => Some(request),
        };
        if let Some(request) = left {
            self.http
                .start(&self.this, attempt, request, Body::Streamed);
        }
    }

    fn tell_storage(&self, wrong: Option<rejoin_core::ErrorCode>) {
        if let Some(error) = wrong {
            self.feed(Input::StorageFailed { error });
        }
    }

    fn set_alarm(&self) {
        self.alarm
            .set(self.client.borrow().deadline().map(|(time, _)| time));
    }

    fn alarm_fired(&self) {
        self.alarm.fired();
        let due = self
            .client
            .borrow()
            .deadline()
            .is_some_and(|(time, _)| time <= now());
        if due {
            self.feed(Input::DeadlineReached);
        } else {
            // It has moved away since the timer was set, or the timer was early.
            self.set_alarm();
        }
    }

    fn refresh(&self) {
        if self.unread.replace(false) {
            match self.client.try_borrow_mut() {
                Ok(mut client) => client.refresh_view(),
                Err(_) => self.unread.set(true),
            }
        }
    }

    fn repaint_due(&self) {
        self.repaint.fired();
        self.refresh();
        let revision = self.client.borrow().view().revision();
        if self.shown_revision.replace(revision) != revision {
            self.readers.tell(Told::Changed);
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.dispose();
    }
}

fn calling(this: &Weak<Driver>, method: fn(&Driver)) -> impl Fn() + 'static {
    let this = this.clone();
    move || {
        if let Some(driver) = this.upgrade() {
            method(&driver);
        }
    }
}

/// Inputs seldom wait, and never many.
fn take_first(inputs: &mut Vec<Input>) -> Option<Input> {
    (!inputs.is_empty()).then(|| inputs.remove(0))
}
