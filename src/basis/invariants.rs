//! The invariants of one centre and their labels.
//!
//! Labels are what potential files store: `d[Al,3]` is the pairwise invariant of radial function 3 over Al neighbours,
//! `p[Al.1,Ni.2,l=3]` the angular one, `b[Al.1,Al.1,Ni.1,l=1.1.2,k=0]` an invariant of order 3, k counting the
//! independent couplings; a feature is a product `d[Al,3]^2*p[Al.1,Al.1,l=2]`, or `1` for the constant.

use super::monomials::{Monomial, Monomials};
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
    /// The invariant of ascending factors; `component` tells which of their independent couplings.
    pub(super) fn new(factors: &[Factor], component: usize) -> Self {
        match factors {
            [factor] => Self::Pair(factor.channel),
            [first, second] => Self::Angular {
                first: first.channel,
                second: second.channel,
                l: first.l,
            },
            _ => Self::Coupled {
                factors: factors.into(),
                component,
            },
        }
    }

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

/// Lengths of the runs of equal factors. The independent couplings depend on them and on the degrees.
#[must_use]
pub fn equal_runs(factors: &[Factor]) -> Vec<usize> {
    factors
        .chunk_by(|a, b| a == b)
        .map(<[Factor]>::len)
        .collect()
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
