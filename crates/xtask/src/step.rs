//! Running one step after the other, with its seconds, and the small helpers every step needs.

use std::collections::VecDeque;
use std::env;
use std::fmt;
use std::fs;
use std::io::{self, BufRead, BufReader, IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, bail};

/// So many of a failed command's last lines are printed again at the very end: whoever reads a log looks there first, and some
/// logs are cut at their beginning.
const LAST_LINES: usize = 60;

/// So many jobs run at once: two cores are busy with the browsers of three.
const AT_ONCE: usize = 3;

/// A command to be run beside others, and what its step is called.
pub(crate) struct Job {
    pub(crate) name: String,
    pub(crate) command: Command,
    /// Held until the command has ended.
    pub(crate) lock: Option<fs::File>,
}

/// The steps so far. A failed step does not stop the ones that do not need it; `finish` reports them all.
pub(crate) struct Steps {
    start: Instant,
    done: Vec<Done>,
}

struct Done {
    name: String,
    seconds: f64,
    ok: bool,
    /// The last lines that a failed command printed.
    last_lines: Vec<String>,
}

impl Done {
    /// Prints how a step ended.
    fn report(name: String, start: Instant, result: Result<()>) -> Self {
        let seconds = start.elapsed().as_secs_f64();
        match &result {
            Ok(()) => println!("==> {name}: {seconds:.1} s"),
            Err(error) => println!("==> {name}: FAILED after {seconds:.1} s: {error:#}"),
        }
        Self {
            name,
            seconds,
            ok: result.is_ok(),
            last_lines: result
                .err()
                .and_then(|error| error.downcast::<CommandFailed>().ok())
                .map(|failed| failed.last_lines)
                .unwrap_or_default(),
        }
    }
}

/// A command that ended otherwise than with success.
#[derive(Debug)]
struct CommandFailed {
    message: String,
    last_lines: Vec<String>,
}

impl fmt::Display for CommandFailed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)
    }
}

impl std::error::Error for CommandFailed {}

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
        let done = Done::report(name.to_owned(), start, work());
        let ok = done.ok;
        self.done.push(done);
        ok
    }

    /// Runs two rows of steps side by side: where one has work for one core only, the other takes the rest.
    pub(crate) fn both<L: Send, R>(
        &mut self,
        left: impl FnOnce(&mut Self) -> L + Send,
        right: impl FnOnce(&mut Self) -> R,
    ) -> (L, R) {
        let mut rows = [Self::default(), Self::default()];
        let [of_left, of_right] = &mut rows;
        let results = thread::scope(|scope| {
            let left = scope.spawn(|| left(of_left));
            let right = right(of_right);
            (left.join().expect("a row only runs steps"), right)
        });
        self.done.extend(rows.into_iter().flat_map(|row| row.done));
        results
    }

    /// Runs commands that wait a good deal, a few of them side by side; each line they print begins with their name.
    /// True when all succeeded.
    pub(crate) fn run_side_by_side(&mut self, jobs: Vec<Job>) -> bool {
        let waiting = Mutex::new(jobs.into_iter());
        let next = || waiting.lock().ok()?.next();
        let done: Vec<Done> = thread::scope(|scope| {
            let work = || {
                std::iter::from_fn(next)
                    .map(one_of_many)
                    .collect::<Vec<_>>()
            };
            let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
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
            last_lines: Vec::new(),
        });
    }

    /// Prints the table of steps, and what the failed ones printed last; an error when any of them failed.
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
        for step in &self.done {
            if !step.last_lines.is_empty() {
                println!("\n==> {}: its last lines", step.name);
                for line in &step.last_lines {
                    println!("{line}");
                }
            }
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

fn one_of_many(
    Job {
        name,
        mut command,
        lock: _lock,
    }: Job,
) -> Done {
    println!("==> {name}");
    let start = Instant::now();
    let result = run_and_repeat(&mut command, &format!("[{name}] "));
    Done::report(name, start, result)
}

/// Prints each line of the command's as it comes, behind `prefix`, and keeps the last ones for the case that it fails.
fn run_and_repeat(command: &mut Command, prefix: &str) -> Result<()> {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("could not start {}", shown(command)))?;
    let out = child.stdout.take().context("the output is piped")?;
    let errors = child.stderr.take().context("the errors are piped")?;
    let last = Mutex::new(VecDeque::new());
    let repeat = |from: &mut dyn Read| {
        // Bytes, as nothing says that it is all UTF-8.
        for line in BufReader::new(from).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).into_owned();
            println!("{prefix}{line}");
            let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
            if last.len() == LAST_LINES {
                last.pop_front();
            }
            last.push_back(line);
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| repeat(&mut { errors }));
        repeat(&mut { out });
    });
    let status = child.wait()?;
    if status.success() {
        return Ok(());
    }
    let last = last.into_inner().unwrap_or_else(PoisonError::into_inner);
    Err(CommandFailed {
        message: format!("{} failed ({status})", shown(command)),
        last_lines: last.into(),
    }
    .into())
}

/// The repository's root folder.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("crates/xtask is two levels below the root")
}

/// Cargo's output folder; `CARGO_TARGET_DIR` moves it.
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
    if !io::stdout().is_terminal() {
        return run_and_repeat(command, "");
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_commands_last_lines_are_kept_however_it_is_wrapped() {
        let mut command = Command::new("sh");
        command.args(["-c", "seq 100; exit 3"]);
        let result = run_and_repeat(&mut command, "").context("while it was tested");
        let done = Done::report("counting".to_owned(), Instant::now(), result);
        let wanted: Vec<String> = (41..=100).map(|n| n.to_string()).collect();
        assert!(!done.ok);
        assert_eq!(done.last_lines, wanted);
    }

    #[test]
    fn errors_are_repeated_too() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo bad >&2; exit 1"]);
        let error = run_and_repeat(&mut command, "").expect_err("it exits with 1");
        assert!(error.to_string().contains("exit status: 1"), "{error}");
        let failed = error.downcast::<CommandFailed>().expect("it ran");
        assert_eq!(failed.last_lines, ["bad"]);
    }
}
