//! Forward mode: the invariants of one environment with all their gradients, as the design rows need them.

use super::invariants::Invariant;
use super::spec::RadialEntry;
use super::{Basis, harmonics};
use crate::environment::Environment;
use std::f64::consts::PI;

/// Components of the strain derivative, xx yy zz yz xz xy.
pub const STRAIN: [(usize, usize); 6] = [(0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)];

/// `4π / (2l + 1)`: turns `Σ_m a a'` of orthonormal harmonics into `Σ_jk f f' P_l(cos θ)`.
#[must_use]
pub fn legendre_factor(l: usize) -> f64 {
    4.0 * PI / (2 * l + 1) as f64
}

/// Invariants of one centre and their gradients, reused from atom to atom.
///
/// A gradient has `3 T + 6` columns: x, y, z of each of the T atoms touched (slot 0 is the centre itself), then
/// the strain derivative `∂I/∂ε_ab = Σ_j r_a ∂I/∂r_b` in the order of [`STRAIN`].
#[derive(Debug, Default)]
pub struct LocalInvariants {
    /// Values, one per invariant.
    pub values: Vec<f64>,
    /// Gradients, row-major (columns × invariants).
    pub gradients: Vec<f64>,
    columns: usize,
    by_invariant: Vec<f64>,
    order: Vec<f64>,
    order_gradients: Vec<f64>,
    harmonics: Vec<f64>,
    harmonic_gradients: Vec<f64>,
}

impl LocalInvariants {
    /// Number of gradient columns of the last environment.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Evaluate all invariants of `basis`; `slots[j]` tells which of the `n_slots` touched atoms neighbour j is
    /// (0 if it is an image of the centre).
    pub fn evaluate(
        &mut self,
        basis: &Basis,
        environment: &Environment,
        slots: &[u32],
        n_slots: usize,
    ) {
        let n = basis.invariants().len();
        self.columns = 3 * n_slots + 6;
        reset(&mut self.values, n);
        reset(&mut self.by_invariant, n * self.columns);
        self.sum_over_neighbors(basis, environment, slots, n_slots);
        self.contract_order_parameters(basis);
        reset(&mut self.gradients, n * self.columns);
        transpose(&self.by_invariant, n, self.columns, &mut self.gradients);
    }

    /// Pairwise invariants and order parameters `a_{s n l m} = Σ_j f_n Y_lm`, with their gradients.
    fn sum_over_neighbors(
        &mut self,
        basis: &Basis,
        environment: &Environment,
        slots: &[u32],
        n_slots: usize,
    ) {
        let n_lm = basis.harmonics().len();
        let tables = &basis.tables;
        let n_order = basis.n_species() * tables.angular.len() * n_lm;
        reset(&mut self.order, n_order);
        reset(&mut self.order_gradients, n_order * self.columns);
        reset(&mut self.harmonics, n_lm);
        reset(&mut self.harmonic_gradients, 3 * n_lm);
        for ((&r, &species), &slot) in environment
            .displacements
            .iter()
            .zip(environment.neighbors)
            .zip(slots)
        {
            let species = usize::from(species);
            let distance = (r[0] * r[0] + r[1] * r[1] + r[2] * r[2]).sqrt();
            let unit = r.map(|x| x / distance);
            let (seen, dseen) = basis.seen_distance(environment.center, species, distance);
            let place = Placement {
                displacement: r,
                slot: slot as usize,
                strain: 3 * n_slots,
            };
            for &n in &tables.pair {
                let (f, df) = basis.radial()[n].function.value_and_derivative(seen);
                let invariant = tables.pair_invariant[species * tables.n_radial + n];
                self.values[invariant] += f;
                let row = &mut self.by_invariant[invariant * self.columns..][..self.columns];
                place.add(row, unit.map(|u| df * dseen * u));
            }
            if tables.angular.is_empty() {
                continue;
            }
            basis.harmonics().evaluate_with_gradient(
                unit,
                &mut self.harmonics,
                &mut self.harmonic_gradients,
            );
            for (k, &n) in tables.angular.iter().enumerate() {
                let function = &basis.radial()[n].function;
                if seen >= function.cutoff {
                    continue;
                }
                let (f, df) = function.value_and_derivative(seen);
                let channel = (species * tables.angular.len() + k) * n_lm;
                for lm in 0..n_lm {
                    self.order[channel + lm] += f * self.harmonics[lm];
                    let g: [f64; 3] = std::array::from_fn(|axis| {
                        df * dseen * unit[axis] * self.harmonics[lm]
                            + f / distance * self.harmonic_gradients[axis * n_lm + lm]
                    });
                    let row =
                        &mut self.order_gradients[(channel + lm) * self.columns..][..self.columns];
                    place.add(row, g);
                }
            }
        }
    }

    /// `p = 4π/(2l+1) Σ_m a a'` and its product rule.
    fn contract_order_parameters(&mut self, basis: &Basis) {
        let n_lm = basis.harmonics().len();
        let (rank, n_angular) = (&basis.tables.angular_rank, basis.tables.angular.len());
        let x = self.columns;
        for (k, invariant) in basis.invariants().iter().enumerate().skip(basis.n_pair) {
            let Invariant::Angular { first, second, l } = *invariant else {
                continue;
            };
            let a = (first.species * n_angular + rank[first.radial]) * n_lm;
            let b = (second.species * n_angular + rank[second.radial]) * n_lm;
            let factor = legendre_factor(l);
            let out = &mut self.by_invariant[k * x..][..x];
            for lm in harmonics::index(l, -(l as isize))..=harmonics::index(l, l as isize) {
                let (va, vb) = (self.order[a + lm], self.order[b + lm]);
                self.values[k] += factor * va * vb;
                let (wa, wb) = (factor * va, factor * vb);
                let da = &self.order_gradients[(a + lm) * x..][..x];
                let db = &self.order_gradients[(b + lm) * x..][..x];
                for ((o, ga), gb) in out.iter_mut().zip(da).zip(db) {
                    *o += wb * ga + wa * gb;
                }
            }
        }
    }
}

/// Which radial functions enter which invariants, and where.
#[derive(Debug, Clone)]
pub(super) struct RadialTables {
    /// Radial functions of the pairwise invariants.
    pair: Vec<usize>,
    /// Index of the pairwise invariant of each species and radial function, at [species * n_radial + n].
    pair_invariant: Vec<usize>,
    /// Radial functions of the order parameters.
    angular: Vec<usize>,
    /// Position of each radial function within `angular`.
    angular_rank: Vec<usize>,
    n_radial: usize,
}

impl RadialTables {
    pub(super) fn new(n_species: usize, radial: &[RadialEntry], invariants: &[Invariant]) -> Self {
        let n_radial = radial.len();
        let mut pair_invariant = vec![usize::MAX; n_species * n_radial];
        for (k, invariant) in invariants.iter().enumerate() {
            if let Invariant::Pair(channel) = invariant {
                pair_invariant[channel.species * n_radial + channel.radial] = k;
            }
        }
        let angular: Vec<usize> = (0..n_radial)
            .filter(|n| radial[*n].angular.is_some())
            .collect();
        let mut angular_rank = vec![usize::MAX; n_radial];
        for (rank, n) in angular.iter().enumerate() {
            angular_rank[*n] = rank;
        }
        let pair = (0..n_radial).filter(|n| radial[*n].pair).collect();
        Self {
            pair,
            pair_invariant,
            angular,
            angular_rank,
            n_radial,
        }
    }
}

/// Where the gradient with respect to one displacement goes.
pub(crate) struct Placement {
    pub(crate) displacement: [f64; 3],
    pub(crate) slot: usize,
    pub(crate) strain: usize,
}

impl Placement {
    pub(crate) fn add(&self, row: &mut [f64], g: [f64; 3]) {
        // An image of the centre moves with it: only a strain changes r_ij = S·H.
        if self.slot != 0 {
            for axis in 0..3 {
                row[3 * self.slot + axis] += g[axis];
                row[axis] -= g[axis];
            }
        }
        for (k, (a, b)) in STRAIN.into_iter().enumerate() {
            row[self.strain + k] += self.displacement[a] * g[b];
        }
    }
}

fn reset(buffer: &mut Vec<f64>, len: usize) {
    buffer.clear();
    buffer.resize(len, 0.0);
}

/// Row-major transpose of a (rows × columns) matrix.
fn transpose(from: &[f64], rows: usize, columns: usize, to: &mut [f64]) {
    const TILE: usize = 16;
    for r0 in (0..rows).step_by(TILE) {
        for c0 in (0..columns).step_by(TILE) {
            for r in r0..(r0 + TILE).min(rows) {
                for c in c0..(c0 + TILE).min(columns) {
                    to[c * rows + r] = from[r * columns + c];
                }
            }
        }
    }
}
