//! What must hold once nothing goes wrong any more, and at the end.

use super::{CALM_AT, CAUGHT_UP, ENDS_AT, LAG, SETTLED_AT, Tabs};

impl Tabs {
    pub(super) fn check_calm(&self) -> Result<(), String> {
        let alive = || self.tabs.iter().enumerate().filter(|(_, tab)| tab.alive);
        let wanted = self.run.written(self.now - LAG);
        for (number, tab) in alive() {
            let had = tab.reader.as_ref().map_or(0, |reader| reader.had);
            if had < wanted && self.now > CALM_AT + tab.patience + CAUGHT_UP {
                return Err(format!("tab {number} has {had} of {wanted} events"));
            }
        }
        let open = self.connections.iter().filter(|connection| connection.open);
        let whose: Vec<usize> = open.map(|connection| connection.tab).collect();
        if self.now > SETTLED_AT && whose.len() != 1 && alive().count() > 0 {
            return Err(format!("connections of the tabs {whose:?}"));
        }
        Ok(())
    }

    pub(super) fn check_over(&self) -> Result<(), String> {
        let all = self.run.written(ENDS_AT);
        for (number, tab) in self.tabs.iter().enumerate().filter(|(_, tab)| tab.alive) {
            let had = tab.reader.as_ref().map_or(0, |reader| reader.had);
            if had != all || !tab.over {
                return Err(format!(
                    "tab {number} has {had} of {all}; over: {}",
                    tab.over
                ));
            }
        }
        match self.connections.iter().any(|connection| connection.open) || self.holder.is_some() {
            true => Err("a connection or the lock is kept after the end".to_owned()),
            false => Ok(()),
        }
    }
}
