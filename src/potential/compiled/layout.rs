//! Which columns the sums over the neighbours of one species need, and where columns and sums lie.

use super::plan::Segment;
use super::table::WIDTH;
use super::total::Twin;
use crate::basis::Basis;
use crate::basis::invariants::Invariant;
use crate::potential::Terms;
use std::collections::BTreeMap;

/// A column in the making: radial functions with weights, in the order of the primitives.
pub(super) type Parts = Vec<(usize, f64)>;

/// Which columns the sums over one species need.
#[derive(Debug, Clone, Default)]
pub(super) struct Needs {
    /// Columns that are the same for all l, with their largest l.
    shared: Vec<(Parts, usize)>,
    /// Contracted columns by l.
    contracted: BTreeMap<usize, Vec<Parts>>,
}

impl Needs {
    fn share(&mut self, parts: Parts, l: usize) {
        match self.shared.iter_mut().find(|(own, _)| *own == parts) {
            Some((_, max_l)) => *max_l = l.max(*max_l),
            None => self.shared.push((parts, l)),
        }
    }

    fn contract(&mut self, parts: Parts, l: usize) {
        let own = self.contracted.entry(l).or_default();
        if !own.contains(&parts) {
            own.push(parts);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.shared.is_empty() && self.contracted.is_empty()
    }

    /// The same needs of the columns of another element.
    pub fn of_twins(&self, twins: &[Twin]) -> Self {
        let of = |l: Option<usize>, parts: &Parts| {
            let found = twins.iter().find(|(key, own, _)| *key == l && own == parts);
            found.expect("all columns have a twin").2.clone()
        };
        let shared = self.shared.iter();
        let contracted = self.contracted.iter();
        Self {
            shared: shared.map(|(parts, l)| (of(None, parts), *l)).collect(),
            contracted: contracted
                .map(|(l, own)| (*l, own.iter().map(|p| of(Some(*l), p)).collect()))
                .collect(),
        }
    }
}

/// Where the sums of one species are.
#[derive(Debug, Default)]
pub(super) struct Places {
    pub columns: Vec<Parts>,
    pub n_scalar: usize,
    pub scalar_start: usize,
    pub segments: Vec<Segment>,
    /// Segments by l; the shared one first.
    of_l: BTreeMap<usize, Vec<usize>>,
}

impl Places {
    /// Lay out columns and sums; `next` counts the sums.
    pub fn new(mut needs: Needs, next: &mut usize) -> Self {
        needs.shared.sort_by_key(|(_, l)| std::cmp::Reverse(*l));
        let mut places = Self::default();
        places
            .columns
            .extend(needs.shared.iter().map(|(parts, _)| parts.clone()));
        places
            .columns
            .extend(needs.contracted.remove(&0).unwrap_or_default());
        places.n_scalar = places.columns.len();
        places.scalar_start = *next;
        *next += places.n_scalar.next_multiple_of(WIDTH);
        let max_l = needs.shared.first().map_or(0, |(_, l)| *l);
        for l in 1..=max_l {
            let n = needs.shared.iter().filter(|(_, own)| *own >= l).count();
            places.add(l, 0, n, next);
        }
        for (l, columns) in needs.contracted {
            places
                .columns
                .resize(places.columns.len().next_multiple_of(WIDTH), Vec::new());
            let (first, n) = (places.columns.len(), columns.len());
            places.columns.extend(columns);
            places.add(l, first, n, next);
        }
        places
    }

    /// Sums of one l, joined to those of the l before if they have the same columns up to padding.
    fn add(&mut self, l: usize, column: usize, n_columns: usize, next: &mut usize) {
        let width = n_columns.next_multiple_of(WIDTH);
        let (first_row, end_row) = (l * l, (l + 1) * (l + 1));
        match self.segments.last_mut() {
            Some(last) if (last.column, last.width, last.end_row) == (column, width, first_row) => {
                last.end_row = end_row;
            }
            _ => self.segments.push(Segment {
                is_first: self.segments.iter().all(|s| s.end_row <= first_row),
                first_row,
                end_row,
                column,
                n_columns,
                width,
                start: *next,
            }),
        }
        *next += (end_row - first_row) * width;
        self.of_l
            .entry(l)
            .or_default()
            .push(self.segments.len() - 1);
    }

    /// The sum with `parts` and l, m = −l; further m follow at distances of the second number.
    pub fn find(&self, parts: &Parts, l: usize) -> (usize, usize) {
        if l == 0 {
            let at = self.columns[..self.n_scalar]
                .iter()
                .position(|own| own == parts);
            return (self.scalar_start + at.expect("the column was asked for"), 0);
        }
        let segments = self.of_l[&l].iter().map(|k| &self.segments[*k]);
        let mut found = segments.filter_map(|s| {
            let columns = &self.columns[s.column..][..s.n_columns];
            let at = columns.iter().position(|own| own == parts)?;
            Some((s.start + (l * l - s.first_row) * s.width + at, s.width))
        });
        found.next().expect("the column was asked for")
    }
}

/// What the sums over each species need, and the linear pair terms folded into one column for each.
pub(super) fn needs(
    basis: &Basis,
    terms: &Terms,
    in_products: &[bool],
) -> (Vec<Needs>, Vec<Parts>) {
    let n_species = basis.n_species();
    let mut needs: Vec<Needs> = (0..n_species).map(|_| Needs::default()).collect();
    let mut folded: Vec<BTreeMap<usize, f64>> = vec![BTreeMap::new(); n_species];
    let mut seen = vec![false; in_products.len()];
    for (monomial, weight) in &terms.products {
        for &factor in monomial.factors() {
            let (k, invariant) = (factor as usize, &basis.invariants()[factor as usize]);
            if let (Invariant::Pair(c), false) = (invariant, in_products[k]) {
                for (p, own) in basis.radial()[c.radial].combination(0) {
                    *folded[c.species].entry(p).or_insert(0.0) += weight * own;
                }
                continue;
            }
            if std::mem::replace(&mut seen[k], true) {
                continue;
            }
            for (channel, l) in invariant.channels().into_iter().zip(invariant.degrees()) {
                let parts = basis.radial()[channel.radial].combination(l);
                let own = &mut needs[channel.species];
                if basis.radial()[channel.radial].is_contracted() {
                    own.contract(parts, l);
                } else {
                    own.share(parts, l);
                }
            }
        }
    }
    let folded: Vec<Parts> = folded
        .into_iter()
        .map(|f| f.into_iter().collect())
        .collect();
    for (own, parts) in needs.iter_mut().zip(&folded) {
        if !parts.is_empty() {
            own.share(parts.clone(), 0);
        }
    }
    (needs, folded)
}
