//! Events that only make a message grow are not read (`client/growing.rs`). A client that reads every event shows the same.
//!
//! The other client has a listener for `messages`, who has to be told each event, so none of them is passed over.
//! `REJOIN_FUZZ_SEED` and `REJOIN_FUZZ_CASES` choose which cases and how many.

#[path = "support/cases.rs"]
mod cases;
#[path = "support/odd.rs"]
mod odd;
mod support;

use cases::each_case;
use odd::Chance;
use rejoin_core::{
    AttemptId, CommandId, Edit, EditAt, EditInput, Input, JoinOptions, MessageSlot, Notice,
    Submission,
    wire::{Json, ThreadId, json::FromJson},
};
use support::Bench;

const CASES: u64 = 800;

/// Two clients to whom the same happens. The second reads every event.
struct Pair {
    benches: [Bench; 2],
    /// Messages that a reader still holds, so that they cannot be changed in place.
    held: Vec<MessageSlot>,
}

impl Pair {
    fn new(splits: bool) -> Self {
        let make = || Bench::with(|config| config.split_subgraphs = splits);
        let mut pair = Self {
            benches: [make(), make()],
            held: Vec::new(),
        };
        pair.listen();
        pair
    }

    fn listen(&mut self) {
        let names = ["custom", "updates", "error", "messages"].map(str::to_owned);
        self.benches[1].feed(Input::EventsListened {
            names: names.to_vec(),
        });
    }

    fn each(&mut self, change: impl Fn(&mut Bench)) {
        for bench in &mut self.benches {
            change(bench);
        }
        self.compare();
    }

    fn compare(&self) {
        let [grows, reads] = self.benches.each_ref().map(shown);
        for (grows, reads) in grows.iter().zip(&reads) {
            assert_eq!(grows, reads);
        }
        assert_eq!(grows.len(), reads.len());
    }

    /// The stream that is to be answered: the first request for one, if there is one.
    fn wanted(&self) -> Option<String> {
        let open = self.benches[0].open.iter();
        let mut streams = open.filter(|(_, request)| request.url.contains("/stream"));
        streams.next().map(|(_, request)| {
            let header = Bench::header(request, "last-event-id");
            header.unwrap_or_default()
        })
    }
}

/// Everything that a reader, the server and the storage see of a client.
fn shown(bench: &Bench) -> Vec<String> {
    let view = bench.client.view();
    let mut lines = vec![
        format!("{:?} {}", view.status(), view.revision()),
        format!("{:?} {:?}", bench.open, bench.stored),
        format!("{:?}", view.values()),
    ];
    let mut list = |name: &str, slots: &[MessageSlot]| {
        for slot in slots {
            lines.push(format!("{name} {slot:?}"));
        }
    };
    list("", view.messages());
    for subgraph in view.subgraphs() {
        list(subgraph.namespace, subgraph.messages);
    }
    let is_told = |notice: &&Notice| !matches!(notice, Notice::EventApplied(event) if event.name.as_str() == "messages");
    for notice in bench.notices.iter().filter(is_told) {
        lines.push(format!("{notice:?}"));
    }
    lines
}

/// How servers write chunks: `ID`, `TEXT` and `STEP` are filled in.
const CHUNKS: [&str; 24] = [
    r#"[{"content":"TEXT","additional_kwargs":{},"response_metadata":{},"type":"AIMessageChunk","name":null,"id":"ID","tool_calls":[],"invalid_tool_calls":[],"usage_metadata":null,"tool_call_chunks":[],"chunk_position":null},{"langgraph_step":1}]"#,
    r#"[{"id":"ID","type":"ai","content":"TEXT"},{"langgraph_step":1}]"#,
    r#"[{"content":"TEXT","type":"AIMessageChunk","id":"ID"},{"langgraph_step":STEP}]"#,
    r#"[{"content":"TEXT","type":"AIMessageChunk","id":"ID","response_metadata":{"model_provider":"p"}},{}]"#,
    r#"[{"content":"TEXT","type":"AIMessageChunk","id":"ID","response_metadata":{"finish_reason":"stop"}},{}]"#,
    r#"[{"content":"TEXT","type":"AIMessageChunk","id":"ID","additional_kwargs":{"reasoning":"hm"}},{}]"#,
    r#"[{"content":"TEXT","type":"AIMessageChunk","id":"ID","usage_metadata":{"output_tokens":1}},{}]"#,
    r#"[{"content":"TEXT","type":"AIMessageChunk","id":"ID","x":STEP},{}]"#,
    r#"[{"content":"TEXT","type":"AIMessageChunk","id":"ID","tool_call_chunks":[{"name":"f","args":"TEXT","id":"c","index":0}]},{}]"#,
    r#"[{"content":[{"type":"text","text":"TEXT","index":0}],"type":"AIMessageChunk","id":"ID"},{}]"#,
    r#"[{"content":"TEXT","type":"AIMessageChunk"},{}]"#,
    r#"[{"content":"TEXT","type":"odd","id":"ID"},{}]"#,
    r#"[{"content":"TEXT","type":"human","id":"ID"},{}]"#,
    r#" [{"content":"TEXT","type":"AIMessageChunk","id":"ID"} , {}] "#,
    r#"[{"content":"x","content":"TEXT","type":"AIMessageChunk","id":"ID"},{}]"#,
    r#"[{"content":"TEXT","type":"AIMessageChunk","id":"ID","content":null},{}]"#,
    r#"[{"content":"TEXT","type":"AIMessageChunk","id":"x","id":"ID"},{}]"#,
    r#"[{"content":"TEXT","type":"AIMessageChunk","id":"ID","usage_metadata":{"a":0,"b":0.5,"c":18446744073709551615}},{}]"#,
    r#"[{"content":"TEXT","type":"AIMessageChunk","id":"ID","chunk_position":"last"},{}]"#,
    r#"[{"content":"TEXT","type":"AIMessageChunk","id":"ID","tool_call_chunks":[{"name":"","args":"","id":"c","index":0}]},{}]"#,
    r#"[{"content":"TEXT","type":"AIMessageChunk","id":"ID","response_metadata":{"a":[{"text":""}],"created":STEP}},{}]"#,
    r#"[{"content":"TEXT","role":"assistant","id":"ID"},{}]"#,
    r#"[{"content":"TEXT","type":"tool","id":"ID","tool_call_id":"c"},{}]"#,
    r#"[{"content":"TEXT","type":"AIMessageChunk","id":"lc_run--ID"},{}]"#,
];

const TEXTS: [&str; 17] = [
    "a",
    "lo ",
    "",
    "Grüße",
    "😀",
    r"\n",
    r#"\"q\""#,
    r"\u00e9",
    r"\ud83d\ude00",
    r"\ud83d",
    r"\ude00",
    r"\\",
    r"\u0061",
    r"x\ud83d",
    r"\ude00y",
    "\u{fffd}",
    "\u{fdd0}\u{100000}",
];

const NAMES: [&str; 4] = [
    "messages",
    "messages",
    "messages|tools:c|model:1",
    "messages|child:1",
];

fn chunk(chance: &mut Chance, form: &str) -> String {
    form.replace("ID", chance.pick(&["m", "m", "m2", "s"]))
        .replace("TEXT", chance.pick(&TEXTS))
        .replace("STEP", chance.pick(&["1", "1", "2"]))
}

/// What is no chunk.
const OTHERS: [(&str, &str); 12] = [
    (
        "values",
        r#"{"messages":[{"type":"human","id":"h","content":"hi"}]}"#,
    ),
    (
        "values",
        r#"{"messages":[{"type":"human","id":"h","content":"hi"},{"type":"ai","id":"m","content":"a"}]}"#,
    ),
    (
        "values",
        r#"{"messages":[{"type":"human","id":"h","content":"hi"},{"type":"ai","id":"m9","content":"alo "}]}"#,
    ),
    ("values", r#"{"__interrupt__":[{"id":"i","value":1}]}"#),
    ("values|child:1", r#"{"messages":[]}"#),
    ("updates", r#"{"node":{"messages":[]}}"#),
    ("custom", r#"{"at":1}"#),
    (
        "messages/complete",
        r#"[{"type":"ai","id":"m","content":"whole"}]"#,
    ),
    (
        "messages/partial",
        r#"[{"type":"ai","id":"m2","content":"wh"}]"#,
    ),
    (
        "messages",
        r#"[{"type":"remove","id":"m","content":""},{}]"#,
    ),
    ("metadata", r#"{"run_id":"r","attempt":1}"#),
    ("metadata", r#"{"run_id":"r","attempt":2}"#),
];

/// A server's log of one run.
struct Log {
    events: Vec<(String, String, String)>,
}

impl Log {
    fn new(chance: &mut Chance) -> Self {
        let ids = chance.below(3);
        let mut events = Vec::new();
        let forms: Vec<&str> = (0..3).map(|_| chance.pick(&CHUNKS)).collect();
        let mut place = 0;
        for at in 0..20 + chance.below(60) {
            place += u64::from(ids == 0 || chance.one_in(2));
            let id = match ids {
                0 => at.to_string(),
                1 => format!("{}-0", 1000 + place),
                _ => String::new(),
            };
            let (name, data) = if at == 0 {
                ("metadata", r#"{"run_id":"r","attempt":1}"#.to_owned())
            } else if chance.one_in(12) {
                let (name, data) = OTHERS[chance.below(OTHERS.len())];
                (name, data.to_owned())
            } else if chance.one_in(20) {
                (
                    "messages",
                    chance.pick(&["[1", "[]", "null", r#"["a",{}]"#]).to_owned(),
                )
            } else {
                let form = forms[chance.below(forms.len())];
                let name = if chance.one_in(3) {
                    NAMES[chance.below(NAMES.len())]
                } else {
                    NAMES[0]
                };
                (name, chunk(chance, form))
            };
            events.push((id, name.to_owned(), data));
        }
        Self { events }
    }

    fn bytes(events: &[(String, String, String)]) -> Vec<u8> {
        let mut text = String::new();
        for (id, name, data) in events {
            text += &format!("event: {name}\ndata: {data}\n");
            if !id.is_empty() {
                text += &format!("id: {id}\n");
            }
            text.push('\n');
        }
        text.into_bytes()
    }

    /// Where the events after this cursor begin.
    fn after(&self, cursor: &str) -> usize {
        let place = self.events.iter().rposition(|(id, ..)| id == cursor);
        place.map_or(0, |at| at + 1)
    }
}

fn accept(pair: &mut Pair) -> Option<AttemptId> {
    let path = match pair.benches[0]
        .open
        .iter()
        .any(|(_, r)| r.url.ends_with("/runs/stream"))
    {
        true => "/runs/stream",
        false => "/runs/r/stream",
    };
    pair.wanted()?;
    let mut attempt = None;
    for bench in &mut pair.benches {
        attempt = Some(bench.accept(path, "r"));
    }
    pair.compare();
    attempt
}

/// Values that an application lays over the thread's.
const LAID: [&str; 4] = [
    r#"{"messages":[{"type":"human","id":"h","content":"hi"},{"type":"ai","id":"m","content":"Z"}]}"#,
    r#"{"messages":[{"type":"ai","id":"m","content":""},{"type":"ai","id":"m2","content":"q"}]}"#,
    r#"{"messages":[]}"#,
    r#"{"x":1}"#,
];

/// Something that the application or the page does meanwhile.
fn happening(chance: &mut Chance) -> Input {
    match chance.below(8) {
        0 | 1 => Input::ValuesMutated {
            values: Json::from_json(chance.pick(&LAID)).expect("JSON"),
        },
        2 => Input::SubmitRequested {
            command: CommandId(2),
            submission: Box::default(),
        },
        3 => Input::Edit(EditInput::Requested {
            command: CommandId(3),
            edit: Box::new(Edit {
                at: match chance.below(3) {
                    0 => EditAt::Failed,
                    1 => EditAt::Message("m".into()),
                    _ => EditAt::Answer("m".into()),
                },
                submission: Submission::default(),
            }),
        }),
        4 => Input::CancelRequested,
        5 => Input::JoinRequested {
            command: CommandId(4),
            run_id: Some("r".into()),
            options: JoinOptions::default(),
        },
        6 => Input::Thawed,
        _ => Input::DeadlineReached,
    }
}

/// Feeds bytes in pieces, each client in the same.
fn send(pair: &mut Pair, chance: &mut Chance, attempt: AttemptId, bytes: &[u8]) {
    let mut rest = bytes;
    while !rest.is_empty() {
        let (piece, more) = rest.split_at(1 + chance.below(rest.len().min(2_000)));
        rest = more;
        pair.each(|bench| {
            let bytes = piece.to_vec();
            bench.feed(Input::ChunkArrived { attempt, bytes });
        });
        if chance.one_in(6) {
            let input = happening(chance);
            pair.each(|bench| bench.feed(input.clone()));
        }
        if chance.one_in(4) {
            // Whoever reads the view may keep what it read.
            pair.each(|bench| bench.client.refresh_view());
            pair.held = pair.benches[0].client.view().messages().to_vec();
        } else {
            pair.held.clear();
        }
    }
}

fn reload(pair: &mut Pair) {
    let thread = pair.benches[0].client.view().thread_id().cloned();
    pair.each(Bench::reload);
    pair.listen();
    pair.each(|bench| {
        bench.feed(Input::ThreadSwitched {
            thread_id: thread.clone(),
        });
    });
    let path = format!("/threads/{}", thread.as_ref().map_or("", ThreadId::as_str));
    pair.each(|bench| {
        bench.answer("/state", 200, r#"{"values":{"messages":[]}}"#);
        bench.answer(&path, 200, r#"{"thread_id":"t","status":"busy"}"#);
    });
}

fn check(seed: u64) {
    let chance = &mut Chance(seed);
    let mut pair = Pair::new(chance.one_in(2));
    let log = Log::new(chance);
    pair.each(|bench| bench.submit("hi"));
    for _ in 0..8 {
        // Questions beside the stream are answered as a server does whose run goes on.
        for _ in 0..4 {
            let is_asked =
                |bench: &Bench| bench.open.iter().any(|(_, r)| r.url.ends_with("/runs/r"));
            if is_asked(&pair.benches[0]) {
                pair.each(|bench| bench.run_is("r", "running"));
            }
        }
        let Some(cursor) = pair.wanted() else {
            pair.each(|bench| bench.pass(20_000));
            continue;
        };
        let Some(attempt) = accept(&mut pair) else {
            break;
        };
        let mut from = log.after(&cursor);
        if chance.one_in(8) {
            // A proxy drops the cursor.
            from = chance.below(log.events.len());
        }
        let mut events = log.events[from..].to_vec();
        events.truncate(1 + chance.below(events.len().max(1)));
        for _ in 0..chance.below(3) {
            // One twice, or not at all.
            let at = chance.below(events.len().max(1));
            match events.get(at).cloned() {
                Some(event) if chance.one_in(2) => events.insert(at, event),
                Some(_) if events.len() > 1 => drop(events.remove(at)),
                Some(_) | None => {}
            }
        }
        send(&mut pair, chance, attempt, &Log::bytes(&events));
        match chance.below(5) {
            0 => reload(&mut pair),
            1 => pair.each(|bench| bench.end(attempt)),
            _ => pair.each(|bench| bench.cut(attempt)),
        }
        pair.each(|bench| bench.pass(2_000));
    }
}

#[test]
fn a_client_that_reads_every_event_shows_the_same() {
    each_case(CASES, check);
}

#[test]
fn wherever_the_bytes_are_cut_the_same_is_shown() {
    let token = |id: usize, text: &str| {
        let data = CHUNKS[0].replace("ID", "m").replace("TEXT", text);
        (id.to_string(), "messages".to_owned(), data)
    };
    let mut events = vec![(
        "0".to_owned(),
        "metadata".to_owned(),
        r#"{"run_id":"r","attempt":1}"#.to_owned(),
    )];
    events.extend(
        (1..)
            .zip(["a", "lo ", "Grüße 😀", r"\n\u00e9", r"\ud83d\ude00 ", "c"])
            .map(|(id, text)| token(id, text)),
    );
    let bytes = Log::bytes(&events);
    for cut in 0..bytes.len() {
        let mut pair = Pair::new(false);
        pair.each(|bench| bench.submit("hi"));
        let attempt = accept(&mut pair).expect("a stream");
        for piece in [&bytes[..cut], &bytes[cut..]] {
            pair.each(|bench| {
                let bytes = piece.to_vec();
                bench.feed(Input::ChunkArrived { attempt, bytes });
            });
        }
        assert_eq!(pair.benches[0].text("m"), "alo Grüße 😀\né😀 c", "{cut}");
    }
}

/// Where the metadata of a message's last chunk that was read stands in memory: another place for each.
fn read_last(bench: &Bench, id: &str) -> Option<*const u8> {
    let view = bench.client.view();
    let lists = view.subgraphs().map(|list| list.messages);
    let mut slots = lists.chain([view.messages()]).flatten();
    let slot = slots.find(|slot| slot.id().as_str() == id)?;
    Some(slot.metadata.as_ref()?.text().as_ptr())
}

#[test]
fn from_the_third_on_the_tokens_of_a_message_are_not_read() {
    let names = ["messages", "messages|child:1", "messages|tools:c|model:1"];
    for name in names {
        for (form, has_ids) in [(CHUNKS[0], false), (CHUNKS[1], true), (CHUNKS[3], true)] {
            let mut pair = Pair::new(true);
            pair.each(|bench| bench.submit("hi"));
            let attempt = accept(&mut pair).expect("a stream");
            pair.each(|bench| bench.metadata(attempt, if has_ids { "0" } else { "" }, "r"));
            let mut place = 0;
            let mut seen = Vec::new();
            // Two messages that stream beside each other, cut once.
            for text in ["a", "b", "c", "d", "e", r"\n"] {
                for message in ["m1", "m2"] {
                    place += 1;
                    let id = if has_ids {
                        place.to_string()
                    } else {
                        String::new()
                    };
                    let data = form.replace("ID", message).replace("TEXT", text);
                    pair.each(|bench| bench.event(attempt, &id, name, &data));
                }
                let [grows, reads] = pair.benches.each_ref();
                seen.push((read_last(grows, "m1"), read_last(reads, "m1")));
            }
            let [_, second, rest @ ..] = &seen[..] else {
                panic!("six tokens")
            };
            assert!(
                second.0.is_some() && rest.iter().all(|at| at.0 == second.0),
                "{form}"
            );
            assert!(
                rest.iter().any(|at| at.1 != second.1),
                "{form}: the other client reads them"
            );
        }
    }
}
