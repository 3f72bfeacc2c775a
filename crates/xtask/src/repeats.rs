//! Numbers the locals of all functions anew, so that code which does the same is the same bytes more often.
//!
//! Every other byte of code is the number of a local, and compilers hand these out as they come. Which numbers a function uses
//! makes no difference to what it does, so each value (see `webs.rs`) gets the number that the code of other functions makes
//! most likely at its places: that is what a compressor writes in the fewest bits. It is register allocation with another aim.

use std::convert::Infallible;
use std::ops::Range;

use anyhow::{Result, ensure};
use wasm_encoder::reencode::{Error, Reencode};
use wasm_encoder::{CodeSection, Encode, Module, ValType};
use wasmparser::{
    BinaryReader, CodeSectionReader, FuncType, FunctionBody, Parser, Payload, Validator,
    WasmFeatures,
};

use crate::webs::{MOST_LOCALS, Webs};

/// How many `i32` locals a function has from now on: with room for choice, and with few different ways to begin. A local more
/// costs nothing once the code is compiled.
const ROOMS: [u32; 4] = [8, 16, 32, 64];

/// How often all of the code is gone through. Another time won less than fifty bytes.
const ROUNDS: usize = 2;
/// How often one function is each time.
const PASSES: usize = 2;

/// The module with its locals numbered anew. It does the same as before.
pub(crate) fn number_locals(wasm: &[u8]) -> Result<Vec<u8>> {
    // `webs.rs` knows of no other ways to branch.
    Validator::new_with_features(WasmFeatures::WASM2).validate_all(wasm)?;
    let wasm = written_by(&mut Unaligned, wasm)?;
    let mut functions = functions(&wasm)?;
    let mut repeats = Repeats::new();
    for round in 0..ROUNDS {
        for function in &mut functions {
            // In the first round each follows those before it, so that habits form. What came by chance has no weight then.
            if round > 0 {
                repeats.forget(&function.bytes);
            }
            function.follow(&repeats);
            repeats.learn(&function.bytes);
        }
    }
    for function in &functions {
        function.ensure_same()?;
    }
    let out = written_by(&mut Bodies(&functions), &wasm)?;
    Validator::new_with_features(WasmFeatures::WASM2).validate_all(&out)?;
    Ok(out)
}

fn written_by(writer: &mut impl Reencode<Error = Infallible>, wasm: &[u8]) -> Result<Vec<u8>> {
    let mut module = Module::new();
    writer.parse_core_module(&mut module, Parser::new(0), wasm)?;
    Ok(module.finish())
}

/// Has each access to memory promise no alignment. What the compiler knew of it is a hint that changes nothing, and that the
/// engines of browsers make no use of.
struct Unaligned;

impl Reencode for Unaligned {
    type Error = Infallible;

    fn mem_arg(
        &mut self,
        arg: wasmparser::MemArg,
    ) -> Result<wasm_encoder::MemArg, Error<Infallible>> {
        Ok(wasm_encoder::MemArg {
            offset: arg.offset,
            align: 0,
            memory_index: arg.memory,
        })
    }
}

/// Puts other bodies in place of a module's.
struct Bodies<'a>(&'a [Function]);

impl Reencode for Bodies<'_> {
    type Error = Infallible;

    fn parse_code_section(
        &mut self,
        code: &mut CodeSection,
        _: CodeSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        for function in self.0 {
            code.raw(&function.bytes);
        }
        Ok(())
    }
}

fn functions(wasm: &[u8]) -> Result<Vec<Function>> {
    let mut types: Vec<FuncType> = Vec::new();
    let mut type_of = Vec::new();
    let mut functions = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::TypeSection(section) => {
                for group in section {
                    let group = group?;
                    types.extend(group.types().map(|kind| kind.unwrap_func().clone()));
                }
            }
            Payload::FunctionSection(section) => {
                type_of = section.into_iter().collect::<Result<Vec<_>, _>>()?;
            }
            Payload::CodeSectionEntry(body) => {
                let kind = &types[type_of[functions.len()] as usize];
                functions.push(Function::read(&body, kind.params())?);
            }
            _ => {}
        }
    }
    Ok(functions)
}

struct Function {
    /// Its body: what locals it has, and its code.
    bytes: Vec<u8>,
    params: usize,
    /// The types of params and locals.
    types: Vec<ValType>,
    /// All of its webs, now in these locals. None where it has too many locals: such a function stays as it is.
    webs: Webs,
}

impl Function {
    fn read(body: &FunctionBody, params: &[wasmparser::ValType]) -> Result<Self> {
        let mut before = params.len();
        let mut types = value_types(params)?;
        // The number that each has from now on.
        let mut numbers: Vec<usize> = (0..before).collect();
        let mut head = Vec::new();
        let groups = body.get_locals_reader()?;
        groups.get_count().encode(&mut head);
        for group in groups {
            let (count, kind) = group?;
            let kind = value_types(&[kind])?[0];
            let room = match kind {
                ValType::I32 => ROOMS.into_iter().find(|room| *room >= count),
                _ => None,
            };
            let room = room.unwrap_or(count);
            numbers.extend(types.len()..types.len() + count as usize);
            types.extend((0..room).map(|_| kind));
            before += count as usize;
            room.encode(&mut head);
            kind.encode(&mut head);
        }
        let mut function = Self {
            bytes: body.as_bytes().to_vec(),
            params: params.len(),
            types,
            webs: Webs::default(),
        };
        if function.types.len() > MOST_LOCALS {
            return Ok(function);
        }
        function.webs = Webs::find(body, params.len(), before)?;
        let code = body.get_operators_reader()?.original_position() - body.range().start;
        for place in function.webs.places.iter_mut().flatten() {
            *place = *place - code + head.len();
        }
        function.bytes.splice(..code, head);
        for web in 0..function.webs.local.len() {
            function.put(web, numbers[function.webs.local[web]]);
        }
        Ok(function)
    }

    /// Puts a web into a local.
    fn put(&mut self, web: usize, local: usize) {
        self.webs.local[web] = local;
        for place in &self.webs.places[web] {
            // A number below 128 is one byte.
            self.bytes[*place] = local as u8;
        }
    }

    /// Moves webs to where their numbers repeat what is known.
    fn follow(&mut self, repeats: &Repeats) {
        let mut bits: Vec<f32> = (0..self.bytes.len())
            .map(|at| repeats.bits(&self.bytes, at))
            .collect();
        for _ in 0..PASSES {
            let mut moved = false;
            for web in 0..self.webs.local.len() {
                if let Some(best) = self.best_move(web, repeats, &bits) {
                    self.exchange(&best);
                    for at in self.touched(&best.webs) {
                        bits[at] = repeats.bits(&self.bytes, at);
                    }
                    moved = true;
                }
            }
            if !moved {
                break;
            }
        }
    }

    fn best_move(&mut self, web: usize, repeats: &Repeats, bits: &[f32]) -> Option<Exchange> {
        // What is not worth a move.
        let mut most = 0.01;
        let mut best = None;
        if self.webs.places[web].is_empty() {
            return None;
        }
        for local in 0..self.types.len() {
            let Some(exchange) = self.exchange_with(web, local) else {
                continue;
            };
            let touched = self.touched(&exchange.webs);
            let before: f32 = touched.iter().map(|at| bits[*at]).sum();
            self.exchange(&exchange);
            let after: f32 = touched
                .iter()
                .map(|at| repeats.bits(&self.bytes, *at))
                .sum();
            self.exchange(&exchange);
            if before - after > most {
                most = before - after;
                best = Some(exchange);
            }
        }
        best
    }

    /// What has to change places when a web moves to this local: what interferes with it there, with that here, and so on
    /// (a Kempe chain). None when it cannot.
    fn exchange_with(&self, web: usize, local: usize) -> Option<Exchange> {
        let here = self.webs.local[web];
        if local == here || self.types[local] != self.types[here] {
            return None;
        }
        let mut webs = vec![web];
        let mut next = 0;
        while let Some(web) = webs.get(next).copied() {
            next += 1;
            let now = self.webs.local[web];
            let then = if now == here { local } else { here };
            // What callers give is where they put it, and no other local than theirs starts as zero.
            if self.webs.from_entry[web] && (now < self.params || then < self.params) {
                return None;
            }
            for rival in &self.webs.rivals[web] {
                if self.webs.local[*rival] == then && !webs.contains(rival) {
                    webs.push(*rival);
                }
            }
        }
        Some(Exchange {
            webs,
            locals: [here, local],
        })
    }

    fn exchange(&mut self, exchange: &Exchange) {
        let [one, other] = exchange.locals;
        for web in &exchange.webs {
            let then = one + other - self.webs.local[*web];
            self.put(*web, then);
        }
    }

    /// The bytes which are more or less likely when these webs are in other locals.
    fn touched(&self, webs: &[usize]) -> Vec<usize> {
        let mut touched: Vec<usize> = webs
            .iter()
            .flat_map(|web| &self.webs.places[*web])
            .flat_map(|place| *place..(*place + 1 + FARTHEST).min(self.bytes.len()))
            .collect();
        touched.sort_unstable();
        touched.dedup();
        touched
    }

    /// That each read still sees what it saw: its webs are at the same places.
    fn ensure_same(&self) -> Result<()> {
        if self.types.len() > MOST_LOCALS {
            return Ok(());
        }
        let body = FunctionBody::new(BinaryReader::new(&self.bytes, 0));
        let found = Webs::find(&body, self.params, self.types.len())?;
        let places = |webs: &Webs| {
            let mut places: Vec<_> = webs
                .places
                .iter()
                .filter(|places| !places.is_empty())
                .map(|places| {
                    let mut places = places.clone();
                    places.sort_unstable();
                    places
                })
                .collect();
            places.sort_unstable();
            places
        };
        ensure!(
            places(&found) == places(&self.webs),
            "locals were mixed up: a function would do something else"
        );
        Ok(())
    }
}

/// Webs of two locals, which go each to the other one.
struct Exchange {
    webs: Vec<usize>,
    locals: [usize; 2],
}

fn value_types(types: &[wasmparser::ValType]) -> Result<Vec<ValType>> {
    let types = types.iter().map(|kind| ValType::try_from(*kind));
    Ok(types.collect::<Result<_, _>>()?)
}

/// How many bytes before one say what it will be: the longer where they are known, else the shorter.
const CONTEXTS: [usize; 2] = [2, 4];
const FARTHEST: usize = CONTEXTS[CONTEXTS.len() - 1];
/// How much a longer context has to have been seen to be believed more than the shorter.
const DOUBT: f32 = 4.0;
const SLOT_BITS: u32 = 24;

/// What followed what in code, and how often: a simple model of what a compressor finds.
struct Repeats {
    /// By the hash of a context, and of a context with what followed. There is room enough for hardly any two to meet.
    seen: Vec<u16>,
}

impl Repeats {
    fn new() -> Self {
        Self {
            seen: vec![0; 1 << SLOT_BITS],
        }
    }

    fn learn(&mut self, bytes: &[u8]) {
        self.count(bytes, |seen| seen.saturating_add(1));
    }

    fn forget(&mut self, bytes: &[u8]) {
        self.count(bytes, |seen| seen.saturating_sub(1));
    }

    fn count(&mut self, bytes: &[u8], change: impl Fn(u16) -> u16) {
        for at in 0..bytes.len() {
            for (context, followed) in slots(bytes, at) {
                self.seen[context] = change(self.seen[context]);
                self.seen[followed] = change(self.seen[followed]);
            }
        }
    }

    /// How many bits it takes to say what this byte is.
    fn bits(&self, bytes: &[u8], at: usize) -> f32 {
        let mut likely = 1.0 / 256.0;
        for (context, followed) in slots(bytes, at) {
            let seen = f32::from(self.seen[context]);
            let followed = f32::from(self.seen[followed]).min(seen);
            likely = (followed + DOUBT * likely) / (seen + DOUBT);
        }
        -likely.log2()
    }
}

/// For each length of context: its slot, and that of it and the byte.
fn slots(bytes: &[u8], at: usize) -> [(usize, usize); CONTEXTS.len()] {
    CONTEXTS.map(|length| {
        let context: Range<usize> = at.saturating_sub(length)..at;
        let start = length as u64;
        let context = bytes[context]
            .iter()
            .fold(start, |hash, byte| mix(hash, *byte));
        (slot(context), slot(mix(!context, bytes[at])))
    })
}

fn mix(hash: u64, byte: u8) -> u64 {
    (hash ^ (u64::from(byte) + 1))
        .wrapping_mul(0x9E37_79B9_7F4A_7C15)
        .rotate_left(29)
}

fn slot(hash: u64) -> usize {
    (hash.wrapping_mul(0xFF51_AFD7_ED55_8CCD) >> (64 - SLOT_BITS)) as usize
}

#[cfg(test)]
mod tests {
    use wasm_encoder::Instruction::{
        self, Call, End, I32Const, I32Load, I32Store, LocalGet, LocalSet,
    };
    use wasm_encoder::{
        CodeSection, Encode, Function, FunctionSection, MemArg, MemorySection, MemoryType, Module,
        TypeSection, ValType,
    };
    use wasmparser::{BinaryReader, FunctionBody, Parser, Payload};

    use super::{Function as Numbered, number_locals};

    const MEMORY: MemArg = MemArg {
        offset: 4,
        align: 2,
        memory_index: 0,
    };

    /// Keeps two sums in these locals while others are called.
    fn code<'a>(one: u32, other: u32) -> Vec<Instruction<'a>> {
        let sum = |local| [LocalGet(0), I32Load(MEMORY), LocalSet(local)];
        let mut code = [sum(one), sum(other)].concat();
        code.extend([LocalGet(1), Call(0), Call(0), LocalSet(1)]);
        code.extend([
            LocalGet(one),
            LocalGet(other),
            I32Store(MEMORY),
            LocalGet(1),
        ]);
        code
    }

    fn bodies(wasm: &[u8]) -> Vec<Vec<u8>> {
        let payloads = Parser::new(0).parse_all(wasm);
        let bodies = payloads.filter_map(|payload| match payload.expect("it is a module") {
            Payload::CodeSectionEntry(body) => Some(body.as_bytes().to_vec()),
            _ => None,
        });
        bodies.collect()
    }

    fn module(functions: &[Vec<Instruction>]) -> Vec<u8> {
        let (mut types, mut numbers, mut code) = (
            TypeSection::new(),
            FunctionSection::new(),
            CodeSection::new(),
        );
        types.ty().function([ValType::I32], [ValType::I32]);
        types.ty().function([ValType::I32; 2], [ValType::I32]);
        for (at, instructions) in functions.iter().enumerate() {
            numbers.function(u32::from(at > 0));
            let mut function = Function::new([(5, ValType::I32)]);
            for instruction in instructions.iter().chain([&End]) {
                function.instruction(instruction);
            }
            code.function(&function);
        }
        let mut memory = MemorySection::new();
        memory.memory(MemoryType {
            minimum: 1,
            maximum: None,
            memory64: false,
            shared: false,
            page_size_log2: None,
        });
        let mut module = Module::new();
        module
            .section(&types)
            .section(&numbers)
            .section(&memory)
            .section(&code);
        module.finish()
    }

    #[test]
    fn functions_that_do_the_same_become_the_same_bytes() {
        let called = vec![LocalGet(0)];
        let wasm = module(&[called, code(2, 3), code(4, 2), code(6, 5)]);
        let numbered = bodies(&number_locals(&wasm).expect("it is a module"));
        assert_eq!(numbered[1], numbered[2]);
        assert_eq!(numbered[1], numbered[3]);
        // A group of eight locals, `i32`. The code starts with param 0, and what is read then may be anywhere.
        assert_eq!(numbered[1][..7], [1, 8, 0x7f, 0x20, 0, 0x28, 0]);
    }

    #[test]
    fn what_callers_give_stays_where_they_put_it() {
        let mut wasm = Vec::new();
        let mut function = Function::new([(1, ValType::I32)]);
        for instruction in [
            LocalGet(0),
            LocalSet(2),
            LocalGet(1),
            LocalSet(1),
            LocalGet(2),
            LocalGet(1),
            End,
        ] {
            function.instruction(&instruction);
        }
        function.encode(&mut wasm);
        let body = FunctionBody::new(BinaryReader::new(&wasm[1..], 0));
        let params = [wasmparser::ValType::I32; 2];
        let numbered = Numbered::read(&body, &params).expect("it is code");
        // Webs are numbered as they come: both params, then the two that are written.
        assert!(numbered.exchange_with(0, 3).is_none(), "a param");
        assert!(
            numbered.exchange_with(2, 1).is_none(),
            "the second param is still read"
        );
        assert!(numbered.exchange_with(2, 0).is_some(), "the first is not");
        let both = numbered.exchange_with(2, 1 + 2).expect("nothing is there");
        assert_eq!(both.webs, [2]);
    }

    #[test]
    fn locals_that_are_mixed_up_are_noticed() {
        let mut wasm = Vec::new();
        let mut function = Function::new([(2, ValType::I32)]);
        for instruction in [
            I32Const(1),
            LocalSet(0),
            I32Const(2),
            LocalSet(1),
            LocalGet(0),
            LocalGet(1),
            End,
        ] {
            function.instruction(&instruction);
        }
        function.encode(&mut wasm);
        let body = FunctionBody::new(BinaryReader::new(&wasm[1..], 0));
        let mut numbered = Numbered::read(&body, &[]).expect("it is code");
        numbered.put(0, 5);
        numbered.ensure_same().expect("a free local is as good");
        numbered.put(1, 5);
        assert!(numbered.ensure_same().is_err());
    }
}
