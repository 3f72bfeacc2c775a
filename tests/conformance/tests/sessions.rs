//! Recorded runs, written to a session as a producer would: a snapshot at every cut, with the records after it, shows
//! what all records show.

use std::collections::HashMap;

use rejoin_conformance::{Recording, recordings};
use rejoin_wire::{
    MessageId,
    event::{Event, EventBody},
    json::{FromJson, ToJson},
    message::Message,
    session::{Change, EndStatus, Node, NodeStatus, Page, Record, Transcript},
};

/// The changes of a recorded run: each message begins with its first piece and ends with the run.
fn records(recording: &Recording) -> Vec<Record> {
    let mut pieces: HashMap<MessageId, u64> = HashMap::new();
    let mut changes = Vec::new();
    for frame in &recording.frames {
        let event = Event::from_frame(frame.clone()).expect("typed.rs has read it");
        let said: Vec<(Message, bool)> = match event.body() {
            Ok(EventBody::Messages(message, _)) => vec![(*message, true)],
            Ok(EventBody::WholeMessages(messages)) => messages
                .into_iter()
                .map(|message| (message, false))
                .collect(),
            _ => continue,
        };
        for (message, is_piece) in said {
            let Some(id) = message.id.clone() else {
                continue;
            };
            changes.push(match pieces.get_mut(&id) {
                None => {
                    pieces.insert(id, 0);
                    Change::Started {
                        message,
                        run_id: Some(recording.run_id.as_str().into()),
                    }
                }
                Some(count) if is_piece => {
                    let at = *count;
                    *count += 1;
                    Change::Appended {
                        id,
                        at,
                        chunk: message,
                    }
                }
                Some(count) => {
                    *count += 2;
                    Change::Updated {
                        message,
                        at: *count,
                    }
                }
            });
        }
    }
    let mut ids: Vec<MessageId> = pieces.into_keys().collect();
    ids.sort();
    changes.extend(ids.into_iter().map(|id| Change::Ended {
        id,
        status: EndStatus::Complete,
    }));
    let numbered = changes.into_iter().zip(1..);
    numbered
        .map(|(change, seq)| Record { seq, change })
        .collect()
}

fn replay(mut held: Transcript, records: &[Record]) -> Transcript {
    for record in records {
        held.apply(record.clone()).expect("it follows");
    }
    held
}

#[test]
fn a_snapshot_and_its_tail_are_a_full_replay_at_every_cut_of_every_recorded_run() {
    let (mut runs, mut cuts) = (0, 0);
    for recording in recordings() {
        let records = records(&recording);
        let whole = replay(Transcript::default(), &records);
        assert!(
            whole
                .nodes()
                .iter()
                .all(|node| node.status != NodeStatus::Streaming)
        );
        let mut held = Transcript::default();
        for cut in 0..=records.len() {
            for window in [0, 1, usize::MAX] {
                let mut shown = held.clone();
                shown.keep_newest(window);
                let page = Page {
                    nodes: shown.nodes().to_vec(),
                    has_older: shown.has_older(),
                };
                let page = Page::from_json(&page.to_json()).expect("what was written is read");
                let from = page
                    .nodes
                    .first()
                    .map_or(cut as u64 + 1, |node| node.position);
                let shown = replay(Transcript::from_page(cut as u64, page), &records[cut..]);
                let expected = whole
                    .nodes()
                    .iter()
                    .filter(|node: &&Node| node.position >= from);
                assert!(
                    shown.nodes().iter().eq(expected),
                    "{}: cut {cut}, window {window}",
                    recording.name
                );
            }
            if let Some(record) = records.get(cut) {
                let again = Record::from_json(&record.to_json()).expect("what was written is read");
                assert_eq!(&again, record, "{}", recording.name);
                held.apply(again).expect("it follows");
            }
        }
        runs += usize::from(!records.is_empty());
        cuts += records.len();
    }
    assert!(runs > 40 && cuts > 1000, "{runs} runs, {cuts} records");
}
