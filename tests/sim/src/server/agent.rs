//! The agents, model-free like the graphs in `tests/agent-server`: what they say, and when.

use crate::rng::Rng;
use serde_json::{Value, json};

const WORDS: [&str; 26] = [
    "alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliett",
    "kilo", "lima", "mike", "november", "oscar", "papa", "quebec", "romeo", "sierra", "tango",
    "uniform", "victor", "whiskey", "xray", "yankee", "zulu",
];
const CALL_PARTS: [&str; 5] = [r#"{"ci"#, r#"ty": ""#, "Par", r#"is""#, "}"];
/// Tokens that `boom` says before it fails.
const BOOM_TOKENS: u64 = 5;

/// Which agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Agent {
    /// One streamed answer.
    Chat,
    /// A tool call, the tool's answer, a streamed answer.
    Tools,
    /// A streamed draft, a question, a closing word.
    Approval,
    /// Fails in the middle of its answer.
    Boom,
}

impl Agent {
    /// Every agent.
    pub(crate) const ALL: [Self; 4] = [Self::Chat, Self::Tools, Self::Approval, Self::Boom];

    /// The assistant's id.
    pub(crate) fn id(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Tools => "tools",
            Self::Approval => "approval",
            Self::Boom => "boom",
        }
    }

    /// The agent of an assistant's id.
    pub(crate) fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|agent| agent.id() == id)
    }
}

/// How an agent is told to behave.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Knobs {
    /// Tokens of an answer.
    pub n_tokens: u64,
    /// Between two tokens.
    pub delay_ms: u64,
}

/// A streamed piece.
#[derive(Debug, Clone, Default)]
pub(crate) struct Piece {
    /// Text to append.
    pub text: String,
    /// A piece of a tool call: the call's id with the first, and its arguments.
    pub call: Option<(Option<String>, &'static str)>,
    /// Why the message ends.
    pub finish: Option<&'static str>,
    /// Tokens used, told with the end.
    pub tokens: Option<u64>,
    /// Python's closing piece.
    pub is_last: bool,
}

impl Piece {
    pub(super) fn response_metadata(&self) -> Value {
        self.finish
            .map_or(json!({}), |reason| json!({ "finish_reason": reason }))
    }

    pub(super) fn call_chunks(&self) -> Value {
        match &self.call {
            None => json!([]),
            Some((Some(id), args)) => {
                json!([{ "name": "get_weather", "args": args, "id": id, "index": 0, "type": "tool_call_chunk" }])
            }
            Some((None, args)) => {
                json!([{ "name": null, "args": args, "id": null, "index": 0, "type": "tool_call_chunk" }])
            }
        }
    }
}

/// A whole message.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    /// `ai` or `tool`.
    pub kind: &'static str,
    /// Its text.
    pub text: String,
    /// The tool's name.
    pub name: Option<&'static str>,
    /// The id of the call that it makes, or answers.
    pub call_id: Option<String>,
    /// Why it ended, where a model said it.
    pub finish: Option<&'static str>,
    /// Tokens used.
    pub tokens: u64,
}

impl Said {
    /// A model's text, and nothing beside it.
    pub(crate) fn answer(text: String) -> Self {
        Self {
            kind: "ai",
            text,
            name: None,
            call_id: None,
            finish: None,
            tokens: 0,
        }
    }

    pub(super) fn response_metadata(&self) -> Value {
        self.finish
            .map_or(json!({}), |reason| json!({ "finish_reason": reason }))
    }

    pub(super) fn add_own_fields(&self, message: &mut Value) {
        if self.kind == "tool" {
            message["tool_call_id"] = self.call_id.clone().into();
            message["status"] = "success".into();
            return;
        }
        message["tool_calls"] = match &self.call_id {
            Some(id) => {
                json!([{ "name": "get_weather", "args": { "city": "Paris" }, "id": id, "type": "tool_call" }])
            }
            None => json!([]),
        };
        message["invalid_tool_calls"] = json!([]);
        if self.finish.is_some() {
            let n = self.tokens;
            message["usage_metadata"] =
                json!({ "input_tokens": 5, "output_tokens": n, "total_tokens": n + 5 });
        }
    }
}

/// What a node of the graph does next.
#[derive(Debug, Clone)]
pub(crate) enum Op {
    /// Streams a piece of the node's message.
    Piece(Piece),
    /// Puts a whole message into the state; `told`: also as a `messages` event, where it was not streamed.
    Say(Said, bool),
    /// The node is done: `values`, and the next node.
    NextNode,
    /// Asks and stops.
    Ask,
    /// Fails.
    Fail(String),
    /// The run is done.
    Finish,
}

/// What the thread holds, as far as agents look at it.
pub(crate) struct Seen {
    /// Whether a tool has answered on this thread.
    pub has_tool_answer: bool,
    /// The call that was made last.
    pub call_id: Option<String>,
    /// The answer to the agent's question.
    pub approved: Option<Value>,
    /// The last message's text.
    pub last_text: String,
}

/// What an agent's node does: waits in milliseconds, each before its deed. The second part is the whole text of the
/// node's message, which begins with `mark`; a call that it makes is named `call_id`.
pub(crate) fn node(
    (agent, at): (Agent, usize),
    knobs: Knobs,
    seen: &Seen,
    call_id: String,
    mark: Option<&str>,
    rng: &mut Rng,
) -> (Vec<(u64, Op)>, String) {
    let mut ops = Script {
        ops: Vec::new(),
        knobs,
        mark,
        text: String::new(),
    };
    match (agent, at) {
        (Agent::Chat, 0) | (Agent::Approval, 0) => ops.answer(knobs.n_tokens),
        (Agent::Tools, 0) if !seen.has_tool_answer => ops.call(call_id),
        (Agent::Tools, 1) if !seen.approved_tools() => ops.tool(seen.call_id.clone(), rng),
        (Agent::Tools, 0 | 2) => ops.answer(knobs.n_tokens.min(20)),
        (Agent::Approval, 1) => match &seen.approved {
            None => ops.push(1, Op::Ask),
            Some(_) => ops.push(1, Op::NextNode),
        },
        (Agent::Approval, 2) => {
            let answer = seen.approved.clone().unwrap_or_default();
            ops.say(&format!("done approved={answer}"));
        }
        (Agent::Boom, 0) => {
            ops.tokens(BOOM_TOKENS);
            ops.push(
                knobs.delay_ms,
                Op::Fail(format!("model blew up after {BOOM_TOKENS} tokens")),
            );
        }
        (Agent::Chat | Agent::Tools | Agent::Approval | Agent::Boom, _) => ops.push(0, Op::Finish),
    }
    (ops.ops, ops.text)
}

impl Seen {
    fn approved_tools(&self) -> bool {
        // A thread whose tool has answered goes straight to its answer, as in the graphs.
        self.has_tool_answer
    }
}

struct Script<'a> {
    ops: Vec<(u64, Op)>,
    knobs: Knobs,
    mark: Option<&'a str>,
    text: String,
}

impl Script<'_> {
    fn push(&mut self, wait_ms: u64, op: Op) {
        self.ops.push((wait_ms, op));
    }

    fn piece(&mut self, mut piece: Piece) {
        if let Some(mark) = self.mark.take() {
            piece.text.insert_str(0, mark);
        }
        self.text.push_str(&piece.text);
        self.push(self.knobs.delay_ms, Op::Piece(piece));
    }

    fn tokens(&mut self, count: u64) {
        for n in 0..count {
            let word = WORDS[usize::try_from(n % 26).expect("below 26")];
            self.piece(Piece {
                text: format!("{word}{n} "),
                ..Piece::default()
            });
        }
    }

    fn end(&mut self, finish: &'static str, tokens: u64, call_id: Option<String>) {
        self.piece(Piece {
            finish: Some(finish),
            tokens: Some(tokens),
            ..Piece::default()
        });
        self.push(
            0,
            Op::Piece(Piece {
                is_last: true,
                ..Piece::default()
            }),
        );
        let text = self.text.clone();
        let said = Said {
            kind: "ai",
            text,
            name: None,
            call_id,
            finish: Some(finish),
            tokens,
        };
        self.push(1, Op::Say(said, false));
        self.push(0, Op::NextNode);
    }

    fn answer(&mut self, count: u64) {
        self.tokens(count);
        self.end("stop", count, None);
    }

    fn call(&mut self, id: String) {
        self.piece(Piece {
            text: "Let me look that up. ".into(),
            ..Piece::default()
        });
        self.piece(Piece {
            call: Some((Some(id.clone()), "")),
            ..Piece::default()
        });
        for part in CALL_PARTS {
            self.piece(Piece {
                call: Some((None, part)),
                ..Piece::default()
            });
        }
        self.end("tool_calls", 9, Some(id));
    }

    /// A text that comes whole.
    fn whole(&mut self, text: &str) -> String {
        self.text = self.mark.take().unwrap_or_default().to_owned() + text;
        self.text.clone()
    }

    fn tool(&mut self, call_id: Option<String>, rng: &mut Rng) {
        let text = self.whole("22C in Paris");
        let said = Said {
            kind: "tool",
            text,
            name: Some("get_weather"),
            call_id,
            finish: None,
            tokens: 0,
        };
        self.push(100 + rng.between(0, 20), Op::Say(said, true));
        self.push(0, Op::NextNode);
    }

    fn say(&mut self, text: &str) {
        let text = self.whole(text);
        let said = Said::answer(text);
        self.push(1, Op::Say(said, true));
        self.push(0, Op::NextNode);
    }
}
