//! What each feature needs in the compiled evaluator, so that a selection can count what it would save.
//!
//! The cost of a set of features is that of the union of their requirements: a radial function, a harmonic, a sum or a
//! monomial that several features need is paid for once.

use super::expand::expand;
use super::polynomial::{NONE, Polynomial};
use crate::basis::Basis;
use crate::basis::invariants::{Channel, Invariant};
use crate::basis::monomials::Monomial;
use std::collections::HashMap;
use std::hash::Hash;

/// Something that the evaluator pays for once, whatever the number of features that need it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A column of the radial table of one species: paid for each neighbour.
    Column,
    /// The 2l + 1 harmonics of one l for one species: paid for each neighbour and harmonic.
    Harmonics,
    /// The 2l + 1 sums of one column: paid for each neighbour and sum.
    Sums,
    /// A prefix of the merged polynomial: paid for each atom.
    Row,
    /// A monomial of the merged polynomial: paid for each atom.
    Term,
}

impl Kind {
    /// The name of its unit, as unit costs are told by.
    #[must_use]
    pub fn unit(self) -> &'static str {
        match self {
            Self::Column => "column",
            Self::Harmonics => "harmonic",
            Self::Sums => "sum",
            Self::Row => "row",
            Self::Term => "term",
        }
    }
}

/// Requirements of the features of one centre; those of all centres are alike.
#[derive(Debug, Clone, Default)]
pub struct Requirements {
    /// Kind of each item.
    pub kinds: Vec<Kind>,
    /// Times that its unit is paid: harmonics or sums of one l.
    pub amounts: Vec<u32>,
    /// Species of the neighbours of each item; that of rows and terms is 0.
    pub species: Vec<usize>,
    /// Distances from and up to which neighbours are paid for, Å; 0 for rows and terms. What grows with the reach of the
    /// features that need it is an item for each shell between two cutoffs of radial functions.
    pub shells: Vec<[f64; 2]>,
    /// Items of feature k are `items[starts[k]..starts[k + 1]]`, ascending.
    pub starts: Vec<usize>,
    /// Indices of items.
    pub items: Vec<usize>,
}

/// What tells items apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    /// The column into which the linear pair terms of a species are folded, in a shell.
    Folded(usize, usize),
    Column(Channel),
    /// Species, l, shell.
    Harmonics(usize, usize, usize),
    Sums(Channel, usize),
    /// Prefix and monomial, within the energy or within the intermediate node of an invariant.
    Row(Option<u32>, [u32; 3]),
    Term(Option<u32>, [u32; 6]),
}

/// Numbers items in the order in which they are first needed.
#[derive(Debug, Default)]
struct Items {
    index: HashMap<Key, usize>,
    out: Requirements,
    /// Where shells end: the cutoffs of the radial functions, ascending, Å.
    ends: Vec<f64>,
}

impl Items {
    fn of(basis: &Basis) -> Self {
        let mut ends: Vec<f64> = basis.primitives().iter().map(|f| f.cutoff).collect();
        ends.sort_by(f64::total_cmp);
        ends.dedup();
        Self {
            ends,
            ..Self::default()
        }
    }

    fn get(
        &mut self,
        key: Key,
        kind: Kind,
        amount: usize,
        species: usize,
        shell: [f64; 2],
    ) -> usize {
        let next = self.index.len();
        let index = *self.index.entry(key).or_insert(next);
        if index == next {
            self.out.kinds.push(kind);
            self.out.amounts.push(amount as u32);
            self.out.species.push(species);
            self.out.shells.push(shell);
        }
        index
    }

    /// What a reach needs of each shell within it.
    fn shells(
        &mut self,
        (species, reach): (usize, f64),
        (kind, amount): (Kind, usize),
        key: impl Fn(usize) -> Key,
        own: &mut Vec<usize>,
    ) {
        for k in 0..self.ends.partition_point(|end| *end <= reach) {
            let start = if k == 0 { 0.0 } else { self.ends[k - 1] };
            let shell = [start, self.ends[k]];
            own.push(self.get(key(k), kind, amount, species, shell));
        }
    }

    /// Column, harmonics and sums of a channel up to a degree.
    fn channel(&mut self, channel: Channel, max_l: usize, reach: f64, own: &mut Vec<usize>) {
        let s = channel.species;
        let around = (s, reach);
        own.push(self.get(Key::Column(channel), Kind::Column, 1, s, [0.0, reach]));
        for l in 1..=max_l {
            let n = 2 * l + 1;
            self.shells(
                around,
                (Kind::Harmonics, n),
                |k| Key::Harmonics(s, l, k),
                own,
            );
            own.push(self.get(Key::Sums(channel, l), Kind::Sums, n, s, [0.0, reach]));
        }
    }

    /// Rows and terms of a polynomial.
    fn polynomial(&mut self, node: Option<u32>, polynomial: Polynomial, own: &mut Vec<usize>) {
        for (factors, _) in polynomial.merged() {
            let degree = factors.iter().filter(|f| **f != NONE).count();
            let mut prefix = [NONE; 3];
            let n = Polynomial::prefix(degree);
            prefix[..n].copy_from_slice(&factors[..n]);
            own.push(self.get(Key::Row(node, prefix), Kind::Row, 1, 0, [0.0; 2]));
            own.push(self.get(Key::Term(node, factors), Kind::Term, 1, 0, [0.0; 2]));
        }
    }
}

impl Requirements {
    /// Requirements of the features of a basis.
    #[must_use]
    pub fn new(basis: &Basis) -> Self {
        let mut items = Items::of(basis);
        let of_invariants = of_invariants(basis, &mut items);
        let mut starts = vec![0];
        let mut all = Vec::new();
        for monomial in basis.monomials().iter() {
            let mut own = of_monomial(basis, &of_invariants, monomial, &mut items);
            own.sort_unstable();
            own.dedup();
            all.extend(own);
            starts.push(all.len());
        }
        Self {
            starts,
            items: all,
            ..items.out
        }
    }
}

/// Largest cutoff of the radial functions of a channel, Å.
fn cutoff(basis: &Basis, channel: Channel, l: usize) -> f64 {
    let parts = basis.radial()[channel.radial].combination(l).into_iter();
    parts.fold(0.0, |r: f64, (p, _)| r.max(basis.primitives()[p].cutoff))
}

/// Items of each invariant.
fn of_invariants(basis: &Basis, items: &mut Items) -> Vec<Vec<usize>> {
    let invariants = basis.invariants();
    let mut in_products = vec![false; invariants.len()];
    for monomial in basis.monomials().iter().filter(|m| m.factors().len() > 1) {
        for factor in monomial.factors() {
            in_products[*factor as usize] = true;
        }
    }
    let of_one = |(k, invariant): (usize, &Invariant)| {
        let mut own = Vec::new();
        for (channel, l) in invariant.channels().into_iter().zip(invariant.degrees()) {
            items.channel(channel, l, cutoff(basis, channel, l), &mut own);
        }
        if invariant.order() > 1 {
            let mut polynomial = Polynomial::default();
            expand(invariant, 1.0, place, &mut polynomial);
            let node = in_products[k].then_some(k as u32);
            items.polynomial(node, polynomial, &mut own);
        }
        own
    };
    invariants.iter().enumerate().map(of_one).collect()
}

/// Items of one feature.
fn of_monomial(
    basis: &Basis,
    of_invariants: &[Vec<usize>],
    monomial: Monomial,
    items: &mut Items,
) -> Vec<usize> {
    let invariants = basis.invariants();
    let mut own = Vec::new();
    match *monomial.factors() {
        [] => {}
        [k] => match &invariants[k as usize] {
            Invariant::Pair(channel) => {
                let s = channel.species;
                let around = (s, cutoff(basis, *channel, 0));
                items.shells(around, (Kind::Column, 1), |k| Key::Folded(s, k), &mut own);
            }
            _ => own.extend(&of_invariants[k as usize]),
        },
        ref factors => {
            let node = |k: &u32| match &invariants[*k as usize] {
                Invariant::Pair(channel) => place(*channel, 0).0 as u32,
                _ => INTERMEDIATE + k,
            };
            let nodes: Vec<u32> = factors.iter().map(node).collect();
            let mut product = Polynomial::default();
            product.push(&nodes, 1.0);
            items.polynomial(None, product, &mut own);
            for k in factors {
                own.extend(&of_invariants[*k as usize]);
            }
        }
    }
    own
}

/// Numbers from here on stand for intermediate nodes, those below for sums.
const INTERMEDIATE: u32 = 1 << 31;

/// A number for the sum `l, m = −l` of a channel, ordered as the plan orders sums, and the distance to the next m.
fn place(channel: Channel, l: usize) -> (usize, usize) {
    let step = 1 << 12;
    let start = (channel.species << 24) + (l << 19) + channel.radial;
    (start, step)
}
