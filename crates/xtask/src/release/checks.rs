//! The needs of a package before it can be published. Each check takes data and returns faults, in words that say what to
//! do.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// The licence files that each package brings along.
const LICENCES: [&str; 2] = ["LICENSE-MIT", "LICENSE-APACHE"];
/// So many keywords and so many categories crates.io takes.
const WORDS_MAX: usize = 5;
/// So many changed files are named.
const FILES_SHOWN: usize = 5;

/// A field of a package that is a text; empty if it is missing.
pub(super) fn text<'a>(package: &'a Value, field: &str) -> &'a str {
    package[field].as_str().unwrap_or_default()
}

/// `publish = false` is an empty list of registries; null means any.
pub(super) fn is_published(package: &Value) -> bool {
    package["publish"]
        .as_array()
        .is_none_or(|registries| !registries.is_empty())
}

/// The crates to publish, each behind those it uses, and a fault if some use each other in a circle.
pub(super) fn in_order(packages: &[Value]) -> (Vec<&Value>, Option<String>) {
    let mut waiting: Vec<&Value> = packages
        .iter()
        .filter(|package| is_published(package))
        .collect();
    waiting.sort_by_key(|package| text(package, "name"));
    let mut ordered = Vec::new();
    loop {
        let names: BTreeSet<&str> = waiting
            .iter()
            .map(|package| text(package, "name"))
            .collect();
        let is_ready = |package: &Value| {
            let own = text(package, "name");
            dependencies(package)
                .map(|dependency| text(dependency, "name"))
                .all(|name| name == own || !names.contains(name))
        };
        let (ready, rest): (Vec<&Value>, Vec<&Value>) =
            waiting.iter().partition(|package| is_ready(package));
        if ready.is_empty() {
            let names: Vec<&str> = rest.iter().map(|package| text(package, "name")).collect();
            let cycle = (!names.is_empty())
                .then(|| format!("{}: they use each other in a circle", names.join(", ")));
            ordered.extend(rest);
            return (ordered, cycle);
        }
        ordered.extend(ready);
        waiting = rest;
    }
}

/// The dependencies that crates.io looks at: all but those of tests that have no version, which cargo leaves out.
fn dependencies(package: &Value) -> impl Iterator<Item = &Value> {
    let all = package["dependencies"].as_array().into_iter().flatten();
    all.filter(|dependency| dependency["kind"] != "dev" || text(dependency, "req") != "*")
}

/// The faults of a crate. `published` has the versions of all crates to publish; `has_file` looks into the crate's folder.
pub(super) fn crate_faults(
    package: &Value,
    published: &BTreeMap<&str, &str>,
    has_file: impl Fn(&str) -> bool,
) -> Vec<String> {
    let mut faults = Vec::new();
    for field in [
        "description",
        "license",
        "repository",
        "readme",
        "rust_version",
    ] {
        if text(package, field).is_empty() {
            faults.push(format!("Cargo.toml has no `{}`", field.replace('_', "-")));
        }
    }
    for field in ["keywords", "categories"] {
        match package[field].as_array().map_or(0, Vec::len) {
            0 => faults.push(format!("Cargo.toml has no `{field}`")),
            count if count > WORDS_MAX => {
                faults.push(format!(
                    "Cargo.toml has {count} `{field}`; crates.io takes {WORDS_MAX}"
                ));
            }
            _ => {}
        }
    }
    let readme = text(package, "readme");
    let files = LICENCES
        .into_iter()
        .chain((!readme.is_empty()).then_some(readme));
    faults.extend(missing_files(files, has_file));
    for dependency in dependencies(package) {
        faults.extend(dependency_fault(dependency, published));
    }
    with_name(text(package, "name"), faults)
}

/// A crate of this workspace has a path, and on crates.io only its version counts.
fn dependency_fault(dependency: &Value, published: &BTreeMap<&str, &str>) -> Option<String> {
    dependency["path"].as_str()?;
    let (name, asked) = (text(dependency, "name"), text(dependency, "req"));
    let Some(version) = published.get(name) else {
        return Some(format!("it uses {name}, which is not published"));
    };
    if asked == "*" {
        return Some(format!(
            "its dependency {name} has no version: add `version = \"{version}\"`"
        ));
    }
    let wanted = format!("^{version}");
    (asked != wanted)
        .then(|| format!("it asks for {name} {asked}, but {version} would be published"))
}

/// The faults of the npm package. `has_file` looks into its folder.
pub(super) fn npm_faults(
    package: &Value,
    lock: &Value,
    has_file: impl Fn(&str) -> bool,
) -> Vec<String> {
    let mut faults = Vec::new();
    for field in ["name", "version", "description", "license"] {
        if text(package, field).is_empty() {
            faults.push(format!("package.json has no `{field}`"));
        }
    }
    for field in ["repository", "keywords", "files", "exports"] {
        if package[field].is_null() {
            faults.push(format!("package.json has no `{field}`"));
        }
    }
    if package["private"] == true {
        faults.push("package.json is `private`".to_owned());
    }
    let (version, locked) = (text(package, "version"), text(lock, "version"));
    if version != locked {
        faults.push(format!(
            "package-lock.json has version {locked}, and package.json {version}: run `npm install`"
        ));
    }
    for (name, asked) in package["dependencies"].as_object().into_iter().flatten() {
        let asked = asked.as_str().unwrap_or_default();
        if asked.is_empty() || asked == "*" || asked.starts_with("file:") {
            faults.push(format!("its dependency {name} has no version"));
        }
    }
    faults.extend(missing_files(
        LICENCES.into_iter().chain(["README.md"]),
        &has_file,
    ));
    let mut exported = BTreeSet::new();
    paths(&package["exports"], &mut exported);
    let unbuilt = exported.iter().filter(|path| !has_file(path)).count();
    if unbuilt > 0 {
        faults.push(format!(
            "{unbuilt} of {} exported files are not built: run `cargo xtask package`",
            exported.len()
        ));
    }
    with_name(&format!("{} (npm)", text(package, "name")), faults)
}

/// All files that `exports` names.
fn paths<'a>(exports: &'a Value, found: &mut BTreeSet<&'a str>) {
    match exports {
        Value::String(path) => {
            found.insert(path.trim_start_matches("./"));
        }
        Value::Object(conditions) => conditions.values().for_each(|value| paths(value, found)),
        _ => {}
    }
}

/// A fault if the packages do not all have one version.
pub(super) fn version_faults<'a>(
    packages: impl Iterator<Item = (&'a str, &'a str)>,
) -> Option<String> {
    let mut by_version: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, version) in packages {
        by_version.entry(version).or_default().push(name);
    }
    let told = by_version
        .iter()
        .map(|(version, names)| format!("{version} ({})", names.join(", ")));
    let told: Vec<String> = told.collect();
    (told.len() > 1).then(|| format!("the versions differ: {}", told.join(", ")))
}

/// A fault if the changelog does not have a section for the version.
pub(super) fn changelog_fault(changelog: &str, version: &str) -> Option<String> {
    let has_section = changelog
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .any(|title| title.split_whitespace().next() == Some(version));
    (!has_section).then(|| format!("CHANGELOG.md has no section `## {version}`"))
}

/// A fault if the version's tag is there already. `tags` is what `git tag --list` prints.
pub(super) fn tag_fault(tags: &str, tag: &str) -> Option<String> {
    let is_tagged = tags.lines().any(|line| line == tag);
    is_tagged.then(|| format!("the tag {tag} exists: raise the version"))
}

/// A fault if there are uncommitted changes. `status` is what `git status --porcelain` prints.
pub(super) fn tree_fault(status: &str) -> Option<String> {
    let files: Vec<&str> = status.lines().filter_map(|line| line.get(3..)).collect();
    let more = files.len().saturating_sub(FILES_SHOWN);
    let shown = files[..files.len() - more].join(", ");
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    (!files.is_empty()).then(|| format!("uncommitted changes: {shown}{more}"))
}

fn missing_files<'a>(
    files: impl Iterator<Item = &'a str>,
    has_file: impl Fn(&str) -> bool,
) -> Vec<String> {
    files
        .filter(|file| !has_file(file))
        .map(|file| format!("there is no {file}"))
        .collect()
}

fn with_name(name: &str, faults: Vec<String>) -> Vec<String> {
    faults
        .into_iter()
        .map(|fault| format!("{name}: {fault}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn package(name: &str, uses: &[&str]) -> Value {
        let uses: Vec<Value> = uses
            .iter()
            .map(|name| json!({"name": name, "req": "^0.1.0", "kind": null, "path": "/x"}))
            .collect();
        json!({
            "name": name, "version": "0.1.0", "publish": null, "description": "d", "license": "MIT", "repository": "r",
            "readme": "README.md", "rust_version": "1.88", "keywords": ["k"], "categories": ["c"], "dependencies": uses,
        })
    }

    fn npm() -> Value {
        json!({
            "name": "n", "version": "0.1.0", "description": "d", "license": "MIT", "repository": {}, "keywords": [], "files": [],
            "exports": {".": {"types": "./dist/a.d.ts", "default": "./dist/a.js"}},
        })
    }

    fn names<'a>(packages: &[&'a Value]) -> Vec<&'a str> {
        packages
            .iter()
            .map(|package| text(package, "name"))
            .collect()
    }

    #[test]
    fn a_crate_comes_behind_those_it_uses_and_unpublished_ones_are_left_out() {
        let mut kept = package("a-kept", &[]);
        kept["publish"] = json!([]);
        let packages = [
            package("a", &["b", "c"]),
            package("b", &["c"]),
            package("c", &[]),
            kept,
        ];
        let (ordered, cycle) = in_order(&packages);
        assert_eq!(names(&ordered), ["c", "b", "a"]);
        assert_eq!(cycle, None);
    }

    #[test]
    fn crates_that_use_each_other_are_a_fault() {
        let packages = [
            package("a", &["b"]),
            package("b", &["a"]),
            package("c", &[]),
        ];
        let (ordered, cycle) = in_order(&packages);
        assert_eq!(names(&ordered), ["c", "a", "b"]);
        assert_eq!(
            cycle.as_deref(),
            Some("a, b: they use each other in a circle")
        );
    }

    #[test]
    fn a_dependency_of_tests_counts_only_with_a_version() {
        let mut user = package("a", &["b"]);
        user["dependencies"][0]["kind"] = json!("dev");
        let packages = [user.clone(), package("b", &[])];
        assert_eq!(names(&in_order(&packages).0), ["b", "a"]);
        user["dependencies"][0]["req"] = json!("*");
        let packages = [user, package("b", &[])];
        assert_eq!(names(&in_order(&packages).0), ["a", "b"]);
    }

    /// The faults of a crate that uses `b`, after `change`, with these files in its folder.
    fn check(change: impl Fn(&mut Value), files: &[&str], expected: &[&str]) {
        let mut package = package("a", &["b"]);
        change(&mut package);
        let published = BTreeMap::from([("a", "0.1.0"), ("b", "0.1.0")]);
        assert_eq!(
            crate_faults(&package, &published, |file| files.contains(&file)),
            expected
        );
    }

    const FILES: [&str; 3] = ["LICENSE-MIT", "LICENSE-APACHE", "README.md"];

    #[test]
    fn each_fault_of_a_crate_is_named() {
        check(|_| {}, &FILES, &[]);
        check(
            |_| {},
            &FILES[..1],
            &["a: there is no LICENSE-APACHE", "a: there is no README.md"],
        );
        check(
            |package| package["rust_version"] = Value::Null,
            &FILES,
            &["a: Cargo.toml has no `rust-version`"],
        );
        check(
            |package| package["readme"] = Value::Null,
            &FILES,
            &["a: Cargo.toml has no `readme`"],
        );
        check(
            |package| package["keywords"] = json!([]),
            &FILES,
            &["a: Cargo.toml has no `keywords`"],
        );
        check(
            |package| package["categories"] = json!(["1", "2", "3", "4", "5", "6"]),
            &FILES,
            &["a: Cargo.toml has 6 `categories`; crates.io takes 5"],
        );
        check(
            |package| package["dependencies"][0]["req"] = json!("*"),
            &FILES,
            &["a: its dependency b has no version: add `version = \"0.1.0\"`"],
        );
        check(
            |package| package["dependencies"][0]["req"] = json!("^0.2.0"),
            &FILES,
            &["a: it asks for b ^0.2.0, but 0.1.0 would be published"],
        );
        check(
            |package| package["dependencies"][0]["name"] = json!("secret"),
            &FILES,
            &["a: it uses secret, which is not published"],
        );
    }

    #[test]
    fn each_fault_of_the_npm_package_is_named() {
        let check = |change: &dyn Fn(&mut Value), locked: &str, built: bool, expected: &[&str]| {
            let mut package = npm();
            change(&mut package);
            let lock = json!({ "version": locked });
            assert_eq!(
                npm_faults(&package, &lock, |file| built || FILES.contains(&file)),
                expected
            );
        };
        check(&|_| {}, "0.1.0", true, &[]);
        check(
            &|_| {},
            "0.1.0",
            false,
            &["n (npm): 2 of 2 exported files are not built: run `cargo xtask package`"],
        );
        check(
            &|_| {},
            "0.0.9",
            true,
            &[
                "n (npm): package-lock.json has version 0.0.9, and package.json 0.1.0: run `npm install`",
            ],
        );
        check(
            &|package| package["private"] = json!(true),
            "0.1.0",
            true,
            &["n (npm): package.json is `private`"],
        );
        check(
            &|package| package["keywords"] = Value::Null,
            "0.1.0",
            true,
            &["n (npm): package.json has no `keywords`"],
        );
        check(
            &|package| package["dependencies"] = json!({"x": "file:../x"}),
            "0.1.0",
            true,
            &["n (npm): its dependency x has no version"],
        );
    }

    #[test]
    fn versions_that_differ_are_told_with_their_packages() {
        assert_eq!(
            version_faults([("a", "1.0.0"), ("b", "1.0.0")].into_iter()),
            None
        );
        assert_eq!(
            version_faults([("a", "1.0.0"), ("b", "1.1.0"), ("c", "1.0.0")].into_iter()).as_deref(),
            Some("the versions differ: 1.0.0 (a, c), 1.1.0 (b)")
        );
    }

    #[test]
    fn the_changelog_the_tag_and_the_working_tree_are_looked_at() {
        assert_eq!(
            changelog_fault("# Changelog\n\n## 0.1.0 (2026-12-01)\n", "0.1.0"),
            None
        );
        assert!(changelog_fault("# Changelog\n\n## Unreleased\n\n* 0.1.0\n", "0.1.0").is_some());
        assert_eq!(tag_fault("", "v0.1.0"), None);
        assert!(tag_fault("v0.1.0\n", "v0.1.0").is_some());
        assert_eq!(tree_fault(""), None);
        assert_eq!(
            tree_fault(" M a\n?? b\n M c\n M d\n M e\n M f\n").as_deref(),
            Some("uncommitted changes: a, b, c, d, e and 1 more")
        );
    }

    #[test]
    fn a_package_of_this_repository_lacks_nothing() {
        let packages = super::super::workspace().expect("cargo metadata runs");
        let (crates, cycle) = in_order(&packages);
        assert_eq!(cycle, None);
        let version = |package: &&Value| {
            (
                text(package, "name").to_owned(),
                text(package, "version").to_owned(),
            )
        };
        let versions: BTreeMap<String, String> = crates.iter().map(version).collect();
        let versions = versions
            .iter()
            .map(|(name, version)| (&**name, &**version))
            .collect();
        assert_eq!(
            names(&crates),
            [
                "rejoin-wire",
                "rejoin-core",
                "rejoin-browser",
                "rejoin-leptos"
            ]
        );
        for package in crates {
            let manifest = std::path::Path::new(text(package, "manifest_path"));
            let has_file = |file: &str| manifest.with_file_name(file).is_file();
            assert_eq!(
                crate_faults(package, &versions, has_file),
                Vec::<String>::new()
            );
        }
    }
}
