//! What becomes of the official clients' calls: each works, or is answered 501 with a code. The table is in the README.

#![allow(clippy::unwrap_used)]

mod support;

use std::{
    collections::BTreeMap,
    io::Write as _,
    path::{Path, PathBuf},
    process::Stdio,
};

use serde_json::Value;
use support::start_with;
use tokio::process::Command;

/// What becomes of a call, in the order in which they were made.
type Outcomes = Vec<(String, String)>;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn is_fine(outcome: &str) -> bool {
    matches!(outcome, "works" | "501 not_implemented")
}

async fn outcomes(program: &Path, arguments: &[&str]) -> Outcomes {
    let (_server, api) = start_with(|config| config.faults = false).await;
    let run = Command::new(program)
        .args(arguments)
        .arg(&api.base)
        .stderr(Stdio::inherit())
        .output();
    let output = run.await.unwrap_or_else(|error| {
        panic!(
            "{error}: {}; `cargo xtask setup` installs it",
            program.display()
        )
    });
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{told}");
    let read = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| line[name].as_str().unwrap().to_owned();
        (text("call"), text("outcome"))
    };
    told.lines().map(read).collect()
}

/// The table, as it is in the README.
fn table(js: &Outcomes, python: &Outcomes) -> String {
    let of_python: BTreeMap<_, _> = python.iter().cloned().collect();
    let mut table = "| call | JavaScript | Python |\n| --- | --- | --- |\n".to_owned();
    for (call, outcome) in js {
        let other = of_python.get(call).map_or("has none", String::as_str);
        table.push_str(&format!("| `{call}` | {outcome} | {other} |\n"));
    }
    table
}

#[tokio::test]
#[ignore = "needs both official clients: `cargo xtask setup` installs them, `cargo xtask test` runs this"]
async fn each_call_of_the_official_clients_works_or_is_refused_with_a_code() {
    let scripts = root().join("crates/server/tests/official_clients");
    let script = |name: &str| scripts.join(name).display().to_string();
    let package = root().join("www/package/node_modules/@langchain/langgraph-sdk");
    let package = package.display().to_string();
    let js = outcomes(Path::new("node"), &[&script("calls.mjs"), &package]).await;
    let python = root().join("target/agent-servers/python/.venv/bin/python");
    let python = outcomes(&python, &[&script("calls.py")]).await;
    let table = table(&js, &python);
    writeln!(std::io::stdout(), "{table}").unwrap();
    for (call, outcome) in js.iter().chain(&python) {
        assert!(is_fine(outcome), "{call}: {outcome}");
    }
    assert!(js.len() > 60 && python.len() > 60);
    let readme = std::fs::read_to_string(root().join("crates/server/README.md")).unwrap();
    assert!(readme.contains(&table), "the README has another table");
}
