//! Takes out of a module the data and the functions that were only needed for what has been cut off since it was linked: the
//! words of panics (`panics.rs`), which are places in the source, formats, and the functions that would have written them.
//!
//! The linker keeps whatever has its address taken. wasm-opt drops the addresses that are of no use, but to it an address is a
//! number like any other, so it keeps what was there. Here the two are brought together: in a copy of the module every address
//! that the linker put into the code is read from a global of its own, the copy is optimised, and what no code reads a global for
//! any more, nor any data that is still reached, is reached by nothing. In the module itself that data becomes zeros, and a place
//! in the function table a trap.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use anyhow::{Context, Result, bail, ensure};
use walrus::{
    ConstExpr, ElementItems, ElementKind, ExportItem, FunctionBuilder, FunctionId, FunctionKind,
    GlobalId, InstrLocId, Module, ValType,
    ir::{self, GlobalGet, Instr, Value, Visitor, VisitorMut},
};

use crate::linked::{Address, Linked};

/// How the exports begin that keep wasm-opt from knowing a global's value.
const GLOBAL: &str = "address of ";

/// Empties what nothing reaches once `cut` has cut something off. `wasm` was linked with `--emit-relocs`; `optimise` does to a
/// module's file what will be done to this one.
pub(crate) fn empty(
    wasm: &Path,
    cut: impl Fn(&mut Module) -> Result<()>,
    optimise: impl Fn(&Path) -> Result<()>,
) -> Result<()> {
    let bytes = fs::read(wasm).with_context(|| wasm.display().to_string())?;
    let linked = Linked::read(&bytes).context("what the linker says of the module")?;
    let mut module = Module::from_buffer(&bytes).context("the module cannot be read")?;
    let mut copy = Module::from_buffer(&bytes).context("the module cannot be read")?;
    let addresses = name_addresses(&mut copy, &linked);
    for module in [&mut module, &mut copy] {
        for section in ["linking", "reloc.CODE", "reloc.DATA"] {
            module.customs.remove_raw(section);
        }
        cut(module)?;
    }
    let path = wasm.with_extension("addresses.wasm");
    copy.emit_wasm_file(&path)
        .context("the copy cannot be written")?;
    optimise(&path)?;
    let copy = Module::from_file(&path).context("the optimised copy cannot be read")?;
    let reached = reached(&copy, &linked, &addresses)?;
    let emptied = empty_data(&mut module, &linked, &reached)?;
    let unused = empty_table(&mut module, &reached)?;
    println!(
        "{emptied} bytes of data and {unused} places of the function table are reached by nothing"
    );
    module
        .emit_wasm_file(wasm)
        .context("the module cannot be written")
}

/// Makes each address in the code the value of an exported global, and tells which is which.
fn name_addresses(module: &mut Module, linked: &Linked) -> Vec<Address> {
    let mut names = Names {
        linked,
        found: BTreeMap::new(),
    };
    let globals = &mut module.globals;
    for (_, function) in module.funcs.iter_local_mut() {
        let entry = function.entry_block();
        let mut places = Places {
            linked,
            of: Vec::new(),
        };
        ir::dfs_in_order(&mut places, function, entry);
        for (address, value) in places.of {
            names.found.entry((address, value)).or_insert_with(|| {
                let value = ConstExpr::Value(Value::I32(value));
                globals.add_local(ValType::I32, true, false, value)
            });
        }
        ir::dfs_pre_order_mut(&mut names, function, entry);
    }
    let mut addresses = Vec::new();
    for ((address, _), global) in names.found {
        let name = format!("{GLOBAL}{}", addresses.len());
        module.exports.add(&name, global);
        addresses.push(address);
    }
    addresses
}

/// The addresses in a function.
struct Places<'a> {
    linked: &'a Linked,
    of: Vec<(Address, i32)>,
}

impl<'a> Visitor<'a> for Places<'_> {
    fn visit_instr(&mut self, instr: &'a Instr, at: &'a InstrLocId) {
        if let Some(found) = address(self.linked, instr, *at) {
            self.of.push(found);
        }
    }
}

/// Reads addresses from their globals.
struct Names<'a> {
    linked: &'a Linked,
    found: BTreeMap<(Address, i32), GlobalId>,
}

impl VisitorMut for Names<'_> {
    fn visit_instr_mut(&mut self, instr: &mut Instr, at: &mut InstrLocId) {
        let address = address(self.linked, instr, *at);
        if let Some(global) = address.and_then(|address| self.found.get(&address)) {
            *instr = Instr::GlobalGet(GlobalGet { global: *global });
        }
    }
}

fn address(linked: &Linked, instr: &Instr, at: InstrLocId) -> Option<(Address, i32)> {
    let Instr::Const(constant) = instr else {
        return None;
    };
    let Value::I32(value) = constant.value else {
        return None;
    };
    let address = *linked.in_code.get(&at.data())?;
    Some((address, value))
}

/// What the optimised copy reaches from its exports.
#[derive(Default)]
struct Reached {
    functions: BTreeSet<FunctionId>,
    addresses: BTreeSet<Address>,
}

fn reached(copy: &Module, linked: &Linked, addresses: &[Address]) -> Result<Reached> {
    let mut globals = BTreeMap::new();
    let mut walk = Walk::default();
    for export in copy.exports.iter() {
        match export.item {
            ExportItem::Function(function) => walk.functions.push(function),
            ExportItem::Global(global) => {
                if let Some(number) = export.name.strip_prefix(GLOBAL) {
                    globals.insert(global, addresses[number.parse::<usize>()?]);
                }
            }
            ExportItem::Table(_) | ExportItem::Memory(_) | ExportItem::Tag(_) => {}
        }
    }
    walk.functions.extend(copy.start);
    let table = table(copy)?;
    let mut reached = Reached::default();
    let mut waiting: Vec<Address> = linked.always.iter().copied().collect();
    loop {
        if let Some(address) = waiting.pop() {
            if !reached.addresses.insert(address) {
                continue;
            }
            match address {
                Address::Data(symbol) => waiting.extend(linked.in_data(symbol)),
                Address::Slot(slot) => walk.functions.extend(table.get(&slot)),
            }
        } else if let Some(function) = walk.functions.pop() {
            if let FunctionKind::Local(local) = &copy.funcs.get(function).kind
                && reached.functions.insert(function)
            {
                ir::dfs_in_order(&mut walk, local, local.entry_block());
            }
        } else if let Some(global) = walk.globals.pop() {
            waiting.extend(globals.get(&global));
        } else {
            return Ok(reached);
        }
    }
}

/// What functions mention and nobody has looked at yet.
#[derive(Default)]
struct Walk {
    functions: Vec<FunctionId>,
    globals: Vec<GlobalId>,
}

impl<'a> Visitor<'a> for Walk {
    fn visit_function_id(&mut self, function: &FunctionId) {
        self.functions.push(*function);
    }

    fn visit_global_id(&mut self, global: &GlobalId) {
        self.globals.push(*global);
    }
}

/// The functions by their places in the one table that the linker fills.
fn table(module: &Module) -> Result<BTreeMap<u32, FunctionId>> {
    let mut table = BTreeMap::new();
    for element in module.elements.iter() {
        let (start, ElementItems::Functions(functions)) = (start(&element.kind)?, &element.items)
        else {
            bail!("an element segment that the linker does not make");
        };
        table.extend((start..).zip(functions.iter().copied()));
    }
    Ok(table)
}

fn start(kind: &ElementKind) -> Result<u32> {
    match kind {
        ElementKind::Active {
            offset: ConstExpr::Value(Value::I32(start)),
            ..
        } => Ok(u32::try_from(*start)?),
        ElementKind::Active { .. } | ElementKind::Passive | ElementKind::Declared => {
            bail!("an element segment that the linker does not make")
        }
    }
}

/// Zeros for what belongs to symbols and to none that is reached. Counts the bytes.
fn empty_data(module: &mut Module, linked: &Linked, reached: &Reached) -> Result<usize> {
    let mut emptied = 0;
    let ids: Vec<_> = module.data.iter().map(|data| data.id()).collect();
    ensure!(ids.len() == linked.segments, "data segments are missing");
    for (segment, id) in ids.into_iter().enumerate() {
        let bytes = &mut module.data.get_mut(id).value;
        let mut dead = vec![false; bytes.len()];
        // Those that are reached last: symbols may share bytes.
        for live in [false, true] {
            for (symbol, place) in linked.symbols(segment) {
                if reached.addresses.contains(&Address::Data(symbol)) == live {
                    let bytes = dead
                        .get_mut(place)
                        .context("a symbol outside its segment")?;
                    bytes.fill(!live);
                }
            }
        }
        for (byte, dead) in bytes.iter_mut().zip(dead) {
            if dead {
                *byte = 0;
                emptied += 1;
            }
        }
    }
    Ok(emptied)
}

/// A trap in each place of the function table that is not reached. Counts them.
fn empty_table(module: &mut Module, reached: &Reached) -> Result<usize> {
    let mut trap = FunctionBuilder::new(&mut module.types, &[], &[]);
    trap.func_body().unreachable();
    let trap = trap.finish(Vec::new(), &mut module.funcs);
    let mut unused = 0;
    for element in module.elements.iter_mut() {
        let start = start(&element.kind)?;
        if let ElementItems::Functions(functions) = &mut element.items {
            for (slot, function) in (start..).zip(functions) {
                if !reached.addresses.contains(&Address::Slot(slot)) {
                    *function = trap;
                    unused += 1;
                }
            }
        }
    }
    Ok(unused)
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path, process::Command};

    use walrus::{FunctionBuilder, FunctionKind, Module};

    use super::empty;
    use crate::step::{run, target_dir};

    const SOURCE: &str = r#"
        #![no_std]
        #[panic_handler]
        fn panic(_: &core::panic::PanicInfo) -> ! { loop {} }
        pub struct Words { pub text: &'static str, pub write: extern "C" fn() -> u32 }
        pub extern "C" fn kept() -> u32 { 1234567 }
        pub extern "C" fn lost() -> u32 { 7654321 }
        static KEPT: Words = Words { text: "kept words", write: kept };
        static LOST: Words = Words { text: "lost words", write: lost };
        #[unsafe(no_mangle)]
        pub extern "C" fn live() -> &'static Words { &KEPT }
        #[unsafe(no_mangle)]
        pub extern "C" fn cut_off() -> &'static Words { &LOST }
    "#;

    /// Makes a trap of one function.
    fn cut(module: &mut Module) -> anyhow::Result<()> {
        let id = module.exports.get_func("cut_off")?;
        let results = module.types.results(module.funcs.get(id).ty()).to_vec();
        let mut trap = FunctionBuilder::new(&mut module.types, &[], &results);
        trap.func_body().unreachable();
        module.funcs.get_mut(id).kind = FunctionKind::Local(trap.local_func(Vec::new()));
        Ok(())
    }

    fn has(wasm: &Path, words: impl AsRef<[u8]>) -> bool {
        let bytes = fs::read(wasm).expect("it was written");
        let words = words.as_ref();
        bytes.windows(words.len()).any(|at| at == words)
    }

    #[test]
    fn what_only_the_cut_code_reached_is_emptied() {
        let dir = target_dir().join("tmp/unreached");
        fs::create_dir_all(&dir).expect("a folder");
        let (source, wasm) = (dir.join("words.rs"), dir.join("words.wasm"));
        fs::write(&source, SOURCE).expect("a file");
        let mut rustc = Command::new("rustc");
        rustc.args("--edition=2024 --crate-type=cdylib -Copt-level=1 -Cpanic=abort".split(' '));
        rustc.arg("--target=wasm32-unknown-unknown");
        rustc.args("-Clink-arg=--emit-relocs -Clink-arg=--export-table -o".split(' '));
        run(rustc.arg(&wasm).arg(&source)).expect("rustc");
        assert!(has(&wasm, "kept words") && has(&wasm, "lost words"));

        empty(&wasm, cut, |_| Ok(())).expect("it can be emptied");
        assert!(has(&wasm, "kept words") && !has(&wasm, "lost words"));
        let mut module = Module::from_file(&wasm).expect("it is a module");
        walrus::passes::gc::run(&mut module);
        module.emit_wasm_file(&wasm).expect("a file");
        // The constants of `kept` and `lost`, as code has them (LEB128).
        let functions = [[0x87, 0xad, 0xcb, 0x00], [0xb1, 0x97, 0xd3, 0x03]];
        assert_eq!(functions.map(|code| has(&wasm, code)), [true, false]);
    }
}
