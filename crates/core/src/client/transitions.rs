//! The phase that each input leads to from each phase of the run, as one table.
//!
//! A new phase or a new input does not compile here until it has a name, and fails until it has its column or its row.

use super::{Client, phase::Phase};
use crate::{
    AttemptId, BranchesInput, Cache, CommandId, Config, EXTRAS, Edit, EditAt, EditInput, ErrorCode,
    Input, JoinOptions, Millis, SavedInput, SessionInput, Submission, ToolResult, ToolsInput,
    TransportError, WaitingInput,
};
use rejoin_wire::{Json, sse::Frame};

/// Rows: inputs, of the phase's own request or connection where they are of one. Columns: phases. Cells: the phase then; `.` is the
/// same one.
const TABLE: &str = "\
                   Idle      Finding   Making    Opening   Live      Waiting   Checking  Looking   Settling  Ended
ThreadSwitched     .         Idle      Idle      Idle      Idle      Idle      Idle      Idle      Idle      Idle
SubmitRequested    Opening   .         .         .         .         .         .         .         .         Opening
EditRequested      .         .         .         .         .         .         .         .         .         .
CheckpointResolved .         .         .         .         .         .         .         .         .         .
ToolResultAdded    .         .         .         .         .         .         .         .         .         .
JoinRequested      .         .         .         .         .         Looking   .         .         .         Checking
ExtrasCame         .         .         .         .         .         .         .         .         .         .
BranchSelected     .         .         .         .         .         .         .         .         .         .
ValuesMutated      .         .         .         .         .         .         .         .         .         .
HistoryProvided    .         .         .         .         .         .         .         .         .         .
HistoryRequested   .         .         .         .         .         .         .         .         .         .
StreamModesSet     .         .         .         .         .         .         .         .         .         .
EventsListened     .         .         .         .         .         .         .         .         .         .
ViewOpened         .         .         .         .         .         .         .         .         .         .
OlderRequested     .         .         .         .         .         .         .         .         .         .
ViewClosed         .         .         .         .         .         .         .         .         .         .
StatesKept         .         .         .         .         .         .         .         .         .         .
StateRead          .         .         .         .         .         .         .         .         .         .
StatesFailed       .         .         .         .         .         .         .         .         .         .
ThreadDeleted      .         .         .         .         .         .         .         .         .         .
StopRequested      .         Ended     Ended     Ended     Ended     Ended     Ended     Ended     Ended     .
CancelRequested    .         .         .         .         .         .         .         .         .         .
HeadersArrived     .         .         .         Live      .         .         .         .         .         .
ChunkArrived       .         .         .         .         .         .         .         .         .         .
EventArrived       .         .         .         .         .         .         .         .         .         .
BodyEnded          .         .         .         Waiting   Checking  .         .         .         .         .
ResponseArrived    .         Opening   Opening   .         .         .         Waiting   Waiting   Waiting   .
RequestFailed      .         Waiting   Waiting   Waiting   Waiting   .         Waiting   Waiting   Waiting   .
RecordLoaded       .         .         .         .         .         .         .         .         .         .
LockHeld           .         .         .         .         .         .         .         .         .         .
RecordChanged      .         .         .         .         .         .         .         .         .         .
LockLost           .         .         .         .         .         .         .         .         .         .
LocksMissing       .         .         .         .         .         .         .         .         .         .
TakenBack          .         .         .         .         .         .         .         .         .         .
SentNow            .         .         .         .         .         .         .         .         .         .
Replaced           .         .         .         .         .         .         .         .         .         .
StorageFailed      .         .         .         .         .         .         .         .         .         .
WentOnline         .         .         .         .         .         .         .         .         .         .
WentOffline        .         .         .         .         .         .         .         .         .         .
BecameVisible      .         .         .         .         .         .         .         .         .         .
BecameHidden       .         .         .         .         .         .         .         .         .         .
Thawed             .         .         Opening   Finding   Opening   .         .         .         .         .
Focused            .         .         .         .         .         .         .         .         .         .
RunBegunElsewhere  .         .         .         .         .         .         .         .         .         Finding
PageOpened         .         .         .         .         .         .         .         .         .         .
PageHiding         .         .         .         .         .         .         .         .         .         .
DeadlineReached    .         Waiting   Waiting   Waiting   .         Looking   Waiting   Waiting   Waiting   .";

/// The phases, in the table's order.
const PHASES: [&str; 10] = [
    "Idle", "Finding", "Making", "Opening", "Live", "Waiting", "Checking", "Looking", "Settling",
    "Ended",
];

fn name(phase: &Phase) -> &'static str {
    match phase {
        Phase::Idle => "Idle",
        Phase::Finding { .. } => "Finding",
        Phase::MakingThread(_) => "Making",
        Phase::Opening(_) => "Opening",
        Phase::Live(_) => "Live",
        Phase::Waiting { .. } => "Waiting",
        Phase::Checking { .. } => "Checking",
        Phase::Looking(_) => "Looking",
        Phase::Settling { .. } => "Settling",
        Phase::Ended(_) => "Ended",
    }
}

fn row(input: &Input) -> &'static str {
    match input {
        Input::ThreadSwitched { .. } => "ThreadSwitched",
        Input::SubmitRequested { .. } => "SubmitRequested",
        Input::Edit(EditInput::Requested { .. }) => "EditRequested",
        Input::Edit(EditInput::CheckpointResolved { .. }) => "CheckpointResolved",
        Input::Tools(ToolsInput::ResultAdded { .. }) => "ToolResultAdded",
        Input::JoinRequested { .. } => "JoinRequested",
        Input::ExtrasCame { .. } => "ExtrasCame",
        Input::Branches(BranchesInput::Selected { .. }) => "BranchSelected",
        Input::ValuesMutated { .. } => "ValuesMutated",
        Input::Branches(BranchesInput::HistoryProvided { .. }) => "HistoryProvided",
        Input::Branches(BranchesInput::HistoryRequested) => "HistoryRequested",
        Input::StreamModesSet { .. } => "StreamModesSet",
        Input::EventsListened { .. } => "EventsListened",
        Input::Session(SessionInput::Opened { .. }) => "ViewOpened",
        Input::Session(SessionInput::OlderRequested { .. }) => "OlderRequested",
        Input::Session(SessionInput::Closed) => "ViewClosed",
        Input::Saved(SavedInput::Kept { .. }) => "StatesKept",
        Input::Saved(SavedInput::Read { .. }) => "StateRead",
        Input::Saved(SavedInput::Failed { .. }) => "StatesFailed",
        Input::Saved(SavedInput::ThreadDeleted { .. }) => "ThreadDeleted",
        Input::StopRequested => "StopRequested",
        Input::CancelRequested => "CancelRequested",
        Input::HeadersArrived { .. } => "HeadersArrived",
        Input::ChunkArrived { .. } => "ChunkArrived",
        Input::EventArrived { .. } => "EventArrived",
        Input::BodyEnded { .. } => "BodyEnded",
        Input::ResponseArrived { .. } => "ResponseArrived",
        Input::RequestFailed { .. } => "RequestFailed",
        Input::RecordLoaded { .. } => "RecordLoaded",
        Input::LockHeld { .. } => "LockHeld",
        Input::LockLost { .. } => "LockLost",
        Input::RecordChanged { .. } => "RecordChanged",
        Input::LocksMissing => "LocksMissing",
        Input::Waiting(WaitingInput::TakeBack { .. }) => "TakenBack",
        Input::Waiting(WaitingInput::SendNow { .. }) => "SentNow",
        Input::Waiting(WaitingInput::Replace { .. }) => "Replaced",
        Input::StorageFailed { .. } => "StorageFailed",
        Input::WentOnline => "WentOnline",
        Input::WentOffline => "WentOffline",
        Input::BecameVisible => "BecameVisible",
        Input::BecameHidden => "BecameHidden",
        Input::Thawed => "Thawed",
        Input::Focused => "Focused",
        Input::RunBegunElsewhere => "RunBegunElsewhere",
        Input::PageOpened { .. } => "PageOpened",
        Input::PageHiding { .. } => "PageHiding",
        Input::DeadlineReached => "DeadlineReached",
    }
}

/// One of each, for a request or a connection.
fn inputs(attempt: AttemptId) -> Vec<Input> {
    let command = CommandId(9);
    let message = String::new();
    vec![
        Input::ThreadSwitched {
            thread_id: Some("other".into()),
        },
        Input::SubmitRequested {
            command,
            submission: Box::default(),
        },
        Input::Edit(EditInput::Requested {
            command,
            edit: Box::new(Edit {
                at: EditAt::Failed,
                submission: Submission::default(),
            }),
        }),
        Input::Edit(EditInput::CheckpointResolved {
            command,
            checkpoint: Ok(None),
        }),
        Input::Tools(ToolsInput::ResultAdded {
            command,
            result: Box::new(ToolResult {
                tool_call_id: "c".to_owned(),
                content: Json::null(),
                is_error: false,
                name: None,
                artifact: None,
            }),
        }),
        Input::JoinRequested {
            command,
            run_id: None,
            options: JoinOptions::default(),
        },
        Input::ExtrasCame { extras: &EXTRAS },
        Input::Branches(BranchesInput::Selected {
            branch: String::new(),
        }),
        Input::ValuesMutated { values: json("{}") },
        Input::Branches(BranchesInput::HistoryProvided { states: json("[]") }),
        Input::Branches(BranchesInput::HistoryRequested),
        Input::StreamModesSet { modes: Vec::new() },
        Input::EventsListened { names: Vec::new() },
        Input::Session(SessionInput::Opened { limit: 1 }),
        Input::Session(SessionInput::OlderRequested { command }),
        Input::Session(SessionInput::Closed),
        Input::Saved(SavedInput::Kept {
            cache: Cache::default(),
        }),
        Input::Saved(SavedInput::Read {
            thread_id: "t".into(),
            text: None,
            wall_clock: Millis(0),
        }),
        Input::Saved(SavedInput::Failed { why: String::new() }),
        Input::Saved(SavedInput::ThreadDeleted {
            thread_id: "t".into(),
        }),
        Input::StopRequested,
        Input::CancelRequested,
        Input::HeadersArrived {
            attempt,
            status: 200,
            headers: event_stream(),
        },
        Input::ChunkArrived {
            attempt,
            bytes: b": heartbeat\n\n".to_vec(),
        },
        Input::EventArrived {
            attempt,
            event: Some(custom_event()),
        },
        Input::BodyEnded { attempt },
        Input::ResponseArrived {
            attempt,
            status: 200,
            headers: Vec::new(),
            body: b"[]".to_vec(),
        },
        Input::RequestFailed {
            attempt,
            error: TransportError::Network { message },
        },
        Input::RecordLoaded {
            key: String::new(),
            text: Ok(None),
            wall_clock: Millis(0),
        },
        Input::LockHeld {
            name: String::new(),
        },
        Input::RecordChanged {
            key: "rejoin:1:other".to_owned(),
        },
        Input::LockLost {
            name: String::new(),
        },
        Input::LocksMissing,
        Input::Waiting(WaitingInput::TakeBack { id: String::new() }),
        Input::Waiting(WaitingInput::SendNow { id: String::new() }),
        Input::Waiting(WaitingInput::Replace {
            id: String::new(),
            command,
            submission: Box::default(),
        }),
        Input::StorageFailed {
            error: ErrorCode::StorageFull,
        },
        Input::WentOnline,
        Input::WentOffline,
        Input::BecameVisible,
        Input::BecameHidden,
        Input::Thawed,
        Input::Focused,
        Input::RunBegunElsewhere,
        Input::PageOpened {
            wall_clock: Millis(0),
        },
        Input::PageHiding {
            wall_clock: Millis(0),
        },
        Input::DeadlineReached,
    ]
}

fn json(text: &str) -> Json {
    Json::parse(text.to_owned()).expect("JSON")
}

fn custom_event() -> Frame {
    Frame {
        event: Some("custom".to_owned()),
        data: "1".to_owned(),
        id: None,
        retry_ms: None,
    }
}

fn event_stream() -> Vec<(String, String)> {
    let run = "/threads/t/runs/r".to_owned();
    vec![
        ("content-type".to_owned(), "text/event-stream".to_owned()),
        ("content-location".to_owned(), run),
    ]
}

/// A client that stands in a phase, and the request or connection that it waits for.
struct Stage {
    client: Client,
    now: Millis,
}

impl Stage {
    fn new() -> Self {
        let mut config = Config::new("http://server", "chat");
        // The first failure is told, so that `Looking` is near.
        config.retry.attempts_max = 0;
        Self {
            client: Client::new(config, 1),
            now: Millis(1000),
        }
    }

    fn feed(&mut self, input: Input) {
        self.client.handle(self.now, input);
        while self.client.poll_effect().is_some() {}
    }

    fn attempt(&self) -> AttemptId {
        let phase = &self.client.phase;
        let asked = phase.asked().map(|asked| asked.attempt);
        let link = phase.link().map(|link| link.attempt);
        asked.or(link).unwrap_or(AttemptId(u64::MAX))
    }

    fn wake(&mut self) {
        while let Some((at, _)) = self.client.deadline() {
            self.now = self.now.max(at);
            self.feed(Input::DeadlineReached);
            if !matches!(self.client.phase, Phase::Waiting { .. }) {
                return;
            }
        }
    }

    fn submit(&mut self) {
        self.feed(Input::SubmitRequested {
            command: CommandId(1),
            submission: Box::default(),
        });
    }

    fn break_off(&mut self) {
        let attempt = self.attempt();
        let message = "cut".to_owned();
        let error = TransportError::Network { message };
        self.feed(Input::RequestFailed { attempt, error });
    }

    fn headers(&mut self, status: u16) {
        let (attempt, headers) = (self.attempt(), event_stream());
        self.feed(Input::HeadersArrived {
            attempt,
            status,
            headers,
        });
    }

    fn answer(&mut self, body: &str) {
        self.feed(Input::ResponseArrived {
            attempt: self.attempt(),
            status: 200,
            headers: Vec::new(),
            body: body.as_bytes().to_vec(),
        });
    }

    fn end_body(&mut self) {
        let attempt = self.attempt();
        self.feed(Input::BodyEnded { attempt });
    }

    /// The shortest way to each phase.
    fn at(phase: &str) -> Self {
        let mut stage = Self::new();
        if phase == "Idle" {
            return stage;
        }
        stage.submit();
        match phase {
            "Opening" => {}
            "Making" => {
                stage.headers(404);
                stage.end_body();
            }
            "Finding" => {
                stage.break_off();
                stage.wake();
            }
            _ => stage.headers(200),
        }
        match phase {
            "Waiting" => stage.break_off(),
            "Looking" => {
                stage.break_off();
                stage.wake();
            }
            "Checking" | "Settling" | "Ended" => {
                let attempt = stage.attempt();
                let event = Some(custom_event());
                stage.feed(Input::EventArrived { attempt, event });
                stage.end_body();
            }
            _ => {}
        }
        if matches!(phase, "Settling" | "Ended") {
            stage.answer(r#"{"run_id":"r","status":"success"}"#);
        }
        if phase == "Ended" {
            stage.answer(r#"{"values":{}}"#);
        }
        assert_eq!(name(&stage.client.phase), phase);
        stage
    }
}

fn table() -> String {
    let mut text = format!("{:18}", "");
    for phase in PHASES {
        text += &format!(" {phase:9}");
    }
    for at in 0..inputs(AttemptId(0)).len() {
        let mut line = format!("\n{:18}", row(&inputs(AttemptId(0))[at]));
        for phase in PHASES {
            let mut stage = Stage::at(phase);
            let input = inputs(stage.attempt()).swap_remove(at);
            if matches!(input, Input::DeadlineReached) {
                // Whatever the phase waits for is late by then.
                stage.now = stage.now + Millis(60_000);
            }
            stage.feed(input);
            let then = name(&stage.client.phase);
            line += &format!(" {:9}", if then == phase { "." } else { then });
        }
        text += line.trim_end();
    }
    text.trim_end().to_owned()
}

#[test]
fn each_input_does_in_each_phase_what_the_table_says() {
    let now = table();
    let trimmed = |text: &str| {
        let lines = text.trim_start_matches(' ').lines();
        lines
            .map(|line| line.trim_end().to_owned())
            .collect::<Vec<_>>()
    };
    for (now, said) in trimmed(&now).iter().zip(&trimmed(TABLE)) {
        assert_eq!(now, said);
    }
    assert_eq!(trimmed(&now).len(), trimmed(TABLE).len(), "{now}");
}

/// The names that a function of this file gives: one arm each, so a new phase or input has one there.
fn given_by(function: &str) -> Vec<&'static str> {
    let source = include_str!("transitions.rs");
    let body = source.split(function).nth(1).expect("the function");
    let body = body.split("\n}\n").next().expect("its end");
    let arms = body.split("=> \"").skip(1);
    arms.filter_map(|rest| rest.split('"').next()).collect()
}

#[test]
fn each_phase_has_its_column_and_each_input_its_row() {
    assert_eq!(given_by("fn name("), PHASES);
    let rows = TABLE.lines().skip(1);
    let mut rows: Vec<&str> = rows
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    let mut given = given_by("fn row(");
    rows.sort_unstable();
    given.sort_unstable();
    assert_eq!(rows, given);
}
