//! Ridge solves on a support by a dense Cholesky factorisation.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor::{
    LltError, LltRegularization, cholesky_in_place, cholesky_in_place_scratch,
};
use faer::linalg::triangular_solve::{
    solve_lower_triangular_in_place, solve_upper_triangular_in_place,
};
use faer::{MatMut, Par, Spec};
use rayon::prelude::*;

use super::{check_finite, check_length};
use crate::{Error, Result};

/// Solves `(G_SS + diag(d_S)) w = b_S`; returns `w` in the order of `S`.
///
/// `gram`: F×F row-major, symmetric, both triangles; `diag_add` = d: F; `rhs` = b: F; `support` = S: distinct indices
/// below F, or `None` for all. One |S|×|S| copy is made. Single-threaded, so the bits never depend on the machine's
/// number of cores.
///
/// # Errors
///
/// [`Error::Regression`] on wrong lengths, indices out of range or repeated and entries that are not finite;
/// [`Error::Singular`] when the matrix is not positive definite in floating point.
pub fn solve_positive(
    gram: &[f64],
    diag_add: &[f64],
    rhs: &[f64],
    support: Option<&[usize]>,
) -> Result<Vec<f64>> {
    let n_features = rhs.len();
    check_length(
        "gram (the square of the length of rhs)",
        gram.len(),
        n_features * n_features,
    )?;
    check_finite("diag_add", diag_add, n_features)?;
    check_finite("rhs", rhs, n_features)?;
    let all: Vec<usize>;
    let support = if let Some(support) = support {
        support
    } else {
        all = (0..n_features).collect();
        &all
    };
    check_support(support, n_features)?;
    let mut matrix = submatrix(gram, diag_add, support)?;
    let mut solution: Vec<f64> = support.iter().map(|&j| rhs[j]).collect();
    factorise(&mut matrix, support)?;
    solve_factored(&matrix, &mut solution);
    if solution.iter().all(|x| x.is_finite()) {
        Ok(solution)
    } else {
        Err(overflow())
    }
}

/// [`solve_positive`] for each of several diagonals, in parallel over the diagonals.
///
/// Returns one result per entry of `diag_adds` (each F long), so that a penalty too small for the factorisation does
/// not lose the others. At most `rayon::current_num_threads()` copies of the |S|×|S| matrix exist at a time.
#[must_use]
pub fn solve_positive_each(
    gram: &[f64],
    diag_adds: &[Vec<f64>],
    rhs: &[f64],
    support: Option<&[usize]>,
) -> Vec<Result<Vec<f64>>> {
    diag_adds
        .par_iter()
        .map(|diag_add| solve_positive(gram, diag_add, rhs, support))
        .collect()
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

/// `G_SS + diag(d_S)`, row-major, which for a symmetric matrix is also column-major.
fn submatrix(gram: &[f64], diag_add: &[f64], support: &[usize]) -> Result<Vec<f64>> {
    let n_features = diag_add.len();
    let mut matrix = Vec::with_capacity(support.len() * support.len());
    for (at, &j) in support.iter().enumerate() {
        let row = &gram[j * n_features..(j + 1) * n_features];
        let start = matrix.len();
        matrix.extend(support.iter().map(|&k| row[k]));
        matrix[start + at] += diag_add[j];
        if let Some(bad) = matrix[start..].iter().position(|x| !x.is_finite()) {
            return Err(Error::Regression(format!(
                "gram: entry ({j}, {}) is {}; look for NaN or overflow in the design rows",
                support[bad],
                matrix[start + bad]
            )));
        }
    }
    Ok(matrix)
}

/// Replaces the column-major lower triangle of `matrix` by its Cholesky factor.
fn factorise(matrix: &mut [f64], support: &[usize]) -> Result<()> {
    let n = support.len();
    let mut memory = MemBuffer::new(cholesky_in_place_scratch::<f64>(
        n,
        Par::Seq,
        Spec::default(),
    ));
    let outcome = cholesky_in_place(
        MatMut::from_column_major_slice_mut(matrix, n, n),
        LltRegularization::default(),
        Par::Seq,
        MemStack::new(&mut memory),
        Spec::default(),
    );
    match outcome {
        Ok(_) => Ok(()),
        Err(LltError::NonPositivePivot { index }) => Err(Error::Singular(format!(
            "the Gram matrix with its penalty is not positive definite (pivot {index} of {n}, feature {}): features are \
             linearly dependent to machine precision; increase the regularisation",
            support.get(index).copied().unwrap_or_default()
        ))),
    }
}

/// Solves `L Lᵀ x = rhs` in place; `factor` holds `L` in its column-major lower triangle.
fn solve_factored(factor: &[f64], rhs: &mut [f64]) {
    let n = rhs.len();
    let lower = faer::MatRef::from_column_major_slice(factor, n, n);
    let mut rhs = MatMut::from_column_major_slice_mut(rhs, n, 1);
    solve_lower_triangular_in_place(lower, rhs.as_mut(), Par::Seq);
    solve_upper_triangular_in_place(lower.transpose(), rhs, Par::Seq);
}

/// The error of a solution that left the range of floating-point numbers.
fn overflow() -> Error {
    Error::Singular(
        "the solution overflows: features are linearly dependent; increase the regularisation"
            .into(),
    )
}
