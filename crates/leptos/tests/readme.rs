//! The README shows the examples, and CI builds them.
#![cfg(not(target_arch = "wasm32"))]

const README: &str = include_str!("../README.md");

#[track_caller]
fn check(file: &str) {
    // The first line says what the file is; the README says it in its own words.
    let shown = file.lines().filter(|line| !line.starts_with("//!"));
    let shown = shown.collect::<Vec<_>>().join("\n");
    let shown = shown.trim();
    assert!(
        README.contains(shown),
        "README.md does not show this:\n{shown}"
    );
}

#[test]
fn the_readme_shows_the_examples_as_they_are_built() {
    check(include_str!("../examples/csr/src/main.rs"));
    check(include_str!("../examples/csr/index.html"));
    check(include_str!("../examples/csr/Trunk.toml"));
    check(include_str!("../examples/ssr/src/policy.rs"));
}
