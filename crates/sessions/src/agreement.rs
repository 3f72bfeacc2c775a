//! Tests: whatever is trimmed and kept added up, pages and snapshots show what the records add up to.

use std::{sync::Arc, time::Duration};

use rejoin_wire::{
    json::FromJson,
    message::Message,
    session::{Change, EndStatus, Node, NodeStatus, Page, Record, Transcript},
};

use crate::{
    SessionLimits, Sessions,
    log::{Batch, ProducerId, SessionId},
    memory::MemoryLog,
};

/// Chance that can be repeated (SplitMix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) as usize % bound
    }

    fn one_of<'a>(&mut self, nodes: &[&'a Node]) -> Option<&'a Node> {
        (!nodes.is_empty()).then(|| nodes[self.below(nodes.len())])
    }
}

fn message(id: &str, text: &str) -> Message {
    Message::from_json(&format!(
        r#"{{"id":"{id}","type":"ai","content":"{text}"}}"#
    ))
    .unwrap()
}

/// Something that can happen next.
fn change(chance: &mut Chance, held: &Transcript) -> Change {
    let all: Vec<&Node> = held.nodes().iter().collect();
    let open = |node: &&&Node| node.status == NodeStatus::Streaming;
    let open: Vec<&Node> = all.iter().filter(open).copied().collect();
    let (any, streaming) = (chance.one_of(&all), chance.one_of(&open));
    let seq = held.seq();
    match (chance.below(12), streaming, any) {
        (0..=5, Some(node), _) => Change::Appended {
            id: node.id().clone(),
            at: node.pieces,
            chunk: Message {
                id: None,
                ..message("", &format!("{seq} "))
            },
        },
        (6..=7, Some(node), _) => Change::Ended {
            id: node.id().clone(),
            status: EndStatus::Complete,
        },
        (8, _, Some(node)) => Change::Updated {
            message: message(node.id().as_str(), &format!("anew {seq} ")),
            at: node.pieces + 2,
        },
        (9, _, Some(node)) => Change::Removed {
            id: node.id().clone(),
        },
        // An id may be used again once its message is gone.
        _ => {
            let is_free = |number: &usize| {
                let id = format!("m{number}");
                held.nodes().iter().all(|node| node.id().as_str() != id)
            };
            let number = (0..).find(is_free).unwrap();
            Change::Started {
                message: message(&format!("m{number}"), ""),
                run_id: None,
            }
        }
    }
}

fn expected_snapshot(held: &Transcript, limit: usize) -> Page {
    let nodes = held.nodes();
    let is_open = |node: &Node| node.status == NodeStatus::Streaming;
    let cut = nodes.len().saturating_sub(limit);
    let cut = cut.min(nodes.iter().position(is_open).unwrap_or(cut));
    let mut shown = nodes[cut..].to_vec();
    if limit == 0 {
        shown.retain(is_open);
    }
    Page {
        nodes: shown,
        has_older: cut > 0,
    }
}

async fn check(sessions: &Sessions, session: &SessionId, held: &Transcript, case: &str) {
    for limit in [0, 1, 3, 100] {
        let (cursor, page) = sessions.snapshot(session, limit).await.unwrap();
        assert_eq!(cursor.seq, held.seq(), "{case}");
        assert_eq!(
            page,
            expected_snapshot(held, limit),
            "{case}, limit {limit}"
        );
    }
    let (mut before, mut pages) = (None, Vec::new());
    loop {
        let (cursor, page) = sessions.page(session, before, 3).await.unwrap();
        assert_eq!(cursor.seq, held.seq(), "{case}");
        assert!(
            !page.has_older || page.nodes.len() == 3,
            "{case}: a short page"
        );
        before = page.nodes.first().map(|node| node.position);
        pages.push(page.nodes);
        if !page.has_older {
            break;
        }
    }
    let all: Vec<Node> = pages.into_iter().rev().flatten().collect();
    assert_eq!(all, held.nodes(), "{case}");
    for head in sessions
        .log()
        .messages(session, u64::MAX >> 16, 100)
        .await
        .unwrap()
    {
        let node = sessions.node(session, &head).await.unwrap();
        assert!(held.nodes().contains(&node), "{case}: {node:?}");
    }
}

#[tokio::test]
async fn pages_and_snapshots_show_what_the_records_add_up_to_however_it_is_trimmed() {
    for seed in 0..30 {
        let mut chance = Chance(seed);
        let limits = SessionLimits::default();
        let sessions = Sessions::new(Arc::new(MemoryLog::new()), limits);
        let session = SessionId::parse("s").unwrap();
        let mut held = Transcript::default();
        for step in 0..120 {
            let change = change(&mut chance, &held);
            let batch = Batch {
                producer: ProducerId("p".to_owned()),
                changes: vec![change.clone()],
                lease: Duration::from_secs(60),
            };
            let appended = sessions.publish(&session, batch).await.unwrap();
            assert_eq!(appended.repeated, 0, "{change:?}");
            let seq = appended.head.seq;
            held.apply(Record { seq, change }).unwrap();
            if chance.below(6) == 0 {
                let bounds = sessions.log().bounds(&session).await.unwrap();
                let kept = (bounds.head + 1 - bounds.first) as usize;
                if kept > 0 {
                    let through = bounds.first + chance.below(kept) as u64;
                    assert!(sessions.trim(&session, bounds, through).await.unwrap());
                    let after = sessions.log().bounds(&session).await.unwrap();
                    assert_eq!((after.first, after.head), (through + 1, bounds.head));
                }
            }
            check(
                &sessions,
                &session,
                &held,
                &format!("seed {seed}, step {step}"),
            )
            .await;
        }
    }
}

#[tokio::test]
async fn a_page_ends_where_it_is_long_enough_and_a_message_is_never_cut() {
    let limits = SessionLimits {
        page_bytes_max: 2000,
        ..SessionLimits::default()
    };
    let sessions = Sessions::new(Arc::new(MemoryLog::new()), limits);
    let session = SessionId::parse("s").unwrap();
    let text = "x".repeat(1500);
    let mut changes = Vec::new();
    for number in 0..5 {
        let message = message(&format!("m{number}"), &text);
        let id = message.id.clone().unwrap();
        changes.push(Change::Started {
            message,
            run_id: None,
        });
        let status = EndStatus::Complete;
        changes.push(Change::Ended { id, status });
    }
    let batch = Batch {
        producer: ProducerId("p".to_owned()),
        changes,
        lease: Duration::from_secs(60),
    };
    sessions.publish(&session, batch).await.unwrap();
    let (mut before, mut seen) = (None, Vec::new());
    loop {
        let (_, page) = sessions.page(&session, before, 4).await.unwrap();
        assert_eq!(page.nodes.len(), 1);
        assert_eq!(page.nodes[0].message.content.text(), text);
        before = Some(page.nodes[0].position);
        seen.push(page.nodes[0].id().as_str().to_owned());
        if !page.has_older {
            break;
        }
    }
    assert_eq!(seen, ["m4", "m3", "m2", "m1", "m0"]);
}
