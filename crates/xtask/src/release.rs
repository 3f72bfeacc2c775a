//! `cargo xtask release --dry-run`: lists the crates and the npm package that would be published, in order, with their
//! versions, and everything that is missing. A person publishes, with the commands that it prints.

mod checks;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::Value;

use crate::package::package_dir;
use crate::step::{cargo, output, root};

/// Options of `cargo xtask release`.
#[derive(Args)]
pub(crate) struct ReleaseArgs {
    /// List the packages to publish and what is missing; publish nothing.
    #[arg(long)]
    dry_run: bool,
}

/// A package that would be published.
struct Item {
    name: String,
    version: String,
    registry: &'static str,
    /// How much would be uploaded, in words.
    content: String,
    command: String,
}

/// Prints the plan and the faults. An error if there is a fault.
pub(crate) fn run(args: &ReleaseArgs) -> Result<()> {
    if !args.dry_run {
        bail!(
            "this command does not publish: `cargo xtask release --dry-run` prints the commands for it, and what is missing"
        );
    }
    let mut faults = Vec::new();
    let packages = workspace()?;
    let (crates, cycle) = checks::in_order(&packages);
    faults.extend(cycle);
    let versions: BTreeMap<&str, &str> = crates
        .iter()
        .map(|package| {
            (
                checks::text(package, "name"),
                checks::text(package, "version"),
            )
        })
        .collect();
    let mut items = Vec::new();
    for package in &crates {
        let dir = Path::new(checks::text(package, "manifest_path"))
            .parent()
            .context("a manifest is in a folder")?;
        let has_file = |file: &str| dir.join(file).is_file();
        faults.extend(checks::crate_faults(package, &versions, has_file));
        items.push(crate_item(package, &mut faults));
    }
    items.push(npm_item(&mut faults)?);
    faults.extend(checks::version_faults(
        items.iter().map(|item| (&*item.name, &*item.version)),
    ));
    if let Some(item) = items.first() {
        faults.extend(checks::changelog_fault(
            &fs::read_to_string(root().join("CHANGELOG.md"))?,
            &item.version,
        ));
        let tag = format!("v{}", item.version);
        faults.extend(checks::tag_fault(&git(&["tag", "--list", &tag])?, &tag));
    }
    faults.extend(checks::tree_fault(&git(&["status", "--porcelain"])?));
    print(&items, &packages, &faults);
    match faults.len() {
        0 => Ok(()),
        1 => bail!("not ready: 1 thing is missing"),
        count => bail!("not ready: {count} things are missing"),
    }
}

/// The names of the crates for crates.io, each behind those it uses.
pub(crate) fn crates() -> Result<Vec<String>> {
    let packages = workspace()?;
    let (crates, cycle) = checks::in_order(&packages);
    if let Some(cycle) = cycle {
        bail!("{cycle}");
    }
    Ok(crates
        .iter()
        .map(|package| checks::text(package, "name").to_owned())
        .collect())
}

/// The packages of the workspace, from `cargo metadata`.
fn workspace() -> Result<Vec<Value>> {
    let metadata = output(&mut cargo(&["metadata", "--format-version=1", "--no-deps"]))?;
    let mut metadata: Value = serde_json::from_str(&metadata)?;
    match metadata["packages"].take() {
        Value::Array(packages) => Ok(packages),
        _ => bail!("cargo metadata lists no packages"),
    }
}

fn crate_item(package: &Value, faults: &mut Vec<String>) -> Item {
    let name = checks::text(package, "name").to_owned();
    let mut list = cargo(&["package", "--list", "--allow-dirty", "--offline"]);
    let content = match output(list.args(["--package", &name])) {
        Ok(files) => format!("{} files", files.lines().count()),
        Err(error) => {
            faults.push(format!("{name}: cannot be packaged: {error}"));
            String::new()
        }
    };
    Item {
        version: checks::text(package, "version").to_owned(),
        registry: "crates.io",
        content,
        command: format!("cargo publish -p {name}"),
        name,
    }
}

fn npm_item(faults: &mut Vec<String>) -> Result<Item> {
    let dir = package_dir();
    let read = |file: &str| -> Result<Value> {
        let path = dir.join(file);
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        serde_json::from_str(&text).with_context(|| path.display().to_string())
    };
    let package = read("package.json")?;
    let lock = read("package-lock.json")?;
    let has_file = |file: &str| dir.join(file).is_file();
    faults.extend(checks::npm_faults(&package, &lock, has_file));
    let mut pack = Command::new("npm");
    pack.current_dir(&dir);
    pack.args([
        "pack",
        "--dry-run",
        "--json",
        "--ignore-scripts",
        "--loglevel=error",
    ]);
    let content = match output(&mut pack).and_then(|text| Ok(serde_json::from_str::<Value>(&text)?))
    {
        Ok(packed) => format!(
            "{} files, {} kB packed",
            packed[0]["entryCount"],
            packed[0]["size"].as_u64().unwrap_or_default() / 1000
        ),
        Err(error) => {
            faults.push(format!("npm package: cannot be packed: {error}"));
            String::new()
        }
    };
    Ok(Item {
        name: checks::text(&package, "name").to_owned(),
        version: checks::text(&package, "version").to_owned(),
        registry: "npm",
        content,
        command: "cargo xtask package && (cd www/package && npm publish)".to_owned(),
    })
}

fn git(args: &[&str]) -> Result<String> {
    output(Command::new("git").current_dir(root()).args(args))
}

fn print(items: &[Item], packages: &[Value], faults: &[String]) {
    println!("To publish, in this order:\n");
    for (at, item) in items.iter().enumerate() {
        let (at, name) = (at + 1, &item.name);
        println!(
            "{at:>3}. {name:<16}{:<10}{:<11}{}",
            item.version, item.registry, item.content
        );
        println!("     {}", item.command);
    }
    let kept: Vec<&str> = packages
        .iter()
        .filter(|package| !checks::is_published(package))
        .map(|package| checks::text(package, "name"))
        .collect();
    println!("\nNot published (`publish = false`): {}", kept.join(", "));
    if faults.is_empty() {
        println!(
            "\nNothing is missing. The registries were not asked whether they have these versions already."
        );
        return;
    }
    println!("\nMissing:\n");
    for fault in faults {
        println!("  * {fault}");
    }
}
