//! Finds the checkpoint that a kept beginning of the thread ends in, among the thread's states as far as they were read
//! for that.

use super::{
    HistoryState,
    state::{message_ids, source_of},
};
use crate::{
    hash::{HASH_OF_NOTHING, hashed},
    list::collected,
};
use rejoin_wire::{CheckpointId, Json, MessageId};

/// States that one page asks for.
pub(crate) const PAGE_STATES: usize = 100;
/// States that are read before a checkpoint counts as not to be found: 100 pages.
const STATES_MAX: usize = 100 * PAGE_STATES;
/// How much of the states' text is kept, in bytes. Of those above it only their messages' names are known.
const TEXT_BYTES_MAX: usize = 8 * 1024 * 1024;

/// A list of messages by their number and a hash of their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Beginning {
    count: usize,
    hash: u64,
}

impl Beginning {
    pub(crate) fn of(ids: &[MessageId]) -> Self {
        let mut hash = HASH_OF_NOTHING;
        for id in ids {
            hash = hashed(hash, id.as_str());
        }
        let count = ids.len();
        Self { count, hash }
    }

    /// Those of the first `shortest` ids, of one more, and so on to all; the longest last.
    pub(crate) fn from_shortest(ids: &[MessageId], shortest: usize) -> Vec<Self> {
        let counts = shortest..ids.len() + 1;
        collected(counts.map(|count| Self::of(&ids[..count])))
    }
}

/// The choice among several states that hold the same messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// The one that the turn before ended in: what later nodes wrote is kept.
    Newest,
    /// The one that the turn began with, so that all of it is done again.
    Oldest,
}

/// The result of a search.
#[derive(Debug, PartialEq)]
pub(crate) enum Found {
    /// The checkpoint.
    At {
        id: CheckpointId,
        /// Its state, where that is still known.
        state: Option<Json>,
        /// How many messages it holds.
        count: usize,
    },
    /// Older states have to be read.
    More,
    /// There is none.
    Nothing,
}

/// A state, as far as the search needs it.
struct Known {
    state: HistoryState,
    beginning: Beginning,
    /// Whether it only repeats its parent's messages, for a run that began there.
    is_copy: bool,
}

/// States as they were read, newest first.
#[derive(Default)]
pub(crate) struct Pages {
    known: Vec<Known>,
    text_bytes: usize,
    /// Whether there are no older ones.
    is_whole: bool,
}

impl Pages {
    /// How many states were read.
    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }

    pub(crate) fn newest(&self) -> Option<&CheckpointId> {
        self.known.first()?.state.checkpoint_id.as_ref()
    }

    pub(crate) fn oldest(&self) -> Option<&CheckpointId> {
        self.known.last()?.state.checkpoint_id.as_ref()
    }

    pub(crate) fn add(&mut self, states: Vec<HistoryState>, messages_key: &str) {
        let before = self.known.len();
        for mut state in states {
            let repeated = state.checkpoint_id.is_none()
                || self
                    .place(state.checkpoint_id.as_ref(), before.saturating_sub(1))
                    .is_some();
            if repeated {
                continue;
            }
            let beginning = Beginning::of(&message_ids(&state, messages_key));
            let is_copy = matches!(source_of(&state).as_deref(), Some("input" | "fork"));
            self.text_bytes += state.json.text().len();
            if self.text_bytes > TEXT_BYTES_MAX {
                state.json = Json::null();
            }
            self.known.push(Known {
                state,
                beginning,
                is_copy,
            });
        }
        // A server may send fewer than it was asked for; only nothing new is the end.
        self.is_whole = self.known.len() == before || self.known.len() >= STATES_MAX;
    }

    /// Searches from `head`, or without one from the newest state, back to the first state that holds exactly one of
    /// `wanted`. If there is none on that way, any state that holds the last of `wanted` is found.
    pub(crate) fn find(
        &self,
        head: Option<&CheckpointId>,
        wanted: &[Beginning],
        which: Which,
    ) -> Found {
        let Some(longest) = wanted.last() else {
            return Found::Nothing;
        };
        let mut best = None;
        let mut at = match head {
            Some(_) => self.place(head, 0),
            None => (!self.known.is_empty()).then_some(0),
        };
        let mut reached_first = false;
        // A server may call a state its own ancestor, so the way has an end all the same.
        for _ in 0..self.known.len() {
            let Some(known) = at.map(|at| &self.known[at]) else {
                break;
            };
            if wanted.contains(&known.beginning) {
                best = at;
                if which == Which::Newest && !known.is_copy {
                    return self.found(best);
                }
            } else if best.is_some()
                && (which == Which::Newest || known.beginning.count < longest.count)
            {
                return self.found(best);
            }
            let parent = known.state.parent_id.as_ref();
            reached_first = parent.is_none();
            at = parent.and_then(|_| self.place(parent, at.unwrap_or_default()));
        }
        if best.is_some() && reached_first {
            return self.found(best);
        }
        if !self.is_whole && !reached_first {
            return Found::More;
        }
        let anywhere = |known: &Known| known.beginning == *longest && !known.is_copy;
        let best = best.or_else(|| match which {
            Which::Newest => self.known.iter().position(anywhere),
            Which::Oldest => self.known.iter().rposition(anywhere),
        });
        self.found(best)
    }

    fn found(&self, at: Option<usize>) -> Found {
        let known = at.map(|at| &self.known[at]);
        match known.and_then(|known| Some((known, known.state.checkpoint_id.clone()?))) {
            Some((known, id)) => {
                let json = &known.state.json;
                Found::At {
                    id,
                    state: (!json.is_null()).then(|| json.clone()),
                    count: known.beginning.count,
                }
            }
            None => Found::Nothing,
        }
    }

    /// A state is older than its children, so it stands behind them, most often right there.
    fn place(&self, id: Option<&CheckpointId>, near: usize) -> Option<usize> {
        let is_it = |at: &usize| self.known[*at].state.checkpoint_id.as_ref() == id;
        let near = near.min(self.known.len());
        (near..self.known.len()).chain(0..near).find(is_it)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rejoin_wire::json::Lenient;

    /// `id parent source messages`, newest first.
    fn pages(states: &[&str]) -> Pages {
        let mut pages = Pages::default();
        pages.add(read(states), "messages");
        pages
    }

    fn read(states: &[&str]) -> Vec<HistoryState> {
        let quoted = |id: &str| match id {
            "-" => "null".to_owned(),
            id => format!(r#"{{"checkpoint_id":"{id}"}}"#),
        };
        let state = |line: &&str| {
            let words: Vec<&str> = line.split(' ').collect();
            let messages: Vec<String> = words[3..]
                .iter()
                .map(|id| format!(r#"{{"id":"{id}","type":"human","content":""}}"#))
                .collect();
            let json = format!(
                r#"{{"values":{{"messages":[{}]}},"checkpoint":{},"parent_checkpoint":{},"metadata":{{"source":"{}"}}}}"#,
                messages.join(","),
                quoted(words[0]),
                quoted(words[1]),
                words[2]
            );
            HistoryState::read_quietly(&json).expect("a state")
        };
        states.iter().map(state).collect()
    }

    fn at(found: Found) -> String {
        match found {
            Found::At { id, .. } => id.to_string(),
            Found::More => "more".to_owned(),
            Found::Nothing => "nothing".to_owned(),
        }
    }

    fn check(pages: &Pages, head: Option<&str>, kept: &[&str], which: Which, expected: &str) {
        let ids: Vec<MessageId> = kept.iter().map(|id| (*id).into()).collect();
        let head = head.map(CheckpointId::from);
        let wanted = [Beginning::of(&ids)];
        let found = pages.find(head.as_ref(), &wanted, which);
        assert_eq!(at(found), expected, "{kept:?} {which:?}");
    }

    const TWO_TURNS: [&str; 6] = [
        "6 5 loop h1 a1 h2 a2",
        "5 4 loop h1 a1 h2",
        "4 3 input h1 a1",
        "3 2 loop h1 a1",
        "2 1 loop h1",
        "1 - input",
    ];

    #[test]
    fn a_turn_goes_on_from_where_the_one_before_ended() {
        let pages = pages(&TWO_TURNS);
        check(&pages, None, &["h1", "a1"], Which::Newest, "3");
        check(&pages, None, &[], Which::Newest, "1");
        check(&pages, None, &["h1", "a1", "h2"], Which::Oldest, "5");
        check(&pages, None, &["h1"], Which::Oldest, "2");
        check(&pages, None, &["x"], Which::Newest, "nothing");
    }

    #[test]
    fn what_later_nodes_wrote_is_kept_and_what_earlier_ones_did_is_done_again() {
        let pages = pages(&["4 3 loop h a", "3 2 loop h a", "2 1 loop h", "1 - loop h"]);
        check(&pages, None, &["h", "a"], Which::Newest, "4");
        check(&pages, None, &["h"], Which::Oldest, "1");
    }

    #[test]
    fn a_message_edited_twice_has_its_versions_beside_each_other() {
        let pages = pages(&[
            "9 8 loop h1 a1 h3",
            "8 3 input h1 a1",
            "6 5 loop h1 a1 h2 a2",
            "5 4 loop h1 a1 h2",
            "4 3 input h1 a1",
            "3 2 loop h1 a1",
            "2 1 loop h1",
            "1 - input",
        ]);
        check(&pages, None, &["h1", "a1"], Which::Newest, "3");
        check(&pages, Some("6"), &["h1", "a1"], Which::Newest, "3");
        check(&pages, Some("6"), &["h1", "a1", "h2"], Which::Oldest, "5");
    }

    #[test]
    fn first_messages_go_on_from_the_first_state_however_often_they_were_edited() {
        let pages = pages(&["4 3 loop h2", "3 1 input", "2 1 loop h1", "1 - input"]);
        check(&pages, None, &[], Which::Newest, "1");
    }

    #[test]
    fn older_states_are_read_until_it_is_there_or_there_are_no_more() {
        let mut pages = pages(&TWO_TURNS[..2]);
        check(&pages, None, &["h1", "a1"], Which::Newest, "more");
        check(&pages, Some("3"), &["h1"], Which::Newest, "more");
        pages.add(read(&TWO_TURNS[2..4]), "messages");
        check(&pages, None, &["h1", "a1"], Which::Newest, "3");
        check(&pages, None, &[], Which::Newest, "more");
        pages.add(Vec::new(), "messages");
        check(&pages, None, &[], Which::Newest, "nothing");
        assert_eq!((pages.len(), pages.oldest()), (4, Some(&"3".into())));
    }

    #[test]
    fn messages_that_came_with_an_edited_one_are_not_in_a_state_without_it() {
        let pages = pages(&[
            "4 3 loop h1 a1 t1 h2",
            "3 2 input h1 a1",
            "2 1 loop h1 a1",
            "1 - loop h1",
        ]);
        let ids: Vec<MessageId> = ["h1", "a1", "t1"].map(Into::into).to_vec();
        let wanted = Beginning::from_shortest(&ids, 2);
        let found = pages.find(None, &wanted, Which::Newest);
        let Found::At { id, count, .. } = found else {
            panic!("{found:?}");
        };
        assert_eq!((id.as_str(), count), ("2", 2));
    }

    #[test]
    fn states_that_call_each_other_their_parent_are_searched_once() {
        for (states, kept, expected) in [
            (&["2 1 loop h a", "1 2 loop h"][..], "h", "1"),
            (&["2 1 loop h a", "1 2 loop h"], "x", "nothing"),
            (&["2 2 loop h"], "x", "nothing"),
            (
                &["3 1 loop h", "2 1 loop h a", "1 2 loop h a b"],
                "x",
                "nothing",
            ),
        ] {
            let mut pages = pages(states);
            pages.add(Vec::new(), "messages");
            check(&pages, None, &[kept], Which::Newest, expected);
        }
        let pages = pages(&["2 1 loop h a", "1 2 loop h"]);
        check(&pages, None, &["x"], Which::Oldest, "more");
    }

    #[test]
    fn another_branchs_state_serves_where_the_shown_branch_has_none() {
        let pages = pages(&["3 1 loop h3", "2 1 loop h2", "1 - input"]);
        check(&pages, None, &["h2"], Which::Newest, "2");
    }
}
