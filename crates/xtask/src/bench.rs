//! The bench of pages, `tests/bench/page`: Rejoin and its peers in one interleaved run in Chromium.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use clap::Args;

use crate::build::{self, Profile, node};
use crate::instructions;
use crate::package;
use crate::setup;
use crate::step::{self, Steps, root, target_dir};

/// Options of `cargo xtask bench`.
#[derive(Args)]
pub(crate) struct BenchArgs {
    /// How often each page does each scenario. The table has the medians.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// Only these scenarios, with commas between them. A wrong name lists all.
    #[arg(long)]
    only: Option<String>,
    /// Only these pages, with commas between them. A wrong name lists all.
    #[arg(long)]
    contenders: Option<String>,
    /// The file that gets every figure as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Take www/package/dist and the page in Leptos as they are.
    #[arg(long)]
    no_build: bool,
    /// Count the instructions of the Rust code in place of that, against tests/bench/native/instructions.json.
    #[arg(long, conflicts_with_all = ["rounds", "only", "contenders", "json", "no_build"])]
    instructions: bool,
    /// Write the counts into that file.
    #[arg(long, requires = "instructions")]
    accept: bool,
}

/// Builds what ships and measures it.
pub(crate) fn run(steps: &mut Steps, args: &BenchArgs) {
    if args.instructions {
        return instructions::run(steps, args.accept);
    }
    let ready = steps.run("bench: options", || step::run(bench(args)?.arg("--check")))
        && setup::for_builds(steps)
        && steps.run("setup: browser", || setup::browser().map(drop))
        && steps.run("bench: npm packages", || setup::npm_packages(&dir()))
        && (args.no_build
            || (package::build(steps, Profile::Release)
                && steps.run("bench: the page in Leptos", || {
                    build::leptos_page(LEPTOS, Profile::Release, &leptos_dist())
                })));
    if ready {
        steps.run("bench", || {
            // Another build would change the files, and would take the time that is measured.
            let _lock = package::exclusive()?;
            step::run(bench(args)?.env("CHROMIUM", setup::browser()?.chromium))
        });
    } else {
        steps.skip("bench", "a step before it failed");
    }
}

/// The bench's server is compared with the recorded one. Nothing is installed for this.
pub(crate) fn server_tests() -> Result<()> {
    step::run(node().arg("--test").arg(dir().join("wire.test.mjs")))
}

/// The page in Leptos: its package, and where its module is bound.
const LEPTOS: &str = "rejoin-bench-leptos";

fn leptos_dist() -> PathBuf {
    target_dir().join(LEPTOS)
}

fn dir() -> PathBuf {
    root().join("tests/bench/page")
}

fn bench(args: &BenchArgs) -> Result<Command> {
    let mut command = node();
    command.arg(dir().join("run.mjs"));
    command.arg(format!("--rounds={}", args.rounds));
    command.env("REJOIN_BENCH_LEPTOS", leptos_dist());
    for (flag, names) in [("only", &args.only), ("contenders", &args.contenders)] {
        if let Some(names) = names {
            command.arg(format!("--{flag}={names}"));
        }
    }
    if let Some(json) = &args.json {
        // Where the caller is, which is not where the command runs.
        command.arg("--json").arg(env::current_dir()?.join(json));
    }
    Ok(command)
}
