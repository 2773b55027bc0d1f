//! Cutoff functions `fc(r)`: one at the centre, zero with zero slope at the cutoff radius.

use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// A smooth switch from 1 at r = 0 to 0 at the cutoff radius.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CutoffFunction {
    /// `(1 + cos(π r / rc)) / 2`, C¹ at the cutoff (Behler and Parrinello, PRL 98, 146401 (2007)).
    Cosine,
    /// `1 − 10 x³ + 15 x⁴ − 6 x⁵` with `x = r / rc`, C² at the cutoff.
    Polynomial,
}

impl CutoffFunction {
    /// `fc(r)`; zero at and beyond the cutoff.
    #[must_use]
    pub fn value(self, r: f64, cutoff: f64) -> f64 {
        let x = r / cutoff;
        if x >= 1.0 {
            return 0.0;
        }
        match self {
            Self::Cosine => 0.5 * (1.0 + (PI * x).cos()),
            Self::Polynomial => 1.0 - x * x * x * (10.0 - x * (15.0 - 6.0 * x)),
        }
    }

    /// `dfc/dr`, 1/Å.
    #[must_use]
    pub fn derivative(self, r: f64, cutoff: f64) -> f64 {
        let x = r / cutoff;
        if x >= 1.0 {
            return 0.0;
        }
        match self {
            Self::Cosine => -0.5 * PI / cutoff * (PI * x).sin(),
            Self::Polynomial => -30.0 * x * x * (1.0 - x) * (1.0 - x) / cutoff,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cutoff_functions_and_slopes_vanish_at_the_cutoff() {
        for function in [CutoffFunction::Cosine, CutoffFunction::Polynomial] {
            let r = 5.0 - 1e-9;
            assert!(function.value(r, 5.0).abs() < 1e-15);
            assert!(function.derivative(r, 5.0).abs() < 1e-8);
            assert!((function.value(0.0, 5.0) - 1.0).abs() < 1e-15);
        }
    }

    #[test]
    fn polynomial_cutoff_has_vanishing_curvature_at_the_cutoff() {
        let (rc, h) = (5.0, 1e-4);
        let slope = |r| CutoffFunction::Polynomial.derivative(r, rc);
        assert!((slope(rc) - slope(rc - h)).abs() / h < 1e-3);
    }
}
