//! Takes data and functions out of a module that became unreachable after linking. Examples are the words of panics
//! (`panics.rs`): source positions, formats, and the functions that would have written them.
//!
//! The linker keeps every item whose address is taken. wasm-opt drops useless addresses, but to it an address is a number
//! like any other, so it keeps the item itself. This pass combines the two. In a copy of the module, each address that the
//! linker wrote into the code is read from a global of its own, and the copy is optimised. If no code reads an item's global
//! any more, and no reachable data refers to it, the item is unreachable. In the module itself its data becomes zeros, and
//! its place in the function table a trap.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use anyhow::{Context, Result, bail, ensure};
use walrus::{
    ConstExpr, ElementItems, ElementKind, ExportItem, FunctionBuilder, FunctionId, FunctionKind,
    GlobalId, InstrLocId, Module, ValType,
    ir::{self, BinaryOp, Binop, Const, GlobalGet, Instr, InstrSeq, Value, Visitor, VisitorMut},
};

use crate::linked::{Address, Linked};

/// How the exports begin that keep wasm-opt from knowing a global's value.
const GLOBAL: &str = "address of ";

/// The functions that only tell wasm-bindgen what the imports take; none is left once it has read them.
const DESCRIBES: &str = "__wbindgen_describe_";

/// A copy of a module in which addresses are read from globals.
pub(crate) struct Copy {
    linked: Linked,
    /// By the globals' numbers.
    addresses: Vec<Address>,
    /// The addresses in functions that wasm-bindgen runs, and in those whose addresses stay numbers, by the functions'
    /// names.
    unnamed: BTreeMap<String, Vec<Address>>,
}

impl Copy {
    /// Reads `from`, which was linked with `--emit-relocs`, and writes the module to `module` and the copy to `copy`, both
    /// without what `cut` cuts off.
    pub(crate) fn make(
        from: &Path,
        module: &Path,
        copy: &Path,
        cut: impl Fn(&mut Module) -> Result<()>,
    ) -> Result<Self> {
        let bytes = fs::read(from).with_context(|| from.display().to_string())?;
        let linked = Linked::read(&bytes).context("what the linker says of the module")?;
        let mut made = Self {
            linked,
            addresses: Vec::new(),
            unnamed: BTreeMap::new(),
        };
        for (path, is_copy) in [(module, false), (copy, true)] {
            let mut module = Module::from_buffer(&bytes).context("the module cannot be read")?;
            if is_copy {
                made.name_addresses(&mut module);
            }
            for section in ["linking", "reloc.CODE", "reloc.DATA"] {
                module.customs.remove_raw(section);
            }
            cut(&mut module)?;
            module
                .emit_wasm_file(path)
                .with_context(|| path.display().to_string())?;
        }
        Ok(made)
    }

    /// `copy` was treated as the module was, and is now optimised by `optimise`.
    pub(crate) fn optimised(
        self,
        copy: &Path,
        optimise: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<Optimised> {
        let mut always = self.linked.always.clone();
        for function in read(copy)?.funcs.iter() {
            let addresses = self.unnamed.get(&name(function));
            always.extend(addresses.into_iter().flatten());
        }
        optimise(copy)?;
        Ok(Optimised {
            copy: self,
            module: read(copy)?,
            always,
        })
    }

    /// Makes each address in the code the value of an exported global, whose name is its number.
    fn name_addresses(&mut self, module: &mut Module) {
        let mut names = Names {
            linked: &self.linked,
            found: BTreeMap::new(),
        };
        let described = described(module);
        let globals = &mut module.globals;
        for (id, function) in module.funcs.iter_local_mut() {
            let entry = function.entry_block();
            let mut places = Places {
                linked: &self.linked,
                of: Vec::new(),
            };
            ir::dfs_in_order(&mut places, function, entry);
            if let Some(name) = described.get(&id) {
                let addresses = places.of.iter().map(|(address, _)| *address);
                self.unnamed.insert(name.clone(), addresses.collect());
                continue;
            }
            for (address, value) in places.of {
                names.found.entry((address, value)).or_insert_with(|| {
                    let value = ConstExpr::Value(Value::I32(value));
                    globals.add_local(ValType::I32, true, false, value)
                });
            }
            ir::dfs_pre_order_mut(&mut names, function, entry);
        }
        for ((address, _), global) in names.found {
            let name = format!("{GLOBAL}{}", self.addresses.len());
            module.exports.add(&name, global);
            self.addresses.push(address);
        }
    }
}

/// The facts that an optimised copy tells about the module.
pub(crate) struct Optimised {
    copy: Copy,
    module: Module,
    /// Addresses that do not stand in the code.
    always: BTreeSet<Address>,
}

impl Optimised {
    /// Empties what nothing reaches in `module`.
    pub(crate) fn empty(&self, module: &Path) -> Result<()> {
        let reached = self.reached(None)?;
        let mut emptied = read(module)?;
        let bytes = empty_data(&mut emptied, self.linked(), &reached)?;
        let slots = empty_table(&mut emptied, &reached)?;
        println!("nothing reaches {bytes} bytes of data and {slots} places of the function table");
        emptied
            .emit_wasm_file(module)
            .with_context(|| module.display().to_string())
    }

    /// The items reachable from the exports, except from one.
    pub(crate) fn reached(&self, without: Option<&str>) -> Result<BTreeSet<Address>> {
        reached(&self.module, &self.copy, &self.always, without)
    }

    pub(crate) fn linked(&self) -> &Linked {
        &self.copy.linked
    }
}

pub(crate) fn read(path: &Path) -> Result<Module> {
    Module::from_file(path).with_context(|| format!("{} cannot be read", path.display()))
}

/// The functions that wasm-bindgen carries out, and their names.
fn described(module: &Module) -> BTreeMap<FunctionId, String> {
    let mut walk = Walk::default();
    for export in module.exports.iter() {
        if let ExportItem::Function(function) = export.item
            && export.name.starts_with(DESCRIBES)
        {
            walk.functions.push(function);
        }
    }
    let mut described = BTreeMap::new();
    while let Some(id) = walk.functions.pop() {
        let function = module.funcs.get(id);
        if let FunctionKind::Local(local) = &function.kind
            && described.insert(id, name(function)).is_none()
        {
            ir::dfs_in_order(&mut walk, local, local.entry_block());
        }
    }
    described
}

/// A function's name, as wasm-bindgen leaves it.
fn name(function: &walrus::Function) -> String {
    let name = function.name.as_deref().unwrap_or_default();
    rustc_demangle::demangle(name).to_string()
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
    fn start_instr_seq_mut(&mut self, seq: &mut InstrSeq) {
        for (mut instr, at) in std::mem::take(&mut seq.instrs) {
            let address = address(self.linked, &instr, at);
            if let Some(global) = address.and_then(|address| self.found.get(&address)) {
                let get = GlobalGet { global: *global };
                if let Instr::Load(load) = &mut instr {
                    load.arg.offset = 0;
                    let op = BinaryOp::I32Add;
                    seq.instrs.push((get.into(), at));
                    seq.instrs.push((Binop { op }.into(), at));
                } else {
                    instr = get.into();
                }
            }
            seq.instrs.push((instr, at));
        }
    }
}

fn address(linked: &Linked, instr: &Instr, at: InstrLocId) -> Option<(Address, i32)> {
    let value = match instr {
        Instr::Const(Const {
            value: Value::I32(value),
        }) => *value,
        Instr::Load(load) => i32::try_from(load.arg.offset).ok()?,
        _ => return None,
    };
    let address = *linked.in_code.get(&at.data())?;
    Some((address, value))
}

/// The items that the optimised copy reaches from its exports.
fn reached(
    optimised: &Module,
    copy: &Copy,
    always: &BTreeSet<Address>,
    without: Option<&str>,
) -> Result<BTreeSet<Address>> {
    let mut globals = BTreeMap::new();
    let mut walk = Walk::default();
    for export in optimised.exports.iter() {
        if without == Some(&export.name) {
            continue;
        }
        match export.item {
            ExportItem::Function(function) => walk.functions.push(function),
            ExportItem::Global(global) => {
                if let Some(number) = export.name.strip_prefix(GLOBAL) {
                    globals.insert(global, copy.addresses[number.parse::<usize>()?]);
                }
            }
            ExportItem::Table(_) | ExportItem::Memory(_) | ExportItem::Tag(_) => {}
        }
    }
    walk.functions.extend(optimised.start);
    let table = table(optimised)?;
    let mut reached = BTreeSet::new();
    let mut functions = BTreeSet::new();
    let mut waiting: Vec<Address> = always.iter().copied().collect();
    loop {
        if let Some(address) = waiting.pop() {
            if !reached.insert(address) {
                continue;
            }
            match address {
                Address::Data(symbol) => waiting.extend(copy.linked.in_data(symbol)),
                Address::Slot(slot) => walk.functions.extend(table.get(&slot)),
            }
        } else if let Some(function) = walk.functions.pop() {
            if let FunctionKind::Local(local) = &optimised.funcs.get(function).kind
                && functions.insert(function)
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

/// Addresses in functions that have not been followed yet.
#[derive(Default)]
pub(crate) struct Walk {
    pub(crate) functions: Vec<FunctionId>,
    pub(crate) globals: Vec<GlobalId>,
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
pub(crate) fn table(module: &Module) -> Result<BTreeMap<u32, FunctionId>> {
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

pub(crate) fn start(kind: &ElementKind) -> Result<u32> {
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
pub(crate) fn empty_data(
    module: &mut Module,
    linked: &Linked,
    reached: &BTreeSet<Address>,
) -> Result<usize> {
    let mut emptied = 0;
    let ids: Vec<_> = module.data.iter().map(|data| data.id()).collect();
    ensure!(ids.len() == linked.segments, "data segments are missing");
    for (segment, id) in ids.into_iter().enumerate() {
        let bytes = &mut module.data.get_mut(id).value;
        let dead = dead(bytes.len(), segment, linked, reached)?;
        for (byte, dead) in bytes.iter_mut().zip(dead) {
            if dead {
                *byte = 0;
                emptied += 1;
            }
        }
    }
    Ok(emptied)
}

/// The bytes of a segment that belong to unreachable symbols only.
pub(crate) fn dead(
    bytes: usize,
    segment: usize,
    linked: &Linked,
    reached: &BTreeSet<Address>,
) -> Result<Vec<bool>> {
    let mut dead = vec![false; bytes];
    // Those that are reached last: symbols may share bytes.
    for live in [false, true] {
        for (symbol, place) in linked.symbols(segment) {
            if reached.contains(&Address::Data(symbol)) == live {
                let bytes = dead
                    .get_mut(place)
                    .context("a symbol outside its segment")?;
                bytes.fill(!live);
            }
        }
    }
    Ok(dead)
}

/// A trap in each place of the function table that is not reached. Counts them.
pub(crate) fn empty_table(module: &mut Module, reached: &BTreeSet<Address>) -> Result<usize> {
    let mut trap = FunctionBuilder::new(&mut module.types, &[], &[]);
    trap.func_body().unreachable();
    let trap = trap.finish(Vec::new(), &mut module.funcs);
    let mut unused = 0;
    for element in module.elements.iter_mut() {
        let start = start(&element.kind)?;
        if let ElementItems::Functions(functions) = &mut element.items {
            for (slot, function) in (start..).zip(functions) {
                if !reached.contains(&Address::Slot(slot)) {
                    *function = trap;
                    unused += 1;
                }
            }
        }
    }
    Ok(unused)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::{
        fs,
        path::{Path, PathBuf},
        process::Command,
    };

    use walrus::{FunctionBuilder, FunctionKind, Module};

    use super::Copy;
    use crate::step::{run, target_dir};

    const SOURCE: &str = r#"
        #![no_std]
        #[panic_handler]
        fn panic(_: &core::panic::PanicInfo) -> ! { loop {} }
        pub struct Words { pub text: &'static str, pub write: extern "C" fn(usize) -> u32 }
        static KEPT_LETTERS: [u8; 16] = *b"kept to look up.";
        static LOST_LETTERS: [u8; 16] = *b"lost to look up.";
        pub extern "C" fn kept(at: usize) -> u32 { 1234567 + KEPT_LETTERS[at & 15] as u32 }
        pub extern "C" fn lost(at: usize) -> u32 { 7654321 + LOST_LETTERS[at & 15] as u32 }
        static KEPT: Words = Words { text: "kept words", write: kept };
        static LOST: Words = Words { text: "lost words", write: lost };
        #[unsafe(no_mangle)]
        pub extern "C" fn live() -> &'static Words { &KEPT }
        #[unsafe(no_mangle)]
        pub extern "C" fn cut_off() -> &'static Words { &LOST }
    "#;

    /// The module of a Rust source, linked as the package's is, in a folder of its own.
    pub(crate) fn compiled(name: &str, source: &str) -> PathBuf {
        let dir = target_dir().join("tmp").join(name);
        fs::create_dir_all(&dir).expect("a folder");
        let (file, wasm) = (dir.join("source.rs"), dir.join("linked.wasm"));
        fs::write(&file, source).expect("a file");
        let mut rustc = Command::new("rustc");
        rustc.args("--edition=2024 --crate-type=cdylib -Copt-level=1 -Cpanic=abort".split(' '));
        rustc.arg("--target=wasm32-unknown-unknown");
        rustc.args("-Clink-arg=--emit-relocs -Clink-arg=--export-table -o".split(' '));
        run(rustc.arg(&wasm).arg(&file)).expect("rustc");
        wasm
    }

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
        let wasm = compiled("unreached", SOURCE);
        let texts = [
            "kept words",
            "kept to look up",
            "lost words",
            "lost to look up",
        ];
        assert_eq!(texts.map(|text| has(&wasm, text)), [true; 4]);

        let copy = wasm.with_file_name("copy.wasm");
        Copy::make(&wasm, &wasm, &copy, cut)
            .and_then(|made| made.optimised(&copy, |_| Ok(())))
            .and_then(|made| made.empty(&wasm))
            .expect("it can be emptied");
        assert_eq!(
            texts.map(|text| has(&wasm, text)),
            [true, true, false, false]
        );
        let mut module = Module::from_file(&wasm).expect("it is a module");
        walrus::passes::gc::run(&mut module);
        module.emit_wasm_file(&wasm).expect("a file");
        // The constants of `kept` and `lost`, as code has them (LEB128).
        let functions = [[0x87, 0xad, 0xcb, 0x00], [0xb1, 0x97, 0xd3, 0x03]];
        assert_eq!(functions.map(|code| has(&wasm, code)), [true, false]);
    }
}
