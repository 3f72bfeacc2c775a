use proptest::prelude::*;

use super::{
    DecodeError, Decoder, EncodeError, Frame, Item, Limits, encode_frame, encode_retry, heartbeat,
};

type Decoded = Vec<Result<Item, DecodeError>>;

/// A stream and the items it holds, wherever it is cut.
fn check(input: impl AsRef<[u8]>, expected: Decoded) {
    check_with(Limits::default(), input.as_ref(), &expected);
}

fn check_with(limits: Limits, input: &[u8], expected: &Decoded) {
    let shown = String::from_utf8_lossy(input);
    assert_eq!(&decode(limits, &[input]), expected, "whole: {shown:?}");
    let bytes: Vec<&[u8]> = input.chunks(1).collect();
    assert_eq!(&decode(limits, &bytes), expected, "byte by byte: {shown:?}");
    for first in 0..=input.len() {
        let (head, tail) = input.split_at(first);
        assert_eq!(
            &decode(limits, &[head, tail]),
            expected,
            "cut at {first}: {shown:?}"
        );
    }
}

fn decode(limits: Limits, chunks: &[&[u8]]) -> Decoded {
    let mut decoder = Decoder::new(limits);
    let mut items = Vec::new();
    for chunk in chunks {
        decoder.push(chunk);
        items.extend(std::iter::from_fn(|| decoder.next_item()));
    }
    items
}

fn frame(event: &str, data: &str, id: &str) -> Result<Item, DecodeError> {
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    Ok(Item::Frame(Frame {
        event: some(event),
        data: data.to_owned(),
        id: some(id),
        retry_ms: None,
    }))
}

fn data(text: &str) -> Result<Item, DecodeError> {
    frame("", text, "")
}

fn control(id: Option<&str>, retry_ms: Option<u64>) -> Result<Item, DecodeError> {
    Ok(Item::Control {
        id: id.map(str::to_owned),
        retry_ms,
    })
}

const COMMENT: Result<Item, DecodeError> = Ok(Item::Comment);

#[test]
fn every_line_end_ends_a_line() {
    for end in ["\n", "\r", "\r\n"] {
        let input = [
            "event: values",
            "data: {}",
            "id: 7",
            "",
            ": beat",
            "",
            "data: x",
            "",
            "",
        ]
        .join(end);
        check(input, vec![frame("values", "{}", "7"), COMMENT, data("x")]);
    }
    check(
        "data: a\r\n\ndata: b\r\r\ndata: c\n\r",
        vec![data("a"), data("b"), data("c")],
    );
}

#[test]
fn a_frame_ending_in_cr_does_not_wait_for_lf() {
    let mut decoder = Decoder::new(Limits::default());
    decoder.push(b"data: x\r\r");
    assert_eq!(decoder.next_item(), Some(data("x")));
    assert!(!decoder.is_mid_frame());
    decoder.push(b"\n");
    assert!(!decoder.is_mid_frame());
    assert_eq!(decoder.next_item(), None);
    assert!(!decoder.is_mid_frame());
}

#[test]
fn utf8_may_be_cut_anywhere() {
    check(
        "event: é\ndata: aé漢🦀\nid: ü\n\n",
        vec![frame("é", "aé漢🦀", "ü")],
    );
}

#[test]
fn only_the_first_byte_order_mark_is_dropped() {
    check(
        "\u{feff}data: x\n\ndata: \u{feff}y\n\n",
        vec![data("x"), data("\u{feff}y")],
    );
    check("\n\u{feff}data: x\n\n", vec![]);
    check("\u{feff}\u{feff}data: x\n\n", vec![]);
}

#[test]
fn a_line_without_colon_is_a_field_with_empty_value() {
    check("data\n\n", vec![data("")]);
    check("data\ndata\n\n", vec![data("\n")]);
    check("event: a\nevent\ndata:x\n\n", vec![data("x")]);
    check("id\n\n", vec![control(Some(""), None)]);
}

#[test]
fn one_space_after_the_colon_is_dropped() {
    check(
        "data:x\ndata: x\ndata:  x\ndata:\tx\n\n",
        vec![data("x\nx\n x\n\tx")],
    );
    check("data : x\ndata: a:b\n\n", vec![data("a:b")]);
}

#[test]
fn a_block_without_data_dispatches_no_frame() {
    check("\n\n\n", vec![]);
    check("event: values\n\n", vec![]);
    check("id: 5\n\n", vec![control(Some("5"), None)]);
    check("retry: 300\nid: 5\n\n", vec![control(Some("5"), Some(300))]);
}

#[test]
fn an_empty_id_resets_the_cursor() {
    let reset = Item::Frame(Frame {
        event: None,
        data: "x".into(),
        id: Some(String::new()),
        retry_ms: None,
    });
    check("id: 1\nid:\ndata: x\n\n", vec![Ok(reset)]);
}

#[test]
fn an_id_with_nul_is_ignored() {
    check("id: 1\nid: a\0b\ndata: x\n\n", vec![frame("", "x", "1")]);
}

#[test]
fn retry_is_digits_and_saturates() {
    for ignored in [
        "retry: 1s\n\n",
        "retry: -1\n\n",
        "retry:\n\n",
        "retry: 1 \n\n",
        "retry:  1\n\n",
    ] {
        check(ignored, vec![]);
    }
    check("retry: 10\nretry: x\n\n", vec![control(None, Some(10))]);
    check(
        "retry: 99999999999999999999\n\n",
        vec![control(None, Some(u64::MAX))],
    );
    let slow = Item::Frame(Frame {
        event: None,
        data: "x".into(),
        id: None,
        retry_ms: Some(5),
    });
    check(
        "retry: 5\ndata: x\n\ndata: y\n\n",
        vec![Ok(slow), data("y")],
    );
}

#[test]
fn unknown_fields_and_comments_do_not_disturb_a_frame() {
    check(
        "data: a\n: beat\nfoo: bar\nDATA: z\n\u{1f980}\ndata: b\n\n:\n",
        vec![COMMENT, data("a\nb"), COMMENT],
    );
}

#[test]
fn the_last_of_event_and_id_wins() {
    check(
        "event: a\nevent: b\nid: 1\nid: 2\ndata: x\n\n",
        vec![frame("b", "x", "2")],
    );
}

#[test]
fn fields_do_not_leak_into_the_next_frame() {
    check(
        "event: a\nid: 1\ndata: x\n\ndata: y\n\n",
        vec![frame("a", "x", "1"), data("y")],
    );
    check("event: a\n\ndata: y\n\n", vec![data("y")]);
}

#[test]
fn an_unfinished_block_is_not_dispatched_and_is_noticed() {
    let cases: [(&[u8], bool); 14] = [
        (b"", false),
        (b"data: x\n\n", false),
        (b"data: x\r\n\r\n", false),
        (b"data: x\r\n\r\n: hear", false),
        (b"data: x\n\n\xEF", true),
        (b"\xEF\xBB\xBF", false),
        (b": heartbeat\r", false),
        (b"d", true),
        (b"data: x\n", true),
        (b"data\n", true),
        (b"id: 4\n", true),
        (b"id\n", true),
        (b"retry: 4\r\n", true),
        (b"data: \xFF\n", true),
    ];
    for (input, expected) in cases {
        let mut decoder = Decoder::new(Limits::default());
        for byte in input.chunks(1) {
            decoder.push(byte);
            while decoder.next_item().is_some() {}
        }
        assert_eq!(
            decoder.is_mid_frame(),
            expected,
            "{:?}",
            String::from_utf8_lossy(input)
        );
    }
}

#[test]
fn a_frame_that_is_not_utf8_is_dropped_with_its_id_and_decoding_goes_on() {
    let bad = |field, valid_up_to| Err(DecodeError::InvalidUtf8 { field, valid_up_to });
    check(
        b"data: a\n\nid: 1\ndata: ok\ndata: b\xFFc\n\ndata: d\n\n",
        vec![data("a"), bad("data", 1), data("d")],
    );
    check(b"event: \xC3\ndata: x\nid: \xFF\n\n", vec![bad("event", 0)]);
    check(
        b"id: 12\xE2\x82\n\ndata: x\n\n",
        vec![bad("id", 2), data("x")],
    );
    // A character cut in two by a line end is two bad lines, even where both halves would join.
    check(b"data: \xC3\ndata: \xA9\n\n", vec![bad("data", 0)]);
    // Bytes that nobody reads may be anything.
    check(
        b": \xFF\nfoo: \xFF\n\xFF\ndata: x\n\n",
        vec![COMMENT, data("x")],
    );
}

#[test]
fn a_line_at_the_limit_passes_and_one_over_ends_the_decoder() {
    let limits = Limits {
        line_bytes_max: 10,
        ..Limits::default()
    };
    let too_long = Err(DecodeError::LineTooLong { limit_bytes: 10 });
    check_with(limits, b"data: 6789\r\n\r\n", &vec![data("6789")]);
    check_with(
        limits,
        b"data: x\n\ndata: 6789A\n\ndata: y\n\n",
        &vec![data("x"), too_long.clone()],
    );
    check_with(limits, b":123456789A", &vec![too_long]);
}

#[test]
fn a_frame_at_the_limit_passes_and_one_over_ends_the_decoder() {
    let limits = Limits {
        frame_bytes_max: 6,
        ..Limits::default()
    };
    let too_large = Err(DecodeError::FrameTooLarge { limit_bytes: 6 });
    check_with(
        limits,
        b"event: e\nid: i\ndata: a\ndata: bc\n\n",
        &vec![frame("e", "a\nbc", "i")],
    );
    check_with(
        limits,
        b"event: e\nid: i\ndata: a\ndata: bcd\n\ndata: y\n\n",
        &vec![too_large.clone()],
    );
    // Line breaks count: a flood of empty data lines is bounded too.
    check_with(limits, "data\n".repeat(8).as_bytes(), &vec![too_large]);
}

#[test]
fn a_chunk_that_does_not_fit_is_refused_after_what_came_before_it() {
    let limits = Limits {
        buffer_bytes_max: 24,
        ..Limits::default()
    };
    let mut decoder = Decoder::new(limits);
    decoder.push(b"data: a\n\ndata: b\n\ndata:");
    decoder.push(b" c\n\n");
    decoder.push(b"data: d\n\n");
    let items: Decoded = std::iter::from_fn(|| decoder.next_item()).collect();
    assert_eq!(
        items,
        [
            data("a"),
            data("b"),
            Err(DecodeError::BufferFull { limit_bytes: 24 })
        ]
    );
    decoder.push(b"data: e\n\n");
    assert_eq!(decoder.next_item(), None, "terminated");
    assert!(!decoder.is_mid_frame());

    let mut decoder = Decoder::new(limits);
    for _ in 0..100 {
        decoder.push(b"data: a\n\ndata: b\n\ndata:");
        decoder.push(b"");
        assert_eq!(decoder.next_item(), Some(data("a")));
        assert_eq!(decoder.next_item(), Some(data("b")));
        assert_eq!(decoder.next_item(), None);
        decoder.push(b" c\n\n");
        assert_eq!(
            decoder.next_item(),
            Some(data("c")),
            "taken bytes do not count"
        );
        assert_eq!(decoder.next_item(), None);
    }
}

#[test]
fn error_codes_are_stable() {
    let codes = [
        (
            DecodeError::LineTooLong { limit_bytes: 1 },
            "sse_line_too_long",
            true,
        ),
        (
            DecodeError::FrameTooLarge { limit_bytes: 1 },
            "sse_frame_too_large",
            true,
        ),
        (
            DecodeError::BufferFull { limit_bytes: 1 },
            "sse_buffer_full",
            true,
        ),
        (
            DecodeError::InvalidUtf8 {
                field: "data",
                valid_up_to: 0,
            },
            "sse_invalid_utf8",
            false,
        ),
    ];
    for (error, code, is_terminal) in codes {
        assert_eq!(
            (error.code(), error.is_terminal()),
            (code, is_terminal),
            "{error}"
        );
    }
}

/// Bytes looked at or moved for each byte pushed. Two looks (search, move) is the bound that the
/// decoder's design gives; a decoder that starts the line again at each chunk needs thousands here.
#[test]
fn work_is_linear_in_the_bytes_pushed() {
    let one_long_line = format!("data: {}\n\n", "x".repeat(1_000_000));
    let many_lines = "data: y\n".repeat(100_000) + "\n";
    let many_frames = "event: messages\r\ndata: [1,2,3]\r\nid: 12\r\n\r\n".repeat(20_000);
    for input in [one_long_line, many_lines, many_frames] {
        for chunk_bytes in [1, 7, 4096, input.len()] {
            let mut decoder = Decoder::new(Limits::default());
            let mut frames = 0;
            for chunk in input.as_bytes().chunks(chunk_bytes) {
                decoder.push(chunk);
                while let Some(item) = decoder.next_item() {
                    frames += usize::from(matches!(item, Ok(Item::Frame(_))));
                }
            }
            assert!(frames > 0 && !decoder.is_mid_frame());
            assert!(
                decoder.work_bytes <= 2 * input.len(),
                "{} bytes of work for {} bytes in chunks of {chunk_bytes}",
                decoder.work_bytes,
                input.len(),
            );
        }
    }
}

#[test]
fn the_encoder_refuses_what_would_forge_a_line() {
    let refused = |event, id, field, character| {
        let mut out = b"kept".to_vec();
        let error = encode_frame(&mut out, event, "x", id).expect_err("forbidden");
        assert_eq!(error, EncodeError::ForbiddenCharacter { field, character });
        assert_eq!(error.code(), "sse_forbidden_character");
        assert_eq!(out, b"kept", "nothing is written on error");
    };
    refused(Some("a\nb"), None, "event", '\n');
    refused(Some("a\r"), None, "event", '\r');
    refused(None, Some("1\ndata: forged"), "id", '\n');
    refused(None, Some("\r"), "id", '\r');
    refused(None, Some("a\0"), "id", '\0');
}

#[test]
fn encoded_control_blocks_decode() {
    let mut out = Vec::new();
    encode_retry(&mut out, 1500);
    out.extend_from_slice(heartbeat());
    encode_frame(&mut out, None, "", Some("")).expect("valid");
    let empty = Item::Frame(Frame {
        event: None,
        data: String::new(),
        id: Some(String::new()),
        retry_ms: None,
    });
    check(out, vec![control(None, Some(1500)), COMMENT, Ok(empty)]);
}

fn any_frame() -> impl Strategy<Value = Frame> {
    let data = prop_oneof![
        "[ :a-c\r\n\u{e9}\u{1f980}]{0,24}",
        "\\PC{0,40}",
        any::<String>(),
    ];
    let event = proptest::option::of("[^\r\n]{1,8}");
    let id = proptest::option::of("[^\r\n\0]{0,8}");
    (event, data, id).prop_map(|(event, data, id)| Frame {
        event,
        data,
        id,
        retry_ms: None,
    })
}

/// Cuts `bytes` at each of `cuts`, taken modulo the length.
fn cut<'a>(bytes: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    at.extend([0, bytes.len()]);
    at.sort_unstable();
    at.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

proptest! {
    #[test]
    fn what_is_encoded_decodes_at_any_splits(
        frames in proptest::collection::vec(any_frame(), 0..8),
        cuts in proptest::collection::vec(any::<usize>(), 0..12),
    ) {
        let mut bytes = Vec::new();
        let mut expected = Vec::new();
        for frame in frames {
            encode_frame(&mut bytes, frame.event.as_deref(), &frame.data, frame.id.as_deref()).expect("valid");
            let data = frame.data.replace("\r\n", "\n").replace('\r', "\n");
            expected.push(Ok(Item::Frame(Frame { data, ..frame })));
        }
        prop_assert_eq!(decode(Limits::default(), &cut(&bytes, &cuts)), expected);
    }

    #[test]
    fn any_bytes_decode_alike_at_any_splits(
        bytes in proptest::collection::vec(
            prop_oneof![
                4 => proptest::sample::select(b"\r\n: \0daetvnrity0\xEF\xBB\xBF\xC3\xA9".to_vec()),
                1 => any::<u8>(),
            ],
            0..200,
        ),
        cuts in proptest::collection::vec(any::<usize>(), 0..12),
    ) {
        let limits = Limits { line_bytes_max: 60, frame_bytes_max: 40, ..Limits::default() };
        prop_assert_eq!(decode(limits, &cut(&bytes, &cuts)), decode(limits, &[&bytes]));
    }

    #[test]
    fn any_field_lines_decode_alike_at_any_splits(
        lines in proptest::collection::vec(
            (
                proptest::sample::select(vec!["data", "event", "id", "retry", "", "x", ":"]),
                proptest::sample::select(vec!["", ":", ": 12", ":a", ": \u{e9}:"]),
                proptest::sample::select(vec!["\n", "\r", "\r\n", "\n\n", "\r\n\r\n", "\r\r"]),
            ),
            0..40,
        ),
        cuts in proptest::collection::vec(any::<usize>(), 0..12),
    ) {
        let text: String = lines.into_iter().map(|(name, value, end)| [name, value, end].concat()).collect();
        let bytes = text.as_bytes();
        prop_assert_eq!(
            decode(Limits::default(), &cut(bytes, &cuts)),
            decode(Limits::default(), &[bytes])
        );
    }
}
