//! Chance from a seed, and what a server may answer: what the protocol says, with odd pieces in it, or anything at all.

#![allow(dead_code, unreachable_pub, missing_docs)] // Each test binary uses its own part.

/// A generator of chance; the same seed says the same.
pub struct Chance(pub u64);

impl Chance {
    pub fn next(&mut self) -> u64 {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    pub fn pick<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        list[self.below(list.len())]
    }
}

/// JSON texts of one value each, as no protocol wants them.
const ODD_VALUES: &[&str] = &[
    "null",
    "true",
    "false",
    "0",
    "-0",
    "7",
    "-1",
    "1.5",
    "1e400",
    "-1e-400",
    "18446744073709551614",
    "18446744073709551615",
    "18446744073709551616",
    "99999999999999999999999999999999999999",
    r#""""#,
    r#"" ""#,
    r#""NaN""#,
    r#""Infinity""#,
    r#""null""#,
    r#""\u0000""#,
    r#""\ud83d""#,
    r#""\ude00""#,
    r#""\ud83d\ud83d\ude00""#,
    r#""..""#,
    r#""a/b""#,
    r#""%2e""#,
    r#""m""#,
    r#""h""#,
    r#""r""#,
    r#""__remove_all__""#,
    r#""__proto__""#,
    r#""messages[0]""#,
    "[]",
    "{}",
    "[[]]",
    "[null]",
    r#"[{}]"#,
    r#"{"":""}"#,
    r#"{"id":{}}"#,
    r#"{"type":"text"}"#,
    r#"{"type":"text","text":7}"#,
    r#"["ai","x"]"#,
    r#"{"a":1,"a":2}"#,
    r#"{"type":"text","text":"t","index":0}"#,
];

const KEYS: &[&str] = &[
    "id",
    "type",
    "role",
    "content",
    "messages",
    "values",
    "tasks",
    "interrupts",
    "checkpoint",
    "run_id",
    "status",
    "error",
    "data",
    "kwargs",
    "lc",
    "name",
    "args",
    "tool_calls",
    "__interrupt__",
    "",
    "a",
    "\\u0000",
    "\\ud800",
    "__proto__",
];

/// Any JSON value.
pub fn any_json(chance: &mut Chance, depth: usize) -> String {
    if depth == 0 || chance.one_in(2) {
        return chance.pick(ODD_VALUES).to_owned();
    }
    let count = chance.below(4);
    if chance.one_in(2) {
        let items: Vec<String> = (0..count).map(|_| any_json(chance, depth - 1)).collect();
        return format!("[{}]", items.join(","));
    }
    let field = |chance: &mut Chance| {
        let key = chance.pick(KEYS);
        format!(r#""{key}":{}"#, any_json(chance, depth - 1))
    };
    let fields: Vec<String> = (0..count).map(|_| field(chance)).collect();
    format!("{{{}}}", fields.join(","))
}

/// JSON that is nested deeper than anybody means.
pub fn deep_json(chance: &mut Chance) -> String {
    let depth = 1 + chance.below(3000);
    match chance.below(3) {
        0 => "[".repeat(depth) + &"]".repeat(depth),
        1 => r#"{"a":"#.repeat(depth) + "1" + &"}".repeat(depth),
        _ => "[".repeat(depth),
    }
}

/// Answers, of which one piece in `odd_in` is odd.
pub struct Odd<'a> {
    pub chance: &'a mut Chance,
    pub odd_in: usize,
}

impl Odd<'_> {
    /// This piece, or an odd one.
    pub fn or_odd(&mut self, good: String) -> String {
        if self.chance.one_in(self.odd_in) {
            return any_json(self.chance, 3);
        }
        good
    }

    fn word(&mut self, words: &[&str]) -> String {
        let word = format!("\"{}\"", self.chance.pick(words));
        self.or_odd(word)
    }

    fn object(&mut self, fields: Vec<(&str, String)>) -> String {
        let mut texts = Vec::new();
        for (name, value) in fields {
            // Some fields are missing, some come twice.
            let odd = self.chance.one_in(self.odd_in * 2);
            let times = if odd { 2 * self.chance.below(2) } else { 1 };
            texts.extend((0..times).map(|_| format!(r#""{name}":{value}"#)));
        }
        let object = format!("{{{}}}", texts.join(","));
        self.or_odd(object)
    }

    fn list(&mut self, max: usize, mut item: impl FnMut(&mut Self) -> String) -> String {
        let count = self.chance.below(max + 1);
        let items: Vec<String> = (0..count).map(|_| item(self)).collect();
        let list = format!("[{}]", items.join(","));
        self.or_odd(list)
    }

    fn message_id(&mut self) -> String {
        match self.chance.below(8) {
            0 => "7".to_owned(),
            1 => "null".to_owned(),
            2 => r#""""#.to_owned(),
            _ => self.word(&[
                "h",
                "m",
                "m2",
                "tool",
                "lc_run--1",
                "run-1",
                "lc_run--1-0",
                "7",
                "messages[0]",
            ]),
        }
    }

    fn content(&mut self) -> String {
        match self.chance.below(5) {
            0 => self.list(3, |odd| match odd.chance.below(4) {
                0 => r#"{"type":"text","text":"a","index":0}"#.to_owned(),
                1 => r#"{"type":"image_url","image_url":{"url":"u"}}"#.to_owned(),
                2 => r#""plain""#.to_owned(),
                _ => any_json(odd.chance, 3),
            }),
            1 => r#""Hi \ud83d""#.to_owned(),
            2 => r#""\ude00!""#.to_owned(),
            _ => self.word(&["", "a ", "b ", "a b ", "hi", "hello"]),
        }
    }

    fn call(&mut self) -> String {
        let args = match self.chance.below(4) {
            0 => r#"{"a":1}"#.to_owned(),
            1 => r#""{\"a\":1}""#.to_owned(),
            2 => r#""{\"a""#.to_owned(),
            _ => any_json(self.chance, 2),
        };
        let (name, id) = (self.word(&["f", "g"]), self.word(&["c1", "c2"]));
        let index = self.or_odd("0".to_owned());
        match self.chance.below(3) {
            0 => self.object(vec![
                ("id", id),
                ("type", r#""function""#.to_owned()),
                (
                    "function",
                    format!(r#"{{"name":{name},"arguments":{args}}}"#),
                ),
            ]),
            _ => self.object(vec![
                ("name", name),
                ("args", args),
                ("id", id),
                ("index", index),
            ]),
        }
    }

    pub fn message(&mut self) -> String {
        let kind = self.word(&[
            "human",
            "ai",
            "tool",
            "system",
            "AIMessageChunk",
            "ToolMessage",
            "user",
            "assistant",
            "remove",
            "function",
            "wizard",
        ]);
        let (id, content) = (self.message_id(), self.content());
        match self.chance.below(12) {
            0 => format!("[{kind},{content}]"),
            1 => content,
            2 => self.object(vec![
                ("type", kind),
                ("data", format!(r#"{{"id":{id},"content":{content}}}"#)),
            ]),
            3 => {
                let class = self.word(&["AIMessage", "HumanMessage", "ToolMessage", "Wizard"]);
                self.object(vec![
                    ("lc", "1".to_owned()),
                    ("type", r#""constructor""#.to_owned()),
                    ("id", format!(r#"["langchain","schema",{class}]"#)),
                    ("kwargs", format!(r#"{{"id":{id},"content":{content}}}"#)),
                ])
            }
            4 => self.object(vec![("role", kind), ("content", content)]),
            _ => {
                let mut fields = vec![("type", kind), ("id", id), ("content", content)];
                if self.chance.one_in(4) {
                    let calls = self.list(2, Self::call);
                    fields.push((
                        self.chance
                            .pick(&["tool_calls", "invalid_tool_calls", "tool_call_chunks"]),
                        calls,
                    ));
                }
                if self.chance.one_in(4) {
                    let value = any_json(self.chance, 2);
                    fields.push((
                        self.chance.pick(&[
                            "additional_kwargs",
                            "response_metadata",
                            "usage_metadata",
                            "name",
                            "tool_call_id",
                            "artifact",
                        ]),
                        value,
                    ));
                }
                self.object(fields)
            }
        }
    }

    fn interrupt(&mut self) -> String {
        let (id, value) = (self.word(&["i1", "i2"]), any_json(self.chance, 2));
        match self.chance.below(4) {
            0 => value,
            1 => self.object(vec![("interrupt_id", id), ("value", value)]),
            _ => self.object(vec![("id", id), ("value", value)]),
        }
    }

    pub fn values(&mut self) -> String {
        let messages = self.list(4, Self::message);
        let mut fields = vec![("messages", messages)];
        if self.chance.one_in(4) {
            let asked = self.list(2, Self::interrupt);
            fields.push(("__interrupt__", asked));
        }
        if self.chance.one_in(6) {
            fields.remove(0);
        }
        self.object(fields)
    }

    fn checkpoint(&mut self) -> String {
        let id = self.word(&["c1", "c2", "c3", "c4"]);
        self.object(vec![
            ("thread_id", r#""t""#.to_owned()),
            ("checkpoint_ns", r#""""#.to_owned()),
            ("checkpoint_id", id),
        ])
    }

    pub fn state(&mut self) -> String {
        let (values, checkpoint, parent) = (self.values(), self.checkpoint(), self.checkpoint());
        let next = self.list(2, |odd| odd.word(&["node", "ask"]));
        let tasks = self.list(2, |odd| {
            let (name, error) = (odd.word(&["node", "ask"]), odd.or_odd("null".to_owned()));
            let interrupts = odd.list(2, Self::interrupt);
            odd.object(vec![
                ("name", name),
                ("error", error),
                ("interrupts", interrupts),
            ])
        });
        let source = self.word(&["input", "loop", "fork", "update"]);
        let metadata = self.object(vec![("source", source), ("step", "1".to_owned())]);
        self.object(vec![
            ("values", values),
            ("next", next),
            ("tasks", tasks),
            ("checkpoint", checkpoint),
            ("parent_checkpoint", parent),
            ("metadata", metadata),
            ("created_at", r#""2026""#.to_owned()),
        ])
    }

    pub fn history(&mut self) -> String {
        self.list(4, Self::state)
    }

    pub fn run(&mut self, mark: &str) -> String {
        let id = self.word(&["r", "r", "r2", ".."]);
        let status = self.word(&[
            "running",
            "pending",
            "success",
            "error",
            "interrupted",
            "timeout",
            "asleep",
        ]);
        let mark = self.or_odd(format!("\"{mark}\""));
        let metadata = self.object(vec![("rejoin_submission", mark)]);
        let made = self.or_odd(r#""2026-01-01""#.to_owned());
        self.object(vec![
            ("run_id", id),
            ("thread_id", r#""t""#.to_owned()),
            ("status", status),
            ("metadata", metadata),
            ("created_at", made),
        ])
    }

    pub fn runs(&mut self, mark: &str) -> String {
        self.list(3, |odd| odd.run(mark))
    }

    pub fn thread(&mut self) -> String {
        let status = self.word(&["idle", "busy", "interrupted", "error"]);
        let (values, error) = (self.values(), self.or_odd("null".to_owned()));
        let interrupts = self.or_odd(r#"{"task":[{"id":"i1","value":1}]}"#.to_owned());
        self.object(vec![
            ("thread_id", r#""t""#.to_owned()),
            ("status", status),
            ("values", values),
            ("error", error),
            ("interrupts", interrupts),
        ])
    }

    fn node(&mut self) -> String {
        let (position, changed) = (
            self.chance.below(9).to_string(),
            self.chance.below(9).to_string(),
        );
        let (position, changed, message) =
            (self.or_odd(position), self.or_odd(changed), self.message());
        let status = self.word(&["streaming", "complete", "partial"]);
        self.object(vec![
            ("position", position),
            ("changed", changed),
            ("pieces", "1".to_owned()),
            ("status", status),
            ("message", message),
        ])
    }

    pub fn page(&mut self) -> String {
        let nodes = self.list(3, Self::node);
        let older = self.or_odd("true".to_owned());
        let cursor = self.word(&["1-1", "1-5", "x"]);
        self.object(vec![
            ("nodes", nodes),
            ("has_older", older),
            ("cursor", cursor),
        ])
    }

    fn record(&mut self) -> String {
        let kind = self.word(&["started", "appended", "updated", "ended", "removed"]);
        let (seq, at) = (
            self.chance.below(9).to_string(),
            self.chance.below(3).to_string(),
        );
        let (seq, at, id, message) = (
            self.or_odd(seq),
            self.or_odd(at),
            self.word(&["m", "h"]),
            self.message(),
        );
        let status = self.word(&["complete", "partial"]);
        self.object(vec![
            ("type", kind),
            ("seq", seq),
            ("at", at),
            ("id", id),
            ("message", message.clone()),
            ("chunk", message),
            ("run_id", r#""r""#.to_owned()),
            ("status", status),
            ("reason", "null".to_owned()),
        ])
    }

    /// An event's name and data.
    pub fn event(&mut self) -> (String, String) {
        let name = self.chance.pick(&[
            "metadata",
            "values",
            "values",
            "messages",
            "messages",
            "messages",
            "messages/partial",
            "messages/complete",
            "messages/metadata",
            "updates",
            "custom",
            "error",
            "checkpoints",
            "tasks",
            "debug",
            "events",
            "tools",
            "end",
            "ping",
            "",
            " values",
            "values|sub:1",
            "messages|tools:1",
            "|",
            "attached",
            "snapshot",
            "record",
            "deleted",
            "message",
        ]);
        let data = match name.split('|').next().unwrap_or_default() {
            "metadata" => {
                let (run, attempt) = (self.word(&["r"]), self.or_odd("1".to_owned()));
                self.object(vec![("run_id", run), ("attempt", attempt)])
            }
            "values" => self.values(),
            "messages" => {
                let (message, metadata) = (
                    self.message(),
                    self.or_odd(r#"{"langgraph_step":1}"#.to_owned()),
                );
                match self.chance.below(12) {
                    0 => message,
                    1 => format!("[{message}]"),
                    _ => format!("[{message},{metadata}]"),
                }
            }
            "messages/partial" | "messages/complete" => self.list(2, Self::message),
            "updates" => {
                let asked = self.list(2, Self::interrupt);
                self.object(vec![("node", "{}".to_owned()), ("__interrupt__", asked)])
            }
            "error" => match self.chance.below(4) {
                0 => "boom".to_owned(),
                1 => r#""Run not found""#.to_owned(),
                2 => any_json(self.chance, 3),
                _ => r#"{"error":"ValueError","message":"boom"}"#.to_owned(),
            },
            "attached" => {
                let (mode, cursor) = (
                    self.word(&["snapshot", "replay", "x"]),
                    self.word(&["1-1", "1-5", "1-0", "x"]),
                );
                self.object(vec![
                    ("mode", mode),
                    ("cursor", cursor),
                    ("head", "5".to_owned()),
                ])
            }
            "snapshot" => self.page(),
            "record" => self.record(),
            _ => any_json(self.chance, 4),
        };
        let data = match self.chance.below(40) {
            0 => data[..data
                .char_indices()
                .nth(data.chars().count() / 2)
                .map_or(0, |(at, _)| at)]
                .to_owned(),
            1 => deep_json(self.chance),
            2 => String::new(),
            _ => data,
        };
        (name.to_owned(), data)
    }

    /// A frame, in one of the dialects. Some are damaged.
    pub fn frame(&mut self, id: &str) -> Vec<u8> {
        let event = self.event();
        let id = match self.chance.below(10) {
            0 => None,
            _ => Some(id),
        };
        let mut bytes = self.written(&event, id);
        if self.chance.one_in(30) {
            let at = self.chance.below(bytes.len());
            bytes[at] = self.chance.below(256) as u8;
        }
        bytes
    }

    /// An event, in one of the dialects.
    pub fn written(&mut self, (name, data): &(String, String), id: Option<&str>) -> Vec<u8> {
        let end = self.chance.pick(&["\n", "\n", "\n", "\r\n", "\r"]);
        let space = self.chance.pick(&["", " "]);
        let mut text = String::new();
        if self.chance.one_in(8) {
            let wait = self.chance.pick(&["10", "-1", "x", "99999999999999999999"]);
            text += &format!("retry:{space}{wait}{end}");
        }
        let id_line = match (id, self.chance.below(10)) {
            (None, 0) => format!("id{end}"),
            (None, 1) => format!("id:{space}a\0b{end}"),
            (None, _) => String::new(),
            (Some(id), _) => format!("id:{space}{id}{end}"),
        };
        let name_line = match name.starts_with(' ') {
            true => format!("event: {name}{end}"),
            false => format!("event:{space}{name}{end}"),
        };
        let mut data_lines = String::new();
        for piece in data.split('\n') {
            data_lines += &format!("data: {piece}{end}");
        }
        let mut lines = [id_line, name_line, data_lines];
        let turn = self.chance.below(3);
        lines.rotate_left(turn);
        text += &lines.concat();
        text += end;
        text.into_bytes()
    }

    /// The body of a plain answer to a request for this URL.
    pub fn body(&mut self, url: &str, mark: &str) -> Vec<u8> {
        let path = url.split('?').next().unwrap_or_default();
        let text = match self.chance.below(20) {
            0 => any_json(self.chance, 4),
            1 => deep_json(self.chance),
            2 => "<!doctype html><p>Sign in".to_owned(),
            3 => String::new(),
            4 => {
                return (0..self.chance.below(40))
                    .map(|_| self.chance.below(256) as u8)
                    .collect();
            }
            _ if path.ends_with("/state") => self.state(),
            _ if path.ends_with("/history") => self.history(),
            _ if path.ends_with("/runs") => self.runs(mark),
            _ if path.contains("/runs/") => self.run(mark),
            _ if path.contains("/sessions/") => self.page(),
            _ => self.thread(),
        };
        text.into_bytes()
    }

    pub fn status(&mut self) -> u16 {
        match self.chance.below(5) {
            0 => [
                0, 100, 201, 202, 204, 205, 206, 301, 302, 304, 400, 401, 403, 404, 405, 408, 409,
                410, 413, 418, 422, 425, 429, 499, 500, 501, 502, 503, 504, 511, 599, 999, 65535,
            ][self.chance.below(33)],
            _ => 200,
        }
    }

    pub fn headers(&mut self) -> Vec<(String, String)> {
        let mut headers = Vec::new();
        if self.chance.one_in(3) {
            let wait = self.chance.pick(&[
                "0",
                "5",
                "-5",
                "1e9",
                "18446744073709551615",
                "99999999999999999999999",
                "Wed, 21 Oct 2015 07:28:00 GMT",
                "",
                " 3 ",
            ]);
            headers.push(("retry-after".to_owned(), wait.to_owned()));
        }
        if !self.chance.one_in(6) {
            let kind = match self.chance.below(6) {
                0 => self.chance.pick(&[
                    "",
                    "application/json",
                    "text/html",
                    "TEXT/EVENT-STREAM ; charset=utf-8",
                    "text/plain, text/event-stream",
                    "text/event-streams",
                ]),
                _ => "text/event-stream",
            };
            headers.push(("content-type".to_owned(), kind.to_owned()));
        }
        if self.chance.one_in(2) {
            let place = self.chance.pick(&[
                "/threads/t/runs/r",
                "/api/threads/x/runs/r/stream",
                "/threads/t/runs/..",
                "",
                "/runs/",
                "http://elsewhere/runs/r2?x=1",
            ]);
            headers.push(("content-location".to_owned(), place.to_owned()));
        }
        headers
    }
}
