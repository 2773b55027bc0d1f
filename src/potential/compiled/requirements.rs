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
    /// Distance up to which neighbours are paid for, Å; 0 for rows and terms. That of harmonics and sums is the largest
    /// of their species.
    pub cutoffs: Vec<f64>,
    /// Items of feature k are `items[starts[k]..starts[k + 1]]`, ascending.
    pub starts: Vec<usize>,
    /// Indices of items.
    pub items: Vec<usize>,
}

/// What tells items apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    /// The column into which the linear pair terms of a species are folded.
    Folded(usize),
    Column(Channel),
    Harmonics(usize, usize),
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
}

impl Items {
    fn get(
        &mut self,
        key: Key,
        kind: Kind,
        amount: usize,
        (species, cutoff): (usize, f64),
    ) -> usize {
        let next = self.index.len();
        let index = *self.index.entry(key).or_insert(next);
        if index == next {
            self.out.kinds.push(kind);
            self.out.amounts.push(amount as u32);
            self.out.species.push(species);
            self.out.cutoffs.push(0.0);
        }
        self.out.cutoffs[index] = self.out.cutoffs[index].max(cutoff);
        index
    }

    /// Column, harmonics and sums of a channel up to a degree.
    fn channel(&mut self, channel: Channel, max_l: usize, cutoff: f64, own: &mut Vec<usize>) {
        let around = (channel.species, cutoff);
        own.push(self.get(Key::Column(channel), Kind::Column, 1, around));
        for l in 1..=max_l {
            let n = 2 * l + 1;
            let harmonics = Key::Harmonics(channel.species, l);
            own.push(self.get(harmonics, Kind::Harmonics, n, around));
            own.push(self.get(Key::Sums(channel, l), Kind::Sums, n, around));
        }
    }

    /// Harmonics and sums get the largest cutoff of their species.
    fn level_cutoffs(&mut self) {
        let angular = |kind: Kind| matches!(kind, Kind::Harmonics | Kind::Sums);
        let mut furthest: HashMap<usize, f64> = HashMap::new();
        for (k, kind) in self.out.kinds.iter().enumerate() {
            if angular(*kind) {
                let cutoff = furthest.entry(self.out.species[k]).or_insert(0.0);
                *cutoff = cutoff.max(self.out.cutoffs[k]);
            }
        }
        for (k, kind) in self.out.kinds.iter().enumerate() {
            if angular(*kind) {
                self.out.cutoffs[k] = furthest[&self.out.species[k]];
            }
        }
    }

    /// Rows and terms of a polynomial.
    fn polynomial(&mut self, node: Option<u32>, polynomial: Polynomial, own: &mut Vec<usize>) {
        for (factors, _) in polynomial.merged() {
            let degree = factors.iter().filter(|f| **f != NONE).count();
            let mut prefix = [NONE; 3];
            let n = Polynomial::prefix(degree);
            prefix[..n].copy_from_slice(&factors[..n]);
            own.push(self.get(Key::Row(node, prefix), Kind::Row, 1, (0, 0.0)));
            own.push(self.get(Key::Term(node, factors), Kind::Term, 1, (0, 0.0)));
        }
    }
}

impl Requirements {
    /// Requirements of the features of a basis.
    #[must_use]
    pub fn new(basis: &Basis) -> Self {
        let mut items = Items::default();
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
        items.level_cutoffs();
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
                let around = (channel.species, cutoff(basis, *channel, 0));
                let folded = Key::Folded(channel.species);
                own.push(items.get(folded, Kind::Column, 1, around));
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
