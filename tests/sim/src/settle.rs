//! At rest: faults have stopped, the client comes to rest, and what is shown must be what the server holds (`compare.rs`).

use crate::{proxy::Flow, server::Kind, world::World};
use rejoin_core::{Connection, ErrorCode, Input, RECORD_PREFIX};

/// How long after faults have stopped, or after the last run has ended, a client may still be under way, in
/// milliseconds: every attempt waits as long as it may, and the thread's state is read as often as it may.
pub(crate) const REST_BOUND_MS: u64 = 600_000;
/// How long after a long outage everything is shown that has happened meanwhile, in milliseconds.
const RECOVERY_BOUND_MS: u64 = 60_000;
/// How far what is shown of a stream may be behind what was said, in milliseconds.
const LAG_MS: u64 = 5_000;

impl World {
    /// Runs the schedule to its end and checks what remains.
    ///
    /// # Errors
    /// The first invariant that did not hold.
    pub(crate) fn run(&mut self) -> Result<(), String> {
        self.run_until(u64::MAX, |world| world.is_calm);
        self.recover_from_outage();
        self.rest("after the faults");
        self.compare_in_place();
        if self
            .page
            .as_ref()
            .is_some_and(|page| page.client.view().can_rejoin())
        {
            self.report.count("rest: rejoined");
            self.join(None);
            self.rest("after a rejoin");
            self.compare_in_place();
        }
        self.ask_elsewhere();
        self.finish_server();
        for thread in self.threads.clone() {
            if self.checker.violation.is_some() {
                break;
            }
            // Entering the thread that is shown would change nothing.
            self.enter(None);
            self.enter(Some(thread.clone()));
            self.rest("after coming back");
            self.compare(&thread);
            self.check_record(&thread);
        }
        match self.checker.violation.take() {
            Some(violation) => Err(violation),
            None => Ok(()),
        }
    }

    /// A minute after a long outage what happened meanwhile is shown whole, although nobody has done anything.
    fn recover_from_outage(&mut self) {
        if self.plan.outage_ms.is_none() || !self.was_under_way {
            return;
        }
        let ended_at = self.now;
        // Where a proxy lets few events through, or none, only every other attempt asks for the run.
        let bound = match self.plan.proxy.flow {
            Flow::Free | Flow::HeldBack(_) => RECOVERY_BOUND_MS,
            Flow::CappedInTime(..) | Flow::CappedInBytes(..) => 3 * RECOVERY_BOUND_MS,
        };
        self.run_until(ended_at + bound - LAG_MS, |_| false);
        let said = self.said_so_far();
        self.run_until(ended_at + bound, |_| false);
        let (Some(page), Some(thread)) = (&self.page, self.followed()) else {
            return;
        };
        let view = page.client.view();
        let stuck = self.server.threads.get(&thread).is_some_and(|thread| {
            let mut runs = thread.runs.iter();
            runs.any(|run| self.server.waits_for_ever(run))
        });
        let aside = view.connection() == Connection::Disconnected || !view.branch().is_empty();
        if self.checker.violation.is_some() || stuck || aside {
            return;
        }
        if self.server.is_busy(&thread) {
            self.report.count("streams after an outage");
            let behind = said.filter(|(id, bytes)| {
                let slots = view.messages().iter();
                let mut shown = slots.filter(|slot| self.name_of(slot) == Some(id));
                shown.all(|slot| slot.message.content.text_bytes() < *bytes)
            });
            if let Some((id, bytes)) = behind.filter(|_| self.plan.streams_through()) {
                let words =
                    format!("a minute after the outage {id} lacks some of its {bytes} bytes");
                self.checker.fail(words);
            }
        } else if self.server.run_over_at <= ended_at {
            self.report.count("compared after an outage");
            if !page.is_at_rest() {
                let words = format!(
                    "a minute after the outage the client is {:?}",
                    view.connection()
                );
                return self.checker.fail(words);
            }
            self.compare(&thread);
        }
    }

    /// Another device goes on with the thread that the odd server's page shows: when the page wakes up, it shows that.
    fn ask_elsewhere(&mut self) {
        let Some(thread) = self.followed().filter(|_| self.plan.kind == Kind::Odd) else {
            return;
        };
        let view = self.page.as_ref().map(|page| page.client.view());
        let is_open = view.is_some_and(|view| {
            view.branch().is_empty()
                && !view.can_rejoin()
                && view.connection() != Connection::Disconnected
        });
        let known = self.server.threads.contains_key(&thread) && !self.server.is_busy(&thread);
        if !is_open || !known || self.checker.violation.is_some() {
            return;
        }
        self.report.count("happening: asked on another device");
        self.trace
            .line(self.now, || "! asked on another device".to_owned());
        self.feed(Input::BecameHidden);
        self.post_from_elsewhere(&thread);
        let later = self.now + self.rng.between(5_000, 60_000);
        self.run_until(later, |_| false);
        self.wake_up_at_rest();
        let behind = self.server.threads.get(&thread).is_some_and(|thread| {
            self.server.is_busy(&thread.id) || thread.changed_at > self.server.state_read_at
        });
        if behind {
            // More has happened since, which the next wake-up shows.
            self.finish_server();
            self.feed(Input::BecameHidden);
            self.wake_up_at_rest();
        }
        // What a person had still to do may have led to another thread or to an older branch.
        let view = self.page.as_ref().map(|page| page.client.view());
        let is_newest = view.is_some_and(|view| view.branch().is_empty());
        if self.followed().as_ref() == Some(&thread) && is_newest {
            self.report.count("compared after another device");
            self.compare(&thread);
        }
    }

    fn wake_up_at_rest(&mut self) {
        self.feed(Input::BecameVisible);
        // What is asked meanwhile does not show, so it is given its time.
        let later = self.now + RECOVERY_BOUND_MS;
        self.run_until(later, |_| false);
        self.rest("after another device");
    }

    /// How much the message that is being streamed has.
    fn said_so_far(&self) -> Option<(String, usize)> {
        let thread = self.server.threads.get(&self.followed()?)?;
        let mut runs = thread.runs.iter().map(|run| &self.server.runs[run]);
        let run = runs.find(|run| run.status == "running")?;
        let (id, text) = run.message.clone().filter(|(_, text)| !text.is_empty())?;
        Some((id, text.len()))
    }

    /// Lets the client come to rest.
    fn rest(&mut self, when: &str) {
        self.trace.line(self.now, || format!("rest {when}"));
        let began = self.now;
        loop {
            let since = began
                .max(self.checker.ended_at)
                .max(self.server.run_over_at);
            let end = since + REST_BOUND_MS;
            let busy = self
                .followed()
                .is_some_and(|thread| self.server.is_busy(&thread));
            let end = if busy { self.now + REST_BOUND_MS } else { end };
            if self.run_until(end, |world| {
                world
                    .page
                    .as_ref()
                    .is_none_or(crate::page::Page::is_at_rest)
            }) {
                break;
            }
            if self.checker.violation.is_some() {
                return;
            }
            let since = began
                .max(self.checker.ended_at)
                .max(self.server.run_over_at);
            let still_busy = self
                .followed()
                .is_some_and(|thread| self.server.is_busy(&thread));
            if still_busy || self.now < since + REST_BOUND_MS {
                continue;
            }
            self.stuck(when);
            break;
        }
        let Some(page) = &self.page else { return };
        let view = page.client.view();
        if matches!(
            view.connection(),
            Connection::Connecting | Connection::Live | Connection::CatchingUp
        ) {
            self.checker
                .fail(format!("at rest the connection is {:?}", view.connection()));
        }
        if !page.open_commands.is_empty() {
            self.checker.fail(format!(
                "at rest the commands {:?} are not concluded",
                page.open_commands
            ));
        }
        let own = self
            .exchanges
            .iter()
            .filter(|(key, _)| key.0 == page.number);
        if own.into_iter().any(|(_, exchange)| exchange.is_stream) {
            self.checker.fail("at rest a stream is open");
        }
        let code = view.error().map(|error| error.code);
        let passing = matches!(
            code,
            Some(
                ErrorCode::Unreachable
                    | ErrorCode::RejoinTimedOut
                    | ErrorCode::BadGateway
                    | ErrorCode::TooManyRequests
                    | ErrorCode::ServerError
            )
        );
        if view.connection() == Connection::Failed && view.run_id().is_some() && passing {
            self.checker.fail(format!("the run is given up: {code:?}"));
        }
        self.report
            .count(format!("rest: {}", view.connection().as_str()));
    }

    /// It does not come to rest, which only a run excuses that is active for ever, or waits behind one.
    fn stuck(&mut self, when: &str) {
        let view = self.page.as_ref().map(|page| page.client.view());
        let run = view
            .as_ref()
            .and_then(|view| view.run_id())
            .map(ToString::to_string);
        if run
            .as_ref()
            .is_some_and(|run| self.server.waits_for_ever(run))
        {
            self.report.count("rest: stopped with a stuck run");
            return self.feed(Input::StopRequested);
        }
        let connection = view.map(|view| view.connection());
        self.checker
            .fail(format!("no rest {when}: {connection:?}, run {run:?}"));
    }

    /// The thread that is shown.
    pub(crate) fn followed(&self) -> Option<String> {
        self.page
            .as_ref()?
            .client
            .view()
            .thread_id()
            .map(ToString::to_string)
    }

    /// Lets every run of the server's end.
    fn finish_server(&mut self) {
        let limit = self.now + 100 * REST_BOUND_MS;
        self.run_until(limit, |world| {
            let page = world.page.as_ref().map(|page| page.number);
            // What a page that has gone has sent may be under way still.
            let mut sent = world.exchanges.keys();
            let has_arrived = sent.all(|key| Some(key.0) == page);
            let mut threads = world.threads.iter();
            has_arrived && threads.all(|thread| !world.server.is_busy(thread))
        });
        let later = self.now + 1_000;
        self.run_until(later, |_| false);
    }

    /// A run that is over leaves no record.
    fn check_record(&mut self, thread: &str) {
        let forever = self.server.threads.get(thread).is_some_and(|thread| {
            thread
                .runs
                .iter()
                .any(|run| self.server.waits_for_ever(run))
        });
        let key =
            self.storage.entries.keys().find(|key| {
                key.starts_with(RECORD_PREFIX) && key.ends_with(thread) && !is_outbox(key)
            });
        if let Some(key) = key.filter(|_| !forever) {
            let words = format!("nothing runs, but {key} is still stored");
            self.checker.fail(words);
        }
    }
}

/// What is held there waits for a person.
fn is_outbox(key: &str) -> bool {
    key.strip_prefix(RECORD_PREFIX)
        .is_some_and(|key| key.starts_with("outbox|"))
}
