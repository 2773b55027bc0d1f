//! Ridge solves by a dense Cholesky factorisation: blocked, in place, parallel.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor::{
    LltError, LltRegularization, cholesky_in_place, cholesky_in_place_scratch,
};
use faer::linalg::triangular_solve::{
    solve_lower_triangular_in_place, solve_upper_triangular_in_place,
};
use faer::{MatMut, MatRef, Par, Spec};
use rayon::prelude::*;

use super::{check_finite, check_length};
use crate::outer_product::add_outer;
use crate::symmetric::mirror_upper;
use crate::{Error, Result};

/// Columns that are factorised together. Fixed, so that the bits do not depend on the number of threads.
const PANEL: usize = 256;
/// Rows of a panel that one task solves for.
const PANEL_ROWS: usize = 128;
/// Systems up to this size are solved side by side, each with a copy of the matrix; larger ones one after the other.
const SMALL: usize = 1024;

/// Solves `(G + diag(d)) w = b`, with `G` as work space.
///
/// `gram`: F×F row-major, symmetric, both triangles; on return it has the same bits as before, whatever the outcome:
/// the factor goes to the lower triangle, which is filled from the upper one afterwards. `diag_add` = d: F; `rhs` = b: F.
/// Needs F × 256 numbers besides. Uses the threads of the current pool; the result does not depend on their number.
///
/// # Errors
///
/// [`Error::Regression`] on wrong lengths and entries that are not finite; [`Error::Singular`] when the matrix is not
/// positive definite in floating point.
pub fn solve_positive_in_place(
    gram: &mut [f64],
    diag_add: &[f64],
    rhs: &[f64],
) -> Result<Vec<f64>> {
    check_problem(gram, diag_add, rhs)?;
    Factored::new(gram, diag_add)?.solve(rhs)
}

/// The Cholesky factor of `G + diag(d)` in the memory of `G`, which is restored when this is dropped.
///
/// See [`solve_positive_in_place`]. Drop it in the pool that shall do the work.
#[derive(Debug)]
pub struct Factored<'a> {
    gram: &'a mut [f64],
    diagonal: Vec<f64>,
}

impl<'a> Factored<'a> {
    /// Factorise.
    ///
    /// # Errors
    /// As [`solve_positive_in_place`]; `gram` is then restored.
    pub fn new(gram: &'a mut [f64], diag_add: &[f64]) -> Result<Self> {
        let n = check_problem(gram, diag_add, diag_add)?;
        check_entries(gram, n, |position| position)?;
        let diagonal: Vec<f64> = (0..n).map(|j| gram[j * (n + 1)]).collect();
        let factored = Self { gram, diagonal };
        add_and_factorise(factored.gram, diag_add, |position| position)?;
        Ok(factored)
    }

    /// Solve for one right-hand side.
    ///
    /// # Errors
    /// [`Error::Regression`] on a wrong length; [`Error::Singular`] if the solution overflows.
    pub fn solve(&self, rhs: &[f64]) -> Result<Vec<f64>> {
        self.solve_each(rhs, 1)
    }

    /// Solve for `count` right-hand sides, one after the other in `rhs`, as are the solutions.
    ///
    /// # Errors
    /// As [`Factored::solve`].
    pub fn solve_each(&self, rhs: &[f64], count: usize) -> Result<Vec<f64>> {
        let n = self.diagonal.len();
        check_length("rhs", rhs.len(), count * n)?;
        let mut solutions = rhs.to_vec();
        solve_factored(self.gram, n, &mut solutions)?;
        Ok(solutions)
    }
}

impl Drop for Factored<'_> {
    fn drop(&mut self) {
        let n = self.diagonal.len();
        mirror_upper(self.gram, n);
        for (j, entry) in self.diagonal.iter().enumerate() {
            self.gram[j * (n + 1)] = *entry;
        }
    }
}

/// Solves `(G_SS + diag(d_S)) w = b_S`; returns `w` in the order of `S`.
///
/// As [`solve_positive_in_place`], but for a copy of the |S|×|S| block; `support` = S: distinct indices below F, or
/// `None` for all.
///
/// # Errors
///
/// As [`solve_positive_in_place`]; also [`Error::Regression`] for indices out of range or repeated.
pub fn solve_positive(
    gram: &[f64],
    diag_add: &[f64],
    rhs: &[f64],
    support: Option<&[usize]>,
) -> Result<Vec<f64>> {
    let all: Vec<usize>;
    let support = if let Some(support) = support {
        support
    } else {
        all = (0..rhs.len()).collect();
        &all
    };
    let (factor, mut solution) = factored_block(gram, diag_add, rhs, support)?;
    solve_factored(&factor, support.len(), &mut solution)?;
    Ok(solution)
}

/// [`solve_positive`] on the first features of `order`, as many as each of `sizes` says, by one factorisation: the leading
/// block of a Cholesky factor is the factor of that block.
///
/// Returns one solution for each size, in the order of `order`.
///
/// # Errors
///
/// As [`solve_positive`]; also [`Error::Regression`] for sizes larger than `order`.
pub fn solve_positive_nested(
    gram: &[f64],
    diag_add: &[f64],
    rhs: &[f64],
    order: &[usize],
    sizes: &[usize],
) -> Result<Vec<Vec<f64>>> {
    let most = order.len();
    if let Some(size) = sizes.iter().find(|&&size| size > most) {
        return Err(Error::Regression(format!(
            "sizes: {size} features of {most}; they must not be more"
        )));
    }
    let (factor, mut half) = factored_block(gram, diag_add, rhs, order)?;
    let lower = MatRef::from_row_major_slice(&factor, most, most);
    let column = MatMut::from_column_major_slice_mut(&mut half, most, 1);
    solve_lower_triangular_in_place(lower, column, Par::Seq);
    let solve = |&size: &usize| {
        let mut solution = half[..size].to_vec();
        let upper = lower.submatrix(0, 0, size, size).transpose();
        let column = MatMut::from_column_major_slice_mut(&mut solution, size, 1);
        solve_upper_triangular_in_place(upper, column, Par::Seq);
        check_solution(&solution)?;
        Ok(solution)
    };
    sizes.par_iter().map(solve).collect()
}

/// The Cholesky factor of `G_SS + diag(d_S)`, in the lower triangle of a |S|×|S| matrix, and `b_S`.
///
/// Errors as [`solve_positive`].
pub(super) fn factored_block(
    gram: &[f64],
    diag_add: &[f64],
    rhs: &[f64],
    support: &[usize],
) -> Result<(Vec<f64>, Vec<f64>)> {
    let n_features = check_problem(gram, diag_add, rhs)?;
    check_support(support, n_features)?;
    let mut matrix = submatrix(gram, n_features, support);
    check_entries(&matrix, support.len(), |position| support[position])?;
    let of_support = |values: &[f64]| support.iter().map(|&j| values[j]).collect::<Vec<f64>>();
    add_and_factorise(&mut matrix, &of_support(diag_add), |position| {
        support[position]
    })?;
    Ok((matrix, of_support(rhs)))
}

/// [`solve_positive`] for each of several diagonals.
///
/// Returns one result per entry of `diag_adds` (each F long), so that a penalty too small for the factorisation does
/// not lose the others. Small systems are solved in parallel with a copy each; of a large one there is a single copy.
#[must_use]
pub fn solve_positive_each(
    gram: &[f64],
    diag_adds: &[Vec<f64>],
    rhs: &[f64],
    support: Option<&[usize]>,
) -> Vec<Result<Vec<f64>>> {
    let solve = |diag_add: &Vec<f64>| solve_positive(gram, diag_add, rhs, support);
    if support.map_or(rhs.len(), <[usize]>::len) <= SMALL {
        diag_adds.par_iter().map(solve).collect()
    } else {
        diag_adds.iter().map(solve).collect()
    }
}

/// Refuses wrong lengths and numbers that are not finite; returns F.
fn check_problem(gram: &[f64], diag_add: &[f64], rhs: &[f64]) -> Result<usize> {
    let n = rhs.len();
    check_length("gram (the square of the length of rhs)", gram.len(), n * n)?;
    check_finite("diag_add", diag_add, n)?;
    check_finite("rhs", rhs, n)?;
    Ok(n)
}

/// Refuses indices that are out of range or repeated.
fn check_support(support: &[usize], n_features: usize) -> Result<()> {
    let mut seen = vec![false; n_features];
    for &j in support {
        if j >= n_features {
            return Err(Error::Regression(format!(
                "support: feature {j} is out of range; there are {n_features}"
            )));
        }
        if std::mem::replace(&mut seen[j], true) {
            return Err(Error::Regression(format!(
                "support: feature {j} is repeated; list every feature once"
            )));
        }
    }
    Ok(())
}

/// `G_SS`, row-major.
fn submatrix(gram: &[f64], n_features: usize, support: &[usize]) -> Vec<f64> {
    let n = support.len();
    let mut matrix = vec![0.0; n * n];
    matrix
        .par_chunks_mut(n.max(1))
        .zip(support)
        .for_each(|(out, &j)| {
            let row = &gram[j * n_features..(j + 1) * n_features];
            for (value, &k) in out.iter_mut().zip(support) {
                *value = row[k];
            }
        });
    matrix
}

/// Refuses entries that are not finite; `feature` gives the feature at a position of the matrix.
fn check_entries(matrix: &[f64], n: usize, feature: impl Fn(usize) -> usize) -> Result<()> {
    let bad = matrix
        .par_chunks(n.max(1))
        .enumerate()
        .find_map_first(|(i, row)| row.iter().position(|x| !x.is_finite()).map(|j| (i, j)));
    match bad {
        Some((i, j)) => Err(Error::Regression(format!(
            "gram: entry ({}, {}) is {}; look for NaN or overflow in the design rows",
            feature(i),
            feature(j),
            matrix[i * n + j]
        ))),
        None => Ok(()),
    }
}

/// Adds the diagonal and factorises; `feature` gives the feature at a position of the matrix.
fn add_and_factorise(
    matrix: &mut [f64],
    diag_add: &[f64],
    feature: impl Fn(usize) -> usize,
) -> Result<()> {
    let n = diag_add.len();
    for (j, add) in diag_add.iter().enumerate() {
        matrix[j * (n + 1)] += add;
    }
    factorise(matrix, n).map_err(|pivot| {
        Error::Singular(format!(
            "the Gram matrix with its penalty is not positive definite (pivot {pivot} of {n}, feature {}): features are \
             linearly dependent to machine precision; increase the regularisation",
            feature(pivot)
        ))
    })
}

/// Replaces the lower triangle of `matrix` by its Cholesky factor, or returns the pivot that is not positive.
///
/// Panel by panel (right-looking): the diagonal block by one thread, the rows below it by a triangular solve each, then
/// the rest of the triangle loses the products of these rows. The upper triangle is not touched.
pub(super) fn factorise(matrix: &mut [f64], n: usize) -> std::result::Result<(), usize> {
    for start in (0..n).step_by(PANEL) {
        let width = PANEL.min(n - start);
        let (own, below) = matrix[start * n..].split_at_mut(width * n);
        let block = factorise_block(own, n, start, width).map_err(|pivot| start + pivot)?;
        let block = MatRef::from_column_major_slice(&block, width, width);
        // A copy, because the bands of the update read the rows of others.
        let mut panel = vec![0.0; (below.len() / n) * width];
        below
            .par_chunks_mut(PANEL_ROWS * n)
            .zip(panel.par_chunks_mut(PANEL_ROWS * width))
            .for_each(|(rows, panel)| solve_panel(block, rows, panel, start, n));
        let panel = MatRef::from_row_major_slice(&panel, below.len() / n, width);
        add_outer(below, n, start + width, -1.0, panel);
    }
    Ok(())
}

/// Factorises the diagonal block whose rows `own` holds; returns the factor, column-major.
fn factorise_block(
    own: &mut [f64],
    n: usize,
    start: usize,
    width: usize,
) -> std::result::Result<Vec<f64>, usize> {
    let mut block = vec![0.0; width * width];
    for (i, row) in own.chunks_exact(n).enumerate() {
        for (j, &entry) in row[start..=start + i].iter().enumerate() {
            block[j * width + i] = entry;
        }
    }
    let scratch = cholesky_in_place_scratch::<f64>(width, Par::Seq, Spec::default());
    let mut memory = MemBuffer::new(scratch);
    let outcome = cholesky_in_place(
        MatMut::from_column_major_slice_mut(&mut block, width, width),
        LltRegularization::default(),
        Par::Seq,
        MemStack::new(&mut memory),
        Spec::default(),
    );
    if let Err(LltError::NonPositivePivot { index }) = outcome {
        return Err(index);
    }
    for (i, row) in own.chunks_exact_mut(n).enumerate() {
        for (j, entry) in row[start..=start + i].iter_mut().enumerate() {
            *entry = block[j * width + i];
        }
    }
    Ok(block)
}

/// Replaces the columns of a panel in `rows` by `A L⁻ᵀ`, and copies them to `panel`.
fn solve_panel(block: MatRef<f64>, rows: &mut [f64], panel: &mut [f64], start: usize, n: usize) {
    let width = block.ncols();
    for (row, out) in rows.chunks_exact(n).zip(panel.chunks_exact_mut(width)) {
        out.copy_from_slice(&row[start..start + width]);
    }
    let transposed = MatMut::from_column_major_slice_mut(panel, width, rows.len() / n);
    solve_lower_triangular_in_place(block, transposed, Par::Seq);
    for (row, out) in rows.chunks_exact_mut(n).zip(panel.chunks_exact(width)) {
        row[start..start + width].copy_from_slice(out);
    }
}

/// Solves `L Lᵀ x = rhs` in place for each of the vectors of length n in `rhs`; `factor` holds `L` in its row-major lower
/// triangle.
fn solve_factored(factor: &[f64], n: usize, rhs: &mut [f64]) -> Result<()> {
    let lower = MatRef::from_row_major_slice(factor, n, n);
    let mut columns = MatMut::from_column_major_slice_mut(rhs, n, rhs.len() / n.max(1));
    solve_lower_triangular_in_place(lower, columns.as_mut(), Par::Seq);
    solve_upper_triangular_in_place(lower.transpose(), columns, Par::Seq);
    check_solution(rhs)
}

/// Refuses solutions that are not finite.
fn check_solution(solution: &[f64]) -> Result<()> {
    if solution.iter().all(|x| x.is_finite()) {
        return Ok(());
    }
    Err(Error::Singular(
        "the solution overflows: features are linearly dependent; increase the regularisation"
            .into(),
    ))
}
