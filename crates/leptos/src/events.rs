//! Custom events.

use crate::{UseStream, arena::part};
use leptos::prelude::{
    Get, RwSignal, Set, SetValue, Signal, StoredValue, Update, WithUntracked, set_timeout,
};
use rejoin_browser::RecordStore;
use rejoin_core::{
    Notice, Outcome,
    wire::{
        Json, RunId, ThreadId,
        event::{Event, EventName},
        json::{FromJson, JsonError, ToJson, Writer, items, parts},
    },
};
use serde::de::DeserializeOwned;
use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
    time::Duration,
};

/// How many custom events are kept, so that the newest of each type is found; the oldest go first.
const EVENTS_MAX: usize = 64;

/// An event's data as `T`, where it is one.
pub(crate) fn read_event<T: DeserializeOwned>(event: &Event) -> Option<T> {
    event.data.read().ok()
}

impl UseStream {
    /// The newest custom event of the run that can be read as `T`; `None` before there is one, and again when another run
    /// begins or another thread is entered. It changes as events come, not only once per frame.
    ///
    /// Of the run's last 64 custom events; a reload shows them as long as the run goes on. A type that reads anything, such as one whose fields are all optional, takes the
    /// events of others too.
    pub fn custom_event<T>(&self) -> Signal<Option<T>>
    where
        T: DeserializeOwned + Clone + Send + Sync + 'static,
    {
        let events = self.custom_events;
        Signal::derive(move || {
            let events = events.get();
            events.iter().rev().find_map(|event| event.read().ok())
        })
    }
}

/// Keeps a run's custom events.
#[derive(Clone, Copy)]
pub(crate) struct RecentEvents {
    events: RwSignal<VecDeque<Json>>,
    run: StoredValue<Option<RunId>>,
}

impl RecentEvents {
    pub(crate) fn new() -> Self {
        Self {
            events: RwSignal::new(VecDeque::new()),
            run: StoredValue::new(None),
        }
    }

    pub(crate) fn signal(self) -> Signal<VecDeque<Json>> {
        self.events.into()
    }

    fn add(self, event: &Event) {
        self.events.try_update(|events| {
            if events.len() >= EVENTS_MAX {
                events.pop_front();
            }
            events.push_back(event.data.clone());
        });
    }

    /// A run has its id. A run that is joined again is the same.
    fn run_begins(self, run: &RunId) {
        if part(self.run, |known| known.as_ref() == Some(run)) == Some(false) {
            self.forget();
            self.run.try_set_value(Some(run.clone()));
        }
    }

    /// Another run, or none, is the one that events come of.
    pub(crate) fn forget(self) {
        self.run.try_set_value(None);
        if self.events.try_with_untracked(VecDeque::is_empty) == Some(false) {
            self.events.update(VecDeque::clear);
        }
    }
}

/// Stores the events of a run that goes on, so that a reload shows them again: the server sends them once.
#[derive(Clone)]
pub(crate) struct EventRecord {
    recent: RecentEvents,
    store: Rc<dyn RecordStore>,
    thread: Rc<RefCell<Option<ThreadId>>>,
    is_due: Rc<Cell<bool>>,
}

/// The stored data.
struct Stored {
    run: RunId,
    events: VecDeque<Json>,
}

impl ToJson for Stored {
    fn write_json(&self, out: &mut String) {
        let mut record = Writer::object(out);
        record.string("run", self.run.as_str());
        let mut events = Writer::list(record.field("events"));
        for event in &self.events {
            events.item().push_str(event.text());
        }
        events.end();
        record.end();
    }
}

impl FromJson for Stored {
    fn from_json(text: &str) -> Result<Self, JsonError> {
        let [run, listed] = parts(text, &["run", "events"])?;
        let mut events = VecDeque::new();
        items(listed, &mut |event| {
            events.push_back(Json::from_json(event)?);
            Ok(())
        })?;
        let run = RunId::from_json(run)?;
        Ok(Self { run, events })
    }
}

/// Between two writes.
const SAVE_EVERY: Duration = Duration::from_secs(1);
/// The largest record, in bytes. Above it the oldest events are left out of it.
const RECORD_BYTES_MAX: usize = 64 * 1024;

impl EventRecord {
    pub(crate) fn new(recent: RecentEvents, store: Rc<dyn RecordStore>) -> Self {
        Self {
            recent,
            store,
            thread: Rc::default(),
            is_due: Rc::default(),
        }
    }

    /// Another thread is entered: what is stored of its run is shown.
    pub(crate) fn enter(&self, thread: Option<&ThreadId>) {
        self.save();
        self.recent.forget();
        self.thread.replace(thread.cloned());
        // Storage that fails is told by the client, which keeps its own record there.
        let stored = self.key().and_then(|key| self.store.load(&key).ok()?);
        let stored = stored.and_then(|text| Stored::from_json(&text).ok());
        if let Some(Stored { run, events }) = stored {
            self.recent.run.try_set_value(Some(run));
            self.recent.events.try_set(events);
        }
    }

    pub(crate) fn take(&self, notice: &Notice) {
        match notice {
            Notice::Created { run_id, thread_id } => {
                self.thread.replace(Some(thread_id.clone()));
                self.recent.run_begins(run_id);
            }
            Notice::EventApplied(event) if event.name == EventName::Custom => {
                self.recent.add(event);
                self.save_soon();
            }
            // The run goes on without this client.
            Notice::Ended { outcome, .. } if *outcome != Outcome::Disconnected => self.remove(),
            _ => {}
        }
    }

    fn save_soon(&self) {
        if !self.is_due.replace(true) {
            let record = self.clone();
            set_timeout(move || record.save(), SAVE_EVERY);
        }
    }

    /// Stores what is not stored yet.
    pub(crate) fn save(&self) {
        if !self.is_due.replace(false) {
            return;
        }
        let run = part(self.recent.run, Clone::clone).flatten();
        let events = self.recent.events.try_with_untracked(VecDeque::clone);
        let (Some(key), Some(run), Some(mut events)) = (self.key(), run, events) else {
            return;
        };
        let mut bytes: usize = events.iter().map(|event| event.text().len()).sum();
        while bytes > RECORD_BYTES_MAX
            && let Some(oldest) = events.pop_front()
        {
            bytes -= oldest.text().len();
        }
        // As above.
        drop(self.store.save(&key, &Stored { run, events }.to_json()));
    }

    fn remove(&self) {
        self.is_due.set(false);
        if let Some(key) = self.key() {
            drop(self.store.remove(&key));
        }
    }

    fn key(&self) -> Option<String> {
        let thread = self.thread.borrow();
        Some(["rejoin.events|", thread.as_ref()?.as_str()].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::{EventRecord, RECORD_BYTES_MAX, RecentEvents};
    use leptos::prelude::{GetUntracked, Owner};
    use rejoin_browser::{MemoryStore, RecordStore};
    use rejoin_core::wire::{
        Json, RunId, ThreadId,
        event::{Event, EventName},
    };
    use std::rc::Rc;

    fn custom(data: &impl serde::Serialize) -> Event {
        Event {
            id: None,
            name: EventName::Custom,
            namespace: Vec::new(),
            data: Json::from_value(data).expect("JSON"),
        }
    }

    /// Stores these events of a run, and tells how many another page finds.
    fn found_again(events: &[Event]) -> usize {
        Owner::new().with(|| {
            let store: Rc<dyn RecordStore> = Rc::new(MemoryStore::default());
            let thread = ThreadId::from("t");
            let recent = RecentEvents::new();
            let record = EventRecord::new(recent, Rc::clone(&store));
            record.enter(Some(&thread));
            recent.run_begins(&RunId::from("r"));
            for event in events {
                recent.add(event);
            }
            record.is_due.set(true);
            record.save();

            let again = RecentEvents::new();
            EventRecord::new(again, store).enter(Some(&thread));
            again.run_begins(&RunId::from("r"));
            again.events.get_untracked().len()
        })
    }

    #[test]
    fn another_page_finds_the_events_of_a_run_that_goes_on() {
        let events = [custom(&1), custom(&"two")];
        assert_eq!(found_again(&events), 2);
    }

    #[test]
    fn what_is_stored_is_bounded_and_the_newest_stay() {
        let large = custom(&"x".repeat(RECORD_BYTES_MAX - 10));
        let events = [large.clone(), large, custom(&1)];
        assert_eq!(found_again(&events), 2);
        let too_large = custom(&"x".repeat(RECORD_BYTES_MAX + 1));
        assert_eq!(found_again(&[too_large]), 0);
    }
}
