//! Matches messages that a server names otherwise than they are shown. A submitted message gets an id of the server's,
//! a streamed one is stored under another id, or messages have no ids at all.
//!
//! ```text
//! shown   u1 "hi"   run-a "Hel"               u1 was submitted, run-a streams
//! list    7 "hi"    lc-9 "Hello"              7 is u1, lc-9 is run-a: the rows keep their names, the messages get the new ids
//! ```
//! An id decides where it can. The rest of the list is compared with the rest of the rows, between the same two
//! neighbours. Each row becomes one message at most and each message one row; two that were taken for one are told apart
//! by the first list that has both.

use super::{
    MessageOrigin, MessageSlot, ThreadStore,
    known::{CONFIRMED, Entry, HEARD, MINTED, NONE, SAVED, STREAMED},
    slots::{ids_of, place_id},
};
use crate::list::collected;
use rejoin_wire::{
    MessageId,
    json::Node,
    message::{Message, MessageKind},
};
use std::ops::Range;

/// A list that the server sent, while it is compared with what is shown.
pub(super) struct Reading<'a> {
    pub(super) messages: &'a [Message],
    /// Of each its id, or without one its place.
    pub(super) names: Vec<MessageId>,
    /// Of each its entry, as far as that is known; else [`NONE`].
    found: Vec<usize>,
}

impl Reading<'_> {
    fn open_items(&self, among: Range<usize>) -> Vec<usize> {
        collected(among.filter(|at| self.found[*at] == NONE))
    }
}

/// Rows that stand in no list between two neighbours that do, and what the list has between these two.
struct Gap {
    /// Places of slots.
    rows: Vec<usize>,
    /// Places in the list.
    items: Vec<usize>,
    /// Whether there is a neighbour before them.
    follows: bool,
}

/// Says which row is which message of a gap.
type Rule = fn(&ThreadStore, &Reading<'_>, &Gap) -> Vec<(usize, usize)>;

impl ThreadStore {
    /// Says by which id readers know each message of a list, and notes in the entries where each stands.
    ///
    /// `lacks_text`: what was streamed may not be all that was said.
    ///
    /// `ahead_by`: marks of messages that the list may be older than.
    pub(super) fn recognise(
        &mut self,
        messages: &[Message],
        lacks_text: bool,
        ahead_by: u16,
    ) -> Vec<MessageId> {
        let mut list = Reading {
            messages,
            names: ids_of(messages),
            found: vec![NONE; messages.len()],
        };
        self.known.unlist();
        self.find_by_id(&mut list);
        self.find_by_place(&mut list);
        let all = self.everything_open(&list);
        if !all.rows.is_empty() && !all.items.is_empty() {
            self.take(&mut list, Self::rows_of_one_call, &all);
            // Questions first: they tell the answers' turns.
            self.take_each(&mut list, Self::questions_that_say_the_same);
            self.take_each(&mut list, Self::answers_that_say_the_same);
            if lacks_text {
                self.take_each(&mut list, Self::answers_that_go_on);
            }
            let rest = self.everything_open(&list);
            self.take(&mut list, Self::questions_that_only_one_says, &rest);
        }
        let ids = self.name_all(&list, ahead_by);
        if self.is_replay {
            self.join_what_was_said_again(&list, &ids);
        }
        ids
    }

    pub(super) fn is_unconfirmed(&self, slot: &MessageSlot) -> bool {
        self.known.has(&slot.id, STREAMED) && !self.known.has(&slot.id, CONFIRMED)
    }

    /// Finds the message that one from the stream is, where its id is new. Whether it was found.
    pub(super) fn recognise_streamed(&mut self, message: &Message, id: &MessageId) -> bool {
        if self.known.index(id).is_some() {
            return false;
        }
        let is_it = |slot: &&MessageSlot| match message.kind {
            MessageKind::Ai => {
                self.known.has(&slot.id, STREAMED) && is_of_one_call(slot.id.as_str(), id.as_str())
            }
            MessageKind::Human
            | MessageKind::System
            | MessageKind::Tool
            | MessageKind::Remove
            | MessageKind::Other(_) => {
                slot.origin == MessageOrigin::Optimistic
                    && self.may_be(slot, message)
                    && say_the_same(&slot.message, message)
            }
        };
        let found = self.slots.iter().find(is_it);
        let found = found.and_then(|slot| self.known.index(&slot.id));
        if let Some(entry) = found {
            self.known.name(id, entry);
        }
        found.is_some()
    }

    /// Whether a message of another id, or without one, may be the one that is shown here. A server that has kept the id
    /// of one submitted message keeps those of others. A message that the server has shown already has its id, where
    /// values may be of an older run or of another branch.
    fn may_be(&self, slot: &MessageSlot, message: &Message) -> bool {
        let submitted = slot.origin == MessageOrigin::Optimistic;
        let has_its_id =
            slot.message.id.is_some() && self.known.has(&slot.id, self.ahead_by | SAVED);
        message.id.is_none() || !(submitted && self.server_keeps_ids || has_its_id)
    }

    fn find_by_id(&mut self, list: &mut Reading<'_>) {
        for (at, message) in list.messages.iter().enumerate() {
            let name = &list.names[at];
            let Some(entry) = message.id.as_ref().and_then(|id| self.known.index(id)) else {
                continue;
            };
            let listed = self.known.entries[entry].listed;
            if listed != NONE && list.names[listed] != *name {
                // Taken for one message, and the server has both: the name that came later is another's.
                let is_own = self.known.entries[entry].id == *name;
                let other = if is_own { listed } else { at };
                list.found[other] = self.known.begin(&list.names[other]);
                if !is_own {
                    continue;
                }
            }
            list.found[at] = entry;
            let entry = &mut self.known.entries[entry];
            entry.listed = at;
            self.server_keeps_ids |= entry.has(MINTED) && entry.id == *name;
        }
        for entry in &mut list.found {
            if let Some(hidden) = self.known.entries.get_mut(*entry)
                && hidden.place == NONE
            {
                hidden.listed = NONE;
                *entry = NONE;
            }
        }
    }

    /// A message without an id is the one that stands at its place, if it says the same.
    fn find_by_place(&mut self, list: &mut Reading<'_>) {
        for (at, message) in list.messages.iter().enumerate() {
            let Some(entry) = self.known.index(&list.names[at]) else {
                continue;
            };
            let known = &mut self.known.entries[entry];
            let shown = self.slots.get(known.place);
            if message.id.is_none()
                && known.listed == NONE
                && shown.is_some_and(|slot| say_the_same(&slot.message, message))
            {
                known.listed = at;
                list.found[at] = entry;
            }
        }
    }

    fn is_open(&self, slot: &MessageSlot) -> bool {
        let entry = self.known.find(&slot.id);
        entry.is_some_and(|entry| entry.listed == NONE)
    }

    fn everything_open(&self, list: &Reading<'_>) -> Gap {
        let rows = 0..self.slots.len();
        Gap {
            rows: collected(rows.filter(|place| self.is_open(&self.slots[*place]))),
            items: list.open_items(0..list.found.len()),
            follows: false,
        }
    }

    fn gaps(&self, list: &Reading<'_>) -> Vec<Gap> {
        let mut gaps = Vec::new();
        let mut rows = Vec::new();
        let mut from = 0;
        for (place, slot) in self.slots.iter().enumerate() {
            let listed = self.known.find(&slot.id).map_or(NONE, |entry| entry.listed);
            if listed != NONE {
                let items = list.open_items(from..listed);
                let rows = std::mem::take(&mut rows);
                let follows = from > 0;
                gaps.push(Gap {
                    rows,
                    items,
                    follows,
                });
                from = listed + 1;
            } else if self.is_open(slot) {
                rows.push(place);
            }
        }
        let items = list.open_items(from..list.found.len());
        let follows = from > 0;
        gaps.push(Gap {
            rows,
            items,
            follows,
        });
        gaps
    }

    fn take_each(&mut self, list: &mut Reading<'_>, rule: Rule) {
        for gap in self.gaps(list) {
            self.take(list, rule, &gap);
        }
    }

    fn take(&mut self, list: &mut Reading<'_>, rule: Rule, gap: &Gap) {
        if gap.rows.is_empty() || gap.items.is_empty() {
            return;
        }
        for (row, item) in rule(self, list, gap) {
            let entry = self.known.index(&self.slots[row].id);
            let is_free = |entry: &usize| {
                let has_id = list.messages[item].id.is_some();
                list.found[item] == NONE
                    && !(has_id && self.were_heard_apart(*entry, &list.names[item]))
            };
            if let Some(entry) = entry.filter(is_free) {
                self.known.entries[entry].listed = item;
                list.found[item] = entry;
            }
        }
    }

    /// Whether pieces of a message have come, and under another id pieces of the one that `name` names, so that they are two.
    fn were_heard_apart(&self, entry: usize, name: &MessageId) -> bool {
        let other = self.known.index(name).filter(|other| *other != entry);
        let other = other.map(|other| &self.known.entries[other]);
        let was_heard = |other: &Entry| other.id == *name && other.has(HEARD);
        self.known.entries[entry].has(HEARD) && other.is_some_and(was_heard)
    }

    /// Their ids say that they come of one call of a model, or they ask for the same tool call.
    fn rows_of_one_call(&self, list: &Reading<'_>, gap: &Gap) -> Vec<(usize, usize)> {
        let mut found = Vec::new();
        for row in &gap.rows {
            let shown = &self.slots[*row];
            let calls = call_ids(&shown.message);
            let is_it = |item: &&usize| {
                let (name, message) = (&list.names[**item], &list.messages[**item]);
                message.kind == shown.message.kind
                    && message.kind == MessageKind::Ai
                    && (is_of_one_call(shown.id.as_str(), name.as_str())
                        || call_ids(message).iter().any(|id| calls.contains(id)))
            };
            found.extend(gap.items.iter().find(is_it).map(|item| (*row, *item)));
        }
        found
    }

    fn questions_that_say_the_same(&self, list: &Reading<'_>, gap: &Gap) -> Vec<(usize, usize)> {
        let is_question = |row: &usize| self.slots[*row].message.kind == MessageKind::Human;
        let questions = collected(gap.rows.iter().copied().filter(is_question));
        self.rows_that_say_the_same(list, gap, questions, &|_, _| true)
    }

    fn answers_that_say_the_same(&self, list: &Reading<'_>, gap: &Gap) -> Vec<(usize, usize)> {
        let is_answer = |row: &usize| self.slots[*row].message.kind != MessageKind::Human;
        let answers = collected(gap.rows.iter().copied().filter(is_answer));
        self.rows_that_say_the_same(list, gap, answers, &|row, item| {
            self.are_of_one_turn(list, gap, row, item)
        })
    }

    /// Wherever it stands: the only question that says something, and the only one of the list that does. One with an id of the
    /// server's is compared with submitted questions alone.
    fn questions_that_only_one_says(&self, list: &Reading<'_>, gap: &Gap) -> Vec<(usize, usize)> {
        let is_question = |row: &usize| self.slots[*row].message.kind == MessageKind::Human;
        let rows = collected(gap.rows.iter().copied().filter(is_question));
        let same = |row: usize, message: &Message| say_the_same(&self.slots[row].message, message);
        let mut found = Vec::new();
        for row in &rows {
            let shown = &self.slots[*row];
            let may_be = |item: &&usize| {
                let message = &list.messages[**item];
                let submitted = shown.origin == MessageOrigin::Optimistic;
                (submitted || message.id.is_none())
                    && same(*row, message)
                    && self.may_be(shown, message)
            };
            let items = collected(gap.items.iter().filter(may_be));
            let is_only = rows
                .iter()
                .filter(|other| same(**other, &shown.message))
                .count()
                == 1;
            if let ([item], true) = (&items[..], is_only && says_something(&shown.message)) {
                found.push((*row, **item));
            }
        }
        found
    }

    /// Whether as many questions stand before a row and a message, or behind them, as far as their neighbours.
    fn are_of_one_turn(&self, list: &Reading<'_>, gap: &Gap, row: usize, item: usize) -> bool {
        let asks = |message: &Message| message.kind == MessageKind::Human;
        if let Some(asked) = self.listed_question(row) {
            return asked < item && !list.messages[asked + 1..item].iter().any(asks);
        }
        if !list.messages.iter().any(asks) {
            // A list of answers only does not tell turns.
            return true;
        }
        let in_rows = |among: &dyn Fn(usize) -> bool| {
            let rows = gap.rows.iter().filter(|at| among(**at));
            rows.filter(|at| asks(&self.slots[**at].message)).count()
        };
        let in_list = |among: &dyn Fn(usize) -> bool| {
            let items = gap.items.iter().filter(|at| among(**at));
            items.filter(|at| asks(&list.messages[**at])).count()
        };
        let before = || in_rows(&|at| at < row) == in_list(&|at| at < item);
        let behind = || in_rows(&|at| at > row) == in_list(&|at| at > item);
        gap.follows && before() || !self.follows_its_question(row) && behind()
    }

    /// The place in the list of the question that a row is known to answer.
    pub(super) fn listed_question(&self, row: usize) -> Option<usize> {
        let answer = self.known.find(&self.slots[row].id)?;
        let asked = self.known.find(answer.asked.as_ref()?)?;
        (asked.listed != NONE).then_some(asked.listed)
    }

    /// Whether nothing that the list has stands between a row and the question before it, so that it answers that one.
    fn follows_its_question(&self, row: usize) -> bool {
        let before = self.slots[..row].iter().rev();
        let mut before =
            before.skip_while(|slot| slot.message.kind != MessageKind::Human && self.is_open(slot));
        let nearest = before.next();
        nearest.is_some_and(|slot| slot.message.kind == MessageKind::Human)
    }

    /// Pairs rows and items that say the same, in their order. Items that are new to us come first: the rows were
    /// said last.
    fn rows_that_say_the_same(
        &self,
        list: &Reading<'_>,
        gap: &Gap,
        mut rows: Vec<usize>,
        is_there: &dyn Fn(usize, usize) -> bool,
    ) -> Vec<(usize, usize)> {
        let mut found = Vec::new();
        while let Some(row) = rows.first().copied() {
            let first = &self.slots[row].message;
            let (alike, others): (Vec<_>, Vec<_>) = rows
                .into_iter()
                .partition(|row| say_the_same(&self.slots[*row].message, first));
            rows = others;
            let items = gap.items.iter().copied();
            let is_it = |item: &usize| {
                let message = &list.messages[*item];
                say_the_same(first, message)
                    && self.may_be(&self.slots[row], message)
                    && is_there(row, *item)
            };
            let items = collected(items.filter(is_it));
            // What says nothing may be anything, unless there is only one.
            if says_something(first) || (alike.len(), items.len()) == (1, 1) {
                let new = items.len().saturating_sub(alike.len());
                found.extend(alike.into_iter().zip(items.into_iter().skip(new)));
            }
        }
        found
    }

    /// An answer whose end did not come is the one message that goes on from it, if no other row could be that one.
    fn answers_that_go_on(&self, list: &Reading<'_>, gap: &Gap) -> Vec<(usize, usize)> {
        let goes_on = |row: usize, item: usize| {
            let (shown, whole) = (&self.slots[row], &list.messages[item]);
            let was_heard = self.known.find(&shown.id);
            let was_heard = was_heard.is_some_and(|e| e.has(HEARD) && !e.has(CONFIRMED));
            let is_part =
                shown.origin == MessageOrigin::Partial || was_heard || self.is_unconfirmed(shown);
            let says_something = shown.message.content.text_bytes() > 0;
            is_part
                && says_something
                && begins(&shown.message, whole)
                && self.are_of_one_turn(list, gap, row, item)
        };
        let mut found = Vec::new();
        for row in &gap.rows {
            let items = gap.items.iter().filter(|item| goes_on(*row, **item));
            let items = collected(items);
            let [item] = items[..] else { continue };
            if gap.rows.iter().filter(|row| goes_on(**row, *item)).count() == 1 {
                found.push((*row, *item));
            }
        }
        found
    }

    /// Lets each message be known by what the list calls it.
    fn name_all(&mut self, list: &Reading<'_>, ahead_by: u16) -> Vec<MessageId> {
        let mut ids = Vec::with_capacity(list.names.len());
        for (at, message) in list.messages.iter().enumerate() {
            let name = &list.names[at];
            let known = self.known.index(name);
            let entry = match list.found[at] {
                NONE => known
                    .filter(|entry| message.id.is_some() || self.is_free(*entry, list, ahead_by))
                    .unwrap_or_else(|| self.begin_at(at, message.id.as_ref())),
                found => {
                    // A place names whatever stood there first.
                    if known != Some(found) && (message.id.is_some() || known.is_none()) {
                        self.known.name(name, found);
                        if let Some(hidden) = known {
                            self.known.entries[hidden].marks = 0;
                        }
                    }
                    found
                }
            };
            self.known.entries[entry].listed = at;
            ids.push(self.known.entries[entry].id.clone());
        }
        ids
    }

    fn is_free(&self, entry: usize, list: &Reading<'_>, ahead_by: u16) -> bool {
        let known = &self.known.entries[entry];
        // What the list is older than stays beside what it has at that place.
        let is_newer = known.place != NONE && known.has(ahead_by);
        // What was streamed under an id and is shown no more is another message, and may be streamed again.
        let is_anothers = known.place == NONE && known.has(HEARD);
        known.listed == NONE && !is_newer && !is_anothers && !list.found.contains(&entry)
    }

    /// Begins a message that was never known. If its place names another message already, the next free place names it.
    fn begin_at(&mut self, at: usize, id: Option<&MessageId>) -> usize {
        let name = match id {
            Some(id) => id.clone(),
            None => {
                let mut places = (at..).map(place_id);
                let free = places.find(|name| self.known.index(name).is_none());
                free.unwrap_or_else(|| place_id(at))
            }
        };
        self.known.begin(&name)
    }
}

/// Whether two messages can be one, whatever their ids.
pub(super) fn say_the_same(one: &Message, other: &Message) -> bool {
    one.kind == other.kind
        && one.content.text_bytes() == other.content.text_bytes()
        && one.tool_call_id() == other.tool_call_id()
        && one.content.text() == other.content.text()
        && call_ids(one) == call_ids(other)
}

fn says_something(message: &Message) -> bool {
    message.content.text_bytes() > 0
        || message.tool_call_id().is_some()
        || !call_ids(message).is_empty()
}

/// Whether an answer may be how `whole` began.
pub(super) fn begins(part: &Message, whole: &Message) -> bool {
    let whole_calls = call_ids(whole);
    let text = part.content.text();
    // Half a character stands for what is to come.
    let said = match part.halves.is_empty() {
        true => &*text,
        false => text.trim_end_matches('\u{fffd}'),
    };
    part.kind == MessageKind::Ai
        && whole.kind == MessageKind::Ai
        && whole.content.text().starts_with(said)
        && call_ids(part).iter().all(|id| whole_calls.contains(id))
}

/// The ids of the tool calls that a message asks for, read or as streamed.
fn call_ids(message: &Message) -> Vec<&str> {
    let streamed = message.tool_call_chunks();
    let calls = if streamed.is_empty() {
        message.tool_calls()
    } else {
        streamed
    };
    collected(calls.iter().filter_map(|call: &Node| call.text_of("id")))
}

/// LangChain names a model's answer after the call: `run-{id}` in JavaScript, `lc_run--{id}` in Python as it streams and
/// `lc_run--{id}-0` where it does not.
fn is_of_one_call(one: &str, other: &str) -> bool {
    fn call(id: &str) -> Option<&str> {
        let id = id.strip_prefix("lc_").unwrap_or(id);
        let call = id.strip_prefix("run-")?;
        let call = call.strip_prefix('-').unwrap_or(call);
        Some(call.strip_suffix("-0").unwrap_or(call))
    }
    call(one).is_some_and(|one| call(other) == Some(one))
}
