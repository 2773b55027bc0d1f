//! The minimum over one group with all others fixed.

use faer::{MatRef, Side};

use super::dot;
use crate::{Error, Result};

/// Newton steps on the secular equation; a handful suffices.
const MAX_STEPS: usize = 100;

/// Eigenvalues and eigenvectors of the block `H_gg`.
#[derive(Debug, Clone)]
pub(super) struct Block {
    values: Vec<f64>,
    /// One eigenvector after the other.
    vectors: Vec<f64>,
}

impl Block {
    /// Of a symmetric matrix, n×n row-major.
    pub(super) fn new(matrix: &[f64], n: usize) -> Result<Self> {
        let eigen = MatRef::from_row_major_slice(matrix, n, n)
            .self_adjoint_eigen(Side::Lower)
            .map_err(|_| {
                Error::Regression(
                    "gram: the eigenvalues of the block of a group do not converge; look for overflow in the design rows"
                        .to_owned(),
                )
            })?;
        let values = eigen.S().column_vector().iter().map(|e| e.max(0.0));
        let vectors = (0..n).flat_map(|k| (0..n).map(move |i| (i, k)));
        Ok(Self {
            values: values.collect(),
            vectors: vectors.map(|(i, k)| eigen.U()[(i, k)]).collect(),
        })
    }

    /// Minimises `½ wᵀ H_gg w − rᵀ w + penalty ‖w‖₂`.
    ///
    /// Zero if `‖r‖ ≤ penalty`; else `w = (H + penalty/ρ)⁻¹ r` with the `ρ = ‖w‖` at which
    /// `φ(ρ) = Σ_k (v_kᵀr)² / (e_k ρ + penalty)² = 1`. As in trust-region methods `φ^(−1/2)` is concave and grows, so
    /// Newton's method on it comes from ρ = 0 to the root without passing it.
    pub(super) fn minimise(&self, r: &[f64], penalty: f64) -> Vec<f64> {
        let n = r.len();
        if dot(r, r).sqrt() <= penalty {
            return vec![0.0; n];
        }
        let project = |vector: &[f64]| dot(vector, r);
        let a: Vec<f64> = self.vectors.chunks_exact(n).map(project).collect();
        let mut rho = 0.0;
        for _ in 0..MAX_STEPS {
            let (mut value, mut slope) = (0.0, 0.0);
            for (e, a) in self.values.iter().zip(&a) {
                let term = (a / (e * rho + penalty)).powi(2);
                value += term;
                slope += term * e / (e * rho + penalty);
            }
            let step = (value.sqrt() - 1.0) * value / slope;
            // Written so that NaN ends it: no curvature where r points to.
            let goes_on = step > f64::EPSILON * rho && step.is_finite();
            if !goes_on {
                break;
            }
            rho += step;
        }
        let mut w = vec![0.0; n];
        for ((vector, e), a) in self.vectors.chunks_exact(n).zip(&self.values).zip(&a) {
            let length = a * rho / (e * rho + penalty);
            for (w, v) in w.iter_mut().zip(vector) {
                *w += length * v;
            }
        }
        w
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_the_minimum_of_a_block_obeys_its_conditions() {
        // Eigenvalues 0, 1 and 1e6: rank-deficient and badly scaled.
        let (u, v) = ([0.6, 0.8, 0.0], [0.0, 0.0, 1.0]);
        let h: Vec<f64> = (0..9)
            .map(|at| u[at / 3] * u[at % 3] + 1e6 * v[at / 3] * v[at % 3])
            .collect();
        let block = Block::new(&h, 3).unwrap();
        let r = [1.2, 1.6, 3.0]; // 2 u + 3 v
        for penalty in [3.0, 1.0, 1e-3] {
            let w = block.minimise(&r, penalty);
            let norm = dot(&w, &w).sqrt();
            for i in 0..3 {
                let gradient = r[i] - dot(&h[3 * i..3 * i + 3], &w) - penalty * w[i] / norm;
                assert!(
                    gradient.abs() < 1e-9,
                    "penalty {penalty}, entry {i}: {gradient:e}"
                );
            }
        }
        assert!(block.minimise(&r, 3.61).iter().all(|w| *w == 0.0));
    }
}
