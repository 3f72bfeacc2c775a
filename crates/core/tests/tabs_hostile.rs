//! Shared streams under hostile conditions: messages in any order, forged numbers, late timers.

#![allow(clippy::unwrap_used)] // A panic is how a test fails.

use rejoin_core::{
    Millis,
    tabs::{Body, Effect, Input, Kind, Message, Own, SharedStream},
};

fn effects(stream: &mut SharedStream) -> Vec<Effect> {
    std::iter::from_fn(|| stream.poll_effect()).collect()
}

fn heard(from: u64, body: Body) -> Input {
    Input::Heard(Message { from, body })
}

fn joined(me: u64) -> SharedStream {
    SharedStream::joined(Millis(0), Kind::Run, me, "-1".to_owned(), None)
}

fn given(number: u64, to: u64, next: u64, text: &str) -> Body {
    Body::Give {
        to,
        number,
        next,
        bytes: text.as_bytes().to_vec(),
    }
}

const FRAME: &str = "event: values\nid: 1\ndata: {}\n\n";

#[test]
fn the_largest_number_is_a_number() {
    let mut stream = joined(7);
    effects(&mut stream);
    stream.handle(Millis(1), heard(9, given(1, 7, u64::MAX, FRAME)));
    let number = u64::MAX;
    let bytes = b"event: values\nid: 2\ndata: {}\n\n".to_vec();
    stream.handle(Millis(2), heard(9, Body::Piece { number, bytes }));
    effects(&mut stream);
}

struct Chance(u64);

impl Chance {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % n
    }
}

/// No input brings more than a few orders. Numbers are small, as the largest is tested above.
#[test]
fn anything_may_be_said_in_any_order() {
    for seed in 0..60_000_u64 {
        let mut chance = Chance(seed.wrapping_mul(77) + 5);
        let kind = if chance.below(2) == 0 {
            Kind::Run
        } else {
            Kind::Feed
        };
        let mut stream = match chance.below(4) {
            0 => SharedStream::begun(7),
            1 => SharedStream::joined(Millis(0), kind, 7, "-1".to_owned(), Some(8)),
            _ => SharedStream::joined(Millis(0), kind, 7, String::new(), None),
        };
        let mut now = 0;
        let mut asked = 1;
        for _ in 0..60 {
            now += [0, 1, 100, 300, 1_500, 70_000][usize::try_from(chance.below(6)).unwrap()];
            let from = 7 + chance.below(4);
            let number = match chance.below(3) {
                0 => asked,
                _ => chance.below(6),
            };
            let pieces: [&[u8]; 8] = [
                b"",
                b"id: 1\ndata: a\n\n",
                b"id: 2\ndata: b\n\nid: 2\ndata: c\n\n",
                b"data: half",
                b"\r",
                b"\n\n\n",
                b"id: \xff\xfe\n\n:\n\n",
                b"id: 3\r\n\r\nid",
            ];
            let bytes = pieces[usize::try_from(chance.below(8)).unwrap()];
            let next = chance.below(4);
            let to = 7;
            let body = match chance.below(9) {
                0 => Body::Ask {
                    number,
                    cursor: ["-1", "1", "2", ""][usize::try_from(next).unwrap()].to_owned(),
                    from_start: chance.below(2) == 0,
                },
                1 => Body::Ping,
                2 => Body::Lead { next },
                3 | 4 => Body::Give {
                    to,
                    number,
                    next,
                    bytes: bytes.to_vec(),
                },
                5 => Body::Beyond { to, number },
                6 => Body::Piece {
                    number: next,
                    bytes: bytes.to_vec(),
                },
                7 => Body::End,
                _ => Body::Begun,
            };
            match chance.below(16) {
                0 => stream.handle(Millis(now), Input::Named),
                1 => stream.handle(Millis(now), Input::Locked),
                2 if chance.below(4) == 0 => stream.handle(Millis(now), Input::LockLost),
                3 if chance.below(8) == 0 => stream.handle(Millis(now), Input::Frozen),
                4 | 5 => stream.handle(Millis(now), Input::DeadlineReached),
                6 => drop(stream.own(Own::Headers {
                    is_stream: chance.below(5) > 0,
                })),
                7..=9 => drop(stream.own(Own::Bytes(bytes))),
                10 if chance.below(8) == 0 => drop(stream.own(Own::Ended)),
                11 if chance.below(8) == 0 => drop(stream.own(Own::Failed)),
                12 if chance.below(8) == 0 => drop(stream.own(Own::Other)),
                _ => stream.handle(Millis(now), heard(from, body)),
            }
            let ordered = effects(&mut stream);
            assert!(ordered.len() < 80, "seed {seed}: {}", ordered.len());
            for effect in ordered {
                if let Effect::Post(Message {
                    body: Body::Ask { number, .. },
                    ..
                }) = effect
                {
                    asked = number;
                }
            }
            // A deadline that is reached is not due again at once for ever.
            for turn in 0.. {
                assert!(turn < 5, "seed {seed}: a deadline is not met");
                if stream.deadline().is_none_or(|at| at.0 > now) {
                    break;
                }
                stream.handle(Millis(now), Input::DeadlineReached);
                effects(&mut stream);
            }
        }
    }
}

/// A tab that catches up, and holds back what comes while it waits for the leader's answer.
fn holding_back() -> SharedStream {
    let mut stream = SharedStream::begun(7);
    effects(&mut stream);
    stream.own(Own::Headers { is_stream: true });
    stream.own(Own::Bytes(FRAME.as_bytes()));
    stream.handle(Millis(10), Input::Named);
    stream.handle(Millis(260), Input::DeadlineReached);
    effects(&mut stream);
    stream
}

#[test]
fn what_is_held_back_while_timers_are_late_is_given_in_the_end() {
    let mut stream = holding_back();
    // A hidden page's timers come once a minute; its connection does not wait.
    for n in 2..60 {
        let text = format!("event: values\nid: {n}\ndata: {{}}\n\n");
        stream.own(Own::Bytes(text.as_bytes()));
    }
    stream.handle(Millis(60_260), Input::DeadlineReached);
    let fed: usize = effects(&mut stream)
        .into_iter()
        .map(|effect| match effect {
            Effect::Feed(bytes) => bytes.len(),
            _ => 0,
        })
        .sum();
    assert!(fed > 1_000);
}

/// No more is held back than a leader would give.
#[test]
fn a_fast_connection_is_not_held_back_without_end() {
    let mut stream = holding_back();
    let text = format!("event: values\nid: 2\ndata: {}\n\n", "x".repeat(1024));
    let (mut sent, mut passed) = (0, 0);
    for _ in 0..4 * 1024 {
        sent += text.len();
        if stream.own(Own::Bytes(text.as_bytes())) {
            passed += text.len();
        }
        let fed = effects(&mut stream).into_iter().map(|effect| match effect {
            Effect::Feed(bytes) => bytes.len(),
            _ => 0,
        });
        passed += fed.sum::<usize>();
        assert!(
            sent - passed <= 1024 * 1024 + text.len(),
            "{passed} of {sent}"
        );
    }
    assert_eq!(passed, sent);
}

/// One of them has lost the lock and does not know it yet; neither has its headers, so each answers a question with a sign of life.
#[test]
fn two_leaders_are_not_asked_again_and_again() {
    let mut stream = joined(7);
    let mut questions = 0;
    for round in 0..100 {
        for from in [8, 9] {
            stream.handle(Millis(round), heard(from, Body::Lead { next: 0 }));
        }
        questions += effects(&mut stream)
            .iter()
            .filter(|effect| {
                matches!(
                    effect,
                    Effect::Post(Message {
                        body: Body::Ask { .. },
                        ..
                    })
                )
            })
            .count();
    }
    assert_eq!(questions, 3, "at first, and once for each leader");
}
