//! A leader and a tab that follows it, message by message.

#![allow(clippy::unwrap_used)] // A panic is how a test fails.

use rejoin_core::{
    Millis,
    tabs::{Body, Effect, Input, Kind, Message, Own, SharedStream},
};

/// A frame of 1 KiB, so that a ring of 1 MiB holds about a thousand.
fn frame(number: usize) -> Vec<u8> {
    let padding = "x".repeat(1024);
    format!("event: messages\nid: {number}\ndata: {padding}\n\n").into_bytes()
}

fn frames(numbers: std::ops::Range<usize>) -> Vec<u8> {
    numbers.flat_map(frame).collect()
}

/// A tab, and what its client has been given.
struct Tab {
    stream: SharedStream,
    client: Vec<u8>,
    fetches: Vec<Option<String>>,
    drops: usize,
}

impl Tab {
    fn new(me: u64) -> Self {
        let start = "-1".to_owned();
        Self {
            stream: SharedStream::joined(Millis(0), Kind::Run, me, start, None),
            client: Vec::new(),
            fetches: Vec::new(),
            drops: 0,
        }
    }

    fn handle(&mut self, now: u64, input: Input) -> Vec<Message> {
        self.stream.handle(Millis(now), input);
        self.carry_out()
    }

    /// The tab's own connection brings bytes.
    fn receives(&mut self, bytes: &[u8]) -> Vec<Message> {
        let passes = self.stream.own(Own::Bytes(bytes));
        if passes {
            self.client.extend_from_slice(bytes);
        }
        self.carry_out()
    }

    fn carry_out(&mut self) -> Vec<Message> {
        let mut said = Vec::new();
        while let Some(effect) = self.stream.poll_effect() {
            match effect {
                Effect::Post(message) => said.push(message),
                Effect::Feed(bytes) => self.client.extend(bytes),
                Effect::Fetch { cursor } => self.fetches.push(cursor),
                Effect::DropFetch => self.drops += 1,
                Effect::Lock { .. } | Effect::Open => {}
                Effect::End | Effect::Close => panic!("nothing ends: {effect:?}"),
            }
        }
        said
    }

    /// Hears what another tab has said.
    fn hears(&mut self, now: u64, messages: Vec<Message>) -> Vec<Message> {
        let messages = messages.into_iter();
        messages
            .flat_map(|message| self.handle(now, Input::Heard(message)))
            .collect()
    }
}

#[test]
fn where_the_ring_does_not_reach_back_a_tab_catches_up_with_one_request_and_follows() {
    let (mut leader, mut tab) = (Tab::new(1), Tab::new(2));
    leader.handle(0, Input::Locked);
    leader.stream.own(Own::Headers { is_stream: true });
    leader.receives(&frames(0..2_000));

    // It asks from the start, of which the ring holds only the last half.
    let question = tab.carry_out();
    let answer = leader.hears(10, question);
    assert!(matches!(
        answer[..],
        [Message {
            body: Body::Beyond { to: 2, .. },
            ..
        }]
    ));
    tab.hears(20, answer);
    assert_eq!(tab.fetches, [None], "its own request, from where it is");
    tab.stream.own(Own::Headers { is_stream: true });
    tab.receives(&frames(0..500));

    // Not far enough yet: it goes on with its own connection, and nothing that came meanwhile is kept back for long.
    let question = tab.handle(270, Input::DeadlineReached);
    tab.receives(&frames(500..1_500));
    let answer = leader.hears(280, question);
    tab.hears(290, answer);
    assert_eq!(tab.client, frames(0..1_500));
    assert_eq!(tab.drops, 0);

    // Far enough: the leader goes on from its place, and its own connection is not needed any more.
    let question = tab.handle(1_000, Input::DeadlineReached);
    assert!(matches!(
        question[..],
        [Message {
            body: Body::Ask { .. },
            ..
        }]
    ));
    tab.receives(&frames(1_500..1_600));
    let answer = leader.hears(1_010, question);
    tab.hears(1_020, answer);
    assert_eq!((tab.fetches.len(), tab.drops), (1, 1));

    let piece = leader.receives(&frame(2_000));
    tab.hears(1_030, piece);
    // The frames of one id more are given, which every client drops by their ids.
    let all = frames(0..2_001);
    assert!(
        tab.client.starts_with(&frames(0..1_500)) && tab.client.ends_with(&frames(1_500..2_001))
    );
    assert!(tab.client.len() <= all.len() + frame(1_499).len());
    assert_eq!(leader.fetches.len(), 1);
}
