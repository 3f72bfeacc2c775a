//! Builds `tests/packaging/leptos` as an application outside of this repository gets `rejoin-leptos`: from the packaged crates.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::build::remove_dir;
use crate::lint;
use crate::step::{self, Steps, cargo, output, root, target_dir};

/// The application's name.
const NAME: &str = "ten-steps";

/// The crates of ours that it is made of, each behind those it uses.
pub(crate) const LIBRARIES: [&str; 4] = [
    "rejoin-wire",
    "rejoin-core",
    "rejoin-browser",
    "rejoin-leptos",
];

/// The example whose one island is the chat.
const ISLANDS: &str = "rejoin-example-islands";

/// A page's features and target.
const PAGE: [&str; 5] = [
    "--lib",
    "--target",
    "wasm32-unknown-unknown",
    "--features",
    "hydrate",
];

/// The release of Leptos after the one that the crate asks for.
const NEXT_LEPTOS: &str = "=0.9.0-rc1";

/// The one word of the crate that differs with it: file, word, other word.
const NEXT_WORDS: (&str, &str, &str) = (
    "crates/rejoin-leptos/src/status.rs",
    "set_interval_with_handle(",
    "set_interval(",
);

/// Builds the application's server and page, and checks it with the next Leptos. True when all worked.
pub(crate) fn build(steps: &mut Steps) -> bool {
    let dir = target_dir().join("packaging/leptos");
    steps.run("packaging: the crates", || {
        lint::packages()?;
        fresh(&dir, &root().join("Cargo.lock"))
    }) && steps.run("packaging: the Leptos application's page", || {
        cargo_in(&dir, &[&["build"], &PAGE[..]].concat())?;
        bind(NAME, &dir.join("site/pkg"))
    }) && steps.run("packaging: the Leptos application's server", || {
        cargo_in(&dir, &["build", "--bin", NAME, "--features", "ssr"])
    }) && steps.run("packaging: the example with islands", islands)
        && steps.run("packaging: with the next Leptos", with_next_leptos)
}

/// Builds the example with islands: its page and its server.
fn islands() -> Result<()> {
    let page = [&["build", "--package", ISLANDS], &PAGE[..]].concat();
    cargo_in(root(), &page)?;
    bind(ISLANDS, &target_dir().join("packaging/islands/pkg"))?;
    let server = ["build", "--package", ISLANDS, "--bin", ISLANDS];
    cargo_in(root(), &[&server[..], &["--features", "ssr"]].concat())
}

/// The server's program.
pub(crate) fn server_binary() -> PathBuf {
    target_dir().join("debug").join(NAME)
}

fn sources() -> PathBuf {
    root().join("tests/packaging/leptos")
}

/// Lays a copy of the application, with the packaged crates beside it in the place of those of crates.io.
fn fresh(dir: &Path, lock: &Path) -> Result<()> {
    remove_dir(dir)?;
    copy(&sources().join("src"), &dir.join("src"))?;
    fs::copy(sources().join("Cargo.toml"), dir.join("Cargo.toml"))?;
    fs::copy(lock, dir.join("Cargo.lock")).with_context(|| lock.display().to_string())?;
    let mut patches = String::from("[patch.crates-io]\n");
    for name in LIBRARIES {
        let unpacked = dir.join("crates").join(name);
        fs::create_dir_all(&unpacked)?;
        let mut tar = Command::new("tar");
        tar.args(["--extract", "--gzip", "--strip-components=1", "--file"]);
        step::run(tar.arg(packaged(name)?).arg("--directory").arg(unpacked))?;
        patches += &format!("{name} = {{ path = \"crates/{name}\" }}\n");
    }
    fs::create_dir_all(dir.join(".cargo"))?;
    Ok(fs::write(dir.join(".cargo/config.toml"), patches)?)
}

/// The file that would go to crates.io.
fn packaged(name: &str) -> Result<PathBuf> {
    let id = output(&mut cargo(&["pkgid", "--offline", "--package", name]))?;
    let version = id.trim().rsplit(['#', '@']).next().unwrap_or_default();
    let file = target_dir().join(format!("package/{name}-{version}.crate"));
    ensure!(file.exists(), "{} is not there", file.display());
    Ok(file)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}

/// Cargo in the copy, with this repository's target folder, so that what both need is compiled once.
fn cargo_in(dir: &Path, args: &[&str]) -> Result<()> {
    let mut command = cargo(args);
    command.current_dir(dir).arg("--quiet");
    step::run(command.env("CARGO_TARGET_DIR", target_dir()))
}

fn bind(name: &str, pkg: &Path) -> Result<()> {
    let wasm = target_dir().join("wasm32-unknown-unknown/debug");
    let wasm = wasm.join(name.replace('-', "_")).with_extension("wasm");
    let mut args: Vec<OsString> = ["wasm-bindgen", "--target", "web", "--no-typescript"]
        .map(OsString::from)
        .to_vec();
    args.extend(["--out-name".into(), name.into(), "--out-dir".into()]);
    args.extend([pkg.into(), wasm.into()]);
    wasm_bindgen_cli::wasm_bindgen::run_cli_with_args(args).context("wasm-bindgen")
}

/// The same application, and the crate with the words that differ, against a release candidate that crates.io has.
fn with_next_leptos() -> Result<()> {
    let dir = target_dir().join("packaging/leptos-next");
    fresh(&dir, &sources().join("next.lock"))?;
    let requirement = format!("\"{NEXT_LEPTOS}\"");
    for manifest in ["Cargo.toml", "crates/rejoin-leptos/Cargo.toml"] {
        let path = dir.join(manifest);
        let text = fs::read_to_string(&path)?;
        fs::write(&path, with_requirement(&text, &requirement))?;
    }
    let (file, now, then) = NEXT_WORDS;
    let path = dir.join(file);
    let text = fs::read_to_string(&path)?;
    ensure!(text.contains(now), "{file} does not say {now} any more");
    fs::write(&path, text.replace(now, then))?;
    cargo_in(&dir, &[&["check"], &PAGE[..]].concat())
}

/// Puts another requirement in the place of each of Leptos' own crates' (`leptos`, `leptos_axum`, `leptos_router`).
fn with_requirement(manifest: &str, requirement: &str) -> String {
    let mut is_of_leptos = false;
    let mut lines = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            is_of_leptos = line.contains("dependencies.leptos");
        }
        let is_entry = line.starts_with("leptos") || (is_of_leptos && line.starts_with("version"));
        lines.push(match line.split_once('"') {
            Some((before, rest)) if is_entry => {
                let after = rest.split_once('"').map_or("", |(_, after)| after);
                format!("{before}{requirement}{after}")
            }
            _ => line.to_owned(),
        });
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::with_requirement;

    #[test]
    fn only_leptos_gets_another_requirement() {
        let manifest = "leptos = { version = \"0.8\", features = [\"x\"] }\nserde = \"1\"\n\
            [dependencies.leptos]\nversion = \"0.8.23\"\n[dependencies.serde]\nversion = \"1\"\n";
        let expected = "leptos = { version = \"2\", features = [\"x\"] }\nserde = \"1\"\n\
            [dependencies.leptos]\nversion = \"2\"\n[dependencies.serde]\nversion = \"1\"\n";
        assert_eq!(with_requirement(manifest, "\"2\""), expected);
    }
}
