//! Orders a module's functions so that like stands beside like, which is what a compressor finds again most cheaply.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use anyhow::Result;
use wasm_encoder::reencode::{Error, Reencode};
use wasm_encoder::{CodeSection, FunctionSection, Module};
use wasmparser::{CodeSectionReader, FunctionSectionReader, Parser, Payload, TypeRef};

/// As long as what is looked for in common: about two instructions.
const PIECE_BYTES: usize = 4;
/// Keeps a function of a few bytes from being like everything.
const SMALL: usize = 20;

/// The module with its functions in that order.
pub(crate) fn order_functions(wasm: &[u8]) -> Result<Vec<u8>> {
    let mut imported = 0;
    let mut bodies = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    imported += usize::from(matches!(import?.ty, TypeRef::Func(_)));
                }
            }
            Payload::CodeSectionEntry(body) => bodies.push(body.as_bytes()),
            _ => {}
        }
    }
    let order = order(&bodies);
    let mut numbers: Vec<u32> = (0..).take(imported + order.len()).collect();
    for (number, function) in (0..).skip(imported).zip(&order) {
        numbers[imported + function] = number;
    }
    let mut module = Module::new();
    Ordered { order, numbers }.parse_core_module(&mut module, Parser::new(0), wasm)?;
    Ok(module.finish())
}

/// Writes a module again with its functions in another order.
struct Ordered {
    /// Which function is next, each time, of those that are not imported.
    order: Vec<usize>,
    /// The new number of each function.
    numbers: Vec<u32>,
}

impl Reencode for Ordered {
    type Error = Infallible;

    fn function_index(&mut self, function: u32) -> Result<u32, Error<Infallible>> {
        Ok(self.numbers[function as usize])
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: FunctionSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        let types = section.into_iter().collect::<Result<Vec<_>, _>>()?;
        for function in &self.order {
            functions.function(types[*function]);
        }
        Ok(())
    }

    fn parse_code_section(
        &mut self,
        code: &mut CodeSection,
        section: CodeSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        let bodies = section.into_iter().collect::<Result<Vec<_>, _>>()?;
        for function in self.order.clone() {
            self.parse_function_body(code, bodies[function].clone())?;
        }
        Ok(())
    }
}

/// From the largest on, always the one that is most like the one before.
fn order(bodies: &[&[u8]]) -> Vec<usize> {
    let pieces: Vec<BTreeSet<&[u8]>> = bodies
        .iter()
        .map(|body| body.windows(PIECE_BYTES).collect())
        .collect();
    let mut holders: BTreeMap<&[u8], Vec<usize>> = BTreeMap::new();
    for (function, pieces) in pieces.iter().enumerate() {
        for piece in pieces {
            holders.entry(piece).or_default().push(function);
        }
    }
    let mut left: BTreeSet<usize> = (0..bodies.len()).collect();
    let mut next = left.iter().copied().max_by_key(|one| bodies[*one].len());
    let mut order = Vec::new();
    while let Some(function) = next {
        order.push(function);
        left.remove(&function);
        let mut common = vec![0_usize; bodies.len()];
        for piece in &pieces[function] {
            for holder in holders.get(piece).into_iter().flatten() {
                common[*holder] += 1;
            }
        }
        // The share of its pieces that it has in common, in millionths.
        let likeness = |one: &usize| common[*one] * 1_000_000 / (pieces[*one].len() + SMALL);
        next = left.iter().copied().max_by_key(likeness);
    }
    order
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{order, order_functions};
    use walrus::ir::{Instr, Value};
    use walrus::{ExportItem, FunctionBuilder, FunctionId, FunctionKind, Module, ModuleConfig};

    #[test]
    fn the_most_alike_follow_each_other() {
        let bodies: [&[u8]; 4] = [
            b"abcdefgh-one",
            b"123456789012345-x",
            b"abcdefgh-two",
            b"123456789012345",
        ];
        assert_eq!(order(&bodies), [1, 3, 2, 0]);
    }

    /// The constant that a function starts with, and what it calls.
    fn constant_and_called(module: &Module, id: FunctionId) -> (i32, FunctionId) {
        let FunctionKind::Local(function) = &module.funcs.get(id).kind else {
            panic!("it is imported")
        };
        let code = &function.block(function.entry_block()).instrs;
        match [&code[0].0, &code[code.len() - 1].0] {
            [Instr::Const(constant), Instr::Call(call)] => match constant.value {
                Value::I32(value) => (value, call.func),
                _ => panic!("another constant"),
            },
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn whoever_was_called_still_is() {
        let mut module = Module::with_config(ModuleConfig::new());
        let import_type = module.types.add(&[], &[]);
        let (mut called, _) = module.add_import_func("a", "b", import_type);
        for constant in 0..4 {
            let mut function = FunctionBuilder::new(&mut module.types, &[], &[]);
            let mut body = function.func_body();
            body.i32_const(constant).drop();
            // The last is the largest, and two are unlike the two others.
            for _ in 0..=constant {
                match constant % 2 {
                    0 => body.i64_const(4321).drop(),
                    _ => body.i32_const(1234).drop(),
                };
            }
            body.call(called);
            called = function.finish(Vec::new(), &mut module.funcs);
            module.exports.add(&constant.to_string(), called);
        }
        let ordered = order_functions(&module.emit_wasm()).expect("it is a module");
        let ordered = Module::from_buffer(&ordered).expect("it still is");
        let exports: BTreeMap<&str, FunctionId> = ordered
            .exports
            .iter()
            .filter_map(|export| match export.item {
                ExportItem::Function(function) => Some((export.name.as_str(), function)),
                _ => None,
            })
            .collect();
        for (constant, name) in (0..4).zip(["0", "1", "2", "3"]) {
            let (found, called) = constant_and_called(&ordered, exports[name]);
            assert_eq!(found, constant);
            if constant > 0 {
                assert_eq!(constant_and_called(&ordered, called).0, constant - 1);
            }
        }
        let order: Vec<FunctionId> = ordered.funcs.iter_local().map(|(id, _)| id).collect();
        assert_eq!(order, ["3", "1", "0", "2"].map(|name| exports[name]));
    }
}
