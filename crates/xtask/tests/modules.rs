//! Within a crate, the modules right below its root use each other one way: no circle. Nor do the files of `core`'s client.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Each module and those that it uses, by their names.
type Arrows = BTreeMap<String, BTreeSet<String>>;

#[test]
fn the_modules_of_core_use_each_other_one_way() {
    check("core", ("client", "thread_store"));
}

/// Each of them changes the client, whose fields `client/mod.rs` holds: what it uses of that is not counted.
#[test]
fn the_files_of_the_client_use_each_other_one_way() {
    let folder = root().join("crates/core/src/client");
    let arrows = arrows(&folder, "mod", &["super::", "crate::client::"]);
    check_arrows("core's client", &arrows, ("phase", "link"));
}

#[test]
fn the_modules_of_sessions_use_each_other_one_way() {
    check("sessions", ("redb", "store"));
}

#[test]
fn the_modules_of_server_use_each_other_one_way() {
    check("server", ("http", "auth"));
}

/// `known` is an arrow of the crate: what is not read gives no circle either.
fn check(krate: &str, known: (&str, &str)) {
    let folder = root().join("crates").join(krate).join("src");
    check_arrows(krate, &arrows(&folder, "lib", &["crate::"]), known);
}

fn check_arrows(of: &str, arrows: &Arrows, known: (&str, &str)) {
    assert!(arrows[known.0].contains(known.1), "{arrows:?}");
    let circle = circle(arrows);
    assert!(
        circle.is_none(),
        "these modules of {of} use each other in a circle; move what they share into a module of its own: {circle:?}"
    );
}

#[test]
fn a_circle_is_found() {
    let arrow = |from: &str, to: &[&str]| {
        let to = to.iter().copied().map(str::to_owned).collect();
        (from.to_owned(), to)
    };
    let open = [arrow("a", &["b", "c"]), arrow("b", &["c"]), arrow("c", &[])];
    assert_eq!(circle(&open.into()), None);
    let closed = [arrow("a", &["b"]), arrow("b", &["c"]), arrow("c", &["b"])];
    let found = circle(&closed.into()).expect("b and c use each other");
    assert_eq!(found, ["b", "c"]);
}

/// The arrows between the modules whose files are in `folder`. The one named `root` is above them, and they name each other behind `ways`.
fn arrows(folder: &Path, root: &str, ways: &[&str]) -> Arrows {
    let modules = modules(folder, root);
    let given = given_by_root(&code(&folder.join(root).with_extension("rs")));
    let mut arrows = Arrows::new();
    for (module, files) in &modules {
        let mut uses = BTreeSet::new();
        for file in files {
            let code = code(file);
            // Deeper down `super` is a module of the folder.
            let is_below = file.parent() == Some(folder) || file.ends_with("mod.rs");
            let ways = ways.iter().filter(|way| is_below || **way != "super::");
            for name in ways.flat_map(|way| names_behind(way, &code)) {
                let of = given.get(&name).unwrap_or(&name);
                assert!(
                    modules.contains_key(of) || !given.contains_key(&name),
                    "{root}.rs gives `{name}` from `{of}`, which is no module"
                );
                uses.insert(of.clone());
            }
        }
        uses.retain(|of| of != module && modules.contains_key(of));
        arrows.insert(module.clone(), uses);
    }
    arrows
}

/// The modules that use each other, if any do.
fn circle(arrows: &Arrows) -> Option<Vec<String>> {
    let mut left = arrows.clone();
    // Whatever uses nothing that is left stands in no circle.
    while let Some(end) = left.keys().find(|of| left[*of].is_empty()).cloned() {
        left.remove(&end);
        for uses in left.values_mut() {
            uses.remove(&end);
        }
    }
    // From anywhere, following arrows comes to a circle.
    let mut way: Vec<String> = vec![left.keys().next()?.clone()];
    loop {
        let next = left[way.last()?].first()?.clone();
        if let Some(begins) = way.iter().position(|of| *of == next) {
            return Some(way.split_off(begins));
        }
        way.push(next);
    }
}

/// Each module with its files, without the root.
fn modules(folder: &Path, root: &str) -> BTreeMap<String, Vec<PathBuf>> {
    let mut modules = BTreeMap::<String, Vec<PathBuf>>::new();
    for entry in fs::read_dir(folder).expect("the sources can be read") {
        let path = entry.expect("an entry can be read").path();
        let name = path.file_stem().expect("it has a name");
        let name = name.to_str().expect("our names are UTF-8").to_owned();
        if name != root {
            // A module's file and its folder stand beside each other.
            modules.entry(name).or_default().extend(files(path));
        }
    }
    modules
}

fn files(path: PathBuf) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path];
    }
    let entries = fs::read_dir(path).expect("a folder can be read");
    entries
        .flat_map(|entry| files(entry.expect("an entry can be read").path()))
        .collect()
}

/// The text of a file without its comments.
fn code(file: &Path) -> String {
    let text = fs::read_to_string(file).expect("a source file can be read");
    let lines = text.lines().map(|line| line.split("//").next());
    lines.flatten().collect::<Vec<_>>().join("\n")
}

/// What `pub use module::{..}` in the root gives, each name with its module.
fn given_by_root(lib: &str) -> BTreeMap<String, String> {
    let mut given = BTreeMap::new();
    for line in lib.split(';') {
        let Some(tree) = line.trim().strip_prefix("pub use ") else {
            continue;
        };
        let Some((module, names)) = tree.split_once("::") else {
            continue;
        };
        for name in first_names(names) {
            given.insert(name, module.to_owned());
        }
    }
    given
}

/// The first names behind each `way`.
fn names_behind(way: &str, code: &str) -> Vec<String> {
    code.split(way).skip(1).flat_map(first_names).collect()
}

/// `a`, `b` of `a::x`, and of `{a::{x, y}, b}`.
fn first_names(tree: &str) -> Vec<String> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let name = |text: &str| {
        let text = text.trim_start();
        let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
        text[..end].to_owned()
    };
    let Some(group) = tree.strip_prefix('{') else {
        return vec![name(tree)];
    };
    let (mut names, mut depth, mut begins) = (Vec::new(), 0, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' | ',' if depth == 0 => {
                names.push(name(&group[begins..at]));
                begins = at + 1;
            }
            '}' => depth -= 1,
            _ => {}
        }
        if c == '}' && begins == at + 1 {
            break;
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}
