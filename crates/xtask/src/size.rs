//! Measures what a page downloads against a budget, so growth is a decision and not an accident.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::build::{dist_dir, node};
use crate::package::package_dir;
use crate::step::{output, root};

/// Node has gzip and brotli built in, so no compressor has to be compiled for this.
const MEASURE_JS: &str = "
    const [zlib, fs] = [require('zlib'), require('fs')];
    const bytes = fs.readFileSync(process.argv[1]);
    const gzip = zlib.gzipSync(bytes, { level: 9 }).length;
    const brotli = zlib.brotliCompressSync(bytes, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 11 } }).length;
    console.log(JSON.stringify({ raw_bytes: bytes.length, gzip_bytes: gzip, brotli_bytes: brotli }));
";

/// The units, in the order in which they are printed.
const UNITS: [&str; 3] = ["raw_bytes", "gzip_bytes", "brotli_bytes"];

/// Prints the sizes of the demo's files in `dist/` and fails when one is over its budget.
pub(crate) fn demo() -> Result<()> {
    let budget = budget("demo")?;
    let files = budget.as_object().context("a budget is one object")?;
    let mut over = Vec::new();
    for (file, limits) in files {
        let printed = output(node().args(["-e", MEASURE_JS]).arg(dist_dir().join(file)))?;
        compare(file, &parse(&printed)?, limits, &mut over)?;
    }
    verdict(&over)
}

/// Prints what a page downloads that uses `useStream` of `rejoin/asset/react`, React aside, by parts, and fails when one is over
/// its budget.
pub(crate) fn package() -> Result<()> {
    let budget = budget("package")?;
    let script = Path::new("tests/size.mjs");
    let printed = output(node().current_dir(package_dir()).arg(script))?;
    let measured = parse(&printed)?;
    let parts = measured.as_object().context("parts by their names")?;
    let mut over = Vec::new();
    for (part, sizes) in parts {
        compare(part, sizes, &budget[part], &mut over)?;
    }
    verdict(&over)
}

fn budget(of: &str) -> Result<Value> {
    let path = root().join("crates/xtask/size-budget.json");
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let mut budgets: Value = serde_json::from_str(&text)?;
    Ok(budgets[of].take())
}

/// Prints one line. A size without a limit is only printed, a unit that was not measured is left out.
fn compare(name: &str, sizes: &Value, limits: &Value, over: &mut Vec<String>) -> Result<()> {
    let mut line = format!("{name:<24}");
    for unit in UNITS {
        let Some(size) = sizes[unit].as_u64() else {
            continue;
        };
        line += &format!("  {} {size:>7}", unit.trim_end_matches("_bytes"));
        if let Some(limit) = limits[unit].as_u64() {
            line += &format!(" of {limit}");
            if size > limit {
                over.push(format!("{name} {unit}: {size} > {limit}"));
            }
        }
    }
    println!("{line}");
    let measured = |unit: &&str| sizes[*unit].is_u64() || limits[*unit].is_null();
    match UNITS.iter().find(|unit| !measured(unit)) {
        Some(unit) => bail!("{name}: {unit} has a limit and was not measured"),
        None => Ok(()),
    }
}

fn verdict(over: &[String]) -> Result<()> {
    if over.is_empty() {
        Ok(())
    } else {
        bail!(
            "over the budget in crates/xtask/size-budget.json: {}",
            over.join("; ")
        )
    }
}

fn parse(printed: &str) -> Result<Value> {
    serde_json::from_str(printed).context("node printed no sizes")
}
