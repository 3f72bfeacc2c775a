//! Reads a module linked with `--emit-relocs`: the data that belongs together, and the places of its addresses.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use anyhow::{Context, Result, bail, ensure};
use wasmparser::{
    DataKind, KnownCustom, Linking, Operator, Parser, Payload, RelocationEntry, RelocationType,
    SymbolInfo,
};

/// The target of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Address {
    /// Data: the symbol's number.
    Data(u32),
    /// A function: its place in the function table.
    Slot(u32),
}

/// The module's symbols and addresses.
#[derive(Default)]
pub(crate) struct Linked {
    /// How many data segments there are.
    pub(crate) segments: usize,
    /// Addresses that are a constant, or the fixed part of where a load reads, by where that instruction is in the file.
    pub(crate) in_code: BTreeMap<u32, Address>,
    /// The targets that are addressed in any other way.
    pub(crate) always: BTreeSet<Address>,
    /// Segment and place in it, by the symbol's number.
    symbols: BTreeMap<u32, (usize, Range<usize>)>,
    /// Addresses in data: segment, where in it, and what of.
    data: Vec<(usize, usize, Address)>,
}

impl Linked {
    /// Reads what is told of the module.
    pub(crate) fn read(wasm: &[u8]) -> Result<Self> {
        let mut linked = Self::default();
        let mut segments = Vec::new();
        let mut sections = Vec::new();
        let mut relocations = Vec::new();
        for payload in Parser::new(0).parse_all(wasm) {
            let payload = payload?;
            match &payload {
                Payload::DataSection(section) => {
                    for data in section.clone() {
                        let data = data?;
                        let DataKind::Active { offset_expr, .. } = data.kind else {
                            bail!("a data segment without an address");
                        };
                        let Operator::I32Const { value } =
                            offset_expr.get_operators_reader().read()?
                        else {
                            bail!("a data segment without an address");
                        };
                        let start = data.range.end - data.data.len();
                        segments.push((value as u32, start..data.range.end));
                    }
                }
                Payload::CustomSection(section) => match section.as_known() {
                    KnownCustom::Linking(reader) => {
                        for part in reader.subsections() {
                            if let Linking::SymbolTable(symbols) = part? {
                                linked.read_symbols(symbols)?;
                            }
                        }
                    }
                    KnownCustom::Reloc(reader) => {
                        let section: Range<usize> = sections
                            .get(reader.section_index() as usize)
                            .cloned()
                            .context("relocations of a section that is missing")?;
                        for entry in reader.entries() {
                            relocations.push((section.start, entry?));
                        }
                    }
                    _ => {}
                },
                _ => {}
            }
            if let Some((_, range)) = payload.as_section() {
                sections.push(range);
            }
        }
        ensure!(
            !relocations.is_empty(),
            "it was linked without --emit-relocs"
        );
        linked.segments = segments.len();
        for (start, entry) in relocations {
            linked.add(wasm, &segments, start, &entry)?;
        }
        Ok(linked)
    }

    /// The data symbols of a segment, and where in it they are.
    pub(crate) fn symbols(&self, segment: usize) -> impl Iterator<Item = (u32, Range<usize>)> {
        let of_segment = move |(number, (of, place)): (&u32, &(usize, Range<usize>))| {
            (*of == segment).then(|| (*number, place.clone()))
        };
        self.symbols.iter().filter_map(of_segment)
    }

    /// The addresses that a symbol's data holds.
    pub(crate) fn in_data(&self, symbol: u32) -> impl Iterator<Item = Address> {
        let place = self.symbols.get(&symbol);
        let held = move |(segment, at, address): &(usize, usize, Address)| {
            let (of, place) = place?;
            (of == segment && place.contains(at)).then_some(*address)
        };
        self.data.iter().filter_map(held)
    }

    fn read_symbols(&mut self, symbols: wasmparser::SymbolInfoMap<'_>) -> Result<()> {
        for (number, symbol) in (0..).zip(symbols) {
            if let SymbolInfo::Data {
                symbol: Some(defined),
                ..
            } = symbol?
            {
                let start = defined.offset as usize;
                let place = start..start + defined.size as usize;
                self.symbols.insert(number, (defined.index as usize, place));
            }
        }
        Ok(())
    }

    fn add(
        &mut self,
        wasm: &[u8],
        segments: &[(u32, Range<usize>)],
        section: usize,
        entry: &RelocationEntry,
    ) -> Result<()> {
        use RelocationType as Type;
        let at = section + entry.offset as usize;
        let word = |at: usize| Some(u32::from_le_bytes(wasm.get(at..at + 4)?.try_into().ok()?));
        match entry.ty {
            Type::MemoryAddrSleb => {
                let value = self.data_address(segments, entry)?;
                ensure!(
                    constant(wasm, at)? == value,
                    "the linker put another address into the code than it says"
                );
                self.in_code
                    .insert(u32::try_from(at - 1)?, Address::Data(entry.index));
            }
            Type::TableIndexSleb => {
                let slot = Address::Slot(u32::try_from(constant(wasm, at)?)?);
                self.in_code.insert(u32::try_from(at - 1)?, slot);
            }
            Type::MemoryAddrLeb => {
                let address = Address::Data(entry.index);
                match load(wasm, at) {
                    Some(place) => drop(self.in_code.insert(u32::try_from(place)?, address)),
                    None => drop(self.always.insert(address)),
                }
            }
            Type::MemoryAddrI32 | Type::TableIndexI32 => {
                let inside = |(_, (_, place)): &(usize, &(u32, Range<usize>))| place.contains(&at);
                let found = segments.iter().enumerate().find(inside);
                let (segment, (_, place)) = found.context("an address outside the data")?;
                let address = if entry.ty == Type::MemoryAddrI32 {
                    Address::Data(entry.index)
                } else {
                    Address::Slot(word(at).context("an address outside the data")?)
                };
                self.data.push((segment, at - place.start, address));
            }
            // None of these is an address in memory or of a function.
            Type::FunctionIndexLeb
            | Type::TypeIndexLeb
            | Type::GlobalIndexLeb
            | Type::TableNumberLeb => {}
            other => bail!("a relocation that is not known: {other:?}"),
        }
        Ok(())
    }

    /// The address that a relocation stands for.
    fn data_address(
        &self,
        segments: &[(u32, Range<usize>)],
        entry: &RelocationEntry,
    ) -> Result<i64> {
        let (segment, place) = self
            .symbols
            .get(&entry.index)
            .context("data without a symbol")?;
        let (base, _) = segments
            .get(*segment)
            .context("a symbol without a segment")?;
        Ok(i64::from(*base) + i64::try_from(place.start)? + entry.addend)
    }
}

/// The constant that `i32.const` in front of `at` has.
fn constant(wasm: &[u8], at: usize) -> Result<i64> {
    const I32_CONST: u8 = 0x41;
    let code = wasm.get(at - 1..).context("an address outside the code")?;
    ensure!(
        code.first() == Some(&I32_CONST),
        "an address that is not a constant"
    );
    let mut reader = wasmparser::BinaryReader::new(&code[1..], at);
    Ok(i64::from(reader.read_var_i32()?))
}

/// The position of the load whose constant part is at `at`: after its opcode and one byte of its alignment.
fn load(wasm: &[u8], at: usize) -> Option<usize> {
    const LOADS: std::ops::RangeInclusive<u8> = 0x28..=0x35;
    const ALIGNMENT_MAX: u8 = 4;
    let place = at.checked_sub(2)?;
    let (opcode, alignment) = (wasm.get(place)?, wasm.get(place + 1)?);
    (LOADS.contains(opcode) && *alignment <= ALIGNMENT_MAX).then_some(place)
}
