//! How submissions that the server does not have yet are stored.
//!
//! One text under one key for each thread: an object with a part for each client that has something to send, named after that client.
//! A client writes its own part only. What is read back is not trusted.

use crate::{Config, Millis, Submission, run_record::thread_key};
use rejoin_wire::{
    CheckpointId, Json, ThreadId,
    json::{
        FromJson, JsonError, Optional, ToJson, Writer, fields, items, parts, required, write_string,
    },
    request::{Command, MultitaskStrategy, OnDisconnect},
};

/// Clients that may have something to send on one thread. Parts beyond are not read.
const PARTS_MAX: usize = 16;

/// How long a submission that was not sent is kept, in milliseconds of wall-clock time: 7 days.
const KEPT_FOR: Millis = Millis(7 * 24 * 60 * 60 * 1000);

/// The key under which what is to be sent on a thread is stored.
pub fn outbox_key(config: &Config, thread_id: &ThreadId) -> String {
    thread_key("outbox", config, thread_id)
}

/// The text with a part of this name in the place of what was there; `None` as the part takes it away, and as the text says that
/// nothing is left. What cannot be read is not kept.
pub fn with_part(stored: Option<&str>, name: &str, part: Option<&str>) -> Option<String> {
    let mut text = String::new();
    let mut object = Writer::object(&mut text);
    let mut is_empty = part.is_none();
    let others = fields(stored.unwrap_or("{}"), &mut |other, json| {
        if other != name {
            object.raw(other, json);
            is_empty = false;
        }
        Ok(())
    });
    if others.is_err() {
        return with_part(None, name, part);
    }
    if let Some(part) = part {
        object.raw(name, part);
    }
    object.end();
    (!is_empty).then_some(text)
}

/// One submission as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct StoredSubmission {
    /// Names it on the server: the run's `rejoin_submission`.
    pub(crate) id: String,
    pub(crate) submission: Box<Submission>,
    /// Wall-clock time.
    pub(crate) submitted_at: Millis,
    /// How often it was posted.
    pub(crate) posts: u64,
    /// When it was posted last, in wall-clock time, while neither an answer nor a failure has come.
    pub(crate) posted_at: Option<Millis>,
    /// Whether a person has to say that it is to be sent.
    pub(crate) held: bool,
    /// Whether a person has said so, so that its age does not matter.
    pub(crate) confirmed: bool,
    /// Whether it was taken back when it may have been sent: it is only looked for, to be cancelled.
    pub(crate) withdrawn: bool,
}

/// The parts of a stored text, each with its submissions.
///
/// # Errors
/// Where it is no object.
pub(crate) fn read(
    text: &str,
    wall_clock: Millis,
) -> Result<Vec<(String, Vec<StoredSubmission>)>, JsonError> {
    let mut all = Vec::new();
    fields(text, &mut |name, part| {
        let mut list = Vec::new();
        // A part or an entry that is damaged costs no other.
        drop(items(part, &mut |item| {
            let read = StoredSubmission::from_json(item).ok();
            list.extend(read.filter(|entry| wall_clock - entry.submitted_at <= KEPT_FOR));
            Ok(())
        }));
        if !list.is_empty() && all.len() < PARTS_MAX {
            all.push((name.to_owned(), list));
        }
        Ok(())
    })?;
    Ok(all)
}

impl ToJson for StoredSubmission {
    fn write_json(&self, out: &mut String) {
        let mut object = Writer::object(out);
        object.string("id", &self.id);
        object.number("submitted_at", self.submitted_at.0);
        object.number("posts", self.posts);
        if let Some(at) = self.posted_at {
            object.number("posted_at", at.0);
        }
        let flags = [
            ("held", self.held),
            ("confirmed", self.confirmed),
            ("withdrawn", self.withdrawn),
        ];
        for (name, is_set) in flags {
            if is_set {
                object.bool(name, true);
            }
        }
        write_submission(object.field("submission"), &self.submission);
        object.end();
    }
}

impl FromJson for StoredSubmission {
    fn from_json(text: &str) -> Result<Self, JsonError> {
        let names = [
            "id",
            "submission",
            "submitted_at",
            "posts",
            "posted_at",
            "held",
            "confirmed",
            "withdrawn",
        ];
        let [
            id,
            submission,
            submitted_at,
            posts,
            posted_at,
            held,
            confirmed,
            withdrawn,
        ] = parts(text, &names)?;
        let mut optional = Optional::default();
        let read = Self {
            id: String::from_json(required(id, "an `id`")?)?,
            submission: Box::new(read_submission(submission)?),
            submitted_at: Millis(optional.or_default(submitted_at)),
            posts: optional.or_default(posts),
            posted_at: optional.some(posted_at).map(Millis),
            held: optional.or_default(held),
            confirmed: optional.or_default(confirmed),
            withdrawn: optional.or_default(withdrawn),
        };
        optional.done(read)
    }
}

fn write_submission(out: &mut String, submission: &Submission) {
    let command = submission.command.as_ref();
    let jsons = [
        ("input", &submission.input),
        ("resume", &command.and_then(|c| c.resume.clone())),
        ("update", &command.and_then(|c| c.update.clone())),
        ("goto", &command.and_then(|c| c.goto.clone())),
        ("config", &submission.config),
        ("metadata", &submission.metadata),
        ("checkpoint", &submission.checkpoint),
    ];
    let mut object = Writer::object(out);
    for (name, json) in jsons {
        if let Some(json) = json {
            object.raw(name, json.text());
        }
    }
    object.bool("has_command", command.is_some());
    object.bool("has_checkpoint", submission.checkpoint.is_some());
    let checkpoint_id = submission.checkpoint_id.as_ref();
    object.some_string("checkpoint_id", checkpoint_id.map(CheckpointId::as_str));
    if let Some(modes) = &submission.stream_modes {
        let mut list = Writer::list(object.field("stream_modes"));
        for mode in modes {
            write_string(list.item(), mode.as_str());
        }
        list.end();
    }
    let strategy = submission.multitask_strategy.map(MultitaskStrategy::as_str);
    object.some_string("multitask_strategy", strategy);
    let on_disconnect = submission.on_disconnect.map(OnDisconnect::as_str);
    object.some_string("on_disconnect", on_disconnect);
    let flags = [
        ("stream_resumable", submission.stream_resumable),
        ("stream_subgraphs", submission.stream_subgraphs),
    ];
    for (name, flag) in flags {
        if let Some(flag) = flag {
            object.bool(name, flag);
        }
    }
    let mut more = Writer::object(object.field("more"));
    for (name, json) in &submission.more {
        more.raw(name, json.text());
    }
    more.end();
    object.end();
}

/// What is laid over the values is not stored: they may be others by the time that it is sent.
fn read_submission(text: &str) -> Result<Submission, JsonError> {
    let names = [
        "input",
        "resume",
        "update",
        "goto",
        "config",
        "metadata",
        "checkpoint",
        "has_command",
        "has_checkpoint",
        "checkpoint_id",
        "stream_modes",
        "multitask_strategy",
        "on_disconnect",
        "stream_resumable",
        "stream_subgraphs",
        "more",
    ];
    let [
        input,
        resume,
        update,
        goto,
        config,
        metadata,
        checkpoint,
        has_command,
        has_checkpoint,
        checkpoint_id,
        stream_modes,
        multitask_strategy,
        on_disconnect,
        stream_resumable,
        stream_subgraphs,
        more,
    ] = parts(text, &names)?;
    let mut optional = Optional::default();
    let has_command: bool = optional.or_default(has_command);
    let has_checkpoint: bool = optional.or_default(has_checkpoint);
    let mut rest = Vec::new();
    if more != "null" {
        fields(more, &mut |name, json| {
            rest.push((name.to_owned(), Json::from_json(json)?));
            Ok(())
        })?;
    }
    let checkpoint_id: Option<String> = optional.some(checkpoint_id);
    let command = Command {
        resume: optional.some(resume),
        update: optional.some(update),
        goto: optional.some(goto),
    };
    let submission = Submission {
        input: optional.some(input),
        command: has_command.then_some(command),
        config: optional.some(config),
        metadata: optional.some(metadata),
        checkpoint: match has_checkpoint {
            true => Some(Json::from_json(checkpoint)?),
            false => None,
        },
        checkpoint_id: checkpoint_id.map(CheckpointId::from),
        optimistic_values: None,
        stream_modes: optional.some(stream_modes),
        multitask_strategy: optional.some(multitask_strategy),
        on_disconnect: optional.some(on_disconnect),
        stream_resumable: optional.some(stream_resumable),
        stream_subgraphs: optional.some(stream_subgraphs),
        thread_id: None,
        more: rest,
    };
    optional.done(submission)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_written_beside_those_of_other_clients() {
        let one = with_part(None, "a", Some("[1]"));
        assert_eq!(one.as_deref(), Some(r#"{"a":[1]}"#));
        let two = with_part(one.as_deref(), "b", Some("[2]"));
        assert_eq!(two.as_deref(), Some(r#"{"a":[1],"b":[2]}"#));
        let again = with_part(two.as_deref(), "a", Some("[3]"));
        assert_eq!(again.as_deref(), Some(r#"{"b":[2],"a":[3]}"#));
        assert_eq!(
            with_part(again.as_deref(), "b", None).as_deref(),
            Some(r#"{"a":[3]}"#)
        );
        assert_eq!(with_part(Some(r#"{"a":[3]}"#), "a", None), None);
        for damaged in ["", "[1]", "{\"a\":", "\u{0}", r#"{"a":[1]} {"#] {
            let text = with_part(Some(damaged), "a", Some("[1]"));
            assert_eq!(text.as_deref(), Some(r#"{"a":[1]}"#), "{damaged:?}");
            assert_eq!(with_part(Some(damaged), "a", None), None);
        }
    }

    #[test]
    fn a_submission_is_read_as_it_was_written() {
        let json = |text: &str| Some(Json::parse(text.to_owned()).expect("JSON"));
        let submission = Submission {
            input: json(r#"{"messages":[{"type":"human","id":"m","content":"hi"}]}"#),
            command: Some(Command {
                resume: json("false"),
                ..Command::default()
            }),
            config: json(r#"{"configurable":{"a":1}}"#),
            metadata: json(r#"{"b":[1,2]}"#),
            checkpoint: Some(Json::null()),
            checkpoint_id: Some("c".into()),
            optimistic_values: None,
            stream_modes: Some(vec![rejoin_wire::request::StreamMode::Custom]),
            multitask_strategy: Some(MultitaskStrategy::Rollback),
            on_disconnect: Some(OnDisconnect::Cancel),
            stream_resumable: Some(false),
            stream_subgraphs: Some(true),
            thread_id: None,
            more: vec![("context".to_owned(), json("{}").expect("given"))],
        };
        let stored = StoredSubmission {
            id: "mark".to_owned(),
            submission: Box::new(submission.clone()),
            submitted_at: Millis(7),
            posts: 2,
            posted_at: Some(Millis(8)),
            held: false,
            confirmed: true,
            withdrawn: false,
        };
        let read = StoredSubmission::from_json(&stored.to_json()).expect("as written");
        assert_eq!(format!("{stored:?}"), format!("{read:?}"));
        let plain = StoredSubmission {
            submission: Box::default(),
            ..stored
        };
        let read = StoredSubmission::from_json(&plain.to_json()).expect("as written");
        assert_eq!(format!("{plain:?}"), format!("{read:?}"));
    }

    #[test]
    fn what_is_damaged_or_too_old_costs_nothing_else() {
        let good = r#"{"id":"a","submitted_at":5,"submission":{}}"#;
        let old = KEPT_FOR + Millis(6);
        let bad = [
            "1",
            "null",
            "{}",
            r#"{"id":7,"submission":{}}"#,
            r#"{"id":"b","submission":[]}"#,
            r#"{"id":"b","submission":{"on_disconnect":"explode"}}"#,
            r#"{"id":"b","submission":{},"submitted_at":-1}"#,
        ];
        let text = format!(
            r#"{{"x":[{},{good}],"y":7,"z":{{}},"w":[{good}]}}"#,
            bad.join(",")
        );
        let read_at = |now| read(&text, now).expect("an object");
        let names = |parts: &[(String, Vec<StoredSubmission>)]| {
            let name = |(name, list): &(String, Vec<StoredSubmission>)| (name.clone(), list.len());
            parts.iter().map(name).collect::<Vec<_>>()
        };
        let expected = [("x".to_owned(), 1), ("w".to_owned(), 1)];
        assert_eq!(names(&read_at(Millis(6))), expected);
        assert_eq!(
            names(&read_at(Millis(0))),
            expected,
            "the clock was set back"
        );
        assert!(read_at(old).is_empty());
        assert!(read("[]", Millis(0)).is_err());
        let many: Vec<String> = (0..99).map(|n| format!(r#""p{n}":[{good}]"#)).collect();
        let many = format!("{{{}}}", many.join(","));
        assert_eq!(read(&many, Millis(6)).expect("an object").len(), PARTS_MAX);
    }
}
