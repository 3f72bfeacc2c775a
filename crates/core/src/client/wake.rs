//! The page is shown or hidden, frozen or thawed, the network is back or gone: what waits goes on, and a connection that may be dead is
//! made anew.

use super::{
    Client,
    part::Woke,
    phase::{Next, Phase},
    recovery::Reach,
    run::Run,
};
use crate::Millis;

impl Client {
    pub(super) fn reach(&self) -> Reach {
        Reach {
            online: self.online,
            visible: self.visible,
        }
    }

    pub(super) fn set_reachable(&mut self, online: bool, visible: bool) {
        let woke = (online && !self.online) || (visible && !self.visible);
        self.online = online;
        self.visible = visible;
        self.store.touch();
        let (now, reach) = (self.now, self.reach());
        match &mut self.phase {
            Phase::Waiting { wait, .. } => {
                if wait.reached(now, reach, woke) {
                    self.with_run(|client, run| client.go_on(run));
                }
            }
            Phase::Live(_) if woke => self.reopen_unless_alive(self.config.timeouts.alive),
            Phase::Idle
            | Phase::Finding { .. }
            | Phase::MakingThread(_)
            | Phase::Opening(_)
            | Phase::Live(_)
            | Phase::Checking { .. }
            | Phase::Looking(_)
            | Phase::Settling { .. }
            | Phase::Ended(_) => {}
        }
        self.load_reached(woke);
        if woke && reach.is_whole() {
            self.compare();
        }
        self.parts_woke(if woke { Woke::Back } else { Woke::No });
    }

    /// The page was frozen or kept aside: no connection can be relied on.
    pub(super) fn thawed(&mut self) {
        self.visible = true;
        self.is_being_left = false;
        match &self.phase {
            Phase::Live(_) | Phase::Opening(_) => self.reopen_unless_alive(Millis(0)),
            Phase::Waiting { .. } => self.set_reachable(self.online, true),
            Phase::Finding { .. }
            | Phase::MakingThread(_)
            | Phase::Checking { .. }
            | Phase::Looking(_)
            | Phase::Settling { .. } => self.with_run(|client, run| {
                let next = client.asked_again();
                client.abort_phase_request();
                client.take_step(run, next);
            }),
            Phase::Idle | Phase::Ended(_) => {}
        }
        self.load_reached(true);
        self.outbox_thawed();
        self.compare();
        self.parts_woke(Woke::Thawed);
    }

    /// The step that the phase's own request was for.
    pub(super) fn asked_again(&self) -> Next {
        match &self.phase {
            Phase::Settling { settle, .. } => Next::Settle(settle.clone()),
            Phase::Looking(_) => Next::Look,
            Phase::Checking { .. } => Next::Check,
            Phase::Idle
            | Phase::Finding { .. }
            | Phase::MakingThread(_)
            | Phase::Opening(_)
            | Phase::Live(_)
            | Phase::Waiting { .. }
            | Phase::Ended(_) => Next::Stream,
        }
    }

    fn reopen_unless_alive(&mut self, alive: Millis) {
        let link = self.phase.link();
        if self.is_stream_only() || link.is_none_or(|link| link.is_alive(self.now, alive)) {
            return;
        }
        let since = link.map(|link| link.last_byte_at);
        self.with_run(|client, run| {
            client.close_link("not provably alive");
            run.recovery.silent(since.unwrap_or(client.now));
            client.reopen(run);
        });
    }

    /// Connects anew at once, which is nobody's failure.
    pub(super) fn reopen(&mut self, run: &mut Run) {
        run.was_interrupted();
        self.open_stream(run);
    }
}
