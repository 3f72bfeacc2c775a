//! Runs, taken from the transcripts.

use std::{collections::HashSet, ops::Range};

use rejoin_wire::{
    event::{Event, EventBody, EventName},
    sse::{Frame, encode_frame},
};

use crate::{Exchange, Transcript, block_ends, frames, transcripts};

/// One stream of a run's events, to its end.
#[derive(Debug, Clone)]
pub struct Recording {
    /// File and title, to blame.
    pub name: String,
    /// Whether it follows Python's rules of resuming: ids compare as text, errors are not replayed.
    pub is_python: bool,
    /// Whether it is the answer to a join. Such a body may hold events twice, which a client drops.
    pub is_join: bool,
    /// Whether it begins with the run's `metadata`, and so lacks nothing.
    pub is_whole: bool,
    /// The run.
    pub run_id: String,
    /// The whole body.
    pub body: Vec<u8>,
    /// The parts of the body that each dispatch one frame, in order; comments lie between them.
    pub blocks: Vec<Range<usize>>,
    /// The frames, one for each block.
    pub frames: Vec<Frame>,
    /// The last state that the stream shows, if it shows any.
    pub last_values: Option<String>,
    /// The data of the run's error event.
    pub error: Option<String>,
    /// Each event once, as the server keeps them for joins: indexes of frames.
    stored: Vec<usize>,
}

impl Recording {
    fn from_exchange(transcript: &Transcript, exchange: &Exchange) -> Option<Self> {
        let name = format!("{}: {}", transcript.file, exchange.title);
        let request = exchange.request.as_ref()?;
        let is_join = request.method == "GET";
        let path = if is_join {
            &request.target
        } else {
            exchange.response.header("content-location")?
        };
        // The thread's stream holds several runs and is not a run's.
        let run_id = path.split_once("/runs/")?.1.split('/').next()?.to_owned();
        Some(Self::new(
            name,
            transcript.is_python(),
            is_join,
            run_id,
            exchange.response.body.clone(),
        ))
    }

    fn new(name: String, is_python: bool, is_join: bool, run_id: String, body: Vec<u8>) -> Self {
        let mut blocks = Vec::new();
        let mut at = 0;
        for end in block_ends(&body) {
            // A comment dispatches too, but it is no frame.
            if !frames(&body[at..end]).is_empty() {
                blocks.push(at..end);
            }
            at = end;
        }
        let frames = frames(&body);
        let is_whole = frames
            .first()
            .is_some_and(|frame| frame.event_name() == "metadata");
        assert_eq!(blocks.len(), frames.len(), "{name}");
        let error = frames
            .iter()
            .find(|frame| frame.event_name() == "error")
            .map(|frame| frame.data.clone());
        let last_values = last_values(&frames);
        let mut seen = HashSet::new();
        let key = |at: usize| (&frames[at].id, &frames[at].event, &frames[at].data);
        let stored = (0..frames.len())
            .filter(|at| seen.insert(key(*at)))
            .collect();
        Self {
            name,
            is_python,
            is_join,
            is_whole,
            run_id,
            body,
            blocks,
            frames,
            last_values,
            error,
            stored,
        }
    }

    /// Whether each event can be asked for again.
    #[must_use]
    pub fn is_resumable(&self) -> bool {
        self.frames.iter().all(|frame| frame.id.is_some())
    }

    /// The same run as the server would have sent it had it been asked to keep its events. The JS server counts
    /// them; Python gives events of one millisecond one id, so here two by two share theirs. `None` where it did keep them.
    #[must_use]
    pub fn made_resumable(&self) -> Option<Self> {
        if self.is_resumable() {
            return None;
        }
        let mut body = Vec::new();
        for (at, frame) in self.frames.iter().enumerate() {
            let id = if self.is_python {
                format!("{}-0", 1_795_000_000_000 + at / 2)
            } else {
                at.to_string()
            };
            encode_frame(&mut body, frame.event.as_deref(), &frame.data, Some(&id))
                .expect("recorded fields");
        }
        let name = format!("{} (made resumable)", self.name);
        Some(Self::new(
            name,
            self.is_python,
            self.is_join,
            self.run_id.clone(),
            body,
        ))
    }

    /// What a join that sends this `Last-Event-ID` is sent, as far as it was stored: indexes of frames.
    #[must_use]
    pub fn after(&self, last_event_id: &str) -> Vec<usize> {
        self.stored
            .iter()
            .copied()
            .filter(|at| self.is_after(*at, last_event_id))
            .collect()
    }

    fn is_after(&self, at: usize, last_event_id: &str) -> bool {
        let Some(id) = self.frames[at].id.as_deref() else {
            return false;
        };
        if self.is_python {
            return id > last_event_id && self.frames[at].event_name() != "error";
        }
        let number = |text: &str| text.parse::<i64>().unwrap_or(i64::MAX);
        number(id) > number(last_event_id)
    }
}

fn last_values(frames: &[Frame]) -> Option<String> {
    let mut last = None;
    for frame in frames {
        let event = Event::from_frame(frame.clone()).expect("typed.rs has read it");
        if event.name == EventName::Values
            && event.is_root()
            && let Ok(EventBody::Values(values)) = event.body()
            && !values.only_interrupts
        {
            last = Some(values.data.text().to_owned());
        }
    }
    last
}

/// Every distinct stream of a run in the transcripts.
#[must_use]
pub fn recordings() -> Vec<Recording> {
    let mut seen = HashSet::new();
    let mut recordings = Vec::new();
    for transcript in transcripts() {
        for exchange in transcript
            .exchanges
            .iter()
            .filter(|e| e.response.is_event_stream())
        {
            if seen.insert(exchange.response.body.clone()) {
                recordings.extend(Recording::from_exchange(&transcript, exchange));
            }
        }
    }
    recordings
}
