//! What is left of a potential when everything with zero coefficient is removed.

use super::Center;
use crate::basis::invariants::{Channel, Invariant, LabelIndex};
use crate::basis::local::legendre_factor;
use crate::basis::monomials::Monomial;
use crate::basis::radial::RadialFunction;
use crate::basis::repulsion::CenterRepulsion;
use crate::basis::{Basis, harmonics};
use crate::{Error, Result};

/// A monomial with its coefficient; factors index the kept invariants.
#[derive(Debug, Clone, Copy)]
pub(super) struct Term {
    pub coefficient: f64,
    pub monomial: Monomial,
}

/// A kept pairwise invariant.
#[derive(Debug, Clone, Copy)]
pub(super) struct PairSum {
    pub species: u16,
    /// Index into the kept radial functions.
    pub radial: usize,
    /// Index into the kept invariants.
    pub invariant: usize,
}

/// A kept order-parameter channel: (l_max + 1)² order parameters of one species and radial function.
#[derive(Debug, Clone, Copy)]
pub(super) struct OrderChannel {
    pub species: u16,
    /// Index into the kept radial functions.
    pub radial: usize,
}

/// A kept angular invariant.
#[derive(Debug, Clone, Copy)]
pub(super) struct AngularProduct {
    /// Index into the kept order-parameter channels.
    pub first: usize,
    pub second: usize,
    /// Range of harmonics of its degree.
    pub start: usize,
    pub end: usize,
    pub factor: f64,
    /// Index into the kept invariants.
    pub invariant: usize,
}

/// The evaluation plan of one centre element.
#[derive(Debug, Clone)]
pub struct CompiledCenter {
    pub(super) reference_energy: f64,
    /// Coefficient of the constant feature, which is never handed over.
    pub(super) constant: f64,
    pub(super) repulsion: Option<CenterRepulsion>,
    pub(super) terms: Vec<Term>,
    pub(super) radial: Vec<RadialFunction>,
    pub(super) pairs: Vec<PairSum>,
    pub(super) channels: Vec<OrderChannel>,
    pub(super) products: Vec<AngularProduct>,
    pub(super) n_invariants: usize,
    /// Number of harmonics in use, zero without angular terms.
    pub(super) harmonics: Option<harmonics::Harmonics>,
    /// Largest cutoff in use, Å.
    pub(super) cutoff: f64,
}

impl CompiledCenter {
    /// The plan of element number `own`.
    pub(super) fn new(
        basis: &Basis,
        index: &LabelIndex,
        own: usize,
        center: &Center,
    ) -> Result<Self> {
        let fail = |message: String| {
            Error::PotentialFile(format!("element {}: {message}", center.element))
        };
        if !center.reference_energy.is_finite() {
            return Err(fail("the reference energy is not finite".into()));
        }
        let monomials: Vec<Monomial> = basis.monomials().iter().collect();
        let mut features = Vec::with_capacity(center.features.len());
        for (label, &coefficient) in &center.features {
            let feature = index
                .find(label)
                .ok_or_else(|| fail(format!("{label:?} is not a feature of its basis")))?;
            if !coefficient.is_finite() {
                return Err(fail(format!("the coefficient of {label:?} is not finite")));
            }
            features.push((feature, coefficient));
        }
        features.sort_unstable_by_key(|(feature, _)| *feature);
        if let Some(twice) = features.windows(2).find(|w| w[0].0 == w[1].0) {
            return Err(fail(format!(
                "feature {:?} is given twice",
                basis.labels()[twice[0].0]
            )));
        }
        let mut plan = Self {
            reference_energy: center.reference_energy,
            constant: 0.0,
            repulsion: basis.repulsion(own).cloned(),
            terms: Vec::new(),
            radial: Vec::new(),
            pairs: Vec::new(),
            channels: Vec::new(),
            products: Vec::new(),
            n_invariants: 0,
            harmonics: None,
            cutoff: 0.0,
        };
        let kept = plan.keep_invariants(basis, features.iter().map(|(f, _)| monomials[*f]));
        for (feature, coefficient) in features {
            let factors: Vec<u32> = monomials[feature]
                .factors()
                .iter()
                .map(|f| kept[*f as usize])
                .collect();
            if factors.is_empty() {
                plan.constant = coefficient;
                continue;
            }
            let monomial = Monomial::new(&factors).expect("as many factors as before");
            plan.terms.push(Term {
                coefficient,
                monomial,
            });
        }
        let reach = plan.repulsion.as_ref().map_or(0.0, CenterRepulsion::reach);
        plan.cutoff = plan.radial.iter().map(|f| f.cutoff).fold(reach, f64::max);
        Ok(plan)
    }

    /// Number the invariants that any monomial uses, and what they need; gives the new index of each.
    fn keep_invariants(
        &mut self,
        basis: &Basis,
        monomials: impl Iterator<Item = Monomial>,
    ) -> Vec<u32> {
        let mut used = vec![false; basis.invariants().len()];
        for monomial in monomials {
            monomial
                .factors()
                .iter()
                .for_each(|f| used[*f as usize] = true);
        }
        let mut radial_index = vec![None; basis.radial().len()];
        let mut channels: Vec<Channel> = Vec::new();
        let mut kept = vec![0; used.len()];
        let mut l_max = 0;
        for (k, invariant) in basis
            .invariants()
            .iter()
            .enumerate()
            .filter(|(k, _)| used[*k])
        {
            kept[k] = self.n_invariants as u32;
            let own = self.n_invariants;
            self.n_invariants += 1;
            let mut radial = |channel: Channel, list: &mut Vec<RadialFunction>| {
                *radial_index[channel.radial].get_or_insert_with(|| {
                    list.push(basis.radial()[channel.radial].function);
                    list.len() - 1
                })
            };
            match *invariant {
                Invariant::Pair(channel) => {
                    let radial = radial(channel, &mut self.radial);
                    self.pairs.push(PairSum {
                        species: channel.species as u16,
                        radial,
                        invariant: own,
                    });
                }
                Invariant::Angular { first, second, l } => {
                    let [first, second] = [first, second].map(|channel| {
                        channels
                            .iter()
                            .position(|c| *c == channel)
                            .unwrap_or_else(|| {
                                let radial = radial(channel, &mut self.radial);
                                self.channels.push(OrderChannel {
                                    species: channel.species as u16,
                                    radial,
                                });
                                channels.push(channel);
                                channels.len() - 1
                            })
                    });
                    let (start, end) = (l * l, (l + 1) * (l + 1));
                    let factor = legendre_factor(l);
                    self.products.push(AngularProduct {
                        first,
                        second,
                        start,
                        end,
                        factor,
                        invariant: own,
                    });
                    l_max = l_max.max(l);
                }
            }
        }
        self.harmonics = (!self.products.is_empty()).then(|| harmonics::Harmonics::new(l_max));
        kept
    }
}
