//! The inverse of a ridge system, and what leaves with some of its features.

use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::linalg::triangular_inverse::invert_lower_triangular;
use faer::linalg::triangular_solve::solve_lower_triangular_in_place;
use faer::reborrow::{Reborrow, ReborrowMut};
use faer::{Accum, Mat, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::cholesky::{factored_block, factorise};
use super::dot;
use crate::outer_product::add_outer;
use crate::{Error, Result};

/// Members of a larger group, those with the largest losses, whose loss tells whether that of the group matters.
const FIRST_MEMBERS: usize = 24;
/// Columns, or rows, that are inverted together.
const PANEL: usize = 256;

/// `P = (G_AA + diag(d_A))⁻¹` and `w = P b_A` of some features `A`, kept up to date while features leave.
///
/// Features are addressed by their position in `A`. Those that have left keep their place, where nothing is left of them
/// but rounding errors.
#[derive(Debug, Clone)]
pub struct RidgeInverse {
    /// Row-major; only the lower triangle is meant.
    matrix: Vec<f64>,
    coefficients: Vec<f64>,
}

impl RidgeInverse {
    /// Invert the matrix of some features.
    ///
    /// `gram`: F×F row-major, symmetric; `diag_add` = d, `rhs` = b: F; `features` = A: distinct, below F. Takes a matrix of
    /// |A|×|A| and the threads of the current pool; the result does not depend on their number.
    ///
    /// # Errors
    /// As [`super::solve_positive`].
    pub fn new(gram: &[f64], diag_add: &[f64], rhs: &[f64], features: &[usize]) -> Result<Self> {
        let (mut matrix, own) = factored_block(gram, diag_add, rhs, features)?;
        invert_factored(&mut matrix, features.len());
        let coefficients = times_symmetric(&matrix, &own);
        if coefficients.iter().all(|w| w.is_finite()) {
            return Ok(Self {
                matrix,
                coefficients,
            });
        }
        Err(Error::Singular(
            "the inverse overflows: features are linearly dependent; increase the regularisation"
                .into(),
        ))
    }

    /// `w`, |A|.
    #[must_use]
    pub fn coefficients(&self) -> &[f64] {
        &self.coefficients
    }

    /// Diagonal of `P`, |A|.
    #[must_use]
    pub fn diagonal(&self) -> Vec<f64> {
        let n = self.coefficients.len();
        (0..n).map(|k| self.matrix[k * (n + 1)]).collect()
    }

    /// What each group loses in the objective when it leaves, `w_gᵀ (P_gg)⁻¹ w_g`; ∞ where rounding errors leave no
    /// such matrix, or where it exceeds the limit of the group.
    ///
    /// No group loses less than a part of it: a few members decide on most large groups. Groups are disjoint positions
    /// each, in any order. One group is the work of one thread.
    ///
    /// # Panics
    /// On a position beyond |A|.
    #[must_use]
    pub fn losses(&self, groups: &[&[usize]], limits: &[f64]) -> Vec<f64> {
        groups
            .par_iter()
            .zip(limits)
            .map(|(group, &limit)| self.loss(group, limit))
            .collect()
    }

    /// Take the features at some positions out; the others are refitted. A position that is told twice counts once.
    /// Gives false, and changes nothing, if rounding errors forbid it: the inverse has to be made anew.
    ///
    /// # Panics
    /// On a position beyond |A|.
    #[must_use]
    pub fn remove(&mut self, group: &[usize]) -> bool {
        let n = self.coefficients.len();
        let own = sorted(group);
        if own.is_empty() {
            return true;
        }
        let Some(factor) = self.factor_of(&own) else {
            return false;
        };
        let size = own.len();
        let mut rows = vec![0.0; size * n];
        for (row, &k) in rows.chunks_exact_mut(n).zip(&own) {
            row[..=k].copy_from_slice(&self.matrix[k * n..=k * (n + 1)]);
            let below = self.matrix[(k + 1) * n..].chunks_exact(n);
            for (value, other) in row[k + 1..].iter_mut().zip(below) {
                *value = other[k];
            }
        }
        let lower = MatRef::from_row_major_slice(&factor, size, size);
        let half = MatMut::from_row_major_slice_mut(&mut rows, size, n);
        solve_lower_triangular_in_place(lower, half, Par::Seq);
        let leaving = self.solved(&factor, &own);
        for (row, weight) in rows.chunks_exact(n).zip(&leaving) {
            for (w, value) in self.coefficients.iter_mut().zip(row) {
                *w -= weight * value;
            }
        }
        let half = MatRef::from_row_major_slice(&rows, size, n);
        add_outer(&mut self.matrix, n, 0, -1.0, half.transpose());
        true
    }

    fn loss(&self, group: &[usize], limit: f64) -> f64 {
        let n = self.coefficients.len();
        if group.len() > 2 * FIRST_MEMBERS && limit.is_finite() {
            let alone = |k: usize| self.coefficients[k].powi(2) / self.matrix[k * (n + 1)];
            let mut first = group.to_vec();
            first.sort_by(|&j, &k| alone(k).total_cmp(&alone(j)).then(j.cmp(&k)));
            first.truncate(FIRST_MEMBERS);
            if self.loss(&first, f64::INFINITY) > limit {
                return f64::INFINITY;
            }
        }
        let own = sorted(group);
        self.factor_of(&own).map_or(f64::INFINITY, |factor| {
            let solved = self.solved(&factor, &own);
            dot(&solved, &solved)
        })
    }

    /// Cholesky factor L of `P_gg`, in the lower triangle; none if it is not positive definite.
    fn factor_of(&self, own: &[usize]) -> Option<Vec<f64>> {
        let (n, size) = (self.coefficients.len(), own.len());
        let mut block = vec![0.0; size * size];
        for (i, &j) in own.iter().enumerate() {
            for (value, &k) in block[i * size..=i * (size + 1)].iter_mut().zip(own) {
                *value = self.matrix[j * n + k];
            }
        }
        factorise(&mut block, size).ok().map(|()| block)
    }

    /// `L⁻¹ w_g`.
    fn solved(&self, factor: &[f64], own: &[usize]) -> Vec<f64> {
        let mut solved: Vec<f64> = own.iter().map(|&k| self.coefficients[k]).collect();
        let lower = MatRef::from_row_major_slice(factor, own.len(), own.len());
        let column = MatMut::from_column_major_slice_mut(&mut solved, own.len(), 1);
        solve_lower_triangular_in_place(lower, column, Par::Seq);
        solved
    }
}

fn sorted(group: &[usize]) -> Vec<usize> {
    let mut own = group.to_vec();
    own.sort_unstable();
    own.dedup();
    own
}

/// Replaces a Cholesky factor L in the lower triangle by the lower triangle of `L⁻ᵀ L⁻¹`, in place but for a few panels.
fn invert_factored(matrix: &mut [f64], n: usize) {
    for start in (0..n).step_by(PANEL).rev() {
        invert_columns(&mut matrix[start * n..], n, start);
    }
    for start in (0..n).step_by(PANEL) {
        multiply_rows(&mut matrix[start * n..], n, start);
    }
}

/// A panel of columns of L becomes that of its inverse: `D⁻¹` in the diagonal block, `−M B D⁻¹` below it, with the inverse M
/// of what is right of B. `rows` are those from `start` on.
fn invert_columns(rows: &mut [f64], n: usize, start: usize) {
    let width = PANEL.min(n - start);
    let (own, below) = rows.split_at_mut(width * n);
    let height = below.len() / n;
    let block = MatRef::from_row_major_slice(own, width, n).subcols(start, width);
    let mut inverse = Mat::<f64>::zeros(width, width);
    invert_lower_triangular(inverse.as_mut(), block, Par::Seq);
    let mut left = MatMut::from_row_major_slice_mut(own, width, n).subcols_mut(start, width);
    left.copy_from_triangular_lower(&inverse);
    if height == 0 {
        return;
    }
    let other = MatRef::from_row_major_slice(below, height, n);
    let mut product = vec![0.0; height * width];
    let mut product = MatMut::from_row_major_slice_mut(&mut product, height, width);
    triangular::matmul(
        product.rb_mut(),
        BlockStructure::Rectangular,
        Accum::Replace,
        other.subcols(start + width, height),
        BlockStructure::TriangularLower,
        other.subcols(start, width),
        BlockStructure::Rectangular,
        -1.0,
        Par::Seq,
    );
    triangular::matmul(
        MatMut::from_row_major_slice_mut(below, height, n).subcols_mut(start, width),
        BlockStructure::Rectangular,
        Accum::Replace,
        product.rb(),
        BlockStructure::Rectangular,
        inverse.as_ref(),
        BlockStructure::TriangularLower,
        1.0,
        Par::Seq,
    );
}

/// A panel of rows of `M`, lower triangular, becomes that of `Mᵀ M`. `rows` are those from `start` on, `M` from there on.
fn multiply_rows(rows: &mut [f64], n: usize, start: usize) {
    let width = PANEL.min(n - start);
    let (own, below) = rows.split_at_mut(width * n);
    let (height, end) = (below.len() / n, start + width);
    let mut factor = vec![0.0; width * end];
    for (k, (row, out)) in own
        .chunks_exact(n)
        .zip(factor.chunks_exact_mut(end))
        .enumerate()
    {
        out[..=start + k].copy_from_slice(&row[..=start + k]);
    }
    let factor = MatRef::from_row_major_slice(&factor, width, end);
    let below = MatRef::from_row_major_slice(below, height, n).subcols(0, end);
    let mut sums = vec![0.0; width * end];
    for (accum, rows) in [(Accum::Replace, factor), (Accum::Add, below)] {
        let sums = MatMut::from_row_major_slice_mut(&mut sums, width, end);
        let left = rows.subcols(start, width).transpose();
        matmul(sums, accum, left, rows, 1.0, Par::Seq);
    }
    for (k, (row, sums)) in own
        .chunks_exact_mut(n)
        .zip(sums.chunks_exact(end))
        .enumerate()
    {
        row[..=start + k].copy_from_slice(&sums[..=start + k]);
    }
}

/// Product of a symmetric matrix, of which only the lower triangle is meant, and a vector.
fn times_symmetric(matrix: &[f64], vector: &[f64]) -> Vec<f64> {
    let n = vector.len();
    let mut product = vec![0.0; n];
    for (i, row) in matrix.chunks_exact(n.max(1)).enumerate() {
        product[i] += dot(&row[..=i], &vector[..=i]);
        for (value, entry) in product[..i].iter_mut().zip(row) {
            *value += entry * vector[i];
        }
    }
    product
}
