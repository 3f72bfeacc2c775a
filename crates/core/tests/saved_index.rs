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

/// The names that it has, of those that the tests use.
fn names(index: &SavedIndex) -> String {
    ["a", "b", "c", "d", "e"]
        .into_iter()
        .filter(|name| index.has(name))
        .collect()
}

#[test]
fn what_was_used_longest_ago_goes_first() {
    let mut index = SavedIndex::default();
    let bounds = bounds(3, 1_000);
    for name in ["a", "b", "c"] {
        index.saved(name, 10, &bounds);
    }
    assert_eq!(names(&index), "abc");
    assert!(index.used("a", 10));
    assert!(!index.used("a", 10), "it is the last one already");
    index.saved("d", 10, &bounds);
    assert_eq!(names(&index), "acd");
    index.removed("c");
    index.saved("e", 10, &bounds);
    assert_eq!(names(&index), "ade");
    index.saved("d", 995, &bounds);
    assert_eq!(names(&index), "d");
}

#[test]
fn one_that_was_stored_without_it_is_in_it_once_it_was_read() {
    let mut index = SavedIndex::default();
    index.saved("a", 10, &bounds(3, 1_000));
    assert!(index.used("b", 500));
    assert!(index.used("b", 600), "it has grown");
    index.saved("c", 395, &bounds(3, 1_000));
    assert_eq!(names(&index), "bc");
}

#[test]
fn one_that_is_saved_again_counts_once() {
    let mut index = SavedIndex::default();
    for _ in 0..10 {
        index.saved("a", 600, &bounds(3, 1_000));
        assert_eq!(names(&index), "a");
    }
}

#[test]
fn bounds_of_nothing_leave_nothing() {
    let mut index = SavedIndex::default();
    index.saved("a", 1, &bounds(0, 1_000));
    assert_eq!(names(&index), "");
    index.saved("a", 1, &bounds(3, 0));
    assert_eq!(names(&index), "");
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
    index.saved("c", 1, &Cache::default());
    assert_eq!(names(&index), "c");
}
