//! What goes when there is no room for another saved thread.

#![allow(clippy::expect_used)] // A panic is how a test fails.

use rejoin_core::{Cache, SavedIndex};

fn bounds(threads_max: usize, bytes_max: usize) -> Cache {
    Cache {
        threads_max,
        bytes_max,
        ..Cache::default()
    }
}

#[test]
fn what_was_used_longest_ago_goes_first() {
    let mut index = SavedIndex::default();
    let bounds = bounds(3, 1_000);
    for name in ["a", "b", "c"] {
        assert!(index.saved(name, 10, &bounds).is_empty());
    }
    assert!(index.used("a"));
    assert!(!index.used("a"), "it is the last one already");
    assert!(!index.used("nobody's"));
    assert_eq!(index.saved("d", 10, &bounds), ["b"]);
    index.removed("c");
    assert!(index.saved("e", 10, &bounds).is_empty());
    assert_eq!(index.saved("d", 995, &bounds), ["a", "e"]);
}

#[test]
fn one_that_is_saved_again_counts_once() {
    let mut index = SavedIndex::default();
    for _ in 0..10 {
        assert!(index.saved("a", 600, &bounds(3, 1_000)).is_empty());
    }
}

#[test]
fn bounds_of_nothing_leave_nothing() {
    let mut index = SavedIndex::default();
    assert_eq!(index.saved("a", 1, &bounds(0, 1_000)), ["a"]);
    assert_eq!(index.saved("a", 1, &bounds(3, 0)), ["a"]);
}

#[test]
fn it_reads_what_it_has_written_and_nothing_else() {
    let mut index = SavedIndex::default();
    index.saved("a \"b\"", 10, &Cache::default());
    index.saved("c", 20, &Cache::default());
    assert_eq!(SavedIndex::read(&index.written()), Some(index));
    for text in [
        "",
        "null",
        "{}",
        "[7]",
        r#"[{"name":"a"}]"#,
        r#"[{"name":1,"bytes":1}]"#,
    ] {
        assert_eq!(SavedIndex::read(text), None, "{text}");
    }
    let huge =
        r#"[{"name":"a","bytes":18446744073709551615},{"name":"b","bytes":18446744073709551615}]"#;
    let mut index = SavedIndex::read(huge).expect("numbers that fit");
    assert_eq!(index.saved("c", 1, &Cache::default()), ["a", "b"]);
}
