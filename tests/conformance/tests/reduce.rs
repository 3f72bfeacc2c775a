//! A recorded run reduces to the same state wherever its bytes are cut, and wherever its connection is lost.

use rejoin_conformance::{Ending, How, Recording, Script, Seed, Shown, play, recordings};

fn whole(recording: &Recording) -> Ending {
    play(
        recording,
        &Script {
            chunks: Some(vec![&recording.body]),
            ..Script::default()
        },
    )
}

fn whole_runs() -> Vec<Recording> {
    recordings()
        .into_iter()
        .filter(|recording| recording.is_whole)
        .collect()
}

#[track_caller]
fn assert_same(case: &str, got: &Shown, expected: &Shown) {
    assert_eq!(got.error, expected.error, "{case}: error");
    assert_eq!(got.interrupts, expected.interrupts, "{case}: interrupts");
    assert_eq!(got.values, expected.values, "{case}: values");
    for (got, expected) in got.messages.iter().zip(&expected.messages) {
        assert_eq!(got, expected, "{case}: message");
    }
    assert_eq!(
        got.messages.len(),
        expected.messages.len(),
        "{case}: messages"
    );
}

#[track_caller]
fn assert_alike(case: &str, got: &Ending, expected: &Ending) {
    assert_same(
        &format!("{case}, streamed"),
        &got.streamed,
        &expected.streamed,
    );
    assert_same(&format!("{case}, settled"), &got.settled, &expected.settled);
    assert_eq!(got.connection, expected.connection, "{case}");
    assert_eq!(
        got.events, expected.events,
        "{case}: events told to listeners"
    );
    assert_eq!(got.warnings, expected.warnings, "{case}");
    assert_eq!(got.shrunk, expected.shrunk, "{case}: shown text shrank");
}

#[test]
fn there_are_runs_of_both_servers_and_all_of_them_show_something() {
    let recordings = whole_runs();
    for python in [true, false] {
        assert!(recordings.iter().filter(|r| r.is_python == python).count() > 40);
    }
    let mut with_text = 0;
    for recording in &recordings {
        let ending = whole(recording);
        assert_eq!(
            ending.joins.len(),
            usize::from(recording.is_join),
            "{}",
            recording.name
        );
        let expected = match (recording.error.as_deref(), recording.is_join) {
            // A join whose run is deleted under it.
            (Some("\"Run not found\""), true) => "expired",
            (Some(_), _) => "failed",
            (None, true) => "replayed",
            (None, false) => "finished",
        };
        assert_eq!(ending.outcome.as_str(), expected, "{}", recording.name);
        assert_eq!(ending.warnings, [""; 0], "{}", recording.name);
        assert_eq!(ending.shrunk, [""; 0], "{}", recording.name);
        with_text += usize::from(!ending.streamed.messages.is_empty());
    }
    assert!(
        with_text * 10 > recordings.len() * 7,
        "{with_text} of {}",
        recordings.len()
    );
}

#[test]
fn every_cut_into_chunks_reduces_alike() {
    /// Up to this size each cut into two is played by itself.
    const EACH_CUT_BYTES_MAX: usize = 1500;
    /// Chunks of this size, begun at each offset, put a cut at every byte of a larger body.
    const STRIDE_BYTES: usize = 24;
    let recordings = recordings();
    let parts = recordings
        .iter()
        .filter(|recording| !recording.is_whole)
        .count();
    assert!(parts > 20, "joins from the middle: {parts}");
    for recording in recordings {
        let body = &recording.body[..];
        let expected = whole(&recording);
        let check = |case: String, chunks: Vec<&[u8]>| {
            let ending = play(
                &recording,
                &Script {
                    chunks: Some(chunks),
                    ..Script::default()
                },
            );
            assert_alike(&format!("{}: {case}", recording.name), &ending, &expected);
        };
        if body.len() <= EACH_CUT_BYTES_MAX {
            for cut in 0..body.len() {
                let (head, tail) = body.split_at(cut);
                check(format!("cut at {cut}"), vec![head, tail]);
            }
        }
        for offset in 0..STRIDE_BYTES.min(body.len()) {
            let (head, tail) = body.split_at(offset);
            let chunks = std::iter::once(head)
                .chain(tail.chunks(STRIDE_BYTES))
                .collect();
            check(format!("every {STRIDE_BYTES} bytes from {offset}"), chunks);
        }
        check("byte by byte".to_owned(), body.chunks(1).collect());
        for seed in 1..=4 {
            check(format!("seed {seed}"), Seed::new(seed).chunks(body, 2000));
        }
    }
}

#[test]
fn lost_and_resumed_at_every_frame_of_a_python_run_reduces_alike() {
    check_every_frame(true, false);
}

#[test]
fn lost_and_resumed_at_every_frame_of_a_js_run_reduces_alike() {
    check_every_frame(false, false);
}

#[test]
fn lost_and_resumed_with_events_sent_twice_reduces_alike() {
    check_every_frame(true, true);
}

fn check_every_frame(python: bool, repeats: bool) {
    for recorded in whole_runs().into_iter().filter(|r| r.is_python == python) {
        let recording = recorded.made_resumable().unwrap_or(recorded);
        let expected = whole(&recording);
        // The longest runs have hundreds of frames alike; there the second pass takes every fifth.
        let step = if repeats && recording.blocks.len() > 60 {
            5
        } else {
            1
        };
        for (frame, block) in recording.blocks.iter().enumerate().step_by(step) {
            let middle = block.start + block.len() / 2;
            // Alternating keeps the number of plays down; each frame is lost in both ways and at both places.
            for (end, how) in [(block.end, How::Reset), (middle, How::End)] {
                let how = match (frame % 2, how) {
                    (0, how) => how,
                    (_, How::Reset) => How::End,
                    (_, How::End) => How::Reset,
                };
                let case = format!(
                    "{}: {how:?} at byte {end}, in frame {frame}",
                    recording.name
                );
                let script = Script {
                    chunks: Some(vec![&recording.body[..end]]),
                    lost: Some(how),
                    repeats,
                    reads_all: false,
                };
                check_resumed(&case, &play(&recording, &script), &expected);
            }
        }
        let lost_early = [None, Some(vec![])];
        for chunks in lost_early {
            let case = format!("{}: lost with {chunks:?}", recording.name);
            let script = Script {
                chunks,
                lost: Some(How::Reset),
                repeats,
                reads_all: false,
            };
            check_resumed(&case, &play(&recording, &script), &expected);
        }
    }
}

fn check_resumed(case: &str, got: &Ending, expected: &Ending) {
    let mut expected = expected.clone();
    if expected.outcome.as_str() == "failed" && !got.events.iter().any(|(name, _)| name == "error")
    {
        // Python does not replay errors; the client has it from the thread.
        expected.events.retain(|(name, _)| name != "error");
        expected.streamed.error = None;
    }
    assert_alike(case, got, &expected);
    match expected.outcome.as_str() {
        // Nothing was lost, and the client knows it. After an error event no join is needed.
        "finished" | "replayed" => {
            assert_eq!(got.outcome.as_str(), "replayed", "{case}");
            assert_eq!(got.joins.len(), expected.joins.len() + 1, "{case}");
        }
        _ => assert_eq!(got.outcome, expected.outcome, "{case}"),
    }
}

#[test]
fn lost_without_resumption_settles_on_the_threads_state() {
    let mut played = 0;
    for recording in whole_runs().into_iter().filter(|r| !r.is_resumable()) {
        let expected = whole(&recording);
        if recording.last_values.is_none() || recording.error.is_some() {
            // Without values the state is made from what was streamed, and an incomplete stream is not the truth.
            continue;
        }
        for block in &recording.blocks {
            let script = Script {
                chunks: Some(vec![&recording.body[..block.end]]),
                lost: Some(How::Reset),
                repeats: false,
                reads_all: false,
            };
            let got = play(&recording, &script);
            let case = format!("{}: lost at byte {}", recording.name, block.end);
            assert_eq!(got.settled.messages, expected.settled.messages, "{case}");
            assert_eq!(got.settled.values, expected.settled.values, "{case}");
            assert_eq!(got.connection, expected.connection, "{case}");
            played += 1;
        }
    }
    assert!(played > 100, "{played}");
}

#[test]
fn what_is_not_read_as_it_only_makes_a_message_grow_would_have_done_the_same() {
    for recording in whole_runs() {
        let mut seed = Seed::new(recording.body.len() as u64);
        let step = 1 + recording.blocks.len() / 12;
        for block in recording.blocks.iter().step_by(step) {
            for (lost, repeats) in [
                (None, false),
                (Some(How::Reset), false),
                (Some(How::End), true),
            ] {
                let repeats = repeats && recording.is_python;
                let end = if lost.is_none() {
                    recording.body.len()
                } else {
                    block.end
                };
                let script = Script {
                    chunks: Some(seed.chunks(&recording.body[..end], 4_000)),
                    lost,
                    repeats,
                    reads_all: false,
                };
                if lost.is_none() && block.start > 0 {
                    continue;
                }
                let grows = play(&recording, &script);
                let mut reads = play(
                    &recording,
                    &Script {
                        reads_all: true,
                        ..script
                    },
                );
                let case = format!("{}: {lost:?} at byte {end}", recording.name);
                reads.events.retain(|(name, _)| name != "messages");
                assert_alike(&case, &grows, &reads);
                assert_eq!(
                    (grows.outcome, grows.joins),
                    (reads.outcome, reads.joins),
                    "{case}"
                );
            }
        }
    }
}
