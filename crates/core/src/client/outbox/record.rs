//! How submissions that the server does not have yet are stored.
//!
//! One text under one key for each thread: an object with a part for each client that has something to send, named after that client.
//! A client writes its own part only: a list of its submissions, with `true` before them once it holds the lock of that name. Of a submission
//! the body is stored that is posted. A text that is read back is not trusted.

use crate::{Config, Millis, Submission, run_record::thread_key};
use rejoin_wire::{
    Json, ThreadId,
    json::{
        FromJson, JsonError, Node, Object, Optional, ToJson, Writer, fields, items, parts,
        parts_and_more, required,
    },
    request::Command,
};

/// Other clients that may have something to send on one thread. Of parts beyond only the names count, until there is room.
pub(crate) const PARTS_MAX: usize = 16;

/// The first item of a part whose client holds its lock.
pub(crate) const LOCKED: &str = "true";

/// The key under which what is to be sent on a thread is stored.
pub fn outbox_key(config: &Config, thread_id: &ThreadId) -> String {
    thread_key("outbox", config, thread_id)
}

/// The stored text with `part` in the place of its part of this name. As the part, `None` takes that one away; as the text, it
/// says that nothing is left. A stored text that cannot be read is not kept.
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
    /// The body that is posted. `None` if it is too large to be stored.
    pub(crate) body: Option<Json>,
    /// Wall-clock time.
    pub(crate) submitted_at: Millis,
    /// How often it was posted.
    pub(crate) posts: u64,
    /// When it was posted last, in wall-clock time, while neither an answer nor a failure has come.
    pub(crate) posted_at: Option<Millis>,
    /// The open questions that it answers, as a hash; `None` if it answers none that was known.
    pub(crate) questions: Option<u64>,
    /// Whether a person has to say that it is to be sent.
    pub(crate) held: bool,
    /// Whether a person has said so, so that its age does not matter.
    pub(crate) confirmed: bool,
    /// Whether it was taken back when it may have been sent: it is only looked for, to be cancelled.
    pub(crate) withdrawn: bool,
}

impl StoredSubmission {
    /// One that was never sent.
    pub(crate) fn new(id: String, submission: Box<Submission>, submitted_at: Millis) -> Self {
        Self {
            id,
            submission,
            body: None,
            submitted_at,
            posts: 0,
            posted_at: None,
            questions: None,
            held: false,
            confirmed: false,
            withdrawn: false,
        }
    }
}

/// The part of one client.
#[derive(Debug)]
pub(crate) struct StoredPart {
    pub(crate) name: String,
    /// Whether its client has held its lock. Before that nobody can tell whether the client is gone.
    pub(crate) was_locked: bool,
    pub(crate) submissions: Vec<StoredSubmission>,
}

/// The parts of a stored text that hold submissions, however old.
///
/// # Errors
/// If it is no object.
pub(crate) fn read(text: &str) -> Result<Vec<StoredPart>, JsonError> {
    let mut all = Vec::new();
    fields(text, &mut |name, part| {
        let mut submissions = Vec::new();
        let mut was_locked = false;
        // A part or an entry that is damaged costs no other.
        drop(items(part, &mut |item| {
            was_locked |= item == LOCKED;
            submissions.extend(StoredSubmission::from_json(item));
            Ok(())
        }));
        if !submissions.is_empty() {
            all.push(StoredPart {
                name: name.to_owned(),
                was_locked,
                submissions,
            });
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
        if let Some(questions) = self.questions {
            object.number("questions", questions);
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
        object.raw("body", self.body.as_ref().map_or("null", Json::text));
        object.end();
    }
}

impl FromJson for StoredSubmission {
    fn from_json(text: &str) -> Result<Self, JsonError> {
        let names = [
            "id",
            "body",
            "submitted_at",
            "posts",
            "posted_at",
            "questions",
            "held",
            "confirmed",
            "withdrawn",
        ];
        let [
            id,
            body,
            submitted_at,
            posts,
            posted_at,
            questions,
            held,
            confirmed,
            withdrawn,
        ] = parts(text, &names)?;
        let mut optional = Optional::default();
        let read = Self {
            id: String::from_json(required(id, "an `id`")?)?,
            submission: Box::new(read_body(body)?),
            body: Some(Json::from_json(body)?),
            submitted_at: Millis(optional.or_default(submitted_at)),
            posts: optional.or_default(posts),
            posted_at: optional.some(posted_at).map(Millis),
            questions: optional.some(questions),
            held: optional.or_default(held),
            confirmed: optional.or_default(confirmed),
            withdrawn: optional.or_default(withdrawn),
        };
        optional.done(read)
    }
}

/// The submission that is posted as this body. Values that it lays over the thread's are not stored: they may be others by the time that
/// it is sent.
fn read_body(text: &str) -> Result<Submission, JsonError> {
    let names = [
        "input",
        "command",
        "config",
        "metadata",
        "checkpoint",
        "stream_mode",
        "stream_subgraphs",
        "stream_resumable",
        "on_disconnect",
        "multitask_strategy",
        // The client's own.
        "assistant_id",
        "if_not_exists",
    ];
    let mut more = Vec::new();
    let [
        input,
        command,
        config,
        metadata,
        checkpoint,
        stream_mode,
        stream_subgraphs,
        stream_resumable,
        on_disconnect,
        multitask_strategy,
        ..,
    ] = parts_and_more(text, &names, &mut |name, json| {
        more.push((name.to_owned(), Json::from_json(json)?));
        Ok(())
    })?;
    let mut optional = Optional::default();
    let submission = Submission {
        input: optional.some(input),
        command: read_command(command)?,
        config: read_config(config)?,
        metadata: optional.some(metadata),
        // Without one it goes on from the newest state, whatever branch is shown by then.
        checkpoint: Some(Json::from_json(checkpoint)?),
        checkpoint_id: None,
        optimistic_values: None,
        stream_modes: optional.some(stream_mode),
        multitask_strategy: optional.some(multitask_strategy),
        on_disconnect: optional.some(on_disconnect),
        stream_resumable: optional.some(stream_resumable),
        stream_subgraphs: optional.some(stream_subgraphs),
        thread_id: None,
        thread_is_made: false,
        more,
    };
    optional.done(submission)
}

/// An answer may be `null`.
fn read_command(text: &str) -> Result<Option<Command>, JsonError> {
    if text == "null" {
        return Ok(None);
    }
    let mut command = Command::default();
    fields(text, &mut |name, json| {
        let json = Some(Json::from_json(json)?);
        match name {
            "resume" => command.resume = json,
            "update" => command.update = json,
            "goto" => command.goto = json,
            _ => {}
        }
        Ok(())
    })?;
    Ok(Some(command))
}

/// Without the word that the newest state is meant, which is said anew when it is sent.
fn read_config(text: &str) -> Result<Option<Json>, JsonError> {
    if text == "null" {
        return Ok(None);
    }
    let mut config = Object::from_json(text)?;
    if let Some(Node::Object(configurable)) = config.get_mut("configurable")
        && configurable.get("checkpoint_id").is_some_and(Node::is_null)
    {
        configurable.remove("checkpoint_id");
    }
    Ok(Some(Json::written(&config)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rejoin_wire::request::{MultitaskStrategy, OnDisconnect, StreamMode};

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
        let body = |text: &str| Some(Json::parse(text.to_owned()).expect("JSON"));
        let stored = StoredSubmission {
            id: "mark".to_owned(),
            submission: Box::default(),
            body: body(
                r#"{"assistant_id":"chat","input":{"messages":[]},"metadata":{"rejoin_submission":"mark"},"config":{"configurable":{"a":1,"checkpoint_id":null}},"command":{"resume":null},"checkpoint":{"checkpoint_ns":"","checkpoint_id":"c"},"stream_mode":["custom"],"stream_subgraphs":true,"stream_resumable":false,"on_disconnect":"cancel","multitask_strategy":"rollback","if_not_exists":"create","context":{}}"#,
            ),
            submitted_at: Millis(7),
            posts: 2,
            posted_at: Some(Millis(8)),
            questions: Some(u64::MAX),
            held: false,
            confirmed: true,
            withdrawn: false,
        };
        let read = StoredSubmission::from_json(&stored.to_json()).expect("as written");
        assert_eq!(read.to_json(), stored.to_json());
        let Submission {
            input,
            command,
            config,
            metadata,
            checkpoint,
            stream_modes,
            multitask_strategy,
            on_disconnect,
            stream_resumable,
            stream_subgraphs,
            more,
            ..
        } = *read.submission;
        let text = |json: Option<Json>| json.expect("given").text().to_owned();
        assert_eq!(text(input), r#"{"messages":[]}"#);
        assert_eq!(text(command.and_then(|command| command.resume)), "null");
        assert_eq!(text(config), r#"{"configurable":{"a":1}}"#);
        assert_eq!(text(metadata), r#"{"rejoin_submission":"mark"}"#);
        assert_eq!(
            text(checkpoint),
            r#"{"checkpoint_ns":"","checkpoint_id":"c"}"#
        );
        assert_eq!(stream_modes, Some(vec![StreamMode::Custom]));
        assert_eq!(multitask_strategy, Some(MultitaskStrategy::Rollback));
        assert_eq!(on_disconnect, Some(OnDisconnect::Cancel));
        assert_eq!(
            (stream_resumable, stream_subgraphs),
            (Some(false), Some(true))
        );
        assert_eq!(more.len(), 1);
        assert_eq!((more[0].0.as_str(), more[0].1.text()), ("context", "{}"));
    }

    #[test]
    fn what_is_damaged_costs_nothing_else() {
        let good = r#"{"id":"a","submitted_at":5,"body":{}}"#;
        let bad = [
            "1",
            "null",
            "{}",
            r#"{"id":7,"body":{}}"#,
            r#"{"id":"b","body":[]}"#,
            r#"{"id":"b","body":{"on_disconnect":"explode"}}"#,
            r#"{"id":"b","body":{},"submitted_at":-1}"#,
        ];
        let text = format!(
            r#"{{"x":[{},{good}],"y":7,"z":{{}},"w":[true,{good}]}}"#,
            bad.join(",")
        );
        let names = |parts: &[StoredPart]| {
            let name =
                |part: &StoredPart| (part.name.clone(), part.was_locked, part.submissions.len());
            parts.iter().map(name).collect::<Vec<_>>()
        };
        let expected = [("x".to_owned(), false, 1), ("w".to_owned(), true, 1)];
        assert_eq!(names(&read(&text).expect("an object")), expected);
        assert!(read("[]").is_err());
        let many: Vec<String> = (0..99).map(|n| format!(r#""p{n}":[{good}]"#)).collect();
        let many = format!("{{{}}}", many.join(","));
        assert_eq!(read(&many).expect("an object").len(), 99);
    }
}
