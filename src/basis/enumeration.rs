//! Enumeration of the invariants of one order, in the order of the features.

use super::MAX_FEATURES;
use super::coupling;
use super::invariants::{Channel, Factor, Invariant, equal_runs};
use super::listed::listed_invariants;
use super::spec::{BasisSpec, Invariants, RadialCoupling, RadialEntry};
use crate::{Error, Result};
use std::collections::HashMap;

/// All invariants of one order; those that enter products come first.
///
/// Order 2 leaves out `p` with l = 0 wherever the pairwise polynomial contains the product d·d' that it equals.
///
/// # Errors
/// [`Error::Basis`] if there are none, or more than [`MAX_FEATURES`].
pub fn invariants_of_order(
    own: &Invariants,
    spec: &BasisSpec,
    radial: &[RadialEntry],
) -> Result<Vec<Invariant>> {
    if let Some(factors) = &own.factors {
        let is_redundant = |chosen: &[Factor]| is_pair_product(chosen, spec, radial);
        let mut list = listed_invariants(factors, own, spec, radial, &is_redundant)?;
        list.sort_by_key(|invariant| !is_multiplied(invariant, own, radial));
        return Ok(list);
    }
    let mut list = Vec::new();
    for pool in pools(own, spec.elements.len(), radial) {
        let mut search = Multisets {
            pool: &pool,
            own,
            chosen: Vec::new(),
            counts: HashMap::new(),
            is_redundant: &|factors| is_pair_product(factors, spec, radial),
            list: &mut list,
        };
        search.extend(0, own.max_total.unwrap_or(usize::MAX))?;
    }
    if own.order <= 2 {
        // Sorted by l, then by channel, also where pools of one radial function each were searched in turn.
        list.sort_by_cached_key(|invariant| (invariant.degrees(), invariant.channels()));
    }
    list.sort_by_key(|invariant| !is_multiplied(invariant, own, radial));
    Ok(list)
}

/// Whether an invariant may enter products: its radial functions and its degrees l allow it.
#[must_use]
pub fn is_multiplied(invariant: &Invariant, own: &Invariants, radial: &[RadialEntry]) -> bool {
    let channels = invariant.channels();
    let in_range = |max_l: usize| invariant.degrees().iter().all(|l| *l <= max_l);
    let shares_radial = || channels.iter().all(|c| c.radial == channels[0].radial);
    own.product_max_l.is_none_or(in_range)
        && (own.product_radial != Some(RadialCoupling::Diagonal) || shares_radial())
        && channels.iter().all(|c| radial[c.radial].product)
}

/// Whether factors form an invariant p with l = 0 that is a product of the pairwise polynomial.
fn is_pair_product(factors: &[Factor], spec: &BasisSpec, radial: &[RadialEntry]) -> bool {
    let ([first, second], Some(pair)) = (factors, spec.of_order(1)) else {
        return false;
    };
    let degree = if first == second {
        pair.degree
    } else {
        pair.cross_degree
    };
    let multiplied = |factor: &Factor| {
        let entry = &radial[factor.channel.radial];
        entry.max_l(1).is_some() && entry.product
    };
    first.l == 0 && degree >= 2 && multiplied(first) && multiplied(second)
}

/// Factors with their `n + l` that may be combined, ascending: one pool, or one for each radial function (diagonal).
fn pools(own: &Invariants, n_species: usize, radial: &[RadialEntry]) -> Vec<Vec<(Factor, usize)>> {
    let of_order = (0..radial.len()).filter(|n| radial[*n].max_l(own.order).is_some());
    let functions: Vec<usize> = of_order.take(own.max_n.unwrap_or(usize::MAX)).collect();
    let factors_of = |(rank, n): (usize, &usize)| -> Vec<(Factor, usize)> {
        let limit = radial[*n].max_l(own.order).unwrap_or(0);
        let degrees = own.min_l..=limit;
        let factor = |l: usize, species: usize| {
            let channel = Channel {
                species,
                radial: *n,
            };
            (Factor { l, channel }, rank + l)
        };
        degrees
            .flat_map(|l| (0..n_species).map(move |species| (l, species)))
            .map(|(l, species)| factor(l, species))
            .collect()
    };
    let mut pools: Vec<Vec<_>> = functions.iter().enumerate().map(factors_of).collect();
    if own.radial == RadialCoupling::Free {
        pools = vec![pools.concat()];
        pools[0].sort_unstable();
    }
    pools
}

/// Depth-first enumeration of the multisets of factors that have a coupling.
struct Multisets<'a> {
    pool: &'a [(Factor, usize)],
    own: &'a Invariants,
    chosen: Vec<Factor>,
    /// Number of independent couplings by degrees and runs of equal factors.
    counts: HashMap<(Vec<usize>, Vec<usize>), usize>,
    is_redundant: &'a dyn Fn(&[Factor]) -> bool,
    list: &'a mut Vec<Invariant>,
}

impl Multisets<'_> {
    fn extend(&mut self, from: usize, left: usize) -> Result<()> {
        if self.chosen.len() == self.own.order {
            return self.push();
        }
        let is_last = self.chosen.len() + 1 == self.own.order;
        let sum: usize = self.chosen.iter().map(|f| f.l).sum();
        for k in from..self.pool.len() {
            let (factor, total) = self.pool[k];
            if is_last && factor.l > sum {
                break; // The largest degree, which the last factor has, couples to at most the sum of the others.
            }
            if total <= left {
                self.chosen.push(factor);
                self.extend(k, left - total)?;
                self.chosen.pop();
            }
        }
        Ok(())
    }

    fn push(&mut self) -> Result<()> {
        let sum: usize = self.chosen.iter().map(|f| f.l).sum();
        if sum % 2 == 1 || (self.is_redundant)(&self.chosen) {
            return Ok(());
        }
        let degrees: Vec<usize> = self.chosen.iter().map(|f| f.l).collect();
        let key = (degrees, equal_runs(&self.chosen));
        let counted = self.counts.entry(key);
        let count = *counted.or_insert_with_key(|(l, runs)| coupling::count(l, runs));
        if self.list.len() + count > MAX_FEATURES {
            return Err(Error::Basis(format!(
                "more than {MAX_FEATURES} invariants of order {}; lower its max_l, max_n or max_total, or take \
                 diagonal radial indices, to keep to the limit of features per centre element",
                self.own.order
            )));
        }
        let components = (0..count).map(|component| Invariant::new(&self.chosen, component));
        self.list.extend(components);
        Ok(())
    }
}
