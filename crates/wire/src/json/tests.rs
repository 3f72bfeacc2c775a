use super::*;
use proptest::prelude::*;
use serde_json::Value;

#[test]
fn keeps_the_text_as_it_came() {
    let text = r#"{ "b":1.0,  "a":[1e3] }"#;
    let json = Json::parse(text.to_owned()).expect("valid");
    assert_eq!(json.text(), text);
    assert_eq!(serde_json::to_string(&json).expect("serialises"), text);
    let padded = Json::parse(format!(" {text}\n")).expect("valid");
    assert_eq!(padded.text(), text);
    assert!(Json::parse("{".to_owned()).is_err());
}

#[test]
fn tells_what_was_expected_and_where() {
    let cases = [
        ("", "expected a value at byte 0"),
        ("{", "expected a key at byte 1"),
        (r#"{"a" 1}"#, "expected `:` at byte 5"),
        (
            "[1 2]",
            "expected `,` or the end of the list or object at byte 3",
        ),
        ("[1,]", "expected a value at byte 3"),
        ("1 2", "expected the end at byte 2"),
        ("01", "expected the end at byte 1"),
        ("1.", "expected a digit at byte 2"),
        ("tru", "expected true at byte 3"),
        ("\"a\n\"", "expected the end of the string at byte 2"),
        (r#""\x""#, "expected an escape at byte 2"),
        (r#""\u12g4""#, "expected a hex digit at byte 5"),
    ];
    for (text, expected) in cases {
        let error = Json::parse(text.to_owned()).expect_err(text);
        assert_eq!(error.to_string(), expected, "{text}");
    }
}

#[test]
fn nesting_has_a_limit() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(Json::parse(nested(DEPTH_MAX)).is_ok());
    assert!(Json::parse(nested(DEPTH_MAX + 1)).is_err());
    assert!(Node::from_json(&nested(DEPTH_MAX)).is_ok());
    assert!(Node::from_json(&nested(DEPTH_MAX + 1)).is_err());
}

#[test]
fn half_a_surrogate_pair_is_replaced() {
    let read = |text: &str| String::from_json(text).expect(text);
    assert_eq!(read(r#""a\ud83d\ude00b""#), "a😀b");
    assert_eq!(read(r#""\ud83d""#), "\u{fffd}");
    assert_eq!(read(r#""\ude00\ud83d x""#), "\u{fffd}\u{fffd} x");
    assert_eq!(read(r#""\ud83d\ud83d\ude00""#), "\u{fffd}😀");
}

#[test]
fn the_last_of_two_equal_fields_counts() {
    let text = r#"{"a":1,"a":2}"#;
    assert_eq!(field(text, "a"), Some("2"));
    let object = Object::from_json(text).expect("reads");
    assert_eq!(object.get("a"), Some(&Node::Number("2".to_owned())));
}

#[test]
fn reads_as_far_as_it_has_come() {
    let cases = [
        (r#"{"city": "Paris"}"#, Some(r#"{"city":"Paris"}"#)),
        (r#"{"ci"#, Some("{}")),
        (r#"{"city"#, Some("{}")),
        (r#"{"city": "#, Some("{}")),
        (r#"{"city": "Par"#, Some(r#"{"city":"Par"}"#)),
        (r#"{"a": 1, "b"#, Some(r#"{"a":1}"#)),
        (r#"{"a": 12"#, Some(r#"{"a":12}"#)),
        (r#"{"a": 1."#, Some("{}")),
        (r#"{"a": tru"#, Some("{}")),
        (r#"{"a": [1, {"b": "x"#, Some(r#"{"a":[1,{"b":"x"}]}"#)),
        (r#"{"a": [1], "c": "\"#, Some(r#"{"a":[1],"c":""}"#)),
        (r#"{"a": "\u00"#, Some(r#"{"a":""}"#)),
        (r#"{"a": "é\\\"#, Some(r#"{"a":"é\\"}"#)),
        (r#"{"a": 1,"#, Some(r#"{"a":1}"#)),
        ("", None),
        ("}", None),
        (r#"{"a" x"#, None),
        ("{} {", None),
    ];
    for (text, expected) in cases {
        let node = Node::read_partial(text).map(|node| node.to_json());
        assert_eq!(node.as_deref(), expected, "{text}");
    }
}

#[test]
fn what_comes_in_pieces_leaves_room_for_what_it_is_put_into() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(Node::read_partial(&nested(PARTIAL_DEPTH_MAX)).is_some());
    assert!(Node::read_partial(&nested(PARTIAL_DEPTH_MAX + 1)).is_none());
}

#[test]
fn every_prefix_of_a_value_can_be_read() {
    let whole = r#"{"a":{"b":[1,2.5,"x\"yé😀\u00e9\ud83d\ude00",null,true]},"c":"z"}"#;
    for (end, _) in whole.char_indices().skip(1) {
        let prefix = &whole[..end];
        assert!(Node::read_partial(prefix).is_some(), "{prefix}");
    }
}

/// Any JSON value, with keys and texts that need escapes.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        // Serde's own reader rounds longer ones.
        any::<i32>().prop_map(|eighths| Value::from(f64::from(eighths) / 8.0)),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Text that is JSON, or nearly.
fn nearly_json() -> impl Strategy<Value = String> {
    let damage = (
        any::<prop::sample::Index>(),
        "[\\[\\]{}\",:0-9eE.tfn\\\\u +-]{0,2}",
    );
    (value(), prop::option::of(damage)).prop_map(|(value, damage)| {
        let mut text = serde_json::to_string_pretty(&value).expect("JSON");
        if let Some((index, replacement)) = damage {
            let starts: Vec<_> = text.char_indices().collect();
            let (at, old) = starts[index.index(starts.len())];
            text.replace_range(at..at + old.len_utf8(), &replacement);
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn accepts_what_serde_accepts(text in nearly_json()) {
        let theirs = serde_json::from_str::<&serde_json::value::RawValue>(&text);
        let ours = Json::parse(text.clone());
        prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{:?} {:?}", ours, theirs);
        prop_assert_eq!(Node::from_json(&text).is_ok(), theirs.is_ok());
        if let (Ok(ours), Ok(theirs)) = (ours, theirs) {
            prop_assert_eq!(ours.text(), theirs.get());
        }
    }

    #[test]
    fn means_what_serde_says(value in value()) {
        let text = serde_json::to_string(&value).expect("JSON");
        let node = Node::from_json(&text).expect("reads");
        prop_assert_eq!(node.to_json(), text.clone());
        let pretty = serde_json::to_string_pretty(&value).expect("JSON");
        prop_assert_eq!(&Node::from_json(&pretty).expect("reads"), &node);
        prop_assert_eq!(&serde_json::to_value(&node).expect("JSON"), &value);
        if let Value::Object(object) = &value {
            let mut seen = Vec::new();
            fields(&pretty, &mut |key, raw| {
                seen.push((key.to_owned(), serde_json::from_str::<Value>(raw).expect("JSON")));
                Ok(())
            }).expect("an object");
            let expected: Vec<_> = object.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
            prop_assert_eq!(seen, expected);
        }
    }

    #[test]
    fn texts_survive(text in any::<String>()) {
        let mut written = String::new();
        write_string(&mut written, &text);
        prop_assert_eq!(serde_json::from_str::<String>(&written).expect("a string"), text.clone());
        let theirs = serde_json::to_string(&text).expect("JSON");
        prop_assert_eq!(String::from_json(&theirs).expect("a string"), text.clone());
        prop_assert_eq!(written, theirs);
        let ascii: String = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
        prop_assert_eq!(String::from_json(&format!("\"{ascii}\"")).expect("a string"), text);
    }

    #[test]
    fn any_prefix_is_read_without_a_fault(text in nearly_json(), end in any::<prop::sample::Index>()) {
        let ends: Vec<_> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        let prefix = &text[..ends[end.index(ends.len())]];
        if let Some(node) = Node::read_partial(prefix) {
            prop_assert_eq!(Node::from_json(&node.to_json()).expect("reads"), node);
        }
    }
}
