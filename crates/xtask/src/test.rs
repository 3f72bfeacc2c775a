//! Everything CI checks, in one command.

use std::env;

use anyhow::Result;
use clap::Args;

use crate::apps::{self, App, Mode};
use crate::build::{self, Profile};
use crate::e2e::{self, Server};
use crate::step::{self, Steps, cargo, root};
use crate::{bench, instructions, lint, package, packaging, setup, size, ten_steps};

/// For all tests of one crate together, in seconds; the runner's own default of 20 is short for a busy machine.
const WASM_TEST_TIMEOUT_S: &str = "180";

/// Options of `cargo xtask test`.
#[derive(Args)]
pub(crate) struct TestArgs {
    /// Leave out the end-to-end tests against the two real Agent Servers.
    #[arg(long)]
    no_agent_servers: bool,
}

/// Runs every check; a failed one does not hide the result of the others.
pub(crate) fn run(steps: &mut Steps, args: &TestArgs) {
    if !setup::for_tests(steps) {
        return;
    }
    let ((), (demo, package)) = steps.both(lint::run, |steps| {
        (
            build::demo_assets(steps, Profile::Release),
            package::build(steps, Profile::Release),
        )
    });
    if demo {
        steps.run("size: the demo", || size::demo(false));
    }
    if package {
        steps.run("size: the npm package", || size::package(false));
    }
    // Cargo compiles for one of them at a time: meanwhile the other is tested.
    steps.both(
        |steps| {
            steps.run("test: native and simulated", native);
        },
        |steps| {
            steps.run("test: browser and Leptos crates in Chromium", browser);
            steps.run(
                "test: the Leptos binding on a server, and the demo's own",
                native_leptos,
            );
            steps.run("test: xtask", || {
                step::run(&mut cargo(&["test", "--quiet", "--package", "xtask"]))
            });
            steps.run("test: the bench's server", bench::server_tests);
            instructions::run(steps, false);
        },
    );
    let server = steps.run("build the server", build::server);
    let mut of_package = Vec::new();
    let mut pages = Vec::new();
    if demo && server {
        pages.push(App::Leptos);
    } else {
        steps.skip("e2e: the Leptos demo", "a build failed");
    }
    // Without it its tests say what is missing.
    ten_steps::build(steps);
    if package && server {
        of_package.extend(package::tests(steps));
        of_package.extend(packaging::tests(steps, Profile::Release, None));
        let made: Vec<App> = App::ALL
            .into_iter()
            .filter(|app| app.is_on_package())
            .collect();
        if apps::bundle(steps, &made, Mode::Development) {
            pages.extend(made);
        }
    } else {
        steps.skip("test: the npm package", "a build failed");
        steps.skip("packaging", "a build failed");
        steps.skip("e2e: the npm package's demos", "a build failed");
    }
    let servers = if args.no_agent_servers {
        &Server::ALL[..1]
    } else {
        &Server::ALL
    };
    // The long ones first, so that all end at about the same time.
    let mut jobs = e2e::pages(steps, &pages, servers, None);
    jobs.extend(of_package);
    steps.run_side_by_side(jobs);
    if !args.no_agent_servers {
        // The Python client came with its server.
        steps.run("test: the official clients' calls", official_clients);
    }
}

fn official_clients() -> Result<()> {
    let test = ["test", "--quiet", "--package", "rejoin-server", "--test"];
    let all = ["official_clients", "--", "--include-ignored"];
    step::run(&mut cargo(&[test.as_slice(), &all].concat()))
}

fn native() -> Result<()> {
    step::run(&mut cargo(&["test", "--quiet"]))
}

/// Two runs, because one wants Leptos for the server and the other Leptos for the browser.
fn native_leptos() -> Result<()> {
    step::run(&mut cargo(&[
        "test",
        "--quiet",
        "--package",
        "rejoin-leptos",
    ]))?;
    step::run(&mut cargo(&["test", "--quiet", "--package", "rejoin-demo"]))
}

/// The wasm-bindgen tests. This program is its own test runner, so no second cargo has to start.
fn browser() -> Result<()> {
    in_browser(&["--package", "rejoin-browser", "--package", "rejoin-leptos"])?;
    // A page that was built with the wrong feature.
    in_browser(&[
        "--package",
        "rejoin-leptos",
        "--features",
        "ssr",
        "--test",
        "inert",
    ])
}

fn in_browser(tests: &[&str]) -> Result<()> {
    let browser = setup::browser()?;
    let runner = format!("{} test-runner", env::current_exe()?.display());
    step::run(
        cargo(&["test", "--target", "wasm32-unknown-unknown"])
            .args(tests)
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", runner)
            .env(
                "WASM_BINDGEN_TEST_WEBDRIVER_JSON",
                root().join("crates/xtask/webdriver-chrome.json"),
            )
            .env("WASM_BINDGEN_TEST_TIMEOUT", WASM_TEST_TIMEOUT_S)
            .env("CHROMEDRIVER", browser.chromedriver),
    )
}
