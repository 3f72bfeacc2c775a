//! Features that many pages never use: views of the session, edits, tools that run in the page, the history and its branches, saved
//! states, and stored submissions. Stored submissions are those that an earlier page or another tab has to send, with changes of them.
//! Each feature is a part that owns its state; the client says what happens, and works without them.
//!
//! A program that never names a part does not bring its code along: `rejoin-leptos` names those of its features. The npm package
//! loads all ([`EXTRAS`]) as a module of its own, when something of it is first wanted.
//!
//! A part is taken out of the client while it is called, so that it can change the client as well. Its calls of the client
//! must not need the same part.

use super::{
    Client,
    branches::{Branches, BranchesPart},
    edits::{Edits, EditsPart},
    outbox::{KeptOutbox, OutboxPart},
    part::{Arrived, Due, Part, Woke},
    saved::{Saved, SavedPart},
    session::{SessionPart, Sessions},
    tools::{Results, ToolsPart},
};
use crate::{
    AttemptId, BranchesInput, CommandId, EditInput, Outcome, SavedInput, SessionInput, ToolsInput,
    WaitingInput,
};
use std::fmt;

/// The parts, as far as they are there and not at work.
#[derive(Default)]
pub(super) struct Parts {
    pub(super) session: Option<Box<dyn SessionPart>>,
    pub(super) edits: Option<Box<dyn EditsPart>>,
    pub(super) tools: Option<Box<dyn ToolsPart>>,
    pub(super) branches: Option<Box<dyn BranchesPart>>,
    pub(super) outbox: Option<Box<dyn OutboxPart>>,
    pub(super) saved: Option<Box<dyn SavedPart>>,
}

/// Parts that can come later than the client. [`Extras::SESSION`] and the like are one each, [`EXTRAS`] is all. A part that is
/// there stays as it is.
pub struct Extras {
    /// Whether a part is new.
    make: fn(&mut Parts) -> bool,
}

impl Extras {
    /// Views of the session: [`SessionInput`].
    pub const SESSION: Self = Self {
        make: |parts| fill(&mut parts.session, || Box::<Sessions>::default()),
    };

    /// Edits, new answers and further tries: [`EditInput`].
    pub const EDITS: Self = Self {
        make: |parts| fill(&mut parts.edits, || Box::<Edits>::default()),
    };

    /// Results of tools that run in the page: [`ToolsInput`].
    pub const TOOLS: Self = Self {
        make: |parts| fill(&mut parts.tools, || Box::<Results>::default()),
    };

    /// The history as a list of states, and its branches: [`BranchesInput`].
    pub const BRANCHES: Self = Self {
        make: |parts| fill(&mut parts.branches, || Box::<Branches>::default()),
    };

    /// Reading back the submissions of an earlier page or another tab, and changes of those that wait: [`WaitingInput`].
    pub const OUTBOX: Self = Self {
        make: |parts| fill(&mut parts.outbox, || Box::<KeptOutbox>::default()),
    };

    /// Threads' last states, saved in the browser: [`SavedInput`].
    pub const SAVED: Self = Self {
        make: |parts| fill(&mut parts.saved, || Box::<Saved>::default()),
    };
}

fn fill<P: ?Sized>(place: &mut Option<Box<P>>, make: impl FnOnce() -> Box<P>) -> bool {
    let is_new = place.is_none();
    if is_new {
        *place = Some(make());
    }
    is_new
}

/// All of them.
pub static EXTRAS: Extras = Extras {
    make: |parts| {
        let all = [
            Extras::SESSION,
            Extras::EDITS,
            Extras::TOOLS,
            Extras::BRANCHES,
            Extras::OUTBOX,
            Extras::SAVED,
        ];
        let are_new = all.map(|extras| (extras.make)(parts));
        are_new.contains(&true)
    },
};

impl fmt::Debug for Extras {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Extras")
    }
}

impl Parts {
    fn each(&self) -> [Option<&dyn Part>; 6] {
        let Self {
            session,
            edits,
            tools,
            branches,
            outbox,
            saved,
        } = self;
        [
            session.as_deref().map(|part| part as &dyn Part),
            edits.as_deref().map(|part| part as &dyn Part),
            tools.as_deref().map(|part| part as &dyn Part),
            branches.as_deref().map(|part| part as &dyn Part),
            outbox.as_deref().map(|part| part as &dyn Part),
            saved.as_deref().map(|part| part as &dyn Part),
        ]
    }

    /// The first time that one of them wants to be woken.
    pub(super) fn due(&self, client: &Client) -> Option<Due> {
        let parts = self.each().into_iter().flatten();
        parts.filter_map(|part| part.due(client)).min()
    }
}

impl Client {
    /// The parts have come.
    pub(super) fn extras_came(&mut self, extras: &Extras) {
        if !(extras.make)(&mut self.parts) {
            return;
        }
        if self.thread_id.is_some() {
            // The view has more to say of the shown messages.
            self.store.touch();
        }
        if self.parts.outbox.is_some() {
            self.outbox_part_came();
        }
    }

    /// Calls a part. `None`: it is not there.
    pub(super) fn with_part<P: ?Sized, R>(
        &mut self,
        of: fn(&mut Parts) -> &mut Option<Box<P>>,
        call: impl FnOnce(&mut P, &mut Self) -> R,
    ) -> Option<R> {
        let mut part = of(&mut self.parts).take()?;
        let result = call(&mut part, self);
        *of(&mut self.parts) = Some(part);
        Some(result)
    }

    /// Calls one part after the other until one says that it was meant.
    fn any_part(&mut self, call: &mut dyn FnMut(&mut dyn Part, &mut Self) -> bool) -> bool {
        // A new part does not compile before it is asked below.
        let Parts {
            saved: _,
            session: _,
            edits: _,
            tools: _,
            branches: _,
            outbox: _,
        } = &self.parts;
        let meant = Some(true);
        // First, as it looks at answers that are others'.
        self.with_part(|parts| &mut parts.saved, |part, client| call(part, client)) == meant
            || self.with_part(
                |parts| &mut parts.session,
                |part, client| call(part, client),
            ) == meant
            || self.with_part(|parts| &mut parts.edits, |part, client| call(part, client)) == meant
            || self.with_part(|parts| &mut parts.tools, |part, client| call(part, client)) == meant
            || self.with_part(
                |parts| &mut parts.branches,
                |part, client| call(part, client),
            ) == meant
            || self.with_part(|parts| &mut parts.outbox, |part, client| call(part, client)) == meant
    }

    fn each_part(&mut self, call: &mut dyn FnMut(&mut dyn Part, &mut Self)) {
        self.any_part(&mut |part, client| {
            call(part, client);
            false
        });
    }

    pub(super) fn parts_answered(&mut self, attempt: AttemptId, arrived: &Arrived<'_>) -> bool {
        self.any_part(&mut |part, client| part.answered(client, attempt, arrived))
    }

    pub(super) fn parts_late(&mut self) {
        self.each_part(&mut |part, client| {
            if part.due(client).is_some_and(|(at, _)| at <= client.now) {
                part.late(client);
            }
        });
    }

    pub(super) fn parts_woke(&mut self, woke: Woke) {
        self.each_part(&mut |part, client| part.woke(client, woke));
    }

    pub(super) fn tend_parts(&mut self) {
        self.each_part(&mut |part, client| part.tend(client));
    }

    pub(super) fn session_input(&mut self, input: SessionInput) {
        let command = input.command();
        let handled = self.with_part(
            |parts| &mut parts.session,
            |session, client| session.handle(client, input),
        );
        self.refuse_without(handled, command);
    }

    pub(super) fn edit_input(&mut self, input: EditInput) {
        let command = input.command();
        let handled = self.with_part(
            |parts| &mut parts.edits,
            |edits, client| edits.handle(client, input),
        );
        self.refuse_without(handled, command);
    }

    pub(super) fn tools_input(&mut self, input: ToolsInput) {
        let command = input.command();
        let handled = self.with_part(
            |parts| &mut parts.tools,
            |tools, client| tools.handle(client, input),
        );
        self.refuse_without(handled, command);
    }

    pub(super) fn branches_input(&mut self, input: BranchesInput) {
        self.with_part(
            |parts| &mut parts.branches,
            |branches, client| branches.handle(client, input),
        );
    }

    pub(super) fn waiting_input(&mut self, input: WaitingInput) {
        let command = input.command();
        let handled = self.with_part(
            |parts| &mut parts.outbox,
            |outbox, client| outbox.handle(client, input),
        );
        if handled == Some(true) {
            self.begin_queued();
        }
        self.refuse_without(handled.map(drop), command);
    }

    pub(super) fn saved_input(&mut self, input: SavedInput) {
        self.with_part(
            |parts| &mut parts.saved,
            |saved, client| saved.handle(client, input),
        );
    }

    /// Nobody waits for what will not come.
    fn refuse_without(&mut self, handled: Option<()>, command: Option<CommandId>) {
        if let (None, Some(command)) = (handled, command) {
            self.conclude(command, Outcome::Dropped);
        }
    }
}
