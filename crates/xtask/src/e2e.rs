//! Runs the end-to-end tests in Chromium: the Leptos demo and the assistant-ui demo once per server, and the React demo on
//! our own server, once per React version. The tunnels also run in Firefox and WebKit.

use std::process::Command;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};

use crate::apps::{self, App, Mode};
use crate::build::{self, Profile, node, server_binary};
use crate::servers::{self, Kind};
use crate::setup::{self, e2e_dir};
use crate::step::{Job, Steps};

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
    /// The server to test; all three by default.
    #[arg(long)]
    server: Vec<Server>,
    /// The page to test; all by default. `react18` and `react19` are tested on our own server only.
    #[arg(long)]
    app: Vec<App>,
    /// Test the build that ships instead of the quick one.
    #[arg(long)]
    release: bool,
    /// Only the tunnels, all of them: three browsers, two kinds, two lengths, hidden and visible (about 20 minutes).
    #[arg(long, conflicts_with_all = ["server", "app"])]
    tunnels: bool,
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
    let apps = if args.tunnels {
        vec![App::Leptos]
    } else {
        chosen(&args.app, &App::ALL)
    };
    let servers = chosen(&args.server, &Server::ALL);
    let ready = setup::for_tests(steps)
        && (args.no_build
            || (apps::build(steps, &apps, profile, Mode::Development)
                && steps.run("build the server", build::server)));
    if ready {
        let filter = args.filter.as_deref();
        let jobs = if args.tunnels {
            tunnels(steps, Tunnels::All, filter).into_iter().collect()
        } else {
            pages(steps, &apps, &servers, filter)
        };
        steps.run_side_by_side(jobs);
    } else {
        steps.skip("e2e", "a step before it failed");
    }
}

fn chosen<T: Copy>(given: &[T], all: &[T]) -> Vec<T> {
    if given.is_empty() { all } else { given }.to_vec()
}

/// The tests of these pages on these servers. All is built already; the Agent Servers are installed when they are missing.
pub(crate) fn pages(
    steps: &mut Steps,
    apps: &[App],
    servers: &[Server],
    filter: Option<&str>,
) -> Vec<Job> {
    let mut jobs = Vec::new();
    for &server in servers {
        let tested: Vec<App> = apps
            .iter()
            .copied()
            .filter(|app| app.is_tested_everywhere() || server == Server::Rejoin)
            .collect();
        if let Some(kind) = server.kind().filter(|_| !tested.is_empty()) {
            let name = format!("install the {} Agent Server", server.name());
            if !steps.run(&name, || servers::install(kind)) {
                continue;
            }
        }
        for app in tested {
            let name = format!("e2e: {} on {}", app.name(), server.name());
            jobs.extend(job(steps, name, node_tests(app, apps, server, filter)));
        }
    }
    // Whoever names a test does not wait for these.
    if filter.is_none() && apps.contains(&App::Leptos) && servers.contains(&Server::Rejoin) {
        jobs.extend(tunnels(steps, Tunnels::Short, filter));
    }
    jobs
}

/// The tunnels to test.
#[derive(Clone, Copy)]
enum Tunnels {
    /// One in each browser: what CI has time for.
    Short,
    All,
}

/// The tests of a network that is gone for a while, on the Leptos demo and our own server, in three browsers side by side. The test of a
/// private window is beside them, as it needs Firefox too.
fn tunnels(steps: &mut Steps, which: Tunnels, filter: Option<&str>) -> Option<Job> {
    if !steps.run("setup: Firefox and WebKit", setup::other_browsers) {
        return None;
    }
    let which = match which {
        Tunnels::Short => "short",
        Tunnels::All => "all",
    };
    let command = node_command(App::Leptos, Server::Rejoin, filter).map(|mut command| {
        command
            .args(["tunnels.test.mjs", "private-window.test.mjs"])
            .env("REJOIN_E2E_TUNNELS", which)
            .env("REJOIN_E2E_FIREFOX", "1");
        command
    });
    job(steps, "e2e: tunnels in three browsers".to_owned(), command)
}

/// The command as a job; where it could not be made, a step that failed.
fn job(steps: &mut Steps, name: String, command: Result<Command>) -> Option<Job> {
    match command {
        Ok(command) => Some(Job {
            name,
            command,
            lock: None,
        }),
        Err(error) => {
            steps.run(&name, || Err(error));
            None
        }
    }
}

fn node_tests(app: App, apps: &[App], server: Server, filter: Option<&str>) -> Result<Command> {
    let mut command = node_command(app, server, filter)?;
    let mut files = 0_u32;
    for entry in std::fs::read_dir(e2e_dir())? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if app.is_tested_by(&name) && name.ends_with(".test.mjs") {
            command.arg(entry.path());
            files += 1;
        }
    }
    if files == 0 {
        bail!("there is no *.test.mjs in {}", e2e_dir().display());
    }
    command.env("REJOIN_DISTS", dists(apps));
    Ok(command)
}

/// Node's test runner for one page on one server, still without the names of test files.
fn node_command(app: App, server: Server, filter: Option<&str>) -> Result<Command> {
    let browser = setup::browser()?;
    let mut command = node();
    command
        .current_dir(e2e_dir())
        .args(["--test", "--test-concurrency=1", "--test-reporter=spec"])
        .env("REJOIN_E2E_SERVER", server.name())
        .env("REJOIN_E2E_APP", app.name())
        .env("REJOIN_DIST", app.dist())
        .env("REJOIN_SERVER_BINARY", server_binary())
        .env("CHROMIUM", browser.chromium)
        .env("CHROMEDRIVER", browser.chromedriver);
    if let Some(filter) = filter {
        command.arg(format!("--test-name-pattern={filter}"));
    }
    if let Some(kind) = server.kind() {
        command.env("REJOIN_AGENT_SERVER_DIR", kind.dir());
    }
    Ok(command)
}

/// The files of every page that is tested in this run, for the tests that compare pages: `name=folder;name=folder`.
fn dists(apps: &[App]) -> String {
    let named = |app: &App| format!("{}={}", app.name(), app.dist().display());
    apps.iter().map(named).collect::<Vec<_>>().join(";")
}

#[cfg(test)]
mod tests {
    use super::{App, e2e_dir};

    #[test]
    fn each_file_for_the_page_of_assistant_ui_is_run_for_it() -> std::io::Result<()> {
        let mut files = 0;
        for entry in std::fs::read_dir(e2e_dir())? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if !name.ends_with(".test.mjs") {
                continue;
            }
            let text = std::fs::read_to_string(entry.path())?;
            let lists = text.split("apps: [").skip(1);
            let is_named = lists
                .filter_map(|rest| rest.split_once(']'))
                .any(|(apps, _)| apps.contains(&format!("\"{}\"", App::AssistantUi.name())));
            assert_eq!(App::AssistantUi.is_tested_by(&name), is_named, "{name}");
            files += u32::from(is_named);
        }
        assert!(files > 4, "{files} files");
        Ok(())
    }
}
