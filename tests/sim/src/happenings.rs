//! What happens to page, network, server and storage, and how it passes.

use crate::{
    page::Key,
    plan::Happening,
    server::Restart,
    storage::Mode,
    world::{Event, World},
};
use rejoin_core::Input;

/// How the network is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gone {
    /// The browser says so.
    Told,
    /// Nobody says so; requests fail or hang.
    Silently,
    /// Each request is refused.
    Refused,
    /// Each request is accepted and never answered.
    Hung,
}

impl World {
    pub(crate) fn strike(&mut self, happening: Happening) {
        self.report
            .count(format!("happening: {}", happening.name()));
        self.trace.line(self.now, || format!("! {happening:?}"));
        match happening {
            Happening::Offline(length, true) => self.network_goes(length, Gone::Told),
            Happening::Offline(length, false) => self.network_goes(length, Gone::Silently),
            Happening::Outage(length, true) => self.network_goes(length, Gone::Hung),
            Happening::Outage(length, false) => self.network_goes(length, Gone::Refused),
            Happening::Restart(length, term) => self.server_goes(length, term),
            Happening::Hidden(length) => self.hide(length),
            Happening::Frozen(length, lost) => self.freeze(length, lost),
            Happening::BackForward(length) => {
                self.page_hiding();
                self.freeze(length, true);
            }
            Happening::Reload(crash) => self.reload(crash, 50),
            Happening::Closed(length) => self.reload(false, length),
            Happening::OtherDevice => {
                self.reload(false, 500);
                self.storage.entries.clear();
                self.saved.clear();
            }
            Happening::StorageFull(length) | Happening::StorageDenied(length) => {
                let denied = matches!(happening, Happening::StorageDenied(_));
                self.storage.mode = if denied { Mode::Denied } else { Mode::Full };
                self.queue.push(self.now + length, Event::StorageBack);
            }
            Happening::StorageCorrupt => {
                for text in self.storage.entries.values_mut() {
                    *text = match self.rng.between(0, 2) {
                        0 => text.chars().take(text.chars().count() / 2).collect(),
                        1 => "{\"v\":1}".to_owned(),
                        _ => "\u{0}not json".to_owned(),
                    };
                }
            }
        }
    }

    fn network_goes(&mut self, length: u64, gone: Gone) {
        if matches!(gone, Gone::Refused | Gone::Hung) {
            self.was_under_way = self.page.as_ref().is_some_and(|page| !page.is_at_rest());
        }
        // The browser takes nothing back while the network is gone.
        let told_before = self.network_gone == Some(Gone::Told);
        self.network_gone = Some(if told_before { Gone::Told } else { gone });
        self.network_epoch += 1;
        let keys: Vec<Key> = self.exchanges.keys().copied().collect();
        for key in keys {
            if self.rng.chance(50) {
                self.hang_up(key);
                let later = self.rng.between(0, 50);
                self.queue.push(self.now + later, Event::Fail(key));
            }
            self.silence(key);
        }
        if gone == Gone::Told {
            self.feed_if_awake(Input::WentOffline);
        }
        self.queue
            .push(self.now + length, Event::NetworkBack(self.network_epoch));
    }

    pub(crate) fn network_back(&mut self) {
        if self.network_gone.take() == Some(Gone::Told) {
            self.trace.line(self.now, || "! online".to_owned());
            self.feed_if_awake(Input::WentOnline);
        }
    }

    fn server_goes(&mut self, length: u64, term: bool) {
        if self.server.is_down {
            return;
        }
        let how = if term { Restart::Term } else { Restart::Kill };
        let how = if self.server.ways().restarts.contains(&how) {
            how
        } else {
            Restart::Kill
        };
        self.report
            .count(format!("restart {:?} {how:?}", self.plan.kind));
        self.server.go_down(self.now, how);
        self.carry();
        self.queue.push(self.now + length, Event::ServerBack);
    }

    pub(crate) fn server_back(&mut self) {
        if self.server.is_down {
            self.trace
                .line(self.now, || "! the server is back".to_owned());
            self.server.come_up(self.now);
        }
    }

    fn reload(&mut self, crash: bool, closed_for: u64) {
        if self.page.is_none() {
            return;
        }
        if !crash {
            self.page_hiding();
        }
        self.close_page();
        self.queue.push(self.now + closed_for, Event::Open);
    }

    /// Faults stop: everything comes back, and stays.
    pub(crate) fn calm(&mut self) {
        self.trace.line(self.now, || "! calm".to_owned());
        self.is_calm = true;
        self.storage.mode = Mode::Works;
        self.server_back();
        self.network_back();
        if self.page.is_none() {
            self.open_page();
        }
        if let Some(number) = self.page.as_ref().map(|page| page.number) {
            self.thaw(number, false);
            self.show(number);
        }
    }
}
