//! Which radial functions enter which invariants of a basis, and where their values lie.

use super::invariants::Invariant;
use super::products::{Combination, Layout, Products};
use super::spec::{EntryFunction, RadialEntry};

/// A primitive with the pairwise invariants it makes.
#[derive(Debug, Clone)]
pub(super) struct PairFunction {
    pub primitive: usize,
    /// By species of the neighbour.
    pub invariants: Vec<usize>,
}

/// Which radial functions enter which invariants, and where.
#[derive(Debug, Clone)]
pub(super) struct RadialTables {
    pub pairs: Vec<PairFunction>,
    /// Primitives of the order parameters.
    angular: Vec<usize>,
    pub primitive_layout: Layout,
    pub layout: Layout,
    /// How the order parameters are made from those of the primitives, indices within one species; none if they are the
    /// same.
    pub combinations: Option<Vec<Combination>>,
    pub products: Products,
}

impl RadialTables {
    pub fn new(n_species: usize, radial: &[RadialEntry], invariants: &[Invariant]) -> Self {
        let pair_index = |species: usize, n: usize| {
            let same = |i: &Invariant| matches!(i, Invariant::Pair(c) if c.species == species && c.radial == n);
            invariants
                .iter()
                .position(same)
                .expect("every pair function has its invariants")
        };
        let mut pairs = Vec::new();
        let mut max_l: Vec<(usize, usize)> = Vec::new();
        let mut contracted = false;
        for (n, entry) in radial.iter().enumerate() {
            if let (EntryFunction::Primitive(primitive), true) =
                (&entry.function, entry.max_l(1).is_some())
            {
                pairs.push(PairFunction {
                    primitive: *primitive,
                    invariants: (0..n_species).map(|s| pair_index(s, n)).collect(),
                });
            }
            let Some(l) = entry.max_l_of_order_parameters() else {
                continue;
            };
            contracted |= matches!(entry.function, EntryFunction::Contracted { .. });
            for (p, _) in entry.combination(0) {
                match max_l.iter_mut().find(|(q, _)| *q == p) {
                    Some((_, largest)) => *largest = l.max(*largest),
                    None => max_l.push((p, l)),
                }
            }
        }
        let primitive_layout = Layout::new(max_l.iter().map(|(_, l)| Some(*l)));
        let angular: Vec<usize> = max_l.iter().map(|(p, _)| *p).collect();
        let layout = Layout::new(radial.iter().map(RadialEntry::max_l_of_order_parameters));
        let combinations =
            contracted.then(|| combinations(radial, &layout, &angular, &primitive_layout));
        let products = Products::new(invariants, |channel, l| layout.index(channel, l));
        Self {
            pairs,
            angular,
            primitive_layout,
            layout,
            combinations,
            products,
        }
    }

    /// Every combination for every species, with its first order parameter and that of the primitive.
    pub fn combined<'a>(
        &self,
        combinations: &'a [Combination],
        n_species: usize,
    ) -> impl Iterator<Item = (&'a Combination, usize, usize)> + use<'a> {
        let (to, from) = (self.layout.len, self.primitive_layout.len);
        let of_species = move |s: usize| {
            let all = combinations.iter();
            all.map(move |c| (c, s * to + c.to, s * from + c.from))
        };
        (0..n_species).flat_map(of_species)
    }

    /// Primitive, first order parameter and number of order parameters of each angular primitive.
    pub fn segments(&self) -> impl Iterator<Item = (usize, usize, usize)> + '_ {
        let layout = &self.primitive_layout;
        let places = layout.starts.iter().zip(&layout.lens);
        self.angular
            .iter()
            .zip(places)
            .map(|(p, (start, len))| (*p, *start, *len))
    }
}

/// How the order parameters of each radial function are made from those of the primitives `angular`.
fn combinations(
    radial: &[RadialEntry],
    layout: &Layout,
    angular: &[usize],
    primitive_layout: &Layout,
) -> Vec<Combination> {
    let place = |p: usize| angular.iter().position(|q| *q == p).expect("listed above");
    let of_entry = |(n, entry): (usize, &RadialEntry)| -> Vec<Combination> {
        let degrees = entry.max_l_of_order_parameters().map_or(0..0, |l| 0..l + 1);
        let of_degree = |l: usize| {
            let (to, start) = (layout.starts[n] + l * l, l * l);
            let combination = entry.combination(l).into_iter();
            combination.map(move |(p, weight)| (to, start, p, weight, 2 * l + 1))
        };
        let all = degrees.flat_map(of_degree);
        all.map(|(to, start, p, weight, len)| Combination {
            to,
            from: primitive_layout.starts[place(p)] + start,
            len,
            weight,
        })
        .collect()
    };
    radial.iter().enumerate().flat_map(of_entry).collect()
}
