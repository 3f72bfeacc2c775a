//! Running one step after the other, with its seconds, and the small helpers every step needs.

use std::env;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, bail};

/// What ran so far. A failed step does not stop the ones that do not need it; `finish` reports them all.
pub(crate) struct Steps {
    start: Instant,
    done: Vec<Done>,
}

struct Done {
    name: String,
    seconds: f64,
    ok: bool,
}

impl Default for Steps {
    fn default() -> Self {
        Self {
            start: Instant::now(),
            done: Vec::new(),
        }
    }
}

impl Steps {
    /// Runs `work` and prints its seconds. True when it succeeded.
    pub(crate) fn run(&mut self, name: &str, work: impl FnOnce() -> Result<()>) -> bool {
        println!("==> {name}");
        let start = Instant::now();
        let result = work();
        let seconds = start.elapsed().as_secs_f64();
        match &result {
            Ok(()) => println!("==> {name}: {seconds:.1} s"),
            Err(error) => println!("==> {name}: FAILED after {seconds:.1} s: {error:#}"),
        }
        self.done.push(Done {
            name: name.to_owned(),
            seconds,
            ok: result.is_ok(),
        });
        result.is_ok()
    }

    /// Runs commands that mostly wait, `at_once` of them side by side; each line they print begins with their name.
    /// True when all succeeded.
    pub(crate) fn run_side_by_side(
        &mut self,
        jobs: Vec<(String, Command)>,
        at_once: usize,
    ) -> bool {
        let waiting = Mutex::new(jobs.into_iter());
        let next = || waiting.lock().ok()?.next();
        let done: Vec<Done> = thread::scope(|scope| {
            let work = || {
                std::iter::from_fn(next)
                    .map(|(name, command)| one_of_many(name, command))
                    .collect::<Vec<_>>()
            };
            let workers: Vec<_> = (0..at_once).map(|_| scope.spawn(work)).collect();
            workers
                .into_iter()
                .flat_map(|worker| worker.join().expect("a worker only runs commands"))
                .collect()
        });
        let ok = done.iter().all(|step| step.ok);
        self.done.extend(done);
        ok
    }

    /// Records a step that was not run because one it needs has failed.
    pub(crate) fn skip(&mut self, name: &str, because: &str) {
        println!("==> {name}: SKIPPED, {because}");
        self.done.push(Done {
            name: format!("{name} (skipped)"),
            seconds: 0.0,
            ok: false,
        });
    }

    /// Prints the table of steps; an error when any of them failed.
    pub(crate) fn finish(&self) -> Result<()> {
        if self.done.len() > 1 {
            println!();
            for step in &self.done {
                println!(
                    "{:>8.1} s  {}  {}",
                    step.seconds,
                    if step.ok { "ok    " } else { "FAILED" },
                    step.name
                );
            }
            println!(
                "{:>8.1} s  in all, some of it side by side",
                self.start.elapsed().as_secs_f64()
            );
        }
        let failed: Vec<&str> = self
            .done
            .iter()
            .filter(|step| !step.ok)
            .map(|step| step.name.as_str())
            .collect();
        if failed.is_empty() {
            Ok(())
        } else {
            bail!("failed: {}", failed.join(", "))
        }
    }
}

fn one_of_many(name: String, command: Command) -> Done {
    println!("==> {name}");
    let start = Instant::now();
    let result = run_with_prefix(&name, command);
    let seconds = start.elapsed().as_secs_f64();
    match &result {
        Ok(()) => println!("==> {name}: {seconds:.1} s"),
        Err(error) => println!("==> {name}: FAILED after {seconds:.1} s: {error:#}"),
    }
    Done {
        name,
        seconds,
        ok: result.is_ok(),
    }
}

/// Standard error is not captured: it is rare, and a line of it says itself where it comes from.
fn run_with_prefix(name: &str, mut command: Command) -> Result<()> {
    let words = shown(&command);
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("could not start {words}"))?;
    let out = child.stdout.take().context("the output is piped")?;
    for line in BufReader::new(out).lines() {
        println!("[{name}] {}", line?);
    }
    let status = child.wait()?;
    if status.success() {
        Ok(())
    } else {
        bail!("{words} failed ({status})")
    }
}

/// The repository's root folder.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("crates/xtask is two levels below the root")
}

/// Where cargo puts its output; `CARGO_TARGET_DIR` moves it.
pub(crate) fn target_dir() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// `cargo ARGS` in the root.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root()).args(args);
    command
}

/// Runs a command with its output shown; an error names the command when it fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("could not start {}", shown(command)))?;
    if status.success() {
        Ok(())
    } else {
        bail!("{} failed ({status})", shown(command))
    }
}

/// Runs a command quietly and returns what it printed.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("could not start {}", shown(command)))?;
    if !output.status.success() {
        bail!("{} failed ({})", shown(command), output.status);
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The first executable of that name on `PATH`.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?)
        .map(|dir| dir.join(name))
        .find(|path| path.is_file())
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}
