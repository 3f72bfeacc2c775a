//! How a shared stream begins: its headers, its name, its channel.

use super::{ShareConnections, Shared, Tabs, channel::Channel, name};
use crate::{
    clock::random_seed,
    identity::{self, digest},
    now,
};
use rejoin_core::{
    AttemptId, HttpRequest, Input, TransportError,
    tabs::{self, Kind, Place, SharedStream},
};

/// The stream that gets its name.
pub(super) enum Named {
    /// A run that this tab has begun on the thread with this address, if on any. The other tabs are told only now: who hears of it
    /// asks for the lock, and this tab has the connection already.
    Begun { on: Option<String> },
    /// One that other tabs may have.
    Joined { kind: Kind, cursor: String },
}

impl Tabs {
    pub(super) fn begin(&self, attempt: AttemptId, request: HttpRequest, place: Place) {
        let Some(driver) = self.driver.upgrade() else {
            return;
        };
        let refresh = request.refresh_headers;
        self.streams
            .borrow_mut()
            .push(Shared::new(attempt, request));
        let this = self.this.clone();
        driver.http.make_headers(
            refresh,
            Box::new(move |headers| {
                if let Some(this) = this.upgrade() {
                    this.headers_made(attempt, place, headers);
                }
            }),
        );
    }

    fn headers_made(
        &self,
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
                return self.feed(Input::RequestFailed { attempt, error });
            }
        }
        match place {
            Place::Begun => {
                shared.stream = Some(SharedStream::begun(random_seed()));
                drop(shared);
                self.run(attempt);
            }
            Place::Joined { kind, url, cursor } => {
                drop(shared);
                self.find_name(attempt, &url, Named::Joined { kind, cursor });
            }
        }
    }

    /// Makes the name. A shared stream is joined then, and a stream that this tab has begun can be followed from then on.
    pub(super) fn find_name(&self, attempt: AttemptId, url: &str, named: Named) {
        let Some(shared) = self.find(attempt) else {
            return;
        };
        let text = name::identified(&self.identity(&shared.headers), url);
        drop(shared);
        let this = self.this.clone();
        crate::when_settled(
            digest(&text),
            Box::new(move |digest| {
                if let Some(this) = this.upgrade() {
                    let name = digest.ok().and_then(|digest| name::name_of(&digest));
                    match named {
                        Named::Begun { on } => {
                            this.begun_named(attempt, name);
                            this.run_has_begun(on.as_deref());
                        }
                        Named::Joined { kind, cursor } => {
                            this.joined_named(attempt, name, kind, cursor);
                        }
                    }
                }
            }),
        );
    }

    pub(super) fn identity(&self, headers: &[(String, String)]) -> String {
        match &self.share {
            ShareConnections::As(user) => identity::of_text(user),
            ShareConnections::SameHeaders => identity::of_headers(headers),
        }
    }

    fn begun_named(&self, attempt: AttemptId, name: Option<String>) {
        if !self.open_channel(attempt, name) {
            // It goes on with its own connection.
            return self.close(attempt);
        }
        self.tell(attempt, tabs::Input::Named);
    }

    fn joined_named(&self, attempt: AttemptId, name: Option<String>, kind: Kind, cursor: String) {
        if !self.open_channel(attempt, name) {
            self.fetch(attempt, None);
            return self.close(attempt);
        }
        let (me, doubted) = (random_seed(), self.doubted.get());
        if let Some(mut shared) = self.find(attempt) {
            shared.stream = Some(SharedStream::joined(now(), kind, me, cursor, doubted));
            drop(shared);
            self.run(attempt);
        }
    }

    /// Opens the channel of this name to the other tabs. Whether there is one.
    fn open_channel(&self, attempt: AttemptId, name: Option<String>) -> bool {
        let heard = self.telling(attempt, tabs::Input::Heard);
        let opened = name.and_then(|name| Some((Channel::open(&name, heard).ok()?, name)));
        let (Some(mut shared), Some((channel, name))) = (self.find(attempt), opened) else {
            return false;
        };
        shared.name = name;
        shared.channel = Some(channel);
        true
    }

    /// Makes the tab's own connection; with a cursor, from there.
    pub(super) fn fetch(&self, attempt: AttemptId, cursor: Option<&str>) {
        let (Some(driver), Some(shared)) = (self.driver.upgrade(), self.find(attempt)) else {
            return;
        };
        let request = match cursor {
            Some(cursor) => tabs::from_cursor(&shared.request, cursor),
            None => shared.request.clone(),
        };
        let headers = shared.headers.clone();
        drop(shared);
        driver.http.start_with(&driver, attempt, request, headers);
    }
}
