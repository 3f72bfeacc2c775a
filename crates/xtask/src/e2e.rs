//! Runs the end-to-end tests: the demo in Chromium, once per server.

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};

use crate::build::{self, Profile, dist_dir, node, server_binary};
use crate::servers::{self, Kind};
use crate::setup::{self, e2e_dir};
use crate::step::{self, Steps};

/// A server the demo is tested against.
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
    /// Test the build that ships instead of the quick one.
    #[arg(long)]
    release: bool,
    /// Take dist/ and the server as they are.
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
    let ready = setup::for_tests(steps)
        && (args.no_build
            || (build::demo_assets(steps, profile)
                && steps.run("build the server", build::server)));
    let servers = if args.server.is_empty() {
        Server::ALL.as_slice()
    } else {
        args.server.as_slice()
    };
    for &server in servers {
        if ready {
            one(steps, server, args.filter.as_deref());
        } else {
            steps.skip(
                &format!("e2e: {}", server.name()),
                "a step before it failed",
            );
        }
    }
}

/// Runs the tests against one server; the demo and our server are built already.
pub(crate) fn one(steps: &mut Steps, server: Server, filter: Option<&str>) -> bool {
    if let Some(kind) = server.kind() {
        let name = format!("install the {} Agent Server", server.name());
        if !steps.run(&name, || servers::install(kind)) {
            return false;
        }
    }
    steps.run(&format!("e2e: {}", server.name()), || {
        node_tests(server, filter)
    })
}

fn node_tests(server: Server, filter: Option<&str>) -> Result<()> {
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
        .env("REJOIN_DIST", dist_dir())
        .env("REJOIN_SERVER_BINARY", server_binary())
        .env("CHROMIUM", browser.chromium);
    if let Some(kind) = server.kind() {
        command.env("REJOIN_AGENT_SERVER_DIR", kind.dir());
    }
    step::run(&mut command)
}
