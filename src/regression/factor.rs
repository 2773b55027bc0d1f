//! Cholesky factor of the active block of `G + Q`, kept up to date while features come and go.

use faer::linalg::triangular_solve::solve_lower_triangular_in_place;
use faer::{MatMut, MatRef, Par};

use super::dot;
use super::quadratic::Quadratic;

/// Rows appended together.
const PANEL: usize = 64;
/// Pivots below this fraction of the diagonal are rounding noise and are raised to it.
const FLOOR: f64 = 1.0 / (1_u64 << 44) as f64;
/// Cost of one Givens rotation of a pair of entries, in multiply-adds of a blocked triangular solve.
const ROTATION_COST: f64 = 12.0;

/// What to do with a feature that is numerically a combination of those in the factor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Dependent {
    /// Leave out features whose pivot is below this fraction of their diagonal.
    Reject(f64),
    /// Raise the pivot to the floor.
    Raise,
}

/// `L Lᵀ = (G + Q)_AA + E` over the ordered features `A`.
///
/// `E ≥ 0` is diagonal and non-zero only where a pivot was raised to the floor; [`Factor::raised`] gives it, so that
/// the caller knows exactly which matrix was inverted. Rows of `L` are stored one after the other, `stride` apart.
#[derive(Debug, Clone, Default)]
pub(super) struct Factor {
    features: Vec<usize>,
    raised: Vec<f64>,
    lower: Vec<f64>,
    stride: usize,
}

impl Factor {
    /// Features in the order of the rows.
    pub(super) fn features(&self) -> &[usize] {
        &self.features
    }

    /// Diagonal of `E`.
    pub(super) fn raised(&self) -> &[f64] {
        &self.raised
    }

    /// Appends `features` in order; returns for each whether it was accepted.
    pub(super) fn append(
        &mut self,
        problem: &Quadratic,
        features: &[usize],
        dependent: Dependent,
    ) -> Vec<bool> {
        self.reserve(self.features.len() + features.len());
        features
            .chunks(PANEL)
            .flat_map(|panel| self.append_panel(problem, panel, dependent))
            .collect()
    }

    /// `X = H_PA L⁻ᵀ` for the whole panel in one triangular solve, then row by row within the panel.
    fn append_panel(
        &mut self,
        problem: &Quadratic,
        panel: &[usize],
        dependent: Dependent,
    ) -> Vec<bool> {
        let (n, stride) = (self.features.len(), self.stride);
        let (done, rows) = self.lower.split_at_mut(n * stride);
        for (row, &feature) in rows.chunks_exact_mut(stride).zip(panel) {
            problem.gather(feature, &self.features, &mut row[..n]);
        }
        if n > 0 {
            solve_lower_triangular_in_place(
                MatRef::from_row_major_slice_with_stride(done, n, n, stride),
                MatMut::from_column_major_slice_with_stride_mut(
                    &mut rows[..panel.len() * stride],
                    n,
                    panel.len(),
                    stride,
                ),
                Par::Seq,
            );
        }
        let mut accepted = Vec::with_capacity(panel.len());
        for (at, &feature) in panel.iter().enumerate() {
            let target = self.features.len() - n;
            let (above, below) = rows.split_at_mut(at * stride);
            let row = &mut below[..stride];
            for (earlier, &other) in self.features[n..].iter().enumerate() {
                let column = n + earlier;
                let other_row = &above[earlier * stride..];
                let rest =
                    problem.entry(feature, other) - dot(&row[..column], &other_row[..column]);
                row[column] = rest / other_row[column];
            }
            let column = n + target;
            let diagonal = problem.entry(feature, feature);
            let pivot = diagonal - dot(&row[..column], &row[..column]);
            let least = match dependent {
                Dependent::Reject(fraction) => fraction.max(FLOOR) * diagonal,
                Dependent::Raise => FLOOR * diagonal,
            };
            let keep = pivot >= least || dependent == Dependent::Raise;
            accepted.push(keep);
            if keep {
                let pivot = pivot.max(least);
                row[column] = pivot.sqrt();
                self.raised.push(if pivot > least {
                    0.0
                } else {
                    pivot + dot(&row[..column], &row[..column]) - diagonal
                });
                self.features.push(feature);
                if target != at {
                    rows.copy_within(at * stride..=at * stride + column, target * stride);
                }
            }
        }
        accepted
    }

    /// Removes the rows at `positions` (ascending).
    ///
    /// Either by Givens rotations or by building the rows behind the first one anew, whichever is cheaper.
    pub(super) fn remove(&mut self, problem: &Quadratic, positions: &[usize]) {
        let Some(&first) = positions.first() else {
            return;
        };
        let n = self.features.len() as f64;
        let rotate: f64 = positions
            .iter()
            .map(|&k| ROTATION_COST * 0.5 * (n - k as f64).powi(2))
            .sum();
        let left = n - positions.len() as f64;
        let rebuild = (left.powi(3) - (first as f64).powi(3)) / 3.0;
        if rotate < rebuild {
            for &position in positions.iter().rev() {
                self.rotate_out(position);
            }
        } else {
            let mut kept = self.features.split_off(first);
            for &position in positions.iter().rev() {
                kept.remove(position - first);
            }
            self.raised.truncate(first);
            self.append(problem, &kept, Dependent::Raise);
        }
    }

    /// Removes row and column `k`: the spike left in column `k` is rotated into the columns behind it.
    fn rotate_out(&mut self, k: usize) {
        let (n, stride) = (self.features.len(), self.stride);
        let mut rotations: Vec<(f64, f64)> = Vec::with_capacity(n - k);
        for i in k + 1..n {
            let (above, below) = self.lower.split_at_mut(i * stride);
            let (target, row) = (&mut above[(i - 1) * stride..], &below[..=i]);
            target[..k].copy_from_slice(&row[..k]);
            let mut spike = row[k];
            for ((out, &entry), &(cos, sin)) in
                target[k..].iter_mut().zip(&row[k + 1..i]).zip(&rotations)
            {
                *out = cos * entry + sin * spike;
                spike = cos * spike - sin * entry;
            }
            let radius = row[i].hypot(spike);
            rotations.push((row[i] / radius, spike / radius));
            target[i - 1] = radius;
        }
        self.features.remove(k);
        self.raised.remove(k);
    }

    /// Solves `L Lᵀ x = rhs` in place.
    pub(super) fn solve(&self, rhs: &mut [f64]) {
        for i in 0..rhs.len() {
            let row = &self.lower[i * self.stride..=i * self.stride + i];
            rhs[i] = (rhs[i] - dot(&row[..i], &rhs[..i])) / row[i];
        }
        for i in (0..rhs.len()).rev() {
            let row = &self.lower[i * self.stride..=i * self.stride + i];
            rhs[i] /= row[i];
            let x = rhs[i];
            for (value, l) in rhs[..i].iter_mut().zip(row) {
                *value -= l * x;
            }
        }
    }

    /// Makes room for `rows` rows.
    fn reserve(&mut self, rows: usize) {
        if rows <= self.stride {
            return;
        }
        let stride = rows.max(2 * self.stride).next_multiple_of(PANEL);
        let mut lower = vec![0.0; stride * stride];
        for i in 0..self.features.len() {
            lower[i * stride..=i * stride + i]
                .copy_from_slice(&self.lower[i * self.stride..=i * self.stride + i]);
        }
        (self.lower, self.stride) = (lower, stride);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const N: usize = 150;

    /// `G_jk = 1/(1 + |j − k|)` plus the identity: well conditioned, no two rows alike.
    fn gram() -> Vec<f64> {
        let entry = |j: usize, k: usize| {
            1.0 / (1.0 + j.abs_diff(k) as f64) + if j == k { 1.0 } else { 0.0 }
        };
        (0..N * N).map(|at| entry(at / N, at % N)).collect()
    }

    fn assert_factor_matches(factor: &Factor, problem: &Quadratic) {
        for (i, &j) in factor.features.iter().enumerate() {
            for (m, &k) in factor.features[..=i].iter().enumerate() {
                let (a, b) = (
                    &factor.lower[i * factor.stride..],
                    &factor.lower[m * factor.stride..],
                );
                let expected = problem.entry(j, k) + if i == m { factor.raised[i] } else { 0.0 };
                assert!(
                    (dot(&a[..=m], &b[..=m]) - expected).abs() < 1e-13,
                    "features {j} and {k}"
                );
            }
        }
    }

    #[test]
    fn test_factor_follows_appended_and_removed_features() {
        let (gram, zeros) = (gram(), vec![0.0; N]);
        let problem = Quadratic {
            gram: &gram,
            xty: &zeros,
            l2: &zeros,
        };
        let mut factor = Factor::default();
        let order: Vec<usize> = (0..N).map(|i| (i * 37) % N).collect();
        assert!(
            factor
                .append(&problem, &order[..100], Dependent::Reject(1e-10))
                .iter()
                .all(|&accepted| accepted)
        );
        assert_factor_matches(&factor, &problem);
        factor.remove(&problem, &[3]); // By rotations.
        factor.remove(&problem, &(10..60).collect::<Vec<_>>()); // By building the rest anew.
        factor.append(&problem, &order[100..], Dependent::Raise);
        factor.remove(&problem, &[0, 98]);
        let kept = [&order[1..3], &order[4..11], &order[61..149]].concat();
        assert_eq!(factor.features(), kept);
        assert_factor_matches(&factor, &problem);
        factor.remove(&problem, &(0..97).collect::<Vec<_>>());
        assert!(factor.features().is_empty());
    }

    #[test]
    fn test_dependent_features_are_rejected_or_raised() {
        let gram = [1.0, 1.0, 0.5, 1.0, 1.0, 0.5, 0.5, 0.5, 1.0];
        let problem = Quadratic {
            gram: &gram,
            xty: &[0.0; 3],
            l2: &[0.0; 3],
        };
        let mut factor = Factor::default();
        assert_eq!(
            factor.append(&problem, &[0, 1, 2], Dependent::Reject(1e-10)),
            [true, false, true]
        );
        assert_eq!(factor.features(), [0, 2]);
        assert_eq!(factor.append(&problem, &[1], Dependent::Raise), [true]);
        assert!(factor.raised()[2] > 0.0);
        assert_factor_matches(&factor, &problem);
    }
}
