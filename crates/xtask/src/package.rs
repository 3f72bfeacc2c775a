//! Builds the npm package `rejoin` into `www/package/dist`: the module, its bindings, the loaders' inline copy, and the TypeScript.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::build::{Profile, node, remove_dir, wasm_opt};
use crate::inline;
use crate::panics;
use crate::setup;
use crate::split;
use crate::step::{Job, Steps, cargo, output, root, run, target_dir};
use crate::unreached;

/// The profile of the released module. The demo has another one, with its own flags.
const RELEASE: &str = "wasm-package";

/// The folder of the package.
pub(crate) fn package_dir() -> PathBuf {
    root().join("www/package")
}

const INLINE_D_TS: &str = "import type { InlineWasm } from \"./decode.js\";
/** The module as text. */
export declare const wasm: InlineWasm;
";

/// The second module's file.
const EXTRAS_WASM: &str = "rejoin_extras_bg.wasm";

/// A module with nothing in it.
const EMPTY_WASM: &[u8] = b"\0asm\x01\0\0\0";

/// The export that only the second module implements.
const EXTEND: &str = "engine_extend";

/// Builds everything. True when it worked.
pub(crate) fn build(steps: &mut Steps, profile: Profile) -> bool {
    // Held until this function returns.
    let mut lock = None;
    steps.run("package: npm packages", || {
        setup::npm_packages(&package_dir())
    }) && steps.run("package: wasm", || compile_wasm(profile))
        && steps.run("package: bindings", || {
            lock = Some(exclusive()?);
            bind(profile)
        })
        && steps.run("package: TypeScript", || compile(profile))
}

/// Waits until no other process builds or reads the package's files: two builds at once would mix theirs.
pub(crate) fn exclusive() -> Result<fs::File> {
    locked("package")
}

/// Waits until no other process holds the lock of this name; it is held until the file is dropped.
pub(crate) fn locked(name: &str) -> Result<fs::File> {
    let path = target_dir().join(name).with_extension("lock");
    let file = fs::File::create(&path).with_context(|| path.display().to_string())?;
    file.lock().with_context(|| path.display().to_string())?;
    Ok(file)
}

fn compile_wasm(profile: Profile) -> Result<()> {
    let mut command = cargo(&[
        "build",
        "--package",
        "rejoin-js",
        "--target",
        "wasm32-unknown-unknown",
        "--profile",
        profile.cargo_name(RELEASE),
    ]);
    if profile == Profile::Release {
        command.env("CARGO_ENCODED_RUSTFLAGS", no_local_paths()?);
    }
    run(&mut command)
}

/// Flags that make the release the same on every machine. A panic tells its position without the folder of the sources,
/// which differs between machines, also for dependencies and the standard library.
fn no_local_paths() -> Result<String> {
    let sysroot = output(
        Command::new("rustc")
            .args(["--print", "sysroot"])
            .current_dir(root()),
    )?;
    let version = output(Command::new("rustc").arg("-vV").current_dir(root()))?;
    let commit = version
        .lines()
        .find_map(|line| line.strip_prefix("commit-hash: "))
        .unwrap_or("unknown");
    let mut flags = vec![format!(
        "--remap-path-prefix={}/lib/rustlib/src/rust=/rustc/{commit}",
        sysroot.trim()
    )];
    // What is wanted of it: `unreached.rs`.
    flags.push("-Clink-arg=--emit-relocs".to_owned());
    // A mebibyte in all, data included: up to there an address in the code is a byte shorter.
    flags.push("-Clink-arg=-zstack-size=983040".to_owned());
    if let Some(home) = cargo_home() {
        flags.push(format!("--remap-path-prefix={}=cargo", home.display()));
    }
    // Cargo splits them at this character.
    Ok(flags.join("\u{1f}"))
}

/// The folder where cargo keeps the sources of dependencies.
fn cargo_home() -> Option<PathBuf> {
    env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cargo")))
}

/// The package's own tests, as it was built last, when its types are right. They start the server themselves.
pub(crate) fn tests(steps: &mut Steps) -> Option<Job> {
    let npm = |args: &[&str]| {
        let mut npm = Command::new("npm");
        npm.current_dir(package_dir()).args(args);
        npm
    };
    let types_are_right = steps.run("test: the npm package's types", || {
        run(&mut npm(&["run", "check"]))
    });
    types_are_right.then(|| Job {
        name: "test: the npm package".to_owned(),
        command: npm(&["test"]),
        lock: None,
    })
}

/// Fills `generated/`, which the TypeScript sees as a part of its sources.
fn bind(profile: Profile) -> Result<()> {
    let generated = package_dir().join("generated");
    let wasm_dir = generated.join("wasm");
    remove_dir(&generated)?;
    fs::create_dir_all(&wasm_dir)?;
    let compiled = target_dir()
        .join("wasm32-unknown-unknown")
        .join(profile.dir_name(RELEASE))
        .join("rejoin_js.wasm");
    match profile {
        Profile::Dev => {
            bindgen(&compiled, &wasm_dir, profile)?;
            // All of it is in the first one.
            fs::write(wasm_dir.join(EXTRAS_WASM), EMPTY_WASM)?;
        }
        Profile::Release => bind_reached(&compiled, &wasm_dir)?,
    }
    fs::remove_file(wasm_dir.join("rejoin_bg.wasm.d.ts"))?;
    let wasm = generated.join("rejoin_bg.wasm");
    fs::rename(wasm_dir.join("rejoin_bg.wasm"), &wasm)?;
    let extras = generated.join(EXTRAS_WASM);
    fs::rename(wasm_dir.join(EXTRAS_WASM), &extras)?;
    let bindings = wasm_dir.join("rejoin.js");
    if profile == Profile::Release {
        make_small(&wasm, &extras, &bindings)?;
    }
    let name = name_of(&wasm)?;
    let types = wasm_dir.join("rejoin.d.ts");
    let exports = EXPORTS.replace(split::FIRST, &name);
    replace_part(&bindings, "async function __wbg_load(", None, &exports)?;
    replace_part(&bindings, "export class Engine", Some(" {"), BEGIN)?;
    replace_part(
        &bindings,
        "function passStringToWasm0(",
        Some("function takeFromExternrefTable0("),
        PASS_STRING,
    )?;
    replace_part(
        &bindings,
        "let cachedTextDecoder",
        Some("let WASM_VECTOR_LEN"),
        "",
    )?;
    replace_part(
        &bindings,
        "        // First up with a closure",
        Some("        state.cnt++;"),
        ONCE_FREED,
    )?;
    replace_part(&types, "export type InitInput", None, EXPORT_TYPES)?;
    for (wasm, name) in [(&wasm, "inline"), (&extras, "inline-extras")] {
        let path = wasm_dir.join(name);
        fs::write(path.with_extension("js"), inline::module(&fs::read(wasm)?)).context(name)?;
        fs::write(path.with_extension("d.ts"), INLINE_D_TS).context(name)?;
    }
    Ok(())
}

/// Generates the bindings of the module with traps for panics, and without what then is reached by nothing.
fn bind_reached(compiled: &Path, wasm_dir: &Path) -> Result<()> {
    let [module, copy] =
        ["cut", "copy"].map(|name| compiled.with_file_name(name).join("rejoin.wasm"));
    for path in [&module, &copy] {
        fs::create_dir_all(path.parent().context("a file is in a folder")?)?;
    }
    let made = unreached::Copy::make(compiled, &module, &copy, panics::silence)?;
    bindgen(&module, wasm_dir, Profile::Release)?;
    let copy_dir = copy.with_file_name("bound");
    bindgen(&copy, &copy_dir, Profile::Release)?;
    let [module, copy] = [wasm_dir, &copy_dir].map(|dir| dir.join("rejoin_bg.wasm"));
    let made = made.optimised(&copy, |copy| match wasm_opt() {
        Some(wasm_opt) => optimise(&wasm_opt, copy, &[]).map(drop),
        None => Ok(()),
    })?;
    made.empty(&module)?;
    split::split(&made, EXTEND, &module, &module.with_file_name(EXTRAS_WASM))
}

fn bindgen(compiled: &Path, out_dir: &Path, profile: Profile) -> Result<()> {
    let mut args: Vec<OsString> = [
        "wasm-bindgen",
        "--target",
        "web",
        "--omit-default-module-path",
        "--out-name",
        "rejoin",
    ]
    .map(OsString::from)
    .to_vec();
    if profile == Profile::Release {
        // Names stay: `unreached.rs` goes by them. wasm-opt leaves them out then.
        args.push("--remove-producers-section".into());
    }
    args.extend(["--out-dir".into(), out_dir.into(), compiled.into()]);
    wasm_bindgen_cli::wasm_bindgen::run_cli_with_args(args).context("wasm-bindgen")
}

/// The wasm-opt options for released modules.
const OPTIMISE: [&str; 5] = [
    // The lowest kilobyte is the far end of the stack, so an address may be folded into what is read from it.
    "--low-memory-unused",
    // The second time finds what the first has left.
    "-Oz",
    "-Oz",
    // Who made it with what, which is for tools.
    "--strip-producers",
    "--strip-target-features",
];

/// Prints what is called what from then on.
const SHORT_NAMES: &str = "--minify-imports-and-exports-and-modules";

/// Makes the modules small. It also tells the bindings and the second module the short names of the first module's imports
/// and exports. The long names, each a hash, were a good deal of the download.
fn make_small(wasm: &Path, extras: &Path, bindings: &Path) -> Result<()> {
    let Some(wasm_opt) = wasm_opt() else {
        println!("wasm-opt is not installed: the modules stay larger than they need to be");
        return Ok(());
    };
    let names = optimise(&wasm_opt, wasm, &[SHORT_NAMES])?;
    let names: Value = serde_json::from_str(&names).context("wasm-opt printed no names")?;
    let mut js = with_short_names(&fs::read_to_string(bindings)?, &names)?;
    let first = name_of(wasm)?;
    let mut own = 0;
    split::rename_imports(extras, &mut |module, name| {
        if module == split::FIRST {
            return Some((first.clone(), short_name(&names, "exports", 0, name)?));
        }
        // What only the second one imports has no short name yet; wasm-opt gives none of this form.
        let short = short_name(&names, "imports", 1, name).unwrap_or_else(|| {
            own += 1;
            format!("_{own}")
        });
        js = js.replace(&import_key(name), &import_key(&short));
        Some(("a".to_owned(), short))
    })?;
    fs::write(bindings, js)?;
    optimise(&wasm_opt, extras, &[])?;
    Ok(())
}

/// Optimises a module in its place, and returns the output of wasm-opt.
fn optimise(wasm_opt: &Path, wasm: &Path, more: &[&str]) -> Result<String> {
    output(
        Command::new(wasm_opt)
            .args(OPTIMISE)
            .args(more)
            .arg(wasm)
            .arg("-o")
            .arg(wasm),
    )
}

/// A unique name for a module, by which the second module refers to it. A page may have been open since before the site's
/// last release. The second module may then be a newer one, and would find other functions under the names that it knows.
fn name_of(wasm: &Path) -> Result<String> {
    let mut hasher = DefaultHasher::new();
    fs::read(wasm)?.hash(&mut hasher);
    Ok(format!("{:08x}", hasher.finish() as u32))
}

/// The new name that wasm-opt gave; `key` is at `at` in its rows, and the new name follows.
fn short_name(names: &Value, kind: &str, at: usize, name: &str) -> Option<String> {
    let rows = names[kind].as_array()?;
    let row = rows.iter().find(|row| row[at] == name)?;
    Some(row[at + 1].as_str()?.to_owned())
}

/// How an import begins in the bindings.
fn import_key(name: &str) -> String {
    format!("        {name}: ")
}

/// Renames `name: function` among the imports, `wasm.name` wherever an export is used, and the one module that is imported.
fn with_short_names(js: &str, names: &Value) -> Result<String> {
    let rows = |key: &str| names[key].as_array().cloned().unwrap_or_default();
    let text = |row: &Value, at: usize| row[at].as_str().unwrap_or_default().to_owned();
    let mut js = js.to_owned();
    for row in rows("imports") {
        let (module, long, short) = (text(&row, 0), text(&row, 1), text(&row, 2));
        let key = import_key(&long);
        if !js.contains(&key) {
            bail!("the bindings have no import {long}");
        }
        js = js.replace(&key, &import_key(&short));
        js = js.replace(&format!("\"{module}\": import0"), "\"a\": import0");
    }
    let renamed = rows("exports");
    let mut out = String::new();
    let mut rest = js.as_str();
    // `wasm.` not at the end of another word, and the word behind it.
    while let Some(at) = rest.find("wasm.") {
        let (before, after) = rest.split_at(at + "wasm.".len());
        out += before;
        let end = after
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '$'))
            .unwrap_or(after.len());
        let long = &after[..end];
        let is_word = !rest[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        let found = renamed.iter().find(|row| row[0] == long);
        match found {
            Some(row) if is_word => out += &text(row, 1),
            Some(_) | None => out += long,
        }
        rest = &after[end..];
    }
    Ok(out + rest)
}

/// The bindings of one instance are made by one function call. So importing them has no effect, and leftovers of a failed
/// instance (timers, pending answers) never reach the next one.
const BEGIN: &str = "export function bindings({ decodeText, encodeText }) {
class Engine";

/// The results of that function. `src/wasm/load.ts` loads the module, because the loader in the bindings is larger and
/// prints warnings.
const EXPORTS: &str = "function extend(exports) {
    wasm = { ...wasm, ...exports };
}
return { Engine, imports: __wbg_get_imports, start: __wbg_finalize_init, extend };
}
export const name = 'first';
";

const EXPORT_TYPES: &str = "/** What the second module calls the first: another build's has another name. */
export declare const name: string;
/** The classes of one instance, and what it is made with. */
export interface Bindings {
    Engine: typeof Engine;
    /** What the module imports. */
    imports(): WebAssembly.Imports;
    /** Makes the classes those of the instance with these exports. Once only. */
    start(instance: { exports: WebAssembly.Exports }): void;
    /** Gives the classes what a second instance has besides. That was made with the first one's exports as its module of that name. */
    extend(exports: WebAssembly.Exports): void;
}
/** How texts go to the module and come back, as UTF-8. */
export interface Texts {
    encodeText(text: string): Uint8Array;
    decodeText(bytes: Uint8Array): string;
}
export declare function bindings(texts: Texts): Bindings;
";

/// A test runner's page may call a frame's function after it was told not to.
const ONCE_FREED: &str = "        if (state.a === 0) return;
";

/// How texts go to the module. The bindings' own copies ASCII character by character and encodes the rest in place: the browser's
/// encoder does all of it at once.
const PASS_STRING: &str = "function passStringToWasm0(text, malloc) {
    const bytes = encodeText(text);
    const ptr = malloc(bytes.length, 1) >>> 0;
    getUint8ArrayMemory0().set(bytes, ptr);
    WASM_VECTOR_LEN = bytes.length;
    return ptr;
}

";

/// Replaces everything from `head` on, up to `end` where there is one.
fn replace_part(file: &Path, head: &str, end: Option<&str>, part: &str) -> Result<()> {
    let text = fs::read_to_string(file)?;
    let text = with_part(&text, head, end, part)
        .with_context(|| format!("{} has no `{head}`", file.display()))?;
    fs::write(file, text).with_context(|| file.display().to_string())
}

fn with_part(text: &str, head: &str, end: Option<&str>, part: &str) -> Option<String> {
    let (before, found) = text.split_at(text.find(head)?);
    let rest = end.map_or(Some(""), |end| Some(&found[found.find(end)?..]))?;
    Some([before, part, rest].concat())
}

/// Compiles beside `dist/` and renames, so whoever uses it never sees half of it. A quick build is also taken with type errors.
fn compile(profile: Profile) -> Result<()> {
    let package = package_dir();
    let next = package.join("dist.next");
    remove_dir(&next)?;
    let tsc = |args: &[&str]| {
        let mut tsc = Command::new(package.join("node_modules/.bin/tsc"));
        run(tsc.current_dir(&package).args(args))
    };
    let compiled = tsc(&["-p", "tsconfig.json", "--outDir", "dist.next"])
        // The types generated from `crates/js` against the contract written by hand.
        .and_then(|()| tsc(&["-p", "tests/contract"]));
    if profile == Profile::Release || !next.exists() {
        compiled?;
    } else if let Err(error) = compiled {
        println!("TypeScript has errors; the quick build goes on: {error:#}");
    }
    copy_dir(&package.join("generated"), &next)?;
    run(node()
        .current_dir(&package)
        .args(["scripts/commonjs.mjs", "dist.next"]))?;
    let dist = package.join("dist");
    remove_dir(&dist)?;
    fs::rename(&next, &dist).context("could not move the new files to dist/")
}

fn copy_dir(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let path = entry?.path();
        let Some(name) = path.file_name() else {
            continue;
        };
        if path.is_dir() {
            copy_dir(&path, &to.join(name))?;
        } else {
            fs::copy(&path, to.join(name))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{with_part, with_short_names};
    use serde_json::json;

    #[test]
    fn imports_and_exports_get_their_short_names_and_nothing_else_does() {
        let js = "wasm.go(wasm.memory.buffer, mywasm.go, 'x.wasm');\n        __wbg_a_12: function() { wasm.go_on() },\n    \"./r_bg.js\": import0,";
        let names = json!({
            "imports": [["./r_bg.js", "__wbg_a_12", "b"]],
            "exports": [["go", "c"], ["memory", "d"]],
        });
        let expected = "wasm.c(wasm.d.buffer, mywasm.go, 'x.wasm');\n        b: function() { wasm.go_on() },\n    \"a\": import0,";
        assert_eq!(
            with_short_names(js, &names).expect("all are there"),
            expected
        );
        let missing = json!({ "imports": [["./r_bg.js", "__wbg_gone", "b"]] });
        assert!(with_short_names(js, &missing).is_err());
    }

    #[test]
    fn a_part_is_replaced_up_to_its_end_and_one_that_is_missing_is_told() {
        let text = "a(); b(); c(); b();";
        let replaced = |head, end| with_part(text, head, end, "x(); ");
        assert_eq!(
            replaced("b(", Some("c(")).as_deref(),
            Some("a(); x(); c(); b();")
        );
        assert_eq!(replaced("b(", None).as_deref(), Some("a(); x(); "));
        assert_eq!(replaced("d(", None), None);
        assert_eq!(replaced("c(", Some("a(")), None);
    }
}
