//! The invariants of one centre, in their stable order, and their labels.
//!
//! Labels are what potential files store: `d[Al,3]` is the pairwise invariant of radial function 3 over Al neighbours,
//! `p[Al.1,Ni.2,l=3]` the angular one; a feature is a product `d[Al,3]^2*p[Al.1,Al.1,l=2]`, or `1` for the constant.

use super::monomials::{Monomial, Monomials};
use super::spec::{BasisSpec, RadialCoupling, RadialEntry};
use std::collections::HashMap;

/// Neighbour species and radial function: what one sum over neighbours is labelled by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Channel {
    /// Index of the neighbours' element.
    pub species: usize,
    /// Index of the radial function.
    pub radial: usize,
}

/// A rotation-invariant function of one environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
}

impl Invariant {
    /// Text form, unique within a basis.
    #[must_use]
    pub fn label(&self, elements: &[String]) -> String {
        match *self {
            Self::Pair(c) => format!("d[{},{}]", elements[c.species], c.radial),
            Self::Angular { first, second, l } => format!(
                "p[{}.{},{}.{},l={l}]",
                elements[first.species], first.radial, elements[second.species], second.radial
            ),
        }
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
    let list: Vec<Channel> =
        channels(spec.elements.len(), radial, |entry| entry.angular.is_some()).collect();
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
                    .all(|c| radial[c.radial].angular.is_some_and(|max_l| l <= max_l));
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
    match *invariant {
        Invariant::Pair(channel) => radial[channel.radial].product,
        Invariant::Angular { first, second, l } => {
            let product_max_l = spec.angular.and_then(|a| a.product_max_l);
            let product_radial = spec.angular.and_then(|a| a.product_radial);
            product_max_l.is_none_or(|max_l| l <= max_l)
                && (product_radial != Some(RadialCoupling::Diagonal)
                    || first.radial == second.radial)
                && radial[first.radial].product
                && radial[second.radial].product
        }
    }
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
