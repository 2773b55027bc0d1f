//! Invariants as polynomials of the sums over neighbours.

use super::layout::Places;
use super::polynomial::Polynomial;
use crate::basis::Basis;
use crate::basis::coupling;
use crate::basis::harmonics::legendre_factor;
use crate::basis::invariants::{Channel, Invariant, equal_runs};
use std::f64::consts::PI;

/// Finds the sums of invariants.
pub(super) struct Sums<'a> {
    pub basis: &'a Basis,
    pub places: &'a [Option<Places>],
}

impl Sums<'_> {
    pub fn find(&self, channel: Channel, l: usize) -> (usize, usize) {
        let parts = self.basis.radial()[channel.radial].combination(l);
        let places = self.places[channel.species].as_ref();
        places.expect("the species was asked for").find(&parts, l)
    }

    /// [`expand`] with the sums of the plan.
    pub fn expand(&self, invariant: &Invariant, weight: f64, out: &mut Polynomial) {
        expand(invariant, weight, |channel, l| self.find(channel, l), out);
    }
}

/// Add `weight` times an invariant as a polynomial of the sums; `find` gives the sum with m = −l of a channel, and the
/// distance of those that follow. Those with l = 0 come without their harmonic.
pub(super) fn expand(
    invariant: &Invariant,
    weight: f64,
    find: impl Fn(Channel, usize) -> (usize, usize),
    out: &mut Polynomial,
) {
    let y00 = (0.25 / PI).sqrt();
    match invariant {
        Invariant::Pair(channel) => out.push(&[find(*channel, 0).0 as u32], weight),
        Invariant::Angular { first, second, l } => {
            let ((a, da), (b, db)) = (find(*first, *l), find(*second, *l));
            let factor = legendre_factor(*l) * if *l == 0 { y00 * y00 } else { 1.0 };
            for m in 0..=2 * l {
                out.push(&[(a + m * da) as u32, (b + m * db) as u32], factor * weight);
            }
        }
        Invariant::Coupled { factors, component } => {
            let degrees: Vec<usize> = factors.iter().map(|f| f.l).collect();
            let polynomials = coupling::polynomials(&degrees, &equal_runs(factors));
            let polynomial = &polynomials[*component];
            let places: Vec<(usize, usize)> =
                factors.iter().map(|f| find(f.channel, f.l)).collect();
            let n_scalar = degrees.iter().filter(|l| **l == 0).count() as i32;
            let scale = weight * y00.powi(n_scalar);
            let terms = polynomial.components.chunks_exact(factors.len());
            for (c, m) in polynomial.coefficients.iter().zip(terms) {
                let nodes: Vec<u32> = places
                    .iter()
                    .zip(m)
                    .map(|((start, step), m)| (start + usize::from(*m) * step) as u32)
                    .collect();
                out.push(&nodes, scale * c);
            }
        }
    }
}
