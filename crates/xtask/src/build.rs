//! Builds the demo's static files and the server, and runs the two together.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::apps::{self, App, Mode};
use crate::servers;
use crate::setup;
use crate::step::{Steps, cargo, root, run, target_dir};

/// How what runs in a browser is compiled.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Quick to build, large.
    Dev,
    /// The release: fat LTO, then wasm-opt.
    Release,
}

/// The profile of the released demo.
pub(crate) const RELEASE: &str = "wasm-release";

impl Profile {
    /// Cargo's name for it, where what ships is compiled with `release`.
    pub(crate) fn cargo_name(self, release: &'static str) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Release => release,
        }
    }

    /// The folder below the target's that cargo fills.
    pub(crate) fn dir_name(self, release: &'static str) -> &'static str {
        match self {
            Self::Dev => "debug",
            Self::Release => release,
        }
    }
}

/// Options of `cargo xtask demo`.
#[derive(Args)]
pub(crate) struct DemoArgs {
    /// Port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 8710)]
    port: u16,
    /// The page to serve.
    #[arg(long, default_value = "leptos")]
    app: App,
    /// Build the demo quickly instead of as it ships.
    #[arg(long)]
    dev: bool,
    /// Allow the server's fault injection (`POST /api/faults`).
    #[arg(long)]
    faults: bool,
}

/// Builds everything, then becomes the server process.
pub(crate) fn demo(steps: &mut Steps, args: &DemoArgs) -> Result<()> {
    let profile = if args.dev {
        Profile::Dev
    } else {
        Profile::Release
    };
    let mode = if args.dev {
        Mode::Development
    } else {
        Mode::Production
    };
    if !setup::for_builds(steps)
        || !apps::build(steps, &[args.app], profile, mode)
        || !steps.run("build the server", server)
    {
        return steps.finish();
    }
    steps.finish()?;
    let port = servers::free_port(args.port)?;
    println!("\nThe demo is at http://127.0.0.1:{port}/ (Ctrl-C ends it)\n");
    let mut command = Command::new(server_binary());
    command.arg("--listen").arg(format!("127.0.0.1:{port}"));
    command
        .args(["--api-prefix", "/api", "--assets"])
        .arg(args.app.dist());
    command.arg("--data").arg(target_dir().join("demo-data"));
    if args.faults {
        command.arg("--faults");
    }
    Err(command.exec()).context("could not start the server")
}

/// Compiles the demo and fills `dist/`. True when it worked.
pub(crate) fn demo_assets(steps: &mut Steps, profile: Profile) -> bool {
    let name = if profile == Profile::Release {
        "build the demo (release)"
    } else {
        "build the demo (dev)"
    };
    steps.run(name, || {
        let next = root().join("dist.next");
        leptos_page("rejoin-demo", profile, &next)?;
        copy_page(&next)?;
        let dist = dist_dir();
        remove_dir(&dist)?;
        fs::rename(&next, &dist).context("could not move the new files to dist/")
    })
}

/// Compiles the server with its scripted agents and faults, in the dev profile, which the tests share.
pub(crate) fn server() -> Result<()> {
    run(&mut cargo(&[
        "build",
        "--package",
        "rejoin-server",
        "--features",
        "faults",
    ]))
}

/// The path of the program that `server` builds.
pub(crate) fn server_binary() -> PathBuf {
    target_dir().join("debug/rejoin-server")
}

/// The demo's static files, ready to serve.
pub(crate) fn dist_dir() -> PathBuf {
    root().join("dist")
}

/// Compiles an application in Leptos and fills `out` with its module and the bindings. The demo's are built beside its files and
/// renamed, so a server that runs never sees half of them.
pub(crate) fn leptos_page(package: &str, profile: Profile, out: &Path) -> Result<()> {
    run(&mut cargo(&[
        "build",
        "--package",
        package,
        "--target",
        "wasm32-unknown-unknown",
        "--profile",
        profile.cargo_name(RELEASE),
    ]))?;
    let wasm = target_dir()
        .join("wasm32-unknown-unknown")
        .join(profile.dir_name(RELEASE))
        .join(package)
        .with_extension("wasm");
    remove_dir(out)?;
    fs::create_dir_all(out)?;
    let mut args: Vec<OsString> = [
        "wasm-bindgen",
        "--target",
        "web",
        "--no-typescript",
        "--out-name",
        package,
    ]
    .map(OsString::from)
    .to_vec();
    match profile {
        Profile::Dev => args.push("--debug".into()),
        Profile::Release => {
            args.extend(["--remove-name-section", "--remove-producers-section"].map(OsString::from))
        }
    }
    args.extend(["--out-dir".into(), out.into(), wasm.into()]);
    wasm_bindgen_cli::wasm_bindgen::run_cli_with_args(args).context("wasm-bindgen")?;
    if profile == Profile::Release {
        optimise(&out.join(format!("{package}_bg.wasm")))?;
    }
    Ok(())
}

/// Shrinks a module with wasm-opt, if that is installed.
pub(crate) fn optimise(wasm: &Path) -> Result<()> {
    let Some(wasm_opt) = wasm_opt() else {
        println!("wasm-opt is not installed: the module stays larger than it needs to be");
        return Ok(());
    };
    let out = wasm.with_extension("opt");
    run(Command::new(wasm_opt)
        .arg("-Oz")
        .arg(wasm)
        .arg("-o")
        .arg(&out))?;
    fs::rename(&out, wasm).context("could not replace the module by the optimised one")
}

/// The npm package's wasm-opt first: Debian's is too old for what rustc emits.
pub(crate) fn wasm_opt() -> Option<PathBuf> {
    let ours = setup::e2e_dir().join("node_modules/.bin/wasm-opt");
    if ours.exists() {
        Some(ours)
    } else {
        crate::step::find_program("wasm-opt")
    }
}

/// Copies `www/demo` without Trunk's own `data-trunk` links and without the screenshots.
fn copy_page(dist: &Path) -> Result<()> {
    let www = root().join("www/demo");
    for entry in fs::read_dir(&www).with_context(|| www.display().to_string())? {
        let path = entry?.path();
        let Some(name) = path.file_name() else {
            continue;
        };
        if !path.is_file() {
            continue;
        }
        if name == "index.html" {
            let page = fs::read_to_string(&path)?;
            fs::write(dist.join(name), without_trunk(&page)?)?;
        } else {
            fs::copy(&path, dist.join(name))?;
        }
    }
    Ok(())
}

/// Turns the page Trunk reads into the page it would write: `<link data-trunk rel="css" href="x">` becomes a plain
/// stylesheet link, the one with `rel="rust"` preloads what `boot.js` starts.
fn without_trunk(page: &str) -> Result<String> {
    let mut out = String::new();
    for line in page.lines() {
        if !line.contains("data-trunk") {
            out += line;
        } else if line.contains("rel=\"css\"") {
            let href = line
                .split("href=\"")
                .nth(1)
                .and_then(|rest| rest.split('"').next());
            let href = href.with_context(|| format!("no href in {line}"))?;
            out += &format!("  <link rel=\"stylesheet\" href=\"{href}\">");
        } else if line.contains("rel=\"rust\"") {
            out += PRELOAD;
        } else if !line.contains("rel=\"copy-file\"") {
            bail!(
                "www/demo/index.html has a Trunk asset that xtask does not know: {}",
                line.trim()
            );
        } else {
            continue;
        }
        out.push('\n');
    }
    if !out.contains("src=\"boot.js\"") {
        bail!("www/demo/index.html has no script with src=\"boot.js\"");
    }
    Ok(out)
}

/// The preloads of the files that `boot.js` requests.
const PRELOAD: &str = "  <link rel=\"modulepreload\" href=\"rejoin-demo.js\">
  <link rel=\"preload\" href=\"rejoin-demo_bg.wasm\" as=\"fetch\" type=\"application/wasm\" crossorigin>";

/// Removes a folder that may not be there.
pub(crate) fn remove_dir(dir: &Path) -> Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| dir.display().to_string())
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// The Node.js on PATH, or what `NODE` names.
pub(crate) fn node() -> Command {
    Command::new(env::var_os("NODE").unwrap_or_else(|| "node".into()))
}

#[cfg(test)]
mod tests {
    use super::without_trunk;

    #[test]
    fn trunk_links_become_what_trunk_would_write() {
        let page = include_str!("../../../www/demo/index.html");
        let out = without_trunk(page).expect("every asset of the page is known");
        assert!(out.contains("<link rel=\"stylesheet\" href=\"style.css\">"));
        assert!(out.contains("href=\"rejoin-demo_bg.wasm\""));
        assert!(!out.contains("data-trunk"));
    }

    #[test]
    fn a_page_that_would_not_start_is_refused() {
        assert!(without_trunk("<link data-trunk rel=\"tailwind-css\" href=\"x\">").is_err());
        assert!(without_trunk("<p>no program at all</p>").is_err());
    }
}
