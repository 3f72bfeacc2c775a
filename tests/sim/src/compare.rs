//! What is shown against what the server holds.

use crate::{
    server::{Kind, thread::Thread},
    truth::Told,
    world::World,
};
use rejoin_core::{
    Connection, ErrorCode, MessageOrigin, MessageSlot, View,
    wire::{
        json::Node,
        message::{Message, ToolCall},
        thread::Interrupt,
    },
};
use serde_json::Value;

impl World {
    /// Compares where the client has followed the thread's last run to its end, or has entered it and been told that nothing
    /// runs there. What happens on the thread after the client has read it is not the client's to show.
    pub(crate) fn compare_in_place(&mut self) {
        let Some(page) = &self.page else { return };
        let view = page.client.view();
        let Some(thread_id) = view.thread_id().map(ToString::to_string) else {
            return;
        };
        let Some(thread) = self.server.threads.get(&thread_id) else {
            return;
        };
        if !view.branch().is_empty() || self.checker.history_unavailable {
            return;
        }
        let last = thread.runs.last();
        let over = last.is_none_or(|run| !self.server.runs[run].is_active());
        let read_at = self.server.state_read_at;
        let kept = self.server.lost_at.is_none_or(|at| at <= read_at);
        let how = match (view.run_id(), view.connection()) {
            (Some(run), Connection::Finished | Connection::Expired)
                if last.is_some_and(|last| last == run.as_str())
                    && thread.changed_at <= read_at =>
            {
                "compared in place"
            }
            (None, Connection::Idle)
                if !view.is_thread_loading() && thread.changed_at < thread.read_at =>
            {
                "compared on entering"
            }
            _ => return,
        };
        if over && kept {
            self.report.count(how);
            self.compare(&thread_id);
        }
    }

    /// What is shown must be what the server holds.
    pub(crate) fn compare(&mut self, thread_id: &str) {
        if self.checker.violation.is_some() {
            return;
        }
        if let Some(page) = &mut self.page {
            page.client.refresh_view();
        }
        let Some(page) = &self.page else { return };
        let view = page.client.view();
        let Some(thread) = self.server.threads.get(thread_id) else {
            let code = view.error().map(|error| error.code);
            // A submission that never arrived says why, or waits.
            let is_refused = view.run_id().is_none() && view.connection() == Connection::Failed;
            let is_new = !view.waiting().is_empty();
            if code != Some(ErrorCode::ThreadNotFound) && !is_refused && !is_new {
                self.checker.fail(format!(
                    "the server does not know the thread, but the view says {code:?}"
                ));
            }
            return self.report.count("compared: thread unknown");
        };
        if thread
            .runs
            .iter()
            .any(|run| self.server.waits_for_ever(run))
        {
            self.report.count("compared: stuck run");
        }
        let held = thread.messages.as_deref().unwrap_or_default();
        let messages = match self.plan.kind {
            Kind::Odd => self.compare_odd_messages(&view, held),
            Kind::Python | Kind::Js | Kind::Ours => self.compare_messages(&view, held),
        };
        let compared = messages
            .and_then(|()| self.check_parts(&view))
            .and_then(|()| self.compare_questions(&view, thread))
            .and_then(|()| self.check_failure(&view, thread));
        if let Err(words) = compared {
            self.checker.fail(words);
        }
        self.report.count("compared");
    }

    /// Parts are of runs that did not succeed. What the server has lost may stay.
    fn check_parts(&self, view: &View<'_>) -> Result<(), String> {
        let of_success = |slot: &&MessageSlot| {
            let told = self.told(slot).filter(|told| !told.dead);
            let run = told.and_then(|told| self.server.runs.get(&told.run));
            run.is_some_and(|run| run.status == "success")
        };
        let slots = view.messages().iter();
        let mut parts = slots.filter(|slot| slot.origin == MessageOrigin::Partial);
        match parts.find(of_success) {
            Some(slot) => Err(format!(
                "{} is kept as a part, but its run has succeeded",
                slot.id()
            )),
            None => Ok(()),
        }
    }

    /// The page asks what the thread asks; beside the odd server's odd questions.
    fn compare_questions(&self, view: &View<'_>, thread: &Thread) -> Result<(), String> {
        let asks = thread.status == "interrupted";
        let asked = thread.interrupts.iter().filter(|_| asks);
        let asked: Vec<Interrupt> = asked
            .map(|asked| serde_json::from_value(asked.clone()).expect("an interrupt"))
            .collect();
        let shown = view.interrupts();
        let all_shown = match self.plan.kind {
            Kind::Odd => asked.iter().all(|asked| shown.contains(asked)),
            Kind::Python | Kind::Js | Kind::Ours => shown == asked,
        };
        if all_shown {
            return Ok(());
        }
        Err(format!(
            "at rest the view asks {shown:?}, the server {asked:?}"
        ))
    }

    fn check_failure(&self, view: &View<'_>, thread: &Thread) -> Result<(), String> {
        let last = thread.runs.last().map(|run| &self.server.runs[run]);
        let failed = last.is_some_and(|run| run.status == "error");
        if failed && self.plan.ways.thread_keeps_error && view.error().is_none() {
            return Err("the thread's last run failed, and the view does not say so".to_owned());
        }
        Ok(())
    }

    /// What the server knows of a message that is shown.
    fn told(&self, slot: &MessageSlot) -> Option<&Told> {
        self.server.truth.told.get(self.name_of(slot)?)
    }

    pub(crate) fn name_of<'a>(&'a self, slot: &'a MessageSlot) -> Option<&'a str> {
        let truth = &self.server.truth;
        truth.name_of(slot, &slot.message.content.text())
    }

    /// What is shown is exactly what the server holds, and what a run has streamed that is active for ever.
    fn compare_messages(&self, view: &View<'_>, held: &[Value]) -> Result<(), String> {
        // Behind a run that is active for ever nothing says what has become of the runs before it.
        let stuck = self
            .server
            .runs
            .keys()
            .any(|run| self.server.waits_for_ever(run));
        let is_held = |slot: &MessageSlot| {
            let name = self.name_of(slot);
            held.iter().any(|message| message["id"].as_str() == name)
        };
        let slots = view.messages().iter();
        let slots =
            slots.filter(|slot| slot.origin == MessageOrigin::Server && (!stuck || is_held(slot)));
        let held: Vec<Message> = held.iter().map(read_message).collect();
        let shown: Vec<&Message> = slots.map(|slot| slot.message.as_ref()).collect();
        let is_same = shown.len() == held.len() && shown.iter().zip(&held).all(|(a, b)| *a == b);
        if is_same {
            return Ok(());
        }
        Err(format!(
            "at rest the view shows\n  {shown:?}\nbut the server holds\n  {held:?}"
        ))
    }

    /// Ids and odd entries aside, the odd server's messages are shown whole, each once and in order; and so is what
    /// the odd entries clearly say.
    fn compare_odd_messages(&self, view: &View<'_>, held: &[Value]) -> Result<(), String> {
        let slots = view.messages().iter();
        let shown: Vec<&MessageSlot> = slots
            .filter(|slot| slot.origin == MessageOrigin::Server)
            .collect();
        let known = shown.iter().filter(|slot| self.told(slot).is_some());
        let texts: Vec<_> = known.map(|slot| slot.message.content.text()).collect();
        let expected: Vec<&str> = held.iter().filter_map(|m| m["content"].as_str()).collect();
        if texts != expected {
            return Err(format!(
                "at rest the view shows\n  {texts:?}\nbut the server holds\n  {expected:?}"
            ));
        }
        let asked = held.iter().filter(|message| message["type"] == "human");
        let mut odd = (0..asked.count()).filter_map(|at| self.plan.ways.odd.entry(at)?.text);
        let shows = |text: &str| shown.iter().any(|slot| slot.message.content.text() == text);
        if let Some(missing) = odd.find(|text| !shows(text)) {
            return Err(format!("the odd entry {missing:?} is not shown"));
        }
        let has_calls =
            |message: &&Value| !message["tool_calls"].as_array().is_none_or(Vec::is_empty);
        let shows_call = |slot: &&&MessageSlot| slot.message.tool_calls().iter().any(is_good_call);
        if shown.iter().filter(shows_call).count() != held.iter().filter(has_calls).count() {
            return Err("a tool call is not shown".to_owned());
        }
        Ok(())
    }
}

/// Whether it is the call that agents make, rather than an odd one beside it.
fn is_good_call(call: &Node) -> bool {
    let call = ToolCall::read(call);
    call.name == "get_weather" && call.args.text_of("city") == Some("Paris")
}

fn read_message(message: &Value) -> Message {
    serde_json::from_value(message.clone()).expect("a server's message")
}
