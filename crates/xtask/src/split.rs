//! Splits a module in two. The code that only one of its exports reaches goes to a second module, which is loaded on demand
//! into the memory and the function table of the first.
//!
//! `unreached.rs` tells which items reach which: code by its calls, and everything else by the addresses that the linker
//! wrote. The first module keeps its places in the table and in memory, with traps and zeros in place of the second's parts.
//! It exports the functions of its own that the second calls.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, bail};
use walrus::{
    ConstExpr, DataKind, ElementItems, ElementKind, ExportItem, FunctionId, FunctionKind,
    GlobalKind, ImportedFunction, Module, RefType,
    ir::{self, Value},
    passes::gc,
};

use crate::linked::{Address, Linked};
use crate::unreached::{self, Optimised, dead, empty_data, empty_table, read, table};

/// The module name of the second module's imports from the first.
pub(crate) const FIRST: &str = "first";

/// A function of so many instructions is copied into both: to share it would take as much.
const COPIED: u64 = 12;

/// How the first module's exports for the second are called, with a number behind it.
const SHARED: &str = "shared ";

/// Leaves in `module` what is reached without its export `export`, and writes the rest to `second`.
pub(crate) fn split(
    optimised: &Optimised,
    export: &str,
    module: &Path,
    second: &Path,
) -> Result<()> {
    let of_both = optimised.reached(None)?;
    let of_first = optimised.reached(Some(export))?;
    let of_second = of_both.difference(&of_first).copied().collect();
    let mut whole = read(module)?;
    share(&mut whole, export, &of_first, &of_second)?;
    let whole = whole.emit_wasm();
    let parse = || Module::from_buffer(&whole).context("the module with more exports");

    let mut first = parse()?;
    first.exports.remove(export)?;
    empty_data(&mut first, optimised.linked(), &of_first)?;
    empty_table(&mut first, &of_first)?;
    gc::run(&mut first);
    let mut rest = parse()?;
    move_data(&mut rest, optimised.linked(), &of_first, &of_both)?;
    move_table(&mut rest, &of_second)?;
    import_shared(&mut rest, export)?;
    gc::run(&mut rest);
    println!(
        "{} functions are in the first module, {} in the second, which takes {} from the first",
        first.funcs.iter_local().count(),
        rest.funcs.iter_local().count(),
        rest.imports
            .iter()
            .filter(|import| import.module == FIRST)
            .count(),
    );
    for (module, path) in [(&mut first, module), (&mut rest, second)] {
        module
            .emit_wasm_file(path)
            .with_context(|| path.display().to_string())?;
    }
    Ok(())
}

/// Exports whatever of the first module the second one needs.
fn share(
    module: &mut Module,
    export: &str,
    of_first: &BTreeSet<Address>,
    of_second: &BTreeSet<Address>,
) -> Result<()> {
    let table = table(module)?;
    let slots = |addresses: &BTreeSet<Address>| {
        let slots = addresses.iter().filter_map(|address| match address {
            Address::Slot(slot) => table.get(slot).copied(),
            Address::Data(_) => None,
        });
        slots.collect::<Vec<FunctionId>>()
    };
    let mut roots = slots(of_first);
    roots.extend(module.start);
    let mut second_roots = slots(of_second);
    for exported in module.exports.iter() {
        if let ExportItem::Function(function) = exported.item {
            match exported.name == export {
                true => second_roots.push(function),
                false => roots.push(function),
            }
        }
    }
    let first = Uses::of(module, roots, &BTreeSet::new());
    let is_shared = |id: &FunctionId| match &module.funcs.get(*id).kind {
        FunctionKind::Local(local) => local.size() > COPIED,
        FunctionKind::Import(_) | FunctionKind::Uninitialized(_) => false,
    };
    let mut apart = first.functions;
    apart.retain(is_shared);
    let second = Uses::of(module, second_roots, &apart);
    let mut shared: Vec<ExportItem> = Vec::new();
    let called = second.mentioned.intersection(&apart).copied();
    shared.extend(called.map(ExportItem::Function));
    shared.extend(second.globals.into_iter().map(ExportItem::Global));
    shared.extend(
        module
            .tables
            .iter()
            .map(|table| ExportItem::Table(table.id())),
    );
    shared.extend(
        module
            .memories
            .iter()
            .map(|memory| ExportItem::Memory(memory.id())),
    );
    for (number, item) in shared.into_iter().enumerate() {
        module.exports.add(&format!("{SHARED}{number}"), item);
    }
    Ok(())
}

/// The functions that functions call, directly or through each other, and the globals that they use.
#[derive(Default)]
struct Uses {
    functions: BTreeSet<FunctionId>,
    /// Those and the ones where the walk ended.
    mentioned: BTreeSet<FunctionId>,
    globals: BTreeSet<walrus::GlobalId>,
}

impl Uses {
    fn of(module: &Module, roots: Vec<FunctionId>, not_in: &BTreeSet<FunctionId>) -> Self {
        let mut uses = Self::default();
        let mut walk = unreached::Walk {
            functions: roots,
            ..Default::default()
        };
        while let Some(id) = walk.functions.pop() {
            uses.mentioned.insert(id);
            if not_in.contains(&id) || !uses.functions.insert(id) {
                continue;
            }
            if let FunctionKind::Local(local) = &module.funcs.get(id).kind {
                ir::dfs_in_order(&mut walk, local, local.entry_block());
            }
        }
        uses.globals.extend(walk.globals);
        uses
    }
}

/// Takes what is shared from the first module, and exports nothing but `export`.
fn import_shared(module: &mut Module, export: &str) -> Result<()> {
    module.start = None;
    let exports: Vec<_> = module
        .exports
        .iter()
        .map(|exported| (exported.id(), exported.name.clone(), exported.item))
        .collect();
    for (id, name, item) in exports {
        if name == export {
            continue;
        }
        module.exports.delete(id);
        if !name.starts_with(SHARED) {
            continue;
        }
        match item {
            ExportItem::Function(id) => {
                let ty = module.funcs.get(id).ty();
                let import = module.imports.add(FIRST, &name, id);
                module.funcs.get_mut(id).kind =
                    FunctionKind::Import(ImportedFunction { import, ty });
            }
            ExportItem::Global(id) => {
                let import = module.imports.add(FIRST, &name, id);
                module.globals.get_mut(id).kind = GlobalKind::Import(import);
            }
            ExportItem::Table(id) => {
                let import = module.imports.add(FIRST, &name, id);
                module.tables.get_mut(id).import = Some(import);
            }
            ExportItem::Memory(id) => {
                let import = module.imports.add(FIRST, &name, id);
                module.memories.get_mut(id).import = Some(import);
            }
            ExportItem::Tag(_) => bail!("nobody shares a tag"),
        }
    }
    Ok(())
}

/// Leaves the places of the table that are the second module's own.
fn move_table(module: &mut Module, of_second: &BTreeSet<Address>) -> Result<()> {
    let functions = table(module)?;
    let own: BTreeMap<u32, FunctionId> = functions
        .into_iter()
        .filter(|(slot, _)| of_second.contains(&Address::Slot(*slot)))
        .collect();
    let elements: Vec<_> = module.elements.iter().map(|element| element.id()).collect();
    for element in elements {
        module.elements.delete(element);
    }
    for table in module.tables.iter_mut() {
        table.elem_segments.clear();
    }
    let table = module
        .tables
        .iter()
        .find(|table| table.element_ty == RefType::FUNCREF)
        .context("there is no function table")?
        .id();
    for run in runs(own.keys().map(|slot| *slot as usize)) {
        let offset = ConstExpr::Value(Value::I32(i32::try_from(run.start)?));
        let functions = run.map(|slot| own[&(slot as u32)]).collect();
        let element = module.elements.add(
            ElementKind::Active { table, offset },
            ElementItems::Functions(functions),
        );
        module.tables.get_mut(table).elem_segments.insert(element);
    }
    Ok(())
}

/// Leaves the data that are the second module's own.
fn move_data(
    module: &mut Module,
    linked: &Linked,
    of_first: &BTreeSet<Address>,
    of_both: &BTreeSet<Address>,
) -> Result<()> {
    let segments: Vec<_> = module.data.iter().map(|data| data.id()).collect();
    for (number, id) in segments.into_iter().enumerate() {
        let data = module.data.get(id);
        let DataKind::Active {
            memory,
            offset: ConstExpr::Value(Value::I32(start)),
        } = data.kind
        else {
            bail!("a data segment without an address");
        };
        let bytes = data.value.clone();
        // Its own is what would be dead without it.
        let without = dead(bytes.len(), number, linked, of_first)?;
        let with = dead(bytes.len(), number, linked, of_both)?;
        let own = (0..bytes.len()).filter(|at| without[*at] && !with[*at]);
        let runs = runs(own);
        module.data.delete(id);
        module.memories.get_mut(memory).data_segments.clear();
        for run in runs {
            let offset = ConstExpr::Value(Value::I32(start + i32::try_from(run.start)?));
            let kind = DataKind::Active { memory, offset };
            module.data.add(kind, bytes[run].to_vec());
        }
    }
    Ok(())
}

/// An import's module and its name.
pub(crate) type Name = (String, String);

/// Gives the second module's imports the names that they have got meanwhile, by those that they had.
pub(crate) fn rename_imports(
    path: &Path,
    names: &mut dyn FnMut(&str, &str) -> Option<Name>,
) -> Result<()> {
    let mut module = read(path)?;
    for import in module.imports.iter_mut() {
        (import.module, import.name) = names(&import.module, &import.name)
            .with_context(|| format!("the first module has no {}", import.name))?;
    }
    module
        .emit_wasm_file(path)
        .with_context(|| path.display().to_string())
}

/// The numbers, which grow, as ranges.
fn runs(numbers: impl Iterator<Item = usize>) -> Vec<std::ops::Range<usize>> {
    let mut runs: Vec<std::ops::Range<usize>> = Vec::new();
    for number in numbers {
        match runs.last_mut() {
            Some(run) if run.end == number => run.end += 1,
            Some(_) | None => runs.push(number..number + 1),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{FIRST, runs, split};
    use crate::build::node;
    use crate::step::output;
    use crate::unreached::{Copy, tests::compiled};

    const SOURCE: &str = r#"
        #![no_std]
        use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
        #[panic_handler]
        fn panic(_: &core::panic::PanicInfo) -> ! { loop {} }
        pub struct Extras { pub text: &'static str, pub call: extern "C" fn() -> u32 }
        static EXTRAS: Extras = Extras { text: "words of the second", call: later };
        static GIVEN: AtomicU32 = AtomicU32::new(0);
        static COUNT: AtomicU32 = AtomicU32::new(40);
        #[inline(never)]
        extern "C" fn shared() -> u32 { COUNT.fetch_add(1, Relaxed) }
        extern "C" fn later() -> u32 { shared() + EXTRAS.text.len() as u32 * 1000 }
        #[unsafe(no_mangle)]
        pub extern "C" fn first() -> &'static str { shared(); "words of the first" }
        #[unsafe(no_mangle)]
        pub extern "C" fn extend() { GIVEN.store(&raw const EXTRAS as u32, Relaxed); }
        #[unsafe(no_mangle)]
        pub extern "C" fn call() -> u32 {
            match GIVEN.load(Relaxed) as *const Extras {
                given if given.is_null() => 0,
                given => unsafe { ((*given).call)() },
            }
        }
    "#;

    /// Calls before and after the second module is there, and prints what came.
    const USE: &str = "
        const fs = require('fs');
        const [first, second] = process.argv.slice(1).map((path) => new WebAssembly.Module(fs.readFileSync(path)));
        const one = new WebAssembly.Instance(first);
        const before = one.exports.call();
        const two = new WebAssembly.Instance(second, { first: one.exports });
        const waiting = one.exports.call();
        two.exports.extend();
        console.log([before, waiting, one.exports.call(), one.exports.call(), Object.keys(two.exports)].join());
    ";

    #[test]
    fn the_second_module_works_in_the_first_ones_memory_and_table() {
        let wasm = compiled("split", SOURCE);
        let [first, copy, second] = ["first", "copy", "second"]
            .map(|name| wasm.with_file_name(name).with_extension("wasm"));
        Copy::make(&wasm, &first, &copy, |_| Ok(()))
            .and_then(|made| made.optimised(&copy, |_| Ok(())))
            .and_then(|made| split(&made, "extend", &first, &second))
            .expect("it can be split");

        let has = |path, words: &str| {
            let bytes = fs::read(path).expect("it was written");
            bytes.windows(words.len()).any(|at| at == words.as_bytes())
        };
        let words = ["words of the first", "words of the second"];
        assert_eq!(words.map(|words| has(&first, words)), [true, false]);
        assert_eq!(words.map(|words| has(&second, words)), [false, true]);
        assert!(has(&second, FIRST));
        let said = output(node().args(["-e", USE]).args([&first, &second])).expect("node");
        assert_eq!(said.trim(), "0,0,19040,19041,extend");
    }

    #[test]
    fn numbers_that_follow_each_other_are_one_range() {
        assert_eq!(runs([1, 2, 3, 7, 9, 10].into_iter()), [1..4, 7..8, 9..11]);
        assert!(runs([].into_iter()).is_empty());
    }
}
