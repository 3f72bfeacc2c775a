//! Formatting, clippy, native and wasm32, prose, and whether the crates for crates.io can be packaged. The rule about which crate may use which is a test at the end.

use std::ffi::OsStr;

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

/// The examples that are both a page and its server.
const SERVED_EXAMPLES: [&str; 2] = ["rejoin-example-ssr", "rejoin-example-islands"];

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
    run_clippy::<&str>(&[])?;
    run_clippy(&["--package", "xtask"])?;
    run_clippy(&["--package", "rejoin-bench-native"])?;
    // What tests switch on, left out: the server as it is installed, and its least.
    for features in [&[][..], &["--no-default-features"]] {
        let mut command = cargo(&["clippy", "--quiet", "--package", "rejoin-server"]);
        step::run(command.args(features).args(["--", "-D", "warnings"]))?;
    }
    run_clippy(&served_examples("ssr"))
}

fn wasm() -> Result<()> {
    // In one go with the others, so that Leptos is checked once, with the features of all.
    let mut args = served_examples("hydrate");
    args.extend(["--target", "wasm32-unknown-unknown"].map(str::to_owned));
    for package in WASM_PACKAGES {
        args.extend(["--package", package].map(str::to_owned));
    }
    run_clippy(&args)
}

/// The arguments that name these examples with one of their features.
fn served_examples(feature: &str) -> Vec<String> {
    let named = |package: &str| {
        let feature = format!("{package}/{feature}");
        [
            "--package".to_owned(),
            package.to_owned(),
            "--features".to_owned(),
            feature,
        ]
    };
    SERVED_EXAMPLES.into_iter().flat_map(named).collect()
}

/// Whether each has what crates.io asks for: versions on its dependencies, a licence and a README that are there. Without the
/// network, and without building what has been built.
pub(crate) fn packages() -> Result<()> {
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

fn run_clippy<A: AsRef<OsStr>>(args: &[A]) -> Result<()> {
    let mut command = cargo(&["clippy", "--quiet", "--all-targets"]);
    step::run(command.args(args).args(["--", "-D", "warnings"]))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value, json};

    use crate::step::{cargo, output};
    use crate::ten_steps::LIBRARIES;

    /// The allowed uses between crates. `tests/*` may use anything, and nothing may use `tests/*`.
    const ALLOWED: [(&str, &[&str]); 12] = [
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
        ("rejoin-example-ssr", &["rejoin-leptos"]),
        ("rejoin-example-islands", &["rejoin-leptos"]),
        ("rejoin-demo", &["rejoin-leptos"]),
        ("rejoin-sessions", &["rejoin-wire"]),
        ("rejoin-server", &["rejoin-sessions", "rejoin-wire"]),
        ("xtask", &[]),
    ];

    fn metadata() -> Value {
        let metadata = output(&mut cargo(&["metadata", "--format-version=1", "--no-deps"]))
            .expect("cargo metadata runs");
        serde_json::from_str(&metadata).expect("cargo metadata prints JSON")
    }

    /// An application has its own wasm-bindgen, compiler and Leptos.
    #[test]
    fn what_is_published_fits_into_other_applications() {
        let metadata = metadata();
        let packages = metadata["packages"].as_array().expect("packages is a list");
        for name in LIBRARIES {
            let package = packages.iter().find(|package| package["name"] == name);
            let package = package.unwrap_or_else(|| panic!("{name} is not a package"));
            assert_eq!(package["rust_version"], "1.88", "{name}: as Leptos' own");
            let dependencies = package["dependencies"].as_array().expect("it is a list");
            for dependency in dependencies {
                let (used, version) = (&dependency["name"], &dependency["req"]);
                let version = version.as_str().expect("a requirement is text");
                assert!(
                    !version.starts_with('='),
                    "{name}: {used} only in {version}"
                );
                assert_ne!(version, "*", "{name}: {used} has no version");
            }
        }
        let leptos = packages
            .iter()
            .find(|package| package["name"] == "rejoin-leptos");
        let features = &leptos.expect("it was found above")["features"];
        assert_eq!(features["default"], Value::Null, "nothing is on by itself");
        assert_eq!(features["ssr"], json!(["leptos/ssr"]));
        assert_eq!(features["hydrate"], json!(["leptos/hydrate"]));
    }

    #[test]
    fn crates_use_each_other_only_along_the_arrows() {
        let metadata = metadata();
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
