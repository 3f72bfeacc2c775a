//! Counts the instructions that the Rust code takes for a thousand tokens, against `tests/bench/native/instructions.json`: a number that
//! hardly depends on the machine, so it can be held.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};

use crate::setup;
use crate::step::{self, Steps, cargo, root, target_dir};

const PACKAGE: &str = "rejoin-bench-native";

/// The program's works: bytes to frames, frames to messages, chunks to one message, bytes to what is shown.
const WORKS: [&str; 4] = ["decode", "events", "merge", "view"];

/// So much more than the budget is a failure, in percent. libc takes other instructions on other processors.
const MORE_PERCENT: u64 = 3;

/// So much less is told: the budget should be lowered.
const LESS_PERCENT: u64 = 10;

/// Counts, and compares with the budget or writes it.
pub(crate) fn run(steps: &mut Steps, accept: bool) {
    let ready = steps.run("setup: valgrind", setup::valgrind)
        && steps.run("build the native bench", || {
            step::run(&mut cargo(&["build", "--release", "--package", PACKAGE]))
        });
    if ready {
        steps.run("instructions for 1,000 tokens", || check(accept));
    } else {
        steps.skip("instructions", "a step before it failed");
    }
}

fn budget_file() -> PathBuf {
    root().join("tests/bench/native/instructions.json")
}

fn check(accept: bool) -> Result<()> {
    let path = budget_file();
    if accept {
        let counts: Result<Map<String, Value>> = WORKS
            .iter()
            .map(|&work| Ok((work.to_owned(), count(work)?.into())))
            .collect();
        let text = serde_json::to_string_pretty(&Value::Object(counts?))? + "\n";
        print!("{text}");
        return fs::write(&path, text).with_context(|| path.display().to_string());
    }
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let budget: Value = serde_json::from_str(&text).with_context(|| path.display().to_string())?;
    let mut over = Vec::new();
    for work in WORKS {
        let allowed = budget[work]
            .as_u64()
            .with_context(|| format!("{}: no number for {work}", path.display()))?;
        let taken = count(work)?;
        let percent = 100.0 * taken as f64 / allowed as f64 - 100.0;
        println!("{work:<8} {taken:>12} of {allowed:>12}  {percent:+.1} %");
        if taken > allowed + allowed * MORE_PERCENT / 100 {
            over.push(work);
        } else if taken < allowed - allowed * LESS_PERCENT / 100 {
            println!(
                "         much less than the budget: `cargo xtask bench --instructions --accept` lowers it"
            );
        }
    }
    if !over.is_empty() {
        bail!(
            "{} takes more than the budget in {}; if that is worth it, `cargo xtask bench --instructions --accept` writes a new one",
            over.join(", "),
            path.display()
        );
    }
    Ok(())
}

/// The instructions of one work, without those that prepare it.
fn count(work: &str) -> Result<u64> {
    let out = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg("--toggle-collect=*measured*")
        .arg(target_dir().join("release").join(PACKAGE))
        .arg(work)
        .output()
        .context("could not start valgrind")?;
    let said = String::from_utf8_lossy(&out.stderr);
    if !out.status.success() {
        bail!("valgrind failed on {work}:\n{said}");
    }
    said.lines()
        .find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok())
        .filter(|&count| count > 0)
        .with_context(|| format!("valgrind counted nothing for {work}:\n{said}"))
}
