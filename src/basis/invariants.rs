//! The invariants of one centre, in their stable order, and their labels.
//!
//! Labels are what potential files store: `d[Al,3]` is the pairwise invariant of radial function 3 over Al neighbours,
//! `p[Al.1,Ni.2,l=3]` the angular one, `b[Al.1,Al.1,Ni.1,l=1.1.2,k=0]` an invariant of order 3, k counting the
//! independent couplings; a feature is a product `d[Al,3]^2*p[Al.1,Al.1,l=2]`, or `1` for the constant.

use super::MAX_FEATURES;
use super::coupling;
use super::monomials::{Monomial, Monomials};
use super::spec::{BasisSpec, HigherOrder, RadialCoupling, RadialEntry};
use crate::{Error, Result};
use std::collections::HashMap;

/// Neighbour species and radial function: what one sum over neighbours is labelled by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Channel {
    /// Index of the neighbours' element.
    pub species: usize,
    /// Index of the radial function.
    pub radial: usize,
}

/// One factor of an invariant of higher order; its 2l + 1 components are coupled to those of the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Factor {
    /// Degree.
    pub l: usize,
    /// (s, n).
    pub channel: Channel,
}

/// A rotation-invariant function of one environment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Invariant {
    /// `d = Σ_j f_n(r_ij)` over neighbours of one species.
    Pair(Channel),
    /// `p = Σ_jk f_n(r_ij) f_n'(r_ik) P_l(cos θ_jik)`.
    Angular {
        /// (s, n), not after `second`.
        first: Channel,
        /// (s', n').
        second: Channel,
        /// Degree.
        l: usize,
    },
    /// `Σ C a a … a`, order 3 to 6.
    Coupled {
        /// Ascending.
        factors: Box<[Factor]>,
        /// Which of the independent couplings.
        component: usize,
    },
}

impl Invariant {
    /// Order ν: the number of order parameters that are multiplied.
    #[must_use]
    pub fn order(&self) -> usize {
        match self {
            Self::Pair(_) => 1,
            Self::Angular { .. } => 2,
            Self::Coupled { factors, .. } => factors.len(),
        }
    }

    /// Degrees l of its order parameters.
    #[must_use]
    pub fn degrees(&self) -> Vec<usize> {
        match self {
            Self::Pair(_) => vec![0],
            Self::Angular { l, .. } => vec![*l; 2],
            Self::Coupled { factors, .. } => factors.iter().map(|f| f.l).collect(),
        }
    }

    /// Channels of its order parameters.
    #[must_use]
    pub fn channels(&self) -> Vec<Channel> {
        match self {
            Self::Pair(channel) => vec![*channel],
            Self::Angular { first, second, .. } => vec![*first, *second],
            Self::Coupled { factors, .. } => factors.iter().map(|f| f.channel).collect(),
        }
    }

    /// Text form, unique within a basis.
    #[must_use]
    pub fn label(&self, elements: &[String]) -> String {
        let name = |c: &Channel| format!("{}.{}", elements[c.species], c.radial);
        match self {
            Self::Pair(c) => format!("d[{},{}]", elements[c.species], c.radial),
            Self::Angular { first, second, l } => {
                format!("p[{},{},l={l}]", name(first), name(second))
            }
            Self::Coupled { factors, component } => {
                let channels: Vec<String> = factors.iter().map(|f| name(&f.channel)).collect();
                let degrees: Vec<String> = factors.iter().map(|f| f.l.to_string()).collect();
                format!(
                    "b[{},l={},k={component}]",
                    channels.join(","),
                    degrees.join(".")
                )
            }
        }
    }
}

/// Lengths of the runs of equal factors: what the independent couplings depend on, besides the degrees.
#[must_use]
pub fn equal_runs(factors: &[Factor]) -> Vec<usize> {
    factors
        .chunk_by(|a, b| a == b)
        .map(<[Factor]>::len)
        .collect()
}

/// All invariants of one order ν ≥ 3, by radial function (diagonal) and factors; those that enter products come first.
///
/// # Errors
/// [`Error::Basis`] for more than [`MAX_FEATURES`] of them.
pub fn higher_invariants(
    higher: &HigherOrder,
    n_species: usize,
    radial: &[RadialEntry],
) -> Result<Vec<Invariant>> {
    let reaching = (0..radial.len()).filter(|n| radial[*n].reach(higher.order).is_some());
    let functions: Vec<usize> = reaching.take(higher.max_n.unwrap_or(usize::MAX)).collect();
    let factors_of = |ranks: &[usize]| -> Vec<(Factor, usize)> {
        let mut list = Vec::new();
        for &rank in ranks {
            let n = functions[rank];
            let limit = radial[n].reach(higher.order).unwrap_or(0).min(higher.max_l);
            for l in higher.min_l..=limit {
                for species in 0..n_species {
                    let channel = Channel { species, radial: n };
                    list.push((Factor { l, channel }, rank + l));
                }
            }
        }
        list.sort_unstable();
        list
    };
    let ranks: Vec<usize> = (0..functions.len()).collect();
    let pools: Vec<Vec<(Factor, usize)>> = match higher.radial {
        RadialCoupling::Diagonal => ranks.iter().map(|k| factors_of(&[*k])).collect(),
        RadialCoupling::Free => vec![factors_of(&ranks)],
    };
    let mut list = Vec::new();
    for pool in &pools {
        let mut search = Multisets {
            pool,
            higher,
            chosen: Vec::new(),
            counts: HashMap::new(),
            list: &mut list,
        };
        search.extend(0, higher.max_total.unwrap_or(usize::MAX))?;
    }
    list.sort_by_key(|invariant| !enters_products(invariant, radial));
    Ok(list)
}

/// Depth-first enumeration of the multisets of factors that have a coupling.
struct Multisets<'a> {
    pool: &'a [(Factor, usize)],
    higher: &'a HigherOrder,
    chosen: Vec<Factor>,
    counts: HashMap<(Vec<usize>, Vec<usize>), usize>,
    list: &'a mut Vec<Invariant>,
}

impl Multisets<'_> {
    fn extend(&mut self, from: usize, left: usize) -> Result<()> {
        if self.chosen.len() == self.higher.order {
            return self.push();
        }
        for k in from..self.pool.len() {
            let (factor, total) = self.pool[k];
            if total <= left {
                self.chosen.push(factor);
                self.extend(k, left - total)?;
                self.chosen.pop();
            }
        }
        Ok(())
    }

    fn push(&mut self) -> Result<()> {
        let degrees: Vec<usize> = self.chosen.iter().map(|f| f.l).collect();
        let largest = degrees[degrees.len() - 1];
        let sum: usize = degrees.iter().sum();
        if sum % 2 == 1 || 2 * largest > sum {
            return Ok(());
        }
        let key = (degrees, equal_runs(&self.chosen));
        let counted = self.counts.entry(key);
        let count = *counted.or_insert_with_key(|(l, runs)| coupling::count(l, runs));
        if self.list.len() + count > MAX_FEATURES {
            return Err(Error::Basis(format!(
                "more than {MAX_FEATURES} invariants of order {}; lower its max_l, max_n or max_total, or take \
                 diagonal radial indices",
                self.higher.order
            )));
        }
        for component in 0..count {
            self.list.push(Invariant::Coupled {
                factors: self.chosen.clone().into(),
                component,
            });
        }
        Ok(())
    }
}

/// All pairwise invariants, by species then radial index; those that enter products come first.
#[must_use]
pub fn pair_invariants(n_species: usize, radial: &[RadialEntry]) -> Vec<Invariant> {
    let mut list: Vec<Channel> = channels(n_species, radial, |entry| entry.pair).collect();
    list.sort_by_key(|c| !radial[c.radial].product);
    list.into_iter().map(Invariant::Pair).collect()
}

/// All angular invariants, by l, then first channel, then second; those that enter products come first.
///
/// `p` with l = 0 equals d·d'; it is left out wherever the pair polynomial already contains that product.
#[must_use]
pub fn angular_invariants(spec: &BasisSpec, radial: &[RadialEntry]) -> Vec<Invariant> {
    let Some(angular) = spec.angular else {
        return Vec::new();
    };
    let list: Vec<Channel> = channels(spec.elements.len(), radial, |entry| {
        entry.reach(2).is_some()
    })
    .collect();
    let in_pair_polynomial = |a: Channel, b: Channel| {
        let degree = if a == b {
            spec.pair.degree
        } else {
            spec.pair.cross_degree
        };
        let multiplied = |c: Channel| radial[c.radial].pair && radial[c.radial].product;
        degree >= 2 && multiplied(a) && multiplied(b)
    };
    let mut invariants = Vec::new();
    for l in 0..=angular.max_l {
        for (k, &first) in list.iter().enumerate() {
            for &second in &list[k..] {
                let coupled =
                    angular.radial == RadialCoupling::Free || first.radial == second.radial;
                let reaches = [first, second]
                    .iter()
                    .all(|c| radial[c.radial].reach(2).is_some_and(|max_l| l <= max_l));
                if coupled && reaches && !(l == 0 && in_pair_polynomial(first, second)) {
                    invariants.push(Invariant::Angular { first, second, l });
                }
            }
        }
    }
    invariants.sort_by_key(|invariant| !is_multiplied(invariant, spec, radial));
    invariants
}

/// Whether an invariant may enter products: its radial functions and its degree l allow it.
#[must_use]
pub fn is_multiplied(invariant: &Invariant, spec: &BasisSpec, radial: &[RadialEntry]) -> bool {
    let allowed = match invariant {
        Invariant::Angular { first, second, l } => {
            let product_max_l = spec.angular.and_then(|a| a.product_max_l);
            let product_radial = spec.angular.and_then(|a| a.product_radial);
            product_max_l.is_none_or(|max_l| *l <= max_l)
                && (product_radial != Some(RadialCoupling::Diagonal)
                    || first.radial == second.radial)
        }
        Invariant::Pair(_) | Invariant::Coupled { .. } => true,
    };
    allowed && enters_products(invariant, radial)
}

/// Whether all radial functions of an invariant enter products.
fn enters_products(invariant: &Invariant, radial: &[RadialEntry]) -> bool {
    let channels = invariant.channels();
    channels.iter().all(|c| radial[c.radial].product)
}

fn channels<'a>(
    n_species: usize,
    radial: &'a [RadialEntry],
    keep: impl Fn(&RadialEntry) -> bool + Copy + 'a,
) -> impl Iterator<Item = Channel> + 'a {
    (0..n_species).flat_map(move |species| {
        let kept = radial
            .iter()
            .enumerate()
            .filter(move |(_, entry)| keep(entry));
        kept.map(move |(radial, _)| Channel { species, radial })
    })
}

/// Text form of a feature.
#[must_use]
pub fn feature_label(monomial: Monomial, invariants: &[Invariant], elements: &[String]) -> String {
    let factors = monomial.factors();
    if factors.is_empty() {
        return "1".into();
    }
    let mut parts = Vec::new();
    let mut k = 0;
    while k < factors.len() {
        let power = factors[k..]
            .iter()
            .take_while(|f| **f == factors[k])
            .count();
        let label = invariants[factors[k] as usize].label(elements);
        parts.push(if power == 1 {
            label
        } else {
            format!("{label}^{power}")
        });
        k += power;
    }
    parts.join("*")
}

/// Finds the feature that a label names, whatever the order of its factors.
#[derive(Debug)]
pub struct LabelIndex {
    invariants: HashMap<String, u32>,
    features: HashMap<Monomial, usize>,
}

impl LabelIndex {
    /// Index all labels of a basis.
    #[must_use]
    pub fn new(invariants: &[Invariant], monomials: &Monomials, elements: &[String]) -> Self {
        Self {
            invariants: invariants
                .iter()
                .enumerate()
                .map(|(k, i)| (i.label(elements), k as u32))
                .collect(),
            features: monomials.iter().enumerate().map(|(k, m)| (m, k)).collect(),
        }
    }

    /// Feature index of a label; none if the basis has no such feature.
    #[must_use]
    pub fn find(&self, label: &str) -> Option<usize> {
        if label == "1" {
            return self.features.get(&Monomial::ONE).copied();
        }
        let mut factors = Vec::new();
        for part in label.split('*') {
            let (name, power) = match part.rsplit_once('^') {
                Some((name, power)) => (
                    name,
                    power
                        .parse::<usize>()
                        .ok()
                        .filter(|p| (2..=3).contains(p))?,
                ),
                None => (part, 1),
            };
            let index = *self.invariants.get(name)?;
            factors.extend(std::iter::repeat_n(index, power));
            if factors.len() > super::monomials::MAX_DEGREE {
                return None;
            }
        }
        self.features.get(&Monomial::new(&factors)?).copied()
    }
}
