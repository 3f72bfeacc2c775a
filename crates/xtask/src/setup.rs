//! Says what a command needs and installs what is missing, from rustup, Debian and npm by their ordinary clients.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::step::{self, Steps, find_program, root, run};

/// The needs of a build for the browser: the wasm target, and wasm-opt if npm is installed.
pub(crate) fn for_builds(steps: &mut Steps) -> bool {
    steps.run("setup: Rust", rust) && steps.run("setup: npm packages", || npm_packages(&e2e_dir()))
}

/// The further needs of the tests: Chromium and its driver, a Redis for shared sessions, nginx as a balancer of two servers.
pub(crate) fn for_tests(steps: &mut Steps) -> bool {
    for_builds(steps)
        && steps.run("setup: browser", || browser().map(drop))
        && steps.run("setup: Redis", || {
            without_service("redis-server", "redis-server", "redis-server")
        })
        && steps.run("setup: nginx", || {
            without_service("nginx", "nginx-light", "nginx")
        })
}

/// The browser and its WebDriver, installed from Debian when absent.
pub(crate) struct Browser {
    pub(crate) chromium: PathBuf,
    pub(crate) chromedriver: PathBuf,
}

/// Finds Chromium and chromedriver, or installs both.
pub(crate) fn browser() -> Result<Browser> {
    if let Some(found) = find_browser() {
        return Ok(found);
    }
    println!("chromium and chromedriver are not on PATH: installing Debian's packages");
    apt_install(
        &["chromium", "chromium-driver"],
        "install Chromium and chromedriver: this system has no apt-get, so they cannot be installed for you",
    )?;
    find_browser().context("chromium and chromedriver are still not on PATH after the install")
}

/// Finds Firefox, and WebKit with its driver and the screen that it needs, or installs them.
pub(crate) fn other_browsers() -> Result<()> {
    let mut missing = Vec::new();
    if env::var_os("FIREFOX").is_none() && find_program("firefox-esr").is_none() {
        missing.push("firefox-esr");
    }
    if find_program("WebKitWebDriver").is_none() {
        missing.push("webkit2gtk-driver");
    }
    if find_program("Xvfb").is_none() {
        missing.push("xvfb");
    }
    if missing.is_empty() {
        return Ok(());
    }
    println!("installing Debian's packages {}", missing.join(", "));
    apt_install(
        &missing,
        "install Firefox (FIREFOX names the program), WebKitWebDriver and Xvfb: this system has no apt-get, so they cannot be installed for you",
    )
}

/// Finds a program, or installs it from Debian. The tests start their own processes of it; the service that Debian starts
/// with the package is stopped again.
fn without_service(program: &str, package: &str, service: &str) -> Result<()> {
    if find_program(program).is_some() {
        return Ok(());
    }
    println!(
        "{program} is not on PATH: installing Debian's package {package}, without its service"
    );
    apt_install(
        &[package],
        &format!(
            "install {program}: this system has no apt-get, so it cannot be installed for you"
        ),
    )?;
    if Path::new("/run/systemd/system").exists() {
        run(&mut as_root("systemctl", &["disable", "--now", service])?)?;
    } else {
        // Without systemd it says that it fails where it was never started.
        let stopped = as_root("service", &[service, "stop"])?.status();
        stopped.with_context(|| format!("the service of {program} could not be stopped"))?;
    }
    find_program(program)
        .map(drop)
        .with_context(|| format!("{program} is still not on PATH after the install"))
}

/// Finds valgrind, or installs it from Debian.
pub(crate) fn valgrind() -> Result<()> {
    if find_program("valgrind").is_some() {
        return Ok(());
    }
    println!("valgrind is not on PATH: installing Debian's package");
    apt_install(
        &["valgrind"],
        "install valgrind: this system has no apt-get, so it cannot be installed for you",
    )
}

/// The folder that holds the end-to-end tests and, as an npm package beside them, wasm-opt.
pub(crate) fn e2e_dir() -> PathBuf {
    root().join("tests/e2e")
}

/// Whether `dir` was already set up from the same input. `done` records it afterwards.
pub(crate) struct Stamp {
    path: PathBuf,
    wanted: String,
}

impl Stamp {
    /// A stamp inside `dir` that is fresh while all of `inputs` keep their contents.
    pub(crate) fn new(dir: &Path, inputs: &[PathBuf]) -> Result<Self> {
        let mut wanted = String::new();
        for input in inputs {
            wanted += &fs::read_to_string(input).with_context(|| input.display().to_string())?;
        }
        Ok(Self {
            path: dir.join(".xtask-stamp"),
            wanted,
        })
    }

    pub(crate) fn is_fresh(&self) -> bool {
        fs::read_to_string(&self.path).is_ok_and(|found| found == self.wanted)
    }

    pub(crate) fn done(&self) -> Result<()> {
        fs::write(&self.path, &self.wanted).with_context(|| self.path.display().to_string())
    }
}

fn rust() -> Result<()> {
    let libdir = step::output(Command::new("rustc").current_dir(root()).args([
        "--print",
        "target-libdir",
        "--target",
        "wasm32-unknown-unknown",
    ]))?;
    // rustc names the folder whether or not the target is installed; the standard library in it is the proof.
    let has_std = fs::read_dir(libdir.trim()).is_ok_and(|entries| {
        entries
            .flatten()
            .any(|entry| entry.file_name().to_string_lossy().starts_with("libstd-"))
    });
    if !has_std {
        println!("the target wasm32-unknown-unknown is missing: adding it");
        run(Command::new("rustup").current_dir(root()).args([
            "target",
            "add",
            "wasm32-unknown-unknown",
        ]))?;
    }
    for (component, subcommand) in [("rustfmt", "fmt"), ("clippy", "clippy")] {
        let there = step::cargo(&[subcommand, "--version"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if !there.is_ok_and(|status| status.success()) {
            println!("the component {component} is missing: adding it");
            run(Command::new("rustup")
                .current_dir(root())
                .args(["component", "add", component]))?;
        }
    }
    Ok(())
}

/// Installs the npm packages of `dir` from its lockfile, unless the same ones are installed already.
pub(crate) fn npm_packages(dir: &Path) -> Result<()> {
    if find_program("npm").is_none() {
        bail!(
            "install Node.js 20 or newer with npm: wasm-opt, the npm package and the tests in a browser need it"
        );
    }
    let modules = dir.join("node_modules");
    let stamp = Stamp::new(
        &modules,
        &[dir.join("package.json"), dir.join("package-lock.json")],
    )?;
    if stamp.is_fresh() {
        return Ok(());
    }
    println!("installing the npm packages of {}", dir.display());
    run(Command::new("npm").current_dir(dir).args([
        "ci",
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
    ]))?;
    stamp.done()
}

fn find_browser() -> Option<Browser> {
    let chromium = env::var_os("CHROMIUM")
        .map(PathBuf::from)
        .or_else(|| find_program("chromium"))?;
    let chromedriver = env::var_os("CHROMEDRIVER")
        .map(PathBuf::from)
        .or_else(|| find_program("chromedriver"))?;
    Some(Browser {
        chromium,
        chromedriver,
    })
}

/// Installs Debian's packages. `by_hand` is what to do on another system.
fn apt_install(packages: &[&str], by_hand: &str) -> Result<()> {
    if find_program("apt-get").is_none() {
        bail!("{by_hand}");
    }
    apt_get(&["update", "-q"])?;
    let install = ["install", "-q", "-y", "--no-install-recommends"];
    apt_get(&[&install, packages].concat())
}

fn apt_get(args: &[&str]) -> Result<()> {
    run(as_root("apt-get", args)?.env("DEBIAN_FRONTEND", "noninteractive"))
}

fn as_root(program: &str, args: &[&str]) -> Result<Command> {
    let is_root = step::output(Command::new("id").arg("-u"))?.trim() == "0";
    let mut command = if is_root {
        Command::new(program)
    } else {
        Command::new("sudo")
    };
    if !is_root {
        command.arg(program);
    }
    command.args(args);
    Ok(command)
}
