//! Whatever a server answers, and in whatever order things happen: no panic, no message twice, no deadline that is not met, and in
//! the end a server that is well again brings everything to rest.
//!
//! `REJOIN_FUZZ_SEED` and `REJOIN_FUZZ_CASES` choose which and how many.

#![allow(clippy::print_stdout)] // How many requests there were is worth a look.

#[path = "support/cases.rs"]
mod cases;
#[path = "support/odd.rs"]
mod odd;
mod support;

use cases::each_case;
use odd::{Chance, Odd, any_json};
use rejoin_core::{
    AttemptId, BranchesInput, CommandId, Config, Edit, EditAt, EditInput, Endpoint, Input,
    JoinOptions, Method, Millis, SessionInput, Submission, ToolResult, ToolsInput, TransportError,
    WaitingInput,
    wire::{
        Json, MessageId, RunId, ThreadId,
        sse::{Decoder, Item, Limits},
    },
};
use std::collections::{BTreeMap, BTreeSet};
use support::Bench;

const CASES: u64 = 4_000;

/// Reads everything that a reader may read.
fn look(bench: &mut Bench) {
    bench.client.refresh_view();
    let view = bench.client.view();
    let mut names = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for slot in view.messages() {
        assert!(names.insert(slot.id()), "{:?} is shown twice", slot.id());
        if let Some(id) = &slot.message.id {
            assert!(ids.insert(id), "{id:?} is shown twice");
        }
        let text = slot.message.shown_json();
        assert!(Json::parse(text.clone()).is_ok(), "{text}");
        let _ = (view.can_edit(slot.id()), view.can_regenerate(slot.id()));
        let _ = (
            view.message_branch(slot.id()),
            view.message(slot.id()).expect("shown"),
        );
        assert!(slot.revision <= view.revision());
    }
    let (edit, again) = view.editable();
    for slot in view.messages() {
        assert_eq!(edit.contains(&slot.id()), view.can_edit(slot.id()));
        assert_eq!(again.contains(&slot.id()), view.can_regenerate(slot.id()));
    }
    let tree = view.branch_tree();
    assert!(Json::parse(tree.clone()).is_ok(), "{tree}");
    let _ = (
        view.status(),
        view.pending_tool_calls(),
        view.waiting(),
        view.changes_since(0),
    );
    let _ = (
        view.head(),
        view.interrupts(),
        view.values(),
        view.subgraphs().count(),
    );
    if let Some(session) = view.session() {
        let _ = (
            session.status(),
            session.nodes().len(),
            session.is_loading(),
            session.order_revision(),
        );
    }
}

fn submission(chance: &mut Chance) -> Submission {
    let message = r#"{"messages":[{"type":"human","content":"hi"}]}"#;
    let input = match chance.below(4) {
        0 => any_json(chance, 3),
        _ => message.to_owned(),
    };
    let json = |text: String| Json::parse(text).ok();
    let mut submission = Submission {
        input: json(input),
        ..Submission::default()
    };
    if chance.one_in(6) {
        submission.optimistic_values = json(any_json(chance, 2));
    }
    if chance.one_in(6) {
        submission.metadata = json(any_json(chance, 2));
    }
    if chance.one_in(6) {
        submission.checkpoint = json(any_json(chance, 2));
    }
    if chance.one_in(6) {
        submission.config = json(any_json(chance, 2));
    }
    if chance.one_in(6) {
        submission.thread_id = Some(ThreadId::from(chance.pick(&["t", "t2", "..", "", "a/b"])));
    }
    submission
}

fn command(bench: &mut Bench, chance: &mut Chance) {
    let command = CommandId(chance.next() % 50);
    let some_message = |bench: &Bench, chance: &mut Chance| {
        let slots = bench.client.view().messages();
        match slots.is_empty() || chance.one_in(5) {
            true => MessageId::from("nobody"),
            false => slots[chance.below(slots.len())].id().clone(),
        }
    };
    let input = match chance.below(22) {
        0 | 1 => Input::SubmitRequested {
            command,
            submission: Box::new(submission(chance)),
        },
        2 => Input::ThreadSwitched {
            thread_id: [None, Some("t"), Some("t2"), Some(".."), Some("")][chance.below(5)]
                .map(ThreadId::from),
        },
        3 => Input::JoinRequested {
            command,
            run_id: [None, Some("r"), Some("r2"), Some("..")][chance.below(4)].map(RunId::from),
            options: JoinOptions {
                last_event_id: [None, Some("-1"), Some("5")][chance.below(3)].map(Into::into),
                stream_modes: if chance.one_in(3) {
                    vec!["values".to_owned()]
                } else {
                    Vec::new()
                },
            },
        },
        4 => Input::StopRequested,
        5 => Input::CancelRequested,
        6 => Input::WentOffline,
        7 => Input::WentOnline,
        8 => Input::BecameHidden,
        9 => Input::BecameVisible,
        10 => Input::Thawed,
        11 => Input::Focused,
        12 => Input::RunBegunElsewhere,
        13 => Input::PageHiding {
            wall_clock: Millis(bench.now + 1_000_000),
        },
        14 => Input::ValuesMutated {
            values: Json::parse(any_json(chance, 3)).expect("JSON"),
        },
        15 => Input::Session(match chance.below(4) {
            0 => SessionInput::Closed,
            1 => SessionInput::OlderRequested { command },
            _ => SessionInput::Opened {
                limit: [0, 1, 30, 5000][chance.below(4)],
            },
        }),
        16 => Input::Edit(EditInput::Requested {
            command,
            edit: Box::new(Edit {
                at: match chance.below(3) {
                    0 => EditAt::Message(some_message(bench, chance)),
                    1 => EditAt::Answer(some_message(bench, chance)),
                    _ => EditAt::Failed,
                },
                submission: submission(chance),
            }),
        }),
        17 => Input::Tools(ToolsInput::ResultAdded {
            command,
            result: Box::new(ToolResult {
                tool_call_id: chance.pick(&["c1", "c2", "7"]).to_owned(),
                content: Json::parse(any_json(chance, 2)).expect("JSON"),
                is_error: false,
                name: None,
                artifact: None,
            }),
        }),
        18 => Input::Branches(match chance.below(3) {
            0 => BranchesInput::Selected {
                branch: chance.pick(&["", "c1", "c1>c2", "nowhere"]).to_owned(),
            },
            1 => {
                let mut odd = Odd { chance, odd_in: 12 };
                let states = Json::parse(odd.history()).expect("JSON");
                BranchesInput::HistoryProvided { states }
            }
            _ => BranchesInput::HistoryRequested,
        }),
        19 => {
            let waiting = bench.client.view().waiting();
            let id = waiting
                .first()
                .map_or_else(|| "nothing".to_owned(), |waiting| waiting.id.to_owned());
            Input::Waiting(match chance.below(3) {
                0 => WaitingInput::TakeBack { id },
                1 => WaitingInput::SendNow { id },
                _ => WaitingInput::Replace {
                    id,
                    command,
                    submission: Box::new(submission(chance)),
                },
            })
        }
        20 => match bench.lookups.pop() {
            Some((command, _)) => Input::Edit(EditInput::CheckpointResolved {
                command,
                checkpoint: Ok(None),
            }),
            None => Input::LocksMissing,
        },
        _ => match bench.locks.first().cloned() {
            Some(name) => Input::LockHeld { name },
            None => Input::StorageFailed {
                error: rejoin_core::ErrorCode::StorageFull,
            },
        },
    };
    bench.feed(input);
}

/// What was sent so far.
#[derive(Default)]
struct Seen {
    /// Streams whose headers have come.
    live: BTreeSet<AttemptId>,
    next_id: u64,
}

fn mark_of(body: Option<&Json>) -> String {
    let mark = |body: &serde_json::Value| {
        body["metadata"]["rejoin_submission"]
            .as_str()
            .map(str::to_owned)
    };
    let body = body.and_then(|body| serde_json::from_str(body.text()).ok());
    body.as_ref().and_then(mark).unwrap_or_default()
}

fn is_stream(url: &str) -> bool {
    url.split('?')
        .next()
        .is_some_and(|path| path.ends_with("/stream"))
}

/// Answers an open request, or a part of it.
fn answer(bench: &mut Bench, chance: &mut Chance, seen: &mut Seen) {
    if bench.open.is_empty() {
        return;
    }
    let at = chance.below(bench.open.len());
    let (attempt, request) = bench.open[at].clone();
    let close = |bench: &mut Bench| bench.open.retain(|(open, _)| *open != attempt);
    let mark = mark_of(request.body.as_ref());
    let mut odd = Odd { chance, odd_in: 12 };
    if odd.chance.one_in(8) {
        close(bench);
        let message = "gone".to_owned();
        let error = match odd.chance.below(12) {
            0 => TransportError::Headers { message },
            1 => TransportError::InvalidRequest { message },
            2 => TransportError::Redirected { to: message },
            3 => TransportError::TooLarge { message },
            _ => TransportError::Network { message },
        };
        return bench.feed(Input::RequestFailed { attempt, error });
    }
    if !is_stream(&request.url) {
        close(bench);
        let (status, headers, body) = (odd.status(), odd.headers(), odd.body(&request.url, &mark));
        return bench.feed(Input::ResponseArrived {
            attempt,
            status,
            headers,
            body,
        });
    }
    if !seen.live.contains(&attempt) {
        let (status, headers) = (odd.status(), odd.headers());
        seen.live.insert(attempt);
        bench.feed(Input::HeadersArrived {
            attempt,
            status,
            headers,
        });
        return;
    }
    if odd.chance.one_in(8) {
        close(bench);
        return bench.feed(Input::BodyEnded { attempt });
    }
    if odd.chance.one_in(12) {
        return bench.feed(Input::ChunkArrived {
            attempt,
            bytes: b": heartbeat\n\n".to_vec(),
        });
    }
    seen.next_id += 1;
    let id = match odd.chance.below(6) {
        0 => seen.next_id.saturating_sub(2).to_string(),
        1 => format!("{}-0", seen.next_id),
        _ => seen.next_id.to_string(),
    };
    let bytes = odd.frame(&id);
    if odd.chance.one_in(4) {
        for byte in bytes {
            bench.feed(Input::ChunkArrived {
                attempt,
                bytes: vec![byte],
            });
        }
    } else if odd.chance.one_in(4) {
        let mut decoder = Decoder::new(Limits::default());
        decoder.push(&bytes);
        while let Some(item) = decoder.next_item() {
            let event = match item {
                Ok(Item::Frame(frame)) => Some(frame),
                _ => None,
            };
            bench.feed(Input::EventArrived { attempt, event });
        }
    } else {
        bench.feed(Input::ChunkArrived { attempt, bytes });
    }
}

/// A server that is well: each run is over, and the thread holds two messages.
fn answer_well(bench: &mut Bench) {
    let Some((attempt, request)) = bench.open.first().cloned() else {
        return;
    };
    bench.open.remove(0);
    let path = request.url.split('?').next().unwrap_or_default().to_owned();
    let status = 200;
    if is_stream(&path) {
        let headers = vec![("content-type".to_owned(), "text/event-stream".to_owned())];
        if path.contains("/sessions/") {
            bench.feed(Input::HeadersArrived {
                attempt,
                status: 404,
                headers: Vec::new(),
            });
            return bench.feed(Input::BodyEnded { attempt });
        }
        bench.feed(Input::HeadersArrived {
            attempt,
            status,
            headers,
        });
        if request.method == Method::Post {
            let bytes =
                b"event: metadata\ndata: {\"run_id\":\"last\",\"attempt\":1}\nid: 1\n\n".to_vec();
            bench.feed(Input::ChunkArrived { attempt, bytes });
        }
        return bench.feed(Input::BodyEnded { attempt });
    }
    let state = r#"{"values":{"messages":[{"type":"human","id":"h","content":"hi"},{"type":"ai","id":"m","content":"all"}]},"next":[],"tasks":[],"checkpoint":{"checkpoint_ns":"","checkpoint_id":"c9"}}"#;
    let body = if path.ends_with("/state") {
        state.to_owned()
    } else if path.ends_with("/history") {
        format!("[{state}]")
    } else if path.ends_with("/runs") {
        "[]".to_owned()
    } else if path.contains("/runs/") {
        r#"{"run_id":"x","thread_id":"t","status":"success"}"#.to_owned()
    } else if path.contains("/sessions/") {
        r#"{"nodes":[],"has_older":false,"cursor":"1-1"}"#.to_owned()
    } else {
        r#"{"thread_id":"t","status":"idle"}"#.to_owned()
    };
    let (headers, body) = (Vec::new(), body.into_bytes());
    bench.feed(Input::ResponseArrived {
        attempt,
        status,
        headers,
        body,
    });
}

fn tune(chance: &mut Chance) -> impl FnOnce(&mut Config) {
    let (a, b) = (chance.next(), chance.next());
    move |config| {
        let is = |bit: u32| a >> bit & 1 == 1 && b >> bit & 1 == 1;
        if is(0) && is(1) {
            config.endpoint = Endpoint::StreamOnly;
        }
        if is(2) {
            config.history_limit = Some(10);
        }
        config.reads_state = !is(3);
        config.split_subgraphs = is(4);
        config.stream_resumable = !is(5);
        config.rejoin_on_mount = !is(6);
        config.cancel_dangling_tool_calls = is(7);
        config.outbox.enabled = !is(8);
        if is(9) {
            config.checkpoints = rejoin_core::Checkpoints::Asked;
        }
        if is(10) {
            config.limits.frame_bytes_max = 200;
        }
        if is(11) {
            config.initial_values = Json::parse(
                r#"{"messages":[{"type":"ai","id":"i","content":"hello"}]}"#.to_owned(),
            )
            .ok();
        }
    }
}

#[test]
fn nothing_that_comes_breaks_the_client() {
    each_case(CASES, |seed| {
        let chance = &mut Chance(seed);
        let mut bench = Bench::with(tune(chance));
        let mut seen = Seen::default();
        bench.feed(Input::PageOpened {
            wall_clock: Millis(1_000_000),
        });
        bench.feed(Input::EventsListened {
            names: ["custom", "updates", "error", "tools", "ping"]
                .map(str::to_owned)
                .to_vec(),
        });
        for _ in 0..8 + chance.below(50) {
            match chance.below(20) {
                0..4 => command(&mut bench, chance),
                4 => {
                    let millis = [1, 400, 3_000, 40_000, 4_000_000][chance.below(5)];
                    bench.pass(millis);
                }
                5 if chance.one_in(10) => {
                    bench.reload();
                    seen.live.clear();
                    bench.feed(Input::ThreadSwitched {
                        thread_id: Some(ThreadId::from("t")),
                    });
                }
                _ => answer(&mut bench, chance, &mut seen),
            }
            look(&mut bench);
            let streams = bench
                .open
                .iter()
                .filter(|(_, r)| is_stream(&r.url) && !r.url.contains("/sessions/"));
            assert!(
                streams.count() <= 1,
                "one stream at a time: {:?}",
                bench.open
            );
            for (_, request) in &bench.open {
                assert!(!request.url.contains("/../"), "{}", request.url);
            }
        }
        // All is well again.
        bench.feed(Input::WentOnline);
        bench.feed(Input::BecameVisible);
        for _ in 0..400 {
            if bench.open.is_empty() {
                bench.pass(30_000);
            }
            answer_well(&mut bench);
            if bench.open.is_empty()
                && !bench.client.view().is_loading()
                && !bench.client.view().is_thread_loading()
            {
                break;
            }
        }
        look(&mut bench);
        let view = bench.client.view();
        assert!(
            !view.is_loading(),
            "still {:?}, open: {:?}",
            view.status(),
            bench.open
        );
        assert!(
            !view.is_thread_loading(),
            "still {:?}, open: {:?}",
            view.status(),
            bench.open
        );
    });
}

/// What is shown, as one text.
fn shown(bench: &mut Bench) -> String {
    bench.client.refresh_view();
    let view = bench.client.view();
    let message = |slot: &rejoin_core::MessageSlot| {
        format!(
            "{:?} {} {:?}",
            slot.id(),
            slot.message.shown_json(),
            slot.origin
        )
    };
    let messages: Vec<String> = view.messages().iter().map(message).collect();
    let interrupts = format!("{:?}", view.interrupts());
    let mut status = view.status();
    status.lost_since = None;
    format!(
        "{messages:#?}\n{}\n{interrupts}\n{status:#?}\n{:?}",
        view.values().text(),
        bench.warnings()
    )
}

#[test]
fn it_is_all_the_same_how_a_stream_is_cut_and_written() {
    each_case(CASES, |seed| {
        let chance = &mut Chance(seed);
        let count = 1 + chance.below(10);
        let mut odd = Odd { chance, odd_in: 15 };
        let events: Vec<_> = (0..count).map(|_| odd.event()).collect();
        let has_id: Vec<bool> = (0..count).map(|_| !odd.chance.one_in(5)).collect();
        let streams: Vec<Vec<Vec<u8>>> = (0..2)
            .map(|_| {
                let written = |(n, event): (usize, &(String, String))| {
                    let id = (n + 1).to_string();
                    odd.written(event, has_id[n].then_some(id.as_str()))
                };
                events.iter().enumerate().map(written).collect()
            })
            .collect();
        let begin = || {
            let mut bench = Bench::new();
            bench.submit("hi");
            let stream = bench.accept("/runs/stream", "r");
            (bench, stream)
        };
        let mut views = Vec::new();
        for (n, stream) in streams.iter().enumerate() {
            let whole = stream.concat();
            let (mut bench, attempt) = begin();
            bench.feed(Input::ChunkArrived {
                attempt,
                bytes: whole.clone(),
            });
            views.push((n, "at once", shown(&mut bench)));
            let (mut bench, attempt) = begin();
            for byte in &whole {
                bench.feed(Input::ChunkArrived {
                    attempt,
                    bytes: vec![*byte],
                });
            }
            views.push((n, "byte by byte", shown(&mut bench)));
            let (mut bench, attempt) = begin();
            for frame in stream {
                let mut decoder = Decoder::new(Limits::default());
                decoder.push(frame);
                while let Some(item) = decoder.next_item() {
                    if let Item::Frame(frame) = item.expect("a frame") {
                        bench.feed(Input::EventArrived {
                            attempt,
                            event: Some(frame),
                        });
                    }
                }
            }
            views.push((n, "event by event", shown(&mut bench)));
        }
        for (n, how, view) in &views {
            assert_eq!(view, &views[0].2, "{n} {how}: {events:?}");
        }
    });
}

/// What a stubborn server does each time it is asked for something of one kind.
enum Habit {
    Answers(u16, Vec<(String, String)>, Vec<u8>),
    /// Status, headers, what comes, how it ends.
    Streams(u16, Vec<(String, String)>, Vec<Vec<u8>>, usize),
    Fails,
    SaysNothing,
}

impl std::fmt::Debug for Habit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = |bytes: &[u8]| {
            String::from_utf8_lossy(bytes)
                .chars()
                .take(300)
                .collect::<String>()
        };
        match self {
            Self::Answers(status, headers, body) => {
                write!(f, "{status} {headers:?} {:?}", text(body))
            }
            Self::Streams(status, headers, frames, ends) => {
                let frames: Vec<_> = frames.iter().map(|frame| text(frame)).collect();
                write!(f, "{status} {headers:?} {frames:#?} ends {ends}")
            }
            Self::Fails => f.write_str("fails"),
            Self::SaysNothing => f.write_str("says nothing"),
        }
    }
}

fn kind_of(method: Method, url: &str) -> String {
    let path = url.split('?').next().unwrap_or_default();
    let mut words = Vec::new();
    let mut after = "";
    for word in path.split('/').skip(3) {
        let is_id = matches!(after, "threads" | "runs" | "sessions")
            && !matches!(word, "stream" | "search");
        words.push(if is_id { "*" } else { word });
        after = word;
    }
    format!("{} {}", method.as_str(), words.join("/"))
}

fn habit(chance: &mut Chance, url: &str, mark: &str) -> Habit {
    let mut odd = Odd { chance, odd_in: 15 };
    match odd.chance.below(8) {
        0 => return Habit::Fails,
        1 => return Habit::SaysNothing,
        _ => {}
    }
    if !is_stream(url) {
        return Habit::Answers(odd.status(), odd.headers(), odd.body(url, mark));
    }
    let count = odd.chance.below(5);
    let frames = (0..count)
        .map(|n| odd.frame(&(n + 1).to_string()))
        .collect();
    Habit::Streams(odd.status(), odd.headers(), frames, odd.chance.below(4))
}

#[test]
fn a_server_that_does_the_same_each_time_is_asked_at_a_pace() {
    const MINUTES: u64 = 10;
    let most = std::sync::Mutex::new((0, 0));
    each_case(CASES, |seed| {
        let chance = &mut Chance(seed);
        let mut bench = Bench::with(tune(chance));
        let mut habits: BTreeMap<String, Habit> = BTreeMap::new();
        let mut asked: BTreeMap<String, usize> = BTreeMap::new();
        let mut answered = BTreeSet::new();
        let mut posts: BTreeMap<String, usize> = BTreeMap::new();
        match chance.below(4) {
            0 => bench.feed(Input::ThreadSwitched {
                thread_id: Some(ThreadId::from("t")),
            }),
            1 => {
                bench.feed(Input::ThreadSwitched {
                    thread_id: Some(ThreadId::from("t")),
                });
                bench.submit("hi");
            }
            2 => {
                let options = JoinOptions::default();
                bench.feed(Input::ThreadSwitched {
                    thread_id: Some(ThreadId::from("t")),
                });
                bench.feed(Input::JoinRequested {
                    command: CommandId(2),
                    run_id: Some(RunId::from("r")),
                    options,
                });
            }
            _ => bench.submit("hi"),
        }
        if chance.one_in(5) {
            bench.feed(Input::Session(SessionInput::Opened { limit: 30 }));
        }
        let end = bench.now + MINUTES * 60_000;
        let mut silent = BTreeSet::new();
        while bench.now < end {
            let next = bench
                .open
                .iter()
                .find(|(attempt, _)| !silent.contains(attempt))
                .cloned();
            let Some((attempt, request)) = next else {
                let until = bench
                    .client
                    .deadline()
                    .map_or(end, |(at, _)| at.0.clamp(bench.now + 1, end));
                bench.pass(until - bench.now);
                continue;
            };
            let kind = kind_of(request.method, &request.url);
            *asked.entry(kind.clone()).or_default() += 1;
            let mark = mark_of(request.body.as_ref());
            let is_post = request.method == Method::Post && request.url.ends_with("/runs/stream");
            if is_post {
                assert!(
                    !answered.contains(&mark),
                    "posted again although it was answered: {asked:?}"
                );
                let count = posts.entry(mark.clone()).or_default();
                *count += 1;
                assert!(*count <= 7, "posted {count} times: {asked:?}");
            }
            let total: usize = asked.values().sum();
            assert!(
                total < 400,
                "asked without end: {asked:?} {habits:?} {:?}",
                bench.client.view().status()
            );
            let habit = habits
                .entry(kind)
                .or_insert_with(|| habit(chance, &request.url, &mark));
            bench.now += 20;
            let close = |bench: &mut Bench| bench.open.retain(|(open, _)| *open != attempt);
            match habit {
                Habit::SaysNothing => {
                    silent.insert(attempt);
                }
                Habit::Fails => {
                    close(&mut bench);
                    let error = TransportError::Network {
                        message: "gone".to_owned(),
                    };
                    bench.feed(Input::RequestFailed { attempt, error });
                }
                Habit::Answers(status, headers, body) => {
                    close(&mut bench);
                    let (status, headers, body) = (*status, headers.clone(), body.clone());
                    bench.feed(Input::ResponseArrived {
                        attempt,
                        status,
                        headers,
                        body,
                    });
                }
                Habit::Streams(status, headers, frames, ends) => {
                    bench.feed(Input::HeadersArrived {
                        attempt,
                        status: *status,
                        headers: headers.clone(),
                    });
                    let types: Vec<_> = headers
                        .iter()
                        .filter(|(key, _)| key == "content-type")
                        .collect();
                    if is_post
                        && *status == 200
                        && types.iter().any(|(_, value)| value == "text/event-stream")
                    {
                        answered.insert(mark);
                    }
                    for bytes in frames {
                        bench.now += 20;
                        bench.feed(Input::ChunkArrived {
                            attempt,
                            bytes: bytes.clone(),
                        });
                    }
                    match *ends {
                        0 => {
                            silent.insert(attempt);
                        }
                        1 => {
                            close(&mut bench);
                            let error = TransportError::Network {
                                message: "cut".to_owned(),
                            };
                            bench.feed(Input::RequestFailed { attempt, error });
                        }
                        _ => {
                            close(&mut bench);
                            bench.feed(Input::BodyEnded { attempt });
                        }
                    }
                }
            }
        }
        look(&mut bench);
        let total: usize = asked.values().sum();
        let mut most = most
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        *most = (*most).max((total, seed));
    });
    let most = most
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    println!(
        "most requests in {MINUTES} minutes: {} (seed {})",
        most.0, most.1
    );
}
