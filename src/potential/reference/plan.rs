//! What is left of a potential when everything with zero coefficient is removed.

use crate::basis::invariants::{Channel, Invariant};
use crate::basis::monomials::Monomial;
use crate::basis::products::{Combination, Products};
use crate::basis::radial::RadialFunction;
use crate::basis::{Basis, harmonics};
use crate::potential::Terms;
use crate::repulsion::CenterRepulsion;
use std::collections::BTreeMap;

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

/// The order parameters up to some l of one species and primitive.
#[derive(Debug, Clone, Copy)]
pub(super) struct OrderChannel {
    pub species: u16,
    /// Index into the kept radial functions.
    pub radial: usize,
    /// First order parameter.
    pub start: usize,
    /// (l_max + 1)².
    pub len: usize,
}

/// The evaluation plan of one centre element.
#[derive(Debug, Clone)]
pub struct ReferenceCenter {
    pub(super) reference_energy: f64,
    /// Coefficient of the constant feature, which is never handed over.
    pub(super) constant: f64,
    pub(super) repulsion: Option<CenterRepulsion>,
    pub(super) terms: Vec<Term>,
    pub(super) radial: Vec<RadialFunction>,
    pub(super) pairs: Vec<PairSum>,
    pub(super) channels: Vec<OrderChannel>,
    /// Number of order parameters of the primitives.
    pub(super) n_primitive: usize,
    /// Number of order parameters of the radial functions, and how they are made.
    pub(super) n_order: usize,
    pub(super) combinations: Vec<Combination>,
    /// The invariants after the pairwise ones.
    pub(super) products: Products,
    pub(super) n_invariants: usize,
    /// Number of harmonics in use, zero without angular terms.
    pub(super) harmonics: Option<harmonics::Harmonics>,
    /// Largest cutoff in use, Å.
    pub(super) cutoff: f64,
}

impl ReferenceCenter {
    /// The plan of element number `own`.
    pub(in crate::potential) fn new(basis: &Basis, own: usize, terms: &Terms) -> Self {
        let mut plan = Self {
            reference_energy: terms.reference_energy,
            constant: terms.constant,
            repulsion: basis.repulsion(own).cloned(),
            terms: Vec::new(),
            radial: Vec::new(),
            pairs: Vec::new(),
            channels: Vec::new(),
            n_primitive: 0,
            n_order: 0,
            combinations: Vec::new(),
            products: Products::default(),
            n_invariants: 0,
            harmonics: None,
            cutoff: 0.0,
        };
        let kept = plan.keep_invariants(basis, terms.products.iter().map(|(m, _)| *m));
        for (monomial, coefficient) in &terms.products {
            let factors: Vec<u32> = monomial
                .factors()
                .iter()
                .map(|f| kept[*f as usize])
                .collect();
            let monomial = Monomial::new(&factors).expect("as many factors as before");
            plan.terms.push(Term {
                coefficient: *coefficient,
                monomial,
            });
        }
        let reach = plan.repulsion.as_ref().map_or(0.0, CenterRepulsion::cutoff);
        plan.cutoff = plan.radial.iter().map(|f| f.cutoff).fold(reach, f64::max);
        plan
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
        let mut kept = vec![0; used.len()];
        let invariants: Vec<usize> = (0..used.len()).filter(|k| used[*k]).collect();
        for (new, old) in invariants.iter().enumerate() {
            kept[*old] = new as u32;
        }
        self.n_invariants = invariants.len();
        let invariants = invariants.iter().map(|k| &basis.invariants()[*k]);
        let mut primitives = Primitives::default();
        for (k, invariant) in invariants.clone().enumerate() {
            if let Invariant::Pair(channel) = invariant {
                for (p, _) in basis.radial()[channel.radial].combination(0) {
                    self.pairs.push(PairSum {
                        species: channel.species as u16,
                        radial: primitives.index(p),
                        invariant: k,
                    });
                }
            }
        }
        let angular = invariants.filter(|i| i.order() > 1);
        self.keep_channels(basis, angular.clone(), &mut primitives);
        self.radial = primitives
            .kept
            .iter()
            .map(|p| basis.primitives()[*p].clone())
            .collect();
        kept
    }

    /// Lay out the order parameters of these invariants, and of the primitives behind them.
    fn keep_channels<'a>(
        &mut self,
        basis: &Basis,
        invariants: impl Iterator<Item = &'a Invariant> + Clone,
        primitives: &mut Primitives,
    ) {
        let mut max_l: BTreeMap<Channel, usize> = BTreeMap::new();
        for invariant in invariants.clone() {
            for (channel, l) in invariant.channels().into_iter().zip(invariant.degrees()) {
                let own = max_l.entry(channel).or_insert(0);
                *own = l.max(*own);
            }
        }
        let Some(l_max) = max_l.values().max() else {
            return;
        };
        self.harmonics = Some(harmonics::Harmonics::new(*l_max));
        let mut primitive_l: BTreeMap<(usize, usize), usize> = BTreeMap::new();
        let mut starts = BTreeMap::new();
        for (channel, &l) in &max_l {
            starts.insert(*channel, self.n_order);
            self.n_order += (l + 1) * (l + 1);
            for (p, _) in basis.radial()[channel.radial].combination(0) {
                let own = primitive_l.entry((channel.species, p)).or_insert(0);
                *own = l.max(*own);
            }
        }
        let mut primitive_starts = BTreeMap::new();
        for (&(species, p), &l) in &primitive_l {
            primitive_starts.insert((species, p), self.n_primitive);
            self.channels.push(OrderChannel {
                species: species as u16,
                radial: primitives.index(p),
                start: self.n_primitive,
                len: (l + 1) * (l + 1),
            });
            self.n_primitive += (l + 1) * (l + 1);
        }
        for (channel, &largest) in &max_l {
            for l in 0..=largest {
                for (p, weight) in basis.radial()[channel.radial].combination(l) {
                    self.combinations.push(Combination {
                        to: starts[channel] + l * l,
                        from: primitive_starts[&(channel.species, p)] + l * l,
                        len: 2 * l + 1,
                        weight,
                    });
                }
            }
        }
        self.products = Products::new(invariants, |channel, l| starts[&channel] + l * l);
    }
}

/// The primitives in use, numbered as they come.
#[derive(Debug, Default)]
struct Primitives {
    kept: Vec<usize>,
}

impl Primitives {
    fn index(&mut self, primitive: usize) -> usize {
        let found = self.kept.iter().position(|p| *p == primitive);
        found.unwrap_or_else(|| {
            self.kept.push(primitive);
            self.kept.len() - 1
        })
    }
}
