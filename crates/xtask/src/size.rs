//! Measures the demo's release build against a budget, so growth is a decision and not an accident.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::build::{dist_dir, node};
use crate::step::{output, root};

/// Node has gzip and brotli built in, so no compressor has to be compiled for this.
const MEASURE_JS: &str = "
    const [zlib, fs] = [require('zlib'), require('fs')];
    const bytes = fs.readFileSync(process.argv[1]);
    const gzip = zlib.gzipSync(bytes, { level: 9 }).length;
    const brotli = zlib.brotliCompressSync(bytes, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 11 } }).length;
    console.log(JSON.stringify({ raw_bytes: bytes.length, gzip_bytes: gzip, brotli_bytes: brotli }));
";

/// Prints the sizes of the files in `dist/` and fails when one is over its budget.
pub(crate) fn check() -> Result<()> {
    let path = root().join("crates/xtask/size-budget.json");
    let budget: Value = serde_json::from_str(
        &fs::read_to_string(&path).with_context(|| path.display().to_string())?,
    )?;
    let files = budget
        .as_object()
        .context("size-budget.json holds one object")?;
    let mut over = Vec::new();
    for (file, limits) in files {
        let sizes = measure(&dist_dir().join(file))?;
        let mut line = format!("{file:<24}");
        for unit in ["raw_bytes", "gzip_bytes", "brotli_bytes"] {
            let size = sizes[unit]
                .as_u64()
                .with_context(|| format!("{unit} was not measured"))?;
            line += &format!("  {} {size}", unit.trim_end_matches("_bytes"));
            let limit = limits[unit].as_u64();
            if limit.is_some_and(|limit| size > limit) {
                over.push(format!(
                    "{file} {unit}: {size} > {}",
                    limit.unwrap_or_default()
                ));
            }
        }
        println!("{line}");
    }
    if over.is_empty() {
        Ok(())
    } else {
        bail!(
            "over the budget in crates/xtask/size-budget.json: {}",
            over.join("; ")
        )
    }
}

fn measure(file: &Path) -> Result<Value> {
    let printed = output(node().args(["-e", MEASURE_JS]).arg(file))?;
    serde_json::from_str(&printed).context("node printed no sizes")
}
