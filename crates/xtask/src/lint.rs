//! Formatting, clippy, native and wasm32, prose, and whether the crates for crates.io can be packaged. The rule about which crate may use which is a test at the end.

use anyhow::Result;

use crate::{
    prose, release,
    step::{self, Steps, cargo},
};

/// The crates that only exist on wasm32.
const WASM_PACKAGES: [&str; 6] = [
    "rejoin-browser",
    "rejoin-js",
    "rejoin-leptos",
    "rejoin-example-csr",
    "rejoin-bench-leptos",
    "rejoin-demo",
];

/// All lints.
pub(crate) fn run(steps: &mut Steps) {
    steps.run("lint: formatting", || {
        step::run(&mut cargo(&["fmt", "--all", "--check"]))
    });
    steps.run("lint: clippy, native", native);
    steps.run("lint: clippy, wasm32", wasm);
    steps.run("lint: packages for crates.io", packages);
    steps.run("lint: prose", prose::lint);
}

fn native() -> Result<()> {
    run_clippy(&[])?;
    run_clippy(&["--package", "xtask"])?;
    run_clippy(&["--package", "rejoin-bench-native"])?;
    // What tests switch on, left out: the server as it is installed, and its least.
    for features in [&[][..], &["--no-default-features"]] {
        let mut command = cargo(&["clippy", "--quiet", "--package", "rejoin-server"]);
        step::run(command.args(features).args(["--", "-D", "warnings"]))?;
    }
    Ok(())
}

fn wasm() -> Result<()> {
    let mut args = vec!["--target", "wasm32-unknown-unknown"];
    for package in WASM_PACKAGES {
        args.extend(["--package", package]);
    }
    run_clippy(&args)
}

/// Whether each has what crates.io asks for: versions on its dependencies, a licence and a README that are there. Without the
/// network, and without building what has been built.
fn packages() -> Result<()> {
    let mut command = cargo(&[
        "package",
        "--quiet",
        "--offline",
        "--no-verify",
        "--allow-dirty",
    ]);
    for package in release::crates()? {
        command.args(["--package", &package]);
    }
    step::run(&mut command)
}

fn run_clippy(args: &[&str]) -> Result<()> {
    let mut command = cargo(&["clippy", "--quiet", "--all-targets"]);
    step::run(command.args(args).args(["--", "-D", "warnings"]))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use crate::step::{cargo, output};

    /// The allowed uses between crates. `tests/*` may use anything, and nothing may use `tests/*`.
    const ALLOWED: [(&str, &[&str]); 10] = [
        ("rejoin-wire", &[]),
        ("rejoin-core", &["rejoin-wire"]),
        ("rejoin-browser", &["rejoin-core", "rejoin-wire"]),
        (
            "rejoin-js",
            &["rejoin-browser", "rejoin-core", "rejoin-wire"],
        ),
        (
            "rejoin-leptos",
            &["rejoin-browser", "rejoin-core", "rejoin-wire"],
        ),
        ("rejoin-example-csr", &["rejoin-leptos"]),
        ("rejoin-demo", &["rejoin-leptos"]),
        ("rejoin-sessions", &["rejoin-wire"]),
        ("rejoin-server", &["rejoin-sessions", "rejoin-wire"]),
        ("xtask", &[]),
    ];

    #[test]
    fn crates_use_each_other_only_along_the_arrows() {
        let metadata = output(&mut cargo(&["metadata", "--format-version=1", "--no-deps"]))
            .expect("cargo metadata runs");
        let metadata: Value = serde_json::from_str(&metadata).expect("cargo metadata prints JSON");
        let packages = metadata["packages"].as_array().expect("packages is a list");
        let names: BTreeSet<&str> = packages
            .iter()
            .filter_map(|package| package["name"].as_str())
            .collect();
        for (name, _) in ALLOWED {
            assert!(
                names.contains(name),
                "{name} is named in the arrows but is not a package"
            );
        }
        for package in packages {
            let name = package["name"].as_str().expect("a package has a name");
            let is_test_package = package["manifest_path"]
                .as_str()
                .is_some_and(|path| path.contains("/tests/"));
            if is_test_package {
                continue;
            }
            let (_, allowed) = ALLOWED
                .iter()
                .find(|(known, _)| *known == name)
                .unwrap_or_else(|| panic!("{name} is new: say in this table what it may use"));
            for dependency in package["dependencies"]
                .as_array()
                .expect("dependencies is a list")
            {
                let used = dependency["name"]
                    .as_str()
                    .expect("a dependency has a name");
                let is_ours = names.contains(used);
                // A crate may name itself to switch on a feature of its own for its tests.
                assert!(
                    !is_ours || allowed.contains(&used) || used == name,
                    "{name} may not use {used}"
                );
            }
        }
    }
}
