//! `docs/sessions.md` names a test for each promise: each is there.

#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The tests that the last column of a row names, each with the file it is said to be in.
fn named_tests(page: &str) -> Vec<(String, String)> {
    let promises = page.split_once("\n## Promises\n").unwrap().1;
    let promises = promises.split("\n## ").next().unwrap();
    let rows = promises
        .lines()
        .filter(|line| line.starts_with("| "))
        .skip(2);
    let mut named = Vec::new();
    for row in rows {
        let tests = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        let before = named.len();
        let mut file = String::new();
        for text in tests.split('`').skip(1).step_by(2) {
            if text.contains('/') {
                text.clone_into(&mut file);
            } else {
                named.push((file.clone(), text.to_owned()));
            }
        }
        assert!(named.len() > before, "no test: {row}");
    }
    named
}

#[test]
fn each_promise_of_the_sessions_page_is_held_by_a_test_that_exists() {
    let page = fs::read_to_string(root().join("docs/sessions.md")).unwrap();
    let named = named_tests(&page);
    assert!(named.len() > 40, "{}", named.len());
    for (file, name) in named {
        assert!(!file.is_empty(), "{name}: which file?");
        let places = [root().join("crates").join(&file), root().join(&file)];
        let text = places
            .iter()
            .find_map(|place| fs::read_to_string(place).ok());
        let text = text.unwrap_or_else(|| panic!("no file {file}"));
        let is_there = if name.contains(' ') {
            // JavaScript: the name is a text.
            ['"', '\'', '`']
                .iter()
                .any(|quote| text.contains(&format!("{quote}{name}{quote}")))
        } else {
            is_test(&text, &name)
        };
        assert!(is_there, "{file} has no test {name}");
    }
}

/// Whether a function of this name is marked as a test.
fn is_test(text: &str, name: &str) -> bool {
    text.match_indices(&format!("fn {name}(")).any(|(at, _)| {
        let before = text[..at].trim_end().trim_end_matches("async").trim_end();
        // Other attributes may stand between.
        let line = before.rsplit('\n').take_while(|line| {
            line.trim_start().starts_with('#') || line.trim_start().starts_with("//")
        });
        line.into_iter().any(|line| line.contains("test"))
    })
}

#[test]
fn each_code_of_a_denial_is_in_the_documents_of_the_client_and_of_the_server() {
    let client = fs::read_to_string(root().join("docs/errors.md")).unwrap();
    let server = fs::read_to_string(root().join("crates/server/README.md")).unwrap();
    for code in [
        "token_missing",
        "token_invalid",
        "token_expired",
        "session_not_allowed",
        "capability_missing",
    ] {
        let code = format!("`{code}`");
        assert!(client.contains(&code) && server.contains(&code), "{code}");
    }
}
