//! What holds where no data are: close pairs and crowded atoms are handed over to the ZBL repulsion.
//!
//! `E_i = E0 + s(ρ_i) w·φ_i + (1 − s(ρ_i)) E_c + ½ Σ_j V(r_ij) [S + (1 − s(ρ_i)) (1 − S) g(r_ij)]`, and `φ_i` sees the
//! distance `u(r)`.
//!
//! * `V` is the universal repulsion of J. F. Ziegler, J. P. Biersack and U. Littmark, *The Stopping and Range of Ions
//!   in Solids* (1985).
//! * `S` rises from 0 at `outer` to 1 at `inner`, and `u` saturates there: a close pair repels as ZBL, and what is
//!   learnt of it stays as it was near `outer`.
//! * `ρ_i = Σ_j g(r_ij)`, `g = (1 − r²/rc²)³`, measures how crowded an atom is; `s` falls from 1 at `onset` to 0 at
//!   `end`: beyond, the atom has its ZBL energy and a constant `E_c` (`level`), which rises under any compression. With
//!   `E_c` at least what is learnt of crowded atoms, the energy rises in between as well.
//!
//! Every piece is C². With `outer` below the shortest distance and `onset` above the largest ρ of the data, nothing
//! changes on the data.

use super::spec::BasisSpec;
use crate::elements;
use crate::environment::Environment;
use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// `e² / 4πε₀`, eV Å.
const COULOMB: f64 = 14.399_645;
/// `0.8854 a₀`, Å: numerator of the screening length `a = 0.8854 a₀ / (Z₁^0.23 + Z₂^0.23)`.
const SCREENING: f64 = 0.8854 * 0.529_177_21;
/// Amplitudes and decays of the screening function.
const TERMS: [(f64, f64); 4] = [
    (0.18175, 3.1998),
    (0.50986, 0.94229),
    (0.28022, 0.4029),
    (0.02817, 0.20162),
];

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_zero(x: &f64) -> bool {
    *x == 0.0
}

/// Where the repulsion takes over; matrices and lists in the order of the elements of the basis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repulsion {
    /// Distance of each pair below which it repels as ZBL in full, Å.
    pub inner: Vec<Vec<f64>>,
    /// Distance of each pair beyond which nothing changes, Å.
    pub outer: Vec<Vec<f64>>,
    /// The same for crowded atoms; never if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crowding: Option<Crowding>,
}

/// Between which ρ a centre is handed over, by element.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crowding {
    /// Largest ρ at which nothing changes.
    pub onset: Vec<f64>,
    /// ρ from which ZBL is alone.
    pub end: Vec<f64>,
    /// Energy that a centre handed over keeps, in ZBL energies of two of its element at `outer`.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub level: f64,
    /// How far neighbours count in ρ, in `outer` of their pair; as far as the cutoff if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<f64>,
}

impl Repulsion {
    /// Check the shape and the order of all distances.
    ///
    /// # Errors
    /// [`Error::Basis`] naming the pair.
    pub(super) fn validate(&self, symbols: &[String], cutoff: f64) -> Result<()> {
        let fail = |message: String| Err(Error::Basis(format!("repulsion: {message}")));
        let n = symbols.len();
        for (name, matrix) in [("inner", &self.inner), ("outer", &self.outer)] {
            if matrix.len() != n || matrix.iter().any(|row| row.len() != n) {
                return fail(format!("{name} must be a {n} × {n} matrix"));
            }
        }
        for (i, j) in (0..n).flat_map(|i| (0..n).map(move |j| (i, j))) {
            let pair = format!("{}–{}", symbols[i], symbols[j]);
            let (inner, outer) = (self.inner[i][j], self.outer[i][j]);
            // Written so that a NaN is refused.
            if !(inner > 0.0 && inner < outer && outer <= cutoff) {
                return fail(format!(
                    "{pair}: inner {inner} and outer {outer} must satisfy 0 < inner < outer ≤ cutoff {cutoff}"
                ));
            }
            if (inner, outer) != (self.inner[j][i], self.outer[j][i]) {
                return fail(format!("{pair}: the matrices must be symmetric"));
            }
        }
        let Some(crowding) = &self.crowding else {
            return Ok(());
        };
        if crowding.onset.len() != n || crowding.end.len() != n {
            return fail(format!(
                "crowding needs an onset and an end for each of {n} elements"
            ));
        }
        if crowding
            .range
            .is_some_and(|range| !(range > 1.0 && range.is_finite()))
        {
            return fail("crowding range must be larger than 1 outer distance".to_owned());
        }
        if !(crowding.level >= 0.0 && crowding.level.is_finite()) {
            return fail(format!(
                "crowding level {} must be a finite number, not negative",
                crowding.level
            ));
        }
        for (symbol, (onset, end)) in symbols.iter().zip(crowding.onset.iter().zip(&crowding.end)) {
            if !(*onset >= 0.0 && onset < end && end.is_finite()) {
                return fail(format!(
                    "{symbol}: crowding onset {onset} and end {end} must satisfy 0 ≤ onset < end"
                ));
            }
        }
        Ok(())
    }

    /// The repulsion as each centre element has it.
    pub(super) fn centers(&self, spec: &BasisSpec) -> Vec<CenterRepulsion> {
        let charge = |k: usize| f64::from(elements::atomic_number(&spec.elements[k]).unwrap_or(0));
        let n = spec.elements.len();
        let center = |i: usize| CenterRepulsion {
            pairs: (0..n)
                .map(|j| ClosePair {
                    zbl: Zbl::new(charge(i), charge(j)),
                    inner: self.inner[i][j],
                    outer: self.outer[i][j],
                    range: self
                        .crowding
                        .as_ref()
                        .and_then(|c| c.range)
                        .map_or(spec.cutoff, |range| {
                            spec.cutoff.min(range * self.outer[i][j])
                        }),
                })
                .collect(),
            crowding: self.crowding.as_ref().map(|c| CrowdedAtom {
                onset: c.onset[i],
                end: c.end[i],
                level: c.level
                    * Zbl::new(charge(i), charge(i))
                        .value_and_derivative(self.outer[i][i])
                        .0,
            }),
            cutoff: spec.cutoff,
        };
        (0..n).map(center).collect()
    }
}

/// The universal pair energy.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Zbl {
    charges: f64,
    screening_length: f64,
}

impl Zbl {
    /// For two atomic numbers.
    #[must_use]
    pub fn new(first: f64, second: f64) -> Self {
        Self {
            charges: COULOMB * first * second,
            screening_length: SCREENING / (first.powf(0.23) + second.powf(0.23)),
        }
    }

    /// `V(r)` in eV and `dV/dr` in eV/Å.
    #[must_use]
    pub fn value_and_derivative(&self, r: f64) -> (f64, f64) {
        let (mut phi, mut dphi) = (0.0, 0.0);
        for (amplitude, decay) in TERMS {
            let k = decay / self.screening_length;
            let term = amplitude * (-k * r).exp();
            phi += term;
            dphi -= k * term;
        }
        let coulomb = self.charges / r;
        (coulomb * phi, coulomb * (dphi - phi / r))
    }
}

/// One pair of elements.
#[derive(Debug, Clone, Copy)]
struct ClosePair {
    zbl: Zbl,
    inner: f64,
    outer: f64,
    /// Distance from which the pair does not count in ρ.
    range: f64,
}

impl ClosePair {
    /// `S(r)` and its derivative.
    fn switch(&self, r: f64) -> (f64, f64) {
        let width = self.outer - self.inner;
        let (h, dh) = smooth_step((r - self.inner) / width);
        (1.0 - h, -dh / width)
    }

    /// `u(r)` and its derivative: the integral of the smooth step, so that both are smooth.
    fn seen_distance(&self, r: f64) -> (f64, f64) {
        if r >= self.outer {
            return (r, 1.0);
        }
        let width = self.outer - self.inner;
        let x = ((r - self.inner) / width).max(0.0);
        let integral = x * x * x * x * (x * x - 3.0 * x + 2.5);
        (self.outer + width * (integral - 0.5), smooth_step(x).0)
    }
}

/// [`Crowding`] of one element.
#[derive(Debug, Clone, Copy)]
struct CrowdedAtom {
    onset: f64,
    end: f64,
    level: f64,
}

/// The repulsion of one centre element.
#[derive(Debug, Clone)]
pub struct CenterRepulsion {
    pairs: Vec<ClosePair>,
    crowding: Option<CrowdedAtom>,
    cutoff: f64,
}

/// What one environment is handed over to, reused from atom to atom.
#[derive(Debug, Default)]
pub struct Handover {
    /// Whether anything is handed over at all; if not, the rest is without meaning.
    pub active: bool,
    /// `s(ρ)`.
    pub scale: f64,
    /// `∂s/∂r_ij` of each neighbour, 1/Å.
    pub scale_gradients: Vec<[f64; 3]>,
    /// Repulsion of the centre, eV.
    pub energy: f64,
    /// `∂energy/∂r_ij` of each neighbour, eV/Å.
    pub gradients: Vec<[f64; 3]>,
}

impl CenterRepulsion {
    /// How far neighbours matter, Å.
    #[must_use]
    pub fn reach(&self) -> f64 {
        let outer = self.pairs.iter().map(|p| p.outer).fold(0.0, f64::max);
        self.crowding.map_or(outer, |_| self.cutoff)
    }

    /// Distance below which a neighbour of this species repels as ZBL in full, Å.
    #[must_use]
    pub fn inner(&self, species: usize) -> f64 {
        self.pairs[species].inner
    }

    /// Distance beyond which nothing changes for a neighbour of this species, Å.
    #[must_use]
    pub fn outer(&self, species: usize) -> f64 {
        self.pairs[species].outer
    }

    /// ρ beyond which something changes; none if crowding never matters.
    #[must_use]
    pub fn crowding_onset(&self) -> Option<f64> {
        self.crowding.map(|crowded| crowded.onset)
    }

    /// Distance from which a neighbour of this species does not count in ρ, Å.
    #[must_use]
    pub fn crowding_range(&self, species: usize) -> f64 {
        self.pairs[species].range
    }

    /// The distance that the radial functions see of a neighbour, and its derivative.
    #[must_use]
    pub fn seen_distance(&self, species: usize, r: f64) -> (f64, f64) {
        self.pairs[species].seen_distance(r)
    }

    /// ρ of the environment, and whether a pair is closer than `outer`.
    #[must_use]
    pub fn crowding(&self, environment: &Environment) -> (f64, bool) {
        let (mut rho, mut close) = (0.0, false);
        for (r, &species) in environment.displacements.iter().zip(environment.neighbors) {
            let squared = r[0] * r[0] + r[1] * r[1] + r[2] * r[2];
            let pair = &self.pairs[usize::from(species)];
            rho += weight(squared, pair.range).0;
            close |= squared < pair.outer * pair.outer;
        }
        (rho, close)
    }

    /// `s(ρ)` and `ds/dρ`.
    fn scale(&self, rho: f64) -> (f64, f64) {
        let Some(CrowdedAtom { onset, end, .. }) = self.crowding else {
            return (1.0, 0.0);
        };
        let (h, dh) = smooth_step((rho - onset) / (end - onset));
        (1.0 - h, -dh / (end - onset))
    }

    /// `s(ρ)` and the repulsion of one environment with their gradients.
    pub fn evaluate(&self, environment: &Environment, out: &mut Handover) {
        let (rho, close) = self.crowding(environment);
        let crowded = self.crowding.is_some_and(|c| rho > c.onset);
        out.active = close || crowded;
        if !out.active {
            return;
        }
        let (scale, slope) = self.scale(rho);
        (out.scale, out.energy) = (scale, 0.0);
        out.scale_gradients.clear();
        out.gradients.clear();
        // What crowding alone brings: its factor 1 − s depends on all neighbours.
        let mut crowding_energy = self.crowding.map_or(0.0, |c| c.level);
        for (r, &species) in environment.displacements.iter().zip(environment.neighbors) {
            let squared = r[0] * r[0] + r[1] * r[1] + r[2] * r[2];
            let distance = squared.sqrt();
            let pair = &self.pairs[usize::from(species)];
            let (v, dv) = pair.zbl.value_and_derivative(distance);
            let (s, ds) = pair.switch(distance);
            let (g, dg) = weight(squared, self.cutoff);
            let (_, drho) = weight(squared, pair.range);
            let (rest, drest) = ((1.0 - s) * g, -ds * g + (1.0 - s) * 2.0 * distance * dg);
            out.energy += 0.5 * v * s;
            crowding_energy += 0.5 * v * rest;
            let share = s + (1.0 - scale) * rest;
            let dshare = ds + (1.0 - scale) * drest;
            let radial = 0.5 * (dv * share + v * dshare) / distance;
            out.gradients.push(r.map(|x| radial * x));
            out.scale_gradients.push(r.map(|x| slope * 2.0 * drho * x));
        }
        out.energy += (1.0 - scale) * crowding_energy;
        for (gradient, ds) in out.gradients.iter_mut().zip(&out.scale_gradients) {
            for axis in 0..3 {
                gradient[axis] -= crowding_energy * ds[axis];
            }
        }
    }
}

/// `g = (1 − r²/range²)³` and `dg/d(r²)` from `r²`.
fn weight(squared: f64, range: f64) -> (f64, f64) {
    let scale = 1.0 / (range * range);
    let x = (1.0 - squared * scale).max(0.0);
    (x * x * x, -3.0 * scale * x * x)
}

/// The C² step `6x⁵ − 15x⁴ + 10x³` from 0 at 0 to 1 at 1, and its derivative.
fn smooth_step(x: f64) -> (f64, f64) {
    let x = x.clamp(0.0, 1.0);
    let y = x * (1.0 - x);
    (x * x * x * (x * (6.0 * x - 15.0) + 10.0), 30.0 * y * y)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLERANCE: f64 = 1e-6;

    fn pair() -> ClosePair {
        ClosePair {
            zbl: Zbl::new(42.0, 14.0),
            inner: 1.4,
            outer: 1.9,
            range: 5.0,
        }
    }

    type ValueAndDerivative = fn(f64) -> (f64, f64);

    /// Everything that depends on one distance.
    fn functions() -> [(&'static str, ValueAndDerivative); 4] {
        [
            ("zbl", |r| pair().zbl.value_and_derivative(r)),
            ("switch", |r| pair().switch(r)),
            ("seen distance", |r| pair().seen_distance(r)),
            ("step", |r| smooth_step(r - 1.0)),
        ]
    }

    #[test]
    fn derivatives_equal_finite_differences() {
        let h = 1e-5;
        for (name, f) in functions() {
            for r in [0.3, 1.2, 1.3999, 1.41, 1.6, 1.7, 1.89, 1.9001, 2.3] {
                let numeric = (f(r + h).0 - f(r - h).0) / (2.0 * h);
                let derivative = f(r).1;
                let error = (numeric - derivative).abs() / derivative.abs().max(1.0);
                assert!(error < TOLERANCE, "{name} at {r}: {error:e}");
            }
        }
    }

    #[test]
    fn second_derivatives_are_continuous_at_inner_and_outer() {
        let h = 1e-6;
        for (name, f) in functions() {
            for r in [1.4, 1.9] {
                let slope = |x: f64| (f(x + h).1 - f(x - h).1) / (2.0 * h);
                let (left, right) = (slope(r - 1e-4), slope(r + 1e-4));
                assert!(
                    (left - right).abs() < 2e-3 * left.abs().max(100.0),
                    "{name} at {r}: {left} {right}"
                );
            }
        }
    }

    #[test]
    fn zbl_has_the_values_of_its_definition() {
        // Two silicon atoms, by hand: a = 0.46853 / (2 · 14^0.23) = 0.12767 Å.
        let (v, _) = Zbl::new(14.0, 14.0).value_and_derivative(0.12767);
        let phi: f64 = TERMS.iter().map(|(a, k)| a * (-k).exp()).sum();
        assert!((v - 14.399_645 * 196.0 / 0.12767 * phi).abs() < 1e-3 * v);
        // The amplitudes add up to one: a bare Coulomb repulsion at contact.
        assert!((TERMS.iter().map(|t| t.0).sum::<f64>() - 1.0).abs() < 1e-12);
    }
}
