//! Going down and coming up again: where the servers differ most.

use super::{Kind, Out, Restart, Server, agent::Said, behaviour::Logged};
use crate::queue::Queue;
use serde_json::json;

/// A thread that the JS server has had this long is in its file, in milliseconds.
const JS_STORED_AFTER_MS: u64 = 3_000;

impl Server {
    /// Goes down.
    pub(crate) fn go_down(&mut self, now: u64, how: Restart) {
        self.is_down = true;
        self.lost_at = Some(now);
        self.jobs = Queue::default();
        let goodbye = self.ways.says_goodbye && how == Restart::Term;
        for (conn, _) in std::mem::take(&mut self.conns) {
            self.out.push(if goodbye {
                Out::End(conn, None)
            } else {
                Out::Broken(conn)
            });
        }
        for run in self.runs.values_mut() {
            run.epoch += 1;
            run.is_starting = false;
        }
        match (self.kind, how) {
            (Kind::Python, Restart::Term) => self.python_terminated(),
            (Kind::Python, Restart::Kill) => self.python_killed(),
            (Kind::Js, Restart::Term) => self.js_terminated(),
            (Kind::Js, Restart::Kill) => self.js_killed(now),
            (Kind::Ours | Kind::Odd, _) => self.ours_killed(now),
        }
    }

    /// Comes up again.
    pub(crate) fn come_up(&mut self, now: u64) {
        self.is_down = false;
        let threads: Vec<String> = self.threads.keys().cloned().collect();
        for thread in threads {
            self.start_next(now, &thread);
        }
    }

    /// Runs that were under way begin again from their last checkpoint, under their id.
    fn python_terminated(&mut self) {
        for run in self.runs.values_mut() {
            run.log.clear();
            if run.status == "running" {
                run.status = "pending";
                run.ops.clear();
                if let Some((message, _)) = run.message.take() {
                    self.truth.kill(&message);
                }
            }
        }
    }

    /// Threads with a run under way are gone; the others have lost their state.
    fn python_killed(&mut self) {
        for id in self.threads.keys().cloned().collect::<Vec<_>>() {
            let thread = &self.threads[&id];
            if thread.runs.iter().any(|run| self.runs[run].is_active()) {
                self.lose(&id);
                continue;
            }
            self.kill_messages(&id);
            let thread = self.threads.get_mut(&id).expect("listed above");
            thread.messages = None;
            thread.forget_states();
            thread.interrupts.clear();
            self.forget_events(&id);
        }
    }

    /// A run that was under way says "running" for ever, and what waits behind it waits for ever.
    fn js_terminated(&mut self) {
        for run in self.runs.values_mut() {
            run.log.clear();
            if run.status == "running" {
                run.is_stuck = true;
            }
        }
    }

    fn js_killed(&mut self, now: u64) {
        for id in self.threads.keys().cloned().collect::<Vec<_>>() {
            let thread = &self.threads[&id];
            let busy = thread
                .runs
                .iter()
                .any(|run| self.runs[run].is_active() && !self.runs[run].is_stuck);
            if busy || thread.changed_at + JS_STORED_AFTER_MS > now {
                self.lose(&id);
            } else {
                self.forget_events(&id);
            }
        }
    }

    /// A run that was under way ends as an error with the next id, and what it had said is kept.
    fn ours_killed(&mut self, now: u64) {
        let active: Vec<String> = self
            .runs
            .values()
            .filter(|run| run.is_active())
            .map(|run| run.id.clone())
            .collect();
        for id in active {
            let run = self.runs.get_mut(&id).expect("listed above");
            run.status = "error";
            run.ops.clear();
            let error =
                json!({ "error": "Aborted", "message": "the server was restarted during the run" });
            let event_id = self.ways.event_id(run.log.len(), 0, "error");
            run.log.push(Logged {
                name: "error",
                data: error.to_string(),
                id: event_id,
            });
            let thread = self
                .threads
                .get_mut(&run.thread)
                .expect("a run has a thread");
            thread.status = "error";
            thread.error = error;
            thread.changed_at = now;
            if let Some((message, text)) = run.message.take().filter(|(_, text)| !text.is_empty()) {
                let said = Said::answer(text);
                thread.put(self.ways.said(&message, &said));
                thread.store("loop", run.node);
            }
        }
        self.run_over_at = now;
    }

    /// The events of a thread's runs are gone.
    fn forget_events(&mut self, id: &str) {
        for run in &self.threads[id].runs {
            let run = self.runs.get_mut(run).expect("listed on its thread");
            run.log.clear();
        }
    }

    fn lose(&mut self, id: &str) {
        self.kill_messages(id);
        let Some(thread) = self.threads.remove(id) else {
            return;
        };
        for run in thread.runs {
            let lost = self.runs.remove(&run).expect("listed on its thread");
            if let Some(posts) = self.posts.get_mut(&lost.submission) {
                posts.retain(|post| *post != run);
            }
            let of_run = self.truth.told.values_mut().filter(|told| told.run == run);
            of_run.for_each(|told| told.dead = true);
        }
    }

    fn kill_messages(&mut self, id: &str) {
        let messages = self.threads[id].messages.iter().flatten();
        let ids: Vec<String> = messages
            .filter_map(|message| message["id"].as_str().map(str::to_owned))
            .collect();
        for id in ids {
            self.truth.kill(&id);
        }
    }
}
