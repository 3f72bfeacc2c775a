//! The prose linter (`tests/prose`): short sentences that begin with their subject, in Markdown pages and doc comments.
//!
//! The linter reads Markdown only. So the doc comments of each source become a page of their own below `target/prose`, with
//! each comment on the line that it has in the source.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};

use crate::setup;
use crate::step::{self, output, root, target_dir};

/// The Markdown pages.
const PAGES: [&str; 5] = [
    "*.md",
    "crates/**/*.md",
    "docs/**/*.md",
    "tests/**/*.md",
    "www/**/*.md",
];

/// The sources, as git matches paths: `*` also matches slashes.
const SOURCES: [&str; 3] = ["crates/*/src/*.rs", "www/*/src/*.ts", "www/*/src/*.tsx"];

/// Runs the linter.
pub(crate) fn lint() -> Result<()> {
    let dir = root().join("tests/prose");
    setup::npm_packages(&dir)?;
    let comments = comment_pages()?;
    let mut textlint = Command::new(dir.join("node_modules/.bin/textlint"));
    textlint.current_dir(root());
    textlint.args(["--rulesdir", "tests/prose/rules", "--format", "unix"]);
    textlint.args(["--ignore-path", "tests/prose/exceptions.txt"]);
    textlint.args(PAGES).arg(comments.join("**/*.md"));
    step::run(&mut textlint)
}

/// Writes a page for each source, and returns their folder.
fn comment_pages() -> Result<PathBuf> {
    let dir = target_dir().join("prose");
    if dir.exists() {
        fs::remove_dir_all(&dir)?;
    }
    let mut list = Command::new("git");
    list.current_dir(root());
    list.args(["ls-files", "--cached", "--others", "--exclude-standard"]);
    let files = output(list.arg("--").args(SOURCES))?;
    let mut count = 0;
    for file in files.lines() {
        // A deleted file is listed until the deletion is added.
        let Ok(source) = fs::read_to_string(root().join(file)) else {
            continue;
        };
        let page = dir.join(format!("{file}.md"));
        fs::create_dir_all(page.parent().unwrap_or(&dir))?;
        let is_rust = Path::new(file).extension().is_some_and(|end| end == "rs");
        fs::write(
            page,
            if is_rust {
                rust_comments(&source)
            } else {
                typescript_comments(&source)
            },
        )?;
        count += 1;
    }
    ensure!(count > 0, "git lists no sources like {SOURCES:?}");
    Ok(dir)
}

/// The text of `///` and `//!` comments; every other line is empty.
fn rust_comments(source: &str) -> String {
    let text = |line: &str| {
        let line = line.trim_start();
        let text = line.strip_prefix("///").or(line.strip_prefix("//!"))?;
        // Four slashes are a plain comment.
        (!text.starts_with('/')).then(|| text.strip_prefix(' ').unwrap_or(text).to_owned())
    };
    lines(source.lines().map(|line| text(line).unwrap_or_default()))
}

/// The text of `/** */` comments; every other line is empty.
fn typescript_comments(source: &str) -> String {
    let mut is_inside = false;
    let mut text = |line: &str| {
        let line = line.trim();
        let text = if is_inside {
            // The mark that each line begins with, but not the end of the comment.
            line.strip_prefix('*')
                .filter(|rest| !rest.starts_with('/'))
                .unwrap_or(line)
        } else {
            line.strip_prefix("/**")?
        };
        is_inside = !text.contains("*/");
        let text = text.split("*/").next()?;
        Some(without_tag(text.strip_prefix(' ').unwrap_or(text)))
    };
    lines(source.lines().map(|line| text(line).unwrap_or_default()))
}

/// A tag (`@param name`) begins a paragraph, and is no part of its sentence.
fn without_tag(text: &str) -> String {
    let Some(tagged) = text.strip_prefix('@') else {
        return text.to_owned();
    };
    let (tag, rest) = tagged.split_once(' ').unwrap_or((tagged, ""));
    let words = if tag == "param" {
        rest.split_once(' ').map_or("", |(_, words)| words)
    } else {
        rest
    };
    format!("* {words}")
}

fn lines(lines: impl Iterator<Item = String>) -> String {
    lines.map(|line| line + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_pages_are_left_out_by_the_prose_linter() {
        let exceptions = include_str!("../../../tests/prose/exceptions.txt");
        assert!(exceptions.lines().count() <= 10, "{exceptions}");
    }

    #[test]
    fn comments_of_rust_stay_on_their_lines_and_code_is_left_out() {
        let source = "//! A module.\n//!\n//!   Indented.\nfn f() {} // plain\n    /// A field.\n//// plain\n    x: u8,\n";
        let expected = "A module.\n\n  Indented.\n\nA field.\n\n\n";
        assert_eq!(rust_comments(source), expected);
    }

    #[test]
    fn comments_of_typescript_stay_on_their_lines_and_tags_begin_a_paragraph() {
        let source = "/** One line. */\nconst a = 1; /* plain */\n  /**\n   * Several lines,\n   * one sentence.\n   *\n   \
                      * @param name the name\n   * @throws an error\n   */\nfunction f() {}\n";
        let expected =
            "One line. \n\n\nSeveral lines,\none sentence.\n\n* the name\n* an error\n\n\n";
        assert_eq!(typescript_comments(source), expected);
    }
}
