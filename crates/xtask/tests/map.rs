//! Compares the map, `crates/README.md`, with the tree, and the files that the threat model names.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const MAP: &str = "crates/README.md";
const THREATS: &str = "docs/threats.md";

/// What a name ends in that can only be a file's.
const FILES: [&str; 6] = [".rs", ".ts", ".mjs", ".md", ".json", ".toml"];

#[test]
fn every_crate_is_on_the_map() {
    let crates = root().join("crates");
    let there = entries(&crates)
        .into_iter()
        .filter(|path| path.join("Cargo.toml").exists())
        .map(|path| relative(&path, &crates))
        .collect();
    check(&first_column(&map(), "# The map"), &there, |_| None);
}

/// A folder with a row of its own stands for the files right in it.
#[test]
fn every_file_of_core_is_on_the_map() {
    let src = root().join("crates/core/src");
    let there = files(&src)
        .iter()
        .map(|path| relative(path, &src))
        .collect();
    check(&first_column(&map(), "## Inside `core`"), &there, folder_of);
}

#[test]
fn every_file_that_the_map_mentions_is_there() {
    check_files(MAP);
}

#[test]
fn every_file_that_the_threat_model_mentions_is_there() {
    check_files(THREATS);
}

/// Fails with a line for each file that a page names and that is not in the tree.
fn check_files(page: &str) {
    let there: Vec<String> = ["crates", "docs", "tests", "www"]
        .iter()
        .flat_map(|folder| files(&root().join(folder)))
        .map(|path| format!("/{}", relative(&path, root())))
        .collect();
    let missing = in_code(&read(page))
        .filter(|name| FILES.iter().any(|end| name.ends_with(end)) && !name.contains(' '))
        .filter(|name| !there.iter().any(|path| path.ends_with(&format!("/{name}"))))
        .map(|name| does_not_exist(page, name))
        .collect::<Vec<_>>();
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

/// Fails with a line for each name that is not there, and for each thing that is there without a name, its own or another's.
fn check(
    named: &BTreeSet<String>,
    there: &BTreeSet<String>,
    stands_for: impl Fn(&str) -> Option<String>,
) {
    let stand_ins: BTreeSet<String> = there.iter().filter_map(|one| stands_for(one)).collect();
    let exists = |name: &&String| there.contains(*name) || stand_ins.contains(*name);
    let is_named = |one: &&String| {
        named.contains(*one) || stands_for(one).is_some_and(|other| named.contains(&other))
    };
    let mut wrong: Vec<String> = named
        .iter()
        .filter(|name| !exists(name))
        .map(|name| does_not_exist(MAP, name))
        .collect();
    wrong.extend(
        there
            .iter()
            .filter(|one| !is_named(one))
            .map(|one| format!("{MAP} does not name `{one}`: give it a row that says what it is")),
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn does_not_exist(page: &str, name: &str) -> String {
    format!("{page} names `{name}`, which does not exist")
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn map() -> String {
    read(MAP)
}

fn read(page: &str) -> String {
    fs::read_to_string(root().join(page)).expect("the page can be read")
}

/// The names in the first column of the table below a heading.
fn first_column(map: &str, heading: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let below = map.lines().skip_while(|line| *line != heading).skip(1);
    for line in below.take_while(|line| !line.starts_with('#')) {
        let cell = line.strip_prefix('|').and_then(|row| row.split('|').next());
        names.extend(in_code(cell.unwrap_or_default()).map(str::to_owned));
    }
    assert!(!names.is_empty(), "{MAP} has no table below `{heading}`");
    names
}

/// What stands between backticks.
fn in_code(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// `client/feed/` for `client/feed/mod.rs`, nothing for `lib.rs`.
fn folder_of(file: &str) -> Option<String> {
    Some(format!("{}/", file.rsplit_once('/')?.0))
}

/// All files below a folder, without what was installed or built.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for path in entries(folder) {
        let is_ours = !path.ends_with("node_modules") && !path.ends_with("dist");
        match path.is_dir() {
            true if is_ours => files.extend(self::files(&path)),
            true => {}
            false => files.push(path),
        }
    }
    files
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder)
        .expect("a folder can be read")
        .map(|entry| entry.expect("an entry can be read").path())
        .collect()
}

fn relative(path: &Path, to: &Path) -> String {
    let path = path.strip_prefix(to).expect("it is below the folder");
    path.to_str().expect("our names are UTF-8").to_owned()
}
