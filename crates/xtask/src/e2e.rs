//! Runs the end-to-end tests: the Leptos demo in Chromium, once per server, and the React demo on our own server, once
//! per React version.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};

use crate::apps::{self, App, Mode};
use crate::build::{self, Profile, node, server_binary};
use crate::servers::{self, Kind};
use crate::setup::{self, e2e_dir};
use crate::step::{self, Steps};

/// A server the Leptos demo is tested against.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Server {
    /// Our own, embedded one.
    Rejoin,
    /// `langgraph dev`.
    Python,
    /// `langgraphjs dev`.
    Js,
}

impl Server {
    /// In the order they are tested.
    pub(crate) const ALL: [Self; 3] = [Self::Rejoin, Self::Python, Self::Js];

    /// The word the harness knows it by.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Rejoin => "rejoin",
            Self::Python => "python",
            Self::Js => "js",
        }
    }

    fn kind(self) -> Option<Kind> {
        match self {
            Self::Rejoin => None,
            Self::Python => Some(Kind::Python),
            Self::Js => Some(Kind::Js),
        }
    }
}

/// Options of `cargo xtask e2e`.
#[derive(Args)]
pub(crate) struct E2eArgs {
    /// Which server; all three when not given.
    #[arg(long)]
    server: Vec<Server>,
    /// Which page; all three when not given. Those made with React are tested on our own server only.
    #[arg(long)]
    app: Vec<App>,
    /// Test the build that ships instead of the quick one.
    #[arg(long)]
    release: bool,
    /// Take the pages' files and the server as they are.
    #[arg(long)]
    no_build: bool,
    /// Only the tests whose name matches this regular expression.
    filter: Option<String>,
}

/// Builds what is needed and runs the tests.
pub(crate) fn run(steps: &mut Steps, args: &E2eArgs) {
    let profile = if args.release {
        Profile::Release
    } else {
        Profile::Dev
    };
    let apps = chosen(&args.app, &App::ALL);
    let servers = chosen(&args.server, &Server::ALL);
    let ready = setup::for_tests(steps)
        && (args.no_build
            || (apps::build(steps, &apps, profile, Mode::Development)
                && steps.run("build the server", build::server)));
    let filter = args.filter.as_deref();
    if apps.contains(&App::Leptos) {
        for &server in &servers {
            if ready {
                one(steps, server, filter);
            } else {
                skip(steps, &format!("e2e: {}", server.name()));
            }
        }
    }
    let with_react: Vec<App> = apps.into_iter().filter(|app| app.is_react()).collect();
    if servers.contains(&Server::Rejoin) && !with_react.is_empty() {
        if ready {
            react(steps, &with_react, filter);
        } else {
            skip(steps, &format!("e2e: {}", names(&with_react)));
        }
    }
}

fn chosen<T: Copy>(given: &[T], all: &[T]) -> Vec<T> {
    if given.is_empty() { all } else { given }.to_vec()
}

fn skip(steps: &mut Steps, name: &str) {
    steps.skip(name, "a step before it failed");
}

/// Tests the Leptos demo on one server; both are built already.
pub(crate) fn one(steps: &mut Steps, server: Server, filter: Option<&str>) -> bool {
    if let Some(kind) = server.kind() {
        let name = format!("install the {} Agent Server", server.name());
        if !steps.run(&name, || servers::install(kind)) {
            return false;
        }
    }
    steps.run(&format!("e2e: {}", server.name()), || {
        step::run(&mut node_tests(App::Leptos, server, filter)?)
    })
}

/// Tests pages made with React on our own server, side by side: most of a test is waiting. All is built already.
pub(crate) fn react(steps: &mut Steps, apps: &[App], filter: Option<&str>) -> bool {
    steps.run(&format!("e2e: {}", names(apps)), || {
        std::thread::scope(|scope| {
            let running: Vec<_> = apps
                .iter()
                .map(|&app| scope.spawn(move || prefixed(app, filter)))
                .collect();
            // All of them are waited for, also when the first has failed.
            let results: Vec<Result<()>> = running
                .into_iter()
                .map(|thread| match thread.join() {
                    Ok(result) => result,
                    Err(_) => bail!("a thread panicked"),
                })
                .collect();
            results.into_iter().collect()
        })
    })
}

fn names(apps: &[App]) -> String {
    let names: Vec<&str> = apps.iter().map(|app| app.name()).collect();
    names.join(" and ")
}

/// Runs one page's tests; each line they print begins with the page's name.
fn prefixed(app: App, filter: Option<&str>) -> Result<()> {
    let mut child = node_tests(app, Server::Rejoin, filter)?
        .stdout(Stdio::piped())
        .spawn()
        .context("could not start node")?;
    if let Some(out) = child.stdout.take() {
        for line in BufReader::new(out).lines() {
            println!("[{}] {}", app.name(), line?);
        }
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("the tests of {} failed ({status})", app.name());
    }
    Ok(())
}

fn node_tests(app: App, server: Server, filter: Option<&str>) -> Result<Command> {
    let browser = setup::browser()?;
    let mut command = node();
    command
        .current_dir(e2e_dir())
        .args(["--test", "--test-concurrency=1", "--test-reporter=spec"]);
    if let Some(filter) = filter {
        command.arg(format!("--test-name-pattern={filter}"));
    }
    let mut files = 0_u32;
    for entry in std::fs::read_dir(e2e_dir())? {
        let path = entry?.path();
        if path.to_string_lossy().ends_with(".test.mjs") {
            command.arg(path);
            files += 1;
        }
    }
    if files == 0 {
        bail!("there is no *.test.mjs in {}", e2e_dir().display());
    }
    command
        .env("REJOIN_E2E_SERVER", server.name())
        .env("REJOIN_E2E_APP", app.name())
        .env("REJOIN_DIST", app.dist())
        .env("REJOIN_SERVER_BINARY", server_binary())
        .env("CHROMIUM", browser.chromium);
    if let Some(kind) = server.kind() {
        command.env("REJOIN_AGENT_SERVER_DIR", kind.dir());
    }
    Ok(command)
}
