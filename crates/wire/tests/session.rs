//! A full replay shows what a snapshot and the records after it show, wherever the snapshot was taken and however small
//! its window; and everything of a session comes back from its JSON as it was.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use rejoin_wire::{
    json::{FromJson, ToJson},
    message::Message,
    session::{
        Applied, AttachMode, Attached, Change, Cursor, EndStatus, Epoch, Node, NodeStatus, Page,
        Record, SnapshotReason, Transcript,
    },
};

/// What a producer does next, before it is known which message it can do that to.
#[derive(Debug, Clone)]
enum Step {
    Start(Message),
    Append(prop::sample::Index, Message),
    Update(prop::sample::Index, Message, u64),
    End(prop::sample::Index, EndStatus),
    Remove(prop::sample::Index),
}

fn message(json: &str) -> Message {
    Message::from_json(json).unwrap()
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        "[a-z ]{1,6}".prop_map(String::from),
        Just("\"\\\n\u{1f600}é".to_owned()),
    ]
}

/// A whole message or a piece of one: text, blocks or a call, with whatever providers add.
fn content() -> impl Strategy<Value = Message> {
    (0..5_u8, text(), 0..3_u8).prop_map(|(kind, text, index)| {
        let text = text.to_json();
        let fields = match kind {
            0 => format!(r#""content":[{{"type":"text","text":{text},"index":{index}}}]"#),
            1 => format!(
                r#""content":"","tool_call_chunks":[{{"name":"f","args":{text},"id":"c{index}","index":{index}}}]"#
            ),
            2 => format!(
                r#""content":{text},"response_metadata":{{"finish_reason":{text}}},"usage_metadata":{{"input_tokens":{index},"output_tokens":1,"total_tokens":2}}"#
            ),
            3 => format!(r#""content":{text},"additional_kwargs":{{"a":{{"b":{text}}}}},"more":[{index}]"#),
            _ => format!(r#""content":{text}"#),
        };
        message(&format!(r#"{{"type":"AIMessageChunk",{fields}}}"#))
    })
}

fn status() -> impl Strategy<Value = EndStatus> {
    prop_oneof![
        Just(EndStatus::Complete),
        Just(EndStatus::Cancelled),
        text().prop_map(|reason| EndStatus::Aborted { reason }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    use prop::sample::Index;
    prop_oneof![
        2 => content().prop_map(Step::Start),
        8 => (any::<Index>(), content()).prop_map(|(at, chunk)| Step::Append(at, chunk)),
        1 => (any::<Index>(), content(), 1..5_u64)
            .prop_map(|(at, message, more)| Step::Update(at, message, more)),
        2 => (any::<Index>(), status()).prop_map(|(at, status)| Step::End(at, status)),
        1 => any::<Index>().prop_map(Step::Remove),
    ]
}

/// A log that these steps make; what cannot be done is left out. Ids are used again once their message is gone.
fn log(steps: Vec<Step>) -> Vec<Record> {
    let mut held = Transcript::default();
    let mut records = Vec::new();
    for step in steps {
        let nodes = held.nodes();
        let open = |node: &&Node| node.status == NodeStatus::Streaming;
        let open: Vec<&Node> = nodes.iter().filter(open).collect();
        let change = match step {
            Step::Start(mut message) => {
                let is_free = |number: &usize| {
                    let id = format!("m{number}");
                    nodes.iter().all(|node| node.id().as_str() != id)
                };
                let number = (0..=nodes.len()).find(is_free).unwrap();
                message.id = Some(format!("m{number}").into());
                let run_id = (number % 2 == 0).then(|| format!("r{number}").into());
                Change::Started { message, run_id }
            }
            Step::Append(at, chunk) if !open.is_empty() => {
                let node = at.get(&open);
                Change::Appended {
                    id: node.id().clone(),
                    at: node.pieces,
                    chunk,
                }
            }
            Step::Update(at, mut message, more) if !nodes.is_empty() => {
                let node = at.get(nodes);
                message.id = Some(node.id().clone());
                let at = node.pieces + more;
                Change::Updated { message, at }
            }
            Step::End(at, status) if !open.is_empty() => Change::Ended {
                id: at.get(&open).id().clone(),
                status,
            },
            Step::Remove(at) if !nodes.is_empty() => Change::Removed {
                id: at.get(nodes).id().clone(),
            },
            Step::Append(..) | Step::Update(..) | Step::End(..) | Step::Remove(..) => continue,
        };
        let seq = held.seq() + 1;
        let record = Record { seq, change };
        held.apply(record.clone()).unwrap();
        records.push(record);
    }
    records
}

fn replay(mut held: Transcript, records: &[Record]) -> Transcript {
    for record in records {
        held.apply(record.clone()).unwrap();
    }
    held
}

/// What a server answers with: a window of what it holds, through JSON.
fn snapshot(held: &Transcript, window: usize) -> Page {
    let mut shown = held.clone();
    shown.keep_newest(window);
    let page = Page {
        nodes: shown.nodes().to_vec(),
        has_older: shown.has_older(),
    };
    Page::from_json(&page.to_json()).unwrap()
}

/// The newest messages before a record, as of what is held.
fn older(held: &Transcript, before: u64, limit: usize) -> Page {
    let is_older = |node: &&Node| node.position < before;
    let nodes: Vec<Node> = held.nodes().iter().filter(is_older).cloned().collect();
    let cut = nodes.len().saturating_sub(limit);
    Page {
        nodes: nodes[cut..].to_vec(),
        has_older: cut > 0,
    }
}

fn first(held: &Transcript) -> u64 {
    held.nodes().first().map_or(u64::MAX, |node| node.position)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_snapshot_and_its_tail_show_what_a_full_replay_shows_at_every_cut_and_window(
        steps in prop::collection::vec(step(), 0..40)
    ) {
        let records = log(steps);
        let whole = replay(Transcript::default(), &records);
        for cut in 0..=records.len() {
            let before = replay(Transcript::default(), &records[..cut]);
            for window in 0..=before.nodes().len() + 1 {
                let page = snapshot(&before, window);
                let shown = Transcript::from_page(cut as u64, page);
                let from = first(&shown);
                let shown = replay(shown, &records[cut..]);
                prop_assert_eq!(shown.seq(), whole.seq());
                // Everything from the snapshot's first message on; what began after it too where it has none.
                let from = if from == u64::MAX { cut as u64 + 1 } else { from };
                let expected = whole.nodes().iter().filter(|node| node.position >= from);
                prop_assert!(shown.nodes().iter().eq(expected), "cut {} window {}", cut, window);
            }
        }
    }

    #[test]
    fn older_pages_join_on_without_a_gap_or_an_overlap_whenever_they_are_read(
        steps in prop::collection::vec(step(), 1..40),
        cut in any::<prop::sample::Index>(),
        window in 0..4_usize,
        limit in 1..4_usize,
        every in 1..6_usize,
    ) {
        let records = log(steps);
        prop_assume!(!records.is_empty());
        let cut = cut.index(records.len());
        let mut server = replay(Transcript::default(), &records[..cut]);
        let mut shown = Transcript::from_page(cut as u64, snapshot(&server, window));
        // Live messages arrive between the pages.
        for (index, record) in records[cut..].iter().enumerate() {
            server.apply(record.clone()).unwrap();
            shown.apply(record.clone()).unwrap();
            if index % every == 0 && shown.has_older() {
                let page = older(&server, first(&shown), limit);
                shown.prepend(page);
            }
        }
        while shown.has_older() {
            let page = older(&server, first(&shown), limit);
            let count = page.nodes.len();
            prop_assert_eq!(shown.prepend(page), count);
        }
        prop_assert_eq!(shown.nodes(), server.nodes());
    }

    #[test]
    fn a_record_that_comes_twice_changes_nothing_and_a_missing_one_is_noticed(
        steps in prop::collection::vec(step(), 2..30),
        lost in any::<prop::sample::Index>(),
    ) {
        let records = log(steps);
        prop_assume!(records.len() > 1);
        let mut held = Transcript::default();
        for record in &records {
            held.apply(record.clone()).unwrap();
            let before = held.clone();
            prop_assert_eq!(held.apply(record.clone()), Ok(Applied::Nothing));
            prop_assert_eq!(&held, &before);
        }
        let lost = lost.index(records.len() - 1);
        let mut held = replay(Transcript::default(), &records[..lost]);
        let before = held.clone();
        prop_assert!(held.apply(records[lost + 1].clone()).is_err());
        prop_assert_eq!(held, before);
    }

    #[test]
    fn everything_comes_back_from_its_json_as_it_was(
        steps in prop::collection::vec(step(), 1..30),
        epoch in any::<u64>(),
    ) {
        let records = log(steps);
        for record in &records {
            let again = Record::from_json(&record.to_json()).unwrap();
            prop_assert_eq!(&again, record);
            let again = Change::from_json(&record.change.to_json()).unwrap();
            prop_assert_eq!(&again, &record.change);
        }
        let held = replay(Transcript::default(), &records);
        for node in held.nodes() {
            prop_assert_eq!(&Node::from_json(&node.to_json()).unwrap(), node);
        }
        let page = Page { nodes: held.nodes().to_vec(), has_older: true };
        prop_assert_eq!(&Page::from_json(&page.to_json()).unwrap(), &page);
        let cursor = Cursor { epoch: Epoch(epoch), seq: held.seq() };
        prop_assert_eq!(Cursor::parse(&cursor.to_string()), Some(cursor));
        prop_assert_eq!(Cursor::from_json(&cursor.to_json()).unwrap(), cursor);
    }

    #[test]
    fn any_text_is_read_without_a_panic(text in ".{0,80}") {
        let _ = (Record::from_json(&text), Page::from_json(&text), Attached::from_json(&text));
        if let Some(cursor) = Cursor::parse(&text) {
            prop_assert_eq!(Cursor::parse(&cursor.to_string()), Some(cursor));
        }
    }
}

#[test]
fn what_a_reader_is_answered_comes_back_from_its_json_as_it_was() {
    let cursor = Cursor {
        epoch: Epoch(81_985_529_216_486),
        seq: 1204,
    };
    for (mode, reason) in [
        (AttachMode::Replay, None),
        (AttachMode::Snapshot, Some(SnapshotReason::New)),
        (AttachMode::Snapshot, Some(SnapshotReason::Trimmed)),
        (AttachMode::Snapshot, Some(SnapshotReason::ForeignEpoch)),
        (AttachMode::Snapshot, Some(SnapshotReason::Ahead)),
        (AttachMode::Snapshot, Some(SnapshotReason::Behind)),
    ] {
        let attached = Attached {
            mode,
            reason,
            cursor,
            head: 1300,
        };
        assert_eq!(Attached::from_json(&attached.to_json()).unwrap(), attached);
    }
    let text = r#"{"mode":"snapshot","reason":"a word of later","cursor":"7-0","head":0,"more":1}"#;
    let later = Attached::from_json(text).unwrap();
    assert_eq!(later.reason, Some(SnapshotReason::Unknown));
}

#[test]
fn what_is_no_record_is_refused_and_says_what_is_missing() {
    let check = |text: &str, words: &str| {
        let error = Change::from_json(text).unwrap_err().to_string();
        assert!(error.contains(words), "{text}: {error}");
    };
    check(r#"{"type":"begun"}"#, "started, appended");
    check(r#"{"type":"started"}"#, "a message");
    check(
        r#"{"type":"started","message":{"type":"ai","content":""}}"#,
        "id",
    );
    check(r#"{"type":"appended","id":"a","chunk":{}}"#, "at");
    check(r#"{"type":"appended","id":"a","at":0}"#, "chunk");
    check(r#"{"type":"ended","id":"a","status":"done"}"#, "complete");
    check(r#"{"type":"removed"}"#, "id");
    for text in [
        "",
        "1",
        "-",
        "1-",
        "-1",
        "1-2-3",
        "+1-2",
        "a-1",
        "99999999999999999999-1",
    ] {
        assert_eq!(Cursor::parse(text), None, "{text}");
    }
}
