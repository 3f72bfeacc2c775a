//! Whatever one piece of what a server sends is, everything else is shown, and one warning names the piece.

#![allow(clippy::unwrap_used)] // A panic is how a test fails.

mod support;

use rejoin_core::{AttemptId, BranchesInput, Endpoint, Input, Notice};
use serde_json::{Value, json};
use support::Bench;

/// What may stand where something else belongs.
fn odd_values() -> Vec<Value> {
    vec![
        Value::Null,
        json!(true),
        json!(7),
        json!(-1.5),
        json!(""),
        json!("text"),
        json!([]),
        json!([1, null]),
        json!([["x"]]),
        json!({}),
        json!({ "a": [1] }),
    ]
}

fn values() -> Value {
    json!({
        "messages": [
            { "type": "human", "id": "h", "content": "hi", "additional_kwargs": { "k": 1 } },
            {
                "type": "ai", "id": "a", "content": [{ "type": "text", "text": "I look" }],
                "tool_calls": [
                    { "name": "f", "args": { "x": 1 }, "id": "c1", "type": "tool_call" },
                    { "name": "g", "args": {}, "id": "c2", "type": "tool_call" },
                ],
                "usage_metadata": { "input_tokens": 1 }, "response_metadata": { "m": "x" },
            },
            { "type": "tool", "id": "o", "tool_call_id": "c1", "name": "f", "status": "success", "content": "42" },
            { "type": "ai", "id": "g", "content": "good one" },
        ],
        "plan": ["one"],
    })
}

const TEXTS: [(&str, &str); 4] = [("h", "hi"), ("a", "I look"), ("o", "42"), ("g", "good one")];

fn state() -> Value {
    json!({
        "values": values(),
        "next": ["ask", "tell"],
        "checkpoint": { "thread_id": "t", "checkpoint_ns": "", "checkpoint_id": "2" },
        "parent_checkpoint": { "thread_id": "t", "checkpoint_ns": "", "checkpoint_id": "1" },
        "tasks": [
            { "id": "1", "name": "ask", "interrupts": [{ "id": "i1", "value": { "q": 1 } }] },
            { "id": "2", "name": "tell", "interrupts": [{ "id": "i2", "value": "?" }, { "id": "i3", "value": "!" }] },
        ],
        "metadata": { "step": 1 },
    })
}

/// Every place in a value, as JSON pointers.
fn places(value: &Value, at: &str, all: &mut Vec<String>) {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields.iter().map(|(k, v)| (k.clone(), v)).collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(k, v)| (k.to_string(), v))
            .collect(),
        _ => Vec::new(),
    };
    for (key, child) in children {
        let place = format!("{at}/{key}");
        all.push(place.clone());
        places(child, &place, all);
    }
}

/// The value with each odd value at each of its places.
fn mutants(good: &Value) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    places(good, "", &mut all);
    let mut mutants = Vec::new();
    for place in all {
        for odd in odd_values() {
            let mut mutant = good.clone();
            *mutant.pointer_mut(&place).unwrap() = odd;
            mutants.push((place.clone(), mutant));
        }
    }
    mutants
}

/// Checks that all messages but those at this place of the values are shown as they are.
#[track_caller]
fn check_messages(bench: &Bench, place: &str, about: &Value) {
    for (at, (id, text)) in TEXTS.into_iter().enumerate() {
        let own = format!("/messages/{at}");
        let is_odd = place == "/messages" || place == own || place.starts_with(&format!("{own}/"));
        if !is_odd {
            assert_eq!(bench.text(id), text, "{id}, {place}: {about}");
        }
    }
}

fn interrupts(bench: &Bench) -> Vec<String> {
    let interrupts = bench.client.view().interrupts().iter();
    interrupts
        .filter_map(|interrupt| Some(interrupt.id.as_ref()?.to_string()))
        .collect()
}

/// The warnings' details.
fn told(bench: &Bench) -> Vec<String> {
    let detail = |notice: &Notice| match notice {
        Notice::Warning(error) => Some(error.detail.clone().unwrap_or_default()),
        _ => None,
    };
    bench.notices.iter().filter_map(detail).collect()
}

fn entering() -> Bench {
    let mut bench = Bench::new();
    bench.feed(Input::ThreadSwitched {
        thread_id: Some("t".into()),
    });
    bench
}

const IDLE: &str = r#"{"thread_id":"t","status":"idle"}"#;

fn entered(state: &str) -> Bench {
    let mut bench = entering();
    bench.answer("/threads/t", 200, IDLE);
    bench.answer("/state", 200, state);
    if bench.client.view().is_thread_loading() {
        // By what is left of it something runs, though the thread is idle.
        bench.answer("/state", 200, state);
    }
    assert!(!bench.client.view().is_thread_loading(), "{state}");
    assert_eq!(bench.error_code(), None, "{state}");
    bench
}

fn streaming() -> (Bench, AttemptId) {
    let mut bench = Bench::new();
    bench.submit("hi");
    let stream = bench.accept("/runs/stream", "r");
    bench.metadata(stream, "1", "r");
    (bench, stream)
}

/// The stream goes on, without another connection.
#[track_caller]
fn check_live(bench: &mut Bench, stream: AttemptId, about: &str) {
    bench.token(stream, "", "still", "x");
    assert_eq!(
        (bench.state(), bench.text("still").as_str()),
        ("live", "x"),
        "{about}"
    );
    assert!(
        bench.open.iter().any(|(open, _)| *open == stream),
        "{about}"
    );
}

fn with_entry(entry: &str) -> String {
    format!(
        r#"{{"messages":[{{"type":"human","id":"h","content":"hi"}},{entry},{{"type":"ai","id":"g","content":"good one"}}],"plan":1}}"#
    )
}

#[test]
fn one_odd_entry_hides_no_other() {
    let cases = [
        (
            r#"{"type":"tool","id":"o","tool_call_id":"t","content":42}"#,
            Some(("o", "42")),
            "messages[1].content is a number (42)",
        ),
        (
            r#"{"type":"tool","id":"o","tool_call_id":"t","content":{"a":1}}"#,
            Some(("o", r#"{"a":1}"#)),
            "messages[1].content is an object",
        ),
        (
            r#"{"type":"ai","id":7,"content":"seven"}"#,
            Some(("7", "seven")),
            "messages[1].id is a number (7)",
        ),
        (
            r#"{"type":"ai","id":true,"content":"yes"}"#,
            Some(("rejoin-place-1", "yes")),
            "messages[1].id is a truth value (true)",
        ),
        ("null", None, "messages[1] is null"),
        (
            "5",
            Some(("rejoin-place-1", "5")),
            "messages[1] is a number (5)",
        ),
        (
            "[[1]]",
            Some(("rejoin-place-1", "[[1]]")),
            "messages[1] is a list ([[1]])",
        ),
        (
            r#"{"type":"wizard","id":"w","content":"abra"}"#,
            Some(("w", "abra")),
            "messages[1].type is a text (\"wizard\")",
        ),
        (
            r#"{"id":"w","content":"abra"}"#,
            Some(("w", "abra")),
            "messages[1].type is null",
        ),
        (
            r#"{"type":"ai","id":"w","content":"abra","tool_calls":7}"#,
            Some(("w", "abra")),
            "messages[1].tool_calls is a number (7)",
        ),
        (
            r#"{"type":"ai","id":"w","content":"abra","tool_calls":[null]}"#,
            Some(("w", "abra")),
            "messages[1].tool_calls[0] is null",
        ),
        (
            r#"{"type":"tool","id":"w","content":"abra","status":{}}"#,
            Some(("w", "abra")),
            "messages[1].status is an object",
        ),
        (
            r#"{"type":"ai","id":"w","content":"abra","additional_kwargs":"x"}"#,
            Some(("w", "abra")),
            "messages[1].additional_kwargs is a text",
        ),
        (
            r#"{"type":"ai","id":"w","content":"abra\ud83d"}"#,
            Some(("w", "abra\u{fffd}")),
            "messages[1].content is text with half of a surrogate pair",
        ),
    ];
    for (entry, shown, words) in cases {
        let values = with_entry(entry);
        let check = |bench: &Bench| {
            assert_eq!(
                (bench.text("h").as_str(), bench.text("g").as_str()),
                ("hi", "good one"),
                "{entry}"
            );
            if let Some((id, text)) = shown {
                assert_eq!(bench.text(id), text, "{entry}");
            }
            let told = told(bench);
            assert_eq!(
                (told.len(), bench.warnings()),
                (1, vec!["event_data_invalid"]),
                "{entry}: {told:?}"
            );
            assert!(told[0].contains(words), "{told:?}");
            assert_eq!(bench.client.view().values().text(), values, "{entry}");
        };
        check(&entered(&format!(
            r#"{{"values":{values},"next":[],"tasks":[]}}"#
        )));
        let (mut bench, stream) = streaming();
        bench.event(stream, "2", "values", &values);
        bench.event(stream, "3", "values", &values);
        check_live(&mut bench, stream, entry);
        bench.end(stream);
        bench.settle("r", "success", &values);
        assert_eq!(bench.state(), "finished");
        // The state says what the values have said: it is not told again.
        check(&bench);
    }
}

#[test]
fn what_langchain_takes_as_a_message_is_shown_as_that() {
    let cases = [
        (r#"["human","text"]"#, "human"),
        (r#"["assistant","text"]"#, "ai"),
        (r#""text""#, "human"),
        (r#"{"role":"developer","content":"text"}"#, "system"),
        (r#"{"role":"user","content":"text"}"#, "human"),
        (r#"{"type":"ai","data":{"content":"text"}}"#, "ai"),
        (
            r#"{"lc":1,"type":"constructor","id":["langchain_core","messages","AIMessage"],"kwargs":{"content":"text"}}"#,
            "ai",
        ),
    ];
    for (entry, kind) in cases {
        let bench = entered(&format!(r#"{{"values":{}}}"#, with_entry(entry)));
        let view = bench.client.view();
        let shown: Vec<_> = view.messages().iter().collect();
        assert_eq!(shown.len(), 3, "{entry}");
        assert_eq!(shown[1].message.kind.as_str(), kind, "{entry}");
        assert_eq!(shown[1].message.content.text(), "text", "{entry}");
        assert!(told(&bench).is_empty(), "{entry}");
    }
}

#[test]
fn one_message_in_place_of_a_list_is_shown() {
    for (messages, text) in [
        (r#"{"type":"ai","id":"a","content":"alone"}"#, "alone"),
        (r#""alone""#, "alone"),
        (r#"["human","alone"]"#, "human"),
    ] {
        let bench = entered(&format!(r#"{{"values":{{"messages":{messages}}}}}"#));
        let view = bench.client.view();
        assert_eq!(
            view.messages()[0].message.content.text(),
            text,
            "{messages}"
        );
    }
}

#[test]
fn an_odd_piece_of_the_state_hides_nothing_else() {
    let mut count = 0;
    for (place, mutant) in mutants(&state()) {
        let bench = entered(&mutant.to_string());
        if place != "/values" {
            let in_values = place.strip_prefix("/values").unwrap_or_default();
            check_messages(&bench, in_values, &mutant);
        }
        let asked = interrupts(&bench);
        for (task, interrupt, id) in [(0, 0, "i1"), (1, 0, "i2"), (1, 1, "i3")] {
            let of_task = format!("/tasks/{task}");
            let own = format!("{of_task}/interrupts/{interrupt}");
            let is_odd = [
                "/tasks",
                &of_task,
                &format!("{of_task}/interrupts"),
                &own,
                &format!("{own}/id"),
                // Which of them wait is said by these.
                &format!("{of_task}/name"),
                "/next",
                &format!("/next/{task}"),
            ]
            .contains(&place.as_str());
            assert!(
                is_odd || asked.contains(&id.to_owned()),
                "{id}, {place}: {mutant}"
            );
        }
        if !place.starts_with("/values") {
            assert_eq!(
                bench.client.view().values().text(),
                mutant["values"].to_string()
            );
        }
        assert!(told(&bench).len() <= 3, "{place}: {:?}", told(&bench));
        count += 1;
    }
    assert!(count > 600, "{count}");
}

#[test]
fn an_odd_piece_of_a_values_event_hides_nothing_else() {
    let mut good = values();
    good["__interrupt__"] = json!([{ "id": "i1", "value": 1 }, { "id": "i2", "value": 2 }]);
    for (place, mutant) in mutants(&good) {
        let (mut bench, stream) = streaming();
        bench.event(stream, "2", "values", &mutant.to_string());
        check_messages(&bench, &place, &mutant);
        let asked = interrupts(&bench);
        for (at, id) in ["i1", "i2"].into_iter().enumerate() {
            let own = format!("/__interrupt__/{at}");
            let is_odd = place == "/__interrupt__" || place == own || place == format!("{own}/id");
            assert!(
                is_odd || asked.contains(&id.to_owned()),
                "{id}, {place}: {mutant}"
            );
        }
        let before = told(&bench);
        bench.event(stream, "3", "values", &mutant.to_string());
        assert_eq!(told(&bench), before, "told once");
        check_live(&mut bench, stream, &mutant.to_string());
    }
}

#[test]
fn an_odd_piece_of_a_chunk_breaks_no_stream() {
    let chunk = json!([
        {
            "type": "AIMessageChunk", "id": "m", "content": "b", "name": "n",
            "tool_call_chunks": [{ "name": "f", "args": "{", "id": "c", "index": 0 }],
            "additional_kwargs": { "k": "v" }, "response_metadata": {}, "usage_metadata": { "input_tokens": 1 },
        },
        { "langgraph_node": "model" },
    ]);
    for (place, mutant) in mutants(&chunk) {
        let (mut bench, stream) = streaming();
        bench.token(stream, "2", "other", "a");
        bench.event(stream, "3", "messages", &mutant.to_string());
        bench.token(stream, "4", "other", "c");
        assert_eq!(bench.text("other"), "ac", "{mutant}");
        if !place.starts_with("/0")
            || place.len() > 3 && place != "/0/id" && !place.starts_with("/0/content")
        {
            assert_eq!(bench.text("m"), "b", "{mutant}");
        }
        assert!(bench.warnings().len() <= 3, "{mutant}: {:?}", told(&bench));
        check_live(&mut bench, stream, &mutant.to_string());
    }
    for payload in odd_values() {
        let (mut bench, stream) = streaming();
        bench.event(stream, "2", "messages", &payload.to_string());
        assert!(
            bench.warnings().contains(&"event_data_invalid"),
            "{payload}"
        );
        let is_message = payload.is_object();
        assert!(is_message || bench.warnings().len() == 1, "{payload}");
        check_live(&mut bench, stream, &payload.to_string());
    }
    let (mut bench, stream) = streaming();
    bench.event(stream, "2", "messages", &chunk[0].to_string());
    assert_eq!((bench.text("m").as_str(), bench.warnings().len()), ("b", 1));
}

#[test]
fn whole_messages_are_shown_beside_an_odd_one() {
    for odd in odd_values() {
        let (mut bench, stream) = streaming();
        let whole = json!([{ "type": "ai", "id": "a", "content": "one" }, odd, { "type": "ai", "id": "b", "content": "two" }]);
        bench.event(stream, "2", "messages/partial", &whole.to_string());
        assert_eq!(
            (bench.text("a").as_str(), bench.text("b").as_str()),
            ("one", "two"),
            "{whole}"
        );
        check_live(&mut bench, stream, &whole.to_string());
    }
}

#[test]
fn an_odd_interrupt_is_asked_beside_the_others() {
    for (event, wrap) in [("values", false), ("updates", true)] {
        for odd in odd_values() {
            let (mut bench, stream) = streaming();
            let asked = json!([{ "id": "i1", "value": 1 }, odd, { "id": 2, "value": 2 }]);
            let data = match wrap {
                true => json!({ "__interrupt__": asked, "node": {} }),
                false => json!({ "__interrupt__": asked }),
            };
            bench.event(stream, "2", event, &data.to_string());
            assert_eq!(interrupts(&bench), ["i1", "2"], "{data}");
            let count = bench.client.view().interrupts().len();
            assert_eq!(count, 3 - usize::from(odd.is_null()), "{data}");
        }
    }
}

#[test]
fn an_odd_state_hides_no_other_of_the_history() {
    for odd in odd_values() {
        let mut bench = Bench::with(|config| config.history_limit = Some(10));
        bench.feed(Input::ThreadSwitched {
            thread_id: Some("t".into()),
        });
        let of = |id: &str, parent: Option<&str>| {
            support::state(
                id,
                parent,
                vec![json!({ "type": "ai", "id": id, "content": id })],
            )
        };
        let history = json!([of("3", Some("2")), odd, of("1", None)]);
        bench.answer("/history", 200, &history.to_string());
        bench.answer("/threads/t", 200, IDLE);
        let view = bench.client.view();
        let known: Vec<_> = view
            .history()
            .iter()
            .filter_map(|state| state.checkpoint_id.clone())
            .collect();
        assert_eq!(known, ["3".into(), "1".into()], "{odd}");
        assert_eq!(bench.text("3"), "3", "{odd}");
    }
}

#[test]
fn a_thread_that_is_none_leaves_its_state_to_be_shown() {
    let state = json!({ "values": values() }).to_string();
    let bodies = [
        "{}",
        r#"{"thread_id":"t"}"#,
        r#"{"status":5,"error":7,"values":"x"}"#,
        "[]",
        "null",
        r#""ok""#,
        "42",
        "<!doctype html><p>Hello",
        "",
    ];
    for body in bodies {
        let mut bench = entering();
        bench.answer("/state", 200, &state);
        bench.answer("/threads/t", 200, body);
        if !body.starts_with('{') {
            // Nothing is known of the thread, so its runs are listed to find an active one.
            bench.answer("/runs?limit=100", 200, "[]");
        }
        assert!(!bench.client.view().is_thread_loading(), "{body}");
        check_messages(&bench, "", &json!(body));
        assert_eq!(bench.warnings().len(), 1, "{body}: {:?}", told(&bench));
    }
}

#[test]
fn a_state_that_is_none_is_asked_for_again() {
    let mut bench = entering();
    bench.answer("/threads/t", 200, IDLE);
    bench.answer("/state", 200, "[]");
    bench.pass(2000);
    bench.answer("/threads/t", 200, IDLE);
    bench.answer("/state", 200, &state().to_string());
    check_messages(&bench, "", &Value::Null);
}

#[test]
fn a_state_without_readable_messages_takes_none_away() {
    for values in [r#"{"messages":7}"#, "7", r#""x""#, "[]", "true"] {
        let (mut bench, stream) = streaming();
        bench.token(stream, "2", "m", "text");
        bench.end(stream);
        bench.settle("r", "success", values);
        assert_eq!(
            (bench.state(), bench.text("m").as_str()),
            ("finished", "text"),
            "{values}"
        );
        assert_eq!(bench.warnings(), ["event_data_invalid"], "{values}");
    }
}

#[test]
fn an_odd_run_hides_no_other() {
    for odd in odd_values() {
        let mut bench = entering();
        bench.answer("/threads/t", 200, r#"{"thread_id":"t","status":"busy"}"#);
        bench.answer("/state", 200, &json!({ "values": values() }).to_string());
        let runs =
            json!([odd, { "run_id": "r", "status": "running", "created_at": 5, "metadata": [] }]);
        let list = bench.open[0].1.url.clone();
        assert!(list.contains("/runs"), "{list}");
        bench.answer(&list, 200, &runs.to_string());
        bench.accept("/runs/r/stream", "r");
    }
}

#[test]
fn warnings_are_bounded_and_start_anew_with_another_thread() {
    let entries: Vec<Value> = (0..500)
        .map(|at| json!({ "type": "ai", "id": format!("m{at}"), "content": at }))
        .collect();
    let state = json!({ "values": { "messages": entries } }).to_string();
    let mut bench = entered(&state);
    assert_eq!(bench.client.view().messages().len(), 500);
    let first = bench.warnings().len();
    assert!((1..=64).contains(&first), "{first}");
    bench.feed(Input::Branches(BranchesInput::HistoryRequested));
    bench.answer("/state", 200, &state);
    assert_eq!(bench.warnings().len(), first);
    bench.feed(Input::ThreadSwitched {
        thread_id: Some("u".into()),
    });
    bench.answer("/threads/u", 200, IDLE);
    bench.answer("/state", 200, &state);
    assert_eq!(bench.warnings().len(), 2 * first);
}

#[test]
fn data_that_nobody_reads_is_no_damage() {
    for (name, data) in [
        ("ping", "2026-11-29 04:00:00"),
        ("keepalive", "{"),
        ("heartbeat", "[1,"),
        ("end", "done"),
        ("metadata/x", "nope"),
        ("message", "hello"),
    ] {
        let (mut bench, stream) = streaming();
        bench.feed(Input::EventsListened {
            names: vec![name.to_owned()],
        });
        for at in 0..8 {
            bench.token(stream, &(at + 2).to_string(), "m", "w ");
            bench.event(stream, "", name, data);
        }
        assert_eq!(bench.text("m"), "w ".repeat(8), "{name}");
        assert_eq!(
            (bench.state(), bench.warnings().len()),
            ("live", 0),
            "{name}"
        );
        let told: Vec<_> = bench
            .notices
            .iter()
            .filter_map(|notice| match notice {
                Notice::EventApplied(event) => Some(event.data.text().to_owned()),
                _ => None,
            })
            .collect();
        assert_eq!(told, vec![json!(data).to_string(); 8], "{name}");
    }
}

#[test]
fn a_ping_before_a_join_begins_is_not_its_beginning() {
    let (mut bench, stream) = streaming();
    bench.token(stream, "2", "m", "a ");
    bench.cut(stream);
    bench.pass(2000);
    let join = bench.accept("/runs/r/stream", "r");
    bench.event(join, "", "ping", "now");
    bench.metadata(join, "1", "r");
    bench.token(join, "2", "m", "a ");
    bench.token(join, "3", "m", "b ");
    assert_eq!(
        (bench.text("m").as_str(), bench.warnings().len()),
        ("a b ", 0)
    );
}

#[test]
fn a_payload_of_null_is_a_warning_and_told_to_nobody() {
    let names = [
        "metadata",
        "values",
        "messages",
        "messages/metadata",
        "messages/partial",
        "messages/complete",
        "updates",
        "error",
        "checkpoints",
        "tasks",
        "debug",
        "events",
        "tools",
    ];
    for name in names {
        let (mut bench, stream) = streaming();
        bench.feed(Input::EventsListened {
            names: vec![name.to_owned()],
        });
        bench.event(stream, "2", name, "null");
        assert_eq!(bench.warnings(), ["event_data_invalid"], "{name}");
        let is_event = |notice: &Notice| matches!(notice, Notice::EventApplied(_));
        assert!(!bench.notices.iter().any(is_event), "{name}");
        check_live(&mut bench, stream, name);
    }
    let (mut bench, stream) = streaming();
    bench.event(stream, "2", "custom", "null");
    assert!(bench.warnings().is_empty(), "a graph may write null");
    assert!(matches!(
        bench.notices.last(),
        Some(Notice::EventApplied(_))
    ));
}

fn chunk(content: &str) -> String {
    format!(r#"[{{"type":"AIMessageChunk","id":"m","content":{content}}},{{}}]"#)
}

#[test]
fn halves_of_a_surrogate_pair_join() {
    for (first, second) in [
        (r#""Hi \ud83d""#, r#""\ude00!""#),
        (
            r#"[{"type":"text","text":"Hi \ud83d","index":0}]"#,
            r#"[{"type":"text","text":"\ude00!","index":0}]"#,
        ),
        (r#"["Hi \ud83d"]"#, r#"["\ude00!"]"#),
    ] {
        let (mut bench, stream) = streaming();
        bench.event(stream, "2", "messages", &chunk(first));
        assert_eq!(bench.text("m"), "Hi \u{fffd}");
        bench.event(stream, "3", "messages", &chunk(second));
        assert_eq!(
            (bench.text("m").as_str(), bench.warnings().len()),
            ("Hi 😀!", 0)
        );
        let slot = bench.client.view().messages().last().unwrap();
        assert_eq!(
            slot.revision, slot.reshaped,
            "what was shown has not only grown"
        );
    }
}

#[test]
fn halves_join_across_a_reload() {
    let (mut bench, stream) = streaming();
    bench.event(stream, "2", "messages", &chunk(r#""Hi""#));
    bench.event(stream, "3", "messages", &chunk(r#"" \ud83d""#));
    bench.feed(Input::PageHiding {
        wall_clock: rejoin_core::Millis(1_000_000),
    });
    let thread = bench.client.view().thread_id().cloned();
    let mut reloaded = Bench::new();
    reloaded.stored = bench.stored;
    reloaded.feed(Input::ThreadSwitched { thread_id: thread });
    assert_eq!(reloaded.text("m"), "Hi \u{fffd}");
    let thread = reloaded.client.view().thread_id().unwrap().to_string();
    reloaded.answer(
        &format!("/threads/{thread}"),
        200,
        r#"{"thread_id":"t","status":"busy"}"#,
    );
    reloaded.answer("/state", 200, r#"{"values":{}}"#);
    reloaded.run_is("r", "running");
    let join = reloaded.accept("/runs/r/stream", "r");
    reloaded.event(join, "3", "messages", &chunk(r#"" \ud83d""#));
    reloaded.event(join, "4", "messages", &chunk(r#""\ude00!""#));
    assert_eq!(
        (reloaded.text("m").as_str(), reloaded.warnings().len()),
        ("Hi 😀!", 0)
    );
}

#[test]
fn a_half_that_stays_alone_is_replaced_and_told_once() {
    let (mut bench, stream) = streaming();
    bench.event(stream, "2", "messages", &chunk(r#""Hi \ud83d""#));
    for id in ["3", "4", "5"] {
        bench.event(stream, id, "messages", &chunk(r#"" you""#));
    }
    assert_eq!(bench.text("m"), "Hi \u{fffd} you you you");
    assert_eq!(bench.warnings(), ["event_data_invalid"]);
    assert!(
        told(&bench)[0].contains("message m: content is text with half"),
        "{:?}",
        told(&bench)
    );

    // Cancelled, so that the state lacks it: it is whole as it is.
    let (mut bench, stream) = streaming();
    bench.event(stream, "2", "messages", &chunk(r#""Hi \ud83d""#));
    bench.end(stream);
    assert!(bench.warnings().is_empty());
    bench.settle("r", "interrupted", r#"{"messages":[]}"#);
    assert_eq!(
        (bench.text("m").as_str(), bench.warnings().len()),
        ("Hi \u{fffd}", 1)
    );

    // Nothing but the stream can be asked.
    let mut bench = Bench::with(|config| config.endpoint = Endpoint::StreamOnly);
    bench.submit("hi");
    let stream = bench.accept("/runs/stream", "r");
    bench.event(stream, "2", "messages", &chunk(r#""Hi \ud83d""#));
    assert!(bench.warnings().is_empty());
    bench.end(stream);
    assert_eq!(
        (bench.text("m").as_str(), bench.warnings().len()),
        ("Hi \u{fffd}", 1)
    );
}
