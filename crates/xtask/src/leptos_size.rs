//! Builds the README's smallest application as its reader does: outside of this workspace, with a profile like the README's. Then with
//! one more part of the library at a time. A list and a form in plain Leptos stand beside it, to tell the share of Leptos.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value};

use crate::build::{RELEASE, optimise, remove_dir};
use crate::size;
use crate::step::{self, cargo, root, target_dir};

const NAME: &str = "size-page";

/// The smallest application, which the README shows.
const SMALLEST: &str = "crates/leptos/examples/csr/src/main.rs";

const PROFILE_SECTION: &str = "[profile.wasm-release]";

/// The same list and form without an agent.
const PLAIN: &str = r#"
use leptos::prelude::*;

fn main() {
    leptos::mount::mount_to_body(Chat);
}

#[component]
fn Chat() -> impl IntoView {
    let messages = RwSignal::new(Vec::<(usize, RwSignal<String>)>::new());
    let draft = RwSignal::new(String::new());
    let send = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        messages.update(|list| list.push((list.len(), RwSignal::new(draft.get()))));
        draft.set(String::new());
    };
    view! {
        <For each=move || messages.get() key=|message| message.0 let:message>
            <p class="human">{move || message.1.get()}</p>
        </For>
        <form on:submit=send>
            <input bind:value=draft aria-label="Message" />
            <button disabled=move || draft.with(String::is_empty)>"Send"</button>
        </form>
    }
}
"#;

/// Additions to the smallest application: a name, an option, a line of its component.
const ADDED: [(&str, &str, &str); 6] = [
    ("with edits", "", "stream.regenerate(\"id\");"),
    (
        "with branches",
        ".history_limit(20)",
        "stream.set_branch(\"\");",
    ),
    (
        "with tool results",
        "",
        "stream.add_tool_result(ToolResult { tool_call_id: String::new(), content: Json::null(), \
         is_error: false, name: None, artifact: None });",
    ),
    ("with a saved state", ".cache(Cache::default())", ""),
    (
        "with shared connections",
        ".share_connections(rejoin_leptos::ShareConnections::SameHeaders)",
        "",
    ),
    (
        "with a session's view",
        "",
        "let _view = use_view(stream, 50);",
    ),
];

/// The sizes of the applications' modules, by application: as wasm-bindgen writes them, and behind wasm-opt.
pub(crate) fn measure() -> Result<Value> {
    let smallest = fs::read_to_string(root().join(SMALLEST)).context(SMALLEST)?;
    let mut pages = vec![
        ("plain Leptos".to_owned(), PLAIN.to_owned(), false),
        ("the smallest".to_owned(), smallest.clone(), true),
    ];
    let (mut all_options, mut all_lines) = (String::new(), String::new());
    for (name, options, lines) in ADDED {
        pages.push((name.to_owned(), with(&smallest, options, lines)?, true));
        all_options += options;
        all_lines += lines;
    }
    let all = with(&smallest, &all_options, &all_lines)?;
    pages.push(("with all of these".to_owned(), all, true));
    let mut sizes = Map::new();
    for (name, source, is_ours) in pages {
        let module = build(&source, is_ours).with_context(|| name.clone())?;
        sizes.insert(name.clone(), size::of_file(&module)?);
        optimise(&module)?;
        sizes.insert(format!("{name}, wasm-opt"), size::of_file(&module)?);
    }
    Ok(Value::Object(sizes))
}

/// The smallest application with more options, and more lines behind those that make its stream.
fn with(smallest: &str, options: &str, lines: &str) -> Result<String> {
    let made = ".thread_in_url(\"thread\"));\n";
    ensure!(smallest.contains(made), "{SMALLEST} does not say {made}");
    let more = format!(".thread_in_url(\"thread\"){options});\n{lines}\n");
    Ok(smallest.replace(made, &more))
}

/// Builds an application, and gives its module. Its lock file is this workspace's, so that the versions are those that are
/// tested.
fn build(source: &str, is_ours: bool) -> Result<PathBuf> {
    let dir = target_dir().join("size/leptos");
    remove_dir(&dir)?;
    fs::create_dir_all(dir.join("src"))?;
    let library = root().join("crates/leptos");
    let used = is_ours.then(|| format!("rejoin-leptos = {{ path = {library:?} }}\n"));
    let manifest = format!(
        "[package]\nname = \"{NAME}\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n\
         leptos = {{ version = \"0.8\", features = [\"csr\"] }}\n{}\n{}",
        used.unwrap_or_default(),
        profile()?
    );
    fs::write(dir.join("Cargo.toml"), manifest)?;
    fs::write(dir.join("src/main.rs"), source)?;
    fs::copy(root().join("Cargo.lock"), dir.join("Cargo.lock"))?;
    let mut cargo = cargo(&["build", "--quiet", "--profile", RELEASE]);
    cargo.args(["--target", "wasm32-unknown-unknown"]);
    step::run(
        cargo
            .current_dir(&dir)
            .env("CARGO_TARGET_DIR", target_dir()),
    )?;
    let wasm = target_dir().join("wasm32-unknown-unknown").join(RELEASE);
    let wasm = wasm.join(NAME);
    bind(&wasm.with_extension("wasm"), &dir)?;
    Ok(dir.join(format!("{NAME}_bg.wasm")))
}

/// The sections of this workspace's manifest that describe the profile, which is the README's.
fn profile() -> Result<String> {
    let manifest = fs::read_to_string(root().join("Cargo.toml"))?;
    let sections = manifest.split("\n\n").map(without_comments);
    let is_profile = |section: &String| {
        section.starts_with("[profile.release]") || section.starts_with(PROFILE_SECTION)
    };
    let profile: Vec<String> = sections.filter(is_profile).collect();
    ensure!(profile.len() == 2, "Cargo.toml has no {PROFILE_SECTION}");
    Ok(profile.join("\n"))
}

fn without_comments(section: &str) -> String {
    let lines = section.lines().filter(|line| !line.starts_with('#'));
    lines.collect::<Vec<_>>().join("\n")
}

fn bind(wasm: &Path, out: &Path) -> Result<()> {
    let mut args: Vec<OsString> = ["wasm-bindgen", "--target", "web", "--no-typescript"]
        .map(OsString::from)
        .to_vec();
    args.extend(["--remove-name-section", "--remove-producers-section"].map(OsString::from));
    args.extend(["--out-dir".into(), out.into(), wasm.into()]);
    wasm_bindgen_cli::wasm_bindgen::run_cli_with_args(args).context("wasm-bindgen")
}

#[cfg(test)]
mod tests {
    use super::profile;

    #[test]
    fn the_profile_is_the_one_that_the_readme_recommends() {
        let readme = include_str!("../../leptos/README.md");
        let mut blocks = readme.split("```toml\n[profile.release]\n").skip(1);
        let block = blocks.next().and_then(|block| block.split("```").next());
        let profile = profile().expect("Cargo.toml has it");
        for line in block.expect("the README shows a profile").lines() {
            let line = line.replace("lto = true", "lto = \"fat\"");
            assert!(profile.contains(&line), "{line} is not in:\n{profile}");
        }
    }
}
