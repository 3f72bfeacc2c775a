//! Tabs that show one thread tell each other of the runs that they begin on it.

use super::{Tabs, channel::Channel, name};
use crate::{driver::Driver, identity::digest};
use rejoin_core::{
    Input,
    tabs::{self, Body, Message},
    wire::ThreadId,
};
use std::rc::Rc;

/// The thread that the client has open, and the channel of those who have it open too.
#[derive(Default)]
pub(super) struct OpenThread {
    id: Option<ThreadId>,
    url: Option<String>,
    /// Counts what was opened, so that a name that comes late is known.
    number: u64,
    channel: Option<Channel>,
    /// A run has begun here, and there is no channel yet.
    has_to_tell: bool,
    /// A run has begun elsewhere, and the client has not been at rest since.
    has_heard: bool,
}

impl Tabs {
    /// The client may have entered another thread, or be at rest by now.
    pub(super) fn note_thread(&self) {
        let Some(driver) = self.driver.upgrade() else {
            return;
        };
        let is_open = driver.peek(|client| {
            let shown = client.view().thread_id();
            self.thread.borrow().id.as_ref() == shown
        });
        if !is_open {
            return self.open_thread(&driver);
        }
        if !self.thread.borrow().has_heard {
            return;
        }
        let is_busy = driver.peek(|client| {
            let view = client.view();
            view.is_loading() || view.is_thread_loading() || view.editing().is_some()
        });
        if !is_busy {
            self.thread.borrow_mut().has_heard = false;
            driver.feed(Input::RunBegunElsewhere);
        }
    }

    fn open_thread(&self, driver: &Rc<Driver>) {
        let number = self.thread.borrow().number + 1;
        let opened = driver.peek(|client| OpenThread {
            id: client.view().thread_id().cloned(),
            url: tabs::open_thread(client),
            number,
            ..OpenThread::default()
        });
        let url = opened.url.clone();
        drop(self.thread.replace(opened));
        let Some(url) = url.filter(|_| Self::has_tabs()) else {
            return;
        };
        let this = self.this.clone();
        driver.http.make_headers(
            false,
            Box::new(move |headers| {
                if let (Some(this), Ok(headers)) = (this.upgrade(), headers) {
                    this.find_thread_name(
                        number,
                        &name::identified(&this.identity(&headers), &url),
                    );
                }
            }),
        );
    }

    fn find_thread_name(&self, number: u64, text: &str) {
        let this = self.this.clone();
        crate::when_settled(
            digest(text),
            Box::new(move |digest| {
                let name = digest.ok().and_then(|digest| name::name_of(&digest));
                if let (Some(this), Some(name)) = (this.upgrade(), name) {
                    this.thread_named(number, &name);
                }
            }),
        );
    }

    fn thread_named(&self, number: u64, name: &str) {
        let this = self.this.clone();
        let channel = Channel::open(name, move |message| {
            if let Some(this) = this.upgrade()
                && message.body == Body::Begun
            {
                this.thread.borrow_mut().has_heard = true;
                this.note_thread();
            }
        });
        let mut thread = self.thread.borrow_mut();
        if thread.number != number {
            return;
        }
        thread.channel = channel.ok();
        let has_to_tell = std::mem::take(&mut thread.has_to_tell);
        drop(thread);
        if has_to_tell {
            self.tell_of_run();
        }
    }

    /// This tab has begun a run on the thread with this address, if on any.
    pub(super) fn run_has_begun(&self, url: Option<&str>) {
        if url.is_some() && self.thread.borrow().url.as_deref() == url {
            self.tell_of_run();
        }
    }

    fn tell_of_run(&self) {
        let mut thread = self.thread.borrow_mut();
        match &thread.channel {
            Some(channel) => channel.post(&Message {
                from: 0,
                body: Body::Begun,
            }),
            None => thread.has_to_tell = true,
        }
    }
}
