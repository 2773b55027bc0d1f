//! The quadratic part of the objective, `½ wᵀ(G + Q)w − bᵀw`, and its gradient.

use rayon::prelude::*;

use super::{check_finite, check_length};
use crate::{Error, Result};

/// Output elements per task of the gradient: 8 KiB, so that they stay in the first-level cache.
const BLOCK: usize = 1024;
/// Edge of the tiles in which the symmetry is checked.
const TILE: usize = 64;
/// Largest `|G_jk − G_kj|` accepted, in units of `√(G_jj G_kk)`.
const ASYMMETRY: f64 = 1e-9;

/// View of `G` (F×F, row-major), `b` (F) and the diagonal `Q` (F).
#[derive(Debug, Clone, Copy)]
pub(super) struct Quadratic<'a> {
    pub(super) gram: &'a [f64],
    pub(super) xty: &'a [f64],
    pub(super) l2: &'a [f64],
}

impl Quadratic<'_> {
    /// Number of features F.
    pub(super) fn len(&self) -> usize {
        self.xty.len()
    }

    /// `(G + Q)_jk`.
    pub(super) fn entry(&self, j: usize, k: usize) -> f64 {
        let entry = self.gram[j * self.len() + k];
        if j == k { entry + self.l2[j] } else { entry }
    }

    /// `(G + Q)_jk` for all `k` in `columns`, written to `out`.
    pub(super) fn gather(&self, j: usize, columns: &[usize], out: &mut [f64]) {
        let row = &self.gram[j * self.len()..(j + 1) * self.len()];
        for (value, &k) in out.iter_mut().zip(columns) {
            *value = if j == k { row[k] + self.l2[j] } else { row[k] };
        }
    }

    /// Refuses wrong lengths, non-finite entries, a negative diagonal and a matrix that is not symmetric.
    pub(super) fn check(&self) -> Result<()> {
        let n = self.len();
        check_finite("xty", self.xty, n)?;
        check_finite("l2", self.l2, n)?;
        check_length(
            "gram (the square of the length of xty)",
            self.gram.len(),
            n * n,
        )?;
        if let Some(j) = (0..n).find(|&j| self.gram[j * n + j] < 0.0) {
            return Err(Error::Regression(format!(
                "gram: the diagonal of feature {j} is {:.3e}; a Gram matrix has no negative diagonal",
                self.gram[j * n + j]
            )));
        }
        let bad = (0..n.div_ceil(TILE))
            .into_par_iter()
            .find_map_first(|tile| self.bad_entry(tile * TILE));
        match bad {
            Some((j, k)) => Err(Error::Regression(format!(
                "gram: entries ({j}, {k}) = {:.6e} and ({k}, {j}) = {:.6e} must be finite and equal; fill both triangles",
                self.gram[j * n + k],
                self.gram[k * n + j]
            ))),
            None => Ok(()),
        }
    }

    /// First entry in the rows from `first` (one tile high) that is not finite or differs from its transpose.
    fn bad_entry(&self, first: usize) -> Option<(usize, usize)> {
        let n = self.len();
        for left in (0..=first).step_by(TILE) {
            for j in first..n.min(first + TILE) {
                for k in left..(left + TILE).min(j + 1) {
                    let (lower, upper) = (self.gram[j * n + k], self.gram[k * n + j]);
                    let scale = (self.gram[j * n + j] * self.gram[k * n + k]).sqrt();
                    // Written so that NaN and inf fail.
                    let fine = (lower - upper).abs() <= ASYMMETRY * scale && lower.is_finite();
                    if !fine {
                        return Some((j, k));
                    }
                }
            }
        }
        None
    }

    /// `c = b − (G + Q) w` for `w` with support `active`, written to `out` (F).
    ///
    /// Uses the rows of `G` in place of its columns. Every element is summed by one thread in the order of `active`.
    pub(super) fn gradient(&self, active: &[usize], w: &[f64], out: &mut [f64]) {
        let n = self.len();
        out.par_chunks_mut(BLOCK)
            .enumerate()
            .for_each(|(block, out)| {
                let range = block * BLOCK..block * BLOCK + out.len();
                for (value, j) in out.iter_mut().zip(range.clone()) {
                    *value = self.xty[j] - self.l2[j] * w[j];
                }
                let row = |j: usize| &self.gram[j * n + range.start..j * n + range.end];
                let (quads, rest) = active.as_chunks::<4>();
                for &[j0, j1, j2, j3] in quads {
                    let (w0, w1, w2, w3) = (w[j0], w[j1], w[j2], w[j3]);
                    let rows = row(j0).iter().zip(row(j1)).zip(row(j2)).zip(row(j3));
                    for (value, (((g0, g1), g2), g3)) in out.iter_mut().zip(rows) {
                        *value -= (g0 * w0 + g1 * w1) + (g2 * w2 + g3 * w3);
                    }
                }
                for &j in rest {
                    for (value, g) in out.iter_mut().zip(row(j)) {
                        *value -= g * w[j];
                    }
                }
            });
    }
}
