//! Measures the download size of a page. The budget makes growth a decision and not an accident. The comparison with the
//! last accepted sizes shows the cost of a change.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};

use crate::build::{dist_dir, node};
use crate::leptos_size;
use crate::package::package_dir;
use crate::step::{output, root};

/// The limits, by page and part. A part without one is only printed.
const BUDGET: &str = "crates/xtask/size-budget.json";

/// The sizes at the last run with `--accept`.
const ACCEPTED: &str = "crates/xtask/size.json";

/// Node has gzip and brotli built in, so no compressor has to be compiled for this.
const MEASURE_JS: &str = "
    const [zlib, fs] = [require('zlib'), require('fs')];
    const bytes = fs.readFileSync(process.argv[1]);
    const gzip = zlib.gzipSync(bytes, { level: 9 }).length;
    const brotli = zlib.brotliCompressSync(bytes, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 11 } }).length;
    console.log(JSON.stringify({ raw_bytes: bytes.length, gzip_bytes: gzip, brotli_bytes: brotli }));
";

/// The units, in the order in which they are printed. A part may lack some.
const UNITS: [&str; 3] = ["raw_bytes", "gzip_bytes", "brotli_bytes"];

/// Reports the sizes of those files of the demo in `dist/` that have a budget.
pub(crate) fn demo(accept: bool) -> Result<()> {
    let budget = read(BUDGET)?;
    let mut files = Map::new();
    for file in object(&budget["demo"])?.keys() {
        files.insert(file.clone(), of_file(&dist_dir().join(file))?);
    }
    report(&json!({ "demo": files }), &budget, accept)
}

/// Reports the modules of the smallest application with `rejoin-leptos`, and of those with more of it.
pub(crate) fn leptos(accept: bool) -> Result<()> {
    let pages = leptos_size::measure()?;
    report(&json!({ "rejoin-leptos": pages }), &read(BUDGET)?, accept)
}

/// The sizes of one file.
pub(crate) fn of_file(file: &Path) -> Result<Value> {
    parse(&output(node().args(["-e", MEASURE_JS]).arg(file))?)
}

/// Reports what a page downloads that uses `useStream` of one of the npm package's entries, React aside, by parts.
pub(crate) fn package(accept: bool) -> Result<()> {
    let printed = output(
        node()
            .current_dir(package_dir())
            .arg(package_dir().join("tests/size.mjs")),
    )?;
    report(&parse(&printed)?, &read(BUDGET)?, accept)
}

/// Prints the sizes of each page by parts, and fails when one is over its budget.
fn report(measured: &Value, budget: &Value, accept: bool) -> Result<()> {
    let mut accepted = read(ACCEPTED)?;
    println!(
        "bytes, and the change since {ACCEPTED} was written ({})",
        last_commit_of(ACCEPTED)
    );
    for (page, parts) in object(measured)? {
        println!("{page}");
        for (part, sizes) in object(parts)? {
            let line = line(sizes, &accepted[page][part], &budget[page][part]);
            println!("  {part:<36}{line}");
        }
        accepted[page] = parts.clone();
    }
    if accept {
        let text = serde_json::to_string_pretty(&accepted)? + "\n";
        fs::write(root().join(ACCEPTED), text).context(ACCEPTED)?;
    }
    let over = over_budget(measured, budget)?;
    if !over.is_empty() {
        bail!("over the budget in {BUDGET}: {}", over.join("; "));
    }
    Ok(())
}

/// Each unit that was measured, with its change and its limit where there are any.
fn line(sizes: &Value, before: &Value, limits: &Value) -> String {
    let mut line = String::new();
    for unit in UNITS {
        let Some(size) = sizes[unit].as_i64() else {
            continue;
        };
        let change = match before[unit].as_i64() {
            Some(before) if before == size => String::new(),
            Some(before) => format!("{:+}", size - before),
            None => "new".to_owned(),
        };
        let unit_name = unit.trim_end_matches("_bytes");
        line += &format!("  {unit_name} {size:>7} {change:>6}");
        if let Some(limit) = limits[unit].as_i64() {
            line += &format!(" of {limit}");
        }
    }
    line.trim_end().to_owned()
}

/// The measured sizes beyond their limits.
fn over_budget(measured: &Value, budget: &Value) -> Result<Vec<String>> {
    let mut over = Vec::new();
    for (page, parts) in object(measured)? {
        for (part, limits) in object(&budget[page])? {
            for (unit, limit) in object(limits)? {
                let size = parts[part][unit]
                    .as_u64()
                    .with_context(|| format!("{page}, {part}: {unit} was not measured"))?;
                let limit = limit.as_u64().context("a limit is a number of bytes")?;
                if size > limit {
                    over.push(format!("{page}, {part}: {unit} {size} > {limit}"));
                }
            }
        }
    }
    Ok(over)
}

/// The last commit that changed the file.
fn last_commit_of(file: &str) -> String {
    let mut git = Command::new("git");
    git.current_dir(root())
        .args(["log", "-1", "--format=%h", "--", file]);
    match output(&mut git) {
        Ok(hash) if !hash.trim().is_empty() => hash.trim().to_owned(),
        Ok(_) | Err(_) => "no commit".to_owned(),
    }
}

fn read(file: &str) -> Result<Value> {
    let text = fs::read_to_string(root().join(file)).context(file.to_owned())?;
    serde_json::from_str(&text).context(file.to_owned())
}

fn parse(printed: &str) -> Result<Value> {
    serde_json::from_str(printed).context("node printed no sizes")
}

fn object(value: &Value) -> Result<&Map<String, Value>> {
    value
        .as_object()
        .context("sizes and budgets are objects, by page, part and unit")
}

#[cfg(test)]
mod tests {
    use super::{line, over_budget};
    use serde_json::{Value, json};

    #[test]
    fn a_line_has_each_size_with_its_change_and_its_limit() {
        let sizes = json!({ "raw_bytes": 900, "gzip_bytes": 500, "brotli_bytes": 400 });
        let before = json!({ "raw_bytes": 900, "gzip_bytes": 512 });
        let limits = json!({ "brotli_bytes": 450 });
        let expected = "  raw     900         gzip     500    -12  brotli     400    new of 450";
        assert_eq!(line(&sizes, &before, &limits), expected);
        let only_raw = line(&json!({ "raw_bytes": 7 }), &Value::Null, &Value::Null);
        assert_eq!(only_raw, "  raw       7    new");
    }

    #[test]
    fn what_is_over_its_limit_is_told_and_what_was_not_measured_is_an_error() {
        let budget = json!({ "page": { "total": { "brotli_bytes": 450 } }, "other": {} });
        let of = |size| json!({ "page": { "total": { "brotli_bytes": size } } });
        let told = |size| over_budget(&of(size), &budget).expect("it was measured");
        assert!(told(450).is_empty());
        assert_eq!(told(451), ["page, total: brotli_bytes 451 > 450"]);
        assert!(over_budget(&json!({ "page": {} }), &budget).is_err());
    }
}
