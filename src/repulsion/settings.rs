//! Settings of the short-range repulsion, as a basis specification has them.

use super::{CenterRepulsion, DensityRange, PairRange, Zbl};
use crate::{Error, Result, elements};
use serde::{Deserialize, Serialize};

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_zero(x: &f64) -> bool {
    *x == 0.0
}

/// Where the energy is switched to the ZBL repulsion; matrices and lists in the order of the elements of the basis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repulsion {
    /// (E, E) distances below which a pair has its full ZBL energy, Å.
    pub inner: Vec<Vec<f64>>,
    /// (E, E) distances beyond which the energy of a pair is not changed, Å.
    pub outer: Vec<Vec<f64>>,
    /// Switching by the local density; none if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub density: Option<DensitySwitch>,
}

/// Range of the local density ρ in which an atom as a whole is switched to ZBL.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DensitySwitch {
    /// (E,) largest ρ at which nothing is changed.
    pub onset: Vec<f64>,
    /// (E,) ρ from which the atom has its ZBL energy only.
    pub end: Vec<f64>,
    /// Constant energy added to the ZBL energy of a switched atom, in ZBL energies of two of its element at `outer`.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub level: f64,
    /// Distance up to which neighbours count in ρ, in units of `outer` of their pair; the cutoff if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<f64>,
}

fn fail(message: &str) -> Result<()> {
    Err(Error::Basis(format!("repulsion: {message}")))
}

impl Repulsion {
    /// Check the shape and the order of all distances.
    ///
    /// # Errors
    /// [`Error::Basis`] naming the pair or the element.
    pub fn validate(&self, symbols: &[String], cutoff: f64) -> Result<()> {
        let n = symbols.len();
        for (name, matrix) in [("inner", &self.inner), ("outer", &self.outer)] {
            if matrix.len() != n || matrix.iter().any(|row| row.len() != n) {
                return fail(&format!("{name} must be a {n} × {n} matrix"));
            }
        }
        for (i, j) in (0..n).flat_map(|i| (0..n).map(move |j| (i, j))) {
            let pair = format!("{}–{}", symbols[i], symbols[j]);
            let (inner, outer) = (self.inner[i][j], self.outer[i][j]);
            // Written so that a NaN is refused.
            if !(inner > 0.0 && inner < outer && outer <= cutoff) {
                return fail(&format!(
                    "{pair}: inner {inner} and outer {outer} must satisfy 0 < inner < outer ≤ cutoff {cutoff}"
                ));
            }
            if (inner, outer) != (self.inner[j][i], self.outer[j][i]) {
                return fail(&format!("{pair}: the matrices must be symmetric"));
            }
        }
        self.density
            .as_ref()
            .map_or(Ok(()), |density| density.validate(symbols))
    }

    /// The repulsion of each centre element.
    #[must_use]
    pub fn centers(&self, symbols: &[String], cutoff: f64) -> Vec<CenterRepulsion> {
        let charge = |k: usize| f64::from(elements::atomic_number(&symbols[k]).unwrap_or(0));
        let n = symbols.len();
        let range = |outer: f64| {
            let factor = self.density.as_ref().and_then(|density| density.range);
            factor.map_or(cutoff, |factor| cutoff.min(factor * outer))
        };
        let pair = |i: usize, j: usize| PairRange {
            zbl: Zbl::new(charge(i), charge(j)),
            inner: self.inner[i][j],
            outer: self.outer[i][j],
            range: range(self.outer[i][j]),
        };
        let center = |i: usize| CenterRepulsion {
            pairs: (0..n).map(|j| pair(i, j)).collect(),
            density: self.density.as_ref().map(|density| {
                let zbl = Zbl::new(charge(i), charge(i));
                DensityRange {
                    onset: density.onset[i],
                    end: density.end[i],
                    level: density.level * zbl.value_and_derivative(self.outer[i][i]).0,
                }
            }),
            cutoff,
        };
        (0..n).map(center).collect()
    }
}

impl DensitySwitch {
    fn validate(&self, symbols: &[String]) -> Result<()> {
        let n = symbols.len();
        if self.onset.len() != n || self.end.len() != n {
            return fail(&format!(
                "density needs an onset and an end for each of {n} elements"
            ));
        }
        if (self.range).is_some_and(|range| !(range > 1.0 && range.is_finite())) {
            return fail("density range must be larger than 1 outer distance");
        }
        if !(self.level >= 0.0 && self.level.is_finite()) {
            return fail(&format!(
                "density level {} must be a finite number, not negative",
                self.level
            ));
        }
        for (symbol, (onset, end)) in symbols.iter().zip(self.onset.iter().zip(&self.end)) {
            if !(*onset >= 0.0 && onset < end && end.is_finite()) {
                return fail(&format!(
                    "{symbol}: density onset {onset} and end {end} must satisfy 0 ≤ onset < end"
                ));
            }
        }
        Ok(())
    }
}
