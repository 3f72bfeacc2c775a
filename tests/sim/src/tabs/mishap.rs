//! What goes wrong.

use super::{Arrival, Due, Tabs};
use rejoin_core::{Millis, tabs::Input};

impl Tabs {
    pub(super) fn mishap(&mut self) -> Result<(), String> {
        if self.calm() {
            return Ok(());
        }
        let tab = self.rng.index(self.tabs.len());
        match self.rng.between(0, 5) {
            // Closed, or its renderer has crashed: to the others it is the same. It may be opened again.
            0 => {
                self.close(tab);
                if self.rng.chance(60) {
                    self.report.count("a tab is opened again");
                    let at = self.now + self.rng.between(0, 3_000);
                    self.open_tab(tab, at);
                }
            }
            1 => {
                let is_told = self.rng.chance(50);
                self.note(|| format!("tab {tab} is frozen; told: {is_told}"));
                self.report.count(match is_told {
                    true => "a tab is frozen, and told",
                    false => "a tab is frozen, and not told",
                });
                if is_told {
                    self.tell(tab, Input::Frozen)?;
                }
                self.tabs[tab].frozen = self.tabs[tab].alive;
            }
            2 if self.tabs[tab].frozen => self.thaw(tab)?,
            3 => {
                // The network breaks the tab's own connection.
                if let Some(connection) = self.tabs[tab].connection {
                    self.note(|| format!("tab {tab}'s connection breaks"));
                    self.report.count("a connection breaks");
                    self.arrive(connection, Arrival::Failed);
                }
            }
            4 => {
                // It goes dead, and nobody is told.
                if let Some(connection) = self.tabs[tab].connection {
                    self.note(|| format!("tab {tab}'s connection goes dead"));
                    self.report.count("a connection goes dead");
                    self.connections[connection].next = None;
                }
            }
            // The person stops, and joins again.
            _ if self.tabs[tab].alive && !self.tabs[tab].frozen => {
                self.report.count("a person stops and joins again");
                self.abandon(tab);
                self.client_ends(tab);
            }
            _ => {}
        }
        Ok(())
    }

    pub(super) fn abandon(&mut self, tab: usize) {
        self.drop_connection(tab);
        if let Some((stream, shared)) = self.tabs[tab].shared.take() {
            let doubted = &mut self.tabs[tab].doubted;
            *doubted = shared.doubts(Millis(self.now)).or(*doubted);
            self.unlock(tab, stream);
        }
    }

    /// A client gives up a stream on which nothing has come for long.
    pub(super) fn watch(&mut self, tab: usize, stream: u64) {
        let own = &self.tabs[tab];
        let due = own.fed_at + own.patience;
        if self.now < due {
            self.due.push(due, Due::Watch { tab, stream });
        } else {
            self.note(|| format!("tab {tab} gives its stream up"));
            self.report.count("a client gives its stream up");
            self.abandon(tab);
            self.client_ends(tab);
        }
    }

    pub(super) fn close(&mut self, tab: usize) {
        self.note(|| format!("tab {tab} is closed"));
        self.report.count("a tab is closed");
        self.abandon(tab);
        let own = &mut self.tabs[tab];
        own.alive = false;
        own.frozen = false;
        own.waiting.clear();
    }

    /// All that has come meanwhile is told, in any order of its sources.
    pub(super) fn thaw(&mut self, tab: usize) -> Result<(), String> {
        self.note(|| format!("tab {tab} is thawed"));
        self.report.count("a tab is thawed");
        self.tabs[tab].frozen = false;
        let (timers, others): (Vec<Due>, Vec<Due>) = std::mem::take(&mut self.tabs[tab].waiting)
            .into_iter()
            .partition(|due| matches!(due, Due::Alarm { .. }));
        let first_timers = self.rng.chance(50);
        let (first, second) = match first_timers {
            true => (timers, others),
            false => (others, timers),
        };
        for due in first.into_iter().chain(second) {
            self.happens(due)?;
        }
        Ok(())
    }
}
