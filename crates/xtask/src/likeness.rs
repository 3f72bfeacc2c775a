//! Orders a module's functions so that like stands beside like, which is what a compressor finds again most cheaply.
//!
//! wasm-opt can order functions by their names, and then gives all their new numbers to who calls them. So the order is told to
//! it as names: the first is `00000`, and so on.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};
use wasmparser::{Parser, Payload, TypeRef};

/// As long as what is looked for in common: about two instructions.
const PIECE_BYTES: usize = 5;
/// What is in so many functions says nothing of any two.
const COMMON: usize = 200;
/// Keeps a function of a few bytes from being like everything.
const SMALL: usize = 20;

/// The module with its functions named by the places that they should have. It must have no names.
pub(crate) fn name_places(wasm: &[u8]) -> Result<Vec<u8>> {
    let mut imported = 0;
    let mut bodies = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    imported += usize::from(matches!(import?.ty, TypeRef::Func(_)));
                }
            }
            Payload::CodeSectionEntry(body) => bodies.push(&wasm[body.range()]),
            Payload::CustomSection(section) => ensure!(section.name() != "name", "it has names"),
            _ => {}
        }
    }
    let mut names = vec![(0, String::new()); bodies.len()];
    for (place, function) in order(&bodies).into_iter().enumerate() {
        names[function] = (imported + function, format!("{place:05}"));
    }
    let mut map = leb128(names.len());
    for (function, name) in names {
        map.extend(leb128(function));
        map.extend(with_length(name.as_bytes()));
    }
    // A custom section (0) named `name`, in it the names of functions (1).
    let content = [with_length(b"name"), vec![1], with_length(&map)].concat();
    Ok([wasm, &[0], &with_length(&content)].concat())
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
    holders.retain(|_, holders| holders.len() < COMMON);
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

fn with_length(bytes: &[u8]) -> Vec<u8> {
    [leb128(bytes.len()), bytes.to_vec()].concat()
}

fn leb128(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::{leb128, name_places, order};
    use walrus::{FunctionBuilder, Module, ModuleConfig, ValType, ir::BinaryOp};

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

    #[test]
    fn every_function_is_named_by_a_place() {
        let mut module = Module::with_config(ModuleConfig::new());
        let import_type = module.types.add(&[], &[]);
        let (import, _) = module.add_import_func("a", "b", import_type);
        for constant in 0..3 {
            let mut function = FunctionBuilder::new(&mut module.types, &[], &[ValType::I32]);
            let mut body = function.func_body();
            body.call(import)
                .i32_const(constant)
                .i32_const(7)
                .binop(BinaryOp::I32Add);
            let id = function.finish(Vec::new(), &mut module.funcs);
            module.exports.add(&constant.to_string(), id);
        }
        let named = name_places(&module.emit_wasm()).expect("it is a module");
        let named = Module::from_buffer(&named).expect("it still is");
        let names = named
            .funcs
            .iter_local()
            .map(|(id, _)| named.funcs.get(id).name.clone());
        let mut names: Vec<_> = names.collect();
        names.sort();
        assert_eq!(
            names,
            ["00000", "00001", "00002"].map(|name| Some(name.to_owned()))
        );
    }

    #[test]
    fn numbers_are_written_as_wasm_wants() {
        assert_eq!(leb128(0), [0]);
        assert_eq!(leb128(127), [127]);
        assert_eq!(leb128(300), [0xac, 0x02]);
    }
}
