//! Builds the npm package `rejoin` into `www/package/dist`: the module, its bindings, the loaders' inline copy, and the TypeScript.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::build::{node, optimise, remove_dir};
use crate::setup;
use crate::step::{Steps, cargo, root, run, target_dir};

/// How the module is compiled.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Quick to build, large.
    Dev,
    /// What ships.
    Release,
}

impl Profile {
    fn cargo_name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Release => "wasm-package",
        }
    }

    fn dir_name(self) -> &'static str {
        match self {
            Self::Dev => "debug",
            Self::Release => "wasm-package",
        }
    }
}

/// Where the package is.
pub(crate) fn package_dir() -> PathBuf {
    root().join("www/package")
}

/// Base64 of gzip: as a module it is hardly larger to download than the file itself.
const INLINE_JS: &str = "
    const [zlib, fs] = [require('zlib'), require('fs')];
    const zipped = zlib.gzipSync(fs.readFileSync(process.argv[1]), { level: 9 }).toString('base64');
    fs.writeFileSync(process.argv[2], `export const wasmGzipBase64 = \"${zipped}\";\\n`);
";

const INLINE_D_TS: &str =
    "/** The module: base64 of its gzip. */\nexport declare const wasmGzipBase64: string;\n";

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
    let path = target_dir().join("package.lock");
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
        profile.cargo_name(),
    ]);
    // A panic says where it is. What ships must not name folders of the machine that built it, and be the same from any of them.
    if profile == Profile::Release
        && let Some(home) = cargo_home()
    {
        let remap = format!("--remap-path-prefix={}=cargo", home.display());
        command.env("CARGO_ENCODED_RUSTFLAGS", remap);
    }
    run(&mut command)
}

/// Where cargo keeps the sources of dependencies.
fn cargo_home() -> Option<PathBuf> {
    env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cargo")))
}

/// The package's own tests, types included, as it was built last. They start the server themselves.
pub(crate) fn test(steps: &mut Steps) {
    for (name, args) in [
        ("test: the npm package's types", ["run", "check"].as_slice()),
        ("test: the npm package", &["test"]),
    ] {
        steps.run(name, || {
            run(Command::new("npm").current_dir(package_dir()).args(args))
        });
    }
}

/// Fills `generated/`, which the TypeScript sees as a part of its sources.
fn bind(profile: Profile) -> Result<()> {
    let generated = package_dir().join("generated");
    let wasm_dir = generated.join("wasm");
    remove_dir(&generated)?;
    fs::create_dir_all(&wasm_dir)?;
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
        args.extend(["--remove-name-section", "--remove-producers-section"].map(OsString::from));
    }
    let compiled = target_dir()
        .join("wasm32-unknown-unknown")
        .join(profile.dir_name())
        .join("rejoin_js.wasm");
    args.extend(["--out-dir".into(), wasm_dir.clone().into(), compiled.into()]);
    wasm_bindgen_cli::wasm_bindgen::run_cli_with_args(args).context("wasm-bindgen")?;
    fs::remove_file(wasm_dir.join("rejoin_bg.wasm.d.ts"))?;
    let wasm = generated.join("rejoin_bg.wasm");
    fs::rename(wasm_dir.join("rejoin_bg.wasm"), &wasm)?;
    if profile == Profile::Release {
        optimise(&wasm)?;
    }
    run(node()
        .args(["-e", INLINE_JS])
        .arg(&wasm)
        .arg(wasm_dir.join("inline.js")))?;
    fs::write(wasm_dir.join("inline.d.ts"), INLINE_D_TS).context("inline.d.ts")
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
