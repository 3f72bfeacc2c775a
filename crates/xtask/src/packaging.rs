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

/// The word in the names of tests that compare the package with a text in this repository.
const STORED_NAME: &str = "stored";
/// The files they are in.
const STORED: [&str; 2] = ["api-docs.test.mjs", "surface.test.mjs"];

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
    let ready = setup::for_tests(steps)
        && (args.no_build
            || (package::build(steps, profile) && steps.run("build the server", build::server)));
    if !ready {
        steps.skip("packaging", "a step before it failed");
    } else if args.accept {
        prepare(steps);
        steps.run("packaging: accept", || {
            let files = STORED.map(|name| dir().join(name));
            let _lock = lock()?;
            step::run(&mut node_tests(&files, profile, Some(STORED_NAME), true)?)
        });
    } else {
        let job = tests(steps, profile, args.filter.as_deref());
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
        .env("CHROMIUM", setup::browser()?.chromium);
    if profile == Profile::Dev {
        command.env("REJOIN_PACKAGE_PROFILE", "dev");
    }
    if accept {
        command.env("REJOIN_ACCEPT", "1");
    }
    Ok(command)
}
