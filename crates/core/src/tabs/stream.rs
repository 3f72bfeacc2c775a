//! The decisions.

use super::{
    Body, Effect, Input, Kind, Message, Own,
    frames::{Frame, Frames},
    ring::{RING_BYTES_MAX, Ring},
    role::{ANSWER, Held, Leader, Question, Role, Watch},
};
use crate::{Millis, cursor::FROM_START};
use std::{cmp::Ordering, collections::VecDeque};

/// How much later than it was set for a timer may come; one that is later tells that this tab itself was asleep.
const LATE: Millis = Millis(1_000);
/// The lock is given away just before a stream's end is heard: so long is waited for that.
const GRACE: Millis = Millis(100);
/// Before a tab that catches up asks again for the first time; each time twice as long, to the second bound.
const CATCH_UP: (Millis, Millis) = (Millis(250), Millis(2_000));
/// How long a tab that catches up stands still for the answer.
const HOLD: Millis = Millis(300);
/// How many tabs may wait for a leader's headers.
const ASKS_MAX: usize = 64;

/// One connection of a client that may be another tab's.
#[derive(Debug)]
pub struct SharedStream {
    kind: Kind,
    me: u64,
    /// The cursor that the request begins with.
    start: String,
    role: Role,
    /// Whether the client has been told that the stream has opened.
    opened: bool,
    /// Whether the own connection has its headers.
    streaming: bool,
    frames: Frames,
    ring: Ring,
    /// The id that an own connection has to go on with.
    expects: Option<String>,
    /// How often a leader was asked; the number of the last question.
    asked: u64,
    /// The leader that nothing is taken from.
    doubted: Option<u64>,
    /// When something of the stream came last, or the stream was opened.
    fed_at: Millis,
    effects: VecDeque<Effect>,
}

impl SharedStream {
    /// A stream that other tabs may have already. `me`: a random number. `cursor`: what the request begins with; empty for none.
    /// `doubted`: what [`SharedStream::doubts`] has said last. The lock is taken from that leader as from one that is frozen.
    pub fn joined(now: Millis, kind: Kind, me: u64, cursor: String, doubted: Option<u64>) -> Self {
        let watch = Watch::asked(now);
        let (leader, former) = (None, None);
        let role = Role::Waiting {
            watch,
            leader,
            former,
        };
        let mut stream = Self::new(kind, me, cursor, role);
        (stream.doubted, stream.fed_at) = (doubted, now);
        stream.effects.push_back(Effect::Lock { steal: false });
        stream.ask();
        stream
    }

    /// The stream of a run that this tab begins. Others can follow once [`Input::Named`] is told.
    pub fn begun(me: u64) -> Self {
        let mut stream = Self::new(Kind::Run, me, FROM_START.to_owned(), Role::Begun);
        stream.effects.push_back(Effect::Fetch { cursor: None });
        stream
    }

    fn new(kind: Kind, me: u64, start: String, role: Role) -> Self {
        Self {
            kind,
            me,
            ring: Ring::new(start.clone()),
            start,
            role,
            opened: false,
            streaming: false,
            frames: Frames::default(),
            expects: None,
            asked: 0,
            doubted: None,
            fed_at: Millis(0),
            effects: VecDeque::new(),
        }
    }

    /// The leader that nothing has come of, where the client gives this stream up now. It may answer, and yet its own connection be
    /// dead: then every question would bring the same.
    pub fn doubts(&self, now: Millis) -> Option<u64> {
        let leader = match self.role {
            Role::Waiting { leader, .. } => leader,
            Role::Following { leader, .. } => Some(leader),
            Role::Begun | Role::CatchingUp { .. } | Role::Leading(_) | Role::Closed => None,
        };
        leader.filter(|_| now > self.fed_at + ANSWER)
    }

    /// The next order.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// When [`Input::DeadlineReached`] is to be told, unless something else happens first.
    pub fn deadline(&self) -> Option<Millis> {
        match &self.role {
            Role::Waiting { watch, .. } => Some(watch.due(self.jitter())),
            Role::Following {
                watch,
                takes_over_at,
                ..
            } => takes_over_at.or_else(|| Some(watch.due(self.jitter()))),
            Role::CatchingUp { ask_at, held, .. } => {
                Some(held.as_ref().map_or(*ask_at, |held| held.until))
            }
            Role::Begun | Role::Leading(_) | Role::Closed => None,
        }
    }

    /// Something has happened.
    pub fn handle(&mut self, now: Millis, input: Input) {
        match input {
            Input::Named => self.named(now),
            Input::Locked => self.locked(now),
            Input::LockLost => self.lock_lost(),
            Input::Heard(message) => self.heard(now, message),
            Input::Frozen => self.frozen(),
            Input::DeadlineReached => {
                if self.deadline().is_some_and(|at| at <= now) {
                    self.deadline_reached(now);
                }
            }
        }
    }

    /// Something has come of the tab's own connection. Whether the client is to be told just that.
    pub fn own(&mut self, own: Own<'_>) -> bool {
        if let Own::Bytes(bytes) = own
            && let Role::CatchingUp {
                held: Some(held), ..
            } = &mut self.role
        {
            held.bytes.extend_from_slice(bytes);
            if held.bytes.len() > RING_BYTES_MAX {
                self.release();
            }
            return false;
        }
        match own {
            Own::Headers { is_stream: true } => {
                self.streaming = true;
                self.answer_asks();
                !std::mem::replace(&mut self.opened, true)
            }
            Own::Headers { is_stream: false } => self.not_continued(),
            Own::Bytes(bytes) => self.bytes(bytes),
            Own::Ended | Own::Other => {
                self.leave();
                true
            }
            // The stream itself goes on: whoever is next for the lock does too.
            Own::Failed => {
                self.close();
                true
            }
        }
    }

    /// Another tab may have found the run meanwhile and lead: until the lock is had, this tab tries to follow.
    fn named(&mut self, now: Millis) {
        if matches!(self.role, Role::Begun) {
            self.catch_up(now);
            self.effects.push_back(Effect::Lock { steal: false });
        }
    }

    /// There is no stream here. A client that was told of one learns that it has ended; else it is to see for itself.
    fn not_continued(&mut self) -> bool {
        if self.opened {
            self.end();
        } else {
            self.leave();
        }
        !self.opened
    }

    fn bytes(&mut self, bytes: &[u8]) -> bool {
        let is_own = !matches!(self.role, Role::Following { .. });
        let Ok(frames) = self.frames.push(bytes) else {
            match is_own {
                true => self.leave(),
                false => self.end(),
            }
            return is_own;
        };
        let first = frames.iter().find_map(|frame| frame.id.as_ref());
        if first.is_some() && self.expects.as_ref().is_some_and(|id| first != Some(id)) {
            // Something is missing between this and what the client has; it finds out by itself what to do.
            self.end();
            return false;
        }
        if first.is_some() {
            self.expects = None;
        }
        let piece: Vec<u8> = frames
            .iter()
            .flat_map(|frame| &frame.bytes)
            .copied()
            .collect();
        self.keep(frames);
        if let Role::Leading(leader) = &mut self.role
            && leader.followed
            && !piece.is_empty()
        {
            let number = leader.next;
            leader.next += 1;
            self.post(Body::Piece {
                number,
                bytes: piece,
            });
        }
        true
    }

    fn keep(&mut self, frames: Vec<Frame>) {
        for frame in frames {
            self.ring.push(frame);
        }
    }

    fn locked(&mut self, now: Millis) {
        match &mut self.role {
            Role::Waiting { .. } => self.take_over(),
            Role::Following { takes_over_at, .. } => *takes_over_at = Some(now + GRACE),
            Role::CatchingUp { .. } => {
                self.release();
                if matches!(self.role, Role::CatchingUp { .. }) {
                    self.lead();
                }
            }
            // It does not ask for the lock, or no more.
            Role::Begun | Role::Leading(_) => {}
            Role::Closed => self.effects.push_back(Effect::Close),
        }
    }

    /// Goes on with an own connection, from where the client is.
    fn take_over(&mut self) {
        self.fetch();
        self.lead();
    }

    fn lead(&mut self) {
        self.role = Role::Leading(Leader::default());
        self.post_lead();
    }

    fn fetch(&mut self) {
        self.expects = match self.kind {
            Kind::Run => self.frames.last().cloned(),
            // The client compares each record with the one before.
            Kind::Feed => None,
        };
        self.streaming = false;
        let cursor = Some(self.place().clone()).filter(|place| *place != self.start);
        self.effects.push_back(Effect::Fetch { cursor });
    }

    /// The cursor to go on from. Of a run's stream that is one id early, as ids may repeat.
    fn place(&self) -> &String {
        let had = match self.kind {
            Kind::Run => self.frames.before_last(),
            Kind::Feed => self.frames.last(),
        };
        had.unwrap_or(&self.start)
    }

    fn lock_lost(&mut self) {
        match &self.role {
            Role::Leading(_) | Role::Following { .. } => {
                // Another leads now: nothing is to be said of this stream's end.
                self.role = Role::Closed;
                self.end();
            }
            Role::Waiting { .. } => self.go_alone(),
            Role::Begun | Role::CatchingUp { .. } => self.leave(),
            Role::Closed => {}
        }
    }

    fn heard(&mut self, now: Millis, Message { from, body }: Message) {
        if from == self.me || self.doubted == Some(from) {
            return;
        }
        match &mut self.role {
            Role::Leading(_) => self.heard_leading(from, body),
            Role::Waiting { .. } => self.heard_waiting(now, from, body),
            Role::Following { .. } => self.heard_following(now, from, body),
            Role::CatchingUp { held: Some(_), .. } => self.heard_catching_up(now, from, body),
            Role::CatchingUp { held: None, .. } | Role::Begun | Role::Closed => {}
        }
    }

    fn heard_leading(&mut self, from: u64, body: Body) {
        match body {
            Body::Ask {
                number,
                cursor,
                from_start,
            } => self.answer(Question {
                from,
                number,
                cursor,
                from_start,
            }),
            Body::Ping => self.post_lead(),
            Body::Lead { .. }
            | Body::Give { .. }
            | Body::Beyond { .. }
            | Body::Piece { .. }
            | Body::End
            | Body::Begun => {}
        }
    }

    fn heard_waiting(&mut self, now: Millis, from: u64, body: Body) {
        let Role::Waiting {
            watch,
            leader,
            former,
        } = &mut self.role
        else {
            return;
        };
        let is_leader = leader.is_none_or(|leader| leader == from);
        match body {
            Body::Lead { .. } => {
                *watch = Watch::heard(now);
                if *leader != Some(from) && *former != Some(from) {
                    *former = leader.replace(from);
                    self.ask();
                }
            }
            Body::Give {
                to,
                number,
                next,
                bytes,
            } if to == self.me && number == self.asked => self.given(now, from, next, &bytes),
            Body::Beyond { to, number } if to == self.me && number == self.asked => {
                self.fetch();
                self.catch_up(now);
            }
            // The client asks again, and then perhaps leads.
            Body::End if is_leader => self.end(),
            Body::Give { .. }
            | Body::Beyond { .. }
            | Body::End
            | Body::Ask { .. }
            | Body::Ping
            | Body::Piece { .. }
            | Body::Begun => {}
        }
    }

    fn heard_following(&mut self, now: Millis, from: u64, body: Body) {
        let Role::Following {
            watch,
            leader,
            next,
            ..
        } = &mut self.role
        else {
            return;
        };
        let is_leader = *leader == from;
        match body {
            Body::Piece { number, bytes } if is_leader => {
                *watch = Watch::heard(now);
                match number.cmp(next) {
                    Ordering::Less => {}
                    Ordering::Equal => {
                        *next = next.wrapping_add(1);
                        self.fed_at = now;
                        self.feed(bytes);
                    }
                    Ordering::Greater => self.ask_again(now, from),
                }
            }
            Body::Lead { next: said } if is_leader && said <= *next => {
                *watch = Watch::heard(now);
            }
            Body::Lead { .. } => self.ask_again(now, from),
            Body::End if is_leader => self.end(),
            Body::Piece { .. }
            | Body::End
            | Body::Ask { .. }
            | Body::Ping
            | Body::Give { .. }
            | Body::Beyond { .. }
            | Body::Begun => {}
        }
    }

    fn heard_catching_up(&mut self, now: Millis, from: u64, body: Body) {
        match body {
            Body::Give {
                to,
                number,
                next,
                bytes,
            } if to == self.me && number == self.asked => self.given(now, from, next, &bytes),
            Body::Beyond { to, number } if to == self.me && number == self.asked => self.release(),
            Body::Give { .. }
            | Body::Beyond { .. }
            | Body::Ask { .. }
            | Body::Ping
            | Body::Lead { .. }
            | Body::Piece { .. }
            | Body::End
            | Body::Begun => {}
        }
    }

    /// The frames after the place that was asked for have come.
    fn given(&mut self, now: Millis, leader: u64, next: u64, bytes: &[u8]) {
        if matches!(self.role, Role::CatchingUp { .. }) {
            self.effects.push_back(Effect::DropFetch);
        }
        self.role = Role::Following {
            watch: Watch::heard(now),
            leader,
            next,
            takes_over_at: None,
        };
        if !std::mem::replace(&mut self.opened, true) {
            self.effects.push_back(Effect::Open);
        }
        if self.kind == Kind::Run {
            self.expects = self.frames.last().cloned();
        }
        self.fed_at = now;
        // A stream that holds nothing yet is alive all the same.
        let bytes = if bytes.is_empty() { b":\n\n" } else { bytes };
        self.feed(bytes.to_vec());
    }

    /// Gives the client what another tab has received.
    fn feed(&mut self, bytes: Vec<u8>) {
        if self.bytes(&bytes) {
            self.effects.push_back(Effect::Feed(bytes));
        }
    }

    fn ask(&mut self) {
        self.asked += 1;
        let number = self.asked;
        let cursor = self.place().clone();
        let from_start = self.kind == Kind::Feed && !self.opened;
        self.post(Body::Ask {
            number,
            cursor,
            from_start,
        });
    }

    fn ask_again(&mut self, now: Millis, leader: u64) {
        if let Role::Following {
            takes_over_at: Some(_),
            ..
        } = self.role
        {
            return self.take_over();
        }
        self.role = Role::Waiting {
            watch: Watch::asked(now),
            leader: Some(leader),
            former: None,
        };
        self.ask();
    }

    fn catch_up(&mut self, now: Millis) {
        let (wait, _) = CATCH_UP;
        self.role = Role::CatchingUp {
            ask_at: now + wait,
            wait,
            held: None,
        };
    }

    /// Goes on with the own connection.
    fn release(&mut self) {
        if let Role::CatchingUp { held, .. } = &mut self.role
            && let Some(held) = held.take()
            // Nothing would look like a sign of life.
            && !held.bytes.is_empty()
        {
            self.feed(held.bytes);
        }
    }

    fn answer(&mut self, question: Question) {
        if !self.streaming {
            if let Role::Leading(leader) = &mut self.role {
                leader.asks.retain(|other| other.from != question.from);
                leader.asks.push(question);
                if leader.asks.len() > ASKS_MAX {
                    leader.asks.remove(0);
                }
            }
            return self.post_lead();
        }
        let Question {
            from: to,
            number,
            cursor,
            from_start,
        } = question;
        let bytes = self.ring.after(&cursor, from_start);
        let Role::Leading(leader) = &mut self.role else {
            return;
        };
        let next = leader.next;
        let body = match bytes {
            Some(bytes) => {
                leader.followed = true;
                Body::Give {
                    to,
                    number,
                    next,
                    bytes,
                }
            }
            None => Body::Beyond { to, number },
        };
        self.post(body);
    }

    fn answer_asks(&mut self) {
        let Role::Leading(leader) = &mut self.role else {
            return;
        };
        for question in std::mem::take(&mut leader.asks) {
            self.answer(question);
        }
    }

    fn deadline_reached(&mut self, now: Millis) {
        let jitter = self.jitter();
        match &mut self.role {
            Role::Following {
                takes_over_at: Some(_),
                ..
            } => self.take_over(),
            Role::Waiting { watch, .. } | Role::Following { watch, .. } => {
                let is_late = now > watch.due(jitter) + LATE && !watch.forgiven;
                let steals = watch.asked_at.is_some() && !is_late;
                *watch = Watch {
                    forgiven: is_late,
                    asked_at: Some(now),
                    ..*watch
                };
                if steals {
                    self.effects.push_back(Effect::Lock { steal: true });
                } else if matches!(self.role, Role::Waiting { .. }) {
                    self.ask();
                } else {
                    self.post(Body::Ping);
                }
            }
            Role::CatchingUp { held: Some(_), .. } => self.release(),
            Role::CatchingUp { ask_at, wait, held } => {
                let (_, longest) = CATCH_UP;
                *ask_at = now + *wait;
                if self.streaming && self.frames.is_whole() {
                    *wait = Millis(wait.0 * 2).min(longest);
                    *held = Some(Held {
                        bytes: Vec::new(),
                        until: now + HOLD,
                    });
                    self.ask();
                }
            }
            Role::Begun | Role::Leading(_) | Role::Closed => {}
        }
    }

    /// Nothing is shared any more; an own connection goes on by itself.
    fn leave(&mut self) {
        if matches!(self.role, Role::Leading(_)) {
            self.post(Body::End);
        }
        self.close();
    }

    /// Says nothing, so that another tab takes over.
    fn close(&mut self) {
        self.release();
        self.role = Role::Closed;
        self.effects.push_back(Effect::Close);
    }

    fn go_alone(&mut self) {
        self.fetch();
        self.leave();
    }

    /// The client's stream ends. The client may open another at once, so it is told last.
    fn end(&mut self) {
        self.effects.push_back(Effect::DropFetch);
        self.leave();
        self.effects.push_back(Effect::End);
    }

    /// Leaves to the others what this tab has led. The client opens another stream when the page is thawed.
    fn frozen(&mut self) {
        if !matches!(self.role, Role::Begun | Role::Closed) {
            self.effects.push_back(Effect::DropFetch);
            self.close();
            self.effects.push_back(Effect::End);
        }
    }

    fn post_lead(&mut self) {
        if let Role::Leading(Leader { next, .. }) = self.role {
            self.post(Body::Lead { next });
        }
    }

    fn post(&mut self, body: Body) {
        let from = self.me;
        self.effects.push_back(Effect::Post(Message { from, body }));
    }

    fn jitter(&self) -> Millis {
        Millis(self.me % (ANSWER.0 / 2))
    }
}
