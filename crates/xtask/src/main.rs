//! Every command a person or CI runs on this repository: `cargo xtask help`.
//!
//! It decides nothing about the product. It finds tools, reports missing ones, and installs them from the ordinary package
//! registries. It runs builds and tests one step at a time, and prints the seconds of each.
#![allow(clippy::print_stdout, reason = "a command line tool talks on stdout")]

mod apps;
mod bench;
mod build;
mod e2e;
mod inline;
mod instructions;
mod leptos_size;
mod linked;
mod lint;
mod package;
mod packaging;
mod panics;
mod prose;
mod release;
mod servers;
mod setup;
mod size;
mod split;
mod step;
mod ten_steps;
mod test;
mod unreached;

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::build::Profile;
use crate::servers::Kind;
use crate::step::Steps;

/// Build, test, lint, size, e2e: every command that CI runs.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Install what is missing: the wasm target, three browsers and their drivers, npm packages, the real Agent Servers.
    Setup,
    /// Build the demo and the server, serve both on one address and print it.
    Demo(build::DemoArgs),
    /// Build the demo's files into dist/.
    BuildDemo {
        /// The profile that ships (fat LTO, wasm-opt -Oz) instead of the quick one.
        #[arg(long)]
        release: bool,
    },
    /// Build the npm package into www/package/dist.
    Package {
        /// The quick profile instead of the one that ships.
        #[arg(long)]
        dev: bool,
    },
    /// Test the packed npm package in fresh projects, its public surface and its API docs.
    Packaging(packaging::PackagingArgs),
    /// Everything CI checks: lint, native, simulated, browser and end-to-end tests, on three servers.
    Test(test::TestArgs),
    /// Formatting, clippy (native and wasm32), packages for crates.io, and prose.
    Lint,
    /// The prose linter alone: Markdown pages and doc comments.
    Prose,
    /// The download sizes of the release builds of the demo and the npm package, against crates/xtask/size-budget.json.
    Size {
        /// Of small applications with `rejoin-leptos` instead, which takes some minutes.
        #[arg(long)]
        leptos: bool,
        /// Write the sizes into crates/xtask/size.json, which the next changes are compared with.
        #[arg(long)]
        accept: bool,
    },
    /// How fast pages show a stream: Rejoin and its peers, in Chromium, in interleaved rounds. A table of medians.
    Bench(bench::BenchArgs),
    /// End-to-end tests of the demos in real browsers.
    E2e(e2e::E2eArgs),
    /// The crates and the npm package that a release would publish, in order, and what is missing.
    Release(release::ReleaseArgs),
    /// Install (once) and run a real Agent Server in the foreground, with a clean state.
    AgentServer {
        /// The server to run.
        kind: Kind,
        /// Port on 127.0.0.1; 0 takes a free one.
        #[arg(long, default_value_t = 0)]
        port: u16,
    },
    /// The wasm-bindgen command line, at the locked version.
    #[command(disable_help_flag = true)]
    WasmBindgen {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// The wasm-bindgen test runner, at the locked version (named in .cargo/config.toml).
    #[command(disable_help_flag = true)]
    TestRunner {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
}

/// An error is one line. (Returned from `main` it would come with a backtrace wherever backtraces are asked for.)
fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    let mut steps = Steps::default();
    match command {
        Command::WasmBindgen { args } => {
            return wasm_bindgen_cli::wasm_bindgen::run_cli_with_args(with_name(
                "wasm-bindgen",
                args,
            ));
        }
        Command::TestRunner { args } => {
            let args = with_name("wasm-bindgen-test-runner", args);
            return wasm_bindgen_cli::wasm_bindgen_test_runner::run_cli_with_args(args);
        }
        Command::AgentServer { kind, port } => return servers::run_in_foreground(kind, port),
        Command::Demo(args) => return build::demo(&mut steps, &args),
        Command::Release(args) => return release::run(&args),
        Command::Setup => {
            setup::for_tests(&mut steps);
            steps.run("setup: Firefox and WebKit", setup::other_browsers);
            steps.run("install the Agent Servers", servers::install_all);
        }
        Command::BuildDemo { release } => {
            setup::for_builds(&mut steps);
            build::demo_assets(
                &mut steps,
                if release {
                    Profile::Release
                } else {
                    Profile::Dev
                },
            );
        }
        Command::Package { dev } => {
            setup::for_builds(&mut steps);
            package::build(
                &mut steps,
                if dev { Profile::Dev } else { Profile::Release },
            );
        }
        Command::Packaging(args) => packaging::run(&mut steps, &args),
        Command::Test(args) => test::run(&mut steps, &args),
        Command::Prose => {
            steps.run("lint: prose", prose::lint);
        }
        Command::Lint => {
            setup::for_builds(&mut steps);
            lint::run(&mut steps);
        }
        Command::Size { leptos, accept } => {
            setup::for_builds(&mut steps);
            if leptos {
                steps.run("size: rejoin-leptos", || size::leptos(accept));
                return steps.finish();
            }
            if build::demo_assets(&mut steps, Profile::Release) {
                steps.run("size: the demo", || size::demo(accept));
            }
            if package::build(&mut steps, Profile::Release) {
                steps.run("size: the npm package", || size::package(accept));
            }
        }
        Command::Bench(args) => bench::run(&mut steps, &args),
        Command::E2e(args) => e2e::run(&mut steps, &args),
    }
    steps.finish()
}

fn with_name(name: &str, args: Vec<OsString>) -> Vec<OsString> {
    std::iter::once(name.into()).chain(args).collect()
}
