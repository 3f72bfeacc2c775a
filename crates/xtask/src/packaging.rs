//! Tests the npm package as its users get it: packed, then installed in a fresh project of each kind.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};
use clap::Args;

use crate::build::{self, Profile, node, server_binary};
use crate::package;
use crate::setup;
use crate::step::{self, Job, Steps, root};
use crate::ten_steps;

/// The word in the names of tests that compare the package with a text in this repository.
const STORED_NAME: &str = "stored";
/// The files they are in.
const STORED: [&str; 2] = ["api-docs.test.mjs", "surface.test.mjs"];

/// How the names of the tests begin that are not of the npm package.
const LEPTOS: &str = "leptos";

/// Options of `cargo xtask packaging`.
#[derive(Args)]
pub(crate) struct PackagingArgs {
    /// Test the quick build instead of the one that ships.
    #[arg(long)]
    dev: bool,
    /// Take www/package/dist and the server as they are.
    #[arg(long)]
    no_build: bool,
    /// Write down the public surface and the API docs as they are now.
    #[arg(long)]
    accept: bool,
    /// Only the tests whose name matches this regular expression.
    filter: Option<String>,
}

/// Builds what is needed and runs the tests, or writes down what they compare with.
pub(crate) fn run(steps: &mut Steps, args: &PackagingArgs) {
    let profile = if args.dev {
        Profile::Dev
    } else {
        Profile::Release
    };
    let filter = args.filter.as_deref();
    let is_leptos = filter.is_some_and(|filter| filter.starts_with(LEPTOS));
    let ready = setup::for_tests(steps)
        && (args.no_build
            || ((is_leptos || package::build(steps, profile))
                && steps.run("build the server", build::server)
                && (filter.is_some() && !is_leptos || ten_steps::build(steps))));
    if !ready {
        steps.skip("packaging", "a step before it failed");
    } else if args.accept {
        prepare(steps);
        steps.run("packaging: accept", || {
            let files = STORED.map(|name| dir().join(name));
            let _lock = lock()?;
            step::run(&mut node_tests(&files, profile, Some(STORED_NAME), true)?)
        });
    } else if is_leptos {
        steps.run("packaging: npm packages", || setup::npm_packages(&dir()));
        steps.run("packaging: the Leptos application", || {
            let files = [dir().join("leptos.test.mjs")];
            let _lock = lock()?;
            step::run(&mut node_tests(&files, profile, filter, false)?)
        });
    } else {
        let job = tests(steps, profile, filter);
        steps.run_side_by_side(job.into_iter().collect());
    }
}

/// The tests of `www/package/dist` as it is.
pub(crate) fn tests(steps: &mut Steps, profile: Profile, filter: Option<&str>) -> Option<Job> {
    let mut job = None;
    if prepare(steps) {
        steps.run("packaging: test files", || {
            job = Some(Job {
                name: "packaging: tests".to_owned(),
                command: node_tests(&test_files()?, profile, filter, false)?,
                lock: Some(lock()?),
            });
            Ok(())
        });
    } else {
        steps.skip("packaging: tests", "a step before it failed");
    }
    job
}

/// The projects' folders have fixed names.
fn lock() -> Result<fs::File> {
    package::locked("packaging")
}

fn prepare(steps: &mut Steps) -> bool {
    steps.run("packaging: npm packages", || setup::npm_packages(&dir()))
        && steps.run("packaging: npm pack", || {
            let _lock = package::exclusive()?;
            step::run(node().arg(dir().join("harness/pack.mjs")))
        })
}

fn dir() -> PathBuf {
    root().join("tests/packaging")
}

fn test_files() -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir())? {
        let path = entry?.path();
        if path.to_string_lossy().ends_with(".test.mjs") {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        bail!("there is no *.test.mjs in {}", dir().display());
    }
    Ok(files)
}

fn node_tests(
    files: &[PathBuf],
    profile: Profile,
    filter: Option<&str>,
    accept: bool,
) -> Result<Command> {
    let mut command = node();
    command
        .current_dir(dir())
        .args(["--test", "--test-concurrency=1", "--test-reporter=spec"]);
    if let Some(filter) = filter {
        command.arg(format!("--test-name-pattern={filter}"));
    }
    command
        .args(files)
        .env("REJOIN_SERVER_BINARY", server_binary())
        .env("TEN_STEPS_BINARY", ten_steps::server_binary())
        .env("CHROMIUM", setup::browser()?.chromium);
    if profile == Profile::Dev {
        command.env("REJOIN_PACKAGE_PROFILE", "dev");
    }
    if accept {
        command.env("REJOIN_ACCEPT", "1");
    }
    Ok(command)
}
