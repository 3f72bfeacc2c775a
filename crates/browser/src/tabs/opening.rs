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
                self.find_name(attempt, &url, Some((kind, cursor)));
            }
        }
    }

    /// Makes the name. A shared stream is joined then, and a stream that this tab has begun can be followed from then on.
    pub(super) fn find_name(&self, attempt: AttemptId, url: &str, joined: Option<(Kind, String)>) {
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
                    this.named(attempt, name, joined);
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

    fn named(&self, attempt: AttemptId, name: Option<String>, joined: Option<(Kind, String)>) {
        let heard = self.telling(attempt, tabs::Input::Heard);
        let channel = name.as_ref().map(|name| Channel::open(name, heard));
        let Some(mut shared) = self.find(attempt) else {
            return;
        };
        let (Some(name), Some(Ok(channel))) = (name, channel) else {
            drop(shared);
            if joined.is_some() {
                self.fetch(attempt, None);
            }
            // One that has a connection goes on with it.
            return self.close(attempt);
        };
        shared.name = name;
        shared.channel = Some(channel);
        match (joined, &mut shared.stream) {
            (Some((kind, cursor)), stream) => {
                let (me, doubted) = (random_seed(), self.doubted.get());
                *stream = Some(SharedStream::joined(now(), kind, me, cursor, doubted));
            }
            (None, Some(begun)) => begun.handle(now(), tabs::Input::Named),
            (None, None) => {}
        }
        drop(shared);
        self.run(attempt);
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
