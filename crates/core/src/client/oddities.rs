//! Telling what a server sent that is not what the protocol says. It is shown as well as it can be; this names it.

use super::Client;
use crate::{ErrorCode, StreamError};
use rejoin_wire::{
    ThreadId,
    json::{Oddities, Oddity},
};

/// Oddities of one thread that are told. A server sends the same ones again with each step, and others without end.
const TOLD_MAX: usize = 64;

/// The oddities that were told of the thread that is shown.
#[derive(Debug, Default)]
pub(super) struct Told {
    thread_id: Option<ThreadId>,
    /// The place, and the kind of thing.
    pieces: Vec<(String, &'static str)>,
}

impl Told {
    fn is_new(&mut self, thread_id: Option<&ThreadId>, piece: (String, &'static str)) -> bool {
        if self.thread_id.as_ref() != thread_id {
            self.thread_id = thread_id.cloned();
            self.pieces.clear();
        }
        let is_new = self.pieces.len() < TOLD_MAX && !self.pieces.contains(&piece);
        if is_new {
            self.pieces.push(piece);
        }
        is_new
    }
}

impl Client {
    /// Warns of each piece once. `of` is what was read: an event's name, the thread's state.
    pub(super) fn tell_odd(&mut self, of: &str, oddities: Vec<Oddity>) {
        for oddity in oddities {
            let place = [of, ": ", &oddity.place].concat();
            let thread_id = self.thread_id.as_ref();
            if self.told_oddities.is_new(thread_id, (place, oddity.found)) {
                let words = [of, ": ", &oddity.words()].concat();
                self.warn(StreamError::new(ErrorCode::EventDataInvalid).with_detail(words));
            }
        }
    }

    /// Reads something, and warns of what is odd in it.
    pub(super) fn reading<T>(
        &mut self,
        of: &str,
        read: impl FnOnce(&mut Self, &mut Oddities) -> T,
    ) -> T {
        let mut odd = Oddities::default();
        let value = read(self, &mut odd);
        self.tell_odd(of, odd.into_list());
        value
    }
}
