//! Everything that the real servers sent reads as the protocol's types.

use std::collections::BTreeMap;

use rejoin_conformance::{Exchange, Transcript, frames, transcripts};
use rejoin_wire::{
    event::{Event, EventBody, EventName},
    json::{Lenient, Oddities, Read},
    message::{Message, read_messages},
    thread::{Run, Thread, ThreadState, read_body},
};

/// Each stream's events.
fn streams() -> Vec<(String, Vec<Event>)> {
    let mut streams = Vec::new();
    for Transcript { file, exchanges } in transcripts() {
        for exchange in exchanges.iter().filter(|e| e.response.is_event_stream()) {
            let name = format!("{file}: {}", exchange.title);
            let event =
                |frame| Event::from_frame(frame).unwrap_or_else(|error| panic!("{name}: {error}"));
            streams.push((
                name.clone(),
                frames(&exchange.response.body)
                    .into_iter()
                    .map(event)
                    .collect(),
            ));
        }
    }
    streams
}

#[test]
fn every_event_reads_as_what_its_name_says() {
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for (name, events) in streams() {
        for event in events {
            if let Err(error) = event.body() {
                panic!("{name}: {error}: {}", event.data.text());
            }
            assert!(event.keeps_promise(), "{name}: {}", event.data.text());
            // Only the Python thread stream's own event is not a run's.
            if let EventName::Other(other) = &event.name {
                assert_eq!(other, "state_update", "{name}");
            }
            *kinds.entry(event.name.as_str().to_owned()).or_default() += 1;
        }
    }
    for kind in [
        "metadata",
        "values",
        "messages",
        "messages/metadata",
        "messages/partial",
        "messages/complete",
        "updates",
        "custom",
        "error",
        "checkpoints",
        "tasks",
        "debug",
        "events",
    ] {
        assert!(
            kinds.contains_key(kind),
            "no fixture has a {kind} event: {kinds:?}"
        );
    }
}

#[test]
fn every_run_begins_with_the_metadata_of_the_run_in_its_content_location() {
    let mut checked = 0;
    for Transcript { file, exchanges } in transcripts() {
        for exchange in exchanges.iter().filter(|e| e.response.is_event_stream()) {
            let Some(request) = exchange.request.as_ref().filter(|r| r.method == "POST") else {
                continue;
            };
            assert!(
                request.target.ends_with("/runs/stream"),
                "{file}: {}",
                exchange.title
            );
            let location = exchange
                .response
                .header("content-location")
                .expect("always sent");
            let run_id = location.rsplit('/').next().expect("a path");
            let first = frames(&exchange.response.body).into_iter().next();
            let Some(first) = first else { continue };
            match Event::from_frame(first).and_then(|event| event.body()) {
                Ok(EventBody::Metadata(metadata)) => {
                    assert_eq!(metadata.run_id.as_str(), run_id, "{file}")
                }
                other => panic!("{file}: {}: {other:?}", exchange.title),
            }
            checked += 1;
        }
    }
    assert!(checked > 100, "{checked}");
}

#[test]
fn interrupts_are_seen_in_values_and_updates() {
    let mut only_interrupts = [0, 0];
    let mut with_state = [0, 0];
    let mut updates = 0;
    for (name, events) in streams() {
        let python = usize::from(name.contains(".py.http"));
        for event in events {
            match event.body().expect("checked above") {
                EventBody::Values(values) => {
                    let asks = event.data.text().contains("\"__interrupt__\"");
                    assert_eq!(values.interrupts.is_some(), asks, "{name}");
                    assert!(
                        !values.only_interrupts || values.interrupts.is_some(),
                        "{name}"
                    );
                    if values.only_interrupts {
                        only_interrupts[python] += 1;
                    } else if asks {
                        with_state[python] += 1;
                    }
                    for interrupt in values.interrupts.iter().flatten() {
                        assert!(interrupt.id.is_some(), "{name}: {interrupt:?}");
                    }
                }
                EventBody::Updates(body) => updates += body.interrupts.map_or(0, |list| list.len()),
                EventBody::Metadata(_)
                | EventBody::Messages(..)
                | EventBody::WholeMessages(_)
                | EventBody::Error(_)
                | EventBody::Raw(_) => {}
            }
        }
    }
    assert!(
        only_interrupts[0] > 0,
        "the JS server sends interrupts alone"
    );
    assert_eq!(only_interrupts[1], 0, "the Python server does not");
    assert!(with_state[1] > 0 && updates > 0);
}

#[test]
fn both_forms_of_error_read() {
    let mut messages: Vec<(String, bool)> = Vec::new();
    for (name, events) in streams() {
        for event in events {
            if let Ok(EventBody::Error(error)) = event.body() {
                assert!(!error.message.is_empty(), "{name}");
                messages.push((error.message.clone(), error.is_run_not_found()));
            }
        }
    }
    for expected in ["404: Run not found", "Run not found"] {
        assert!(
            messages.contains(&(expected.to_owned(), true)),
            "{messages:?}"
        );
    }
    assert!(
        messages.iter().any(|(_, not_found)| !not_found),
        "{messages:?}"
    );
}

#[test]
fn threads_runs_and_states_read() {
    let mut counts = [0; 4];
    for Transcript { file, exchanges } in transcripts() {
        for exchange in exchanges {
            read_rest(&file, &exchange, &mut counts);
        }
    }
    let [threads, runs, states, messages] = counts;
    assert!(
        threads > 40 && runs > 50 && states > 80 && messages > 200,
        "{counts:?}"
    );
}

fn read_rest(file: &str, exchange: &Exchange, [threads, runs, states, messages]: &mut [usize; 4]) {
    let Some(request) = exchange
        .request
        .as_ref()
        .filter(|_| exchange.response.status == 200)
    else {
        return;
    };
    let name = format!(
        "{file}: {} {} {}",
        exchange.title, request.method, request.target
    );
    let path = request.target.split('?').next().expect("a path");
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let body = &exchange.response.body;
    let mut state = |state: ThreadState| {
        *states += 1;
        *messages += messages_of(&name, state.values.text());
    };
    match (request.method.as_str(), &parts[..]) {
        ("GET" | "PATCH", ["threads", id]) => {
            let thread: Thread = read("thread", body, &name);
            assert_eq!(thread.thread_id.as_str(), *id, "{name}");
            *messages += thread
                .values
                .map_or(0, |values| messages_of(&name, values.text()));
            *threads += 1;
        }
        ("POST", ["threads"]) => {
            let _: Thread = read("thread", body, &name);
            *threads += 1;
        }
        ("GET", ["threads", _, "runs", id]) => {
            let run: Run = read("run", body, &name);
            assert_eq!(run.run_id.as_str(), *id, "{name}");
            assert_ne!(
                run.status,
                rejoin_wire::thread::RunStatus::Unknown,
                "{name}"
            );
            *runs += 1;
        }
        ("GET", ["threads", _, "runs"]) if !request.target.contains("select=") => {
            let list: Vec<Run> = read("runs", body, &name);
            *runs += list.len();
        }
        ("GET", ["threads", _, "state", ..]) => state(read("state", body, &name)),
        (_, ["threads", _, "history"]) => {
            let list: Vec<ThreadState> = read("history", body, &name);
            list.into_iter().for_each(state);
        }
        _ => {}
    }
}

/// Reads a body in which nothing is odd.
fn read<T: Lenient>(what: &'static str, body: &[u8], name: &str) -> T {
    let Read { value, oddities } =
        read_body(what, body).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(oddities, [], "{name}");
    value
}

/// How many messages the values hold; each must read and keep what it was given.
fn messages_of(name: &str, values: &str) -> usize {
    let values: serde_json::Value = serde_json::from_str(values).expect("JSON");
    let Some(list) = values.get("messages").and_then(|list| list.as_array()) else {
        return 0;
    };
    let mut odd = Oddities::default();
    read_messages("messages", &serde_json::json!(list).to_string(), &mut odd);
    assert_eq!(odd.into_list(), [], "{name}");
    for message in list {
        let read: Message = serde_json::from_value(message.clone())
            .unwrap_or_else(|e| panic!("{name}: {e}: {message}"));
        let again = serde_json::to_value(&read).expect("a message writes");
        assert_eq!(again["type"], message["type"], "{name}");
        assert_eq!(again["content"], message["content"], "{name}");
        assert_eq!(again["id"], message["id"], "{name}");
    }
    list.len()
}
