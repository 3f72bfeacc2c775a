//! Finds out which values share a local only by chance, and which cannot: what a register allocator looks at.
//!
//! A *web* is a set of writes to a local and of reads, where each read sees one of the writes. All of a web has to stay in
//! one local. Two webs *interfere* when one is written while the other is still going to be read: they need two locals.
//!
//! Only for code of WebAssembly 2.0: later versions have more ways to branch.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use wasmparser::{FunctionBody, Operator};

/// As many locals as a set of them has bits for.
pub(crate) const MOST_LOCALS: usize = 128;

/// A set of locals, by bits.
type Locals = u128;

/// The webs of one function, by numbers.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Webs {
    /// The local that each is in.
    pub(crate) local: Vec<usize>,
    /// Where the code names that local for it, in bytes from the start of the body.
    pub(crate) places: Vec<Vec<usize>>,
    /// What interferes with it.
    pub(crate) rivals: Vec<BTreeSet<usize>>,
    /// Whether it starts as what the caller gave or as zero, without being written.
    pub(crate) from_entry: Vec<bool>,
}

/// What an instruction does with a local.
#[derive(Clone, Copy)]
enum Access {
    None,
    Read(usize),
    Write(usize),
}

/// An instruction, as far as it matters here.
struct Step {
    access: Access,
    /// Where the local's number is.
    place: usize,
    is_loop: bool,
    /// Whether the next one may follow.
    falls_through: bool,
    /// Where else it may go on. For a loop's branch that is the `loop`, for others the `end`.
    branches: Vec<usize>,
}

impl Webs {
    /// Those of a function with so many params and locals.
    pub(crate) fn find(body: &FunctionBody, params: usize, locals: usize) -> Result<Self> {
        ensure!(locals <= MOST_LOCALS, "too many locals");
        let steps = steps(body)?;
        let live = live(&steps);
        Ok(Search::new(&steps, &live, params, locals).run())
    }
}

fn steps(body: &FunctionBody) -> Result<Vec<Step>> {
    let mut reader = body.get_operators_reader()?;
    let mut operators = Vec::new();
    while !reader.eof() {
        // Behind the opcode, which is a byte for all that have a local.
        let place = reader.original_position() - body.range().start + 1;
        operators.push((reader.read()?, place));
    }
    // Where each block ends or, for a loop, begins, by where it begins, and the `else` of an `if`.
    let mut open = Vec::new();
    let mut ends = BTreeMap::new();
    let mut elses = BTreeMap::new();
    for (at, (operator, _)) in operators.iter().enumerate() {
        match operator {
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => open.push(at),
            Operator::Else => {
                elses.insert(open.last().copied(), at);
            }
            Operator::End => {
                ends.insert(open.pop(), at);
            }
            _ => {}
        }
    }
    let end_of = |block: Option<usize>| ends.get(&block).copied().context("a block has no end");
    let mut steps = Vec::new();
    for (at, (operator, place)) in operators.iter().enumerate() {
        let target = |depth: u32| {
            let block = open.iter().rev().nth(depth as usize).copied();
            match block {
                Some(block) if matches!(operators[block].0, Operator::Loop { .. }) => Ok(block),
                // With none, it is the function that ends.
                _ => end_of(block),
            }
        };
        let mut step = Step {
            access: Access::None,
            place: *place,
            is_loop: matches!(operator, Operator::Loop { .. }),
            falls_through: true,
            branches: Vec::new(),
        };
        match operator {
            Operator::LocalGet { local_index } => step.access = Access::Read(*local_index as usize),
            Operator::LocalSet { local_index } | Operator::LocalTee { local_index } => {
                step.access = Access::Write(*local_index as usize);
            }
            Operator::If { .. } => step.branches.push(match elses.get(&Some(at)) {
                Some(otherwise) => otherwise + 1,
                None => end_of(Some(at))?,
            }),
            // Where what is before it ends.
            Operator::Else => {
                step.falls_through = false;
                step.branches.push(end_of(open.last().copied())?);
            }
            Operator::Br { relative_depth } => {
                step.falls_through = false;
                step.branches.push(target(*relative_depth)?);
            }
            Operator::BrIf { relative_depth } => step.branches.push(target(*relative_depth)?),
            Operator::BrTable { targets } => {
                step.falls_through = false;
                for depth in targets.targets() {
                    step.branches.push(target(depth?)?);
                }
                step.branches.push(target(targets.default())?);
            }
            Operator::Return | Operator::Unreachable => step.falls_through = false,
            _ => {}
        }
        match operator {
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => open.push(at),
            Operator::End => {
                open.pop();
            }
            _ => {}
        }
        steps.push(step);
    }
    Ok(steps)
}

/// The locals that are still going to be read, before each step and at the very end.
fn live(steps: &[Step]) -> Vec<Locals> {
    let mut live = vec![0; steps.len() + 1];
    // Once more for what a loop's branch brings to its end.
    let mut changed = true;
    while changed {
        changed = false;
        for (at, step) in steps.iter().enumerate().rev() {
            let after = live_after(steps, &live, at);
            let before = match step.access {
                Access::None => after,
                Access::Read(local) => after | 1 << local,
                Access::Write(local) => after & !(1 << local),
            };
            changed |= live[at] != before;
            live[at] = before;
        }
    }
    live
}

fn live_after(steps: &[Step], live: &[Locals], at: usize) -> Locals {
    let step = &steps[at];
    let next = if step.falls_through { live[at + 1] } else { 0 };
    step.branches
        .iter()
        .fold(next, |all, branch| all | live[*branch])
}

/// One walk through the code, in which each local has a web at each step.
struct Search<'a> {
    steps: &'a [Step],
    live: &'a [Locals],
    params: usize,
    /// For each web, itself or one that it turned out to be the same as.
    same: Vec<usize>,
    /// The local of each.
    local: Vec<usize>,
    /// What the locals hold at this step.
    now: Vec<usize>,
    /// What they hold where it is branched to, forwards or to a loop.
    at_branch: BTreeMap<usize, Vec<usize>>,
    rivals: Vec<(usize, usize)>,
    places: Vec<(usize, usize)>,
}

impl<'a> Search<'a> {
    fn new(steps: &'a [Step], live: &'a [Locals], params: usize, locals: usize) -> Self {
        Self {
            steps,
            live,
            params,
            same: (0..locals).collect(),
            local: (0..locals).collect(),
            now: (0..locals).collect(),
            at_branch: BTreeMap::new(),
            rivals: Vec::new(),
            places: Vec::new(),
        }
    }

    fn run(mut self) -> Webs {
        let locals = self.now.len();
        for web in 0..locals {
            if self.is_live(web, 0) {
                self.written(web, self.live[0]);
            }
        }
        let mut reached = true;
        for (at, step) in self.steps.iter().enumerate() {
            if let Some(webs) = self.at_branch.remove(&at) {
                if reached {
                    self.meet(&webs, at);
                } else {
                    self.now = webs;
                }
                reached = true;
            }
            if step.is_loop {
                self.at_branch.insert(at, self.now.clone());
            }
            match step.access {
                Access::None => {}
                Access::Read(local) => self.places.push((self.now[local], step.place)),
                Access::Write(local) => {
                    let web = self.same.len();
                    self.same.push(web);
                    self.local.push(local);
                    self.now[local] = web;
                    self.written(local, live_after(self.steps, self.live, at));
                    self.places.push((web, step.place));
                }
            }
            for branch in &step.branches {
                if !reached {
                    continue;
                }
                match self.at_branch.get(branch).cloned() {
                    Some(webs) => self.meet(&webs, *branch),
                    None => {
                        self.at_branch.insert(*branch, self.now.clone());
                    }
                }
            }
            reached &= step.falls_through;
        }
        self.webs(locals)
    }

    fn is_live(&self, local: usize, at: usize) -> bool {
        self.live[at] >> local & 1 == 1
    }

    /// What this local holds is new, beside all that is live.
    fn written(&mut self, local: usize, live: Locals) {
        for other in 0..self.now.len() {
            if other != local && live >> other & 1 == 1 {
                self.rivals.push((self.now[local], self.now[other]));
            }
        }
    }

    /// A step that is come to in two ways: what is read from then on is of one web.
    fn meet(&mut self, webs: &[usize], at: usize) {
        for (local, other) in webs.iter().enumerate() {
            if self.is_live(local, at) {
                let (one, other) = (self.first(self.now[local]), self.first(*other));
                self.same[one.max(other)] = one.min(other);
            }
        }
    }

    fn first(&self, mut web: usize) -> usize {
        while self.same[web] != web {
            web = self.same[web];
        }
        web
    }

    /// Those that are somewhere in the code, and what callers give.
    fn webs(self, locals: usize) -> Webs {
        let mut webs = Webs::default();
        let mut numbers = BTreeMap::new();
        let mut number = |webs: &mut Webs, web: usize| {
            let web = self.first(web);
            *numbers.entry(web).or_insert_with(|| {
                webs.local.push(self.local[web]);
                webs.places.push(Vec::new());
                webs.rivals.push(BTreeSet::new());
                webs.from_entry.push(false);
                webs.local.len() - 1
            })
        };
        for local in 0..locals {
            if local < self.params || self.is_live(local, 0) {
                let web = number(&mut webs, local);
                webs.from_entry[web] = true;
            }
        }
        for (web, place) in &self.places {
            let web = number(&mut webs, *web);
            webs.places[web].push(*place);
        }
        for (one, other) in &self.rivals {
            let (one, other) = (number(&mut webs, *one), number(&mut webs, *other));
            webs.rivals[one].insert(other);
            webs.rivals[other].insert(one);
        }
        webs
    }
}

#[cfg(test)]
mod tests {
    use wasm_encoder::BlockType::{Empty, Result};
    use wasm_encoder::Instruction::{
        self, Block, BrIf, BrTable, Drop, Else, End, I32Const, If, LocalGet, LocalSet, LocalTee,
        Loop, Unreachable,
    };
    use wasm_encoder::{Encode, Function, ValType};
    use wasmparser::{BinaryReader, FunctionBody};

    use super::Webs;

    /// A web's local, and the instructions that it is at.
    type Web = (usize, Vec<usize>);
    /// Two webs that interfere.
    type Rivals = (usize, usize);

    /// Those of code with a param and two locals, all `i32`.
    fn webs(code: &[Instruction]) -> (Vec<Web>, Vec<Rivals>) {
        let mut function = Function::new([(2, ValType::I32)]);
        let mut places = Vec::new();
        for instruction in code.iter().chain([&End]) {
            places.push(function.byte_len() + 1);
            function.instruction(instruction);
        }
        let mut bytes = Vec::new();
        function.encode(&mut bytes);
        // A byte in front says how many follow.
        let body = FunctionBody::new(BinaryReader::new(&bytes[1..], 0));
        let webs = Webs::find(&body, 1, 3).expect("it is code");
        let at = |place: &usize| places.iter().position(|one| one == place);
        let at = |web: &Vec<usize>| web.iter().filter_map(at).collect();
        let rivals = webs.rivals.iter().enumerate();
        let rivals =
            rivals.flat_map(|(one, others)| others.range(one..).map(move |other| (one, *other)));
        let rivals = rivals.collect();
        let found = webs.local.iter().copied().zip(webs.places.iter().map(at));
        (found.collect(), rivals)
    }

    #[test]
    fn a_local_that_is_written_anew_holds_another_web() {
        let code = [
            LocalGet(0),
            LocalTee(1),
            LocalSet(2),
            LocalGet(1),
            LocalSet(1),
            LocalGet(1),
            LocalGet(2),
        ];
        let (webs, rivals) = webs(&code);
        assert_eq!(
            webs,
            [
                (0, vec![0]),
                (1, vec![1, 3]),
                (2, vec![2, 6]),
                (1, vec![4, 5])
            ]
        );
        // Nothing reads the param again once the first is written.
        assert_eq!(rivals, [(1, 2), (2, 3)]);
    }

    #[test]
    fn what_both_ways_write_is_one_web() {
        let either = [
            LocalGet(0),
            If(Empty),
            I32Const(1),
            LocalSet(1),
            Else,
            I32Const(2),
            LocalSet(1),
            End,
            LocalGet(1),
        ];
        assert_eq!(webs(&either).0, [(0, vec![0]), (1, vec![3, 6, 8])]);
        // Not written, it is zero, which it is from the start.
        let or_not = [
            LocalGet(0),
            If(Empty),
            I32Const(1),
            LocalSet(1),
            End,
            LocalGet(1),
        ];
        assert_eq!(
            webs(&or_not),
            (vec![(0, vec![0]), (1, vec![3, 5])], vec![(0, 1)])
        );
    }

    #[test]
    fn a_loop_reads_what_it_wrote_before() {
        let code = [
            I32Const(7),
            LocalSet(1),
            Loop(Empty),
            LocalGet(1),
            LocalSet(2),
            LocalGet(2),
            LocalSet(1),
            LocalGet(0),
            BrIf(0),
            End,
        ];
        let (webs, rivals) = webs(&code);
        assert_eq!(webs, [(0, vec![7]), (1, vec![1, 3, 6]), (2, vec![4, 5])]);
        assert_eq!(rivals, [(0, 1), (0, 2)]);
    }

    #[test]
    fn a_branch_brings_what_was_written_before_it() {
        let code = [
            I32Const(7),
            LocalSet(1),
            Block(Empty),
            Block(Empty),
            LocalGet(0),
            BrTable([0].as_slice().into(), 1),
            End,
            I32Const(8),
            LocalSet(1),
            End,
            LocalGet(1),
        ];
        assert_eq!(webs(&code).0, [(0, vec![4]), (1, vec![1, 8, 10])]);
    }

    #[test]
    fn what_is_never_come_to_counts_for_nothing() {
        let code = [
            I32Const(7),
            LocalSet(1),
            Block(Result(ValType::I32)),
            I32Const(1),
            LocalGet(0),
            BrIf(0),
            Unreachable,
            I32Const(9),
            LocalSet(1),
            End,
            Drop,
            LocalGet(1),
        ];
        assert_eq!(
            webs(&code).0,
            [(0, vec![4]), (1, vec![1, 11]), (1, vec![8])]
        );
    }
}
