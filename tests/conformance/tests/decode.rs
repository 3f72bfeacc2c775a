//! A recorded stream decodes to the same items wherever its bytes are cut.

use rejoin_conformance::{Seed, Transcript, block_ends, decode, frames, parse, transcripts};
use rejoin_wire::sse::{Decoder, Item, Limits};

/// Bodies up to this size are decoded whole for every cut; larger ones block by block.
const WHOLE_BODY_BYTES_MAX: usize = 4 * 1024;

/// Every stream of one server, with the name to blame, each distinct body once.
fn bodies(python: bool) -> Vec<(String, Vec<u8>)> {
    let mut seen = std::collections::HashSet::new();
    let mut bodies = Vec::new();
    for transcript in transcripts()
        .into_iter()
        .filter(|t| t.is_python() == python)
    {
        for exchange in transcript.exchanges {
            let body = exchange.response.body.clone();
            if exchange.response.is_event_stream() && seen.insert(body.clone()) {
                bodies.push((format!("{}: {}", transcript.file, exchange.title), body));
            }
        }
    }
    assert!(bodies.len() > 40, "only {} streams", bodies.len());
    bodies
}

#[test]
fn every_cut_of_a_python_stream_decodes_alike() {
    check_every_cut(true);
}

#[test]
fn every_cut_of_a_js_stream_decodes_alike() {
    check_every_cut(false);
}

fn check_every_cut(python: bool) {
    for (name, body) in bodies(python) {
        let expected = decode([&body[..]]);
        assert!(expected.iter().all(Result::is_ok), "{name}: {expected:?}");
        let mut at = 0;
        let mut blocks = Vec::new();
        for end in block_ends(&body) {
            blocks.push(at..end);
            at = end;
        }
        blocks.push(at..body.len());
        // Between two blocks the decoder remembers nothing but the CR of a CRLF, so the cuts of a body are the
        // cuts of its blocks. That claim itself is checked: here on the whole, below by decoding whole bodies.
        let pieces: Vec<_> = blocks
            .iter()
            .flat_map(|block| decode([&body[block.clone()]]))
            .collect();
        assert_eq!(pieces, expected, "{name}: block by block");
        for block in blocks {
            let block = &body[block];
            let expected = decode([block]);
            for cut in 0..=block.len() {
                let (head, tail) = block.split_at(cut);
                assert_eq!(
                    decode([head, tail]),
                    expected,
                    "{name}: cut at {cut} of {block:?}"
                );
            }
        }
        if body.len() <= WHOLE_BODY_BYTES_MAX {
            for cut in 0..=body.len() {
                let (head, tail) = body.split_at(cut);
                assert_eq!(decode([head, tail]), expected, "{name}: cut at {cut}");
            }
        }
    }
}

#[test]
fn any_cuts_of_a_python_stream_decode_alike() {
    check_sampled_cuts(true);
}

#[test]
fn any_cuts_of_a_js_stream_decode_alike() {
    check_sampled_cuts(false);
}

fn check_sampled_cuts(python: bool) {
    for (name, body) in bodies(python) {
        let expected = decode([&body[..]]);
        assert_eq!(decode(body.chunks(1)), expected, "{name}: byte by byte");
        for cut in block_ends(&body)
            .into_iter()
            .filter(|_| body.len() < 64 * 1024)
        {
            let (head, tail) = body.split_at(cut);
            assert_eq!(decode([head, tail]), expected, "{name}: cut at {cut}");
        }
        for (seed, chunk_bytes_max) in [(1, 3), (2, 17), (3, 200), (4, 1500), (5, 16_384)] {
            let chunks = Seed::new(seed).chunks(&body, chunk_bytes_max);
            assert_eq!(
                decode(chunks),
                expected,
                "{name}: seed {seed}, up to {chunk_bytes_max}"
            );
        }
    }
}

#[test]
fn line_ends_do_not_matter() {
    for (name, body) in bodies(true) {
        let text = String::from_utf8(body).expect("recorded text");
        let line_feeds = text.replace("\r\n", "\n");
        let expected = decode([text.as_bytes()]);
        assert_eq!(decode([line_feeds.as_bytes()]), expected, "{name}: LF");
        let returns = line_feeds.replace('\n', "\r");
        assert_eq!(decode([returns.as_bytes()]), expected, "{name}: CR");
    }
}

#[test]
fn no_recorded_stream_ends_inside_a_frame_and_heartbeats_are_seen() {
    let mut comments = 0;
    for (name, body) in bodies(true).into_iter().chain(bodies(false)) {
        let mut decoder = Decoder::new(Limits::default());
        decoder.push(&body);
        while let Some(item) = decoder.next_item() {
            comments += usize::from(matches!(item, Ok(Item::Comment)));
        }
        assert!(!decoder.is_mid_frame(), "{name}");
    }
    assert!(comments > 0, "the Python server's heartbeats");
}

#[test]
fn a_stream_cut_inside_a_frame_says_so_and_gives_the_frames_before() {
    let all = transcripts();
    let boom = all
        .iter()
        .find(|t| t.file == "boom.js.http")
        .expect("a fixture");
    let body = &boom.exchanges[0].response.body;
    let whole = frames(body);
    let ends = block_ends(body);
    for cut in 0..body.len() {
        let mut decoder = Decoder::new(Limits::default());
        decoder.push(&body[..cut]);
        let got: Vec<_> = std::iter::from_fn(|| decoder.next_item()).collect();
        let complete = ends.iter().filter(|end| **end <= cut).count();
        assert_eq!(got.len(), complete, "cut at {cut}");
        assert!(
            got.iter()
                .zip(&whole)
                .all(|(item, frame)| item == &Ok(Item::Frame(frame.clone())))
        );
        let at_end = cut == 0 || ends.contains(&cut);
        assert_eq!(decoder.is_mid_frame(), !at_end, "cut at {cut}");
    }
}

#[test]
fn the_loader_refuses_what_is_not_a_transcript() {
    let refuse = |text: &str, why: &str| {
        let parsed = parse("x.http", text.as_bytes()).map(|t: Transcript| t.exchanges.len());
        let error = parsed.expect_err("not a transcript");
        assert!(error.contains(why), "{error}");
    };
    refuse("GET / HTTP/1.1\n", "does not begin");
    refuse("##### t\nGET / HTTP/1.1\n\n\n", "no response");
    refuse(
        "##### t\nGET / HTTP/1.1\n\n\nHTTP/1.1 ok\n\n\n{}\n\n",
        "status line",
    );
    refuse(
        "##### t\nGET / HTTP/1.1\n\n\nHTTP/1.1 200 OK\ncontent-length: 3\n\n\n{}\n\n",
        "2 bytes, not 3",
    );
    refuse(
        "##### t\nGET / HTTP/1.1\n\n\nHTTP/1.1 200 OK\n\n\n{}",
        "two LF",
    );
    refuse("##### t\nHTTP/1.1 200 OK\r\n\r\n3\r\nab", "a chunk is cut");
}
